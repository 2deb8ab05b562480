"""How a group stands to its targets, as it is told: the shapes in JSON, the lines in CSV, the
table, and the sentence that sums one up.

The command line prints the same from files and from a running service, and the service answers with
these shapes: so nothing here computes. Wherever a line is carried on it is called what it is, a
*linear projection*.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from validator.planning.text import share_text
from validator.targets.progress import DAYS_IN_YEAR

METHOD = "linear projection"
CAVEAT = (
    "A linear projection is the straight line through the latest years carried on, and no "
    "forecast: it says where that pace would lead. The band is two standard errors of prediction; "
    "days that follow each other are not independent, so it is narrower than what one can know."
)
_FIGURES = {
    "valid_share": "valid share of announced {family} routes",
    "coverage": "coverage of announced {family} routes",
    "accuracy": "valid share of covered {family} routes",
    "space_valid_share": "valid share of announced {family} space",
    "space_coverage": "coverage of announced {family} space",
}
_OUTLOOKS = {
    "on-course": "on course: all of the band is there",
    "uncertain": "uncertain: the target lies within the band",
    "off-course": "off course: all of the band is below",
    "unknown": "unknown",
}


class ProjectedDay(msgspec.Struct, frozen=True):
    """The line and its band on a day, cut to between 0 and 1."""

    day: str
    value: float
    low: float
    high: float


class LinearProjection(msgspec.Struct, frozen=True, kw_only=True):
    """Where the straight line through ``days_used`` days from ``first`` to ``last`` leads:
    ``value`` on the target's day, from ``low`` to ``high`` with two standard errors of prediction;
    null if that day has gone by. ``pace`` is the line's, as a share per year. ``gets_there``: the
    day on which the line is at the target; null if it does not rise, or would take more than a
    hundred years. ``points``: some days from ``last`` to the target's."""

    method: str
    first: str
    last: str
    days_used: int
    pace: float
    value: float | None
    low: float | None
    high: float | None
    gets_there: str | None
    points: list[ProjectedDay]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast it has moved over the latest ``years``, by a line through the days from ``first`` to
    ``last``: a share per year. Null if there is no such line; ``refused`` says why. Of a younger
    history these are all days there are."""

    years: int
    first: str | None
    last: str | None
    days_used: int
    pace: float | None
    refused: str


class TargetOut(msgspec.Struct, frozen=True, kw_only=True):
    """A target, and how the group stands to it. Shares are fractions of 1, paces shares per year.

    ``value`` is to be reached by the day ``by``; ``configured`` unless it was put together by
    whoever asks. ``share`` is the one of ``day``, the latest day that is not degraded, ``missing``
    what it lacks, ``pace_needed`` that over the years left (0: nothing is missing, null: no time is
    left). ``reached_first``: the first recorded day on which it was there. ``outlook``:
    ``reached``; ``past``, the day has gone by; ``on-course`` if all of the projection's band is at
    the target or above, ``off-course`` if all is below, else ``uncertain``; ``unknown`` without a
    projection, and ``refused`` says why there is none. ``days_degraded`` and ``days_empty``
    (nothing announced) of the projection's years are left out of it. ``sentence`` says it in
    words."""

    family: str
    figure: str
    attribution: str
    value: float
    year: int
    by: str
    name: str
    configured: bool
    day: str | None
    numerator: int | None
    denominator: int | None
    share: float | None
    missing: float | None
    reached: bool
    reached_first: str | None
    outlook: str
    pace_needed: float | None
    paces: list[Pace]
    projection: LinearProjection | None
    refused: str
    days_degraded: int
    days_empty: int
    sentence: str = ""


class TargetsOut(msgspec.Struct, frozen=True, kw_only=True):
    """A group's targets, and how it stands to each: from the days that the history has
    (docs/planning.md)."""

    scheme: str
    title: str
    group: str
    name: str
    history_first: str
    history_last: str
    targets: list[TargetOut]
    notes: list[str]
    degraded: list[str]
    """Of the latest day."""
    sample: bool


# ----------------------------------------------------------------------------------------- words


def points_text(share: float | None) -> str:
    """A difference of shares, or a pace, in percentage points."""
    return "–" if share is None else f"{100 * share:+.1f}"


def sentence(target: TargetOut, called: str) -> str:
    """For instance: "Kenya: valid share of announced IPv4 routes 42.0 % on 2026-11-22. 80.0 % by
    2030-12-31 asks for +9.2 points a year. Linear projection of +3.1 points a year (2023-11-23 to
    2026-11-22) over 4.1 more years: 54.8 % (50.1 % to 59.5 %), off course: all of the band is
    below." ``called``: what the group is called."""
    family = "IPv4" if target.family == "ipv4" else "IPv6"
    what = _FIGURES[target.figure].format(family=family)
    if target.day is None:
        return f"{called}: {what} is not known: {target.refused}."
    goal = f"{share_text(target.value)} by {target.by}"
    said = [f"{called}: {what} {share_text(target.share)} on {target.day}"]
    if target.reached:
        return f"{said[0]}. The target of {goal} is reached."
    if target.pace_needed is None:
        return f"{said[0]}. The target of {goal} was not reached, and that day has gone by."
    said.append(f"{goal} asks for {points_text(target.pace_needed)} points a year")
    line = target.projection
    if line is None:
        said.append(f"There is no {METHOD}: {target.refused}")
    elif line.value is not None:
        pace = f"{points_text(line.pace)} points a year ({line.first} to {line.last})"
        years = _years(line.last, target.by)
        band = f"{share_text(line.value)} ({share_text(line.low)} to {share_text(line.high)})"
        said.append(
            f"{METHOD.capitalize()} of {pace} over {years:.1f} more years: {band}, "
            f"{_OUTLOOKS[target.outlook]}"
        )
    return ". ".join(said) + "."


