"""Local exceptions on VRPs (RFC 8416): filters, then assertions, and what each of them did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validator import slurm as rules
from validator.model import (
    InputReport,
    Prefix,
    Prefixes,
    Slurm,
    SlurmAssertion,
    SlurmFilter,
    State,
    Verdict,
    VrpBatch,
)
from validator.origin_validation import explain
from validator.tables.vrps import build_table

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

VECTORS = json.loads((FIXTURES / "slurm_filter_vectors.json").read_text())["cases"]

Given = tuple[str, int, int]
"""Prefix, maxLength, AS number."""


def vrps(*given: Given, source: str = "export") -> VrpBatch:
    n = len(given)
    return VrpBatch(
        Prefixes.of([Prefix.parse(prefix) for prefix, _, _ in given]),
        np.array([asn for _, _, asn in given], "u4"),
        np.array([longest for _, longest, _ in given], "u1"),
        np.zeros(n, "u1"),
        np.full(n, 9, "i8"),
        ("ripe",),
        InputReport(source, "vrps", rows=n),
    )


def listed(batch: VrpBatch) -> list[Given]:
    return [
        (str(batch.prefixes[i]), int(batch.max_length[i]), int(batch.asn[i]))
        for i in range(len(batch))
    ]


def drop(prefix: str | None = None, asn: int | None = None) -> SlurmFilter:
    return SlurmFilter(Prefix.parse(prefix) if prefix else None, asn)


def add(prefix: str, longest: int, asn: int) -> SlurmAssertion:
    return SlurmAssertion(Prefix.parse(prefix), asn, longest)


def exceptions(*each: SlurmFilter | SlurmAssertion) -> Slurm:
    return Slurm(
        tuple(one for one in each if isinstance(one, SlurmFilter)),
        tuple(one for one in each if isinstance(one, SlurmAssertion)),
        (InputReport("mine.json", "slurm"),),
    )


WORLD: tuple[Given, ...] = (
    ("10.0.0.0/8", 8, 1),
    ("10.0.0.0/16", 24, 1),
    ("10.0.0.0/16", 16, 2),
    ("10.255.255.255/32", 32, 2),
    ("11.0.0.0/8", 8, 1),
    ("0.0.0.0/0", 0, 0),
    ("a00::/8", 8, 1),
    ("2001:db8::/32", 48, 4294967295),
    ("2001:db8::1/128", 128, 2),
    ("2001:db8:0:1::/64", 64, 2),
)


@pytest.mark.parametrize(
    ("what", "gone"),
    [
        (drop("10.0.0.0/8"), [0, 1, 2, 3]),
        (drop("10.0.0.0/9"), [1, 2]),
        (drop("10.0.0.0/16"), [1, 2]),
        (drop("10.0.0.0/17"), []),
        (drop("10.128.0.0/9"), [3]),
        (drop("10.0.0.0/7"), [0, 1, 2, 3, 4]),
        (drop("0.0.0.0/0"), [0, 1, 2, 3, 4, 5]),
        (drop("::/0"), [6, 7, 8, 9]),
        (drop("2001:db8::/64"), [8]),
        (drop("2001:db8::/63"), [8, 9]),
        (drop("2001:db8::1/128"), [8]),
        (drop("2001:db8::/127"), [8]),
        (drop(asn=1), [0, 1, 4, 6]),
        (drop(asn=0), [5]),
        (drop(asn=3), []),
        (drop(asn=4294967295), [7]),
        (drop("10.0.0.0/8", 2), [2, 3]),
        (drop("0.0.0.0/0", 1), [0, 1, 4]),
        (drop("::/0", 1), [6]),
        (drop("a00::/8", 2), []),
        (drop("0.0.0.0/0", 0), [5]),
        (drop("0.0.0.0/0", 3), []),
    ],
)
def test_a_filter_removes_what_lies_inside_its_prefix_and_has_its_as_number(
    what: SlurmFilter, gone: list[int]
) -> None:
    applied = rules.apply([vrps(*WORLD)], exceptions(what))
    assert listed(applied.batches[0]) == [row for i, row in enumerate(WORLD) if i not in gone]
    assert [(count.filter, count.matched) for count in applied.filters] == [(what, len(gone))]
    assert applied.removed == len(gone)
    assert len(applied.batches) == 1


def test_each_filter_counts_what_it_matches_and_the_total_counts_vrps_once() -> None:
    applied = rules.apply(
        [vrps(*WORLD)],
        exceptions(drop("10.0.0.0/8"), drop(asn=1), drop("10.0.0.0/8", 1), drop("10.0.0.0/8")),
    )
    assert [count.matched for count in applied.filters] == [4, 4, 2, 4]
    assert applied.removed == 6


def test_batches_stay_apart_and_untouched_ones_are_handed_on() -> None:
    one, two = vrps(("10.0.0.0/8", 8, 1), source="one"), vrps(*WORLD, source="two")
    empty = vrps(source="three")
    applied = rules.apply([one, empty, two], exceptions(drop("11.0.0.0/8")))
    assert applied.batches[0] is one
    assert applied.batches[1] is empty
    assert len(applied.batches[2]) == len(WORLD) - 1
    assert applied.batches[2].report is two.report
    assert applied.batches[2].expires.tolist() == [9] * (len(WORLD) - 1)


def test_without_exceptions_nothing_is_touched() -> None:
    batch = vrps(*WORLD)
    assert rules.apply([batch], exceptions()).batches == (batch,)


def test_no_vrps_and_no_batches_are_fine() -> None:
    for batches in ([], [vrps()]):
        applied = rules.apply(batches, exceptions(drop("::/0"), drop(asn=1), add("::/0", 0, 1)))
        assert [count.matched for count in applied.filters] == [0, 0]
        assert (applied.removed, applied.added, len(applied.batches)) == (0, 1, len(batches) + 1)


def test_filters_do_not_touch_assertions() -> None:
    """RFC 8416 section 3.2: the result is as if filtering came first."""
    applied = rules.apply(
        [vrps(*WORLD)], exceptions(drop("10.0.0.0/8"), drop(asn=7), add("10.1.0.0/16", 24, 7))
    )
    assert listed(applied.batches[-1]) == [("10.1.0.0/16", 24, 7)]
    assert (applied.added, applied.already_there) == (1, 0)


def test_an_assertion_is_a_vrp_of_the_trust_anchor_slurm_that_never_expires() -> None:
    added = rules.apply([], exceptions(add("2001:db8::/32", 48, 7))).batches[0]
    assert (added.trust_anchors, added.trust_anchor.tolist()) == (("slurm",), [0])
    assert added.expires.tolist() == [0]
    assert (added.report.source, added.report.kind, added.report.rows) == ("mine.json", "slurm", 1)
    assert [column.dtype.str[1:] for column in (added.asn, added.max_length, added.expires)] == [
        "u4",
        "u1",
        "i8",
    ]


def test_assertions_are_counted_as_added_or_already_there() -> None:
    applied = rules.apply(
        [vrps(*WORLD)],
        exceptions(
            drop("11.0.0.0/8"),
            add("10.0.0.0/16", 24, 1),  # there
            add("10.0.0.0/16", 24, 1),  # twice
            add("10.0.0.0/16", 23, 1),  # another maxLength
            add("10.0.0.0/16", 24, 2),  # another AS number
            add("10.0.0.0/15", 24, 1),  # another prefix
            add("11.0.0.0/8", 8, 1),  # there, but for the filter
            add("a00::/8", 8, 1),  # there
            add("10.0.0.0/8", 8, 1),  # there
        ),
    )
    assert (applied.added, applied.already_there) == (4, 3)
    assert len(applied.batches[-1]) == 8
    assert len(build_table(applied.batches)) == len(WORLD) - 1 + 4


def test_a_filter_without_prefix_and_as_number_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"section 3\.3\.1"):
        rules.apply([vrps(*WORLD)], exceptions(drop()))


@pytest.mark.parametrize("case", VECTORS, ids=[case["name"] for case in VECTORS])
def test_the_vectors_of_another_validator_hold(case: dict[str, Any]) -> None:
    given = vrps(*((v["prefix"], v["maxLength"], v["asn"]) for v in case["vrps"]))
    wanted = [drop(f.get("prefix"), f.get("asn")) for f in case["slurm_prefix_filters"]]
    table = build_table(rules.apply([given], exceptions(*wanted)).batches)
    route = case["route"]
    found = explain(Prefix.parse(route["prefix"]), route["asn"], table)
    assert Verdict(found.verdict).state is State(case["expected"])
