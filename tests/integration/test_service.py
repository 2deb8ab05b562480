"""The service as a process: it starts, reloads, survives bad input, and stops."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import PATIENCE_SECONDS, ROOT, Served, World, alive, served
from validator import service
from validator.model import SettingsError
from validator.pipeline import Pipeline
from validator.sample import build_world, examples, write_world
from validator.settings import file as settings


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_changed_input_is_served_after_sighup_and_a_bad_one_changes_nothing(
    world: World,
) -> None:
    with served(world.config) as running:
        running.wait_until_ready()
        assert running.state(64496, "192.0.2.0/24") == "valid"
        assert running.state(64496, "198.51.100.0/24") == "not-found"

        world.write_vrps([("192.0.2.0/24", 24, 64499)])
        running.wait_for_reloads()
        running.wait_for_generation(2)
        assert running.state(64496, "192.0.2.0/24") == "invalid"

        world.vrps.write_text('{"roas": [{"asn": 64496, "prefix": "192.0.2.0/24"')
        running.process.send_signal(signal.SIGHUP)
        running.wait_for(
            "failed", lambda: running.json("/status")["sources"][0]["state"] == "failed"
        )
        assert running.state(64496, "192.0.2.0/24") == "invalid"
        about = running.json("/status")
        assert about["reload_failures"] > 0
        assert "vrps.json" in about["sources"][0]["error"]
        running.wait_for("degraded", lambda: running.json("/readyz")["degraded"])
        assert running.json("/status")["generation"] == 3, "the same tables, said to be degraded"
        assert running.state(64496, "192.0.2.0/24") == "invalid"

        world.write_vrps([("192.0.2.0/24", 24, 64496)])
        running.process.send_signal(signal.SIGHUP)
        running.wait_for_generation(4)
        assert running.state(64496, "192.0.2.0/24") == "valid"
        assert running.stop() == 0
        assert "Traceback" not in running.output


def test_nothing_changes_if_no_input_has_changed(world: World) -> None:
    with served(world.config) as running:
        running.wait_until_ready()
        created = running.json("/status")["created"]
        running.wait_for_reloads()
        about = running.json("/status")
        assert (about["generation"], about["created"]) == (1, created)


def test_an_input_that_is_missing_at_the_start_is_named_and_awaited(world: World) -> None:
    kept = world.vrps.read_bytes()
    world.vrps.unlink()
    with served(world.config) as running:
        running.wait_for(
            "failed", lambda: running.json("/readyz")["inputs"][0]["state"] == "failed"
        )
        status, body = running.get("/readyz")
        assert status == 503
        assert "vrps.json" in json.loads(body)["inputs"][0]["error"]
        assert running.get("/api/v1/validity/AS64496/192.0.2.0/24")[0] == 503
        assert running.get("/healthz")[0] == 200
        world.vrps.write_bytes(kept)
        running.process.send_signal(signal.SIGHUP)
        running.wait_until_ready()
        assert running.state(64496, "192.0.2.0/24") == "valid"


def test_inputs_are_looked_at_on_schedule_too(tmp_path: Path) -> None:
    world = World(tmp_path, reload_seconds=0.2)
    with served(world.config) as running:
        running.wait_until_ready()
        world.write_vrps([("192.0.2.0/24", 24, 64499)])
        running.wait_for_generation(2)
        assert running.state(64496, "192.0.2.0/24") == "invalid"


def test_while_it_reloads_every_answer_is_whole_and_none_is_not_found(tmp_path: Path) -> None:
    world = World(tmp_path, reload_seconds=0.01)
    with served(world.config) as running:
        running.wait_until_ready()
        stop = threading.Event()
        seen: dict[str, set[str]] = {}

        def ask() -> None:
            while not stop.is_set():
                answer = running.json("/api/v1/validity/AS64496/192.0.2.0/24")
                validity = answer["validated_route"]["validity"]
                seen.setdefault(validity["state"], set()).add(json.dumps(validity["VRPs"]))

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        try:
            for number in range(6):
                world.write_vrps([("192.0.2.0/24", 24, (64496, 64499)[number % 2 == 0])])
                running.wait_for_generation(number + 2)
        finally:
            stop.set()
            for asker in askers:
                asker.join()
        assert set(seen) == {"valid", "invalid"}
        assert {state: len(lists) for state, lists in seen.items()} == {"valid": 1, "invalid": 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_finished_before_the_service_stops(
    world: World, number: signal.Signals
) -> None:
    rows = [{"asn": n, "prefix": "192.0.2.0/24"} for n in range(40_000)]
    body = json.dumps({"routes": rows}).encode()
    with served(world.config) as running:
        running.wait_until_ready()
        request = urllib.request.Request(running.url + "/validity", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            first = answer.read(100)
            running.process.send_signal(number)
            answered = json.loads(first + answer.read())
        assert len(answered["validated_routes"]) == len(rows)
        assert running.process.wait(PATIENCE_SECONDS) == 0
        assert "Traceback" not in running.output


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /validity HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_not_logged(sample: Served, request_bytes: bytes) -> None:
    host, port = sample.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE_SECONDS) as client:
        client.sendall(request_bytes)
        assert client.makefile("rb").readline().split()[1] == b"400"
    assert sample.get("/healthz")[0] == 200
    assert "Traceback" not in sample.output


def test_nothing_it_started_is_left_when_it_has_stopped(world: World) -> None:
    with served(world.config) as running:
        running.wait_until_ready()
        children = running.children()
        assert children
        assert running.stop() == 0
    end = time.monotonic() + PATIENCE_SECONDS
    while any(map(alive, children)):  # the last of them notices that the service is gone
        assert time.monotonic() < end, "something is left"
        time.sleep(0.05)


async def test_a_failure_of_ours_ends_the_service_loudly(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Pipeline) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Pipeline, "run", fail)
    with pytest.raises(ExceptionGroup) as ended:
        await service.serve(settings.load(world.config), listen=("127.0.0.1", 0))
    assert ended.group_contains(ZeroDivisionError)


async def test_an_address_that_is_not_ours_is_a_setting_to_change(world: World) -> None:
    with pytest.raises(SettingsError, match=r"listen: 203\.0\.113\.1:0: .*; choose another"):
        await service.serve(settings.load(world.config), listen=("203.0.113.1", 0))


async def test_an_ipv6_address_is_written_as_a_url_has_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    monkeypatch.setattr(Pipeline, "run", lambda _: asyncio.Event().wait())
    told: list[str] = []

    def stop_at_once(url: str) -> None:
        told.append(url)
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        await service.serve(settings.load(world.config), listen=("::1", 0), ready=stop_at_once)
    except SettingsError as error:
        pytest.skip(f"no IPv6 on loopback here: {error}")
    assert re.fullmatch(r"http://\[::1\]:[1-9][0-9]*", told[0])


def test_a_taken_port_is_a_setting_to_change_and_is_named(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [
                sys.executable,
                "-m",
                "validator",
                "serve",
                "--config",
                str(world.config),
                "--listen",
                f"127.0.0.1:{port}",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert ended.returncode == 2
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr


# ------------------------------------------------------------------------------ the sample world


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The sample world as its own settings serve it."""
    root = tmp_path_factory.mktemp("sample")
    write_world(root / "var" / "sample")
    shutil.copytree(ROOT / "config" / "groups", root / "config" / "groups")
    config = root / "config" / "sample.toml"
    config.write_text((ROOT / "config" / "sample.toml").read_text())
    with served(config) as running:
        running.wait_until_ready()
        yield running


