"""The days of a year into one file: runs of days with the same figures, sorted for look-ups.

The work goes in parts, each of some groups, so that memory stays bounded however many days there
are; what a part still cannot hold is spilled. Before the new file takes its place it is read again,
and the digest of every day compared with the one that was made when the day was written: nothing is
removed unless all of it is in the new file.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from validator.history import engine
from validator.history.folder import Folder, Held
from validator.history.layout import FileName, Layout, digest_text, quoted
from validator.history.records import Contents, DayRecord, stretches
from validator.model import SourceError


@dataclass(frozen=True, slots=True)
class Part:
    """Days to take from a file: all of its rows that fall on them."""

    path: Path
    records: tuple[DayRecord, ...]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction did. ``name`` is empty if there was nothing to do."""

    name: str
    days: int = 0
    rows: int = 0
    before_bytes: int = 0
    after_bytes: int = 0


def compact(folder: Folder, year: int, today: date | None = None) -> Compacted:
    """Put the finished days of a year into its file. Takes seconds to a minute or two; readers go
    on.

    Raises:
        SourceError: a file cannot be read, or the new one cannot be written, or is not exactly
            what the days are: then all is as it was.
    """
    before = today or datetime.now(UTC).date()
    with folder.locked():
        folder.set_damaged_aside(year)
        held = folder.held()
        days = [
            name
            for name in held.files
            if name.kind == "day" and name.year == year and _day(name) < before
        ]
        if not days:
            return Compacted("")
        sources = [name for name in held.files if (name.kind, name.year) == ("year", year)] + days
        parts = [
            Part(folder.file(name), tuple(held.records[day] for day in held.owned_by(name)))
            for name in sources
        ]
        try:
            return merge(folder, year, [part for part in parts if part.records], sources)
        except SourceError:
            _blame(folder, held, sources)  # raises, if one of them is at fault
            raise


def _blame(folder: Folder, held: Held, sources: Iterable[FileName]) -> None:
    """Find the file that compaction failed on, and leave it out from now on.

    Raises:
        SourceError: names it.
    """
    for name in sources:
        try:
            verify(folder.layout, folder.file(name), held.contents[name])
        except engine.Unreadable as error:
            folder.call_damaged(name, error.problem)
            raise


def due(held: Held, today: date, most_days: int) -> list[int]:
    """The years with so many finished days, or any in a year that is over, that are not compacted
    yet. ``today`` and the day before stay as they are: they may be written again."""
    finished: dict[int, int] = {}
    for name in held.files:
        if name.kind == "day" and _day(name) < today - timedelta(days=1):
            finished[name.year] = finished.get(name.year, 0) + 1
    return sorted(year for year, days in finished.items() if days >= most_days or year < today.year)


def merge(
    folder: Folder, year: int, parts: Sequence[Part], replaces: Iterable[FileName]
) -> Compacted:
    """Write a year's file from parts whose days do not overlap. For who holds the lock.

    Raises:
        SourceError: as :func:`compact`.
    """
    records = sorted((record for part in parts for record in part.records), key=lambda r: r.day)
    layout = folder.layout
    contents = layout.contents(records)
    replaced = list(replaces)
    name = folder.next_edition("year", f"{year:04}")
    rows = 0

    def write(path: Path) -> None:
        nonlocal rows
        with folder.spill() as spill:
            rows = write_runs(layout, parts, contents, path, spill)

    def good(path: Path) -> None:
        verify(layout, path, contents)

    sizes = sum(_size(folder.file(each)) for each in replaced)
    target = folder.commit(name, write, replaced, good)
    return Compacted(str(name), len(records), rows, sizes, _size(target))


def verify(
    layout: Layout, path: Path, contents: Contents, connection: engine.Connection | None = None
) -> None:
    """Compare what a file has of every day with the digest that it was written with.
    ``connection``: as for :func:`day_digests`.

    Raises:
        SourceError: names the days that are not what they should be.
    """
    found = day_digests(layout, path, contents.days, connection)
    wrong = [r.day for r in contents.days if found[r.day] != (r.rows, r.digest)]
    if wrong:
        shown = ", ".join(map(str, wrong[:3])) + (", …" if len(wrong) > 3 else "")
        raise engine.Unreadable(
            str(path), f"the {layout.kind} of {len(wrong)} days are not those written: {shown}"
        )


