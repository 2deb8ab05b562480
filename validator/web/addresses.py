"""One address: ``GET /api/v1/ip/{address}``, the announced prefix that it is reached by.

``prefix`` is the most specific announced prefix that contains the address, and ``routes`` has
every origin of it, the one that most peers see first; ``less_specific`` are the other announced
prefixes that contain it, the nearest first. Every route counts here, also one that coverage leaves
out: ``excluded`` then says why (:mod:`validator.tables.announced`), so that an address under
nothing but a default route is answered with that route, marked ``default-route``.

``holder`` is who holds the address itself, which need not be who holds all of the prefix; name,
country and RIR of a route are its origin's. What nobody holds, and the origin NONE, has country
and RIR ``ZZ``, the group that coverage counts it in.

Every address is answered with 200, one that nothing announces with ``"prefix": null``; what is not
one address is a 400. An IPv4-mapped IPv6 address is answered as the IPv4 address, and ``address``
says so; one with a zone is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from validator.feed import Feed
from validator.formats.replies import generated_time
from validator.groupings import NOBODY, Scheme
from validator.history.moments import Moments
from validator.model import Prefix, State, format_asn
from validator.snapshot import Snapshot
from validator.tables.addresses import covering, parse_address
from validator.tables.announced import REASONS
from validator.tables.resources import Delegation
from validator.web.answers import Refusal, query_of, snapshot_reply, stale_notes
from validator.web.contract import ADDRESS_TEXT, Content, Operation, path
from validator.web.moments import AT
from validator.web.moments import asked as moment


class HolderReply(msgspec.Struct, frozen=True):
    """Where a resource is registered; ``ZZ`` if nobody holds it."""

    country: str
    rir: str


class AddressRoute(msgspec.Struct, frozen=True):
    """One origin of the prefix. ``reason`` is our own label of an invalid route, ``peers`` how many
    see it, 65535 at most, ``excluded`` why coverage leaves it out, if it does."""

    origin: str
    name: str
    country: str
    rir: str
    state: State
    reason: str | None
    peers: int
    excluded: str | None


class AddressReply(msgspec.Struct, frozen=True, kw_only=True):
    """All we know of one address: the announced prefix that it is reached by, null if there is
    none, with every origin of it; the other announced prefixes that contain it, nearest first; who
    holds the address."""

    address: str
    prefix: str | None
    announced: bool
    routes: list[AddressRoute]
    less_specific: list[str]
    holder: HolderReply
    min_peers: int
    generated: str
    generation: int
    sample: bool
    degraded: list[str]


class AddressFace:
    def __init__(self, feed: Feed, moments: Moments | None = None) -> None:
        self._feed, self._moments = feed, moments

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                # With slashes, so that a prefix is told what is wrong with it.
                "/api/v1/ip/{address:.+}",
                self.address,
                "The announced prefix that an address is reached by",
                "networks and prefixes",
                {200: Content("what is known of the address", AddressReply)},
                [path("address", "the address", ADDRESS_TEXT, "192.0.2.1"), AT],
                refusals=(400, 404, 503),
                tagged=True,
            )
        ]

    async def address(self, request: web.Request) -> web.Response:
        snapshot = await moment(self._moments, self._feed, query_of(request, "at").get("at"))
        try:
            address = parse_address(request.match_info["address"])
        except ValueError as error:
            raise Refusal(400, f"invalid address: {error}") from None
        return snapshot_reply(snapshot, describe(snapshot, address))


def describe(snapshot: Snapshot, address: Prefix) -> AddressReply:
    """All we know of one address, given as a prefix of full length. Takes tens of microseconds."""
    found = covering(snapshot.routes, address)
    rows = found[0] if found else range(0)
    prefixes = [str(snapshot.routes.prefix(each.start)) for each in found]
    return AddressReply(
        address=str(address).partition("/")[0],
        prefix=prefixes[0] if prefixes else None,
        announced=bool(prefixes),
        routes=sorted((_route(snapshot, row) for row in rows), key=lambda route: -route.peers),
        less_specific=prefixes[1:],
        holder=HolderReply(*_held_by(snapshot.resources.holder_of(address))),
        min_peers=snapshot.min_peers,
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


def _route(snapshot: Snapshot, row: int) -> AddressRoute:
    route = snapshot.routes[row]
    group = format_asn(route.origin)
    return AddressRoute(
        group,
        snapshot.group_name(Scheme.ASN, group),
        *_held_by(snapshot.resources.asn_holder(route.origin)),
        route.verdict.state,
        route.verdict.reason or None,
        route.peers,
        REASONS[snapshot.excluded[row]] or None,
    )


def _held_by(holder: Delegation | None) -> tuple[str, str]:
    return (holder.country, holder.registry) if holder else (NOBODY, NOBODY)
