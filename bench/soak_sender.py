"""The routers of the soak: a process that sends BMP, and keeps what it sent in plain dictionaries.

Two routers with three full peers send a stream of updates at a given rate; an update is one prefix
announced or withdrawn, in a message of its own. A third router has one small peer that keeps
coming and going: by turns its BGP session goes down (RFC 7854 section 4.9) and the router's own
connection breaks, after which it announces anew, ending with End-of-RIB.

Nothing is sent that is not also done to the dictionaries: they are the oracle.
"""

from __future__ import annotations

import random
import signal
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from bench.soak_world import NONE, Net, Size, World

_MARKER = b"\xff" * 16
_ORIGIN = b"\x40\x01\x01\x00"
_NEXT_HOP = b"\x40\x03\x04\xc6\x12\x00\x01"
_NEXT_HOP6 = bytes.fromhex("fd000000000000000000000000000001")
_END_OF_RIB = b"\0\0\0\0", b"\0\0\0\x06\x80\x0f\x03\x00\x02\x01"
_FIRST_TRANSIT, _TRANSITS = 4_280_000_000, 64
_WITHDRAWN = 0.15
_STEP_SECONDS = 0.01
_MOST_AT_ONCE = 1_000
_PIECE_BYTES = 1 << 16
STREAM, END, LEAVE = "stream", "end", "leave"


@dataclass(frozen=True, slots=True)
class Order:
    """What to send, and to whom."""

    size: Size
    port: int
    per_second: int
    flap_seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent. ``routes``: prefix (by its place in the world), origin → how many peers."""

    updates: int
    seconds: float
    """Of the stream."""
    streamed: int
    flaps: int
    routes: dict[tuple[int, int], int]


class _Router:
    """One BMP session, from a loopback address of its own."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._socket: socket.socket | None = None
        self.waiting = bytearray()

    def connect(self) -> None:
        self._socket = socket.create_connection(
            ("127.0.0.1", self._port), source_address=(self._address, 0)
        )
        name = f"soak {self._address}".encode()
        self.waiting += _bmp(4, struct.pack("!HH", 2, len(name)) + name)

    def flush(self) -> None:
        assert self._socket is not None
        self._socket.sendall(self.waiting)
        self.waiting.clear()

    def close(self) -> None:
        """What was written is delivered before the end of the stream."""
        if self._socket is not None:
            self._socket.close()


@dataclass(slots=True)
class _Peer:
    """One BGP peer of a router, and what it announces: place of the prefix → origin."""

    router: _Router
    number: int
    held: dict[int, int] = field(default_factory=dict)
    header: bytes = b""

    def __post_init__(self) -> None:
        address = socket.inet_aton(f"198.18.1.{self.number}").rjust(16, b"\0")
        self.header = struct.pack("!BB8x16sI4s8x", 0, 0, address, self.asn, address[-4:])

    @property
    def asn(self) -> int:
        return 4_270_000_000 + self.number

    def up(self) -> None:
        local = socket.inet_aton("198.18.2.1").rjust(16, b"\0") + struct.pack("!HH", 179, 40_000)
        self.router.waiting += _bmp(3, self.header + local + _open(4_260_000_000) + _open(self.asn))

    def down(self) -> None:
        self.held.clear()
        self.router.waiting += _bmp(2, self.header + b"\x04")

    def update(self, content: bytes) -> None:
        message = _MARKER + struct.pack("!HB", 19 + len(content), 2) + content
        self.router.waiting += _bmp(0, self.header + message)

    def end_of_rib(self) -> None:
        for content in _END_OF_RIB:
            self.update(content)


