"""What was: days, series, tables of a day, and what moved most. Thread-safe, and whole days only.

How a question outlives that files are replaced is told in :mod:`~validator.history.asking`.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from validator.figures.coverage import Coverage, Order
from validator.figures.coverage import rows as shown_rows
from validator.groupings import Attribution, Scheme
from validator.history import engine, figure_layout
from validator.history.asking import asked
from validator.history.figure_layout import EXCLUDED, HOLDINGS, SPACES, STATES
from validator.history.figures import FIGURES, HEADLINE, Mover, Point, Series, Table, columns_of
from validator.history.folder import Folder, Held
from validator.history.layout import quoted
from validator.history.records import DayRecord, NoSuchDay, said
from validator.history.sums import Sum, sums
from validator.model import NO_ORIGIN, Family, format_asn, frozen

T = TypeVar("T")
_MOST_KEPT, _MOST_ROWS_KEPT = 128, 500
"""Answers that are kept, and days or groups in one: a few megabytes in all."""
_NUMBER = "coalesce(asn::BIGINT, -1)"
"""SQL: the number of a network, as the model has it."""


class Reader:
    """Reads a folder of history."""

    def __init__(self, folder: Folder | Path) -> None:
        self.folder = folder if isinstance(folder, Folder) else Folder(folder)
        self._connection: engine.Connection | None = None
        self._turn = threading.Lock()
        self._kept = _Kept()

    # ---------------------------------------------------------------------------------------- days

    def days(self) -> Mapping[date, DayRecord]:
        """Every day there is, ascending."""
        return self.folder.held().records

    def damaged(self) -> Mapping[str, str]:
        """Files that are left out, and why."""
        return self.folder.held().damaged

    def day(self, day: date) -> DayRecord:
        """What is to be known of a day.

        Raises:
            NoSuchDay: there is no such day.
        """
        return _record(self.folder.held(), day)

    # -------------------------------------------------------------------------------------- tables

    def at(
        self,
        scheme: str,
        attribution: Attribution,
        day: date,
        families: Sequence[Family] = tuple(Family),
    ) -> Table:
        """A scheme as it was counted on a day, exactly; figures of other families are left zero.

        Raises:
            NoSuchDay: there is no such day, or the scheme was not counted on it.
        """

        return self._at(scheme, attribution, day, families, tuple(figure_layout.FIGURES))

    def ranking(
        self,
        scheme: str,
        attribution: Attribution,
        family: Family,
        day: date,
        order: Order = Order.VALID_SHARE,
    ) -> list[dict[str, Any]]:
        """The groups of a scheme on a day, as :func:`validator.figures.coverage.rows` shows them.

        Raises:
            NoSuchDay: as :meth:`at`.
        """
        table = self._at(scheme, attribution, day, (family,), (*STATES, *SPACES))
        return list(shown_rows(table.coverage, table.name, (family,), order))

    def series(
        self,
        scheme: str,
        attribution: Attribution,
        group: str,
        family: Family,
        first: date | None = None,
        last: date | None = None,
        figures: Sequence[str] = (HEADLINE,),
    ) -> Series:
        """Figures (:data:`FIGURES`) of a group on every recorded day of a time, by default of all.

        Raises:
            NoSuchDay: no day of that time is recorded, or the group is not in any of them.
        """

        def ask(held: Held) -> Series:
            records = {
                day: record
                for day, record in held.records.items()
                if (first is None or day >= first) and (last is None or day <= last)
            }
            if not records:
                raise NoSuchDay(
                    f"no history from {first or 'the first day'} to {last or 'today'}; there is "
                    f"of {said(held.owner)}"
                )
            wanted = columns_of(figures)
            runs = self._runs_of(held, records, (scheme, attribution, family, group), wanted)
            if not runs and not self._known(held, scheme, attribution, group):
                raise _unknown(scheme, attribution, group)
            # A network that announces nothing has no row; another group without one is not known.
            pair = scheme, str(attribution)
            nothing = dict.fromkeys(wanted, 0) if scheme == Scheme.ASN else None
            points = [Point(d, nothing if pair in r.schemes else None) for d, r in records.items()]
            days = list(records)
            name = ""
            for begin, end, number, its_name, *values in runs:
                counts = dict(zip(wanted, values, strict=True))
                for at in range(bisect_left(days, begin), bisect_right(days, end)):
                    if held.owner[days[at]] == held.files[number]:
                        points[at] = Point(days[at], counts)
                        name = its_name
            return Series(scheme, attribution, group, family, name, tuple(points), records)

        return self._asked(ask)

    def sums(
        self, scheme: str, attribution: Attribution, groups: Sequence[str], days: Sequence[date]
    ) -> Mapping[Family, tuple[Sum, ...]]:
        """The routes of some groups together on some days (ascending), by family; days on which
        none of them was counted are left out. Those of few days are kept while the files are the
        same.

        Raises:
            NoSuchDay: one of the days is not recorded, or none of the groups is in the history.
        """

        def ask(held: Held) -> Mapping[Family, tuple[Sum, ...]]:
            key = scheme, attribution, tuple(groups), tuple(days)
            made: Mapping[Family, tuple[Sum, ...]] | None = self._kept.get(held, key)
            if made is None:
                made = self._summed(held, scheme, attribution, groups, days)
                if len(days) <= _MOST_ROWS_KEPT:
                    self._kept.keep(held, key, made)
            return made

        return self._asked(ask)

    def movers(
        self,
        scheme: str,
        attribution: Attribution,
        family: Family,
        first: date,
        last: date,
        figure: str = "valid",
        limit: int = 20,
        least_announced: int = 1,
    ) -> list[Mover]:
        """The groups whose figure changed most between two days, the largest change first. Groups
        that announced fewer routes than ``least_announced`` on both days are left out; for a share,
        a group must have had one on both.

        Raises:
            NoSuchDay: one of the days is not recorded, or lacks the scheme.
        """
        of, by = FIGURES[figure]

        networks = scheme == Scheme.ASN
        key = _NUMBER if networks else "group_id"
        parts = [" + ".join(f"{n}::HUGEINT" for n in of)]
        parts += [" + ".join(f"{n}::HUGEINT" for n in by) if by else "NULL::HUGEINT"]
        parts += ["valid::UBIGINT + invalid + not_found" if least_announced > 1 else "1"]
        on_day = (
            f"FROM read_parquet(?) WHERE {_where(scheme, attribution)} AND family = {int(family)} "
            "AND first <= ? AND last >= ?"
        )
        part, whole, announced = parts
        side = f"(SELECT {key} AS id, {part} AS part, {whole} AS whole, {announced} AS n {on_day})"
        change = (
            "b.part / nullif(b.whole, 0)::DOUBLE - a.part / nullif(a.whole, 0)::DOUBLE"
            if by
            else "(coalesce(b.part, 0) - coalesce(a.part, 0))::DOUBLE"
        )
        sql = (
            f"SELECT id, a.part, a.whole, b.part, b.whole, {change} AS change "
            f"FROM {side} a FULL JOIN {side} b USING (id) WHERE change <> 0 "
            "AND greatest(coalesce(a.n, 0), coalesce(b.n, 0)) >= ? "
            "ORDER BY abs(change) DESC, id LIMIT ?"
        )

        def ask(held: Held) -> list[Mover]:
            days = []
            for day in (first, last):
                _record_of(held, day, scheme, attribution)
                days.append([str(self.folder.file(held.owner[day])), day, day])
            given = [*days[0], *days[1], least_announced, limit]
            rows = self._cursor().execute(sql, given).fetchall()
            column = "asn" if networks else "group_id"  # a bare column is looked up quicker
            named = f"SELECT {column}, name {on_day} AND {column} IN (SELECT unnest(?))"
            names: dict[Any, str] = {NO_ORIGIN: "origin NONE"}
            for when in reversed(days):  # most are there on the last day
                missing = [row[0] for row in rows if row[0] not in names]
                if missing:
                    names.update(self._cursor().execute(named, [*when, missing]).fetchall())
            return [
                Mover(
                    format_asn(group) if networks else group,
                    names.get(group, ""),
                    (int(p0 or 0), int(w0 or 0) if by else None),
                    (int(p1 or 0), int(w1 or 0) if by else None),
                    float(change),
                )
                for group, p0, w0, p1, w1, change in rows
            ]

        return self._asked(ask)

    # ------------------------------------------------------------------------------------ the work

    def _at(
        self,
        scheme: str,
        attribution: Attribution,
        day: date,
        families: Sequence[Family],
        columns: Sequence[str],
    ) -> Table:
        """A scheme on a day; what is not in ``columns`` is left zero."""

        def ask(held: Held) -> Table:
            key = scheme, attribution, day, tuple(families), tuple(columns)
            kept: Table | None = self._kept.get(held, key)
            if kept is not None:
                return kept
            record = _record_of(held, day, scheme, attribution)
            order = "asn NULLS FIRST" if scheme == Scheme.ASN else "position"
            # Texts are made while the interpreter is held: no more of them than are needed.
            group = f"{_NUMBER} AS asn" if scheme == Scheme.ASN else "group_id"
            sql = (
                f"SELECT {', '.join(columns)}, family, name, {group} "
                f"FROM read_parquet(?) WHERE {_where(scheme, attribution)} "
                "AND first <= ? AND last >= ? "
                f"AND family IN ({', '.join(str(int(each)) for each in families)}) "
                f"ORDER BY family, {order}"
            )
            found = self._columns(sql, [str(self.folder.file(held.owner[day])), day, day])
            made = Table(record, *_table(found, scheme, attribution))
            if len(made.coverage.groups) <= _MOST_ROWS_KEPT:
                self._kept.keep(held, key, made)
            return made

        return self._asked(ask)

    def _summed(
        self,
        held: Held,
        scheme: str,
        attribution: Attribution,
        groups: Sequence[str],
        days: Sequence[date],
    ) -> Mapping[Family, tuple[Sum, ...]]:
        for day in days:
            _record(held, day)
        if not days or not groups:
            return {}
        paths = {name: str(self.folder.file(name)) for name in held.files}
        found = sums(held, self._columns, paths, (scheme, attribution, groups), days)
        if found is not None:
            return found
        if not any(self._known(held, scheme, attribution, each) for each in groups):
            raise _unknown(scheme, attribution, groups[0])
        silent = scheme == Scheme.ASN
        return dict.fromkeys(Family, tuple(Sum(each, 0, 0) for each in days) if silent else ())

    def _runs_of(
        self,
        held: Held,
        days: Mapping[date, DayRecord],
        group: tuple[str, Attribution, Family, str],
        columns: Sequence[str],
    ) -> list[tuple[Any, ...]]:
        """The rows of a group: first, last, the number of the file, name, and the columns."""
        speaking = {held.owner[day] for day in days}
        files = [number for number, name in enumerate(held.files) if name in speaking]
        paths = [str(self.folder.file(held.files[number])) for number in files]
        sql = (
            f"SELECT first, last, file_index, name, {', '.join(columns)} "
            "FROM read_parquet(?) WHERE scheme = ? AND attribution = ? "
            "AND family = ? AND group_id = ? AND last >= ? AND first <= ? ORDER BY first"
        )
        scheme, attribution, family, group_id = group
        given = [paths, scheme, str(attribution), int(family), group_id, min(days), max(days)]
        found = self._cursor().execute(sql, given).fetchall()
        return [(first, last, files[number], *more) for first, last, number, *more in found]

    def _known(self, held: Held, scheme: str, attribution: Attribution, group: str) -> bool:
        """Whether a group is in the history at all, in whichever family."""
        paths = [str(self.folder.file(name)) for name in held.files]
        sql = (
            "SELECT 1 FROM read_parquet(?) WHERE scheme = ? AND attribution = ? AND group_id = ? "
            "LIMIT 1"
        )
        found = self._cursor().execute(sql, [paths, scheme, str(attribution), group]).fetchone()
        return found is not None

    def _asked(self, ask: Callable[[Held], T]) -> T:
        return asked([self.folder], lambda held: ask(held[0]))

    def _cursor(self) -> engine.Connection:
        with self._turn:
            if self._connection is None:
                self._connection = engine.connect()
            return self._connection.cursor()

    def _columns(self, sql: str, given: Sequence[Any]) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = self._cursor().execute(sql, given).fetchnumpy()
        return found


class _Kept:
    """The last answers from what is there: of other files there are none."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._held: Held | None = None
        self._answers: OrderedDict[object, Any] = OrderedDict()

    def get(self, held: Held, key: object) -> Any:
        with self._turn:
            return self._answers.get(key) if held is self._held else None

    def keep(self, held: Held, key: object, answer: object) -> None:
        with self._turn:
            if held is not self._held:
                self._held, self._answers = held, OrderedDict()
            self._answers[key] = answer
            if len(self._answers) > _MOST_KEPT:
                self._answers.popitem(last=False)


