"""The RIB: what each peer announces now. Mutable, and private to the pipeline.

Each prefix gets a number when it is first seen, and each (origin, neighbour) pair too; numbers are
never taken back, so nothing shifts. A peer's announcement is one cell: ``cells[number * width +
peer]`` holds the pair. Cells of one prefix lie side by side, because the question asked again and
again is "who sees this prefix, with which origins?" (docs/decisions/0001). What has a path
identifier (ADD-PATH, RFC 7911) or is a second origin in a route list hangs in a list of its own.

An update is a write that marks its prefix as touched. :meth:`Rib.take_touched` tells the pipeline
which prefixes to derive again; :meth:`Rib.derive` gives their routes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validator.kernels import core as kernels
from validator.kernels import rib, visibility
from validator.model import (
    I8,
    NO_NEIGHBOUR,
    U1,
    U2,
    U4,
    U8,
    Family,
    Peer,
    Prefixes,
    RouteBatch,
)

_MOST_PATHS = 256
"""Paths of one peer for one prefix that are kept; a peer that sends more is counted, not obeyed."""

FULL_FEED_SHARE = 0.75
"""Of the largest peer's prefixes in a family: what a full-feed peer carries (definitions)."""


@dataclass(frozen=True, slots=True)
class PeerSize:
    """A peer, how many prefixes it announces by family, and whether that is a full feed."""

    peer: Peer
    ipv4: int
    ipv6: int
    full_ipv4: bool
    full_ipv6: bool


