"""What a BMP Peer Up says of a session: the OPENs that both sides sent (RFC 4271 section 4.2).

Of the capabilities (RFC 5492) we need three: the four-byte AS number (RFC 6793), the families
agreed on (RFC 4760 section 8) and ADD-PATH (RFC 7911 section 4). Optional parameters may have the
extended form of RFC 9072.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from collectors.wire.update import (
    ADD_PATH_IPV4,
    ADD_PATH_IPV6,
    BGP_HEADER_BYTES,
    LARGEST_MESSAGE_BYTES,
    OPEN,
)

_CAPABILITIES, _EXTENDED = 2, 255
_MULTIPROTOCOL, _AS4, _ADD_PATH = 1, 65, 69
_RECEIVES, _SENDS = 1, 2
_FAMILIES = {(1, 1): 4, (2, 1): 6}
_BITS = {4: ADD_PATH_IPV4, 6: ADD_PATH_IPV6}


@dataclass(frozen=True, slots=True)
class Open:
    """One side's OPEN. ``sends`` and ``receives`` are bits of the families with ADD-PATH."""

    asn: int
    families: frozenset[int]
    """4 and 6 where unicast of that family is offered; IPv4 if no family is named at all."""
    sends: int
    receives: int


def read_open(message: bytes, at: int) -> tuple[Open, int]:
    """The OPEN that begins at ``at``, and where it ends.

    Raises:
        ValueError, struct.error: it does not add up.
    """
    marker, length, kind, _version, asn, _hold, _identifier, size = struct.unpack_from(
        "!16sHBBHH4sB", message, at
    )
    if marker != b"\xff" * 16 or kind != OPEN or length <= BGP_HEADER_BYTES:
        raise ValueError("there is no OPEN where one belongs")
    end = at + length
    if end > len(message) or length > LARGEST_MESSAGE_BYTES:
        raise ValueError("an OPEN reaches beyond the end of the message")
    place, head = at + 29, "!BB"
    if size == _EXTENDED and place < end and message[place] == _EXTENDED:
        (size,) = struct.unpack_from("!H", message, place + 1)
        place, head = place + 3, "!BH"
    if place + size != end:
        raise ValueError("the optional parameters of an OPEN do not add up")
    named: set[int] = set()
    any_family, sends, receives = False, 0, 0
    for code, value in _parameters(message, place, end, head):
        if code == _MULTIPROTOCOL and len(value) == 4:
            any_family = True
            afi, safi = struct.unpack("!HxB", value)
            named |= {_FAMILIES[afi, safi]} if (afi, safi) in _FAMILIES else set()
        elif code == _AS4 and len(value) == 4:
            (asn,) = struct.unpack("!I", value)
        elif code == _ADD_PATH and len(value) % 4 == 0:
            for afi, safi, mode in struct.iter_unpack("!HBB", value):
                bit = _BITS.get(_FAMILIES.get((afi, safi), 0), 0)
                sends |= bit if mode & _SENDS else 0
                receives |= bit if mode & _RECEIVES else 0
    return Open(asn, frozenset(named if any_family else {4}), sends, receives), end


def _parameters(message: bytes, at: int, end: int, head: str) -> list[tuple[int, bytes]]:
    """The capabilities in all optional parameters."""
    found = []
    head_bytes = struct.calcsize(head)
    while at < end:
        if end - at < head_bytes:
            raise ValueError("an optional parameter of an OPEN is cut off")
        kind, size = struct.unpack_from(head, message, at)
        at += head_bytes
        stop = at + size
        if stop > end:
            raise ValueError("an optional parameter reaches beyond its OPEN")
        while kind == _CAPABILITIES and at < stop:
            if stop - at < 2 or at + 2 + message[at + 1] > stop:
                raise ValueError("a capability reaches beyond its parameter")
            found.append((message[at], message[at + 2 : at + 2 + message[at + 1]]))
            at += 2 + message[at + 1]
        at = stop
    return found
