"""Writes MRT records by hand: what the tests of the decoder are fed.

Written from RFC 6396 and RFC 8050, independently of the decoder.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence

TIME = 1_700_000_000
SET, SEQUENCE, CONFED_SEQUENCE, CONFED_SET = 1, 2, 3, 4
COLLECTOR = "198.51.100.1"


def record(kind: int, subtype: int, body: bytes, time: int = TIME) -> bytes:
    return struct.pack("!IHHI", time, kind, subtype, len(body)) + body


def attribute(code: int, value: bytes, *, extended: bool = False) -> bytes:
    if extended or len(value) > 255:
        return struct.pack("!BBH", 0x50, code, len(value)) + value
    return struct.pack("!BBB", 0x40, code, len(value)) + value


def segments(*parts: tuple[int, Sequence[int]], width: int = 4) -> bytes:
    """The value of an AS_PATH."""
    letter = "I" if width == 4 else "H"
    return b"".join(
        struct.pack(f"!BB{len(members)}{letter}", kind, len(members), *members)
        for kind, members in parts
    )


def as_path(*parts: tuple[int, Sequence[int]], width: int = 4) -> bytes:
    return attribute(2, segments(*parts, width=width))


def sequence(*members: int, width: int = 4) -> bytes:
    """The AS_PATH attribute of one AS_SEQUENCE, beside an ORIGIN and a NEXT_HOP."""
    return (
        attribute(1, b"\0")
        + as_path((SEQUENCE, members), width=width)
        + attribute(3, b"\xc0\0\2\1")
    )


def peer_table(*peers: tuple[str, int], view: bytes = b"", narrow: bool = False) -> bytes:
    """A PEER_INDEX_TABLE; ``narrow``: with AS numbers of two bytes."""
    body = ipaddress.ip_address(COLLECTOR).packed + struct.pack("!H", len(view)) + view
    body += struct.pack("!H", len(peers))
    for text, asn in peers:
        address = ipaddress.ip_address(text)
        kind = (1 if address.version == 6 else 0) + (0 if narrow else 2)
        body += (
            struct.pack("!B4x", kind) + address.packed + struct.pack("!H" if narrow else "!I", asn)
        )
    return record(13, 1, body)


def prefix_bytes(text: str) -> bytes:
    """Length and address of a prefix, host bits kept as they are given."""
    address, _, length = text.partition("/")
    size = (int(length) + 7) // 8
    return bytes([int(length)]) + ipaddress.ip_address(address).packed[:size]


def entries(*of: tuple[int, bytes], path_ids: Sequence[int] | None = None) -> bytes:
    """Count and entries, as (peer index, attributes)."""
    parts = [struct.pack("!H", len(of))]
    for row, (peer, attributes) in enumerate(of):
        path_id = b"" if path_ids is None else struct.pack("!I", path_ids[row])
        parts += [struct.pack("!HI", peer, TIME), path_id]
        parts += [struct.pack("!H", len(attributes)), attributes]
    return b"".join(parts)


def rib(prefix: str, *of: tuple[int, bytes], path_ids: Sequence[int] | None = None) -> bytes:
    """RIB_IPV4_UNICAST or RIB_IPV6_UNICAST, with ``path_ids`` their ADD-PATH forms."""
    subtype = (4 if ":" in prefix else 2) + (0 if path_ids is None else 6)
    body = b"\0\0\0\0" + prefix_bytes(prefix) + entries(*of, path_ids=path_ids)
    return record(13, subtype, body)


def generic(subtype: int, afi: int, safi: int, rest: bytes) -> bytes:
    return record(13, subtype, b"\0\0\0\0" + struct.pack("!HB", afi, safi) + rest)


def table_dump(
    prefix: str, peer: str, asn: int, attributes: bytes, *, width: int = 2, status: int = 1
) -> bytes:
    """TABLE_DUMP; ``width`` 4 gives the unofficial subtypes 3 and 4."""
    text, _, length = prefix.partition("/")
    address = ipaddress.ip_address(text)
    body = b"\0\0\0\0" + address.packed + bytes([int(length), status]) + struct.pack("!I", TIME)
    body += ipaddress.ip_address(peer).packed + struct.pack("!I" if width == 4 else "!H", asn)
    body += struct.pack("!H", len(attributes)) + attributes
    subtype = (1 if address.version == 4 else 2) + (2 if width == 4 else 0)
    return record(12, subtype, body)