class Rib:
    """See the module. Not safe for use from two threads at once: the pipeline owns it."""

    def __init__(self) -> None:
        self._seed = int.from_bytes(os.urandom(7), "little")
        self._count = 0
        self._known = Prefixes.empty()
        self._slots = _empty_slots(16)
        self._pair_count = 1  # pair 0 is "announces nothing"
        self._pair_origin: I8 = np.zeros(1, "i8")
        self._pair_neighbour: U4 = np.zeros(1, "u4")
        self._pair_slots = _empty_slots(16)
        self._peers: dict[Peer, int] = {}
        self._width = 0
        self._cells: U4 = np.zeros(0, "u4")
        self._head: U4 = np.zeros(0, "u4")
        self._extra_peer: U4 = np.zeros(0, "u4")
        self._extra_path: U4 = np.zeros(0, "u4")
        self._extra_pair: U4 = np.zeros(0, "u4")
        self._extra_next: U4 = np.zeros(0, "u4")
        self._extra_stale: U1 = np.zeros(0, "u1")  # of a peer that returns: not announced again
        self._free = rib.NOTHING
        self._touched = np.zeros(0, "u1")
        self._touched_list: U4 = np.zeros(0, "u4")
        self._touched_count = 0
        self._returning: dict[Peer, U1] = {}  # which cells each has written again, by number
        self.refused = 0
        """Paths not kept because their peer has too many for one prefix."""

    def __len__(self) -> int:
        """How many prefixes have ever been seen."""
        return self._count

    @property
    def peers(self) -> tuple[Peer, ...]:
        return tuple(self._peers)

    @property
    def bytes(self) -> int:
        """Memory held in columns."""
        columns: list[NDArray[Any]] = [
            value for value in vars(self).values() if isinstance(value, np.ndarray)
        ]
        known = self._known
        columns += [known.family, known.high, known.low, known.length, *self._returning.values()]
        return sum(column.nbytes for column in columns)

    # ------------------------------------------------------------------------------ what comes in

    def apply(self, batch: RouteBatch) -> None:
        """Write a batch's entries, in order: a later one of the same peer and prefix replaces."""
        numbers = self._number_prefixes(batch.prefixes)
        pairs = self._number_pairs(batch)
        peers = self._number_peers(batch.peers)
        self._mark_returning(batch, numbers)
        entry, stop = 0, len(batch)
        while entry < stop:
            entry, self._touched_count, self._free, refused = rib.apply_entries(
                numbers, batch.prefix, batch.peer, batch.path_id, pairs, peers, entry, stop,
                self._cells, self._width, self._touched, self._touched_list, self._touched_count,
                self._head, self._extra_peer, self._extra_path, self._extra_pair, self._extra_next,
                self._extra_stale, self._free, _MOST_PATHS,
            )  # fmt: skip
            self.refused += refused
            if entry < stop:
                self._grow_extras()

    def clear(self, peer: Peer) -> None:
        """Withdraw all that a peer announces: its session has ended."""
        self._returning.pop(peer, None)
        self._withdraw(peer, np.zeros(0, "u1"), stale_only=False)

    def expect(self, peer: Peer) -> None:
        """A peer starts over: what it announced stays until :meth:`settle`."""
        self._returning[peer] = np.zeros(self._count, "u1")
        if peer in self._peers:
            # Free nodes may be marked too: taken into use, a node is not stale.
            self._extra_stale[self._extra_peer == self._peers[peer]] = 1

    def settle(self, peer: Peer) -> None:
        """Withdraw what a peer has not announced again since :meth:`expect`, by prefix and path."""
        again = self._returning.pop(peer, None)
        if again is not None:
            self._withdraw(peer, again, stale_only=True)

    def _withdraw(self, peer: Peer, keep: U1, *, stale_only: bool) -> None:
        if peer in self._peers:
            self._touched_count, self._free = rib.clear_peer(
                self._cells, self._width, self._count, self._peers[peer], keep, stale_only,
                self._touched, self._touched_list, self._touched_count,
                self._head, self._extra_peer, self._extra_next, self._extra_stale, self._free,
            )  # fmt: skip

    # ------------------------------------------------------------------------------ what goes out

    def prefixes(self, numbers: U4) -> Prefixes:
        return self._known.take(numbers)

    def in_order(self, numbers: U4) -> U4:
        """Numbers in the order of the tables."""
        known = self._known.take(numbers)
        tie = np.zeros(len(numbers), "i8")
        order = kernels.table_order(known.family, known.high, known.low, known.length, tie)
        return numbers[order]

    def everything(self) -> U4:
        """All numbers, in the order of the tables."""
        return self.in_order(np.arange(self._count, dtype="u4"))

    def take_touched(self) -> U4:
        """The prefixes that changed since the last call, in the order of the tables."""
        numbers = self._touched_list[: self._touched_count].copy()
        self._touched[numbers] = 0
        self._touched_count = 0
        return self.in_order(numbers)

    def derive(self, numbers: U4) -> tuple[Prefixes, I8, U2]:
        """The routes of these prefixes: prefix, origin (ascending for one prefix), peers (u2)."""
        room = len(numbers) + (len(numbers) >> 3) + 1024
        parts: list[tuple[U4, I8, U2]] = []
        start = 0
        while start < len(numbers):
            number, origin, peers = np.empty(room, "u4"), np.empty(room, "i8"), np.empty(room, "u2")
            start, count = rib.derive_routes(
                numbers, start, self._cells, self._width, self._pair_origin,
                self._head, self._extra_peer, self._extra_pair, self._extra_next,
                number, origin, peers,
            )  # fmt: skip
            parts.append((number[:count], origin[:count], peers[:count]))
            room = max(room, 2 * (len(self._peers) + self._most_extras()))
        if not parts:
            return Prefixes.empty(), np.empty(0, "i8"), np.empty(0, "u2")
        number, origin, peers = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return self._known.take(number), origin, peers

    def adjacencies(self) -> tuple[I8, U4]:
        """The (origin, neighbour) pairs that some path shows now, sorted."""
        used = np.zeros(len(self._pair_origin), "u1")
        rib.mark_pairs(
            self._cells, self._width, self._count, self._head,
            self._extra_pair, self._extra_next, used,
        )  # fmt: skip
        used[0] = 0
        at = np.flatnonzero(used)
        at = at[self._pair_neighbour[at] != NO_NEIGHBOUR]
        origin, neighbour = self._pair_origin[at], self._pair_neighbour[at]
        order = np.lexsort((neighbour, origin))
        return origin[order], neighbour[order]

    def peer_sizes(self) -> tuple[PeerSize, ...]:
        """Every peer's size, and who is a full-feed peer (docs/definitions.md)."""
        ipv4, ipv6 = np.zeros(self._width, "u4"), np.zeros(self._width, "u4")
        rib.count_by_peer(
            self._count, self._cells, self._width, self._known.family,
            self._head, self._extra_peer, self._extra_next, ipv4, ipv6,
        )  # fmt: skip
        full4 = (ipv4 > 0) & (ipv4 >= FULL_FEED_SHARE * ipv4.max(initial=0))
        full6 = (ipv6 > 0) & (ipv6 >= FULL_FEED_SHARE * ipv6.max(initial=0))
        return tuple(
            PeerSize(peer, int(ipv4[i]), int(ipv6[i]), bool(full4[i]), bool(full6[i]))
            for peer, i in self._peers.items()
        )

    def sight(
        self,
        family: Family,
        high: U8,
        low: U8,
        length: U1,
        origin: I8,
        kind: U1,
        start: int,
        stop: int,
        full: U1,
        seen: U2,
    ) -> U8:
        """Write into ``seen`` (u2) how many of the ``full`` peers (u1, in the order of
        :meth:`peer_sizes`) announce each of the routes ``[start, stop)`` of a table, of one family:
        65,535 where no peer at all does. Returns u8 ``(4, peers)``: how many of them each full peer
        announces, by ``kind`` (u1, 0 to 3).
        """
        by_peer = np.zeros(self._width * visibility.KINDS, "u8")
        known = self._known
        visibility.sight_routes(
            family, high, low, length, origin, kind, start, stop,
            self._slots, known.family, known.high, known.low, known.length, self._seed,
            self._cells, self._width, self._pair_origin,
            self._head, self._extra_peer, self._extra_pair, self._extra_next,
            full, seen, by_peer,
        )  # fmt: skip
        return by_peer.reshape(visibility.KINDS, self._width)

    def _mark_returning(self, batch: RouteBatch, numbers: U4) -> None:
        for index, peer in enumerate(batch.peers):
            again = self._returning.get(peer)
            if again is not None:
                if len(again) < self._count:
                    again = self._returning[peer] = _grown(again, self._count + 4096)
                cells = (batch.peer == index) & (batch.path_id == 0)
                again[numbers[batch.prefix[cells]]] = 1

    # ------------------------------------------------------------------------------------- growth

    def _number_prefixes(self, prefixes: Prefixes) -> U4:
        numbers = np.empty(len(prefixes), "u4")
        row = 0
        while row < len(prefixes):
            known = self._known
            row, self._count = rib.number_prefixes(
                prefixes.family, prefixes.high, prefixes.low, prefixes.length, row,
                self._slots, known.family, known.high, known.low, known.length,
                self._count, self._seed, numbers,
            )  # fmt: skip
            if row < len(prefixes):
                self._grow_prefixes(len(prefixes) - row)
        return numbers

    def _grow_prefixes(self, wanted: int) -> None:
        room = self._count + max(min(wanted, 1 << 16), self._count >> 2, 1024)
        known = self._known
        self._known = Prefixes(
            _grown(known.family, room),
            _grown(known.high, room),
            _grown(known.low, room),
            _grown(known.length, room),
        )
        self._cells = _grown(self._cells, room * self._width)
        self._head = _grown(self._head, room, rib.NOTHING)
        self._touched = _grown(self._touched, room)
        self._touched_list = _grown(self._touched_list, room)
        if len(self._slots) < 2 * room:
            self._slots = _empty_slots(2 * room)
            known = self._known
            rib.rehash_prefixes(
                known.family, known.high, known.low, known.length,
                self._count, self._slots, self._seed,
            )  # fmt: skip

    def _number_pairs(self, batch: RouteBatch) -> U4:
        numbers = np.empty(len(batch), "u4")
        row = 0
        while row < len(batch):
            row, self._pair_count = rib.number_pairs(
                batch.origin, batch.neighbour, batch.flags, row, self._pair_slots,
                self._pair_origin, self._pair_neighbour, self._pair_count, self._seed, numbers,
            )  # fmt: skip
            if row < len(batch):
                room = self._pair_count + max(self._pair_count >> 1, 1024)
                self._pair_origin = _grown(self._pair_origin, room)
                self._pair_neighbour = _grown(self._pair_neighbour, room)
                self._pair_slots = _empty_slots(2 * room)
                rib.rehash_pairs(
                    self._pair_origin, self._pair_neighbour,
                    self._pair_count, self._pair_slots, self._seed,
                )  # fmt: skip
        return numbers

    def _number_peers(self, peers: Sequence[Peer]) -> U4:
        numbers = [self._peers.setdefault(peer, len(self._peers)) for peer in peers]
        width = len(self._peers)
        if width > self._width:
            cells = np.zeros((len(self._head), width), "u4")
            cells[:, : self._width] = self._cells.reshape(len(self._head), self._width)
            self._cells, self._width = cells.reshape(-1), width
        return np.array(numbers, "u4")

    def _grow_extras(self) -> None:
        held = len(self._extra_next)
        room = held + max(held >> 1, 4096)
        self._extra_peer = _grown(self._extra_peer, room)
        self._extra_path = _grown(self._extra_path, room)
        self._extra_pair = _grown(self._extra_pair, room)
        self._extra_next = _grown(self._extra_next, room)
        self._extra_stale = _grown(self._extra_stale, room)
        self._extra_next[held:] = np.arange(held + 1, room + 1, dtype="u4")
        self._extra_next[-1] = self._free
        self._free = held

    def _most_extras(self) -> int:
        return len(self._peers) * _MOST_PATHS


def _grown(column: NDArray[Any], room: int, fill: int = 0) -> NDArray[Any]:
    larger = np.full(room, fill, column.dtype)
    larger[: len(column)] = column
    return larger


def _empty_slots(least: int) -> U4:
    return np.full(1 << max(4, (least - 1).bit_length()), rib.NOTHING, "u4")
