"""The one loop: look at the inputs, read what changed, build a snapshot, publish it atomically.

Files are fetched on the event loop, read in a worker process and assembled in a thread, so that
the loop only ever waits. An input that fails keeps its last good content: the error is recorded
and shown, the old snapshot stays served, and the next look tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import structlog

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Batch, Kind, read
from collectors.fetch import Fetcher, Located
from validator import handover
from validator.inputs import gather, reports_of
from validator.model import OriginsightError, SourceError
from validator.settings import Settings, Source
from validator.snapshot import Snapshot
from validator.state import PipelineState

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one input stands. ``loaded`` and ``checked`` are Unix seconds."""

    kind: str
    source: str
    state: str = "starting"
    """``starting``, ``fresh``, ``late`` (some of its VRPs have expired) or ``failed`` (its last
    good content, if any, stays in use)."""
    loaded: int | None = None
    checked: int | None = None
    error: str = ""
    rows: int = 0


@dataclass(slots=True)
class _Input:
    """One input, what it gave last, and the version of it that that was read from."""

    kind: Kind
    settings: Source
    status: SourceStatus
    good: SourceStatus
    """The status when it was last read well: its again when it is found unchanged."""
    version: str = ""
    batches: tuple[Batch, ...] = ()


class Pipeline:
    """Owns the inputs and the current snapshot. Use it in ``async with``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inputs = [
            _Input(kind, source, starting, starting)
            for kind in Kind
            for source in settings.of(kind)
            for starting in [SourceStatus(kind.value, source.source)]
        ]
        self._state = PipelineState(settings.rules)
        self._asked = asyncio.Event()
        self._published = asyncio.Condition()
        self._resources = contextlib.AsyncExitStack()
        self.snapshot: Snapshot | None = None
        self.reloads_total = 0
        self.reload_failures_total = 0
        self.last_build_seconds = 0.0

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            cache = self._settings.cache_folder
            await asyncio.to_thread(cache.mkdir, parents=True, exist_ok=True)
            self._fetcher = await stack.enter_async_context(
                Fetcher(cache, self._settings.fetch_limits)
            )
            self._spool = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=cache)))
            self._worker = _new_worker()
            stack.callback(lambda: self._worker.shutdown(wait=False, cancel_futures=True))
            self._resources = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    @property
    def statuses(self) -> tuple[SourceStatus, ...]:
        return tuple(each.status for each in self._inputs)

    def ask_reload(self) -> None:
        """Look at the inputs now rather than at the next turn."""
        self._asked.set()

    async def published(self, after: int) -> Snapshot:
        """The current snapshot as soon as its generation is beyond ``after``."""
        async with self._published:
            await self._published.wait_for(
                lambda: self.snapshot is not None and self.snapshot.generation > after
            )
        assert self.snapshot is not None
        return self.snapshot

    async def run(self) -> None:
        """Refresh now, and then on schedule or when asked, until cancelled."""
        while True:
            self._asked.clear()
            await self.refresh()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), self._settings.reload_seconds)

    async def refresh(self) -> bool:
        """Look at every input once; publish a new snapshot if any changed. Never raises for one.

        Returns whether a snapshot was published. There is none until every input has been read.
        """
        self.reloads_total += 1
        changed = False
        for each in self._inputs:
            changed |= await self._look_at(each)
        failed = [each for each in self._inputs if each.status.state == "failed"]
        self.reload_failures_total += bool(failed)
        if any(not each.batches for each in self._inputs):
            return False
        if not changed and self.snapshot is not None:
            return False
        began = time.perf_counter()
        try:
            snapshot = await asyncio.to_thread(self._build)
        except OriginsightError as error:
            log.error("snapshot not built", error=str(error))
            self.reload_failures_total += not failed
            return False
        self.last_build_seconds = time.perf_counter() - began
        async with self._published:
            self.snapshot = snapshot
            self._published.notify_all()
        log.info(
            "snapshot published",
            generation=snapshot.generation,
            routes=len(snapshot.routes),
            vrps=len(snapshot.vrps),
            seconds=round(self.last_build_seconds, 3),
        )
        return True

    async def _look_at(self, each: _Input) -> bool:
        """Fetch and read one input if it changed; its status says how that went."""
        now = int(time.time())
        try:
            located = await self._fetcher.locate(each.settings.source)
            if located.version == each.version:
                each.status = replace(each.good, checked=now)
                return False
            options = self._settings.read_options(each.settings, now)
            batches = await self._read(each.kind, located, options)
        except SourceError as error:
            log.error("input failed", kind=each.kind.value, error=str(error))
            each.status = replace(each.status, state="failed", checked=now, error=str(error))
            return False
        each.batches, each.version = batches, located.version
        reports = [report for batch in batches for report in reports_of(batch)]
        rows = sum(report.rows for report in reports)
        expired = sum(report.rejected.get("expired", 0) for report in reports)
        each.status = each.good = SourceStatus(
            each.kind.value,
            each.settings.source,
            state="late" if expired else "fresh",
            loaded=now,
            checked=now,
            error=f"{expired:,} VRPs have expired since it was built" if expired else "",
            rows=rows,
        )
        log.info("input read", kind=each.kind.value, source=each.settings.source, rows=rows)
        return True

    async def _read(self, kind: Kind, located: Located, options: ReadOptions) -> tuple[Batch, ...]:
        loop = asyncio.get_running_loop()
        batches: list[Batch] = []
        for file in located.files:
            try:
                parcel = await loop.run_in_executor(
                    self._worker, _read_and_leave, kind, file, options, self._spool
                )
            except BrokenProcessPool:
                self._worker.shutdown(wait=False)
                self._worker = _new_worker()
                raise SourceError(
                    file.source, "the process that read it died", cure="is there memory enough?"
                ) from None
            batches.append(handover.take(parcel))
        return tuple(batches)

    def _build(self) -> Snapshot:
        self._state.load(gather(batch for each in self._inputs for batch in each.batches))
        self._state.survey()
        self._state.recount()
        generation = self.snapshot.generation + 1 if self.snapshot else 1
        return self._state.snapshot(generation, self._settings.sample)


def _new_worker() -> ProcessPoolExecutor:
    """One worker, started afresh (a fork of a process with threads is not safe)."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_outlive_nobody)


def _outlive_nobody() -> None:
    """In the worker: leave Ctrl-C to the service, and end when it is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
