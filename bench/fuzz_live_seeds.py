"""Seeds of the live decoders' fuzzing: written here, and cut from real captures if there are any.

Three forms: contents of UPDATEs, each behind its length and a byte of options (``U``); an MRT file
of updates (``M``); the bytes of a BMP session (``B``). A seed is a short run of whole messages: a
mutation is then likely to hit something that matters.
"""

from __future__ import annotations

import bz2
import gzip
import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path

SEED_BYTES = 512
MARKER = b"\xff" * 16
NARROW = 4
"""In the options of an UPDATE: AS numbers have two bytes. Bits 1 and 2: path identifiers."""


def update_seeds(data: Path, sample: Path) -> Iterator[bytes]:
    """UPDATEs of ours together and one by one, and those in real files."""
    updates = _updates()
    yield b"".join(_framed(each) for each in updates)
    yield from (_framed(each) for each in updates)
    for records in _real_records(data):
        yield b"".join(_framed(each) for each in _contents(records))


def mrt_seeds(data: Path, sample: Path) -> Iterator[bytes]:
    yield _mrt(_updates())
    yield from _real_records(data)


def bmp_seeds(data: Path, sample: Path) -> Iterator[bytes]:
    yield _bmp(_updates())
    for path in sorted((data / "bmp").glob("*.pcap")):
        yield from _bmp_pieces(path.read_bytes())


GOOD_PREFIX, GOOD_ORIGIN = "198.51.100.0/24", 64_999


def good_update() -> bytes:
    """The content of an UPDATE with nothing wrong: :data:`GOOD_PREFIX` of :data:`GOOD_ORIGIN`."""
    path = _attribute(2, b"\x02\x02" + struct.pack("!II", 64501, GOOD_ORIGIN))
    rest = _attribute(1, b"\0") + _attribute(3, b"\xc0\0\2\1")
    return _content(b"", rest + path, b"\x18\xc6\x33\x64")


def good_record() -> bytes:
    """That UPDATE in an MRT record."""
    header = struct.pack("!IIHH", 64501, 64500, 0, 1) + b"\xc0\0\2\1\xc0\0\2\2"
    body = header + _message(2, good_update())
    return struct.pack("!IHHI", 0, 16, 4, len(body)) + body


def good_session() -> bytes:
    """That UPDATE in BMP, of a peer that no seed has, from its Peer Up to its End-of-RIB."""
    header = _peer(0, 0, "203.0.113.77")
    ends = _message(2, bytes(4)), _message(2, _content(b"", _attribute(15, b"\0\2\1", 0x80), b""))
    bodies = [(3, _up(header, add_path=False))]
    bodies += [(0, header + each) for each in (_message(2, good_update()), *ends)]
    return _framed_bmp(bodies)


# --------------------------------------------------------------------------------- written by hand


def _attribute(code: int, value: bytes, flags: int = 0x40) -> bytes:
    return struct.pack("!BBB", flags, code, len(value)) + value


def _content(withdrawn: bytes, attributes: bytes, announced: bytes) -> bytes:
    return (
        struct.pack("!H", len(withdrawn))
        + withdrawn
        + struct.pack("!H", len(attributes))
        + attributes
        + announced
    )


def _updates() -> list[tuple[int, bytes]]:
    """Options (1, 2: path identifiers of IPv4, IPv6; 4: two-byte AS numbers) and contents."""
    v4, v6 = b"\x18\xc0\x00\x02", b"\x20\x20\x01\x0d\xb8"
    path = _attribute(2, b"\x02\x02" + struct.pack("!II", 64501, 64510))
    in_set = _attribute(2, b"\x02\x01\0\0\xfb\xf5\x01\x02\0\0\0\7\0\0\0\x08")
    narrow = _attribute(2, b"\x02\x02\xfb\xf5\x5b\xa0") + _attribute(
        17, b"\x02\x01" + struct.pack("!I", 4_200_000_001), 0xC0
    )
    rest = _attribute(1, b"\0") + _attribute(3, b"\xc0\0\2\1") + _attribute(4, bytes(4), 0x80)
    rest += _attribute(8, bytes(8), 0xC0) + _attribute(7, b"\0\0\xfb\xf5\xc0\0\2\1", 0xC0)
    reach = _attribute(14, b"\0\2\1\x10" + bytes(17) + v6 + b"\0", 0x80)
    unreach = _attribute(15, b"\0\2\1" + v6, 0x80)
    with_id = b"\0\0\0\7"
    reach_id = _attribute(14, b"\0\2\1\x10" + bytes(17) + with_id + v6, 0x80)
    return [
        (0, _content(v4, rest + path, v4 + b"\0")),
        (0, _content(b"", reach + unreach + rest + in_set, b"")),
        (4, _content(b"", rest + narrow, v4)),
        (3, _content(with_id + v4, reach_id + path, with_id + v4)),
        (0, _content(b"", b"", b"")),
        (0, _content(b"", _attribute(15, b"\0\2\1", 0x80), b"")),
    ]


def _framed(update: tuple[int, bytes]) -> bytes:
    options, content = update
    return struct.pack("!HB", len(content), options) + content


