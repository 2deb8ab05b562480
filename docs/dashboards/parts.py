"""What Grafana dashboards are made of here: queries, panels, variables, and their places.

States have one colour everywhere, a gap is a gap, and every dashboard begins with what is shown:
whether it is the sample, how old it is, whether it can be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

COLOURS = {"valid": "#0072B2", "invalid": "#D55E00", "not-found": "#9AA0A6", "announced": "#202124"}
"""Of states, everywhere the same, and safe for colour-blind readers."""
SCHEMA = 39
"""Grafana's own number of the format: that of Grafana 10.3 to 11."""
COLUMNS = 24

HERE = 'job="$job", instance="$instance"'
SHARE, COUNT, SECONDS, BYTES = "percentunit", "short", "s", "bytes"
DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Query:
    """What Prometheus is asked. ``range``: over time, else as of now."""

    expr: str
    legend: str = ""
    range: bool = True
    table: bool = False


@dataclass(frozen=True)
class Panel:
    kind: str
    title: str
    about: str
    unit: str
    queries: Sequence[Query]
    width: int = 8
    height: int = 8
    stacked: bool = False
    lowest: float | None = 0
    highest: float | None = None
    decimals: int | None = None
    thresholds: Sequence[tuple[float | None, str]] = ((None, "#0072B2"),)
    words: Sequence[tuple[str, str, str]] = ()
    """Values that are shown as words: value, word, colour."""
    named: bool = False
    """A stat shows the name of its series, and not its value."""

    def json(self, number: int, x: int, y: int) -> dict[str, Any]:
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.about,
            "datasource": DATA_SOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "datasource": DATA_SOURCE,
                    "expr": query.expr,
                    "legendFormat": query.legend or "__auto",
                    "range": query.range,
                    "instant": not query.range,
                    "format": "table" if query.table else "time_series",
                    "editorMode": "code",
                }
                for place, query in enumerate(self.queries)
            ],
            "fieldConfig": {"defaults": self._defaults(), "overrides": _state_colours()},
            "options": self._options(),
        }

    def _defaults(self) -> dict[str, Any]:
        steps = [{"color": colour, "value": value} for value, colour in self.thresholds]
        defaults: dict[str, Any] = {
            "unit": self.unit,
            "color": {"mode": "palette-classic" if self.kind == "timeseries" else "thresholds"},
            "thresholds": {"mode": "absolute", "steps": steps},
            "mappings": [
                {
                    "type": "value",
                    "options": {value: {"text": word, "color": colour, "index": index}},
                }
                for index, (value, word, colour) in enumerate(self.words)
            ],
            "noValue": "no data",
        }
        if self.lowest is not None:
            defaults["min"] = self.lowest
        if self.highest is not None:
            defaults["max"] = self.highest
        if self.decimals is not None:
            defaults["decimals"] = self.decimals
        if self.kind == "timeseries":
            defaults["custom"] = {
                "drawStyle": "line",
                "lineWidth": 1 if self.stacked else 2,
                "fillOpacity": 60 if self.stacked else 0,
                "showPoints": "never",
                "spanNulls": False,  # a gap is a gap
                "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
            }
        return defaults

    def _options(self) -> dict[str, Any]:
        reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        if self.kind == "timeseries":
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        if self.kind == "stat":
            return {
                "reduceOptions": reduced,
                "colorMode": "background" if self.words else "value",
                "graphMode": "none",
                "textMode": "name" if self.named else "auto",
                "justifyMode": "auto",
                "orientation": "auto",
            }
        if self.kind == "bargauge":
            return {
                "reduceOptions": reduced,
                "displayMode": "basic",
                "orientation": "horizontal",
                "showUnfilled": True,
                "valueMode": "text",
            }
        return {"showHeader": True, "cellHeight": "sm"}


