"""The world at a glance: what the overview says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from validator.figures.coverage import Order
from validator.groupings import Scheme
from validator.groups.averages import Averages, averages
from validator.groups.members import UNRANKED
from validator.history.records import NoSuchDay
from validator.model import Family, Members
from validator.pages.facts_common import (
    ADDRESS,
    Row,
    Share,
    Sources,
    Stamp,
    Trend,
    region_of,
    rows_of,
    stamp,
    total_of,
    trend_of,
    with_before,
)
from validator.pages.facts_plan import PlanFacts, plan_of_all
from validator.pages.facts_week import Week, week_of
from validator.pages.world_map import Shapes
from validator.snapshot import Snapshot

CLASSES = ("ldc", "lldc", "sids", "income", "development")
"""The schemes whose groups stand in the divide."""
REGIONS = ("m49-region", Scheme.RIR)
"""The scheme of the regions, and of what a change is told by: the first that is counted."""
SUBREGIONS = "m49-subregion"
FROM_SCHEME = Scheme.RIR
"""What totals of all are added up from: each address belongs to one registry's region, or to
nobody."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class of countries, with the three averages of its valid share."""

    row: Row
    averages: Averages


@dataclass(frozen=True, slots=True)
class Moved:
    """A region, and what it added to the change of the whole: by the formula of
    :mod:`validator.change.shares`, (Δn − c₀ · ΔN) / N₁, in percentage points. They add up."""

    group: str
    name: str
    points: float


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of the valid share of all routes since a day, and the regions that made it, those
    first that moved it most."""

    day: date
    before: Share
    after: Share
    movers: tuple[Moved, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewFacts:
    """``rows``: everything, by family. ``regions`` by valid share, ``countries`` by routes."""

    stamp: Stamp
    family: Family
    rows: dict[Family, Row]
    regions_scheme: str
    regions_title: str
    regions: tuple[Row, ...]
    subregions_title: str
    subregions: tuple[Row, ...]
    classes: tuple[ClassRow, ...]
    countries: tuple[Row, ...]
    countries_before: date | None
    changed: Changed | None
    week: Week | None
    plan: PlanFacts
    trend: Trend
    shapes: Shapes | None = None
    """Of the user's own map; None: ours."""

    @property
    def row(self) -> Row:
        return self.rows[self.family]

    @property
    def before(self) -> Share | None:
        then = self.trend.before.get(self.family)
        return Share(then.part, then.whole) if then and not then.degraded else None


def overview_facts(sources: Sources, family: Family) -> OverviewFacts:
    """The facts of the overview. On a full table some hundred milliseconds.

    Raises:
        SourceError: the history cannot be read.
    """
    snapshot = sources.snapshot
    whole = snapshot.coverages[FROM_SCHEME, ADDRESS]
    scheme = next(each for each in REGIONS if (each, ADDRESS) in snapshot.coverages)
    finer = snapshot.coverages.get((SUBREGIONS, ADDRESS))
    by_country = snapshot.coverages[Scheme.COUNTRY, ADDRESS]
    countries, then = with_before(
        sources, rows_of(snapshot, by_country, family, Order.ROUTES), ADDRESS
    )
    region = region_of(snapshot)
    countries = [
        Row(each.scheme, each.group, each.name, each.family, each.figures,
            region(each.group)[2], each.before)
        for each in countries
    ]  # fmt: skip
    return OverviewFacts(
        stamp=stamp(sources),
        family=family,
        rows={each: total_of(whole, each, "") for each in Family},
        regions_scheme=scheme,
        regions_title=snapshot.scheme_title(scheme),
        regions=tuple(
            rows_of(snapshot, snapshot.coverages[scheme, ADDRESS], family, Order.VALID_SHARE)
        ),
        subregions_title=snapshot.scheme_title(SUBREGIONS) if finer else "",
        subregions=tuple(rows_of(snapshot, finer, family, Order.VALID_SHARE)) if finer else (),
        classes=tuple(_classes(snapshot, family)),
        countries=tuple(countries),
        countries_before=then,
        changed=_changed(sources, family, then) if then else None,
        week=week_of(sources, whole, countries, family),
        plan=plan_of_all(snapshot, family),
        trend=trend_of(sources, FROM_SCHEME, whole.groups, ADDRESS),
        shapes=sources.map.shapes,
    )


def _classes(snapshot: Snapshot, family: Family) -> list[ClassRow]:
    found = []
    for scheme in CLASSES:
        lists = snapshot.lists.get(scheme)
        if lists is None or lists.members is not Members.COUNTRIES:
            continue
        coverage = snapshot.coverages.get((scheme, ADDRESS))
        if coverage is None:
            continue
        rows = {each.group: each for each in rows_of(snapshot, coverage, family)}
        for group in lists.groups:
            if group in UNRANKED or group not in rows:
                continue
            means = averages(snapshot, scheme, group, ADDRESS, family)
            if means:
                found.append(ClassRow(rows[group], means["valid_share"]))
    return found


def _changed(sources: Sources, family: Family, then: date) -> Changed | None:
    """Region by region; regions that were there on one day only count too."""
    assert sources.reader is not None
    snapshot = sources.snapshot
    scheme = next(each for each in REGIONS if (each, ADDRESS) in snapshot.coverages)
    try:
        record = sources.reader.day(then)
        table = sources.reader.at(scheme, ADDRESS, then, (family,))
    except NoSuchDay:
        return None
    if record.degraded:
        return None
    old, new = (
        {
            group: Share(counts[0], sum(counts))
            for group, counts in zip(each.groups, each.routes[family].tolist(), strict=True)
        }
        for each in (table.coverage, snapshot.coverages[scheme, ADDRESS])
    )
    before, after = (
        Share(sum(each.part for each in all_.values()), sum(each.whole for each in all_.values()))
        for all_ in (old, new)
    )
    if not before.whole or not after.whole:
        return None
    nothing = Share(0, 0)
    moved = []
    for group in {**new, **old}:
        ours, theirs = new.get(group, nothing), old.get(group, nothing)
        part, whole = ours.part - theirs.part, ours.whole - theirs.whole
        exact = part * before.whole - before.part * whole
        name = snapshot.group_name(scheme, group) or group
        moved.append(Moved(group, name, 100 * exact / (before.whole * after.whole)))
    moved.sort(key=lambda each: (-abs(each.points), each.group))
    return Changed(then, before, after, tuple(each for each in moved if each.points))
