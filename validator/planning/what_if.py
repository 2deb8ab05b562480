"""What a supposed change means: space that would be cut off, coverage before and after, warnings.

All of it follows from an :class:`~validator.planning.hypothetical.Outcome`, and from nothing
outside its areas but the routes that cover a whole area: these do not change, so each is looked at
as far as it lies inside the area. Coverage is then counted by the same kernels as ever, over the
areas alone, once as it is and once as it would be; the difference is what changes.
"""

from __future__ import annotations

import heapq
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.figures.coverage import Coverage, Figures
from validator.groupings import Attribution, Scheme
from validator.kernels import core as kernels
from validator.kernels import coverage as coverage_kernels
from validator.model import (
    I8,
    U1,
    U4,
    U8,
    Family,
    Prefix,
    Prefixes,
    State,
    Verdict,
    format_asn,
)
from validator.planning.hypothetical import Announcement, Outcome, Payload
from validator.planning.reach import Spans, difference, spans_of, union, usable
from validator.snapshot import Snapshot
from validator.tables.addresses import covering
from validator.tables.columns import among
from validator.tables.resources import Ranges

_ABSENT = 255
"""In an ``excluded`` column: the route is not there."""
_FEW = 8
"""So many networks are looked for one by one: for more, an index of all names is made."""
_SHIFT = {Family.IPV4: 32, Family.IPV6: 0}

SCHEMES = (
    (Scheme.ASN, Attribution.ORIGIN),
    (Scheme.COUNTRY, Attribution.ADDRESS),
    (Scheme.RIR, Attribution.ADDRESS),
)


# ------------------------------------------------------------------------------------------- space


class Moved(NamedTuple):
    """Address space of one family that would stop or start being reachable where invalids are
    dropped."""

    lost: Spans
    gained: Spans


def moved_space(table: LocalTable) -> dict[Family, Moved]:
    """What would no longer be reachable where invalid routes are dropped, and what would become so.

    Reachable is as in :mod:`validator.planning.reach`. An area that a route left standing covers as
    a whole stays reachable, whatever happens inside.
    """
    moved = {}
    for family in Family:
        of = table.of(family)
        spans = []
        for verdict, excluded in (
            (table.before[of], table.excluded_before[of]),
            (table.after[of], table.excluded_after[of]),
        ):
            left = usable(verdict, excluded)
            spans.append(union(spans_of(family, table.high[of][left], table.length[of][left])))
        moved[family] = Moved(difference(*spans), difference(*reversed(spans)))
    return moved


# ---------------------------------------------------------------------------------------- coverage


class GroupChange(NamedTuple):
    """One group of one scheme in one family. ``routes``: how many routes that are counted under it
    change their state, appear or disappear."""

    scheme: Scheme
    attribution: Attribution
    group: str
    family: Family
    routes: int
    before: Figures
    after: Figures


class GroupChanges(NamedTuple):
    """Those groups of a scheme with most changed routes, and how many are concerned in all."""

    groups: list[GroupChange]
    total: int


def coverage_changes(
    snapshot: Snapshot, table: LocalTable, most: int = 1000
) -> dict[Scheme, GroupChanges]:
    """The groups concerned: those that changed routes are counted under, and those whose figures
    change otherwise (a route's space may be held by several).

    ``before`` is what coverage shows; while routes come in live, it may be a few seconds old.
    """
    return {
        scheme: _changes(snapshot, table, scheme, attribution, most)
        for scheme, attribution in SCHEMES
        if (scheme, attribution) in snapshot.coverages
    }


def _changes(
    snapshot: Snapshot, table: LocalTable, scheme: Scheme, attribution: Attribution, most: int
) -> GroupChanges:
    names, tallies = _by_group(snapshot, table, scheme)
    concerned = [
        (-int(touched[number]), family, names[number], number)
        for family, (touched, was, will) in tallies.items()
        for number in np.flatnonzero((touched > 0) | (was != will).any(axis=1)).tolist()
    ]
    chosen = heapq.nsmallest(most, concerned)
    wanted = {name for _, _, name, _ in chosen}
    measured = snapshot.coverages[scheme, attribution]
    if scheme is not Scheme.ASN or len(wanted) <= _FEW:
        at = {name: number for name in wanted if (number := measured.index(name)) is not None}
    else:
        at = _numbers(measured)
    groups = []
    for routes, family, name, number in chosen:
        group, (_, was, will) = at.get(name), tallies[family]
        held = [0] * was.shape[1] if group is None else list(measured.figures(group, family))
        moves = zip(held, was[number].tolist(), will[number].tolist(), strict=True)
        before, after = Figures(*held), Figures(*(max(0, a - b + c) for a, b, c in moves))
        groups.append(GroupChange(scheme, attribution, name, family, -routes, before, after))
    return GroupChanges(groups, len(concerned))


@lru_cache(maxsize=1)
def _numbers(measured: Coverage) -> dict[str, int]:
    """The number of each group by its name: 80,000 networks, so kept for the next question."""
    return {name: number for number, name in enumerate(measured.groups)}


