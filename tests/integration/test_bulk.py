"""Long lists over a real server: both ways at once, in little memory, for clients of every kind."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import io
import json
import os
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.web.bulk import BulkFace, BulkLimits, Jobs
from validator.web.contract import Face
from validator.web.middleware import middleware
from validator.web.validity import ValidityFace

NDJSON, CSV = "application/x-ndjson", "text/csv"
PATH = "/api/v1/validity"
ROW = b'{"asn":64496,"prefix":"192.0.2.0/24"}\n'
ANSWER = b'{"asn":"AS64496","prefix":"192.0.2.0/24","state":"valid"}\n'

Serve = Callable[..., Awaitable["Site"]]


class Site:
    """A served snapshot, and clients that run in threads, as clients of other makes do."""

    def __init__(self, port: int, jobs: Jobs) -> None:
        self.port, self.jobs = port, jobs

    async def post(
        self, body: Any, media: str = NDJSON, path: str = PATH, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        return await asyncio.to_thread(self._post, body, media, path, headers)

    def _post(
        self, body: Any, media: str, path: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path, body, {"Content-Type": media, **named})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    def connect(self, more: str = "Transfer-Encoding: chunked", path: str = PATH) -> socket.socket:
        """A request whose body is still to come."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {NDJSON}\r\n{more}\r\n\r\n".encode()
        )
        return connection


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    running: list[TestServer] = []

    async def start(snapshot: bool = True, **limits: Any) -> Site:
        feed, jobs = StandingFeed(make_snapshot() if snapshot else None), Jobs(BulkLimits(**limits))
        app = web.Application(middlewares=[middleware(metrics.build(feed).requests)])
        faces: tuple[Face, ...] = (ValidityFace(feed, jobs), BulkFace(feed, jobs))
        for face in faces:
            app.add_routes([each.route for each in face.operations()])
        server = TestServer(app)
        await server.start_server(shutdown_timeout=1, auto_decompress=False)
        running.append(server)
        assert server.port is not None
        return Site(server.port, jobs)

    yield start
    for server in running:
        await server.close()


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():  # noqa: ASYNC110 - what is waited for is told by no event
            await asyncio.sleep(0.01)


# ---------------------------------------------------------------------------------------- answers


async def test_ndjson_is_answered_line_by_line_and_a_bad_line_does_not_stop_it(
    serve: Serve,
) -> None:
    site = await serve()
    body = ROW + b"nonsense\n\n" + b'{"asn":"AS64497","prefix":"198.51.100.0/24"}'
    status, headers, answer = await site.post(body)
    assert (status, headers["Content-Type"]) == (200, NDJSON)
    assert headers["X-Originsight-Generation"] == "1"
    lines = [json.loads(line) for line in answer.splitlines()]
    assert lines[0] == {"asn": "AS64496", "prefix": "192.0.2.0/24", "state": "valid"}
    assert lines[1]["line"] == 2
    assert (lines[2]["state"], lines[2]["reason"]) == ("invalid", "as")
    assert len(lines) == 3


async def test_csv_is_answered_as_csv_by_the_names_of_its_columns(serve: Serve) -> None:
    site = await serve()
    body = "ASN,comment,Prefix\r\nAS64496,x,192.0.2.0/24\r\n1,,10.0.0.1/8\r\n"
    status, headers, answer = await site.post(body, CSV)
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, CSV)
    assert answer.decode().splitlines() == [
        "prefix,asn,state,reason",
        "192.0.2.0/24,AS64496,valid,",
        ",,error,line 3: '10.0.0.1/8' has bits set beyond its length",
    ]


