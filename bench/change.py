"""What it costs to say what moved a share between two days of the real table.

``python -m bench.change [RUNS]``: two days that differ in 0.5 % of routes and of VRPs, and a line
for each kind of group: the longest of the medians of its questions, answered in words, wall time
in one thread. Goals: half a second, and that no other thread is held up for more than 20 ms. Before
that it shows that both ends are what coverage has, and that contributions and causes add up to what
lies between, as integers.
"""

from __future__ import annotations

import gc
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np

from bench.common import ROOT, NotRun, Unequal, data_folder, real_routes, real_vrps, say, timed
from bench.history import held_up
from bench.plan import GROUPS as PLANNED
from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from validator.change.causes import Figure
from validator.change.shares import By, Change, Question, change
from validator.groupings import Attribution
from validator.inputs.batches import gather
from validator.model import Family
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules
from validator.web.change import MOST
from validator.web.change_described import describe

RUNS = 5
GOAL_MS = 500
GOAL_HELD_MS = 20
CHANGED = 0.005
GROUPS = {"network": (("asn", "AS3356"),), **PLANNED}


@dataclass(frozen=True, slots=True)
class Cost:
    kind: str
    questions: int
    slowest: str
    milliseconds: float
    held: float

    def __str__(self) -> str:
        good = self.milliseconds <= GOAL_MS and self.held <= GOAL_HELD_MS
        met = "met" if good else "missed"
        return (
            f"change kind={self.kind} questions={self.questions} slowest={self.slowest} "
            f"ms={self.milliseconds:.0f} goal=<={GOAL_MS}ms held_ms={self.held:.1f} "
            f"goal=<={GOAL_HELD_MS}ms {met}"
        )


def two_days() -> tuple[Snapshot, Snapshot]:
    """
    Raises:
        NotRun: there is no real data here.
    """
    files = sorted((data_folder() / "registry").glob("delegated-*-extended-latest.gz"))
    if not files:
        raise NotRun("no registry/delegated-*-extended-latest.gz in the folder of real data")
    lists = sorted((ROOT / "config" / "groups").glob("*.csv"))
    others = [
        *(read(Kind.RESOURCES, LocalFile(path, path.name), ReadOptions()) for path in files),
        *(read(Kind.GROUPS, LocalFile(path, path.name), ReadOptions()) for path in lists),
    ]
    vrps, routes, dice = real_vrps(), real_routes(), np.random.default_rng(1)
    days = []
    for day in (1, 2):  # each misses half of what differs
        say(f"building day {day}")
        v = np.flatnonzero(dice.random(len(vrps)) >= CHANGED / 2)
        r = np.flatnonzero(dice.random(len(routes)) >= CHANGED / 2)
        fewer = replace(
            vrps, prefixes=vrps.prefixes.take(v), asn=vrps.asn[v], max_length=vrps.max_length[v],
            trust_anchor=vrps.trust_anchor[v], expires=vrps.expires[v],
        )  # fmt: skip
        left = replace(
            routes, prefix=routes.prefix[r], peer=routes.peer[r], origin=routes.origin[r],
            neighbour=routes.neighbour[r], path_id=routes.path_id[r], flags=routes.flags[r],
        )  # fmt: skip
        days.append(assemble(gather([fewer, left, *others]), AnnouncedRules()))
    return days[0], days[1]


def verify(before: Snapshot, after: Snapshot, found: Change) -> None:
    """
    Raises:
        Unequal: it does not begin or end where coverage is, or does not add up.
    """
    asked = found.question
    for snapshot, (part, whole) in ((before, found.before), (after, found.after)):
        coverage = snapshot.coverages[asked.scheme, asked.attribution]
        its = coverage.figures(coverage.groups.index(asked.group), asked.family)
        counted = {
            Figure.VALID_SHARE: (its.valid, its.announced),
            Figure.COVERAGE: (its.valid + its.invalid, its.announced),
            Figure.ACCURACY: (its.valid, its.valid + its.invalid),
        }[asked.figure]
        if (part, whole) != counted:
            raise Unequal(f"{asked}: {part} of {whole} is not {counted}")
    total, each = found.total(), found.first(1 << 30)
    sums = (
        sum(one.exact or 0 for one in each),
        sum(part.exact or 0 for one in each for part in one.parts),
        sum(part.exact or 0 for part in total.parts),
    )
    if set(sums) != {total.exact} or found.quotient(total.exact) != found.change:
        raise Unequal(f"{asked}: {sums} is not {total.exact}, or that is not {found.change}")


def run(runs: int = RUNS) -> Iterator[Cost]:
    """
    Raises:
        NotRun: there is no real data here.
        Unequal: a change does not add up.
    """
    before, after = two_days()
    gc.collect()
    gc.freeze()  # as the service does: a collection that walks all there is holds everybody up
    for kind, groups in GROUPS.items():
        slowest: tuple[float, str] = (0.0, "")
        asked, held = 0, 0.0
        for (scheme, group), attribution, by in product(groups, Attribution, By):
            if (scheme, attribution) not in before.coverages:
                continue
            for figure in Figure:
                question = Question(scheme, group, attribution, Family.IPV4, figure, by)
                found = change(before, after, question)
                verify(before, after, found)
            question = replace(question, figure=Figure.VALID_SHARE)
            work = partial(describe, before, after, question, MOST)
            took = statistics.median(timed(work) for _ in range(runs))
            with held_up() as other:
                work()
            held = max(held, other.worst)
            asked += 1
            slowest = max(slowest, (1000 * took, f"{group}/{attribution}/{by}"))
        yield Cost(kind, asked, slowest[1], slowest[0], held)


if __name__ == "__main__":
    try:
        for line in run(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS):
            print(line, flush=True)
    except (NotRun, Unequal) as reason:
        sys.exit(f"change: {reason}")
