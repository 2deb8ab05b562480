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
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from bench.common import OUT, say
from validator.coverage import Coverage
from validator.groupings import Attribution
from validator.history import engine
from validator.history.compacting import compact
from validator.history.figure_layout import EXCLUDED, HOLDINGS, LAYOUT, SPACES, STATES
from validator.history.folder import Folder
from validator.history.layout import FileName, quoted
from validator.history.reading import Reader
from validator.history.records import Counted, DayRecord, days_between
from validator.history.writing import write_counted
from validator.model import I8, U8, Family

EPOCH = date(1970, 1, 1)
NETWORKS, YEARS, SHARE = 80_000, 10, 20
COUNTRIES = [a + b for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXY"]
SCHEMES = (("asn", "origin"), ("country", "address"))


@dataclass
class World:
    """Networks and what they announce, by key: a network in a family."""

    asn: I8
    family: U8
    routes: I8
    """(keys, 3): valid, invalid, not-found."""
    space: I8
    """(keys, 5)."""

    @classmethod
    def make(cls, networks: int, dice: np.random.Generator) -> World:
        asn = np.sort(dice.choice(400_000, networks, replace=False)) + 1
        keys = networks * 2
        family = np.repeat(np.array([4, 6], "u8"), networks)
        announced = 60 + np.minimum(dice.zipf(1.6, keys), 3_000)
        valid = dice.binomial(announced, 0.5)
        invalid = dice.binomial(2, 0.05, keys)
        routes = np.column_stack((valid, invalid, announced - valid))
        unit = np.where(family == 4, 256, 65_536)
        v, i, n = routes[:, 0] * unit * 8, invalid * unit, routes[:, 2] * unit * 16
        space = np.column_stack((v + i + n, v + i, v, i, n))
        return cls(np.tile(asn, 2), family, routes, space)

    def change(self, keys: I8, dice: np.random.Generator) -> None:
        """A day: each of the keys gets or loses a ROA, announces or withdraws a route."""
        unit = np.where(self.family[keys] == 4, 256, 65_536).astype("i8")
        size = unit << dice.integers(0, 4, len(keys))
        kind = dice.integers(0, 4, len(keys))
        # What there is least of comes; nothing is taken away where there is nothing.
        kind[self.routes[keys, 0] < 40], kind[self.routes[keys, 2] < 30] = 0, 2
        valid = np.select([kind == 0, kind == 1], [1, -1], 0)
        unfound = np.select([kind == 0, kind == 1, kind == 2, kind == 3], [-1, 1, 1, -1])
        self.routes[keys, 0] += valid
        self.routes[keys, 2] += unfound
        self.space[keys, 0] += (valid + unfound) * size
        self.space[keys, 1] += valid * size
        self.space[keys, 2] += valid * size
        self.space[keys, 4] += unfound * size
        np.maximum(self.space, 0, out=self.space)


def main() -> int:
    networks = int(sys.argv[1]) if len(sys.argv) > 1 else NETWORKS
    path = OUT / f"history-{networks}"
    if not (path / "made").exists():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        make_years(path, networks)
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


def make_years(path: Path, networks: int) -> None:
    """Ten years, each as its compacted file."""
    dice = np.random.default_rng(1)
    world = World.make(networks, dice)
    for year in range(2016, 2016 + YEARS):
        say(f"making {year}")
        make_year(path, world, year, dice)


def make_year(path: Path, world: World, year: int, dice: np.random.Generator) -> None:
    days = list(days_between(date(year, 1, 1), date(year, 12, 31)))
    first = (days[0] - EPOCH).days
    keys = len(world.asn)
    chosen = [np.arange(keys)]
    states = [(world.routes.copy(), world.space.copy())]
    for _ in days[1:]:
        changed = dice.choice(keys, keys // SHARE, replace=False)
        world.change(changed, dice)
        chosen.append(changed)
        states.append((world.routes[changed], world.space[changed]))
    key = np.concatenate(chosen)
    begins = np.repeat(np.arange(len(days)), [len(each) for each in chosen]) + first
    order = np.lexsort((begins, key))
    key, begins = key[order], begins[order]
    routes, space = (np.concatenate([s[n] for s in states])[order] for n in (0, 1))
    ends = np.full(len(key), first + len(days) - 1)
    ends[:-1] = np.where(key[1:] == key[:-1], begins[1:] - 1, ends[:-1])
    given = {
        "asn": world.asn[key],
        "family": world.family[key],
        "first": begins.astype("i4"),
        "last": ends.astype("i4"),
        **{name: routes[:, at].astype("u4") for at, name in enumerate(STATES)},
        **{name: space[:, at].astype("u8") for at, name in enumerate(SPACES)},
    }
    count = len(COUNTRIES) * 2 * len(days)
    groups = {
        "country": np.tile(np.repeat(np.arange(len(COUNTRIES)), 2), len(days)).astype("i4"),
        "family": np.tile(np.array([4, 6], "u1"), len(COUNTRIES) * len(days)),
        "day": (np.repeat(np.arange(len(days)), len(COUNTRIES) * 2) + first).astype("i4"),
        **{name: dice.integers(0, 9_000, count).astype("u4") for name in STATES},
        **{name: dice.integers(0, 1 << 30, count).astype("u8") for name in SPACES},
    }
    name = FileName("year", str(year), 1)
    records = tuple(DayRecord(day=day, created=0, schemes=SCHEMES) for day in days)
    nothing = ", ".join(f"0::UINTEGER AS {each}" for each in EXCLUDED)
    nothing += "".join(f", NULL::UBIGINT AS {each}" for each in HOLDINGS)
    figures = ", ".join((*STATES, *SPACES))
    codes = ", ".join(map(quoted, COUNTRIES))
    with engine.working(path) as connection:
        connection.register("given", given)
        connection.register("groups", groups)
        connection.execute(
            "CREATE TEMP TABLE rows AS SELECT 'asn' AS scheme, 'origin' AS attribution, "
            "family::UTINYINT AS family, asn::UINTEGER AS asn, 'AS' || asn AS group_id, "
            "NULL::UINTEGER AS position, 'Network ' || asn AS name, "
            f"DATE '1970-01-01' + first AS first, DATE '1970-01-01' + last AS last, {figures}, "
            f"{nothing} FROM given UNION ALL SELECT 'country', 'address', family, NULL, "
            f"[{codes}][country + 1], country, 'Country ' || country, DATE '1970-01-01' + day, "
            f"DATE '1970-01-01' + day, {figures}, {nothing} FROM groups"
        )
        contents = LAYOUT.contents(records)
        select = f"SELECT {LAYOUT.listed} FROM rows ORDER BY {LAYOUT.order}"
        connection.execute(LAYOUT.copy_to(select, path / str(name), contents))


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
    record = DayRecord(day=day, created=0, schemes=SCHEMES[:1])
    names = {"asn": lambda group: f"Network {group[2:]}"}
    return Counted(record, {("asn", Attribution.ORIGIN): coverage}, names)


if __name__ == "__main__":
    sys.exit(main())
