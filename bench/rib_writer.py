"""Writes a large MRT routing table from a real list of routes: what P3 is measured on.

Every peer announces every prefix; where a prefix has several origins, the peers take them in
turn. Paths, communities and times are made from the AS numbers by fixed arithmetic, in the
proportions of a real table (one to three transit networks, some prepending, communities on most
routes), so that the same list gives the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import ipaddress
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

TIMESTAMP = 1_781_654_400
_FIRST_PEER_ASN = 64501
_TRANSITS = (
    174, 1299, 2914, 3257, 3356, 6453, 6461, 6762, 6939, 7018,
    9002, 3491, 5511, 12956, 701, 4134, 4637, 1273, 20485, 8359,
)  # fmt: skip
_TIMES = 1 << 16


def write_rib(routes_csv: Path, out: Path, peers: int = 3) -> int:
    """Write ``prefix,origin`` lines (gzip or plain, with a header) as a gzipped TABLE_DUMP_V2.

    Returns the number of entries, ``peers`` for each distinct prefix.
    """
    routes = _origins_by_prefix(routes_csv)
    write = zlib.compressobj(6, zlib.DEFLATED, 31)
    with out.open("wb") as file:
        for piece in _pieces(routes, peers):
            file.write(write.compress(piece))
        file.write(write.flush())
    return len(routes) * peers


def _origins_by_prefix(routes_csv: Path) -> dict[str, list[int]]:
    opened = gzip.open if routes_csv.suffix == ".gz" else open
    routes: dict[str, list[int]] = {}
    with opened(routes_csv, "rt", encoding="ascii") as lines:
        rows = csv.reader(lines)
        next(rows)
        for prefix, origin in rows:
            routes.setdefault(prefix, []).append(int(origin))
    return routes


def _pieces(routes: dict[str, list[int]], peers: int) -> Iterator[bytes]:
    """The records, some thousands together."""
    addresses = [bytes((192, 0, 2, 1 + peer)) for peer in range(peers)]
    table = bytes((192, 0, 2, 254)) + struct.pack("!HH", 0, peers)
    for peer, address in enumerate(addresses):
        table += b"\x02" + address + address + struct.pack("!I", _FIRST_PEER_ASN + peer)
    waiting = [_record(1, table)]
    ages = np.random.default_rng(99).integers(0, 900_000, _TIMES)
    times = (TIMESTAMP - ages).astype(">u4").tobytes()
    count = struct.pack("!H", peers)
    indexes = [struct.pack("!H", peer) for peer in range(peers)]
    made: dict[tuple[int, int, bool], bytes] = {}
    at = 0
    for sequence, (prefix, origins) in enumerate(routes.items()):
        text, _, bits = prefix.partition("/")
        ipv6 = ":" in text
        address = socket.inet_pton(socket.AF_INET6 if ipv6 else socket.AF_INET, text)
        length = int(bits)
        body = [struct.pack("!IB", sequence, length), address[: (length + 7) // 8], count]
        for peer in range(peers):
            key = (peer, origins[peer % len(origins)], ipv6)
            attributes = made.get(key)
            if attributes is None:
                attributes = _attributes(*key)
                made[key] = attributes = struct.pack("!H", len(attributes)) + attributes
            body += (indexes[peer], times[at : at + 4], attributes)
            at = (at + 4) % (4 * _TIMES)
        waiting.append(_record(4 if ipv6 else 2, b"".join(body)))
        if len(waiting) >= 4096:
            yield b"".join(waiting)
            waiting.clear()
    yield b"".join(waiting)


def _attributes(peer: int, origin: int, ipv6: bool) -> bytes:
    draw = zlib.crc32(struct.pack("!HI", peer, origin))
    transits = (1, 1, 2, 2, 2, 3)[draw % 6]
    first = draw // 6 % len(_TRANSITS)
    chosen = [_TRANSITS[(first + 7 * i) % len(_TRANSITS)] for i in range(transits)]
    prepended = 2 if draw % 5 == 0 else 1
    path = [_FIRST_PEER_ASN + peer, *chosen, *[origin] * prepended]
    attributes = b"\x40\x01\x01\x00"
    attributes += _attribute(0x40, 2, struct.pack(f"!BB{len(path)}I", 2, len(path), *path))
    if not ipv6:
        attributes += _attribute(0x40, 3, bytes((192, 0, 2, 1 + peer)))
    if draw % 10 < 7:
        value = (draw >> 8) % 1000
        communities = [word for i in range((1, 2, 4)[draw % 3]) for word in (chosen[0], value + i)]
        attributes += _attribute(0xC0, 8, struct.pack(f"!{len(communities)}H", *communities))
    if ipv6:
        next_hop = ipaddress.IPv6Address(f"2001:db8::{1 + peer}").packed
        attributes += _attribute(0x80, 14, b"\x10" + next_hop)
    return attributes


def _attribute(flags: int, code: int, value: bytes) -> bytes:
    return struct.pack("!BBB", flags, code, len(value)) + value


def _record(subtype: int, body: bytes) -> bytes:
    return struct.pack("!IHHI", TIMESTAMP, 13, subtype, len(body)) + body
