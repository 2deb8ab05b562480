"""What was announced before what RIS Live sends: its routing table, and updates of the archive.

:class:`Past` knows up to when all is known of each vantage point, and what is missing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from collectors import missed
from collectors.base import ReadOptions, SourceError
from collectors.fetch import Fetcher, FetchLimits
from collectors.live import Channel, Message
from collectors.missed import shown_time
from collectors.ris_backlog import kept, kept_batch
from collectors.ris_subscription import RisLiveSettings, of_host
from collectors.seed import put_table, read_table
from collectors.wire.ris_wanted import Wanted, vantage_of
from validator.model import Peer

OVERLAP_SECONDS = 60
"""How far before the newest message a gap begins: those of several peers are not in order."""


class Past:
    """See the module."""

    def __init__(
        self,
        settings: RisLiveSettings,
        wanted: Wanted,
        cache: Path,
        options: ReadOptions,
        limits: FetchLimits,
    ) -> None:
        self.known: dict[str, int] = {}
        """Up to when all is known of a vantage point, Unix seconds."""
        self.missing: dict[str, tuple[int, int]] = {}
        """From when to when updates of a vantage point are missing, Unix seconds."""
        self.notes: dict[str, str] = {}
        """What went wrong with a vantage point, for a person."""
        self.step = ""
        """What is being done."""
        self._settings, self._wanted, self._cache = settings, wanted, cache
        self._options = replace(options, allow_truncated=settings.allow_truncated)
        self._limits = limits
        self._tables: dict[str, str] = {}  # the version of the table last read

    def problems(self) -> list[str]:
        """What is missing and what went wrong."""
        hint = "" if self._settings.updates else "; give updates to have them replayed"
        return [
            f"{name}: updates from {shown_time(since)} to {shown_time(until)} are missing{hint}"
            for name, (since, until) in sorted(self.missing.items())
        ] + list(self.notes.values())

    async def bring_up(
        self, host: str, until: int, peers: list[Peer], fetcher: Fetcher, channel: Channel
    ) -> dict[str, int]:
        """See to it that all is known of a vantage point up to ``until``, as far as can be.

        ``peers``: all of which anything was heard. Returns when the routing table was made that was
        read for it, if one was.

        Raises:
            SourceError: the routing table cannot be had, and nothing is known yet.
        """
        vantage = vantage_of(host)
        self.notes.pop(vantage, None)
        known, built = self.known.get(vantage, 0), 0
        if known:
            known = await self._fill(host, max(known - OVERLAP_SECONDS, 1), until, channel)
        if known < until:
            built = await self._seed(host, known, peers, fetcher, channel)
            if built:
                known = built
                self.known[vantage] = known
                self.missing.pop(vantage, None)
                known = await self._fill(host, known, until, channel)
        if 0 < known < until:
            since, _ = self.missing.get(vantage, (known, until))
            self.missing[vantage] = min(since, known), until
        self.known[vantage] = max(known, until)
        return {vantage: built} if built else {}

    async def _fill(self, host: str, since: int, until: int, channel: Channel) -> int:
        """Replay update files; until when all is known then."""
        source, vantage = of_host(self._settings.updates, host), vantage_of(host)
        if not source or since >= until:
            return since

        def tell(reached: int) -> None:
            self.step = f"{vantage}: updates until {shown_time(reached)} are replayed"

        tell(since)
        given = self._settings
        archive = missed.Archive(source, vantage, given.poll_seconds, given.patience_seconds)
        filled = await missed.fill(
            archive,
            since,
            until,
            _Kept(channel, self._wanted),
            self._cache,
            self._options,
            self._limits,
            tell,
        )
        self.notes.pop(vantage, None)
        if filled.problem:
            self.notes[vantage] = filled.problem
        return filled.until

    async def _seed(
        self, host: str, known: int, peers: list[Peer], fetcher: Fetcher, channel: Channel
    ) -> int:
        """Read the routing table, if it is newer than what is known; when it was made, or 0.

        Raises:
            SourceError: it cannot be had, and nothing is known yet.
        """
        source, vantage = of_host(self._settings.rib, host), vantage_of(host)
        if not source:
            return 0
        self.step = f"{vantage}: reading its routing table"
        try:
            located = await fetcher.locate(source)
            if self._tables.get(vantage) == located.version:
                return 0
            batch = await read_table(located.files[0], vantage, self._options)
        except SourceError as failure:
            if not known:
                raise
            self.notes[vantage] = str(failure)
            return 0
        if batch.report.built <= known:
            self._tables[vantage] = located.version
            return 0
        also = [peer for peer in peers if peer.vantage == vantage]
        await put_table(channel, kept_batch(batch, self._wanted), also)
        self._tables[vantage] = located.version
        if batch.report.truncated:
            self.notes[vantage] = f"{vantage}: its routing table ends early"
        return batch.report.built


class _Kept:
    """A channel that passes on only what is wanted."""

    def __init__(self, channel: Channel, wanted: Wanted) -> None:
        self._channel, self._wanted = channel, wanted
        self.report = channel.report

    async def put(self, message: Message) -> None:
        if (some := kept(message, self._wanted)) is not None:
            await self._channel.put(some)

    def offer(self, message: Message) -> bool:
        some = kept(message, self._wanted)
        return some is None or self._channel.offer(some)
