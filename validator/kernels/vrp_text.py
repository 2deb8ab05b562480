"""The compiled loop that writes VRPs as rows of text: prefixes in their canonical form."""

from __future__ import annotations

import numpy as np

from validator.kernels.core import kernel, step
from validator.kernels.text import copy, digits
from validator.model import I8, U1, U4, U8

ASN, PREFIX, MAX_LENGTH, TEXT = range(4)
"""What may stand between two pieces of a frame: values of ``fields``."""

LONGEST_FIELD = 43
"""Bytes of an IPv6 prefix that cannot be shortened: every other field but a text is shorter."""


@step
def _hexadecimal(out: U1, at: int, number: int) -> int:
    shift = 12
    while shift > 0 and number >> shift == 0:
        shift -= 4
    while shift >= 0:
        digit = (number >> shift) & 15
        out[at] = digit + (48 if digit < 10 else 87)
        at += 1
        shift -= 4
    return at


@step
def _group(high: int, low: int, number: int) -> int:
    """One of the eight groups of 16 bits of an IPv6 address."""
    word = high if number < 4 else low
    return np.int64((word >> np.uint64(48 - 16 * (number & 3))) & np.uint64(0xFFFF))


@step
def _ipv6(out: U1, at: int, high: int, low: int) -> int:
    """The canonical text of an IPv6 address (RFC 5952)."""
    best, longest, run = -1, 1, 0
    for number in range(8):
        run = run + 1 if _group(high, low, number) == 0 else 0
        if run > longest:
            best, longest = number + 1 - run, run
    number = 0
    while number < 8:
        if number == best:
            out[at] = 58
            out[at + 1] = 58
            at += 2
            number += longest
            continue
        if number > 0 and (best < 0 or number != best + longest):
            out[at] = 58
            at += 1
        at = _hexadecimal(out, at, _group(high, low, number))
        number += 1
    return at


@step
def _prefix(out: U1, at: int, family: int, high: int, low: int, length: int) -> int:
    if family == 4:
        for number in range(4):
            if number:
                out[at] = 46
                at += 1
            shift = np.uint64(56 - 8 * number)
            at = digits(out, at, np.int64((high >> shift) & np.uint64(255)))
    else:
        at = _ipv6(out, at, high, low)
    out[at] = 47
    return digits(out, at + 1, np.int64(length))


@kernel("u1 u8 u8 u1 u4 u1 i8 u1 i8 u1 i8 u1 i u1!")
def write_vrps(
    family: U1,
    high: U8,
    low: U8,
    length: U1,
    asn: U4,
    max_length: U1,
    text: I8,
    texts: U1,
    text_bounds: I8,
    frame: U1,
    frame_bounds: I8,
    fields: U1,
    row: int,
    out: U1,
) -> tuple[int, int]:
    """Write VRPs from ``row`` on until one may not fit; returns the next row and the bytes written.

    A row of text is the pieces of ``frame`` with a field between each two: piece ``k`` is
    ``frame[frame_bounds[k]:frame_bounds[k + 1]]``, followed by ``fields[k]``. The field ``TEXT`` is
    ``texts[text_bounds[t]:text_bounds[t + 1]]``, ``t`` being the row's ``text``.
    """
    at = 0
    pieces = len(frame_bounds) - 1
    plain = np.int64(frame_bounds[pieces]) + LONGEST_FIELD * len(fields)
    while row < len(asn):
        start, stop = text_bounds[text[row]], text_bounds[text[row] + 1]
        if at + plain + (stop - start) * len(fields) > len(out):
            break
        for piece in range(pieces):
            at = copy(out, at, frame, frame_bounds[piece], frame_bounds[piece + 1])
            if piece == len(fields):
                break
            field = fields[piece]
            if field == ASN:
                at = digits(out, at, np.int64(asn[row]))
            elif field == PREFIX:
                at = _prefix(out, at, family[row], high[row], low[row], length[row])
            elif field == MAX_LENGTH:
                at = digits(out, at, np.int64(max_length[row]))
            else:
                at = copy(out, at, texts, start, stop)
        row += 1
    return row, at
