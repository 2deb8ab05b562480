"""Since when and until when: the runs of VRPs and routes in the tables of past days.

A file's rows count on the days that the file speaks for; runs that follow each other without a gap
and say the same are one, whatever files they lie in. A day that is not recorded ends a run.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from validator.history import engine
from validator.history.folder import Folder, Held
from validator.history.layout import quoted
from validator.history.records import DayRecord, stretches
from validator.history.tables import Tables, agreed
from validator.model import NO_ORIGIN, Prefix

_WORD = (1 << 64) - 1


_LOCATED = """
    WITH given AS (
        SELECT family, (CASE WHEN family = 4 THEN high >> 32 ELSE high END)::HUGEINT AS place,
            first, last
        FROM ({vrps})
    ), delegated AS (
        SELECT space, first_position::HUGEINT AS start, last_position::HUGEINT + 1 AS stop,
            first, last
        FROM ({delegated})
    ), points AS (
        SELECT space, position, row_number() OVER (ORDER BY space, position) AS number
        FROM (SELECT space, start AS position FROM delegated
            UNION SELECT space, stop FROM delegated)
    ), pieces AS (
        SELECT unnest(range(a.number, b.number)) AS number, first, last FROM delegated d
        JOIN points a ON a.space = d.space AND a.position = start
        JOIN points b ON b.space = d.space AND b.position = stop
    ), placed AS (
        SELECT number, first, last FROM given ASOF JOIN points
        ON family = space AND place >= position
    )
    SELECT greatest(v.first, r.first) AS first, least(v.last, r.last) AS last
    FROM placed v JOIN pieces r USING (number) WHERE v.first <= r.last AND r.first <= v.last"""
"""SQL: of some VRPs the runs during which they lay in delegated space. Ranges are cut wherever one
begins or ends, so that a place lies in one piece alone, which is joined by its number."""


class Match(enum.StrEnum):
    """Which prefixes are meant by one: itself, with all that lie inside, with all that cover it."""

    EXACT = "exact"
    COVERED = "covered"
    COVERING = "covering"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: a prefix, an AS number (NO_ORIGIN for NONE), or both; and runs that have a
    day of that time, whole."""

    prefix: Prefix | None = None
    match: Match = Match.EXACT
    asn: int | None = None
    first: date | None = None
    last: date | None = None

    @property
    def condition(self) -> str:
        """SQL: which rows are meant."""
        parts = [place(self.prefix, self.match)] if self.prefix else []
        if self.asn is not None:
            parts.append("asn IS NULL" if self.asn == NO_ORIGIN else f"asn = {self.asn}")
        return " AND ".join(parts) or "TRUE"


class Found(NamedTuple):
    """``rows`` as dictionaries, at most so many as were asked for, of ``total``; ``days`` are
    recorded."""

    rows: list[dict[str, Any]]
    total: int
    days: Mapping[date, DayRecord]


def vrp_runs(tables: Tables, wanted: Wanted, limit: int) -> Found:
    """The runs of VRPs: ``prefix``, ``asn``, ``max_length``, ``trust_anchor``, ``first``, ``last``.

    Raises:
        SourceError: the files cannot be read.
    """
    shown = ("prefix", "asn", "max_length", "trust_anchor")
    return _runs(tables, "vrps", wanted, shown, limit)


def route_runs(tables: Tables, wanted: Wanted, limit: int) -> Found:
    """The runs of routes in one state, for one reason: ``prefix``, ``asn`` (None for NONE),
    ``state``, ``verdict``, ``first``, ``last``.

    Raises:
        SourceError: the files cannot be read.
    """
    return _runs(tables, "routes", wanted, ("prefix", "asn", "state", "verdict"), limit)


