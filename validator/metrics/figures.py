"""Coverage of groups as metrics: the one definition, whoever asks and for however many groups.

Numerators and denominators, never ratios. Every series names its scheme and attribution, since the
same routes are counted again in each. The spaces of one group overlap (a more-specific can be valid
while its aggregate is not), so they stand under a label of their own and are not to be added up.

:data:`MEASURES` is the list. To add a figure: a line there, and its bound in docs/make_metrics.py.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from validator.figures.coverage import SLASH_64S_IN_48, Coverage
from validator.figures.wider import FamilyFigures, NetworkFigures
from validator.groupings import Attribution
from validator.metrics.columns import Block, Columns
from validator.model import I8, U8, Family

BOTH = tuple(Family)
_PARTS = {Family.IPV4: 1, Family.IPV6: SLASH_64S_IN_48}


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Groups of one coverage: all of them, or ``names``, whose numbers there are ``rows`` (i8),
    -1 for one that it does not have: all its figures are zero."""

    coverage: Coverage
    names: Sequence[str]
    rows: I8 | None = None

    @classmethod
    def all_of(cls, coverage: Coverage) -> Self:
        return cls(coverage, coverage.groups)

    @classmethod
    def some_of(cls, coverage: Coverage, names: Sequence[str]) -> Self:
        wanted = frozenset(names)
        known = {name: row for row, name in enumerate(coverage.groups) if name in wanted}
        return cls(coverage, names, np.array([known.get(name, -1) for name in names], "i8"))

    @classmethod
    def one_of(cls, coverage: Coverage, row: int) -> Self:
        return cls(coverage, (coverage.groups[row],), np.array([row], "i8"))

    @property
    def known(self) -> int:
        """How many of them the coverage has."""
        return len(self.names) if self.rows is None else int((self.rows >= 0).sum())

    def of(self, figures: U8) -> U8:
        """The rows of the chosen groups, of figures of all groups."""
        if self.rows is None:
            return figures
        found = np.zeros((len(self.rows), figures.shape[1]), "u8")
        there = self.rows >= 0
        found[there] = figures[self.rows[there]]
        return found


class Detail(enum.IntEnum):
    """Who has a figure."""

    NETWORKS = 0
    """Everybody, and it is in the file of all networks."""
    GROUPS = 1
    """Everybody, but not that file."""
    ONCE = 2
    """As GROUPS, under one attribution of a scheme alone: by address, if there is that."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One family of metrics, or a part of one. ``across`` is the label that tells the kinds apart;
    ``figures`` gives u8 ``(groups, …)`` of a coverage, None where there are none, and ``columns``
    where each kind stands there."""

    name: str
    about: str
    across: str
    kinds: tuple[str, ...]
    figures: Callable[[Coverage, Family], U8 | None]
    columns: tuple[int, ...]
    families: tuple[Family, ...] = BOTH
    detail: Detail = Detail.GROUPS
    in_space: bool = False
    """Counted in what the space of the family is counted in."""
    of_networks: bool = False
    """Of networks, always by origin and of both families together."""

    def blocks(self, chosen: Chosen, announcing: bool) -> Iterator[Block]:
        coverage = chosen.coverage
        by = Attribution.ORIGIN if self.of_networks else coverage.attribution
        same = {"scheme": str(coverage.scheme), "attribution": str(by)}
        for family in self.families:
            everybody = self.figures(coverage, family)
            if everybody is None:
                continue
            values = chosen.of(everybody)[:, self.columns]  # of few rows, though there be many
            rows = np.arange(len(values))
            if announcing:
                rows = np.flatnonzero(chosen.of(coverage.routes[family]).any(axis=1))
                values = values[rows]
            labels = same if self.of_networks else {**same, "family": family.label}
            parts = _PARTS[family] if self.in_space else 1
            yield Block(labels, self.across, self.kinds, chosen.names, rows, values, parts)


def families(chosen: Iterable[Chosen], announcing: bool = False) -> list[Columns]:
    """The figures of the chosen groups; a metric that none of them has is left out.

    ``announcing``: of those alone that announce something in a family, and less of each. This is
    for networks by the hundred thousand, most of which have one family and few of the spaces.
    """
    groups = list(chosen)
    by_address = {
        each.coverage.scheme for each in groups if each.coverage.attribution is Attribution.ADDRESS
    }
    found: dict[str, Columns] = {}
    for measure in MEASURES:
        if announcing and measure.detail is not Detail.NETWORKS:
            continue
        for each in groups:
            coverage = each.coverage
            again = coverage.attribution is Attribution.ORIGIN and coverage.scheme in by_address
            if measure.detail is Detail.ONCE and again:
                continue
            metric = found.setdefault(measure.name, Columns(measure.name, measure.about))
            metric.blocks += measure.blocks(each, announcing)
    return [metric for metric in found.values() if len(metric)]


