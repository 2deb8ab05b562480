"""Networks and prefixes over a real server on loopback, on a snapshot made by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.web.app import make_app
from validator.web.network_replies import NetworkOut, NetworkRoutes
from validator.web.prefixes import PrefixOut

Ask = Callable[[str], Awaitable[tuple[int, Any]]]

MANY = tuple((f"10.{n}.0.0/16", 64496) for n in range(25))


@pytest.fixture
def feed() -> StandingFeed:
    return StandingFeed(make_snapshot())


@pytest.fixture
async def ask(feed: StandingFeed) -> AsyncIterator[Ask]:
    server = TestServer(make_app(feed, metrics.build(feed), sample=False))
    await server.start_server(shutdown_timeout=1)
    async with ClientSession() as session:

        async def get(path: str) -> tuple[int, Any]:
            url = URL(f"http://{server.host}:{server.port}{path}", encoded=True)
            async with session.get(url) as response:
                return response.status, json.loads(await response.read())

        yield get
    await server.close()


async def test_a_network_is_answered_in_its_shape_with_ranks_and_ipv6(ask: Ask) -> None:
    status, about = await ask("/api/v1/asn/as64496")
    assert status == 200
    told = msgspec.convert(about, NetworkOut)
    assert list(about)[:7] == ["asn", "name", "country", "rir", "announced", "routes", "excluded"]
    assert about["ipv6"] == {"announced": True, "announced_48s": 65536}
    assert about["rank"] == {
        "ipv4_space": {"rank": 1, "of": 2, "rank_in_country": 1, "of_in_country": 1},
        "routes": {"rank": 1, "of": 2, "rank_in_country": 1, "of_in_country": 1},
    }
    assert told.coverage.ipv4.routes.announced == 1
    nobody = (await ask("/api/v1/asn/64497"))[1]
    assert nobody["rank"]["routes"] == {
        "rank": 2,
        "of": 2,
        "rank_in_country": None,
        "of_in_country": None,
    }
    assert nobody["ipv6"] == {"announced": False, "announced_48s": 0}


async def test_a_row_of_coverage_is_the_same_here_and_in_the_table_of_coverage(ask: Ask) -> None:
    rows = (await ask("/api/v1/coverage?by=asn"))[1]["rows"]
    own = {row["family"]: row for row in rows if row["group"] == "AS64496"}
    assert own
    assert (await ask("/api/v1/asn/64496"))[1]["coverage"] == own


async def test_the_routes_of_a_network_say_state_reason_and_exclusion(ask: Ask) -> None:
    status, about = await ask("/api/v1/asn/64496/routes")
    assert status == 200
    msgspec.convert(about, NetworkRoutes)
    assert about["total"] == 3
    assert about["next"] is None
    assert about["changed"] is False
    assert about["routes"][1] == {
        "prefix": "192.0.2.0/25",
        "state": "invalid",
        "reason": "length",
        "peers": 1,
        "excluded": "too-specific",
    }


@pytest.mark.parametrize(
    ("query", "prefixes"),
    [
        ("state=valid", ["192.0.2.0/24", "2001:db8::/32"]),
        ("state=invalid", ["192.0.2.0/25"]),
        ("state=not-found", []),
        ("family=ipv6", ["2001:db8::/32"]),
        ("family=ipv4&state=valid", ["192.0.2.0/24"]),
        ("after=192.0.2.0/24@1", ["192.0.2.0/25", "2001:db8::/32"]),
        ("after=192.0.2.0%2F24%401", ["192.0.2.0/25", "2001:db8::/32"]),
        ("after=203.0.113.0/24@1", ["2001:db8::/32"]),  # a prefix that it does not originate
        ("after=ffff::/16@1", []),
    ],
)
async def test_the_routes_of_a_network_can_be_chosen(
    ask: Ask, query: str, prefixes: list[str]
) -> None:
    status, about = await ask(f"/api/v1/asn/64496/routes?{query}")
    assert (status, [each["prefix"] for each in about["routes"]]) == (200, prefixes)


async def test_pages_are_followed_by_their_next_to_the_end(ask: Ask, feed: StandingFeed) -> None:
    feed.snapshot = make_snapshot(routes=MANY)
    path, pages = "/api/v1/asn/64496/routes?limit=10&state=not-found&family=ipv4", []
    while path:
        status, about = await ask(path)
        assert (status, about["total"], about["changed"]) == (200, 25, False)
        pages.append([each["prefix"] for each in about["routes"]])
        path = about["next"]
    assert [len(each) for each in pages] == [10, 10, 5]
    assert [each for page in pages for each in page] == [prefix for prefix, _ in MANY]


async def test_a_page_of_newer_data_says_so_and_goes_on_in_order(
    ask: Ask, feed: StandingFeed
) -> None:
    feed.snapshot = make_snapshot(routes=MANY)
    first = (await ask("/api/v1/asn/64496/routes?limit=10"))[1]
    assert first["next"].endswith("after=10.9.0.0/16@1")
    feed.snapshot = make_snapshot(generation=2, routes=(*MANY[:5], *MANY[11:]))
    status, second = await ask(first["next"])
    assert (status, second["changed"], second["generation"]) == (200, True, 2)
    assert second["routes"][0]["prefix"] == "10.11.0.0/16"
    assert second["next"].endswith("@2")
    assert (await ask(second["next"]))[1]["changed"] is False


async def test_a_prefix_is_answered_in_its_shape(ask: Ask) -> None:
    status, about = await ask("/api/v1/prefix/192.0.2.0/25")
    assert status == 200
    told = msgspec.convert(about, PrefixOut)
    assert (told.announced, told.exact.total, told.less_specific.total) == (True, 1, 1)
    assert (about["generation"], about["sample"], about["degraded"]) == (1, False, [])


async def test_bits_beyond_the_length_are_ignored_and_the_answer_says_which_prefix(
    ask: Ask,
) -> None:
    expected = await ask("/api/v1/prefix/192.0.2.0/24")
    assert expected[1]["prefix"] == "192.0.2.0/24"
    for path in ("192.0.2.77/24", "192.0.2.0%2F24"):
        assert await ask(f"/api/v1/prefix/{path}") == expected
    assert (await ask("/api/v1/prefix/2001:DB8:0::1/32"))[1]["prefix"] == "2001:db8::/32"


async def test_what_is_not_wanted_is_counted_and_not_listed(ask: Ask) -> None:
    about = (await ask("/api/v1/prefix/192.0.2.0/24?more=false&less=true&limit=1"))[1]
    assert about["more_specific"] == {"total": 1, "listed": []}
    assert len(about["exact"]["listed"]) == 1
    about = (await ask("/api/v1/prefix/192.0.2.0/25?less=false"))[1]
    assert about["less_specific"] == {"total": 1, "listed": []}
    about = (await ask("/api/v1/prefix/198.51.100.0/22?more=false"))[1]
    assert about["vrps_inside"] == {"total": 1, "listed": []}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/prefix/192.0.2.0",
        "/api/v1/prefix/192.0.2.0/33",
        "/api/v1/prefix/192.0.2.0/24/25",
        "/api/v1/prefix/192.0.2.0/24?limit=0",
        "/api/v1/prefix/192.0.2.0/24?limit=1001",
        "/api/v1/prefix/192.0.2.0/24?limit=",
        "/api/v1/prefix/192.0.2.0/24?limit=-1",
        "/api/v1/prefix/192.0.2.0/24?less=yes",
        "/api/v1/prefix/192.0.2.0/24?more=",
        "/api/v1/prefix/192.0.2.0/24?depth=3",
        "/api/v1/asn/64496/routes?limit=%C2%B2",
        "/api/v1/asn/64496/routes?state=unknown",
        "/api/v1/asn/64496/routes?state=",
        "/api/v1/asn/64496/routes?family=4",
        "/api/v1/asn/64496/routes?page=2",
        "/api/v1/asn/64496/routes?after=",
        "/api/v1/asn/64496/routes?after=192.0.2.0/24",
        "/api/v1/asn/64496/routes?after=192.0.2.1/24@1",
        "/api/v1/asn/64496/routes?after=192.0.2.0/24@-1",
        "/api/v1/asn/64496/routes?after=192.0.2.0/24@" + "9" * 5000,
        "/api/v1/asn/4294967296/routes",
        "/api/v1/asn/NONE/routes",
    ],
)
async def test_what_cannot_be_understood_is_a_400(ask: Ask, path: str) -> None:
    assert (await ask(path))[0] == 400


async def test_before_the_first_snapshot_there_is_no_answer(ask: Ask, feed: StandingFeed) -> None:
    feed.snapshot = None
    for path in ("/api/v1/asn/1", "/api/v1/asn/1/routes", "/api/v1/prefix/192.0.2.0/24"):
        assert (await ask(path))[0] == 503
