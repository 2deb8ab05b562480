"""Coverage against the definitions computed with plain integers, one address range at a time."""

from __future__ import annotations

import ipaddress
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import R, V, judge, networks, report, route_batch, routes, vrp_batch, vrps
from validator.figures.counting import Counting
from validator.figures.coverage import measure
from validator.groupings import Attribution, Lists, Scheme, attributions
from validator.model import Family, Holding, Members, Prefix, ResourceBatch
from validator.origin_validation import validate
from validator.snapshot import Adjacencies
from validator.tables import routes as table
from validator.tables.announced import REASONS
from validator.tables.resources import ResourceTable, locate
from validator.tables.resources import build_table as build_resources
from validator.tables.vrps import build_table

END = {4: 2**32 - 1, 6: 2**64 - 1, 0: 2**32 - 1}
COUNTRIES = ("", "KE", "NL", "FJ")
Record = tuple[int, int, int, int, int]
NO_NEIGHBOURS = Adjacencies(np.empty(0, "i8"), np.empty(0, "u4"))


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


class Assigned:
    """Which group an address, or an origin, belongs to: the definition, by looking it up."""

    def __init__(self, resources: ResourceTable, scheme: str, lists: Lists | None) -> None:
        self._resources, self._scheme, self._lists = resources, scheme, lists
        self._listed = sorted(
            (map(ipaddress.ip_network, lists.of) if lists and lists.members == "prefix" else ()),
            key=lambda network: -network.prefixlen,
        )

    def cuts(self, version: int) -> list[int]:
        """Where the group of an address may change."""
        ranges = self._resources.ipv4 if version == 4 else self._resources.ipv6
        cuts = {int(first) for first in ranges.first}
        for network in self._listed:
            if network.version == version:
                first, last = span(R(network, 1))
                cuts |= {first, last + 1}
        return sorted(cuts)

    def of_address(self, version: int, position: int) -> str:
        if self._lists is not None and self._lists.members == "prefix":
            address = position if version == 4 else position << 64
            for network in self._listed:
                if network.version == version and (
                    int(network.network_address) <= address <= int(network.broadcast_address)
                ):
                    return self._lists.of[str(network)]
            return "other"
        return self._of(version, position)

    def of_origin(self, origin: int | None) -> str:
        if self._lists is not None and self._lists.members == "asn":
            return self._lists.of.get(f"AS{origin}", "other")
        if self._scheme == Scheme.ASN:
            return "NONE" if origin is None else f"AS{origin}"
        return "ZZ" if origin is None else self._of(0, origin)

    def _of(self, space: int, position: int) -> str:
        resources = self._resources
        ranges = {4: resources.ipv4, 6: resources.ipv6, 0: resources.asn}[space]
        row = int(locate(ranges, np.array([position], "u8"))[0])
        if self._scheme == Scheme.RIR:
            return resources.registries[int(ranges.registry[row])]
        country = resources.countries[int(ranges.country[row])]
        if self._lists is None or country == "ZZ":
            return country
        return self._lists.of.get(country, "other")


COUNTRY_LISTS = [
    Lists("ldc", Members.COUNTRIES, ("ldc", "other", "ZZ"), {"KE": "ldc"}),
    Lists("m49-region", Members.COUNTRIES, ("002", "150", "009", "other", "ZZ"),
          {"KE": "002", "NL": "150", "FJ": "009", "SZ": "002"}),
]  # fmt: skip
NETWORK_LISTS = [
    Lists("custom-mine", Members.NETWORKS, ("a", "b", "other"), {"AS1": "a", "AS3": "b"}),
    Lists("custom-none", Members.NETWORKS, ("other",), {}),
]


@st.composite
def prefix_lists(draw: st.DrawFn) -> Lists:
    listed = draw(st.lists(networks().filter(lambda n: n.prefixlen <= 64), max_size=8, unique=True))
    of = {str(network): draw(st.sampled_from("ab")) for network in listed}
    return Lists("custom-space", Members.PREFIXES, ("a", "b", "other"), of)


