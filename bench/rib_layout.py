"""The measurement behind docs/decisions/0001: how should the RIB lay out its cells?

    python -m bench.rib_layout [routes.csv.gz]

Two layouts hold the same thing, a pair number for each (prefix, peer): *by prefix* (the cells of a
prefix side by side) and *by peer* (a column for each peer). Timed: writing an update batch, and
gathering what all peers say of the prefixes that a batch touched. Then the RIB as it stands: peers
added one by one, update batches, and the routes under 1,000 VRP prefixes validated again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np

from collectors.base import LocalFile, ReadOptions
from collectors.route_list import load
from validator.model import Peer, RouteBatch
from validator.origin_validation import revalidate, validate
from validator.tables import routes
from validator.tables.rib import Rib
from validator.tables.vrps import build_table

DEFAULT = Path("../shared/data/bgp/as-prefix_20260619.csv.gz")


@numba.njit(nogil=True)
def _write(cells: Any, prefix_stride: int, peer_stride: int, prefixes: Any, peers: Any) -> None:
    for i in range(len(prefixes)):
        cells[prefixes[i] * prefix_stride + peers[i] * peer_stride] = i


@numba.njit(nogil=True)
def _gather(cells: Any, prefix_stride: int, peer_stride: int, prefixes: Any, peers: int) -> int:
    total = 0
    for i in range(len(prefixes)):
        for peer in range(peers):
            total += cells[prefixes[i] * prefix_stride + peer * peer_stride]
    return total


def best(run: Callable[[], object], times: int = 7) -> float:
    """The least of several times, in milliseconds."""
    least = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - began)
    return 1000 * least


def compare_layouts(prefixes: int, peers: int, batch: int) -> None:
    random = np.random.default_rng(1)
    cells = np.ones(prefixes * peers, "u4")
    touched = random.integers(0, prefixes, batch)
    speaking = random.integers(0, peers, batch)
    figures = []
    for strides in ((peers, 1), (1, prefixes)):
        written = best(partial(_write, cells, *strides, touched, speaking))
        gathered = best(partial(_gather, cells, *strides, touched, peers))
        figures.append((written, gathered))
    (a, b), (c, d) = figures
    print(
        f"{peers:3} peers, batch of {batch:6,}: by prefix write {a:.3f} ms, gather {b:.3f} ms; "
        f"by peer write {c:.3f} ms, gather {d:.3f} ms; gather ratio {d / b:.1f}"
    )


def feed(batch: RouteBatch, number: int) -> RouteBatch:
    """The table as one more full-feed peer would send it, through one of five neighbours."""
    entries = len(batch)
    neighbour = ((batch.origin * 2654435761 + number * 977) % 5 + 174).astype("u4")
    return RouteBatch(
        batch.prefixes, batch.prefix, batch.peer, batch.origin, neighbour,
        np.zeros(entries, "u4"), batch.flags, (Peer("bench", "", number),), batch.report,
    )  # fmt: skip


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    table = load(LocalFile(source, str(source)), ReadOptions())
    for peers in (2, 10, 50):
        for size in (1_000, 100_000):
            compare_layouts(1_500_000, peers, size)
    rib = Rib()
    for number in range(1, 11):
        one = feed(table, number)
        before, began = rib.bytes, time.perf_counter()
        rib.apply(one)
        print(
            f"peer {number:2}: applied in {time.perf_counter() - began:.3f} s, "
            f"{(rib.bytes - before) / 1e6:.1f} MB more, {rib.bytes / 1e6:.0f} MB in all"
        )
    rib.take_touched()
    random = np.random.default_rng(2)
    for size in (1_000, 10_000, 100_000):
        rows = random.integers(0, len(table), size)
        change = RouteBatch(
            table.prefixes.take(rows), np.arange(size, dtype="u4"), np.zeros(size, "u2"),
            table.origin[rows] + 1, np.full(size, 174, "u4"), np.zeros(size, "u4"),
            np.zeros(size, "u1"), (Peer("bench", "", 3),), table.report,
        )  # fmt: skip
        began = time.perf_counter()
        rib.apply(change)
        applied = time.perf_counter()
        touched = rib.take_touched()
        rib.derive(touched)
        print(
            f"update batch of {size:7,}: applied in {1000 * (applied - began):.1f} ms "
            f"({size / (applied - began) / 1e6:.1f} M/s), {len(touched):,} prefixes derived in "
            f"{1000 * (time.perf_counter() - applied):.1f} ms"
        )
    seen = routes.see(table)
    empty = build_table([])
    published = routes.publish(seen, validate(seen, empty))
    rows = random.integers(0, len(published), 1_000)
    verdict = published.verdict.copy()

    def again() -> None:
        for row in rows:
            under = published.covered(published.prefix(int(row)))
            revalidate(published, empty, under.start, under.stop, verdict)

    print(f"1,000 VRP prefixes: routes under them found and validated in {best(again):.1f} ms")


if __name__ == "__main__":
    main()
