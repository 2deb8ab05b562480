"""What is said of one network."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.feeds import make_snapshot
from validator.snapshot import Snapshot
from validator.web import networks
from validator.web.landing import _examples


def describe(snapshot: Snapshot, asn: int) -> Any:
    """As a client gets it."""
    return msgspec.json.decode(msgspec.json.encode(networks.describe(snapshot, asn)))


def test_a_network_is_described_with_its_holder_its_routes_and_its_coverage() -> None:
    about = describe(make_snapshot(), 64496)
    assert (about["asn"], about["name"]) == ("AS64496", "Example, one")
    assert (about["country"], about["rir"], about["announced"]) == ("NL", "ripencc", True)
    assert about["routes"] == {
        "ipv4": {"total": 2, "valid": 1, "invalid": 1, "not_found": 0},
        "ipv6": {"total": 1, "valid": 1, "invalid": 0, "not_found": 0},
    }
    # The /25 is too specific to count: it is in the routes, and not in the coverage.
    assert about["excluded"] == {"too-specific": 1}
    assert about["coverage"]["ipv4"]["routes"] == {
        "announced": 1,
        "valid": 1,
        "invalid": 0,
        "not_found": 0,
    }
    assert about["coverage"]["ipv6"]["space"]["announced"] == 65536


def test_a_number_that_nobody_holds_or_announces_is_answered_with_zeros() -> None:
    about = describe(make_snapshot(), 4_294_967_295)
    assert (about["name"], about["country"], about["rir"]) == ("", "ZZ", "ZZ")
    assert about["announced"] is False
    assert about["routes"]["ipv4"] == {"total": 0, "valid": 0, "invalid": 0, "not_found": 0}
    assert about["coverage"]["ipv4"]["routes"]["announced"] == 0
    assert about["coverage"]["ipv4"]["valid_share"] is None
    assert about["neighbours"] == []


def test_routes_without_an_origin_belong_to_no_network() -> None:
    snapshot = make_snapshot()
    assert describe(snapshot, 0)["announced"] is False


def test_the_landing_shows_a_route_in_each_state_that_occurs() -> None:
    assert list(_examples(make_snapshot())) == [
        "/api/v1/validity/AS64496/192.0.2.0/24",
        "/api/v1/validity/AS64497/198.51.100.0/24",
        "/validity?asn=AS64497&prefix=198.51.100.0/24",
        "/api/v1/asn/AS64496",
    ]
