"""The pictures of a report: those of the pages, without links, and with no more bars than a page of
paper holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from validator.groupings import Scheme
from validator.model import Family
from validator.pages import charts
from validator.pages import pictures as draw_
from validator.pages.facts_common import FAMILY_NAMES, Row, TrendPoint
from validator.pages.facts_group import GroupFacts
from validator.pages.phrases import causes
from validator.pages.pictures import Drawing, Picture, share_of
from validator.pages.words import Words, clean
from validator.pages.world_map import Area, Shapes, WorldMap, map_figure, map_table
from validator.reports.making import Evidence

MOST_BARS = 14
MOST_YEARS = 8
_FIRST, _LAST = 4, 3


def pictures_of(made: Evidence, its: Words) -> dict[str, Picture | None]:
    """By what they are called in the template; None where there is nothing to draw."""
    facts = made.facts[Family.IPV4]
    draw = Drawing(its, facts.stamp.sample, lambda _: "")
    target = facts.targets[0] if facts.targets else None
    peers = fewer(facts.peers, facts.group)
    title = its.say("Valid share beside the others: %(name)s", name=clean(facts.peers_of))
    return {
        "parts": draw_.composition_of(draw, facts.rows),
        "map": _map(draw, facts, made.shapes),
        "peers": draw_.ranking_of(draw, "ranking", title, peers, "", facts.group, facts.parent)
        if len(peers) > 1 and facts.group in [row.group for row in peers] else None,
        "trend": draw_.trend_picture(draw, facts.trend, "", target, Family.IPV4),
        "steps": draw_.steps_of(draw, facts.plan, "", facts.parent) if facts.plan else None,
    }  # fmt: skip


def fewer(peers: Sequence[Row], group: str) -> list[Row]:
    """The first, the last, and those next to a group; all of them if they are few."""
    rows = list(peers)
    if len(rows) <= MOST_BARS:
        return rows
    at = next((number for number, row in enumerate(rows) if row.group == group), 0)
    beside = MOST_BARS - _FIRST - _LAST
    start = min(max(at - beside // 2, _FIRST), len(rows) - _LAST - beside)
    return [*rows[:_FIRST], *rows[start : start + beside], *rows[-_LAST:]]


def _map(draw: Drawing, facts: GroupFacts, shapes: Shapes | None) -> Picture | None:
    """A country among those of its region; the countries of a class on the world's map."""
    country = facts.scheme == Scheme.COUNTRY
    rows = facts.peers if country else facts.members
    if not rows or rows[0].scheme != Scheme.COUNTRY:
        return None
    say = draw.words.say
    family = FAMILY_NAMES[facts.family]
    figure = say("Valid share of announced %(family)s routes, by country", family=family)
    about = clean(facts.peers_of if country else facts.label)
    areas = tuple(
        Area(row.group, clean(row.label), share_of(row), "", country and row.group == facts.group)
        for row in rows
    )
    data = WorldMap(
        f"{figure}: {about}", say("Map; a table with the same numbers follows. Darker is more."),
        figure, areas, shapes=shapes, focus=tuple(row.group for row in rows) if country else (),
    )  # fmt: skip
    look = draw.look("map")
    drawn = map_figure(data, look)
    note = say("Countries that are not of this group, or announce nothing, are hatched.")
    return Picture("map", data.title, drawn, map_table(data, look), "coverage-of-a-group",
                   note=note)  # fmt: skip


def compared_of(made: Evidence, its: Words) -> dict[Family, list[Picture]]:
    """The two groups side by side, and both over time, by family; in half a page's width."""
    if not made.compared:
        return {}
    draw = Drawing(its, made.report.sample, lambda _: "")
    sides = made.facts[Family.IPV4], made.compared[Family.IPV4]
    found = {}
    for family, name in FAMILY_NAMES.items():
        rows = [each.rows[family] for each in sides]
        if not any(row.figures.announced for row in rows):
            continue
        title = its.say("Valid share of announced %(family)s routes, side by side", family=name)
        lines = [(each.label, each.trend) for each in sides]
        key = f"beside-{family.label}"
        drawn = [draw_.ranking_of(draw, key, title, rows, "", sides[0].group),
                 draw_.lines_of(draw, f"lines-{family.label}", lines, family)]  # fmt: skip
        found[family] = [_half(draw, each) for each in drawn if each]
    return found


def _half(draw: Drawing, its: Picture) -> Picture:
    """A picture in half a page's width: the narrow drawing alone."""
    assert its.paint is not None
    return replace(its, html=its.paint(replace(draw.look(its.key), width=charts.NARROW)))


def yearly_compared(made: Evidence, its: Words) -> Picture | None:
    """Both groups in numbers, both families in a row; None without a history."""
    if not made.compared:
        return None
    lines = {
        f"{clean(side.label, 40)}, {FAMILY_NAMES[family]}": points
        for side in (made.facts[Family.IPV4], made.compared[Family.IPV4])
        for family, points in side.trend.points.items()
    }
    said = _of_years(its)
    return Picture("years-compared", said, "", _years(lines, its), "", note=said) if lines else None


def yearly(made: Evidence, its: Words) -> Picture:
    """The trend in numbers: the last drawn day of each year, both families in a row."""
    lines = {FAMILY_NAMES[each]: p for each, p in made.facts[Family.IPV4].trend.points.items()}
    said = _of_years(its)
    return Picture("years", said, "", _years(lines, its), "", note=said)


def _of_years(its: Words) -> str:
    return its.say("The last day of each year that is drawn; the files have all of these days")


def _years(lines: Mapping[str, Sequence[TrendPoint]], its: Words) -> charts.Table:
    """The last drawn day of each year: of each line the share, and what it is made of."""
    head = [its.say("Day")]
    nothing = charts.Cell("", "")
    rows: dict[int, list[charts.Cell]] = {}
    for number, (name, points) in enumerate(lines.items()):
        head += [name, its.say("Valid / announced")]
        for year, point in {each.day.year: each for each in points}.items():
            row = rows.setdefault(year, [charts.Cell(its.short_day(point.day), str(point.day))])
            row += [nothing] * (2 * number + 1 - len(row))
            counts = f"{its.count(point.part)} / {its.count(point.whole)}"
            if point.degraded:
                counts += f" ({its.say('degraded')})"
            row += [charts.Cell(its.percent(point.share), str(point.share)),
                    charts.Cell(counts, counts)]  # fmt: skip
    for row in rows.values():
        row += [nothing] * (len(head) - len(row))
    last = [tuple(row) for _, row in sorted(rows.items())][-MOST_YEARS:]
    return charts.Table(tuple(head), tuple(last))


def changes_of(made: Evidence, its: Words) -> dict[Family, Picture]:
    """What moved the share of each family since the earlier day; in half a page's width."""
    draw = Drawing(its, made.report.sample, lambda _: "")
    words, found = causes(its), {}
    for family, each in made.changed.items():
        then, now = each.before.value, each.after.value
        if then is None or now is None:
            continue
        moved = [(f"{m.who} {words[m.cause]}", m.points) for m in each.movers]
        title = its.say("What moved the valid share of %(family)s routes since %(day)s",
                        family=FAMILY_NAMES[family], day=its.day(each.first))  # fmt: skip
        drawn = draw_.waterfall_of(
            draw, title, (each.first, then), (each.last, now), moved, "what-moved-a-share",
            key=f"change-{family.label}",
        )  # fmt: skip
        found[family] = _half(draw, drawn)
    return found
