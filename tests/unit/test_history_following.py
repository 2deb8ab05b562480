"""History beside the running service: when it writes, what it owes, what it tidies."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.feeds import ROUTES, StandingFeed, make_snapshot
from validator.history.folder import Folder
from validator.history.following import History
from validator.history.rebuilding import rebuild
from validator.history.writing import write_day
from validator.settings.history import HistorySettings

VARIANTS = make_snapshot(routes=ROUTES[:3]), make_snapshot(routes=ROUTES[:4])


def day(number: int) -> date:
    return date(2026, 1, 1) + timedelta(days=number)


def names(folder: Folder) -> list[str]:
    return sorted(each.name for each in folder.path.glob("*.parquet"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "history")


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 1, 1, 23, 0, tzinfo=UTC))


@pytest.fixture
def history(folder: Folder, clock: Clock) -> History:
    return History(HistorySettings(folder="x", refresh_seconds=900), folder.path, clock)


def test_the_day_is_refreshed_now_and_then_and_ends_with_what_was_last(
    history: History, clock: Clock
) -> None:
    def generation(when: date) -> int:
        return history.reader.day(when).generation

    history.see(replace(VARIANTS[0], generation=1))
    clock.now += 60
    history.see(replace(VARIANTS[0], generation=2))
    assert generation(day(0)) == 1  # too early
    clock.now += 900
    history.see(replace(VARIANTS[0], generation=3))
    assert generation(day(0)) == 3
    clock.now += 60
    history.see(replace(VARIANTS[0], generation=4))
    clock.now += 3600
    history.see(replace(VARIANTS[1], generation=5))
    assert (generation(day(0)), generation(day(1))) == (4, 5)
    assert history.days_written_total == 4
    assert history.last_error == ""


def test_a_day_that_could_not_be_written_is_written_when_it_can(
    history: History, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr("validator.history.folder.durable", refuse)
        history.see(replace(VARIANTS[0], generation=1))
        assert "Read-only file system" in history.last_error
        clock.now += 7200  # the day is over
        history.see(replace(VARIANTS[1], generation=2))
        assert history.failures_total > 1
    clock.now += 900
    history.see(replace(VARIANTS[1], generation=2))
    assert list(history.reader.days()) == [day(0), day(1)]
    assert history.last_error == ""


def test_finished_days_are_compacted_and_old_years_let_go(folder: Folder, clock: Clock) -> None:
    for number in range(6):
        write_day(VARIANTS[0], folder, day(number))
    clock.now += 20 * 86_400
    settings = HistorySettings(folder="x", compact_after_days=5, keep_years=2)
    history = History(settings, folder.path, clock)
    history.see(VARIANTS[0])
    assert names(folder) == ["day-2026-01-21-1.parquet", "year-2026-1.parquet"]
    clock.now += 3 * 366 * 86_400
    history.see(VARIANTS[0])
    assert next(iter(history.reader.days())).year == 2029


def test_the_tables_of_a_day_are_written_at_first_and_seldom_and_as_it_ends(
    folder: Folder, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(HistorySettings(folder="x", tables_seconds=7200), folder.path, clock)
    clock.now -= 4 * 3600

    def see(generation: int, seconds: float, variant: int = 0) -> list[int]:
        """The generations of the days that can be rebuilt."""
        clock.now += seconds
        history.see(replace(VARIANTS[variant], generation=generation))
        return [record.generation for record in history.tables.days().values()]

    assert see(1, 0) == [1]
    assert see(2, 3600) == [1]
    assert see(3, 3600) == [3]
    assert see(4, 6000) == [3]
    assert see(5, 5000, variant=1) == [4, 5]  # a new day
    again = History(HistorySettings(folder="x"), folder.path, clock)
    again.repair()
    again.see(replace(VARIANTS[0], generation=6))
    assert [r.generation for r in again.tables.days().values()] == [4, 5]
    with monkeypatch.context() as patched:
        patched.setattr("validator.history.tables.durable", _refuse)
        assert see(7, 80_000) == [4, 5]  # too early, or refused
        assert see(8, 10_000, variant=1) == [4, 5]  # a third day
        assert "tables not written" in history.last_error
        failures = history.failures_total
        assert see(9, 60) == [4, 5]
        assert history.failures_total == failures
    assert see(10, 900) == [4, 7, 10]
    assert history.last_error == ""
    assert len(rebuild(history.tables, day(1)).routes) == 3


def test_no_tables_are_written_if_none_are_wanted(folder: Folder, clock: Clock) -> None:
    history = History(HistorySettings(folder="x", tables=False), folder.path, clock)
    history.see(VARIANTS[0])
    assert not history.tables.days()
    assert names(folder)
    assert not (folder.path / "routes").exists()


def _refuse(_: Path) -> None:
    raise OSError(28, "No space left on device")


async def test_it_follows_the_snapshot_in_force_without_holding_the_loop(
    history: History,
) -> None:
    following = asyncio.create_task(history.follow(StandingFeed(VARIANTS[0])))
    while not history.days_written_total:  # noqa: ASYNC110 - it is another thread that writes
        await asyncio.sleep(0.01)
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    assert list(history.reader.days()) == [day(0)]
