"""Atom feeds of groups and of the world: ``/feed/{scheme}/{group}.atom``, ``/feed/world.atom``.

What they tell follows from the history and from the reports that are there
(:mod:`validator.pages.news`). They are made in a thread, one at a time, and the last ones are kept.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from aiohttp import web

from validator.feed import Feed
from validator.groupings import Attribution, attribution_of
from validator.history.reading import Reader
from validator.milestone_inputs import Milestones
from validator.pages import atom
from validator.pages.facts_common import Sources, stamp
from validator.pages.facts_overview import FROM_SCHEME
from validator.pages.naming import group_name
from validator.pages.news import naming, news_of, observed
from validator.pages.news_text import WORLD, Issue, issue_told, told, urn
from validator.pages.page import Ask
from validator.pages.pictures import group_path
from validator.pages.words import LANGUAGES, Words, clean, isolated, words
from validator.reports.writing import Schedule, Written
from validator.snapshot import Snapshot
from validator.targets.milestones import Milestone
from validator.targets.progress import TargetSettings
from validator.web.answers import NO_CACHE, Refusal, chosen, current, query_of
from validator.web.contract import Content, Operation, path, query
from validator.web.coverage import SCHEME, one_of
from validator.web.groups import GROUP
from validator.web.packed import degraded_header
from validator.web.page_making import HTML
from validator.web.past import readable
from validator.web.scheduled_reports import issues, legible, path_of
from validator.web.targets import unknown

MOST_ENTRIES = 50
_MOST_KEPT = 64
_TAG = "pages"
_LANG = query("lang", "the language (default en)", one_of(LANGUAGES))
_FEED = Content("the feed", media=(atom.MEDIA,), schema={"type": "string"})


@dataclass(frozen=True, slots=True)
class _About:
    """What a feed is about. ``mine``: the milestones that concern it."""

    of: tuple[str, str]
    by: Attribution
    groups: tuple[str, ...]
    name: str
    mine: tuple[Milestone, ...]


class FeedFace:
    def __init__(
        self,
        feed: Feed,
        past: Reader | None = None,
        schedule: Schedule | None = None,
        targets: Sequence[TargetSettings] = (),
        milestones: Milestones | None = None,
        public_url: str = "",
    ) -> None:
        """``schedule``: None if no reports are scheduled; ``public_url`` is the settings'."""
        self._feed, self._past, self._schedule, self._base = feed, past, schedule, public_url
        self._targets = tuple(each for each in targets if each.figure == "valid_share")
        self._milestones = milestones
        self._turn = asyncio.Semaphore(1)
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET", "/feed/world.atom", self.world, "News of the world, as an Atom feed", _TAG,
                {200: _FEED}, [_LANG], refusals=(400, 503), tagged=True,
            ),
            Operation(
                "GET", "/feed/{scheme}/{group}.atom", self.group,
                "News of a group, as an Atom feed", _TAG, {200: _FEED},
                [
                    path("scheme", "what it is a group of", SCHEME, "rir"),
                    path("group", "the group", GROUP, "ripencc"),
                    _LANG,
                ],
                refusals=(400, 404, 503), tagged=True,
            ),
        ]  # fmt: skip

    async def group(self, request: web.Request) -> web.Response:
        """Its scheduled reports, what moved its valid share by a percentage point from the end of
        one month to that of the next, how its targets turned, and milestones that name it. An entry
        keeps its id for good."""
        snapshot = current(self._feed)
        scheme, group = request.match_info["scheme"], request.match_info["group"]
        if why := unknown(snapshot, scheme[:80], group[:80]):
            raise Refusal(404, why)
        name = snapshot.group_name(scheme, group) or group
        by = attribution_of(scheme, None, snapshot.groupings.get(scheme))
        mine = tuple(naming(self._marked(), name))
        return await self._answer(request, _About((scheme, group), by, (group,), name, mine))

    async def world(self, request: web.Request) -> web.Response:
        """The same of all routes together, with every milestone."""
        groups = tuple(current(self._feed).coverages[FROM_SCHEME, Attribution.ADDRESS].groups)
        about = _About(WORLD, Attribution.ADDRESS, groups, "", tuple(self._marked()))
        return await self._answer(request, about)

    async def _answer(self, request: web.Request, about: _About) -> web.Response:
        language = chosen(query_of(request, "lang"), "lang", LANGUAGES)
        snapshot = current(self._feed)
        troubles = stamp(Sources(snapshot)).degraded
        with legible(), readable():
            files = await asyncio.to_thread(self._files_of, about.of)
            held = await asyncio.to_thread(self._past.folder.held) if self._past else None
            key = (about, language, troubles, snapshot.sample, tuple(files),
                   hash(held.files) if held else snapshot.created)  # fmt: skip
            async with self._turn:  # who asks for the same meanwhile finds it done
                body = self._kept.get(key)
                if body is None:
                    body = await asyncio.to_thread(
                        self._made, about, words(language), snapshot, files, troubles
                    )
                    self._kept[key] = body
                    while len(self._kept) > _MOST_KEPT:
                        self._kept.popitem(last=False)
        response = web.Response(body=body, content_type=atom.MEDIA, charset="utf-8")
        response.headers.update({
            "ETag": f'W/"{hashlib.sha256(body).hexdigest()[:20]}"',
            "Cache-Control": NO_CACHE,
            "X-Content-Type-Options": "nosniff",
            **degraded_header(snapshot),
        })  # fmt: skip
        return response

    def _marked(self) -> Sequence[Milestone]:
        return self._milestones.listed.milestones if self._milestones else ()

    def _files_of(self, of: tuple[str, str]) -> list[Written]:
        if self._schedule is None:
            return []
        return [
            each
            for each in self._schedule.files()
            if of in (WORLD, (each.edition.settings.scheme, each.edition.group))
        ]

    def _made(
        self, about: _About, its: Words, snapshot: Snapshot, files: Sequence[Written],
        troubles: Sequence[str],
    ) -> bytes:  # fmt: skip
        """The feed. Reads the history: in a thread."""
        entries = [_issue_entry(its, each, snapshot) for each in issues(files)][:MOST_ENTRIES]
        name = group_name(its, *about.of, about.name) if about.name else its.say("World")
        scheme = about.of[0] or FROM_SCHEME.value
        if self._past is not None:
            series = observed(self._past, scheme, about.by, about.groups)
            targets = [each for each in self._targets if (each.scheme, each.group) == about.of
                       and each.attribution in (None, about.by.value)]  # fmt: skip
            for each in news_of(series, targets, about.mine)[:MOST_ENTRIES]:
                said = told(its, each, name, about.of, sample=snapshot.sample)
                at = int(datetime.combine(each.day, time(23, 59, 59), UTC).timestamp())
                to = atom.Link("alternate", said.path, HTML, language=its.language)
                entries.append(atom.Entry(said.id, said.title, said.summary, at, (to,)))
        entries.sort(key=lambda each: (-each.updated, each.id))
        return atom.written(
            self._channel(about, its, name, snapshot, troubles, entries[:MOST_ENTRIES]), self._base
        )

    def _channel(
        self, about: _About, its: Words, name: str, snapshot: Snapshot, troubles: Sequence[str],
        entries: Sequence[atom.Entry],
    ) -> atom.Channel:  # fmt: skip
        title = its.say("Routing security: %(name)s", name=isolated(name))
        subtitle = its.say("Reports, notable changes and milestones. No change is told of days on "
                           "which an input was not as it should be.")  # fmt: skip
        if troubles:
            subtitle += " " + its.say("Degraded: read these figures with care")
            subtitle += f" ({'; '.join(clean(each, 200) for each in troubles)})"
        if snapshot.sample:
            title = f"{its.say('SAMPLE')}: {title}"
        here = atom_path(*about.of) + ("" if its.language == "en" else f"?lang={its.language}")
        page = "/" if about.of == WORLD else Ask("").link(group_path(*about.of))
        links = (atom.Link("self", here, atom.MEDIA), atom.Link("alternate", page, HTML))
        return atom.Channel(urn("feed", snapshot.sample, *about.of), title, subtitle, its.language,
                            snapshot.created, links, entries)  # fmt: skip


def atom_path(scheme: str, group: str) -> str:
    """Where the feed of a group, or of the world, is."""
    return Ask("").link(f"/feed/{scheme}/{group}.atom") if scheme else "/feed/world.atom"


def _issue_entry(its: Words, issue: Issue, snapshot: Snapshot) -> atom.Entry:
    listed = snapshot.group_name(issue.scheme, issue.group) or issue.group
    name = group_name(its, issue.scheme, issue.group, listed)
    said = issue_told(its, issue, name, sample=snapshot.sample)
    links = [
        atom.Link(
            "alternate" if each.form == "html" else "enclosure", path_of(each.name), each.media,
            each.name, each.bytes, issue.language,
        )
        for each in issue.files
    ]  # fmt: skip
    if all(each.rel != "alternate" for each in links):  # an entry without content must have one
        links.append(atom.Link("alternate", said.path, HTML))
    return atom.Entry(said.id, said.title, said.summary, issue.written, tuple(links))
