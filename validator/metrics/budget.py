"""How many series ``/metrics`` may have, and who of the groups is therefore in it.

The budget is kept by construction: registries, countries and the classes of countries are bounded
by the world, the watch list by the settings. The user's own schemes are not, so they are taken
whole while :data:`MOST_CUSTOM_GROUPS` lasts, in the order of their names. What is left out is said
in a metric, and ``/probe`` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from validator.figures.coverage import Coverage
from validator.groupings import Scheme
from validator.metrics.figures import Chosen
from validator.snapshot import Snapshot

MOST_SERIES = 40_000
"""On ``/metrics``, all told. A test holds it on the real table."""
MOST_GROUPS = 330
"""Groups of all schemes but networks and the user's own: some 250 countries, 80 others."""
MOST_CUSTOM_GROUPS = 100
"""Groups of the user's own schemes on ``/metrics``."""
CUSTOM = "custom-"


def on_metrics(snapshot: Snapshot, watch: Sequence[str]) -> tuple[list[Chosen], dict[str, int]]:
    """The groups on ``/metrics``; and of each scheme, how many groups are not there."""
    chosen: list[Chosen] = []
    left_out: dict[str, int] = {}
    left = MOST_CUSTOM_GROUPS
    for scheme, coverages in _schemes(snapshot):
        groups = len(coverages[0].groups)
        if scheme == Scheme.ASN:
            networks = [Chosen.some_of(coverage, watch) for coverage in coverages if watch]
            chosen += networks
            left_out[scheme] = groups - sum(each.known for each in networks)
            continue
        fits = not scheme.startswith(CUSTOM) or groups <= left
        left_out[scheme] = 0 if fits else groups
        if fits:
            left -= groups if scheme.startswith(CUSTOM) else 0
            chosen += map(Chosen.all_of, coverages)
    return chosen, left_out


def _schemes(snapshot: Snapshot) -> Iterator[tuple[str, list[Coverage]]]:
    """Every scheme in force with its coverages: ours first, the user's own after them."""
    found: dict[str, list[Coverage]] = {}
    for (scheme, _), coverage in snapshot.coverages.items():
        found.setdefault(str(scheme), []).append(coverage)
    yield from sorted(found.items(), key=lambda item: (item[0].startswith(CUSTOM), item[0]))
