"""What a plan looks like when it is told: its shapes in JSON, its lines in CSV, its table, and the
one sentence that sums it up.

The command line prints the same from files and from a running service, and the service answers with
these shapes: so nothing here computes, and nothing waits for compiled kernels. Numerators and
denominators are always beside the shares that are made of them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Any, TextIO, TypeVar

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Amount = int | float
"""Space in IPv6 is in /48s, a fraction where a route is longer."""


class PlanPoint(msgspec.Struct, frozen=True):
    """What a group has at some step. ``routes`` are counted, ``space`` is in the plan's unit;
    shares are fractions of 1, null if nothing is announced. ``coverage`` is (valid + invalid) /
    announced, ``valid_share`` valid / announced."""

    routes_announced: int
    routes_valid: int
    routes_covered: int
    valid_share: float | None
    coverage: float | None
    space_announced: Amount
    space_valid: Amount
    space_covered: Amount
    space_valid_share: float | None
    space_coverage: float | None


class PlanRoa(msgspec.Struct, frozen=True):
    """The smallest ROA that makes a route valid (RFC 9319 section 5). ``state``: the route's now.
    ``holder``: is the origin the holder of the block, ``same``, ``different`` or ``unknown``.
    ``recommended`` only if the same, and the holder has not said AS0. ``turns_invalid``: how many
    other announced routes it would turn invalid if it were created alone; each needs its own
    decision."""

    prefix: str
    max_length: int
    asn: str
    state: str
    holder: str
    recommended: bool
    turns_invalid: int


class PlanRoas(msgspec.Struct, frozen=True):
    """ROAs in the order of addresses, the first of them listed. Those of more-specifics are best
    created first (RFC 7115 section 3)."""

    total: int
    listed: list[PlanRoa]


class Holders(msgspec.Struct, frozen=True):
    """Of how many routes the origin is the holder of the block, is not, or may be."""

    same: int
    different: int
    unknown: int


class PlanStep(msgspec.Struct, frozen=True):
    """A network, or a holder of address blocks, that could raise the figure.

    ``id``: ``AS64496``, or a holder's registry and opaque-id; ``networks``: AS numbers of it, the
    first ten. ``gain``: what becomes valid that was not by those before, in routes or in the plan's
    unit of space; ``points`` the same as a share of what is announced, times 100. ``not_found`` and
    ``invalid``: the states now of the routes to be signed. ``needs_decision``: other announced
    routes that would turn invalid if this one alone signed. ``after``: when this one and all before
    it have signed."""

    rank: int
    id: str
    name: str
    country: str
    rir: str
    networks: list[str]
    gain: Amount
    points: float
    not_found: int
    invalid: int
    holder: Holders
    needs_decision: int
    after: PlanPoint
    roas: PlanRoas


class BeyondHelp(msgspec.Struct, frozen=True):
    """Routes that are not valid and that nobody listed could make so: without an origin (NONE) and
    from AS0 no ROA can help; or nobody is known to hold the block alone."""

    no_origin: int
    as0: int
    holder_unknown: int


class PlanOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who could raise the valid share of a group, those first that raise it most.

    ``measure``: what they are ranked by, ``routes`` or ``space`` (in ``unit``). ``by``: ``origin``,
    the networks that announce the routes, or ``holder``, who alone can create ROAs. ``able``: how
    many could do anything; ``everybody``: what the group had if all of them did. ``sentence`` says
    it in words, empty if there is nothing to say."""

    scheme: str
    title: str
    group: str
    name: str
    attribution: str
    family: str
    measure: str
    by: str
    unit: str
    day: str
    sentence: str
    now: PlanPoint
    everybody: PlanPoint
    able: int
    steps: list[PlanStep]
    beyond_help: BeyondHelp
    notes: list[str]
    sample: bool


class CountryMove(msgspec.Struct, frozen=True):
    """A country that reaches the share, in routes or in the plan's unit of space. ``possible``: the
    most of it that could be valid; ``gain``: what it adds to the class; ``points``: that as a share
    of what the class announces, times 100. ``pooled`` and ``median``: the class's pooled and median
    country's valid share when this country and all before it are there; ``median_alone``: the
    median if this one alone were."""

    rank: int
    country: str
    name: str
    announced: Amount
    valid: Amount
    possible: Amount
    valid_share: float
    gain: Amount
    points: float
    pooled_valid: Amount
    pooled: float
    median: float
    median_alone: float


