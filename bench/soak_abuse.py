"""``python -m bench.soak_abuse``: what mean and broken clients do, and what others notice of it.

The service runs as a process of its own over a small table, and a process of clients asks it for
the validity of a route a hundred times a second. By turns nothing else happens, or a third process
does one of these: 200 connections that dribble headers, bodies of 100 MB, endless headers, path
tricks, bodies of the wrong type, token guessing, and 10,000 event streams that nobody reads. The
99th percentile of what the clients wait is compared with that of the quiet turns of the same run.

Each claim is a line on stdout. Exit codes: 0 all are met, 1 some are not, 2 usage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bench.common import OUT, ROOT, say
from bench.soak_processes import Broken, Service
from bench.soak_report import Claim, Report

P99_RATIO = 2.0
STREAMS = 10_000
_DRIBBLERS = 200
_AT_ONCE = 10
_BODY_BYTES = 100_000_000
_QUESTIONS_PER_SECOND = 100
_ASKERS = 8
_HEAD_SECONDS, _SLACK_SECONDS = 15.0, 4.0
_GROWTH_BYTES = 700e6
_ROUTE = "/api/v1/validity/AS64496/192.0.2.0/24"
_START = f"GET {_ROUTE} HTTP/1.1\r\nHost: abuse\r\n".encode()
_ALLOWED_IN_LOG = ("listening", "stopping", "snapshot", "published", "READY", "reload", "/")

Seen = Counter[str]
Attack = Callable[[str, float], Awaitable[Seen]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One attack, or none, and when."""

    name: str
    began: float
    ended: float
    seen: Seen


# -------------------------------------------------------------------------------------- the attacks


async def _raw(url: str, sent: bytes) -> str:
    """The status that the server answers with before it hangs up; ``hung up`` if with none."""
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(sent)
            line = await asyncio.wait_for(reader.readline(), 60)
            return line.split()[1].decode() if line else "hung up"
        finally:
            writer.close()
    except TimeoutError:
        return "no answer"
    except (OSError, IndexError):
        return "hung up"


async def _paced(url: str, until: float, per_second: int, requests: list[bytes]) -> Seen:
    """These requests, one after another at a rate, each on a connection of its own."""
    seen: Seen = Counter()
    due, number = time.monotonic(), 0
    while due < until:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        seen[await _raw(url, requests[number % len(requests)])] += 1
        number += 1
        due = max(due + 1 / per_second, time.monotonic() - 1)
    return seen


async def dribblers(url: str, until: float) -> Seen:
    """Headers that never end, a byte a second."""
    seen: Seen = Counter()
    parts = urlsplit(url)

    async def one() -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            with contextlib.suppress(OSError):
                writer.write(_START + b"X-Slow: ")
                while time.monotonic() < until:
                    try:
                        await asyncio.wait_for(reader.read(), 1)
                    except TimeoutError:
                        writer.write(b"a")
                        continue
                    held = time.monotonic() - began
                    late = held > _HEAD_SECONDS + _SLACK_SECONDS
                    seen["held too long" if late else "cut off"] += 1
                    break
            if time.monotonic() - began > _HEAD_SECONDS + _SLACK_SECONDS:
                seen["held too long"] += 1
            writer.close()

    await asyncio.gather(*(one() for _ in range(_DRIBBLERS)))
    return seen


async def large_bodies(url: str, until: float) -> Seen:
    """100 MB where there is no list, where a list may be, and where it is longer than it says."""
    seen: Seen = Counter()

    async def pieces() -> Any:
        yield b'{"routes": ['
        for _ in range(_BODY_BYTES // 65536):
            yield b" " * 65536

    async with aiohttp.ClientSession(url) as session:
        while time.monotonic() < until:
            for method, path in (
                ("POST", "/api/v1/what-if"),
                ("GET", "/status"),
                ("POST", "/nothing"),
                ("POST", "/validity"),
            ):
                try:
                    async with session.request(method, path, data=pieces()) as answer:
                        seen[str(answer.status)] += 1
                except (aiohttp.ClientError, OSError):
                    seen["hung up"] += 1
                if time.monotonic() > until:
                    break
    return seen


async def header_bombs(url: str, until: float) -> Seen:
    bombs = [
        _START + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        _START + b"".join(b"X-%d: a\r\n" % number for number in range(5_000)) + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        _START + b"X\0: a\r\n\r\n",
    ]
    return await _paced(url, until, 20, bombs)


async def path_tricks(url: str, until: float) -> Seen:
    paths = (
        "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/docs/..%2f..%2fetc/passwd", "/%00",
        "/%c0%ae%c0%ae/etc/passwd", "//etc/passwd", "/" + "a/" * 3000,
        "/api/v1/validity/AS1/..%2f..%2fetc%2fpasswd", "/api/v1/asn/%ff%fe",
    )  # fmt: skip
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode() for path in paths
    ]
    return await _paced(url, until, 50, requests)


