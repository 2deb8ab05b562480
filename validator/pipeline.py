"""The one loop: take what inputs say, bring the tables up to date, publish a snapshot atomically.

Files are looked at on schedule: fetched on the event loop, read in a worker process. Live sources
(:mod:`collectors.live`) put messages into one bounded queue; a full queue slows who reads a socket.
Tables are brought up to date in a thread, one change at a time, so that the loop only ever waits.

What live sources say is published at once if VRPs changed, else at most every
``publish_seconds``; coverage follows within a second, counted beside the next change. What was
good stays in use when an input fails (:mod:`validator.inputs.files`, :mod:`validator.inputs.live`),
and every snapshot names the inputs that were in trouble when it was made.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import structlog

from collectors.fetch import Fetcher
from collectors.live import Message, VrpTransaction
from collectors.supervise import supervise
from validator.freshness import SourceStatus
from validator.inputs.batches import gather
from validator.inputs.files import FileInputs
from validator.inputs.live import Live, LiveSource
from validator.model import OriginsightError
from validator.settings.file import Settings
from validator.snapshot import Snapshot
from validator.state.pipeline_state import PipelineState

log = structlog.get_logger()

_QUEUE = 256
"""Messages that wait to be applied; then who reads a socket waits."""
_RECOUNT_SECONDS = 0.8
_SURVEY_SECONDS = 30.0
_HEALTH_SECONDS = 1.0


class Pipeline:
    """Owns the inputs and the current snapshot. Use it in ``async with``."""

    def __init__(self, settings: Settings, live: Sequence[Live] = ()) -> None:
        self._settings = settings
        self._queue: asyncio.Queue[tuple[LiveSource, Message]] = asyncio.Queue(_QUEUE)
        self._live = [LiveSource(each, self._queue) for each in live]
        self._state = PipelineState(settings.rules, floors=settings.floors)
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
            fetcher = await stack.enter_async_context(Fetcher(cache, self._settings.fetch_limits))
            spool = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=cache)))
            self._files = FileInputs(self._settings, fetcher, spool)
            stack.callback(self._files.close)
            self._resources = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    @property
    def statuses(self) -> tuple[SourceStatus, ...]:
        now, falls = int(time.time()), self._state.falls
        return (
            *self._files.statuses(),
            *(each.status(now, falls.get(each.live.name)) for each in self._live),
        )

    @property
    def live(self) -> Sequence[LiveSource]:
        return self._live

    @property
    def waiting(self) -> int:
        """Messages of live sources that wait to be applied."""
        return self._queue.qsize()

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
            tasks.create_task(self._watch_health(), name="health")
            for source in self._live:
                tasks.create_task(
                    supervise(source.live.collector, source), name=f"live {source.live.name}"
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
        changed = await self._files.look()
        failed = self._files.failed
        self.reload_failures_total += failed
        if not self._files.complete:
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

    def _load(self) -> None:
        self._state.load(gather(self._files.batches()))
        self._state.survey()
        self._state.recount()

    # ------------------------------------------------------------------------------- live sources

    @property
    def _ready(self) -> bool:
        """Whether there is enough for a first snapshot: all files, and VRPs from somewhere."""
        vrps = [each for each in self._live if each.live.gives_vrps]
        return self._loaded and (
            self._files.gives_vrps or not vrps or any(each.heard for each in vrps)
        )

    async def _publish(self) -> Snapshot:
        """Make what the state holds the current snapshot. The caller has its turn."""
        generation = self.snapshot.generation + 1 if self.snapshot else 1
        snapshot = await asyncio.to_thread(
            self._state.snapshot, generation, self._settings.sample, self._troubles()
        )
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

    # ------------------------------------------------------------------------------------- health

    def _troubles(self) -> tuple[SourceStatus, ...]:
        """The inputs that are not as they should be, and what live feeds have lost."""
        troubled = (each for each in self.statuses if each.troubled)
        return (*troubled, *self._state.shrunk)

    async def _watch_health(self) -> None:
        """Publish when an input falls into trouble or leaves it, though no table changed."""
        while True:
            await asyncio.sleep(_HEALTH_SECONDS)
            now = time.time()
            async with self._turn:
                if self.snapshot is None or not self._ready:
                    continue
                settled = await self._settle_falls(now)
                shown = _standing(self.snapshot.troubles, self.snapshot.created)
                if settled or _standing(self._troubles(), now) != shown:
                    await self._publish()

    async def _settle_falls(self, now: float) -> bool:
        """Take what has been held back for too long; whether there was any."""
        settled = False
        for source in self._live:
            fall, limit = self._state.falls.get(source.live.name), source.live.max_stale_seconds
            if fall is None:
                continue
            if not fall.taken and now - fall.since >= limit:
                await asyncio.to_thread(self._state.release, source.live.name)
                settled = True
            elif fall.taken and now - fall.since >= 2 * limit:
                self._state.forgive(source.live.name)
        return settled


def _standing(troubles: Sequence[SourceStatus], now: float) -> list[tuple[str, str, str, bool]]:
    """What of troubles is worth a new snapshot: not every word of their reasons."""
    return [(each.kind, each.source, each.state, each.stale(now)) for each in troubles]
