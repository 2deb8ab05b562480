"""Where a network stands among the others: by IPv4 space it announces, and by its routes.

A rank is one more than the number of networks that have strictly more, so those that have the same
share a rank, and the next rank is left out (1, 2, 2, 4). Ranked are the networks that have any: a
network that announces no IPv4 has no rank by IPv4 space. Counted is what coverage counts
(:mod:`validator.tables.announced`): IPv4 space in distinct addresses, routes of both families
together.

The networks of a country are those whose AS number is registered there, which says nothing of
where they are; what nobody holds belongs to no country and has no rank in one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from validator.figures.coverage import Coverage
from validator.model import I8, NO_ORIGIN, U2, U8, Family
from validator.tables.resources import ResourceTable, locate


class Place(NamedTuple):
    """Rank ``rank`` among ``of`` networks that have any; ``rank`` is None for one without."""

    rank: int | None
    of: int


class Standing(NamedTuple):
    """The places of one network. ``*_country`` is None if no country holds its number."""

    ipv4_space: Place
    ipv4_space_country: Place | None
    routes: Place
    routes_country: Place | None


@dataclass(frozen=True, slots=True, eq=False)
class Standings:
    """Every network that originates a counted route. Shapes: all ``(n,)``; ``asn`` i8, ascending;
    ``country`` u2, 0 for nobody; ``ipv4_space`` and ``routes`` u8."""

    asn: I8
    country: U2
    ipv4_space: U8
    routes: U8

    @classmethod
    def build(cls, coverage: Coverage, resources: ResourceTable) -> Standings:
        """From the coverage of all networks (scheme ``asn``). Takes some 20 ms."""
        numbers = [NO_ORIGIN if name == "NONE" else int(name[2:]) for name in coverage.groups]
        every = np.array(numbers, "i8")
        routes = sum(coverage.routes[family].sum(axis=1) for family in Family)
        order = np.argsort(every)
        order = order[(every[order] != NO_ORIGIN) & (np.asarray(routes)[order] > 0)]
        asn = every[order]
        return cls(
            asn,
            resources.asn.country[locate(resources.asn, asn.astype("u8"))],
            coverage.space[Family.IPV4][order, 0],
            np.asarray(routes, "u8")[order],
        )

    def of(self, asn: int, country: int) -> Standing:
        """The places of a network. ``country``: of its number, an index, 0 for nobody."""
        at = int(self.asn.searchsorted(asn))
        known = at < len(self.asn) and int(self.asn[at]) == asn
        mine = self.country == country if country else None

        def place(measure: U8) -> Place:
            value = int(measure[at]) if known else 0
            rank = 1 + int(np.count_nonzero(measure > value)) if value else None
            return Place(rank, int(np.count_nonzero(measure)))

        def place_within(measure: U8) -> Place | None:
            if mine is None:
                return None
            value = int(measure[at]) if known else 0
            theirs = measure[mine]
            rank = 1 + int(np.count_nonzero(theirs > value)) if value else None
            return Place(rank, int(np.count_nonzero(theirs)))

        return Standing(
            place(self.ipv4_space),
            place_within(self.ipv4_space),
            place(self.routes),
            place_within(self.routes),
        )


class LatestStandings:
    """The standings of the coverage that is in force, worked out when first asked for and kept
    until coverage or resources are others. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[Coverage, ResourceTable, Standings] | None = None

    def of(self, coverage: Coverage, resources: ResourceTable) -> Standings:
        with self._lock:
            known = self._known
            if known is None or known[0] is not coverage or known[1] is not resources:
                known = coverage, resources, Standings.build(coverage, resources)
                self._known = known
            return known[2]
