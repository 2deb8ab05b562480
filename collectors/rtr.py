"""VRPs from RTR caches (RFC 6810, RFC 8210), through RTRlib: from one cache or several.

Each cache is followed on its own (:mod:`collectors.rtr_cache`). What is handed on follows from
their last complete updates:

*prefer*: the VRPs of the most preferred cache that is connected and whose VRPs have not expired. A
cache that lost its connection counts as connected for ``failover_seconds``, so that its restart
changes nothing. Going over to another cache is one transaction with ``reset``.

*union*: what any cache announces whose VRPs have not expired. What one withdraws stays while
another announces it.

If no cache is left, nothing is withdrawn: the source is reported as ``failed``, and the pipeline
says how long the last good VRPs may stay. They never vanish in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from collectors import rtrlib, vrp_sets
from collectors.live import Channel, VrpTransaction
from collectors.rtr_cache import Commit, FollowedCache
from collectors.vrp_sets import Keys
from validator.model import U1, InputReport, VrpBatch

KIND = "rtr"


class RtrCache(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a cache is. With ``transport = "ssh"`` (RFC 8210 section 9.1): ``user`` and
    ``known_hosts`` (a file with the cache's host key) are needed; ``private_key`` is a file, and if
    it is not given, the user's own keys and agent are tried."""

    host: Annotated[str, Meta(min_length=1, pattern=r"^[^\x00]+$")]
    port: Annotated[int, Meta(ge=1, le=65535)] = 323
    preference: int = 1
    """The least is the most preferred; among equals, the one named first."""
    transport: Literal["tcp", "ssh"] = "tcp"
    user: Annotated[str, Meta(pattern=r"^[^\x00]*$")] = ""
    private_key: Annotated[str, Meta(pattern=r"^[^\x00]*$")] = ""
    known_hosts: Annotated[str, Meta(pattern=r"^[^\x00]*$")] = ""

    def __post_init__(self) -> None:
        if self.transport == "ssh" and not (self.user and self.known_hosts):
            raise ValueError('transport "ssh" needs `user` and `known_hosts`')
        if self.transport == "tcp" and (self.user or self.private_key or self.known_hosts):
            raise ValueError('`user`, `private_key` and `known_hosts` go with transport "ssh"')

    @property
    def name(self) -> str:
        """``rtr:host:port``: what stands for its trust anchor, which RTR does not tell."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtr:{host}:{self.port}"


class RtrSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The caches, and how patient to be with them.

    ``refresh_seconds``, ``retry_seconds`` and ``expire_seconds`` are the most that is taken from a
    cache's own wishes (RFC 8210 section 6), and what holds if it has none.
    """

    caches: Annotated[tuple[RtrCache, ...], Meta(min_length=1, max_length=16)]
    merge: Literal["prefer", "union"] = "prefer"
    refresh_seconds: Annotated[int, Meta(ge=1, le=86400)] = 300
    retry_seconds: Annotated[int, Meta(ge=1, le=7200)] = 30
    expire_seconds: Annotated[int, Meta(ge=1, le=172800)] = 7200
    failover_seconds: Annotated[float, Meta(ge=0)] = 60.0
    """How long a cache may be disconnected before a less preferred one takes over."""
    silence_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60
    """How long a cache may pause in the middle of an update."""
    connect_seconds: Annotated[int, Meta(ge=1, le=300)] = 10
    max_vrps: Annotated[int, Meta(ge=1, le=50_000_000)] = 5_000_000
    """A cache that announces more is refused."""

    def __post_init__(self) -> None:
        names = [cache.name for cache in self.caches]
        if len(set(names)) < len(names):
            raise ValueError("`caches` names one cache twice")


