"""Metrics as Prometheus's own tools see them: promtool's lint, and a real Prometheus scraping."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.served import PATIENCE_SECONDS, Served, World, served

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


@pytest.fixture(scope="module")
def prometheus(
    service: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    program = _tool("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        "  - job_name: originsight\n"
        f"    static_configs: [{{targets: ['{service.url.removeprefix('http://')}']}}]\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        cwd=folder,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        log.close()


def _query(prometheus: tuple[subprocess.Popen[bytes], str], query: str) -> list[dict[str, Any]]:
    """The result of a query, once there is one."""
    process, url = prometheus
    address = f"{url}/api/v1/query?query={urllib.parse.quote(query)}"
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "Prometheus ended"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                if found := json.loads(answer.read())["data"]["result"]:
                    return list(found)
        except OSError:
            pass  # not listening yet
        time.sleep(0.2)
    raise AssertionError(f"no result for {query}")


def test_a_real_prometheus_scrapes_the_service(
    service: Served, prometheus: tuple[subprocess.Popen[bytes], str]
) -> None:
    assert _query(prometheus, "up{job='originsight'} == 1")
    (routes,) = _query(prometheus, "sum(originsight_routes)")
    assert routes["value"][1] == "2"
    (share,) = _query(
        prometheus,
        "sum(originsight_coverage_routes{scheme='rir',state='valid'})"
        " / sum(originsight_coverage_routes{scheme='rir'})",
    )
    assert share["value"][1] == "0.5"
    (up,) = _query(prometheus, "min(originsight_input_up)")
    assert up["value"][1] == "1"
    assert _query(prometheus, "originsight_event_loop_lag_seconds_count > 0")
