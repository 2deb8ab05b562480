"""The compiled loops that look at a whole table once: see :mod:`validator.figures.facts` for what
for.

*Unheld coordinates* count only the units that nobody holds: an address is at as many of them as
lie before it. They keep order and nesting, so that the unheld space of a union of prefixes is the
union of their intervals there, however many pieces it is cut into.
"""

from __future__ import annotations

import numpy as np

from validator.kernels.core import kernel, step
from validator.kernels.coverage import SPACES, _extend
from validator.model import I8, U1, U2, U4, U8

UNWATCHED = 0xFFFF
"""In a ``seen`` column: no peer announces this route, as far as the last survey saw."""

# What is known of each origin, as columns: first what coverage counts (valid, invalid, not found,
# then excluded by each reason), then what adds up from origin to origin.
COUNTS = 8
OWN_UNREGISTERED, OWN_WATCHED, OWN_SIGHTINGS = 8, 9, 11  # the latter two: of valid, of invalid
OWN_NO_ORIGINS, OWN_BOGONS, OWN_ROUTES = 13, 14, 15
OWN = 16

# Flags of a row: what it counts as under the group of its address.
AS_PREFIX, AS_NO_ORIGIN, AS_UNREGISTERED, AS_BOGON = 1, 2, 4, 8
AS_WATCHED_VALID, AS_WATCHED_INVALID, AS_MOAS, COUNTED = 16, 32, 64, 128

FIRST, CONFLICT = 1, 2  # of rows that share a prefix: the first of them; several AS numbers
_CLASS = np.array([2, 0, 1, 1, 1, 1], np.uint8)  # of a verdict: valid, invalid, not found
_VALID, _INVALID, _NOT_FOUND = 0, 1, 2
_DENSE = 1 << 20
"""Origins below this are numbered by a table: nearly all that are in use."""


@step
def _place(value: int, seed: int) -> int:
    h = (np.uint64(value) ^ np.uint64(seed)) * np.uint64(0x9E37_79B9_7F4A_7C15)
    h ^= h >> np.uint64(32)
    return (h * np.uint64(0xD6E8_FEB8_6659_FD93)) >> np.uint64(20)


@step
def _number_all(origins: I8, seed: int, dense: U4, slots: U4, numbers: U4, distinct: I8) -> int:
    mask = np.uint64(len(slots) - 1)
    count = np.uint32(0)
    for row in range(len(origins)):
        origin = origins[row]
        if 0 <= origin < _DENSE:
            number = dense[origin]
            if number == 0:
                distinct[count] = origin
                count += np.uint32(1)
                number = dense[origin] = count
        else:
            at = _place(origin, seed) & mask
            while slots[at] and distinct[slots[at] - np.uint32(1)] != origin:
                at = (at + np.uint64(1)) & mask
            number = slots[at]
            if number == 0:
                distinct[count] = origin
                count += np.uint32(1)
                number = slots[at] = count
        numbers[row] = number - np.uint32(1)
    return np.int64(count)


@kernel("i8 u")
def number_origins(origins: I8, seed: int) -> tuple[U4, I8]:
    """A number for each row's origin, and the distinct ones by number, in order of first sight."""
    sparse = 0
    for row in range(len(origins)):
        sparse += not 0 <= origins[row] < _DENSE
    size = 16
    while size < 2 * sparse:
        size *= 2
    dense, slots = np.zeros(_DENSE, np.uint32), np.zeros(size, np.uint32)
    numbers, distinct = np.empty(len(origins), np.uint32), np.empty(len(origins), np.int64)
    count = _number_all(origins, seed, dense, slots, numbers, distinct)
    return numbers, distinct[:count].copy()


