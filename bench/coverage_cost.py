"""What each figure of coverage costs after validation: CPU time on the real table, all schemes.

``python -m bench.coverage_cost [RUNS]`` prints a line for each figure, the median of the runs, and
their sum beside the goal: 300 ms of CPU for every network, country and scheme. Before that it shows
that for every scheme the groups and what is excluded add up to all routes.

The table is a route list: it has no paths and no peers. Neighbours (two for each origin) and
sightings (60 full feeds) are made up here, so that their figures cost what they would. The same
figures are checked against those of the snapshot; what its whole recount takes stands in the last
line too.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from bench.common import ROOT, NotRun, Unequal, data_folder, real_routes, real_vrps, say
from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from validator.figures import holdings, wider
from validator.figures.facts import SHIFT, Blocks, Facts
from validator.figures.visibility import Sightings, States
from validator.groupings import Attribution, ByAddress, ByOrigin, Lists, Scheme, wanted
from validator.inputs.batches import Inputs, gather
from validator.kernels import coverage as kernels
from validator.model import U4, U8, Family, Grouping
from validator.snapshot import Adjacencies, Snapshot
from validator.state.pipeline_state import PipelineState
from validator.tables.announced import AnnouncedRules
from validator.tables.columns import distinct
from validator.tables.resources import ResourceTable

RUNS = 5
GOAL_MS = 300
FEEDS = 60

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    figure: str
    milliseconds: float

    def __str__(self) -> str:
        return f"coverage-cost figure={self.figure} cpu_ms={self.milliseconds:.1f}"


@dataclass(frozen=True, slots=True)
class Total:
    costs: tuple[Cost, ...]
    recount_ms: float

    def __str__(self) -> str:
        total = sum(cost.milliseconds for cost in self.costs)
        met = "met" if total <= GOAL_MS else "missed"
        return (
            f"coverage-cost figures={len(self.costs)} sum_cpu_ms={total:.0f} goal=<={GOAL_MS}ms "
            f"{met} recount_cpu_ms={self.recount_ms:.0f}"
        )


class World:
    """The real table, validated, with everything that a recount needs."""

    def __init__(self) -> None:
        files = sorted((data_folder() / "registry").glob("delegated-*-extended-latest.gz"))
        if not files:
            raise NotRun("no registry/delegated-*-extended-latest.gz in the folder of real data")
        lists = sorted((ROOT / "config" / "groups").glob("*.csv"))
        options = ReadOptions()
        batches = [
            real_vrps(),
            real_routes(),
            *(read(Kind.RESOURCES, LocalFile(path, path.name), options) for path in files),
            *(read(Kind.GROUPS, LocalFile(path, path.name), options) for path in lists),
        ]
        say("building the tables")
        self.state = PipelineState(AnnouncedRules())
        inputs: Inputs = gather(batches)
        self.state.load(inputs)
        self.state.survey()
        self.state.recount()
        self.snapshot: Snapshot = self.state.snapshot()
        self.groupings: tuple[Grouping, ...] = tuple(self.snapshot.groupings.values())
        dice = np.random.default_rng(1)
        origins = distinct(self.snapshot.routes.origin)
        pairs = np.repeat(origins, 2)
        neighbours = dice.choice(np.maximum(origins, 1)[: len(origins) // 8], len(pairs))
        self.adjacencies = Adjacencies(pairs, neighbours.astype("u4"))
        seen = dice.integers(FEEDS // 2, FEEDS + 1, len(self.snapshot.routes)).astype("u2")
        self.sightings = Sightings(
            dict.fromkeys(Family, FEEDS),
            dict.fromkeys(Family, States()),
            (),
            self.snapshot.routes,
            seen,
        )


class Stopwatch:
    """The CPU time of each figure, over some runs."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def time(self, figure: str, work: Callable[[], T]) -> T:
        began = time.process_time()
        made = work()
        self._seconds.setdefault(figure, []).append(time.process_time() - began)
        return made

    def costs(self) -> tuple[Cost, ...]:
        return tuple(
            Cost(figure, 1000 * statistics.median(seconds))
            for figure, seconds in self._seconds.items()
        )


def run(runs: int = RUNS) -> Iterator[Cost | Total]:
    """
    Raises:
        NotRun: there is no real data here.
        Unequal: the groups of a scheme and what is excluded are not all routes.
    """
    world = World()
    check(world)
    stopwatch = Stopwatch()
    recounts = []
    for _ in range(runs):
        every_figure(world, stopwatch)
        began = time.process_time()
        world.state.recount()
        recounts.append(time.process_time() - began)
    costs = stopwatch.costs()
    yield from costs
    yield Total(costs, 1000 * statistics.median(recounts))


