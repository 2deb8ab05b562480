"""UPDATEs to rows, through the MRT form that holds them: what is announced, and what malformed
messages cost."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest

from collectors.wire.mrt_updates import StateChange, UpdateDecoder, UpdateRows
from tests.bgp_bytes import content, message, reach, unreach, update
from tests.mrt_bytes import SEQUENCE, SET, as_path, attribute, record, segments, sequence
from validator.model import NO_ORIGIN, Entry, Prefixes, SourceError, TruncatedSource

Row = tuple[str, int, int, int, int]
"""Prefix, origin (0 of a withdrawal), neighbour, path identifier, flags."""

GONE = int(Entry.WITHDRAWN)


def header(asn: int = 64501, *, wide: bool = True, afi: int = 1) -> bytes:
    letter = "I" if wide else "H"
    size = 4 if afi == 1 else 16
    addresses = bytes(size - 1) + b"\x01" + bytes(size - 1) + b"\x02"
    return struct.pack(f"!{letter}{letter}HH", asn, 64500, 0, afi) + addresses


def mrt(pdu: bytes, subtype: int = 4, asn: int = 64501, afi: int = 1) -> bytes:
    wide = subtype in (4, 5, 7, 9, 11)
    return record(16, subtype, header(asn, wide=wide, afi=afi) + pdu)


def rows_of(raw: bytes, decoder: UpdateDecoder | None = None) -> list[Row]:
    decoder = decoder or UpdateDecoder("updates")
    rows: list[Row] = []
    for piece in decoder.feed(raw):
        if isinstance(piece, UpdateRows):
            columns = piece.rows
            prefixes = Prefixes(columns.family, columns.high, columns.low, columns.length)
            for i in range(len(columns.peer)):
                gone = columns.flags[i] & GONE
                rows.append(
                    (
                        str(prefixes[i]),
                        0 if gone else int(columns.origin[i]),
                        0 if gone else int(columns.neighbour[i]),
                        int(columns.path_id[i]),
                        int(columns.flags[i]),
                    )
                )
    return rows


def decoded(pdu: bytes, subtype: int = 4, asn: int = 64501) -> tuple[list[Row], dict[str, int]]:
    decoder = UpdateDecoder("updates")
    return rows_of(mrt(pdu, subtype, asn), decoder), decoder.counts()


def withdrawals(*prefixes: str) -> list[Row]:
    return [(prefix, 0, 0, 0, GONE) for prefix in prefixes]


def test_withdrawals_come_before_announcements_in_all_their_fields() -> None:
    attributes = reach(["2001:db8::/32"]) + sequence(64501, 64510) + unreach(["2001:db8:1::/48"])
    pdu = update(["192.0.2.0/24", "0.0.0.0/0"], attributes, ["198.51.100.0/24"])
    assert decoded(pdu) == (
        [
            *withdrawals("198.51.100.0/24", "2001:db8:1::/48"),
            ("192.0.2.0/24", 64510, 64501, 0, 0),
            ("0.0.0.0/0", 64510, 64501, 0, 0),
            ("2001:db8::/32", 64510, 64501, 0, 0),
        ],
        {},
    )


def test_a_prefix_that_is_withdrawn_and_announced_at_once_ends_up_announced() -> None:
    rows, _ = decoded(update(["192.0.2.0/24"], None, ["192.0.2.0/24"]))
    assert [row[4] for row in rows] == [GONE, 0]


def test_ipv4_in_the_multiprotocol_attributes_is_read() -> None:
    attributes = sequence(64501) + reach(["192.0.2.0/24"], afi=1) + unreach(["10.0.0.0/8"], afi=1)
    rows, _ = decoded(update([], attributes))
    assert rows == [*withdrawals("10.0.0.0/8"), ("192.0.2.0/24", 64501, 0, 0, 0)]


def test_host_bits_are_cleared() -> None:
    rows, _ = decoded(update(["192.0.2.255/25"]))
    assert rows[0][0] == "192.0.2.128/25"


def test_other_address_families_give_no_row_and_are_counted() -> None:
    attributes = sequence(64501) + reach(["10.0.0.0/8"], afi=1, safi=2)
    rows, counts = decoded(update(["192.0.2.0/24"], attributes))
    assert [row[0] for row in rows] == ["192.0.2.0/24"]
    assert counts == {"UPDATEs of other address families": 1}


@pytest.mark.parametrize(
    "attributes", [b"", unreach([], afi=2), unreach([], afi=1), unreach([], afi=1, safi=128)]
)
def test_an_end_of_rib_is_no_error_and_gives_no_row(attributes: bytes) -> None:
    assert decoded(update([], attributes)) == ([], {})


def test_a_path_ending_in_an_as_set_has_no_origin() -> None:
    rows, _ = decoded(update(["192.0.2.0/24"], as_path((SEQUENCE, [64501]), (SET, [7, 8]))))
    assert rows == [("192.0.2.0/24", NO_ORIGIN, 0, 0, int(Entry.AS_SET))]


@pytest.mark.parametrize("path", [b"", as_path()])
def test_an_empty_or_absent_path_means_the_speakers_own_as(path: bytes) -> None:
    rows, _ = decoded(update(["192.0.2.0/24"], attribute(1, b"\0") + path))
    assert rows == [("192.0.2.0/24", 64501, 0, 0, int(Entry.OWN))]


def test_an_as4_path_is_merged_for_two_byte_speakers_only() -> None:
    path = as_path((SEQUENCE, [64501, 23456]), width=2)
    path4 = attribute(17, segments((SEQUENCE, [64501, 4_200_000_001])))
    rows, _ = decoded(update(["192.0.2.0/24"], path + path4), subtype=1)
    assert rows == [("192.0.2.0/24", 4_200_000_001, 64501, 0, 0)]
    rows, _ = decoded(update(["192.0.2.0/24"], sequence(64501, 7) + path4))
    assert rows == [("192.0.2.0/24", 7, 64501, 0, 0)]


def test_a_malformed_as4_path_is_ignored_and_counted() -> None:
    path = as_path((SEQUENCE, [64501, 7]), width=2) + attribute(17, b"\x09\x01\0\0\0\1")
    rows, counts = decoded(update(["192.0.2.0/24"], path), subtype=1)
    assert rows == [("192.0.2.0/24", 7, 64501, 0, 0)]
    assert counts == {"a malformed AS4_PATH was ignored": 1}


def test_path_identifiers_are_read_in_all_four_fields() -> None:
    attributes = (
        sequence(64501, 64510)
        + reach(["2001:db8::/32"], path_id=3)
        + unreach(["2001:db8:1::/48"], path_id=4)
    )
    pdu = update(["192.0.2.0/24"], attributes, ["10.0.0.0/8"], path_id=2)
    rows, counts = decoded(pdu, subtype=9)
    assert [(row[0], row[3]) for row in rows] == [
        ("10.0.0.0/8", 2), ("2001:db8:1::/48", 4), ("192.0.2.0/24", 2), ("2001:db8::/32", 3),
    ]  # fmt: skip
    assert not counts
    narrow = update(["192.0.2.0/24"], sequence(64501, 7, width=2), path_id=9)
    assert decoded(narrow, subtype=8)[0] == [("192.0.2.0/24", 7, 64501, 9, 0)]


# ----------------------------------------------------------------------------------- RFC 7606

GOOD = sequence(64501, 64510)
ORIGIN, PATH, HOP = attribute(1, b"\0"), as_path((SEQUENCE, [64501])), attribute(3, b"\xc0\0\2\1")


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param(GOOD + b"\x40\x05\xff", id="an attribute beyond the end"),
        pytest.param(GOOD + b"\x40", id="one byte left"),
        pytest.param(ORIGIN + HOP + attribute(2, b"\x05\x01\0\0\0\1"), id="an undefined segment"),
        pytest.param(ORIGIN + HOP + attribute(2, b"\x02\x09\0\0\0\1"), id="an overlong segment"),
        pytest.param(ORIGIN + HOP + attribute(2, b"\x02"), id="half a segment"),
        pytest.param(attribute(1, b"\3") + PATH + HOP, id="an undefined ORIGIN"),
        pytest.param(attribute(1, b"\0\0") + PATH + HOP, id="a long ORIGIN"),
        pytest.param(b"\x80\x01\x01\0" + PATH + HOP, id="ORIGIN with wrong flags"),
        pytest.param(ORIGIN + PATH + attribute(3, b"\xc0\0\2"), id="a short NEXT_HOP"),
        pytest.param(GOOD + b"\x80\x04\x03\0\0\0", id="a short MED"),
        pytest.param(GOOD + b"\xc0\x08\x05\0\0\0\0\0", id="COMMUNITIES of five bytes"),
        pytest.param(GOOD + b"\xc0\x10\x04\0\0\0\0", id="half an extended community"),
        pytest.param(GOOD + b"\xc0\x20\x08\0\0\0\0\0\0\0\0", id="a short large community"),
        pytest.param(GOOD + b"\x80\x09\x01\0", id="a short ORIGINATOR_ID"),
        pytest.param(GOOD + b"\x80\x0a\x00", id="an empty CLUSTER_LIST"),
    ],
)
def test_a_malformed_attribute_makes_withdrawals_of_announcements(attributes: bytes) -> None:
    both = reach(["2001:db8::/32"]) + attributes
    rows, counts = decoded(update(["192.0.2.0/24"], both, ["198.51.100.0/24"]))
    assert rows == withdrawals("198.51.100.0/24", "192.0.2.0/24", "2001:db8::/32")
    assert sum(counts.values()) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0\5\0", id="withdrawn routes beyond the end"),
        pytest.param(b"\0\0\0\x40" + GOOD, id="attributes beyond the end"),
        pytest.param(content([], GOOD) + b"\x21\xc0\0\2\0\0", id="a prefix of 33 bits"),
        pytest.param(content([], GOOD) + b"\x18\xc0\0", id="half a prefix"),
        pytest.param(content(["192.0.2.0/24"], GOOD) + b"\x18\xc0", id="half after a whole one"),
        pytest.param(content([], GOOD + reach(["2001:db8::/32"]) * 2), id="MP_REACH twice"),
        pytest.param(content([], unreach(["2001:db8::/32"]) * 2), id="MP_UNREACH twice"),
        pytest.param(content([], GOOD + attribute(14, b"\0\2\1")), id="a short MP_REACH"),
        pytest.param(content([], GOOD + attribute(14, b"\0\2\1\x10\0\0")), id="half a next hop"),
        pytest.param(content([], attribute(15, b"\0\2")), id="a short MP_UNREACH"),
        pytest.param(
            content([], GOOD + attribute(15, b"\0\2\1\x81" + bytes(17))), id="an IPv6 /129"
        ),
        pytest.param(content([], GOOD + b"\x40\x05\xff"), id="damage before any NLRI"),
    ],
)
def test_what_would_reset_a_session_costs_the_message_and_no_other(body: bytes) -> None:
    decoder = UpdateDecoder("updates")
    good = mrt(update(["203.0.113.0/24"]))
    rows = rows_of(good + mrt(message(2, body)) + good, decoder)
    assert [row[0] for row in rows] == ["203.0.113.0/24"] * 2
    assert sum(decoder.counts().values()) == 1


@pytest.mark.parametrize(
    "pdu",
    [
        b"\0" * 16 + update(["192.0.2.0/24"])[16:],
        update(["192.0.2.0/24"])[:-1],
        b"\xff" * 16 + b"\0\x12\x02",
        b"\xff" * 10,
    ],
)
def test_a_message_without_a_proper_header_is_counted(pdu: bytes) -> None:
    rows, counts = decoded(pdu)
    assert rows == []
    assert sum(counts.values()) == 1


def test_of_repeated_attributes_the_first_counts() -> None:
    rows, counts = decoded(update(["192.0.2.0/24"], GOOD + sequence(1, 2)))
    assert rows == [("192.0.2.0/24", 64510, 64501, 0, 0)]
    assert not counts


# ---------------------------------------------------------------------------------- MRT records


def state_change(old: int, new: int, subtype: int = 5) -> bytes:
    return record(16, subtype, header(wide=subtype == 5) + struct.pack("!HH", old, new))


@pytest.mark.parametrize("subtype", [0, 5])
def test_a_change_of_state_stands_in_its_place_among_the_rows(subtype: int) -> None:
    decoder = UpdateDecoder("updates")
    raw = mrt(update(["192.0.2.0/24"])) + state_change(6, 1, subtype) + mrt(update(["10.0.0.0/8"]))
    first, change, second = decoder.feed(raw)
    assert isinstance(first, UpdateRows)
    assert isinstance(second, UpdateRows)
    assert isinstance(change, StateChange)
    assert change.ends_session
    assert decoder.peers[change.peer] == ("0.0.0.1", 64501)
    assert list(first.rows_after) == list(second.rows_after) == [1]


@pytest.mark.parametrize(
    ("old", "new", "ends"), [(6, 1, True), (6, 2, True), (3, 1, True), (3, 4, False), (5, 6, False)]
)
def test_leaving_established_ends_a_session(old: int, new: int, ends: bool) -> None:
    (change,) = UpdateDecoder("updates").feed(state_change(old, new))
    assert isinstance(change, StateChange)
    assert change.ends_session is ends


def test_the_deprecated_type_5_is_read() -> None:
    peer = struct.pack("!H", 701) + b"\xc0\0\2\7"
    body = content(["192.0.2.0/24"], sequence(701, 7, width=2), ["10.0.0.0/8"])
    decoder = UpdateDecoder("updates")
    pieces = decoder.feed(
        record(5, 1, peer + struct.pack("!H", 12654) + b"\xc0\0\2\1" + body)
        + record(5, 3, peer + struct.pack("!HH", 6, 1))
        + record(5, 7, peer)
    )
    assert decoder.peers == [("192.0.2.7", 701)]
    rows, change = pieces
    assert isinstance(rows, UpdateRows)
    assert list(rows.rows.flags) == [GONE, 0]
    assert rows.rows.origin[1] == 7
    assert isinstance(change, StateChange)
    assert change.ends_session
    assert decoder.counts() == {"BGP (deprecated) of another subtype": 1}


def test_microseconds_are_read() -> None:
    body = struct.pack("!I", 250_000) + header() + update(["192.0.2.0/24"])
    (piece,) = UpdateDecoder("updates").feed(record(17, 4, body, time=1_700_000_000))
    assert isinstance(piece, UpdateRows)
    assert list(piece.time) == [1_700_000_000_250_000]


def test_an_ipv6_peer_is_told_by_its_address() -> None:
    decoder = UpdateDecoder("updates")
    rows_of(mrt(update(["192.0.2.0/24"]), afi=2), decoder)
    assert decoder.peers == [("::1", 64501)]


@pytest.mark.parametrize("subtype", [6, 7, 10, 11])
def test_what_the_route_collector_itself_sent_is_counted_not_taken(subtype: int) -> None:
    rows, counts = decoded(update(["192.0.2.0/24"]), subtype)
    assert rows == []
    assert counts == {"messages that the route collector itself sent": 1}


def test_messages_of_other_types_and_short_records_are_counted() -> None:
    decoder = UpdateDecoder("updates")
    raw = mrt(message(4, b"")) + mrt(message(3, b"\6\2")) + record(16, 4, b"\0\1")
    raw += record(17, 4, b"\0") + record(16, 5, header() + b"\0\6")
    assert rows_of(raw + mrt(update(["192.0.2.0/24"])), decoder) == [
        ("192.0.2.0/24", 64510, 64501, 0, 0)
    ]
    assert decoder.counts() == {
        "BGP messages other than UPDATE": 2,
        "a record is too short for its fields": 3,
    }


def test_more_rows_than_fit_at_first_are_all_there() -> None:
    prefixes = [f"10.{i >> 8}.{i & 255}.0/24" for i in range(900)]
    raw = mrt(update(prefixes)) * 120
    decoder = UpdateDecoder("updates")
    rows = rows_of(raw, decoder)
    assert len(rows) == 120 * 900 == decoder.rows
    assert [row[0] for row in rows[-900:]] == prefixes


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
def test_the_rows_do_not_depend_on_how_the_bytes_are_cut(step: int) -> None:
    attributes = reach(["2001:db8::/32"]) + GOOD
    raw = b"".join(
        (mrt(update(["192.0.2.0/24"], attributes)), state_change(6, 1), mrt(message(2, b"\0")))
    )
    raw = raw * 3
    whole, cut = UpdateDecoder("updates"), UpdateDecoder("updates")
    expected = whole.feed(raw)
    found = [piece for at in range(0, len(raw), step) for piece in cut.feed(raw[at : at + step])]
    cut.finish()
    assert flat(found) == flat(expected)
    assert cut.counts() == whole.counts()
    assert cut.offset == len(raw)


def flat(pieces: Sequence[object]) -> list[object]:
    out: list[object] = []
    for piece in pieces:
        if isinstance(piece, UpdateRows):
            out += list(zip(*(np.asarray(column).tolist() for column in piece.rows), strict=True))
        else:
            out.append(piece)
    return out


def test_a_file_that_ends_inside_a_record_says_so() -> None:
    decoder = UpdateDecoder("updates.gz")
    decoder.feed(mrt(update(["192.0.2.0/24"])) + mrt(update(["192.0.2.0/24"]))[:-3])
    with pytest.raises(TruncatedSource, match="inside record 2"):
        decoder.finish()


def test_a_routing_table_is_told_from_updates() -> None:
    decoder = UpdateDecoder("bview.gz")
    decoder.feed(record(13, 2, b"x"))
    with pytest.raises(SourceError, match="holds no update"):
        decoder.finish()


def test_a_file_without_a_record_holds_no_update_and_is_no_error() -> None:
    UpdateDecoder("updates").finish()


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"<html><head><title>404", "is not an MRT file"),
        (record(16, 4, b"")[:8] + b"\xff\xff\xff\xff", "longer than 16 MiB"),
    ],
)
def test_what_cannot_be_followed_is_refused(raw: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        UpdateDecoder("updates").feed(raw)


def test_what_came_before_damage_is_not_lost() -> None:
    decoder = UpdateDecoder("updates")
    good = mrt(update(["192.0.2.0/24"]))
    assert len(rows_of(good + b"\0" * 8 + b"\xff" * 4, decoder)) == 1
    for again in (lambda: decoder.feed(good), decoder.finish):
        with pytest.raises(SourceError, match="record 2 is damaged"):
            again()
