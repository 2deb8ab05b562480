"""Writes a pyasn database: the ``.dat`` that pyasn, and all that is built on it, loads.

pyasn keeps one origin for each prefix. Where several are announced, the one that most peers see is
written, of equals the lowest number. (pyasn's own converter takes the first entry of a RIB, which
is the vantage points' order and nothing else.)

What is left out is what pyasn refuses, and what its converter, ``pyasn_util_convert.py``, leaves
out: default routes, origins NONE and AS 0, and of each prefix the other origins. All else stays,
also what coverage excludes as special-purpose, too specific or seen by too few: a database for
look-ups should say what is announced. What is left out is counted by reason, in the file as well.

The same input makes the same file, byte for byte: no clock is read. The head is what
``pyasn_util_convert.py`` writes, but for the time of conversion, in whose place each source has the
time at which it was made. No line of it may reach 512 bytes, where pyasn would cut it in two and
take the second half for a route.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from validator.model import InputReport, format_prefix
from validator.tables.routes import RouteTable

_ROWS_AT_A_TIME = 20_000
_LONGEST = 400
"""Of the variable part of a line in the head, in characters."""
_MOST_SOURCES, _MOST_NOTES = 20, 8


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The routes to write: ``rows`` i8, ascending rows of the table; ``ipv4`` of them are IPv4.

    ``left_out`` counts all others by the first reason that applies: ``default-route``,
    ``no-origin``, ``as0``, ``other-origin``; reasons that leave none out are not in it.
    Rows + left out = all routes.
    """

    rows: NDArray[np.int64]
    ipv4: int
    left_out: Mapping[str, int]


def choose(routes: RouteTable) -> Chosen:
    """One origin for each prefix that pyasn can hold (see the module)."""
    default = routes.length == 0
    none, as0 = ~default & (routes.origin < 0), ~default & (routes.origin == 0)
    held = np.flatnonzero(~default & (routes.origin > 0))
    begins = np.ones(len(held), "?")
    begins[1:] = held[1:] >= routes.ipv6
    begins[1:] &= held[:-1] < routes.ipv6
    for column in (routes.high, routes.low, routes.length):
        values = column[held]
        begins[1:] |= values[1:] != values[:-1]
    # Origins of a prefix ascend in the table, and a stable sort keeps them so among equals.
    least_first = (np.cumsum(begins) << 16) + (0xFFFF - routes.peers[held].astype("i8"))
    rows = held[np.argsort(least_first, kind="stable")][begins]
    counts = {
        "default-route": int(default.sum()),
        "no-origin": int(none.sum()),
        "as0": int(as0.sum()),
        "other-origin": len(held) - len(rows),
    }
    return Chosen(
        rows,
        int(np.count_nonzero(rows < routes.ipv6)),
        {reason: count for reason, count in counts.items() if count},
    )


def summarise(chosen: Chosen) -> str:
    """One line for a person: what is in the database, and what is not."""
    ipv4 = chosen.ipv4
    return (
        f"{ipv4:,} IPv4 and {len(chosen.rows) - ipv4:,} IPv6 prefixes; "
        f"routes left out: {_reasons(chosen.left_out)}"
    )


def write(
    out: TextIO,
    routes: RouteTable,
    chosen: Chosen,
    reports: Sequence[InputReport],
    *,
    notice: str = "",
) -> None:
    """Write a database in the order of the table; IPv6 in RFC 5952's form.

    ``notice`` is a line for the head, such as that all of this is a sample.
    """
    for line in _head(chosen, reports, notice):
        out.write(f"; {line}\n")
    for start in range(0, len(chosen.rows), _ROWS_AT_A_TIME):
        rows = chosen.rows[start : start + _ROWS_AT_A_TIME]
        columns: list[list[Any]] = [
            column[rows].tolist()
            for column in (routes.high, routes.low, routes.length, routes.origin)
        ]
        families = np.where(rows < routes.ipv6, 4, 6).tolist()
        out.writelines(
            f"{format_prefix(family, high, low, length)}\t{origin}\n"
            for family, high, low, length, origin in zip(families, *columns, strict=True)
        )


@contextmanager
def compressed(out: TextIO) -> Iterator[TextIO]:
    """A text stream that is written to ``out`` as gzip, without a name or a time in it."""
    # Level 6 as gzip(1), which is what pyasn's converter calls; 9 takes twice its time.
    raw = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=out.buffer, mtime=0)
    with raw, io.TextIOWrapper(raw, encoding="ascii", newline="") as text:
        yield text


def _head(chosen: Chosen, reports: Sequence[InputReport], notice: str) -> Iterator[str]:
    yield "IP-ASN32-DAT file"
    if notice:
        yield _plain(notice)
    for report in reports[:_MOST_SOURCES]:
        built = _moment(report.built)
        yield f"Original source: {_plain(report.source)}" + (f" of {built}" if built else "")
        for note in report.notes[:_MOST_NOTES]:
            yield f"  {_plain(note)}"
    if len(reports) > _MOST_SOURCES:
        yield f"and {len(reports) - _MOST_SOURCES:,} more sources"
    yield f"Prefixes-v4   : {chosen.ipv4}"
    yield f"Prefixes-v6   : {len(chosen.rows) - chosen.ipv4}"
    yield f"Left out      : {_reasons(chosen.left_out)}"
    yield ""


def _reasons(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in left_out.items()) or "none"


def _plain(text: str) -> str:
    """ASCII on one line, and not too long."""
    plain = text.encode("unicode_escape").decode("ascii")
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."


def _moment(built: int) -> str:
    """When a source was made; empty if it does not say, or says what is no time."""
    try:
        return datetime.fromtimestamp(built, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if built else ""
    except (ValueError, OverflowError, OSError):
        return ""
