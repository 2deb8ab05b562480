"""Long texts as they are kept and sent: compressed once, in pieces, for however many clients.

A list of every VRP is some 75 MB of text. It never stands in memory whole: it is compressed as it
is written, and a client that takes no gzip gets it unpacked as it reads. What a client has not
read yet waits here, shared by all who read the same text, and not in each client's buffer.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from aiohttp import web
from isal import isal_zlib

from validator.snapshot import Snapshot
from validator.web.answers import accepts_gzip, stale_notes

_GZIP_WINDOW = 31
_LEVEL = 2
"""Of isal's four levels (0 to 3): the last costs more time and saves little."""
_SLICE = 16 << 10
"""Compressed bytes unpacked at a time: some 200 kB of text."""
_MOST_AT_ONCE = 1 << 20
"""Unpacked bytes handed on at a time, whatever they were compressed to."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A text compressed (gzip), and how long it is unpacked."""

    content: bytes
    unpacked_bytes: int


def pack(pieces: Iterable[bytes]) -> Packed:
    """Compress a text as it comes. Takes time, mostly without holding the interpreter."""
    packer = isal_zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    parts, length = [], 0
    for text in pieces:
        length += len(text)
        parts.append(packer.compress(text))
    parts.append(packer.flush())
    return Packed(b"".join(parts), length)


def unpacked(packed: Packed) -> Iterator[bytes]:
    """The text again, in pieces of at most a mebibyte."""
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    for start in range(0, len(packed.content), _SLICE):
        given = packed.content[start : start + _SLICE]
        while given:
            yield unpacker.decompress(given, _MOST_AT_ONCE)
            given = unpacker.unconsumed_tail


async def send(
    request: web.Request, answer: web.StreamResponse, packed: Packed
) -> web.StreamResponse:
    """Send a packed text, as gzip to clients that take it."""
    if accepts_gzip(request):
        answer.headers["Content-Encoding"] = "gzip"
        answer.content_length = len(packed.content)
        await answer.prepare(request)
        if request.method != "HEAD":
            for start in range(0, len(packed.content), _SLICE):
                await answer.write(packed.content[start : start + _SLICE])
        await answer.write_eof()
        return answer
    answer.content_length = packed.unpacked_bytes
    return await _write(request, answer, _in_thread(unpacked(packed)))


async def send_pieces(
    request: web.Request, answer: web.StreamResponse, pieces: Iterator[bytes]
) -> web.StreamResponse:
    """Send a text that is made as the client reads it, each piece in a thread."""
    if request.method == "HEAD":
        return await _write(request, answer, _in_thread(iter(())))
    if accepts_gzip(request):
        answer.headers["Content-Encoding"] = "gzip"
        pieces = _packing(pieces)
    return await _write(request, answer, _in_thread(pieces))


async def _write(
    request: web.Request, answer: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    await answer.prepare(request)
    if request.method != "HEAD":
        async for piece in pieces:
            await answer.write(piece)
    await answer.write_eof()
    return answer


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        if piece:
            yield piece


def _packing(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = isal_zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def degraded_header(snapshot: Snapshot, vrps_only: bool = False) -> dict[str, str]:
    """For texts that cannot say themselves, or do not say so well, what is not to be relied on."""
    return said_header(stale_notes(snapshot, vrps_only) if snapshot.troubles else [])


def said_header(notes: Sequence[str]) -> dict[str, str]:
    """The same, of what is known to be stale."""
    if not notes:
        return {}
    said = "; ".join(notes).encode("ascii", "backslashreplace").decode()
    return {"X-Originsight-Degraded": " ".join(said.split())[:1000]}
