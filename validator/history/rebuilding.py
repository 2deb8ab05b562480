"""A past day's snapshot again, from the tables that were written of it.

What the service had decided is taken as it is stored (verdicts, what is excluded), so the answers
are those of the day even if a later version decides otherwise; :func:`differing` compares them with
what is decided now. Coverage is counted anew from the tables, by the same code.

Not kept, and so not what it was: when VRPs expire (0, since each renewal would be a change), ASPAs
and router keys, what local exceptions did (the VRPs are those after them), and who belongs to which
group: that is what today's files say of that day.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.figures.counting import Counting, Pair
from validator.figures.visibility import UNWATCHED, FeedSightings, Sightings, States
from validator.groupings import Attribution, Scheme, on_day, wanted
from validator.history import engine
from validator.history.folder import Held
from validator.history.records import Circumstances, DayRecord, NoSuchDay, day_of, said
from validator.history.table_layouts import FEEDS
from validator.history.table_writing import put_texts
from validator.history.tables import Tables, agreed
from validator.model import (
    NO_ORIGIN,
    Family,
    Grouping,
    InputReport,
    InternetUsers,
    Peer,
    Prefixes,
    VrpBatch,
    frozen,
)
from validator.origin_validation import validate
from validator.snapshot import Adjacencies, Snapshot
from validator.tables.resources import Ranges, ResourceTable
from validator.tables.rib import PeerSize
from validator.tables.routes import RouteTable, SeenRoutes, publish
from validator.tables.vrps import VrpTable, build_table

Columns = dict[str, NDArray[Any]]

_PIECE = 1 << 16
"""Rows that DuckDB hands over at a time: it holds the interpreter for some milliseconds."""
_TEXTS = 1 << 13
_PLACE = {"family": "u1", "high": "u8", "low": "u8", "length": "u1"}
_ENDS = {0: (1 << 32) - 1, 4: (1 << 32) - 1, 6: (1 << 64) - 1}


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """What files say now of groups: their memberships have dates."""

    groupings: Mapping[str, Grouping] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, InternetUsers] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot | None) -> Groups:
        """Those of the snapshot in force; none, if there is none."""
        if snapshot is None:
            return cls()
        return cls(snapshot.groupings, snapshot.countries, snapshot.users)


class _Stored(NamedTuple):
    """What the files have of a day."""

    record: DayRecord
    routes: Columns
    sightings: Columns
    vrps: Columns
    resources: Columns
    holders: tuple[str, ...]
    neighbours: Columns
    names: Columns
    peers: list[tuple[Any, ...]]


def rebuild(tables: Tables, day: date, groups: Groups | None = None) -> Snapshot:
    """The snapshot that was written last of a day. Seconds for a full table, and some hundred
    megabytes: call it in a thread.

    Raises:
        NoSuchDay: it cannot be rebuilt; names the days that can.
        SourceError: the files cannot be read.
    """
    stored = tables.asked(lambda held: _read(tables, held, day))
    return _snapshot(stored, groups or Groups())


def not_kept(day: date, days: Iterable[date]) -> NoSuchDay:
    """That a day cannot be rebuilt; ``days`` can."""
    return NoSuchDay(f"the tables of {day} are not kept; there are those of {said(days)}")


def differing(snapshot: Snapshot) -> int:
    """How many verdicts of a snapshot are not those that its VRPs give its routes now: 0, unless
    a file was tampered with, or a later version decides otherwise."""
    anew = validate(snapshot.routes.seen(), snapshot.vrps)
    return int(np.count_nonzero(anew != snapshot.routes.verdict))


# ------------------------------------------------------------------------------------------ reading


class _Reading:
    """The rows of a day, of each kind."""

    def __init__(self, tables: Tables, held: Mapping[str, Held], day: date) -> None:
        self._tables, self._held, self._day = tables, held, day
        self.connection = engine.connect()

    def rows(self, kind: str) -> str:
        """SQL: what to read a kind's rows of the day from."""
        path = self._tables.folders[kind].file(self._held[kind].owner[self._day])
        day = f"DATE '{self._day}'"
        text = str(path).replace("'", "''")
        return f"read_parquet('{text}') WHERE first <= {day} AND last >= {day}"

    def columns(self, kind: str, types: Mapping[str, str], select: str, order: str) -> Columns:
        """A kind's rows in order, as columns of these types; ``kind`` is empty for other rows."""
        run = self.connection.execute
        run(f"CREATE TEMP TABLE picked AS SELECT {select} ORDER BY {order}")
        count = int(run("SELECT count(*) FROM picked").fetchone()[0])
        if kind:
            self._expect(kind, count)
        columns = {name: np.empty(count, dtype) for name, dtype in types.items()}
        step = _TEXTS if "O" in types.values() else _PIECE
        for start in range(0, count, step):
            piece = run(
                f"SELECT {', '.join(types)} FROM picked WHERE rowid >= ? AND rowid < ?",
                [start, start + step],
            ).fetchnumpy()
            for name, column in columns.items():
                column[start : start + step] = piece[name]
        run("DROP TABLE picked")
        return columns

    def _expect(self, kind: str, count: int) -> None:
        record = self._held[kind].records[self._day]
        if count != record.rows:
            path = self._tables.folders[kind].file(self._held[kind].owner[self._day])
            raise engine.Unreadable(
                str(path), f"it has {count} {kind} of {self._day}, of {record.rows} written"
            )


