"""BMP sessions, byte by byte: which tables are taken, how their UPDATEs are read, what ends a
session. Adj-RIB-Out, which no daemon here sends, is written by hand."""

from __future__ import annotations

import struct

import pytest

from collectors.wire.bmp import BmpDecoder
from collectors.wire.bmp_events import (
    EndOfRib,
    Event,
    Initiation,
    PeerDown,
    PeerUp,
    Routes,
    TableKind,
    Termination,
)
from tests.bgp_bytes import (
    LOC_RIB,
    RD_INSTANCE,
    A,
    L,
    O,
    bmp,
    initiation,
    message,
    open_message,
    peer_down,
    peer_up,
    per_peer,
    reach,
    route_monitoring,
    statistics,
    termination,
    tlv,
    unreach,
    update,
)
from tests.mrt_bytes import SEQUENCE, as_path, attribute, segments, sequence
from validator.model import Entry, Prefixes, SourceError

ALL = frozenset(TableKind)
UP = peer_up(per_peer(), open_message(64500), open_message(64501))

Row = tuple[TableKind, str, int, int]
"""Table, prefix, origin (-2: withdrawn), path identifier."""


def rows_of(decoder: BmpDecoder, events: list[Event]) -> list[Row]:
    rows: list[Row] = []
    for event in events:
        if isinstance(event, Routes):
            columns = event.rows
            prefixes = Prefixes(columns.family, columns.high, columns.low, columns.length)
            for i in range(len(columns.peer)):
                gone = columns.flags[i] & Entry.WITHDRAWN
                rows.append(
                    (
                        decoder.tables[columns.peer[i]].kind,
                        str(prefixes[i]),
                        -2 if gone else int(columns.origin[i]),
                        int(columns.path_id[i]),
                    )
                )
    return rows


def read(raw: bytes, take: frozenset[TableKind] = ALL, *, vrfs: bool = True) -> list[Row]:
    decoder = BmpDecoder("edge1", take, instances=vrfs)
    return rows_of(decoder, decoder.feed(raw))


def test_a_session_from_initiation_to_termination() -> None:
    decoder = BmpDecoder("edge1")
    pdu = update(["192.0.2.0/24"], None, ["10.0.0.0/8"])
    raw = initiation("edge1") + UP + route_monitoring(per_peer(), pdu)
    raw += statistics(per_peer()) + peer_down(per_peer()) + termination("maintenance")
    first, up, routes, down, last = decoder.feed(raw)
    assert first == Initiation("edge1", "a router", ("hello",))
    assert isinstance(up, PeerUp)
    assert (up.sent.asn, up.received.asn, up.families) == (64500, 64501, frozenset({4, 6}))
    assert rows_of(decoder, [routes]) == [
        (TableKind.PRE_POLICY, "10.0.0.0/8", -2, 0),
        (TableKind.PRE_POLICY, "192.0.2.0/24", 64510, 0),
    ]
    assert down == PeerDown(up.session, 4, (0,))
    assert last == Termination(1, "maintenance")
    assert decoder.counts() == {
        "initiations": 1,
        "peer up notifications": 1,
        "statistics reports": 1,
        "peer down notifications": 1,
        "terminations": 1,
    }
    assert not decoder.unfinished


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (per_peer(), TableKind.PRE_POLICY),
        (per_peer(flags=L), TableKind.POST_POLICY),
        (per_peer(flags=O), TableKind.OUT_PRE_POLICY),
        (per_peer(flags=O | L), TableKind.OUT_POST_POLICY),
        (per_peer("0.0.0.0", flags=0x80, kind=LOC_RIB), TableKind.LOC_RIB),
    ],
)
def test_tables_are_told_apart_and_only_those_wanted_are_taken(
    header: bytes, kind: TableKind
) -> None:
    raw = route_monitoring(header, update(["192.0.2.0/24"]))
    assert read(raw) == [(kind, "192.0.2.0/24", 64510, 0)]
    assert read(raw, frozenset({kind})) == read(raw)
    decoder = BmpDecoder("edge1", ALL - {kind})
    assert decoder.feed(raw * 3) == []
    assert decoder.counts() == {
        f"route monitoring messages of {kind}, which is not taken": 3,
    }


