"""The fields of a registry record into columns: words, countries, dates, extents, labels.

What :mod:`collectors.wire.text` does for prefixes and AS numbers, for what only the RIR Statistics
Exchange Format has. Which records are good is :mod:`collectors.delegated`'s to decide.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from collectors.wire.text import NEWLINE, Field, _categories, _digits, _ipv4, _ipv6, parse_numbers
from validator.kernels.core import kernel
from validator.model import I8, U1, U2, U4, U8

NO_WORD = 255
SOUND, BAD_START, BAD_VALUE, HOST_BITS, BEYOND = range(5)
"""What is wrong with an extent: values of a ``fault`` column."""
COUNTRIES = 26 * 26 + 1
"""Country codes are 0 (nobody's) and 1 to 26 × 26, see :func:`country_name`."""
NOBODY = "ZZ"


def match_words(text: U1, field: Field, words: Sequence[str]) -> U1:
    """Which of the (lower-case) words each field is, in whatever case, or :data:`NO_WORD`."""
    which = np.empty(len(field), "u1")
    spelled = np.frombuffer("".join(words).encode(), "u1")
    ends = np.cumsum([len(word) for word in words]).astype("i8")
    _match(text, field.start, field.stop, spelled, ends, which)
    return which


def parse_countries(text: U1, field: Field) -> tuple[U2, int]:
    """Codes of two-letter countries, and how many fields are neither that, empty nor ``*``."""
    code = np.empty(len(field), "u2")
    return code, int(_countries(text, field.start, field.stop, code))


def country_name(code: int) -> str:
    """The two letters of a country code, in upper case."""
    return NOBODY if code == 0 else chr(65 + (code - 1) // 26) + chr(65 + (code - 1) % 26)


def parse_dates(text: U1, field: Field) -> tuple[U4, int]:
    """YYYYMMDD or 0, and how many fields are neither a date, empty nor zeros."""
    day = np.empty(len(field), "u4")
    return day, int(_dates(text, field.start, field.stop, day))


def parse_extents(text: U1, kind: U1, start: Field, value: Field) -> tuple[U8, U8, U1]:
    """The first and last AS number (``kind`` 0), address (1) or /64 (2) of each row, and faults.

    Rows with a fault hold zeros; other kinds are left alone.
    """
    first, last = np.zeros(len(start), "u8"), np.zeros(len(start), "u8")
    fault = np.zeros(len(start), "u1")
    size = parse_numbers(text, value)
    _extents(text, kind, start.start, start.stop, size, first, last, fault)
    return first, last, fault


def number_labels(text: U1, field: Field) -> tuple[U4, tuple[str, ...]]:
    """Each row's label as a number from 1 (0: empty), and the labels by number.

    As :func:`collectors.wire.text.categories`, and fast where there are a hundred thousand.
    """
    number = np.zeros(len(field), "u4")
    given = field.stop > field.start
    start, stop = field.start[given], field.stop[given]
    label, heads = _categories(text, start, stop, int.from_bytes(os.urandom(8), "little"))
    number[given] = label + np.uint32(1)
    if not len(heads):
        return number, ("",)
    # No field has a line break in it, so all labels are made in one go.
    listed = _listed(text, start[heads], stop[heads])
    return number, ("", *bytes(listed[:-1]).decode("utf-8", "replace").split("\n"))


# ---------------------------------------------------------------------------------------- kernels


@kernel("u1 u4 u4 u1 i8 u1!")
def _match(text: U1, start: U4, stop: U4, words: U1, ends: I8, which: U1) -> None:
    for row in range(len(start)):
        at, size = np.int64(start[row]), np.int64(stop[row]) - np.int64(start[row])
        begin, found = 0, NO_WORD
        for word in range(len(ends)):
            if ends[word] - begin == size:
                same = True
                for i in range(size):
                    if text[at + i] | 32 != words[begin + i]:
                        same = False
                        break
                if same:
                    found = word
                    break
            begin = ends[word]
        which[row] = found


@kernel("u1 u4 u4 u2!")
def _countries(text: U1, start: U4, stop: U4, code: U2) -> int:
    odd = 0
    for row in range(len(start)):
        at, size = np.int64(start[row]), np.int64(stop[row]) - np.int64(start[row])
        code[row] = 0
        if size == 0 or (size == 1 and text[at] == ord("*")):
            continue
        if size == 2:
            a, b = np.int64(text[at] | 32) - 97, np.int64(text[at + 1] | 32) - 97
            if 0 <= a < 26 and 0 <= b < 26:
                if a != 25 or b != 25:  # ZZ itself
                    code[row] = 1 + 26 * a + b
                continue
        odd += 1
    return odd


@kernel("u1 u4 u4 u4!")
def _dates(text: U1, start: U4, stop: U4, day: U4) -> int:
    odd = 0
    for row in range(len(start)):
        at, end = np.int64(start[row]), np.int64(stop[row])
        day[row] = 0
        if at == end:
            continue
        value = _digits(text, at, end) if end - at == 8 else -1
        month, of_month = value // 100 % 100, value % 100
        if value >= 1000_01_01 and 1 <= month <= 12 and 1 <= of_month <= 31:
            day[row] = value
        elif value != 0:
            odd += 1
    return odd


@kernel("u1 u1 u4 u4 i8 u8! u8! u1!")
def _extents(
    text: U1, kind: U1, start: U4, stop: U4, size: I8, first: U8, last: U8, fault: U1
) -> None:
    one = np.uint64(1)
    for row in range(len(start)):
        at, end, count = np.int64(start[row]), np.int64(stop[row]), size[row]
        if kind[row] <= 1:
            begin = _digits(text, at, end) if kind[row] == 0 else _ipv4(text, at, end)
            if begin < 0:
                fault[row] = BAD_START
            elif count < 1:
                fault[row] = BAD_VALUE
            elif begin > 0xFFFF_FFFF or count > 0x1_0000_0000 - begin:
                fault[row] = BEYOND
            else:
                first[row] = begin
                last[row] = begin + count - 1
        elif kind[row] == 2:
            good, upper, lower = _ipv6(text, at, end)
            if not good:
                fault[row] = BAD_START
            elif count < 1 or count > 64:
                fault[row] = BAD_VALUE
            else:
                inside = (one << np.uint64(64 - count)) - one
                if lower != 0 or upper & inside != 0:
                    fault[row] = HOST_BITS
                else:
                    first[row] = upper
                    last[row] = upper | inside


@kernel("u1 u4 u4")
def _listed(text: U1, start: U4, stop: U4) -> U1:
    """The fields one after the other, a line break after each."""
    size = len(start)
    for row in range(len(start)):
        size += np.int64(stop[row]) - np.int64(start[row])
    listed = np.empty(size, np.uint8)
    at = 0
    for row in range(len(start)):
        for i in range(np.int64(start[row]), np.int64(stop[row])):
            listed[at] = text[i]
            at += 1
        listed[at] = NEWLINE
        at += 1
    return listed
