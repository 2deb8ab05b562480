"""P5: files on disk to every ASN's and every country's coverage, in a cold process on one core.

There is no peer that does this. What is measured is the whole life of a process pinned to one core
(:mod:`bench.p5_process`): the interpreter's start, imports, gzipped inputs read, tables built,
routes validated, groups counted, two CSV files written. The page cache and the compiled kernels are
warm, nothing parsed is kept between runs.

Equality: per ASN and state, the CSV equals a plain recount over the route table (whose states P1
holds against RTRlib), with the exclusions done again by other means; per country, the groups and
what was excluded add up to all routes.
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.common import (
    OUT,
    ROOT,
    ROUTES,
    NotRun,
    Unequal,
    data_folder,
    gzipped_vrps,
    real,
    real_routes,
    real_vrps,
    say,
)
from validator.model import Prefix, RouteBatch, Verdict, VrpBatch, format_asn
from validator.origin_validation import validate
from validator.tables import routes
from validator.tables.announced import SPECIAL_PURPOSE_ASNS, SPECIAL_PURPOSE_PREFIXES
from validator.tables.vrps import build_table

RUNS = 5
GOAL_SECONDS, GOAL_MEGABYTES = 3.0, 1024

States = tuple[int, int, int]
"""Valid, invalid, not found."""


@dataclass(frozen=True, slots=True)
class Run:
    """One life of the process."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    writing_cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """The line of P5: it has no peer to be a ratio of. Medians of the runs, the largest peak."""

    runs: tuple[Run, ...]

    def __str__(self) -> str:
        seconds = statistics.median(run.seconds for run in self.runs)
        cpu = statistics.median(run.cpu_seconds for run in self.runs)
        writing = statistics.median(run.writing_cpu_seconds for run in self.runs)
        peak = max(run.megabytes for run in self.runs)
        met = seconds <= GOAL_SECONDS and peak <= GOAL_MEGABYTES
        return (
            f"P5 peer=none peer_seconds=- ours_seconds={seconds:.3g} ratio=- "
            f"goal=<={GOAL_SECONDS:g}s,<={GOAL_MEGABYTES}MB {'met' if met else 'missed'} "
            f"cpu_seconds={cpu:.3g} "
            f"of_which_writing_csv={writing:.3g} peak_mb={peak:.0f}"
        )


def run() -> Iterator[Result]:
    table = real(ROUTES)
    resources = sorted((data_folder() / "registry").glob("delegated-*-extended-latest.gz"))
    if not resources:
        raise NotRun("no registry/delegated-*-extended-latest.gz in the folder of the real data")
    yield measure(gzipped_vrps(), table, resources, real_vrps(), real_routes(), OUT, RUNS)


def measure(
    vrps_file: Path,
    routes_file: Path,
    resource_files: Sequence[Path],
    vrps: VrpBatch,
    listed: RouteBatch,
    out: Path,
    runs: int,
) -> Result:
    """``vrps`` and ``listed`` are what the files hold, for the recount.

    Raises:
        Unequal: as the package says.
    """
    files = [out, vrps_file, routes_file, *resource_files]
    say("P5: comparing answers")
    _, report = cold(files)  # also warms the page cache
    compare(out, report, vrps, listed)
    say(f"P5: timing {runs} processes")
    return Result(tuple(cold(files)[0] for _ in range(runs)))


def cold(files: Sequence[Path]) -> tuple[Run, dict[str, Any]]:
    """Run the process once, on the last of the cores that we may use."""
    core = max(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "bench.p5_process", *map(str, files)]
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509 - we have no threads
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise NotRun(f"the process ended with exit code {process.returncode}")
    report = msgspec.json.decode(said, type=dict[str, Any])
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu, usage.ru_maxrss / 1024, report["writing_cpu_seconds"]), report


# -------------------------------------------------------------------------------------- equality


def compare(out: Path, report: Mapping[str, Any], vrps: VrpBatch, listed: RouteBatch) -> None:
    """
    Raises:
        Unequal: the process did not count what a plain recount counts.
    """
    expected, left_out, total = recount(vrps, listed)
    if (report["routes"], sum(report["excluded"].values())) != (total, left_out):
        raise Unequal(f"P5 excluded {report['excluded']} of {report['routes']}, not {left_out}")
    by_asn = read_states(out / "asn.csv")
    if by_asn != expected:
        group, family = next(
            key for key in by_asn.keys() | expected.keys() if by_asn.get(key) != expected.get(key)
        )
        raise Unequal(
            f"P5 counts {by_asn.get((group, family))} of {group} in {family}, "
            f"the recount {expected.get((group, family))}"
        )
    announced = [sum(states) for states in zip(*expected.values(), strict=True)]
    by_country = [sum(s) for s in zip(*read_states(out / "country.csv").values(), strict=True)]
    if by_country != announced:
        raise Unequal(f"P5's countries add up to {by_country}, not to {announced}")


def read_states(path: Path) -> dict[tuple[str, str], States]:
    """The counts of routes by (group, family)."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["group"], row["family"]): (
                int(row["routes_valid"]),
                int(row["routes_invalid"]),
                int(row["routes_not_found"]),
            )
            for row in csv.DictReader(file)
        }


def recount(vrps: VrpBatch, listed: RouteBatch) -> tuple[dict[tuple[str, str], States], int, int]:
    """Routes that count by (ASN, family); how many do not; how many there are."""
    seen = routes.see(listed)
    verdict = validate(seen, build_table([vrps]))
    state = np.select([verdict == Verdict.VALID, verdict == Verdict.NOT_FOUND], [0, 2], 1)
    counts = ~_excluded(seen)
    tally: Counter[tuple[int, int, int]] = Counter(
        zip(
            seen.origin[counts].tolist(),
            seen.prefixes.family[counts].tolist(),
            state[counts].tolist(),
            strict=True,
        )
    )
    expected = {
        (format_asn(asn), f"ipv{family}"): (
            tally[asn, family, 0],
            tally[asn, family, 1],
            tally[asn, family, 2],
        )
        for asn, family in {key[:2] for key in tally}
    }
    return expected, int(np.count_nonzero(~counts)), len(seen)


def _excluded(seen: routes.SeenRoutes) -> NDArray[np.bool_]:
    """Whether each route stays out by the default rules, tested one rule after the other."""
    at = seen.prefixes
    excluded: NDArray[np.bool_] = (at.length == 0) | (at.length > np.where(at.family == 4, 24, 48))
    for first, last in SPECIAL_PURPOSE_ASNS:
        excluded |= (seen.origin >= first) & (seen.origin <= last)
    for prefix in map(Prefix.parse, SPECIAL_PURPOSE_PREFIXES):
        shift = np.uint64(64 - prefix.length)
        inside = at.high >> shift == np.uint64(prefix.high) >> shift
        excluded |= inside & (at.family == prefix.family) & (at.length >= prefix.length)
    return excluded
