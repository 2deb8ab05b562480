"""Plans against the definitions in their plainest form: every ROA tried, every route judged anew,
every piece of space looked at by itself."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import Network, R, V, judge, route_batch, vrp_batch
from validator.groupings import Attribution
from validator.inputs.batches import Inputs
from validator.model import Family, InputReport, Prefix, ResourceBatch
from validator.planning.fixes import relate, suggest
from validator.planning.hypothetical import LENIENT
from validator.planning.plan import Point, plan, roas
from validator.planning.rows import Doer, Measure, Question
from validator.snapshot import Snapshot
from validator.state.assembly import assemble

COUNTRIES = ("KE", "NL")
REGISTRIES = ("afrinic", "ripencc")
Units = tuple[int, int]


DEPTHS = (0, 1, 2, 2, 2, 3, 3, 3, 4, 5)
"""How far prefixes reach below one that all of them lie in, so that most of them overlap."""


def top(version: int) -> Network:
    if version == 4:
        return ipaddress.IPv4Network("10.0.0.0/8")
    return ipaddress.IPv6Network("2a00::/16")


def crowded(dice: random.Random, version: int) -> Network:
    depth = dice.choice(DEPTHS)
    below: list[Network] = list(top(version).subnets(depth))
    return dice.choice(below)


def signed(dice: random.Random, version: int) -> V:
    prefix = crowded(dice, version)
    return V(prefix, prefix.prefixlen + dice.randint(0, 2), dice.choice((0, 1, 2, 3)))


def announced(dice: random.Random, version: int) -> R:
    return R(crowded(dice, version), dice.choice((1, 2, 3, 4, 5) * 4 + (0, None)))


def delegations(dice: random.Random, version: int) -> ResourceBatch:
    """Some blocks and AS numbers, each with a registry, a country and a holder, or with none."""
    shift = 0 if version == 4 else 64
    blocks = [top(version), *(crowded(dice, version) for _ in range(dice.randint(0, 4)))]
    rows = [
        (version, int(each.network_address) >> shift, int(each.broadcast_address) >> shift)
        for each in blocks
    ]
    rows += [(0, asn, asn) for asn in range(1, 6) if dice.random() < 0.8]
    n = len(rows)
    kind, first, last = zip(*rows, strict=True)
    return ResourceBatch(
        np.array(kind, "u1"),
        np.array(first, "u8"),
        np.array(last, "u8"),
        np.zeros(n, "u1"),
        np.array(dice.choices((0, 1), (1, 3), k=n), "u1"),
        np.array(dice.choices((0, 1), (5, 1), k=n), "u2"),
        np.array(dice.choices((0, 1, 2), (1, 3, 3), k=n), "u4"),
        np.zeros(n, "u4"),
        REGISTRIES,
        COUNTRIES,
        ("", "org-a", "org-b"),
        InputReport("delegated", "resources", rows=n),
    )


def units(route: R) -> Units:
    shift = 0 if route.prefix.version == 4 else 64
    return (
        int(route.prefix.network_address) >> shift,
        int(route.prefix.broadcast_address) >> shift,
    )


def number(route: R) -> int:
    return -1 if route.origin is None else route.origin


@dataclass
class World:
    """A small world, looked at the slow way."""

    vrps: Sequence[V]
    routes: Sequence[R]
    snapshot: Snapshot
    question: Question

    @cached_property
    def counted(self) -> list[R]:
        return [
            each
            for each in self.routes
            if each.prefix.version == self.question.family
            and 0 < each.prefix.prefixlen <= (32 if each.prefix.version == 4 else 64)
        ]

    def country(self, unit: int) -> str:
        ranges = self.snapshot.resources.ranges(self.question.family)
        row = int(np.searchsorted(ranges.first, np.uint64(unit), "right")) - 1
        return self.snapshot.resources.countries[int(ranges.country[row])]

    def network_country(self, route: R) -> str:
        if route.origin is None:
            return "ZZ"
        held = self.snapshot.resources.asn_holder(route.origin)
        return held.country if held else "ZZ"

    def holder(self, route: R) -> int:
        ranges = self.snapshot.resources.ranges(self.question.family)
        first, last = units(route)
        rows = np.searchsorted(ranges.first, np.array([first, last], "u8"), "right") - 1
        holders = set(ranges.holder[rows[0] : rows[1] + 1].tolist())
        return holders.pop() if len(holders) == 1 else 0

    @cached_property
    def by_address(self) -> bool:
        return self.question.attribution is Attribution.ADDRESS

    @cached_property
    def mine(self) -> list[R]:
        """The routes that are counted under the group."""
        group = self.question.group
        if self.by_address:
            return [each for each in self.counted if self.country(units(each)[0]) == group]
        return [each for each in self.counted if self.network_country(each) == group]

    @cached_property
    def pieces(self) -> list[tuple[Units, list[R]]]:
        """The group's announced space in pieces that are alike throughout, with the routes."""
        contributing = self.counted if self.by_address else self.mine
        cuts = {at for each in contributing for at in (units(each)[0], units(each)[1] + 1)}
        ranges = self.snapshot.resources.ranges(self.question.family)
        cuts |= set(ranges.first.tolist())
        ordered = sorted(cuts)
        found = []
        for first, after in pairwise(ordered):
            if self.by_address and self.country(first) != self.question.group:
                continue
            over = [each for each in contributing if units(each)[0] <= first <= units(each)[1]]
            if over:
                found.append(((first, after - 1), over))
        return found

    def point(self, extra: Iterable[V] = ()) -> Point:
        every = [*self.vrps, *extra]
        states = {each: judge(each, every)[0] for each in self.counted}
        sizes = [
            (last - first + 1, {states[each] for each in over})
            for (first, last), over in self.pieces
        ]
        return Point(
            sum(states[each] == "valid" for each in self.mine),
            sum(states[each] != "not-found" for each in self.mine),
            len(self.mine),
            sum(size for size, has in sizes if "valid" in has),
            sum(size for size, has in sizes if has != {"not-found"}),
            sum(size for size, _ in sizes),
        )

    @cached_property
    def roas(self) -> dict[int, list[R]]:
        """The routes that each doer could sign."""
        if self.question.measure is Measure.ROUTES:
            concerned = set(self.mine)
        else:
            concerned = {each for _, over in self.pieces for each in over}
        found: dict[int, list[R]] = {}
        for each in self.counted:
            if each not in concerned or not each.origin or judge(each, self.vrps)[0] == "valid":
                continue
            doer = each.origin if self.question.by is Doer.ORIGIN else self.holder(each)
            if doer:
                found.setdefault(doer, []).append(each)
        return found

    def signed(self, doers: Iterable[int]) -> list[V]:
        return [
            V(each.prefix, each.prefix.prefixlen, each.origin or 0)
            for doer in doers
            for each in self.roas[doer]
        ]

    def part(self, doers: Iterable[int]) -> int:
        return self.point(self.signed(doers)).part(self.question.measure)

    def turned_invalid(self, doer: int) -> int:
        """Routes of whatever group that would turn invalid if this one alone signed."""
        every = [*self.vrps, *self.signed((doer,))]
        return sum(
            judge(each, self.vrps)[0] == "not-found" and judge(each, every)[0] == "invalid"
            for each in self.routes
        )


