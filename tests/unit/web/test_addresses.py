"""What is said of one address."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from tests.feeds import ROUTES, make_snapshot
from validator.model import NO_ORIGIN
from validator.snapshot import Snapshot
from validator.tables.addresses import parse_address
from validator.tables.announced import AnnouncedRules, exclusions
from validator.web.addresses import describe
from validator.web.landing import paths_to_try


def asked(address: str, snapshot: Snapshot | None = None) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(
        msgspec.json.encode(describe(snapshot or make_snapshot(), parse_address(address)))
    )
    return reply


def test_an_address_is_answered_with_its_prefix_its_origin_and_its_holder() -> None:
    snapshot = make_snapshot(generation=7, sample=True)
    answer = asked("192.0.2.200", snapshot)
    assert answer.pop("generated")
    assert answer == {
        "address": "192.0.2.200",
        "prefix": "192.0.2.0/24",
        "announced": True,
        "routes": [
            {
                "origin": "AS64496",
                "name": "Example, one",
                "country": "NL",
                "rir": "ripencc",
                "state": "valid",
                "reason": None,
                "peers": 1,
                "excluded": None,
            }
        ],
        "less_specific": [],
        "holder": {"country": "NL", "rir": "ripencc"},
        "min_peers": 1,
        "generation": 7,
        "sample": True,
        "degraded": [],
    }


def test_a_route_that_coverage_leaves_out_is_answered_and_says_why() -> None:
    answer = asked("192.0.2.1")
    assert (answer["prefix"], answer["less_specific"]) == ("192.0.2.0/25", ["192.0.2.0/24"])
    (route,) = answer["routes"]
    assert (route["state"], route["reason"]) == ("invalid", "length")
    assert route["excluded"] == "too-specific"


def test_an_address_that_nothing_announces_still_has_a_holder() -> None:
    snapshot = make_snapshot(routes=())
    answer = asked("2001:db8::1", snapshot)
    assert (answer["prefix"], answer["announced"]) == (None, False)
    assert (answer["routes"], answer["less_specific"]) == ([], [])
    assert answer["holder"] == {"country": "NL", "rir": "ripencc"}
    assert asked("203.0.113.1", snapshot)["holder"] == {"country": "ZZ", "rir": "ZZ"}


def test_an_address_under_a_default_route_alone_is_answered_with_it() -> None:
    snapshot = make_snapshot(routes=(*ROUTES, ("0.0.0.0/0", 64497)))
    answer = asked("8.8.8.8", snapshot)
    assert (answer["prefix"], answer["announced"]) == ("0.0.0.0/0", True)
    assert [route["excluded"] for route in answer["routes"]] == ["default-route"]
    assert asked("192.0.2.1", snapshot)["less_specific"] == ["192.0.2.0/24", "0.0.0.0/0"]


def test_the_origin_none_belongs_to_nobody() -> None:
    (route,) = asked("203.0.113.1")["routes"]
    assert (route["origin"], route["name"]) == ("NONE", "origin NONE")
    assert (route["country"], route["rir"], route["state"]) == ("ZZ", "ZZ", "not-found")


def test_every_origin_has_its_own_state_and_the_one_most_peers_see_comes_first() -> None:
    origins = (NO_ORIGIN, 64496, 64497, 64498)
    snapshot = make_snapshot(routes=tuple(("192.0.2.0/24", origin) for origin in origins))
    routes = replace(snapshot.routes, peers=np.array([1, 2, 9, 2], "u2"))
    excluded = exclusions(routes, AnnouncedRules(special_prefixes=(), special_asns=()), 2)
    answer = asked("192.0.2.1", replace(snapshot, routes=routes, excluded=excluded, min_peers=2))
    assert answer["min_peers"] == 2
    keys = ("origin", "state", "reason", "peers", "excluded")
    assert [tuple(route[key] for key in keys) for route in answer["routes"]] == [
        ("AS64497", "invalid", "origin", 9, None),
        ("AS64496", "valid", None, 2, None),
        ("AS64498", "invalid", "origin", 2, None),
        ("NONE", "invalid", "no-origin", 1, "too-few-peers"),
    ]


def test_a_mapped_address_is_answered_as_the_ipv4_address_it_stands_for() -> None:
    answer = asked("::ffff:192.0.2.200")
    assert (answer["address"], answer["prefix"]) == ("192.0.2.200", "192.0.2.0/24")


def test_the_landing_page_suggests_an_address_that_is_announced() -> None:
    assert "/api/v1/ip/192.0.2.0" in paths_to_try(make_snapshot())
    assert not any("/ip/" in path for path in paths_to_try(make_snapshot(routes=())))
