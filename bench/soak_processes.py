"""The two servers of the soak, each a process of its own: a StayRTR and the service."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from bench.common import ROOT, NotRun
from bench.soak_world import Vrp, World, delegations, text

PATIENCE_SECONDS = 120.0
_ENDING_SECONDS = 20.0
_LAST_WORDS = 2_000
_RESET_QUERY, _SERIAL_NOTIFY = struct.pack(">BBHI", 1, 2, 0, 8), 0


class Broken(Exception):  # noqa: N818 - named for what it tells the user
    """A process of the soak ended, or hangs. One line that says which, and what it said last."""


class Cache:
    """A StayRTR that serves a version of a world's VRPs.

    ``notified`` is when it sent each Serial Notify (``time.monotonic``), as a bare client sees it:
    reading its file takes StayRTR its time, which is not the service's.
    """

    def __init__(self, folder: Path, world: World) -> None:
        if shutil.which("stayrtr") is None:
            raise NotRun("no StayRTR here: apt install stayrtr")
        self._file, self._world = folder / "vrps.json", world
        self._stable = _roas(world.stable)
        self.port = free_port()
        self.notified: list[float] = []
        self._write(0)
        self._process = subprocess.Popen(
            ["stayrtr", "-bind", f"127.0.0.1:{self.port}", "-cache", str(self._file),
             "-checktime=false", "-metrics.addr", "", "-refresh", "86400", "-loglevel", "fatal"],
        )  # fmt: skip
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(OSError):
                client = socket.create_connection(("127.0.0.1", self.port))
                threading.Thread(target=self._listen, args=(client,), daemon=True).start()
                return
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise Broken("StayRTR does not listen")
            time.sleep(0.05)

    def push(self, version: int) -> None:
        """Another version: StayRTR reads it now, and notifies."""
        self._write(version)
        self._process.send_signal(signal.SIGHUP)

    def _listen(self, client: socket.socket) -> None:
        """Note each Serial Notify (RFC 8210 section 5.2) until the connection ends."""
        with client, contextlib.suppress(OSError), client.makefile("rb") as stream:
            client.sendall(_RESET_QUERY)
            while len(head := stream.read(8)) == 8:
                stream.read(int.from_bytes(head[4:], "big") - 8)
                if head[1] == _SERIAL_NOTIFY:
                    self.notified.append(time.monotonic())

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _write(self, version: int) -> None:
        built = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()
        roas = self._stable + b"," + _roas(self._world.coming_and_going(version))
        self._file.write_bytes(b'{"metadata":{"buildtime":"%b"},"roas":[%b]}' % (built, roas))


class Service:
    """The service, as ``bench.soak_service`` starts it. Its log is ``service.log``."""

    def __init__(self, folder: Path, rtr_port: int) -> None:
        self._folder, self.bmp_port = folder, free_port()
        (folder / "delegated").write_text(delegations())
        config = folder / "config.toml"
        config.write_text(
            'cache = "cache"\nreload_seconds = 86400\n'
            f'[[rtr]]\nretry_seconds = 1\ncaches = [{{host = "127.0.0.1", port = {rtr_port}}}]\n'
            f'[[bmp]]\nlisten = "127.0.0.1:{self.bmp_port}"\nallow = ["127.0.0.0/8"]\n'
            '[[resources]]\nsource = "delegated"\n'
            "[announced]\nspecial_purpose_prefixes = []\nspecial_purpose_asns = []\n"
        )
        self._log = folder / "service.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.soak_service", str(config), str(folder)],
                cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        self.pid = self._process.pid
        self.url = ""

    def wait_until_ready(self) -> None:
        """Until there is a snapshot."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(OSError):
                self.url = (self._folder / "url").read_text()
                self.get("/readyz")
                return
            self.check()
            if time.monotonic() > end:
                raise Broken(f"the service is not ready: {self._said()}")
            time.sleep(0.1)

    def check(self) -> None:
        """
        Raises:
            Broken: it has ended.
        """
        code = self._process.poll()
        if code is not None:
            raise Broken(f"the service ended with exit code {code}: {self._said()}")

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE_SECONDS) as answer:
            content: bytes = answer.read()
            return content

    def status(self) -> Any:
        return json.loads(self.get("/status"))

    def stop(self) -> None:
        """Let it end; what it leaves behind is complete.

        Raises:
            Broken: it does not end as it should.
        """
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Broken(f"the service does not end: {self._said()}") from None
        if code:
            raise Broken(f"the service ended with exit code {code}: {self._said()}")

    def end(self) -> None:
        """In any case."""
        if self._process.poll() is None:
            self._process.terminate()  # killed, it could not end the process that reads its inputs
            try:
                self._process.wait(_ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-_LAST_WORDS:].strip() or "nothing said"


def _roas(vrps: Iterable[Vrp]) -> bytes:
    rows = [
        {"prefix": text(net), "maxLength": most, "asn": asn, "ta": "soak"}
        for net, most, asn in vrps
    ]
    return msgspec.json.encode(rows)[1:-1]


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port
