"""What all facts are made of: where they are from, a group's figures, and days gone by.

Facts are plain data made from a snapshot and the history: no HTML and no server. A page, a report
and a test read the same ones. Every share has its numerator and denominator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from validator.feed import redacted
from validator.figures.coverage import SPACE_UNITS, Coverage, Figures, Order, in_units, shown
from validator.figures.coverage import share as quotient
from validator.formats.replies import generated_time
from validator.groupings import Attribution, Scheme
from validator.history.reading import Reader
from validator.history.records import DayRecord, NoSuchDay, day_of
from validator.model import Family
from validator.pages.world_map import MapInUse
from validator.snapshot import Snapshot
from validator.targets.milestones import Milestone
from validator.targets.progress import TargetSettings

FAMILY_NAMES = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}
YEAR_DAYS = 365
NEAR_DAYS = 31
"""A day so near to a year ago stands for it."""
MOST_POINTS = 180
"""Of a trend: more than a picture can show are thinned out."""
ADDRESS, ORIGIN = Attribution.ADDRESS, Attribution.ORIGIN


@dataclass(frozen=True, slots=True)
class Sources:
    """What facts are made from. ``reader`` is None if no history is kept; ``record`` is of a past
    day of which figures alone are kept: its snapshot is an outline."""

    snapshot: Snapshot
    reader: Reader | None = None
    record: DayRecord | None = None
    past: bool = False
    targets: Sequence[TargetSettings] = ()
    milestones: Sequence[Milestone] = ()
    map: MapInUse = field(default_factory=MapInUse)

    @property
    def day(self) -> date:
        return self.record.day if self.record else day_of(self.snapshot.created)

    @property
    def tables(self) -> bool:
        """Whether there are routes to look into."""
        return self.record is None


@dataclass(frozen=True, slots=True)
class Stamp:
    """As of when figures are, and how sound: on every page and report. ``troubles`` are inputs that
    were not as they should be, a line each; ``degraded`` those of them that had been so beyond
    their time. ``past``: a day gone by was asked for."""

    created: int
    generated: str
    generation: int
    day: date
    past: bool
    sample: bool
    inputs: int
    troubles: tuple[str, ...]
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A numerator and a denominator."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return quotient(self.part, self.whole)


@dataclass(frozen=True, slots=True)
class Row:
    """A group in a family, as the coverage API has it. ``before``: routes valid and announced some
    time ago, if that is known."""

    scheme: str
    group: str
    name: str
    family: Family
    figures: Figures
    region: str = ""
    before: Share | None = None

    @property
    def label(self) -> str:
        """What to call it."""
        return self.name or self.group

    @property
    def unit(self) -> str:
        return SPACE_UNITS[self.family]

    @property
    def space(self) -> dict[str, int | float]:
        """Spaces in ``unit``."""
        its = self.figures
        return {
            name: in_units(getattr(its, f"{name}_space"), self.family)
            for name in ("announced", "covered", "valid", "invalid", "not_found")
        }

    @property
    def change(self) -> float | None:
        """Percentage points gained since."""
        then = self.before.value if self.before else None
        now = self.figures.valid_share
        return None if then is None or now is None else 100 * (now - then)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A recorded day: routes valid and announced. ``whole`` is 0 where nothing was announced."""

    day: date
    part: int
    whole: int
    degraded: bool

    @property
    def share(self) -> float | None:
        return quotient(self.part, self.whole)


@dataclass(frozen=True, slots=True)
class Trend:
    """A valid share over time, by family; and about a year before, if that day is recorded."""

    points: dict[Family, tuple[TrendPoint, ...]] = field(default_factory=dict)
    before: dict[Family, TrendPoint] = field(default_factory=dict)
    milestones: tuple[Milestone, ...] = ()

    @property
    def first(self) -> date | None:
        return min((each[0].day for each in self.points.values() if each), default=None)

    @property
    def last(self) -> date | None:
        return max((each[-1].day for each in self.points.values() if each), default=None)

    @property
    def days(self) -> int:
        return max((len(each) for each in self.points.values()), default=0)


def stamp(sources: Sources) -> Stamp:
    """The stamp of what is made from them."""
    snapshot, record = sources.snapshot, sources.record
    if record is not None:
        troubles, degraded = record.degraded_notes, record.stale_notes
        inputs = len(record.inputs)
    else:
        troubles, degraded = (
            [_note(kind, source, error) for kind, source, error in lines]
            for lines in (
                [(f"{t.kind}", redacted(t)[0], f"{t.state}: {redacted(t)[1]}") for t in those]
                for those in (snapshot.troubles, snapshot.stale())
            )
        )
        inputs = len(snapshot.inputs)
    return Stamp(
        snapshot.created,
        generated_time(snapshot.created),
        snapshot.generation,
        sources.day,
        sources.past,
        snapshot.sample,
        inputs,
        tuple(troubles),
        tuple(degraded),
    )


def _note(kind: str, source: str, error: str) -> str:
    return f"{kind} {source}: {error}"


def row_of(
    snapshot: Snapshot, coverage: Coverage, number: int, family: Family, before: Share | None = None
) -> Row:
    """A group by its number."""
    group = coverage.groups[number]
    name = snapshot.group_name(coverage.scheme, group)
    its = coverage.figures(number, family)
    return Row(coverage.scheme, group, name, family, its, before=before)


