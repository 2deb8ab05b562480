"""The two sides of P8 and P9: our service over the real table, and aiohttp answering no question.

``python -m bench.http_sides PORT`` serves the peer: aiohttp on uvloop with the service's own
middlewares. What it is asked for is what the service is asked for; it answers look-ups with one
constant answer, and a list with as many bytes as ours would have, made beforehand.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import uvloop
from aiohttp import web

from bench.bird import free_port
from bench.common import ROOT, NotRun
from validator.metrics.requests import RequestMetrics
from validator.model import VrpBatch
from validator.settings.http import HttpSettings
from validator.web.access import Access
from validator.web.answers import JSON
from validator.web.middleware import middleware
from validator.web.server import Runner

_PATIENCE_SECONDS = 90.0
_TICKS = os.sysconf("SC_CLK_TCK")
CONSTANT = (
    b'{"validated_route":{"route":{"origin_asn":"AS64496","prefix":"192.0.2.0/24"},"validity":'
    b'{"state":"valid","description":"At least one VRP Matches the Route Prefix","VRPs":{"matched":'
    b'[{"asn":"AS64496","prefix":"192.0.2.0/24","max_length":"24"}],"unmatched_as":[],'
    b'"unmatched_length":[]}}},"generatedTime":"2026-01-01T00:00:00Z"}'
)


class Side:
    """A server as a process of its own, on loopback."""

    def __init__(self, folder: Path, name: str, command: list[str], port: int) -> None:
        self.port = port
        self._log = (folder / f"{name}.log").open("wb")
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=self._log, stderr=self._log)

    @classmethod
    def service(cls, folder: Path, config: str) -> Side:
        """Ours, with these settings."""
        path, port = folder / "config.toml", free_port()
        path.write_text(f'cache = "cache"\n{config}')
        serve = [sys.executable, "-m", "validator", "serve", "--config", str(path)]
        return cls(folder, "service", [*serve, "--listen", f"127.0.0.1:{port}"], port)

    @classmethod
    def peer(cls, folder: Path) -> Side:
        port = free_port()
        return cls(folder, "peer", [sys.executable, "-m", "bench.http_sides", str(port)], port)

    def __enter__(self) -> Self:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > end:
                said = Path(self._log.name).read_text().strip().splitlines()
                self.__exit__(None, None, None)
                raise NotRun(said[-1] if said else "the server ended or is not ready")
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pin(self, cores: set[int]) -> None:
        """Keep it, with all its threads, on some cores."""
        for thread in Path(f"/proc/{self._process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)

    def look_again(self) -> None:
        """Make the service look at its inputs."""
        self._process.send_signal(signal.SIGHUP)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) << 10

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def settings(folder: Path, vrps: VrpBatch, routes: Path, more: str = "") -> str:
    """A service over these VRPs, without the times at which they expired, and these routes."""
    path = folder / "vrps.csv"
    columns = vrps.asn.tolist(), vrps.max_length.tolist()
    with path.open("w") as file:
        file.write("ASN,IP Prefix,Max Length,Trust Anchor\n")
        file.writelines(
            f"AS{asn},{vrps.prefixes[row]},{most},bench\n"
            for row, (asn, most) in enumerate(zip(*columns, strict=True))
        )
    return (
        f"{more}\n[[vrps]]\nsource = {json.dumps(str(path))}\n"
        f"[[routes]]\nsource = {json.dumps(str(routes))}\n"
    )


# --------------------------------------------------------------------------------------- the peer


async def _ready(_: web.Request) -> web.Response:
    return web.Response()


async def _constant(_: web.Request) -> web.Response:
    return web.Response(body=CONSTANT, content_type=JSON)


async def _swallow(request: web.Request) -> web.StreamResponse:
    """Take all in, give ``X-Answer-Share`` times as many bytes back as they come."""
    share = float(request.headers["X-Answer-Share"])
    response = web.StreamResponse(headers={"Content-Type": request.content_type})
    await response.prepare(request)
    store = b"\n" * (4 << 20)
    while data := await request.content.readany():
        await response.write(store[: int(len(data) * share)])
    await response.write_eof()
    return response


async def _serve(port: int) -> None:
    app = web.Application(middlewares=[middleware(RequestMetrics())])
    Access(HttpSettings()).install(app)
    app.router.add_get("/readyz", _ready)
    app.router.add_get("/api/v1/validity/{asn}/{prefix:.+}", _constant)
    app.router.add_post("/api/v1/validity", _swallow)
    runner = Runner(app, access_log=None, keepalive_timeout=75.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_serve(int(sys.argv[1])))
