"""Files that change, fail, shrink and age: read by the real worker process, by a clock of ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from collectors.fetch import Fetcher
from validator.freshness import SourceStatus
from validator.inputs.files import FileInputs
from validator.model import VrpBatch
from validator.settings import file as settings

BUILT = 1_767_225_600
"""2026-01-01 00:00."""


class World:
    """One export of VRPs, in its folder, at a moment."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.file, self.now = folder / "vrps.json", float(BUILT)
        self.config = folder / "config.toml"
        (folder / "routes.csv").write_text("prefix,origin\n192.0.2.0/24,64496\n")
        self.config.write_text(
            'cache = "cache"\n[freshness]\nleast_rows = 10\nmax_stale_vrps_seconds = 600\n'
            '[[routes]]\nsource = "routes.csv"\n'
            f'[[vrps]]\nsource = "vrps.json"\n{more}\n'
        )

    def write(self, count: int, expires: int | None = None, expiring: int = 0) -> None:
        """So many VRPs, of which ``expiring`` end at ``expires``."""
        rows = [
            {"asn": 64496, "prefix": f"192.0.2.{n}/32", "maxLength": 32, "ta": "apnic"}
            | ({"expires": expires} if n < expiring else {})
            for n in range(count)
        ]
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps({"metadata": {"buildtime": "2026-01-01T00:00:00Z"},
                                    "roas": rows}))  # fmt: skip
        part.replace(self.file)

    @asynccontextmanager
    async def inputs(self) -> AsyncIterator[FileInputs]:
        chosen = settings.load(self.config)
        chosen.cache_folder.mkdir(exist_ok=True)
        async with Fetcher(chosen.cache_folder, chosen.fetch_limits) as fetcher:
            made = FileInputs(chosen, fetcher, chosen.cache_folder, lambda: self.now)
            try:
                yield made
            finally:
                made.close()


def vrps(inputs: FileInputs) -> int:
    return sum(len(batch.asn) for batch in inputs.batches() if isinstance(batch, VrpBatch))


def standing(inputs: FileInputs) -> SourceStatus:
    return inputs.statuses()[0]


async def test_what_fell_too_far_is_held_then_taken_then_normal(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(100)
    async with world.inputs() as inputs:
        assert await inputs.look()
        assert (vrps(inputs), standing(inputs).state) == (100, "fresh")

        world.write(80)
        assert not await inputs.look()
        status = standing(inputs)
        assert (vrps(inputs), status.state) == (100, "degraded")
        assert status.error.startswith("VRPs of apnic fell from 100 to 80 (-20.0 %)")
        assert (status.since, status.stale_from) == (BUILT, BUILT + 600)

        world.now += 599
        world.write(81)
        assert not await inputs.look(), "another version that is as small changes nothing"
        assert vrps(inputs) == 100

        world.now += 1
        assert await inputs.look(), "the time is over, though the file has not changed again"
        status = standing(inputs)
        assert (vrps(inputs), status.state) == (81, "degraded")
        assert status.stale(world.now)
        assert "was taken after 600 s" in status.error

        world.now += 600
        assert not await inputs.look()
        assert standing(inputs).state == "fresh", "it has been so for long: that is what there is"
        world.write(75)
        assert await inputs.look()
        assert (vrps(inputs), standing(inputs).state) == (75, "fresh")


async def test_what_comes_back_in_time_is_used_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(100)
    async with world.inputs() as inputs:
        await inputs.look()
        world.write(5)
        await inputs.look()
        world.write(95)
        assert await inputs.look()
        assert (vrps(inputs), standing(inputs).state) == (95, "fresh")


async def test_a_second_fall_below_what_was_taken_is_held_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(100)
    async with world.inputs() as inputs:
        await inputs.look()
        world.write(80)
        await inputs.look()
        world.now += 600
        await inputs.look()
        world.write(10)
        assert not await inputs.look()
        assert vrps(inputs) == 80
        assert "from 80 to 10" in standing(inputs).error


async def test_a_file_that_is_gone_ages_from_the_last_good_look(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(100)
    async with world.inputs() as inputs:
        await inputs.look()
        world.now += 100
        await inputs.look()
        world.file.unlink()
        world.now += 100
        assert not await inputs.look()
        status = standing(inputs)
        assert (vrps(inputs), status.state, status.since) == (100, "failed", BUILT + 100)
        assert status.stale_from == BUILT + 700
        assert "vrps.json" in status.error
        assert inputs.failed
        world.write(100)
        assert await inputs.look()
        assert (standing(inputs).state, inputs.failed) == ("fresh", False)


async def test_nothing_new_for_twice_its_cadence_is_late(tmp_path: Path) -> None:
    world = World(tmp_path, "cadence_seconds = 300")
    world.write(100)
    async with world.inputs() as inputs:
        await inputs.look()
        world.now += 599
        assert standing(inputs).state == "fresh"
        world.now += 1
        status = standing(inputs)
        assert (status.state, status.since, status.age(world.now)) == ("late", BUILT + 600, 600)
        assert status.stale_from == BUILT + 1200
        assert status.error == "nothing new for 600 s; expected every 300 s"


async def test_vrps_expire_though_the_file_stays_as_it_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(100, expires=BUILT + 50, expiring=30)
    async with world.inputs() as inputs:
        await inputs.look()
        assert (vrps(inputs), standing(inputs).state) == (100, "fresh")
        world.now += 51
        assert await inputs.look()
        status = standing(inputs)
        assert (vrps(inputs), status.state) == (70, "late")
        assert status.error == "30 VRPs have expired since it was built"
        assert not await inputs.look(), "and it is not read again and again"


async def test_the_time_may_be_given_for_one_input(tmp_path: Path) -> None:
    world = World(tmp_path, "max_stale_seconds = 60")
    world.write(100)
    async with world.inputs() as inputs:
        await inputs.look()
        world.write(80)
        await inputs.look()
        assert standing(inputs).stale_from == BUILT + 60


async def test_other_tables_have_their_own_floor_and_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(100)
    routes = tmp_path / "routes.csv"

    def write(count: int) -> None:
        lines = "".join(f"198.51.100.{n}/32,64496\n" for n in range(count))
        routes.write_text("prefix,origin\n" + lines)

    write(100)
    async with world.inputs() as inputs:
        await inputs.look()
        write(80)
        assert await inputs.look(), "a fifth may go"
        write(60)
        assert not await inputs.look()
        status = next(each for each in inputs.statuses() if each.kind == "routes")
        assert (status.state, status.stale_from) == ("degraded", BUILT + 86_400)
        assert status.error.startswith("rows fell from 80 to 60 (-25.0 %)")
