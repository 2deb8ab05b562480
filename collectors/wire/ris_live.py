"""What RIS Live sends, decoded: JSON messages in, columns and events out. No I/O.

RIS Live (https://ris-live.ripe.net/manual/) is a WebSocket on which RIPE RIS repeats, as JSON, the
BGP messages that its route collectors exchange with their peers. Of its messages we use:

- ``ris_message`` of type UPDATE: ``withdrawals`` and ``announcements`` with one ``path``. All
  withdrawals of a message come before its announcements, so that a prefix in both ends announced
  (RFC 4271 section 4.3). The origin is that of ``path`` (``origin`` is the BGP attribute ORIGIN),
  found as :mod:`collectors.wire.bgp` does: the last AS; none if the path ends in a nested array,
  which is an AS_SET; the peer's own AS if the path is empty or not there.
- ``ris_message`` of type RIS_PEER_STATE (now also called STATE): whichever state a session enters,
  ``down``, ``connected`` or ``up``, what its peer has announced before is void.
- ``ris_error``, ``ris_subscribe_ok``: an answer of the server.

Others (KEEPALIVE, OPEN, NOTIFICATION, ``pong``, ``ris_rrc_list``) only show that it is alive.

Every message is hostile. One that is not JSON, is not as documented, or holds a number, an address
or a prefix that cannot be, is refused as a whole and counted by reason; it alters nothing else.
The JSON has no path identifiers (RFC 7911) and does not mark segments of confederations.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import msgspec
import numpy as np

from collectors.wire import text
from collectors.wire.bgp import AS_TRANS
from collectors.wire.ris_wanted import Wanted, vantage_of
from collectors.wire.update_columns import Rows, some_rows
from validator.model import (
    I8,
    LARGEST_ASN,
    NO_NEIGHBOUR,
    NO_ORIGIN,
    Entry,
    Peer,
    Prefixes,
    parse_asn,
)

MOST_PEERS = 8192
"""Peers of one connection; RIS has some 1,500 at all of its vantage points together."""
LATEST_TIME = 1 << 36
"""Seconds since 1970 that a timestamp may say: an error in a unit is not believed."""

NOT_JSON = "not JSON"
NOT_AS_DOCUMENTED = "not as documented"
BAD_PEER = "peer is not an address with an AS number"
TOO_MANY_PEERS = f"more than {MOST_PEERS:,} peers"
UNKNOWN_STATE = "peer state of no known name"
OTHER_TYPES = "other types"
OTHER_HOST = "of a vantage point or peer not asked for"
_WITHDRAWN, _SET = int(Entry.WITHDRAWN), int(Entry.AS_SET)
_OWN, _UNKNOWN = int(Entry.OWN), int(Entry.UNKNOWN)
_STATES = ("down", "connected", "up")
_LONGEST_ERROR = 200

_Asn = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_ASN)]
_Path: TypeAlias = list[_Asn | list[_Asn]]
_Time = Annotated[float, msgspec.Meta(ge=0, le=LATEST_TIME)]


class _Announcement(msgspec.Struct, gc=False):
    prefixes: list[str]


class _Data(msgspec.Struct, gc=False):
    """Of all fields of all types of ``ris_message``, those that we read."""

    timestamp: _Time
    peer: str
    peer_asn: str | int
    host: str
    type: str = ""
    path: _Path | None = None
    announcements: list[_Announcement] | None = None
    withdrawals: list[str] | None = None
    state: str = ""


class _Message(msgspec.Struct, gc=False, tag_field="type", tag="ris_message"):
    data: _Data


class _ErrorData(msgspec.Struct):
    message: str = ""


class _Error(msgspec.Struct, tag_field="type", tag="ris_error"):
    data: _ErrorData


class _Accepted(msgspec.Struct, tag_field="type", tag="ris_subscribe_ok"):
    pass


class _Pong(msgspec.Struct, tag_field="type", tag="pong"):
    pass


class _Hosts(msgspec.Struct, tag_field="type", tag="ris_rrc_list"):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class RisRows:
    """Updates in order; ``rows.peer`` are rows of the decoder's peers. ``time`` i8, of each row:
    microseconds since 1970."""

    rows: Rows
    time: I8

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A peer's session has ended or begun: what it announced before is void. Time as in rows."""

    peer: int
    time: int


