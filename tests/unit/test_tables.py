"""Flat rows have a value for each column, in the same order."""

from __future__ import annotations

from tests.feeds import make_snapshot
from validator.figures import coverage
from validator.figures.table_rows import COVERAGE_COLUMNS, flat
from validator.groupings import Attribution, Scheme
from validator.model import Family


def test_each_column_of_a_flat_row_holds_the_field_it_is_named_for() -> None:
    measured = make_snapshot().coverages[Scheme.COUNTRY, Attribution.ADDRESS]
    for row in coverage.rows(measured, lambda group: f"name of {group}"):
        line = dict(zip(COVERAGE_COLUMNS, flat(row), strict=True))
        for column, value in line.items():
            part, _, rest = column.partition("_")
            expected = (
                row[part][rest]
                if part in ("routes", "space") and rest in row[part]
                else (row[column])
            )
            assert value == ("" if expected is None else expected), column


def test_a_share_of_nothing_is_empty_and_not_zero() -> None:
    nothing = coverage.Figures(0, 0, 0, 0, 0, 0, 0, 0)
    row = coverage.row(nothing, Scheme.RIR, "arin", "ARIN", Family.IPV4)
    line = dict(zip(COVERAGE_COLUMNS, flat(row), strict=True))
    assert line["routes_announced"] == 0
    assert line["valid_share"] == ""
