"""Text into columns: delimited lines, prefixes, AS numbers, counts.

Route lists, VRP exports and registry files are all lines with fields. :func:`split` finds the
fields wanted; the ``parse_*`` kernels turn each into a column and mark what they cannot read, so
that one bad row costs one row. No copy of the text is made.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from validator.kernels.core import kernel, step
from validator.model import I8, U1, U4, U8, Prefixes

# What is wrong with a field: values of a ``fault`` column, and the reasons they are counted under.
SOUND, NOT_A_PREFIX, HOST_BITS, BAD_LENGTH, NOT_A_NUMBER, TOO_LARGE = range(6)
FAULTS = {
    NOT_A_PREFIX: "not-a-prefix",
    HOST_BITS: "host-bits",
    BAD_LENGTH: "prefix-length",
    NOT_A_NUMBER: "not-a-number",
    TOO_LARGE: "asn-beyond-32-bits",
}

NEWLINE, RETURN, QUOTE, SPACE, TAB = 10, 13, 34, 32, 9


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of each line: text[start:stop], both u4 ``(n,)``. Absent: empty."""

    start: U4
    stop: U4

    def __len__(self) -> int:
        return len(self.start)

    def text(self, text: U1, row: int) -> str:
        return bytes(text[self.start[row] : self.stop[row]]).decode("utf-8", "replace")


def split(
    text: U1, delimiter: str, wanted: Sequence[int], *, skip: int = 0
) -> tuple[list[Field], U4]:
    """The wanted fields (by position, from 0) of each line that is neither empty nor a comment.

    ``text`` is u1; a field in double quotes is taken without them; blanks around a field are not
    part of it. The first ``skip`` such lines are left out. Returns a :class:`Field` for each
    wanted position and the line number of each row, from 1.
    """
    positions = np.array(wanted, "i8")
    lines = int(np.count_nonzero(text == NEWLINE)) + 1
    start = np.zeros(lines * len(wanted), "u4")
    stop = np.zeros(lines * len(wanted), "u4")
    number = np.empty(lines, "u4")
    rows = _split(text, ord(delimiter), positions, skip, start, stop, number)
    fields = [
        Field(start[i * lines : i * lines + rows], stop[i * lines : i * lines + rows])
        for i in range(len(wanted))
    ]
    return fields, number[:rows]


def joined(strings: Sequence[str]) -> tuple[U1, Field]:
    """A text and a field for strings that are in Python already, one row each."""
    text = np.frombuffer("\n".join(strings).encode("utf-8", "replace"), "u1")
    ends = np.flatnonzero(text == NEWLINE).astype("u4")
    if len(ends) != max(len(strings) - 1, 0):  # a string has a line break in it: not a prefix
        return joined([string.replace("\n", "?") for string in strings])
    start = np.concatenate([np.zeros(1, "u4"), ends + np.uint32(1)])[: len(strings)]
    stop = np.concatenate([ends, np.array([len(text)], "u4")])[: len(strings)]
    return text, Field(start, stop)


def parse_prefixes(text: U1, field: Field) -> tuple[Prefixes, U1]:
    """Columns of prefixes and their faults. Rows with a fault hold zeros."""
    n = len(field)
    family, length, fault = np.zeros(n, "u1"), np.zeros(n, "u1"), np.zeros(n, "u1")
    high, low = np.zeros(n, "u8"), np.zeros(n, "u8")
    _parse_prefixes(text, field.start, field.stop, family, high, low, length, fault)
    return Prefixes(family, high, low, length), fault


def parse_asns(text: U1, field: Field) -> tuple[U4, U1]:
    """AS numbers (``64496`` or ``AS64496``) and their faults."""
    asn, fault = np.zeros(len(field), "u4"), np.zeros(len(field), "u1")
    _parse_asns(text, field.start, field.stop, asn, fault)
    return asn, fault


def parse_numbers(text: U1, field: Field) -> I8:
    """Decimal numbers below 10^18; -1 for what is not one."""
    value = np.empty(len(field), "i8")
    _parse_numbers(text, field.start, field.stop, value)
    return value


def categories(text: U1, field: Field) -> tuple[U4, tuple[str, ...]]:
    """Each row's text as a number, and the distinct texts by number, in order of first sight."""
    seed = int.from_bytes(os.urandom(8), "little")
    number, firsts = _categories(text, field.start, field.stop, seed)
    return number, tuple(field.text(text, int(row)) for row in firsts)


def count_faults(fault: U1) -> dict[str, int]:
    """How many rows have each fault, by reason."""
    counts = np.bincount(fault, minlength=len(FAULTS) + 1)
    return {reason: int(counts[code]) for code, reason in FAULTS.items() if counts[code]}


# ---------------------------------------------------------------------------------------- kernels


