"""Which VRPs and routes there were, since when and until when: ``/api/v1/past/vrps`` and
``/api/v1/past/routes``, of a prefix or an AS number, from the tables of past days.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from validator.formats.asked import relaxed_prefix
from validator.formats.replies import generated_time
from validator.history.moments import Moments
from validator.history.records import days_between
from validator.history.runs import Found, Match, Wanted, route_runs, vrp_runs
from validator.history.tables import Tables
from validator.model import NO_ORIGIN, State, Verdict, format_asn, parse_asn
from validator.web.answers import NO_CACHE, Refusal, json_reply, query_of
from validator.web.contract import ASN_TEXT, PREFIX_TEXT, Content, Operation, query
from validator.web.coverage import CSV, one_of
from validator.web.past import DAY, no_history, parse_day, readable
from validator.web.past_tables_replies import (
    PastReply,
    PastRoutesReply,
    PastVrpsReply,
    RouteRun,
    VrpRun,
)

MOST_RUNS = 10_000
USUAL_RUNS = 1_000
ORIGIN_TEXT = {
    "anyOf": [ASN_TEXT, {"type": "string", "enum": ["NONE"]}],
    "description": "an AS number, or NONE for routes without an origin",
}

_PARAMETERS = [
    query("match", "the prefix alone (default), with all inside it, or with all that cover it",
          one_of(Match)),
    query("from", "leave out what ended before this day", DAY),
    query("to", "leave out what began after this day", DAY),
    query("limit", f"how many runs to list (default {USUAL_RUNS})",
          {"type": "integer", "minimum": 1, "maximum": MOST_RUNS}),
    query("format", "the form of the answer", one_of(("json", "csv"))),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for."""

    wanted: Wanted
    limit: int
    form: str


class PastTablesFace:
    def __init__(self, moments: Moments | None) -> None:
        """``moments``: None if no history is kept."""
        self._moments = moments
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        prefix = query("prefix", "the prefix", PREFIX_TEXT, example="192.0.2.0/24")
        return [
            Operation(
                "GET",
                "/api/v1/past/vrps",
                self.vrps,
                "Since when and until when there were which VRPs",
                "history",
                {200: Content("the VRPs, by prefix", PastVrpsReply, also=("text/csv",))},
                [prefix, query("asn", "of this AS number", ASN_TEXT), *_PARAMETERS],
                refusals=(400, 404, 503),
            ),
            Operation(
                "GET",
                "/api/v1/past/routes",
                self.routes,
                "Since when and until when which routes were in which state",
                "history",
                {200: Content("the routes, by prefix", PastRoutesReply, also=("text/csv",))},
                [prefix, query("asn", "of this origin", ORIGIN_TEXT), *_PARAMETERS],
                refusals=(400, 404, 503),
            ),
        ]

    async def vrps(self, request: web.Request) -> web.Response:
        """A prefix, an AS number or both are to be named. Runs that follow each other and say the
        same are one; a day that is not recorded ends a run."""
        asked = parse(query_of(request, *_NAMES))
        return await self._answer("vrps", asked, vrp_runs, describe_vrps)

    async def routes(self, request: web.Request) -> web.Response:
        """A prefix, an origin or both are to be named. Runs that follow each other with the same
        state and reason are one; a day that is not recorded ends a run."""
        asked = parse(query_of(request, *_NAMES), none=True)
        return await self._answer("routes", asked, route_runs, describe_routes)

    async def _answer(
        self,
        what: str,
        asked: Asked,
        find: Callable[[Tables, Wanted, int], Found],
        describe: Callable[[Found, int], PastReply],
    ) -> web.Response:
        if self._moments is None or self._moments.tables is None:
            raise no_history()
        tables = self._moments.tables

        def work() -> tuple[bool, PastReply | bytes]:
            found = find(tables, asked.wanted, asked.limit)
            if not found.days:
                raise Refusal(404, "no tables are kept yet: the first are written soon")
            reply = describe(found, asked.limit)
            return reply.sample, csv_text(what, reply) if asked.form == "csv" else reply

        async with self._turn:
            with readable():
                sample, reply = await asyncio.to_thread(work)
        headers = {"Cache-Control": NO_CACHE}
        if isinstance(reply, bytes):
            mark = "-SAMPLE" if sample else ""
            headers["Content-Disposition"] = f'inline; filename="past-{what}{mark}.csv"'
            return web.Response(body=reply, headers={**headers, "Content-Type": CSV})
        return json_reply(reply, headers=headers)


