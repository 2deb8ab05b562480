"""Milestones beside the running service: read at the start, looked at again on every reload.

They are no input of a snapshot. No figure rests on them, so a mistake in one of these files neither
holds up an answer nor marks a day as degraded: it is said in the log and under ``problems`` of
``/api/v1/milestones``, with its line and its cure, and what that file said last stays. Files are
small (:mod:`validator.targets.milestones` refuses others) and are read in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog

from collectors.base import LocalFile, SourceError
from collectors.catalog import Kind, wanted
from collectors.fetch import Fetcher, FetchLimits
from collectors.local import is_url
from validator.feed import shown
from validator.targets.milestones import Milestone, built_in, load, merged

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Listed:
    """The milestones in use, in order of days, and a line for each file that could not be used as
    it is now. ``generation`` counts up with every change; ``read`` is when (Unix seconds)."""

    milestones: tuple[Milestone, ...] = ()
    problems: tuple[str, ...] = ()
    generation: int = 0
    read: int = 0


class Milestones:
    """Ours, if there are such, and the user's own. ``listed`` is replaced as a whole."""

    def __init__(
        self,
        sources: Sequence[str] = (),
        *,
        ours: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads our own file, and no other yet. ``ours``: by default
        :func:`validator.targets.milestones.built_in`; ``sources`` as settings have them."""
        ours = ours or built_in()
        self._sources = (*((str(ours),) if ours else ()), *sources)
        self._clock = clock
        self._good: dict[str, tuple[Milestone, ...]] = {}
        self._versions: dict[str, str] = {}
        self._problems: dict[str, str] = {}
        self._asked = asyncio.Event()
        self.listed = Listed()
        if ours is not None:
            self._take(str(ours), partial(load, [LocalFile(ours, str(ours))]))
        self._list()

    def ask(self) -> None:
        """Look at the files now rather than at the next turn."""
        self._asked.set()

    async def follow(self, cache: Path, limits: FetchLimits | None, seconds: float) -> NoReturn:
        """Look at the files now, and then every so often or when asked, until cancelled."""
        async with Fetcher(cache, limits) as fetcher:
            while True:
                self._asked.clear()
                await self.look(fetcher)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), seconds)

    async def look(self, fetcher: Fetcher) -> None:
        """Look at every file once. Never raises for one."""
        for source in self._sources:
            try:
                located = await fetcher.locate(source)
                known = self._versions.get(source) == located.version
                if known and source not in self._problems:
                    continue
                files = located.files
                if not is_url(source):  # of a folder the CSV files, as of groups
                    files = wanted(Kind.GROUPS, source, files)
            except SourceError as error:
                self._failed(source, error)
                continue
            if await asyncio.to_thread(self._take, source, partial(load, files)):
                self._versions[source] = located.version
                log.info("milestones read", source=shown(source), days=len(self._good[source]))
        self._list()

    def _take(self, source: str, read: Callable[[], tuple[Milestone, ...]]) -> bool:
        """Use what a file says now; whether that could be done."""
        try:
            self._good[source] = read()
        except SourceError as error:
            self._failed(source, error)
            return False
        self._problems.pop(source, None)
        return True

    def _failed(self, source: str, error: SourceError) -> None:
        text = str(error).replace(source, shown(source))
        if self._problems.get(source) != text:
            log.error("milestones not read", error=text)
        self._problems[source] = text

    def _list(self) -> None:
        """Bring ``listed`` up to date."""
        found = merged(self._good[source] for source in self._sources if source in self._good)
        problems = tuple(self._problems[each] for each in self._sources if each in self._problems)
        before = self.listed
        if not before.generation or (found, problems) != (before.milestones, before.problems):
            now = int(self._clock())
            self.listed = Listed(found, problems, before.generation + 1, now)
