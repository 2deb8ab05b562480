"""The RIB against a dictionary: whatever peers announce and withdraw, lose and announce again, in
whatever order."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_network

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import report
from validator.model import NO_ORIGIN, Entry, Peer, Prefix, Prefixes, RouteBatch
from validator.tables.rib import Rib

PREFIXES = [
    Prefix.of(ip_network(text))
    for text in ("10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "2001:db8::/32", "2001:db8::/48")
]
PEERS = [Peer("rrc", f"192.0.2.{n}", 64496 + n) for n in range(5)]
Update = tuple[int, int, int, int | None, int]  # prefix, peer, path id, origin (None: gone), next


def batch(updates: list[Update]) -> RouteBatch:
    """Updates as a batch of their own peers only, each with a prefix row of its own."""
    peers = sorted({update[1] for update in updates})
    return RouteBatch(
        Prefixes.of([PREFIXES[update[0]] for update in updates]),
        np.arange(len(updates), dtype="u4"),
        np.array([peers.index(update[1]) for update in updates], "u2"),
        np.array([update[3] if update[3] is not None else 0 for update in updates], "i8"),
        np.array([update[4] for update in updates], "u4"),
        np.array([update[2] for update in updates], "u4"),
        np.array([0 if update[3] is not None else Entry.WITHDRAWN for update in updates], "u1"),
        tuple(PEERS[peer] for peer in peers),
        report("mrt"),
    )


# One prefix and one peer are drawn more often, so that much befalls the same cell.
some_prefix = st.sampled_from((0, 0, 0, *range(len(PREFIXES))))
some_peer = st.sampled_from((0, 0, 0, *range(len(PEERS))))
updates = st.tuples(
    some_prefix,
    some_peer,
    st.sampled_from((0, 0, 0, 1, 2)),
    st.sampled_from((None, NO_ORIGIN, 1, 2, 3)),
    st.integers(0, 2),
)


happenings = st.tuples(
    st.sampled_from(("clear", "expect", "expect", "settle", "settle")), some_peer
)
Step = list[Update] | tuple[str, int]


class Oracle:
    def __init__(self) -> None:
        self.cells: dict[tuple[int, int, int], tuple[int, int]] = {}
        self.since: dict[int, set[tuple[int, int, int]]] = {}

    def step(self, step: Step) -> None:
        match step:
            case list():
                self.apply(step)
            case ("clear", peer):
                self.since.pop(peer, None)
                self.keep(peer, set())
            case ("expect", peer):
                self.since[peer] = set()
            case ("settle", peer) if peer in self.since:
                self.keep(peer, self.since.pop(peer))

    def apply(self, given_updates: list[Update]) -> None:
        for prefix, peer, path, origin, neighbour in given_updates:
            if origin is None:
                self.cells.pop((prefix, peer, path), None)
            else:
                self.cells[prefix, peer, path] = origin, neighbour
                if peer in self.since:
                    self.since[peer].add((prefix, peer, path))

    def keep(self, peer: int, announced: set[tuple[int, int, int]]) -> None:
        """Of this peer, only these."""
        self.cells = {
            key: value for key, value in self.cells.items() if key[1] != peer or key in announced
        }

    def routes(self) -> list[tuple[Prefix, int, int]]:
        seen: dict[tuple[Prefix, int], set[int]] = defaultdict(set)
        for (prefix, peer, _), (origin, _) in self.cells.items():
            seen[PREFIXES[prefix], origin].add(peer)
        return sorted((prefix, origin, len(peers)) for (prefix, origin), peers in seen.items())

    def adjacencies(self) -> list[tuple[int, int]]:
        return sorted({pair for pair in self.cells.values() if pair[1]})


def routes_of(rib: Rib) -> list[tuple[Prefix, int, int]]:
    prefixes, origin, peers = rib.derive(rib.everything())
    return [(prefixes[i], int(origin[i]), int(peers[i])) for i in range(len(origin))]


def take(rib: Rib, step: Step) -> None:
    if isinstance(step, list):
        rib.apply(batch(step))
    else:
        getattr(rib, step[0])(PEERS[step[1]])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.lists(updates, max_size=20), happenings), max_size=16))
def test_any_history_gives_the_routes_a_dictionary_would(history: list[Step]) -> None:
    rib, oracle = Rib(), Oracle()
    before: dict[Prefix, list[tuple[int, int]]] = {}
    for step in history:
        take(rib, step)
        oracle.step(step)
        assert routes_of(rib) == oracle.routes()
        origins, neighbours = rib.adjacencies()
        assert list(zip(origins.tolist(), neighbours.tolist(), strict=True)) == oracle.adjacencies()
        now: dict[Prefix, list[tuple[int, int]]] = defaultdict(list)
        for prefix, origin, peers in oracle.routes():
            now[prefix].append((origin, peers))
        touched = rib.take_touched()
        named = {rib.prefixes(touched)[i] for i in range(len(touched))}
        changed = {prefix for prefix in {*before, *now} if before.get(prefix) != now.get(prefix)}
        assert changed <= named, "every prefix whose routes changed is touched"
        before = dict(now)


def test_growth_loses_nothing() -> None:
    """Many prefixes, pairs, peers and paths: every column grows several times."""
    rib, count = Rib(), 5000
    for peer in range(3):
        rows = np.repeat(np.arange(count, dtype="u4"), 2)
        rib.apply(
            RouteBatch(
                Prefixes(
                    np.full(count, 4, "u1"),
                    np.arange(count, dtype="u8") << np.uint64(40),
                    np.zeros(count, "u8"),
                    np.full(count, 24, "u1"),
                ),
                rows,
                np.zeros(2 * count, "u2"),
                (rows * 2 + np.tile([0, 1], count) + peer).astype("i8"),
                np.ones(2 * count, "u4"),
                np.tile(np.array([0, 7], "u4"), count),
                np.zeros(2 * count, "u1"),
                (PEERS[peer],),
                report("mrt"),
            )
        )
    prefixes, origin, peers = rib.derive(rib.everything())
    # Prefix n has origins 2n and 2n + 1 of peer 0, 2n + 1 and 2n + 2 of peer 1, and so on.
    expected = [(2 * n + k, seen) for n in range(count) for k, seen in enumerate((1, 2, 2, 1))]
    assert list(zip(origin.tolist(), peers.tolist(), strict=True)) == expected
    assert len(prefixes) == len(expected)


def test_a_peer_with_most_of_the_largest_table_is_a_full_feed() -> None:
    rib = Rib()
    everyone = [(prefix, 0, 0, 1, 0) for prefix in range(3)]
    rib.apply(batch([*everyone, (0, 1, 0, 1, 0), (1, 1, 0, 1, 0), (2, 2, 0, 1, 0)]))
    rib.apply(batch([(prefix, 3, 9, 1, 0) for prefix in range(3)]))
    sizes = {size.peer: (size.ipv4, size.full_ipv4, size.full_ipv6) for size in rib.peer_sizes()}
    assert sizes == {
        PEERS[0]: (3, True, False),
        PEERS[1]: (2, False, False),
        PEERS[2]: (1, False, False),
        PEERS[3]: (3, True, False),
    }


def test_a_peer_with_too_many_paths_for_one_prefix_is_counted_and_not_obeyed() -> None:
    rib = Rib()
    rib.apply(batch([(0, 0, path + 1, path % 3 + 1, 0) for path in range(300)]))
    assert rib.refused == 300 - 256
    assert routes_of(rib) == [(PREFIXES[0], origin, 1) for origin in (1, 2, 3)]


def test_a_peer_that_returns_with_other_paths_keeps_only_these_even_if_it_has_the_most() -> None:
    """Each old path makes room for a new one: none of the new is refused."""
    rib = Rib()
    rib.apply(batch([(0, 0, path, 1, 0) for path in range(1, 257)]))
    rib.expect(PEERS[0])
    rib.apply(batch([(0, 0, path, 2, 0) for path in range(257, 513)]))
    assert routes_of(rib) == [(PREFIXES[0], 2, 1)]
    rib.settle(PEERS[0])
    assert rib.refused == 0
    rib.apply(batch([(0, 0, path, None, 0) for path in range(257, 512)]))
    assert routes_of(rib) == [(PREFIXES[0], 2, 1)]
    rib.apply(batch([(0, 0, 512, None, 0)]))
    assert routes_of(rib) == []


def test_a_path_withdrawn_by_a_peer_that_returns_is_gone_and_its_others_wait() -> None:
    rib = Rib()
    rib.apply(batch([(0, 0, 0, 1, 0), (0, 0, 1, 2, 0), (0, 0, 2, 3, 0), (0, 1, 2, 3, 0)]))
    rib.expect(PEERS[0])
    rib.apply(batch([(0, 0, 1, None, 0)]))
    assert routes_of(rib) == [(PREFIXES[0], 1, 1), (PREFIXES[0], 3, 2)]
    rib.apply(batch([(0, 0, 2, 3, 0)]))
    rib.settle(PEERS[0])
    assert routes_of(rib) == [(PREFIXES[0], 3, 2)]
    rib.clear(PEERS[0])
    assert routes_of(rib) == [(PREFIXES[0], 3, 1)]


def test_waiting_for_peers_without_add_path_costs_a_byte_for_each_prefix() -> None:
    rib = Rib()
    rib.apply(batch([(prefix, 0, 0, 1, 0) for prefix in range(5)]))
    before = rib.bytes
    rib.expect(PEERS[0])
    assert rib.bytes == before + 5
