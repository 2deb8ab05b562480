"""Which reader a file of routes needs, told from its first bytes and never from its name."""

from __future__ import annotations

import struct

from collectors import ipasn, route_list
from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError

MRT = "mrt"

_MRT_TYPES = (11, 12, 13, 16, 17, 32, 33, 48, 49)  # RFC 6396 section 4, and OSPFv2 and IS-IS
_LARGEST_MRT_RECORD = 1 << 26
_LARGEST_MRT_SUBTYPE = 64
_TEXT_CONTROLS = b"\t\n\r\x0b\x0c"
_LOOKED_AT = 4096
_CURE = "give an MRT RIB, a pyasn database, or lines like 192.0.2.0/24,64496"


def sniff(start: bytes, source: str) -> str:
    """``mrt``, ``pyasn`` or ``route-list``, from the first unpacked bytes (a few hundred will do).

    Raises:
        SourceError: none of them.
    """
    start = start[:_LOOKED_AT]
    if not start:
        raise SourceError(source, "is empty", cure=_CURE)
    if _is_mrt(start):
        return MRT
    text = start.removeprefix(route_list.BOM).lstrip()
    if any(byte < 32 and byte not in _TEXT_CONTROLS for byte in start):
        raise SourceError(source, "is neither MRT nor text", place="byte 0", cure=_CURE)
    if text[:1] == b"<":
        raise SourceError(source, "is a web page or XML, not routes", place="byte 0", cure=_CURE)
    if text[:1] == b";" and b"IP-ASN" in text.partition(b"\n")[0]:
        return ipasn.KIND
    return route_list.KIND


def sniff_file(file: LocalFile, options: ReadOptions) -> str:
    """As :func:`sniff`, of a stored file, packed or not; only its beginning is read.

    Raises:
        SourceError, TruncatedSource: as :meth:`collectors.archive.Archive.chunks` does.
    """
    return sniff(next(Archive(file, options).chunks(), b""), file.source)


def _is_mrt(start: bytes) -> bool:
    """Whether it begins with a plausible MRT common header (RFC 6396 section 2)."""
    if len(start) < 12:
        return False
    _, kind, subtype, length = struct.unpack_from(">IHHI", start)
    return (
        kind in _MRT_TYPES and subtype <= _LARGEST_MRT_SUBTYPE and 0 < length <= _LARGEST_MRT_RECORD
    )
