"""The sample's past: it ends as the sample world is, and on the way there what is told happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.feeds import make_snapshot
from validator.figures.coverage import Coverage
from validator.groupings import Attribution
from validator.history.checking import check
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.records import counted, days_between
from validator.history.tables import Tables
from validator.history.writing import write_counted, write_day
from validator.inputs.batches import Inputs
from validator.model import Family, RouteBatch, SourceError
from validator.sample import build_world, registry, write_files
from validator.sample.__main__ import main
from validator.sample.chronicle import README, read_inputs, write_history
from validator.sample.growth import Growth, grow
from validator.sample.model import World
from validator.sample.past import Past, snapshot_of
from validator.sample.span import Span
from validator.settings import file as settings
from validator.settings.file import Settings

ROOT = Path(__file__).resolve().parents[2]
LAST = date(2026, 11, 21)
DAYS, GAPS = 15, 3
NETWORKS = 700


@dataclass
class Made:
    world: World
    files: Path
    settings: Settings
    inputs: Inputs
    growth: Growth
    past: Past


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "NETWORKS", NETWORKS)  # the same world, smaller: it is quicker
        world = build_world()
    files = tmp_path_factory.mktemp("files")
    write_files(files, world)
    chosen = settings.load(ROOT / "config" / "sample.toml")
    inputs = read_inputs(chosen, files)
    growth = grow(world, Span.until(LAST))
    return Made(world, files, chosen, inputs, growth, Past(world, growth, inputs, chosen.rules))


@pytest.fixture(scope="module")
def written(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last days of a history that is as short."""
    folder = tmp_path_factory.mktemp("history")
    years = (DAYS - 1) / 365.2425
    done = write_history(made.world, made.files, folder, made.settings, LAST, years=years)
    kept = DAYS - GAPS
    assert (done.anew, done.last, done.days, done.tables) == (True, LAST, kept, kept)
    return folder


def share(past: Past, day: date, scheme: str, group: str, family: Family = Family.IPV4) -> float:
    return _share(past.snapshot(day).coverages[scheme, Attribution.ADDRESS], group, family)


def _share(coverage: Coverage, group: str, family: Family = Family.IPV4) -> float:
    number = coverage.index(group)
    assert number is not None
    valid, *others = coverage.routes[family][number].tolist()
    return float(valid / max(1, valid + sum(others)))


def announced(coverage: Coverage, group: str) -> int:
    number = coverage.index(group)
    assert number is not None
    return int(sum(coverage.routes[family][number].sum() for family in Family))


def entries(batch: RouteBatch) -> Counter[tuple[int, ...]]:
    prefixes = batch.prefixes.take(batch.prefix)
    columns = (
        prefixes.high, prefixes.low, prefixes.length, batch.peer, batch.origin, batch.neighbour,
        batch.flags,
    )  # fmt: skip
    return Counter(zip(*(column.tolist() for column in columns), strict=True))


# ------------------------------------------------------------------------------------------ the end


def test_the_growth_ends_with_every_entry_of_the_samples_own_files(made: Made) -> None:
    grown, files = made.past.inputs(LAST), made.inputs
    assert entries(grown.routes[0]) == entries(files.routes[0])
    np.testing.assert_array_equal(grown.vrps[0].asn, files.vrps[0].asn)
    np.testing.assert_array_equal(grown.vrps[0].max_length, files.vrps[0].max_length)
    for mine, theirs in zip(grown.resources, files.resources, strict=True):
        for column in ("status", "country", "holder", "date"):
            np.testing.assert_array_equal(getattr(mine, column), getattr(theirs, column))


def test_the_last_day_has_what_the_service_counts_in_every_scheme(
    made: Made, written: Path
) -> None:
    reader = Reader(Folder(written))
    snapshot = snapshot_of(made.inputs, made.settings.rules, LAST)
    assert len(snapshot.coverages) > 20
    for (scheme, by), coverage in snapshot.coverages.items():
        table = reader.at(str(scheme), by, LAST).coverage
        place = {group: number for number, group in enumerate(table.groups)}
        there = coverage.some(
            np.array([n for n, group in enumerate(coverage.groups) if group in place])
        )
        assert set(there.groups) == set(place)
        order = np.array([place[group] for group in there.groups])
        for family in Family:
            np.testing.assert_array_equal(there.routes[family], table.routes[family][order])
            np.testing.assert_array_equal(there.space[family], table.space[family][order])
            np.testing.assert_array_equal(there.excluded[family], table.excluded[family][order])
            if there.holdings and table.holdings:
                held = table.holdings[family][order]
                np.testing.assert_array_equal(there.holdings[family], held)