def _unknown(scheme: str, attribution: Attribution, group: str) -> NoSuchDay:
    return NoSuchDay(f"the history has no {scheme} {group[:80]!r} by {attribution} in that time")


def _record(held: Held, day: date) -> DayRecord:
    record = held.records.get(day)
    if record is None:
        raise NoSuchDay(f"no history of {day}; there is of {said(held.owner)}")
    return record


def _record_of(held: Held, day: date, scheme: str, attribution: Attribution) -> DayRecord:
    """What is to be known of a day on which a scheme was counted.

    Raises:
        NoSuchDay: it was not, or there is no such day.
    """
    record = _record(held, day)
    if (scheme, str(attribution)) not in record.schemes:
        raise _not_counted(scheme, attribution, held, day)
    return record


def _where(scheme: str, attribution: Attribution) -> str:
    """SQL: the rows of a scheme. Networks are always by origin: one comparison less a row."""
    named = f"scheme = {quoted(scheme)}"
    by = f" AND attribution = {quoted(attribution)}"
    return named if scheme == Scheme.ASN else named + by


def _not_counted(scheme: str, attribution: Attribution, held: Held, day: date) -> NoSuchDay:
    pair = scheme, str(attribution)
    has = [each for each, record in held.records.items() if pair in record.schemes]
    return NoSuchDay(f"{scheme} by {attribution} was not counted on {day}; it was on {said(has)}")


