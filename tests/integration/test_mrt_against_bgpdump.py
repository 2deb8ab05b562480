"""Our entries of real RIBs are bgpdump's: the same peers, prefixes, path identifiers and origins.

bgpdump gives the path; the origin is taken from it by our own rule (RFC 6811 section 2), since a
path ending in an AS_SET is printed as ``{1,2}``. Addresses are compared as addresses: bgpdump
prints host bits and zero runs as the C library does.
"""

from __future__ import annotations

import gzip
import ipaddress
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from collectors.base import LocalFile, ReadOptions, TruncatedSource
from collectors.mrt import load
from tests.mrt_bytes import attribute as path_attribute
from tests.mrt_bytes import peer_table, rib, segments, sequence, table_dump
from validator.model import NO_ORIGIN, Entry, RouteBatch

Row = tuple[str, int, str, int, int, bool]
"""Peer address, peer AS, prefix, path identifier, origin, whether the path ends in an AS_SET."""

WHOLE = [
    "bview.20020722.2337.gz",
    "bview.ipv4_unicast_add_path.gz",
    "bview.ipv6_unicast_add_path.gz",
]
CUT = {
    "rib.20140523.0600_firstMB.bz2": 270_005,
    "rib6.20151101.0600_firstMB.bz2": 149_578,
    "rib.20080501.0644_firstMB.bz2": 139_291,
}

needs_bgpdump = pytest.mark.skipif(
    shutil.which("bgpdump") is None, reason="bgpdump is not installed (Debian package bgpdump)"
)


@cache
def canonical_address(text: str) -> str:
    return str(ipaddress.ip_address(text))


@cache
def canonical_prefix(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


def rows_of_text(lines: Iterable[str]) -> Counter[Row]:
    """The rows of ``bgpdump -m``: TABLE_DUMP*|time|B|peer|AS|prefix|[path id|]path|…"""
    rows: Counter[Row] = Counter()
    for line in lines:
        fields = line.split("|")
        with_path_id = fields[0].endswith("_AP")
        path = fields[7 if with_path_id else 6].split()
        speaker = int(fields[4])
        is_set = bool(path) and path[-1].startswith("{")
        if is_set:
            origin = NO_ORIGIN
        elif path and not path[-1].endswith((")", "]")):
            origin = int(path[-1])
        else:
            origin = speaker or NO_ORIGIN
        path_id = int(fields[6]) if with_path_id else 0
        peer, prefix = canonical_address(fields[3]), canonical_prefix(fields[5])
        rows[peer, speaker, prefix, path_id, origin, is_set] += 1
    return rows


def rows_of_batch(batch: RouteBatch) -> Counter[Row]:
    prefixes = [str(batch.prefixes[i]) for i in range(len(batch.prefixes))]
    columns = (batch.prefix, batch.peer, batch.origin, batch.path_id, batch.flags)
    rows: Counter[Row] = Counter()
    for prefix, peer, origin, path_id, flags in zip(*(c.tolist() for c in columns), strict=True):
        who = batch.peers[peer]
        is_set = bool(flags & Entry.AS_SET)
        rows[who.address, who.asn, prefixes[prefix], path_id, origin, is_set] += 1
    return rows


def bgpdump(path: Path) -> Counter[Row]:
    ran = subprocess.run(
        ["bgpdump", "-m", str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    return rows_of_text(ran.stdout.splitlines())


@pytest.mark.real_data
@pytest.mark.parametrize("name", WHOLE)
def test_entries_are_those_of_bgpdumps_text(real_data: Path, name: str) -> None:
    batch = load(LocalFile(real_data / "mrt" / name, name), ReadOptions())
    with gzip.open(real_data / "mrt_expected" / f"{name}.bgp.gz", "rt") as text:
        expected = rows_of_text(text)
    assert len(batch) == expected.total() > 0
    assert rows_of_batch(batch) == expected
    assert not batch.report.rejected


@needs_bgpdump
@pytest.mark.real_data
@pytest.mark.parametrize("name", CUT)
def test_a_cut_off_rib_is_refused_and_if_allowed_gives_what_bgpdump_gives(
    real_data: Path, name: str
) -> None:
    file = LocalFile(real_data / "mrt" / name, name)
    with pytest.raises(TruncatedSource, match="--allow-truncated"):
        load(file, ReadOptions())
    batch = load(file, ReadOptions(allow_truncated=True))
    assert len(batch) == CUT[name]
    assert batch.report.truncated
    assert rows_of_batch(batch) == bgpdump(file.path)


@needs_bgpdump
def test_bgpdump_agrees_on_forms_that_the_real_files_lack(tmp_path: Path) -> None:
    path = tmp_path / "rib.mrt"
    confederation = segments((3, [65001, 65002]), (2, [64501, 7]))
    merged = path_attribute(2, segments((2, [1, 23456]), width=2)) + path_attribute(
        17, segments((2, [4_200_000_001]))
    )
    path.write_bytes(
        peer_table(("192.0.2.1", 64501), ("2001:db8::1", 4_200_000_001))
        + rib("10.255.255.255/9", (0, sequence(64501, 5)), (1, sequence(4_200_000_001, 6)))
        + rib("2001:db8:ffff::/33", (1, path_attribute(2, confederation)))
        + rib("0.0.0.0/0", (0, path_attribute(2, segments((2, [64501]), (1, [8, 9])))))
        + rib("192.0.2.128/25", (0, path_attribute(2, segments((2, [1, 2])), extended=True)))
        + table_dump("198.51.100.255/24", "192.0.2.9", 1, merged)
        + table_dump("203.0.113.0/24", "192.0.2.9", 70_000, sequence(70_000, 80_000), width=4)
    )
    rows = rows_of_batch(load(LocalFile(path, "rib.mrt"), ReadOptions()))
    assert rows.total() == 7
    assert rows == bgpdump(path)
