"""How much of what a group has been delegated lies under some VRP: ``holdings_coverage``.

RIPE calls it adoption. The denominator is what registries have delegated (allocated or assigned),
announced or not, so that it is never mixed with coverage, whose denominator is what is announced.
Exact: overlapping VRPs count once, in IPv4 addresses and IPv6 /64s. VRPs longer than a /64 are the
fraction of one that they are: the fractions of a group are added up exactly, and what is left of
one /64 in the end is dropped. A VRP of AS0 covers as any other does (RFC 6483 section 4): that
nobody may announce a block has been said with a ROA too.

Who holds something is what the registry says of its status, so that the groups of every scheme add
up to all that is delegated. What is delegated without a country stands under ``ZZ``, which
otherwise has nothing.
"""

from __future__ import annotations

import numpy as np

from validator.groupings import ByAddress
from validator.kernels import holdings as kernels
from validator.model import U8, Family, Holding, frozen
from validator.tables.resources import ResourceTable
from validator.tables.vrps import VrpTable

_SHIFT = {Family.IPV4: 32, Family.IPV6: 0}


def measure(vrps: VrpTable, assigned: ByAddress, resources: ResourceTable) -> dict[Family, U8]:
    """For each family u8 ``(groups, 2)``: delegated space, and how much of it is under some VRP,
    in IPv4 addresses or /64s."""
    holdings: dict[Family, U8] = {}
    for family in Family:
        ranges = resources.ranges(family)
        held = (ranges.status <= Holding.ASSIGNED).astype("u1")
        starts = np.ones(len(held), "?")
        starts[1:] = held[1:] != held[:-1]
        totals = np.zeros(2 * len(assigned.names), "u8")
        kernels.tally_holdings(
            *assigned.ranges[family], np.ascontiguousarray(ranges.first[starts]), held[starts],
            ranges.end, vrps.high, vrps.length, vrps.parent, *vrps.family_range(family),
            _SHIFT[family], totals,
        )  # fmt: skip
        frozen(totals)
        holdings[family] = totals.reshape(len(assigned.names), 2)
    return holdings
