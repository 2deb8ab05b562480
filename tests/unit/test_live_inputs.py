"""How a live source stands: what it reports, and what time makes of it."""

from __future__ import annotations

import asyncio

from collectors.live import PeersGone
from validator.freshness import Fall
from validator.inputs.live import Live, LiveSource


class Nobody:
    async def run(self, channel: object) -> None:
        raise NotImplementedError


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def source(room: int = 2) -> tuple[LiveSource, Clock]:
    clock = Clock()
    live = Live("rtr", "rtr:192.0.2.1:323", Nobody(), True, max_stale_seconds=600)
    return LiveSource(live, asyncio.Queue(room), clock), clock


def test_a_source_that_fails_is_stale_when_its_time_is_over_and_not_before() -> None:
    live, clock = source()
    live.report("fresh")
    clock.now = 2000
    live.report("late", "connection refused")
    clock.now = 2100
    live.report("failed", "connection refused")
    status = live.status(2100)
    assert (status.state, status.since, status.stale_from) == ("failed", 2000, 2600)
    assert not status.stale(2599)
    assert status.stale(2600)
    live.report("fresh")
    status = live.status(2700)
    assert (status.state, status.since, status.stale_from) == ("fresh", None, None)


def test_what_stands_in_is_up_to_date_and_never_stale() -> None:
    live, clock = source()
    live.report("degraded", "another cache stands in")
    clock.now = 10**6
    assert live.status(10**6).state == "degraded"
    assert not live.status(10**6).stale(10**6)


async def test_content_is_current_while_the_source_is_connected() -> None:
    live, clock = source()
    await live.put(PeersGone(()))
    live.report("fresh")
    assert live.status(5000).age(5000) == 0
    clock.now = 5000
    live.report("late", "gone")
    assert live.status(5060).age(5060) == 60


async def test_a_message_that_finds_the_queue_full_is_counted_and_not_taken() -> None:
    live, _ = source(room=2)
    assert [live.offer(PeersGone(())) for _ in range(3)] == [True, True, False]
    assert (live.messages, live.dropped) == (2, 1)


def test_a_fall_degrades_a_fresh_source_and_ages() -> None:
    live, _ = source()
    live.report("fresh")
    status = live.status(1500, Fall("VRPs", 1000, 10, since=1200))
    assert (status.state, status.since, status.stale_from) == ("degraded", 1200, 1800)
    assert status.error.startswith("VRPs fell from 1,000 to 10 (-99.0 %): what was good stays")
    taken = live.status(2000, Fall("VRPs", 1000, 10, since=1200, taken=True))
    assert "was taken after 600 s" in taken.error
    assert taken.stale(2000)


def test_a_failed_source_stays_failed_beside_a_fall() -> None:
    live, _ = source()
    live.report("failed", "connection refused")
    status = live.status(1500, Fall("VRPs", 1000, 10, since=900))
    assert (status.state, status.since) == ("failed", 900)
    assert "connection refused" in status.error
