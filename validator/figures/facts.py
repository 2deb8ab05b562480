"""What a table says of each route and each origin, whatever groups they are counted in.

Counting a scheme group by group over every route would take as long as validation, for each scheme
again. Most of it is the same each time: which routes count, whose they are, which prefixes have
several origins, what space nobody holds, what of an origin's space its other routes have already.
:meth:`Facts.of` finds that in one pass; what is left for a scheme is to add up what is known of
each origin (:meth:`Facts.counts`, and :mod:`validator.figures.wider`). That works because a scheme
by origin never tells two routes of one origin apart.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from validator.figures.visibility import Sightings
from validator.groupings import (
    Attribution,
    ByAddress,
    ByOrigin,
    Lists,
    Scheme,
    assign,
    in_order,
    network_groups,
)
from validator.kernels import facts as kernels
from validator.kernels.coverage import SPACES
from validator.model import I8, NO_ORIGIN, U1, U2, U4, U8, Family, Holding, Members
from validator.tables.resources import Ranges, ResourceTable
from validator.tables.routes import RouteTable

SHIFT = {Family.IPV4: 32, Family.IPV6: 0}
"""How far an address is shifted down: space is in IPv4 addresses and IPv6 /64s."""
_DENSE = 1 << 20
"""AS numbers below this are looked up in a table: nearly all that are in use."""


class Adjacent(Protocol):
    """Distinct (origin, neighbour) pairs, sorted: ``origin`` i8, ``neighbour`` u4."""

    @property
    def origin(self) -> I8: ...
    @property
    def neighbour(self) -> U4: ...


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Ranges of a space, each held (u1) or not, and how many units before it nobody holds."""

    first: U8
    held: U1
    unheld_before: U8

    @classmethod
    def of(cls, ranges: Ranges) -> Held:
        held = (ranges.status <= Holding.ASSIGNED).astype("u1")
        starts = np.ones(len(held), "?")
        starts[1:] = held[1:] != held[:-1]
        first, held = np.ascontiguousarray(ranges.first[starts]), held[starts]
        before = np.zeros(len(first), "u8")
        unheld = np.where(held[:-1] == 0, np.diff(first), np.uint64(0)).astype("u8")
        np.cumsum(unheld, out=before[1:])
        return cls(first, held, before)


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """What origins announce in each state, as :func:`kernels.join_spans` has it."""

    origin: U4
    state: U1
    first: U8
    last: U8


