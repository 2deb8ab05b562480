"""The resource table against a painter that asks for every position which record wins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.model import Holding, InputReport, ResourceBatch
from validator.tables.resources import UNMENTIONED, ResourceTable, build_table

REGISTRIES = ("ripencc", "arin", "apnic")
COUNTRIES = ("ZZ", "NL", "", "AU")
HOLDERS = ("", "x", "y")
KINDS = (0, 4, 6)
WIDTH = 200


@dataclass(frozen=True)
class Record:
    kind: int
    first: int
    last: int
    status: Holding
    registry: str
    country: str
    holder: str
    date: int

    @property
    def said(self) -> tuple[object, ...]:
        """What must be the same for two records to be duplicates."""
        extent = self.kind, self.first, self.last, self.status, self.registry
        return (*extent, self.country or "ZZ", self.date) if self.status.delegated else extent


@st.composite
def records(draw: st.DrawFn) -> Record:
    first = draw(st.integers(0, WIDTH))
    return Record(
        draw(st.sampled_from(KINDS)),
        first,
        draw(st.integers(first, WIDTH)),
        draw(st.sampled_from(Holding)),
        draw(st.sampled_from(REGISTRIES)),
        draw(st.sampled_from(COUNTRIES)),
        draw(st.sampled_from(HOLDERS)),
        draw(st.sampled_from([0, 20000101, 20100101])),
    )


def as_batch(rows: list[Record]) -> ResourceBatch:
    return ResourceBatch(
        np.array([row.kind for row in rows], "u1"),
        np.array([row.first for row in rows], "u8"),
        np.array([row.last for row in rows], "u8"),
        np.array([row.status for row in rows], "u1"),
        np.array([REGISTRIES.index(row.registry) for row in rows], "u1"),
        np.array([COUNTRIES.index(row.country) for row in rows], "u2"),
        np.array([HOLDERS.index(row.holder) for row in rows], "u4"),
        np.array([row.date for row in rows], "u4"),
        REGISTRIES,
        COUNTRIES,
        HOLDERS,
        InputReport("a file", "resources"),
    )


Cell = tuple[object, ...]


def painted(files: list[list[Record]], kind: int) -> list[Cell]:
    """What each position must say, and the file that says it."""
    cells: list[Cell] = []
    for at in range(WIDTH + 2):
        there = [
            (
                not row.status.delegated,
                -row.date,
                row.last - row.first,
                row.registry,
                row.status,
                "" if row.country in ("", "ZZ") else row.country,
                number,
                place,
                row,
            )
            for number, rows in enumerate(files)
            for place, row in enumerate(rows)
            if row.kind == kind and row.first <= at <= row.last
        ]
        if not there:
            cells.append((UNMENTIONED, "ZZ", "ZZ", "ZZ", "", 0))
            continue
        row = min(there, key=lambda each: each[:-1])[-1]
        if row.status.delegated:
            country = row.country or "ZZ"
            cells.append((row.status, row.registry, row.registry, country, row.holder, row.date))
        else:
            cells.append((row.status, "ZZ", row.registry, "ZZ", "", row.date))
    return cells


def in_table(table: ResourceTable, kind: int) -> list[Cell]:
    ranges = {0: table.asn, 4: table.ipv4, 6: table.ipv6}[kind]
    assert int(ranges.first[0]) == 0
    assert (np.diff(ranges.first.astype("i8")) > 0).all()
    assert int(ranges.last()[-1]) == (2**64 - 1 if kind == 6 else 2**32 - 1)
    cells: list[Cell] = []
    for at in range(WIDTH + 2):
        row = max(i for i in range(len(ranges)) if int(ranges.first[i]) <= at)
        cells.append(
            (
                int(ranges.status[row]),
                table.registries[ranges.registry[row]],
                table.registries[ranges.pool[row]],
                table.countries[ranges.country[row]],
                table.holders[ranges.holder[row]],
                int(ranges.date[row]),
            )
        )
    return cells


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(records(), max_size=12), max_size=3), st.integers(0, 5))
def test_every_position_says_what_the_winning_record_says(
    files: list[list[Record]], repeats: int
) -> None:
    if files:
        files = [*files, files[0][:repeats]]  # the same records once more
    table = build_table([as_batch(rows) for rows in files])
    for kind in KINDS:
        assert in_table(table, kind) == painted(files, kind)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(records(), max_size=12), max_size=3), st.integers(0, 5))
def test_overlaps_and_duplicates_are_counted_as_pairs_show_them(
    files: list[list[Record]], repeats: int
) -> None:
    if files:
        files = [*files, files[0][:repeats]]
    rows = [row for file in files for row in file]
    distinct = list({row.said: row for row in rows}.values())
    overlapping = [
        a
        for a in distinct
        if any(
            a is not b and a.kind == b.kind and a.first <= b.last and b.first <= a.last
            for b in distinct
        )
    ]
    table = build_table([as_batch(file) for file in files])
    assert table.duplicates == len(rows) - len(distinct)
    assert table.overlaps == len(overlapping)


@settings(max_examples=100, deadline=None)
@given(st.lists(records(), max_size=20))
def test_two_positions_have_one_holder_if_registry_and_id_are_the_same(rows: list[Record]) -> None:
    table = build_table([as_batch(rows)])
    identity: dict[int, tuple[str, str]] = {}
    for ranges in (table.asn, table.ipv4, table.ipv6):
        for i in range(len(ranges)):
            holder = int(ranges.holder[i])
            if holder:
                name = table.registries[ranges.registry[i]], table.holders[holder]
                assert identity.setdefault(holder, name) == name
    assert len(set(identity.values())) == len(identity)
