"""The compiled loop of holdings: see :mod:`validator.figures.holdings`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validator.kernels.core import kernel, step
from validator.model import U1, U4, U8


@step
def _add(totals: U8, at: int, first: int, last: int) -> None:
    """Add the size of ``[first, last]``; what passes 64 bits stays at the largest number."""
    size = last - first + np.uint64(1)
    total = totals[at] + size
    totals[at] = np.uint64(0xFFFF_FFFF_FFFF_FFFF) if size == 0 or total < size else total


@kernel("u8 u4 u8 u1 u u8 u1 i4 i i i u8!")
def tally_holdings(
    range_first: U8,
    range_group: U4,
    held_first: U8,
    held: U1,
    end: int,
    high: U8,
    length: U1,
    parent: NDArray[np.int32],
    start: int,
    stop: int,
    shift: int,
    totals: U8,
) -> None:
    """What each group holds of ``[0, end]``, and how much of that lies under VRP prefixes
    ``[start, stop)``, which are in order and know their parents.

    ``totals`` has two numbers a group, zero at first. A prefix longer than a /64 is the fraction
    of one that it is: fractions are added exactly, in 2^-64ths, and what is left of each group in
    the end is less than one /64 and dropped.
    """
    one = np.uint64(1)
    fractions = np.zeros(len(totals) // 2, np.uint64)
    group, at, vrp = 0, 0, start
    begin = np.uint64(0)
    while True:
        until = np.uint64(end)
        if group + 1 < len(range_first):
            until = min(until, range_first[group + 1] - one)
        if at + 1 < len(held_first):
            until = min(until, held_first[at + 1] - one)
        if held[at]:
            its = np.int64(range_group[group])
            _add(totals, 2 * its, begin, until)
            while vrp < stop:
                first = high[vrp] >> np.uint64(shift)
                bits = 64 - shift - np.int64(length[vrp])
                last = np.uint64(end)
                if bits < 64 - shift:
                    last = first + ((one << np.uint64(max(bits, 0))) - one)
                if parent[vrp] >= 0 or last < begin:
                    vrp += 1
                    continue
                if first > until:
                    break
                if bits >= 0:
                    _add(totals, 2 * its + 1, max(first, begin), min(last, until))
                else:
                    part = one << np.uint64(64 + bits)
                    fractions[its] += part
                    if fractions[its] < part:
                        _add(totals, 2 * its + 1, first, first)
                if last > until:
                    break
                vrp += 1
        if until == np.uint64(end):
            break
        begin = until + one
        if group + 1 < len(range_first) and range_first[group + 1] == begin:
            group += 1
        if at + 1 < len(held_first) and held_first[at + 1] == begin:
            at += 1
