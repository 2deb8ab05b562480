"""``originsight target``: from a folder, from settings and from a running service: all the same."""

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

from tests.feeds import StandingFeed, make_snapshot
from tests.served import World, served
from tests.unit.web.test_target_face import TARGETS, reader
from validator.cli import target_remote
from validator.cli.remote import Server, ServerError
from validator.cli.target_command import show_targets
from validator.history.reading import Reader
from validator.history.records import NoSuchDay
from validator.model import SettingsError
from validator.web.targets import TargetFace

__all__ = ["reader"]  # a fixture

QUESTION: dict[str, Any] = {
    "scheme": "country", "group": "ZZ", "family": None, "figure": None, "attribution": None,
    "value": None, "year": None, "window": None,
}  # fmt: skip
OWN = {"value": "0.9", "year": 2030, "family": "ipv4"}
PLAN = (
    '[[targets]]\nscheme = "country"\ngroup = "ZZ"\nfamily = "ipv4"\nvalue = 0.9\nyear = 2030\n'
    'name = "Plan"\n'
)


def shown(folder: Path, form: str, reader: Reader, **given: Any) -> str:
    show_targets({**QUESTION, **given}, form, folder / "out", folder=reader.folder.path)
    return (folder / "out").read_text("utf-8")


def settings_of(folder: Path, reader: Reader) -> Path:
    config = World(folder).config
    config.write_text(f'{config.read_text()}[history]\nfolder = "{reader.folder.path}"\n{PLAN}')
    return config


def test_a_target_of_ones_own_is_shown_as_table_csv_and_json(
    tmp_path: Path, reader: Reader
) -> None:
    (target,) = json.loads(shown(tmp_path, "json", reader, **OWN))["targets"]
    assert (target["value"], target["share"], target["configured"]) == (0.9, 0.5, False)
    (row,) = csv.DictReader(io.StringIO(shown(tmp_path, "csv", reader, **OWN)))
    assert (row["target"], row["share"], row["method"]) == ("0.9", "0.5", "linear projection")
    table = shown(tmp_path, "table", reader, **OWN)
    assert "Targets of unregistered (country), as of 2026-05-25" in table
    assert "linear projection" in table
    assert "no forecast" in table


def test_settings_name_the_targets_and_the_folder(tmp_path: Path, reader: Reader) -> None:
    config, out = settings_of(tmp_path, reader), tmp_path / "out"
    show_targets(QUESTION, "json", out, config=config)
    assert [each["name"] for each in json.loads(out.read_text())["targets"]] == ["Plan"]
    show_targets({**QUESTION, "group": "NL"}, "table", out, config=config)
    assert "There are no targets for this group." in out.read_text()


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({}, SettingsError, "give --value and --year, or --config"),
        ({**OWN, "value": "80"}, SettingsError, "is not a share above 0"),
        ({**OWN, "year": None}, SettingsError, "value and year go together"),
        ({**OWN, "group": "XX"}, NoSuchDay, "has no country 'XX'"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(
    tmp_path: Path, reader: Reader, given: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as refused:
        shown(tmp_path, "json", reader, **given)
    assert "\n" not in str(refused.value)


def test_settings_without_a_history_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="keeps no history; name its folder"):
        show_targets(QUESTION, "table", None, config=World(tmp_path).config)


# ------------------------------------------------------------------------- from a running service


@pytest.fixture(scope="module")
def server(reader: Reader) -> Iterator[Server]:
    """A service with nothing but this face."""
    loop = asyncio.new_event_loop()
    urls, known = list[str](), threading.Event()
    runners = list[web.AppRunner]()

    async def serve() -> None:
        app = web.Application()
        face = TargetFace(StandingFeed(make_snapshot()), reader, TARGETS)
        app.add_routes([each.route for each in face.operations()])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        urls.append("http://{}:{}".format(*runner.addresses[0][:2]))
        known.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runners[0].cleanup())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert known.wait(60)
    yield Server(urls[0], quiet=True)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_service_is_asked_and_prints_what_files_print(
    tmp_path: Path, reader: Reader, server: Server, form: str
) -> None:
    out = tmp_path / "from-service"
    target_remote.show_targets(server, {**QUESTION, **OWN}, form, out)
    assert out.read_text("utf-8") == shown(tmp_path, form, reader, **OWN)


def test_an_answer_that_is_not_one_is_refused(tmp_path: Path, server: Server) -> None:
    class Odd(Server):
        def get(self, path: str, accept: str) -> tuple[bytes, bool]:
            return b'{"targets": 1}', False

    with pytest.raises(ServerError, match="is not Originsight's"):
        target_remote.show_targets(Odd(server.url), QUESTION, "table", tmp_path / "out")


def test_the_service_reads_milestones_again_and_says_which_targets_it_cannot_follow(
    tmp_path: Path,
) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("date,name\n2024-05-01,Law\n")
    config = World(tmp_path).config
    text = PLAN.replace('"ZZ"', '"XX"') + '[[milestones]]\nsource = "mine.csv"\n'
    config.write_text(config.read_text() + text)

    def names() -> list[str]:
        return [each["name"] for each in service.json("/api/v1/milestones")["milestones"]]

    with served(config) as service:
        service.wait_until_ready()
        service.wait_for("read", lambda: "Law" in names())
        (target,) = service.json("/api/v1/targets")["targets"]
        assert "country has no group 'XX'" in target["problem"]
        service.wait_for("said", lambda: "target not known" in service.output)
        new = tmp_path / "new"
        new.write_text("date,name\n2024-05-01,Law\nsoon,Audit\n")
        new.replace(mine)
        service.wait_for_reloads()
        service.wait_for("told", lambda: bool(service.json("/api/v1/milestones")["problems"]))
        (problem,) = service.json("/api/v1/milestones")["problems"]
        assert "line 3" in problem
        assert "Law" in names()
        assert "WSIS+20" in names()
        assert service.stop() == 0