@dataclass(frozen=True, slots=True)
class ServerError:
    """What the server has to say (``ris_error``), as one line of bounded length."""

    text: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server has taken a subscription (``ris_subscribe_ok``)."""


Event = RisRows | SessionChanged | ServerError | Accepted


class RisDecoder:
    """Decodes the messages of a connection, in order. Not safe for use from two threads at once."""

    def __init__(self, wanted: Wanted) -> None:
        self.peers: list[Peer] = []
        self.refused: dict[str, int] = {}
        """Messages refused, by reason: routes may be missing or wrong since."""
        self.ignored: dict[str, int] = {}
        """Messages passed over that say nothing of routes asked for."""
        self.messages = 0
        self.refused_messages = self.wanted_messages = 0
        self.bad_in_a_row = 0
        """Messages that were no JSON, since the last that was."""
        self.worst_in_a_row = 0
        """The most of that there has been."""
        self.latest: dict[str, float] = {}
        """The newest timestamp of each vantage point, Unix seconds."""
        self.heard: dict[str, int] = {}
        """Messages of each vantage point."""
        self._wanted = wanted
        self._decode = msgspec.json.Decoder(_Message | _Error | _Accepted | _Pong | _Hosts).decode
        self._known: dict[tuple[str, str, str | int], int] = {}
        self._rows = dict[Peer, int]()

    def feed(self, messages: Iterable[str | bytes]) -> list[Event]:
        """What the messages say, in order."""
        events: list[Event] = []
        gathered = _Gathered()
        for raw in messages:
            self.messages += 1
            try:
                message = self._decode(raw)
            except msgspec.ValidationError as failure:
                self.bad_in_a_row = 0
                if str(failure).endswith("at `$.type`"):
                    _count(self.ignored, OTHER_TYPES)
                else:
                    self._refuse(_what_is_not_as_documented(failure))
                continue
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                self.bad_in_a_row += 1
                self.worst_in_a_row = max(self.worst_in_a_row, self.bad_in_a_row)
                self._refuse(NOT_JSON)
                continue
            self.bad_in_a_row = 0
            if type(message) is _Message:
                data = message.data
                peer = self._peer(data)
                if peer < 0:
                    continue
                if data.type == "UPDATE":
                    gathered.add(data, peer, self.peers[peer].asn)
                elif data.type in ("RIS_PEER_STATE", "STATE"):
                    if data.state not in _STATES:
                        self._refuse(UNKNOWN_STATE)
                        continue
                    self._finish(gathered, events)
                    gathered = _Gathered()
                    events.append(SessionChanged(peer, int(data.timestamp * 1e6)))
                else:
                    _count(self.ignored, data.type if data.type in _SILENT else OTHER_TYPES)
            elif type(message) is _Error:
                events.append(ServerError(_one_line(message.data.message)))
            elif type(message) is _Accepted:
                events.append(Accepted())
        self._finish(gathered, events)
        return events

    def _peer(self, data: _Data) -> int:
        """The row of the peer that a message is of; -1 if it is not wanted or cannot be."""
        key = data.host, data.peer, data.peer_asn
        row = self._known.get(key, -1)
        if row < 0:
            row = self._new_peer(data)
            if row < 0:
                return row
            if len(self._known) >= 4 * MOST_PEERS:
                self._known.clear()
            self._known[key] = row
        vantage = self.peers[row].vantage
        self.wanted_messages += 1
        self.heard[vantage] = self.heard.get(vantage, 0) + 1
        if data.timestamp > self.latest.get(vantage, 0.0):
            self.latest[vantage] = data.timestamp
        return row

    def _new_peer(self, data: _Data) -> int:
        try:
            if "%" in data.peer:
                raise ValueError("an address of one link only")
            address = str(ipaddress.ip_address(data.peer))
            peer = Peer(vantage_of(data.host), address, parse_asn(str(data.peer_asn)))
        except ValueError:
            self._refuse(BAD_PEER)
            return -1
        if not self._wanted.peer_wanted(peer):
            _count(self.ignored, OTHER_HOST)
            return -1
        if peer not in self._rows:
            if len(self.peers) >= MOST_PEERS:
                self._refuse(TOO_MANY_PEERS)
                return -1
            self._rows[peer] = len(self.peers)
            self.peers.append(peer)
        return self._rows[peer]

    def _refuse(self, reason: str, count: int = 1) -> None:
        self.refused_messages += count
        _count(self.refused, reason, count)

    def _finish(self, gathered: _Gathered, events: list[Event]) -> None:
        rows, bad = gathered.rows()
        for reason, count in bad.items():
            self._refuse(reason, count)
        if self._wanted.prefix is not None:
            prefixes = Prefixes(rows.rows.family, rows.rows.high, rows.rows.low, rows.rows.length)
            chosen = self._wanted.prefixes_wanted(prefixes)
            rows = RisRows(some_rows(rows.rows, chosen), rows.time[chosen])
        if len(rows):
            events.append(rows)


_SILENT = ("KEEPALIVE", "OPEN", "NOTIFICATION")


class _Gathered:
    """Messages of updates on their way to columns: texts of prefixes, and what they share.

    A *section* is the withdrawals of a message, or its announcements.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._sections: list[tuple[int, int, int, int, int, int, int]] = []
        self._messages = 0

    def add(self, data: _Data, peer: int, speaker: int) -> None:
        number, time = self._messages, int(data.timestamp * 1e6)
        self._messages = number + 1
        if data.withdrawals:
            self._texts += data.withdrawals
            self._sections.append(
                (len(data.withdrawals), peer, NO_ORIGIN, NO_NEIGHBOUR, _WITHDRAWN, number, time)
            )
        if data.announcements:
            count = 0
            for announcement in data.announcements:
                self._texts += announcement.prefixes
                count += len(announcement.prefixes)
            if count:
                origin, neighbour, flags = origin_of(data.path or (), speaker)
                self._sections.append((count, peer, origin, neighbour, flags, number, time))

    def rows(self) -> tuple[RisRows, dict[str, int]]:
        """The rows of all messages whose prefixes are all sound, and how many are not, by reason.

        A message with several faults counts under the first.
        """
        columns = np.array(self._sections, "i8").reshape(-1, 7).T
        count, peer, origin, neighbour, flags, number, time = columns
        prefixes, fault = text.parse_prefixes(*text.joined(self._texts))
        message = np.repeat(number, count)
        rows = Rows(
            family=prefixes.family,
            high=prefixes.high,
            low=prefixes.low,
            length=prefixes.length,
            peer=np.repeat(peer, count).astype("u2"),
            origin=np.repeat(origin, count),
            neighbour=np.repeat(neighbour, count).astype("u4"),
            path_id=np.zeros(len(message), "u4"),
            flags=np.repeat(flags, count).astype("u1"),
        )
        times = np.repeat(time, count)
        faulty = np.flatnonzero(fault != text.SOUND)
        if not len(faulty):
            return RisRows(rows, times), {}
        bad, first = np.unique(message[faulty], return_index=True)
        reasons = text.count_faults(fault[faulty[first]])
        sound = ~np.isin(message, bad)
        return RisRows(some_rows(rows, sound), times[sound]), reasons


