"""The spool: nothing lost, nothing out of order, no more memory and disk than agreed."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from validator.web import spool as spools
from validator.web.spool import Body, NoRoom, Room, Spool


async def test_what_goes_in_comes_out_in_order_whoever_is_faster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 5_000)
    rng = random.Random(4)
    sent = [bytes([n % 251]) * rng.randrange(1, 2_000) for n in range(400)]
    room = Room(20_000, tmp_path)
    async with Spool(room, 3_000) as spool:

        async def put() -> None:
            for data in sent:
                await spool.put(data)
                if rng.random() < 0.3:
                    await asyncio.sleep(0)
            spool.end()

        task = asyncio.create_task(put())
        got = []
        while data := await spool.get(rng.randrange(1, 3_000)):
            got.append(data)
            assert room.used_bytes <= 20_000
            if rng.random() < 0.2:
                await asyncio.sleep(0.001)
        await task
        assert b"".join(got) == b"".join(sent)
    assert (room.used_bytes, os.listdir(tmp_path)) == (0, [])  # noqa: PTH208 - it is empty


async def test_who_puts_waits_when_there_is_no_room_and_goes_on_when_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 100)
    async with Spool(Room(100, tmp_path), 100) as spool:
        await spool.put(b"a" * 100)
        await spool.put(b"b" * 100)
        task = asyncio.create_task(spool.put(b"c" * 100))
        await asyncio.sleep(0.05)
        assert not task.done()
        assert await spool.get(1000) == b"a" * 100
        assert await spool.get(1000) == b"b" * 100
        await task
        spool.end()
        assert await spool.get(1000) == b"c" * 100
        assert await spool.get(1000) == b""


async def test_without_a_disk_memory_is_all_there_is(tmp_path: Path) -> None:
    async with Spool(Room(1 << 30, tmp_path / "missing"), 10) as spool:
        await spool.put(b"a" * 10)
        task = asyncio.create_task(spool.put(b"b" * 50))
        await asyncio.sleep(0.05)
        assert not task.done()
        assert await spool.get(10) == b"a" * 10
        await task
        assert await spool.get(10) == b"b" * 50


async def test_a_spool_that_is_left_early_gives_its_room_back(tmp_path: Path) -> None:
    room = Room(1 << 30, tmp_path)
    async with Spool(room, 10) as spool:
        await spool.put(b"a" * 10)
        writing = asyncio.create_task(spool.put(b"b" * 1000))
        await asyncio.sleep(0)
        writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert room.used_bytes == 0


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
async def test_a_body_is_whole_in_memory_or_on_disk(size: int, tmp_path: Path) -> None:
    room = Room(1 << 30, tmp_path)
    sent = random.Random(1).randbytes(size)
    async with Body(room, 1_000) as body:
        for at in range(0, size, 70_000):
            await body.add(sent[at : at + 70_000])
        content = await body.content()
        assert content[:] == sent
        assert (room.used_bytes > 0) == (size > 1_000)
    assert room.used_bytes == 0


async def test_a_body_beyond_the_room_is_refused_and_gives_it_back(tmp_path: Path) -> None:
    room = Room(1_500_000, tmp_path)
    async with Body(room, 1_000) as body:
        for _ in range(10):
            await body.add(b"x" * 100_000)
        with pytest.raises(NoRoom):
            await body.add(b"x" * 1_000_000)
    assert room.used_bytes == 0
    async with Body(Room(1 << 30, tmp_path / "missing"), 1_000) as body:
        with pytest.raises(NoRoom):
            await body.add(b"x" * 100_000)