class CountryPlanOut(msgspec.Struct, frozen=True, kw_only=True):
    """The countries that would move the figure of a class most if each reached ``share``, or as
    near to it as it can. ``countries`` announce anything, ``movers`` have something to gain;
    ``reached`` is what would be valid if all of them got there."""

    scheme: str
    title: str
    group: str
    name: str
    attribution: str
    family: str
    measure: str
    unit: str
    share: float
    day: str
    sentence: str
    announced: Amount
    valid: Amount
    reached: Amount
    valid_share: float | None
    median: float | None
    countries: int
    movers: int
    steps: list[CountryMove]
    notes: list[str]
    sample: bool


# ----------------------------------------------------------------------------------------- words


def share_text(share: float | None) -> str:
    """A share with one decimal, as people read it."""
    return "–" if share is None else f"{100 * share:.1f} %"


def raised(plan: PlanOut | CountryPlanOut, now: float | None, after: Sequence[float | None]) -> str:
    """The sentence: "Kenya: 5 networks could raise the valid share … from 42.0 % to 71.0 %." Five
    of them, or all if there are fewer; empty where there is nothing to raise."""
    count = min(5, len(after))
    if now is None or not count or after[count - 1] is None:
        return ""
    one = "country" if isinstance(plan, CountryPlanOut) else (
        "network" if plan.by == "origin" else "holder"
    )  # fmt: skip
    doers = f"1 {one}" if count == 1 else f"{count} {_plural(one)}"
    what = "routes" if plan.measure == "routes" else "space"
    family = "IPv4" if plan.family == "ipv4" else "IPv6"
    return (
        f"{plan.name or plan.group}: {doers} could raise the valid share of announced {family} "
        f"{what} from {share_text(now)} to {share_text(after[count - 1])}."
    )


P = TypeVar("P", bound=msgspec.Struct)


def with_sentence(plan: P, sentence: str) -> P:
    return msgspec.structs.replace(plan, sentence=sentence)


def _plural(one: str) -> str:
    return one.removesuffix("y") + "ies" if one.endswith("y") else one + "s"


# ------------------------------------------------------------------------------------------- CSV

_POINT = PlanPoint.__struct_fields__
STEP_COLUMNS = (
    "rank", "id", "name", "country", "rir", "networks", "gain", "points", "not_found", "invalid",
    "holder_same", "holder_different", "holder_unknown", "needs_decision",
    *(f"after_{field}" for field in _POINT),
)  # fmt: skip
ROA_COLUMNS = ("rank", "id", *PlanRoa.__struct_fields__)


def csv_lines(plan: PlanOut | CountryPlanOut, *, roas: bool = False) -> Iterator[list[Any]]:
    """The titles, and a line a step; with ``roas``, a line for each ROA that is listed. Rank 0 is
    how it is now. A share of nothing is empty."""
    if isinstance(plan, CountryPlanOut):
        yield list(CountryMove.__struct_fields__)
        yield from (_cells(msgspec.structs.astuple(each)) for each in plan.steps)
        return
    if roas:
        yield list(ROA_COLUMNS)
        for step in plan.steps:
            for roa in step.roas.listed:
                cells = _cells(msgspec.structs.astuple(roa))
                yield [step.rank, step.id, *cells]
        return
    yield list(STEP_COLUMNS)
    now = _cells(msgspec.structs.astuple(plan.now))
    yield [0, *[""] * (len(STEP_COLUMNS) - len(_POINT) - 1), *now]
    for step in plan.steps:
        yield _cells(
            (
                step.rank, step.id, step.name, step.country, step.rir, " ".join(step.networks),
                step.gain, step.points, step.not_found, step.invalid, step.holder.same,
                step.holder.different, step.holder.unknown, step.needs_decision,
                *msgspec.structs.astuple(step.after),
            )
        )  # fmt: skip


def write_csv(out: TextIO, plan: PlanOut | CountryPlanOut, *, roas: bool = False) -> None:
    csv.writer(out, lineterminator="\n").writerows(csv_lines(plan, roas=roas))


