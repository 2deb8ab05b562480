"""What the fuzz runner holds against the live decoders: UPDATEs, MRT updates, BMP, and a router.

What a malformed message may cost is documented (docs/operating.md, "What a malformed message
costs"), and here it is checked:

- of UPDATEs, against a second reading (:mod:`bench.fuzz_plain_update`): a message treated as
  withdrawals withdraws exactly the prefixes in it, a dropped one gives no row, none alters another;
- of MRT and BMP streams, that rows and events are the same however the bytes are cut, and that
  after whatever cost no session the next good message gives its row;
- of a router, that its next session is followed whatever the one before was, and that nothing of
  it is held once it stays away.

In the tallies an input counts as refused if a message in it, or the session, was.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from bench import fuzz_plain_update as plain
from bench.fuzz_invariants import Broken, check_rows
from bench.fuzz_live_seeds import (
    GOOD_ORIGIN,
    GOOD_PREFIX,
    NARROW,
    SEED_BYTES,
    good_record,
    good_session,
    good_update,
)
from collectors.bmp_router import BmpRouter, BmpSettings
from collectors.live import Channel, Message, PeersGone, PeersReturned, PeersReturning
from collectors.wire import update
from collectors.wire.bmp import BmpDecoder
from collectors.wire.bmp_events import EndOfRib, Event, Initiation, PeerDown, Routes, TableKind
from collectors.wire.bmp_frames import COMMON_HEADER_BYTES
from collectors.wire.mrt_updates import Piece, StateChange, UpdateDecoder, UpdateRows
from collectors.wire.update_columns import Messages, Rows, empty_rows, some_rows
from validator.model import Entry, RouteBatch, SourceError
from validator.tables.rib import Rib

SPEAKER = 64501
_ROOM = 1 << 17
_GOOD_NETWORK = ipaddress.ip_network(GOOD_PREFIX)
_GOOD_ROW = int(_GOOD_NETWORK.network_address) << 32, _GOOD_NETWORK.prefixlen, GOOD_ORIGIN
_EVERY_TABLE = frozenset(TableKind)
_RESTART_SECONDS = 10.0
_OUTCOMES = {
    update.DECODED: plain.DECODED,
    update.END_OF_RIB_IPV4: plain.END_IPV4,
    update.END_OF_RIB_IPV6: plain.END_IPV6,
    update.END_OF_RIB_OTHER: plain.END_OTHER,
    update.TREATED_AS_WITHDRAW: plain.WITHDRAWN_ALL,
    update.DROPPED: plain.DROPPED,
}


# ----------------------------------------------------------------------------------------- UPDATEs


def decode_updates(raw: bytes, folder: Path) -> None:
    """Decode UPDATEs, each behind its length and options, and a good one after them.

    Raises:
        Broken: the decoder and the plain reading differ.
        SourceError: some message was not taken as it is.
    """
    contents = [*_contents(raw), (0, good_update())]
    data = np.frombuffer(b"".join(content for _, content in contents), "u1")
    stops = np.cumsum([len(content) for _, content in contents]).astype("i8")
    option = np.array([options for options, _ in contents], "u1")
    count = len(contents)
    messages = Messages(
        start=stops - np.array([len(content) for _, content in contents]),
        stop=stops,
        width=np.where(option & NARROW, 2, 4).astype("u1"),
        add_path=option & np.uint8(3),
        peer=np.zeros(count, "u2"),
        speaker=np.full(count, SPEAKER, "u4"),
    )
    rows, state = empty_rows(_ROOM), np.zeros(update.STATE_SIZE, "i8")
    faults, outcome = np.zeros(update.FAULTS_SEEN, "i8"), np.empty(count, "u1")
    after = np.zeros(count, "u4")
    done = update.decode_updates(
        data, *messages, 0, count, state, faults, outcome, after, *rows,  # type: ignore[arg-type]  # a tuple of unlike columns
    )  # fmt: skip
    if done != count:
        raise Broken("there are more rows than bytes")
    rows = some_rows(rows, slice(int(state[update.ROWS])))
    check_rows(rows, 1)
    _compare(contents, [_OUTCOMES[what] for what in outcome.tolist()], after.tolist(), rows)
    last = int(after[-2]) if count > 1 else 0
    if _plain_rows(rows)[last:] != [_GOOD_ROW]:
        raise Broken("a good message after them gives another row")
    if refused := np.flatnonzero(faults).tolist():
        raise SourceError("fuzz", update.UPDATE_FAULTS[refused[0]])


def _contents(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 3 <= len(raw):
        end = at + 3 + int.from_bytes(raw[at : at + 2], "big")
        yield raw[at + 2], raw[at + 3 : end]
        at = end


def _compare(
    contents: list[tuple[int, bytes]], outcomes: list[str], after: list[int], rows: Rows
) -> None:
    family, high, low = rows.family.tolist(), rows.high.tolist(), rows.low.tolist()
    length, path_id = rows.length.tolist(), rows.path_id.tolist()
    gone = ((rows.flags & np.uint8(Entry.WITHDRAWN)) != 0).tolist()
    first = 0
    for number, (options, content) in enumerate(contents):
        wanted = plain.read(content, 2 if options & NARROW else 4, options & 3)
        found = [
            (
                family[i],
                high[i] >> 32 if family[i] == 4 else high[i] << 64 | low[i],
                length[i],
                path_id[i],
                gone[i],
            )
            for i in range(first, after[number])
        ]
        if (outcomes[number], found) != wanted:
            raise Broken(f"message {number} is {wanted} and was read as {outcomes[number], found}")
        first = after[number]


# ------------------------------------------------------------------------------------- MRT updates


def decode_mrt_updates(raw: bytes, folder: Path) -> None:
    """Decode a file whole and in pieces, and a good record after it.

    Raises:
        Broken: the answers differ, or an invariant does not hold.
        SourceError: it is damaged, ends early, or a record or message gave no row.
    """
    decoder, answers = UpdateDecoder("fuzz"), []
    for each, pieces in ((UpdateDecoder("fuzz"), _cut(raw)), (decoder, [raw])):
        found, error = _fed(each.feed, pieces)
        answers.append((_mrt_answer(found, each), each.counts(), error))
    _same(*answers)
    if error is not None or decoder.unfinished:
        decoder.finish()
        raise Broken("it is not said that the stream is damaged")
    refused = _refused(decoder)
    after = [each for each in decoder.feed(good_record()) if isinstance(each, UpdateRows)]
    if [row for each in after for row in _plain_rows(each.rows)] != [_GOOD_ROW]:
        raise Broken("a good record after it gives another row")
    if refused:
        raise SourceError("fuzz", refused[0])


def _mrt_answer(found: list[Piece], decoder: UpdateDecoder) -> list[object]:
    answer: list[object] = []
    for each in found:
        if isinstance(each, StateChange):
            if each.peer >= len(decoder.peers):
                raise Broken("a change of state names no peer")
            answer.append(each)
        else:
            time = np.repeat(each.time, np.diff(each.rows_after, prepend=0))
            _append(answer, (*each.rows, time))
    return _bytes_of(answer, len(decoder.peers))


# --------------------------------------------------------------------------------------------- BMP


def decode_bmp(raw: bytes, folder: Path) -> None:
    """Decode a session whole and in pieces, and a good peer after it.

    Raises:
        Broken: the answers differ, or an invariant does not hold.
        SourceError: the session was ended, or a message gave no row.
    """
    answers = []
    for pieces in (_cut(raw), [raw]):
        decoder = BmpDecoder("fuzz", _EVERY_TABLE, instances=len(raw) % 2 == 0)
        found, error = _fed(decoder.feed, pieces)
        if error is None and decoder.unfinished:  # with a head that may say no more than that
            _, error = _fed(decoder.feed, [bytes(COMMON_HEADER_BYTES - 1)])
            error = error or "ends inside a message"
        answers.append((*_bmp_answer(found, decoder), decoder.counts(), error))
    _same(*answers)
    if error is not None:
        raise SourceError("fuzz", error)
    refused = _refused(decoder)
    events = decoder.feed(good_session())
    rows = [row for each in events if isinstance(each, Routes) for row in _plain_rows(each.rows)]
    if rows != [_GOOD_ROW]:
        raise Broken("a good peer after it gives other rows")
    if refused:
        raise SourceError("fuzz", refused[0])


def _bmp_answer(found: list[Event], decoder: BmpDecoder) -> tuple[list[object], list[object]]:
    """Rows among the events that have a place among them; and all events but rows."""
    tables, answer, others = len(decoder.tables), list[object](), list[object]()
    for each in found:
        match each:
            case Routes():
                _append(answer, each.rows)
                continue
            case EndOfRib():
                if each.table >= tables or each.family not in (4, 6):
                    raise Broken("an end of RIB names no table")
            case PeerDown():
                if any(table >= tables for table in each.tables):
                    raise Broken("a peer down names no table")
                answer.append(each)
            case Initiation():
                if not all(text.isprintable() for text in (each.name, each.description)):
                    raise Broken("a name that cannot be shown")
                answer.append(each)
            case _:
                answer.append(each)
        others.append(each)
    return _bytes_of(answer, tables), others


# -------------------------------------------------------------------------------------- the router


def follow_router(raw: bytes, folder: Path) -> None:
    """Let a router send these bytes in two sessions, then be good in a third, then stay away.

    Raises:
        Broken: its good session is not followed, or something of it is held at the end.
        SourceError: one of its first sessions was ended by us.
    """
    asyncio.run(_follow(raw))


class _Pipeline:
    """A channel that applies what it gets to a RIB, as the pipeline does."""

    def __init__(self) -> None:
        self.rib = Rib()

    async def put(self, message: Message) -> None:
        match message:
            case RouteBatch():
                self.rib.apply(message)
            case PeersGone():
                for peer in message.peers:
                    self.rib.clear(peer)
            case PeersReturning():
                for peer in message.peers:
                    self.rib.expect(peer)
            case PeersReturned():
                for peer in message.peers:
                    self.rib.settle(peer)

    def offer(self, message: Message) -> bool:
        raise Broken("BMP waits")

    def report(self, state: str, detail: str = "") -> None:
        if not detail.isprintable():
            raise Broken("a state that cannot be shown")

    def routes(self) -> set[tuple[str, int]]:
        prefixes, origins, _ = self.rib.derive(self.rib.everything())
        return {(str(prefixes[i]), int(origins[i])) for i in range(len(origins))}


class _Connection:
    """What a router's session needs of the connection it answers on: nothing is ever answered."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.transport = self

    def get_extra_info(self, name: str) -> socket.socket:
        return self._connection

    def abort(self) -> None:
        pass


