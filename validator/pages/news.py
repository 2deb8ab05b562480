"""What is worth telling of a group: its scheduled reports, notable changes, milestones that passed.

All of it follows from the history, from days that are over: the same news come out whenever they
are asked for, whatever is in force meanwhile. Changes are looked for between the ends of months:
the last day of each on which no input was other than it should be. Degraded days are no basis.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from validator.groupings import Attribution
from validator.history.reading import Reader
from validator.history.records import NoSuchDay
from validator.model import Family
from validator.targets import progress as working
from validator.targets.milestones import Milestone
from validator.targets.progress import Observation, Outlook, TargetSettings

NOTABLE_POINTS = 1
"""A valid share that moves by so many percentage points from the end of one month to that of the
next is news."""
MOST_MONTHS = 60
"""Ends of months that are looked at: what happened longer ago is no news."""
_OLDEST_DAYS = 31 * (MOST_MONTHS + 1) + 366 * working.USUAL_WINDOW
"""Days that are looked at: of these months, and what a target is judged by at the first of them."""
_LEAST_LETTERS = 4
"""Of a name that is looked for in the text of a milestone: shorter ones are words too."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A valid share that moved notably between two ends of months."""

    family: Family
    before: Observation
    after: Observation

    @property
    def day(self) -> date:
        return self.after.day

    @property
    def points(self) -> float:
        return 100 * ((self.after.share or 0.0) - (self.before.share or 0.0))


@dataclass(frozen=True, slots=True)
class Turned:
    """A target whose outlook is another than at the end of the month before."""

    family: Family
    target: TargetSettings
    before: Outlook
    after: Outlook
    then: Observation
    now: Observation

    @property
    def day(self) -> date:
        return self.now.day


@dataclass(frozen=True, slots=True)
class Passed:
    """A milestone, and where the group stood (IPv4): on the last good day until then, if any."""

    milestone: Milestone
    stood: Observation | None

    @property
    def day(self) -> date:
        return self.milestone.day


News = Moved | Turned | Passed


def news_of(
    series: dict[Family, Sequence[Observation]],
    targets: Iterable[TargetSettings] = (),
    milestones: Iterable[Milestone] = (),
) -> list[News]:
    """All news of a group, the latest first. ``series``: every recorded day, in order, by family;
    ``targets``: for the valid share of its routes; ``milestones``: those that concern it."""
    wanted = tuple(targets)
    found: list[News] = []
    for family, days in series.items():
        ends = month_ends(days)[-MOST_MONTHS - 1 :]
        found += moves(family, ends)
        for target in wanted:
            if target.family == family.label:
                found += turns(family, target, days, ends)
    found += passed(milestones, series.get(Family.IPV4, ()))
    return sorted(found, key=_order, reverse=True)


def month_ends(days: Sequence[Observation]) -> list[Observation]:
    """The last good day of each month that is over: in which there is no recorded day any more."""
    if not days:
        return []
    last = days[-1].day.replace(day=1)
    ends: dict[date, Observation] = {}
    for each in days:
        if each.day < last and not each.degraded and each.share is not None:
            ends[each.day.replace(day=1)] = each
    return list(ends.values())


def moves(family: Family, ends: Sequence[Observation]) -> Iterator[Moved]:
    """What moved by :data:`NOTABLE_POINTS` or more: in whole numbers, so that it is exact."""
    for before, after in itertools.pairwise(ends):
        moved = after.numerator * before.denominator - before.numerator * after.denominator
        if 100 * abs(moved) >= NOTABLE_POINTS * before.denominator * after.denominator:
            yield Moved(family, before, after)


def turns(
    family: Family,
    target: TargetSettings,
    days: Sequence[Observation],
    ends: Sequence[Observation],
) -> Iterator[Turned]:
    """When the outlook on a target was another than a month before; what is not known is passed
    over."""
    known: tuple[Observation, Outlook] | None = None
    for end in ends:
        until = days[: bisect.bisect_right(days, end.day, key=lambda each: each.day)]
        window = working.latest(until, working.USUAL_WINDOW)
        outlook = working.progress(window, target.value, target.day).outlook
        if outlook is Outlook.UNKNOWN:
            continue
        if known is not None and known[1] is not outlook:
            yield Turned(family, target, known[1], outlook, known[0], end)
        known = end, outlook


def passed(milestones: Iterable[Milestone], days: Sequence[Observation]) -> Iterator[Passed]:
    """The milestones that passed while days were recorded."""
    if not days:
        return
    for each in milestones:
        if days[0].day <= each.day < days[-1].day:
            good = [d for d in days if d.day <= each.day and not d.degraded and d.share is not None]
            yield Passed(each, good[-1] if good else None)


def naming(milestones: Iterable[Milestone], name: str) -> list[Milestone]:
    """The milestones that name a group, in whole words."""
    if len(name) < _LEAST_LETTERS:
        return []
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    return [each for each in milestones if word.search(f"{each.name} {each.about}")]


def observed(
    reader: Reader, scheme: str, by: Attribution, groups: Iterable[str]
) -> dict[Family, Sequence[Observation]]:
    """The valid share of some groups together on the recorded days that news can be of, by family.
    In a thread.

    Raises:
        SourceError: the history cannot be read.
    """
    records = reader.days()
    if not records:
        return {}
    first = max(records) - timedelta(days=_OLDEST_DAYS)
    try:
        found = reader.sums(scheme, by, tuple(groups), [day for day in records if day >= first])
    except NoSuchDay:
        return {}
    return {
        family: [
            Observation(each.day, each.valid, each.announced, records[each.day].degraded)
            for each in days
        ]
        for family, days in found.items()
    }


def _order(news: News) -> tuple[date, int, str]:
    family = "" if isinstance(news, Passed) else news.family.label
    return news.day, [Passed, Turned, Moved].index(type(news)), family
