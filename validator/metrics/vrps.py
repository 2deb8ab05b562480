"""The VRPs in force: what the exports gave, after local exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.feed import Feed, PerSnapshot
from validator.inventory import Inventory
from validator.model import Family


class VrpCollector(Collector):
    def __init__(self, feed: Feed, inventory: PerSnapshot[Inventory]) -> None:
        self._feed, self._inventory = feed, inventory

    def collect(self) -> Iterator[Metric]:
        snapshot = self._feed.snapshot
        if snapshot is None:
            return
        family = GaugeMetricFamily(
            "originsight_vrps",
            "Validated ROA payloads in force, after local exceptions (RFC 8416).",
            labels=["family", "trust_anchor"],
        )
        for each, counts in self._inventory.of(snapshot).vrps.items():
            for anchor, count in counts.items():
                family.add_metric([Family(each).label, anchor], count)
        yield family
        yield GaugeMetricFamily(
            "originsight_aspas",
            "Validated ASPA payloads in the inputs (kept, not used for validation).",
            value=len(snapshot.vrps.aspas),
        )
        yield GaugeMetricFamily(
            "originsight_router_keys",
            "Validated BGPsec router keys in the inputs (kept, not used for validation).",
            value=len(snapshot.vrps.router_keys),
        )
        slurm = snapshot.slurm
        yield GaugeMetricFamily(
            "originsight_slurm_removed_vrps",
            "VRPs that local exceptions filtered out (RFC 8416).",
            value=slurm.removed if slurm else 0,
        )
        yield GaugeMetricFamily(
            "originsight_slurm_added_vrps",
            "VRPs that local exceptions added (RFC 8416).",
            value=slurm.added if slurm else 0,
        )
