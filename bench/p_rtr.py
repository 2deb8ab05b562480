"""RTR: loading a full set from StayRTR, and from a Serial Notify to the committed transaction.

``python -m bench.p_rtr`` starts a StayRTR that serves the real VRPs and loads them in turn by a
bare reader, which does nothing with them (the floor: what StayRTR can send), and by our collector,
up to the transaction in columns. Both must count the same VRPs. Then the file changes by 1,200
VRPs, again and again; what counts is the time from the Notify's arrival to the transaction.
"""

from __future__ import annotations

import asyncio
import bz2
import contextlib
import json
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.common import VRPS, Goal, NotRun, Result, Unequal, real, say
from collectors.live import Message, VrpTransaction
from collectors.rtr import RtrCache, RtrCollector, RtrSettings

PAIRS, DELTAS, CHANGED = 3, 10, 1200
SYNC = Goal(1.5, at_least=False)
_RESET_QUERY = struct.pack(">BBHI", 1, 2, 0, 8)
_PREFIXES, _END = (4, 6), 7


class Cache:
    """StayRTR with the real VRPs: their ``expires`` taken out, or it would drop them."""

    def __init__(self, folder: Path, roas: list[dict[str, Any]]) -> None:
        self._file, self._roas = folder / "vrps.json", roas
        self.count = len(roas)
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            self.port: int = chosen.getsockname()[1]
        self.write(roas)
        self._process = subprocess.Popen(
            ["stayrtr", "-bind", f"127.0.0.1:{self.port}", "-cache", str(self._file),
             "-checktime=false", "-metrics.addr", "", "-refresh", "86400", "-loglevel", "fatal"],
        )  # fmt: skip

    def write(self, roas: list[dict[str, Any]]) -> None:
        built = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._file.write_text(json.dumps({"metadata": {"buildtime": built}, "roas": roas}))

    def shift(self, step: int) -> None:
        """Leave out other VRPs than before; StayRTR notifies."""
        start = step * CHANGED // 2
        self.write(self._roas[:start] + self._roas[start + CHANGED // 2 :])
        self._process.send_signal(signal.SIGHUP)

    def wait(self) -> None:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.1)
        raise NotRun("StayRTR does not listen")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def serving() -> Iterator[Cache]:
    if shutil.which("stayrtr") is None:
        raise NotRun("no StayRTR here: apt install stayrtr")
    roas = json.loads(bz2.decompress(real(VRPS).read_bytes()))["roas"]
    for roa in roas:
        roa.pop("expires", None)
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder), roas)
        try:
            cache.wait()
            yield cache
        finally:
            cache.stop()


def read_bare(port: int) -> tuple[float, int]:
    """Seconds and VRPs of one load that only looks for its end."""
    begun = time.perf_counter()
    held, count = bytearray(), 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(_RESET_QUERY)
        while True:
            held += connection.recv(1 << 18)
            at = 0
            while at + 8 <= len(held):
                length = int.from_bytes(held[at + 4 : at + 8], "big")
                if at + length > len(held):
                    break
                count += held[at + 1] in _PREFIXES
                if held[at + 1] == _END:
                    return time.perf_counter() - begun, count
                at += length
            del held[:at]


class Timed:
    """A channel that keeps when each transaction came."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[float, VrpTransaction]] = asyncio.Queue()

    async def put(self, message: Message) -> None:
        if isinstance(message, VrpTransaction):
            await self.came.put((time.monotonic(), message))

    def offer(self, message: Message) -> bool:
        raise AssertionError

    def report(self, state: str, detail: str = "") -> None:
        pass


async def follow(cache: Cache, deltas: int) -> tuple[float, int, list[float]]:
    """Seconds and VRPs of the first transaction; for each delta, seconds since its Notify."""
    settings = RtrSettings(caches=(RtrCache(host="127.0.0.1", port=cache.port),))
    collector, channel = RtrCollector(settings, "bench"), Timed()
    begun = time.monotonic()
    task = asyncio.create_task(collector.run(channel))
    try:
        at, first = await asyncio.wait_for(channel.came.get(), 120)
        seconds, reactions = at - begun, []
        for step in range(1, deltas + 1):
            await asyncio.to_thread(cache.shift, step)
            at, _ = await asyncio.wait_for(channel.came.get(), 120)
            reactions.append(at - collector.caches[0].notified_at)
        return seconds, len(first.announced), reactions
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def run() -> Result:
    """The pairs of loads; the reactions are printed."""
    with serving() as cache:
        pairs = []
        reactions: list[float] = []
        for turn in range(PAIRS):
            bare, there = read_bare(cache.port)
            ours, here, taken = asyncio.run(follow(cache, DELTAS if turn == PAIRS - 1 else 0))
            if not there == here == cache.count:
                raise Unequal(f"{there} VRPs by a bare reader, {here} by ours, of {cache.count}")
            pairs.append((bare, ours))
            reactions += taken
    middle, worst = statistics.median(reactions), max(reactions)
    say(f"rtr-delta changed={CHANGED} notify_to_commit_seconds={middle:.3f} worst={worst:.3f}")
    return Result("rtr-sync", "bare-reader", SYNC, tuple(pairs))


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{run()}\n")
    except (NotRun, Unequal) as problem:
        sys.exit(f"rtr: {problem}")
