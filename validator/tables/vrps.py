"""The VRP table: every validated ROA payload in force, sorted and immutable.

Its rows are grouped by prefix: most questions are about prefixes, and many VRPs share one.
``high``, ``low``, ``length`` and ``parent`` have a row for each distinct prefix; ``first[p]`` to
``first[p + 1]`` are the VRPs of prefix ``p`` in ``asn``, ``max_length``, ``trust_anchor`` and
``expires``, by AS number, the longest maxLength first.

A VRP is (prefix, maxLength, AS number). The same VRP under two trust anchors or in two exports is
one row: it keeps the latest expiry, and the trust anchor that goes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.kernels import core as kernels
from validator.model import (
    I8,
    U1,
    U4,
    U8,
    Aspa,
    Family,
    Prefix,
    Prefixes,
    RouterKey,
    VrpBatch,
    frozen,
)


class Vrp(NamedTuple):
    """One validated ROA payload, for the faces."""

    prefix: Prefix
    max_length: int
    asn: int
    trust_anchor: str
    expires: int


@dataclass(frozen=True, slots=True, eq=False)
class VrpTable:
    """See the module. ``ipv6`` is the first row of ``high`` that is an IPv6 prefix. ``buckets``
    u4: where the prefixes of each value of the first 16 bits begin, IPv4's and then IPv6's
    (:func:`validator.kernels.core.index_buckets`)."""

    high: U8
    low: U8
    length: U1
    parent: NDArray[np.int32]
    first: U4
    ipv6: int
    asn: U4
    max_length: U1
    trust_anchor: U1
    expires: I8
    trust_anchors: tuple[str, ...]
    aspas: tuple[Aspa, ...] = ()
    router_keys: tuple[RouterKey, ...] = ()
    buckets: U4 = field(init=False)

    def __post_init__(self) -> None:
        # Worked out here, so that a table made from another one cannot keep the other's.
        index = kernels.index_buckets
        parts = index(self.high, 0, self.ipv6), index(self.high, self.ipv6, len(self.high))
        buckets = np.concatenate(parts)
        frozen(buckets)
        object.__setattr__(self, "buckets", buckets)

    def __len__(self) -> int:
        return len(self.asn)

    def family_range(self, family: Family) -> tuple[int, int]:
        """The rows of ``high`` that belong to a family: ``[start, stop)``."""
        return (0, self.ipv6) if family is Family.IPV4 else (self.ipv6, len(self.high))

    def prefix(self, row: int) -> Prefix:
        family = Family.IPV4 if row < self.ipv6 else Family.IPV6
        return Prefix(family, self.high.item(row), self.low.item(row), self.length.item(row))

    def of_prefix(self, row: int) -> Iterator[Vrp]:
        """The VRPs of one prefix row."""
        prefix = self.prefix(row)
        for at in range(self.first.item(row), self.first.item(row + 1)):
            yield Vrp(
                prefix,
                self.max_length.item(at),
                self.asn.item(at),
                self.trust_anchors[self.trust_anchor.item(at)],
                self.expires.item(at),
            )

    def __iter__(self) -> Iterator[Vrp]:
        for row in range(len(self.high)):
            yield from self.of_prefix(row)

    def counts_by_trust_anchor(self) -> dict[str, int]:
        counts = np.bincount(self.trust_anchor, minlength=len(self.trust_anchors))
        return dict(zip(self.trust_anchors, map(int, counts), strict=True))


def build_table(batches: Sequence[VrpBatch]) -> VrpTable:
    """Merge, sort and index batches. Rows were checked when they were read."""
    names = tuple(dict.fromkeys(name for batch in batches for name in batch.trust_anchors))
    prefixes = Prefixes.concatenate([batch.prefixes for batch in batches])
    asn = _joined([batch.asn for batch in batches], "u4")
    max_length = _joined([batch.max_length for batch in batches], "u1")
    expires = _joined([batch.expires for batch in batches], "i8")
    trust_anchor = _joined(
        [
            np.array([names.index(name) for name in batch.trust_anchors], "u1")[batch.trust_anchor]
            for batch in batches
            if len(batch)
        ],
        "u1",
    )
    tie = asn.astype("i8") << 8 | (255 - max_length.astype("i8"))
    order = kernels.table_order(prefixes.family, prefixes.high, prefixes.low, prefixes.length, tie)
    rows, first = kernels.group_vrps(
        order, prefixes.family, prefixes.high, prefixes.low, prefixes.length, tie, expires
    )
    heads = rows[first[:-1]]
    high, low, length = prefixes.high[heads], prefixes.low[heads], prefixes.length[heads]
    ipv6 = int(np.count_nonzero(prefixes.family[heads] == Family.IPV4))
    parent = np.empty(len(heads), "i4")
    kernels.link_parents(high, low, length, parent, 0, ipv6)
    kernels.link_parents(high, low, length, parent, ipv6, len(heads))
    columns = asn[rows], max_length[rows], trust_anchor[rows], expires[rows]
    frozen(high, low, length, parent, first, *columns)
    return VrpTable(
        high,
        low,
        length,
        parent,
        first,
        ipv6,
        *columns,
        trust_anchors=names,
        aspas=tuple(dict.fromkeys(aspa for batch in batches for aspa in batch.aspas)),
        router_keys=tuple(dict.fromkeys(key for batch in batches for key in batch.router_keys)),
    )


def _joined(parts: Sequence[NDArray[Any]], dtype: str) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
