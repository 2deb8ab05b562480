"""What a set of BGP path attributes says of the origin: the loops that MRT and live feeds share.

Of all attributes only AS_PATH is read (RFC 4271 section 4.3), and, where AS numbers have two
bytes, AS4_PATH, which RFC 6793 section 4.2.3 merges into it. The others are stepped over, but
their lengths must add up. From the path come the origin (RFC 6811 section 2) and its neighbour:

- The final segment is an AS_SEQUENCE: its last AS is the origin. The neighbour is the nearest AS
  before it that differs from it, so that prepending is skipped. Confederation segments are passed
  over on the way (their members are inside one AS); beyond an AS_SET nothing is known of the
  order, so that an origin behind one has no neighbour.
- The final segment is an AS_SET: no origin, no neighbour.
- The path is empty or absent, or its final segment is a confederation's: the origin is the
  speaker's own AS, with no neighbour. A speaker of AS 0, or of AS_TRANS (RFC 6793 section 9: a
  placeholder for what two bytes cannot say), is not known.

An AS_SEQUENCE or confederation segment without members says nothing and is passed over; an empty
AS_SET is still one. If an attribute is repeated, the first counts (RFC 7606 section 3, g).

Everything here is compiled into kernels elsewhere and reads only inside the bounds it is given.
"""

from __future__ import annotations

import numpy as np

from validator.kernels.core import inlined, step
from validator.model import NO_NEIGHBOUR, NO_ORIGIN, U1, Entry

AS_TRANS = 23456
"""RFC 6793 section 9: stands in a two-byte field for an AS number that does not fit."""

FAULT_ATTRIBUTE = 1
FAULT_SEGMENT_KIND = 2
FAULT_SEGMENT_LENGTH = 3
FAULTS = {
    FAULT_ATTRIBUTE: "a path attribute reaches beyond the end of its entry",
    FAULT_SEGMENT_KIND: "a segment of the AS_PATH is of no defined type",
    FAULT_SEGMENT_LENGTH: "a segment of the AS_PATH reaches beyond the end of the attribute",
}
"""What a fault of :func:`find_paths` and :func:`read_path` means; 0 is none."""

AS4_PATH_IGNORED = 0x80
"""Beside the bits of :class:`Entry`: an AS4_PATH was malformed and ignored (RFC 6793 section 6)."""

_AS_SET, _AS_SEQUENCE, _AS_CONFED_SEQUENCE, _AS_CONFED_SET = 1, 2, 3, 4
_AS_PATH, _AGGREGATOR, _AS4_PATH, _AS4_AGGREGATOR = 2, 7, 17, 18
_EXTENDED_LENGTH_BIT = 4
_UNLIMITED = 1 << 40
_NO_FAULT = 0
_NO_ORIGIN, _NO_NEIGHBOUR = NO_ORIGIN, NO_NEIGHBOUR
_SET, _OWN, _UNKNOWN = int(Entry.AS_SET), int(Entry.OWN), int(Entry.UNKNOWN)


@inlined
def byte(data: U1, at: int) -> int:
    """One byte. An unsigned index spares numba the question whether it counts from the end."""
    return np.int64(data[np.uint64(at)])


@inlined
def u16(data: U1, at: int) -> int:
    return (byte(data, at) << 8) | byte(data, at + 1)


@inlined
def u32(data: U1, at: int) -> int:
    return (u16(data, at) << 16) | u16(data, at + 2)


@inlined
def prefix_words(data: U1, at: int, length: int) -> tuple[int, int]:
    """The address in the first ``length`` bits at this place, the rest being zero."""
    high, low = np.uint64(0), np.uint64(0)
    for i in range((length + 7) >> 3):
        if i < 8:
            high |= np.uint64(byte(data, at + i)) << np.uint64(56 - 8 * i)
        else:
            low |= np.uint64(byte(data, at + i)) << np.uint64(120 - 8 * i)
    ones = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    if length <= 64:
        low = np.uint64(0)
        high = high & (ones << np.uint64(64 - length)) if length > 0 else np.uint64(0)
    else:
        low = low & (ones << np.uint64(128 - length))
    return high, low


@step
def check_path(data: U1, start: int, stop: int, width: int) -> tuple[int, int, int]:
    """The number of AS numbers in a path, as RFC 6793 counts them; a fault and its place.

    An AS_SET counts as one (RFC 4271 section 9.1.2.2), a confederation segment as none (RFC 5065
    section 5.3).
    """
    total, at = 0, start
    while at < stop:
        if stop - at < 2:
            return 0, FAULT_SEGMENT_LENGTH, at
        kind, count = byte(data, at), byte(data, at + 1)
        if kind < _AS_SET or kind > _AS_CONFED_SET:
            return 0, FAULT_SEGMENT_KIND, at
        if at + 2 + count * width > stop:
            return 0, FAULT_SEGMENT_LENGTH, at
        if kind == _AS_SEQUENCE:
            total += count
        elif kind == _AS_SET:
            total += 1
        at += 2 + count * width
    return total, _NO_FAULT, stop


