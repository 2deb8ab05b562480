"""A supposed change against the same world built anew with the change made.

Every figure of the answer is compared with plain set arithmetic, or with what the rest of the
service says of the other world: states, space that would be cut off, coverage of every group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import R, V, judge, route_batch, routes, vrp_batch, vrps
from tests.properties.test_coverage import countable, records, resource_batch, span, union_size
from validator.groupings import Scheme
from validator.inputs.batches import Inputs
from validator.model import Family, Prefix, ResourceBatch, Verdict
from validator.planning.hypothetical import (
    Announcement,
    Change,
    Outcome,
    Payload,
    outermost,
    suppose,
)
from validator.planning.reach import Spans, difference, reach, space_of, union
from validator.planning.what_if import SCHEMES, coverage_changes, local_table, moved_space
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules

RULES = AnnouncedRules(
    longest_ipv4=30, longest_ipv6=60, special_prefixes=(), special_asns=((3, 3),), min_peers=1
)


def make(v: Sequence[V], r: Sequence[R], resources: ResourceBatch) -> Snapshot:
    inputs = Inputs(vrps=[vrp_batch(v)], routes=[route_batch(r)], resources=[resources])
    return assemble(inputs, RULES)


def payload(vrp: V) -> Payload:
    return Payload(Prefix.of(vrp.prefix), vrp.max_length, vrp.asn)


def route(r: R) -> Announcement:
    return Announcement(Prefix.of(r.prefix), -1 if r.origin is None else r.origin)


def counts(r: R) -> bool:
    """By the rules above."""
    longest = 30 if r.prefix.version == 4 else 60
    return 0 < r.prefix.prefixlen <= longest and r.origin != 3


def reported(snapshot: Snapshot, outcome: Outcome) -> dict[Announcement, tuple[str, str]]:
    """(before, after) of every route that is said to change, "" being not announced."""
    found = {}
    for at in np.flatnonzero(outcome.flips()).tolist():
        known = snapshot.routes[int(outcome.rows[at])]
        states = Verdict(int(outcome.before[at])).state, Verdict(int(outcome.after[at])).state
        found[Announcement(known.prefix, known.origin)] = (states[0].value, states[1].value)
    for row in outcome.withdrawn.tolist():
        known = snapshot.routes[row]
        found[Announcement(known.prefix, known.origin)] = (known.verdict.state.value, "")
    for each, code in zip(outcome.announced, outcome.announced_verdict.tolist(), strict=True):
        found[each] = ("", Verdict(code).state.value)
    return found


def usable(r: Iterable[R], v: Sequence[V], version: int) -> list[tuple[int, int]]:
    """The space of each counted route that is left where invalids are dropped."""
    return [
        span(each)
        for each in r
        if each.prefix.version == version and counts(each) and judge(each, v)[0] != "invalid"
    ]


def positions(spans: Spans) -> list[tuple[int, int]]:
    return list(zip(spans.first.tolist(), spans.last.tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(vrps(), max_size=15),
    st.lists(routes(), max_size=25, unique=True),
    st.lists(vrps(), max_size=5),
    st.lists(vrps(), max_size=3),
    st.lists(routes(), max_size=4),
    st.lists(records(), max_size=8),
    st.data(),
)
def test_a_supposed_change_comes_to_what_the_changed_world_is(
    v: list[V],
    r: list[R],
    add: list[V],
    others: list[V],
    announce: list[R],
    held: list[object],
    data: st.DataObject,
) -> None:
    remove = others + (data.draw(st.lists(st.sampled_from(v), max_size=5)) if v else [])
    withdraw = data.draw(st.lists(st.sampled_from(r), max_size=4)) if r else []
    resources = resource_batch(held)  # type: ignore[arg-type]
    snapshot = make(v, r, resources)
    change = Change(
        [payload(each) for each in add],
        [payload(each) for each in remove],
        [route(each) for each in announce],
        [route(each) for each in withdraw],
    )
    v_after = sorted((set(v) - set(remove)) | set(add), key=repr)
    r_after = sorted((set(r) - set(withdraw)) | set(announce), key=repr)
    outcome = suppose(snapshot, change, RULES)

    # Every route that changes, and no other.
    expected = {}
    for each in {*r, *r_after}:
        states = (
            judge(each, v)[0] if each in r else "",
            judge(each, v_after)[0] if each in r_after else "",
        )
        if states[0] != states[1]:
            expected[route(each)] = states
    assert reported(snapshot, outcome) == expected
    assert set(outcome.added) == {payload(each) for each in set(add) - set(v)}
    assert set(outcome.removed) == {payload(each) for each in (set(remove) & set(v)) - set(add)}
    assert set(outcome.not_there) == {payload(each) for each in set(remove) - set(v) - set(add)}

    # The space that is cut off, and that which is not any more.
    table = local_table(snapshot, outcome)
    moved = moved_space(table)
    for family in Family:
        was, will = usable(r, v, family), usable(r_after, v_after, family)
        lost, gained = positions(moved[family].lost), positions(moved[family].gained)
        assert union_size(lost) == moved[family].lost.size
        assert union_size(was + will) - union_size(will) == moved[family].lost.size
        assert union_size(was + will) - union_size(was) == moved[family].gained.size
        assert union_size(will + lost) == union_size(will) + union_size(lost)
        assert union_size(was + gained) == union_size(was) + union_size(gained)

    # The coverage of every group: of those that are named, and that the others stay as they are.
    world = make(v_after, r_after, resources)
    changes = coverage_changes(snapshot, table)
    for scheme, attribution in SCHEMES:
        before, after = (
            snapshot.coverages[scheme, attribution],
            world.coverages[scheme, attribution],
        )
        named = {(each.group, each.family): each for each in changes[scheme].groups}
        assert changes[scheme].total == len(named)
        for family in Family:
            for group in {*before.groups, *after.groups}:
                numbers = before.index(group), after.index(group)
                then, now = (
                    [0] * 8 if number is None else list(of.figures(number, family))
                    for of, number in zip((before, after), numbers, strict=True)
                )
                if (group, family) in named:
                    assert list(named[group, family].before) == then
                    assert list(named[group, family].after) == now
                else:
                    assert then == now
        if scheme is Scheme.ASN:
            counted = [each for each in {*r, *r_after} if counts(each) and route(each) in expected]
            assert sum(each.routes for each in named.values()) == len(counted)


@settings(max_examples=120, deadline=None)
@given(st.lists(vrps(), max_size=8), st.lists(routes(), max_size=20, unique=True), routes())
def test_what_stays_reachable_of_a_prefix_is_what_usable_routes_leave(
    v: list[V], r: list[R], asked: R
) -> None:
    prefix = Prefix.of(asked.prefix)
    snapshot = make(v, r, resource_batch([]))
    found = reach(snapshot, prefix)
    own = [each for each in r if each.prefix.version == asked.prefix.version]
    left = [each for each in own if counts(each) and judge(each, v)[0] != "invalid"]
    above = {route(each) for each in left if Prefix.of(each.prefix).covers(prefix)}
    named = [snapshot.routes[row] for row in found.covering]
    assert {Announcement(each.prefix, each.origin) for each in named} == above
    assert [each.prefix.length for each in named] == sorted(
        (each.prefix.prefixlen for each in left if Prefix.of(each.prefix).covers(prefix)),
        reverse=True,
    )
    if above:
        assert found.share == 1
        return
    inside = [span(each) for each in left if prefix.covers(Prefix.of(each.prefix))]
    assert found.left.size == union_size(inside)
    assert (found.share == 1) == (union_size(inside) == space_of(prefix) and bool(inside))
    parts = [snapshot.routes.prefix(row) for row in found.parts.tolist()]
    assert list(outermost(parts)) == parts


ranges = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)


def as_spans(pairs: list[tuple[int, int]], top: bool) -> tuple[Spans, set[int]]:
    """Disjoint spans, at the bottom or at the very top of the space, and all their positions."""
    base = 2**64 - 41 if top else 0
    held = {base + x for a, b in pairs for x in range(min(a, b), max(a, b) + 1)}
    first = sorted(x for x in held if x - 1 not in held)
    last = sorted(x for x in held if x + 1 not in held)
    return Spans(np.array(first, "u8"), np.array(last, "u8")), held


@given(ranges, ranges, st.booleans())
def test_the_difference_of_spans_is_that_of_sets(
    a: list[tuple[int, int]], b: list[tuple[int, int]], top: bool
) -> None:
    (one, has), (other, lacks) = as_spans(a, top), as_spans(b, top)
    found = difference(one, other)
    assert {x for first, last in positions(found) for x in range(first, last + 1)} == has - lacks
    assert found.size == len(has - lacks)
    assert (found.first[1:] - found.last[:-1] > 1).all()


def test_the_union_of_nothing_is_nothing() -> None:
    empty = Spans(np.empty(0, "u8"), np.empty(0, "u8"))
    assert union(empty).size == 0
    assert difference(empty, empty).size == 0


def test_routes_that_do_not_count_are_countable_in_these_tests() -> None:
    """The rules above leave some routes out, or the properties would say less than they seem to."""
    from ipaddress import ip_network

    kept = R(ip_network("10.0.0.0/30"), 1)
    assert counts(kept)
    assert countable(kept)
    assert not counts(R(ip_network("10.0.0.0/30"), 3))
