"""What the fuzz runner needs for the archive layer and for telling kinds of routes apart."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from bench.fuzz_invariants import Broken
from bench.fuzz_mutations import LARGEST_CASE
from collectors import ipasn, route_list
from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions
from collectors.sniff import MRT, sniff, sniff_file

_MOST_BYTES = 1 << 22


def packed(data: Path, sample: Path) -> Iterator[bytes]:
    """Every form of archive, with all that the forms allow."""
    text = (sample / "README.txt").read_bytes()
    noise = hashlib.shake_256(b"noise").digest(3000)  # does not compress: stored blocks
    for content in (text, noise, b"", bytes(60_000)):
        yield gzip.compress(content, mtime=0)
        yield bz2.compress(content)
        yield lzma.compress(content)
    yield gzip.compress(text, mtime=0) + gzip.compress(noise, mtime=0) + bytes(512)
    yield bz2.compress(text) + bz2.compress(noise)
    yield lzma.compress(text) + lzma.compress(noise) + bytes(4)
    yield lzma.compress(text, check=lzma.CHECK_CRC32, preset=0)
    yield _full_header(text)
    yield gzip.compress(bytes(_MOST_BYTES + 1), mtime=0)  # a bomb, by the limit set here
    yield text
    for path in sorted((data / "mrt").glob("*")):
        raw = path.read_bytes()
        yield raw if len(raw) < LARGEST_CASE else raw[: LARGEST_CASE // 8]


def unpack(raw: bytes, folder: Path) -> None:
    """Unpack a file and hold what comes out against Python's own gzip, where it is one.

    Raises:
        Broken: more came out than is allowed, the digest is wrong, or the content is.
    """
    path = folder / "case"
    path.write_bytes(raw)
    archive = Archive(LocalFile(path, "fuzz"), ReadOptions(max_bytes=_MOST_BYTES))
    content = b"".join(archive.chunks())
    if len(content) > _MOST_BYTES:
        raise Broken("more came out than is allowed")
    if archive.sha256 != hashlib.sha256(raw).hexdigest():
        raise Broken("the digest is not that of the file")
    if raw.startswith(b"\x1f\x8b") and content != _by_gzip(raw, content):
        raise Broken("not what gzip unpacks")


def beginnings(data: Path, sample: Path) -> Iterator[bytes]:
    """The starts of everything that may be given as routes, and of some things that are not."""
    yield struct.pack("!IHHI", 0, 13, 1, 8) + bytes(8)
    yield struct.pack("!IHHII", 0, 17, 4, 8, 0) + bytes(4)
    yield b"; IP-ASN32-DAT file\n1.0.0.0/24\t15169\n"
    yield b"\xef\xbb\xbfprefix,origin\r\n192.0.2.0/24,64496\r\n"
    yield b'{"routes": [{"prefix": "192.0.2.0/24", "asn": 64496}]}'
    yield b"192.0.2.0/24 => AS64496\n"
    yield b"<!DOCTYPE html><html></html>"
    yield gzip.compress(struct.pack("!IHHI", 0, 12, 1, 8) + bytes(8), mtime=0)


def tell(raw: bytes, folder: Path) -> None:
    """
    Raises:
        Broken: the answer is none of the kinds, or depends on whether it came from a file.
    """
    path = folder / "case"
    path.write_bytes(raw)
    kind = sniff_file(LocalFile(path, "fuzz"), ReadOptions(max_bytes=_MOST_BYTES))
    if kind not in (MRT, ipasn.KIND, route_list.KIND):
        raise Broken(f"an unknown kind, {kind!r}")
    if raw[:1] not in b"\x1f\xfdB" and kind != sniff(raw, "fuzz"):
        raise Broken("another kind than that of the same bytes")


def _by_gzip(raw: bytes, otherwise: bytes) -> bytes:
    """What Python's gzip makes of it. zlib refuses codes that ISA-L lets pass because nothing uses
    them (the checksum still holds): then nothing can be compared."""
    try:
        return gzip.decompress(raw)
    except zlib.error:
        return otherwise


def _full_header(content: bytes) -> bytes:
    """A gzip member with every optional field of RFC 1952."""
    flags = 1 | 2 | 4 | 8 | 16
    header = struct.pack("<2sBBIBB", b"\x1f\x8b", 8, flags, 0, 0, 3)
    header += struct.pack("<H", 6) + b"AB\x02\x00xy" + b"name\0" + b"comment\0"
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush()
    return header + body + struct.pack("<II", zlib.crc32(content), len(content))
