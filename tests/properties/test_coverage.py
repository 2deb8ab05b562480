"""Coverage against the definitions computed with plain integers, one address range at a time."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import R, V, judge, report, route_batch, routes, vrp_batch, vrps
from validator import routes as table
from validator.coverage import measure
from validator.groupings import Attribution, Scheme
from validator.model import Family, Holding, Prefix, ResourceBatch
from validator.origin_validation import validate
from validator.resources import build_table as build_resources
from validator.resources import locate
from validator.vrps import build_table

END = {4: 2**32 - 1, 6: 2**64 - 1, 0: 2**32 - 1}
COUNTRIES = ("", "KE", "NL", "FJ")
Record = tuple[int, int, int, int, int]


@st.composite
def records(draw: st.DrawFn) -> Record:
    """(kind, first, last, country, registry), crowded where the routes are."""
    kind = draw(st.sampled_from((0, 4, 6)))
    if kind == 0:
        first = draw(st.integers(0, 4))
        return kind, first, first + draw(st.integers(0, 2)), draw(st.integers(0, 3)), 0
    bits = 32 if kind == 4 else 64
    step = 1 << (bits - 10)
    first = draw(st.integers(0, 1023)) * step
    last = min(first + draw(st.integers(1, 400)) * step - 1, END[kind])
    return kind, first, last, draw(st.integers(0, 3)), draw(st.integers(0, 1))


def resource_batch(given_records: list[Record]) -> ResourceBatch:
    n = len(given_records)
    columns = list(zip(*given_records, strict=True)) or [()] * 5
    return ResourceBatch(
        np.array(columns[0], "u1"),
        np.array(columns[1], "u8"),
        np.array(columns[2], "u8"),
        np.full(n, Holding.ALLOCATED, "u1"),
        np.array(columns[4], "u1"),
        np.array(columns[3], "u2"),
        np.zeros(n, "u4"),
        np.zeros(n, "u4"),
        ("ripencc", "apnic"),
        COUNTRIES,
        ("",),
        report(),
    )


def span(route: R) -> tuple[int, int]:
    """The first and last unit of a route: IPv4 addresses or IPv6 /64s."""
    bits = 32 if route.prefix.version == 4 else 64
    first = int(route.prefix.network_address) >> (0 if bits == 32 else 64)
    return first, first + 2 ** (bits - route.prefix.prefixlen) - 1


def union_size(spans: list[tuple[int, int]]) -> int:
    total, through = 0, -1
    for first, last in sorted(spans):
        if last > through:
            total += last - max(first, through + 1) + 1
            through = last
    return total


def countable(route: R) -> bool:
    """What rules of exclusion let in: no default route, and nothing longer than /64."""
    return 0 < route.prefix.prefixlen <= 64


@settings(max_examples=200, deadline=None)
@given(
    st.lists(vrps(), max_size=20),
    st.lists(routes().filter(countable), min_size=1, max_size=30, unique=True),
    st.lists(records(), max_size=12),
    st.sampled_from(
        [
            (Scheme.ASN, Attribution.ORIGIN),
            (Scheme.COUNTRY, Attribution.ADDRESS),
            (Scheme.COUNTRY, Attribution.ORIGIN),
            (Scheme.RIR, Attribution.ADDRESS),
            (Scheme.RIR, Attribution.ORIGIN),
        ]
    ),
    st.integers(0, 2**30),
)
def test_counts_and_spaces_equal_plain_set_arithmetic(
    v: list[V],
    r: list[R],
    held: list[Record],
    grouping: tuple[Scheme, Attribution],
    seed: int,
) -> None:
    scheme, attribution = grouping
    resources = build_resources([resource_batch(held)])
    seen = table.see(route_batch(r))
    published = table.publish(seen, validate(seen, build_table([vrp_batch(v)])))
    excluded = (np.random.default_rng(seed).random(len(published)) < 0.2).astype("u1")
    left_out = {
        (published.prefix(int(row)), int(published.origin[row])) for row in np.flatnonzero(excluded)
    }
    coverage = measure(published, excluded, resources, scheme, attribution)

    def group_at(space: int, position: int) -> str:
        ranges = {4: resources.ipv4, 6: resources.ipv6, 0: resources.asn}[space]
        row = int(locate(ranges, np.array([position], "u8"))[0])
        if scheme is Scheme.COUNTRY:
            return resources.countries[int(ranges.country[row])]
        return resources.registries[int(ranges.registry[row])]

    counts: Counter[tuple[int, str, str]] = Counter()
    spaces: dict[tuple[int, str, str], list[tuple[int, int]]] = {}
    for route in r:
        origin = -1 if route.origin is None else route.origin
        if (Prefix.of(route.prefix), origin) in left_out:
            continue
        version, (first, last) = route.prefix.version, span(route)
        state = judge(route, v)[0]
        classes = ["announced", state] + ["covered"] * (state != "not-found")
        if attribution is Attribution.ADDRESS:
            ranges = resources.ipv4 if version == 4 else resources.ipv6
            starts = [int(x) for x in ranges.first if first < x <= last]
            pieces = list(zip([first, *starts], [*(s - 1 for s in starts), last], strict=True))
            group = group_at(version, first)
        else:
            pieces = [(first, last)]
            if scheme is Scheme.ASN:
                group = "NONE" if route.origin is None else f"AS{route.origin}"
            else:
                group = "ZZ" if route.origin is None else group_at(0, route.origin)
        counts[version, group, state] += 1
        for piece in pieces:
            of = group_at(version, piece[0]) if attribution is Attribution.ADDRESS else group
            for each in classes:
                spaces.setdefault((version, of, each), []).append(piece)

    for family in Family:
        for number, group in enumerate(coverage.groups):
            figures = coverage.figures(number, family)
            assert (figures.valid, figures.invalid, figures.not_found) == tuple(
                counts[int(family), group, state] for state in ("valid", "invalid", "not-found")
            )
            assert (
                figures.announced_space,
                figures.covered_space,
                figures.valid_space,
                figures.invalid_space,
                figures.not_found_space,
            ) == tuple(
                union_size(spaces.get((int(family), group, each), []))
                for each in ("announced", "covered", "valid", "invalid", "not-found")
            )
        total = int(coverage.routes[family].sum())
        start, stop = published.family_range(family)
        assert total == int((excluded[start:stop] == 0).sum()), "groups + excluded = all routes"
