"""How the tables of a day lie in files: routes, VRPs, resources, and what else a snapshot rests on.

Each kind has a sub-folder of the history's own folder. What changes for nearly every route every
day (how many peers see it) is a kind of its own, *sightings*, beside *routes*: so a route's runs
last as long as its state does. Codes are those of :class:`~validator.model.Verdict`,
:data:`~validator.tables.announced.REASONS` and :class:`~validator.model.Holding`.
"""

# ruff: noqa: S608 - SQL is put together from our own names and quoted paths; values are parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from validator.history.layout import DAYS, Divide, Layout

PART_ROWS = 1_500_000
"""Rows that are sorted at a time: some 300 MB."""

_DATES = dict.fromkeys(DAYS, "DATE")
_PLACE = {"high": "UBIGINT", "low": "UBIGINT", "length": "UTINYINT"}
_STATES = ("valid", "invalid", "not_found")


def _divide(major: str, minor: str) -> Divide:
    """By the values of ``major`` (empty: there is none), each cut by ``minor`` so that a part has
    no more rows than :data:`PART_ROWS`."""

    def divided(connection: Any, paths: Sequence[str]) -> list[str]:
        by = major or "1"
        counts = connection.execute(
            f"SELECT {by}, count(*) FROM read_parquet(?) GROUP BY 1 ORDER BY 1", [list(paths)]
        ).fetchall()
        parts = []
        for value, rows in counts:
            count = max(1, -(-int(rows) // PART_ROWS))
            shares = [number / count for number in range(1, count)]
            bounds: list[int] = []
            if shares:  # as the newest file has it: days are much alike
                (found,) = connection.execute(
                    f"SELECT quantile_disc({minor}, {shares}) FROM read_parquet(?) WHERE {by} = ?",
                    [paths[-1], value],
                ).fetchone()
                bounds = sorted(set(found or ()))
            ends = [f"({minor} <= {bound} OR {minor} IS NULL)" for bound in bounds] + ["TRUE"]
            starts = ["TRUE", *(f"{minor} > {bound}" for bound in bounds)]
            parts += [f"{by} = {value} AND {a} AND {b}" for a, b in zip(starts, ends, strict=True)]
        # Rows that a part has by its upper bound alone are NULL: of the first part.
        return parts or ["TRUE"]

    return divided


def _layout(
    kind: str,
    columns: Mapping[str, str],
    content: tuple[str, ...],
    order: str,
    divide: Divide,
    derived: tuple[str, ...] = (),
) -> Layout:
    """``derived``: columns that follow from others, for people and other engines."""
    return Layout(
        kind=kind,
        key=f"originsight_{kind}",
        columns=columns,
        keys=tuple(each for each in columns if each not in (*content, *derived, *DAYS)),
        content=content,
        order=f"{order}, first",
        divide=divide,
        codec="zstd",
        row_group=122_880,
    )


ROUTES = _layout(
    "routes",
    {
        "family": "UTINYINT", "prefix": "VARCHAR", **_PLACE, "asn": "UINTEGER", **_DATES,
        "state": "VARCHAR", "verdict": "UTINYINT", "excluded": "UTINYINT",
    },
    ("verdict", "excluded"),
    "family, high, low, length, asn NULLS FIRST",
    _divide("family", "high"),
    derived=("prefix", "state"),
)  # fmt: skip
"""``asn`` is NULL for the origin NONE."""
SIGHTINGS = _layout(
    "sightings",
    {
        "family": "UTINYINT", **_PLACE, "asn": "UINTEGER", **_DATES,
        "peers": "USMALLINT", "seen": "USMALLINT",
    },
    ("peers", "seen"),
    "family, high, low, length, asn NULLS FIRST",
    _divide("family", "high"),
)  # fmt: skip
"""``seen``: by how many full-feed peers; NULL if none was asked."""
VRPS = _layout(
    "vrps",
    {
        "family": "UTINYINT", "prefix": "VARCHAR", **_PLACE, "max_length": "UTINYINT",
        "asn": "UINTEGER", **_DATES, "trust_anchor": "VARCHAR",
    },
    ("trust_anchor",),
    "family, high, low, length, asn, max_length DESC",
    _divide("family", "high"),
    derived=("prefix",),
)  # fmt: skip
RESOURCES = _layout(
    "resources",
    {
        "space": "UTINYINT", "first_position": "UBIGINT", "last_position": "UBIGINT", **_DATES,
        "status": "UTINYINT", "registry": "VARCHAR", "pool": "VARCHAR", "country": "VARCHAR",
        "holder": "VARCHAR", "holder_number": "UINTEGER", "date": "UINTEGER",
    },
    ("status", "registry", "pool", "country", "holder", "holder_number", "date"),
    "space, first_position, last_position",
    _divide("space", "first_position"),
)  # fmt: skip
"""``space``: 4 or 6, in IPv4 addresses and IPv6 /64s, or 0, AS numbers. ``holder_number`` tells
apart holders whose identifiers are the same."""
NEIGHBOURS = _layout(
    "neighbours",
    {"asn": "UINTEGER", "neighbour": "UINTEGER", **_DATES},
    (),
    "asn NULLS FIRST, neighbour",
    _divide("", "asn"),
)
NAMES = _layout(
    "names", {"asn": "UINTEGER", **_DATES, "name": "VARCHAR"}, ("name",), "asn", _divide("", "asn")
)
FEEDS = tuple(f"{family}_{state}" for family in ("ipv4", "ipv6") for state in _STATES)
"""What a full-feed peer carries of the counted routes of a family; NULL of another peer."""
PEERS = _layout(
    "peers",
    {
        "position": "UINTEGER", **_DATES, "vantage": "VARCHAR", "address": "VARCHAR",
        "asn": "UINTEGER", "ipv4": "UINTEGER", "ipv6": "UINTEGER",
        "full_ipv4": "BOOLEAN", "full_ipv6": "BOOLEAN", **dict.fromkeys(FEEDS, "UINTEGER"),
    },
    ("vantage", "address", "asn", "ipv4", "ipv6", "full_ipv4", "full_ipv6", *FEEDS),
    "position",
    _divide("", "position"),
)  # fmt: skip

KINDS: Mapping[str, Layout] = {
    each.kind: each for each in (ROUTES, SIGHTINGS, VRPS, RESOURCES, NEIGHBOURS, NAMES, PEERS)
}

_RUNS = [":" + "0:" * length for length in range(8, 1, -1)]
_SHORTEST = " ".join(
    f"WHEN contains(t, '{run}') THEN left(t, strpos(t, '{run}') - 1) || '::' "
    f"|| substr(t, strpos(t, '{run}') + {len(run)})"
    for run in _RUNS
)
_WORDS = ", ".join(f"({word} >> {shift}) & 65535" for word in ("high", "low")
                   for shift in (48, 32, 16, 0))  # fmt: skip
_BYTES = ", ".join(f"(high >> {shift}) & 255" for shift in (56, 48, 40, 32))
TEXTS = (
    # The longest run of zero groups, of several the first, is left out (RFC 5952 section 4.2).
    f"CREATE TEMP MACRO without_zeroes(t) AS CASE {_SHORTEST} ELSE t END",
    # Groups come with a colon before and after each: what is left of those at the ends goes.
    "CREATE TEMP MACRO bare(t) AS CASE WHEN t = '::' THEN t WHEN starts_with(t, '::') "
    "THEN left(t, -1) WHEN ends_with(t, '::') THEN substr(t, 2) ELSE left(substr(t, 2), -1) END",
    # A macro puts in its argument as often as it names it; what a list holds is worked out once.
    "CREATE TEMP MACRO ipv6_text(high, low) AS list_transform(list_transform("
    f"[format(':{':'.join(['{:x}'] * 8)}:', {_WORDS})], lambda t: without_zeroes(t)), "
    "lambda t: bare(t))[1]",
    "CREATE TEMP MACRO prefix_text(family, high, low, length) AS CASE WHEN family = 4 "
    f"THEN format('{{}}.{{}}.{{}}.{{}}/{{}}', {_BYTES}, length) "
    "ELSE ipv6_text(high, low) || '/' || length END",
)
"""SQL: the function ``prefix_text``, as :func:`validator.model.format_prefix`."""
