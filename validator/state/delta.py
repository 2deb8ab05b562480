"""Small changes to large tables: what a VRP delta or a batch of updates costs, and no more.

A table is immutable, so a change is a new one: a sorted merge that copies what stays. Validation
is done again only where it can differ: the routes under a changed VRP prefix are one slice, and
the routes of a touched prefix are a few rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validator.kernels import core as kernels
from validator.kernels import delta as delta_kernels
from validator.model import I8, U1, U4, Family, Prefixes, VrpBatch, frozen
from validator.origin_validation import validate
from validator.tables.announced import AnnouncedRules, exclusions
from validator.tables.routes import RouteTable, SeenRoutes, publish
from validator.tables.vrps import VrpTable

Chosen = NDArray[np.bool_]

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
    old, old_tie = old.take(~again), old_tie[~again]
    merged, added, removed = _spliced(table, announced, new, new_rows, new_tie, old, old_tie)
    changed = Prefixes.concatenate([new.take(added), old.take(removed)])
    return VrpChange(merged, _distinct(changed), int(added.sum()), int(removed.sum()))


def revalidated(routes: RouteTable, vrps: VrpTable, changed: Prefixes) -> RouteTable:
    """The routes with their verdicts under a changed VRP table.

    ``changed``: distinct prefixes in order, as :class:`VrpChange` names them.
    """
    if len(changed) > _MANY:
        verdict = validate(routes.seen(), vrps)
    else:
        verdict = routes.verdict.copy()
        ipv4 = int(np.count_nonzero(changed.family == Family.IPV4))
        for version, of in ((Family.IPV4, slice(0, ipv4)), (Family.IPV6, slice(ipv4, None))):
            high, low, length = changed.high[of], changed.low[of], changed.length[of]
            first, last = np.empty(len(high), "i8"), np.empty(len(high), "i8")
            count = delta_kernels.find_slices(
                routes.high, routes.low, routes.length, *routes.family_range(version),
                high, low, length, first, last,
            )  # fmt: skip
            delta_kernels.revalidate_slices(
                vrps.high, vrps.low, vrps.length, vrps.parent, vrps.first, vrps.asn,
                vrps.max_length, *vrps.family_range(version),
                routes.high, routes.low, routes.length, routes.origin, first, last, count, verdict,
            )  # fmt: skip
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


def _common(a: Prefixes, a_tie: I8, b: Prefixes, b_tie: I8) -> Chosen:
    """Which rows of b are rows of a, both small."""
    if not len(a) or not len(b):
        return np.zeros(len(b), "?")
    held = set(zip(*_tuples(a), a_tie.tolist(), strict=True))
    return np.array([row in held for row in zip(*_tuples(b), b_tie.tolist(), strict=True)], "?")


def _tuples(prefixes: Prefixes) -> tuple[list[int], ...]:
    columns = prefixes.family, prefixes.high, prefixes.low, prefixes.length
    return tuple(column.tolist() for column in columns)


def _spliced(
    table: VrpTable,
    announced: VrpBatch,
    new: Prefixes,
    new_rows: U4,
    new_tie: I8,
    old: Prefixes,
    old_tie: I8,
) -> tuple[VrpTable, Chosen, Chosen]:
    """The table after sorted changes; which of the announced came, which of the withdrawn went."""
    names = tuple(dict.fromkeys((*table.trust_anchors, *announced.trust_anchors)))
    renamed = np.array([names.index(name) for name in announced.trust_anchors] or [0], "u1")
    groups, total = len(table.high) + len(new), len(table) + len(new)
    high, low, length = np.empty(groups, "u8"), np.empty(groups, "u8"), np.empty(groups, "u1")
    first, asn, max_length = (
        np.empty(groups + 1, "u4"),
        np.empty(total, "u4"),
        np.empty(total, "u1"),
    )
    trust_anchor, expires = np.empty(total, "u1"), np.empty(total, "i8")
    added, removed = np.zeros(len(new), "u1"), np.zeros(len(old), "u1")
    groups, ipv6 = delta_kernels.splice_vrps(
        table.high, table.low, table.length, table.first, table.ipv6,
        table.asn, table.max_length, table.trust_anchor, table.expires,
        new.family, new.high, new.low, new.length, new_tie,
        announced.asn[new_rows], announced.max_length[new_rows],
        renamed[announced.trust_anchor[new_rows]], announced.expires[new_rows],
        old.family, old.high, old.low, old.length, old_tie,
        high, low, length, first, asn, max_length, trust_anchor, expires, added, removed,
    )  # fmt: skip
    high, low, length, first = high[:groups], low[:groups], length[:groups], first[: groups + 1]
    total = int(first[-1])
    columns = asn[:total], max_length[:total], trust_anchor[:total], expires[:total]
    parent = np.empty(groups, "i4")
    kernels.link_parents(high, low, length, parent, 0, ipv6)
    kernels.link_parents(high, low, length, parent, ipv6, groups)
    frozen(high, low, length, parent, first, *columns)
    merged = replace(
        table,
        high=high, low=low, length=length, parent=parent, first=first, ipv6=ipv6,
        asn=columns[0], max_length=columns[1], trust_anchor=columns[2], expires=columns[3],
        trust_anchors=names,
    )  # fmt: skip
    return merged, added.view("?"), removed.view("?")
