"""Targets: where a group is to be in a year, how fast that asks it to move, where it is heading.

A target is a share that a group is to have at the end of a year. From a series of days this works
out the *pace needed* from the latest of them, and a *projection*: the straight line through the
days of the latest years by ordinary least squares, carried on to the target's day, with a band of
two standard errors of prediction on either side. It is linear and says so; shares near 1 do not
rise on a straight line, and days that follow each other are not independent, so that the band is
narrower than what one can know. docs/planning.md has the formulas. Nothing here reads a clock or a
file.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

DAYS_IN_YEAR = 365.2425
"""Of the Gregorian calendar, on average: what a pace per year is reckoned with."""
LEAST_POINTS = 12
LEAST_DAYS = 90
"""A line is drawn through no fewer points, over no fewer days."""
STANDARD_ERRORS = 2
"""The half width of the band."""
USUAL_WINDOW = 3
"""Years of the latest days that a line is drawn through: long enough that no single network makes
it, short enough to be about now."""
MOST_POINTS_AHEAD = 12
_TOO_FAR = 36_525
"""A hundred years, in days."""

Figure = Literal["valid_share", "coverage", "accuracy", "space_valid_share", "space_coverage"]
FIGURES: tuple[Figure, ...] = get_args(Figure)
"""What a target can be about: shares of :data:`validator.history.figures.FIGURES`."""
Value = Annotated[float, Meta(gt=0, le=1)]
FIRST_YEAR, LAST_YEAR = 2000, 2200


class TargetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One target: ``[[targets]]`` in the settings. ``value`` is a share, to be reached by the last
    day of ``year``; ``attribution`` is the scheme's default if it is not given."""

    scheme: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,79}$")]
    group: Annotated[str, Meta(min_length=1, max_length=80)]
    family: Literal["ipv4", "ipv6"]
    figure: Figure = "valid_share"
    value: Value
    year: Annotated[int, Meta(ge=FIRST_YEAR, le=LAST_YEAR)]
    attribution: Literal["address", "origin"] | None = None
    name: Annotated[str, Meta(max_length=120)] = ""
    """What a person calls it, for instance whose target it is."""

    @property
    def day(self) -> date:
        """The day by which it is to be reached."""
        return date(self.year, 12, 31)


def check_unique(targets: Sequence[TargetSettings]) -> None:
    """That no group has two targets for one figure and year.

    Raises:
        ValueError: one has; it names the group, and both values.
    """
    seen: dict[tuple[str, str, str, str, int, str | None], float] = {}
    for each in targets:
        key = each.scheme, each.group, each.family, each.figure, each.year, each.attribution
        if key in seen:
            raise ValueError(
                f"targets: {each.scheme} {each.group} has two for {each.figure} ({each.family}) "
                f"in {each.year}, {seen[key]:g} and {each.value:g}: keep one"
            )
        seen[key] = each.value


def of_group(
    targets: Iterable[TargetSettings], scheme: str, group: str, family: str
) -> list[TargetSettings]:
    """The targets of a group in a family, the nearest year first."""
    mine = [each for each in targets if (each.scheme, each.group) == (scheme, group)]
    return sorted((each for each in mine if each.family == family), key=lambda each: each.year)


