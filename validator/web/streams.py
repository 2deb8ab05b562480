"""Many clients that follow the log of events, each with a filter, without a timer or a queue each.

A stream is *live* or *catching up*. Live streams wait; one dispatcher hands each new batch to those
whose filter wants some of it: streams with the same filter share the bytes. A stream catches up
when it begins, when a batch is too large to be handed over at once, and when its client reads too
slowly: then its own task reads the log from the place it has come to and waits for the client;
nothing is kept for it but that place. One that falls behind the log is told so (``gap``); one
that takes nothing for a minute is closed, and may come back with the id of the last event it saw.

Heartbeats keep proxies from closing silent connections, find clients that are gone, and carry the
id of what has been seen, so that a client with a narrow filter, too, resumes where it was. One
ticker gives each second a share of the streams theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import NoReturn

from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter

from validator.events.log import MOST_STREAMS, TOO_OLD, Batch, Entry, EventLog, Filter, Place, gap

HEARTBEAT_SECONDS = 15
MOST_AT_ONCE = 1 << 16
"""Bytes that are handed to a live stream at once, or may wait in its socket."""
PATIENCE_SECONDS = 60.0
"""For a client to take some bytes."""
_READ = 500
"""Events looked at in one go when a stream catches up."""
_CATCHING_UP = 4
"""Streams that do so in one turn of the event loop."""
_FRAME = b"id: %s\ndata: %s\n\n"
_TURN_SECONDS = 0.004
"""The dispatcher lets others run after this long."""


class Full(Exception):  # noqa: N818 - an answer, not a failure
    """There are as many streams as there may be, or the service is about to stop."""


class Stream:
    """One client's. ``place``: that of the next event of the log it has not been given."""

    __slots__ = ("asked", "place", "wake", "writer")

    def __init__(self, asked: Filter, place: int) -> None:
        self.asked, self.place = asked, place
        self.writer: StreamWriter | None = None
        self.wake: asyncio.Future[bool] | None = None
        """While it is live. True: catch up; False: end."""

    @property
    def gone(self) -> bool:
        """Whether its client has closed the connection."""
        if self.writer is None:
            return False
        transport = self.writer.transport
        return transport is None or transport.is_closing()

    def rouse(self, again: bool) -> None:
        if self.wake is not None and not self.wake.done():
            self.wake.set_result(again)