@step
def follow_path(
    data: U1, start: int, stop: int, width: int, most: int, origin: int, neighbour: int, final: int
) -> tuple[int, int, int]:
    """Follow a checked path over its first ``most`` AS numbers, from what came before it.

    Returns the origin so far (-1: none), its neighbour, and the type of the last segment.
    """
    at = start
    while at < stop:
        kind, count = byte(data, at), byte(data, at + 1)
        if kind == _AS_SEQUENCE:
            taken = count if count < most else most
            for i in range(taken):
                place = at + 2 + i * width
                asn = u32(data, place) if width == 4 else u16(data, place)
                if asn != origin:
                    neighbour = origin if origin >= 0 else _NO_NEIGHBOUR
                    origin = asn
                final = kind
            most -= taken
        elif kind == _AS_SET:
            if most > 0:
                origin, neighbour, final = -1, _NO_NEIGHBOUR, kind
                most -= 1
        elif count > 0:
            final = kind
        at += 2 + count * width
    return origin, neighbour, final


@inlined
def find_paths(data: U1, start: int, stop: int, width: int) -> tuple[int, int, int, int, int, int]:
    """Where AS_PATH and AS4_PATH lie among the attributes in ``data[start:stop]``.

    ``width`` is the bytes of an AS number. Returns the bounds of both values (-1: there is none, or
    none that counts), a fault and the place of it.
    """
    path, path_stop, path4, path4_stop = -1, -1, -1, -1
    aggregator, aggregator4 = -1, False
    fault, at = _NO_FAULT, start
    while at < stop:
        extended = (byte(data, at) >> _EXTENDED_LENGTH_BIT) & 1
        value = at + 3 + extended
        if value > stop:
            fault = FAULT_ATTRIBUTE
            break
        code = byte(data, at + 1)
        end = value + (u16(data, at + 2) if extended else byte(data, at + 2))
        if end > stop:
            fault = FAULT_ATTRIBUTE
            break
        if code == _AS_PATH:
            if path < 0:
                path, path_stop = value, end
        elif width == 2:
            if code == _AS4_PATH and path4 < 0:
                path4, path4_stop = value, end
            elif code == _AGGREGATOR and aggregator < 0 and end - value == 6:
                aggregator = u16(data, value)
            elif code == _AS4_AGGREGATOR:
                aggregator4 = True
        at = end
    # An aggregator with a two-byte AS beside an AS4_AGGREGATOR: both AS4_ attributes are stale.
    if aggregator4 and aggregator >= 0 and aggregator != AS_TRANS:
        path4 = -1
    return path, path_stop, path4, path4_stop, fault, at


@inlined
def read_plain_path(data: U1, path: int, path_stop: int) -> tuple[int, int]:
    """Origin and neighbour of a path that is one AS_SEQUENCE of four-byte AS numbers.

    Nearly every path is; it is read from its end, no further than needed. Origin -1: it is not.
    """
    origin, neighbour = -1, _NO_NEIGHBOUR
    if (
        path >= 0
        and path_stop - path >= 6
        and byte(data, path) == _AS_SEQUENCE
        and path + 2 + byte(data, path + 1) * 4 == path_stop
    ):
        place, first = path_stop - 4, path + 2
        origin = u32(data, place)
        while place > first:
            place -= 4
            before = u32(data, place)
            if before != origin:
                neighbour = before
                break
    return origin, neighbour


@step
def read_path(
    data: U1, path: int, path_stop: int, path4: int, path4_stop: int, width: int, speaker: int
) -> tuple[int, int, int, int, int]:
    """Origin and neighbour of any path, as ``find_paths`` found it.

    ``speaker`` is the AS of the one who sent it. Returns origin, neighbour, flags (those of
    :class:`Entry`, and :data:`AS4_PATH_IGNORED`), a fault and the place of it.
    """
    origin, neighbour, final, flags = -1, _NO_NEIGHBOUR, 0, 0
    if path >= 0:
        total, fault, place = check_path(data, path, path_stop, width)
        if fault != _NO_FAULT:
            return 0, 0, 0, fault, place
        total4 = 0
        if path4 >= 0:
            total4, fault, place = check_path(data, path4, path4_stop, 4)
            if fault != _NO_FAULT:
                flags = AS4_PATH_IGNORED
        if 0 < total4 <= total:
            origin, neighbour, final = follow_path(
                data, path, path_stop, width, total - total4, origin, neighbour, final
            )
            # The confederation segments that an AS4_PATH must not have are discarded.
            at, final = path4, 0
            while at < path4_stop:
                end = at + 2 + byte(data, at + 1) * 4
                if byte(data, at) <= _AS_SEQUENCE:
                    origin, neighbour, final = follow_path(
                        data, at, end, 4, _UNLIMITED, origin, neighbour, final
                    )
                at = end
        else:
            origin, neighbour, final = follow_path(
                data, path, path_stop, width, _UNLIMITED, origin, neighbour, final
            )
    if final == _AS_SEQUENCE:
        return origin, neighbour, flags, _NO_FAULT, path_stop
    if final == _AS_SET:
        return _NO_ORIGIN, _NO_NEIGHBOUR, flags | _SET, _NO_FAULT, path_stop
    if speaker in (0, AS_TRANS):
        return _NO_ORIGIN, _NO_NEIGHBOUR, flags | _UNKNOWN, _NO_FAULT, path_stop
    return speaker, _NO_NEIGHBOUR, flags | _OWN, _NO_FAULT, path_stop
