"""The overview and the pages of groups: facts, their pictures and sentences, put into templates.

A page's pictures are drawn when they are asked for, by name: a page shows them all, a file is one
of them (:mod:`validator.pages.views_files`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import NamedTuple

from validator.groupings import Scheme
from validator.pages import pictures as draw_
from validator.pages import sentences
from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import FAMILY_NAMES, Sources, Stamp
from validator.pages.facts_group import GroupFacts, group_facts
from validator.pages.facts_overview import SUBREGIONS, OverviewFacts, overview_facts
from validator.pages.facts_week import LEAST_ROUTES
from validator.pages.naming import in_language
from validator.pages.page import Ask, Page, show
from validator.pages.phrases import causes, outlooks, reasons
from validator.pages.pictures import Drawing, Picture, group_path
from validator.pages.words import clean

Pictures = Mapping[str, Callable[[], Picture | None]]
"""By name: what draws it; None if there is nothing to draw."""
WORLD_PICTURES = ("map", "regions", "divide", "trend", "change", "steps")
GROUP_PICTURES = ("parts", "trend", "ranking", "change", "steps")


def drawing(ask: Ask, stamp: Stamp) -> Drawing:
    return Drawing(ask.words, stamp.sample, ask.link)


def drawn(
    ask: Ask, folder: str, pictures: Pictures, **more: str
) -> dict[str, Picture | None]:  # fmt: skip
    """All of them, with the paths of their files, which lie in ``folder``; ``more`` is asked of
    them too."""
    found = {name: make() for name, make in pictures.items()}
    return {
        name: its and replace(its, svg=ask.link(f"{folder}/{name}.svg", **more))
        for name, its in found.items()
    }


def report_links(ask: Ask, forms: Sequence[str], path: str, **more: str) -> dict[str, str]:
    """Where a group is to be had as a document, by form; as of the day of the page."""
    asked = {"to": ask.query["at"]} if "at" in ask.query else {}
    asked |= {"lang": ask.language} if ask.language != "en" else {}
    place = Ask(path).api
    return {
        form: place(f"/api/v1/report/{path}", **{**asked, **more}, format=form) for form in forms
    }


class Embed(NamedTuple):
    """What others put on their pages: the path of a badge, and HTML that shows it, or a picture,
    and leads to the page. Who serves it is not known here: paths are without a host."""

    path: str
    badge: str
    picture: str


def embed(ask: Ask, page: str, path: str, picture: str, whose: str) -> Embed:
    """In the language and the family of the page, always as of now."""
    asked = {"family": ask.family.label} if "family" in ask.query else {}
    now = Ask(page, ask.language, {**asked, "lang": ask.language})
    what = ask.words.say("%(name)s: valid share of announced routes", name=clean(whose))

    def shown(file: str) -> str:
        to, source = (escape(now.link(each)) for each in (page, file))
        return f'<a href="{to}"><img src="{source}" alt="{escape(what)}"></a>'

    badge = f"/badge/{path}.svg"
    return Embed(now.link(badge), shown(badge), shown(f"/chart/{path}/{picture}.svg"))


def overview(sources: Sources, ask: Ask) -> str:
    """``/``."""
    facts = in_language(overview_facts(sources, ask.family), ask.words)
    label = facts.family.label
    countries, subregions = (
        ask.api("/api/v1/coverage", by=scheme, family=label)
        for scheme in (Scheme.COUNTRY.value, SUBREGIONS)
    )
    page = Page(ask, ask.words.say("Overview"), [(ask.words.say("World"), "")])
    its, family = facts.week, FAMILY_NAMES[facts.family]
    return show(
        "overview.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.overview(ask.words, facts), week_least=LEAST_ROUTES,
        week=its and sentences.week(ask.words, its, family, facts.stamp.day),
        pictures=drawn(ask, "/chart/world", world_pictures(ask, facts)),
        api={"countries": countries, "subregions": subregions},
        embed=embed(ask, "/", "world", "map", ask.words.say("World")),
    )  # fmt: skip


def world_pictures(ask: Ask, facts: OverviewFacts) -> Pictures:
    """Those of :data:`WORLD_PICTURES`."""
    say, draw = ask.words.say, drawing(ask, facts.stamp)
    label = facts.family.label
    countries = ask.api("/api/v1/coverage", by=Scheme.COUNTRY.value, family=label)
    regions = ask.api("/api/v1/coverage", by=facts.regions_scheme, family=label)
    title = say("Valid share of %(family)s routes: %(title)s",
                family=FAMILY_NAMES[facts.family], title=clean(facts.regions_title))  # fmt: skip
    return {
        "map": lambda: draw_.map_of(draw, facts, countries),
        "regions": lambda: draw_.ranking_of(draw, "regions", title, facts.regions, regions),
        "divide": lambda: draw_.divide_of(draw, facts) if facts.classes else None,
        "trend": lambda: draw_.trend_picture(draw, facts.trend, "", family=facts.family),
        "change": lambda: _changed(draw, facts),
        "steps": lambda: draw_.steps_of(draw, facts.plan, ""),
    }


def _changed(draw: Drawing, facts: OverviewFacts) -> Picture | None:
    its = facts.changed
    then, now = (its.before.value, its.after.value) if its else (None, None)
    if its is None or then is None or now is None or facts.stamp.degraded:
        return None
    title = draw.words.say("Change since %(day)s, by region", day=draw.words.day(its.day))
    moved = [(each.name, each.points) for each in its.movers]
    return draw_.waterfall_of(
        draw, title, (its.day, then), (facts.stamp.day, now), moved, "what-moved-a-share"
    )


def group(
    sources: Sources, ask: Ask, scheme: str, group: str, before: ChangeFacts | None = None,
    forms: Sequence[str] = (),
) -> str:  # fmt: skip
    """``/country/{cc}`` and ``/region/{scheme}/{group}``. ``before``: what moved it since about a
    year ago, if that is known; ``forms``: what reports can be had in.

    Raises:
        NoSuchGroup: there is none.
        SourceError: the history cannot be read.
    """
    facts = in_language(group_facts(sources, scheme, group, ask.family), ask.words)
    label, path = facts.family.label, f"{scheme}/{group}"
    api = {
        "group": ask.api(f"/api/v1/coverage/{path}"),
        "members": ask.api(f"/api/v1/coverage/{path}", family=label),
        "plan": ask.api(f"/api/v1/plan/{path}", family=label),
        "dialects": ask.api(f"/api/v1/dialects/{path}"),
        "targets": f"/api/v1/targets/{path}",
    }
    pictures = drawn(ask, f"/chart/{path}", group_pictures(ask, facts, before))
    page = Page(ask, facts.label, _way(ask, facts))
    chart = "trend" if pictures["trend"] else "parts"
    return show(
        "group.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.group(ask.words, facts), pictures=pictures, api=api,
        reasons=reasons(ask.words), outlooks=outlooks(ask.words),
        reports=report_links(ask, forms, path),
        embed=embed(ask, group_path(scheme, group), path, chart, facts.label),
    )  # fmt: skip


def group_pictures(ask: Ask, facts: GroupFacts, before: ChangeFacts | None = None) -> Pictures:
    """Those of :data:`GROUP_PICTURES`."""
    say, draw = ask.words.say, drawing(ask, facts.stamp)
    label, path = facts.family.label, f"{facts.scheme}/{facts.group}"
    history = f"/api/v1/history/{path}?family={label}"
    plan = ask.api(f"/api/v1/plan/{path}", family=label)
    beside = ask.api("/api/v1/coverage", by=facts.scheme, family=label)
    target = facts.targets[0] if facts.targets else None
    title = say("Valid share beside the others: %(name)s", name=clean(facts.peers_of))
    return {
        "parts": lambda: draw_.composition_of(draw, facts.rows),
        "trend": lambda: draw_.trend_picture(draw, facts.trend, history, target, facts.family),
        "ranking": lambda: draw_.ranking_of(
            draw, "ranking", title, facts.peers, beside, facts.group, facts.parent
        ) if len(facts.peers) > 1 else None,
        "change": lambda: moved(draw, before, ask, path, label),
        "steps": lambda: (
            draw_.steps_of(draw, facts.plan, plan, facts.parent) if facts.plan else None
        ),
    }  # fmt: skip


def _way(ask: Ask, facts: GroupFacts) -> list[tuple[str, str]]:
    crumbs = [(ask.words.say("World"), ask.link("/"))]
    if facts.parent:
        way = group_path(facts.parent.scheme, facts.parent.group)
        crumbs.append((facts.parent.label, ask.link(way)))
    return [*crumbs, (facts.label, "")]


def moved(
    draw: Drawing, its: ChangeFacts | None, ask: Ask, path: str, family: str
) -> Picture | None:
    then, now = (its.before.value, its.after.value) if its else (None, None)
    if its is None or then is None or now is None or not its.sound:
        return None
    words = causes(ask.words)
    named = [(f"{each.who} {words[each.cause]}", each.points) for each in its.movers]
    api = f"/api/v1/change/{path}?family={family}&from={its.first}"
    if to := ask.query.get("to") or ask.query.get("at"):
        api += f"&to={to}"
    title = draw.words.say(
        "What moved the valid share since %(day)s", day=draw.words.day(its.first)
    )
    return draw_.waterfall_of(
        draw, title, (its.first, then), (its.last, now), named, "what-moved-a-share", api
    )
