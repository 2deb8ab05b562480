"""Update files and RIS Live in the settings: what the service answers follows them."""

from __future__ import annotations

import asyncio
import gzip
import time
from pathlib import Path

from tests.integration.test_mrt_updates_replay import announce, down, withdraw, write
from tests.mrt_bytes import peer_table, rib, sequence
from tests.ris_messages import PEER_ASN
from tests.ris_messages import state as ris_state
from tests.ris_messages import update as ris_update
from tests.ris_server import say, served, table_file
from validator.pipeline import Pipeline
from validator.service import live_sources
from validator.settings import file as settings
from validator.snapshot import Snapshot

PATIENCE_SECONDS = 60
V, N = "valid", "not-found"


def routes(snapshot: Snapshot) -> dict[str, str]:
    table = snapshot.routes
    return {
        str(table.prefix(row)): snapshot.explain(
            table.prefix(row), int(table.origin[row])
        ).state.value
        for row in range(len(table))
    }


async def until(pipeline: Pipeline, expected: dict[str, str]) -> Snapshot:
    generation = 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            snapshot = await pipeline.published(generation)
            if routes(snapshot) == expected:
                return snapshot
            generation = snapshot.generation


async def test_answers_follow_the_files_as_they_appear(tmp_path: Path) -> None:
    began = int(time.time()) // 300 * 300 - 900
    folder = tmp_path / "updates"
    folder.mkdir()
    table = peer_table(("192.0.2.1", 64501))
    for prefix in ("198.51.100.0/24", "203.0.113.0/24"):
        table += rib(prefix, (0, sequence(64501)))
    (tmp_path / "rib.mrt.gz").write_bytes(gzip.compress(_at(table, began)))
    (tmp_path / "vrps.csv").write_text(
        "ASN,IP Prefix,Max Length,Trust Anchor\nAS64501,198.51.100.0/24,24,ripe\n"
    )
    write(folder, began, announce("192.0.2.0/24", began - 1), announce("192.0.2.0/25", began + 1))
    config = tmp_path / "config.toml"
    config.write_text(
        'cache = "cache"\n[[vrps]]\nsource = "vrps.csv"\n'
        '[[mrt_updates]]\nsource = ["updates"]\nvantage = "rrc99"\nrib = "rib.mrt.gz"\n'
        "follow = true\npoll_seconds = 0.05\n"
    )
    chosen = settings.load(config)
    async with Pipeline(chosen, live_sources(chosen)) as pipeline, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(pipeline.run())
        start = {"198.51.100.0/24": V, "203.0.113.0/24": N, "192.0.2.0/25": N}
        await until(pipeline, start)
        write(folder, began + 300, withdraw("203.0.113.0/24", began + 301))
        del start["203.0.113.0/24"]
        snapshot = await until(pipeline, start)
        names = [Path(each.source).name for each in pipeline.statuses]
        assert names == ["vrps.csv", "updates:rrc99"]
        write(folder, began + 600, down(began + 601))
        snapshot = await until(pipeline, {})
        assert len(snapshot.vrps) == 1
        running.cancel()


def _at(table: bytes, moment: int) -> bytes:
    """The same records, made at another time."""
    out, start = b"", 0
    while start < len(table):
        size = 12 + int.from_bytes(table[start + 8 : start + 12], "big")
        out += moment.to_bytes(4, "big") + table[start + 4 : start + size]
        start += size
    return out


async def test_a_replay_ends_and_its_routes_stay(tmp_path: Path) -> None:
    (tmp_path / "vrps.csv").write_text(
        "ASN,IP Prefix,Max Length,Trust Anchor\nAS64496,192.0.2.0/24,24,ripe\n"
    )
    folder = tmp_path / "updates"
    folder.mkdir()
    write(folder, 1_767_225_600, announce("192.0.2.0/24", 1_767_225_601))
    config = tmp_path / "config.toml"
    config.write_text(
        'cache = "cache"\n[[vrps]]\nsource = "vrps.csv"\n'
        '[[mrt_updates]]\nsource = ["updates"]\nvantage = "rrc99"\n'
    )
    chosen = settings.load(config)
    async with Pipeline(chosen, live_sources(chosen)) as pipeline, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(pipeline.run())
        snapshot = pipeline.snapshot
        async with asyncio.timeout(PATIENCE_SECONDS):
            while snapshot is None or not len(snapshot.routes) or snapshot.troubles:
                snapshot = await pipeline.published(snapshot.generation if snapshot else 0)
        assert list(routes(snapshot)) == ["192.0.2.0/24"]
        running.cancel()


async def test_answers_follow_ris_live_over_its_table(tmp_path: Path) -> None:
    now = time.time()
    new = ris_update(now + 1, ["203.0.113.0/24"], ["192.0.2.0/24"], path=[PEER_ASN, 64530])
    gone = ris_state(now + 2, "down", peer="2001:db8:0:0:0:0:0:2", peer_asn="64502")
    async with served(say(new, gone)) as server:
        server.files["/rib.gz"] = table_file(
            now, ("192.0.2.0/24", 64530), ("198.51.100.0/24", 64531)
        )
        (tmp_path / "vrps.csv").write_text(
            "ASN,IP Prefix,Max Length,Trust Anchor\n"
            "AS64530,203.0.113.0/24,24,ripe\nAS64530,198.51.100.0/24,24,ripe\n"
        )
        config = tmp_path / "config.toml"
        config.write_text(
            'cache = "cache"\n[[vrps]]\nsource = "vrps.csv"\n[[ris_live]]\nhosts = ["rrc99"]\n'
            f'url = "{server.url}"\nrib = "{server.archive}/rib.gz"\n'
        )
        chosen = settings.load(config)
        async with Pipeline(chosen, live_sources(chosen)) as pipeline, asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pipeline.run())
            snapshot = await until(
                pipeline, {"203.0.113.0/24": "valid", "198.51.100.0/24": "invalid"}
            )
            rows = [snapshot.routes[row] for row in range(2)]
            assert [(row.origin, row.peers) for row in rows] == [(64531, 1), (64530, 1)]
            (status,) = [each for each in pipeline.statuses if each.kind == "ris_live"]
            assert (status.source, status.loaded is not None) == ("ris:rrc99", True)
            running.cancel()
