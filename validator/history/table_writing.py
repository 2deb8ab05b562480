"""One day's tables into files: what a snapshot rests on, column by column.

Columns go to DuckDB as they are, texts of prefixes are made there; nothing is done row by row. Only
what is text already (names of networks, identifiers of holders) goes over as objects, some thousand
at a time, so that the interpreter is never held for long.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from validator.figures.visibility import UNWATCHED
from validator.history import engine
from validator.history.layout import quoted
from validator.history.records import DayRecord, circumstances_of, record_of
from validator.history.table_layouts import FEEDS, KINDS, TEXTS
from validator.history.tables import Tables
from validator.history.writing import refuse_mixture, settled
from validator.model import NO_ORIGIN, Family, Peer, Verdict
from validator.snapshot import Snapshot
from validator.tables.routes import RouteTable

_PIECE = 4096
"""Objects that go over at a time: about a millisecond."""

_ASN = f"nullif(origin, {NO_ORIGIN})::UINTEGER AS asn"
_STATE = (
    "CASE "
    + " ".join(f"WHEN verdict = {int(each)} THEN {quoted(each.state)}" for each in Verdict)
    + " END AS state"
)


def write_tables(snapshot: Snapshot, tables: Tables | Path, day: date | None = None) -> DayRecord:
    """Write what a snapshot rests on as the tables of its day (UTC), instead of what the day had.
    A few seconds for a full table.

    Raises:
        SourceError: it cannot be written, or the folder holds what must not be mixed with it: then
            all is as it was.
    """
    tables = tables if isinstance(tables, Tables) else Tables(tables)
    record = record_of(snapshot, day)
    whole = msgspec.structs.replace(record, circumstances=circumstances_of(snapshot))
    bare = DayRecord(
        day=record.day, created=record.created, generation=record.generation, sample=record.sample
    )
    with tables.locked(), engine.working() as connection:
        for text in TEXTS:
            connection.execute(text)
        refuse_mixture(tables.folders["routes"].held().records.values(), record, tables.path)
        write = {
            kind: partial(_write, connection, kind, snapshot, whole if kind == "routes" else bare)
            for kind in KINDS
        }
        tables.commit(record.day, write)
    return whole


def _write(
    connection: engine.Connection, kind: str, snapshot: Snapshot, record: DayRecord, target: Path
) -> None:
    """One kind's file."""
    layout = KINDS[kind]
    FILL[kind](connection, snapshot)
    record = settled(connection, layout, record)
    select = f"SELECT {layout.on_day(record.day)} FROM day"  # as it came: in order
    connection.execute(layout.copy_to(select, target, layout.contents([record])))
    connection.execute("DROP TABLE day")


def _given(connection: engine.Connection, select: str, columns: Mapping[str, NDArray[Any]]) -> None:
    """Make the table ``day`` out of columns."""
    connection.register("given", dict(columns))
    connection.execute(f"CREATE TEMP TABLE day AS {select}")
    connection.unregister("given")