def test_tables_of_vrfs_are_taken_only_if_asked_for() -> None:
    header = per_peer(kind=RD_INSTANCE, distinguisher=b"\0\0\xfb\xf0\0\0\0\1")
    raw = route_monitoring(header, update(["192.0.2.0/24"]))
    raw += route_monitoring(per_peer(), update(["192.0.2.0/24"]))
    assert len(read(raw, vrfs=False)) == 1
    decoder = BmpDecoder("edge1", ALL, instances=True)
    assert len(rows_of(decoder, decoder.feed(raw))) == 2
    assert [table.session.in_an_instance for table in decoder.tables] == [True, False]


def test_the_a_flag_decides_the_width_of_as_numbers_except_in_loc_rib() -> None:
    narrow = as_path((SEQUENCE, [64501, 23456]), width=2)
    narrow += attribute(17, segments((SEQUENCE, [4_200_000_001])))
    raw = route_monitoring(per_peer(flags=A), update(["192.0.2.0/24"], narrow))
    assert read(raw) == [(TableKind.PRE_POLICY, "192.0.2.0/24", 4_200_000_001, 0)]
    wide = route_monitoring(per_peer("0.0.0.0", kind=LOC_RIB, flags=A), update(["192.0.2.0/24"]))
    assert read(wide) == [(TableKind.LOC_RIB, "192.0.2.0/24", 64510, 0)]


@pytest.mark.parametrize(
    ("header", "origin"),
    [
        (per_peer(asn=4_200_000_001), 4_200_000_001),
        (per_peer(flags=O, asn=64501), 64500),
        (per_peer("0.0.0.0", kind=LOC_RIB, asn=64500), 64500),
    ],
)
def test_an_empty_path_means_the_as_of_who_sent_it(header: bytes, origin: int) -> None:
    ups = peer_up(header, open_message(64500), open_message(64501))
    raw = ups + route_monitoring(header, update(["192.0.2.0/24"], as_path()))
    assert [row[2] for row in read(raw)] == [origin]


IN, OUT = per_peer(), per_peer(flags=O)


@pytest.mark.parametrize(
    ("ours", "theirs", "inward", "outward"),
    [
        ((1, 1, 1), (1, 1, 2), True, False),
        ((1, 1, 2), (1, 1, 1), False, True),
        ((1, 1, 3), (1, 1, 3), True, True),
        ((1, 1, 3), (1, 1, 1), False, True),
        ((2, 1, 3), (2, 1, 3), False, False),
        ((1, 128, 3), (1, 128, 3), False, False),
    ],
)
def test_both_opens_decide_path_identifiers_by_family_and_direction(
    ours: tuple[int, int, int], theirs: tuple[int, int, int], inward: bool, outward: bool
) -> None:
    for extended in (False, True):
        up = peer_up(
            IN,
            open_message(64500, add_path=[ours], extended=extended),
            open_message(64501, add_path=[theirs], extended=extended),
        )
        for header, agreed in ((IN, inward), (OUT, outward)):
            path_id = 7 if agreed else None
            pdu = update(["192.0.2.0/24"], None, path_id=path_id)
            assert [row[3] for row in read(up + route_monitoring(header, pdu))] == [path_id or 0]


def test_path_identifiers_are_per_family() -> None:
    up = peer_up(
        IN, open_message(64500, add_path=[(2, 1, 3)]), open_message(64501, add_path=[(2, 1, 3)])
    )
    attributes = sequence(64501) + reach(["2001:db8::/32"], path_id=9)
    raw = up + route_monitoring(IN, update(["192.0.2.0/24"], attributes))
    assert [(row[1], row[3]) for row in read(raw)] == [("192.0.2.0/24", 0), ("2001:db8::/32", 9)]


def test_a_loc_rib_has_path_identifiers_if_either_open_sends_them() -> None:
    header = per_peer("0.0.0.0", kind=LOC_RIB)
    up = peer_up(header, open_message(64500, add_path=[(1, 1, 2)]), open_message(64500))
    raw = up + route_monitoring(header, update(["192.0.2.0/24"], None, path_id=5))
    assert read(raw) == [(TableKind.LOC_RIB, "192.0.2.0/24", 64510, 5)]


