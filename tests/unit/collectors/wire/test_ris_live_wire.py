"""Messages of RIS Live: what they say, and what becomes of those that cannot be."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from collectors.update_batch import update_batch
from collectors.wire.ris_live import (
    NOT_JSON,
    OTHER_HOST,
    OTHER_TYPES,
    Accepted,
    RisDecoder,
    RisRows,
    ServerError,
    SessionChanged,
    origin_of,
)
from collectors.wire.ris_wanted import Wanted
from tests.ris_messages import PEER, PEER_ASN, error, ris, state, update
from validator.model import NO_NEIGHBOUR, NO_ORIGIN, Entry, Peer, Prefix, Prefixes

ALL = Wanted(frozenset({"rrc99"}))


def decoded(*messages: str | bytes, wanted: Wanted = ALL) -> tuple[RisDecoder, list[str]]:
    """The decoder, and what came in order: +prefix origin, -prefix, or the event's name."""
    decoder, out = RisDecoder(wanted), list[str]()
    for event in decoder.feed(messages):
        if not isinstance(event, RisRows):
            out.append(type(event).__name__)
            continue
        batch = update_batch("x", "ris_live", event.rows, decoder.peers)
        assert len(batch) == len(event.time)
        for row in range(len(batch)):
            gone = batch.flags[row] & Entry.WITHDRAWN
            prefix = batch.prefixes[row]
            out.append(f"-{prefix}" if gone else f"+{prefix} {batch.origin[row]}")
    return decoder, out


def test_withdrawals_of_a_message_come_before_its_announcements() -> None:
    _, rows = decoded(update(1, ["10.0.0.0/8", "10.1.0.0/16"], ["10.0.0.0/8", "10.2.0.0/16"]))
    assert rows == ["-10.0.0.0/8", "-10.2.0.0/16", "+10.0.0.0/8 64510", "+10.1.0.0/16 64510"]


def test_messages_and_changes_of_sessions_keep_their_order() -> None:
    _, rows = decoded(
        update(1, ["10.0.0.0/8"]), state(2, "down"), update(3, ["11.0.0.0/8"]),
        state(4, "connected", "STATE"), error("slow\nreader"), update(5, [], ["11.0.0.0/8"]),
    )  # fmt: skip
    assert rows == [
        "+10.0.0.0/8 64510", "SessionChanged",
        "+11.0.0.0/8 64510", "SessionChanged", "ServerError", "-11.0.0.0/8",
    ]  # fmt: skip


def test_ipv6_may_be_written_without_compression() -> None:
    decoder, rows = decoded(
        update(1, ["2a01:6e00:0:0:0:0:0:0/48"], peer="2001:7F8:54:0:0:0:1:143"),
        update(2, [], ["2a01:6e00::/48"], peer="2001:7f8:54::1:143", peer_asn=PEER_ASN),
    )
    assert rows == ["+2a01:6e00::/48 64510", "-2a01:6e00::/48"]
    assert decoder.peers == [Peer("rrc99", "2001:7f8:54::1:143", PEER_ASN)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([1, 2, 3], (3, 2, 0)),
        ([1, 2, 3, 3, 3], (3, 2, 0)),
        ([3, 3], (3, NO_NEIGHBOUR, 0)),
        ([1, [2, 5], 3, 3], (3, NO_NEIGHBOUR, 0)),
        ([1, 2, [3]], (NO_ORIGIN, NO_NEIGHBOUR, Entry.AS_SET)),
        ([1, 2, []], (NO_ORIGIN, NO_NEIGHBOUR, Entry.AS_SET)),
        ([], (64501, NO_NEIGHBOUR, Entry.OWN)),
    ],
)
def test_the_origin_is_that_of_the_path(
    path: list[int | list[int]], expected: tuple[int, int, int]
) -> None:
    assert origin_of(path, 64501) == expected


@pytest.mark.parametrize("speaker", [0, 23456])
def test_an_empty_path_of_an_unknown_speaker_has_no_origin(speaker: int) -> None:
    assert origin_of([], speaker) == (NO_ORIGIN, NO_NEIGHBOUR, Entry.UNKNOWN)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (update(1, ["10.0.0.0/8"], path=[2**32]), "not as documented: path"),
        (update(1, ["10.0.0.0/8"], path=[-1]), "not as documented: path"),
        (ris("UPDATE", 1, path=[1, [2, [3]]]), "not as documented: path"),
        (ris("UPDATE", 1, path=["1"]), "not as documented: path"),
        (update(-1, ["10.0.0.0/8"]), "not as documented: timestamp"),
        (update(1e300, ["10.0.0.0/8"]), "not as documented: timestamp"),
        (update(1, withdrawals={"a": 1}), "not as documented: withdrawals"),
        (update(1, ["10.0.0.0/8"], announcements=[{}]), "not as documented: announcements"),
        (update(1, ["10.0.0.1/8", "11.0.0.0/8"]), "host-bits"),
        (update(1, ["11.0.0.0/8"], ["10.0.0.0/33"]), "prefix-length"),
        (update(1, ["11.0.0.0/8", "10.0.0.0/8\n12.0.0.0/8"]), "not-a-prefix"),
        (update(1, ["11.0.0.0/8", "\ud800"]), NOT_JSON),
        (update(1, ["11.0.0.0/8"], peer="192.0.2.256"), "peer is not an address with an AS number"),
        (update(1, ["11.0.0.0/8"], peer="fe80::1%x"), "peer is not an address with an AS number"),
        (update(1, ["11.0.0.0/8"], peer_asn="AS²"), "peer is not an address with an AS number"),
        (update(1, ["11.0.0.0/8"], peer_asn=2**32), "peer is not an address with an AS number"),
        (state(1, "asleep"), "peer state of no known name"),
        ("[]", "not as documented"),
        ('{"type":"ris_error"}', "not as documented"),
        ('{"type":"ris_message","data":{}}', "not as documented"),
        (update(1, ["11.0.0.0/8"])[:-9], NOT_JSON),
        (b"\xff\xfe", NOT_JSON),
        ("\ud800", NOT_JSON),
    ],
)
def test_what_cannot_be_is_refused_as_a_whole_and_counted(
    message: str | bytes, reason: str
) -> None:
    before, after = update(1, ["192.0.2.0/24"]), update(2, ["198.51.100.0/24"])
    decoder, rows = decoded(before, message, after)
    assert rows == ["+192.0.2.0/24 64510", "+198.51.100.0/24 64510"]
    assert decoder.refused == {reason: 1}
    assert decoder.refused_messages == 1


