"""The sequence of announcements, withdrawals and changes of state in real update files is that of
``bgpdump -m``, entry by entry.

bgpdump prints of one message the withdrawals first, then the announcements, classic fields before
multiprotocol attributes: the order of our rows. It prints multicast like unicast; which of its
lines those are is found by a second reader here, and they are left out.
"""

from __future__ import annotations

import gzip
import ipaddress
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from collectors.wire.mrt_updates import StateChange, UpdateDecoder
from tests.bgp_bytes import content, message, reach, unreach, update
from tests.mrt_bytes import SEQUENCE, SET, as_path, attribute, record, segments, sequence
from validator.model import NO_ORIGIN, Entry, Prefixes

Line = tuple[int, str, str, int, str, int, int]
"""Microseconds; A, W or STATE; peer; its AS; prefix; origin or old state; path id or new state."""

FILES = {
    "updates.20020722.2238.gz": 0,
    "updates.20070211.0141.gz": 151,
    "updates.20071015.1505.gz": 0,
    "updates.20100722.2015.gz": 0,
    "updates.et-header.2015.gz": 0,
    "updates.long_withdrawal.gz": 0,
}
"""And how many lines of bgpdump's are of multicast."""

needs_bgpdump = pytest.mark.skipif(
    shutil.which("bgpdump") is None, reason="bgpdump is not installed (Debian package bgpdump)"
)


@cache
def canonical_prefix(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


@cache
def canonical_address(text: str) -> str:
    return str(ipaddress.ip_address(text))


def lines_of_text(lines: Iterable[str]) -> Iterator[Line]:
    """BGP4MP|time|A|peer|AS|prefix|path|…, …|W|peer|AS|prefix, …|STATE|peer|AS|old|new."""
    for line in lines:
        fields = line.rstrip("\n").split("|")
        seconds, _, micros = fields[1].partition(".")
        time = int(seconds) * 1_000_000 + (int(micros) if micros else 0)
        kind, peer, asn = fields[2], canonical_address(fields[3]), int(fields[4])
        if kind == "STATE":
            yield time, kind, peer, asn, "", int(fields[5]), int(fields[6])
        elif kind == "W":
            yield time, kind, peer, asn, canonical_prefix(fields[5]), 0, 0
        else:
            last = fields[6].split()[-1] if fields[6] else str(asn)
            origin = NO_ORIGIN if last.startswith("{") else int(last)
            yield time, kind, peer, asn, canonical_prefix(fields[5]), origin, 0


def lines_of_ours(raw: bytes) -> tuple[list[Line], UpdateDecoder]:
    decoder, lines = UpdateDecoder("updates"), []
    for at in range(0, len(raw), 1 << 20):
        for piece in decoder.feed(raw[at : at + (1 << 20)]):
            if isinstance(piece, StateChange):
                peer, asn = decoder.peers[piece.peer]
                lines.append((piece.time, "STATE", peer, asn, "", piece.old, piece.new))
                continue
            rows = piece.rows
            time = np.repeat(piece.time, np.diff(piece.rows_after, prepend=0)).tolist()
            prefixes = Prefixes(rows.family, rows.high, rows.low, rows.length)
            origin, flags, peers = rows.origin.tolist(), rows.flags.tolist(), rows.peer.tolist()
            for i in range(len(time)):
                gone = flags[i] & Entry.WITHDRAWN
                lines.append(
                    (
                        time[i],
                        "W" if gone else "A",
                        *decoder.peers[peers[i]],
                        canonical_prefix(str(prefixes[i])),
                        0 if gone else origin[i],
                        0,
                    )
                )
    decoder.finish()
    return lines, decoder


def multicast(raw: bytes) -> Counter[tuple[int, str, str, int, str]]:
    """Time, kind, peer, AS and prefix of what MP_REACH and MP_UNREACH say of SAFI 2."""
    found: Counter[tuple[int, str, str, int, str]] = Counter()
    at = 0
    while at < len(raw):
        seconds, kind, subtype, size = struct.unpack_from("!IHHI", raw, at)
        body, at = raw[at + 12 : at + 12 + size], at + 12 + size
        if (kind, subtype) != (16, 1) or body[6:8] != b"\0\1" or body[34] != 2:
            continue
        asn, peer = int.from_bytes(body[:2], "big"), str(ipaddress.IPv4Address(body[8:12]))
        place = 35 + 2 + int.from_bytes(body[35:37], "big")
        end = place + 2 + int.from_bytes(body[place : place + 2], "big")
        place += 2
        while place < end:
            long = body[place] & 0x10
            length = int.from_bytes(body[place + 2 : place + (4 if long else 3)], "big")
            value = body[place + (4 if long else 3) :][:length]
            if body[place + 1] in (14, 15) and value[:3] == b"\0\1\2":
                letter, nlri = ("W", 3) if body[place + 1] == 15 else ("A", 5 + value[3])
                while nlri < length:
                    octets = (value[nlri] + 7) // 8
                    address = value[nlri + 1 : nlri + 1 + octets].ljust(4, b"\0")
                    prefix = f"{ipaddress.IPv4Address(address)}/{value[nlri]}"
                    found[seconds * 1_000_000, letter, peer, asn, canonical_prefix(prefix)] += 1
                    nlri += 1 + octets
            place += (4 if long else 3) + length
    return found


@pytest.mark.real_data
@pytest.mark.parametrize("name", FILES)
def test_the_sequence_is_that_of_bgpdumps_text(real_data: Path, name: str) -> None:
    raw = gzip.decompress((real_data / "mrt" / name).read_bytes())
    ours, decoder = lines_of_ours(raw)
    others = multicast(raw) if FILES[name] else Counter()
    assert others.total() == FILES[name]
    theirs = []
    with gzip.open(real_data / "mrt_expected" / f"{name}.bgp.gz", "rt") as text:
        for line in lines_of_text(text):
            if others[line[:5]]:
                others[line[:5]] -= 1
            else:
                theirs.append(line)
    assert others.total() == 0
    assert len(ours) == len(theirs) > 0
    assert ours == theirs
    assert set(decoder.counts()) <= {
        "BGP messages other than UPDATE",
        "UPDATEs of other address families",
    }


@needs_bgpdump
@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    ["ris.rrc06.updates.1427846400.gz", "routeviews.route-views.jinx.updates.1427846400.bz2"],
)
def test_the_sequence_is_what_the_installed_bgpdump_prints(real_data: Path, name: str) -> None:
    path = real_data / "mrt" / name
    unpack = ["bzip2" if name.endswith("bz2") else "gzip", "-dc", str(path)]
    raw = subprocess.run(unpack, capture_output=True, check=True).stdout
    assert lines_of_ours(raw)[0] == printed(path)


