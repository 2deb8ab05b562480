"""What moved a group's share between two days, adding up exactly.

A share is n of N routes. From c0 = n0/N0 it went to n1/N1, and each network i (or country) has
contributed

    (dn_i - c0 * dN_i) / N1

to that: dn_i is how many more of its routes are in the numerator, dN_i in the denominator. Since
the sum over all i of dn_i is n1 - n0 and that of dN_i is N1 - N0, contributions add up to
n1/N1 - n0/N0 exactly. A network that announces what is like the rest, on the average, contributes
nothing; one that comes with routes that are better than the share was raises it.

Every route that did not stay as it was went its way for one reason (:class:`Cause`), and each
contribution is the sum of its causes, by the same formula. All numbers are integers of one unit,
1 / (N0 * N1), until somebody wants a quotient.

Whose a route is, and whether it is counted, is on each day what coverage says of it
(:func:`validator.planning.rows.rows_of`), with that day's delegations, lists and rules: so n0, N0,
n1 and N1 are the coverage figures of the two days.
"""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from validator.change.causes import (
    CAUSES,
    FIGURES,
    ROUTES,
    STATES,
    Cause,
    Figure,
    Point,
    points_of,
)
from validator.groupings import Attribution, ByAddress, Scheme, assign
from validator.kernels import change as kernels
from validator.kernels.change import ELSEWHERE, EXCLUDED, INVALID, KINDS, NOT_FOUND, VALID
from validator.kernels.coverage import number_values
from validator.kernels.resource import locate
from validator.model import I8, U1, U4, Family, Verdict, format_asn
from validator.planning.rows import SHIFT, rows_of
from validator.planning.rows import Question as Rows
from validator.snapshot import Snapshot


class By(enum.StrEnum):
    """Whose contributions are told apart."""

    NETWORK = "network"
    """The origin of the routes."""
    COUNTRY = "country"
    """The country they count under, by the same attribution as the group."""


@dataclass(frozen=True, slots=True)
class Question:
    """Of which group, which figure, and who is to be told of."""

    scheme: str
    group: str
    attribution: Attribution
    family: Family
    figure: Figure = Figure.VALID_SHARE
    by: By = By.NETWORK


