"""The compiled loops that find what changed between two snapshots: merges of two sorted tables.

Each walks both tables once and writes the rows that differ into columns it is given. Where these
are full it only counts on, so that the caller can come again with enough room: nearly always little
has changed, and a whole table nearly never.
"""

from __future__ import annotations

import numpy as np

from validator.kernels.core import kernel, last_not_after, step
from validator.model import I8, U1, U4, U8


@step
def _before(a_high: int, a_low: int, a_length: int, b_high: int, b_low: int, b_length: int) -> bool:
    """Whether prefix *a* stands before *b*, which is another one, in the order of the tables."""
    if a_high != b_high:
        return a_high < b_high
    if a_low != b_low:
        return a_low < b_low
    return a_length < b_length


@kernel("u8 u8 u1 i8 u1 i i u8 u8 u1 i8 u1 i i i8! i8! i")
def diff_routes(
    a_high: U8,
    a_low: U8,
    a_length: U1,
    a_origin: I8,
    a_verdict: U1,
    a_start: int,
    a_stop: int,
    b_high: U8,
    b_low: U8,
    b_length: U1,
    b_origin: I8,
    b_verdict: U1,
    b_start: int,
    b_stop: int,
    a_row: I8,
    b_row: I8,
    found: int,
) -> int:
    """The routes of one family that are in one table only, or whose state differs.

    Verdicts beyond 1 are all invalid: another reason for the same state is no difference. Writes
    pairs of rows from ``found`` on, -1 where a table has none, in the order of the tables; returns
    ``found`` plus how many there are, which may be more than there was room for.
    """
    i, j, room = a_start, b_start, len(a_row)
    while i < a_stop or j < b_stop:
        old, new = i, j
        if i == a_stop:
            old = -1
        elif j == b_stop:
            new = -1
        elif a_high[i] != b_high[j] or a_length[i] != b_length[j] or a_low[i] != b_low[j]:
            if _before(a_high[i], a_low[i], a_length[i], b_high[j], b_low[j], b_length[j]):
                new = -1
            else:
                old = -1
        elif a_origin[i] != b_origin[j]:
            if a_origin[i] < b_origin[j]:
                new = -1
            else:
                old = -1
        elif a_verdict[i] == b_verdict[j] or (a_verdict[i] > 1 and b_verdict[j] > 1):
            i, j = i + 1, j + 1
            continue
        if found < room:
            a_row[found], b_row[found] = old, new
        found += 1
        if old >= 0:
            i += 1
        if new >= 0:
            j += 1
    return found


@kernel("u8 u8 u1 u4 u4 u1 i i u8 u8 u1 u4 u4 u1 i i i8! i8! i8! i8! i i")
def diff_vrps(
    a_high: U8,
    a_low: U8,
    a_length: U1,
    a_first: U4,
    a_asn: U4,
    a_max_length: U1,
    a_start: int,
    a_stop: int,
    b_high: U8,
    b_low: U8,
    b_length: U1,
    b_first: U4,
    b_asn: U4,
    b_max_length: U1,
    b_start: int,
    b_stop: int,
    a_group: I8,
    a_row: I8,
    b_group: I8,
    b_row: I8,
    gone: int,
    new: int,
) -> tuple[int, int]:
    """The VRPs of one family that are in *a* only (gone) or in *b* only (new).

    Tables as :class:`validator.tables.vrps.VrpTable` has them; ``start`` and ``stop`` are rows of
    prefixes. Writes the prefix row and the VRP row of each, from ``gone`` and ``new`` on; returns
    both plus how many there are.
    """
    i, j = a_start, b_start
    gone_room, new_room = len(a_row), len(b_row)
    while i < a_stop or j < b_stop:
        in_a, in_b = i < a_stop, j < b_stop
        if (
            in_a
            and in_b
            and (a_high[i] != b_high[j] or a_length[i] != b_length[j] or a_low[i] != b_low[j])
        ):
            in_a = _before(a_high[i], a_low[i], a_length[i], b_high[j], b_low[j], b_length[j])
            in_b = not in_a
        old, old_stop, row, stop = 0, 0, 0, 0
        if in_a:
            old, old_stop = a_first[i], a_first[i + 1]
        if in_b:
            row, stop = b_first[j], b_first[j + 1]
        while old < old_stop or row < stop:
            only_a, only_b = row == stop, old == old_stop
            if not only_a and not only_b:
                if a_asn[old] != b_asn[row]:
                    only_a = a_asn[old] < b_asn[row]
                    only_b = not only_a
                elif a_max_length[old] != b_max_length[row]:  # the longest first
                    only_a = a_max_length[old] > b_max_length[row]
                    only_b = not only_a
            if only_a:
                if gone < gone_room:
                    a_group[gone], a_row[gone] = i, old
                gone += 1
            elif only_b:
                if new < new_room:
                    b_group[new], b_row[new] = j, row
                new += 1
            old += not only_b
            row += not only_a
        i += in_a
        j += in_b
    return gone, new


@step
def _shared_bits(a_high: int, a_low: int, b_high: int, b_low: int) -> int:
    """How many leading bits two addresses have in common."""
    differing, bits = np.uint64(a_high) ^ np.uint64(b_high), 0
    if differing == 0:
        differing, bits = np.uint64(a_low) ^ np.uint64(b_low), 64
    if differing == 0:
        return 128
    while differing >> np.uint64(63) == 0:
        differing <<= np.uint64(1)
        bits += 1
    return bits


@kernel("u8 u8 u1 i i u8 u8 u1 i8! i8!")
def nearest_rows(
    high: U8,
    low: U8,
    length: U1,
    start: int,
    stop: int,
    of_high: U8,
    of_low: U8,
    of_length: U1,
    first: I8,
    last: I8,
) -> None:
    """For each prefix, the rows ``[first, last)`` of the most specific prefix that covers it.

    That may be itself; rows ``[start, stop)`` are of its family; empty if nothing covers it. The
    search is that of :func:`validator.tables.addresses.covering`.
    """
    everything = ~np.uint64(0)
    for i in range(len(of_high)):
        first[i] = last[i] = 0
        bits = np.int64(of_length[i])
        while bits >= 0:
            cut_high, cut_low = np.uint64(0), np.uint64(0)
            if bits > 64:
                cut_high = of_high[i]
                cut_low = of_low[i] & (everything << np.uint64(128 - bits))
            elif bits > 0:
                cut_high = of_high[i] & (everything << np.uint64(64 - bits))
            row = last_not_after(high, low, length, start, stop, cut_high, cut_low, bits)
            if row < start:
                break
            shared = _shared_bits(high[row], low[row], of_high[i], of_low[i])
            if length[row] > shared:
                bits = np.int64(shared)
                continue
            before = row
            while (
                before > start
                and high[before - 1] == high[row]
                and low[before - 1] == low[row]
                and length[before - 1] == length[row]
            ):
                before -= 1
            first[i], last[i] = before, row + 1
            break
