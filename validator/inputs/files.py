"""Inputs that lie in files: looked at on schedule, read in a worker process when they change.

An input that fails keeps its last good content. So does one whose new content has lost more than
the floors allow: the old content stays in use for ``max_stale_seconds``, and only if the new one
still is as small then, it is taken, and said to be so for as long again
(:mod:`validator.freshness`).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import structlog

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Batch, Kind, read, wanted
from collectors.fetch import Fetcher, Located
from validator.freshness import (
    DEGRADED,
    FAILED,
    FRESH,
    LATE,
    LATE_AFTER_CADENCES,
    STARTING,
    Fall,
    Floors,
    SourceStatus,
)
from validator.inputs import handover
from validator.inputs.batches import check_groups, reports_of
from validator.model import GroupBatch, SourceError, VrpBatch
from validator.priority import give_way
from validator.settings.file import Settings, Source

log = structlog.get_logger()


@dataclass(slots=True)
class _Input:
    """One input, what it gave last, and what has come of looking at it since."""

    kind: Kind
    settings: Source
    max_stale_seconds: float
    batches: tuple[Batch, ...] = ()
    """In use."""
    version: str = ""
    """Of what was read last, be it in use or not."""
    loaded: int | None = None
    checked: int | None = None
    good: int | None = None
    """When it was last looked at without a failure."""
    failure: str = ""
    failed_since: int = 0
    fall: Fall | None = None
    expires: int = 0
    """When the next of the VRPs in use expires; 0: none does."""
    expired: int = 0
    expired_since: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def status(self, now: int) -> SourceStatus:
        """How it stands at a moment: time alone makes it late."""
        reports = [report for batch in self.batches for report in reports_of(batch)]
        built = [report.built for report in reports if report.built]
        status = SourceStatus(
            self.kind.value,
            self.settings.source,
            loaded=self.loaded,
            checked=self.checked,
            rows=sum(report.rows for report in reports),
            content=min(built) if built else self.good,
            cadence_seconds=self.settings.cadence_seconds,
            max_stale_seconds=self.max_stale_seconds,
        )
        state, since, error = self._standing(now, status.content)
        if state in (STARTING, FRESH):
            return replace(status, state=state)
        stale_from = int(since + self.max_stale_seconds)
        return replace(status, state=state, since=since, error=error, stale_from=stale_from)

    def _standing(self, now: int, content: int | None) -> tuple[str, int, str]:
        """The state, since when, and why."""
        if self.failure:
            return FAILED, self.failed_since if self.good is None else self.good, self.failure
        if not self.batches:
            return STARTING, now, ""
        if self.fall is not None:
            return DEGRADED, self.fall.since, self._fallen(self.fall)
        if self.expired:
            why = f"{self.expired:,} VRPs have expired since it was built"
            return LATE, self.expired_since, why
        cadence = self.settings.cadence_seconds
        if cadence is not None and content is not None:
            due = int(content + LATE_AFTER_CADENCES * cadence)
            if now >= due:
                why = f"nothing new for {now - content:,} s; expected every {cadence:,.0f} s"
                return LATE, due, why
        return FRESH, now, ""

    def _fallen(self, fall: Fall) -> str:
        limit = f"after {self.max_stale_seconds:,.0f} s"
        if fall.taken:
            return f"{fall}; it stayed so and was taken {limit}"
        return f"{fall}: what was good stays in use, and this is taken {limit}"

    def must_be_read(self, version: str, now: int) -> bool:
        """Whether there is something new in it, or time has changed what it comes to."""
        if version != self.version:
            return True
        if self.fall is not None and not self.fall.taken:
            return now - self.fall.since >= self.max_stale_seconds
        return 0 < self.expires <= now

    def forgive(self, now: int) -> None:
        """What was taken and has stayed so small for as long again is what there is, now."""
        fall = self.fall
        if fall and fall.taken and now - fall.since >= 2 * self.max_stale_seconds:
            self.fall, self.counts = None, _counts(self.batches)

    def admits(self, batches: tuple[Batch, ...], floors: Floors, now: int) -> bool:
        """Whether new content is to be used, or has lost too much for now."""
        kind, counts = self.kind.value, _counts(batches)
        fall = floors.fall(kind, self.counts, counts, now)
        if self.fall is not None and self.fall.taken:
            used = _counts(self.batches)
            further = floors.fall(kind, used, counts, now)
            if further is not None:  # another one, below what the last one left
                self.fall, self.counts, fall = None, used, further
        if fall is None:
            self.fall = None
            return True
        since = self.fall.since if self.fall else now
        taken = now - since >= self.max_stale_seconds
        self.fall = replace(fall, since=since, taken=taken)
        return taken

    def use(self, batches: tuple[Batch, ...], now: int) -> None:
        self.batches, self.loaded = batches, now
        if self.fall is None:
            self.counts = _counts(batches)
        reports = [report for batch in batches for report in reports_of(batch)]
        self.expired = sum(report.rejected.get("expired", 0) for report in reports)
        if not self.expired:
            self.expired_since = 0
        elif not self.expired_since:
            self.expired_since = now
        self.expires = min(_expiries(batches), default=0)


class FileInputs:
    """All of them. Not safe for use from two tasks at once."""

    def __init__(
        self,
        settings: Settings,
        fetcher: Fetcher,
        spool: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``spool``: the folder through which the worker hands columns back."""
        self._settings, self._fetcher, self._spool, self._clock = settings, fetcher, spool, clock
        self._inputs = [
            _Input(kind, source, settings.max_stale_seconds(kind, source))
            for kind in Kind
            for source in settings.of(kind)
        ]
        self._worker = _new_worker()

    def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)

    def statuses(self) -> tuple[SourceStatus, ...]:
        now = int(self._clock())
        return tuple(each.status(now) for each in self._inputs)

    @property
    def complete(self) -> bool:
        """Whether each has content."""
        return all(each.batches for each in self._inputs)

    @property
    def failed(self) -> bool:
        return any(each.failure for each in self._inputs)

    @property
    def gives_vrps(self) -> bool:
        return any(each.kind is Kind.VRPS for each in self._inputs)

    def batches(self) -> Iterator[Batch]:
        """What is in use."""
        return (batch for each in self._inputs for batch in each.batches)

    async def look(self) -> bool:
        """Look at every input once; whether any has new content to use. Never raises for one."""
        changed = False
        for each in self._inputs:
            changed |= await self._look_at(each)
        return changed

    async def _look_at(self, each: _Input) -> bool:
        """Fetch and read one input if it changed."""
        now = each.checked = int(self._clock())
        source = each.settings.source
        try:
            located = await self._fetcher.locate(source)
            if not each.must_be_read(located.version, now):
                each.failure, each.good = "", now
                each.forgive(now)
                return False
            options = self._settings.read_options(each.settings, now)
            batches = await self._read(each, located, options)
        except SourceError as error:
            log.error("input failed", kind=each.kind.value, error=str(error))
            if not each.failure:
                each.failed_since = now
            each.failure = str(error)
            return False
        only_expired = located.version == each.version and each.fall is None
        each.failure, each.good, each.version = "", now, located.version
        if not only_expired and not each.admits(batches, self._settings.floors, now):
            log.warning("input held", kind=each.kind.value, source=source, why=str(each.fall))
            return False
        each.use(batches, now)
        rows = each.status(now).rows
        log.info("input read", kind=each.kind.value, source=source, rows=rows)
        return True

    async def _read(
        self, each: _Input, located: Located, options: ReadOptions
    ) -> tuple[Batch, ...]:
        loop = asyncio.get_running_loop()
        batches: list[Batch] = []
        for file in wanted(each.kind, each.settings.source, located.files):
            try:
                parcel = await loop.run_in_executor(
                    self._worker, _read_and_leave, each.kind, file, options, self._spool
                )
            except BrokenProcessPool:
                self._worker.shutdown(wait=False)
                self._worker = _new_worker()
                raise SourceError(
                    file.source, "the process that read it died", cure="is there memory enough?"
                ) from None
            batches.append(handover.take(parcel))
        if each.kind is Kind.GROUPS:
            others = (one for other in self._inputs if other is not each for one in other.batches)
            check_groups((*others, *batches))
        return tuple(batches)


