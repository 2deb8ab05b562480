"""Whatever sources say in whatever order: in force is their union, after SLURM."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import V, networks, report, vrp_batch, vrps
from validator.model import Prefix, Slurm, SlurmAssertion, SlurmFilter
from validator.state.vrp_store import VrpStore

NAMES = ("rtr:a", "rtr:b", "file")
Step = tuple[str, str, list[V], list[V]]

steps = st.tuples(
    st.sampled_from(("change", "change", "change", "reset")),
    st.sampled_from(NAMES),
    st.lists(vrps(), max_size=6),
    st.lists(vrps(), max_size=6),
)


@st.composite
def slurms(draw: st.DrawFn) -> Slurm:
    filters = [
        SlurmFilter(
            Prefix.of(draw(networks())) if has_prefix else None,
            draw(st.integers(0, 3)) if has_asn or not has_prefix else None,
        )
        for has_prefix, has_asn in draw(
            st.lists(st.tuples(st.booleans(), st.booleans()), max_size=2)
        )
    ]
    assertions = [
        SlurmAssertion(Prefix.of(vrp.prefix), vrp.asn, vrp.max_length)
        for vrp in draw(st.lists(vrps(), max_size=3))
    ]
    return Slurm(tuple(filters), tuple(assertions), (report("slurm"),))


def in_force(sources: dict[str, set[V]], slurm: Slurm | None) -> set[tuple[Prefix, int, int]]:
    rows = {
        (Prefix.of(vrp.prefix), vrp.max_length, vrp.asn)
        for held in sources.values()
        for vrp in held
    }
    if slurm is None:
        return rows
    kept = {
        row
        for row in rows
        if not any(
            (f.prefix is None or f.prefix.covers(row[0])) and f.asn in (None, row[2])
            for f in slurm.filters
        )
    }
    return kept | {(a.prefix, a.max_length, a.asn) for a in slurm.assertions}


@settings(max_examples=80, deadline=None)
@given(st.lists(steps, max_size=8), st.none() | slurms(), st.lists(vrps(), max_size=10))
def test_any_history_gives_the_union_after_slurm(
    history: list[Step], slurm: Slurm | None, first: list[V]
) -> None:
    store = VrpStore()
    store.load({"file": [vrp_batch(first)]}, slurm)
    sources = {"file": set(first)}
    for kind, name, announced, withdrawn in history:
        before = {(v.prefix, v.max_length, v.asn) for v in store.table}
        changed = None
        if kind == "change":
            here = sources.setdefault(name, set())
            named = store.change(name, vrp_batch(announced), vrp_batch(withdrawn))
            assert named is not None
            changed = {named[i] for i in range(len(named))}
            sources[name] = (here - set(withdrawn)) | set(announced)
        else:
            assert store.reset(name, vrp_batch(announced)) is None
            sources[name] = set(announced)
        held = [(v.prefix, v.max_length, v.asn) for v in store.table]
        assert len(held) == len(set(held))
        assert set(held) == in_force(sources, slurm)
        if changed is not None:
            assert changed == {row[0] for row in before ^ set(held)}
