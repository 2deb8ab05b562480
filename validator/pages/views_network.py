"""The pages of networks, prefixes and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from validator.model import Prefix
from validator.pages import pictures as draw_
from validator.pages import sentences
from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import FAMILY_NAMES, Sources
from validator.pages.facts_compare import CompareFacts, compare_facts
from validator.pages.facts_network import NetworkFacts, network_facts, prefix_facts
from validator.pages.naming import in_language
from validator.pages.page import Ask, Page, show
from validator.pages.phrases import (
    advice,
    causes,
    excluded,
    reasons,
    relations,
    states,
    statuses,
)
from validator.pages.pictures import group_path
from validator.pages.views import Pictures, drawing, drawn, embed, moved, report_links
from validator.pages.words import clean

NETWORK_PICTURES = ("parts", "trend")
COMPARE_PICTURES = ("beside", "trend", "change")


def network(sources: Sources, ask: Ask, number: int, forms: Sequence[str] = ()) -> str:
    """``/asn/{asn}``. ``forms``: what reports can be had in.

    Raises:
        SourceError: the history cannot be read.
    """
    facts = in_language(network_facts(sources, number), ask.words)
    say = ask.words.say
    api = {
        "network": ask.api(f"/api/v1/asn/{facts.asn}"),
        "routes": ask.api(f"/api/v1/asn/{facts.asn}/routes"),
    }
    path = f"asn/{facts.asn}"
    pictures = drawn(ask, f"/chart/{path}", network_pictures(ask, facts))
    counted = any(row.figures.announced for row in facts.rows.values())
    crumbs = [(say("World"), ask.link("/"))]
    if facts.country != "ZZ":
        crumbs.append((facts.country_name, ask.link(group_path("country", facts.country))))
    page = Page(ask, clean(facts.label), [*crumbs, (facts.label, "")])
    return show(
        "network.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.network(ask.words, facts), pictures=pictures, api=api,
        states=states(ask.words), reasons=reasons(ask.words), excluded=excluded(ask.words),
        reports=report_links(ask, forms if counted else (), path),
        embed=embed(ask, f"/{path}", path, "trend" if pictures["trend"] else "parts", facts.label),
    )  # fmt: skip


def network_pictures(ask: Ask, facts: NetworkFacts) -> Pictures:
    """Those of :data:`NETWORK_PICTURES`."""
    draw = drawing(ask, facts.stamp)
    history = f"/api/v1/history/asn/{facts.asn}?figure=valid_share"
    return {
        "parts": lambda: draw_.composition_of(draw, facts.rows),
        "trend": lambda: draw_.trend_picture(draw, facts.trend, history),
    }


def prefix(sources: Sources, ask: Ask, asked: Prefix) -> str:
    """``/prefix/{prefix}``."""
    facts = in_language(prefix_facts(sources, asked), ask.words)
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
        statuses=statuses(ask.words), advice=[advice(ask.words, each) for each in facts.fixes],
    )  # fmt: skip


def compare(
    sources: Sources,
    ask: Ask,
    chosen: tuple[tuple[str, str], ...],
    days: tuple[date, ...],
    change: ChangeFacts | None = None,
    forms: Sequence[str] = (),
) -> str:
    """``/compare``. ``forms``: what reports can be had in.

    Raises:
        NoSuchGroup, NoSuchDay, SourceError: as :func:`compare_facts`.
    """
    facts = compare_facts(sources, ask.family, chosen, days, change)
    facts = in_language(facts, ask.words)
    asked = {name: ask.query[name] for name in ("a", "b", "from", "to") if ask.query.get(name)}
    pictures = drawn(ask, "/chart/compare", compare_pictures(ask, facts), **asked)
    say = ask.words.say
    page = Page(ask, say("Compare"), [(say("World"), ask.link("/")), (say("Compare"), "")])
    return show(
        "compare.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        sentences=sentences.compared(ask.words, facts), pictures=pictures,
        causes=causes(ask.words), pairs=PAIRS,
        given={name: ask.query.get(name, "") for name in ("a", "b", "from", "to")},
        reports=_compared_reports(ask, facts, forms),
    )  # fmt: skip


def compare_pictures(ask: Ask, facts: CompareFacts) -> Pictures:
    """Those of :data:`COMPARE_PICTURES`."""
    draw, first, family = drawing(ask, facts.stamp), facts.first, facts.family
    if first is None:
        return dict.fromkeys(COMPARE_PICTURES, lambda: None)
    title = draw.words.say("Valid share of announced %(family)s routes, side by side",
                           family=FAMILY_NAMES[family])  # fmt: skip
    rows = [side.rows[family] for side in facts.sides]
    return {
        "beside": lambda: draw_.ranking_of(draw, "beside", title, rows, "", first.group),
        "trend": lambda: draw_.lines_of(
            draw,
            "trend",
            [(side.label, side.trend) for side in facts.sides],
            facts.family,
            f"/api/v1/history/{facts.sides[0].id}?family={facts.family.label}",
        ),
        "change": lambda: moved(draw, facts.change, ask, first.id, family.label),
    }


def _compared_reports(ask: Ask, facts: CompareFacts, forms: Sequence[str]) -> dict[str, str]:
    """The comparison as a report: of two groups of one scheme, or of a change that is known."""
    first, second = facts.first, facts.second
    if first is not None and second is not None:
        scheme, _, group = first.id.partition("/")
        its_scheme, _, other = second.id.partition("/")
        same = scheme == its_scheme and group != other
        return report_links(ask, forms, first.id, compare=other) if same else {}
    days = [each.day for each in facts.moments]
    if first is None or facts.change is None or days[0] >= days[-1]:
        return {}
    past = facts.stamp.past or days[-1] != facts.stamp.day
    until = {"to": str(days[-1])} if past else {}
    return report_links(ask, forms, first.id, **{"from": str(days[0])}, **until)


PAIRS = (("ldc/ldc", "development/developed"), ("m49-region/002", "m49-region/150"))
"""Offered to who has not chosen anything yet."""
