"""From rows of UPDATEs to the message that a live collector puts into its channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collectors.wire.update_columns import Rows
from validator.model import InputReport, Peer, Prefixes, RouteBatch


def update_batch(
    source: str, kind: str, rows: Rows, peers: Sequence[Peer], built: int = 0
) -> RouteBatch:
    """The rows as a batch of updates; of ``peers``, to which they point, only those they use."""
    used = np.zeros(len(peers), "bool")
    used[rows.peer] = True
    new_row = (np.cumsum(used) - 1).astype("u2")
    return RouteBatch(
        prefixes=Prefixes(rows.family, rows.high, rows.low, rows.length),
        prefix=np.arange(len(rows.peer), dtype="u4"),
        peer=new_row[rows.peer],
        origin=rows.origin,
        neighbour=rows.neighbour,
        path_id=rows.path_id,
        flags=rows.flags,
        peers=tuple(peers[row] for row in np.flatnonzero(used).tolist()),
        report=InputReport(source=source, kind=kind, rows=len(rows.peer), built=built),
    )
