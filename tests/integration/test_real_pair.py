"""The full-scale pair: 1.46 million real routes, 723,524 real VRPs, five registries' files.

The dates of the files differ, so these figures say nothing about the world; they say that the
arithmetic is right at its full size.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from numpy.typing import NDArray

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from tests.served import ROOT
from validator.figures import coverage
from validator.groupings import Attribution, Scheme
from validator.groups.averages import averages, countries_of
from validator.inputs.batches import gather
from validator.model import U1, U8, Family, InternetUsers
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import REASONS, AnnouncedRules

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def snapshot(real_data: Path) -> Snapshot:
    sources = [
        (Kind.VRPS, real_data / "vrps" / "rpkiclient_summary_20250720T100145Z.json.bz2"),
        (Kind.ROUTES, real_data / "bgp" / "as-prefix_20260619.csv.gz"),
        *(
            (Kind.RESOURCES, path)
            for path in sorted((real_data / "registry").glob("delegated-*-extended-latest.gz"))
        ),
        *((Kind.GROUPS, path) for path in sorted((ROOT / "config" / "groups").glob("*.csv"))),
    ]
    batches = [read(kind, LocalFile(path, path.name), ReadOptions()) for kind, path in sources]
    return assemble(gather(batches), AnnouncedRules())


def test_the_states_are_those_that_rtrlib_bird_and_others_agree_on(snapshot: Snapshot) -> None:
    codes = np.bincount(snapshot.routes.verdict, minlength=6)
    assert len(snapshot.routes) == 1_464_772
    assert len(snapshot.vrps) == 723_524
    assert (int(codes[1]), int(codes[2:].sum()), int(codes[0])) == (773_827, 67_627, 623_318)


def test_groups_and_excluded_add_up_to_all_routes_for_every_scheme(snapshot: Snapshot) -> None:
    excluded = sum(snapshot.exclusions.values())
    assert len(snapshot.coverages) == 23
    for measured in snapshot.coverages.values():
        counted = sum(int(measured.routes[family].sum()) for family in Family)
        assert counted + excluded == len(snapshot.routes)
        by_reason = sum(measured.excluded[family].sum(axis=0) for family in Family)
        assert dict(zip(REASONS[1:], by_reason, strict=True)) == {
            reason: snapshot.exclusions.get(reason, 0) for reason in REASONS[1:]
        }


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize(
    "scheme", [Scheme.COUNTRY, Scheme.RIR, "m49-subregion", "ldc", "income", "ripe-subregion"]
)
def test_space_of_a_group_is_the_union_of_its_ranges(
    snapshot: Snapshot, scheme: str, family: Family
) -> None:
    """By cutting each route where its block ends, and a running maximum over the pieces."""
    measured = snapshot.coverages[scheme, Attribution.ADDRESS]
    first, last, group, verdict = pieces(snapshot, scheme, family)
    compared = 0
    for number in range(len(measured.groups)):
        mine = group == number
        for kind, chosen in enumerate(
            (mine, mine & (verdict > 0), mine & (verdict == 1), mine & (verdict > 1),
             mine & (verdict == 0))
        ):  # fmt: skip
            space = int(measured.space[family][number, kind])
            assert space == union(first[chosen], last[chosen])
        compared += bool(mine.any())
    assert compared >= (50 if scheme == Scheme.COUNTRY else 2)


def pieces(snapshot: Snapshot, scheme: str, family: Family) -> tuple[U8, U8, NDArray[np.intp], U1]:
    """What each counted route has in each group: where a piece begins and ends, whose it is, and
    the route's verdict."""
    routes, start, stop = snapshot.routes, *snapshot.routes.family_range(family)
    counted = snapshot.excluded[start:stop] == 0
    high, length = routes.high[start:stop][counted], routes.length[start:stop][counted]
    shift, bits = (32, 32) if family is Family.IPV4 else (0, 64)
    first = high >> np.uint64(shift)
    last = first + ((np.uint64(1) << (bits - length.astype("u8"))) - np.uint64(1))
    ranges, resources = snapshot.resources.ranges(family), snapshot.resources
    groups = snapshot.coverages[scheme, Attribution.ADDRESS].groups
    if scheme == Scheme.RIR:
        of = ranges.registry.astype("intp")
    else:
        lists = snapshot.lists.get(scheme)
        names = [
            code if lists is None or code == "ZZ" else lists.of.get(code, "other")
            for code in resources.countries
        ]
        of = np.array([groups.index(name) for name in names])[ranges.country]
    began = np.searchsorted(ranges.first, first, "right") - 1
    ended = np.searchsorted(ranges.first, last, "right") - 1
    times = ended - began + 1
    row = np.repeat(np.arange(len(first)), times)
    place = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times) + began[row]
    return (
        np.maximum(first[row], ranges.first[place]),
        np.minimum(last[row], ranges.last()[place]),
        of[place],
        routes.verdict[start:stop][counted][row],
    )


