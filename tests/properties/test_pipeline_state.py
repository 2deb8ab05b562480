"""Live messages over loaded files: the tables are those that building anew would give."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.live import Message, PeersGone, PeersReturned, PeersReturning, VrpTransaction
from tests.oracle import R, V, judge, route_batch, routes, vrp_batch, vrps
from tests.properties.test_rib import PEERS, PREFIXES, Update, batch, updates
from validator.inputs.batches import Inputs
from validator.model import NO_ORIGIN, Prefix
from validator.state.pipeline_state import PipelineState
from validator.tables.announced import REASONS, AnnouncedRules

RULES = AnnouncedRules(special_prefixes=(), special_asns=((2, 2),), min_peers=2)
Event = tuple[str, object]

events = st.one_of(
    st.tuples(st.just("updates"), st.lists(updates, min_size=1, max_size=12)),
    st.tuples(
        st.just("vrps"), st.tuples(st.lists(vrps(), max_size=5), st.lists(vrps(), max_size=5))
    ),
    st.tuples(st.just("reset"), st.lists(vrps(), max_size=8)),
    st.tuples(st.just("gone"), st.integers(0, 4)),
    st.tuples(st.just("returns"), st.tuples(st.integers(0, 4), st.lists(updates, max_size=8))),
)


class World:
    """The same story told with sets."""

    def __init__(self, listed: list[R], files: list[V]) -> None:
        self.listed = {(Prefix.of(r.prefix), NO_ORIGIN if r.origin is None else r.origin)
                       for r in listed}  # fmt: skip
        self.files, self.rtr = set(files), set[V]()
        self.cells: dict[tuple[int, int, int], int] = {}

    def update(self, given_updates: list[Update]) -> None:
        for prefix, peer, path, origin, _ in given_updates:
            if origin is None:
                self.cells.pop((prefix, peer, path), None)
            else:
                self.cells[prefix, peer, path] = origin

    def expected(self) -> dict[tuple[Prefix, int], tuple[int, str, str]]:
        seen: dict[tuple[Prefix, int], set[object]] = {row: {"list"} for row in self.listed}
        for (number, peer, _), origin in self.cells.items():
            seen.setdefault((PREFIXES[number], origin), set()).add(peer)
        result = {}
        for (prefix, origin), peers in seen.items():
            route = R(ip_network(str(prefix)), None if origin == NO_ORIGIN else origin)
            result[prefix, origin] = len(peers), *judge(route, self.files | self.rtr)
        return result


@settings(max_examples=60, deadline=None)
@given(
    st.lists(routes(), max_size=10),
    st.lists(vrps(), max_size=10),
    st.lists(events, max_size=8),
)
def test_any_story_ends_in_the_tables_that_sets_give(
    listed: list[R], files: list[V], story: list[Event]
) -> None:
    state, world = PipelineState(RULES), World(listed, files)
    lists = [route_batch(listed)] if listed else []
    state.load(Inputs(vrps=[vrp_batch(files)], routes=lists))
    state.survey()
    state.recount()
    for kind, what in story:
        messages: list[Message] = []
        if kind == "updates":
            assert isinstance(what, list)
            messages.append(batch(what))
            world.update(what)
        elif kind == "vrps":
            assert isinstance(what, tuple)
            announced, withdrawn = what
            messages.append(
                VrpTransaction("rtr", False, vrp_batch(announced), vrp_batch(withdrawn))
            )
            world.rtr = (world.rtr - set(withdrawn)) | set(announced)
        elif kind == "reset":
            assert isinstance(what, list)
            messages.append(VrpTransaction("rtr", True, vrp_batch(what), vrp_batch([])))
            world.rtr = set(what)
        elif kind == "gone":
            assert isinstance(what, int)
            messages.append(PeersGone((PEERS[what],)))
            world.cells = {key: value for key, value in world.cells.items() if key[1] != what}
        else:
            assert isinstance(what, tuple)
            peer, said = what
            # No path identifiers: for those, what is gone stays until it is withdrawn by name.
            world.cells = {k: v for k, v in world.cells.items() if k[1] != peer or k[2] == 0}
            state.apply([PeersGone((PEERS[peer],))])
            own: list[Update] = [
                (prefix, peer, 0, origin, after) for prefix, _, _, origin, after in said
            ]
            before: list[Update] = [
                (k[0], peer, 0, v, 0) for k, v in world.cells.items() if k[1] == peer
            ]
            if before:
                state.apply([batch(before)])
            world.cells = {k: v for k, v in world.cells.items() if k[1] != peer}
            world.update(own)
            messages.append(PeersReturning((PEERS[peer],)))
            if own:
                messages.append(batch(own))
            messages.append(PeersReturned((PEERS[peer],)))
        state.apply(messages)
        snapshot = state.snapshot()
        held = {}
        for row in range(len(snapshot.routes)):
            route = snapshot.routes[row]
            verdict = route.verdict
            held[route.prefix, route.origin] = (route.peers, verdict.state.value, verdict.reason)
            too_long = route.prefix.length > (24 if route.prefix.family == 4 else 48)
            why = (
                "default-route" if route.prefix.length == 0
                else "special-purpose-asn" if route.origin == 2
                else "too-specific" if too_long
                else "too-few-peers" if route.peers < 2
                else ""
            )  # fmt: skip
            assert REASONS[int(snapshot.excluded[row])] == why
        assert held == world.expected()
        order = [(snapshot.routes.prefix(i), int(snapshot.routes.origin[i]))
                 for i in range(len(snapshot.routes))]  # fmt: skip
        assert order == sorted(order)
    state.survey()
    state.recount()
    snapshot = state.snapshot()
    counted = sum(snapshot.exclusions.values())
    for coverage in snapshot.coverages.values():
        total = sum(int(table.sum()) for table in coverage.routes.values())
        assert total + counted == len(snapshot.routes)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.lists(routes(), max_size=6), st.lists(vrps(), max_size=6)), max_size=5)
)
def test_loading_again_equals_loading_once(loads: list[tuple[list[R], list[V]]]) -> None:
    """Files change one after the other; the last ones alone decide."""
    again = PipelineState(RULES)
    for listed, files in loads:
        inputs = Inputs(vrps=[vrp_batch(files)], routes=[route_batch(listed)] if listed else [])
        again.load(inputs)
        once = PipelineState(RULES)
        once.load(inputs)
        for name in ("high", "low", "length", "origin", "peers", "verdict"):
            assert getattr(again.routes, name).tolist() == getattr(once.routes, name).tolist()
        assert list(again.vrps) == list(once.vrps)
        assert again.snapshot().excluded.tolist() == once.snapshot().excluded.tolist()