def rows_of(
    snapshot: Snapshot,
    coverage: Coverage,
    family: Family,
    order: Order = Order.SPACE,
    most: int | None = None,
) -> list[Row]:
    """The groups that a table shows, in order; those that announce nothing are left out."""
    chosen = shown(coverage, family, order)
    announced = coverage.routes[family].sum(axis=1)
    chosen = chosen[announced[chosen] > 0][:most]
    return [row_of(snapshot, coverage, number, family) for number in chosen.tolist()]


def announcing(coverage: Coverage, family: Family) -> int:
    """How many groups announce anything: the rows there are."""
    return int(np.count_nonzero(coverage.routes[family].sum(axis=1)))


def total_of(coverage: Coverage, family: Family, name: str) -> Row:
    """All groups of a scheme by address together: each address belongs to one of them."""
    tables = coverage.routes[family], coverage.space[family]
    figures = Figures(
        *(sum(column) for table in tables for column in zip(*table.tolist(), strict=True))
    )
    return Row(coverage.scheme, "", name, family, figures)


# ------------------------------------------------------------------------------------ days gone by


def year_before(days: Iterable[date], day: date, near_days: int = NEAR_DAYS) -> date | None:
    """The recorded day nearest to a year before; None if none is near."""
    return nearest(days, day - timedelta(YEAR_DAYS), near_days)


def nearest(days: Iterable[date], wanted: date, within: int) -> date | None:
    """The day nearest to the one wanted; None if none is so near."""
    near = [each for each in days if abs((each - wanted).days) <= within]
    return min(near, key=lambda each: abs((each - wanted).days), default=None)


def trend_of(
    sources: Sources, scheme: str, groups: Sequence[str], attribution: Attribution
) -> Trend:
    """The valid share of some groups together, up to the day of the facts; empty without history.

    Raises:
        SourceError: the history cannot be read.
    """
    reader, last = sources.reader, sources.day
    days = [day for day in reader.days() if day <= last] if reader else []
    if reader is None or not days:
        return Trend()
    then = year_before(days[-2 * YEAR_DAYS :], last)
    asked = sorted({*_thinned(days), *([then] if then else [])})
    try:
        found = reader.sums(scheme, attribution, groups, asked)
    except NoSuchDay:
        return Trend()
    records = reader.days()
    points: dict[Family, tuple[TrendPoint, ...]] = {}
    before: dict[Family, TrendPoint] = {}
    for family, its in found.items():
        every = tuple(
            TrendPoint(day, part, whole, day in records and records[day].degraded)
            for day, part, whole in its
        )
        if every:
            points[family] = every
            at = next((each for each in every if each.day == then), None)
            if at is not None:
                before[family] = at
    made = Trend(points, before)
    if made.first is None or made.last is None:
        return made
    marked = tuple(each for each in sources.milestones if made.first <= each.day <= made.last)
    return Trend(points, before, marked)


def _thinned(days: Sequence[date]) -> Sequence[date]:
    """Evenly thinned, the last kept."""
    step = -(-len(days) // MOST_POINTS)
    return days[::-1][::step] if step > 1 else days


def with_before(
    sources: Sources, rows: Sequence[Row], attribution: Attribution
) -> tuple[list[Row], date | None]:
    """Rows of one scheme and family with what they were about a year before, and that day.

    Raises:
        SourceError: the history cannot be read.
    """
    reader = sources.reader
    then = year_before(reader.days(), sources.day) if reader else None
    if reader is None or then is None or not rows:
        return list(rows), None
    try:
        return with_counts(reader, rows, attribution, then), then
    except NoSuchDay:
        return list(rows), None


def with_counts(
    reader: Reader, rows: Sequence[Row], attribution: Attribution, then: date
) -> list[Row]:
    """Rows of one scheme and family with what they were on a recorded day.

    Raises:
        NoSuchDay: the scheme was not counted on it.
        SourceError: the history cannot be read.
    """
    if not rows:
        return []
    scheme, family = rows[0].scheme, rows[0].family
    coverage = reader.at(scheme, attribution, then, (family,)).coverage
    place = {group: number for number, group in enumerate(coverage.groups)}
    counts = coverage.routes[family].tolist()

    def before(group: str) -> Share | None:
        at = place.get(group)
        return None if at is None else Share(counts[at][0], sum(counts[at]))

    return [_with(each, before(each.group)) for each in rows]


def _with(row: Row, before: Share | None) -> Row:
    return Row(row.scheme, row.group, row.name, row.family, row.figures, row.region, before)


def region_of(snapshot: Snapshot) -> Callable[[str], tuple[str, str, str]]:
    """The region of a country, by code: scheme, group and name; empty if none is listed."""
    known = [each for each in ("m49-intermediate", "m49-subregion") if each in snapshot.lists]

    def region(country: str) -> tuple[str, str, str]:
        for scheme in known:
            group = snapshot.lists[scheme].of.get(country)
            if group is not None:
                return scheme, group, snapshot.group_name(scheme, group)
        return "", "", ""

    return region


def country_of(snapshot: Snapshot, asn: int) -> str:
    """Where an AS number is registered; empty if nowhere."""
    held = snapshot.resources.asn_holder(asn) if asn >= 0 else None
    return held.country if held else ""


COUNTRY, ASN = Scheme.COUNTRY, Scheme.ASN
