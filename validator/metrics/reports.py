"""Scheduled reports: whether they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class ReportWriting(Protocol):
    """What is known of the writing of scheduled reports."""

    written_total: int
    failures_total: int
    last_written: float

    @property
    def last_error(self) -> str: ...


class ScheduledReportCollector(Collector):
    """No labels. There only where reports are scheduled."""

    def __init__(self, writing: ReportWriting) -> None:
        self._writing = writing

    def collect(self) -> Iterator[Metric]:
        writing = self._writing
        yield CounterMetricFamily(
            "originsight_reports_written",
            "Files of scheduled reports that were written.",
            value=writing.written_total,
        )
        yield CounterMetricFamily(
            "originsight_reports_failures",
            "Times a scheduled report could not be made, written or removed.",
            value=writing.failures_total,
        )
        yield GaugeMetricFamily(
            "originsight_reports_failing",
            "1 while a scheduled report cannot be made, written or removed: /status says why.",
            value=int(bool(writing.last_error)),
        )
        if writing.last_written:
            yield GaugeMetricFamily(
                "originsight_reports_write_timestamp_seconds",
                "When a file of a scheduled report was written last.",
                value=writing.last_written,
            )
