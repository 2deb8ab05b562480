"""The shapes of what :mod:`validator.web.what_if` is asked, and what it answers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from validator.groupings import Scheme
from validator.model import LARGEST_ASN, State
from validator.web.contract import ASN_TEXT, STRICT_PREFIX_TEXT
from validator.web.explain import ORIGIN_TEXT
from validator.web.network_replies import CoverageRoutes, CoverageSpace

MOST_OF_EACH = 1_000
"""VRPs to add, VRPs to remove, routes to announce, routes to withdraw."""


def _text(schema: dict[str, Any]) -> Any:
    return Meta(
        pattern=schema["pattern"],
        max_length=64,
        description=schema["description"],
        extra_json_schema={"format": schema["format"]} if "format" in schema else None,
    )


PrefixText = Annotated[str, _text(STRICT_PREFIX_TEXT)]
AsnGiven = Annotated[str, _text(ASN_TEXT)] | Annotated[int, Meta(ge=0, le=LARGEST_ASN)]
OriginGiven = Annotated[str, _text(ORIGIN_TEXT)] | Annotated[int, Meta(ge=0, le=LARGEST_ASN)]


class VrpIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A VRP. ``max_length`` is the prefix length if it is not given."""

    prefix: PrefixText
    asn: AsnGiven
    max_length: Annotated[int, Meta(ge=0, le=128)] | None = None


class RouteIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A route: a prefix with its origin, an AS number or ``NONE``."""

    prefix: PrefixText
    origin: OriginGiven


VrpList = Annotated[list[VrpIn], Meta(max_length=MOST_OF_EACH)]
RouteList = Annotated[list[RouteIn], Meta(max_length=MOST_OF_EACH)]


class VrpsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """VRPs to suppose: new ones, and ones that are gone."""

    add: VrpList = []
    remove: VrpList = []


class RoutesIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Routes to suppose: new ones, seen by all peers, and ones that nobody announces any more."""

    announce: RouteList = []
    withdraw: RouteList = []


class WhatIf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to suppose. No VRP and no route may be in both of its lists."""

    vrps: VrpsIn = VrpsIn()
    routes: RoutesIn = RoutesIn()


class StateChange(msgspec.Struct, frozen=True):
    """A route whose state would change. ``before`` is null if it is not announced now, ``after`` if
    it would not be any more; the reasons are our labels of invalid routes. ``excluded``: why
    coverage leaves it out, or null."""

    prefix: str
    origin: str
    before: State | None
    after: State | None
    reason_before: str | None
    reason_after: str | None
    peers: int | None
    excluded: str | None


class StateChanges(msgspec.Struct, frozen=True):
    """Routes, the first of them listed: those that stay announced, those withdrawn, new ones."""

    total: int
    listed: list[StateChange]


class Transition(msgspec.Struct, frozen=True):
    """How many routes would go from one state to another; null is: not announced."""

    before: State | None
    after: State | None
    routes: int


class AddressRange(msgspec.Struct, frozen=True):
    """The first and the last address."""

    first: str
    last: str


class SpaceRanges(msgspec.Struct, frozen=True):
    """Distinct addresses in ``unit``, overlaps counted once, with the first of the ``total`` ranges
    that they make up."""

    unit: str
    size: int | float
    total: int
    listed: list[AddressRange]


class SpaceMoves(msgspec.Struct, frozen=True):
    """Of one family, where invalid routes are dropped: what would not be reachable any more, and
    what would become so."""

    unreachable: SpaceRanges
    newly_reachable: SpaceRanges


class Spaces(msgspec.Struct, frozen=True):
    """By family."""

    ipv4: SpaceMoves
    ipv6: SpaceMoves


class CoverageFigures(msgspec.Struct, frozen=True):
    """As a row of the coverage API: shares are fractions of 1, null where nothing is announced."""

    routes: CoverageRoutes
    space: CoverageSpace
    coverage: float | None
    valid_share: float | None
    accuracy: float | None
    space_coverage: float | None
    space_valid_share: float | None


class GroupMove(msgspec.Struct, frozen=True):
    """The coverage of one group in one family, as it is and as it would be. ``changed_routes``: how
    many routes counted under it change."""

    scheme: Scheme
    attribution: str
    group: str
    name: str
    family: str
    changed_routes: int
    before: CoverageFigures
    after: CoverageFigures


class GroupMoves(msgspec.Struct, frozen=True):
    """Groups, those with most changed routes listed first."""

    total: int
    listed: list[GroupMove]


class Moves(msgspec.Struct, frozen=True):
    """By origin AS, and by country and RIR of the address block."""

    asn: GroupMoves
    country: GroupMoves
    rir: GroupMoves


class WhatIfWarning(msgspec.Struct, frozen=True):
    """What to beware of, or what changes nothing. ``code``: ``loose-max-length``,
    ``no-route-uses``, ``as0-over-announced``, ``already-there``, ``not-there``,
    ``already-announced`` or ``not-announced``. ``max_length`` is null for a route."""

    code: str
    prefix: str
    asn: str
    max_length: int | None
    message: str


class WhatIfWarnings(msgspec.Struct, frozen=True):
    """Warnings, the first of them listed."""

    total: int
    listed: list[WhatIfWarning]


class WhatIfReply(msgspec.Struct, frozen=True):
    """What a change would come to. ``vrps_added`` and ``vrps_removed`` count those that do change
    something; ``relabelled`` the routes that stay invalid for another reason. ``coverage`` before
    is that of the coverage API, which may be some seconds behind live routes."""

    vrps_added: int
    vrps_removed: int
    changes: StateChanges
    transitions: list[Transition]
    relabelled: int
    space: Spaces
    coverage: Moves
    warnings: WhatIfWarnings
    generated: str
    generation: int
    sample: bool
    degraded: list[str]
