"""Which reader a file of routes needs is told from its first bytes."""

from __future__ import annotations

import bz2
import struct
from pathlib import Path

import pytest

from collectors.base import LocalFile, ReadOptions, SourceError
from collectors.sniff import sniff, sniff_file


def mrt(kind: int, subtype: int = 1, length: int = 100) -> bytes:
    return struct.pack(">IHHI", 1_700_000_000, kind, subtype, length) + b"\x00" * 50


@pytest.mark.parametrize("kind", [11, 12, 13, 16, 17, 48, 49])
def test_an_mrt_header_is_known(kind: int) -> None:
    assert sniff(mrt(kind), "x") == "mrt"


def test_an_mrt_file_of_11_april_2005_is_not_text() -> None:
    """Its first four bytes are those of "BZh9"."""
    assert sniff(b"BZh9" + mrt(13)[4:], "x") == "mrt"


@pytest.mark.parametrize(
    "start",
    [b"; IP-ASN32-DAT file\n; x\n", b"; IP-ASN-DAT file", b"\xef\xbb\xbf; IP-ASN32-DAT file\r\n"],
)
def test_a_pyasn_header_is_known(start: bytes) -> None:
    assert sniff(start, "x") == "pyasn"


@pytest.mark.parametrize(
    "start",
    [
        b"prefix,origin\n", b"10.0.0.0/8\t1\n", b"10.0.0.0/8 => AS1\n", b'{"routes":[', b"[",
        b"\xef\xbb\xbfprefix,origin\n", b"# IP-ASN32-DAT\n", b"; a comment\n",
        b"\r\n\r\n10.0.0.0/8,1",
        "préfixe,origine".encode(),
    ],
)  # fmt: skip
def test_text_is_a_list(start: bytes) -> None:
    assert sniff(start, "x") == "route-list"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"", "is empty"),
        (bytes(range(256)), "is neither MRT nor text"),
        (b"\x7fELF" + b"\x00" * 60, "is neither MRT nor text"),
        (mrt(14), "is neither MRT nor text"),
        (mrt(13, subtype=999), "is neither MRT nor text"),
        (mrt(13, length=0), "is neither MRT nor text"),
        (mrt(13, length=0xFFFF_FFFF), "is neither MRT nor text"),
        (mrt(13)[:11], "is neither MRT nor text"),
        (b"10.0.0.0/8,1\n\x00", "is neither MRT nor text"),
        (b"\n<!DOCTYPE html>", "is a web page or XML"),
        (b"<?xml", "is a web page or XML"),
    ],
)
def test_what_is_none_of_them_is_refused(start: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=f"^routes(?: \\(byte 0\\))?: {said}.*; give an MRT RIB"):
        sniff(start, "routes")


def test_a_packed_file_is_told_by_what_is_in_it_even_if_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "routes.csv"
    path.write_bytes(bz2.compress(mrt(13)) + bz2.compress(b"x")[:-5])
    assert sniff_file(LocalFile(path, "routes"), ReadOptions()) == "mrt"


def test_a_file_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        sniff_file(LocalFile(tmp_path / "none", "none"), ReadOptions())


@pytest.mark.real_data
def test_every_real_table_is_told_apart(real_data: Path) -> None:
    found = {
        path.name: sniff_file(LocalFile(path, path.name), ReadOptions())
        for folder in ("bgp", "mrt")
        for path in sorted((real_data / folder).iterdir())
        if path.is_file()
    }
    assert found.pop("as-prefix_20260619.csv.gz") == "route-list"
    assert found.pop("pyasn_ipasn6_20151101.dat.gz") == "pyasn"
    assert set(found.values()) == {"mrt"}
