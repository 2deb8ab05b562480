"""Coverage by network, country, registry or class: the rows of
:func:`validator.figures.coverage.row`.

``GET /api/v1/coverage?by=…`` with ``family``, ``attribution``, ``min_peers``, ``sort`` and
``format`` (json or csv). All networks together are some 40 MB of text. It is made once for each
snapshot, in a thread, and kept compressed; clients that take no gzip get it unpacked as they read.

While an input is older than it may be, the answer says so: in JSON under ``degraded``, and in the
header ``X-Originsight-Degraded`` of both forms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.figures import coverage_text
from validator.figures.coverage import Coverage, Order
from validator.formats.replies import generated_time
from validator.groupings import Attribution, attribution_of
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.model import Family
from validator.snapshot import Snapshot
from validator.tables.announced import count_exclusions, with_min_peers
from validator.web.answers import (
    JSON,
    Refusal,
    chosen,
    current,
    number,
    query_of,
    snapshot_headers,
    stale_notes,
    vary,
)
from validator.web.contract import Content, Operation, Parameter, query
from validator.web.coverage_replies import CoverageReply
from validator.web.moments import asked as moment
from validator.web.packed import Packed, degraded_header, pack, said_header, send
from validator.web.past import AT, parse_day, past

CSV = "text/csv; charset=utf-8; header=present"
SCHEME = {
    "type": "string",
    "pattern": "^[a-z][a-z0-9-]{0,79}$",
    "description": "a scheme: asn, country, rir, or one of /api/v1/schemes",
}
_KEPT = 64
"""Texts kept for one snapshot: what a client may ask for is bounded, and so is this."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for. ``families`` in their order; ``min_peers`` None: the snapshot's."""

    scheme: str
    attribution: Attribution
    families: tuple[Family, ...]
    form: str = "json"
    order: Order = Order.SPACE
    min_peers: int | None = None


class CoverageFace:
    def __init__(
        self, feed: Feed, history: Reader | None = None, moments: Moments | None = None
    ) -> None:
        """``history``: the figures of earlier days, if they are kept; ``moments``: their tables."""
        self._feed, self._history, self._moments = feed, history, moments
        self._turn = asyncio.Lock()
        self._generation = 0
        self._kept: dict[Asked, Packed] = {}

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/coverage",
                self.rows,
                "Coverage of every group of a scheme",
                "coverage",
                {
                    200: Content(
                        "a row for each group and family",
                        CoverageReply,
                        also=("text/csv",),
                        headers={"X-Originsight-Degraded": "What is older than it may be, if any."},
                    )
                },
                [
                    query("by", "what to group by", SCHEME, required=True, example="rir"),
                    *ASKED_PARAMETERS,
                    AT,
                    query("format", "the form of the answer", one_of(("json", "csv"))),
                ],
                refusals=(400, 404, 503),
                tagged=True,
            )
        ]

    async def rows(self, request: web.Request) -> web.StreamResponse:
        """With ``at``: as it was answered on that day, if a history is kept."""
        snapshot = current(self._feed)
        names = ("by", "family", "attribution", "min_peers", "sort", "at", "format")
        given = query_of(request, *names)
        day = parse_day("at", given.get("at"))
        asked = parse(given, snapshot)
        if day is not None:
            if asked.min_peers is not None:
                return await self._recounted(request, asked, given["at"])
            by = asked.attribution if "attribution" in given else None
            return await self._past(request, asked, by, day)
        headers = {**snapshot_headers(snapshot), **degraded_header(snapshot)}
        vary(headers, "Accept-Encoding")
        headers["Content-Type"] = JSON if asked.form == "json" else CSV
        if asked.form == "csv":
            headers["Content-Disposition"] = csv_name(snapshot, f"coverage-by-{asked.scheme}")
        answer = web.StreamResponse(headers=headers)
        known = request.if_none_match or ()
        if answer.etag and any(each.value in (answer.etag.value, "*") for each in known):
            return web.Response(status=304, headers=snapshot_headers(snapshot))
        return await send(request, answer, await self._packed(snapshot, asked))

    async def _recounted(self, request: web.Request, asked: Asked, at: str) -> web.StreamResponse:
        """With another number of peers than the day's: counted anew from its tables."""
        old = await moment(self._moments, self._feed, at)
        async with self._turn:
            packed = await asyncio.to_thread(lambda: pack(text(old, asked)))
        headers = {**snapshot_headers(old), **degraded_header(old)}
        headers["Content-Type"] = JSON if asked.form == "json" else CSV
        vary(headers, "Accept-Encoding")
        return await send(request, web.StreamResponse(headers=headers), packed)

    async def _past(
        self, request: web.Request, asked: Asked, by: Attribution | None, day: date
    ) -> web.StreamResponse:
        async with self._turn:
            old = await asyncio.to_thread(past, self._history, asked.scheme, by, day)
            table = old.coverage, old.name, asked.families, asked.order
            packed = await asyncio.to_thread(lambda: pack(_written(asked.form, table, old.head)))
        headers = {**old.headers, **said_header(old.record.stale_notes)}
        headers["Content-Type"] = JSON if asked.form == "json" else CSV
        vary(headers, "Accept-Encoding")
        return await send(request, web.StreamResponse(headers=headers), packed)

    async def _packed(self, snapshot: Snapshot, asked: Asked) -> Packed:
        """The text asked for: made at most once, and one at a time."""
        async with self._turn:
            if snapshot.generation > self._generation:
                self._generation, self._kept = snapshot.generation, {}
            packed = self._kept.get(asked) if snapshot.generation == self._generation else None
            if packed is None:
                packed = await asyncio.to_thread(lambda: pack(text(snapshot, asked)))
                if snapshot.generation == self._generation and len(self._kept) < _KEPT:
                    self._kept[asked] = packed
            return packed


