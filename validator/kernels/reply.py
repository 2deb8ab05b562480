"""The compiled pieces that write answers: AS numbers, prefixes, and the answer about one route.

A look-up over HTTP leaves some tens of microseconds for everything. Finding the VRPs that cover a
route takes one of them; making an object of each, and text of the objects, takes twenty. So the
answer is written here, between texts that :mod:`validator.formats.replies` cuts from its own types:
what it looks like is said there alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collectors.wire.text import _digits as digits
from collectors.wire.text import _ipv4 as read_ipv4
from collectors.wire.text import _ipv6 as read_ipv6
from validator.kernels.core import BUCKETS, climb, judge, kernel, last_not_after, step
from validator.kernels.text import copy
from validator.kernels.text import digits as decimal
from validator.model import I8, U1, U4, U8

ENDINGS = 4
NOT_FOUND, VALID, INVALID_AS, INVALID_LENGTH = range(ENDINGS)
"""How an answer ends: the state, with Routinator's reason."""

_COLON = 58


@step
def _group(high: int, low: int, number: int) -> int:
    word = high if number < 4 else low
    return np.int64(word >> np.uint64(48 - 16 * (number & 3)) & np.uint64(0xFFFF))


@step
def _ipv6(out: U1, at: int, high: int, low: int) -> int:
    """RFC 5952 section 4: the first of the longest runs of two or more zero groups is left out."""
    gap, longest, run = -1, 1, 0
    for number in range(8):
        run = run + 1 if _group(high, low, number) == 0 else 0
        if run > longest:
            gap, longest = number - run + 1, run
    number = 0
    while number < 8:
        if number == gap:
            out[at] = out[at + 1] = _COLON
            at += 2
            number += longest
            continue
        value = _group(high, low, number)
        wide = False
        for shift in (12, 8, 4, 0):
            digit = value >> shift & 15
            wide = wide or digit > 0 or shift == 0
            if wide:
                out[at] = 48 + digit if digit < 10 else 87 + digit
                at += 1
        number += 1
        if number < 8 and number != gap:
            out[at] = _COLON
            at += 1
    return at


@step
def prefix(out: U1, at: int, family: int, high: int, low: int, length: int) -> int:
    if family == 4:
        word = np.int64(high >> np.uint64(32))
        for shift in (24, 16, 8, 0):
            at = decimal(out, at, word >> shift & 255)
            out[at] = ord(".") if shift else ord("/")
            at += 1
    else:
        at = _ipv6(out, at, high, low)
        out[at] = ord("/")
        at += 1
    return decimal(out, at, np.int64(length))


@step
def some_length_allows(parents: Any, first: U4, max_lengths: U1, nearest: int, length: int) -> bool:
    """Whether the maxLength of a covering VRP admits the route. Of an invalid route such a VRP is
    Routinator's ``unmatched_as``, and its reason then ``as``; otherwise ``length``."""
    while nearest >= 0:
        for vrp in range(np.int64(first[nearest]), np.int64(first[nearest + 1])):
            if max_lengths[vrp] >= length:
                return True
        nearest = parents[nearest]
    return False


PIECES = 9 + ENDINGS
_MIDDLE, _STATE, _NEXT, _VRP = 1, 2, 2 + ENDINGS, 5 + ENDINGS
_LONGEST_VRP = 128


@step
def _list_vrp(
    out: U1, at: int, frame: U1, bounds: I8, family: int, high: int, low: int, length: int,
    asn: int, most: int, follows: bool,
) -> int:  # fmt: skip
    if follows:
        out[at] = ord(",")
        at += 1
    at = copy(out, at, frame, bounds[_VRP], bounds[_VRP + 1])
    at = decimal(out, at, asn)
    at = copy(out, at, frame, bounds[_VRP + 1], bounds[_VRP + 2])
    at = prefix(out, at, family, high, low, length)
    at = copy(out, at, frame, bounds[_VRP + 2], bounds[_VRP + 3])
    at = decimal(out, at, most)
    return copy(out, at, frame, bounds[_VRP + 3], bounds[_VRP + 4])


@step
def read_asn(text: U1, start: int, stop: int) -> int:
    """An AS number, with or without AS before it, of at most ten digits; -1 for all else."""
    if stop - start > 2 and text[start] | 32 == ord("a") and text[start + 1] | 32 == ord("s"):
        start += 2
    if stop - start > 10:
        return -1
    value = digits(text, start, stop)
    return value if value <= 0xFFFF_FFFF else -1


