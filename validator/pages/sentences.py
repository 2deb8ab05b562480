"""What figures say in words: the first sentence of a page or report, and those after it.

A sentence is made only from figures that are on the page, says its day, and is silent where a
figure is missing or rests on inputs that are older than they may be. Each is whole, so that a
translator can turn it as a language needs. Names are isolated (:func:`validator.pages.words.
isolated`).
"""

from __future__ import annotations

from datetime import date

from validator.pages.facts_common import FAMILY_NAMES, Row, Share
from validator.pages.facts_compare import CompareFacts
from validator.pages.facts_group import GroupFacts
from validator.pages.facts_network import NetworkFacts, PrefixFacts
from validator.pages.facts_overview import OverviewFacts
from validator.pages.facts_plan import PlanFacts
from validator.pages.facts_week import Week
from validator.pages.words import Words, isolated, marked

SAME_POINTS = 0.05
"""Shares that are as near as this are shown as the same."""


def overview(words: Words, facts: OverviewFacts) -> list[str]:
    """The world in one sentence, and what changed."""
    its = facts.row.figures
    if facts.stamp.degraded or its.valid_share is None:
        return []
    said = [
        words.say(
            "%(valid)s of announced %(family)s routes are valid, %(invalid)s invalid, "
            "%(not_found)s have no ROA (%(day)s).",
            valid=words.percent(its.valid_share),
            invalid=words.percent(its.invalid / its.announced),
            not_found=words.percent(its.not_found / its.announced),
            family=FAMILY_NAMES[facts.family],
            day=words.day(facts.stamp.day),
        )
    ]
    return [*said, *_since(words, facts.row, facts.before, facts.trend.before.get(facts.family)),
            *_missing(words, facts.plan)]  # fmt: skip


def week(words: Words, its: Week, family: str, day: date) -> str:
    """What a week changed."""
    given = {
        "share": words.percent(its.after.value),
        "family": family,
        "then": words.percent(its.before.value),
        "since": words.day(its.day),
        "day": words.day(day),
        "points": words.plain_points(its.points),
    }
    if abs(its.points) < SAME_POINTS:
        message = marked(
            "%(share)s of announced %(family)s routes are valid on %(day)s, as many as on "
            "%(since)s."
        )
    elif its.points > 0:
        message = marked(
            "From %(since)s to %(day)s the valid share of announced %(family)s routes rose by "
            "%(points)s points, from %(then)s to %(share)s."
        )
    else:
        message = marked(
            "From %(since)s to %(day)s the valid share of announced %(family)s routes fell by "
            "%(points)s points, from %(then)s to %(share)s."
        )
    return words.say(message, **given)


def group(words: Words, facts: GroupFacts) -> list[str]:
    """A country, region or class: where it stands, beside what, since when, and what is missing."""
    row = facts.row
    share = row.figures.valid_share
    if facts.stamp.degraded:
        return []
    name, family = isolated(facts.label), FAMILY_NAMES[facts.family]
    day = words.day(facts.stamp.day)
    if share is None:
        message = marked("%(name)s: no %(family)s routes are announced (%(day)s).")
        return [words.say(message, name=name, family=family, day=day)]
    said = [
        words.say(
            "%(name)s: %(share)s of announced %(family)s routes are valid (%(day)s).",
            name=name,
            share=words.percent(share),
            family=family,
            day=day,
        )
    ]
    said += _beside(words, share, facts.parent)
    said += _since(words, row, facts.before, facts.trend.before.get(facts.family))
    return [*said, *(_missing(words, facts.plan) if facts.plan else [])]


def network(words: Words, facts: NetworkFacts) -> list[str]:
    """How much of what a network announces is valid, and what it could do."""
    if facts.stamp.degraded:
        return []
    name, day = isolated(facts.label), words.day(facts.stamp.day)
    its = facts.together
    if not its.whole:
        message = marked("%(name)s announces no route that is counted (%(day)s).")
        return [words.say(message, name=name, day=day)]
    said = [
        words.say(
            "%(name)s: %(part)s of %(whole)s announced routes are valid (%(day)s).",
            name=name,
            part=words.count(its.part),
            whole=words.count(its.whole),
            day=day,
        )
    ]
    if facts.invalid:
        said.append(words.count_of("%(n)s is invalid.", "%(n)s are invalid.", facts.invalid))
    if facts.not_found:
        said.append(words.count_of("%(n)s has no ROA.", "%(n)s have no ROA.", facts.not_found))
    if its.part == its.whole:
        said.append(words.say("There is nothing to fix."))
    return said


