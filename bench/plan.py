"""What a plan costs on the real table: who could raise coverage, by routes and by space.

``python -m bench.plan [RUNS]`` prints a line for each kind of group: the longest of the medians of
its questions, wall time in one thread. Goals: a country within 200 ms, a class of countries or a
registry's region within a second. Before that it shows that every plan begins where coverage is.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

from bench.common import ROOT, NotRun, Unequal, data_folder, real_routes, real_vrps, say, timed
from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from validator.groupings import Attribution
from validator.inputs.batches import gather
from validator.model import Family
from validator.planning.countries import countries
from validator.planning.plan import plan
from validator.planning.rows import Doer, Measure, Question
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules

RUNS = 5
GOALS = {"country": 200, "class": 1000, "region": 1000, "countries": 1000}
GROUPS = {
    "country": (("country", "US"), ("country", "BR"), ("country", "KE")),
    "class": (("ldc", "ldc"), ("m49-region", "019"), ("development", "other")),
    "region": (("rir", "arin"), ("rir", "ripencc")),
}


@dataclass(frozen=True, slots=True)
class Cost:
    kind: str
    questions: int
    slowest: str
    milliseconds: float

    def __str__(self) -> str:
        goal = GOALS[self.kind]
        met = "met" if self.milliseconds <= goal else "missed"
        return (
            f"plan kind={self.kind} questions={self.questions} slowest={self.slowest} "
            f"ms={self.milliseconds:.0f} goal=<={goal}ms {met}"
        )


def real_snapshot() -> Snapshot:
    """
    Raises:
        NotRun: there is no real data here.
    """
    files = sorted((data_folder() / "registry").glob("delegated-*-extended-latest.gz"))
    if not files:
        raise NotRun("no registry/delegated-*-extended-latest.gz in the folder of real data")
    lists = sorted((ROOT / "config" / "groups").glob("*.csv"))
    batches = [
        real_vrps(),
        real_routes(),
        *(read(Kind.RESOURCES, LocalFile(path, path.name), ReadOptions()) for path in files),
        *(read(Kind.GROUPS, LocalFile(path, path.name), ReadOptions()) for path in lists),
    ]
    say("building the tables")
    return assemble(gather(batches), AnnouncedRules())


def run(runs: int = RUNS) -> Iterator[Cost]:
    """
    Raises:
        NotRun: there is no real data here.
        Unequal: a plan does not begin where coverage is.
    """
    snapshot = real_snapshot()
    for kind, groups in GROUPS.items():
        slowest: tuple[float, str] = (0.0, "")
        asked = 0
        for (scheme, group), attribution, measure, by in product(
            groups, Attribution, Measure, Doer
        ):
            counted = snapshot.coverages[scheme, attribution]
            number = counted.index(group)
            if number is None:
                continue
            question = Question(scheme, group, attribution, Family.IPV4, measure, by)
            figures = counted.figures(number, Family.IPV4)
            now = plan(snapshot, question).now
            if (now.valid, now.valid_space, now.announced_space) != (
                figures.valid, figures.valid_space, figures.announced_space,
            ):  # fmt: skip
                raise Unequal(f"{scheme} {group} by {attribution}: {now} is not {figures}")
            took = statistics.median(timed(partial(plan, snapshot, question)) for _ in range(runs))
            asked += 1
            label = f"{group}/{attribution}/{measure}/{by}"
            slowest = max(slowest, (1000 * took, label))
        yield Cost(kind, asked, slowest[1], slowest[0])
    took = statistics.median(
        timed(lambda: countries(snapshot, "ldc", "ldc", Attribution.ADDRESS, Family.IPV4))
        for _ in range(runs)
    )
    yield Cost("countries", 1, "ldc", 1000 * took)


if __name__ == "__main__":
    try:
        for line in run(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS):
            print(line, flush=True)
    except (NotRun, Unequal) as reason:
        sys.exit(f"plan: {reason}")
