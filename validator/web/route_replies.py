"""What networks and prefixes are answered with in common: routes, VRPs, holders, and list limits.

Our own shapes, not Routinator's: lengths are numbers, what does not apply is null. ``listed`` is
always the first part of a list, and ``total`` how many the whole one has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from validator.groupings import NOBODY, Scheme
from validator.model import NEVER_EXPIRES, State, format_asn
from validator.snapshot import Snapshot
from validator.tables.announced import REASONS
from validator.tables.resources import Delegation
from validator.tables.surroundings import SomeVrps, covering_vrps
from validator.tables.vrps import Vrp
from validator.web.answers import Refusal, number
from validator.web.contract import Parameter, query

MOST_LISTED = 1000
USUALLY_LISTED = 100
MOST_VRPS_EACH = 32
"""VRPs listed with each of many routes: more than nearly every route has."""


class VrpOut(msgspec.Struct, frozen=True, gc=False):
    """A VRP. ``expires`` in Unix seconds, null if its source does not say."""

    asn: str
    prefix: str
    max_length: int
    trust_anchor: str
    expires: int | None


class VrpsOut(msgspec.Struct, frozen=True):
    """VRPs, the first of them listed."""

    total: int
    listed: list[VrpOut]


class RouteOut(msgspec.Struct, frozen=True):
    """An announced route: a prefix with one of its origins.

    ``origin`` is ``NONE`` where the path ends in an AS_SET. ``name``, ``country`` and ``rir`` are
    the origin's, ``ZZ`` if nobody holds it. ``reason`` is our label of an invalid route, else
    null; ``peers`` how many see it, 65535 at most; ``excluded`` why coverage leaves it out, or
    null; ``vrps`` are those that cover it, the most specific first.
    """

    prefix: str
    origin: str
    name: str
    country: str
    rir: str
    state: State
    reason: str | None
    peers: int
    excluded: str | None
    vrps: VrpsOut


class RoutesOut(msgspec.Struct, frozen=True):
    """Routes, the first of them listed."""

    total: int
    listed: list[RouteOut]


def vrps_out(some: SomeVrps) -> VrpsOut:
    return VrpsOut(some.total, [_vrp(vrp) for vrp in some.vrps])


def _vrp(vrp: Vrp) -> VrpOut:
    expires = None if vrp.expires == NEVER_EXPIRES else vrp.expires
    return VrpOut(f"AS{vrp.asn}", str(vrp.prefix), vrp.max_length, vrp.trust_anchor, expires)


def routes_out(snapshot: Snapshot, total: int, rows: Iterable[int]) -> RoutesOut:
    """Routes by their rows. Takes some 50 µs for each."""
    origins: dict[int, tuple[str, str, str, str]] = {}
    listed = []
    for row in rows:
        route = snapshot.routes[row]
        if route.origin not in origins:
            origins[route.origin] = _origin(snapshot, route.origin)
        listed.append(
            RouteOut(
                str(route.prefix),
                *origins[route.origin],
                route.verdict.state,
                route.verdict.reason or None,
                route.peers,
                REASONS[snapshot.excluded[row]] or None,
                vrps_out(covering_vrps(snapshot.vrps, route.prefix, MOST_VRPS_EACH)),
            )
        )
    return RoutesOut(total, listed)


def _origin(snapshot: Snapshot, origin: int) -> tuple[str, str, str, str]:
    group = format_asn(origin)
    holder = snapshot.resources.asn_holder(origin)
    return group, snapshot.group_name(Scheme.ASN, group), *country_and_rir(holder)


def country_and_rir(holder: Delegation | None) -> tuple[str, str]:
    return (holder.country, holder.registry) if holder else (NOBODY, NOBODY)


def limit_parameter(about: str) -> Parameter:
    """The argument ``limit`` of a list."""
    schema = {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST_LISTED,
        "default": USUALLY_LISTED,
    }
    return query("limit", about, schema, example=USUALLY_LISTED)


def limit_of(given: Mapping[str, str]) -> int:
    """How many a client wants listed.

    Raises:
        Refusal: 400, not a number from 1 to :data:`MOST_LISTED`.
    """
    return number(given, "limit", 1, MOST_LISTED, USUALLY_LISTED)


def choice_of(given: Mapping[str, str], name: str, choices: Mapping[str, Any]) -> Any:
    """What an argument stands for; None if it is not given.

    Raises:
        Refusal: 400, it is not one of ``choices``.
    """
    text = given.get(name)
    if text is None:
        return None
    if text not in choices:
        raise Refusal(400, f"{name}={text!r} is not one of {', '.join(choices)}")
    return choices[text]
