"""Figures by group as metrics: who is on /metrics, what a probe gives, what the settings allow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from tests.feeds import StandingFeed, make_snapshot
from validator.figures.coverage import Coverage
from validator.figures.wider import FamilyFigures, NetworkFigures, Wider
from validator.groupings import Attribution
from validator.metrics.budget import MOST_CUSTOM_GROUPS, on_metrics
from validator.metrics.columns import Columns, write
from validator.metrics.coverage import CoverageCollector
from validator.metrics.figures import MEASURES, Chosen, Detail, families
from validator.metrics.probe import ProbeCollector, parse
from validator.model import Family
from validator.settings.metrics import MOST_WATCHED, MetricsSettings
from validator.snapshot import Snapshot


def value(collector: Collector, name: str, /, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry.get_sample_value(f"originsight_{name}", labels)


def with_scheme(snapshot: Snapshot, scheme: str, groups: int) -> Snapshot:
    """A scheme of groups that announce nothing, beside what there is."""
    like = snapshot.coverages["rir", Attribution.ADDRESS]
    changes: dict[str, Any] = {
        "scheme": scheme,
        "groups": tuple(f"g{number}" for number in range(groups)),
        "routes": {family: np.zeros((groups, 3), "u8") for family in Family},
        "space": {family: np.zeros((groups, 5), "u8") for family in Family},
    }
    added = replace(like, **changes)
    return replace(snapshot, coverages={**snapshot.coverages, (scheme, Attribution.ADDRESS): added})


# ------------------------------------------------------------------------------ who is on /metrics


def test_every_scheme_but_networks_is_there_under_each_attribution() -> None:
    snapshot = make_snapshot()
    chosen, left_out = on_metrics(snapshot, ())
    expected = {key for key in snapshot.coverages if key[0] != "asn"}
    assert {(each.coverage.scheme, each.coverage.attribution) for each in chosen} == expected
    assert left_out == {scheme: 3 if scheme == "asn" else 0 for scheme, _ in snapshot.coverages}


def test_a_watched_network_has_its_figures_and_a_silent_one_zeros() -> None:
    collector = CoverageCollector(StandingFeed(make_snapshot()), ("AS64496", "AS65000"))
    labels = {"scheme": "asn", "attribution": "origin", "family": "ipv4", "state": "valid"}
    assert value(collector, "coverage_routes", group="AS64496", **labels) == 1
    assert value(collector, "coverage_routes", group="AS65000", **labels) == 0
    assert value(collector, "coverage_routes", group="AS64497", **labels) is None
    assert value(collector, "coverage_left_out_groups", scheme="asn") == 2
    info = {"scheme": "asn", "group": "AS64496", "name": "Example, one"}
    assert value(collector, "group_info", **info) == 1


def test_a_group_without_a_name_is_called_by_its_identifier() -> None:
    collector = CoverageCollector(StandingFeed(make_snapshot()), ("AS65000",))
    labels = {"scheme": "asn", "group": "AS65000", "name": "AS65000"}
    assert value(collector, "group_info", **labels) == 1


def test_internet_users_are_there_as_weights() -> None:
    collector = CoverageCollector(StandingFeed(make_snapshot()))
    assert value(collector, "internet_users", scheme="country", group="NL") == 17_000_000


def test_a_scheme_of_the_users_own_that_is_too_large_is_left_out_whole_and_said_so() -> None:
    snapshot = with_scheme(make_snapshot(), "custom-a", MOST_CUSTOM_GROUPS - 1)
    snapshot = with_scheme(snapshot, "custom-b", 2)
    snapshot = with_scheme(snapshot, "custom-c", 1)
    chosen, left_out = on_metrics(snapshot, ())
    there = {each.coverage.scheme for each in chosen}
    assert {"custom-a", "custom-c"} <= there
    assert "custom-b" not in there
    assert (left_out["custom-a"], left_out["custom-b"], left_out["custom-c"]) == (0, 2, 0)


def test_before_the_first_snapshot_there_are_no_groups() -> None:
    assert list(CoverageCollector(StandingFeed(), ("AS64496",)).collect()) == []


# ---------------------------------------------------------------------------------------- figures


def test_space_of_ipv6_is_in_slash48s_with_a_fraction_where_one_is_left() -> None:
    snapshot = make_snapshot()
    coverage = snapshot.coverages["asn", Attribution.ORIGIN]
    row = coverage.index("AS64496")
    assert row is not None
    space = {family: each.copy() for family, each in coverage.space.items()}
    space[Family.IPV6][row] = [3 << 15, 1 << 16, 0, 0, 1]
    (metric,) = [
        each
        for each in families([Chosen.one_of(replace(coverage, space=space), row)])
        if each.name.endswith("slash48s")
    ]
    figures = {sample.labels["space"]: sample.value for sample in metric.samples}
    assert figures | {"unregistered": 0} == {
        "announced": 1.5, "covered": 1, "valid": 0, "invalid": 0, "not-found": 1 / 65536,
        "unregistered": 0,
    }  # fmt: skip
    assert b'space="announced",scheme="asn"' not in b"".join(metric.text()), "labels are sorted"
    assert b'scheme="asn",space="announced"} 1.5\n' in b"".join(metric.text())


class _Wider:
    """A coverage with figures that count up, so that each has its own."""

    def __init__(self, coverage: Coverage, with_holdings: bool = True) -> None:
        groups = len(coverage.groups)
        family = len(FamilyFigures._fields)
        self.scheme, self.attribution = coverage.scheme, coverage.attribution
        self.groups, self.routes, self.space = coverage.groups, coverage.routes, coverage.space
        rows = np.arange(groups * family, dtype="u8").reshape(groups, family)
        networks = np.arange(groups * len(NetworkFigures._fields), dtype="u8").reshape(groups, -1)
        self.wider = Wider(dict.fromkeys(Family, rows), networks, {}, by_address=True)
        held = {each: np.full((groups, 2), 7, "u8") for each in Family}
        self.holdings = held if with_holdings else None


def _samples(metrics: list[Columns], name: str, **labels: str) -> dict[str, float]:
    """What a metric says, by the label that the others leave open."""
    return {
        next(v for k, v in sample.labels.items() if k not in {*labels, "scheme", "group"}):
            sample.value
        for metric in metrics
        if metric.name == f"originsight_coverage_{name}"
        for sample in metric.samples
        if sample.labels.items() >= labels.items()
    }  # fmt: skip


def test_the_wider_figures_stand_where_their_names_say() -> None:
    coverage: Any = _Wider(make_snapshot().coverages["rir", Attribution.ADDRESS])
    row = 1
    metrics = families([Chosen.one_of(coverage, row)])
    first = row * len(FamilyFigures._fields)
    place = {name: first + at for at, name in enumerate(FamilyFigures._fields)}
    labels = {"attribution": "address", "family": "ipv4"}
    assert _samples(metrics, "prefixes", **labels) == {
        "announced": place["prefixes"], "moas": place["moas_prefixes"]
    }  # fmt: skip
    assert _samples(metrics, "irregular_routes", **labels) == {
        "as-set": place["as_set_routes"],
        "unregistered": place["unregistered_routes"],
        "bogon-origin": place["bogon_routes"],
    }
    assert _samples(metrics, "sightings", **labels) == {
        "valid": place["valid_sightings"], "invalid": place["invalid_sightings"]
    }  # fmt: skip
    assert _samples(metrics, "watched_routes", **labels) == {
        "valid": place["watched_valid"], "invalid": place["watched_invalid"]
    }  # fmt: skip
    spaces = _samples(metrics, "space_addresses", **labels)
    assert spaces["unregistered"] == place["unregistered_space"]
    assert _samples(metrics, "holdings_addresses", **labels) == {"delegated": 7, "covered": 7}
    # Networks are counted by origin whatever the attribution of the rest.
    networks = _samples(metrics, "networks", attribution="origin")
    first = row * len(NetworkFigures._fields)
    assert list(networks.values()) == list(range(first, first + len(NetworkFigures._fields)))
    assert list(networks)[:4] == ["announcing", "ipv4", "ipv6", "stubs"]


def test_the_wider_figures_of_a_scheme_are_there_under_one_attribution() -> None:
    snapshot = make_snapshot()
    both: list[Any] = [
        _Wider(snapshot.coverages["rir", by], by is Attribution.ADDRESS) for by in Attribution
    ]
    alone: Any = _Wider(snapshot.coverages["asn", Attribution.ORIGIN])
    metrics = families([Chosen.all_of(each) for each in (*both, alone)])
    (prefixes,) = [each for each in metrics if each.name.endswith("coverage_prefixes")]
    assert {(each.labels["scheme"], each.labels["attribution"]) for each in prefixes.samples} == {
        ("rir", "address"), ("asn", "origin"),
    }  # fmt: skip


def test_the_file_of_networks_leaves_out_families_that_a_network_has_not() -> None:
    coverage = make_snapshot().coverages["asn", Attribution.ORIGIN]
    metrics = families([Chosen.all_of(coverage)], announcing=True)
    series = {
        (sample.labels["group"], sample.labels["family"])
        for metric in metrics
        for sample in metric.samples
    }
    assert series == {
        ("AS64496", "ipv4"), ("AS64496", "ipv6"), ("AS64497", "ipv4"), ("NONE", "ipv4")
    }  # fmt: skip
    each = sum(
        len(measure.kinds) * len(measure.families)
        for measure in MEASURES
        if measure.detail is Detail.NETWORKS
    )
    assert sum(map(len, metrics)) == len(series) * each // 2


# ----------------------------------------------------------------------------------------- probes


@pytest.mark.parametrize("text", ["AS64496", "as64496", "64496", "asn:AS64496"])
def test_a_network_can_be_probed_however_it_is_written(text: str) -> None:
    probe = ProbeCollector(make_snapshot(), parse(text))
    labels = {"scheme": "asn", "attribution": "origin", "family": "ipv6", "state": "valid"}
    assert value(probe, "probe_success") == 1
    assert value(probe, "coverage_routes", group="AS64496", **labels) == 1


def test_a_probe_gives_what_the_metrics_give_of_the_same_group() -> None:
    snapshot = make_snapshot()
    every = generate_latest(CoverageCollector(StandingFeed(snapshot), ("AS64497",))).decode()
    for text, scheme, group in (("country:NL", "country", "NL"), ("AS64497", "asn", "AS64497")):
        probe = generate_latest(ProbeCollector(snapshot, parse(text))).decode()
        marks = f'scheme="{scheme}"', f'group="{group}"', "_coverage_"
        expected = [line for line in every.splitlines() if all(mark in line for mark in marks)]
        found = [line for line in probe.splitlines() if all(mark in line for mark in marks)]
        assert found == expected
        assert found


@pytest.mark.parametrize("text", ["AS4294967295", "country:QQ", "rir:nobody", "asn:NL", "no:one"])
def test_what_could_be_a_group_and_is_none_is_no_success(text: str) -> None:
    probe = ProbeCollector(make_snapshot(), parse(text))
    assert [metric.name for metric in probe.collect()] == ["originsight_probe_success"]
    assert value(probe, "probe_success") == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not an AS number"),
        ("NL", "'NL' is not an AS number"),
        ("AS", "'AS' is not an AS number"),
        ("AS-1", "is not an AS number"),
        ("AS4294967296", "is beyond 32 bits"),
        ("AS" + "9" * 150, "is beyond 32 bits"),
        ("AS٣", "is not an AS number"),
        ("AS1\n", "is not an AS number"),
        ("country:", "is not an AS number"),
        ("Country:NL", "is not an AS number"),
        ("country:N\nL", "is not an AS number"),
        ("country:NL\n", "is not an AS number"),
        ("country:" + "N" * 101, "is not an AS number"),
        (":", "':' is not an AS number"),
    ],
)
def test_a_target_that_is_none_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as refused:
        parse(text)
    assert said in str(refused.value)
    assert str(refused.value).endswith("; expected AS64496, or SCHEME:GROUP such as country:NL")


# --------------------------------------------------------------------------------------- settings


def _settings(**given: object) -> MetricsSettings:
    return msgspec.convert(given, MetricsSettings)


def test_the_watch_list_takes_each_network_once_however_it_is_written() -> None:
    assert _settings(watch=["AS64500", "as64500", "64501"]).watched == ("AS64500", "AS64501")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"watch": ["NL"]}, "metrics.watch: 'NL' is not an AS number"),
        ({"watch": ["AS1"] * (MOST_WATCHED + 1)}, "length <= 100"),
        ({"all_networks_seconds": 0}, ">= 1"),
        ({"wacht": []}, "unknown field `wacht`"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        _settings(**given)


def test_the_file_of_networks_lies_beside_the_settings_and_is_off_by_default() -> None:
    assert _settings().file(Path("/etc/originsight")) is None
    file = _settings(all_networks="networks.gz").file(Path("/etc/originsight"))
    assert file == Path("/etc/originsight/networks.gz")


# ------------------------------------------------------------------------------------------ text


def test_openmetrics_ends_once_and_only_at_the_end() -> None:
    collector = CoverageCollector(StandingFeed(make_snapshot()))
    parts, _ = write(collector, "application/openmetrics-text; version=1.0.0")
    text = b"".join(parts)
    assert text.count(b"# EOF\n") == 1
    assert text.endswith(b"# EOF\n")
