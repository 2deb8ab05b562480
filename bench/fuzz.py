"""``python -m bench.fuzz``: every decoder against mutated real files and sessions.

Cases are spread over worker processes. A case fails if it raises anything but our own errors, if
its message is not one plain line, if what it lets through breaks an invariant, if it takes longer
than five seconds, ends the process, or makes it much larger. Each failure is printed with what
makes it again, and its input is kept in ``bench/out``.

Exit codes: 0 no failure, 1 some, 2 usage.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.common import OUT, data_folder
from bench.fuzz_targets import LIVE_TARGETS, TARGETS, Target, seeds_of
from bench.fuzz_worker import CASE, STARTED, TARGET, Failure, Tally, make_case, work
from validator.sample import write_world

CASES, LIVE_CASES = 100_000, 500_000
HANG_SECONDS = 5.0
CHUNK = 250
_LOOK_SECONDS = 0.5

Chunk = tuple[int, int, int]
"""Index of a target, first case, one past the last."""


@dataclass(slots=True)
class _Worker:
    """One process, and what it is at."""

    process: Any
    connection: Any
    at: Any
    trace: Path
    chunk: Chunk | None = None
    ready: bool = False


@dataclass(slots=True)
class Runner:
    """All cases of some targets, on some processes."""

    targets: Sequence[Target]
    seeds: Mapping[str, Sequence[bytes]]
    seed: int
    folder: Path
    hang_seconds: float = HANG_SECONDS
    tallies: dict[str, Tally] = field(default_factory=dict)
    _context: Any = field(default_factory=lambda: multiprocessing.get_context("spawn"))

    def run(
        self,
        chunks: Sequence[Chunk],
        processes: int,
        done: Callable[[str, int], None] = lambda name, cases: None,
    ) -> dict[str, Tally]:
        """Run them; ``done`` is told of cases as they end. The tallies, by the target's name."""
        self.tallies = {target.name: Tally() for target in self.targets}
        waiting = deque(chunks)
        workers = [self._start(number) for number in range(processes)]
        try:
            while waiting or any(worker.chunk for worker in workers):
                wait([worker.connection for worker in workers], _LOOK_SECONDS)
                for number, worker in enumerate(workers):
                    tally = self._look(worker)
                    if tally is not None:
                        assert worker.chunk is not None
                        name = self.targets[worker.chunk[0]].name
                        self.tallies[name].add(tally)
                        done(name, tally.cases)
                        worker.chunk = None
                    problem = self._trouble(worker)
                    if problem:
                        done(*self._bury(worker, problem, waiting))
                        workers[number] = self._start(number)
                    elif worker.ready and worker.chunk is None and waiting:
                        worker.chunk = waiting.popleft()
                        worker.connection.send(worker.chunk)
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.join()
        return self.tallies

    def _start(self, number: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        at = self._context.Array("q", [-1, 0, 0], lock=False)
        trace = self.folder / f"trace-{number}"
        process = self._context.Process(
            target=work,
            args=(theirs, at, self.targets, self.seeds, self.seed, self.folder, trace),
            daemon=True,
        )
        process.start()
        theirs.close()
        return _Worker(process, ours, at, trace)

    def _look(self, worker: _Worker) -> Tally | None:
        """What a worker has sent, if it has."""
        try:
            if not worker.connection.poll():
                return None
            said: Tally | None = worker.connection.recv()
        except (EOFError, OSError):
            return None  # it died: _trouble says so
        worker.ready = True
        return said

    def _trouble(self, worker: _Worker) -> str:
        """Whether a worker hangs or has died."""
        if not worker.process.is_alive():
            return f"ended the process with exit code {worker.process.exitcode}"
        seconds = (time.monotonic_ns() - worker.at[STARTED]) / 1e9
        if worker.chunk and worker.at[TARGET] >= 0 and seconds > self.hang_seconds:
            os.kill(worker.process.pid, signal.SIGUSR1)  # it writes its stacks down
            time.sleep(0.3)
            return f"hangs: more than {self.hang_seconds:g} seconds"
        return ""

    def _bury(self, worker: _Worker, problem: str, waiting: deque[Chunk]) -> tuple[str, int]:
        """End a worker, record the failure, and give the rest of its chunk back."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        details = worker.trace.read_text(errors="replace") if worker.trace.exists() else ""
        if worker.chunk is None or worker.at[TARGET] < 0:
            raise RuntimeError(f"a worker without a case {problem}\n{details}")
        index, start, stop = worker.chunk
        name, case = self.targets[index].name, int(worker.at[CASE])
        failure = Failure(name, self.seed, case, problem, details)
        self.tallies[name].add(Tally(cases=1, failures=[failure]))
        # What it had done in this chunk is lost with it, and done again.
        waiting.extend(c for c in ((index, start, case), (index, case + 1, stop)) if c[1] < c[2])
        return name, 1


def chunks_of(targets: Sequence[Target], cases: int, live_cases: int = LIVE_CASES) -> list[Chunk]:
    """All cases, shared out among the targets, in an order that keeps them going side by side."""
    live = {target.name for target in LIVE_TARGETS}
    chunks = []
    for index, target in enumerate(targets):
        of = live_cases if target.name in live else cases
        count = max(1, round(of * target.share / 1000))
        chunks += [
            (at / count, (index, at, min(at + CHUNK, count))) for at in range(0, count, CHUNK)
        ]
    return [chunk for _, chunk in sorted(chunks)]


def save(failure: Failure, raw: bytes, out: Path) -> Path:
    """Keep the input of a failure, and what is known of it."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"fuzz-{failure.target}-{failure.seed}-{failure.case}"
    path.write_bytes(raw)
    path.with_name(path.name + ".txt").write_text(f"{failure.problem}\n{failure.details}")
    return path


# ---------------------------------------------------------------------------------- command line


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    targets = [*TARGETS, *LIVE_TARGETS]
    if chosen.only is not None:
        targets = [replace(target, share=1000) for target in targets if target.name == chosen.only]
    shared_memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="originsight-fuzz-", dir=shared_memory if shared_memory.is_dir() else None
    ) as temporary:
        folder = Path(temporary)
        write_world(folder / "sample")
        data = data_folder()
        if not data.is_dir():
            print("no real data here: mutating the sample world alone", flush=True)
        seeds = {target.name: seeds_of(target, data, folder / "sample") for target in targets}
        chunks = chunks_of(targets, chosen.cases, chosen.live_cases)
        if chosen.case is not None:
            chunks = [(index, chosen.case, chosen.case + 1) for index in range(len(targets))]
        runner = Runner(targets, seeds, chosen.seed, folder)
        began = time.perf_counter()
        with _progress(sum(stop - start for _, start, stop in chunks)) as done:
            tallies = runner.run(chunks, min(chosen.processes, len(chunks)), done)
        seconds = time.perf_counter() - began
    for target in targets:
        for failure in tallies[target.name].failures:
            raw = make_case(target, seeds[target.name], failure.seed, failure.case)
            print(
                f"FAILED {failure.target} seed={failure.seed} case={failure.case}: "
                f"{failure.problem}; input kept in {save(failure, raw, OUT)}"
            )
    return _report(tallies, seconds)


