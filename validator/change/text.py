"""What a change looks like when it is told: its shapes in JSON, its lines in CSV, its table, and
its sentences.

The command line prints the same from a folder of history and from a running service, and the
service answers with these shapes: nothing here computes, nothing waits for compiled kernels.
Points are hundredths of a share, as people speak of them; beside them stand integers that add up.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO, TypeVar

import msgspec
from rich.table import Table

from validator.planning.text import _cells, _console, _plain, _shown, share_text

CAUSE_WORDS = {
    "newly-announced": "newly announced",
    "withdrawn": "withdrawn",
    "newly-counted": "counted now",
    "no-longer-counted": "no longer counted",
    "moved-in": "moved into the group",
    "moved-out": "moved out of the group",
    "signed": "signed",
    "became-invalid": "turned invalid",
    "roa-gone": "without ROA now",
}
"""Each cause, in its order, as it follows "40 routes of AS64496"."""
_FIGURE_WORDS = {
    "valid_share": ("valid share of announced", "announced"),
    "coverage": ("coverage of announced", "announced"),
    "accuracy": ("accuracy of covered", "announced and covered by VRPs"),
}


class ChangePoint(msgspec.Struct, frozen=True):
    """A share of routes on a day; ``share`` is null where the denominator is 0."""

    day: str
    numerator: int
    denominator: int
    share: float | None


class ChangeCount(msgspec.Struct, frozen=True):
    """What somebody has of a share's numerator and denominator, in routes."""

    numerator: int
    denominator: int


class ChangePart(msgspec.Struct, frozen=True):
    """What one cause did. ``routes`` changed for it, of which so many were ``valid``, ``invalid``
    and ``not_found`` before (of those that are new to the group: are now). ``numerator`` and
    ``denominator``: what they added to these. ``points`` and ``exact`` as in the whole answer."""

    cause: str
    routes: int
    valid: int
    invalid: int
    not_found: int
    numerator: int
    denominator: int
    points: float | None
    exact: int | None


class ChangeSum(msgspec.Struct, frozen=True):
    """Some contributions together; ``count`` of whom."""

    count: int
    before: ChangeCount
    after: ChangeCount
    points: float | None
    exact: int | None
    causes: list[ChangePart]


class ChangeStep(msgspec.Struct, frozen=True):
    """What a network or a country contributed, the sum of its ``causes``. ``id``: ``AS64496``, or a
    country's code; ``country``: where a network's number is registered now."""

    rank: int
    id: str
    name: str
    country: str
    before: ChangeCount
    after: ChangeCount
    points: float | None
    exact: int | None
    causes: list[ChangePart]


class ChangeOut(msgspec.Struct, frozen=True, kw_only=True):
    """What moved a group's share from one day to another, by whom and by cause.

    ``points``: the change of the share, times 100; null if one of the days has no share. ``exact``
    are integers that add up: divided by ``exact_of`` (both denominators multiplied) they are
    shares. ``causes`` are everybody's; ``listed`` are those who moved it most, ``others`` the rest
    of the ``changed`` who changed anything. ``sentences`` say it in words, none if inputs were not
    as they should be."""

    scheme: str
    title: str
    group: str
    name: str
    attribution: str
    family: str
    figure: str
    by: str
    before: ChangePoint
    after: ChangePoint
    points: float | None
    exact: int | None
    exact_of: int | None
    sentences: list[str]
    causes: list[ChangePart]
    changed: int
    listed: list[ChangeStep]
    others: ChangeSum
    notes: list[str]
    sample: bool


# ----------------------------------------------------------------------------------------- words


def points_text(points: float | None) -> str:
    """``+1.8``; small ones with as many decimals as it takes, up to three."""
    if points is None:
        return "–"
    if points == 0:
        return "0"
    sign = "+" if points > 0 else "−"
    for decimals in (1, 2, 3):
        shown = f"{abs(points):.{decimals}f}"
        if float(shown):
            return sign + shown
    return f"{sign}<0.001"


def sentences(change: ChangeOut, movers: Iterable[tuple[str, ChangePart]]) -> list[str]:
    """What happened, who did most of it, and for which causes: "KE: the valid share … rose by 1.8
    points, …", "40 routes of AS64496 signed (+1.1), …". ``movers``: the largest parts, each with
    whom to name."""
    before, after, points = change.before, change.after, change.points
    what, of = _FIGURE_WORDS[change.figure]
    family = "IPv4" if change.family == "ipv4" else "IPv6"
    name = change.name or change.group
    if points is None:
        there = [
            f"on {each.day} it was {_of(each)}" for each in (before, after) if each.denominator
        ]
        gone = " and ".join(each.day for each in (before, after) if not each.denominator)
        return [
            f"{name}: no {family} routes were {of} on {gone}, so there is no change of a share "
            f"to tell{''.join(f'; {each}' for each in there)}."
        ]
    ends = f"{_of(before)} on {before.day}", f"{_of(after)} on {after.day}"
    if points == 0:
        found = [f"{name}: the {what} {family} routes did not change: {', '.join(ends)}."]
    else:
        way = "rose" if points > 0 else "fell"
        found = [
            f"{name}: the {what} {family} routes {way} by {points_text(points)[1:]} points, from "
            f"{' to '.join(ends)}."
        ]
    told, exact = [], 0
    for who, part in movers:
        routes = "route" if part.routes == 1 else "routes"
        told.append(
            f"{part.routes:,} {routes} of {who} {CAUSE_WORDS[part.cause]} "
            f"({points_text(part.points)})"
        )
        exact += part.exact or 0
    left = (change.exact or 0) - exact
    if left and change.exact_of:
        told.append(f"all else ({points_text(100 * left / change.exact_of)})")
    if told:
        found.append(f"{', '.join(told)}.")
    causes = sorted((each for each in change.causes if each.exact), key=_weight)
    if causes:
        said = (f"{CAUSE_WORDS[each.cause]} {points_text(each.points)}" for each in causes)
        found.append(f"By cause: {', '.join(said)}.")
    return found


