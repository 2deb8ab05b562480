"""Many days at once: years of figures as runs, when all of them are known beforehand.

What counts day after day writes a file a day, and compacts. Who knows years in one sitting (the
sample world) would write thousands of files to no end: here only what changes is kept, and each
year goes into its file directly. The files are those that compaction makes, down to the digest of
each day, and are checked in the same way before they take their place.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from validator.figures.coverage import Coverage
from validator.groupings import Scheme
from validator.history import engine
from validator.history.compacting import Compacted, day_digests, verify
from validator.history.figure_layout import FIGURES, HOLDINGS, LAYOUT
from validator.history.folder import Folder
from validator.history.layout import DAYS, quoted
from validator.history.records import DayRecord, Pair, stretches
from validator.history.writing import refuse_mixture
from validator.model import U8, Family, SourceError

_EPOCH = date(1970, 1, 1)
_CLOSED = -1
_COUNTED, _WIDTH = len(FIGURES) - len(HOLDINGS), len(FIGURES) + 1
_NOTHING = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
"""Stands for NULL: no space is so large."""


@dataclass(frozen=True, slots=True, eq=False)
class Spell:
    """Days on which all figures were the same: a record for each, ascending, and the figures.
    ``rows`` and ``digest`` of the records are worked out when they are written."""

    records: tuple[DayRecord, ...]
    coverages: Mapping[Pair, Coverage]
    names: Mapping[str, Callable[[str], str]]


def write_spells(spells: Iterable[Spell], folder: Folder) -> Iterator[Compacted]:
    """Write days, which must ascend, into the files of their years; none of these years may have
    any yet. Yields what each year came to, as soon as its file is there. One year is in memory.
    A group's name is looked up when a run of its begins.

    Raises:
        SourceError: it cannot be written, or the folder holds what must not be mixed with it.
    """
    with engine.working() as connection:
        schemes: dict[Pair, _Scheme] = {}
        pieces = ((record.day.year, record, spell) for spell in spells for record in spell.records)
        for year, days in groupby(pieces, lambda piece: piece[0]):
            records: list[DayRecord] = []
            for spell, its in groupby(days, lambda piece: piece[2]):
                mine = [record for _, record, _ in its]
                for first, last in stretches(record.day for record in mine):
                    if records and first - records[-1].day != timedelta(days=1):
                        _close(schemes, records[-1].day)
                    records += [record for record in mine if first <= record.day <= last]
                    for pair, coverage in spell.coverages.items():
                        name = spell.names.get(pair[0], lambda _: "")
                        schemes.setdefault(pair, _Scheme()).take(first, coverage, name)
            _close(schemes, records[-1].day)
            yield _write(connection, folder, year, records, schemes)


def _close(schemes: Mapping[Pair, _Scheme], last: date) -> None:
    for scheme in schemes.values():
        for group in scheme.families.values():
            group.close(group.open, last)


class _Scheme:
    """The groups of one scheme by one attribution. Each has a number, by first sight."""

    def __init__(self) -> None:
        self.families = {family: _Groups() for family in Family}
        self.groups: list[str] = []
        self._number: dict[str, int] = {}
        self._latest: tuple[tuple[str, ...], NDArray[np.intp]] = (), np.empty(0, "intp")

    def take(self, day: date, coverage: Coverage, name: Callable[[str], str]) -> None:
        """What there is from a day on."""
        if self._latest[0] != coverage.groups:
            for group in coverage.groups:
                if group not in self._number:
                    self._number[group] = len(self.groups)
                    self.groups.append(group)
            numbers = [self._number[group] for group in coverage.groups]
            self._latest = coverage.groups, np.array(numbers, "intp")
        for family, groups in self.families.items():
            at, rows = self._latest[1], _rows(coverage, family)
            if coverage.scheme == Scheme.ASN:  # a network without any route has no row
                there = rows[:, :_COUNTED].any(axis=1)
                at, rows = at[there], rows[there]
            groups.take(day, at, rows, len(self.groups), lambda n: name(self.groups[n]))


class _Groups:
    """What each group has now in one family, and since when; and the runs that have ended. A row is
    the figures in the order of :data:`FIGURES`, then the position."""

    def __init__(self) -> None:
        self._since = np.empty(0, "i8")
        self._rows: U8 = np.empty((0, _WIDTH), "u8")
        self._names = np.empty(0, object)
        self._ended: list[tuple[NDArray[Any], ...]] = []

    @property
    def open(self) -> NDArray[np.intp]:
        """The numbers of the groups that have a row now."""
        return np.flatnonzero(self._since != _CLOSED)

    def take(
        self, day: date, at: NDArray[np.intp], rows: U8, count: int, name: Callable[[int], str]
    ) -> None:
        """The rows of some groups from a day on, and of no others; there are ``count`` groups."""
        more = count - len(self._since)
        if more:
            self._since = np.append(self._since, np.full(more, _CLOSED))
            self._rows = np.vstack([self._rows, np.zeros((more, _WIDTH), "u8")])
            self._names = np.append(self._names, np.full(more, "", object))
        same = (self._since[at] != _CLOSED) & (self._rows[at] == rows).all(axis=1)
        ends = self._since != _CLOSED
        ends[at[same]] = False
        self.close(np.flatnonzero(ends), day - timedelta(days=1))
        new = at[~same]
        self._since[new] = (day - _EPOCH).days
        self._rows[new] = rows[~same]
        self._names[new] = [name(number) for number in new.tolist()]

    def close(self, which: NDArray[np.intp], last: date) -> None:
        """Some groups' runs end on a day."""
        if len(which):
            end = np.full(len(which), (last - _EPOCH).days, "i8")
            run = which, self._since[which], end, self._rows[which], self._names[which]
            self._ended.append(run)
            self._since[which] = _CLOSED

    def ended(self) -> tuple[NDArray[Any], ...]:
        """The runs that have ended since this was last asked: numbers of groups, first and last
        days since 1970, rows, names."""
        nothing = np.empty(0, "i8"), np.empty(0, "i8"), np.empty(0, "i8")
        runs = [(*nothing, np.empty((0, _WIDTH), "u8"), np.empty(0, object)), *self._ended]
        self._ended = []
        return tuple(np.concatenate(part) for part in zip(*runs, strict=True))


