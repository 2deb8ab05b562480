"""The frames of a BMP session (RFC 7854 section 4.1): the compiled loop under ``bmp``.

:func:`index_frames` walks whole messages and notes where the UPDATE of each route monitoring
message lies and how it is to be read. What decides that is the per-peer header (section 4.2); all
knowledge of it is outside: for each header that was met (without its timestamp) there is a row of
:class:`Routing`. The loop stops for a header that it does not know, and for every message of
another type.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

import numpy as np

from collectors.wire.bgp import byte, u32
from collectors.wire.update import BGP_HEADER_BYTES, UPDATE, update_content
from validator.kernels.core import kernel
from validator.model import I8, U1, U2, U4, U8

VERSION = 3
COMMON_HEADER_BYTES = 6
PEER_HEADER_BYTES = 42
KEY_BYTES = 34
"""Of the per-peer header: all but its timestamp."""
ROUTE_MONITORING = 0

HEADERS_KNOWN = 1 << 12
_SLOTS = 1 << 14

AT, MESSAGES, WANTED = range(3)
STATE_SIZE = 3
# Why the loop stopped: no complete message is left; no room; a message of another type, or too
# short for its headers; a header not known; a message that is too long or of another version.
MORE, FULL, OTHER, UNKNOWN, TOO_LONG, BAD_VERSION = range(6)

COUNT, SEED = range(2)


class Routing(NamedTuple):
    """What to do with the messages under a per-peer header: a row for each that is known.

    ``skip`` 1: they are not taken, and counted in ``skipped``. The others are as in
    :class:`collectors.wire.update.Messages`.
    """

    keys: U1
    skip: U1
    width: U1
    add_path: U1
    peer: U2
    speaker: U4
    skipped: I8
    slots: U4
    control: U8


def no_routing() -> Routing:
    return Routing(
        keys=np.empty(HEADERS_KNOWN * KEY_BYTES, "u1"),
        skip=np.empty(HEADERS_KNOWN, "u1"),
        width=np.empty(HEADERS_KNOWN, "u1"),
        add_path=np.empty(HEADERS_KNOWN, "u1"),
        peer=np.empty(HEADERS_KNOWN, "u2"),
        speaker=np.empty(HEADERS_KNOWN, "u4"),
        skipped=np.zeros(HEADERS_KNOWN, "i8"),
        slots=np.zeros(_SLOTS, "u4"),
        control=np.array([0, secrets.randbits(64)], "u8"),
    )


@kernel("u1 i i8! i8! i8! u1! u1! u2! u4! u1! u1! u1! u1! u2! u4! i8! u4! u8!")
def index_frames(
    data: U1,
    largest: int,
    state: I8,
    start: I8,
    stop: I8,
    width: U1,
    add_path: U1,
    peer: U2,
    speaker: U4,
    keys: U1,
    of_skip: U1,
    of_width: U1,
    of_add_path: U1,
    of_peer: U2,
    of_speaker: U4,
    of_skipped: I8,
    slots: U4,
    control: U8,
) -> int:
    """Find the UPDATEs in ``data`` from ``state[AT]`` on. Returns why it stopped.

    At UNKNOWN, the next row of ``keys`` holds the header, and its place in ``slots`` is taken:
    the caller must fill the row in. ``state[WANTED]`` is how many bytes the next message needs.
    """
    messages, at = state[MESSAGES], state[AT]
    last = -1  # most headers are that of the message before
    why = MORE
    while True:
        state[WANTED] = COMMON_HEADER_BYTES
        if len(data) - at < 1:
            break
        if byte(data, at) != VERSION:
            why = BAD_VERSION
            break
        if len(data) - at < COMMON_HEADER_BYTES:
            break
        size = u32(data, at + 1)
        if size > largest:
            why = TOO_LONG
            break
        state[WANTED] = size
        # One too short for its own headers is left to the caller, like those of other types.
        if size < COMMON_HEADER_BYTES + PEER_HEADER_BYTES or byte(data, at + 5) != ROUTE_MONITORING:
            if size <= len(data) - at or size < COMMON_HEADER_BYTES:
                why = OTHER
            break
        end = at + size
        if end > len(data):
            break
        if messages == len(start):
            why = FULL
            break
        header = at + COMMON_HEADER_BYTES
        row = last
        if row >= 0:
            for i in range(KEY_BYTES):
                if data[header + i] != keys[row * KEY_BYTES + i]:
                    row = -1
                    break
        if row < 0:
            mixed = control[SEED]
            for i in range(KEY_BYTES):
                mixed = (mixed ^ np.uint64(data[header + i])) * np.uint64(0x9E37_79B9_7F4A_7C15)
                mixed ^= mixed >> np.uint64(29)
            slot = np.int64(mixed >> np.uint64(40)) % _SLOTS
            while slots[slot] != 0:
                row = np.int64(slots[slot]) - 1
                for i in range(KEY_BYTES):
                    if data[header + i] != keys[row * KEY_BYTES + i]:
                        row = -1
                        break
                if row >= 0:
                    break
                slot = (slot + 1) % _SLOTS
            if row < 0:
                why = UNKNOWN
                row = np.int64(control[COUNT])
                if row < HEADERS_KNOWN:
                    for i in range(KEY_BYTES):
                        keys[row * KEY_BYTES + i] = data[header + i]
                    slots[slot] = row + 1
                    control[COUNT] = np.uint64(row + 1)
                break
            last = row
        if of_skip[row]:
            of_skipped[row] += 1
            at = end
            continue
        content = header + PEER_HEADER_BYTES
        what, finish = update_content(data, content, end)
        content += BGP_HEADER_BYTES
        start[messages], stop[messages] = content, finish if what == UPDATE else content
        width[messages], add_path[messages] = of_width[row], of_add_path[row]
        peer[messages], speaker[messages] = of_peer[row], of_speaker[row]
        messages += 1
        at = end
    state[AT], state[MESSAGES] = at, messages
    return why
