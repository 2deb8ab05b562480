"""What live sources say, and how far behind the pipeline is."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.feed import Feed, shown


class LiveCollector(Collector):
    """Labels: ``kind`` (the settings' key) and ``source``."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        messages = CounterMetricFamily(
            "originsight_input_messages",
            "Messages that a live source has handed on: transactions, batches of updates, peers.",
            labels=["kind", "source"],
        )
        dropped = CounterMetricFamily(
            "originsight_input_dropped_messages",
            "Messages lost since the pipeline was behind: the source starts over after one.",
            labels=["kind", "source"],
        )
        for source in self._feed.live:
            labels = [source.live.kind, shown(source.live.name)]
            messages.add_metric(labels, source.messages)
            dropped.add_metric(labels, source.dropped)
        waiting = GaugeMetricFamily(
            "originsight_queue_messages",
            "Messages of live sources that wait to be applied.",
            value=self._feed.waiting,
        )
        yield from (messages, dropped, waiting)
