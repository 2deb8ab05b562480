"""What groups hold, and how much of it lies under a VRP, against sets of ranges."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.oracle import V, vrp_batch, vrps
from tests.properties.test_coverage import Record, records, resource_batch, union_size
from validator.figures.holdings import measure
from validator.groupings import ByAddress
from validator.model import Family, Prefix
from validator.tables.resources import build_table as build_resources
from validator.tables.vrps import build_table

FINE = 64
"""An IPv6 unit is a /64: what is longer is a fraction of it, in 2^-64ths."""


def units(vrp: V) -> tuple[int, int]:
    """The first and last unit of a VRP: IPv4 addresses, or IPv6 addresses."""
    first = int(vrp.prefix.network_address)
    return first, first + vrp.prefix.num_addresses - 1


@settings(max_examples=120, deadline=None)
@given(
    st.lists(vrps(), max_size=20),
    st.lists(records(), max_size=12),
    st.lists(st.integers(0, 1023), max_size=6, unique=True),
)
@example([], [(6, 0, 2**64 - 1, 1, 0)], [])
def test_holdings_are_what_sets_of_ranges_give(
    v: list[V], held: list[Record], cuts: list[int]
) -> None:
    resources = build_resources([resource_batch(held)])
    ranges = {}
    for family, bits in ((Family.IPV4, 32), (Family.IPV6, 64)):
        first = np.array([0, *sorted(cut << (bits - 10) for cut in cuts if cut)], "u8")
        ranges[family] = first, (np.arange(len(first)) % 3).astype("u4")
    measured = measure(build_table([vrp_batch(v)]), ByAddress(ranges, ("a", "b", "c")), resources)
    for family in Family:
        fine = FINE if family is Family.IPV6 else 0
        table, (first, group) = resources.ranges(family), ranges[family]
        edges = sorted({0, table.end + 1, *map(int, table.first), *map(int, first)})
        pieces: dict[int, list[tuple[int, int]]] = {0: [], 1: [], 2: []}
        for a, b in itertools.pairwise(edges):
            position = Prefix(family, a << (32 if family is Family.IPV4 else 0), 0, 0)
            if resources.holder_of(position) is not None:
                its = int(group[np.searchsorted(first, np.uint64(a), "right") - 1])
                pieces[its].append((a << fine, (b << fine) - 1))
        under = [units(vrp) for vrp in v if vrp.prefix.version == int(family)]
        for its, mine in pieces.items():
            meets = [
                (max(a, x), min(b, y)) for a, b in mine for x, y in under if max(a, x) <= min(b, y)
            ]
            expected = [union_size(mine) >> fine, union_size(meets) >> fine]
            largest = 2**64 - 1  # of all there is, the last unit finds no room
            assert measured[family][its].tolist() == [min(each, largest) for each in expected]