@kernel("u1 i i8 i u4! u4! u4!")
def _split(text: U1, delimiter: int, wanted: I8, skip: int, start: U4, stop: U4, number: U4) -> int:
    stride = len(number)
    size, at, line, rows = len(text), 0, 0, -skip
    while at < size:
        line += 1
        while at < size and (text[at] == SPACE or text[at] == RETURN or text[at] == TAB):
            at += 1
        if at < size and (text[at] == NEWLINE or text[at] == ord("#") or text[at] == ord(";")):
            while at < size and text[at] != NEWLINE:
                at += 1
            at += 1
            continue
        if at >= size:
            break
        column, ended = 0, False
        while not ended:
            while at < size and (text[at] == SPACE or text[at] == TAB) and text[at] != delimiter:
                at += 1
            if at < size and text[at] == QUOTE:
                begin = at + 1
                at = begin
                while at < size and text[at] != QUOTE and text[at] != NEWLINE:
                    at += 1
                end = at
                while at < size and text[at] != delimiter and text[at] != NEWLINE:
                    at += 1
            else:
                begin = at
                while at < size and text[at] != delimiter and text[at] != NEWLINE:
                    at += 1
                end = at
                while end > begin and (
                    text[end - 1] == SPACE or text[end - 1] == RETURN or text[end - 1] == TAB
                ):
                    end -= 1
            if rows >= 0:
                for i in range(len(wanted)):
                    if wanted[i] == column:
                        start[i * stride + rows] = begin
                        stop[i * stride + rows] = end
            column += 1
            ended = at >= size or text[at] == NEWLINE
            at += 1
        if rows >= 0:
            number[rows] = line
        rows += 1
    return max(rows, 0)


