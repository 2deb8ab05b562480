"""Sets of VRPs as sorted columns of keys: what RTR deltas are applied to, compared and joined in.

A key is 23 bytes: family, address (16, IPv4 in the first four), length, AS number, maxLength, each
with its most significant byte first, so that comparing keys as bytes is comparing VRPs in the order
of the tables. A set is an ascending column of distinct keys, never changed in place. All functions
are pure; numpy releases the interpreter lock in the long ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validator.kernels.core import table_order
from validator.model import U1, InputReport, Prefixes, VrpBatch

Keys = NDArray[np.bytes_]
Flags = NDArray[np.bool_]

KEY = np.dtype("S23")
_FIELDS = np.dtype(
    [
        ("family", "u1"),
        ("high", ">u8"),
        ("low", ">u8"),
        ("length", "u1"),
        ("asn", ">u4"),
        ("max_length", "u1"),
    ]
)
EMPTY: Keys = np.empty(0, KEY)


def concatenate(parts: Sequence[Keys]) -> Keys:
    """Columns of keys, one after the other; each is copied once, from wherever it lies."""
    return np.concatenate([EMPTY, *parts])


def joined(parts: Sequence[Flags]) -> Flags:
    """The flags that go with them."""
    return np.concatenate([np.empty(0, "?"), *parts])


def net(keys: Keys, announced: Flags) -> tuple[Keys, Keys]:
    """What a sequence of announcements and withdrawals comes to: (announced, withdrawn) sets.

    Of each VRP, announcements and withdrawals alternate (RTRlib sees to it), so its first and its
    last tell: if they differ, nothing has changed.
    """
    if not len(keys):
        return EMPTY, EMPTY
    order = _order(keys)
    # `take`, because indexing keeps the interpreter lock (36 ms for a full table)
    keys, announced = np.take(keys, order), np.take(announced, order)
    starts = np.ones(len(keys), "?")
    starts[1:] = keys[1:] != keys[:-1]
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(keys)) - 1
    stays = announced[first] == announced[last]
    first = first[stays]
    added = announced[first]
    return np.take(keys, first[added]), np.take(keys, first[~added])


def applied(base: Keys, announced: Keys, withdrawn: Keys) -> Keys:
    """``base`` without ``withdrawn``, with ``announced``.

    Raises:
        ValueError: a VRP is withdrawn that is not there, or announced that is.
    """
    if len(withdrawn):
        there = np.searchsorted(base, withdrawn)
        if not _equal_at(base, there, withdrawn).all():
            raise ValueError("a VRP is withdrawn that was not announced")
        stays = np.ones(len(base), "?")
        stays[there] = False
        base = base[stays]
    if not len(announced):
        return base
    if not len(base):
        return announced
    place = np.searchsorted(base, announced)
    if _equal_at(base, place, announced).any():
        raise ValueError("a VRP is announced twice")
    return np.insert(base, place, announced)


def contains(base: Keys, rows: Keys) -> Flags:
    """For each row, whether it is in the set."""
    return _equal_at(base, np.searchsorted(base, rows), rows)


def difference(old: Keys, new: Keys) -> tuple[Keys, Keys]:
    """What leads from one set to the other: (announced, withdrawn)."""
    return new[~contains(old, new)], old[~contains(new, old)]


def union(sets: Sequence[Keys]) -> Keys:
    """The VRPs that are in any of the sets."""
    if len(sets) == 1:
        return sets[0]
    together = concatenate(sets)
    together.sort(kind="stable")  # made for runs that are in order already
    distinct = np.ones(len(together), "?")
    distinct[1:] = together[1:] != together[:-1]
    return together[distinct]


def batch(
    keys: Keys, trust_anchor: U1, trust_anchors: tuple[str, ...], report: InputReport
) -> VrpBatch:
    """The same VRPs in columns. ``trust_anchor``: shape ``(n,)``, or ``(1,)`` for all."""
    fields = _fields(keys)
    return VrpBatch(
        _prefixes(fields),
        fields["asn"].astype("u4"),
        fields["max_length"].copy(),
        np.broadcast_to(trust_anchor, len(keys)).astype("u1"),
        np.zeros(len(keys), "i8"),
        trust_anchors,
        report,
    )


def _fields(keys: Keys) -> NDArray[Any]:
    return np.ascontiguousarray(keys).view(_FIELDS)


def _prefixes(fields: NDArray[Any]) -> Prefixes:
    return Prefixes(
        fields["family"].copy(),
        fields["high"].astype("u8"),
        fields["low"].astype("u8"),
        fields["length"].copy(),
    )


def _order(keys: Keys) -> NDArray[Any]:
    fields = _fields(keys)
    prefixes = _prefixes(fields)
    tie = fields["asn"].astype("i8") << 8 | fields["max_length"]
    order: NDArray[Any] = table_order(
        prefixes.family, prefixes.high, prefixes.low, prefixes.length, tie
    )
    return order


def _equal_at(base: Keys, place: NDArray[Any], rows: Keys) -> Flags:
    if not len(base):
        return np.zeros(len(rows), "?")
    equal: Flags = base[np.minimum(place, len(base) - 1)] == rows
    return equal
