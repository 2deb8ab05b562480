"""The columns that go into the loop of ``update`` and come out of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.model import I8, U1, U2, U4, U8


class Rows(NamedTuple):
    """The output: a row for each prefix announced or withdrawn, in order."""

    family: U1
    high: U8
    low: U8
    length: U1
    peer: U2
    origin: I8
    neighbour: U4
    path_id: U4
    flags: U1


def empty_rows(room: int) -> Rows:
    return Rows(
        family=np.empty(room, "u1"),
        high=np.empty(room, "u8"),
        low=np.empty(room, "u8"),
        length=np.empty(room, "u1"),
        peer=np.empty(room, "u2"),
        origin=np.empty(room, "i8"),
        neighbour=np.empty(room, "u4"),
        path_id=np.empty(room, "u4"),
        flags=np.empty(room, "u1"),
    )


def more_rows(rows: Rows) -> Rows:
    """The same rows with twice the room."""
    used = len(rows.family)
    longer = empty_rows(2 * used)
    column: NDArray[Any]
    for at, column in enumerate(rows):
        longer[at][:used] = column
    return longer


def some_rows(rows: Rows, which: NDArray[np.bool_] | slice) -> Rows:
    """The chosen rows, copied."""
    return Rows(*(column[which].copy() for column in rows))


class Messages(NamedTuple):
    """The input: where each UPDATE lies (without its header), and how to read it.

    ``width`` is the bytes of an AS number, ``speaker`` the AS of who sent it, ``peer`` the row of
    the peer that gets the announcements, ``add_path`` bits of the families with path identifiers.
    """

    start: I8
    stop: I8
    width: U1
    add_path: U1
    peer: U2
    speaker: U4


def empty_messages(room: int) -> Messages:
    return Messages(
        start=np.empty(room, "i8"),
        stop=np.empty(room, "i8"),
        width=np.empty(room, "u1"),
        add_path=np.empty(room, "u1"),
        peer=np.empty(room, "u2"),
        speaker=np.empty(room, "u4"),
    )
