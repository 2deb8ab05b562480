"""The example rules, by Prometheus's own tools: right, firing when they should, on what exists."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # comes with the OpenAPI validator, without types
from prometheus_client import generate_latest

from tests.feeds import StandingFeed, make_snapshot
from tests.served import ROOT
from validator import metrics
from validator.freshness import SourceStatus
from validator.history.following import History
from validator.history.moments import Moments
from validator.inputs.live import Live, LiveSource
from validator.metrics.figures import MEASURES
from validator.metrics.history import HistoryCollector
from validator.metrics.probe import ProbeCollector, parse
from validator.metrics.reports import ScheduledReportCollector
from validator.reports.writing import Basis, Schedule
from validator.settings.history import HistorySettings
from validator.settings.metrics import MetricsSettings
from validator.tables.announced import AnnouncedRules

PROMETHEUS = ROOT / "config" / "prometheus"
TESTS = sorted((ROOT / "tests" / "fixtures").glob("alerts_*test.yml"))


def promtool(*arguments: str | Path) -> None:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool here: install the Debian package prometheus")
    ran = subprocess.run(
        [found, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def rules() -> list[dict[str, Any]]:
    """All rules of all files that the example configuration names."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    return [
        rule
        for name in config["rule_files"]
        for group in yaml.safe_load((PROMETHEUS / name).read_text())["groups"]
        for rule in group["rules"]
    ]


def scenes() -> list[dict[str, Any]]:
    return [scene for file in TESTS for scene in yaml.safe_load(file.read_text())["tests"]]


def test_promtool_accepts_the_example() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")
    promtool("check", "rules", PROMETHEUS / "alerts.yml", PROMETHEUS / "recording.yml")


def test_each_rule_does_what_it_is_for_and_no_more() -> None:
    promtool("test", "rules", *TESTS)


def test_every_alert_is_tested_both_firing_and_silent() -> None:
    alerts = [rule["alert"] for rule in rules() if "alert" in rule]
    assert len(alerts) == len(set(alerts)) == 19
    firing: set[str] = set()
    silent: set[str] = set()
    for scene in scenes():
        for each in scene.get("alert_rule_test", ()):
            (firing if each["exp_alerts"] else silent).add(each["alertname"])
    assert firing == silent == set(alerts)


def test_every_recorded_ratio_is_tested_and_named_as_prometheus_wants_it() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert all(re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", name) for name in recorded)
    tested = {
        re.match(r"[\w:]+", each["expr"])[0]  # type: ignore[index]
        for scene in scenes()
        for each in scene.get("promql_expr_test", ())
    }
    assert tested == recorded


def test_every_alert_says_what_to_do() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("critical", "warning")
            assert set(rule["annotations"]) == {"summary", "action"}


class _Silent:
    async def run(self, channel: object) -> None:
        raise NotImplementedError


def test_every_metric_that_a_rule_names_is_there(tmp_path: Path) -> None:
    live = LiveSource(Live("rtr", "rtr:a:323", _Silent()), asyncio.Queue())
    feed = StandingFeed(make_snapshot(), (SourceStatus("vrps", "v.json", "fresh"),), (live,))
    settings = MetricsSettings(all_networks="networks.gz")
    built = metrics.build(feed, settings, tmp_path)
    history = History(HistorySettings(), tmp_path)
    built.registry.register(HistoryCollector(history))
    schedule = Schedule((), tmp_path, history.reader, Moments(None), Basis(AnnouncedRules()))
    built.registry.register(ScheduledReportCollector(schedule))
    shown = generate_latest(built.registry).decode()
    assert feed.snapshot is not None
    probe = ProbeCollector(feed.snapshot, parse("AS64496"))
    shown += generate_latest(probe).decode()
    named = {
        name for rule in rules() for name in re.findall(r"(?<![:\w])originsight_\w+", rule["expr"])
    }
    by_group = {measure.name for measure in MEASURES}  # which of them there are: test_prometheus.py
    assert len(named) > 15
    assert {name for name in named - by_group if f"\n{name}" not in shown} == set()
