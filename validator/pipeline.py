"""The one loop: take what inputs say, bring the tables up to date, publish a snapshot atomically.

Files are looked at on schedule: fetched on the event loop, read in a worker process. Live sources
(:mod:`collectors.live`) put messages into one bounded queue; a full queue slows who reads a socket.
Tables are brought up to date in a thread, one change at a time, so that the loop only ever waits.

What live sources say is published at once if VRPs changed, else at most every
``publish_seconds``; coverage follows within a second, counted beside the next change. An input
that fails keeps its last good content: the error is recorded and shown, the old snapshot stays
served, and the next try may mend it.
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
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import structlog

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Batch, Kind, read
from collectors.fetch import Fetcher, Located
from collectors.live import LiveCollector, Message, VrpTransaction
from collectors.supervise import supervise
from validator import handover
from validator.inputs import gather, reports_of
from validator.model import OriginsightError, SourceError
from validator.settings import Settings, Source
from validator.snapshot import Snapshot
from validator.state import PipelineState

log = structlog.get_logger()

_QUEUE = 256
"""Messages that wait to be applied; then who reads a socket waits."""
_RECOUNT_SECONDS = 0.8
_SURVEY_SECONDS = 30.0


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


class _LiveSource:
    """A live collector, and the channel it puts its messages into."""

    def __init__(self, live: Live, pipeline: Pipeline) -> None:
        self.collector = live.collector
        self.gives_vrps = live.gives_vrps
        self.status = SourceStatus(live.kind, live.name)
        self.heard = False
        self._pipeline = pipeline

    async def put(self, message: Message) -> None:
        await self._pipeline._queue.put((self, message))
        self._heard()

    def offer(self, message: Message) -> bool:
        try:
            self._pipeline._queue.put_nowait((self, message))
        except asyncio.QueueFull:
            return False
        self._heard()
        return True

    def report(self, state: str, detail: str = "") -> None:
        if state != self.status.state:
            log.info("source", kind=self.status.kind, source=self.status.source, state=state,
                     detail=detail)  # fmt: skip
        self.status = replace(self.status, state=state, error=detail, checked=int(time.time()))

    def _heard(self) -> None:
        now = int(time.time())
        self.status = replace(self.status, loaded=now, checked=now)


@dataclass(frozen=True, slots=True)
class Live:
    """A live collector and what it is called in statuses, metrics and messages."""

    kind: str
    name: str
    collector: LiveCollector
    gives_vrps: bool = False


class Pipeline:
    """Owns the inputs and the current snapshot. Use it in ``async with``."""

    def __init__(self, settings: Settings, live: Sequence[Live] = ()) -> None:
        self._settings = settings
        self._inputs = [
            _Input(kind, source, starting, starting)
            for kind in Kind
            for source in settings.of(kind)
            for starting in [SourceStatus(kind.value, source.source)]
        ]
        self._live = [_LiveSource(each, self) for each in live]
        self._queue: asyncio.Queue[tuple[_LiveSource, Message]] = asyncio.Queue(_QUEUE)
        self._state = PipelineState(settings.rules)
        self._turn = asyncio.Lock()
        self._loaded = False
        self._uncounted = asyncio.Event()
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
        return (
            *(each.status for each in self._inputs),
            *(each.status for each in self._live),
        )

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
        """Follow all inputs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_files(), name="files")
            tasks.create_task(self._apply_messages(), name="messages")
            tasks.create_task(self._recount(), name="coverage")
            for source in self._live:
                tasks.create_task(
                    supervise(source.collector, source), name=f"live {source.status.source}"
                )

    async def _watch_files(self) -> None:
        """Look at the files now, and then on schedule or when asked."""
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
            async with self._turn:
                await asyncio.to_thread(self._load)
                self._loaded = True
                if not self._ready:
                    return False
                snapshot = await self._publish()
        except OriginsightError as error:
            log.error("snapshot not built", error=str(error))
            self.reload_failures_total += not failed
            return False
        self.last_build_seconds = time.perf_counter() - began
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

    def _load(self) -> None:
        self._state.load(gather(batch for each in self._inputs for batch in each.batches))
        self._state.survey()
        self._state.recount()

    # ------------------------------------------------------------------------------- live sources

    @property
    def _ready(self) -> bool:
        """Whether there is enough for a first snapshot: all files, and VRPs from somewhere."""
        vrps = [each for each in self._live if each.gives_vrps]
        has_files = any(each.kind is Kind.VRPS for each in self._inputs)
        return self._loaded and (has_files or not vrps or any(each.heard for each in vrps))

    async def _publish(self) -> Snapshot:
        """Make what the state holds the current snapshot. The caller has its turn."""
        generation = self.snapshot.generation + 1 if self.snapshot else 1
        snapshot = await asyncio.to_thread(self._state.snapshot, generation, self._settings.sample)
        async with self._published:
            self.snapshot = snapshot
            self._published.notify_all()
        return snapshot

    async def _apply_messages(self) -> None:
        """Apply what live sources put into the queue, and publish what follows from it."""
        while True:
            taken = [await self._queue.get()]
            began = time.monotonic()
            while not any(isinstance(message, VrpTransaction) for _, message in taken):
                left = self._settings.publish_seconds - (time.monotonic() - began)
                if left <= 0 or len(taken) >= _QUEUE:
                    break
                with contextlib.suppress(TimeoutError):
                    taken.append(await asyncio.wait_for(self._queue.get(), left))
            while not self._queue.empty() and len(taken) < _QUEUE:
                taken.append(self._queue.get_nowait())
            async with self._turn:
                await asyncio.to_thread(self._state.apply, [message for _, message in taken])
                for source, _ in taken:
                    source.heard = True
                if self._ready:
                    if self.snapshot is None:  # the first shows nothing that was not counted
                        await asyncio.to_thread(self._state.survey)
                        await asyncio.to_thread(self._state.recount)
                    await self._publish()
            self._uncounted.set()

    async def _recount(self) -> None:
        """Let coverage follow what was published, at most once a second."""
        surveyed = 0.0
        while True:
            await self._uncounted.wait()
            self._uncounted.clear()
            await asyncio.sleep(_RECOUNT_SECONDS)
            if time.monotonic() - surveyed >= _SURVEY_SECONDS:
                async with self._turn:
                    await asyncio.to_thread(self._state.survey)
                surveyed = time.monotonic()
            await asyncio.to_thread(self._state.recount)
            async with self._turn:
                if self._ready:
                    await self._publish()


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
