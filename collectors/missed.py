"""Fills a gap with update files: what was announced while nobody listened, or before.

A live feed tells nothing of the time before its connection, and a routing table is hours old. The
archive of the same vantage point has an update file for each few minutes; those from the end of
what is known on are replayed, one after the other, until they reach the time from which on the live
feed is held back. The last of them is waited for: it appears some minutes after its end.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collectors.base import ReadOptions, SourceError
from collectors.fetch import Fetcher, FetchLimits
from collectors.live import Channel
from collectors.local import is_url
from collectors.mrt_updates import MrtUpdates, MrtUpdatesSettings
from collectors.update_files import UpdateFile, listed_files, local_files

LONGEST_SECONDS = 48 * 3600
"""A longer gap is not filled: a routing table that is newer is the better beginning."""
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Archive:
    """Where update files lie (a listing's URL or a directory), and how long the next is waited
    for."""

    source: str
    vantage: str
    poll_seconds: float
    patience_seconds: float


@dataclass(frozen=True, slots=True)
class Filled:
    """Until when (Unix seconds) all updates were replayed, and what kept us from going on."""

    until: int
    problem: str = ""


class _Chosen(MrtUpdates):
    """Replays given files, without what is older than ``since``."""

    def __init__(
        self,
        archive: Archive,
        since: int,
        cache: Path,
        options: ReadOptions,
        limits: FetchLimits | None,
    ) -> None:
        settings = MrtUpdatesSettings(
            source=(), vantage=archive.vantage, allow_truncated=options.allow_truncated
        )
        super().__init__(settings, cache, options, limits, since)
        self.chosen: list[UpdateFile] = []

    async def _find(self, fetcher: Fetcher) -> list[UpdateFile]:
        return self.chosen

    @property
    def last(self) -> UpdateFile | None:
        return self._last


async def fill(
    archive: Archive,
    since: int,
    until: int,
    channel: Channel,
    cache: Path,
    options: ReadOptions,
    limits: FetchLimits | None,
    tell: Callable[[int], None],
) -> Filled:
    """Replay all updates from ``since`` to ``until``; ``tell`` how far that has come.

    What fails is tried again until ``patience_seconds`` have passed.
    """
    if until - since > LONGEST_SECONDS:
        return Filled(since, f"the gap is longer than {LONGEST_SECONDS // 3600} hours")
    replay = _Chosen(archive, since, cache, options, limits)
    patience = time.monotonic() + archive.patience_seconds
    reached, problem = since, ""
    async with Fetcher(cache, limits) as fetcher:
        while True:
            try:
                files, spacing = await _files(archive.source, since, fetcher, options)
                replay.chosen = joined = _joined(archive.source, files, spacing, since)
                await replay.run(_Quiet(channel))
                problem = "" if len(joined) == len(files) else _lacks(archive.source, joined[-1])
            except SourceError as failure:
                problem = str(failure)
            if replay.last is not None:
                reached = max(since, replay.last.begins + spacing)
            if reached >= until or time.monotonic() >= patience:
                return Filled(reached, problem if reached < until else "")
            tell(reached)
            await asyncio.sleep(archive.poll_seconds)


async def _files(
    source: str, since: int, fetcher: Fetcher, options: ReadOptions
) -> tuple[list[UpdateFile], int]:
    """The files from the one on in which ``since`` lies, and the seconds from file to file.

    Only those named for their time. One file alone does not say how long it is: 0.
    """
    files = set[UpdateFile]()
    if is_url(source):
        now = time.time()
        for when in (*range(since + 3600, int(now), _DAY), now):
            files |= set(await listed_files(source, fetcher, datetime.fromtimestamp(when, UTC)))
    else:
        files |= set(await asyncio.to_thread(local_files, source, options))
    ordered = sorted(file for file in files if file.begins)
    steps = [later.begins - earlier.begins for earlier, later in itertools.pairwise(ordered)]
    first = sum(file.begins <= since for file in ordered)
    return ordered[max(first - 1, 0) :], min((step for step in steps if step), default=0)


def _joined(source: str, files: list[UpdateFile], spacing: int, since: int) -> list[UpdateFile]:
    """The files up to the first that is not there.

    Raises:
        SourceError: already the first is not.
    """
    if not files or files[0].begins > since:
        raise SourceError(
            source,
            f"has no update file for {shown_time(since)}",
            cure="give where this vantage point's update files lie",
        )
    for at, (file, following) in enumerate(itertools.pairwise(files)):
        if following.begins - file.begins > spacing:
            return files[: at + 1]
    return files


def _lacks(source: str, last: UpdateFile) -> str:
    return f"{source}: the update file after that of {shown_time(last.begins)} is missing"


def shown_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


class _Quiet:
    """The channel of the live source, which alone says how it stands."""

    def __init__(self, channel: Channel) -> None:
        self.put, self.offer = channel.put, channel.offer

    def report(self, state: str, detail: str = "") -> None:
        pass


__all__ = ["Archive", "Filled", "fill", "shown_time"]
