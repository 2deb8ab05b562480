"""P9: all real routes in one request, as NDJSON and as CSV, not compressed.

The client sends and reads at the same time over a raw socket. What counts is the CPU that the
service, a process of its own, spends on it: routes for each second of that. Beside it aiohttp alone
takes in the same body and sends as many bytes back, which nothing on aiohttp can better.

Equality, first: the totals are what RTRlib and others agree on for this table (by a validation of
the whole table here), each line answers the route that stands in its place, and 10,000 lines say
what a single look-up says. A client that sends everything before it reads a byte gets the same
answer. Memory is how far resident memory rises above what it was while this goes on.
"""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.common import ROUTES, Unequal, real, real_routes, real_vrps, say
from bench.http_sides import Side, settings
from validator.model import RouteBatch, VrpBatch
from validator.origin_validation import validate
from validator.snapshot import state_counts
from validator.tables import routes as tables
from validator.tables.vrps import build_table

GOAL_PER_SECOND = 300_000
GOAL_MEGABYTES = 100
PASSES = 5
SAMPLED = 10_000
NDJSON, CSV = "application/x-ndjson", "text/csv"
_PIECE = 1 << 18
_TICK_SECONDS = 0.01
"""In which the kernel counts CPU."""

Routes = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request: the answer, and how it went. Seconds count from the first byte sent."""

    answer: bytes
    first_out: float
    """When the first bytes of the answer's body were read."""
    last_in: float
    """When the last bytes of the list were sent."""
    seconds: float
    cpu_seconds: float
    grown_bytes: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report, of the median pass."""

    media: str
    routes: int
    ours: tuple[Exchange, ...]
    theirs: tuple[Exchange, ...]

    def __str__(self) -> str:
        ours, peer = (
            self.routes / statistics.median(each.cpu_seconds for each in side)
            for side in (self.ours, self.theirs)
        )
        wall = self.routes / statistics.median(each.seconds for each in self.ours)
        megabytes = max(each.grown_bytes for each in self.ours) / 1e6
        met = ours >= GOAL_PER_SECOND and megabytes <= GOAL_MEGABYTES
        return (
            f"P9 form={self.media} peer=aiohttp peer_routes_per_second_core={peer:.3g} "
            f"ours_routes_per_second_core={ours:.3g} ratio={ours / peer:.2g} "
            f"goal=>={GOAL_PER_SECOND:.0e},<={GOAL_MEGABYTES}MB {'met' if met else 'missed'} "
            f"routes={self.routes} routes_per_second={wall:.3g} grown_megabytes={megabytes:.0f}"
        )


def run() -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder:
        config = settings(Path(folder), real_vrps(), real(ROUTES))
        yield from measure(real_vrps(), real_routes(), config, Path(folder), PASSES)


def measure(
    vrps: VrpBatch, listed: RouteBatch, config: str, folder: Path, passes: int
) -> Iterator[Line]:
    """
    Raises:
        Unequal: an answer is not what it should be.
    """
    routes = as_list(listed)
    expected = totals(vrps, listed)
    with Side.service(folder, config) as ours, Side.peer(folder) as peer:
        for media in (NDJSON, CSV):
            body = written(routes, media)
            say(f"P9: comparing answers, {media}")
            together = exchange(ours, media, body)
            check(together, media, routes, expected)
            if len(routes) > 1_000_000 and together.first_out > together.last_in:
                raise Unequal("the first answer comes after the last route")
            check_sample(ours, together.answer, media, routes)
            apart = exchange(ours, media, body, read_at_once=False)
            if apart.answer != together.answer:
                raise Unequal("who sends all before it reads is answered otherwise")
            share = len(together.answer) / len(body)
            say(f"P9: timing {passes} passes, {media}")
            theirs, mine = [], [together, apart]
            for _ in range(passes):
                theirs.append(exchange(peer, media, body, share=share))
                mine.append(exchange(ours, media, body))
            yield Line(media, len(routes), tuple(mine), tuple(theirs))


def as_list(listed: RouteBatch) -> Routes:
    """Only what a list can ask for: AS numbers."""
    prefixes = [str(listed.prefixes[row]) for row in range(len(listed.prefixes))]
    rows = zip(listed.prefix.tolist(), listed.origin.tolist(), strict=True)
    return [(prefixes[prefix], origin) for prefix, origin in rows if origin >= 0]


def totals(vrps: VrpBatch, listed: RouteBatch) -> Counter[str]:
    """By a validation of the sorted table."""
    seen = tables.see(listed)
    verdict = validate(seen, build_table([vrps]))[np.flatnonzero(seen.origin >= 0)]
    return Counter({state.value: count for state, count in state_counts(verdict).items()})


def written(routes: Routes, media: str) -> bytes:
    if media == CSV:
        return b"prefix,asn\n" + b"".join(b"%s,%d\n" % (p.encode(), asn) for p, asn in routes)
    return b"".join(b'{"asn":%d,"prefix":"%s"}\n' % (asn, p.encode()) for p, asn in routes)


# ---------------------------------------------------------------------------------------- answers


def check(got: Exchange, media: str, routes: Routes, expected: Counter[str]) -> None:
    """
    Raises:
        Unequal: other totals, or a line that answers another route.
    """
    states = Counter[str]()
    lines = got.answer.decode().splitlines()
    if media == CSV:
        del lines[:1]
    if len(lines) != len(routes):
        raise Unequal(f"{len(lines)} answers on {len(routes)} routes")
    for line, (prefix, asn) in zip(lines, routes, strict=True):
        answered, origin, state, _ = fields(line, media)
        if (answered, origin) != (prefix, f"AS{asn}"):
            raise Unequal(f"{prefix} AS{asn} is answered by {line}")
        states[state] += 1
    if +states != +expected:
        raise Unequal(f"totals are {dict(states)}, those of the table {dict(expected)}")


def fields(line: str, media: str) -> tuple[str, str, str, str]:
    """Prefix, AS number, state and reason of an answer."""
    if media == CSV:
        prefix, asn, state, reason = line.split(",")
        return prefix, asn, state, reason
    row = json.loads(line)
    return row["prefix"], row["asn"], row["state"], row.get("reason", "")


def check_sample(side: Side, answer: bytes, media: str, routes: Routes) -> None:
    """
    Raises:
        Unequal: a single look-up says something else.
    """
    lines = answer.decode().splitlines()[media == CSV :]
    drawn = np.random.default_rng(9).choice(len(routes), min(SAMPLED, len(routes)), replace=False)
    connection = http.client.HTTPConnection("127.0.0.1", side.port)
    for row in drawn.tolist():
        prefix, asn = routes[row]
        connection.request("GET", f"/api/v1/validity/AS{asn}/{prefix}")
        one = json.loads(connection.getresponse().read())["validated_route"]
        validity = one["validity"]
        told = (*one["route"].values(), validity["state"], validity.get("reason", ""))
        answered, origin, *rest = fields(lines[row], media)
        if told != (origin, answered, *rest):
            raise Unequal(f"a look-up says {told}, the list {lines[row]}")
    connection.close()


# --------------------------------------------------------------------------------------- exchange


def exchange(
    side: Side, media: str, body: bytes, *, read_at_once: bool = True, share: float = 0.0
) -> Exchange:
    """Send a list and read its answer, both at once or one after the other."""
    with socket.create_connection(("127.0.0.1", side.port)) as connection:
        head = (
            f"POST /api/v1/validity HTTP/1.1\r\nHost: bench\r\nContent-Type: {media}\r\n"
            f"Content-Length: {len(body)}\r\nX-Answer-Share: {share}\r\n\r\n"
        )
        before = side.resident_bytes()
        cpu, began = side.cpu_seconds(), time.monotonic()
        last_in = [0.0]

        def send() -> None:
            connection.sendall(head.encode())
            view = memoryview(body)
            for at in range(0, len(view), _PIECE):
                connection.sendall(view[at : at + _PIECE])
            last_in[0] = time.monotonic() - began

        with _watched(side) as most:
            sender = threading.Thread(target=send)
            sender.start()
            if not read_at_once:
                sender.join()
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            if answer.status != 200:
                raise Unequal(f"answered {answer.status}: {answer.read(1000)!r}")
            parts = [answer.read1(_PIECE)]
            first_out = time.monotonic() - began
            while part := answer.read1(_PIECE):
                parts.append(part)
            seconds = time.monotonic() - began
            sender.join()
        return Exchange(
            b"".join(parts),
            first_out,
            last_in[0],
            seconds,
            max(side.cpu_seconds() - cpu, _TICK_SECONDS),
            most() - before,
        )


class _watched:  # noqa: N801 - used as a statement
    """The most resident memory while the block runs."""

    def __init__(self, side: Side) -> None:
        self._side, self._most = side, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Callable[[], int]:
        self._thread.start()
        return lambda: max(self._most, self._side.resident_bytes())

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._most = max(self._most, self._side.resident_bytes())
