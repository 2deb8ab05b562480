"""Coverage by network, country or RIR: the rows of :func:`validator.coverage.row`, as text.

``GET /api/v1/coverage?by=asn|country|rir`` with ``family``, ``attribution`` and ``format`` (json or
csv). All networks together are some 40 MB of text. It is made once for each snapshot, in a thread,
and kept compressed; clients that take no gzip get it unpacked as they read.

While an input is older than it may be, the answer says so: in JSON under ``degraded``, and in the
header ``X-Originsight-Degraded`` of both forms.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from aiohttp import ETag, web

from validator import coverage_text
from validator.feed import Feed
from validator.groupings import Attribution, Scheme, attribution_of
from validator.model import Family
from validator.replies import generated_time
from validator.snapshot import Snapshot
from validator.web.answers import JSON, Refusal, accepts_gzip, current, query_of, stale_notes
from validator.web.contract import Content, Operation, query
from validator.web.network_replies import CoverageOut

_CSV = "text/csv; charset=utf-8; header=present"
_UNPACK_AT_ONCE = 256 << 10
_SLICE = 16 << 10
"""Compressed bytes unpacked at a time: some 200 kB of text."""
_GZIP_WINDOW = 31

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for. ``families`` in their order."""

    scheme: Scheme
    attribution: Attribution
    families: tuple[Family, ...]
    form: str


@dataclass(frozen=True, slots=True)
class Packed:
    """A text compressed (gzip), and how long it is unpacked."""

    content: bytes
    unpacked_bytes: int


