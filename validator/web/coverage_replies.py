"""The shapes of what :mod:`validator.web.coverage` and :mod:`validator.web.groups` answer."""

from __future__ import annotations

import msgspec

from validator.groupings import Attribution
from validator.web.network_replies import ByFamily, CoverageOut


class CoverageReply(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of a scheme. ``excluded`` counts routes that no group has, by reason: the groups'
    routes and these are all routes."""

    by: str
    attribution: Attribution
    min_peers: int
    generated: str
    generation: int
    sample: bool
    degraded: list[str]
    excluded: dict[str, int]
    rows: list[CoverageOut]


class SchemeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A way to group. ``members`` is what its groups are made of: ``country``, ``asn``, ``prefix``;
    null for networks, countries and registries themselves. ``attributions``: the default first."""

    scheme: str
    title: str
    members: str | None
    attributions: list[Attribution]
    groups: int
    origin: str
    licence: str
    dated: str | None


class SchemesReply(msgspec.Struct, frozen=True, kw_only=True):
    """Every scheme that coverage is counted by."""

    schemes: list[SchemeOut]
    generated: str
    generation: int
    sample: bool
    degraded: list[str]


class PlaceOut(msgspec.Struct, frozen=True):
    """Rank among the groups of the scheme that have any: 1 + how many have strictly more."""

    rank: int | None
    of: int


class Places(msgspec.Struct, frozen=True):
    """Where a group stands by valid share of routes, by valid share of space, and by space."""

    valid_share: PlaceOut
    space_valid_share: PlaceOut
    space: PlaceOut


class AverageOut(msgspec.Struct, frozen=True):
    """One share of a class of countries (docs/definitions.md): all routes pooled; the median of its
    countries; their mean weighed by Internet users. ``countries`` announce anything, ``weighed`` of
    these have a figure of users, ``people`` in all."""

    pooled: float | None
    median_country: float | None
    people_weighted: float | None
    countries: int
    weighed: int
    people: int


class HoldingsOut(msgspec.Struct, frozen=True):
    """Delegated space, how much of it is under some VRP, and the quotient: another denominator than
    coverage's, never to be mixed with it."""

    unit: str
    delegated: int | float
    covered: int | float
    holdings_coverage: float | None


class BeyondOut(msgspec.Struct, frozen=True, kw_only=True):
    """What else the routes of a group say (docs/definitions.md, "More than RPKI"). A *sighting* is
    one route announced by one of ``full_feeds`` peers; where ``invalid_visibility`` is far below
    ``valid_visibility``, networks on the way drop invalids."""

    prefixes: int
    moas_prefixes: int
    as_set_routes: int
    unregistered_routes: int
    unregistered_space: int | float
    bogon_routes: int
    full_feeds: int
    watched_valid: int
    valid_sightings: int
    valid_visibility: float | None
    watched_invalid: int
    invalid_sightings: int
    invalid_visibility: float | None


class NetworksOut(msgspec.Struct, frozen=True, kw_only=True):
    """The networks whose AS number belongs to a group, whatever the attribution of its routes."""

    networks: int
    ipv4: int
    ipv6: int
    stubs: int
    multihomed_stubs: int
    transits: int
    multihomed_transits: int


class GroupFigures(msgspec.Struct, frozen=True):
    """One group in one family. ``excluded``: its routes that are not counted, by reason.
    ``averages``: of a class of countries, by share; empty for other groups. ``holdings``: null by
    origin."""

    figures: CoverageOut
    excluded: dict[str, int]
    ranks: Places
    averages: dict[str, AverageOut]
    holdings: HoldingsOut | None
    beyond: BeyondOut | None


class FeedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What one full-feed peer carries of the watched routes of a family, by state."""

    vantage: str
    address: str
    asn: str
    family: str
    valid: int
    invalid: int
    not_found: int
    valid_visibility: float | None
    invalid_visibility: float | None


class WatchedOut(msgspec.Struct, frozen=True):
    """Routes that some peer announces, by state, and how many peers carry a full feed."""

    valid: int
    invalid: int
    not_found: int
    full_feeds: int


class VisibilityReply(msgspec.Struct, frozen=True, kw_only=True):
    """Are invalids dropped? The share of watched routes that each full-feed peer carries, valid
    beside invalid ones; the peers that carry the fewest invalids first."""

    watched: ByFamily[WatchedOut]
    feeds: list[FeedOut]
    generated: str
    generation: int
    sample: bool
    degraded: list[str]


class GroupReply(msgspec.Struct, frozen=True, kw_only=True):
    """One group: its figures by family, where it stands, and its members.

    ``members`` are rows of ``members_by``: the countries of a class, the networks of a country, a
    registry or a list of networks (by origin); the first ``limit`` of ``members_total``, in the
    order asked for. Of a list of prefixes they are named in ``listed``. ``membership`` says whose
    list it is.
    """

    by: str
    title: str
    group: str
    name: str
    attribution: Attribution
    membership: str
    day: str
    families: ByFamily[GroupFigures]
    networks: NetworksOut | None
    members_by: str | None
    members_total: int
    members: list[CoverageOut]
    listed: list[str]
    min_peers: int
    generated: str
    generation: int
    sample: bool
    degraded: list[str]
