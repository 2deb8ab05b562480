"""A BGP speaker that does one thing: announce a table to a daemon, and keep the session.

It speaks RFC 4271 with four-octet AS numbers (RFC 6793), IPv4 and IPv6 unicast (RFC 4760) and
ADD-PATH (RFC 7911), so that one session carries all origins of a prefix. Its session is internal,
inside a confederation (RFC 5065): there, paths may be empty or hold confederation segments. It
offers a hold time of zero: nobody has to send anything to keep the session.

Each route's path identifier is its MULTI_EXIT_DISC too, for a daemon that cannot show the former.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from validator.model import Family, Prefix

SET, SEQUENCE, CONFED_SEQUENCE, CONFED_SET = 1, 2, 3, 4
ASN = 65000
"""The AS of the session: the speaker's and the daemon's."""
_PATIENCE_SECONDS = 30.0
_MARKER = b"\xff" * 16
_OPEN, _UPDATE, _NOTIFICATION, _KEEPALIVE = 1, 2, 3, 4
_LARGEST = 4096
_NEXT_HOP4 = bytes((192, 0, 2, 1))
_NEXT_HOP6 = bytes.fromhex("20010db8ffff0000") + bytes(7) + b"\1"


class Announced(NamedTuple):
    """A route on the wire: its prefix, the value of its AS_PATH, and its path identifier."""

    prefix: Prefix
    path: bytes
    path_id: int = 1


def as_path(*segments: tuple[int, Sequence[int]]) -> bytes:
    """The value of an AS_PATH attribute, with AS numbers of four octets."""
    return b"".join(
        struct.pack(f"!BB{len(members)}I", kind, len(members), *members)
        for kind, members in segments
    )


def updates(routes: Iterable[Announced]) -> Iterator[bytes]:
    """UPDATE messages that announce the routes: those of one path together, as many as fit."""
    groups: defaultdict[tuple[Family, bytes, int], list[bytes]] = defaultdict(list)
    for (family, high, low, length), path, path_id in routes:
        octets = (length + 7) >> 3
        address = (high << 64 | low).to_bytes(16, "big")[:octets]
        groups[family, path, path_id].append(
            path_id.to_bytes(4, "big") + bytes((length,)) + address
        )
    for (family, path, path_id), nlri in groups.items():
        attributes = (
            _attribute(1, b"\0")
            + _attribute(2, path)
            + (_attribute(3, _NEXT_HOP4) if family is Family.IPV4 else b"")
            + _attribute(4, path_id.to_bytes(4, "big"))
            + _attribute(5, b"\0\0\0\x64")
        )
        room = _LARGEST - len(attributes) - 64
        for packed in _packed(nlri, room):
            yield (
                _update4(attributes, packed)
                if family is Family.IPV4
                else _update6(attributes, packed)
            )


def _packed(nlri: Sequence[bytes], room: int) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for each in nlri:
        if size + len(each) > room:
            yield b"".join(held)
            held, size = [], 0
        held.append(each)
        size += len(each)
    yield b"".join(held)


def _attribute(code: int, value: bytes) -> bytes:
    flags = 0x80 if code in (4, 14) else 0x40
    return struct.pack("!BBH", flags | 0x10, code, len(value)) + value


def _update4(attributes: bytes, nlri: bytes) -> bytes:
    return _message(_UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + nlri)


def _update6(attributes: bytes, nlri: bytes) -> bytes:
    reach = struct.pack("!HBB", 2, 1, 16) + _NEXT_HOP6 + b"\0" + nlri
    return _update4(_attribute(14, reach) + attributes, b"")


def _message(kind: int, body: bytes) -> bytes:
    return _MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def _open() -> bytes:
    capabilities = (
        struct.pack("!BBHBB", 1, 4, 1, 0, 1)
        + struct.pack("!BBHBB", 1, 4, 2, 0, 1)
        + struct.pack("!BBI", 65, 4, ASN)
        + struct.pack("!BBHBBHBB", 69, 8, 1, 1, 2, 2, 1, 2)  # both families: able to send
    )
    parameter = struct.pack("!BB", 2, len(capabilities)) + capabilities
    body = struct.pack("!BHH4sB", 4, ASN, 0, b"\x0a\0\0\2", len(parameter)) + parameter
    return _message(_OPEN, body)


class Speaker:
    """A session to a daemon on this machine. Use it in ``with``; it ends with the block."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._where = host, port

    def __enter__(self) -> Self:
        """Connect and establish the session; daemons that start are waited for.

        Raises:
            ConnectionError: the daemon refuses the session.
        """
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self._establish()
            except OSError as error:  # not listening yet, or not ready for this neighbour
                if time.monotonic() > end:
                    raise ConnectionError(f"no BGP session: {error}") from None
                time.sleep(0.05)
            else:
                return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, messages: Iterable[bytes]) -> None:
        """Send UPDATEs, as fast as they are taken.

        Raises:
            ConnectionError: the daemon has ended the session.
        """
        held = bytearray()
        for message in messages:
            held += message
            if len(held) > 1 << 18:
                self._socket.sendall(held)
                held.clear()
        self._socket.sendall(held)

    def _establish(self) -> None:
        connection = socket.create_connection(self._where, _PATIENCE_SECONDS)
        try:
            connection.sendall(_open())
            self._expect(connection, _OPEN)
            connection.sendall(_message(_KEEPALIVE, b""))
            self._expect(connection, _KEEPALIVE)
        except BaseException:
            with contextlib.suppress(OSError):
                connection.close()
            raise
        self._socket = connection

    @staticmethod
    def _expect(connection: socket.socket, kind: int) -> None:
        header = _exactly(connection, 19)
        size, found = struct.unpack("!HB", header[16:])
        body = _exactly(connection, size - 19)
        if found == _NOTIFICATION:
            raise ConnectionError(f"NOTIFICATION {body[0]}/{body[1]}")
        if found != kind:
            raise ConnectionError(f"message type {found} instead of {kind}")


def _exactly(connection: socket.socket, size: int) -> bytes:
    held = b""
    while len(held) < size:
        data = connection.recv(size - len(held))
        if not data:
            raise ConnectionError("closed")
        held += data
    return held
