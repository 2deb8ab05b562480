"""P6: VRPs change, and routes have new states.

Each change withdraws 500 VRPs, drawn from the whole real set, and announces the 500 that the one
before withdrew. It is timed twice on the real table:

*from=transaction*: in the service's own state, from the transaction to the snapshot that shows it.
Equality: every verdict is what a validation of the whole table gives, and the work is told by the
number of routes that lie under the changed VRPs.

*from=notify*: from the arrival of StayRTR's Serial Notify at the service, a process of its own, to
the first answer over HTTP that is the new one. Beside it BIRD, from the arrival of the same Notify
to the moment when the number of routes that its import filter lets in is right: it has the same
routes over BGP, keeps them ("import table") and runs its filter over all of them again. Both are
behind a relay that sees the Notify come; BIRD's is held back until we are done, so that neither
disturbs the other. BIRD is given its best case: a trie for the VRPs, the simplest filter there
is, and a settle time of 0.1 s after which it starts to filter (its default is 1 s; with a
millisecond it often starts before the change is complete, and does the work twice).
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.bird import bird_programs
from bench.common import ROUTES, NotRun, Unequal, real, real_routes, real_vrps, say, timed
from bench.p6_sides import Filtering, Probe, ServedVrps, Service
from collectors.live import VrpTransaction
from validator.inputs.batches import gather
from validator.model import Prefixes, RouteBatch, State, Verdict, VrpBatch
from validator.origin_validation import validate
from validator.snapshot import Snapshot, state_counts
from validator.state.pipeline_state import PipelineState
from validator.state.vrp_store import as_batch
from validator.tables.announced import AnnouncedRules
from validator.tables.routes import RouteTable
from validator.tables.vrps import build_table

Rows = NDArray[np.int64]
CHANGED, DELTAS, PAIRS = 1_000, 9, 3
GOAL_SECONDS, GOAL_ANSWER_SECONDS = 0.05, 2.0
SEED = 6
_BETWEEN_SECONDS = 3.0
"""For what follows a change (we count coverage) to be over before the next."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report. ``theirs`` and ``ours`` are seconds, of the same changes."""

    begins: str
    ours: tuple[float, ...]
    goal_seconds: float
    more: str
    peer: str = "none"
    theirs: tuple[float, ...] = ()

    def __str__(self) -> str:
        ours, peer, ratio = statistics.median(self.ours), "-", "-"
        if self.theirs:
            pairs = zip(self.theirs, self.ours, strict=True)
            peer = f"{statistics.median(self.theirs):.4g}"
            ratio = f"{statistics.median(theirs / ours for theirs, ours in pairs):.3g}"
        return (
            f"P6 peer={self.peer} peer_seconds={peer} ours_seconds={ours:.4g} ratio={ratio} "
            f"goal=<={self.goal_seconds:g}s {'met' if ours <= self.goal_seconds else 'missed'} "
            f"from={self.begins} worst_seconds={max(self.ours):.4g} {self.more}"
        )


def run() -> Iterator[Line]:
    vrps, listed = as_batch(build_table([real_vrps()])), real_routes()
    deltas = drawn(len(vrps), CHANGED, DELTAS + 1, SEED)
    yield measure(vrps, listed, deltas)
    yield from beside(vrps, listed, real(ROUTES), deltas[: PAIRS + 1])


