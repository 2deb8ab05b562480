"""The compiled loops of visibility: see :mod:`validator.figures.visibility` for what they serve."""

from __future__ import annotations

import numpy as np

from validator.kernels.core import inlined, kernel, step
from validator.kernels.facts import UNWATCHED
from validator.kernels.rib import NOTHING, mix
from validator.model import I8, U1, U2, U4, U8

_MOST = UNWATCHED - 1
KINDS = 4
"""Kinds of rows: valid, invalid, not-found, and what is not counted."""


@step
def _row_of(origin: I8, start: int, stop: int, wanted: int) -> int:
    """The row of ``[start, stop)``, ascending, that has this origin; -1 if none."""
    while stop - start > 4:
        middle = (start + stop) >> 1
        if origin[middle] <= wanted:
            start = middle
        else:
            stop = middle
    while start < stop:
        if origin[start] == wanted:
            return start
        start += 1
    return -1


@inlined
def _sight_one(
    cells: U4,
    cell: int,
    width: int,
    pair_origin: I8,
    origin: int,
    full: U1,
    by_peer: U8,
    kind: int,
) -> int:
    """A prefix with one route and no paths but those in cells."""
    met, count = np.uint64(0), np.uint64(0)
    for peer in range(width):  # without branches: neighbours differ from peer to peer
        pair = cells[cell + peer]
        here = np.uint64(pair != 0) & np.uint64(pair_origin[pair] == origin)
        met |= here
        carried = here & np.uint64(full[peer])
        count += carried
        by_peer[kind * width + peer] += carried
    return min(np.int64(count), _MOST) if met else UNWATCHED


@kernel(
    "i u8 u8 u1 i8 u1 i i u4 u1 u8 u8 u1 u u4 i i8 u4 u4 u4 u4 u1 u2! u8!",
)
def sight_routes(
    family: int,
    high: U8,
    low: U8,
    length: U1,
    origin: I8,
    kind: U1,
    start: int,
    stop: int,
    slots: U4,
    known_family: U1,
    known_high: U8,
    known_low: U8,
    known_length: U1,
    seed: int,
    cells: U4,
    width: int,
    pair_origin: I8,
    head: U4,
    extra_peer: U4,
    extra_pair: U4,
    extra_next: U4,
    full: U1,
    seen: U2,
    by_peer: U8,
) -> None:
    """How many of the ``full`` peers announce each route ``[start, stop)`` of a table, of one
    family; UNWATCHED where no peer at all does.

    The columns of the RIB are those of :mod:`validator.tables.rib`; ``full`` (1 or 0) and
    ``by_peer`` (a number for each peer, for each ``kind`` of row) are by its numbers of peers. A
    peer that announces a route by several paths counts once.
    """
    mask = np.uint64(len(slots) - 1)
    row = start
    while row < stop:
        end = row + 1
        while (
            end < stop
            and high[end] == high[row]
            and length[end] == length[row]
            and low[end] == low[row]
        ):
            end += 1
        for i in range(row, end):
            seen[i] = UNWATCHED
        bits = np.uint64(family) << np.uint64(8) | np.uint64(length[row])
        at = mix(high[row], low[row], bits, seed) & mask
        while slots[at] != NOTHING:
            n = slots[at]
            if (
                known_high[n] == high[row]
                and known_low[n] == low[row]
                and known_length[n] == length[row]
                and known_family[n] == family
            ):
                break
            at = (at + np.uint64(1)) & mask
        if slots[at] == NOTHING:
            row = end
            continue
        number = np.int64(slots[at])
        cell = number * width
        if end - row == 1 and head[number] == NOTHING:  # nearly always
            seen[row] = _sight_one(
                cells, cell, width, pair_origin, origin[row], full, by_peer, np.int64(kind[row])
            )
            row = end
            continue
        last_pair, its = np.uint32(0), -1
        for peer in range(width):
            pair = cells[cell + peer]
            if pair == 0:
                continue
            if pair != last_pair:  # most peers agree
                last_pair = pair
                its = _row_of(origin, row, end, pair_origin[pair])
            if its >= 0:
                if seen[its] == UNWATCHED:
                    seen[its] = 0
                if full[peer]:
                    seen[its] = min(seen[its] + 1, _MOST)
                    by_peer[np.int64(kind[its]) * width + peer] += np.uint64(1)
        node = np.int64(head[number])
        while node != NOTHING:
            wanted = pair_origin[extra_pair[node]]
            peer = np.int64(extra_peer[node])
            own = cells[cell + peer]
            known = own != 0 and pair_origin[own] == wanted
            earlier = np.int64(head[number])
            while not known and earlier != node:
                known = extra_peer[earlier] == peer and pair_origin[extra_pair[earlier]] == wanted
                earlier = np.int64(extra_next[earlier])
            its = -1 if known else _row_of(origin, row, end, wanted)
            if its >= 0:
                if seen[its] == UNWATCHED:
                    seen[its] = 0
                if full[peer]:
                    seen[its] = min(seen[its] + 1, _MOST)
                    by_peer[np.int64(kind[its]) * width + peer] += np.uint64(1)
            node = np.int64(extra_next[node])
        row = end


@kernel("u8 u8 u1 i8 u2 i i u8 u8 u1 i8 i i u2!")
def carry_over(
    high: U8,
    low: U8,
    length: U1,
    origin: I8,
    seen: U2,
    start: int,
    stop: int,
    new_high: U8,
    new_low: U8,
    new_length: U1,
    new_origin: I8,
    new_start: int,
    new_stop: int,
    out: U2,
) -> None:
    """``seen`` of the same routes in another table, of one family; UNWATCHED where it has none."""
    at = start
    for row in range(new_start, new_stop):
        h, w, k, o = new_high[row], new_low[row], new_length[row], new_origin[row]
        while at < stop and (
            high[at] < h
            or (
                high[at] == h
                and (
                    low[at] < w
                    or (low[at] == w and (length[at] < k or (length[at] == k and origin[at] < o)))
                )
            )
        ):
            at += 1
        same = at < stop and high[at] == h and low[at] == w and length[at] == k and origin[at] == o
        out[row] = seen[at] if same else UNWATCHED
