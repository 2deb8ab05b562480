"""Names of AS numbers: with and without a header, and from files that mean no good."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors import asn_names
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from validator.model import AsnNames

Read = Callable[..., AsnNames]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(content: str | bytes, *, allow_truncated: bool = False) -> AsnNames:
        path = tmp_path / "names.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return asn_names.load(LocalFile(path, "names"), ReadOptions(allow_truncated))

    return reader


@pytest.mark.parametrize(
    "content",
    [
        '"asn","name","source"\n64496,"One, Inc.","a"\nAS64497,Two,b\n',
        '64496,"One, Inc."\r\n64497,Two\r\n',
        '\ufeffCountry,AS Name,ASN\nNL,"One, Inc.",AS64496\nDE, Two ,64497',
        '# names\n\nAS64496,"One, Inc."\n64497,Two,DE,extra\n',
    ],
)
def test_names_are_found_with_and_without_a_header(read: Read, content: str) -> None:
    found = read(content)
    assert found.names == {64496: "One, Inc.", 64497: "Two"}
    assert (found.report.kind, found.report.rows, found.report.rejected) == ("asn-names", 2, {})


def test_rows_without_a_number_or_a_name_are_counted(read: Read) -> None:
    found = read("64496,One\nx,Two\n4294967296,Three\n64499\n64500,  \n,\n64501,Six\n")
    assert found.names == {64496: "One", 64501: "Six"}
    assert found.report.rejected == {"not-an-asn": 2, "no-name": 2}


def test_the_first_name_stays(read: Read) -> None:
    found = read("64496,One\nAS64496,Two\n")
    assert found.names == {64496: "One"}
    assert found.report.notes == ("1 rows name an AS number again: the first name stays",)


def test_a_name_cannot_steer_a_terminal_nor_fill_a_page(read: Read) -> None:
    found = read(
        f"64496,\x1b[31mred\u202e\ttext\x00\n64497,{'x' * 5000}\n64498,Caf\u00e9 \u6771\u4eac\n"
    )
    assert found.names[64496] == "[31mred text"
    assert len(found.names[64497]) == asn_names.LONGEST_NAME
    assert found.names[64498] == "Caf\u00e9 \u6771\u4eac"


def test_bytes_that_are_no_utf8_cost_only_themselves(read: Read) -> None:
    assert read(b"64496,Caf\xe9\n64497,Two\n").names == {64496: "Caf\ufffd", 64497: "Two"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,country\nOne,NL\n", r"line 1\): the first row is neither"),
        ("<html>\n", "the first row is neither"),
        ("asn,name\n", "has no AS number with a name"),
        ("\n\n", "has no AS number with a name"),
        ("", "empty"),
        ('64496,One\n64497,"' + "x" * 200_000, "not a CSV: field larger"),
    ],
)
def test_what_is_no_list_of_names_is_refused(read: Read, content: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as refusal:
        read(content)
    assert "\n" not in str(refusal.value)


def test_more_names_than_there_can_be_are_refused(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asn_names, "MOST_NAMES", 10)
    assert len(read("".join(f"{i},x\n" for i in range(10))).names) == 10
    with pytest.raises(SourceError, match=r"line 11\): names more than 10 AS numbers"):
        read("".join(f"{i},x\n" for i in range(11)))


def test_a_file_that_ends_early_is_used_only_if_allowed(read: Read) -> None:
    cut = gzip.compress(b"64496,One\n64497,Two Hundred\n", compresslevel=0)
    cut = cut[: cut.index(b"Hundred") + 3]
    with pytest.raises(TruncatedSource):
        read(cut)
    found = read(cut, allow_truncated=True)
    assert found.names == {64496: "One"}
    assert found.report.truncated


@pytest.mark.real_data
def test_a_real_list_is_read_whole(real_data: Path) -> None:
    path = real_data / "asn" / "asn2org_gh-pages_asns.csv"
    found = asn_names.load(LocalFile(path, path.name), ReadOptions())
    assert found.report.rows == 103861
    assert found.report.rejected == {}
    assert found.names[3333] == "RIPE NCC"