_NAMES = ("prefix", "asn", "match", "from", "to", "limit", "format")


def parse(given: dict[str, str], none: bool = False) -> Asked:
    """What a query asks for; ``none``: whether the origin NONE may be asked for.

    Raises:
        Refusal: 400, saying what is allowed.
    """

    def read(name: str, how: Callable[[str], Any], otherwise: Any = None) -> Any:
        if name not in given:
            return otherwise
        try:
            return how(given[name])
        except ValueError as error:
            raise Refusal(400, f"{name}: {str(error)[:200]}") from None

    prefix = read("prefix", relaxed_prefix)
    asn = NO_ORIGIN if none and given.get("asn") == "NONE" else read("asn", parse_asn)
    if prefix is None and asn is None:
        raise Refusal(400, "name a prefix, an asn, or both")
    if prefix is None and "match" in given:
        raise Refusal(400, "match: says which prefixes are meant by one; name a prefix")
    match = given.get("match", Match.EXACT)
    if match not in list(Match):
        raise Refusal(400, f"match={match[:80]!r} is not one of {', '.join(Match)}")
    form = given.get("format", "json")
    if form not in ("json", "csv"):
        raise Refusal(400, f"format={form[:80]!r} is not one of json, csv")
    first, last = parse_day("from", given.get("from")), parse_day("to", given.get("to"))
    if first and last and first > last:
        raise Refusal(400, f"from={first} is after to={last}")
    limit = read("limit", _limit, USUAL_RUNS)
    return Asked(Wanted(prefix, Match(match), asn, first, last), limit, form)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MOST_RUNS):
        raise ValueError(f"expected a number from 1 to {MOST_RUNS}")
    return int(text)


def describe_vrps(found: Found, limit: int) -> PastVrpsReply:
    """The answer. There is at least one recorded day."""
    rows = [
        VrpRun(row["prefix"], row["max_length"], format_asn(row["asn"]), row["trust_anchor"],
               str(row["first"]), str(row["last"]))
        for row in found.rows
    ]  # fmt: skip
    return PastVrpsReply(vrps=rows, **_head(found, limit))


def describe_routes(found: Found, limit: int) -> PastRoutesReply:
    """The answer. There is at least one recorded day."""
    rows = [
        RouteRun(row["prefix"], "NONE" if row["asn"] is None else format_asn(row["asn"]),
                 State(row["state"]), Verdict(row["verdict"]).reason,
                 str(row["first"]), str(row["last"]))
        for row in found.rows
    ]  # fmt: skip
    return PastRoutesReply(routes=rows, **_head(found, limit))


def _head(found: Found, limit: int) -> dict[str, Any]:
    first, last = min(found.days), max(found.days)
    return {
        "total": found.total,
        "limit": limit,
        "days": len(found.days),
        "gaps": len(list(days_between(first, last))) - len(found.days),
        "history_first": str(first),
        "history_last": str(last),
        "generated": generated_time(found.days[last].created),
        "generation": found.days[last].generation,
        "sample": any(record.sample for record in found.days.values()),
    }


def csv_text(what: str, reply: PastReply) -> bytes:
    """The runs as a table: a row for each."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    kind: type[msgspec.Struct] = VrpRun if what == "vrps" else RouteRun
    table.writerow((*kind.__struct_fields__, "sample"))
    for run in getattr(reply, what):
        table.writerow((*msgspec.structs.astuple(run), str(reply.sample).lower()))
    return text.getvalue().encode()
