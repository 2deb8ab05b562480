"""Which software serves which snapshot."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.feed import VERSION, Feed


class SnapshotCollector(Collector):
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        snapshot = self._feed.snapshot
        yield InfoMetricFamily(
            "originsight_build", "The software that runs.", value={"version": VERSION}
        )
        yield GaugeMetricFamily(
            "originsight_snapshot_generation",
            "Number of the snapshot that is served; 0 until there is one.",
            value=snapshot.generation if snapshot else 0,
        )
        if snapshot is None:
            return
        yield GaugeMetricFamily(
            "originsight_snapshot_created_timestamp_seconds",
            "When the snapshot that is served was made.",
            value=snapshot.created,
        )
        yield GaugeMetricFamily(
            "originsight_snapshot_sample",
            "1 if the networks are fictional (SAMPLE data), else 0.",
            value=snapshot.sample,
        )
        yield GaugeMetricFamily(
            "originsight_snapshot_degraded",
            "1 if any of its inputs was not fresh when it was made, or a live feed had lost much.",
            value=bool(snapshot.troubles),
        )
        yield GaugeMetricFamily(
            "originsight_snapshot_stale_vrps",
            "1 if its VRPs are older than they may be: validity answers say so, /readyz is 503.",
            value=bool(snapshot.stale(vrps_only=True)),
        )
        yield GaugeMetricFamily(
            "originsight_snapshot_min_peers",
            "Least number of peers that must see a route for it to count as announced.",
            value=snapshot.min_peers,
        )
