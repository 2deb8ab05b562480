"""Which routes a plan is about, and who could sign each of them.

By routes, a group has those that are counted under it: by address, the ones whose first address is
its own. By space, it has every route that has some of its space, for all of these make its share;
of each only that part counts.
"""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.groupings import Attribution, ByAddress, Scheme, assign
from validator.kernels import planning as kernels
from validator.kernels.coverage import number_values
from validator.model import I8, NO_ORIGIN, U1, U4, U8, Family, format_asn, parse_asn
from validator.snapshot import Snapshot

SHIFT = {Family.IPV4: 32, Family.IPV6: 0}
NOBODY = np.uint32(0xFFFF_FFFF)
_NO_ROWS: U1 = np.empty(0, "u1")


class Measure(enum.StrEnum):
    """What a share is of, and so what doers are ranked by."""

    ROUTES = "routes"
    SPACE = "space"


class Doer(enum.StrEnum):
    """Who is to act."""

    ORIGIN = "origin"
    """The network that announces the routes."""
    HOLDER = "holder"
    """Whoever holds the address blocks: a registry with an opaque-id, within one file."""


@dataclass(frozen=True, slots=True)
class Question:
    """Of which group, counted how. ``most`` doers are listed."""

    scheme: str
    group: str
    attribution: Attribution
    family: Family
    measure: Measure = Measure.ROUTES
    by: Doer = Doer.ORIGIN
    most: int = 20


class Chosen(NamedTuple):
    """The rows of a group, as :func:`kernels.rows_by_address` has them."""

    rows: I8
    first: U8
    last: U8
    mine: U1


def rows_of(snapshot: Snapshot, question: Question) -> Chosen:
    routes, family, scheme = snapshot.routes, question.family, question.scheme
    if (scheme, question.attribution) not in snapshot.coverages:
        raise ValueError(f"{scheme} by {question.attribution} is not counted here")
    start, stop = routes.family_range(family)
    columns = routes.high, routes.length, snapshot.excluded
    out = (
        np.empty(stop - start, "i8"),
        np.empty(stop - start, "u8"),
        np.empty(stop - start, "u8"),
        np.empty(stop - start, "u1"),
    )
    lists = snapshot.lists.get(scheme)
    place = start, stop, SHIFT[family]
    if question.attribution is Attribution.ORIGIN:
        number, origins = number_values(routes.origin[start:stop], _seed())
        if scheme == Scheme.ASN:
            groups = snapshot.coverages[scheme, question.attribution].groups
            known = question.group in groups
            member = (origins == _asn_of(question.group)).astype("u1") if known else _NO_ROWS
        else:
            once = replace(routes, origin=origins)
            assigned = assign(scheme, question.attribution, once, snapshot.resources, lists)
            assert not isinstance(assigned, ByAddress)
            known = question.group in assigned.names
            group = assigned.names.index(question.group) if known else -1
            member = (assigned.group == group).astype("u1")
        if not known:
            raise ValueError(f"{scheme} has no group {question.group!r}")
        count = kernels.rows_by_origin(*columns, number, member, *place, *out)
    else:
        assigned = assign(scheme, question.attribution, routes, snapshot.resources, lists)
        assert isinstance(assigned, ByAddress)
        if question.group not in assigned.names:
            raise ValueError(f"{scheme} has no group {question.group!r}")
        group = assigned.names.index(question.group)
        first, of = assigned.ranges[family]
        before = np.zeros(len(first), "u8")
        np.cumsum(np.where(of[:-1] == group, np.diff(first), np.uint64(0)), out=before[1:])
        count = kernels.rows_by_address(*columns, first, of, before, group, *place, *out)
    return Chosen(*(column[:count].copy() for column in out))


def _asn_of(group: str) -> int:
    return NO_ORIGIN if group == format_asn(NO_ORIGIN) else parse_asn(group)


def _seed() -> int:
    return int.from_bytes(os.urandom(7), "little")


def doers_of(
    snapshot: Snapshot,
    question: Question,
    rows: I8,
    able: NDArray[np.bool_],
) -> tuple[U4, I8]:
    """Who could sign each row (``NOBODY``: nobody that we know), and all of these, ascending."""
    doer = np.full(len(rows), NOBODY, "u4")
    some = rows[able]
    if question.by is Doer.ORIGIN:
        who = snapshot.routes.origin[some]
    else:
        ranges = snapshot.resources.ranges(question.family)
        holder = np.empty(len(some), "u4")
        spans = spans_of(snapshot, question.family, some)
        kernels.holders_of(ranges.first, ranges.holder, *spans, holder)
        who = holder.astype("i8")
    number, distinct = number_values(np.ascontiguousarray(who), _seed())
    known = distinct[distinct > 0]
    known.sort()
    place = np.searchsorted(known, distinct).astype("u4")
    place[distinct == 0] = NOBODY
    doer[able] = place[number]
    return doer, known


def spans_of(snapshot: Snapshot, family: Family, rows: I8) -> tuple[U8, U8]:
    """The first and the last unit of space of each row."""
    routes, shift = snapshot.routes, np.uint64(SHIFT[family])
    first = routes.high[rows] >> shift
    bits = np.uint64(64) - shift - routes.length[rows]
    return first, first + ((np.uint64(1) << bits) - np.uint64(1))
