"""The shapes of what :mod:`validator.web.history` answers."""

from __future__ import annotations

import msgspec

from validator.groupings import Attribution
from validator.web.target_replies import MilestoneOut, TargetLine


class HistoryPoint(msgspec.Struct, frozen=True, omit_defaults=False):
    """A day. ``recorded`` is false on a day that the history does not have: then, as when the
    scheme was not counted that day, the figures are null. ``denominator`` is null for a count,
    ``value`` where there is nothing to divide by. ``degraded``: see the list of that name."""

    day: str
    recorded: bool
    degraded: bool
    numerator: int | None
    denominator: int | None
    value: float | int | None


class DegradedDay(msgspec.Struct, frozen=True):
    """A day on which inputs were late, degraded or failed, a line for each."""

    day: str
    notes: list[str]


class FamilyHistory(msgspec.Struct, frozen=True):
    """One family's days, in order, from the first to the last asked for that can be had."""

    family: str
    unit: str
    points: list[HistoryPoint]


class HistoryReply(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one group, day by day (docs/history.md). ``first`` and ``last`` are the days of
    the answer; ``days`` are recorded of these, ``gaps`` are not. The history as a whole goes from
    ``history_first`` to ``history_last``. ``figure`` is made of ``numerator_of`` and
    ``denominator_of``, names of columns that are added up. ``milestones`` are those from ``first``
    to ``last``; ``targets`` those of the settings for this figure, whose days may be later."""

    scheme: str
    title: str
    group: str
    name: str
    attribution: Attribution
    figure: str
    numerator_of: list[str]
    denominator_of: list[str]
    first: str
    last: str
    days: int
    gaps: int
    history_first: str
    history_last: str
    families: list[FamilyHistory]
    degraded: list[DegradedDay]
    milestones: list[MilestoneOut]
    targets: list[TargetLine]
    sample: bool