def test_the_last_day_can_be_rebuilt_route_by_route(made: Made, written: Path) -> None:
    rebuilt = Moments(Tables(written)).at(LAST)
    snapshot = snapshot_of(made.inputs, made.settings.rules, LAST)
    assert rebuilt.sample
    np.testing.assert_array_equal(rebuilt.routes.verdict, snapshot.routes.verdict)
    np.testing.assert_array_equal(rebuilt.routes.peers, snapshot.routes.peers)
    np.testing.assert_array_equal(rebuilt.vrps.asn, snapshot.vrps.asn)


# -------------------------------------------------------------------------------------- the record


def test_every_day_says_sample_and_the_folder_says_what_it_is(written: Path) -> None:
    records = Folder(written).held().records
    assert all(record.sample for record in records.values())
    text = (written / README).read_text()
    assert text.startswith("SAMPLE")
    assert f"until: {LAST}" in text


def test_a_history_that_was_written_is_sound_and_marks_the_days_that_are_degraded(
    written: Path,
) -> None:
    found = check(Folder(written))
    assert (found.problems, len(found.gaps), found.degraded) == ({}, GAPS, 2)
    assert all(check(folder).problems == {} for folder in Tables(written).folders.values())
    records = Folder(written).held().records
    marked = [day for day, record in records.items() if record.degraded]
    assert marked == [LAST - timedelta(days=13), LAST - timedelta(days=12)]
    assert "afrinic" in records[marked[0]].degraded_notes[0]


def test_the_same_seed_has_the_same_past(made: Made, tmp_path: Path) -> None:
    assert grow(made.world, Span.until(LAST)) == made.growth
    day = date(2025, 6, 30)
    one, two = (
        write_counted(counted(made.past.snapshot(day)), Folder(tmp_path / name))
        for name in ("one", "two")
    )
    assert (one.rows, one.digest) == (two.rows, two.digest)
    assert one.rows > 1000


def test_it_is_continued_day_by_day_and_made_anew_if_it_is_of_another_world(
    made: Made, written: Path
) -> None:
    later = LAST + timedelta(days=1)
    before = Folder(written).held().records
    done = write_history(made.world, made.files, written, made.settings, later)
    assert (done.anew, done.last, done.days) == (False, later, DAYS - GAPS + 1)
    records = Folder(written).held().records
    assert {day: records[day] for day in before} == before
    assert later in Tables(written).days()
    (written / README).write_text(f"until: {later}\nworld: another\n")
    done = write_history(made.world, made.files, written, made.settings, LAST, years=1 / 365.2425)
    assert (done.anew, done.first, done.days, done.tables) == (True, date(2026, 11, 20), 2, 2)


def test_a_history_of_the_internet_is_left_alone(made: Made, tmp_path: Path) -> None:
    write_day(make_snapshot(), Folder(tmp_path), date(2026, 1, 1))
    with pytest.raises(SourceError, match="real days"):
        write_history(made.world, made.files, tmp_path, made.settings, LAST)
    assert list(Folder(tmp_path).held().records) == [date(2026, 1, 1)]


@pytest.mark.parametrize("day", ["tomorrow", "9999-01-01"])
def test_a_day_that_is_none_or_has_not_come_is_a_usage_error(
    day: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path), "--until", day])
    assert ended.value.code == 2
    assert day in capsys.readouterr().err.splitlines()[-1]


# ----------------------------------------------------------------------------------------- the days


def test_change_is_monthly_then_weekly_then_daily_and_a_few_days_are_missing() -> None:
    span = Span.until(LAST)
    steps = span.steps()
    assert (steps[0], steps[-1]) == (span.first, LAST)
    assert (LAST - span.first).days == pytest.approx(20 * 365.25, abs=2)
    early = [day for day in steps[1:] if day < LAST - timedelta(days=800)]
    usual = {1} | {each.last.day + 1 for each in span.troubles}
    assert {day.day for day in early} <= usual
    late = [day for day in steps if day > LAST - timedelta(days=60)]
    held = {d for each in span.troubles for d in days_between(each.first, each.last)}
    assert len(late) == 60 - len([d for d in span.gaps | held if d > LAST - timedelta(days=60)])
    assert not set(steps) & (span.gaps | held)
    assert 0 < len(span.gaps) < 10
    assert {each.state for each in span.troubles} == {"failed", "degraded"}


@pytest.mark.parametrize("days", range(1, 40))
def test_however_short_a_span_is_it_begins_and_ends_with_a_step(days: int) -> None:
    span = Span(LAST - timedelta(days=days), LAST)
    steps = span.steps([LAST - timedelta(days=3), LAST + timedelta(days=3)])
    assert (steps[0], steps[-1]) == (span.first, LAST)
    assert all(a < b for a, b in pairwise(steps))
    assert not set(steps) & span.gaps


