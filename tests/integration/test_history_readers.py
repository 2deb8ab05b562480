"""Other engines read the files, with the columns and the examples of docs/history.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars
import pytest

from tests.feeds import ROUTES, VRPS, make_snapshot
from validator.history.compacting import compact
from validator.history.figure_layout import COLUMNS
from validator.history.folder import Folder
from validator.history.table_layouts import FEEDS, KINDS
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.history.writing import write_day

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "history.md"
BESIDE = Path(sys.executable).parent / "duckdb"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a history of four compacted days and one that is not, and the tables of two."""
    path = tmp_path_factory.mktemp("readers")
    folder = Folder(path / "history")
    for number in range(5):
        snapshot = make_snapshot(routes=ROUTES[: 3 + number % 3])
        write_day(snapshot, folder, date(2026, 1, 1) + timedelta(days=number))
    compact(folder, 2026, today=date(2026, 1, 5))
    tables = Tables(folder.path)
    for number, vrps in enumerate((VRPS[1:], VRPS)):
        write_tables(make_snapshot(vrps=vrps), tables, date(2026, 1, 4) + timedelta(days=number))
    compact(tables.folders["routes"], 2026, today=date(2026, 1, 5))
    yield path
    shutil.rmtree(path)


def examples(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert found
    return found


def run(place: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_columns_of_the_files_are_those_documented(place: Path) -> None:
    documented = re.search(r"\| column \|.*?\n\n", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert documented is not None
    listed = [
        name
        for row in documented[0].strip().splitlines()[2:]
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    assert sorted(listed) == sorted(COLUMNS)
    for file in (place / "history").glob("*.parquet"):
        described = duckdb.sql(f"DESCRIBE SELECT * FROM '{file}'")
        assert described is not None
        found = described.fetchall()
        assert {row[0]: row[1] for row in found} == COLUMNS
        assert [row[0] for row in found] == list(COLUMNS)


def test_duckdbs_own_command_line_reads_them(place: Path) -> None:
    program = str(BESIDE) if BESIDE.exists() else "duckdb"
    origins, shares, records = examples("sql")
    lines = run(place, program, "-csv", "-c", shares).splitlines()
    assert lines[0] == "day,group_id,valid,announced"
    assert lines[1:6] == [f"2026-01-0{n},ZZ,0,{2 if n in (2, 3, 5) else 1}" for n in range(1, 6)]
    assert lines[-1] == "2026-01-05,ripencc,1,1"
    assert '""day"":""2026-01-05""' in run(place, program, "-csv", "-c", records)
    assert run(place, program, "-csv", "-c", origins).splitlines()[1:] == [
        "64496,not-found,2026-01-04,2026-01-04",
        "64496,valid,2026-01-05,2026-01-05",
    ]


def test_the_columns_of_the_tables_are_those_documented(place: Path) -> None:
    listed = re.search(r"\| kind \|.*?\n\n", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert listed is not None
    rows = [row.split("|") for row in listed[0].strip().splitlines()[2:]]
    documented = {
        row[1].strip(" `"): re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", row[3])) for row in rows
    }
    assert list(documented) == list(KINDS)
    for kind, layout in KINDS.items():
        shown = [name for name in layout.values if name not in FEEDS[1:-1]]
        assert documented[kind] == shown
        found = polars.read_parquet(place / "history" / kind / "*.parquet")
        assert found.columns == list(layout.columns)


def test_pandas_reads_them(place: Path) -> None:
    example = next(each for each in examples("python") if "pandas" in each)
    rows = [line.split()[1:] for line in run(place, sys.executable, "-c", example).splitlines()]
    assert ["NL", "1", "0", "0"] in rows
    assert ["ZZ", "0", "1", "1"] in rows


def test_polars_reads_them(place: Path) -> None:
    example = next(each for each in examples("python") if "polars" in each)
    assert "2026-01-01" in run(place, sys.executable, "-c", example)
    table = polars.read_parquet(place / "history" / "*.parquet")
    assert table.columns == list(COLUMNS)
    one = table.filter((table["group_id"] == "AS64496") & (table["family"] == 6))
    assert one["valid_space"].to_list() == [1 << 32]
    assert one["first"].to_list() == [date(2026, 1, 3)]