_Tallies = dict[Family, tuple[I8, U8, U8]]
"""For each group: how many routes change, and the eight figures of what lies inside the areas, as
it is and as it would be."""


def _by_group(
    snapshot: Snapshot, table: LocalTable, scheme: Scheme
) -> tuple[Sequence[str], _Tallies]:
    families = [family for family in Family if table.of(family).start < table.of(family).stop]
    if scheme is Scheme.ASN:
        seed = int.from_bytes(os.urandom(7), "little")
        group, origins = coverage_kernels.number_values(table.origin, seed)
        return [format_asn(origin) for origin in origins.tolist()], {
            family: _tally(table, family, group[table.of(family)], None, len(origins))
            for family in families
        }
    resources = snapshot.resources
    names = resources.countries if scheme is Scheme.COUNTRY else resources.registries
    tallies = {}
    for family in families:
        spans = spans_of(family, table.high[table.of(family)], table.length[table.of(family)])
        first, column = _part(resources.ranges(family), spans, scheme)
        at = np.searchsorted(first, spans.first, "right") - 1
        tallies[family] = _tally(table, family, column[at], (first, column), len(names))
    return names, tallies


def _part(ranges: Ranges, spans: Spans, scheme: Scheme) -> tuple[U8, U4]:
    """The ranges that some prefixes touch, as the kernel wants them, and their groups."""
    ends = np.array([spans.first.min(), spans.last.max()], "u8")
    start, stop = np.searchsorted(ranges.first, ends, "right").tolist()
    column = ranges.country if scheme is Scheme.COUNTRY else ranges.registry
    first = ranges.first[start - 1 : stop].copy()
    first[0] = 0
    return first, column[start - 1 : stop].astype("u4")


def _tally(
    table: LocalTable, family: Family, group: U4, ranges: tuple[U8, U4] | None, groups: int
) -> tuple[I8, U8, U8]:
    of = table.of(family)
    shift, count = _SHIFT[family], of.stop - of.start
    figures = []
    for verdict, excluded in (
        (table.before[of], table.excluded_before[of]),
        (table.after[of], table.excluded_after[of]),
    ):
        counts = np.zeros(groups * coverage_kernels.COUNTS, "u8")
        space = np.zeros(groups * coverage_kernels.SPACES, "u8")
        through = np.zeros(groups * coverage_kernels.SPACES, "u8")
        columns = table.high[of], table.length[of], verdict, excluded
        if ranges is None:
            coverage_kernels.tally_by_origin(
                *columns, group, 0, count, shift, counts, space, through
            )
        else:
            coverage_kernels.tally_by_address(
                *columns, *ranges, 0, count, shift, counts, space, through
            )
        figures.append(
            np.hstack(
                [
                    counts.reshape(groups, coverage_kernels.COUNTS)[:, : len(State)],
                    space.reshape(groups, coverage_kernels.SPACES),
                ]
            )
        )
    touched = np.bincount(group[table.changed[of]], minlength=groups)
    return touched, figures[0], figures[1]


# --------------------------------------------------------------------------------- the local table


@dataclass(frozen=True, slots=True, eq=False)
class LocalTable:
    """The routes of the areas as they are and as they would be, in the order of the tables, and
    what lies inside the areas of the counted routes that cover one as a whole.

    Shapes: all ``(n,)``. ``excluded_before`` and ``excluded_after`` (u1) are not 0 where a route
    does not count, or is not there. ``changed``: it counts, and its state changes, or it appears or
    disappears.
    """

    high: U8
    length: U1
    origin: I8
    before: U1
    after: U1
    excluded_before: U1
    excluded_after: U1
    changed: NDArray[np.bool_]
    ipv6: int

    def of(self, family: Family) -> slice:
        return slice(0, self.ipv6) if family is Family.IPV4 else slice(self.ipv6, len(self.high))


def local_table(snapshot: Snapshot, outcome: Outcome) -> LocalTable:
    """What :func:`moved_space` and :func:`coverage_changes` look at."""
    routes, rows = snapshot.routes, outcome.rows
    gone = among(rows, outcome.withdrawn)
    excluded = snapshot.excluded[rows]
    above = list(_above(snapshot, outcome.areas))
    over = np.array([row for _, row in above], "i8")
    standing, standing_excluded = routes.verdict[over], snapshot.excluded[over]
    new = outcome.announced
    absent = np.full(len(new), _ABSENT, "u1")
    extra = Prefixes.of([area for area, _ in above] + [each.prefix for each in new])
    family = np.concatenate([np.where(rows < routes.ipv6, 4, 6).astype("u1"), extra.family])
    high = np.concatenate([routes.high[rows], extra.high])
    low = np.concatenate([routes.low[rows], extra.low])
    length = np.concatenate([routes.length[rows], extra.length])
    new_origin = np.array([each.origin for each in new], "i8")
    origin = np.concatenate([routes.origin[rows], routes.origin[over], new_origin])
    order = kernels.table_order(family, high, low, length, origin)
    stays = np.where(gone, np.uint8(_ABSENT), excluded)
    verdict = outcome.announced_verdict
    flips = (outcome.flips() | gone) & (excluded == 0)
    changed = flips, np.zeros(len(over), "?"), outcome.announced_excluded == 0
    return LocalTable(
        high[order],
        length[order],
        origin[order],
        np.concatenate([outcome.before, standing, verdict])[order],
        np.concatenate([outcome.after, standing, verdict])[order],
        np.concatenate([excluded, standing_excluded, absent])[order],
        np.concatenate([stays, standing_excluded, outcome.announced_excluded])[order],
        np.concatenate(changed)[order],
        ipv6=int(np.count_nonzero(family == Family.IPV4)),
    )


