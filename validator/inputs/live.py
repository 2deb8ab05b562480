"""Inputs that are followed: each live collector, the channel it puts into, and how it stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from collectors.live import LiveCollector, Message
from validator.freshness import DEGRADED, FAILED, LATE, Fall, SourceStatus

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Live:
    """A live collector and what it is called in statuses, metrics and messages."""

    kind: str
    name: str
    collector: LiveCollector
    gives_vrps: bool = False
    max_stale_seconds: float = 86_400.0


Queue = asyncio.Queue[tuple["LiveSource", Message]]


class LiveSource:
    """The channel of one live collector (:class:`collectors.live.Channel`)."""

    def __init__(self, live: Live, queue: Queue, clock: Callable[[], float] = time.time) -> None:
        self.live = live
        self.heard = False
        """Whether something of it has been applied."""
        self.messages = 0
        self.dropped = 0
        """Messages that found the queue full and could not wait."""
        self._queue, self._clock = queue, clock
        self._status = SourceStatus(live.kind, live.name, max_stale_seconds=live.max_stale_seconds)

    async def put(self, message: Message) -> None:
        await self._queue.put((self, message))
        self._took()

    def offer(self, message: Message) -> bool:
        try:
            self._queue.put_nowait((self, message))
        except asyncio.QueueFull:
            self.dropped += 1
            return False
        self._took()
        return True

    def report(self, state: str, detail: str = "") -> None:
        now, before = int(self._clock()), self._status
        if state != before.state:
            log.info("source", kind=before.kind, source=before.source, state=state, detail=detail)
        status = replace(before, state=state, error=detail, checked=now)
        if not status.troubled:
            status = replace(status, since=None, stale_from=None)
        elif before.since is None:
            status = replace(status, since=now)
        if status.since is not None:
            # What stands in for it, or lacks a part, is up to date: that does not age.
            ages = state in (LATE, FAILED)
            stale_from = before.stale_from or int(now + self.live.max_stale_seconds)
            status = replace(status, stale_from=stale_from if ages else None)
        self._status = status

    def status(self, now: int, fall: Fall | None = None) -> SourceStatus:
        """How it stands; with ``fall``, what is held back of what it says."""
        status = self._status
        if status.loaded is not None:
            current = status.state not in (LATE, FAILED)
            status = replace(status, content=now if current else status.since)
        if fall is None:
            return status
        limit = self.live.max_stale_seconds
        after = (
            f"it stayed so and was taken after {limit:,.0f} s"
            if fall.taken
            else f"what was good stays in use, and this is taken after {limit:,.0f} s"
        )
        error = "; ".join(filter(None, (f"{fall}: {after}", status.error)))
        return replace(
            status,
            state=FAILED if status.state == FAILED else DEGRADED,
            since=min(filter(None, (status.since, fall.since))),
            stale_from=min(filter(None, (status.stale_from, int(fall.since + limit)))),
            error=error,
        )

    def _took(self) -> None:
        self.messages += 1
        now = int(self._clock())
        self._status = replace(self._status, loaded=now, checked=now)
