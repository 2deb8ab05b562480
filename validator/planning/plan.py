"""Who could raise coverage: whose ROAs would make most of a group's routes valid, and which ROAs.

For a group, a family and an attribution, *doers* are ranked by the valid share that would be gained
if the routes of theirs that are not-found or invalid became valid: networks, by the origin of the
routes, or holders of address blocks, who alone can create ROAs. By routes their gains add up. By
space they overlap, so each is counted with what those before it left (greedy, exact at every step;
docs/planning.md says how near to the best choice that comes).

A ROA here is the smallest that makes its route valid (:mod:`validator.planning.fixes`): never AS0,
and none for the origin NONE. That a doer *could* sign is no reason that it should: whether the
origin is the holder of the block stands beside each, and how many other announced routes would turn
invalid, each of which needs its own decision.

Time: some 10 ms for a country of the full table, a tenth of a second for a registry's region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.kernels import planning as kernels
from validator.model import I8, NO_ORIGIN, U1, U4, Family, Verdict, format_asn
from validator.planning.fixes import Relation, one_file_each
from validator.planning.hypothetical import Payload
from validator.planning.rows import (
    NOBODY,
    Chosen,
    Doer,
    Measure,
    Question,
    doers_of,
    rows_of,
    spans_of,
)
from validator.snapshot import Snapshot
from validator.tables.resources import NOBODY as NOWHERE
from validator.tables.resources import locate

MOST_STEPS = 1_000
_ALL_OF_IPV6 = (1 << 64) - 1
_RELATIONS = (Relation.SAME, Relation.DIFFERENT, Relation.UNKNOWN)


class Point(NamedTuple):
    """What a group has at some step: numerators and denominators. Space is in IPv4 addresses or
    IPv6 /64s."""

    valid: int
    covered: int
    announced: int
    valid_space: int
    covered_space: int
    announced_space: int

    def part(self, measure: Measure) -> int:
        """What is valid."""
        return self.valid if measure is Measure.ROUTES else self.valid_space

    def whole(self, measure: Measure) -> int:
        """What is announced."""
        return self.announced if measure is Measure.ROUTES else self.announced_space

    def valid_share(self, measure: Measure) -> float | None:
        whole = self.whole(measure)
        return self.part(measure) / whole if whole else None

    def coverage(self, measure: Measure) -> float | None:
        whole = self.whole(measure)
        covered = self.covered if measure is Measure.ROUTES else self.covered_space
        return covered / whole if whole else None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One doer. ``number`` is an AS number or an index into the resources' holders; ``rows`` (i8,
    ascending) the rows of the route table that are to be signed, each with a ROA of its own.

    ``gain``: what becomes valid that was not by those before it, in the question's measure.
    ``not_found`` and ``invalid``: the states of ``rows`` now. ``holders``: of how many of them the
    origin is the holder. ``needs_decision``: how many other announced routes, of whatever group and
    counted or not, would turn invalid if this doer alone signed. ``after``: what the group has when
    this doer and all before it have signed.
    """

    number: int
    gain: int
    rows: I8
    not_found: int
    invalid: int
    holders: Mapping[Relation, int]
    needs_decision: int
    after: Point


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """``doers``: how many could do anything; ``everybody``: what the group had if all of them did.
    ``beyond`` counts routes that are not valid and that no doer has, by why: ``no-origin`` and
    ``as0`` (no ROA can help), ``holder-unknown``."""

    question: Question
    now: Point
    everybody: Point
    steps: tuple[Step, ...]
    doers: int
    beyond: Mapping[str, int]


class Needed(NamedTuple):
    """A ROA that a plan has. ``recommended`` as in :class:`validator.planning.fixes.Fix`;
    ``turns_invalid``: how many other announced routes it would turn invalid, created alone."""

    roa: Payload
    verdict: Verdict
    relation: Relation
    recommended: bool
    turns_invalid: int


