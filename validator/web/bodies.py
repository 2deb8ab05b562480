"""Request bodies as they come, unpacked, and noticed to be cut short.

aiohttp would unpack them itself, but it takes a gzip body that ends in the middle for a whole one:
half a list would be answered as if it were all of it. So our connections leave bodies as they are
(:class:`validator.web.server.Runner`), and whoever reads one reads it here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from isal import isal_zlib

from validator.web.answers import Refusal

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_DAMAGED: tuple[Any, ...] = (web.RequestPayloadError, HttpProcessingError, isal_zlib.IsalError)
_MOST_AT_ONCE = 1 << 20
"""Unpacked bytes handed on at a time, whatever they were packed to."""


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body of a request, unpacked as its headers say.

    Raises:
        Refusal: 400, it is not what its headers say, or ends early; 415, it is packed otherwise.
        ConnectionError: the client has gone.
    """
    coding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    unpacker = None
    if coding not in ("", "identity"):
        if coding not in _WINDOWS:
            raise Refusal(
                415, f"Content-Encoding {coding[:40]!r} is not understood; send gzip, or none",
                {hdrs.ACCEPT_ENCODING: "gzip, deflate"},
            )  # fmt: skip
        unpacker = _Unpacker(_WINDOWS[coding])
    try:
        while data := await request.content.readany():
            if unpacker is None:
                yield data
            else:
                for piece in unpacker.feed(data):
                    yield piece
    except _DAMAGED:
        raise Refusal(400, "the body could not be read as its headers describe it") from None
    if unpacker is not None and not unpacker.whole:
        raise Refusal(400, f"the body ends early: its {coding} stream is not whole")


class _Unpacker:
    """gzip, of which several may follow each other (RFC 1952 section 2.2), or zlib's form."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._inside = isal_zlib.decompressobj(window)
        self.whole = True
        """Whether what came so far is complete; nothing at all is."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What more bytes unpack to, in pieces.

        Raises:
            isal_zlib.IsalError: it is not what it should be.
        """
        while data:
            piece = self._inside.decompress(data, _MOST_AT_ONCE)
            if piece:
                yield piece
            self.whole = self._inside.eof
            if self._inside.eof:
                data = self._inside.unused_data
                if data:
                    self._inside = isal_zlib.decompressobj(self._window)
            else:
                data = self._inside.unconsumed_tail
                if not piece and not data:
                    break
        if self.whole:
            self._inside = isal_zlib.decompressobj(self._window)
