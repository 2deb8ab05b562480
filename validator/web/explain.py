"""Why a route is valid or not, and what would make it so: ``GET /api/v1/explain/{asn}/{prefix}``.

The route need not be announced, and its origin may be ``NONE``. The answer has the VRPs that the
verdict rests on, split as Routinator splits them; our label and those of other tools; who holds the
address block and the AS number; whether the addresses stay reachable where invalid routes are
dropped (:mod:`validator.planning.reach`); and the smallest ROA that would make the route valid,
with every announced route that this ROA would turn invalid (:mod:`validator.planning.fixes`). Each
of those needs its own decision: that another origin be authorised is never suggested.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from aiohttp import web

from validator.feed import Feed
from validator.figures.coverage import SLASH_64S_IN_48, SPACE_UNITS, in_units
from validator.formats.asked import relaxed_prefix
from validator.formats.replies import generated_time
from validator.groupings import RIR_NAMES, Scheme
from validator.history.moments import Moments
from validator.model import NO_ORIGIN, Family, Prefix, State, Verdict, format_asn, parse_asn
from validator.origin_validation import Explanation
from validator.planning import fixes, reach
from validator.planning.fixes import advice_text, relate
from validator.planning.hypothetical import Announcement, Payload, find_route
from validator.snapshot import Snapshot
from validator.tables.announced import REASONS
from validator.tables.resources import Delegation
from validator.tables.surroundings import SomeVrps
from validator.web.answers import Refusal, number, query_of, snapshot_reply, stale_notes
from validator.web.contract import ASN_TEXT, PREFIX_TEXT, Content, Operation, Parameter, path, query
from validator.web.explain_replies import (
    AdviceOut,
    CoveringVrps,
    ExplainReply,
    FixOut,
    HolderOut,
    Labels,
    NetworkName,
    Reachable,
    ReachedBy,
    ReachedByList,
    Roa,
    RoutinatorLabel,
    TurnsInvalid,
    TurnsInvalidList,
)
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.route_replies import country_and_rir, vrps_out

MOST_LISTED = 10_000
USUALLY_LISTED = 1_000
_NETWORKS_LISTED = 10

ORIGIN_TEXT = {
    "type": "string",
    "pattern": f"^[Nn][Oo][Nn][Ee]$|{ASN_TEXT['pattern']}",
    "description": "an AS number of 32 bits, with or without AS before it, or NONE: the origin of "
    "a route whose path ends in an AS_SET",
}
LIMIT = query(
    "limit",
    "the most entries of each list; totals are always complete",
    {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": USUALLY_LISTED},
    example=USUALLY_LISTED,
)


_encode = msgspec.json.Encoder().encode


class ExplainFace:
    def __init__(self, feed: Feed, moments: Moments | None = None) -> None:
        self._feed, self._moments = feed, moments
        # One at a time: the ROA for a very short prefix looks at a large part of the table.
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                # With slashes, so that what is no prefix is told so.
                "/api/v1/explain/{asn}/{prefix:.+}",
                self.explain,
                "Why a route is valid, invalid or not-found, and what would make it valid",
                "planning",
                {200: Content("the route explained", ExplainReply)},
                [*_ROUTE, LIMIT, AT],
                refusals=(400, 404, 503),
                tagged=True,
            )
        ]

    async def explain(self, request: web.Request) -> web.Response:
        """Any route can be asked for, announced or not; the origin ``NONE`` stands for a path that
        ends in an AS_SET. The ROA that is named is the smallest that would make the route valid; it
        is recommended only where the registries say that the origin holds the addresses."""
        given = query_of(request, "limit", "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        limit = limit_of(given)
        try:
            origin = parse_origin(request.match_info["asn"])
        except ValueError as error:
            raise Refusal(400, f"invalid ASN: {error}, nor NONE") from None
        try:
            prefix = relaxed_prefix(request.match_info["prefix"])
        except ValueError as error:
            raise Refusal(400, f"invalid prefix: {error}") from None
        async with self._turn:
            body = await asyncio.to_thread(
                lambda: _encode(explain_route(snapshot, prefix, origin, limit))
            )
        return snapshot_reply(snapshot, msgspec.Raw(body))


_ROUTE: tuple[Parameter, ...] = (
    path("asn", "the origin of the route", ORIGIN_TEXT, "AS64496"),
    path("prefix", "the prefix of the route", PREFIX_TEXT, "192.0.2.0/24"),
)


def parse_origin(text: str) -> int:
    """An AS number, or ``NONE``.

    Raises:
        ValueError: neither.
    """
    return NO_ORIGIN if text.upper() == "NONE" else parse_asn(text)


def limit_of(given: Mapping[str, str]) -> int:
    """How many entries of each list a client wants.

    Raises:
        Refusal: 400, not a number from 1 to :data:`MOST_LISTED`.
    """
    return number(given, "limit", 1, MOST_LISTED, USUALLY_LISTED)


def explain_route(snapshot: Snapshot, prefix: Prefix, origin: int, limit: int) -> ExplainReply:
    """All that is said of one route. Mostly a millisecond; what a ROA for a short prefix would do
    takes longer, in proportion to what lies inside it."""
    explanation = snapshot.explain(prefix, origin)
    row = find_route(snapshot.routes, Announcement(prefix, origin))
    group = format_asn(origin)
    return ExplainReply(
        prefix=str(prefix),
        origin=group,
        announced=row is not None,
        peers=0 if row is None else int(snapshot.routes.peers[row]),
        excluded=None if row is None else REASONS[snapshot.excluded[row]] or None,
        state=explanation.state,
        reason=explanation.verdict.reason or None,
        why=_WHY[explanation.verdict].format(prefix=prefix, asn=group),
        labels=Labels(
            RoutinatorLabel(explanation.state, explanation.routinator_reason),
            explanation.ripestat_status,
            explanation.nist_label,
        ),
        vrps=_vrps(explanation, limit),
        address_block=_block(snapshot, prefix),
        origin_as=_origin(snapshot, origin),
        origin_name=snapshot.group_name(Scheme.ASN, group),
        holder=relate(snapshot, prefix, origin),
        reachable=_reachable(snapshot, prefix, limit),
        fix=_fix(snapshot, prefix, origin, limit),
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


_WHY = {
    Verdict.VALID: "A VRP names {asn} for {prefix}.",
    Verdict.NOT_FOUND: "No VRP covers {prefix}.",
    Verdict.INVALID_NO_ORIGIN: "VRPs cover {prefix}, and a route without an origin matches none.",
    Verdict.INVALID_LENGTH: "VRPs name {asn}, but none for a prefix as long as {prefix}.",
    Verdict.INVALID_AS0: "Every VRP that covers {prefix} is AS0, which matches no route.",
    Verdict.INVALID_ORIGIN: "VRPs cover {prefix}, and none of them names {asn}.",
}


def _vrps(explanation: Explanation, limit: int) -> CoveringVrps:
    lists = explanation.matched, explanation.unmatched_as, explanation.unmatched_length
    return CoveringVrps(*(vrps_out(SomeVrps(len(vrps), list(vrps[:limit]))) for vrps in lists))


# ----------------------------------------------------------------------------------------- holders


def _block(snapshot: Snapshot, prefix: Prefix) -> HolderOut:
    record = snapshot.resources.record_of(prefix)
    shift, make = (
        (0, ipaddress.IPv4Address)
        if prefix.family is Family.IPV4
        else (64, ipaddress.IPv6Address)
    )  # fmt: skip
    spoken = ""
    if record is not None:
        spoken = f"{make(record.first << shift)}-{make((record.last + 1 << shift) - 1)}"
    ranges = snapshot.resources.ranges(prefix.family)
    position = np.uint64(prefix.high >> (32 if prefix.family is Family.IPV4 else 0))
    holder = int(ranges.holder[int(np.searchsorted(ranges.first, position, "right")) - 1])
    return _holder(snapshot, record, spoken, holder)


def _origin(snapshot: Snapshot, origin: int) -> HolderOut:
    record = snapshot.resources.asn_record(origin)
    if record is None:
        return _holder(snapshot, None, "", 0)
    ranges = snapshot.resources.asn
    row = int(np.searchsorted(ranges.first, np.uint64(origin), "right")) - 1
    spoken = f"AS{record.first}" + (f"-AS{record.last}" if record.last > record.first else "")
    return _holder(snapshot, record, spoken, int(ranges.holder[row]))


def _holder(
    snapshot: Snapshot, record: Delegation | None, spoken: str, holder: int
) -> HolderOut:  # fmt: skip
    held = record if record is not None and record.status.delegated else None
    country, rir = country_and_rir(held)
    networks = []
    if holder:
        asns = snapshot.resources.asn
        for first in asns.first[np.flatnonzero(asns.holder == holder)[:_NETWORKS_LISTED]].tolist():
            networks.append(NetworkName(f"AS{first}", snapshot.names.get(first, "")))
    since = f"{record.date:08}" if record is not None and record.date else ""
    return HolderOut(
        spoken or None,
        None if record is None else record.status.name.lower(),
        rir,
        RIR_NAMES.get(rir, ""),
        country,
        f"{since[:4]}-{since[4:6]}-{since[6:]}" if since else None,
        networks,
    )


# ------------------------------------------------------------------------------------ reachability


def _reachable(snapshot: Snapshot, prefix: Prefix, limit: int) -> Reachable:
    found = reach.reach(snapshot, prefix)
    family = prefix.family
    total: int | float = in_units(reach.space_of(prefix), family)
    left: int | float = in_units(found.left.size, family) if len(found.parts) else 0
    if family is Family.IPV6 and prefix.length > 64:
        total = 2.0 ** (64 - prefix.length) / SLASH_64S_IN_48
    if found.covering:
        left = total
    by = found.covering or found.parts.tolist()
    return Reachable(
        "whole" if left == total else "part" if left else "none",
        SPACE_UNITS[family],
        total,
        left,
        ReachedByList(len(by), [_reached_by(snapshot, prefix, row) for row in by[:limit]]),
    )


def _reached_by(snapshot: Snapshot, prefix: Prefix, row: int) -> ReachedBy:
    route = snapshot.routes[row]
    relation = (
        "exact"
        if route.prefix == prefix
        else "less-specific" if route.prefix.length < prefix.length else "more-specific"
    )  # fmt: skip
    return ReachedBy(
        str(route.prefix), format_asn(route.origin), route.verdict.state, route.peers, relation
    )


# --------------------------------------------------------------------------------------------- fix


def _fix(snapshot: Snapshot, prefix: Prefix, origin: int, limit: int) -> FixOut:
    fix = fixes.suggest(snapshot, prefix, origin)
    others = len(fix.turns_invalid)
    listed = _turn_invalid(snapshot, prefix, origin, fix.turns_invalid[:limit].tolist())
    return FixOut(
        None if fix.roa is None else _roa(fix.roa),
        fix.recommended,
        [AdviceOut(each, advice_text(each, prefix, origin, others)) for each in fix.advice],
        TurnsInvalidList(others, list(listed)),
        len(fix.turns_valid),
    )


def _roa(payload: Payload) -> Roa:
    return Roa(str(payload.prefix), payload.max_length, format_asn(payload.asn))


def _turn_invalid(
    snapshot: Snapshot, prefix: Prefix, origin: int, rows: Iterable[int]
) -> Iterable[TurnsInvalid]:
    for row in rows:
        route = snapshot.routes[row]
        group = format_asn(route.origin)
        country, rir = country_and_rir(snapshot.resources.asn_holder(route.origin))
        yield TurnsInvalid(
            prefix=str(route.prefix),
            origin=group,
            name=snapshot.group_name(Scheme.ASN, group),
            country=country,
            rir=rir,
            relation="same-prefix" if route.prefix == prefix else "more-specific",
            same_origin=route.origin == origin,
            holder=relate(snapshot, route.prefix, route.origin),
            before=route.verdict.state,
            after=State.INVALID,
            peers=route.peers,
            excluded=REASONS[snapshot.excluded[row]] or None,
            needs_its_own_decision=True,
        )
