"""What holds for every endpoint, whichever face answers: the form of refusals, HEAD, OPTIONS, CORS,
304, compression, and what is not HTTP at all."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.settings.http import HttpSettings
from validator.web.answers import REQUEST_ID, Refusal
from validator.web.app import make_app
from validator.web.contract import CONTRACT
from validator.web.server import Runner

Ask = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]
LARGE = [{"asn": number} for number in range(20_000)]


async def _refuses(request: web.Request) -> web.Response:
    request[REQUEST_ID] = "abc-1"
    raise Refusal(409, "not now", {"Retry-After": "7"})


async def _breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"half of it")
    raise ZeroDivisionError("secret")


async def _large(_: web.Request) -> web.Response:
    return web.json_response(LARGE)


@asynccontextmanager
async def asking(
    feed: StandingFeed | None = None, http: HttpSettings | None = None
) -> AsyncIterator[tuple[Ask, web.Application, int]]:
    feed = feed or StandingFeed(make_snapshot())
    app = make_app(feed, metrics.build(feed), sample=False, http=http)
    app.router.add_get("/refuses", _refuses)
    app.router.add_get("/breaks-off", _breaks_off)
    app.router.add_get("/large", _large)
    runner = Runner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port: int = runner.addresses[0][1]
    session = ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"})

    async def ask(path: str, method: str = "GET", **more: Any) -> tuple[int, dict[str, str], bytes]:
        url = URL(f"http://127.0.0.1:{port}{path}", encoded=True)
        async with session.request(method, url, **more) as response:
            headers = {name.title(): value for name, value in response.headers.items()}
            return response.status, headers, await response.read()

    try:
        yield ask, app, port
    finally:
        await session.close()
        await runner.cleanup()


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    async with asking() as (ask, _, _):
        yield ask


# --------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/api/v1/ip/x", "GET", 400),
        ("/api/v1/coverage?by=x", "GET", 404),
        ("/nothing", "GET", 404),
        ("/api/v1/coverage", "POST", 405),
        ("/openapi.json", "DELETE", 405),
    ],
)
async def test_our_own_endpoints_answer_with_problem_details(
    ask: Ask, path: str, method: str, status: int
) -> None:
    answered, headers, body = await ask(path, method)
    problem = json.loads(body)
    assert (answered, headers["Content-Type"]) == (status, "application/problem+json")
    assert headers["Cache-Control"] == "no-store"
    assert list(problem) == ["type", "title", "status", "detail"]
    assert (problem["type"], problem["status"]) == ("about:blank", status)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/validity?asn=x", "GET", 400),
        ("/api/v1/validity/x/y", "GET", 400),
        ("/validity", "POST", 400),
        ("/validity", "PUT", 405),
        ("/json?select-asn=x", "GET", 400),
        ("/version", "POST", 405),
    ],
)
async def test_routinators_endpoints_answer_as_routinator(
    ask: Ask, path: str, method: str, status: int
) -> None:
    answered, headers, body = await ask(path, method)
    assert (answered, headers["Content-Type"]) == (status, "application/json")
    assert list(json.loads(body)) == ["error"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/data/rpki-validation/data.json", "GET", 400),
        ("/data/prefix-overview/data.json?resource=x", "GET", 400),
        ("/data/routing-status/data.json", "PATCH", 405),
    ],
)
async def test_ripestats_endpoints_answer_in_its_envelope(
    ask: Ask, path: str, method: str, status: int
) -> None:
    answered, _, body = await ask(path, method)
    envelope = json.loads(body)
    assert (answered, envelope["status"], envelope["status_code"]) == (status, "error", status)
    assert envelope["messages"][0][0] == "error"


async def test_a_refusal_names_the_request_and_keeps_its_headers(ask: Ask) -> None:
    status, headers, body = await ask("/refuses")
    assert (status, headers["Retry-After"]) == (409, "7")
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "not now",
        "instance": "abc-1",
    }


async def test_an_answer_that_breaks_off_is_not_made_to_look_whole() -> None:
    async with asking() as (_, _, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /breaks-off HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await reader.read()
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert body == b"a\r\nhalf of it\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"not http at all\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_told_so_in_the_same_form(request_bytes: bytes) -> None:
    async with asking() as (_, _, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes)
        answer = await reader.read()
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"application/problem+json" in head
    problem = json.loads(body)
    assert problem["status"] == 400
    assert len(problem["detail"].splitlines()) == 1


# ---------------------------------------------------------------------------------- other methods


async def test_every_get_answers_head_with_the_same_headers_and_no_body() -> None:
    async with asking() as (ask, app, _):
        for each in app[CONTRACT].operations:
            if each.method != "GET" or each.path == "/api/v1/events":
                continue
            path = each.template
            required = []
            for given in each.parameters:
                if given.place == "path":
                    path = path.replace(f"{{{given.name}}}", str(given.example))
                elif given.required:
                    required.append(f"{given.name}={given.example}")
            path += "?" * bool(required) + "&".join(required)
            status, headers, _ = await ask(path)
            again, same, body = await ask(path, "HEAD")
            assert (status, again, body) == (200, 200, b""), path
            for name in ("Content-Type", "Etag", "Cache-Control", "Vary"):
                assert headers.get(name) == same.get(name), (path, name)


async def test_options_says_what_a_path_takes(ask: Ask) -> None:
    for path, allowed in (
        ("/validity", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/coverage", "GET, HEAD, OPTIONS"),
        ("/api/v1/ip/anything", "GET, HEAD, OPTIONS"),
    ):
        status, headers, body = await ask(path, "OPTIONS")
        assert (status, headers["Allow"], body) == (204, allowed, b""), path
        assert not [name for name in headers if name.startswith("Access-Control")]
    assert (await ask("/nothing", "OPTIONS"))[0] == 404


async def test_options_of_the_server_itself_is_answered() -> None:
    async with asking() as (_, _, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 204")
    assert b"Allow: GET, HEAD, OPTIONS, POST" in answer


# ------------------------------------------------------------------------------------------- CORS

PREFLIGHT = {
    "Origin": "https://a.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization",
}


async def test_pages_of_named_origins_may_read_every_answer_and_no_others() -> None:
    http = HttpSettings(cors_origins=("https://a.example", "http://b.example:8080"))
    async with asking(http=http) as (ask, _, _):
        for path in ("/validity?asn=1&prefix=192.0.2.0/24", "/nothing", "/validity?asn=x", "/csv"):
            _, headers, _ = await ask(path, headers={"Origin": "https://a.example"})
            assert headers["Access-Control-Allow-Origin"] == "https://a.example", path
            assert "Origin" in headers["Vary"]
            assert "Etag" in headers["Access-Control-Expose-Headers"].title()
            for other in ("https://c.example", "https://a.example.evil", "null"):
                _, headers, _ = await ask(path, headers={"Origin": other})
                assert "Access-Control-Allow-Origin" not in headers
                assert "Origin" in headers["Vary"]
        status, headers, _ = await ask("/validity", "OPTIONS", headers=PREFLIGHT)
        assert status == 204
        assert headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert "POST" in headers["Access-Control-Allow-Methods"]
        assert "Authorization" in headers["Access-Control-Allow-Headers"]
        assert int(headers["Access-Control-Max-Age"]) > 0
        assert "Access-Control-Allow-Credentials" not in headers


async def test_any_origin_may_be_allowed() -> None:
    async with asking(http=HttpSettings(cors_origins=("*",))) as (ask, _, _):
        for headers in ({}, {"Origin": "https://c.example"}):
            assert (await ask("/healthz", headers=headers))[1]["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("origins", [("a.example",), ("https://a.example/",), ("*", "http://a")])
def test_an_origin_that_no_browser_sends_is_refused_in_the_settings(
    origins: tuple[str, ...],
) -> None:
    with pytest.raises(ValueError, match="cors_origins"):
        HttpSettings(cors_origins=origins)


# --------------------------------------------------------------------- what is kept, what is packed


async def test_what_follows_from_the_snapshot_is_not_sent_again_while_it_stands() -> None:
    feed = StandingFeed(make_snapshot())
    async with asking(feed) as (ask, _, _):
        for path in ("/api/v1/ip/192.0.2.1", "/api/v1/coverage?by=rir", "/openapi.json", "/docs"):
            _, first, _ = await ask(path)
            assert first["Cache-Control"] == "no-cache"
            tag = first["Etag"]
            for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
                status, headers, body = await ask(path, headers={"If-None-Match": known})
                assert (status, body, headers["Etag"]) == (304, b"", tag), path
            assert (await ask(path, headers={"If-None-Match": '"other"'}))[0] == 200
        tag = (await ask("/api/v1/ip/192.0.2.1"))[1]["Etag"]
        wrong = await ask("/api/v1/ip/x", headers={"If-None-Match": "*"})
        assert wrong[0] == 400
        feed.snapshot = make_snapshot(generation=2)
        status, headers, _ = await ask("/api/v1/ip/192.0.2.1", headers={"If-None-Match": tag})
        assert (status, headers["Etag"] != tag) == (200, True)


async def test_what_is_true_for_the_moment_is_not_to_be_kept(ask: Ask) -> None:
    for path in ("/healthz", "/readyz", "/status", "/metrics", "/nothing"):
        assert (await ask(path))[1]["Cache-Control"] == "no-store", path


async def test_long_answers_are_packed_for_those_who_take_it(ask: Ask) -> None:
    for path in ("/openapi.json", "/docs", "/large"):
        _, plain, body = await ask(path)
        _, headers, packed = await ask(path, headers={"Accept-Encoding": "gzip, br"})
        assert headers["Content-Encoding"] == "gzip"
        assert int(headers["Content-Length"]) == len(packed) < len(body)
        assert gzip.decompress(packed) == body
        assert "Content-Encoding" not in plain
        assert plain["Vary"] == headers["Vary"] == "Accept-Encoding"
    _, headers, _ = await ask("/healthz", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in headers


async def test_the_page_may_load_nothing_and_is_shown_in_no_frame(ask: Ask) -> None:
    _, headers, _ = await ask("/docs")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "text/html; charset=utf-8"