def _read(tables: Tables, held: Mapping[str, Held], day: date) -> _Stored:
    days = agreed(list(held.values()))
    record = days.get(day)
    if record is None:
        raise not_kept(day, days)
    circumstances = record.circumstances
    assert circumstances is not None
    reading = _Reading(tables, held, day)
    try:
        asn = f"coalesce(asn::BIGINT, {NO_ORIGIN}) AS origin"
        place = f"{', '.join(_PLACE)}, {asn}"
        in_order = "family, high, low, length, origin"
        routes = reading.columns(
            "routes",
            {**_PLACE, "origin": "i8", "verdict": "u1", "excluded": "u1"},
            f"{place}, verdict, excluded FROM {reading.rows('routes')}",
            in_order,
        )
        sightings = reading.columns(
            "sightings",
            {**_PLACE, "origin": "i8", "peers": "u2", "seen": "u2"},
            f"{place}, peers, coalesce(seen, {UNWATCHED}) AS seen FROM {reading.rows('sightings')}",
            in_order,
        )
        for name in (*_PLACE, "origin"):
            if not np.array_equal(routes[name], sightings[name]):
                raise engine.Unreadable(
                    str(tables.path), f"routes and sightings of {day} are not of the same routes"
                )
        put_texts(reading.connection, "anchors", circumstances.trust_anchors)
        vrps = reading.columns(
            "vrps",
            {**_PLACE, "max_length": "u1", "asn": "u4", "trust_anchor": "u1"},
            f"{', '.join(_PLACE)}, max_length, asn, number AS trust_anchor "
            f"FROM (SELECT * FROM {reading.rows('vrps')}) JOIN anchors ON text = trust_anchor",
            "family, high, low, length, asn, max_length DESC",
        )
        resources, holders = _resources(reading, circumstances)
        neighbours = reading.columns(
            "neighbours",
            {"origin": "i8", "neighbour": "u4"},
            f"{asn}, neighbour FROM {reading.rows('neighbours')}",
            "origin, neighbour",
        )
        names = reading.columns(
            "names", {"asn": "i8", "name": "O"}, f"asn, name FROM {reading.rows('names')}", "asn"
        )
        peers = reading.connection.execute(
            f"SELECT vantage, address, asn, ipv4, ipv6, full_ipv4, full_ipv6, {', '.join(FEEDS)} "
            f"FROM {reading.rows('peers')} ORDER BY position"
        ).fetchall()
        return _Stored(
            record, routes, sightings, vrps, resources, holders, neighbours, names, peers
        )
    finally:
        reading.connection.close()


def _resources(reading: _Reading, known: Circumstances) -> tuple[Columns, tuple[str, ...]]:
    connection = reading.connection
    put_texts(connection, "registries", known.registries)
    put_texts(connection, "countries", known.countries)
    # Numbered by their identifiers; nobody, whose identifier is empty, is 0 in any case.
    connection.execute(
        "CREATE TEMP TABLE holders AS SELECT *, row_number() OVER (ORDER BY holder, holder_number) "
        "- 1 AS number FROM (SELECT DISTINCT holder, holder_number FROM "
        f"(SELECT * FROM {reading.rows('resources')}) UNION SELECT '', 0)"
    )
    columns = reading.columns(
        "resources",
        {
            "space": "u1", "first_position": "u8", "status": "u1", "registry": "u1",
            "pool": "u1", "country": "u2", "holder": "u4", "date": "u4",
        },
        "space, first_position, status, r.number AS registry, p.number AS pool, "
        "c.number AS country, h.number AS holder, date "
        f"FROM (SELECT * FROM {reading.rows('resources')}) given "
        "JOIN registries r ON r.text = registry JOIN registries p ON p.text = pool "
        "JOIN countries c ON c.text = country JOIN holders h "
        "ON h.holder = given.holder AND h.holder_number = given.holder_number",
        "space, first_position",
    )  # fmt: skip
    holders = reading.columns("", {"holder": "O"}, "holder FROM holders", "number")
    return columns, tuple(holders["holder"].tolist())


