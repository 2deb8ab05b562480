"""Unpacks what was fetched: gzip, bzip2, xz or nothing at all, told by content, never by name.

Every reader takes its bytes from here, so this is where a hostile file is met first. What comes
out is bounded (``ReadOptions.max_bytes`` of content, about a megabyte at a time); a file that ends
early is told apart from a damaged one, because the user may allow the former; each failure names
the place in the stored file. Archives inside archives are not unpacked.

gzip is the fast path: ISA-L unpacks the deflate stream, several times as fast as zlib. The header
and trailer of each member (RFC 1952 section 2.3) are read here and not by ISA-L, which mistakes
headers with a name and a comment, or with a checksum of their own, when they straddle two reads.

Members may follow each other in all three forms (RFC 1952 section 2.2 for gzip), with padding by
zero bytes between and after them. Anything else after a member is an error.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import os
import stat
import struct
from collections.abc import Callable, Iterator
from typing import cast

from isal import igzip_lib, isal_zlib

from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource

__all__ = ["Archive"]

CHUNK_BYTES = 1 << 20
"""Of content handed out at a time, about."""
STORED_BYTES = 1 << 18
"""Of the stored file read at a time."""
FIRST_FEED_BYTES = 1 << 12
"""What a member is first fed. The decoders copy what lies behind a member's end, so a file of a
million tiny members fed 256 KiB each would take hours; a feed that starts small and doubles keeps
the work in proportion to the file."""
LARGEST_XZ_MEMORY_BYTES = 1 << 27
"""What xz may use to unpack: ``xz -9`` needs 65 MiB."""

LARGEST_TEXT_BYTES = 1 << 12
"""Of a name or a comment in a gzip header: as long as a path can be."""

_GZIP_FHCRC, _GZIP_FEXTRA, _GZIP_FNAME, _GZIP_FCOMMENT, _GZIP_RESERVED = 2, 4, 8, 16, 0xE0
_BZIP2_FIRST_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
_XZ = b"\xfd7zXZ\x00"
_MAGIC_BYTES = 10

_ISAL_ERROR = cast("type[Exception]", igzip_lib.IsalError)  # its stub says it is an instance
_DAMAGE = (_ISAL_ERROR, lzma.LZMAError, OSError, ValueError)  # OSError, ValueError: bzip2's

_AGAIN = "get the file again"
_ALLOW = "get the file again, or use what is readable with --allow-truncated"


class Archive:
    """The content of one local file, whichever way it is packed.

    Attributes:
        sha256: hexadecimal digest of the file as stored, "" until all of it has been read.
        truncated: whether the file was found to end early.
    """

    def __init__(self, file: LocalFile, options: ReadOptions) -> None:
        self.sha256 = ""
        self.truncated = False
        self._file = file
        self._options = options

    def chunks(self) -> Iterator[bytes]:
        """The content in order, in pieces of about a megabyte.

        Raises:
            TruncatedSource: the file ends early; all that could be read was yielded before.
            SourceError: the file cannot be read, is empty, damaged, or unpacks to more than
                ``options.max_bytes``.
        """
        return self._chunks(self._options.max_bytes, "max_bytes")

    def _chunks(self, most: int, limit: str) -> Iterator[bytes]:
        self.sha256, self.truncated = "", False
        try:
            with _open(self._file) as handle:
                stored = _Stored(handle, self._file.source)
                try:
                    yield from self._content(stored, most, limit)
                except TruncatedSource:
                    self.truncated = True
                    self.sha256 = stored.digest()
                    raise
                self.sha256 = stored.digest()
        except OSError as failure:
            raise _unreadable(self._file, failure) from failure

    def read(self) -> bytes:
        """All of the content in one buffer.

        With ``options.allow_truncated``, a file that ends early gives what could be read, if there
        was any, and sets :attr:`truncated`.

        Raises:
            TruncatedSource, SourceError: as :meth:`chunks` does.
        """
        options = self._options
        most, limit = min(
            (options.max_bytes, "max_bytes"), (options.max_whole_bytes, "max_whole_bytes")
        )
        # BytesIO grows in place and hands its buffer over; a join would hold the content twice.
        buffer = io.BytesIO()
        try:
            for chunk in self._chunks(most, limit):
                buffer.write(chunk)
        except TruncatedSource:
            if not self._options.allow_truncated or not buffer.tell():
                raise
        return buffer.getvalue()

    def _content(self, stored: _Stored, most: int, limit: str) -> Iterator[bytes]:
        """Put small pieces together, and hold the sum of them to the limit."""
        total = 0
        waiting: list[bytes] = []
        waiting_bytes = 0
        try:
            for piece in _pieces(stored, most, limit):
                total += len(piece)
                if total > most:
                    raise _too_large(stored.source, most, limit)
                waiting.append(piece)
                waiting_bytes += len(piece)
                if waiting_bytes >= CHUNK_BYTES // 2:
                    yield b"".join(waiting)
                    waiting, waiting_bytes = [], 0
        except SourceError:
            if waiting:
                yield b"".join(waiting)
            raise
        if waiting:
            yield b"".join(waiting)
        if not total:
            packed = ": nothing is packed in it" if stored.offset else ""
            raise SourceError(stored.source, f"is empty{packed}", cure=_AGAIN)


class _Stored:
    """The file as it lies on disk: read once, hashed on the way, handed out in pieces."""

    def __init__(self, handle: io.FileIO, source: str) -> None:
        self.source = source
        self._handle = handle
        self._before = os.fstat(handle.fileno())
        self._hash = hashlib.sha256()
        self._block = b""
        self._used = 0
        self._start = 0
        self.size = self._before.st_size

    @property
    def offset(self) -> int:
        """Where the next byte handed out lies in the file."""
        return self._start + self._used

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer only at the end."""
        while len(self._block) - self._used < count and self._read():
            pass
        return self._block[self._used : self._used + count]

    def take(self, most: int) -> memoryview:
        """The next bytes: up to ``most``, none only at the end."""
        if self._used == len(self._block):
            self._read()
        piece = memoryview(self._block)[self._used : self._used + most]
        self._used += len(piece)
        return piece

    def give_back(self, count: int) -> None:
        """Undo the end of the last ``take``."""
        self._used -= count

    def exactly(self, count: int, what: str) -> bytes:
        """The next ``count`` bytes, a field named ``what``."""
        field = bytearray()
        while len(field) < count:
            piece = self.take(count - len(field))
            if not piece:
                raise self.ends_early(what)
            field += piece
        return bytes(field)

    def text(self, what: str) -> bytes:
        """A name or comment with the zero that ends it."""
        text, zero, _ = self.peek(LARGEST_TEXT_BYTES).partition(b"\0")
        self._used += len(text + zero)
        if zero:
            return text + zero
        if len(text) < LARGEST_TEXT_BYTES:
            raise self.ends_early(what)
        raise self.damaged(f"{what} holds more than {LARGEST_TEXT_BYTES} bytes of text")

    def skip_zeros(self) -> None:
        while piece := self.take(FIRST_FEED_BYTES):
            rest = bytes(piece).lstrip(b"\0")
            if rest:
                self.give_back(len(rest))
                return

    def digest(self) -> str:
        """The digest of the file, all of which has been read.

        Raises:
            SourceError: the file is not what it was when we began.
        """
        after = os.fstat(self._handle.fileno())
        if (after.st_size, after.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
            raise SourceError(
                self.source,
                "changed while it was being read",
                cure="try again when it is complete; replace files by renaming, not in place",
            )
        return self._hash.hexdigest()

    def ends_early(self, what: str) -> TruncatedSource:
        place = f"stored byte {self.offset}"
        return TruncatedSource(self.source, f"ends early, in {what}", place=place, cure=_ALLOW)

    def damaged(self, problem: str, first: int | None = None) -> SourceError:
        """``first``: where the damage can have begun, if that is not where we are."""
        span = "" if first is None or first == self.offset else f"s {first} to"
        place = f"stored byte{span} {self.offset}"
        return SourceError(self.source, problem, place=place, cure=_AGAIN)

    def _read(self) -> bool:
        """Read on; what was not handed out yet stays in front."""
        more = self._handle.read(STORED_BYTES)
        if not more:
            return False
        self._hash.update(more)
        self._start += self._used
        self._block = self._block[self._used :] + more
        self._used = 0
        return True


# ------------------------------------------------------------------------------------------ forms

_Decoder = igzip_lib.IgzipDecompressor | bz2.BZ2Decompressor | lzma.LZMADecompressor
_Form = Callable[[_Stored], Iterator[bytes]]
"""Reads one member of its form and gives its content."""


def _pieces(stored: _Stored, most: int, limit: str) -> Iterator[bytes]:
    """The content, as the decoders give it."""
    form = _form(stored.peek(_MAGIC_BYTES))
    if form is None:
        if stored.size > most:  # known without reading gigabytes of it
            raise _too_large(stored.source, most, limit)
        while block := stored.take(STORED_BYTES):
            yield bytes(block)
        return
    while True:
        yield from form(stored)
        stored.skip_zeros()
        magic = stored.peek(_MAGIC_BYTES)
        if not magic:
            return
        if _form(magic) is not form:
            if _MAGIC[form].startswith(magic):
                stored.take(len(magic))
                raise stored.ends_early("the magic number of a further member")
            raise stored.damaged("something that is not an archive follows the packed content")


def _form(magic: bytes) -> _Form | None:
    """What unpacks a member that begins so; None if it is not packed.

    "BZh9" alone would also be the first timestamp of an MRT file of 11 April 2005, so bzip2 is
    known by what must follow too, as far as the file goes.
    """
    if magic.startswith(b"\x1f\x8b"):
        return _gzip_member
    if magic.startswith(_XZ):
        return _xz_member
    if magic[:3] == b"BZh" and b"1" <= magic[3:4] <= b"9":
        block = magic[4:]
        if any(first.startswith(block) for first in _BZIP2_FIRST_BLOCKS):
            return _bzip2_member
    return None


def _gzip_member(stored: _Stored) -> Iterator[bytes]:
    """One member of a gzip file (RFC 1952 section 2.3)."""
    _gzip_header(stored)
    begin = stored.offset
    check = size = 0
    decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    for piece in _unpacked(stored, decoder, "gzip"):
        check = isal_zlib.crc32(piece, check)
        size += len(piece)
        yield piece
    trailer = stored.exactly(8, "the checksum of a gzip member")
    if trailer != struct.pack("<II", check, size & 0xFFFF_FFFF):
        raise stored.damaged("the checksum of a gzip member is wrong", begin)


def _gzip_header(stored: _Stored) -> None:
    what = "a gzip header"
    header = stored.exactly(10, what)
    method, flags = header[2], header[3]
    if method != 8 or flags & _GZIP_RESERVED:
        raise stored.damaged("the gzip header has a method or flag that RFC 1952 does not define")
    if flags & _GZIP_FEXTRA:
        length = stored.exactly(2, what)
        header += length + stored.exactly(int.from_bytes(length, "little"), what)
    for text in (_GZIP_FNAME, _GZIP_FCOMMENT):
        if flags & text:
            header += stored.text(what)
    if flags & _GZIP_FHCRC:
        check = isal_zlib.crc32(header) & 0xFFFF
        if stored.exactly(2, what) != struct.pack("<H", check):
            raise stored.damaged("the checksum of a gzip header is wrong")


def _bzip2_member(stored: _Stored) -> Iterator[bytes]:
    return _unpacked(stored, bz2.BZ2Decompressor(), "bzip2")


def _xz_member(stored: _Stored) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=LARGEST_XZ_MEMORY_BYTES)
    return _unpacked(stored, decoder, "xz")


