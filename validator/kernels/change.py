"""The compiled loop that joins the routes of two days: one walk over two sorted tables.

On each day a route has a *place* (:data:`PLACES` of them) as seen from one group: not announced,
not counted, counted under another group, or counted here in one of three states. What is asked for
is how many routes went from each place to each other, for everybody who is to be told of.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validator.kernels.core import kernel, step
from validator.kernels.event import _before
from validator.model import I8, U1, U4, U8

ABSENT, EXCLUDED, ELSEWHERE, VALID, INVALID, NOT_FOUND = range(6)
PLACES = 6
KINDS = PLACES * PLACES
"""Of a route's way: its place before times :data:`PLACES`, plus its place after."""


@step
def _add(counts: U4, who: Any, before: Any, after: Any) -> None:
    counts[np.int64(who) * KINDS + np.int64(before) * PLACES + np.int64(after)] += np.uint32(1)


@kernel("u8 u8 u1 i8 u1 u4 i u8 u8 u1 i8 u1 u4 i u4!")
def join_days(
    a_high: U8,
    a_low: U8,
    a_length: U1,
    a_origin: I8,
    a_place: U1,
    a_who: U4,
    a_start: int,
    b_high: U8,
    b_low: U8,
    b_length: U1,
    b_origin: I8,
    b_place: U1,
    b_who: U4,
    b_start: int,
    counts: U4,
) -> None:
    """Count the ways of one family's routes from table *a* to table *b* into ``counts``, KINDS
    numbers for each ``who``, zeros at first.

    ``place`` and ``who`` are of the family alone, whose rows begin at ``start``; ``who`` means
    something only where the place is in the group. A route that is in the group on both days, but
    belongs to somebody else, goes elsewhere for the one and comes from elsewhere for the other.
    """
    i, j, left, right = 0, 0, len(a_place), len(b_place)
    while i < left or j < right:
        old, new = i < left, j < right
        if old and new:
            p, q = i + a_start, j + b_start
            if a_high[p] != b_high[q] or a_length[p] != b_length[q] or a_low[p] != b_low[q]:
                old = _before(a_high[p], a_low[p], a_length[p], b_high[q], b_low[q], b_length[q])
                new = not old
            elif a_origin[p] != b_origin[q]:
                old = a_origin[p] < b_origin[q]
                new = not old
        was, now = np.int64(ABSENT), np.int64(ABSENT)
        if old:
            was = np.int64(a_place[i])
        if new:
            now = np.int64(b_place[j])
        if was >= VALID and now >= VALID and a_who[i] != b_who[j]:
            _add(counts, a_who[i], was, ELSEWHERE)
            _add(counts, b_who[j], ELSEWHERE, now)
        elif was >= VALID:
            _add(counts, a_who[i], was, now)
        elif now >= VALID:
            _add(counts, b_who[j], was, now)
        i += old
        j += new
