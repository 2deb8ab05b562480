"""Every source's VRPs, and the VRPs in force that follow from them.

In force is the union of all sources, less what SLURM filters, plus what it asserts (RFC 8416). All
three act on each VRP by itself, so a transaction of one source is worked out at the prefixes it
names and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from validator import delta_kernels
from validator.delta import VrpChange, change_vrps
from validator.model import Family, InputReport, Prefixes, Slurm, VrpBatch
from validator.slurm import Applied, apply
from validator.vrps import VrpTable, build_table

_NONE = InputReport("", "vrps")


class VrpStore:
    """Mutable, and private to the pipeline. ``table`` is in force; ``applied``: SLURM's part."""

    def __init__(self) -> None:
        self._sources: dict[str, VrpTable] = {}
        self._slurm: Slurm | None = None
        self.table = build_table([])
        self.applied: Applied | None = None

    def load(self, sources: Mapping[str, Sequence[VrpBatch]], slurm: Slurm | None) -> None:
        """Take these sources' VRPs, and the exceptions, in place of what there was of them."""
        for name, batches in sources.items():
            self._sources[name] = build_table(batches)
        self._slurm = slurm
        self._rebuild()

    def forget(self, source: str) -> None:
        """A source's VRPs are no longer to be used."""
        if self._sources.pop(source, None) is not None:
            self._rebuild()

    def reset(self, source: str, announced: VrpBatch) -> None:
        """A source's whole set is this now."""
        self._sources[source] = build_table([announced])
        self._rebuild()

    def change(self, source: str, announced: VrpBatch, withdrawn: VrpBatch) -> Prefixes:
        """A source's set changed; the prefixes, in order, where what is in force changed."""
        before = self._sources.get(source)
        own = change_vrps(before or build_table([]), announced, withdrawn)
        self._sources[source] = own.table
        if self._slurm is None and len(self._sources) == 1:
            self.table = own.table
            return own.prefixes
        change = self._settle(own)
        self.table = change.table
        return change.prefixes

    def _settle(self, own: VrpChange) -> VrpChange:
        """Bring what is in force up to date at the prefixes where a source changed."""
        wanted = [rows_at(table, own.prefixes) for table in self._sources.values()]
        if self._slurm is not None:
            wanted = list(apply(wanted, self._slurm).batches)
        after = as_batch(build_table(wanted))
        if self._slurm is not None:  # assertions elsewhere are in force already
            after = _within(after, own.prefixes)
        return change_vrps(self.table, after, _without(rows_at(self.table, own.prefixes), after))

    def _rebuild(self) -> None:
        tables = list(self._sources.values())
        if self._slurm is None:
            self.applied = None
            only = len(tables) == 1
            self.table = tables[0] if only else build_table([as_batch(each) for each in tables])
            return
        self.applied = apply([as_batch(each) for each in tables], self._slurm)
        self.table = build_table(self.applied.batches)


def as_batch(table: VrpTable) -> VrpBatch:
    """All rows of a table, with the prefix of each."""
    return _rows(table, np.arange(len(table.high)))


def rows_at(table: VrpTable, prefixes: Prefixes) -> VrpBatch:
    """The VRPs that a table has at exactly these prefixes, which are distinct and in order."""
    chosen = []
    ipv4 = int(np.count_nonzero(prefixes.family == Family.IPV4))
    for family, part in ((Family.IPV4, slice(0, ipv4)), (Family.IPV6, slice(ipv4, None))):
        high, low, length = prefixes.high[part], prefixes.low[part], prefixes.length[part]
        first, last = np.empty(len(high), "i8"), np.empty(len(high), "i8")
        delta_kernels.find_rows(
            table.high, table.low, table.length, *table.family_range(family),
            high, low, length, first, last,
        )  # fmt: skip
        chosen.append(first[last > first])
    return _rows(table, np.concatenate(chosen))


def _rows(table: VrpTable, groups: np.ndarray[tuple[int], np.dtype[np.int64]]) -> VrpBatch:
    """The VRPs of some of a table's prefixes."""
    first, last = table.first[groups].astype("i8"), table.first[groups + 1].astype("i8")
    sizes = last - first
    ends = np.cumsum(sizes)
    rows = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(first - (ends - sizes), sizes)
    of = np.repeat(groups, sizes)
    family = np.where(of < table.ipv6, 4, 6).astype("u1")
    return VrpBatch(
        Prefixes(family, table.high[of], table.low[of], table.length[of]),
        table.asn[rows],
        table.max_length[rows],
        table.trust_anchor[rows],
        table.expires[rows],
        table.trust_anchors,
        _NONE,
        table.aspas,
        table.router_keys,
    )


def _keys(batch: VrpBatch) -> list[tuple[int, ...]]:
    p = batch.prefixes
    columns = p.family, p.high, p.low, p.length, batch.asn, batch.max_length
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _chosen(batch: VrpBatch, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> VrpBatch:
    return VrpBatch(
        batch.prefixes.take(keep),
        batch.asn[keep],
        batch.max_length[keep],
        batch.trust_anchor[keep],
        batch.expires[keep],
        batch.trust_anchors,
        batch.report,
    )


def _without(batch: VrpBatch, other: VrpBatch) -> VrpBatch:
    """The rows of a (small) batch that another one does not have."""
    held = set(_keys(other))
    return _chosen(batch, np.array([key not in held for key in _keys(batch)], "?"))


def _within(batch: VrpBatch, prefixes: Prefixes) -> VrpBatch:
    """The rows of a (small) batch at exactly these prefixes."""
    columns = prefixes.family, prefixes.high, prefixes.low, prefixes.length
    held = set(zip(*(column.tolist() for column in columns), strict=True))
    return _chosen(batch, np.array([key[:4] in held for key in _keys(batch)], "?"))
