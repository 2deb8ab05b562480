"""Replaying and following files of MRT updates: real files in folders, and a real web server."""

from __future__ import annotations

import asyncio
import gzip
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from collectors.base import SourceError, TruncatedSource
from collectors.live import Message, PeersGone, PeersReturned, PeersReturning
from collectors.mrt_updates import MrtUpdates, MrtUpdatesSettings
from tests.bgp_bytes import update
from tests.mrt_bytes import peer_table, record, rib, sequence
from validator.model import Entry, Peer, RouteBatch

PEER = Peer("rrc99", "192.0.2.1", 64501)
HEAD = struct.pack("!IIHH", 64501, 64500, 0, 1) + bytes((192, 0, 2, 1, 192, 0, 2, 2))
T0 = 1_767_225_600  # 2026-01-01 00:00


def announce(prefix: str, at: int) -> bytes:
    return record(16, 4, HEAD + update([prefix]), time=at)


def withdraw(prefix: str, at: int) -> bytes:
    return record(16, 4, HEAD + update([], None, [prefix]), time=at)


def down(at: int) -> bytes:
    return record(16, 5, HEAD + b"\0\6\0\1", time=at)


def named(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("updates.%Y%m%d.%H%M.gz")


def write(folder: Path, at: int, *records: bytes) -> Path:
    """A file, complete at once, as route collectors publish it."""
    part = folder / ".part"
    part.write_bytes(gzip.compress(b"".join(records)))
    return part.replace(folder / named(at))


class Told:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.states: list[tuple[str, str]] = []

    async def put(self, message: Message) -> None:
        self.messages.append(message)

    def offer(self, message: Message) -> bool:
        raise AssertionError("files wait")

    def report(self, state: str, detail: str = "") -> None:
        self.states.append((state, detail))

    def sequence(self) -> list[str]:
        """What came, in order: +prefix, -prefix, or the name of another message."""
        out = []
        for message in self.messages:
            if isinstance(message, RouteBatch):
                for row in range(len(message)):
                    sign = "-" if message.flags[row] & Entry.WITHDRAWN else "+"
                    out.append(sign + str(message.prefixes[int(message.prefix[row])]))
                assert {peer.vantage for peer in message.peers} == {"rrc99"}
            else:
                out.append(type(message).__name__)
        return out


def collector(cache: Path, *source: object, **settings: object) -> MrtUpdates:
    given = MrtUpdatesSettings(
        source=tuple(map(str, source)),
        vantage="rrc99",
        **settings,  # type: ignore[arg-type]
    )
    return MrtUpdates(given, cache)


@asynccontextmanager
async def following(replay: MrtUpdates) -> AsyncIterator[Told]:
    told = Told()
    task = asyncio.create_task(replay.run(told))
    try:
        yield told
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)


async def test_a_directory_is_replayed_in_order_of_time(tmp_path: Path) -> None:
    write(tmp_path, T0 + 300, withdraw("10.1.0.0/16", T0 + 310), announce("10.3.0.0/16", T0 + 320))
    write(tmp_path, T0, announce("10.1.0.0/16", T0 + 1), announce("10.2.0.0/16", T0 + 2))
    (tmp_path / "a-later-one").write_bytes(announce("10.4.0.0/16", T0 + 600) + down(T0 + 601))
    told = Told()
    replay = collector(tmp_path / "cache", tmp_path)
    await replay.run(told)
    assert told.sequence() == [
        "+10.1.0.0/16", "+10.2.0.0/16", "-10.1.0.0/16", "+10.3.0.0/16", "+10.4.0.0/16", "PeersGone",
    ]  # fmt: skip
    assert told.messages[-1] == PeersGone((PEER,))
    assert told.states[-1] == ("fresh", "3 files, 5 updates replayed")
    assert replay.newest == T0 + 600


async def test_what_is_older_than_the_routing_table_is_left_out(tmp_path: Path) -> None:
    table = peer_table(("192.0.2.1", 64501)) + rib("10.9.0.0/16", (0, sequence(64501, 7)))
    path = tmp_path / "bview.gz"
    path.write_bytes(gzip.compress(struct.pack("!I", T0 + 400) + table[4:]))
    folder = tmp_path / "updates"
    folder.mkdir()
    write(folder, T0, announce("10.1.0.0/16", T0 + 1))
    write(folder, T0 + 300, announce("10.2.0.0/16", T0 + 399), down(T0 + 399),
          announce("10.3.0.0/16", T0 + 400))  # fmt: skip
    write(folder, T0 + 600, announce("10.4.0.0/16", T0 + 601))
    told = Told()
    replay = collector(tmp_path / "cache", folder, rib=str(path))
    await replay.run(told)
    assert told.sequence() == [
        "PeersReturning", "+10.9.0.0/16", "PeersReturned", "+10.3.0.0/16", "+10.4.0.0/16",
    ]  # fmt: skip
    assert told.messages[0] == PeersReturning((PEER,))
    assert told.messages[2] == PeersReturned((PEER,))
    assert replay.files == 2


async def test_new_files_of_a_directory_are_followed(tmp_path: Path) -> None:
    folder, now = tmp_path / "updates", int(time.time()) // 300 * 300
    folder.mkdir()
    write(folder, now - 600, announce("10.1.0.0/16", now - 600))
    replay = collector(tmp_path / "cache", folder, follow=True, poll_seconds=0.05)
    async with following(replay) as told:
        await until(lambda: told.sequence() == ["+10.1.0.0/16"])
        write(folder, now - 300, announce("10.2.0.0/16", now - 300))
        await until(lambda: told.sequence()[1:] == ["+10.2.0.0/16"])
        write(folder, now, withdraw("10.2.0.0/16", now))
        await until(lambda: told.sequence()[2:] == ["-10.2.0.0/16"])
        await until(lambda: told.states[-1][0] == "fresh")


