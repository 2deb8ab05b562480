"""Sets as sorted columns: what numpy has for it (``unique``, ``isin``) hashes or guesses.

``np.unique`` of plain numbers takes a hundred times as long as sorting them (numpy 2.4, by a hash
table); here sorting is all there is.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

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
