"""A long JSON array cut into pieces that can be decoded one after the other.

Decoding 16 MiB of JSON at once holds the interpreter, and with it the event loop, for a tenth of a
second, in whichever thread it runs. :func:`cut_array` finds where the array can be cut, in compiled
code that lets others run; each piece is then a moment's work for the general decoder, which still
reads every byte, so that nothing malformed gets through.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from mmap import mmap
from typing import overload

import msgspec
import numpy as np

from validator.kernels.core import kernel
from validator.model import I8, U1

_LEAST = 1 << 14
_MOST = 1 << 20
"""Bytes of a piece, and of the document without its arrays: more is refused."""
_MOST_ARRAYS = 256


def cut_array(document: bytes, name: str) -> list[bytes]:
    """The array ``document[name]`` as several arrays, in order; each is a JSON document.

    The elements are as they were: unread, so possibly malformed.

    Raises:
        ValueError: the document is not an object with such an array, or is not JSON.
    """
    return list(ArrayPieces(document, name))


class ArrayPieces(Sequence[bytes]):
    """As :func:`cut_array`, but each piece is cut out of the document when it is asked for: of a
    document in a mapped file, no more than a piece need be in memory.

    Raises:
        ValueError: as there, when it is made.
    """

    def __init__(self, document: bytes | mmap, name: str) -> None:
        self._document = document
        self._bounds = list(pairwise(_find_array(document, name)))
        for first, last in self._bounds:
            if last - first > _MOST:
                raise ValueError(f"an element of {last - first} bytes")
            alone = len(self._bounds) == 1
            if not alone and not document[first + 1 : last].strip(b" \t\r\n"):
                raise ValueError("a comma without an element")

    def __len__(self) -> int:
        return len(self._bounds)

    @overload
    def __getitem__(self, number: int) -> bytes: ...

    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...

    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        first, last = self._bounds[number]
        return b"[" + self._document[first + 1 : last] + b"]"


def _find_array(document: bytes | mmap, name: str) -> list[int]:
    """Where the array opens, may be cut and closes."""
    if not document:
        raise ValueError("an empty document")
    marks = _find_cuts(np.frombuffer(document, "u1"), _LEAST, _MOST_ARRAYS)
    if marks.size and marks[-1] < 0:
        raise ValueError("brackets or quotes do not match, or too many arrays beside each other")
    arrays: list[list[int]] = []
    for mark in marks.tolist():
        place, opens = divmod(mark, 2)
        if opens:
            arrays.append([place])
        else:
            arrays[-1].append(place)
    if len(document) - sum(places[-1] - places[0] for places in arrays) > _MOST:
        raise ValueError(f"more than {_MOST} bytes beside the arrays")
    shell, done = [], 0
    for number, (first, *_, last) in enumerate(arrays):
        shell += [document[done:first], b"[%d]" % number]
        done = last + 1
    shell.append(document[done:])
    return arrays[_number_of(b"".join(shell), name)]


def _number_of(shell: bytes, name: str) -> int:
    """Which of the arrays it is: in the shell, each holds nothing but its own number."""
    try:
        found = msgspec.json.decode(shell, type=dict[str, msgspec.Raw]).get(name)
        if found is None:
            raise ValueError(f"no {name!r} in it")
        return msgspec.json.decode(found, type=tuple[int])[0]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"expected an object with an array {name!r}: {error}") from None


@kernel("u1 i i")
def _find_cuts(text: U1, least: int, most_arrays: int) -> I8:
    """Where the arrays of the outermost object open (place * 2 + 1), can be cut and close (* 2).

    Cuts are commas between elements, at least ``least`` bytes apart. The last mark is -1 if
    brackets or quotes do not match or there are more than ``most_arrays``.
    """
    marks = np.empty(len(text) // least + 2 * most_arrays + 2, np.int64)
    count, arrays, depth, last = 0, 0, 0, 0
    inside = False  # an array of the outermost object
    quoted = False
    at = 0
    while at < len(text):
        c = text[at]
        if quoted:
            if c == 0x5C:  # a backslash: what follows is not a closing quote
                at += 1
            elif c == 0x22:
                quoted = False
        elif c == 0x22:
            quoted = True
        elif c == 0x5B or c == 0x7B:
            depth += 1
            if depth == 2 and c == 0x5B:
                arrays += 1
                if arrays > most_arrays:
                    break
                inside, last = True, at
                marks[count] = at * 2 + 1
                count += 1
        elif c == 0x5D or c == 0x7D:
            depth -= 1
            if depth < 0:
                break
            if inside and depth == 1:
                if c != 0x5D:
                    break
                inside = False
                marks[count] = at * 2
                count += 1
        elif c == 0x2C and inside and depth == 2 and at - last >= least:
            last = at
            marks[count] = at * 2
            count += 1
        at += 1
    if at < len(text) or depth != 0 or quoted:
        marks[count] = -1
        count += 1
    return marks[:count].copy()
