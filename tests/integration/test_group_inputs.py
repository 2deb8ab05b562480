"""Lists of groups as a running service meets them: dropped in, mistaken, put right, removed."""

from __future__ import annotations

import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collectors.fetch import Fetcher
from tests.served import ROOT, Served, World, served
from validator.inputs.files import FileInputs
from validator.model import GroupBatch
from validator.settings import file as settings

GOOD = "country,group,name\nNL,low,Low countries\nBE,low,\nDE,high,High countries\n"
BETTER = "country,group,name\nNL,north,North\n"
DATED = "country,group,from,until\n"
MISTAKES: dict[str, tuple[str | bytes, str, str]] = {
    "an unknown country": (GOOD + "XX,low,\n", "(line 5): the country `XX` is", "ISO 3166-1"),
    "a duplicate": (GOOD + "NL,low,\n", "(line 5): NL is listed twice, first", "leave one"),
    "overlapping dates": (
        DATED + "NL,low,,2025-01-02\nNL,high,2025-01-01,\n",
        "(line 3): the dates of NL overlap with those in line 2",
        "let one end (`until`) on the day",
    ),
    "no date": (DATED + "NL,low,June,\n", "(line 2): `from` is `June`", "write it as 2024-12-13"),
    "two groups at once": (GOOD + "NL,high,\n", "(line 5): NL is listed twice", "leave one"),
    "a wrong encoding": (
        GOOD.replace("Low", "L\xf6w").encode("latin-1"), "(line 2): is not UTF-8", "in UTF-8",
    ),
    "UTF-16": (GOOD.encode("utf-16"), "(line 1): holds a zero byte", "in UTF-8"),
    "an unknown group": ("# group: a = A\ncountry,group\nNL,low\n", "group `low` is unknown", "a"),
    "an unknown scheme": ("# scheme: lcd\n" + GOOD, "the scheme `lcd` cannot be", "one of"),
    "a ragged row": (GOOD + "FR,low\n", "(line 5): has 2 values where the titles are 3", "commas"),
    "nothing": ("", "is empty", "again"),
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world with a folder of groups, in which a README lies too."""
    made = World(tmp_path)
    folder = tmp_path / "groups"
    folder.mkdir()
    (folder / "README.md").write_text("NL is a country.\n")
    put(made, GOOD)
    with made.config.open("a") as file:
        file.write('[[groups]]\nsource = "groups"\n')
    return made


def put(world: World, content: str | bytes, name: str = "countries.csv") -> None:
    """Write a list, at once, as a careful editor would."""
    part = world.folder / "part"
    part.write_bytes(content.encode() if isinstance(content, str) else content)
    part.replace(world.folder / "groups" / name)


def status(running: Served, kind: str = "groups") -> Any:
    return next(each for each in running.json("/status")["sources"] if each["kind"] == kind)


def error_after_reload(running: Served, says: str) -> str:
    """What is said to be wrong with the lists, as soon as it says so."""
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(f"refused: {says}", lambda: says in status(running)["error"])
    about = status(running)
    assert about["state"] == "failed"
    return str(about["error"])


def counted(running: Served, scheme: str = "custom-countries") -> dict[str, int]:
    """Announced IPv4 routes of each group that has any."""
    document = running.json(f"/api/v1/coverage?by={scheme}&family=ipv4")
    found = {row["group"]: row["routes"]["announced"] for row in document["rows"]}
    return {group: count for group, count in found.items() if count}


def test_what_was_good_stays_in_force_until_a_mistaken_list_is_put_right(world: World) -> None:
    with served(world.config) as running:
        running.wait_until_ready()
        assert counted(running) == {"low": 1}
        assert status(running)["state"] == "fresh"
        for mistake, (content, says, cure) in MISTAKES.items():
            put(world, content)
            error = error_after_reload(running, says)
            assert str(world.folder / "groups" / "countries.csv") in error, mistake
            assert cure in error.partition(says)[2], mistake
            assert counted(running) == {"low": 1}, mistake
        put(world, GOOD)
        put(world, "# scheme: custom-countries\n" + GOOD, "twin.csv")
        error = error_after_reload(running, "twin.csv: defines the scheme custom-countries, as ")
        assert "countries.csv does; keep one of the two files" in error
        assert counted(running) == {"low": 1}
        running.wait_for("degraded", lambda: running.json("/readyz")["degraded"])

        (world.folder / "groups" / "twin.csv").unlink()
        put(world, BETTER)
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("counted", lambda: counted(running) == {"north": 1})
        assert status(running)["state"] == "fresh"
        running.wait_for("well", lambda: not running.json("/readyz")["degraded"])

        put(world, "asn,group\nAS64496,mine\n", "networks.csv")  # dropped in the folder
        put(world, "prefix,group\n192.0.0.0/16,wide\n192.0.2.0/25,half\n", "space.csv")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("there", lambda: "custom-space" in schemes(running))
        assert counted(running, "custom-networks") == {"mine": 1}
        assert counted(running, "custom-space") == {"half": 1}, "by the first address"
        assert running.stop() == 0
        assert "Traceback" not in running.output


def schemes(running: Served) -> set[str]:
    """Those that coverage is counted by."""
    names = ("custom-countries", "custom-networks", "custom-space")
    return {n for n in names if running.get(f"/api/v1/coverage?by={n}&family=ipv4")[0] == 200}


# ----------------------------------------------------------------------- without the whole service


@asynccontextmanager
async def inputs_of(world: World) -> AsyncIterator[FileInputs]:
    chosen = settings.load(world.config)
    chosen.cache_folder.mkdir(exist_ok=True)
    async with Fetcher(chosen.cache_folder, chosen.fetch_limits) as fetcher:
        made = FileInputs(chosen, fetcher, chosen.cache_folder)
        try:
            yield made
        finally:
            made.close()


def lists(inputs: FileInputs) -> dict[str, int]:
    """Scheme → how many members are in use."""
    batches = [each for each in inputs.batches() if isinstance(each, GroupBatch)]
    return {b.grouping.scheme: len(b.grouping.memberships) for b in batches if b.grouping}


async def test_two_inputs_may_not_define_one_scheme(world: World) -> None:
    other = world.folder / "other.csv"
    other.write_text("# scheme: custom-other\n" + GOOD)
    with world.config.open("a") as file:
        file.write('[[groups]]\nsource = "other.csv"\n')
    async with inputs_of(world) as inputs:
        await inputs.look()
        assert lists(inputs) == {"custom-countries": 3, "custom-other": 3}
        other.write_text("# scheme: custom-countries\n" + BETTER)
        assert not await inputs.look()
        assert lists(inputs) == {"custom-countries": 3, "custom-other": 3}
        failed = [each for each in inputs.statuses() if each.state == "failed"]
        assert [each.source for each in failed] == [str(other)]
        assert "defines the scheme custom-countries, as" in failed[0].error
        (world.folder / "groups" / "countries.csv").rename(world.folder / "groups" / "more.csv")
        assert await inputs.look(), "the scheme has moved from one file to the other"
        assert await inputs.look() or lists(inputs)["custom-countries"] == 1
        assert lists(inputs) == {"custom-more": 3, "custom-countries": 1}
        assert not inputs.failed


async def test_lists_come_and_go_with_their_files(world: World) -> None:
    async with inputs_of(world) as inputs:
        await inputs.look()
        put(world, "asn,group\n1,a\n2,b\n", "networks.csv.txt")
        await inputs.look()
        assert lists(inputs) == {"custom-countries": 3}
        put(world, "asn,group\n1,a\n2,b\n", "networks.csv")
        await inputs.look()
        assert lists(inputs) == {"custom-countries": 3, "custom-networks": 2}
        (world.folder / "groups" / "countries.csv").unlink()
        assert await inputs.look()
        assert lists(inputs) == {"custom-networks": 2}
        (world.folder / "groups" / "networks.csv").unlink()
        assert not await inputs.look()
        assert lists(inputs) == {"custom-networks": 2}, "a folder without lists is a mistake"
        assert "has no CSV files" in next(s.error for s in inputs.statuses() if s.kind == "groups")
        shutil.copytree(ROOT / "config" / "groups", world.folder / "groups", dirs_exist_ok=True)
        assert await inputs.look(), "ours, with a README and a licence beside them"
        assert not inputs.failed
        assert len(lists(inputs)) == 9
