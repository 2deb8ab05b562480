"""``/metrics`` for Prometheus: text or OpenMetrics, as the client prefers, gzip if it takes it.

Some thousand series take a while to write out, so it happens in a thread, one at a time.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from validator.web.answers import NO_STORE, accepts_gzip
from validator.web.contract import Content, Operation


class MetricsFace:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._turn = asyncio.Lock()

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/metrics",
                self.metrics,
                "Measurements for Prometheus",
                "service",
                {
                    200: Content(
                        "the measurements, in the format that the client prefers",
                        media=("text/plain", "application/openmetrics-text"),
                        schema={"type": "string"},
                    )
                },
                refusals=(),
            )
        ]

    async def metrics(self, request: web.Request) -> web.Response:
        packed = accepts_gzip(request)
        async with self._turn:
            body, kind = await asyncio.to_thread(
                self._write, request.headers.get("Accept", ""), packed
            )
        headers = {
            "Content-Type": kind,
            "Vary": "Accept, Accept-Encoding",
            "Cache-Control": NO_STORE,
        }
        if packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    def _write(self, accept: str, packed: bool) -> tuple[bytes, str]:
        encoder, kind = choose_encoder(accept)
        text = encoder(self._registry)
        return (gzip.compress(text, 1) if packed else text), kind