async def _follow(raw: bytes) -> None:
    now, told = 0.0, _Pipeline()
    settings = BmpSettings(
        take=tuple(TableKind), vrfs=len(raw) % 2 == 0, restart_time=_RESTART_SECONDS
    )
    router = BmpRouter("fuzz", "192.0.2.254", settings, lambda: now)
    refusals = []
    with socket.socket() as unconnected:
        for session in (raw, raw, good_session()):
            reader = asyncio.StreamReader()
            reader.feed_data(session)
            reader.feed_eof()
            writer = cast(asyncio.StreamWriter, _Connection(unconnected))
            await router.serve(reader, writer, cast(Channel, told), lambda channel: None)
            if not router.last_error.startswith("closed"):
                refusals.append(router.last_error)
    if (GOOD_PREFIX, GOOD_ORIGIN) not in told.routes() or router.connected:
        raise Broken("a good session after bad ones is not followed")
    now = 10 * _RESTART_SECONDS
    await router.give_up_waiting(cast(Channel, told))
    if told.routes() or router.status().tables:
        raise Broken(f"{router.status().tables} tables of a lost router are held")
    if refusals:
        raise SourceError("fuzz", refusals[0])


# ------------------------------------------------------------------------------------ for several


def _cut(raw: bytes) -> Iterator[bytes]:
    """The input in pieces whose size follows from it: now and then, small ones."""
    chosen, small = zlib.crc32(raw), len(raw) < 4 * SEED_BYTES
    step = 1 + (chosen >> 4) % (64 if small and chosen % 16 == 0 else max(len(raw), 1))
    return (raw[at : at + step] for at in range(0, len(raw), step))


