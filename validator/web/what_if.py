"""What if: ``POST /api/v1/what-if``, VRPs and routes to suppose, and what would come of it.

The answer lists every route whose state would change, the address space that would be cut off where
invalid routes are dropped, coverage before and after for the groups concerned, and what to beware
of (:mod:`validator.planning.what_if`). Nothing is changed by asking. A VRP that is given without
maxLength has that of its prefix, as a ROA has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from aiohttp import web

from validator.feed import Feed
from validator.figures import coverage
from validator.figures.coverage import SPACE_UNITS, Figures, in_units
from validator.formats.asked import asked_asn, strict_prefix
from validator.formats.replies import generated_time
from validator.groupings import Scheme
from validator.model import Family, State, Verdict, format_asn, format_prefix
from validator.planning.hypothetical import LENIENT, Announcement, Change, Outcome, Payload, suppose
from validator.planning.reach import Spans
from validator.planning.what_if import (
    GroupChange,
    cautions,
    coverage_changes,
    local_table,
    moved_space,
)
from validator.snapshot import Snapshot
from validator.tables.announced import REASONS, AnnouncedRules
from validator.web.answers import Refusal, current, json_reply, query_of, stale_notes
from validator.web.bodies import pieces
from validator.web.contract import Content, Operation
from validator.web.explain import LIMIT, limit_of, parse_origin
from validator.web.network_replies import CoverageRoutes, CoverageSpace
from validator.web.what_if_replies import (
    AddressRange,
    CoverageFigures,
    GroupMove,
    GroupMoves,
    Moves,
    RouteIn,
    SpaceMoves,
    SpaceRanges,
    Spaces,
    StateChange,
    StateChanges,
    Transition,
    VrpIn,
    WhatIf,
    WhatIfReply,
    WhatIfWarning,
    WhatIfWarnings,
)

MOST_BYTES = 1 << 20


_decode = msgspec.json.Decoder(WhatIf).decode
_encode = msgspec.json.Encoder().encode
_STATES = (State.NOT_FOUND, State.VALID, State.INVALID)


class WhatIfFace:
    def __init__(self, feed: Feed, rules: AnnouncedRules = LENIENT) -> None:
        """``rules``: what counts as announced, for routes to suppose."""
        self._feed, self._rules = feed, rules
        # One at a time: a change under a very short prefix looks at a large part of the table.
        self._turn = asyncio.Semaphore(1)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "POST",
                "/api/v1/what-if",
                self.what_if,
                "What would change if VRPs or routes came or went",
                "planning",
                {200: Content("what would change", WhatIfReply)},
                [LIMIT],
                Content("VRPs and routes to suppose", WhatIf),
                refusals=(400, 413, 503),
            )
        ]

    async def what_if(self, request: web.Request) -> web.Response:
        """Nothing is changed by asking. Every route whose state would change is counted, and listed
        up to ``limit``; space and coverage are exact. Each list of the request has at most 1000
        entries, the body at most 1 MiB."""
        snapshot = current(self._feed)
        limit = limit_of(query_of(request, "limit"))
        body = bytearray()
        async for piece in pieces(request):
            body += piece
            if len(body) > MOST_BYTES:
                raise Refusal(413, f"the body is larger than {MOST_BYTES} bytes")
        async with self._turn:
            answer = await asyncio.to_thread(self._answer, snapshot, bytes(body), limit)
        return json_reply(msgspec.Raw(answer))

    def _answer(self, snapshot: Snapshot, body: bytes, limit: int) -> bytes:
        return _encode(what_if(snapshot, read_change(body), limit, self._rules))


def read_change(body: bytes) -> Change:
    """What a client asks to suppose.

    Raises:
        Refusal: 400, the body is not that; names the place.
    """
    try:
        asked = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, f"could not decode JSON: {error}") from None
    add = [_payload(each, f"vrps.add[{at}]") for at, each in enumerate(asked.vrps.add)]
    remove = [_payload(each, f"vrps.remove[{at}]") for at, each in enumerate(asked.vrps.remove)]
    announce = [
        _route(each, f"routes.announce[{at}]") for at, each in enumerate(asked.routes.announce)
    ]
    withdraw = [
        _route(each, f"routes.withdraw[{at}]") for at, each in enumerate(asked.routes.withdraw)
    ]
    for name, other, both in (
        ("vrps.remove", "vrps.add", _first_common(remove, add)),
        ("routes.withdraw", "routes.announce", _first_common(withdraw, announce)),
    ):
        if both is not None:
            raise Refusal(400, f"{name}[{both}] is in {other} too: it can be in one of them")
    return Change(add, remove, announce, withdraw)


def _first_common(some: Sequence[object], others: Sequence[object]) -> int | None:
    known = set(others)
    return next((at for at, each in enumerate(some) if each in known), None)


def _payload(given: VrpIn, place: str) -> Payload:
    try:
        prefix, asn = strict_prefix(given.prefix), asked_asn(given.asn)
    except ValueError as error:
        raise Refusal(400, f"{place}: {error}") from None
    longest = prefix.length if given.max_length is None else given.max_length
    if not prefix.length <= longest <= prefix.family.bits:
        raise Refusal(
            400,
            f"{place}: max_length {longest} of {prefix} is not from {prefix.length} to "
            f"{prefix.family.bits}",
        )
    return Payload(prefix, longest, asn)


def _route(given: RouteIn, place: str) -> Announcement:
    try:
        origin = given.origin if isinstance(given.origin, int) else parse_origin(given.origin)
        return Announcement(strict_prefix(given.prefix), origin)
    except ValueError as error:
        raise Refusal(400, f"{place}: {error}") from None


# -------------------------------------------------------------------------------------- the answer


def what_if(
    snapshot: Snapshot, change: Change, limit: int, rules: AnnouncedRules = LENIENT
) -> WhatIfReply:
    """What a change would come to. Some milliseconds for what lies inside a /16, up to a second for
    a change of everything."""
    outcome = suppose(snapshot, change, rules)
    table = local_table(snapshot, outcome)
    moved = moved_space(table)
    by_scheme = coverage_changes(snapshot, table, limit)
    warned = [
        WhatIfWarning(
            each.code,
            str(each.about.prefix),
            format_asn(each.about.asn if isinstance(each.about, Payload) else each.about.origin),
            each.about.max_length if isinstance(each.about, Payload) else None,
            each.message,
        )
        for each in cautions(snapshot, outcome)
    ]
    spaces = {
        family.label: SpaceMoves(
            _space(family, moved[family].lost, limit), _space(family, moved[family].gained, limit)
        )
        for family in Family
    }
    moves = {}
    for scheme in (Scheme.ASN, Scheme.COUNTRY, Scheme.RIR):
        found = by_scheme.get(scheme)
        groups = [_group(snapshot, each) for each in found.groups] if found else []
        moves[scheme.value] = GroupMoves(found.total if found else 0, groups)
    kept = outcome.kept()
    same_state = np.minimum(outcome.before, 2) == np.minimum(outcome.after, 2)
    return WhatIfReply(
        vrps_added=len(outcome.added),
        vrps_removed=len(outcome.removed),
        changes=_changes(snapshot, outcome, limit),
        transitions=_transitions(snapshot, outcome),
        relabelled=int((kept & same_state & (outcome.before != outcome.after)).sum()),
        space=Spaces(**spaces),
        coverage=Moves(**moves),
        warnings=WhatIfWarnings(len(warned), warned[:limit]),
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )


def _changes(snapshot: Snapshot, outcome: Outcome, limit: int) -> StateChanges:
    flips = outcome.flips()
    total = int(flips.sum()) + len(outcome.withdrawn) + len(outcome.announced)
    listed: list[StateChange] = []
    for each in _each_change(snapshot, outcome, np.flatnonzero(flips)[:limit].tolist()):
        if len(listed) == limit:
            break
        listed.append(each)
    return StateChanges(total, listed)


def _each_change(
    snapshot: Snapshot, outcome: Outcome, flips: Sequence[int]
) -> Iterator[StateChange]:
    for at in flips:
        before, after = Verdict(int(outcome.before[at])), Verdict(int(outcome.after[at]))
        yield _known(snapshot, int(outcome.rows[at]), before, after)
    for row in outcome.withdrawn.tolist():
        yield _known(snapshot, row, Verdict(int(snapshot.routes.verdict[row])), None)
    for each, code, excluded in zip(
        outcome.announced,
        outcome.announced_verdict.tolist(),
        outcome.announced_excluded.tolist(),
        strict=True,
    ):
        verdict = Verdict(code)
        yield StateChange(
            str(each.prefix),
            format_asn(each.origin),
            None,
            verdict.state,
            None,
            verdict.reason or None,
            None,
            REASONS[excluded] or None,
        )


def _known(snapshot: Snapshot, row: int, before: Verdict, after: Verdict | None) -> StateChange:
    route = snapshot.routes[row]
    return StateChange(
        str(route.prefix),
        format_asn(route.origin),
        before.state,
        after.state if after is not None else None,
        before.reason or None,
        (after.reason or None) if after is not None else None,
        route.peers,
        REASONS[snapshot.excluded[row]] or None,
    )


def _transitions(snapshot: Snapshot, outcome: Outcome) -> list[Transition]:
    """How many go from where to where, of all changes."""
    flips = outcome.flips()
    pairs = np.minimum(outcome.before[flips], 2) * 3 + np.minimum(outcome.after[flips], 2)
    gone = np.bincount(np.minimum(snapshot.routes.verdict[outcome.withdrawn], 2), minlength=3)
    new = np.bincount(np.minimum(outcome.announced_verdict, 2), minlength=3)
    kept = np.bincount(pairs, minlength=9).tolist()
    found: list[tuple[State | None, State | None, int]] = []
    found += [(_STATES[pair // 3], _STATES[pair % 3], count) for pair, count in enumerate(kept)]
    found += [(_STATES[code], None, count) for code, count in enumerate(gone.tolist())]
    found += [(None, _STATES[code], count) for code, count in enumerate(new.tolist())]
    return [Transition(*each) for each in found if each[2]]


def _space(family: Family, spans: Spans, limit: int) -> SpaceRanges:
    return SpaceRanges(
        SPACE_UNITS[family],
        in_units(spans.size, family),
        len(spans.first),
        [
            _range(family, first, last)
            for first, last in zip(
                spans.first[:limit].tolist(), spans.last[:limit].tolist(), strict=True
            )
        ],
    )


def _range(family: Family, first: int, last: int) -> AddressRange:
    shift, low = (32, 0) if family is Family.IPV4 else (0, (1 << 64) - 1)
    return AddressRange(
        format_prefix(family, first << shift, 0, 0).partition("/")[0],
        format_prefix(family, last << shift, low, 0).partition("/")[0],
    )


def _group(snapshot: Snapshot, change: GroupChange) -> GroupMove:
    name = snapshot.group_name(change.scheme, change.group)
    return GroupMove(
        change.scheme,
        change.attribution.value,
        change.group,
        name,
        change.family.label,
        change.routes,
        _figures(change, change.before, name),
        _figures(change, change.after, name),
    )


def _figures(change: GroupChange, figures: Figures, name: str) -> CoverageFigures:
    row = coverage.row(figures, change.scheme, change.group, name, change.family)
    return CoverageFigures(
        CoverageRoutes(**row["routes"]),
        CoverageSpace(**row["space"]),
        row["coverage"],
        row["valid_share"],
        row["accuracy"],
        row["space_coverage"],
        row["space_valid_share"],
    )
