"""What unpacks every input: the three forms, their members and padding, and hostile files."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import os
import random
import resource
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from collectors.archive import STORED_BYTES, Archive
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource

LINES = b"".join(b"%d.%d.%d.0/24,%d\n" % (i & 255, i >> 8 & 255, i % 7, i) for i in range(100_000))
NOISE = random.Random(6811).randbytes(2_000_000)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": partial(gzip.compress, compresslevel=1, mtime=0),
    "bzip2": bz2.compress,
    "xz": partial(lzma.compress, preset=0),
}

packed = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())


def archive(
    folder: Path, stored: bytes, *, allow_truncated: bool = False, max_bytes: int = 1 << 30
) -> Archive:
    # The name lies on purpose: the form is told by content.
    path = folder / "input.txt.xz.gz.bz2"
    path.write_bytes(stored)
    return Archive(LocalFile(path, "the input"), ReadOptions(allow_truncated, max_bytes))


def readable(source: Archive) -> tuple[bytes, SourceError | None]:
    """What ``chunks`` yields, and how it ends."""
    content = io.BytesIO()
    try:
        for chunk in source.chunks():
            assert chunk, "an empty chunk says nothing"
            content.write(chunk)
    except SourceError as failure:
        return content.getvalue(), failure
    return content.getvalue(), None


def gzip_member(
    content: bytes, *, flags: int, name: bytes = b"rib\0", note: bytes = b"ab\0"
) -> bytes:
    """A member with the optional fields that ``flags`` names (RFC 1952 section 2.3.1)."""
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\x03"
    if flags & 4:
        header += struct.pack("<H", 300) + b"x" * 300
    if flags & 8:
        header += name
    if flags & 16:
        header += note
    if flags & 2:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(content) + deflate.flush()
    return header + body + struct.pack("<II", zlib.crc32(content), len(content))


# ------------------------------------------------------------------------------ what is readable


@packed
@pytest.mark.parametrize("content", [b"x", LINES, NOISE], ids=["one byte", "lines", "noise"])
def test_content_and_digest_are_right_whatever_the_form(
    tmp_path: Path, pack: Callable[[bytes], bytes], content: bytes
) -> None:
    stored = pack(content)
    source = archive(tmp_path, stored)
    assert source.read() == content
    assert source.sha256 == hashlib.sha256(stored).hexdigest()
    assert not source.truncated
    assert readable(source) == (content, None)


def test_a_file_that_is_not_packed_is_read_as_it_is(tmp_path: Path) -> None:
    source = archive(tmp_path, LINES)
    assert source.read() == LINES
    assert source.sha256 == hashlib.sha256(LINES).hexdigest()


def test_large_content_comes_in_pieces_of_bounded_size(tmp_path: Path) -> None:
    sizes = [len(chunk) for chunk in archive(tmp_path, gzip.compress(bytes(20_000_000))).chunks()]
    assert sum(sizes) == 20_000_000
    assert max(sizes) < 4 << 20


@packed
def test_members_that_follow_each_other_are_one_content(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    stored = pack(LINES) + pack(b"") + pack(NOISE) + pack(b"end")
    assert archive(tmp_path, stored).read() == LINES + NOISE + b"end"


@packed
def test_many_tiny_members_are_read_in_reasonable_pieces(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    source = archive(tmp_path, pack(b"12") * 20_000)
    chunks = list(source.chunks())
    assert b"".join(chunks) == b"12" * 20_000
    assert len(chunks) == 1


@packed
def test_zero_padding_between_and_after_members_is_passed_over(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    stored = pack(b"one") + bytes(12) + pack(b"two") + bytes(2 * STORED_BYTES)
    source = archive(tmp_path, stored)
    assert source.read() == b"onetwo"
    assert source.sha256 == hashlib.sha256(stored).hexdigest()


def test_archives_inside_archives_stay_packed(tmp_path: Path) -> None:
    inner = bz2.compress(LINES)
    assert archive(tmp_path, gzip.compress(inner)).read() == inner


def test_an_mrt_file_of_april_2005_is_not_taken_for_bzip2(tmp_path: Path) -> None:
    """Its first timestamp, 0x425a6839, spells "BZh9"."""
    stored = struct.pack(">IHHI", 0x425A6839, 13, 1, 4) + bytes(4)
    assert stored.startswith(b"BZh9")
    assert archive(tmp_path, stored).read() == stored


@pytest.mark.parametrize("flags", range(32))
def test_a_gzip_header_may_straddle_two_reads(tmp_path: Path, flags: int) -> None:
    """Whatever optional fields it has: ISA-L's own reading of headers fails here."""
    last = gzip_member(LINES, flags=flags & ~1)
    for overlap in (1, 5, 11, 13, 15, 17, 40):
        first = gzip_member(b"first", flags=8, name=b"\0")
        # Padding by zero bytes puts the second header across the border of two reads.
        stored = first + bytes(STORED_BYTES - overlap - len(first)) + last
        assert archive(tmp_path, stored).read() == b"first" + LINES


