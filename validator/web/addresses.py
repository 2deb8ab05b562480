"""One address: ``GET /api/v1/ip/{address}``, the announced prefix that it is reached by.

``prefix`` is the most specific announced prefix that contains the address, and ``routes`` has
every origin of it, the one that most peers see first; ``less_specific`` are the other announced
prefixes that contain it, the nearest first. Every route counts here, also one that coverage leaves
out: ``excluded`` then says why (:mod:`validator.announced`), so that an address under nothing but
a default route is answered with that route, marked ``default-route``.

``holder`` is who holds the address itself, which need not be who holds all of the prefix; name,
country and RIR of a route are its origin's. What nobody holds, and the origin NONE, has country
and RIR ``ZZ``, the group that coverage counts it in.

Every address is answered with 200, one that nothing announces with ``"prefix": null``; what is not
one address is a 400. An IPv4-mapped IPv6 address is answered as the IPv4 address, and ``address``
says so; one with a zone is refused.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from validator.addresses import covering, parse_address
from validator.announced import REASONS
from validator.feed import Feed
from validator.groupings import NOBODY, Scheme
from validator.model import Prefix, format_asn
from validator.replies import generated_time
from validator.resources import Delegation
from validator.snapshot import Snapshot
from validator.web.answers import Refusal, current, json_reply, stale_notes


class AddressFace:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def routes(self) -> list[web.RouteDef]:
        # With slashes, so that a prefix is told what is wrong with it.
        return [web.get("/api/v1/ip/{address:.+}", self.address)]

    async def address(self, request: web.Request) -> web.Response:
        snapshot = current(self._feed)
        try:
            address = parse_address(request.match_info["address"])
        except ValueError as error:
            raise Refusal(400, f"invalid address: {error}") from None
        return json_reply(describe(snapshot, address))


def describe(snapshot: Snapshot, address: Prefix) -> dict[str, Any]:
    """All we know of one address, given as a prefix of full length. Takes tens of microseconds."""
    found = covering(snapshot.routes, address)
    rows = found[0] if found else range(0)
    prefixes = [str(snapshot.routes.prefix(each.start)) for each in found]
    return {
        "address": str(address).partition("/")[0],
        "prefix": prefixes[0] if prefixes else None,
        "announced": bool(prefixes),
        "routes": sorted(
            (_route(snapshot, row) for row in rows), key=lambda route: -int(route["peers"])
        ),
        "less_specific": prefixes[1:],
        "holder": _held_by(snapshot.resources.holder_of(address)),
        "min_peers": snapshot.min_peers,
        "generated": generated_time(snapshot.created),
        "generation": snapshot.generation,
        "sample": snapshot.sample,
        "degraded": stale_notes(snapshot),
    }


def _route(snapshot: Snapshot, row: int) -> dict[str, Any]:
    """One origin. ``reason`` is our own label of an invalid route, ``peers`` 65535 at most."""
    route = snapshot.routes[row]
    group = format_asn(route.origin)
    return {
        "origin": group,
        "name": snapshot.group_name(Scheme.ASN, group),
        **_held_by(snapshot.resources.asn_holder(route.origin)),
        "state": route.verdict.state,
        "reason": route.verdict.reason or None,
        "peers": route.peers,
        "excluded": REASONS[snapshot.excluded[row]] or None,
    }


def _held_by(holder: Delegation | None) -> dict[str, str]:
    return {
        "country": holder.country if holder else NOBODY,
        "rir": holder.registry if holder else NOBODY,
    }
