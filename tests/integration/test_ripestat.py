"""RIPEstat's data calls over HTTP, as its clients read them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import pytest

from tests.feeds import ROUTES, StandingFeed, make_snapshot
from tests.sites import Site, serving
from validator.formats.ripestat_replies import (
    AnnouncedReply,
    AsRoutingReply,
    OverviewReply,
    PrefixRoutingReply,
    RpkiReply,
)
from validator.freshness import SourceStatus
from validator.model import NO_ORIGIN
from validator.web.ripestat import error_reply

FIELDS = {
    "messages", "see_also", "version", "data_call_name", "data_call_status", "cached", "query_id",
    "process_time", "server_id", "build_version", "status", "status_code", "time", "data",
}  # fmt: skip


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


async def ask(site: Site, call: str, query: str, kind: type[Any]) -> Any:
    status, _, body = await site.ask(f"/data/{call}/data.json?{query}")
    assert status == 200, body
    answer = msgspec.json.decode(body)
    assert set(answer) == FIELDS
    assert (answer["status"], answer["status_code"]) == ("ok", 200)
    assert answer["data_call_name"] == call
    datetime.fromisoformat(answer["time"])
    msgspec.json.decode(body, type=kind, strict=True)
    return answer


@pytest.mark.parametrize("resource", ["AS64497", "64497", "as64497"])
async def test_a_route_is_judged_by_the_labels_of_ripestat(site: Site, resource: str) -> None:
    query = f"resource={resource}&prefix=198.51.100.0/24"
    answer = await ask(site, "rpki-validation", query, RpkiReply)
    assert answer["data"] == {
        "resource": "64497",
        "prefix": "198.51.100.0/24",
        "validating_roas": [
            {
                "origin": "64499",
                "prefix": "198.51.100.0/22",
                "validity": "invalid_asn",
                "max_length": 24,
            },
            {
                "origin": "64497",
                "prefix": "198.51.100.0/23",
                "validity": "invalid_length",
                "max_length": 23,
            },
        ],
        "status": "invalid_length",
        "validator": "originsight",
    }


@pytest.mark.parametrize(
    ("asn", "prefix", "status"),
    [
        (64496, "192.0.2.0/24", "valid"),
        (64496, "192.0.2.0/25", "invalid_length"),
        (1, "192.0.2.0/25", "invalid_asn"),
        (0, "192.0.2.0/24", "invalid_asn"),
        (64496, "203.0.113.0/24", "unknown"),
        (64496, "2001:DB8:0::1/48", "valid"),
    ],
)
async def test_each_status_has_ripestats_word(
    site: Site, asn: int, prefix: str, status: str
) -> None:
    answer = await ask(site, "rpki-validation", f"resource={asn}&prefix={prefix}", RpkiReply)
    assert answer["data"]["status"] == status


async def test_an_announced_prefix_is_described(site: Site) -> None:
    answer = await ask(site, "prefix-overview", "resource=192.0.2.0/24", OverviewReply)
    assert answer["messages"] == []
    data = answer["data"]
    assert data.pop("query_time")
    assert data == {
        "is_less_specific": False,
        "announced": True,
        "asns": [{"asn": 64496, "holder": "Example, one"}],
        "related_prefixes": ["192.0.2.0/25"],
        "resource": "192.0.2.0/24",
        "type": "prefix",
        "block": {
            "resource": "192.0.2.0 - 192.0.2.255",
            "desc": "RIPE NCC (Status: ALLOCATED)",
            "name": "RIR delegated statistics",
        },
        "actual_num_related": 1,
        "num_filtered_out": 0,
    }
    answer = await ask(site, "prefix-overview", "resource=2001:db8::/32", OverviewReply)
    assert (
        answer["data"]["block"]["resource"] == "2001:db8:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
    )


@pytest.mark.parametrize("resource", ["192.0.2.0/26", "192.0.2.5", "192.0.2.5/32"])
async def test_what_is_not_announced_is_answered_by_what_covers_it(
    site: Site, resource: str
) -> None:
    answer = await ask(site, "prefix-overview", f"resource={resource}", OverviewReply)
    assert answer["data"]["resource"] == "192.0.2.0/25"
    assert answer["data"]["is_less_specific"] is True
    assert answer["messages"][0][0] == "warning"


async def test_what_nothing_covers_is_not_announced() -> None:
    routes = (*ROUTES, ("0.0.0.0/0", 1))
    async with serving(StandingFeed(make_snapshot(routes=routes))) as site:
        answer = await ask(site, "prefix-overview", "resource=8.8.8.0/24", OverviewReply)
        data = answer["data"]
        assert (data["announced"], data["asns"], data["block"]) == (False, [], None)
        assert data["resource"] == "8.8.8.0/24"
        assert data["related_prefixes"] == ["0.0.0.0/0"]


async def test_an_origin_of_none_is_no_as() -> None:
    routes = (*ROUTES, ("203.0.113.0/24", 5))
    async with serving(StandingFeed(make_snapshot(routes=routes))) as site:
        answer = await ask(site, "prefix-overview", "resource=203.0.113.0/24", OverviewReply)
        assert answer["data"]["asns"] == [{"asn": 5, "holder": None}]
        assert "AS_SET" in answer["messages"][0][1]
        answer = await ask(site, "routing-status", "resource=203.0.113.0/24", PrefixRoutingReply)
        assert answer["data"]["origins"] == [{"origin": 5, "route_objects": None}]
        assert answer["data"]["last_seen"]["origin"] == "5"
    assert NO_ORIGIN in {origin for _, origin in ROUTES}


async def test_related_prefixes_are_counted_though_not_all_are_listed() -> None:
    routes = (*ROUTES, *((f"10.0.{n}.0/24", 1) for n in range(60)), ("10.0.0.0/16", 1))
    async with serving(StandingFeed(make_snapshot(routes=routes))) as site:
        for more, listed in (("", 50), ("&max_related=7", 7), ("&max_related=0", 0)):
            answer = await ask(
                site, "prefix-overview", f"resource=10.0.0.0/16{more}", OverviewReply
            )
            assert len(answer["data"]["related_prefixes"]) == listed
            assert answer["data"]["actual_num_related"] == 60


async def test_the_prefixes_of_an_as_are_listed_as_of_now(site: Site) -> None:
    answer = await ask(site, "announced-prefixes", "resource=AS64496", AnnouncedReply)
    data = answer["data"]
    assert [each["prefix"] for each in data["prefixes"]] == [
        "192.0.2.0/24",
        "192.0.2.0/25",
        "2001:db8::/32",
    ]
    times = {data[name] for name in ("latest_time", "earliest_time", "query_starttime")}
    times |= {line[end] for each in data["prefixes"] for line in each["timelines"] for end in line}
    assert len(times) == 1
    assert data["resource"] == "64496"


async def test_routes_that_few_peers_see_are_left_out_if_one_likes(site: Site) -> None:
    answer = await ask(
        site, "announced-prefixes", "resource=64496&min_peers_seeing=2", AnnouncedReply
    )
    assert answer["data"]["prefixes"] == []
    assert "less than 2 peers" in answer["messages"][0][1]
    answer = await ask(
        site, "prefix-overview", "resource=192.0.2.0/24&min_peers_seeing=2", OverviewReply
    )
    assert answer["data"]["announced"] is False
    assert answer["data"]["num_filtered_out"] == 1


async def test_the_routing_of_a_prefix_and_of_an_address(site: Site) -> None:
    answer = await ask(site, "routing-status", "resource=192.0.2.0/24", PrefixRoutingReply)
    data = answer["data"]
    now = data.pop("query_time")
    assert data == {
        "first_seen": None,
        "last_seen": {"prefix": "192.0.2.0/24", "origin": "64496", "time": now},
        "visibility": {
            "v4": {"ris_peers_seeing": 1, "total_ris_peers": 1},
            "v6": {"ris_peers_seeing": 0, "total_ris_peers": 0},
        },
        "origins": [{"origin": 64496, "route_objects": None}],
        "less_specifics": [],
        "more_specifics": [{"prefix": "192.0.2.0/25", "origin": 64496}],
        "resource": "192.0.2.0/24",
    }
    answer = await ask(site, "routing-status", "resource=192.0.2.200", PrefixRoutingReply)
    assert answer["data"]["resource"] == "192.0.2.0/24"
    answer = await ask(site, "routing-status", "resource=192.0.2.0/26", PrefixRoutingReply)
    assert (answer["data"]["origins"], answer["data"]["last_seen"]) == ([], None)
    assert [each["prefix"] for each in answer["data"]["less_specifics"]] == [
        "192.0.2.0/25",
        "192.0.2.0/24",
    ]


@pytest.mark.parametrize("resource", ["AS64496", "64496"])
async def test_the_routing_of_an_as(site: Site, resource: str) -> None:
    answer = await ask(site, "routing-status", f"resource={resource}", AsRoutingReply)
    data = answer["data"]
    assert data["announced_space"] == {
        "v4": {"prefixes": 1, "ips": 256},
        "v6": {"prefixes": 1, "48s": 65536},
    }
    assert data["visibility"]["v6"] == {"ris_peers_seeing": 1, "total_ris_peers": 1}
    assert data["last_seen"]["origin"] == "64496"
    silent = await ask(site, "routing-status", "resource=AS1", AsRoutingReply)
    assert (silent["data"]["last_seen"], silent["data"]["observed_neighbours"]) == (None, 0)


@pytest.mark.parametrize(
    ("call", "query"),
    [
        ("rpki-validation", "prefix=192.0.2.0/24"),
        ("rpki-validation", "resource=1"),
        ("rpki-validation", "resource=x&prefix=192.0.2.0/24"),
        ("rpki-validation", "resource=1&prefix=192.0.2.0"),
        ("rpki-validation", "resource=1&prefix=192.0.2.0/24&nonsense=1"),
        ("prefix-overview", "resource=AS1"),
        ("prefix-overview", "resource=192.0.2.0/33"),
        ("prefix-overview", "resource=192.0.2.0/24&max_related=1001"),
        ("prefix-overview", "resource=192.0.2.0/24&query_time=2020-01-01"),
        ("announced-prefixes", "resource=192.0.2.0/24"),
        ("announced-prefixes", "resource=1&starttime=2020-01-01"),
        ("announced-prefixes", "resource=1&min_peers_seeing=-1"),
        ("routing-status", ""),
        ("routing-status", "resource=4294967296"),
        ("routing-status", "resource=fe80::1%25eth0"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_a_reason(
    site: Site, call: str, query: str
) -> None:
    status, _, body = await site.ask(f"/data/{call}/data.json?{query}")
    assert status == 400
    assert len(body) < 1000


async def test_arguments_that_its_clients_send_with_everything_are_taken(site: Site) -> None:
    query = "resource=1&sourceapp=mine&preferred_version=0.3&prefix=192.0.2.0/24"
    await ask(site, "rpki-validation", query, RpkiReply)


def test_a_refusal_has_ripestats_envelope() -> None:
    answer = error_reply(400, "no such thing")
    assert answer.status == 400
    assert isinstance(answer.body, bytes)
    body = msgspec.json.decode(answer.body)
    assert set(body) == FIELDS
    assert (body["status"], body["status_code"], body["data"]) == ("error", 400, {})
    assert body["messages"] == [["error", "no such thing"]]


async def test_late_inputs_and_samples_are_named_in_the_messages() -> None:
    late = SourceStatus("rtr", "a", "failed", error="gone", since=1, stale_from=1)
    snapshot = replace(make_snapshot(sample=True), troubles=(late,))
    async with serving(StandingFeed(snapshot), sample=True) as site:
        answer = await ask(site, "announced-prefixes", "resource=1", AnnouncedReply)
        assert [kind for kind, _ in answer["messages"]] == ["warning", "warning"]
        assert "SAMPLE" in answer["messages"][1][1]