async def test_a_file_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    whole = announce("10.1.0.0/16", T0) + announce("10.2.0.0/16", T0 + 1)
    path = tmp_path / "updates.20260101.0000"
    replay = collector(tmp_path / "cache", path, follow=True, poll_seconds=0.2)
    path.write_bytes(whole[:-5])
    async with following(replay) as told:
        await until(lambda: "+10.1.0.0/16" in told.sequence())
        path.write_bytes(whole)
        await until(lambda: told.sequence()[-2:] == ["+10.1.0.0/16", "+10.2.0.0/16"])
        await until(lambda: replay.files == 1)
        assert not replay.trouble


async def test_a_silent_directory_is_late(tmp_path: Path) -> None:
    write(tmp_path, T0, announce("10.1.0.0/16", T0))
    replay = collector(tmp_path / "cache", tmp_path, follow=True, poll_seconds=0.05)
    async with following(replay) as told:
        await until(lambda: told.states and told.states[-1][0] == "late")


@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        (announce("10.2.0.0/16", T0) + b"\0" * 8 + b"\xff" * 4, SourceError),
        (announce("10.2.0.0/16", T0)[:-4], TruncatedSource),
    ],
)
async def test_a_damaged_file_ends_a_replay_but_only_degrades_what_is_followed(
    tmp_path: Path, spoilt: bytes, error: type[SourceError]
) -> None:
    write(tmp_path, T0, spoilt)
    write(tmp_path, T0 + 300, announce("10.3.0.0/16", T0 + 300))
    with pytest.raises(error, match=r"updates\.20260101\.0000\.gz"):
        await collector(tmp_path / "cache", tmp_path).run(Told())
    replay = collector(tmp_path / "cache", tmp_path, follow=True, poll_seconds=0.05)
    async with following(replay) as told:
        await until(lambda: told.sequence()[-1:] == ["+10.3.0.0/16"])
        await until(lambda: told.states[-1][0] == "degraded")
        assert "updates.20260101.0000.gz" in told.states[-1][1]


async def test_a_failed_replay_goes_on_with_the_file_that_failed(tmp_path: Path) -> None:
    write(tmp_path, T0, announce("10.1.0.0/16", T0))
    write(tmp_path, T0 + 300, announce("10.2.0.0/16", T0 + 300)[:-1])
    replay, told = collector(tmp_path / "cache", tmp_path), Told()
    with pytest.raises(TruncatedSource):
        await replay.run(told)
    write(tmp_path, T0 + 300, announce("10.2.0.0/16", T0 + 300))
    await replay.run(told)
    assert told.sequence() == ["+10.1.0.0/16", "+10.2.0.0/16"]


class Archive:
    """A web server with one folder of updates, and its listing."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.broken = folder, False
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.broken:
            return web.Response(status=503)
        name = request.path.rpartition("/")[2]
        if name:
            return web.FileResponse(self.folder / name)
        links = "".join(
            f'<tr><td><a href="{each}">{each}</a>'
            for each in sorted(path.name for path in self.folder.iterdir())
        )
        more = '<a href="../">up</a><a href="/elsewhere/updates.20260101.0000.gz">no</a>'
        return web.Response(text=f"<html>{more}{links}</html>", content_type="text/html")


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Archive]:
    archive = Archive(folder)
    app = web.Application()
    app.router.add_get("/{path:.*}", archive.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        archive.url = f"http://{host}:{port}/rrc99/%Y.%m/"
        yield archive
    finally:
        await runner.cleanup()


async def test_a_listing_is_followed_from_its_newest_file_on(tmp_path: Path) -> None:
    folder, cache = tmp_path / "updates", tmp_path / "cache"
    now = int(time.time()) // 300 * 300
    folder.mkdir()
    write(folder, now - 600, announce("10.1.0.0/16", now - 600))
    write(folder, now - 300, announce("10.2.0.0/16", now - 300))
    async with served(folder) as archive:
        replay = collector(cache, archive.url, follow=True, poll_seconds=0.05)
        async with following(replay) as told:
            await until(lambda: told.sequence() == ["+10.2.0.0/16"])
            write(folder, now, announce("10.3.0.0/16", now))
            await until(lambda: told.sequence()[1:] == ["+10.3.0.0/16"])
            await until(lambda: told.states[-1][0] == "fresh")
        month = datetime.now(UTC).strftime("/rrc99/%Y.%m/")
        assert month in archive.asked
        assert sum(path.endswith(".gz") for path in archive.asked) == 2
    assert not list(cache.glob("updates.*")), "nothing is left of files that were read"


async def test_a_listing_that_fails_is_an_error_and_the_next_run_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "updates"
    folder.mkdir()
    write(folder, T0, announce("10.1.0.0/16", T0))
    async with served(folder) as archive:
        replay, told = collector(tmp_path / "cache", archive.url), Told()
        archive.broken = True
        with pytest.raises(SourceError, match="503"):
            await replay.run(told)
        archive.broken = False
        await replay.run(told)
        write(folder, T0 + 300, announce("10.2.0.0/16", T0 + 300))
        await replay.run(told)
        assert told.sequence() == ["+10.1.0.0/16", "+10.2.0.0/16"]


async def test_a_page_without_updates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    async with served(tmp_path / "empty") as archive:
        with pytest.raises(SourceError, match="links to no file of updates"):
            await collector(tmp_path / "cache", archive.url).run(Told())