def _message(kind: int, body: bytes) -> bytes:
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def _mrt(updates: list[tuple[int, bytes]]) -> bytes:
    addresses = b"\xc0\0\2\1\xc0\0\2\2"
    wide = struct.pack("!IIHH", 64501, 64500, 0, 1) + addresses
    narrow = struct.pack("!HHHH", 64501, 64500, 0, 1) + addresses
    old = struct.pack("!H", 701) + addresses[:4]
    bodies = [(16, 5, wide + b"\0\6\0\1"), (16, 0, narrow + b"\0\1\0\2"), (13, 2, b"a table")]
    for options, content in updates:
        subtype = (8 if options & 3 else 1) if options & 4 else (9 if options & 3 else 4)
        body = (narrow if options & 4 else wide) + _message(2, content)
        bodies += [(16, subtype, body), (17, subtype, b"\0\0\0\7" + body)]
    bodies += [(16, 4, wide + _message(4, b"")), (16, 7, wide + _message(2, updates[0][1]))]
    bodies += [(5, 1, old + b"\x30\x6e\xc0\0\2\2" + updates[2][1]), (5, 3, old + b"\0\6\0\1")]
    return b"".join(
        struct.pack("!IHHI", 0, kind, subtype, len(body)) + body for kind, subtype, body in bodies
    )


def _peer(kind: int, flags: int, address: str) -> bytes:
    ip = ipaddress.ip_address(address).packed.rjust(16, b"\0")
    return struct.pack("!BB", kind, flags) + bytes(8) + ip + struct.pack("!IIII", 64501, 1, 2, 3)


def _up(header: bytes, *, add_path: bool) -> bytes:
    """The body of a Peer Up."""

    def open_message(asn: int) -> bytes:
        capabilities = b"\x01\x04\0\1\0\1\x01\x04\0\2\0\1\x41\x04" + struct.pack("!I", asn)
        capabilities += b"\x45\x08\0\1\1\3\0\2\1\3" if add_path else b""
        parameter = struct.pack("!BB", 2, len(capabilities)) + capabilities
        return _message(1, struct.pack("!BHHIB", 4, 23456, 180, 1, len(parameter)) + parameter)

    ends = bytes(16) + b"\0\xb3\x9c\x40"
    return header + ends + open_message(64500) + open_message(64501) + b"\0\0\0\2hi"


def _bmp(updates: list[tuple[int, bytes]]) -> bytes:
    plain, other = _peer(0, 0, "192.0.2.1"), _peer(0, 0x80, "2001:db8::1")
    headers = [other, _peer(0, 0x20, "192.0.2.9"), _peer(3, 0, "0.0.0.0")]
    headers.append(_peer(1, 0x50, "192.0.2.1"))
    bodies = [(4, b"\0\2\0\2r1\0\1\0\1x"), (3, _up(plain, add_path=True))]
    bodies.append((1, plain + b"\0\0\0\0"))
    for options, content in updates:
        header = plain if options & 3 else headers[1] if options & NARROW else headers[0]
        bodies.append((0, header + _message(2, content)))
        bodies += [(0, each + _message(2, content)) for each in headers[2:]]
    bodies += [
        (3, _up(headers[2], add_path=True)),
        (6, plain + b"\0\0\0\0"),
        (2, plain + b"\4"),
        (5, b"\0\1\0\2\0\1"),
    ]
    return _framed_bmp(bodies)


def _framed_bmp(bodies: list[tuple[int, bytes]]) -> bytes:
    return b"".join(struct.pack("!BIB", 3, 6 + len(body), kind) + body for kind, body in bodies)


# ---------------------------------------------------------------------------- cut from real files


def _real_records(data: Path) -> Iterator[bytes]:
    """Four runs of records from each file of updates."""
    for path in sorted((data / "mrt").glob("*updates*")):
        with (bz2.open if path.suffix == ".bz2" else gzip.open)(path) as file:
            content = file.read(1 << 20)
        for start in range(0, len(content), len(content) // 4 + 1):
            if records := _some_records(content, start):
                yield records


def _contents(records: bytes) -> Iterator[tuple[int, bytes]]:
    """Options and contents of the UPDATEs in BGP4MP records."""
    at = 0
    while at < len(records):
        kind, subtype, size = struct.unpack_from("!HHI", records, at + 4)
        body, at = records[at + 12 : at + 12 + size], at + 12 + size
        start = body.find(MARKER)
        if kind in (16, 17) and subtype in (1, 4) and start >= 0 and body[start + 18] == 2:
            yield NARROW if subtype == 1 else 0, body[start + 19 :]


def _bmp_pieces(capture: bytes) -> Iterator[bytes]:
    """A few runs of whole BMP messages in a capture, found by their headers."""
    at, found, piece = 24, 0, b""
    while at < len(capture) and found < 8:
        start = capture.find(b"\x03\0\0", at)
        if start < 0:
            return
        size = int.from_bytes(capture[start + 1 : start + 5], "big")
        if capture[start + 5 : start + 6] > b"\6" or not 6 <= size <= 2000:
            at = start + 1
            continue
        piece += capture[start : start + size]
        at = start + size
        if len(piece) > SEED_BYTES:
            yield piece
            piece, found = b"", found + 1


def _some_records(content: bytes, start: int) -> bytes:
    """Whole MRT records from about ``start``."""
    at, chosen, size = 0, [], 0
    while at + 12 <= len(content) and size < SEED_BYTES:
        end = at + 12 + int(struct.unpack_from("!I", content, at + 8)[0])
        if end > len(content):
            break
        if at >= start:
            chosen.append(content[at:end])
            size += end - at
        at = end
    return b"".join(chosen)
