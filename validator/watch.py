"""Follows what the pipeline publishes, and tells whoever listens what happened.

At most once a second the snapshot in force is compared with the one that was seen last, in a
thread; if several were published between, they count as one. The first is what everything later
is compared with: it gives one event, ``watch-started``, and no more.

Comparing costs nothing while nobody wants it: some minutes after the last follower has gone it
stops, and begins anew, with another ``watch-started``, when somebody comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn, Protocol

from validator.events.comparing import Moment, begin, compare
from validator.events.log import KEEP, Batch, EventLog
from validator.feed import redacted
from validator.snapshot import Snapshot

LEAST_SECONDS = 1.0
"""Between two comparisons."""

LINGER_SECONDS = 600.0
"""For a follower who comes back."""

Listener = Callable[[Batch], None]


class Published(Protocol):
    """Where snapshots come from: the pipeline."""

    async def published(self, after: int) -> Snapshot: ...


class Watch:
    """Owns the log of events. ``listeners`` are called on the event loop, with each batch, when it
    is in the log; they must not wait."""

    def __init__(self, keep: int = KEEP, clock: Callable[[], float] = time.time) -> None:
        self.log = EventLog(int(clock()), keep)
        self.listeners: list[Listener] = []
        self.last_seconds = 0.0
        """How long the last comparison took."""
        self.wanted: Callable[[], bool] = lambda: True
        """Whether anybody follows."""
        self._seen: Moment | None = None

    async def run(self, source: Published, least_seconds: float = LEAST_SECONDS) -> NoReturn:
        """Follow ``source`` until cancelled."""
        generation = 0
        last_wanted: float | None = None
        while True:
            if self.wanted():
                last_wanted = time.monotonic()
            elif last_wanted is None or time.monotonic() - last_wanted > LINGER_SECONDS:
                generation, last_wanted, self._seen = 0, None, None
                await asyncio.sleep(least_seconds)
                continue
            snapshot = await source.published(generation)
            generation = snapshot.generation
            now = moment_of(snapshot)
            del snapshot
            await self.see(now)
            del now
            await asyncio.sleep(least_seconds)

    async def see(self, now: Moment) -> None:
        """Compare what is now with what was seen last, and tell the difference."""
        began = time.perf_counter()
        before, self._seen = self._seen, now
        batch = await asyncio.to_thread(self._happened, before, now)
        self.last_seconds = time.perf_counter() - began
        if len(batch):
            self.log.append(batch)
            for listener in self.listeners:
                listener(batch)

    def _happened(self, before: Moment | None, now: Moment) -> Batch:
        session = self.log.session
        happenings = [begin(now, session)] if before is None else compare(before, now, session)
        return Batch.of(happenings, now.created)


def moment_of(snapshot: Snapshot) -> Moment:
    """What is kept of a snapshot until the next one; inputs without their passwords."""
    troubles = []
    for status in snapshot.troubles:
        source, error = redacted(status)
        troubles.append(replace(status, source=source, error=error))
    return Moment(
        snapshot.generation,
        snapshot.created,
        snapshot.routes,
        snapshot.excluded,
        snapshot.vrps,
        snapshot.resources,
        tuple(troubles),
        snapshot.sample,
    )