@step
def _digits(text: U1, at: int, stop: int) -> int:
    """A decimal number of at most 18 digits that fills ``text[at:stop]``, or -1."""
    if at >= stop or stop - at > 18:
        return -1
    value = 0
    while at < stop:
        digit = np.int64(text[at]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
        at += 1
    return value


@step
def _ipv4(text: U1, at: int, stop: int) -> int:
    """A dotted quad that fills ``text[at:stop]``, or -1. No leading zeros: some read octal."""
    value, parts = 0, 0
    while True:
        octet, first = 0, at
        while at < stop and 48 <= text[at] <= 57:
            octet = octet * 10 + np.int64(text[at]) - 48
            at += 1
            if at - first > 3:
                return -1
        if at == first or octet > 255 or (at - first > 1 and text[first] == 48):
            return -1
        value = value << 8 | octet
        parts += 1
        if parts == 4:
            return value if at == stop else -1
        if at >= stop or text[at] != 46:
            return -1
        at += 1


@step
def _ipv6(text: U1, at: int, stop: int) -> tuple[bool, int, int]:
    """An address in the forms of RFC 4291 section 2.2 that fills ``text[at:stop]``."""
    upper = lower = np.uint64(0)  # groups before a "::", as one 128-bit number
    groups, gap = 0, -1
    if at + 1 < stop and text[at] == 58 and text[at + 1] == 58:
        gap = 0
        at += 2
    elif at >= stop or text[at] == 58:
        return False, upper, lower
    while at < stop:
        value, first = np.uint64(0), at
        while at < stop and at - first < 5:
            c = text[at]
            if 48 <= c <= 57:
                digit = c - 48
            elif 97 <= c <= 102:
                digit = c - 87
            elif 65 <= c <= 70:
                digit = c - 55
            else:
                break
            value = value << np.uint64(4) | np.uint64(digit)
            at += 1
        if at < stop and text[at] == 46:  # the last 32 bits as a dotted quad
            quad = _ipv4(text, first, stop)
            if quad < 0 or groups > 6:
                return False, upper, lower
            upper = upper << np.uint64(32) | lower >> np.uint64(32)
            lower = lower << np.uint64(32) | np.uint64(quad)
            groups += 2
            at = stop
            break
        if at == first or at - first > 4 or groups > 7:
            return False, upper, lower
        upper = upper << np.uint64(16) | lower >> np.uint64(48)
        lower = lower << np.uint64(16) | value
        groups += 1
        if at < stop:
            if text[at] != 58:
                return False, upper, lower
            at += 1
            if at < stop and text[at] == 58:
                if gap >= 0:
                    return False, upper, lower
                gap = groups
                at += 1
            elif at >= stop:
                return False, upper, lower
    if gap < 0:
        return groups == 8, upper, lower
    if groups > 7:
        return False, upper, lower
    # Groups after the gap stand at the end; those before it move up by what is missing.
    after = groups - gap
    move = 16 * (8 - groups)
    keep = 16 * after
    if keep == 0:
        tail_high = tail_low = np.uint64(0)
    elif keep <= 64:
        tail_high = np.uint64(0)
        tail_low = (
            lower if keep == 64 else lower & ((np.uint64(1) << np.uint64(keep)) - np.uint64(1))
        )
    else:
        tail_high = upper & ((np.uint64(1) << np.uint64(keep - 64)) - np.uint64(1))
        tail_low = lower
    head_high, head_low = upper ^ tail_high, lower ^ tail_low
    if move >= 128:
        head_high = head_low = np.uint64(0)
    elif move >= 64:
        head_high = head_low << np.uint64(move - 64) if move > 64 else head_low
        head_low = np.uint64(0)
    elif move > 0:
        head_high = head_high << np.uint64(move) | head_low >> np.uint64(64 - move)
        head_low = head_low << np.uint64(move)
    return True, head_high | tail_high, head_low | tail_low


@kernel("u1 u4 u4 u1! u8! u8! u1! u1!")
def _parse_prefixes(
    text: U1, start: U4, stop: U4, family: U1, high: U8, low: U8, length: U1, fault: U1
) -> None:
    one = np.uint64(1)
    for row in range(len(start)):
        begin, end = np.int64(start[row]), np.int64(stop[row])
        slash, colon = end - 1, False
        while slash >= begin and text[slash] != 47 and end - slash < 5:
            slash -= 1
        fault[row] = NOT_A_PREFIX
        if slash < begin or text[slash] != 47 or slash - begin > 45:
            continue
        bits = _digits(text, slash + 1, end)
        if bits < 0 or (end - slash > 2 and text[slash + 1] == 48):
            continue
        for at in range(begin, min(begin + 5, slash)):
            colon |= text[at] == 58
        if colon:
            good, upper, lower = _ipv6(text, begin, slash)
            if not good:
                continue
            if bits > 128:
                fault[row] = BAD_LENGTH
                continue
            if bits <= 64:
                beyond = lower
                if bits < 64:
                    beyond |= upper & ((one << np.uint64(64 - bits)) - one)
            elif bits < 128:
                beyond = lower & ((one << np.uint64(128 - bits)) - one)
            else:
                beyond = np.uint64(0)
        else:
            quad = _ipv4(text, begin, slash)
            if quad < 0:
                continue
            if bits > 32:
                fault[row] = BAD_LENGTH
                continue
            upper, lower = np.uint64(quad) << np.uint64(32), np.uint64(0)
            beyond = upper & ((one << np.uint64(64 - bits)) - one) if bits > 0 else upper
        if beyond != 0:
            fault[row] = HOST_BITS
            continue
        fault[row] = SOUND
        family[row] = 6 if colon else 4
        high[row], low[row], length[row] = upper, lower, bits


@kernel("u1 u4 u4 u4! u1!")
def _parse_asns(text: U1, start: U4, stop: U4, asn: U4, fault: U1) -> None:
    for row in range(len(start)):
        begin, end = np.int64(start[row]), np.int64(stop[row])
        if end - begin > 2 and text[begin] | 32 == ord("a") and text[begin + 1] | 32 == ord("s"):
            begin += 2
        value = _digits(text, begin, end)
        if value < 0:
            fault[row] = NOT_A_NUMBER
        elif value > 0xFFFF_FFFF:
            fault[row] = TOO_LARGE
        else:
            asn[row] = value


@kernel("u1 u4 u4 i8!")
def _parse_numbers(text: U1, start: U4, stop: U4, value: I8) -> None:
    for row in range(len(start)):
        value[row] = _digits(text, np.int64(start[row]), np.int64(stop[row]))


@step
def _hash(text: U1, start: int, stop: int, seed: int) -> int:
    value = np.uint64(seed)
    for at in range(start, stop):
        value = (value ^ np.uint64(text[at])) * np.uint64(0x9E37_79B9_7F4A_7C15)
        value ^= value >> np.uint64(32)
    return (value ^ value >> np.uint64(29)) & np.uint64(0x7FFF_FFFF_FFFF_FFFF)


@step
def _same(text: U1, start: U4, stop: U4, a: int, b: int) -> bool:
    if stop[a] - start[a] != stop[b] - start[b]:
        return False
    for i in range(stop[a] - start[a]):  # noqa: SIM110 - compiled code has no generators
        if text[start[a] + i] != text[start[b] + i]:
            return False
    return True


@kernel("u1 u4 u4 u")
def _categories(text: U1, start: U4, stop: U4, seed: int) -> tuple[U4, U4]:
    """Open addressing; the hash is seeded, so that no file can be made to collide."""
    n = len(start)
    number, firsts = np.empty(n, np.uint32), np.empty(n, np.uint32)
    slots = np.full(1024, -1, np.int64)
    distinct = 0
    for row in range(n):
        if distinct * 2 > len(slots):
            bigger = np.full(len(slots) * 4, -1, np.int64)
            for known in range(distinct):
                at = np.int64(_hash(text, start[firsts[known]], stop[firsts[known]], seed))
                at &= len(bigger) - 1
                while bigger[at] >= 0:
                    at = (at + 1) & (len(bigger) - 1)
                bigger[at] = known
            slots = bigger
        at = np.int64(_hash(text, start[row], stop[row], seed)) & (len(slots) - 1)
        while slots[at] >= 0 and not _same(text, start, stop, row, firsts[slots[at]]):
            at = (at + 1) & (len(slots) - 1)
        if slots[at] < 0:
            slots[at] = distinct
            firsts[distinct] = row
            distinct += 1
        number[row] = slots[at]
    return number, firsts[:distinct].copy()