@kernel("u8 u1 i8 u1 u1 u4 u1 u2 u8 u1 u8 i i i u1! u4! u4! u1! u4! u8! u8!")
def observe(
    high: U8,
    length: U1,
    origin: I8,
    verdict: U1,
    excluded: U1,
    number: U4,
    bogon: U1,
    seen: U2,
    held_first: U8,
    held: U1,
    unheld_before: U8,
    start: int,
    stop: int,
    shift: int,
    flags: U1,
    own: U4,
    shared_rows: U4,
    shared_marks: U1,
    unheld_rows: U4,
    unheld_from: U8,
    unheld_last: U8,
) -> tuple[int, int]:
    """What of routes ``[start, stop)`` of one family holds for every scheme; returns how many rows
    share their prefix and how many have unheld space.

    ``number`` is each row's origin, ``bogon`` whether nobody holds it; ``seen`` may be empty.
    ``held_first``, ``held``, ``unheld_before`` divide the space into what is held and what is not.
    Written: ``flags`` by row; ``own``, OWN numbers for each origin; of rows that share a prefix,
    which they are and their marks; of rows with unheld space, its interval in unheld coordinates,
    both ends inclusive.
    """
    one = np.uint64(1)
    shared, unheld, at = 0, 0, 0
    row = start
    watching = len(seen) > 0
    while row < stop:
        end = row + 1
        while end < stop and high[end] == high[row] and length[end] == length[row]:
            end += 1
        counted, asns = 0, 0
        for i in range(row, end):
            if excluded[i]:
                own[np.int64(number[i]) * OWN + 2 + excluded[i]] += np.uint32(1)
            else:
                counted += 1
                asns += origin[i] >= 0
        if counted == 0:
            row = end
            continue
        first = high[row] >> np.uint64(shift)
        last = first + ((one << np.uint64(64 - shift - length[row])) - one)
        while at + 1 < len(held_first) and held_first[at + 1] <= first:
            at += 1
        before, through = unheld_before[at], unheld_before[at]
        if not held[at]:
            before += first - held_first[at]
        top = at
        while top + 1 < len(held_first) and held_first[top + 1] <= last:
            top += 1
        if top != at or not held[at]:
            through = unheld_before[top]
            if not held[top]:
                through += last - held_first[top] + one
        flag = COUNTED | AS_PREFIX
        mark = FIRST
        if not held[at]:
            flag |= AS_UNREGISTERED
        if asns > 1:
            flag |= AS_MOAS
            mark |= CONFLICT
        for i in range(row, end):
            if excluded[i]:
                continue
            base = np.int64(number[i]) * OWN
            state = np.int64(_CLASS[verdict[i]])
            own[base + state] += np.uint32(1)
            its = flag
            flag &= ~(AS_PREFIX | AS_MOAS)
            if its & AS_UNREGISTERED:
                own[base + OWN_UNREGISTERED] += np.uint32(1)
            if bogon[number[i]]:
                its |= AS_BOGON if origin[i] >= 0 else AS_NO_ORIGIN
            if watching and state != _NOT_FOUND and seen[i] != UNWATCHED:
                its |= AS_WATCHED_VALID if state == _VALID else AS_WATCHED_INVALID
                own[base + OWN_WATCHED + state] += np.uint32(1)
                own[base + OWN_SIGHTINGS + state] += np.uint32(seen[i])
            flags[i] = its
            if counted > 1:
                shared_rows[shared], shared_marks[shared] = i, mark
                mark &= CONFLICT
                shared += 1
            if through != before:
                unheld_rows[unheld] = i
                unheld_from[unheld], unheld_last[unheld] = before, through - one
                unheld += 1
        row = end
    return shared, unheld


