"""Who holds what: the statistics files of the regional Internet registries (RIRs).

The format is the "RIR Statistics Exchange Format", versions 2 and 2.3, with the extension that
names holders: each RIR's ``delegated-<registry>-extended-latest``, and the combined
``nro-delegated-stats`` of the NRO (https://www.nro.net/wp-content/uploads/nro-extended-stats-readme5.txt).
After comments (``#``), a version line and a summary line for each type follow records::

    version|registry|serial|records|startdate|enddate|UTCoffset
    registry|*|type|*|count|summary
    registry|cc|type|start|value|date|status|opaque-id[|extensions...]

``value`` is a count of addresses for ipv4 (any count, not only powers of two), a prefix length for
ipv6, a count of AS numbers for asn. An opaque-id names a holder within one file, nothing more.

What the records do not say themselves is decided here:

* ``iana`` in the NRO's file is not a holder's registry. It says *allocated* or *assigned* of what
  it gave to an RIR or set aside for a protocol, so its rows are never held: ``available`` (or
  ``ianapool``) stays available, everything else is reserved (``ietf`` as a status too).
* A country that is missing or is not two letters is ``ZZ``, nobody's. EU, AP and such are kept as
  they are; no country is guessed from them. Codes are in upper case, registries in lower case.
* A date that is missing, zero or not in the calendar is 0. No row is lost for its date.
* A header that promises more records than there are means a file that ends early, unless the
  summary lines agree with the records: then the header is what is wrong, and only noted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from collectors.wire import registry as wire
from collectors.wire.text import Field, categories, parse_numbers, split
from validator.model import U1, U2, U4, U8, Holding, InputReport, ResourceBatch

KIND = "resources"
VERSIONS = ("2", "2.3")
NOT_HOLDERS = ("iana", "ietf")
"""Registries whose rows delegate to registries and protocols, not to holders."""
LARGEST_LINES = 1 << 23
"""More lines than this are refused: all the world's registries fill half a million."""
LARGEST_REGISTRIES = 255

_TYPES = ("asn", "ipv4", "ipv6")
_KINDS = np.array([0, 4, 6], "u1")
_STATUSES = {
    "allocated": Holding.ALLOCATED,
    "assigned": Holding.ASSIGNED,
    "available": Holding.AVAILABLE,
    "reserved": Holding.RESERVED,
    "ianapool": Holding.AVAILABLE,
    "ietf": Holding.RESERVED,
}
_HOLDINGS = np.array(list(_STATUSES.values()), "u1")
_REGISTRIES = ("afrinic", "apnic", "arin", "lacnic", "ripencc", *NOT_HOLDERS)
_REGISTRY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")

