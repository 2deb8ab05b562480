"""Routes explained over a real server on loopback, on a snapshot made by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.feeds import ROUTES, VRPS, StandingFeed, make_snapshot
from validator import metrics
from validator.model import NO_ORIGIN
from validator.web.app import make_app
from validator.web.explain_replies import ExplainReply

Ask = Callable[..., Awaitable[tuple[int, Any]]]

# 192.0.2.0/24, 2001:db8::/32 and AS64496 are one holder's; nobody holds the rest.
HIJACK = ("192.0.2.0/24", 64666)
CUSTOMER = ("2001:db8:7::/48", 64499)


@pytest.fixture
def feed() -> StandingFeed:
    return StandingFeed(
        make_snapshot(
            vrps=(*VRPS[:3], ("203.0.113.0/24", 24, 0, "apnic")),
            routes=(
                *ROUTES,
                HIJACK,
                CUSTOMER,
                ("2001:db8:8::/48", NO_ORIGIN),
                ("203.0.113.0/25", 64496),
                ("198.51.101.0/24", 64499),
            ),
        )
    )


@pytest.fixture
async def ask(feed: StandingFeed) -> AsyncIterator[Ask]:
    server = TestServer(make_app(feed, metrics.build(feed), sample=False))
    await server.start_server(shutdown_timeout=1)
    async with ClientSession() as session:

        async def get(path: str, **more: Any) -> tuple[int, Any]:
            url = URL(f"http://{server.host}:{server.port}/api/v1/explain/{path}", encoded=True)
            async with session.get(url, **more) as response:
                body = await response.read()
                return response.status, json.loads(body) if body else None

        yield get
    await server.close()


def codes(told: Any) -> list[str]:
    return [advice["code"] for advice in told["fix"]["advice"]]


async def test_a_valid_route_is_explained_and_needs_nothing(ask: Ask) -> None:
    status, told = await ask("AS64496/192.0.2.0/24")
    assert status == 200
    msgspec.convert(told, ExplainReply)
    assert (told["prefix"], told["origin"], told["state"]) == ("192.0.2.0/24", "AS64496", "valid")
    assert (told["announced"], told["peers"], told["excluded"]) == (True, 1, None)
    assert told["reason"] is None
    assert told["labels"] == {
        "routinator": {"state": "valid", "reason": None},
        "ripestat": "valid",
        "nist": "valid",
    }
    assert told["vrps"]["matched"] == {
        "total": 1,
        "listed": [
            {
                "asn": "AS64496",
                "prefix": "192.0.2.0/24",
                "max_length": 24,
                "trust_anchor": "ripe",
                "expires": None,
            }
        ],
    }
    assert told["origin_name"] == "Example, one"
    assert told["holder"] == "same"
    assert told["address_block"] == {
        "range": "192.0.2.0-192.0.2.255",
        "status": "allocated",
        "rir": "ripencc",
        "rir_name": "RIPE NCC",
        "country": "NL",
        "since": "2020-01-01",
        "networks": [{"asn": "AS64496", "name": "Example, one"}],
    }
    assert told["origin_as"]["range"] == "AS64496"
    assert told["fix"]["roa"] is None
    assert codes(told) == ["nothing-to-do"]
    assert (told["generation"], told["sample"], told["degraded"]) == (1, False, [])


async def test_an_ipv6_block_is_shown_with_its_first_and_last_address(ask: Ask) -> None:
    block = (await ask("64496/2001:db8::/32"))[1]["address_block"]
    assert block["range"] == "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"


async def test_the_labels_of_other_tools_stand_beside_ours(ask: Ask) -> None:
    told = (await ask("64497/198.51.100.0/24"))[1]
    assert (told["state"], told["reason"]) == ("invalid", "length")
    assert told["labels"] == {
        "routinator": {"state": "invalid", "reason": "as"},
        "ripestat": "invalid_length",
        "nist": "ML-AS",
    }
    assert [vrp["asn"] for vrp in told["vrps"]["unmatched_length"]["listed"]] == ["AS64497"]
    assert [vrp["asn"] for vrp in told["vrps"]["unmatched_as"]["listed"]] == ["AS64499"]


async def test_a_first_roa_lists_what_it_turns_invalid_and_authorises_none_of_it(ask: Ask) -> None:
    told = (await ask("64496/2001:db8::/32"))[1]
    assert told["state"] == "not-found"
    fix = told["fix"]
    assert fix["roa"] == {"prefix": "2001:db8::/32", "max_length": 32, "asn": "AS64496"}
    assert fix["recommended"] is True
    assert codes(told) == ["create-roa", "others-turn-invalid"]
    assert fix["turns_invalid"]["total"] == 2
    listed = fix["turns_invalid"]["listed"]
    assert [(each["prefix"], each["origin"]) for each in listed] == [
        ("2001:db8:7::/48", "AS64499"),
        ("2001:db8:8::/48", "NONE"),
    ]
    for each in listed:
        assert each["needs_its_own_decision"] is True
        assert (each["before"], each["after"]) == ("not-found", "invalid")
        assert each["relation"] == "more-specific"
        assert each["holder"] == "unknown"
        assert each["same_origin"] is False
    assert fix["turns_valid"] == 1
    assert "AS64499" not in json.dumps(fix["roa"]) + json.dumps(fix["advice"])


async def test_lists_are_cut_and_totals_are_not(ask: Ask) -> None:
    fix = (await ask("64496/2001:db8::/32?limit=1"))[1]["fix"]
    assert fix["turns_invalid"]["total"] == 2
    assert len(fix["turns_invalid"]["listed"]) == 1


async def test_a_hijack_is_not_recommended_to_be_made_valid(ask: Ask) -> None:
    told = (await ask("64666/192.0.2.0/24"))[1]
    assert (told["state"], told["reason"]) == ("invalid", "origin")
    assert told["fix"]["recommended"] is False
    assert codes(told) == ["create-roa", "maybe-not-entitled", "holder-unknown"]
    said = next(each["text"] for each in told["fix"]["advice"] if each["code"].startswith("maybe"))
    assert "hijack" in said
    # Its addresses stay reachable all the same, by the route of the holder.
    assert told["reachable"]["extent"] == "whole"
    assert told["reachable"]["by"]["listed"] == [
        {
            "prefix": "192.0.2.0/24",
            "origin": "AS64496",
            "state": "valid",
            "peers": 1,
            "relation": "exact",
        }
    ]


async def test_as0_is_said_to_forbid_the_announcement(ask: Ask) -> None:
    told = (await ask("64496/203.0.113.0/25"))[1]
    assert told["reason"] == "as0"
    assert codes(told)[:2] == ["nobody-holds", "as0"]
    assert told["fix"]["recommended"] is False
    assert told["excluded"] == "too-specific"


@pytest.mark.parametrize("none", ["NONE", "none", "None"])
async def test_no_roa_helps_the_origin_none(ask: Ask, none: str) -> None:
    told = (await ask(f"{none}/203.0.113.0/24"))[1]
    assert (told["origin"], told["announced"], told["reason"]) == ("NONE", True, "no-origin")
    assert told["fix"]["roa"] is None
    assert codes(told) == ["no-origin"]
    assert told["origin_as"]["range"] is None


async def test_reachability_has_three_extents(ask: Ask) -> None:
    # The /22 is not announced, of its four /24s one is valid and one is invalid.
    part = (await ask("1/198.51.100.0/22"))[1]["reachable"]
    assert (part["extent"], part["unit"]) == ("part", "addresses")
    assert (part["total"], part["reachable"]) == (1024, 256)
    assert [each["prefix"] for each in part["by"]["listed"]] == ["198.51.101.0/24"]
    assert part["by"]["listed"][0]["relation"] == "more-specific"
    none = (await ask("64497/198.51.100.0/24"))[1]["reachable"]
    assert (none["extent"], none["reachable"], none["by"]["total"]) == ("none", 0, 0)
    above = (await ask("1/192.0.2.0/25"))[1]["reachable"]
    assert (above["extent"], above["by"]["listed"][0]["relation"]) == ("whole", "less-specific")
    fine = (await ask("1/2001:db8::/65"))[1]["reachable"]
    assert (fine["extent"], fine["unit"], fine["reachable"]) == ("whole", "48s", 2**-17)
    lost = (await ask("1/2001:db9::/128"))[1]["reachable"]
    assert (lost["extent"], lost["reachable"]) == ("none", 0)


async def test_a_route_that_nobody_announces_is_explained_too(ask: Ask) -> None:
    told = (await ask("64496/192.0.2.128/25"))[1]
    assert (told["announced"], told["peers"], told["excluded"]) == (False, 0, None)
    assert codes(told) == ["create-roa", "keep-max-length", "not-announced"]


async def test_bits_beyond_the_length_are_ignored_and_slashes_may_be_encoded(ask: Ask) -> None:
    for path in ("64496/192.0.2.77/24", "as64496/192.0.2.0%2F24"):
        assert (await ask(path))[1]["prefix"] == "192.0.2.0/24"


@pytest.mark.parametrize(
    "path",
    [
        "ASX/192.0.2.0/24",
        "NONESUCH/192.0.2.0/24",
        "4294967296/192.0.2.0/24",
        "64496/192.0.2.0",
        "64496/192.0.2.0/33",
        "64496/nonsense/24",
        "64496/192.0.2.0/24?limit=0",
        "64496/192.0.2.0/24?limit=10001",
        "64496/192.0.2.0/24?limit=-1",
        "64496/192.0.2.0/24?limit=%C2%B2",
        "64496/192.0.2.0/24?most=3",
    ],
)
async def test_what_is_no_route_or_no_argument_is_refused(ask: Ask, path: str) -> None:
    status, told = await ask(path)
    assert status == 400
    assert "\n" not in json.dumps(told)


async def test_before_the_first_snapshot_nothing_is_explained(ask: Ask, feed: StandingFeed) -> None:
    feed.snapshot = None
    assert (await ask("64496/192.0.2.0/24"))[0] == 503


async def test_who_has_the_answer_already_is_told_so(ask: Ask, feed: StandingFeed) -> None:
    assert feed.snapshot is not None
    tag = f'W/"{feed.snapshot.generation}-{feed.snapshot.created}"'
    status, _ = await ask("64496/192.0.2.0/24", headers={"If-None-Match": tag})
    assert status == 304