def union(first: U8, last: U8) -> int:
    """How many units ranges hold that come in order of their beginning; exact, with Python's
    integers where they are added up."""
    if not len(first):
        return 0
    through = np.maximum.accumulate(last)
    apart = np.ones(len(first), "?")
    apart[1:] = first[1:] > through[:-1]
    starts, ends = first[apart], through[np.append(np.flatnonzero(apart)[1:] - 1, len(last) - 1)]
    return sum((ends - starts + np.uint64(1)).tolist())


@pytest.mark.parametrize("attribution", list(Attribution))
def test_averages_of_classes_are_those_of_their_rows(
    snapshot: Snapshot, attribution: Attribution
) -> None:
    users = {
        code: InternetUsers(1000 + 37 * number, 2024)
        for number, code in enumerate(sorted(snapshot.countries))
        if number % 5
    }
    weighed = replace(snapshot, users=users)
    by_country = snapshot.coverages[Scheme.COUNTRY, attribution]
    compared = 0
    for scheme, lists in snapshot.lists.items():
        for group in lists.groups:
            for family in Family:
                means = averages(weighed, scheme, group, attribution, family)
                if not means:
                    continue
                rows = {
                    row["group"]: row
                    for row in coverage.rows(by_country, lambda _: "", (family,))
                    if row["group"] in countries_of(snapshot, scheme, group)
                }
                for share, mean in means.items():
                    values = {c: row[share] for c, row in rows.items() if row[share] is not None}
                    assert mean.countries == len(values)
                    assert mean.median_country == (
                        pytest.approx(median(values.values())) if values else None
                    )
                    people = {c: users[c].users for c in values if c in users}
                    assert (mean.people, mean.weighed) == (sum(people.values()), len(people))
                    if people:
                        total = sum(Fraction(values[c]) * n for c, n in people.items())
                        exact = float(total / sum(people.values()))
                        assert mean.people_weighted == pytest.approx(exact)
                    compared += bool(values)
    assert compared > 300


@pytest.mark.parametrize("scheme", [Scheme.RIR, Scheme.COUNTRY])
def test_ipv4_space_of_the_groups_adds_up_to_the_union_of_all(
    snapshot: Snapshot, scheme: Scheme
) -> None:
    routes, start, stop = snapshot.routes, *snapshot.routes.family_range(Family.IPV4)
    measured = snapshot.coverages[scheme, Attribution.ADDRESS]
    counted = snapshot.excluded[start:stop] == 0
    verdict = routes.verdict[start:stop]
    for number, chosen in enumerate(
        (counted, counted & (verdict > 0), counted & (verdict == 1), counted & (verdict > 1))
    ):
        first = (routes.high[start:stop][chosen] >> np.uint64(32)).astype("i8")
        last = first + (1 << (32 - routes.length[start:stop][chosen].astype("i8"))) - 1
        # The union of ranges in order of their beginning, by a running maximum: another way
        # than the kernel's, over all groups at once.
        through = np.concatenate([[-1], np.maximum.accumulate(last)[:-1]])
        union = int(np.maximum(last - np.maximum(first, through + 1) + 1, 0).sum())
        assert int(measured.space[Family.IPV4][:, number].sum()) == union
