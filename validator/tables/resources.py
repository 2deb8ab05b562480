"""The resource table: who holds which addresses and AS numbers, sorted and immutable.

Each of three spaces (IPv4 addresses, IPv6 /64s, AS numbers) is cut into ranges that follow each
other without a gap from 0 to the end of the space: every position lies in exactly one, so sums over
ranges are sums over the space, and looking one up is a search in one sorted column.

Only what is allocated or assigned is *held*. Space that a registry calls available or reserved,
and space that no registry mentions (:data:`UNMENTIONED`), belongs to nobody: its ``registry`` and
``country`` are 0, ``ZZ``. Which registry speaks of it stays in ``pool``. A holder without a country
is counted under ZZ too; its registry and holder stay.

Where records contradict each other, one wins for each position, whatever the order of files: what
is held over what is not, then the later date, then the shorter range, then registry, status and
country in order. Records that say the same (the NRO's file beside the RIRs') merge silently, the
first file's names of holders staying; all others that overlap are counted in ``overlaps``.

A holder is (registry, opaque-id) within one file: the same id in two files, or under two
registries of one file, is two holders, for nothing says that they are one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validator.kernels import resource as kernels
from validator.model import (
    LARGEST_ASN,
    U1,
    U2,
    U4,
    U8,
    Family,
    Holding,
    Prefix,
    ResourceBatch,
    SourceError,
    frozen,
)

NOBODY = "ZZ"
"""Registry and country of what nobody holds: index 0 of both."""
UNMENTIONED = 4
"""In a ``status`` column: no registry says anything. Beyond the values of :class:`Holding`."""

_ENDS = {4: 0xFFFF_FFFF, 6: 0xFFFF_FFFF_FFFF_FFFF, 0: LARGEST_ASN}


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a registry says of one range, for the faces.

    ``first`` and ``last`` are inclusive and in the units of the space (IPv4 addresses, IPv6 /64s,
    AS numbers): the part of the record that no other record overrides. ``registry`` is the one that
    speaks, also of space that nobody holds. ``date`` is YYYYMMDD or 0, ``holder`` the opaque-id
    or "".
    """

    registry: str
    country: str
    status: Holding
    date: int
    holder: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """A complete partition of one space.

    Shapes: all ``(n,)``. ``first`` u8, sorted, ``first[0] == 0``; range ``i`` ends before
    ``first[i + 1]``, the last one at ``end``. ``status`` u1, a :class:`Holding` or
    :data:`UNMENTIONED`; ``registry`` and ``pool`` u1, ``country`` u2, ``holder`` u4: indexes into
    the table's names, 0 being nobody; ``date`` u4, YYYYMMDD or 0.
    """

    first: U8
    status: U1
    registry: U1
    pool: U1
    country: U2
    holder: U4
    date: U4
    end: int

    def __len__(self) -> int:
        return len(self.first)

    def last(self) -> U8:
        """The last position of each range."""
        return np.append(self.first[1:] - np.uint64(1), np.uint64(self.end))


