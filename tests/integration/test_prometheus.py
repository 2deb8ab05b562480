"""A real Prometheus with our configuration: scrapes, probes, rules, and the query of every panel.

The service is the sample world's, as anybody can start it; ports and intervals of the configuration
are replaced, nothing else. What Grafana would ask is asked of Prometheus's own API.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # comes with the OpenAPI validator, without types

from tests.integration.dashboards import FILES, Asked, load, queries, variables
from tests.served import PATIENCE_SECONDS, ROOT, Served, served
from validator.sample import write_world

EXAMPLE = ROOT / "config" / "prometheus"
SERVICE = "127.0.0.1:8480"
WATCHED = ["AS64514", "AS64512"]
SCRAPES = 5
"""Before rates are asked for."""


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: install the Debian package prometheus")
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The sample service, with a watch list and the file of all networks."""
    _tool("prometheus")
    folder = tmp_path_factory.mktemp("sample")
    write_world(folder / "sample")
    text = (ROOT / "config" / "sample.toml").read_text()
    text = text.replace("../var/sample/", "sample/").replace("../var/cache/sample", "cache")
    text = text.replace('"groups', f'"{ROOT}/config/groups')
    watch = json.dumps(WATCHED)
    lines = [line for line in text.splitlines() if not line.startswith("watch = ")]
    metrics = f'[metrics]\nwatch = {watch}\nall_networks = "networks.gz"\n'
    text = "\n".join(line for line in lines if line != "[metrics]") + "\n" + metrics
    config = folder / "config.toml"
    config.write_text(text)
    with served(config) as running:
        running.wait_until_ready()
        running.wait_for("networks written", lambda: running.get("/metrics/networks")[0] == 200)
        yield running


