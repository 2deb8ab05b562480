"""The example alerts, by Prometheus's own tools: right, firing when they should, on what exists."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from tests.feeds import StandingFeed, make_snapshot
from tests.served import ROOT
from validator import metrics
from validator.event_log import EventLog
from validator.freshness import SourceStatus
from validator.live_inputs import Live, LiveSource
from validator.metrics.events import EventCollector
from validator.watch import Watch
from validator.web.streams import Streams
from validator.webhooks import Webhooks

PROMETHEUS = ROOT / "config" / "prometheus"


def promtool(*arguments: str | Path) -> None:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool here: install the Debian package prometheus")
    ran = subprocess.run(
        [found, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_accepts_the_example() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")
    promtool("check", "rules", PROMETHEUS / "alerts.yml")


def test_each_alert_fires_on_what_it_is_for_and_not_before() -> None:
    promtool("test", "rules", ROOT / "tests" / "fixtures" / "alerts_test.yml")


def test_every_alert_has_a_test() -> None:
    rules = (PROMETHEUS / "alerts.yml").read_text()
    tests = (ROOT / "tests" / "fixtures" / "alerts_test.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) == len(set(alerts)) == 11
    for alert in alerts:
        assert re.search(rf"alertname: {alert}\n *exp_alerts:\n", tests), alert


class _Silent:
    async def run(self, channel: object) -> None:
        raise NotImplementedError


def test_every_metric_that_an_alert_names_is_there() -> None:
    live = LiveSource(Live("rtr", "rtr:a:323", _Silent()), asyncio.Queue())
    feed = StandingFeed(make_snapshot(), (SourceStatus("vrps", "v.json", "fresh"),), (live,))
    shown = generate_latest(metrics.build(feed).registry).decode()
    named = set(re.findall(r"originsight_\w+", (PROMETHEUS / "alerts.yml").read_text()))
    assert len(named) > 7
    assert {name for name in named if f"\n{name}" not in shown} == set()


def test_every_metric_of_ours_is_documented_and_no_other() -> None:
    live = LiveSource(Live("rtr", "rtr:a:323", _Silent()), asyncio.Queue())
    feed = StandingFeed(
        make_snapshot(rejected={"host-bits": 1}),
        (SourceStatus("vrps", "v.json", "fresh", cadence_seconds=60.0),),
        (live,),
    )
    registry = metrics.build(feed).registry
    registry.register(EventCollector(Watch(10), Streams(EventLog(10), 1), Webhooks.open((), ROOT)))
    shown = generate_latest(registry).decode()
    there = set(re.findall(r"^# HELP (originsight_\w+)", shown, re.MULTILINE))
    table = (ROOT / "docs" / "metrics.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", table, re.MULTILINE))
    assert there == set(told)
    for name, text in told.items():
        assert f"# HELP {name} {text}\n" in shown, "the same words in both"
