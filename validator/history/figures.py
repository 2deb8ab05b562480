"""What is read out of the history: a figure by name, a group's points, a day's table, a mover.

Figures are numerators and denominators, as everywhere; a ratio is made when it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from validator.figures.coverage import Coverage
from validator.groupings import Attribution
from validator.history.figure_layout import EXCLUDED, HOLDINGS, SPACES, STATES
from validator.history.records import DayRecord
from validator.model import Family


class Figure(NamedTuple):
    """A figure that is followed: columns to add up, and what to divide by (empty: a count)."""

    of: tuple[str, ...]
    by: tuple[str, ...] = ()


HEADLINE = "valid_share"
FIGURES: Mapping[str, Figure] = {
    "valid_share": Figure(("valid",), STATES),
    "coverage": Figure(("valid", "invalid"), STATES),
    "accuracy": Figure(("valid",), ("valid", "invalid")),
    "space_valid_share": Figure(("valid_space",), ("announced_space",)),
    "space_coverage": Figure(("covered_space",), ("announced_space",)),
    "holdings_coverage": Figure(("delegated_covered_space",), ("delegated_space",)),
    "announced": Figure(STATES),
    **{name: Figure((name,)) for name in (*STATES, *SPACES, *HOLDINGS)},
    "excluded": Figure(EXCLUDED),
}
"""By name. Shares are as :class:`validator.figures.coverage.Figures` has them; spaces are in IPv4
addresses or IPv6 /64s."""


def columns_of(figures: Iterable[str]) -> tuple[str, ...]:
    """The columns that some figures are made of, each once."""
    return tuple(
        dict.fromkeys(n for each in figures for n in (*FIGURES[each].of, *FIGURES[each].by))
    )


class Point(NamedTuple):
    """A group on a day: the columns that were asked for. ``counts`` is None if the scheme was not
    counted that day; all are zero if a network announced nothing; one is None if it was not counted
    (delegated space by origin)."""

    day: date
    counts: Mapping[str, Any] | None

    def parts(self, figure: str) -> tuple[int, int | None] | None:
        """Numerator, and denominator (None: it is a count)."""
        of, by = FIGURES[figure]
        if self.counts is None or None in [self.counts[n] for n in (*of, *by)]:
            return None
        return sum(self.counts[n] for n in of), sum(self.counts[n] for n in by) if by else None

    def value(self, figure: str) -> float | int | None:
        """The figure; None where there is nothing to divide by, or nothing was counted."""
        parts = self.parts(figure)
        if parts is None:
            return None
        part, whole = parts
        if whole is None:
            return part
        return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class Series:
    """A group's figures by day. ``points`` has the days that are recorded, in order, and
    ``records`` what is to be known of each; days between that are in neither are gaps."""

    scheme: str
    attribution: Attribution
    group: str
    family: Family
    name: str
    points: tuple[Point, ...]
    records: Mapping[date, DayRecord]


class Mover(NamedTuple):
    """A group that changed. ``before`` and ``after`` are numerator and denominator (None: it is a
    count)."""

    group: str
    name: str
    before: tuple[int, int | None]
    after: tuple[int, int | None]
    change: float


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A scheme on a day, as it was written: what coverage answered that day."""

    record: DayRecord
    coverage: Coverage
    names: Mapping[str, str]

    def name(self, group: str) -> str:
        return self.names.get(group, "")
