"""More than RPKI: the figures of a group beside its coverage, each a numerator or a denominator.

Of a family, under the attribution of the scheme: prefixes and MOAS, AS_SET origins, space and AS
numbers that nobody holds, and how visible valid and invalid routes are. Of networks, always under
the group of the AS number: who announces IPv4 and IPv6, and how many neighbours they have. What
each means stands at :class:`FamilyFigures` and :class:`NetworkFigures`. The denominators "announced
routes" and "announced space" are those of :mod:`validator.figures.coverage`. Only routes that are
not excluded count, for networks too.

:class:`~validator.figures.facts.Facts` looks at the whole table once; :func:`measure` then costs
little for each scheme.

What adds up: by address, everything, since each prefix, unit of space and network has one group.
By origin, everything but ``prefixes``, ``moas_prefixes`` and ``unregistered_space``: networks of
two groups may announce the same prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from validator.figures.facts import SHIFT, Facts
from validator.groupings import ByAddress, ByOrigin
from validator.kernels import facts as facts_kernels
from validator.kernels import wider as kernels
from validator.model import U4, U8, Family, frozen

_OWN_FIGURES = (
    facts_kernels.OWN_ROUTES,
    facts_kernels.OWN_NO_ORIGINS,
    facts_kernels.OWN_UNREGISTERED,
    facts_kernels.OWN_BOGONS,
    facts_kernels.OWN_WATCHED,
    facts_kernels.OWN_WATCHED + 1,
    facts_kernels.OWN_SIGHTINGS,
    facts_kernels.OWN_SIGHTINGS + 1,
)
"""Where the first eight figures stand among what is known of each origin."""
_OF_BITS = (
    kernels.PREFIXES,
    kernels.NO_ORIGINS,
    kernels.UNREGISTERED,
    kernels.BOGONS,
    kernels.WATCHED_VALID,
    kernels.WATCHED_INVALID,
    kernels.MOAS,
)
"""Which figure each bit of a row's flags counts for."""


class FamilyFigures(NamedTuple):
    """One group's figures in one family: the columns of :attr:`Wider.family`.

    A route is *watched* if some peer of the RIB announced it at the last survey: what only a route
    list has, and what is newer, is not. A *sighting* is a watched route announced by one full-feed
    peer; of ``watched_valid`` routes there could be that times ``full_feeds``.
    """

    prefixes: int
    """Distinct prefixes announced."""
    as_set_routes: int
    """Routes whose origin is NONE: of announced routes."""
    unregistered_routes: int
    """Routes whose first address nobody holds: of announced routes."""
    bogon_routes: int
    """Routes whose origin is an AS number that nobody holds: of announced routes."""
    watched_valid: int
    watched_invalid: int
    valid_sightings: int
    invalid_sightings: int
    moas_prefixes: int
    """Of ``prefixes``, the ones that two AS numbers or more originate (NONE is no AS number)."""
    unregistered_space: int
    """Distinct announced space that nobody holds, in IPv4 addresses or /64s: of announced space."""


class NetworkFigures(NamedTuple):
    """The networks of one group: the columns of :attr:`Wider.networks`.

    Neighbours are the ASes seen just before the origin in paths; a route list has no paths, so
    that its networks are neither stubs nor transit.
    """

    networks: int
    """AS numbers that originate a counted route."""
    ipv4: int
    ipv6: int
    """Of these, the ones that originate one of that family."""
    stubs: int
    """Networks with a neighbour that stand before no other origin."""
    multihomed_stubs: int
    """Of these, the ones seen behind two distinct neighbours or more."""
    transits: int
    """Networks that stand before another origin."""
    multihomed_transits: int


