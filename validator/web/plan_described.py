"""A plan with its words, as :mod:`validator.web.plan` answers it and ``originsight plan`` prints
it."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import numpy as np

from validator.figures.coverage import SPACE_UNITS, in_units
from validator.formats.replies import generated_time
from validator.groupings import NOBODY, Scheme
from validator.groups.averages import countries_of
from validator.model import Family, format_asn
from validator.planning import countries as planning_countries
from validator.planning import plan as planning
from validator.planning import text as plan_text
from validator.planning.fixes import Relation
from validator.planning.plan import Needed, Plan, Point
from validator.planning.rows import Doer, Measure, Question
from validator.planning.text import (
    BeyondHelp,
    CountryMove,
    Holders,
    PlanPoint,
    PlanRoa,
    PlanRoas,
    PlanStep,
)
from validator.snapshot import Snapshot
from validator.web.answers import Refusal, stale_notes
from validator.web.plan_replies import CountryPlanReply, PlanReply

NOTES = (
    "Registration is not location; vantage points see a biased part of the world.",
    "A ROA is created by the holder of the address block, and only where the announcement is right:"
    " that one could be created does not say that it should be.",
)


def describe(snapshot: Snapshot, question: Question, most_roas: int) -> PlanReply:
    """A plan with its words. Takes some 10 to 200 ms on a full table."""
    plan = planning.plan(snapshot, question)
    measure = question.measure
    reply = PlanReply(
        scheme=question.scheme,
        title=snapshot.scheme_title(question.scheme),
        group=question.group,
        name=snapshot.group_name(question.scheme, question.group),
        attribution=question.attribution,
        family=question.family.label,
        measure=measure,
        by=question.by,
        unit=_unit(question),
        day=generated_time(snapshot.created)[:10],
        sentence="",
        now=_point(plan.now, question.family),
        everybody=_point(plan.everybody, question.family),
        able=plan.doers,
        steps=_steps(snapshot, plan, most_roas),
        beyond_help=BeyondHelp(
            plan.beyond["no-origin"], plan.beyond["as0"], plan.beyond["holder-unknown"]
        ),
        notes=list(NOTES),
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )
    if reply.degraded:  # a sentence is silent where its figures are not to be relied on
        return reply
    after = [each.after.valid_share(measure) for each in plan.steps]
    said = plan_text.raised(reply, plan.now.valid_share(measure), after)
    return plan_text.with_sentence(reply, said)


def describe_countries(
    snapshot: Snapshot, question: Question, share: Fraction = Fraction(1)
) -> CountryPlanReply:
    """The countries of a class.

    Raises:
        Refusal: 404, it is none of countries; 400, they do not add up.
    """
    family, measure = question.family, question.measure
    if not countries_of(snapshot, question.scheme, question.group):
        raise Refusal(404, f"{question.scheme} {question.group} is no class of countries")
    try:
        found = planning_countries.countries(
            snapshot, question.scheme, question.group, question.attribution, family, measure,
            share=share, most=question.most,
        )  # fmt: skip
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    name = snapshot.namer(Scheme.COUNTRY)

    def amount(count: int) -> int | float:
        return count if measure is Measure.ROUTES else in_units(count, family)

    steps = [
        CountryMove(
            rank, each.country, name(each.country), amount(each.announced), amount(each.valid),
            amount(each.possible), each.valid / each.announced, amount(each.gain),
            100 * each.gain / found.announced, amount(each.pooled), each.pooled / found.announced,
            each.median, each.median_alone,
        )
        for rank, each in enumerate(found.steps, 1)
    ]  # fmt: skip
    reply = CountryPlanReply(
        scheme=question.scheme,
        title=snapshot.scheme_title(question.scheme),
        group=question.group,
        name=snapshot.group_name(question.scheme, question.group),
        attribution=question.attribution,
        family=family.label,
        measure=measure,
        unit=_unit(question),
        share=float(share),
        day=generated_time(snapshot.created)[:10],
        sentence="",
        announced=amount(found.announced),
        valid=amount(found.valid),
        reached=amount(found.reached),
        valid_share=found.valid / found.announced if found.announced else None,
        median=found.median,
        countries=found.countries,
        movers=found.movers,
        steps=steps,
        notes=list(NOTES),
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )
    if reply.degraded:
        return reply
    said = plan_text.raised(reply, reply.valid_share, [each.pooled for each in steps])
    return plan_text.with_sentence(reply, said)


def _unit(question: Question) -> str:
    return "routes" if question.measure is Measure.ROUTES else SPACE_UNITS[question.family]


def _point(point: Point, family: Family) -> PlanPoint:
    return PlanPoint(
        point.announced,
        point.valid,
        point.covered,
        point.valid_share(Measure.ROUTES),
        point.coverage(Measure.ROUTES),
        in_units(point.announced_space, family),
        in_units(point.valid_space, family),
        in_units(point.covered_space, family),
        point.valid_share(Measure.SPACE),
        point.coverage(Measure.SPACE),
    )


def _steps(snapshot: Snapshot, plan: Plan, most: int) -> list[PlanStep]:
    """The steps, each with the first of its ROAs: looked into all at once."""
    family, measure = plan.question.family, plan.question.measure
    some = [step.rows[:most] for step in plan.steps]
    needed = planning.roas(snapshot, family, np.concatenate(some) if some else np.empty(0, "i8"))
    whole = plan.now.whole(measure)
    return [
        PlanStep(
            rank,
            *_named(snapshot, plan.question.by, step.number),
            step.gain if measure is Measure.ROUTES else in_units(step.gain, family),
            100 * step.gain / whole,
            step.not_found,
            step.invalid,
            Holders(*(step.holders[each] for each in Relation)),
            step.needs_decision,
            _point(step.after, family),
            PlanRoas(len(step.rows), [_roa(each) for each in islice(needed, len(rows))]),
        )
        for rank, (step, rows) in enumerate(zip(plan.steps, some, strict=True), 1)
    ]


def _named(snapshot: Snapshot, by: Doer, number: int) -> tuple[str, str, str, str, list[str]]:
    """Identifier, name, country, RIR and AS numbers of a doer."""
    asns = planning.networks_of(snapshot, by, number)
    name = next((snapshot.names[asn] for asn in asns if asn in snapshot.names), "")
    if by is Doer.ORIGIN:
        held = snapshot.resources.asn_holder(number)
        country, rir = (held.country, held.registry) if held else (NOBODY, NOBODY)
    else:
        country, rir = planning.registered(snapshot, number)
    identifier = planning.doer_text(snapshot, by, number)
    return identifier, name, country, rir, [format_asn(asn) for asn in asns]


def _roa(needed: Needed) -> PlanRoa:
    return PlanRoa(
        str(needed.roa.prefix),
        needed.roa.max_length,
        format_asn(needed.roa.asn),
        needed.verdict.state,
        needed.relation,
        needed.recommended,
        needed.turns_invalid,
    )
