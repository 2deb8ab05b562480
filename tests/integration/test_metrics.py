"""Metrics over HTTP: promtool's lint, formats, probes, the file of all networks, the budget.

What a real Prometheus makes of them is in test_prometheus.py.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from tests.feeds import StandingFeed, make_snapshot
from tests.served import PATIENCE_SECONDS, ROOT, Served, World, served
from tests.sites import serving
from validator import metrics
from validator.groupings import Attribution
from validator.inputs.batches import gather
from validator.metrics.budget import MOST_GROUPS, MOST_SERIES
from validator.metrics.figures import Chosen, families
from validator.metrics.networks import MOST_NETWORK_SERIES, NetworksFile
from validator.settings.metrics import MOST_WATCHED, MetricsSettings
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules
from validator.web.app import make_app

_OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: install the Debian package prometheus")
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    world = World(tmp_path_factory.mktemp("world"))
    with served(world.config) as running:
        running.wait_until_ready()
        for path in ("/api/v1/validity/AS64496/192.0.2.0/24", "/nothing", "/status"):
            running.get(path)
        yield running


def test_promtool_finds_nothing_to_complain_about(service: Served) -> None:
    _, text = service.get("/metrics")
    checked = subprocess.run(
        [_tool("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_the_format_is_the_one_the_client_prefers(service: Served) -> None:
    for accept, kind, end in (
        ("", "text/plain", False),
        ("text/plain;version=0.0.4", "text/plain", False),
        (_OPENMETRICS, "application/openmetrics-text", True),
    ):
        request = urllib.request.Request(service.url + "/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            assert answer.headers["Content-Type"].startswith(kind)
            assert answer.read().endswith(b"# EOF\n") is end


def test_it_is_packed_for_those_who_take_it(service: Served) -> None:
    _, packed = service.get("/metrics", {"Accept-Encoding": "gzip"})
    assert b"originsight_build_info" in gzip.decompress(packed)


def test_the_process_is_measured_too(service: Served) -> None:
    _, text = service.get("/metrics")
    for name in (b"process_resident_memory_bytes", b"python_info", b"python_gc_objects"):
        assert name in text


# ----------------------------------------------------------------------------------------- probes


async def test_a_probe_gives_one_group_in_the_format_that_is_preferred() -> None:
    async with serving() as site:
        status, headers, body = await site.ask("/probe?target=AS64496")
        assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
        assert b"\noriginsight_probe_success 1.0\n" in body
        valid = b'family="ipv6",group="AS64496",scheme="asn",state="valid"} 1\n'
        assert valid in body
        assert b'group="NL"' not in body
        _, headers, body = await site.ask(
            "/probe?target=country%3ANL", headers={"Accept": _OPENMETRICS}
        )
        assert headers["Content-Type"].startswith("application/openmetrics-text")
        assert b'group="NL"' in body
        assert body.endswith(b"# EOF\n")


async def test_a_network_that_announces_nothing_is_no_success_and_no_error() -> None:
    async with serving() as site:
        status, _, body = await site.ask("/probe?target=AS65551")
        assert status == 200
        assert b"\noriginsight_probe_success 0.0\n" in body
        assert b"originsight_coverage" not in body


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "missing 'target' argument in query"),
        ("?target=", "'' is not an AS number; expected AS64496, or SCHEME:GROUP"),
        ("?target=Netherlands", "'Netherlands' is not an AS number; expected AS64496, or SCHEME"),
        ("?target=AS99999999999", "beyond 32 bits"),
        ("?module=asn&target=AS1", "unexpected argument 'module'"),
    ],
)
async def test_a_target_that_is_none_is_a_problem_in_words(query: str, said: str) -> None:
    async with serving() as site:
        status, headers, body = await site.ask(f"/probe{query}")
        assert (status, headers["Content-Type"]) == (400, "application/problem+json")
        assert said in json.loads(body)["detail"]


async def test_a_scheme_that_is_not_in_force_is_not_found_and_the_others_are_named() -> None:
    async with serving() as site:
        status, headers, body = await site.ask("/probe?target=planet:Earth")
        assert (status, headers["Content-Type"]) == (404, "application/problem+json")
        assert "no scheme is called 'planet'; there are asn, country, rir" in str(
            json.loads(body)["detail"]
        )


async def test_before_the_first_snapshot_a_probe_is_503_so_that_the_target_is_down() -> None:
    async with serving(StandingFeed()) as site:
        assert (await site.ask("/probe?target=AS64496"))[0] == 503


# ------------------------------------------------------------------------------------ all networks


@asynccontextmanager
async def _with_networks(folder: Path) -> AsyncIterator[tuple[NetworksFile, ClientSession]]:
    feed = StandingFeed(make_snapshot())
    built = metrics.build(feed, MetricsSettings(all_networks="networks.gz"), folder)
    server = TestServer(make_app(feed, built, sample=False))
    await server.start_server(shutdown_timeout=1)
    base = f"http://{server.host}:{server.port}"
    try:
        async with ClientSession(base, auto_decompress=False) as session:
            yield built.networks, session
    finally:
        await server.close()


async def test_all_networks_are_served_packed_or_not_once_they_are_written(tmp_path: Path) -> None:
    async with _with_networks(tmp_path) as (file, session):
        async with session.get("/metrics/networks") as early:
            assert (early.status, early.content_type) == (503, "application/problem+json")
            assert "Retry-After" in early.headers
        assert await file.update(make_snapshot())
        async with session.get("/metrics/networks", headers={"Accept-Encoding": "gzip"}) as packed:
            content = await packed.read()
            assert packed.headers["Content-Encoding"] == "gzip"
            assert packed.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert content == (tmp_path / "networks.gz").read_bytes()
        async with session.get("/metrics/networks", headers={"Accept-Encoding": "identity"}) as it:
            assert "Content-Encoding" not in it.headers
            text = await it.read()
            assert text == gzip.decompress(content)
            assert b'group="AS64497"' in text
        async with session.head("/metrics/networks") as head:
            assert (head.status, await head.read()) == (200, b"")
        (tmp_path / "networks.gz").unlink()
        async with session.get("/metrics/networks") as gone:
            assert gone.status == 503


async def test_who_did_not_ask_for_all_networks_is_not_offered_them(tmp_path: Path) -> None:
    async with serving() as site:
        assert (await site.ask("/metrics/networks"))[0] == 404
        assert "/metrics/networks" not in (await site.json("/openapi.json"))[1]["paths"]
    async with _with_networks(tmp_path) as (_, session):
        plain = {"Accept-Encoding": "identity"}
        async with session.get("/openapi.json", headers=plain) as described:
            assert "/metrics/networks" in (await described.json())["paths"]


# ------------------------------------------------------------------------------------- the budget


@pytest.mark.real_data
def test_the_budget_of_series_holds_on_the_real_table(real_data: Path) -> None:
    snapshot = real_snapshot(real_data)
    networks = snapshot.coverages["asn", Attribution.ORIGIN].groups
    assert len(networks) > 50_000
    settings = MetricsSettings(watch=tuple(n for n in networks[:101] if n != "NONE")[:MOST_WATCHED])
    registry = metrics.build(StandingFeed(snapshot), settings).registry
    series = sum(len(metric.samples) for metric in registry.collect())
    assert 10_000 < series < MOST_SERIES
    groups = {
        (sample.labels["scheme"], sample.labels["group"])
        for metric in registry.collect()
        if metric.name == "originsight_group"
        for sample in metric.samples
        if not sample.labels["scheme"].startswith("custom-")
    }
    assert 240 + MOST_WATCHED < len(groups) <= MOST_GROUPS + MOST_WATCHED
    every = families([Chosen.all_of(snapshot.coverages["asn", Attribution.ORIGIN])], True)
    assert 400_000 < sum(map(len, every)) < MOST_NETWORK_SERIES


def real_snapshot(folder: Path) -> Snapshot:
    """The real table with the registry and every list of countries that we come with."""
    place = [
        (Kind.VRPS, folder / "vrps" / "rpkiclient_summary_20250720T100145Z.json.bz2"),
        (Kind.ROUTES, folder / "bgp" / "as-prefix_20260619.csv.gz"),
        *((Kind.RESOURCES, path) for path in (folder / "registry").glob("delegated-*-latest.gz")),
        *((Kind.GROUPS, path) for path in sorted((ROOT / "config" / "groups").glob("*.csv"))),
    ]
    batches = [read(kind, LocalFile(path, path.name), ReadOptions()) for kind, path in place]
    return assemble(gather(batches), AnnouncedRules())


def test_the_documentation_of_metrics_is_what_the_code_says() -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_metrics.py", "--check"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