def _cells(values: Sequence[Any]) -> list[Any]:
    return ["" if value is None else _cell(value) for value in values]


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


# ----------------------------------------------------------------------------------------- table


def print_plan(out: TextIO, plan: PlanOut) -> None:
    """A plan for people: who, how much, and where that leads; then the ROAs of each."""
    space = plan.measure == "space"
    table = Table(title=_title(plan, "Who could raise"), title_justify="left")
    for column in ("", "network" if plan.by == "origin" else "holder", "name", "country"):
        table.add_column(column)
    for column in ("gain", "points", "valid share", "coverage", "not found", "invalid",
                   "holder same/diff./unknown", "needs decision"):  # fmt: skip
        table.add_column(column, justify="right")

    def shares(point: PlanPoint) -> tuple[str, str]:
        valid = point.space_valid_share if space else point.valid_share
        return share_text(valid), share_text(point.space_coverage if space else point.coverage)

    table.add_row("", "now", "", "", "", "", *shares(plan.now))
    for step in plan.steps:
        holder = step.holder
        table.add_row(
            str(step.rank), _shown(step.id), _shown(step.name), _shown(step.country),
            f"{step.gain:,}", f"{step.points:.1f}", *shares(step.after),
            f"{step.not_found:,}", f"{step.invalid:,}",
            f"{holder.same}/{holder.different}/{holder.unknown}", f"{step.needs_decision:,}",
        )  # fmt: skip
    table.add_row("", f"all {plan.able:,}", "", "", "", "", *shares(plan.everybody))
    console = _console(out)
    console.print(table)
    for step in plan.steps:
        left = step.roas.total - len(step.roas.listed)
        if step.roas.listed:
            more = f" (and {left:,} more)" if left else ""
            count = f"{step.roas.total:,} ROA{'s' if step.roas.total > 1 else ''}"
            out.write(f"{_plain(step.id)}: {count}{more}\n")
        out.writelines(
            _plain(f"  {roa.prefix}-{roa.max_length} {roa.asn}  {roa.state}, holder {roa.holder}")
            + _others(roa.turns_invalid)
            + "\n"
            for roa in step.roas.listed
        )
    _close(console, plan)


def print_countries(out: TextIO, plan: CountryPlanOut) -> None:
    """The countries of a class that would move its figure most."""
    title = _title(plan, f"What {share_text(plan.share)} valid would add to")
    table = Table(title=title, title_justify="left")
    for column in ("", "country", "name"):
        table.add_column(column)
    for column in ("announced", "valid", "valid share", "gain", "points", "pooled",
                   "median country"):  # fmt: skip
        table.add_column(column, justify="right")
    now = share_text(plan.valid_share), share_text(plan.median)
    table.add_row("", "now", "", f"{plan.announced:,}", f"{plan.valid:,}", "", "", "", *now)
    for step in plan.steps:
        table.add_row(
            str(step.rank), _shown(step.country), _shown(step.name), f"{step.announced:,}",
            f"{step.valid:,}", share_text(step.valid_share), f"{step.gain:,}",
            f"{step.points:.1f}", share_text(step.pooled), share_text(step.median),
        )  # fmt: skip
    console = _console(out)
    console.print(table)
    _close(console, plan)


def _others(count: int) -> str:
    if not count:
        return ""
    return f", {count:,} other route{'s' if count > 1 else ''} would turn invalid"


def _title(plan: PlanOut | CountryPlanOut, lead: str) -> str:
    return _shown(
        f"{lead} {plan.name or plan.group} ({plan.scheme}, by {plan.attribution}): "
        f"{plan.family}, {plan.unit}, {plan.day}"
    )


def _console(out: TextIO) -> Console:
    return Console(file=out, width=None if out.isatty() else 160, highlight=False)


def _close(console: Console, plan: PlanOut | CountryPlanOut) -> None:
    if plan.sentence:
        console.print(_plain(plan.sentence), markup=False)
    for note in plan.notes:
        console.print(_plain(note), markup=False)


def _plain(text: str) -> str:
    """On one line and without what a terminal would obey: names come from strangers."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _shown(text: str) -> str:
    """The same, for a table."""
    return escape(_plain(text))
