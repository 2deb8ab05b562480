"""Which rows of the route table one network originates.

The table is in the order of prefixes, so the routes of one origin lie scattered over it. Looking
through the whole column takes some 2 ms for 1.4 million routes; an index, one sorted column of 12
MB, takes the time of forty such looks to make. A table that live feeds replace each second is
seldom asked about as often as that, one made from files is: so the index is made when a table has
been asked about :data:`PATIENCE` times, which is never more than twice the work of the better
choice, whatever is asked.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validator.model import I8, U8
from validator.tables.routes import RouteTable

PATIENCE = 40
"""How often a table is looked through before it is worth an index."""

_ROW_BITS = np.uint64(31)
"""Origins take 33 bits, since NONE is one more than there are AS numbers."""
_ROW = np.uint64((1 << 31) - 1)


@dataclass(frozen=True, slots=True, eq=False)
class OriginIndex:
    """``keys`` u8 ``(n,)``, sorted: the origin plus one (``NO_ORIGIN`` is -1), shifted up by 31,
    and the row."""

    keys: U8

    @classmethod
    def build(cls, origin: I8) -> OriginIndex:
        keys = (origin + 1).astype("u8")
        keys <<= _ROW_BITS
        keys |= np.arange(len(origin), dtype="u8")
        keys.sort()
        return cls(keys)

    def rows(self, origin: int) -> NDArray[np.intp]:
        """The rows of an origin, ascending: in the order of the table."""
        bounds = np.array([origin + 1, origin + 2], "u8") << _ROW_BITS
        start, stop = self.keys.searchsorted(bounds)
        return (self.keys[start:stop] & _ROW).astype(np.intp)


class RowsByOrigin:
    """Finds the rows of an origin in whatever table is in force; safe to use from many threads.

    Keeps one index at most, and no table: a new one has a new column of origins, save where
    nothing but verdicts changed, and then the index still holds.
    """

    def __init__(self, patience: int = PATIENCE) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._column: weakref.ref[I8] | None = None
        self._asked = 0
        self._index: OriginIndex | None = None

    def of(self, routes: RouteTable, origin: int) -> NDArray[np.intp]:
        """The rows of an origin, ascending. Takes some milliseconds, once for a table some 100."""
        column = routes.origin
        with self._lock:
            if self._column is None or self._column() is not column:
                self._column, self._asked, self._index = weakref.ref(column), 0, None
            index = self._index
            self._asked += 1
            build = self._asked == self._patience + 1  # the others need not wait for this one
        if index is None and build:
            index = OriginIndex.build(column)
            with self._lock:
                if self._column() is column:
                    self._index = index
        if index is None:
            found: NDArray[Any] = np.flatnonzero(column == origin)
            return found
        return index.rows(origin)
