"""One group in everybody's words: ``GET /api/v1/dialects/{scheme}/{group}``.

The figures that RIPE NCC, the NRO, NIST, MANRS and Cloudflare Radar publish, worked out from this
service's snapshot beside its own, for the group and for the whole Internet: each with its formula,
numerator, denominator, definition and the reason for the difference
(:mod:`validator.groups.dialects`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from fractions import Fraction

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.formats.replies import generated_time
from validator.groupings import Attribution
from validator.groups import dialects
from validator.groups.dialects import Line, Share
from validator.history.moments import Moments
from validator.snapshot import Snapshot
from validator.web.answers import query_of, snapshot_reply, stale_notes
from validator.web.contract import Content, Operation, path, query
from validator.web.coverage import SCHEME, Asked, asked_of, one_of
from validator.web.groups import GROUP, no_group
from validator.web.moments import AT
from validator.web.moments import asked as moment


class ShareOut(msgspec.Struct, frozen=True):
    """A figure and what it is made of. ``value`` is null where the denominator is zero; all are
    null where the figure means nothing (nobody is delegated space by origin)."""

    numerator: int | float | None
    denominator: int | float | None
    value: float | None


class DialectOut(msgspec.Struct, frozen=True, kw_only=True):
    """One published figure. ``family`` is ``both`` where it adds IPv4 and IPv6 up; ``unit`` is of
    numerator and denominator; ``why`` says why it is not our figure, or that it is."""

    name: str
    title: str
    publisher: str
    family: str
    formula: str
    unit: str
    group: ShareOut
    whole: ShareOut
    why: str
    definition: str
    url: str


class DialectsReply(msgspec.Struct, frozen=True, kw_only=True):
    """A group in everybody's words, beside the whole Internet. ``ripe_peers``: how many peers had
    to see a route in RIPE NCC's figures (5, or ``min_peers`` where there are fewer peers)."""

    by: str
    title: str
    group: str
    name: str
    attribution: Attribution
    min_peers: int
    ripe_peers: int
    dialects: list[DialectOut]
    generated: str
    generation: int
    sample: bool
    degraded: list[str]


class DialectFace:
    def __init__(self, feed: Feed, moments: Moments | None = None) -> None:
        self._feed, self._moments = feed, moments
        # A large table takes some tens of milliseconds: one client at a time.
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/dialects/{scheme}/{group}",
                self.compare,
                "One group in the figures of RIPE NCC, NRO, NIST, MANRS and Cloudflare Radar",
                "coverage",
                {200: Content("every dialect, for the group and for all", DialectsReply)},
                [
                    path("scheme", "what it is a group of", SCHEME, "rir"),
                    path("group", "the group", GROUP, "ripencc"),
                    query(
                        "attribution",
                        "who a route belongs to: its address block's holder, or its origin's "
                        "(asn: always origin)",
                        one_of(Attribution),
                    ),
                    AT,
                ],
                refusals=(400, 404, 503),
                tagged=True,
            )
        ]

    async def compare(self, request: web.Request) -> web.Response:
        """The same routes, states and space throughout: what differs is what is divided by what."""
        given = query_of(request, "attribution", "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        asked = asked_of(request.match_info["scheme"], given, snapshot)
        group = request.match_info["group"]
        async with self._turn:
            reply = await asyncio.to_thread(describe, snapshot, asked, group)
        return snapshot_reply(snapshot, reply)


def describe(snapshot: Snapshot, asked: Asked, group: str) -> DialectsReply:
    """The dialects of one group.

    Raises:
        Refusal: 404, the scheme has no such group.
    """
    compared = dialects.table(snapshot, asked.scheme, group, asked.attribution)
    if compared is None:
        raise no_group(snapshot, asked.scheme, asked.attribution, group)
    return DialectsReply(
        by=compared.scheme,
        title=snapshot.scheme_title(asked.scheme),
        group=group,
        name=snapshot.group_name(asked.scheme, group),
        attribution=asked.attribution,
        min_peers=compared.min_peers,
        ripe_peers=compared.ripe_peers,
        dialects=[_line(each) for each in compared.lines],
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


def _line(line: Line) -> DialectOut:
    dialect = line.dialect
    return DialectOut(
        name=dialect.name,
        title=dialect.title,
        publisher=dialect.source.publisher,
        family=line.family.label if line.family else "both",
        formula=dialect.formula,
        unit=dialect.unit,
        group=_share(line.group),
        whole=_share(line.whole),
        why=dialect.why,
        definition=dialect.source.document,
        url=dialect.source.url,
    )


def _share(share: Share) -> ShareOut:
    return ShareOut(_number(share.numerator), _number(share.denominator), share.value)


def _number(number: Fraction | int | None) -> int | float | None:
    """Whole numbers as they are, all others as near as JSON has them."""
    if number is None:
        return None
    return int(number) if number == int(number) else float(number)
