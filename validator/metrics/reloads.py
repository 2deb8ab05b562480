"""How often the inputs were looked at, and how that went."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.feed import Feed


class ReloadCollector(Collector):
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "originsight_reloads",
            "How often all inputs were looked at.",
            value=self._feed.reloads_total,
        )
        yield CounterMetricFamily(
            "originsight_reload_failures",
            "How often an input failed or no snapshot could be built when they were looked at.",
            value=self._feed.reload_failures_total,
        )
        yield GaugeMetricFamily(
            "originsight_snapshot_build_duration_seconds",
            "How long the last snapshot took to build, once its inputs were read.",
            value=self._feed.last_build_seconds,
        )
