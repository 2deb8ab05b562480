"""A JSON array of flat objects into fields, without making a Python object for each.

A VRP export is one array of half a million small objects. Decoding them one by one takes a second
and half a gigabyte; :func:`find_rows` walks the bytes once and notes where each value stands, as
:mod:`collectors.wire.text` does for delimited lines. It takes only what it fully understands (plain
strings, plain counts, known keys once each) and otherwise declines, so that the general decoder,
which knows all of JSON and explains errors well, has the last word. The rest of the document,
without the array, always goes through the general decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collectors.wire.text import Field
from validator.kernels.core import kernel, step
from validator.model import I8, U1, U4

_MEMBERS = 16
"""Of a row, so many are expected to come again as they came."""
STRING, COUNT, REQUIRED = 1, 2, 4
"""What a key's value may be, and whether each row must have it; they may be added up."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """``fields`` of each row in the order of the keys asked for; ``rest`` is the document with an
    empty array in place of the rows."""

    fields: list[Field]
    rest: bytes


def find_rows(document: bytes, array: str, keys: Sequence[tuple[str, int]]) -> Rows | None:
    """The rows of ``document[array]`` (of the document itself, if it is a list), or None: declined.

    ``keys`` are the keys that a row may have (at most 62), with what their values may be.
    """
    text = np.frombuffer(document, "u1")
    name = np.frombuffer(array.encode(), "u1")
    start = int(_array_start(text, name, 0, 0))
    if start < 0:
        return None
    spelled = [key.encode() for key, _ in keys]
    most = document.count(b"{", start)
    begin, end = np.zeros(most * len(keys), "u4"), np.zeros(most * len(keys), "u4")
    rows, stop = _scan(
        text,
        start,
        np.frombuffer(b"".join(spelled), "u1"),
        np.cumsum([0, *map(len, spelled)]).astype("i8"),
        np.array([kinds for _, kinds in keys], "u1"),
        begin,
        end,
    )
    if rows < 0:
        return None
    # Of two arrays by one name, the general decoder knows which counts.
    if document[:start].lstrip()[:1] == b"{" and _array_start(text, name, stop + 1, 1) >= 0:
        return None
    fields = [
        Field(begin[i * most : i * most + rows], end[i * most : i * most + rows])
        for i in range(len(keys))
    ]
    return Rows(fields, document[:start] + document[stop:])


def mended(document: bytes) -> bytes | None:
    """What a document that ends early says up to its last whole row, closed again.

    None if no row is whole. A row is an element of the document, or of an array in it.
    """
    cut, inside = _last_row(np.frombuffer(document, "u1"))
    if cut < 0:
        return None
    return document[:cut] + (b"]}" if inside else b"]")


@step
def _blanks(text: U1, at: int) -> int:
    while at < len(text) and (text[at] == 32 or text[at] == 10 or text[at] == 9 or text[at] == 13):
        at += 1
    return at


@step
def _string_end(text: U1, at: int) -> int:
    """Where the string that begins before ``at`` ends (its closing quote); -1 if it never does."""
    while at < len(text):
        if text[at] == 92:
            at += 2
            continue
        if text[at] == 34:
            return at
        at += 1
    return -1


@kernel("u1 u1 i i")
def _array_start(text: U1, name: U1, at: int, depth: int) -> int:
    """Just behind the bracket that opens the array: of the document, or of its member ``name``.

    Looks from ``at`` on, which lies inside ``depth`` brackets. -1 if there is none.
    """
    at = _blanks(text, at)
    if depth == 0 and at < len(text) and text[at] == 91:
        return at + 1
    while at < len(text):
        c = text[at]
        if c == 123 or c == 91:
            depth += 1
        elif c == 125 or c == 93:
            depth -= 1
        elif c == 34:
            begin = at + 1
            at = _string_end(text, begin)
            if at < 0:
                return -1
            if depth == 1 and at - begin == len(name):
                same = True
                for i in range(len(name)):
                    same &= text[begin + i] == name[i]
                if same:
                    colon = _blanks(text, at + 1)
                    if colon < len(text) and text[colon] == 58:
                        bracket = _blanks(text, colon + 1)
                        if bracket < len(text) and text[bracket] == 91:
                            return bracket + 1
                        return -1
        at += 1
    return -1


@kernel("u1")
def _last_row(text: U1) -> tuple[int, bool]:
    """Just behind the last object or array that is a row, and whether its array is in an object."""
    at, depth, outer, inner, cut = 0, 0, 0, 0, -1
    while at < len(text):
        c = text[at]
        if c == 123 or c == 91:
            depth += 1
            if depth == 1:
                outer = c
            elif depth == 2:
                inner = c
        elif c == 125 or c == 93:
            depth -= 1
            if (depth == 1 and outer == 91) or (depth == 2 and outer == 123 and inner == 91):
                cut = at + 1
        elif c == 34:
            at = _string_end(text, at + 1)
            if at < 0:
                break
        at += 1
    return cut, outer == 123


@kernel("u1 i u1 i8 u1 u4! u4!")
def _scan(
    text: U1, at: int, names: U1, offsets: I8, kinds: U1, begin: U4, end: U4
) -> tuple[int, int]:
    """Rows found, and where the closing bracket stands; ``-1`` rows to decline.

    What stands between two values is nearly always what stood there in the row before. It is kept
    for each member, from its value's end to the beginning of the next one (in the next row, after
    the last), and where the same bytes follow again they need not be understood again.
    """
    size, keys = len(text), len(kinds)
    stride = len(begin) // max(keys, 1)
    required = 0
    for key in range(keys):
        if kinds[key] & REQUIRED:
            required |= 1 << key
    decline = (-1, 0)
    gap_start, gap_stop = np.zeros(_MEMBERS, np.int64), np.zeros(_MEMBERS, np.int64)
    key_next, text_next = np.zeros(_MEMBERS, np.int64), np.zeros(_MEMBERS, np.bool_)
    row_next = np.zeros(_MEMBERS, np.bool_)
    at = _blanks(text, at)
    if at < size and text[at] == 93:
        return 0, at
    if at >= size or text[at] != 123 or stride == 0:
        return decline
    at = _blanks(text, at + 1)
    row, seen, member, key, in_quotes = 0, 0, 0, 0, False
    gap, gap_from, gap_of_row = -1, 0, False  # what leads to this value: not known
    understood = False
    while True:
        if not understood:
            if at >= size or text[at] != 34:
                return decline
            first = at + 1
            at = first
            while at < size and text[at] != 34 and at - first < 32:
                at += 1
            if at >= size or text[at] != 34:
                return decline
            key = 0
            while key < keys:
                matches = at - first == offsets[key + 1] - offsets[key]
                i = 0
                while matches and i < at - first:
                    matches = text[first + i] == names[offsets[key] + i]
                    i += 1
                if matches:
                    break
                key += 1
            if key == keys:
                return decline
            at = _blanks(text, at + 1)
            if at >= size or text[at] != 58:
                return decline
            at = _blanks(text, at + 1)
            if at >= size:
                return decline
            in_quotes = text[at] == 34
            if kinds[key] & (STRING if in_quotes else COUNT) == 0:
                return decline
            if in_quotes:
                at += 1
            if 0 <= gap < _MEMBERS:
                gap_start[gap], gap_stop[gap] = gap_from, at
                key_next[gap], text_next[gap], row_next[gap] = key, in_quotes, gap_of_row
        if seen >> key & 1:
            return decline
        seen |= 1 << key
        value = at
        if in_quotes:
            while at < size and text[at] != 34:
                if text[at] < 32 or text[at] > 126 or text[at] == 92:
                    return decline
                at += 1
        else:
            while at < size and 48 <= text[at] <= 57:
                at += 1
            if at == value or (at - value > 1 and text[value] == 48) or at - value > 18:
                return decline
        begin[key * stride + row] = value
        end[key * stride + row] = at
        if in_quotes:
            at += 1
        gap, gap_from = member, at
        member += 1
        understood = False
        if gap < _MEMBERS and gap_stop[gap] > 0:
            length = gap_stop[gap] - gap_start[gap]
            if at + length < size:
                different = np.uint8(0)
                for i in range(length):
                    different |= text[at + i] ^ text[gap_start[gap] + i]
                understood = different == 0
        if understood:
            after = text[at + length]
            understood = text_next[gap] or (after >= 48 and after <= 57)
        if understood:
            at += length
            key, in_quotes, gap_of_row = key_next[gap], text_next[gap], row_next[gap]
        else:
            at = _blanks(text, at)
            if at >= size:
                return decline
            gap_of_row = text[at] == 125
            if gap_of_row:
                at = _blanks(text, at + 1)
                if at >= size:
                    return decline
                if text[at] == 93:
                    return (row + 1, at) if seen & required == required else decline
            if text[at] != 44:
                return decline
            at = _blanks(text, at + 1)
            if gap_of_row:
                if at >= size or text[at] != 123:
                    return decline
                at = _blanks(text, at + 1)
        if gap_of_row:
            row += 1
            if seen & required != required or row >= stride:
                return decline
            seen, member = 0, 0
