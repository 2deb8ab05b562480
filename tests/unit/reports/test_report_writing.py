"""Scheduled reports in their folder: whole or not at all, tried again, and nobody else's."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from tests.feeds import COUNT_ALL, ROUTES, StandingFeed, make_snapshot
from tests.served import PATIENCE_SECONDS, ROOT
from validator.freshness import FAILED, SourceStatus
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.reports.writing import Basis, Schedule
from validator.settings.report import ReportSettings
from validator.snapshot import Snapshot

REPORT = ReportSettings(
    scheme="country", groups=("NL",), every="month", formats=("html", "json"), folder="out"
)


def at(day: date, snapshot: Snapshot) -> Snapshot:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return replace(snapshot, created=int(noon.timestamp()))


NOW = at(date(2026, 10, 31), make_snapshot())


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Site:
    """A history and the schedule of one report; ``out`` is where it goes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.clock = folder, folder / "out", Clock()
        self.history = folder / "history"

    def record(self, day: date, snapshot: Snapshot = NOW, *, tables: bool = True) -> None:
        write_day(at(day, snapshot), Folder(self.history), day)
        if tables:
            write_tables(at(day, snapshot), self.history, day)

    def schedule(self, *reports: ReportSettings) -> Schedule:
        feed = StandingFeed(NOW)
        past, moments = Reader(self.history), Moments(self.history, feed)
        return Schedule(
            reports or (REPORT,), self.folder, past, moments, Basis(COUNT_ALL), self.clock
        )

    @property
    def names(self) -> list[str]:
        return sorted(each.name for each in self.out.iterdir()) if self.out.exists() else []

    def wait_for(self, name: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while name not in self.names:
            assert time.monotonic() < end, f"{name} was never written"
            time.sleep(0.01)

    def report(self, name: str) -> dict[str, object]:
        found = json.loads((self.out / name).read_text())
        assert isinstance(found, dict)
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.record(date(2026, 9, 29), make_snapshot(routes=ROUTES[1:]))
    made.record(date(2026, 10, 20))
    made.record(date(2026, 10, 30))
    return made


def test_a_report_is_written_once_when_its_month_is_over(site: Site) -> None:
    schedule = site.schedule()
    assert schedule.look(NOW) == 2  # of September, as of its last recorded day
    november = at(date(2026, 11, 2), NOW)
    assert schedule.look(november) == 0  # October may still be written to
    site.record(date(2026, 11, 2))
    assert (schedule.look(november), schedule.look(november)) == (2, 0)
    assert site.names == [
        "country-NL-2026-09.html", "country-NL-2026-09.json",
        "country-NL-2026-10.html", "country-NL-2026-10.json",
    ]  # fmt: skip
    september, october = (site.report(f"country-NL-2026-{n}.json") for n in ("09", "10"))
    assert (september["day"], october["day"]) == ("2026-09-29", "2026-10-30")
    subject = october["subject"]
    assert isinstance(subject, dict)
    assert subject["since"] == "2026-09-29"
    assert (schedule.written_total, schedule.failures_total, schedule.last_error) == (4, 0, "")
    before = {each.name: each.read_bytes() for each in site.out.iterdir()}
    assert site.schedule().look(november) == 0  # after a restart too
    assert {each.name: each.read_bytes() for each in site.out.iterdir()} == before


def test_what_was_missed_is_caught_up_for_the_latest_period_alone(site: Site) -> None:
    site.record(date(2026, 11, 5), tables=False)
    site.record(date(2027, 1, 3), tables=False)
    site.record(date(2027, 2, 1), tables=False)
    assert site.schedule().look(NOW) == 0  # January's last tables may still come
    site.record(date(2027, 2, 2), tables=False)
    site.schedule().look(NOW)
    assert site.names == ["country-NL-2027-01.html", "country-NL-2027-01.json"]
    assert site.report(site.names[1])["tables"] is False


def test_a_day_with_an_input_beyond_its_time_gives_way_to_a_sound_one(site: Site) -> None:
    stale = SourceStatus("vrps", "v.json", FAILED, error="gone", since=1, stale_from=2)
    site.record(date(2026, 10, 31), replace(NOW, troubles=(stale,)))
    site.record(date(2026, 11, 1))
    site.schedule().look(NOW)
    assert site.report("country-NL-2026-10.json")["day"] == "2026-10-30"
    assert site.report("country-NL-2026-10.json")["degraded"] == []


def test_if_there_is_no_sound_day_the_report_says_so(site: Site) -> None:
    stale = SourceStatus("vrps", "v.json", FAILED, error="gone", since=1, stale_from=2)
    site.record(date(2026, 11, 30), replace(NOW, troubles=(stale,)))
    site.record(date(2026, 12, 1))
    site.schedule().look(NOW)
    report = site.report("country-NL-2026-11.json")
    assert (report["day"], report["headline"]) == ("2026-11-30", [])
    assert "v.json" in str(report["degraded"])


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit.reports.test_report_writing import NOW, Site

def half(self, content):
    with self.open("wb") as out:
        out.write(content[:len(content) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

Path.write_bytes = half
Site(Path(sys.argv[1])).schedule().look(NOW)
"""


def test_a_crash_in_the_middle_leaves_whole_files_and_is_made_good(site: Site) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _KILLED, str(site.folder)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == -signal.SIGKILL
    assert site.names == ["country-NL-2026-09.html.partial"]
    schedule = site.schedule()
    assert schedule.files() == []
    assert schedule.look(NOW) == 2
    assert site.names == ["country-NL-2026-09.html", "country-NL-2026-09.json"]
    assert (site.out / "country-NL-2026-09.html").read_text().rstrip().endswith("</html>")


@contextmanager
def a_full_disk(limit: int) -> Iterator[None]:
    """No file of this process may grow beyond a size (SIGXFSZ is ignored by Python)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_does_not_fit_is_said_and_tried_again_later(site: Site) -> None:
    schedule = site.schedule()
    with a_full_disk(2000):
        assert schedule.look(NOW) == 0
    assert site.names == []
    assert "File too large" in schedule.last_error
    assert schedule.last_error.startswith("country NL 2026-09: ")
    assert schedule.failures_total == 2
    assert schedule.look(NOW) == 0  # not at once
    site.clock.now += 1000
    assert schedule.look(NOW) == 2
    assert schedule.last_error == ""


def test_a_folder_that_is_none_is_said_and_the_service_goes_on(site: Site) -> None:
    site.out.write_text("a file in its place")
    schedule = site.schedule()
    assert schedule.look(NOW) == 0
    assert "cannot be written to: File exists" in schedule.last_error
    site.out.unlink()
    assert schedule.look(NOW) == 0
    site.clock.now += 1000
    assert schedule.look(NOW) == 2
    assert schedule.last_error == ""


def test_a_group_that_there_is_not_holds_up_no_other(site: Site) -> None:
    schedule = site.schedule(
        ReportSettings(scheme="country", groups=("XX", "NL"), every="month", formats=("md",),
                       folder="out")
    )  # fmt: skip
    assert schedule.look(NOW) == 1
    assert (schedule.look(NOW), schedule.failures_total) == (0, 0)
    assert site.names == ["country-NL-2026-09.md"]


def test_one_process_writes_at_a_time(site: Site) -> None:
    site.out.mkdir()
    handle = os.open(site.out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert site.schedule().look(NOW) == 0
    finally:
        os.close(handle)
    assert site.schedule().look(NOW) == 2


def test_old_periods_are_let_go_and_nothing_else(site: Site) -> None:
    site.out.mkdir()
    (site.out / "country-NL-2026-07.html").write_text("old")
    (site.out / "country-NL-2026-08.html").write_text("kept")
    (site.out / "notes.txt").write_text("mine")
    site.schedule(ReportSettings(
        scheme="country", groups=("NL",), every="month", formats=("html",), folder="out", keep=2
    )).look(NOW)  # fmt: skip
    assert site.names == ["country-NL-2026-08.html", "country-NL-2026-09.html", "notes.txt"]


@pytest.mark.parametrize("put", [os.symlink, lambda _, there: Path(there).mkdir()])
def test_what_is_no_plain_file_is_not_shown(site: Site, put: Callable[[str, Path], None]) -> None:
    site.out.mkdir()
    put("/etc/passwd", site.out / "country-NL-2026-08.html")
    schedule = site.schedule()
    assert schedule.files() == []
    assert schedule.find("country-NL-2026-08.html") is None


async def test_who_is_told_to_stop_begins_no_other_file_and_leaves_no_half(site: Site) -> None:
    pytest.importorskip("weasyprint")
    report = msgspec.structs.replace(REPORT, formats=("html", "pdf"))
    schedule = site.schedule(report)
    following = asyncio.create_task(schedule.follow(StandingFeed(NOW)))
    await asyncio.to_thread(site.wait_for, "country-NL-2026-09.html")
    following.cancel()  # while the PDF is laid out
    await asyncio.gather(following, return_exceptions=True)
    for thread in threading.enumerate():
        if thread.name.startswith("reports"):
            await asyncio.to_thread(thread.join)
    assert site.names == ["country-NL-2026-09.html"]