def test_a_new_peer_up_changes_how_later_updates_are_read() -> None:
    def both(mode: int) -> bytes:
        capability = [(1, 1, mode)] if mode else []
        return peer_up(
            IN, open_message(64500, add_path=capability), open_message(64501, add_path=capability)
        )

    raw = both(0) + route_monitoring(IN, update(["10.0.0.0/8"])) + peer_down(IN) + both(3)
    raw += route_monitoring(IN, update(["10.0.0.0/8"], None, path_id=4))
    assert [row[3] for row in read(raw)] == [0, 4]


@pytest.mark.parametrize(
    ("pdu", "family"),
    [(update(), 4), (update([], unreach([], afi=1)), 4), (update([], unreach([])), 6)],
)
def test_an_end_of_rib_names_its_table_and_family(pdu: bytes, family: int) -> None:
    decoder = BmpDecoder("edge1", ALL)
    raw = route_monitoring(per_peer(), update(["10.0.0.0/8"])) + route_monitoring(
        per_peer(flags=L), pdu
    )
    events = decoder.feed(UP + raw)
    assert events[-1] == EndOfRib(1, family)
    assert decoder.tables[1].kind is TableKind.POST_POLICY


def test_an_end_of_rib_of_another_family_is_none_of_ours() -> None:
    pdu = update([], unreach([], afi=1, safi=128))
    assert BmpDecoder("edge1", ALL).feed(route_monitoring(per_peer(), pdu)) == []


def test_a_peer_down_names_all_tables_of_its_session_and_no_others() -> None:
    decoder = BmpDecoder("edge1", ALL)
    other = per_peer("192.0.2.9")
    for header in (per_peer(), other, per_peer(flags=L), per_peer(flags=O)):
        decoder.feed(route_monitoring(header, update(["10.0.0.0/8"])))
    (down,) = decoder.feed(peer_down(per_peer()))
    assert isinstance(down, PeerDown)
    assert down.tables == (0, 2, 3)


def test_a_malformed_update_costs_one_message() -> None:
    decoder = BmpDecoder("edge1", ALL)
    good = route_monitoring(per_peer(), update(["10.0.0.0/8"]))
    bad = route_monitoring(per_peer(), message(2, b"\0\x09"))
    bad += route_monitoring(per_peer(), b"no BGP at all, but long enough")
    assert len(rows_of(decoder, decoder.feed(good + bad + good))) == 2
    assert decoder.counts()["the fields of an UPDATE reach beyond its end"] == 2


def test_mirrored_messages_and_unknown_types_are_counted() -> None:
    decoder = BmpDecoder("edge1")
    assert decoder.feed(bmp(6, per_peer() + b"\0\0\0\0") + bmp(99, b"x")) == []
    assert decoder.counts() == {"route mirroring messages": 1, "messages of an unknown type": 1}


def test_more_headers_than_are_remembered_are_all_read() -> None:
    decoder = BmpDecoder("edge1", ALL)
    pdu = update(["192.0.2.0/24"])
    raw = b"".join(route_monitoring(per_peer(f"10.0.{i >> 8}.{i & 255}"), pdu) for i in range(5000))
    rows = rows_of(decoder, decoder.feed(raw * 2))
    assert len(rows) == 10_000
    assert len(decoder.tables) == 5000


def test_an_update_with_more_rows_than_fit_at_first_is_read_whole() -> None:
    prefixes = [f"10.{i >> 8}.{i & 255}.0/24" for i in range(15_000)]
    assert [row[1] for row in read(route_monitoring(per_peer(), update(prefixes)))] == prefixes


