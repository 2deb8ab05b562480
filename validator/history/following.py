"""History written beside the running service, without getting in its way.

:meth:`History.follow` looks at the snapshot in force: it writes the day's file at most every so
often, and, when a day has ended (UTC), what was in force last on that day. The tables that the
figures rest on are written so too, only less often. All of it is done in a thread that gives way to
the event loop; DuckDB does not hold the interpreter while it works.

What cannot be written is said, counted and tried again; the service goes on, and so do the days
that are there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

import structlog

from validator.history import engine
from validator.history.compacting import compact, due
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.records import Counted, counted, day_of
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.history.writing import write_counted
from validator.model import OriginsightError
from validator.priority import give_way
from validator.settings.history import HistorySettings
from validator.snapshot import Snapshot

log = structlog.get_logger()
T = TypeVar("T")

_DAY_SECONDS = 86_400
_LOOK_SECONDS = 30.0
_TIDY_SECONDS = 3600.0
_MOST_OWED = 30
"""Days that are kept in memory while they cannot be written."""
_MOST_TABLES = 7
"""Finished days of tables that wait for compaction: they are large."""


class Source(Protocol):
    """Where the snapshot in force is."""

    @property
    def snapshot(self) -> Snapshot | None: ...


class History:
    """A folder of history that is read and written."""

    def __init__(
        self, settings: HistorySettings, path: Path, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._clock = settings, clock
        self.folder = Folder(path)
        self.reader = Reader(self.folder)
        self.tables = Tables(path)
        self._pending: Counted | None = None
        """What was in force last on the day that is under way."""
        self._last: tuple[date, Snapshot] | None = None
        """The same for its tables: a snapshot is not small, so none but one waits."""
        self._tables_written: tuple[date, int, int] | None = None
        self._tables_tried_at = float("-inf")
        self._owed: dict[date, Counted] = {}
        """What was in force last on days that are over, and could not be written yet."""
        self._written: tuple[date, int, int] | None = None
        self._tried_at = self._tidied = float("-inf")
        self._errors: dict[str, str] = {}
        self.days_written_total = 0
        self.failures_total = 0
        self.last_written = 0.0
        self.last_seconds = 0.0

    @property
    def last_error(self) -> str:
        """Why history is not written, repaired or compacted now; empty while all is well."""
        return "; ".join(f"{problem}: {error}" for problem, error in self._errors.items())

    @classmethod
    def open(cls, settings: HistorySettings, beside: Path) -> History | None:
        """The history of the settings; None if none is kept. Loads DuckDB, before there is an event
        loop that would wait for it.

        Raises:
            SettingsError: DuckDB is not installed.
        """
        path = settings.path(beside)
        if path is None:
            return None
        engine.module()
        return cls(settings, path)

    async def follow(self, source: Source) -> NoReturn:
        """Write what ``source`` has, until cancelled."""
        # Its own thread, for DuckDB's threads have the priority of the one that starts them.
        worker = ThreadPoolExecutor(1, "history", initializer=give_way)
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(worker, self.repair)
            while True:
                snapshot = source.snapshot
                if snapshot is not None:
                    await loop.run_in_executor(worker, self.see, snapshot)
                del snapshot
                await asyncio.sleep(self._pause())
        finally:
            # What is being written is ended by the thread; the event loop need not wait for it.
            worker.shutdown(wait=False, cancel_futures=True)

    def repair(self) -> None:
        """Tidy up after a crash. In a thread."""
        for what, repair in (("history", self.folder.repair), ("tables", self.tables.repair)):
            for line in self._tried(f"{what} not repaired", repair) or ():
                log.warning("history repaired", what=line)
        now = self._clock()
        if day_of(now) in (self._tried("history not read", self.reader.days) or ()):
            self._tried_at = now  # what a service has just after its start can wait
        if day_of(now) in (self._tried("tables not read", self.tables.days) or ()):
            self._tables_tried_at = now

    def see(self, snapshot: Snapshot) -> None:
        """Write what is due. In a thread."""
        now = self._clock()
        today = day_of(now)
        rested = now - self._tried_at >= self._settings.refresh_seconds
        before = self._pending
        if before is not None and before.record.day != today:
            rested = True
            if self._written != _mark(before):
                self._owed[before.record.day] = before
                self._owed = dict(list(self._owed.items())[-_MOST_OWED:])
        self._pending = current = counted(snapshot, today)
        if rested:
            self._tried_at = now
            for day, owed in list(self._owed.items()):
                if not self._write(owed):
                    break
                del self._owed[day]
            if self._written != _mark(current):
                self._write(current)
        if self._settings.tables:
            self._see_tables(snapshot, today, now)
        if now - self._tidied >= _TIDY_SECONDS:
            self._tidied = now
            if any(each.endswith(("not repaired", "not read")) for each in self._errors):
                self.repair()
            for folder in (self.folder, *self.tables.folders.values()):
                what = f"{folder.layout.kind} not compacted"
                self._tried(what, partial(self._tidy, folder, today))

    def _see_tables(self, snapshot: Snapshot, today: date, now: float) -> None:
        """Write the tables that are due: what a day ended with, the first of a day, and then again
        now and then. What fails is tried again with the figures."""
        rested = now - self._tables_tried_at >= self._settings.refresh_seconds
        failed = "tables not written" in self._errors
        if self._last and self._last[0] != today and self._tables_written != _mark_of(*self._last):
            # While it waits, what is in force must: it will do for its own day.
            if (failed and not rested) or not self._write_tables(*self._last, now):
                return
            rested, failed = True, False
        self._last = today, snapshot
        if self._tables_written == _mark_of(today, snapshot):
            return
        known = self._tried("tables not read", self.tables.days)
        missing = known is not None and today not in known
        if now - self._tables_tried_at >= self._settings.tables_seconds or (
            (missing or failed) and rested
        ):
            self._write_tables(today, snapshot, now)

    def _write_tables(self, day: date, snapshot: Snapshot, now: float) -> bool:
        self._tables_tried_at = now
        work = partial(write_tables, snapshot, self.tables, day)
        done = self._tried("tables not written", work) is not None
        if done:
            self._tables_written = _mark_of(day, snapshot)
        return done

    def _pause(self) -> float:
        """Until it is worth looking again: just before a day ends at the latest."""
        left = _DAY_SECONDS - self._clock() % _DAY_SECONDS
        return min(_LOOK_SECONDS, left - 0.5 if left > 1 else left + 0.01)

    def _write(self, what: Counted) -> bool:
        began = time.perf_counter()
        done = self._tried("history not written", lambda: write_counted(what, self.folder))
        if done is not None:
            self._written = _mark(what)
            self.days_written_total += 1
            self.last_written = self._clock()
            self.last_seconds = time.perf_counter() - began
        return done is not None

    def _tidy(self, folder: Folder, today: date) -> None:
        """Compact what is due, and let go of what is not to be kept."""
        keep, kind = self._settings.keep_years, folder.layout.kind
        days = self._settings.compact_after_days
        if folder is not self.folder:
            days = min(days, _MOST_TABLES)
        for year in due(folder.held(), today, days):
            done = compact(folder, year, today - timedelta(days=1))
            log.info("history compacted", kind=kind, file=done.name, days=done.days,
                     bytes=done.after_bytes)  # fmt: skip
        old = [name for name in folder.held().files if keep and name.year < today.year - keep]
        if old:
            with folder.locked():
                folder.remove(old)
            log.info("history removed", kind=kind, files=list(map(str, old)))

    def _tried(self, problem: str, work: Callable[[], T]) -> T | None:
        """What ``work`` returns; None if it failed in a way that we can explain."""
        try:
            done = work()
        except OriginsightError as error:
            self.failures_total += 1
            if self._errors.get(problem) != str(error):
                log.error(problem, error=str(error))
            self._errors[problem] = str(error)
            return None
        self._errors.pop(problem, None)
        return done


def _mark(what: Counted) -> tuple[date, int, int]:
    return what.record.day, what.record.generation, what.record.created


def _mark_of(day: date, snapshot: Snapshot) -> tuple[date, int, int]:
    return day, snapshot.generation, snapshot.created
