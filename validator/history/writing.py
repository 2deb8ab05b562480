"""One day's figures into a file of their own."""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from validator.figures.coverage import Coverage
from validator.groupings import Scheme
from validator.history import engine
from validator.history.figure_layout import (
    COUNTED,
    EXCLUDED,
    HOLDINGS,
    LAYOUT,
    SPACES,
    STATES,
)
from validator.history.folder import Folder
from validator.history.layout import Layout, digest_text, quoted
from validator.history.records import Counted, DayRecord, counted
from validator.model import NO_ORIGIN, Family, SourceError
from validator.snapshot import Snapshot

Table = dict[str, NDArray[Any]]


def write_day(snapshot: Snapshot, folder: Folder, day: date | None = None) -> DayRecord:
    """Write a snapshot's figures as those of its day (UTC), instead of what the day had.

    Raises:
        SourceError: it cannot be written, or the folder holds what must not be mixed with it.
    """
    return write_counted(counted(snapshot, day), folder)


def write_counted(what: Counted, folder: Folder) -> DayRecord:
    """As :func:`write_day`, of what was kept of a snapshot."""
    with folder.locked(), engine.working() as connection:
        held = folder.held()
        refuse_mixture(held.records.values(), what.record, folder.path)
        with engine.writing(folder.path):
            _create(connection)
            for (scheme, attribution), coverage in what.coverages.items():
                namer = what.names.get(scheme, lambda _: "")
                _insert(connection, coverage, str(scheme), str(attribution), namer)
            record = settled(connection, LAYOUT, what.record)
        copy = f"SELECT {LAYOUT.on_day(record.day)} FROM day ORDER BY {LAYOUT.order}"
        contents = LAYOUT.contents([record])
        period = record.day.isoformat()
        with engine.writing(folder.path):
            name = folder.next_edition("day", period)
        older = [
            each for each in folder.held().files if (each.kind, each.period) == ("day", period)
        ]
        folder.commit(
            name, lambda path: _run(connection, LAYOUT.copy_to(copy, path, contents)), older
        )
        return record


def refuse_mixture(known: Any, record: DayRecord, path: Path) -> None:
    """A sample is never written beside the Internet.

    Raises:
        SourceError: it would be.
    """
    other = next((each for each in known if each.sample != record.sample), None)
    if other is not None:
        kinds = ("real figures", "a sample's")
        raise SourceError(
            str(path),
            f"holds {kinds[other.sample]} (for instance {other.day}); {kinds[record.sample]} do "
            "not go beside them",
            cure="give each a history.folder of its own",
        )


def settled(connection: engine.Connection, layout: Layout, record: DayRecord) -> DayRecord:
    """The record with the number of rows in the table ``day`` and their digest."""
    found = connection.execute(
        f"SELECT count(*), coalesce(sum({layout.digest}), 0) FROM day"
    ).fetchone()
    return msgspec.structs.replace(record, rows=int(found[0]), digest=digest_text(int(found[1])))


def _run(connection: Any, sql: str) -> None:
    connection.execute(sql)


def _create(connection: Any) -> None:
    listed = ", ".join(f"{name} {LAYOUT.columns[name]}" for name in LAYOUT.values)
    connection.execute(f"CREATE TEMP TABLE day ({listed})")


def _insert(
    connection: Any,
    coverage: Coverage,
    scheme: str,
    attribution: str,
    name: Callable[[str], str],
) -> None:
    """Both families of one scheme. Columns go over as they are; only names are objects."""
    networks = scheme == Scheme.ASN
    names = np.array([name(group) for group in coverage.groups], object)
    if networks:
        listed = {"asn": _numbers(coverage.groups), "name": names}
        asn = f"CASE WHEN asn = {NO_ORIGIN} THEN NULL ELSE asn END"
        identity = f"{asn}, CASE WHEN asn = {NO_ORIGIN} THEN 'NONE' ELSE 'AS' || asn END, NULL"
    else:
        groups = np.array(coverage.groups, object)
        place = np.arange(len(groups), dtype="u4")
        listed = {"group_id": groups, "position": place, "name": names}
        identity = "NULL, group_id, position"
    if not len(names):
        return
    holdings = ", ".join(HOLDINGS if coverage.holdings else ["NULL"] * len(HOLDINGS))
    for family in Family:
        connection.register("given", {**listed, **_figures(coverage, family)})
        announced = " + ".join(f"{each}::UBIGINT" for each in (*STATES, *EXCLUDED))
        connection.execute(
            f"INSERT INTO day SELECT {quoted(scheme)}, {quoted(attribution)}, "
            f"{int(family)}, {identity}, name, {', '.join(COUNTED)}, {holdings} FROM given"
            + (f" WHERE {announced} > 0" if networks else "")
        )
        connection.unregister("given")


def _figures(coverage: Coverage, family: Family) -> Table:
    parts = [
        (STATES, coverage.routes[family], "u4"),
        (SPACES, coverage.space[family], "u8"),
        (EXCLUDED, coverage.excluded[family], "u4"),
    ]
    if coverage.holdings:
        parts.append((HOLDINGS, coverage.holdings[family], "u8"))
    return {
        name: np.ascontiguousarray(table[:, at]).astype(kind)
        for names, table, kind in parts
        for at, name in enumerate(names)
    }


def _numbers(groups: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array([NO_ORIGIN if each == "NONE" else int(each[2:]) for each in groups], "i8")
