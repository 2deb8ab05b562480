"""How each input stands, and when less of it is too much less (docs/definitions.md).

*Never a silent collapse*: an input that fails, falls silent or loses a large part of what it had
keeps its last good content for a bounded time, and is said to be in trouble from the first moment.
When that time is over, the answers that rest on it say so themselves.

Pure: times are Unix seconds and are passed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STARTING, FRESH, LATE, DEGRADED, FAILED = STATES = (
    "starting",
    "fresh",
    "late",
    "degraded",
    "failed",
)
"""What an input can be: nothing has come of it yet; as it should be; nothing new for too long, or
some of it has expired; in use, but not what it should be; not to be had. In the last three, what
was good stays in use."""

VRP_KINDS = frozenset(("vrps", "rtr", "slurm"))
"""Kinds of inputs that decide what is valid. Coverage rests on all kinds."""

LATE_AFTER_CADENCES = 2.0
"""One new content may be missed before an input is late."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one input stands. All times are Unix seconds."""

    kind: str
    source: str
    state: str = STARTING
    """One of :data:`STATES`."""
    loaded: int | None = None
    """When the content in use was read."""
    checked: int | None = None
    """When it was last looked at, whatever came of it."""
    error: str = ""
    """Why it is not fresh."""
    rows: int = 0
    content: int | None = None
    """When the content in use was made, if it says, else when it was last known to be current."""
    since: int | None = None
    """Since when it is not fresh."""
    stale_from: int | None = None
    """When what is in use becomes too old to be used without a word; None: that time is not
    running."""
    cadence_seconds: float | None = None
    """How often new content is expected; None: nothing is."""
    max_stale_seconds: float = 0.0
    """How long its last good content may stay in use without a word."""

    @property
    def troubled(self) -> bool:
        """Whether a snapshot that rests on it is degraded."""
        return self.state != FRESH

    def stale(self, now: float) -> bool:
        """Whether answers that rest on it must say so."""
        return self.stale_from is not None and now >= self.stale_from

    def age(self, now: float) -> int | None:
        """Seconds since its content was made or last known to be current."""
        return None if self.content is None else max(0, int(now) - self.content)


@dataclass(frozen=True, slots=True)
class Fall:
    """A set that lost more at once than it should. ``taken``: the smaller set is in use now,
    since it stayed so small for too long."""

    what: str
    before: int
    after: int
    since: int
    taken: bool = False

    def __str__(self) -> str:
        lost = 100 * (1 - self.after / self.before)
        return f"{self.what} fell from {self.before:,} to {self.after:,} (-{lost:.1f} %)"


@dataclass(frozen=True, slots=True)
class Floors:
    """The share of a set that may go at once, and how small a set is not judged."""

    vrps: float = 0.10
    """Of one trust anchor's VRPs, or of all that an RTR source announces."""
    tables: float = 0.20
    """Of the rows of any other input, or of all routes."""
    least_rows: int = 1_000
    """A set that had fewer may change as it likes."""

    def fall(
        self, kind: str, before: Mapping[str, int], after: Mapping[str, int], now: int
    ) -> Fall | None:
        """The worst fall below the floor among sets that are counted by name; None if there is
        none. A name that is gone has fallen to 0."""
        allowed = self.vrps if kind in VRP_KINDS else self.tables
        worst: Fall | None = None
        for name, had in before.items():
            has = after.get(name, 0)
            if had < self.least_rows or has >= (1 - allowed) * had:
                continue
            if worst is None or has / had < worst.after / worst.before:
                rows = "VRPs" if kind in VRP_KINDS else "rows"
                worst = Fall(f"{rows} of {name}" if name else rows, had, has, now)
        return worst


class TableWatch:
    """Watches what live feeds come to: all routes, and what each vantage point announces.

    Updates cannot be held back, so there is nothing to keep; but that a table shrank, or a vantage
    point is gone, is said for as long as ``memory_seconds``, or until it is back.
    """

    def __init__(self, floors: Floors, memory_seconds: float = 3600.0) -> None:
        self._floors, self._memory = floors, memory_seconds
        self._sizes: dict[str, list[tuple[int, int]]] = {}

    def observe(self, now: int, sizes: Mapping[str, int]) -> tuple[SourceStatus, ...]:
        """The sets (by name) that are smaller than they were within the memory by more than the
        floor allows."""
        found = []
        for name in {**self._sizes, **sizes}:
            size = sizes.get(name, 0)
            # Only sizes that no later one reaches matter: the largest within the memory is first.
            past = [(t, n) for t, n in self._sizes.get(name, []) if now - t < self._memory]
            while past and past[-1][1] <= size:
                past.pop()
            past.append((now, size))
            if past[0][1]:
                self._sizes[name] = past
            else:
                self._sizes.pop(name, None)
            fall = self._floors.fall("routes", {"": past[0][1]}, {"": size}, now)
            if fall is not None:
                found.append(_status_of(name, fall, past[0][0], now))
        return tuple(found)


def _status_of(name: str, fall: Fall, since: int, now: int) -> SourceStatus:
    gone = "announces nothing any more" if not fall.after else "shrank"
    return SourceStatus(
        "table",
        name,
        DEGRADED,
        checked=now,
        rows=fall.after,
        content=now,
        since=since,
        error=f"{name} {gone}: {fall}",
    )
