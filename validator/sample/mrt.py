"""Writes the sample's routing table as an MRT RIB: TABLE_DUMP_V2 (RFC 6396 section 4.3).

The collectors read MRT; this is the only place that writes it, and it shares no code with them,
so that a mistake of one is seen by the other.
"""

from __future__ import annotations

import ipaddress
import struct
import zlib
from collections.abc import Iterator

from collectors.mrt import SAMPLE_VIEW
from validator.model import Family, Prefix
from validator.sample.model import NOW, RibEntry, Vantage, World, address_of

_TABLE_DUMP_V2 = 13
_PEER_INDEX_TABLE = 1
_SUBTYPE = {Family.IPV4: 2, Family.IPV6: 4}
_COLLECTOR_ID = 254 << 24 | 0xFF_0001
_VIEW = SAMPLE_VIEW.encode()

_AS_SET, _AS_SEQUENCE = 1, 2
_ORIGIN_IGP = bytes.fromhex("40010100")
_ORIGIN_INCOMPLETE = bytes.fromhex("40010102")
_ATOMIC_AGGREGATE = bytes.fromhex("400600")


def rib_bytes(world: World) -> bytes:
    """The whole file, not compressed."""
    return b"".join(_records(world))


def _records(world: World) -> Iterator[bytes]:
    yield _record(_PEER_INDEX_TABLE, _peer_index(world.vantages))
    paths: dict[RibEntry, bytes] = {}
    next_hops = [_next_hops(vantage) for vantage in world.vantages]
    for sequence, record in enumerate(world.rib):
        family = record.prefix.family
        # Routes are between a minute and thirty days old, the same at every peer.
        age = 60 + zlib.crc32(str(record.prefix).encode()) % (30 * 86400)
        body = [struct.pack(">I", sequence), _nlri(record.prefix)]
        body.append(struct.pack(">H", len(record.entries)))
        for entry in record.entries:
            if entry not in paths:
                paths[entry] = _path_attributes(entry)
            attributes = paths[entry] + next_hops[entry.peer][family]
            body += struct.pack(">HIH", entry.peer, NOW - age, len(attributes)), attributes
        yield _record(_SUBTYPE[family], b"".join(body))


def _record(subtype: int, body: bytes) -> bytes:
    return struct.pack(">IHHI", NOW, _TABLE_DUMP_V2, subtype, len(body)) + body


def _peer_index(vantages: tuple[Vantage, ...]) -> bytes:
    parts = [struct.pack(">IH", _COLLECTOR_ID, len(_VIEW)), _VIEW, struct.pack(">H", len(vantages))]
    for vantage in vantages:
        address = ipaddress.ip_address(vantage.address)
        kind = 2 | (address.version == 6)  # 4-byte AS number; bit 0: an IPv6 address
        parts.append(struct.pack(">BI", kind, vantage.bgp_id) + address.packed)
        parts.append(struct.pack(">I", vantage.asn))
    return b"".join(parts)


def _nlri(prefix: Prefix) -> bytes:
    width = prefix.family.bits // 8
    packed = address_of(prefix).to_bytes(width, "big")
    return bytes([prefix.length]) + packed[: (prefix.length + 7) // 8]


def _path_attributes(entry: RibEntry) -> bytes:
    segments = _segment(_AS_SEQUENCE, entry.path)
    if not entry.as_set:
        return _ORIGIN_IGP + _attribute(0x40, 2, segments)
    segments += _segment(_AS_SET, entry.as_set)
    aggregator = struct.pack(">II", entry.path[-1], _COLLECTOR_ID)
    return (
        _ORIGIN_INCOMPLETE
        + _attribute(0x40, 2, segments)
        + _ATOMIC_AGGREGATE
        + _attribute(0xC0, 7, aggregator)
    )


def _segment(kind: int, asns: tuple[int, ...]) -> bytes:
    return struct.pack(f">BB{len(asns)}I", kind, len(asns), *asns)


def _attribute(flags: int, code: int, value: bytes) -> bytes:
    return struct.pack(">BBB", flags, code, len(value)) + value


def _next_hops(vantage: Vantage) -> dict[Family, bytes]:
    """NEXT_HOP, and MP_REACH_NLRI cut down as RFC 6396 section 4.3.4 wants it."""
    address = ipaddress.ip_address(vantage.address)
    ipv4 = address.packed if address.version == 4 else vantage.bgp_id.to_bytes(4, "big")
    ipv6 = address.packed if address.version == 6 else bytes.fromhex("3fff0eff") + bytes(8) + ipv4
    return {
        Family.IPV4: _attribute(0x40, 3, ipv4),
        Family.IPV6: _attribute(0x80, 14, bytes([16]) + ipv6),
    }