@dataclass(frozen=True, slots=True)
class Part:
    """What one cause did. ``valid``, ``invalid`` and ``not_found``: of its ``routes``, the states
    before; of those that are new to the group, the states after. ``part`` and ``whole`` is what
    they added to numerator and denominator; ``exact`` what that contributed, in units of
    1 / :attr:`Change.unit`, None where there is no change of a share."""

    cause: Cause
    routes: int
    valid: int
    invalid: int
    not_found: int
    part: int
    whole: int
    exact: int | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What somebody did: a network (``AS64496``, ``NONE``), a country, or some of them together
    (``who`` empty). ``exact`` is the sum of those of its ``parts``."""

    who: str
    before: Point
    after: Point
    exact: int | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Mover:
    """What somebody did for one cause."""

    who: str
    part: Part


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A share on two days, and what lies between. ``ways`` is i8 ``(whos, KINDS)``: how many routes
    of each went from which place to which (:mod:`validator.kernels.change`); ``order`` i8, those
    who changed anything, the ones that moved the share most first."""

    question: Question
    before: Point
    after: Point
    whos: tuple[str, ...]
    ways: I8
    order: I8

    @property
    def unit(self) -> int | None:
        """N0 * N1; None if one of the days has no share, and so there is no change of one."""
        return self.before.whole * self.after.whole or None

    @property
    def change(self) -> Fraction | None:
        """n1/N1 - n0/N0."""
        if self.before.share is None or self.after.share is None:
            return None
        return self.after.share - self.before.share

    def quotient(self, exact: int | None) -> Fraction | None:
        """What a contribution is as a share."""
        return None if exact is None or self.unit is None else Fraction(exact, self.unit)

    def contribution(self, row: int) -> Contribution:
        return self._told(self.whos[row], self.ways[row])

    def first(self, most: int) -> list[Contribution]:
        """Those who moved it most."""
        return [self.contribution(row) for row in self.order[:most].tolist()]

    def rest(self, most: int) -> Contribution:
        """All those whom :meth:`first` leaves out, together."""
        return self._told("", self.ways[self.order[most:]].sum(axis=0))

    def total(self) -> Contribution:
        """Everybody together: the change, by cause."""
        return self._told("", self.ways.sum(axis=0))

    def movers(self, most: int) -> list[Mover]:
        """What moved the share most, each with whom and for which cause; nothing that did not move
        it. Of two that did as much, the one who is first in :attr:`order`."""
        if self.unit is None:
            return []
        ways = self.ways[self.order]
        figure = FIGURES[self.question.figure]
        exact = _exact(self.before, ways @ figure.parts, ways @ figure.wholes)
        flat = np.argsort(-np.abs(exact).reshape(-1), kind="stable")[:most]
        found = []
        for at in flat[exact.reshape(-1)[flat] != 0].tolist():
            row, cause = divmod(at, len(CAUSES))
            told = self._told(self.whos[self.order[row]], ways[row])
            found.append(Mover(told.who, next(p for p in told.parts if p.cause is CAUSES[cause])))
        return found

    def _told(self, who: str, ways: I8) -> Contribution:
        before, after = points_of(ways, self.question.figure)
        figure = FIGURES[self.question.figure]
        parts, wholes = (ways @ figure.parts).tolist(), (ways @ figure.wholes).tolist()
        routes, states = (ways @ ROUTES).tolist(), (ways @ STATES).tolist()

        def exact(part: int, whole: int) -> int | None:
            if self.unit is None:
                return None
            return part * self.before.whole - self.before.part * whole

        return Contribution(
            who,
            before,
            after,
            exact(after.part - before.part, after.whole - before.whole),
            tuple(
                Part(cause, routes[at], states[3 * at], states[3 * at + 1], states[3 * at + 2],
                     parts[at], wholes[at], exact(parts[at], wholes[at]))
                for at, cause in enumerate(CAUSES)
                if routes[at]
            ),
        )  # fmt: skip


def change(before: Snapshot, after: Snapshot, question: Question) -> Change:
    """What moved a share from one snapshot to another. Takes some 0.2 s on two full tables.

    Raises:
        ValueError: the scheme is not counted on one of the days, or has the group on neither.
    """
    pair = question.scheme, question.attribution
    for snapshot in (before, after):
        if pair not in snapshot.coverages:
            raise ValueError(f"{question.scheme} by {question.attribution} is not counted here")
    if not any(_has(snapshot, question) for snapshot in (before, after)):
        raise ValueError(f"{question.scheme} has no group {question.group!r}")
    old, new = _seen(before, question), _seen(after, question)
    if question.by is By.NETWORK:
        number, distinct = number_values(np.concatenate((old.who, new.who)), _seed())
        order = np.argsort(distinct)
        rank = np.empty(len(order), "u4")
        rank[order] = np.arange(len(order), dtype="u4")
        number, whos = rank[number], tuple(map(format_asn, distinct[order].tolist()))
    else:
        codes = sorted({*before.resources.countries, *after.resources.countries})
        place = {code: at for at, code in enumerate(codes)}
        number = np.concatenate(
            [
                np.array([place[code] for code in snapshot.resources.countries], "u4")[seen.who]
                for snapshot, seen in ((before, old), (after, new))
            ]
        )
        whos = tuple(codes)
    counts = np.zeros(len(whos) * KINDS, "u4")
    a, b, family = before.routes, after.routes, question.family
    kernels.join_days(
        a.high, a.low, a.length, a.origin,
        *_laid(before, family, old.rows, number[: len(old.rows)]), a.family_range(family)[0],
        b.high, b.low, b.length, b.origin,
        *_laid(after, family, new.rows, number[len(old.rows) :]), b.family_range(family)[0],
        counts,
    )  # fmt: skip
    ways = counts.reshape(-1, KINDS).astype("i8")
    first, last = points_of(ways.sum(axis=0), question.figure)
    return Change(question, first, last, whos, ways, _order(ways, first, last, question.figure))