def counts(tables: Tables, condition: str, country: str | None = None) -> list[tuple[date, int]]:
    """How many VRPs there were on each recorded day, ascending. ``condition``: SQL, which.
    ``country``: those alone whose first address was delegated to it.

    Raises:
        SourceError: the files cannot be read.
    """

    def ask(held: Mapping[str, Held]) -> list[tuple[date, int]]:
        days = agreed(list(held.values()))
        if not days:
            return []
        with engine.working() as connection:
            source = _cut(connection, tables.folders["vrps"], held["vrps"], days, condition)
            if country is not None:
                delegated = _cut(
                    connection, tables.folders["resources"], held["resources"], days,
                    f"space IN (4, 6) AND status <= 1 AND country = {quoted(country)}",
                )  # fmt: skip
                source = _LOCATED.format(vrps=source, delegated=delegated)
            ends = connection.execute(
                f"SELECT first, last, count(*) FROM ({source}) GROUP BY 1, 2"
            ).fetchall()
        changes: dict[date, int] = {}
        for first, last, number in ends:
            after = last + timedelta(days=1)
            changes[first] = changes.get(first, 0) + number
            changes[after] = changes.get(after, 0) - number
        found, total = [], 0
        order = sorted(changes)
        for day in days:
            while order and order[0] <= day:
                total += changes[order.pop(0)]
            found.append((day, total))
        return found

    return tables.asked(ask)


def place(prefix: Prefix, match: Match) -> str:
    """SQL: which prefixes are meant by one."""
    family, high, low, length = prefix
    if match is Match.EXACT:
        return f"family = {int(family)} AND high = {high} AND low = {low} AND length = {length}"
    if match is Match.COVERED:
        end = (1 << 128 - length) - 1 | high << 64 | low
        return (
            f"family = {int(family)} AND length >= {length} AND high >= {high} "
            f"AND high <= {end >> 64} AND (high > {high} OR low >= {low}) "
            f"AND (high < {end >> 64} OR low <= {end & _WORD})"
        )
    value = high << 64 | low
    shorter = []
    for bits in range(length + 1):
        kept = value >> 128 - bits << 128 - bits
        shorter.append(f"(length = {bits} AND high = {kept >> 64} AND low = {kept & _WORD})")
    return f"family = {int(family)} AND length <= {length} AND ({' OR '.join(shorter)})"


def _runs(tables: Tables, kind: str, wanted: Wanted, shown: Sequence[str], limit: int) -> Found:
    layout = tables.folders[kind].layout
    keys = [name for name in layout.keys if name not in shown]
    same = ", ".join((*keys, *shown))

    def ask(held: Mapping[str, Held]) -> Found:
        days = agreed(list(held.values()))
        if not days:
            return Found([], 0, days)
        with engine.working() as connection:
            source = _cut(connection, tables.folders[kind], held[kind], days, wanted.condition)
            rows = connection.execute(
                f"WITH cut AS ({source}), marked AS (SELECT *, coalesce(first > lag(last) OVER w "
                f"+ 1, TRUE)::INTEGER AS new FROM cut WINDOW w AS (PARTITION BY {same} "
                "ORDER BY first)), "
                f"numbered AS (SELECT *, sum(new) OVER (PARTITION BY {same} ORDER BY first) AS run "
                "FROM marked), "
                f"joined AS (SELECT {same}, min(first) AS first, max(last) AS last FROM numbered "
                f"GROUP BY {same}, run) "
                f"SELECT {', '.join(shown)}, first, last, count(*) OVER () AS total FROM joined "
                "WHERE first <= coalesce(?, first) AND last >= coalesce(?, last) "
                f"ORDER BY {layout.order.removesuffix(', first')}, first LIMIT ?",
                [wanted.last, wanted.first, limit],
            ).fetchall()
        names = (*shown, "first", "last")
        listed = [dict(zip(names, row[:-1], strict=True)) for row in rows]
        return Found(listed, int(rows[0][-1]) if rows else 0, days)

    return tables.asked(ask)


def _cut(
    connection: engine.Connection,
    folder: Folder,
    held: Held,
    days: Mapping[date, DayRecord],
    condition: str,
) -> str:
    """SQL: the rows of a kind that are meant, each cut to the days that its file speaks for."""
    table = f"cuts_{folder.layout.kind}"
    cuts = [
        (str(folder.file(name)), first, last)
        for name in held.files
        for first, last in stretches(day for day in held.owned_by(name) if day in days)
    ]
    connection.execute(f"CREATE TEMP TABLE {table} (path VARCHAR, cut_first DATE, cut_last DATE)")
    connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", cuts)
    paths = ", ".join(quoted(path) for path in dict.fromkeys(path for path, _, _ in cuts))
    values = ", ".join(folder.layout.values)
    return (
        f"SELECT {values}, greatest(first, cut_first) AS first, least(last, cut_last) AS last "
        f"FROM (SELECT * FROM read_parquet([{paths}], filename = true) WHERE {condition}) "
        f"JOIN {table} ON filename = path AND first <= cut_last AND cut_first <= last"
    )
