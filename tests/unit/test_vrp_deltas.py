"""Sessions, serials and what leads from one to another."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.feeds import VRPS, make_snapshot, vrp_batch
from validator.formats.vrp_deltas import LARGEST_SERIAL, Changes, DeltaHistory
from validator.model import Aspa, RouterKey
from validator.snapshot import Snapshot
from validator.tables.vrps import build_table

Row = tuple[str, int, int]


def rows(changes: Changes) -> set[Row]:
    vrps = changes.vrps
    listed = [
        (str(vrps.prefixes[n]), int(vrps.max_length[n]), int(vrps.asn[n])) for n in range(len(vrps))
    ]
    assert len(set(listed)) == len(listed)
    return set(listed)


def snapshot(generation: int, *held: int) -> Snapshot:
    """Of the VRPs 10.0.N.0/24."""
    named = tuple((f"10.0.{n}.0/24", 24, 64496, "ripe") for n in held)
    return make_snapshot(generation=generation, vrps=named or VRPS[:0])


def of(*held: int) -> set[Row]:
    return {(f"10.0.{n}.0/24", 24, 64496) for n in held}


def test_the_first_set_is_serial_0_and_each_other_set_is_one_more() -> None:
    history = DeltaHistory(5)
    assert history.since(5, 0) is None
    assert history.observe(snapshot(1, 1, 2)).serial == 0
    assert history.observe(snapshot(2, 2, 3)).serial == 1
    delta = history.since(5, 0)
    assert delta is not None
    assert (delta.from_serial, delta.to_serial) == (0, 1)
    assert rows(delta.announced) == of(3)
    assert rows(delta.withdrawn) == of(1)


def test_a_snapshot_with_the_same_payload_is_the_same_serial() -> None:
    history = DeltaHistory(5)
    first = snapshot(1, 1, 2)
    version = history.observe(first)
    assert history.observe(replace(first, generation=2)) is version
    same = tuple((f"10.0.{n}.0/24", 24, 64496, "arin") for n in (1, 2))
    other = build_table([vrp_batch(same)])
    renamed = history.observe(replace(first, generation=3, vrps=other))
    assert renamed.serial == 0
    assert renamed.table is other  # so that the old one can be let go
    assert renamed.since == version.since


def test_what_came_and_went_again_is_in_no_delta() -> None:
    history = DeltaHistory(5)
    for generation, held in enumerate([(1,), (1, 2), (1, 2, 3), (3,), (1, 3)], 1):
        history.observe(snapshot(generation, *held))
    delta = history.since(5, 0)
    assert delta is not None
    assert (rows(delta.announced), rows(delta.withdrawn)) == (of(3), set())
    delta = history.since(5, 2)
    assert delta is not None
    assert (rows(delta.announced), rows(delta.withdrawn)) == (set(), of(2))


def test_the_current_serial_is_answered_with_nothing() -> None:
    history = DeltaHistory(5)
    history.observe(snapshot(1, 1))
    delta = history.since(5, 0)
    assert delta is not None
    assert len(delta) == 0


@pytest.mark.parametrize(("session", "serial"), [(4, 0), (5, 9), (5, LARGEST_SERIAL)])
def test_another_session_and_an_unknown_serial_are_not_known(session: int, serial: int) -> None:
    history = DeltaHistory(5)
    history.observe(snapshot(1, 1))
    assert history.since(session, serial) is None


def test_only_so_many_deltas_and_rows_are_kept() -> None:
    history = DeltaHistory(5, most_deltas=3, most_rows=1000)
    for generation in range(1, 8):
        history.observe(snapshot(generation, generation))
    assert [history.since(5, serial) is not None for serial in range(7)] == [False] * 3 + [True] * 4
    few = DeltaHistory(5, most_rows=5)
    few.observe(snapshot(1, 1, 2))
    few.observe(snapshot(2, 3, 4))
    assert few.since(5, 0) is not None
    few.observe(snapshot(3, 5, 6))
    assert few.since(5, 0) is None
    assert few.since(5, 1) is not None
    few.observe(snapshot(4, *range(7, 100)))
    assert few.since(5, 2) is None
    assert few.since(5, 3) is not None


def test_an_older_snapshot_than_the_last_changes_nothing() -> None:
    history = DeltaHistory(5)
    history.observe(snapshot(7, 1))
    newest = history.observe(snapshot(9, 1, 2))
    assert history.observe(snapshot(8, 1, 3)) is newest


def test_router_keys_and_aspas_have_deltas_whatever_their_trust_anchor() -> None:
    history = DeltaHistory(5)
    first = snapshot(1, 1)
    key, aspa = RouterKey(1, "AA", "key", "ripe"), Aspa(1, (2, 3), "ripe")
    second = replace(first.vrps, router_keys=(key,), aspas=(aspa,))
    history.observe(first)
    assert history.observe(replace(first, generation=2, vrps=second)).serial == 1
    third = replace(second, router_keys=(replace(key, trust_anchor="x"),), aspas=(Aspa(1, (2,)),))
    assert history.observe(replace(first, generation=3, vrps=third)).serial == 2
    delta = history.since(5, 0)
    assert delta is not None
    assert delta.announced.router_keys == (RouterKey(1, "AA", "key"),)
    assert delta.announced.aspas == (Aspa(1, (2,)),)
    assert not len(delta.withdrawn)
    delta = history.since(5, 1)
    assert delta is not None
    assert (delta.withdrawn.aspas, delta.announced.router_keys) == ((Aspa(1, (2, 3)),), ())


async def test_who_waits_is_told_of_a_change_and_of_nothing_else() -> None:
    history = DeltaHistory(5)
    first = snapshot(1, 1)
    await history.look(first)
    waiting = asyncio.create_task(history.newer(0, 60))
    await history.look(replace(first, generation=2))
    same = build_table([vrp_batch((("10.0.1.0/24", 24, 64496, "arin"),))])
    await history.look(replace(first, generation=3, vrps=same))
    await asyncio.sleep(0)
    assert not waiting.done()
    await history.look(snapshot(4, 2))
    await asyncio.wait_for(waiting, 30)
    await history.newer(0, 60)  # it is another already


async def test_nobody_waits_for_ever() -> None:
    history = DeltaHistory(5)
    await history.look(snapshot(1, 1))
    await history.newer(0, 0.01)
    waiting = asyncio.create_task(history.newer(0, 60))
    await asyncio.sleep(0)
    history.close()
    await asyncio.wait_for(waiting, 30)
    await history.newer(0, 60)


async def test_it_follows_what_is_published() -> None:
    class Publisher:
        def __init__(self) -> None:
            self.coming = asyncio.Queue[Snapshot]()
            self.asked: list[int] = []
            self.seen_two = asyncio.Event()

        async def published(self, after: int) -> Snapshot:
            self.asked.append(after)
            if len(self.asked) == 3:
                self.seen_two.set()
            return await self.coming.get()

    publisher, history = Publisher(), DeltaHistory(5)
    task = asyncio.create_task(history.follow(publisher))
    for generation, held in ((1, 1), (4, 2)):
        publisher.coming.put_nowait(snapshot(generation, held))
    await asyncio.wait_for(publisher.seen_two.wait(), 30)
    assert publisher.asked == [0, 1, 4]
    assert history.since(5, 0) is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_session_is_a_number_that_javascript_can_hold() -> None:
    assert 0 < DeltaHistory().session < 1 << 53
