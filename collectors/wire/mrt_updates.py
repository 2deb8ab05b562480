"""The records of MRT update files (RFC 6396 section 4.4, RFC 8050), fed in pieces.

Read: BGP4MP (type 16) and BGP4MP_ET (17) in their forms MESSAGE, MESSAGE_AS4, both with ADD-PATH,
STATE_CHANGE and STATE_CHANGE_AS4; and the deprecated type 5, BGP (RFC 6396 appendix B.2), its
UPDATE and STATE_CHANGE. Everything else is stepped over and counted; so are the ``_LOCAL`` forms,
which hold what the route collector itself sent, and that no peer announces.

- AS numbers have two bytes in MESSAGE and four in MESSAGE_AS4, in the header and in the UPDATE.
- The ADD-PATH forms have path identifiers in every prefix of their message.
- A record that is complete but does not add up inside costs that record, a malformed UPDATE that
  message; both are counted (:mod:`collectors.wire.update`). Old archives have many. Only a record
  that claims an absurd length is damage, since nothing behind it can be found.
- A session that leaves Established takes with it what its peer announced; what becomes of it is
  for the caller, who gets each change of state in its place among the rows.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass

import numpy as np

from collectors.wire import mrt_update_records as records
from collectors.wire.mrt_peers import COUNT, LARGEST_PEER_TABLE, no_peers
from collectors.wire.mrt_records import HEADER_BYTES, LARGEST_RECORD_BYTES
from collectors.wire.update import (
    AS4_IGNORED,
    FAULTS_SEEN,
    OTHER_FAMILIES,
    ROWS,
    UPDATE_FAULTS,
    decode_updates,
)
from collectors.wire.update import STATE_SIZE as ROW_STATE_SIZE
from collectors.wire.update_columns import Rows, empty_messages, empty_rows, more_rows, some_rows
from validator.model import I8, U1, SourceError, TruncatedSource

ESTABLISHED = 6
"""RFC 6396 section 4.4.1: the numbers of the states, 1 (Idle) to 6 (Established)."""

MESSAGES_AT_ONCE = 1 << 14
CHANGES_AT_ONCE = 1 << 10
FIRST_ROWS = 1 << 16

_AGAIN = "get the file again"
_ALLOW = "get the file again, or use what is readable with --allow-truncated"
_EXPECTED = "give a file of updates in MRT form (RFC 6396), as RIS and RouteViews publish"
_NAMES = {
    9: "BGP4PLUS (deprecated)",
    10: "BGP4PLUS_01 (deprecated)",
    11: "OSPFv2",
    12: "TABLE_DUMP",
    13: "TABLE_DUMP_V2",
    32: "ISIS",
    33: "ISIS_ET",
    48: "OSPFv3",
    49: "OSPFv3_ET",
}
_KNOWN_TYPES = {*range(18), *_NAMES}
_LOCAL = (6, 7, 10, 11)


@dataclass(frozen=True, slots=True, eq=False)
class UpdateRows:
    """Rows of successive UPDATEs, with the time (microseconds) and last row of each message."""

    rows: Rows
    time: I8
    rows_after: I8


@dataclass(frozen=True, slots=True)
class StateChange:
    """A peer's session changed its state; ``peer`` is a row of the decoder's peers."""

    peer: int
    old: int
    new: int
    time: int

    @property
    def ends_session(self) -> bool:
        return self.new != ESTABLISHED and (self.old == ESTABLISHED or self.new == 1)


Piece = UpdateRows | StateChange


class UpdateDecoder:
    """Decodes one MRT stream of updates.

    Attributes:
        offset: bytes of the (unpacked) stream in complete records.
        built: the timestamp of the first record, Unix seconds.
        rows: how many rows there were so far.
    """

    def __init__(self, source: str) -> None:
        self.offset = 0
        self.built = 0
        self.rows = 0
        self._source = source
        self._begun = False
        self._tail = bytearray()
        self._failed: SourceError | None = None
        self._state = np.zeros(records.STATE_SIZE, "i8")
        self._row_state = np.zeros(ROW_STATE_SIZE, "i8")
        self._faults = np.zeros(FAULTS_SEEN, "i8")
        self._skipped = np.zeros(records.KINDS_SEEN * records.SUBKINDS_SEEN, "i8")
        self._messages = empty_messages(MESSAGES_AT_ONCE)
        self._time = np.empty(MESSAGES_AT_ONCE, "i8")
        self._outcome = np.empty(MESSAGES_AT_ONCE, "u1")
        self._rows_after = np.empty(MESSAGES_AT_ONCE, "u4")
        self._change_time = np.empty(CHANGES_AT_ONCE, "i8")
        self._change_at = np.empty(CHANGES_AT_ONCE, "i8")
        self._change_peer = np.empty(CHANGES_AT_ONCE, "u2")
        self._change_states = np.empty(CHANGES_AT_ONCE, "u1"), np.empty(CHANGES_AT_ONCE, "u1")
        self._rows = empty_rows(FIRST_ROWS)
        self._peers = no_peers()
        self._named: list[tuple[str, int]] = []

    @property
    def records(self) -> int:
        """How many complete records there were."""
        return int(self._state[records.RECORDS])

    @property
    def unfinished(self) -> bool:
        """Whether the stream, as fed so far, ends inside a record."""
        return bool(self._tail)

    @property
    def peers(self) -> list[tuple[str, int]]:
        """Address and AS of the peers that have appeared, in order."""
        for row in range(len(self._named), int(self._peers.control[COUNT])):
            high, low = int(self._peers.high[row]), int(self._peers.low[row])
            address: ipaddress.IPv4Address | ipaddress.IPv6Address
            if self._peers.family[row] == 4:
                address = ipaddress.IPv4Address(high >> 32)
            else:
                address = ipaddress.IPv6Address(high << 64 | low)
            self._named.append((str(address), int(self._peers.asn[row])))
        return self._named

    def counts(self) -> dict[str, int]:
        """What gave no row, or not the one it was meant to, by reason."""
        counts: Counter[str] = Counter()
        for at in np.flatnonzero(self._skipped).tolist():
            kind, subtype = divmod(at, records.SUBKINDS_SEEN)
            counts[_name(kind, subtype)] += int(self._skipped[at])
        for fault in np.flatnonzero(self._faults).tolist():
            counts[UPDATE_FAULTS[fault]] += int(self._faults[fault])
        for name, count in (
            ("a record is too short for its fields", self._state[records.SHORT]),
            ("BGP messages other than UPDATE", self._state[records.OTHER_BGP]),
            ("UPDATEs of other address families", self._row_state[OTHER_FAMILIES]),
            ("a malformed AS4_PATH was ignored", self._row_state[AS4_IGNORED]),
        ):
            if count:
                counts[name] += int(count)
        return dict(counts)

    def feed(self, chunk: bytes) -> list[Piece]:
        """Decode what is complete; keep the beginning of a record for the next piece.

        Raises:
            SourceError: the stream is not MRT, or damaged. If something came before that, it is
                returned, and the next call of this or of :meth:`finish` raises.
        """
        if self._failed is not None:
            raise self._failed
        pieces: list[Piece] = []
        try:
            self._feed(chunk, pieces)
        except SourceError as failure:
            self._failed = failure
            if not pieces:
                raise
        return pieces

    def _feed(self, chunk: bytes, pieces: list[Piece]) -> None:
        start = 0
        while self._tail and start < len(chunk):
            wanted = HEADER_BYTES
            if len(self._tail) >= HEADER_BYTES:
                wanted += int.from_bytes(self._tail[8:12], "big")
            more = chunk[start : start + wanted - len(self._tail)]
            self._tail += more
            start += len(more)
            if len(self._tail) == wanted:
                whole, self._tail = self._tail, bytearray()
                self._decode(whole, pieces)
        if start < len(chunk):
            self._decode(memoryview(chunk)[start:], pieces)

    def finish(self) -> None:
        """Say what is wrong with a stream that ends here, if anything.

        Raises:
            TruncatedSource: it ends inside a record.
            SourceError: it is a routing table or another thing without updates, or was damaged.
        """
        if self._failed is not None:
            raise self._failed
        if self._tail:
            if not self._begun:
                raise SourceError(self._source, "is too short to be an MRT file", cure=_EXPECTED)
            raise TruncatedSource(
                self._source,
                f"the file ends early, inside record {self.records + 1:,}",
                place=f"byte {self.offset + len(self._tail)} of its content",
                cure=_ALLOW,
            )
        if self.records and self.records == int(self._skipped.sum()):
            others = ", ".join(f"{count:,} {name}" for name, count in self.counts().items())
            raise SourceError(self._source, f"holds no update (but {others})", cure=_EXPECTED)

    def _decode(self, piece: bytes | bytearray | memoryview, pieces: list[Piece]) -> None:
        """Decode the complete records of a piece that begins with a record."""
        data = np.frombuffer(piece, "u1")
        if not self._begun and len(data) >= HEADER_BYTES:
            self._begin(data)
        state = self._state
        state[records.AT] = 0
        why = records.FULL
        while why == records.FULL:
            state[records.MESSAGES] = state[records.CHANGES] = 0
            why = records.index_records(
                data, state, self._skipped, self._time, *self._messages,
                self._change_time, self._change_at, self._change_peer, *self._change_states,
                *self._peers,
            )  # fmt: skip
            self._read_messages(data, pieces)
        at = int(state[records.AT])
        if state[records.PEERS_FULL]:
            raise self._damage(f"there are more than {LARGEST_PEER_TABLE:,} peers", at)
        if why == records.TOO_LONG:
            problem = f"the record claims to be longer than {LARGEST_RECORD_BYTES >> 20} MiB"
            raise self._damage(problem, at + 8)
        self.offset += at
        self._tail = bytearray(data[at:].tobytes())

    def _read_messages(self, data: U1, pieces: list[Piece]) -> None:
        """Decode the messages that were found, and cut their rows at the changes of state."""
        count, changes = int(self._state[records.MESSAGES]), int(self._state[records.CHANGES])
        row_state, done = self._row_state, 0
        row_state[ROWS] = 0
        while True:
            done = decode_updates(
                data, *self._messages, done, count, row_state, self._faults,
                self._outcome, self._rows_after, *self._rows,
            )  # fmt: skip
            if done == count:
                break
            self._rows = more_rows(self._rows)
        self.rows += int(row_state[ROWS])
        first = 0
        for change in range(changes):
            last = int(self._change_at[change])
            self._cut(first, last, pieces)
            old, new = (int(states[change]) for states in self._change_states)
            moment, peer = int(self._change_time[change]), int(self._change_peer[change])
            pieces.append(StateChange(peer, old, new, moment))
            first = last
        self._cut(first, count, pieces)

    def _cut(self, first: int, last: int, pieces: list[Piece]) -> None:
        """The rows of messages ``[first, last)``, if any, copied."""
        row = int(self._rows_after[first - 1]) if first else 0
        stop = int(self._rows_after[last - 1]) if last else 0
        if row < stop:
            pieces.append(
                UpdateRows(
                    rows=some_rows(self._rows, slice(row, stop)),
                    time=self._time[first:last].copy(),
                    rows_after=self._rows_after[first:last].astype("i8") - row,
                )
            )

    def _begin(self, data: U1) -> None:
        """Look at the first header: what is not MRT at all is told at once."""
        kind = int.from_bytes(data[4:6].tobytes(), "big")
        if kind not in _KNOWN_TYPES:
            raise SourceError(
                self._source,
                f"is not an MRT file: its first record would be of type {kind}",
                place="byte 4 of its content",
                cure=_EXPECTED,
            )
        self._begun = True
        self.built = int.from_bytes(data[:4].tobytes(), "big")

    def _damage(self, problem: str, at: int) -> SourceError:
        return SourceError(
            self._source,
            f"record {self.records + 1:,} is damaged: {problem}",
            place=f"byte {self.offset + at} of its content",
            cure=_AGAIN if self.records else _EXPECTED,
        )


def _name(kind: int, subtype: int) -> str:
    if kind in (records.BGP4MP, records.BGP4MP_ET):
        if subtype in _LOCAL:
            return "messages that the route collector itself sent"
        return "BGP4MP of another subtype"
    if kind == records.BGP:
        return "BGP (deprecated) of another subtype"
    return _NAMES.get(
        kind, f"MRT type {kind}" if kind < records.KINDS_SEEN - 1 else "other MRT types"
    )


__all__ = ["Piece", "StateChange", "UpdateDecoder", "UpdateRows"]