class RtrCollector:
    """Follows the caches of one source; keeps to :class:`collectors.live.LiveCollector`."""

    def __init__(self, settings: RtrSettings, source: str) -> None:
        """
        Raises:
            SettingsError: RTRlib's module is not built. Says the cure.
        """
        rtrlib.require()
        self.settings, self.source = settings, source
        self._changed = asyncio.Event()
        self.caches = tuple(
            FollowedCache(cache.name, _options(settings, cache), cache.preference, self._changed)
            for cache in sorted(settings.caches, key=lambda cache: cache.preference)
        )
        """The most preferred first."""
        self._trust_anchors = tuple(cache.name for cache in self.caches)
        self._published: Keys | None = None
        self._in_force: FollowedCache | None = None
        self._joined: dict[FollowedCache, Keys] = {}
        self._reported = ("", "")

    async def run(self, channel: Channel) -> None:
        """Follow the caches until cancelled. Their failures are reported, not raised."""
        self._published, self._in_force, self._joined = None, None, {}
        self._reported = ("", "")
        async with asyncio.TaskGroup() as group:
            for cache in self.caches:
                group.create_task(cache.run(), name=cache.name)
            step = self._prefer if self.settings.merge == "prefer" else self._union
            while True:
                self._changed.clear()
                now = time.monotonic()
                transaction = await step(now)
                if transaction is not None:
                    await channel.put(transaction)
                self._report(channel, now)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._next_moment(now)):
                        await self._changed.wait()

    # ------------------------------------------------------------------------ what is handed on

    async def _prefer(self, now: float) -> VrpTransaction | None:
        usable = [cache for cache in self.caches if cache.usable(now)]
        reached = [cache for cache in usable if not self._lost(cache, now)]
        if reached:
            best = reached[0]
        elif not usable:
            return None
        else:
            best = next((cache for cache in usable if cache is self._in_force), usable[0])
        commit = best.latest
        if commit is None or (best is self._in_force and commit.vrps is self._published):
            return None
        switched, before = best is not self._in_force, self._published
        self._in_force, self._published = best, commit.vrps
        anchor = np.full(1, self.caches.index(best), "u1")
        if switched or before is None:
            return await asyncio.to_thread(
                self._transaction, commit.vrps, None, anchor, commit.rejected
            )
        if commit.previous is before:
            announced, withdrawn = commit.announced, commit.withdrawn
        else:  # several commits since: what they come to
            announced, withdrawn = await asyncio.to_thread(vrp_sets.difference, before, commit.vrps)
        if not len(announced) and not len(withdrawn):
            return None
        return await asyncio.to_thread(
            self._transaction, announced, withdrawn, anchor, commit.rejected
        )

    async def _union(self, now: float) -> VrpTransaction | None:
        commits = {
            cache: cache.latest
            for cache in self.caches
            if cache.latest is not None and cache.usable(now)
        }
        sets = {cache: commit.vrps for cache, commit in commits.items()}
        if not sets or (
            sets.keys() == self._joined.keys()
            and all(sets[cache] is self._joined[cache] for cache in sets)
        ):
            return None
        before, joined = self._published, self._joined
        made = await asyncio.to_thread(self._joined_anew, commits, joined, before)
        self._published, self._joined = made[0], sets
        return made[1]

    def _joined_anew(
        self,
        commits: Mapping[FollowedCache, Commit],
        joined: Mapping[FollowedCache, Keys],
        before: Keys | None,
    ) -> tuple[Keys, VrpTransaction | None]:
        """The new union, and what leads to it. In a thread: it may be long."""
        sets = {cache: commit.vrps for cache, commit in commits.items()}
        changed = [cache for cache in sets if joined.get(cache) is not sets[cache]]
        others = [sets[cache] for cache in sets if cache not in changed]
        last = commits[changed[0]] if len(changed) == 1 else None
        if (
            before is not None
            and last is not None
            and sets.keys() == joined.keys()
            and last.previous is joined[changed[0]]
        ):
            announced = last.announced[~vrp_sets.contains(before, last.announced)]
            withdrawn = last.withdrawn
            for other in others:
                withdrawn = withdrawn[~vrp_sets.contains(other, withdrawn)]
            after = vrp_sets.applied(before, announced, withdrawn)
        else:
            after = vrp_sets.union(list(sets.values()))
            announced, withdrawn = (
                (after, vrp_sets.EMPTY) if before is None else vrp_sets.difference(before, after)
            )
        if before is not None and not len(announced) and not len(withdrawn):
            return before, None
        anchor = np.zeros(len(announced), "u1")
        for cache in reversed(self.caches):
            if cache in sets:
                anchor[vrp_sets.contains(sets[cache], announced)] = self.caches.index(cache)
        rejected: dict[str, int] = {}
        for commit in commits.values():
            for reason, count in commit.rejected.items():
                rejected[reason] = rejected.get(reason, 0) + count
        gone = None if before is None else withdrawn
        return after, self._transaction(announced, gone, anchor, rejected)

    def _transaction(
        self, announced: Keys, withdrawn: Keys | None, anchor: U1, rejected: Mapping[str, int]
    ) -> VrpTransaction:
        """One transaction; with ``reset`` if ``withdrawn`` is None. In a thread: it may be long."""

        def made(keys: Keys, anchor: U1) -> VrpBatch:
            report = InputReport(
                self.source, KIND, rows=len(keys), rejected=rejected, built=int(time.time())
            )
            return vrp_sets.batch(keys, anchor, self._trust_anchors, report)

        gone = vrp_sets.EMPTY if withdrawn is None else withdrawn
        return VrpTransaction(
            self.source,
            withdrawn is None,
            made(announced, anchor),
            made(gone, anchor if len(anchor) == 1 else np.zeros(1, "u1")),
        )

    # --------------------------------------------------------------------------- how it stands

    def _lost(self, cache: FollowedCache, now: float) -> bool:
        return not cache.connected and now >= cache.lost_at + self.settings.failover_seconds

    def _next_moment(self, now: float) -> float | None:
        """Seconds until time alone changes something."""
        moments = [cache.expires_at for cache in self.caches if cache.latest is not None]
        moments += [
            cache.lost_at + self.settings.failover_seconds
            for cache in self.caches
            if not cache.connected
        ]
        ahead = [moment - now for moment in moments if moment > now]
        return min(ahead) + 0.01 if ahead else None

    def _report(self, channel: Channel, now: float) -> None:
        standing = self._standing(now)
        if standing != self._reported:
            self._reported = standing
            channel.report(*standing)

    def _standing(self, now: float) -> tuple[str, str]:
        away = [cache for cache in self.caches if not cache.connected]
        why = "; ".join(f"{cache.name}: {cache.reason}" for cache in away)
        usable = [cache for cache in self.caches if cache.usable(now)]
        if self._published is None:
            return ("failed" if _have_tried(away) else "starting"), why
        if not usable:
            return "failed", f"every cache's VRPs have expired; {why}".removesuffix("; ")
        if self.settings.merge == "union":
            return ("fresh" if not away else "late"), why
        if self._in_force is not None and not self._in_force.connected:
            return "late", why
        if self._in_force is not self.caches[0]:
            name = self._in_force.name if self._in_force else ""
            return "degraded", f"{name} stands in; {why}".removesuffix("; ")
        return "fresh", why


def _have_tried(away: Sequence[FollowedCache]) -> bool:
    return bool(away) and all(cache.failed for cache in away)


def _options(settings: RtrSettings, cache: RtrCache) -> rtrlib.Options:
    return rtrlib.Options(
        host=cache.host,
        port=cache.port,
        user=cache.user,
        private_key=cache.private_key,
        known_hosts=cache.known_hosts,
        refresh_seconds=settings.refresh_seconds,
        retry_seconds=settings.retry_seconds,
        expire_seconds=settings.expire_seconds,
        silence_seconds=settings.silence_seconds,
        connect_seconds=settings.connect_seconds,
        max_vrps=settings.max_vrps,
    )
