"""``python -m bench.history_beside``: history is written while the service answers.

A service over the real table is asked without pause by another process. Meanwhile, in turn: the
day's figures and tables are written by the very object that does it in the service; the sample's
years are written (they take a process of their own, as in ``make sample``, on the same processors);
figures and tables of some days are compacted; a past day is rebuilt and asked for. Of each is said
how late the event loop's own clock was at worst, how much memory the process took beyond what it
had, and what became of the answers. First it is made sure that what was written comes out again.

Exit code 1 if the event loop was held beyond the goal, or an answer was not as it should be.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

from aiohttp import web

from bench.common import ROOT, NotRun, Unequal, say
from bench.metrics_cost import _SWITCH_SECONDS, ask, real_snapshot, watching
from tests.feeds import StandingFeed
from validator import metrics
from validator.history.compacting import compact
from validator.history.following import History
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.records import day_of
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.priority import give_way
from validator.settings.history import HistorySettings
from validator.snapshot import Snapshot
from validator.web.app import make_app

GOAL_HELD_MS, GOAL_MEGABYTES = 20, 1500
YEARS = 20
_DAYS = 3
"""Copies of the day that are compacted."""


async def run() -> AsyncIterator[str]:
    sys.setswitchinterval(_SWITCH_SECONDS)  # as the service does
    snapshot = await asyncio.to_thread(real_snapshot)
    today = day_of(snapshot.created)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "history"
        feed = StandingFeed(snapshot)
        moments = Moments(path, feed)
        app = make_app(feed, metrics.build(feed), sample=False, past=Reader(path), moments=moments)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host = "{}:{}".format(*runner.addresses[0][:2])
        history = History(HistorySettings(folder=str(path)), path)
        worker = ThreadPoolExecutor(1, "history", initializer=give_way)
        loop = asyncio.get_running_loop()

        def beside(work: Callable[..., object], *given: object) -> Callable[[], Awaitable[object]]:
            return lambda: loop.run_in_executor(worker, work, *given)

        asked = question(snapshot)
        await ask(host, 3, asked)
        gc.collect()
        gc.freeze()
        yield await measured("idle", lambda: asyncio.sleep(3), host, asked)
        yield await measured("a day written", beside(history.see, snapshot), host, asked)
        if history.last_error:
            raise NotRun(history.last_error)
        same = await asyncio.to_thread(moments.at, today)
        if (same.routes.verdict != snapshot.routes.verdict).any():
            raise Unequal("the day that was rebuilt is not the one that was written")
        for back in range(1, _DAYS):
            await beside(_again, history, snapshot, today - timedelta(days=back))()
        yield await measured("days compacted", beside(_compact, history, today.year), host, asked)
        old = f"{asked}?at={today - timedelta(days=1)}"
        yield await measured("a past day rebuilt", lambda: ask(host, 1, old), host, asked)
        yield await measured(f"{YEARS} sample years", _sample(Path(place)), host, asked)
        worker.shutdown()
        await runner.cleanup()


async def measured(
    what: str, work: Callable[[], Awaitable[object]], host: str, asked: str,
    pause_seconds: float = 0.0,
) -> str:  # fmt: skip
    """One line; ``goal`` is of the event loop, and of memory. Between two questions there may be a
    pause."""
    over = asyncio.Event()
    answers: list[float] = []

    async def keep_asking() -> None:
        while not over.is_set():
            took, _ = await ask(host, 200, asked, pause_seconds=pause_seconds)
            answers.extend(took)

    before = await asyncio.to_thread(_begin_anew)
    asking = asyncio.create_task(keep_asking())
    await asyncio.sleep(0.3)
    with watching() as held:
        began = time.perf_counter()
        await work()
        seconds = time.perf_counter() - began
    over.set()
    await asking
    grown, kept = _memory("VmHWM") - before, held.seconds * 1e3
    met = "met" if kept <= GOAL_HELD_MS and grown <= GOAL_MEGABYTES else "missed"
    late = sorted(answers)[int(0.99 * len(answers))] * 1e3
    return (
        f"{what}: seconds={seconds:.3g} loop_held_ms={kept:.3g} goal=<={GOAL_HELD_MS} "
        f"grown_mb={grown:.0f} goal=<={GOAL_MEGABYTES} answers={len(answers)} "
        f"answer_p99_ms={late:.3g} {met}"
    )


def question(snapshot: Snapshot) -> str:
    route = snapshot.routes[len(snapshot.routes) // 3]
    return f"/api/v1/validity/AS{max(route.origin, 0)}/{route.prefix}"


def _again(history: History, snapshot: Snapshot, day: date) -> None:
    write_day(snapshot, history.folder, day)
    write_tables(snapshot, history.tables, day)


def _compact(history: History, year: int) -> None:
    for folder in (history.folder, *history.tables.folders.values()):
        compact(folder, year)


def _sample(place: Path) -> Callable[[], Awaitable[object]]:
    async def write() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "validator.sample", str(place / "sample"),
            "--history", str(place / "sample-history"), cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL, preexec_fn=give_way,
        )  # fmt: skip
        if await process.wait():
            raise NotRun("the sample's history was not written")
        shutil.rmtree(place / "sample-history")

    return write


def _begin_anew() -> float:
    """What the process has in memory, in MB; from here on the most that it has is counted anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(field: str) -> float:
    """A line of the process's status, in MB: ``VmRSS``, what it has; ``VmHWM``, the most it had."""
    status = Path("/proc/self/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def main() -> int:
    async def shown() -> bool:
        missed = False
        async for each in run():
            print(each, flush=True)
            missed |= each.endswith("missed")
        return missed

    try:
        return int(asyncio.run(shown()))
    except (NotRun, Unequal) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
