"""The days of a year into one file: runs of days with the same figures, sorted for look-ups.

The work goes in parts, each of some groups, so that memory stays bounded however many days there
are; what a part still cannot hold is spilled. Before the new file takes its place it is read again,
and the digest of every day compared with the one that was made when the day was written: nothing is
removed unless all of it is in the new file.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from validator.groupings import Scheme
from validator.history import engine, layout
from validator.history.folder import Folder, Held
from validator.history.layout import CONTENT, FORMAT, KEYS, FileName
from validator.history.records import Contents, DayRecord, stretches

_PART_ROWS = 1_500_000
"""Rows that are sorted at a time: some 300 MB."""


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
        return merge(folder, year, [part for part in parts if part.records], sources)


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
    contents = Contents(format=FORMAT, days=tuple(records))
    replaced = list(replaces)
    name = folder.next_edition("year", f"{year:04}")
    rows = 0

    def write(path: Path) -> None:
        nonlocal rows
        with folder.spill() as spill:
            rows = write_runs(parts, contents, path, spill)

    def good(path: Path) -> None:
        verify(path, contents)

    sizes = sum(_size(folder.file(each)) for each in replaced)
    target = folder.commit(name, write, replaced, good)
    return Compacted(str(name), len(records), rows, sizes, _size(target))


def verify(path: Path, contents: Contents) -> None:
    """Compare the figures of every day in a file with their digest.

    Raises:
        SourceError: names the days that are not what they should be.
    """
    found = day_digests(path, contents.days)
    wrong = [r.day for r in contents.days if found[r.day] != (r.rows, r.digest)]
    if wrong:
        shown = ", ".join(map(str, wrong[:3])) + (", …" if len(wrong) > 3 else "")
        raise engine.Unreadable(
            str(path), f"the figures of {len(wrong)} days are not those written: {shown}"
        )


def day_digests(path: Path, records: Iterable[DayRecord]) -> Mapping[date, tuple[int, str]]:
    """How many rows each day has in a file, and their digest."""
    with engine.reading(str(path)), engine.working() as connection:
        connection.execute(
            "CREATE TEMP TABLE sums AS SELECT first, last, count(*) AS n, "
            f"sum({layout.digest_of()}) AS h FROM read_parquet(?) GROUP BY first, last",
            [str(path)],
        )
        begin = connection.execute("SELECT first, sum(n), sum(h) FROM sums GROUP BY 1").fetchall()
        end = connection.execute("SELECT last, sum(n), sum(h) FROM sums GROUP BY 1").fetchall()
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
            sums[day] = n, layout.digest_text(h)
    return sums


def write_runs(parts: Sequence[Part], contents: Contents, target: Path, spill: Path) -> int:
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
        for number, groups in enumerate(_divided(connection, paths)):
            piece = layout.quoted(str(spill / f"{number}.parquet"))
            connection.execute(
                f"COPY ({_runs(paths, groups)}) TO {piece} (FORMAT parquet, COMPRESSION lz4_raw)"
            )
            pieces.append(piece)
        # Each piece is sorted, and they come in order: what is left is to put them together.
        select = f"SELECT {layout.columns()} FROM read_parquet([{', '.join(pieces)}])"
        connection.execute(layout.copy_to(select, target, contents))
        found = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(target)])
        return int((found.fetchone() or (0,))[0])


def _divided(connection: engine.Connection, paths: list[str]) -> list[str]:
    """Conditions, each for some rows, in the order of :data:`layout.ORDER`; together all rows."""
    asn = layout.quoted(Scheme.ASN)
    (rows,) = connection.execute(
        f"SELECT count(*) FROM read_parquet(?) WHERE scheme = {asn}", [paths]
    ).fetchone()
    count = max(1, -(-int(rows) // (2 * _PART_ROWS)))
    shares = [number / count for number in range(1, count)]
    bounds: list[int] = []
    if shares:
        (found,) = connection.execute(
            f"SELECT quantile_disc(asn, {shares}) FROM read_parquet(?) WHERE scheme = {asn}",
            [paths[-1]],
        ).fetchone()
        bounds = sorted(set(found or ()))
    ends = [*(f"<= {bound}" for bound in bounds), ">= 0"]
    starts = [">= 0 OR asn IS NULL", *(f"> {bound}" for bound in bounds)]
    networks = [
        f"scheme = {asn} AND family = {family} AND (asn {start}) AND (asn {end} OR asn IS NULL)"
        for family in (4, 6)
        for start, end in zip(starts, ends, strict=True)
    ]
    return [f"scheme < {asn}", *networks, f"scheme > {asn}"]


def _runs(paths: list[str], groups: str) -> str:
    """SQL: the rows of some groups, days with the same content made one run."""
    listed = ", ".join(map(layout.quoted, paths))
    others = ", ".join(name for name in layout.COLUMNS if name not in ("first", "last"))
    by_key = f"PARTITION BY {', '.join(KEYS)} ORDER BY first"
    same = " AND ".join(f"{name} IS NOT DISTINCT FROM before.{name}" for name in CONTENT)
    packed = ", ".join(f"{name} := {name}" for name in (*CONTENT, "last"))
    return f"""
        WITH cut AS (
            SELECT {others}, greatest(first, cut_first) AS first, least(last, cut_last) AS last
            FROM (SELECT * FROM read_parquet([{listed}], filename = true) WHERE {groups})
            JOIN cuts ON filename = path AND first <= cut_last AND cut_first <= last
        ), marked AS (
            SELECT *, lag(struct_pack({packed})) OVER w AS before, max(last) OVER all_days AS final
            FROM cut WINDOW w AS ({by_key}), all_days AS (PARTITION BY {", ".join(KEYS)})
        ), beginnings AS (
            SELECT * FROM marked
            WHERE before IS NULL OR NOT (first = before.last + 1 AND {same})
        )
        SELECT {others}, first, coalesce(lead(before.last) OVER ({by_key}), final) AS last
        FROM beginnings ORDER BY {layout.ORDER}"""


def _day(name: FileName) -> date:
    return date.fromisoformat(name.period)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
