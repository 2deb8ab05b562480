"""The pictures of a report: those of the pages, without links, and with no more bars than a page of
paper holds."""

from __future__ import annotations

from collections.abc import Sequence

from validator.groupings import Scheme
from validator.model import Family
from validator.pages import charts
from validator.pages import pictures as draw_
from validator.pages.facts_common import FAMILY_NAMES, Row
from validator.pages.facts_group import GroupFacts
from validator.pages.phrases import causes
from validator.pages.pictures import Drawing, Picture, share_of
from validator.pages.words import Words, clean
from validator.pages.world_map import Area, WorldMap, map_figure, map_table
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
        "map": _map(draw, facts),
        "peers": draw_.ranking_of(draw, "ranking", title, peers, "", facts.group, facts.parent)
        if len(peers) > 1 and facts.group in [row.group for row in peers] else None,
        "trend": draw_.trend_picture(draw, facts.trend, "", target, Family.IPV4),
        "steps": draw_.steps_of(draw, facts.plan, "", facts.parent) if facts.plan else None,
        "change": _change(draw, made),
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


def _map(draw: Drawing, facts: GroupFacts) -> Picture | None:
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
        figure, areas, focus=tuple(row.group for row in rows) if country else (),
    )  # fmt: skip
    look = draw.look("map")
    drawn = map_figure(data, look)
    note = say("Countries that are not of this group, or announce nothing, are hatched.")
    return Picture("map", data.title, drawn, map_table(data, look), "coverage-of-a-group",
                   note=note)  # fmt: skip


def yearly(made: Evidence, its: Words) -> Picture:
    """The trend in numbers: the last recorded day of each year, both families in a row."""
    title = its.say("The last recorded day of each year; the files have all days")
    trend = made.facts[Family.IPV4].trend.points
    head = [its.say("Day")]
    rows: dict[int, list[charts.Cell]] = {}
    for number, (family, points) in enumerate(trend.items()):
        head += [FAMILY_NAMES[family], its.say("Valid / announced")]
        for year, point in {each.day.year: each for each in points}.items():
            row = rows.setdefault(year, [charts.Cell(its.short_day(point.day), str(point.day))])
            row += [charts.Cell("", "")] * (2 * number + 1 - len(row))
            counts = f"{its.count(point.part)} / {its.count(point.whole)}"
            row += [charts.Cell(its.percent(point.share), str(point.share)),
                    charts.Cell(counts, counts)]  # fmt: skip
    last = [tuple(row) for _, row in sorted(rows.items())][-MOST_YEARS:]
    return Picture("years", title, "", charts.Table(tuple(head), tuple(last)), "", note=title)


def _change(draw: Drawing, made: Evidence) -> Picture | None:
    its = made.changed
    then, now = (its.before.value, its.after.value) if its else (None, None)
    if its is None or then is None or now is None:
        return None
    words = causes(draw.words)
    moved = [(f"{each.who} {words[each.cause]}", each.points) for each in its.movers]
    title = draw.words.say(
        "What moved the valid share since %(day)s", day=draw.words.day(its.first)
    )
    return draw_.waterfall_of(
        draw, title, (its.first, then), (its.last, now), moved, "what-moved-a-share"
    )
