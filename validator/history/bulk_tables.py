"""Tables of many days at once, into one file of each kind a year.

As :mod:`validator.history.bulk_writing` does for figures: days that are known in one sitting are
put together before anything is written, so that no file of a single day comes and goes. What lies
in the folders afterwards is what compaction would have made of the days.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from validator.history import engine
from validator.history.bulk_writing import commit_year
from validator.history.folder import Folder
from validator.history.layout import DAYS, Layout, quoted
from validator.history.records import DayRecord, circumstances_of, record_of
from validator.history.table_layouts import KINDS, TEXTS
from validator.history.table_writing import FILL
from validator.history.tables import Tables
from validator.snapshot import Snapshot
from validator.tables.resources import ResourceTable


class BulkTables:
    """Takes days in order, and writes each year when it is complete. Use it in ``with``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._resources = contextlib.ExitStack()
        self._records: list[DayRecord] = []
        self._latest: Snapshot | None = None

    def __enter__(self) -> Self:
        self._connection = self._resources.enter_context(engine.working())
        for text in TEXTS:
            self._connection.execute(text)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        with self._resources:
            if kind is None:
                self._flush()

    def add(self, day: date, snapshot: Snapshot) -> None:
        """Take a day, which comes after all that were taken before.

        Raises:
            SourceError: as :meth:`_flush`, if a year ends with the day before.
        """
        if self._records and self._records[-1].day.year != day.year:
            self._flush()
        for kind in KINDS:
            self._take(kind, day, snapshot)
        record = record_of(snapshot, day)
        self._records.append(
            msgspec.structs.replace(record, circumstances=circumstances_of(snapshot))
        )
        self._latest = snapshot

    def _take(self, kind: str, day: date, snapshot: Snapshot) -> None:
        run, layout = self._connection.execute, KINDS[kind]
        values = ", ".join(layout.values)
        number = day.toordinal()
        if self._latest is None:
            columns = ", ".join(f"{name} {layout.columns[name]}" for name in layout.values)
            run(f"CREATE TEMP TABLE all_{kind} (number INTEGER, {columns})")
        elif kind in _SAME and _SAME[kind](self._latest, snapshot):
            before = self._records[-1].day.toordinal()
            run(
                f"INSERT INTO all_{kind} "
                f"SELECT {number}, {values} FROM all_{kind} WHERE number = {before}"
            )
            return
        FILL[kind](self._connection, snapshot)
        run(f"INSERT INTO all_{kind} SELECT {number}, {values} FROM day")
        run("DROP TABLE day")

    def _flush(self) -> None:
        """Write the year that is complete.

        Raises:
            SourceError: it cannot be written, or the folder has tables of the year already, or
                what must not be mixed with it.
        """
        records, self._records, self._latest = self._records, [], None
        if not records:
            return
        routes, *_ = KINDS
        with self._tables.locked():
            for kind, folder in self._tables.folders.items():
                mine = records if kind == routes else list(map(_bare, records))
                _write(self._connection, kind, folder, mine)
                self._connection.execute(f"DROP TABLE all_{kind}")


def _write(
    connection: engine.Connection, kind: str, folder: Folder, records: list[DayRecord]
) -> None:
    def write(runs: Path) -> None:
        connection.execute(
            f"COPY ({_runs(folder.layout, f'all_{kind}')}) TO {quoted(str(runs))} "
            "(FORMAT parquet, COMPRESSION lz4_raw)"
        )

    commit_year(connection, folder, records, write)


def _runs(layout: Layout, table: str) -> str:
    """SQL: the rows of all days, days in a row on which a row was the same made one."""
    values = ", ".join(layout.values)
    day = "DATE '0001-01-01' + ({} - 1)::INTEGER"
    first, last = (f"{day.format(name)} AS {name}" for name in DAYS)
    listed = ", ".join({"first": first, "last": last}.get(name, name) for name in layout.columns)
    return f"""
        WITH spans AS (
            SELECT {values}, min(number) AS a, max(number) AS b, count(*) AS n, list(number) AS l
            FROM {table} GROUP BY {values}
        ), broken AS (
            SELECT {values}, unnest(l) AS number FROM spans WHERE b - a + 1 <> n
        ), islands AS (
            SELECT *, number - row_number() OVER (PARTITION BY {values} ORDER BY number) AS island
            FROM broken
        ), runs AS (
            SELECT {values}, a AS first, b AS last FROM spans WHERE b - a + 1 = n
            UNION ALL
            SELECT {values}, min(number), max(number) FROM islands GROUP BY {values}, island
        )
        SELECT {listed} FROM runs ORDER BY {layout.order}"""


def _bare(record: DayRecord) -> DayRecord:
    """What the files of other kinds than routes say of a day."""
    return DayRecord(
        day=record.day, created=record.created, generation=record.generation, sample=record.sample
    )


def _same_resources(before: Snapshot, after: Snapshot) -> bool:
    one, other = before.resources, after.resources
    return one is other or (
        (one.registries, one.countries, one.holders)
        == (other.registries, other.countries, other.holders)
        and all(np.array_equal(a, b) for a, b in zip(_columns(one), _columns(other), strict=True))
    )


def _columns(table: ResourceTable) -> list[NDArray[Any]]:
    names = ("first", "status", "registry", "pool", "country", "holder", "date")
    return [getattr(ranges, n) for ranges in (table.ipv4, table.ipv6, table.asn) for n in names]


_SAME: Mapping[str, Callable[[Snapshot, Snapshot], bool]] = {
    "names": lambda before, after: before.names == after.names,
    "resources": _same_resources,
}
"""Kinds that seldom change, and how to see that one has not."""