async def wrong_types(url: str, until: float) -> Seen:
    requests = [
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n"
        f"Content-Length: 64\r\n\r\n".encode()
        + b"\x89PNG" * 16
        for path in ("/validity", "/api/v1/validity", "/api/v1/what-if")
        for kind in ("image/png", "multipart/form-data; boundary=x", "text/csv", "nonsense")
    ]
    return await _paced(url, until, 50, requests)


async def token_guesses(url: str, until: float) -> Seen:
    requests = [
        _START + b"Connection: close\r\nX-Forwarded-For: 203.0.113.7\r\n"
        b"Authorization: Bearer guess-%d\r\n\r\n" % number
        for number in range(1000)
    ]
    return await _paced(url, until, 50, requests)


async def idle_streams(url: str, until: float) -> Seen:
    """As many event streams as there may be, opened over half of the time, and never read."""
    seen: Seen = Counter()
    parts = urlsplit(url)
    writers = []
    began = time.monotonic()
    pause = (until - began) / 2 / (STREAMS / _AT_ONCE)
    request = b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"

    async def one() -> None:
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1024)
            writers.append(writer)
            writer.write(request)
            line = await asyncio.wait_for(reader.readline(), 60)
            seen[line.split()[1].decode()] += 1
        except (OSError, TimeoutError, IndexError):
            seen["hung up"] += 1

    for number in range(STREAMS // _AT_ONCE):
        await asyncio.gather(*(one() for _ in range(_AT_ONCE)))
        await asyncio.sleep(max(0.0, began + number * pause - time.monotonic()))
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    for number, writer in enumerate(writers):
        writer.transport.abort()
        if number % 100 == 0:
            await asyncio.sleep(0.05)  # that all go at once is another matter
    return seen


ATTACKS: dict[str, tuple[Attack, frozenset[str]]] = {
    "dribbling": (dribblers, frozenset({"cut off"})),
    "large_bodies": (large_bodies, frozenset({"200", "400", "404", "411", "413", "hung up"})),
    "header_bombs": (header_bombs, frozenset({"400", "431", "hung up"})),
    "path_tricks": (path_tricks, frozenset({"400", "404"})),
    "wrong_types": (wrong_types, frozenset({"200", "400", "415"})),
    "token_guesses": (token_guesses, frozenset({"401", "429"})),
    "idle_streams": (idle_streams, frozenset({"200"})),
}
"""What is done, and how it may be answered."""


def attack(url: str, line: Connection) -> None:
    """The process of the mean: does what it is told until it is told nothing more."""
    while (order := line.recv()) is not None:
        name, until = order
        line.send(asyncio.run(ATTACKS[name][0](url, until)))  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------- the others


def ask(url: str, line: Connection) -> None:
    """The process of the others: asks until it is told to stop; then when and how long each took,
    counted from when it was due."""
    line.send(asyncio.run(_ask(url, line)))


async def _ask(url: str, line: Connection) -> tuple[list[tuple[float, float]], int]:
    took: list[tuple[float, float]] = []
    faults = 0
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(line.fileno(), over.set)

    async def one(session: aiohttp.ClientSession, due: float) -> None:
        nonlocal faults
        while not over.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            try:
                async with session.get(_ROUTE) as answer:
                    faults += b'"valid"' not in await answer.read()
            except (aiohttp.ClientError, OSError, TimeoutError):
                faults += 1
            took.append((due, time.monotonic() - due))
            due += _ASKERS / _QUESTIONS_PER_SECOND

    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        began = time.monotonic()
        await asyncio.gather(
            *(one(session, began + n / _QUESTIONS_PER_SECOND) for n in range(_ASKERS))
        )
    return took, faults


# ---------------------------------------------------------------------------------------- together


class _Abused(Service):
    """The service over one route, started as for the soak."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log, self.url = folder, folder / "service.log", ""
        (folder / "vrps.json").write_text(
            '{"metadata":{"buildtime":"2026-01-01T00:00:00Z"},'
            '"roas":[{"asn":64496,"prefix":"192.0.2.0/24","maxLength":24,"ta":"soak"}]}'
        )
        (folder / "routes.csv").write_text("prefix,origin\n192.0.2.0/24,64496\n")
        config = folder / "config.toml"
        config.write_text(
            'cache = "cache"\nreload_seconds = 86400\n'
            '[[vrps]]\nsource = "vrps.json"\n[[routes]]\nsource = "routes.csv"\n'
            "[announced]\nspecial_purpose_prefixes = []\nspecial_purpose_asns = []\n"
            '[http]\nanonymous = "read"\ntrusted_proxies = ["127.0.0.0/8"]\n'
            f"head_seconds = {_HEAD_SECONDS}\n"
            f'[[http.tokens]]\nname = "soak"\nsha256 = "{"0" * 64}"\n'
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.soak_service", str(config), str(folder)],
                cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        self.pid = self._process.pid

    @property
    def rss(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

    def log_lines(self) -> Iterator[str]:
        return iter(self._log.read_text(errors="replace").splitlines())


def run(seconds: float, folder: Path, only: list[str] | None = None) -> Report:
    """All attacks, with a quiet turn before, between and after.

    Raises:
        Broken: a process ended before its time.
    """
    context = multiprocessing.get_context("spawn")
    names = only or list(ATTACKS)
    each = seconds / (2 * len(names) + 1)
    service = _Abused(folder)
    turns: list[Turn] = []
    with contextlib.ExitStack() as stack:
        stack.callback(service.end)
        service.wait_until_ready()
        lines = []
        for work in (ask, attack):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(service.url, theirs), daemon=True)
            process.start()
            stack.callback(process.kill)
            lines.append(ours)
        asker, attacker = lines
        time.sleep(2)  # until both run
        before, most = service.rss, 0.0
        for name in ["", *(part for each_name in names for part in (each_name, ""))]:
            began = time.monotonic()
            seen: Seen = Counter()
            # Dribblers are to meet the limit, and streams are to be open for a while.
            lasts = max(each, _HEAD_SECONDS + 10) if name in ("dribbling", "idle_streams") else each
            say(f"{name or 'quiet'} for {lasts:.0f} s")
            if name:
                attacker.send((name, began + lasts))
                while not attacker.poll(0.5):
                    service.check()
                    most = max(most, service.rss)
                seen = attacker.recv()
            else:
                time.sleep(lasts)
            turns.append(Turn(name, began, time.monotonic(), seen))
            time.sleep(1)  # what was begun ends
        attacker.send(None)
        asker.send(None)
        took, faults = asker.recv()
        service.stop()
    return _report(turns, took, faults, most - before, list(service.log_lines()))


def _report(
    turns: list[Turn],
    took: list[tuple[float, float]],
    faults: int,
    growth: float,
    log: list[str],
) -> Report:
    quiet = _p99(took, [turn for turn in turns if not turn.name])
    claims = []
    for turn in turns:
        if not turn.name:
            continue
        p99 = _p99(took, [turn])
        ratio = p99 / quiet
        claims.append(
            Claim(
                f"abuse_{turn.name}_p99",
                f"{p99 * 1000:.2f}ms",
                f"<={P99_RATIO:g}x of {quiet * 1000:.2f}ms quiet ({ratio:.2f}x)",
                ratio <= P99_RATIO,
            )
        )
        wrong = {
            status: n for status, n in turn.seen.items() if status not in ATTACKS[turn.name][1]
        }
        said = ",".join(f"{status}:{count}" for status, count in sorted(turn.seen.items()))
        claims.append(
            Claim(
                f"abuse_{turn.name}_answers",
                said.replace(" ", "_") or "none",
                "only_" + "/".join(sorted(ATTACKS[turn.name][1])).replace(" ", "_"),
                not wrong and bool(turn.seen),
            )
        )
    strange = [line for line in log if not any(word in line for word in _ALLOWED_IN_LOG)]
    claims += [
        Claim("abuse_faults_of_others", str(faults), "0", faults == 0),
        Claim("abuse_log_lines_strange", str(len(strange)), "0", not strange),
        Claim(
            "abuse_rss_growth",
            f"{growth / 1e6:.0f}MB",
            f"<={_GROWTH_BYTES / 1e6:.0f}MB",
            growth <= _GROWTH_BYTES,
        ),
    ]
    return Report(tuple(claims), tuple(strange[:5]))


def _p99(took: list[tuple[float, float]], turns: list[Turn]) -> float:
    within = sorted(
        seconds for due, seconds in took if any(t.began <= due < t.ended for t in turns)
    )
    if not within:
        raise Broken("the clients asked nothing in a turn: it was too short")
    return within[int(len(within) * 0.99)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak_abuse", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=float, default=300.0, help="in all (%(default)s)")
    parser.add_argument("--only", action="append", choices=list(ATTACKS), help="may repeat")
    given = parser.parse_args(arguments)
    if given.seconds < 1:
        parser.error("--seconds: at least 1")
    folder = OUT / "soak_abuse"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        result = run(given.seconds, folder, given.only)
    except Broken as problem:
        print(f"soak broken: {problem}")
        return 1
    except KeyboardInterrupt:
        return 130
    print(result)
    return 0 if result.met else 1


if __name__ == "__main__":
    sys.exit(main())
