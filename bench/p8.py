"""P8: single look-ups over HTTP, beside aiohttp giving one constant answer to the same requests.

Both are processes of their own, kept on one core in turn, with the same middleware, loop and path;
``wrk`` asks from the other core, over connections that stay, about routes drawn from the real
table. So the difference is what an answer takes: reading the request's route, finding the VRPs that
cover it, writing the answer. What counts is answers for each second of CPU that the server used,
which on a core of its own is the rate, and does not depend on who else uses the machine.

The second line is how long an answer takes while snapshots are being published: local exceptions
that turn a few hundred routes change every second, and each change is a new snapshot of the whole
table. There service and wrk share both cores. Beside it, the same without publishing, and the peer:
what is slow there too is the machine.

Equality, first: the answers on routes in each state name the VRPs that a plain look at all VRPs
finds.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import ROUTES, Goal, NotRun, Unequal, real, real_routes, real_vrps, say
from bench.http_sides import Side, settings
from validator.model import Prefix, Prefixes, VrpBatch

PAIRS, PASS_SECONDS, PUBLISHING_SECONDS = 20, 1, 15
CONNECTIONS = 16
ASKED, COMPARED = 2_000, 100
GOAL, GOAL_P99_SECONDS = Goal(0.8), 0.010
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_FEWEST_SNAPSHOTS = 3


Asked = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw."""

    per_second: float
    p99_seconds: float
    per_cpu_second: float


@dataclass(frozen=True, slots=True)
class Beside:
    """The first line. Pairs of loads: the peer's, ours."""

    pairs: tuple[tuple[Load, Load], ...]

    def __str__(self) -> str:
        theirs, ours = (
            statistics.median(load.per_cpu_second for load in side)
            for side in zip(*self.pairs, strict=True)
        )
        ratio = statistics.median(
            our.per_cpu_second / peer.per_cpu_second for peer, our in self.pairs
        )
        return (
            f"P8 peer=aiohttp-constant peer_per_cpu_second={theirs:.0f} "
            f"ours_per_cpu_second={ours:.0f} ratio={ratio:.3g} goal={GOAL} "
            f"{'met' if GOAL.met_by(ratio) else 'missed'}"
        )


@dataclass(frozen=True, slots=True)
class Publishing:
    """The second line."""

    load: Load
    snapshots: int
    resting: Load
    """The same without publishing."""
    peer: Load

    def __str__(self) -> str:
        p99 = self.load.p99_seconds
        met = p99 <= GOAL_P99_SECONDS
        return (
            f"P8 peer=aiohttp-constant while=publishing p99_seconds={p99:.4g} "
            f"goal=<={GOAL_P99_SECONDS:g}s {'met' if met else 'missed'} "
            f"per_second={self.load.per_second:.0f} snapshots={self.snapshots} "
            f"resting_p99_seconds={self.resting.p99_seconds:.4g} "
            f"peer_p99_seconds={self.peer.p99_seconds:.4g}"
        )


def run() -> Iterator[Beside | Publishing]:
    if shutil.which("wrk") is None:
        raise NotRun("no wrk here; install it (Debian's package wrk)")
    listed = real_routes()
    rows = np.random.default_rng(8).choice(len(listed), 4 * ASKED, replace=False)
    drawn = [
        (str(listed.prefixes[int(listed.prefix[row])]), int(listed.origin[row]))
        for row in rows.tolist()
        if listed.origin[row] >= 0
    ][:ASKED]
    with tempfile.TemporaryDirectory() as folder:
        yield from measure(real_vrps(), drawn, real(ROUTES), Path(folder))