def test_the_sample_world_answers_its_own_examples(sample: Served) -> None:
    shown = examples(build_world())
    assert len(shown) >= 4
    for kind, (prefix, asn) in shown.items():
        state = kind if kind == "not-found" else kind.partition("-")[0]
        assert sample.state(asn, prefix) == state, kind


@pytest.mark.parametrize("by", ["asn", "country", "rir"])
def test_in_the_sample_world_groups_and_excluded_routes_are_all_routes(
    sample: Served, by: str
) -> None:
    document = sample.json(f"/api/v1/coverage?by={by}")
    announced = sum(row["routes"]["announced"] for row in document["rows"])
    total = sample.json("/status")["routes"]["total"]
    assert announced + sum(document["excluded"].values()) == total
    assert announced > 1000


def test_the_sample_world_says_sample_and_its_landing_page_leads_to_answers(
    sample: Served,
) -> None:
    about = sample.json("/api/v1")
    assert about["sample"] is True
    for path in about["try"]:
        status, _ = sample.get(path)
        assert status == 200, path


def test_neighbours_and_peers_of_the_sample_world_are_shown(sample: Served) -> None:
    about = sample.json("/status")
    assert len(about["peers"]) > 1
    assert any(peer["full_ipv4"] for peer in about["peers"])
    network = next(
        path for path in sample.json("/api/v1")["try"] if path.startswith("/api/v1/asn/")
    )
    described = sample.json(network)
    assert described["announced"] is True
    assert described["neighbours"]
    assert described["name"]
