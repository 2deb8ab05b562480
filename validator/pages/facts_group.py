"""A country, a region or a class: what its page says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from validator.figures.coverage import Coverage, Order
from validator.groupings import Attribution, Scheme, attribution_of
from validator.groups.averages import Averages, averages
from validator.groups.members import GroupMembers, Place, Ranked, members_of, place_of
from validator.history.figures import Series
from validator.history.records import NoSuchDay
from validator.model import Family, Members, Verdict, format_asn
from validator.pages.facts_common import (
    Row,
    Share,
    Sources,
    Stamp,
    Trend,
    announcing,
    region_of,
    row_of,
    rows_of,
    stamp,
    trend_of,
    with_before,
)
from validator.pages.facts_plan import PlanFacts, plan_of
from validator.planning.rows import Chosen, Question
from validator.planning.rows import rows_of as rows_in_question
from validator.snapshot import Snapshot
from validator.targets import progress as working
from validator.targets.progress import Ahead, Observation, Progress, TargetSettings

MOST_MEMBERS = 60
MOST_INVALIDS = 20
MOST_PEERS = 40
_WINDOW_YEARS = working.USUAL_WINDOW


class NoSuchGroup(LookupError):  # noqa: N818 - named for what it tells the caller
    """There is no such scheme or group. Says what there is."""


class Invalid(NamedTuple):
    """An invalid route that is counted."""

    prefix: str
    asn: str
    name: str
    reason: str
    peers: int


class Belongs(NamedTuple):
    """A group that a country is a member of."""

    scheme: str
    title: str
    group: str
    name: str


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """A target, how the group stands to it, and the projection, a straight line."""

    target: TargetSettings
    progress: Progress
    ahead: tuple[Ahead, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """All about one group. ``rows`` by family; ``parent`` is the region that a country is compared
    with, ``peers`` the groups it stands among, by valid share, its own row included."""

    stamp: Stamp
    scheme: str
    title: str
    group: str
    name: str
    attribution: Attribution
    family: Family
    membership: str
    rows: dict[Family, Row]
    places: dict[Family, Place]
    parent: Row | None
    peers_of: str
    peers: tuple[Row, ...]
    averages: dict[Family, Averages]
    holdings: dict[Family, Share]
    networks: Share | None
    """Networks that announce IPv6, of those that announce anything."""
    belongs: tuple[Belongs, ...]
    members_by: str
    members: tuple[Row, ...]
    members_total: int
    listed: tuple[str, ...]
    members_before: date | None
    invalids: tuple[Invalid, ...]
    invalids_total: int
    plan: PlanFacts | None
    trend: Trend
    targets: tuple[TargetFacts, ...]

    @property
    def label(self) -> str:
        return self.name or self.group

    @property
    def row(self) -> Row:
        """In the family that the page is about."""
        return self.rows[self.family]

    @property
    def before(self) -> Share | None:
        then = self.trend.before.get(self.family)
        return Share(then.part, then.whole) if then and not then.degraded else None


def coverage_of(snapshot: Snapshot, scheme: str, group: str) -> tuple[Coverage, int]:
    """A scheme as it is counted when nobody says how, and the number of a group in it.

    Raises:
        NoSuchGroup: there is no such scheme, or no such group in it.
    """
    if scheme not in snapshot.schemes:
        raise NoSuchGroup(f"there is no scheme {scheme[:80]!r}")
    by = attribution_of(scheme, None, snapshot.groupings.get(scheme))
    coverage = snapshot.coverages[scheme, by]
    number = coverage.index(group)
    if number is None:
        raise NoSuchGroup(f"{snapshot.scheme_title(scheme)} has no group {group[:80]!r}")
    return coverage, number


def group_facts(sources: Sources, scheme: str, group: str, family: Family) -> GroupFacts:
    """The facts of a group. Takes some ten milliseconds, on a full table a few hundred.

    Raises:
        NoSuchGroup: there is no such scheme, or no such group in it.
        SourceError: the history cannot be read.
    """
    snapshot = sources.snapshot
    coverage, number = coverage_of(snapshot, scheme, group)
    by = coverage.attribution
    grouping = snapshot.groupings.get(scheme)
    rows = {each: row_of(snapshot, coverage, number, each) for each in Family}
    parent, peers_of, peers = _surroundings(snapshot, scheme, group, by, family)
    members = members_of(snapshot, scheme, group, by)
    shown, then = _members(sources, members, by, family)
    question = Question(scheme, group, by, family)
    chosen = rows_in_question(snapshot, question) if sources.tables else None
    invalids, invalids_total = _invalids(snapshot, chosen) if chosen else ((), 0)
    wider = coverage.wider
    networks = wider.network_figures(number) if wider else None
    holdings = coverage.holdings or {}
    return GroupFacts(
        stamp=stamp(sources),
        scheme=scheme,
        title=snapshot.scheme_title(scheme),
        group=group,
        name=snapshot.group_name(scheme, group),
        attribution=by,
        family=family,
        membership=f"{grouping.origin}, as of {grouping.dated}" if grouping else "",
        rows=rows,
        places={
            each: place_of(coverage, number, each, Ranked.VALID_SHARE) for each in Family
        },
        parent=parent,
        peers_of=peers_of,
        peers=tuple(peers),
        averages={
            each: found["valid_share"]
            for each in Family
            if (found := averages(snapshot, scheme, group, by, each))
        },
        holdings={
            each: Share(int(held[number, 1]), int(held[number, 0]))
            for each, held in holdings.items()
        },
        networks=Share(networks.ipv6, networks.networks) if networks else None,
        belongs=_belongs(snapshot, group) if scheme == Scheme.COUNTRY else (),
        members_by=members.scheme if members else "",
        members=tuple(shown),
        members_total=announcing(members.coverage, family) if members else 0,
        listed=tuple(members.listed[:MOST_MEMBERS]) if members else (),
        members_before=then,
        invalids=invalids,
        invalids_total=invalids_total,
        plan=plan_of(snapshot, question, chosen) if chosen else None,
        trend=trend_of(sources, scheme, (group,), by),
        targets=_targets(sources, scheme, group, by, family),
    )  # fmt: skip


def _members(
    sources: Sources, members: GroupMembers | None, by: Attribution, family: Family
) -> tuple[list[Row], date | None]:
    """The largest members; of countries also what they were about a year before, and that day."""
    if members is None:
        return [], None
    rows = rows_of(sources.snapshot, members.coverage, family, Order.SPACE, MOST_MEMBERS)
    return with_before(sources, rows, by) if members.scheme == Scheme.COUNTRY else (rows, None)


def _surroundings(
    snapshot: Snapshot, scheme: str, group: str, by: Attribution, family: Family
) -> tuple[Row | None, str, list[Row]]:
    """What a group is compared with, what the groups beside it are called, and these groups."""
    coverage = snapshot.coverages[scheme, by]
    if scheme != Scheme.COUNTRY:
        beside = rows_of(snapshot, coverage, family, Order.VALID_SHARE, MOST_PEERS)
        return None, snapshot.scheme_title(scheme), beside
    its_scheme, region, name = region_of(snapshot)(group)
    if not its_scheme:
        return None, "", []
    whole = snapshot.coverages.get((its_scheme, by))
    at = whole.index(region) if whole else None
    parent = row_of(snapshot, whole, at, family) if whole and at is not None else None
    members = members_of(snapshot, its_scheme, region, by)
    beside = rows_of(snapshot, members.coverage, family, Order.VALID_SHARE) if members else []
    return parent, name, beside[:MOST_PEERS]


def _belongs(snapshot: Snapshot, country: str) -> tuple[Belongs, ...]:
    return tuple(
        Belongs(scheme, snapshot.scheme_title(scheme), group, snapshot.group_name(scheme, group))
        for scheme, lists in snapshot.lists.items()
        if lists.members is Members.COUNTRIES and (group := lists.of.get(country)) is not None
    )


def _invalids(snapshot: Snapshot, chosen: Chosen) -> tuple[tuple[Invalid, ...], int]:
    """Those that most peers see, and how many there are."""
    routes = snapshot.routes
    rows = chosen.rows[chosen.mine > 0]
    bad = (routes.verdict[rows] != Verdict.VALID) & (routes.verdict[rows] != Verdict.NOT_FOUND)
    rows = rows[bad]
    order = np.argsort(-routes.peers[rows].astype("i8"), kind="stable")[:MOST_INVALIDS]
    found = []
    for row in rows[order].tolist():
        route = routes[row]
        asn = format_asn(route.origin)
        name = snapshot.group_name(Scheme.ASN, asn)
        found.append(Invalid(str(route.prefix), asn, name, route.verdict.reason or "", route.peers))
    return tuple(found), len(rows)


def _targets(
    sources: Sources, scheme: str, group: str, by: Attribution, family: Family
) -> tuple[TargetFacts, ...]:
    """The group's targets for the valid share of its routes in a family."""
    wanted = [
        each
        for each in working.of_group(sources.targets, scheme, group, family.label)
        if each.figure == "valid_share" and each.attribution in (None, by.value)
    ]
    if not wanted or sources.reader is None:
        return ()
    try:
        series = sources.reader.series(scheme, by, group, family, last=sources.day)
    except NoSuchDay:
        return ()
    days = working.latest(_observed(series), _WINDOW_YEARS)
    found = []
    for each in wanted:
        progress = working.progress(days, each.value, each.day)
        line = progress.line
        found.append(
            TargetFacts(each, progress, tuple(working.ahead(line, each.day)) if line else ())
        )
    return tuple(found)


def _observed(series: Series) -> list[Observation]:
    found = []
    for point in series.points:
        part, whole = point.parts("valid_share") or (None, None)
        if part is not None and whole is not None:
            found.append(Observation(point.day, part, whole, series.records[point.day].degraded))
    return found
