"""The figures beyond coverage against their definitions, looked at one address range at a time."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import R, V, report, route_batch, routes, vrp_batch, vrps
from tests.properties.test_coverage import Record, countable, records, resource_batch, span
from validator.figures import coverage, holdings, wider
from validator.figures.facts import Blocks, Facts
from validator.figures.visibility import UNWATCHED, Sightings, States, survey
from validator.groupings import Attribution, ByAddress, ByOrigin
from validator.kernels import facts as kernels
from validator.model import (
    NO_NEIGHBOUR,
    Entry,
    Family,
    Peer,
    Prefix,
    Prefixes,
    RouteBatch,
    Verdict,
)
from validator.origin_validation import validate
from validator.snapshot import Adjacencies
from validator.tables import routes as table
from validator.tables.resources import ResourceTable, locate
from validator.tables.resources import build_table as build_resources
from validator.tables.rib import Rib
from validator.tables.routes import RouteTable, SeenRoutes
from validator.tables.vrps import build_table

ASNS = (0, 1, 2, 3, 4, 4294967295)
Pair = tuple[int, int]


def published(v: list[V], r: list[R]) -> RouteTable:
    seen = table.see(route_batch(r))
    return table.publish(seen, validate(seen, build_table([vrp_batch(v)])))


def pairs_of(pairs: list[Pair]) -> Adjacencies:
    ordered = sorted(set(pairs))
    return Adjacencies(
        np.array([pair[0] for pair in ordered], "i8"), np.array([pair[1] for pair in ordered], "u4")
    )


def by_asn_group(resources: ResourceTable, column: str) -> Callable[[int], int]:
    def group(origin: int) -> int:
        if origin < 0:
            return 0
        row = int(locate(resources.asn, np.array([origin], "u8"))[0])
        return int(getattr(resources.asn, column)[row])

    return group


def elementary(resources: ResourceTable, family: Family, spans: list[Pair]) -> list[Pair]:
    """Ranges within which nothing begins or ends: neither a resource nor a route."""
    ranges = resources.ranges(family)
    cuts = {0, ranges.end + 1, *map(int, ranges.first)}
    cuts |= {edge for first, last in spans for edge in (first, last + 1)}
    inside = sorted(cut for cut in cuts if cut <= ranges.end + 1)
    return [(a, b - 1) for a, b in itertools.pairwise(inside)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(vrps(), max_size=15),
    st.lists(routes().filter(countable), min_size=1, max_size=30, unique=True),
    st.lists(records(), max_size=12),
    st.lists(st.tuples(st.sampled_from(ASNS), st.sampled_from(ASNS)), max_size=12),
    st.sampled_from(["country", "registry"]),
    st.booleans(),
    st.integers(0, 2**30),
)
def test_every_figure_equals_its_definition(
    v: list[V],
    r: list[R],
    held: list[Record],
    pairs: list[Pair],
    column: str,
    by_address: bool,
    seed: int,
) -> None:
    dice = np.random.default_rng(seed)
    resources = build_resources([resource_batch(held)])
    routes_now, vrps_now = published(v, r), build_table([vrp_batch(v)])
    n = len(routes_now)
    excluded = np.where(dice.random(n) < 0.2, dice.integers(1, 6, n), 0).astype("u1")
    seen = dice.integers(0, 5, n).astype("u2")
    seen[dice.random(n) < 0.2] = UNWATCHED
    feeds = {Family.IPV4: 4, Family.IPV6: 3}
    sightings = Sightings(feeds, dict.fromkeys(Family, States()), (), routes_now, seen)
    names = resources.countries if column == "country" else resources.registries
    asn_group = by_asn_group(resources, column)
    ranges = {
        family: (its.first, getattr(its, column).astype("u4"))
        for family, its in ((f, resources.ranges(f)) for f in Family)
    }
    facts = Facts.of(routes_now, excluded, resources, pairs_of(pairs), sightings)
    owners = ByOrigin(np.array([asn_group(int(o)) for o in facts.origins], "u4"), names)
    found = facts.owners("country" if column == "country" else "rir", resources)
    assert (found.group == owners.group).all()
    for scheme in ("asn", "country", "rir"):
        whose = facts.owners(scheme, resources)
        plain = coverage.measure(routes_now, excluded, resources, scheme, Attribution.ORIGIN)
        for family in Family:
            counts, space = facts.counts(whose, family)
            assert whose.names == plain.groups
            assert (counts[:, :3] == plain.routes[family]).all()
            assert (counts[:, 3:] == plain.excluded[family]).all()
            assert (space == plain.space[family]).all()
    if by_address:
        measured = wider.measure(facts, ByAddress(ranges, names), owners)
    else:
        measured = wider.measure(facts, owners)
    assert measured.full_feeds == feeds

    counted = [(routes_now[row], row) for row in range(n) if not excluded[row]]
    origins: dict[Prefix, set[int]] = {}
    for route, _ in counted:
        origins.setdefault(route.prefix, set()).add(route.origin)
    for family in Family:
        its = resources.ranges(family)
        mine = [(route, row) for route, row in counted if route.prefix.family is family]
        spans = {row: span(as_given(route)) for route, row in mine}

        def at(position: int, its=its) -> int:  # type: ignore[no-untyped-def]
            return int(locate(its, np.array([position], "u8"))[0])

        pieces = [
            (a, b, at(a))
            for a, b in elementary(resources, family, list(spans.values()))
            if its.status[at(a)] > 1
        ]
        for group in range(len(names)):
            if by_address:
                here = [x for x in mine if int(getattr(its, column)[at(spans[x[1]][0])]) == group]
                spaces = [x for x in pieces if int(getattr(its, column)[x[2]]) == group]
                under = mine
            else:
                here = [x for x in mine if asn_group(x[0].origin) == group]
                spaces, under = pieces, here
            prefixes = {route.prefix for route, _ in here}
            watched = [
                (route.verdict, int(seen[row])) for route, row in here if seen[row] != UNWATCHED
            ]
            valid = [number for verdict, number in watched if verdict is Verdict.VALID]
            invalid = [number for verdict, number in watched if verdict > Verdict.VALID]
            assert measured.figures(group, family) == (
                len(prefixes),
                sum(route.origin < 0 for route, _ in here),
                sum(bool(its.status[at(spans[row][0])] > 1) for _, row in here),
                sum(is_bogon(route.origin, resources) for route, _ in here),
                len(valid),
                len(invalid),
                sum(valid),
                sum(invalid),
                sum(len(origins[prefix] - {-1}) > 1 for prefix in prefixes),
                sum(
                    b - a + 1
                    for a, b, _ in spaces
                    if any(spans[row][0] <= a and b <= spans[row][1] for _, row in under)
                ),
            )
    neighbours = {a: {y for x, y in pairs if x == a and y != a} for a in ASNS}
    transit = {y for x, y in pairs if x != y}
    for group in range(len(names)):
        announcing = {
            route.origin
            for route, _ in counted
            if route.origin >= 0 and asn_group(route.origin) == group
        }
        of = {
            family: {o.origin for o, _ in counted if o.prefix.family is family} & announcing
            for family in Family
        }
        stubs = {a for a in announcing if neighbours[a] and a not in transit}
        transits = announcing & transit
        assert measured.network_figures(group) == (
            len(announcing),
            len(of[Family.IPV4]),
            len(of[Family.IPV6]),
            len(stubs),
            sum(len(neighbours[a]) > 1 for a in stubs),
            len(transits),
            sum(len(neighbours[a]) > 1 for a in transits),
        )
    if by_address:
        blocks = Blocks.of(facts, resources)
        by_block = wider.measure(facts, blocks.assigned, blocks.owners)
        block_group = blocks.country if column == "country" else blocks.registry
        added = by_block.summed(block_group, len(names))
        assert all((added.family[f] == measured.family[f]).all() for f in Family)
        assert (added.networks == measured.networks).all()
        held_by = holdings.measure(vrps_now, ByAddress(ranges, names), resources)
        blocks_hold = holdings.measure(vrps_now, blocks.assigned, resources)
        for family in Family:
            total = np.zeros((len(names), 2), "u8")
            np.add.at(total, block_group, blocks_hold[family])
            assert (total == held_by[family]).all()
        classes = dice.integers(0, 3, len(names)).astype("u4")
        summed = measured.summed(classes, 3)
        again = wider.measure(
            facts,
            ByAddress({f: (first, classes[its]) for f, (first, its) in ranges.items()}, ("a",) * 3),
            ByOrigin(classes[owners.group], ("a",) * 3),
        )
        assert all((summed.family[f] == again.family[f]).all() for f in Family)
        assert (summed.networks == again.networks).all()


def as_given(route: table.Route) -> R:
    return R(ipaddress.ip_network(str(route.prefix)), route.origin)


def is_bogon(origin: int, resources: ResourceTable) -> bool:
    return origin >= 0 and resources.asn_holder(origin) is None


# -------------------------------------------------------------------------------------- visibility

PREFIXES = [
    Prefix.parse(text)
    for text in ("10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "::/0", "2001:db8::/32",
                 "2001:db8::1/128", "2001:db8::2/128")
]  # fmt: skip
PEERS = tuple(Peer("rrc00", f"192.0.2.{i}", i) for i in range(4))
entries = st.tuples(
    st.integers(0, len(PREFIXES) - 1),
    st.integers(0, len(PEERS) - 1),
    st.sampled_from((-1, 1, 2, 3, 4, 5, 6, 7)),  # origin
    st.integers(1, 2),  # neighbour
    st.integers(0, 2),  # path identifier
    st.booleans(),  # withdrawn
)


@settings(max_examples=150, deadline=None)
@given(st.lists(entries, max_size=60), st.lists(st.booleans(), min_size=8, max_size=8),
       st.integers(0, 2**30))  # fmt: skip
def test_a_survey_counts_the_full_feeds_that_announce_each_route(
    given_entries: list[tuple[int, int, int, int, int, bool]], full: list[bool], seed: int
) -> None:
    rib = Rib()
    rib.apply(batch_of(given_entries))
    announced: dict[tuple[int, int, int], int] = {}
    for prefix, peer, origin, _, path, withdrawn in given_entries:
        announced.pop((prefix, peer, path), None)
        if not withdrawn:
            announced[prefix, peer, path] = origin
    sizes = [
        type(size)(size.peer, size.ipv4, size.ipv6, full[i], full[4 + i])
        for i, size in enumerate(rib.peer_sizes())
    ]
    dice = np.random.default_rng(seed)
    derived = SeenRoutes(*rib.derive(rib.everything()))
    listed = table.see(route_batch([as_given(table.Route(PREFIXES[1], 99, 1, Verdict.VALID))]))
    seen = table.unite([derived, listed])
    routes_now = table.publish(seen, dice.integers(0, 6, len(seen)).astype("u1"))
    excluded = (dice.random(len(seen)) < 0.3).astype("u1")
    found = survey(rib, routes_now, excluded, sizes)
    assert found.full_feeds == {Family.IPV4: sum(full[:4]), Family.IPV6: sum(full[4:])}
    if not any(full):
        assert found.seen is None
        return
    assert found.seen is not None
    carried: dict[tuple[Peer, Family], list[int]] = {
        (size.peer, family): [0, 0, 0]
        for size in sizes
        for family in Family
        if (size.full_ipv4 if family is Family.IPV4 else size.full_ipv6)
    }
    watched = {family: [0, 0, 0] for family in Family}
    for row in range(len(routes_now)):
        route = routes_now[row]
        who = {
            peer
            for (prefix, peer, _), origin in announced.items()
            if PREFIXES[prefix] == route.prefix and origin == route.origin
        }
        ipv6 = route.prefix.family is Family.IPV6
        looking = {peer for peer in who if full[peer + 4 * ipv6]}
        assert found.seen[row] == (len(looking) if who else UNWATCHED)
        state = ("valid", "invalid", "not-found").index(route.verdict.state)
        if not excluded[row] and who:
            watched[route.prefix.family][state] += 1
            for peer in looking:
                carried[PEERS[peer], route.prefix.family][state] += 1
    assert {f: tuple(counts) for f, counts in watched.items()} == dict(found.watched)
    assert {(each.peer, each.family): list(each.carried) for each in found.feeds} == carried


def batch_of(given_entries: list[tuple[int, int, int, int, int, bool]]) -> RouteBatch:
    columns = list(zip(*given_entries, strict=True)) or [()] * 6
    return RouteBatch(
        Prefixes.of(PREFIXES),
        np.array(columns[0], "u4"),
        np.array(columns[1], "u2"),
        np.array(columns[2], "i8"),
        np.array(columns[3], "u4") if columns[3] else np.full(0, NO_NEIGHBOUR, "u4"),
        np.array(columns[4], "u4"),
        np.array([Entry.WITHDRAWN if gone else 0 for gone in columns[5]], "u1"),
        PEERS,
        report("mrt"),
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(routes(), max_size=20, unique=True),
    st.lists(routes(), max_size=20, unique=True),
    st.integers(0, 2**30),
)
def test_sightings_follow_their_routes_into_another_table(
    before: list[R], after: list[R], seed: int
) -> None:
    old, new = published([], before), published([], [*after, *before[: len(before) // 2]])
    seen = np.random.default_rng(seed).integers(0, 9, len(old)).astype("u2")
    of = {(old.prefix(row), int(old.origin[row])): int(seen[row]) for row in range(len(old))}
    sightings = Sightings(dict.fromkeys(Family, 9), dict.fromkeys(Family, States()), (), old, seen)
    moved = sightings.over(new)
    assert moved.routes is new
    assert moved.seen is not None
    assert [int(each) for each in moved.seen] == [
        of.get((new.prefix(row), int(new.origin[row])), UNWATCHED) for row in range(len(new))
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**30), st.integers(1, 3000))
def test_origins_are_numbered_in_order_of_first_sight(seed: int, most: int) -> None:
    dice = np.random.default_rng(seed)
    known = np.concatenate(
        (dice.integers(-1, 2**20 + 9, most), dice.integers(2**20, 2**32, most), [-1, 0, 2**20])
    ).astype("i8")
    origins = dice.choice(known, 3 * most)
    numbers, distinct = kernels.number_origins(origins, seed)
    assert distinct[numbers].tolist() == origins.tolist()
    assert distinct.tolist() == list(dict.fromkeys(origins.tolist()))
