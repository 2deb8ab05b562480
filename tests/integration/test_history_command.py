"""History on the command line and by ``?at=``: what was written is what is answered."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner, Result

from tests.feeds import ROUTES, StandingFeed, make_snapshot
from validator import metrics
from validator.cli import main
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.writing import write_day
from validator.web.app import make_app

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two days; on the first there were fewer routes."""
    path = tmp_path / "history"
    write_day(make_snapshot(generation=1, routes=ROUTES[:3]), Folder(path), FIRST)
    write_day(make_snapshot(generation=9), Folder(path), SECOND)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["history", *map(str, arguments)])


def test_days_are_checked_exported_and_taken_in_elsewhere(folder: Path, tmp_path: Path) -> None:
    checked = run("check", folder)
    assert (checked.exit_code, "2 files, 2 days" in checked.output) == (0, True)
    file = tmp_path / "all.parquet"
    assert run("export", folder, "-o", file).output == f"{file}: 2 days\n"
    other = tmp_path / "other"
    other.mkdir()
    assert run("import", other, file).output == "2 days taken in, 0 stayed as they were\n"
    assert run("import", other, file).output == "0 days taken in, 2 stayed as they were\n"
    assert "2 days in" in run("compact", folder, 2026).output
    assert run("compact", folder, 1999).exit_code == 2
    assert run("check", folder).exit_code == 0
    mine, theirs = Reader(Folder(folder)), Reader(Folder(other))
    assert mine.days() == theirs.days()


def test_damage_is_named_and_a_day_that_is_none_is_refused(folder: Path, tmp_path: Path) -> None:
    file = min(folder.glob("day-*.parquet"))
    file.write_bytes(file.read_bytes()[:-20])
    damaged = run("check", folder)
    assert damaged.exit_code == 1
    assert file.name in damaged.output
    refused = run("export", folder, "--from", "yesterday", "-o", tmp_path / "x.csv")
    assert (refused.exit_code, "is not a day" in refused.output) == (2, True)


async def test_a_past_day_is_answered_as_it_was(folder: Path) -> None:
    feeds = {
        FIRST: StandingFeed(make_snapshot(generation=1, routes=ROUTES[:3])),
        SECOND: StandingFeed(make_snapshot(generation=9)),
    }

    async def ask(feed: StandingFeed, query: str) -> tuple[int, dict[str, object]]:
        app = make_app(feed, metrics.build(feed), sample=False, past=Reader(Folder(folder)))
        async with TestClient(TestServer(app)) as client:
            answer = await client.get(f"/api/v1/coverage?{query}")
            return answer.status, json.loads(await answer.read())

    for by in (
        "rir",
        "country",
        "m49-region",
        "custom-ours",
        "custom-space",
        "country&family=ipv6",
    ):
        for day, feed in feeds.items():
            status, then = await ask(feed, f"by={by}")
            _, now = await ask(feeds[SECOND], f"by={by}&at={day}")
            assert status == 200
            assert then.pop("generated")
            assert now.pop("generated")
            assert now == then
    status, refusal = await ask(feeds[SECOND], "by=rir&at=2026-01-03")
    assert (status, "2026-01-02" in str(refusal["detail"])) == (404, True)
    assert (await ask(feeds[SECOND], "by=rir&at=2026-13-01"))[0] == 400
    assert (await ask(feeds[SECOND], "by=rir&at=2026-01-01&min_peers=2"))[0] == 404  # no tables
