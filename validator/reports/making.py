"""A report from a snapshot and the history: the facts that pages are made of, and where they are
from.

:class:`Evidence` has the report, for programs, and the facts of both families, for pictures and
sentences: both say the same, for the one is made of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from validator.feed import VERSION, shown
from validator.figures.coverage import SPACE_UNITS, Figures, in_units
from validator.groupings import Scheme
from validator.groups.members import members_of
from validator.model import Family, InputReport
from validator.pages import naming, sentences
from validator.pages.facts_change import ChangeFacts, change_facts
from validator.pages.facts_common import Row, Share, Sources, TrendPoint, rows_of
from validator.pages.facts_group import GroupFacts, NoSuchGroup, TargetFacts, group_facts
from validator.pages.words import Words, clean, words
from validator.pages.world_map import Shapes
from validator.reports.phrases import incomplete
from validator.reports.report import (
    FORMAT,
    FORMULAS,
    LIMITS,
    Change,
    Day,
    Doer,
    FamilyPart,
    Figure,
    Goal,
    Invalid,
    Mark,
    Mean,
    Mover,
    Rank,
    Report,
    Settings,
    Source,
    Standing,
    Subject,
    Trend,
    sealed,
)
from validator.snapshot import Snapshot
from validator.tables.announced import AnnouncedRules

Clock = Callable[[InputReport], int | None]
"""The time that the expiry of what an input holds was compared with."""
_LONGEST_NAME = 200
_LONGEST_PATH = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which group; ``compare``: another group of the scheme; ``before``: the snapshot of an
    earlier day, if it is to be told what has changed since."""

    scheme: str
    group: str
    compare: str = ""
    before: Snapshot | None = None
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """How the snapshot was made: its rules, and as of when each input was read."""

    announced: AnnouncedRules = field(default_factory=AnnouncedRules)
    as_of: Clock = lambda _: None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A report, and the facts it is made of. ``changed``: since the earlier day, of the families
    of which there is anything to tell."""

    report: Report
    facts: Mapping[Family, GroupFacts]
    compared: Mapping[Family, GroupFacts]
    changed: Mapping[Family, ChangeFacts]
    shapes: Shapes | None = None
    """Of the user's own map; None: ours."""


def in_language(made: Evidence, its: Words) -> Evidence:
    """The same, with names in a reader's language; the report for programs stays as it is."""
    return replace(
        made, facts=naming.in_language(made.facts, its),
        compared=naming.in_language(made.compared, its),
    )  # fmt: skip


def evidence(sources: Sources, asked: Asked, rules: Rules) -> Evidence:
    """The evidence of a group. Takes some ten milliseconds, on a full table about a second.

    Raises:
        NoSuchGroup: there is no such scheme, or no such group in it.
        SourceError: the history cannot be read.
    """
    facts = {family: group_facts(sources, asked.scheme, asked.group, family) for family in Family}
    facts[Family.IPV4] = _with_every_country(sources.snapshot, facts[Family.IPV4])
    beside = {}
    if asked.compare:
        if asked.compare == asked.group:
            raise NoSuchGroup(f"{asked.group[:80]!r} is to be compared with another group")
        beside = {each: group_facts(sources, asked.scheme, asked.compare, each) for each in Family}
    changed = dict(_changed(sources, asked, facts))
    report = sealed(_report(sources, asked, rules, facts, beside, changed))
    return Evidence(report, facts, beside, changed, sources.map.shapes)


def _with_every_country(snapshot: Snapshot, its: GroupFacts) -> GroupFacts:
    """A page lists the first of a group's countries; the map of a report has all of them."""
    if its.members_by != Scheme.COUNTRY or its.members_total <= len(its.members):
        return its
    members = members_of(snapshot, its.scheme, its.group, its.attribution)
    assert members is not None
    return replace(its, members=tuple(rows_of(snapshot, members.coverage, its.family)))


