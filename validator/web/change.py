"""What moved a share between two days: ``/api/v1/change/{scheme}/{group}``.

Past days are rebuilt (:mod:`validator.history.moments`), one at a time; the later day is by default
that of the snapshot in force. The work is done in a thread (:mod:`validator.change.shares`), one
question at a time. What is listed adds up with all others to the whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import msgspec
from aiohttp import web

from validator.change import text as change_text
from validator.change.causes import Figure
from validator.change.shares import By, Question
from validator.feed import Feed
from validator.groupings import Attribution
from validator.model import Family
from validator.snapshot import Snapshot
from validator.web.answers import JSON, NO_CACHE, Refusal, chosen, current, number, query_of
from validator.web.change_described import describe
from validator.web.change_replies import ChangeReply
from validator.web.contract import Content, Operation, path, query
from validator.web.coverage import CSV, SCHEME, asked_of, csv_name, one_of
from validator.web.groups import GROUP
from validator.web.packed import degraded_header
from validator.web.past import DAY, parse_day, readable

USUAL = 20
MOST = 1_000
DEGRADED_HEADER = "X-Originsight-Degraded"
NAMES = ("from", "to", "family", "figure", "attribution", "by", "limit", "format")


class PastDays(Protocol):
    """What is needed of :class:`validator.history.moments.Moments`."""

    def days(self) -> Sequence[date]: ...

    async def when(self, day: date) -> Snapshot: ...


class ChangeFace:
    def __init__(self, feed: Feed, past: PastDays) -> None:
        self._feed, self._past = feed, past
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/change/{scheme}/{group}",
                self.change,
                "What moved a group's share between two days, by whom and why",
                "history",
                {200: Content("the change and its parts", ChangeReply, also=("text/csv",))},
                [
                    path("scheme", "what it is a group of", SCHEME, "rir"),
                    path("group", "the group", GROUP, "ripencc"),
                    query("from", "the earlier day (by default the first there is)", DAY),
                    query("to", "the later day (by default now)", DAY),
                    query("family", "which family (default ipv4)", one_of(f.label for f in Family)),
                    query("figure", "which share (default valid_share)", one_of(Figure)),
                    query(
                        "attribution",
                        "who a route belongs to: its address block's holder, or its origin's "
                        "(asn: always origin)",
                        one_of(Attribution),
                    ),
                    query("by", "whose contributions (default network)", one_of(By)),
                    query(
                        "limit",
                        f"the most to list (default {USUAL}); all others are added up",
                        {"type": "integer", "minimum": 0, "maximum": MOST},
                    ),
                    query("format", "the form of the answer", one_of(("json", "csv"))),
                ],
                refusals=(400, 404, 503),
                tagged=True,
            )
        ]

    async def change(self, request: web.Request) -> web.Response:
        """Each contribution is (Δn − c₀ · ΔN) / N₁, with the share c₀ = n₀ / N₀ of the earlier day,
        and is the sum of its causes: together they are the change of the share, exactly. `exact`
        are the same as integers. A network is the origin of the routes."""
        where = request.match_info
        given = query_of(request, *NAMES)
        asked = parse(given)
        first = asked.first
        if first is None:
            first = await asyncio.to_thread(_earliest, self._past)
        after = await self._at(asked.last) if asked.last else current(self._feed)
        question = asked.question(after, where["scheme"], where["group"], given)
        before = await self._at(first)
        async with self._turn:
            body = await asyncio.to_thread(_body, before, after, asked, question, first)
        said = [each for snapshot in (before, after) for each in degraded_header(snapshot).values()]
        headers = {
            # Of what is answered: who belongs to a group then is what today's lists say of it.
            "ETag": f'W/"{hashlib.sha256(body).hexdigest()[:20]}"',
            "Cache-Control": NO_CACHE,
            **({DEGRADED_HEADER: "; ".join(said)[:1000]} if said else {}),
        }
        if asked.form == "json":
            return web.Response(body=body, headers=headers, content_type=JSON)
        name = csv_name(after, f"change-{question.scheme}-{question.group}")
        headers |= {"Content-Type": CSV, "Content-Disposition": name}
        return web.Response(body=body, headers=headers)

    async def _at(self, day: date) -> Snapshot:
        """
        Raises:
            Refusal: 404, the day cannot be rebuilt; 503, its files cannot be read.
        """
        with readable():
            return await self._past.when(day)


@dataclass(frozen=True, slots=True)
class AskedChange:
    """What a query asks for, whatever the snapshots. ``first`` None: the first day there is;
    ``last`` None: now."""

    first: date | None
    last: date | None
    figure: Figure
    by: By
    limit: int
    form: str

    def question(
        self, snapshot: Snapshot, scheme: str, group: str, given: Mapping[str, str]
    ) -> Question:
        """The question, with the default attribution of the scheme.

        Raises:
            Refusal: 400, saying what is allowed; 404, there is no such scheme.
        """
        rest = {name: given[name] for name in ("family", "attribution") if name in given}
        its = asked_of(scheme, rest, snapshot)
        return Question(scheme, group, its.attribution, its.families[0], self.figure, self.by)


def parse(given: Mapping[str, str]) -> AskedChange:
    """What a query asks for, as far as that can be said without a snapshot.

    Raises:
        Refusal: 400, saying what is allowed.
    """
    first, last = (parse_day(name, given.get(name)) for name in ("from", "to"))
    if first and last and first > last:
        raise Refusal(400, f"from={first} is after to={last}")
    limit = number(given, "limit", 0, MOST, USUAL)
    return AskedChange(
        first,
        last,
        Figure(chosen(given, "figure", tuple(Figure))),
        By(chosen(given, "by", tuple(By))),
        int(limit),
        chosen(given, "format", ("json", "csv")),
    )


def _earliest(past: PastDays) -> date:
    """
    Raises:
        Refusal: 404, no day can be rebuilt yet; 503, the files cannot be read.
    """
    with readable():
        days = past.days()
    if not days:
        raise Refusal(404, "there is no history yet: the first day is written soon after the start")
    return days[0]


def _body(
    before: Snapshot, after: Snapshot, asked: AskedChange, question: Question, first: date
) -> bytes:
    reply = describe(before, after, question, asked.limit, (first, asked.last))
    if asked.form == "json":
        return msgspec.json.encode(reply)
    text = io.StringIO()
    change_text.write_csv(text, reply)
    return text.getvalue().encode()
