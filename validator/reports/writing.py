"""Scheduled reports written to their folders, beside the running service or by the command line.

:meth:`Schedule.look` writes what is due (:mod:`validator.reports.schedule`): the evidence of one
group at a time, from the last recorded day of the period, and each form whole or not at all. It is
done in a thread that gives way to the event loop. What cannot be written is said, counted and tried
again later; the service goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NoReturn

import structlog

from validator.history.following import Source
from validator.history.moments import Moments
from validator.history.outlines import when
from validator.history.reading import Reader
from validator.history.rebuilding import Groups
from validator.history.records import day_of
from validator.model import OriginsightError
from validator.pages.facts_common import Sources
from validator.pages.facts_group import NoSuchGroup
from validator.pages.world_map import MapInUse
from validator.printing import OutputError, write_whole
from validator.priority import give_way
from validator.reports import forms
from validator.reports.making import Asked, Evidence, Rules, evidence
from validator.reports.schedule import Due, Edition, Period, Plan, as_of, before, settled
from validator.settings.report import ReportSettings
from validator.snapshot import Snapshot
from validator.tables.announced import AnnouncedRules
from validator.targets.milestones import Milestone
from validator.targets.progress import TargetSettings

log = structlog.get_logger()

_LOOK_SECONDS = 5.0
_RETRY_SECONDS = 900.0
"""What failed is not tried again sooner: a report may take seconds to make."""
_PARTIAL = ".partial"
_ALL = "reports"
"""What errors are filed under that are not about one report."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is there. ``written`` is when (Unix seconds)."""

    edition: Edition
    form: str
    name: str
    path: Path
    bytes: int
    written: float


@dataclass(frozen=True, slots=True)
class Basis:
    """What reports are made from besides a day: how routes are counted, and what is marked."""

    rules: AnnouncedRules
    targets: Sequence[TargetSettings] = ()
    milestones: Callable[[], Sequence[Milestone]] = tuple
    map: Callable[[], MapInUse] = MapInUse


