"""What the fuzz runner needs for the live decoders: BGP UPDATEs, MRT updates and BMP sessions.

Each case begins with a byte that says what follows: ``U`` contents of UPDATEs, each behind its
length and a byte of options; ``M`` an MRT file of updates; ``B`` the bytes of a BMP session.
The real captures under ``data/bmp`` and update files under ``data/mrt`` are seeds too, if present.
"""

from __future__ import annotations

import gzip
import ipaddress
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np

from bench.fuzz_mutations import LARGEST_CASE, mutate_bytes
from collectors.wire.bmp import BmpDecoder
from collectors.wire.bmp_events import EndOfRib, Event, PeerDown, Routes, TableKind
from collectors.wire.mrt_updates import UpdateDecoder, UpdateRows
from collectors.wire.update import FAULTS_SEEN, ROWS, STATE_SIZE, decode_updates
from collectors.wire.update_columns import Messages, Rows, empty_rows, some_rows
from validator.model import SourceError

SEED_BYTES = 4096
_MARKER = b"\xff" * 16
_ROOM = 1 << 17


def cases(data: Path) -> Iterator[tuple[str, bytes]]:
    """Seeds from captures and updates under ``data`` (none if absent), and three of ours."""
    updates = _updates()
    yield "written/updates", b"U" + b"".join(_framed(each) for each in updates)
    for number, each in enumerate(updates):
        yield f"written/update/{number}", b"U" + _framed(each)
    yield "written/mrt", b"M" + _mrt(updates)
    yield "written/bmp", b"B" + _bmp(updates)
    for path in sorted((data / "bmp").glob("*.pcap")):
        for number, piece in enumerate(_bmp_pieces(path.read_bytes())):
            yield f"{path.name}/{number}", b"B" + piece
    for path in sorted((data / "mrt").glob("*updates*.gz")):
        with gzip.open(path) as file:
            content = file.read(1 << 20)
        for number, start in enumerate((0, len(content) // 2)):
            if records := _some_records(content, start):
                yield f"{path.name}/{number}", b"M" + records


def decode(raw: bytes) -> None:
    """Decode one mutated input, in pieces whose size follows from it.

    Raises:
        SourceError: as for any bad input; nothing else may escape.
    """
    kind, content = raw[:1], raw[1:]
    if kind == b"U":
        _decode_updates(content)
        return
    step = 1 + zlib.crc32(raw) % (2 * SEED_BYTES)
    pieces = (content[at : at + step] for at in range(0, len(content), step))
    if kind == b"M":
        decoder = UpdateDecoder("fuzz")
        for piece in pieces:
            for found in decoder.feed(piece):
                if isinstance(found, UpdateRows):
                    _check(found.rows, len(decoder.peers))
        decoder.finish()
        decoder.counts()
    else:
        bmp = BmpDecoder("fuzz", frozenset(TableKind), instances=len(raw) % 2 == 0, max_tables=64)
        for piece in pieces:
            for event in bmp.feed(piece):
                _check_event(event, len(bmp.tables))
        bmp.counts()


def mutate(rng: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    """Damage inside messages, mostly with the lengths around it put right, so that it is met."""
    kind, content = raw[:1], raw[1:]
    alike = [other[1:] for other in others if other[:1] == kind] or [content]
    if rng.random() < 0.2:
        return kind + mutate_bytes(rng, content, alike)
    frames = _frames(kind, content)
    if rng.random() < 0.1:
        frames += _frames(kind, rng.choice(alike))
    if not frames:
        return kind + mutate_bytes(rng, content, alike)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, other = rng.randrange(len(frames)), rng.randrange(len(frames))
        head, body = frames[at]
        match rng.randrange(8):
            case 0:
                frames.insert(other, frames[at])
            case 1:
                frames[at], frames[other] = frames[other], frames[at]
            case 2 if len(head) > 2:
                changed = bytearray(head)
                changed[rng.choice((-5, -6, -7)) if kind == b"M" else -1] = rng.randrange(18)
                frames[at] = bytes(changed), body
            case _:
                if kind == b"B" and head[-1] == 3 and rng.random() < 0.8:
                    continue  # a Peer Up that is damaged mostly ends the session
                damaged = mutate_bytes(rng, body, [frames[other][1]])
                whole = kind == b"B" and head[-1] != 0
                frames[at] = head, damaged if whole or rng.random() < 0.2 else _with_length(damaged)
    return (kind + b"".join(_joined(kind, *frame) for frame in frames))[:LARGEST_CASE]


def _frames(kind: bytes, content: bytes) -> list[tuple[bytes, bytes]]:
    """Heads and bodies of the whole messages; lengths are in the heads."""
    head = {b"U": 3, b"M": 12}.get(kind, 6)
    found, at = [], 0
    while at + head <= len(content):
        if kind == b"U":
            end = at + head + int.from_bytes(content[at : at + 2], "big")
        elif kind == b"M":
            end = at + head + int.from_bytes(content[at + 8 : at + 12], "big")
        else:
            end = at + int.from_bytes(content[at + 1 : at + 5], "big")
        if not at + head <= end <= len(content):
            break
        found.append((content[at : at + head], content[at + head : end]))
        at = end
    return found


def _joined(kind: bytes, head: bytes, body: bytes) -> bytes:
    if kind == b"U":
        return struct.pack("!H", min(len(body), 65_535)) + head[2:] + body
    if kind == b"M":
        return head[:8] + struct.pack("!I", len(body)) + body
    return head[:1] + struct.pack("!I", 6 + len(body)) + head[5:] + body


def _with_length(body: bytes) -> bytes:
    """The last BGP message in a body reaches to its end."""
    at = body.rfind(_MARKER)
    if at < 0 or not 19 <= len(body) - at <= 65_535:
        return body
    return body[: at + 16] + struct.pack("!H", len(body) - at) + body[at + 18 :]


def _check_event(event: Event, tables: int) -> None:
    if isinstance(event, Routes):
        _check(event.rows, tables)
    elif isinstance(event, PeerDown) and any(table >= tables for table in event.tables):
        raise AssertionError("a peer down names no table")
    elif isinstance(event, EndOfRib) and event.table >= tables:
        raise AssertionError("an end of RIB names no table")


def _check(rows: Rows, peers: int) -> None:
    """That rows keep to what their columns promise."""
    if not len(rows.peer):
        return
    if int(rows.peer.max()) >= peers:
        raise AssertionError("a row points to no peer")
    bits = np.where(rows.family == 4, 32, 128)
    if not np.isin(rows.family, (4, 6)).all() or (rows.length > bits).any():
        raise AssertionError("a prefix is of no family or too long")
    if (rows.low[rows.length <= 64] != 0).any() or (rows.high[rows.length == 0] != 0).any():
        raise AssertionError("a prefix has host bits")
    if (rows.origin < -1).any() or (rows.flags > 15).any():
        raise AssertionError("an origin or flag is impossible")


def _decode_updates(content: bytes) -> None:
    """UPDATEs behind a length of two bytes and options: AS width, path identifiers."""
    starts, stops, options = [], [], []
    at = 0
    while at + 3 <= len(content):
        size = int.from_bytes(content[at : at + 2], "big")
        starts.append(at + 3)
        stops.append(min(at + 3 + size, len(content)))
        options.append(content[at + 2])
        at = stops[-1]
    count = len(starts)
    option = np.array(options, "u1")
    messages = Messages(
        start=np.array(starts, "i8"),
        stop=np.array(stops, "i8"),
        width=np.where(option & 4, 2, 4).astype("u1"),
        add_path=option & np.uint8(3),
        peer=np.zeros(count, "u2"),
        speaker=np.full(count, 64501, "u4"),
    )
    rows, state, faults = empty_rows(_ROOM), np.zeros(STATE_SIZE, "i8"), np.zeros(FAULTS_SEEN, "i8")
    after = np.zeros(count, "u4")
    done = decode_updates(
        np.frombuffer(content, "u1"), *messages, 0, count, state, faults,
        np.empty(count, "u1"), after, *rows,  # type: ignore[arg-type]  # a tuple of unlike columns
    )  # fmt: skip
    if done != count:
        raise AssertionError("there are more rows than bytes")
    if count and (np.diff(after.astype("i8")) < 0).any():
        raise AssertionError("a message took rows away")
    _check(some_rows(rows, slice(int(state[ROWS]))), 1)


# ------------------------------------------------------------------------------------- the seeds


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
    return _MARKER + struct.pack("!HB", 19 + len(body), kind) + body


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


def _bmp(updates: list[tuple[int, bytes]]) -> bytes:
    def peer(kind: int, flags: int, address: str) -> bytes:
        ip = ipaddress.ip_address(address).packed.rjust(16, b"\0")
        return (
            struct.pack("!BB", kind, flags) + bytes(8) + ip + struct.pack("!IIII", 64501, 1, 2, 3)
        )

    def open_message(asn: int) -> bytes:
        capabilities = b"\x01\x04\0\1\0\1\x01\x04\0\2\0\1\x41\x04" + struct.pack("!I", asn)
        capabilities += b"\x45\x08\0\1\1\3\0\2\1\3"
        parameter = struct.pack("!BB", 2, len(capabilities)) + capabilities
        return _message(1, struct.pack("!BHHIB", 4, 23456, 180, 1, len(parameter)) + parameter)

    def up(header: bytes) -> bytes:
        ends = bytes(16) + b"\0\xb3\x9c\x40"
        return header + ends + open_message(64500) + open_message(64501) + b"\0\0\0\2hi"

    plain, other = peer(0, 0, "192.0.2.1"), peer(0, 0x80, "2001:db8::1")
    headers = [other, peer(0, 0x20, "192.0.2.9"), peer(3, 0, "0.0.0.0"), peer(1, 0x50, "192.0.2.1")]
    bodies = [(4, b"\0\2\0\2r1\0\1\0\1x"), (3, up(plain)), (1, plain + b"\0\0\0\0")]
    for options, content in updates:
        header = plain if options & 3 else headers[1] if options & 4 else headers[0]
        bodies.append((0, header + _message(2, content)))
        bodies += [(0, each + _message(2, content)) for each in headers[2:]]
    bodies += [
        (3, up(headers[2])),
        (6, plain + b"\0\0\0\0"),
        (2, plain + b"\4"),
        (5, b"\0\1\0\2\0\1"),
    ]
    return b"".join(struct.pack("!BIB", 3, 6 + len(body), kind) + body for kind, body in bodies)


def _bmp_pieces(capture: bytes) -> Iterator[bytes]:
    """A few runs of whole BMP messages in a capture, found by their headers."""
    at, found, piece = 24, 0, b""
    while at < len(capture) and found < 3:
        start = capture.find(b"\x03\0\0", at)
        if start < 0:
            return
        size = int.from_bytes(capture[start + 1 : start + 5], "big")
        if capture[start + 5 : start + 6] > b"\6" or not 6 <= size <= 2000:
            at = start + 1
            continue
        piece += capture[start : start + size]
        at = start + size
        if len(piece) > SEED_BYTES // 2:
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


__all__ = ["SourceError", "cases", "decode", "mutate"]
