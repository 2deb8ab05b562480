"""Coverage of every RIR and country: counts of routes and sizes of space, never ratios.

By address block, the default attribution for both schemes; the label says so. AS numbers are left
out: half a million series would be a burden that nobody asked for. Labels are bounded by the world:
some 250 countries and five RIRs make about 4,500 series.

The spaces of one group overlap (a more-specific can be valid while its aggregate is not), so they
stand under a label of their own, ``space``, and are not to be added up.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.coverage import in_units
from validator.feed import Feed, PerSnapshot
from validator.groupings import Attribution, Scheme
from validator.model import Family
from validator.snapshot import Snapshot

_SHOWN = ((Scheme.RIR, Attribution.ADDRESS), (Scheme.COUNTRY, Attribution.ADDRESS))
_GROUP = ["scheme", "attribution", "group", "family"]
_SPACE = {
    Family.IPV4: ("addresses", "IPv4 addresses"),
    Family.IPV6: ("slash48s", "IPv6 /48s"),
}


class CoverageCollector(Collector):
    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._families = PerSnapshot(_measure)

    def collect(self) -> Iterator[Metric]:
        snapshot = self._feed.snapshot
        if snapshot is not None:
            yield from self._families.of(snapshot)


def _measure(snapshot: Snapshot) -> list[Metric]:
    routes = GaugeMetricFamily(
        "originsight_coverage_routes",
        "Announced routes of a group by validation state; their sum is what it announces.",
        labels=[*_GROUP, "state"],
    )
    spaces = {
        family: GaugeMetricFamily(
            f"originsight_coverage_space_{unit}",
            f"Distinct {what} under the announced routes of a group, by kind; kinds overlap.",
            labels=[*_GROUP, "space"],
        )
        for family, (unit, what) in _SPACE.items()
    }
    for scheme, attribution in _SHOWN:
        coverage = snapshot.coverages.get((scheme, attribution))
        if coverage is None:
            continue
        for family in Family:
            for number, group in enumerate(coverage.groups):
                labels = [scheme.value, attribution.value, group, family.label]
                figures = coverage.figures(number, family)
                for state, count in (
                    ("valid", figures.valid),
                    ("invalid", figures.invalid),
                    ("not-found", figures.not_found),
                ):
                    routes.add_metric([*labels, state], count)
                for kind, size in (
                    ("announced", figures.announced_space),
                    ("covered", figures.covered_space),
                    ("valid", figures.valid_space),
                    ("invalid", figures.invalid_space),
                    ("not-found", figures.not_found_space),
                ):
                    spaces[family].add_metric([*labels, kind], in_units(size, family))
    return [routes, *spaces.values()]
