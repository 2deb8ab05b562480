"""The overview and the pages of groups: facts, their pictures and sentences, put into templates."""

from __future__ import annotations

from validator.groupings import Scheme
from validator.pages import pictures as draw_
from validator.pages import sentences
from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import FAMILY_NAMES, Sources, Stamp
from validator.pages.facts_group import GroupFacts, group_facts
from validator.pages.facts_overview import SUBREGIONS, OverviewFacts, overview_facts
from validator.pages.page import Ask, Page, show
from validator.pages.phrases import causes, outlooks, reasons
from validator.pages.pictures import Drawing, Picture, group_path


def drawing(ask: Ask, stamp: Stamp) -> Drawing:
    return Drawing(ask.words, stamp.sample, ask.link)


def overview(sources: Sources, ask: Ask) -> str:
    """``/``."""
    facts = overview_facts(sources, ask.family)
    say, draw = ask.words.say, drawing(ask, facts.stamp)
    label = facts.family.label
    countries = ask.api("/api/v1/coverage", by=Scheme.COUNTRY.value, family=label)
    regions = ask.api("/api/v1/coverage", by=facts.regions_scheme, family=label)
    subregions = ask.api("/api/v1/coverage", by=SUBREGIONS, family=label)
    title = say("Valid share of %(family)s routes: %(title)s",
                family=FAMILY_NAMES[facts.family], title=facts.regions_title)  # fmt: skip
    drawn: dict[str, Picture | None] = {
        "map": draw_.map_of(draw, facts, countries),
        "regions": draw_.ranking_of(draw, "regions", title, facts.regions, regions),
        "divide": draw_.divide_of(draw, facts) if facts.classes else None,
        "trend": draw_.trend_picture(draw, facts.trend, "", family=facts.family),
        "change": _changed(draw, facts),
        "steps": draw_.steps_of(draw, facts.plan, ""),
    }
    page = Page(ask, say("Overview"), [(say("World"), "")])
    return show(
        "overview.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.overview(ask.words, facts), pictures=drawn,
        api={"countries": countries, "regions": regions, "subregions": subregions},
    )  # fmt: skip


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
    sources: Sources, ask: Ask, scheme: str, group: str, before: ChangeFacts | None = None
) -> str:
    """``/country/{cc}`` and ``/region/{scheme}/{group}``. ``before``: what moved it since about a
    year ago, if that is known.

    Raises:
        NoSuchGroup: there is none.
        SourceError: the history cannot be read.
    """
    facts = group_facts(sources, scheme, group, ask.family)
    say, draw = ask.words.say, drawing(ask, facts.stamp)
    label, path = facts.family.label, f"{scheme}/{group}"
    api = {
        "group": ask.api(f"/api/v1/coverage/{path}"),
        "members": ask.api(f"/api/v1/coverage/{path}", family=label),
        "plan": ask.api(f"/api/v1/plan/{path}", family=label),
        "dialects": ask.api(f"/api/v1/dialects/{path}"),
        "targets": f"/api/v1/targets/{path}",
        "history": f"/api/v1/history/{path}?family={label}",
    }
    target = facts.targets[0] if facts.targets else None
    regions = ask.api("/api/v1/coverage", by=scheme, family=label)
    drawn: dict[str, Picture | None] = {
        "parts": draw_.composition_of(draw, facts.rows),
        "trend": draw_.trend_picture(draw, facts.trend, api["history"], target, facts.family),
        "peers": draw_.ranking_of(
            draw, "ranking", say("Valid share beside the others: %(name)s", name=facts.peers_of),
            facts.peers, regions, group, facts.parent,
        ) if len(facts.peers) > 1 else None,
        "change": moved(draw, before, ask, path, label),
        "steps": (
            draw_.steps_of(draw, facts.plan, api["plan"], facts.parent) if facts.plan else None
        ),
    }  # fmt: skip
    page = Page(ask, facts.label, _way(ask, facts))
    return show(
        "group.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.group(ask.words, facts), pictures=drawn, api=api,
        reasons=reasons(ask.words), outlooks=outlooks(ask.words),
    )  # fmt: skip


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
