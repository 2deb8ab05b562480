"""The whole table, one route and a slice are the same rule: RFC 6811, as the oracle has it."""

from __future__ import annotations

from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import R, V, judge, route_batch, routes, vrp_batch, vrps
from validator.kernels import core as kernels
from validator.model import NO_ORIGIN, Family, Prefix, Verdict
from validator.origin_validation import explain, revalidate, validate
from validator.tables import routes as table
from validator.tables.vrps import build_table


@settings(max_examples=200, deadline=None)
@given(st.lists(vrps(), max_size=40), st.lists(routes(), min_size=1, max_size=40))
def test_table_look_up_and_slice_agree_with_the_oracle(v: list[V], r: list[R]) -> None:
    vrp_table = build_table([vrp_batch(v)])
    seen = table.see(route_batch(r))
    published = table.publish(seen, validate(seen, vrp_table))
    assert len(published) == len(set(r))
    expected = {
        (Prefix.of(each.prefix), NO_ORIGIN if each.origin is None else each.origin): judge(each, v)
        for each in r
    }
    for row in range(len(published)):
        route = published[row]
        state, reason = expected[route.prefix, route.origin]
        assert (route.verdict.state.value, route.verdict.reason) == (state, reason)
        explained = explain(route.prefix, route.origin, vrp_table)
        assert explained.verdict is route.verdict
        assert bool(explained.matched) == (state == "valid")
        assert bool(explained.covering) == (state != "not-found")
    again = np.full(len(published), 99, "u1")
    for family in Family:
        start, stop = published.family_range(family)
        middle = (start + stop) // 2
        revalidate(published, vrp_table, start, middle, again)
        revalidate(published, vrp_table, middle, stop, again)
    assert (again == published.verdict).all()


@settings(max_examples=200, deadline=None)
@given(st.lists(vrps(), max_size=60))
def test_the_vrp_table_holds_each_vrp_once_and_in_order(v: list[V]) -> None:
    held = list(build_table([vrp_batch(v[:20]), vrp_batch(v[20:])]))
    as_tuples = [(vrp.prefix, vrp.asn, -vrp.max_length) for vrp in held]
    assert as_tuples == sorted({(Prefix.of(x.prefix), x.asn, -x.max_length) for x in v})


@settings(max_examples=200, deadline=None)
@given(st.lists(routes(), min_size=1, max_size=60), routes())
def test_covered_and_exact_rows_are_those_a_search_would_find(r: list[R], probe: R) -> None:
    seen = table.see(route_batch(r))
    published = table.publish(seen, np.zeros(len(seen), "u1"))
    prefix = Prefix.of(probe.prefix)
    inside = [row for row in range(len(published)) if prefix.covers(published.prefix(row))]
    assert list(published.covered(prefix)) == inside
    assert list(published.exact(prefix)) == [
        row for row in inside if published.prefix(row) == prefix
    ]


def test_thousands_of_vrps_for_one_prefix_are_searched_and_not_scanned() -> None:
    from ipaddress import IPv4Network

    net = IPv4Network("10.0.0.0/8")
    table_of_many = build_table([vrp_batch([V(net, 8 + n % 25, 7 * n) for n in range(5000)])])
    for n in (1, 6, 24, 25, 4999):
        inside = Prefix.of(IPv4Network("10.1.0.0/16"))
        expected = Verdict.VALID if 8 + n % 25 >= 16 else Verdict.INVALID_LENGTH
        assert explain(inside, 7 * n, table_of_many).verdict is expected
        assert explain(inside, 7 * n + 1, table_of_many).verdict is Verdict.INVALID_ORIGIN


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 400))
def test_rows_come_in_table_order_however_many_share_an_upper_half(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    family = random.choice(np.array([4, 6], "u1"), n)
    high = random.integers(0, 3, n).astype("u8") << np.uint64(61)
    low = random.integers(0, 3, n).astype("u8") * (family == 6)
    length = random.integers(3, 6, n).astype("u1")
    tie = random.integers(-1, 3, n)
    order = kernels.table_order(family, high, low, length, tie)
    rows = [tuple(int(c[i]) for c in (family, high, low, length, tie)) for i in range(n)]
    assert [rows[i] for i in order] == sorted(rows)
    same = [i for i in range(1, n) if rows[order[i]] == rows[order[i - 1]]]
    assert all(order[i] > order[i - 1] for i in same), "stable"


@settings(max_examples=60, deadline=None)
@given(st.lists(vrps(), max_size=30), st.lists(routes(), min_size=1, max_size=60))
def test_a_table_cut_into_slices_for_threads_gets_the_same_verdicts(v: list[V], r: list[R]) -> None:
    vrp_table, seen = build_table([vrp_batch(v)]), table.see(route_batch(r))
    whole = validate(seen, vrp_table)
    with (
        mock.patch("validator.origin_validation._WORTH_A_THREAD", 0),
        mock.patch("os.sched_getaffinity", return_value={0, 1, 2}),
    ):
        assert (validate(seen, vrp_table) == whole).all()
