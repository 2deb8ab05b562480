"""Who could raise coverage: ``/api/v1/plan/{scheme}/{group}``, and of a class of countries the ones
that would move its figure most: ``/api/v1/plan/{scheme}/{group}/countries``.

Each comes as JSON or CSV. The work is done in a thread, one question at a time
(:mod:`validator.planning.plan`, :mod:`validator.planning.countries`).
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.groupings import Attribution
from validator.history.moments import Moments
from validator.model import Family
from validator.planning import plan as planning
from validator.planning import text as plan_text
from validator.planning.rows import Doer, Measure, Question
from validator.snapshot import Snapshot
from validator.web.answers import JSON, Refusal, chosen, number, query_of, snapshot_headers
from validator.web.contract import Content, Operation, Parameter, path, query
from validator.web.coverage import CSV, SCHEME, asked_of, csv_name, one_of
from validator.web.groups import GROUP, no_group
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.packed import degraded_header
from validator.web.plan_described import describe, describe_countries
from validator.web.plan_replies import CountryPlanReply, PlanReply

USUAL_STEPS = 20
USUAL_ROAS = 20
MOST_ROAS = 1_000
MOST_ROAS_IN_ALL = 20_000
_SHARE = re.compile(r"0?\.[0-9]{0,5}[1-9][0-9]{0,5}|1(\.0{1,6})?")

_GROUP = (
    path("scheme", "what it is a group of", SCHEME, "rir"),
    path("group", "the group", GROUP, "ripencc"),
)
_CLASS = (
    path("scheme", "a scheme of classes of countries", SCHEME, "m49-region"),
    path("group", "the class", GROUP, "150"),
)
_ASKED: tuple[Parameter, ...] = (
    query("family", "which family (default ipv4)", one_of(each.label for each in Family)),
    query(
        "attribution",
        "who a route belongs to: its address block's holder, or its origin's (asn: always origin)",
        one_of(Attribution),
    ),
    query("measure", "what is counted (default routes)", one_of(Measure)),
    query(
        "top",
        f"the most to list (default {USUAL_STEPS})",
        {"type": "integer", "minimum": 0, "maximum": planning.MOST_STEPS},
    ),
    query("format", "the form of the answer", one_of(("json", "csv"))),
    AT,
)
_OF_COVERAGE = ("family", "attribution", "format")
NAMES = (*_OF_COVERAGE, "measure", "top")
PLAN_NAMES = ("by", "roas", "list")


class PlanFace:
    def __init__(self, feed: Feed, moments: Moments | None = None) -> None:
        self._feed, self._moments = feed, moments
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/plan/{scheme}/{group}",
                self.plan,
                "Who could raise the valid share of a group, and with which ROAs",
                "planning",
                {200: Content("who, and the curve", PlanReply, also=("text/csv",))},
                [
                    *_GROUP,
                    *_ASKED,
                    query("by", "who is to act (default origin)", one_of(Doer)),
                    query(
                        "roas",
                        f"the most ROAs to list of each (default {USUAL_ROAS}); fewer if there "
                        f"would be more than {MOST_ROAS_IN_ALL} in all",
                        {"type": "integer", "minimum": 0, "maximum": MOST_ROAS},
                    ),
                    query("list", "what a CSV has a line for", one_of(("doers", "roas"))),
                ],
                refusals=(400, 404, 503),
                tagged=True,
            ),
            Operation(
                "GET",
                "/api/v1/plan/{scheme}/{group}/countries",
                self.countries,
                "The countries that would move the figure of a class most",
                "planning",
                {200: Content("countries, and the curve", CountryPlanReply, also=("text/csv",))},
                [
                    *_CLASS,
                    *_ASKED,
                    query(
                        "share",
                        "the valid share that each is to reach (default 1)",
                        {"type": "string", "pattern": f"^({_SHARE.pattern})$"},
                    ),
                ],
                refusals=(400, 404, 503),
                tagged=True,
            ),
        ]

    async def plan(self, request: web.Request) -> web.Response:
        """Ranked by the valid share that would be gained if the not-found and invalid routes of
        each became valid. By space, which overlaps, each is counted with what those before it left.
        A ROA is the smallest that makes its route valid; none is for AS0 or the origin NONE."""
        given = query_of(request, *NAMES, *PLAN_NAMES, "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        return await self._answered(snapshot, request, given, countries=False)

    async def countries(self, request: web.Request) -> web.Response:
        """What each country would add to the class's pooled valid share if its own reached `share`,
        or as near to it as it can; and the median country's valid share beside it."""
        given = query_of(request, *NAMES, "share", "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        return await self._answered(snapshot, request, given, countries=True)

    async def _answered(
        self, snapshot: Snapshot, request: web.Request, given: Mapping[str, str], *, countries: bool
    ) -> web.Response:
        where = request.match_info
        asked = parse(snapshot, where["scheme"], where["group"], given, countries=countries)
        headers = snapshot_headers(snapshot)
        async with self._turn:
            body = await asyncio.to_thread(_body, snapshot, asked)
        if asked.form == "json":
            return web.Response(body=body, headers=headers, content_type=JSON)
        name = csv_name(snapshot, f"plan-{asked.question.scheme}-{asked.question.group}")
        headers |= {**degraded_header(snapshot), "Content-Type": CSV, "Content-Disposition": name}
        return web.Response(body=body, headers=headers)


@dataclass(frozen=True, slots=True)
class AskedPlan:
    """What a client asks for. ``roas``: the most to list of each; ``roa_lines``: a CSV has a line
    for each of them; ``share``: that countries are to reach, None if it is about networks."""

    question: Question
    form: str
    roas: int
    roa_lines: bool
    share: Fraction | None


def parse(
    snapshot: Snapshot, scheme: str, group: str, given: Mapping[str, str], *, countries: bool
) -> AskedPlan:
    """What a query asks for; ``countries``: about countries, not about networks.

    Raises:
        Refusal: 400, saying what is allowed; 404, there is no such scheme or group.
    """
    of_coverage = {key: value for key, value in given.items() if key in _OF_COVERAGE}
    asked = asked_of(scheme, of_coverage, snapshot)
    if snapshot.coverages[asked.scheme, asked.attribution].index(group) is None:
        raise no_group(snapshot, asked.scheme, asked.attribution, group)
    question = Question(
        asked.scheme,
        group,
        asked.attribution,
        asked.families[0],
        Measure(chosen(given, "measure", tuple(Measure))),
        Doer(chosen(given, "by", tuple(Doer))),
        number(given, "top", 0, planning.MOST_STEPS, USUAL_STEPS),
    )
    if countries:
        share = given.get("share", "1")
        if not _SHARE.fullmatch(share):
            raise Refusal(400, f"share={share[:20]!r} is not a share above 0 and up to 1: 0.8, say")
        return AskedPlan(question, asked.form, 0, False, Fraction(share))
    roas = number(given, "roas", 0, MOST_ROAS, USUAL_ROAS)
    roas = min(roas, MOST_ROAS_IN_ALL // max(question.most, 1))
    lines = chosen(given, "list", ("doers", "roas"))
    return AskedPlan(question, asked.form, roas, lines == "roas", None)


def answer(snapshot: Snapshot, asked: AskedPlan) -> PlanReply | CountryPlanReply:
    """The plan, in words. Takes some 10 to 200 ms on a full table.

    Raises:
        Refusal: 404, countries are asked of a group that has none; 400, they do not add up.
    """
    if asked.share is None:
        return describe(snapshot, asked.question, asked.roas)
    return describe_countries(snapshot, asked.question, asked.share)


def _body(snapshot: Snapshot, asked: AskedPlan) -> bytes:
    reply = answer(snapshot, asked)
    if asked.form == "json":
        return msgspec.json.encode(reply)
    text = io.StringIO()
    plan_text.write_csv(text, reply, roas=asked.roa_lines)
    return text.getvalue().encode()