def _changed(
    sources: Sources, asked: Asked, facts: Mapping[Family, GroupFacts]
) -> Iterator[tuple[Family, ChangeFacts]]:
    if asked.before is None or not sources.tables:
        return
    for family, its in facts.items():
        found = change_facts(
            asked.before, sources.snapshot, asked.scheme, asked.group, its.attribution, family
        )
        if found is not None:
            yield family, found


def _report(
    sources: Sources, asked: Asked, rules: Rules, facts: Mapping[Family, GroupFacts],
    beside: Mapping[Family, GroupFacts], changed: Mapping[Family, ChangeFacts],
) -> Report:  # fmt: skip
    its = facts[Family.IPV4]
    stamp = its.stamp
    other = beside.get(Family.IPV4)
    read = tuple(_sources(sources, rules))
    return Report(
        format=FORMAT,
        version=VERSION,
        sample=stamp.sample,
        generated=stamp.generated,
        created=stamp.created,
        generation=stamp.generation,
        day=stamp.day.isoformat(),
        past=stamp.past,
        tables=sources.tables,
        subject=Subject(
            its.scheme, named(its.title), its.group, named(its.name), named(its.peers_of),
            named(its.membership), other.group if other else "", named(other.name) if other else "",
            asked.since.isoformat() if asked.since else "",
        ),
        headline=tuple(headline(words("en"), facts)),
        figures=tuple(_figures(facts)),
        compared=tuple(_figures(beside)),
        ranks=tuple(Rank(f.label, *each.places[f]) for f, each in facts.items()),
        averages=tuple(
            Mean(family.label, a.pooled, a.median_country, a.people_weighted, a.countries,
                 a.weighed)
            for family, a in its.averages.items()
        ),
        peers=tuple(_standings(facts)),
        families=tuple(_family(sources, each) for each in facts.values()),
        trend=tuple(
            Trend(family.label, tuple(_day(each) for each in points))
            for family, points in its.trend.points.items()
        ),
        milestones=tuple(
            Mark(each.day.isoformat(), named(each.name), named(each.source))
            for each in its.trend.milestones
        ),
        targets=tuple(_goal(family, t) for family, each in facts.items() for t in each.targets),
        changes=tuple(_change(family, each) for family, each in changed.items()),
        formulas=FORMULAS,
        sources=read,
        settings=_settings(sources, its, rules.announced),
        limits=LIMITS,
        degraded=tuple(named(each) for each in stamp.degraded),
        troubles=(*map(named, stamp.troubles), *map(named, incomplete(words("en"), read))),
    )  # fmt: skip


def headline(its: Words, facts: Mapping[Family, GroupFacts]) -> list[str]:
    """The first sentence and those after it: IPv4 in full, and where IPv6 stands. Empty if an input
    is beyond its time."""
    said = [sentences.group(its, facts[family]) for family in (Family.IPV4, Family.IPV6)]
    return [*said[0], *said[1][:1]]


def named(text: str) -> str:
    """A stranger's text as a report has it: one line, no controls, not too long."""
    return clean(text, _LONGEST_NAME)


def _path(source: str) -> str:
    """An input's name, without passwords: a file may be called anything."""
    return clean(shown(source), _LONGEST_PATH)


def _figures(facts: Mapping[Family, GroupFacts]) -> Iterator[Figure]:
    for family, each in facts.items():
        row = each.rows[family]
        yield from _shares(row, family)
        if (held := each.holdings.get(family)) is not None:
            part, whole = in_units(held.part, family), in_units(held.whole, family)
            yield Figure("holdings_coverage", family.label, SPACE_UNITS[family], part, whole,
                         held.value)  # fmt: skip
    networks = next(iter(facts.values())).networks if facts else None
    if networks is not None:
        yield _share("ipv6_networks", Family.IPV6, "networks", networks)


