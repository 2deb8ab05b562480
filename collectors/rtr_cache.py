"""Following one RTR cache: from RTRlib's entries to committed sets of VRPs.

RTRlib has no commit marker, so the states of the connection are the marker: what lies between
SYNC and ESTABLISHED is one update, and only then does it count. Anything else that touched
RTRlib's table (an update that failed halfway and was undone, or not; a purge) spoils that table
for us: the connection is thrown away, a new one loads the cache from scratch, and until that has
succeeded the last committed set stays what it was. A half of an update is never seen.

RTRlib never lets VRPs expire here; how old they are is our own clock, from each ESTABLISHED.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from collectors import vrp_sets
from collectors.rtrlib import (
    Connection,
    Notified,
    Options,
    Records,
    SocketState,
    StateChange,
    read_entries,
)
from collectors.vrp_sets import Keys

REBUILD_AFTER = 5
"""Failures in a row, after which a connection is thrown away and made anew."""
STOP_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Commit:
    """What a cache announces as of one complete update, and how it differs from the one before.

    ``previous`` is the set that ``announced`` and ``withdrawn`` lead from; None for the first.
    """

    vrps: Keys
    announced: Keys
    withdrawn: Keys
    previous: Keys | None
    rejected: Mapping[str, int]


class Spoiled(Exception):  # noqa: N818 - named for what it tells the caller
    """The connection is of no more use. Why, in a few words."""


class FollowedCache:
    """One cache, followed by :meth:`run`. All else is for the same event loop to read."""

    def __init__(
        self, name: str, options: Options, preference: int, changed: asyncio.Event
    ) -> None:
        self.name, self.preference = name, preference
        self.latest: Commit | None = None
        self.connected = False
        self.reason = "not connected yet"
        """Why it is not connected."""
        self.notified_at = self.committed_at = 0.0
        """Of the last Serial Notify, and of the last update in force (monotonic seconds)."""
        self.connections = 0
        """How many were made: more than one means that some were thrown away."""
        self._options, self._changed = options, changed
        self._fresh_at = 0.0
        self._expire_seconds = options.expire_seconds
        self._since = time.monotonic()
        self._failures = 0

    @property
    def expires_at(self) -> float:
        """When its VRPs are too old to use (monotonic seconds); RFC 8210 section 6."""
        return self._fresh_at + self._expire_seconds

    @property
    def lost_at(self) -> float:
        """Since when it is not connected (monotonic seconds), if it is not."""
        return self._since

    @property
    def failed(self) -> bool:
        """Whether it has been tried without success since it was last connected."""
        return not self.connected and (self._failures > 0 or self.connections > 1)

    def usable(self, now: float) -> bool:
        """Whether it has a complete set that has not expired."""
        return self.latest is not None and now < self.expires_at

    async def run(self) -> None:
        """Follow the cache until cancelled; connections that are spoiled are made anew."""
        while True:
            connection = Connection(self._options)
            self.connections += 1
            self._failures = 0
            try:
                await self._follow(connection)
            except Spoiled as spoiled:
                self._disconnected(str(spoiled))
                _log.info("rtr-rebuild", cache=self.name, why=str(spoiled))
            finally:
                await self._stop(connection)
            await asyncio.sleep(self._options.retry_seconds * random.uniform(0.5, 1))  # noqa: S311

    async def _follow(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        update: list[Records] = []
        table: Keys = vrp_sets.EMPTY
        received = 0
        options = self._options
        patience = 3 * options.retry_seconds + options.silence_seconds + options.connect_seconds
        loop.add_reader(connection.fd, ready.set)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if self.connected else patience):
                        await ready.wait()
                idle = not ready.is_set()
                ready.clear()
                entries = connection.take()
                if not len(entries):
                    standing = connection.look()
                    if not standing.whole:
                        raise Spoiled("memory has run out")
                    if idle and not self.connected and standing.received_bytes == received:
                        raise Spoiled("nothing happens")
                    received = standing.received_bytes
                for item in read_entries(entries):
                    match item:
                        case Records():
                            update.append(item)
                        case Notified():
                            self.notified_at = item.at
                        case StateChange(SocketState.ESTABLISHED, SocketState.SYNC):
                            table = await self._commit(connection, table, update)
                            update = []
                            self._established(item)
                        case StateChange():
                            self._changed_state(connection, item)
                            if update:
                                raise Spoiled(f"an update failed: {self.reason or 'expired'}")
        finally:
            loop.remove_reader(connection.fd)

    async def _commit(self, connection: Connection, table: Keys, update: list[Records]) -> Keys:
        """Apply one whole update to the connection's table; publish what it changed."""
        if not update and self.latest is not None and self.latest.vrps is table:
            return table
        rejected = connection.look().rejected
        most = self._options.max_vrps
        commit, table = await asyncio.to_thread(_committed, table, update, self.latest, rejected)
        if len(table) > most:
            raise Spoiled(f"it announces {len(table):,} VRPs, more than max_vrps ({most:,})")
        if self.latest is None or len(commit.announced) or len(commit.withdrawn):
            self.committed_at = time.monotonic()
        self.latest = commit
        return table

    def _established(self, change: StateChange) -> None:
        self._fresh_at, self._expire_seconds = change.at, change.expire_seconds
        self.connected, self.reason, self._failures = True, "", 0
        self._changed.set()

    def _changed_state(self, connection: Connection, change: StateChange) -> None:
        if not change.state.failed:
            return
        self._disconnected(connection.look().reason or _WHY[change.state])
        self._failures += 1
        if self._failures >= REBUILD_AFTER:
            raise Spoiled(f"{self._failures} failures in a row, the last: {self.reason}")

    def _disconnected(self, reason: str) -> None:
        if self.connected:
            self._since = time.monotonic()
        self.connected, self.reason = False, reason
        self._changed.set()

    async def _stop(self, connection: Connection) -> None:
        thread = connection.stop()
        await asyncio.shield(asyncio.to_thread(thread.join, STOP_SECONDS))
        if thread.is_alive():
            _log.warning(
                "rtr-leak", cache=self.name, problem="RTRlib does not stop; its thread is left"
            )


def _committed(
    table: Keys, update: list[Records], before: Commit | None, rejected: Mapping[str, int]
) -> tuple[Commit, Keys]:
    """What an update makes of ``table``, and how that differs from the last commit.

    They differ in what they start from: a new connection starts from an empty table.

    Raises:
        Spoiled: RTRlib withdrew what it had not announced, or announced twice.
    """
    announced = withdrawn = vrp_sets.EMPTY
    if update:
        announced, withdrawn = vrp_sets.net(
            vrp_sets.concatenate([records.keys for records in update]),
            vrp_sets.joined([records.announced for records in update]),
        )
    try:
        vrps = vrp_sets.applied(table, announced, withdrawn)
    except ValueError as error:
        raise Spoiled(str(error)) from None
    if before is not None and before.vrps is not table:
        announced, withdrawn = vrp_sets.difference(before.vrps, vrps)
    previous = before.vrps if before else None
    return Commit(vrps, announced, withdrawn, previous, rejected), vrps


_WHY = {
    SocketState.NO_DATA: "it has no data yet",
    SocketState.FATAL: "it broke the protocol",
    SocketState.TRANSPORT: "the connection broke",
}
