"""Small changes to large tables: what a VRP delta or a batch of updates costs, and no more.

A table is immutable, so a change is a new one: a sorted merge that copies what stays. Validation
is done again only where it can differ: the routes under a changed VRP prefix are one slice, and
the routes of a touched prefix are a few rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from validator import delta_kernels, kernels
from validator.announced import AnnouncedRules, exclusions
from validator.model import I8, U1, U4, Family, Prefixes, VrpBatch, frozen
from validator.origin_validation import revalidate, validate
from validator.routes import RouteTable, SeenRoutes, publish
from validator.vrps import VrpTable

_MANY = 5_000
"""Changed VRP prefixes from which the whole table is validated again: that takes no longer."""


@dataclass(frozen=True, slots=True, eq=False)
class VrpChange:
    """What a transaction did. ``prefixes``: distinct, in order, of the VRPs that came or went."""

    table: VrpTable
    prefixes: Prefixes
    announced: int
    withdrawn: int


def change_vrps(table: VrpTable, announced: VrpBatch, withdrawn: VrpBatch) -> VrpChange:
    """The table after a transaction.

    A VRP announced again and one withdrawn that is not there change nothing. One that is both
    announced and withdrawn is in the table afterwards.
    """
    new, new_rows = _in_order(announced)
    old, old_rows = _in_order(withdrawn)
    new_tie, old_tie = _tie(announced)[new_rows], _tie(withdrawn)[old_rows]
    again = _common(new, new_tie, old, old_tie)
    old, old_rows, old_tie = old.take(~again), old_rows[~again], old_tie[~again]
    total = len(table)
    rows = np.empty(total + len(new_rows), "u4")
    added, removed = np.zeros(len(new_rows), "u1"), np.zeros(len(old_rows), "u1")
    count = delta_kernels.merge_vrps(
        table.high, table.low, table.length, table.first, table.ipv6, table.asn, table.max_length,
        new.family, new.high, new.low, new.length, new_tie,
        old.family, old.high, old.low, old.length, old_tie,
        rows, added, removed,
    )  # fmt: skip
    rows = rows[:count]
    changed = Prefixes.concatenate([new.take(added.view("?")), old.take(removed.view("?"))])
    merged = _rebuilt(table, announced, new, new_rows, rows)
    return VrpChange(merged, _distinct(changed), int(added.sum()), int(removed.sum()))


def revalidated(routes: RouteTable, vrps: VrpTable, changed: Prefixes) -> RouteTable:
    """The routes with their verdicts under a changed VRP table.

    ``changed``: distinct prefixes in order, as :class:`VrpChange` names them.
    """
    if len(changed) > _MANY:
        family = np.where(np.arange(len(routes)) < routes.ipv6, 4, 6).astype("u1")
        prefixes = Prefixes(family, routes.high, routes.low, routes.length)
        verdict = validate(SeenRoutes(prefixes, routes.origin, routes.peers), vrps)
    else:
        verdict, through = routes.verdict.copy(), 0
        for index in range(len(changed)):
            rows = routes.covered(changed[index])
            if rows.start < rows.stop and rows.stop > through:  # else inside the one before
                revalidate(routes, vrps, rows.start, rows.stop, verdict)
                through = rows.stop
    frozen(verdict)
    return replace(routes, verdict=verdict)


def change_routes(
    routes: RouteTable,
    excluded: U1,
    touched: Prefixes,
    seen: SeenRoutes,
    vrps: VrpTable,
    rules: AnnouncedRules,
    min_peers: int,
) -> tuple[RouteTable, U1]:
    """The table after the routes of some prefixes became others, and why each does not count.

    ``touched``: distinct prefixes in order; ``seen``: all their routes now, in order.
    """
    fresh = publish(seen, validate(seen, vrps))
    fresh_excluded = exclusions(fresh, rules, min_peers)
    first, last = np.empty(len(touched), "i8"), np.empty(len(touched), "i8")
    new_first, new_last = np.empty(len(touched), "i8"), np.empty(len(touched), "i8")
    ipv4 = int(np.count_nonzero(touched.family == Family.IPV4))
    for family, start, stop in ((Family.IPV4, 0, ipv4), (Family.IPV6, ipv4, len(touched))):
        of = slice(start, stop)
        for table, begin, end in ((routes, first, last), (fresh, new_first, new_last)):
            delta_kernels.find_rows(
                table.high, table.low, table.length, *table.family_range(family),
                touched.high[of], touched.low[of], touched.length[of], begin[of], end[of],
            )  # fmt: skip
    n = len(routes) - int((last - first).sum()) + len(fresh)
    out = (
        np.empty(n, "u8"), np.empty(n, "u8"), np.empty(n, "u1"), np.empty(n, "i8"),
        np.empty(n, "u2"), np.empty(n, "u1"), np.empty(n, "u1"),
    )  # fmt: skip
    delta_kernels.splice_routes(
        first, last,
        routes.high, routes.low, routes.length, routes.origin, routes.peers, routes.verdict,
        excluded,
        fresh.high, fresh.low, fresh.length, fresh.origin, fresh.peers, fresh.verdict,
        fresh_excluded,
        new_last, *out,
    )  # fmt: skip
    frozen(*out)
    ipv6 = routes.ipv6 - int((last - first)[:ipv4].sum()) + fresh.ipv6
    return RouteTable(*out[:6], ipv6), out[6]


def _tie(batch: VrpBatch) -> I8:
    tie: I8 = batch.asn.astype("i8") << 8 | (255 - batch.max_length.astype("i8"))
    return tie


def _in_order(batch: VrpBatch) -> tuple[Prefixes, U4]:
    """A batch's distinct VRPs in order: their prefixes, and which rows they are."""
    prefixes, tie = batch.prefixes, _tie(batch)
    columns = prefixes.family, prefixes.high, prefixes.low, prefixes.length, tie
    rows, family, high, low, length, _ = kernels.distinct_rows(
        kernels.table_order(*columns), *columns
    )
    return Prefixes(family, high, low, length), rows