# ----------------------------------------------------------------------------------------- building


def _snapshot(stored: _Stored, groups: Groups) -> Snapshot:
    record, known = stored.record, stored.record.circumstances
    assert known is not None
    vrps = _vrp_table(stored.vrps, known.trust_anchors)
    routes = _route_table(stored)
    excluded = stored.routes["excluded"]
    resources = _resource_table(stored.resources, stored.holders, known)
    adjacencies = Adjacencies(stored.neighbours["origin"], stored.neighbours["neighbour"])
    frozen(excluded, adjacencies.origin, adjacencies.neighbour)
    peers, feeds = _peers(stored.peers)
    seen = stored.sightings["seen"]
    frozen(seen)
    sightings = Sightings(
        dict(zip(Family, known.full_feeds, strict=True)),
        dict(zip(Family, known.watched, strict=True)),
        feeds,
        routes if known.surveyed else None,
        seen if known.surveyed else None,
    )
    day = record.membership or day_of(record.created)
    lists = {scheme: on_day(each, day) for scheme, each in groups.groupings.items()}
    counting = Counting(routes, excluded, resources, vrps, adjacencies, sightings)
    return Snapshot(
        generation=record.generation,
        created=record.created,
        vrps=vrps,
        routes=routes,
        excluded=excluded,
        exclusions=dict(record.exclusions),
        min_peers=record.min_peers,
        peers=peers,
        adjacencies=adjacencies,
        sightings=sightings,
        resources=resources,
        names=dict(zip(stored.names["asn"].tolist(), stored.names["name"].tolist(), strict=True)),
        slurm=None,
        coverages=counting.each(_pairs(record, groups), lists),
        inputs=known.reports,
        sample=record.sample,
        groupings=groups.groupings,
        lists=lists,
        countries=groups.countries,
        users=groups.users,
        troubles=known.troubles,
    )


def _pairs(record: DayRecord, groups: Groups) -> list[Pair]:
    """What was counted then, so far as it is known what to count, and what is counted now."""
    possible = {*Scheme, *groups.groupings}
    then: list[Pair] = [
        (scheme, Attribution(by)) for scheme, by in record.schemes if scheme in possible
    ]
    new = (pair for pair in wanted(groups.groupings.values()) if pair not in then)
    return [*then, *new]


def _vrp_table(columns: Columns, trust_anchors: tuple[str, ...]) -> VrpTable:
    prefixes = Prefixes(*(columns[name] for name in _PLACE))
    expires = np.zeros(len(prefixes), "i8")
    batch = VrpBatch(
        prefixes, columns["asn"], columns["max_length"], columns["trust_anchor"], expires,
        trust_anchors, InputReport("", ""),
    )  # fmt: skip
    return build_table([batch])


def _route_table(stored: _Stored) -> RouteTable:
    columns = stored.routes
    prefixes = Prefixes(*(columns[name] for name in _PLACE))
    seen = SeenRoutes(prefixes, columns["origin"], stored.sightings["peers"])
    return publish(seen, columns["verdict"])


def _resource_table(
    columns: Columns, holders: tuple[str, ...], known: Circumstances
) -> ResourceTable:
    spaces = {}
    for space, end in _ENDS.items():
        start, stop = columns["space"].searchsorted([space, space + 1])
        first, status, registry, pool, country, holder, day = (
            columns[name][start:stop]
            for name in ("first_position", "status", "registry", "pool", "country", "holder",
                         "date")
        )  # fmt: skip
        frozen(first, status, registry, pool, country, holder, day)
        spaces[space] = Ranges(first, status, registry, pool, country, holder, day, end)
    return ResourceTable(
        spaces[4], spaces[6], spaces[0], known.registries, known.countries, holders,
        known.overlaps, known.duplicates,
    )  # fmt: skip


def _peers(
    rows: list[tuple[Any, ...]],
) -> tuple[tuple[PeerSize, ...], tuple[FeedSightings, ...]]:
    peers = []
    feeds: dict[Family, list[FeedSightings]] = {family: [] for family in Family}
    for vantage, address, asn, ipv4, ipv6, full_ipv4, full_ipv6, *carried in rows:
        peer = Peer(vantage, address, asn)
        peers.append(PeerSize(peer, ipv4, ipv6, full_ipv4, full_ipv6))
        for number, family in enumerate(Family):
            its = carried[3 * number : 3 * number + 3]
            if its[0] is not None:
                feeds[family].append(FeedSightings(peer, family, States(*its)))
    return tuple(peers), tuple(each for family in Family for each in feeds[family])
