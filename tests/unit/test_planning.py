"""Who could raise coverage, in a country small enough to follow.

10.0.0.0/8 is KE's: AS1 and AS2 are org-a's and org-b's, who hold a half of it each. 11.0.0.0/8 is
NL's, and 12.0.0.0/8 nobody's.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import pytest

from tests.feeds import route_batch, vrp_batch
from validator.groupings import Attribution
from validator.inputs.batches import Inputs
from validator.model import (
    NO_ORIGIN,
    Family,
    GroupBatch,
    Grouping,
    InputReport,
    Members,
    Membership,
    Prefix,
    ResourceBatch,
    Verdict,
)
from validator.planning.countries import countries
from validator.planning.fixes import Relation
from validator.planning.hypothetical import LENIENT, Payload
from validator.planning.plan import Plan, doer_text, networks_of, plan, roas
from validator.planning.rows import Doer, Measure, Question
from validator.snapshot import Snapshot
from validator.state.assembly import assemble

TEN, ELEVEN = 10 << 24, 11 << 24
BLOCKS = (  # kind, first, last, registry, country, holder
    (4, TEN, TEN + 0x7FFFFF, 0, 0, 1),
    (4, TEN + 0x800000, TEN + 0xFFFFFF, 0, 0, 2),
    (4, ELEVEN, ELEVEN + 0xFFFFFF, 1, 1, 3),
    (6, 0x2A000000 << 32, (0x2A000000 << 32) + 0xFFFFFFFF, 0, 0, 1),
    (0, 1, 1, 0, 0, 1),
    (0, 2, 2, 0, 0, 2),
    (0, 3, 3, 1, 1, 3),
)
NOTHING = (("99.0.0.0/24", 9),)
Routes = tuple[tuple[str, int], ...]


def world(routes: Routes, vrps: tuple[tuple[str, int, int], ...] = ()) -> Snapshot:
    columns = list(zip(*BLOCKS, strict=True))
    n = len(BLOCKS)
    resources = ResourceBatch(
        np.array(columns[0], "u1"),
        np.array(columns[1], "u8"),
        np.array(columns[2], "u8"),
        np.zeros(n, "u1"),
        np.array(columns[3], "u1"),
        np.array(columns[4], "u2"),
        np.array(columns[5], "u4"),
        np.zeros(n, "u4"),
        ("afrinic", "ripencc"),
        ("KE", "NL"),
        ("", "org-a", "org-b", "org-c"),
        InputReport("delegated", "resources", rows=n),
    )
    both = Grouping(
        "ldc",
        "A class of both",
        Members.COUNTRIES,
        {"ldc": "Both"},
        (Membership("KE", "ldc"), Membership("NL", "ldc")),
        "elsewhere",
        "by hand",
        "CC0",
        date(2026, 1, 1),
    )
    return assemble(
        Inputs(
            vrps=[vrp_batch(tuple((*row, "ta") for row in vrps))] if vrps else [],
            routes=[route_batch(routes or NOTHING)],
            resources=[resources],
            groups=[GroupBatch(both, {}, {}, InputReport("ldc.csv", "groups", rows=2))],
        ),
        LENIENT,
    )


def ask(snapshot: Snapshot, **given: object) -> Plan:
    question = {
        "scheme": "country", "group": "KE", "attribution": Attribution.ADDRESS,
        "family": Family.IPV4, **given,
    }  # fmt: skip
    return plan(snapshot, Question(**question))  # type: ignore[arg-type]


def order(found: Plan) -> list[tuple[int, int]]:
    return [(step.number, step.gain) for step in found.steps]


def test_networks_are_ranked_by_the_routes_that_would_become_valid() -> None:
    snapshot = world(
        (
            ("10.0.0.0/24", 1),
            ("10.0.1.0/24", 2),
            ("10.0.2.0/24", 2),
            ("10.0.3.0/24", 1),
            ("10.0.4.0/24", 2),
            ("10.0.5.0/24", 3),
            ("11.0.0.0/24", 2),  # elsewhere
        ),
        (("10.0.0.0/24", 24, 1), ("10.0.5.0/24", 24, 64500)),
    )
    found = ask(snapshot)
    assert order(found) == [(2, 3), (1, 1), (3, 1)]
    assert [step.after.valid for step in found.steps] == [4, 5, 6]
    assert [step.after.covered for step in found.steps] == [5, 6, 6]
    assert [step.after.valid_share(Measure.ROUTES) for step in found.steps] == [4 / 6, 5 / 6, 1]
    assert (found.now.valid, found.now.covered, found.now.announced) == (1, 2, 6)
    assert [(step.not_found, step.invalid) for step in found.steps] == [(3, 0), (1, 0), (0, 1)]
    assert found.everybody == found.steps[-1].after


def test_the_list_may_be_shorter_and_the_whole_is_known_all_the_same() -> None:
    routes = tuple((f"10.0.{k}.0/24", k % 3 + 1) for k in range(9))
    found = ask(world(routes), most=1)
    assert order(found) == [(1, 3)]
    assert (found.doers, found.everybody.valid) == (3, 9)
    assert ask(world(routes), most=0).steps == ()


def test_of_two_that_add_as_much_the_smaller_number_comes_first() -> None:
    found = ask(world((("10.0.0.0/24", 3), ("10.0.1.0/24", 1))))
    assert [step.number for step in found.steps] == [1, 3]
    space = ask(world((("10.0.0.0/24", 3), ("10.0.1.0/24", 1))), measure=Measure.SPACE)
    assert [step.number for step in space.steps] == [1, 3]


def test_by_space_what_two_networks_share_is_counted_once() -> None:
    snapshot = world((("10.0.0.0/22", 1), ("10.0.0.0/23", 2), ("10.0.8.0/24", 2)))
    found = ask(snapshot, measure=Measure.SPACE)
    assert order(found) == [(1, 1024), (2, 256)]  # of AS2's 768, 512 are AS1's too
    assert [step.after.valid_space for step in found.steps] == [1024, 1280]
    assert found.now.announced_space == 1280


def test_who_adds_nothing_by_space_is_not_in_the_order() -> None:
    snapshot = world((("10.0.0.0/22", 1), ("10.0.0.0/23", 2)))
    found = ask(snapshot, measure=Measure.SPACE)
    assert order(found) == [(1, 1024)]
    assert found.doers == 2
    assert order(ask(snapshot)) == [(1, 1), (2, 1)]


def test_space_that_is_valid_already_is_nobodys_to_gain() -> None:
    snapshot = world((("10.0.0.0/22", 1), ("10.0.0.0/24", 2)), (("10.0.0.0/24", 24, 2),))
    assert order(ask(snapshot, measure=Measure.SPACE)) == [(1, 768)]


def test_a_route_that_spans_two_countries_counts_once_and_its_space_in_both() -> None:
    snapshot = world((("10.0.0.0/7", 1),))
    (here,) = ask(snapshot, measure=Measure.SPACE).steps
    (there,) = ask(snapshot, group="NL", measure=Measure.SPACE).steps
    assert here.gain == there.gain == 1 << 24
    assert here.rows.tolist() == there.rows.tolist() == [0]
    assert order(ask(snapshot)) == [(1, 1)]
    assert order(ask(snapshot, group="NL")) == []


def test_no_roa_is_for_as0_or_for_no_origin_and_both_are_shown_apart() -> None:
    snapshot = world((("10.0.0.0/24", NO_ORIGIN), ("10.0.1.0/24", 0), ("10.0.2.0/24", 1)))
    for measure in Measure:
        found = ask(snapshot, measure=measure)
        assert [step.number for step in found.steps] == [1]
        assert found.beyond == {"no-origin": 1, "as0": 1, "holder-unknown": 0}
        assert found.everybody.part(measure) < found.everybody.whole(measure)


def test_holders_sign_for_all_who_announce_their_blocks() -> None:
    snapshot = world(
        (
            ("10.0.0.0/24", 2),
            ("10.0.1.0/24", 1),
            ("10.128.0.0/24", 1),
            ("10.0.0.0/8", 1),  # of two holders
        )
    )
    found = ask(snapshot, by=Doer.HOLDER)
    assert [step.gain for step in found.steps] == [2, 1]
    assert [doer_text(snapshot, Doer.HOLDER, step.number) for step in found.steps] == [
        "afrinic:org-a",
        "afrinic:org-b",
    ]
    assert networks_of(snapshot, Doer.HOLDER, found.steps[0].number) == [1]
    assert found.steps[0].holders == {
        Relation.SAME: 1, Relation.DIFFERENT: 1, Relation.UNKNOWN: 0,
    }  # fmt: skip
    assert found.beyond["holder-unknown"] == 1


def test_whether_the_origin_is_the_holder_stands_beside_each_roa() -> None:
    routes = (("10.0.0.0/24", 1), ("10.128.0.0/24", 1), ("11.0.0.0/24", 1), ("12.0.0.0/24", 1))
    snapshot = world(routes)
    (step,) = ask(snapshot, scheme="asn", group="AS1", attribution=Attribution.ORIGIN).steps
    found = list(roas(snapshot, Family.IPV4, step.rows))
    assert [(each.relation, each.recommended) for each in found] == [
        (Relation.SAME, True),
        (Relation.DIFFERENT, False),
        (Relation.UNKNOWN, False),  # across registries
        (Relation.UNKNOWN, False),  # nobody's
    ]
    assert found[0].roa == Payload(Prefix.parse("10.0.0.0/24"), 24, 1)
    assert step.holders == {Relation.SAME: 1, Relation.DIFFERENT: 1, Relation.UNKNOWN: 2}


def test_space_that_its_holder_calls_as0_is_not_recommended() -> None:
    snapshot = world((("10.0.0.0/24", 1),), (("10.0.0.0/24", 24, 0),))
    (step,) = ask(snapshot).steps
    (needed,) = roas(snapshot, Family.IPV4, step.rows)
    assert (needed.verdict, needed.relation, needed.recommended) == (
        Verdict.INVALID_AS0, Relation.SAME, False,
    )  # fmt: skip


def test_what_would_turn_invalid_needs_its_own_decision() -> None:
    snapshot = world(
        (
            ("10.0.0.0/16", 1),
            ("10.0.0.0/16", 666),  # from another origin
            ("10.0.1.0/24", 1),  # its own: signed too
            ("10.0.2.0/24", 2),
            ("10.0.3.0/24", NO_ORIGIN),
        )
    )
    step = ask(snapshot).steps[0]
    assert step.number == 1
    assert step.needs_decision == 3
    aggregate, more_specific = roas(snapshot, Family.IPV4, step.rows)
    assert (aggregate.turns_invalid, more_specific.turns_invalid) == (4, 0)
    assert step.after.covered == 5  # those three among them


def test_ipv6_is_counted_in_its_own_units() -> None:
    snapshot = world((("2a00::/32", 1), ("2a00:0:1::/48", 2), ("2a00:0:2::/64", 3)))
    found = ask(snapshot, family=Family.IPV6, measure=Measure.SPACE)
    assert order(found) == [(1, 1 << 32)]
    assert found.doers == 3


def test_a_group_that_announces_nothing_has_nothing_to_raise() -> None:
    for measure in Measure:
        found = ask(world(()), measure=measure)
        assert (found.steps, found.doers, found.now) == ((), 0, (0, 0, 0, 0, 0, 0))


def test_what_is_not_there_is_refused() -> None:
    snapshot = world((("10.0.0.0/24", 1),))
    for given in (
        {"group": "XX"},
        {"scheme": "m49-region"},
        {"scheme": "asn", "group": "AS99", "attribution": Attribution.ORIGIN},
        {"group": "XX", "attribution": Attribution.ORIGIN},
    ):
        with pytest.raises(ValueError, match=r"no group|not counted"):
            ask(snapshot, **given)


# -------------------------------------------------------------------------------------- countries

OF_BOTH: Routes = (
    *((f"10.0.{k}.0/24", 1) for k in range(10)),
    *((f"11.0.{k}.0/24", 3) for k in range(4)),
    ("11.0.9.0/24", NO_ORIGIN),
)
SIGNED = (*((f"10.0.{k}.0/24", 24, 1) for k in range(6)), ("11.0.0.0/24", 24, 3))


def test_the_countries_that_would_move_a_class_most_come_first() -> None:
    snapshot = world(OF_BOTH, SIGNED)
    found = countries(snapshot, "ldc", "ldc", Attribution.ADDRESS, Family.IPV4)
    assert (found.valid, found.announced) == (7, 15)
    assert found.median == pytest.approx((0.6 + 0.2) / 2)
    assert (found.countries, found.movers, found.reached) == (2, 2, 14)
    assert [(each.country, each.gain, each.pooled) for each in found.steps] == [
        ("KE", 4, 11),
        ("NL", 3, 14),
    ]
    assert [each.possible for each in found.steps] == [10, 4]  # one route has no origin
    assert [each.median for each in found.steps] == pytest.approx([0.6, 0.9])
    assert [each.median_alone for each in found.steps] == pytest.approx([0.6, 0.7])


def test_a_share_to_be_reached_asks_for_no_more_than_that() -> None:
    snapshot = world(OF_BOTH, SIGNED)
    found = countries(
        snapshot, "ldc", "ldc", Attribution.ADDRESS, Family.IPV4, share=Fraction(7, 10)
    )
    assert [(each.country, each.gain) for each in found.steps] == [("NL", 3), ("KE", 1)]
    low = countries(snapshot, "ldc", "ldc", Attribution.ADDRESS, Family.IPV4, share=Fraction(1, 10))
    assert (low.steps, low.reached) == ((), low.valid)


def test_by_space_countries_add_up_by_address_alone() -> None:
    snapshot = world(OF_BOTH, SIGNED)
    found = countries(
        snapshot, "ldc", "ldc", Attribution.ADDRESS, Family.IPV4, Measure.SPACE, most=1
    )
    assert [(each.country, each.gain) for each in found.steps] == [("KE", 4 * 256)]
    with pytest.raises(ValueError, match="only by address"):
        countries(snapshot, "ldc", "ldc", Attribution.ORIGIN, Family.IPV4, Measure.SPACE)
    for scheme, group in (("country", "KE"), ("rir", "afrinic"), ("ldc", "ZZ")):
        with pytest.raises(ValueError, match="no class of countries"):
            countries(snapshot, scheme, group, Attribution.ADDRESS, Family.IPV4)