class Schedule:
    """The reports of the settings and their folders. ``past`` and ``moments``: of the history that
    they are made from. Files can be listed while others are written."""

    def __init__(
        self,
        reports: Sequence[ReportSettings],
        beside: Path,
        past: Reader,
        moments: Moments,
        basis: Basis,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = Plan(reports)
        self._beside, self._past, self._moments, self._basis = beside, past, moments, basis
        self._clock = clock
        self._stop = threading.Event()
        self._failed: dict[Edition, float] = {}
        self._failed_at = float("-inf")
        self._tidied = False
        self._errors: dict[str, str] = {}
        self._unknown: set[Edition] = set()
        self._digests: dict[tuple[str, int, float], str] = {}
        self.written_total = 0
        self.failures_total = 0
        self.last_written = 0.0

    def check(self) -> None:
        """
        Raises:
            SettingsError: what writes a form that is asked for is not installed.
        """
        for form in dict.fromkeys(form for each in self.plan.reports for form in each.formats):
            forms.check(form)

    @property
    def last_error(self) -> str:
        """Why something is not written now; empty while all is well."""
        return "; ".join(f"{what}: {error}" for what, error in list(self._errors.items()))

    # ------------------------------------------------------------------------------------ the files

    def files(self) -> list[Written]:
        """Every file that is there, the latest period first. In a thread.

        Raises:
            OutputError: a folder cannot be read.
        """
        found = []
        for folder in self._folders():
            for name, about in _listed(folder):
                if (known := self._known(folder, name)) is not None:
                    found.append(Written(*known, name, folder / name, *about))
        found.sort(key=lambda each: each.name)
        found.sort(key=lambda each: each.edition.period.last, reverse=True)
        return found

    def find(self, name: str) -> Written | None:
        """The file of that name, if it is one of ours and there. In a thread."""
        known = self.plan.edition(name)
        if known is None:
            return None
        path = known[0].settings.path(self._beside) / name
        about = _about(path)
        return Written(*known, name, path, *about) if about else None

    def digest(self, file: Written) -> str:
        """The SHA-256 of a file, read once. In a thread.

        Raises:
            OSError: it cannot be read any more.
        """
        key = file.name, file.bytes, file.written
        if key not in self._digests:
            self._digests[key] = hashlib.sha256(file.path.read_bytes()).hexdigest()
        return self._digests[key]

    def _known(self, folder: Path, name: str) -> tuple[Edition, str] | None:
        known = self.plan.edition(name)
        return known if known and known[0].settings.path(self._beside) == folder else None

    def _folders(self) -> list[Path]:
        return list(dict.fromkeys(each.path(self._beside) for each in self.plan.reports))

    # ------------------------------------------------------------------------------------- the work

    async def follow(self, source: Source) -> NoReturn:
        """Write what is due, as soon as there is a snapshot, until cancelled."""
        worker = ThreadPoolExecutor(1, "reports", initializer=give_way)
        try:
            loop = asyncio.get_running_loop()
            while True:
                snapshot = source.snapshot
                if snapshot is not None:
                    await loop.run_in_executor(worker, self.look, snapshot)
                del snapshot
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            # A file under way is whole in a moment, and no other is begun.
            self._stop.set()
            worker.shutdown(wait=False, cancel_futures=True)

    def look(self, snapshot: Snapshot) -> int:
        """Write what is due, and say how many files that were. ``snapshot``: the one in force,
        whose groups hold. In a thread; never raises for what cannot be read or written."""
        wrote, now = 0, self._clock()
        if now - self._failed_at < _RETRY_SECONDS:
            return 0
        try:
            days = self._days()
            due = list(self._due(days, snapshot))
            if due or not self._tidied:
                with contextlib.ExitStack() as stack:
                    if not all(stack.enter_context(self._alone(each)) for each in self._folders()):
                        return 0  # another process is at it
                    for each in due:
                        wrote += self._write(each, days, snapshot)
                    self._let_go()
                self._tidied = True
        except OriginsightError as error:
            self._failed_at = now
            self._fail(_ALL, error)
        else:
            self._errors.pop(_ALL, None)
        return wrote

    def _days(self) -> _Days:
        records = self._past.days()
        recorded = {day: bool(record.stale_notes) for day, record in records.items()}
        return _Days(recorded, self._moments.days())

    def _due(self, days: _Days, snapshot: Snapshot) -> Iterator[Due]:
        """What is due and can be written now."""
        latest, now = max([day_of(snapshot.created), *days.recorded]), self._clock()
        due = self.plan.due(latest, _Held(self), sample=snapshot.sample)
        editions = {each.edition for each in due}
        self._failed = {each: at for each, at in self._failed.items() if each in editions}
        wanted = {_ALL, *map(_title, editions)}
        self._errors = {what: why for what, why in self._errors.items() if what in wanted}
        for each in due:
            edition = each.edition
            tried = self._failed.get(edition)
            rested = tried is None or now - tried >= _RETRY_SECONDS
            known = as_of(edition.period, days.recorded) is not None
            final = settled(edition.period, days.recorded, days.rebuildable)
            if rested and known and final and edition not in self._unknown:
                yield each

    def _write(self, due: Due, days: _Days, snapshot: Snapshot) -> int:
        """How many files were written of what is due."""
        edition, wrote, what = due.edition, 0, _title(due.edition)
        day = as_of(edition.period, days.recorded)
        assert day is not None
        errors = []
        try:
            made = self._made(edition, day, days, snapshot)
        except NoSuchGroup as error:
            self._unknown.add(edition)
            log.warning("scheduled report not known", report=what, problem=str(error))
            return 0
        except OriginsightError as error:
            errors.append(error)
        else:
            for form in due.forms:
                if self._stop.is_set():
                    return wrote
                try:
                    wrote += self._write_form(made, edition, form, snapshot.sample)
                except OriginsightError as error:
                    errors.append(error)
        for each in errors:
            self._fail(what, each)
        if errors:
            self._failed[edition] = self._clock()
        else:
            self._errors.pop(what, None)
            log.info("scheduled report written", report=what, as_of=str(day), files=wrote)
        return wrote

    def _write_form(self, made: Evidence, edition: Edition, form: str, sample: bool) -> bool:
        """Whether it was: not if the service was told to stop meanwhile."""
        content = forms.written(made, form, edition.settings.lang)
        if self._stop.is_set():
            return False
        file = edition.settings.path(self._beside) / edition.file(form, sample=sample)
        write_whole(file, content)
        self.written_total += 1
        self.last_written = time.time()
        return True

    def _made(self, edition: Edition, day: date, days: _Days, snapshot: Snapshot) -> Evidence:
        """The evidence of a group as of a day."""
        basis, its = self._basis, edition.settings
        about = basis.targets, basis.milestones(), basis.map()
        then, record = when(self._past, self._moments, day, Groups.of(snapshot))
        since = days.last_of(before(edition.period)) if record is None else None
        earlier = self._moments.at(since) if since else None
        sources = Sources(then, self._past, record, True, *about)
        asked = Asked(its.scheme, edition.group, its.compare, earlier, since)
        created = then.created
        return evidence(sources, asked, Rules(basis.rules, lambda _: created))

    def _let_go(self) -> None:
        """Remove the files of periods that are not to be kept."""
        held = {each.name: each.path for each in self.files()}
        for name in self.plan.outdated(held):
            try:
                held[name].unlink()
            except OSError as error:
                raise OutputError(f"{held[name]}: cannot be removed: {error.strerror}") from None
            log.info("scheduled report removed", file=name)

    @contextlib.contextmanager
    def _alone(self, folder: Path) -> Iterator[bool]:
        """Whether no other process writes to a folder; none will until this is left.

        Raises:
            OutputError: it is not there, and cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written to: {error.strerror}") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            for each in folder.glob(f"*{_PARTIAL}"):  # what a crash left
                if self._known(folder, each.name.removesuffix(_PARTIAL)):
                    each.unlink(missing_ok=True)
            yield True
        finally:
            os.close(handle)

    def _fail(self, what: str, error: OriginsightError) -> None:
        self.failures_total += 1
        if self._errors.get(what) != str(error):
            log.error("scheduled report not written", report=what, error=str(error))
        self._errors[what] = str(error)


class _Held(Container[str]):
    """The files that are there: each is looked for when it is asked for, for there may be many."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def __contains__(self, name: object) -> bool:
        return self._schedule.find(str(name)) is not None


@dataclass(frozen=True, slots=True)
class _Days:
    """The days that are recorded, with whether an input was beyond its time, and those of which
    there are tables."""

    recorded: Mapping[date, bool]
    rebuildable: Sequence[date]

    def last_of(self, period: Period) -> date | None:
        """The last day of a period that can be rebuilt."""
        return max((d for d in self.rebuildable if period.first <= d <= period.last), default=None)


def _title(edition: Edition) -> str:
    return f"{edition.settings.scheme} {edition.group} {edition.period.name}"


def _listed(folder: Path) -> Iterator[tuple[str, tuple[int, float]]]:
    """The plain files of a folder with size and time; none, if it is not there yet."""
    try:
        names = sorted(each.name for each in os.scandir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{folder}: cannot be read: {error.strerror}") from None
    for name in names:
        if about := _about(folder / name):
            yield name, about


def _about(path: Path) -> tuple[int, float] | None:
    """Size and time of a plain file; None if it is none. Links are not followed."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime) if stat.S_ISREG(found.st_mode) else None
