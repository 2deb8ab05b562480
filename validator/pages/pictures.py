"""Facts as pictures: which chart shows what, with its title and its text in words.

Each :class:`Picture` has the drawing, the table of the same numbers, where both can be had as
files, and where it is told how they are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from validator.figures.coverage import in_units, share
from validator.model import Family
from validator.pages import charts
from validator.pages.charts import Formats, Look, Table, Texts
from validator.pages.facts_common import FAMILY_NAMES, Row, Trend, TrendPoint
from validator.pages.facts_group import TargetFacts
from validator.pages.facts_overview import OverviewFacts
from validator.pages.facts_plan import PlanFacts
from validator.pages.words import Words, clean
from validator.pages.world_map import Area, WorldMap, map_figure, map_file, map_table

MOST_ROWS = 40
RECENT = 12


@dataclass(frozen=True, slots=True)
class Picture:
    """``html`` is safe as it is. ``computed`` is an anchor of the page of definitions; ``csv``,
    ``json`` and ``svg`` are paths, empty if there are none. ``paint`` draws it anew, at any width
    (:mod:`validator.pages.picture_files`); None if that is of no use."""

    key: str
    title: str
    html: str
    table: Table
    computed: str
    csv: str = ""
    json: str = ""
    note: str = ""
    svg: str = ""
    paint: Callable[[Look], str] | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """What pictures are drawn with: the language, whether the data are a sample, and how a link to
    a page of ours is made."""

    words: Words
    sample: bool
    link: Callable[[str], str]

    def look(self, key: str) -> Look:
        its = self.words
        formats = Formats(
            share=its.percent,
            mark=its.whole_percent,
            points=lambda share: its.points(100 * share),
            number=its.count,
            day=its.short_day,
        )
        texts = Texts().translated(its.translations.gettext)
        return Look(prefix=key, sample=self.sample, texts=texts, formats=formats)


def painted(
    paint: Callable[[Look], str], look: Look, title: str, table: Table, computed: str,
    api: str = "", note: str = "",
) -> Picture:  # fmt: skip
    """A picture in both widths of a page. ``api``: a path with a query; it has CSV too."""
    csv = f"{api}&format=csv" if api else ""
    html = charts.both(paint, look)
    return Picture(look.prefix, title, html, table, computed, csv, api, note, paint=paint)


def share_of(row: Row) -> charts.Share:
    return charts.Share(row.figures.valid_share, row.figures.valid, row.figures.announced)


def path_of(row: Row) -> str:
    """Where a group's page is."""
    return group_path(row.scheme, row.group)


def group_path(scheme: str, group: str) -> str:
    if scheme == "country":
        return f"/country/{group}"
    if scheme == "asn":
        return f"/asn/{group}"
    return f"/region/{scheme}/{group}"


def map_of(draw: Drawing, facts: OverviewFacts, sources: str) -> Picture:
    say = draw.words.say
    family = FAMILY_NAMES[facts.family]
    title = say("Valid share of announced %(family)s routes, by country", family=family)
    text = say("World map; a table with the same numbers follows. Darker is more.")
    areas = tuple(
        Area(row.group, clean(row.label), share_of(row), draw.link(path_of(row)))
        for row in facts.countries
    )
    data = WorldMap(title, text, title, areas, shapes=facts.shapes)
    look = draw.look("map")
    return Picture("map", title, map_figure(data, look), map_table(data, look),
                   "coverage-of-a-group", f"{sources}&format=csv", sources,
                   paint=partial(map_file, data))  # fmt: skip


def ranking_of(
    draw: Drawing, key: str, title: str, rows: Iterable[Row], api: str, own: str = "",
    reference: Row | None = None,
) -> Picture:  # fmt: skip
    """Groups of one scheme by valid share."""
    bars = tuple(
        charts.Bar(clean(row.label), share_of(row), draw.link(path_of(row)), row.group == own)
        for row in list(rows)[:MOST_ROWS]
    )
    value = reference.figures.valid_share if reference else None
    beside = (clean(reference.label), value) if reference and value is not None else None
    data = charts.Ranking(title, draw.words.say("Bars, the highest first."), bars, beside)
    look = draw.look(key)
    return painted(partial(charts.ranking, data), look, title, charts.ranking_table(data, look),
                    "coverage-of-a-group", api)  # fmt: skip


