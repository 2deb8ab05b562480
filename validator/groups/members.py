"""Who makes up a group, and where a group stands among the others of its scheme.

The members of a class are countries. Those of a country or a registry are the networks whose AS
number is registered there, those of a list of networks the listed ones: networks are always counted
by origin, so what they announce need not lie in the group's own address space, and does not add up
to its figures by address.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.figures.coverage import Coverage, Order, divide, rows
from validator.groupings import NOBODY, Attribution, Scheme
from validator.groups.averages import countries_of
from validator.model import NO_ORIGIN, OTHERS, Family, Members, frozen
from validator.snapshot import Snapshot
from validator.tables.resources import locate

UNRANKED = (NOBODY, OTHERS, "NONE")
"""Groups of what belongs nowhere: they take no place among the others."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupMembers:
    """``coverage`` has the members alone, as groups of ``scheme``; ``listed`` names prefixes, which
    have no figures of their own."""

    scheme: str
    coverage: Coverage
    listed: list[str]

    def rows(
        self, snapshot: Snapshot, families: tuple[Family, ...], order: Order
    ) -> list[dict[str, Any]]:
        """As :func:`validator.figures.coverage.rows`, both families one after the other."""
        return list(rows(self.coverage, snapshot.namer(self.scheme), families, order))


class Ranked(enum.Enum):
    """What groups are ranked by."""

    VALID_SHARE = "valid_share"
    SPACE_VALID_SHARE = "space_valid_share"
    SPACE = "space"


class Place(NamedTuple):
    """Rank ``rank`` among ``of`` groups that announce anything; None for one that does not."""

    rank: int | None
    of: int


def members_of(
    snapshot: Snapshot, scheme: str, group: str, attribution: Attribution
) -> GroupMembers | None:
    """The members of a group; None if it has none, as a network has not."""
    lists = snapshot.lists.get(scheme)
    if lists is not None and lists.members is Members.COUNTRIES:
        of = snapshot.coverages[Scheme.COUNTRY, attribution]
        countries = set(countries_of(snapshot, scheme, group))
        if group == NOBODY:
            countries = {NOBODY}
        return GroupMembers(Scheme.COUNTRY, of.some(_places(of, countries)), [])
    if scheme == Scheme.ASN:
        return None
    networks = snapshot.coverages.get((Scheme.ASN, Attribution.ORIGIN))
    if networks is None:
        return None
    if lists is None:
        column = "country" if scheme == Scheme.COUNTRY else "registry"
        names = snapshot.resources.countries if column == "country" else (
            snapshot.resources.registries
        )  # fmt: skip
        if group not in names:
            return None
        registered = _registered(snapshot, networks, column) == names.index(group)
        return GroupMembers(Scheme.ASN, networks.some(np.flatnonzero(registered)), [])
    mine = lists.members_of(group)
    if lists.members is Members.NETWORKS:
        return GroupMembers(Scheme.ASN, networks.some(_places(networks, set(mine))), [])
    return GroupMembers(Scheme.ASN, networks.some(np.empty(0, "intp")), mine)


def place_of(coverage: Coverage, number: int, family: Family, by: Ranked) -> Place:
    """Where a group stands: 1 + how many have strictly more, shares as the nearest floats."""
    counts, spaces = coverage.routes[family], coverage.space[family]
    counted = counts.sum(axis=1) > 0
    counted[_places(coverage, UNRANKED)] = False
    if by is Ranked.SPACE:
        measure: NDArray[Any] = spaces[:, 0]
    elif by is Ranked.VALID_SHARE:
        measure = divide(counts[:, 0], counts.sum(axis=1))
    else:
        measure = divide(spaces[:, 2], spaces[:, 0])
    of = int(counted.sum())
    if not counted[number]:
        return Place(None, of)
    return Place(1 + int((measure[counted] > measure[number]).sum()), of)


def _registered(snapshot: Snapshot, networks: Coverage, column: str) -> NDArray[Any]:
    """What the registries say of each network; -1 of the origin NONE."""
    numbers = _numbers(networks.groups)
    asns = snapshot.resources.asn
    found = getattr(asns, column)[locate(asns, np.maximum(numbers, 0).astype("u8"))].astype("i8")
    found[numbers == NO_ORIGIN] = -1
    ipv4, ipv6 = (networks.routes[family] for family in Family)
    valid, invalid, not_found = (ipv4 | ipv6).T
    return np.where((valid | invalid | not_found) > 0, found, -1)


@functools.lru_cache(maxsize=2)
def _numbers(groups: tuple[str, ...]) -> NDArray[np.int64]:
    """The AS numbers of networks; there are 86,000, and from one snapshot to the next the same."""
    numbers = np.array([NO_ORIGIN if name == "NONE" else int(name[2:]) for name in groups], "i8")
    frozen(numbers)
    return numbers


def _places(coverage: Coverage, groups: Iterable[str]) -> NDArray[np.intp]:
    wanted = frozenset(groups)
    chosen = [number for number, group in enumerate(coverage.groups) if group in wanted]
    return np.array(chosen, "intp")