def _shares(row: Row, family: Family) -> Iterator[Figure]:
    its: Figures = row.figures
    covered = its.valid + its.invalid
    routes = (
        ("valid_share", its.valid, its.announced),
        ("invalid_share", its.invalid, its.announced),
        ("not_found_share", its.not_found, its.announced),
        ("coverage", covered, its.announced),
        ("accuracy", its.valid, covered),
    )
    for name, part, whole in routes:
        yield _share(name, family, "routes", Share(part, whole))
    spaces = (
        ("space_valid_share", its.valid_space, its.space_valid_share),
        ("space_coverage", its.covered_space, its.space_coverage),
    )
    for name, part, value in spaces:
        announced = in_units(its.announced_space, family)
        yield Figure(name, family.label, row.unit, in_units(part, family), announced, value)


def _share(name: str, family: Family, unit: str, share: Share) -> Figure:
    return Figure(name, family.label, unit, share.part, share.whole, share.value)


def _standings(facts: Mapping[Family, GroupFacts]) -> Iterator[Standing]:
    for family, each in facts.items():
        rows = [*([each.parent] if each.parent else []), *each.peers]
        for row in rows:
            its = row.figures
            yield Standing(
                row.scheme, row.group, named(row.name), family.label, its.valid, its.announced,
                its.valid_share, (row.scheme, row.group) == (each.scheme, each.group),
            )  # fmt: skip


def _family(sources: Sources, its: GroupFacts) -> FamilyPart:
    coverage = sources.snapshot.coverages[its.scheme, its.attribution]
    number, plan = coverage.index(its.group), its.plan
    assert number is not None
    return FamilyPart(
        its.family.label,
        coverage.left_out(number, its.family),
        tuple(
            Invalid(each.prefix, each.asn, named(each.name), each.reason, each.peers)
            for each in its.invalids
        ),
        its.invalids_total,
        plan.missing if plan else None,
        plan.able if plan else None,
        plan.half if plan else None,
        plan.everybody if plan else None,
        tuple(
            Doer(each.asn, named(each.name), each.country, each.gain, each.points, each.same,
                 each.different, each.unknown, each.after)
            for each in (plan.doers if plan else ())
        ),
    )  # fmt: skip


def _day(point: TrendPoint) -> Day:
    return Day(point.day.isoformat(), point.part, point.whole, point.share, point.degraded)


def _goal(family: Family, its: TargetFacts) -> Goal:
    target, progress = its.target, its.progress
    return Goal(
        family.label, named(target.name), target.value, target.year, progress.outlook.value,
        progress.needed, progress.pace,
    )  # fmt: skip


def _change(family: Family, its: ChangeFacts) -> Change:
    first, last = (
        Day(day.isoformat(), share.part, share.whole, share.value, not its.sound)
        for day, share in ((its.first, its.before), (its.last, its.after))
    )
    movers = tuple(
        Mover(each.who, named(each.name), each.cause, each.routes, each.points)
        for each in its.movers
    )
    return Change(family.label, first, last, its.points, movers, its.causes)


def _sources(sources: Sources, rules: Rules) -> Iterator[Source]:
    if sources.record is not None:
        for kept in sources.record.inputs:
            yield Source(kept.kind, _path(kept.source), kept.sha256, kept.rows, {}, False,
                         kept.built, None)  # fmt: skip
        return
    for each in sources.snapshot.inputs:
        yield Source(
            each.kind, _path(each.source), each.sha256, each.rows, dict(each.rejected),
            each.truncated, each.built, rules.as_of(each),
        )  # fmt: skip


def _settings(sources: Sources, its: GroupFacts, rules: AnnouncedRules) -> Settings:
    shapes = sources.map.shapes
    return Settings(
        its.attribution.value,
        rules.min_peers,
        sources.snapshot.min_peers,
        rules.longest_ipv4,
        rules.longest_ipv6,
        tuple(map(str, rules.special_prefixes)),
        tuple(f"{a}-{b}" if a != b else str(a) for a, b in rules.special_asns),
        shapes.about["sha256"] if shapes else "",
    )
