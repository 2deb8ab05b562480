"""Rows as tables show them: one flat line for each, the same columns wherever they appear.

The command line and the service write the same CSV from this. A column's name carries its unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROUTE_COLUMNS = ("prefix", "origin", "state", "reason", "peers")
"""Of a table of validated routes."""

COVERAGE_COLUMNS = (
    "scheme",
    "group",
    "name",
    "family",
    "routes_announced",
    "routes_valid",
    "routes_invalid",
    "routes_not_found",
    "space_unit",
    "space_announced",
    "space_covered",
    "space_valid",
    "space_invalid",
    "space_not_found",
    "coverage",
    "valid_share",
    "accuracy",
    "space_coverage",
    "space_valid_share",
)
"""Of a table of coverage: the fields of :func:`validator.figures.coverage.row` in their order,
those of ``routes`` and ``space`` with that name before them."""


def flat(row: Mapping[str, Any]) -> list[Any]:
    """The values of a coverage row in the order of :data:`COVERAGE_COLUMNS`.

    A share of nothing is the empty string, not 0.
    """
    shares = (row[column] for column in COVERAGE_COLUMNS[-5:])
    return [
        row["scheme"],
        row["group"],
        row["name"],
        row["family"],
        *row["routes"].values(),
        *row["space"].values(),
        *("" if share is None else share for share in shares),
    ]