def world(seed: int) -> World:
    """A world in which most questions have something to find: dice are thrown evenly, as hypothesis
    would not."""
    dice = random.Random(seed)
    version = dice.choice((4, 6))
    mine = list({announced(dice, version) for _ in range(dice.randint(5, 18))})
    payloads = [signed(dice, version) for _ in range(dice.choice((0, 0, 1, 1, 2)))]
    resources = delegations(dice, version)
    snapshot = assemble(
        Inputs(
            vrps=[vrp_batch(payloads)] if payloads else [],
            routes=[route_batch(mine)],
            resources=[resources],
        ),
        LENIENT,
        coverages=[("country", each) for each in Attribution],
    )
    question = Question(
        "country",
        dice.choice((*COUNTRIES[:1] * 6, *snapshot.resources.countries)),
        dice.choice(tuple(Attribution)),
        Family(version),
        dice.choice(tuple(Measure)),
        dice.choice(tuple(Doer)),
        most=dice.choice((20, 20, 20, 20, 20, 20, 20, 2, 1, 0)),
    )
    return World(payloads, mine, snapshot, question)


seeds = st.integers(0, 1 << 32)


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_every_step_is_what_trying_everything_finds(seed: int) -> None:
    its = world(seed)
    question = its.question
    found = plan(its.snapshot, question)
    assert found.now == its.point()
    assert found.everybody == its.point(its.signed(its.roas))
    assert found.doers == len(its.roas)
    chosen: list[int] = []
    for step in found.steps:
        so_far = its.part(chosen)
        gains = {
            doer: its.part([*chosen, doer]) - so_far for doer in its.roas if doer not in chosen
        }
        best = max(gains.values())
        assert step.gain == best > 0
        assert step.number == min(doer for doer, gain in gains.items() if gain == best)
        chosen.append(step.number)
        assert step.after == its.point(its.signed(chosen))
        assert step.needs_decision == its.turned_invalid(step.number)
    if len(chosen) < question.most:
        assert all(its.part([*chosen, doer]) == its.part(chosen) for doer in its.roas)


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_no_other_choice_of_as_many_does_better_than_the_definitions_allow(seed: int) -> None:
    """By routes the order is the best there is for every number of doers; by space, as for any
    greedy choice of what overlaps, at least 1 - (1 - 1/k)^k of the best."""
    its = world(seed)
    found = plan(its.snapshot, its.question)
    now = found.now.part(its.question.measure)
    for k in range(1, min(3, len(found.steps)) + 1):
        best = max(its.part(some) for some in combinations(sorted(its.roas), k)) - now
        mine = found.steps[k - 1].after.part(its.question.measure) - now
        if its.question.measure is Measure.ROUTES:
            assert mine == best
        else:
            assert best >= mine >= best * (1 - (1 - 1 / k) ** k) - 1e-9 * best


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_the_roas_of_a_step_are_those_that_are_suggested_one_by_one(seed: int) -> None:
    its = world(seed)
    snapshot = its.snapshot
    for step in plan(snapshot, its.question).steps:
        needed = list(roas(snapshot, its.question.family, step.rows))
        listed = {(each.roa.prefix, each.roa.asn) for each in needed}
        mine = its.roas[step.number]
        assert listed == {(Prefix.of(each.prefix), number(each)) for each in mine}
        counts = dict.fromkeys(step.holders, 0)
        for each in needed:
            fix = suggest(snapshot, each.roa.prefix, each.roa.asn)
            assert fix.roa == each.roa
            assert each.roa.asn != 0
            assert (fix.recommended, len(fix.turns_invalid)) == (
                each.recommended,
                each.turns_invalid,
            )
            assert each.relation is relate(snapshot, each.roa.prefix, each.roa.asn)
            counts[each.relation] += 1
        assert counts == step.holders
        assert step.not_found + step.invalid == len(needed)
