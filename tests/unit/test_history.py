"""History: what is written is what is read, before and after compaction, export and import; what
goes wrong is said, and harms nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.feeds import ROUTES, make_snapshot
from validator.figures.coverage import Coverage
from validator.freshness import DEGRADED, SourceStatus
from validator.groupings import Attribution
from validator.history import carrying, engine, figure_layout
from validator.history.checking import check
from validator.history.compacting import compact
from validator.history.figure_layout import ORDER
from validator.history.folder import Folder
from validator.history.layout import FileName
from validator.history.reading import Reader
from validator.history.records import NoSuchDay, stretches
from validator.history.writing import write_day
from validator.model import Family, SettingsError, SourceError
from validator.snapshot import Snapshot

NEW_YEAR = date(2026, 1, 1)
BY_ORIGIN = "asn", Attribution.ORIGIN
VARIANTS = tuple(make_snapshot(routes=ROUTES[: 3 + n]) for n in range(3))


def day(number: int) -> date:
    return NEW_YEAR + timedelta(days=number)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "history")


@pytest.fixture(scope="module")
def ten_days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[date, Snapshot]]:
    """Ten days, of which the sixth is missing."""
    path = tmp_path_factory.mktemp("ten") / "days"
    written = {day(n): VARIANTS[n // 2 % 3] for n in range(10) if n != 5}
    for when, snapshot in written.items():
        write_day(snapshot, Folder(path), when)
    return path, written


@pytest.fixture
def days(folder: Folder, ten_days: tuple[Path, dict[date, Snapshot]]) -> dict[date, Snapshot]:
    path, written = ten_days
    shutil.copytree(path, folder.path)
    return dict(written)


def assert_same(found: Coverage, written: Coverage) -> None:
    networks = written.scheme == "asn"
    order = np.arange(len(written.groups))
    if networks:  # in the order of their numbers
        key = [-1 if each == "NONE" else int(each[2:]) for each in written.groups]
        order = np.argsort(key)
    expected = written.some(order)
    assert found.groups == expected.groups
    assert (found.scheme, found.attribution) == (written.scheme, written.attribution)
    assert (found.holdings is None) == (expected.holdings is None)
    for family in Family:
        np.testing.assert_array_equal(found.routes[family], expected.routes[family])
        np.testing.assert_array_equal(found.space[family], expected.space[family])
        np.testing.assert_array_equal(found.excluded[family], expected.excluded[family])
        if found.holdings and expected.holdings:
            np.testing.assert_array_equal(found.holdings[family], expected.holdings[family])


def assert_all_there(reader: Reader, written: dict[date, Snapshot]) -> None:
    assert list(reader.days()) == list(written)
    for when, snapshot in written.items():
        for (scheme, attribution), coverage in snapshot.coverages.items():
            table = reader.at(str(scheme), attribution, when)
            assert_same(table.coverage, coverage)
            names = {each: snapshot.group_name(scheme, each) for each in coverage.groups}
            assert {each: table.name(each) for each in coverage.groups} == names


def names(folder: Folder) -> list[str]:
    return sorted(each.name for each in folder.path.iterdir() if each.name != "lock")


def test_what_is_read_is_exactly_what_was_written(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    assert_all_there(Reader(folder), days)
    record = Reader(folder).day(day(0))
    assert (record.min_peers, record.generation, record.sample) == (1, 1, False)
    assert [(each.kind, each.sha256[:4]) for each in record.inputs[:2]] == [
        ("vrp-export", "0000"),
        ("route-list", "1111"),
    ]
    assert record.exclusions == {"too-specific": 1}


def test_compaction_changes_no_answer_and_leaves_one_file(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    reader = Reader(folder)
    before = reader.series(*BY_ORIGIN, "AS64497", Family.IPV4)
    done = compact(folder, 2026, today=day(8))
    assert (done.name, done.days) == ("year-2026-1.parquet", 7)
    assert names(folder) == [
        "day-2026-01-09-1.parquet", "day-2026-01-10-1.parquet", "year-2026-1.parquet"
    ]  # fmt: skip
    assert_all_there(reader, days)
    compact(folder, 2026, today=day(30))
    assert names(folder) == ["year-2026-2.parquet"]
    assert_all_there(reader, days)
    assert reader.series(*BY_ORIGIN, "AS64497", Family.IPV4) == before
    assert compact(folder, 2026, today=day(30)).name == ""


def test_runs_end_where_a_figure_changes_or_a_day_is_missing(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    compact(folder, 2026, today=day(30))
    with engine.working() as connection:
        rows = connection.execute(
            "SELECT first, last FROM read_parquet(?) WHERE group_id = 'AS64496' AND family = 4",
            [str(folder.path / "year-2026-1.parquet")],
        ).fetchall()
    assert rows == [(day(0), day(4)), (day(6), day(9))]


def test_a_year_is_sorted_also_when_it_is_made_in_many_parts(
    folder: Folder, days: dict[date, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure_layout, "_PART_ROWS", 4)
    compact(folder, 2026, today=day(30))
    with engine.working() as connection:
        path = str(folder.path / "year-2026-1.parquet")
        keys = "SELECT scheme, attribution, family, asn, group_id, first FROM read_parquet(?)"
        rows = connection.execute(keys, [path]).fetchall()
        assert rows == connection.execute(f"{keys} ORDER BY {ORDER}", [path]).fetchall()
    assert_all_there(Reader(folder), days)


def test_a_day_that_is_written_again_after_compaction_replaces_the_old(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    compact(folder, 2026, today=day(30))
    days[day(3)] = VARIANTS[0]
    write_day(VARIANTS[0], folder, day(3))
    assert_all_there(Reader(folder), days)
    compact(folder, 2026, today=day(30))
    assert names(folder) == ["year-2026-2.parquet"]
    assert_all_there(Reader(folder), days)


def test_a_series_has_zeros_for_a_silent_network_and_nothing_for_a_gap(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    series = Reader(folder).series(
        *BY_ORIGIN, "NONE", Family.IPV4, day(0), day(6), ("announced", "valid_share")
    )
    assert [(p.day, p.value("announced")) for p in series.points] == [
        (day(0), 0), (day(1), 0), (day(2), 1), (day(3), 1), (day(4), 1), (day(6), 0)
    ]  # fmt: skip
    assert series.points[0].value("valid_share") is None
    assert series.points[2].parts("valid_share") == (0, 1)


def test_groups_that_nobody_counted_have_no_sum(folder: Folder, days: dict[date, Snapshot]) -> None:
    reader, every = Reader(folder), sorted(days)
    for day, snapshot in days.items():
        write_day(snapshot, folder, day)
    with pytest.raises(NoSuchDay, match="no country 'QQ'"):
        reader.sums("country", Attribution.ADDRESS, ["QQ"], every)
    with pytest.raises(NoSuchDay, match="no history of"):
        reader.sums("rir", Attribution.ADDRESS, ["ripencc"], [every[0] - timedelta(400)])
    assert reader.sums("rir", Attribution.ADDRESS, ["ripencc"], []) == {}


def test_rankings_and_movers_say_what_coverage_says(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    reader = Reader(folder)
    ranked = reader.ranking("country", Attribution.ADDRESS, Family.IPV4, day(0))
    assert [(row["group"], row["valid_share"]) for row in ranked[:2]] == [("NL", 1.0), ("ZZ", 0.0)]
    movers = reader.movers(*BY_ORIGIN, Family.IPV4, day(0), day(2), "announced")
    assert [(each.group, each.before, each.after, each.change) for each in movers] == [
        ("NONE", (0, None), (1, None), 1.0)
    ]
    assert reader.movers(*BY_ORIGIN, Family.IPV4, day(0), day(1), "valid_share") == []
    shared = reader.movers("country", Attribution.ADDRESS, Family.IPV6, day(0), day(4), "valid")
    assert [(each.group, each.change) for each in shared] == [("NL", 1.0)]


def test_what_is_not_there_is_refused_with_what_is(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    reader = Reader(folder)
    with pytest.raises(NoSuchDay, match="there is of 2026-01-01 to 2026-01-05, 2026-01-07 to"):
        reader.at("country", Attribution.ADDRESS, day(5))
    with pytest.raises(NoSuchDay, match="'AS1' by origin"):
        reader.series(*BY_ORIGIN, "AS1", Family.IPV4)
    with pytest.raises(NoSuchDay, match="was not counted"):
        reader.at("nothing", Attribution.ADDRESS, day(0))
    assert Reader(folder.path / "elsewhere").days() == {}


def test_degraded_days_are_marked_and_passwords_are_not_kept(folder: Folder) -> None:
    bad = SourceStatus(
        "rtr", "ssh://user:secret@cache", DEGRADED, error="VRPs fell", since=1, stale_from=1
    )
    write_day(replace(VARIANTS[0], troubles=(bad,)), folder, day(0))
    record = Reader(folder).day(day(0))
    assert record.degraded
    assert record.degraded_notes == record.stale_notes
    assert record.stale_notes == [
        "rtr ssh://user:***@cache: degraded since 1970-01-01T00:00:01Z: VRPs fell"
    ]
    assert b"secret" not in (folder.path / "day-2026-01-01-1.parquet").read_bytes()


def test_a_sample_is_not_written_beside_the_internet(folder: Folder) -> None:
    write_day(VARIANTS[0], folder, day(0))
    with pytest.raises(SourceError, match="do not go beside them"):
        write_day(replace(VARIANTS[0], sample=True), folder, day(1))


def test_a_damaged_file_is_named_and_set_aside_and_the_others_stay(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    torn = folder.path / "day-2026-01-03-1.parquet"
    torn.write_bytes(torn.read_bytes()[:-20])
    altered = folder.path / "day-2026-01-04-1.parquet"
    content = bytearray(altered.read_bytes())
    content[40:400] = bytes(360)
    altered.write_bytes(bytes(content))
    folder = Folder(folder.path)  # as after a start: what is known of a file is not asked again
    reader = Reader(folder)
    assert list(reader.damaged()) == [torn.name]  # whose end is missing is seen at once
    found = check(folder, set_aside=True)
    assert set(found.problems) == {torn.name, altered.name}
    assert sorted(each.name for each in (folder.path / "damaged").iterdir()) == [
        torn.name,
        altered.name,
    ]
    left = {when: s for when, s in days.items() if when not in (day(2), day(3))}
    assert_all_there(reader, left)
    write_day(days[day(2)], folder, day(2))  # under a name that was not used before
    assert "day-2026-01-03-2.parquet" in names(folder)


def test_a_reader_leaves_out_a_file_that_is_damaged_inside(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    altered = folder.path / "day-2026-01-04-1.parquet"
    content = bytearray(altered.read_bytes())
    content[4:1500] = bytes(b ^ 0xFF for b in content[4:1500])
    altered.write_bytes(bytes(content))
    series = Reader(folder).series(*BY_ORIGIN, "AS64496", Family.IPV4)
    assert day(3) not in [point.day for point in series.points]
    assert len(series.points) == 8


def test_repair_removes_what_a_crash_leaves_and_nothing_else(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    kept = (folder.path / "day-2026-01-01-1.parquet").read_bytes()
    compact(folder, 2026, today=day(30))
    (folder.path / "day-2026-01-01-1.parquet").write_bytes(kept)  # its year has it already
    (folder.path / "year-2026-0.parquet").write_bytes(
        (folder.path / "year-2026-1.parquet").read_bytes()
    )
    (folder.path / ".partial-day-2026-01-02-1.parquet").write_bytes(b"half")
    (folder.path / ".spill-1-1").mkdir()
    (folder.path / "notes.txt").write_text("mine")
    assert len(folder.repair()) == 4
    assert names(folder) == ["notes.txt", "year-2026-1.parquet"]
    assert_all_there(Reader(folder), days)
    assert folder.repair() == []


def test_a_failed_write_leaves_all_as_it_was(
    folder: Folder, days: dict[date, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(28, "No space left on device")

    before = names(folder)
    monkeypatch.setattr("validator.history.folder.durable", refuse)
    with pytest.raises(SourceError, match=r"No space left on device; make room"):
        write_day(VARIANTS[0], folder, day(20))
    with pytest.raises(SourceError, match="No space left"):
        compact(folder, 2026, today=day(30))
    assert names(folder) == before
    assert_all_there(Reader(folder), days)


def test_compaction_that_would_lose_a_row_is_not_committed(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    divide = folder.layout.divide
    folder.layout = replace(folder.layout, divide=lambda *given: divide(*given)[:-1])
    before = names(folder)
    with pytest.raises(SourceError, match="the figures of 9 days are not those written"):
        compact(folder, 2026, today=day(30))
    assert names(folder) == before


@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz"])
def test_what_is_exported_and_imported_is_the_same(
    folder: Folder, days: dict[date, Snapshot], tmp_path: Path, form: str
) -> None:
    compact(folder, 2026, today=day(4))
    target = tmp_path / f"range.{form}"
    assert carrying.export(folder, target, day(2), day(8)).days == 6
    other = Folder(tmp_path / "other")
    write_day(VARIANTS[1], other, day(2))
    assert carrying.bring(other, target) == carrying.Carried(5, 1)
    wanted = {when: s for when, s in days.items() if day(2) < when <= day(8)}
    assert_all_there(Reader(other), {day(2): VARIANTS[1], **wanted})
    assert carrying.bring(other, target, replace=True).days == 6
    assert_all_there(Reader(other), {day(2): days[day(2)], **wanted})
    if form == "parquet":
        assert Reader(other).day(day(8)) == Reader(folder).day(day(8))
    else:
        assert "no more is known" in Reader(other).day(day(8)).notes[0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: text + text.splitlines()[-1] + "\n", "two rows for one day"),
        (lambda text: text.replace(",4,", ",5,"), "not complete"),
        (lambda text: text.replace("2026-01-01,2026-01-01", "2026-01-02,2026-01-01"), "is of"),
        (lambda text: text.replace("2026-01-01", "tomorrow"), "tomorrow"),
        (lambda text: text[: len(text) // 2], "Line"),
        (lambda text: "scheme\n", "first line does not name the columns"),
        (lambda text: text.splitlines()[0], "no rows"),
        (lambda text: "\x00" * 1000, "first line"),
    ],
)
def test_a_csv_that_cannot_be_is_refused_and_nothing_is_imported(
    folder: Folder, tmp_path: Path, change: object, problem: str
) -> None:
    write_day(VARIANTS[0], folder, day(0))
    good = tmp_path / "good.csv"
    carrying.export(folder, good)
    bad = tmp_path / "bad.csv"
    assert callable(change)
    bad.write_text(change(good.read_text()))
    other = Folder(tmp_path / "other")
    with pytest.raises(SourceError, match=problem):
        carrying.bring(other, bad)
    assert names(other) == []


def test_a_file_that_is_no_history_is_refused(folder: Folder, tmp_path: Path) -> None:
    for name, content in (("a.parquet", b"PAR1PAR1"), ("b.parquet", b""), ("c.parquet", b"x" * 99)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError):
            carrying.bring(folder, tmp_path / name)
    with pytest.raises(SourceError, match="no such file"):
        carrying.bring(folder, tmp_path / "none.parquet")


def test_names_are_ours_or_none_and_newer_editions_win() -> None:
    assert FileName.parse("day-2026-11-22-12.parquet") == FileName("day", "2026-11-22", 12)
    for text in ("day-2026-1.parquet", "year-2026-01-01-1.parquet", "day-2026-02-30-1.parquet",
                 "x.parquet", ".partial-day-2026-11-22-12.parquet"):  # fmt: skip
        assert FileName.parse(text) is None
    assert stretches([day(3), day(1), day(0), day(1)]) == [(day(0), day(1)), (day(3), day(3))]


def test_a_folder_that_duckdb_would_take_for_a_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must not have any of"):
        Folder(tmp_path / "a[b]")


def test_a_year_that_is_damaged_inside_is_kept_aside_when_more_days_are_compacted(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    compact(folder, 2026, day(10))
    (year,) = folder.path.glob("year-*.parquet")
    content = bytearray(year.read_bytes())
    content[100:400] = bytes(300)  # its end, and so its metadata, are sound
    year.write_bytes(content)
    damaged = Folder(folder.path)
    name = FileName.parse(year.name)
    assert name is not None
    damaged.call_damaged(name, "a page cannot be read")
    write_day(VARIANTS[0], damaged, day(11))
    assert compact(damaged, 2026, day(20)).days == 1
    assert not [line for line in Folder(folder.path).repair() if year.name in line]
    assert (folder.path / "damaged" / year.name).read_bytes() == content


def test_compaction_leaves_out_the_day_it_fails_on_and_then_goes_on(
    folder: Folder, days: dict[date, Snapshot]
) -> None:
    file = min(folder.path.glob("day-*.parquet"))
    content = bytearray(file.read_bytes())
    content[100:600] = bytes(500)
    file.write_bytes(content)
    with pytest.raises(SourceError, match=file.name):
        compact(folder, 2026, day(10))
    assert compact(folder, 2026, day(10)).days == len(days) - 1
    assert (folder.path / "damaged" / file.name).exists()
