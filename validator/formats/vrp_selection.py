"""Which VRPs a list is cut down to: Routinator's ``select-prefix``, ``select-asn`` and
``include=more-specifics`` (``src/output.rs``, 0.15)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from validator.kernels import core as kernels
from validator.model import U4, Prefix
from validator.tables.vrps import VrpTable

_WORD = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list is cut down to: payload that any of these names (Routinator's ``select-``).

    A VRP is named by an AS number that is its own, and by a prefix that it covers; with
    ``more_specifics`` also by one that covers it. Router keys and ASPAs are named by AS number.
    """

    prefixes: frozenset[Prefix] = frozenset()
    asns: frozenset[int] = frozenset()
    more_specifics: bool = False

    def rows(self, table: VrpTable) -> U4:
        """The VRPs of a table that it names, in order. Some milliseconds."""
        chosen = [np.flatnonzero(np.isin(table.asn, np.array(sorted(self.asns), "u4")))]
        groups: set[int] = set()
        for prefix in self.prefixes:
            groups.update(_covering(table, prefix))
            if self.more_specifics:
                start, stop = _inside(table, prefix)
                chosen.append(np.arange(table.first[start], table.first[stop]))
        chosen += [np.arange(table.first[group], table.first[group + 1]) for group in groups]
        return np.unique(np.concatenate(chosen)).astype("u4")


def _covering(table: VrpTable, prefix: Prefix) -> Iterator[int]:
    """The prefixes of a table that cover one."""
    start, stop = table.family_range(prefix.family)
    row = kernels.last_not_after(
        table.high, table.low, table.length, start, stop, prefix.high, prefix.low, prefix.length
    )
    row = row if row >= start else -1
    while row >= 0:
        if table.prefix(row).covers(prefix):
            yield row
        row = table.parent.item(row)


def _inside(table: VrpTable, prefix: Prefix) -> tuple[int, int]:
    """The prefixes of a table that one covers: ``[start, stop)``."""
    place = table.high, table.low, table.length, *table.family_range(prefix.family)
    ones = (1 << 128 - prefix.length) - 1 | prefix.high << 64 | prefix.low
    first = kernels.last_not_after(*place, prefix.high, prefix.low, prefix.length - 1) + 1
    return first, kernels.last_not_after(*place, ones >> 64, ones & _WORD, 128) + 1