@dataclass
class Prometheus:
    """A running one, and what it was told."""

    process: subprocess.Popen[bytes]
    url: str
    instance: str

    def ask(self, path: str, **query: str) -> Any:
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as refused:
            if refused.code == 503:  # it listens, and is not ready yet
                raise
            raise AssertionError(f"{query}: {refused.read().decode()}") from None

    def result(self, query: str) -> list[dict[str, Any]]:
        return list(self.ask("query", query=query)["result"])

    def label_values(self, selector: str, label: str) -> list[str]:
        return list(self.ask(f"label/{label}/values", **{"match[]": selector}))

    def wait_for(self, what: str, reached: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert self.process.poll() is None, "Prometheus ended"
            assert time.monotonic() < end, f"never {what}"
            try:
                if reached():
                    return
            except OSError:
                pass  # not listening yet
            time.sleep(0.2)


@pytest.fixture(scope="module")
def prometheus(service: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """With the example's configuration, each second instead of each half minute."""
    folder = tmp_path_factory.mktemp("prometheus")
    for file in EXAMPLE.iterdir():
        shutil.copy(file, folder)
    instance = service.url.removeprefix("http://")
    text = (EXAMPLE / "prometheus.yml").read_text()
    assert text.count(SERVICE) == 3, "the service, the probes, and the networks that are no job"
    text = text.replace(SERVICE, instance)
    for often in ("30s", "60s"):
        text = text.replace(f"interval: {often}", "interval: 1s")
    (folder / "prometheus.yml").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [
            _tool("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        cwd=folder,
        stdout=log,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: os.nice(5),  # noqa: PLW1509 - we have no threads that matter
    )
    running = Prometheus(process, f"http://127.0.0.1:{port}", instance)
    try:
        scraped = f"count_over_time(up{{job='originsight'}}[1m]) >= {SCRAPES}"
        running.wait_for("scraped often enough", lambda: running.result(scraped))
        running.wait_for(
            "recorded",
            lambda: running.result("scheme_family:originsight_coverage_routes_valid:median"),
        )
        yield running
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        log.close()


def test_every_target_of_the_configuration_is_up(prometheus: Prometheus) -> None:
    targets = prometheus.ask("targets")["activeTargets"]
    probed = yaml.safe_load((EXAMPLE / "probe-targets.yml").read_text())[0]["targets"]
    assert {each["scrapePool"] for each in targets} == {"originsight", "originsight-probe"}
    assert len(targets) == 1 + len(probed)
    for each in targets:
        assert (each["health"], each["lastError"]) == ("up", ""), each["scrapeUrl"]


def test_what_is_probed_has_its_own_series(prometheus: Prometheus) -> None:
    found = prometheus.result("originsight_probe_success")
    probed = yaml.safe_load((EXAMPLE / "probe-targets.yml").read_text())[0]["targets"]
    assert {each["metric"]["target"]: each["value"][1] for each in found} == dict.fromkeys(
        probed, "1"
    )
    assert {each["metric"]["instance"] for each in found} == {prometheus.instance}


def test_a_probe_and_the_metrics_say_the_same(prometheus: Prometheus) -> None:
    name = "originsight_coverage_routes"
    for labels in ('scheme="asn", group="AS64514"', 'scheme="country", group="NL"'):
        by_job = [
            {
                tuple(
                    sorted((k, v) for k, v in each["metric"].items() if k not in leave_out)
                ): each["value"][1]
                for each in prometheus.result(f'{name}{{{labels}, job="{job}"}}')
            }
            for leave_out in [("job", "target", "__name__")]
            for job in ("originsight", "originsight-probe")
        ]
        assert by_job[0] == by_job[1]
        assert sum(map(int, by_job[0].values())) > 0


def test_all_rules_are_in_force_and_well(prometheus: Prometheus) -> None:
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    text = "".join((EXAMPLE / name).read_text() for name in ("alerts.yml", "recording.yml"))
    assert len(rules) == text.count("- alert:") + text.count("- record:")
    for rule in rules:
        assert (rule["health"], rule.get("lastError", "")) == ("ok", ""), rule["name"]
    missing = {
        rule["name"]
        for rule in rules
        if rule["type"] == "recording" and not prometheus.result(rule["name"])
    }
    assert missing == set()


def test_recorded_ratios_are_those_of_the_service(service: Served, prometheus: Prometheus) -> None:
    rows = service.json("/api/v1/coverage?by=rir&family=ipv4")["rows"]
    for recorded, field in (
        ("routes_valid", "valid_share"),
        ("routes_covered", "coverage"),
        ("routes_accurate", "accuracy"),
        ("space_valid", "space_valid_share"),
        ("space_covered", "space_coverage"),
    ):
        found = prometheus.result(
            f'group_family:originsight_coverage_{recorded}:ratio{{job="originsight", '
            'scheme="rir", attribution="address", family="ipv4"}'
        )
        got = {each["metric"]["group"]: float(each["value"][1]) for each in found}
        assert got == pytest.approx(
            {row["group"]: row[field] for row in rows if row[field] is not None}
        )


def _empty(prometheus: Prometheus, asked: Asked) -> bool:
    """Whether a query, over time or as of now, gives no number at all."""
    if asked.over_time:
        now = time.time()
        found = prometheus.ask(
            "query_range", query=asked.expr, start=str(now - 10), end=str(now), step="1"
        )["result"]
        values = [value for series in found for _, value in series["values"]]
    else:
        values = [series["value"][1] for series in prometheus.result(asked.expr)]
    return all(value == "NaN" for value in values)


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_every_panel_has_something_to_show(prometheus: Prometheus, name: str) -> None:
    dashboard = load(name)
    values = variables(
        dashboard,
        prometheus.label_values,
        {"instance": prometheus.instance, "network": WATCHED[0], "group": "NL"},
    )
    asked = list(queries(dashboard, values))
    assert len(asked) >= len(dashboard["panels"]) > 10
    assert [each for each in asked if _empty(prometheus, each)] == []


def test_the_dashboards_say_that_this_is_the_sample(prometheus: Prometheus) -> None:
    (sample,) = prometheus.result("originsight_snapshot_sample")
    assert sample["value"][1] == "1"


def test_promtool_finds_nothing_to_complain_about_in_a_probe_or_all_networks(
    service: Served,
) -> None:
    for path in ("/probe?target=AS64514", "/probe?target=country:NL", "/metrics/networks"):
        status, text = service.get(path)
        assert status == 200
        checked = subprocess.run(
            [_tool("promtool"), "check", "metrics"],
            input=text,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, b""), path


def test_the_whole_configuration_passes_promtool(prometheus: Prometheus, tmp_path: Path) -> None:
    """As it is written, its job for all networks no longer a comment."""
    for file in EXAMPLE.iterdir():
        shutil.copy(file, tmp_path)
    text = (EXAMPLE / "prometheus.yml").read_text()
    head, _, job = text.partition("  # - job_name: originsight-networks")
    job = "  # - job_name: originsight-networks" + job
    (tmp_path / "prometheus.yml").write_text(head + job.replace("  # ", "  "))
    ran = subprocess.run(
        [_tool("promtool"), "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "originsight-networks" in job
