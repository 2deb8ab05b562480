"""Which countries could move the figure of a class most: "the ten that would move the LDCs' most".

For a class of countries (:mod:`validator.groupings`) this asks what each would add to the pooled
share if its valid share reached a given one, or as near to it as it can: a route without an origin
stays what it is. Countries' figures add up to the class's, by routes always and by space if it is
attributed by address, for each address belongs to one country; so every gain is exact, does not
depend on who went before, and the order by gain is the best there is. By origin two countries'
networks may announce the same addresses: which of them would become valid then cannot be said of a
country alone, so by space this is refused.

The median country tells another story than the pool: a large country moves the one, and the other
not at all. Both are shown after each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from validator.figures import coverage
from validator.figures.coverage import Coverage, divide
from validator.groupings import Attribution, Scheme
from validator.groups.averages import countries_of
from validator.model import U8, Family, Verdict
from validator.planning.rows import Measure
from validator.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class CountryStep:
    """A country that reaches the share. In routes, or in IPv4 addresses or IPv6 /64s: ``announced``
    and ``valid`` now, ``possible`` (the most that could be valid), ``gain`` (what it adds).
    ``pooled``: what is valid in the class when this country and all before it have got there;
    ``median``: the median country's valid share then; ``median_alone``: if this one alone had."""

    country: str
    announced: int
    valid: int
    possible: int
    gain: int
    pooled: int
    median: float
    median_alone: float


@dataclass(frozen=True, slots=True)
class CountryPlan:
    """``countries`` announce anything; ``movers`` of them have something to gain. ``reached``: the
    pool if every country did what it can for ``share``."""

    share: Fraction
    announced: int
    valid: int
    reached: int
    median: float | None
    countries: int
    movers: int
    steps: tuple[CountryStep, ...]


def countries(
    snapshot: Snapshot,
    scheme: str,
    group: str,
    attribution: Attribution,
    family: Family,
    measure: Measure = Measure.ROUTES,
    *,
    share: Fraction = Fraction(1),
    most: int = 10,
) -> CountryPlan:
    """The countries of a class, those first that would add most to its pooled valid share.

    Raises:
        ValueError: the class is none of countries, or countries do not add up (see the module).
    """
    lists, by_country = snapshot.lists.get(scheme), (Scheme.COUNTRY, attribution)
    members = countries_of(snapshot, scheme, group)
    if lists is None or not members or by_country not in snapshot.coverages:
        raise ValueError(f"{scheme} {group} is no class of countries")
    if measure is Measure.SPACE and attribution is Attribution.ORIGIN:
        raise ValueError("by space, countries add up only by address: ask for that attribution")
    now = snapshot.coverages[by_country]
    place = {code: row for row, code in enumerate(now.groups)}
    rows = np.array([place[code] for code in members if code in place], "intp")
    announced, valid = _figures(now, rows, family, measure)
    some = announced > 0
    rows, announced, valid = rows[some], announced[some], valid[some]
    _, possible = _figures(_supposed(snapshot, attribution), rows, family, measure)
    ends = [
        max(mine, min(most_of_it, _ceiling(share, all_of_it)))
        for mine, most_of_it, all_of_it in zip(
            valid.tolist(), possible.tolist(), announced.tolist(), strict=True
        )
    ]
    target = np.array(ends, "u8")
    gain = target - valid
    codes = [now.groups[row] for row in rows.tolist()]
    order = sorted(np.flatnonzero(gain > 0).tolist(), key=lambda at: (-int(gain[at]), codes[at]))
    return CountryPlan(
        share,
        sum(announced.tolist()),
        sum(valid.tolist()),
        sum(ends),
        _median(valid, announced) if len(rows) else None,
        len(rows),
        len(order),
        tuple(_steps(order[:most], codes, announced, valid, possible, target)),
    )


def _steps(
    order: Sequence[int],
    codes: Sequence[str],
    announced: U8,
    valid: U8,
    possible: U8,
    target: U8,
) -> list[CountryStep]:
    steps, reached, pooled = [], valid.copy(), sum(valid.tolist())
    for at in order:
        alone = valid.copy()
        alone[at] = reached[at] = target[at]
        gain = int(target[at] - valid[at])
        pooled += gain
        steps.append(
            CountryStep(
                codes[at],
                int(announced[at]),
                int(valid[at]),
                int(possible[at]),
                gain,
                pooled,
                _median(reached, announced),
                _median(alone, announced),
            )
        )
    return steps


def _figures(
    figures: Coverage, rows: NDArray[np.intp], family: Family, measure: Measure
) -> tuple[U8, U8]:
    """What each country announces, and what of it is valid."""
    if measure is Measure.ROUTES:
        counts = figures.routes[family][rows]
        return counts.sum(axis=1), counts[:, 0].copy()
    spaces = figures.space[family][rows]
    return spaces[:, 0].copy(), spaces[:, 2].copy()


def _supposed(snapshot: Snapshot, attribution: Attribution) -> Coverage:
    """Coverage by country if every route were valid that can be: all that have an origin."""
    routes = snapshot.routes
    verdict = np.where(routes.origin > 0, np.uint8(Verdict.VALID), routes.verdict)
    supposed = replace(routes, verdict=np.ascontiguousarray(verdict, "u1"))
    return coverage.measure(
        supposed, snapshot.excluded, snapshot.resources, Scheme.COUNTRY, attribution
    )


def _ceiling(share: Fraction, whole: int) -> int:
    """The least number that is at least this share of the whole."""
    return -(-share.numerator * whole // share.denominator)


def _median(valid: U8, announced: U8) -> float:
    return float(np.median(divide(valid, announced)))
