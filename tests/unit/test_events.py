"""What is said of the difference between two moments, and how the log keeps it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
import pytest

from tests.feeds import ROUTES, VRPS, make_snapshot
from validator.events.comparing import Moment, begin, compare
from validator.events.kinds import Event, Happening, Kind
from validator.events.log import Batch, EventLog, Filter, Place
from validator.freshness import SourceStatus
from validator.model import NO_ORIGIN, Prefix
from validator.snapshot import Snapshot
from validator.tables.changes import changed_routes, changed_vrps
from validator.watch import Watch

Vrps = tuple[tuple[str, int, int, str], ...]
Routes = tuple[tuple[str, int], ...]


def moment(
    vrps: Vrps = VRPS,
    routes: Routes = ROUTES,
    generation: int = 1,
    troubles: tuple[SourceStatus, ...] = (),
) -> Moment:
    made = make_snapshot(vrps=vrps, routes=routes, generation=generation)
    return Moment(
        made.generation, 1_800_000_000, made.routes, made.excluded, made.vrps, made.resources,
        troubles,
    )  # fmt: skip


def happened(before: Moment, after: Moment, most: int = 100) -> list[Event]:
    return [each.event for each in compare(before, replace(after, generation=2), 7, most)]


def of_kind(events: list[Event], kind: Kind) -> Event:
    (found,) = [each for each in events if each.kind is kind]
    return found


# ------------------------------------------------------------------------------------------ routes


def test_nothing_happens_between_two_moments_that_are_the_same() -> None:
    assert happened(moment(), moment()) == []


def test_the_first_snapshot_gives_one_event_and_no_more() -> None:
    event = begin(moment(), 7).event
    assert (event.id, event.kind) == ("7-1-1", "watch-started")
    assert "5 routes and 4 VRPs" in event.sentence


def test_a_route_that_became_invalid_names_the_vrp_that_came() -> None:
    more = (*VRPS, ("203.0.113.0/24", 24, 0, "ripe"))
    (invalid, vrp) = happened(moment(), moment(more))
    assert invalid.kind is Kind.ROUTE_INVALID
    assert (invalid.prefix, invalid.origin, invalid.country) == ("203.0.113.0/24", "NONE", "ZZ")
    assert invalid.before is not None
    assert invalid.after is not None
    assert (invalid.before.state, invalid.after.state) == ("not-found", "invalid")
    assert invalid.after.reason == "no-origin"
    assert invalid.cause is not None
    assert invalid.cause.what == "vrps"
    assert [each.asn for each in invalid.cause.vrps_new] == ["AS0"]
    assert invalid.cause.vrps_gone == []
    assert invalid.sentence == (
        "203.0.113.0/24 from NONE became invalid (no-origin), it was not-found: "
        "new is VRP 203.0.113.0/24-24 AS0."
    )
    assert vrp.kind is Kind.VRP_NEW


def test_a_route_that_a_vanished_vrp_left_invalid_names_that_vrp() -> None:
    """198.51.100.0/24 stays covered by AS64499's VRP when its own goes."""
    own = ("198.51.100.0/24", 24, 64497, "apnic")
    invalid, gone = happened(moment((*VRPS, own)), moment())
    assert invalid.kind is Kind.ROUTE_INVALID
    assert invalid.cause is not None
    assert [each.prefix for each in invalid.cause.vrps_gone] == ["198.51.100.0/24"]
    assert invalid.before is not None
    assert invalid.before.state == "valid"
    assert gone.kind is Kind.VRP_GONE
    assert gone.vrp is not None
    assert (gone.vrp.asn, gone.vrp.max_length) == ("AS64497", 24)
    assert gone.before is not None
    assert gone.after is None


def test_a_valid_route_whose_only_vrp_went_is_not_found_and_that_is_no_alarm_of_invalid() -> None:
    events = happened(moment(), moment(VRPS[:-1]))
    state = of_kind(events, Kind.ROUTE_STATE)
    assert state.prefix == "2001:db8::/32"
    assert state.country == "NL"
    assert state.after is not None
    assert state.after.state == "not-found"