def day_digests(
    layout: Layout,
    path: Path,
    records: Iterable[DayRecord],
    connection: engine.Connection | None = None,
) -> Mapping[date, tuple[int, str]]:
    """How many rows each day has in a file, and their digest. ``connection``: what to work with, by
    default a new one; making one takes longer than a small file."""
    opened = engine.working() if connection is None else contextlib.nullcontext(connection)
    with engine.reading(str(path)), opened as working:
        working.execute(
            "CREATE OR REPLACE TEMP TABLE sums AS SELECT first, last, count(*) AS n, "
            f"sum({layout.digest}) AS h FROM read_parquet(?) GROUP BY first, last",
            [str(path)],
        )
        begin = working.execute("SELECT first, sum(n), sum(h) FROM sums GROUP BY 1").fetchall()
        end = working.execute("SELECT last, sum(n), sum(h) FROM sums GROUP BY 1").fetchall()
    # A run counts on each of its days: what begins on a day is added, what ended before is taken
    # away.
    begins = {day: (int(n), int(h)) for day, n, h in begin}
    ends = {day + timedelta(days=1): (int(n), int(h)) for day, n, h in end}
    wanted = {record.day for record in records}
    sums: dict[date, tuple[int, str]] = {}
    n = h = 0
    for day in sorted(begins.keys() | ends.keys() | wanted):
        n += begins.get(day, (0, 0))[0] - ends.get(day, (0, 0))[0]
        h += begins.get(day, (0, 0))[1] - ends.get(day, (0, 0))[1]
        if day in wanted:
            sums[day] = n, digest_text(h)
    return sums


def write_runs(
    layout: Layout, parts: Sequence[Part], contents: Contents, target: Path, spill: Path
) -> int:
    """Write the days of all parts as one file. Returns its rows."""
    with engine.working(spill) as connection:
        connection.execute("CREATE TEMP TABLE cuts (path VARCHAR, cut_first DATE, cut_last DATE)")
        # What a file holds, and we do not want of it, is cut off.
        cuts = [
            (str(part.path), first, last)
            for part in parts
            for first, last in stretches(record.day for record in part.records)
        ]
        connection.executemany("INSERT INTO cuts VALUES (?, ?, ?)", cuts)
        paths = [str(part.path) for part in parts]
        pieces = []
        for number, groups in enumerate(layout.divide(connection, paths)):
            piece = quoted(str(spill / f"{number}.parquet"))
            connection.execute(
                f"COPY ({_runs(layout, paths, groups)}) TO {piece} "
                "(FORMAT parquet, COMPRESSION lz4_raw)"
            )
            pieces.append(piece)
        # Each piece is sorted, and they come in order: what is left is to put them together.
        select = f"SELECT {layout.listed} FROM read_parquet([{', '.join(pieces)}])"
        connection.execute(layout.copy_to(select, target, contents))
        found = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(target)])
        return int((found.fetchone() or (0,))[0])


def _runs(layout: Layout, paths: list[str], groups: str) -> str:
    """SQL: the rows of some groups, days with the same content made one run."""
    listed = ", ".join(map(quoted, paths))
    others = ", ".join(layout.values)
    by_key = f"PARTITION BY {', '.join(layout.keys)} ORDER BY first"
    same = "".join(f" AND {name} IS NOT DISTINCT FROM before.{name}" for name in layout.content)
    packed = ", ".join(f"{name} := {name}" for name in (*layout.content, "last"))
    return f"""
        WITH cut AS (
            SELECT {others}, greatest(first, cut_first) AS first, least(last, cut_last) AS last
            FROM (SELECT * FROM read_parquet([{listed}], filename = true) WHERE {groups})
            JOIN cuts ON filename = path AND first <= cut_last AND cut_first <= last
        ), marked AS (
            SELECT *, lag(struct_pack({packed})) OVER w AS before, max(last) OVER all_days AS final
            FROM cut WINDOW w AS ({by_key}), all_days AS (PARTITION BY {", ".join(layout.keys)})
        ), beginnings AS (
            SELECT * FROM marked
            WHERE before IS NULL OR NOT (first = before.last + 1{same})
        )
        SELECT {others}, first, coalesce(lead(before.last) OVER ({by_key}), final) AS last
        FROM beginnings ORDER BY {layout.order}"""


def _day(name: FileName) -> date:
    return date.fromisoformat(name.period)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