def plan(snapshot: Snapshot, question: Question, chosen: Chosen | None = None) -> Plan:
    """Who could raise the valid share of a group, in the order in which it is raised most.
    ``chosen``: the group's rows (:func:`~validator.planning.rows.rows_of`), if they are known.

    Raises:
        ValueError: the scheme is not counted, or has no such group, or not so attributed.
    """
    routes, family = snapshot.routes, question.family
    chosen = chosen or rows_of(snapshot, question)
    rows = chosen.rows
    origin, verdict = routes.origin[rows], routes.verdict[rows]
    able = (verdict != Verdict.VALID) & (origin > 0)
    if question.measure is Measure.ROUTES:
        able &= chosen.mine > 0
    doer, numbers = doers_of(snapshot, question, rows, able)
    able &= doer != NOBODY
    order, gains = _ordered(question, chosen, verdict, able, doer, len(numbers))

    listed = len(order)
    rest, never = listed + 1, listed + 2
    step_of = np.full(len(numbers) + 1, rest, "u4")
    step_of[order] = np.arange(1, listed + 1, dtype="u4")
    rank = np.full(len(rows), never, "u4")
    rank[able] = step_of[doer[able]]
    points = _points(snapshot, chosen, rank, never)
    theirs = np.flatnonzero(rank <= listed)  # few of many: the rest needs no order
    by_doer = theirs[np.argsort(rank[theirs], kind="stable")]
    cuts = np.searchsorted(rank[by_doer], np.arange(1, listed + 2))
    mine = [rows[by_doer[cuts[at] : cuts[at + 1]]] for at in range(listed)]
    return Plan(
        question,
        points[0],
        points[rest],
        tuple(_steps(snapshot, family, numbers[order], gains, mine, points)),
        len(numbers),
        _beyond(question, chosen, origin, verdict, able),
    )


def roas(snapshot: Snapshot, family: Family, rows: I8) -> Iterator[Needed]:
    """The exact ROA for each of some rows of one family: those of a :class:`Step`, or some."""
    routes = snapshot.routes
    first, last = _slices(snapshot, family, rows)
    not_found = _not_found_before(snapshot, family)
    base = routes.family_range(family)[0]
    inside = not_found[last - base] - not_found[first - base]
    inside -= routes.verdict[rows] == Verdict.NOT_FOUND
    relations = _relations(snapshot, family, rows).tolist()
    for row, code, others in zip(rows.tolist(), relations, inside.tolist(), strict=True):
        prefix, verdict = routes.prefix(row), Verdict(int(routes.verdict[row]))
        relation = _RELATIONS[code]
        recommended = relation is Relation.SAME and verdict is not Verdict.INVALID_AS0
        roa = Payload(prefix, prefix.length, int(routes.origin[row]))
        yield Needed(roa, verdict, relation, recommended, others)


def doer_text(snapshot: Snapshot, by: Doer, number: int) -> str:
    """The identifier of a doer: ``AS64496``, or the registry and the opaque-id of a holder."""
    if by is Doer.ORIGIN:
        return format_asn(number)
    return f"{registered(snapshot, number)[1]}:{snapshot.resources.holders[number]}"


def registered(snapshot: Snapshot, holder: int) -> tuple[str, str]:
    """The country and the registry that a holder's records have; of several countries the first."""
    resources = snapshot.resources
    for ranges in (resources.asn, resources.ipv4, resources.ipv6):
        found = np.flatnonzero(ranges.holder == holder)
        if len(found):
            row = int(found[0])
            country = resources.countries[ranges.country[row]]
            return country, resources.registries[ranges.registry[row]]
    return NOWHERE, NOWHERE


def networks_of(snapshot: Snapshot, by: Doer, number: int, most: int = 10) -> list[int]:
    """AS numbers of a doer: its own, or some that the holder of the blocks holds."""
    if by is Doer.ORIGIN:
        return [number]
    asns = snapshot.resources.asn
    found: list[int] = []
    for row in np.flatnonzero(asns.holder == number)[:most].tolist():
        end = int(asns.first[row + 1]) if row + 1 < len(asns) else asns.end + 1
        first = int(asns.first[row])
        found += range(first, min(end, first + most))
    return found[:most]


# --------------------------------------------------------------------------------- in which order


def _ordered(
    question: Question,
    chosen: Chosen,
    verdict: U1,
    able: NDArray[np.bool_],
    doer: U4,
    doers: int,
) -> tuple[I8, Sequence[int]]:
    """The doers to be listed, and what each adds. Of two that add as much: the smaller number."""
    most = min(question.most, doers)
    if question.measure is Measure.ROUTES:
        counts = np.bincount(doer[able], minlength=doers).astype("i8")
        order = np.argsort(-counts, kind="stable")[:most]
        return order, counts[order].tolist()
    doing = np.where(able, kernels.PLANNED, kernels.BEYOND).astype("u1")
    doing[verdict == Verdict.VALID] = kernels.VALID
    order, gains = np.empty(most, "i8"), np.empty(most, "u8")
    count = kernels.choose_by_space(
        chosen.first, chosen.last, doing, doer, doers, most, order, gains
    )
    return order[:count], gains[:count].tolist()


