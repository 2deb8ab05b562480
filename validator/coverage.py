"""How much of what a group announces is covered and valid: by routes, and by distinct space.

Definitions: docs/definitions.md, "Coverage of a group". Space is exact: IPv4 in addresses, IPv6 in
/64s, overlaps counted once. Valid, invalid and not-found space may overlap, since a more-specific
can be valid while its aggregate is not: their shares need not add up to 1.

Figures are numerators and denominators; a ratio is made when a row is shown, and is None where
nothing was announced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator import coverage_kernels as kernels
from validator.groupings import (
    Attribution,
    ByOrigin,
    Scheme,
    assign,
)
from validator.model import U1, U8, Family
from validator.resources import ResourceTable
from validator.routes import RouteTable

SPACE_UNITS = {Family.IPV4: "addresses", Family.IPV6: "48s"}
SLASH_64S_IN_48 = 1 << 16
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
        return _share(self.valid + self.invalid, self.announced)

    @property
    def valid_share(self) -> float | None:
        """Valid / announced routes: the headline."""
        return _share(self.valid, self.announced)

    @property
    def accuracy(self) -> float | None:
        """Valid / covered routes."""
        return _share(self.valid, self.valid + self.invalid)

    @property
    def space_coverage(self) -> float | None:
        return _share(self.covered_space, self.announced_space)

    @property
    def space_valid_share(self) -> float | None:
        return _share(self.valid_space, self.announced_space)


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Every group of one scheme. ``routes[family]`` is u8 ``(groups, 3)``: valid, invalid,
    not-found; ``space[family]`` u8 ``(groups, 5)``: announced, covered, valid, invalid,
    not-found."""

    scheme: Scheme
    attribution: Attribution
    groups: tuple[str, ...]
    routes: dict[Family, U8]
    space: dict[Family, U8]

    def figures(self, group: int, family: Family) -> Figures:
        return Figures(*self.routes[family][group].tolist(), *self.space[family][group].tolist())

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
    scheme: Scheme,
    attribution: Attribution,
) -> Coverage:
    """Count every group of a scheme in one pass over the routes that are not excluded (u1, 0)."""
    assigned = assign(scheme, attribution, routes, resources)
    groups = len(assigned.names)
    counts: dict[Family, U8] = {}
    spaces: dict[Family, U8] = {}
    for family in Family:
        count = np.zeros(groups * kernels.COUNTS, "u8")
        space = np.zeros(groups * kernels.SPACES, "u8")
        through = np.zeros(groups * kernels.SPACES, "u8")
        columns = routes.high, routes.length, routes.verdict, excluded
        start, stop = routes.family_range(family)
        shift = _SHIFT[family]
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
    return Coverage(scheme, attribution, assigned.names, counts, spaces)


def shown(coverage: Coverage, family: Family) -> NDArray[np.intp]:
    """The numbers of the groups that a table shows, largest announced space first.

    A group without announced routes in a family is left out, save that every country and RIR that
    holds anything is shown.
    """
    order = np.argsort(coverage.space[family][:, 0], kind="stable")[::-1]
    if coverage.scheme is Scheme.ASN:
        order = order[coverage.routes[family].sum(axis=1)[order] > 0]
    return order


def rows(
    coverage: Coverage, name: Callable[[str], str], families: tuple[Family, ...] = tuple(Family)
) -> Iterator[dict[str, Any]]:
    """The figures as the command line and the API show them, largest announced space first.

    ``name`` gives a group's name. Whole tables become text faster by
    :mod:`validator.coverage_text`.
    """
    for family in families:
        order = shown(coverage, family)
        lines = zip(
            order.tolist(),
            coverage.routes[family][order].tolist(),
            coverage.space[family][order].tolist(),
            strict=True,
        )
        for group, counts, spaces in lines:
            identifier = coverage.groups[group]
            figures = Figures(*counts, *spaces)
            yield row(figures, coverage.scheme, identifier, name(identifier), family)


def row(figures: Figures, scheme: Scheme, group: str, name: str, family: Family) -> dict[str, Any]:
    """One row of the coverage API. Spaces are in ``unit``; shares are fractions of 1, or None."""
    return {
        "scheme": scheme.value,
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


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
