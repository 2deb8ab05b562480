"""The inputs: whether each is well, how old it is, what it gave, what was refused at the door."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.feed import Feed, shown
from validator.freshness import DEGRADED, FAILED, FRESH, LATE, STARTING, STATES, SourceStatus

_NAMED = ["kind", "source"]
_BADNESS = (FRESH, LATE, STARTING, DEGRADED, FAILED)
"""States, the worst last."""


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
            "1 if the input is fresh or late, 0 if it is starting, degraded or failed.",
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
        state = GaugeMetricFamily(
            "originsight_input_state",
            "1 for the state that the input is in, 0 for the others.",
            labels=[*_NAMED, "state"],
        )
        stale = GaugeMetricFamily(
            "originsight_input_stale",
            "1 if what is in use of the input is older than it may be, so that answers say so.",
            labels=_NAMED,
        )
        content = GaugeMetricFamily(
            "originsight_input_content_timestamp_seconds",
            "When the content in use was made, or was last known to be current.",
            labels=_NAMED,
        )
        cadence = GaugeMetricFamily(
            "originsight_input_cadence_seconds",
            "How often new content is expected; no series if the settings do not say.",
            labels=_NAMED,
        )
        now = time.time()
        for labels, statuses in self._by_source().items():
            worst = max((each.state for each in statuses), key=_BADNESS.index)
            for name in STATES:
                state.add_metric([*labels, name], float(name == worst))
            up.add_metric(labels, float(worst in (FRESH, LATE)))
            stale.add_metric(labels, float(any(each.stale(now) for each in statuses)))
            rows.add_metric(labels, sum(each.rows for each in statuses))
            for family, times in (
                (loaded, [each.loaded for each in statuses]),
                (checked, [each.checked for each in statuses]),
                (content, [each.content for each in statuses]),
                (cadence, [each.cadence_seconds for each in statuses]),
            ):
                if known := [each for each in times if each is not None]:
                    family.add_metric(labels, min(known))
        yield from (up, state, stale, rows, loaded, checked, content, cadence, self._rejected())

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
