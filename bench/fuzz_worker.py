"""The process that runs fuzz cases: it says where it is, and what became of each.

A case is named by (target, seed, number) and follows from these alone. The process never judges
itself: a parent watches the clock and the exit code (:mod:`bench.fuzz`), so that a decoder that
hangs in compiled code or takes the interpreter with it is caught like any other.
"""

from __future__ import annotations

import faulthandler
import re
import resource
import signal
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz_invariants import check
from bench.fuzz_targets import Target
from validator.model import OriginsightError, TruncatedSource

ADDRESS_SPACE_BYTES = 1 << 30
"""Beyond what the process has once everything is imported; more ends in MemoryError."""
RESIDENT_BYTES = 1 << 28
"""By which a case may make the process larger. xz alone may use half of this."""

TARGET, CASE, STARTED = range(3)
"""What the shared numbers say: which target (-1: none), which case, since when (monotonic ns)."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that must not be: an exception that is not ours, a hang, a death, too much memory."""

    target: str
    seed: int
    case: int
    problem: str
    details: str = ""


@dataclass(slots=True)
class Tally:
    """What became of some cases of one target. ``truncated``: refused for it, or used in part."""

    cases: int = 0
    accepted: int = 0
    refused: int = 0
    truncated: int = 0
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.cases += other.cases
        self.accepted += other.accepted
        self.refused += other.refused
        self.truncated += other.truncated
        self.failures += other.failures


def make_case(target: Target, seeds: Sequence[bytes], seed: int, number: int) -> bytes:
    """The first cases are the inputs as they are."""
    if number < len(seeds):
        return seeds[number]
    rng = Random(f"{seed}/{target.name}/{number}")
    return target.mutate(rng, rng.choice(seeds), seeds)


def run_case(target: Target, raw: bytes, folder: Path, tally: Tally) -> str:
    """Run one case and count it; what is wrong with it, or an empty string.

    Raises:
        Exception: a failure: whatever the decoder or the invariants raise that is not ours.
    """
    tally.cases += 1
    try:
        batch = target.decode(raw, folder)
        check(batch)
    except OriginsightError as refusal:
        if isinstance(refusal, TruncatedSource):
            tally.truncated += 1
        else:
            tally.refused += 1
        text = str(refusal)
        if not text.isprintable() or len(text) > 2000:
            return f"a message that is not one plain line: {text[:200]!r}"
        return ""
    if getattr(getattr(batch, "report", None), "truncated", False):
        tally.truncated += 1
    else:
        tally.accepted += 1
    return ""


def run_cases(
    target: Target, seeds: Sequence[bytes], seed: int, cases: range, folder: Path, at: Any = None
) -> Tally:
    """Run some cases of one target in this process. ``at`` are the shared numbers, if any."""
    tally = Tally()
    reached = 0
    for number in cases:
        raw = make_case(target, seeds, seed, number)
        before = reached or _peak_bytes()
        if at is not None:
            at[CASE], at[STARTED] = number, time.monotonic_ns()
        try:
            problem, details = run_case(target, raw, folder, tally), ""
        except Exception as failure:  # anything at all is what we are looking for
            problem = f"{type(failure).__name__}: {failure}"[:300]
            details = traceback.format_exc()
        reached = _peak_bytes()
        grown = reached - before
        if not problem and grown > RESIDENT_BYTES:
            problem = f"made the process {grown >> 20} MiB larger"
        if problem:
            tally.failures.append(Failure(target.name, seed, number, problem, details))
    return tally


def work(
    connection: Connection,
    at: Any,
    targets: Sequence[Target],
    seeds: Mapping[str, Sequence[bytes]],
    seed: int,
    folder: Path,
    trace: Path,
) -> None:
    """Take chunks ``(index of the target, first case, one past the last)`` until None comes, and
    answer each with a :class:`Tally`. SIGUSR1 writes every thread's stack to ``trace``."""
    with trace.open("w") as file, tempfile.TemporaryDirectory(dir=folder) as scratch:
        faulthandler.enable(file)
        faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
        _limit_address_space()
        connection.send(None)  # ready
        while (chunk := connection.recv()) is not None:
            index, start, stop = chunk
            target = targets[index]
            at[CASE], at[STARTED] = start, time.monotonic_ns()
            at[TARGET] = index
            cases = range(start, stop)
            tally = run_cases(target, seeds[target.name], seed, cases, Path(scratch), at)
            at[TARGET] = -1
            connection.send(tally)


def _limit_address_space() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ADDRESS_SPACE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _peak_bytes() -> int:
    """The most that was ever resident. Not ``ru_maxrss``, which begins at our parent's."""
    found = re.search(rb"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_bytes())
    assert found is not None
    return int(found[1]) * 1024
