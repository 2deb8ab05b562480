"""The MRT decoder on bytes written by hand: every form it reads, and every damage it names."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from collectors.wire import mrt, mrt_records
from collectors.wire.mrt import RibColumns, RibDecoder
from tests.mrt_bytes import (
    CONFED_SEQUENCE,
    CONFED_SET,
    SEQUENCE,
    SET,
    as_path,
    attribute,
    entries,
    generic,
    peer_table,
    prefix_bytes,
    record,
    rib,
    segments,
    sequence,
    table_dump,
)
from validator.model import NO_NEIGHBOUR, NO_ORIGIN, Entry, SourceError, TruncatedSource

PEERS = peer_table(("192.0.2.1", 64501), ("2001:db8::1", 4_200_000_001), ("192.0.2.3", 0))
AS_TRANS = 23456


def decode(*pieces: bytes) -> RibColumns:
    decoder = RibDecoder("test")
    for piece in pieces:
        decoder.feed(piece)
    assert not decoder.unfinished
    return decoder.finish()


def rows(columns: RibColumns) -> list[tuple[str, tuple[str, int], int, int, int, int]]:
    """(prefix, peer, origin, neighbour, path identifier, flags) of each entry."""
    return [
        (
            str(columns.prefixes[int(columns.prefix[i])]),
            columns.peers[int(columns.peer[i])],
            int(columns.origin[i]),
            int(columns.neighbour[i]),
            int(columns.path_id[i]),
            int(columns.flags[i]),
        )
        for i in range(len(columns.prefix))
    ]


def seen(attributes: bytes, peer: int = 0) -> tuple[int, int, int]:
    """Origin, neighbour and flags of one TABLE_DUMP_V2 entry with these attributes."""
    ((_, _, origin, neighbour, _, flags),) = rows(
        decode(PEERS + rib("192.0.2.0/24", (peer, attributes)))
    )
    return origin, neighbour, flags


def seen_narrow(attributes: bytes, asn: int = 64501) -> tuple[int, int, int]:
    """The same of a TABLE_DUMP entry, whose AS numbers have two bytes."""
    ((_, _, origin, neighbour, _, flags),) = rows(
        decode(table_dump("192.0.2.0/24", "192.0.2.1", asn, attributes))
    )
    return origin, neighbour, flags


# ----------------------------------------------------------------------------------------- records


def test_a_rib_of_both_families_gives_prefix_peer_origin_and_neighbour() -> None:
    columns = decode(
        PEERS
        + rib("192.0.2.0/24", (0, sequence(64501, 64510)), (1, sequence(4_200_000_001, 64511)))
        + rib("2001:db8:1234::/48", (1, sequence(4_200_000_001, 4_200_000_002)))
    )
    v4, v6 = ("192.0.2.1", 64501), ("2001:db8::1", 4_200_000_001)
    assert rows(columns) == [
        ("192.0.2.0/24", v4, 64510, 64501, 0, 0),
        ("192.0.2.0/24", v6, 64511, 4_200_000_001, 0, 0),
        ("2001:db8:1234::/48", v6, 4_200_000_002, 4_200_000_001, 0, 0),
    ]
    assert len(columns.prefixes) == 2
    assert [c.dtype.str[1:] for c in (columns.prefix, columns.peer, columns.origin)] == [
        "u4",
        "u2",
        "i8",
    ]
    assert [c.dtype.str[1:] for c in (columns.neighbour, columns.path_id)] == ["u4", "u4"]


@pytest.mark.parametrize("length", range(129))
def test_an_ipv6_prefix_of_any_length_is_read(length: int) -> None:
    address = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" if length > 32 else "ffff:ffff::"
    columns = decode(PEERS + rib(f"{address}/{length}", (0, sequence(1))))
    prefix = columns.prefixes[0]
    whole = int.from_bytes(prefix_bytes(f"{address}/{length}")[1:].ljust(16, b"\0"), "big")
    mask = (1 << 128) - (1 << (128 - length))
    assert (prefix.length, prefix.high << 64 | prefix.low) == (length, whole & mask)


@pytest.mark.parametrize("length", range(33))
def test_an_ipv4_prefix_of_any_length_is_read_and_its_host_bits_are_cleared(length: int) -> None:
    mask = (1 << 32) - (1 << (32 - length))
    for raw in (
        PEERS + rib(f"255.255.255.255/{length}", (0, sequence(1))),
        table_dump(f"255.255.255.255/{length}", "192.0.2.1", 1, sequence(1, width=2)),
    ):
        prefix = decode(raw).prefixes[0]
        assert (prefix.length, prefix.high >> 32, prefix.high & 0xFFFF_FFFF) == (length, mask, 0)


def test_path_identifiers_are_kept() -> None:
    columns = decode(
        PEERS
        + rib("192.0.2.0/24", (0, sequence(1)), (0, sequence(2)), path_ids=(7, 0xFFFF_FFFF))
        + rib("2001:db8::/32", (1, sequence(3)), path_ids=(9,))
    )
    assert columns.path_id.tolist() == [7, 0xFFFF_FFFF, 9]
    assert columns.origin.tolist() == [1, 2, 3]


def test_a_generic_rib_of_unicast_is_read_and_others_are_counted() -> None:
    rest = prefix_bytes("192.0.2.0/24") + entries((0, sequence(64501, 5)))
    decoder = RibDecoder("test")
    decoder.feed(
        PEERS
        + generic(6, 1, 1, rest)
        + generic(6, 2, 1, prefix_bytes("2001:db8::/32") + entries((1, sequence(6))))
        + generic(6, 1, 128, b"whatever a VPN has here")
        + generic(6, 25, 70, b"")
        + generic(12, 1, 2, b"")
    )
    columns = decoder.finish()
    assert [row[0] for row in rows(columns)] == ["192.0.2.0/24", "2001:db8::/32"]
    assert decoder.skipped() == {
        "RIB_GENERIC, not unicast": 2,
        "RIB_GENERIC_ADDPATH, not unicast": 1,
    }


def test_generic_add_path_is_read_as_the_rfc_has_it_and_as_gobgp_writes_it() -> None:
    prefix, of = prefix_bytes("192.0.2.0/24"), ((0, sequence(64501, 5)), (1, sequence(6)))
    rfc8050 = b"\0\0\0\x2a" + prefix + entries(*of)
    gobgp = prefix + entries(*of, path_ids=(42, 43))
    for rest, path_ids in ((rfc8050, [42, 42]), (gobgp, [42, 43])):
        columns = decode(PEERS + generic(12, 1, 1, rest))
        assert columns.path_id.tolist() == path_ids
        assert columns.origin.tolist() == [5, 6]
        assert str(columns.prefixes[0]) == "192.0.2.0/24"


def test_a_table_dump_finds_its_peers_and_shares_the_prefix() -> None:
    columns = decode(
        table_dump("192.0.2.0/24", "192.0.2.1", 701, sequence(701, 5, width=2))
        + table_dump("192.0.2.0/24", "192.0.2.2", 702, sequence(702, 6, width=2))
        + table_dump("198.51.100.0/24", "192.0.2.1", 701, sequence(701, width=2))
        + table_dump("2001:db8::/32", "2001:db8::1", 703, sequence(703, 7, width=2))
        + table_dump("203.0.113.0/24", "192.0.2.1", 70_000, sequence(70_000, 8), width=4)
        + table_dump("2001:db8:1::/48", "2001:db8::1", 80_000, sequence(80_000, 9), width=4)
    )
    assert [row[:4] for row in rows(columns)] == [
        ("192.0.2.0/24", ("192.0.2.1", 701), 5, 701),
        ("192.0.2.0/24", ("192.0.2.2", 702), 6, 702),
        ("198.51.100.0/24", ("192.0.2.1", 701), 701, NO_NEIGHBOUR),
        ("2001:db8::/32", ("2001:db8::1", 703), 7, 703),
        ("203.0.113.0/24", ("192.0.2.1", 70_000), 8, 70_000),
        ("2001:db8:1::/48", ("2001:db8::1", 80_000), 9, 80_000),
    ]
    assert len(columns.prefixes) == 5
    assert len(columns.peers) == 5


def test_a_peer_table_with_two_byte_as_numbers_is_read() -> None:
    raw = peer_table(("192.0.2.1", 701), ("2001:db8::1", 702), narrow=True)
    columns = decode(raw + rib("192.0.2.0/24", (0, sequence(5)), (1, sequence(6))))
    assert columns.peers == (("192.0.2.1", 701), ("2001:db8::1", 702))


def test_a_second_peer_table_replaces_the_first_and_shares_its_peers() -> None:
    a, b, c = ("192.0.2.1", 1), ("192.0.2.2", 2), ("192.0.2.3", 3)
    columns = decode(
        peer_table(a, b)
        + rib("192.0.2.0/24", (0, sequence(1)), (1, sequence(2)))
        + peer_table(c, a)
        + rib("192.0.2.0/24", (0, sequence(3)), (1, sequence(1)))
    )
    assert columns.peers == (a, b, c)
    assert columns.peer.tolist() == [0, 1, 2, 0]


def test_other_records_are_counted_and_passed_over() -> None:
    decoder = RibDecoder("test")
    decoder.feed(
        record(16, 4, b"an update")
        + PEERS
        + record(17, 4, b"\0\0\0\0an update with microseconds")
        + record(13, 3, b"multicast")
        + record(13, 11, b"multicast")
        + record(13, 77, b"")
        + record(12, 9, b"")
        + record(48, 0, b"")
        + record(50, 0, b"")
        + record(65535, 65535, b"")
        + rib("192.0.2.0/24", (0, sequence(1)))
    )
    assert len(decoder.finish().prefix) == 1
    assert decoder.skipped() == {
        "BGP4MP": 1,
        "BGP4MP_ET": 1,
        "RIB_IPV4_MULTICAST": 1,
        "RIB_IPV6_MULTICAST_ADDPATH": 1,
        "TABLE_DUMP_V2 of an unknown subtype": 1,
        "TABLE_DUMP of an unknown subtype": 1,
        "OSPFv3": 1,
        "MRT type 50": 1,
        "other MRT types": 1,
    }


def test_a_record_without_entries_adds_nothing() -> None:
    columns = decode(PEERS + rib("192.0.2.0/24") + rib("198.51.100.0/24", (0, sequence(1))))
    assert [str(columns.prefixes[i]) for i in range(len(columns.prefixes))] == ["198.51.100.0/24"]


def test_the_collector_and_the_first_timestamp_are_kept() -> None:
    decoder = RibDecoder("test")
    decoder.feed(peer_table(("192.0.2.1", 1), view=b"master\n\xff"))
    assert list(decoder.collectors) == [("198.51.100.1", "master??")]
    assert decoder.built == 1_700_000_000


def test_the_stream_may_be_cut_into_pieces_anywhere() -> None:
    raw = (
        PEERS
        + rib("192.0.2.0/24", (0, sequence(64501, 5)), (1, sequence(6)))
        + record(16, 4, b"")
        + table_dump("198.51.100.0/24", "192.0.2.1", 701, sequence(701, 5, width=2))
        + rib("2001:db8::/32", (1, sequence(7)), path_ids=(9,))
    )
    whole = rows(decode(raw))
    assert len(whole) == 4
    assert rows(decode(*(raw[i : i + 1] for i in range(len(raw))))) == whole
    for cut in range(len(raw) + 1):
        assert rows(decode(raw[:cut], raw[cut:])) == whole


def test_columns_grow_and_keep_their_order() -> None:
    each, count = 20, 3 * mrt.FIRST_ROWS
    body = [PEERS]
    for i in range(count):
        prefix = f"10.{i >> 8}.{i & 255}.0/24"
        body.append(rib(prefix, *((0, sequence(64501, i * each + j)) for j in range(each))))
    raw = b"".join(body)
    columns = decode(*(raw[i : i + 100_000] for i in range(0, len(raw), 100_000)))
    assert np.array_equal(columns.origin, np.arange(count * each))
    assert np.array_equal(columns.prefix, np.repeat(np.arange(count), each))
    assert [columns.prefixes[i].high for i in range(count)] == [
        (10 << 24 | i << 8) << 32 for i in range(count)
    ]


def test_a_record_may_have_as_many_entries_as_its_count_can_say() -> None:
    most = mrt_records.LARGEST_ENTRY_COUNT
    columns = decode(
        PEERS
        + rib("192.0.2.0/24", (0, sequence(1)))
        + rib("198.51.100.0/24", *[(0, sequence(2))] * most)
    )
    assert len(columns.prefix) == most + 1


# ------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([(SEQUENCE, [1, 2, 3])], (3, 2, 0), id="plain"),
        pytest.param([(SEQUENCE, [1, 2, 3, 3, 3])], (3, 2, 0), id="prepended"),
        pytest.param([(SEQUENCE, [1, 3, 2, 3])], (3, 2, 0), id="origin met before"),
        pytest.param([(SEQUENCE, [3])], (3, 0, 0), id="alone"),
        pytest.param([(SEQUENCE, [3, 3])], (3, 0, 0), id="alone, prepended"),
        pytest.param([(SEQUENCE, [1, 2]), (SEQUENCE, [3])], (3, 2, 0), id="two sequences"),
        pytest.param([(SEQUENCE, [1, 3]), (SEQUENCE, [3, 3])], (3, 1, 0), id="prepended over both"),
        pytest.param([(SEQUENCE, [1, 2]), (SEQUENCE, [])], (2, 1, 0), id="empty sequence at end"),
        pytest.param([(SEQUENCE, [1, 2]), (SET, [3, 4])], (NO_ORIGIN, 0, Entry.AS_SET), id="set"),
        pytest.param([(SET, [3])], (NO_ORIGIN, 0, Entry.AS_SET), id="set of one, alone"),
        pytest.param([(SEQUENCE, [1]), (SET, [])], (NO_ORIGIN, 0, Entry.AS_SET), id="empty set"),
        pytest.param([(SET, [1, 2]), (SEQUENCE, [3])], (3, 0, 0), id="behind a set"),
        pytest.param([(SET, [1]), (SEQUENCE, [2, 3])], (3, 2, 0), id="well behind a set"),
        pytest.param([], (64501, 0, Entry.OWN), id="empty"),
        pytest.param([(SEQUENCE, [])], (64501, 0, Entry.OWN), id="empty sequence"),
        pytest.param([(CONFED_SEQUENCE, [65001])], (64501, 0, Entry.OWN), id="confederation"),
        pytest.param(
            [(SEQUENCE, [1, 2]), (CONFED_SET, [65001])],
            (64501, 0, Entry.OWN),
            id="ends in a confederation",
        ),
        pytest.param(
            [(CONFED_SEQUENCE, [65001, 65002]), (SEQUENCE, [1, 2])],
            (2, 1, 0),
            id="begins in a confederation",
        ),
        pytest.param(
            [(CONFED_SEQUENCE, [65001]), (SEQUENCE, [2])], (2, 0, 0), id="only origin outside"
        ),
        pytest.param(
            [(SEQUENCE, [1]), (CONFED_SET, [65001]), (SEQUENCE, [2])],
            (2, 1, 0),
            id="confederation in the middle",
        ),
        pytest.param([(SEQUENCE, [0])], (0, 0, 0), id="AS 0"),
        pytest.param([(SEQUENCE, [5, 0xFFFF_FFFF])], (0xFFFF_FFFF, 5, 0), id="largest AS"),
    ],
)
def test_the_origin_and_its_neighbour_follow_from_the_path(
    parts: list[tuple[int, list[int]]], expected: tuple[int, int, int]
) -> None:
    assert seen(as_path(*parts)) == expected
    if all(asn < 65536 for _, members in parts for asn in members):
        assert seen_narrow(as_path(*parts, width=2)) == expected


def test_a_path_of_more_than_255_as_numbers_is_read() -> None:
    value = segments((SEQUENCE, [1] * 255), (SEQUENCE, [2, *[3] * 200]))
    assert seen(attribute(2, value)) == (3, 2, 0)
    assert seen(attribute(2, segments((SEQUENCE, [1, 2])), extended=True)) == (2, 1, 0)


def test_an_absent_path_is_an_empty_one() -> None:
    assert seen(b"") == (64501, NO_NEIGHBOUR, Entry.OWN)
    assert seen(attribute(1, b"\0")) == (64501, NO_NEIGHBOUR, Entry.OWN)


def test_a_speaker_that_is_not_known_gives_no_origin() -> None:
    assert seen(b"", peer=2) == (NO_ORIGIN, NO_NEIGHBOUR, Entry.UNKNOWN)
    assert seen_narrow(b"", asn=AS_TRANS) == (NO_ORIGIN, NO_NEIGHBOUR, Entry.UNKNOWN)
    assert seen(sequence(7), peer=2) == (7, NO_NEIGHBOUR, 0)


def test_the_first_of_two_paths_counts() -> None:
    assert seen(sequence(1, 2) + sequence(3, 4)) == (2, 1, 0)


def test_an_as4_path_is_ignored_where_as_numbers_have_four_bytes() -> None:
    """RFC 6793 section 4.1: an update between new speakers has none."""
    assert seen(sequence(1, 2) + attribute(17, segments((SEQUENCE, [9])))) == (2, 1, 0)


# --------------------------------------------------------------------------- RFC 6793 section 4.2.3

BIG, BIGGER = 4_200_000_001, 4_200_000_002


def merged(
    old: list[tuple[int, list[int]]], new: list[tuple[int, list[int]]], extra: bytes = b""
) -> tuple[int, int, int]:
    return seen_narrow(as_path(*old, width=2) + extra + attribute(17, segments(*new)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            [(SEQUENCE, [1, 2, AS_TRANS])], [(SEQUENCE, [BIG])], (BIG, 2, 0), id="only the origin"
        ),
        pytest.param(
            [(SEQUENCE, [1, AS_TRANS, AS_TRANS])],
            [(SEQUENCE, [BIG, BIGGER])],
            (BIGGER, BIG, 0),
            id="origin and neighbour",
        ),
        pytest.param(
            [(SEQUENCE, [AS_TRANS, AS_TRANS])],
            [(SEQUENCE, [BIG, BIGGER])],
            (BIGGER, BIG, 0),
            id="equal counts",
        ),
        pytest.param(
            [(SEQUENCE, [1, AS_TRANS])],
            [(SEQUENCE, [7, BIG, BIGGER])],
            (AS_TRANS, 1, 0),
            id="shorter than the AS4_PATH, which is ignored",
        ),
        pytest.param(
            [(SEQUENCE, [1, AS_TRANS]), (SET, [5, AS_TRANS])],
            [(SEQUENCE, [BIG]), (SET, [5, BIGGER])],
            (NO_ORIGIN, 0, Entry.AS_SET),
            id="a set counts once",
        ),
        pytest.param(
            [(SEQUENCE, [1, 2]), (SET, [3, 4])],
            [(SEQUENCE, [BIG])],
            (BIG, 2, 0),
            id="the old path's set gives way",
        ),
        pytest.param(
            [(SET, [1, 2]), (SEQUENCE, [AS_TRANS])],
            [(SEQUENCE, [BIG])],
            (BIG, 0, 0),
            id="behind a set",
        ),
        pytest.param(
            [(CONFED_SEQUENCE, [65001, 65002]), (SEQUENCE, [AS_TRANS])],
            [(SEQUENCE, [1, BIG])],
            (AS_TRANS, 0, 0),
            id="confederations do not count",
        ),
        pytest.param(
            [(CONFED_SEQUENCE, [65001]), (SEQUENCE, [1, AS_TRANS])],
            [(SEQUENCE, [BIG])],
            (BIG, 1, 0),
            id="behind a confederation",
        ),
        pytest.param(
            [(SEQUENCE, [1, AS_TRANS])],
            [(SEQUENCE, [BIG]), (CONFED_SET, [65001])],
            (BIG, 1, 0),
            id="confederations of an AS4_PATH are discarded (section 6)",
        ),
        pytest.param(
            [(SEQUENCE, [1, 2])], [(CONFED_SET, [65001])], (2, 1, 0), id="nothing else in it"
        ),
        pytest.param([(SEQUENCE, [1, 2])], [], (2, 1, 0), id="empty"),
        pytest.param([(SEQUENCE, [1]), (CONFED_SET, [65001])], [], (64501, 0, Entry.OWN), id="own"),
    ],
)
def test_an_as4_path_is_merged(
    old: list[tuple[int, list[int]]],
    new: list[tuple[int, list[int]]],
    expected: tuple[int, int, int],
) -> None:
    assert merged(old, new) == expected


def test_an_as4_path_is_stale_beside_an_aggregator_of_two_bytes_and_an_as4_aggregator() -> None:
    old, new = [(SEQUENCE, [1, 2])], [(SEQUENCE, [BIG])]
    stale = attribute(7, struct.pack("!H4x", 5))
    trans = attribute(7, struct.pack("!H4x", AS_TRANS))
    as4_aggregator = attribute(18, struct.pack("!I4x", BIG))
    assert merged(old, new, stale + as4_aggregator) == (2, 1, 0)
    assert merged(old, new, trans + as4_aggregator) == (BIG, 1, 0)
    assert merged(old, new, stale) == (BIG, 1, 0)
    assert merged(old, new, as4_aggregator) == (BIG, 1, 0)


@pytest.mark.parametrize("bad", [b"\2", b"\2\2\0\0\0\1", b"\7\1\0\0\0\1", b"\2\1\0\0\0\1\2"])
def test_a_malformed_as4_path_is_ignored_and_counted(bad: bytes) -> None:
    """RFC 6793 section 6: it came unseen through speakers that do not know it."""
    decoder = RibDecoder("test")
    attributes = as_path((SEQUENCE, [1, 2]), width=2) + attribute(17, bad)
    decoder.feed(table_dump("192.0.2.0/24", "192.0.2.1", 1, attributes))
    assert decoder.malformed_as4_paths == 1
    columns = decoder.finish()
    assert (columns.origin.tolist(), columns.flags.tolist()) == ([2], [0])


# ------------------------------------------------------------------------------------------ damage

GOOD = PEERS + rib("192.0.2.0/24", (0, sequence(1)))


def damaged(raw: bytes) -> str:
    with pytest.raises(SourceError) as caught:
        RibDecoder("test").feed(raw)
    assert type(caught.value) is SourceError
    assert "\n" not in str(caught.value)
    return str(caught.value)


def one_entry(attributes: bytes) -> bytes:
    return rib("198.51.100.0/24", (0, attributes))


@pytest.mark.parametrize(
    ("bad", "said", "offset"),
    [
        pytest.param(record(13, 2, b""), "beyond its end", 0, id="empty RIB record"),
        pytest.param(record(13, 2, b"\0" * 4), "beyond its end", 0, id="no prefix"),
        pytest.param(record(13, 2, b"\0\0\0\0\x18\1\1"), "beyond its end", 16, id="half a prefix"),
        pytest.param(
            record(13, 2, b"\0\0\0\0\x21" + bytes(20)), "longer than its", 16, id="IPv4 /33"
        ),
        pytest.param(
            record(13, 4, b"\0\0\0\0\x81" + bytes(20)), "longer than its", 16, id="IPv6 /129"
        ),
        pytest.param(
            record(13, 2, b"\0\0\0\0\0\0\1" + b"\0" * 7), "beyond its end", 19, id="half an entry"
        ),
        pytest.param(
            record(13, 2, b"\0\0\0\0\0\0\1" + b"\0" * 6 + b"\0\1"),
            "beyond its end",
            19,
            id="attributes beyond the record",
        ),
        pytest.param(
            record(13, 2, b"\0\0\0\0\0\0\0\0"), "left over", 19, id="a byte after the entries"
        ),
        pytest.param(rib("10.0.0.0/8", (3, sequence(1))), "peer table does not", 20, id="peer 3"),
        pytest.param(one_entry(b"\x40"), "attribute reaches", 30, id="half an attribute header"),
        pytest.param(one_entry(b"\x50\2\0"), "attribute reaches", 30, id="half a long header"),
        pytest.param(one_entry(b"\x40\1\2\0"), "attribute reaches", 30, id="attribute too long"),
        pytest.param(one_entry(b"\x50\1\1\0\0"), "attribute reaches", 30, id="long one too long"),
        pytest.param(
            one_entry(attribute(2, b"\5\1\0\0\0\1")), "no defined type", 33, id="segment type 5"
        ),
        pytest.param(
            one_entry(attribute(2, b"\0\1\0\0\0\1")), "no defined type", 33, id="segment type 0"
        ),
        pytest.param(
            one_entry(attribute(2, b"\2\2\0\0\0\1")), "segment of the AS_PATH reaches", 33, id="cut"
        ),
        pytest.param(one_entry(attribute(2, b"\2")), "segment of", 33, id="half a segment header"),
        pytest.param(
            one_entry(attribute(2, b"\2\1\0\0\0\1\2")), "segment of", 39, id="a byte after a path"
        ),
        pytest.param(generic(6, 1, 1, b""), "beyond its end", 0, id="generic without a prefix"),
        pytest.param(record(13, 6, b"\0\0\0\0\0"), "beyond its end", 0, id="generic without AFI"),
        pytest.param(
            generic(12, 1, 1, b"\0\0"), "beyond its end", 19, id="generic without path id"
        ),
        pytest.param(record(12, 1, bytes(21)), "beyond its end", 0, id="short TABLE_DUMP"),
        pytest.param(record(12, 2, bytes(44)), "beyond its end", 0, id="short IPv6 TABLE_DUMP"),
        pytest.param(
            table_dump("192.0.2.0/33", "192.0.2.1", 1, b""), "longer than its", 20, id="dump of /33"
        ),
        pytest.param(
            record(12, 1, bytes(20) + b"\0\1"), "beyond its end", 26, id="dump's attributes"
        ),
        pytest.param(record(12, 1, bytes(22) + b"\0"), "left over", 34, id="a byte after a dump"),
        pytest.param(record(13, 1, b"\0" * 5), "peer table does not add up", 12, id="half a view"),
        pytest.param(
            record(13, 1, b"\0" * 4 + b"\0\5\0\0"), "peer table does not add up", 12, id="view name"
        ),
        pytest.param(
            record(13, 1, b"\0" * 6 + b"\0\1" + b"\3" + b"\0" * 23),
            "peer table does not add up",
            12,
            id="half a peer",
        ),
        pytest.param(
            record(13, 1, b"\0" * 9), "peer table does not add up", 12, id="a byte after the peers"
        ),
        pytest.param(
            struct.pack("!IHHI", 0, 16, 4, (16 << 20) + 1), "longer than 16 MiB", 8, id="absurd"
        ),
    ],
)
def test_damage_inside_a_record_names_the_record_and_the_byte(
    bad: bytes, said: str, offset: int
) -> None:
    message = damaged(GOOD + bad)
    assert said in message
    assert "record 3 is damaged" in message
    assert f"byte {len(GOOD) + offset} of its content" in message


def test_a_rib_without_its_peer_table_is_refused() -> None:
    assert "none came before it" in damaged(rib("192.0.2.0/24", (0, sequence(1))))


def test_an_absurd_length_is_refused_at_the_header_however_the_bytes_arrive() -> None:
    header = struct.pack("!IHHI", 0, 16, 4, 0xFFFF_FFFF)
    decoder = RibDecoder("test")
    decoder.feed(header[:11])
    with pytest.raises(SourceError, match="longer than 16 MiB"):
        decoder.feed(header[11:])


def test_more_peers_than_a_column_can_tell_apart_are_refused() -> None:
    many = [(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", 1) for i in range(65_535)]
    decoder = RibDecoder("test")
    decoder.feed(peer_table(*many) + peer_table(("192.0.2.1", 1), many[0]))
    decoder.feed(rib("192.0.2.0/24", (0, sequence(1)), (1, sequence(2))))
    with pytest.raises(SourceError, match="more than 65,536 peers"):
        decoder.feed(peer_table(("192.0.2.2", 1)))
    assert decoder.finish().peer.tolist() == [65_535, 0]


def test_peer_tables_without_end_are_refused() -> None:
    assert "more than 1,000 peer tables" in damaged(PEERS * 1001)


@pytest.mark.parametrize(
    "raw", [b"prefix,origin\n192.0.2.0/24,1\n", b"%PDF-1.7 whatever", b"\xff" * 99]
)
def test_what_is_not_mrt_is_told_so(raw: bytes) -> None:
    assert "is not an MRT file" in damaged(raw)


def test_what_is_too_short_to_tell_is_told_so() -> None:
    decoder = RibDecoder("test")
    decoder.feed(b"hello")
    assert type(decoder.truncation()) is SourceError
    assert "too short" in str(decoder.truncation())


def test_an_end_inside_a_record_is_a_truncation() -> None:
    for cut in range(len(PEERS) + 1, len(GOOD)):
        decoder = RibDecoder("test")
        decoder.feed(GOOD[:cut])
        assert decoder.unfinished
        failure = decoder.truncation()
        assert type(failure) is TruncatedSource
        assert f"record 2 (byte {cut}" in str(failure) or "inside record 2" in str(failure)
        assert f"byte {cut} of its content" in str(failure)


def test_a_stream_without_any_rib_entry_is_refused() -> None:
    decoder = RibDecoder("test")
    decoder.feed(record(16, 4, b"an update") * 1234)
    with pytest.raises(SourceError, match=r"holds no RIB entry \(but 1,234 BGP4MP records\)"):
        decoder.finish()
