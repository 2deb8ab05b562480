"""Routes from a plain list of prefixes and origins: what an operator exports, types or pastes.

Lines: CSV or tab-separated with a header (``prefix,origin_asn`` and its usual spellings) or without
(prefix, then origin), and Routinator's ``PREFIX => ASN``. JSON: Routinator's
``{"routes": [{"asn", "prefix"}]}``, or that list alone. Lines that begin with ``#`` or ``;`` are
comments.

An origin is an AS number, with or without ``AS``; ``NONE`` and AS_SETs (``{1,2}``, ``{1 2}``) are
routes without an origin (RFC 6811 section 2). A list does not say who saw a route, so all of it is
given to one peer that stands for the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
from numpy.typing import NDArray

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from collectors.wire import text as wire
from collectors.wire.json_rows import COUNT, REQUIRED, STRING, find_rows, mended
from validator.kernels.core import kernel
from validator.model import (
    I8,
    NO_NEIGHBOUR,
    NO_ORIGIN,
    U1,
    U4,
    Entry,
    InputReport,
    Peer,
    Prefixes,
    RouteBatch,
)

KIND = "route-list"

MOST_ROWS = 1 << 25
"""Some twenty full tables. Short lines cost more memory as columns than as text."""

BOM = b"\xef\xbb\xbf"
_JSON_KEYS = (("asn", STRING | COUNT | REQUIRED), ("prefix", STRING | REQUIRED))
_PREFIX_TITLES = ("prefix", "ip prefix", "network", "route")
_ORIGIN_TITLES = ("origin asn", "origin as", "origin", "asn", "as")
_EXPECTED = "expected lines like 192.0.2.0/24,64496"

# Possessive throughout, so that no line can make them try twice (Python 3.11).
_AS_SET = re.compile(rb"\{[ \t]*+(?:[Aa][Ss])?+[0-9]++(?:[ \t,]++(?:[Aa][Ss])?+[0-9]++)*+[ \t]*+\}")
_NO_DATA = re.compile(rb"(?:[ \t\r]*+(?:[#;][^\n]*+)?+\n)*+")

_WORDS = {
    wire.NOT_A_PREFIX: "not a prefix:",
    wire.HOST_BITS: "host bits set in",
    wire.BAD_LENGTH: "prefix length too large in",
    wire.NOT_A_NUMBER: "not an AS number:",
    wire.TOO_LARGE: "AS number beyond 32 bits:",
}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Prefix and origin of each row in a text. ``number`` u4 ``(n,)`` names rows for people, in
    ``unit``: the lines of a file, or the elements of a JSON list from 1."""

    text: U1
    prefix: wire.Field
    origin: wire.Field
    number: U4
    unit: str

    def place(self, row: int) -> str:
        return f"{self.unit} {int(self.number[row])}"


def load(file: LocalFile, options: ReadOptions) -> RouteBatch:
    """Read one list. Rows that are no route are left out and counted.

    Raises:
        SourceError: unreadable, not such a list, or without any route; TruncatedSource: cut off.
    """
    archive = Archive(file, options)
    raw = archive.read().removeprefix(BOM)
    truncated = archive.truncated
    if raw[:4096].lstrip()[:1] in (b"{", b"["):
        rows, truncated = _read_json(file.source, raw, truncated, options.allow_truncated)
    else:
        if truncated:
            raw = raw[: raw.rfind(b"\n") + 1]  # half a line may read as another route
        rows = read_lines(file.source, raw)
    return _admit(rows, file.source, archive.sha256, truncated)


