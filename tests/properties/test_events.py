"""Who applies the events of routes and VRPs has the next moment; indexes find what filters do."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds import route_batch, vrp_batch
from validator.events.comparing import Moment, compare
from validator.events.kinds import Event, Kind
from validator.events.log import Batch, Filter
from validator.freshness import SourceStatus
from validator.model import NO_ORIGIN, Prefix, State, parse_asn
from validator.origin_validation import explain, validate
from validator.tables.resources import build_table as build_resources
from validator.tables.routes import publish, see
from validator.tables.vrps import build_table

# A small world, so that prefixes cover each other and the same rows meet in both moments.
ASNS = st.integers(0, 2)
ORIGINS = st.sampled_from([NO_ORIGIN, 1, 2])
PREFIXES = (
    "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "10.1.0.0/31", "10.1.0.1/32",
    "11.0.0.0/8", "255.255.255.255/32", "::/0", "2001:db8::/32", "2001:db8::/64",
    "2001:db8::/65", "2001:db8::8000:0:0:0/65", "2001:db8::1/128",
    "2001:db8:8000::/33", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
)  # fmt: skip


def prefixes() -> st.SearchStrategy[str]:
    return st.sampled_from(PREFIXES)


VrpRow = tuple[str, int, int, str]
RouteRow = tuple[str, int]


@st.composite
def vrp_rows(draw: st.DrawFn) -> VrpRow:
    prefix = draw(prefixes())
    parsed = Prefix.parse(prefix)
    bits = parsed.family.bits
    longest = draw(st.sampled_from([parsed.length, min(parsed.length + 1, bits), bits]))
    return prefix, longest, draw(ASNS), draw(st.sampled_from(["a", "b"]))


World = tuple[list[VrpRow], list[RouteRow]]
WORLDS = st.tuples(
    st.lists(vrp_rows(), max_size=12), st.lists(st.tuples(prefixes(), ORIGINS), max_size=12)
)


def moment(world: World, generation: int) -> Moment:
    vrps = build_table([vrp_batch(tuple(world[0]))] if world[0] else [])
    seen = see(route_batch(tuple(world[1])))
    routes = publish(seen, validate(seen, vrps))
    resources = build_resources([])
    excluded = np.zeros(len(routes), "u1")
    troubles = (SourceStatus("vrps", "x", "late"),) if generation > 1 else ()
    return Moment(generation, generation, routes, excluded, vrps, resources, troubles)


def routes_of(now: Moment) -> dict[tuple[str, int], State]:
    rows = (now.routes[row] for row in range(len(now.routes)))
    return {(str(each.prefix), each.origin): each.verdict.state for each in rows}


def vrps_of(now: Moment) -> set[tuple[str, int, int]]:
    return {(str(each.prefix), each.max_length, each.asn) for each in now.vrps}


def origin_of(event: Event) -> int:
    assert event.origin is not None
    return NO_ORIGIN if event.origin == "NONE" else parse_asn(event.origin)


@settings(max_examples=100, deadline=None)
@given(WORLDS, WORLDS)
def test_the_events_applied_to_one_moment_give_the_next(old: World, new: World) -> None:
    before, after = moment(old, 1), moment(new, 2)
    routes, vrps = routes_of(before), vrps_of(before)
    events = [each.event for each in compare(before, after, 7)]
    assert [each.id for each in events] == [f"7-2-{n + 1}" for n in range(len(events))]
    for event in events:
        if event.vrp is not None:
            row = event.vrp.prefix, event.vrp.max_length, parse_asn(event.vrp.asn)
            if event.kind is Kind.VRP_GONE:
                vrps.remove(row)
            else:
                assert row not in vrps
                vrps.add(row)
        elif event.prefix is not None:
            key = event.prefix, origin_of(event)
            if event.kind is Kind.ROUTE_GONE:
                assert event.before is not None
                assert routes.pop(key) == event.before.state
            else:
                assert event.after is not None
                if event.before is not None:
                    assert routes[key] == event.before.state
                assert routes.get(key) != event.after.state or event.kind is Kind.NEW_ORIGIN
                routes[key] = State(event.after.state)
    assert routes == routes_of(after)
    assert vrps == vrps_of(after)
    # Nothing came and went that was there all the time.
    kinds = Counter(each.kind for each in events)
    assert kinds[Kind.VRP_GONE] == len(vrps_of(before) - vrps)
    assert kinds[Kind.VRP_NEW] == len(vrps - vrps_of(before))
    assert kinds[Kind.ROUTE_GONE] == len(routes_of(before).keys() - routes.keys())


@settings(max_examples=100, deadline=None)
@given(WORLDS, WORLDS)
def test_a_state_that_changed_has_a_vrp_as_its_cause_and_it_covers_the_route(
    old: World, new: World
) -> None:
    before, after = moment(old, 1), moment(new, 2)
    for happening in compare(before, after, 7):
        event, prefix = happening.event, happening.prefix
        if event.cause is None or prefix is None or event.vrp is not None:
            continue
        covering = event.cause.vrps_gone + event.cause.vrps_new + event.cause.covering
        assert all(Prefix.parse(each.prefix).covers(prefix) for each in covering)
        if event.cause.what == "vrps":
            assert event.cause.vrps_gone or event.cause.vrps_new
        if event.kind is Kind.ROUTE_INVALID and event.before is None:
            told = explain(prefix, origin_of(event), after.vrps).covering
            assert len(event.cause.covering) + event.cause.more == len(told)


@settings(max_examples=100, deadline=None)
@given(WORLDS, WORLDS)
def test_a_new_origin_is_one_that_neither_the_prefix_nor_the_nearest_above_had(
    old: World, new: World
) -> None:
    before, after = moment(old, 1), moment(new, 2)
    had = [(Prefix.parse(prefix), origin) for prefix, origin in routes_of(before)]
    expected = set()
    for text, origin in routes_of(after).keys() - routes_of(before).keys():
        prefix = Prefix.parse(text)
        above = [each for each, _ in had if each.covers(prefix) and (each.length or each == prefix)]
        if above:
            nearest = max(above, key=lambda each: each.length)
            if origin not in {by for each, by in had if each == nearest}:
                expected.add((text, origin))
    events = [each.event for each in compare(before, after, 7)]
    told = {(e.prefix, origin_of(e)) for e in events if e.kind is Kind.NEW_ORIGIN}
    assert told == expected


@settings(max_examples=100, deadline=None)
@given(
    WORLDS,
    WORLDS,
    st.sets(ASNS, max_size=2),
    st.sets(prefixes(), max_size=2),
    st.sets(st.sampled_from(["ZZ", "NL"]), max_size=1),
    st.sets(st.sampled_from(list(State)), max_size=2),
    st.sets(st.sampled_from(list(Kind)), max_size=3),
)
def test_what_a_batch_finds_by_its_indexes_is_what_the_filter_wants(
    old: World,
    new: World,
    asns: set[int],
    under: set[str],
    countries: set[str],
    states: set[State],
    kinds: set[Kind],
) -> None:
    asked = Filter(
        frozenset(asns),
        frozenset(map(Prefix.parse, under)),
        frozenset(countries),
        frozenset(states),
        frozenset(kinds),
    )
    batch = Batch.of(compare(moment(old, 1), moment(new, 2), 7, most=20), 0)
    assert batch.wanted(asked) == [each for each in batch.entries if asked.wants(each)]
