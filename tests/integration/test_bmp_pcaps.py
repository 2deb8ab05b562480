"""Real captures of BMP from Cisco and Huawei routers give the routes that pmacct found in them.

pmacct's expected JSON has a line for each route announced or withdrawn, in order, and for each
Peer Up, Peer Down and End-of-RIB. Compared are those of IPv4 and IPv6 unicast: which table, which
VRF, prefix, path identifier and origin; the numbers of all messages as well.
"""

from __future__ import annotations

import ipaddress
import json
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.wire.bmp import BmpDecoder
from collectors.wire.bmp_events import (
    EndOfRib,
    Event,
    PeerDown,
    PeerUp,
    Routes,
    Table,
    TableKind,
)
from validator.model import NO_ORIGIN, Entry, Prefixes

pytestmark = pytest.mark.real_data

CAPTURES = {
    "200-BMP-HUAWEI-locrib_instance": ("00", "00"),
    "201-BMP-CISCO-rd_instance": ("00", "00"),
    "203-BMP-HUAWEI-dump": ("00", "00"),
    "204-BMP-CISCO-peer_down": ("00", "00"),
    "206-BMP-high-availability": ("00", "01"),
}
SEVERAL = "202-BMP-CISCO-HUAWEI-multiple-sources"

Row = tuple[str, str, str, str, int | None]
"""Announced or withdrawn, kind of table, peer, prefix, origin."""

OWN = -2
"""For an origin: the AS of the speaker, which the JSON of one capture does not name."""


