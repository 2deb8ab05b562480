"""The VRPs in force as texts, in the formats that Routinator writes and others read.

Each list is written column by column, some 256 KiB at a time, by a compiled loop that lets others
run: all 723,524 VRPs of today are 70 MB of JSON. Texts, field names and their order are those of
Routinator (``src/output.rs``, 0.15), so that what reads its lists reads these. What differs:

- ``metadata`` also has ``"sample": true`` while the data are made up, and ``degraded`` (a list of
  lines) while the VRPs are older than they may be.
- ``roas`` is there even if it is empty; Routinator leaves it out, which some clients do not expect.
  Router keys and ASPAs are left out if there are none, as there.
- ``jsonext`` has, of each VRP's ``source``, the trust anchor (``tal``); where the export gives it,
  ``expires`` (Unix seconds) stands beside it, as rpki-client writes it. URIs, validity times and
  staleness are in no export, so that ``uri`` is null and the rest is left out.
- The trust anchor of what an operator's own exceptions added (RFC 8416) is ``N/A``, as there.

Pure: no I/O, no clock.
"""

from __future__ import annotations

import csv
import enum
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np

from validator import slurm
from validator.formats.replies import generated_time
from validator.formats.vrp_selection import Selection
from validator.kernels.vrp_text import ASN, LONGEST_FIELD, MAX_LENGTH, PREFIX, TEXT, write_vrps
from validator.model import (
    I8,
    NEVER_EXPIRES,
    U1,
    U4,
    Aspa,
    Family,
    Prefixes,
    RouterKey,
    format_asn,
)
from validator.tables.columns import joined
from validator.tables.vrps import VrpTable

_ROWS_AT_ONCE = 1 << 14
_BYTES_AT_ONCE = 256 << 10
_LONGEST_NAME = 200
"""Characters of a trust anchor's name that are written: it comes from afar."""


class Form(enum.Enum):
    """A format. The value is Routinator's name of it, and the path."""

    JSON = "json"
    JSONEXT = "jsonext"
    CSV = "csv"
    CSVCOMPAT = "csvcompat"
    OPENBGPD = "openbgpd"
    BIRD1 = "bird1"
    BIRD2 = "bird2"
    RPSL = "rpsl"


@dataclass(frozen=True, slots=True)
class Parts:
    """Which kinds of payload a list has. Only JSON has more than VRPs."""

    route_origins: bool = True
    router_keys: bool = True
    aspas: bool = True


EVERYTHING = Parts()


@dataclass(frozen=True, slots=True)
class Head:
    """What a JSON list says of itself."""

    generated: int
    """Unix seconds."""
    sample: bool = False
    degraded: tuple[str, ...] = ()

    def fields(self) -> dict[str, object]:
        said: dict[str, object] = {
            "generated": self.generated,
            "generatedTime": generated_time(self.generated),
        }
        if self.sample:
            said["sample"] = True
        if self.degraded:
            said["degraded"] = self.degraded
        return said


@dataclass(frozen=True, slots=True, eq=False)
class VrpRows:
    """Some VRPs in columns, in order: what deltas are made of. ``asn`` u4, ``max_length`` u1."""

    prefixes: Prefixes
    asn: U4
    max_length: U1

    def __len__(self) -> int:
        return len(self.asn)


def rows_of(table: VrpTable, rows: U4) -> VrpRows:
    """The columns of some VRPs of a table."""
    of = np.searchsorted(table.first, rows, side="right") - 1
    family = np.where(of < table.ipv6, 4, 6).astype("u1")
    prefixes = Prefixes(family, table.high[of], table.low[of], table.length[of])
    return VrpRows(prefixes, table.asn[rows], table.max_length[rows])


def all_rows(table: VrpTable) -> VrpRows:
    """The columns of a (small) table."""
    return rows_of(table, np.arange(len(table), dtype="u4"))


def vrp_list(
    table: VrpTable,
    form: Form,
    head: Head,
    parts: Parts = EVERYTHING,
    selection: Selection | None = None,
) -> Iterator[bytes]:
    """The text of a list, piece by piece."""
    rows = None if selection is None else selection.rows(table)
    vrps = _rows(table, rows, form, head) if parts.route_origins else iter(())
    if form in (Form.JSON, Form.JSONEXT):
        return _json(table, form, head, parts, selection, vrps)
    return _plain(form, vrps)


# ---------------------------------------------------------------------------------- rows of VRPs

_encode = msgspec.json.Encoder().encode

_Frame = tuple[tuple[bytes, ...], tuple[int, ...]]
"""Pieces of text, and the fields between them."""

