"""Any number of routes in one request: ``POST /api/v1/validity`` with NDJSON or CSV.

It is a stream both ways: the answers on the first routes go out before the last routes come in,
and neither list is ever whole in memory. What a client sends is taken in even while it does not
read (:mod:`validator.web.spool`), so one that writes all before it reads is served too. One
snapshot answers the whole request; its generation, and notes on stale inputs, are in headers.

A bad line is answered with a line of its own (:mod:`validator.formats.bulk`). A list that breaks
off, or is longer than it may be, ends with such a line; where nothing was answered yet it is a 4xx.
A client that neither sends nor reads is cut off, and then the answer lacks its last chunk, as it
does on any failure of ours: an answer that ends well is whole.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path

import structlog
from aiohttp import web
from isal import isal_zlib

from validator.feed import Feed
from validator.formats.bulk import LONGEST_LINE, Bulk, ErrorLine, Form, HeaderError, RouteLine
from validator.formats.replies import generated_time
from validator.history.moments import Moments
from validator.snapshot import Snapshot
from validator.web.answers import Refusal, accepts_gzip, query_of
from validator.web.bodies import pieces
from validator.web.contract import Content, Operation, query
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.packed import degraded_header
from validator.web.spool import Body, NoRoom, Room, Spool

log = structlog.get_logger()

_NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_CSV = "text/csv"
_ANSWER_TYPES = {Form.NDJSON: _NDJSON[0], Form.CSV: "text/csv; charset=utf-8; header=present"}
_GZIP_WINDOW = 31
_RETRY_SECONDS = 5

GENERATION_HEADER = "X-Originsight-Generation"
GENERATED_HEADER = "X-Originsight-Generated"


@dataclass(frozen=True, slots=True)
class BulkLimits:
    """What long lists may take of the machine, all together or each.

    ``jobs`` lists at once, more are told to come back; ``disk_bytes`` of what was sent and could
    not be answered yet, all lists together, in ``folder`` (the system's for temporary files if
    None); ``body_bytes`` of one list, unpacked; ``idle_seconds`` in which a client neither sends
    nor reads; ``total_seconds`` for one list.
    """

    jobs: int = 8
    memory_bytes: int = 2 << 20
    disk_bytes: int = 4 << 30
    body_bytes: int = 64 << 30
    line_bytes: int = LONGEST_LINE
    block_bytes: int = 256 << 10
    idle_seconds: float = 60.0
    total_seconds: float = 3600.0
    folder: Path | None = None


class Jobs:
    """The long lists under way, of every kind: how many there may be, and their room on disk."""

    def __init__(self, limits: BulkLimits) -> None:
        self.limits = limits
        self.room = Room(limits.disk_bytes, limits.folder)
        self.running = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """One more.

        Raises:
            Refusal: 503, there are too many.
        """
        if self.running >= self.limits.jobs:
            raise Refusal(
                503,
                f"{self.running} long lists are being answered, which is as many as may be",
                {"Retry-After": str(_RETRY_SECONDS)},
            )
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1


class BulkFace:
    def __init__(self, feed: Feed, jobs: Jobs, moments: Moments | None = None) -> None:
        self._feed, self._jobs, self._moments = feed, jobs, moments

    def operations(self) -> Sequence[Operation]:
        routes = Content(
            "A route on each line. CSV begins with a header that names the columns `asn` and "
            "`prefix`, in any order; others are ignored, and so are other members in NDJSON. "
            "`Content-Encoding: gzip` is understood.",
            media=(_NDJSON[0], _CSV),
            schema={"type": "string"},
        )
        lines = Content(
            "A line for each line, in order. NDJSON: "
            f"{RouteLine.__name__}, or {ErrorLine.__name__} for what is no good route. CSV: "
            "`prefix,asn,state,reason`, or the state `error` and why.",
            media=(_NDJSON[0], _CSV),
            schema={"type": "string"},
        )
        return [
            Operation(
                "POST",
                "/api/v1/validity",
                self.answer,
                "The states of any number of routes, as they come",
                "validity",
                {200: lines},
                [
                    query(
                        "vrps",
                        "1 to have the covering VRPs with each route",
                        {"type": "string", "enum": ["0", "1"]},
                        example="1",
                    ),
                    AT,
                ],
                routes,
                refusals=(400, 404, 413, 415, 503),
            )
        ]

    def routes(self) -> list[web.RouteDef]:
        return [each.route for each in self.operations()]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = _form(request)
        given = query_of(request, "vrps", "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        vrps = given.get("vrps", "0")
        if vrps not in ("0", "1"):
            raise Refusal(400, f"vrps={vrps!r} is not one of 0, 1")
        limits = self._jobs.limits
        bulk = Bulk(snapshot.vrps, form, with_vrps=vrps == "1", longest_line=limits.line_bytes)
        async with self._jobs.one(), Spool(self._jobs.room, limits.memory_bytes) as spool:
            job = _Job(request, snapshot, bulk, spool, limits)
            return await job.run(_headers(request, form, snapshot))


class _Job:
    """One list under way: a task takes in what comes, another answers."""

    def __init__(
        self,
        request: web.Request,
        snapshot: Snapshot,
        bulk: Bulk,
        spool: Spool,
        limits: BulkLimits,
    ) -> None:
        self._request, self._snapshot, self._limits = request, snapshot, limits
        self._bulk, self._spool = bulk, spool
        self._broken: Refusal | None = None
        """Why what came is not all."""
        self._answered = False
        self._progress = asyncio.get_running_loop().time()

    async def run(self, headers: dict[str, str]) -> web.StreamResponse:
        tasks = [
            asyncio.create_task(self._take_in(), name="bulk: take in"),
            asyncio.create_task(self._watch(), name="bulk: watch"),
        ]
        try:
            return await self._answer(headers)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, headers: dict[str, str]) -> web.StreamResponse:
        text, more = await self._next()
        self._answered = True
        response = web.StreamResponse(headers=headers)
        packer = None
        if headers.get("Content-Encoding") == "gzip":
            packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP_WINDOW)
        try:
            await response.prepare(self._request)
            while True:
                if packer is not None:
                    text = await asyncio.to_thread(self._pack, packer, text, more)
                if text:
                    await response.write(text)
                self._progressed()
                if not more:
                    break
                text, more = await self._next()
            await response.write_eof()
        except BaseException as error:
            # What was begun cannot be taken back: without its last chunk it is seen to be cut off.
            if self._request.transport is not None:
                self._request.transport.abort()
            if isinstance(error, ConnectionError) or not isinstance(error, Exception):
                raise
            log.exception("a list was not answered to its end", path=self._request.path)
            raise ConnectionResetError("cut off by a failure of ours") from error
        return response

    async def _next(self) -> tuple[bytes, bool]:
        """The next text to send, and whether there is more after it.

        Raises:
            Refusal: what came is no list, or broke off; only before any text.
        """
        text = b""
        try:
            while not text:
                block = await self._spool.get(self._limits.block_bytes)
                if not block:
                    if self._broken is not None:
                        if not self._answered:
                            raise self._broken
                        return self._bulk.break_off(self._broken.message), False
                    return await asyncio.to_thread(self._bulk.finish), False
                text = await asyncio.to_thread(self._bulk.feed, block)
                self._progressed()
        except HeaderError as error:
            raise (self._broken or Refusal(400, str(error))) from None
        return text, True

    def _pack(self, packer: isal_zlib.Compress, text: bytes, more: bool) -> bytes:
        packed: bytes = packer.compress(text)
        if not more:
            return packed + packer.flush()
        if not self._spool.waiting:  # the client may wait for this before it sends more
            packed += packer.flush(zlib.Z_SYNC_FLUSH)
        return packed

    async def _take_in(self) -> None:
        taken, limits = 0, self._limits
        try:
            async for data in pieces(self._request):
                self._progressed()
                taken += len(data)
                if taken > limits.body_bytes:
                    self._broken = Refusal(
                        413, f"the list is longer than {limits.body_bytes} bytes: what follows "
                        "is not answered",
                    )  # fmt: skip
                    break
                await self._spool.put(data)
        except Refusal as refusal:
            self._broken = refusal
        except ConnectionError:
            # Nobody is there to be answered.
            if self._request.transport is not None:
                self._request.transport.abort()
            self._broken = Refusal(400, "the connection was lost")
        finally:
            self._spool.end()

    async def _watch(self) -> None:
        """Cut off a client that has done nothing for too long, or that never ends."""
        loop, limits = asyncio.get_running_loop(), self._limits
        end = loop.time() + limits.total_seconds
        while True:
            now = loop.time()
            last = min(end, self._progress + limits.idle_seconds)
            if now >= last:
                break
            await asyncio.sleep(last - now)
        if self._request.transport is not None:
            self._request.transport.abort()

    def _progressed(self) -> None:
        self._progress = asyncio.get_running_loop().time()


async def take_whole(request: web.Request, body: Body, limits: BulkLimits) -> bytes | mmap:
    """A body that must be looked at before any of it is answered.

    Raises:
        Refusal: 400, it is not what its headers say; 408, it does not come; 413, it is too long.
    """
    stream = pieces(request)
    try:
        while True:
            async with asyncio.timeout(limits.idle_seconds):
                data = await anext(stream, b"")
            if not data:
                return await body.content()
            if body.size + len(data) > limits.body_bytes:
                raise NoRoom
            await body.add(data)
    except TimeoutError:
        raise Refusal(408, f"nothing came for {limits.idle_seconds:g} seconds") from None
    except NoRoom:
        most = min(limits.body_bytes, limits.disk_bytes)
        raise Refusal(
            413,
            f"there is no room for this list, of {most} bytes for all; send NDJSON or CSV to "
            "/api/v1/validity, which is answered as it comes",
        ) from None


def _form(request: web.Request) -> Form:
    kind = request.content_type
    if kind == _CSV:
        return Form.CSV
    if kind in _NDJSON:
        return Form.NDJSON
    raise Refusal(
        415,
        f"Content-Type {_NDJSON[0]} or {_CSV} is needed here; lists in JSON go to /validity",
        {"Accept-Post": f"{_NDJSON[0]}, {_CSV}"},
    )


def _headers(request: web.Request, form: Form, snapshot: Snapshot) -> dict[str, str]:
    headers = {
        "Content-Type": _ANSWER_TYPES[form],
        "Cache-Control": "no-store",
        "Vary": "Accept-Encoding",
        "X-Accel-Buffering": "no",
        GENERATION_HEADER: str(snapshot.generation),
        GENERATED_HEADER: generated_time(snapshot.created),
    }
    if accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
    return headers | degraded_header(snapshot, vrps_only=True)
