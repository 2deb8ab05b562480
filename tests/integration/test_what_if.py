"""Changes supposed over a real server on loopback, on a snapshot made by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.web.app import make_app
from validator.web.what_if import MOST_BYTES
from validator.web.what_if_replies import MOST_OF_EACH, WhatIfReply

Post = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
def feed() -> StandingFeed:
    return StandingFeed(make_snapshot())


@pytest.fixture
async def post(feed: StandingFeed) -> AsyncIterator[Post]:
    server = TestServer(make_app(feed, metrics.build(feed), sample=False))
    await server.start_server(shutdown_timeout=1, auto_decompress=False)
    async with ClientSession() as session:

        async def ask(query: str = "", **body: Any) -> tuple[int, Any]:
            url = server.make_url(f"/api/v1/what-if{query}")
            async with session.post(url, **(body if "data" in body else {"json": body})) as answer:
                return answer.status, json.loads(await answer.read())

        yield ask
    await server.close()


def changes(told: Any) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (each["prefix"], each["origin"], each["before"], each["after"])
        for each in told["changes"]["listed"]
    ]


def warned(told: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["prefix"]) for each in told["warnings"]["listed"]]


async def test_nothing_supposed_changes_nothing(post: Post) -> None:
    status, told = await post()
    assert status == 200
    msgspec.convert(told, WhatIfReply)
    assert (told["changes"]["total"], told["transitions"], told["warnings"]["total"]) == (0, [], 0)
    assert told["space"]["ipv4"]["unreachable"] == {
        "unit": "addresses",
        "size": 0,
        "total": 0,
        "listed": [],
    }
    assert told["coverage"]["asn"] == {"total": 0, "listed": []}


async def test_a_vrp_that_goes_cuts_off_nothing_and_one_for_another_as_does(
    post: Post, feed: StandingFeed
) -> None:
    one = {"prefix": "192.0.2.0/24", "asn": 64496}
    told = (await post(vrps={"remove": [one]}))[1]
    assert (told["vrps_added"], told["vrps_removed"]) == (0, 1)
    assert changes(told) == [
        ("192.0.2.0/24", "AS64496", "valid", "not-found"),
        ("192.0.2.0/25", "AS64496", "invalid", "not-found"),
    ]
    assert told["space"]["ipv4"]["unreachable"]["size"] == 0

    other = {"prefix": "192.0.2.0/24", "asn": "AS64999", "max_length": 25}
    told = (await post(vrps={"remove": [one], "add": [other]}))[1]
    msgspec.convert(told, WhatIfReply)
    assert changes(told) == [("192.0.2.0/24", "AS64496", "valid", "invalid")]
    assert told["relabelled"] == 1  # the /25: from length to origin
    assert told["changes"]["listed"][0]["reason_after"] == "origin"
    assert told["changes"]["listed"][0]["peers"] == 1
    assert told["transitions"] == [{"before": "valid", "after": "invalid", "routes": 1}]
    assert told["space"]["ipv4"]["unreachable"] == {
        "unit": "addresses",
        "size": 256,
        "total": 1,
        "listed": [{"first": "192.0.2.0", "last": "192.0.2.255"}],
    }
    assert told["space"]["ipv6"]["unreachable"]["size"] == 0
    (asn,) = told["coverage"]["asn"]["listed"]
    assert (asn["group"], asn["name"], asn["family"]) == ("AS64496", "Example, one", "ipv4")
    assert (asn["changed_routes"], asn["attribution"]) == (1, "origin")
    assert (asn["before"]["valid_share"], asn["after"]["valid_share"]) == (1, 0)
    assert asn["before"]["routes"] == {"announced": 1, "valid": 1, "invalid": 0, "not_found": 0}
    assert asn["after"]["routes"] == {"announced": 1, "valid": 0, "invalid": 1, "not_found": 0}
    assert asn["after"]["space"]["invalid"] == 256
    (country,) = told["coverage"]["country"]["listed"]
    assert (country["group"], country["attribution"]) == ("NL", "address")
    (rir,) = told["coverage"]["rir"]["listed"]
    assert (rir["group"], rir["name"]) == ("ripencc", "RIPE NCC")
    # Nothing of that was done.
    assert feed.snapshot is not None
    assert len(feed.snapshot.vrps) == 4
    assert feed.snapshot.routes.verdict.tolist() == make_snapshot().routes.verdict.tolist()


async def test_routes_can_come_and_go(post: Post) -> None:
    told = (
        await post(
            routes={
                "announce": [
                    {"prefix": "198.51.100.0/24", "origin": "AS64499"},
                    {"prefix": "10.0.0.0/24", "origin": "NONE"},
                    {"prefix": "0.0.0.0/0", "origin": 64496},
                ],
                "withdraw": [{"prefix": "2001:db8::/32", "origin": 64496}],
            }
        )
    )[1]
    assert changes(told) == [
        ("2001:db8::/32", "AS64496", "valid", None),
        ("0.0.0.0/0", "AS64496", None, "not-found"),
        ("10.0.0.0/24", "NONE", None, "not-found"),
        ("198.51.100.0/24", "AS64499", None, "valid"),
    ]
    assert told["transitions"] == [
        {"before": "valid", "after": None, "routes": 1},
        {"before": None, "after": "not-found", "routes": 2},
        {"before": None, "after": "valid", "routes": 1},
    ]
    assert told["space"]["ipv6"]["unreachable"] == {
        "unit": "48s",
        "size": 65536,
        "total": 1,
        "listed": [{"first": "2001:db8::", "last": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"}],
    }
    # A default route makes nothing reachable: it does not count.
    assert told["changes"]["listed"][1]["excluded"] == "default-route"
    assert told["space"]["ipv4"]["newly_reachable"]["size"] == 512


async def test_a_loose_max_length_is_warned_of_unless_all_of_it_is_announced(post: Post) -> None:
    loose = {"prefix": "203.0.113.0/24", "asn": 64496, "max_length": 25}
    halves = [
        {"prefix": prefix, "origin": 64496}
        for prefix in ("203.0.113.0/24", "203.0.113.0/25", "203.0.113.128/25")
    ]
    told = (await post(vrps={"add": [loose]}, routes={"announce": halves[:2]}))[1]
    assert warned(told) == [("loose-max-length", "203.0.113.0/24")]
    assert "3 prefixes, of which AS64496 announces 2" in told["warnings"]["listed"][0]["message"]
    told = (await post(vrps={"add": [loose]}, routes={"announce": halves}))[1]
    assert warned(told) == []
    # The exact ROA is not loose, whatever is announced inside.
    told = (
        await post(vrps={"add": [loose | {"max_length": None}]}, routes={"announce": halves[:1]})
    )[1]
    assert warned(told) == []


async def test_as0_over_something_announced_is_warned_of_and_over_nothing_is_not(
    post: Post,
) -> None:
    add = [
        {"prefix": "192.0.2.0/24", "asn": 0, "max_length": 32},
        {"prefix": "11.0.0.0/8", "asn": 0},
    ]
    told = (await post(vrps={"add": add}))[1]
    assert warned(told) == [("as0-over-announced", "192.0.2.0/24")]
    message = told["warnings"]["listed"][0]["message"]
    assert message.startswith("2 routes are announced")
    assert "1 would be valid by other VRPs" in message


async def test_a_roa_that_no_route_uses_is_warned_of(post: Post) -> None:
    add = [
        {"prefix": "11.0.0.0/8", "asn": 64496},
        {"prefix": "192.0.2.0/24", "asn": 64497},
        {"prefix": "192.0.2.0/25", "asn": 64496},
    ]
    told = (await post(vrps={"add": add}))[1]
    assert warned(told) == [("no-route-uses", "11.0.0.0/8"), ("no-route-uses", "192.0.2.0/24")]
    first, second = (each["message"] for each in told["warnings"]["listed"])
    assert first.startswith("nobody announces")
    assert second.startswith("AS64497 announces nothing")


async def test_what_changes_nothing_is_said_to(post: Post) -> None:
    told = (
        await post(
            vrps={
                "add": [{"prefix": "192.0.2.0/24", "asn": 64496}],
                "remove": [{"prefix": "192.0.2.0/24", "asn": 64496, "max_length": 25}],
            },
            routes={
                "announce": [{"prefix": "192.0.2.0/24", "origin": 64496}],
                "withdraw": [{"prefix": "192.0.2.0/24", "origin": 1}],
            },
        )
    )[1]
    assert told["changes"]["total"] == 0
    assert [code for code, _ in warned(told)] == [
        "already-there",
        "not-there",
        "already-announced",
        "not-announced",
    ]


async def test_lists_are_cut_and_totals_are_not(post: Post) -> None:
    told = (
        await post(
            "?limit=1",
            vrps={"add": [{"prefix": f"{n}.0.0.0/8", "asn": 1} for n in (192, 198, 203)]},
        )
    )[1]
    # Valid already, invalid already, and one that was not covered.
    assert told["changes"]["total"] == 1
    assert told["warnings"]["total"] == 3
    assert len(told["warnings"]["listed"]) == 1
    gone = [{"prefix": "192.0.2.0/24", "asn": 64496}]
    told = (await post("?limit=1", vrps={"remove": gone}))[1]
    assert (told["changes"]["total"], len(told["changes"]["listed"])) == (2, 1)
    assert sum(each["routes"] for each in told["transitions"]) == 2


V4 = {"prefix": "192.0.2.0/24", "asn": 1}
R4 = {"prefix": "192.0.2.0/24", "origin": 1}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"vrps": {"add": [V4 | {"prefix": "192.0.2.1/24"}]}}, "vrps.add[0]"),
        ({"vrps": {"add": [V4, V4 | {"max_length": 23}]}}, "vrps.add[1]"),
        ({"vrps": {"remove": [V4 | {"max_length": 33}]}}, "vrps.remove[0]"),
        ({"vrps": {"add": [V4 | {"max_length": 129}]}}, "max_length"),
        ({"vrps": {"add": [V4 | {"asn": 2**32}]}}, "asn"),
        ({"vrps": {"add": [V4 | {"asn": -1}]}}, "asn"),
        ({"vrps": {"add": [V4 | {"asn": "NONE"}]}}, "asn"),
        ({"vrps": {"add": [V4 | {"asn": "AS1\n"}]}}, "vrps.add[0]"),
        ({"vrps": {"add": [V4 | {"maxLength": 24}]}}, "maxLength"),
        ({"vrps": {"add": [{"prefix": "192.0.2.0/24"}]}}, "asn"),
        ({"vrps": {"add": V4}}, "vrps.add"),
        ({"vrps": {"add": [V4], "remove": [V4 | {"max_length": 24}]}}, "vrps.remove[0]"),
        ({"routes": {"announce": [R4], "withdraw": [R4]}}, "routes.withdraw[0]"),
        ({"routes": {"announce": [R4 | {"origin": "NOBODY"}]}}, "origin"),
        ({"routes": {"withdraw": [R4 | {"prefix": "x/24"}]}}, "prefix"),
        ({"roas": []}, "roas"),
        ({"vrps": {"add": [V4] * (MOST_OF_EACH + 1)}}, "add"),
    ],
)
async def test_what_cannot_be_supposed_is_refused_and_the_place_is_named(
    post: Post, body: dict[str, Any], named: str
) -> None:
    status, told = await post(**body)
    assert status == 400
    assert named in json.dumps(told)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"null", b'{"vrps":null}', b"\xff", b"[" * 100_000]
)
async def test_what_is_not_such_a_body_is_refused(post: Post, data: bytes) -> None:
    assert (await post(data=data))[0] == 400


async def test_a_body_beyond_the_limit_is_refused(post: Post) -> None:
    assert (await post(data=b" " * (MOST_BYTES + 1)))[0] == 413


async def test_the_longest_lists_are_answered(post: Post) -> None:
    add = [
        {"prefix": f"10.{n >> 8}.{n & 255}.0/24", "asn": "AS4294967295", "max_length": 32}
        for n in range(MOST_OF_EACH)
    ]
    routes = [
        {"prefix": f"2001:db8:{n:x}::/48", "origin": "AS4294967295"} for n in range(MOST_OF_EACH)
    ]
    status, told = await post(
        vrps={"add": add, "remove": [each | {"max_length": 31} for each in add]},
        routes={"announce": routes, "withdraw": [each | {"origin": 1} for each in routes]},
    )
    assert status == 200
    assert told["changes"]["total"] == MOST_OF_EACH
    assert told["warnings"]["total"] == 4 * MOST_OF_EACH
    assert told["coverage"]["asn"]["total"] == 1


async def test_before_the_first_snapshot_nothing_can_be_supposed(
    post: Post, feed: StandingFeed
) -> None:
    feed.snapshot = None
    assert (await post())[0] == 503
