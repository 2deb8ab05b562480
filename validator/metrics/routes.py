"""The route table: states, and what is not counted as announced."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.feed import Feed, PerSnapshot
from validator.inventory import Inventory
from validator.model import Family
from validator.tables.announced import REASONS


class RouteCollector(Collector):
    """Labels that can occur are always there, at 0 if need be, so that graphs do not break."""

    def __init__(self, feed: Feed, inventory: PerSnapshot[Inventory]) -> None:
        self._feed, self._inventory = feed, inventory

    def collect(self) -> Iterator[Metric]:
        snapshot = self._feed.snapshot
        if snapshot is None:
            return
        routes = GaugeMetricFamily(
            "originsight_routes",
            "Distinct (prefix, origin) pairs by validation state (RFC 6811), excluded ones too.",
            labels=["family", "state"],
        )
        for family, counts in self._inventory.of(snapshot).routes.items():
            for state, count in counts.items():
                routes.add_metric([Family(family).label, state.value], count)
        yield routes
        excluded = GaugeMetricFamily(
            "originsight_excluded_routes",
            "Routes that coverage figures leave out, by the first reason that applies.",
            labels=["reason"],
        )
        for reason in REASONS[1:]:
            excluded.add_metric([reason], snapshot.exclusions.get(reason, 0))
        yield excluded
        peers = GaugeMetricFamily(
            "originsight_peers",
            "BGP peers whose tables are in use, by whether they carry the full table.",
            labels=["family", "feed"],
        )
        for each, flags in (
            (Family.IPV4, [peer.full_ipv4 for peer in snapshot.peers]),
            (Family.IPV6, [peer.full_ipv6 for peer in snapshot.peers]),
        ):
            peers.add_metric([each.label, "full"], sum(flags))
            peers.add_metric([each.label, "partial"], len(flags) - sum(flags))
        yield peers