def test_another_reason_for_the_same_state_is_no_event() -> None:
    """192.0.2.0/25 stays invalid: for its length first, for its origin then."""
    events = happened(moment(), moment((("192.0.2.0/24", 24, 64500, "ripe"), *VRPS[1:])))
    assert [each.prefix for each in events if each.kind is Kind.ROUTE_INVALID] == ["192.0.2.0/24"]


def test_a_new_origin_for_a_prefix_names_who_originated_it() -> None:
    hijack = (*ROUTES, ("192.0.2.0/24", 64666))
    invalid, new = happened(moment(), moment(routes=hijack))
    assert (invalid.kind, new.kind) == (Kind.ROUTE_INVALID, Kind.NEW_ORIGIN)
    assert invalid.before is None
    assert invalid.cause is not None
    assert invalid.cause.what == "announcement"
    assert [each.asn for each in invalid.cause.covering] == ["AS64496"]
    assert new.cause is not None
    assert (new.cause.origins, new.cause.origins_of) == (["AS64496"], "192.0.2.0/24")
    assert new.asns == ["AS64666", "AS64496"], "the victim finds it by their own number"
    assert new.sentence == (
        "AS64666 announces 192.0.2.0/24, which AS64496 originated before; it is invalid (origin)."
    )


def test_a_new_origin_under_a_prefix_names_the_prefix_above() -> None:
    event = of_kind(
        happened(moment(), moment(routes=(*ROUTES, ("203.0.113.128/25", 64666)))), Kind.NEW_ORIGIN
    )
    assert event.cause is not None
    assert (event.cause.origins, event.cause.origins_of) == (["NONE"], "203.0.113.0/24")
    assert "under 203.0.113.0/24, which NONE originated" in event.sentence


@pytest.mark.parametrize(
    ("route", "kinds"),
    [
        (("10.0.0.0/8", 64666), [Kind.ROUTE_NEW]),
        (("2001:db8:1::/48", 64496), [Kind.ROUTE_NEW]),
        (("192.0.2.128/25", 64496), [Kind.ROUTE_INVALID]),
        (("2001:db8:1::/48", NO_ORIGIN), [Kind.ROUTE_INVALID, Kind.NEW_ORIGIN]),
    ],
)
def test_a_route_of_the_same_origin_or_in_new_space_is_no_new_origin(
    route: tuple[str, int], kinds: list[Kind]
) -> None:
    events = happened(moment(), moment(routes=(*ROUTES, route)))
    assert [each.kind for each in events] == kinds


def test_what_is_only_under_a_default_route_has_no_new_origin() -> None:
    routes = (*ROUTES, ("0.0.0.0/0", 64500))
    events = happened(moment(routes=routes), moment(routes=(*routes, ("10.0.0.0/8", 64666))))
    assert [each.kind for each in events] == [Kind.ROUTE_NEW]


def test_a_withdrawn_route_says_what_it_was() -> None:
    (event,) = happened(moment(), moment(routes=ROUTES[1:]))
    assert event.kind is Kind.ROUTE_GONE
    assert event.sentence == "192.0.2.0/24 from AS64496 is no longer announced; it was valid."
    assert event.after is None


def test_a_vrp_that_changed_its_trust_anchor_only_is_still_in_force() -> None:
    moved = (("192.0.2.0/24", 24, 64496, "arin"), *VRPS[1:])
    assert happened(moment(), moment(moved)) == []


def test_a_vrp_that_expired_says_so() -> None:
    before = moment()
    before = replace(before, vrps=replace(before.vrps, expires=before.vrps.expires + 5))
    event = of_kind(happened(before, moment(VRPS[1:])), Kind.VRP_GONE)
    assert event.cause is not None
    assert event.cause.what == "expiry"
    assert event.sentence == "VRP 192.0.2.0/24-24 AS64496 (ripe) has expired."


