"""The waist of the house: everything known at one moment, immutable. Faces read it, nothing else.

A reader takes a reference and needs no lock: a newer snapshot is another object. Its generation
numbers count up from 1; until the first is complete there is none, and readers say so (503) rather
than answer "not-found".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from validator.figures.counting import Counting
from validator.figures.coverage import Coverage
from validator.figures.visibility import Sightings
from validator.freshness import VRP_KINDS, SourceStatus
from validator.groupings import TITLES, Attribution, Lists, Scheme, group_name
from validator.model import (
    I8,
    U1,
    U4,
    Grouping,
    InputReport,
    InternetUsers,
    Prefix,
    State,
    Verdict,
)
from validator.origin_validation import Explanation, explain
from validator.slurm import Applied
from validator.tables.announced import count_exclusions, with_min_peers
from validator.tables.resources import ResourceTable
from validator.tables.rib import PeerSize
from validator.tables.routes import RouteTable
from validator.tables.vrps import VrpTable


@dataclass(frozen=True, slots=True, eq=False)
class Adjacencies:
    """The (origin, neighbour) pairs that paths show, sorted: ``origin`` i8, ``neighbour`` u4."""

    origin: I8
    neighbour: U4

    def of(self, origin: int) -> list[int]:
        """The neighbours seen before an origin, ascending."""
        start, stop = self.origin.searchsorted([origin, origin + 1])
        return [int(neighbour) for neighbour in self.neighbour[start:stop]]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """See the module. ``excluded`` says of each route why it is not counted as announced."""

    generation: int
    created: int
    """Unix seconds."""
    vrps: VrpTable
    routes: RouteTable
    excluded: U1
    exclusions: Mapping[str, int]
    min_peers: int
    peers: tuple[PeerSize, ...]
    adjacencies: Adjacencies
    sightings: Sightings
    """Which routes full-feed peers carry, as of the last survey."""
    resources: ResourceTable
    names: Mapping[int, str]
    slurm: Applied | None
    """What local exceptions did to the VRPs (RFC 8416), if there are any."""
    coverages: Mapping[tuple[str, Attribution], Coverage]
    inputs: tuple[InputReport, ...]
    sample: bool
    """Whether its networks are fictional: every face then says SAMPLE."""
    groupings: Mapping[str, Grouping] = field(default_factory=dict)
    """The schemes that files define, by identifier."""
    lists: Mapping[str, Lists] = field(default_factory=dict)
    """The same, as of the day that coverage was counted."""
    countries: Mapping[str, str] = field(default_factory=dict)
    """Names by ISO 3166-1 alpha-2 code."""
    users: Mapping[str, InternetUsers] = field(default_factory=dict)
    troubles: tuple[SourceStatus, ...] = ()
    """The inputs that were late, degraded or failed when it was made: it is degraded if any was."""

    def stale(self, vrps_only: bool = False) -> tuple[SourceStatus, ...]:
        """The inputs whose content is in use beyond its time: answers that rest on them say so.
        A validity answer rests on VRPs alone."""
        return tuple(
            each
            for each in self.troubles
            if each.stale(self.created) and (not vrps_only or each.kind in VRP_KINDS)
        )

    def explain(self, prefix: Prefix, origin: int) -> Explanation:
        return explain(prefix, origin, self.vrps)

    def group_name(self, scheme: str, group: str) -> str:
        """What a person calls a group; empty if we know no name."""
        if scheme == Scheme.ASN:
            return self.names.get(int(group[2:]), "") if group != "NONE" else "origin NONE"
        return group_name(scheme, group, self.groupings.get(scheme), self.countries)

    def namer(self, scheme: str) -> Callable[[str], str]:
        """:meth:`group_name` of the groups of one scheme."""
        return partial(self.group_name, scheme)

    def counted(self, scheme: str, attribution: Attribution, min_peers: int) -> Coverage:
        """One scheme, with the routes that so many peers see: what is known already, or counted
        anew, which takes some tenths of a second of a large table."""
        known = self.coverages.get((scheme, attribution))
        if known is not None and min_peers == self.min_peers:
            return known
        counting = Counting(
            self.routes,
            with_min_peers(self.excluded, self.routes, min_peers),
            self.resources,
            self.vrps,
            self.adjacencies,
            self.sightings,
        )
        return counting.one(scheme, attribution, self.lists.get(scheme))

    def seen_by(self, min_peers: int, pairs: Iterable[tuple[str, Attribution]]) -> Snapshot:
        """The same moment if so many peers had to see a route, with these coverages alone: for all
        that is said of one group. Takes some tenths of a second of a large table."""
        excluded = with_min_peers(self.excluded, self.routes, min_peers)
        counting = Counting(
            self.routes, excluded, self.resources, self.vrps, self.adjacencies, self.sightings
        )
        return replace(
            self,
            excluded=excluded,
            exclusions=count_exclusions(excluded),
            min_peers=min_peers,
            coverages=counting.each(list(dict.fromkeys(pairs)), self.lists),
        )

    def scheme_title(self, scheme: str) -> str:
        """What a person calls a scheme."""
        grouping = self.groupings.get(scheme)
        return grouping.title if grouping else TITLES[Scheme(scheme)]

    @property
    def schemes(self) -> dict[str, tuple[Attribution, ...]]:
        """The schemes that are counted, each with its attributions, the default first."""
        found: dict[str, tuple[Attribution, ...]] = {}
        for scheme, attribution in self.coverages:
            found[str(scheme)] = tuple(sorted((*found.get(scheme, ()), attribution)))
        return found


def state_counts(verdict: U1) -> dict[State, int]:
    """How many of some routes are in each state."""
    counts = dict.fromkeys(State, 0)
    for code in Verdict:
        counts[code.state] += int((verdict == code).sum())
    return counts
