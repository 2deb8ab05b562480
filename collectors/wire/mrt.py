"""MRT routing tables, fed in pieces: what holds the loop of ``mrt_records`` together.

The columns double when they are full, one after the other, and are cut to size at the end. That
costs a file some 30 bytes an entry at its peak, for memory that is never written to is never
given, and no moment of copying after the last byte has come.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from collectors.wire import mrt_records as records
from collectors.wire.mrt_peers import COUNT, add_peers, no_peers
from collectors.wire.mrt_records import HEADER_BYTES, PREFIX_COLUMNS, Columns
from validator.model import I8, U1, U2, U4, Prefixes, SourceError, TruncatedSource

FIRST_ROWS = 1 << 12
"""Of each column at first."""

_AGAIN = "get the file again"
_ALLOW = "get the file again, or use what is readable with --allow-truncated"
_EXPECTED = "give a routing table in MRT form (RFC 6396), such as a RIS bview or a RouteViews rib"
_NAMES = {
    11: "OSPFv2",
    12: "TABLE_DUMP",
    13: "TABLE_DUMP_V2",
    16: "BGP4MP",
    17: "BGP4MP_ET",
    32: "ISIS",
    33: "ISIS_ET",
    48: "OSPFv3",
    49: "OSPFv3_ET",
}
_RIB_NAMES = {
    3: "RIB_IPV4_MULTICAST",
    5: "RIB_IPV6_MULTICAST",
    6: "RIB_GENERIC, not unicast",
    9: "RIB_IPV4_MULTICAST_ADDPATH",
    11: "RIB_IPV6_MULTICAST_ADDPATH",
    12: "RIB_GENERIC_ADDPATH, not unicast",
}
_DEPRECATED = range(11)
"""Types of RFC 6396 appendix B.1: an old file may begin with one."""
_VIEW_CHARACTERS = 64
_COLLECTORS_NOTED = 3
MOST_PEER_TABLES = 1000
"""A file has one, or as many as the RIBs put together in it. Each takes Python some 50 µs."""
_NO_COLUMNS = (np.empty(0, "u1"),) * len(Columns._fields)
_PEER_IPV6, _PEER_AS4 = 1, 2
_PEER_LAYOUTS = {
    0: struct.Struct("!5x4sH"),
    _PEER_IPV6: struct.Struct("!5x16sH"),
    _PEER_AS4: struct.Struct("!5x4sI"),
    _PEER_IPV6 | _PEER_AS4: struct.Struct("!5x16sI"),
}

A = TypeVar("A", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class RibColumns:
    """The columns of a :class:`validator.model.RouteBatch`; ``peers`` as (address, AS)."""

    prefixes: Prefixes
    prefix: U4
    peer: U2
    origin: I8
    neighbour: U4
    path_id: U4
    flags: U1
    peers: tuple[tuple[str, int], ...]


class RibDecoder:
    """Decodes one MRT stream.

    Attributes:
        offset: bytes of the (unpacked) stream in complete records.
        built: the timestamp of the first record, Unix seconds.
        collectors: BGP identifier and view name of each peer table, in order, repeats left out.
    """

    def __init__(self, source: str) -> None:
        self.offset = 0
        self.built = 0
        self.collectors: dict[tuple[str, str], None] = {}
        self._source = source
        self._begun = False
        self._tail = bytearray()
        self._columns = Columns(
            family=np.empty(FIRST_ROWS, "u1"),
            high=np.empty(FIRST_ROWS, "u8"),
            low=np.empty(FIRST_ROWS, "u8"),
            length=np.empty(FIRST_ROWS, "u1"),
            prefix=np.empty(FIRST_ROWS, "u4"),
            peer=np.empty(FIRST_ROWS, "u2"),
            origin=np.empty(FIRST_ROWS, "i8"),
            neighbour=np.empty(FIRST_ROWS, "u4"),
            path_id=np.empty(0, "u4"),
            flags=np.empty(FIRST_ROWS, "u1"),
        )
        self._state = np.zeros(records.STATE_SIZE, "i8")
        self._skipped = np.zeros(records.KINDS_SEEN * records.SUBKINDS_SEEN, "i8")
        self._table = np.empty(0, "u2")
        self._peers = no_peers()
        self._peer_tables = 0

    @property
    def records(self) -> int:
        """How many complete records there were."""
        return int(self._state[records.RECORDS])

    @property
    def entries(self) -> int:
        """How many entries were decoded."""
        return int(self._state[records.ENTRIES])

    @property
    def unfinished(self) -> bool:
        """Whether the stream, as fed so far, ends inside a record."""
        return bool(self._tail)

    @property
    def malformed_as4_paths(self) -> int:
        """AS4_PATH attributes that were ignored (RFC 6793 section 6)."""
        return int(self._state[records.IGNORED])

    def skipped(self) -> dict[str, int]:
        """The records stepped over, by a name for their kind."""
        counts: Counter[str] = Counter()
        for at in np.flatnonzero(self._skipped).tolist():
            kind, subtype = divmod(at, records.SUBKINDS_SEEN)
            counts[_name(kind, subtype)] += int(self._skipped[at])
        return dict(counts)

    def feed(self, chunk: bytes) -> None:
        """Decode what is complete; keep the beginning of a record for the next piece.

        Raises:
            SourceError: the stream is not MRT, or damaged.
        """
        start = 0
        while self._tail and start < len(chunk):
            wanted = HEADER_BYTES
            if len(self._tail) >= HEADER_BYTES:
                wanted += int.from_bytes(self._tail[8:12], "big")
            more = chunk[start : start + wanted - len(self._tail)]
            self._tail += more
            start += len(more)
            if len(self._tail) == wanted:
                # Also when only the header is complete: an absurd length must be met here, not
                # after so many bytes were collected.
                whole, self._tail = self._tail, bytearray()
                self._decode(whole)
        if start < len(chunk):
            self._decode(memoryview(chunk)[start:])

    def truncation(self) -> SourceError:
        """The error of a stream that ends here, inside a record."""
        if not self._begun:
            return SourceError(self._source, "is too short to be an MRT file", cure=_EXPECTED)
        return TruncatedSource(
            self._source,
            f"the file ends early, inside record {self.records + 1:,}",
            place=f"byte {self.offset + len(self._tail)} of its content",
            cure=_ALLOW,
        )

    def finish(self) -> RibColumns:
        """The columns of all that was decoded. The decoder is spent after this.

        Raises:
            SourceError: there was no entry at all.
        """
        if not self.entries:
            others = ", ".join(f"{count:,} {name}" for name, count in self.skipped().items())
            found = f" (but {others} records)" if others else ""
            raise SourceError(self._source, f"holds no RIB entry{found}", cure=_EXPECTED)
        entries, columns = self.entries, self._columns
        if not len(columns.path_id):
            columns = columns._replace(path_id=np.zeros(entries, "u4"))
        column: NDArray[np.generic]
        for row, column in enumerate(columns):
            rows = int(self._state[records.PREFIXES]) if row < PREFIX_COLUMNS else entries
            column.resize(rows, refcheck=False)  # nothing but the decoder has seen it
        return RibColumns(
            prefixes=Prefixes(*columns[:PREFIX_COLUMNS]),
            prefix=columns.prefix,
            peer=columns.peer,
            origin=columns.origin,
            neighbour=columns.neighbour,
            path_id=columns.path_id,
            flags=columns.flags,
            peers=tuple(self._peer(row) for row in range(int(self._peers.control[COUNT]))),
        )

    def _decode(self, piece: bytes | bytearray | memoryview) -> None:
        """Decode the complete records of a piece that begins with a record."""
        data = np.frombuffer(piece, "u1")
        if not self._begun and len(data) >= HEADER_BYTES:
            self._begin(data)
        state = self._state
        state[records.AT] = 0
        while True:
            why = records.decode_records(
                data, state, self._table, self._skipped, *self._columns, *self._peers
            )
            if why == records.MORE:
                break
            if why in (records.ENTRIES_FULL, records.PREFIXES_FULL, records.NO_PATH_IDS):
                self._make_room(why)
            elif why == records.PEER_TABLE:
                at = int(state[records.AT])
                stop = at + HEADER_BYTES + int.from_bytes(data[at + 8 : at + 12].tobytes(), "big")
                self._read_peer_table(data[at + HEADER_BYTES : stop].tobytes(), at + HEADER_BYTES)
                state[records.AT] = stop
                state[records.RECORDS] += 1
            else:
                problem = records.RECORD_FAULTS[int(state[records.FAULT])]
                if state[records.FAULT] == records.FAULT_PEER_INDEX and not len(self._table):
                    problem = "an entry refers to a peer table, but none came before it"
                raise self._damage(problem, int(state[records.FAULT_AT]))
        at = int(state[records.AT])
        self.offset += at
        self._tail = bytearray(data[at:].tobytes())

    def _begin(self, data: U1) -> None:
        """Look at the first header: what is not MRT at all is told at once."""
        kind = int.from_bytes(data[4:6].tobytes(), "big")
        if kind not in _NAMES and kind not in _DEPRECATED:
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

    def _make_room(self, why: int) -> None:
        """Double the columns that are full. One at a time: only one is held twice."""
        columns = list(self._columns)
        if why == records.NO_PATH_IDS:
            at = Columns._fields.index("path_id")
            columns[at] = np.zeros(len(self._columns.prefix), "u4")
        else:
            of_prefixes = why == records.PREFIXES_FULL
            used = int(self._state[records.PREFIXES if of_prefixes else records.ENTRIES])
            more = max(2 * used, used + records.LARGEST_ENTRY_COUNT)
            chosen = range(PREFIX_COLUMNS) if of_prefixes else range(PREFIX_COLUMNS, len(columns))
            self._columns = Columns(*_NO_COLUMNS)
            for at in chosen:
                if len(columns[at]):
                    columns[at] = _longer(columns[at], used, more)
        self._columns = Columns(*columns)

    def _read_peer_table(self, body: bytes, at: int) -> None:
        """PEER_INDEX_TABLE (RFC 6396 section 4.3.1). ``at`` is where the body lies in the piece."""
        self._peer_tables += 1
        if self._peer_tables > MOST_PEER_TABLES:
            raise self._damage(f"there are more than {MOST_PEER_TABLES:,} peer tables", at)
        try:
            peers = self._parse_peer_table(body)
        except (struct.error, ValueError) as failure:
            raise self._damage(f"its peer table does not add up ({failure})", at) from None
        family, high, low, asn = peers
        table = np.empty(len(family), "u2")
        added = add_peers(
            np.array(family, "u1"),
            np.array(high, "u8"),
            np.array(low, "u8"),
            np.array(asn, "u4"),
            *self._peers,
            table,
        )
        if not added:
            raise self._damage(records.RECORD_FAULTS[records.FAULT_PEERS], at)
        self._table = table

    def _parse_peer_table(self, body: bytes) -> tuple[list[int], list[int], list[int], list[int]]:
        collector, view_bytes = struct.unpack_from("!4sH", body)
        at = 6 + view_bytes
        (count,) = struct.unpack_from("!H", body, at)
        at += 2
        family, high, low, asn = [], [], [], []
        for _ in range(count):
            kind = body[at] if at < len(body) else 0
            layout = _PEER_LAYOUTS[kind & (_PEER_IPV6 | _PEER_AS4)]
            address, number = layout.unpack_from(body, at)
            at += layout.size
            family.append(6 if kind & _PEER_IPV6 else 4)
            value = int.from_bytes(address.ljust(16, b"\0"), "big")
            high.append(value >> 64)
            low.append(value & 0xFFFF_FFFF_FFFF_FFFF)
            asn.append(number)
        if at != len(body):
            raise ValueError(f"{len(body) - at} bytes are left over")
        view = body[6 : 6 + min(view_bytes, _VIEW_CHARACTERS)].rstrip(b"\0")
        printable = "".join(chr(sign) if 32 <= sign < 127 else "?" for sign in view)
        if len(self.collectors) < _COLLECTORS_NOTED:
            self.collectors[str(ipaddress.IPv4Address(collector)), printable] = None
        return family, high, low, asn

    def _peer(self, row: int) -> tuple[str, int]:
        high, low = int(self._peers.high[row]), int(self._peers.low[row])
        if self._peers.family[row] == 4:
            return str(ipaddress.IPv4Address(high >> 32)), int(self._peers.asn[row])
        return str(ipaddress.IPv6Address(high << 64 | low)), int(self._peers.asn[row])


def _longer(column: NDArray[A], used: int, rows: int) -> NDArray[A]:
    longer = np.empty(rows, column.dtype)
    longer[:used] = column[:used]
    return longer


def _name(kind: int, subtype: int) -> str:
    if kind == records.TABLE_DUMP_V2:
        return _RIB_NAMES.get(subtype, "TABLE_DUMP_V2 of an unknown subtype")
    if kind == records.TABLE_DUMP:
        return "TABLE_DUMP of an unknown subtype"
    return _NAMES.get(
        kind, f"MRT type {kind}" if kind < records.KINDS_SEEN - 1 else "other MRT types"
    )