def _table(
    columns: dict[str, NDArray[Any]], scheme: str, attribution: Attribution
) -> tuple[Coverage, dict[str, str]]:
    """Rows of a day, by family and then in order, as a coverage; and the names."""
    in_family = {family: columns["family"] == family for family in Family}
    if scheme == Scheme.ASN:
        every = np.unique(columns["asn"])
        groups = tuple(map(format_asn, every.tolist()))
        places = {f: np.searchsorted(every, columns["asn"][rows]) for f, rows in in_family.items()}
    else:
        whole = max(in_family.values(), key=np.count_nonzero)
        groups = tuple(columns["group_id"][whole].tolist())
        places = {f: np.arange(int(rows.sum())) for f, rows in in_family.items()}

    def tables(names: Sequence[str]) -> dict[Family, NDArray[np.uint64]]:
        made = {}
        for family, rows in in_family.items():
            table = np.zeros((len(groups), len(names)), "u8")
            for at, name in enumerate(name for name in names if name in columns):
                table[places[family], at] = np.asarray(columns[name][rows], "u8")
            frozen(table)
            made[family] = table
        return made

    delegated = columns[HOLDINGS[0]] if HOLDINGS[0] in columns else np.empty(0)
    known = len(delegated) > 0 and not np.ma.getmaskarray(delegated).any()
    coverage = Coverage(scheme, attribution, groups, tables(STATES), tables(SPACES),
                        tables(EXCLUDED), tables(HOLDINGS) if known else None)  # fmt: skip
    names: dict[str, str] = {}
    for family, rows in in_family.items():
        named = zip(places[family].tolist(), columns["name"][rows].tolist(), strict=True)
        names.update((groups[place], name) for place, name in named if name)
    return coverage, names
