"""The ways that routes go between two days, and what each does to a share: the tables behind
:mod:`validator.change.shares`.

A way is a pair of places (:mod:`validator.kernels.change`). From it follow its cause, and for each
figure by how much numerator and denominator change: so that whatever went these ways, however many
routes, is told by multiplying with a table of zeros and ones.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from validator.kernels.change import (
    ABSENT,
    ELSEWHERE,
    EXCLUDED,
    INVALID,
    KINDS,
    NOT_FOUND,
    PLACES,
    VALID,
)
from validator.model import I8


class Figure(enum.StrEnum):
    """Shares of routes (docs/definitions.md, "Coverage of a group")."""

    VALID_SHARE = "valid_share"
    """Valid / announced."""
    COVERAGE = "coverage"
    """(Valid + invalid) / announced."""
    ACCURACY = "accuracy"
    """Valid / (valid + invalid)."""


class Cause(enum.StrEnum):
    """Why a route changed a figure. The first that applies, in the order of :data:`CAUSES`: what is
    not announced on one of the days came or went, whatever else; then what is not counted on one of
    them; then what counts elsewhere; and only what counts here on both days changed its state."""

    ANNOUNCED = "newly-announced"
    WITHDRAWN = "withdrawn"
    COUNTED = "newly-counted"
    """It was announced before, but excluded."""
    UNCOUNTED = "no-longer-counted"
    """It is announced still, and excluded."""
    MOVED_IN = "moved-in"
    """Its block or its origin has another holder, or the group other members."""
    MOVED_OUT = "moved-out"
    SIGNED = "signed"
    """It became valid, from not-found or from invalid."""
    INVALIDATED = "became-invalid"
    """From valid, or from not-found."""
    UNSIGNED = "roa-gone"
    """No VRP covers it any more."""


CAUSES = tuple(Cause)


class Point(NamedTuple):
    """A share of routes: ``part`` of ``whole``."""

    part: int
    whole: int

    @property
    def share(self) -> Fraction | None:
        """None where there is nothing to divide by."""
        return Fraction(self.part, self.whole) if self.whole else None


class Counted(NamedTuple):
    """Of a figure, i8: which kinds of ways count in ``(KINDS, 4)`` numerator and denominator before
    and after; and what each adds to numerator and denominator, ``(KINDS, causes)``."""

    points: I8
    parts: I8
    wholes: I8


def _cause(was: int, now: int) -> Cause | None:
    """The cause of a way; None if nothing changed, or not here."""
    if was == now or max(was, now) < VALID:
        return None
    for place, came, went in (
        (ABSENT, Cause.ANNOUNCED, Cause.WITHDRAWN),
        (EXCLUDED, Cause.COUNTED, Cause.UNCOUNTED),
        (ELSEWHERE, Cause.MOVED_IN, Cause.MOVED_OUT),
    ):
        if place in (was, now):
            return came if was == place else went
    return {VALID: Cause.SIGNED, INVALID: Cause.INVALIDATED, NOT_FOUND: Cause.UNSIGNED}[now]


def _counted(part: Sequence[int], whole: Sequence[int]) -> Counted:
    """``part`` and ``whole``: the places that are in numerator and denominator."""
    points = np.zeros((KINDS, 4), "i8")
    parts, wholes = np.zeros((KINDS, len(CAUSES)), "i8"), np.zeros((KINDS, len(CAUSES)), "i8")
    for kind in range(KINDS):
        was, now = divmod(kind, PLACES)
        points[kind] = was in part, was in whole, now in part, now in whole
        if cause := _cause(was, now):
            parts[kind, CAUSES.index(cause)] = points[kind, 2] - points[kind, 0]
            wholes[kind, CAUSES.index(cause)] = points[kind, 3] - points[kind, 1]
    return Counted(points, parts, wholes)


FIGURES = {
    Figure.VALID_SHARE: _counted((VALID,), (VALID, INVALID, NOT_FOUND)),
    Figure.COVERAGE: _counted((VALID, INVALID), (VALID, INVALID, NOT_FOUND)),
    Figure.ACCURACY: _counted((VALID,), (VALID, INVALID)),
}


def _told() -> tuple[I8, I8]:
    routes, states = np.zeros((KINDS, len(CAUSES)), "i8"), np.zeros((KINDS, 3 * len(CAUSES)), "i8")
    for kind in range(KINDS):
        was, now = divmod(kind, PLACES)
        if cause := _cause(was, now):
            state = (was if was >= VALID else now) - VALID
            routes[kind, CAUSES.index(cause)] = states[kind, 3 * CAUSES.index(cause) + state] = 1
    return routes, states


ROUTES, STATES = _told()
"""Which ways each cause counts, ``(KINDS, causes)``; and by the state before, or after of those
that are new to the group, ``(KINDS, 3 * causes)``."""


def points_of(ways: I8, figure: Figure) -> tuple[Point, Point]:
    """The share of some ways, i8 ``(KINDS,)``, before and after."""
    part, whole, later_part, later_whole = (ways @ FIGURES[figure].points).tolist()
    return Point(part, whole), Point(later_part, later_whole)
