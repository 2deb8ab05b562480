"""Why honest figures differ: one snapshot in the words of RIPE NCC, the NRO, NIST, MANRS and
Cloudflare Radar, beside ours.

Every figure starts from the same routes, states, space and holdings as coverage does; what differs
is what is divided by what. Each :class:`Dialect` says its formula in words, where its publisher
defines it, and why its figure is not ours. What cannot be followed from one snapshot (another set
of vantage points, a month's mean, another hour) is no part of it, so no figure here need equal one
that was published: it is what the publisher's formula gives for *these* data.

:func:`table` makes the lines of one group and of the whole Internet side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validator.figures.coverage import Coverage
from validator.groupings import Attribution, ByOrigin, Scheme, assign
from validator.groups.dialect_catalog import DIALECTS, RIPE_PEERS, Counts, Dialect
from validator.kernels.resource import locate
from validator.model import NO_ORIGIN, U1, Family, Verdict, parse_asn
from validator.snapshot import Snapshot
from validator.tables.announced import with_min_peers

_SLASH_24, _SLASH_48 = 1 << 8, 1 << 16


@dataclass(frozen=True, slots=True)
class Share:
    """A figure: None where the denominator is zero, or the figure means nothing there."""

    numerator: Fraction | int | None
    denominator: Fraction | int | None

    @property
    def value(self) -> float | None:
        if self.numerator is None or not self.denominator:
            return None
        return float(Fraction(self.numerator) / Fraction(self.denominator))


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a group and of the whole Internet. ``family`` None: both together."""

    dialect: Dialect
    family: Family | None
    group: Share
    whole: Share


@dataclass(frozen=True, slots=True)
class Comparison:
    """All dialects for one group. ``ripe_peers`` is how many peers had to see a route in RIPE's
    figures: 5, or what the snapshot asks for where it has fewer than five peers at all."""

    scheme: str
    attribution: Attribution
    group: str
    min_peers: int
    ripe_peers: int
    lines: tuple[Line, ...]


def table(
    snapshot: Snapshot, scheme: str, group: str, attribution: Attribution
) -> Comparison | None:
    """Every dialect for one group beside the whole Internet; None if the scheme or its attribution
    is not counted, or has no such group.

    Takes some tens of milliseconds of a large table: not for the event loop.
    """
    measured = snapshot.coverages.get((scheme, attribution))
    number = None if measured is None else measured.index(group)
    if measured is None or number is None:
        return None
    ripe_peers = RIPE_PEERS if len(snapshot.peers) >= RIPE_PEERS else snapshot.min_peers
    chosen = _rows_of(snapshot, scheme, attribution, group)
    counts = {}
    for peers in {snapshot.min_peers, ripe_peers}:
        excluded = with_min_peers(snapshot.excluded, snapshot.routes, peers)
        mine = snapshot.counted(scheme, attribution, peers)
        # By address, its groups add up to all there is, space too.
        theirs = snapshot.counted(Scheme.RIR, Attribution.ADDRESS, peers)
        # A network that has no route left has no group left either, if it is counted anew.
        at = mine.index(group)
        every = list(range(len(theirs.groups)))
        counts[peers] = (
            None if at is None else _counts(snapshot, mine, [at], excluded, chosen),
            _counts(snapshot, theirs, every, excluded, None),
        )
    lines = []
    for dialect in DIALECTS:
        its, all_ = counts[snapshot.min_peers if dialect.peers is None else ripe_peers]
        for family in (*dialect.families, *((None,) if dialect.together else ())):
            lines.append(Line(dialect, family, _share(dialect, its, family),
                              _share(dialect, all_, family)))  # fmt: skip
    return Comparison(str(scheme), attribution, group, snapshot.min_peers, ripe_peers, tuple(lines))


