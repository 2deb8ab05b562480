"""One group's evidence as a document: ``/api/v1/report/{scheme}/{group}``.

A report is made in a thread, one at a time, and a PDF is laid out in a process of its own
(:mod:`validator.reports.pdf`): look-ups do not wait for either. Few may wait for their turn, and
the last reports are kept until there is a newer snapshot.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date

from aiohttp import web

from validator.feed import Feed, redacted
from validator.feed import shown as redacted_source
from validator.history.moments import Moments
from validator.model import InputReport, SettingsError
from validator.pages.facts_common import Sources
from validator.pages.facts_group import NoSuchGroup
from validator.pages.page import Ask
from validator.pages.words import LANGUAGES
from validator.reports import forms
from validator.reports.making import Asked, Clock, Rules, evidence
from validator.reports.pdf import PdfError
from validator.reports.report import Report
from validator.snapshot import Snapshot
from validator.tables.announced import AnnouncedRules
from validator.web.answers import NO_CACHE, Refusal, chosen, query_of
from validator.web.contract import Content, Operation, path, query
from validator.web.coverage import SCHEME, one_of
from validator.web.groups import GROUP
from validator.web.packed import degraded_header
from validator.web.page_making import PageMaker
from validator.web.past import DAY, no_history, parse_day, readable

NAMES = ("compare", "from", "to", "format", "lang")
MOST_KEPT = 8
MOST_KEPT_BYTES = 16 << 20
MOST_WAITING = 8
RETRY_SECONDS = 10
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""A report is one file: it loads nothing, and it runs nothing."""
_TAG = "pages"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.-]+")


class ReportFace:
    def __init__(
        self,
        feed: Feed,
        maker: PageMaker,
        moments: Moments | None = None,
        rules: AnnouncedRules | None = None,
    ) -> None:
        """``maker``: whoever makes the pages, of the same sources."""
        self._feed, self._maker, self._moments = feed, maker, moments
        self._rules = rules or AnnouncedRules()
        self._turn, self._waiting = asyncio.Semaphore(1), 0
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/report/{scheme}/{group}",
                self.report,
                "A group's evidence as a document, and all that it takes to check it",
                _TAG,
                {
                    200: Content(
                        "the report", Report,
                        also=tuple(each.media for name, each in forms.FORMS.items()
                                   if name != "json"),
                    )
                },
                [
                    path("scheme", "what it is a group of", SCHEME, "rir"),
                    path("group", "the group", GROUP, "ripencc"),
                    query("compare", "another group of the scheme, beside it", GROUP),
                    query("from", "say what has changed since that day", DAY),
                    query("to", "as of a day in the past (by default now)", DAY),
                    query("format", "the form (default html)", one_of(forms.FORMS)),
                    query("lang", "the language of html, pdf and md (default en)",
                          one_of(LANGUAGES)),
                ],
                refusals=(400, 404, 503),
                tagged=True,
            )
        ]  # fmt: skip

    async def report(self, request: web.Request) -> web.Response:
        """As JSON it has every figure with numerator, denominator and formula, the SHA-256 of every
        input, and every setting: `originsight verify` makes it again from the inputs. A PDF takes
        some seconds."""
        where, given = request.match_info, query_of(request, *NAMES)
        form, language = (
            chosen(given, name, allowed)
            for name, allowed in (("format", tuple(forms.FORMS)), ("lang", LANGUAGES))
        )
        first, last = (parse_day(name, given.get(name)) for name in ("from", "to"))
        if first and last and first >= last:
            raise Refusal(400, f"from={first} is not before to={last}")
        scheme, group, other = where["scheme"], where["group"], given.get("compare", "")
        if "compare" in given and not other:
            raise Refusal(400, "compare='' names no group")
        with readable():
            sources = await self._maker.sources(last, outlines=True)
            self._known(sources.snapshot, scheme, group, other)
            ask = Ask(request.path, language, given)
            key = await asyncio.to_thread(self._maker.key, sources, ask)
        body = self._kept.get(key)
        if body is None:
            before = await self._before(first)
            asked = Asked(scheme, group, other, before, first)
            body = await self._made(key, sources, asked, form, language)
        mark = "SAMPLE-" if sources.snapshot.sample else ""
        name = _NOT_IN_NAMES.sub("-", f"{mark}{scheme}-{group}-{sources.day}")[:120]
        response = document(body, form, f"{name}.{forms.FORMS[form].suffix}")
        response.headers.update(degraded_header(sources.snapshot))
        return response

    async def _made(
        self, key: tuple[object, ...], sources: Sources, asked: Asked, form: str, language: str
    ) -> bytes:
        """
        Raises:
            Refusal: 404, there is no such group; 503, too many wait, the history cannot be read,
                or what writes the form is not installed.
        """
        if self._waiting >= MOST_WAITING:
            raise Refusal(
                503, f"{MOST_WAITING} reports are being made: try again in {RETRY_SECONDS} s",
                {"Retry-After": str(RETRY_SECONDS)},
            )  # fmt: skip
        clock = self._clock(sources)

        def make() -> bytes:
            made = evidence(sources, asked, Rules(self._rules, clock))
            return forms.written(made, form, language)

        self._waiting += 1
        try:
            async with self._turn:
                body = self._kept.get(key)
                if body is None:
                    with readable():
                        body = await asyncio.to_thread(make)
        except NoSuchGroup as error:
            raise Refusal(404, str(error)) from None
        except (SettingsError, PdfError) as error:
            raise Refusal(503, str(error)) from None
        finally:
            self._waiting -= 1
        self._keep(key, body)
        return body

    def _keep(self, key: tuple[object, ...], body: bytes) -> None:
        self._kept[key] = body
        self._kept.move_to_end(key)
        while self._kept and (
            len(self._kept) > MOST_KEPT or sum(map(len, self._kept.values())) > MOST_KEPT_BYTES
        ):
            self._kept.popitem(last=False)

    # ------------------------------------------------------------------------- what it is made of

    @staticmethod
    def _known(snapshot: Snapshot, scheme: str, group: str, other: str) -> None:
        """
        Raises:
            Refusal: 400, a group is compared with itself; 404, there is no such scheme.
        """
        if other and other == group:
            raise Refusal(400, f"compare={other[:80]!r} is the group itself")
        if scheme not in snapshot.schemes:
            raise Refusal(
                404, f"no scheme is called {scheme[:80]!r}; there are {', '.join(snapshot.schemes)}"
            )

    async def _before(self, day: date | None) -> Snapshot | None:
        if day is None:
            return None
        if self._moments is None:
            raise no_history()
        with readable():
            return await self._moments.when(day)

    def _clock(self, sources: Sources) -> Clock:
        """When each input was read, as its status says; of a past day, when that snapshot was
        made."""
        created = sources.snapshot.created
        read = {redacted(each)[0]: each.loaded for each in self._feed.statuses}

        def as_of(report: InputReport) -> int | None:
            if sources.past:
                return created
            source = redacted_source(report.source)
            found = read.get(source) or next(
                (at for name, at in read.items() if source.startswith(f"{name.rstrip('/')}/")), None
            )
            return found or created

        return as_of


def document(body: bytes, form: str, file: str) -> web.Response:
    """A report in one of its forms. ``file``: what it is saved as, if it is not shown at once."""
    media = forms.FORMS[form].media
    charset = "utf-8" if media.startswith("text/") else None
    response = web.Response(body=body, content_type=media, charset=charset)
    headers = response.headers
    headers["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers["Cache-Control"] = NO_CACHE
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Security-Policy"] = POLICY
    if form not in ("html", "json"):
        headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return response
