"""The application over a snapshot that a test holds in its hand, on a free port, and a client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.formats.vrp_deltas import DeltaHistory
from validator.web.app import make_app


class Site:
    """A served feed, and a client that takes answers as they come: nothing unpacked."""

    def __init__(
        self, server: TestServer, session: ClientSession, feed: StandingFeed, history: DeltaHistory
    ) -> None:
        self.session, self.feed, self.history = session, feed, history
        self.base = f"http://{server.host}:{server.port}"

    def url(self, path: str) -> URL:
        return URL(self.base + path, encoded=True)

    async def ask(
        self, path: str, method: str = "GET", **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        async with self.session.request(method, self.url(path), **more) as response:
            headers = {name.title(): value for name, value in response.headers.items()}
            return response.status, headers, await response.read()

    async def json(self, path: str, **more: Any) -> tuple[int, Any]:
        status, headers, body = await self.ask(path, **more)
        assert headers["Content-Type"].startswith("application/json")
        return status, json.loads(body)


@asynccontextmanager
async def serving(
    feed: StandingFeed | None = None,
    *,
    sample: bool = False,
    history: DeltaHistory | None = None,
) -> AsyncIterator[Site]:
    feed = feed or StandingFeed(make_snapshot(sample=sample))
    history = history or DeltaHistory(7)
    app = make_app(feed, metrics.build(feed), sample=sample, history=history)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=1, auto_decompress=False)
    try:
        async with ClientSession(
            auto_decompress=False, headers={"Accept-Encoding": "identity"}
        ) as session:
            yield Site(server, session, feed, history)
    finally:
        await server.close()
