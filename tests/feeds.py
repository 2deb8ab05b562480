"""A small snapshot made by hand, and a feed that stands still: what tests of the faces read.

The table is one that Routinator's rule can be followed through by eye:

====================  =========  =======  ===========
route                 origin     peers    state
====================  =========  =======  ===========
192.0.2.0/24          64496      1        valid
192.0.2.0/25          64496      1        invalid (length), and too specific to be counted
198.51.100.0/24       64497      1        invalid (another AS may)
203.0.113.0/24        NONE       1        not-found
2001:db8::/32         64496      1        valid
====================  =========  =======  ===========
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from validator.freshness import SourceStatus
from validator.inputs.batches import Inputs
from validator.inputs.live import LiveSource
from validator.model import (
    NEVER_EXPIRES,
    NO_ORIGIN,
    AsnNames,
    GroupBatch,
    Grouping,
    InputReport,
    InternetUsers,
    Members,
    Membership,
    Peer,
    Prefix,
    Prefixes,
    ResourceBatch,
    RouteBatch,
    VrpBatch,
)
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules

VRPS = (
    ("192.0.2.0/24", 24, 64496, "ripe"),
    ("198.51.100.0/22", 24, 64499, "apnic"),
    ("198.51.100.0/23", 23, 64497, "apnic"),
    ("2001:db8::/32", 48, 64496, "ripe"),
)
ROUTES = (
    ("192.0.2.0/24", 64496),
    ("192.0.2.0/25", 64496),
    ("198.51.100.0/24", 64497),
    ("203.0.113.0/24", NO_ORIGIN),
    ("2001:db8::/32", 64496),
)
COUNT_ALL = AnnouncedRules(special_prefixes=(), special_asns=())
"""The documentation space of these tests counts as announced."""


@dataclass
class StandingFeed:
    """What a face reads, without a pipeline behind it."""

    snapshot: Snapshot | None = None
    statuses: tuple[SourceStatus, ...] = ()
    live: tuple[LiveSource, ...] = ()
    waiting: int = 0
    reloads_total: int = 3
    reload_failures_total: int = 1
    last_build_seconds: float = 0.25


def vrp_batch(
    rows: tuple[tuple[str, int, int, str], ...] = VRPS, rejected: dict[str, int] | None = None
) -> VrpBatch:
    anchors = tuple(dict.fromkeys(row[3] for row in rows))
    return VrpBatch(
        Prefixes.of([Prefix.parse(row[0]) for row in rows]),
        np.array([row[2] for row in rows], "u4"),
        np.array([row[1] for row in rows], "u1"),
        np.array([anchors.index(row[3]) for row in rows], "u1"),
        np.full(len(rows), NEVER_EXPIRES, "i8"),
        anchors,
        InputReport("vrps.json", "vrp-export", "00" * 32, len(rows), rejected or {}),
    )


def route_batch(rows: tuple[tuple[str, int], ...] = ROUTES) -> RouteBatch:
    count = len(rows)
    return RouteBatch(
        Prefixes.of([Prefix.parse(row[0]) for row in rows]),
        np.arange(count, dtype="u4"),
        np.zeros(count, "u2"),
        np.array([row[1] for row in rows], "i8"),
        np.zeros(count, "u4"),
        np.zeros(count, "u4"),
        np.zeros(count, "u1"),
        (Peer("routes.csv", "", 0),),
        InputReport("routes.csv", "route-list", "11" * 32, count),
    )


def resource_batch() -> ResourceBatch:
    """192.0.2.0/24, 2001:db8::/32 and AS64496 are held in NL; the rest by nobody."""
    return ResourceBatch(
        kind=np.array([4, 6, 0], "u1"),
        first=np.array([0xC0000200, 0x20010DB8 << 32, 64496], "u8"),
        last=np.array([0xC00002FF, (0x20010DB8 << 32) + 0xFFFFFFFF, 64496], "u8"),
        status=np.zeros(3, "u1"),
        registry=np.ones(3, "u1"),
        country=np.ones(3, "u2"),
        holder=np.ones(3, "u4"),
        date=np.full(3, 20200101, "u4"),
        registries=("", "ripencc"),
        countries=("", "NL"),
        holders=("", "holder-1"),
        report=InputReport("delegated", "delegated", "22" * 32, 3),
    )


def group_batches() -> list[GroupBatch]:
    """NL is in Western Europe; AS64496 and AS64499 are ours, and so is 198.51.100.0/23."""

    def batch(name: str, members: Members, of: dict[str, str], names: dict[str, str]) -> GroupBatch:
        grouping = Grouping(
            scheme=name,
            title=f"Title of {name}",
            members=members,
            names=names,
            memberships=tuple(Membership(member, group) for member, group in of.items()),
            others="elsewhere",
            origin="by hand",
            licence="CC0",
            dated=date(2026, 1, 1),
        )
        return GroupBatch(grouping, {}, {}, InputReport(f"{name}.csv", "groups", rows=len(of)))

    names = InputReport("country.csv", "groups", rows=2)
    users = InputReport("users.csv", "groups", rows=1)
    return [
        batch("m49-region", Members.COUNTRIES, {"NL": "150", "KE": "002"},
              {"002": "Africa", "150": "Europe"}),
        batch("custom-ours", Members.NETWORKS, {"AS64496": "us", "AS64499": "us"}, {"us": "We"}),
        batch("custom-space", Members.PREFIXES, {"198.51.100.0/23": "here"}, {"here": "Here"}),
        GroupBatch(None, {"NL": "Netherlands", "KE": "Kenya"}, {}, names),
        GroupBatch(None, {}, {"NL": InternetUsers(17_000_000, 2024)}, users),
    ]  # fmt: skip


def make_snapshot(
    *,
    generation: int = 1,
    sample: bool = False,
    vrps: tuple[tuple[str, int, int, str], ...] = VRPS,
    routes: tuple[tuple[str, int], ...] = ROUTES,
    rejected: dict[str, int] | None = None,
) -> Snapshot:
    snapshot = assemble(
        Inputs(
            vrps=[vrp_batch(vrps, rejected)],
            routes=[route_batch(routes)],
            resources=[resource_batch()],
            names=[AsnNames({64496: "Example, one"}, InputReport("names.csv", "asn-names"))],
            groups=group_batches(),
        ),
        COUNT_ALL,
    )
    return replace(snapshot, generation=generation, sample=sample)
