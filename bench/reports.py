"""``python -m bench.reports``: pages and PDFs are made while the service answers.

A service over the real table with ten years of history is asked some two hundred times a second by
another process. (Without pause, asking and answering would take two processors to themselves, and
whatever gives way to them would wait.) Meanwhile, in turn: PDF reports of a country and of the
least developed countries are asked for, as of snapshots that nothing was kept of; then a hundred
pages of networks and countries. Of each is said how long it took, how late the event loop's own
clock was at worst, how much memory the process took, and what became of the answers. First it is
made sure that a report says what the API says.

Exit code 1 if the event loop was held beyond the goal, a PDF took longer than its goal, or a report
says something else.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import aiohttp
from aiohttp import web

from bench.common import NotRun, Unequal, say
from bench.history_beside import measured, question
from bench.metrics_cost import _SWITCH_SECONDS, ask, real_snapshot
from bench.pages import years_of
from tests.feeds import StandingFeed
from validator import metrics
from validator.groupings import Scheme
from validator.history.reading import Reader
from validator.priority import give_way
from validator.snapshot import Snapshot
from validator.web.app import make_app

GOAL_SECONDS, PAUSE_SECONDS = 10.0, 0.004
_REPORTS = {"country/KE": "Kenya", "ldc/ldc": "Least developed countries"}
_PAGES = 50


async def run() -> AsyncIterator[str]:
    sys.setswitchinterval(_SWITCH_SECONDS)  # as the service does
    asyncio.get_running_loop().set_default_executor(
        ThreadPoolExecutor(thread_name_prefix="work", initializer=give_way)
    )
    snapshot = await asyncio.to_thread(real_snapshot)
    feed = StandingFeed(snapshot)
    reader = Reader(await asyncio.to_thread(years_of, snapshot))
    await asyncio.to_thread(reader.days)
    app = make_app(feed, metrics.build(feed), sample=False, past=reader)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host = "{}:{}".format(*runner.addresses[0][:2])
    asked = question(snapshot)
    await ask(host, 3, asked)
    gc.collect()
    gc.freeze()
    async with aiohttp.ClientSession(f"http://{host}") as client:
        await _verify(client)
        yield await measured("idle", lambda: asyncio.sleep(3), host, asked, PAUSE_SECONDS)
        for number, (path, name) in enumerate(_REPORTS.items(), 1):
            feed.snapshot = replace(snapshot, generation=snapshot.generation + number)
            took: list[float] = []
            work = _get(client, f"{path}?format=pdf", took)
            told = await measured(f"PDF of {name}", work, host, asked, PAUSE_SECONDS)
            seconds = took[0]
            met = "met" if seconds <= GOAL_SECONDS else "missed"
            yield f"{told} pdf_seconds={seconds:.3g} goal=<={GOAL_SECONDS:g} {met}"
        networks = [f"/asn/{each}" for each in _groups(snapshot, Scheme.ASN)]
        countries = [f"/country/{each}" for each in _groups(snapshot, Scheme.COUNTRY)]
        pages = [*networks, *countries]
        work = _pages(client, pages)
        yield await measured(f"{len(pages)} pages", work, host, asked, PAUSE_SECONDS)
    await runner.cleanup()


def _get(
    client: aiohttp.ClientSession, path: str, took: list[float]
) -> Callable[[], Awaitable[object]]:
    async def get() -> None:
        began = time.perf_counter()
        async with client.get(f"/api/v1/report/{path}") as answer:
            content = await answer.read()
            if answer.status != 200 or not content.startswith(b"%PDF"):
                raise NotRun(f"{path}: {answer.status} {content[:200]!r}")
        took.append(time.perf_counter() - began)

    return get


def _pages(client: aiohttp.ClientSession, paths: list[str]) -> Callable[[], Awaitable[object]]:
    async def get() -> None:
        for path in paths:
            async with client.get(path) as answer:
                await answer.read()
                if answer.status != 200:
                    raise NotRun(f"{path}: {answer.status}")

    return get


def _groups(snapshot: Snapshot, scheme: Scheme) -> tuple[str, ...]:
    coverage = next(its for (name, _), its in snapshot.coverages.items() if name == scheme)
    return coverage.groups[1 : _PAGES + 1]


async def _verify(client: aiohttp.ClientSession) -> None:
    for path in _REPORTS:
        async with client.get(f"/api/v1/report/{path}?format=json") as answer:
            figures = (await answer.json())["figures"]
        async with client.get(f"/api/v1/coverage/{path}") as answer:
            families = (await answer.json())["families"]
        for each in figures:
            if each["id"] in ("valid_share", "coverage", "accuracy"):
                theirs = families[each["family"]]["figures"][each["id"]]
                if each["value"] != theirs:
                    raise Unequal(f"{path} {each['id']}: {each['value']} and {theirs}")


def main() -> int:
    async def shown() -> bool:
        missed = False
        async for each in run():
            print(each, flush=True)
            missed |= "missed" in each
        return missed

    try:
        return int(asyncio.run(shown()))
    except (NotRun, Unequal) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
