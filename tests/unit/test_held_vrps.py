"""A live source that loses too much at once: what was good stays in force, for a while."""

from __future__ import annotations

import numpy as np
import pytest

from tests.feeds import vrp_batch
from validator.freshness import Floors
from validator.model import Slurm, SlurmFilter, VrpBatch
from validator.state.vrp_store import VrpStore

FLOORS = Floors(least_rows=10)
Rows = tuple[tuple[str, int, int, str], ...]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def rows(count: int, first: int = 0) -> Rows:
    return tuple((f"192.0.2.{n}/32", 32, 64496, "rtr") for n in range(first, first + count))


def batch(wanted: Rows) -> VrpBatch:
    made, kept = vrp_batch(wanted or rows(1)), np.arange(len(wanted))
    return VrpBatch(
        made.prefixes.take(kept),
        made.asn[kept],
        made.max_length[kept],
        made.trust_anchor[kept],
        made.expires[kept],
        made.trust_anchors,
        made.report,
    )


def held(store: VrpStore) -> int:
    return len(store.table)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> VrpStore:
    made = VrpStore(FLOORS, clock)
    assert made.reset("rtr", batch(rows(100))) is None
    return made


def test_a_fall_by_a_change_is_held(store: VrpStore) -> None:
    changed = store.change("rtr", batch(()), batch(rows(11)))
    assert changed is not None
    assert len(changed) == 0, "nothing in force has changed"
    assert held(store) == 100
    assert store.falls["rtr"].after == 89


def test_a_fall_by_a_reset_is_held(store: VrpStore) -> None:
    changed = store.reset("rtr", batch(rows(50)))
    assert changed is not None
    assert (len(changed), held(store)) == (0, 100)


def test_a_small_fall_is_not(store: VrpStore) -> None:
    changed = store.change("rtr", batch(()), batch(rows(10)))
    assert changed is not None
    assert (len(changed), held(store)) == (10, 90)
    assert not store.falls


def test_what_comes_back_lets_go(store: VrpStore) -> None:
    store.change("rtr", batch(()), batch(rows(50)))
    store.change("rtr", batch(rows(20)), batch(()))
    assert held(store) == 100, "70 are still too few"
    assert store.change("rtr", batch(rows(25, first=100)), batch(())) is None
    assert held(store) == 95, "and then all that the source says is in force"
    assert not store.falls


def test_time_lets_go_and_the_fall_is_remembered_as_taken(store: VrpStore, clock: Clock) -> None:
    store.reset("rtr", batch(rows(50)))
    clock.now += 600
    store.change("rtr", batch(()), batch(rows(1)))
    assert store.falls["rtr"].since == 1000, "since it first fell"
    store.release("rtr")
    assert held(store) == 49
    assert store.falls["rtr"].taken
    store.reset("rtr", batch(rows(95)))
    assert not store.falls, "it is as large as it was"


def test_a_second_fall_below_what_was_taken_is_held_again(store: VrpStore) -> None:
    store.reset("rtr", batch(rows(50)))
    store.release("rtr")
    store.reset("rtr", batch(()))
    assert held(store) == 50
    assert not store.falls["rtr"].taken


def test_what_was_taken_long_ago_is_the_measure(store: VrpStore) -> None:
    store.reset("rtr", batch(rows(50)))
    store.release("rtr")
    store.forgive("rtr")
    assert not store.falls
    assert store.reset("rtr", batch(rows(46))) is None
    assert held(store) == 46


def test_other_sources_change_meanwhile(store: VrpStore) -> None:
    store.reset("rtr", batch(rows(50)))
    changed = store.change("other", batch(rows(5, first=200)), batch(()))
    assert changed is not None
    assert (len(changed), held(store)) == (5, 105)


def test_exceptions_apply_to_what_is_held(clock: Clock) -> None:
    store = VrpStore(FLOORS, clock)
    store.load({}, Slurm((SlurmFilter(None, 64499),), (), ()))
    store.reset("rtr", batch(rows(100)))
    store.reset("rtr", batch(rows(50)))
    some = tuple((prefix, length, 64499, anchor) for prefix, length, _, anchor in rows(3))
    store.change("other", batch((*rows(3, first=200), *some)), batch(()))
    assert held(store) == 103