def one_of(values: Iterable[str]) -> dict[str, Any]:
    """The JSON Schema of a choice."""
    return {"type": "string", "enum": [str(each) for each in values]}


ASKED_PARAMETERS: tuple[Parameter, ...] = (
    query("family", "one family alone", one_of(each.label for each in Family)),
    query(
        "attribution",
        "who a route belongs to: its address block's holder, or its origin's (asn: always origin)",
        one_of(Attribution),
    ),
    query(
        "min_peers",
        "the least number of peers that must see a route, instead of the service's",
        {"type": "integer", "minimum": 1, "maximum": 65535},
    ),
    query("sort", "what comes first", one_of(Order)),
)
"""What the list of groups and a group's members have in common."""


def csv_name(snapshot: Snapshot, what: str) -> str:
    """A Content-Disposition: the name says whether the figures are a sample's."""
    return f'inline; filename="{what}{"-SAMPLE" if snapshot.sample else ""}.csv"'


def parse(given: dict[str, str], snapshot: Snapshot) -> Asked:
    """What a query asks for.

    Raises:
        Refusal: 400, saying what is allowed; 404, there is no such scheme.
    """
    scheme = given.get("by")
    if scheme is None:
        allowed = ", ".join(snapshot.schemes)
        raise Refusal(400, f"missing 'by' argument in query; allowed: {allowed}")
    return asked_of(scheme, given, snapshot)


def asked_of(scheme: str, given: dict[str, str], snapshot: Snapshot) -> Asked:
    """What is asked of a scheme.

    Raises:
        Refusal: 400, saying what is allowed; 404, there is no such scheme.
    """
    if scheme not in snapshot.schemes:
        raise Refusal(
            404, f"no scheme is called {scheme!r}; there are {', '.join(snapshot.schemes)}"
        )
    by = chosen(given, "attribution", list(Attribution), "")
    family = chosen(given, "family", [each.label for each in Family], "")
    try:
        attribution = attribution_of(
            scheme, Attribution(by) if by else None, snapshot.groupings.get(scheme)
        )
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    peers = number(given, "min_peers", 1, 65_535, 0) if "min_peers" in given else None
    return Asked(
        scheme,
        attribution,
        tuple(each for each in Family if family in ("", each.label)),
        chosen(given, "format", ("json", "csv")),
        Order(chosen(given, "sort", list(Order), Order.SPACE)),
        peers,
    )


def figures_of(snapshot: Snapshot, asked: Asked) -> tuple[Coverage, dict[str, int], int]:
    """The coverage asked for, the routes it leaves out by reason, and the peers that must see a
    route. Takes a moment if that is another number than the snapshot's."""
    peers = asked.min_peers or snapshot.min_peers
    coverage = snapshot.counted(asked.scheme, asked.attribution, peers)
    if peers == snapshot.min_peers:
        return coverage, dict(snapshot.exclusions), peers
    excluded = with_min_peers(snapshot.excluded, snapshot.routes, peers)
    return coverage, count_exclusions(excluded), peers


def text(snapshot: Snapshot, asked: Asked) -> Iterator[bytes]:
    """The answer, in pieces."""
    coverage, excluded, min_peers = figures_of(snapshot, asked)
    table = coverage, snapshot.namer(asked.scheme), asked.families, asked.order
    head = {
        "by": asked.scheme,
        "attribution": asked.attribution.value,
        "min_peers": min_peers,
        "generated": generated_time(snapshot.created),
        "generation": snapshot.generation,
        "sample": snapshot.sample,
        "degraded": stale_notes(snapshot),
        "excluded": excluded,
    }
    yield from _written(asked.form, table, head)


_Table = tuple[Coverage, Callable[[str], str], tuple[Family, ...], Order]


def _written(form: str, table: _Table, head: Mapping[str, Any]) -> Iterator[bytes]:
    if form == "csv":
        yield from coverage_text.csv_text(*table)
        return
    yield _encode(head)[:-1] + b',"rows":['
    yield from coverage_text.json_rows(*table)
    yield b"]}"
