"""Applies an operator's local exceptions to VRPs: filters first, then assertions (RFC 8416).

A filter removes the VRPs whose prefix lies inside its prefix and whose AS number is its AS number,
each as far as given (section 3.3.1). Assertions are added afterwards and no filter touches them
(section 3.2).

Lists of exceptions can be long, and the VRPs are three quarters of a million, so nothing here goes
through all of them for each filter. In the order of the tables, what a prefix covers is one slice;
ordered by AS number first, so is what an AS number has, and what it has inside a prefix. Each
filter is then two binary searches, and the union of the slices one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validator.kernels import core as kernels
from validator.model import (
    I8,
    NEVER_EXPIRES,
    U4,
    Family,
    InputReport,
    Prefix,
    Prefixes,
    Slurm,
    SlurmAssertion,
    SlurmFilter,
    VrpBatch,
)

TRUST_ANCHOR = "slurm"
"""What stands for a trust anchor in the VRPs that the operator adds."""

_WORD = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class FilterCount:
    """How many VRPs one filter matches, whether or not another one matches them too."""

    filter: SlurmFilter
    matched: int


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """VRPs after local exceptions, and what these did.

    ``filters`` is in the order of the file. ``removed`` counts what at least one filter matches.
    ``added`` and ``already_there`` count distinct assertions: new, or a VRP without them too. All
    count rows of the batches: what two exports give counts twice.
    """

    batches: tuple[VrpBatch, ...]
    filters: tuple[FilterCount, ...]
    removed: int
    added: int
    already_there: int


def apply(batches: Sequence[VrpBatch], slurm: Slurm) -> Applied:
    """Filter the batches, then append one with the assertions, if there are any.

    Batches that lose nothing are handed on as they are. Time is O((n + m) log n) for n VRPs and m
    exceptions.
    """
    if not slurm.filters and not slurm.assertions:
        return Applied(tuple(batches), (), 0, 0, 0)
    table = _Ordered(batches)
    counts = tuple(FilterCount(each, table.match(each)) for each in slurm.filters)
    removed = table.matched()
    there = {each for each in slurm.assertions if table.has(each, removed)}
    result = []
    start = 0
    for batch in batches:
        gone = removed[start : start + len(batch)]
        start += len(batch)
        result.append(_without(batch, gone) if gone.any() else batch)
    if slurm.assertions:
        result.append(_asserted(slurm))
    distinct = {(each.prefix, each.asn, each.max_length) for each in slurm.assertions}
    already = len({(each.prefix, each.asn, each.max_length) for each in there})
    return Applied(
        tuple(result), counts, int(np.count_nonzero(removed)), len(distinct) - already, already
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """Rows in an order in which matches are slices. ``marks`` i8 ``(n + 1,)`` holds +1 where a
    matched slice begins and -1 where it ends."""

    rows: U4
    prefixes: Prefixes
    marks: I8

    @classmethod
    def of(cls, rows: U4, prefixes: Prefixes) -> _Order:
        return cls(rows, prefixes.take(rows), np.zeros(len(rows) + 1, "i8"))

    def inside(self, prefix: Prefix, start: int, stop: int) -> tuple[int, int]:
        """The slice of ``[start, stop)``, rows of the prefix's family, that it covers."""
        spare = 128 - prefix.length
        last = (prefix.high << 64 | prefix.low) | ((1 << spare) - 1)
        # No prefix that is shorter begins strictly inside this one: addresses alone decide.
        first = self._not_after(prefix.high, prefix.low, prefix.length - 1, start, stop) + 1
        return first, self._not_after(last >> 64, last & _WORD, 128, start, stop) + 1

    def equal(self, prefix: Prefix, start: int, stop: int) -> tuple[int, int]:
        """The slice of ``[start, stop)``, rows of the prefix's family, with this very prefix."""
        return (
            self._not_after(prefix.high, prefix.low, prefix.length - 1, start, stop) + 1,
            self._not_after(prefix.high, prefix.low, prefix.length, start, stop) + 1,
        )

    def mark(self, start: int, stop: int) -> int:
        self.marks[start] += 1
        self.marks[stop] -= 1
        return stop - start

    def _not_after(self, high: int, low: int, length: int, start: int, stop: int) -> int:
        p = self.prefixes
        return kernels.last_not_after(p.high, p.low, p.length, start, stop, high, low, length)