def as_rows(compared: Comparison) -> list[dict[str, Any]]:
    """The lines flat, as the command line prints them. A share of nothing is None."""
    return [
        {
            "name": line.dialect.name,
            "publisher": line.dialect.source.publisher,
            "title": line.dialect.title,
            "family": line.family.label if line.family else "both",
            "formula": line.dialect.formula,
            "unit": line.dialect.unit,
            **{
                f"{whose}_{part}": value if value is None else float(value)
                for whose, share in (("group", line.group), ("whole", line.whole))
                for part, value in (
                    ("numerator", share.numerator),
                    ("denominator", share.denominator),
                    ("value", share.value),
                )
            },
            "why": line.dialect.why,
            "definition": line.dialect.source.document,
            "url": line.dialect.source.url,
        }
        for line in compared.lines
    ]


def _share(
    dialect: Dialect, counts: Mapping[Family, Counts] | None, family: Family | None
) -> Share:
    if counts is None:
        return Share(0, 0)
    of = counts[family] if family else counts[Family.IPV4] + counts[Family.IPV6]
    return Share(*dialect.work(of))


def _counts(
    snapshot: Snapshot,
    measured: Coverage,
    groups: list[int],
    excluded: U1,
    chosen: NDArray[np.bool_] | None,
) -> dict[Family, Counts]:
    """The counts of some groups of a coverage together; ``chosen`` are their routes, None: all."""
    counts = {}
    for family in Family:
        of = Fraction(1, _SLASH_24 if family is Family.IPV4 else _SLASH_48)
        valid, invalid, not_found = _sum(measured.routes[family][groups])
        announced, covered, *spaces = (of * n for n in _sum(measured.space[family][groups]))
        start, stop = snapshot.routes.family_range(family)
        counted = excluded[start:stop] == 0
        if chosen is not None:
            counted &= chosen[start:stop]
        verdict = snapshot.routes.verdict[start:stop][counted]
        bits = 24 if family is Family.IPV4 else 48
        lengths = snapshot.routes.length[start:stop][counted]
        states = (
            verdict == Verdict.VALID,
            verdict > Verdict.VALID,
            verdict == Verdict.NOT_FOUND,
        )
        pairs = [_pair_space(lengths[state], bits) for state in states]
        delegated = under = None  # by origin nobody holds any space
        if measured.holdings is not None:
            delegated, under = _sum(measured.holdings[family][groups])
        counts[family] = Counts(
            (valid, invalid, not_found),
            announced,
            covered,
            (spaces[0], spaces[1], spaces[2]),
            (pairs[0], pairs[1], pairs[2]),
            None if delegated is None else of * delegated,
            None if under is None else of * under,
        )
    return counts


def _pair_space(lengths: U1, bits: int) -> Fraction:
    """The space of prefixes of these lengths, each for itself, in prefixes of ``bits``."""
    by_length = np.bincount(lengths, minlength=1).tolist()
    return sum(
        (Fraction(2) ** (bits - length) * count for length, count in enumerate(by_length) if count),
        Fraction(0),
    )


def _sum(rows: NDArray[np.uint64]) -> list[int]:
    """Columns added up without end: the space of all groups may pass 64 bits."""
    return [sum(column) for column in zip(*rows.tolist(), strict=True)]


def _places(names: tuple[str, ...], group: str) -> list[int]:
    """Where a group stands, if it does: a table may be newer than what was counted of it."""
    return [names.index(group)] if group in names else []


def _rows_of(
    snapshot: Snapshot, scheme: str, attribution: Attribution, group: str
) -> NDArray[np.bool_]:
    """Which routes belong to a group; by address, those whose first address does."""
    routes = snapshot.routes
    if scheme == Scheme.ASN:
        rows: NDArray[np.bool_] = routes.origin == (
            NO_ORIGIN if group == "NONE" else parse_asn(group)
        )
        return rows
    assigned = assign(scheme, attribution, routes, snapshot.resources, snapshot.lists.get(scheme))
    place = _places(assigned.names, group)
    if isinstance(assigned, ByOrigin):
        return np.isin(assigned.group, place)
    rows = np.empty(len(routes), "?")
    for family in Family:
        start, stop = routes.family_range(family)
        first, of = assigned.ranges[family]
        shift = np.uint64(32 if family is Family.IPV4 else 0)
        at = locate(first, routes.high[start:stop] >> shift)
        rows[start:stop] = np.isin(of, place)[at]
    return rows