def divide_of(draw: Drawing, facts: OverviewFacts) -> Picture:
    say = draw.words.say
    title = say("The divide between classes of countries (%(family)s)",
                family=FAMILY_NAMES[facts.family])  # fmt: skip
    rows = tuple(
        charts.DivideRow(
            clean(each.row.label),
            share_of(each.row),
            charts.Share(each.averages.median_country),
            charts.Share(each.averages.people_weighted),
            draw.link(path_of(each.row)),
        )
        for each in facts.classes
    )
    text = say("Of each class three averages: pooled, the median country, weighted by people.")
    data = charts.Divide(title, text, rows)
    look = draw.look("divide")
    return painted(partial(charts.divide, data), look, title, charts.divide_table(data, look),
                    "three-averages-of-a-class")  # fmt: skip


def trend_picture(
    draw: Drawing, trend: Trend, api: str, target: TargetFacts | None = None,
    family: Family = Family.IPV4,
) -> Picture | None:  # fmt: skip
    """A line a family, with milestones, and the target of the page's family; None without days."""
    if trend.days < 2:
        return None
    say = draw.words.say
    title = say("Valid share of announced routes, from %(first)s to %(last)s",
                first=draw.words.day(trend.first), last=draw.words.day(trend.last))  # fmt: skip
    series = tuple(_line(FAMILY_NAMES[each], points) for each, points in trend.points.items())
    places = list(trend.points)
    ahead: tuple[charts.ProjectionBand, ...] = ()
    mark = None
    if target is not None and family in places:
        mark = charts.TargetMark(target.target.value, target.target.year)
        points = tuple((a.day, a.low, a.value, a.high) for a in target.ahead)
        ahead = (charts.ProjectionBand(places.index(family), points),) if points else ()
    data = charts.Trend(
        title,
        say("A line for each family of addresses, with milestones."),
        series,
        _marks(trend),
        mark,
        ahead,
    )
    return _trend(draw, data, "trend", api)


def lines_of(
    draw: Drawing, key: str, groups: Sequence[tuple[str, Trend]], family: Family, api: str = ""
) -> Picture | None:
    """A line for each group, by its label, in one family; None if none has days."""
    say = draw.words.say
    series = tuple(
        _line(clean(label), points)
        for label, trend in groups
        if len(points := trend.points.get(family, ())) > 1
    )
    if not series:
        return None
    title = say("Valid share of announced %(family)s routes over time",
                family=FAMILY_NAMES[family])  # fmt: skip
    about = say("A line for each group, with milestones.")
    return _trend(draw, charts.Trend(title, about, series, _marks(groups[0][1])), key, api)


def _line(name: str, points: Sequence[TrendPoint]) -> charts.Series:
    every = (charts.Point(p.day, p.share, p.part, p.whole, p.degraded) for p in points)
    return charts.Series(name, tuple(every))


def _marks(trend: Trend) -> tuple[charts.MilestoneMark, ...]:
    return tuple(charts.MilestoneMark(each.day, clean(each.name)) for each in trend.milestones)


def _trend(draw: Drawing, data: charts.Trend, key: str, api: str) -> Picture:
    """With the table of its last days."""
    look = draw.look(key)
    last = tuple(charts.Series(s.name, s.points[-RECENT:], s.colour) for s in data.series)
    recent = charts.Trend(data.title, "", last)
    note = draw.words.say("The last days that are drawn; the files have all of them.")
    return painted(partial(charts.trend, data), look, data.title,
                   charts.trend_table(recent, look), "coverage-of-a-group", api,
                   note if api else "")  # fmt: skip