def _distinct(prefixes: Prefixes) -> Prefixes:
    """In order, each once."""
    tie = np.zeros(len(prefixes), "i8")
    columns = prefixes.family, prefixes.high, prefixes.low, prefixes.length, tie
    _, family, high, low, length, _ = kernels.distinct_rows(kernels.table_order(*columns), *columns)
    return Prefixes(family, high, low, length)


def _common(
    a: Prefixes, a_tie: I8, b: Prefixes, b_tie: I8
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows of b are rows of a, both small."""
    if not len(a) or not len(b):
        return np.zeros(len(b), "?")
    held = set(zip(*_tuples(a), a_tie.tolist(), strict=True))
    return np.array([row in held for row in zip(*_tuples(b), b_tie.tolist(), strict=True)], "?")


def _tuples(prefixes: Prefixes) -> tuple[list[int], ...]:
    columns = prefixes.family, prefixes.high, prefixes.low, prefixes.length
    return tuple(column.tolist() for column in columns)


def _rebuilt(
    table: VrpTable, announced: VrpBatch, new: Prefixes, new_rows: U4, rows: U4
) -> VrpTable:
    """A table of merged rows: those of the old one, then those announced."""
    n, total = len(rows), len(table)
    family, length = np.empty(n, "u1"), np.empty(n, "u1")
    high, low, first = np.empty(n, "u8"), np.empty(n, "u8"), np.empty(n + 1, "u4")
    groups = delta_kernels.regroup_vrps(
        table.high, table.low, table.length, table.first, table.ipv6,
        new.family, new.high, new.low, new.length, total, rows, n,
        family, high, low, length, first,
    )  # fmt: skip
    names = tuple(dict.fromkeys((*table.trust_anchors, *announced.trust_anchors)))
    renamed = np.array([names.index(name) for name in announced.trust_anchors] or [0], "u1")
    columns = tuple(
        np.concatenate([old, fresh[new_rows]])[rows]
        for old, fresh in (
            (table.asn, announced.asn),
            (table.max_length, announced.max_length),
            (table.trust_anchor, renamed[announced.trust_anchor]),
            (table.expires, announced.expires),
        )
    )
    high, low, length, first = high[:groups], low[:groups], length[:groups], first[: groups + 1]
    ipv6 = int(np.count_nonzero(family[:groups] == Family.IPV4))
    parent = np.empty(groups, "i4")
    kernels.link_parents(high, low, length, parent, 0, ipv6)
    kernels.link_parents(high, low, length, parent, ipv6, groups)
    frozen(high, low, length, parent, first, *columns)
    return replace(
        table,
        high=high, low=low, length=length, parent=parent, first=first, ipv6=ipv6,
        asn=columns[0], max_length=columns[1], trust_anchor=columns[2], expires=columns[3],
        trust_anchors=names,
    )  # fmt: skip
