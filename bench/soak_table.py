"""The whole table of a snapshot as a file: what the service of the soak leaves behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.soak_world import Net, Vrp

if TYPE_CHECKING:
    from validator.snapshot import Snapshot

STATES = ("not-found", "valid", "invalid", "invalid", "invalid", "invalid")
"""Of a verdict's number (``validator.model.Verdict``)."""
Found = tuple[int, str]
"""Peers and state of a route."""
Table = dict[tuple[Net, int], Found]
"""By prefix and origin."""


def write_table(snapshot: Snapshot, path: Path) -> None:
    routes, vrps = snapshot.routes, snapshot.vrps
    np.savez(
        path,
        high=routes.high, low=routes.low, length=routes.length, origin=routes.origin,
        peers=routes.peers, verdict=routes.verdict, ipv6=np.array(routes.ipv6),
        vrp_high=vrps.high, vrp_low=vrps.low, vrp_length=vrps.length, vrp_first=vrps.first,
        vrp_asn=vrps.asn, vrp_max_length=vrps.max_length, vrp_ipv6=np.array(vrps.ipv6),
    )  # fmt: skip


def read_table(path: Path) -> tuple[Table, Counter[Vrp]]:
    """The routes, each with its peers and state, and how often each VRP is there.

    Raises:
        ValueError: a route is there twice.
    """
    with np.load(path) as columns:
        held: dict[str, NDArray[Any]] = {name: columns[name] for name in columns.files}
    nets = _nets(held["high"], held["low"], held["length"], int(held["ipv6"]))
    seen = held["origin"].tolist(), held["peers"].tolist(), held["verdict"].tolist()
    found = {
        (net, origin): (peers, STATES[verdict])
        for net, origin, peers, verdict in zip(nets, *seen, strict=True)
    }
    if len(found) != len(nets):
        raise ValueError(f"{path.name}: a route is there twice")
    first, most, asn = (held[f"vrp_{name}"].tolist() for name in ("first", "max_length", "asn"))
    vrp_nets = _nets(held["vrp_high"], held["vrp_low"], held["vrp_length"], int(held["vrp_ipv6"]))
    vrps = Counter(
        (net, most[row], asn[row])
        for number, net in enumerate(vrp_nets)
        for row in range(first[number], first[number + 1])
    )
    return found, vrps


def _nets(high: NDArray[Any], low: NDArray[Any], length: NDArray[Any], ipv6: int) -> list[Net]:
    """Rows as tuples; an IPv4 address sits in the top half of ``high``."""
    rows = zip(high.tolist(), low.tolist(), length.tolist(), strict=True)
    return [
        (4, upper >> 32, bits) if row < ipv6 else (6, upper << 64 | lower, bits)
        for row, (upper, lower, bits) in enumerate(rows)
    ]
