"""Any number of routes validated as they come: bytes in, bytes out, no I/O, constant memory.

Routes come a line each, as NDJSON (``{"asn": 64496, "prefix": "192.0.2.0/24"}``) or as CSV with a
header that names the columns ``asn`` and ``prefix``; answers go out a line each, in the same form
and order. A line that is no good route is answered with a line that says so and why, and the rest
goes on. Blank lines are not answered. Lines are counted from 1, the blank ones and the header too.

How a route is read is said in :mod:`validator.formats.asked`, what is said of it in
:mod:`validator.formats.replies`, and :meth:`Bulk._told` does no more than ask these two. But that
takes some ten microseconds a route, so compiled loops (:mod:`validator.kernels.bulk`) read,
validate and write what is spelled plainly, which is nearly everything.
"""

from __future__ import annotations

import csv
import enum
import io
from collections.abc import Sequence

import msgspec
import numpy as np

from collectors.wire.text import SOUND, Field, parse_prefixes
from validator.formats.asked import AskedRoute, asked_asn, strict_prefix
from validator.formats.replies import VrpLists, VrpReply, validated_route
from validator.kernels import bulk as kernels
from validator.kernels import reply as reply_kernels
from validator.model import I8, U1, Prefix, State
from validator.origin_validation import explain
from validator.tables.columns import joined
from validator.tables.vrps import VrpTable

LONGEST_LINE = 64 << 10
_LONGEST_MESSAGE = 200
_BOM = b"\xef\xbb\xbf"
_BLANKS = " \t\r"
_ERROR = "error"

_decode = msgspec.json.Decoder(AskedRoute).decode
_encode = msgspec.json.Encoder().encode


class Form(enum.Enum):
    NDJSON = "ndjson"
    CSV = "csv"


class HeaderError(ValueError):
    """A CSV that does not begin with a header that names its columns."""


class RouteLine(msgspec.Struct, frozen=True, kw_only=True, rename={"vrps": "VRPs"}):
    """The answer about one route of an NDJSON list. ``reason`` (``as`` or ``length``) only if it
    is invalid, ``VRPs`` only if asked for: both as in the answer about a single route."""

    asn: str
    prefix: str
    state: str
    reason: str | msgspec.UnsetType = msgspec.UNSET
    vrps: VrpLists | msgspec.UnsetType = msgspec.UNSET


class ErrorLine(msgspec.Struct, frozen=True):
    """What is said of a line that is no good route."""

    line: int
    error: str