@dataclass(frozen=True, slots=True, eq=False)
class Wider:
    """Every group of one scheme. ``family[family]`` is u8 ``(groups, 10)``, ``networks`` u8
    ``(groups, 7)``; ``full_feeds`` says how many peers could have sighted a route."""

    family: dict[Family, U8]
    networks: U8
    full_feeds: Mapping[Family, int]
    by_address: bool

    def figures(self, group: int, family: Family) -> FamilyFigures:
        return FamilyFigures(*self.family[family][group].tolist())

    def network_figures(self, group: int) -> NetworkFigures:
        return NetworkFigures(*self.networks[group].tolist())

    def summed(self, of: U4, groups: int) -> Wider:
        """The figures of ``groups`` classes, ``of`` (u4) being the class of each of our groups.

        Raises:
            ValueError: these are figures by origin, which do not all add up.
        """
        if not self.by_address:
            raise ValueError("figures by origin do not add up: measure each scheme on its own")
        return _wider(
            {family: _added(rows, of, groups) for family, rows in self.family.items()},
            _added(self.networks, of, groups),
            self.full_feeds,
            by_address=True,
        )


def measure(facts: Facts, assigned: ByOrigin | ByAddress, owners: ByOrigin | None = None) -> Wider:
    """The figures of every group of a scheme, by origin or by address.

    What is by origin is as :meth:`Facts.owners` gives it. ``owners`` says whose the networks are
    where ``assigned`` is by address; where no scheme says so (prefixes of the user's own), the
    figures of networks are zero.
    """
    groups = len(assigned.names)
    owners = assigned if isinstance(assigned, ByOrigin) else owners
    networks = np.zeros((groups, kernels.NETWORK_FIGURES), "u8")
    if owners is not None:
        kernels.add_networks(
            facts.networks, owners.group, kernels.NETWORK_FIGURES, networks.reshape(-1)
        )
    if isinstance(assigned, ByOrigin):
        family = {each: _by_origin(facts, each, assigned) for each in Family}
        return _wider(family, networks, facts.full_feeds, by_address=False)
    family = {each: _by_address(facts, each, assigned) for each in Family}
    return _wider(family, networks, facts.full_feeds, by_address=True)


def _by_origin(facts: Facts, family: Family, owners: ByOrigin) -> U8:
    groups, mine = len(owners.names), facts.family[family]
    figures = np.zeros((groups, kernels.FIGURES), "u8")
    figures[:, : len(_OWN_FIGURES)] = facts.own(owners, family).take(_OWN_FIGURES, axis=1)
    flat = figures.reshape(-1)
    of_shared, of_unheld = owners.group[mine.shared_origins], owners.group[mine.unheld_origins]
    kernels.settle_shared(mine.shared_marks, of_shared, np.full(groups, -1, "i8"), flat)
    kernels.unheld_by_group(
        mine.unheld_from, mine.unheld_last, of_unheld, np.zeros(groups, "u8"), flat
    )
    return figures


def _by_address(facts: Facts, family: Family, assigned: ByAddress) -> U8:
    routes, mine, groups = facts.routes, facts.family[family], len(assigned.names)
    first, group = assigned.ranges[family]
    packed, sightings = np.zeros(groups * 4, "u8"), np.zeros((groups, 2), "u8")
    kernels.tally_by_address(
        routes.high, facts.flags, facts.seen, first, group,
        *routes.family_range(family), SHIFT[family], packed, sightings.reshape(-1),
    )  # fmt: skip
    figures = np.zeros((groups, kernels.FIGURES), "u8")
    halves = packed.view("u4").reshape(groups, 8)  # little-endian: the lower half comes first
    for bit, column in enumerate(_OF_BITS):
        figures[:, column] = halves[:, 2 * (bit % 4) + bit // 4]
    figures[:, kernels.VALID_SIGHTINGS] = sightings[:, 0]
    figures[:, kernels.INVALID_SIGHTINGS] = sightings[:, 1]
    bounds = kernels.in_unheld(mine.held.first, mine.held.held, mine.held.unheld_before, first)
    kernels.unheld_by_address(
        mine.unheld_from, mine.unheld_last, bounds, group, figures.reshape(-1)
    )
    return figures


def _added(rows: U8, of: U4, groups: int) -> U8:
    total = np.zeros((groups, rows.shape[1]), "u8")
    kernels.add_rows(rows.reshape(-1), of, rows.shape[1], total.reshape(-1))
    return total


def _wider(
    family: dict[Family, U8], networks: U8, full_feeds: Mapping[Family, int], *, by_address: bool
) -> Wider:
    frozen(*family.values(), networks)
    return Wider(family, networks, full_feeds, by_address)