async def test_the_vrps_come_with_each_route_if_asked_for(serve: Serve) -> None:
    site = await serve()
    _, _, answer = await site.post(ROW, path=f"{PATH}?vrps=1")
    vrp = {"asn": "AS64496", "prefix": "192.0.2.0/24", "max_length": "24"}
    lists = {"matched": [vrp], "unmatched_as": [], "unmatched_length": []}
    assert json.loads(answer)["VRPs"] == lists
    _, _, answer = await site.post("asn,prefix\n64496,192.0.2.0/24\n", CSV, f"{PATH}?vrps=1")
    assert answer.splitlines()[1] == b"192.0.2.0/24,AS64496,valid,,AS64496 192.0.2.0/24-24,,"


async def test_gzip_is_understood_both_ways(serve: Serve) -> None:
    site = await serve()
    body = gzip.compress(ROW * 1000) + gzip.compress(ROW * 1000)
    _, headers, answer = await site.post(body, Content_Encoding="gzip", Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer) == ANSWER * 2000


@pytest.mark.parametrize(
    ("body", "media", "path", "status", "says"),
    [
        (b"", "application/json", PATH, 415, "lists in JSON go to /validity"),
        (b"", "text/plain", PATH, 415, NDJSON),
        (b"", NDJSON, f"{PATH}?vrps=yes", 400, "vrps='yes' is not one of 0, 1"),
        (b"", NDJSON, f"{PATH}?x=1", 400, "unexpected argument 'x'"),
        (b"", CSV, PATH, 400, "an empty list"),
        (b"prefix,origin\n1,2\n", CSV, PATH, 400, "must name the columns asn and prefix"),
        (b"asn,asn,prefix\n", CSV, PATH, 400, "once each"),
        (b"x" * 70_000, CSV, PATH, 400, "the header is longer than 65536 bytes"),
    ],
)
async def test_what_is_no_list_at_all_is_refused(
    serve: Serve, body: bytes, media: str, path: str, status: int, says: str
) -> None:
    site = await serve()
    got, _, answer = await site.post(body, media, path)
    assert (got, says in _said(answer)) == (status, True), answer


async def test_without_a_snapshot_nothing_is_answered(serve: Serve) -> None:
    site = await serve(snapshot=False)
    status, headers, _ = await site.post(ROW)
    assert (status, "Retry-After" in headers) == (503, True)


def _said(refusal: bytes) -> str:
    return str(json.loads(refusal))


# ------------------------------------------------------------------------------------------- flow


async def test_first_answers_go_out_while_routes_still_come_in(serve: Serve) -> None:
    site = await serve()

    def talk(more: str, read: Callable[[Any], Any]) -> None:
        with site.connect(f"Transfer-Encoding: chunked\r\n{more}") as connection:
            connection.sendall(chunk(ROW))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            reader = read(answer)
            for _ in range(3):
                assert reader.readline() == ANSWER
                connection.sendall(chunk(ROW))
            assert reader.readline() == ANSWER
            connection.sendall(b"0\r\n\r\n")
            assert reader.readline() == b""

    await asyncio.to_thread(talk, "X: y", lambda answer: answer)
    await asyncio.to_thread(talk, "Accept-Encoding: gzip", _unpacked)


