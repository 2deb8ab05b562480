"""What it costs to be scraped: ``/metrics``, ``/probe`` and the file of all networks, real table.

``python -m bench.metrics_cost`` serves the real table, with every list of countries that we come
with and a full watch list, and has another process ask for it as Prometheus does (OpenMetrics,
gzip), each time of a snapshot that was not asked for before. Meanwhile a task of the event loop
asks to be woken each millisecond: how late it is at worst is how long something held the loop. The
same is measured while nothing is asked for, since other processes disturb it too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp import web

from bench.common import ROOT, NotRun, data_folder, real_routes, real_vrps, say
from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from tests.feeds import StandingFeed
from validator import metrics
from validator.groupings import Attribution
from validator.inputs.batches import gather
from validator.settings.metrics import MOST_WATCHED, MetricsSettings
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules
from validator.web.app import make_app

SCRAPES, PROBES = 30, 300
GOAL_MS, GOAL_PROBE_MS, GOAL_HELD_MS = 150, 5, 20
TARGETS = ("AS3333", "country:NL", "rir:apnic", "AS64496")
_SWITCH_SECONDS = 0.001
"""As the service has it (validator/service.py)."""

_CLIENT = """
import http.client, json, sys, time
host, times, pause, *paths = sys.argv[1:]
link = http.client.HTTPConnection(host)
accept = {"Accept": "application/openmetrics-text; version=1.0.0", "Accept-Encoding": "gzip"}
took = []
for number in range(int(times)):
    began = time.perf_counter()
    link.request("GET", paths[number % len(paths)], headers=accept)
    answer = link.getresponse()
    size = len(answer.read())
    took.append(time.perf_counter() - began)
    assert answer.status == 200, answer.status
    time.sleep(float(pause))
print(json.dumps([took, size]))
"""


class Moving(StandingFeed):
    """A feed whose snapshot is another each time, so that nothing can be kept."""

    def __init__(self, real: Snapshot) -> None:
        self._real, self._generation = real, 0
        super().__init__()

    @property
    def snapshot(self) -> Snapshot:
        self._generation += 1
        return replace(self._real, generation=self._generation)

    @snapshot.setter
    def snapshot(self, _: Snapshot | None) -> None:
        """It is given in the constructor."""


def real_snapshot() -> Snapshot:
    folder = data_folder() / "registry"
    files = [(Kind.RESOURCES, path) for path in sorted(folder.glob("delegated-*-latest.gz"))]
    files += [(Kind.GROUPS, path) for path in sorted((ROOT / "config" / "groups").glob("*.csv"))]
    if not files:
        raise NotRun("no registry/delegated-*-extended-latest.gz in the folder of the real data")
    batches = [read(kind, LocalFile(path, path.name), ReadOptions()) for kind, path in files]
    say("building the tables")
    return assemble(gather([real_vrps(), real_routes(), *batches]), AnnouncedRules())


@dataclass
class Held:
    """How late a task was woken at worst."""

    seconds: float = 0.0


@contextmanager
def watching() -> Iterator[Held]:
    """See how long something holds the event loop."""
    held = Held()

    async def watch() -> None:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            held.seconds = max(held.seconds, time.perf_counter() - due)

    task = asyncio.create_task(watch())
    try:
        yield held
    finally:
        task.cancel()


async def ask(
    host: str, times: int, *paths: str, pause_seconds: float = 0.0
) -> tuple[list[float], int]:
    """Have another process ask; how long each took, and the size of the last answer."""
    given = host, str(times), str(pause_seconds), *paths
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CLIENT, *given, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    if child.returncode:
        raise NotRun(f"the client ended with exit code {child.returncode}")
    took, size = json.loads(said)
    return took, size


def line(what: str, took: list[float], goal_ms: float, held: Held, more: str) -> str:
    median, worst = statistics.median(took) * 1e3, max(took) * 1e3
    kept = held.seconds * 1e3
    met = "met" if median <= goal_ms and kept <= GOAL_HELD_MS else "missed"
    return (
        f"{what} n={len(took)} median_ms={median:.3g} max_ms={worst:.3g} goal=<={goal_ms:g}ms "
        f"loop_held_ms={kept:.3g} goal=<={GOAL_HELD_MS}ms {met} {more}"
    )


async def run() -> list[str]:
    snapshot = real_snapshot()
    networks = snapshot.coverages["asn", Attribution.ORIGIN].groups
    watch = tuple(group for group in networks if group != "NONE")[:MOST_WATCHED]
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        feed = Moving(snapshot)
        settings = MetricsSettings(watch=watch, all_networks="networks.gz")
        built = metrics.build(feed, settings, Path(folder))
        runner = web.AppRunner(make_app(feed, built, sample=False))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host = "{}:{}".format(*runner.addresses[0][:2])
        await ask(host, 3, "/metrics")
        gc.collect()
        gc.freeze()
        with watching() as held:
            await asyncio.sleep(2)
        lines.append(f"idle loop_held_ms={held.seconds * 1e3:.3g}")
        with watching() as held:
            took, size = await ask(host, SCRAPES, "/metrics")
        series = sum(len(metric.samples) for metric in built.registry.collect())
        lines.append(line("/metrics", took, GOAL_MS, held, f"series={series} packed_bytes={size}"))
        with watching() as held:
            took, size = await ask(host, PROBES, *(f"/probe?target={each}" for each in TARGETS))
        lines.append(line("/probe", took, GOAL_PROBE_MS, held, f"bytes={size}"))
        with watching() as held:
            began = time.perf_counter()
            await built.networks.update(snapshot)
            seconds = time.perf_counter() - began
        megabytes = (Path(folder) / "networks.gz").stat().st_size / 1e6
        met = "met" if held.seconds * 1e3 <= GOAL_HELD_MS else "missed"
        lines.append(
            f"networks file series={built.networks.series} packed_mb={megabytes:.3g} "
            f"seconds={seconds:.3g} loop_held_ms={held.seconds * 1e3:.3g} "
            f"goal=<={GOAL_HELD_MS}ms {met}"
        )
        with watching() as held:
            took, size = await ask(host, 3, "/metrics/networks")
        lines.append(line("/metrics/networks", took, 1000, held, f"packed_bytes={size}"))
        await runner.cleanup()
    return lines


def main() -> int:
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        for each in asyncio.run(run()):
            print(each)
    except NotRun as reason:
        say(f"not run: {reason}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
