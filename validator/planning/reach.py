"""What address space stays reachable where invalid routes are dropped.

Many networks drop what is invalid. An address is then *reachable* if some route to it is left: an
announced route that is valid or not-found and whose prefix contains it. What counts as announced is
what coverage counts (:mod:`validator.tables.announced`), so that nothing is called reachable for a
default route, a route that few peers see, or one that is too specific to go far.

A prefix stays reachable as a whole if one such route is for it or for a less specific prefix, or if
its more-specifics together leave no address out; in part, if they leave some out. Space is exact:
IPv4 in addresses, IPv6 in /64s (nothing finer counts as announced).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.model import I8, U1, U8, Family, Prefix, Verdict
from validator.snapshot import Snapshot
from validator.tables.addresses import covering
from validator.tables.columns import distinct

_ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_ONE = np.uint64(1)


class Spans(NamedTuple):
    """Disjoint ranges of one family in order, u8, both ends inclusive: IPv4 addresses or /64s."""

    first: U8
    last: U8

    @property
    def size(self) -> int:
        """How many addresses, or /64s, they hold."""
        return int((self.last - self.first).sum(dtype="u8")) + len(self.first)


EMPTY = Spans(np.empty(0, "u8"), np.empty(0, "u8"))


def usable(verdict: U1, excluded: U1) -> NDArray[np.bool_]:
    """Which routes are left where invalid ones are dropped."""
    left: NDArray[np.bool_] = (verdict <= Verdict.VALID) & (excluded == 0)
    return left


def spans_of(family: Family, high: U8, length: U1) -> Spans:
    """The space of each of some prefixes, none longer than /64: not made disjoint."""
    if family is Family.IPV4:
        first = high >> np.uint64(32)
        return Spans(first, first | np.uint64(0xFFFF_FFFF) >> length.astype("u8"))
    # Shifting by 64 is not defined.
    rest = np.where(length < 64, _ALL >> np.minimum(length, 63).astype("u8"), np.uint64(0))
    return Spans(high, high | rest)


def outer(spans: Spans) -> NDArray[np.bool_]:
    """Which of the spans of prefixes, in the order of the tables, no earlier one contains."""
    first, last = spans
    if not len(first):
        return np.empty(0, "?")
    through = np.maximum.accumulate(last)
    chosen = np.ones(len(first), "?")
    chosen[1:] = first[1:] > through[:-1]
    return chosen


def union(spans: Spans) -> Spans:
    """The space of prefixes in the order of the tables, overlaps once."""
    chosen = outer(spans)
    return Spans(spans.first[chosen], spans.last[chosen])


def difference(a: Spans, b: Spans) -> Spans:
    """What ``a`` has and ``b`` has not; neighbouring ranges are made one."""
    if not len(a.first):
        return EMPTY
    # Between two of these no set begins or ends. Past the end of the space comes 0, harmlessly.
    cuts = distinct(np.concatenate([a.first, a.last + _ONE, b.first, b.last + _ONE]))
    ends = np.append(cuts[1:] - _ONE, _ALL)
    chosen = np.flatnonzero(_within(cuts, a) & ~_within(cuts, b))
    first, last = cuts[chosen], ends[chosen]
    if not len(first):
        return EMPTY
    begins = np.ones(len(first), "?")
    begins[1:] = first[1:] != last[:-1] + _ONE
    return Spans(first[begins], last[np.append(begins[1:], True)])


def _within(positions: U8, spans: Spans) -> NDArray[np.bool_]:
    if not len(spans.first):
        return np.zeros(len(positions), "?")
    at = np.searchsorted(spans.first, positions, "right") - 1
    inside: NDArray[np.bool_] = (at >= 0) & (positions <= spans.last[np.maximum(at, 0)])
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How much of a prefix stays reachable. ``covering`` (rows of the route table, the nearest
    first) are the routes for it or for less specific prefixes that are left; where there are none,
    ``parts`` (i8) are the outermost more-specifics that are, and ``left`` is their space."""

    prefix: Prefix
    covering: tuple[int, ...]
    parts: I8
    left: Spans

    @property
    def share(self) -> float:
        """The reachable share of the prefix's addresses: exactly 1 only if all are."""
        if self.covering:
            return 1.0
        total = space_of(self.prefix)
        size = self.left.size
        return 1.0 if size == total else min(size / total, 1 - 2.0**-53) if size else 0.0


def space_of(prefix: Prefix) -> int:
    """The size of a prefix in IPv4 addresses or /64s; one that is longer than /64 counts as one."""
    bits = 32 if prefix.family is Family.IPV4 else 64
    return 1 << max(bits - prefix.length, 0)


def covering_usable(snapshot: Snapshot, prefix: Prefix) -> list[int]:
    """The rows of the routes that contain all of a prefix and are left, the nearest first."""
    routes = snapshot.routes
    return [
        row
        for rows in covering(routes, prefix)
        for row in rows
        if routes.verdict[row] <= Verdict.VALID and not snapshot.excluded[row]
    ]


def reach(snapshot: Snapshot, prefix: Prefix) -> Reach:
    """How much of a prefix stays reachable where invalid routes are dropped."""
    above = tuple(covering_usable(snapshot, prefix))
    nothing = np.empty(0, "i8")
    if above or (prefix.family is Family.IPV6 and prefix.length >= 64):
        return Reach(prefix, above, nothing, EMPTY)
    routes, inside = snapshot.routes, snapshot.routes.covered(prefix)
    of = slice(inside.start, inside.stop)
    rows = inside.start + np.flatnonzero(usable(routes.verdict[of], snapshot.excluded[of]))
    spans = spans_of(prefix.family, routes.high[rows], routes.length[rows])
    chosen = outer(spans)
    return Reach(
        prefix, (), rows[chosen].astype("i8"), Spans(spans.first[chosen], spans.last[chosen])
    )
