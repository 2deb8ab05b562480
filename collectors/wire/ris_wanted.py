"""Which of the routes that RIS Live repeats are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validator.model import Peer, Prefix, Prefixes


def vantage_of(host: str) -> str:
    """The name of a vantage point: ``rrc00``, whether a message says that or rrc00.ripe.net."""
    return host.removesuffix(".ripe.net")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: vantage points, and of each all, or one peer's, or about one prefix.

    The server sends a whole message if one of its prefixes is wanted, and nothing later on about
    the others: those are left out here.
    """

    vantages: frozenset[str]
    peer: str = ""
    prefix: Prefix | None = None
    more_specific: bool = True
    less_specific: bool = False

    def peer_wanted(self, peer: Peer) -> bool:
        return peer.vantage in self.vantages and self.peer in ("", peer.address)

    def prefixes_wanted(self, prefixes: Prefixes) -> NDArray[np.bool_]:
        """A mask of the prefixes that are wanted."""
        wanted = self.prefix
        if wanted is None:
            return np.ones(len(prefixes), "bool")
        high, low = np.uint64(wanted.high), np.uint64(wanted.low)
        under = (prefixes.high & _HIGH_MASK[wanted.length]) == high
        under &= (prefixes.low & _LOW_MASK[wanted.length]) == low
        under &= prefixes.length >= wanted.length
        over = (high & _HIGH_MASK[prefixes.length]) == prefixes.high
        over &= (low & _LOW_MASK[prefixes.length]) == prefixes.low
        over &= prefixes.length <= wanted.length
        chosen = under & over
        if self.more_specific:
            chosen |= under
        if self.less_specific:
            chosen |= over
        found: NDArray[np.bool_] = chosen & (prefixes.family == int(wanted.family))
        return found


_ONES = (1 << 128) - 1
_MASKS = [_ONES ^ (_ONES >> length) for length in range(129)]
_HIGH_MASK = np.array([mask >> 64 for mask in _MASKS], "u8")
_LOW_MASK = np.array([mask & 0xFFFF_FFFF_FFFF_FFFF for mask in _MASKS], "u8")
