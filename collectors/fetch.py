"""From what a user names to files on this machine: a path, a directory, or an http(s) URL.

A body is written to the cache folder under a temporary name and renamed when it is complete, so
that no reader ever meets half a file, and a failure leaves what was there before. Beside it lies
what the server said of it (ETag, Last-Modified: RFC 9110 section 8.8), with which the next call
asks whether it is still good (If-None-Match, If-Modified-Since: section 13.1).

Bodies are kept as they were sent: nothing is unpacked here, for ``archive`` tells the form by
content. That holds for a Content-Encoding of gzip too, which we do not ask for but may be sent.

Every wait is bounded: for a connection, for the next byte, and for the whole. Files are read and
written in threads, a megabyte at a time, so that the event loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import aiohttp
import msgspec
from yarl import URL

from collectors.base import GIBIBYTE, LocalFile, SourceError
from collectors.local import find, is_url

__all__ = ["FetchLimits", "Fetcher", "Located", "Progress"]

Progress = Callable[[int, int | None], None]
"""Told the bytes received so far and, where the server says so, of how many."""

WRITE_BYTES = 1 << 20
_LONGEST_VALIDATOR = 1024
_ENCODINGS = ("", "identity", "gzip", "x-gzip")
_CHECK, _LATER, _RAISE = "check the address", "try again later", "raise it or try again later"


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long, and how much, before we give up on a server."""

    connect_seconds: float = 10
    idle_seconds: float = 30
    """Without a single byte."""
    total_seconds: float = 600
    max_bytes: int = 4 * GIBIBYTE
    """Of the body as it is sent."""
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Located:
    """Where a source lies now.

    ``changed``: whether this differs from what the same Fetcher last answered (at first, it does).
    ``version`` stands for the content of a URL, the identity of files: for callers that share a
    source, and so must compare with what they have themselves seen.
    """

    files: tuple[LocalFile, ...]
    changed: bool
    version: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """What we know of a body in the cache folder, beside which it is written as JSON."""

    etag: str
    last_modified: str
    sha256: str
    size: int
    mtime_ns: int


class Fetcher(contextlib.AbstractAsyncContextManager["Fetcher"]):
    """Finds sources, again and again; remembers what it found. Use it in ``async with``."""

    def __init__(self, cache: Path, limits: FetchLimits | None = None) -> None:
        """``cache``: the folder for bodies, made when the first is fetched."""
        self._cache = cache
        self._limits = limits or FetchLimits()
        self._session: aiohttp.ClientSession | None = None
        self._versions: dict[str, str] = {}
        self._kept: dict[str, _Kept] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def locate(self, source: str, progress: Progress | None = None) -> Located:
        """The files that ``source`` stands for, fetched if need be.

        A directory stands for its regular files in order of name, without hidden ones.

        Raises:
            SourceError: there is nothing there, or it could not be fetched within the limits.
        """
        async with self._turns[source]:
            if is_url(source):
                files, version = await self._fetch(source, progress)
            else:
                files, version = await asyncio.to_thread(find, source)
            changed = self._versions.get(source) != version
            self._versions[source] = version
            return Located(files, changed, version)

    async def _fetch(
        self, source: str, progress: Progress | None
    ) -> tuple[tuple[LocalFile, ...], str]:
        url = _url(source)
        shown = source if url.password is None else str(url.with_password("***"))
        spool = _Spool(self._cache, str(url))
        try:
            async with asyncio.timeout(self._limits.total_seconds):
                kept = await self._get(url, shown, spool, progress)
        except (aiohttp.ClientError, OSError, UnicodeError) as failure:
            # UnicodeError: what the system's resolver raises for a label of more than 63 letters.
            raise _explained(shown, failure, self._limits) from failure
        self._kept[spool.key] = kept
        return (LocalFile(spool.body, shown),), kept.sha256

    async def _get(self, url: URL, shown: str, spool: _Spool, progress: Progress | None) -> _Kept:
        """One conditional GET."""
        limits = self._limits
        if self._session is None:
            self._session = _session(limits)
        kept = await asyncio.to_thread(spool.kept, self._kept.get(spool.key))
        headers = {"Accept-Encoding": "identity"}
        if kept:
            known = {"If-None-Match": kept.etag, "If-Modified-Since": kept.last_modified}
            headers |= {name: value for name, value in known.items() if value}
        # aiohttp counts the first request as well.
        asked = self._session.get(url, headers=headers, max_redirects=limits.redirects + 1)
        async with asked as response:
            schemes = [step.url.scheme for step in (*response.history, response)]
            if "https" in schemes and "http" in schemes[schemes.index("https") :]:
                raise SourceError(shown, "redirects from https to http", cure=_CHECK)
            if kept and response.status == HTTPStatus.NOT_MODIFIED:
                return kept
            length = _acceptable(shown, response, limits)
            # Not in a thread: one that is cancelled half-way would leave its file to nobody.
            part = spool.begin(limits.total_seconds)
            try:
                await _receive(shown, response, part, limits, progress)
                if length not in (None, part.size):
                    raise aiohttp.ClientPayloadError
                if not part.size:
                    raise SourceError(shown, "the server's answer is empty", cure=_LATER)
                validators = (_validator(response, "ETag"), _validator(response, "Last-Modified"))
                return await asyncio.to_thread(spool.keep, part, *validators)
            finally:
                await asyncio.to_thread(part.discard)