def _state_colours() -> list[dict[str, Any]]:
    return [
        {
            "matcher": {"id": "byName", "options": state},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for state, colour in COLOURS.items()
    ]


# -------------------------------------------------------------------------------------- variables


def asked(name: str, label: str, query: str, first: str = "") -> dict[str, Any]:
    """A variable whose values Prometheus knows."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATA_SOURCE,
        "query": {"query": query, "refId": "StandardVariableQuery"},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": False,
        "includeAll": False,
        "current": {"text": first, "value": first, "selected": True} if first else {},
        "options": [],
        "hide": 0,
    }


def fixed(name: str, label: str, values: Sequence[str]) -> dict[str, Any]:
    """A variable whose values are known."""
    options = [
        {"text": value, "value": value, "selected": not place} for place, value in enumerate(values)
    ]
    return {
        "name": name,
        "label": label,
        "type": "custom",
        "query": ",".join(values),
        "multi": False,
        "includeAll": False,
        "current": options[0],
        "options": options,
        "hide": 0,
    }


SOURCE = {
    "name": "datasource",
    "label": "Data source",
    "type": "datasource",
    "query": "prometheus",
    "refresh": 1,
    "multi": False,
    "includeAll": False,
    "current": {},
    "options": [],
    "hide": 0,
}
SERVICE = [
    SOURCE,
    asked("job", "Job", "label_values(originsight_build_info, job)", "originsight"),
    asked("instance", "Service", 'label_values(originsight_build_info{job="$job"}, instance)'),
]
FAMILY = fixed("family", "Family", ("ipv4", "ipv6"))
ATTRIBUTION = fixed("attribution", "Attributed by", ("address", "origin"))


# ----------------------------------------------------------------------------------- what is shared


def what_is_shown() -> list[Panel]:
    """At the top of every dashboard: is this real, how old is it, can it be trusted."""
    return [
        Panel(
            "stat",
            "What is this?",
            "SAMPLE: the service shows a fictional Internet, and no figure says anything about a "
            "real network.",
            "none",
            [Query(f"originsight_snapshot_sample{{{HERE}}}", "data", range=False)],
            height=4,
            words=(("0", "Real data", "#0072B2"), ("1", "SAMPLE: fictional data", "#B00020")),
        ),
        Panel(
            "stat",
            "How old is it?",
            "The time since the snapshot in force was made; a change of an input makes another.",
            SECONDS,
            [
                Query(
                    f"time() - originsight_snapshot_created_timestamp_seconds{{{HERE}}}",
                    "age",
                    range=False,
                )
            ],
            height=4,
            decimals=0,
            thresholds=((None, "#0072B2"), (86400, "#D55E00")),
        ),
        Panel(
            "stat",
            "Can it be trusted?",
            "Degraded: an input was in trouble when the snapshot was made. Do not take a change of "
            "the figures for a change of the Internet.",
            "none",
            [Query(f"originsight_snapshot_degraded{{{HERE}}}", "inputs", range=False)],
            height=4,
            words=(("0", "All inputs fresh", "#0072B2"), ("1", "DEGRADED", "#D55E00")),
        ),
    ]


def share_stat(title: str, about: str, expr: str, width: int = 6) -> Panel:
    return Panel(
        "stat", title, about, SHARE, [Query(expr, "share", range=False)], width, 4,
        highest=1, decimals=1,
    )  # fmt: skip


def dashboard(
    name: str, title: str, about: str, variables: Sequence[dict[str, Any]], panels: Sequence[Panel]
) -> dict[str, Any]:
    placed: list[dict[str, Any]] = []
    x = y = row_height = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        placed.append(panel.json(number, x, y))
        x, row_height = x + panel.width, max(row_height, panel.height)
    return {
        "uid": f"originsight-{name}",
        "title": f"Originsight: {title}",
        "description": about,
        "tags": ["originsight", "rpki"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "utc",
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": list(variables)},
        "annotations": {
            "list": [
                {
                    "name": "Degraded",
                    "datasource": DATA_SOURCE,
                    "enable": True,
                    "iconColor": "#D55E00",
                    "expr": f"originsight_snapshot_degraded{{{HERE}}} == 1",
                    "titleFormat": "degraded",
                }
            ]
        },
        "links": [
            {
                "type": "dashboards",
                "tags": ["originsight"],
                "title": "Originsight",
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "panels": placed,
    }


OVERLAP = (
    "Kinds overlap, since a more-specific can be valid while its aggregate is not: their shares "
    "need not add up to 1."
)
NOT_LOCATION = "Registration is not location."


def filtering(groups: str) -> Panel:
    """Whether invalid routes are dropped on their way, for the groups that a selector chooses."""
    of = f'{HERE}, {groups}, family="$family"'
    return Panel(
        "timeseries",
        "Are invalid routes dropped?",
        "Of the full-feed peers that could show a valid, or an invalid, route: the share that "
        "does. The lower that of invalid routes, the more of the Internet drops them. Vantage "
        "points see a biased part of the world.",
        SHARE,
        [
            Query(
                f"sum by(state) (originsight_coverage_sightings{{{of}}}) "
                f"/ (sum by(state) (originsight_coverage_watched_routes{{{of}}}) > 0) "
                f'/ scalar(originsight_peers{{{HERE}, family="$family", feed="full"}})',
                "{{state}}",
            )
        ],
        12,
        highest=1,
    )


def with_ipv6(groups: str) -> Panel:
    """How many networks announce IPv6."""

    def networks(which: str) -> str:
        return f'sum(originsight_coverage_networks{{{HERE}, {groups}, networks="{which}"}})'

    return Panel(
        "timeseries",
        "Networks that announce IPv6",
        "Networks that originate an IPv6 route, and those that announce only IPv4.",
        COUNT,
        [
            Query(networks("ipv6"), "with IPv6"),
            Query(f"{networks('announcing')} - {networks('ipv6')}", "IPv4 alone"),
        ],
        12,
        stacked=True,
    )