# ------------------------------------------------------------------------------------ what is where


class _Seen(NamedTuple):
    """The rows of a group, and the origin or the country (by number) of each, i8."""

    rows: I8
    who: I8


def _has(snapshot: Snapshot, question: Question) -> bool:
    coverage = snapshot.coverages[question.scheme, question.attribution]
    return coverage.index(question.group) is not None


def _seen(snapshot: Snapshot, question: Question) -> _Seen:
    nothing = np.empty(0, "i8")
    if not _has(snapshot, question):
        return _Seen(nothing, nothing)
    asked = Rows(question.scheme, question.group, question.attribution, question.family)
    chosen = rows_of(snapshot, asked)
    rows = chosen.rows[chosen.mine > 0]
    if question.by is By.NETWORK:
        return _Seen(rows, snapshot.routes.origin[rows])
    return _Seen(rows, _countries(snapshot, question, rows))


def _countries(snapshot: Snapshot, question: Question, rows: I8) -> I8:
    """The country that each row counts under."""
    routes, resources = snapshot.routes, snapshot.resources
    if question.attribution is Attribution.ORIGIN:
        number, origins = number_values(routes.origin[rows], _seed())
        assigned = assign(
            Scheme.COUNTRY, question.attribution, replace(routes, origin=origins), resources
        )
        assert not isinstance(assigned, ByAddress)
        return assigned.group[number].astype("i8")
    assigned = assign(Scheme.COUNTRY, question.attribution, routes, resources)
    assert isinstance(assigned, ByAddress)
    first, country = assigned.ranges[question.family]
    shift = np.uint64(SHIFT[question.family])
    return country[locate(first, routes.high[rows] >> shift)].astype("i8")


def _laid(snapshot: Snapshot, family: Family, rows: I8, number: U4) -> tuple[U1, U4]:
    """Of every route of a family: its place, and the number of whose it is, 0 beyond the group.
    ``rows`` are the group's, ``number`` is of each of these."""
    start, stop = snapshot.routes.family_range(family)
    place = np.where(snapshot.excluded[start:stop], np.uint8(EXCLUDED), np.uint8(ELSEWHERE))
    place[rows - start] = _PLACE_OF[snapshot.routes.verdict[rows]]
    who = np.zeros(stop - start, "u4")
    who[rows - start] = number
    return place, who


def _seed() -> int:
    return int.from_bytes(os.urandom(7), "little")


_PLACE_OF: U1 = np.full(len(Verdict), INVALID, "u1")
_PLACE_OF[Verdict.VALID], _PLACE_OF[Verdict.NOT_FOUND] = VALID, NOT_FOUND


def _exact(before: Point, part: I8, whole: I8) -> I8:
    """Contributions in units of 1 / (N0 * N1); below 2^62 while tables have fewer than 2^30
    routes."""
    exact: I8 = part * before.whole - before.part * whole
    return exact


def _order(ways: I8, before: Point, after: Point, figure: Figure) -> I8:
    """Who changed anything, those who moved the share most first; where there is no change of a
    share, those whose denominator changed most. Else in the order of their numbers."""
    rows = np.flatnonzero((ways @ ROUTES.sum(axis=1)) > 0)
    points = ways[rows] @ FIGURES[figure].points
    part, whole = points[:, 2] - points[:, 0], points[:, 3] - points[:, 1]
    if before.whole and after.whole:
        keys = [-np.abs(_exact(before, part, whole))]
    else:
        keys = [-np.abs(part), -np.abs(whole)]
    found: I8 = rows[np.lexsort([rows, *keys])]
    return found
