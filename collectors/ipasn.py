"""Routes from a pyasn database: the ``.dat`` files that people have kept for years.

A file holds one origin for each prefix (whoever made it picked one of several), so it is good for
look-ups and for old tables, not for counting conflicts. It is read by pyasn itself, the authority
on its format. pyasn is lenient where it hurts (it drops host bits and reads ``5x`` as 5) and says
little when it refuses, so each line is checked before, and the line at fault is named. Like pyasn,
we refuse a file for one bad line: the files are made by a program, and a bad line means damage.

pyasn holds the interpreter lock while it builds its tree (300 ms and 150 MB for a full table), so
this runs in a worker process.
"""

from __future__ import annotations

import tempfile

import numpy as np
import pyasn

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError
from collectors.route_list import BOM, MOST_ROWS, Rows, describe, one_peer
from collectors.wire import text as wire
from validator.model import U4, InputReport, Prefixes, RouteBatch

KIND = "pyasn"
_HEAD_BYTES = 16 << 10
"""Where remarks stand that say whether it was made from a sample."""
_CURE = "make it again with pyasn_util_convert.py"


def load(file: LocalFile, options: ReadOptions) -> RouteBatch:
    """Read one database. The routes come in the order of pyasn's tree.

    Raises:
        SourceError: unreadable, or not a database that pyasn takes; TruncatedSource: cut off.
    """
    archive = Archive(file, options)
    raw = archive.read().removeprefix(BOM)
    if archive.truncated:
        raw = raw[: raw.rfind(b"\n") + 1]
    rows = _checked(file.source, raw)
    prefixes, asn = _tree(file.source, raw, rows)
    notes = ["ends early: only the part before that is used"] if archive.truncated else []
    repeated = len(rows.number) - len(asn)
    if repeated:
        notes.append(f"{repeated} lines repeat a prefix: pyasn keeps the last origin of each")
    report = InputReport(
        file.source,
        KIND,
        archive.sha256,
        len(asn),
        {"repeated-prefix": repeated} if repeated else {},
        archive.truncated,
        notes=tuple(notes),
        sample=any(line.startswith(b"; SAMPLE") for line in raw[:_HEAD_BYTES].split(b"\n")),
    )
    return one_peer(prefixes, asn.astype("i8"), np.zeros(len(asn), "u1"), report)


def _checked(source: str, raw: bytes) -> Rows:
    """The lines of the file, all of which pyasn can take."""
    if raw.count(b"\n") > MOST_ROWS:
        raise SourceError(source, f"holds more than {MOST_ROWS:,} lines")
    text = np.frombuffer(raw, "u1")
    (prefix, origin), number = wire.split(text, "\t", [0, 1])
    rows = Rows(text, prefix, origin, number, "line")
    if not len(number):
        raise SourceError(source, "has no routes", cure=_CURE)
    prefixes, fault = wire.parse_prefixes(text, prefix)
    asn, asn_fault = wire.parse_asns(text, origin)
    fault = np.where(fault != wire.SOUND, fault, asn_fault)
    bad = np.flatnonzero((fault != wire.SOUND) | (asn == 0) | (prefixes.length == 0))
    if len(bad):
        row = int(bad[0])
        if fault[row] != wire.SOUND:
            problem = describe(rows, row, int(fault[row]))
        elif asn[row] == 0:
            problem = "AS0 as an origin, which pyasn refuses"
        else:
            problem = "a default route, which pyasn refuses"
        raise SourceError(source, problem, place=rows.place(row), cure=_CURE)
    return rows


def _tree(source: str, raw: bytes, rows: Rows) -> tuple[Prefixes, U4]:
    """Build pyasn's tree from the text and read its prefixes and AS numbers back."""
    with tempfile.NamedTemporaryFile(suffix=".dat") as plain:  # pyasn unpacks what ends in .gz
        plain.write(raw)
        plain.flush()
        try:
            tree = pyasn.pyasn(plain.name).radix
        except (RuntimeError, ValueError, OSError) as failure:
            raise SourceError(
                source, "pyasn refuses it", place=_where(str(failure), rows), cure=_CURE
            ) from failure
    asn = np.fromiter((node.asn for node in tree), "u4")
    text, field = wire.joined(tree.prefixes())
    prefixes, fault = wire.parse_prefixes(text, field)
    if len(asn) != len(prefixes) or fault.any():
        raise SourceError(source, "pyasn gives back something that is not a prefix", cure=_CURE)
    return prefixes, asn


def _where(message: str, rows: Rows) -> str:
    """pyasn says "(record: 7)", counting the lines that it takes for records, from 1."""
    record = message.partition("(record: ")[2].partition(")")[0]
    if record.isdigit() and 0 < int(record) <= len(rows.number):
        return rows.place(int(record) - 1)
    return ""