def test_what_says_nothing_of_routes_is_not_refused() -> None:
    decoder, rows = decoded(
        ris("KEEPALIVE", 1), ris("OPEN", 1, asn=1, capabilities={}), ris("SOMETHING", 1),
        '{"type":"pong","data":null}', '{"type":"ris_rrc_list","data":["rrc00"]}',
        '{"type":"ris_news","data":1}', '{"type":"ris_subscribe_ok","data":{}}',
        update(1, ["10.0.0.0/8"], host="rrc98"),
    )  # fmt: skip
    assert rows == [Accepted.__name__]
    assert not decoder.refused
    assert decoder.ignored == {"KEEPALIVE": 1, "OPEN": 1, OTHER_TYPES: 2, OTHER_HOST: 1}


def test_an_error_of_the_server_becomes_one_line_of_bounded_length() -> None:
    [event] = RisDecoder(ALL).feed([error("too\nslow \x1b[1m" + "x" * 1000)])
    assert isinstance(event, ServerError)
    assert event.text.startswith("too slow [1mxxx")
    assert len(event.text) == 200


def test_messages_that_are_no_json_are_counted_in_a_row() -> None:
    decoder, _ = decoded("{", "{", ris("KEEPALIVE", 1), "{", "{", "{")
    assert decoder.bad_in_a_row == 3
    assert decoder.refused == {NOT_JSON: 5}


def test_peers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.wire.ris_live.MOST_PEERS", 2)
    decoder, rows = decoded(*(update(1, ["10.0.0.0/8"], peer_asn=asn) for asn in (1, 2, 3, 1)))
    assert len(rows) == 3
    assert len(decoder.peers) == 2
    assert sum(decoder.refused.values()) == 1


@pytest.mark.parametrize("text", ["10.1.0.0/16", "2001:db8:1::/48", "0.0.0.0/0", "::/0"])
def test_a_filter_by_prefix_agrees_with_a_plain_reading(text: str) -> None:
    rng, wanted = random.Random(text), Prefix.parse(text)
    some = [Prefix.parse(each) for each in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "::/0",
            "10.2.0.0/16", "0.0.0.0/0", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:2::/64",
            "2001:db8:2::/48", "2001:db8:1::1/128")]  # fmt: skip
    prefixes = [rng.choice(some) for _ in range(40)]
    for more, less in ((True, False), (False, True), (True, True), (False, False)):
        mask = Wanted(ALL.vantages, "", wanted, more, less).prefixes_wanted(Prefixes.of(prefixes))
        assert mask.tolist() == [
            each == wanted or (more and wanted.covers(each)) or (less and each.covers(wanted))
            for each in prefixes
        ]


def test_of_a_message_about_several_prefixes_only_those_wanted_are_kept() -> None:
    wanted = Wanted(frozenset({"rrc99"}), PEER, Prefix.parse("10.0.0.0/8"))
    _, rows = decoded(
        update(1, ["10.1.0.0/16", "11.0.0.0/8"], ["12.0.0.0/8"]),
        update(1, ["10.2.0.0/16"], peer="192.0.2.2"),
        wanted=wanted,
    )
    assert rows == ["+10.1.0.0/16 64510"]


@pytest.mark.real_data
def test_real_messages_are_decoded(real_data: Path) -> None:
    lines = (real_data / "ris_live/libbgpstream_ris-live-stream.json").read_text().splitlines()
    decoder = RisDecoder(Wanted(frozenset({"rrc00", "rrc01", "rrc03"})))
    rows, changed, failed = decoder.feed([line for line in lines if line])
    assert isinstance(rows, RisRows)
    first = json.loads(lines[0])["data"]
    assert rows.rows.origin.tolist() == [first["path"][-1]]
    assert rows.rows.neighbour.tolist() == [52993]
    assert isinstance(changed, SessionChanged)
    assert decoder.peers[changed.peer].vantage == "rrc01"
    assert failed == ServerError("this is a test error message")
    assert decoder.refused == {NOT_JSON: 1}, "the last line is cut off"