class Bulk:
    """One list. Feed it pieces of any size, then :meth:`finish`; what each returns goes out."""

    def __init__(
        self,
        vrps: VrpTable,
        form: Form,
        *,
        with_vrps: bool = False,
        longest_line: int = LONGEST_LINE,
    ) -> None:
        self._vrps, self._form, self._with_vrps = vrps, form, with_vrps
        self._longest = longest_line
        self._lines = 0
        self._rest = b""
        self._begun = False
        self._skipping = False  # inside a line that is too long
        self._columns: tuple[int, int] | None = None
        self._frame, self._frame_bounds = _FRAMES[form]

    def feed(self, data: bytes) -> bytes:
        """The answers on the lines that ``data`` ends.

        Raises:
            HeaderError: the first line of a CSV is no header. Only before anything was returned.
        """
        data = self._rest + data
        if not self._begun:
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._rest = data
                return b""
            self._begun = True
            data = data.removeprefix(_BOM)
        out = b""
        if self._skipping:
            end = data.find(b"\n")
            if end < 0:
                self._rest = b""
                return b""
            self._skipping = False
            out, data = self._too_long(), data[end + 1 :]
        whole = data.rfind(b"\n") + 1
        self._rest = data[whole:]
        if len(self._rest) > self._longest:
            self._rest, self._skipping = b"", True
        return out + self._answer(data[:whole]) if whole else out

    def finish(self) -> bytes:
        """The answer on a last line without a line break.

        Raises:
            HeaderError: a CSV without any line.
        """
        rest, self._rest = self._rest, b""
        if self._skipping:
            self._skipping = False
            return self._too_long()
        out = self._answer(rest + b"\n") if rest else b""
        if self._form is Form.CSV and self._columns is None:
            raise HeaderError("an empty list: the first line must name the columns asn and prefix")
        return out

    def break_off(self, why: str) -> bytes:
        """Instead of :meth:`finish`: what follows cannot be had. A line without its end is not
        answered, since it may mean another route than the whole line would."""
        self._rest, self._skipping = b"", False
        return self._error(self._lines + 1, why)

    # ------------------------------------------------------------------------------------ blocks

    def _answer(self, block: bytes) -> bytes:
        """``block`` is whole lines."""
        if self._form is Form.CSV and self._columns is None:
            return self._header(block)
        text = np.frombuffer(block, "u1")
        lines = block.count(b"\n")
        kind, asn = np.empty(lines, "u1"), np.zeros(lines, "i8")
        line_start, line_stop, start, stop = (np.empty(lines, "u4") for _ in range(4))
        found = kind, line_start, line_stop, start, stop, asn
        if self._columns is None:
            kernels.find_in_ndjson(text, self._longest, _ASN, _PREFIX, *found)
        else:
            kernels.find_in_csv(text, self._longest, *self._columns, *found)
        prefixes, fault = parse_prefixes(text, Field(start, stop))
        kind[(fault != SOUND) & (kind == kernels.PLAIN)] = kernels.ODD
        if self._with_vrps:
            kind[kind == kernels.PLAIN] = kernels.ODD
        odd = np.flatnonzero(kind == kernels.ODD)
        told = [
            self._told(block[first:last], self._lines + row + 1)
            for row, first, last in zip(
                odd.tolist(), line_start[odd].tolist(), line_stop[odd].tolist(), strict=True
            )
        ]
        kind[odd] = kernels.TOLD
        self._lines += lines
        told_text, told_bounds = joined(told)
        plain = int(np.count_nonzero(kind == kernels.PLAIN))
        most = kernels.LONGEST_ROUTE + len(self._frame)
        out = np.empty(len(told_text) + plain * most, "u1")
        vrps = self._vrps
        size = kernels.answer_rows(
            vrps.high, vrps.low, vrps.length, vrps.parent, vrps.first, vrps.asn, vrps.max_length,
            vrps.ipv6, kind, asn, prefixes.family, prefixes.high, prefixes.low, prefixes.length,
            told_text, told_bounds, self._frame, self._frame_bounds,
            self._form is Form.NDJSON, out,
        )  # fmt: skip
        return out[:size].tobytes()

    def _header(self, block: bytes) -> bytes:
        """Read the header of a CSV, and answer on what follows it."""
        while block:
            line, _, block = block.partition(b"\n")
            self._lines += 1
            if not line.strip(_BLANKS.encode()):
                continue
            if len(line) > self._longest:
                raise HeaderError(f"the header is longer than {self._longest} bytes")
            names = [name.lower() for name in _fields(line, HeaderError)]
            if names.count("asn") != 1 or names.count("prefix") != 1:
                raise HeaderError(
                    f"line {self._lines}: the header must name the columns asn and prefix, once "
                    f"each, and has {_shortened(', '.join(names))!r}"
                )
            self._columns = names.index("asn"), names.index("prefix")
            header = _CSV_COLUMNS + (_VRP_COLUMNS if self._with_vrps else ())
            return _csv_line(header) + self._answer(block)
        return b""

    # ------------------------------------------------------------------------------------- lines

    def _told(self, line: bytes, number: int) -> bytes:
        """The answer on one line, the plain way."""
        if len(line) > self._longest:
            return self._error(number, self._too_long_text())
        try:
            prefix, asn = self._route(line)
        except ValueError as error:
            return self._error(number, str(error))
        about = validated_route(explain(prefix, asn, self._vrps))
        validity = about.validity
        if self._form is Form.CSV:
            reason = "" if validity.reason is msgspec.UNSET else validity.reason
            lists = validity.vrps
            vrps = (lists.matched, lists.unmatched_as, lists.unmatched_length)
            return _csv_line(
                (about.route.prefix, about.route.origin_asn, validity.state, reason)
                + (tuple(map(_vrps_text, vrps)) if self._with_vrps else ())
            )
        answer = RouteLine(
            asn=about.route.origin_asn,
            prefix=about.route.prefix,
            state=validity.state,
            reason=validity.reason,
            vrps=validity.vrps if self._with_vrps else msgspec.UNSET,
        )
        return _encode(answer) + b"\n"

    def _route(self, line: bytes) -> tuple[Prefix, int]:
        """
        Raises:
            ValueError: what is wrong with it.
        """
        if self._columns is None:
            try:
                asked = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise ValueError(f"could not decode JSON: {error}") from None
            return strict_prefix(asked.prefix), asked_asn(asked.asn)
        fields = _fields(line, ValueError)
        if len(fields) <= max(self._columns):
            raise ValueError(f"{len(fields)} columns, fewer than the header has")
        asn, prefix = (fields[column] for column in self._columns)
        return strict_prefix(prefix), asked_asn(asn)

    def _too_long(self) -> bytes:
        self._lines += 1
        if self._form is Form.CSV and self._columns is None:
            raise HeaderError(f"the header is longer than {self._longest} bytes")
        return self._error(self._lines, self._too_long_text())

    def _too_long_text(self) -> str:
        return f"longer than {self._longest} bytes"

    def _error(self, number: int, why: str) -> bytes:
        why = _shortened(why)
        if self._form is Form.CSV:
            more = ("",) * len(_VRP_COLUMNS) if self._with_vrps else ()
            return _csv_line(("", "", _ERROR, f"line {number}: {why}", *more))
        return _encode(ErrorLine(number, why)) + b"\n"


