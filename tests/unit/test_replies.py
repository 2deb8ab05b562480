"""The validity replies are Routinator's, byte for byte but for white space."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from tests.feeds import make_snapshot
from validator.formats.replies import generated_time, validity_reply
from validator.model import Prefix
from validator.snapshot import Snapshot

_LENGTH = (
    "At least one VRP Covers the Route Prefix, but the Route Prefix length is greater than the "
    "maximum length allowed by VRP(s) matching this route origin ASN"
)


def _answer(snapshot: Snapshot, prefix: str, asn: int) -> Any:
    reply = validity_reply(snapshot.explain(Prefix.parse(prefix), asn), 1_750_000_000)
    return json.loads(msgspec.json.encode(reply))


def test_a_valid_route_has_no_reason_and_names_the_vrp_that_matches() -> None:
    reply = validity_reply(make_snapshot().explain(Prefix.parse("192.0.2.0/24"), 64496), 0)
    assert msgspec.json.encode(reply) == (
        b'{"validated_route":{"route":{"origin_asn":"AS64496","prefix":"192.0.2.0/24"},'
        b'"validity":{"state":"valid","description":"At least one VRP Matches the Route Prefix",'
        b'"VRPs":{"matched":[{"asn":"AS64496","prefix":"192.0.2.0/24","max_length":"24"}],'
        b'"unmatched_as":[],"unmatched_length":[]}}},"generatedTime":"1970-01-01T00:00:00Z"}'
    )


def test_an_invalid_route_has_its_reason_between_state_and_description() -> None:
    answer = _answer(make_snapshot(), "198.51.100.0/24", 64497)
    validity = answer["validated_route"]["validity"]
    assert list(validity) == ["state", "reason", "description", "VRPs"]
    assert validity == {
        "state": "invalid",
        "reason": "as",
        "description": "At least one VRP Covers the Route Prefix, "
        "but no VRP ASN matches the route origin ASN",
        "VRPs": {
            "matched": [],
            "unmatched_as": [{"asn": "AS64499", "prefix": "198.51.100.0/22", "max_length": "24"}],
            # Longer than maxLength comes first, although the AS number is the origin's.
            "unmatched_length": [
                {"asn": "AS64497", "prefix": "198.51.100.0/23", "max_length": "23"}
            ],
        },
    }


def test_a_route_that_is_only_too_long_is_invalid_by_length() -> None:
    validity = _answer(make_snapshot(), "192.0.2.0/25", 64511)["validated_route"]["validity"]
    assert (validity["state"], validity["reason"]) == ("invalid", "length")
    assert validity["description"] == _LENGTH
    assert [vrp["asn"] for vrp in validity["VRPs"]["unmatched_length"]] == ["AS64496"]


def test_a_route_that_nothing_covers_is_not_found_with_three_empty_lists() -> None:
    validity = _answer(make_snapshot(), "203.0.113.0/24", 64496)["validated_route"]["validity"]
    assert validity == {
        "state": "not-found",
        "description": "No VRP Covers the Route Prefix",
        "VRPs": {"matched": [], "unmatched_as": [], "unmatched_length": []},
    }


def test_the_time_is_written_in_utc_to_the_second() -> None:
    assert generated_time(1_750_000_000) == "2025-06-15T15:06:40Z"


@given(st.ip_addresses(v=6) | st.ip_addresses(v=4), st.integers(0, 128))
@example(ipaddress.ip_address("::ffff:192.0.2.0"), 120)
@example(ipaddress.ip_address("::192.0.2.0"), 128)
@example(ipaddress.ip_address("0:1::"), 32)
@example(ipaddress.ip_address("64:ff9b::192.0.2.0"), 128)
def test_a_prefix_is_written_as_everywhere_else(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int
) -> None:
    length = min(length, address.max_prefixlen)
    prefix = Prefix.of(ipaddress.ip_network((address, length), strict=False))
    assert str(prefix) == str(ipaddress.ip_network((address, length), strict=False))
