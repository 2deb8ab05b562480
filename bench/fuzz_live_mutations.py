"""How inputs of the live decoders are damaged: mostly inside messages, with the lengths around them
put right, so that the damage gets past the framing and into the decoder."""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from random import Random

from bench.fuzz_live_seeds import MARKER
from bench.fuzz_mutations import LARGEST_CASE, mutate_bytes

_PEER_UP, _ROUTE_MONITORING = 3, 0


class Form(enum.Enum):
    """How messages follow each other: bytes of a head, and where in it the length is, and of what.

    UPDATES: contents of UPDATEs behind a length (2 bytes) and options; MRT: records; BMP: messages,
    whose length is also that of their head.
    """

    UPDATES = 3
    MRT = 12
    BMP = 6

    @property
    def head_bytes(self) -> int:
        return self.value


def mutate_messages(form: Form, rng: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    """One to four damages to messages, or, one time in five, to bytes anywhere."""
    if rng.random() < 0.2:
        return mutate_bytes(rng, raw, others)
    frames = _frames(form, raw)
    if rng.random() < 0.1:
        frames += _frames(form, rng.choice(others))
    if not frames:
        return mutate_bytes(rng, raw, others)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, other = rng.randrange(len(frames)), rng.randrange(len(frames))
        head, body = frames[at]
        match rng.randrange(8):
            case 0:
                frames.insert(other, frames[at])
            case 1:
                frames[at], frames[other] = frames[other], frames[at]
            case 2:
                changed = bytearray(head)
                # The options, the type and subtype of a record, the type of a message.
                changed[rng.choice((5, 6, 7)) if form is Form.MRT else -1] = rng.randrange(18)
                frames[at] = bytes(changed), body
            case _:
                bmp = form is Form.BMP
                if bmp and head[-1] == _PEER_UP and rng.random() < 0.8:
                    continue  # a Peer Up that is damaged mostly ends the session
                damaged = mutate_bytes(rng, body, [frames[other][1]])
                if not (bmp and head[-1] != _ROUTE_MONITORING) and rng.random() < 0.8:
                    damaged = _with_length(damaged)
                frames[at] = head, damaged
    return b"".join(_joined(form, *frame) for frame in frames)[:LARGEST_CASE]


def _frames(form: Form, raw: bytes) -> list[tuple[bytes, bytes]]:
    """Heads and bodies of the whole messages."""
    found, at, head = [], 0, form.head_bytes
    while at + head <= len(raw):
        if form is Form.UPDATES:
            end = at + head + int.from_bytes(raw[at : at + 2], "big")
        elif form is Form.MRT:
            end = at + head + int.from_bytes(raw[at + 8 : at + 12], "big")
        else:
            end = at + int.from_bytes(raw[at + 1 : at + 5], "big")
        if not at + head <= end <= len(raw):
            break
        found.append((raw[at : at + head], raw[at + head : end]))
        at = end
    return found


def _joined(form: Form, head: bytes, body: bytes) -> bytes:
    if form is Form.UPDATES:
        return struct.pack("!H", min(len(body), 65_535)) + head[2:] + body
    if form is Form.MRT:
        return head[:8] + struct.pack("!I", len(body)) + body
    return head[:1] + struct.pack("!I", 6 + len(body)) + head[5:] + body


def _with_length(body: bytes) -> bytes:
    """The last BGP message in a body reaches to its end."""
    at = body.rfind(MARKER)
    if at < 0 or not 19 <= len(body) - at <= 65_535:
        return body
    return body[: at + 16] + struct.pack("!H", len(body) - at) + body[at + 18 :]