@dataclass(frozen=True, slots=True, eq=False)
class ResourceTable:
    """See the module. ``registries`` and ``countries`` begin with ``ZZ``, ``holders`` with ""."""

    ipv4: Ranges
    ipv6: Ranges
    asn: Ranges
    registries: tuple[str, ...]
    countries: tuple[str, ...]
    holders: tuple[str, ...]
    overlaps: int = 0
    """Records that overlap another one which does not say the same."""
    duplicates: int = 0
    """Records that repeat another one."""

    def ranges(self, family: Family) -> Ranges:
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    def holder_of(self, prefix: Prefix) -> Delegation | None:
        """The delegation that holds the prefix's first address; None if nobody holds it."""
        return _held(self.record_of(prefix))

    def asn_holder(self, asn: int) -> Delegation | None:
        """The delegation that holds an AS number; None if nobody holds it."""
        return _held(self.asn_record(asn))

    def record_of(self, prefix: Prefix) -> Delegation | None:
        """As :meth:`holder_of`, but also of space that is available or reserved."""
        shift = 32 if prefix.family is Family.IPV4 else 0
        return self._describe(self.ranges(prefix.family), prefix.high >> shift)

    def asn_record(self, asn: int) -> Delegation | None:
        """As :meth:`asn_holder`, but also of AS numbers that are available or reserved."""
        return self._describe(self.asn, asn) if 0 <= asn <= LARGEST_ASN else None

    def _describe(self, ranges: Ranges, position: int) -> Delegation | None:
        row = int(np.searchsorted(ranges.first, np.uint64(position), side="right")) - 1
        if ranges.status[row] == UNMENTIONED:
            return None
        last = int(ranges.first[row + 1]) - 1 if row + 1 < len(ranges) else ranges.end
        return Delegation(
            self.registries[ranges.pool[row]],
            self.countries[ranges.country[row]],
            Holding(int(ranges.status[row])),
            int(ranges.date[row]),
            self.holders[ranges.holder[row]],
            int(ranges.first[row]),
            last,
        )


def _held(delegation: Delegation | None) -> Delegation | None:
    return delegation if delegation is not None and delegation.status.delegated else None


def locate(ranges: Ranges, positions: U8) -> U4:
    """The range that each position lies in. Fastest where positions are sorted, right anyway.

    ``positions`` u8 ``(n,)``, in the units of the space and within it: IPv4 addresses (a
    prefix's ``high`` shifted down by 32), IPv6 /64s (its ``high``), AS numbers.
    """
    return kernels.locate(ranges.first, np.ascontiguousarray(positions, "u8"))


def build_table(batches: Sequence[ResourceBatch]) -> ResourceTable:
    """Merge, settle and index batches. Rows were checked when they were read.

    Raises:
        SourceError: the batches name more registries than a column can (254).
    """
    registries = _names([batch.registries for batch in batches])
    countries = _names([batch.countries for batch in batches])
    if len(registries) > 255:
        raise SourceError(
            batches[-1].report.source,
            f"names {len(registries) - 1} registries with the files before it",
            cure="at most 254 are possible; give registry files only",
        )
    holder, holders = _number_holders(batches)
    rows = _Rows(
        kind=_joined([batch.kind for batch in batches], "u1"),
        first=_joined([batch.first for batch in batches], "u8"),
        last=_joined([batch.last for batch in batches], "u8"),
        status=_joined([batch.status for batch in batches], "u1"),
        registry=_joined([_mapped(b.registry, b.registries, registries) for b in batches], "u1"),
        country=_joined([_mapped(b.country, b.countries, countries) for b in batches], "u2"),
        holder=holder,
        date=_joined([batch.date for batch in batches], "u4"),
    )
    overlaps = duplicates = 0
    spaces = {}
    for kind, end in _ENDS.items():
        chosen = rows.take(np.flatnonzero(rows.kind == kind))
        order = np.argsort(chosen.first, kind="stable").astype("u4")
        repeated, overlapping = _contradictions(chosen, order)
        duplicates += repeated
        overlaps += overlapping
        spaces[kind] = _partition(chosen, order, end)
    return ResourceTable(
        spaces[4], spaces[6], spaces[0], registries, countries, holders, overlaps, duplicates
    )


# ---------------------------------------------------------------------------------------- joining


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The columns of :class:`ResourceBatch`, of all batches, indexing the table's names."""

    kind: U1
    first: U8
    last: U8
    status: U1
    registry: U1
    country: U2
    holder: U4
    date: U4

    def take(self, rows: NDArray[Any]) -> _Rows:
        return _Rows(
            self.kind[rows],
            self.first[rows],
            self.last[rows],
            self.status[rows],
            self.registry[rows],
            self.country[rows],
            self.holder[rows],
            self.date[rows],
        )