def _session(limits: FetchLimits) -> aiohttp.ClientSession:
    waits = {"connect": limits.connect_seconds, "sock_read": limits.idle_seconds}
    return aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent()},
        read_bufsize=1 << 18,
        # total: the whole, with our own work in it, is timed in _fetch.
        timeout=aiohttp.ClientTimeout(total=None, **waits),
        trust_env=True,
    )


def user_agent() -> str:
    """How we introduce ourselves to servers."""
    try:
        return f"originsight/{importlib.metadata.version('originsight')}"
    except importlib.metadata.PackageNotFoundError:  # run from a tree that is not installed
        return "originsight"


def _url(source: str) -> URL:
    try:
        url = URL(source)
    except ValueError as failure:
        raise SourceError(source, f"is not a URL: {_line(failure)}") from failure
    if url.scheme not in ("http", "https"):
        cure = "only http and https are: fetch it yourself and name the file"
        raise SourceError(source, f"{url.scheme}:// is not supported", cure=cure)
    if not url.host:
        raise SourceError(source, "is not a URL: it names no host")
    return url


def _acceptable(shown: str, response: aiohttp.ClientResponse, limits: FetchLimits) -> int | None:
    """The length of a body worth receiving, if the server says it; else a SourceError."""
    if response.status != HTTPStatus.OK:
        raise SourceError(shown, f"the server answered with status {response.status}", cure=_CHECK)
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        problem = f"was sent with Content-Encoding {encoding[:40]!r}, which we did not ask for"
        raise SourceError(shown, problem, cure="fetch it yourself and name the file")
    length = response.content_length
    if length is not None and length > limits.max_bytes:
        raise _too_large(shown, limits)
    return length


async def _receive(
    shown: str,
    response: aiohttp.ClientResponse,
    part: _Part,
    limits: FetchLimits,
    progress: Progress | None,
) -> None:
    """Write the body to ``part``, a megabyte at a time."""
    received = 0
    waiting = bytearray()
    async for piece in response.content.iter_any():
        received += len(piece)
        if received > limits.max_bytes:
            raise _too_large(shown, limits)
        waiting += piece
        if len(waiting) >= WRITE_BYTES:
            await asyncio.to_thread(part.write, waiting)
            waiting = bytearray()
        if progress is not None:
            progress(received, response.content_length)
    await asyncio.to_thread(part.write, waiting)


def _validator(response: aiohttp.ClientResponse, name: str) -> str:
    """A validator that can be sent back as it came; anything else is as good as none."""
    value = response.headers.get(name, "")
    fit = value.isascii() and value.isprintable() and len(value) <= _LONGEST_VALIDATOR
    return value if fit else ""


# ------------------------------------------------------------------------------- the cache folder


