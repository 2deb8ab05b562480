"""The Grafana dashboards: complete, consistent, current, and asking for what exists."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dashboards import FILES, INTERVALS, fill, load, queries
from tests.served import ROOT

_STATE_COLOURS = {"valid": "#0072B2", "invalid": "#D55E00", "not-found": "#9AA0A6"}
_EXAMPLE = {
    **INTERVALS,
    "datasource": "prometheus",
    "job": "originsight",
    "instance": "a:1",
    "scheme": "country",
    "group": "NL",
    "network": "AS64500",
    "family": "ipv4",
    "attribution": "address",
}

each_dashboard = pytest.mark.parametrize("name", [file.name for file in FILES])


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load(name)["panels"]
    return found


def test_there_are_the_four_that_are_promised() -> None:
    titles = {load(file.name)["title"].removeprefix("Originsight: ") for file in FILES}
    assert titles == {"Internet", "Region or country", "Network", "Service health"}


def test_the_files_are_what_the_script_writes() -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_dashboards.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@each_dashboard
def test_every_panel_says_what_it_shows_and_in_which_unit(name: str) -> None:
    for panel in panels(name):
        assert panel["title"]
        assert panel["description"].endswith((".", "?")), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["range"] is not target["instant"]
    assert len({panel["title"] for panel in panels(name)}) == len(panels(name))


@each_dashboard
def test_the_data_source_is_for_the_reader_to_choose(name: str) -> None:
    dashboard = load(name)
    first = dashboard["templating"]["list"][0]
    assert (first["name"], first["type"], first["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    for panel in panels(name):
        for place in (panel, *panel["targets"]):
            assert place["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert dashboard["uid"].startswith("originsight-")


@each_dashboard
def test_panels_have_their_own_numbers_and_places(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(name):
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in panels(name)]
    assert len(set(numbers)) == len(numbers)


@each_dashboard
def test_the_sample_is_said_to_be_one(name: str) -> None:
    (panel,) = [
        panel
        for panel in panels(name)
        if any("originsight_snapshot_sample" in target["expr"] for target in panel["targets"])
    ]
    assert panel["gridPos"]["y"] == 0
    words = [mapping["options"] for mapping in panel["fieldConfig"]["defaults"]["mappings"]]
    assert any("SAMPLE" in each["1"]["text"] for each in words if "1" in each)


@each_dashboard
def test_states_have_the_colours_that_they_have_everywhere(name: str) -> None:
    for panel in panels(name):
        colours = {
            override["matcher"]["options"]: override["properties"][0]["value"]["fixedColor"]
            for override in panel["fieldConfig"]["overrides"]
        }
        assert colours.items() >= _STATE_COLOURS.items(), panel["title"]


@each_dashboard
def test_a_share_has_one_and_zero_for_its_ends(name: str) -> None:
    for panel in panels(name):
        defaults = panel["fieldConfig"]["defaults"]
        if defaults["unit"] == "percentunit":
            assert (defaults["min"], defaults["max"]) == (0, 1), panel["title"]


@each_dashboard
def test_every_metric_that_is_asked_for_exists(name: str) -> None:
    documented = set(re.findall(r"`(originsight_\w+)`", (ROOT / "docs/metrics.md").read_text()))
    known = documented | {
        f"{metric}_{part}" for metric in documented for part in ("bucket", "count", "sum")
    }
    recorded = set(
        re.findall(r"record: (\S+)", (ROOT / "config/prometheus/recording.yml").read_text())
    )
    for asked in queries(load(name), _EXAMPLE):
        named = set(re.findall(r"[a-z_]*:?originsight_\w+(?::\w+)?", asked.expr))
        assert named <= known | recorded, asked.panel


def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here: install the Debian package prometheus")
    lines = ["groups:", "  - name: panels", "    rules:"]
    for number, asked in enumerate(
        asked for file in FILES for asked in queries(load(file.name), _EXAMPLE)
    ):
        lines += [f"      - record: panel:number_{number}", "        expr: |"]
        lines.append(f"          {asked.expr}")
    rules = tmp_path / "panels.yml"
    rules.write_text("\n".join(lines) + "\n")
    ran = subprocess.run(
        [promtool, "check", "rules", rules], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@each_dashboard
def test_annotations_and_variables_use_only_variables_that_are_there(name: str) -> None:
    dashboard = load(name)
    named = {variable["name"] for variable in dashboard["templating"]["list"]}
    values = dict.fromkeys(named, "a") | INTERVALS
    for annotation in dashboard["annotations"]["list"]:
        fill(annotation["expr"], values)
    for asked in queries(dashboard, values):
        assert "$" not in asked.expr
