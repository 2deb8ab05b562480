"""News in words: title and summary of each, what identifies it for good, and where it leads.

An identifier (RFC 4122, version 5) is made of what the news say and of nothing else: it is the same
on every host, after every start, in every language. Names are isolated, for they are strangers'.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote, urlencode

from babel.dates import format_date

from validator.model import Family
from validator.pages.facts_common import FAMILY_NAMES
from validator.pages.news import Moved, News, Passed, Turned
from validator.pages.phrases import outlooks
from validator.pages.pictures import group_path
from validator.pages.words import Words, clean, isolated
from validator.targets.progress import Observation

_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:originsight:news")
WORLD = ("", "")
"""In place of scheme and group: everything together."""


@dataclass(frozen=True, slots=True)
class Told:
    """News as they are told. ``path`` leads to what they are about; ``id`` is a URN."""

    id: str
    title: str
    summary: str
    path: str


@dataclass(frozen=True, slots=True)
class IssueFile:
    """A file of a scheduled report."""

    form: str
    name: str
    media: str
    bytes: int
    written: int


@dataclass(frozen=True, slots=True)
class Issue:
    """A scheduled report of a group for a period, and its files."""

    scheme: str
    group: str
    compare: str
    every: str
    period: str
    first: date
    last: date
    language: str
    files: tuple[IssueFile, ...]

    @property
    def written(self) -> int:
        """When the first of its files was (Unix seconds): a later one does not make it news."""
        return min(each.written for each in self.files)


def urn(*parts: object) -> str:
    """What identifies something that is made of these parts."""
    return uuid.uuid5(_SPACE, "\n".join(map(str, parts))).urn


def told(words: Words, news: News, name: str, of: tuple[str, str], *, sample: bool = False) -> Told:
    """News of a group, or of :data:`WORLD`; ``name`` is what it is called."""
    match news:
        case Moved():
            return _moved(words, news, name, of, sample)
        case Turned():
            return _turned(words, news, name, of, sample)
        case Passed():
            return _passed(words, news, name, of, sample)


def issue_told(words: Words, issue: Issue, name: str, *, sample: bool = False) -> Told:
    """That there is a report."""
    period = period_name(words, issue.every, issue.first, issue.period)
    given = {"name": isolated(name), "period": period}
    forms = ", ".join(each.form.upper() for each in issue.files)
    summary = words.say(
        "The evidence of %(name)s for %(period)s as a document: %(forms)s.", forms=forms, **given
    )
    key = ("report", sample, issue.scheme, issue.group, issue.compare, issue.every, issue.period,
           issue.language)  # fmt: skip
    title = words.say("Report on %(name)s: %(period)s", **given)
    return Told(urn(*key), _marked(words, title, sample), summary,
                quote(group_path(issue.scheme, issue.group)))  # fmt: skip


def period_name(words: Words, every: str, first: date, name: str) -> str:
    """What a period is called: 22 November 2026, 2026-W47, November 2026, Q4 2026, 2026."""
    if every == "day":
        return words.day(first)
    pattern = {"month": "LLLL y", "quarter": "QQQ y"}.get(every)
    return str(format_date(first, pattern, words.locale)) if pattern else name


def _moved(words: Words, its: Moved, name: str, of: tuple[str, str], sample: bool) -> Told:
    given = {
        "name": isolated(name),
        "family": FAMILY_NAMES[its.family],
        "points": words.plain_points(its.points),
        "share": words.percent(its.after.share),
    }
    if its.points > 0:
        title = words.say(
            "%(name)s: valid share of %(family)s routes up %(points)s points to %(share)s", **given
        )
    else:
        title = words.say(
            "%(name)s: valid share of %(family)s routes down %(points)s points to %(share)s",
            **given,
        )
    key = ("moved", sample, *of, its.family.label, _key(its.before), _key(its.after))
    days = its.before.day, its.after.day
    summary = _from_to(words, its.family, name, its.before, its.after)
    path = _between(of, days, its.family.label)
    return Told(urn(*key), _marked(words, title, sample), summary, path)


def _turned(words: Words, its: Turned, name: str, of: tuple[str, str], sample: bool) -> Told:
    said, target = outlooks(words), its.target
    given = {
        "name": isolated(name),
        "value": words.percent(target.value),
        "year": target.year,
        "now": said[its.after.value],
    }
    title = words.say("%(name)s, %(value)s valid by the end of %(year)s: %(now)s", **given)
    summary = words.say("Before: %(before)s", before=said[its.before.value])
    if target.name:
        summary = f"{isolated(target.name)} – {summary}"
    summary += " " + _from_to(words, its.family, name, its.then, its.now)
    key = ("turned", sample, *of, its.family.label, target.value, target.year, its.before.value,
           its.after.value, _key(its.then), _key(its.now))  # fmt: skip
    path = _between(of, (its.then.day, its.now.day), its.family.label)
    return Told(urn(*key), _marked(words, title, sample), summary, path)


def _passed(words: Words, its: Passed, name: str, of: tuple[str, str], sample: bool) -> Told:
    mark = its.milestone
    title = words.say(
        "%(milestone)s (%(day)s)", milestone=isolated(mark.name), day=words.day(mark.day)
    )
    said = [clean(mark.about, 400)] if mark.about else []
    if its.stood is not None:
        said.append(
            words.say(
                "%(name)s: %(part)s of %(whole)s announced IPv4 routes were valid (%(share)s) on "
                "%(day)s.",
                name=isolated(name),
                part=words.count(its.stood.numerator),
                whole=words.count(its.stood.denominator),
                share=words.percent(its.stood.share),
                day=words.day(its.stood.day),
            )
        )
    path = quote(group_path(*of) if of != WORLD else "/")
    if its.stood is not None:
        path += f"?{urlencode({'at': its.stood.day.isoformat()})}"
    key = ("passed", sample, *of, mark.day, mark.name)
    return Told(urn(*key), _marked(words, title, sample), " ".join(said), path)


def _from_to(
    words: Words, family: Family, name: str, before: Observation, after: Observation
) -> str:
    return words.say(
        "%(name)s: the valid share of announced %(family)s routes went from %(a)s (%(a_part)s of "
        "%(a_whole)s) on %(first)s to %(b)s (%(b_part)s of %(b_whole)s) on %(last)s.",
        name=isolated(name),
        family=FAMILY_NAMES[family],
        a=words.percent(before.share),
        a_part=words.count(before.numerator),
        a_whole=words.count(before.denominator),
        first=words.day(before.day),
        b=words.percent(after.share),
        b_part=words.count(after.numerator),
        b_whole=words.count(after.denominator),
        last=words.day(after.day),
    )


def _between(of: tuple[str, str], days: Sequence[date], family: str) -> str:
    """Where two days of a group stand side by side; of the world, the later one."""
    if of == WORLD:
        return f"/?{urlencode({'family': family, 'at': days[1].isoformat()})}"
    asked = {"a": "/".join(of), "from": days[0].isoformat(), "to": days[1].isoformat()}
    return f"/compare?{urlencode({**asked, 'family': family})}"


def _key(its: Observation) -> str:
    return f"{its.day} {its.numerator}/{its.denominator}"


def _marked(words: Words, title: str, sample: bool) -> str:
    return f"{words.say('SAMPLE')}: {title}" if sample else title
