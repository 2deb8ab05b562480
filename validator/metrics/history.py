"""The history of past days: whether it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class Writing(Protocol):
    """What is known of the writing of history."""

    days_written_total: int
    failures_total: int
    last_written: float
    last_seconds: float

    @property
    def last_error(self) -> str: ...


class HistoryCollector(Collector):
    """No labels. There only where a history is kept."""

    def __init__(self, history: Writing) -> None:
        self._history = history

    def collect(self) -> Iterator[Metric]:
        history = self._history
        yield CounterMetricFamily(
            "originsight_history_writes",
            "Times a day's figures were written.",
            value=history.days_written_total,
        )
        yield CounterMetricFamily(
            "originsight_history_failures",
            "Times history could not be written, read, repaired or compacted.",
            value=history.failures_total,
        )
        yield GaugeMetricFamily(
            "originsight_history_failing",
            "1 while history cannot be written, read, repaired or compacted: /status says why.",
            value=int(bool(history.last_error)),
        )
        if history.last_written:
            yield GaugeMetricFamily(
                "originsight_history_write_timestamp_seconds",
                "When a day's figures were written last.",
                value=history.last_written,
            )
            yield GaugeMetricFamily(
                "originsight_history_write_duration_seconds",
                "How long that took.",
                value=history.last_seconds,
            )
