"""The metrics: right figures, no duplicates, nothing a client can blow up."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.freshness import SourceStatus
from validator.metrics.buckets import Buckets
from validator.metrics.requests import UNMATCHED

_STATUSES = (
    SourceStatus("vrps", "https://me:secret@host/v.json", "fresh", 1000, 2000, "", 4),
    SourceStatus("routes", "routes.csv", "failed", 900, 2000, "routes.csv: gone", 5),
    SourceStatus("routes", "routes.csv", "fresh", 1100, 2100, "", 5),
    SourceStatus("resources", "delegated", "starting"),
)


def _built(feed: StandingFeed) -> metrics.Metrics:
    return metrics.build(feed)


def _value(feed: StandingFeed, name: str, **labels: str) -> float | None:
    return _built(feed).registry.get_sample_value(name, labels)


def test_every_series_occurs_once_in_both_formats() -> None:
    feed = StandingFeed(make_snapshot(rejected={"host-bits": 2}), _STATUSES)
    registry = _built(feed).registry
    formats: tuple[tuple[Any, Any], ...] = (
        (generate_latest, parse_text),
        (generate_openmetrics, parse_openmetrics),
    )
    for write, parse in formats:
        text = write(registry)
        series = Counter(
            (sample.name, tuple(sorted(sample.labels.items())))
            for family in parse(text.decode())
            for sample in family.samples
        )
        assert series
        assert {key for key, count in series.items() if count > 1} == set()


def test_every_metric_of_ours_is_named_and_described() -> None:
    for family in _built(StandingFeed(make_snapshot(), _STATUSES)).registry.collect():
        if not family.name.startswith(("process_", "python_")):
            assert family.name.startswith("originsight_")
            assert family.documentation.endswith(".")


def test_before_the_first_snapshot_the_generation_is_zero_and_inputs_are_shown() -> None:
    feed = StandingFeed(None, _STATUSES)
    assert _value(feed, "originsight_snapshot_generation") == 0
    assert _value(feed, "originsight_input_up", kind="resources", source="delegated") == 0
    assert _value(feed, "originsight_routes", family="ipv4", state="valid") is None


def test_routes_are_counted_by_family_and_state_with_zeros_kept() -> None:
    feed = StandingFeed(make_snapshot())
    found = {
        (family, state): _value(feed, "originsight_routes", family=family, state=state)
        for family in ("ipv4", "ipv6")
        for state in ("valid", "invalid", "not-found")
    }
    assert found == {
        ("ipv4", "valid"): 1,
        ("ipv4", "invalid"): 2,
        ("ipv4", "not-found"): 1,
        ("ipv6", "valid"): 1,
        ("ipv6", "invalid"): 0,
        ("ipv6", "not-found"): 0,
    }
    assert _value(feed, "originsight_excluded_routes", reason="too-specific") == 1
    assert _value(feed, "originsight_excluded_routes", reason="default-route") == 0


def test_vrps_are_counted_by_family_and_trust_anchor() -> None:
    feed = StandingFeed(make_snapshot())
    for family, anchor, count in (
        ("ipv4", "ripe", 1),
        ("ipv4", "apnic", 2),
        ("ipv6", "ripe", 1),
        ("ipv6", "apnic", 0),
    ):
        assert _value(feed, "originsight_vrps", family=family, trust_anchor=anchor) == count


def test_coverage_shows_numerators_and_denominators_of_every_group() -> None:
    feed = StandingFeed(make_snapshot())
    labels = {"scheme": "country", "attribution": "address"}

    def value(name: str, **more: str) -> float | None:
        return _value(feed, f"originsight_coverage_{name}", **labels, **more)

    assert value("routes", group="NL", family="ipv4", state="valid") == 1
    assert value("routes", group="ZZ", family="ipv4", state="not-found") == 1
    assert value("space_addresses", group="NL", family="ipv4", space="announced") == 256
    assert value("space_addresses", group="ZZ", family="ipv4", space="invalid") == 256
    assert value("space_slash48s", group="NL", family="ipv6", space="valid") == 65536


def test_no_metric_is_a_ratio() -> None:
    for family in _built(StandingFeed(make_snapshot(), _STATUSES)).registry.collect():
        assert not family.name.endswith(("_ratio", "_share", "_percent"))


def test_a_source_that_is_given_twice_is_one_series_with_the_worse_state() -> None:
    feed = StandingFeed(None, _STATUSES)
    labels = {"kind": "routes", "source": "routes.csv"}
    assert _value(feed, "originsight_input_up", **labels) == 0
    assert _value(feed, "originsight_input_rows", **labels) == 10
    assert _value(feed, "originsight_input_last_loaded_timestamp_seconds", **labels) == 900


def test_the_password_of_a_source_is_not_exposed() -> None:
    text = generate_latest(_built(StandingFeed(make_snapshot(), _STATUSES)).registry).decode()
    assert "https://me:***@host/v.json" in text
    assert "secret" not in text


def test_rejected_rows_are_counted_by_reason() -> None:
    feed = StandingFeed(make_snapshot(rejected={"host-bits": 2, "max-length": 1}))
    labels = {"kind": "vrp-export", "source": "vrps.json"}
    name = "originsight_input_rejected_rows"
    assert _value(feed, name, **labels, reason="host-bits") == 2
    assert _value(feed, name, **labels, reason="max-length") == 1


def test_reloads_are_counters() -> None:
    feed = StandingFeed(reloads_total=9, reload_failures_total=2)
    assert _value(feed, "originsight_reloads_total") == 9
    assert _value(feed, "originsight_reload_failures_total") == 2


def test_a_client_cannot_make_up_labels() -> None:
    built = _built(StandingFeed())
    for number in range(1000):
        built.requests.observe(UNMATCHED, f"METHOD{number}", 404, 0.1)
    text = generate_latest(built.registry).decode()
    counts = [line for line in text.splitlines() if "request_duration_seconds_count{" in line]
    assert counts == [
        "originsight_http_request_duration_seconds_count"
        '{method="other",route="unmatched",status="404"} 1000.0'
    ]


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, "0.1"), (0.1, "0.1"), (0.11, "0.5"), (9.0, "+Inf")]
)
def test_a_bucket_holds_what_is_at_most_its_bound(value: float, bucket: str) -> None:
    buckets = Buckets((0.1, 0.5))
    buckets.observe(value)
    cumulative, total = buckets.cumulative()
    assert next(bound for bound, count in cumulative if count) == bucket
    assert cumulative[-1] == ("+Inf", 1.0)
    assert total == value


async def test_a_held_event_loop_is_seen_as_lag() -> None:
    import time

    built = _built(StandingFeed())
    watch = asyncio.create_task(built.loop_lag.watch())
    await asyncio.sleep(0.05)
    time.sleep(0.3)  # noqa: ASYNC251 - what the metric is there to show
    await asyncio.sleep(0.05)
    watch.cancel()
    held = built.registry.get_sample_value("originsight_event_loop_lag_seconds_sum")
    assert held is not None
    assert held > 0.1
