"""Replays MRT update files in order of time, over a routing table if one is given, and follows a
directory or an HTTP listing as new files appear.

Rows become route batches, sessions that leave Established become departures of their peer
(:mod:`collectors.wire.mrt_updates`). Peers are named by ``vantage``: a routing table and updates
that carry the same name are of the same peers.

What is older than the routing table is left out: of the file in which it was made, the messages
before it. After a failure the replay goes on with the file that failed, from its beginning. To
apply updates a second time, in order, ends where applying them once ends.

A file that is damaged or stays cut off ends a replay. While following it cannot be waited for: what
was readable is used, and the source is degraded from then on, since routes may be missing.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from collectors.fetch import Fetcher, FetchLimits
from collectors.live import Channel, Message, PeersGone
from collectors.seed import in_thread, put_table, read_table
from collectors.update_batch import update_batch
from collectors.update_files import (
    UpdateFile,
    is_listing,
    listed_files,
    local_files,
    named_time,
    shown,
    sizes,
)
from collectors.wire.mrt_updates import Piece, StateChange, UpdateDecoder, UpdateRows
from collectors.wire.update_columns import Rows, some_rows
from validator.model import Peer

KIND = "mrt_updates"
PATIENCE_POLLS = 5
"""How often a file that ends early is looked at again: it may still be on its way."""
USUAL_SPACING_SECONDS = 900
"""Between files, where their names do not tell: RouteViews'."""
_LATE_AFTER_FILES = 3


class MrtUpdatesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to replay. ``source``: files, directories, URLs of files or of listings."""

    source: tuple[str, ...]
    vantage: str
    """What the route collector is called, such as rrc00."""
    rib: str = ""
    """A routing table of the same vantage point to begin with: a path or URL."""
    follow: bool = False
    """Go on as new files appear in the directories and listings."""
    poll_seconds: Annotated[float, msgspec.Meta(ge=0.05, le=86_400)] = 60.0
    allow_truncated: bool = False


class MrtUpdates:
    """The collector. ``run`` again after a failure goes on where it failed."""

    def __init__(
        self,
        settings: MrtUpdatesSettings,
        cache: Path,
        options: ReadOptions | None = None,
        limits: FetchLimits | None = None,
        since: int = 0,
    ) -> None:
        """``cache``: the folder in which fetched files lie while they are read; ``since``: what is
        older is known (Unix seconds; a routing table sets it to its own time)."""
        self.settings = settings
        self.files = 0
        """Files replayed."""
        self.rows = 0
        self.counts: dict[str, int] = {}
        """What gave no row, by reason."""
        self.newest = 0
        """When the latest message was sent, Unix seconds."""
        self.trouble: tuple[str, ...] = ()
        """Files of which something is missing, while following."""
        self._cache, self._limits = cache, limits
        self._options = options or ReadOptions()
        self._since = since
        self._seeded = False
        self._last: UpdateFile | None = None
        self._early: dict[str, int] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    async def run(self, channel: Channel) -> None:
        """Replay, and follow until cancelled if the settings say so.

        Raises:
            SourceError: nothing is to be had, or a file of a replay is damaged.
        """
        channel.report("starting", "looking for files")
        async with Fetcher(self._cache, self._limits) as fetcher:
            if self.settings.rib and not self._seeded:
                await self._seed(fetcher, channel)
            while True:
                files = await self._find(fetcher)
                new = files if self._last is None else [f for f in files if f > self._last]
                if self.settings.follow:
                    new = self._complete(new)
                for file in new:
                    if not await self._replay(file, channel):
                        break
                if not self.settings.follow:
                    channel.report("fresh", f"{self.files:,} files, {self.rows:,} updates replayed")
                    return
                self._tell(files, channel)
                await asyncio.sleep(self.settings.poll_seconds)

    # ---------------------------------------------------------------------------- what there is

    async def _find(self, fetcher: Fetcher) -> list[UpdateFile]:
        """All files, in order of time, that may hold what is not yet known."""
        files: list[UpdateFile] = []
        for source in self.settings.source:
            if is_listing(source):
                listed = await listed_files(source, fetcher, datetime.now(UTC))
                if self.settings.follow and not self._since and self._last is None:
                    listed = listed[-1:]  # without a table to begin with, from now on
                files += listed
            elif source.startswith(("http://", "https://")):
                files.append(UpdateFile(named_time(source), source))
            else:
                files += await asyncio.to_thread(local_files, source, self._options)
        files.sort()
        spacing = _spacing(files)
        return [f for f in files if not f.begins or f.begins + spacing > self._since]

    def _complete(self, files: list[UpdateFile]) -> list[UpdateFile]:
        """Without a last local file that is new or has grown since the last look."""
        before, self._sizes = self._sizes, sizes(files[-1:])
        grown = files and not files[-1].remote and before != self._sizes
        return files[:-1] if grown else files

    def _tell(self, files: list[UpdateFile], channel: Channel) -> None:
        behind = time.time() - self.newest
        detail = f"{self.files:,} files, {self.rows:,} updates; newest {behind:,.0f} s old"
        if self.trouble:
            channel.report("degraded", f"{self.trouble[-1]}; {detail}")
        elif behind > _LATE_AFTER_FILES * _spacing(files) + self.settings.poll_seconds:
            channel.report("late", detail)
        else:
            channel.report("fresh", detail)

    # ------------------------------------------------------------------------------ what is read

    async def _seed(self, fetcher: Fetcher, channel: Channel) -> None:
        """The routing table, with its peers called as those of the updates."""
        located = await fetcher.locate(self.settings.rib)
        options = replace(self._options, allow_truncated=self.settings.allow_truncated)
        batch = await read_table(located.files[0], self.settings.vantage, options)
        await put_table(channel, batch)
        self._since, self._seeded = batch.report.built, True
        self.newest = max(self.newest, batch.report.built)

    async def _replay(self, file: UpdateFile, channel: Channel) -> bool:
        """One file; False if it should be tried again later."""
        before = sizes([file])
        try:
            if file.remote:
                self._cache.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=self._cache, prefix="updates.") as folder:
                    async with Fetcher(Path(folder), self._limits) as fetcher:
                        located = await fetcher.locate(file.source)
                    await self._replay_local(located.files[0], channel)
            else:
                await self._replay_local(LocalFile(Path(file.source), file.source), channel)
        except TruncatedSource as early:
            if self.settings.follow:
                self._early[file.source] = self._early.get(file.source, 0) + 1
                if self._early[file.source] < PATIENCE_POLLS:
                    return False
                self._note(str(early))
            elif not self.settings.allow_truncated:
                raise
        except SourceError as damage:
            if not self.settings.follow:
                raise
            if sizes([file]) != before:
                return False  # what was read in the midst of being written says nothing
            self._note(str(damage))
        self._early.pop(file.source, None)
        self._last = file
        self.files += 1
        return True

    def _note(self, trouble: str) -> None:
        self.trouble = (*self.trouble[-9:], trouble)

    async def _replay_local(self, file: LocalFile, channel: Channel) -> None:
        decoder = UpdateDecoder(shown(file.source))
        peers: list[Peer] = []
        try:
            with closing(_pieces(file, decoder, self._options)) as pieces:
                while (some := await in_thread(lambda: next(pieces, None))) is not None:
                    for piece in some:
                        for address, asn in decoder.peers[len(peers) :]:
                            peers.append(Peer(self.settings.vantage, address, asn))
                        if message := self._message(file, piece, peers):
                            await channel.put(message)
        finally:
            for name, count in decoder.counts().items():
                self.counts[name] = self.counts.get(name, 0) + count

    def _message(self, file: LocalFile, piece: Piece, peers: list[Peer]) -> Message | None:
        if isinstance(piece, StateChange):
            known = piece.time >= self._since * 1_000_000
            return PeersGone((peers[piece.peer],)) if piece.ends_session and known else None
        rows = self._not_known(piece)
        if not len(rows.peer):
            return None
        built = int(piece.time[-1]) // 1_000_000
        self.newest = max(self.newest, built)
        self.rows += len(rows.peer)
        return update_batch(shown(file.source), KIND, rows, peers, built)

    def _not_known(self, piece: UpdateRows) -> Rows:
        """The rows of messages that are not older than the routing table."""
        if not self._since or int(piece.time.min()) >= self._since * 1_000_000:
            return piece.rows
        of_message = np.diff(piece.rows_after, prepend=0)
        chosen = np.repeat(piece.time >= self._since * 1_000_000, of_message)
        return some_rows(piece.rows, chosen)


def _pieces(
    file: LocalFile, decoder: UpdateDecoder, options: ReadOptions
) -> Generator[list[Piece], None, None]:
    """What a file holds, a megabyte at a time.

    Raises:
        SourceError: it cannot be read, is damaged, or ends early; after all that came before.
    """
    for chunk in Archive(file, options).chunks():
        yield decoder.feed(chunk)
    decoder.finish()


def _spacing(files: list[UpdateFile]) -> int:
    """Seconds between files: the smallest step in their names."""
    times = sorted({file.begins for file in files if file.begins})
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return min([*steps, USUAL_SPACING_SECONDS])


__all__ = ["MrtUpdates", "MrtUpdatesSettings"]
