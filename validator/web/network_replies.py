"""The shapes of what :mod:`validator.web.networks` answers."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from validator.model import State

T = TypeVar("T")


class ByFamily(msgspec.Struct, Generic[T], frozen=True):
    """The same for each family."""

    ipv4: T
    ipv6: T


class RouteCounts(msgspec.Struct, frozen=True):
    """Distinct routes by state, those too that coverage leaves out."""

    total: int
    valid: int
    invalid: int
    not_found: int


class CoverageRoutes(msgspec.Struct, frozen=True):
    """Distinct counted routes by state."""

    announced: int
    valid: int
    invalid: int
    not_found: int


class CoverageSpace(msgspec.Struct, frozen=True):
    """Distinct space in ``unit``: IPv4 ``addresses``, or IPv6 ``48s`` (what is longer counts as a
    fraction). Valid, invalid and not-found space may overlap."""

    unit: str
    announced: int | float
    covered: int | float
    valid: int | float
    invalid: int | float
    not_found: int | float


class CoverageOut(msgspec.Struct, frozen=True):
    """A row of the coverage API: shares are fractions of 1, or null where nothing is announced."""

    scheme: str
    group: str
    name: str
    family: str
    routes: CoverageRoutes
    space: CoverageSpace
    coverage: float | None
    valid_share: float | None
    accuracy: float | None
    space_coverage: float | None
    space_valid_share: float | None


class AnnouncedIpv6(msgspec.Struct, frozen=True):
    """Whether a counted IPv6 route is originated, and the distinct space of all of them in /48s."""

    announced: bool
    announced_48s: int | float


class Rank(msgspec.Struct, frozen=True):
    """A rank among all networks and among those of the country: 1 + how many have strictly more.

    Networks with as much share a rank. Ranked are those that have any: ``of`` says how many, and a
    rank is null for a network without. Both ``*_in_country`` are null if nobody holds the number.
    """

    rank: int | None
    of: int
    rank_in_country: int | None
    of_in_country: int | None


class Ranks(msgspec.Struct, frozen=True):
    """By distinct IPv4 addresses announced, and by counted routes of both families."""

    ipv4_space: Rank
    routes: Rank


class NetworkOut(msgspec.Struct, frozen=True, kw_only=True):
    """A network. ``routes`` counts all that it originates; ``coverage``, ``ipv6`` and ``rank``
    leave out the ``excluded`` ones, which are counted by reason. ``neighbours`` stand next to it in
    paths; which of the two pays is not known."""

    asn: str
    name: str
    country: str
    rir: str
    announced: bool
    routes: ByFamily[RouteCounts]
    excluded: dict[str, int]
    coverage: ByFamily[CoverageOut]
    ipv6: AnnouncedIpv6
    rank: Ranks
    neighbours: list[str]
    min_peers: int
    generated: str
    generation: int
    sample: bool
    degraded: list[str]


class NetworkRoute(msgspec.Struct, frozen=True, gc=False):
    """A route of the network. ``reason``: our label, if it is invalid; ``peers``: how many see it,
    65535 at most; ``excluded``: why coverage leaves it out, if it does."""

    prefix: str
    state: State
    reason: str | None
    peers: int
    excluded: str | None


class NetworkRoutes(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a network's routes, by address. ``total``: on all pages, as of now; ``next``: the
    path of the page after it, null on the last; ``changed``: the data are not those of the page
    before, so routes may have come or gone behind us."""

    asn: str
    total: int
    routes: list[NetworkRoute]
    next: str | None
    changed: bool
    min_peers: int
    generated: str
    generation: int
    sample: bool
    degraded: list[str]