def _years(first: str, last: str) -> float:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days / DAYS_IN_YEAR


# ------------------------------------------------------------------------------------------- CSV

COLUMNS = (
    "scheme", "group", "name", "attribution", "family", "figure", "target", "year", "by",
    "target_name", "day", "numerator", "denominator", "share", "missing", "reached",
    "reached_first", "outlook", "pace_needed", "pace", "method", "projected", "low", "high",
    "gets_there", "first", "last", "days_used", "days_degraded", "days_empty", "refused", "sample",
)  # fmt: skip


def csv_lines(reply: TargetsOut) -> Iterator[list[Any]]:
    """The titles, and a line a target. What there is not is empty."""
    yield list(COLUMNS)
    for each in reply.targets:
        line = each.projection
        projected = (
            (line.pace, line.method, line.value, line.low, line.high, line.gets_there, line.first,
             line.last, line.days_used)
            if line else (None, METHOD, *(None,) * 7)
        )  # fmt: skip
        values = (
            reply.scheme, reply.group, reply.name, each.attribution, each.family, each.figure,
            each.value, each.year, each.by, each.name, each.day, each.numerator, each.denominator,
            each.share, each.missing, each.reached, each.reached_first, each.outlook,
            each.pace_needed, *projected, each.days_degraded, each.days_empty, each.refused,
            reply.sample,
        )  # fmt: skip
        yield [_cell(value) for value in values]


def write_csv(out: TextIO, reply: TargetsOut) -> None:
    csv.writer(out, lineterminator="\n").writerows(csv_lines(reply))


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


# ----------------------------------------------------------------------------------------- table


def print_targets(out: TextIO, reply: TargetsOut) -> None:
    """For people: a line a target, then each in words, and what a linear projection is."""
    title = f"Targets of {reply.name or reply.group} ({reply.scheme}), as of {reply.history_last}"
    table = Table(title=_shown(title), title_justify="left")
    for column in ("family", "figure", "by", "target", "now", "needed/year", "pace/year", METHOD,
                   "band", "outlook"):  # fmt: skip
        table.add_column(column, justify="left" if column in ("family", "figure") else "right")
    for each in reply.targets:
        line = each.projection
        table.add_row(
            _shown(each.family), _shown(f"{each.figure} ({each.attribution})"), _shown(each.by),
            share_text(each.value), share_text(each.share), points_text(each.pace_needed),
            points_text(line.pace if line else None), share_text(line.value if line else None),
            _band(line), _shown(each.outlook),
        )  # fmt: skip
    console = Console(file=out, width=None if out.isatty() else 160, highlight=False)
    if reply.targets:
        console.print(table)
    else:
        console.print("There are no targets for this group.", markup=False)
    for text in (*(each.sentence for each in reply.targets), *reply.notes, *reply.degraded):
        console.print(_plain(text), markup=False)


def _band(line: LinearProjection | None) -> str:
    if line is None or line.value is None:
        return "–"
    return f"{share_text(line.low)} to {share_text(line.high)}"


def _plain(text: str) -> str:
    """On one line and without what a terminal would obey: names come from strangers."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _shown(text: str) -> str:
    """The same, for a table."""
    return escape(_plain(text))
