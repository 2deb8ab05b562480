"""P2: shuffled VRPs and routes to every route validated, indexes included, against RTRlib.

Both sides begin with the same rows in the same shuffled order, parsed and in memory: RTRlib with
its own structures, we with columns. Both make their index of the VRPs and validate every route; we
also put the routes in order, which our way of validating needs. We use two threads for it, as the
product does; RTRlib's tree is filled by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench.common import Goal, Result, Unequal, alternate, real_routes, real_vrps, say, timed
from bench.rtrlib import Rtrlib, compare
from collectors.route_list import one_peer
from validator.inputs.batches import Inputs
from validator.model import RouteBatch, VrpBatch
from validator.state.pipeline_state import PipelineState
from validator.tables import routes
from validator.tables.announced import AnnouncedRules
from validator.tables.routes import RouteTable, SeenRoutes

PAIRS = 5
SEED = 6811
GOAL = Goal(25)


def run() -> Iterator[Result]:
    yield measure(real_vrps(), routes.see(real_routes()), PAIRS)


def measure(vrps: VrpBatch, seen: SeenRoutes, pairs: int) -> Result:
    """``seen`` are the distinct routes in order: shuffled here, and what the answers are held to.

    Raises:
        NotRun, Unequal: as the package says.
    """
    rng = np.random.default_rng(SEED)
    vrps = shuffled_vrps(vrps, rng)
    order = rng.permutation(len(seen))
    batch = as_batch(seen, order, vrps)
    with Rtrlib(vrps, batch.prefixes, batch.origin) as peer:
        say("P2: comparing answers")
        peer.build()
        peer.validate()
        theirs = np.empty(len(seen), "u1")
        theirs[order] = peer.states()
        found = ours(vrps, batch)
        for name in ("high", "low", "length"):
            if not np.array_equal(getattr(found, name), getattr(seen.prefixes, name)):
                raise Unequal(f"sorting the shuffled routes again changed the column {name}")
        if not np.array_equal(found.origin, seen.origin):
            raise Unequal("sorting the shuffled routes again changed the origins")
        compare(theirs, found.verdict, seen)
        say(f"P2: timing {pairs} pairs")
        taken = alternate(
            lambda: peer.build() + peer.validate(), lambda: timed(lambda: ours(vrps, batch)), pairs
        )
    return Result("P2", "RTRlib", GOAL, taken)


def ours(vrps: VrpBatch, batch: RouteBatch) -> RouteTable:
    """What the commands and the service do with columns that have been read."""
    state = PipelineState(AnnouncedRules())
    state.load(Inputs(vrps=[vrps], routes=[batch]))
    return state.routes


def shuffled_vrps(vrps: VrpBatch, rng: np.random.Generator) -> VrpBatch:
    order = rng.permutation(len(vrps))
    return replace(
        vrps,
        prefixes=vrps.prefixes.take(order),
        asn=vrps.asn[order],
        max_length=vrps.max_length[order],
        trust_anchor=vrps.trust_anchor[order],
        expires=vrps.expires[order],
    )


def as_batch(seen: SeenRoutes, order: np.ndarray, like: VrpBatch) -> RouteBatch:
    """The routes in another order, as the reader of route lists would give them."""
    return one_peer(
        seen.prefixes.take(order),
        seen.origin[order],
        np.zeros(len(seen), "u1"),
        replace(like.report, kind="route-list"),
    )
