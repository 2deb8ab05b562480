"""Who could raise a group's valid share: the networks whose routes are missing most of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from validator.figures.coverage import share
from validator.groupings import Scheme
from validator.model import Family, format_asn, parse_asn
from validator.pages.facts_common import ASN, ORIGIN, country_of
from validator.planning import plan as planning
from validator.planning.fixes import Relation
from validator.planning.rows import Chosen, Measure, Question
from validator.snapshot import Snapshot

MOST = 20
_MOST_COUNTED = 1000


class Doer(NamedTuple):
    """A network, with how many routes would become valid if it signed (``gain``), what that is in
    percentage points, of how many of its routes it is the holder of the block (None: not looked
    into), how many other routes would turn invalid, and the valid share when it and all before it
    have signed."""

    asn: str
    name: str
    country: str
    gain: int
    points: float
    same: int | None
    different: int | None
    unknown: int | None
    needs_decision: int | None
    after: float | None


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """``half``: how many of the networks hold half of the routes that are not valid, None if that
    cannot be said. ``everybody``: the valid share if all of them signed."""

    now: float | None
    announced: int
    missing: int
    able: int
    half: int | None
    everybody: float | None
    doers: tuple[Doer, ...]


def plan_of(snapshot: Snapshot, question: Question, chosen: Chosen | None = None) -> PlanFacts:
    """Of a group, by routes and by origin; ``chosen``: its rows, if they are known. Takes some ten
    milliseconds; of a large region some more.

    Raises:
        ValueError: the group is not there.
    """
    asked = Question(
        question.scheme, question.group, question.attribution, question.family, most=MOST
    )
    found = planning.plan(snapshot, asked, chosen)
    now, measure = found.now, Measure.ROUTES
    missing = now.announced - now.valid
    doers = []
    for step in found.steps:
        asn = format_asn(step.number)
        doers.append(
            Doer(
                asn,
                snapshot.group_name(Scheme.ASN, asn),
                country_of(snapshot, step.number),
                step.gain,
                100 * step.gain / now.announced,
                step.holders[Relation.SAME],
                step.holders[Relation.DIFFERENT],
                step.holders[Relation.UNKNOWN],
                step.needs_decision,
                step.after.valid_share(measure),
            )
        )
    gains = [step.gain for step in found.steps]
    return PlanFacts(
        now.valid_share(measure),
        now.announced,
        missing,
        found.doers,
        half_of(gains, missing),
        found.everybody.valid_share(measure),
        tuple(doers),
    )


def plan_of_all(snapshot: Snapshot, family: Family) -> PlanFacts:
    """Of everything that is announced: each network's own routes, as coverage counts them. No route
    without an origin, or from AS0, can be helped."""
    coverage = snapshot.coverages[ASN, ORIGIN]
    counts = coverage.routes[family]
    announced, valid = int(counts.sum()), int(counts[:, 0].sum())
    gains = (counts[:, 1] + counts[:, 2]).astype("i8")
    for number, group in enumerate(coverage.groups):
        if group in ("NONE", "AS0"):
            gains[number] = 0
    able = int((gains > 0).sum())
    order = np.argsort(-gains, kind="stable")[:_MOST_COUNTED]
    order = order[gains[order] > 0]
    ranked = gains[order].tolist()
    doers, reached = [], valid
    for number, gain in zip(order[:MOST].tolist(), ranked, strict=False):
        asn = coverage.groups[number]
        reached += gain
        name = snapshot.group_name(Scheme.ASN, asn)
        country = country_of(snapshot, parse_asn(asn))
        doers.append(
            Doer(asn, name, country, gain, 100 * gain / announced, None, None, None, None,
                 share(reached, announced))
        )  # fmt: skip
    missing = announced - valid
    return PlanFacts(
        share(valid, announced),
        announced,
        missing,
        able,
        half_of(ranked, missing),
        share(valid + int(gains.sum()), announced),
        tuple(doers),
    )


def half_of(gains: list[int], missing: int) -> int | None:
    """How many of the first hold at least half of what is missing; None if all of these do not."""
    total = 0
    for number, gain in enumerate(gains, 1):
        total += gain
        if missing and 2 * total >= missing:
            return number
    return None
