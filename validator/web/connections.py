"""How long and how many: what a connection may take of the server, whatever is asked over it.

aiohttp ends a connection that has been idle between requests. What is added here: a request's
headers must be complete in time, a body must come at some rate, an answer must be read, and there
are only so many connections, together and from one address. A client that dribbles so holds a
connection for seconds, not for as long as it likes.

A request pays nothing for it but an addition for each piece that is received: once a second
:meth:`Connections.watch` goes over all connections, some hundred at a time. Time in which we do not
read, because we still work on what was sent, is not held against the client.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from typing import Any

from aiohttp import web

from validator.settings.http import HttpSettings
from validator.web.clients import Addresses

SWEEP_SECONDS = 1.0
_AT_A_TIME = 500
_FREEZE_EACH = 500
"""Whenever there are this many connections more than ever, the garbage collector is told to leave
alone what there is: to walk over ten thousand connections would hold everything for 200 ms, again
and again while they come. Since it is at each new height only, what cycles die uncollected for it
are few."""

_TOO_MANY = (
    b"HTTP/1.1 %b\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)  # fmt: skip
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connections:
    """All connections of a server. Give it to its handlers as ``connections``."""

    def __init__(self, settings: HttpSettings, addresses: Addresses, most: int) -> None:
        self.settings, self._addresses, self._most = settings, addresses, most
        self._open: set[WatchedConnection] = set()
        self._of_address: Counter[str] = Counter()
        self._frozen = 0
        self.refused_total = 0
        self.timed_out_total = 0

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: WatchedConnection, peer: str) -> bytes:
        """Count one more; if there are too many, what to answer before hanging up."""
        if len(self._open) >= self._most:
            self.refused_total += 1
            return _TOO_MANY % b"503 Service Unavailable"
        address = self._addresses.of_peer(peer)
        if not (address.local or address.trusted):
            if self._of_address[address.key] >= self.settings.max_connections_per_client:
                self.refused_total += 1
                return _TOO_MANY % b"429 Too Many Requests"
            self._of_address[address.key] += 1
            connection.counted_for = address.key
        self._open.add(connection)
        if len(self._open) >= self._frozen + _FREEZE_EACH:
            self._frozen = len(self._open)
            gc.freeze()
        return b""

    def forget(self, connection: WatchedConnection) -> None:
        self._open.discard(connection)
        key = connection.counted_for
        if key:
            connection.counted_for = ""
            self._of_address[key] -= 1
            if self._of_address[key] <= 0:
                del self._of_address[key]

    async def watch(self) -> None:
        """End those that take too long. Runs as long as the server."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for number, connection in enumerate(tuple(self._open)):
                if number % _AT_A_TIME == 0:
                    await asyncio.sleep(0)
                    now = clock()
                if connection.look(now, self.settings):
                    self.timed_out_total += 1


class WatchedConnection(web.RequestHandler):
    """A connection that can be asked whether it has taken too long.

    It is in one of two phases: it waits for a request, or works on one. A phase is known by how
    many requests there were. ``since`` is when it was first seen in it, later by as long as we were
    not waiting for the client; ``base`` what had been received then.
    """

    __slots__ = ("base", "counted_for", "moved", "phase", "received", "seen", "since", "watcher")

    def __init__(
        self, manager: web.Server, *, connections: Connections | None = None, **more: Any
    ) -> None:
        super().__init__(manager, **more)
        self.watcher = connections
        self.counted_for = ""
        self.received = self.base = 0
        self.phase: tuple[bool, int] = (True, 0)
        self.since = self.moved = 0.0
        self.seen: tuple[int, int] = (0, 0)
        """What had been received, and what waited to be sent, when something last moved."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.watcher is not None:
            peer = transport.get_extra_info("peername")
            refusal = self.watcher.admit(self, peer[0] if isinstance(peer, tuple) else "")
            if refusal:
                assert isinstance(transport, asyncio.WriteTransport)
                self._force_close = True  # so that nothing is read
                transport.write(refusal)
                transport.close()
                return
            self.since = self.moved = self._loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.watcher is not None:
            self.watcher.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)

    def look(self, now: float, settings: HttpSettings) -> bool:
        """End the connection if it has taken too long, and say so."""
        transport = self.transport
        if transport is None:
            return False
        waits = self._waiter is not None
        phase = (waits, self._request_count)
        if phase != self.phase:
            self.phase, self.since, self.moved, self.base = phase, now, now, self.received
        if waits:
            if self._request_count and self.received == self.base:
                self.since = now  # idle between two requests: that is aiohttp's to end
            elif now - self.since > settings.head_seconds:
                transport.write(_TIMED_OUT)
                self.force_close()
                return True
            return False
        seen = (self.received, transport.get_write_buffer_size())
        if seen != self.seen:
            self.seen, self.moved = seen, now
        if self.writing_paused:
            self.since += SWEEP_SECONDS
            if now - self.moved > settings.stall_seconds:
                transport.abort()  # closing would wait until it has read all
                return True
        elif self._is_slow(now, settings):
            transport.abort()
            return True
        return False

    def _is_slow(self, now: float, settings: HttpSettings) -> bool:
        """Whether a body comes too slowly."""
        request = self._current_request
        if request is None or request.content.is_eof():
            return False
        if self._reading_paused:
            self.since += SWEEP_SECONDS
            return False
        due = (now - self.since - settings.body_grace_seconds) * settings.min_body_bytes_per_second
        return self.received - self.base < due
