"""What the disciplines share: where the data lie, how pairs are timed, how a result reads.

Absolute times on shared machines drift, so both sides are timed in turn (A B A B …) and what
counts is the median of the ratios of the pairs. A discipline first shows that both sides gave the
same answers (:class:`Unequal` otherwise); without its data or its peer it is not run at all
(:class:`NotRun`).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from collectors import route_list, vrp_export
from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions
from validator.model import RouteBatch, VrpBatch

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "bench" / "out"
VRPS = "vrps/rpkiclient_summary_20250720T100145Z.json.bz2"
ROUTES = "bgp/as-prefix_20260619.csv.gz"

Timed = Callable[[], float]
"""Does the work once and returns the seconds it took."""


class NotRun(Exception):  # noqa: N818 - named for what it tells the user
    """The data or the peer is missing. One line that says which, and the cure."""


class Unequal(Exception):  # noqa: N818
    """The two sides gave different answers. One line that says where."""


@dataclass(frozen=True, slots=True)
class Goal:
    """``at_least`` (times as fast as the peer) or at most (times the peer's time)."""

    bound: float
    at_least: bool = True

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='}{self.bound:g}"

    def met_by(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. ``pairs`` are seconds: the peer's, ours."""

    discipline: str
    peer: str
    goal: Goal
    pairs: tuple[tuple[float, float], ...]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios: peer / ours for "at least", else ours / peer."""
        return statistics.median(
            theirs / ours if self.goal.at_least else ours / theirs for theirs, ours in self.pairs
        )

    def __str__(self) -> str:
        theirs, ours = (statistics.median(side) for side in zip(*self.pairs, strict=True))
        met = "met" if self.goal.met_by(self.ratio) else "missed"
        return (
            f"{self.discipline} peer={self.peer} peer_seconds={theirs:.4g} "
            f"ours_seconds={ours:.4g} ratio={self.ratio:.3g} goal={self.goal} {met}"
        )


def alternate(peer: Timed, ours: Timed, pairs: int) -> tuple[tuple[float, float], ...]:
    """Time both in turn, the peer first."""
    return tuple((peer(), ours()) for _ in range(pairs))


def timed(work: Callable[[], object]) -> float:
    """Seconds. What the work returns is let go only after the clock has stopped."""
    began = time.perf_counter()
    kept = work()
    seconds = time.perf_counter() - began
    del kept
    return seconds


def say(text: str) -> None:
    """Progress goes to stderr; stdout holds results alone."""
    print(text, file=sys.stderr, flush=True)


# ------------------------------------------------------------------------------------------- data


def data_folder() -> Path:
    return Path(os.environ.get("ORIGINSIGHT_TEST_DATA", ROOT / ".." / "shared" / "data")).resolve()


def real(name: str) -> Path:
    """A file of the real data.

    Raises:
        NotRun: it is not there.
    """
    path = data_folder() / name
    if not path.is_file():
        raise NotRun(f"no {name} here; set ORIGINSIGHT_TEST_DATA to the folder of the real data")
    return path


@cache
def real_vrps() -> VrpBatch:
    say("reading the real VRPs")
    return vrp_export.load(_local(real(VRPS)), ReadOptions())


@cache
def real_routes() -> RouteBatch:
    say("reading the real routes")
    return route_list.load(_local(real(ROUTES)), ReadOptions())


def unpacked_vrps() -> Path:
    """The real VRP JSON, unpacked once."""
    packed = real(VRPS)
    return made_from(packed, "vrps", ".json", lambda out: out.write_bytes(_content(packed)))


def gzipped_vrps() -> Path:
    """The real VRP JSON as .json.gz, packed once."""
    packed = real(VRPS)

    def write(out: Path) -> None:
        with gzip.GzipFile(out, "wb", compresslevel=6, mtime=0) as file:
            file.write(_content(packed))

    return made_from(packed, "vrps", ".json.gz", write)


def made_from(
    source: Path, stem: str, suffix: str, write: Callable[[Path], object], folder: Path = OUT
) -> Path:
    """A file made from another one, kept under a name that says of which content."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    path = folder / f"{stem}-{digest}{suffix}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        say(f"writing {path.name} (once)")
        partial = path.with_name(path.name + ".partial")
        write(partial)
        partial.replace(path)
    return path


def _local(path: Path) -> LocalFile:
    return LocalFile(path, path.name)


def _content(path: Path) -> bytes:
    return Archive(_local(path), ReadOptions()).read()