class _Ordered:
    """All rows of some batches, by prefix and by AS number."""

    def __init__(self, batches: Sequence[VrpBatch]) -> None:
        prefixes = Prefixes.concatenate([batch.prefixes for batch in batches])
        none: list[NDArray[np.uint32]] = [np.empty(0, "u4")]
        asn = np.concatenate(none + [batch.asn for batch in batches]).astype("i8")
        longest = np.concatenate(
            [np.empty(0, "u1")] + [batch.max_length for batch in batches]
        ).astype("i8")
        tie = asn << 8 | longest
        order = kernels.table_order(
            prefixes.family, prefixes.high, prefixes.low, prefixes.length, tie
        )
        self._by_prefix = _Order.of(order, prefixes)
        self._tie = tie[order]
        self._ipv6 = int(np.count_nonzero(prefixes.family == Family.IPV4))
        holder = asn[order] << 1 | (self._by_prefix.prefixes.family == Family.IPV6)
        by_asn = np.argsort(holder, kind="stable")
        self._by_asn = _Order.of(order[by_asn], prefixes)
        self._holder = holder[by_asn]

    def match(self, wanted: SlurmFilter) -> int:
        """Mark what a filter matches, and count it."""
        if wanted.asn is None:
            if wanted.prefix is None:
                raise ValueError("a filter has a prefix or an AS number (RFC 8416 section 3.3.1)")
            start, stop = self._by_prefix.inside(wanted.prefix, *self._family(wanted.prefix))
            return self._by_prefix.mark(start, stop)
        if wanted.prefix is None:
            start, stop = np.searchsorted(self._holder, [wanted.asn << 1, (wanted.asn << 1) + 2])
            return self._by_asn.mark(int(start), int(stop))
        key = wanted.asn << 1 | (wanted.prefix.family is Family.IPV6)
        start, stop = np.searchsorted(self._holder, [key, key + 1])
        return self._by_asn.mark(*self._by_asn.inside(wanted.prefix, int(start), int(stop)))

    def matched(self) -> NDArray[np.bool_]:
        """For each row of the batches, whether any filter matches it."""
        gone = np.zeros(len(self._tie), "?")
        for order in (self._by_prefix, self._by_asn):
            gone[order.rows[np.cumsum(order.marks[:-1]) > 0]] = True
        return gone

    def has(self, wanted: SlurmAssertion, removed: NDArray[np.bool_]) -> bool:
        """Whether a VRP like this is there and not removed (removal spares none of its like)."""
        start, stop = self._by_prefix.equal(wanted.prefix, *self._family(wanted.prefix))
        tie = wanted.asn << 8 | wanted.max_length
        at = start + int(np.searchsorted(self._tie[start:stop], tie))
        return at < stop and self._tie[at] == tie and not removed[self._by_prefix.rows[at]]

    def _family(self, prefix: Prefix) -> tuple[int, int]:
        if prefix.family is Family.IPV4:
            return 0, self._ipv6
        return self._ipv6, len(self._tie)


def _without(batch: VrpBatch, gone: NDArray[np.bool_]) -> VrpBatch:
    kept = ~gone
    return VrpBatch(
        batch.prefixes.take(kept),
        batch.asn[kept],
        batch.max_length[kept],
        batch.trust_anchor[kept],
        batch.expires[kept],
        batch.trust_anchors,
        batch.report,
        batch.aspas,
        batch.router_keys,
    )


def _asserted(slurm: Slurm) -> VrpBatch:
    n = len(slurm.assertions)
    source = ", ".join(report.source for report in slurm.reports)
    return VrpBatch(
        Prefixes.of([each.prefix for each in slurm.assertions]),
        np.array([each.asn for each in slurm.assertions], "u4"),
        np.array([each.max_length for each in slurm.assertions], "u1"),
        np.zeros(n, "u1"),
        np.full(n, NEVER_EXPIRES, "i8"),
        (TRUST_ANCHOR,),
        InputReport(source, TRUST_ANCHOR, rows=n),
    )
