"""Coverage as text, CSV and JSON: the rows of :func:`validator.figures.coverage.rows`, byte for
byte.

A table by ASN has 115,000 rows. One row as a Python object takes some 20 µs, which is right for a
few; here each field is a column, each distinct fraction is put into words once, and a compiled loop
writes the text without holding the interpreter, so that a service answers meanwhile.

What a row looks like is said in one place all the same: the text between the fields is cut from a
row that :func:`validator.figures.coverage.row` makes.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from validator.figures import table_rows as tables
from validator.figures.coverage import (
    SLASH_64S_IN_48,
    Coverage,
    Figures,
    Order,
    divide,
    row,
    shares,
    shown,
)
from validator.kernels.coverage import number_values
from validator.kernels.text import LONGEST_NUMBER, write_rows
from validator.model import I8, Family
from validator.tables.columns import joined_text

_BYTES_AT_ONCE = 256 << 10

# The fields that differ from row to row, in the order of tables.COVERAGE_COLUMNS.
_GROUP, _NAME, _ANNOUNCED = 0, 1, 2
_STATES, _SPACES, _SHARES = slice(3, 6), slice(6, 11), slice(11, 16)
_CELLS = 16


def csv_text(
    coverage: Coverage,
    name: Callable[[str], str],
    families: Sequence[Family] = tuple(Family),
    order: Order = Order.SPACE,
) -> Iterator[bytes]:
    """A header and a line for each row, some 256 KiB of whole lines at a time."""
    yield _csv_line(tables.COVERAGE_COLUMNS).encode()
    yield from _rows(coverage, name, families, order, _CSV)


def json_rows(
    coverage: Coverage,
    name: Callable[[str], str],
    families: Sequence[Family] = tuple(Family),
    order: Order = Order.SPACE,
) -> Iterator[bytes]:
    """What stands between the brackets of a JSON array of the rows, some 256 KiB at a time."""
    lead = 1  # the comma before the first row
    for text in _rows(coverage, name, families, order, _JSON):
        yield text[lead:]
        lead = 0


# ------------------------------------------------------------------------------------- two forms

_SAME_IN_ALL = ("scheme", "family", "unit")
_TEXT, _NUMBER = "$", "#"  # what a row without its other fields has in their places


@dataclass(frozen=True, slots=True)
class _Form:
    """How a row is written, and what it has around the fields that it leaves out: ``line`` writes
    one, ``holes`` finds the places.

    A text in which ``unsafe`` is found stands there as ``escape`` writes it, any other as it is.
    ``fraction`` writes a number that is not an integer, None being a share of nothing.
    """

    line: Callable[[dict[str, Any]], str]
    holes: re.Pattern[str]
    unsafe: re.Pattern[str]
    escape: Callable[[str], str]
    fraction: Callable[[float | None], str]


def _csv_line(values: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


_CSV = _Form(
    line=lambda row: _csv_line(tables.flat(row)),
    holes=re.compile(f"[{_TEXT}{_NUMBER}]"),
    unsafe=re.compile('[",\r\n]'),
    escape=lambda text: _csv_line((text, ""))[: -len(",\n")],
    fraction=lambda number: "" if number is None else repr(number),
)
_JSON = _Form(
    line=lambda row: "," + _json(row),
    holes=re.compile(f'[{_TEXT}]|"{_NUMBER}"'),  # the quotes around a text stay
    unsafe=re.compile(r'["\\\x00-\x1f]'),
    escape=lambda text: _json(text)[1:-1],
    fraction=_json,
)


def _frame(scheme: str, family: Family, form: _Form) -> list[str]:
    """What stands before, between and after the cells of a row."""

    def emptied(fields: dict[str, Any]) -> dict[str, Any]:
        return {
            key: emptied(value) if isinstance(value, dict)
            else value if key in _SAME_IN_ALL
            else _TEXT if isinstance(value, str)
            else _NUMBER
            for key, value in fields.items()
        }  # fmt: skip

    return form.holes.split(form.line(emptied(row(Figures(*[0] * 8), scheme, "", "", family))))


# -------------------------------------------------------------------------------------- the rows


def _rows(
    coverage: Coverage,
    name: Callable[[str], str],
    families: Sequence[Family],
    order: Order,
    form: _Form,
) -> Iterator[bytes]:
    groups = _safe(coverage.groups, form)
    names = _safe(list(map(name, coverage.groups)), form)
    for family in families:
        frame, frame_bounds = joined_text(_frame(coverage.scheme, family, form))
        cells, fractions = _cells(coverage, family, order)
        written = (form.fraction(None if each != each else each) for each in fractions)
        texts, text_bounds = joined_text([*groups, *names, *written])
        longest = int(np.diff(text_bounds).max(initial=0))  # of groups and names
        room = len(frame) + 2 * longest + (_CELLS - 2) * LONGEST_NUMBER
        out = np.empty(max(_BYTES_AT_ONCE, room), "u1")
        at, flat = 0, cells.ravel()
        while at < len(cells):
            at, length = write_rows(flat, texts, text_bounds, frame, frame_bounds, at, out)
            yield out[:length].tobytes()


def _safe(texts: Sequence[str], form: _Form) -> Sequence[str]:
    if form.unsafe.search("".join(texts)) is None:
        return texts
    return [form.escape(text) if form.unsafe.search(text) else text for text in texts]


def _cells(coverage: Coverage, family: Family, by: Order) -> tuple[I8, list[float]]:
    """The cells ``(rows, 16)`` as :func:`validator.kernels.text.write_rows` takes them, and the
    distinct fractions.

    The texts that they stand for are each group, each group's name, then these fractions.
    """
    order = shown(coverage, family, by)
    counts, spaces = coverage.routes[family][order], coverage.space[family][order]
    cells = np.empty((len(order), _CELLS), "i8")
    cells[:, _GROUP] = ~order
    cells[:, _NAME] = ~(order + len(coverage.groups))
    cells[:, _ANNOUNCED] = counts.sum(axis=1)
    cells[:, _STATES] = counts
    cells[:, _SPACES] = spaces
    broken = np.zeros(spaces.shape, "?")  # not a whole number of units
    if family is Family.IPV6:
        cells[:, _SPACES] = spaces // np.uint64(SLASH_64S_IN_48)
        broken = spaces % np.uint64(SLASH_64S_IN_48) > 0
    parts = spaces[broken]
    quotients = shares(counts, spaces).ravel()
    fractions = np.concatenate((quotients, divide(parts, np.full_like(parts, SLASH_64S_IN_48))))
    seed = int.from_bytes(os.urandom(7), "little")
    numbers, distinct = number_values(fractions.view("i8"), seed)
    texts = ~(numbers.astype("i8") + 2 * len(coverage.groups))
    cells[:, _SHARES] = texts[: len(quotients)].reshape(-1, 5)
    cells[:, _SPACES][broken] = texts[len(quotients) :]
    return cells, distinct.view("f8").tolist()
