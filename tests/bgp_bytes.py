"""Writes BGP and BMP messages by hand: what the tests of the decoders are fed.

Written from RFC 4271, 4760, 7911, 7854, 8671 and 9069, independently of the decoders. Attributes
and paths are those of :mod:`tests.mrt_bytes`.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence

from tests.mrt_bytes import attribute, prefix_bytes, sequence

MARKER = b"\xff" * 16
V, L, A, O = 0x80, 0x40, 0x20, 0x10  # noqa: E741 - the RFCs' names of the per-peer flags
GLOBAL, RD_INSTANCE, LOCAL_INSTANCE, LOC_RIB = 0, 1, 2, 3


def message(kind: int, body: bytes) -> bytes:
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def nlri(prefixes: Iterable[str], path_id: int | None = None) -> bytes:
    head = b"" if path_id is None else struct.pack("!I", path_id)
    return b"".join(head + prefix_bytes(prefix) for prefix in prefixes)


def content(
    announced: Sequence[str] = (),
    attributes: bytes | None = None,
    withdrawn: Sequence[str] = (),
    path_id: int | None = None,
) -> bytes:
    """The content of an UPDATE with classic NLRI; the path is 64501 64510 if none is given."""
    if attributes is None:
        attributes = sequence(64501, 64510) if announced else b""
    gone = nlri(withdrawn, path_id)
    return (
        struct.pack("!H", len(gone))
        + gone
        + struct.pack("!H", len(attributes))
        + attributes
        + nlri(announced, path_id)
    )


def reach(
    prefixes: Sequence[str], *, afi: int = 2, safi: int = 1, path_id: int | None = None
) -> bytes:
    hop = bytes(16) if afi == 2 else bytes(4)
    head = struct.pack("!HBB", afi, safi, len(hop)) + hop + b"\0"
    return attribute(14, head + nlri(prefixes, path_id))


def unreach(
    prefixes: Sequence[str], *, afi: int = 2, safi: int = 1, path_id: int | None = None
) -> bytes:
    return attribute(15, struct.pack("!HB", afi, safi) + nlri(prefixes, path_id))


def update(*arguments: object, **named: object) -> bytes:
    """As :func:`content`, with the header."""
    return message(2, content(*arguments, **named))  # type: ignore[arg-type]


def open_message(
    asn: int,
    families: Sequence[tuple[int, int]] = ((1, 1), (2, 1)),
    add_path: Sequence[tuple[int, int, int]] = (),
    *,
    extended: bool = False,
) -> bytes:
    """OPEN; ``add_path`` gives (AFI, SAFI, 1 receive + 2 send)."""
    capabilities = [(1, struct.pack("!HBB", afi, 0, safi)) for afi, safi in families]
    capabilities.append((65, struct.pack("!I", asn)))
    if add_path:
        capabilities.append((69, b"".join(struct.pack("!HBB", *each) for each in add_path)))
    value = b"".join(struct.pack("!BB", code, len(each)) + each for code, each in capabilities)
    if extended:  # RFC 9072
        parameter = struct.pack("!BH", 2, len(value)) + value
        parameters = b"\xff\xff" + struct.pack("!H", len(parameter)) + parameter
    else:
        parameter = struct.pack("!BB", 2, len(value)) + value
        parameters = bytes([len(parameter)]) + parameter
    narrow = asn if asn < 65_536 else 23_456
    return message(1, struct.pack("!BHH", 4, narrow, 180) + b"\x0a\0\0\1" + parameters)


def per_peer(
    address: str = "192.0.2.1",
    asn: int = 64501,
    *,
    flags: int = 0,
    kind: int = GLOBAL,
    distinguisher: bytes = bytes(8),
    seconds: int = 1_700_000_000,
) -> bytes:
    ip = ipaddress.ip_address(address)
    flags |= V if ip.version == 6 and kind != LOC_RIB else 0
    return (
        struct.pack("!BB", kind, flags)
        + distinguisher
        + ip.packed.rjust(16, b"\0")
        + struct.pack("!I4sII", asn, b"\x0a\0\0\1", seconds, 0)
    )


def bmp(kind: int, body: bytes) -> bytes:
    return struct.pack("!BIB", 3, 6 + len(body), kind) + body


def route_monitoring(header: bytes, pdu: bytes) -> bytes:
    return bmp(0, header + pdu)


def statistics(header: bytes) -> bytes:
    return bmp(1, header + struct.pack("!IHHI", 1, 0, 4, 7))


def peer_down(header: bytes, reason: int = 4) -> bytes:
    return bmp(2, header + bytes([reason]))


def peer_up(header: bytes, sent: bytes, received: bytes, port: int = 40_000) -> bytes:
    local = ipaddress.ip_address("192.0.2.254").packed.rjust(16, b"\0")
    return bmp(3, header + local + struct.pack("!HH", 179, port) + sent + received)


def initiation(name: str = "edge1") -> bytes:
    return bmp(4, tlv(2, name.encode()) + tlv(1, b"a router") + tlv(0, b"hello"))


def termination(text: str = "bye") -> bytes:
    return bmp(5, tlv(0, text.encode()) + tlv(1, struct.pack("!H", 1)))


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value
