"""What moved a group's share between two days, as a page tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from validator.change.shares import Question, change
from validator.groupings import Attribution, Scheme
from validator.history.records import day_of
from validator.model import Family
from validator.pages.facts_common import Share
from validator.snapshot import Snapshot

MOST_MOVERS = 5


@dataclass(frozen=True, slots=True)
class MoverFacts:
    """A network, why, of how many routes, and what that did, in percentage points."""

    who: str
    name: str
    cause: str
    routes: int
    points: float


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """A share on two days, who moved it most, and by cause."""

    first: date
    last: date
    before: Share
    after: Share
    points: float
    movers: tuple[MoverFacts, ...]
    causes: tuple[tuple[str, int, float], ...]
    """Cause, routes, percentage points."""
    sound: bool
    """No input of either day was beyond its time."""


def change_facts(
    before: Snapshot, after: Snapshot, scheme: str, group: str, by: Attribution, family: Family,
    most: int = MOST_MOVERS,
) -> ChangeFacts | None:  # fmt: skip
    """None if one of the days has no such group, or no share to speak of. Some 0.2 s on two full
    tables."""
    try:
        found = change(before, after, Question(scheme, group, by, family))
    except ValueError:
        return None
    unit = found.unit
    if unit is None:
        return None

    def points(exact: int | None) -> float:
        return 100 * (exact or 0) / unit

    movers = tuple(
        MoverFacts(
            each.who,
            after.group_name(Scheme.ASN, each.who) or before.group_name(Scheme.ASN, each.who),
            each.part.cause.value,
            each.part.routes,
            points(each.part.exact),
        )
        for each in found.movers(most)
    )
    total = found.total()
    causes = [(part.cause.value, part.routes, points(part.exact)) for part in total.parts]
    return ChangeFacts(
        day_of(before.created),
        day_of(after.created),
        Share(found.before.part, found.before.whole),
        Share(found.after.part, found.after.whole),
        points(total.exact),
        movers,
        tuple(sorted(causes, key=lambda each: -abs(each[2]))),
        not before.stale() and not after.stale(),
    )
