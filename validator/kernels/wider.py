"""The compiled loops that count figures beyond coverage by group: see
:mod:`validator.figures.wider`.

What does not depend on the groups was found before (:mod:`validator.kernels.facts`), so that little
is left to do for each scheme.
"""

from __future__ import annotations

import numpy as np

from validator.kernels.core import kernel
from validator.kernels.facts import AS_WATCHED_INVALID, AS_WATCHED_VALID, CONFLICT, FIRST
from validator.model import I8, U1, U2, U4, U8

# Figures of a family, as columns.
PREFIXES, NO_ORIGINS, UNREGISTERED, BOGONS, WATCHED_VALID, WATCHED_INVALID = range(6)
VALID_SIGHTINGS, INVALID_SIGHTINGS, MOAS, UNREGISTERED_SPACE = range(6, 10)
FIGURES = 10

# Figures of networks, as columns; the last one is not used.
NETWORKS, IPV4, IPV6, STUBS, MULTIHOMED_STUBS, TRANSITS, MULTIHOMED_TRANSITS = range(7)
NETWORK_FIGURES = 7


@kernel("u8 u4 i u8!")
def add_rows(source: U8, of: U4, columns: int, target: U8) -> None:
    """Add each row of ``source`` to row ``of`` of ``target``; both have ``columns`` columns."""
    for row in range(len(of)):
        base = np.int64(of[row]) * columns
        for column in range(columns):
            target[base + column] += source[row * columns + column]


@kernel("u1 u4 i u8!")
def add_networks(networks: U1, of: U4, stride: int, target: U8) -> None:
    """Count the bits of each origin under its group: bit i in column i."""
    for origin in range(len(of)):
        bits = np.uint64(networks[origin])
        base = np.int64(of[origin]) * stride
        for column in range(NETWORK_FIGURES):
            target[base + column] += bits >> np.uint64(column) & np.uint64(1)


# ------------------------------------------------------------------------------------- by origin


@kernel("u1 u4 i8! u8!")
def settle_shared(marks: U1, group: U4, run: I8, figures: U8) -> None:
    """Count prefixes with several origins once in each group, and in each as MOAS if it is one.

    ``figures`` counts such a prefix once for each of its rows so far. ``run`` is a working column,
    a number below zero for each group.
    """
    at = np.int64(-1)
    for i in range(len(marks)):
        if marks[i] & FIRST:
            at = np.int64(i)
        base = np.int64(group[i]) * FIGURES
        if run[group[i]] == at:
            figures[base + PREFIXES] -= np.uint64(1)
        elif marks[i] & CONFLICT:
            figures[base + MOAS] += np.uint64(1)
        run[group[i]] = at


@kernel("u8 u8 u4 u8! u8!")
def unheld_by_group(first: U8, last: U8, group: U4, through: U8, figures: U8) -> None:
    """The unheld space of each group of rows, overlaps once. ``through``: zeros, one a group."""
    one = np.uint64(1)
    for i in range(len(first)):
        its = group[i]
        at = np.int64(its) * FIGURES + UNREGISTERED_SPACE
        if figures[at] == 0:
            figures[at] = last[i] - first[i] + one
            through[its] = last[i]
        elif last[i] > through[its]:
            figures[at] += last[i] - max(first[i], through[its] + one) + one
            through[its] = last[i]


# ------------------------------------------------------------------------------------ by address


@kernel("u8 u1 u2 u8 u4 i i i u8! u8!")
def tally_by_address(
    high: U8,
    flags: U1,
    seen: U2,
    range_first: U8,
    range_group: U4,
    start: int,
    stop: int,
    shift: int,
    packed: U8,
    sightings: U8,
) -> None:
    """Count the flags of rows ``[start, stop)`` under the group of their first address.

    ``packed`` has four numbers a group, each of two counts: bit ``j`` of the flags in the lower
    half of number ``j``, bit ``j + 4`` in the upper. ``sightings``: two, of valid and of invalid.
    """
    at = 0
    for row in range(start, stop):
        flag = np.uint64(flags[row])
        if flag == 0:
            continue
        first = high[row] >> np.uint64(shift)
        while at + 1 < len(range_first) and range_first[at + 1] <= first:
            at += 1
        group = np.int64(range_group[at])
        for j in range(4):
            both = flag >> np.uint64(j) & np.uint64(0x11)
            packed[group * 4 + j] += (both | both << np.uint64(28)) & np.uint64(0x1_0000_0001)
        if flag & np.uint64(AS_WATCHED_VALID):
            sightings[group * 2] += np.uint64(seen[row])
        elif flag & np.uint64(AS_WATCHED_INVALID):
            sightings[group * 2 + 1] += np.uint64(seen[row])


@kernel("u8 u1 u8 u8")
def in_unheld(held_first: U8, held: U1, unheld_before: U8, positions: U8) -> U8:
    """Ascending positions in unheld coordinates: how many units before each nobody holds."""
    found = np.empty(len(positions), np.uint64)
    at = 0
    for i in range(len(positions)):
        while at + 1 < len(held_first) and held_first[at + 1] <= positions[i]:
            at += 1
        found[i] = unheld_before[at]
        if not held[at]:
            found[i] += positions[i] - held_first[at]
    return found


@kernel("u8 u8 u8 u4 u8!")
def unheld_by_address(first: U8, last: U8, bounds: U8, range_group: U4, figures: U8) -> None:
    """The unheld space of intervals (nested or apart, in order), overlaps once, split by ranges.

    ``bounds`` is where each range begins. All is in unheld coordinates.
    """
    one = np.uint64(1)
    at, through, any_yet = 0, np.uint64(0), False
    for i in range(len(first)):
        if any_yet and last[i] <= through:
            continue
        any_yet, through = True, last[i]
        begin = first[i]
        while at + 1 < len(bounds) and bounds[at + 1] <= begin:
            at += 1
        while True:
            end = last[i]
            if at + 1 < len(bounds) and bounds[at + 1] <= end:
                end = bounds[at + 1] - one
            if end >= begin:
                figures[np.int64(range_group[at]) * FIGURES + UNREGISTERED_SPACE] += (
                    end - begin + one
                )
                if end == last[i]:
                    break
                begin = end + one
            at += 1