class CoverageReply(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of a scheme. ``excluded`` counts routes that no group has, by reason."""

    by: Scheme
    attribution: Attribution
    min_peers: int
    generated: str
    generation: int
    sample: bool
    degraded: list[str]
    excluded: dict[str, int]
    rows: list[CoverageOut]


class CoverageFace:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._turn = asyncio.Lock()
        self._generation = 0
        self._kept: dict[Asked, Packed] = {}

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/coverage",
                self.rows,
                "Coverage by network, country or RIR",
                "coverage",
                {
                    200: Content(
                        "a row for each group and family, largest announced space first",
                        CoverageReply,
                        also=("text/csv",),
                        headers={"X-Originsight-Degraded": "What is older than it may be, if any."},
                    )
                },
                [
                    query("by", "what to group by", _enum(Scheme), required=True, example="rir"),
                    query("family", "one family alone", _enum(each.label for each in Family)),
                    query(
                        "attribution",
                        "who a route belongs to; networks are always by origin",
                        _enum(Attribution),
                    ),
                    query("format", "the form of the answer", _enum(("json", "csv"))),
                ],
                tagged=True,
            )
        ]

    async def rows(self, request: web.Request) -> web.StreamResponse:
        snapshot = current(self._feed)
        asked = parse(query_of(request, "by", "family", "attribution", "format"))
        headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
        # Numbers begin again when the service does, so the time goes with them.
        tag = ETag(f"{snapshot.generation}-{snapshot.created}", is_weak=True)
        known = request.if_none_match or ()
        if any(each.value in (tag.value, "*") for each in known):
            answer: web.StreamResponse = web.Response(status=304, headers=headers)
            answer.etag = tag
            return answer
        packed = await self._packed(snapshot, asked)
        if notes := stale_notes(snapshot):
            said = "; ".join(notes).encode("ascii", "backslashreplace").decode()
            headers["X-Originsight-Degraded"] = " ".join(said.split())[:1000]
        headers["Content-Type"] = JSON if asked.form == "json" else _CSV
        if asked.form == "csv":
            mark = "-SAMPLE" if snapshot.sample else ""
            name = f"coverage-by-{asked.scheme.value}{mark}.csv"
            headers["Content-Disposition"] = f'inline; filename="{name}"'
        if accepts_gzip(request):
            headers["Content-Encoding"] = "gzip"
            answer = web.Response(body=packed.content, headers=headers)
        elif packed.unpacked_bytes <= _UNPACK_AT_ONCE:
            text = zlib.decompress(packed.content, _GZIP_WINDOW)
            answer = web.Response(body=text, headers=headers)
        else:
            answer = web.StreamResponse(headers=headers)
            answer.etag = tag
            answer.content_length = packed.unpacked_bytes
            return await _send_unpacked(request, answer, packed)
        answer.etag = tag
        return answer

    async def _packed(self, snapshot: Snapshot, asked: Asked) -> Packed:
        """The text asked for: made at most once, and one at a time."""
        async with self._turn:
            if snapshot.generation > self._generation:
                self._generation, self._kept = snapshot.generation, {}
            packed = self._kept.get(asked) if snapshot.generation == self._generation else None
            if packed is None:
                packed = await asyncio.to_thread(pack, snapshot, asked)
                if snapshot.generation == self._generation:
                    self._kept[asked] = packed
            return packed


async def _send_unpacked(
    request: web.Request, answer: web.StreamResponse, packed: Packed
) -> web.StreamResponse:
    await answer.prepare(request)
    if request.method != "HEAD":
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        for start in range(0, len(packed.content), _SLICE):
            part = packed.content[start : start + _SLICE]
            await answer.write(await asyncio.to_thread(unpacker.decompress, part))
    await answer.write_eof()
    return answer


def parse(query: dict[str, str]) -> Asked:
    """What a query asks for.

    Raises:
        Refusal: 400, saying what is allowed.
    """
    schemes = [each.value for each in Scheme]
    scheme = Scheme(_choice(query, "by", schemes, None))
    attributions = [each.value for each in Attribution]
    given = _choice(query, "attribution", attributions, "") if "attribution" in query else ""
    if scheme is Scheme.ASN and given == Attribution.ADDRESS:
        raise Refusal(400, "by=asn is always by origin: leave attribution out")
    family = _choice(query, "family", [each.label for each in Family], "")
    return Asked(
        scheme,
        attribution_of(scheme, Attribution(given) if given else None),
        tuple(each for each in Family if family in ("", each.label)),
        _choice(query, "format", ["json", "csv"], "json"),
    )


def _enum(values: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": [str(each) for each in values]}


def _choice(query: dict[str, str], name: str, allowed: list[str], default: str | None) -> str:
    given = query.get(name, default)
    if given is None:
        raise Refusal(400, f"missing '{name}' argument in query; allowed: {', '.join(allowed)}")
    if given not in allowed and name in query:
        raise Refusal(400, f"{name}={given!r} is not one of {', '.join(allowed)}")
    return given


def pack(snapshot: Snapshot, asked: Asked) -> Packed:
    """Make the text and compress it as it comes, so that it never stands in memory whole."""
    packer = zlib.compressobj(3, zlib.DEFLATED, _GZIP_WINDOW)
    parts, length = [], 0
    for text in _text(snapshot, asked):
        length += len(text)
        parts.append(packer.compress(text))
    parts.append(packer.flush())
    return Packed(b"".join(parts), length)


def _text(snapshot: Snapshot, asked: Asked) -> Iterator[bytes]:
    table = (
        snapshot.coverages[asked.scheme, asked.attribution],
        partial(snapshot.group_name, asked.scheme),
        asked.families,
    )
    if asked.form == "csv":
        yield from coverage_text.csv_text(*table)
        return
    head = _encode(
        {
            "by": asked.scheme.value,
            "attribution": asked.attribution.value,
            "min_peers": snapshot.min_peers,
            "generated": generated_time(snapshot.created),
            "generation": snapshot.generation,
            "sample": snapshot.sample,
            "degraded": stale_notes(snapshot),
            "excluded": dict(snapshot.exclusions),
        }
    )
    yield head[:-1] + b',"rows":['
    yield from coverage_text.json_rows(*table)
    yield b"]}"
