"""``python -m bench.history_tables [DAYS]``: what it costs to keep a full table, so that any day of
the past can be rebuilt.

The real table is written as a day's tables and rebuilt; so many DAYS (31) of the same are then
compacted. A year is made as its compacted files at once: of routes, VRPs, sightings and adjacencies
0.5 % change each day, of resources and names 0.1 %. Sightings are told a second time with 5 %,
since on the Internet how many peers see a route changes much oftener than its state. Neighbours,
names and peers are made up: the real list of routes has none.

Exit code 1 if a goal is missed or the data are not there.
"""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np

from bench.common import OUT, NotRun, say
from bench.history import held_up, line
from bench.plan import real_snapshot
from validator.history import engine
from validator.history.compacting import compact
from validator.history.layout import FileName
from validator.history.rebuilding import Groups, differing, rebuild
from validator.history.records import DayRecord, circumstances_of, days_between, record_of
from validator.history.runs import Match, Wanted, counts, route_runs, vrp_runs
from validator.history.table_layouts import KINDS, TEXTS
from validator.history.table_writing import FILL, write_tables
from validator.history.tables import Tables
from validator.model import Peer
from validator.snapshot import Adjacencies, Snapshot
from validator.tables.rib import PeerSize

YEAR = 2025
GOAL_MB = 1000.0
SHARES = {
    "routes": 0.005, "sightings": 0.005, "vrps": 0.005, "neighbours": 0.005,
    "resources": 0.001, "names": 0.001, "peers": 1.0,
}  # fmt: skip
CHANGED = {
    "routes": "(verdict + run) % 6 AS verdict",
    "sightings": "(peers + run % 7)::USMALLINT AS peers",
    "vrps": "((asn + run) % 400000)::UINTEGER AS asn",
    "neighbours": "(neighbour + run)::UINTEGER AS neighbour",
    "resources": "(date + run)::UINTEGER AS date",
    "names": "name || repeat('.', run % 9) AS name",
    "peers": "(ipv4 + run)::UINTEGER AS ipv4",
}
"""How a row changes: a VRP or an adjacency is another one then."""


def main() -> int:
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    try:
        snapshot = peopled(real_snapshot())
    except NotRun as reason:
        print(f"history_tables not run: {reason}")
        return 1
    path = OUT / "history-tables"
    written(path / "days", snapshot, days)
    return 0 if a_year(path / "year", snapshot) else 1


def peopled(snapshot: Snapshot) -> Snapshot:
    """With neighbours of every origin, names, and 60 peers."""
    dice = np.random.default_rng(1)
    origins = np.unique(snapshot.routes.origin)
    pairs = np.unique(
        np.column_stack((np.repeat(origins, 4), dice.integers(1, 400_000, 4 * len(origins)))),
        axis=0,
    )
    peers = tuple(
        PeerSize(Peer(f"rrc{n % 20:02}", f"192.0.2.{n}", 64500 + n), 10**6, 2 * 10**5, True, True)
        for n in range(60)
    )
    names = {int(asn): f"NETWORK-{asn} Example, XX" for asn in origins if asn >= 0}
    beside = Adjacencies(np.ascontiguousarray(pairs[:, 0]), pairs[:, 1].astype("u4"))
    return replace(snapshot, adjacencies=beside, names=names, peers=peers)


