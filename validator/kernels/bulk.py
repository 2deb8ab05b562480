"""The compiled loops of bulk validation: find the fields of each line, validate, write the answer.

The finders take only what they fully understand and mark every other line :data:`ODD`, for the
general reader to judge; so there is one rule of what a good route is, and this is a short cut to
it. A line that is taken here is taken there, and means the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validator.kernels.core import kernel, step, validate_one
from validator.kernels.reply import (
    INVALID_AS,
    INVALID_LENGTH,
    VALID,
    prefix,
    read_asn,
    some_length_allows,
)
from validator.kernels.text import copy
from validator.kernels.text import digits as decimal
from validator.model import I8, U1, U4, U8

BLANK, PLAIN, ODD, TOLD = 0, 1, 2, 3
"""What a line is: nothing; fields found; for the general reader; answered by a text of its own."""

LONGEST_ROUTE = 12 + 43
"""Bytes of an AS number and a prefix."""

_SPACE, _TAB, _RETURN, _NEWLINE, _QUOTE, _BACKSLASH = 32, 9, 13, 10, 34, 92
_COMMA, _COLON, _OPEN, _CLOSE = 44, 58, 123, 125


@step
def _blank(text: U1, at: int) -> bool:
    return text[at] == _SPACE or text[at] == _TAB or text[at] == _RETURN


@step
def _past_blanks(text: U1, at: int) -> int:
    """Lines end in a newline, which is no blank: no bound needs looking at."""
    while _blank(text, at):
        at += 1
    return at


@step
def _line_end(text: U1, at: int) -> int:
    while text[at] != _NEWLINE:
        at += 1
    return at


@step
def _plain_string(text: U1, at: int) -> int:
    """Where the string that begins before ``at`` ends, if it is printable ASCII; else -1."""
    while text[at] != _QUOTE:
        if text[at] < 32 or text[at] > 126 or text[at] == _BACKSLASH:
            return -1
        at += 1
    return at


@step
def _is(text: U1, start: int, stop: int, name: U1) -> bool:
    if stop - start != len(name):
        return False
    for i in range(len(name)):  # noqa: SIM110 - compiled code has no generators
        if text[start + i] != name[i]:
            return False
    return True


@step
def _object(text: U1, at: int, asn_name: U1, prefix_name: U1) -> tuple[int, int, int, int]:
    """A flat object of the two members: AS number, start and stop of the prefix, and what follows.

    ``-1`` in place of the AS number: anything else.
    """
    odd = (-1, 0, 0, 0)
    asn, start, stop = -1, -1, -1
    at += 1
    while True:
        at = _past_blanks(text, at)
        if text[at] != _QUOTE:
            return odd
        begin = at + 1
        at = _plain_string(text, begin)
        if at < 0:
            return odd
        is_asn = _is(text, begin, at, asn_name)
        if not is_asn and not _is(text, begin, at, prefix_name):
            return odd
        at = _past_blanks(text, at + 1)
        if text[at] != _COLON:
            return odd
        at = _past_blanks(text, at + 1)
        begin = at
        if text[at] == _QUOTE:
            begin = at + 1
            at = _plain_string(text, begin)
            if at < 0:
                return odd
            if is_asn:
                if asn >= 0:
                    return odd
                asn = read_asn(text, begin, at)
            elif start >= 0:
                return odd
            else:
                start, stop = begin, at
            at += 1
        else:
            while 48 <= text[at] <= 57:
                at += 1
            if not is_asn or asn >= 0 or (text[begin] == 48 and at - begin > 1):
                return odd
            asn = read_asn(text, begin, at)
        if is_asn and asn < 0:
            return odd
        at = _past_blanks(text, at)
        if text[at] == _CLOSE:
            break
        if text[at] != _COMMA:
            return odd
        at += 1
    if asn < 0 or start < 0:
        return odd
    return asn, start, stop, at + 1


@kernel("u1 i u1 u1 u1! u4! u4! u4! u4! i8!")
def find_in_ndjson(
    text: U1,
    longest: int,
    asn_name: U1,
    prefix_name: U1,
    kind: U1,
    line_start: U4,
    line_stop: U4,
    start: U4,
    stop: U4,
    asn: I8,
) -> None:
    """Each line of ``text``, which ends in a newline: what it is, where it and its prefix stand."""
    at = 0
    for line in range(len(kind)):
        line_start[line] = at
        start[line] = stop[line] = at
        first = _past_blanks(text, at)
        kind[line] = ODD
        if text[first] == _NEWLINE:
            kind[line] = BLANK
        elif text[first] == _OPEN:
            number, begin, end, after = _object(text, first, asn_name, prefix_name)
            if number >= 0:
                first = _past_blanks(text, after)
                if text[first] == _NEWLINE:
                    kind[line], asn[line] = PLAIN, number
                    start[line], stop[line] = begin, end
        end = _line_end(text, first)
        line_stop[line] = end
        if end - at > longest:
            kind[line] = ODD
        at = end + 1


@kernel("u1 i i i u1! u4! u4! u4! u4! i8!")
def find_in_csv(
    text: U1,
    longest: int,
    asn_column: int,
    prefix_column: int,
    kind: U1,
    line_start: U4,
    line_stop: U4,
    start: U4,
    stop: U4,
    asn: I8,
) -> None:
    """As :func:`find_in_ndjson`. A line with a quote in it is odd."""
    at = 0
    for line in range(len(kind)):
        line_start[line] = at
        start[line] = stop[line] = at
        first = _past_blanks(text, at)
        blank = text[first] == _NEWLINE
        column, number, found, quoted = 0, -1, False, False
        field = at
        while True:
            if text[first] == _COMMA or text[first] == _NEWLINE:
                is_asn = column == asn_column
                if is_asn or column == prefix_column:
                    begin, end = field, first
                    while begin < end and _blank(text, begin):
                        begin += 1
                    while end > begin and _blank(text, end - 1):
                        end -= 1
                    if is_asn:
                        number = read_asn(text, begin, end)
                    else:
                        found = True
                        start[line], stop[line] = begin, end
                column += 1
                field = first + 1
                if text[first] == _NEWLINE:
                    break
            elif text[first] == _QUOTE:
                quoted = True
            first += 1
        line_stop[line] = first
        if first - at > longest or quoted:
            kind[line] = ODD
        elif blank:
            kind[line] = BLANK
        elif number < 0 or not found:
            kind[line] = ODD
        else:
            kind[line], asn[line] = PLAIN, number
        at = first + 1


# --------------------------------------------------------------------------------------- answers


@kernel("u8 u8 u1 i4 u4 u4 u1 i u1 i8 u1 u8 u8 u1 u1 i8 u1 i8 b u1!")
def answer_rows(
    vrp_highs: U8,
    vrp_lows: U8,
    vrp_lengths: U1,
    parents: Any,
    first: U4,
    asns: U4,
    max_lengths: U1,
    vrp_ipv6: int,
    kind: U1,
    asn: I8,
    family: U1,
    high: U8,
    low: U8,
    length: U1,
    told: U1,
    told_bounds: I8,
    frame: U1,
    frame_bounds: I8,
    asn_first: bool,
    out: U1,
) -> int:
    """Validate the plain rows and write a line for each row that is not blank; returns the bytes.

    A line is ``frame`` piece 0, the AS number or the prefix, piece 1, the other, and the piece of
    its ending (2 + ending). A row that is :data:`TOLD` is the next of the ``told`` texts.
    """
    at, text = 0, 0
    for row in range(len(kind)):
        if kind[row] == TOLD:
            at = copy(out, at, told, told_bounds[text], told_bounds[text + 1])
            text += 1
            continue
        if kind[row] != PLAIN:
            continue
        bits = np.int64(length[row])
        begin, end = 0, vrp_ipv6
        if family[row] != 4:
            begin, end = vrp_ipv6, len(vrp_highs)
        nearest, verdict = validate_one(
            vrp_highs, vrp_lows, vrp_lengths, parents, first, asns, max_lengths,
            begin, end, high[row], low[row], bits, asn[row],
        )  # fmt: skip
        ending = verdict
        if verdict > VALID:
            allowed = some_length_allows(parents, first, max_lengths, nearest, bits)
            ending = INVALID_AS if allowed else INVALID_LENGTH
        at = copy(out, at, frame, frame_bounds[0], frame_bounds[1])
        for part in range(2):
            if part:
                at = copy(out, at, frame, frame_bounds[1], frame_bounds[2])
            if (part == 0) == asn_first:
                out[at], out[at + 1] = ord("A"), ord("S")
                at = decimal(out, at + 2, asn[row])
            else:
                at = prefix(out, at, family[row], high[row], low[row], length[row])
        at = copy(out, at, frame, frame_bounds[2 + ending], frame_bounds[3 + ending])
    return at
