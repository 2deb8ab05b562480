"""``/metrics`` for Prometheus: text or OpenMetrics, as the client prefers, gzip if it takes it.

Some thousand series take a while to write out, so it happens in a thread, one at a time.
"""

from __future__ import annotations

import asyncio
import gzip

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from validator.web.answers import accepts_gzip


class MetricsFace:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._turn = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/metrics", self.metrics)]

    async def metrics(self, request: web.Request) -> web.Response:
        packed = accepts_gzip(request)
        async with self._turn:
            body, kind = await asyncio.to_thread(
                self._write, request.headers.get("Accept", ""), packed
            )
        headers = {"Content-Type": kind, "Vary": "Accept, Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    def _write(self, accept: str, packed: bool) -> tuple[bytes, str]:
        encoder, kind = choose_encoder(accept)
        text = encoder(self._registry)
        return (gzip.compress(text, 1) if packed else text), kind
