"""The answer to "is this route valid?", in the shape that others already integrate against.

The shape is Routinator's (``src/validity.rs`` of NLnet Labs' Routinator 0.15): field names, their
order, the texts of ``description``, ``max_length`` as a string, ``reason`` only where the route is
invalid. The service and the command line both answer in it. One thing is added, and only while the
VRPs are older than they may be: ``degraded`` says so, and why.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from validator.model import Verdict, format_asn
from validator.origin_validation import Explanation
from validator.vrps import Vrp

_VALID = "At least one VRP Matches the Route Prefix"
_BAD_ASN = "At least one VRP Covers the Route Prefix, but no VRP ASN matches the route origin ASN"
_BAD_LENGTH = (
    "At least one VRP Covers the Route Prefix, but the Route Prefix length is greater than the "
    "maximum length allowed by VRP(s) matching this route origin ASN"
)
_STATES = tuple(verdict.state.value for verdict in Verdict)
_NOT_FOUND = "No VRP Covers the Route Prefix"


class RouteReply(msgspec.Struct, frozen=True, gc=False):
    origin_asn: str
    prefix: str


class VrpReply(msgspec.Struct, frozen=True, gc=False):
    asn: str
    prefix: str
    max_length: str


class VrpLists(msgspec.Struct, frozen=True):
    matched: list[VrpReply]
    unmatched_as: list[VrpReply]
    unmatched_length: list[VrpReply]


class ValidityReply(msgspec.Struct, frozen=True, kw_only=True, rename={"vrps": "VRPs"}):
    state: str
    reason: str | UnsetType = UNSET
    description: str
    vrps: VrpLists


class ValidatedRoute(msgspec.Struct, frozen=True):
    route: RouteReply
    validity: ValidityReply


class OneReply(msgspec.Struct, frozen=True, rename={"generated_time": "generatedTime"}):
    """The answer about one route."""

    validated_route: ValidatedRoute
    generated_time: str
    degraded: list[str] | UnsetType = UNSET


class ManyReply(msgspec.Struct, frozen=True, rename={"generated_time": "generatedTime"}):
    """The answer about a list of routes, in the order of the list."""

    validated_routes: list[ValidatedRoute]
    generated_time: str
    degraded: list[str] | UnsetType = UNSET


def validity_reply(
    explanation: Explanation, created: int, degraded: list[str] | None = None
) -> OneReply:
    """The whole answer about one route. ``created`` is the snapshot's time, Unix seconds."""
    return OneReply(validated_route(explanation), generated_time(created), degraded or UNSET)


def validated_route(explanation: Explanation) -> ValidatedRoute:
    """What is said about each route."""
    verdict = explanation.verdict
    if verdict is Verdict.VALID:
        reason: str | UnsetType = UNSET
        description = _VALID
    elif verdict is Verdict.NOT_FOUND:
        reason, description = UNSET, _NOT_FOUND
    elif explanation.routinator_reason == "as":
        reason, description = "as", _BAD_ASN
    else:
        reason, description = "length", _BAD_LENGTH
    return ValidatedRoute(
        RouteReply(format_asn(explanation.origin), str(explanation.prefix)),
        ValidityReply(
            state=_STATES[verdict],
            reason=reason,
            description=description,
            vrps=VrpLists(
                _listed(explanation.matched),
                _listed(explanation.unmatched_as),
                _listed(explanation.unmatched_length),
            ),
        ),
    )


@lru_cache(maxsize=4)
def generated_time(created: int) -> str:
    """Unix seconds as ``2026-06-19T00:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created))


def _listed(vrps: Iterable[Vrp]) -> list[VrpReply]:
    return [VrpReply(f"AS{vrp.asn}", str(vrp.prefix), str(vrp.max_length)) for vrp in vrps]
