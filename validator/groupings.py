"""Who a route belongs to: the schemes that coverage is grouped by.

Two attributions, never mixed (docs/definitions.md, "Who a route belongs to"): *by origin*, where
each route has one group, and *by address*, where the address space is divided into ranges that
each have one. :func:`assign` yields one or the other; :mod:`validator.figures.coverage` counts
both.

Networks, countries and registries need no list (:class:`Scheme`). Every other scheme comes from a
file (:class:`~validator.model.Grouping`): classes of countries, or the user's own lists of
countries, networks or prefixes. Membership has dates: :class:`Lists` is what holds on one day.

Nothing is dropped: what nobody holds is the group ``ZZ``, what a scheme does not list the group
``other``, and the origin NONE the group ``NONE`` of the scheme ``asn``.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validator.kernels import coverage as kernels
from validator.model import (
    I8,
    NO_ORIGIN,
    OTHERS,
    U4,
    U8,
    Family,
    Grouping,
    Members,
    Prefix,
    format_asn,
    parse_asn,
)
from validator.tables.resources import ResourceTable, locate
from validator.tables.routes import RouteTable

NOBODY = "ZZ"

RIR_NAMES = {
    "afrinic": "AFRINIC",
    "apnic": "APNIC",
    "arin": "ARIN",
    "lacnic": "LACNIC",
    "ripencc": "RIPE NCC",
}


class Scheme(enum.StrEnum):
    """The schemes that need no list. An identifier is used everywhere: API, labels, commands."""

    ASN = "asn"
    COUNTRY = "country"
    RIR = "rir"


TITLES = {
    Scheme.ASN: "Networks (AS numbers)",
    Scheme.COUNTRY: "Countries and territories",
    Scheme.RIR: "Regional Internet registries",
}


class Attribution(enum.StrEnum):
    ADDRESS = "address"
    ORIGIN = "origin"


@dataclass(frozen=True, slots=True, eq=False)
class ByOrigin:
    """``group`` u4 ``(routes,)``: the group of each route, an index into ``names``."""

    group: U4
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ByAddress:
    """For each family, ranges that divide its space: where each begins (u8, ascending from 0, in
    IPv4 addresses or IPv6 /64s) and its group (u4), an index into ``names``."""

    ranges: dict[Family, tuple[U8, U4]]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """A scheme of listed groups on one day: ``of`` gives the group of each listed member.

    ``groups`` are the identifiers, in the order of the file, then :data:`~validator.model.OTHERS`
    and, where the members are countries, :data:`NOBODY`.
    """

    scheme: str
    members: Members
    groups: tuple[str, ...]
    of: Mapping[str, str]

    def numbers(self, members: Iterable[str]) -> U4:
        """The group of each member: u4, indexes into ``groups``."""
        place = {group: number for number, group in enumerate(self.groups)}
        unlisted = place[OTHERS]
        found = [
            place[NOBODY] if member == NOBODY and NOBODY in place
            else place[self.of[member]] if member in self.of
            else unlisted
            for member in members
        ]  # fmt: skip
        return np.array(found, "u4")

    def members_of(self, group: str) -> list[str]:
        """The listed members of a group, sorted."""
        return sorted(member for member, its in self.of.items() if its == group)


def on_day(grouping: Grouping, day: date) -> Lists:
    """Who belongs where on a day."""
    held = {
        each.member: each.group
        for each in grouping.memberships
        if (each.since is None or each.since <= day) and (each.until is None or day < each.until)
    }
    last = (OTHERS, NOBODY) if grouping.members is Members.COUNTRIES else (OTHERS,)
    named = tuple(group for group in grouping.names if group not in last)
    return Lists(grouping.scheme, grouping.members, (*named, *last), held)


def attributions(members: Members | None) -> tuple[Attribution, ...]:
    """The attributions that a scheme has; ``members`` is None for countries and registries. The
    first is the default."""
    if members is Members.NETWORKS:
        return (Attribution.ORIGIN,)
    if members is Members.PREFIXES:
        return (Attribution.ADDRESS,)
    return (Attribution.ADDRESS, Attribution.ORIGIN)


def wanted(groupings: Iterable[Grouping]) -> list[tuple[str, Attribution]]:
    """Every scheme there is, with each of its attributions."""
    pairs: list[tuple[str, Attribution]] = [(Scheme.ASN, Attribution.ORIGIN)]
    for scheme in (Scheme.COUNTRY, Scheme.RIR):
        pairs += [(scheme, each) for each in attributions(None)]
    for grouping in groupings:
        pairs += [(grouping.scheme, each) for each in attributions(grouping.members)]
    return pairs


def attribution_of(
    scheme: str, asked: Attribution | None, grouping: Grouping | None = None
) -> Attribution:
    """The attribution in force: what is asked for, or the scheme's first.

    Raises:
        ValueError: the scheme cannot be attributed so.
    """
    members = grouping.members if grouping else None
    if scheme == Scheme.ASN:
        members = Members.NETWORKS
    possible = attributions(members)
    if asked is not None and asked not in possible:
        raise ValueError(f"{scheme} is always by {possible[0]}: leave attribution out")
    return asked or possible[0]


def assign(
    scheme: str,
    attribution: Attribution,
    routes: RouteTable,
    resources: ResourceTable,
    lists: Lists | None = None,
) -> ByOrigin | ByAddress:
    """The groups of a scheme, laid over a route table. ``lists`` is the scheme's, if it has any."""
    if lists is not None and lists.members is Members.NETWORKS:
        return ByOrigin(_listed_origins(lists, routes), lists.groups)
    if lists is not None and lists.members is Members.PREFIXES:
        return ByAddress({family: _listed_ranges(lists, family) for family in Family}, lists.groups)
    if scheme == Scheme.ASN:
        seed = int.from_bytes(os.urandom(7), "little")
        numbers, distinct = in_order(*kernels.number_values(routes.origin, seed))
        return ByOrigin(numbers, network_groups(distinct))
    if lists is not None:
        column, names = "country", lists.groups
        to: U4 = lists.numbers(resources.countries)
    else:
        column = "country" if scheme == Scheme.COUNTRY else "registry"
        names = resources.countries if scheme == Scheme.COUNTRY else resources.registries
        to = np.arange(len(names), dtype="u4")
    if attribution is Attribution.ORIGIN:
        return ByOrigin(to[_by_origin(column, routes, resources)], names)
    return ByAddress(
        {
            family: _coalesced(ranges.first, to[getattr(ranges, column)])
            for family, ranges in ((f, resources.ranges(f)) for f in Family)
        },
        names,
    )