def _report(tallies: Mapping[str, Tally], seconds: float) -> int:
    total = Tally()
    for name, tally in tallies.items():
        print(_line(name, tally))
        total.add(tally)
    print(f"{_line('all', total)} seconds={seconds:.0f}")
    return 1 if total.failures else 0


def _line(name: str, tally: Tally) -> str:
    return (
        f"{name} cases={tally.cases} accepted={tally.accepted} refused={tally.refused} "
        f"truncated={tally.truncated} failures={len(tally.failures)}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    names = [target.name for target in (*TARGETS, *LIVE_TARGETS)]
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--cases", type=_count, default=CASES, help="of files (%(default)s)")
    parser.add_argument(
        "--live-cases", type=_count, default=LIVE_CASES, help="of BGP and BMP (%(default)s)"
    )
    parser.add_argument("--only", choices=names, help="one decoder")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (%(default)s)")
    parser.add_argument("--case", type=int, help="run this case alone, to see a failure again")
    parser.add_argument("--processes", type=_count, default=cores, help="(%(default)s)")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal, a line every ten seconds elsewhere; on stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), console=console, transient=True,
        ) as progress:  # fmt: skip
            task = progress.add_task("fuzzing", total=total)
            yield lambda name, cases: progress.update(task, advance=cases, description=name)
        return
    reached, said = 0, time.monotonic()

    def done(name: str, cases: int) -> None:
        nonlocal reached, said
        reached += cases
        if time.monotonic() - said > 10:
            said = time.monotonic()
            print(f"{reached} of {total} cases", file=sys.stderr, flush=True)

    yield done


if __name__ == "__main__":
    sys.exit(main())
