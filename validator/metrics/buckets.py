"""A histogram that costs an event loop next to nothing to feed.

prometheus_client's own takes a lock and walks its buckets on every observation. Ours is written
from the event loop's thread alone and read from another: a list is copied in one step.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Buckets:
    """Observations counted by size. ``bounds`` are the inclusive upper ends, ascending."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def cumulative(self) -> tuple[list[tuple[str, float]], float]:
        """Buckets as the exposition wants them, ``(le, count)`` with ``+Inf`` last; and the sum."""
        counts, total = self._counts.copy(), self._total
        below, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
            below += count
            buckets.append((bound, float(below)))
        return buckets, total
