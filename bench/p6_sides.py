"""The two sides of P6, each a process that follows the same StayRTR from behind a relay."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bench.bgp_speaker import SEQUENCE, SET, Announced, Speaker, as_path, updates
from bench.bird import Bird, free_port
from bench.common import ROOT, NotRun, Unequal, say
from bench.p_rtr import Cache
from validator.model import Prefix, VrpBatch
from validator.tables.routes import RouteTable

_PATIENCE_SECONDS = 300.0
_POLL_SECONDS = 0.002
_QUIET_SECONDS = 1.0
_ANSWERING_SECONDS = 0.1
"""CPU that a resting BIRD needs at most to say, in a quiet period, how many routes it lets in."""
_TRANSIT = 64496


def until(reached: Callable[[], bool], otherwise: str) -> None:
    """
    Raises:
        Unequal: it never is.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > end:
            raise Unequal(otherwise)
        time.sleep(_POLL_SECONDS)


class ServedVrps(Cache):
    """StayRTR with some VRPs, of which some are left out: others after each change."""

    def __init__(self, folder: Path, vrps: VrpBatch, gone: NDArray[np.int64]) -> None:
        say("P6: serving the VRPs")
        columns = vrps.max_length.tolist(), vrps.asn.tolist()
        self._all = [
            {"prefix": str(vrps.prefixes[row]), "maxLength": most, "asn": asn, "ta": "bench"}
            for row, (most, asn) in enumerate(zip(*columns, strict=True))
        ]
        super().__init__(folder, self._without(gone))

    def leave_out(self, gone: NDArray[np.int64]) -> None:
        self.write(self._without(gone))
        self._process.send_signal(signal.SIGHUP)

    def _without(self, gone: NDArray[np.int64]) -> list[dict[str, Any]]:
        missing = set(gone.tolist())
        return [vrp for row, vrp in enumerate(self._all) if row not in missing]


class Relay:
    """Stands before the cache, and keeps when each Serial Notify is handed on."""

    def __init__(self, cache: int) -> None:
        self._cache = cache
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.notified: queue.Queue[float] = queue.Queue()
        self.open = threading.Event()
        """Until it is set, a Notify waits."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                cache = socket.create_connection(("127.0.0.1", self._cache))
                for ends in ((client, cache), (cache, client)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(1 << 18):
                if len(data) == 12 and data[1] == 0:  # from a cache that is idle it comes alone
                    self.open.wait()
                    self.notified.put(time.monotonic())
                target.sendall(data)


class Probe(NamedTuple):
    """A route whose state a change turns, and what into."""

    prefix: Prefix
    asn: int
    state: str


class Service:
    """Our service as a process of its own, behind a relay, asked over one connection."""

    def __init__(self, folder: Path, cache: int, routes: Path) -> None:
        self.relay = Relay(cache)
        self.relay.open.set()
        port = free_port()
        config = folder / "config.toml"
        config.write_text(
            f'cache = "cache"\n[[routes]]\nsource = {json.dumps(str(routes))}\n'
            f'[[rtr]]\ncaches = [{{host = "127.0.0.1", port = {self.relay.port}}}]\n'
        )
        self._log = (folder / "service.log").open("wb")
        command = [sys.executable, "-m", "validator", "serve", "--config", str(config)]
        self._process = subprocess.Popen(
            [*command, "--listen", f"127.0.0.1:{port}"],
            cwd=ROOT, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def wait(self) -> None:
        """
        Raises:
            NotRun: the service ends, or does not become ready.
        """
        until(lambda: self._process.poll() is not None or self._ready(), "the service is not ready")
        if self._process.poll() is not None:
            said = Path(self._log.name).read_text().strip().splitlines()
            raise NotRun(said[-1] if said else "the service ended")

    def reaction(self, probe: Probe) -> float:
        """Seconds from the next Notify to the first answer that is the new one."""
        notified = self.relay.notified.get(timeout=_PATIENCE_SECONDS)
        path = f"/api/v1/validity/AS{probe.asn}/{probe.prefix}"
        until(lambda: self._state(path) == probe.state, f"{path} is never {probe.state}")
        return time.monotonic() - notified

    def stop(self) -> None:
        self.relay.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _ready(self) -> bool:
        try:
            return self._get("/readyz")[0] == 200
        except OSError:
            self._connection.close()
            time.sleep(0.1)
            return False

    def _state(self, path: str) -> str:
        answer = json.loads(self._get(path)[1])
        return str(answer["validated_route"]["validity"]["state"])

    def _get(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


class Filtering:
    """BIRD with the routes, behind a relay that keeps a Notify back until it is our turn."""

    def __init__(self, folder: Path, cache: int) -> None:
        self._relay = Relay(cache)
        ipv4, ipv6 = (f"if roa_check(r{n}) = ROA_INVALID then reject; accept;" for n in (4, 6))
        self._bird = Bird(folder, self._relay.port, (ipv4, ipv6), follows=True)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stack.callback(self._relay.close)
        self._stack.enter_context(self._bird)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def feed(self, table: RouteTable, let_in: int) -> None:
        """All VRPs, then all routes, of which the filter should let in so many."""
        until(lambda: self._bird.serial() >= 0, "BIRD does not get the VRPs")
        say("P6: feeding BIRD")
        speaker = self._stack.enter_context(Speaker(self._bird.port))
        messages = list(updates(_announced(table)))
        cpu, began = self._bird.cpu_seconds(), time.monotonic()
        speaker.send(messages)
        seconds = self._settled(let_in) - began
        cpu = self._bird.cpu_seconds() - cpu
        say(f"P6: BIRD took {seconds:.1f} s ({cpu:.1f} s CPU) for {len(table)} routes")

    def reaction(self, let_in: int) -> tuple[float, float]:
        """Seconds from the Notify to the right number of routes, and of its CPU until it rests.

        The number may be right for a moment on the way: what counts is since when it has stayed so.
        """
        cpu = self._bird.cpu_seconds()
        self._relay.open.set()
        notified = self._relay.notified.get(timeout=_PATIENCE_SECONDS)
        self._relay.open.clear()
        return self._settled(let_in) - notified, self._bird.cpu_seconds() - cpu

    def _settled(self, let_in: int) -> float:
        """Wait until it lets in so many and rests; since when it has let in so many.

        It is asked seldom enough that answering costs it nothing that counts.
        """
        right: float | None = None
        used, since = self._bird.cpu_seconds(), time.monotonic()
        end = since + _PATIENCE_SECONDS
        while right is None or time.monotonic() < since + _QUIET_SECONDS:
            time.sleep(0.05)
            if self._bird.imported() != let_in:
                right = None
            elif right is None:
                right = time.monotonic()
            if self._bird.cpu_seconds() > used + _ANSWERING_SECONDS:
                used, since = self._bird.cpu_seconds(), time.monotonic()
            if time.monotonic() > end:
                raise Unequal(f"BIRD lets {self._bird.imported()} routes in, not {let_in}")
        return right


def _announced(table: RouteTable) -> Iterator[Announced]:
    """The routes as a neighbour would send them; the origins of a prefix are told apart."""
    path_id, before = 0, None
    for row, origin in enumerate(table.origin.tolist()):
        prefix = table.prefix(row)
        path_id, before = (path_id + 1 if prefix == before else 1), prefix
        end = (SEQUENCE, (_TRANSIT, origin)) if origin >= 0 else (SET, (_TRANSIT, _TRANSIT + 1))
        yield Announced(prefix, as_path(end), path_id)
