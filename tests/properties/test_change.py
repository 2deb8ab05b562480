"""Changes against the definition in its plainest form: every route looked up on both days, every
contribution a fraction. In crowded little worlds, and in the sample world as it lives on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import feeds
from tests.oracle import R, V, judge, route_batch, vrp_batch
from tests.properties.test_coverage import Assigned
from tests.properties.test_planning import announced, crowded, delegations, signed
from validator.change.causes import Cause, Figure, Point
from validator.change.shares import By, Change, Question, change
from validator.groupings import Attribution, attributions
from validator.inputs.batches import Inputs
from validator.model import (
    NO_ORIGIN,
    Family,
    GroupBatch,
    Grouping,
    Holding,
    InputReport,
    Members,
    Membership,
    Prefix,
    ResourceBatch,
    format_asn,
)
from validator.sample.announcing import announce
from validator.sample.registry import delegate, found_networks
from validator.sample.routing import choose_vantages, connect
from validator.sample.signing import VrpIndex, sign
from validator.sample.world import DEFAULT_SEED
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules
from validator.tables.resources import Ranges

STATES = ("valid", "invalid", "not-found")
COUNTED = {
    Figure.VALID_SHARE: (("valid",), STATES),
    Figure.COVERAGE: (("valid", "invalid"), STATES),
    Figure.ACCURACY: (("valid",), ("valid", "invalid")),
}
Way = tuple[str, str, str]
"""Who, and the places of a route on both days: a state, or why it is not in the group."""


# ------------------------------------------------------------------------------------- the oracle


def cause(was: str, now: str) -> str:
    if "absent" in (was, now):
        return "newly-announced" if was == "absent" else "withdrawn"
    if "excluded" in (was, now):
        return "newly-counted" if was == "excluded" else "no-longer-counted"
    if "elsewhere" in (was, now):
        return "moved-in" if was == "elsewhere" else "moved-out"
    return {"valid": "signed", "invalid": "became-invalid", "not-found": "roa-gone"}[now]


def counts(ways: Iterable[Way], figure: Figure) -> tuple[Point, Point]:
    part, whole = COUNTED[figure]
    tally = [sum(way[day] in places for way in ways) for day in (1, 2) for places in (part, whole)]
    return Point(*tally[:2]), Point(*tally[2:])


def check(found: Change, ways: Sequence[Way], question: Question) -> None:
    """That a change is what its routes' ways come to, and adds up."""
    before, after = counts(ways, question.figure)
    assert (found.before, found.after) == (before, after)
    told = found.first(1 << 30)
    moved = [way for way in ways if way[1] != way[2]]
    assert {each.who for each in told} == {who for who, _, _ in moved}
    for each in told:
        mine = [way for way in ways if way[0] == each.who]
        assert (each.before, each.after) == counts(mine, question.figure)
        causes = Counter(cause(*way[1:]) for way in mine if way[1] != way[2])
        assert {part.cause: part.routes for part in each.parts} == causes
        for part in each.parts:
            its = [way for way in mine if way[1] != way[2] and cause(*way[1:]) == part.cause]
            left = Counter(was if was in STATES else now for _, was, now in its)
            assert (part.valid, part.invalid, part.not_found) == tuple(left[s] for s in STATES)
            was, now = counts(its, question.figure)
            assert (part.part, part.whole) == (now.part - was.part, now.whole - was.whole)
            if found.change is not None:
                c0 = Fraction(*before)
                assert found.quotient(part.exact) == (part.part - c0 * part.whole) / after.whole
        if found.change is not None:
            assert each.exact == sum(part.exact or 0 for part in each.parts)
    if not before.whole or not after.whole:
        assert (found.change, found.unit) == (None, None)
        assert all(part.exact is each.exact is None for each in told for part in each.parts)
        assert found.movers(9) == []
        return
    assert found.change == Fraction(*after) - Fraction(*before)
    assert sum((found.quotient(each.exact) or Fraction(0) for each in told), Fraction(0)) == (
        found.change
    )
    total, sizes = found.total(), [abs(each.exact or 0) for each in told]
    assert found.quotient(total.exact) == found.change
    assert sum(part.exact or 0 for part in total.parts) == total.exact
    assert sizes == sorted(sizes, reverse=True)
    rest = found.rest(2)
    assert rest.exact == sum(each.exact or 0 for each in told[2:])
    every = [abs(p.exact or 0) for each in told for p in each.parts if p.exact]
    movers = found.movers(4)
    assert [abs(mover.part.exact or 0) for mover in movers] == sorted(every, reverse=True)[:4]
    known = {(each.who, part) for each in told for part in each.parts}
    assert all((mover.who, mover.part) in known for mover in movers)


