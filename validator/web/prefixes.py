"""One prefix: ``GET /api/v1/prefix/{prefix}``, and what is announced and authorised around it.

``exact`` are the routes of just this prefix, an entry for each origin; ``less_specific`` those of
the prefixes that cover it, the nearest first; ``more_specific`` those inside it, in the order of
addresses. ``vrps`` are the VRPs that cover the prefix (a route from the AS of one of them, no
longer than its maxLength, is valid), ``vrps_inside`` those for a part of it. Each list shows its
first ``limit`` entries and says how many there are; ``less=false`` and ``more=false`` leave the
entries out, not the totals. Routes that coverage does not count are here too, marked.

Bits beyond the length of the prefix are ignored, as where its validity is asked for; ``prefix`` in
the answer is the prefix that was looked up. Every prefix is answered with 200.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import islice

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.formats.asked import relaxed_prefix
from validator.formats.replies import generated_time
from validator.groupings import NOBODY
from validator.history.moments import Moments
from validator.model import Family, Prefix
from validator.snapshot import Snapshot
from validator.tables.resources import ResourceTable
from validator.tables.surroundings import covering_vrps, routes_around, vrps_inside
from validator.web.answers import Refusal, json_reply, query_of, stale_notes
from validator.web.contract import PREFIX_TEXT, Content, Operation, path, query
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.route_replies import (
    RoutesOut,
    VrpsOut,
    choice_of,
    limit_of,
    limit_parameter,
    routes_out,
    vrps_out,
)

_CHOICES = {"true": True, "false": False}
_BOOLEAN = {"type": "boolean", "default": True}


class BlockOut(msgspec.Struct, frozen=True):
    """What the registries say of the block that holds the first address of the prefix.

    ``country`` and ``rir`` are ``ZZ`` where nobody holds it; ``registry`` is who says so, null
    where none says anything, and then all that follows is null too. ``status``: allocated,
    assigned, available or reserved; ``date``: YYYY-MM-DD; ``holder``: the registry's identifier
    of the holder, which means nothing beyond its file; ``whole``: the block holds all of the
    prefix.
    """

    country: str
    rir: str
    registry: str | None
    status: str | None
    date: str | None
    holder: str | None
    first: str | None
    last: str | None
    whole: bool | None


class PrefixOut(msgspec.Struct, frozen=True, kw_only=True):
    """What is announced and authorised at, above and inside a prefix."""

    prefix: str
    announced: bool
    block: BlockOut
    vrps: VrpsOut
    vrps_inside: VrpsOut
    exact: RoutesOut
    less_specific: RoutesOut
    more_specific: RoutesOut
    min_peers: int
    generated: str
    generation: int
    sample: bool
    degraded: list[str]


class PrefixFace:
    def __init__(self, feed: Feed, moments: Moments | None = None) -> None:
        self._feed, self._moments = feed, moments
        # One at a time: a thread at work holds the interpreter by turns of 5 ms, and the event loop
        # would have to wait for the turns of all.
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/prefix/{prefix:.+}",
                self.prefix,
                "A prefix with its less and more specific routes, their states and VRPs",
                "networks and prefixes",
                {200: Content("what is announced and authorised around the prefix", PrefixOut)},
                [
                    path("prefix", "the prefix", PREFIX_TEXT, "192.0.2.0/24"),
                    query("less", "list the routes that cover it", _BOOLEAN, example=True),
                    query("more", "list the routes and VRPs inside it", _BOOLEAN, example=True),
                    limit_parameter("the most entries of each list"),
                    AT,
                ],
                refusals=(400, 404, 503),
            )
        ]

    def routes(self) -> list[web.RouteDef]:
        return [each.route for each in self.operations()]

    async def prefix(self, request: web.Request) -> web.Response:
        given = query_of(request, "less", "more", "limit", "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        try:
            asked = relaxed_prefix(request.match_info["prefix"])
        except ValueError as error:
            raise Refusal(400, f"invalid prefix: {error}") from None
        less = choice_of(given, "less", _CHOICES) is not False
        more = choice_of(given, "more", _CHOICES) is not False
        limit = limit_of(given)
        most = limit if less else 0, limit if more else 0, limit
        async with self._turn:
            return json_reply(await asyncio.to_thread(describe, snapshot, asked, *most))


def describe(snapshot: Snapshot, prefix: Prefix, less: int, more: int, limit: int) -> PrefixOut:
    """All that lies around a prefix. The three numbers are the most entries of the lists above it,
    inside it, and at it."""
    rows = routes_around(snapshot.routes, prefix)
    return PrefixOut(
        prefix=str(prefix),
        announced=bool(rows.exact),
        block=block_of(snapshot.resources, prefix),
        vrps=vrps_out(covering_vrps(snapshot.vrps, prefix, limit)),
        vrps_inside=vrps_out(vrps_inside(snapshot.vrps, prefix, more)),
        exact=routes_out(snapshot, len(rows.exact), rows.exact[:limit]),
        less_specific=routes_out(snapshot, len(rows.less), islice(rows.less, less)),
        more_specific=routes_out(snapshot, len(rows.more), rows.more[:more]),
        min_peers=snapshot.min_peers,
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


def block_of(resources: ResourceTable, prefix: Prefix) -> BlockOut:
    """Who holds the first address of a prefix, also if nobody does."""
    record = resources.record_of(prefix)
    if record is None:
        return BlockOut(NOBODY, NOBODY, None, None, None, None, None, None, None)
    held = record.status.delegated
    date = f"{record.date:08}"
    size = 1 << 32 - prefix.length if prefix.family is Family.IPV4 else 1 << 64 >> prefix.length
    start = prefix.high >> 32 if prefix.family is Family.IPV4 else prefix.high
    if prefix.family is Family.IPV4:
        first, last = str(IPv4Address(record.first)), str(IPv4Address(record.last))
    else:  # the registries' units are /64s
        first = str(IPv6Address(record.first << 64))
        last = str(IPv6Address((record.last + 1 << 64) - 1))
    return BlockOut(
        country=record.country if held else NOBODY,
        rir=record.registry if held else NOBODY,
        registry=record.registry,
        status=record.status.name.lower(),
        date=f"{date[:4]}-{date[4:6]}-{date[6:]}" if record.date else None,
        holder=record.holder or None,
        first=first,
        last=last,
        whole=start + max(size, 1) - 1 <= record.last,
    )