def _above(snapshot: Snapshot, areas: Sequence[Prefix]) -> Iterator[tuple[Prefix, int]]:
    """Each area with each counted route to a less specific prefix: as far as that lies inside."""
    for area in areas:
        if area.family is Family.IPV6 and area.length > 64:
            continue  # nothing inside it counts, and all that is above it stays as it is
        for rows in covering(snapshot.routes, area):
            for row in rows:
                if snapshot.routes.length[row] < area.length and not snapshot.excluded[row]:
                    yield area, row


# --------------------------------------------------------------------------------------- cautions


class Caution(NamedTuple):
    """Something about a change that its author should know. ``code`` is one of
    ``loose-max-length``, ``no-route-uses``, ``as0-over-announced``, ``already-there``,
    ``not-there``, ``already-announced``, ``not-announced``."""

    code: str
    about: Payload | Announcement
    message: str


def cautions(snapshot: Snapshot, outcome: Outcome) -> Iterator[Caution]:
    """What to warn of: of each VRP to be added, then of what changes nothing."""
    routes = snapshot.routes
    kept = outcome.kept()
    rows = outcome.rows[kept]
    valid = np.append(0, (outcome.after[kept] == Verdict.VALID).cumsum())
    own = _rows_by_origin(routes.origin, rows, {each.asn for each in outcome.added})
    new = list(zip(outcome.announced, outcome.announced_verdict.tolist(), strict=True))
    for payload in outcome.added:
        prefix = payload.prefix
        inside = routes.covered(prefix)
        start, stop = np.searchsorted(rows, [inside.start, inside.stop]).tolist()
        new_inside = new[_inside(outcome.announced, prefix)]
        announced = stop - start + len(new_inside)
        if payload.asn == 0:
            if announced:
                well = int(valid[stop] - valid[start])
                well += sum(verdict == Verdict.VALID for _, verdict in new_inside)
                yield Caution("as0-over-announced", payload, _as0_text(prefix, announced, well))
            continue
        mine = own[payload.asn]
        mine = mine[slice(*np.searchsorted(mine, [inside.start, inside.stop]))]
        uses = int((routes.length[mine] <= payload.max_length).sum()) + sum(
            each.origin == payload.asn and each.prefix.length <= payload.max_length
            for each, _ in new_inside
        )
        if not uses:
            yield Caution(
                "no-route-uses",
                payload,
                f"nobody announces {prefix} or anything inside it"
                if not announced
                else f"AS{payload.asn} announces nothing that this VRP would make valid",
            )
        permitted = (1 << payload.max_length - prefix.length + 1) - 1
        if payload.max_length > prefix.length and uses < permitted:
            yield Caution(
                "loose-max-length",
                payload,
                f"authorises {permitted} prefixes, of which AS{payload.asn} announces {uses}: the "
                "others can be announced in its name by anybody who forges the origin (RFC 9319 "
                "section 3)",
            )
    for code, about, message in (
        ("already-there", outcome.already_there, "this VRP is in force already"),
        ("not-there", outcome.not_there, "there is no such VRP to remove"),
        ("already-announced", outcome.already_announced, "this route is announced already"),
        ("not-announced", outcome.not_announced, "nobody announces this route"),
    ):
        yield from (Caution(code, each, message) for each in about)


def _as0_text(prefix: Prefix, announced: int, valid: int) -> str:
    inside = f"{announced} routes are" if announced != 1 else "1 route is"
    return (
        f"{inside} announced inside {prefix}, which AS0 says nobody may announce (RFC 6483 "
        f"section 4); {valid} would be valid by other VRPs"
    )


def _rows_by_origin(origin: I8, rows: I8, asns: set[int]) -> dict[int, I8]:
    """Which of some rows (ascending) each AS originates."""
    wanted = np.array(sorted(asns), "i8")
    chosen = rows[among(origin[rows], wanted)]
    chosen = chosen[np.argsort(origin[chosen], kind="stable")]
    cuts = np.searchsorted(origin[chosen], wanted)
    return dict(zip(wanted.tolist(), np.split(chosen, cuts[1:]), strict=True)) if asns else {}


def _inside(routes: Sequence[Announcement], prefix: Prefix) -> slice:
    """Which of some routes, in order, lie inside a prefix: they follow each other."""
    end = prefix.high << 64 | prefix.low | (1 << 128 - prefix.length) - 1
    beyond = Prefix(prefix.family, end >> 64, end & (1 << 64) - 1, 129)
    return slice(
        bisect_left(routes, prefix, key=lambda each: each.prefix),
        bisect_left(routes, beyond, key=lambda each: each.prefix),
    )
