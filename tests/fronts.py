"""An application behind a real front on loopback: with limits, TLS and log as in the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.settings.http import HttpSettings, Role, TokenSettings, hash_token
from validator.web.app import make_app
from validator.web.front import Front
from validator.web.streams import Streams

VALID = "/api/v1/validity/AS64496/192.0.2.0/24"


@dataclass
class Fronted:
    """``get`` asks over a connection of its own, as a new client would."""

    front: Front
    url: str
    app: web.Application
    reloads: list[None] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def get(
        self, path: str = VALID, method: str = "GET", **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        async with (
            ClientSession() as session,
            session.request(method, self.url + path, **more) as answer,
        ):
            headers = {name.title(): value for name, value in answer.headers.items()}
            return answer.status, headers, await answer.read()

    async def raw(self, sent: bytes, *, patience: float = 30) -> bytes:
        """Everything that comes back until the server hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(sent)
            return await asyncio.wait_for(reader.read(), patience)
        except ConnectionError:
            return b""
        finally:
            writer.close()


@asynccontextmanager
async def fronted(
    http: HttpSettings, folder: Path = Path(), streams: Streams | None = None
) -> AsyncIterator[Fronted]:
    feed = StandingFeed(make_snapshot())
    reloads: list[None] = []
    app = make_app(
        feed,
        metrics.build(feed),
        sample=False,
        http=http,
        streams=streams,
        reload=lambda: reloads.append(None),
    )
    front = Front(app, http, folder)
    url = await front.open("127.0.0.1", 0)
    watch = asyncio.create_task(front.watch())
    try:
        yield Fronted(front, url, app, reloads)
        assert not watch.done(), watch
    finally:
        watch.cancel()
        if streams is not None:
            streams.close()
        await front.close()


def token_settings(token: str, role: Role, name: str | None = None) -> TokenSettings:
    return TokenSettings(name=name or role.value, sha256=hash_token(token), role=role)


def bearer(token: str, client: str | None = None) -> dict[str, str]:
    """The headers of who has a token; of a client behind the proxy that 127.0.0.1 is."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return headers if client is None else {**headers, "X-Forwarded-For": client}
