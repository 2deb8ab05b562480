"""How a page comes about: from which snapshot, kept until there is a newer one, and what to answer
in place of a page that there is not.

Pages are made in a thread, one at a time. What moved a figure since a past day takes that day's
snapshot, which may take seconds to rebuild: a page waits a moment for it, then goes out without,
and is not kept.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date

from aiohttp import web

from validator.feed import Feed
from validator.groupings import attribution_of
from validator.history.moments import Moments
from validator.history.outlines import outline
from validator.history.reading import Reader
from validator.history.rebuilding import Groups
from validator.history.records import NoSuchDay
from validator.milestone_inputs import Listed, Milestones
from validator.model import Family, SourceError
from validator.pages import views_other
from validator.pages.facts_change import ChangeFacts, change_facts
from validator.pages.facts_common import Sources, year_before
from validator.pages.facts_group import NoSuchGroup
from validator.pages.own_map import OwnMap
from validator.pages.page import Ask
from validator.pages.words import LANGUAGES, choose
from validator.snapshot import Snapshot
from validator.targets.progress import TargetSettings
from validator.web.answers import NO_CACHE, NO_STORE, Refusal, current, query_of, vary
from validator.web.past import group_files, no_history, parse_day

HTML = "text/html"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
MOST_KEPT = 64
_PATIENCE_SECONDS = 1.0
"""How long a page waits for what moved a figure; it comes without if that takes longer."""
_ABOUT_A_YEAR_DAYS = 120
"""Tables are kept of fewer days than figures: the nearest so far from a year ago is good enough,
for the page says which day it is."""

Made = Callable[[Sources, Ask], str]
Prepare = Callable[[Sources, Ask], Awaitable[bool]]


class PageMaker:
    """Makes pages of a feed and its history."""

    def __init__(
        self,
        feed: Feed,
        sample: bool,
        past: Reader | None,
        moments: Moments | None,
        targets: Sequence[TargetSettings],
        milestones: Milestones | None,
        own_map: OwnMap | None = None,
    ) -> None:
        self._feed, self._sample, self._past, self._moments = feed, sample, past, moments
        self._targets, self._milestones = tuple(targets), milestones
        self._map = own_map or OwnMap()
        self._turn = asyncio.Semaphore(1)
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._preparing: dict[date, asyncio.Task[Snapshot]] = {}

    async def page(
        self,
        request: web.Request,
        names: Sequence[str],
        make: Made,
        prepare: Prepare | None = None,
        *,
        outlines: bool = False,
        keep: bool = True,
    ) -> web.Response:
        """A page, or a page that says why not."""
        ask = plain(request)
        try:
            ask = ask_of(request, names)
            _, body = await self.made(ask, make, prepare, outlines=outlines, keep=keep)
        except Refusal as refusal:
            return await self.refused(ask, refusal.status, refusal.message, refusal.headers)
        except (NoSuchGroup, NoSuchDay) as error:
            return await self.refused(ask, 404, str(error))
        except SourceError as error:
            return await self.refused(ask, 503, f"the history cannot be read: {error.problem}")
        tag = hashlib.sha256(body).hexdigest()[:20]
        return html(body, {"ETag": f'W/"{tag}"', "Cache-Control": NO_CACHE})

    async def made(
        self,
        ask: Ask,
        make: Made,
        prepare: Prepare | None = None,
        *,
        outlines: bool = False,
        keep: bool = True,
    ) -> tuple[Sources, bytes]:
        """What is asked for, and what it was made from. ``prepare`` is asked before, off no thread;
        whether what is made is then whole, and may be kept.

        Raises:
            Refusal: as :meth:`sources`.
            NoSuchGroup, NoSuchDay, SourceError: as ``make``.
        """
        sources = await self.sources(parse_day("at", ask.query.get("at")), outlines)
        key = await asyncio.to_thread(self.key, sources, ask)
        body = self._kept.get(key, b"")
        if not body:
            whole = await prepare(sources, ask) if prepare else True
            async with self._turn:  # who asks for the same meanwhile finds it done
                body = self._kept.get(key, b"")
                if not body:
                    body = await asyncio.to_thread(_made, make, sources, ask)
            if whole and keep:
                self._keep(key, body)
        return sources, body

    def key(self, sources: Sources, ask: Ask) -> tuple[object, ...]:
        """What a page follows from. Looks at the folder of the history: in a thread."""
        snapshot, marked = sources.snapshot, self._marked()
        query = tuple(sorted(ask.query.items()))
        latest = self._past.folder.held().files if self._past else ()
        return (snapshot.generation, snapshot.created, sources.day, marked.generation,
                sources.map.generation, hash(latest), group_files(self._feed.snapshot), ask.path,
                ask.language, query)  # fmt: skip

    def _keep(self, key: tuple[object, ...], body: bytes) -> None:
        self._kept[key] = body
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _marked(self) -> Listed:
        return self._milestones.listed if self._milestones else Listed()

    async def sources(self, day: date | None, outlines: bool) -> Sources:
        """What a page is made from: what is in force, or a past day; with ``outlines`` also one of
        which figures alone are kept.

        Raises:
            Refusal: 404, no history is kept; 503, no snapshot yet.
            NoSuchDay, SourceError: of the history.
        """
        about = self._targets, self._marked().milestones, self._map.in_use
        if day is None:
            return Sources(current(self._feed), self._past, None, False, *about)
        if self._moments is None or self._past is None:
            raise no_history()
        whole = await asyncio.to_thread(self._moments.days)
        if day in whole or not outlines:
            snapshot, record = await self._moments.when(day), None
        else:
            groups = Groups.of(self._feed.snapshot)
            snapshot, record = await asyncio.to_thread(outline, self._past, day, groups)
        return Sources(snapshot, self._past, record, True, *about)

    async def moved(
        self, sources: Sources, ask: Ask, scheme: str, group: str
    ) -> tuple[ChangeFacts | None, bool]:
        """What moved a group since about a year before; and whether that is all there is to know.
        The day is rebuilt behind the page's back if that takes long."""
        if self._moments is None or not sources.tables or not _known(sources, scheme, group):
            return None, True
        days = await asyncio.to_thread(self._moments.days)
        then = year_before(days, sources.day, _ABOUT_A_YEAR_DAYS)
        if then is None:
            return None, True
        task = self._preparing.get(then)
        if task is None:
            task = asyncio.create_task(self._moments.when(then), name=f"rebuilding {then}")
            self._preparing[then] = task
            task.add_done_callback(lambda done: self._prepared(then, done))
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE_SECONDS)
        if not done:
            return None, False
        try:
            before = task.result()
        except NoSuchDay:
            return None, True
        except SourceError:
            return None, False
        by = attribution_of(scheme, None, sources.snapshot.groupings.get(scheme))
        async with self._turn:
            return await asyncio.to_thread(
                change_facts, before, sources.snapshot, scheme, group, by, ask.family
            ), True

    def _prepared(self, day: date, task: asyncio.Task[Snapshot]) -> None:
        self._preparing.pop(day, None)
        if not task.cancelled():
            task.exception()  # nobody may be waiting for it any more

    async def between(
        self, sources: Sources, ask: Ask, chosen: tuple[str, str], days: tuple[date, ...]
    ) -> ChangeFacts | None:
        """What moved a group between two days; None if not both can be rebuilt."""
        if self._moments is None:
            return None
        whole = await asyncio.to_thread(self._moments.days)
        ends = []
        for day in days:
            if day == sources.day and sources.tables:
                ends.append(sources.snapshot)
            elif day in whole:
                ends.append(await self._moments.when(day))
            else:
                return None
        before, after = ends
        by = attribution_of(chosen[0], None, sources.snapshot.groupings.get(chosen[0]))
        async with self._turn:
            return await asyncio.to_thread(change_facts, before, after, *chosen, by, ask.family)

    async def refused(
        self, ask: Ask, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        # What is linked from here must be there: perhaps the day was not.
        known = {name: value for name, value in ask.query.items() if name != "at"}
        ask = Ask(ask.path, ask.language, known)

        def make() -> bytes:
            return views_other.problem(ask, status, message, sample=self._sample).encode()

        body = await asyncio.to_thread(make)
        return html(body, {"Cache-Control": NO_STORE, **(headers or {})}, status)


def _known(sources: Sources, scheme: str, group: str) -> bool:
    """Whether there is such a group now."""
    snapshot = sources.snapshot
    if scheme not in snapshot.schemes:
        return False
    by = attribution_of(scheme, None, snapshot.groupings.get(scheme))
    return snapshot.coverages[scheme, by].index(group) is not None


def _made(make: Made, sources: Sources, ask: Ask) -> bytes:
    return make(sources, ask).encode()


def plain(request: web.Request) -> Ask:
    """What is asked for as far as nothing can be wrong with it."""
    return Ask(request.path, choose(request.headers.get("Accept-Language", "")))


def ask_of(request: web.Request, names: Sequence[str]) -> Ask:
    """
    Raises:
        Refusal: 400, an argument that there is not, or with a value that it cannot have.
    """
    given = query_of(request, *names, "lang")
    for name, allowed in (("lang", LANGUAGES), ("family", [each.label for each in Family])):
        if name in given and given[name] not in allowed:
            raise Refusal(400, f"{name}={given[name][:20]!r} is not one of {', '.join(allowed)}")
    language = choose(request.headers.get("Accept-Language", ""), given.get("lang"))
    return Ask(request.path, language, given)


def html(body: bytes, headers: Mapping[str, str], status: int = 200) -> web.Response:
    response = web.Response(body=body, status=status, content_type=HTML, charset="utf-8")
    response.headers.update({**SECURITY, **headers})
    vary(response.headers, "Accept-Language")
    return response
