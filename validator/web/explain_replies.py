"""The shapes of what :mod:`validator.web.explain` answers."""

from __future__ import annotations

import msgspec

from validator.model import State
from validator.planning.fixes import Advice, Relation
from validator.web.route_replies import VrpsOut


class RoutinatorLabel(msgspec.Struct, frozen=True):
    """Routinator's ``state`` and, if invalid, ``reason``: ``as`` or ``length``."""

    state: State
    reason: str | None


class Labels(msgspec.Struct, frozen=True):
    """What other tools call it. ``ripestat``: ``valid``, ``invalid_asn``, ``invalid_length`` or
    ``unknown``. ``nist``: where an invalid route fails, ``ML``, ``AS`` or ``ML-AS``, else the
    state."""

    routinator: RoutinatorLabel
    ripestat: str
    nist: str


class CoveringVrps(msgspec.Struct, frozen=True):
    """The VRPs whose prefix contains the route's, the most specific first, split as Routinator
    splits them: too short a maxLength comes first, whatever the AS."""

    matched: VrpsOut
    unmatched_as: VrpsOut
    unmatched_length: VrpsOut


class NetworkName(msgspec.Struct, frozen=True):
    """An AS number and what it is called."""

    asn: str
    name: str


class HolderOut(msgspec.Struct, frozen=True):
    """What the registries say of a resource. ``status``: ``allocated`` or ``assigned`` if it is
    held, ``available`` or ``reserved`` if not, null if no registry speaks of it. ``range`` is the
    part of the record that holds it, ``since`` its date, ``networks`` some AS numbers of the same
    holder. Country and RIR are ``ZZ`` if nobody holds it."""

    range: str | None
    status: str | None
    rir: str
    rir_name: str
    country: str
    since: str | None
    networks: list[NetworkName]


class ReachedBy(msgspec.Struct, frozen=True):
    """A route by which addresses stay reachable. ``relation``: ``exact``, ``less-specific`` or
    ``more-specific`` than the prefix asked for."""

    prefix: str
    origin: str
    state: State
    peers: int
    relation: str


class ReachedByList(msgspec.Struct, frozen=True):
    """Routes, the first of them listed: the nearest first."""

    total: int
    listed: list[ReachedBy]


class Reachable(msgspec.Struct, frozen=True):
    """Whether the prefix's addresses stay reachable where invalid routes are dropped: ``whole``,
    ``part`` or ``none`` of them lie under an announced route that is valid or not-found, which
    ``by`` names. Only routes that coverage counts are looked at. ``total`` and ``reachable`` are in
    ``unit``, exact."""

    extent: str
    unit: str
    total: int | float
    reachable: int | float
    by: ReachedByList


class Roa(msgspec.Struct, frozen=True):
    """The smallest ROA that would make the route valid (RFC 9319)."""

    prefix: str
    max_length: int
    asn: str


class AdviceOut(msgspec.Struct, frozen=True):
    """What to know before acting, as a code and as a sentence."""

    code: Advice
    text: str


class TurnsInvalid(msgspec.Struct, frozen=True):
    """An announced route that the ROA would turn from not-found to invalid. ``relation``:
    ``more-specific``, or ``same-prefix`` from another origin. ``holder``: whether its origin is the
    holder of its prefix. Always ``needs_its_own_decision``: whether it is to be authorised, changed
    or left to be dropped does not follow from this ROA."""

    prefix: str
    origin: str
    name: str
    country: str
    rir: str
    relation: str
    same_origin: bool
    holder: Relation
    before: State
    after: State
    peers: int
    excluded: str | None
    needs_its_own_decision: bool


class TurnsInvalidList(msgspec.Struct, frozen=True):
    """Routes in the order of the tables, the first of them listed."""

    total: int
    listed: list[TurnsInvalid]


class FixOut(msgspec.Struct, frozen=True):
    """What would make the route valid. ``roa`` is null if nothing can, or nothing need.

    ``recommended`` only if the registries say that origin and address block have the same holder,
    and that holder has not said AS0. Otherwise the ROA is what it would take, and no more:
    ``advice`` says what to find out first."""

    roa: Roa | None
    recommended: bool
    advice: list[AdviceOut]
    turns_invalid: TurnsInvalidList
    turns_valid: int


class ExplainReply(msgspec.Struct, frozen=True):
    """One route explained.

    ``peers`` is how many see it, 65535 at most; ``excluded`` why coverage leaves it out. ``reason``
    is our label of an invalid route, ``no-origin``, ``length``, ``as0`` or ``origin``. ``holder``:
    is the origin the holder of the address block? ``unknown`` across registries."""

    prefix: str
    origin: str
    announced: bool
    peers: int
    excluded: str | None
    state: State
    reason: str | None
    why: str
    labels: Labels
    vrps: CoveringVrps
    address_block: HolderOut
    origin_as: HolderOut
    origin_name: str
    holder: Relation
    reachable: Reachable
    fix: FixOut
    generated: str
    generation: int
    sample: bool
    degraded: list[str]
