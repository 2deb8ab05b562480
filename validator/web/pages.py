"""The pages for people: ``/``, countries, regions, networks, prefixes, comparisons, definitions.

What a page says is made in :mod:`validator.pages` from one snapshot and the history, in a thread,
one page at a time, and the last pages are kept until there is a newer snapshot. A page that there
is not is answered with a page too. Nothing on a page comes from another host, and its
Content-Security-Policy says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.formats.asked import relaxed_prefix
from validator.formats.replies import generated_time
from validator.groupings import Scheme
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.records import NoSuchDay
from validator.milestone_inputs import Milestones
from validator.model import Family, SettingsError, SourceError, parse_asn
from validator.pages import views, views_network, views_other
from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import Sources
from validator.pages.frame import static_files
from validator.pages.own_map import OwnMap
from validator.pages.page import CARRIED, Ask
from validator.pages.searching import LONGEST, MOST, search
from validator.pages.words import LANGUAGES
from validator.reports import forms
from validator.targets.progress import TargetSettings
from validator.web.answers import (
    NO_CACHE,
    NO_STORE,
    Refusal,
    number,
    query_of,
    snapshot_reply,
    stale_notes,
)
from validator.web.comparing import COMPARED, NAMES, Comparison
from validator.web.contract import ASN_TEXT, PREFIX_TEXT, Content, Operation, Parameter, path, query
from validator.web.coverage import SCHEME, one_of
from validator.web.groups import GROUP
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.page_making import HTML, PageMaker, ask_of, html, plain
from validator.web.past import parse_day

_TAG = "pages"
_PAGE = Content("the page", media=(HTML,), schema={"type": "string"})
_REFUSED = {
    status: Content(about, media=(HTML,), schema={"type": "string"})
    for status, about in (
        (400, "a page that says what is wrong"),
        (404, "a page that says what there is not"),
        (503, "a page that says what is awaited"),
    )
}
_LANG = query("lang", "the language (else of Accept-Language)", one_of(LANGUAGES))
_FAMILY = query("family", "the family of addresses (default ipv4)", one_of(f.label for f in Family))
_COUNTRY = {
    "type": "string",
    "pattern": "^[A-Za-z]{2}$",
    "description": "an ISO 3166-1 alpha-2 code",
}
_FILE = {"type": "string", "pattern": "^[a-z]+[.][0-9a-f]{12}[.][a-z0-9]+$"}
_FOR_EVER = "public, max-age=31536000, immutable"
_SOUGHT = {"type": "string", "minLength": 1, "maxLength": 200}


class FoundOut(msgspec.Struct, frozen=True):
    """Something by that name: a ``network``, ``prefix``, ``country`` or ``group``, and the path of
    its page."""

    kind: str
    id: str
    name: str
    path: str


class SearchReply(msgspec.Struct, frozen=True):
    """What there is by a name; ``total`` counts also what is not listed."""

    found: list[FoundOut]
    total: int
    generated: str
    generation: int
    sample: bool
    degraded: list[str]


class PagesFace:
    def __init__(
        self,
        feed: Feed,
        sample: bool,
        past: Reader | None = None,
        moments: Moments | None = None,
        targets: Sequence[TargetSettings] = (),
        milestones: Milestones | None = None,
        own_map: OwnMap | None = None,
    ) -> None:
        self._feed, self._moments = feed, moments
        self._maker = PageMaker(feed, sample, past, moments, targets, milestones, own_map)
        self._forms = report_forms()

    @property
    def maker(self) -> PageMaker:
        """For whoever else shows what pages show."""
        return self._maker

    def operations(self) -> Sequence[Operation]:
        def page(
            its: str, handler: Callable[[web.Request], Awaitable[web.Response]], summary: str,
            *parameters: Parameter, tagged: bool = True,
        ) -> Operation:  # fmt: skip
            answers = {200: _PAGE, **_REFUSED}
            return Operation("GET", its, handler, summary, _TAG, answers, [*parameters, _LANG],
                             refusals=(), tagged=tagged,
                             name=f"page_{handler.__name__}",)  # fmt: skip

        return [
            page("/", self.overview, "The world at a glance", _FAMILY, AT),
            page("/country/{cc}", self.country, "A country or territory",
                 path("cc", "the country", _COUNTRY, "NL"), _FAMILY, AT),
            page("/region/{scheme}/{group}", self.region, "A region or a class of countries",
                 path("scheme", "what it is a group of", SCHEME, "rir"),
                 path("group", "the group", GROUP, "ripencc"), _FAMILY, AT),
            page("/asn/{asn}", self.network, "A network",
                 path("asn", "the network", ASN_TEXT, "AS64496"), _FAMILY, AT),
            page("/prefix/{prefix:.+}", self.prefix, "A prefix",
                 path("prefix", "the prefix", PREFIX_TEXT, "192.0.2.0/24"), _FAMILY, AT),
            page("/compare", self.compare, "Two groups side by side, or one on two days",
                 *COMPARED, _FAMILY, AT),
            page("/definitions", self.definitions, "How the figures are computed", _FAMILY, AT),
            page("/inputs", self.inputs, "What feeds the figures, and how fresh it is",
                 _FAMILY, AT, tagged=False),
            Operation(
                "GET", "/search", self.search, "Whatever somebody types", _TAG,
                {200: _PAGE, 303: Content("to the page that is meant", media=(),
                                          headers={"Location": "Its path."}), **_REFUSED},
                [query("q", "what is sought", _SOUGHT, required=True, example="NL"), AT, _LANG],
                refusals=(), name="page_search",
            ),
            Operation(
                "GET", "/api/v1/search", self.suggest, "What there is by a name", _TAG,
                {200: Content("what it may be, the likeliest first", SearchReply)},
                [query("q", "what is sought", _SOUGHT, required=True, example="NL"),
                 query("limit", f"the most to list (default {MOST})",
                       {"type": "integer", "minimum": 1, "maximum": MOST}), AT],
                refusals=(400, 404, 503), tagged=True,
            ),
            Operation(
                "GET", "/static/{name}", self.static, "A file that pages are shown with", _TAG,
                {200: Content("the file", media=tuple({f.media for f in static_files().values()}))},
                [path("name", "its name, with the hash of its content", _FILE,
                      next(iter(static_files())))],
                refusals=(404,),
            ),
        ]  # fmt: skip

    # -------------------------------------------------------------------------------------- pages

    async def overview(self, request: web.Request) -> web.Response:
        """Map, regions, the divide between classes of countries, what changed in a year, who could
        raise it, and every country."""
        return await self._maker.page(request, ("family", "at"), views.overview, outlines=True)

    async def country(self, request: web.Request) -> web.Response:
        """How a country compares with its region, its trend, its networks, its invalid routes, and
        who could raise its valid share."""
        code = request.match_info["cc"].upper()
        return await self._group(request, Scheme.COUNTRY.value, code)

    async def region(self, request: web.Request) -> web.Response:
        """The same of a region, a class of countries, or a list of one's own."""
        return await self._group(request, request.match_info["scheme"], request.match_info["group"])

    async def network(self, request: web.Request) -> web.Response:
        """Its routes by state, what to fix, its ranks, its trend. Every number of 32 bits is a
        network."""

        def make(sources: Sources, ask: Ask) -> str:
            return views_network.network(sources, ask, asn, self._forms)

        try:
            asn = parse_asn(request.match_info["asn"])
        except ValueError as error:
            return await self._maker.refused(plain(request), 400, f"invalid ASN: {error}")
        return await self._maker.page(request, ("family", "at"), make)

    async def prefix(self, request: web.Request) -> web.Response:
        """The routes around it, the VRPs, why they are as they are, what would make them valid."""

        def make(sources: Sources, ask: Ask) -> str:
            return views_network.prefix(sources, ask, asked)

        try:
            asked = relaxed_prefix(request.match_info["prefix"])
        except ValueError as error:
            return await self._maker.refused(plain(request), 400, f"invalid prefix: {error}")
        return await self._maker.page(request, ("family", "at"), make)

    async def compare(self, request: web.Request) -> web.Response:
        """With `a` and `b`: two groups. With `a` and days: what it was on these, and what moved it,
        if the tables of both days are kept."""
        its = Comparison(self._maker)

        def make(sources: Sources, ask: Ask) -> str:
            return views_network.compare(sources, ask, its.chosen, its.days, its.moved, self._forms)

        return await self._maker.page(request, (*NAMES, "family", "at"), make, its.prepare)

    async def definitions(self, request: web.Request) -> web.Response:
        """Definitions and formulas of every figure: docs/definitions.md, planning.md, change.md."""
        return await self._maker.page(
            request, ("family", "at"), views_other.definitions, outlines=True
        )

    async def inputs(self, request: web.Request) -> web.Response:
        """Every file and feed with its state, its age, and the SHA-256 of its bytes."""
        statuses, now = self._feed.statuses, time.time()

        def make(sources: Sources, ask: Ask) -> str:
            return views_other.inputs(sources, ask, statuses, now)

        return await self._maker.page(request, ("family", "at"), make, keep=False, outlines=True)

    async def search(self, request: web.Request) -> web.Response:
        """An AS number, a prefix, an address, a country, a region, a class, or the name of a
        network. If it is plain which page is meant, the answer leads there; else it is a list."""
        ask = plain(request)
        try:
            ask = ask_of(request, ("q", "at"))
            sought = _sought(ask.query)
            sources = await self._maker.sources(parse_day("at", ask.query.get("at")), False)
            found = await asyncio.to_thread(search, sources.snapshot, sought, MOST, ask.words)
            if found.exact is not None:
                kept = {name: ask.query[name] for name in CARRIED if name in ask.query}
                to = Ask(ask.path, ask.language, kept).link(found.exact.path)
                headers = {"Location": to, "Cache-Control": NO_STORE}
                return web.Response(status=303, headers=headers)
            body = await asyncio.to_thread(views_other.found, sources, ask, sought, found)
        except Refusal as refusal:
            return await self._maker.refused(ask, refusal.status, refusal.message, refusal.headers)
        except NoSuchDay as error:
            return await self._maker.refused(ask, 404, str(error))
        except SourceError as error:
            return await self._maker.refused(
                ask, 503, f"the history cannot be read: {error.problem}"
            )
        return html(body.encode(), {"Cache-Control": NO_CACHE})

    async def suggest(self, request: web.Request) -> web.Response:
        """The same for programs. `id` typed into the search box leads straight to the page."""
        given = query_of(request, "q", "limit", "at")
        sought, limit = _sought(given), number(given, "limit", 1, MOST, MOST)
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        result = await asyncio.to_thread(search, snapshot, sought, limit)
        found = [FoundOut(*each) for each in result.found]
        return snapshot_reply(snapshot, SearchReply(
            found, result.total, generated_time(snapshot.created), snapshot.generation,
            snapshot.sample, stale_notes(snapshot)))  # fmt: skip

    async def static(self, request: web.Request) -> web.Response:
        """Under a name that changes with the content: a browser may keep it."""
        file = static_files().get(request.match_info["name"])
        if file is None:
            raise Refusal(404, "there is no such file")
        headers = {"Cache-Control": _FOR_EVER, "X-Content-Type-Options": "nosniff"}
        return web.Response(
            body=file.content, content_type=file.media, charset="utf-8", headers=headers
        )

    async def _group(self, request: web.Request, scheme: str, group: str) -> web.Response:
        moved: ChangeFacts | None = None

        async def prepare(sources: Sources, ask: Ask) -> bool:
            nonlocal moved
            moved, whole = await self._maker.moved(sources, ask, scheme, group)
            return whole

        def make(sources: Sources, ask: Ask) -> str:
            return views.group(sources, ask, scheme, group, moved, self._forms)

        return await self._maker.page(request, ("family", "at"), make, prepare, outlines=True)


def report_forms() -> tuple[str, ...]:
    """The forms that reports can be had in here: some need what is not always installed."""
    found = []
    for form in forms.FORMS:
        with suppress(SettingsError):
            forms.check(form)
            found.append(form)
    return tuple(found)


def _sought(given: Mapping[str, str]) -> str:
    """
    Raises:
        Refusal: 400, nothing is sought, or more than anybody types.
    """
    sought = given.get("q", "")
    if not 1 <= len(sought) <= LONGEST:
        raise Refusal(400, f"q: give what to look for, in 1 to {LONGEST} letters")
    return sought
