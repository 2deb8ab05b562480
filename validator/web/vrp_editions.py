"""Whole lists of VRPs, made once and kept compressed.

An *edition* is the lists that were made at one time of one version of the payload. A new one begins
when the payload changes, and after an hour, so that clients which refuse an old list (StayRTR: a
day) do not refuse one that has merely not changed. While the VRPs are older than they may be it is
not renewed, so that such clients do notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aiohttp import ETag

from validator.feed import shown
from validator.formats.replies import generated_time
from validator.formats.vrp_deltas import DeltaHistory, Version
from validator.formats.vrp_lists import Head, Parts
from validator.snapshot import Snapshot
from validator.web.packed import Packed, pack

RENEW_SECONDS = 3600
_MOST_KEPT_BYTES = 48 << 20
"""Of compressed lists; all nine of today's full table together are 35 MB."""

What = tuple[str, Parts]
"""Which list: a name, and the kinds of payload in it."""


@dataclass(eq=False, slots=True)
class Edition:
    """See the module. ``kept``: the lists made so far, the one longest unasked for first."""

    number: int
    version: Version
    head: Head
    kept: dict[What, Packed] = field(default_factory=dict)

    @property
    def tag(self) -> ETag:
        # Weak: as gzip and not, it is the same list in other bytes.
        name = f"{self.version.session:x}-{self.version.serial}-{self.number}"
        return ETag(name, is_weak=True)

    def keep(self, what: What, packed: Packed) -> None:
        self.kept[what] = packed
        while sum(len(each.content) for each in self.kept.values()) > _MOST_KEPT_BYTES:
            del self.kept[next(iter(self.kept))]


class Editions:
    """The latest edition. ``clock`` gives Unix seconds."""

    def __init__(self, history: DeltaHistory, clock: Callable[[], float]) -> None:
        self._history, self._clock = history, clock
        self._latest: Edition | None = None
        self._turn = asyncio.Lock()

    async def current(self, snapshot: Snapshot) -> Edition:
        """The edition to answer from."""
        version = await self._history.look(snapshot)
        degraded = _stale_inputs(snapshot)
        now, last = int(self._clock()), self._latest
        made, number = now, 0
        if last is not None:
            number = last.number + 1
            if last.version is version:
                fresh = bool(degraded) or now - last.head.generated < RENEW_SECONDS
                if fresh and last.head.degraded == degraded:
                    return last
                if degraded:  # what is late is not made to look fresh
                    made = last.head.generated
        self._latest = Edition(number, version, Head(made, snapshot.sample, degraded))
        return self._latest

    async def packed(
        self, edition: Edition, what: What, make: Callable[[], Iterator[bytes]]
    ) -> Packed:
        """A whole list: made at most once, and one at a time."""
        async with self._turn:
            packed = edition.kept.pop(what, None)
            if packed is None:
                packed = await asyncio.to_thread(lambda: pack(make()))
            edition.keep(what, packed)
            return packed


def _stale_inputs(snapshot: Snapshot) -> tuple[str, ...]:
    """What of the VRPs is in use beyond its time; without the words of an error, which may be
    others at each attempt and would make each time another edition."""
    if not snapshot.troubles:
        return ()
    return tuple(
        f"{each.kind} {shown(each.source)}: {each.state}"
        + (f" since {generated_time(each.since)}" if each.since else "")
        for each in snapshot.stale(vrps_only=True)
    )