def origin_of(path: Sequence[int | list[int]], speaker: int) -> tuple[int, int, int]:
    """Origin, neighbour and flags of a path whose nested lists are AS_SETs (RFC 6811 section 2)."""
    if not path:
        if speaker in (0, AS_TRANS):
            return NO_ORIGIN, NO_NEIGHBOUR, _UNKNOWN
        return speaker, NO_NEIGHBOUR, _OWN
    origin = path[-1]
    if isinstance(origin, list):
        return NO_ORIGIN, NO_NEIGHBOUR, _SET
    for asn in reversed(path):
        if asn != origin:
            return origin, NO_NEIGHBOUR if isinstance(asn, list) else asn, 0
    return origin, NO_NEIGHBOUR, 0


def joined_rows(parts: Collection[RisRows]) -> RisRows:
    """Several as one, in order."""
    if len(parts) == 1:
        return next(iter(parts))
    columns = zip(*(part.rows for part in parts), strict=True)
    rows = Rows(*(np.concatenate(column) for column in columns))
    return RisRows(rows, np.concatenate([part.time for part in parts]))


def _what_is_not_as_documented(failure: msgspec.ValidationError) -> str:
    """The field that is wrong, if it is one of ours: reasons must stay few."""
    field = str(failure).rpartition("$.data.")[2].partition("`")[0].partition("[")[0]
    field = field.partition(".")[0]
    return f"{NOT_AS_DOCUMENTED}: {field}" if field in _FIELDS else NOT_AS_DOCUMENTED


_FIELDS = frozenset(_Data.__struct_fields__)


def _count(counts: dict[str, int], reason: str, more: int = 1) -> None:
    counts[reason] = counts.get(reason, 0) + more


def _one_line(message: str) -> str:
    line = " ".join(message.split())
    return "".join(letter for letter in line if letter.isprintable())[:_LONGEST_ERROR]