@step
def _read_prefix(text: U1, start: int, stop: int) -> tuple[int, int, int, int]:
    """Family, address and length, bits beyond the length left out; -1 for what is not plain."""
    zero, ones = np.uint64(0), np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    odd = (-1, zero, zero, 0)
    slash, colon = start, False
    while slash < stop and text[slash] != ord("/"):
        colon |= text[slash] == _COLON
        slash += 1
    if stop - slash > 4:
        return odd
    bits = digits(text, slash + 1, stop)
    if bits < 0 or bits > (128 if colon else 32):
        return odd
    if colon:
        good, high, low = read_ipv6(text, start, slash)
        if not good:
            return odd
        if bits <= 64:
            low = zero
        elif bits < 128:
            low &= ones << np.uint64(128 - bits)
    else:
        quad = read_ipv4(text, start, slash)
        if quad < 0:
            return odd
        high, low = np.uint64(quad) << np.uint64(32), zero
    if bits == 0:
        high = zero
    elif bits < 64:
        high &= ones << np.uint64(64 - bits)
    return 6 if colon else 4, high, low, bits


NO_ROOM, ODD = -1, -2


@kernel("u8 u8 u1 i4 u4 u4 u1 u4 i u1 i u1 i8 u1!")
def write_validity(
    vrp_highs: U8,
    vrp_lows: U8,
    vrp_lengths: U1,
    parents: Any,
    first: U4,
    asns: U4,
    max_lengths: U1,
    buckets: U4,
    vrp_ipv6: int,
    asked: U1,
    asn_bytes: int,
    frame: U1,
    bounds: I8,
    out: U1,
) -> int:
    """Write the answer about one route; returns its bytes, or :data:`NO_ROOM` if it does not fit,
    :data:`ODD` if the route is not spelled plainly.

    ``asked`` is the text of the AS number, ``asn_bytes`` long, and that of the prefix. ``frame``
    has :data:`PIECES`: up to the AS number's digits; up to the prefix; for each ending from behind
    the prefix to the first list of VRPs; then what stands behind the first, second and third list;
    and around the AS number, prefix and maxLength of each VRP (four). The lists are split as in
    :func:`validator.origin_validation.explain`, the nearest VRP first.
    """
    origin = read_asn(asked, 0, asn_bytes)
    family, high, low, length = _read_prefix(asked, asn_bytes, len(asked))
    if origin < 0 or family < 0:
        return ODD
    begin, bucket = 0, np.int64(high >> np.uint64(48))
    if family != 4:
        begin, bucket = vrp_ipv6, bucket + BUCKETS + 1
    last = last_not_after(
        vrp_highs, vrp_lows, vrp_lengths,
        np.int64(buckets[bucket]), np.int64(buckets[bucket + 1]), high, low, length,
    )  # fmt: skip
    nearest = -1
    if last >= begin:
        nearest = climb(vrp_highs, vrp_lows, vrp_lengths, parents, last, high, low)
    verdict = judge(parents, first, asns, max_lengths, nearest, origin, length)
    ending = verdict
    if verdict > VALID:
        allowed = some_length_allows(parents, first, max_lengths, nearest, length)
        ending = INVALID_AS if allowed else INVALID_LENGTH
    if bounds[len(bounds) - 1] + _LONGEST_VRP > len(out):
        return NO_ROOM
    at = copy(out, 0, frame, bounds[0], bounds[1])
    at = decimal(out, at, origin)
    at = copy(out, at, frame, bounds[_MIDDLE], bounds[_MIDDLE + 1])
    at = prefix(out, at, family, high, low, length)
    at = copy(out, at, frame, bounds[_STATE + ending], bounds[_STATE + ending + 1])
    for which in range(3):
        row, follows = nearest, False
        while row >= 0:
            for vrp in range(np.int64(first[row]), np.int64(first[row + 1])):
                asn, most = np.int64(asns[vrp]), np.int64(max_lengths[vrp])
                kind = 2 if length > most else 1 if asn != origin or asn == 0 else 0
                if kind != which:
                    continue
                if at + _LONGEST_VRP + bounds[len(bounds) - 1] - bounds[_NEXT] > len(out):
                    return NO_ROOM
                at = _list_vrp(
                    out, at, frame, bounds, family, vrp_highs[row], vrp_lows[row],
                    np.int64(vrp_lengths[row]), asn, most, follows,
                )  # fmt: skip
                follows = True
            row = parents[row]
        at = copy(out, at, frame, bounds[_NEXT + which], bounds[_NEXT + which + 1])
    return at