def _points(snapshot: Snapshot, chosen: Chosen, rank: U4, never: int) -> list[Point]:
    """What the group has after each step, from now (0) to when everybody has signed."""
    routes = snapshot.routes
    valid, covered, valid_space, covered_space = (np.zeros(never + 1, "u8") for _ in range(4))
    kernels.trace(
        routes.high, routes.low, routes.length, routes.verdict, *chosen, rank, never,
        valid, covered, valid_space, covered_space,
    )  # fmt: skip
    announced = int(chosen.mine.sum())
    sums = [np.cumsum(each).tolist() for each in (valid, covered, valid_space, covered_space)]
    # All of IPv6 is one more than a column can hold: it counts as coverage counts it.
    whole = sums[2][never]
    if len(chosen.rows) and not whole:
        whole = _ALL_OF_IPV6
    return [Point(v, c, announced, vs, cs, whole) for v, c, vs, cs in zip(*sums, strict=True)]


def _beyond(
    question: Question,
    chosen: Chosen,
    origin: I8,
    verdict: U1,
    able: NDArray[np.bool_],
) -> dict[str, int]:
    unable = (verdict != Verdict.VALID) & ~able
    if question.measure is Measure.ROUTES:
        unable &= chosen.mine > 0
    return {
        "no-origin": int((unable & (origin == NO_ORIGIN)).sum()),
        "as0": int((unable & (origin == 0)).sum()),
        "holder-unknown": int((unable & (origin > 0)).sum()),
    }


# ------------------------------------------------------------------------------------- each step


def _steps(
    snapshot: Snapshot,
    family: Family,
    numbers: I8,
    gains: Sequence[int],
    each: Sequence[I8],
    points: Sequence[Point],
) -> Iterator[Step]:
    routes = snapshot.routes
    base = routes.family_range(family)[0]
    not_found = _not_found_before(snapshot, family)
    for at, (number, gain, rows) in enumerate(zip(numbers.tolist(), gains, each, strict=True)):
        uncovered = rows[routes.verdict[rows] == Verdict.NOT_FOUND]
        first, last = _slices(snapshot, family, uncovered)
        # Slices of prefixes nest or are apart: those that begin anew hold all the others.
        outer = np.ones(len(first), "?")
        outer[1:] = first[1:] >= np.maximum.accumulate(last)[:-1]
        inside = not_found[last[outer] - base] - not_found[first[outer] - base]
        codes = np.bincount(_relations(snapshot, family, rows), minlength=3).tolist()
        yield Step(
            number,
            int(gain),
            rows,
            len(uncovered),
            len(rows) - len(uncovered),
            dict(zip(_RELATIONS, codes, strict=True)),
            int(inside.sum()) - len(uncovered),
            points[at + 1],
        )


def _not_found_before(snapshot: Snapshot, family: Family) -> NDArray[np.int32]:
    """How many routes of a family before each row, and in all, are not-found: counted or not. Half
    as wide as other counts, for it is long, and made anew for each plan."""
    start, stop = snapshot.routes.family_range(family)
    before = np.zeros(stop - start + 1, "i4")
    not_found = snapshot.routes.verdict[start:stop] == Verdict.NOT_FOUND
    np.cumsum(not_found.astype("i4"), out=before[1:])
    return before


def _slices(snapshot: Snapshot, family: Family, rows: I8) -> tuple[I8, I8]:
    """Where the routes inside each row's prefix begin and end."""
    routes = snapshot.routes
    first, last = np.empty(len(rows), "i8"), np.empty(len(rows), "i8")
    place = routes.high, routes.low, routes.length, *routes.family_range(family)
    kernels.slices_of(*place, rows, first, last)
    return first, last


def _relations(snapshot: Snapshot, family: Family, rows: I8) -> U1:
    """Of each row, whether the origin is the holder: an index into ``_RELATIONS``."""
    resources = snapshot.resources
    ranges, asns = resources.ranges(family), resources.asn
    at = locate(asns, snapshot.routes.origin[rows].astype("u8"))
    relation = np.empty(len(rows), "u1")
    kernels.relate_rows(
        ranges.first, ranges.holder, ranges.registry, *spans_of(snapshot, family, rows),
        asns.holder[at], asns.registry[at], one_file_each(snapshot), relation,
    )  # fmt: skip
    return relation
