"""RTR as bytes (RFC 8210 section 5), and caches that say what a test wants them to."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

V = tuple[str, int, int]
"""A VRP: prefix, maxLength, AS number."""

SERIAL_QUERY, RESET_QUERY = 1, 2


def prefix(vrp: V, *, announce: bool = True) -> bytes:
    text, max_length, asn = vrp
    address, _, length = text.partition("/")
    packed = ipaddress.ip_address(address).packed
    kind = 4 if len(packed) == 4 else 6
    body = struct.pack(">BBBB", announce, int(length), max_length, 0) + packed
    return struct.pack(">BBHI", 1, kind, 0, 16 + len(packed)) + body + struct.pack(">I", asn)


def prefixes(vrps: Iterable[V], *, announce: bool = True) -> bytes:
    return b"".join(prefix(vrp, announce=announce) for vrp in sorted(vrps))


def notify(session: int, serial: int) -> bytes:
    return struct.pack(">BBHII", 1, 0, session, 12, serial)


def response(session: int) -> bytes:
    return struct.pack(">BBHI", 1, 3, session, 8)


def end_of_data(session: int, serial: int, *, expire: int = 7200) -> bytes:
    return struct.pack(">BBHIIIII", 1, 7, session, 24, serial, 3600, 600, expire)


def cache_reset() -> bytes:
    return struct.pack(">BBHI", 1, 8, 0, 8)


def error(code: int, text: bytes = b"", *, inner_length: int = 0) -> bytes:
    body = struct.pack(">I", inner_length) + struct.pack(">I", len(text)) + text
    return struct.pack(">BBHI", 1, 10, code, 8 + len(body)) + body


def full(vrps: Iterable[V], session: int = 1, serial: int = 1, *, expire: int = 7200) -> bytes:
    """The whole answer to a Reset Query."""
    end = end_of_data(session, serial, expire=expire)
    return response(session) + prefixes(vrps) + end


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def query(reader: asyncio.StreamReader) -> int:
    """The kind of the next query; Error Reports are skipped."""
    while True:
        header = await reader.readexactly(8)
        kind, length = header[1], int.from_bytes(header[4:8], "big")
        await reader.readexactly(length - 8)
        if kind in (SERIAL_QUERY, RESET_QUERY):
            return kind


def says(data: bytes, *, then_close: bool = True) -> Answer:
    """Answers the first query with these bytes, whatever it is."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await query(reader)
        writer.write(data)
        await writer.drain()
        if not then_close:
            await reader.read()

    return answer


def serves(vrps: Iterable[V], session: int = 9, *, expire: int = 7200) -> Answer:
    """A cache as it should be, whose VRPs do not change."""
    held = frozenset(vrps)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            if await query(reader) == RESET_QUERY:
                writer.write(full(held, session, expire=expire))
            else:
                writer.write(cache_reset())
            await writer.drain()

    return answer


@asynccontextmanager
async def scripted_cache(answers: Sequence[Answer]) -> AsyncIterator[int]:
    """A cache on a free port; its connections are answered in turn, the last answer for ever."""
    tasks: set[asyncio.Task[None]] = set()
    left = list(answers)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        answer = left.pop(0) if len(left) > 1 else left[0]
        try:
            await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.sleep(0)
