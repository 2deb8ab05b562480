"""What contains an address and what a pyasn database keeps, each by looking at every route."""

from __future__ import annotations

import ipaddress

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import Network, R, networks, route_batch, routes
from validator.formats import pyasn_file
from validator.model import Prefix
from validator.tables import routes as table
from validator.tables.addresses import covering
from validator.tables.routes import RouteTable


def published(r: list[R]) -> RouteTable:
    seen = table.see(route_batch(r))
    return table.publish(seen, np.zeros(len(seen), "u1"))


@st.composite
def addresses(draw: st.DrawFn) -> Network:
    """The first, the last or another address of a prefix of the crowded part of the space."""
    prefix = draw(networks())
    last = int(prefix.broadcast_address)
    value = draw(st.sampled_from((int(prefix.network_address), last)) | st.integers(0, last))
    return ipaddress.IPv4Network(value) if prefix.version == 4 else ipaddress.IPv6Network(value)


@settings(max_examples=200, deadline=None)
@given(st.lists(routes(), max_size=60), st.lists(addresses() | networks(), min_size=1, max_size=8))
def test_what_covers_an_address_is_what_a_search_of_all_routes_finds(
    r: list[R], probes: list[Network]
) -> None:
    held = published(r)
    for probe in probes:
        expected = sorted(
            {
                each.prefix
                for each in r
                if each.prefix.version == probe.version
                and each.prefix.prefixlen <= probe.prefixlen
                and probe.network_address in each.prefix
            },
            key=lambda prefix: -prefix.prefixlen,
        )
        rows = covering(held, Prefix.of(probe))
        assert [held.prefix(each.start) for each in rows] == [Prefix.of(n) for n in expected]
        for each, prefix in zip(rows, expected, strict=True):
            origins = {-1 if x.origin is None else x.origin for x in r if x.prefix == prefix}
            assert {held.prefix(row) for row in each} == {Prefix.of(prefix)}
            assert [held[row].origin for row in each] == sorted(origins)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(routes(), st.integers(1, 3)), max_size=60))
def test_each_prefix_is_exported_once_with_the_origin_that_most_peers_see(
    given_routes: list[tuple[R, int]],
) -> None:
    seen = dict(given_routes)
    batches = [[route for route, peers in seen.items() if peers > n] for n in range(3)]
    united = table.unite([table.see(route_batch(batch)) for batch in batches])
    held = table.publish(united, np.zeros(len(united), "u1"))
    chosen = pyasn_file.choose(held)
    best: dict[Network, tuple[int, int]] = {}
    for route, peers in seen.items():
        if route.origin and route.prefix.prefixlen:
            rank = -peers, route.origin
            best[route.prefix] = min(best.get(route.prefix, rank), rank)
    assert [(held.prefix(row), held[row].origin) for row in chosen.rows.tolist()] == sorted(
        (Prefix.of(prefix), origin) for prefix, (_, origin) in best.items()
    )
    assert chosen.ipv4 == sum(prefix.version == 4 for prefix in best)
    assert len(chosen.rows) + sum(chosen.left_out.values()) == len(seen)
