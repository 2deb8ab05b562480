"""Event streams over a real server: begun, resumed, filtered, slow, too many, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, TCPConnector
from aiohttp.test_utils import TestServer

from tests.event_streams import SESSION, Message, Shown, message
from tests.feeds import ROUTES, VRPS
from tests.served import World, served
from validator import metrics
from validator.events.webhooks import Webhooks
from validator.freshness import SourceStatus
from validator.metrics.events import EventCollector
from validator.web.app import make_app
from validator.web.streams import MOST_AT_ONCE, Streams

PATH = "/api/v1/events"
Serve = Callable[..., Awaitable["Site"]]


class Site:
    """A served watch, and a client of it."""

    def __init__(
        self, server: TestServer, session: ClientSession, shown: Shown, streams: Streams
    ) -> None:
        self.server, self.session, self.shown, self.streams = server, session, shown, streams
        self.url = f"http://127.0.0.1:{server.port}"

    @contextlib.asynccontextmanager
    async def stream(
        self, query: str = "", last: str | None = None
    ) -> AsyncIterator[tuple[ClientResponse, Message]]:
        """An open stream and its hello."""
        headers = {"Last-Event-ID": last} if last is not None else {}
        async with self.session.get(self.url + PATH + query, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            hello = await message(answer)
            assert hello.event == "hello"
            yield answer, hello

    async def refused(self, query: str, **headers: str) -> tuple[int, Any, Any]:
        async with self.session.get(self.url + PATH + query, headers=headers) as answer:
            return answer.status, answer.headers, await answer.text()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    connector = TCPConnector(limit=0)
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            ClientSession(connector=connector, read_bufsize=1 << 16)
        )

        async def start(shown: Shown | None = None, **options: Any) -> Site:
            if shown is None:
                shown = Shown()
                await shown.show()
            streams = Streams(shown.watch.log, **options)
            shown.watch.listeners.append(streams.take)
            running = asyncio.create_task(streams.run())
            measured = metrics.build(shown.feed)
            measured.registry.register(EventCollector(shown.watch, streams, Webhooks(())))
            server = TestServer(make_app(shown.feed, measured, sample=False, streams=streams))
            await server.start_server(shutdown_timeout=1)

            async def stop() -> None:
                streams.close()
                await server.close()
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running

            stack.push_async_callback(stop)
            return Site(server, session, shown, streams)

        yield start


async def test_a_stream_begins_where_things_stand_and_goes_on_with_what_happens(
    serve: Serve,
) -> None:
    site = await serve()
    async with site.stream() as (stream, hello):
        assert hello.id == f"{SESSION}-1-1"
        assert hello.data["oldest"] == f"{SESSION}-0-0"
        assert (hello.data["generation"], hello.data["sample"]) == (1, False)
        await site.shown.show(routes=(*ROUTES, ("192.0.2.0/24", 64666)))
        first, second = await message(stream), await message(stream)
    assert [first.id, second.id] == [f"{SESSION}-2-1", f"{SESSION}-2-2"]
    assert first.data["id"] == first.id
    assert [first.data["kind"], second.data["kind"]] == ["route-invalid", "new-origin"]
    assert first.event == "message", "what EventSource gives to onmessage"


@pytest.mark.parametrize(
    ("query", "by_header"),
    [("", True), ("?after={seen}", False), ("?after=1-1-1", True)],
    ids=["header", "argument", "the header goes before the argument"],
)
async def test_a_client_that_returns_is_given_what_it_missed_and_nothing_twice(
    serve: Serve, query: str, by_header: bool
) -> None:
    site = await serve()
    async with site.stream() as (stream, _):
        await site.shown.show(routes=ROUTES[1:])
        seen = (await message(stream)).id
    await site.shown.show(routes=ROUTES[2:])
    await site.shown.show(routes=ROUTES)
    last = seen if by_header else None
    async with site.stream(query.format(seen=seen), last) as (stream, hello):
        assert hello.id == seen
        await site.shown.show(routes=ROUTES[:-1])
        got = [(await message(stream)).data for _ in range(4)]
    assert [each["generation"] for each in got] == [3, 4, 4, 5]
    assert [each["kind"] for each in got] == [
        "route-gone",
        "route-invalid",
        "route-new",
        "route-gone",
    ]


async def test_what_is_no_longer_kept_is_a_gap_and_then_comes_what_is_kept(serve: Serve) -> None:
    shown = Shown(keep=2)
    await shown.show()
    site = await serve(shown)
    for routes in (ROUTES[1:], ROUTES, ROUTES[1:], ROUTES):
        await shown.show(routes=routes)
    async with site.stream(last=f"{SESSION}-1-1") as (stream, hello):
        gap = await message(stream)
        assert (gap.data["kind"], gap.data["reason"]) == ("gap", "too-old")
        assert gap.id == hello.id == hello.data["oldest"]
        kept = [await message(stream) for _ in range(2)]
        assert [each.data["generation"] for each in kept] == [4, 5]
    assert site.streams.gaps_total == 1


@pytest.mark.parametrize(
    ("last", "reason", "then"),
    [
        ("1700000000-900-3", "restarted", "watch-started"),
        (f"{SESSION}-9-1", "unknown-id", None),
        ("what?", "unknown-id", None),
    ],
)
async def test_an_id_of_another_session_or_of_none_is_a_gap(
    serve: Serve, last: str, reason: str, then: str | None
) -> None:
    site = await serve()
    async with site.stream(last=last) as (stream, _):
        assert (await message(stream)).data["reason"] == reason
        if then is not None:
            assert (await message(stream)).data["kind"] == then
        await site.shown.show(routes=ROUTES[1:])
        assert (await message(stream)).data["kind"] == "route-gone"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("?asn=64497", ["198.51.100.0/24"]),
        ("?asn=AS64497&asn=64496&state=invalid", ["192.0.2.0/25", "198.51.100.0/24"]),
        ("?prefix=192.0.2.0/24", ["192.0.2.0/24", "192.0.2.0/25"]),
        ("?prefix=192.0.2.77/32", ["192.0.2.0/24", "192.0.2.0/25"]),
        ("?prefix=192.0.2.128/25&prefix=203.0.113.9/24", ["192.0.2.0/24", "203.0.113.0/24"]),
        ("?country=nl&state=valid", ["192.0.2.0/24", "2001:db8::/32"]),
        ("?state=not-found", ["203.0.113.0/24"]),
        ("?kind=route-gone&kind=source-degraded&asn=64497", ["198.51.100.0/24"]),
        ("?kind=source-degraded", []),
        ("?asn=1&prefix=192.0.2.0/24", []),
    ],
)
async def test_a_filter_lets_through_what_fits_each_of_its_parts(
    serve: Serve, query: str, wanted: list[str]
) -> None:
    """Everything is withdrawn; then an input fails, which concerns everybody."""
    site = await serve()
    failed = SourceStatus("vrps", "http://me:secret@example.net/", "failed", error="no answer")
    async with site.stream(query) as (stream, _):
        await site.shown.show(routes=())
        await site.shown.show(routes=(), troubles=(failed,))
        got = []
        while (each := await message(stream)).data["kind"] != "source-degraded":
            got.append(each.data["prefix"])
    assert got == wanted
    assert each.data["source"] == "vrps http://me:***@example.net/"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?asn=x", "asn: 'x' is not an AS number"),
        ("?asn=", "asn: '' is not an AS number"),
        ("?prefix=192.0.2.0", "prefix: "),
        ("?country=NLD", "country: "),
        ("?state=unknown", "none of valid, invalid, not-found"),
        ("?kind=bgp", "none of source-degraded"),
        ("?after=5", "after: "),
        ("?after=1-1-1&after=2-1-1", "after: one value only"),
        ("?as=1", "unexpected argument 'as'"),
        ("?" + "&".join(f"asn={n}" for n in range(101)), "asn: at most 100 values"),
    ],
)
async def test_an_argument_that_makes_no_sense_is_refused(
    serve: Serve, query: str, says: str
) -> None:
    site = await serve()
    status, _, body = await site.refused(query)
    assert status == 400
    assert says in body
    assert site.streams.following == 0


async def test_before_the_first_snapshot_there_is_no_stream(serve: Serve) -> None:
    site = await serve(Shown())
    status, headers, _ = await site.refused("")
    assert (status, "Retry-After" in headers) == (503, True)


async def test_head_is_answered_with_the_headers_alone(serve: Serve) -> None:
    site = await serve()
    async with site.session.head(site.url + PATH) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"


async def test_heartbeats_carry_the_latest_id_so_that_narrow_filters_resume_where_they_were(
    serve: Serve,
) -> None:
    site = await serve(heartbeat_seconds=0.1)
    async with site.stream("?asn=65000") as (stream, hello):
        first = await message(stream)
        assert (first.comment, first.id) == (True, hello.id)
        await site.shown.show(routes=ROUTES[1:])
        while (beat := await message(stream)).id == hello.id:
            pass
        assert (beat.comment, beat.id) == (True, f"{SESSION}-2-1")


async def test_one_too_many_is_told_to_wait_and_a_client_that_left_makes_room(
    serve: Serve,
) -> None:
    site = await serve(most=2, heartbeat_seconds=60)
    async with site.stream(), site.stream() as (second, _):
        status, headers, _ = await site.refused("")
        assert (status, headers["Retry-After"]) == (503, "30")
        second.close()
        end = time.monotonic() + 30
        while site.streams.following == 2:
            with contextlib.suppress(AssertionError):
                async with site.stream():
                    break
            assert time.monotonic() < end
    assert site.streams.refused_total >= 1
    async with site.session.get(site.url + "/metrics") as answer:
        text = await answer.text()
    assert "originsight_event_streams_limit 2.0" in text
    assert 'originsight_events_total{kind="watch-started"} 1.0' in text


async def test_each_of_many_streams_is_given_its_own_events_and_no_other(serve: Serve) -> None:
    site = await serve()
    count = 200
    async with contextlib.AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                site.stream(f"?asn={number}" if number % 2 else f"?prefix=10.0.{number}.0/24")
            )
            for number in range(count)
        ]
        await site.shown.show(
            routes=(*ROUTES, *((f"10.0.{number}.0/24", number + 1) for number in range(count)))
        )
        await site.shown.show(routes=ROUTES)
        for number, (stream, _) in enumerate(opened):
            expected = f"10.0.{number - 1 if number % 2 else number}.0/24"
            got = [(await message(stream)).data for _ in range(2)]
            assert [each["prefix"] for each in got] == [expected] * 2
            assert [each["kind"] for each in got] == ["route-new", "route-gone"]
        assert site.streams.sent_total == 2 * count


async def test_a_client_that_does_not_read_costs_one_buffer_and_is_given_all_when_it_does(
    serve: Serve,
) -> None:
    shown = Shown(keep=20_000)
    await shown.show()
    site = await serve(shown)
    many = tuple((f"10.{n // 256}.{n % 256}.0/24", 64500) for n in range(1500))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", site.server.port))
        await loop.sock_sendall(client, f"GET {PATH} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        async with asyncio.timeout(30):
            while not site.streams.following:  # noqa: ASYNC110 - the server's, not ours to tell
                await asyncio.sleep(0.01)
        for turn in range(4):
            await shown.show(routes=many if turn % 2 == 0 else ROUTES)
            async with site.stream(last=f"{SESSION}-1-1") as (other, _):
                await message(other)  # others are served meanwhile
        for stream in site.streams._all:
            assert stream.writer is not None
            assert stream.writer.transport is not None
            assert stream.writer.transport.get_write_buffer_size() <= 3 * MOST_AT_ONCE
        text = b""
        last = f'"id":"{SESSION}-5-{1500 + len(ROUTES)}"'.encode()
        while last not in text[-2000:]:
            piece = await asyncio.wait_for(loop.sock_recv(client, 1 << 16), 30)
            assert piece, "closed"
            text += piece
    ids = [json.loads(line[6:])["id"] for line in text.split(b"\n") if line.startswith(b"data: {")]
    expected = [str(each.place) for each in shown.watch.log.read(0, 20_000)][1:]
    assert ids[1:] == expected


async def test_streams_end_when_the_service_stops(serve: Serve) -> None:
    site = await serve()
    async with site.stream() as (stream, _):
        site.streams.close()
        assert await stream.content.read() == b""
        status, _, _ = await site.refused("")
        assert status == 503


async def test_a_sample_says_so_in_every_event(serve: Serve) -> None:
    shown = Shown()
    await shown.show(sample=True)
    site = await serve(shown)
    async with site.stream() as (stream, hello):
        assert hello.data["sample"]
        await shown.show(sample=True, vrps=VRPS[1:])
        assert (await message(stream)).data["sample"]


def test_a_running_service_streams_what_changes_and_still_stops_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    with served(world.config) as running:
        running.wait_until_ready()
        query = "?kind=route-invalid&kind=watch-started&after=1-1-1"
        with urllib.request.urlopen(running.url + PATH + query, timeout=60) as stream:

            def data() -> Any:
                while not (line := stream.readline()).startswith(b"data: "):
                    assert line
                return json.loads(line[6:])

            assert data()["kind"] == "hello"
            assert data()["reason"] == "restarted"
            assert data()["kind"] == "watch-started"
            world.write_vrps([("192.0.2.0/24", 24, 64499)])
            running.process.send_signal(signal.SIGHUP)
            event = data()
            assert (event["prefix"], event["asns"]) == ("192.0.2.0/24", ["AS64496", "AS64499"])
            assert event["before"]["state"] == "valid"
            began = time.monotonic()
            assert running.stop() == 0
            assert stream.read().strip() == b""
        assert time.monotonic() - began < 10, "it waited for the stream"
    assert "Traceback" not in running.output