@dataclass(frozen=True, slots=True)
class Observation:
    """One day of a series. ``degraded``: an input was not what it should be on that day."""

    day: date
    numerator: int
    denominator: int
    degraded: bool = False

    @property
    def share(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None


class Outlook(enum.StrEnum):
    """What the band says of a target on its day."""

    REACHED = "reached"
    """The latest share is there already."""
    PAST = "past"
    """Its day has gone by, and the share was not reached."""
    ON_COURSE = "on-course"
    """All of the band is at the target or above."""
    UNCERTAIN = "uncertain"
    """The target lies within the band."""
    OFF_COURSE = "off-course"
    """All of the band is below."""
    UNKNOWN = "unknown"
    """There is no projection."""


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through shares, by ordinary least squares. ``slope`` is per day, ``at`` the
    day of the mean of days (a fraction of days after ``first``), ``level`` the mean share there;
    ``error`` the standard error of the residuals, ``spread`` the sum of squares of days about
    their mean."""

    first: date
    last: date
    points: int
    at: float
    level: float
    slope: float
    error: float
    spread: float

    @property
    def per_year(self) -> float:
        """The pace so far, as a share per year."""
        return self.slope * DAYS_IN_YEAR

    def on(self, day: date) -> float:
        """The line itself, which may leave the range from 0 to 1."""
        return self.level + self.slope * ((day - self.first).days - self.at)

    def band(self, day: date) -> tuple[float, float]:
        """Two standard errors of prediction on either side, for one further day."""
        away = (day - self.first).days - self.at
        width = self.error * math.sqrt(1 + 1 / self.points + away * away / self.spread)
        return self.on(day) - STANDARD_ERRORS * width, self.on(day) + STANDARD_ERRORS * width


class Ahead(NamedTuple):
    """A day of the projection. Line and band are cut to between 0 and 1."""

    day: date
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """The line, or why there is none. ``left_out``: days that are degraded, or without a share."""

    line: Line | None
    refused: str
    left_out: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How a group stands to a target. Shares are fractions of 1, paces are shares per year.

    ``day`` and ``share`` are those of the latest day that is not degraded. ``needed`` is the pace
    from there to the target on its day: None if that has gone by, 0 if it is reached. ``line`` is
    the one through the days and ``pace`` its own; ``projected`` with ``low`` and ``high`` its value
    and band on the target's day, cut to between 0 and 1, None if that day has gone by.
    ``reached_on``: the day on which the line gets there; None if it does not rise, or would take
    more than a hundred years.
    """

    day: date | None
    share: float | None
    needed: float | None
    pace: float | None
    projected: float | None
    low: float | None
    high: float | None
    reached_on: date | None
    outlook: Outlook
    refused: str
    left_out: int
    line: Line | None


def latest(series: Sequence[Observation], years: int) -> list[Observation]:
    """The days of the latest years of a series: those less than so many years before its last."""
    last = max((each.day for each in series), default=date.min)
    return [each for each in series if (last - each.day).days < years * DAYS_IN_YEAR]


def first_reached(series: Iterable[Observation], value: float) -> date | None:
    """The first day on which the share was there, degraded days left out."""
    there = (
        each.day
        for each in series
        if not each.degraded and each.share is not None and each.share >= value
    )
    return min(there, default=None)


def ahead(line: Line, by: date, most: int = MOST_POINTS_AHEAD) -> list[Ahead]:
    """The projection from the last day of the line to ``by``: both, and ends of years between, no
    more than ``most`` days in all. Empty if ``by`` has gone by."""
    if by <= line.last:
        return []
    ends = [date(year, 12, 31) for year in range(line.last.year, by.year)]
    ends = [day for day in ends if day > line.last]
    step = -(-len(ends) // (most - 2)) if ends else 1
    days = (line.last, *ends[step - 1 :: step], by)
    return [Ahead(day, _cut(line.on(day)), *map(_cut, line.band(day))) for day in days]


def fit(series: Iterable[Observation]) -> Fit:
    """The line through a series, whose days may come in any order.

    Degraded days, and days on which nothing was announced, are left out. Refused are a series whose
    latest day is degraded (the line would begin where nothing is known), one with fewer than
    :data:`LEAST_POINTS` days left, and one that spans fewer than :data:`LEAST_DAYS`.

    Raises:
        ValueError: a day is there twice, or more is counted than there is.
    """
    days = _in_order(series)
    good = [(each.day, each.share) for each in days if not each.degraded]
    points = [(day, share) for day, share in good if share is not None]
    left_out = len(days) - len(points)
    if days and days[-1].degraded:
        return Fit(None, f"the latest day, {days[-1].day}, is degraded", left_out)
    if len(points) < LEAST_POINTS:
        return Fit(None, f"{len(points)} days can be used; it takes {LEAST_POINTS}", left_out)
    first, last = points[0][0], points[-1][0]
    if (last - first).days < LEAST_DAYS:
        span = (last - first).days
        return Fit(None, f"the days span {span} days; it takes {LEAST_DAYS}", left_out)
    x = [(day - first).days for day, _ in points]
    y = [share for _, share in points]
    count = len(points)
    at, level = math.fsum(x) / count, math.fsum(y) / count
    spread = math.fsum((each - at) ** 2 for each in x)
    slope = math.fsum((a - at) * (b - level) for a, b in zip(x, y, strict=True)) / spread
    residuals = (b - level - slope * (a - at) for a, b in zip(x, y, strict=True))
    error = math.sqrt(math.fsum(each * each for each in residuals) / (count - 2))
    return Fit(Line(first, last, count, at, level, slope, error, spread), "", left_out)


def progress(series: Sequence[Observation], value: float, by: date) -> Progress:
    """How a series stands to a share that is to be reached by a day.

    Raises:
        ValueError: as :func:`fit`.
    """
    fitted = fit(series)
    line = fitted.line
    newest = max(
        (each for each in series if not each.degraded and each.share is not None),
        key=lambda each: each.day,
        default=None,
    )
    day, share = (newest.day, newest.share) if newest else (None, None)
    projected = low = high = None
    if line is not None and by > line.last:
        projected = _cut(line.on(by))
        low, high = map(_cut, line.band(by))
    return Progress(
        day,
        share,
        _needed(day, share, value, by),
        line.per_year if line else None,
        projected,
        low,
        high,
        _reached_on(line, value) if line else None,
        _outlook(day, share, value, by, low, high),
        fitted.refused,
        fitted.left_out,
        line,
    )


def pace_needed(share: float, day: date, value: float, by: date) -> float | None:
    """What is missing, divided by the years that are left: a share per year. 0 if nothing is
    missing, None if no day is left."""
    if share >= value:
        return 0.0
    days = (by - day).days
    return (value - share) / (days / DAYS_IN_YEAR) if days > 0 else None


def _needed(day: date | None, share: float | None, value: float, by: date) -> float | None:
    return None if day is None or share is None else pace_needed(share, day, value, by)


def _outlook(
    day: date | None,
    share: float | None,
    value: float,
    by: date,
    low: float | None,
    high: float | None,
) -> Outlook:
    if day is None or share is None:
        return Outlook.UNKNOWN
    if share >= value:
        return Outlook.REACHED
    if day >= by:
        return Outlook.PAST
    if low is None or high is None:
        return Outlook.UNKNOWN
    if low >= value:
        return Outlook.ON_COURSE
    return Outlook.UNCERTAIN if high >= value else Outlook.OFF_COURSE


def _reached_on(line: Line, value: float) -> date | None:
    if line.on(line.last) >= value:
        return line.last
    missing = value - line.on(line.last)
    if missing > line.slope * _TOO_FAR or line.last > date.max - timedelta(_TOO_FAR):
        return None
    return line.last + timedelta(math.ceil(missing / line.slope))


def _in_order(series: Iterable[Observation]) -> list[Observation]:
    days = sorted(series, key=lambda each: each.day)
    for before, after in itertools.pairwise(days):
        if before.day == after.day:
            raise ValueError(f"{after.day} is there twice")
    for each in days:
        if not 0 <= each.numerator <= each.denominator:
            raise ValueError(f"{each.day}: {each.numerator} of {each.denominator} is no share")
    return days


def _cut(share: float) -> float:
    return min(1.0, max(0.0, share))