def measure(
    vrps: VrpBatch, asked: Asked, routes: Path, folder: Path, seconds: tuple[int, int] | None = None
) -> Iterator[Beside | Publishing]:
    """
    Raises:
        Unequal: an answer is not what it should be.
    """
    each, publishing = seconds or (PASS_SECONDS, PUBLISHING_SECONDS)
    exceptions = folder / "slurm.json"
    _write_exceptions(exceptions, asked[:1])
    more = 'reload_seconds = 3600\n[[slurm]]\nsource = "slurm.json"\n'
    wrk = Wrk(folder, asked)
    with (
        Side.service(folder, settings(folder, vrps, routes, more)) as ours,
        Side.peer(folder) as peer,
    ):
        compare(ours, vrps, asked[1 : COMPARED + 1])
        cores = sorted(os.sched_getaffinity(0))
        for side in (ours, peer):
            side.pin({cores[0]})
        say(f"P8: {PAIRS} pairs of {each} s each")
        for side in (ours, peer):
            wrk.ask(side, 1, {cores[-1]})
        pairs = []
        for number in range(PAIRS):  # each goes first as often: the machine's pace drifts
            order = (peer, ours) if number % 2 else (ours, peer)
            loads = {side.url: wrk.ask(side, each, {cores[-1]}) for side in order}
            pairs.append((loads[peer.url], loads[ours.url]))
        yield Beside(tuple(pairs))
        for side in (ours, peer):
            side.pin(set(cores))
        resting, apart = (wrk.ask(side, each, set(cores)) for side in (ours, peer))
        say(f"P8: {publishing} s of publishing")
        before = _generation(ours)
        with _changing(ours, exceptions, asked):
            load = wrk.ask(ours, publishing, set(cores))
        snapshots = _generation(ours) - before
        if snapshots < min(_FEWEST_SNAPSHOTS, publishing // 5):
            raise Unequal(f"only {snapshots} snapshots were published in {publishing} s")
        yield Publishing(load, snapshots, resting, apart)


class Wrk:
    """The load generator, asking about the same routes in turn."""

    def __init__(self, folder: Path, asked: Asked) -> None:
        self._script = folder / "ask.lua"
        paths = ",\n".join(f'"/api/v1/validity/AS{asn}/{prefix}"' for prefix, asn in asked)
        self._script.write_text(
            f"local paths = {{\n{paths}\n}}\nlocal at = 0\n"
            'request = function() at = at % #paths + 1; return wrk.format("GET", paths[at]) end\n'
        )

    def ask(self, side: Side, seconds: int, cores: set[int]) -> Load:
        """
        Raises:
            Unequal: an answer other than 200, or none.
        """
        cpu = side.cpu_seconds()
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s",
             str(self._script), side.url],
            capture_output=True, text=True, check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )  # fmt: skip
        cpu = side.cpu_seconds() - cpu
        if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
            raise Unequal(" ".join(done.stdout.split()))
        rate = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
        tail = re.search(r"99%\s+([0-9.]+)(us|ms|s)", done.stdout)
        total = re.search(r"([0-9]+) requests in", done.stdout)
        if rate is None or tail is None or total is None:
            raise Unequal(f"wrk says {done.stdout!r}")
        return Load(float(rate[1]), float(tail[1]) * _UNITS[tail[2]], int(total[1]) / cpu)


def compare(side: Side, vrps: VrpBatch, asked: Asked) -> None:
    """
    Raises:
        Unequal: an answer does not have all covering VRPs, or others.
    """
    for prefix, asn in asked:
        reply = _json(side, f"/api/v1/validity/AS{asn}/{prefix}")["validated_route"]["validity"]
        told = {
            (each["prefix"], int(each["max_length"]), int(each["asn"][2:]), name)
            for name, each_list in reply["VRPs"].items()
            for each in each_list
        }
        route = Prefix.parse(prefix)
        expected = set()
        for row in _covering(vrps.prefixes, route):
            most, number = int(vrps.max_length[row]), int(vrps.asn[row])
            name = "matched" if number == asn and asn else "unmatched_as"
            name = "unmatched_length" if route.length > most else name
            expected.add((str(vrps.prefixes[row]), most, number, name))
        state = "not-found" if not expected else "invalid"
        state = "valid" if any(each[3] == "matched" for each in expected) else state
        if (told, reply["state"]) != (expected, state):
            raise Unequal(f"{prefix} AS{asn}: {reply['state']} by {told}, not {expected}")


def _covering(prefixes: Prefixes, route: Prefix) -> list[int]:
    """By a look at all of them."""
    nearby = (prefixes.family == route.family) & (prefixes.length <= route.length)
    rows = np.flatnonzero(nearby & (prefixes.high <= route.high))
    shift = np.maximum(64 - prefixes.length[rows].astype("i8"), 0).astype("u8")
    alike = prefixes.high[rows] >> np.minimum(shift, 63) == np.uint64(route.high) >> np.minimum(
        shift, 63
    )
    kept = rows[alike | (shift > 63)]
    return [row for row in kept.tolist() if prefixes[row].covers(route)]


@contextlib.contextmanager
def _changing(side: Side, exceptions: Path, asked: Asked) -> Iterator[None]:
    """Other exceptions every second."""
    over = threading.Event()

    def change() -> None:
        number = 0
        while not over.wait(1.0):
            number += 1
            _write_exceptions(exceptions, asked[number % 5 :: 5])
            side.look_again()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write_exceptions(path: Path, routes: Asked) -> None:
    """Local exceptions (RFC 8416) that let AS 64496 announce some prefixes."""
    slurm = {
        "slurmVersion": 1,
        "validationOutputFilters": {"prefixFilters": [], "bgpsecFilters": []},
        "locallyAddedAssertions": {
            "prefixAssertions": [{"asn": 64496, "prefix": prefix} for prefix, _ in routes],
            "bgpsecAssertions": [],
        },
    }
    new = path.with_suffix(".new")
    new.write_text(json.dumps(slurm))
    new.replace(path)


def _generation(side: Side) -> int:
    return int(_json(side, "/status")["generation"])


def _json(side: Side, path: str) -> Any:
    with urllib.request.urlopen(side.url + path, timeout=60) as answer:
        return json.load(answer)
