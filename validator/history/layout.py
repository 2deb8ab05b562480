"""How history lies in a file: the columns, their order, the metadata, the digest, the names.

Every file has the same columns. A row says that a group had these figures on every day from
``first`` to ``last``, both included, in one family; in a file of one day both are that day, in a
file of a year they are a run of days without a gap. Networks without any route in a family have no
row in it; of all other schemes every group has one.

Rows are sorted by scheme, attribution, family, asn (NULL first), group_id, first. So one group's
rows lie together, and so do all groups of one family: both are found by the statistics that Parquet
keeps of each row group.

The digest of a day is the sum, over its rows, of the low 64 bits of the MD5 (RFC 1321) of the row's
values as text, joined by ``|``, ``first`` and ``last`` left out. It does not depend on the order of
rows nor on the file they are in, so it is the same before and after compaction. It finds accidents;
it is no signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from validator.announced import REASONS
from validator.history.records import Contents, DayRecord, InputRecord

FORMAT = 1
KEY = "originsight_history"
"""Under this name a file's metadata has its :class:`~validator.history.records.Contents`."""

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
COLUMNS: Mapping[str, str] = {**IDENTITY, "first": "DATE", "last": "DATE", **FIGURES}

KEYS = ("scheme", "attribution", "family", "group_id")
CONTENT = ("asn", "position", "name", *FIGURES)
"""What may change from one day to the next: a run ends where any of it does."""

ORDER = "scheme, attribution, family, asn NULLS FIRST, group_id, first"
ROW_GROUP = 61_440
"""Rows: a look-up unpacks one or two groups, and a year's footer stays small (see bench)."""
CODEC = "lz4_raw"
"""Unpacks twice as fast as zstd, and is a third larger (docs/decisions/0006-history-files.md)."""


def digest_of(alias: str = "") -> str:
    """SQL: one row's part of the digest."""
    dot = f"{alias}." if alias else ""
    parts = (f"coalesce({dot}{name}::VARCHAR, '')" for name in (*IDENTITY, *FIGURES))
    return f"md5_number_lower(concat_ws('|', {', '.join(parts)}))"


def digest_text(total: int) -> str:
    return f"{total % (1 << 128):032x}"


def quoted(text: str) -> str:
    """An SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def copy_to(select: str, path: Path, contents: Contents) -> str:
    """SQL: write what ``select`` gives, in its order, as a file of history."""
    return (
        f"COPY ({select}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION {CODEC}, "
        f"ROW_GROUP_SIZE {ROW_GROUP}, KV_METADATA {{{KEY}: {quoted(encode(contents))}}})"
    )


def columns(alias: str = "") -> str:
    dot = f"{alias}." if alias else ""
    return ", ".join(f"{dot}{name}" for name in COLUMNS)


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
        ValueError: it is not that, or of a newer format.
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
    if known.format > FORMAT:
        raise ValueError(f"it is of format {known.format}, which needs a newer Originsight")
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