_FRAMES: dict[Form, _Frame] = {
    Form.JSON: (
        (b',\n    { "asn": "AS', b'", "prefix": "', b'", "maxLength": ', b', "ta": ', b" }"),
        (ASN, PREFIX, MAX_LENGTH, TEXT),
    ),
    Form.JSONEXT: (
        (b',\n    { "asn": "AS', b'", "prefix": "', b'", "maxLength": ', b", ", b" }"),
        (ASN, PREFIX, MAX_LENGTH, TEXT),
    ),
    Form.CSV: ((b"AS", b",", b",", b",", b"\n"), (ASN, PREFIX, MAX_LENGTH, TEXT)),
    Form.CSVCOMPAT: ((b'"AS', b'","', b'","', b'",', b"\n"), (ASN, PREFIX, MAX_LENGTH, TEXT)),
    Form.OPENBGPD: ((b"    ", b"", b" source-as ", b"\n"), (PREFIX, TEXT, ASN)),
    Form.BIRD1: ((b"roa ", b" max ", b" as ", b";\n"), (PREFIX, MAX_LENGTH, ASN)),
    Form.BIRD2: ((b"route ", b" max ", b" as ", b";\n"), (PREFIX, MAX_LENGTH, ASN)),
}
_DELTA: _Frame = (
    (
        b',\n    { "type": "routeOrigin", "asn": "AS',
        b'", "prefix": "',
        b'", "maxLength": ',
        b" }",
    ),
    (ASN, PREFIX, MAX_LENGTH),
)
_NO_TEXT = (b"",)


def _rpsl_frame(family: Family, head: Head) -> _Frame:
    made = generated_time(head.generated).encode()
    kind = b"route" if family is Family.IPV4 else b"route6"
    middle = b"\ndescr: RPKI attestation\nmnt-by: NA\ncreated: %b\nlast-modified: %b\nsource: ROA-"
    pieces = b"\n" + kind + b": ", b"\norigin: AS", middle % (made, made), b"-RPKI-ROOT\n\n"
    return pieces, (PREFIX, ASN, TEXT)


def _rows(table: VrpTable, rows: U4 | None, form: Form, head: Head) -> Iterator[bytes]:
    """The VRPs of a list, all or the chosen ones."""
    count = len(table) if rows is None else len(rows)
    names = [_shown(name) for name in table.trust_anchors]
    ipv6 = int(table.first[table.ipv6])
    cuts = [*range(0, count, _ROWS_AT_ONCE), count]
    if form is Form.RPSL:  # it has another frame for each family
        cuts = sorted({*cuts, ipv6 if rows is None else int(np.searchsorted(rows, ipv6))})
    for start, stop in pairwise(cuts):
        chosen = np.arange(start, stop, dtype="u4") if rows is None else rows[start:stop]
        vrps = rows_of(table, chosen)
        if form is Form.RPSL:
            frame = _rpsl_frame(Family(int(vrps.prefixes.family[0])), head)
        else:
            frame = _FRAMES[form]
        yield from _written(vrps, frame, *_texts(table, chosen, vrps, names, form))


def _texts(
    table: VrpTable, chosen: U4, vrps: VrpRows, names: Sequence[str], form: Form
) -> tuple[I8, Sequence[bytes]]:
    """The last field of each VRP: which text it is, and the texts."""
    anchor = table.trust_anchor[chosen].astype("i8")
    if form is Form.JSONEXT:
        # Together in one number: most VRPs share both with many others.
        pairs = np.clip(table.expires[chosen], 0, 1 << 47) << 8 | anchor
        distinct, which = np.unique(pairs, return_inverse=True)
        sources = [_source(name) for name in table.trust_anchors]
        return which.astype("i8"), [
            (b'"expires": %d, ' % (pair >> 8) if pair >> 8 != NEVER_EXPIRES else b"")
            + sources[pair & 255]
            for pair in distinct.tolist()
        ]
    if form is Form.OPENBGPD:
        longer = np.where(vrps.max_length > vrps.prefixes.length, vrps.max_length, 0)
        return longer.astype("i8"), [b"", *(b" maxlen %d" % bits for bits in range(1, 129))]
    if form is Form.JSON:
        return anchor, [_encode(name) for name in names]
    if form is Form.CSV:
        return anchor, [_quoted(name, csv.QUOTE_MINIMAL) for name in names]
    if form is Form.CSVCOMPAT:
        return anchor, [_quoted(name, csv.QUOTE_ALL) for name in names]
    if form is Form.RPSL:
        return anchor, [re.sub("[^!-~]", "-", name.upper()).encode() for name in names]
    return np.zeros(len(chosen), "i8"), _NO_TEXT


def _shown(trust_anchor: str) -> str:
    if trust_anchor in ("", slurm.TRUST_ANCHOR):
        return "N/A"
    return trust_anchor[:_LONGEST_NAME]


def _source(trust_anchor: str) -> bytes:
    if trust_anchor == slurm.TRUST_ANCHOR:
        return b'"source": [ { "type": "exception", "path": null } ]'
    tal = _encode(_shown(trust_anchor))
    return b'"source": [ { "type": "roa", "uri": null, "tal": %b } ]' % tal


def _quoted(text: str, quoting: int) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="", quoting=quoting).writerow((text,))  # type: ignore[arg-type]
    return line.getvalue().encode()