# -------------------------------------------------------------------------------------- the stories


def test_the_world_grows_and_its_valid_share_rises_from_nothing(made: Made) -> None:
    span = made.growth.span
    snapshots = [made.past.snapshot(span.day(f)) for f in (0, 0.3, 0.6, 0.8, 1)]
    rirs = [snapshot.coverages["rir", Attribution.ADDRESS] for snapshot in snapshots]
    for family in Family:
        counts = [each.routes[family].sum(axis=0) for each in rirs]
        assert all(a.sum() < b.sum() for a, b in pairwise(counts))
        shares = [valid / max(1, valid + bad + none) for valid, bad, none in map(list, counts)]
        assert shares[0] == 0
        assert all(a < b for a, b in pairwise(shares[1:]))
        assert shares[-1] > 0.45
    assert all(snapshot.min_peers == 5 for snapshot in snapshots)
    ipv4, ipv6 = (rirs[0].routes[family].sum() for family in Family)
    assert ipv4 > 100 > ipv6


def test_regions_classes_and_countries_go_the_ways_that_are_told(made: Made) -> None:
    past, span, told = made.past, made.growth.span, made.growth.stories
    middle, late = (past.snapshot(span.day(f)).coverages for f in (0.6, 0.8))
    end = past.snapshot(LAST).coverages
    rir, ldc = ("rir", Attribution.ADDRESS), ("ldc", Attribution.ADDRESS)
    assert _share(middle[rir], "ripencc") > 3 * _share(middle[rir], "afrinic")
    gap = {
        when: _share(each[ldc], "other") - _share(each[ldc], "ldc")
        for when, each in (("late", late), ("end", end))
    }
    assert gap["end"] < 0.75 * gap["late"]
    leap = date.fromordinal(told.campaign_day)
    assert share(past, leap - timedelta(days=5), "country", told.campaign) < 0.1
    assert share(past, leap + timedelta(days=120), "country", told.campaign) > 0.5
    lapse = date.fromordinal(told.lapse_day)
    before = share(past, lapse - timedelta(days=5), "country", told.lapse)
    assert share(past, lapse + timedelta(days=5), "country", told.lapse) < before - 0.3


def test_a_country_leaves_a_class_on_the_day_on_which_it_did(made: Made) -> None:
    day = date(2020, 12, 4)
    before, after = (made.past.snapshot(each).coverages for each in (day - timedelta(days=1), day))
    assert day in made.past.steps()
    left = announced(after["country", Attribution.ADDRESS], "VU")
    assert left > 0
    ldc = "ldc", Attribution.ADDRESS
    assert announced(before[ldc], "ldc") >= announced(after[ldc], "ldc") + left - 5
    assert announced(before[ldc], "other") < announced(after[ldc], "other")


def test_countries_fall_silent_and_blocks_change_hands(made: Made) -> None:
    past, growth = made.past, made.growth
    for outage in growth.outages:
        silent = past.snapshot(date.fromordinal(outage.since)).coverages
        after = past.snapshot(date.fromordinal(outage.until)).coverages
        networks = {f"AS{asn}" for asn in outage.networks}
        asn = "asn", Attribution.ORIGIN
        assert not networks & set(silent[asn].groups)
        assert networks & set(after[asn].groups)
    assert len(growth.transfers) >= 5
    transfer = growth.transfers[0]
    batches = (past.inputs(date.fromordinal(transfer.day + n)).resources for n in (-1, 0))
    holders = []
    for resources in batches:
        rows = [
            (batch.countries[batch.country[row]], batch.holders[batch.holder[row]])
            for batch in resources
            for row in np.flatnonzero(
                (batch.kind == transfer.line.kind) & (batch.first == transfer.line.first)
            )
        ]
        holders.append(rows)
    former, line = transfer.former, transfer.line
    assert holders == [[(former.country, former.holder)], [(line.country, line.holder)]]


def test_some_routes_were_invalid_for_a_while_and_some_were_withdrawn(made: Made) -> None:
    past, span = made.past, made.growth.span
    ended = [each for each in made.growth.announced if each.until <= span.last.toordinal()]
    assert len(ended) > 50
    assert len(made.growth.former) > 50
    invalid = [
        past.snapshot(span.day(f)).coverages["rir", Attribution.ADDRESS].routes[Family.IPV4][:, 1]
        for f in (0.5, 0.75, 1)
    ]
    assert 0 < invalid[0].sum() < invalid[1].sum() < invalid[2].sum()