def test_tables_that_share_their_columns_are_not_walked_and_still_compared() -> None:
    before, after = moment(), moment()
    shared = replace(before.routes, verdict=after.routes.verdict.copy())
    assert len(changed_routes(before.routes, shared)) == 0
    shared.verdict[2] = 0
    assert changed_routes(before.routes, shared).after.tolist() == [2]
    nothing = changed_vrps(before.vrps, before.vrps)
    assert (len(nothing.gone), len(nothing.new)) == (0, 0)


# ----------------------------------------------------------------------------------------- sources


def status(state: str, error: str = "timed out") -> SourceStatus:
    return SourceStatus("vrps", "vrps.json", state, error=error)


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ("fresh", "late", ["source-degraded"]),
        ("late", "failed", ["source-degraded"]),
        ("failed", "fresh", ["source-recovered"]),
        ("starting", "fresh", []),
        ("fresh", "starting", []),
        ("starting", "failed", ["source-degraded"]),
        ("late", "late", []),
    ],
)
def test_an_input_that_fell_into_trouble_or_left_it_is_told(
    before: str, after: str, kinds: list[str]
) -> None:
    def at(state: str) -> Moment:
        return moment(troubles=(status(state),) if state != "fresh" else ())

    events = happened(at(before), at(after))
    assert [each.kind for each in events] == kinds
    for event in events:
        assert event.source == "vrps vrps.json"
        assert f"is {after}, it was {'fresh' if before == 'starting' else before}" in event.sentence


# ---------------------------------------------------------------------------------------- too much


def test_of_too_much_at_once_the_weightiest_has_events_and_the_rest_is_counted() -> None:
    events = happened(moment(), moment(vrps=(("0.0.0.0/0", 0, 0, "ripe"),), routes=ROUTES), most=3)
    assert [each.kind for each in events[:-1]] == [
        Kind.ROUTE_INVALID,
        Kind.ROUTE_INVALID,
        Kind.VRP_GONE,
    ]
    last = events[-1]
    assert last.kind is Kind.MANY_CHANGES
    assert last.counts == {
        "route-invalid": 2, "vrp-gone": 4, "route-state": 1, "vrp-new": 1, "without-event": 5,
    }  # fmt: skip
    assert "5 changes have no event" in last.sentence


# --------------------------------------------------------------------------------------------- log


def batch(generation: int, count: int) -> Batch:
    def one(number: int) -> Happening:
        event = Event(
            id=f"7-{generation}-{number}", kind=Kind.ROUTE_GONE, sentence="", time="",
            generation=generation,
        )  # fmt: skip
        return Happening(event, Prefix.parse("192.0.2.0/24"), (64496,))

    return Batch.of([one(number + 1) for number in range(count)], generation)


def test_the_log_keeps_the_latest_and_says_what_it_no_longer_has() -> None:
    log = EventLog(7, keep=5)
    assert log.after(Place(7, 0, 0)) == 0
    log.append(batch(3, 4))
    log.append(batch(12, 4))
    assert (log.first, log.end) == (3, 8)
    assert log.after(Place(7, 3, 2)) is None
    assert log.after(Place(7, 3, 3)) == 3
    assert log.after(Place(7, 5, 0)) == 4, "a generation in which nothing happened"
    assert log.after(Place(7, 12, 4)) == 8
    assert log.after(Place(7, 12, 5)) is None, "that has not happened"
    assert log.after(Place(6, 12, 1)) is None, "another session's"
    assert [str(each.place) for each in log.read(3, 2)] == ["7-3-4", "7-12-1"]
    assert str(log.id_before(3)) == "7-3-3"
    assert str(log.id_before(8)) == "7-12-4"


@pytest.mark.parametrize("text", ["", "7", "7-1", "7-1-x", "-1-2-3", "7-1-1 ", "9" * 19 + "-1-1"])
def test_what_is_not_the_id_of_an_event_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the id of an event"):
        Place.parse(text)


