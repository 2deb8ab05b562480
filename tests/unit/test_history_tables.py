"""Tables of past days: a day is there as a whole or not at all, whatever happens in between."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.feeds import ROUTES, StandingFeed, make_snapshot
from validator.cli import main
from validator.history import engine
from validator.history.checking import check
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.rebuilding import Groups, rebuild
from validator.history.records import NoSuchDay
from validator.history.table_layouts import KINDS, TEXTS
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.history.writing import write_day
from validator.model import Family, SourceError, format_prefix
from validator.snapshot import Snapshot
from validator.web.answers import Refusal
from validator.web.moments import asked

DAY, NEXT = date(2026, 1, 1), date(2026, 1, 2)
SNAPSHOT = make_snapshot(generation=7)
OTHER = make_snapshot(generation=8, routes=ROUTES[:3])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "history"
    write_tables(SNAPSHOT, path, DAY)
    return path


@pytest.fixture
def tables(written: Path, tmp_path: Path) -> Tables:
    """Of one day."""
    shutil.copytree(written, tmp_path / "history")
    return Tables(tmp_path / "history")


def generations(tables: Tables) -> dict[date, int]:
    return {day: record.generation for day, record in tables.days().items()}


def test_prefixes_are_written_as_people_write_them() -> None:
    texts = ("::", "::1", "1::", "1:0:0:2::3", "1:0:0:2:3:0:0:4", "1:2:3:4:5:6:7:8",
             "0:1:0:1:0:1:0:1", "::ffff:102:304", "2001:db8::", "1:0:0:2:3:4:5:0")  # fmt: skip
    with engine.working() as connection:
        for text in TEXTS:
            connection.execute(text)
        for text in texts:
            groups = text.replace("::", ":" + "0:" * (9 - len(text.strip(":").split(":"))))
            words = [int(each, 16) for each in groups.strip(":").split(":") if each]
            words = (words + [0] * 8)[:8] if text.endswith("::") else words[-8:]
            words = [0] * (8 - len(words)) + words
            high, low = (
                sum(word << 48 - 16 * n for n, word in enumerate(part))
                for part in (words[:4], words[4:])
            )
            (found,) = connection.execute(
                "SELECT prefix_text(6, ?::UBIGINT, ?::UBIGINT, 64)", [high, low]
            ).fetchone()
            assert found == format_prefix(Family.IPV6, high, low, 64), text


def test_a_crash_before_a_day_was_ready_leaves_what_was_there(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)  # nothing is tidied up
        patched.setattr(Path, "rename", _crash)
        with pytest.raises(KeyboardInterrupt):
            write_tables(OTHER, tables, DAY)
    assert generations(Tables(tables.path)) == {DAY: 7}
    (line,) = Tables(tables.path).repair()
    assert "never finished" in line
    assert generations(Tables(tables.path)) == {DAY: 7}
    assert not [each for each in tables.path.iterdir() if each.name.startswith(".")]


def test_a_day_that_was_ready_is_moved_to_its_place_after_a_crash(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, left = Path.rename, [3]

    def crash_later(path: Path, target: Path) -> None:
        left[0] -= 1
        rename(path, target) if left[0] >= 0 else _crash()

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash_later)
        with pytest.raises(KeyboardInterrupt):
            write_tables(OTHER, tables, DAY)
    monkeypatch.setattr("validator.history.tables._MOVE_SECONDS", 0.0)
    assert generations(Tables(tables.path)) == {}  # some kinds have the one, others the other
    assert any("moved to its place" in line for line in Tables(tables.path).repair())
    assert generations(Tables(tables.path)) == {DAY: 8}
    assert {len(list(each.path.glob("*.parquet"))) for each in tables.folders.values()} == {1}


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_cannot_be_written_leaves_what_was_there(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("validator.history.tables.durable", refuse)
    with pytest.raises(SourceError, match=r"No space left on device; make room"):
        write_tables(OTHER, tables, DAY)
    assert generations(Tables(tables.path)) == {DAY: 7}
    assert not [each for each in tables.path.iterdir() if each.name.startswith(".")]


def test_a_sample_does_not_go_beside_the_internet(tables: Tables) -> None:
    with pytest.raises(SourceError, match="do not go beside them"):
        write_tables(replace(OTHER, sample=True), tables, NEXT)


def test_a_day_of_which_a_kind_is_damaged_cannot_be_rebuilt_and_others_can(
    tables: Tables,
) -> None:
    write_tables(OTHER, tables, NEXT)
    (path,) = tables.folders["vrps"].path.glob("day-2026-01-01-*.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(len(whole) // 4) + whole[4 + len(whole) // 4 :])
    fresh = Tables(tables.path)
    with pytest.raises(NoSuchDay, match="there are those of 2026-01-02"):
        rebuild(fresh, DAY)
    assert len(rebuild(fresh, NEXT).routes) == 3
    (problem,) = check(fresh.folders["vrps"], set_aside=True).problems
    assert problem == path.name
    assert not path.exists()


def test_the_commands_compact_and_check_every_kind(tables: Tables) -> None:
    write_day(SNAPSHOT, Folder(tables.path), DAY)
    write_tables(OTHER, tables, NEXT)
    run = CliRunner().invoke
    done = run(main, ["history", "compact", str(tables.path), "2026"])
    assert done.exit_code == 0, done.output
    assert all(f"{kind}/year-2026-1.parquet: 2 days" in done.output for kind in KINDS)
    done = run(main, ["history", "check", str(tables.path)])
    assert done.exit_code == 0, done.output
    assert "2 days can be rebuilt: 2026-01-01 to 2026-01-02" in done.output
    assert "validated anew: 0 verdicts differ" in done.output


def test_moments_are_kept_until_the_day_or_its_groups_are_others(tables: Tables) -> None:
    feed = StandingFeed(SNAPSHOT)
    moments = Moments(tables, feed, keep=1)
    first = moments.at(DAY)
    assert moments.at(DAY) is first
    assert first.groupings is SNAPSHOT.groupings
    feed.snapshot = replace(SNAPSHOT, groupings={})
    assert [str(scheme) for scheme in moments.at(DAY).schemes] == ["asn", "country", "rir"]
    write_tables(OTHER, tables, DAY)
    assert moments.at(DAY).generation == 8
    write_tables(OTHER, tables, NEXT)
    last = moments.at(NEXT)
    assert moments.at(NEXT) is last
    assert moments.days() == (DAY, NEXT)


async def test_a_face_is_given_the_snapshot_of_the_day_or_told_what_there_is(
    tables: Tables,
) -> None:
    feed, moments = StandingFeed(OTHER), Moments(tables, StandingFeed(OTHER))

    async def status(moments: Moments | None, at: str) -> tuple[int, str]:
        with pytest.raises(Refusal) as refusal:
            await asked(moments, feed, at)
        return refusal.value.status, str(refusal.value)

    assert await asked(moments, feed, None) is OTHER
    past: Snapshot = await asked(moments, feed, str(DAY))
    assert (past.generation, len(past.routes)) == (7, 5)
    assert await status(moments, "2025-12-31") == (
        404, "the tables of 2025-12-31 are not kept; there are those of 2026-01-01",
    )  # fmt: skip
    assert (await status(moments, "yesterday"))[0] == 400
    assert (await status(None, str(DAY)))[0] == 404
    shutil.rmtree(tables.folders["names"].path)
    tables.folders["names"].path.write_text("no folder")
    assert (await status(Moments(tables.path), str(DAY)))[0] == 503


def test_new_groups_are_counted_over_past_days_as_they_were_then(tables: Tables) -> None:
    groups = Groups.of(SNAPSHOT)
    assert not set(rebuild(tables, DAY).schemes) & set(groups.groupings)
    assert set(groups.groupings) < set(rebuild(tables, DAY, groups).schemes)
