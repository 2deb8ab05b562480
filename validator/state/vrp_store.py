"""Every source's VRPs, and the VRPs in force that follow from them.

In force is the union of all sources, less what SLURM filters, plus what it asserts (RFC 8416). All
three act on each VRP by itself, so a transaction of one source is worked out at the prefixes it
names and nowhere else.

A live source that loses more at once than the floors allow is *held*: its last table stays in use,
for a bounded time, while what it says is kept up to date beside it (docs/definitions.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from validator.freshness import Fall, Floors
from validator.kernels import delta as delta_kernels
from validator.model import Family, InputReport, Prefixes, Slurm, VrpBatch
from validator.slurm import Applied, apply
from validator.state.delta import VrpChange, change_vrps
from validator.tables.vrps import VrpTable, build_table

_NONE = InputReport("", "vrps")


_NOTHING = Prefixes.empty()


@dataclass(frozen=True, slots=True)
class _Held:
    """What stays in use of a source, and why."""

    table: VrpTable
    fall: Fall


class VrpStore:
    """Mutable, and private to the pipeline. ``table`` is in force; ``applied``: SLURM's part."""

    def __init__(
        self, floors: Floors | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._floors, self._clock = floors or Floors(), clock
        self._sources: dict[str, VrpTable] = {}
        """What each source says."""
        self._held: dict[str, _Held] = {}
        """What is in use in its place, where that fell too far."""
        self._taken: dict[str, Fall] = {}
        self._slurm: Slurm | None = None
        self.table = build_table([])
        self.applied: Applied | None = None

    def load(self, sources: Mapping[str, Sequence[VrpBatch]], slurm: Slurm | None) -> None:
        """Take these sources' VRPs, and the exceptions, in place of what there was of them."""
        for name, batches in sources.items():
            self._sources[name] = build_table(batches)
        self._slurm = slurm
        self._rebuild()

    @property
    def falls(self) -> Mapping[str, Fall]:
        """The sources that lost too much at once: held, or taken since it lasted too long."""
        return {**self._taken, **{name: held.fall for name, held in self._held.items()}}

    def reset(self, source: str, announced: VrpBatch) -> Prefixes | None:
        """A source's whole set is this now. What may have changed, as for :meth:`change`."""
        before = self._sources.get(source)
        self._sources[source] = build_table([announced])
        if self._holds(source, before):
            return _NOTHING
        self._rebuild()
        return None

    def change(self, source: str, announced: VrpBatch, withdrawn: VrpBatch) -> Prefixes | None:
        """A source's set changed.

        Returns the prefixes, in order, where what is in force changed; None if that may be
        anywhere.
        """
        before = self._sources.get(source)
        own = change_vrps(before or build_table([]), announced, withdrawn)
        self._sources[source] = own.table
        was_held = source in self._held
        if self._holds(source, before):
            return _NOTHING
        if was_held:
            self._rebuild()
            return None
        if self._slurm is None and len(self._sources) == 1:
            self.table = own.table
            return own.prefixes
        change = self._settle(own)
        self.table = change.table
        return change.prefixes

    def release(self, source: str) -> None:
        """Take what a held source says now: its last good table has been in use for too long."""
        held = self._held.pop(source)
        self._taken[source] = replace(held.fall, taken=True)
        self._rebuild()

    def forgive(self, source: str) -> None:
        """A source that was released has been so small for so long that it is the new normal."""
        del self._taken[source]

    def _holds(self, source: str, before: VrpTable | None) -> bool:
        """Whether a source's table before its last change stays in use; keeps account of it."""
        held, taken = self._held.get(source), self._taken.get(source)
        used = held.table if held else before
        if used is None:
            return False
        count, now = len(self._sources[source]), int(self._clock())
        if taken is not None and self._fall(taken.before, count, now) is None:
            del self._taken[source]
        fall = self._fall(len(used), count, now)
        if fall is None:
            self._held.pop(source, None)
            return False
        self._held[source] = _Held(used, replace(fall, since=held.fall.since) if held else fall)
        return True

    def _fall(self, before: int, after: int, now: int) -> Fall | None:
        return self._floors.fall("rtr", {"": before}, {"": after}, now)

    def _in_use(self) -> list[VrpTable]:
        return [
            self._held[name].table if name in self._held else table
            for name, table in self._sources.items()
        ]

    def _settle(self, own: VrpChange) -> VrpChange:
        """Bring what is in force up to date at the prefixes where a source changed."""
        wanted = [rows_at(table, own.prefixes) for table in self._in_use()]
        if self._slurm is not None:
            wanted = list(apply(wanted, self._slurm).batches)
        after = as_batch(build_table(wanted))
        if self._slurm is not None:  # assertions elsewhere are in force already
            after = _within(after, own.prefixes)
        return change_vrps(self.table, after, _without(rows_at(self.table, own.prefixes), after))

    def _rebuild(self) -> None:
        """Work out anew what is in force: it may have changed anywhere."""
        tables = self._in_use()
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
