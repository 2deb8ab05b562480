"""``originsight change``: from a folder of history and from a running service, which print the
same."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.feeds import StandingFeed
from tests.served import World
from tests.unit.web.test_change_face import JANUARY, MARCH, Held, two_days
from validator.cli import change_remote
from validator.cli.change_command import show_change
from validator.cli.remote import Server, ServerError
from validator.history.records import NoSuchDay
from validator.history.table_writing import write_tables
from validator.model import SettingsError
from validator.web.change import ChangeFace

QUESTION: dict[str, Any] = {
    "scheme": "country", "group": "KE", "from": None, "to": None, "family": None, "figure": None,
    "attribution": None, "by": None, "limit": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of a history."""
    place = tmp_path_factory.mktemp("history")
    before, after = two_days()
    write_tables(before, place, JANUARY)
    write_tables(after, place, MARCH)
    return place


def told(folder: Path, out: Path, form: str, **given: Any) -> str:
    out.mkdir(exist_ok=True)
    asked = {**QUESTION, **{name.rstrip("_"): value for name, value in given.items()}}
    show_change(asked, form, out / "out", folder=folder, quiet=True)
    return (out / "out").read_text("utf-8")


def test_a_folder_is_told_as_json_and_csv(folder: Path, tmp_path: Path) -> None:
    document = json.loads(told(folder, tmp_path, "json"))
    assert (document["exact"], document["exact_of"]) == (9, 30)
    assert [(each["id"], each["exact"]) for each in document["listed"]] == [
        ("AS2", 10),
        ("AS1", -1),
    ]
    assert (document["before"]["day"], document["after"]["day"]) == ("2026-01-01", "2026-03-01")
    rows = list(csv.DictReader(io.StringIO(told(folder, tmp_path, "csv", limit=1))))
    assert [(row["rank"], row["exact"]) for row in rows] == [("0", "9"), ("1", "10"), ("", "-1")]


def test_classes_of_countries_are_those_that_come_with_originsight(
    folder: Path, tmp_path: Path
) -> None:
    document = json.loads(
        told(folder, tmp_path, "json", scheme="m49-region", group="002", by="country")
    )
    assert [(each["id"], each["name"]) for each in document["listed"]] == [("KE", "Kenya")]


def test_settings_name_the_folder_and_the_lists(folder: Path, tmp_path: Path) -> None:
    config = World(tmp_path).config
    plain = config.read_text()
    config.write_text(f'{plain}[history]\nfolder = "{folder}"\n')
    show_change(QUESTION, "json", tmp_path / "out", config=config, quiet=True)
    assert json.loads((tmp_path / "out").read_text())["exact"] == 9
    with pytest.raises(SettingsError, match="no scheme is called 'ldc'"):
        show_change({**QUESTION, "scheme": "ldc"}, "json", None, config=config, quiet=True)
    config.write_text(plain)
    with pytest.raises(SettingsError, match="keeps no history"):
        show_change(QUESTION, "json", None, config=config, quiet=True)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"scheme": "planet"}, SettingsError, "--scheme: no scheme is called 'planet'"),
        ({"group": "XX"}, SettingsError, "country has no group"),
        ({"figure": "space"}, SettingsError, "figure='space' is not one of"),
        ({"from_": "2026-13-01"}, SettingsError, "from='2026-13-01' is not a day"),
        ({"from_": "2026-02-01"}, NoSuchDay, "2026-02-01"),
    ],
)
def test_what_cannot_be_told_is_said_in_one_line(
    folder: Path, tmp_path: Path, given: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as refused:
        told(folder, tmp_path, "json", **given)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_keeps_no_day(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDay, match="keeps no day"):
        told(tmp_path, tmp_path, "json")


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """A service that holds the same two days, in a thread of its own."""
    ready, loop, found = threading.Event(), asyncio.new_event_loop(), list[str]()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        before, after = two_days()
        face = ChangeFace(StandingFeed(after), Held({JANUARY: before, MARCH: after}))
        app.add_routes([each.route for each in face.operations()])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.append("http://{}:{}".format(*runner.addresses[0][:2]))
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    loop.close()


def asked(service: str, out: Path, form: str, **given: Any) -> str:
    question = {**QUESTION, **{name.rstrip("_"): value for name, value in given.items()}}
    change_remote.show_change(Server(service, quiet=True), question, form, out / "out")
    return (out / "out").read_text("utf-8")


def test_a_service_that_held_the_days_prints_what_the_folder_does(
    service: str, folder: Path, tmp_path: Path
) -> None:
    given = {"from_": JANUARY, "to": MARCH, "scheme": "rir", "group": "afrinic"}
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    theirs.mkdir()
    table = asked(service, theirs, "table", **given)
    assert table == told(folder, mine, "table", **given)
    assert "2 routes of AS2 (Second) signed (+33.3)" in table
    rows = list(csv.DictReader(io.StringIO(asked(service, theirs, "csv", **given))))
    assert [(row["rank"], row["exact"]) for row in rows] == [("0", "9"), ("1", "10"), ("2", "-1")]
    document = json.loads(asked(service, theirs, "json"))
    assert document["after"]["day"] == "2026-03-01"


def test_an_answer_that_is_no_change_is_refused(service: str, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="404"):
        asked(f"{service}/elsewhere", tmp_path, "table")
