"""What Prometheus sees: one custom collector per file, each reading the snapshot in force.

Numerators and denominators, never ratios; base units, named in the metric; a ``scheme`` label
wherever groups of different schemes could otherwise be added up. Collectors keep no state of their
own beyond what they count themselves (requests, lag of the event loop). What a metric is made of
is said once, whoever asks: ``/metrics``, ``/probe`` (:mod:`validator.metrics.probe`) or the file of
all networks (:mod:`validator.metrics.networks`).

To add one: a file here with a ``Collector`` subclass, a line in :func:`build`, and its bound on
series in ``docs/make_metrics.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)

from validator.feed import Feed, PerSnapshot
from validator.inventory import take
from validator.metrics.coverage import CoverageCollector
from validator.metrics.inputs import InputCollector
from validator.metrics.live import LiveCollector
from validator.metrics.loop import LoopLag
from validator.metrics.networks import NetworksFile
from validator.metrics.reloads import ReloadCollector
from validator.metrics.requests import RequestMetrics
from validator.metrics.routes import RouteCollector
from validator.metrics.snapshot import SnapshotCollector
from validator.metrics.vrps import VrpCollector
from validator.settings.metrics import MetricsSettings


@dataclass(frozen=True, slots=True)
class Metrics:
    """The registry, and what the service itself feeds: two metrics, and the file of all networks,
    which is none unless it was asked for."""

    registry: CollectorRegistry
    requests: RequestMetrics
    loop_lag: LoopLag
    networks: NetworksFile


def build(feed: Feed, settings: MetricsSettings | None = None, folder: Path = Path()) -> Metrics:
    """A registry of our own, with every collector in it. ``folder`` is where the settings lie."""
    settings = settings or MetricsSettings()
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    requests, loop_lag = RequestMetrics(), LoopLag()
    inventory = PerSnapshot(take)  # some milliseconds of work, once for both
    networks = NetworksFile(settings.file(folder), settings.all_networks_seconds)
    for collector in (
        SnapshotCollector(feed),
        ReloadCollector(feed),
        InputCollector(feed),
        LiveCollector(feed),
        VrpCollector(feed, inventory),
        RouteCollector(feed, inventory),
        networks,
        CoverageCollector(feed, settings.watched),
        requests,
        loop_lag,
    ):
        registry.register(collector)
    return Metrics(registry, requests, loop_lag, networks)
