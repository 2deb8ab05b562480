"""The RIB against a dictionary: whatever peers announce and withdraw, in whatever order."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_network

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import report
from validator.model import NO_ORIGIN, Entry, Peer, Prefix, Prefixes, RouteBatch
from validator.rib import Rib

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


updates = st.tuples(
    st.integers(0, len(PREFIXES) - 1),
    st.integers(0, len(PEERS) - 1),
    st.sampled_from((0, 0, 0, 1, 2)),
    st.sampled_from((None, NO_ORIGIN, 1, 2, 3)),
    st.integers(0, 2),
)


class Oracle:
    def __init__(self) -> None:
        self.cells: dict[tuple[int, int, int], tuple[int, int]] = {}

    def apply(self, given_updates: list[Update]) -> None:
        for prefix, peer, path, origin, neighbour in given_updates:
            if origin is None:
                self.cells.pop((prefix, peer, path), None)
            else:
                self.cells[prefix, peer, path] = origin, neighbour

    def clear(self, peer: int) -> None:
        self.cells = {key: value for key, value in self.cells.items() if key[1] != peer}

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


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.lists(updates, max_size=30), st.integers(0, 4)), max_size=12))
def test_any_history_gives_the_routes_a_dictionary_would(
    history: list[list[Update] | int],
) -> None:
    rib, oracle = Rib(), Oracle()
    before: dict[Prefix, list[tuple[int, int]]] = {}
    for step in history:
        if isinstance(step, int):
            rib.clear(PEERS[step])
            oracle.clear(step)
        else:
            rib.apply(batch(step))
            oracle.apply(step)
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