# ------------------------------------------------------------------------------------ the figures


def _routes(coverage: Coverage, family: Family) -> U8:
    return coverage.routes[family]


def _space(coverage: Coverage, family: Family) -> U8:
    return coverage.space[family]


def _holdings(coverage: Coverage, family: Family) -> U8 | None:
    """None by origin: what networks hold is AS numbers."""
    return coverage.holdings[family] if coverage.holdings else None


def _wider(coverage: Coverage, family: Family) -> U8 | None:
    return None if coverage.wider is None else coverage.wider.family[family]


def _networks(coverage: Coverage, _: Family) -> U8 | None:
    return None if coverage.wider is None else coverage.wider.networks


def _wide(*names: str) -> tuple[int, ...]:
    return tuple(FamilyFigures._fields.index(name) for name in names)


def _of_space() -> Iterator[Measure]:
    for family, unit, what in (
        (Family.IPV4, "addresses", "IPv4 addresses"),
        (Family.IPV6, "slash48s", "IPv6 /48s"),
    ):
        name = f"originsight_coverage_space_{unit}"
        about = (
            f"Distinct {what} under the announced routes of a group, by kind; kinds overlap. "
            "unregistered: nobody holds it."
        )
        for kinds, figures, columns, detail in (
            (("announced", "valid"), _space, (0, 2), Detail.NETWORKS),
            (("covered", "invalid", "not-found"), _space, (1, 3, 4), Detail.GROUPS),
            (("unregistered",), _wider, _wide("unregistered_space"), Detail.ONCE),
        ):
            yield Measure(
                name, about, "space", kinds, figures, columns, (family,), detail, in_space=True
            )
        yield Measure(
            f"originsight_coverage_holdings_{unit}",
            f"{what} delegated to a group, announced or not, and those of them under some VRP.",
            "holdings",
            ("delegated", "covered"),
            _holdings,
            (0, 1),
            (family,),
            in_space=True,
        )


MEASURES: tuple[Measure, ...] = (
    Measure(
        "originsight_coverage_routes",
        "Announced routes of a group by validation state; their sum is what it announces.",
        "state",
        ("valid", "invalid", "not-found"),
        _routes,
        (0, 1, 2),
        detail=Detail.NETWORKS,
    ),
    *_of_space(),
    Measure(
        "originsight_coverage_prefixes",
        "Distinct prefixes that a group announces, and those of them with several origins (moas).",
        "prefixes",
        ("announced", "moas"),
        _wider,
        _wide("prefixes", "moas_prefixes"),
        detail=Detail.ONCE,
    ),
    Measure(
        "originsight_coverage_irregular_routes",
        "Announced routes of a group whose origin is NONE (as-set), whose address nobody holds "
        "(unregistered), or whose origin nobody holds (bogon-origin).",
        "irregularity",
        ("as-set", "unregistered", "bogon-origin"),
        _wider,
        _wide("as_set_routes", "unregistered_routes", "bogon_routes"),
        detail=Detail.ONCE,
    ),
    Measure(
        "originsight_coverage_watched_routes",
        "Announced routes of a group that some peer showed when peers were last surveyed.",
        "state",
        ("valid", "invalid"),
        _wider,
        _wide("watched_valid", "watched_invalid"),
        detail=Detail.ONCE,
    ),
    Measure(
        "originsight_coverage_sightings",
        "Full-feed peers that showed those watched routes, summed over the routes: at most their "
        'number times originsight_peers{feed="full"}.',
        "state",
        ("valid", "invalid"),
        _wider,
        _wide("valid_sightings", "invalid_sightings"),
        detail=Detail.ONCE,
    ),
    Measure(
        "originsight_coverage_networks",
        "Networks of a group that announce anything (announcing), by family, and by whether they "
        "are stubs or transit and have several neighbours (multihomed).",
        "networks",
        tuple(
            {"networks": "announcing"}.get(name, name.replace("_", "-"))
            for name in NetworkFigures._fields
        ),
        _networks,
        tuple(range(len(NetworkFigures._fields))),
        (Family.IPV4,),
        Detail.ONCE,
        of_networks=True,
    ),
)
