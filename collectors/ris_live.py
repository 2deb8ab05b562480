"""Follows RIS Live: the updates that RIPE RIS sees, seconds after it sees them.

RIS Live tells what changes from now on, and it cannot be slowed. Three things follow.

**A beginning.** Updates alone never show what does not change. First we subscribe, and hold back
what comes; then the vantage point's MRT routing table is read (``rib``), which is hours old; then
its update files are replayed from that time on, if ``updates`` says where they lie
(:mod:`collectors.missed`); then comes what was held back, and what follows. Without ``updates``
what changed between the table and the subscription is missing until it changes again: the source
is *degraded* and says from when to when. Without ``rib`` only what is heard is known.

**Gaps.** After a lost connection, and after updates had to be dropped, the routes stay as they are
while the gap is filled in the same way: from the update files if there are any, else from the
routing table if that is newer than what is known (its peers start over: what it does not hold is
withdrawn). An older table would undo what is known since. A gap that cannot be filled is said, and
the source is degraded, until a table made after it has been read.

**A full queue.** What the pipeline does not take at once is held back, put together to larger
batches and offered again; beyond ``buffer_rows`` it is dropped, and that is a gap.

Of each vantage point, what is known is known up to a moment. The clock of this machine must be
right: it says when a subscription began.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from pathlib import Path

import aiohttp

from collectors.base import ReadOptions, SourceError
from collectors.fetch import Fetcher, FetchLimits
from collectors.live import Channel, Message
from collectors.ris_backlog import Backlog
from collectors.ris_past import Past
from collectors.ris_subscription import (
    RisLiveSettings,
    connect,
    one_line,
    subscribe_messages,
    wanted,
)
from collectors.seed import in_thread
from collectors.update_files import shown
from collectors.wire.ris_live import (
    Accepted,
    RisDecoder,
    RisRows,
    ServerError,
    SessionChanged,
)

KIND = "ris_live"
GATHER_SECONDS = 0.05
"""What arrives in this time becomes one batch."""
MOST_TOGETHER = 2000
"""Messages decoded at a time: some 10 ms, in a thread."""
MOST_RAW_BYTES = 16 << 20
"""Received and not yet decoded; then the socket waits (and the server may hang up)."""
MOST_BAD_IN_A_ROW = 100


class RisLive:
    """The collector. ``run`` again after a failure fills the gap."""

    def __init__(
        self,
        settings: RisLiveSettings,
        cache: Path,
        options: ReadOptions | None = None,
        limits: FetchLimits | None = None,
    ) -> None:
        """``cache``: the folder in which fetched files lie while they are read.

        Raises:
            SettingsError: a setting cannot be followed.
        """
        self.settings = settings
        self.connections = 0
        self.rows = 0
        """Updates handed on, without those of files."""
        self.full = 0
        """How often the pipeline's queue was full."""
        self.dropped = 0
        """Updates dropped because too many waited."""
        self._wanted = wanted(settings)
        self.decoder = RisDecoder(self._wanted)
        self._cache, self._limits = cache, limits or FetchLimits()
        self._past = Past(settings, self._wanted, cache, options or ReadOptions(), self._limits)
        self._shown = shown(settings.url)
        self._refused_before = 0
        self._begin()

    def _begin(self) -> None:
        """As at the beginning of a connection."""
        self._raw: list[str | bytes] = []
        self._raw_bytes = 0
        self._arrived, self._room = asyncio.Event(), asyncio.Event()
        self._answered, self._again = asyncio.Event(), asyncio.Event()
        self._backlog = Backlog(self._shown, KIND, self.decoder.peers)
        self._head: Message | None = None
        self._live = self._behind = False
        self._begins = int(time.time())
        self._accepted = self._subscriptions = 0
        self._server_says = ""
        self._ended: SourceError | None = None
        self._heard: dict[str, tuple[int, float]] = {}
        self._heard_before = self.decoder.wanted_messages
        self.decoder.bad_in_a_row = self.decoder.worst_in_a_row = 0

    # ----------------------------------------------------------------------------- the connection

    async def run(self, channel: Channel) -> None:
        """Follow until cancelled.

        Raises:
            SourceError: the server, or what it begins with, failed.
        """
        self._begin()
        channel.report(
            "degraded" if self._past.known else "starting", f"connecting to {self._shown}"
        )
        failure: BaseException | None = None
        async with contextlib.AsyncExitStack() as stack:
            socket = await self._connect(stack)
            self.connections += 1
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._receive(socket))
                    tasks.create_task(self._pump(channel))
                    tasks.create_task(self._keep_up(channel))
            except* SourceError as failed:
                failure = failed.exceptions[0]
        if failure is not None:
            raise failure

    async def _connect(self, stack: contextlib.AsyncExitStack) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                socket = await connect(self.settings, stack)
                messages = subscribe_messages(self.settings)
                self._subscriptions = len(messages)
                for message in messages:
                    await socket.send_str(message)
        except TimeoutError:
            raise self._failed(
                f"no connection within connect_seconds ({self._limits.connect_seconds:g})"
            ) from None
        except aiohttp.WSServerHandshakeError as failure:
            raise self._failed(f"is no WebSocket: status {failure.status}", "check url") from None
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            raise self._failed(f"no connection: {one_line(failure)}") from failure
        return socket

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take what comes, until the connection ends; :meth:`_pump` says so when all is used."""
        problem = ""
        async for message in socket:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                problem = one_line(message.data)
                break
            self._raw.append(message.data)
            self._raw_bytes += len(message.data)
            self._arrived.set()
            while self._raw_bytes > MOST_RAW_BYTES:
                self._room.clear()
                await self._room.wait()
        problem = problem or f"the connection was closed (code {socket.close_code})"
        if self._server_says:
            problem += f"; the server says: {self._server_says}"
        self._ended = self._failed(problem)
        self._arrived.set()

    # ------------------------------------------------------------------------------ what is heard

    async def _pump(self, channel: Channel) -> None:
        """Decode what came, hand it on or hold it back, and say how it stands."""
        told = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._arrived.wait()
            ended = self._ended
            if ended is None:
                await asyncio.sleep(GATHER_SECONDS)
            self._arrived.clear()
            raw, self._raw, self._raw_bytes = self._raw, [], 0
            self._room.set()
            for at in range(0, len(raw), MOST_TOGETHER):
                part = raw[at : at + MOST_TOGETHER]
                for event in await in_thread(partial(self.decoder.feed, part)):
                    self._take(event)
                if self._live:
                    self._deliver(channel)
            if (bad := self.decoder.worst_in_a_row) >= MOST_BAD_IN_A_ROW:
                ended = self._failed(f"{bad} messages in a row are not JSON")
            ended = ended or self._ended or self._silence()
            if ended is not None and (ended is not self._ended or not self._raw):
                if self._live:
                    await self._drain(channel)
                raise ended
            if self._live:
                self._deliver(channel)
            if time.monotonic() - told >= 1.0:
                told = time.monotonic()
                self._tell(channel)

    def _take(self, event: RisRows | SessionChanged | ServerError | Accepted) -> None:
        if isinstance(event, ServerError):
            self._server_says = event.text
            self._answered.set()
        elif isinstance(event, Accepted):
            self._accepted += 1
            if self._accepted >= self._subscriptions:
                self._answered.set()
        else:
            self._backlog.add(event)
            if self._backlog.size > self.settings.buffer_rows:
                self.dropped += self._backlog.clear()
                self._head = None
                self._begins = int(time.time())
                self._live = self._behind = False
                self._again.set()

    def _deliver(self, channel: Channel) -> None:
        """Offer what waits, until the queue is full."""
        while (message := self._next()) is not None:
            if not channel.offer(message):
                self.full += 1
                self._behind = True
                return
            self._handed_on()
        self._behind = False
        self._all_is_known()

    async def _drain(self, channel: Channel) -> None:
        """Hand on what waits; nothing more comes, so that there is time to wait for the queue."""
        while (message := self._next()) is not None:
            await channel.put(message)
            self._handed_on()
        self._all_is_known()

    def _next(self) -> Message | None:
        if self._head is None and self._backlog:
            self._head = self._backlog.first()
        return self._head

    def _handed_on(self) -> None:
        self.rows += self._backlog.drop_first()
        self._head = None

    def _all_is_known(self) -> None:
        now = time.time()
        for vantage, newest in self.decoder.latest.items():
            if self._past.known.get(vantage, 0) < newest:
                self._past.known[vantage] = int(min(newest, now))

    def _silence(self) -> SourceError | None:
        """A failure if all vantage points have been silent for too long."""
        now = time.monotonic()
        for vantage in self._wanted.vantages:
            heard = self.decoder.heard.get(vantage, 0)
            if vantage not in self._heard or self._heard[vantage][0] != heard:
                self._heard[vantage] = heard, now
        silent = self._silent(now)
        if len(silent) < len(self._wanted.vantages):
            return None
        # All of them: the connection is of no use.
        return self._failed(f"nothing was sent for idle_seconds ({self.settings.idle_seconds:g})")

    def _silent(self, now: float) -> list[str]:
        """Vantage points that said nothing for too long: of all their peers, some always speak."""
        if self.settings.peer or self.settings.prefix or self.settings.path:
            return []
        idle = self.settings.idle_seconds
        return sorted(name for name, (_, at) in self._heard.items() if now - at > idle)

    def _tell(self, channel: Channel) -> None:
        given, problems = self.settings, list[str]()
        if not self._live:
            problems.append(self._past.step or "subscribing")
        problems += self._past.problems()
        if self._behind:
            problems.append(f"the pipeline is behind: {self._backlog.size:,} updates wait")
        if more := self.decoder.refused_messages - self._refused_before:
            problems.append(f"{more:,} messages were refused: routes may be missing")
        problems += [f"{name} is silent" for name in self._silent(time.monotonic())]
        if self._server_says:
            problems.append(f"the server says: {self._server_says}")
        if given.path:
            problems.append("filtered by path: routes that end are not seen to end")
        starting = not self._live and not self._past.known
        totals = f"{self.rows:,} updates of {len(self.decoder.peers):,} peers"
        if not given.rib:
            totals += "; updates only: what does not change is not known"
        detail = "; ".join([*problems, totals])
        channel.report("starting" if starting else "degraded" if problems else "fresh", detail)

    # --------------------------------------------------------------------------- what went before

    async def _keep_up(self, channel: Channel) -> None:
        """Bring each vantage point up to where what is held back begins; then go live."""
        await self._subscribed()
        self._begins = int(time.time())
        while True:
            self._again.clear()
            refused, until = self.decoder.refused_messages, self._begins
            tables = dict[str, int]()
            async with Fetcher(self._cache, self._limits) as fetcher:
                for host in self.settings.hosts:
                    tables |= await self._past.bring_up(
                        host, until, self.decoder.peers, fetcher, channel
                    )
            self._past.step = ""
            if self._again.is_set():
                continue
            if (self.settings.rib or self.settings.updates) and not self._past.missing:
                self._refused_before = refused
            self._backlog.forget_older(tables)
            self._live = True
            self._arrived.set()
            await self._again.wait()

    async def _subscribed(self) -> None:
        """Wait until the server has taken our subscriptions, or at least sends what we asked for.

        Raises:
            SourceError: it refuses, or says nothing.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.connect_seconds):
                await self._answered.wait()
        if self._server_says and self._accepted < self._subscriptions:
            raise self._failed(
                f"the subscription was refused: {self._server_says}",
                "check hosts, peer, prefix and path",
            )
        if not self._accepted and self.decoder.wanted_messages == self._heard_before:
            raise self._failed("does not answer the subscription", "check url")

    def _failed(self, problem: str, cure: str = "") -> SourceError:
        return SourceError(self._shown, problem, cure=cure)


__all__ = ["RisLive", "RisLiveSettings"]