_UNKNOWN_REGISTRY, _UNKNOWN_STATUS, _UNKNOWN_TYPE = range(wire.BEYOND + 1, wire.BEYOND + 4)
_REASONS = {
    _UNKNOWN_TYPE: "unknown-type",
    _UNKNOWN_STATUS: "unknown-status",
    _UNKNOWN_REGISTRY: "not-a-registry",
    wire.BAD_START: "bad-start",
    wire.BAD_VALUE: "bad-value",
    wire.HOST_BITS: "host-bits",
    wire.BEYOND: "beyond-the-space",
}
_AGAIN = "fetch it again, or use what is readable with --allow-truncated"
_EXPECTED = (
    "expected version|registry|serial|records|startdate|enddate|UTCoffset first, with version "
    + " or ".join(VERSIONS)
)


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The fields of each line that is neither blank nor a comment; row 0 is the version line."""

    text: U1
    registry: Field
    country: Field
    type: Field
    start: Field
    value: Field
    date: Field
    status: Field
    holder: Field
    number: U4

    def take(self, rows: Any) -> _Lines:
        """The chosen rows."""

        def of(field: Field) -> Field:
            return Field(field.start[rows], field.stop[rows])

        return _Lines(
            self.text,
            of(self.registry),
            of(self.country),
            of(self.type),
            of(self.start),
            of(self.value),
            of(self.date),
            of(self.status),
            of(self.holder),
            self.number[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Records:
    """Columns of all records, good or not, and what is wrong with each (``fault``)."""

    kind: U1
    first: U8
    last: U8
    status: U1
    registry: U1
    country: U2
    date: U4
    fault: U1
    registries: tuple[str, ...]
    odd_countries: int
    odd_dates: int


def load(file: LocalFile, options: ReadOptions) -> ResourceBatch:
    """Read one registry file.

    Rows that are no delegation are refused and counted in ``report.rejected``; ``report.notes``
    says where the file contradicts itself.

    Raises:
        SourceError: unreadable, not a registry file, of an unknown version, or without one good
            record; TruncatedSource: it ends early, and ``options`` does not allow that.
    """
    archive = Archive(file, options)
    raw = archive.read().removeprefix(b"\xef\xbb\xbf")
    if archive.truncated:
        raw = raw[: raw.rfind(b"\n") + 1]
    lines = _split(file.source, raw)
    promised, built = _read_header(file.source, lines)
    kind = wire.match_words(lines.text, lines.type, _TYPES)
    record = wire.match_words(lines.text, lines.date, ("summary",)) == wire.NO_WORD
    said = _summaries(lines, kind, record)
    record[0] = False
    # The records usually stand together at the end: then nothing is copied.
    begin = int(np.argmax(record)) if record.any() else len(record)
    rows: Any = slice(begin, None) if record[begin:].all() else np.flatnonzero(record)
    lines, kind = lines.take(rows), kind[rows]
    records = _read_records(file.source, lines, kind)

    found = {word: int(np.count_nonzero(kind == i)) for i, word in enumerate(_TYPES)}
    early, notes = _compare(promised, len(kind), said, found)
    if not early and len(kind) and records.fault[-1] and not raw.endswith(b"\n"):
        early = "its last line is cut off"
    if early and not options.allow_truncated:
        last = raw.count(b"\n") + (not raw.endswith(b"\n"))
        raise TruncatedSource(
            file.source, f"ends early: {early}", place=f"line {last}", cure=_AGAIN
        )
    truncated = bool(early) or archive.truncated
    if truncated:
        notes = ["ends early: only the part before that is used", *notes]
    report = InputReport(
        file.source,
        KIND,
        archive.sha256,
        truncated=truncated,
        built=built,
        notes=tuple(notes),
    )
    return _admit(lines, records, report)


# ------------------------------------------------------------------------------ lines and header


def _split(source: str, raw: bytes) -> _Lines:
    if raw.count(b"\n") >= LARGEST_LINES:
        raise SourceError(
            source, f"has more than {LARGEST_LINES:,} lines", cure="is it a registry file?"
        )
    text = np.frombuffer(raw, "u1")
    (a, b, c, d, e, f, g, h), number = split(text, "|", range(8))
    if not len(number):
        raise SourceError(source, "has no version line", cure=_EXPECTED)
    return _Lines(text, a, b, c, d, e, f, g, h, number)


def _read_header(source: str, lines: _Lines) -> tuple[int, int]:
    """How many records the version line promises (-1: it does not say), and when it was built.

    Its seven fields stand where records have registry to status.
    """

    def field(column: Field) -> str:
        start = int(column.start[0])
        stop = min(int(column.stop[0]), start + 40)
        return bytes(lines.text[start:stop]).decode("utf-8", "replace")

    version = field(lines.registry)
    if version not in VERSIONS:
        if re.fullmatch(r"\d[\d.]*", version):
            problem = f"version {version} of the registry format is not known"
        else:
            problem = "has no version line"
        raise SourceError(source, problem, place=f"line {lines.number[0]}", cure=_EXPECTED)
    records = field(lines.start)
    counted = records.isascii() and records.isdigit() and len(records) < 18
    return int(records) if counted else -1, _built(field(lines.type), field(lines.date))


def _built(serial: str, end: str) -> int:
    """Unix seconds: the moment or day in the serial, if it is near the end date, else that day.

    The serial is only a number to the format, but RIPE NCC and ARIN put the time there and the
    others the day.
    """
    last = _day(end)
    if not (serial.isascii() and serial.isdigit()):
        return last
    made = {8: _day(serial), 10: int(serial), 13: int(serial) // 1000}.get(len(serial), 0)
    return made if made and last and abs(made - last) < 8 * 86400 else last


def _day(text: str) -> int:
    """Unix seconds of a YYYYMMDD day's beginning, 0 if it is none."""
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return 0
    if len(text) != 8 or day.year < 1970:
        return 0
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _summaries(lines: _Lines, kind: U1, record: NDArray[np.bool_]) -> dict[str, int]:
    """What the summary lines say, by type."""
    said: dict[str, int] = {}
    for row in np.flatnonzero(~record)[:64]:  # there are three
        if kind[row] != wire.NO_WORD:
            one = Field(lines.value.start[row : row + 1], lines.value.stop[row : row + 1])
            count = int(parse_numbers(lines.text, one)[0])
            if count >= 0:
                word = _TYPES[kind[row]]
                said[word] = said.get(word, 0) + count
    return said


def _compare(
    promised: int, total: int, said: Mapping[str, int], found: Mapping[str, int]
) -> tuple[str, list[str]]:
    """Whether the file ends early (how we know, or ""), and remarks on its counts."""
    missing = any(count > found[word] for word, count in said.items())
    if promised > total and (missing or not said):
        return f"its header counts {promised} records, {total} are here", []
    if promised < 0 and missing:
        return f"its summary counts {sum(said.values())} records, {total} are here", []
    notes = [
        f"its summary counts {count} {word} records, {found[word]} are here"
        for word, count in said.items()
        if count != found[word]
    ]
    if promised >= 0 and promised != total:
        notes.insert(0, f"its header counts {promised} records, {total} are here")
    return "", notes