def prefix(words: Words, facts: PrefixFacts) -> list[str]:
    """Who announces a prefix, and whether that is valid."""
    if facts.stamp.degraded:
        return []
    name, day = facts.prefix, words.day(facts.stamp.day)
    if not facts.exact:
        said = [words.say("Nobody announces exactly %(prefix)s (%(day)s).", prefix=name, day=day)]
        if facts.less:
            said.append(
                words.say(
                    "The nearest announced prefix around it is %(prefix)s, by %(asn)s.",
                    prefix=facts.less[0].prefix,
                    asn=facts.less[0].asn,
                )
            )
        return said
    said = []
    for each in facts.exact[:3]:
        given = {"asn": isolated(f"{each.asn} {each.name}"), "prefix": name, "day": day}
        if each.state == "valid":
            message = words.say(
                "%(asn)s announces %(prefix)s, and a ROA says that it may: the route is valid "
                "(%(day)s).", **given,
            )  # fmt: skip
        elif each.state == "invalid":
            message = words.say(
                "%(asn)s announces %(prefix)s, and ROAs say otherwise: the route is invalid "
                "(%(day)s).", **given,
            )  # fmt: skip
        else:
            message = words.say(
                "%(asn)s announces %(prefix)s, and no ROA covers it (%(day)s).", **given
            )
        said.append(message)
    return said


def compared(words: Words, facts: CompareFacts) -> list[str]:
    """Two groups, or two days, in one sentence."""
    first, second = facts.first, facts.second
    if facts.stamp.degraded or first is None:
        return []
    family = FAMILY_NAMES[facts.family]
    if second is not None:
        a, b = (each.rows[facts.family].figures.valid_share for each in (first, second))
        if a is None or b is None or facts.points is None:
            return []
        given = {
            "first": isolated(first.label),
            "a": words.percent(a),
            "family": family,
            "points": words.plain_points(facts.points),
            "second": isolated(second.label),
            "b": words.percent(b),
            "day": words.day(facts.stamp.day),
        }
        if abs(facts.points) < SAME_POINTS:
            message = marked(
                "%(first)s: %(a)s of announced %(family)s routes are valid, as many as in "
                "%(second)s (%(day)s)."
            )
            return [words.say(message, **given)]
        if facts.points > 0:
            message = marked(
                "%(first)s: %(a)s of announced %(family)s routes are valid, %(points)s points more "
                "than in %(second)s with %(b)s (%(day)s)."
            )
        else:
            message = marked(
                "%(first)s: %(a)s of announced %(family)s routes are valid, %(points)s points less "
                "than in %(second)s with %(b)s (%(day)s)."
            )
        return [words.say(message, **given)]
    shares = [each.share.value for each in facts.moments]
    if len(shares) < 2 or shares[0] is None or shares[1] is None:
        return []
    if any(each.degraded for each in facts.moments):
        return []
    return [
        words.say(
            "%(name)s: the valid share of announced %(family)s routes went from %(a)s on "
            "%(first)s to %(b)s on %(last)s.",
            name=isolated(first.label),
            family=family,
            a=words.percent(shares[0]),
            b=words.percent(shares[1]),
            first=words.day(facts.moments[0].day),
            last=words.day(facts.moments[1].day),
        )
    ]


def _beside(words: Words, share: float, parent: Row | None) -> list[str]:
    """A share beside that of the region around it."""
    theirs = parent.figures.valid_share if parent else None
    if parent is None or theirs is None:
        return []
    points = 100 * (share - theirs)
    given = {
        "points": words.plain_points(points),
        "region": isolated(parent.label),
        "share": words.percent(theirs),
    }
    if abs(points) < SAME_POINTS:
        return [words.say("That is the same as %(region)s (%(share)s).", **given)]
    if points < 0:
        message = marked("That is %(points)s points below %(region)s (%(share)s).")
    else:
        message = marked("That is %(points)s points above %(region)s (%(share)s).")
    return [words.say(message, **given)]


def _since(words: Words, row: Row, before: Share | None, point: object) -> list[str]:
    """A share beside what it was about a year before."""
    now, then = row.figures.valid_share, before.value if before else None
    day = getattr(point, "day", None)
    if now is None or then is None or day is None:
        return []
    points = 100 * (now - then)
    given = {
        "points": words.plain_points(points),
        "share": words.percent(then),
        "day": words.day(day),
    }
    if abs(points) < SAME_POINTS:
        return [words.say("It was the same on %(day)s (%(share)s).", **given)]
    if points > 0:
        return [words.say("Up %(points)s points from %(share)s on %(day)s.", **given)]
    return [words.say("Down %(points)s points from %(share)s on %(day)s.", **given)]


def _missing(words: Words, plan: PlanFacts) -> list[str]:
    if plan.half is None:
        return []
    return [
        words.count_of(
            "%(n)s network holds half of what is missing.",
            "%(n)s networks hold half of what is missing.",
            plan.half,
        )
    ]
