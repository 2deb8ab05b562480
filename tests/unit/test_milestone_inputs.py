"""Milestones beside the service: mistakes are said, and the last good list stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collectors.fetch import Fetcher
from tests.unit.test_targets import written as settings_file
from validator.milestone_inputs import Milestones
from validator.model import SettingsError
from validator.settings import file as settings
from validator.targets.milestones import built_in

TITLES = "date,name\n"


@pytest.fixture
async def fetcher(tmp_path: Path) -> AsyncIterator[Fetcher]:
    async with Fetcher(tmp_path / "cache") as found:
        yield found


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "ours.csv"
    path.write_text(TITLES + "2003-12-10,WSIS\n")
    return path


def replace(path: Path, text: str) -> None:
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


def names(milestones: Milestones) -> list[str]:
    return [each.name for each in milestones.listed.milestones]


def test_ours_are_there_before_anything_is_looked_at() -> None:
    listed = Milestones(["/nowhere.csv"]).listed
    assert "WSIS+20" in [each.name for each in listed.milestones]
    assert (listed.problems, listed.generation) == ((), 1)
    assert listed.read > 0


async def test_what_is_wrong_is_said_and_the_last_good_list_stays(
    tmp_path: Path, ours: Path, fetcher: Fetcher
) -> None:
    mine, folder = tmp_path / "mine.csv", tmp_path / "more"
    mine.write_text(TITLES + "2024-05-01,Law\n")
    folder.mkdir()
    (folder / "a.csv").write_text(TITLES + "2001-01-01,First\n2024-05-01,Law\n")
    (folder / "README").write_text("not a list")
    milestones = Milestones([str(mine), str(folder)], ours=ours)
    assert names(milestones) == ["WSIS"]
    await milestones.look(fetcher)
    assert names(milestones) == ["First", "WSIS", "Law"]
    before = milestones.listed
    await milestones.look(fetcher)
    assert milestones.listed is before  # nothing has changed

    replace(mine, TITLES + "2024-05-01,Law\n2025-13-01,Audit\n")
    for _ in range(2):
        await milestones.look(fetcher)
        assert names(milestones) == ["First", "WSIS", "Law"]
        (problem,) = milestones.listed.problems
        assert "line 3" in problem
        assert "write it as 2025-12-16" in problem
    assert milestones.listed.generation == before.generation + 1

    replace(mine, TITLES + "2025-12-01,Audit\n")
    mine_gone = folder / "a.csv"
    mine_gone.unlink()
    await milestones.look(fetcher)
    assert names(milestones) == ["First", "WSIS", "Law", "Audit"]  # the folder's are its last good
    (problem,) = milestones.listed.problems
    assert "has no CSV files" in problem


async def test_a_file_that_is_too_large_and_a_url_are_told_without_its_password(
    tmp_path: Path, ours: Path, fetcher: Fetcher
) -> None:
    large = tmp_path / "large.csv"
    large.write_text(TITLES + "2024-05-01,Law\n" * 80_000)
    url = "http://me:secret@127.0.0.1:1/m.csv"
    milestones = Milestones([str(large), url], ours=ours)
    await milestones.look(fetcher)
    assert names(milestones) == ["WSIS"]
    first, second = milestones.listed.problems
    assert "holds more than 1 MiB" in first
    assert "127.0.0.1" in second
    assert "secret" not in second


def test_another_file_may_be_named_instead_of_ours(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGINSIGHT_MILESTONES", str(ours))
    assert built_in() == ours
    assert names(Milestones()) == ["WSIS"]


def test_one_that_is_broken_is_no_reason_not_to_start(ours: Path) -> None:
    ours.write_text("nothing")
    listed = Milestones(ours=ours).listed
    assert listed.milestones == ()
    assert "there is no column date" in listed.problems[0]


def test_the_settings_name_files_relative_to_themselves(tmp_path: Path) -> None:
    text = '[[milestones]]\nsource = "mine.csv"\n[[milestones]]\nsource = "https://a.example/m"\n'
    chosen = settings.load(settings_file(tmp_path, text))
    assert chosen.milestone_sources == (str(tmp_path / "mine.csv"), "https://a.example/m")
    wrong = '[[milestones]]\nsource = "mine.csv"\ncadence_seconds = 5\n'
    with pytest.raises(SettingsError, match=r"cadence_seconds.*; allowed are source$"):
        settings.load(settings_file(tmp_path, wrong))
