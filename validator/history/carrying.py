"""History out of a folder and into another: ranges of days as Parquet or CSV.

An exported Parquet file is a file of history like any other, provenance and digests included; what
is imported from one is exactly what was exported. CSV has the same columns and can be made by
anybody, so its days say where they are from and that no more is known of them. What is imported is
checked first: no group may have two rows for one day.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

import gzip
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import msgspec

from validator.history import engine
from validator.history.compacting import Part, day_digests, merge, verify, write_runs
from validator.history.figure_layout import COUNTED, LAYOUT
from validator.history.folder import Folder, durable, read_contents
from validator.history.layout import quoted
from validator.history.records import (
    Contents,
    DayRecord,
    InputRecord,
    NoSuchDay,
    days_between,
    said,
)
from validator.history.writing import refuse_mixture
from validator.model import SourceError

_LONGEST_RUN_DAYS = 40_000
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Carried:
    """``days`` went over, ``kept`` were there already and stayed as they are."""

    days: int
    kept: int = 0


def export(
    folder: Folder,
    target: Path,
    first: date | None = None,
    last: date | None = None,
    scheme: str | None = None,
) -> Carried:
    """Write the days of a time as one file: CSV if its name ends in ``.csv`` or ``.csv.gz``, else
    Parquet. ``scheme``: one alone, for CSV.

    Raises:
        NoSuchDay: there are none.
        SourceError: a file cannot be read, or the target not be written.
    """
    csv = target.name.endswith((".csv", ".csv.gz"))
    if scheme is not None and not csv:
        raise SourceError(
            str(target), "Parquet is exported with all schemes", cure="name a .csv, or no scheme"
        )
    held = folder.held()
    wanted = {
        day
        for day in held.owner
        if (first is None or day >= first) and (last is None or day <= last)
    }
    if not wanted:
        raise NoSuchDay(f"no history in that time; there is of {said(held.owner)}")
    parts = []
    for name in held.files:
        mine = tuple(held.records[day] for day in held.owned_by(name) if day in wanted)
        if mine:
            parts.append(Part(folder.file(name), mine))
    records = tuple(held.records[day] for day in sorted(wanted))
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as made:
        spill = Path(made)
        whole = spill / "whole.parquet"
        with engine.writing(target):
            write_runs(LAYOUT, parts, LAYOUT.contents(records), whole, spill)
        if csv:
            text = spill / f"table{target.suffix}"
            _to_csv(whole, text, scheme, packed=target.suffix == ".gz", target=target)
            whole = text
        else:
            verify(LAYOUT, whole, LAYOUT.contents(records))
        with engine.writing(target):
            durable(whole)
            whole.replace(target)
    return Carried(len(records))


def bring(folder: Folder, source: Path, replace: bool = False) -> Carried:
    """Import a file. Days that are there already stay, unless ``replace``.

    Raises:
        SourceError: it cannot be read or is not sound, or the folder cannot be written to; names
            the reason. Years that were done by then stay.
    """
    with folder.locked(), _as_parquet(folder, source) as (path, contents):
        _refuse_unsound(path, source)
        verify(LAYOUT, path, contents)
        held = folder.held()
        for record in contents.days:
            refuse_mixture(held.records.values(), record, folder.path)
        new = [each for each in contents.days if replace or each.day not in held.owner]
        for year in sorted({each.day.year for each in new}):
            folder.set_damaged_aside(year)
            coming = tuple(each for each in new if each.day.year == year)
            days = {each.day for each in coming}
            mine = [name for name in held.files if name.year == year]
            parts = [
                Part(
                    folder.file(name),
                    tuple(held.records[day] for day in held.owned_by(name) if day not in days),
                )
                for name in mine
            ]
            parts = [part for part in parts if part.records]
            merge(folder, year, [*parts, Part(path, coming)], mine)
        return Carried(len(new), len(contents.days) - len(new))


@contextmanager
def _as_parquet(folder: Folder, source: Path) -> Iterator[tuple[Path, Contents]]:
    """The file to import, as a file of history."""
    if not source.is_file():
        raise SourceError(str(source), "there is no such file")
    if not source.name.endswith((".csv", ".csv.gz")):
        with engine.working() as connection:
            contents = read_contents(LAYOUT, connection, source)
        yield source, contents
        return
    with folder.spill() as spill:
        path = spill / "given.parquet"
        _from_csv(source, path)
        yield path, LAYOUT.contents(_records(path, source))


def _to_csv(whole: Path, text: Path, scheme: str | None, *, packed: bool, target: Path) -> None:
    where = f" WHERE scheme = {quoted(scheme)}" if scheme is not None else ""
    with engine.writing(target), engine.working(whole.parent) as connection:
        connection.execute(
            f"COPY (SELECT {LAYOUT.listed} FROM read_parquet({quoted(str(whole))}){where}"
            f" ORDER BY {LAYOUT.order}) TO {quoted(str(text))} "
            f"(FORMAT csv, HEADER, COMPRESSION {'gzip' if packed else 'none'})"
        )


def _from_csv(source: Path, path: Path) -> None:
    expected = ",".join(LAYOUT.columns)
    opened = gzip.open if source.suffix == ".gz" else open
    try:
        with opened(source, "rb") as file:
            header = file.readline(2 * len(expected)).decode("utf-8", "replace").strip()
    except (OSError, EOFError) as error:
        raise SourceError(str(source), f"cannot be read: {error}") from None
    if header != expected:
        raise SourceError(
            str(source), "its first line does not name the columns of history",
            place="line 1", cure=f"begin with {expected}",
        )  # fmt: skip
    kinds = ", ".join(f"{quoted(name)}: '{kind}'" for name, kind in LAYOUT.columns.items())
    packed = "gzip" if source.suffix == ".gz" else "none"
    with engine.reading(str(source)), engine.working(path.parent) as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE (coalesce(name, '') AS name) FROM read_csv("
            f"{quoted(str(source))}, columns = {{{kinds}}}, header = true, delim = ',', "
            f"quote = '\"', escape = '\"', auto_detect = false, compression = '{packed}')) "
            f"TO {quoted(str(path))} (FORMAT parquet, COMPRESSION lz4_raw)"
        )


def _refuse_unsound(path: Path, source: Path) -> None:
    """Look for what the columns alone do not forbid.

    Raises:
        SourceError: names the first row that is wrong.
    """
    nothing = " OR ".join(f"{n} IS NULL" for n in (*LAYOUT.keys, "first", "last", *COUNTED))
    keys = ", ".join(LAYOUT.keys)
    listed = ", ".join(LAYOUT.columns)
    with engine.reading(str(source)), engine.working() as connection:
        wrong = connection.execute(
            f"SELECT {keys}, first FROM (SELECT {listed} FROM read_parquet(?)) WHERE {nothing} "
            f"OR family NOT IN (4, 6) OR last < first OR last - first > {_LONGEST_RUN_DAYS} "
            "OR attribution NOT IN ('address', 'origin') OR year(first) < 1 OR year(last) > 9999 "
            "LIMIT 1",
            [str(path)],
        ).fetchone()
        twice = (
            wrong
            or connection.execute(
                f"SELECT {keys}, first FROM (SELECT *, lag(last) OVER (PARTITION BY {keys} "
                "ORDER BY first) AS before FROM read_parquet(?)) WHERE before >= first LIMIT 1",
                [str(path)],
            ).fetchone()
        )
    if wrong:
        row = ", ".join(map(str, wrong))
        raise SourceError(str(source), "a row is not complete, or not of this world", place=row)
    if twice:
        row = ", ".join(map(str, twice))
        raise SourceError(str(source), "a group has two rows for one day", place=row)


def _records(path: Path, source: Path) -> tuple[DayRecord, ...]:
    """What is known of the days of a CSV file."""
    with engine.reading(str(source)), engine.working() as connection:
        runs = connection.execute(
            "SELECT DISTINCT scheme, attribution, first, last FROM read_parquet(?)", [str(path)]
        ).fetchall()
    schemes: dict[date, set[tuple[str, str]]] = {}
    for scheme, attribution, first, last in runs:
        if first is None or last is None or not 0 <= (last - first).days <= _LONGEST_RUN_DAYS:
            raise SourceError(str(source), f"a row is of {first} to {last}", cure="correct it")
        for day in days_between(first, last):
            schemes.setdefault(day, set()).add((scheme, attribution))
    if not schemes:
        raise SourceError(str(source), "it has no rows")
    given = InputRecord("history", source.name, _sha256(source))
    bare = [
        DayRecord(
            day=day,
            created=int(datetime.combine(day, time(23, 59, 59), UTC).timestamp()),
            inputs=(given,),
            schemes=tuple(sorted(schemes[day])),
            notes=(f"imported from {source.name}: no more is known of it",),
        )
        for day in sorted(schemes)
    ]
    digests = day_digests(LAYOUT, path, bare)
    return tuple(
        msgspec.structs.replace(each, rows=digests[each.day][0], digest=digests[each.day][1])
        for each in bare
    )


def _sha256(path: Path) -> str:
    known = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            known.update(piece)
    return known.hexdigest()
