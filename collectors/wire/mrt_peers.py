"""The peers of an MRT file: told apart by address and AS, numbered as they appear.

TABLE_DUMP names the peer anew in each record, and a TABLE_DUMP_V2 file may have several peer
tables, so that a peer is looked up by its value; the loop does that without leaving it.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

import numpy as np

from validator.kernels.core import kernel, step
from validator.model import U1, U2, U4, U8

LARGEST_PEER_TABLE = 1 << 16
"""Peers in one file: what the ``peer`` column can say."""
COUNT, SEED = range(2)
_SLOTS = 2 * LARGEST_PEER_TABLE


class Peers(NamedTuple):
    """The peers of a file in the order of their appearance, found again by hashing.

    ``slots`` holds row + 1. ``control`` has their count, and a random number, so that no file can
    be written whose peers all fall into one slot.
    """

    family: U1
    high: U8
    low: U8
    asn: U4
    slots: U4
    control: U8


def no_peers() -> Peers:
    return Peers(
        family=np.empty(LARGEST_PEER_TABLE, "u1"),
        high=np.empty(LARGEST_PEER_TABLE, "u8"),
        low=np.empty(LARGEST_PEER_TABLE, "u8"),
        asn=np.empty(LARGEST_PEER_TABLE, "u4"),
        slots=np.zeros(_SLOTS, "u4"),
        control=np.array([0, secrets.randbits(64)], "u8"),
    )


@step
def peer_row(peers: Peers, family: int, high: int, low: int, asn: int) -> int:
    """The row of a peer, new if need be; -1 if there is no room for it."""
    multiplier = np.uint64(0x9E37_79B9_7F4A_7C15)
    key = (high ^ peers.control[SEED]) * multiplier
    key = (key ^ (key >> np.uint64(29)) ^ low) * multiplier
    key = (key ^ (key >> np.uint64(32)) ^ np.uint64(asn) ^ peers.control[SEED]) * multiplier
    slot = np.int64(key >> np.uint64(40)) % _SLOTS
    while peers.slots[slot] != 0:
        row = np.int64(peers.slots[slot]) - 1
        if (
            peers.asn[row] == asn
            and peers.high[row] == high
            and peers.low[row] == low
            and peers.family[row] == family
        ):
            return row
        slot = (slot + 1) % _SLOTS
    row = np.int64(peers.control[COUNT])
    if row >= LARGEST_PEER_TABLE:
        return -1
    peers.family[row], peers.asn[row] = family, asn
    peers.high[row], peers.low[row] = high, low
    peers.slots[slot] = row + 1
    peers.control[COUNT] = np.uint64(row + 1)
    return row


@kernel("u1 u8 u8 u4 u1! u8! u8! u4! u4! u8! u2!")
def add_peers(
    family: U1,
    high: U8,
    low: U8,
    asn: U4,
    peer_family: U1,
    peer_high: U8,
    peer_low: U8,
    peer_asn: U4,
    slots: U4,
    control: U8,
    table: U2,
) -> bool:
    """Enter the peers of a peer table; ``table`` gets their rows. False: there are too many."""
    peers = Peers(peer_family, peer_high, peer_low, peer_asn, slots, control)
    for i in range(len(family)):
        row = peer_row(peers, family[i], high[i], low[i], np.int64(asn[i]))
        if row < 0:
            return False
        table[i] = row
    return True
