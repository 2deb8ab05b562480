"""What changed in a week: the world's valid share, and the countries whose share moved most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from validator.figures.coverage import Coverage
from validator.groups.members import UNRANKED
from validator.history.records import NoSuchDay
from validator.model import Family
from validator.pages.facts_common import ADDRESS, Row, Share, Sources, nearest, with_counts

DAYS = 7
NEAR_DAYS = 3
"""A recorded day so near to a week ago stands for it."""
LEAST_ROUTES = 100
"""Of fewer announced routes a share moves by itself: such countries are not named."""
MOST = 6


@dataclass(frozen=True, slots=True)
class Week:
    """Since ``day``: the share of everything then and now; countries that moved, with their own
    share then, the largest change first."""

    day: date
    before: Share
    after: Share
    movers: tuple[Row, ...]

    @property
    def points(self) -> float:
        """What the share of everything changed by, in percentage points."""
        return 100 * ((self.after.value or 0.0) - (self.before.value or 0.0))


def week_of(
    sources: Sources, whole: Coverage, countries: Sequence[Row], family: Family
) -> Week | None:
    """What changed since about a week before. ``whole`` is a scheme by address, ``countries`` are
    as of now. None if no such day is recorded, or either moment was degraded.

    Raises:
        SourceError: the history cannot be read.
    """
    reader = sources.reader
    days = reader.days() if reader else {}
    then = nearest(days, sources.day - timedelta(DAYS), NEAR_DAYS)
    sound = not sources.record.degraded if sources.record else not sources.snapshot.stale()
    if reader is None or then is None or then == sources.day or days[then].degraded or not sound:
        return None
    try:
        totals = [
            table.routes[family].sum(axis=0).tolist()
            for table in (reader.at(whole.scheme, ADDRESS, then, (family,)).coverage, whole)
        ]
        before, after = (Share(counts[0], sum(counts)) for counts in totals)
        rows = with_counts(reader, countries, ADDRESS, then)
    except NoSuchDay:
        return None
    if not before.whole or not after.whole:
        return None
    moved = [
        row
        for row in rows
        if row.group not in UNRANKED
        and row.change
        and row.before
        and min(row.before.whole, row.figures.announced) >= LEAST_ROUTES
    ]
    moved.sort(key=lambda row: (-abs(row.change or 0.0), row.group))
    return Week(then, before, after, tuple(moved[:MOST]))
