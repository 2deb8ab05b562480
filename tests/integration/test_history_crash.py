"""``kill -9`` while history is written and compacted: no day is torn, and none is lost.

A process that has loaded everything forks one that writes and compacts without end, kills it at a
random moment, and has another look at what is there: every file must be readable and hold exactly
what was written, every day that was said to be written must be there, its tables of all kinds must
be of one snapshot, and repair must leave nothing behind. As many times as
``ORIGINSIGHT_HISTORY_KILLS`` says; 50 of them::

    python -m tests.integration.test_history_crash FOLDER 50
"""

from __future__ import annotations

import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from tests.feeds import ROUTES, make_snapshot
from validator.figures.coverage import Coverage
from validator.groupings import Attribution
from validator.history import engine
from validator.history.checking import check
from validator.history.compacting import compact
from validator.history.folder import Folder
from validator.history.rebuilding import rebuild
from validator.history.records import Counted, DayRecord
from validator.history.table_layouts import KINDS
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.history.writing import write_counted
from validator.model import Family
from validator.snapshot import Snapshot

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST, DAYS, NETWORKS = date(2025, 1, 1), 40, 3_000
TODAY = date(2026, 1, 1)
PAIR = "asn", Attribution.ORIGIN


def world(day: date, turn: int) -> Counted:
    """Figures that tell day and turn apart, for some networks and not for others."""
    dice = np.random.default_rng(day.toordinal() * 1_000 + turn % 2)
    shape = NETWORKS, 13
    table = np.where(dice.random(shape) < 0.05, dice.integers(1, 1_000, shape), 7).astype("u8")
    routes, space, excluded = (
        {family: table[:, start:stop].copy() for family in Family}
        for start, stop in ((0, 3), (3, 8), (8, 13))
    )
    groups = tuple(f"AS{number}" for number in range(1, NETWORKS + 1))
    record = DayRecord(day=day, created=turn, schemes=(("asn", "origin"),))
    return Counted(record, {PAIR: Coverage(*PAIR, groups, routes, space, excluded)}, {})


@functools.cache
def snapshots() -> tuple[Snapshot, Snapshot]:
    """What tables are made of: with five routes, and with two."""
    return make_snapshot(), make_snapshot(routes=ROUTES[:2])


def write_for_ever(path: Path, say: int) -> NoReturn:
    """What the service does, only without a pause. ``say``: where to name the days written."""
    folder, tables = Folder(path), Tables(path)
    folder.repair()
    tables.repair()
    kinds = cycle(tables.folders.values())
    turn = time.time_ns() // 1_000_000
    while True:
        for number in range(DAYS):
            day = FIRST + timedelta(days=(turn + number) % DAYS)
            write_counted(world(day, turn), folder)
            os.write(say, f"{day}\n".encode())
            if number % 3 == 0:
                compact(folder, FIRST.year, TODAY)
            if number % 4 == 1:
                moment = replace(snapshots()[turn % 2], generation=turn, created=turn)
                write_tables(moment, tables, day)
                os.write(say, f"T{day}\n".encode())
                compact(next(kinds), FIRST.year, TODAY)
        turn += 1


def look(path: Path, acknowledged: set[str]) -> None:
    """What must hold after a kill, before and after repair."""
    found = check(Folder(path))
    assert not found.problems, found.lines
    held = Folder(path).held()
    figures = {said for said in acknowledged if said[0] != "T"}
    assert figures <= {str(day) for day in held.owner}, "a day is lost"
    Folder(path).repair()
    look_at_tables(path, {said[1:] for said in acknowledged if said[0] == "T"})
    left = {each.name for each in path.iterdir()}
    assert not [name for name in left if name.startswith(".")], left
    after = Folder(path).held()
    assert left - {"lock", *KINDS} == set(map(str, after.files)), left
    assert after.records == held.records
    assert not check(Folder(path)).problems


def look_at_tables(path: Path, acknowledged: set[str]) -> None:
    """What must hold of tables once they are repaired."""
    tables = Tables(path)
    for folder in tables.there:
        found = check(folder)
        assert not found.problems, found.lines
    tables.repair()
    days = tables.days()
    assert acknowledged <= set(map(str, days)), "a day's tables are lost"
    for folder in tables.there:
        held = folder.held()
        left = {each.name for each in folder.path.iterdir()}
        assert left - {"lock"} == set(map(str, held.files)), left
        assert set(held.owner) == set(days), folder.layout.kind
    for day in list(days)[:2]:
        rebuilt = rebuild(tables, day)
        assert len(rebuilt.routes) == (5, 2)[rebuilt.generation % 2]


def in_a_fork(work: Callable[[], None]) -> int:
    """Run in a process of its own, since DuckDB has threads and this one may not."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def main(path: Path, kills: int, seed: int) -> int:
    engine.module()
    snapshots()
    dice = random.Random(seed)
    acknowledged: set[str] = set()
    compacted = 0
    for number in range(kills):
        read, write = os.pipe()
        child = in_a_fork(functools.partial(write_for_ever, path, write))
        os.close(write)
        with open(read, "rb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor
            said = pipe.read(11)  # it has begun: from now on, any moment
            time.sleep(dice.uniform(0.0, 1.0))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            said += pipe.readall() or b""
        acknowledged |= set(said.decode().rpartition("\n")[0].split())
        looked = in_a_fork(functools.partial(look, path, acknowledged))
        if os.waitpid(looked, 0)[1] != 0:
            sys.stdout.write(f"after kill {number + 1}: see stderr\n")
            return 1
        compacted += any(each.name.startswith("year-") for each in path.iterdir())
    sys.stdout.write(f"{kills} kills, {len(acknowledged)} days, {compacted} with a whole year\n")
    return 0 if acknowledged and compacted else 1


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_kill_at_any_moment_tears_and_loses_no_day(tmp_path: Path) -> None:
    kills = os.environ.get("ORIGINSIGHT_HISTORY_KILLS", "4")
    seed = str(random.SystemRandom().randrange(1 << 30))
    done = subprocess.run(
        (sys.executable, "-m", "tests.integration.test_history_crash",
         str(tmp_path / "history"), kills, seed),
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"seed {seed}: {done.stdout}{done.stderr}"


_FAILING = """
import os, resource, signal, sys
from pathlib import Path
from tests.integration.test_history_crash import FIRST, TODAY, world
from validator.history.compacting import compact
from validator.history.folder import Folder
from validator.history.writing import write_counted
from validator.model import SourceError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Folder(Path(sys.argv[1]))
if sys.argv[2] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
elif os.geteuid() == 0:
    os.setuid(65534)
for work in (lambda: write_counted(world(TODAY, 1), folder), lambda: compact(folder, 2025, TODAY)):
    try:
        work()
    except SourceError as error:
        print(error)
    else:
        sys.exit("it did not fail")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and users as Linux has them")
@pytest.mark.parametrize(("how", "why"), [("full", "File too large"), ("other", "denied")])
def test_a_full_disk_and_a_read_only_folder_are_said_and_lose_nothing(
    tmp_path: Path, how: str, why: str
) -> None:
    path = tmp_path / "history"
    for number in range(2):
        write_counted(world(FIRST + timedelta(days=number), 1), Folder(path))
    before = {each.name: each.read_bytes() for each in path.iterdir()}
    if how == "other":
        path.chmod(0o500)
    done = subprocess.run(
        (sys.executable, "-c", _FAILING, str(path), how),
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    path.chmod(0o700)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(why) == 2
    assert done.stdout.count("what was there is kept") == 2
    assert {each.name: each.read_bytes() for each in path.iterdir()} == before


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int((*sys.argv, "1")[3])))
