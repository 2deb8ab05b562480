"""The BGP Monitoring Protocol, sans I/O: bytes of one router's session in, events out.

Read: initiation, peer up and down, route monitoring and termination (RFC 7854); statistics reports
and route mirroring are counted. A router shows tables of several kinds, told apart by the per-peer
header: what a peer sent before and after import policy (RFC 7854), what the router sends before and
after export policy (RFC 8671), and its own table (RFC 9069). The caller says which are taken.

How an UPDATE inside is to be read follows from three places:

- AS numbers have two bytes if the per-peer header's A flag is set (RFC 7854 section 4.2), else
  four; in Loc-RIB always four (RFC 9069 section 4.2).
- Path identifiers are there if the OPENs of the Peer Up agree on them, by family and direction:
  from peer to router in Adj-RIB-In, from router to peer in Adj-RIB-Out; in Loc-RIB if either OPEN,
  both of which the router made up, says that it sends them.
- An empty path means the speaker: the peer in Adj-RIB-In, the router itself in Adj-RIB-Out (its
  AS is in the OPEN that it sent) and in Loc-RIB (per-peer AS, RFC 9069 section 4.1).

Lengths of BMP itself that do not add up end the session with a :class:`SourceError`: the router
connects again and sends all anew. An UPDATE that is malformed inside costs that one message
(:mod:`collectors.wire.update`). A Peer Up that cannot be read ends the session too, for without it
UPDATEs might be misread.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import Counter

import numpy as np

from collectors.wire import bmp_frames as frames
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
from collectors.wire.bmp_frames import COMMON_HEADER_BYTES, PEER_HEADER_BYTES, VERSION
from collectors.wire.bmp_open import read_open
from collectors.wire.update import (
    AS4_IGNORED,
    END_OF_RIB_IPV4,
    END_OF_RIB_IPV6,
    FAULTS_SEEN,
    OTHER_FAMILIES,
    ROWS,
    UPDATE_FAULTS,
    decode_updates,
)
from collectors.wire.update import STATE_SIZE as ROW_STATE_SIZE
from collectors.wire.update_columns import empty_messages, empty_rows, more_rows, some_rows
from validator.model import U1, SourceError

MAX_MESSAGE_BYTES = 1 << 18
"""By default. The largest that routers send (a Peer Up with two long OPENs) have 128 KiB."""
MOST_TABLES = 1 << 16
"""Tables in one session: what the ``peer`` column can say."""
MOST_SESSIONS = 1 << 16

_MESSAGES_AT_ONCE = 1 << 12
_FIRST_ROWS = 1 << 12
_TEXT_BYTES = 256
_NAMES = {
    1: "statistics reports",
    2: "peer down notifications",
    3: "peer up notifications",
    4: "initiations",
    5: "terminations",
    6: "route mirroring messages",
}
_PEER_DOWN, _PEER_UP, _INITIATION, _TERMINATION = 2, 3, 4, 5
_WITH_PEER_HEADER = (1, 2, 3, 6)
_LOC_RIB = 3
_IPV6_FLAG, _POST_POLICY, _TWO_BYTE_AS, _ADJ_RIB_OUT = 0x80, 0x40, 0x20, 0x10


class BmpDecoder:
    """Decodes one BMP session.

    Attributes:
        tables: the tables taken, in order of appearance: rows of ``Rows.peer`` point here.
        rows: how many rows there were so far.
    """

    def __init__(
        self,
        source: str,
        take: frozenset[TableKind] = frozenset({TableKind.PRE_POLICY}),
        *,
        instances: bool = False,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        max_tables: int = MOST_TABLES,
    ) -> None:
        """``instances``: take tables of VRFs and local instances too."""
        self.tables: list[Table] = []
        self.rows = 0
        self._source, self._take, self._instances = source, take, instances
        self._largest, self._most_tables = max_message_bytes, max_tables
        self._offset = 0
        self._buffer = bytearray()
        self._failed: SourceError | None = None
        self._wanted = 1
        self._up: dict[Session, PeerUp] = {}
        self._numbers: dict[Table, int] = {}
        self._of_session: dict[Session, list[int]] = {}
        self._counts: Counter[str] = Counter()
        self._routing = frames.no_routing()
        self._why_skipped: list[str] = []
        self._state = np.zeros(frames.STATE_SIZE, "i8")
        self._row_state = np.zeros(ROW_STATE_SIZE, "i8")
        self._faults = np.zeros(FAULTS_SEEN, "i8")
        self._messages = empty_messages(_MESSAGES_AT_ONCE)
        self._outcome = np.empty(_MESSAGES_AT_ONCE, "u1")
        self._rows_after = np.empty(_MESSAGES_AT_ONCE, "u4")
        self._rows = empty_rows(_FIRST_ROWS)

    @property
    def unfinished(self) -> bool:
        """Whether the bytes fed so far end inside a message."""
        return bool(self._buffer)

    def counts(self) -> dict[str, int]:
        """Messages by what became of them, other than giving rows."""
        self._tally_skipped()
        counts = self._counts.copy()
        for fault in np.flatnonzero(self._faults).tolist():
            counts[UPDATE_FAULTS[fault]] += int(self._faults[fault])
        counts["UPDATEs of other address families"] += int(self._row_state[OTHER_FAMILIES])
        counts["a malformed AS4_PATH was ignored"] += int(self._row_state[AS4_IGNORED])
        return {name: count for name, count in counts.items() if count}

    def feed(self, chunk: bytes) -> list[Event]:
        """Decode the messages that are complete; keep the beginning of the next.

        Raises:
            SourceError: this is not BMP version 3, or does not add up. If something came before
                it in the same piece, that is returned, and the next call raises, whatever it is
                given. The decoder is then spent.
        """
        if self._failed is not None:
            raise self._failed
        self._buffer += chunk
        if len(self._buffer) < self._wanted:
            return []
        events: list[Event] = []
        try:
            self._decode(bytes(self._buffer), events)
        except SourceError as failure:
            self._failed = failure
            if not events:
                raise
            return events
        at = int(self._state[frames.AT])
        self._offset += at
        del self._buffer[:at]
        self._wanted = int(self._state[frames.WANTED])
        return events

    def _decode(self, whole: bytes, events: list[Event]) -> None:
        data, state = np.frombuffer(whole, "u1"), self._state
        state[frames.AT] = state[frames.MESSAGES] = 0
        why = frames.FULL
        while why != frames.MORE:
            known = int(self._routing.control[frames.COUNT])
            why = frames.index_frames(data, self._largest, state, *self._messages, *self._routing)
            if why != frames.UNKNOWN:
                self._read_updates(data, events)
            elif known == frames.HEADERS_KNOWN:
                self._forget_headers()
            else:
                try:
                    self._learn_header(int(self._routing.control[frames.COUNT]) - 1)
                except SourceError:
                    self._read_updates(data, events)
                    raise
            if why == frames.OTHER:
                self._read_other(whole, int(state[frames.AT]), events)
                state[frames.AT] += state[frames.WANTED]
            elif why == frames.TOO_LONG:
                raise self._bad(f"a message is longer than {self._largest:,} bytes")
            elif why == frames.BAD_VERSION:
                raise self._bad(
                    f"speaks version {whole[int(state[frames.AT])]}, not BMP version {VERSION}",
                    "let only BMP senders connect",
                )

    # ------------------------------------------------------------------------- route monitoring

    def _read_updates(self, data: U1, events: list[Event]) -> None:
        """Decode the UPDATEs that were found: their rows, then the ends of tables among them."""
        count, row_state, done = int(self._state[frames.MESSAGES]), self._row_state, 0
        self._state[frames.MESSAGES] = 0
        if not count:
            return
        row_state[ROWS] = 0
        while True:
            done = decode_updates(
                data, *self._messages, done, count, row_state, self._faults,
                self._outcome, self._rows_after, *self._rows,
            )  # fmt: skip
            if done == count:
                break
            self._rows = more_rows(self._rows)
        rows = int(row_state[ROWS])
        self.rows += rows
        if rows:
            events.append(Routes(some_rows(self._rows, slice(rows))))
        outcome = self._outcome[:count]
        ends = (outcome == END_OF_RIB_IPV4) | (outcome == END_OF_RIB_IPV6)
        for message in np.flatnonzero(ends).tolist():
            family = 4 if outcome[message] == END_OF_RIB_IPV4 else 6
            events.append(EndOfRib(int(self._messages.peer[message]), family))

    def _learn_header(self, row: int) -> None:
        """Decide how messages under the header in this row of the routing are read."""
        routing = self._routing
        key = routing.keys[row * frames.KEY_BYTES : (row + 1) * frames.KEY_BYTES].tobytes()
        session, kind, asn, flags = _peer_header(key)
        skip = ""
        if kind not in self._take:
            skip = f"route monitoring messages of {kind}, which is not taken"
        elif session.in_an_instance and not self._instances:
            skip = "route monitoring messages of VRFs, which are not taken"
        up = self._up.get(session)
        if up is None and not skip:
            self._counts["tables without a peer up notification"] += 1
        add_path, speaker = 0, asn
        if kind is TableKind.LOC_RIB:
            add_path = (up.sent.sends | up.received.sends) if up else 0
        elif kind in (TableKind.OUT_PRE_POLICY, TableKind.OUT_POST_POLICY):
            add_path = (up.sent.sends & up.received.receives) if up else 0
            speaker = up.sent.asn if up else 0
        elif up:
            add_path = up.received.sends & up.sent.receives
        routing.skip[row] = bool(skip)
        routing.skipped[row] = 0
        narrow = kind is not TableKind.LOC_RIB and flags & _TWO_BYTE_AS
        routing.width[row] = 2 if narrow else 4
        routing.add_path[row] = add_path
        routing.speaker[row] = speaker
        routing.peer[row] = 0 if skip else self._number(Table(session, kind, asn))
        del self._why_skipped[row:]
        self._why_skipped.append(skip)

    def _number(self, table: Table) -> int:
        if table not in self._numbers:
            if len(self.tables) == self._most_tables:
                raise self._bad(f"there are more than {self._most_tables:,} tables")
            self._numbers[table] = len(self.tables)
            self._of_session.setdefault(table.session, []).append(len(self.tables))
            self.tables.append(table)
        return self._numbers[table]

    def _forget_headers(self) -> None:
        """What was decided may no longer hold, or there is no room for more."""
        self._tally_skipped()
        self._routing.slots[:] = 0
        self._routing.control[frames.COUNT] = 0

    def _tally_skipped(self) -> None:
        for row in range(int(self._routing.control[frames.COUNT])):
            if self._routing.skip[row]:
                self._counts[self._why_skipped[row]] += int(self._routing.skipped[row])
                self._routing.skipped[row] = 0

    # --------------------------------------------------------------------------- other messages

    def _read_other(self, data: bytes, at: int, events: list[Event]) -> None:
        """A message that is not route monitoring, or too short for what it says it is."""
        (size, kind) = struct.unpack_from("!IB", data, at + 1)
        body = data[at + COMMON_HEADER_BYTES : at + size]
        if size < COMMON_HEADER_BYTES or (
            kind in (frames.ROUTE_MONITORING, *_WITH_PEER_HEADER) and len(body) < PEER_HEADER_BYTES
        ):
            raise self._bad("a message is too short for its header")
        self._counts[_NAMES.get(kind, "messages of an unknown type")] += 1
        try:
            if kind == _PEER_UP:
                events.append(self._peer_up(body))
            elif kind == _PEER_DOWN:
                events.append(self._peer_down(body))
            elif kind == _INITIATION:
                texts = _information(body, 0)
                names, descriptions = texts.get(2, [""]), texts.get(1, [""])
                events.append(Initiation(names[0], descriptions[0], tuple(texts.get(0, []))))
            elif kind == _TERMINATION:
                events.append(_termination(body))
        except (struct.error, ValueError) as failure:
            what = _NAMES[kind].removesuffix("s")
            why = "it is cut off" if isinstance(failure, struct.error) else str(failure)
            raise self._bad(f"a message ({what}) does not add up: {why}") from None

    def _peer_up(self, body: bytes) -> PeerUp:
        session, kind, asn, _ = _peer_header(body[: frames.KEY_BYTES])
        sent, end = read_open(body, PEER_HEADER_BYTES + 20)
        received, end = read_open(body, end)
        _information(body, end)
        if session not in self._up and len(self._up) == MOST_SESSIONS:
            raise ValueError(f"there are more than {MOST_SESSIONS:,} sessions")
        up = PeerUp(session, kind, asn, sent, received, body[PEER_HEADER_BYTES:end])
        self._up[session] = up
        self._forget_headers()
        return up

    def _peer_down(self, body: bytes) -> PeerDown:
        session, _, _, _ = _peer_header(body[: frames.KEY_BYTES])
        if len(body) == PEER_HEADER_BYTES:
            raise ValueError("it gives no reason")
        self._up.pop(session, None)
        self._forget_headers()
        return PeerDown(session, body[PEER_HEADER_BYTES], tuple(self._of_session.get(session, ())))

    def _bad(self, problem: str, cure: str = "") -> SourceError:
        return SourceError(
            self._source,
            problem,
            place=f"byte {self._offset + int(self._state[frames.AT])} of the session",
            cure=cure or "check the router's BMP, or its settings here",
        )


def _peer_header(key: bytes) -> tuple[Session, TableKind, int, int]:
    """The per-peer header without its timestamp: session, kind of table, AS, flags."""
    peer_type, flags, distinguisher, address, asn = struct.unpack_from("!BB8s16sI", key)
    if peer_type == _LOC_RIB:
        kind = TableKind.LOC_RIB
    elif flags & _ADJ_RIB_OUT:
        post = flags & _POST_POLICY
        kind = TableKind.OUT_POST_POLICY if post else TableKind.OUT_PRE_POLICY
    else:
        kind = TableKind.POST_POLICY if flags & _POST_POLICY else TableKind.PRE_POLICY
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    if peer_type != _LOC_RIB and flags & _IPV6_FLAG:
        ip = ipaddress.IPv6Address(address)
    else:
        ip = ipaddress.IPv4Address(address[12:])
    return Session(peer_type, distinguisher, str(ip)), kind, asn, flags


def _information(body: bytes, at: int) -> dict[int, list[str]]:
    """Information TLVs (RFC 7854 section 4.4), shortened and made printable."""
    found: dict[int, list[str]] = {}
    while at < len(body):
        kind, size = struct.unpack_from("!HH", body, at)
        at += 4 + size
        if at > len(body):
            raise ValueError("an information field reaches beyond its end")
        if len(texts := found.setdefault(kind, [])) < 4:
            texts.append(_printable(body[at - size : at]))
    return found


def _termination(body: bytes) -> Termination:
    at, reason, text = 0, None, ""
    while at < len(body):
        kind, size = struct.unpack_from("!HH", body, at)
        at += 4 + size
        if at > len(body):
            raise ValueError("an information field reaches beyond its end")
        if kind == 0:
            text = _printable(body[at - size : at])
        elif kind == 1 and size == 2:
            (reason,) = struct.unpack_from("!H", body, at - 2)
    return Termination(reason, text)


def _printable(raw: bytes) -> str:
    text = raw[:_TEXT_BYTES].rstrip(b"\0").decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "?" for sign in text)
