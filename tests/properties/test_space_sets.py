"""Space, against sets of addresses: the plainest oracle there is, in a universe small enough.

A universe is 1,024 units under one prefix: IPv4 addresses under a /22, or IPv6 /64s under a /54.
Routes inside it nest, overlap, touch and repeat; routes that cover all of it, up to /0, add a known
number of units outside; and routes longer than a unit (an IPv6 /128) are excluded, by whatever rule
is set, and add nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.oracle import R, V, judge, route_batch, vrp_batch
from validator.figures.coverage import tally
from validator.groupings import ByAddress, ByOrigin
from validator.model import Family
from validator.origin_validation import validate
from validator.tables import routes as table
from validator.tables.announced import AnnouncedRules, exclusions
from validator.tables.vrps import build_table

UNITS = 1024
RULES = AnnouncedRules(1, 32, 64, (), ())
UNIVERSE = {
    4: ipaddress.ip_network("192.0.0.0/22"),
    6: ipaddress.ip_network("2001:db8::/54"),
}
"""What the oracle keeps sets of. A unit is the longest prefix that may count."""


def unit_bits(version: int) -> int:
    return 32 if version == 4 else 64


@st.composite
def networks(draw: st.DrawFn, version: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    around, whole = UNIVERSE[version], unit_bits(version)
    longest = 32 if version == 4 else 128
    length = draw(st.sampled_from([*range(around.prefixlen, whole + 1), 0, 8, longest]))
    bits = draw(st.integers(0, UNITS - 1)) << (longest - whole)
    address = int(around.network_address) | bits
    address = address >> (longest - length) << (longest - length)
    return type(around)((address, length))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[int, list[R], list[V], int]:
    version = draw(st.sampled_from((4, 6)))
    announced = st.builds(R, networks(version), st.sampled_from((None, 1, 2)))
    permitted = st.builds(
        lambda network, more, asn: V(
            network, min(network.max_prefixlen, network.prefixlen + more), asn
        ),
        networks(version), st.integers(0, 3), st.sampled_from((0, 1, 2)),
    )  # fmt: skip
    return (
        version,
        draw(st.lists(announced, min_size=1, max_size=25, unique=True)),
        draw(st.lists(permitted, max_size=10)),
        draw(st.integers(0, UNITS)),
    )


def spaces(state: str) -> Iterator[int]:
    """The spaces that a route of a state belongs to, of announced, covered, valid, invalid and
    not-found."""
    yield 0
    if state != "not-found":
        yield 1
    yield {"valid": 2, "invalid": 3, "not-found": 4}[state]


@settings(max_examples=250, deadline=None)
@given(worlds())
@example((4, [R(ipaddress.ip_network("0.0.0.0/0"), 1)], [], 0))
@example((6, [R(ipaddress.ip_network("::/0"), 1)], [], 0))
@example((6, [R(ipaddress.ip_network("2001:db8::/128"), 1)], [], 0))
@example((4, [R(ipaddress.ip_network(f"192.0.0.{n}/32"), 1) for n in (0, 1, 2, 3)], [], 2))
@example((6, [R(ipaddress.ip_network(f"2001:db8:0:{n}::/64"), 1) for n in (0, 1)], [], 1))
def test_space_is_as_many_units_as_a_set_of_them_has(
    world: tuple[int, list[R], list[V], int],
) -> None:
    version, announced, permitted, cut = world
    family, around = Family(version), UNIVERSE[version]
    seen = table.see(route_batch(announced))
    published = table.publish(seen, validate(seen, build_table([vrp_batch(permitted)])))
    excluded = exclusions(published, RULES, 1)
    excluded[published.length == 0] = 0  # the kernel takes default routes too
    shift = (32 if version == 4 else 128) - unit_bits(version)
    first = int(around.network_address) >> shift

    # Two blocks: the universe up to a cut belongs to one, all else to the other.
    starts = np.array([0, first, first + cut], "u8")
    ranges = (starts, np.array([1, 0, 1], "u4")) if cut else (starts[:1], np.array([1], "u4"))

    expected = {0: [set[int]() for _ in range(5)], 1: [set[int]() for _ in range(5)]}
    beyond = [0] * 5
    by_origin: dict[int | None, list[set[int]]] = {}
    beyond_origin: dict[int | None, list[int]] = {}
    for route in announced:
        length = route.prefix.prefixlen
        if length > unit_bits(version):
            continue
        state = judge(route, permitted)[0]
        start = int(route.prefix.network_address) >> shift
        units = set(range(max(start, first), min(start + (1 << (unit_bits(version) - length)),
                                                 first + UNITS)))  # fmt: skip
        mine = by_origin.setdefault(route.origin, [set() for _ in range(5)])
        outside = beyond_origin.setdefault(route.origin, [0] * 5)
        for kind in spaces(state):
            mine[kind] |= units
            expected[0][kind] |= {unit for unit in units if unit < first + cut}
            expected[1][kind] |= {unit for unit in units if unit >= first + cut}
            more = max(0, (1 << (unit_bits(version) - length)) - UNITS)
            beyond[kind] = max(beyond[kind], more)
            outside[kind] = max(outside[kind], more)

    most = 2**64 - 1  # all of IPv6 is one unit more than a column holds
    _, by_address = tally(
        published, excluded, ByAddress(dict.fromkeys(Family, ranges), ("inside", "outside"))
    )
    for kind in range(5):
        assert int(by_address[family][0, kind]) == len(expected[0][kind])
        assert int(by_address[family][1, kind]) == min(most, len(expected[1][kind]) + beyond[kind])
    origins = sorted({route.origin for route in announced}, key=str)
    number = {-1 if origin is None else origin: n for n, origin in enumerate(origins)}
    group = np.array([number[int(origin)] for origin in published.origin], "u4")
    _, mine_too = tally(published, excluded, ByOrigin(group, tuple(map(str, origins))))
    for n, origin in enumerate(origins):
        for kind in range(5):
            held = len(by_origin[origin][kind]) if origin in by_origin else 0
            more = beyond_origin[origin][kind] if origin in beyond_origin else 0
            assert int(mine_too[family][n, kind]) == min(most, held + more)
