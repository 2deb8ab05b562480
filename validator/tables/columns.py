"""Columns made of plain things: sets, sorted, and texts, one after the other.

For sets, what numpy has (``unique``, ``isin``) hashes or guesses.

``np.unique`` of plain numbers takes a hundred times as long as sorting them (numpy 2.4, by a hash
table); here sorting is all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from validator.model import I8, U1

N = TypeVar("N", bound=np.generic)


def distinct(values: NDArray[N]) -> NDArray[N]:
    """The values, each once, ascending."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), "?")
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def among(values: NDArray[N], some: NDArray[N]) -> NDArray[np.bool_]:
    """Which values are among some others, which are in ascending order."""
    if not len(some):
        return np.zeros(len(values), "?")
    found: NDArray[np.bool_] = some[np.searchsorted(some[:-1], values)] == values
    return found


def joined(pieces: Sequence[bytes]) -> tuple[U1, I8]:
    """Texts in one column, and where each begins and the last ends."""
    bounds = np.zeros(len(pieces) + 1, "i8")
    np.cumsum(np.fromiter(map(len, pieces), "i8", len(pieces)), out=bounds[1:])
    return np.frombuffer(b"".join(pieces), "u1"), bounds


def joined_text(pieces: Sequence[str]) -> tuple[U1, I8]:
    """The same of texts not encoded yet (UTF-8)."""
    text = "".join(pieces)
    if not text.isascii():
        return joined([piece.encode() for piece in pieces])
    bounds = np.zeros(len(pieces) + 1, "i8")
    np.cumsum(np.fromiter(map(len, pieces), "i8", len(pieces)), out=bounds[1:])
    return np.frombuffer(text.encode(), "u1"), bounds