def drawn(count: int, changed: int, sets: int, seed: int) -> list[Rows]:
    """Which VRPs are left out, one time after the other: sets of rows that share none."""
    rows = np.random.default_rng(seed).permutation(count)[: sets * (changed // 2)]
    return np.split(rows, sets)


# --------------------------------------------------------------------------- from the transaction


def measure(vrps: VrpBatch, listed: RouteBatch, deltas: Sequence[Rows]) -> Line:
    """
    Raises:
        Unequal: after a change, a verdict is not what validating the whole table gives.
    """
    state = PipelineState(AnnouncedRules())
    start(state, vrps, listed, deltas[0])
    say(f"P6: timing {len(deltas) - 1} changes")
    seconds, routes = [], []
    for back, gone in pairwise(deltas):
        transaction = _transaction(vrps, back, gone)
        seconds.append(timed(lambda: _published(state, transaction)))  # noqa: B023 - used here
        check(state)
        routes.append(under(state.routes, vrps.prefixes.take(np.concatenate([back, gone]))))
    changed = len(deltas[0]) + len(deltas[1])
    more = f"changed_vrps={changed} routes_validated={statistics.median(routes):.0f}"
    return Line("transaction", tuple(seconds), GOAL_SECONDS, more)


def start(state: PipelineState, vrps: VrpBatch, listed: RouteBatch, gone: Rows) -> None:
    """All routes, and all VRPs but those that are gone."""
    state.load(gather([listed]))
    held = _taken(vrps, np.delete(np.arange(len(vrps)), gone))
    _published(state, VrpTransaction("bench", True, held, _taken(vrps, gone[:0])))


def _transaction(vrps: VrpBatch, back: Rows, gone: Rows) -> VrpTransaction:
    return VrpTransaction("bench", False, _taken(vrps, back), _taken(vrps, gone))


def _published(state: PipelineState, transaction: VrpTransaction) -> Snapshot:
    state.apply([transaction])
    return state.snapshot()


def check(state: PipelineState) -> None:
    """
    Raises:
        Unequal: a verdict is not what validating the whole table gives.
    """
    table = state.routes
    anew = validate(table.seen(), state.vrps)
    if (differ := np.flatnonzero(anew != table.verdict)).size:
        row = int(differ[0])
        raise Unequal(
            f"{differ.size} verdicts, first {table.prefix(row)}: {Verdict(int(anew[row])).name} "
            f"anew, {Verdict(int(table.verdict[row])).name} after the change"
        )


def under(routes: RouteTable, changed: Prefixes) -> int:
    """How many routes lie under some prefixes."""
    inside = np.zeros(len(routes) + 1, "i8")
    for row in range(len(changed)):
        slice_ = routes.covered(changed[row])
        if slice_:
            inside[slice_.start] += 1
            inside[slice_.stop] -= 1
    return int(np.count_nonzero(np.cumsum(inside)))


def _taken(vrps: VrpBatch, rows: Rows) -> VrpBatch:
    return VrpBatch(
        vrps.prefixes.take(rows), vrps.asn[rows], vrps.max_length[rows],
        vrps.trust_anchor[rows], vrps.expires[rows], vrps.trust_anchors, vrps.report,
    )  # fmt: skip


# ------------------------------------------------------------------------------- from the Notify


def beside(
    vrps: VrpBatch, listed: RouteBatch, routes_file: Path, deltas: Sequence[Rows]
) -> Iterator[Line]:
    """``routes_file`` holds what ``listed`` does, for the service to read.

    Raises:
        NotRun: StayRTR, RTRlib or BIRD is missing; of BIRD, it is said after our line.
        Unequal: BIRD lets in another number of routes than are not invalid to us.
    """
    if shutil.which("stayrtr") is None:
        raise NotRun("no StayRTR here: apt install stayrtr")
    absent: NotRun | None = None
    try:
        bird_programs()
    except NotRun as reason:
        absent = reason
    state = PipelineState(AnnouncedRules(), coverages=())
    start(state, vrps, listed, deltas[0])
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cache = ServedVrps(folder, vrps, deltas[0])
        stack.callback(cache.stop)
        cache.wait()
        ours = Service(folder, cache.port, routes_file)
        stack.callback(ours.stop)
        ours.wait()
        theirs = None if absent else stack.enter_context(Filtering(folder, cache.port))
        if theirs:
            theirs.feed(state.routes, _not_invalid(state))
        say(f"P6: timing {len(deltas) - 1} changes{', each then by BIRD' if theirs else ''}")
        us, them, cpu = list[float](), list[float](), list[float]()
        for back, gone in pairwise(deltas):
            probe = _apply(state, vrps, back, gone)
            cache.leave_out(gone)
            us.append(ours.reaction(probe))
            time.sleep(_BETWEEN_SECONDS)
            if theirs:
                seconds, cpu_seconds = theirs.reaction(_not_invalid(state))
                them.append(seconds)
                cpu.append(cpu_seconds)
    more = f"changed_vrps={len(deltas[0]) + len(deltas[1])}"
    if cpu:
        more += f" peer_cpu_seconds={statistics.median(cpu):.3g}"
    peer = "BIRD" if them else "none"
    yield Line("notify", tuple(us), GOAL_ANSWER_SECONDS, more, peer, tuple(them))
    if absent:
        raise absent


def _apply(state: PipelineState, vrps: VrpBatch, back: Rows, gone: Rows) -> Probe:
    """Do a change here too; a route that it makes valid."""
    before = state.snapshot()
    after = _published(state, _transaction(vrps, back, gone))
    for row in back.tolist():
        prefix, asn = vrps.prefixes[row], int(vrps.asn[row])
        if asn and before.explain(prefix, asn).state is not State.VALID:
            assert after.explain(prefix, asn).state is State.VALID
            return Probe(prefix, asn, State.VALID)
    raise NotRun("a change turns no route")


def _not_invalid(state: PipelineState) -> int:
    counts = state_counts(state.routes.verdict)
    return counts[State.VALID] + counts[State.NOT_FOUND]
