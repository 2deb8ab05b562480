"""Is this route valid? One by one or many at once, in Routinator's shapes
(``validator.formats.replies``).

As Routinator has it: bits beyond the length of a prefix are ignored in a path or query and refused
in a list; an AS number is ``AS64496`` or ``64496``, in a list also a plain number; one bad route in
a list refuses the list, so that all of it is looked at before any is answered. There a list may
have 100 kB; ours waits on disk if it is long, and is answered piece by piece. While the VRPs are
older than they may be, answers carry ``degraded``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from mmap import mmap

import msgspec
from aiohttp import web
from msgspec import UNSET

from validator.feed import Feed
from validator.formats.asked import AskedRoute, asked_asn, relaxed_prefix, strict_prefix
from validator.formats.replies import (
    ManyReply,
    OneReply,
    generated_time,
    validated_route,
    validity_reply,
    validity_text,
)
from validator.history.moments import Moments
from validator.model import LARGEST_ASN, Prefix, parse_asn
from validator.snapshot import Snapshot
from validator.web.answers import JSON, Refusal, current, json_reply, query_of, stale_notes
from validator.web.bulk import BulkLimits, Jobs, take_whole
from validator.web.contract import (
    ASN_TEXT,
    PREFIX_TEXT,
    STRICT_PREFIX_TEXT,
    Content,
    Operation,
    Style,
    path,
    query,
)
from validator.web.json_pieces import ArrayPieces
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.spool import Body

MOST_BYTES = 16 << 20
"""Of bodies that are not lists of routes."""
_AT_ONCE = 4 << 10
"""Bytes of a list that is answered on the spot: a hundred routes, about a millisecond."""

_TAG = "validity"
_REFUSALS = (400, 404, 503)
_LIST = {
    "type": "object",
    "required": ["routes"],
    "properties": {
        "routes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["asn", "prefix"],
                "properties": {
                    "asn": {
                        "anyOf": [
                            ASN_TEXT,
                            {"type": "integer", "minimum": 0, "maximum": LARGEST_ASN},
                        ]
                    },
                    "prefix": STRICT_PREFIX_TEXT,
                },
                "example": {"asn": "AS64496", "prefix": "192.0.2.0/24"},
            },
        }
    },
}

_decode_one = msgspec.json.Decoder(list[AskedRoute]).decode
_encode = msgspec.json.Encoder().encode


class ValidityFace:
    def __init__(
        self, feed: Feed, jobs: Jobs | None = None, moments: Moments | None = None
    ) -> None:
        self._feed, self._jobs, self._moments = feed, jobs or Jobs(BulkLimits()), moments
        # One long list at a time does its work: each holds the interpreter by turns of 5 ms.
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        one = {200: Content("the state of the route and why", OneReply)}
        return [
            Operation(
                "GET",
                "/api/v1/validity/{asn}/{prefix:.+}",
                self.by_path,
                "Is this route valid?",
                _TAG,
                one,
                [
                    path("asn", "the origin", ASN_TEXT, "AS64496"),
                    path("prefix", "the prefix", PREFIX_TEXT, "192.0.2.0/24"),
                    AT,
                ],
                refusals=_REFUSALS,
                style=Style.ROUTINATOR,
            ),
            Operation(
                "GET",
                "/validity",
                self.by_query,
                "Is this route valid? With arguments",
                _TAG,
                one,
                [
                    query("asn", "the origin", ASN_TEXT, required=True, example="AS64496"),
                    query(
                        "prefix", "the prefix", PREFIX_TEXT, required=True, example="192.0.2.0/24"
                    ),
                    AT,
                ],
                refusals=_REFUSALS,
                style=Style.ROUTINATOR,
            ),
            Operation(
                "POST",
                "/validity",
                self.many,
                "Are these routes valid?",
                _TAG,
                {200: Content("an answer on each, in their order", ManyReply)},
                [AT],
                body=Content("The routes. One that is none refuses all.", schema=_LIST),
                refusals=(400, 404, 408, 413, 503),
                style=Style.ROUTINATOR,
            ),
        ]

    async def by_path(self, request: web.Request) -> web.Response:
        given = request.match_info
        # Other arguments are no concern of ours, as they are none of Routinator's.
        at = request.query.get("at") if request.query_string else None
        return self._one(await self._asked(at), given["asn"], given["prefix"])

    async def by_query(self, request: web.Request) -> web.Response:
        given = query_of(request, "asn", "prefix", "at")
        for name in ("asn", "prefix"):
            if name not in given:
                raise Refusal(400, f"missing '{name}' argument in query")
        return self._one(await self._asked(given.get("at")), given["asn"], given["prefix"])

    async def _asked(self, at: str | None) -> Snapshot:
        return current(self._feed) if at is None else await moment(self._moments, self._feed, at)

    def _one(self, snapshot: Snapshot, asn: str, prefix: str) -> web.Response:
        created, degraded = snapshot.created, _degraded(snapshot)
        text = validity_text(asn, prefix, snapshot.vrps, created, degraded)
        if text is not None:
            return web.Response(body=text, content_type=JSON)
        try:
            origin = parse_asn(asn)
        except ValueError as error:
            raise Refusal(400, f"invalid ASN: {error}") from None
        try:
            asked = relaxed_prefix(prefix)
        except ValueError as error:
            raise Refusal(400, f"invalid prefix: {error}") from None
        return json_reply(validity_reply(snapshot.explain(asked, origin), created, degraded))

    async def many(self, request: web.Request) -> web.StreamResponse:
        snapshot = await self._asked(request.query.get("at"))
        async with Body(self._jobs.room, self._jobs.limits.memory_bytes) as body:
            document = await take_whole(request, body, self._jobs.limits)
            if len(document) > _AT_ONCE:
                async with self._jobs.one():
                    return await self._answer_long(request, snapshot, document)
        routes = [route for piece in _pieces(document) for route in _routes(piece, 0)]
        answers = [validated_route(snapshot.explain(*route)) for route in routes]
        degraded = _degraded(snapshot) or UNSET
        return json_reply(ManyReply(answers, generated_time(snapshot.created), degraded))

    async def _answer_long(
        self, request: web.Request, snapshot: Snapshot, document: bytes | mmap
    ) -> web.StreamResponse:
        async with self._turn:
            pieces = await asyncio.to_thread(_pieces, document)
        checked = 0
        for piece in pieces:
            async with self._turn:
                checked += await asyncio.to_thread(_check, piece, checked)
        response = web.StreamResponse(headers={"Content-Type": JSON})
        await response.prepare(request)
        await response.write(b'{"validated_routes":[')
        for number, piece in enumerate(pieces):
            async with self._turn:
                answer = await asyncio.to_thread(_answer, snapshot, piece)
            await response.write(b"," + answer if number else answer)
        tail: dict[str, object] = {"generatedTime": generated_time(snapshot.created)}
        if degraded := _degraded(snapshot):
            tail |= {"degraded": degraded}
        await response.write(b"]," + _encode(tail)[1:])
        await response.write_eof()
        return response


def _degraded(snapshot: Snapshot) -> list[str]:
    """Why the VRPs are not to be relied on without a word; mostly there is nothing."""
    return stale_notes(snapshot, vrps_only=True) if snapshot.troubles else []


def _pieces(document: bytes | mmap) -> ArrayPieces:
    """The list of a request, as several."""
    try:
        return ArrayPieces(document, "routes")
    except ValueError as error:
        raise Refusal(400, f"could not decode JSON: {error}") from None


def _routes(piece: bytes, before: int) -> Iterator[tuple[Prefix, int]]:
    """The routes of a piece of the list; ``before`` counts those of the pieces before it."""
    try:
        rows = _decode_one(piece)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        place = f" (in the routes from number {before} on)" if before else ""
        raise Refusal(400, f"could not decode JSON: {error}{place}") from None
    for number, row in enumerate(rows, before):
        try:
            yield strict_prefix(row.prefix), asked_asn(row.asn)
        except ValueError as error:
            raise Refusal(400, f"routes[{number}]: {error}") from None


def _check(piece: bytes, before: int) -> int:
    """How many routes a piece has, all of them good."""
    return sum(1 for _ in _routes(piece, before))


def _answer(snapshot: Snapshot, piece: bytes) -> bytes:
    """The answers on a piece, separated by commas."""
    answers = [validated_route(snapshot.explain(*route)) for route in _routes(piece, 0)]
    return _encode(answers)[1:-1]
