"""Suggestions and supposed changes against full re-validation: on the sample, on the real table.

The judge is the validator's bulk path: the VRP set with the change made, every route validated
again. What a suggestion or a supposed change says must be exactly what differs then.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from tests.feeds import route_batch
from validator.inputs.batches import gather
from validator.model import (
    NO_ORIGIN,
    U1,
    Prefix,
    Verdict,
)
from validator.origin_validation import explain, validate
from validator.planning.fixes import suggest
from validator.planning.hypothetical import (
    Announcement,
    Change,
    Payload,
    find_route,
    payload_batch,
    states,
    suppose,
)
from validator.sample import build_world, write_files
from validator.settings import file as settings
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.state.delta import change_vrps
from validator.tables.announced import AnnouncedRules
from validator.tables.routes import SeenRoutes
from validator.tables.vrps import VrpTable

ROOT = Path(__file__).resolve().parents[2]


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
    first = assemble(gather(batches), rules, coverages=())
    # A hijack of a not-found prefix, and a customer's more-specific inside it.
    prefix, _ = victim(first)
    customer = replace_length(prefix, prefix.length + 2)
    extra = route_batch(((str(prefix), HIJACKER), (str(customer), CUSTOMER)))
    return World(assemble(gather([*batches, extra]), rules, coverages=()))


HIJACKER, CUSTOMER = 4_200_000_001, 4_200_000_002


def replace_length(prefix: Prefix, length: int) -> Prefix:
    return prefix._replace(length=length)


def victim(snapshot: Snapshot) -> tuple[Prefix, int]:
    """A not-found route that the additions to the sample are made around."""
    for row in range(len(snapshot.routes)):
        route = snapshot.routes[row]
        short = route.prefix.length <= 20 and route.prefix.length > 0
        if short and route.verdict is Verdict.NOT_FOUND and route.origin > 0:
            return route.prefix, route.origin
    raise AssertionError("the sample has no such route")


@pytest.fixture(scope="module")
def real(real_data: Path) -> World:
    sources = [
        (Kind.VRPS, real_data / "vrps" / "rpkiclient_summary_20250720T100145Z.json.bz2"),
        (Kind.ROUTES, real_data / "bgp" / "as-prefix_20260619.csv.gz"),
    ]
    batches = [read(kind, LocalFile(path, path.name), ReadOptions()) for kind, path in sources]
    return World(assemble(gather(batches), AnnouncedRules(), coverages=()))


# ---------------------------------------------------------------------------------- the long way


@dataclass(frozen=True)
class World:
    """A snapshot, and what it takes to validate it anew."""

    snapshot: Snapshot

    @cached_property
    def seen(self) -> SeenRoutes:
        return self.snapshot.routes.seen()

    @cached_property
    def now(self) -> U1:
        return states(self.snapshot.routes.verdict)

    def validated(self, add: Sequence[Payload], remove: Sequence[Payload]) -> tuple[U1, VrpTable]:
        """Every route's verdict under the changed VRP set, and that set."""
        table = change_vrps(self.snapshot.vrps, payload_batch(add), payload_batch(remove)).table
        return validate(self.seen, table), table

    @cached_property
    def uncertain(self) -> list[int]:
        """The rows of all routes that are invalid or not-found."""
        rows: list[int] = np.flatnonzero(self.now != 1).tolist()
        return rows


def apart(world: World, rows: Sequence[int]) -> list[list[int]]:
    """The rows in several lists, in each of which no prefix covers another: what is true of all
    of a list's ROAs together is true of each."""
    lists: list[list[int]] = []
    above: list[Prefix] = []
    for row in sorted(rows):  # the table is in order: what covers a prefix comes before it
        prefix = world.snapshot.routes.prefix(row)
        while above and not above[-1].covers(prefix):
            above.pop()
        if len(lists) == len(above):
            lists.append([])
        lists[len(above)].append(row)
        above.append(prefix)
    return lists


def check_in_full(world: World, rows: Sequence[int]) -> int:
    """Suggestions for routes whose prefixes are apart do what they say, and nothing else; how many
    routes they turn invalid."""
    snapshot, add, turns_invalid, turns_valid = world.snapshot, [], [], []
    for row in rows:
        route = snapshot.routes[row]
        fix = suggest(snapshot, route.prefix, route.origin)
        if route.origin in (NO_ORIGIN, 0):
            assert fix.roa is None
            continue
        assert fix.roa == Payload(route.prefix, route.prefix.length, route.origin)
        # Whatever it is, nothing but the route itself is made valid: no other origin.
        assert fix.turns_valid.tolist() == [row]
        inside = snapshot.routes.covered(route.prefix)
        assert all(other in inside for other in fix.turns_invalid.tolist())
        add.append(fix.roa)
        turns_invalid += fix.turns_invalid.tolist()
        turns_valid.append(row)
    then = states(world.validated(add, [])[0])
    assert np.flatnonzero((world.now != then) & (then == 1)).tolist() == turns_valid
    assert np.flatnonzero((world.now != then) & (then == 2)).tolist() == sorted(turns_invalid)
    assert not ((world.now != then) & (then == 0)).any()
    return len(turns_invalid)


# ---------------------------------------------------------------------------------- the sample


