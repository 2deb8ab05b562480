"""A real StayRTR, a proxy that holds it back, and a channel that watches every transaction."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from collectors import rtrlib
from collectors.live import Message, VrpTransaction
from collectors.rtr import RtrCache, RtrCollector, RtrSettings
from tests.rtr_bytes import V
from validator.model import SettingsError, VrpBatch

PATIENCE_SECONDS = 120.0


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """RTRlib is there, and after each test no connection of it is."""
    try:
        rtrlib.require()
    except SettingsError as error:
        pytest.skip(str(error))
    before = threads()
    yield
    assert not rtrlib._live
    end = time.monotonic() + PATIENCE_SECONDS
    while threads() > before:  # the kernel is a moment behind in counting
        assert time.monotonic() < end, "a thread is left"
        time.sleep(0.01)


def threads() -> int:
    """Threads that Python does not know: RTRlib's, and those of numeric libraries."""
    return len(list(Path("/proc/self/task").iterdir())) - threading.active_count()


def vrps(count: int, *, first: int = 0, asn: int = 64496) -> frozenset[V]:
    """Distinct VRPs of both families."""
    made: set[V] = set()
    for n in range(first, first + count):
        if n % 4:
            made.add((f"10.{n >> 8 & 255}.{n & 255}.0/24", 24 + n % 9, asn + n % 7))
        else:
            made.add((f"2001:db8:{n + 1:x}::/48", 48 + n % 17, asn + n % 7))
    return frozenset(made)


def listed(batch: VrpBatch) -> set[V]:
    """A batch as tuples."""
    return {
        (str(batch.prefixes[row]), int(batch.max_length[row]), int(batch.asn[row]))
        for row in range(len(batch))
    }


class Watched:
    """A channel that applies what it gets, and keeps every set that was ever in force."""

    def __init__(self) -> None:
        self.transactions: list[VrpTransaction] = []
        self.states: list[tuple[str, str]] = []
        self.seen: list[frozenset[V]] = []
        self.now: frozenset[V] | None = None
        self._news = asyncio.Condition()

    async def put(self, message: Message) -> None:
        assert isinstance(message, VrpTransaction)
        announced, withdrawn = listed(message.announced), listed(message.withdrawn)
        assert len(announced) == len(message.announced), "a VRP is announced twice"
        if message.reset:
            assert not withdrawn
            self.now = frozenset(announced)
        else:
            assert self.now is not None, "the first transaction is no reset"
            assert not announced & self.now, "what is there already is announced"
            assert withdrawn <= self.now, "what is not there is withdrawn"
            self.now = frozenset((self.now - withdrawn) | announced)
        self.transactions.append(message)
        self.seen.append(self.now)
        async with self._news:
            self._news.notify_all()

    def offer(self, message: Message) -> bool:
        raise AssertionError("a cache can be slowed")

    def report(self, state: str, detail: str = "") -> None:
        self.states.append((state, detail))

    async def until(self, expected: Iterable[V]) -> None:
        """Wait until exactly this set is in force."""
        wanted = frozenset(expected)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._news:
                await self._news.wait_for(lambda: self.now == wanted)
        except TimeoutError:
            held = "nothing" if self.now is None else f"{len(self.now)} VRPs"
            pytest.fail(f"{held} in force instead of {len(wanted)}; {self.states[-5:]}")

    async def until_state(self, state: str, containing: str = "") -> None:
        """Wait until the source stands like this."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (
            self.states and self.states[-1][0] == state and containing in self.states[-1][1]
        ):
            assert time.monotonic() < end, f"never {state} ({containing}): {self.states}"
            await asyncio.sleep(0.02)

    def only_saw(self, *sets: Iterable[V]) -> None:
        """No other set was ever in force: in particular none that is half of one."""
        allowed = {frozenset(given) for given in sets}
        for held in self.seen:
            assert held in allowed, f"{len(held)} VRPs were in force, which no cache announces"


@asynccontextmanager
async def following(
    *caches: RtrCache | int, **settings: object
) -> AsyncIterator[tuple[Watched, RtrCollector]]:
    """A collector at work on these caches (a port stands for one on this machine)."""
    chosen = {"refresh_seconds": 3600, "retry_seconds": 1, "silence_seconds": 2} | settings
    collector = RtrCollector(
        RtrSettings(
            caches=tuple(
                cache if isinstance(cache, RtrCache) else RtrCache(host="127.0.0.1", port=cache)
                for cache in caches
            ),
            **chosen,  # type: ignore[arg-type]
        ),
        "test",
    )
    watched = Watched()
    task = asyncio.create_task(collector.run(watched))
    try:
        yield watched, collector
    finally:
        if task.done():
            task.result()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port


class StayRtr:
    """A StayRTR that serves a file. It may be killed and started again, on the same port."""

    def __init__(self, folder: Path, held: Iterable[V] | None = None, *more: str) -> None:
        if shutil.which("stayrtr") is None:
            pytest.skip("no StayRTR here: apt install stayrtr")
        folder.mkdir(exist_ok=True)
        self.file = folder / "vrps.json"
        self.port = free_port()
        self._more = more
        self._started = 0
        self._process: asyncio.subprocess.Process | None = None
        if held is not None:
            self.write(held)

    def write(self, held: Iterable[V]) -> None:
        """The file, with a fresh build time; StayRTR refuses an old one."""
        roas = [
            {"prefix": prefix, "maxLength": most, "asn": asn, "ta": "test"}
            for prefix, most, asn in held
        ]
        built = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        content = {"metadata": {"buildtime": built}, "roas": roas}
        self.file.write_bytes(msgspec.json.encode(content))

    async def start(self) -> None:
        """Start, and wait until it listens.

        StayRTR draws its session ID from the clock's seconds: two that start in the same second
        are one session to their clients, though what they serve differs.
        """
        await asyncio.sleep(max(0.0, self._started + 1 - time.time()))
        where = [] if "-ssh.bind" in self._more else ["-bind", f"127.0.0.1:{self.port}"]
        self._process = await asyncio.create_subprocess_exec(
            "stayrtr", *where, "-cache", str(self.file), "-checktime=false", "-metrics.addr", "",
            "-refresh", "86400", "-loglevel", "fatal", *self._more,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                self._started = int(time.time())
                return
            assert self._process.returncode is None, "StayRTR ended"
            await asyncio.sleep(0.05)
        await self.kill()
        pytest.fail("StayRTR does not listen")

    def change(self, held: Iterable[V]) -> None:
        """Another content: StayRTR reads it now, and notifies."""
        assert self._process is not None
        self.write(held)
        self._process.send_signal(signal.SIGHUP)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def __aenter__(self) -> StayRtr:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()


class Proxy:
    """Stands before a cache. While ``allowed`` is a number, only so many bytes come through."""

    def __init__(self, behind: int) -> None:
        self.behind, self.port = behind, 0
        self.allowed: int | None = None
        self.stuck = asyncio.Event()
        """Set when what was allowed has come through and there is more."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End the connections there are."""
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.behind)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass_on(reader, inner_writer, held_back=False))
                    group.create_task(self._pass_on(inner_reader, writer, held_back=True))
            finally:
                inner_writer.close()
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held_back: bool
    ) -> None:
        while data := await reader.read(4096):
            while held_back and self.allowed is not None and data:
                part, data = data[: self.allowed], data[self.allowed :]
                self.allowed -= len(part)
                writer.write(part)
                if data:
                    self.stuck.set()
                    await asyncio.sleep(0.01)
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # one side has ended: so does the other

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.sleep(0)
