"""What a class of countries has on the whole, said in three ways that are all honest.

*Pooled*: all its routes together, so that large economies weigh most. *Median country*: half of its
countries have less; each weighs the same. *People-weighted*: the mean of its countries' shares,
each weighed by how many people use the Internet there, so that it says what a person meets.
Countries that announce nothing have no share and count in none of the three; those without a figure
of Internet users are left out of the third, which says how many they are. Definitions:
docs/definitions.md, "Coverage of a group".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validator.figures.coverage import SHARES, Coverage, shares
from validator.groupings import NOBODY, Attribution, Scheme
from validator.model import OTHERS, Family, Members
from validator.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Averages:
    """One share of a class, in one family; a value is None where there is nothing to make it of.

    ``countries`` of them announce anything; ``weighed`` of these have a figure of Internet users,
    ``people`` in all.
    """

    pooled: float | None
    median_country: float | None
    people_weighted: float | None
    countries: int
    weighed: int
    people: int


def countries_of(snapshot: Snapshot, scheme: str, group: str) -> list[str]:
    """The countries of a class on the snapshot's day, sorted; of ``other``: those that hold or
    announce something and are not listed. Empty if the scheme is none of countries."""
    lists = snapshot.lists.get(scheme)
    if lists is None or lists.members is not Members.COUNTRIES:
        return []
    if group != OTHERS:
        return lists.members_of(group)
    known = set(snapshot.countries) | set(snapshot.resources.countries)
    return sorted(known - set(lists.of) - {NOBODY})


def averages(
    snapshot: Snapshot, scheme: str, group: str, attribution: Attribution, family: Family
) -> dict[str, Averages]:
    """Each of :data:`validator.figures.coverage.SHARES` of a class of countries; empty for other
    groups."""
    members = countries_of(snapshot, scheme, group)
    whole = snapshot.coverages.get((scheme, attribution))
    by_country = snapshot.coverages.get((Scheme.COUNTRY, attribution))
    if not members or whole is None or by_country is None:
        return {}
    number = whole.index(group)
    mine = _rows(by_country, members)
    table = shares(by_country.routes[family][mine], by_country.space[family][mine])
    pooled = shares(whole.routes[family], whole.space[family])[number]
    codes = [by_country.groups[row] for row in mine]
    users = np.array(
        [snapshot.users[code].users if code in snapshot.users else 0 for code in codes], "u8"
    )
    return {name: _averages(pooled[at], table[:, at], users) for at, name in enumerate(SHARES)}


def _rows(coverage: Coverage, groups: list[str]) -> NDArray[np.intp]:
    place = {group: row for row, group in enumerate(coverage.groups)}
    return np.array([place[group] for group in groups if group in place], "intp")


def _averages(pooled: float, values: NDArray[np.float64], users: NDArray[np.uint64]) -> Averages:
    has = ~np.isnan(values)
    weighed = has & (users > 0)
    people = int(users[weighed].sum())
    mean = float((values[weighed] * users[weighed]).sum() / people) if people else None
    return Averages(
        pooled=None if np.isnan(pooled) else float(pooled),
        median_country=float(np.median(values[has])) if has.any() else None,
        people_weighted=mean,
        countries=int(has.sum()),
        weighed=int(weighed.sum()),
        people=people,
    )