def _names(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """All names in order of the alphabet, nobody first: so that the order of files is nothing."""
    return (NOBODY, *sorted({name for part in parts for name in part} - {NOBODY, ""}))


def _mapped(column: NDArray[Any], names: Sequence[str], all_names: Sequence[str]) -> NDArray[Any]:
    place = {name: i for i, name in enumerate(all_names)}
    new = np.array([place.get(name, 0) for name in names] or [0], column.dtype)
    return new[column] if len(column) else column


def _number_holders(batches: Sequence[ResourceBatch]) -> tuple[U4, tuple[str, ...]]:
    """A number for each (file, registry, opaque-id), 0 for unknown or nobody, and their ids."""
    holders = [""]
    parts: list[U4] = []
    for batch in batches:
        number = np.where(batch.status <= Holding.ASSIGNED, batch.holder, 0).astype("u4")
        given = np.flatnonzero(number)
        # Nearly always an id occurs under one registry of a file: then it is the holder.
        of = np.zeros(len(batch.holders), "u1")
        of[number[given]] = batch.registry[given]
        if (of[number[given]] == batch.registry[given]).all():
            number[given] += np.uint32(len(holders) - 1)
            holders.extend(batch.holders[1:])
        else:
            pairs = number[given].astype("u8") << np.uint64(8) | batch.registry[given]
            distinct, new = np.unique(pairs, return_inverse=True)
            number[given] = (new + len(holders)).astype("u4")
            holders.extend(batch.holders[pair >> 8] for pair in distinct.tolist())
        parts.append(number)
    return _joined(parts, "u4"), tuple(holders)


def _joined(parts: Sequence[NDArray[Any]], dtype: str) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)


def _contradictions(rows: _Rows, order: U4) -> tuple[int, int]:
    """How many rows repeat another, and how many of the rest overlap one that says otherwise."""
    overlapping = order[kernels.overlapping(rows.first, rows.last, order)]
    if not len(overlapping):
        return 0, 0
    some = rows.take(overlapping)
    held = some.status <= Holding.ASSIGNED
    # Of what nobody holds, the NRO's file has dates and countries that the RIRs' have not.
    country, day = np.where(held, some.country, 0), np.where(held, some.date, 0)
    said = day.astype("u8") << np.uint64(32) | country.astype("u8") << np.uint64(16)
    said |= some.registry.astype("u8") << np.uint64(8) | some.status
    once = kernels.first_sayings(
        some.first, some.last, said, int.from_bytes(os.urandom(8), "little")
    )
    left = overlapping[once]
    overlaps = int(np.count_nonzero(kernels.overlapping(rows.first, rows.last, left)))
    return len(overlapping) - len(left), overlaps


def _partition(rows: _Rows, order: U4, end: int) -> Ranges:
    """Settle who wins where. Compared are, in this order: held, date, size, and the rest."""
    held_since = (rows.status <= Holding.ASSIGNED).astype("u8") << np.uint64(32) | rows.date
    rest = rows.registry.astype("u8") << np.uint64(24) | rows.status.astype("u8") << np.uint64(16)
    rest |= rows.country
    size = rows.last - rows.first
    first, winner = kernels.sweep(rows.first, rows.last, held_since, size, rest, order, end)
    nobody = winner < 0

    def column(of: NDArray[Any], absent: int = 0) -> NDArray[Any]:
        if not len(of):
            return np.full(len(winner), absent, of.dtype)
        chosen: NDArray[Any] = of[winner]
        chosen[nobody] = absent
        return chosen

    status = column(rows.status, UNMENTIONED)
    pool, country, holder = column(rows.registry), column(rows.country), column(rows.holder)
    unheld = status > Holding.ASSIGNED
    registry = pool.copy()
    registry[unheld] = 0
    country[unheld] = 0
    day = column(rows.date)
    frozen(first, status, registry, pool, country, holder, day)
    return Ranges(first, status, registry, pool, country, holder, day, end)
