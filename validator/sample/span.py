"""The days that the sample's history spans, and those on which something changes.

Change comes in steps: monthly at first, weekly in the last two years, daily in the last sixty days;
between two steps nothing moves, so that no day is a gap. A few are, on purpose, and on a few an
input was in trouble, so that pages have both to show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from validator.freshness import DEGRADED, FAILED, SourceStatus
from validator.history.records import days_between

YEARS = 20
_WEEKLY_DAYS, _DAILY_DAYS = 731, 60
_MONDAY = 0


class Trouble(NamedTuple):
    """Days on which an input was not what it should be, the last included: what was good stayed in
    use, so that nothing changed meanwhile. ``stale``: from which day on answers said so."""

    first: date
    last: date
    kind: str
    source: str
    state: str
    error: str
    stale: date | None


@dataclass(frozen=True, slots=True)
class Span:
    """From the first day to the last, both included."""

    first: date
    last: date

    @classmethod
    def until(cls, last: date, years: float = YEARS) -> Span:
        return cls(last - timedelta(days=round(years * 365.2425)), last)

    def at(self, fraction: float) -> int:
        """The day so far along, as an ordinal."""
        return self.first.toordinal() + round(fraction * (self.last - self.first).days)

    def day(self, fraction: float) -> date:
        return date.fromordinal(self.at(fraction))

    @property
    def gaps(self) -> frozenset[date]:
        """Days without a record: three in a row some years ago, and one a few weeks ago."""
        ago = self.day(0.7)
        chosen = (ago, ago + timedelta(days=1), ago + timedelta(days=2), self._back(26))
        return frozenset(day for day in chosen if self.first < day < self.last)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """In order; none of them on the first day or the last, or on a day without a record."""
        ago = self.day(0.84)
        found = (
            Trouble(
                ago, ago + timedelta(days=4), "resources", "delegated-lacnic-extended-latest",
                FAILED, "SAMPLE: no answer within 600 s", ago + timedelta(days=1),
            ),
            Trouble(
                self._back(13), self._back(12), "vrps", "vrps.json",
                DEGRADED, "SAMPLE: VRPs of afrinic fell too far at once", None,
            ),
        )  # fmt: skip
        return tuple(
            each
            for each in found
            if self.first < each.first and each.last < self.last
            and not self.gaps & set(days_between(each.first, each.last))
        )  # fmt: skip

    def steps(self, more: Iterable[date] = ()) -> list[date]:
        """The days on which something may change, ascending; ``more`` are such days as well."""
        weekly, daily = self._back(_WEEKLY_DAYS), self._back(_DAILY_DAYS)
        wanted = {self.first, self.last, *(day for day in more if self.first < day < self.last)}
        wanted |= {
            day
            for day in days_between(self.first, self.last)
            if day >= daily or day.day == 1 or (day >= weekly and day.weekday() == _MONDAY)
        }
        held: set[date] = set()
        after: set[date] = set()
        for each in self.troubles:
            held.update(days_between(each.first, each.last))
            after.add(each.last + timedelta(days=1))
        moved = {self._recorded(day) for day in wanted - held | after}
        return sorted(moved - held | {self.last})

    def _recorded(self, day: date) -> date:
        """This day, or the next that has a record."""
        while day in self.gaps:
            day += timedelta(days=1)
        return day

    def _back(self, days: int) -> date:
        return self.last - timedelta(days=days)


def status(trouble: Trouble, now: float) -> SourceStatus:
    """How the input stood, as a snapshot made at ``now`` (Unix seconds) has it."""
    return SourceStatus(
        trouble.kind, trouble.source, trouble.state,
        error=trouble.error, since=_midnight(trouble.first),
        stale_from=None if trouble.stale is None else _midnight(trouble.stale),
        checked=int(now),
    )  # fmt: skip


def _midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400
