"""The application over a history of past days, on a free port, and a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from tests.feeds import StandingFeed, make_snapshot
from tests.sites import Site
from validator import metrics
from validator.formats.vrp_deltas import DeltaHistory
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.web.app import make_app


@asynccontextmanager
async def serving_past(path: Path, feed: StandingFeed | None = None) -> AsyncIterator[Site]:
    """``path``: the folder of the history."""
    feed, history = feed or StandingFeed(make_snapshot()), DeltaHistory(7)
    app = make_app(
        feed, metrics.build(feed), sample=False, history=history,
        past=Reader(path), moments=Moments(path, feed),
    )  # fmt: skip
    server = TestServer(app)
    await server.start_server(shutdown_timeout=1)
    try:
        async with ClientSession() as session:
            yield Site(server, session, feed, history)
    finally:
        await server.close()
