"""What would make a route valid, and whose decision it is, in worlds small enough to follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.feeds import COUNT_ALL, route_batch, vrp_batch
from validator.inputs.batches import Inputs
from validator.model import LARGEST_ASN, NO_ORIGIN, InputReport, Prefix, ResourceBatch
from validator.planning.fixes import Advice, Relation, advice_text, relate, suggest
from validator.planning.hypothetical import Payload
from validator.snapshot import Snapshot
from validator.state.assembly import assemble

HOLDERS = ("", "org-a", "org-b")
Held = tuple[int, int, int, int, int]


def delegations(*rows: Held, registries: tuple[str, ...] = ("ripencc", "arin")) -> ResourceBatch:
    """Each row: kind, first, last, which registry, which of HOLDERS."""
    columns = list(zip(*rows, strict=True))
    n = len(rows)
    return ResourceBatch(
        np.array(columns[0], "u1"),
        np.array(columns[1], "u8"),
        np.array(columns[2], "u8"),
        np.zeros(n, "u1"),
        np.array(columns[3], "u1"),
        np.zeros(n, "u2"),
        np.array(columns[4], "u4"),
        np.zeros(n, "u4"),
        registries,
        ("NL",),
        HOLDERS,
        InputReport("delegated", "resources", rows=n),
    )


TEN = 10 << 24
WORLD = delegations(
    (4, TEN, TEN + 0xFFFF, 0, 1),  # 10.0.0.0/16: org-a
    (4, TEN + 0x10000, TEN + 0x1FFFF, 0, 2),  # 10.1.0.0/16: org-b
    (4, TEN + 0x20000, TEN + 0x2FFFF, 1, 1),  # 10.2.0.0/16: org-a of another registry
    (4, TEN + 0x30000, TEN + 0x3FFFF, 0, 0),  # 10.3.0.0/16: somebody
    (0, 1, 1, 0, 1),  # AS1: org-a
    (0, 2, 2, 0, 2),  # AS2: org-b
    (6, 0x20010DB8 << 32, (0x20010DB8 << 32) + 0xFFFFFFFF, 0, 1),
)


def world(
    vrps: tuple[tuple[str, int, int], ...] = (),
    routes: tuple[tuple[str, int], ...] = (),
    resources: tuple[ResourceBatch, ...] = (WORLD,),
) -> Snapshot:
    inputs = Inputs(
        vrps=[vrp_batch(tuple((*row, "ta") for row in vrps))] if vrps else [],
        routes=[route_batch(routes)] if routes else [],
        resources=list(resources),
    )
    return assemble(inputs, COUNT_ALL)


def rows_of(snapshot: Snapshot, rows: np.ndarray) -> list[tuple[str, int]]:
    found = [snapshot.routes[row] for row in rows.tolist()]
    return [(str(each.prefix), each.origin) for each in found]


def ask(snapshot: Snapshot, prefix: str, origin: int):  # type: ignore[no-untyped-def]
    return suggest(snapshot, Prefix.parse(prefix), origin)


def test_the_smallest_roa_is_exact_in_prefix_length_and_origin() -> None:
    fix = ask(world(routes=(("10.0.0.0/16", 1),)), "10.0.0.0/16", 1)
    assert fix.roa == Payload(Prefix.parse("10.0.0.0/16"), 16, 1)
    assert fix.recommended
    assert fix.advice == (Advice.CREATE_ROA,)
    assert len(fix.turns_invalid) == 0


def test_a_hijack_and_a_customer_in_the_same_space_are_listed_and_not_authorised() -> None:
    snapshot = world(
        routes=(
            ("10.0.0.0/16", 1),
            ("10.0.0.0/16", 666),  # a hijack of the very prefix
            ("10.0.7.0/24", 2),  # a customer's more-specific
            ("10.0.9.0/24", 1),  # one of our own
            ("10.0.8.0/24", NO_ORIGIN),
            ("10.1.0.0/16", 2),  # elsewhere
        )
    )
    fix = ask(snapshot, "10.0.0.0/16", 1)
    assert fix.roa == Payload(Prefix.parse("10.0.0.0/16"), 16, 1)
    assert rows_of(snapshot, fix.turns_invalid) == [
        ("10.0.0.0/16", 666),
        ("10.0.7.0/24", 2),
        ("10.0.8.0/24", NO_ORIGIN),
        ("10.0.9.0/24", 1),
    ]
    assert rows_of(snapshot, fix.turns_valid) == [("10.0.0.0/16", 1)]
    assert Advice.OTHERS_TURN_INVALID in fix.advice
    said = advice_text(Advice.OTHERS_TURN_INVALID, Prefix.parse("10.0.0.0/16"), 1, 4)
    assert "4 of them" in said


def test_what_is_covered_already_turns_nothing_else_invalid() -> None:
    snapshot = world(vrps=(("10.0.0.0/8", 8, 5),), routes=(("10.0.0.0/16", 1), ("10.0.1.0/24", 2)))
    fix = ask(snapshot, "10.0.0.0/16", 1)
    assert len(fix.turns_invalid) == 0
    assert rows_of(snapshot, fix.turns_valid) == [("10.0.0.0/16", 1)]


def test_a_valid_route_needs_nothing() -> None:
    fix = ask(world(vrps=(("10.0.0.0/16", 16, 1),)), "10.0.0.0/16", 1)
    assert (fix.roa, fix.recommended, fix.advice) == (None, False, (Advice.NOTHING_TO_DO,))


def test_no_roa_helps_a_route_without_an_origin_nor_one_from_as0() -> None:
    snapshot = world(vrps=(("10.0.0.0/16", 16, 1),))
    for origin, advice in ((NO_ORIGIN, Advice.NO_ORIGIN), (0, Advice.ORIGIN_AS0)):
        for prefix in ("10.0.0.0/16", "10.9.0.0/16"):
            fix = ask(snapshot, prefix, origin)
            assert (fix.roa, fix.recommended, fix.advice) == (None, False, (advice,))


def test_a_hijack_of_signed_space_is_not_recommended_to_be_legitimised() -> None:
    snapshot = world(vrps=(("10.0.0.0/16", 16, 1),), routes=(("10.0.0.0/16", 2),))
    fix = ask(snapshot, "10.0.0.0/16", 2)
    assert fix.roa is not None
    assert not fix.recommended
    assert Advice.MAYBE_NOT_ENTITLED in fix.advice
    assert Advice.NOT_THE_HOLDER in fix.advice


def test_space_under_as0_is_never_recommended_even_to_its_holder() -> None:
    snapshot = world(vrps=(("10.0.0.0/16", 32, 0),), routes=(("10.0.0.0/16", 1),))
    fix = ask(snapshot, "10.0.0.0/16", 1)
    assert fix.roa == Payload(Prefix.parse("10.0.0.0/16"), 16, 1)
    assert not fix.recommended
    assert Advice.AS0 in fix.advice


def test_a_longer_announcement_gets_its_own_roa_not_a_larger_max_length() -> None:
    snapshot = world(vrps=(("10.0.0.0/16", 16, 1),), routes=(("10.0.1.0/24", 1),))
    fix = ask(snapshot, "10.0.1.0/24", 1)
    assert fix.roa == Payload(Prefix.parse("10.0.1.0/24"), 24, 1)
    assert fix.recommended
    assert fix.advice == (Advice.CREATE_ROA, Advice.KEEP_MAX_LENGTH)


@pytest.mark.parametrize(
    ("prefix", "origin", "relation", "advice"),
    [
        ("10.0.1.0/24", 1, Relation.SAME, Advice.CREATE_ROA),
        ("2001:db8:1::/48", 1, Relation.SAME, Advice.CREATE_ROA),
        ("2001:db8::1/128", 1, Relation.SAME, Advice.CREATE_ROA),
        ("10.1.0.0/16", 1, Relation.DIFFERENT, Advice.NOT_THE_HOLDER),
        ("10.2.0.0/16", 1, Relation.UNKNOWN, Advice.HOLDER_UNKNOWN),  # another registry
        ("10.3.0.0/16", 1, Relation.UNKNOWN, Advice.HOLDER_UNKNOWN),  # no opaque-id
        ("10.0.0.0/15", 1, Relation.UNKNOWN, Advice.HOLDER_UNKNOWN),  # partly somebody else's
        ("10.0.0.0/16", 77, Relation.UNKNOWN, Advice.HOLDER_UNKNOWN),  # nobody's AS number
        ("11.0.0.0/16", 1, Relation.UNKNOWN, Advice.NOBODY_HOLDS),
        ("0.0.0.0/0", LARGEST_ASN, Relation.UNKNOWN, Advice.NOBODY_HOLDS),
        ("::/0", 1, Relation.UNKNOWN, Advice.NOBODY_HOLDS),
    ],
)
def test_is_the_origin_the_holder_has_three_answers(
    prefix: str, origin: int, relation: Relation, advice: Advice
) -> None:
    snapshot = world()
    assert relate(snapshot, Prefix.parse(prefix), origin) is relation
    fix = ask(snapshot, prefix, origin)
    assert advice in fix.advice
    assert fix.recommended == (relation is Relation.SAME)
    assert Advice.NOT_ANNOUNCED in fix.advice


def test_an_origin_that_is_none_has_no_holder() -> None:
    assert relate(world(), Prefix.parse("10.0.0.0/16"), NO_ORIGIN) is Relation.UNKNOWN
    assert relate(world(), Prefix.parse("10.0.0.0/16"), 0) is Relation.UNKNOWN


def test_ids_of_two_files_that_speak_for_one_registry_are_not_compared() -> None:
    """The NRO's file beside a RIR's: the same holder can have two ids."""
    blocks = delegations((4, TEN, TEN + 0xFFFF, 0, 1))
    more = delegations((4, TEN, TEN + 0xFFFF, 0, 2), (0, 1, 1, 0, 2))
    prefix = Prefix.parse("10.0.0.0/16")
    assert relate(world(resources=(blocks, more)), prefix, 1) is Relation.UNKNOWN
    # Within one file the same ids do differ.
    alone = delegations((4, TEN, TEN + 0xFFFF, 0, 1), (0, 1, 1, 0, 2))
    assert relate(world(resources=(alone,)), prefix, 1) is Relation.DIFFERENT


def test_every_advice_has_a_sentence_about_the_route() -> None:
    for advice in Advice:
        said = advice_text(advice, Prefix.parse("10.0.0.0/16"), 1, 3)
        assert said.endswith(".")
        assert "{" not in said
        assert "\n" not in said


def test_a_suggestion_leaves_the_snapshot_as_it_is() -> None:
    snapshot = world(routes=(("10.0.0.0/16", 1), ("10.0.0.0/16", 2)))
    before = replace(snapshot), snapshot.routes.verdict.tolist(), len(snapshot.vrps)
    ask(snapshot, "10.0.0.0/16", 1)
    assert (snapshot.routes.verdict.tolist(), len(snapshot.vrps)) == before[1:]
    assert snapshot.vrps is before[0].vrps
    assert snapshot.routes is before[0].routes
