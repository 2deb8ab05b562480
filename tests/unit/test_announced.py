"""What counts as announced, and the one reason under which the rest is counted."""

from __future__ import annotations

from ipaddress import ip_network

import numpy as np
import pytest

from tests.oracle import R, route_batch
from validator.model import Peer
from validator.tables import routes as table
from validator.tables.announced import (
    REASONS,
    AnnouncedRules,
    count_exclusions,
    effective_min_peers,
    exclusions,
)
from validator.tables.rib import PeerSize
from validator.tables.routes import RouteTable


def published(*routes: tuple[str, int | None], peers: int = 9) -> RouteTable:
    seen = table.see(route_batch([R(ip_network(prefix), origin) for prefix, origin in routes]))
    many = table.SeenRoutes(seen.prefixes, seen.origin, np.full(len(seen), peers, "u2"))
    return table.publish(many, np.zeros(len(seen), "u1"))


def reason(prefix: str, origin: int | None = 3333, *, peers: int = 9, min_peers: int = 1) -> str:
    routes = published((prefix, origin), peers=peers)
    return REASONS[int(exclusions(routes, AnnouncedRules(), min_peers)[0])]


@pytest.mark.parametrize(
    ("prefix", "why"),
    [
        ("0.0.0.0/0", "default-route"),
        ("::/0", "default-route"),
        ("10.1.0.0/16", "special-purpose-prefix"),
        ("240.0.0.0/8", "special-purpose-prefix"),
        ("255.255.255.255/32", "special-purpose-prefix"),
        ("2001:db8:1::/48", "special-purpose-prefix"),
        ("3fff::/20", "special-purpose-prefix"),
        ("fc00::/7", "special-purpose-prefix"),
        ("ffff:ffff:ffff:ffff::/64", "special-purpose-prefix"),
        ("193.0.0.0/25", "too-specific"),
        ("2001:67c::/49", "too-specific"),
        ("193.0.0.0/24", ""),
        ("2001:67c::/48", ""),
        ("2000::/3", ""),
        ("0.0.0.0/1", ""),
        ("192.0.0.0/16", ""),
    ],
)
def test_the_prefix_decides(prefix: str, why: str) -> None:
    assert reason(prefix) == why


@pytest.mark.parametrize("origin", [0, 23456, 64496, 64512, 65535, 65551, 131071, 4200000000,
                                    4294967295])  # fmt: skip
def test_an_origin_that_nobody_can_hold_is_not_counted(origin: int) -> None:
    assert reason("193.0.0.0/21", origin) == "special-purpose-asn"


@pytest.mark.parametrize("origin", [None, 1, 23455, 23457, 64495, 131072, 4199999999])
def test_other_origins_are_counted_and_none_is_one_of_them(origin: int | None) -> None:
    assert reason("193.0.0.0/21", origin) == ""


def test_the_first_reason_that_applies_is_the_one_counted() -> None:
    assert reason("10.0.0.0/32", 0, peers=1, min_peers=5) == "special-purpose-prefix"
    assert reason("193.0.0.0/32", 0, peers=1, min_peers=5) == "special-purpose-asn"
    assert reason("193.0.0.0/32", peers=1, min_peers=5) == "too-specific"
    assert reason("193.0.0.0/21", peers=4, min_peers=5) == "too-few-peers"
    assert reason("193.0.0.0/21", peers=5, min_peers=5) == ""


def test_counts_name_only_the_reasons_that_exclude_something() -> None:
    routes = published(("0.0.0.0/0", 1), ("193.0.0.0/21", 1), ("10.0.0.0/8", 1), ("10.0.0.0/8", 2))
    excluded = exclusions(routes, AnnouncedRules(), 1)
    assert count_exclusions(excluded) == {"default-route": 1, "special-purpose-prefix": 2}


def test_an_empty_table_excludes_nothing() -> None:
    routes = table.publish(table.unite([]), np.empty(0, "u1"))
    assert len(exclusions(routes, AnnouncedRules(), 1)) == 0


def sizes(full: int, partial: int) -> list[PeerSize]:
    return [
        PeerSize(Peer("rrc", str(n), n), 100 if n < full else 10, 0, n < full, False)
        for n in range(full + partial)
    ]


def test_five_peers_are_asked_for_only_where_ten_full_feeds_can_see() -> None:
    assert effective_min_peers(AnnouncedRules(), sizes(9, 30)) == 1
    assert effective_min_peers(AnnouncedRules(), sizes(10, 0)) == 5
    assert effective_min_peers(AnnouncedRules(min_peers=2), sizes(10, 0)) == 2


@pytest.mark.parametrize(("ipv4", "ipv6"), [(0, 48), (33, 48), (24, 0), (24, 65)])
def test_limits_beyond_what_is_counted_exactly_are_refused(ipv4: int, ipv6: int) -> None:
    with pytest.raises(ValueError, match="longest_ipv4"):
        AnnouncedRules(longest_ipv4=ipv4, longest_ipv6=ipv6)