def in_order(numbers: U4, distinct: I8) -> tuple[U4, I8]:
    """Values numbered by first sight (u4, places in ``distinct``) numbered in their order instead,
    so that what is equal in a ranking stands in the same order from day to day."""
    order = np.argsort(distinct)
    rank = np.empty(len(order), "u4")
    rank[order] = np.arange(len(order), dtype="u4")
    return rank[numbers], distinct[order]


def network_groups(origins: I8) -> tuple[str, ...]:
    """The groups of the scheme ``asn``, for distinct origins: :func:`format_asn` of each, in half
    the time, for there are 86,000 of them."""
    groups = [f"AS{origin}" for origin in origins.tolist()]
    for number in np.flatnonzero(origins == NO_ORIGIN).tolist():
        groups[number] = format_asn(NO_ORIGIN)
    return tuple(groups)


def _by_origin(column: str, routes: RouteTable, resources: ResourceTable) -> NDArray[Any]:
    """What ``column`` of the resources says of each route's origin; 0, nobody, of NONE."""
    asns = resources.asn
    origins = np.where(routes.origin == NO_ORIGIN, 0, routes.origin).astype("u8")
    found: NDArray[Any] = getattr(asns, column)[locate(asns, origins)]
    found[routes.origin == NO_ORIGIN] = 0
    return found


def _listed_origins(lists: Lists, routes: RouteTable) -> U4:
    asns = np.array([parse_asn(member) for member in lists.of], "i8")
    order = np.argsort(asns)
    asns, group = asns[order], lists.numbers(lists.of)[order]
    found = np.full(len(routes), lists.groups.index(OTHERS), "u4")
    if len(asns):
        at = np.minimum(np.searchsorted(asns, routes.origin), len(asns) - 1)
        listed = asns[at] == routes.origin
        found[listed] = group[at[listed]]
    return found


def _listed_ranges(lists: Lists, family: Family) -> tuple[U8, U4]:
    """The space of a family, each part under the longest listed prefix that holds it."""
    shift, end = (32, 1 << 32) if family is Family.IPV4 else (0, 1 << 64)
    unlisted = lists.groups.index(OTHERS)
    listed = sorted(
        (prefix.high >> shift, prefix.length, group)
        for prefix, group in zip(
            map(Prefix.parse, lists.of), lists.numbers(lists.of).tolist(), strict=True
        )
        if prefix.family is family
    )
    first, group = [0], [unlisted]
    open_: list[tuple[int, int]] = []  # where each prefix that holds this place ends, its group

    def begin(position: int, its: int) -> None:
        if first[-1] == position:
            group[-1] = its
        else:
            first.append(position)
            group.append(its)

    for start, length, its in [*listed, (end, 0, unlisted)]:
        while open_ and open_[-1][0] <= start:
            until = open_.pop()[0]
            if until < end:
                begin(until, open_[-1][1] if open_ else unlisted)
        if start < end:
            open_.append((start + (1 << (64 - shift - length)), its))
            begin(start, its)
    return _coalesced(np.array(first, "u8"), np.array(group, "u4"))


def _coalesced(first: U8, group: NDArray[Any]) -> tuple[U8, U4]:
    """Neighbouring ranges of one group made one."""
    starts = np.ones(len(first), "?")
    starts[1:] = group[1:] != group[:-1]
    return np.ascontiguousarray(first[starts]), group[starts].astype("u4")


def group_name(
    scheme: str, group: str, grouping: Grouping | None, countries: Mapping[str, str]
) -> str:
    """What a person calls a group of a scheme other than ``asn``; empty if we know no name."""
    if group == NOBODY:
        return "unregistered"
    if grouping is not None:
        return grouping.names.get(group, grouping.others if group == OTHERS else "")
    return (RIR_NAMES if scheme == Scheme.RIR else countries).get(group, "")
