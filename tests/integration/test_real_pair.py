"""The full-scale pair: 1.46 million real routes, 723,524 real VRPs, five registries' files.

The dates of the files differ, so these figures say nothing about the world; they say that the
arithmetic is right at its full size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from validator.announced import AnnouncedRules
from validator.assembly import assemble
from validator.groupings import Attribution, Scheme
from validator.inputs import gather
from validator.model import Family
from validator.snapshot import Snapshot

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
    assert len(snapshot.coverages) == 5
    for coverage in snapshot.coverages.values():
        counted = sum(int(coverage.routes[family].sum()) for family in Family)
        assert counted + excluded == len(snapshot.routes)


@pytest.mark.parametrize("scheme", [Scheme.RIR, Scheme.COUNTRY])
def test_ipv4_space_of_the_groups_adds_up_to_the_union_of_all(
    snapshot: Snapshot, scheme: Scheme
) -> None:
    routes, start, stop = snapshot.routes, *snapshot.routes.family_range(Family.IPV4)
    coverage = snapshot.coverages[scheme, Attribution.ADDRESS]
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
        assert int(coverage.space[Family.IPV4][:, number].sum()) == union
