"""What clients do that are broken or mean: limits hold, and others are answered meanwhile.

In small here; ``make soak`` does the same at length (``bench/soak_abuse.py``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from structlog.testing import capture_logs

from tests.fronts import VALID, Fronted, bearer, fronted, token_settings
from validator.events.log import EventLog
from validator.settings.http import HttpSettings, Role
from validator.web import connections
from validator.web.clients import Addresses
from validator.web.connections import Connections, WatchedConnection
from validator.web.streams import Streams

HEAD = f"GET {VALID} HTTP/1.1\r\nHost: x\r\n".encode()
QUICK = HttpSettings(
    head_seconds=0.3, body_grace_seconds=0.2, min_body_bytes_per_second=1000, stall_seconds=0.4
)


@pytest.fixture(autouse=True)
def _quick_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.05)


@pytest.fixture(autouse=True)
def _nothing_is_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """By any part of the server, in any way: what clients get wrong is not ours to mend."""
    yield
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert capfd.readouterr().err == ""


@asynccontextmanager
async def quiet(settings: HttpSettings = QUICK) -> AsyncIterator[Fronted]:
    """A site over which nothing is logged, and which is as well afterwards as it was before."""
    with capture_logs() as lines:
        async with fronted(settings) as site:
            yield site
            assert (await site.get())[0] == 200
    assert lines == []


# ----------------------------------------------------------------------------------- dribblers


async def dribble(site: Fronted, start: bytes, drop: bytes, most: int = 400) -> bytes:
    """Send a little every 20 ms until the server hangs up; what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        writer.write(start)
        for _ in range(most):
            try:
                return await asyncio.wait_for(reader.read(1000), 0.02)
            except TimeoutError:
                writer.write(drop)
        raise AssertionError("the server waits for ever")
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_headers_that_come_a_byte_at_a_time_end_in_a_408() -> None:
    async with quiet() as site:
        others = asyncio.create_task(site.get())
        ends = await asyncio.gather(
            *(dribble(site, HEAD + b"X-A: ", b"a") for _ in range(100)),
            *(dribble(site, b"", b"") for _ in range(100)),
        )
        assert all(end.startswith(b"HTTP/1.1 408 ") for end in ends)
        assert (await others)[0] == 200
        assert len(site.front.connections) <= 1
        assert site.front.connections.timed_out_total == 200


async def test_a_second_request_may_not_dribble_either_but_a_connection_may_rest() -> None:
    async with quiet() as site:
        end = await dribble(site, HEAD + b"\r\n" + HEAD, b"")
        assert end.startswith(b"HTTP/1.1 200 ")
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        for _ in range(2):
            writer.write(HEAD + b"\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b'Z"}')
            await asyncio.sleep(0.6)  # twice as long as headers may take
        writer.write(HEAD)
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()


@pytest.mark.parametrize("path", ["/validity", "/api/v1/validity"])
async def test_a_body_that_comes_a_byte_at_a_time_is_cut_off(path: str) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        "Content-Length: 100000\r\n\r\n"
    )
    async with quiet() as site:
        ends = await asyncio.gather(*(dribble(site, head.encode(), b" ") for _ in range(6)))
        assert len(ends) == 6
        assert site.front.connections.timed_out_total == 6


async def test_a_body_that_comes_fast_enough_may_take_its_time() -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b'{"asn": 64496, "prefix": "192.0.2.0/24"}\n' * 5
            await asyncio.sleep(0.05)

    async with quiet() as site:
        status, _, body = await site.get(
            "/api/v1/validity",
            "POST",
            data=slowly(),
            headers={"Content-Type": "application/x-ndjson"},
        )
        assert (status, body.count(b"\n")) == (200, 100)


async def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 100_000)

    with capture_logs() as lines:
        async with fronted(QUICK) as site:
            server = site.front._runner.server
            assert server is not None
            server.request_handler = endless  # type: ignore[assignment]
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1000)
            writer.write(HEAD + b"\r\n")
            for _ in range(200):
                await asyncio.sleep(0.05)
                if site.front.connections.timed_out_total:
                    break
            assert site.front.connections.timed_out_total == 1
            assert len(site.front.connections) == 0
            del reader
            writer.close()
    assert lines == []


# ------------------------------------------------------------------------------- how many, how big


async def test_there_are_only_so_many_connections_and_the_rest_is_told_to_come_back() -> None:
    settings = HttpSettings(max_connections=20)
    with capture_logs() as lines:
        async with fronted(settings) as site:
            held = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(20)]
            await asyncio.sleep(0.05)
            answers = await asyncio.gather(*(site.raw(HEAD + b"\r\n") for _ in range(5)))
            for answer in answers:
                assert answer.startswith(b"HTTP/1.1 503 ") or answer == b""
            assert any(b"Retry-After: " in answer for answer in answers)
            assert len(site.front.connections) == 20
            for _, writer in held:
                writer.close()
            for _ in range(100):
                if not len(site.front.connections):
                    break
                await asyncio.sleep(0.02)
            assert (await site.get())[0] == 200
    assert lines == []


