"""The pages of networks, prefixes and comparisons."""

from __future__ import annotations

from datetime import date

from validator.model import Prefix
from validator.pages import charts, sentences
from validator.pages import pictures as draw_
from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import FAMILY_NAMES, Sources
from validator.pages.facts_compare import CompareFacts, compare_facts
from validator.pages.facts_network import network_facts, prefix_facts
from validator.pages.page import Ask, Page, show
from validator.pages.phrases import causes, excluded, reasons, relations, states
from validator.pages.pictures import Drawing, Picture, group_path
from validator.pages.views import drawing, moved
from validator.pages.words import clean


def network(sources: Sources, ask: Ask, number: int) -> str:
    """``/asn/{asn}``.

    Raises:
        SourceError: the history cannot be read.
    """
    facts = network_facts(sources, number)
    say, draw = ask.words.say, drawing(ask, facts.stamp)
    api = {
        "network": ask.api(f"/api/v1/asn/{facts.asn}"),
        "routes": ask.api(f"/api/v1/asn/{facts.asn}/routes"),
    }
    history = f"/api/v1/history/asn/{facts.asn}"
    drawn = {
        "parts": draw_.composition_of(draw, facts.rows),
        "trend": draw_.trend_picture(draw, facts.trend, f"{history}?figure=valid_share"),
    }
    crumbs = [(say("World"), ask.link("/"))]
    if facts.country != "ZZ":
        crumbs.append((facts.country_name, ask.link(group_path("country", facts.country))))
    page = Page(ask, clean(facts.label), [*crumbs, (facts.label, "")])
    return show(
        "network.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.network(ask.words, facts), pictures=drawn, api=api,
        states=states(ask.words), reasons=reasons(ask.words), excluded=excluded(ask.words),
    )  # fmt: skip


def prefix(sources: Sources, ask: Ask, asked: Prefix) -> str:
    """``/prefix/{prefix}``."""
    facts = prefix_facts(sources, asked)
    api = {
        "prefix": ask.api(f"/api/v1/prefix/{facts.prefix}"),
        **{each.asn: ask.api(f"/api/v1/explain/{each.asn}/{facts.prefix}") for each in facts.exact},
    }
    crumbs = [(ask.words.say("World"), ask.link("/"))]
    if facts.country != "ZZ":
        crumbs.append((facts.country_name, ask.link(group_path("country", facts.country))))
    page = Page(ask, facts.prefix, [*crumbs, (facts.prefix, "")])
    return show(
        "prefix.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.prefix(ask.words, facts), api=api, states=states(ask.words),
        reasons=reasons(ask.words), excluded=excluded(ask.words), relations=relations(ask.words),
    )  # fmt: skip


def compare(
    sources: Sources,
    ask: Ask,
    chosen: tuple[tuple[str, str], ...],
    days: tuple[date, ...],
    change: ChangeFacts | None = None,
) -> str:
    """``/compare``.

    Raises:
        NoSuchGroup, NoSuchDay, SourceError: as :func:`compare_facts`.
    """
    facts = compare_facts(sources, ask.family, chosen, days, change)
    draw = drawing(ask, facts.stamp)
    first = facts.first
    drawn: dict[str, Picture | None] = {"trend": None, "change": None}
    if first is not None:
        drawn["trend"] = _lines(draw, facts)
        drawn["change"] = moved(draw, facts.change, ask, first.id, facts.family.label)
    say = ask.words.say
    page = Page(ask, say("Compare"), [(say("World"), ask.link("/")), (say("Compare"), "")])
    return show(
        "compare.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.compared(ask.words, facts), pictures=drawn, causes=causes(ask.words),
        given={name: ask.query.get(name, "") for name in ("a", "b", "from", "to")},
        pairs=PAIRS,
    )  # fmt: skip


PAIRS = (("ldc/ldc", "development/developed"), ("m49-region/002", "m49-region/150"))
"""Offered to who has not chosen anything yet."""


def _lines(draw: Drawing, facts: CompareFacts) -> Picture | None:
    """The valid share of each group over time, in one family."""
    say = draw.words.say
    series = tuple(
        charts.Series(
            clean(side.label),
            tuple(
                charts.Point(p.day, p.share, p.part, p.whole, p.degraded)
                for p in side.trend.points[facts.family]
            ),
        )
        for side in facts.sides
        if len(side.trend.points.get(facts.family, ())) > 1
    )
    if not series:
        return None
    title = say("Valid share of announced %(family)s routes over time",
                family=FAMILY_NAMES[facts.family])  # fmt: skip
    marks = facts.sides[0].trend.milestones
    data = charts.Trend(
        title,
        say("A line for each group, with milestones."),
        series,
        tuple(charts.MilestoneMark(each.day, clean(each.name)) for each in marks),
    )
    look = draw.look("trend")
    html = charts.both(lambda each: charts.trend(data, each), look)
    recent = charts.Trend(
        title, "", tuple(charts.Series(s.name, s.points[-draw_.RECENT :]) for s in series)
    )
    note = say("The last days that are drawn; the files have all of them.")
    api = f"/api/v1/history/{facts.sides[0].id}?family={facts.family.label}"
    return Picture("trend", title, html, charts.trend_table(recent, look), "coverage-of-a-group",
                   f"{api}&format=csv", api, note)  # fmt: skip