def test_what_concerns_everybody_passes_every_filter_but_kinds() -> None:
    source = compare(moment(), moment(troubles=(status("failed"),)), 7)
    entries = Batch.of(source, 0)
    narrow = Filter(
        asns=frozenset((1,)), states=frozenset(("valid",)), countries=frozenset(("NL",))
    )
    assert len(entries.wanted(narrow)) == 1
    assert entries.wanted(replace(narrow, kinds=frozenset(("vrp-gone",)))) == []


def test_many_changes_passes_every_filter() -> None:
    many = compare(moment(), moment(vrps=VRPS[1:]), 7, most=0)
    wanted = Batch.of(many, 0).wanted(
        Filter(asns=frozenset((1,)), kinds=frozenset(("source-degraded",)))
    )
    assert [each.kind for each in wanted] == [Kind.MANY_CHANGES]


def test_an_event_reads_back_as_it_was_written() -> None:
    for happening in compare(moment(), moment(vrps=VRPS[2:], routes=ROUTES[:3]), 7):
        (entry,) = Batch.of([happening], 0).entries
        assert b"\n" not in entry.json
        assert msgspec.json.decode(entry.json, type=Event) == happening.event


# ------------------------------------------------------------------------------------------- watch


class Publishing:
    """Publishes a generation whenever it is asked for a later one, skipping one each time."""

    def __init__(self) -> None:
        self.generation = 0
        self.enough = asyncio.Event()

    async def published(self, after: int) -> Snapshot:
        if after >= 5:
            self.enough.set()
            await asyncio.Event().wait()
        self.generation = after + 2 if after else 1
        return make_snapshot(generation=self.generation, routes=ROUTES[: 6 - self.generation])


async def test_generations_that_were_published_meanwhile_count_as_one() -> None:
    watch, source = Watch(clock=lambda: 7.0), Publishing()
    heard: list[int] = []
    watch.listeners.append(lambda batch: heard.append(len(batch)))
    running = asyncio.create_task(watch.run(source, least_seconds=0))
    async with asyncio.timeout(30):
        await source.enough.wait()
    running.cancel()
    assert [str(each.place) for each in watch.log.read(0, 9)] == [
        "7-1-1", "7-3-1", "7-3-2", "7-5-1", "7-5-2",
    ]  # fmt: skip
    assert heard == [1, 2, 2]


class Source:
    """Publishes one snapshot, and counts who asks for it."""

    def __init__(self) -> None:
        self.snapshot, self.asked = make_snapshot(generation=3), 0

    async def published(self, after: int) -> Snapshot:
        self.asked += 1
        while self.snapshot.generation <= after:  # noqa: ASYNC110 - a test's stand-in
            await asyncio.sleep(0.001)
        return self.snapshot


async def test_nothing_is_compared_until_somebody_follows() -> None:
    watch, source, followed = Watch(clock=lambda: 7), Source(), False
    watch.wanted = lambda: followed
    running = asyncio.create_task(watch.run(source, least_seconds=0.001))
    await asyncio.sleep(0.05)
    assert source.asked == 0
    followed = True
    async with asyncio.timeout(20):
        while not watch.log.end:  # noqa: ASYNC110 - it tells listeners, which this is not about
            await asyncio.sleep(0.001)
    assert watch.log.total[Kind.WATCH_STARTED] == 1
    running.cancel()


async def test_after_nobody_has_followed_for_long_it_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("validator.watch.LINGER_SECONDS", 0.01)
    watch, source, followed = Watch(clock=lambda: 7), Source(), True
    watch.wanted = lambda: followed
    running = asyncio.create_task(watch.run(source, least_seconds=0.001))
    async with asyncio.timeout(20):
        for start in (1, 2):
            followed = True
            while watch.log.total[Kind.WATCH_STARTED] < start:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.001)
            followed = False
            await asyncio.sleep(0.05)
            source.snapshot = make_snapshot(generation=source.snapshot.generation + 1)
            await asyncio.sleep(0.1)
    running.cancel()
