"""What Prometheus sees: one custom collector per file, each reading the snapshot in force.

Numerators and denominators, never ratios; base units, named in the metric; a ``scheme`` label
wherever groups of different schemes could otherwise be added up. Collectors keep no state of their
own beyond what they count themselves (requests, lag of the event loop).

To add one: a file here with a ``Collector`` subclass, and a line in :func:`build`.
"""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)

from validator.feed import Feed
from validator.metrics.coverage import CoverageCollector
from validator.metrics.inputs import InputCollector
from validator.metrics.live import LiveCollector
from validator.metrics.loop import LoopLag
from validator.metrics.reloads import ReloadCollector
from validator.metrics.requests import RequestMetrics
from validator.metrics.routes import RouteCollector
from validator.metrics.snapshot import SnapshotCollector
from validator.metrics.vrps import VrpCollector


@dataclass(frozen=True, slots=True)
class Metrics:
    """The registry, and the two metrics that the service itself feeds."""

    registry: CollectorRegistry
    requests: RequestMetrics
    loop_lag: LoopLag


def build(feed: Feed) -> Metrics:
    """A registry of our own, with every collector in it."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    requests, loop_lag = RequestMetrics(), LoopLag()
    for collector in (
        SnapshotCollector(feed),
        ReloadCollector(feed),
        InputCollector(feed),
        LiveCollector(feed),
        VrpCollector(feed),
        RouteCollector(feed),
        CoverageCollector(feed),
        requests,
        loop_lag,
    ):
        registry.register(collector)
    return Metrics(registry, requests, loop_lag)
