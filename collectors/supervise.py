"""Live collectors fail; they are started again, later each time, and never all at once."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

from collectors.live import Channel, LiveCollector
from validator.model import SourceError


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the n-th try in a row: doubling, up to a limit, half of it chance.

    A collector that has run for ``steady_seconds`` has recovered: the count starts over.
    """

    first_seconds: float = 1.0
    longest_seconds: float = 300.0
    steady_seconds: float = 60.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        whole = min(self.first_seconds * 2.0 ** min(failures - 1, 30), self.longest_seconds)
        return whole / 2 + random.uniform(0, whole / 2)  # noqa: S311 - jitter, not a secret


async def supervise(
    collector: LiveCollector, channel: Channel, backoff: Backoff | None = None
) -> None:
    """Run a collector until it is done (a replay that has ended) or cancelled.

    A :class:`~validator.model.SourceError` is reported, waited out and tried again; any other
    exception is a bug and passes through.
    """
    backoff = backoff or Backoff()
    failures = 0
    while True:
        began = time.monotonic()
        try:
            await collector.run(channel)
        except SourceError as error:
            if time.monotonic() - began >= backoff.steady_seconds:
                failures = 0
            failures += 1
            delay = backoff.delay(failures)
            channel.report("failed", f"{error}; next try in {delay:.0f} s")
            await asyncio.sleep(delay)
        else:
            return