def coverage_of(snapshot: Snapshot, question: Question) -> Point:
    """The same share as coverage has it."""
    coverage = snapshot.coverages[question.scheme, question.attribution]
    number = coverage.index(question.group)
    if number is None:
        return Point(0, 0)
    its = coverage.figures(number, question.family)
    match question.figure:
        case Figure.VALID_SHARE:
            return Point(its.valid, its.announced)
        case Figure.COVERAGE:
            return Point(its.valid + its.invalid, its.announced)
        case Figure.ACCURACY:
            return Point(its.valid, its.valid + its.invalid)


# ----------------------------------------------------------------------------------- little worlds

SCHEMES = {
    "asn": None, "country": None, "rir": None, "ldc": Members.COUNTRIES,
    "custom-nets": Members.NETWORKS, "custom-space": Members.PREFIXES,
}  # fmt: skip


@dataclass(frozen=True)
class Day:
    routes: list[R]
    snapshot: Snapshot
    states: dict[R, str]
    rules: AnnouncedRules
    assigned: dict[str, Assigned]

    def excluded(self, route: R) -> bool:
        asn = NO_ORIGIN if route.origin is None else route.origin
        length, version = route.prefix.prefixlen, route.prefix.version
        longest = self.rules.longest_ipv4 if version == 4 else self.rules.longest_ipv6
        barred = any(first <= asn <= last for first, last in self.rules.special_asns)
        return not 0 < length <= longest or barred

    def group(self, route: R, scheme: str, attribution: Attribution) -> str:
        its = self.assigned[scheme]
        if attribution is Attribution.ORIGIN:
            return its.of_origin(route.origin)
        version = route.prefix.version
        return its.of_address(
            version, int(route.prefix.network_address) >> (0 if version == 4 else 64)
        )

    def place(self, route: R, question: Question) -> str:
        if route not in self.states:
            return "absent"
        if self.excluded(route):
            return "excluded"
        mine = self.group(route, question.scheme, question.attribution) == question.group
        return self.states[route] if mine else "elsewhere"


def grouping(dice: random.Random, scheme: str, version: int) -> Grouping:
    members = SCHEMES[scheme]
    assert members is not None
    if members is Members.PREFIXES:
        some = {str(crowded(dice, version)) for _ in range(4)}
    else:
        some = set({"country": ("KE", "NL"), "asn": ("AS1", "AS3", "AS4")}[members])
    listed = [Membership(each, dice.choice("ab")) for each in sorted(some) if dice.random() < 0.7]
    return Grouping(
        scheme, scheme, members, {"a": "A", "b": "B"}, tuple(listed), "", "", "", date(2026, 1, 1)
    )


