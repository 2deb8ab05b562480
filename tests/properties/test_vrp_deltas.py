"""Whatever sets follow one another, each delta leads from its set to the current one."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds import make_snapshot
from tests.oracle import V, vrp_batch, vrps
from validator.formats.vrp_deltas import Changes, DeltaHistory
from validator.tables.vrps import build_table

_BASE = make_snapshot()

Row = tuple[str, int, int]


def rows(changes: Changes) -> set[Row]:
    held = changes.vrps
    return {
        (str(held.prefixes[n]), int(held.max_length[n]), int(held.asn[n])) for n in range(len(held))
    }


def sets() -> st.SearchStrategy[list[list[V]]]:
    """Up to eight sets, drawn from a few VRPs, so that the same come and go again."""
    pool = st.lists(vrps(), min_size=1, max_size=12)
    return pool.flatmap(
        lambda few: st.lists(st.lists(st.sampled_from(few), max_size=12), min_size=1, max_size=8)
    )


@settings(max_examples=40, deadline=None)
@given(sets())
def test_a_delta_leads_from_any_known_serial_to_the_current_set(given: list[list[V]]) -> None:
    history = DeltaHistory(1, most_deltas=4)
    by_serial: dict[int, set[Row]] = {}
    current: set[Row] = set()
    for generation, held in enumerate(given, 1):
        table = build_table([vrp_batch(held)])
        version = history.observe(replace(_BASE, generation=generation, vrps=table))
        current = {(str(vrp.prefix), vrp.max_length, vrp.asn) for vrp in held}
        assert by_serial.setdefault(version.serial, current) == current
    known = 0
    for serial, before in by_serial.items():
        delta = history.since(1, serial)
        if delta is None:
            assert serial < max(by_serial) - 3
            continue
        known += 1
        announced, withdrawn = rows(delta.announced), rows(delta.withdrawn)
        assert not announced & before
        assert withdrawn <= before
        assert (before - withdrawn) | announced == current
    assert known == min(len(by_serial), 5)