def _admit(rows: Rows, source: str, sha256: str, truncated: bool) -> RouteBatch:
    """The door: what is a route comes in, all else is counted by the first reason that applies."""
    if not len(rows.number):
        raise SourceError(source, "has no routes", cure=_EXPECTED)
    prefixes, fault = wire.parse_prefixes(rows.text, rows.prefix)
    asn, origin_fault = wire.parse_asns(rows.text, rows.origin)
    origin, flags = asn.astype("i8"), np.zeros(len(asn), "u1")
    none = _says_none(rows, origin_fault)
    origin[none], flags[none], origin_fault[none] = NO_ORIGIN, Entry.AS_SET, wire.SOUND
    fault = np.where(fault != wire.SOUND, fault, origin_fault)
    rejected = wire.count_faults(fault)
    notes = ["ends early: only the part before that is used"] if truncated else []
    if rejected:
        first = int(np.argmax(fault != wire.SOUND))
        problem = describe(rows, first, int(fault[first]))
        good = fault == wire.SOUND
        if not good.any():
            raise SourceError(
                source,
                f"none of its {len(asn)} rows is a route: {problem}",
                place=rows.place(first),
                cure=_EXPECTED,
            )
        notes.append(f"{rows.place(first)}: {problem}")
        prefixes, origin, flags = prefixes.take(good), origin[good], flags[good]
    report = InputReport(source, KIND, sha256, len(origin), rejected, truncated, notes=tuple(notes))
    return one_peer(prefixes, origin, flags, report)


def one_peer(prefixes: Prefixes, origin: I8, flags: U1, report: InputReport) -> RouteBatch:
    """A batch of routes that one peer, named after the source, stands for."""
    n = len(origin)
    return RouteBatch(
        prefixes,
        np.arange(n, dtype="u4"),
        np.zeros(n, "u2"),
        origin,
        np.full(n, NO_NEIGHBOUR, "u4"),
        np.zeros(n, "u4"),
        flags,
        (Peer(_base_name(report.source), "", 0),),
        report,
    )


def describe(rows: Rows, row: int, fault: int) -> str:
    """What is wrong with a row, with the text that is wrong, fit for a terminal."""
    field = (
        rows.prefix
        if fault in (wire.NOT_A_PREFIX, wire.HOST_BITS, wire.BAD_LENGTH)
        else (rows.origin)
    )
    start = int(field.start[row])
    shown = bytes(rows.text[start : min(start + 60, int(field.stop[row]))])
    quoted = shown.decode("utf-8", "replace").encode("unicode_escape").decode()
    return f"{_WORDS[fault]} {quoted or '(nothing)'}"


def _base_name(source: str) -> str:
    path = urlsplit(source).path if re.match(r"https?://", source) else source
    return PurePosixPath(path).name or source


def _says_none(rows: Rows, fault: U1) -> NDArray[np.int64]:
    """The rows whose origin is the word ``NONE``, in any case."""
    start = rows.origin.start
    found = np.flatnonzero((fault == wire.NOT_A_NUMBER) & (rows.origin.stop - start == 4))
    word = np.frombuffer(b"none", "u1")
    same = np.ones(len(found), "?")
    for i in range(4):
        same &= rows.text[start[found] + np.uint32(i)] | 32 == word[i]
    return found[same]


def _too_many(source: str, unit: str) -> SourceError:
    return SourceError(
        source, f"holds more than {MOST_ROWS:,} {unit}", cure="split it, or give an MRT file"
    )


# ------------------------------------------------------------------------------------------ lines


def read_lines(source: str, raw: bytes) -> Rows:
    """Find prefix and origin in delimited lines; the first line of data says in which way.

    Raises:
        SourceError: too many lines, or a header that names no origin.
    """
    if raw.count(b"\n") > MOST_ROWS:
        raise _too_many(source, "lines")
    if b"{" in raw:
        raw = _AS_SET.sub(b"NONE", raw)  # a set's commas are not delimiters
    skipped = _NO_DATA.match(raw)
    begin = skipped.end() if skipped else 0
    first = raw[begin : begin + 4096].partition(b"\n")[0].decode("utf-8", "replace")
    delimiter = ">" if "=>" in first else "\t" if "\t" in first else ","
    titles = [
        re.sub(r"[\s_-]+", " ", title.strip(' \t\r"=').lower()) for title in first.split(delimiter)
    ]
    prefix_at = next((titles.index(title) for title in _PREFIX_TITLES if title in titles), -1)
    origin_at = next((titles.index(title) for title in _ORIGIN_TITLES if title in titles), -1)
    header = prefix_at >= 0
    line = raw.count(b"\n", 0, begin) + 1
    if header and origin_at < 0:
        raise SourceError(
            source,
            "the header has a column for the prefix but none for the origin",
            place=f"line {line}",
            cure="call it origin_asn",
        )
    columns = [prefix_at, origin_at] if header else [0, 1]
    text = np.frombuffer(raw, "u1")
    (prefix, origin), number = wire.split(text, delimiter, columns, skip=int(header))
    if delimiter == ">":
        _trim_arrow(text, prefix.start, prefix.stop)
    return Rows(text, prefix, origin, number, "line")