class _Spool:
    """The place of one URL in the cache folder. Its methods run in threads."""

    def __init__(self, cache: Path, url: str) -> None:
        self.key = hashlib.sha256(url.encode()).hexdigest()[:32]
        self._cache = cache
        self._notes = cache / f"{self.key}.json"
        self.body = cache / f"{self.key}.body"

    def kept(self, known: _Kept | None) -> _Kept | None:
        """What is kept of the last body, if that is there, whole and unchanged.

        ``known``: by this process; what another left is believed only if the digest is right.
        """
        try:
            status = self.body.stat()
            kept = known or msgspec.json.decode(self._notes.read_bytes(), type=_Kept)
            if (status.st_size, status.st_mtime_ns) != (kept.size, kept.mtime_ns):
                return None
            if known is None:
                with self.body.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != kept.sha256:
                        return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return kept

    def begin(self, longest_seconds: float) -> _Part:
        """A new temporary file; those too old to be still in the making are removed."""
        self._cache.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - longest_seconds
        for left in self._cache.glob(f"{self.key}.*.part"):
            with contextlib.suppress(OSError):
                if left.stat().st_mtime < oldest:
                    left.unlink()
        return _Part(self._cache, self.key)

    def keep(self, part: _Part, etag: str, last_modified: str) -> _Kept:
        """Put a complete body in the place of the last one, then the notes on it."""
        part.file.close()
        status = part.path.stat()
        part.path.replace(self.body)
        kept = _Kept(etag, last_modified, part.hash.hexdigest(), status.st_size, status.st_mtime_ns)
        notes = _Part(self._cache, self.key)
        try:
            notes.write(msgspec.json.encode(kept))
            notes.file.close()
            notes.path.replace(self._notes)
        finally:
            notes.discard()
        return kept


class _Part:
    """A file in the making, under a temporary name."""

    def __init__(self, cache: Path, key: str) -> None:
        descriptor, name = tempfile.mkstemp(prefix=f"{key}.", suffix=".part", dir=cache)
        self.path = Path(name)
        self.size = 0
        self.file = os.fdopen(descriptor, "wb")
        self.hash = hashlib.sha256()

    def write(self, piece: bytes | bytearray) -> None:
        self.hash.update(piece)
        self.file.write(piece)
        self.size += len(piece)

    def discard(self) -> None:
        """Remove it, if it has not found its place."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


# ---------------------------------------------------------------------------------------- failures


_FAILURES: tuple[tuple[type[Exception], str, str], ...] = (
    # The first that fits: aiohttp's own timeouts are TimeoutErrors, which are OSErrors.
    (aiohttp.ConnectionTimeoutError, "no connection within connect_seconds ({0:g})", _RAISE),
    (aiohttp.ServerTimeoutError, "nothing was sent for idle_seconds ({1:g})", _RAISE),
    (TimeoutError, "not complete within total_seconds ({2:g})", _RAISE),
    (aiohttp.TooManyRedirects, "redirects too often", _CHECK),
    (aiohttp.NonHttpUrlClientError, "redirects to what is not an http(s) URL", _CHECK),
    (aiohttp.InvalidURL, "redirects to what is not a URL", _CHECK),
    (aiohttp.ClientResponseError, "the answer is not proper HTTP", _CHECK),
    (aiohttp.ClientPayloadError, "incomplete: the connection closed within the body", _LATER),
    (aiohttp.ServerDisconnectedError, "the server closed the connection unasked", _LATER),
    (aiohttp.ClientConnectorDNSError, "its host name does not resolve", _CHECK),
    (UnicodeError, "its host name cannot be looked up", _CHECK),
    (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted: {3}", _CHECK),
    (aiohttp.ClientConnectorError, "no connection: {3}", _LATER),
    (ConnectionError, "the connection failed: {3}", _LATER),
    (aiohttp.ClientError, "cannot be fetched: {3}", _LATER),
    (OSError, "cannot be kept: {3}", "see to the cache folder"),
)


def _explained(shown: str, failure: Exception, limits: FetchLimits) -> SourceError:
    """One line for a person, from whatever aiohttp or the system raised."""
    text, cure = next((text, cure) for kind, text, cure in _FAILURES if isinstance(failure, kind))
    cause = getattr(failure, "os_error", None) or getattr(failure, "certificate_error", failure)
    waits = (limits.connect_seconds, limits.idle_seconds, limits.total_seconds)
    return SourceError(shown, text.format(*waits, _line(cause)), cure=cure)


def _line(what: object) -> str:
    """Foreign text, as one line of bounded length."""
    text = " ".join(str(what).split())
    return "".join(letter for letter in text if letter.isprintable())[:200] or type(what).__name__


def _too_large(shown: str, limits: FetchLimits) -> SourceError:
    problem = f"is larger than {limits.max_bytes:,} bytes"
    return SourceError(
        shown, problem, cure="raise max_download_bytes if it is meant to be so large"
    )