_MAGIC: dict[_Form, bytes] = {_gzip_member: b"\x1f\x8b", _bzip2_member: b"BZh", _xz_member: _XZ}


def _unpacked(stored: _Stored, decoder: _Decoder, form: str) -> Iterator[bytes]:
    """Drive a decoder to the end of its member; what lies behind it is given back."""
    feed = FIRST_FEED_BYTES
    begin = stored.offset
    while not decoder.eof:
        if decoder.needs_input:
            begin = stored.offset
            piece = stored.take(feed)
            if not piece:
                raise stored.ends_early(f"{form} data")
            feed = min(2 * feed, STORED_BYTES)
        else:
            piece = memoryview(b"")
        try:
            content = decoder.decompress(piece, CHUNK_BYTES)
        except _DAMAGE as failure:
            if isinstance(failure, lzma.LZMAError) and "Memory usage" in str(failure):
                memory = f"{LARGEST_XZ_MEMORY_BYTES >> 20} MiB"
                raise SourceError(
                    stored.source, f"needs more than {memory} to unpack", cure="repack it with xz"
                ) from failure
            raise stored.damaged(f"the {form} data are damaged", begin) from failure
        if content:
            yield content
        elif not (piece or decoder.eof or decoder.needs_input):
            raise stored.damaged(f"the {form} data lead nowhere", begin)
    stored.give_back(len(decoder.unused_data))


# ---------------------------------------------------------------------------------------- opening


def _open(file: LocalFile) -> io.FileIO:
    """Open a regular file, and nothing that could block or never end.

    Raises:
        SourceError: it is another kind of file, or cannot be opened.
    """
    try:
        _must_be_regular(file, file.path.stat())
        # Between the two looks a FIFO may take its place: O_NONBLOCK opens that without waiting.
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as failure:  # ValueError: a zero byte in the name
        raise _unreadable(file, failure) from failure
    handle = io.FileIO(descriptor, "r")
    try:
        _must_be_regular(file, os.fstat(descriptor))
    except BaseException:
        handle.close()
        raise
    return handle


def _must_be_regular(file: LocalFile, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(file.source, "is a directory", cure="name the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(file.source, "is not a regular file", cure="save its content to a file")


def _unreadable(file: LocalFile, failure: Exception) -> SourceError:
    reason = (failure.strerror if isinstance(failure, OSError) else None) or str(failure)
    return SourceError(file.source, f"cannot be read: {reason}")


def _too_large(source: str, most: int, limit: str) -> SourceError:
    problem = f"holds more than {most:,} bytes of content"
    return SourceError(source, problem, cure=f"raise {limit} if it is meant to be so large")
