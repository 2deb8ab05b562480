"""The Grafana dashboards of config/grafana/ as their tests see them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.served import ROOT

GRAFANA = ROOT / "config" / "grafana"
FILES = sorted(GRAFANA.glob("*.json"))
INTERVALS = {"__rate_interval": "10s", "__interval": "1s", "__range": "30s"}
"""What Grafana fills in by itself, for a Prometheus that scrapes each second."""

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_LABEL_VALUES = re.compile(r"label_values\((.*), *(\w+)\)")

Values = Callable[[str, str], list[str]]
"""The values of a label among the series that a selector chooses."""


@dataclass(frozen=True)
class Asked:
    """One query of a panel, its variables filled."""

    panel: str
    expr: str
    over_time: bool


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GRAFANA / name).read_text())
    return document


def fill(text: str, values: Mapping[str, str]) -> str:
    """Grafana's substitution; a variable that nobody defines is an error."""
    return _VARIABLE.sub(lambda found: values[found[1]], text)


def variables(
    dashboard: Mapping[str, Any], known: Values, chosen: Mapping[str, str]
) -> dict[str, str]:
    """Each variable with a value: as ``chosen``, as the dashboard opens, or the first there is."""
    values = dict(INTERVALS)
    for variable in dashboard["templating"]["list"]:
        name, kind = variable["name"], variable["type"]
        if kind == "datasource":
            values[name] = "prometheus"
            continue
        first = variable["current"].get("value", "")
        if kind == "query":
            matched = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert matched, variable["query"]
            offered = known(fill(matched[1], values), matched[2])
            assert offered, f"nothing to choose as ${name}"
        else:
            offered = variable["query"].split(",")
        values[name] = chosen.get(name) or first or offered[0]
        assert values[name] in offered, f"${name} cannot be {values[name]}: {offered}"
    return values


def queries(dashboard: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Asked]:
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield Asked(panel["title"], fill(target["expr"], values), target["range"])