@dataclass(frozen=True, slots=True, eq=False)
class FamilyFacts:
    """``own`` u4 ``(origins * 16,)``; ``shared_origins`` and ``unheld_origins`` u4, the origins by
    number of the rows that :func:`kernels.observe` finds; the rest is as it has it."""

    own: U4
    spans: Spans
    shared_origins: U4
    shared_marks: U1
    unheld_origins: U4
    unheld_from: U8
    unheld_last: U8
    held: Held


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What of a table holds whatever the scheme. ``numbers`` u4 ``(routes,)`` numbers each route's
    origin, in their order. By number: ``origins`` i8, the distinct ones; ``asn_rows``, where they
    stand among the resources' ranges of AS numbers; ``networks`` u1, a bit for each figure of
    :class:`~validator.figures.wider.NetworkFigures`, in their order."""

    routes: RouteTable
    numbers: U4
    origins: I8
    asn_rows: NDArray[np.intp]
    flags: U1
    seen: U2
    full_feeds: Mapping[Family, int]
    family: Mapping[Family, FamilyFacts]
    networks: U1
    _own: dict[tuple[ByOrigin, Family], U4 | U8] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        routes: RouteTable,
        excluded: U1,
        resources: ResourceTable,
        adjacencies: Adjacent,
        sightings: Sightings,
    ) -> Facts:
        """Look at a table once. ``sightings`` may be of an older table."""
        seed = int.from_bytes(os.urandom(7), "little")
        numbers, origins = in_order(*kernels.number_origins(routes.origin, seed))
        asn_rows = _asn_rows(origins, resources)
        held = resources.asn.status[asn_rows] <= Holding.ASSIGNED
        bogon = (~held | (origins == NO_ORIGIN)).astype("u1")
        seen = sightings.over(routes).seen
        seen = np.empty(0, "u2") if seen is None else seen
        flags = np.zeros(len(routes), "u1")
        families = {
            family: _observed(
                routes, excluded, numbers, len(origins), bogon, seen, flags, family,
                Held.of(resources.ranges(family)),
            )
            for family in Family
        }  # fmt: skip
        announced = {}
        for family, each in families.items():
            kernels.complete_own(origins, bogon, each.own)
            announced[family] = each.own[kernels.OWN_ROUTES :: kernels.OWN] > 0
        networks = _networks(origins, announced, adjacencies, seed)
        return cls(
            routes,
            numbers,
            origins,
            asn_rows,
            flags,
            seen,
            sightings.full_feeds,
            families,
            networks,
        )

    def owners(self, scheme: str, resources: ResourceTable, lists: Lists | None = None) -> ByOrigin:
        """The groups of a scheme by origin: the group of each of ``origins``, not of each route.
        ``resources`` as :meth:`of` was given them."""
        if scheme == Scheme.ASN:
            every = np.arange(len(self.origins), dtype="u4")
            return ByOrigin(every, network_groups(self.origins))
        if lists is not None and lists.members is not Members.COUNTRIES:
            once = replace(self.routes, origin=self.origins)
            assigned = assign(scheme, Attribution.ORIGIN, once, resources, lists)
            assert isinstance(assigned, ByOrigin)
            return assigned
        asns, registries = resources.asn, scheme == Scheme.RIR
        names = resources.registries if registries else resources.countries
        of = (asns.registry if registries else asns.country)[self.asn_rows].astype("u4")
        of[self.origins == NO_ORIGIN] = 0  # nobody
        if lists is None:
            return ByOrigin(of, names)
        return ByOrigin(lists.numbers(names)[of], lists.groups)

    def counts(self, owners: ByOrigin, family: Family) -> tuple[U8, U8]:
        """By origin, what coverage counts of each group: routes u8 ``(groups, 8)`` (valid, invalid,
        not found, then excluded by each reason) and distinct space u8 ``(groups, 5)`` (announced,
        covered, valid, invalid, not found)."""
        groups, spans = len(owners.names), self.family[family].spans
        space = np.zeros(groups * SPACES, "u8")
        kernels.space_by_group(
            spans.origin, spans.state, spans.first, spans.last, owners.group,
            space, np.zeros_like(space),
        )  # fmt: skip
        return self.own(owners, family)[:, : kernels.COUNTS].astype("u8"), space.reshape(
            groups, SPACES
        )

    def own(self, owners: ByOrigin, family: Family) -> U4 | U8:
        """What is known of each origin, added up by group: ``(groups, 16)``, only to be read. Kept
        for the owners that were asked for last: several figures begin with it."""
        if (owners, family) not in self._own:
            for other in [each for each in self._own if each[0] is not owners]:
                self._own.pop(other, None)
            self._own[owners, family] = self._added(owners, family)
        return self._own[owners, family]

    def _added(self, owners: ByOrigin, family: Family) -> U4 | U8:
        own, groups = self.family[family].own, len(owners.names)
        if groups == len(self.origins) and (owners.group == np.arange(groups)).all():
            return own.reshape(groups, kernels.OWN)
        total = np.zeros((groups, kernels.OWN), "u8")
        kernels.add_own(own, owners.group, total.reshape(-1))
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The pairs of registry and country that something is registered under, as groups by address
    (``assigned``) and by origin (``owners``). What is counted of each adds up, by address, to what
    countries (``country``, u4, an index into the resources' countries for each pair), registries
    (``registry``) and all classes of countries have: one pass serves them all."""

    assigned: ByAddress
    owners: ByOrigin
    country: U4
    registry: U4

    @classmethod
    def of(cls, facts: Facts, resources: ResourceTable) -> Blocks:
        width = np.uint32(len(resources.countries))

        def codes(ranges: Ranges) -> U4:
            return ranges.registry * width + ranges.country

        spaces = {family: codes(resources.ranges(family)) for family in Family}
        asns = codes(resources.asn)[facts.asn_rows]
        asns[facts.origins == NO_ORIGIN] = 0  # nobody
        used = np.zeros(len(resources.registries) * len(resources.countries), "?")
        for code in (*spaces.values(), asns):
            used[code] = True
        known = np.flatnonzero(used)
        number = np.cumsum(used, dtype="u4") - np.uint32(1)
        names = tuple(
            f"{resources.registries[code // width]} {resources.countries[code % width]}"
            for code in known.tolist()
        )
        assigned = {}
        for family, code in spaces.items():
            starts = np.ones(len(code), "?")
            starts[1:] = code[1:] != code[:-1]
            first = np.ascontiguousarray(resources.ranges(family).first[starts])
            assigned[family] = first, number[code[starts]]
        return cls(
            ByAddress(assigned, names),
            ByOrigin(number[asns], names),
            (known % width).astype("u4"),
            (known // width).astype("u4"),
        )


def _observed(
    routes: RouteTable,
    excluded: U1,
    numbers: U4,
    origins: int,
    bogon: U1,
    seen: U2,
    flags: U1,
    family: Family,
    held: Held,
) -> FamilyFacts:
    start, stop = routes.family_range(family)
    shift, rows = SHIFT[family], stop - start
    own = np.zeros(origins * kernels.OWN, "u4")
    shared = np.empty(rows, "u4"), np.empty(rows, "u1")
    unheld = np.empty(rows, "u4"), np.empty(rows, "u8"), np.empty(rows, "u8")
    sharing, unregistered = kernels.observe(
        routes.high, routes.length, routes.origin, routes.verdict, excluded,
        numbers, bogon, seen, held.first, held.held, held.unheld_before,
        start, stop, shift, flags, own, *shared, *unheld,
    )  # fmt: skip
    spans = np.empty(rows, "u4"), np.empty(rows, "u1"), np.empty(rows, "u8"), np.empty(rows, "u8")
    count = kernels.join_spans(
        routes.high, routes.length, routes.verdict, flags, numbers, origins,
        start, stop, shift, *spans,
    )  # fmt: skip
    origin, state, first, last = (column[:count].copy() for column in spans)
    shared_rows, shared_marks = (column[:sharing].copy() for column in shared)
    unheld_rows, unheld_from, unheld_last = (column[:unregistered].copy() for column in unheld)
    return FamilyFacts(
        own, Spans(origin, state, first, last),
        numbers[shared_rows], shared_marks, numbers[unheld_rows], unheld_from, unheld_last, held,
    )  # fmt: skip


def _asn_rows(origins: I8, resources: ResourceTable) -> NDArray[np.intp]:
    """Where each origin stands among the ranges of AS numbers; NONE in the first of them."""
    first = resources.asn.first
    below = int(np.searchsorted(first, _DENSE))
    bounds = np.append(first[:below], np.uint64(_DENSE)).astype("i8")
    table = np.repeat(np.arange(below), np.diff(bounds))
    rows = np.zeros(len(origins), np.intp)
    dense = (origins >= 0) & (origins < _DENSE)
    rows[dense] = table[origins[dense]]
    sparse = np.flatnonzero(origins >= _DENSE)
    rows[sparse] = np.searchsorted(first, origins[sparse].astype("u8"), "right") - 1
    return rows


def _networks(
    origins: I8, announced: Mapping[Family, NDArray[np.bool_]], adjacencies: Adjacent, seed: int
) -> U1:
    """The figures of each origin as a network, a bit each."""
    degree, transit = np.zeros(len(origins), "u4"), np.zeros(len(origins), "u1")
    kernels.neighbourhoods(
        origins, adjacencies.origin, adjacencies.neighbour, seed, degree, transit
    )
    asn = origins != NO_ORIGIN
    ipv4, ipv6 = announced[Family.IPV4] & asn, announced[Family.IPV6] & asn
    network, multihomed = ipv4 | ipv6, degree >= 2
    transits = network & (transit > 0)
    stubs = network & ~transits & (degree > 0)
    bits = np.zeros(len(origins), "u1")
    figures = (
        network,
        ipv4,
        ipv6,
        stubs,
        stubs & multihomed,
        transits,
        transits & multihomed,
    )
    for column, which in enumerate(figures):
        bits |= which.astype("u1") << np.uint8(column)
    return bits
