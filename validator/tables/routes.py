"""The route table: every distinct (prefix, origin) announced, sorted, immutable, with its verdict.

Multi-origin prefixes (MOAS) are normal: each origin is a row of its own, validated on its own.
Rows are in the order of the tables, the origins of one prefix ascending (NONE first).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from validator.kernels import core as kernels
from validator.model import (
    I8,
    U1,
    U2,
    U4,
    U8,
    Family,
    Prefix,
    Prefixes,
    RouteBatch,
    Verdict,
    frozen,
)


@dataclass(frozen=True, slots=True)
class Route:
    """One announced route, for the faces. ``origin`` may be ``NO_ORIGIN``."""

    prefix: Prefix
    origin: int
    peers: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, eq=False)
class SeenRoutes:
    """Distinct routes in order, with how many peers see each; not validated yet.

    Shapes: all ``(n,)``; ``origin`` i8, ``peers`` u2 (65,535 stands for that many or more).
    """

    prefixes: Prefixes
    origin: I8
    peers: U2

    def __len__(self) -> int:
        return len(self.origin)


@dataclass(frozen=True, slots=True, eq=False)
class RouteTable:
    """See the module. ``ipv6`` is the first IPv6 row; ``verdict`` holds :class:`Verdict` values."""

    high: U8
    low: U8
    length: U1
    origin: I8
    peers: U2
    verdict: U1
    ipv6: int

    def __len__(self) -> int:
        return len(self.origin)

    def __getitem__(self, row: int) -> Route:
        return Route(
            self.prefix(row),
            int(self.origin[row]),
            int(self.peers[row]),
            Verdict(int(self.verdict[row])),
        )

    def prefix(self, row: int) -> Prefix:
        family = Family.IPV4 if row < self.ipv6 else Family.IPV6
        return Prefix(family, int(self.high[row]), int(self.low[row]), int(self.length[row]))

    def family_range(self, family: Family) -> tuple[int, int]:
        """The rows of a family: ``[start, stop)``."""
        return (0, self.ipv6) if family is Family.IPV4 else (self.ipv6, len(self))

    def seen(self) -> SeenRoutes:
        """The same routes without their verdicts."""
        family = np.where(np.arange(len(self)) < self.ipv6, 4, 6).astype("u1")
        prefixes = Prefixes(family, self.high, self.low, self.length)
        return SeenRoutes(prefixes, self.origin, self.peers)

    def exact(self, prefix: Prefix) -> range:
        """The rows of one prefix, one for each origin."""
        start, stop = self.family_range(prefix.family)
        place = self.high, self.low, self.length
        last = kernels.last_not_after(*place, start, stop, prefix.high, prefix.low, prefix.length)
        first = last
        while first >= start and self.prefix(first) == prefix:
            first -= 1
        return range(first + 1, last + 1)

    def covered(self, prefix: Prefix) -> range:
        """The rows of all routes inside a prefix, its own included: one slice."""
        start, stop = self.family_range(prefix.family)
        place = self.high, self.low, self.length, start, stop
        ones = (1 << 128 - prefix.length) - 1 | prefix.high << 64 | prefix.low
        first = kernels.last_not_after(*place, prefix.high, prefix.low, prefix.length - 1) + 1
        last = kernels.last_not_after(*place, ones >> 64, ones & (1 << 64) - 1, 128)
        return range(first, last + 1)


def see(batch: RouteBatch) -> SeenRoutes:
    """The routes of a list: it counts as one peer that sees them all."""
    _, _, seen = _sorted(_pointed(batch), batch.origin)
    return seen


def unite(parts: Sequence[SeenRoutes]) -> SeenRoutes:
    """All routes of some tables; one that several have is seen by all their peers."""
    if len(parts) == 1:
        return parts[0]
    origin = np.concatenate([part.origin for part in parts]) if parts else np.empty(0, "i8")
    peers = np.concatenate([part.peers for part in parts]) if parts else np.empty(0, "u2")
    order, rows, seen = _sorted(Prefixes.concatenate([part.prefixes for part in parts]), origin)
    return SeenRoutes(seen.prefixes, seen.origin, kernels.sum_runs(order, rows, peers))


def _sorted(prefixes: Prefixes, origin: I8) -> tuple[U4, U4, SeenRoutes]:
    """The order of some routes, which of them are distinct, and these, each seen by one peer."""
    columns = prefixes.family, prefixes.high, prefixes.low, prefixes.length, origin
    order = kernels.table_order(*columns)
    rows, family, high, low, length, origins = kernels.distinct_rows(order, *columns)
    distinct = Prefixes(family, high, low, length)
    return order, rows, SeenRoutes(distinct, origins, np.ones(len(rows), "u2"))


def publish(seen: SeenRoutes, verdict: U1) -> RouteTable:
    """The table of routes with their verdicts (u1, a row each), frozen."""
    ipv6 = int(np.count_nonzero(seen.prefixes.family == Family.IPV4))
    columns = (
        seen.prefixes.high,
        seen.prefixes.low,
        seen.prefixes.length,
        seen.origin,
        seen.peers,
        verdict,
    )
    frozen(*columns)
    return RouteTable(*columns, ipv6)


def _pointed(batch: RouteBatch) -> Prefixes:
    """The prefix of each entry of a route list."""
    in_place = len(batch.prefix) == len(batch.prefixes) and bool(
        (batch.prefix == np.arange(len(batch.prefix), dtype="u4")).all()
    )
    return batch.prefixes if in_place else batch.prefixes.take(batch.prefix)