@kernel("u8 u1 u1 u1 u4 i i i i u4! u1! u8! u8!")
def join_spans(
    high: U8,
    length: U1,
    verdict: U1,
    flags: U1,
    number: U4,
    origins: int,
    start: int,
    stop: int,
    shift: int,
    span_origin: U4,
    span_state: U1,
    span_first: U8,
    span_last: U8,
) -> int:
    """The space of counted rows ``[start, stop)`` as spans of one origin and state, in the order in
    which they begin; returns how many there are.

    A row inside an earlier one of its origin and state adds nothing, whatever the groups, and one
    that begins where such a one ends makes it longer: a third of the rows is left.
    """
    one = np.uint64(1)
    of = np.zeros(origins * 3, np.uint32)  # 1 + the last span of each origin and state
    spans = 0
    for row in range(start, stop):
        if flags[row] == 0:
            continue
        first = high[row] >> np.uint64(shift)
        last = first + ((one << np.uint64(64 - shift - length[row])) - one)
        state = _CLASS[verdict[row]]
        key = np.int64(number[row]) * 3 + np.int64(state)
        known = np.int64(of[key]) - 1
        if known >= 0 and first <= span_last[known] + one and span_last[known] + one != 0:
            if last > span_last[known]:
                span_last[known] = last
            continue
        if known >= 0 and last <= span_last[known]:
            continue
        span_origin[spans], span_state[spans] = number[row], state
        span_first[spans], span_last[spans] = first, last
        spans += 1
        of[key] = spans
    return spans


@kernel("u4 u1 u8 u8 u4 u8! u8!")
def space_by_group(
    origin: U4, state: U1, first: U8, last: U8, group: U4, space: U8, through: U8
) -> None:
    """The distinct space of each group of origins, from their spans in order: SPACES numbers a
    group (announced, covered, valid, invalid, not found), zero at first, as is ``through``."""
    for i in range(len(origin)):
        base = np.int64(group[origin[i]]) * SPACES
        _extend(space, through, base, first[i], last[i])
        if state[i] != _NOT_FOUND:
            _extend(space, through, base + 1, first[i], last[i])
        _extend(space, through, base + 2 + np.int64(state[i]), first[i], last[i])


@kernel("i8 u1 u4!")
def complete_own(origins: I8, bogon: U1, own: U4) -> None:
    """What follows for each origin from its counts: all its routes, by what it is itself."""
    for origin in range(len(origins)):
        base = origin * OWN
        routes = own[base] + own[base + 1] + own[base + 2]
        own[base + OWN_ROUTES] = routes
        if origins[origin] < 0:
            own[base + OWN_NO_ORIGINS] = routes
        elif bogon[origin]:
            own[base + OWN_BOGONS] = routes


@kernel("u4 u4 u8!")
def add_own(own: U4, of: U4, target: U8) -> None:
    """Add the OWN columns of each origin to those of its group."""
    for origin in range(len(of)):
        base = np.int64(of[origin]) * OWN
        for column in range(OWN):
            target[base + column] += np.uint64(own[origin * OWN + column])


@step
def _number_of(origins: I8, slots: U4, value: int, seed: int) -> int:
    """The number of an origin; -1 if it is none of them."""
    mask = np.uint64(len(slots) - 1)
    at = _place(value, seed) & mask
    while slots[at]:
        number = np.int64(slots[at]) - 1
        if origins[number] == value:
            return number
        at = (at + np.uint64(1)) & mask
    return -1


@kernel("i8 i8 u4 u u4! u1!")
def neighbourhoods(
    origins: I8, adjacent: I8, neighbour: U4, seed: int, degree: U4, transit: U1
) -> None:
    """Of each origin (distinct), how many neighbours it has, and whether it is another's.

    ``adjacent`` (ascending) and ``neighbour`` are distinct pairs; ``degree`` and ``transit`` zeros.
    """
    size = 16
    while size < 2 * len(origins):
        size *= 2
    slots = np.zeros(size, np.uint32)
    mask = np.uint64(size - 1)
    for number in range(len(origins)):
        at = _place(origins[number], seed) & mask
        while slots[at]:
            at = (at + np.uint64(1)) & mask
        slots[at] = number + 1
    last, its = np.int64(-2), -1
    for pair in range(len(adjacent)):
        if adjacent[pair] == neighbour[pair]:
            continue
        if adjacent[pair] != last:
            last = adjacent[pair]
            its = _number_of(origins, slots, last, seed)
        if its >= 0:
            degree[its] += 1
        other = _number_of(origins, slots, np.int64(neighbour[pair]), seed)
        if other >= 0:
            transit[other] = 1
