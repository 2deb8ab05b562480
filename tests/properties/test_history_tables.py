"""Whatever a day rested on: what is rebuilt of it is what it was, compacted or not."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.live import PeersGone, VrpTransaction
from tests.feeds import group_batches
from tests.oracle import V, vrp_batch, vrps
from tests.properties.test_coverage import Record, records, resource_batch
from tests.properties.test_rib import PEERS, Update, batch, updates
from validator.figures.coverage import Coverage
from validator.freshness import SourceStatus
from validator.history import table_layouts
from validator.history.compacting import compact
from validator.history.rebuilding import Groups, differing, rebuild
from validator.history.records import days_between
from validator.history.runs import Wanted, counts, route_runs, vrp_runs
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.inputs.batches import Inputs
from validator.model import AsnNames, Family, InputReport
from validator.snapshot import Snapshot
from validator.state.pipeline_state import PipelineState
from validator.tables.announced import AnnouncedRules
from validator.tables.resources import ResourceTable

RULES = AnnouncedRules(special_prefixes=(), special_asns=((2, 2),))
FIRST = date(2025, 12, 29)
NOON = int(datetime(2025, 12, 29, 12, tzinfo=UTC).timestamp())
NAMES = AsnNames({1: "One, the 'first'", 4294967295: "\N{SNOWMAN}"}, InputReport("", ""))

stories = st.lists(
    st.tuples(
        st.lists(updates, max_size=12),
        st.lists(vrps(), max_size=5),
        st.lists(vrps(), max_size=3),
        st.sampled_from((None, *range(len(PEERS)))),
    ),
    min_size=2,
    max_size=3,
)


def assert_same(found: Any, expected: Any, what: str = "snapshot") -> None:
    """Two values, field by field and column by column."""
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype, what
        np.testing.assert_array_equal(found, expected, what)
        assert not found.flags.writeable, what
    elif isinstance(expected, ResourceTable):
        assert_same_resources(found, expected)
    elif isinstance(expected, Coverage | Snapshot) or hasattr(expected, "__dataclass_fields__"):
        for each in fields(expected):
            at = f"{what}.{each.name}"
            assert_same(getattr(found, each.name), getattr(expected, each.name), at)
    elif isinstance(expected, dict):
        assert set(found) == set(expected), what
        for key, value in expected.items():
            assert_same(found[key], value, f"{what}[{key}]")
    else:
        assert found == expected, what


def assert_same_resources(found: ResourceTable, expected: ResourceTable) -> None:
    """The same holders, whatever their numbers: those who hold nothing any more have none."""
    numbers = set()
    for name in ("ipv4", "ipv6", "asn"):
        mine, its = getattr(found, name), getattr(expected, name)
        numbers |= set(zip(mine.holder.tolist(), its.holder.tolist(), strict=True))
        assert_same(replace(mine, holder=its.holder), its, name)
    assert len({mine for mine, _ in numbers}) == len({its for _, its in numbers}) == len(numbers)
    assert all(found.holders[mine] == expected.holders[its] for mine, its in numbers)
    for name in ("registries", "countries", "overlaps", "duplicates"):
        assert getattr(found, name) == getattr(expected, name)


def kept(snapshot: Snapshot) -> Snapshot:
    """What of a snapshot the history keeps."""
    vrps_ = replace(
        snapshot.vrps, expires=np.zeros_like(snapshot.vrps.expires), aspas=(), router_keys=()
    )
    vrps_.expires.flags.writeable = False
    sightings = snapshot.sightings.over(snapshot.routes)
    return replace(snapshot, vrps=vrps_, sightings=sightings, slurm=None)


def assert_same_runs(tables: Tables, written: dict[date, Snapshot]) -> None:
    """Runs of VRPs and of routes, and counts by country, against every day's own."""

    def by_day(rows: list[dict[str, Any]]) -> dict[date, set[tuple[Any, ...]]]:
        found: dict[date, set[tuple[Any, ...]]] = {day: set() for day in written}
        for row in rows:
            *what, first, last = row.values()
            for day in days_between(first, last):
                assert tuple(what) not in found[day]
                found[day].add(tuple(what))
        return found

    assert by_day(vrp_runs(tables, Wanted(), 10_000).rows) == {
        day: {(str(v.prefix), v.asn, v.max_length, v.trust_anchor) for v in snapshot.vrps}
        for day, snapshot in written.items()
    }
    routes = {day: [each.routes[n] for n in range(len(each.routes))] for day, each in
              written.items()}  # fmt: skip
    assert by_day(route_runs(tables, Wanted(), 10_000).rows) == {
        day: {
            (str(r.prefix), None if r.origin < 0 else r.origin, str(r.verdict.state), r.verdict)
            for r in its
        }
        for day, its in routes.items()
    }
    for country in next(iter(written.values())).resources.countries[1:]:
        expected = []
        for day, snapshot in written.items():
            held = [snapshot.resources.holder_of(vrp.prefix) for vrp in snapshot.vrps]
            expected.append((day, sum(h is not None and h.country == country for h in held)))
        assert counts(tables, "TRUE", country) == expected


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(stories, st.lists(records(), max_size=12))
def test_what_is_rebuilt_of_a_day_is_what_it_was(
    story: list[tuple[list[Update], list[V], list[V], int | None]],
    held: list[Record],
) -> None:
    path = Path(tempfile.mkdtemp())
    try:
        tables, written, number = Tables(path), dict[date, Snapshot](), 0
        state = PipelineState(RULES, clock=lambda: NOON + 86_400 * number)
        resources = [resource_batch(held)] if held else []
        state.load(Inputs(resources=resources, names=[NAMES], groups=group_batches()))
        for number, (said, come, gone, leaves) in enumerate(story):
            messages = [VrpTransaction("rtr", False, vrp_batch(come), vrp_batch(gone))]
            state.apply([*messages, *([batch(said)] if said else [])])
            if leaves is not None:
                state.apply([PeersGone((PEERS[leaves],))])
            state.survey()
            state.recount()
            status = SourceStatus("rtr", "cache", "late", error="silent", since=NOON, stale_from=1)
            snapshot = state.snapshot(generation=number + 1, troubles=(status,))
            day = FIRST + timedelta(days=number)
            write_tables(snapshot, tables)
            written[day] = snapshot
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(table_layouts, "PART_ROWS", 3)
            for folder in tables.folders.values():
                compact(folder, 2025, today=FIRST + timedelta(days=2))
        assert list(tables.days()) == list(written)
        assert_same_runs(tables, written)
        for day, snapshot in written.items():
            rebuilt = rebuild(Tables(path), day, Groups.of(snapshot))
            assert_same(rebuilt, kept(snapshot))
            assert differing(rebuilt) == 0
            for family in Family:
                start, stop = snapshot.routes.family_range(family)
                for row in range(start, min(stop, start + 3)):
                    route = snapshot.routes[row]
                    asked = route.prefix, route.origin
                    assert rebuilt.explain(*asked) == kept(snapshot).explain(*asked)
    finally:
        shutil.rmtree(path)