@pytest.mark.parametrize("step", [1, 5, 100, 4096])
def test_events_do_not_depend_on_how_the_bytes_are_cut(step: int) -> None:
    raw = initiation() + UP + route_monitoring(per_peer(), update(["10.0.0.0/8"])) * 3
    raw += route_monitoring(per_peer(), update()) + peer_down(per_peer()) + termination()
    whole, cut = BmpDecoder("x", ALL), BmpDecoder("x", ALL)
    expected = whole.feed(raw)
    found = [event for at in range(0, len(raw), step) for event in cut.feed(raw[at : at + step])]
    assert rows_of(cut, found) == rows_of(whole, expected)
    assert [e for e in found if not isinstance(e, Routes)] == [
        e for e in expected if not isinstance(e, Routes)
    ]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "speaks version 71, not BMP version 3"),
        (b"\x04" + bytes(10), "speaks version 4"),
        (struct.pack("!BIB", 3, 1 << 30, 0), "longer than 262,144 bytes"),
        (struct.pack("!BIB", 3, 5, 4), "too short for its header"),
        (struct.pack("!BIB", 3, 0, 0) + bytes(60), "too short for its header"),
        (bmp(0, per_peer()[:-1]), "too short for its header"),
        (bmp(3, per_peer()), "peer up"),
        (bmp(3, per_peer() + bytes(100)), "peer up.*no OPEN"),
        (bmp(2, per_peer()), "gives no reason"),
        (bmp(4, tlv(2, b"edge1")[:-1]), "initiation.*reaches beyond"),
        (bmp(5, tlv(0, b"bye") + b"\0"), "termination"),
        (peer_up(per_peer(), open_message(1), open_message(2))[:1] + bytes(5), "too short"),
    ],
)
def test_what_does_not_add_up_ends_the_session_in_one_line(raw: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem) as failure:
        BmpDecoder("router edge1").feed(raw)
    assert "\n" not in str(failure.value)
    assert "router edge1 (byte 0 of the session)" in str(failure.value)


@pytest.mark.parametrize(
    "spoilt",
    [
        b"\xff" * 16 + struct.pack("!HB", 29, 1) + struct.pack("!BHH4sB", 4, 1, 1, b"0000", 9),
        message(1, struct.pack("!BHH4sB", 4, 1, 1, b"0000", 3) + b"\x02\x01\x41"),
        message(1, struct.pack("!BHH4sB", 4, 1, 1, b"0000", 1) + b"\x02"),
        message(1, struct.pack("!BHH4sB", 4, 1, 1, b"0000", 2) + b"\x02\x09"),
        message(1, b""),
    ],
)
def test_an_open_that_cannot_be_read_ends_the_session(spoilt: bytes) -> None:
    raw = peer_up(per_peer(), open_message(64500), spoilt)
    with pytest.raises(SourceError, match="peer up"):
        BmpDecoder("edge1").feed(raw)


def test_there_are_only_so_many_tables() -> None:
    decoder = BmpDecoder("edge1", ALL, max_tables=2)
    pdu = update(["10.0.0.0/8"])
    decoder.feed(route_monitoring(per_peer(), pdu) + route_monitoring(per_peer(flags=L), pdu))
    with pytest.raises(SourceError, match="more than 2 tables"):
        decoder.feed(route_monitoring(per_peer(flags=O), pdu))


def test_texts_are_shortened_and_made_printable() -> None:
    (first,) = BmpDecoder("x").feed(bmp(4, tlv(2, b"a\x1b[2J\n\xff" + b"b" * 999)))
    assert isinstance(first, Initiation)
    assert first.name.isprintable()
    assert len(first.name) <= 256


def test_columns_are_the_events_own() -> None:
    decoder = BmpDecoder("x", ALL)
    (one,) = decoder.feed(route_monitoring(per_peer(), update(["10.0.0.0/8"])))
    assert isinstance(one, Routes)
    before = [column.tolist() for column in one.rows]
    decoder.feed(route_monitoring(per_peer(), update(["192.0.2.0/24"])))
    assert before == [column.tolist() for column in one.rows]


def test_what_came_before_damage_is_not_lost() -> None:
    decoder = BmpDecoder("edge1", ALL)
    good = route_monitoring(per_peer(), update(["10.0.0.0/8"]))
    assert len(rows_of(decoder, decoder.feed(good * 2 + b"GET"))) == 2
    with pytest.raises(SourceError, match="version 71"):
        decoder.feed(b"")