def printed(path: Path) -> list[Line]:
    ran = subprocess.run(
        ["bgpdump", "-m", str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    return list(lines_of_text(ran.stdout.splitlines()))


@needs_bgpdump
def test_bgpdump_agrees_on_the_order_within_a_message_and_on_forms_that_the_files_lack(
    tmp_path: Path,
) -> None:
    head = struct.pack("!IIHH", 64501, 64500, 0, 1) + bytes((192, 0, 2, 1, 192, 0, 2, 2))
    narrow = struct.pack("!HHHH", 64501, 64500, 0, 1) + head[12:]
    everything = (
        sequence(64501, 64510)
        + reach(["2001:db8::/32", "2001:db8:1::/48"])
        + unreach(["2001:db8:2::/48", "2001:db8:3::/48"])
    )
    merged = as_path((SEQUENCE, [64501, 23456]), width=2)
    merged += attribute(17, segments((SEQUENCE, [64501, 4_200_000_001])))
    in_a_set = as_path((SEQUENCE, [64501]), (SET, [7, 8]))
    raw = b"".join(
        (
            record(16, 4, head + update(["10.0.0.0/8"], everything, ["192.0.2.0/24"])),
            record(16, 4, head + update(["0.0.0.0/0"], in_a_set)),
            record(16, 1, narrow + update(["198.51.100.128/25"], merged)),
            record(16, 5, head + b"\0\6\0\1"),
            record(16, 0, narrow + b"\0\1\0\3"),
            record(16, 4, head + message(4, b"")),
            record(17, 4, struct.pack("!I", 42) + head + update(["10.1.0.0/16"])),
            record(16, 4, head + message(2, content([], b"", ["10.1.0.0/16", "10.2.0.0/16"]))),
        )
    )
    path = tmp_path / "updates.mrt"
    path.write_bytes(raw)
    ours, _ = lines_of_ours(raw)
    assert [line[1] for line in ours] == [*"WWWAAAAA", "STATE", "STATE", *"AWW"]
    assert ours == printed(path)
