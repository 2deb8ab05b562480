"""How history lies in files: what all kinds of them have in common (:class:`Layout`), and names.

A row says that something was so on every day from ``first`` to ``last``, both included; in a file
of one day both are that day, in a file of a year they are a run of days without a gap. The *keys*
say what the row is about, the *content* what may change from one day to the next: a run ends where
any of it does. Rows are sorted by the keys, so that what is asked for lies together and is found by
the statistics that Parquet keeps of each row group. Which columns there are is the kind's own
affair: :mod:`~validator.history.figure_layout`, :mod:`~validator.history.table_layouts`.

The digest of a day is the sum, over its rows, of the low 64 bits of the MD5 (RFC 1321) of the row's
values as text, joined by ``|``, ``first`` and ``last`` left out. It does not depend on the order of
rows nor on the file they are in, so it is the same before and after compaction. It finds accidents;
it is no signature.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from validator.history.records import Contents, DayRecord, InputRecord

FORMAT = 1
DAYS = ("first", "last")
"""The columns that every kind has: a run's days."""

Divide = Callable[[Any, Sequence[str]], Sequence[str]]
"""From a connection and paths of files to conditions, each for some rows, in the order of the
layout; together all rows. None is for more rows than can be sorted in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One kind of file. ``columns`` gives the SQL type of each, in order, :data:`DAYS` among them;
    ``order`` is what rows are sorted by, as SQL; under the name ``key`` a file's metadata has its
    :class:`~validator.history.records.Contents`."""

    kind: str
    key: str
    columns: Mapping[str, str]
    keys: tuple[str, ...]
    content: tuple[str, ...]
    order: str
    divide: Divide
    codec: str
    row_group: int
    format: int = FORMAT

    @property
    def listed(self) -> str:
        """SQL: all columns."""
        return ", ".join(self.columns)

    @property
    def values(self) -> tuple[str, ...]:
        """All columns but a run's days."""
        return tuple(name for name in self.columns if name not in DAYS)

    def on_day(self, day: date) -> str:
        """SQL: all columns, of rows that have no days yet and are all of one."""
        return ", ".join(
            f"DATE '{day}' AS {name}" if name in DAYS else name for name in self.columns
        )

    @property
    def digest(self) -> str:
        """SQL: one row's part of the digest."""
        parts = (f"coalesce({name}::VARCHAR, '')" for name in self.values)
        return f"md5_number_lower(concat_ws('|', {', '.join(parts)}))"

    def copy_to(self, select: str, path: Path, contents: Contents) -> str:
        """SQL: write what ``select`` gives, in its order, as a file of history."""
        metadata = f"{{{self.key}: {quoted(encode(contents))}}}"
        return (
            f"COPY ({select}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION {self.codec}, "
            f"ROW_GROUP_SIZE {self.row_group}, KV_METADATA {metadata})"
        )

    def contents(self, days: Iterable[DayRecord]) -> Contents:
        return Contents(format=self.format, days=tuple(days))

    def decode(self, text: bytes | str) -> Contents:
        """Metadata again.

        Raises:
            ValueError: it is not that, or of a newer format.
        """
        contents = decode(text)
        if contents.format > self.format:
            raise ValueError(f"it is of format {contents.format}, which needs a newer Originsight")
        return contents


def digest_text(total: int) -> str:
    return f"{total % (1 << 128):032x}"


def quoted(text: str) -> str:
    """An SQL literal."""
    return "'" + text.replace("'", "''") + "'"


# ---------------------------------------------------------------------------------------- metadata


class _Day(msgspec.Struct, frozen=True):
    """A record whose inputs are places in the list of the file: many days share them."""

    record: DayRecord
    inputs: tuple[int, ...]


class _File(msgspec.Struct, frozen=True):
    format: int
    days: tuple[_Day, ...]
    inputs: tuple[InputRecord, ...]


_decode = msgspec.json.Decoder(_File).decode


def encode(contents: Contents) -> str:
    """Metadata as text."""
    places: dict[InputRecord, int] = {}
    days = []
    for record in contents.days:
        mine = tuple(places.setdefault(each, len(places)) for each in record.inputs)
        days.append(_Day(msgspec.structs.replace(record, inputs=()), mine))
    return msgspec.json.encode(_File(contents.format, tuple(days), tuple(places))).decode()


def decode(text: bytes | str) -> Contents:
    """Metadata again.

    Raises:
        ValueError: it is not that.
    """
    try:
        known = _decode(text)
        days = tuple(
            msgspec.structs.replace(
                each.record, inputs=tuple(known.inputs[place] for place in each.inputs)
            )
            for each in known.days
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError) as error:
        raise ValueError(f"its metadata cannot be read: {error}") from None
    return Contents(format=known.format, days=tuple(sorted(days, key=lambda each: each.day)))


# ------------------------------------------------------------------------------------------- names

_NAME = re.compile(r"(day|year)-(\d{4}(?:-\d\d-\d\d)?)-(\d{1,9})\.parquet")


class FileName(NamedTuple):
    """``day-2026-11-22-3.parquet``, ``year-2025-1.parquet``. A name is used once: what replaces a
    file has the next ``edition``."""

    kind: str
    period: str
    edition: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.period}-{self.edition}.parquet"

    @classmethod
    def parse(cls, text: str) -> FileName | None:
        """None: no file of ours."""
        match = _NAME.fullmatch(text)
        if not match or (match[1] == "day") != ("-" in match[2]):
            return None
        try:
            date.fromisoformat(match[2] if match[1] == "day" else f"{match[2]}-01-01")
        except ValueError:
            return None
        return cls(match[1], match[2], int(match[3]))

    @property
    def year(self) -> int:
        return int(self.period[:4])


def latest(names: Iterable[FileName]) -> list[FileName]:
    """Of each period the newest edition: years before days, in order."""
    newest: dict[tuple[str, str], FileName] = {}
    for name in names:
        known = newest.get((name.kind, name.period))
        if known is None or known.edition < name.edition:
            newest[name.kind, name.period] = name
    return sorted(newest.values(), key=lambda each: (each.kind != "year", each.period))
