"""The compiled loops of small changes to large tables: sorted merges that copy what stays."""

from __future__ import annotations

from typing import Any

import numpy as np

from validator.kernels import kernel, step
from validator.model import I8, U1, U2, U4, U8


@step
def _compare(
    a_family: int, a_high: int, a_low: int, a_length: int, a_tie: int,
    b_family: int, b_high: int, b_low: int, b_length: int, b_tie: int,
) -> int:  # fmt: skip
    """-1, 0 or 1, in the order of the tables."""
    if a_family != b_family:
        return -1 if a_family < b_family else 1
    if a_high != b_high:
        return -1 if a_high < b_high else 1
    if a_low != b_low:
        return -1 if a_low < b_low else 1
    if a_length != b_length:
        return -1 if a_length < b_length else 1
    if a_tie != b_tie:
        return -1 if a_tie < b_tie else 1
    return 0


@kernel("u8 u8 u1 u4 i u4 u1 u1 u8 u8 u1 i8 u1 u8 u8 u1 i8 u4! u1! u1!")
def merge_vrps(
    high: U8,
    low: U8,
    length: U1,
    first: U4,
    ipv6: int,
    asn: U4,
    max_length: U1,
    new_family: U1,
    new_high: U8,
    new_low: U8,
    new_length: U1,
    new_tie: I8,
    old_family: U1,
    old_high: U8,
    old_low: U8,
    old_length: U1,
    old_tie: I8,
    rows: U4,
    added: U1,
    removed: U1,
) -> int:
    """The rows of a VRP table with some announced and some withdrawn; returns how many.

    Both changes are sorted and distinct. ``rows`` gets table rows, and announced rows counted on
    from the table's end; ``added`` and ``removed`` mark the changes that were changes.
    """
    count, new, old, total = 0, 0, 0, len(asn)
    for prefix in range(len(high)):
        family = 4 if prefix < ipv6 else 6
        for row in range(np.int64(first[prefix]), np.int64(first[prefix + 1])):
            tie = np.int64(asn[row]) << 8 | (255 - np.int64(max_length[row]))
            while new < len(new_tie):
                order = _compare(
                    new_family[new], new_high[new], new_low[new], new_length[new], new_tie[new],
                    family, high[prefix], low[prefix], length[prefix], tie,
                )  # fmt: skip
                if order > 0:
                    break
                if order < 0:
                    rows[count] = total + new
                    added[new] = 1
                    count += 1
                new += 1
            gone = False
            while old < len(old_tie):
                order = _compare(
                    old_family[old], old_high[old], old_low[old], old_length[old], old_tie[old],
                    family, high[prefix], low[prefix], length[prefix], tie,
                )  # fmt: skip
                if order > 0:
                    break
                if order == 0:
                    gone = True
                    removed[old] = 1
                old += 1
            if not gone:
                rows[count] = row
                count += 1
    while new < len(new_tie):
        rows[count] = total + new
        added[new] = 1
        count += 1
        new += 1
    return count


@kernel("u8 u8 u1 u4 i u1 u8 u8 u1 i u4 i u1! u8! u8! u1! u4!")
def regroup_vrps(
    high: U8,
    low: U8,
    length: U1,
    first: U4,
    ipv6: int,
    new_family: U1,
    new_high: U8,
    new_low: U8,
    new_length: U1,
    total: int,
    rows: U4,
    count: int,
    families: U1,
    highs: U8,
    lows: U8,
    lengths: U1,
    firsts: U4,
) -> int:
    """The prefixes of merged rows, with where each begins; returns how many prefixes."""
    groups, prefix = 0, 0
    for at in range(count):
        row = np.int64(rows[at])
        if row < total:
            while first[prefix + 1] <= row:
                prefix += 1
            f, h, w, k = 4 if prefix < ipv6 else 6, high[prefix], low[prefix], length[prefix]
        else:
            new = row - total
            f, h, w, k = new_family[new], new_high[new], new_low[new], new_length[new]
        last = groups - 1
        if (
            groups == 0
            or highs[last] != h
            or lengths[last] != k
            or lows[last] != w
            or families[last] != f
        ):
            families[groups], highs[groups], lows[groups], lengths[groups] = f, h, w, k
            firsts[groups] = at
            groups += 1
    firsts[groups] = count
    return groups


@kernel("i8 i8 u8 u8 u1 i8 u2 u1 u1 u8 u8 u1 i8 u2 u1 u1 i8 u8! u8! u1! i8! u2! u1! u1!")
def splice_routes(
    gap_start: I8,
    gap_stop: I8,
    high: U8,
    low: U8,
    length: U1,
    origin: I8,
    peers: U2,
    verdict: U1,
    excluded: U1,
    new_high: U8,
    new_low: U8,
    new_length: U1,
    new_origin: I8,
    new_peers: U2,
    new_verdict: U1,
    new_excluded: U1,
    new_stop: I8,
    out_high: U8,
    out_low: U8,
    out_length: U1,
    out_origin: I8,
    out_peers: U2,
    out_verdict: U1,
    out_excluded: U1,
) -> Any:
    """Replace rows ``[gap_start[i], gap_stop[i])`` by new rows up to ``new_stop[i]``, in order."""
    to, row, new = 0, 0, 0
    for gap in range(len(gap_start) + 1):
        stop = gap_start[gap] if gap < len(gap_start) else len(high)
        for at in range(row, stop):
            out_high[to], out_low[to], out_length[to] = high[at], low[at], length[at]
            out_origin[to], out_peers[to] = origin[at], peers[at]
            out_verdict[to], out_excluded[to] = verdict[at], excluded[at]
            to += 1
        if gap == len(gap_start):
            break
        for at in range(new, new_stop[gap]):
            out_high[to], out_low[to], out_length[to] = new_high[at], new_low[at], new_length[at]
            out_origin[to], out_peers[to] = new_origin[at], new_peers[at]
            out_verdict[to], out_excluded[to] = new_verdict[at], new_excluded[at]
            to += 1
        row, new = gap_stop[gap], new_stop[gap]
    return to


@kernel("u8 u8 u1 i i u8 u8 u1 i8! i8!")
def find_rows(
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
    """For distinct prefixes in order, the rows ``[first, last)`` that each has in a table's slice.

    A prefix without rows gets the place where they would stand.
    """
    low_row = start
    for i in range(len(of_high)):
        before, after = low_row - 1, stop
        while after - before > 1:
            middle = (before + after) >> 1
            smaller = high[middle] < of_high[i] or (
                high[middle] == of_high[i]
                and (
                    low[middle] < of_low[i]
                    or (low[middle] == of_low[i] and length[middle] < of_length[i])
                )
            )
            if smaller:
                before = middle
            else:
                after = middle
        end = after
        while (
            end < stop
            and high[end] == of_high[i]
            and low[end] == of_low[i]
            and length[end] == of_length[i]
        ):
            end += 1
        first[i], last[i] = after, end
        low_row = end
