"""The service as a process of its own, over a world that a test writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 120
_START = """
import sys
from pathlib import Path
from validator import service
from validator.settings import file as settings
if __name__ == "__main__":
    chosen = settings.load(Path(sys.argv[1]))
    service.run(chosen, ("127.0.0.1", 0), ready=lambda url: print("READY", url, flush=True))
"""


class Served:
    """A running service. What it prints is collected in ``lines``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.lines = process, list[str]()
        self.url = ""
        self._known = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._known.wait(PATIENCE_SECONDS), "the service printed no address"
        assert self.url, "".join(self.lines)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("READY "):
                self.url = line.split()[1]
                self._known.set()
        self._known.set()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(self.url + path, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def json(self, path: str) -> Any:
        return json.loads(self.get(path)[1])

    def state(self, asn: int, prefix: str) -> str:
        answer = self.json(f"/api/v1/validity/AS{asn}/{prefix}")
        return str(answer["validated_route"]["validity"]["state"])

    def wait_for(self, what: str, reached: Callable[[], bool]) -> None:
        """Until ``reached()`` is true; patience is long because machines are slow, not the test."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, f"never {what}\n{self.output}"
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        self.wait_for("ready", lambda: self.get("/readyz")[0] == 200)

    def wait_for_generation(self, number: int) -> None:
        self.wait_for(
            f"published generation {number}",
            lambda: self.json("/status")["generation"] >= number,
        )

    def wait_for_reloads(self, more: int = 1) -> None:
        """Until the inputs have been looked at again, completely."""
        before = self.json("/status")["reloads"]
        self.process.send_signal(signal.SIGHUP)
        self.wait_for("reloaded", lambda: self.json("/status")["reloads"] >= before + more)

    def children(self) -> list[int]:
        """The processes it has started (Linux)."""
        pid = self.process.pid
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code


def alive(pid: int) -> bool:
    """Whether a process still runs: not one that has ended and waits to be collected (Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextmanager
def served(config: Path) -> Iterator[Served]:
    """Start the service, and end it in any case."""
    process = subprocess.Popen(
        (sys.executable, "-c", _START, str(config)),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Served(process)
    finally:
        if process.poll() is None:
            process.terminate()  # killed, it could not end the process that reads its inputs
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class World:
    """Inputs in a folder: one VRP, some routes, one delegation; and the settings that name them."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.vrps, self.routes = folder / "vrps.json", folder / "routes.csv"
        self.config = folder / "config.toml"
        self.write_vrps([("192.0.2.0/24", 24, 64496)])
        self.routes.write_text("prefix,origin\n192.0.2.0/24,64496\n2001:db8::/32,64496\n")
        (folder / "delegated").write_text(
            "2|ripencc|20260101|2|19830705|20260101|+0000\n"
            "ripencc|*|ipv4|*|1|summary\n"
            "ripencc|*|asn|*|1|summary\n"
            "ripencc|NL|ipv4|192.0.2.0|256|20200101|allocated|holder-1\n"
            "ripencc|NL|asn|64496|1|20200101|allocated|holder-1\n"
        )
        lines = {"cache": "cache", "reload_seconds": 3600, **settings}
        self.config.write_text(
            "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
            + '[[vrps]]\nsource = "vrps.json"\n[[routes]]\nsource = "routes.csv"\n'
            + '[[resources]]\nsource = "delegated"\n'
            + "[announced]\nspecial_purpose_prefixes = []\nspecial_purpose_asns = []\n"
        )

    def write_vrps(self, rows: list[tuple[str, int, int]]) -> None:
        """Replaced at once, as a careful exporter would."""
        roas = [
            {"asn": asn, "prefix": prefix, "maxLength": length, "ta": "ripe"}
            for prefix, length, asn in rows
        ]
        new = self.folder / "vrps.new"
        new.write_text(
            json.dumps({"metadata": {"buildtime": "2026-01-01T00:00:00Z"}, "roas": roas})
        )
        new.replace(self.vrps)
