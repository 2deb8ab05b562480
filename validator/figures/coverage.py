"""How much of what a group announces is covered and valid: by routes, and by distinct space.

Definitions: docs/definitions.md, "Coverage of a group". Space is exact: IPv4 in addresses, IPv6 in
/64s, overlaps counted once. Valid, invalid and not-found space may overlap, since a more-specific
can be valid while its aggregate is not: their shares need not add up to 1.

Figures are numerators and denominators; a ratio is made when a row is shown, and is None where
nothing was announced.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.figures.wider import Wider
from validator.groupings import (
    Attribution,
    ByAddress,
    ByOrigin,
    Lists,
    Scheme,
    assign,
)
from validator.kernels import coverage as kernels
from validator.model import U1, U8, Family, State, frozen
from validator.tables.announced import REASONS
from validator.tables.resources import ResourceTable
from validator.tables.routes import RouteTable

SPACE_UNITS = {Family.IPV4: "addresses", Family.IPV6: "48s"}
SLASH_64S_IN_48 = 1 << 16
SHARES = ("coverage", "valid_share", "accuracy", "space_coverage", "space_valid_share")
"""The shares of :class:`Figures`, in their order."""
_SHIFT = {Family.IPV4: 32, Family.IPV6: 0}


class Figures(NamedTuple):
    """One group's figures in one family. Spaces are in IPv4 addresses or IPv6 /64s."""

    valid: int
    invalid: int
    not_found: int
    announced_space: int
    covered_space: int
    valid_space: int
    invalid_space: int
    not_found_space: int

    @property
    def announced(self) -> int:
        return self.valid + self.invalid + self.not_found

    @property
    def coverage(self) -> float | None:
        """(valid + invalid) / announced routes."""
        return share(self.valid + self.invalid, self.announced)

    @property
    def valid_share(self) -> float | None:
        """Valid / announced routes: the headline."""
        return share(self.valid, self.announced)

    @property
    def accuracy(self) -> float | None:
        """Valid / covered routes."""
        return share(self.valid, self.valid + self.invalid)

    @property
    def space_coverage(self) -> float | None:
        return share(self.covered_space, self.announced_space)

    @property
    def space_valid_share(self) -> float | None:
        return share(self.valid_space, self.announced_space)


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Every group of one scheme. ``routes[family]`` is u8 ``(groups, 3)``: valid, invalid,
    not-found; ``space[family]`` u8 ``(groups, 5)``: announced, covered, valid, invalid,
    not-found; ``excluded[family]`` u8 ``(groups, 5)``: routes that are not counted, by the reasons
    of :data:`validator.tables.announced.REASONS` from the second on."""

    scheme: str
    attribution: Attribution
    groups: tuple[str, ...]
    routes: dict[Family, U8]
    space: dict[Family, U8]
    excluded: dict[Family, U8]
    holdings: dict[Family, U8] | None = None
    """By address: u8 ``(groups, 2)``, delegated space and how much of it is under some VRP."""
    wider: Wider | None = None
    """What is known of the groups beyond coverage, if it was counted."""

    def figures(self, group: int, family: Family) -> Figures:
        return Figures(*self.routes[family][group].tolist(), *self.space[family][group].tolist())

    def left_out(self, group: int, family: Family) -> dict[str, int]:
        """How many routes each reason excludes; reasons that exclude none are left out."""
        counts = self.excluded[family][group].tolist()
        return {reason: n for reason, n in zip(REASONS[1:], counts, strict=True) if n}

    def some(self, chosen: NDArray[np.intp]) -> Coverage:
        """A coverage of these groups alone."""

        def rows(tables: dict[Family, U8]) -> dict[Family, U8]:
            return {family: table[chosen] for family, table in tables.items()}

        return Coverage(
            self.scheme,
            self.attribution,
            tuple(self.groups[number] for number in chosen.tolist()),
            rows(self.routes),
            rows(self.space),
            rows(self.excluded),
            self.holdings and rows(self.holdings),
        )

    def index(self, group: str) -> int | None:
        """The number of a group, or None if it has none."""
        try:
            return self.groups.index(group)
        except ValueError:
            return None


def measure(
    routes: RouteTable,
    excluded: U1,
    resources: ResourceTable,
    scheme: str,
    attribution: Attribution,
    lists: Lists | None = None,
) -> Coverage:
    """Count one scheme, route by route. What is excluded (u1, a reason, or 0) is counted apart,
    under its group too. All schemes at once are quicker: :mod:`validator.figures.counting`."""
    assigned = assign(scheme, attribution, routes, resources, lists)
    counts, spaces = tally(routes, excluded, assigned)
    return of_counts(scheme, attribution, assigned.names, counts, spaces)


def tally(
    routes: RouteTable, excluded: U1, assigned: ByOrigin | ByAddress
) -> tuple[dict[Family, U8], dict[Family, U8]]:
    """Of each group and family: routes u8 ``(groups, 8)``, by state and then by reason, and space
    u8 ``(groups, 5)``."""
    groups = len(assigned.names)
    counts: dict[Family, U8] = {}
    spaces: dict[Family, U8] = {}
    for family in Family:
        count = np.zeros(groups * kernels.COUNTS, "u8")
        space = np.zeros(groups * kernels.SPACES, "u8")
        columns = routes.high, routes.length, routes.verdict, excluded
        (start, stop), shift, through = routes.family_range(family), _SHIFT[family], space.copy()
        if isinstance(assigned, ByOrigin):
            kernels.tally_by_origin(
                *columns, assigned.group, start, stop, shift, count, space, through
            )
        else:
            first, group = assigned.ranges[family]
            kernels.tally_by_address(
                *columns, first, group, start, stop, shift, count, space, through
            )
        counts[family] = count.reshape(groups, kernels.COUNTS)
        spaces[family] = space.reshape(groups, kernels.SPACES)
    return counts, spaces


def of_counts(
    scheme: str,
    attribution: Attribution,
    groups: tuple[str, ...],
    counts: dict[Family, U8],
    spaces: dict[Family, U8],
    holdings: dict[Family, U8] | None = None,
    wider: Wider | None = None,
) -> Coverage:
    """``counts`` and ``spaces`` as :func:`tally` has them."""
    states = len(State)
    routes = {family: np.ascontiguousarray(count[:, :states]) for family, count in counts.items()}
    excluded = {family: np.ascontiguousarray(count[:, states:]) for family, count in counts.items()}
    frozen(*routes.values(), *excluded.values(), *spaces.values(), *(holdings or {}).values())
    return Coverage(scheme, attribution, groups, routes, spaces, excluded, holdings, wider)


def shares(counts: U8, spaces: U8) -> NDArray[np.float64]:
    """The five shares ``(rows, 5)`` of :data:`SHARES`, from rows of ``routes`` and of
    ``space``; NaN where there is nothing to divide by."""
    valid, covered, announced = counts[:, 0], counts[:, 0] + counts[:, 1], counts.sum(axis=1)
    announced_space, covered_space, valid_space = spaces[:, 0], spaces[:, 1], spaces[:, 2]
    return np.column_stack(
        (
            divide(covered, announced),
            divide(valid, announced),
            divide(valid, covered),
            divide(covered_space, announced_space),
            divide(valid_space, announced_space),
        )
    )


def divide(part: U8, whole: U8) -> NDArray[np.float64]:
    """The nearest float to each exact quotient, as Python divides integers; NaN where ``whole`` is
    zero."""
    quotient = np.full(len(part), np.nan)
    np.divide(part, whole, out=quotient, where=whole > 0)
    # Beyond 2^53 an integer is rounded before it is divided, and the quotient a second time.
    large = np.flatnonzero(((part | whole) >> np.uint64(53) > 0) & (whole > 0))
    exact = zip(part[large].tolist(), whole[large].tolist(), strict=True)
    quotient[large] = [p / w for p, w in exact]
    return quotient


class Order(enum.StrEnum):
    """How a table is sorted: the most first, but groups by their identifier. What has no share
    comes last."""

    SPACE = "space"
    ROUTES = "routes"
    VALID_SHARE = "valid_share"
    COVERAGE = "coverage"
    GROUP = "group"


def shown(coverage: Coverage, family: Family, order: Order = Order.SPACE) -> NDArray[np.intp]:
    """The numbers of the groups that a table shows, in order.

    A network without announced routes in a family is left out; of all other schemes, every group is
    shown.
    """
    counts, spaces = coverage.routes[family], coverage.space[family]
    if order is Order.GROUP:
        names = coverage.groups
        rows = np.array(sorted(range(len(names)), key=names.__getitem__), "intp")
    else:
        measure = _measure(counts, spaces, order)
        rows = np.lexsort((-spaces[:, 0].astype("f8"), -np.nan_to_num(measure, nan=-1.0)))
    if coverage.scheme == Scheme.ASN:
        rows = rows[counts.sum(axis=1)[rows] > 0]
    return rows


def _measure(counts: U8, spaces: U8, order: Order) -> NDArray[np.float64]:
    announced: U8 = counts.sum(axis=1)
    match order:
        case Order.VALID_SHARE:
            return divide(counts[:, 0], announced)
        case Order.COVERAGE:
            return divide(counts[:, 0] + counts[:, 1], announced)
        case Order.ROUTES:
            return np.asarray(announced, "f8")
        case _:
            return np.asarray(spaces[:, 0], "f8")


def rows(
    coverage: Coverage,
    name: Callable[[str], str],
    families: tuple[Family, ...] = tuple(Family),
    order: Order = Order.SPACE,
) -> Iterator[dict[str, Any]]:
    """The figures as the command line and the API show them.

    ``name`` gives a group's name. Whole tables become text faster by
    :mod:`validator.figures.coverage_text`.
    """
    for family in families:
        chosen = shown(coverage, family, order)
        lines = zip(
            chosen.tolist(),
            coverage.routes[family][chosen].tolist(),
            coverage.space[family][chosen].tolist(),
            strict=True,
        )
        for group, counts, spaces in lines:
            identifier = coverage.groups[group]
            figures = Figures(*counts, *spaces)
            yield row(figures, coverage.scheme, identifier, name(identifier), family)


def row(figures: Figures, scheme: str, group: str, name: str, family: Family) -> dict[str, Any]:
    """One row of the coverage API. Spaces are in ``unit``; shares are fractions of 1, or None."""
    return {
        "scheme": str(scheme),
        "group": group,
        "name": name,
        "family": family.label,
        "routes": {
            "announced": figures.announced,
            "valid": figures.valid,
            "invalid": figures.invalid,
            "not_found": figures.not_found,
        },
        "space": {
            "unit": SPACE_UNITS[family],
            "announced": in_units(figures.announced_space, family),
            "covered": in_units(figures.covered_space, family),
            "valid": in_units(figures.valid_space, family),
            "invalid": in_units(figures.invalid_space, family),
            "not_found": in_units(figures.not_found_space, family),
        },
        "coverage": figures.coverage,
        "valid_share": figures.valid_share,
        "accuracy": figures.accuracy,
        "space_coverage": figures.space_coverage,
        "space_valid_share": figures.space_valid_share,
    }


def in_units(space: int, family: Family) -> int | float:
    """IPv4 addresses as they are; IPv6 /64s as /48s, a fraction only where one is left."""
    if family is Family.IPV4:
        return space
    whole, left = divmod(space, SLASH_64S_IN_48)
    return whole if not left else space / SLASH_64S_IN_48


def share(part: int, whole: int) -> float | None:
    """The quotient; None where there is nothing to divide by."""
    return part / whole if whole else None
