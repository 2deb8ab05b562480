"""How the figures of a day lie in a file: for each group of every scheme, and for each network.

Networks without any route in a family have no row in it; of all other schemes every group has one.
Rows are sorted by scheme, attribution, family, asn (NULL first), group_id, first. So one group's
rows lie together, and so do all groups of one family.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from validator.groupings import Scheme
from validator.history.layout import DAYS, Layout, quoted
from validator.tables.announced import REASONS

KEY = "originsight_history"

IDENTITY: Mapping[str, str] = {
    "scheme": "VARCHAR",
    "attribution": "VARCHAR",
    "family": "UTINYINT",
    "asn": "UINTEGER",
    "group_id": "VARCHAR",
    "position": "UINTEGER",
    "name": "VARCHAR",
}
"""``asn`` is NULL but for networks; ``position`` is the group's place in its scheme, NULL for
networks, whose order is that of their numbers, NONE first."""
STATES = ("valid", "invalid", "not_found")
SPACES = (
    "announced_space",
    "covered_space",
    "valid_space",
    "invalid_space",
    "not_found_space",
)
EXCLUDED = tuple("excluded_" + reason.replace("-", "_") for reason in REASONS[1:])
HOLDINGS = ("delegated_space", "delegated_covered_space")
COUNTED: Mapping[str, str] = {
    **dict.fromkeys(STATES, "UINTEGER"),
    **dict.fromkeys(SPACES, "UBIGINT"),
    **dict.fromkeys(EXCLUDED, "UINTEGER"),
}
"""What every row has."""
FIGURES: Mapping[str, str] = {**COUNTED, **dict.fromkeys(HOLDINGS, "UBIGINT")}
"""``delegated_…`` is NULL by origin, and for networks."""
COLUMNS: Mapping[str, str] = {**IDENTITY, **dict.fromkeys(DAYS, "DATE"), **FIGURES}

KEYS = ("scheme", "attribution", "family", "group_id")
CONTENT = ("asn", "position", "name", *FIGURES)
"""What may change from one day to the next: a run ends where any of it does."""

ORDER = "scheme, attribution, family, asn NULLS FIRST, group_id, first"
ROW_GROUP = 61_440
"""Rows: a look-up unpacks one or two groups, and a year's footer stays small (see bench)."""
CODEC = "lz4_raw"
"""Unpacks twice as fast as zstd, and is a third larger (docs/decisions/0006-history-files.md)."""

_PART_ROWS = 1_500_000
"""Rows that are sorted at a time: some 300 MB."""


def _divided(connection: Any, paths: Sequence[str]) -> list[str]:
    """Conditions, each for some rows, in the order of :data:`ORDER`; together all rows."""
    asn = quoted(Scheme.ASN)
    (rows,) = connection.execute(
        f"SELECT count(*) FROM read_parquet(?) WHERE scheme = {asn}", [list(paths)]
    ).fetchone()
    count = max(1, -(-int(rows) // (2 * _PART_ROWS)))
    shares = [number / count for number in range(1, count)]
    bounds: list[int] = []
    if shares:
        (found,) = connection.execute(
            f"SELECT quantile_disc(asn, {shares}) FROM read_parquet(?) WHERE scheme = {asn}",
            [paths[-1]],
        ).fetchone()
        bounds = sorted(set(found or ()))
    ends = [*(f"<= {bound}" for bound in bounds), ">= 0"]
    starts = [">= 0 OR asn IS NULL", *(f"> {bound}" for bound in bounds)]
    networks = [
        f"scheme = {asn} AND family = {family} AND (asn {start}) AND (asn {end} OR asn IS NULL)"
        for family in (4, 6)
        for start, end in zip(starts, ends, strict=True)
    ]
    return [f"scheme < {asn}", *networks, f"scheme > {asn}"]


LAYOUT = Layout(
    kind="figures",
    key=KEY,
    columns=COLUMNS,
    keys=KEYS,
    content=CONTENT,
    order=ORDER,
    divide=_divided,
    codec=CODEC,
    row_group=ROW_GROUP,
)
