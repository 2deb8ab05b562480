"""One network: ``GET /api/v1/asn/{asn}``, and its routes, a page at a time, at ``…/routes``.

Every number of 32 bits is a network, so every one is answered with 200, most with zeros and
``"announced": false``; what is not such a number is a 400. What nobody holds has country and RIR
``ZZ``, the group that coverage counts it in.

Routes come in the order of the tables: IPv4 first, by address, the shorter prefix first. A page
ends with ``next``, the path of the page after it, which names the last prefix of this page and the
generation it was read from (``after=192.0.2.0/24@7``). A network originates a prefix once, so pages
go on behind that prefix whatever has changed since: none is shown twice, none is left out that was
there all the time, and ``changed`` says that the data are no longer those of the page before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from validator.feed import Feed
from validator.figures import coverage
from validator.figures.coverage import Figures
from validator.formats.asked import strict_prefix
from validator.formats.replies import generated_time
from validator.groupings import Attribution, Scheme
from validator.groups.standings import LatestStandings, Place
from validator.history.moments import Moments
from validator.kernels import core as kernels
from validator.model import Family, Prefix, State, Verdict, format_asn, parse_asn
from validator.snapshot import Snapshot, state_counts
from validator.tables import announced
from validator.tables.announced import REASONS
from validator.tables.origins import RowsByOrigin
from validator.tables.routes import RouteTable
from validator.web.answers import Refusal, json_reply, query_of, stale_notes
from validator.web.contract import ASN_TEXT, PREFIX_TEXT, Content, Operation, path, query
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.network_replies import (
    AnnouncedIpv6,
    ByFamily,
    CoverageOut,
    NetworkOut,
    NetworkRoute,
    NetworkRoutes,
    Rank,
    Ranks,
    RouteCounts,
)
from validator.web.route_replies import choice_of, country_and_rir, limit_of, limit_parameter

_NOTHING = Figures(0, 0, 0, 0, 0, 0, 0, 0)
_STATES = {state.value: state for state in State}
_FAMILIES = {family.label: family for family in Family}
_CURSOR = {
    "type": "string",
    "pattern": PREFIX_TEXT["pattern"][:-1] + "@[0-9]{1,18}$",
    "description": "a prefix, @ and a generation, as the page before has it in its next",
}
_ASN = path("asn", "the network", ASN_TEXT, "AS64496")
_TAG = "networks and prefixes"

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of a network's routes a client asks for, and how many at a time. ``after``: the last
    prefix of the page before, with the generation that page was read from."""

    asn: int
    state: State | None
    family: Family | None
    limit: int
    after: tuple[Prefix, int] | None = None


