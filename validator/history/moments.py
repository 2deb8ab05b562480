"""Snapshots of past days for whoever asks: rebuilt when first asked for, the last few kept.

A snapshot of a full table takes seconds and some hundred megabytes, so one is rebuilt at a time,
and few are kept. Who belongs to which group is what the files in force say of that day.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from validator.history.folder import Folder
from validator.history.following import Source
from validator.history.rebuilding import Groups, not_kept, rebuild
from validator.history.records import DayRecord, NoSuchDay
from validator.history.tables import Tables
from validator.model import Grouping
from validator.snapshot import Snapshot


class _Known(NamedTuple):
    """A snapshot that was rebuilt, and what from: another one is needed if either is another."""

    snapshot: Snapshot
    created: int
    generation: int
    groupings: Mapping[str, Grouping]

    def holds(self, record: DayRecord, groups: Groups) -> bool:
        """Whether it is still what the day's tables and the groups come to."""
        same = (self.created, self.generation) == (record.created, record.generation)
        return same and self.groupings is groups.groupings


class Moments:
    """Snapshots of past days, rebuilt when asked for; the last few are kept. Thread-safe."""

    def __init__(
        self, folder: Tables | Folder | Path | None, source: Source | None = None, keep: int = 2
    ) -> None:
        """``folder``: that of the history, or None if none is kept. ``source``: of the snapshot in
        force, whose groups hold; by default there are none. ``keep``: how many snapshots."""
        if isinstance(folder, Folder):
            folder = folder.path
        self.tables = Tables(folder) if isinstance(folder, Path) else folder
        self._source, self._keep = source, keep
        self._known: OrderedDict[date, _Known] = OrderedDict()
        self._turn = threading.Lock()
        self._queue = asyncio.Lock()

    def days(self) -> Sequence[date]:
        """The days that can be rebuilt, ascending.

        Raises:
            SourceError: the folder cannot be read.
        """
        return tuple(self.tables.days()) if self.tables else ()

    def at(self, day: date) -> Snapshot:
        """The last snapshot of a day. Blocks, for seconds if it is of a full table and not kept.

        Raises:
            NoSuchDay: it cannot be rebuilt; names the days that can.
            SourceError: the files cannot be read.
        """
        tables = self.tables
        if tables is None:
            raise NoSuchDay("no history is kept")
        groups = Groups.of(self._source.snapshot if self._source else None)
        with self._turn:  # who asks for the same day meanwhile finds it done
            days = tables.days()
            record = days.get(day)
            if record is None:
                raise not_kept(day, days)
            known = self._known.get(day)
            if known is None or not known.holds(record, groups):
                self._known.pop(day, None)
                while len(self._known) >= max(1, self._keep):  # before: memory for one more is due
                    self._known.popitem(last=False)
                made = rebuild(tables, day, groups)
                known = _Known(made, made.created, made.generation, groups.groupings)
                self._known[day] = known
            self._known.move_to_end(day)
            return known.snapshot

    async def when(self, day: date) -> Snapshot:
        """As :meth:`at`, without holding the event loop; one asks, the others wait in turn.

        Raises:
            NoSuchDay, SourceError: as :meth:`at`.
        """
        async with self._queue:
            return await asyncio.to_thread(self.at, day)
