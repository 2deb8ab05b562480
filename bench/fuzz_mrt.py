"""What the fuzz runner needs for MRT: inputs to mutate, and the decoder to feed them to.

Inputs are unpacked, so that mutations reach the decoder and not a checksum. Each is a short run of
whole records: a mutation is then likely to hit something that matters.
"""

from __future__ import annotations

import bz2
import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from collectors.mrt import read_stream
from validator.model import SourceError

SEED_BYTES = 4096
_HEADER_BYTES = 12


def cases(data: Path) -> Iterator[tuple[str, bytes]]:
    """Seeds from the real RIBs under ``data/mrt`` (none if absent), and one written here."""
    yield "written/every-form", _every_form()
    for path in sorted((data / "mrt").glob("*")):
        content = _beginning(path)
        for number, start in enumerate((0, len(content) // 2)):
            records = _some_records(content, start)
            if records:
                yield f"{path.name}/{number}", records


def decode(raw: bytes) -> None:
    """Decode one mutated input, in pieces whose size follows from it.

    Raises:
        SourceError: as for any bad input; nothing else may escape.
    """
    step = 1 + zlib.crc32(raw) % (2 * SEED_BYTES)
    pieces = (raw[at : at + step] for at in range(0, len(raw), step))
    batch = read_stream("fuzz", pieces, allow_truncated=bool(len(raw) % 2))
    if len(batch) and int(batch.prefix.max()) >= len(batch.prefixes):
        raise AssertionError("an entry points to no prefix")
    if len(batch) and int(batch.peer.max()) >= len(batch.peers):
        raise AssertionError("an entry points to no peer")


def _beginning(path: Path) -> bytes:
    raw = path.read_bytes()
    try:
        if raw.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(raw, 1 << 20)
        with gzip.open(path) as file:
            return file.read(1 << 20)
    except (OSError, EOFError):
        return b""


def _some_records(content: bytes, start: int) -> bytes:
    """Whole RIB records from about ``start``, behind the peer table if there is one."""
    at, chosen = 0, []
    size = 0
    while at + _HEADER_BYTES <= len(content) and size < SEED_BYTES:
        kind, subtype, length = struct.unpack_from("!HHI", content, at + 4)
        end = at + _HEADER_BYTES + length
        if end > len(content):
            break
        if kind not in (12, 13):  # a file of updates
            break
        if at >= start or (kind, subtype) == (13, 1):
            chosen.append(content[at:end])
            size += end - at if at >= start else 0
        at = end
    return b"".join(chosen)


def _every_form() -> bytes:
    """One record of each form that is read."""
    path = b"\x40\x02\x0a\x02\x02" + struct.pack("!II", 64501, 64510)
    ending_in_set = b"\x50\x02\x00\x0c" + b"\x02\x01" + struct.pack("!I", 64501)
    ending_in_set += b"\x01\x01" + struct.pack("!I", 64511)
    old = b"\x40\x02\x08\x03\x01\xfd\xe9\x02\x01\x5b\xa0"
    old += b"\xc0\x11\x06\x02\x01" + struct.pack("!I", 4_200_000_001)
    peers = struct.pack("!IHH", 1, 0, 2) + b"\x02" + bytes(8) + struct.pack("!I", 64501)
    peers += b"\x03" + bytes(20) + struct.pack("!I", 64502)
    entry = struct.pack("!HHIH", 1, 0, 0, len(path)) + path
    entry_of_set = struct.pack("!HHIH", 1, 1, 0, len(ending_in_set)) + ending_in_set
    with_id = struct.pack("!HHIIH", 1, 1, 0, 7, len(path)) + path
    v4, v6 = b"\x18\xc0\x00\x02", b"\x20\x20\x01\x0d\xb8"
    four_nulls = bytes(4)
    dump = four_nulls + bytes((192, 0, 2, 0, 24, 1)) + bytes(8) + struct.pack("!HH", 701, len(old))
    dump6 = four_nulls + bytes(16) + b"\x20\x01" + bytes(20) + struct.pack("!HH", 701, len(old))
    wide = four_nulls + bytes((192, 0, 2, 0, 24, 1)) + bytes(8) + struct.pack("!IH", 7, len(path))
    bodies = [
        (13, 1, peers),
        (13, 2, four_nulls + v4 + entry),
        (13, 4, four_nulls + v6 + entry_of_set),
        (13, 8, four_nulls + v4 + with_id),
        (13, 10, four_nulls + v6 + with_id),
        (13, 6, four_nulls + b"\x00\x01\x01" + v4 + entry),
        (13, 12, four_nulls + b"\x00\x02\x01" + four_nulls + v6 + entry),
        (13, 12, four_nulls + b"\x00\x01\x01" + v4 + with_id),
        (13, 3, b"multicast"),
        (12, 1, dump + old),
        (12, 2, dump6 + old),
        (12, 3, wide + path),
        (16, 4, b"an update"),
    ]
    return b"".join(
        struct.pack("!IHHI", 0, kind, subtype, len(body)) + body for kind, subtype, body in bodies
    )


__all__ = ["SourceError", "cases", "decode"]