def check(world: World) -> None:
    """
    Raises:
        Unequal: as :func:`run`; or what is timed here is not what the snapshot has.
    """
    snapshot = world.snapshot
    resources, shown = snapshot.resources, snapshot.coverages
    for (scheme, attribution), counted in shown.items():
        total = sum(int(counted.routes[family].sum()) for family in Family)
        total += sum(snapshot.exclusions.values())
        if total != len(snapshot.routes):
            raise Unequal(
                f"{scheme} by {attribution}: groups and excluded are {total} routes, "
                f"not {len(snapshot.routes)}"
            )
    facts = Facts.of(
        snapshot.routes, snapshot.excluded, resources, world.adjacencies, world.sightings
    )
    blocks = Blocks.of(facts, resources)
    tallied = tally(snapshot, blocks.assigned)
    for scheme, attribution in wanted(world.groupings):
        lists = snapshot.lists.get(scheme)
        its = shown[scheme, attribution]
        if attribution is Attribution.ORIGIN:
            owners = facts.owners(scheme, resources, lists)
            mine = by_origin(facts, owners)
        else:
            mine = added(tallied, *classes(blocks, resources, scheme, lists))
        for family in Family:
            theirs = its.routes[family], its.excluded[family], its.space[family]
            if not np.array_equal(mine[family], np.hstack(theirs)):
                raise Unequal(f"{scheme} by {attribution}: not what the snapshot has")


def every_figure(world: World, stopwatch: Stopwatch) -> None:
    """Everything that a recount has to count, once: what is known of each route and origin, what
    lies in the blocks of each registry and country, and then each scheme from these."""
    snapshot = world.snapshot
    resources, timed = snapshot.resources, stopwatch.time
    facts = timed(
        "facts",
        lambda: Facts.of(
            snapshot.routes, snapshot.excluded, resources, world.adjacencies, world.sightings
        ),
    )
    blocks = timed("blocks", lambda: Blocks.of(facts, resources))
    figures = {
        "coverage": timed("blocks/coverage", lambda: tally(snapshot, blocks.assigned)),
        "holdings": timed(
            "blocks/holdings", lambda: holdings.measure(snapshot.vrps, blocks.assigned, resources)
        ),
    }
    beyond = timed("blocks/wider", lambda: wider.measure(facts, blocks.assigned, blocks.owners))
    for scheme, attribution in wanted(world.groupings):
        lists = snapshot.lists.get(scheme)
        name = f"{scheme}/{attribution}"
        if attribution is Attribution.ORIGIN:
            owners = timed(f"{name}/groups", partial(facts.owners, scheme, resources, lists))
            timed(f"{name}/coverage", partial(by_origin, facts, owners))
            timed(f"{name}/wider", partial(wider.measure, facts, owners))
        else:
            of, groups = classes(blocks, resources, scheme, lists)
            for figure, rows in figures.items():
                timed(f"{name}/{figure}", partial(added, rows, of, groups))
            timed(f"{name}/wider", partial(beyond.summed, of, groups))


def classes(
    blocks: Blocks, resources: ResourceTable, scheme: str, lists: Lists | None
) -> tuple[U4, int]:
    """The group of each block, and how many groups there are."""
    if lists is not None:
        return lists.numbers(resources.countries)[blocks.country], len(lists.groups)
    if scheme == Scheme.RIR:
        return blocks.registry, len(resources.registries)
    return blocks.country, len(resources.countries)


def by_origin(facts: Facts, owners: ByOrigin) -> dict[Family, U8]:
    """Routes by state and reason, and the five spaces, of each group: ``(groups, 13)``."""
    return {family: np.hstack(facts.counts(owners, family)) for family in Family}


def tally(snapshot: Snapshot, assigned: ByAddress) -> dict[Family, U8]:
    """Routes by state and reason, and the five spaces, of each block: ``(groups, 13)``."""
    routes, groups = snapshot.routes, len(assigned.names)
    figures = {}
    for family in Family:
        counts = np.zeros(groups * kernels.COUNTS, "u8")
        space = np.zeros(groups * kernels.SPACES, "u8")
        kernels.tally_by_address(
            routes.high, routes.length, routes.verdict, snapshot.excluded,
            *assigned.ranges[family], *routes.family_range(family), SHIFT[family],
            counts, space, np.zeros_like(space),
        )  # fmt: skip
        figures[family] = np.hstack(
            (counts.reshape(groups, kernels.COUNTS), space.reshape(groups, kernels.SPACES))
        )
    return figures


def added(rows: dict[Family, U8], of: U4, groups: int) -> dict[Family, U8]:
    total = {family: np.zeros((groups, each.shape[1]), "u8") for family, each in rows.items()}
    for family, each in rows.items():
        np.add.at(total[family], of, each)
    return total


if __name__ == "__main__":
    try:
        for line in run(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS):
            print(line, flush=True)
    except (NotRun, Unequal) as reason:
        sys.exit(f"coverage-cost: {reason}")
