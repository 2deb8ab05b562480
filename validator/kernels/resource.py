"""The compiled loops over registry records: see :mod:`validator.tables.resources` for what they
serve.

Records come as columns and as an ``order`` by where they begin. A
:func:`~validator.kernels.core.step` that is called for each row takes as few columns as it can:
handing a column over costs time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validator.kernels.core import kernel, step
from validator.model import I8, U4, U8


@kernel("u8 u8")
def locate(first: U8, positions: U8) -> U4:
    found = np.empty(len(positions), np.uint32)
    at = 0
    for i in range(len(positions)):
        position = positions[i]
        steps = 0
        while steps < 8 and at + 1 < len(first) and first[at + 1] <= position:
            at += 1
            steps += 1
        if first[at] > position or (at + 1 < len(first) and first[at + 1] <= position):
            low, high = 0, len(first)
            while high - low > 1:
                middle = (low + high) // 2
                if first[middle] <= position:
                    low = middle
                else:
                    high = middle
            at = low
        found[i] = at
    return found


@kernel("u8 u8 u4")
def overlapping(first: U8, last: U8, order: U4) -> NDArray[np.bool_]:
    """Which of the rows, ordered by ``first``, share a position with another of them."""
    which = np.zeros(len(order), np.bool_)
    furthest = np.uint64(0)
    for i in range(len(order)):
        row = order[i]
        before = i > 0 and first[row] <= furthest
        which[i] = before or (i + 1 < len(order) and first[order[i + 1]] <= last[row])
        furthest = max(furthest, last[row])
    return which


@kernel("u8 u8 u8 u")
def first_sayings(first: U8, last: U8, said: U8, seed: int) -> NDArray[np.bool_]:
    """Which rows say something that none before them says, in an open hash table.

    The hash is seeded, so that no file can be made to collide.
    """
    size = 1024
    while size < 2 * len(first):
        size *= 2
    slots = np.full(size, -1, np.int32)
    once = np.zeros(len(first), np.bool_)
    factor = np.uint64(0x9E37_79B9_7F4A_7C15)
    for row in range(len(first)):
        value = np.uint64(seed)
        for part in (first[row], last[row], said[row]):
            value = (value ^ part) * factor
            value ^= value >> np.uint64(29)
        at = np.int64(value >> np.uint64(1)) & (size - 1)
        while slots[at] >= 0:
            other = slots[at]
            if first[other] == first[row] and last[other] == last[row] and said[other] == said[row]:
                break
            at = (at + 1) & (size - 1)
        if slots[at] < 0:
            slots[at] = row
            once[row] = True
    return once


@step
def beats(held_since: U8, size: U8, rest: U8, a: int, b: int) -> bool:
    """Whether record *a* wins over *b* where both lie; larger, smaller, smaller, earlier wins."""
    if held_since[a] != held_since[b]:
        return bool(held_since[a] > held_since[b])
    if size[a] != size[b]:
        return bool(size[a] < size[b])
    if rest[a] != rest[b]:
        return bool(rest[a] < rest[b])
    return a < b


@kernel("u8 u8 u8 u8 u8 u4 u")
def sweep(
    first: U8, last: U8, held_since: U8, size: U8, rest: U8, order: U4, end: int
) -> tuple[U8, I8]:
    """The ranges of ``[0, end]`` and the row that wins each (-1: none lies there).

    One pass over the rows by where they begin, the rows that lie at a position in a heap with the
    winner on top; what has ended leaves when it comes up. O(n log n), whatever the overlaps.
    """
    one = np.uint64(1)
    n = len(order)
    begins, winners = np.empty(2 * n + 1, np.uint64), np.empty(2 * n + 1, np.int64)
    heap = np.empty(n, np.int64)
    count, taken, made = 0, 0, 0
    at = np.uint64(0)
    while True:
        while count > 0 and last[heap[0]] < at:
            count -= 1
            row = heap[count]
            parent = 0
            while True:
                child = 2 * parent + 1
                if child >= count:
                    break
                if child + 1 < count and beats(
                    held_since, size, rest, heap[child + 1], heap[child]
                ):
                    child += 1
                if not beats(held_since, size, rest, heap[child], row):
                    break
                heap[parent] = heap[child]
                parent = child
            heap[parent] = row
        while taken < n and first[order[taken]] <= at:
            heap[count] = order[taken]
            taken += 1
            child = count
            count += 1
            while child > 0:
                parent = (child - 1) // 2
                if not beats(held_since, size, rest, heap[child], heap[parent]):
                    break
                heap[child], heap[parent] = heap[parent], heap[child]
                child = parent
        until, winner = np.uint64(end), np.int64(-1)
        if count > 0:
            winner = heap[0]
            until = min(last[winner], until)
        if taken < n:
            until = min(first[order[taken]] - one, until)
        if made == 0 or winners[made - 1] != winner:
            begins[made] = at
            winners[made] = winner
            made += 1
        if until >= end:
            break
        at = until + one
    return begins[:made].copy(), winners[:made].copy()