def put_texts(connection: engine.Connection, table: str, texts: Iterable[str]) -> None:
    """Make a table of texts, each with its ``number``, from 0."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} (number UINTEGER, text VARCHAR)")
    items, start = iter(texts), 0
    while piece := list(islice(items, _PIECE)):
        numbers = np.arange(start, start + len(piece), dtype="u4")
        connection.register("piece", {"number": numbers, "text": np.array(piece, object)})
        connection.execute(f"INSERT INTO {table} SELECT number, text FROM piece")
        connection.unregister("piece")
        start += len(piece)


def _families(table: RouteTable) -> NDArray[np.uint8]:
    family = np.full(len(table), Family.IPV6, "u1")
    family[: table.ipv6] = Family.IPV4
    return family


def _routes(connection: engine.Connection, snapshot: Snapshot) -> None:
    table = snapshot.routes
    _given(
        connection,
        f"SELECT family, prefix_text(family, high, low, length) AS prefix, high, low, length, "
        f"{_ASN}, {_STATE}, verdict, excluded FROM given",
        {
            "family": _families(table), "high": table.high, "low": table.low,
            "length": table.length, "origin": table.origin, "verdict": table.verdict,
            "excluded": snapshot.excluded,
        },
    )  # fmt: skip


def _sightings(connection: engine.Connection, snapshot: Snapshot) -> None:
    table = snapshot.routes
    seen = snapshot.sightings.over(table).seen
    _given(
        connection,
        f"SELECT family, high, low, length, {_ASN}, peers, nullif(seen, {UNWATCHED}) AS seen "
        "FROM given",
        {
            "family": _families(table), "high": table.high, "low": table.low,
            "length": table.length, "origin": table.origin, "peers": table.peers,
            "seen": np.full(len(table), UNWATCHED, "u2") if seen is None else seen,
        },
    )  # fmt: skip


def _vrps(connection: engine.Connection, snapshot: Snapshot) -> None:
    table = snapshot.vrps
    count = np.diff(table.first.astype("i8"))
    family = np.full(len(table.high), Family.IPV6, "u1")
    family[: table.ipv6] = Family.IPV4
    anchors = "".join(
        f" WHEN {number} THEN {quoted(name)}" for number, name in enumerate(table.trust_anchors)
    )
    anchor = f"CASE trust_anchor{anchors} END" if anchors else "NULL::VARCHAR"
    _given(
        connection,
        "SELECT family, prefix_text(family, high, low, length) AS prefix, high, low, length, "
        f"max_length, asn, {anchor} AS trust_anchor FROM given",
        {
            "family": np.repeat(family, count), "high": np.repeat(table.high, count),
            "low": np.repeat(table.low, count), "length": np.repeat(table.length, count),
            "max_length": table.max_length, "asn": table.asn, "trust_anchor": table.trust_anchor,
        },
    )  # fmt: skip


def _resources(connection: engine.Connection, snapshot: Snapshot) -> None:
    table = snapshot.resources
    spaces = {0: table.asn, 4: table.ipv4, 6: table.ipv6}
    every = list(spaces.values())
    columns = {
        name: np.concatenate([getattr(ranges, name) for ranges in every])
        for name in ("status", "registry", "pool", "country", "holder", "date")
    }
    columns["space"] = np.repeat(np.array(list(spaces), "u1"), [len(each) for each in every])
    columns["first_position"] = np.concatenate([ranges.first for ranges in every])
    columns["last_position"] = np.concatenate([ranges.last() for ranges in every])
    put_texts(connection, "registries", table.registries)
    put_texts(connection, "countries", table.countries)
    put_texts(connection, "holders", table.holders)
    _given(
        connection,
        "SELECT space, first_position, last_position, status, r.text AS registry, p.text AS pool, "
        "c.text AS country, h.text AS holder, h.part AS holder_number, date FROM given "
        "JOIN registries r ON r.number = registry JOIN registries p ON p.number = pool "
        "JOIN countries c ON c.number = country JOIN (SELECT number, text, (row_number() OVER "
        "(PARTITION BY text ORDER BY number) - 1)::UINTEGER AS part FROM holders) h "
        "ON h.number = holder ORDER BY space, first_position",
        columns,
    )


def _neighbours(connection: engine.Connection, snapshot: Snapshot) -> None:
    pairs = snapshot.adjacencies
    _given(
        connection,
        f"SELECT {_ASN}, neighbour FROM given",
        {"origin": pairs.origin, "neighbour": pairs.neighbour},
    )


def _names(connection: engine.Connection, snapshot: Snapshot) -> None:
    names = snapshot.names
    put_texts(connection, "names", names.values())
    numbers = np.fromiter(names.keys(), "u4", len(names))
    _given(
        connection,
        "SELECT asn, text AS name FROM given JOIN names USING (number) ORDER BY asn",
        {"asn": numbers, "number": np.arange(len(names), dtype="u4")},
    )


def _peers(connection: engine.Connection, snapshot: Snapshot) -> None:
    feeds: dict[Peer, dict[str, int]] = {}
    for feed in snapshot.sightings.feeds:
        carried = zip(feed.carried._fields, feed.carried, strict=True)
        feeds.setdefault(feed.peer, {}).update(
            {f"{feed.family.label}_{state}": count for state, count in carried}
        )
    rows = [
        (
            position, each.peer.vantage, each.peer.address, each.peer.asn, each.ipv4, each.ipv6,
            each.full_ipv4, each.full_ipv6,
            *(feeds.get(each.peer, {}).get(name) for name in FEEDS),
        )
        for position, each in enumerate(snapshot.peers)
    ]  # fmt: skip
    layout = KINDS["peers"]
    listed = ", ".join(f"{name} {layout.columns[name]}" for name in layout.values)
    connection.execute(f"CREATE TEMP TABLE day ({listed})")
    if rows:
        marks = ", ".join("?" * len(layout.values))
        connection.executemany(f"INSERT INTO day VALUES ({marks})", rows)


FILL: Mapping[str, Callable[[engine.Connection, Snapshot], None]] = {
    "routes": _routes,
    "sightings": _sightings,
    "vrps": _vrps,
    "resources": _resources,
    "neighbours": _neighbours,
    "names": _names,
    "peers": _peers,
}
