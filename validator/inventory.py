"""How much a snapshot holds: VRPs by family and trust anchor, routes by family and state.

Counted once for each snapshot, in one pass over the columns; ``/status`` and ``/metrics`` show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from validator.model import Family, State
from validator.snapshot import Snapshot, state_counts
from validator.tables.vrps import VrpTable


@dataclass(frozen=True, slots=True)
class Inventory:
    """``vrps[family]`` counts by trust anchor, ``routes[family]`` by state; zeros are kept."""

    vrps: Mapping[Family, Mapping[str, int]]
    routes: Mapping[Family, Mapping[State, int]]


def take(snapshot: Snapshot) -> Inventory:
    """Count a snapshot: some milliseconds for the whole Internet, so not on the event loop."""
    routes = {}
    for family in Family:
        start, stop = snapshot.routes.family_range(family)
        routes[family] = state_counts(snapshot.routes.verdict[start:stop])
    return Inventory(_vrps(snapshot.vrps), routes)


def _vrps(table: VrpTable) -> dict[Family, dict[str, int]]:
    """VRPs lie in the order of their prefixes, so each family's are one slice."""
    split = int(table.first[table.ipv6])
    parts = {Family.IPV4: table.trust_anchor[:split], Family.IPV6: table.trust_anchor[split:]}
    anchors = table.trust_anchors
    return {
        family: dict(zip(anchors, np.bincount(part, minlength=len(anchors)).tolist(), strict=True))
        for family, part in parts.items()
    }