def steps_of(draw: Drawing, plan: PlanFacts, api: str, goal: Row | None = None) -> Picture | None:
    """Who could raise it, network by network."""
    if not plan.doers or plan.now is None:
        return None
    say = draw.words.say
    title = say("Who could raise it: the valid share if each of these networks signed")
    steps = tuple(
        charts.Step(clean(f"{each.asn} {each.name}"), each.points / 100, each.gain)
        for each in plan.doers
    )
    value = goal.figures.valid_share if goal else None
    beside = (clean(goal.label), value) if goal and value is not None else None
    data = charts.StepCurve(
        title, say("One step a network, the largest first."), plan.now, steps, beside
    )
    look = draw.look("steps")
    return painted(partial(charts.step_curve, data), look, title, charts.step_table(data, look),
                    "the-plan-of-a-group", api)  # fmt: skip


def waterfall_of(
    draw: Drawing, title: str, then: tuple[date, float], now: tuple[date, float],
    causes: Sequence[tuple[str, float]], computed: str, api: str = "", key: str = "change",
) -> Picture:  # fmt: skip
    """A change from then to now; ``causes`` in percentage points."""
    its = draw.words
    data = charts.Waterfall(
        title, its.say("What raised the share and what lowered it, the largest first."),
        then[1], now[1], its.short_day(then[0]), its.short_day(now[0]),
        tuple(charts.Cause(clean(name), points / 100) for name, points in causes),
    )  # fmt: skip
    look = draw.look(key)
    return painted(partial(charts.waterfall, data), look, title,
                    charts.waterfall_table(data, look), computed, api)  # fmt: skip


def composition_of(draw: Drawing, rows: dict[Family, Row]) -> Picture:
    """Of what each family's routes and space are made."""
    its = draw.words
    stacks = []
    for family, row in rows.items():
        figures, called = row.figures, FAMILY_NAMES[family]
        whole = its.count_of("%(n)s route", "%(n)s routes", figures.announced)
        parts = figures.valid, figures.invalid, figures.not_found
        name = its.say("%(family)s routes", family=called)
        stacks.append(_stack(its, name, whole, parts, figures.announced))
        if figures.announced_space:
            stacks.append(_space(its, row))
    title = its.say("What is announced: valid, invalid, and without a ROA")
    note = its.say(
        "Space: each address counts once. If a valid route covers it, it is valid; "
        "else if an invalid one does, invalid; else not-found."
    )
    text = its.say("For each family of addresses a bar of its routes, and one of its space.")
    spaces = len(stacks) > len(rows)
    data = charts.Composition(title, text, tuple(stacks), note if spaces else "")
    look = draw.look("parts")
    return painted(partial(charts.composition, data), look, title,
                    charts.composition_table(data, look),
                    "coverage-of-a-group")  # fmt: skip


def _space(its: Words, row: Row) -> charts.Stack:
    """Announced space in parts that add up. Valid, invalid and not-found space may overlap; but
    covered space is what valid or invalid routes announce: less what is valid, it is what invalid
    routes announce and no valid one. What is not covered only not-found routes announce."""
    figures, family = row.figures, row.family
    valid, covered, total = figures.valid_space, figures.covered_space, figures.announced_space
    if family is Family.IPV4:
        whole = its.count_of("%(n)s address", "%(n)s addresses", total)
    else:
        whole = its.say("%(n)s /48s", n=its.count(in_units(total, family)))
    name = its.say("%(family)s space", family=FAMILY_NAMES[family])
    return _stack(its, name, whole, (valid, covered - valid, total - covered), total,
                  lambda space: in_units(space, family))  # fmt: skip


def _stack(
    its: Words, name: str, whole: str, counts: Sequence[int], total: int,
    shown: Callable[[int], float] = int,
) -> charts.Stack:  # fmt: skip
    states = {
        "valid": its.say("valid"),
        "invalid": its.say("invalid"),
        "not-found": its.say("not-found"),
    }
    parts = (
        charts.Part(called, state, charts.Share(share(n, total), shown(n), shown(total)))
        for (state, called), n in zip(states.items(), counts, strict=True)
    )
    return charts.Stack(name, whole, tuple(parts))