class Sender:
    """All routers. ``sent`` is shared with who watches."""

    def __init__(self, order: Order, sent: Any) -> None:
        self._order, self._sent = order, sent
        self._world = World(order.size)
        self._nlri = [_nlri(net) for net in self._world.prefixes]
        self._rng = random.Random(order.size.seed + 1)
        first, second, self._unsteady = (
            _Router(f"127.0.0.{last}", order.port) for last in (2, 3, 4)
        )
        self._routers = first, second, self._unsteady
        self._full = _Peer(first, 1), _Peer(first, 2), _Peer(second, 3)
        self._small = _Peer(self._unsteady, 4)
        self._places = range(0, len(self._nlri), 40)
        self._flaps = 0

    def send_tables(self) -> None:
        for router in self._routers:
            router.connect()
        for peer in (*self._full, self._small):
            peer.up()
            self._announce_most(peer, self._places if peer is self._small else range(self._known))
            peer.end_of_rib()
            peer.router.flush()

    @property
    def _known(self) -> int:
        return len(self._nlri)

    def stream(self, connection: Connection) -> Sent:
        """Send updates at the rate ordered until told to end."""
        began, streamed = time.monotonic(), 0
        flap_at = began + self._order.flap_seconds
        while not connection.poll():
            due = int((time.monotonic() - began) * self._order.per_second) - streamed
            for _ in range(min(due, _MOST_AT_ONCE)):
                self._one()
            streamed += min(due, _MOST_AT_ONCE)
            for router in self._routers:
                router.flush()
            if time.monotonic() >= flap_at:
                self._flap()
                flap_at += self._order.flap_seconds
            if due <= _MOST_AT_ONCE:
                time.sleep(_STEP_SECONDS)
        return Sent(
            self._sent.value, time.monotonic() - began, streamed, self._flaps, self.routes()
        )

    def routes(self) -> dict[tuple[int, int], int]:
        counted: Counter[tuple[int, int]] = Counter()
        for peer in (*self._full, self._small):
            counted.update(peer.held.items())
        return dict(counted)

    def leave(self) -> None:
        for router in self._routers:
            router.close()

    def _one(self) -> None:
        peer, place = self._rng.choice(self._full), self._rng.randrange(self._known)
        if place in peer.held and self._rng.random() < _WITHDRAWN:
            self._withdraw(peer, place)
        else:
            self._announce(peer, place)

    def _flap(self) -> None:
        """The small peer goes, one way or the other, and comes back with another table."""
        peer, self._flaps = self._small, self._flaps + 1
        if self._flaps % 2:
            peer.down()
        else:
            self._unsteady.flush()
            self._unsteady.close()
            peer.held.clear()
            self._unsteady.connect()
        peer.up()
        self._announce_most(peer, self._places)
        peer.end_of_rib()
        self._unsteady.flush()

    def _announce_most(self, peer: _Peer, places: range) -> None:
        """As many as the stream would leave announced, so that it changes nothing on the whole."""
        for place in places:
            if self._rng.random() < 1 / (1 + _WITHDRAWN):
                self._announce(peer, place)
            if len(peer.router.waiting) > _PIECE_BYTES:
                peer.router.flush()

    def _announce(self, peer: _Peer, place: int) -> None:
        draw, own = self._rng.random(), self._world.origins[place]
        origin = own[0] if draw < 0.8 else own[1] if draw < 0.9 else own[2]
        if draw >= 0.98:
            origin = NONE
        peer.held[place] = origin
        transit = _FIRST_TRANSIT + place % _TRANSITS
        if origin == NONE:
            path = struct.pack("!BBIIBBII", 2, 2, peer.asn, transit, 1, 2, own[0], own[1])
        else:
            path = struct.pack("!BBIII", 2, 3, peer.asn, transit, origin)
        attributes = _ORIGIN + struct.pack("!BBB", 0x40, 2, len(path)) + path
        nlri, ipv4 = self._nlri[place], self._world.prefixes[place][0] == 4
        if ipv4:
            attributes += _NEXT_HOP
            content = struct.pack("!HH", 0, len(attributes)) + attributes + nlri
        else:
            reach = b"\0\x02\x01\x10" + _NEXT_HOP6 + b"\0" + nlri
            attributes += struct.pack("!BBB", 0x80, 14, len(reach)) + reach
            content = struct.pack("!HH", 0, len(attributes)) + attributes
        peer.update(content)
        self._sent.value += 1

    def _withdraw(self, peer: _Peer, place: int) -> None:
        del peer.held[place]
        nlri = self._nlri[place]
        if self._world.prefixes[place][0] == 4:
            content = struct.pack("!H", len(nlri)) + nlri + b"\0\0"
        else:
            gone = b"\0\x02\x01" + nlri
            attributes = struct.pack("!BBB", 0x80, 15, len(gone)) + gone
            content = struct.pack("!HH", 0, len(attributes)) + attributes
        peer.update(content)
        self._sent.value += 1


def send(order: Order, connection: Connection, sent: Any) -> None:
    """The process: tells how many routes its tables make, streams when told to, tells the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who ordered this
    sender = Sender(order, sent)
    try:
        sender.send_tables()
        connection.send(len(sender.routes()))
        assert connection.recv() == STREAM
        result = sender.stream(connection)
        assert connection.recv() == END
        connection.send(result)
        assert connection.recv() == LEAVE  # until then the sessions stay up
    except EOFError:  # who ordered this is gone
        pass
    finally:
        sender.leave()


def _nlri(net: Net) -> bytes:
    version, address, length = net
    packed = address.to_bytes(4 if version == 4 else 16, "big")
    return bytes([length]) + packed[: (length + 7) // 8]


def _bmp(kind: int, body: bytes) -> bytes:
    return struct.pack("!BIB", 3, 6 + len(body), kind) + body


def _open(asn: int) -> bytes:
    """OPEN of a speaker of IPv4 and IPv6 unicast with four-byte AS numbers (RFC 4271, 5492)."""
    capabilities = b"\x01\x04\0\x01\0\x01" + b"\x01\x04\0\x02\0\x01" + b"\x41\x04"
    capabilities += struct.pack("!I", asn)
    parameters = struct.pack("!BB", 2, len(capabilities)) + capabilities
    body = struct.pack("!BHH4sB", 4, 23_456, 180, b"\xc6\x12\0\x01", len(parameters)) + parameters
    return _MARKER + struct.pack("!HB", 19 + len(body), 1) + body
