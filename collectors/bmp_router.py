"""One router that speaks BMP: its connection, and the routes we hold of it.

Its session is decoded by :mod:`collectors.wire.bmp`; this file decides what becomes of the routes
when sessions end:

- A peer that goes down takes its routes with it at once.
- A router whose connection ends keeps its routes for ``restart_time``. If it is back by then, each
  of its peers starts over with its Peer Up: what it announced before stays until it has announced
  all anew (End-of-RIB of every family agreed on, or ``restart_time`` without one). Peers that do
  not return in time are gone.
- A connection that breaks the protocol or falls silent is closed; the router may connect again.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from collectors.live import Channel, Message, PeersGone, PeersReturned, PeersReturning
from collectors.update_batch import update_batch
from collectors.wire.bmp import MAX_MESSAGE_BYTES, MOST_TABLES, BmpDecoder
from collectors.wire.bmp_events import (
    EndOfRib,
    Event,
    Initiation,
    PeerDown,
    PeerUp,
    Routes,
    Session,
    Table,
    TableKind,
    Termination,
)
from validator.model import Peer, SourceError

KIND = "bmp"
READ_BYTES = 1 << 17
"""At a time: decoded in some milliseconds."""
_AT_ONCE_BYTES = 1 << 13
"""Decoded on the event loop: less than a millisecond. More goes to a thread."""
FIRST_MESSAGE_SECONDS = 30.0
"""In which a new connection must say something."""
_BOTH = frozenset({4, 6})
_LAST_WORDS = 200


Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class BmpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to listen, to whom, and what to take.

    ``vrfs``: tables of VRFs and local instances too; they are not the Internet's.
    """

    listen: str = "[::1]:11019"
    allow: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses or prefixes of routers. Who comes from elsewhere is sent away."""
    names: dict[str, str] = {}
    """Address → name of a router; by default it is called by its address."""
    take: tuple[TableKind, ...] = (TableKind.PRE_POLICY,)
    vrfs: bool = False
    restart_time: Seconds = 120.0
    idle_limit: Seconds = 3600.0
    """Seconds without a byte, after which a connection counts as lost; 0: never."""
    max_message_bytes: Annotated[int, msgspec.Meta(ge=4096, le=1 << 24)] = MAX_MESSAGE_BYTES
    max_tables: Annotated[int, msgspec.Meta(ge=1, le=MOST_TABLES)] = 1024
    """Of one router: each is a column of the RIB."""
    max_routers: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 64


@dataclass(frozen=True, slots=True)
class RouterStatus:
    """How one router stands, for pages and metrics."""

    name: str
    system: str
    connected: bool
    sessions: int
    tables: int
    rows: int
    counts: dict[str, int]
    last_error: str


@dataclass(slots=True)
class _Waiting:
    """For what we wait, of a peer whose routes we hold: its return, or its End-of-RIB."""

    until: float
    back: bool = False
    families: set[int] = field(default_factory=set)


class BmpRouter:
    """One router: its connection, if there is one, and the peers whose routes we hold."""

    def __init__(
        self, name: str, address: str, settings: BmpSettings, clock: Callable[[], float]
    ) -> None:
        self.name, self.address = name, address
        self.last_error = ""
        self._settings, self._clock = settings, clock
        self._turn = asyncio.Lock()  # what is decided goes into the channel before the next is
        self._system = ""
        self._writer: asyncio.StreamWriter | None = None
        self._decoder: BmpDecoder | None = None
        self._rows = 0
        self._up: dict[Session, PeerUp] = {}
        self._peers: list[Peer] = []  # of the tables of this connection
        self._held: dict[Peer, Session] = {}
        self._waiting: dict[Peer, _Waiting] = {}

    @property
    def connected(self) -> bool:
        return self._writer is not None

    def status(self) -> RouterStatus:
        decoder = self._decoder
        return RouterStatus(
            name=self.name,
            system=self._system,
            connected=self.connected,
            sessions=len(self._up),
            tables=len(self._held),
            rows=self._rows + (decoder.rows if decoder else 0),
            counts=decoder.counts() if decoder else {},
            last_error=self.last_error,
        )

    def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    async def serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        channel: Channel,
        tell: Callable[[Channel], None],
    ) -> None:
        """Read one connection to its end. A newer one takes the place of an older."""
        self.hang_up()
        self._writer = writer
        why = "closed the connection"
        try:
            _keep_alive(writer)
            async with self._turn:
                self._begin()
                await self._lose(channel)
            tell(channel)
            why = await self._read(reader, writer, channel)
        except SourceError as failure:
            why = str(failure)
        except OSError as failure:
            why = f"connection lost: {failure.strerror or failure}"
        finally:
            writer.transport.abort()
            if self._writer is writer:
                self._writer = None
        if self._writer is None:
            self.last_error = why
            async with self._turn:
                if self._writer is None:
                    await self._lose(channel)
            tell(channel)

    def _begin(self) -> None:
        settings = self._settings
        self._rows += self._decoder.rows if self._decoder else 0
        self._decoder = BmpDecoder(
            f"router {self.name}",
            frozenset(settings.take),
            instances=settings.vrfs,
            max_message_bytes=settings.max_message_bytes,
            max_tables=settings.max_tables,
        )
        self._up, self._peers = {}, []

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, channel: Channel
    ) -> str:
        decoder, limit = self._decoder, FIRST_MESSAGE_SECONDS
        assert decoder is not None
        while True:
            try:
                async with asyncio.timeout(limit or None):
                    chunk = await reader.read(READ_BYTES)
            except TimeoutError:
                return f"sent nothing for {limit:g} seconds"
            if not chunk:
                return "closed the connection" + (" in mid-message" if decoder.unfinished else "")
            limit = self._settings.idle_limit
            if len(chunk) <= _AT_ONCE_BYTES:
                events = decoder.feed(chunk)
            else:
                events = await asyncio.to_thread(decoder.feed, chunk)
            async with self._turn:
                if self._writer is not writer:
                    return "connected again"
                for event in events:
                    for message in self._messages(event):
                        await channel.put(message)
                    if isinstance(event, Termination):
                        return f"closed its session: {event.text or f'reason {event.reason}'}"
            decoder.feed(b"")  # raises what came after these events, were they the last good ones

    # ------------------------------------------------------------------ what becomes of routes

    def _messages(self, event: Event) -> Iterable[Message]:
        match event:
            case Initiation():
                self._system = event.name[:_LAST_WORDS]
            case PeerUp():
                yield from self._peer_up(event)
            case PeerDown():
                yield from self._peer_down(event)
            case Routes():
                yield from self._routes(event)
            case EndOfRib():
                yield from self._end_of_rib(event)

    def _routes(self, event: Routes) -> Iterable[Message]:
        assert self._decoder is not None
        tables = self._decoder.tables
        for table in tables[len(self._peers) :]:
            peer = self._peer_of(table)
            self._peers.append(peer)
            # Of a peer that has no Peer Up, its first route is the sign that it is back.
            yield from self._start_over((peer,), _BOTH)
            if len(self._held) >= 2 * self._settings.max_tables:  # those of an earlier connection
                raise SourceError(f"router {self.name}", "has more tables than max_tables allows")
            self._held[peer] = table.session
        batch = update_batch(f"router {self.name}", KIND, event.rows, self._peers)
        for peer in batch.peers:
            if peer not in self._held:  # it went down and came back within this connection
                self._held[peer] = self._session_of(peer)
        yield batch

    def _session_of(self, peer: Peer) -> Session:
        assert self._decoder is not None
        return self._decoder.tables[self._peers.index(peer)].session

    def _peer_up(self, up: PeerUp) -> Iterable[Message]:
        before = self._up.get(up.session)
        self._up[up.session] = up
        if before is not None and before.identity == up.identity:
            return  # routers send one for each kind of table
        of_session = tuple(peer for peer, its in self._held.items() if its == up.session)
        if before is not None:  # its Peer Down is missing: it must start over all the same
            for peer in of_session:
                self._waiting[peer] = _Waiting(self._clock())
        yield from self._start_over(of_session, up.families)

    def _start_over(self, peers: Iterable[Peer], families: frozenset[int]) -> Iterable[Message]:
        """These peers, if they were waited for, are back: they send all anew."""
        back = tuple(
            peer for peer in peers if peer in self._waiting and not self._waiting[peer].back
        )
        until = self._clock() + self._settings.restart_time
        for peer in back:
            self._waiting[peer] = _Waiting(until, back=True, families=set(families))
        if back:
            yield PeersReturning(back)

    def _end_of_rib(self, end: EndOfRib) -> Iterable[Message]:
        assert self._decoder is not None
        peer = self._peer_of(self._decoder.tables[end.table])
        waiting = self._waiting.get(peer)
        if waiting is not None and waiting.back:
            waiting.families.discard(end.family)
            if not waiting.families:
                del self._waiting[peer]
                yield PeersReturned((peer,))

    def _peer_down(self, down: PeerDown) -> Iterable[Message]:
        self._up.pop(down.session, None)
        gone = tuple(peer for peer, session in self._held.items() if session == down.session)
        for peer in gone:
            del self._held[peer]
            self._waiting.pop(peer, None)
        if gone:
            yield PeersGone(gone)

    async def _lose(self, channel: Channel) -> None:
        """The connection has ended: wait for the return of everybody."""
        until = self._clock() + self._settings.restart_time
        for peer in self._held:
            waiting = self._waiting.get(peer)
            if waiting is None or waiting.back:
                self._waiting[peer] = _Waiting(until)
        if not self._settings.restart_time:
            await self._give_up(channel)

    async def give_up_waiting(self, channel: Channel) -> bool:
        """Whether there was anybody who was waited for long enough."""
        if all(waiting.until > self._clock() for waiting in self._waiting.values()):
            return False
        async with self._turn:
            await self._give_up(channel)
        return True

    async def _give_up(self, channel: Channel) -> None:
        now = self._clock()
        late = {peer: each for peer, each in self._waiting.items() if each.until <= now}
        for peer, waiting in late.items():
            del self._waiting[peer]
            if not waiting.back:
                del self._held[peer]
        if gone := tuple(peer for peer, waiting in late.items() if not waiting.back):
            await channel.put(PeersGone(gone))
        if complete := tuple(peer for peer, waiting in late.items() if waiting.back):
            await channel.put(PeersReturned(complete))

    def _peer_of(self, table: Table) -> Peer:
        """The peer of a table; its vantage tells apart what one router shows several times."""
        vantage = self.name
        if len(self._settings.take) > 1:
            vantage += f"/{table.kind}"
        if table.session.in_an_instance:
            vantage += f"/{_instance(table.session)}"
        local = table.kind is TableKind.LOC_RIB
        return Peer(vantage, self.address if local else table.session.address, table.asn)


def _instance(session: Session) -> str:
    """A VRF by its route distinguisher (RFC 4364 section 4.2)."""
    form = int.from_bytes(session.distinguisher[:2], "big")
    if session.peer_type == 2 or form > 2:
        return f"instance {session.distinguisher.hex()}"
    if form == 1:
        address, number = struct.unpack("!4sH", session.distinguisher[2:])
        return f"vrf {ipaddress.IPv4Address(address)}:{number}"
    asn, number = struct.unpack("!HI" if form == 0 else "!IH", session.distinguisher[2:])
    return f"vrf {asn}:{number}"


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
