"""Is this route valid? One by one or many at once, in Routinator's shapes (``validator.replies``).

As Routinator has it: bits beyond the length of a prefix are ignored in a path or query and refused
in a list; an AS number is ``AS64496`` or ``64496``, in a list also a plain number; one bad route in
a list refuses the list. Ours takes lists of up to :data:`MOST_BYTES` (there: 100 kB) and answers
long ones piece by piece. While the VRPs are older than they may be, answers carry ``degraded``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from socket import AF_INET, AF_INET6, inet_pton

import msgspec
from aiohttp import web
from msgspec import UNSET

from validator.feed import Feed
from validator.model import LARGEST_ASN, Family, Prefix, parse_asn
from validator.replies import ManyReply, generated_time, validated_route, validity_reply
from validator.snapshot import Snapshot
from validator.web.answers import JSON, Refusal, current, json_reply, query_of, stale_notes
from validator.web.json_pieces import cut_array

MOST_BYTES = 16 << 20
_AT_ONCE = 4 << 10
"""Bytes of a list that is answered on the spot: a hundred routes, about a millisecond."""

_WORD = 0xFFFF_FFFF_FFFF_FFFF


class _Route(msgspec.Struct, frozen=True, gc=False):
    asn: str | int
    prefix: str


_decode_one = msgspec.json.Decoder(list[_Route]).decode
_encode = msgspec.json.Encoder().encode


class ValidityFace:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        # One long list at a time does its work: each holds the interpreter by turns of 5 ms.
        self._turn = asyncio.Semaphore(1)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v1/validity/{asn}/{prefix:.+}", self.by_path),
            web.get("/validity", self.by_query),
            web.post("/validity", self.many),
        ]

    async def by_path(self, request: web.Request) -> web.Response:
        given = request.match_info
        return self._one(given["asn"], given["prefix"])

    async def by_query(self, request: web.Request) -> web.Response:
        given = query_of(request, "asn", "prefix")
        for name in ("asn", "prefix"):
            if name not in given:
                raise Refusal(400, f"missing '{name}' argument in query")
        return self._one(given["asn"], given["prefix"])

    def _one(self, asn: str, prefix: str) -> web.Response:
        snapshot = current(self._feed)
        try:
            origin = parse_asn(asn)
        except ValueError as error:
            raise Refusal(400, f"invalid ASN: {error}") from None
        try:
            asked = relaxed_prefix(prefix)
        except ValueError as error:
            raise Refusal(400, f"invalid prefix: {error}") from None
        explanation = snapshot.explain(asked, origin)
        return json_reply(validity_reply(explanation, snapshot.created, _degraded(snapshot)))

    async def many(self, request: web.Request) -> web.StreamResponse:
        snapshot = current(self._feed)
        body = await request.read()
        if len(body) <= _AT_ONCE:
            routes = [route for piece in _pieces(body) for route in _routes(piece, 0)]
            answers = [validated_route(snapshot.explain(*route)) for route in routes]
            degraded = _degraded(snapshot) or UNSET
            return json_reply(ManyReply(answers, generated_time(snapshot.created), degraded))
        async with self._turn:
            pieces = await asyncio.to_thread(_pieces, body)
        del body
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


def relaxed_prefix(text: str) -> Prefix:
    """A prefix whose bits beyond its length are ignored.

    Raises:
        ValueError: it is not an address, a slash and a length within the family's bits.
    """
    return _read_prefix(text, strict=False)


def _read_prefix(text: str, *, strict: bool) -> Prefix:
    """As ``Prefix.parse``, by the C library: a third of its time, and each look-up needs it."""
    address, _, digits = text.partition("/")
    ipv6 = ":" in address
    try:
        value = int.from_bytes(inet_pton(AF_INET6 if ipv6 else AF_INET, address), "big")
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is not an address, a slash and a length") from None
    bits = 128 if ipv6 else 32
    if not digits.isascii() or not digits.isdigit() or len(digits) > 3 or int(digits) > bits:
        raise ValueError(f"{text!r} has no length from 0 to {bits}")
    length = int(digits)
    spare = bits - length
    kept = value >> spare << spare
    if strict and kept != value:
        raise ValueError(f"{text!r} has bits set beyond its length")
    if ipv6:
        return Prefix(Family.IPV6, kept >> 64, kept & _WORD, length)
    return Prefix(Family.IPV4, kept << 32, 0, length)


def _pieces(body: bytes) -> list[bytes]:
    """The list of a request, as several."""
    try:
        return cut_array(body, "routes")
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
            yield _read_prefix(row.prefix, strict=True), _asn(row.asn)
        except ValueError as error:
            raise Refusal(400, f"routes[{number}]: {error}") from None


def _asn(given: str | int) -> int:
    if isinstance(given, str):
        return parse_asn(given)
    if not 0 <= given <= LARGEST_ASN:
        raise ValueError(f"{given} is not an AS number of 32 bits")
    return given


def _check(piece: bytes, before: int) -> int:
    """How many routes a piece has, all of them good."""
    return sum(1 for _ in _routes(piece, before))


def _answer(snapshot: Snapshot, piece: bytes) -> bytes:
    """The answers on a piece, separated by commas."""
    answers = [validated_route(snapshot.explain(*route)) for route in _routes(piece, 0)]
    return _encode(answers)[1:-1]
