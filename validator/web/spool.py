"""Bodies of any size in little memory: what does not fit goes to disk, which has a limit too.

:class:`Spool` stands between a client that writes and an answer that it may not read yet: many
clients send all before they read a byte, and would wait for ever if we did not take what they send.
:class:`Body` holds a whole body that must be looked at twice. Both write to files without a name,
which are gone when they are closed, however the service ends, and take their room on disk from one
:class:`Room`, which all requests share.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import tempfile
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

log = structlog.get_logger()

SEGMENT_BYTES = 8 << 20


class NoRoom(Exception):  # noqa: N818 - named for what it tells the caller
    """The disk limit is reached, or the disk is full."""


class Room:
    """How much of a disk may be used, by all together. ``folder``: the system's if None."""

    def __init__(self, most_bytes: int, folder: Path | None = None) -> None:
        self.most_bytes, self._folder = most_bytes, folder
        self.used_bytes = 0

    def take(self, size: int) -> None:
        """
        Raises:
            NoRoom: that would be too much.
        """
        if self.used_bytes + size > self.most_bytes:
            raise NoRoom
        self.used_bytes += size

    def give_back(self, size: int) -> None:
        self.used_bytes -= size

    def open(self, size: int) -> File:
        """A new file, with room for ``size`` bytes.

        Raises:
            NoRoom: there is none.
            OSError: no file can be made.
        """
        self.take(size)
        try:
            return File(self._folder)
        except OSError:
            self.give_back(size)
            raise

    def close(self, file: File, size: int) -> None:
        """Close a file that took ``size`` bytes of the room."""
        file.close()
        self.give_back(size)


class File:
    """A file without a name. Its calls may come from any thread: one that is closed meanwhile
    does no harm to what the system has opened under its number since."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self._lock = threading.Lock()
        self.size = 0

    def append(self, data: bytes) -> None:
        """
        Raises:
            OSError: the disk is full, or fails. Nothing was appended then.
        """
        with self._lock:
            if self._file.closed:
                return
            at, view = self.size, memoryview(data)
            while view:
                written = os.pwrite(self._file.fileno(), view, at)
                at, view = at + written, view[written:]
            self.size = at

    def read(self, at: int, size: int) -> bytes:
        with self._lock:
            return b"" if self._file.closed else os.pread(self._file.fileno(), size, at)

    def map(self) -> mmap.mmap:
        """Its content, which must not be empty."""
        with self._lock:
            return mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ)

    def close(self) -> None:
        with self._lock:
            self._file.close()


class Spool:
    """First in, first out. One task puts, another gets; both on the event loop.

    The oldest ``memory_bytes`` stay in memory; what comes while they are not taken goes to disk.
    """

    def __init__(self, room: Room, memory_bytes: int) -> None:
        self._room, self._memory_bytes = room, memory_bytes
        self._memory: deque[bytes] = deque()
        self._held = 0
        self._segments: deque[tuple[File, int]] = deque()
        """Files, and the room that each took. The first is read, the last is written."""
        self._read = 0
        self._gets = 0
        self._writing = self._ended = self._failed = False
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._segments:
            self._drop()
        self._memory.clear()

    @property
    def waiting(self) -> bool:
        """Whether there is more to get at once."""
        return bool(self._memory or self._segments)

    async def put(self, data: bytes) -> None:
        """Take ``data``, which is not empty; waits only while there is no room anywhere."""
        while True:
            fits = not self._held or self._held + len(data) <= self._memory_bytes
            if fits and not self._segments:
                self._memory.append(data)
                self._held += len(data)
                break
            before = self._gets
            if await self._to_disk(data):
                break
            while self._gets == before and self.waiting:
                await self._change()
        self._changed.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._changed.set()

    async def get(self, most: int) -> bytes:
        """Up to ``most`` bytes, or the first that were put; empty at the end."""
        data = b""
        while not data:
            if self._memory:
                parts = [self._memory.popleft()]
                size = len(parts[0])
                while self._memory and size + len(self._memory[0]) <= most:
                    parts.append(self._memory.popleft())
                    size += len(parts[-1])
                self._held -= size
                data = b"".join(parts)
            elif self._segments and self._read < self._segments[0][0].size:
                data = await asyncio.to_thread(self._segments[0][0].read, self._read, most)
                self._read += len(data)
                self._drop_what_is_read()
            elif self._ended:
                break
            else:
                await self._change()
        self._gets += 1
        self._changed.set()
        return data

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _to_disk(self, data: bytes) -> bool:
        """Append to the last segment; False if there is no room, now."""
        self._writing = True
        try:
            if not self._segments or self._segments[-1][0].size + len(data) > SEGMENT_BYTES:
                size = max(SEGMENT_BYTES, len(data))
                self._segments.append((self._room.open(size), size))
            await asyncio.to_thread(self._segments[-1][0].append, data)
        except NoRoom:
            return False
        except OSError as error:
            if not self._failed:
                log.warning("cannot spool to disk", error=str(error))
            self._failed = True
            return False
        finally:
            self._writing = False
            self._drop_what_is_read()
        return True

    def _drop_what_is_read(self) -> None:
        """But not the last segment while it is being written."""
        while self._segments and self._read >= self._segments[0][0].size:
            if len(self._segments) == 1 and self._writing:
                break
            self._drop()

    def _drop(self) -> None:
        file, size = self._segments.popleft()
        self._read = 0
        self._room.close(file, size)


class Body:
    """A whole body: in memory if it is short, else on disk."""

    def __init__(self, room: Room, memory_bytes: int) -> None:
        self._room, self._memory_bytes = room, memory_bytes
        self._parts: list[bytes] = []
        self._file: File | None = None
        self._room_taken = 0
        self.size = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._parts.clear()
        if self._file is not None:
            self._room.close(self._file, self._room_taken)

    async def add(self, data: bytes) -> None:
        """
        Raises:
            NoRoom: the disk limit is reached, or the disk is full.
        """
        self.size += len(data)
        self._parts.append(data)
        if self.size <= self._memory_bytes:
            return
        held = b"".join(self._parts)
        if self._file is None or len(held) >= SEGMENT_BYTES // 8:
            await self._write(held)

    async def _write(self, held: bytes) -> None:
        try:
            if self._file is None:
                self._file = self._room.open(0)
            self._room.take(len(held))
            self._room_taken += len(held)
            self._parts.clear()
            await asyncio.to_thread(self._file.append, held)
        except OSError as error:
            log.warning("cannot spool to disk", error=str(error))
            raise NoRoom from None

    async def content(self) -> bytes | mmap.mmap:
        """All of it. A map is valid until the body is left."""
        held = b"".join(self._parts)
        if self._file is None:
            return held
        if held:
            await self._write(held)
        return self._file.map()