class Streams:
    """All streams over one log. :meth:`run` must run beside them."""

    def __init__(
        self, log: EventLog, most: int = MOST_STREAMS, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self.log, self.most, self._heartbeat = log, most, heartbeat_seconds
        self._all: dict[Stream, None] = {}
        self._live: dict[Filter, dict[Stream, None]] = {}
        self._batches: list[Batch] = []
        self._some = asyncio.Event()
        self._pace = asyncio.Semaphore(_CATCHING_UP)
        self._closed = False
        self._due = deque[tuple[float, Stream]]()
        """When each stream's next heartbeat is due, in order."""
        self._done = log.end
        """The place up to which live streams have been served: the next batch begins there."""
        self.refused_total = 0
        self.gaps_total = 0
        self.slow_total = 0
        self.sent_total = 0

    @property
    def following(self) -> int:
        """How many streams there are."""
        return len(self._all)

    @property
    def place(self) -> int:
        """The place that live streams have come to: where a new one begins."""
        return self._done

    # ------------------------------------------------------------------------------ one stream

    def admit(self, asked: Filter, place: int) -> Stream:
        """Count a new stream.

        Raises:
            Full: it cannot be.
        """
        if len(self._all) >= self.most:
            for each in [each for each in self._all if each.gone]:
                self.leave(each)
        if self._closed or len(self._all) >= self.most:
            self.refused_total += 1
            raise Full
        stream = Stream(asked, place)
        self._all[stream] = None
        return stream

    def leave(self, stream: Stream) -> None:
        """It has ended, or its client is gone."""
        self._all.pop(stream, None)
        self._retire(stream)
        stream.rouse(again=False)

    async def follow(self, stream: Stream, writer: AbstractStreamWriter, first: bytes) -> None:
        """Give a stream ``first`` and then its events, until its client or the service goes.

        Raises:
            ConnectionError: the client is gone.
        """
        assert isinstance(writer, StreamWriter)
        stream.writer = writer
        due = asyncio.get_running_loop().time() + self._heartbeat
        self._due.append((due, stream))
        await writer.write(first)
        while not self._closed:
            try:
                await self._catch_up(stream, writer)
            except TimeoutError:
                self.slow_total += 1
                if writer.transport is not None:
                    writer.transport.abort()
                return
            if self._closed:
                return
            # Nothing is awaited since the stream came up with the dispatcher: it misses nothing.
            wake = stream.wake = asyncio.get_running_loop().create_future()
            self._live.setdefault(stream.asked, {})[stream] = None
            try:
                if not await wake:
                    return
            finally:
                self._retire(stream)

    def _retire(self, stream: Stream) -> None:
        """It is not live any more."""
        group = self._live.get(stream.asked)
        if group is not None:
            group.pop(stream, None)
            if not group:
                del self._live[stream.asked]

    async def _catch_up(self, stream: Stream, writer: StreamWriter) -> None:
        """Send a stream what the dispatcher has passed already.

        Raises:
            TimeoutError: its client takes nothing.
        """
        while not self._closed and (stream.place < self._done or _waiting(writer)):
            async with self._pace:
                frames = []
                if stream.place < self.log.first:
                    frames.append(self.gap(self.log.id_before(self.log.first), TOO_OLD))
                    stream.place = self.log.first
                size, looked = 0, 0
                some = max(0, min(_READ, self._done - stream.place))
                for entry in self.log.read(stream.place, some):
                    looked += 1
                    if stream.asked.wants(entry):
                        frames.append(frame(entry))
                        size += len(frames[-1])
                        self.sent_total += 1
                        if size > MOST_AT_ONCE:
                            break
                stream.place += looked
                if frames:
                    await writer.write(b"".join(frames), drain=False)
                await asyncio.sleep(0)
            if _waiting(writer):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await writer.drain()

    def gap(self, until: Place, why: str) -> bytes:
        """The frame that says that events were lost, up to and with ``until``."""
        self.gaps_total += 1
        return _FRAME % (str(until).encode(), gap(until, why))

    # ----------------------------------------------------------------------------- all streams

    def take(self, batch: Batch) -> None:
        """Listen to the watch: a batch is in the log."""
        self._batches.append(batch)
        self._some.set()

    def close(self) -> None:
        """End all streams, and refuse new ones: the service stops."""
        self._closed = True
        for stream in list(self._all):
            stream.rouse(again=False)

    async def run(self) -> NoReturn:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name="heartbeats")
            while True:
                await self._some.wait()
                self._some.clear()
                batches, self._batches = self._batches, []
                for batch in batches:
                    await self._dispatch(batch)

    async def _dispatch(self, batch: Batch) -> None:
        """Hand a batch to the streams that are live now; others will catch up with it."""
        start, self._done = self._done, self._done + len(batch)
        groups = [(asked, list(streams)) for asked, streams in self._live.items()]
        turn = time.monotonic()
        for asked, streams in groups:
            wanted = batch.wanted(asked)
            content = b"".join(map(frame, wanted)) if len(wanted) <= _READ else None
            if content is not None and len(content) > MOST_AT_ONCE:
                content = None
            for stream in streams:
                if stream.wake is None or stream.wake.done():
                    continue
                assert stream.writer is not None
                if stream.place != start or content is None or _waiting(stream.writer):
                    stream.place = max(stream.place, start)
                    self._send_back(stream)
                else:
                    stream.place = self._done
                    if content:
                        self.sent_total += len(wanted)
                        await self._hand(stream, content)
                if time.monotonic() - turn > _TURN_SECONDS:
                    await asyncio.sleep(0)
                    turn = time.monotonic()

    def _send_back(self, stream: Stream) -> None:
        """Let a live stream catch up by itself."""
        self._retire(stream)
        stream.rouse(again=True)

    async def _hand(self, stream: Stream, content: bytes) -> None:
        """Give a live stream some bytes, without waiting for its client."""
        assert stream.writer is not None
        try:
            await stream.writer.write(content, drain=False)
        except ConnectionError:
            self.leave(stream)

    async def _tick(self) -> NoReturn:
        """Heartbeats, to those whose time has come."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(1.0, self._heartbeat))
            turn = loop.time()
            while self._due and self._due[0][0] <= loop.time():
                _, stream = self._due.popleft()
                if stream not in self._all:
                    continue
                await self._beat(stream)
                self._due.append((loop.time() + self._heartbeat, stream))
                if loop.time() - turn > _TURN_SECONDS:
                    await asyncio.sleep(0)
                    turn = loop.time()

    async def _beat(self, stream: Stream) -> None:
        if stream.gone:
            self.leave(stream)
        elif stream.wake is None or stream.wake.done() or stream.writer is None:
            return  # it catches up, and is sent something anyway
        elif _waiting(stream.writer):
            self._send_back(stream)  # its own task waits until the client reads
        elif stream.place == self._done:  # else a batch is on its way
            seen = str(self.log.id_before(self._done)).encode()
            await self._hand(stream, b": %d\nid: %s\n\n" % (time.time(), seen))


def frame(entry: Entry) -> bytes:
    """An event as a stream has it (HTML, section 9.2, Server-sent events)."""
    return _FRAME % (str(entry.place).encode(), entry.json)


def _waiting(writer: StreamWriter) -> bool:
    """Whether more waits for the client than is handed over at once."""
    transport = writer.transport
    return transport is not None and transport.get_write_buffer_size() > MOST_AT_ONCE
