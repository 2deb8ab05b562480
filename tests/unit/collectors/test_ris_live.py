"""RIS Live without a connection: settings, subscriptions, what is held back, and gaps in files."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest

from collectors.base import SourceError
from collectors.live import PeersGone
from collectors.missed import _joined
from collectors.ris_backlog import Backlog, kept, kept_batch
from collectors.ris_live import RisLive, RisLiveSettings
from collectors.ris_subscription import of_host, subscribe_messages, wanted
from collectors.update_files import UpdateFile
from collectors.wire.ris_live import RisDecoder, RisRows, SessionChanged
from collectors.wire.ris_wanted import Wanted
from tests.ris_messages import PEER, state, update
from validator.model import Peer, Prefix, RouteBatch, SettingsError

ALL = Wanted(frozenset({"rrc99"}))


def settings(**given: object) -> RisLiveSettings:
    return msgspec.convert({"hosts": ["rrc00"], **given}, RisLiveSettings)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"hosts": ["rrc00", "rrc00.ripe.net"]}, "name each vantage point once"),
        ({"hosts": [""]}, "name each vantage point once"),
        ({"url": "https://ris-live.ripe.net/"}, "is not a URL with ws:// or wss://"),
        ({"url": "ws://["}, "is not a URL with ws:// or wss://"),
        ({"rib": {"rrc01": "x"}}, "'rrc01' is not one of hosts"),
        ({"hosts": ["rrc00", "rrc01"], "updates": "http://x/"}, "put {host} into it"),
        ({"path": "64496$", "rib": "x"}, "cannot be filtered by path"),
        ({"peer": "rrc00"}, "peer, prefix: "),
        ({"prefix": "10.0.0.1/8"}, "peer, prefix: "),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(
    given: dict[str, object], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=problem):
        RisLive(settings(**given), tmp_path)


def test_each_vantage_point_has_its_own_table_or_none() -> None:
    assert of_host("http://x/{host}/latest", "rrc00.ripe.net") == "http://x/rrc00/latest"
    assert of_host({"rrc00": "a"}, "rrc00") == "a"
    assert of_host({"rrc00": "a"}, "rrc01") == of_host("", "rrc00") == ""


def test_peer_states_are_subscribed_to_beside_a_filter() -> None:
    given = settings(hosts=["rrc00", "rrc01"], peer="192.0.2.1", path="^64496", client="me")
    bodies = [json.loads(text)["data"] for text in subscribe_messages(given)]
    for body in bodies:
        del body["socketOptions"]
    assert bodies == [
        {"host": "rrc00", "peer": "192.0.2.1", "type": "RIS_PEER_STATE"},
        {"host": "rrc00", "peer": "192.0.2.1", "path": "^64496"},
        {"host": "rrc01", "peer": "192.0.2.1", "type": "RIS_PEER_STATE"},
        {"host": "rrc01", "peer": "192.0.2.1", "path": "^64496"},
    ]


def test_an_address_in_the_settings_may_be_uncompressed() -> None:
    assert wanted(settings(peer="2001:DB8:0:0::1")).peer == "2001:db8::1"


def filled(*messages: str) -> tuple[Backlog, RisDecoder]:
    decoder = RisDecoder(ALL)
    backlog = Backlog("x", "ris_live", decoder.peers)
    for message in messages:
        for event in decoder.feed([message]):
            assert isinstance(event, RisRows | SessionChanged)
            backlog.add(event)
    return backlog, decoder


def drained(backlog: Backlog) -> list[object]:
    """Sizes of batches, and the departures between them, in order."""
    out = list[object]()
    while backlog:
        message = backlog.first()
        out.append(len(message) if isinstance(message, RouteBatch) else message)
        backlog.drop_first()
    return out


def test_what_is_held_back_becomes_few_batches_in_order() -> None:
    backlog, decoder = filled(
        update(1, ["10.0.0.0/8"]), update(2, ["11.0.0.0/8", "12.0.0.0/8"]), state(3, "down"),
        update(4, [], ["10.0.0.0/8"]),
    )  # fmt: skip
    assert backlog.size == 4 + 4 * 32
    assert drained(backlog) == [3, PeersGone(tuple(decoder.peers)), 1]
    assert backlog.size == 0


def test_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.ris_backlog.LARGEST_BATCH", 2)
    backlog, _ = filled(
        *(update(1, ["10.0.0.0/8"]) for _ in range(5)), update(1, ["1.0.0.0/8"] * 9)
    )
    assert drained(backlog) == [2, 2, 1, 9]


def test_what_is_older_than_its_table_is_forgotten() -> None:
    backlog, decoder = filled(
        update(9, ["10.0.0.0/8"]), state(9, "down"), update(10, ["11.0.0.0/8"]), state(11, "up")
    )
    backlog.forget_older({"rrc98": 100})
    assert backlog.size == 2 + 4 * 32
    backlog.forget_older({"rrc99": 10})
    assert drained(backlog) == [1, PeersGone(tuple(decoder.peers))]


def test_of_a_table_only_what_is_wanted_is_kept_and_no_path_identifier() -> None:
    messages = [
        update(1, ["10.0.0.0/8", "192.0.2.0/24"]),
        update(1, ["10.0.0.0/8", "10.1.0.0/16"], peer="192.0.2.2"),
    ]
    backlog, _ = filled(*messages)
    batch = backlog.first()
    assert isinstance(batch, RouteBatch)
    batch.path_id[:] = 7
    some = kept_batch(batch, Wanted(ALL.vantages, "192.0.2.2", Prefix.parse("10.1.0.0/16")))
    assert [str(some.prefixes[int(row)]) for row in some.prefix] == ["10.1.0.0/16"]
    assert [some.peers[row].address for row in some.peer] == ["192.0.2.2"]
    assert not some.path_id.any()
    nobody = Wanted(ALL.vantages, "192.0.2.3")
    assert kept(batch, nobody) is None
    assert kept(PeersGone((Peer("rrc99", PEER, 1),)), nobody) is None


def test_files_are_used_up_to_the_first_that_is_missing() -> None:
    files = [UpdateFile(at, str(at)) for at in (300, 600, 1200)]
    assert _joined("x", files, 300, 400) == files[:2]
    assert _joined("x", files[:1], 0, 400) == files[:1]
    for some in (files, []):
        with pytest.raises(SourceError, match="has no update file for 1970-01-01 00:01:40"):
            _joined("x", some, 300, 100)


def test_whatever_comes_is_decoded_or_refused() -> None:
    """Messages with characters changed, left out, repeated; and the columns stay even."""
    rng = Random(3)
    seeds = [
        update(1.5, ["10.0.0.0/8", "2001:db8::/32"], ["192.0.2.0/24"], path=[1, [2, 3]]),
        update(2, [], ["10.0.0.0/8"]),
        state(3, "down"),
    ]
    decoder = RisDecoder(ALL)
    heard = 0
    for _ in range(3000):
        text = rng.choice(seeds)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            text = (
                text[:at]
                + rng.choice(["", '"', "9", "-", "[", ",", "\\", text[at:]])
                + text[at + 1 :]
            )
        for event in decoder.feed([text]):
            if isinstance(event, RisRows):
                heard += 1
                assert {len(column) for column in event.rows} == {len(event.time)}
                assert np.all(event.rows.peer < len(decoder.peers))
    assert heard > 100
    assert decoder.refused_messages > 1000
