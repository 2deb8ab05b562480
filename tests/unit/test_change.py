"""What moved a share, in a country small enough to follow: 10.0.0.0/8 is KE's, with AS1 and AS2;
11.0.0.0/8 is NL's, with AS3 (:mod:`tests.unit.test_planning`)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.unit.test_planning import world
from validator.change.causes import CAUSES, Cause, Figure, Point
from validator.change.shares import By, Change, Question, change
from validator.change.text import CAUSE_WORDS, points_text
from validator.groupings import Attribution, Lists
from validator.model import Family, Members
from validator.snapshot import Snapshot

FOUR = tuple((f"10.0.{k}.0/24", 1 + k % 2) for k in range(4))  # AS1 has 0 and 2, AS2 1 and 3
SIGNED = (("10.0.0.0/24", 24, 1),)
KENYA = Question("country", "KE", Attribution.ADDRESS, Family.IPV4)


def parts(found: Change) -> dict[Cause, tuple[int, Fraction | None]]:
    return {each.cause: (each.routes, found.quotient(each.exact)) for each in found.total().parts}


def test_who_signs_raises_the_share_by_what_it_signed() -> None:
    found = change(
        world(FOUR, SIGNED), world(FOUR, (*SIGNED, ("10.0.1.0/24", 24, 2), ("10.0.2.0/24", 24, 1))),
        KENYA,
    )  # fmt: skip
    assert (found.before, found.after) == (Point(1, 4), Point(3, 4))
    assert found.change == Fraction(1, 2)
    first, second = found.first(5)
    assert (first.who, second.who) == ("AS1", "AS2")
    assert (first.before, first.after) == (Point(1, 2), Point(2, 2))
    assert [found.quotient(each.exact) for each in (first, second)] == [Fraction(1, 4)] * 2
    assert parts(found) == {Cause.SIGNED: (2, Fraction(1, 2))}


FIVE = (*FOUR, ("10.0.4.0/24", 2))
OTHERS = (("10.0.4.0/24", 24, 1),)
"""Somebody else's ROA."""


@pytest.mark.parametrize(
    ("before", "after", "expected", "states"),
    [
        pytest.param((FOUR, SIGNED), (FOUR[1:], SIGNED), {Cause.WITHDRAWN: Fraction(-1, 4)},
                     (1, 0, 0), id="a valid route is withdrawn"),
        pytest.param((FOUR, SIGNED), (FOUR[:3], SIGNED), {Cause.WITHDRAWN: Fraction(1, 12)},
                     (0, 0, 1), id="one that is not found is withdrawn"),
        pytest.param((FOUR, SIGNED), (FIVE, SIGNED), {Cause.ANNOUNCED: Fraction(-1, 20)},
                     (0, 0, 1), id="a route is new"),
        pytest.param((FOUR, SIGNED), (FOUR, ()), {Cause.UNSIGNED: Fraction(-1, 4)},
                     (1, 0, 0), id="a ROA is gone"),
        pytest.param((FIVE, OTHERS), (FIVE, ()), {Cause.UNSIGNED: Fraction(0)},
                     (0, 1, 0), id="a ROA that made a route invalid is gone"),
        pytest.param((FIVE, OTHERS), (FIVE, (("10.0.4.0/24", 24, 2),)),
                     {Cause.SIGNED: Fraction(1, 5)}, (0, 1, 0), id="an invalid route is put right"),
        pytest.param((FOUR, SIGNED), (FOUR, (("10.0.0.0/24", 24, 9),)),
                     {Cause.INVALIDATED: Fraction(-1, 4)}, (1, 0, 0), id="a route turned invalid"),
    ],
)  # fmt: skip
def test_each_cause_is_told_apart_with_the_states_that_routes_were_in(
    before: tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int, int], ...]],
    after: tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int, int], ...]],
    expected: dict[Cause, Fraction],
    states: tuple[int, int, int],
) -> None:
    found = change(world(*before), world(*after), KENYA)
    assert parts(found) == {cause: (1, share) for cause, share in expected.items()}
    assert found.change == sum(expected.values())
    (part,) = found.total().parts
    assert (part.valid, part.invalid, part.not_found) == states


