"""What differs between two published route tables, or two VRP tables.

Tables are immutable and share the columns that did not change, so that nearly always a comparison
of identities answers; else the verdicts of the same routes are compared, and only where routes or
VRPs came or went are two tables merged (:mod:`validator.kernels.event`), which takes some
milliseconds for the whole Internet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from validator.kernels import core as kernels
from validator.kernels import event as event_kernels
from validator.model import I8, NO_ORIGIN, Family, InputReport, Prefix, Prefixes, Verdict, VrpBatch
from validator.tables.routes import RouteTable
from validator.tables.vrps import Vrp, VrpTable, build_table

_ROOM = 1 << 14
"""Differences that are expected; when there are more, tables are compared twice."""
_REPORT = InputReport("", "vrps")


@dataclass(frozen=True, slots=True, eq=False)
class RouteChanges:
    """Rows of the table before and of the table after, i8 ``(n,)`` each, in order; -1 where a
    table does not have the route. A route that both have is in another state."""

    before: I8
    after: I8

    def __len__(self) -> int:
        return len(self.before)


@dataclass(frozen=True, slots=True, eq=False)
class VrpChanges:
    """The VRPs that are no longer in force, and those that were not before: a table of each."""

    gone: VrpTable
    new: VrpTable


def changed_routes(before: RouteTable, after: RouteTable) -> RouteChanges:
    """The routes that came, went, or are in another state; peers and reasons are not compared."""
    if (
        before.high is after.high
        and before.low is after.low
        and before.length is after.length
        and before.origin is after.origin
    ):
        if before.verdict is after.verdict:
            rows = np.empty(0, "i8")
        else:  # invalid is invalid, whatever the reason
            most = np.uint8(Verdict.INVALID_NO_ORIGIN)
            a, b = np.minimum(before.verdict, most), np.minimum(after.verdict, most)
            rows = np.flatnonzero(a != b)
        return RouteChanges(rows, rows)
    room = _ROOM
    while True:
        old, new, found = np.empty(room, "i8"), np.empty(room, "i8"), 0
        for family in Family:
            found = event_kernels.diff_routes(
                before.high, before.low, before.length, before.origin, before.verdict,
                *before.family_range(family),
                after.high, after.low, after.length, after.origin, after.verdict,
                *after.family_range(family),
                old, new, found,
            )  # fmt: skip
        if found <= room:
            return RouteChanges(old[:found], new[:found])
        room = found


def changed_vrps(before: VrpTable, after: VrpTable) -> VrpChanges:
    """The VRPs that came or went: (prefix, maxLength, AS number), whatever their trust anchor."""
    if before is after or (
        before.high is after.high
        and before.low is after.low
        and before.length is after.length
        and before.first is after.first
        and before.asn is after.asn
        and before.max_length is after.max_length
    ):
        return VrpChanges(build_table([]), build_table([]))
    room = _ROOM
    while True:
        old_group, old, new_group, new = (np.empty(room, "i8") for _ in range(4))
        gone, come = 0, 0
        for family in Family:
            gone, come = event_kernels.diff_vrps(
                before.high, before.low, before.length, before.first, before.asn,
                before.max_length, *before.family_range(family),
                after.high, after.low, after.length, after.first, after.asn,
                after.max_length, *after.family_range(family),
                old_group, old, new_group, new, gone, come,
            )  # fmt: skip
        if max(gone, come) <= room:
            return VrpChanges(
                _chosen(before, old_group[:gone], old[:gone]),
                _chosen(after, new_group[:come], new[:come]),
            )
        room = max(gone, come)


def nearest_above(before: RouteTable, after: RouteTable, rows: I8) -> tuple[I8, I8]:
    """For some rows of ``after``, in order: which rows ``[first, last)`` of ``before`` have the
    same prefix, or if none has, the most specific prefix that covers it; both 0 if none does."""
    first, last = np.zeros(len(rows), "i8"), np.zeros(len(rows), "i8")
    ipv4 = int(np.searchsorted(rows, after.ipv6))
    for family, of in ((Family.IPV4, slice(0, ipv4)), (Family.IPV6, slice(ipv4, None))):
        event_kernels.nearest_rows(
            before.high, before.low, before.length, *before.family_range(family),
            after.high[rows[of]], after.low[rows[of]], after.length[rows[of]],
            first[of], last[of],
        )  # fmt: skip
    return first, last


def covering_vrps(prefix: Prefix, table: VrpTable) -> Iterator[Vrp]:
    """The VRPs whose prefix covers this one, most specific first; each is made when asked for."""
    for row in _covering_rows(prefix, table):
        yield from table.of_prefix(row)


def count_covering(prefix: Prefix, table: VrpTable) -> int:
    """How many VRPs cover a prefix."""
    rows = _covering_rows(prefix, table)
    return sum(table.first.item(row + 1) - table.first.item(row) for row in rows)


def _covering_rows(prefix: Prefix, table: VrpTable) -> Iterator[int]:
    row, _ = kernels.validate_one(
        table.high, table.low, table.length, table.parent, table.first, table.asn,
        table.max_length, *table.family_range(prefix.family),
        prefix.high, prefix.low, prefix.length, NO_ORIGIN,
    )  # fmt: skip
    while row >= 0:
        yield row
        row = table.parent.item(row)


def _chosen(table: VrpTable, group: I8, row: I8) -> VrpTable:
    """Some rows of a table as a table of their own."""
    family = np.where(group < table.ipv6, 4, 6).astype("u1")
    prefixes = Prefixes(family, table.high[group], table.low[group], table.length[group])
    return build_table(
        [
            VrpBatch(
                prefixes,
                table.asn[row],
                table.max_length[row],
                table.trust_anchor[row],
                table.expires[row],
                table.trust_anchors,
                _REPORT,
            )
        ]
    )