def next_day(dice: random.Random, scheme: str, version: int, routes: list[R]) -> Day:
    """A day whose routes are mostly these; everything else is new each time."""
    mine = [each for each in routes if dice.random() < 0.8]
    mine = list({*mine, *(announced(dice, version) for _ in range(dice.randint(0, 6)))})
    payloads = [signed(dice, version) for _ in range(dice.randint(0, 3))]
    payloads += [
        V(each.prefix, each.prefix.prefixlen, each.origin)
        for each in mine
        if each.origin and dice.random() < 0.3
    ]
    rules = AnnouncedRules(
        longest_ipv4=dice.choice((32, 32, 11)), longest_ipv6=dice.choice((64, 64, 19)),
        special_prefixes=(), special_asns=dice.choice(((), (), ((3, 3),))),
    )  # fmt: skip
    groups = []
    if SCHEMES[scheme]:
        groups.append(GroupBatch(grouping(dice, scheme, version), {}, {}, InputReport("", "")))
    snapshot = assemble(
        Inputs(
            vrps=[vrp_batch(payloads)] if payloads else [],
            routes=[route_batch(mine)],
            resources=[delegations(dice, version)],
            groups=groups,
        ),
        rules,
        coverages=[
            (scheme, each)
            for each in (
                (Attribution.ORIGIN,) if scheme == "asn" else attributions(SCHEMES[scheme])
            )
        ],
    )
    assigned = {
        each: Assigned(snapshot.resources, each, snapshot.lists.get(each))
        for each in (scheme, "country")
    }
    return Day(mine, snapshot, {each: judge(each, payloads)[0] for each in mine}, rules, assigned)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32))
def test_every_route_of_two_days_is_told_once_and_all_adds_up(seed: int) -> None:
    dice = random.Random(seed)
    version, scheme = dice.choice((4, 6)), dice.choice(tuple(SCHEMES))
    first = next_day(dice, scheme, version, [announced(dice, version) for _ in range(14)])
    last = next_day(dice, scheme, version, first.routes)
    attribution = dice.choice([by for _, by in first.snapshot.coverages])
    family = Family(version)
    known: set[str] = set()
    busy: list[str] = []  # what most questions are about
    for day in (first, last):
        coverage = day.snapshot.coverages[scheme, attribution]
        announced_by = coverage.routes[family].sum(axis=1)
        known |= set(coverage.groups)
        busy += [coverage.groups[row] for row in np.flatnonzero(announced_by > 1).tolist()]
    groups = sorted(busy) if busy and dice.random() < 0.9 else sorted(known)
    question = Question(scheme, dice.choice(groups), attribution, family)
    every = sorted({*first.routes, *last.routes}, key=str)
    for by in By:
        ways: list[Way] = []
        for route in every:
            was, now = (day.place(route, question) for day in (first, last))
            if was not in STATES and now not in STATES:
                continue
            if by is By.NETWORK:
                who = format_asn(NO_ORIGIN if route.origin is None else route.origin)
                ways.append((who, was, now))
                continue
            whose = [day.group(route, "country", attribution) for day in (first, last)]
            if was in STATES and now in STATES and whose[0] != whose[1]:
                ways += [(whose[0], was, "elsewhere"), (whose[1], "elsewhere", now)]
            else:
                ways.append((whose[0] if was in STATES else whose[1], was, now))
        for figure in Figure:
            asked = replace(question, figure=figure, by=by)
            found = change(first.snapshot, last.snapshot, asked)
            check(found, ways, asked)
            assert found.before == coverage_of(first.snapshot, asked)
            assert found.after == coverage_of(last.snapshot, asked)


# ------------------------------------------------------------------------------- the sample world


Sampled = dict[tuple[Prefix, int], str]


def is_ipv4(prefix: Prefix) -> bool:
    return prefix.family is Family.IPV4


def located(ranges: Ranges, position: int) -> int:
    return int(np.searchsorted(ranges.first, np.uint64(position), "right")) - 1


