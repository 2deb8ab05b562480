"""The compiled loops of small changes to large tables: sorted merges that copy what stays."""

from __future__ import annotations

from typing import Any

import numpy as np

from validator.kernels.core import covers, kernel, step, validate_rows
from validator.model import I8, U1, U2, U4, U8


@step
def _compare(
    a_family: int, a_high: int, a_low: int, a_length: int,
    b_family: int, b_high: int, b_low: int, b_length: int,
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
    return 0


@step
def _first_not_before(
    highs: U8, lows: U8, lengths: U1, start: int, stop: int, high: int, low: int, length: int
) -> int:
    """The first row of ``[start, stop)`` that is not before the prefix; ``stop`` if all are."""
    before, after = start - 1, stop
    while after - before > 1:
        middle = (before + after) >> 1
        if _compare(4, highs[middle], lows[middle], lengths[middle], 4, high, low, length) < 0:
            before = middle
        else:
            after = middle
    return after


@kernel(
    "u8 u8 u1 u4 i u4 u1 u1 i8 u1 u8 u8 u1 i8 u4 u1 u1 i8 u1 u8 u8 u1 i8 "
    "u8! u8! u1! u4! u4! u1! u1! i8! u1! u1!"
)
def splice_vrps(
    high: U8,
    low: U8,
    length: U1,
    first: U4,
    ipv6: int,
    asn: U4,
    max_length: U1,
    trust_anchor: U1,
    expires: I8,
    new_family: U1,
    new_high: U8,
    new_low: U8,
    new_length: U1,
    new_tie: I8,
    new_asn: U4,
    new_max_length: U1,
    new_trust_anchor: U1,
    new_expires: I8,
    old_family: U1,
    old_high: U8,
    old_low: U8,
    old_length: U1,
    old_tie: I8,
    out_high: U8,
    out_low: U8,
    out_length: U1,
    out_first: U4,
    out_asn: U4,
    out_max_length: U1,
    out_trust_anchor: U1,
    out_expires: I8,
    added: U1,
    removed: U1,
) -> tuple[int, int]:
    """A VRP table with some VRPs announced and some withdrawn; returns its prefixes, the IPv4 ones.

    Both changes are sorted and distinct, and have nothing in common. Each changed prefix is found
    by binary search; what lies between two of them is copied as it is. ``added`` and ``removed``
    mark the changes that were changes. The last ``out_first`` says how many VRPs there are.
    """
    group, to_group, to, new, old, ipv4 = 0, 0, 0, 0, 0, -1
    groups = len(high)
    while True:
        # The next changed prefix: of the next announced VRP, or of the next withdrawn one.
        more = new < len(new_tie) or old < len(old_tie)
        f, h, w, k = np.uint8(6), np.uint64(0), np.uint64(0), np.uint8(0)
        if new < len(new_tie):
            f, h, w, k = new_family[new], new_high[new], new_low[new], new_length[new]
        if old < len(old_tie) and (
            new == len(new_tie)
            or _compare(
                old_family[old], old_high[old], old_low[old], old_length[old], f, h, w, k
            ) < 0
        ):  # fmt: skip
            f, h, w, k = old_family[old], old_high[old], old_low[old], old_length[old]
        if not more:
            until = groups
        elif f == 4:
            until = _first_not_before(high, low, length, group, ipv6, h, w, k)
        else:
            until = _first_not_before(high, low, length, max(group, ipv6), groups, h, w, k)
        # What stays as it is.
        if ipv4 < 0 and (not more or f == 6):
            ipv4 = to_group + ipv6 - group
        row, stop = np.int64(first[group]), np.int64(first[until])
        shift = to - row
        for at in range(group, until):
            out_high[to_group + at - group] = high[at]
            out_low[to_group + at - group] = low[at]
            out_length[to_group + at - group] = length[at]
            out_first[to_group + at - group] = np.int64(first[at]) + shift
        for at in range(row, stop):
            out_asn[at + shift] = asn[at]
            out_max_length[at + shift] = max_length[at]
            out_trust_anchor[at + shift] = trust_anchor[at]
            out_expires[at + shift] = expires[at]
        to_group, to, group = to_group + until - group, stop + shift, until
        if not more:
            break
        # The VRPs of the changed prefix: those it has, if any, merged with the changes.
        stop = row = np.int64(first[group])
        if group < groups and (
            _compare(
                4 if group < ipv6 else 6, high[group], low[group], length[group], f, h, w, k
            ) == 0
        ):  # fmt: skip
            stop = np.int64(first[group + 1])
            group += 1
        begin = to
        while True:
            announced = new < len(new_tie) and (
                _compare(
                    new_family[new], new_high[new], new_low[new], new_length[new], f, h, w, k
                ) == 0
            )  # fmt: skip
            if row == stop and not announced:
                break
            tie = np.int64(0)
            if row < stop:
                tie = np.int64(asn[row]) << 8 | (255 - np.int64(max_length[row]))
            if announced and (row == stop or new_tie[new] < tie):
                out_asn[to], out_max_length[to] = new_asn[new], new_max_length[new]
                out_trust_anchor[to], out_expires[to] = new_trust_anchor[new], new_expires[new]
                added[new] = 1
                to, new = to + 1, new + 1
                continue
            if announced and new_tie[new] == tie:
                new += 1
            while (
                old < len(old_tie)
                and _compare(
                    old_family[old], old_high[old], old_low[old], old_length[old], f, h, w, k
                ) == 0
                and old_tie[old] < tie
            ):  # fmt: skip
                old += 1
            if (
                old < len(old_tie)
                and _compare(
                    old_family[old], old_high[old], old_low[old], old_length[old], f, h, w, k
                ) == 0
                and old_tie[old] == tie
            ):  # fmt: skip
                removed[old] = 1
                old += 1
            else:
                out_asn[to], out_max_length[to] = asn[row], max_length[row]
                out_trust_anchor[to], out_expires[to] = trust_anchor[row], expires[row]
                to += 1
            row += 1
        while (
            old < len(old_tie)
            and _compare(
                old_family[old], old_high[old], old_low[old], old_length[old], f, h, w, k
            ) == 0
        ):  # fmt: skip
            old += 1
        if to > begin:
            out_high[to_group], out_low[to_group], out_length[to_group] = h, w, k
            out_first[to_group] = begin
            to_group += 1
    out_first[to_group] = to
    return to_group, ipv4


@kernel("u8 u8 u1 i i u8 u8 u1 i8! i8!")
def find_slices(
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
) -> int:
    """The slices of a table's rows that lie inside some prefixes, which are distinct and in order.

    A prefix inside another adds nothing, nor does one without rows: the slices are disjoint, in
    order, and none is empty. Returns how many there are.
    """
    count, through = 0, start
    for i in range(len(of_high)):
        begin = _first_not_before(
            high, low, length, through, stop, of_high[i], of_low[i], of_length[i]
        )
        before, after = begin - 1, stop
        while after - before > 1:
            middle = (before + after) >> 1
            if covers(of_high[i], of_low[i], of_length[i], high[middle], low[middle]):
                before = middle
            else:
                after = middle
        if after > begin:
            first[count], last[count] = begin, after
            count, through = count + 1, after
    return count


@kernel("u8 u8 u1 i4 u4 u4 u1 i i u8 u8 u1 i8 i8 i8 i u1!")
def revalidate_slices(
    vrp_highs: U8,
    vrp_lows: U8,
    vrp_lengths: U1,
    parents: Any,
    vrp_first: U4,
    asns: U4,
    max_lengths: U1,
    vrp_start: int,
    vrp_stop: int,
    highs: U8,
    lows: U8,
    lengths: U1,
    origins: I8,
    first: I8,
    last: I8,
    count: int,
    verdicts: U1,
) -> None:
    """:func:`validator.kernels.core.validate_rows` for each of some slices of one family."""
    for i in range(count):
        validate_rows(
            vrp_highs, vrp_lows, vrp_lengths, parents, vrp_first, asns, max_lengths,
            vrp_start, vrp_stop, highs, lows, lengths, origins, first[i], last[i], verdicts,
        )  # fmt: skip


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
        after = _first_not_before(
            high, low, length, low_row, stop, of_high[i], of_low[i], of_length[i]
        )
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
