"""pyasn databases: what is read is what the file says, and a bad line is named."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors import ipasn
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from validator.model import Peer, RouteBatch

Load = Callable[..., RouteBatch]

HEADER = "; IP-ASN32-DAT file\n; Original file : rib\n; Prefixes-v4   : 2\n; \n"
LINES = "10.0.0.0/8\t1\n192.0.2.0/24\t4294967295\n2001:db8::/32\t3\n"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Reads content as a database called ``old/ipasn.dat``."""

    def read(content: bytes | str, **options: Any) -> RouteBatch:
        path = tmp_path / "ipasn"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return ipasn.load(LocalFile(path, "old/ipasn.dat"), ReadOptions(**options))

    return read


def pairs(batch: RouteBatch) -> list[tuple[str, int]]:
    return sorted(
        (str(batch.prefixes[int(batch.prefix[i])]), int(batch.origin[i])) for i in range(len(batch))
    )


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_database_is_read_packed_or_not(load: Load, pack: Callable[[bytes], bytes]) -> None:
    batch = load(pack((HEADER + LINES).encode()))
    assert pairs(batch) == [("10.0.0.0/8", 1), ("192.0.2.0/24", 4294967295), ("2001:db8::/32", 3)]
    assert batch.peers == (Peer("ipasn.dat", "", 0),)
    assert (batch.report.kind, batch.report.rows, batch.report.notes) == ("pyasn", 3, ())


def test_of_a_repeated_prefix_the_last_origin_stays_and_that_is_said(load: Load) -> None:
    batch = load(LINES + "10.0.0.0/8\t7\n")
    assert ("10.0.0.0/8", 7) in pairs(batch)
    assert dict(batch.report.rejected) == {"repeated-prefix": 1}
    assert batch.report.notes == ("1 lines repeat a prefix: pyasn keeps the last origin of each",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("10.0.0.0/8\t0", "AS0 as an origin, which pyasn refuses"),
        ("0.0.0.0/0\t1", "a default route, which pyasn refuses"),
        ("::/0\t1", "a default route, which pyasn refuses"),
        ("10.0.0.1/8\t1", "host bits set in 10.0.0.1/8"),
        ("10.0.0.0/8\t5x", "not an AS number: 5x"),
        ("10.0.0.0/8\t4294967296", "AS number beyond 32 bits: 4294967296"),
        ("10.0.0.0/8 1", "not a prefix: 10.0.0.0/8 1"),
        ("10.0.0.0/8", "not an AS number: (nothing)"),
        ("10.0.0.0/33\t1", "prefix length too large in 10.0.0.0/33"),
        ("10.0.0.0\t1", "not a prefix: 10.0.0.0"),
        ("hello", "not a prefix: hello"),
        ("10.0.0.0/8\t1\0\t2", "not an AS number: 1\\x00"),
        ("10.0.0.0/8\tAS1", "pyasn refuses it"),
        (" 10.0.0.0/8\t1", "pyasn refuses it"),
        ('"10.0.0.0/8"\t1', "pyasn refuses it"),
    ],
)
def test_a_bad_line_is_named(load: Load, line: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        load(f"{HEADER}192.0.2.0/24\t1\n{line}\n2001:db8::/32\t3\n")
    assert str(caught.value).startswith(f"old/ipasn.dat (line 6): {said}; ")


@pytest.mark.parametrize("content", [HEADER, "\n", "; "])
def test_a_database_without_lines_has_no_routes(load: Load, content: str) -> None:
    with pytest.raises(SourceError, match="has no routes"):
        load(content)


def test_a_comment_too_long_for_pyasn_is_an_error_and_not_a_crash(load: Load) -> None:
    with pytest.raises(SourceError, match="pyasn refuses it"):
        load("; " + "a" * 100_000 + "\n" + LINES)


def test_rubbish_is_an_error_of_ours(load: Load) -> None:
    for content in (b"\x00" * 1000, bytes(range(256)) * 40, b"\xff" * 5000, b"\t" * 9999):
        with pytest.raises(SourceError):
            load(content)


def test_the_last_line_of_a_cut_database_is_not_used(load: Load) -> None:
    packed = gzip.compress((LINES + "198.51.100.0/24\t6").encode())[:-4]
    with pytest.raises(TruncatedSource):
        load(packed)
    batch = load(packed, allow_truncated=True)
    assert len(batch) == 3
    assert batch.report.truncated


@pytest.mark.real_data
def test_the_routes_of_a_real_database_are_its_lines(real_data: Path) -> None:
    path = real_data / "bgp" / "pyasn_ipasn6_20151101.dat.gz"
    batch = ipasn.load(LocalFile(path, str(path)), ReadOptions())
    expected = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            if not line.startswith(";"):
                prefix, asn = line.split()
                address, length = prefix.split("/")
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                packed = socket.inet_pton(family, address).ljust(16, b"\0")
                expected.append((packed, int(length), int(asn)))
    assert len(expected) == 633_831
    columns = batch.prefixes.take(batch.prefix)
    packed = np.stack([columns.high, columns.low], axis=1).astype(">u8").tobytes()
    addresses = [packed[i : i + 16] for i in range(0, len(packed), 16)]
    found = zip(addresses, columns.length.tolist(), batch.origin.tolist(), strict=True)
    assert sorted(found) == sorted(expected)
