"""RIS Live as a local WebSocket server, with an archive of tables and update files beside it."""

from __future__ import annotations

import asyncio
import gzip
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

from tests.mrt_bytes import peer_table, record, rib, sequence
from tests.ris_messages import PEER, PEER_ASN

SCRIPT = Callable[["Server", web.WebSocketResponse], Awaitable[None]]


class Server:
    """RIS Live and the archive beside it. ``scripts``: what to do on each connection, the last of
    which is repeated; ``files``: what the archive holds, by path."""

    def __init__(self, scripts: tuple[SCRIPT, ...]) -> None:
        self.scripts = scripts
        self.files: dict[str, bytes] = {}
        self.subscriptions: list[dict[str, object]] = []
        self.headers: list[tuple[str, str]] = []
        self.connections = 0
        self.answer = "ris_subscribe_ok"
        self.url = ""
        self.archive = ""

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.headers.append((request.headers["User-Agent"], request.query_string))
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        tasks = asyncio.TaskGroup()
        async with tasks:
            reading = tasks.create_task(self._read(socket))
            await script(self, socket)
            reading.cancel()
        return socket

    async def _read(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            self.subscriptions.append(json.loads(message.data))
            if self.answer:
                body = {"message": "no such host"} if self.answer == "ris_error" else {}
                await socket.send_str(json.dumps({"type": self.answer, "data": body}))

    async def file(self, request: web.Request) -> web.Response:
        if request.path.endswith("/"):
            names = [p.rpartition("/")[2] for p in self.files if p.startswith(request.path)]
            links = "".join(f'<a href="{name}">' for name in names)
            return web.Response(text=links, content_type="text/html")
        if request.path not in self.files:
            return web.Response(status=404)
        return web.Response(body=self.files[request.path])


@asynccontextmanager
async def served(*scripts: SCRIPT) -> AsyncIterator[Server]:
    server = Server(scripts)
    app = web.Application()
    app.router.add_get("/v1/ws/", server.socket)
    app.router.add_get("/{path:.*}", server.file)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        server.url, server.archive = f"ws://{host}:{port}/v1/ws/", f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()


def say(*messages: str, then: str = "stay") -> SCRIPT:
    """Send these once the subscription is in; then stay, or ``drop`` the connection."""

    async def script(server: Server, socket: web.WebSocketResponse) -> None:
        for message in messages:
            await socket.send_str(message)
        if then == "stay":
            await asyncio.sleep(3600)
            return
        await asyncio.sleep(0.3)
        if then == "drop":
            assert socket._req is not None
            assert socket._req.transport is not None
            socket._req.transport.abort()
        else:
            await socket.close()

    return script


def table_file(at: float, *routes: tuple[str, int]) -> bytes:
    """A routing table of the usual peer and another, made at this time."""
    content = peer_table((PEER, PEER_ASN), ("2001:db8::2", 64502))
    for prefix, origin in routes:
        content += rib(prefix, (0, sequence(PEER_ASN, origin)), (1, sequence(64502, origin)))
    return gzip.compress(struct.pack("!I", int(at)) + content[4:])


def update_file(at: float, *updates: bytes) -> bytes:
    head = struct.pack("!IIHH", PEER_ASN, 64500, 0, 1) + bytes((192, 0, 2, 1, 192, 0, 2, 2))
    return gzip.compress(b"".join(record(16, 4, head + each, time=int(at)) for each in updates))
