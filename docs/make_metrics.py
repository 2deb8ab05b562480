"""Writes the tables of docs/metrics.md from the code: every metric, its type, unit, labels, and how
many series there can be. The prose around them stays as it is.

python docs/make_metrics.py            # writes the file
python docs/make_metrics.py --check    # exit code 1 if it is not what this would write

What a metric is called and what it means is asked of the collectors, over a small world that has
something of everything. Only the bounds on series are written here.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from prometheus_client.metrics_core import Metric  # noqa: E402

from tests.feeds import StandingFeed, make_snapshot  # noqa: E402
from validator import metrics  # noqa: E402
from validator.events.log import EventLog  # noqa: E402
from validator.events.webhooks import Webhooks, WebhookSettings  # noqa: E402
from validator.freshness import SourceStatus  # noqa: E402
from validator.groupings import Scheme  # noqa: E402
from validator.history.following import History  # noqa: E402
from validator.history.moments import Moments  # noqa: E402
from validator.inputs.live import Live, LiveSource  # noqa: E402
from validator.metrics.budget import MOST_CUSTOM_GROUPS, MOST_GROUPS, MOST_SERIES  # noqa: E402
from validator.metrics.columns import Columns  # noqa: E402
from validator.metrics.events import EventCollector  # noqa: E402
from validator.metrics.figures import MEASURES, Detail  # noqa: E402
from validator.metrics.history import HistoryCollector  # noqa: E402
from validator.metrics.networks import MOST_NETWORK_SERIES  # noqa: E402
from validator.metrics.probe import ProbeCollector, Target  # noqa: E402
from validator.metrics.reports import ScheduledReportCollector  # noqa: E402
from validator.reports.writing import Basis, Schedule  # noqa: E402
from validator.settings.history import HistorySettings  # noqa: E402
from validator.settings.metrics import MOST_WATCHED, MetricsSettings  # noqa: E402
from validator.tables.announced import AnnouncedRules  # noqa: E402
from validator.watch import Watch  # noqa: E402
from validator.web.streams import Streams  # noqa: E402

FILE = ROOT / "docs" / "metrics.md"
BEGIN, END = "<!-- made by docs/make_metrics.py: {} -->\n", "<!-- end -->\n"

BOUNDS = {
    "originsight_build_info": "1",
    "originsight_coverage_left_out_groups": "1 a scheme",
    "originsight_event_loop_lag_seconds": "14",
    "originsight_events_total": "1 a kind of event",
    "originsight_excluded_routes": "5",
    "originsight_group_info": "1 a group",
    "originsight_http_request_duration_seconds": "17 for each (path, method, status) that occurs",
    "originsight_input_rejected_rows": "1 for each (input, reason)",
    "originsight_input_state": "5 an input",
    "originsight_internet_users": "1 a country",
    "originsight_peers": "4",
    "originsight_routes": "6",
    "originsight_vrps": "2 a trust anchor",
    "originsight_webhook_attempts_total": "2 a webhook",
    "originsight_webhook_dropped_events_total": "2 a webhook",
}
UNITS = ("seconds", "addresses", "slash48s", "bytes")


class _Silent:
    async def run(self, channel: object) -> None:
        raise NotImplementedError


def everything() -> Iterator[Metric]:
    """Every metric of ours; of those that are not figures by group, with some series."""
    live = LiveSource(Live("rtr", "rtr:a:323", _Silent()), asyncio.Queue())
    snapshot = make_snapshot(rejected={"host-bits": 1})
    feed = StandingFeed(
        snapshot,
        (SourceStatus("vrps", "v.json", "fresh", 1000, 2000, content=900, cadence_seconds=60.0),),
        (live,),
    )
    settings = MetricsSettings(watch=("AS64496",), all_networks="networks.gz")
    built = metrics.build(feed, settings)
    registry = built.registry
    built.requests.observe("/metrics", "GET", 200, 0.01)
    hook = WebhookSettings(url="https://example.net/hook", secret_file=__file__)
    webhooks = Webhooks.open((hook,), ROOT)
    registry.register(EventCollector(Watch(10), Streams(EventLog(10), 1), webhooks))
    history = History(HistorySettings(), ROOT)
    history.last_written = 1000.0
    registry.register(HistoryCollector(history))
    basis = Basis(AnnouncedRules())
    schedule = Schedule((), ROOT, history.reader, Moments(None), basis)
    schedule.last_written = 1000.0
    registry.register(ScheduledReportCollector(schedule))
    for metric in registry.collect():
        if metric.name.startswith("originsight_") and not isinstance(metric, Columns):
            yield metric
    yield from {each.name: Columns(each.name, each.about) for each in MEASURES}.values()
    yield next(iter(ProbeCollector(snapshot, Target(Scheme.ASN, "AS64496")).collect()))


def name_of(metric: Metric) -> str:
    """As it is in the text: counters and infos have an ending."""
    ending = {"counter": "_total", "info": "_info"}.get(metric.type, "")
    return metric.name + ending


def labels_of(metric: Metric) -> list[str]:
    """In the order in which they matter, the same in every series."""
    names = {label for sample in metric.samples for label in sample.labels} - {"le"}
    for measure in MEASURES:
        if measure.name == metric.name:
            names |= {"scheme", "attribution", "group", measure.across}
            names |= set() if measure.of_networks else {"family"}
    first = ("kind", "source", "scheme", "attribution", "group", "family")
    return sorted(names, key=lambda label: (first.index(label) if label in first else 9, label))


def unit_of(name: str) -> str:
    stem = name.removesuffix("_total").removesuffix("_timestamp_seconds")
    if name.endswith("_timestamp_seconds"):
        return "seconds since 1970"
    return next((unit for unit in UNITS if stem.endswith(f"_{unit}")), "")


def coverage_bounds() -> dict[str, str]:
    """Of the figures by group: how many series a group has, of both attributions together."""
    found: dict[str, list[int]] = {}
    for measure in MEASURES:
        each = len(measure.kinds) * (1 if measure.of_networks else len(measure.families))
        twice = measure.detail is not Detail.ONCE and measure.across != "holdings"
        once, both = found.setdefault(measure.name, [0, 0])
        found[measure.name] = [once + each, both + each * (2 if twice else 1)]
    return {
        name: f"{both} a group" + (f", {once} a network" if "holdings" not in name else "")
        for name, (once, both) in found.items()
    }


def bound_of(metric: Metric, labels: list[str]) -> str:
    name = name_of(metric)
    if name in BOUNDS:
        return BOUNDS[name]
    if isinstance(metric, Columns):
        return coverage_bounds()[metric.name]
    if not labels:
        return "1"
    if labels == ["kind", "source"]:
        return "1 an input"
    if labels == ["webhook"]:
        return "1 a webhook"
    raise ValueError(f"{name} has labels and no bound: write one into docs/make_metrics.py")


def table(found: Iterable[Metric]) -> str:
    lines = [
        "| metric | type | unit | labels | series | what |",
        "|---|---|---|---|---|---|",
    ]
    for metric in sorted(found, key=name_of):
        labels = labels_of(metric)
        lines.append(
            f"| `{name_of(metric)}` | {metric.type} | {unit_of(name_of(metric))} | "
            f"{', '.join(labels)} | {bound_of(metric, labels)} | {metric.documentation} |"
        )
    return "\n".join(lines) + "\n"


def budget() -> str:
    """The most that the figures by group can be, and what is left for all else."""
    both = once = 0
    for measure in MEASURES:
        each = len(measure.kinds) * (1 if measure.of_networks else len(measure.families))
        twice = measure.detail is not Detail.ONCE and measure.across != "holdings"
        both += each * (2 if twice else 1)
        once += each if measure.across != "holdings" else 0
    rows = [
        ("registries, countries, classes of countries", MOST_GROUPS, both + 2),
        ("groups of the user's own schemes (`custom-…`)", MOST_CUSTOM_GROUPS, both + 1),
        ("networks of the watch list", MOST_WATCHED, once + 1),
    ]
    lines = ["| of | at most | series each | series |", "|---|---|---|---|"]
    lines += [f"| {of} | {most} | {each} | {most * each:,} |" for of, most, each in rows]
    total = sum(most * each for _, most, each in rows)
    rest = MOST_SERIES - total
    if rest < 0:
        raise ValueError(f"the budget is overdrawn by {-rest}")
    lines.append(f"| service, inputs, requests, process | | | {rest:,} left for them |")
    lines.append(f"| **`/metrics`** | | | **{MOST_SERIES:,}** |")
    networks = sum(
        len(measure.kinds) * len(measure.families)
        for measure in MEASURES
        if measure.detail is Detail.NETWORKS
    )
    lines.append("")
    lines.append(
        f"`/metrics/networks` has {networks // 2} series for each network and family that it "
        f"announces anything in: some 600,000, and at most {MOST_NETWORK_SERIES:,}."
    )
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """The file with its tables made anew."""
    for what, content in (("metrics", table(everything())), ("budget", budget())):
        begin = BEGIN.format(what)
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(END), re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{FILE.name} has no place for the table of {what}")
        text = pattern.sub(lambda _, new=begin + content + END: new, text)
    return text


def main() -> int:
    text = FILE.read_text()
    new = written(text)
    if "--check" in sys.argv[1:]:
        if new != text:
            sys.stderr.write("docs/metrics.md is not what docs/make_metrics.py writes\n")
        return new != text
    FILE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
