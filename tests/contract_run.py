"""schemathesis over the whole service: its own process against a server in a thread of ours.

The server stands on a snapshot that does not change. Streams of events, which never end by
themselves, are ended a moment after they begin.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from tests.conftest import ROOT
from tests.feeds import StandingFeed
from validator import metrics
from validator.events.log import EventLog
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.records import day_of
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.reports.writing import Basis, Schedule
from validator.settings.report import ReportSettings
from validator.snapshot import Snapshot
from validator.tables.announced import AnnouncedRules
from validator.web.app import make_app
from validator.web.server import Runner
from validator.web.streams import Streams

PATIENCE_SECONDS = 1800
CHECKS = "all"
WITHOUT = "positive_data_acceptance"  # tests.contract_hooks has it, with what no schema can say


@contextmanager
def served(snapshot: Snapshot, folder: Path) -> Iterator[str]:
    """A server over ``snapshot`` with a history of two days, written to ``folder``; its URL."""
    today = day_of(snapshot.created)
    for day in (today - timedelta(days=1), today):
        write_day(snapshot, Folder(folder), day)
        write_tables(snapshot, folder, day)
    loop = asyncio.new_event_loop()
    stop, known = asyncio.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        streams = Streams(EventLog(100))
        feed = StandingFeed(snapshot)
        past, moments = Reader(folder), Moments(folder, feed)
        report = ReportSettings(scheme="rir", groups=("ripencc",), every="day", formats=("html",),
                                folder="reports")  # fmt: skip
        schedule = Schedule((report,), folder, past, moments, Basis(AnnouncedRules()))
        assert schedule.look(snapshot) == 1, schedule.last_error
        app = make_app(
            feed, metrics.build(feed), sample=snapshot.sample, streams=streams, past=past,
            moments=moments, schedule=schedule,
        )  # fmt: skip
        runner = Runner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            urls.append(f"http://{host}:{port}")
            known.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)
                streams.close()
                streams._closed = False  # for the next ones
        finally:
            await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert known.wait(60)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()


def run(url: str, folder: Path, *, phases: str, each: int, seed: int) -> tuple[int, str]:
    """Ask ``each`` operation that many questions and more; how many in all, and what failed."""
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
            *("--checks", CHECKS, "--exclude-checks", WITHOUT, "--phases", phases),
            *("--max-examples", str(each), "--seed", str(seed), "--continue-on-failure"),
            *("--request-timeout", "30", "--suppress-health-check", "all", "--no-color"),
        ],
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.contract_hooks",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    said = asked.stdout + asked.stderr
    found = re.search(r"([\d,]+) generated", said)
    count = int(found[1].replace(",", "")) if found else 0
    return count, "" if asked.returncode == 0 else said
