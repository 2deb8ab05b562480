"""Years of history for benchmarks, made as compacted files at once: networks of which some change
each day, and groups of networks that all do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from bench.common import say
from validator.history import engine
from validator.history.figure_layout import EXCLUDED, HOLDINGS, LAYOUT, SPACES, STATES
from validator.history.layout import FileName, quoted
from validator.history.records import DayRecord, days_between
from validator.model import I8, U8, Family
from validator.snapshot import Snapshot

EPOCH = date(1970, 1, 1)
YEARS, SHARE = 10, 20
"""How many years; of so many networks one changes each day."""


@dataclass
class World:
    """Networks and what they announce, by key: a network in a family."""

    asn: I8
    family: U8
    routes: I8
    """(keys, 3): valid, invalid, not-found."""
    space: I8
    """(keys, 5)."""

    @classmethod
    def make(cls, networks: int, dice: np.random.Generator) -> World:
        asn = np.sort(dice.choice(400_000, networks, replace=False)) + 1
        keys = networks * 2
        family = np.repeat(np.array([4, 6], "u8"), networks)
        announced = 60 + np.minimum(dice.zipf(1.6, keys), 3_000)
        valid = dice.binomial(announced, 0.5)
        invalid = dice.binomial(2, 0.05, keys)
        routes = np.column_stack((valid, invalid, announced - valid))
        unit = np.where(family == 4, 256, 65_536)
        v, i, n = routes[:, 0] * unit * 8, invalid * unit, routes[:, 2] * unit * 16
        space = np.column_stack((v + i + n, v + i, v, i, n))
        return cls(np.tile(asn, 2), family, routes, space)

    def change(self, keys: I8, dice: np.random.Generator) -> None:
        """A day: each of the keys gets or loses a ROA, announces or withdraws a route."""
        unit = np.where(self.family[keys] == 4, 256, 65_536).astype("i8")
        size = unit << dice.integers(0, 4, len(keys))
        kind = dice.integers(0, 4, len(keys))
        # What there is least of comes; nothing is taken away where there is nothing.
        kind[self.routes[keys, 0] < 40], kind[self.routes[keys, 2] < 30] = 0, 2
        valid = np.select([kind == 0, kind == 1], [1, -1], 0)
        unfound = np.select([kind == 0, kind == 1, kind == 2, kind == 3], [-1, 1, 1, -1])
        self.routes[keys, 0] += valid
        self.routes[keys, 2] += unfound
        np.maximum(self.routes, 0, out=self.routes)
        self.space[keys, 0] += (valid + unfound) * size
        self.space[keys, 1] += valid * size
        self.space[keys, 2] += valid * size
        self.space[keys, 4] += unfound * size
        np.maximum(self.space, 0, out=self.space)


@dataclass(frozen=True)
class Groups:
    """Groups of a scheme, by number: one in a family. ``routes`` and ``space`` are what they have
    on the last day of all; before, less of it is valid."""

    schemes: Sequence[str]
    attributions: Sequence[str]
    names: Sequence[str]
    positions: Sequence[int]
    family: U8
    routes: I8
    space: I8

    @classmethod
    def invented(cls, dice: np.random.Generator) -> Groups:
        """250 countries."""
        codes = [a + b for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXY"]
        count, family = 2 * len(codes), np.tile(np.array([4, 6], "u8"), len(codes))
        names = [code for code in codes for _ in range(2)]
        places = [number for number in range(len(codes)) for _ in range(2)]
        return cls(["country"] * count, ["address"] * count, names, places, family,
                   dice.integers(100, 9_000, (count, 3)),
                   dice.integers(1 << 10, 1 << 30, (count, 5)))  # fmt: skip

    @classmethod
    def of(cls, snapshot: Snapshot) -> Groups:
        """Those of a snapshot, of every scheme but networks."""
        rows: list[tuple[str, str, str, int, int]] = []
        routes, space = [], []
        for (scheme, by), coverage in snapshot.coverages.items():
            if scheme == "asn":
                continue
            for family in Family:
                its = enumerate(coverage.groups)
                rows += [(scheme, str(by), name, place, int(family)) for place, name in its]
                routes.append(coverage.routes[family])
                space.append(coverage.space[family])
        schemes, attributions, names, positions, families = zip(*rows, strict=True)
        tables = (np.concatenate(each).astype("i8") for each in (routes, space))
        return cls(schemes, attributions, names, positions, np.array(families, "u8"), *tables)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(zip(self.schemes, self.attributions, strict=True)))

    def on(self, far: float, dice: np.random.Generator) -> tuple[I8, I8]:
        """Routes and space on a day, ``far`` of the way to the last."""
        share = (0.1 + 0.9 * far) * dice.uniform(0.97, 1.0, len(self.routes))
        routes, space = self.routes.copy(), self.space.copy()
        routes[:, 0] = self.routes[:, 0] * share
        routes[:, 2] += self.routes[:, 0] - routes[:, 0]
        space[:, 2] = self.space[:, 2] * share
        return routes, space


def networks_of(snapshot: Snapshot) -> World:
    """The networks of a snapshot that have a number."""
    (coverage,) = (each for (scheme, _), each in snapshot.coverages.items() if scheme == "asn")
    rows = [place for place, name in enumerate(coverage.groups) if name != "NONE"]
    asn = np.array([int(coverage.groups[place][2:]) for place in rows])
    routes, space = (
        np.concatenate([table[family][rows] for family in Family]).astype("i8")
        for table in (coverage.routes, coverage.space)
    )
    family = np.repeat(np.array([int(each) for each in Family], "u8"), len(rows))
    return World(np.tile(asn, len(Family)), family, routes, space)


def make_years(path: Path, world: World, groups: Groups, last: int, dice: np.random.Generator,
               until: date | None = None) -> None:  # fmt: skip
    """Ten years up to and with ``last``, each as its compacted file; the last one up to a day."""
    for year in range(last - YEARS + 1, last + 1):
        say(f"making {year}")
        far = (year - last + YEARS - 1) / YEARS
        end = min(until or date.max, date(year, 12, 31))
        _make_year(path, world, groups, (date(year, 1, 1), end), far, dice)


def _make_year(
    path: Path, world: World, groups: Groups, span: tuple[date, date], far: float,
    dice: np.random.Generator,
) -> None:  # fmt: skip
    days = list(days_between(*span))
    first = (days[0] - EPOCH).days
    keys = len(world.asn)
    chosen = [np.arange(keys)]
    states = [(world.routes.copy(), world.space.copy())]
    for _ in days[1:]:
        changed = dice.choice(keys, keys // SHARE, replace=False)
        world.change(changed, dice)
        chosen.append(changed)
        states.append((world.routes[changed], world.space[changed]))
    key = np.concatenate(chosen)
    begins = np.repeat(np.arange(len(days)), [len(each) for each in chosen]) + first
    order = np.lexsort((begins, key))
    key, begins = key[order], begins[order]
    routes, space = (np.concatenate([s[n] for s in states])[order] for n in (0, 1))
    ends = np.full(len(key), first + len(days) - 1)
    ends[:-1] = np.where(key[1:] == key[:-1], begins[1:] - 1, ends[:-1])
    given = {
        "asn": world.asn[key],
        "family": world.family[key],
        "first": begins.astype("i4"),
        "last": ends.astype("i4"),
        **{name: routes[:, at].astype("u4") for at, name in enumerate(STATES)},
        **{name: space[:, at].astype("u8") for at, name in enumerate(SPACES)},
    }
    count = len(groups.names)
    every = [groups.on(far + n / len(days) / YEARS, dice) for n in range(len(days))]
    routes, space = (np.concatenate([each[n] for each in every]) for n in (0, 1))
    grouped = {
        "number": np.tile(np.arange(count), len(days)).astype("i4"),
        "family": np.tile(groups.family, len(days)).astype("u1"),
        "day": (np.repeat(np.arange(len(days)), count) + first).astype("i4"),
        **{name: routes[:, at].astype("u4") for at, name in enumerate(STATES)},
        **{name: space[:, at].astype("u8") for at, name in enumerate(SPACES)},
    }
    name = FileName("year", str(span[0].year), 1)
    schemes = (("asn", "origin"), *groups.pairs)
    records = tuple(DayRecord(day=day, created=0, schemes=schemes) for day in days)
    nothing = ", ".join(f"0::UINTEGER AS {each}" for each in EXCLUDED)
    nothing += "".join(f", NULL::UBIGINT AS {each}" for each in HOLDINGS)
    figures = ", ".join((*STATES, *SPACES))
    lists = {
        "schemes": groups.schemes,
        "attributions": groups.attributions,
        "names": groups.names,
        "positions": groups.positions,
    }
    its = {key: f"[{', '.join(quoted(str(each)) for each in some)}]" for key, some in lists.items()}
    with engine.working(path) as connection:
        connection.register("given", given)
        connection.register("grouped", grouped)
        connection.execute(
            "CREATE TEMP TABLE called AS "
            f"SELECT * FROM (SELECT unnest({its['schemes']}) AS scheme, "
            f"unnest({its['attributions']}) AS attribution, unnest({its['names']}) AS name, "
            f"unnest({its['positions']})::UINTEGER AS position, "
            f"unnest(range({count})) AS number)"
        )
        connection.execute(
            "CREATE TEMP TABLE rows AS SELECT 'asn' AS scheme, 'origin' AS attribution, "
            "family::UTINYINT AS family, asn::UINTEGER AS asn, 'AS' || asn AS group_id, "
            "NULL::UINTEGER AS position, 'Network ' || asn AS name, "
            f"DATE '1970-01-01' + first AS first, DATE '1970-01-01' + last AS last, {figures}, "
            f"{nothing} FROM given UNION ALL SELECT scheme, attribution, family, NULL, "
            "name, position, name, DATE '1970-01-01' + day, "
            f"DATE '1970-01-01' + day, {figures}, {nothing} FROM grouped JOIN called USING (number)"
        )
        contents = LAYOUT.contents(records)
        select = f"SELECT {LAYOUT.listed} FROM rows ORDER BY {LAYOUT.order}"
        connection.execute(LAYOUT.copy_to(select, path / str(name), contents))