# --------------------------------------------------------------------------------- cut or damaged


@packed
def test_a_file_that_ends_early_gives_what_is_readable_and_then_says_so(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    whole = pack(NOISE)
    stored = whole[: len(whole) * 3 // 4]
    source = archive(tmp_path, stored)
    content, end = readable(source)
    assert NOISE.startswith(content)
    assert len(content) > len(NOISE) // 3
    assert isinstance(end, TruncatedSource)
    assert f"stored byte {len(stored)}" in str(end)
    assert source.truncated
    assert source.sha256 == hashlib.sha256(stored).hexdigest()


@packed
def test_every_cut_is_a_truncation_and_never_another_error(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    first = pack(b"some content ")
    stored = first + pack(b"and more of it")
    shortest = 10 if stored.startswith(b"BZ") else 6 if stored.startswith(b"\xfd") else 2
    for cut in range(shortest, len(stored)):
        content, end = readable(archive(tmp_path, stored[:cut]))
        if cut == len(first):
            assert end is None
            continue
        assert isinstance(end, TruncatedSource), cut
        assert b"some content and more of it".startswith(content)


def test_a_truncated_file_is_read_only_if_that_is_allowed(tmp_path: Path) -> None:
    stored = gzip.compress(NOISE)[:-1000]
    with pytest.raises(TruncatedSource, match=r"the input \(stored byte .*--allow-truncated"):
        archive(tmp_path, stored).read()
    source = archive(tmp_path, stored, allow_truncated=True)
    content = source.read()
    assert NOISE.startswith(content)
    assert len(content) > len(NOISE) - 2000
    assert source.truncated


def test_nothing_readable_is_an_error_even_if_truncation_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(TruncatedSource):
        archive(tmp_path, bz2.compress(LINES)[:100], allow_truncated=True).read()


@packed
def test_damage_is_an_error_of_its_own_with_its_place(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    stored = bytearray(pack(NOISE))
    middle = len(stored) // 2
    stored[middle] ^= 0xFF
    content, end = readable(archive(tmp_path, bytes(stored), allow_truncated=True))
    assert type(end) is SourceError
    assert "stored byte" in str(end)
    assert len(content) <= len(NOISE)


@pytest.mark.parametrize("place", [-1, -5], ids=["length", "checksum"])
def test_a_wrong_gzip_trailer_is_damage(tmp_path: Path, place: int) -> None:
    stored = bytearray(gzip.compress(LINES))
    stored[place] ^= 1
    _, end = readable(archive(tmp_path, bytes(stored)))
    assert type(end) is SourceError
    assert "checksum of a gzip member is wrong" in str(end)


@pytest.mark.parametrize(
    "stored",
    [
        gzip_member(b"x", flags=0x20),
        b"\x1f\x8b\x07" + gzip_member(b"x", flags=0)[3:],
        gzip_member(b"x", flags=8, name=b"n" * 5000 + b"\0"),
        gzip_member(b"x", flags=18)[:13] + b"??" + gzip_member(b"x", flags=18)[15:],
    ],
    ids=["reserved flag", "unknown method", "endless name", "header checksum"],
)
def test_a_gzip_header_that_makes_no_sense_is_damage(tmp_path: Path, stored: bytes) -> None:
    with pytest.raises(SourceError, match="gzip header") as caught:
        archive(tmp_path, stored).read()
    assert not isinstance(caught.value, TruncatedSource)


@packed
@pytest.mark.parametrize("rest", [b"garbage", b"\0\0garbage", PACKERS["gzip"](b"x")[3:]])
def test_garbage_after_the_last_member_is_an_error(
    tmp_path: Path, pack: Callable[[bytes], bytes], rest: bytes
) -> None:
    stored = pack(LINES)
    content, end = readable(archive(tmp_path, stored + rest, allow_truncated=True))
    assert content == LINES
    assert type(end) is SourceError
    assert f"stored byte {len(stored + rest) - len(rest.lstrip(bytes(1)))}" in str(end)


def test_a_member_of_another_form_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="follows the packed content"):
        archive(tmp_path, gzip.compress(b"x") + bz2.compress(b"y")).read()


@packed
def test_mutated_archives_raise_nothing_but_our_errors(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    seed = random.Random(8210)
    whole = pack(LINES[:20_000])
    for _ in range(400):
        stored = bytearray(whole)
        for _ in range(seed.randint(1, 4)):
            stored[seed.randrange(len(stored))] = seed.randrange(256)
        with contextlib.suppress(SourceError):
            archive(tmp_path, bytes(stored), max_bytes=1 << 22).read()


# -------------------------------------------------------------------------------------- too large


@packed
def test_a_bomb_is_refused_with_little_memory(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    bomb = pack(bytes(100_000_000))
    assert len(bomb) < 1_000_000
    source = archive(tmp_path, bomb, max_bytes=80_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = 0
    end: SourceError | None = None
    try:
        for chunk in source.chunks():
            total += len(chunk)
    except SourceError as failure:
        end = failure
    assert type(end) is SourceError
    assert "more than 80,000,000 bytes" in str(end)
    assert 0 < total <= 80_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # in KiB


@packed
def test_the_limit_is_exact(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    assert archive(tmp_path, pack(LINES), max_bytes=len(LINES)).read() == LINES
    with pytest.raises(SourceError, match="bytes of content"):
        archive(tmp_path, pack(LINES), max_bytes=len(LINES) - 1).read()


def test_a_plain_file_that_is_too_large_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SourceError, match="bytes of content"):
        next(Archive(LocalFile(path, "sparse"), ReadOptions()).chunks())


def test_an_xz_file_that_wants_too_much_memory_is_refused(tmp_path: Path) -> None:
    """Its header asks for a dictionary of 1 GiB: 30 in the LZMA2 filter's property byte."""
    small = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
    header = bytearray(small[12:24])
    where = header.index(b"\x21\x01") + 2
    header[where] = 36
    header[8:12] = struct.pack("<I", zlib.crc32(header[:8]))
    with pytest.raises(SourceError, match="needs more than 128 MiB to unpack"):
        archive(tmp_path, small[:12] + header + small[24:]).read()


# --------------------------------------------------------------------------------- not to be read


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the input: is empty;"):
        archive(tmp_path, b"").read()


@packed
def test_an_archive_of_nothing_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SourceError, match="is empty: nothing is packed in it"):
        archive(tmp_path, pack(b"")).read()


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/dev/zero", "not a regular file"),
        ("/dev/stdin/none", "cannot be read"),
        ("/", "is a directory"),
        ("no/such/file", "No such file"),
        ("zero\0byte", "null byte"),
        ("n" * 5000, "File name too long"),
    ],
)
def test_what_is_not_a_regular_file_is_refused(path: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        Archive(LocalFile(Path(path), "it"), ReadOptions()).read()


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SourceError, match="not a regular file"):
        Archive(LocalFile(tmp_path / "fifo", "it"), ReadOptions()).read()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_we_may_not_read_is_refused(tmp_path: Path) -> None:
    source = archive(tmp_path, b"x")
    (tmp_path / "input.txt.xz.gz.bz2").chmod(0)
    with pytest.raises(SourceError, match="Permission denied"):
        source.read()


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    source = archive(tmp_path, NOISE)
    chunks = source.chunks()
    next(chunks)
    with (tmp_path / "input.txt.xz.gz.bz2").open("ab") as file:
        file.write(b"more")
    with pytest.raises(SourceError, match="changed while it was being read"):
        list(chunks)
    assert source.sha256 == ""


@pytest.mark.real_data
def test_real_archives_unpack_as_the_standard_library_does(real_data: Path) -> None:
    for name, unpack in (
        ("bgp/as-prefix_20260619.csv.gz", gzip.decompress),
        ("vrps/rpkiclient_summary_20250720T100145Z.json.bz2", bz2.decompress),
    ):
        path = real_data / name
        assert Archive(LocalFile(path, name), ReadOptions()).read() == unpack(path.read_bytes())


@pytest.mark.real_data
def test_the_first_megabyte_of_a_real_table_is_truncated(real_data: Path) -> None:
    path = real_data / "mrt/rib.20080501.0644_firstMB.bz2"
    source = Archive(LocalFile(path, "rib"), ReadOptions(allow_truncated=True))
    content = source.read()
    assert source.truncated
    assert content == bz2.BZ2Decompressor().decompress(path.read_bytes())