class NetworkFace:
    def __init__(self, feed: Feed, moments: Moments | None = None) -> None:
        self._feed, self._moments = feed, moments
        self._known = Known()
        # One at a time: a thread at work holds the interpreter by turns of 5 ms, and the event loop
        # would have to wait for the turns of all.
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/asn/{asn}",
                self.network,
                "A network: its holder, routes, coverage, ranks and neighbours",
                _TAG,
                {200: Content("all we know of the network", NetworkOut)},
                [_ASN, AT],
                refusals=(400, 404, 503),
            ),
            Operation(
                "GET",
                "/api/v1/asn/{asn}/routes",
                self.its_routes,
                "The routes of a network, a page at a time",
                _TAG,
                {200: Content("a page of routes", NetworkRoutes)},
                [
                    _ASN,
                    query("state", "only routes in this state", _enum(_STATES)),
                    query("family", "only routes of this family", _enum(_FAMILIES)),
                    limit_parameter("the most routes of a page"),
                    query("after", "where to go on", _CURSOR, example="192.0.2.0/24@1"),
                    AT,
                ],
                refusals=(400, 404, 503),
            ),
        ]

    def routes(self) -> list[web.RouteDef]:
        return [each.route for each in self.operations()]

    async def network(self, request: web.Request) -> web.Response:
        given = query_of(request, "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        asn = _asn(request)
        async with self._turn:
            return json_reply(await asyncio.to_thread(describe, snapshot, asn, self._known))

    async def its_routes(self, request: web.Request) -> web.Response:
        given = query_of(request, "state", "family", "limit", "after", "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        asked = Asked(
            _asn(request),
            cast("State | None", choice_of(given, "state", _STATES)),
            cast("Family | None", choice_of(given, "family", _FAMILIES)),
            limit_of(given),
            _cursor(given["after"]) if "after" in given else None,
        )
        async with self._turn:
            return json_reply(await asyncio.to_thread(page, snapshot, asked, self._known))


class Known:
    """What is worth keeping between two questions: see the two classes."""

    def __init__(self) -> None:
        self.rows = RowsByOrigin()
        self.standings = LatestStandings()


def describe(snapshot: Snapshot, asn: int, known: Known | None = None) -> NetworkOut:
    """All we know of one network. Takes some milliseconds.

    ``routes`` counts every route that it originates; ``coverage`` (by origin), ``ipv6`` and
    ``rank`` leave out the ``excluded`` ones.
    """
    known = known or Known()
    rows = known.rows.of(snapshot.routes, asn)
    country, rir = country_and_rir(snapshot.resources.asn_holder(asn))
    group = format_asn(asn)
    covered = _coverage(snapshot, group)
    return NetworkOut(
        asn=group,
        name=snapshot.group_name(Scheme.ASN, group),
        country=country,
        rir=rir,
        announced=bool(len(rows)),
        routes=_routes(snapshot, rows),
        excluded=announced.count_exclusions(snapshot.excluded[rows]),
        coverage=covered,
        ipv6=AnnouncedIpv6(covered.ipv6.routes.announced > 0, covered.ipv6.space.announced),
        rank=_rank(snapshot, asn, country, known),
        neighbours=[format_asn(each) for each in snapshot.adjacencies.of(asn)],
        min_peers=snapshot.min_peers,
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


def page(snapshot: Snapshot, asked: Asked, known: Known | None = None) -> NetworkRoutes:
    """Some of a network's routes. Takes some milliseconds."""
    routes = snapshot.routes
    rows = (known or Known()).rows.of(routes, asked.asn)
    if asked.family is not None:
        start, stop = routes.family_range(asked.family)
        rows = rows[(rows >= start) & (rows < stop)]
    if asked.state is not None:
        codes = [verdict for verdict in Verdict if verdict.state is asked.state]
        rows = rows[np.isin(routes.verdict[rows], codes)]
    left = rows if asked.after is None else rows[rows > _last_row(routes, asked.after[0])]
    shown = left[: asked.limit].tolist()
    listed = [_route(snapshot, row) for row in shown]
    more = len(left) > len(shown)
    return NetworkRoutes(
        asn=format_asn(asked.asn),
        total=len(rows),
        routes=listed,
        next=_path(asked, f"{listed[-1].prefix}@{snapshot.generation}") if more else None,
        changed=asked.after is not None and asked.after[1] != snapshot.generation,
        min_peers=snapshot.min_peers,
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


def _asn(request: web.Request) -> int:
    try:
        return parse_asn(request.match_info["asn"])
    except ValueError as error:
        raise Refusal(400, f"invalid ASN: {error}") from None


def _cursor(text: str) -> tuple[Prefix, int]:
    prefix, _, generation = text.rpartition("@")
    try:
        if not (generation.isascii() and generation.isdigit() and len(generation) <= 18):
            raise ValueError(f"{text!r} does not end in @ and a generation")
        return strict_prefix(prefix), int(generation)
    except ValueError as error:
        raise Refusal(400, f"invalid after: {error}; take it from next of a page") from None


def _path(asked: Asked, after: str) -> str:
    arguments: dict[str, Any] = {}
    if asked.state is not None:
        arguments["state"] = asked.state.value
    if asked.family is not None:
        arguments["family"] = asked.family.label
    arguments |= {"limit": asked.limit, "after": after}
    return f"/api/v1/asn/{format_asn(asked.asn)}/routes?{urlencode(arguments, safe=':/@')}"


def _last_row(routes: RouteTable, prefix: Prefix) -> int:
    """The last row of the table that is not after a prefix, which need not be there any more."""
    place = routes.high, routes.low, routes.length, *routes.family_range(prefix.family)
    return kernels.last_not_after(*place, prefix.high, prefix.low, prefix.length)


def _route(snapshot: Snapshot, row: int) -> NetworkRoute:
    route = snapshot.routes[row]
    return NetworkRoute(
        str(route.prefix),
        route.verdict.state,
        route.verdict.reason or None,
        route.peers,
        REASONS[snapshot.excluded[row]] or None,
    )


def _routes(snapshot: Snapshot, rows: Rows) -> ByFamily[RouteCounts]:
    def counted(family: Family) -> RouteCounts:
        start, stop = snapshot.routes.family_range(family)
        chosen = rows[(rows >= start) & (rows < stop)]
        counts = state_counts(snapshot.routes.verdict[chosen])
        return RouteCounts(
            len(chosen), counts[State.VALID], counts[State.INVALID], counts[State.NOT_FOUND]
        )

    return ByFamily(counted(Family.IPV4), counted(Family.IPV6))


def _coverage(snapshot: Snapshot, group: str) -> ByFamily[CoverageOut]:
    measured = snapshot.coverages[Scheme.ASN, Attribution.ORIGIN]
    number = measured.index(group)
    name = snapshot.group_name(Scheme.ASN, group)

    def row(family: Family) -> CoverageOut:
        figures = _NOTHING if number is None else measured.figures(number, family)
        return msgspec.convert(coverage.row(figures, Scheme.ASN, group, name, family), CoverageOut)

    return ByFamily(row(Family.IPV4), row(Family.IPV6))


def _rank(snapshot: Snapshot, asn: int, country: str, known: Known) -> Ranks:
    resources = snapshot.resources
    measured = snapshot.coverages[Scheme.ASN, Attribution.ORIGIN]
    standing = known.standings.of(measured, resources).of(asn, resources.countries.index(country))

    def rank(world: Place, within: Place | None) -> Rank:
        return Rank(
            world.rank, world.of, within.rank if within else None, within.of if within else None
        )

    return Ranks(
        rank(standing.ipv4_space, standing.ipv4_space_country),
        rank(standing.routes, standing.routes_country),
    )


def _enum(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}
