"""Pictures and badges that others keep or show on their pages: ``/chart/…`` and ``/badge/…``.

They are made as pages are, of the same facts (:mod:`validator.web.page_making`), and kept with
them. Who has one asks each time whether it still holds, and mostly hears 304: it costs little, and
a figure that is degraded says so everywhere within one snapshot. A picture may be shown by any
page, loads nothing, and runs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from validator.groupings import Scheme
from validator.model import Family
from validator.pages import charts, views, views_files
from validator.pages.chart_colours import Theme
from validator.pages.chart_parts import identifier
from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import Sources, stamp
from validator.pages.facts_group import NoSuchGroup
from validator.pages.page import Ask
from validator.pages.views_files import Form, NoSuchPicture
from validator.pages.views_network import COMPARE_PICTURES
from validator.pages.words import LANGUAGES
from validator.web.answers import NO_CACHE, RETRY_SECONDS, Handler, Refusal, chosen, vary
from validator.web.comparing import COMPARED, NAMES, Comparison
from validator.web.contract import Content, Operation, Parameter, path, query
from validator.web.coverage import SCHEME, one_of
from validator.web.groups import GROUP
from validator.web.moments import AT
from validator.web.packed import said_header
from validator.web.page_making import Made, PageMaker, Prepare, ask_of
from validator.web.past import readable

SVG = "image/svg+xml"
HEADERS = {
    "Cache-Control": NO_CACHE,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
WIDTHS = {"wide": charts.WIDE, "narrow": charts.NARROW}
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
_TAG = "pages"
_PICTURE = Content("the picture", media=(SVG,), schema={"type": "string"})
_OF = (
    query("family", "the family of addresses (default ipv4)", one_of(f.label for f in Family)),
    query("lang", "the language (else of Accept-Language)", one_of(LANGUAGES)),
    AT,
)
_DRAWN = (
    query("width", f"{charts.WIDE} or {charts.NARROW} pixels (default wide)", one_of(WIDTHS)),
    query("theme", "auto, by default: as the reader has it", one_of(THEMES)),
)
_FIRST = replace(COMPARED[0], required=True, example="NL",
                 schema={**COMPARED[0].schema, "minLength": 1})  # fmt: skip
_NAMES = ("family", "at")


class EmbedFace:
    """``maker``: whoever makes the pages."""

    def __init__(self, maker: PageMaker) -> None:
        self._maker = maker

    def operations(self) -> Sequence[Operation]:
        its = path("scheme", "what it is a group of", SCHEME, "rir"), path(
            "group", "the group", GROUP, "ripencc"
        )  # fmt: skip

        def svg(where: str, handler: Handler, summary: str, *parameters: Parameter) -> Operation:
            return Operation("GET", f"{where}.svg", handler, summary, _TAG, {200: _PICTURE},
                             [*parameters, *_OF], refusals=(400, 404, 503), tagged=True,
                             name=handler.__name__)  # fmt: skip

        def which(names: Sequence[str]) -> Parameter:
            return path("picture", "which picture of the page", one_of(names), names[0])

        return [
            svg("/chart/world/{picture}", self.chart_world, "A picture of the overview, as a file",
                which(views.WORLD_PICTURES), *_DRAWN),
            svg("/chart/compare/{picture}", self.chart_compare, "A picture of a comparison",
                which(COMPARE_PICTURES), _FIRST, *COMPARED[1:], *_DRAWN),
            svg("/chart/{scheme}/{group}/{picture}", self.chart, "A picture of a group, as a file",
                *its, which(views.GROUP_PICTURES), *_DRAWN),
            svg("/badge/world", self.badge_world, "The valid share of all routes, in a line"),
            svg("/badge/{scheme}/{group}", self.badge, "The valid share of a group, in a line",
                *its),
        ]  # fmt: skip

    async def chart_world(self, request: web.Request) -> web.Response:
        """With the figures of the page, its day, and what is wrong with its inputs, if anything
        is."""
        ask = ask_of(request, (*_NAMES, "width", "theme"))
        name, form = _picture(request, views.WORLD_PICTURES), _form(ask)

        def make(sources: Sources, ask: Ask) -> str:
            return views_files.world_file(sources, ask, name, form)

        return await self._answer(ask, make, f"world-{name}")

    async def chart(self, request: web.Request) -> web.Response:
        """With the figures of the page, its day, and what is wrong with its inputs, if anything
        is. `change` needs the tables of a day about a year before, which may take a moment: 503."""
        ask = ask_of(request, (*_NAMES, "width", "theme"))
        scheme, group = _group(request)
        name, form = _picture(request, views.GROUP_PICTURES), _form(ask)
        moved: ChangeFacts | None = None

        async def prepare(sources: Sources, ask: Ask) -> bool:
            nonlocal moved
            moved, whole = await self._maker.moved(sources, ask, scheme, group)
            if not whole:
                raise Refusal(
                    503, f"the day it is compared with is being read: again in {RETRY_SECONDS} s",
                    {"Retry-After": str(RETRY_SECONDS)},
                )  # fmt: skip
            return True

        def make(sources: Sources, ask: Ask) -> str:
            return views_files.group_file(sources, ask, scheme, group, name, form, moved)

        return await self._answer(
            ask, make, f"{scheme}-{group}-{name}", prepare if name == "change" else None,
            outlines=not views_files.of_network(scheme, name),
        )  # fmt: skip

    async def chart_compare(self, request: web.Request) -> web.Response:
        """As the page of comparisons has it: of two groups, or of one on two days."""
        ask = ask_of(request, (*_NAMES, *NAMES, "width", "theme"))
        name, form = _picture(request, COMPARE_PICTURES), _form(ask)
        its = Comparison(self._maker)

        def make(sources: Sources, ask: Ask) -> str:
            return views_files.compare_file(
                sources, ask, its.chosen, its.days, its.moved, name, form
            )

        if not ask.query.get("a"):
            raise Refusal(400, "a: give a group: KE, ldc/ldc, asn/AS64496, or a name")
        return await self._answer(ask, make, f"compare-{name}", its.prepare, outlines=False)

    async def badge_world(self, request: web.Request) -> web.Response:
        """Says the day, and in a word if an input is not as it should be."""
        return await self._answer(ask_of(request, _NAMES), views_files.world_badge, "world")

    async def badge(self, request: web.Request) -> web.Response:
        """Says the day, and in a word if an input is not as it should be. Of any group of any
        scheme; `/badge/country/NL.svg`, `/badge/asn/AS64496.svg`."""
        scheme, group = _group(request)

        def make(sources: Sources, ask: Ask) -> str:
            return views_files.group_badge(sources, ask, scheme, group)

        return await self._answer(ask_of(request, _NAMES), make, f"{scheme}-{group}")

    async def _answer(
        self, ask: Ask, make: Made, name: str, prepare: Prepare | None = None, *,
        outlines: bool = True,
    ) -> web.Response:  # fmt: skip
        """
        Raises:
            Refusal: 404, there is no such group, day or picture; 503, no snapshot yet, or the
                history cannot be read.
        """
        try:
            with readable():
                sources, body = await self._maker.made(ask, make, prepare, outlines=outlines)
        except (NoSuchGroup, NoSuchPicture) as error:
            raise Refusal(404, str(error)) from None
        its = stamp(sources)
        sample = "SAMPLE-" if its.sample else ""
        file = identifier(f"{sample}{name}-{its.day}")
        response = web.Response(body=body, content_type=SVG, charset="utf-8", headers=HEADERS)
        response.headers["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
        response.headers["Content-Disposition"] = f'inline; filename="{file}.svg"'
        response.headers.update(said_header(its.degraded))
        vary(response.headers, "Accept-Language")
        return response


def _form(ask: Ask) -> Form:
    """
    Raises:
        Refusal: 400, there is no such width or theme.
    """
    width = WIDTHS[chosen(ask.query, "width", tuple(WIDTHS))]
    theme = chosen(ask.query, "theme", THEMES)
    return Form(width, next(each for each in THEMES if each == theme))


def _picture(request: web.Request, names: Sequence[str]) -> str:
    """
    Raises:
        Refusal: 404, there is no such picture; names those there are.
    """
    name = request.match_info["picture"]
    if name not in names:
        raise Refusal(404, f"no picture is called {name[:40]!r}; there are {', '.join(names)}")
    return name


def _group(request: web.Request) -> tuple[str, str]:
    """A scheme and a group; the code of a country in either case, as its page takes it."""
    scheme, group = request.match_info["scheme"], request.match_info["group"]
    return scheme, group.upper() if scheme == Scheme.COUNTRY else group
