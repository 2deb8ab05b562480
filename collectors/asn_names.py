"""Names of AS numbers, from a CSV that begins ``asn,name``.

With a header, the columns are found by their titles; without one they are the first two. Names
come from strangers and go to terminals and pages: control characters become blanks, and what is
longer than :data:`LONGEST_NAME` is cut. The first name of an AS number stays.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError
from validator.model import AsnNames, InputReport, parse_asn

KIND = "asn-names"
LONGEST_NAME = 256
MOST_NAMES = 1 << 21
"""More are refused: sixteen times what the registries have ever delegated."""

_ASN_TITLES = ("asn", "as", "as number", "asn number", "aut-num", "number")
_NAME_TITLES = ("name", "as name", "asn name", "asname", "description", "descr", "organisation")
_EXPECTED = "expected rows of asn,name with or without a header"


def load(file: LocalFile, options: ReadOptions) -> AsnNames:
    """Read one file of names.

    Rows without an AS number or a name are refused and counted.

    Raises:
        SourceError: unreadable, not a CSV, or without one name; TruncatedSource: it ends early,
            and ``options`` does not allow that.
    """
    archive = Archive(file, options)
    raw = archive.read()
    if archive.truncated:
        raw = raw[: raw.rfind(b"\n") + 1]
    names: dict[int, str] = {}
    rejected: dict[str, int] = {}
    repeated = 0

    def refuse(reason: str) -> None:
        rejected[reason] = rejected.get(reason, 0) + 1

    columns: tuple[int, int] | None = None
    for line, row in _rows(file.source, raw):
        if columns is None:
            columns = _columns(file.source, line, row)
            if columns is not None:
                continue
            columns = 0, 1
        at, named = columns
        try:
            asn = parse_asn(row[at].strip()) if at < len(row) else -1
        except ValueError:
            asn = -1
        if asn < 0:
            refuse("not-an-asn")
            continue
        name = _printable(row[named]) if named < len(row) else ""
        if not name:
            refuse("no-name")
        elif asn in names:
            repeated += 1
        elif len(names) >= MOST_NAMES:
            raise SourceError(
                file.source,
                f"names more than {MOST_NAMES:,} AS numbers",
                place=f"line {line}",
                cure="is it an asn,name file?",
            )
        else:
            names[asn] = name
    if not names:
        raise SourceError(file.source, "has no AS number with a name", cure=_EXPECTED)
    notes = []
    if archive.truncated:
        notes.append("ends early: only the part before that is used")
    if repeated:
        notes.append(f"{repeated} rows name an AS number again: the first name stays")
    return AsnNames(
        names,
        InputReport(
            file.source,
            KIND,
            archive.sha256,
            len(names),
            rejected,
            archive.truncated,
            notes=tuple(notes),
        ),
    )


def _rows(source: str, raw: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    """Each row that is not blank, with the number of the line it ends on."""
    text = io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", errors="replace", newline="")
    reader = csv.reader(text)
    try:
        for row in reader:
            if any(row) and not row[0].startswith("#"):
                yield reader.line_num, row
    except csv.Error as error:
        raise SourceError(
            source, f"not a CSV: {error}", place=f"line {reader.line_num}", cure=_EXPECTED
        ) from None


def _columns(source: str, line: int, row: Sequence[str]) -> tuple[int, int] | None:
    """Where the first row, if it is a header, puts the number and the name."""
    titles = [title.strip().lower().replace("_", " ") for title in row]
    at = next((titles.index(title) for title in _ASN_TITLES if title in titles), -1)
    named = next((titles.index(title) for title in _NAME_TITLES if title in titles), -1)
    if at >= 0 and named >= 0:
        return at, named
    try:
        parse_asn(row[0].strip())
    except ValueError:
        raise SourceError(
            source,
            "the first row is neither an AS number and its name nor a header",
            place=f"line {line}",
            cure=_EXPECTED,
        ) from None
    return None


def _printable(name: str) -> str:
    if not name.isprintable():
        name = "".join(c if c.isprintable() else " " for c in name)
    return " ".join(name.split())[:LONGEST_NAME]
