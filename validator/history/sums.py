"""What some groups add up to on chosen days: one question to the files, however many there are.

A trend of ten years asks for its few hundred days alone. The rows come as columns, and what they
add up to is counted without an object for each day.
"""

# ruff: noqa: S608 - SQL is put together from our own names; values are parameters

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.groupings import Attribution, Scheme
from validator.history.figure_layout import STATES
from validator.history.folder import Held
from validator.model import Family

Fetch = Callable[[str, Sequence[Any]], dict[str, NDArray[Any]]]
"""Asks for columns, with values for the placeholders."""
_EPOCH = date(1970, 1, 1).toordinal()


class Sum(NamedTuple):
    """Routes of some groups on a recorded day: how many of the ``announced`` are ``valid``."""

    day: date
    valid: int
    announced: int


def sums(
    held: Held,
    fetch: Fetch,
    paths: Mapping[Any, str],
    of: tuple[str, Attribution, Sequence[str]],
    days: Sequence[date],
) -> dict[Family, tuple[Sum, ...]] | None:
    """What the groups ``of`` a scheme add up to, by family, on those of ``days`` (ascending,
    recorded) on which any of them was counted. A network without a row announced nothing. None if
    no row is of any of these groups.
    """
    scheme, attribution, groups = of
    pair = scheme, str(attribution)
    counted = np.array([pair in held.records[day].schemes for day in days], "?")
    number = {name: place for place, name in enumerate(held.files)}
    owner = np.array([number[held.owner[day]] for day in days], "i8")
    files = np.unique(owner)
    at = np.array([day.toordinal() - _EPOCH for day in days], "i8")
    named, ids = _named(scheme, groups)
    found = fetch(
        "SELECT family, first, last, file_index, valid, "
        f"{' + '.join(f'{each}::UBIGINT' for each in STATES)} AS announced "
        f"FROM read_parquet(?) WHERE scheme = ? AND attribution = ? AND {named}",
        [[paths[held.files[n]] for n in files.tolist()], *pair, *ids],
    )
    if not len(found["family"]):
        return None
    begins, ends = (found[name].astype("datetime64[D]").astype("i8") for name in ("first", "last"))
    low, high = np.searchsorted(at, begins), np.searchsorted(at, ends, side="right")
    spans = high - low
    row = np.repeat(np.arange(len(spans)), spans)
    day = np.arange(len(row)) - np.repeat(np.cumsum(spans) - spans, spans) + low[row]
    speaks = files[found["file_index"].astype("i8")[row]] == owner[day]
    row, day = row[speaks], day[speaks]
    made = {}
    for family in Family:
        ours = found["family"][row] == int(family)
        here, its = day[ours], row[ours]
        valid, announced = (
            np.bincount(here, found[name][its].astype("f8"), len(at)).astype("i8").tolist()
            for name in ("valid", "announced")
        )
        there = counted if scheme == Scheme.ASN else np.bincount(here, minlength=len(at)) > 0
        made[family] = tuple(
            Sum(days[n], valid[n], announced[n]) for n in np.flatnonzero(there).tolist()
        )
    return made


def _named(scheme: str, groups: Sequence[str]) -> tuple[str, list[object]]:
    """SQL: a condition that the statistics of the files help with, which of a network is its number
    (names of networks are in no order), and its values."""
    numbers = [each[2:] for each in groups if scheme == Scheme.ASN and each[2:].isdigit()]
    name = "asn" if len(numbers) == len(groups) else "group_id"
    its: list[object] = [int(n) for n in numbers] if name == "asn" else list(groups)
    if len(its) == 1:
        return f"{name} = ?", its
    return f"{name} IN ({', '.join('?' * len(its))})", its
