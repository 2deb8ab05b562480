"""What is said of one prefix."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.feeds import make_snapshot, resource_batch
from validator.formats.asked import relaxed_prefix
from validator.tables.resources import build_table
from validator.web import prefixes
from validator.web.prefixes import PrefixOut, block_of
from validator.web.route_replies import MOST_VRPS_EACH


def describe(prefix: str, less: int = 9, more: int = 9, limit: int = 9, **world: Any) -> Any:
    """As a client gets it."""
    about = prefixes.describe(make_snapshot(**world), relaxed_prefix(prefix), less, more, limit)
    return msgspec.json.decode(msgspec.json.encode(about))


def test_a_prefix_is_described_with_its_routes_its_holder_and_its_vrps() -> None:
    about = describe("192.0.2.0/24")
    vrp = {
        "asn": "AS64496",
        "prefix": "192.0.2.0/24",
        "max_length": 24,
        "trust_anchor": "ripe",
        "expires": None,
    }
    covering = {"total": 1, "listed": [vrp]}
    own = {
        "origin": "AS64496",
        "name": "Example, one",
        "country": "NL",
        "rir": "ripencc",
        "peers": 1,
        "vrps": covering,
    }
    assert about["announced"] is True
    assert about["vrps"] == covering
    assert about["vrps_inside"] == {"total": 0, "listed": []}
    whole = {"prefix": "192.0.2.0/24", "state": "valid", "reason": None, "excluded": None}
    half = {
        "prefix": "192.0.2.0/25",
        "state": "invalid",
        "reason": "length",
        "excluded": "too-specific",
    }
    assert about["exact"] == {"total": 1, "listed": [{**own, **whole}]}
    assert about["more_specific"] == {"total": 1, "listed": [{**own, **half}]}
    assert about["less_specific"] == {"total": 0, "listed": []}
    assert about["block"] == {
        "country": "NL",
        "rir": "ripencc",
        "registry": "ripencc",
        "status": "allocated",
        "date": "2020-01-01",
        "holder": "holder-1",
        "first": "192.0.2.0",
        "last": "192.0.2.255",
        "whole": True,
    }


def test_a_prefix_that_nobody_announces_shows_what_lies_above_and_inside_it() -> None:
    about = describe("192.0.2.0/26")
    assert about["announced"] is False
    above = [each["prefix"] for each in about["less_specific"]["listed"]]
    assert above == ["192.0.2.0/25", "192.0.2.0/24"]
    about = describe("198.51.100.0/22")
    assert [each["reason"] for each in about["more_specific"]["listed"]] == ["length"]
    assert [each["asn"] for each in about["vrps"]["listed"]] == ["AS64499"]
    assert [each["asn"] for each in about["vrps_inside"]["listed"]] == ["AS64497"]


def test_a_route_without_an_origin_is_shown_as_nobodys() -> None:
    (route,) = describe("203.0.113.0/24")["exact"]["listed"]
    assert (route["origin"], route["country"], route["state"]) == ("NONE", "ZZ", "not-found")


def test_an_address_beyond_all_space_or_none_is_answered_too() -> None:
    everything = describe("0.0.0.0/0")
    assert everything["more_specific"]["total"] == 4
    assert describe("::/0")["more_specific"]["total"] == 1
    assert describe("255.255.255.255/32")["more_specific"]["total"] == 0
    assert describe("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")["vrps"]["total"] == 0


def test_lists_end_at_their_limit_and_totals_do_not() -> None:
    origins = tuple(("10.0.0.0/24", asn) for asn in range(1, 8))
    inside = tuple((f"10.0.0.{n}/32", 1) for n in range(7))
    allowed = tuple(("10.0.0.0/16", 24, asn, "ripe") for asn in range(1, 8))
    about = describe("10.0.0.0/24", 2, 3, 4, routes=(*origins, *inside), vrps=allowed)
    for name, listed in (("exact", 4), ("more_specific", 3), ("vrps", 4)):
        assert (about[name]["total"], len(about[name]["listed"])) == (7, listed), name
    above = describe("10.0.0.0/30", 2, 0, 4, routes=(*origins, *inside), vrps=allowed)
    assert above["less_specific"]["total"] == 7
    assert len(above["less_specific"]["listed"]) == 2
    assert above["more_specific"] == {"total": 4, "listed": []}


def test_of_very_many_vrps_over_a_route_the_first_are_listed() -> None:
    allowed = tuple(("10.0.0.0/16", 24, asn, "ripe") for asn in range(200))
    (route,) = describe("10.0.0.0/24", routes=(("10.0.0.0/24", 7),), vrps=allowed)["exact"][
        "listed"
    ]
    assert (route["state"], route["vrps"]["total"]) == ("valid", 200)
    assert len(route["vrps"]["listed"]) == MOST_VRPS_EACH


@pytest.mark.parametrize(
    ("prefix", "whole", "last"),
    [
        ("192.0.2.0/24", True, "192.0.2.255"),
        ("192.0.2.7/32", True, "192.0.2.255"),
        ("192.0.2.0/23", False, "192.0.2.255"),
        ("2001:db8::/32", True, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::/31", False, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8:ffff:ffff::7/128", True, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ],
)
def test_a_block_that_holds_a_part_of_the_prefix_does_not_hold_it_whole(
    prefix: str, whole: bool, last: str
) -> None:
    block = block_of(build_table([resource_batch()]), relaxed_prefix(prefix))
    assert (block.country, block.whole, block.last) == ("NL", whole, last)


def test_what_no_registry_mentions_is_nobodys() -> None:
    block = block_of(build_table([resource_batch()]), relaxed_prefix("10.0.0.0/8"))
    assert (block.country, block.rir, block.status, block.whole) == ("ZZ", "ZZ", None, None)


def test_the_shape_can_be_told_as_json_schema() -> None:
    schema = msgspec.json.schema(PrefixOut)
    assert set(schema["$defs"]["PrefixOut"]["required"]) >= {"prefix", "exact", "block", "degraded"}
