"""Plans against full validation: the ROAs of the first few are added to the VRPs, every route is
validated again, and coverage is counted as ever. On the sample, and on the real table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Batch, Kind, read
from validator.figures import coverage
from validator.figures.coverage import Figures
from validator.groupings import Attribution
from validator.inputs.batches import gather
from validator.model import Family, Verdict
from validator.origin_validation import validate
from validator.planning.countries import countries
from validator.planning.hypothetical import Change, Payload, payload_batch, suppose
from validator.planning.plan import Plan, Point, plan, roas
from validator.planning.rows import Doer, Measure, Question
from validator.sample import build_world, write_files
from validator.settings import file as settings
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.state.delta import change_vrps
from validator.tables.announced import AnnouncedRules
from validator.tables.routes import SeenRoutes

ROOT = Path(__file__).resolve().parents[2]
ADDRESS, ORIGIN = Attribution
IPV4, IPV6 = Family


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> World:
    paths = write_files(tmp_path_factory.mktemp("sample"), build_world())
    kinds = {"routes": Kind.ROUTES, "vrps": Kind.VRPS, "slurm": Kind.SLURM}
    batches = [
        read(kinds.get(name, Kind.RESOURCES), LocalFile(path, path.name), ReadOptions())
        for name, path in paths.items()
        if name in kinds or name.startswith("delegated")
    ]
    rules = settings.load(ROOT / "config" / "sample.toml").rules
    return World(assemble(gather([*batches, *listed()]), rules))


@pytest.fixture(scope="module")
def real(real_data: Path) -> World:
    sources = [
        (Kind.VRPS, real_data / "vrps" / "rpkiclient_summary_20250720T100145Z.json.bz2"),
        (Kind.ROUTES, real_data / "bgp" / "as-prefix_20260619.csv.gz"),
        *(
            (Kind.RESOURCES, path)
            for path in sorted((real_data / "registry").glob("delegated-*-extended-latest.gz"))
        ),
    ]
    batches = [read(kind, LocalFile(path, path.name), ReadOptions()) for kind, path in sources]
    return World(assemble(gather([*batches, *listed()]), AnnouncedRules()))


def listed() -> list[Batch]:
    folder = ROOT / "config" / "groups"
    return [
        read(Kind.GROUPS, LocalFile(folder / name, name), ReadOptions())
        for name in ("ldc.csv", "m49-region.csv")
    ]


@dataclass(frozen=True)
class World:
    """A snapshot, and what it takes to validate it anew."""

    snapshot: Snapshot

    @cached_property
    def seen(self) -> SeenRoutes:
        return self.snapshot.routes.seen()

    def signed(self, found: Plan, first: int) -> list[Payload]:
        """The ROAs of the first few of a plan."""
        rows = [step.rows for step in found.steps[:first]] or [np.empty(0, "i8")]
        family = found.question.family
        return [each.roa for each in roas(self.snapshot, family, np.concatenate(rows))]

    def after(self, question: Question, payloads: Sequence[Payload]) -> Figures:
        """What coverage shows of the group when these VRPs are there too."""
        snapshot = self.snapshot
        vrps = change_vrps(snapshot.vrps, payload_batch(payloads), payload_batch(())).table
        routes = replace(snapshot.routes, verdict=validate(self.seen, vrps))
        counted = coverage.measure(
            routes, snapshot.excluded, snapshot.resources,
            question.scheme, question.attribution, snapshot.lists.get(question.scheme),
        )  # fmt: skip
        number = counted.index(question.group)
        assert number is not None
        return counted.figures(number, question.family)


def point(figures: Figures) -> Point:
    return Point(
        figures.valid,
        figures.valid + figures.invalid,
        figures.announced,
        figures.valid_space,
        figures.covered_space,
        figures.announced_space,
    )


def check(its: World, question: Question, firsts: Sequence[int]) -> Plan:
    """That the curve is what validation says, at some of its steps."""
    found = plan(its.snapshot, question)
    assert found.now == point(its.after(question, []))
    for first in firsts:
        if first <= len(found.steps):
            payloads = its.signed(found, first)
            assert all(each.asn > 0 for each in payloads)
            assert found.steps[first - 1].after == point(its.after(question, payloads)), first
    return found


def test_the_curve_of_every_group_of_the_sample_is_what_validation_says(sample: World) -> None:
    rising = 0
    for (scheme, attribution), counted in sample.snapshot.coverages.items():
        if scheme not in ("country", "rir", "ldc"):
            continue
        for group in counted.groups[:: 5 if scheme == "country" else 1]:
            for family, measure, by in (
                (IPV4, Measure.ROUTES, Doer.ORIGIN),
                (IPV4, Measure.SPACE, Doer.HOLDER),
                (IPV6, Measure.SPACE, Doer.ORIGIN),
            ):
                question = Question(scheme, group, attribution, family, measure, by)
                rising += len(check(sample, question, (1, 3)).steps)
    assert rising > 100


REAL = [
    Question("country", "KE", ADDRESS, IPV4),
    Question("country", "BR", ORIGIN, IPV4, Measure.SPACE),
    Question("country", "US", ADDRESS, IPV4, Measure.SPACE),
    Question("country", "DE", ADDRESS, IPV6, Measure.SPACE, Doer.HOLDER),
    Question("ldc", "ldc", ADDRESS, IPV4, Measure.SPACE),
    Question("m49-region", "002", ORIGIN, IPV6),
    Question("rir", "ripencc", ADDRESS, IPV4, Measure.ROUTES, Doer.HOLDER),
    Question("asn", "AS7029", ORIGIN, IPV4, Measure.SPACE, Doer.HOLDER),
]


@pytest.mark.real_data
@pytest.mark.parametrize("question", REAL, ids=lambda each: f"{each.group}-{each.family.label}")
def test_the_curve_of_real_groups_is_what_validation_says(real: World, question: Question) -> None:
    found = check(real, question, (1, 5, 20))
    assert len(found.steps) == 20
    shares = [step.after.valid_share(question.measure) for step in found.steps]
    assert shares == sorted(shares, key=lambda share: share or 0)
    if question.measure is Measure.ROUTES:
        assert [step.gain for step in found.steps] == sorted(
            (step.gain for step in found.steps), reverse=True
        )


@pytest.mark.real_data
def test_what_one_network_would_turn_is_what_supposing_its_roas_says(real: World) -> None:
    snapshot = real.snapshot
    decided = 0
    for question in REAL[:2]:
        for step in plan(snapshot, question).steps[:10]:
            needed = roas(snapshot, question.family, step.rows)
            outcome = suppose(snapshot, Change(add=[each.roa for each in needed]))
            flips = outcome.flips()
            to_valid = flips & (outcome.after == Verdict.VALID)
            assert outcome.rows[to_valid].tolist() == step.rows.tolist()
            assert int((flips & ~to_valid).sum()) == step.needs_decision
            decided += step.needs_decision
    assert decided > 100


@pytest.mark.real_data
def test_the_countries_of_a_class_add_up_to_what_validation_says(real: World) -> None:
    """What the first five LDCs sign, each of them all it can, moves the class as it was said."""
    snapshot = real.snapshot
    found = countries(snapshot, "ldc", "ldc", ADDRESS, IPV4, most=5)
    payloads = []
    for each in found.steps:
        question = Question("country", each.country, ADDRESS, IPV4, most=1000)
        whole = plan(snapshot, question)
        payloads += real.signed(whole, len(whole.steps))
    after = real.after(Question("ldc", "ldc", ADDRESS, IPV4), payloads)
    assert (after.valid, after.announced) == (found.steps[-1].pooled, found.announced)
