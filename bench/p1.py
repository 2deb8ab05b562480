"""P1: the whole table validated, both sides sorted and indexed beforehand, against RTRlib.

RTRlib answers one route after the other from its tree; the routes come in sorted order, which suits
its caches best (shuffled, it takes twice as long). We merge two sorted tables. One of our runs is
over in some ten milliseconds, less than a time slice of a busy machine, so each sample of ours is
the mean of several.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.common import Goal, Result, alternate, real_routes, real_vrps, say, timed
from bench.rtrlib import Rtrlib, compare
from validator.model import VrpBatch
from validator.origin_validation import validate
from validator.tables import routes
from validator.tables.routes import SeenRoutes
from validator.tables.vrps import VrpTable, build_table

PAIRS = 7
REPETITIONS = 20
GOAL = Goal(100)


def run() -> Iterator[Result]:
    vrps = real_vrps()
    yield measure(vrps, build_table([vrps]), routes.see(real_routes()), PAIRS)


def measure(vrps: VrpBatch, table: VrpTable, seen: SeenRoutes, pairs: int) -> Result:
    """``table`` is ours, made of the same ``vrps`` that RTRlib is given.

    Raises:
        NotRun, Unequal: as the package says.
    """
    with Rtrlib(vrps, seen.prefixes, seen.origin) as peer:
        say("P1: comparing answers")
        peer.build()
        peer.validate()
        compare(peer.states(), validate(seen, table), seen)
        say(f"P1: timing {pairs} pairs")
        taken = alternate(peer.validate, lambda: _mean_seconds(seen, table), pairs)
    return Result("P1", "RTRlib", GOAL, taken)


def _mean_seconds(seen: SeenRoutes, table: VrpTable) -> float:
    return timed(lambda: [validate(seen, table) for _ in range(REPETITIONS)]) / REPETITIONS
