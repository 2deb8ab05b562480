"""A change applied to a table is the table built from what is there after the change."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import R, V, route_batch, routes, vrp_batch, vrps
from validator.model import Prefix, Prefixes
from validator.origin_validation import validate
from validator.state.delta import change_routes, change_vrps, revalidated
from validator.tables import routes as table
from validator.tables.announced import AnnouncedRules, exclusions
from validator.tables.routes import RouteTable
from validator.tables.vrps import VrpTable, build_table

VRP_COLUMNS = ("high", "low", "length", "parent", "first", "asn", "max_length", "buckets")
ROUTE_COLUMNS = ("high", "low", "length", "origin", "peers", "verdict")
RULES = AnnouncedRules(special_prefixes=(), longest_ipv4=8, longest_ipv6=32)


def same(a: object, b: object, columns: tuple[str, ...]) -> None:
    for column in columns:
        assert getattr(a, column).tolist() == getattr(b, column).tolist(), column


def published(r: list[R], vrp_table: VrpTable) -> RouteTable:
    seen = table.see(route_batch(r)) if r else table.unite([])
    return table.publish(seen, validate(seen, vrp_table))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(vrps(), max_size=25),
    st.lists(vrps(), max_size=10),
    st.lists(vrps(), max_size=10),
    st.lists(routes(), max_size=30),
    st.data(),
)
def test_a_vrp_transaction_equals_building_anew(
    held: list[V], announced: list[V], others: list[V], r: list[R], data: st.DataObject
) -> None:
    some = data.draw(st.lists(st.sampled_from(held), max_size=8)) if held else []
    withdrawn = [*some, *others]
    before = build_table([vrp_batch(held)])
    change = change_vrps(before, vrp_batch(announced), vrp_batch(withdrawn))
    after = (set(held) - set(withdrawn)) | set(announced)
    expected = build_table([vrp_batch(sorted(after, key=repr))])
    same(change.table, expected, VRP_COLUMNS)
    assert change.table.ipv6 == expected.ipv6
    assert list(change.table) == list(expected)
    assert change.announced == len(after - set(held))
    assert change.withdrawn == len(set(held) - after)
    differ = {Prefix.of(vrp.prefix) for vrp in after ^ set(held)}
    assert [change.prefixes[i] for i in range(len(change.prefixes))] == sorted(differ)
    again = revalidated(published(r, before), change.table, change.prefixes)
    same(again, published(r, expected), ROUTE_COLUMNS)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(vrps(), max_size=15),
    st.lists(routes(), max_size=25),
    st.lists(routes(), max_size=25),
    st.data(),
)
def test_a_change_of_routes_equals_publishing_anew(
    v: list[V], before: list[R], after: list[R], data: st.DataObject
) -> None:
    """Only touched prefixes differ: the others keep the routes they had."""
    prefixes = sorted({Prefix.of(r.prefix) for r in (*before, *after)})
    touched = {p for p in prefixes if data.draw(st.booleans())} if prefixes else set()
    now = [r for r in before if Prefix.of(r.prefix) not in touched]
    fresh = [r for r in after if Prefix.of(r.prefix) in touched]
    vrp_table = build_table([vrp_batch(v)])
    old = published(before, vrp_table)
    seen = table.see(route_batch(fresh)) if fresh else table.unite([])
    spliced, excluded = change_routes(
        old, exclusions(old, RULES, 1), Prefixes.of(sorted(touched)), seen, vrp_table, RULES, 1
    )
    expected = published([*now, *fresh], vrp_table)
    same(spliced, expected, ROUTE_COLUMNS)
    assert spliced.ipv6 == expected.ipv6
    assert excluded.tolist() == exclusions(expected, RULES, 1).tolist()


def test_a_large_change_validates_the_whole_table() -> None:
    from ipaddress import ip_network

    nets = [ip_network((n << 12, 20)) for n in range(6000)]
    before = build_table([])
    r = [R(net, 1) for net in nets] + [R(ip_network("2001:db8::/32"), 1)]
    change = change_vrps(before, vrp_batch([V(net, 24, 1 + n % 2) for n, net in enumerate(nets)]),
                         vrp_batch([]))  # fmt: skip
    again = revalidated(published(r, before), change.table, change.prefixes)
    same(again, published(r, change.table), ROUTE_COLUMNS)
    assert np.bincount(again.verdict, minlength=6).tolist() == [1, 3000, 0, 0, 0, 3000]