def _unpacked(answer: http.client.HTTPResponse) -> io.BufferedReader:
    unpacker = zlib.decompressobj(31)

    class Raw(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            out = b""
            while not out and (data := answer.read1(1)):
                out = unpacker.decompress(data)
            into[: len(out)] = out
            return len(out)

    return io.BufferedReader(Raw(), 1 << 16)


async def test_a_client_that_sends_everything_before_it_reads_is_answered_from_the_spool(
    serve: Serve, tmp_path: Path
) -> None:
    site = await serve(memory_bytes=100_000, folder=tmp_path)
    count, most = 400_000, 0

    def talk() -> bytes:
        nonlocal most
        body = ROW * count
        with site.connect(f"Content-Length: {len(body)}") as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            connection.sendall(body)
            most = site.jobs.room.used_bytes
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.read()

    assert await asyncio.to_thread(talk) == ANSWER * count
    assert most > 1 << 20, "the answer fitted into buffers: nothing was shown"
    assert site.jobs.room.used_bytes == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a look at a folder that is empty


async def test_a_client_that_reads_nothing_is_cut_off_when_its_room_is_used_up(
    serve: Serve,
) -> None:
    site = await serve(memory_bytes=100_000, disk_bytes=8 << 20, idle_seconds=0.5)

    def talk() -> None:
        with site.connect("Content-Length: 1000000000") as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            with pytest.raises(ConnectionError):
                connection.sendall(ROW * 2_000_000)

    await asyncio.to_thread(talk)
    await until(lambda: site.jobs.running == 0)
    assert site.jobs.room.used_bytes == 0


async def test_a_client_that_sends_nothing_or_goes_away_leaves_nothing_behind(
    serve: Serve,
) -> None:
    site = await serve(idle_seconds=0.3)
    silent = await asyncio.to_thread(site.connect)
    gone = await asyncio.to_thread(site.connect)
    gone.sendall(chunk(ROW))
    await until(lambda: site.jobs.running == 2)
    gone.close()
    await until(lambda: site.jobs.running == 0)
    assert await asyncio.to_thread(silent.recv, 1000) == b""
    silent.close()


async def test_too_many_lists_at_once_are_told_to_come_back(serve: Serve) -> None:
    site = await serve(jobs=1)
    first = await asyncio.to_thread(site.connect)
    await until(lambda: site.jobs.running == 1)
    status, headers, _ = await site.post(ROW)
    assert (status, int(headers["Retry-After"]) > 0) == (503, True)
    long = json.dumps({"routes": [{"asn": 1, "prefix": "192.0.2.0/24"}] * 1000})
    assert (await site.post(long, "application/json", "/validity"))[0] == 503
    first.close()
    await until(lambda: site.jobs.running == 0)
    assert (await site.post(ROW))[0] == 200


async def test_a_bomb_is_taken_in_only_as_fast_as_it_is_answered(serve: Serve) -> None:
    site = await serve(body_bytes=20_000_000)
    bomb = gzip.compress(b"\n" * 60_000_000)
    status, _, answer = await site.post(bomb, Content_Encoding="gzip")
    assert status == 413
    assert "longer than 20000000 bytes" in _said(answer)


async def test_a_body_that_is_not_packed_as_its_headers_say_is_a_400(serve: Serve) -> None:
    site = await serve()
    status, _, answer = await site.post(b"not gzip at all", Content_Encoding="gzip")
    assert (status, "as its headers describe it" in _said(answer)) == (400, True)


@pytest.mark.parametrize("kept", [0.5, 0.999])
async def test_a_packed_list_that_ends_early_is_not_taken_for_a_whole_one(
    serve: Serve, kept: float
) -> None:
    site = await serve()
    packed = gzip.compress(b"".join(ROW for _ in range(50_000)), 1)
    status, _, answer = await site.post(packed[: int(len(packed) * kept)], Content_Encoding="gzip")
    *lines, last = answer.splitlines()
    assert (status, len(lines) > 100) == (200, True)
    assert "the body ends early: its gzip stream is not whole" in json.loads(last)["error"]
    status, _, answer = await site.post(packed[:5], Content_Encoding="gzip")
    assert (status, "ends early" in _said(answer)) == (400, True)
    whole = json.dumps({"routes": [{"asn": 1, "prefix": "192.0.2.0/24"}]}).encode()
    cut = gzip.compress(whole)[:-3]
    status, _, answer = await site.post(
        cut, "application/json", "/validity", Content_Encoding="gzip"
    )
    assert (status, "ends early" in _said(answer)) == (400, True)


async def test_a_coding_that_is_not_known_is_a_415(serve: Serve) -> None:
    site = await serve()
    status, headers, _ = await site.post(ROW, Content_Encoding="br")
    assert (status, headers["Accept-Encoding"]) == (415, "gzip, deflate")


async def test_a_body_that_breaks_off_ends_with_a_line_that_says_so(serve: Serve) -> None:
    site = await serve()
    packer = zlib.compressobj(wbits=31)
    good = packer.compress(ROW + b'{"asn":1,"prefix":"192.0.2.0/2') + packer.flush(
        zlib.Z_SYNC_FLUSH
    )

    def talk() -> list[bytes]:
        more = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked"
        with site.connect(more) as connection:
            connection.sendall(chunk(good))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            lines = [answer.readline()]
            connection.sendall(chunk(b"\xff" * 100))
            return lines + answer.readlines()

    first, last = await asyncio.to_thread(talk)
    assert first == ANSWER
    assert json.loads(last) == {
        "line": 2,
        "error": "the body could not be read as its headers describe it",
    }


async def test_framing_that_cannot_be_read_ends_the_connection(serve: Serve) -> None:
    site = await serve(idle_seconds=0.3)

    def talk() -> bytes:
        with site.connect() as connection:
            connection.sendall(chunk(ROW))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.readline() == ANSWER
            connection.sendall(b"zzz\r\n")
            return answer.read()

    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        await asyncio.to_thread(talk)


async def test_others_are_answered_while_a_long_list_is(serve: Serve) -> None:
    site = await serve()
    bad = b'{"asn":"x","prefix":"y","more":[]}\n' * 60_000
    task = asyncio.create_task(site.post(bad))
    others = 0
    while not task.done():
        status, _, _ = await site.post(ROW)
        assert status == 200
        others += 1
    status, _, answer = await task
    assert (status, answer.count(b"\n")) == (200, 60_000)
    assert others > 2


# ------------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize("memory_bytes", [1000, 10_000_000])
async def test_a_list_in_json_is_checked_whole_before_any_is_answered(
    serve: Serve, memory_bytes: int, tmp_path: Path
) -> None:
    site = await serve(memory_bytes=memory_bytes, folder=tmp_path)
    rows = [{"asn": n, "prefix": f"10.{n % 256}.0.0/16"} for n in range(20_000)]
    document = json.dumps({"routes": rows})
    status, _, answer = await site.post(document, "application/json", "/validity")
    assert status == 200
    assert [each["route"]["origin_asn"] for each in json.loads(answer)["validated_routes"]] == [
        f"AS{n}" for n in range(20_000)
    ]
    bad = document.removesuffix("]}") + ',{"asn":1,"prefix":"no"}]}'
    status, _, answer = await site.post(bad, "application/json", "/validity")
    assert (status, "routes[20000]: 'no'" in _said(answer)) == (400, True)
    assert (site.jobs.running, site.jobs.room.used_bytes) == (0, 0)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a look at a folder that is empty


@pytest.mark.parametrize(
    ("limits", "packed"),
    [
        ({"memory_bytes": 1000, "disk_bytes": 1_000_000}, False),
        ({"body_bytes": 1_000_000}, False),
        ({"body_bytes": 1_000_000}, True),
    ],
)
async def test_a_list_in_json_that_finds_no_room_is_refused(
    serve: Serve, limits: dict[str, int], packed: bool
) -> None:
    site = await serve(**limits)
    body, more = b" " * 3_000_000, {}
    if packed:
        body, more = gzip.compress(body), {"Content_Encoding": "gzip"}
    status, _, answer = await site.post(body, "application/json", "/validity", **more)
    assert status == 413
    assert "1000000 bytes" in _said(answer)
    assert site.jobs.room.used_bytes == 0


async def test_clients_that_share_a_disk_take_turns_and_lose_nothing(
    serve: Serve, tmp_path: Path
) -> None:
    site = await serve(memory_bytes=50_000, disk_bytes=8 << 20, folder=tmp_path)
    gate = threading.Barrier(3)

    def talk() -> bytes:
        gate.wait()
        return site._post(ROW * 60_000, NDJSON, PATH, {})[2]

    answers = await asyncio.gather(*(asyncio.to_thread(talk) for _ in range(3)))
    assert all(answer == ANSWER * 60_000 for answer in answers)
