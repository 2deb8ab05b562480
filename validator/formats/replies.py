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
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from validator.kernels.core import entry_point
from validator.kernels.reply import (
    ENDINGS,
    INVALID_AS,
    INVALID_LENGTH,
    NOT_FOUND,
    VALID,
    write_validity,
)
from validator.model import I8, U1, State, Verdict, format_asn
from validator.origin_validation import Explanation
from validator.tables.vrps import Vrp, VrpTable

_VALID = "At least one VRP Matches the Route Prefix"
_BAD_ASN = "At least one VRP Covers the Route Prefix, but no VRP ASN matches the route origin ASN"
_BAD_LENGTH = (
    "At least one VRP Covers the Route Prefix, but the Route Prefix length is greater than the "
    "maximum length allowed by VRP(s) matching this route origin ASN"
)
_STATES: tuple[Literal["valid", "invalid", "not-found"], ...] = tuple(
    verdict.state.value for verdict in Verdict
)
_NOT_FOUND = "No VRP Covers the Route Prefix"


class RouteReply(msgspec.Struct, frozen=True, gc=False):
    """The route that was asked about, with bits beyond the length of its prefix cleared."""

    origin_asn: str
    prefix: str


class VrpReply(msgspec.Struct, frozen=True, gc=False):
    """A VRP that covers the route. ``max_length`` is a number in a string, as it is there."""

    asn: str
    prefix: str
    max_length: str


class VrpLists(msgspec.Struct, frozen=True):
    """Every covering VRP, in one of the lists: first by length, then by AS number."""

    matched: list[VrpReply]
    unmatched_as: list[VrpReply]
    unmatched_length: list[VrpReply]


class ValidityReply(msgspec.Struct, frozen=True, kw_only=True, rename={"vrps": "VRPs"}):
    """The state (RFC 6811 section 2) and what it follows from. ``reason``: only if invalid."""

    state: Literal["valid", "invalid", "not-found"]
    reason: Literal["as", "length"] | UnsetType = UNSET
    description: str
    vrps: VrpLists


class ValidatedRoute(msgspec.Struct, frozen=True):
    """A route and its state."""

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


def validity_text(
    asn: str, prefix: str, vrps: VrpTable, created: int, degraded: list[str] | None = None
) -> bytes | None:
    """:func:`validity_reply` as JSON: the same bytes in a fraction of the time, from the texts of
    an AS number and of a prefix whose bits beyond its length are ignored. None: these are not
    spelled plainly, which need not mean that they are wrong, or too many VRPs cover the route."""
    try:
        asked = np.frombuffer((asn + prefix).encode("ascii"), "u1")
    except ValueError:  # other letters than ASCII, or no text at all
        return None
    out = np.empty(_ROOM_BYTES, "u1")
    size = _write_validity(
        vrps.high, vrps.low, vrps.length, vrps.parent, vrps.first, vrps.asn, vrps.max_length,
        vrps.buckets, vrps.ipv6, asked, len(asn), *_FRAME, out,
    )  # fmt: skip
    return None if size < 0 else out[:size].tobytes() + _tail(created, tuple(degraded or ()))


@lru_cache(maxsize=4)
def _tail(created: int, degraded: tuple[str, ...]) -> bytes:
    """What stands behind the answer about the route."""
    tail: dict[str, object] = {"generatedTime": generated_time(created)}
    if degraded:
        tail["degraded"] = degraded
    return b"," + _encode(tail)[1:]


def validated_route(explanation: Explanation) -> ValidatedRoute:
    """What is said about each route."""
    verdict = explanation.verdict
    if verdict is Verdict.VALID:
        reason: Literal["as", "length"] | UnsetType = UNSET
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


# ------------------------------------------------------- the same as text, for the compiled writer

_ROOM_BYTES = 8 << 10
# Without the dispatcher, which works out for each call what the types of its arguments are and
# which version of the kernel they want: there is one, and that costs more than the answer.
_write_validity = entry_point(write_validity)
_HOLE = "%"
_encode = msgspec.json.Encoder().encode


def _holed(state: Any, reason: Any, description: str) -> bytes:
    """The answer about a route, up to what follows it, with a hole in the place of each text that
    differs from route to route and of each list's content."""
    holes: list[Any] = [_HOLE]
    about = ValidatedRoute(
        RouteReply(f"AS{_HOLE}", _HOLE),
        ValidityReply(
            state=state,
            reason=reason,
            description=description,
            vrps=VrpLists(holes, holes, holes),
        ),
    )
    return _encode({"validated_route": about}).replace(f'"{_HOLE}"]'.encode(), b"%]")[:-1]


def _frame() -> tuple[U1, I8]:
    """As :func:`validator.kernels.reply.write_validity` takes it: cut from what we would encode."""
    hole = _HOLE.encode()
    states: list[list[bytes]] = [[]] * ENDINGS
    for ending, state, reason, description in (
        (NOT_FOUND, State.NOT_FOUND, UNSET, _NOT_FOUND),
        (VALID, State.VALID, UNSET, _VALID),
        (INVALID_AS, State.INVALID, "as", _BAD_ASN),
        (INVALID_LENGTH, State.INVALID, "length", _BAD_LENGTH),
    ):
        states[ending] = _holed(state.value, reason, description).split(hole)
    head, middle, _, *ends = states[VALID]
    vrp = _encode(VrpReply(f"AS{_HOLE}", _HOLE, _HOLE)).split(hole)
    pieces = [head, middle, *(each[2] for each in states), *ends, *vrp]
    bounds = np.zeros(len(pieces) + 1, "i8")
    np.cumsum([len(piece) for piece in pieces], out=bounds[1:])
    return np.frombuffer(b"".join(pieces), "u1"), bounds


_FRAME = _frame()
