"""The file of all networks: complete or not there, never half, and only when there is news."""

from __future__ import annotations

import asyncio
import gzip
import os
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.feeds import VRPS, make_snapshot
from validator.metrics.networks import NetworksFile
from validator.snapshot import Snapshot


def series(path: Path) -> dict[str, float]:
    """Of the routes in the file, by network, family and state."""
    text = gzip.decompress(path.read_bytes()).decode()
    return {
        " ".join((sample.labels["group"], sample.labels["family"], sample.labels["state"])):
            sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "originsight_coverage_routes"
    }  # fmt: skip


def names_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_every_network_is_in_it_and_nothing_else_is_left_in_the_folder(
    tmp_path: Path,
) -> None:
    file = NetworksFile(tmp_path / "new" / "networks.gz", 60)
    assert await file.update(make_snapshot())
    assert file.path is not None
    assert series(file.path)["AS64496 ipv4 valid"] == 1
    assert series(file.path)["AS64497 ipv4 invalid"] == 1
    assert series(file.path)["NONE ipv4 not-found"] == 1
    assert names_in(file.path.parent) == ["networks.gz"]
    assert file.written > 0
    lines = gzip.decompress(file.path.read_bytes()).splitlines()
    assert file.series == sum(not line.startswith(b"#") for line in lines)


async def test_it_is_written_again_only_if_coverage_was_counted_again(tmp_path: Path) -> None:
    file = NetworksFile(tmp_path / "networks.gz", 60)
    snapshot = make_snapshot()
    assert await file.update(snapshot)
    assert not await file.update(replace(snapshot, generation=2)), "the same coverage"
    assert await file.update(make_snapshot(vrps=VRPS[1:], generation=3))
    assert file.path is not None
    assert series(file.path)["AS64496 ipv4 not-found"] == 1


async def test_what_cannot_be_written_is_counted_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = NetworksFile(tmp_path / "networks.gz", 60)
    assert await file.update(make_snapshot())
    before = (tmp_path / "networks.gz").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert await file.update(make_snapshot(vrps=VRPS[1:]))
    assert file.failures_total == 1
    assert (tmp_path / "networks.gz").read_bytes() == before
    assert names_in(tmp_path) == ["networks.gz"]
    monkeypatch.undo()
    assert await file.update(make_snapshot(vrps=VRPS[1:])), "tried again"
    assert (tmp_path / "networks.gz").read_bytes() != before


class _Source:
    """Publishes what it is told."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self._left = list(snapshots)
        self.asked: list[int] = []
        self.exhausted = asyncio.Event()

    async def published(self, after: int) -> Snapshot:
        self.asked.append(after)
        if not self._left:
            self.exhausted.set()
            await asyncio.Event().wait()
        return self._left.pop(0)


async def test_it_follows_what_is_published_until_it_is_cancelled(tmp_path: Path) -> None:
    file = NetworksFile(tmp_path / "networks.gz", 0.01)
    source = _Source(make_snapshot(), make_snapshot(generation=5, vrps=VRPS[1:]))
    running = asyncio.create_task(file.run(source))
    await source.exhausted.wait()
    running.cancel()
    assert source.asked == [0, 1, 5]
    assert series(tmp_path / "networks.gz")["AS64496 ipv4 not-found"] == 1


async def test_without_a_path_nothing_is_done() -> None:
    file = NetworksFile(None, 60)
    await file.run(_Source())
    assert not await file.update(make_snapshot())
    assert list(file.collect()) == []
