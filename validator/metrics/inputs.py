"""The inputs: whether each is well, how old it is, what it gave, what was refused at the door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.feed import Feed, shown
from validator.pipeline import SourceStatus

_NAMED = ["kind", "source"]


class InputCollector(Collector):
    """Labels: ``kind`` (the settings' key), ``source``; for rejected rows also ``reason``, and the
    file's own format as ``kind``.

    The same source given twice is one series: the worse state, the older time, all rows.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "originsight_input_up",
            "1 if the input was read, or found unchanged, when it was last looked at; else 0.",
            labels=_NAMED,
        )
        rows = GaugeMetricFamily(
            "originsight_input_rows", "Rows that the input in use gave.", labels=_NAMED
        )
        loaded = GaugeMetricFamily(
            "originsight_input_last_loaded_timestamp_seconds",
            "When the content in use was read.",
            labels=_NAMED,
        )
        checked = GaugeMetricFamily(
            "originsight_input_last_checked_timestamp_seconds",
            "When the input was last looked at, whatever came of it.",
            labels=_NAMED,
        )
        for labels, statuses in self._by_source().items():
            up.add_metric(labels, float(all(each.state in ("fresh", "late") for each in statuses)))
            rows.add_metric(labels, sum(each.rows for each in statuses))
            if times := [each.loaded for each in statuses if each.loaded is not None]:
                loaded.add_metric(labels, min(times))
            if times := [each.checked for each in statuses if each.checked is not None]:
                checked.add_metric(labels, min(times))
        late = GaugeMetricFamily(
            "originsight_input_late",
            "1 if some of what the input gave has expired since it was made; else 0.",
            labels=_NAMED,
        )
        for labels, statuses in self._by_source().items():
            late.add_metric(labels, float(any(each.state == "late" for each in statuses)))
        yield from (up, late, rows, loaded, checked, self._rejected())

    def _by_source(self) -> dict[tuple[str, str], list[SourceStatus]]:
        found: dict[tuple[str, str], list[SourceStatus]] = {}
        for status in self._feed.statuses:
            found.setdefault((status.kind, shown(status.source)), []).append(status)
        return found

    def _rejected(self) -> Metric:
        family = GaugeMetricFamily(
            "originsight_input_rejected_rows",
            "Rows of the content in use that were refused at the door.",
            labels=[*_NAMED, "reason"],
        )
        counts: Counter[tuple[str, str, str]] = Counter()
        snapshot = self._feed.snapshot
        for report in snapshot.inputs if snapshot else ():
            for reason, count in report.rejected.items():
                counts[report.kind, shown(report.source), reason] += count
        for labels, count in counts.items():
            family.add_metric(labels, count)
        return family
