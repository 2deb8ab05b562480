"""What an event is: its kinds, and its fields as clients and receivers are sent them (JSON)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import msgspec

from validator.model import Prefix


class Kind(enum.StrEnum):
    """What an event is about. In the order of their weight."""

    SOURCE_DEGRADED = "source-degraded"
    """An input fell into trouble, or into worse."""
    SOURCE_RECOVERED = "source-recovered"
    ROUTE_INVALID = "route-invalid"
    """A route became invalid, or one that is invalid was announced."""
    VRP_GONE = "vrp-gone"
    ROUTE_STATE = "route-state"
    """A route's state changed, to valid or not-found."""
    NEW_ORIGIN = "new-origin"
    """An AS announces a prefix that others originated before, or one under such a prefix. If that
    route is invalid there is a ``route-invalid`` beside it."""
    ROUTE_NEW = "route-new"
    """A route was announced that is neither invalid nor a new origin."""
    VRP_NEW = "vrp-new"
    ROUTE_GONE = "route-gone"
    MANY_CHANGES = "many-changes"
    """More happened at once than there are events for."""
    WATCH_STARTED = "watch-started"
    """The service has its first snapshot: what happened before is not known."""


GENERAL = frozenset(
    (Kind.SOURCE_DEGRADED, Kind.SOURCE_RECOVERED, Kind.MANY_CHANGES, Kind.WATCH_STARTED)
)
"""Kinds that concern whoever watches, whatever network or state they asked for."""


class VrpItem(msgspec.Struct, frozen=True, gc=False):
    """A VRP (RFC 6811 section 2) and the trust anchor it came by."""

    asn: str
    prefix: str
    max_length: int
    trust_anchor: str


class Standing(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How something stood at one moment.

    ``state``: a route's validation state, ``in-force`` for a VRP, or an input's state. ``reason``:
    why a route is invalid, or what is wrong with an input. ``peers``: how many see a route, 65535
    at most; ``excluded``: why coverage does not count it.
    """

    state: str
    reason: str = ""
    peers: int | None = None
    excluded: str = ""


class Cause(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What made the difference.

    ``what``: ``announcement`` or ``withdrawal`` (of the route, or of the VRP itself), ``expiry``
    (of the VRP), ``vrps`` (those that came and went above the route), ``input``. ``covering``: the
    VRPs that make an announced route invalid. ``origins``: who originated ``origins_of``, the new
    route's own prefix or the nearest one above it. Lists have at most 8 entries, ``more`` counts
    the VRPs left out.
    """

    what: str
    vrps_gone: list[VrpItem] = []
    vrps_new: list[VrpItem] = []
    covering: list[VrpItem] = []
    more: int = 0
    origins: list[str] = []
    origins_of: str = ""


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One event. ``before`` is null for what was not there, ``after`` for what is no more.

    ``origin`` is the route's origin (``NONE``: RFC 6811) or the VRP's AS. ``country`` is where the
    prefix is registered, ``ZZ`` if nobody holds it. ``asns`` are the AS numbers that it concerns:
    the origin, those that covering VRPs name, those that originated the prefix before. ``counts``
    is what ``many-changes`` counts: changes by kind (``route-new`` has every route that came), and
    how many of these have no event.
    """

    id: str
    kind: Kind
    sentence: str
    time: str
    generation: int
    prefix: str | None = None
    origin: str | None = None
    vrp: VrpItem | None = None
    source: str | None = None
    country: str | None = None
    asns: list[str] = []
    before: Standing | None = None
    after: Standing | None = None
    cause: Cause | None = None
    counts: dict[str, int] = {}
    sample: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with what filters look at."""

    event: Event
    prefix: Prefix | None = None
    asns: tuple[int, ...] = ()