def _written(vrps: VrpRows, frame: _Frame, text: I8, texts: Sequence[bytes]) -> Iterator[bytes]:
    pieces, fields = frame
    around, bounds = joined(pieces)
    words, word_bounds = joined(texts)
    longest = len(around) + len(fields) * (LONGEST_FIELD + max(map(len, texts), default=0))
    out = np.empty(max(_BYTES_AT_ONCE, longest), "u1")
    p, row = vrps.prefixes, 0
    while row < len(vrps):
        row, length = write_vrps(
            p.family, p.high, p.low, p.length, vrps.asn, vrps.max_length, text, words, word_bounds,
            around, bounds, np.array(fields, "u1"), row, out,
        )  # fmt: skip
        yield out[:length].tobytes()


# ----------------------------------------------------------------------------------- whole texts


def _plain(form: Form, vrps: Iterator[bytes]) -> Iterator[bytes]:
    if form is Form.CSV:
        yield b"ASN,IP Prefix,Max Length,Trust Anchor\n"
    elif form is Form.CSVCOMPAT:
        yield b'"ASN","IP Prefix","Max Length","Trust Anchor"\n'
    elif form is Form.OPENBGPD:
        yield b"roa-set {\n"
    yield from vrps
    if form is Form.OPENBGPD:
        yield b"}\n"


def _json(
    table: VrpTable,
    form: Form,
    head: Head,
    parts: Parts,
    selection: Selection | None,
    vrps: Iterator[bytes],
) -> Iterator[bytes]:
    yield b'{\n  "metadata": ' + msgspec.json.format(_encode(head.fields()), indent=2).replace(
        b"\n", b"\n  "
    )
    if parts.route_origins:
        yield from array("roas", vrps)
    named = None if selection is None else selection.asns
    if parts.router_keys:
        keys = [each for each in table.router_keys if named is None or each.asn in named]
        if keys:
            yield from array("routerKeys", _lines(_router_key(each, form) for each in keys))
    if parts.aspas:
        aspas = [each for each in table.aspas if named is None or each.customer in named]
        if aspas:
            yield from array("aspas", _lines(_aspa(each, form) for each in aspas))
    yield b"\n}\n"


def array(name: str, rows: Iterator[bytes]) -> Iterator[bytes]:
    """A member of a JSON object that is an array; each of the rows begins with a comma."""
    lead = b',\n  "%b": [' % name.encode()
    for piece in rows:
        yield lead + piece[1:] if lead else piece
        lead = b""
    yield lead + b"\n  ]"


def _lines(objects: Iterable[dict[str, object]]) -> Iterator[bytes]:
    for each in objects:
        yield b",\n    " + _encode(each)


def _router_key(key: RouterKey, form: Form) -> dict[str, object]:
    fields: dict[str, object] = {
        "asn": format_asn(key.asn),
        "SKI": key.ski,
        "routerPublicKey": key.public_key,
    }
    return fields | _origin_of(key.trust_anchor, "cer", form)


def _aspa(aspa: Aspa, form: Form) -> dict[str, object]:
    fields: dict[str, object] = {
        "customer": format_asn(aspa.customer),
        "providers": [format_asn(each) for each in aspa.providers],
    }
    return fields | _origin_of(aspa.trust_anchor, "aspa", form)


def _origin_of(trust_anchor: str, kind: str, form: Form) -> dict[str, object]:
    name = _shown(trust_anchor)
    if form is Form.JSON:
        return {"ta": name}
    return {"source": [{"type": kind, "uri": None, "tal": name}]}


# ---------------------------------------------------------------------------------------- deltas


def delta_vrps(vrps: VrpRows) -> Iterator[bytes]:
    """VRPs as ``/json-delta`` has them, each line beginning with a comma."""
    for start in range(0, len(vrps), _ROWS_AT_ONCE):
        cut = slice(start, start + _ROWS_AT_ONCE)
        p = vrps.prefixes
        part = VrpRows(
            Prefixes(p.family[cut], p.high[cut], p.low[cut], p.length[cut]),
            vrps.asn[cut],
            vrps.max_length[cut],
        )
        yield from _written(part, _DELTA, np.zeros(len(part), "i8"), _NO_TEXT)


def delta_router_keys(keys: Iterable[RouterKey]) -> Iterator[bytes]:
    """Router keys as ``/json-delta`` has them."""
    return _lines(
        {
            "type": "routerKey",
            "keyIdentifier": key.ski,
            "asn": format_asn(key.asn),
            "keyInfo": key.public_key,
        }
        for key in keys
    )


def delta_aspas(aspas: Iterable[Aspa]) -> Iterator[bytes]:
    """ASPAs as ``/json-delta`` has them."""
    return _lines(
        {
            "type": "aspa",
            "customerAsn": format_asn(aspa.customer),
            "providerAsns": [format_asn(each) for each in aspa.providers],
        }
        for aspa in aspas
    )
