"""Pages without figures of their own: what went wrong, definitions, inputs, what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from validator.freshness import SourceStatus
from validator.pages.documents import document
from validator.pages.facts_common import Sources, stamp
from validator.pages.facts_inputs import inputs_facts
from validator.pages.naming import group_name
from validator.pages.news_text import Issue, period_name
from validator.pages.page import Ask, Page, show
from validator.pages.phrases import inputs as input_states
from validator.pages.phrases import kinds
from validator.pages.pictures import group_path
from validator.pages.searching import Found, Result
from validator.pages.world_map import world


def problem(ask: Ask, status: int, message: str, *, sample: bool) -> str:
    """A page in place of the one asked for."""
    say = ask.words.say
    titles = {
        400: say("This cannot be asked"),
        404: say("There is no such page"),
        503: say("Not yet: the first data are being read"),
    }
    page = Page(ask, titles.get(status, say("Something is wrong")),
                [(say("World"), ask.link("/")), (str(status), "")])  # fmt: skip
    return show("problem.html", page, sample=sample, stamp=None, message=message)


def definitions(sources: Sources, ask: Ask) -> str:
    """``/definitions``."""
    say = ask.words.say
    page = Page(ask, say("Definitions"), [(say("World"), ask.link("/")), (say("Definitions"), "")])
    its = stamp(sources)
    return show("definitions.html", page, sample=its.sample, stamp=its, document=document())


def inputs(sources: Sources, ask: Ask, statuses: Sequence[SourceStatus], now: float) -> str:
    """``/inputs``."""
    say = ask.words.say
    facts = inputs_facts(sources, statuses, now)
    page = Page(ask, say("Inputs"), [(say("World"), ask.link("/")), (say("Inputs"), "")])
    return show(
        "inputs.html", page, sample=facts.stamp.sample, stamp=facts.stamp, facts=facts,
        states=input_states(ask.words), map=sources.map, world=world(),
        kinds=kinds(ask.words),
    )  # fmt: skip


def found(sources: Sources, ask: Ask, sought: str, result: Result) -> str:
    """``/search``: when it is not plain what is meant."""
    say = ask.words.say
    sorts = {
        "network": say("network"),
        "prefix": say("prefix"),
        "country": say("country or territory"),
        "group": say("region or class"),
    }
    page = Page(ask, say("Search"), [(say("World"), ask.link("/")), (say("Search"), "")],
                sought=sought)  # fmt: skip
    its = stamp(sources)
    named = replace(
        result, found=tuple(each._replace(name=_called(ask, each)) for each in result.found)
    )
    return show("search.html", page, sample=its.sample, stamp=its, result=named, kinds=sorts)


def _called(ask: Ask, found: Found) -> str:
    """The name of what was found, in the reader's language."""
    if found.kind in ("network", "prefix"):
        return found.name
    scheme, _, group = found.id.rpartition("/")
    return group_name(ask.words, scheme or "country", group, found.name)


def reports(sources: Sources, ask: Ask, issues: Sequence[Issue], *, scheduled: bool) -> str:
    """``/reports``. ``scheduled``: whether the settings ask for any."""
    say, snapshot = ask.words.say, sources.snapshot
    page = Page(ask, say("Reports"), [(say("World"), ask.link("/")), (say("Reports"), "")])
    rows = [
        (
            group_name(ask.words, each.scheme, each.group,
                       snapshot.group_name(each.scheme, each.group) or each.group),
            ask.link(group_path(each.scheme, each.group)),
            period_name(ask.words, each.every, each.first, each.period),
            each,
        )
        for each in issues
    ]  # fmt: skip
    its = stamp(sources)
    return show("reports.html", page, sample=its.sample, stamp=its, rows=rows, scheduled=scheduled)
