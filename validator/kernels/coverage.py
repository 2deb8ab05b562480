"""The compiled loops of coverage: counts of routes, and unions of address space, by group."""

from __future__ import annotations

import numpy as np

from validator.kernels.core import kernel, step
from validator.model import I8, U1, U4, U8

COUNTS = 8  # of routes in a group: valid, invalid, not found; then excluded, by each reason
SPACES = 5  # of address space in a group: announced, covered, valid, invalid, not found

# Which spaces a route belongs to, by verdict: bits in the order above.
_SPACE_OF = np.array([1 | 16, 1 | 2 | 4, 1 | 2 | 8, 1 | 2 | 8, 1 | 2 | 8, 1 | 2 | 8], np.uint8)
_COUNT_OF = np.array([2, 0, 1, 1, 1, 1], np.uint8)


@step
def _last_of(first: int, length: int, shift: int) -> int:
    """The last unit of a prefix; shifted in two steps, since 64 at once is not defined."""
    half = np.uint64(length) >> np.uint64(1)
    units = np.uint64(0xFFFF_FFFF_FFFF_FFFF) >> np.uint64(shift)
    return first | (units >> half >> (np.uint64(length) - half))


@step
def _extend(space: U8, through: U8, at: int, first: int, last: int) -> None:
    """Add ``[first, last]`` to a union of ranges that come in order; overlaps count once.

    All of IPv6 is 2^64 units, one more than a column can hold: it counts as 2^64 - 1.
    """
    if space[at] == 0:
        space[at] = last - first + np.uint64(1)
    elif last > through[at]:
        start = max(first, through[at] + np.uint64(1))
        space[at] += last - start + np.uint64(1)
    else:
        return
    through[at] = last
    if space[at] == 0:
        space[at] = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


@kernel("u8 u1 u1 u1 u4 i i i u8! u8! u8!")
def tally_by_origin(
    high: U8,
    length: U1,
    verdict: U1,
    excluded: U1,
    group: U4,
    start: int,
    stop: int,
    shift: int,
    counts: U8,
    space: U8,
    through: U8,
) -> None:
    """Count routes ``[start, stop)`` and their distinct space, each under its own group.

    A unit of space is an IPv4 address (``shift`` 32) or an IPv6 /64 (``shift`` 0). ``excluded`` is
    0 or a reason; what is beyond the last reason counts nowhere. ``counts`` has
    COUNTS numbers a group, ``space`` and the working column ``through`` SPACES, all zero at first.
    """
    for row in range(start, stop):
        base = np.int64(group[row])
        if excluded[row]:
            if excluded[row] < COUNTS - 2:
                counts[base * COUNTS + 2 + excluded[row]] += np.uint64(1)
            continue
        counts[base * COUNTS + _COUNT_OF[verdict[row]]] += np.uint64(1)
        first = high[row] >> np.uint64(shift)
        last = _last_of(first, length[row], shift)
        spaces = _SPACE_OF[verdict[row]]
        for kind in range(SPACES):
            if spaces >> kind & 1:
                _extend(space, through, base * SPACES + kind, first, last)


@kernel("u8 u1 u1 u1 u8 u4 i i i u8! u8! u8!")
def tally_by_address(
    high: U8,
    length: U1,
    verdict: U1,
    excluded: U1,
    range_first: U8,
    range_group: U4,
    start: int,
    stop: int,
    shift: int,
    counts: U8,
    space: U8,
    through: U8,
) -> None:
    """As :func:`tally_by_origin`, under the group of the address block.

    ``range_first`` (ascending, from 0) and ``range_group`` divide the whole space into ranges. A
    route counts under the range of its first address; its space is split over all it spans. Since
    prefixes nest or are apart, what a group has of them still comes in order.
    """
    at = 0
    done, done_first, done_length = np.uint8(0), np.uint64(0), np.uint8(255)
    for row in range(start, stop):
        first = high[row] >> np.uint64(shift)
        while at + 1 < len(range_first) and range_first[at + 1] <= first:
            at += 1
        if excluded[row]:
            if excluded[row] < COUNTS - 2:
                counts[np.int64(range_group[at]) * COUNTS + 2 + excluded[row]] += np.uint64(1)
            continue
        last = _last_of(first, length[row], shift)
        counts[np.int64(range_group[at]) * COUNTS + _COUNT_OF[verdict[row]]] += np.uint64(1)
        if first != done_first or length[row] != done_length:
            done, done_first, done_length = np.uint8(0), first, length[row]
        spaces = _SPACE_OF[verdict[row]] & ~done
        if spaces == 0:  # another origin of the same prefix has brought all this already
            continue
        done |= spaces
        piece, begin = at, first
        while True:
            end = last
            if piece + 1 < len(range_first) and range_first[piece + 1] <= last:
                end = range_first[piece + 1] - np.uint64(1)
            base = np.int64(range_group[piece]) * SPACES
            for kind in range(SPACES):
                if spaces >> kind & 1:
                    _extend(space, through, base + kind, begin, end)
            if end == last:
                break
            piece += 1
            begin = end + np.uint64(1)


@step
def _scatter(value: int, seed: int) -> int:
    h = (np.uint64(value) ^ np.uint64(seed)) * np.uint64(0x9E37_79B9_7F4A_7C15)
    h ^= h >> np.uint64(32)
    return (h * np.uint64(0xD6E8_FEB8_6659_FD93)) >> np.uint64(20)


@kernel("i8 u")
def number_values(values: I8, seed: int) -> tuple[U4, I8]:
    """A number for each row's value, and the distinct values by number, in order of first sight."""
    numbers, distinct = np.empty(len(values), np.uint32), np.empty(1024, np.int64)
    slots = np.full(4096, -1, np.int64)
    count = 0
    for row in range(len(values)):
        if row > 0 and values[row] == values[row - 1]:
            numbers[row] = numbers[row - 1]
            continue
        mask = np.uint64(len(slots) - 1)
        at = _scatter(values[row], seed) & mask
        while slots[at] >= 0 and distinct[slots[at]] != values[row]:
            at = (at + np.uint64(1)) & mask
        if slots[at] < 0:
            if count == len(distinct):
                larger = np.empty(2 * count, np.int64)
                larger[:count] = distinct
                distinct = larger
                slots = np.full(8 * count, -1, np.int64)
                mask = np.uint64(len(slots) - 1)
                for known in range(count):
                    to = _scatter(distinct[known], seed) & mask
                    while slots[to] >= 0:
                        to = (to + np.uint64(1)) & mask
                    slots[to] = known
                at = _scatter(values[row], seed) & mask
                while slots[at] >= 0:
                    at = (at + np.uint64(1)) & mask
            slots[at] = count
            distinct[count] = values[row]
            count += 1
        numbers[row] = np.uint32(slots[at])
    return numbers, distinct[:count].copy()
