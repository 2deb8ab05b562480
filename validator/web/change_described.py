"""A change with its words, as :mod:`validator.web.change` answers it and ``originsight change``
prints it."""

from __future__ import annotations

from datetime import date

from validator.change import text as change_text
from validator.change.causes import Point
from validator.change.shares import By, Change, Contribution, Part, Question, change
from validator.change.text import ChangeCount, ChangePart, ChangePoint, ChangeStep, ChangeSum
from validator.formats.replies import generated_time
from validator.groupings import Scheme
from validator.history.records import day_of
from validator.model import NO_ORIGIN, format_asn, parse_asn
from validator.snapshot import Snapshot
from validator.web.answers import Refusal, stale_notes
from validator.web.change_replies import ChangeReply
from validator.web.groups import no_group

NOTES = (
    "Registration is not location; vantage points see a biased part of the world.",
    "A network is the origin of routes; who can create ROAs for them is the holder of their block.",
)
_MOVERS = 5
"""Told of in a sentence."""


def describe(
    before: Snapshot,
    after: Snapshot,
    question: Question,
    limit: int,
    days: tuple[date | None, date | None] = (None, None),
) -> ChangeReply:
    """What moved a share from one snapshot to another; ``limit`` are listed. ``days`` are the
    snapshots', by default those that they were made on. Takes some 0.2 s on two full tables.

    Raises:
        Refusal: 404, one of the days lacks the scheme, or both the group.
    """
    first, last = (
        day or day_of(each.created) for each, day in zip((before, after), days, strict=True)
    )
    scheme, attribution = question.scheme, question.attribution
    for snapshot, day in ((before, first), (after, last)):
        if (scheme, attribution) not in snapshot.coverages:
            raise Refusal(404, f"{scheme} by {attribution} was not counted on {day}")
    if all(
        each.coverages[scheme, attribution].index(question.group) is None
        for each in (before, after)
    ):
        raise no_group(after, scheme, attribution, question.group)
    found = change(before, after, question)
    total, listed, rest = found.total(), found.first(limit), found.rest(limit)
    notes = list(NOTES)
    if before.min_peers != after.min_peers:
        notes.append(
            f"Routes that fewer than {before.min_peers} peers saw did not count on {first}, on "
            f"{last} those that fewer than {after.min_peers} saw: what is counted changed with it."
        )
    degraded = [
        f"{day}: {note}"
        for snapshot, day in ((before, first), (after, last))
        for note in stale_notes(snapshot)
    ]
    reply = ChangeReply(
        scheme=scheme,
        title=after.scheme_title(scheme),
        group=question.group,
        name=_either(after, before, scheme, question.group),
        attribution=attribution,
        family=question.family.label,
        figure=question.figure,
        by=question.by,
        before=_point(found.before, first),
        after=_point(found.after, last),
        points=_points(found, total.exact),
        exact=total.exact,
        exact_of=found.unit,
        sentences=[],
        causes=_parts(found, total),
        changed=len(found.order),
        listed=[
            _step(rank, found, each, before, after) for rank, each in enumerate(listed, 1)
        ],
        others=ChangeSum(
            len(found.order) - len(listed),
            ChangeCount(*rest.before),
            ChangeCount(*rest.after),
            _points(found, rest.exact),
            rest.exact,
            _parts(found, rest),
        ),
        notes=notes,
        sample=before.sample or after.sample,
        generated=generated_time(after.created),
        generation=after.generation,
        degraded=degraded,
    )  # fmt: skip
    if degraded:  # a sentence is silent where its figures are not to be relied on
        return reply
    movers = [
        (_called(each.who, question.by, before, after), _part(found, each.part))
        for each in found.movers(_MOVERS)
    ]
    return change_text.with_sentences(reply, change_text.sentences(reply, movers))


def _step(
    rank: int, found: Change, its: Contribution, before: Snapshot, after: Snapshot
) -> ChangeStep:
    name, country = _named(its.who, found.question.by, before, after)
    return ChangeStep(
        rank,
        its.who,
        name,
        country,
        ChangeCount(*its.before),
        ChangeCount(*its.after),
        _points(found, its.exact),
        its.exact,
        _parts(found, its),
    )


def _parts(found: Change, its: Contribution) -> list[ChangePart]:
    return [_part(found, each) for each in its.parts]


def _part(found: Change, part: Part) -> ChangePart:
    return ChangePart(
        part.cause,
        part.routes,
        part.valid,
        part.invalid,
        part.not_found,
        part.part,
        part.whole,
        _points(found, part.exact),
        part.exact,
    )


def _points(found: Change, exact: int | None) -> float | None:
    """A contribution in points: the nearest float."""
    return None if exact is None or found.unit is None else 100 * exact / found.unit


def _point(point: Point, day: date) -> ChangePoint:
    return ChangePoint(str(day), *point, None if point.share is None else float(point.share))


def _named(who: str, by: By, before: Snapshot, after: Snapshot) -> tuple[str, str]:
    """Name and country of a network or a country."""
    if by is By.COUNTRY:
        return _either(after, before, Scheme.COUNTRY, who), who
    held = None if who == format_asn(NO_ORIGIN) else after.resources.asn_holder(parse_asn(who))
    return _either(after, before, Scheme.ASN, who), held.country if held else ""


def _called(who: str, by: By, before: Snapshot, after: Snapshot) -> str:
    """As a sentence calls it."""
    name, _ = _named(who, by, before, after)
    if who == format_asn(NO_ORIGIN):
        return "no known origin"
    if by is By.COUNTRY:
        return name or who
    return f"{who} ({name})" if name else who


def _either(after: Snapshot, before: Snapshot, scheme: str, group: str) -> str:
    """What a group is called; if it no longer is, what it was called."""
    return after.group_name(scheme, group) or before.group_name(scheme, group)