def test_what_is_no_longer_counted_is_not_withdrawn() -> None:
    before = world(FOUR, SIGNED)
    after = replace(before, excluded=np.array([5, 0, 0, 0], "u1"))
    assert parts(change(before, after, KENYA)) == {Cause.UNCOUNTED: (1, Fraction(-1, 4))}
    assert set(parts(change(after, before, KENYA))) == {Cause.COUNTED}


def in_class(snapshot: Snapshot, **of: str) -> Snapshot:
    lists = Lists("ldc", Members.COUNTRIES, ("ldc", "other", "ZZ"), of)
    return replace(snapshot, lists={"ldc": lists})


def test_a_country_that_leaves_its_class_is_told_with_its_routes() -> None:
    snapshot = world((*FOUR, ("11.0.0.0/24", 3)), (("11.0.0.0/24", 24, 3),))
    both, one = in_class(snapshot, KE="ldc", NL="ldc"), in_class(snapshot, NL="ldc")
    asked = Question("ldc", "ldc", Attribution.ADDRESS, Family.IPV4, by=By.COUNTRY)
    found = change(both, one, asked)
    assert (found.before, found.after) == (Point(1, 5), Point(1, 1))
    (kenya,) = found.first(5)
    assert (kenya.who, kenya.before, kenya.after) == ("KE", Point(0, 4), Point(0, 0))
    assert parts(found) == {Cause.MOVED_OUT: (4, Fraction(4, 5))}
    assert [each.who for each in change(both, one, replace(asked, by=By.NETWORK)).first(5)] == [
        "AS1", "AS2",
    ]  # fmt: skip


def test_a_figure_counts_its_own_routes() -> None:
    before, after = world(FIVE, OTHERS), world(FIVE, (*OTHERS, *SIGNED))
    coverage = change(before, after, replace(KENYA, figure=Figure.COVERAGE))
    assert (coverage.before, coverage.after) == (Point(1, 5), Point(2, 5))
    accuracy = change(before, after, replace(KENYA, figure=Figure.ACCURACY))
    assert (accuracy.before, accuracy.after) == (Point(0, 1), Point(1, 2))


@pytest.mark.parametrize("turned", [False, True])
def test_where_a_day_has_no_share_routes_are_told_and_nothing_is_divided(turned: bool) -> None:
    nothing, some = world((("11.0.0.0/24", 3),)), world(FIVE, SIGNED)
    found = change(some, nothing, KENYA) if turned else change(nothing, some, KENYA)
    assert (found.change, found.unit, found.movers(5)) == (None, None, [])
    assert [(each.who, each.exact) for each in found.first(5)] == [("AS2", None), ("AS1", None)]
    assert sum(part.routes for part in found.total().parts) == 5


def test_days_without_a_difference_have_a_change_of_nothing() -> None:
    found = change(world(FOUR, SIGNED), world(FOUR, SIGNED), KENYA)
    assert found.change == 0
    assert not found.first(5)
    assert not found.total().parts


def test_a_network_that_is_new_was_not_there_before() -> None:
    asked = Question("asn", "AS2", Attribution.ORIGIN, Family.IPV4)
    found = change(world(FOUR[:1]), world(FOUR), asked)
    assert (found.before, found.after) == (Point(0, 0), Point(0, 2))


def test_what_there_is_not_is_refused() -> None:
    snapshot = world(FOUR)
    with pytest.raises(ValueError, match="has no group 'XX'"):
        change(snapshot, snapshot, replace(KENYA, group="XX"))
    with pytest.raises(ValueError, match="planet by address is not counted here"):
        change(snapshot, snapshot, replace(KENYA, scheme="planet"))


def test_every_cause_has_words_in_the_same_order() -> None:
    assert tuple(CAUSE_WORDS) == CAUSES


@pytest.mark.parametrize(
    ("points", "text"),
    [(1.84, "+1.8"), (-12.0, "−12.0"), (0.04, "+0.04"), (-0.0021, "−0.002"), (0.00001, "+<0.001"),
     (0.0, "0"), (None, "–")],
)  # fmt: skip
def test_points_have_as_many_decimals_as_they_need(points: float | None, text: str) -> None:
    assert points_text(points) == text
