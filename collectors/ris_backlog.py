"""What was heard and has not been handed on yet, in order; and what of it is wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from collectors.live import Message, PeersGone, PeersReturned, PeersReturning, VrpTransaction
from collectors.update_batch import update_batch
from collectors.wire.ris_live import RisRows, SessionChanged, joined_rows
from collectors.wire.ris_wanted import Wanted
from collectors.wire.update_columns import some_rows
from validator.model import Peer, RouteBatch

LARGEST_BATCH = 1 << 16
"""Rows in one message for the pipeline, but for one large piece."""
_PIECE = 32
"""What a piece weighs beside its rows, in rows: many small ones take memory too."""


class Backlog:
    """A queue of pieces whose ``size`` can be watched: rows, and a little for each piece."""

    def __init__(self, source: str, kind: str, peers: Sequence[Peer]) -> None:
        """``peers``: the decoder's, which grow."""
        self.size = 0
        self._source, self._kind, self._peers = source, kind, peers
        self._pieces: deque[RisRows | SessionChanged] = deque()
        self._taken = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, piece: RisRows | SessionChanged) -> None:
        self._pieces.append(piece)
        self.size += _weight(piece)

    def first(self) -> Message:
        """The first pieces as one message: all updates up to the next change of a session."""
        piece = self._pieces[0]
        self._taken = 1
        if isinstance(piece, SessionChanged):
            return PeersGone((self._peers[piece.peer],))
        parts, rows = [piece], len(piece)
        while self._taken < len(self._pieces):
            piece = self._pieces[self._taken]
            if isinstance(piece, SessionChanged) or rows + len(piece) > LARGEST_BATCH:
                break
            parts.append(piece)
            rows += len(piece)
            self._taken += 1
        whole = joined_rows(parts)
        built = int(whole.time.max()) // 1_000_000
        return update_batch(self._source, self._kind, whole.rows, self._peers, built)

    def drop_first(self) -> int:
        """Forget the pieces that the last :meth:`first` was made of; how many rows they had."""
        rows = 0
        for _ in range(self._taken):
            piece = self._pieces.popleft()
            self.size -= _weight(piece)
            rows += len(piece) if isinstance(piece, RisRows) else 0
        self._taken = 0
        return rows

    def clear(self) -> int:
        """Forget everything; how many rows that were."""
        rows = sum(len(piece) for piece in self._pieces if isinstance(piece, RisRows))
        self._pieces.clear()
        self.size = self._taken = 0
        return rows

    def forget_older(self, since: Mapping[str, int]) -> None:
        """Forget what is older than this moment (Unix seconds) of its vantage point."""
        if not since:
            return
        oldest = np.array([since.get(peer.vantage, 0) for peer in self._peers], "i8") * 1_000_000
        pieces = list(self._pieces)
        self.clear()
        for piece in pieces:
            if isinstance(piece, SessionChanged):
                if piece.time >= oldest[piece.peer]:
                    self.add(piece)
                continue
            chosen = piece.time >= oldest[piece.rows.peer]
            if chosen.all():
                self.add(piece)
            elif chosen.any():
                self.add(RisRows(some_rows(piece.rows, chosen), piece.time[chosen]))


def _weight(piece: RisRows | SessionChanged) -> int:
    return _PIECE + (len(piece) if isinstance(piece, RisRows) else 0)


def kept_batch(batch: RouteBatch, wanted: Wanted) -> RouteBatch:
    """What of a file is wanted, without path identifiers: live updates have none, and could not
    end what has one."""
    if batch.path_id.any():
        batch = replace(batch, path_id=np.zeros_like(batch.path_id))
    if not wanted.peer and wanted.prefix is None:
        return batch
    row = np.cumsum([wanted.peer_wanted(peer) for peer in batch.peers], dtype="i8") - 1
    kept = np.array([wanted.peer_wanted(peer) for peer in batch.peers], "bool")
    chosen = kept[batch.peer] & wanted.prefixes_wanted(batch.prefixes)[batch.prefix]
    used, prefix = np.unique(batch.prefix[chosen], return_inverse=True)
    return replace(
        batch,
        prefixes=batch.prefixes.take(used),
        prefix=prefix.astype("u4"),
        peer=row[batch.peer[chosen]].astype("u2"),
        origin=batch.origin[chosen],
        neighbour=batch.neighbour[chosen],
        path_id=batch.path_id[chosen],
        flags=batch.flags[chosen],
        peers=tuple(peer for peer in batch.peers if wanted.peer_wanted(peer)),
    )


def kept(message: Message, wanted: Wanted) -> Message | None:
    """What of a message is wanted; None: nothing."""
    if isinstance(message, RouteBatch):
        batch = kept_batch(message, wanted)
        return batch if len(batch) else None
    if isinstance(message, VrpTransaction):
        return None
    peers = tuple(peer for peer in message.peers if wanted.peer_wanted(peer))
    if not peers:
        return None
    match message:
        case PeersGone():
            return PeersGone(peers)
        case PeersReturning():
            return PeersReturning(peers)
        case PeersReturned():
            return PeersReturned(peers)


__all__ = ["Backlog", "kept", "kept_batch"]