# ------------------------------------------------------------------------------------------ forms

_ASN, _PREFIX = np.frombuffer(b"asn", "u1"), np.frombuffer(b"prefix", "u1")
_CSV_COLUMNS = ("prefix", "asn", "state", "reason")
_VRP_COLUMNS = ("matched", "unmatched_as", "unmatched_length")


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"


def _fields(line: bytes, error_class: type[ValueError]) -> list[str]:
    """The fields of one line of CSV (RFC 4180, but no line breaks in a field), without the blanks
    around them."""
    text = line.decode("utf-8", "replace").strip(_BLANKS)
    if '"' not in text:
        return [field.strip(_BLANKS) for field in text.split(",")]
    try:
        (fields,) = csv.reader([text], strict=True, skipinitialspace=True)
    except (csv.Error, ValueError) as error:
        raise error_class(f"could not decode CSV: {error}") from None
    return [field.strip(_BLANKS) for field in fields]


def _csv_line(values: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue().encode("utf-8", "replace")


def _vrps_text(vrps: list[VrpReply]) -> str:
    return "; ".join(f"{vrp.asn} {vrp.prefix}-{vrp.max_length}" for vrp in vrps)


def _frame(form: Form) -> tuple[U1, I8]:
    """What stands around AS number and prefix, as :func:`bulk_kernels.answer_rows` takes it."""
    endings = [""] * reply_kernels.ENDINGS, [""] * reply_kernels.ENDINGS
    states, reasons = endings
    for ending, state, reason in (
        (reply_kernels.NOT_FOUND, State.NOT_FOUND, ""),
        (reply_kernels.VALID, State.VALID, ""),
        (reply_kernels.INVALID_AS, State.INVALID, "as"),
        (reply_kernels.INVALID_LENGTH, State.INVALID, "length"),
    ):
        states[ending], reasons[ending] = state.value, reason
    pairs = list(zip(states, reasons, strict=True))
    if form is Form.CSV:
        return joined([b"", b",", *(f",{state},{reason}\n".encode() for state, reason in pairs)])
    hole = "AS"
    lines = [
        _encode(RouteLine(asn=hole, prefix=hole, state=state, reason=reason or msgspec.UNSET))
        for state, reason in pairs
    ]
    head, middle, _ = lines[0].split(hole.encode())
    return joined([head, middle, *(line.split(hole.encode())[2] + b"\n" for line in lines)])


_FRAMES = {form: _frame(form) for form in Form}
