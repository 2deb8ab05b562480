"""Facts as pictures: which chart shows what, with its title and its text in words.

Each :class:`Picture` has the drawing, the table of the same numbers, where the numbers can be had
as files, and where it is told how they are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from validator.model import Family
from validator.pages import charts
from validator.pages.charts import Formats, Look, Table, Texts
from validator.pages.facts_common import FAMILY_NAMES, Row, Trend
from validator.pages.facts_group import TargetFacts
from validator.pages.facts_overview import OverviewFacts
from validator.pages.facts_plan import PlanFacts
from validator.pages.words import Words, clean
from validator.pages.world_map import Area, WorldMap, map_figure, map_table

MOST_ROWS = 40
RECENT = 12


@dataclass(frozen=True, slots=True)
class Picture:
    """``html`` is safe as it is. ``computed`` is an anchor of the page of definitions; ``csv`` and
    ``json`` are paths, empty if there are none."""

    key: str
    title: str
    html: str
    table: Table
    computed: str
    csv: str = ""
    json: str = ""
    note: str = ""


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
    data = WorldMap(title, text, title, areas)
    look = draw.look("map")
    return Picture("map", title, map_figure(data, look), map_table(data, look),
                   "coverage-of-a-group", f"{sources}&format=csv", sources)  # fmt: skip


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
    html = charts.both(lambda each: charts.ranking(data, each), look)
    return Picture(key, title, html, charts.ranking_table(data, look), "coverage-of-a-group",
                   f"{api}&format=csv", api)  # fmt: skip


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
    html = charts.both(lambda each: charts.divide(data, each), look)
    return Picture("divide", title, html, charts.divide_table(data, look),
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
    series = tuple(
        charts.Series(
            FAMILY_NAMES[each],
            tuple(
                charts.Point(p.day, p.share, p.part, p.whole, p.degraded)
                for p in points
            ),
        )
        for each, points in trend.points.items()
    )  # fmt: skip
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
        tuple(charts.MilestoneMark(each.day, clean(each.name)) for each in trend.milestones),
        mark,
        ahead,
    )
    look = draw.look("trend")
    html = charts.both(lambda each: charts.trend(data, each), look)
    recent = charts.Trend(
        title, "", tuple(charts.Series(s.name, s.points[-RECENT:], s.colour) for s in series)
    )
    note = say("The last days that are drawn; the files have all of them.") if api else ""
    return Picture("trend", title, html, charts.trend_table(recent, look), "coverage-of-a-group",
                   f"{api}&format=csv" if api else "", api, note)  # fmt: skip


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
    html = charts.both(lambda each: charts.step_curve(data, each), look)
    return Picture("steps", title, html, charts.step_table(data, look), "the-plan-of-a-group",
                   f"{api}&format=csv" if api else "", api)  # fmt: skip


def waterfall_of(
    draw: Drawing, title: str, then: tuple[date, float], now: tuple[date, float],
    causes: Sequence[tuple[str, float]], computed: str, api: str = "",
) -> Picture:  # fmt: skip
    """A change from then to now; ``causes`` in percentage points."""
    its = draw.words
    data = charts.Waterfall(
        title, its.say("What raised the share and what lowered it, the largest first."),
        then[1], now[1], its.short_day(then[0]), its.short_day(now[0]),
        tuple(charts.Cause(clean(name), points / 100) for name, points in causes),
    )  # fmt: skip
    look = draw.look("change")
    html = charts.both(lambda each: charts.waterfall(data, each), look)
    return Picture("change", title, html, charts.waterfall_table(data, look), computed,
                   f"{api}&format=csv" if api else "", api)  # fmt: skip


def composition_of(draw: Drawing, rows: dict[Family, Row]) -> Picture:
    """Of what each family's routes and space are made."""
    its = draw.words
    names = its.say("valid"), its.say("invalid"), its.say("not-found")
    stacks = []
    for family, row in rows.items():
        figures, called = row.figures, FAMILY_NAMES[family]
        whole = its.count_of("%(n)s route", "%(n)s routes", figures.announced)
        stacks.append(_stack(its.say("%(family)s routes", family=called), whole, names,
                             (figures.valid, figures.invalid, figures.not_found),
                             figures.announced))  # fmt: skip
    title = its.say("What is announced: valid, invalid, and without a ROA")
    data = charts.Composition(
        title, its.say("One bar for each family of addresses."), tuple(stacks)
    )
    look = draw.look("parts")
    html = charts.both(lambda each: charts.composition(data, each), look)
    return Picture("parts", title, html, charts.composition_table(data, look),
                   "the-validation-state-of-a-route")  # fmt: skip


def _stack(
    name: str, whole: str, names: Sequence[str], counts: Sequence[int], total: int
) -> charts.Stack:
    states = "valid", "invalid", "not-found"
    parts = (
        charts.Part(its, state, charts.Share(n / total if total else None, n, total))
        for its, state, n in zip(names, states, counts, strict=True)
    )
    return charts.Stack(name, whole, tuple(parts))