def _fed(
    feed: Callable[[bytes], list[Any]], pieces: Iterable[bytes]
) -> tuple[list[Any], str | None]:
    """All that comes out, and the error that ends it, which must then be the answer for ever."""
    found: list[Any] = []
    try:
        for piece in pieces:
            found += feed(piece)
        feed(b"")
    except SourceError as failure:
        try:
            feed(good_record())
        except SourceError as again:
            if str(again) != str(failure):
                raise Broken(f"said {failure} and then {again}") from None
            return found, str(failure)
        raise Broken(f"goes on after {failure}") from None
    return found, None


def _refused(decoder: UpdateDecoder | BmpDecoder) -> list[str]:
    """What was not taken as it is, of all that was counted."""
    faults = {*update.UPDATE_FAULTS.values(), "a record is too short for its fields"}
    return [name for name in decoder.counts() if name in faults]


def _same(in_pieces: tuple[object, ...], whole: tuple[object, ...]) -> None:
    for one, other in zip(in_pieces, whole, strict=True):
        if one != other:
            raise Broken(f"in pieces {one!r} and whole {other!r}")


def _append(answer: list[object], columns: tuple[Any, ...]) -> None:
    """Put rows to those before them, if nothing came between."""
    if answer and isinstance(answer[-1], list):
        answer[-1].append(columns)
    else:
        answer.append([columns])


def _bytes_of(answer: list[object], peers: int) -> list[object]:
    """The answer with rows that compare; that they are well formed is checked here."""
    compared: list[object] = []
    for each in answer:
        if isinstance(each, list):
            columns = [np.concatenate(column) for column in zip(*each, strict=True)]
            check_rows(Rows(*columns[: len(Rows._fields)]), peers)
            each = [column.tobytes() for column in columns]
        compared.append(each)
    return compared


def _plain_rows(rows: Rows) -> list[tuple[int, int, int]]:
    """High word, length and origin of each row."""
    return list(zip(rows.high.tolist(), rows.length.tolist(), rows.origin.tolist(), strict=True))
