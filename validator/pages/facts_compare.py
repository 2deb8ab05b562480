"""Two groups side by side, or one on two days: what the page of comparisons says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from validator.groupings import attribution_of
from validator.history.records import NoSuchDay
from validator.model import Family
from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import (
    Row,
    Share,
    Sources,
    Stamp,
    Trend,
    row_of,
    stamp,
    trend_of,
)
from validator.pages.facts_group import NoSuchGroup


@dataclass(frozen=True, slots=True)
class Side:
    """A group that is compared."""

    scheme: str
    title: str
    group: str
    name: str
    rows: dict[Family, Row]
    trend: Trend

    @property
    def label(self) -> str:
        return self.name or self.group

    @property
    def id(self) -> str:
        return f"{self.scheme}/{self.group}"


@dataclass(frozen=True, slots=True)
class Moment:
    """A group on a day of the history."""

    day: date
    share: Share
    degraded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareFacts:
    """``first`` alone with ``moments`` and perhaps ``change`` (which days the tables of are kept):
    two days. With ``second``: two groups now, or as of the day of the stamp."""

    stamp: Stamp
    family: Family
    first: Side | None = None
    second: Side | None = None
    moments: tuple[Moment, ...] = ()
    change: ChangeFacts | None = None

    @property
    def sides(self) -> tuple[Side, ...]:
        return tuple(each for each in (self.first, self.second) if each)

    @property
    def points(self) -> float | None:
        """By how many percentage points the first is above the second."""
        if self.first is None or self.second is None:
            return None
        a, b = (each.rows[self.family].figures.valid_share for each in (self.first, self.second))
        return None if a is None or b is None else 100 * (a - b)


def compare_facts(
    sources: Sources,
    family: Family,
    chosen: tuple[tuple[str, str], ...],
    days: tuple[date, ...] = (),
    change: ChangeFacts | None = None,
) -> CompareFacts:
    """``chosen``: none, one or two groups, each with its scheme; ``days``: on which to look at one.

    Raises:
        NoSuchGroup: there is no such scheme or group.
        NoSuchDay: one of the days is not recorded, or lacks the group.
        SourceError: the history cannot be read.
    """
    sides = [_side(sources, scheme, group) for scheme, group in chosen]
    moments: tuple[Moment, ...] = ()
    if sides and days:
        moments = tuple(_moment(sources, sides[0], family, day) for day in days)
    return CompareFacts(
        stamp=stamp(sources),
        family=family,
        first=sides[0] if sides else None,
        second=sides[1] if len(sides) > 1 else None,
        moments=moments,
        change=change,
    )


def _side(sources: Sources, scheme: str, group: str) -> Side:
    snapshot = sources.snapshot
    if scheme not in snapshot.schemes:
        raise NoSuchGroup(f"there is no scheme {scheme[:80]!r}")
    by = attribution_of(scheme, None, snapshot.groupings.get(scheme))
    coverage = snapshot.coverages[scheme, by]
    number = coverage.index(group)
    if number is None:
        raise NoSuchGroup(f"{snapshot.scheme_title(scheme)} has no group {group[:80]!r}")
    return Side(
        scheme,
        snapshot.scheme_title(scheme),
        group,
        snapshot.group_name(scheme, group),
        {family: row_of(snapshot, coverage, number, family) for family in Family},
        trend_of(sources, scheme, (group,), by),
    )


def _moment(sources: Sources, side: Side, family: Family, day: date) -> Moment:
    if day == sources.day:
        its = side.rows[family].figures
        return Moment(day, Share(its.valid, its.announced), bool(sources.snapshot.stale()))
    if sources.reader is None:
        raise NoSuchDay("no history is kept")
    by = attribution_of(side.scheme, None, sources.snapshot.groupings.get(side.scheme))
    found = sources.reader.series(side.scheme, by, side.group, family, day, day)
    part, whole = found.points[0].parts("valid_share") or (0, 0)
    return Moment(day, Share(part, whole or 0), found.records[day].degraded)
