"""Years written at once are, day for day and digest for digest, what is written day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.feeds import ROUTES, make_snapshot
from validator.groupings import Attribution
from validator.history.bulk_tables import BulkTables
from validator.history.bulk_writing import Spell, write_spells
from validator.history.checking import check
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.records import counted
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.history.writing import write_day
from validator.model import Family, SourceError
from validator.snapshot import Snapshot

FIRST = date(2025, 12, 28)
VARIANTS = tuple(make_snapshot(routes=ROUTES[: 2 + n], sample=True) for n in range(4))
DAYS = {0: 0, 2: 1, 3: 1, 4: 1, 6: 1, 7: 2, 8: 3, 9: 0}
"""Which variant there was on which day: over a New Year, with a gap, and back to what was."""


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def spells() -> Iterator[Spell]:
    """A spell for each variant in turn: some have a gap inside."""
    numbers = list(DAYS)
    while numbers:
        variant = DAYS[numbers[0]]
        mine = []
        while numbers and DAYS[numbers[0]] == variant:
            mine.append(day(numbers.pop(0)))
        what = counted(VARIANTS[variant])
        records = tuple(msgspec.structs.replace(what.record, day=each) for each in mine)
        yield Spell(records, what.coverages, what.names)


def test_each_day_is_what_it_would_be_written_alone(tmp_path: Path) -> None:
    bulk, alone = Folder(tmp_path / "bulk"), Folder(tmp_path / "alone")
    done = list(write_spells(spells(), bulk))
    assert [(each.name, each.days) for each in done] == [
        ("year-2025-1.parquet", 3),
        ("year-2026-1.parquet", 5),
    ]  # fmt: skip
    for number, variant in DAYS.items():
        write_day(VARIANTS[variant], alone, day(number))
    assert bulk.held().records == alone.held().records
    assert check(bulk).problems == {}
    one, two = Reader(bulk), Reader(alone)
    for scheme, by in VARIANTS[0].coverages:
        for number in DAYS:
            mine, theirs = (each.at(str(scheme), by, day(number)) for each in (one, two))
            assert mine.coverage.groups == theirs.coverage.groups
            assert mine.names == theirs.names
    for group in ("AS64496", "AS64497", "NONE"):
        asked = "asn", Attribution.ORIGIN, group, Family.IPV4
        assert one.series(*asked) == two.series(*asked)


def test_what_did_not_change_is_one_row_however_many_days_there_are(tmp_path: Path) -> None:
    what = counted(VARIANTS[3])
    every = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    records = tuple(msgspec.structs.replace(what.record, day=each) for each in every)
    (done,) = write_spells([Spell(records, what.coverages, what.names)], Folder(tmp_path))
    assert done.days == 365
    assert done.rows == write_day(VARIANTS[3], Folder(tmp_path / "one")).rows


def test_a_year_that_has_days_already_and_a_mixture_are_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    list(write_spells(spells(), folder))
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(SourceError, match="has days of 2025 already"):
        list(write_spells(spells(), folder))
    real = counted(replace(VARIANTS[0], sample=False), date(2030, 1, 1))
    with pytest.raises(SourceError, match="do not go beside them"):
        list(write_spells([Spell((real.record,), real.coverages, real.names)], folder))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_tables_in_bulk_have_every_days_digest(tmp_path: Path) -> None:
    bulk, alone = Tables(tmp_path / "bulk"), Tables(tmp_path / "alone")
    some = (2, 3, 4, 6, 7)
    made: dict[date, Snapshot] = {day(number): VARIANTS[DAYS[number]] for number in some}
    with BulkTables(bulk) as writing:
        for when, snapshot in made.items():
            writing.add(when, snapshot)
    for when, snapshot in made.items():
        write_tables(snapshot, alone, when)
    assert list(bulk.days()) == list(made)
    for kind, folder in bulk.folders.items():
        assert folder.held().records == alone.folders[kind].held().records, kind
        assert check(folder).problems == {}, kind
        assert [str(name) for name in folder.held().files] == [
            "year-2025-1.parquet", "year-2026-1.parquet"
        ]  # fmt: skip
    with pytest.raises(SourceError, match="already"), BulkTables(bulk) as writing:
        writing.add(FIRST, VARIANTS[0])


def test_what_fails_half_way_writes_no_tables(tmp_path: Path) -> None:
    tables = Tables(tmp_path)

    def fail() -> None:
        with BulkTables(tables) as writing:
            writing.add(FIRST, VARIANTS[0])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert tables.days() == {}
