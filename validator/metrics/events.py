"""Events: how many, who follows them, and how their deliveries go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.events.webhooks import Webhooks
from validator.watch import Watch


class StreamCounts(Protocol):
    """What is counted of event streams."""

    most: int
    refused_total: int
    gaps_total: int
    slow_total: int
    sent_total: int

    @property
    def following(self) -> int: ...


class EventCollector(Collector):
    """Labels: ``kind`` of event; ``webhook``, its name; ``result`` of an attempt; ``reason``."""

    def __init__(self, watch: Watch, streams: StreamCounts, webhooks: Webhooks) -> None:
        self._watch, self._streams, self._webhooks = watch, streams, webhooks

    def collect(self) -> Iterator[Metric]:
        events = CounterMetricFamily(
            "originsight_events", "Events, by kind, whoever asked for them.", labels=["kind"]
        )
        for kind, count in self._watch.log.total.items():
            events.add_metric([kind.value], count)
        yield events
        yield GaugeMetricFamily(
            "originsight_watch_duration_seconds",
            "How long the last comparison of two snapshots took.",
            value=self._watch.last_seconds,
        )
        yield from self._stream_metrics()
        yield from self._webhook_metrics()

    def _stream_metrics(self) -> Iterator[Metric]:
        streams = self._streams
        yield GaugeMetricFamily(
            "originsight_event_streams", "Clients that follow events.", value=streams.following
        )
        yield GaugeMetricFamily(
            "originsight_event_streams_limit", "As many may follow at a time.", value=streams.most
        )
        for name, about, count in (
            ("refused", "Clients refused since there were too many.", streams.refused_total),
            ("gaps", "Times a client was told that events are lost.", streams.gaps_total),
            ("slow", "Clients closed since they took nothing for a minute.", streams.slow_total),
            ("sent", "Events sent, once for each client.", streams.sent_total),
        ):
            yield CounterMetricFamily(f"originsight_event_streams_{name}", about, value=count)

    def _webhook_metrics(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "originsight_webhook_waiting_events", "Events not delivered yet.", labels=["webhook"]
        )
        failures = GaugeMetricFamily(
            "originsight_webhook_failures",
            "Attempts that failed since the last that did not.",
            labels=["webhook"],
        )
        attempts = CounterMetricFamily(
            "originsight_webhook_attempts",
            "Deliveries tried; result: taken (answered 2xx) or failed.",
            labels=["webhook", "result"],
        )
        delivered = CounterMetricFamily(
            "originsight_webhook_delivered_events", "Events delivered.", labels=["webhook"]
        )
        dropped = CounterMetricFamily(
            "originsight_webhook_dropped_events",
            "Events never delivered; reason: queue-full or gave-up.",
            labels=["webhook", "reason"],
        )
        for each in self._webhooks.all:
            waiting.add_metric([each.name], each.waiting)
            failures.add_metric([each.name], each.failures)
            delivered.add_metric([each.name], each.delivered_total)
            for result, count in each.attempts_total.items():
                attempts.add_metric([each.name, result], count)
            for reason, count in each.dropped_total.items():
                dropped.add_metric([each.name, reason], count)
        yield from (waiting, failures, attempts, delivered, dropped)