async def test_one_address_may_have_only_so_many_connections() -> None:
    settings = HttpSettings(max_connections_per_client=2)
    watched = Connections(settings, Addresses(("192.0.2.9",), "X-Forwarded-For"), 100)
    server = web.Server(lambda _: None)  # type: ignore[arg-type, return-value]
    loop = asyncio.get_running_loop()

    def one_more(peer: str) -> tuple[WatchedConnection, bytes]:
        connection = WatchedConnection(server, connections=watched, loop=loop)
        return connection, watched.admit(connection, peer)

    first, refusal = one_more("2600::1")
    assert refusal == one_more("2600::2")[1] == b""
    assert one_more("2600::3")[1].startswith(b"HTTP/1.1 429 ")
    assert one_more("2600:0:0:1::1")[1] == b""
    watched.forget(first)
    watched.forget(first)  # a second time changes nothing
    assert one_more("2600::3")[1] == b""
    assert one_more("2600::3")[1] != b""
    for _ in range(5):  # of this machine, and of a trusted proxy
        assert one_more("127.0.0.1")[1] == one_more("192.0.2.9")[1] == b""


async def test_headers_without_end_are_refused() -> None:
    bombs = (
        HEAD + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(2000)) + b"\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"X: " + b"a" * 2_000_000,
        HEAD + b"X\0: a\r\n\r\n",
        HEAD + b": a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200 + b"\r\n\r\n",
        b"POST /validity HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /validity HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /validity HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Length: 5\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    )
    async with quiet() as site:
        for bomb in bombs:
            answer = await site.raw(bomb)
            assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")) or answer == b"", bomb[:80]


async def test_a_body_of_100_megabytes_is_refused_without_being_held() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b" " * (256 << 10)

    async with quiet() as site:
        for path, method in (("/status", "GET"), ("/api/v1/reload", "POST"), ("/nothing", "POST")):
            try:
                status, _, _ = await site.get(path, method, data=endless())
            except ConnectionError:
                continue
            assert status in (200, 401, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/docs/..%2f..%2f..%2fetc/passwd",
        "/docs/%00",
        "/%c0%ae%c0%ae/etc/passwd",
        "/api/v1/validity/AS1/..%2f..%2fetc/passwd",
        "/api/v1/asn/%00",
        "//etc/passwd",
        "/\\..\\..\\etc\\passwd",
        "/%",
        "/%zz",
        "http://other.example/etc/passwd",
        "/api/v1/prefix/" + "a" * 7000,
    ],
)
async def test_path_tricks_lead_nowhere(path: str) -> None:
    async with quiet() as site:
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = await site.raw(request.encode())
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 ")), answer
        assert b"root:" not in answer


async def test_a_body_of_the_wrong_type_is_a_4xx() -> None:
    bodies: tuple[tuple[str, bytes], ...] = (
        ("image/png", b"\x89PNG"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n"),
        ("application/x-ndjson; charset=utf-16", b"\xff\xfe{\0"),
        ("nonsense", b"{}"),
        ("", b"\0" * 100),
    )
    async with quiet() as site:
        for path in ("/validity", "/api/v1/validity", "/api/v1/what-if"):
            for kind, body in bodies:
                status, _, _ = await site.get(
                    path, "POST", data=body, headers={"Content-Type": kind}
                )
                assert status in (200, 400, 404, 415, 422), (path, kind)


async def test_guessing_tokens_is_refused_ever_sooner_and_fills_no_log() -> None:
    settings = HttpSettings(
        tokens=(token_settings("right", Role.READ),), trusted_proxies=("127.0.0.1",)
    )
    with capture_logs() as lines:
        async with fronted(settings) as site, ClientSession() as session:
            seen = []
            for number in range(300):
                headers = bearer(f"guess{number}", "203.0.113.1")
                async with session.get(site.url + VALID, headers=headers) as answer:
                    seen.append(answer.status)
            assert seen.count(401) == 10
            assert seen.count(429) == 290
            assert (await site.get(headers=bearer("right", "203.0.113.2")))[0] == 200
    assert lines == []


async def test_event_streams_that_nobody_reads_leave_others_alone() -> None:
    streams = Streams(EventLog(1), 150)
    with capture_logs() as lines:
        async with fronted(HttpSettings(), streams=streams) as site:
            request = b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"
            held = []
            heads = []
            for _ in range(200):
                reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
                writer.write(request)
                held.append(writer)
                heads.append(asyncio.create_task(reader.readline()))
            statuses = [(await head).split()[1] for head in heads]
            assert (statuses.count(b"200"), statuses.count(b"503")) == (150, 50)
            assert (await site.get())[0] == 200
            for writer in held:
                writer.close()
    assert lines == []


async def test_a_client_that_hangs_up_in_the_middle_is_nobody_s_concern() -> None:
    body = b'{"asn": 64496, "prefix": "192.0.2.0/24"}\n' * 20_000
    head = (
        b"POST /api/v1/validity HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    async with quiet(HttpSettings()) as site:
        for sent in (head % 10**6, head % len(body) + body[:1000], head % len(body) + body):
            for abort in (True, False):
                reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
                writer.write(sent)
                if sent.endswith(b"}\n"):
                    await reader.readline()
                if abort:
                    writer.transport.abort()
                else:
                    writer.close()
        await asyncio.sleep(0.3)