def _counts(batches: tuple[Batch, ...]) -> dict[str, int]:
    """How much there is: VRPs by trust anchor, lists of groups by scheme, all else in rows."""
    counts: dict[str, int] = {}
    for batch in batches:
        if isinstance(batch, VrpBatch):
            by_anchor = np.bincount(batch.trust_anchor, minlength=len(batch.trust_anchors))
            found = dict(zip(batch.trust_anchors, by_anchor.tolist(), strict=True))
        elif isinstance(batch, GroupBatch) and batch.grouping is not None:
            found = {batch.grouping.scheme: batch.report.rows}
        else:
            found = {"": sum(report.rows for report in reports_of(batch))}
        for name, count in found.items():
            counts[name] = counts.get(name, 0) + count
    return counts


def _expiries(batches: tuple[Batch, ...]) -> Iterator[int]:
    """When the first VRP of each batch expires, if one does."""
    for batch in batches:
        if isinstance(batch, VrpBatch):
            moments = batch.expires[batch.expires > 0]
            if len(moments):
                yield int(moments.min())


def _new_worker() -> ProcessPoolExecutor:
    """One worker, started afresh (a fork of a process with threads is not safe)."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_outlive_nobody)


def _outlive_nobody() -> None:
    """In the worker: leave Ctrl-C to the service, and end when it is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    give_way()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _read_and_leave(
    kind: Kind, file: LocalFile, options: ReadOptions, spool: Path
) -> handover.Parcel:
    return handover.give(read(kind, file, options), spool)
