"""Coverage of every scheme that is small enough, and of the networks on the watch list.

Which groups there are is decided in :mod:`validator.metrics.budget`, what is said of each in
:mod:`validator.metrics.figures`. A watched network that announces nothing has zeros, so that
nothing disappears when it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.feed import Feed
from validator.groupings import Scheme
from validator.metrics.budget import on_metrics
from validator.metrics.figures import Chosen, families
from validator.snapshot import Snapshot


class CoverageCollector(Collector):
    """``watch``: networks, as their groups are called."""

    def __init__(self, feed: Feed, watch: Sequence[str] = ()) -> None:
        self._feed, self._watch = feed, tuple(watch)

    def collect(self) -> Iterator[Metric]:
        snapshot = self._feed.snapshot
        if snapshot is None:
            return
        chosen, left_out = on_metrics(snapshot, self._watch)
        yield from families(chosen)
        yield names(snapshot, chosen)
        absent = GaugeMetricFamily(
            "originsight_coverage_left_out_groups",
            "Groups of a scheme that are not here, for their number: /probe has each of them.",
            labels=["scheme"],
        )
        for scheme, count in left_out.items():
            absent.add_metric([scheme], count)
        yield absent
        if snapshot.users:
            yield users(snapshot)


def users(snapshot: Snapshot) -> Metric:
    """The weights of people-weighted figures."""
    family = GaugeMetricFamily(
        "originsight_internet_users",
        "People of a country who use the Internet, as of the year of the list that is in use: a "
        "weight, and not a claim about their connections.",
        labels=["scheme", "group"],
    )
    for country, weight in snapshot.users.items():
        family.add_metric([Scheme.COUNTRY.value, country], weight.users)
    return family


def names(snapshot: Snapshot, chosen: Iterable[Chosen]) -> Metric:
    """What a person calls each of the chosen groups."""
    family = InfoMetricFamily(
        "originsight_group",
        "What a person calls a group; its identifier if it has no name.",
        labels=["scheme", "group"],
    )
    known: set[tuple[str, str]] = set()
    for each in chosen:
        scheme = str(each.coverage.scheme)
        name_of = snapshot.namer(scheme)
        for group in each.names:
            if (scheme, group) not in known:
                known.add((scheme, group))
                family.add_metric([scheme, group], {"name": name_of(group) or group})
    return family