@kernel("u1 u4 u4!")
def _trim_arrow(text: U1, start: U4, stop: U4) -> None:
    """Take the ``=`` of ``=>`` off the end of each field, and the blanks before it."""
    for row in range(len(start)):
        end = np.int64(stop[row])
        if end > start[row] and text[end - 1] == 61:
            end -= 1
            while end > start[row] and (text[end - 1] == 32 or text[end - 1] == 9):
                end -= 1
            stop[row] = end


# ------------------------------------------------------------------------------------------- JSON


class _Route(msgspec.Struct, gc=False):
    asn: int | str
    prefix: str


class _Routes(msgspec.Struct):
    routes: list[_Route]


_OBJECT = msgspec.json.Decoder(_Routes)
_LIST = msgspec.json.Decoder(list[_Route])


def _read_json(source: str, raw: bytes, truncated: bool, allow: bool) -> tuple[Rows, bool]:
    """The rows, and whether the document ends early."""
    if raw.count(b"{") > MOST_ROWS:
        raise _too_many(source, "routes")
    try:
        return _rows(source, raw), truncated
    except SourceError as failure:
        whole = mended(raw) if truncated or isinstance(failure, TruncatedSource) else None
        if not allow or whole is None:
            raise
        return _rows(source, whole), True


def _rows(source: str, raw: bytes) -> Rows:
    found = find_rows(raw, "routes", _JSON_KEYS)
    listed = _decode(source, raw if found is None else found.rest)
    if found is not None:
        text, (origin, prefix) = np.frombuffer(raw, "u1"), found.fields
    else:
        n = len(listed)
        text, both = wire.joined([str(r.asn) for r in listed] + [r.prefix for r in listed])
        origin = wire.Field(both.start[:n], both.stop[:n])
        prefix = wire.Field(both.start[n:], both.stop[n:])
    rows = Rows(text, prefix, origin, np.arange(1, len(origin) + 1, dtype="u4"), "route")
    return _without_sets(rows)


def _without_sets(rows: Rows) -> Rows:
    """Write ``NONE`` for the AS_SETs in a JSON list, as :func:`read_lines` does for lines."""
    start, stop = rows.origin.start, rows.origin.stop
    braced = np.zeros(len(start), "?")
    given = stop > start
    braced[given] = rows.text[start[given]] == ord("{")
    chosen = np.flatnonzero(braced)
    if not len(chosen):
        return rows
    origin = wire.Field(start.copy(), stop.copy())
    at = len(rows.text)
    for row in chosen:
        if _AS_SET.fullmatch(bytes(rows.text[start[row] : stop[row]])):
            origin.start[row], origin.stop[row] = at, at + 4
    text = np.concatenate([rows.text, np.frombuffer(b"NONE", "u1")])
    return Rows(text, rows.prefix, origin, rows.number, rows.unit)


def _decode(source: str, raw: bytes) -> Any:
    try:
        if raw.lstrip()[:1] == b"[":
            return _LIST.decode(raw)
        return _OBJECT.decode(raw).routes
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if "truncated" in str(error):
            raise TruncatedSource(
                source, "the JSON ends early", place=f"byte {len(raw)}", cure="fetch it again"
            ) from None
        raise SourceError(
            source, f"not a list of routes: {error}", cure='expected {"routes": [{asn, prefix}]}'
        ) from None
    except RecursionError:
        raise SourceError(source, "not a list of routes: nested too deeply") from None