def tcp_streams(raw: bytes) -> list[bytes]:
    """The bytes that each sender sent, put in order by their sequence numbers."""
    order = "<" if raw[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    segments: defaultdict[bytes, list[tuple[int, bytes]]] = defaultdict(list)
    at = 24
    while at < len(raw):
        (size,) = struct.unpack_from(order + "I", raw, at + 8)
        frame, at = raw[at + 16 : at + 16 + size], at + 16 + size
        place = 12
        while (kind := int.from_bytes(frame[place : place + 2], "big")) == 0x8100:
            place += 4
        packet = frame[place + 2 :]
        if kind == 0x0800:
            end, head = int.from_bytes(packet[2:4], "big"), (packet[0] & 15) * 4
            protocol, addresses = packet[9], packet[12:20]
        else:
            assert kind == 0x86DD
            end, head = 40 + int.from_bytes(packet[4:6], "big"), 40
            protocol, addresses = packet[6], packet[8:40]
        if protocol == 6:
            segment = packet[head:end]
            sequence = int.from_bytes(segment[4:8], "big")
            data = segment[(segment[12] >> 4) * 4 :]
            if data:
                segments[addresses + segment[:4]].append((sequence, data))
    return [_in_order(found) for found in segments.values()]


def _in_order(segments: list[tuple[int, bytes]]) -> bytes:
    first = min(sequence for sequence, _ in segments)
    stream = bytearray()
    for sequence, data in sorted(segments):
        assert sequence - first <= len(stream), "a segment is missing"
        stream[sequence - first : sequence - first + len(data)] = data
    return bytes(stream)


def decoded(stream: bytes) -> tuple[BmpDecoder, list[Event]]:
    decoder = BmpDecoder("capture", frozenset(TableKind), instances=True)
    events: list[Event] = []
    for at in range(0, len(stream), 1448):
        events += decoder.feed(stream[at : at + 1448])
    return decoder, events


def rows_of_ours(decoder: BmpDecoder, events: list[Event], *, named: bool = True) -> Iterator[Row]:
    """Without withdrawals of what was not announced: pmacct does not log them."""
    held: set[tuple[int, str]] = set()
    for event in events:
        if isinstance(event, Routes):
            rows = event.rows
            prefixes = Prefixes(rows.family, rows.high, rows.low, rows.length)
            for i in range(len(rows.peer)):
                table = decoder.tables[rows.peer[i]]
                gone = bool(rows.flags[i] & Entry.WITHDRAWN)
                route = int(rows.peer[i]), str(prefixes[i])
                if gone and route not in held:
                    continue
                (held.remove if gone else held.add)(route)
                origin = None if gone else int(rows.origin[i])
                if rows.flags[i] & (Entry.OWN | Entry.UNKNOWN) and not named:
                    origin = OWN
                kind = "withdraw" if gone else "update"
                yield kind, table.kind, address(table), str(prefixes[i]), origin


def address(table: Table) -> str:
    rd = table.session.distinguisher
    return f"{table.session.address} {rd.hex() if any(rd) else ''}"


def rows_of_theirs(lines: list[dict[str, Any]]) -> Iterator[Row]:
    for line in lines:
        if line.get("bmp_msg_type") == "route_monitor" and line.get("safi") == 1:
            kind = line["log_type"]
            if kind not in ("update", "withdraw"):
                continue
            prefix = str(ipaddress.ip_network(line["ip_prefix"]))
            gone = kind == "withdraw"
            peer = f"{line['peer_ip']} {distinguisher(line)}"
            yield kind, table_kind(line), peer, prefix, None if gone else origin_of(line)


def distinguisher(line: dict[str, Any]) -> str:
    """pmacct writes type:administrator:number."""
    if not line.get("rd"):
        return ""
    form, administrator, number = (int(word) for word in line["rd"].split(":"))
    return struct.pack("!HHI" if form == 0 else "!HIH", form, administrator, number).hex()


def table_kind(line: dict[str, Any]) -> TableKind:
    if line.get("is_loc"):
        return TableKind.LOC_RIB
    return TableKind.POST_POLICY if line["is_post"] else TableKind.PRE_POLICY


def origin_of(line: dict[str, Any]) -> int:
    path = line["as_path"]
    words = path if isinstance(path, list) else path.split()
    if not words:
        return int(line.get("peer_asn", OWN))
    return NO_ORIGIN if words[-1].startswith("{") else int(words[-1])


def expected(real_data: Path, name: str) -> list[dict[str, Any]]:
    text = (real_data / "bmp_expected" / name).read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", CAPTURES)
def test_routes_are_those_of_pmacct(real_data: Path, name: str) -> None:
    capture, output = CAPTURES[name]
    raw = (real_data / "bmp" / f"{name}_traffic-{capture}.pcap").read_bytes()
    (stream,) = tcp_streams(raw)
    decoder, events = decoded(stream)
    lines = expected(real_data, f"{name}_output-bmp-{output}.json")
    named = all("peer_asn" in line for line in lines if "ip_prefix" in line)
    theirs = list(rows_of_theirs(lines))
    assert len(theirs) > 0
    assert list(rows_of_ours(decoder, events, named=named)) == theirs

    kinds = Counter(type(event) for event in events)
    messages = Counter(line.get("bmp_msg_type") for line in lines)
    assert kinds[PeerUp] == messages["peer_up"]
    assert kinds[PeerDown] == messages["peer_down"]
    ends = [
        line for line in lines if line.get("log_type") == "end-of-rib" and line.get("safi") == 1
    ]
    assert sorted(
        (decoder.tables[event.table].kind, event.family)
        for event in events
        if isinstance(event, EndOfRib)
    ) == sorted((table_kind(line), 4 if line["afi"] == 1 else 6) for line in ends)
    assert not decoder.unfinished
    assert not [name for name in decoder.counts() if "UPDATE reach" in name or "prefix" in name]


def test_several_routers_each_give_their_own_routes(real_data: Path) -> None:
    """pmacct's one file holds three routers'; the last capture ends inside a message."""
    ours: Counter[Row] = Counter()
    unfinished = []
    for part in ("00", "01", "02"):
        raw = (real_data / "bmp" / f"{SEVERAL}_traffic-{part}.pcap").read_bytes()
        for stream in tcp_streams(raw):
            decoder, events = decoded(stream)
            ours.update(rows_of_ours(decoder, events))
            unfinished.append(decoder.unfinished)
    theirs = Counter(rows_of_theirs(expected(real_data, f"{SEVERAL}_output-bmp-00.json")))
    assert ours == theirs
    assert theirs.total() > 0
    assert unfinished == [False, False, True]