def written(path: Path, snapshot: Snapshot, days: int) -> None:
    """A day written and rebuilt, and a month of it compacted."""
    shutil.rmtree(path, ignore_errors=True)
    tables, first = Tables(path), date(YEAR, 1, 1)
    with held_up() as lag:
        began = time.perf_counter()
        write_tables(snapshot, tables, first)
        spent = time.perf_counter() - began
    line("day's tables written, s", spent, None, f"routes={len(snapshot.routes)}")
    line("day's tables, MB", megabytes(path), None)
    line("interpreter held while writing, ms", lag.worst, None)
    with held_up() as lag:
        began = time.perf_counter()
        rebuilt = rebuild(tables, first, Groups.of(snapshot))
        spent = time.perf_counter() - began
    line("day rebuilt, s", spent, None, f"differing={differing(rebuilt)}")
    line("interpreter held while rebuilding, ms", lag.worst, None)
    del rebuilt
    say(f"making {days} days of it")
    for folder in tables.folders.values():
        (name,) = folder.held().files
        (record,) = folder.held().contents[name].days
        for number in range(1, days):
            day = first + timedelta(days=number)
            contents = folder.layout.contents([msgspec.structs.replace(record, day=day)])
            same = (
                f"SELECT * REPLACE (DATE '{day}' AS first, DATE '{day}' AS last) "
                f"FROM read_parquet('{folder.file(name)}')"
            )
            target = folder.file(FileName("day", str(day), 1))
            with engine.working() as connection:
                connection.execute(folder.layout.copy_to(same, target, contents))
    for folder in tables.folders.values():
        began = time.perf_counter()
        done = compact(folder, YEAR)
        spent = time.perf_counter() - began
        line(f"{days} days of {folder.layout.kind} compacted, s", spent, None, f"rows={done.rows}")
    line("most memory, MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, None)
    shutil.rmtree(path)


def a_year(path: Path, snapshot: Snapshot) -> bool:
    """A year of each kind, and a day rebuilt out of it."""
    shutil.rmtree(path, ignore_errors=True)
    tables = Tables(path)
    for kind in KINDS:
        say(f"making a year of {kind}")
        make_year(tables, kind, snapshot, SHARES[kind])
        line(f"year of {kind}, MB", megabytes(path / kind), None)
    total = megabytes(path)
    met = line("a year of tables, MB", total, GOAL_MB)
    began = time.perf_counter()
    rebuild(tables, date(YEAR, 9, 1), Groups.of(snapshot))
    line("day rebuilt out of a year, s", time.perf_counter() - began, None)
    asks: dict[str, Callable[[], object]] = {
        "VRPs of a prefix": lambda: vrp_runs(tables, Wanted(snapshot.routes.prefix(500_000)), 100),
        "VRPs that cover a prefix": lambda: vrp_runs(
            tables, Wanted(snapshot.routes.prefix(500_000), Match.COVERING), 100
        ),
        "routes of a network": lambda: route_runs(tables, Wanted(asn=3333), 100),
        "VRPs of a country, counted by day": lambda: counts(tables, "family = 4", "NL"),
    }
    for what, ask in asks.items():
        ask()
        began = time.perf_counter()
        ask()
        line(f"{what} in a year, ms", 1000 * (time.perf_counter() - began), None)
    make_year(tables, "sightings", snapshot, 0.05)
    more = megabytes(path / "sightings")
    line("year of sightings of which 5 % change a day, MB", more, None)
    shutil.rmtree(path)
    return met


def make_year(tables: Tables, kind: str, snapshot: Snapshot, share: float) -> None:
    """Runs of a year: every row has one, and another from each day on which it changes."""
    folder, layout = tables.folders[kind], KINDS[kind]
    shutil.rmtree(folder.path, ignore_errors=True)
    folder.path.mkdir(parents=True)
    days = list(days_between(date(YEAR, 1, 1), date(YEAR, 12, 31)))
    dice = np.random.default_rng(2)
    with folder.spill() as spill, engine.working(spill) as connection:
        for text in TEXTS:
            connection.execute(text)
        FILL[kind](connection, snapshot)
        ((rows,),) = connection.execute("SELECT count(*) FROM day").fetchall()
        changes = int(rows * share)
        row = np.concatenate(
            [np.arange(rows), *(dice.integers(0, rows, changes) for _ in days[1:])]
        )
        since = np.concatenate([np.zeros(rows), np.repeat(np.arange(1, len(days)), changes)])
        connection.register("changes", {"row": row, "since": since.astype("i4")})
        values = [name for name in layout.values if f" AS {name}" not in CHANGED[kind]]
        connection.execute(
            "CREATE TEMP TABLE runs AS SELECT row, since, lead(since) OVER w AS upto, "
            "row_number() OVER w - 1 AS run FROM (SELECT DISTINCT row, since FROM changes) "
            "WINDOW w AS (PARTITION BY row ORDER BY since)"
        )
        select = (
            f"SELECT {', '.join(values)}, {CHANGED[kind]}, DATE '{days[0]}' + since AS first, "
            f"DATE '{days[0]}' + coalesce(upto, {len(days)}) - 1 AS last "
            "FROM day JOIN runs ON day.rowid = row"
        )
        whole = record_of(snapshot)
        whole = DayRecord(
            day=days[0], created=whole.created, generation=whole.generation, rows=rows,
            schemes=whole.schemes,
            circumstances=circumstances_of(snapshot) if kind == "routes" else None,
        )  # fmt: skip
        contents = layout.contents(msgspec.structs.replace(whole, day=day) for day in days)
        connection.execute(
            layout.copy_to(
                f"SELECT {layout.listed} FROM ({select}) ORDER BY {layout.order}",
                folder.file(FileName("year", str(YEAR), 1)),
                contents,
            )
        )


def megabytes(path: Path) -> float:
    return sum(each.stat().st_size for each in path.rglob("*.parquet")) / 1e6


if __name__ == "__main__":
    sys.exit(main())
