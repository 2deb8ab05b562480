"""Every figure of every scheme, from one look at the tables.

By origin, what is known of each origin is added up (:class:`~validator.figures.facts.Facts`). By
address, the pairs of registry and country are counted once
(:class:`~validator.figures.facts.Blocks`), and registries, countries and all classes of countries
are sums of these: each address lies in one pair, so nothing is counted twice.
:func:`validator.figures.coverage.measure` counts one scheme route by route, and comes to the same;
a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from validator.figures import holdings, wider
from validator.figures.coverage import Coverage, of_counts, tally
from validator.figures.facts import Adjacent, Blocks, Facts
from validator.figures.visibility import NOTHING_SEEN, Sightings
from validator.groupings import Attribution, Lists, Scheme, assign
from validator.groupings import ByAddress as Ranges
from validator.model import U1, U4, U8, Family, Members
from validator.tables.resources import ResourceTable
from validator.tables.routes import RouteTable
from validator.tables.vrps import VrpTable

Pair = tuple[str, Attribution]


class Counting:
    """What is counted from: the tables of one moment. What several schemes need is worked out when
    the first of them asks for it."""

    def __init__(
        self,
        routes: RouteTable,
        excluded: U1,
        resources: ResourceTable,
        vrps: VrpTable,
        adjacencies: Adjacent,
        sightings: Sightings = NOTHING_SEEN,
    ) -> None:
        self._routes, self._excluded, self._resources = routes, excluded, resources
        self._vrps, self._adjacencies, self._sightings = vrps, adjacencies, sightings

    def each(self, pairs: Sequence[Pair], lists: Mapping[str, Lists]) -> dict[Pair, Coverage]:
        """The schemes that are wanted, with their attributions; ``lists`` has those that need
        one."""
        return {(scheme, by): self.one(scheme, by, lists.get(scheme)) for scheme, by in pairs}

    def one(self, scheme: str, attribution: Attribution, lists: Lists | None) -> Coverage:
        if attribution is Attribution.ORIGIN:
            return self._by_origin(scheme, lists)
        if lists is not None and lists.members is not Members.COUNTRIES:
            return self._by_prefix(scheme, lists)
        return self._by_address(scheme, lists)

    @cached_property
    def _facts(self) -> Facts:
        return Facts.of(
            self._routes, self._excluded, self._resources, self._adjacencies, self._sightings
        )

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks.of(self._facts, self._resources)

    @cached_property
    def _tallied(self) -> tuple[dict[Family, U8], dict[Family, U8], dict[Family, U8]]:
        """Counts, spaces and holdings of each block."""
        assigned = self._blocks.assigned
        return *tally(self._routes, self._excluded, assigned), self._held(assigned)

    @cached_property
    def _beyond(self) -> wider.Wider:
        blocks = self._blocks
        return wider.measure(self._facts, blocks.assigned, blocks.owners)

    def _held(self, assigned: Ranges) -> dict[Family, U8]:
        return holdings.measure(self._vrps, assigned, self._resources)

    def _by_origin(self, scheme: str, lists: Lists | None) -> Coverage:
        facts = self._facts
        owners = facts.owners(scheme, self._resources, lists)
        counted = {family: facts.counts(owners, family) for family in Family}
        return of_counts(
            scheme,
            Attribution.ORIGIN,
            owners.names,
            {family: counts for family, (counts, _) in counted.items()},
            {family: spaces for family, (_, spaces) in counted.items()},
            wider=wider.measure(facts, owners),
        )

    def _by_address(self, scheme: str, lists: Lists | None) -> Coverage:
        resources, blocks = self._resources, self._blocks
        if lists is not None:
            of, names = lists.numbers(resources.countries)[blocks.country], lists.groups
        elif scheme == Scheme.RIR:
            of, names = blocks.registry, resources.registries
        else:
            of, names = blocks.country, resources.countries
        counts, spaces, held = (
            {family: _added(rows, of, len(names)) for family, rows in table.items()}
            for table in self._tallied
        )
        return of_counts(
            scheme,
            Attribution.ADDRESS,
            names,
            counts,
            spaces,
            holdings=held,
            wider=self._beyond.summed(of, len(names)),
        )

    def _by_prefix(self, scheme: str, lists: Lists) -> Coverage:
        assigned = assign(scheme, Attribution.ADDRESS, self._routes, self._resources, lists)
        assert isinstance(assigned, Ranges)
        counts, spaces = tally(self._routes, self._excluded, assigned)
        return of_counts(
            scheme,
            Attribution.ADDRESS,
            assigned.names,
            counts,
            spaces,
            holdings=self._held(assigned),
            wider=wider.measure(self._facts, assigned),
        )


def _added(rows: U8, of: U4, groups: int) -> U8:
    """The rows of each group added up."""
    total = np.zeros((groups, rows.shape[1]), "u8")
    np.add.at(total, of, rows)
    return total
