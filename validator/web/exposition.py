"""``/metrics`` for Prometheus: text or OpenMetrics, as the client prefers, gzip if it takes it.

It is written out in a thread, one at a time: figures by group without holding the interpreter
(:mod:`validator.metrics.columns`), the rest in a few milliseconds. ``/metrics/networks`` has the
figures of every network, if the settings ask for that: a file that is there already, gzipped.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from aiohttp import web
from isal import isal_zlib
from prometheus_client import CollectorRegistry

from validator.metrics.columns import write
from validator.metrics.networks import KIND, NetworksFile
from validator.web.answers import NO_STORE, RETRY_SECONDS, Refusal, accepts_gzip
from validator.web.contract import Content, Operation

_TEXT = Content(
    "the measurements, in the format that the client prefers",
    media=("text/plain", "application/openmetrics-text"),
    schema={"type": "string"},
)
_GZIP_WINDOW = 31
_LEVEL = 1
_SLICE = 32 << 10
"""Compressed bytes read and unpacked at a time: some hundred kB of text."""


class MetricsFace:
    def __init__(self, registry: CollectorRegistry, networks: NetworksFile | None = None) -> None:
        self._registry = registry
        self._networks = networks
        self._turn = asyncio.Lock()

    def operations(self) -> Sequence[Operation]:
        offered = [
            Operation(
                "GET",
                "/metrics",
                self.metrics,
                "Measurements for Prometheus",
                "service",
                {200: _TEXT},
                refusals=(),
            )
        ]
        if self._networks is not None and self._networks.path is not None:
            offered.append(
                Operation(
                    "GET",
                    "/metrics/networks",
                    self.networks,
                    "Coverage of every network for Prometheus",
                    "service",
                    {200: Content(_TEXT.about, media=("text/plain",), schema=_TEXT.schema)},
                    refusals=(503,),
                )
            )
        return offered

    async def metrics(self, request: web.Request) -> web.Response:
        """Service, inputs, and the coverage of registries, countries, classes of countries and the
        networks on the watch list."""
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
        parts, kind = write(self._registry, accept)
        if not packed:
            return b"".join(parts), kind
        packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW)
        return b"".join([*map(packer.compress, parts), packer.flush()]), kind

    async def networks(self, request: web.Request) -> web.StreamResponse:
        """Half a million series, made ahead at intervals. The operation is there only if the
        setting `metrics.all_networks` asks for it."""
        file = self._networks
        assert file is not None
        assert file.path is not None, "it is not an operation then"
        if not file.written:
            raise Refusal(503, "not written yet: please wait", {"Retry-After": str(RETRY_SECONDS)})
        headers = {
            "Content-Type": KIND,
            "Vary": "Accept-Encoding",
            "Cache-Control": NO_STORE,
        }
        packed = accepts_gzip(request)
        if packed:
            headers["Content-Encoding"] = "gzip"
        answer = web.StreamResponse(headers=headers)
        pieces = _pieces(file.path, unpack=not packed)
        try:  # before anything is said: a file that is gone is a refusal and not a cut
            part = await asyncio.to_thread(next, pieces, b"")
        except OSError:
            raise Refusal(503, "the file cannot be read: see the log") from None
        await answer.prepare(request)
        if request.method != "HEAD":
            while part:
                await answer.write(part)
                part = await asyncio.to_thread(next, pieces, b"")
        await answer.write_eof()
        return answer


def _pieces(path: Path, *, unpack: bool) -> Iterator[bytes]:
    """A gzipped file, as it is or unpacked. One that takes its place meanwhile changes nothing."""
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    with path.open("rb") as file:
        while part := file.read(_SLICE):
            piece = unpacker.decompress(part) if unpack else part
            if piece:
                yield piece
