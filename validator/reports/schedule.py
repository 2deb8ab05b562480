"""Which reports are due: a pure function of the settings, the days that are recorded, and the files
that are there.

A report is of a *period*: a day, an ISO week, a month, a quarter or a year. It is due once the
period has ended, which is when a later day is recorded, until each of its files is there. Only the
latest period that has ended is ever due: what was missed for long stays missed, and what was
removed stays removed. A report of a period is as of its last recorded day (:func:`as_of`). Nothing
here reads a clock or a file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from validator.reports.forms import FORMS
from validator.settings.report import EVERY, Every, ReportSettings

SOUND_WITHIN_DAYS = 7
"""A day so near before the last one stands for it, if an input was beyond its time on that."""
SAMPLE = "SAMPLE-"
Key = tuple[str, str, str]
"""What sets the files of one group apart: stem, length of the period, language."""
_DAY = timedelta(days=1)
_REST = {"day": "", "month": "-01", "year": "-01-01"}
"""What makes the name of a period its first day."""
_NAME = re.compile(
    r"(?P<sample>SAMPLE-)?(?P<stem>.+)-(?P<period>[0-9]{4}(-[0-9]{2}(-[0-9]{2})?|-W[0-9]{2}"
    r"|-Q[1-4])?)(\.(?P<lang>[a-z]{2}))?\.(?P<suffix>[a-z]{2,4})"
)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From the first day to the last. ``name`` as file names have it."""

    first: date
    last: date
    every: Every
    name: str


def period_of(every: Every, day: date) -> Period:
    """The period that a day lies in."""
    if every == "day":
        return Period(day, day, every, day.isoformat())
    if every == "week":
        year, week, weekday = day.isocalendar()
        first = day - timedelta(days=weekday - 1)
        return Period(first, first + timedelta(days=6), every, f"{year:04}-W{week:02}")
    if every == "month":
        first, months, name = day.replace(day=1), 1, f"{day:%Y-%m}"
    elif every == "quarter":
        quarter = (day.month - 1) // 3
        first, months = date(day.year, 3 * quarter + 1, 1), 3
        name = f"{day.year:04}-Q{quarter + 1}"
    else:
        first, months, name = date(day.year, 1, 1), 12, f"{day.year:04}"
    last_month = first.month + months - 1
    after = date(first.year + last_month // 12, last_month % 12 + 1, 1)
    return Period(first, after - _DAY, every, name)


def before(period: Period) -> Period:
    """The period before."""
    return period_of(period.every, period.first - _DAY)


def named(every: Every, name: str) -> Period | None:
    """The period of a name; None if no period of that length is called so."""
    try:
        if every == "week":
            found = period_of(every, date.fromisocalendar(int(name[:4]), int(name[6:]), 1))
        elif every == "quarter":
            found = period_of(every, date(int(name[:4]), 3 * int(name[6:]) - 2, 1))
        else:
            found = period_of(every, date.fromisoformat(name + _REST[every]))
    except ValueError:
        return None
    return found if found.name == name else None


@dataclass(frozen=True, slots=True)
class Edition:
    """The report of a group for a period."""

    settings: ReportSettings
    group: str
    period: Period

    def file(self, form: str, *, sample: bool) -> str:
        """The name of its file in a form."""
        its = self.settings
        language = f".{its.lang}" if its.lang != "en" else ""
        mark = SAMPLE if sample else ""
        return f"{mark}{its.stem(self.group)}-{self.period.name}{language}.{FORMS[form].suffix}"


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be written: an edition in the forms that are not there yet."""

    edition: Edition
    forms: tuple[str, ...]


class Plan:
    """The settings' reports, by the names that their files have."""

    def __init__(self, reports: Sequence[ReportSettings]) -> None:
        self.reports = tuple(reports)

    @cached_property
    def _known(self) -> Mapping[Key, tuple[ReportSettings, str]]:
        return {
            (each.stem(group), each.every, each.lang): (each, group)
            for each in self.reports
            for group in each.groups
        }

    def edition(self, name: str) -> tuple[Edition, str] | None:
        """Of which edition a file is by its name, and in which form; None if of none of ours."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        form = next((f for f, its in FORMS.items() if its.suffix == found["suffix"]), None)
        for every in EVERY:
            its = self._known.get((found["stem"], every, found["lang"] or "en"))
            period = named(its[0].every, found["period"]) if its else None
            if its and period and form:
                edition = Edition(*its, period)
                if edition.file(form, sample=bool(found["sample"])) == name:
                    return edition, form
        return None

    def due(self, latest: date, held: Container[str], *, sample: bool) -> list[Due]:
        """What is due on the day ``latest`` if the files ``held`` are there: the oldest period
        first."""
        found = []
        for report in self.reports:
            period = before(period_of(report.every, latest))
            for group in report.groups:
                edition = Edition(report, group, period)
                missing = tuple(
                    form
                    for form in dict.fromkeys(report.formats)
                    if edition.file(form, sample=sample) not in held
                )
                if missing:
                    found.append(Due(edition, missing))
        return sorted(found, key=lambda each: each.edition.period.last)

    def outdated(self, held: Collection[str]) -> Iterator[str]:
        """Files of periods that are not to be kept any more."""
        files: dict[Key, dict[Period, list[str]]] = {}
        for name in sorted(held):
            if found := self.edition(name):
                its = found[0].settings
                key: Key = (its.stem(found[0].group), its.every, its.lang)
                files.setdefault(key, {}).setdefault(found[0].period, []).append(name)
        for key, periods in files.items():
            if keep := self._known[key][0].keep:
                for period in sorted(periods)[:-keep]:
                    yield from periods[period]


def as_of(period: Period, recorded: Mapping[date, bool]) -> date | None:
    """The day that a report of a period is as of; None if none of it is recorded. ``recorded``: by
    day, whether an input was beyond its time.

    It is the last one, or, if an input was beyond its time on that, the latest shortly before on
    which none was. If there is no such day either, the report says what was wrong.
    """
    days = sorted(day for day in recorded if period.first <= day <= period.last)
    if not days:
        return None
    near = (day for day in reversed(days) if (days[-1] - day).days <= SOUND_WITHIN_DAYS)
    return next((day for day in near if not recorded[day]), days[-1])


def settled(period: Period, recorded: Collection[date], rebuildable: Collection[date]) -> bool:
    """Whether nothing more will be written of a period: a later day is recorded, with its tables if
    tables are kept, or without if the day after has gone by too."""
    after = max(recorded, default=date.min)
    if after <= period.last:
        return False
    return not rebuildable or max(rebuildable) > period.last or after > period.last + _DAY