@cache
def sample_days() -> list[tuple[Snapshot, Sampled]]:
    """Three days of a quarter of the sample world, each without some ROAs, routes and blocks."""
    dice = random.Random(4)
    networks = found_networks(DEFAULT_SEED)
    blocks, delegated = delegate(DEFAULT_SEED, networks)
    links = connect(DEFAULT_SEED, networks, choose_vantages(networks, blocks))
    announcements = announce(DEFAULT_SEED, networks, blocks, links, delegated)
    every = sorted({(one.prefix, one.origin) for one in announcements[::4] if is_ipv4(one.prefix)})
    payloads = [
        vrp
        for vrp in sorted(sign(DEFAULT_SEED, networks, announcements, delegated))
        if is_ipv4(vrp.prefix)
    ]
    rirs = sorted({each.rir for each in delegated})
    countries = sorted({each.country for each in delegated})
    days = []
    for _ in range(3):
        mine = [each for each in every if dice.random() < 0.9]
        signed = [each for each in payloads if dice.random() < 0.9]
        held = [each for each in delegated if each.kind != 6 and dice.random() < 0.97]
        kind, first, count, country = zip(
            *((e.kind, e.first, e.count, e.country) for e in held), strict=True
        )
        resources = ResourceBatch(
            np.array(kind, "u1"),
            np.array(first, "u8"),
            np.array([f + c - 1 for f, c in zip(first, count, strict=True)], "u8"),
            np.array([Holding[each.status.upper()] for each in held], "u1"),
            np.array([rirs.index(each.rir) for each in held], "u1"),
            np.array([countries.index(each) for each in country], "u2"),
            np.zeros(len(held), "u4"),
            np.array([each.date for each in held], "u4"),
            tuple(rirs), tuple(countries), ("",), InputReport("delegated", "resources"),
        )  # fmt: skip
        snapshot = assemble(
            Inputs(
                vrps=[feeds.vrp_batch(
                    tuple((str(v.prefix), v.max_length, v.asn, v.rir) for v in signed)
                )],
                routes=[feeds.route_batch(tuple((str(p), asn) for p, asn in mine))],
                resources=[resources],
            ),
            AnnouncedRules(special_prefixes=(), special_asns=()),
            coverages=[("country", by) for by in Attribution],
        )  # fmt: skip
        index = VrpIndex(tuple(signed))
        days.append((snapshot, {each: str(index.state(*each)) for each in mine}))
    return days


@pytest.mark.parametrize(
    ("country", "attribution"),
    [("KE", Attribution.ADDRESS), ("ZZ", Attribution.ADDRESS), ("NL", Attribution.ORIGIN)],
)
def test_days_of_the_sample_world_are_told_as_looking_every_route_up_tells_them(
    country: str, attribution: Attribution
) -> None:
    question = Question("country", country, attribution, Family.IPV4)

    def places(snapshot: Snapshot, states: Sampled) -> dict[tuple[Prefix, int], str]:
        resources = snapshot.resources
        found = {}
        for (prefix, origin), state in states.items():
            if attribution is Attribution.ADDRESS:
                row = located(resources.ipv4, prefix.high >> 32)
                its = resources.countries[resources.ipv4.country[row]]
            else:
                row = located(resources.asn, max(origin, 0))
                its = "ZZ" if origin < 0 else resources.countries[resources.asn.country[row]]
            counted = 0 < prefix.length <= 24
            found[prefix, origin] = (
                "excluded" if not counted else state if its == country else "elsewhere"
            )
        return found

    days = [(snapshot, places(snapshot, states)) for snapshot, states in sample_days()]
    for (first, was), (last, now) in combinations(days, 2):
        ways = [
            (format_asn(route[1]), was.get(route, "absent"), now.get(route, "absent"))
            for route in {**was, **now}
            if was.get(route) in STATES or now.get(route) in STATES
        ]
        found = change(first, last, question)
        check(found, ways, question)
        assert len(found.order)
        assert found.before == coverage_of(first, question)
        assert found.after == coverage_of(last, question)


def test_causes_have_an_order_that_the_oracle_shares() -> None:
    places = ("absent", "excluded", "elsewhere", *STATES)
    reached = {cause(a, b) for a in places for b in places if a != b and {a, b} & set(STATES)}
    assert reached == set(Cause)
