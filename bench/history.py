"""``python -m bench.history``: what questions about ten years cost, and how large years are.

80,000 networks in both families, of which 5 % change each day, and 250 countries that all do: a
network that changes gets or loses a ROA, announces or withdraws a route, of one of several sizes.
Years are made as compacted files at once; that compaction makes the same of days is shown on a
month of days, and on small worlds in the tests. Times are of a warm reader: medians, milliseconds.

Exit code 1 if a goal is missed.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from bench.common import OUT, say
from bench.history_years import SHARE, Groups, World, make_years
from validator.figures.coverage import Coverage
from validator.groupings import Attribution
from validator.history.compacting import compact
from validator.history.figure_layout import EXCLUDED
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.records import Counted, DayRecord
from validator.history.writing import write_counted
from validator.model import Family

NETWORKS = 80_000
SCHEMES = (("asn", "origin"),)


def main() -> int:
    networks = int(sys.argv[1]) if len(sys.argv) > 1 else NETWORKS
    path = OUT / f"history-{networks}"
    if not (path / "made").exists():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        dice = np.random.default_rng(1)
        world = World.make(networks, dice)
        make_years(path, world, Groups.invented(dice), 2025, dice)
        (path / "made").touch()
    reader = Reader(path)
    largest = max(each.stat().st_size for each in path.glob("year-*.parquet")) / 1e6
    say("asking")
    dice = np.random.default_rng(5)
    columns = reader.at("asn", Attribution.ORIGIN, date(2020, 1, 1)).coverage.groups
    some = iter(dice.choice(np.array(columns), 200).tolist())
    days = list(reader.days())
    any_day = iter(days[n] for n in dice.integers(0, len(days), 500).tolist())

    def trend() -> None:
        reader.series("asn", Attribution.ORIGIN, next(some), Family.IPV4)

    def ranking() -> None:
        reader.ranking("country", Attribution.ADDRESS, Family.IPV4, next(any_day))

    def movers() -> None:
        reader.movers("asn", Attribution.ORIGIN, Family.IPV4, next(any_day), next(any_day))

    def whole_day() -> None:
        reader.at("asn", Attribution.ORIGIN, next(any_day))

    met = [
        told("one network, ten years", trend, 100.0),
        told("countries ranked on a day", ranking, 20.0),
        told("biggest movers between two days", movers, 100.0),
        told("every network of a day", whole_day, None),
        line("a year of networks, MB", largest, 60.0),
    ]
    written(networks)
    return 0 if all(met) else 1


def told(what: str, work: Callable[[], None], goal: float | None) -> bool:
    for _ in range(4):
        work()
    times = []
    for _ in range(15):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return line(f"{what}, ms", statistics.median(times), goal, f"best={min(times):.3g}")


def line(what: str, value: float, goal: float | None, more: str = "") -> bool:
    met = goal is None or value <= goal
    said = "" if goal is None else f" goal=<={goal:g} {'met' if met else 'missed'}"
    print(f"history {what}: {value:.4g} {more}{said}", flush=True)
    return met


def written(networks: int) -> None:
    """A month of days written and compacted, and what is held up meanwhile."""
    path = OUT / "history-days"
    shutil.rmtree(path, ignore_errors=True)
    folder = Folder(path)
    dice = np.random.default_rng(2)
    world = World.make(networks, dice)
    day, times = date(2025, 1, 1), []
    with held_up() as lag:
        for n in range(31):
            what = _counted(world, day + timedelta(days=n))
            began = time.perf_counter()
            write_counted(what, folder)
            times.append((time.perf_counter() - began) * 1000)
            world.change(dice.choice(len(world.asn), len(world.asn) // SHARE), dice)
    size = sum(each.stat().st_size for each in path.glob("*.parquet")) / 31e6
    line("a day written, ms", statistics.median(times), None)
    line("a day, MB", size, None)
    line("interpreter held while writing, ms", lag.worst, None)
    with held_up() as lag:
        began = time.perf_counter()
        done = compact(folder, 2025, date(2025, 3, 1))
    line("a month compacted, s", time.perf_counter() - began, None, f"rows={done.rows}")
    line("interpreter held while compacting, ms", lag.worst, None)
    shutil.rmtree(path)


class held_up:  # noqa: N801 - reads as what it is used for
    """Measures, in a thread of its own, how long it is kept from running; ``worst`` in ms."""

    def __enter__(self) -> held_up:
        self.worst, self._over = 0.0, threading.Event()
        self._switch = sys.getswitchinterval()
        sys.setswitchinterval(0.001)
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        last = time.perf_counter()
        while not self._over.wait(0.002):
            now = time.perf_counter()
            self.worst = max(self.worst, (now - last - 0.002) * 1000)
            last = now

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        sys.setswitchinterval(self._switch)


def _counted(world: World, day: date) -> Counted:
    half = len(world.asn) // 2
    groups = tuple(f"AS{asn}" for asn in world.asn[:half].tolist())
    parts = {Family.IPV4: slice(0, half), Family.IPV6: slice(half, None)}
    coverage = Coverage(
        "asn",
        Attribution.ORIGIN,
        groups,
        {family: world.routes[rows].astype("u8") for family, rows in parts.items()},
        {family: world.space[rows].astype("u8") for family, rows in parts.items()},
        {family: np.zeros((half, len(EXCLUDED)), "u8") for family in parts},
    )
    record = DayRecord(day=day, created=0, schemes=SCHEMES)
    names = {"asn": lambda group: f"Network {group[2:]}"}
    return Counted(record, {("asn", Attribution.ORIGIN): coverage}, names)


if __name__ == "__main__":
    sys.exit(main())
