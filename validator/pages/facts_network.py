"""One network, and one prefix: what their pages say."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import numpy as np

from validator.figures.coverage import Figures
from validator.groupings import NOBODY, Scheme
from validator.groups.standings import LatestStandings, Standing
from validator.model import NEVER_EXPIRES, Family, Prefix, State, Verdict, format_asn
from validator.pages.facts_common import (
    ASN,
    ORIGIN,
    Row,
    Share,
    Sources,
    Stamp,
    Trend,
    stamp,
    trend_of,
)
from validator.planning import fixes
from validator.planning.fixes import Advice, relate
from validator.snapshot import Snapshot
from validator.tables.announced import REASONS
from validator.tables.origins import RowsByOrigin
from validator.tables.surroundings import covering_vrps, routes_around, vrps_inside
from validator.tables.vrps import Vrp

MOST_ROUTES = 200
MOST_AROUND = 100
MOST_FIXES = 10
_NOTHING = Figures(0, 0, 0, 0, 0, 0, 0, 0)


class Known:
    """What is worth keeping between two questions. Thread-safe."""

    def __init__(self) -> None:
        self.rows = RowsByOrigin()
        self.standings = LatestStandings()


_known = Known()
_turn = threading.Lock()


class RouteFacts(NamedTuple):
    """A route. ``reason``: our label, if it is invalid; ``excluded``: why it is not counted."""

    prefix: str
    asn: str
    name: str
    state: str
    reason: str
    peers: int
    excluded: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """All about one network. ``rows`` by family, of counted routes; ``routes`` those that need
    attention first."""

    stamp: Stamp
    asn: str
    number: int
    name: str
    country: str
    country_name: str
    rir: str
    rows: dict[Family, Row]
    routes: tuple[RouteFacts, ...]
    routes_total: int
    invalid: int
    not_found: int
    excluded: int
    standing: Standing
    neighbours: tuple[str, ...]
    neighbours_total: int
    trend: Trend

    @property
    def label(self) -> str:
        return f"{self.asn} {self.name}".strip()

    @property
    def together(self) -> Share:
        """Counted routes of both families, valid and announced."""
        its = [row.figures for row in self.rows.values()]
        return Share(sum(each.valid for each in its), sum(each.announced for each in its))


_URGENCY = np.array(
    [
        {State.INVALID: 0, State.NOT_FOUND: 1, State.VALID: 2}[verdict.state]
        for verdict in sorted(Verdict)
    ],
    "u1",
)
"""By verdict: what needs attention comes first."""


def network_facts(sources: Sources, number: int) -> NetworkFacts:
    """The facts of a network. Every number of 32 bits is one. Takes some milliseconds, and what its
    history takes.

    Raises:
        SourceError: the history cannot be read.
    """
    snapshot = sources.snapshot
    routes, asn = snapshot.routes, format_asn(number)
    held = snapshot.resources.asn_holder(number)
    country, rir = (held.country, held.registry) if held else (NOBODY, NOBODY)
    rows = _known.rows.of(routes, number)
    name = snapshot.group_name(Scheme.ASN, asn)
    coverage = snapshot.coverages[ASN, ORIGIN]
    at = coverage.index(asn)
    figures = {
        family: Row(ASN, asn, name, family,
                    _NOTHING if at is None else coverage.figures(at, family))
        for family in Family
    }  # fmt: skip
    urgency = _URGENCY[routes.verdict[rows]]
    first = rows[np.lexsort((urgency, snapshot.excluded[rows] > 0))][:MOST_ROUTES]
    resources = snapshot.resources
    with _turn:
        standings = _known.standings.of(coverage, resources)
    neighbours = snapshot.adjacencies.of(number)
    return NetworkFacts(
        stamp=stamp(sources),
        asn=asn,
        number=number,
        name=name,
        country=country,
        country_name=snapshot.group_name(Scheme.COUNTRY, country) or country,
        rir=snapshot.group_name(Scheme.RIR, rir) or rir,
        rows=figures,
        routes=tuple(route_of(snapshot, row) for row in first.tolist()),
        routes_total=len(rows),
        invalid=sum(each.figures.invalid for each in figures.values()),
        not_found=sum(each.figures.not_found for each in figures.values()),
        excluded=int(np.count_nonzero(snapshot.excluded[rows])),
        standing=standings.of(number, resources.countries.index(country)),
        neighbours=tuple(format_asn(each) for each in neighbours[:MOST_AROUND]),
        neighbours_total=len(neighbours),
        trend=trend_of(sources, ASN, (asn,), ORIGIN),
    )


def route_of(snapshot: Snapshot, row: int) -> RouteFacts:
    """A route by its row."""
    route = snapshot.routes[row]
    asn = format_asn(route.origin)
    return RouteFacts(
        str(route.prefix),
        asn,
        snapshot.group_name(Scheme.ASN, asn),
        route.verdict.state.value,
        route.verdict.reason or "",
        route.peers,
        REASONS[snapshot.excluded[row]] or "",
    )


class VrpFacts(NamedTuple):
    """A VRP."""

    prefix: str
    asn: str
    name: str
    max_length: int
    trust_anchor: str
    expires: int | None


class FixFacts(NamedTuple):
    """What would make a route valid: the smallest ROA (None: none would), whether that is to be
    recommended, what to know before, and how many other routes it would turn invalid."""

    prefix: str
    asn: str
    roa: str
    max_length: int | None
    recommended: bool
    holder: str
    advice: tuple[Advice, ...]
    turns_invalid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixFacts:
    """What is announced and authorised at, above and inside a prefix."""

    stamp: Stamp
    prefix: str
    family: Family
    country: str
    country_name: str
    rir: str
    status: str
    holder: str
    first: str
    last: str
    exact: tuple[RouteFacts, ...]
    less: tuple[RouteFacts, ...]
    less_total: int
    more: tuple[RouteFacts, ...]
    more_total: int
    vrps: tuple[VrpFacts, ...]
    vrps_total: int
    inside: tuple[VrpFacts, ...]
    inside_total: int
    fixes: tuple[FixFacts, ...]


def prefix_facts(sources: Sources, prefix: Prefix) -> PrefixFacts:
    """The facts of a prefix, announced or not."""
    snapshot = sources.snapshot
    around = routes_around(snapshot.routes, prefix)
    covering = covering_vrps(snapshot.vrps, prefix, MOST_AROUND)
    inside = vrps_inside(snapshot.vrps, prefix, MOST_AROUND)
    record = snapshot.resources.record_of(prefix)
    held = record if record is not None and record.status.delegated else None
    country, rir = (held.country, held.registry) if held else (NOBODY, NOBODY)
    first = last = ""
    if record is not None and prefix.family is Family.IPV4:
        first, last = str(IPv4Address(record.first)), str(IPv4Address(record.last))
    elif record is not None:  # the registries' units are /64s
        first = str(IPv6Address(record.first << 64))
        last = str(IPv6Address((record.last + 1 << 64) - 1))
    return PrefixFacts(
        stamp=stamp(sources),
        prefix=str(prefix),
        family=prefix.family,
        country=country,
        country_name=snapshot.group_name(Scheme.COUNTRY, country) or country,
        rir=snapshot.group_name(Scheme.RIR, rir) or rir,
        status=record.status.name.lower() if record else "",
        holder=record.holder or "" if record else "",
        first=first,
        last=last,
        exact=tuple(route_of(snapshot, row) for row in around.exact[:MOST_AROUND]),
        less=tuple(route_of(snapshot, row) for row in around.less[:MOST_AROUND]),
        less_total=len(around.less),
        more=tuple(route_of(snapshot, row) for row in around.more[:MOST_AROUND]),
        more_total=len(around.more),
        vrps=tuple(_vrp(snapshot, each) for each in covering.vrps),
        vrps_total=covering.total,
        inside=tuple(_vrp(snapshot, each) for each in inside.vrps),
        inside_total=inside.total,
        fixes=tuple(
            _fix(snapshot, prefix, snapshot.routes[row].origin)
            for row in around.exact[:MOST_FIXES]
            if snapshot.routes[row].verdict.state is not State.VALID
        ),
    )


def _vrp(snapshot: Snapshot, vrp: Vrp) -> VrpFacts:
    asn = format_asn(vrp.asn)
    expires = None if vrp.expires == NEVER_EXPIRES else vrp.expires
    name = snapshot.names.get(vrp.asn, "")
    return VrpFacts(str(vrp.prefix), asn, name, vrp.max_length, vrp.trust_anchor, expires)


def _fix(snapshot: Snapshot, prefix: Prefix, origin: int) -> FixFacts:
    found = fixes.suggest(snapshot, prefix, origin)
    return FixFacts(
        str(prefix),
        format_asn(origin),
        str(found.roa.prefix) if found.roa else "",
        found.roa.max_length if found.roa else None,
        found.recommended,
        str(relate(snapshot, prefix, origin)),
        found.advice,
        len(found.turns_invalid),
    )
