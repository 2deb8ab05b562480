"""The user's own map beside the running service: read at the start, looked at on every reload.

It is no input of a snapshot: no figure rests on its shapes, so a mistake in the file neither holds
up a page nor degrades a day. It is said in the log, on ``/status`` and on the page of inputs, and
what the file had last (at first the shapes that come with the service) stays on the map. The file
is read in a process of its own (``python -m validator.pages.topojson``): decoding megabytes of JSON
would hold up the event loop, even in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import NoReturn

import msgspec
import structlog

from validator.model import SourceError
from validator.pages.topojson import REFUSED, Refused
from validator.pages.world_map import MapInUse, Shapes

log = structlog.get_logger()

PATIENCE_SECONDS = 60.0
_ROOT = Path(__file__).parents[2]
_Version = tuple[int, int, int]


class OwnMap:
    """The file that ``[pages] map`` names. ``in_use`` is replaced as a whole."""

    def __init__(self, source: str = "", credit: str = "") -> None:
        """Reads nothing yet. ``source``: relative to the working directory; empty: the shapes that
        come with the service are all there is."""
        self._source, self._credit = source, credit
        self._path = Path(source).absolute()
        self._version: _Version | None = None
        self._asked = asyncio.Event()
        self.in_use = MapInUse(source)

    def ask(self) -> None:
        """Look at the file now rather than at the next turn."""
        self._asked.set()

    async def follow(self, seconds: float) -> NoReturn:
        """Look at the file now, and then every so often or when asked, until cancelled."""
        while True:
            self._asked.clear()
            await self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), seconds)

    async def look(self) -> None:
        """Look at the file once. Never raises for what is wrong with it."""
        if not self._source:
            return
        before = self.in_use
        try:
            version = await asyncio.to_thread(self._looked)
            if version == self._version:
                return
            shapes = await self._read()
        except SourceError as error:
            if str(error) != before.problem:
                log.error("map not read", error=str(error))
                self._take(before.shapes, str(error))
            self._version = None
            return
        log.info("map read", source=self._source, areas=len(shapes.areas))
        self._version = version
        self._take(shapes, "")

    def _take(self, shapes: Shapes | None, problem: str) -> None:
        self.in_use = MapInUse(self._source, shapes, problem, self.in_use.generation + 1)

    def _looked(self) -> _Version:
        try:
            found = self._path.stat()
        except OSError as error:
            problem = error.strerror or str(error)
            raise SourceError(self._source, problem, cure="check the path") from None
        return found.st_mtime_ns, found.st_size, found.st_ino

    async def _read(self) -> Shapes:
        """
        Raises:
            SourceError: what is wrong with the file.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "validator.pages.topojson"),
                *(str(self._path), self._source, self._credit),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=_ROOT,
            )
        except OSError as error:  # out of files, of processes, of memory
            problem = f"no process can be started to read it: {error.strerror or error}"
            raise SourceError(self._source, problem, cure="look at the limits") from None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                said, _ = await process.communicate()
        except TimeoutError:
            problem = f"was not read after {PATIENCE_SECONDS:g} s"
            raise SourceError(self._source, problem, cure="simplify it") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == REFUSED:
            why = msgspec.json.decode(said, type=Refused)
            raise SourceError(self._source, why.problem, place=why.place, cure=why.cure)
        if process.returncode:
            problem = "the process that read it died"
            raise SourceError(self._source, problem, cure="is there memory enough?")
        return msgspec.json.decode(said, type=Shapes)
