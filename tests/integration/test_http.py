"""The HTTP faces over a real server on loopback, each reading a snapshot made by hand."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.freshness import SourceStatus
from validator.web.app import make_app
from validator.web.refusals import PROBLEM

Serve = Callable[..., Awaitable["Site"]]


class Site:
    """A served feed, and a client that takes answers as they come: nothing unpacked."""

    def __init__(self, server: TestServer, session: ClientSession, feed: StandingFeed) -> None:
        self.server, self.session, self.feed = server, session, feed

    def url(self, path: str) -> URL:
        return URL(f"http://{self.server.host}:{self.server.port}{path}", encoded=True)

    async def ask(
        self, path: str, method: str = "GET", **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        async with self.session.request(method, self.url(path), **more) as response:
            headers = {name.title(): value for name, value in response.headers.items()}
            return response.status, headers, await response.read()

    async def json(self, path: str, **more: Any) -> tuple[int, Any]:
        status, headers, body = await self.ask(path, **more)
        kind = headers["Content-Type"].partition(";")[0]
        assert kind == "application/json" or (kind == PROBLEM and status >= 400)
        return status, json.loads(body)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    running: list[TestServer] = []
    async with ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"}) as s:

        async def start(feed: StandingFeed | None = None, *, sample: bool = False) -> Site:
            feed = feed or StandingFeed(make_snapshot(sample=sample))
            app = make_app(feed, metrics.build(feed), sample=sample)
            app.router.add_get("/breaks", _breaks)
            server = TestServer(app)
            await server.start_server(shutdown_timeout=1, auto_decompress=False)
            running.append(server)
            return Site(server, s, feed)

        yield start
        for server in running:
            await server.close()


async def _breaks(_: web.Request) -> web.Response:
    raise ZeroDivisionError("secret")


VALID = "/api/v1/validity/AS64496/192.0.2.0/24"

# ------------------------------------------------------------------------------------- validity


@pytest.mark.parametrize(
    "path",
    [
        VALID,
        "/api/v1/validity/64496/192.0.2.0/24",
        "/api/v1/validity/as64496/192.0.2.0%2F24",
        "/api/v1/validity/AS64496/192.0.2.77/24",
        "/validity?asn=AS64496&prefix=192.0.2.0/24",
        "/validity?prefix=192.0.2.0%2F24&asn=64496",
    ],
)
async def test_one_route_is_answered_the_same_way_however_it_is_asked_for(
    serve: Serve, path: str
) -> None:
    site = await serve()
    status, answer = await site.json(path)
    assert status == 200
    assert list(answer) == ["validated_route", "generatedTime"]
    one = answer["validated_route"]
    assert one["route"] == {"origin_asn": "AS64496", "prefix": "192.0.2.0/24"}
    assert one["validity"]["state"] == "valid"


async def test_a_list_is_answered_in_its_order(serve: Serve) -> None:
    site = await serve()
    rows: list[dict[str, Any]] = [
        {"asn": "AS64496", "prefix": "192.0.2.0/24"},
        {"asn": 64497, "prefix": "198.51.100.0/24", "comment": "ignored, as there"},
        {"asn": "1", "prefix": "203.0.113.0/24"},
    ]
    asked = {"routes": rows, "more": [1, 2]}
    status, answer = await site.json("/validity", method="POST", json=asked)
    assert status == 200
    assert list(answer) == ["validated_routes", "generatedTime"]
    states = [each["validity"]["state"] for each in answer["validated_routes"]]
    assert states == ["valid", "invalid", "not-found"]
    for each, one in zip(rows, answer["validated_routes"], strict=True):
        alone = await site.json(f"/validity?asn={each['asn']}&prefix={each['prefix']}")
        assert alone[1]["validated_route"] == one


async def test_a_long_list_is_answered_whole_and_does_not_hold_up_others(serve: Serve) -> None:
    site = await serve()
    rows = [{"asn": n, "prefix": f"192.0.{n % 256}.0/24"} for n in range(30_000)]
    task = asyncio.create_task(site.json("/validity", method="POST", json={"routes": rows}))
    others = 0
    while not task.done():
        assert (await site.ask("/healthz"))[0] == 200
        others += 1
    status, answer = await task
    assert status == 200
    assert [each["route"]["origin_asn"] for each in answer["validated_routes"]] == [
        f"AS{n}" for n in range(30_000)
    ]
    assert others > 5
    empty = await site.json("/validity", method="POST", json={"routes": []})
    assert empty == (200, {"validated_routes": [], "generatedTime": answer["generatedTime"]})


async def test_a_long_list_may_come_compressed(serve: Serve) -> None:
    site = await serve()
    rows = [{"asn": n, "prefix": "192.0.2.0/24"} for n in range(1000)]
    body = gzip.compress(json.dumps({"routes": rows}).encode())
    status, answer = await site.json(
        "/validity", method="POST", data=body, headers={"Content-Encoding": "gzip"}
    )
    assert (status, len(answer["validated_routes"])) == (200, 1000)


_ROW = b'{"asn":"AS1","prefix":"192.0.2.0/24"}'


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "could not decode JSON"),
        (b"{}", "could not decode JSON"),
        (b"[]", "could not decode JSON"),
        (b'{"routes":5}', "could not decode JSON"),
        (b'{"routes":[5]}', "could not decode JSON"),
        (b'{"routes":[{"asn":"AS1"}]}', "could not decode JSON"),
        (b'{"routes":[{"asn":true,"prefix":"192.0.2.0/24"}]}', "could not decode JSON"),
        (b'{"routes":[' + _ROW + b"," + _ROW, "could not decode JSON"),
        (b'{"routes":[' + b",".join([_ROW] * 4000) + b",]}", "could not decode JSON"),
        (b'{"routes":[{"asn":"x","prefix":"192.0.2.0/24"}]}', "routes[0]: 'x'"),
        (b'{"routes":[{"asn":-1,"prefix":"192.0.2.0/24"}]}', "routes[0]: -1"),
        (b'{"routes":[{"asn":4294967296,"prefix":"192.0.2.0/24"}]}', "routes[0]: 4294967296"),
        (
            b'{"routes":[{"asn":1,"prefix":"192.0.2.1/24"}]}',
            "routes[0]: '192.0.2.1/24' has bits set",
        ),
        (
            b'{"routes":[' + _ROW + b',{"asn":1,"prefix":"no"}]}',
            "routes[1]: 'no' is not an address",
        ),
        (
            b'{"routes":[' + b",".join([_ROW] * 9000) + b',{"asn":1,"prefix":"no"}]}',
            "routes[9000]: 'no'",
        ),
        (b'{"routes":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "could not decode JSON"),
    ],
)
async def test_one_bad_route_refuses_the_list(serve: Serve, body: bytes, says: str) -> None:
    site = await serve()
    status, answer = await site.json("/validity", method="POST", data=body)
    assert status == 400
    assert list(answer) == ["error"]
    assert says in answer["error"]


async def test_a_body_that_is_not_packed_as_it_says_is_refused(serve: Serve) -> None:
    site = await serve()
    status, answer = await site.json(
        "/validity", method="POST", data=b"not gzip at all", headers={"Content-Encoding": "gzip"}
    )
    assert (status, list(answer)) == (400, ["error"])


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/api/v1/validity/ASX/192.0.2.0/24", "invalid ASN"),
        ("/api/v1/validity/AS4294967296/192.0.2.0/24", "invalid ASN"),
        ("/api/v1/validity/-1/192.0.2.0/24", "invalid ASN"),
        ("/api/v1/validity/AS1/192.0.2.0/33", "invalid prefix"),
        ("/api/v1/validity/AS1/192.0.2.0", "invalid prefix"),
        ("/api/v1/validity/AS1/%00%ff/8", "invalid prefix"),
        ("/validity", "missing 'asn' argument in query"),
        ("/validity?asn=1", "missing 'prefix' argument in query"),
        ("/validity?asn=1&prefix=192.0.2.0/24&x=1", "unexpected argument 'x' in query"),
        ("/api/v1/coverage", "missing 'by'"),
        ("/api/v1/coverage?by=asn&attribution=address", "always by origin"),
        ("/api/v1/coverage?by=rir&peers=3", "unexpected argument 'peers'"),
        ("/api/v1/asn/example", "invalid ASN"),
    ],
)
async def test_what_cannot_be_understood_is_a_400_that_says_why(
    serve: Serve, path: str, says: str
) -> None:
    site = await serve()
    status, answer = await site.json(path)
    assert status == 400
    if "/validity" in path:
        assert list(answer) == ["error"]
        assert says in answer["error"]
    else:
        detail = answer.pop("detail")
        assert answer == {"type": "about:blank", "title": "Bad Request", "status": 400}
        assert says in detail


# ------------------------------------------------------------------------ errors of other kinds


async def test_what_is_not_there_is_a_404_and_the_wrong_method_a_405(serve: Serve) -> None:
    site = await serve()
    for path in ("/nothing", "/api/v1/validity/AS1", "/../../etc/passwd", "/api/v2/coverage"):
        status, answer = await site.json(path)
        assert (status, answer["status"], answer["title"]) == (404, 404, "Not Found"), path
    status, headers, body = await site.ask("/status", "DELETE")
    assert status == 405
    assert headers["Allow"] == "GET, HEAD, OPTIONS"
    assert list(json.loads(body)) == ["error"]


async def test_a_failure_of_ours_is_a_500_without_details(serve: Serve) -> None:
    site = await serve()
    status, answer = await site.json("/breaks")
    assert (status, answer["detail"]) == (500, "internal server error")
    assert "secret" not in str(answer)


async def test_head_answers_without_a_body(serve: Serve) -> None:
    site = await serve()
    for path in (VALID, "/status", "/metrics", "/api/v1/coverage?by=asn", "/version"):
        status, _, body = await site.ask(path, "HEAD")
        assert (status, body) == (200, b""), path


@pytest.mark.parametrize("path", [VALID, "/api/v1/coverage?by=rir", "/api/v1/asn/1", "/validity"])
async def test_before_the_first_snapshot_nothing_is_said_to_be_not_found(
    serve: Serve, path: str
) -> None:
    site = await serve(StandingFeed(None))
    status, headers, body = await site.ask(path)
    if path == "/validity":
        status, headers, body = await site.ask(path, "POST", data=b"{}")
    assert status == 503
    assert int(headers["Retry-After"]) > 0
    said = json.loads(body)
    said = said["error"] if "/validity" in path else said["detail"]
    assert said.startswith("Initial validation ongoing. Please wait.")


# ------------------------------------------------------------------------------------- coverage


async def test_coverage_is_sent_packed_or_not_and_not_again_if_unchanged(serve: Serve) -> None:
    site = await serve()
    path = "/api/v1/coverage?by=country"
    _, plain_headers, plain = await site.ask(path)
    _, headers, packed = await site.ask(path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain_headers
    assert gzip.decompress(packed) == plain
    assert headers["Etag"] == plain_headers["Etag"]
    _, refused, body = await site.ask(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert ("Content-Encoding" in refused, body) == (False, plain)

    tag = headers["Etag"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        status, again, body = await site.ask(path, headers={"If-None-Match": known})
        assert (status, body, again["Etag"]) == (304, b"", tag)
    site.feed.snapshot = make_snapshot(generation=2)
    status, _, body = await site.ask(path, headers={"If-None-Match": tag})
    assert (status, json.loads(body)["generation"]) == (200, 2)


async def test_a_long_table_is_unpacked_on_its_way(serve: Serve) -> None:
    routes = tuple((f"10.{n // 256}.{n % 256}.0/24", 1000 + n) for n in range(3000))
    site = await serve(StandingFeed(make_snapshot(routes=routes)))
    path = "/api/v1/coverage?by=asn"
    status, headers, body = await site.ask(path)
    assert (status, int(headers["Content-Length"])) == (200, len(body))
    assert len(body) > 1 << 19
    assert len(json.loads(body)["rows"]) == 3000
    _, _, packed = await site.ask(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed) == body
    status, headers, nothing = await site.ask(path, "HEAD")
    assert (status, int(headers["Content-Length"]), nothing) == (200, len(body), b"")


async def test_a_table_asked_for_many_times_at_once_is_made_once(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from validator.web import coverage

    made: list[int] = []
    text = coverage.text

    def counted(*given: Any) -> Any:
        made.append(threading.get_ident())
        return text(*given)

    monkeypatch.setattr(coverage, "text", counted)
    site = await serve()
    answers = await asyncio.gather(*(site.ask("/api/v1/coverage?by=asn") for _ in range(8)))
    assert len({body for _, _, body in answers}) == 1
    assert len(made) == 1
    assert made[0] != threading.get_ident()


async def test_csv_has_the_same_rows_and_a_name_that_says_sample(serve: Serve) -> None:
    site = await serve(sample=True)
    status, headers, body = await site.ask("/api/v1/coverage?by=rir&format=csv")
    assert status == 200
    assert headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert headers["Content-Disposition"] == 'inline; filename="coverage-by-rir-SAMPLE.csv"'
    _, document = await site.json("/api/v1/coverage?by=rir")
    lines = body.decode().splitlines()
    assert lines[0].startswith("scheme,group,name,family,routes_announced")
    assert [line.split(",")[1] for line in lines[1:]] == [r["group"] for r in document["rows"]]


# ------------------------------------------------------------------------------- the rest


async def test_status_tells_everything(serve: Serve) -> None:
    statuses = (
        SourceStatus("vrps", "https://u:secret@h/v", "fresh", 1000, 2000, "", 4),
        SourceStatus("routes", "r.csv", "failed", None, 2000, "r.csv: gone"),
    )
    site = await serve(StandingFeed(make_snapshot(rejected={"host-bits": 1}), statuses))
    status, about = await site.json("/status")
    assert status == 200
    assert about["sample"] is False
    assert about["generation"] == 1
    assert about["vrps"]["total"] == 4
    assert about["vrps"]["by_family"]["ipv4"] == {
        "total": 3,
        "by_trust_anchor": {"ripe": 1, "apnic": 2},
    }
    assert about["routes"]["by_family"]["ipv4"] == {
        "total": 4,
        "valid": 1,
        "invalid": 2,
        "not_found": 1,
    }
    assert about["excluded"] == {"too-specific": 1}
    assert [each["source"] for each in about["sources"]] == ["https://u:***@h/v", "r.csv"]
    assert about["sources"][1]["error"] == "r.csv: gone"
    assert about["inputs"][0]["rejected"] == {"host-bits": 1}
    assert {"min_peers", "peers", "slurm", "aspas", "router_keys", "created"} <= set(about)


async def test_ready_only_with_a_snapshot_and_alive_without(serve: Serve) -> None:
    statuses = (
        SourceStatus("vrps", "v.json", "failed", None, 5, "v.json: not there"),
        SourceStatus("routes", "r.csv"),
        SourceStatus("resources", "d", "fresh", 1, 2),
    )
    site = await serve(StandingFeed(None, statuses))
    status, about = await site.json("/readyz")
    assert status == 503
    assert [(each["source"], each["state"]) for each in about["inputs"]] == [
        ("v.json", "failed"),
        ("r.csv", "starting"),
    ]
    assert about["inputs"][0]["error"] == "v.json: not there"
    for path in ("/healthz", "/status", "/metrics", "/api/v1", "/version"):
        assert (await site.ask(path))[0] == 200, path
    site.feed.snapshot = make_snapshot()
    status, about = await site.json("/readyz")
    assert (status, about) == (
        200,
        {"status": "ready", "generation": 1, "degraded": False, "sample": False},
    )


STALE = SourceStatus(
    "vrps", "https://u:secret@h/v", "failed", 1, 2, "https://u:secret@h/v: gone", since=3,
    stale_from=4,
)  # fmt: skip


async def test_while_vrps_are_too_old_answers_say_so_and_nothing_flips(serve: Serve) -> None:
    fresh = make_snapshot()
    site = await serve(StandingFeed(fresh))
    paths = ("/api/v1/validity/64496/192.0.2.0/24", "/validity?asn=64496&prefix=192.0.2.0/24")
    before = [await site.json(path) for path in paths]
    assert all("degraded" not in answer for _, answer in before)

    site.feed.snapshot = replace(fresh, troubles=(STALE,))
    note = "vrps https://u:***@h/v: failed since 1970-01-01T00:00:03Z: https://u:***@h/v: gone"
    for path, (status, answer) in zip(paths, before, strict=True):
        assert await site.json(path) == (status, {**answer, "degraded": [note]})
    for count in (1, 1000):
        body = {"routes": [{"asn": 64496, "prefix": "192.0.2.0/24"}] * count}
        about = (await site.json("/validity", method="POST", json=body))[1]
        assert about["degraded"] == [note]
        assert [each["validity"]["state"] for each in about["validated_routes"]] == [
            "valid"
        ] * count
    for path in ("/api/v1/asn/64496", "/api/v1/coverage?by=rir"):
        assert (await site.json(path))[1]["degraded"] == [note]
    headers = (await site.ask("/api/v1/coverage?by=rir&format=csv"))[1]
    assert headers["X-Originsight-Degraded"] == note

    status, about = await site.json("/readyz")
    assert (status, about["status"]) == (503, "stale")
    assert [each["source"] for each in about["inputs"]] == ["https://u:***@h/v"]
    assert (await site.json("/status"))[1]["degraded"][0]["state"] == "failed"


async def test_trouble_that_is_not_old_yet_is_in_the_status_alone(serve: Serve) -> None:
    young = replace(STALE, stale_from=2**40)
    routes = replace(STALE, kind="routes", source="r.csv", error="r.csv: gone")
    site = await serve(StandingFeed(replace(make_snapshot(), troubles=(young, routes))))
    assert "degraded" not in (await site.json("/api/v1/validity/64496/192.0.2.0/24"))[1]
    about = (await site.json("/api/v1/asn/64496"))[1]
    assert [note.partition(":")[0] for note in about["degraded"]] == ["routes r.csv"]
    status, about = await site.json("/readyz")
    assert (status, about["degraded"]) == (200, True)
    assert len((await site.json("/status"))[1]["degraded"]) == 2


async def test_version_is_plain_text(serve: Serve) -> None:
    site = await serve()
    _, headers, body = await site.ask("/version")
    assert headers["Content-Type"].startswith("text/plain")
    assert body.decode().startswith("originsight ")


async def test_what_the_landing_page_suggests_can_be_asked(serve: Serve) -> None:
    site = await serve(sample=True)
    _, about = await site.json("/api/v1")
    assert about["notice"].startswith("SAMPLE")
    assert len(about["try"]) > 8
    for path in about["try"]:
        status, _, _ = await site.ask(path)
        assert status == 200, path


async def test_everything_says_sample_while_the_data_are_a_sample(serve: Serve) -> None:
    site = await serve(sample=True)
    paths = (
        VALID,
        "/",
        "/api/v1",
        "/status",
        "/readyz",
        "/healthz",
        "/version",
        "/metrics",
        "/nothing",
    )
    coverage = ("/api/v1/coverage?by=asn", "/api/v1/coverage?by=rir&format=csv", "/breaks")
    for path in (*paths, *coverage, "/validity?asn=x"):
        _, headers, _ = await site.ask(path)
        assert headers["X-Originsight-Sample"] == "1", path
    for path in ("/api/v1", "/status", "/readyz", "/healthz", coverage[0], "/api/v1/asn/1"):
        assert (await site.json(path))[1]["sample"] is True, path


async def test_nothing_says_sample_while_they_are_not(serve: Serve) -> None:
    site = await serve()
    for path in ("/api/v1", "/status", "/readyz", "/healthz", "/api/v1/coverage?by=rir"):
        _, headers, body = await site.ask(path)
        assert "X-Originsight-Sample" not in headers
        assert json.loads(body)["sample"] is False


async def test_requests_are_measured_by_template_not_by_path(serve: Serve) -> None:
    site = await serve()
    for path in (VALID, "/api/v1/validity/AS1/10.0.0.0/8", "/api/v1/validity/x/y", "/a", "/b"):
        await site.ask(path)
    _, _, body = await site.ask("/metrics")
    name = "originsight_http_request_duration_seconds_count"
    template = "/api/v1/validity/{asn}/{prefix}"
    for route, status, count in (
        (template, 200, 2),
        (template, 400, 1),
        ("unmatched", 404, 2),
    ):
        line = f'{name}{{method="GET",route="{route}",status="{status}"}} {count}.0'
        assert line in body.decode().splitlines()


async def test_while_snapshots_change_an_answer_is_of_one_or_the_other(serve: Serve) -> None:
    """Two tables that disagree on everything: an answer that mixes them would be seen."""
    one = make_snapshot(generation=1)
    other = make_snapshot(generation=2, vrps=(("192.0.2.0/23", 23, 64500, "arin"),))
    site = await serve(StandingFeed(one))
    whole = {}
    for snapshot in (one, other):
        site.feed.snapshot = snapshot
        answer = (await site.json(VALID))[1]["validated_route"]["validity"]
        whole[answer["state"]] = answer
    assert set(whole) == {"valid", "invalid"}
    stop = threading.Event()

    def swap() -> None:
        number = 2
        while not stop.is_set():
            number += 1
            site.feed.snapshot = (one, other)[number % 2]

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(300):
            answer = (await site.json(VALID))[1]["validated_route"]["validity"]
            assert answer == whole[answer["state"]]
    finally:
        stop.set()
        swapper.join()
