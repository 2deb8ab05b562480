"""What-if: a supposed ROA for a /16 of the real table, beside validating the whole table again.

``python -m bench.what_if`` times the whole answer (states, space, coverage, warnings; JSON too) for
200 different /16s, each beside a full re-validation of the same change, whose flips must be the
same. ``python -m bench.what_if N`` then takes N random invalid and not-found routes, one by one:
the suggested ROA must make the route valid, and the routes it is said to turn invalid must be those
that a full re-validation finds (5,000 take some minutes).
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Iterator

import msgspec
import numpy as np

from bench.common import NotRun, Unequal, data_folder, real_routes, real_vrps, say, timed
from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from validator.inputs.batches import gather
from validator.model import Prefix
from validator.origin_validation import validate
from validator.planning.fixes import suggest
from validator.planning.hypothetical import Change, Payload, payload_batch, states, suppose
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.state.delta import change_vrps
from validator.tables.announced import AnnouncedRules
from validator.web.what_if import what_if

CHANGES = 200
GOAL_MS = 20


def real_snapshot() -> Snapshot:
    files = sorted((data_folder() / "registry").glob("delegated-*-extended-latest.gz"))
    resources = [read(Kind.RESOURCES, LocalFile(path, path.name), ReadOptions()) for path in files]
    batches = [real_vrps(), real_routes(), *resources]
    say("building the tables")
    return assemble(gather(batches), AnnouncedRules())


class Whole:
    """The long way: the changed VRP set, and every route validated again."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot, self._seen = snapshot, snapshot.routes.seen()
        self._now = states(snapshot.routes.verdict)

    def flips(self, roa: Payload) -> tuple[list[int], list[int]]:
        """The rows that become valid, and those that become invalid."""
        added, removed = payload_batch([roa]), payload_batch([])
        table = change_vrps(self._snapshot.vrps, added, removed).table
        then = states(validate(self._seen, table))
        rows = np.flatnonzero(then != self._now)
        return rows[then[rows] == 1].tolist(), rows[then[rows] == 2].tolist()


def sixteens(snapshot: Snapshot, count: int) -> list[Payload]:
    """ROAs for /16s, from an AS that announces something inside."""
    dice, routes = random.Random(1), snapshot.routes
    found: dict[Prefix, Payload] = {}
    while len(found) < count:
        row = dice.randrange(routes.ipv6)
        prefix, origin = routes.prefix(row), int(routes.origin[row])
        if prefix.length >= 16 and origin > 0:
            whole = prefix._replace(high=prefix.high >> 48 << 48, length=16)
            found[whole] = Payload(whole, 16, origin)
    return list(found.values())


def run(suggestions: int = 0) -> Iterator[str]:
    snapshot = real_snapshot()
    whole = Whole(snapshot)
    ours, theirs = [], []
    for roa in sixteens(snapshot, CHANGES):
        change = Change(add=(roa,))
        ours.append(timed(lambda: msgspec.json.encode(what_if(snapshot, change, 1000))))  # noqa: B023
        theirs.append(timed(lambda: whole.flips(roa)))  # noqa: B023
        outcome = suppose(snapshot, change)
        to_valid, to_invalid = whole.flips(roa)
        if outcome.rows[outcome.flips()].tolist() != sorted(to_valid + to_invalid):
            raise Unequal(f"what-if {roa.prefix} AS{roa.asn}: other flips than a full validation")
    median, full = statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3
    tenth = sorted(ours)[-len(ours) // 10] * 1e3
    met = "met" if median <= GOAL_MS else "missed"
    yield (
        f"what-if /16 n={len(ours)} median_ms={median:.3g} p90_ms={tenth:.3g} "
        f"full_validation_ms={full:.3g} goal=<={GOAL_MS}ms {met}"
    )
    if suggestions:
        yield _check(snapshot, whole, suggestions)


def _check(snapshot: Snapshot, whole: Whole, count: int) -> str:
    routes = snapshot.routes
    rows = random.Random(2).sample(np.flatnonzero(routes.verdict != 1).tolist(), count)
    listed, seconds = 0, 0.0
    for done, row in enumerate(rows):
        if done % 500 == 0:
            say(f"suggestions: {done} of {count}")
        prefix, origin = routes.prefix(row), int(routes.origin[row])
        began = time.perf_counter()
        fix = suggest(snapshot, prefix, origin)
        seconds += time.perf_counter() - began
        if fix.roa is None:
            continue
        if whole.flips(fix.roa) != ([row], fix.turns_invalid.tolist()):
            raise Unequal(f"fix for {prefix} AS{origin}: other flips than a full validation")
        listed += len(fix.turns_invalid)
    return f"fixes n={count} turned_invalid={listed} mean_us={seconds / count * 1e6:.0f} equal"


if __name__ == "__main__":
    try:
        for line in run(int(sys.argv[1]) if len(sys.argv) > 1 else 0):
            print(line, flush=True)
    except (NotRun, Unequal) as reason:
        sys.exit(str(reason))