@st.composite
def groupings(draw: st.DrawFn) -> tuple[str, Attribution, Lists | None]:
    lists = draw(
        st.one_of(st.none(), st.sampled_from(COUNTRY_LISTS + NETWORK_LISTS), prefix_lists())
    )
    if lists is None:
        scheme: str = draw(st.sampled_from(list(Scheme)))
        possible = attributions(Members.NETWORKS if scheme == Scheme.ASN else None)
    else:
        scheme, possible = lists.scheme, attributions(lists.members)
    return scheme, draw(st.sampled_from(possible)), lists


@settings(max_examples=150, deadline=None)
@given(
    st.lists(vrps(), max_size=20),
    st.lists(routes().filter(countable), min_size=1, max_size=30, unique=True),
    st.lists(records(), max_size=12),
    groupings(),
    st.integers(0, 2**30),
)
def test_counts_and_spaces_equal_plain_set_arithmetic(
    v: list[V],
    r: list[R],
    held: list[Record],
    grouping: tuple[str, Attribution, Lists | None],
    seed: int,
) -> None:
    scheme, attribution, lists = grouping
    resources = build_resources([resource_batch(held)])
    seen = table.see(route_batch(r))
    published = table.publish(seen, validate(seen, build_table([vrp_batch(v)])))
    draw = np.random.default_rng(seed)
    excluded = (draw.random(len(published)) < 0.2).astype("u1")
    excluded *= draw.integers(1, len(REASONS), len(published), "u1")
    why = {
        (published.prefix(row), int(published.origin[row])): REASONS[excluded[row]]
        for row in range(len(published))
    }
    coverage = Counting(
        published, excluded, resources, build_table([vrp_batch(v)]), NO_NEIGHBOURS
    ).one(scheme, attribution, lists)
    alone = measure(published, excluded, resources, scheme, attribution, lists)
    assert coverage.groups == alone.groups
    for family in Family:
        assert np.array_equal(coverage.routes[family], alone.routes[family])
        assert np.array_equal(coverage.space[family], alone.space[family])
        assert np.array_equal(coverage.excluded[family], alone.excluded[family])

    assigned = Assigned(resources, scheme, lists)
    counts: Counter[tuple[int, str, str]] = Counter()
    spaces: dict[tuple[int, str, str], list[tuple[int, int]]] = {}
    for route in r:
        origin = -1 if route.origin is None else route.origin
        version, (first, last) = route.prefix.version, span(route)
        by_address = attribution is Attribution.ADDRESS
        group = (
            assigned.of_address(version, first) if by_address else assigned.of_origin(route.origin)
        )
        if reason := why[Prefix.of(route.prefix), origin]:
            counts[version, group, reason] += 1
            continue
        state = judge(route, v)[0]
        counts[version, group, state] += 1
        starts = [cut for cut in assigned.cuts(version) if first < cut <= last]
        pieces = [(first, last)]
        if by_address:
            pieces = list(zip([first, *starts], [*(s - 1 for s in starts), last], strict=True))
        for piece in pieces:
            of = assigned.of_address(version, piece[0]) if by_address else group
            for each in ["announced", state] + ["covered"] * (state != "not-found"):
                spaces.setdefault((version, of, each), []).append(piece)

    for family in Family:
        for number, group in enumerate(coverage.groups):
            figures = coverage.figures(number, family)
            assert (figures.valid, figures.invalid, figures.not_found) == tuple(
                counts[int(family), group, state] for state in ("valid", "invalid", "not-found")
            )
            assert coverage.left_out(number, family) == {
                reason: counts[int(family), group, reason]
                for reason in REASONS[1:]
                if counts[int(family), group, reason]
            }
            assert (
                figures.announced_space,
                figures.covered_space,
                figures.valid_space,
                figures.invalid_space,
                figures.not_found_space,
            ) == tuple(
                min(union_size(spaces.get((int(family), group, each), [])), 2**64 - 1)
                for each in ("announced", "covered", "valid", "invalid", "not-found")
            )
        total = int(coverage.routes[family].sum() + coverage.excluded[family].sum())
        start, stop = published.family_range(family)
        assert total == stop - start, "groups + excluded = all routes"