C = TypeVar("C", bound=ChangeOut)


def with_sentences(change: C, said: list[str]) -> C:
    return msgspec.structs.replace(change, sentences=said)


def _weight(part: ChangePart) -> int:
    return -abs(part.exact or 0)


def _of(point: ChangePoint) -> str:
    return f"{share_text(point.share)} ({point.numerator:,} of {point.denominator:,})"


def _others(count: int) -> str:
    return f"{count:,} other{'' if count == 1 else 's'}"


# ------------------------------------------------------------------------------------------- CSV

COLUMNS = (
    "rank", "id", "name", "country", "numerator_before", "denominator_before", "numerator_after",
    "denominator_after", "points", "exact", "exact_of",
    *(
        f"{cause.replace('-', '_')}_{what}"
        for cause in CAUSE_WORDS
        for what in ("routes", "points", "exact")
    ),
)  # fmt: skip


def csv_lines(change: ChangeOut) -> Iterator[list[Any]]:
    """The titles, then a line for the whole group (rank 0), for each that is listed, and for all
    others together (no rank), if there are any. What is null is empty."""
    yield list(COLUMNS)
    yield _line(change, 0, change.group, change.name, "", change, change.causes)
    for each in change.listed:
        yield _line(change, each.rank, each.id, each.name, each.country, each, each.causes)
    if change.others.count:
        yield _line(change, None, "", "all others", "", change.others, change.others.causes)


def _line(
    change: ChangeOut,
    rank: int | None,
    identifier: str,
    name: str,
    country: str,
    its: ChangeOut | ChangeStep | ChangeSum,
    causes: Sequence[ChangePart],
) -> list[Any]:
    found = {part.cause: part for part in causes}
    nothing = 0 if change.exact_of else None
    cells: list[Any] = [
        rank, identifier, name, country, its.before.numerator, its.before.denominator,
        its.after.numerator, its.after.denominator, its.points, its.exact, change.exact_of,
    ]  # fmt: skip
    for cause in CAUSE_WORDS:
        part = found.get(cause)
        cells += (part.routes, part.points, part.exact) if part else (0, nothing, nothing)
    return _cells(cells)


def write_csv(out: TextIO, change: ChangeOut) -> None:
    csv.writer(out, lineterminator="\n").writerows(csv_lines(change))


# ----------------------------------------------------------------------------------------- table


def print_change(out: TextIO, change: ChangeOut) -> None:
    """A change for people: who moved the share, by how much, and why."""
    table = Table(
        title=_shown(
            f"What moved the {change.figure.replace('_', ' ')} of {change.name or change.group} "
            f"({change.scheme}, by {change.attribution}): {change.family}, {change.before.day} to "
            f"{change.after.day}"
        ),
        title_justify="left",
    )
    network = change.by == "network"
    for column in ("", "network" if network else "country", "name", *["country"] * network):
        table.add_column(column)
    for column in ("before", "after", "points"):
        table.add_column(column, justify="right")
    table.add_column("routes, by cause")

    def add(rank: str, names: Sequence[str], its: ChangeOut | ChangeStep | ChangeSum) -> None:
        causes = sorted(its.causes, key=_weight)
        table.add_row(
            rank, *map(_shown, [*names, ""][: 3 if network else 2]),
            *(f"{p.numerator:,} of {p.denominator:,}" for p in (its.before, its.after)),
            points_text(its.points),
            ", ".join(
                f"{each.routes:,} {CAUSE_WORDS.get(each.cause, _shown(each.cause))} "
                f"({points_text(each.points)})"
                for each in causes
            ),
        )  # fmt: skip

    add("", [change.group, change.name, ""], change)
    for each in change.listed:
        add(str(each.rank), [each.id, each.name, each.country], each)
    if change.others.count:
        add("", [_others(change.others.count), "", ""], change.others)
    console = _console(out)
    console.print(table)
    for sentence in change.sentences:
        console.print(_plain(sentence), markup=False)
    for note in change.notes:
        console.print(_plain(note), markup=False)
