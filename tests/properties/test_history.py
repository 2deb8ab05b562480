"""Whatever is written, on whatever days and in whatever order: it is what is read."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from validator.figures.coverage import Coverage
from validator.groupings import Attribution
from validator.history.checking import check
from validator.history.compacting import compact
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.records import Counted, DayRecord
from validator.history.writing import write_counted
from validator.model import Family

FIRST = date(2025, 12, 29)
GROUPS = {"asn": ("NONE", "AS1", "AS23456", "AS4294967295"), "custom-x": ("b", "a", "other")}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 5), st.integers(0, 3)),
        st.tuples(st.just("compact"), st.integers(0, 8), st.sampled_from((2025, 2026))),
    ),
    min_size=1,
    max_size=7,
)


def figures(day: date, seed: int) -> Counted:
    dice = np.random.default_rng(seed)
    coverages = {}
    for scheme, attribution in (("asn", Attribution.ORIGIN), ("custom-x", Attribution.ADDRESS)):
        groups = GROUPS[scheme]

        def table(columns: int, most: int, rows: int = len(groups)) -> dict[Family, np.ndarray]:
            return {f: dice.integers(0, most, (rows, columns), "u8", endpoint=True) for f in Family}

        routes = table(3, 1)
        routes[Family.IPV4][:, 0] += 1  # each network is there
        holdings = table(2, 2**64 - 1) if scheme != "asn" else None
        coverages[scheme, attribution] = Coverage(
            scheme, attribution, groups, routes, table(5, 2**64 - 1), table(5, 2**32 - 1), holdings
        )
    schemes = tuple((scheme, str(by)) for scheme, by in coverages)
    names = dict.fromkeys(GROUPS, lambda group: f"{group}, 'quoted' | {seed}")
    return Counted(DayRecord(day=day, created=seed, schemes=schemes), coverages, names)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_what_is_read_is_what_was_written_last(steps: list[tuple[str, int, int]]) -> None:
    path = Path(tempfile.mkdtemp())
    try:
        folder, expected = Folder(path), dict[date, Counted]()
        for what, number, argument in steps:
            day = FIRST + timedelta(days=number)
            if what == "write":
                expected[day] = figures(day, argument)
                write_counted(expected[day], folder)
            else:
                compact(folder, argument, today=day)
        reader = Reader(path)
        assert list(reader.days()) == sorted(expected)
        assert not check(Folder(path)).problems
        for day, written in expected.items():
            for (scheme, attribution), coverage in written.coverages.items():
                table = reader.at(scheme, attribution, day)
                assert table.coverage.groups == coverage.groups
                assert [table.name(g) for g in coverage.groups] == [
                    written.names[scheme](g) for g in coverage.groups
                ]
                for family in Family:
                    for found, given_ in zip(
                        tables(table.coverage, family), tables(coverage, family), strict=True
                    ):
                        np.testing.assert_array_equal(found, given_)
        if expected:
            assert_sums(reader, expected)
    finally:
        shutil.rmtree(path)


def assert_sums(reader: Reader, expected: dict[date, Counted]) -> None:
    """Some groups together on every day, on every other day, and again: as they were written."""
    for scheme, attribution in (("asn", Attribution.ORIGIN), ("custom-x", Attribution.ADDRESS)):
        for places in ([1], [0, 2], [3, 1, 2] if scheme == "asn" else [0, 1, 2]):
            groups = [GROUPS[scheme][place] for place in places]
            for days in (sorted(expected), sorted(expected)[::2], sorted(expected)):
                found = reader.sums(scheme, attribution, groups, days)
                for family in Family:
                    written = [
                        expected[day].coverages[scheme, attribution].routes[family][places]
                        for day in days
                    ]
                    sums = [
                        (day, int(counts[:, 0].sum()), int(counts.sum()))
                        for day, counts in zip(days, written, strict=True)
                    ]
                    assert list(found[family]) == sums


def tables(coverage: Coverage, family: Family) -> list[np.ndarray]:
    """Networks that announce nothing and have nothing excluded in a family have no space either:
    what is left of such rows is not kept, and not compared."""
    routes, excluded = coverage.routes[family], coverage.excluded[family]
    there = (routes.sum(axis=1) + excluded.sum(axis=1) > 0) | (coverage.scheme != "asn")
    holdings = [coverage.holdings[family]] if coverage.holdings else []
    return [t * there[:, None] for t in (routes, coverage.space[family], excluded, *holdings)]