def _rows(coverage: Coverage, family: Family) -> U8:
    """A row for each group."""
    count = len(coverage.groups)
    nothing = np.full((count, len(HOLDINGS)), _NOTHING)
    held = coverage.holdings[family] if coverage.holdings else nothing
    networks = coverage.scheme == Scheme.ASN
    position = np.full(count, _NOTHING) if networks else np.arange(count, dtype="u8")
    return np.column_stack(
        (coverage.routes[family], coverage.space[family], coverage.excluded[family], held, position)
    ).astype("u8")


def _write(
    connection: engine.Connection,
    folder: Folder,
    year: int,
    records: list[DayRecord],
    schemes: Mapping[Pair, _Scheme],
) -> Compacted:
    rows = 0

    def write(runs: Path) -> None:
        nonlocal rows
        rows = _write_runs(connection, schemes, runs)

    with folder.locked():
        target = commit_year(connection, folder, records, write)
    return Compacted(target.name, len(records), rows, 0, target.stat().st_size)


def commit_year(
    connection: engine.Connection,
    folder: Folder,
    records: Sequence[DayRecord],
    write_runs: Callable[[Path], None],
) -> Path:
    """A whole year at once: ``write_runs`` writes its runs, in the order of the layout, from which
    each day's digest follows. For who holds the lock. Returns the file.

    Raises:
        SourceError: the folder has days of that year, or what must not be mixed with them; or it
            cannot be written: then all is as it was.
    """
    layout, year = folder.layout, records[0].day.year
    held = folder.held()
    refuse_mixture(held.records.values(), records[0], folder.path)
    there = [name for name in held.files if name.year == year]
    if there:
        raise SourceError(
            str(folder.path), f"has days of {year} already ({there[0]})",
            cure="remove them, or write into another folder",
        )  # fmt: skip
    with (
        engine.writing(folder.path),
        tempfile.TemporaryDirectory(prefix=".spill-", dir=folder.path) as made,
    ):
        runs = Path(made) / "runs.parquet"
        write_runs(runs)
        found = day_digests(layout, runs, records, connection)
        contents = layout.contents(
            msgspec.structs.replace(each, rows=found[each.day][0], digest=found[each.day][1])
            for each in records
        )
        select = f"SELECT {layout.listed} FROM read_parquet({quoted(str(runs))})"
        return folder.commit(
            folder.next_edition("year", f"{year:04}"),
            lambda path: connection.execute(layout.copy_to(select, path, contents)),
            (),
            lambda path: verify(layout, path, contents, connection),
        )


def _write_runs(
    connection: engine.Connection, schemes: Mapping[Pair, _Scheme], target: Path
) -> int:
    """All runs that have ended, in order, into a file. Returns how many."""
    given = _columns(schemes)
    connection.register("given", given)
    values = {
        "asn": "CASE WHEN scheme = 'asn' AND group_id <> 'NONE' "
        "THEN substr(group_id, 3)::UINTEGER END",
        **{name: f"DATE '1970-01-01' + {name}::INTEGER" for name in DAYS},
        **{name: f"nullif({name}, {_NOTHING})" for name in ("position", *HOLDINGS)},
    }
    select = ", ".join(
        f"({values.get(name, name)})::{kind} AS {name}" for name, kind in LAYOUT.columns.items()
    )
    connection.execute(
        f"COPY (SELECT * FROM (SELECT {select} FROM given) ORDER BY {LAYOUT.order}) "
        f"TO {quoted(str(target))} (FORMAT parquet, COMPRESSION lz4_raw)"
    )
    connection.unregister("given")
    return len(given["first"])


def _columns(schemes: Mapping[Pair, _Scheme]) -> dict[str, NDArray[Any]]:
    """The runs that have ended, of all schemes."""
    parts: list[tuple[NDArray[Any], ...]] = []
    for (scheme, attribution), its in schemes.items():
        groups = np.array(its.groups, object)
        for family, runs in its.families.items():
            at, *others = runs.ended()
            what = (str(scheme), str(attribution), int(family))
            same = [np.full(len(at), value, object) for value in what]
            parts.append((*same, groups[at], *others))
    *texts, first, last, rows, names = (np.concatenate(part) for part in zip(*parts, strict=True))
    figures = {name: np.ascontiguousarray(rows[:, n]) for n, name in enumerate(FIGURES)}
    return {
        **dict(zip(("scheme", "attribution", "family", "group_id"), texts, strict=True)),
        "name": names,
        "position": np.ascontiguousarray(rows[:, -1]),
        "first": first,
        "last": last,
        **figures,
    }
