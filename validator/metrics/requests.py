"""HTTP requests: how many, how they ended, how long they took."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.metrics.buckets import Buckets

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
UNMATCHED = "unmatched"
"""The ``route`` of requests for what does not exist: a client cannot make up labels."""


class RequestMetrics(Collector):
    """Labels: ``route`` (its template, never the path itself), ``method``, ``status``."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, int], Buckets] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request. Call it from the event loop's thread only."""
        buckets = self._buckets.get((route, method, status))
        if buckets is None:
            key = route, method if method in _METHODS else "other", status
            buckets = self._buckets.setdefault(key, Buckets(_BOUNDS))
        buckets.observe(seconds)

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            "originsight_http_request_duration_seconds",
            "How long HTTP requests took, from their headers to the last byte handed over.",
            labels=["route", "method", "status"],
        )
        for (route, method, status), buckets in list(self._buckets.items()):
            cumulative, total = buckets.cumulative()
            family.add_metric([route, method, str(status)], cumulative, total)
        yield family
