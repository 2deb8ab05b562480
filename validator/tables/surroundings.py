"""What lies around a prefix: announced routes and VRPs that cover it, and those inside it.

Both tables are sorted by family, address and length, which is the prefix tree in pre-order: what
lies inside a prefix is one slice, found by two binary searches, and what covers it a walk of at
most 129 steps. So every total is known at once, however little is listed.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from validator.kernels import core as kernels
from validator.model import NO_ORIGIN, U1, U8, Prefix
from validator.tables.addresses import covering
from validator.tables.routes import RouteTable
from validator.tables.vrps import Vrp, VrpTable

_WORD = 0xFFFF_FFFF_FFFF_FFFF


class RouteRows(NamedTuple):
    """Rows of the route table. ``exact`` and ``more`` in the order of the table; ``less`` from the
    nearest prefix to the shortest."""

    exact: range
    less: list[int]
    more: range


class SomeVrps(NamedTuple):
    """The first VRPs of a list, and how many it has."""

    total: int
    vrps: list[Vrp]


def routes_around(routes: RouteTable, prefix: Prefix) -> RouteRows:
    """The routes of exactly this prefix, of those that cover it, and of those inside it.

    Every route counts, also default routes and others that coverage leaves out.
    """
    above = covering(routes, prefix)
    exact = range(0)
    if above and routes.prefix(above[0].start) == prefix:
        exact = above.pop(0)
    more = _inside(
        routes.high, routes.low, routes.length, routes.family_range(prefix.family), prefix
    )
    return RouteRows(exact, [row for rows in above for row in rows], more)


def covering_vrps(vrps: VrpTable, prefix: Prefix, most: int) -> SomeVrps:
    """The VRPs that cover a prefix (RFC 6811 section 2), its own included, the nearest first."""
    nearest, _ = kernels.validate_one(
        vrps.high, vrps.low, vrps.length, vrps.parent, vrps.first, vrps.asn, vrps.max_length,
        *vrps.family_range(prefix.family), prefix.high, prefix.low, prefix.length, NO_ORIGIN,
    )  # fmt: skip
    total = 0
    found: list[Vrp] = []
    while nearest >= 0:
        total += vrps.first.item(nearest + 1) - vrps.first.item(nearest)
        if len(found) < most:
            found += islice(vrps.of_prefix(nearest), most - len(found))
        nearest = vrps.parent.item(nearest)
    return SomeVrps(total, found)


def vrps_inside(vrps: VrpTable, prefix: Prefix, most: int) -> SomeVrps:
    """The VRPs whose prefix is more specific, in the order of the table."""
    rows = _inside(vrps.high, vrps.low, vrps.length, vrps.family_range(prefix.family), prefix)
    found: list[Vrp] = []
    for row in rows:
        if len(found) >= most:
            break
        found += islice(vrps.of_prefix(row), most - len(found))
    return SomeVrps(vrps.first.item(rows.stop) - vrps.first.item(rows.start), found)


def _inside(high: U8, low: U8, length: U1, rows: tuple[int, int], prefix: Prefix) -> range:
    """Those of some rows, of one family, that are more specific than a prefix: one slice."""
    ones = (1 << 128 - prefix.length) - 1 | prefix.high << 64 | prefix.low
    before = kernels.last_not_after(
        high, low, length, *rows, prefix.high, prefix.low, prefix.length
    )
    last = kernels.last_not_after(high, low, length, *rows, ones >> 64, ones & _WORD, 128)
    return range(before + 1, last + 1)
