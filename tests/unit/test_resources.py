"""The resource table: complete partitions, who wins where records disagree, and look-ups."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from collectors import delegated
from collectors.base import LocalFile, ReadOptions
from validator.model import Holding, InputReport, Prefix, ResourceBatch, SourceError
from validator.tables.resources import (
    UNMENTIONED,
    Delegation,
    Ranges,
    ResourceTable,
    build_table,
    locate,
)

ALLOCATED, ASSIGNED, AVAILABLE, RESERVED = Holding

Row = tuple[int, int, int, Holding, str, str, str, int]


def batch(*rows: Row, source: str = "file") -> ResourceBatch:
    """Rows of kind, first, last, status, registry, country, opaque-id, date."""
    registries = tuple(dict.fromkeys(row[4] for row in rows))
    countries = tuple(dict.fromkeys(row[5] for row in rows))
    holders = tuple(dict.fromkeys(("", *(row[6] for row in rows))))
    return ResourceBatch(
        np.array([row[0] for row in rows], "u1"),
        np.array([row[1] for row in rows], "u8"),
        np.array([row[2] for row in rows], "u8"),
        np.array([row[3] for row in rows], "u1"),
        np.array([registries.index(row[4]) for row in rows], "u1"),
        np.array([countries.index(row[5]) for row in rows], "u2"),
        np.array([holders.index(row[6]) for row in rows], "u4"),
        np.array([row[7] for row in rows], "u4"),
        registries,
        countries,
        holders,
        InputReport(source, "resources"),
    )


def asn_batch(*rows: tuple[int, int, Holding, str, str, str, int]) -> ResourceBatch:
    return batch(*((0, *row) for row in rows))


def shown(table: ResourceTable, ranges: Ranges) -> list[tuple[object, ...]]:
    return [
        (
            int(ranges.first[i]),
            int(ranges.status[i]),
            table.registries[ranges.registry[i]],
            table.registries[ranges.pool[i]],
            table.countries[ranges.country[i]],
            table.holders[ranges.holder[i]],
        )
        for i in range(len(ranges))
    ]


NOBODY = (UNMENTIONED, "ZZ", "ZZ", "ZZ", "")


def test_without_records_each_space_is_one_range_of_nobody() -> None:
    for table in (build_table([]), build_table([batch()])):
        assert (table.registries, table.countries, table.holders) == (("ZZ",), ("ZZ",), ("",))
        for ranges, end in ((table.ipv4, 2**32), (table.ipv6, 2**64), (table.asn, 2**32)):
            assert shown(table, ranges) == [(0, *NOBODY)]
            assert ranges.last().tolist() == [end - 1]
        assert table.asn_holder(1) is None


def test_space_that_nobody_holds_belongs_to_zz_and_keeps_its_pool() -> None:
    table = build_table(
        [
            asn_batch(
                (10, 19, ALLOCATED, "ripencc", "NL", "a", 20100101),
                (20, 29, AVAILABLE, "ripencc", "ZZ", "ripencc", 20200101),
                (30, 39, RESERVED, "arin", "US", "", 0),
                (50, 59, ASSIGNED, "arin", "ZZ", "b", 0),
            )
        ]
    )
    assert shown(table, table.asn) == [
        (0, *NOBODY),
        (10, ALLOCATED, "ripencc", "ripencc", "NL", "a"),
        (20, AVAILABLE, "ZZ", "ripencc", "ZZ", ""),
        (30, RESERVED, "ZZ", "arin", "ZZ", ""),
        (40, *NOBODY),
        (50, ASSIGNED, "arin", "arin", "ZZ", "b"),
        (60, *NOBODY),
    ]
    assert (table.overlaps, table.duplicates) == (0, 0)


def test_records_may_fill_a_space_to_both_ends() -> None:
    table = build_table(
        [
            batch(
                (4, 0, 2**32 - 1, RESERVED, "iana", "ZZ", "", 0),
                (6, 0, 2**64 - 1, ALLOCATED, "arin", "US", "a", 0),
                (0, 2**32 - 1, 2**32 - 1, ALLOCATED, "arin", "US", "a", 0),
            )
        ]
    )
    assert shown(table, table.ipv4) == [(0, RESERVED, "ZZ", "iana", "ZZ", "")]
    assert shown(table, table.ipv6) == [(0, ALLOCATED, "arin", "arin", "US", "a")]
    assert table.ipv6.last().tolist() == [2**64 - 1]
    assert [row[0] for row in shown(table, table.asn)] == [0, 2**32 - 1]


def test_what_is_held_wins_over_later_and_shorter_records_that_are_not() -> None:
    table = build_table(
        [
            asn_batch(
                (0, 99, ALLOCATED, "arin", "US", "a", 0),
                (40, 49, RESERVED, "arin", "ZZ", "", 20260101),
            )
        ]
    )
    assert shown(table, table.asn)[0] == (0, ALLOCATED, "arin", "arin", "US", "a")
    assert len(table.asn) == 2
    assert table.overlaps == 2


def test_of_held_records_the_later_wins_then_the_shorter_then_the_registry() -> None:
    table = build_table(
        [
            asn_batch(
                (0, 9, ALLOCATED, "ripencc", "NL", "early", 20100101),
                (4, 99, ALLOCATED, "arin", "US", "late", 20110101),
                (20, 29, ALLOCATED, "ripencc", "DE", "short", 20110101),
                (25, 34, ALLOCATED, "apnic", "AU", "apnic", 20110101),
            )
        ]
    )
    assert [(row[0], row[5]) for row in shown(table, table.asn)] == [
        (0, "early"), (4, "late"), (20, "short"), (25, "apnic"), (35, "late"), (100, ""),
    ]  # fmt: skip
    assert table.overlaps == 4


def test_the_order_of_files_changes_nothing() -> None:
    files = [
        asn_batch((0, 50, ALLOCATED, "ripencc", "NL", "x", 20100101)),
        asn_batch((25, 75, ALLOCATED, "apnic", "AU", "x", 20100101)),
        asn_batch((40, 90, ASSIGNED, "apnic", "JP", "x", 20100101)),
    ]
    one, other = build_table(files), build_table(files[::-1])
    assert shown(one, one.asn) == shown(other, other.asn)
    assert one.registries == other.registries == ("ZZ", "apnic", "ripencc")


def test_the_same_records_in_a_second_file_merge_silently() -> None:
    rir = asn_batch(
        (0, 9, ALLOCATED, "arin", "US", "a", 20100101), (10, 19, RESERVED, "arin", "ZZ", "", 0)
    )
    nro = asn_batch(
        (0, 9, ALLOCATED, "arin", "US", "a", 20100101),
        (10, 19, RESERVED, "arin", "ZZ", "arin", 20260101),
        (5, 6, ALLOCATED, "ripencc", "NL", "c", 20050101),
    )
    table = build_table([rir, nro])
    assert table.duplicates == 2
    assert table.overlaps == 2  # the one that disagrees, and what it disagrees with
    assert shown(table, table.asn)[:2] == [
        (0, ALLOCATED, "arin", "arin", "US", "a"),
        (10, RESERVED, "ZZ", "arin", "ZZ", ""),
    ]


def test_a_holder_is_one_id_of_one_registry_in_one_file() -> None:
    one = asn_batch(
        (0, 0, ALLOCATED, "arin", "US", "same", 0),
        (1, 1, ALLOCATED, "arin", "US", "same", 0),
        (2, 2, ALLOCATED, "apnic", "AU", "same", 0),
        (3, 3, ALLOCATED, "apnic", "AU", "", 0),
    )
    two = asn_batch((4, 4, ALLOCATED, "arin", "US", "same", 0))
    table = build_table([one, two])
    a, b, c, unknown, d, _ = table.asn.holder.tolist()
    assert a == b
    assert len({a, c, d, 0}) == 4
    assert unknown == 0
    assert {table.holders[i] for i in (a, c, d)} == {"same"}


def test_the_faces_get_one_delegation() -> None:
    table = build_table(
        [
            batch(
                (4, 0xC0000200, 0xC00002FF, ASSIGNED, "arin", "US", "a", 20100101),
                (4, 0xC0000300, 0xC00003FF, AVAILABLE, "arin", "", "", 0),
                (6, 0x20010DB8_00000000, 0x20010DB8_FFFFFFFF, ALLOCATED, "apnic", "AU", "b", 0),
                (0, 64496, 64511, ALLOCATED, "ripencc", "NL", "c", 20080101),
            )
        ]
    )
    holder = Delegation("arin", "US", ASSIGNED, 20100101, "a", 0xC0000200, 0xC00002FF)
    # By its first address, even where the prefix is wider than the delegation.
    for prefix in ("192.0.2.0/24", "192.0.2.128/25", "192.0.2.0/23"):
        assert table.holder_of(Prefix.parse(prefix)) == holder
    assert table.holder_of(Prefix.parse("192.0.3.0/24")) is None
    assert table.record_of(Prefix.parse("192.0.3.0/24")) == Delegation(
        "arin", "ZZ", AVAILABLE, 0, "", 0xC0000300, 0xC00003FF
    )
    assert table.record_of(Prefix.parse("192.0.4.0/24")) is None
    assert table.record_of(Prefix.parse("255.255.255.255/32")) is None
    found = table.holder_of(Prefix.parse("2001:db8:ffff::1/128"))
    assert found is not None
    assert (found.registry, found.country) == ("apnic", "AU")
    assert table.asn_holder(64500) == Delegation(
        "ripencc", "NL", ALLOCATED, 20080101, "c", 64496, 64511
    )
    for asn in (-1, 0, 64512, 2**32 - 1, 2**32):
        assert table.asn_holder(asn) is None


def test_positions_are_located_in_any_order() -> None:
    dice = random.Random(3)
    cuts = sorted(dice.sample(range(1, 1000), 200))
    rows = [(a, b - 1, ALLOCATED, "arin", "US", str(a), 0) for a, b in pairwise(cuts)]
    ranges = build_table([asn_batch(*rows)]).asn
    ascending: Sequence[int] = range(1100)
    for positions in (ascending, dice.sample(ascending, 1100), [2**32 - 1, 0, 2**32 - 1], []):
        found = locate(ranges, np.array(positions, "u8"))
        expected = [max(i for i in range(len(ranges)) if ranges.first[i] <= p) for p in positions]
        assert found.tolist() == expected


def test_published_columns_are_read_only() -> None:
    ranges = build_table([asn_batch((0, 9, ALLOCATED, "arin", "US", "a", 0))]).asn
    for column in ("first", "status", "registry", "pool", "country", "holder", "date"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(ranges, column)[0] = 1


def test_more_registries_than_a_column_can_number_are_refused() -> None:
    files = [
        batch(*((0, i, i, ALLOCATED, f"r{part}-{i}", "US", "", 0) for i in range(130)), source=name)
        for part, name in enumerate(("one", "two"))
    ]
    assert len(build_table(files[:1]).registries) == 131
    with pytest.raises(SourceError, match="two: names 260 registries"):
        build_table(files)


def test_nested_and_staggered_records_in_great_number_are_settled_in_time() -> None:
    """A quadratic sweep over these would take minutes."""
    n = 200_000
    nested = [(i, 2**32 - 1 - i, ALLOCATED, "arin", "US", "", 20000101 + i % 7) for i in range(n)]
    table = build_table([asn_batch(*nested)])
    assert table.overlaps == n
    assert int(table.asn.first[0]) == 0


@pytest.mark.real_data
def test_the_files_of_2018_partition_each_space(real_data: Path) -> None:
    names = [
        f"delegated-{rir}-extended-latest.gz"
        for rir in ("afrinic", "apnic", "arin", "lacnic", "ripencc")
    ]
    batches = [
        delegated.load(LocalFile(real_data / "registry" / name, name), ReadOptions())
        for name in names
    ]
    table = build_table(batches)
    assert table.registries == ("ZZ", "afrinic", "apnic", "arin", "lacnic", "ripencc")
    assert (table.overlaps, table.duplicates) == (0, 0)
    for kind, ranges, size in (
        (4, table.ipv4, 2**32),
        (6, table.ipv6, 2**64),
        (0, table.asn, 2**32),
    ):
        sizes = [
            b - a + 1 for a, b in zip(ranges.first.tolist(), ranges.last().tolist(), strict=True)
        ]
        assert min(sizes) > 0
        assert sum(sizes) == size
        for status in Holding:
            # The records do not overlap, so each status has the space that its records add up to.
            expected = sum(
                sum(
                    b - a + 1
                    for a, b in zip(part.first[of].tolist(), part.last[of].tolist(), strict=True)
                )
                for part in batches
                for of in [(part.kind == kind) & (part.status == status)]
            )
            of_status = np.flatnonzero(ranges.status == status)
            assert sum(sizes[i] for i in of_status) == expected
    found = table.asn_holder(3333)
    assert found is not None
    assert (found.registry, found.country, found.date) == ("ripencc", "EU", 19940519)
    assert table.holder_of(Prefix.parse("10.0.0.0/8")) is None
    again = build_table([*batches, *batches])
    assert (again.overlaps, again.duplicates) == (0, sum(map(len, batches)))
    assert np.array_equal(again.ipv6.first, table.ipv6.first)
