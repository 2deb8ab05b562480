"""The pipeline over a real RTR cache: what the service answers follows what the cache says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from collectors import rtrlib
from tests.rtr_caches import PATIENCE_SECONDS, StayRtr, vrps
from validator.model import Prefix, SettingsError
from validator.pipeline import Pipeline
from validator.service import live_sources
from validator.settings import file as settings
from validator.snapshot import Snapshot, state_counts

V = tuple[str, int, int]
OLD, NEW = vrps(400), vrps(500, first=200, asn=64600)
ROUTES = sorted({(prefix, asn) for prefix, _, asn in OLD | NEW})


@pytest.fixture(autouse=True)
def _rtrlib_is_there() -> None:
    try:
        rtrlib.require()
    except SettingsError as error:
        pytest.skip(str(error))


def configured(folder: Path, port: int, more: str = "") -> settings.Settings:
    routes = "".join(f"{prefix},{asn}\n" for prefix, asn in ROUTES)
    (folder / "routes.csv").write_text("prefix,origin\n" + routes)
    file = folder / "config.toml"
    file.write_text(
        f'cache = "cache"\n{more}\n[[routes]]\nsource = "routes.csv"\n'
        f'[[rtr]]\nretry_seconds = 1\ncaches = [{{host = "127.0.0.1", port = {port}}}]\n'
    )
    return settings.load(file)


def expected(held: frozenset[V]) -> dict[str, int]:
    """States by looking at every VRP: all prefixes here have VRPs only at themselves."""
    valid = {(prefix, asn) for prefix, _, asn in held}
    covered = {prefix for prefix, _, _ in held}
    states = [
        "valid" if route in valid else "invalid" if route[0] in covered else "not-found"
        for route in ROUTES
    ]
    return {state: states.count(state) for state in ("valid", "invalid", "not-found")}


def counted(snapshot: Snapshot) -> dict[str, int]:
    return {state.value: n for state, n in state_counts(snapshot.routes.verdict).items()}


async def until(pipeline: Pipeline, held: frozenset[V]) -> Snapshot:
    """The first snapshot that is as these VRPs make it; others on the way may only be whole."""
    generation = 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            snapshot = await pipeline.published(generation)
            assert counted(snapshot) in (expected(OLD), expected(NEW)), "half a transaction"
            if counted(snapshot) == expected(held):
                return snapshot
            generation = snapshot.generation


async def test_answers_follow_the_cache_and_no_snapshot_shows_half_a_change(
    tmp_path: Path,
) -> None:
    async with StayRtr(tmp_path / "cache-a", OLD) as cache:
        chosen = configured(tmp_path, cache.port)
        async with Pipeline(chosen, live_sources(chosen)) as pipeline, asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pipeline.run())
            first = await until(pipeline, OLD)
            assert first.generation == 1, "no snapshot before the cache's VRPs are complete"
            cache.change(NEW)
            second = await until(pipeline, NEW)
            prefix, _, asn = sorted(NEW - OLD)[0]
            assert second.explain(Prefix.parse(prefix), asn).state == "valid"
            await cache.kill()
            await asyncio.sleep(0.2)
            assert pipeline.snapshot is not None
            assert counted(pipeline.snapshot) == expected(NEW), "a lost cache changes nothing"
            cache.write(OLD)
            await cache.start()
            await until(pipeline, OLD)
            status = {each.kind: each.state for each in pipeline.statuses}
            assert status == {"routes": "fresh", "rtr": "fresh"}
            running.cancel()


async def test_coverage_follows_what_was_published(tmp_path: Path) -> None:
    async with StayRtr(tmp_path / "cache-a", OLD) as cache:
        chosen = configured(tmp_path, cache.port, "[announced]\nspecial_purpose_prefixes = []\n"
                            "special_purpose_asns = []")  # fmt: skip
        async with Pipeline(chosen, live_sources(chosen)) as pipeline, asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pipeline.run())
            snapshot = await until(pipeline, OLD)
            valid = {True: expected(OLD)["valid"], False: expected(NEW)["valid"]}
            assert covered_valid(snapshot) == valid[True], "the first is counted before it is shown"
            cache.change(NEW)
            snapshot = await until(pipeline, NEW)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while covered_valid(snapshot) != valid[False]:
                    snapshot = await pipeline.published(snapshot.generation)
            running.cancel()


def covered_valid(snapshot: Snapshot) -> int:
    """Valid routes over all groups of the first scheme, with those that are not counted."""
    coverage = next(iter(snapshot.coverages.values()))
    counted_valid = sum(int(table[:, 0].sum()) for table in coverage.routes.values())
    left_out = (snapshot.routes.verdict == 1) & (snapshot.excluded != 0)
    return counted_valid + int(left_out.sum())


async def test_when_the_caches_vrps_have_expired_nothing_flips_and_it_is_said(
    tmp_path: Path,
) -> None:
    async with StayRtr(tmp_path / "cache-a", OLD) as cache:
        chosen = configured(tmp_path, cache.port)
        rtr = msgspec.structs.replace(chosen.rtr[0], expire_seconds=2)
        chosen = msgspec.structs.replace(chosen, rtr=(rtr,))
        async with Pipeline(chosen, live_sources(chosen)) as pipeline, asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pipeline.run())
            snapshot = await until(pipeline, OLD)
            await cache.kill()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (stale := snapshot.stale(vrps_only=True)):
                    snapshot = await pipeline.published(snapshot.generation)
                    assert counted(snapshot) == expected(OLD)
            assert [each.kind for each in stale] == ["rtr"]
            await cache.start()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while snapshot.troubles:
                    snapshot = await pipeline.published(snapshot.generation)
                    assert counted(snapshot) == expected(OLD)
            running.cancel()


async def test_vrps_that_mostly_vanish_are_held_and_taken_when_the_time_is_over(
    tmp_path: Path,
) -> None:
    few = frozenset(sorted(OLD)[:100])
    async with StayRtr(tmp_path / "cache-a", OLD) as cache:
        chosen = configured(tmp_path, cache.port, "[freshness]\nleast_rows = 100")
        live = [replace(each, max_stale_seconds=6.0) for each in live_sources(chosen)]
        async with Pipeline(chosen, live) as pipeline, asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pipeline.run())
            snapshot = await until(pipeline, OLD)
            cache.change(few)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not snapshot.troubles:
                    snapshot = await pipeline.published(snapshot.generation)
            assert counted(snapshot) == expected(OLD)
            assert "fell from 400 to 100 (-75.0 %)" in snapshot.troubles[0].error
            assert not snapshot.stale()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while counted(snapshot) == expected(OLD):
                    snapshot = await pipeline.published(snapshot.generation)
            assert counted(snapshot) == expected(few)
            assert snapshot.stale(vrps_only=True), "what was taken is said to be so"
            running.cancel()


async def test_without_rtrlib_the_service_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = configured(tmp_path, 323)

    def missing() -> None:
        raise SettingsError("rtr: RTRlib's module is not built; apt install librtr-dev")

    monkeypatch.setattr(rtrlib, "require", missing)
    with pytest.raises(SettingsError, match="librtr-dev"):
        live_sources(chosen)
