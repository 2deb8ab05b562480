"""What lies around a prefix, and the pages of a network's routes, each by looking at everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds import make_snapshot
from tests.oracle import ASNS, Network, R, V, covers, judge, networks, routes, vrps
from validator.model import NO_ORIGIN, Family, Prefix, State
from validator.snapshot import Snapshot
from validator.web import prefixes
from validator.web.networks import Asked, Known, page

Worlds = st.tuples(st.lists(vrps(), max_size=25), st.lists(routes(), max_size=40))


def snapshot_of(v: list[V], r: list[R], generation: int = 1) -> Snapshot:
    return make_snapshot(
        generation=generation,
        vrps=tuple((str(each.prefix), each.max_length, each.asn, "test") for each in v),
        routes=tuple(
            (str(each.prefix), NO_ORIGIN if each.origin is None else each.origin) for each in r
        ),
    )


def inside(network: Network, other: Network) -> bool:
    """Whether a network is the other or lies in it."""
    return (
        network.version == other.version
        and network.prefixlen >= other.prefixlen
        and network.network_address in other
    )


def in_order(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


def vrp_rows(v: list[V]) -> list[tuple[Any, ...]]:
    return [(f"AS{each.asn}", str(each.prefix), each.max_length) for each in v]


def listed_vrps(about: Any) -> list[tuple[Any, ...]]:
    return [(each["asn"], each["prefix"], each["max_length"]) for each in about["listed"]]


def expected_routes(r: list[R], v: set[V]) -> list[tuple[Any, ...]]:
    rows = []
    for route in r:
        state, reason = judge(route, v)
        origin = "NONE" if route.origin is None else f"AS{route.origin}"
        covering = sorted(vrp_rows([vrp for vrp in v if covers(vrp, route)]))
        rows.append((str(route.prefix), origin, state, reason or None, covering))
    return rows


def listed_routes(about: Any) -> list[tuple[Any, ...]]:
    return [
        (*(each[name] for name in ("prefix", "origin", "state", "reason")),
         sorted(listed_vrps(each["vrps"])))
        for each in about["listed"]
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(Worlds, st.lists(networks(), min_size=1, max_size=6), st.integers(1, 8))
def test_what_lies_around_a_prefix_is_what_a_search_of_everything_finds(
    world: tuple[list[V], list[R]], probes: list[Network], limit: int
) -> None:
    v, r = set(world[0]), set(world[1])
    snapshot = snapshot_of(list(v), list(r))
    table = sorted(r, key=lambda route: (*in_order(route.prefix), route.origin or 0))
    table.sort(key=lambda route: (*in_order(route.prefix), -1 if route.origin is None else 0))
    for probe in [*probes, *(route.prefix for route in table[:3])]:
        exact = [route for route in table if route.prefix == probe]
        above = [r for r in table if inside(probe, r.prefix) and r.prefix != probe]
        above.sort(key=lambda route: -route.prefix.prefixlen)
        below = [r for r in table if inside(r.prefix, probe) and r.prefix != probe]
        covering = sorted(
            (vrp for vrp in v if inside(probe, vrp.prefix)),
            key=lambda vrp: (-vrp.prefix.prefixlen, vrp.asn, -vrp.max_length),
        )
        under = sorted(
            (vrp for vrp in v if inside(vrp.prefix, probe) and vrp.prefix != probe),
            key=lambda vrp: (*in_order(vrp.prefix), vrp.asn, -vrp.max_length),
        )
        for most in (1000, limit):
            reply = prefixes.describe(snapshot, Prefix.of(probe), most, most, most)
            about = msgspec.json.decode(msgspec.json.encode(reply))
            assert about["announced"] is bool(exact)
            for name, expected in (
                ("exact", exact), ("less_specific", above), ("more_specific", below),
            ):  # fmt: skip
                assert about[name]["total"] == len(expected), name
                assert listed_routes(about[name]) == expected_routes(expected[:most], v), name
            for name, vrps_there in (("vrps", covering), ("vrps_inside", under)):
                assert about[name]["total"] == len(vrps_there), name
                assert listed_vrps(about[name]) == vrp_rows(vrps_there[:most]), name


def read_all(turn: Callable[[int], Snapshot], asked: Asked) -> list[tuple[str, str]]:
    """All pages, each read from the snapshot whose turn it is, by the arguments of ``next``."""
    known = Known()
    found: list[tuple[str, str]] = []
    for number in range(200):
        reply = page(turn(number), asked, known)
        assert len(reply.routes) <= asked.limit
        found += [(each.prefix, each.state.value) for each in reply.routes]
        if reply.next is None:
            return found
        parts = urlsplit(reply.next)
        assert parts.path == f"/api/v1/asn/AS{asked.asn}/routes"
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        prefix, _, generation = given["after"].rpartition("@")
        asked = Asked(
            asked.asn,
            State(given["state"]) if "state" in given else None,
            Family(int(given["family"][-1])) if "family" in given else None,
            int(given["limit"]),
            (Prefix.parse(prefix), int(generation)),
        )
    raise AssertionError("the pages do not end")


@settings(max_examples=50, deadline=None)
@given(
    Worlds,
    st.sampled_from(ASNS),
    st.sampled_from((None, *State)),
    st.sampled_from((None, *Family)),
    st.integers(1, 7),
)
def test_all_pages_together_are_all_routes_of_the_network_each_once(
    world: tuple[list[V], list[R]],
    asn: int,
    state: State | None,
    family: Family | None,
    limit: int,
) -> None:
    v, r = world[0], set(world[1])
    snapshot = snapshot_of(v, list(r))
    own = sorted((each for each in r if each.origin == asn), key=lambda x: in_order(x.prefix))
    expected = [
        (str(each.prefix), judge(each, v)[0])
        for each in own
        if state in (None, judge(each, v)[0]) and family in (None, each.prefix.version)
    ]
    asked = Asked(asn, state, family, limit)
    assert read_all(lambda _: snapshot, asked) == expected
    assert page(snapshot, asked).total == len(expected)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(routes(), max_size=30),
    st.lists(routes(), max_size=10),
    st.lists(routes(), max_size=10),
    st.integers(1, 4),
)
def test_what_stays_while_pages_are_read_is_on_exactly_one_of_them(
    staying: list[R], going: list[R], coming: list[R], limit: int
) -> None:
    tables = [
        snapshot_of([], list({*staying, *going}), 1),
        snapshot_of([], list({*staying, *coming}), 2),
    ]
    for asn in ASNS[:3]:
        found = read_all(lambda number: tables[number % 2], Asked(asn, None, None, limit))
        seen = [prefix for prefix, _ in found]
        assert len(seen) == len(set(seen))
        assert {str(each.prefix) for each in staying if each.origin == asn} <= set(seen)