def test_each_suggestion_in_the_sample_does_what_it_says(sample: World) -> None:
    rows = sample.uncertain
    turned = sum(check_in_full(sample, some) for some in apart(sample, rows))
    helpless = int((sample.snapshot.routes.origin[rows] == NO_ORIGIN).sum())
    assert len(rows) > 5_000
    assert turned > 1_000
    assert 0 < helpless < 100


def test_a_hijack_and_a_customer_in_the_sample_are_listed_and_not_authorised(
    sample: World,
) -> None:
    snapshot = sample.snapshot
    routes = snapshot.routes
    (hijack,) = np.flatnonzero(routes.origin == HIJACKER).tolist()
    (customer,) = np.flatnonzero(routes.origin == CUSTOMER).tolist()
    prefix = routes.prefix(hijack)
    origins = [int(routes.origin[row]) for row in routes.exact(prefix)]
    owner = next(origin for origin in origins if 0 < origin != HIJACKER)
    fix = suggest(snapshot, prefix, owner)
    assert {hijack, customer} <= set(fix.turns_invalid.tolist())
    assert fix.roa is not None
    then = states(sample.validated([fix.roa], [])[0])
    assert (then[hijack], then[customer]) == (2, 2)
    # Asked for the hijack itself, nothing is recommended.
    assert not suggest(snapshot, prefix, HIJACKER).recommended


# ---------------------------------------------------------------------------------- the real table


@pytest.mark.real_data
def test_five_thousand_suggestions_on_the_real_table_do_what_they_say(real: World) -> None:
    """``python -m bench.what_if 5000`` validates the whole table again for each."""
    rows = random.Random(1).sample(real.uncertain, 5_000)
    assert sum(check_in_full(real, some) for some in apart(real, rows)) > 1_000


@pytest.mark.real_data
def test_one_suggestion_at_a_time_does_what_it_says(real: World) -> None:
    for row in random.Random(2).sample(real.uncertain, 30):
        check_in_full(real, [row])


def some_change(snapshot: Snapshot, dice: random.Random) -> Change:
    """A few VRPs more or fewer, near real routes and real VRPs, of all lengths from /8 on; and
    sometimes routes that come or go."""
    routes, vrps = snapshot.routes, snapshot.vrps
    add, remove, announce, withdraw = [], [], [], []
    for _ in range(dice.randint(1, 4)):
        route = routes[dice.randrange(len(routes))]
        prefix = route.prefix
        if prefix.length and dice.random() < 0.7:
            length = dice.randint(min(8, prefix.length), prefix.length)
            high = prefix.high >> 64 - min(length, 64) << 64 - min(length, 64)
            prefix = Prefix(prefix.family, high, prefix.low if length > 64 else 0, length)
        longest = dice.choice((prefix.length, 24, 48, prefix.family.bits))
        longest = min(max(longest, prefix.length), prefix.family.bits)
        add.append(Payload(prefix, longest, dice.choice((route.origin, route.origin, 0, 64496))))
    for _ in range(dice.randint(0, 4)):
        group = dice.randrange(len(vrps.high))
        remove += [
            Payload(each.prefix, each.max_length, each.asn)
            for each in vrps.of_prefix(group)
            if dice.random() < 0.8
        ]
    if dice.random() < 0.3:
        announce = [Announcement(each.prefix, dice.choice((each.asn, 64496))) for each in add]
        gone = routes[dice.randrange(len(routes))]
        withdraw = [Announcement(gone.prefix, gone.origin)]
    announced = set(announce)
    return Change(
        add,
        [each for each in remove if each not in add],
        announce,
        [each for each in withdraw if each not in announced],
    )


@pytest.mark.real_data
def test_two_hundred_supposed_changes_equal_full_validation(real: World) -> None:
    snapshot, dice = real.snapshot, random.Random(3)
    flipped = 0
    for _ in range(200):
        change = some_change(snapshot, dice)
        outcome = suppose(snapshot, change)
        verdict, table = real.validated(change.add, change.remove)
        differ = states(verdict) != real.now
        gone = [find_route(snapshot.routes, each) for each in change.withdraw]
        differ[[row for row in gone if row is not None]] = False
        assert outcome.rows[outcome.flips()].tolist() == np.flatnonzero(differ).tolist()
        assert (outcome.after == verdict[outcome.rows]).all()
        assert outcome.withdrawn.tolist() == sorted(row for row in gone if row is not None)
        for each, code in zip(outcome.announced, outcome.announced_verdict.tolist(), strict=True):
            assert explain(each.prefix, each.origin, table).verdict == code
        flipped += int(differ.sum())
    assert flipped > 10_000


@pytest.mark.real_data
def test_the_real_table_is_as_it_was(real: World) -> None:
    """After everything that the tests above supposed."""
    routes, vrps = real.snapshot.routes, real.snapshot.vrps
    suppose(real.snapshot, Change(add=(Payload(Prefix.parse("0.0.0.0/0"), 0, 1),)))
    assert not routes.verdict.flags.writeable
    assert not vrps.asn.flags.writeable
    codes = np.bincount(routes.verdict, minlength=6)
    assert (int(codes[1]), int(codes[2:].sum()), int(codes[0])) == (773_827, 67_627, 623_318)