# --------------------------------------------------------------------------------------- records


def _read_records(source: str, lines: _Lines, kind: U1) -> _Records:
    """Every record as it is, and what is wrong with it: the first reason of the list above."""
    text = lines.text
    first, last, fault = wire.parse_extents(text, kind, lines.start, lines.value)
    registry, registries, named = _read_registries(source, text, lines.registry)
    word = wire.match_words(text, lines.status, tuple(_STATUSES))
    fault[~named] = _UNKNOWN_REGISTRY
    fault[word == wire.NO_WORD] = _UNKNOWN_STATUS
    fault[kind == wire.NO_WORD] = _UNKNOWN_TYPE
    status = _HOLDINGS[np.minimum(word, len(_HOLDINGS) - 1)]
    for code, name in enumerate(registries):
        if name in NOT_HOLDERS:
            status[(registry == code) & (status != Holding.AVAILABLE)] = Holding.RESERVED
    country, odd_countries = wire.parse_countries(text, lines.country)
    day, odd_dates = wire.parse_dates(text, lines.date)
    return _Records(
        _KINDS[np.minimum(kind, len(_KINDS) - 1)],
        first,
        last,
        status,
        registry,
        country,
        day,
        fault,
        registries,
        odd_countries,
        odd_dates,
    )


def _read_registries(
    source: str, text: U1, field: Field
) -> tuple[U1, tuple[str, ...], NDArray[np.bool_]]:
    """Each row's registry, the names of all, and which rows name one."""
    code = wire.match_words(text, field, _REGISTRIES)
    other = np.flatnonzero(code == wire.NO_WORD)
    seen = np.bincount(code, minlength=len(_REGISTRIES)) > 0
    names = {name: i for i, name in enumerate(_REGISTRIES)}
    named = np.ones(len(code), "?")
    if len(other):
        number, spelled = categories(text, Field(field.start[other], field.stop[other]))
        codes = np.zeros(len(spelled), "u1")
        good = np.array([bool(_REGISTRY_NAME.fullmatch(name)) for name in spelled], "?")
        for i in np.flatnonzero(good):
            codes[i] = names.setdefault(spelled[i].lower(), min(len(names), LARGEST_REGISTRIES))
        if len(names) > LARGEST_REGISTRIES:
            raise SourceError(
                source,
                f"names more than {LARGEST_REGISTRIES} registries",
                cure="is it a registry file?",
            )
        code[other], named[other] = codes[number], good[number]
        seen = np.bincount(code[named], minlength=len(names)) > 0
    used = np.flatnonzero(seen[: len(names)])
    new = np.zeros(256, "u1")
    new[used] = np.arange(len(used))
    every = list(names)
    return new[code], tuple(every[i] for i in used), named


def _admit(lines: _Lines, records: _Records, report: InputReport) -> ResourceBatch:
    """Only the good rows, with their holders numbered and what was refused counted."""
    fault = records.fault
    good = fault == wire.SOUND
    counts = np.bincount(fault, minlength=max(_REASONS) + 1)
    rejected = {reason: int(counts[code]) for code, reason in _REASONS.items() if counts[code]}
    if len(fault) and not good.any():
        listed = ", ".join(f"{reason} {count}" for reason, count in rejected.items())
        raise SourceError(
            report.source,
            f"none of its {len(fault)} records is a delegation: {listed}",
            cure="is it a registry file?",
        )
    keep: Any = good if rejected else slice(None)
    holder = Field(lines.holder.start[keep], lines.holder.stop[keep])
    number, holders = wire.number_labels(lines.text, holder)
    status, country = records.status[keep], records.country[keep]
    used = np.bincount(country, minlength=wire.COUNTRIES) > 0
    used[0] = True
    renumbered = (np.cumsum(used) - 1).astype("u2")
    notes = [*report.notes]
    if rejected:
        worst = int(np.argmin(good))
        notes.append(f"first refused: line {lines.number[worst]} ({_REASONS[int(fault[worst])]})")
    homeless = int(np.count_nonzero((status <= Holding.ASSIGNED) & (country == 0)))
    for count, remark in (
        (records.odd_dates, "a date that is none: taken as not known"),
        (records.odd_countries, f"a country that is not two letters: taken as {wire.NOBODY}"),
        (homeless, f"a holder but no country: counted under {wire.NOBODY}"),
    ):
        if count:
            notes.append(f"{count} records have {remark}")
    return ResourceBatch(
        records.kind[keep],
        records.first[keep],
        records.last[keep],
        status,
        records.registry[keep],
        renumbered[country],
        number,
        records.date[keep],
        records.registries,
        tuple(wire.country_name(int(code)) for code in np.flatnonzero(used)),
        holders,
        replace(report, rows=len(status), rejected=rejected, notes=tuple(notes)),
    )
