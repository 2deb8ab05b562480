"""Scheduled reports: ``/reports``, ``/reports/{name}`` and ``/api/v1/reports``.

Files are served by the names that the settings give them and by no other, so that nothing else in
their folders, or outside, can be asked for. Folders are read in threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.formats.replies import generated_time
from validator.model import Family
from validator.pages import views_other
from validator.pages.facts_common import Sources
from validator.pages.news_text import Issue, IssueFile
from validator.pages.page import Ask
from validator.pages.words import LANGUAGES
from validator.printing import OutputError
from validator.reports.forms import FORMS
from validator.reports.schedule import Edition
from validator.reports.writing import Schedule, Written
from validator.settings.report import ReportSettings
from validator.snapshot import Snapshot
from validator.web.answers import NO_CACHE, Refusal, json_reply, number, query_of
from validator.web.contract import Content, Operation, path, query
from validator.web.coverage import SCHEME, one_of
from validator.web.groups import GROUP
from validator.web.moments import AT
from validator.web.page_making import HTML, PageMaker
from validator.web.reports import document
from validator.web.targets import unknown

MOST_LISTED = 1000
USUAL_LISTED = 100
_TAG = "pages"
_FILE = {"type": "string", "maxLength": 255, "pattern": "^[A-Za-z0-9][A-Za-z0-9._+-]*$"}


class ReportFileReply(msgspec.Struct, frozen=True):
    """A file of a scheduled report. ``compare``: the group beside it, empty if there is none."""

    scheme: str
    group: str
    compare: str
    every: str
    period: str
    format: str
    lang: str
    name: str
    path: str
    bytes: int
    sha256: str
    written: str


class ReportFilesReply(msgspec.Struct, frozen=True):
    """The files that are there, the latest period first. ``total`` counts also what is not listed;
    ``problems`` are groups that reports are scheduled of and that there are not."""

    reports: list[ReportFileReply]
    total: int
    problems: list[str]
    sample: bool


class ScheduledFace:
    def __init__(
        self, feed: Feed, sample: bool, schedule: Schedule | None, maker: PageMaker
    ) -> None:
        """``schedule``: None if no reports are scheduled."""
        self._feed, self._sample, self._schedule, self._maker = feed, sample, schedule, maker

    def operations(self) -> Sequence[Operation]:
        files = [self._file_operation(self._schedule)] if self._schedule else []
        return [
            Operation(
                "GET", "/api/v1/reports", self.listed, "Scheduled reports", _TAG,
                {200: Content("the files that are there", ReportFilesReply)},
                [
                    query("scheme", "of groups of this scheme alone", SCHEME),
                    query("group", "of this group alone", GROUP),
                    query("limit", f"the most to list (default {USUAL_LISTED})",
                          {"type": "integer", "minimum": 1, "maximum": MOST_LISTED}),
                ],
                refusals=(400, 503), tagged=True,
            ),
            *files,
            Operation(
                "GET", "/reports", self.page, "Scheduled reports, as a page", _TAG,
                {200: Content("the page", media=(HTML,), schema={"type": "string"}),
                 **{status: Content("a page that says why not", media=(HTML,),
                                    schema={"type": "string"}) for status in (400, 404, 503)}},
                [query("family", "of pages that are linked", one_of(each.label for each in Family)),
                 AT, query("lang", "the language (else of Accept-Language)", one_of(LANGUAGES))],
                refusals=(), tagged=True, name="page_reports",
            ),
        ]  # fmt: skip

    def _file_operation(self, schedule: Schedule) -> Operation:
        example = "country-NL-2026-11.html"
        with suppress(OutputError):  # it is said when it is asked for
            example = next((each.name for each in schedule.files()), example)
        media = tuple(each.media for each in FORMS.values())
        return Operation(
            "GET", "/reports/{name}", self.file, "A file of a scheduled report", _TAG,
            {200: Content("the file", media=media)},
            [path("name", "its name, as /api/v1/reports has it", _FILE, example)],
            refusals=(404, 503), tagged=True,
        )  # fmt: skip

    async def listed(self, request: web.Request) -> web.Response:
        """Each with its SHA-256. There are none if the settings schedule none (`[[reports]]`)."""
        given = query_of(request, "scheme", "group", "limit")
        for name, schema in (("scheme", SCHEME), ("group", GROUP)):
            if name in given and not re.search(str(schema["pattern"]), given[name]):
                raise Refusal(400, f"{name}={given[name][:80]!r} is nothing that is called so")
        limit = number(given, "limit", 1, MOST_LISTED, USUAL_LISTED)
        snapshot, schedule = self._feed.snapshot, self._schedule
        reports = schedule.plan.reports if schedule else ()
        problems = [
            f"{scheme} {group}: {why}" for scheme, group, why in unknown_groups(snapshot, reports)
        ]

        def look() -> tuple[list[ReportFileReply], int]:
            if schedule is None:
                return [], 0
            files = [
                each
                for each in schedule.files()
                if given.get("scheme") in (None, each.edition.settings.scheme)
                and given.get("group") in (None, each.edition.group)
            ]
            return list(_described(schedule, files[:limit])), len(files)

        with legible():
            found, total = await asyncio.to_thread(look)
        reply = ReportFilesReply(found, total, problems, self._sample)
        tag = hashlib.sha256(msgspec.json.encode(reply)).hexdigest()[:20]
        return json_reply(reply, headers={"ETag": f'W/"{tag}"', "Cache-Control": NO_CACHE})

    async def file(self, request: web.Request) -> web.Response:
        """As it was written: it does not change any more."""
        name, schedule = request.match_info["name"], self._schedule

        def read() -> tuple[Written, bytes] | None:
            found = schedule.find(name) if schedule and len(name) <= 255 else None
            try:
                return (found, found.path.read_bytes()) if found else None
            except FileNotFoundError:
                return None

        with legible():
            found = await asyncio.to_thread(read)
        if found is None:
            raise Refusal(404, "there is no such report; /api/v1/reports lists what there is")
        its, body = found
        return document(body, its.form, its.name)

    async def page(self, request: web.Request) -> web.Response:
        """The latest scheduled reports, and how to follow them."""
        schedule = self._schedule

        def make(sources: Sources, ask: Ask) -> str:
            with legible():
                files = schedule.files() if schedule else []
            latest = list(issues(files))[:USUAL_LISTED]
            return views_other.reports(sources, ask, latest, scheduled=schedule is not None)

        return await self._maker.page(request, ("family", "at"), make, outlines=True, keep=False)


def unknown_groups(
    snapshot: Snapshot | None, reports: Iterable[ReportSettings]
) -> Iterator[tuple[str, str, str]]:
    """The groups that reports are scheduled of and that a snapshot has not: scheme, group, why."""
    if snapshot is None:
        return
    for each in reports:
        for group in (*each.groups, *([each.compare] if each.compare else [])):
            if why := unknown(snapshot, each.scheme, group):
                yield each.scheme, group, why


def _described(schedule: Schedule, files: Iterable[Written]) -> Iterator[ReportFileReply]:
    for each in files:
        its, edition = each.edition.settings, each.edition
        try:
            digest = schedule.digest(each)
        except OSError:
            continue  # it was removed meanwhile
        yield ReportFileReply(
            its.scheme, edition.group, its.compare, its.every, edition.period.name, each.form,
            its.lang, each.name, path_of(each.name), each.bytes, digest,
            generated_time(int(each.written)),
        )  # fmt: skip


def path_of(name: str) -> str:
    return Ask("").link(f"/reports/{name}")


def issues(files: Iterable[Written]) -> Iterator[Issue]:
    """Files, in their order, by the report that they are of."""
    reports: dict[Edition, list[Written]] = {}
    for each in files:
        reports.setdefault(each.edition, []).append(each)
    for edition, its in reports.items():
        settings, period = edition.settings, edition.period
        yield Issue(
            settings.scheme, edition.group, settings.compare, settings.every, period.name,
            period.first, period.last, settings.lang,
            tuple(
                IssueFile(each.form, each.name, FORMS[each.form].media, each.bytes,
                          int(each.written))
                for form in FORMS for each in its if each.form == form
            ),
        )  # fmt: skip


@contextmanager
def legible() -> Iterator[None]:
    """A folder that cannot be read, as a refusal.

    Raises:
        Refusal: 503, saying why.
    """
    try:
        yield
    except OutputError as error:
        raise Refusal(503, str(error)) from None
    except OSError as error:
        raise Refusal(503, f"the reports cannot be read: {error.strerror}") from None
