"""The shapes of what :mod:`validator.web.targets` answers: those of :mod:`validator.targets.text`,
where they are from, and lists of targets and milestones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from validator.groupings import Attribution
from validator.milestone_inputs import Listed
from validator.model import Family
from validator.targets import progress as targets
from validator.targets.milestones import Milestone, between
from validator.targets.progress import TargetSettings
from validator.targets.text import TargetsOut


class TargetsReply(TargetsOut, frozen=True, kw_only=True):
    """A group's targets, and how it stands to each: from the days that the history has
    (docs/planning.md). ``generated`` and ``generation`` are those of the snapshot of the latest
    day, ``degraded`` what was not as it should be on it."""

    generated: str
    generation: int


class TargetLine(msgspec.Struct, frozen=True, kw_only=True):
    """A target of the settings: a share, to be reached by the day ``by``, the last of ``year``."""

    family: str
    figure: str
    attribution: Attribution | None
    """Null: the scheme's own."""
    value: float
    year: int
    by: str
    name: str


class ListedTarget(TargetLine, frozen=True, kw_only=True):
    """A target of the settings, and of which group. ``problem``: why it cannot be followed now,
    for instance since there is no such group; empty if it can."""

    scheme: str
    group: str
    problem: str


class TargetListReply(msgspec.Struct, frozen=True, kw_only=True):
    """Every target that the settings name, in their order."""

    targets: list[ListedTarget]
    generated: str
    generation: int
    sample: bool
    degraded: list[str]


class MilestoneOut(msgspec.Struct, frozen=True):
    """A day worth a mark on a time axis. ``source`` says where to read of it."""

    day: str
    name: str
    about: str
    source: str


class MilestonesReply(msgspec.Struct, frozen=True, kw_only=True):
    """Days worth a mark, in order: ours and the user's own. ``problems``: files that could not be
    used as they are now, a line each; what such a file said last stays. ``generated`` is when the
    list last changed, ``generation`` counts that since the service started."""

    milestones: list[MilestoneOut]
    problems: list[str]
    generated: str
    generation: int
    sample: bool


def line_of(target: TargetSettings) -> dict[str, Any]:
    """The fields of :class:`TargetLine`."""
    of = {name: getattr(target, name) for name in ("family", "figure", "value", "year", "name")}
    by = Attribution(target.attribution) if target.attribution else None
    return {**of, "attribution": by, "by": str(target.day)}


def lines(
    configured: Sequence[TargetSettings],
    group: tuple[str, str],
    figure: str,
    by: Attribution,
    usual: Attribution,
) -> list[TargetLine]:
    """The targets of one figure of a group (scheme and identifier), by family. A target that does
    not say whose routes is about the scheme's usual attribution."""
    return [
        TargetLine(**line_of(each))
        for family in Family
        for each in targets.of_group(configured, *group, family.label)
        if each.figure == figure and (each.attribution or usual) == by
    ]


def marks(now: Listed, first: date, last: date) -> list[MilestoneOut]:
    """The milestones from the first day to the last, both included."""

    def out(each: Milestone) -> MilestoneOut:
        return MilestoneOut(str(each.day), each.name, each.about, each.source)

    return list(map(out, between(now.milestones, first, last)))
