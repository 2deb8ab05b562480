"""The event loop's lag: how late it wakes a task that asked for a certain time.

It tells when something holds the loop (everything else then waits as long), which no metric of
single requests shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NoReturn

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.metrics.buckets import Buckets

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_EVERY_SECONDS = 0.1


class LoopLag(Collector):
    """Measures the lag while :meth:`watch` runs."""

    def __init__(self) -> None:
        self._buckets = Buckets(_BOUNDS)

    async def watch(self) -> NoReturn:
        """Sleep a little, see how much later it is: until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _EVERY_SECONDS
            await asyncio.sleep(_EVERY_SECONDS)
            self._buckets.observe(max(0.0, loop.time() - due))

    def collect(self) -> Iterator[Metric]:
        buckets, total = self._buckets.cumulative()
        family = HistogramMetricFamily(
            "originsight_event_loop_lag_seconds",
            "How late the event loop woke a task, sampled ten times a second.",
        )
        family.add_metric([], buckets, total)
        yield family
