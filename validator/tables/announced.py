"""Which routes count as announced in coverage figures, and why the others do not.

Every route is validated and answered; what is *excluded* here only stays out of the figures, and
is counted by the first of these reasons that applies (docs/definitions.md, "What counts as
announced"): ``default-route``, ``special-purpose-prefix``, ``special-purpose-asn``,
``too-specific``, ``too-few-peers``. Σ groups + excluded = all routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from validator.model import U1, Prefix
from validator.tables.rib import PeerSize
from validator.tables.routes import RouteTable

REASONS = (
    "",
    "default-route",
    "special-purpose-prefix",
    "special-purpose-asn",
    "too-specific",
    "too-few-peers",
)
"""What the values of an ``excluded`` column mean; 0 is "not excluded"."""

DEFAULT_MIN_PEERS = 5
MANY_FULL_FEEDS = 10

SPECIAL_PURPOSE_PREFIXES = (
    # The blocks of the IANA IPv4 Special-Purpose Address Registry (RFC 6890) that are not
    # globally reachable, and multicast (RFC 5771)
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    # The same for IPv6, and all that lies outside global unicast, 2000::/3 (RFC 4291)
    "::/3", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:db8::/32", "2002::/16", "3fff::/20",
    "4000::/2", "8000::/1",
)  # fmt: skip
"""Space that nobody can hold: a route inside one of these is not counted."""

SPECIAL_PURPOSE_ASNS = (
    (0, 0),  # RFC 7607
    (23456, 23456),  # AS_TRANS, RFC 6793
    (64496, 64511),  # documentation, RFC 5398
    (64512, 65534),  # private use, RFC 6996
    (65535, 65535),  # RFC 7300
    (65536, 65551),  # documentation, RFC 5398
    (65552, 131071),  # reserved by IANA
    (4200000000, 4294967294),  # private use, RFC 6996
    (4294967295, 4294967295),  # RFC 7300
)
"""AS numbers that nobody can hold, as inclusive ranges: a route from one is not counted."""


@dataclass(frozen=True, slots=True)
class AnnouncedRules:
    """The settings of this module. ``min_peers`` None: decided by the table's full-feed peers."""

    min_peers: int | None = None
    longest_ipv4: int = 24
    longest_ipv6: int = 48
    special_prefixes: tuple[Prefix, ...] = tuple(map(Prefix.parse, SPECIAL_PURPOSE_PREFIXES))
    special_asns: tuple[tuple[int, int], ...] = SPECIAL_PURPOSE_ASNS

    def __post_init__(self) -> None:
        if not 0 < self.longest_ipv4 <= 32 or not 0 < self.longest_ipv6 <= 64:
            raise ValueError("longest_ipv4 goes from 1 to 32, longest_ipv6 from 1 to 64")


def effective_min_peers(rules: AnnouncedRules, peers: Sequence[PeerSize]) -> int:
    """The least number of peers that must see a route: 5, as RIPE has it, where it can be."""
    if rules.min_peers is not None:
        return rules.min_peers
    full = sum(peer.full_ipv4 for peer in peers)
    return DEFAULT_MIN_PEERS if full >= MANY_FULL_FEEDS else 1


def exclusions(routes: RouteTable, rules: AnnouncedRules, min_peers: int) -> U1:
    """Why each route does not count: u1 ``(n,)``, an index into :data:`REASONS`."""
    excluded = np.zeros(len(routes), "u1")
    longest = np.full(len(routes), rules.longest_ipv6, "u1")
    longest[: routes.ipv6] = rules.longest_ipv4
    # Written from the last reason to the first, so that the first that applies stays.
    excluded[routes.peers < min_peers] = REASONS.index("too-few-peers")
    excluded[routes.length > longest] = REASONS.index("too-specific")
    if rules.special_asns:
        first, last = np.array(sorted(rules.special_asns), "i8").T
        at = np.searchsorted(first, routes.origin, "right") - 1
        excluded[(at >= 0) & (routes.origin <= last[at])] = REASONS.index("special-purpose-asn")
    for prefix in rules.special_prefixes:
        rows = routes.covered(prefix)
        excluded[rows.start : rows.stop] = REASONS.index("special-purpose-prefix")
    excluded[routes.length == 0] = REASONS.index("default-route")
    return excluded


def with_min_peers(excluded: U1, routes: RouteTable, min_peers: int) -> U1:
    """What would be excluded if another number of peers had to see a route."""
    too_few = REASONS.index("too-few-peers")
    other = np.where(excluded == too_few, 0, excluded).astype("u1")
    other[(other == 0) & (routes.peers < min_peers)] = too_few
    return other


def count_exclusions(excluded: U1) -> dict[str, int]:
    """How many routes each reason excludes; reasons that exclude none are left out."""
    counts = np.bincount(excluded, minlength=len(REASONS))
    return {
        reason: int(counts[code]) for code, reason in enumerate(REASONS) if code and counts[code]
    }
