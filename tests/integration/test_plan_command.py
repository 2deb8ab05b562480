"""``originsight plan``: from files and from a running service, which print the same."""

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

from tests.commands import write_inputs
from tests.feeds import StandingFeed
from tests.unit.test_planning import OF_BOTH, SIGNED, world
from validator.cli import plan_remote
from validator.cli.plan_command import show_plan
from validator.cli.remote import Server, ServerError
from validator.model import SettingsError
from validator.web.plan import PlanFace

QUESTION: dict[str, Any] = {
    "scheme": "country", "group": "US", "countries": False, "family": None, "attribution": None,
    "measure": None, "by": None, "top": None, "roas": None, "list": None, "share": None,
    "min_peers": None,
}  # fmt: skip
READING = {"allow_truncated": False, "as_of": None, "quiet": True}


def planned(folder: Path, form: str, **given: Any) -> str:
    write_inputs(folder)
    sources: dict[str, tuple[str, ...]] = {
        "vrps": (str(folder / "vrps.json"),),
        "routes": (str(folder / "routes.csv"),),
        "resources": (str(folder / "delegated"),),
        "groups": (),
    }
    show_plan(sources, {**QUESTION, **given}, form, folder / "out", **READING)
    return (folder / "out").read_text("utf-8")


def test_files_are_planned_as_table_csv_and_json(tmp_path: Path) -> None:
    document = json.loads(planned(tmp_path, "json"))
    assert (document["now"]["routes_valid"], document["now"]["routes_announced"]) == (1, 3)
    assert [(step["id"], step["gain"]) for step in document["steps"]] == [("AS1", 1), ("AS2", 1)]
    assert [each["kind"] for each in document["inputs"]][:2] == ["vrps", "route-list"]
    rows = list(csv.DictReader(io.StringIO(planned(tmp_path, "csv"))))
    assert [(row["rank"], row["after_routes_valid"]) for row in rows] == [
        ("0", "1"), ("1", "2"), ("2", "3"),
    ]  # fmt: skip
    roas = list(csv.DictReader(io.StringIO(planned(tmp_path, "csv", list="roas"))))
    assert [(row["prefix"], row["max_length"], row["asn"]) for row in roas] == [
        ("11.0.0.0/17", "17", "AS1"),
        ("11.0.128.0/17", "17", "AS2"),
    ]
    table = planned(tmp_path, "table")
    assert "Who could raise" in table
    assert "33.3 % to 100.0 %" in table


def test_countries_of_a_class_come_from_files_too(tmp_path: Path) -> None:
    text = planned(tmp_path, "json", scheme="m49-region", group="019", countries=True, top=1)
    assert [(step["country"], step["gain"]) for step in json.loads(text)["steps"]] == [("US", 2)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scheme": "planet"}, "--scheme: no scheme is called"),
        ({"group": "XX"}, "country has no group"),
        ({"measure": "prefixes"}, "measure='prefixes' is not one of"),
        ({"countries": True}, "no class of countries"),
        ({"countries": True, "by": "holder"}, "--by goes not with --countries"),
        ({"share": "0.8"}, "--share goes only with --countries"),
        ({"scheme": "asn", "group": "AS1", "attribution": "address"}, "always by origin"),
    ],
)
def test_what_cannot_be_planned_is_said_in_one_line(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        planned(tmp_path, "json", **given)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """A service that plans, in a thread of its own."""
    ready, loop, found = threading.Event(), asyncio.new_event_loop(), list[str]()

    async def serve() -> web.AppRunner:
        app = web.Application()
        face = PlanFace(StandingFeed(world(OF_BOTH, SIGNED)))
        app.add_routes([each.route for each in face.operations()])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.append("http://{}:{}".format(*runner.addresses[0][:2]))
        return runner

    def work() -> None:
        runner = loop.run_until_complete(serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(60)
    yield found[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)


def asked(service: str, folder: Path, form: str, **given: Any) -> str:
    question = {key: value for key, value in QUESTION.items() if key != "min_peers"}
    question |= {"group": "KE", **given}
    plan_remote.show_plan(Server(service, quiet=True), question, form, folder / "out")
    return (folder / "out").read_text("utf-8")


def test_a_service_is_asked_and_its_answer_printed(service: str, tmp_path: Path) -> None:
    document = json.loads(asked(service, tmp_path, "json", top=5, measure="routes"))
    assert [(step["id"], step["gain"]) for step in document["steps"]] == [("AS1", 4)]
    assert "60.0 % to 100.0 %" in asked(service, tmp_path, "table")
    rows = list(csv.DictReader(io.StringIO(asked(service, tmp_path, "csv", list="roas"))))
    assert [row["prefix"] for row in rows] == [f"10.0.{k}.0/24" for k in range(6, 10)]
    moved = asked(service, tmp_path, "table", scheme="ldc", group="ldc", countries=True)
    assert "46.7 % to 93.3 %" in moved


def test_an_answer_that_is_no_plan_is_refused(service: str, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="404"):
        plan_remote.show_plan(
            Server(f"{service}/elsewhere", quiet=True), QUESTION, "table", tmp_path / "out"
        )
