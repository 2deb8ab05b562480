"""An input that breaks shows on every page and in every form of a report with the next snapshot;
once it is beyond its time no sentence is made; repaired, all is as before."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report_worlds import FileWorld
from tests.served import Served, served

PAGES = (
    "/",
    "/country/NL",
    "/country/NL?family=ipv6",
    "/region/rir/ripencc",
    "/asn/AS64496",
    "/prefix/192.0.2.0/24",
    "/compare",
    "/compare?a=country/NL&b=rir/ripencc",
    "/definitions",
    "/inputs",
    "/search?q=rip",
)
FORMS = ("html", "json", "md", "csv", "xlsx", "pdf")
_REPORT = "/api/v1/report/country/NL?format="
_SAYS = 'class="lead"'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> FileWorld:
    made = FileWorld(tmp_path_factory.mktemp("world"), publish_seconds=0.2)
    late = "[freshness]\nmax_stale_vrps_seconds = 6\nmax_stale_seconds = 6\n"
    made.config.write_text(f"{made.config.read_text()}{late}")
    return made


@pytest.fixture(scope="module")
def service(world: FileWorld) -> Iterator[Served]:
    with served(world.config) as running:
        running.wait_until_ready()
        yield running


def texts(content: bytes, form: str) -> str:
    """What a form of a report says."""
    if form == "xlsx":
        return zipfile.ZipFile(io.BytesIO(content)).read("xl/sharedStrings.xml").decode()
    if form == "pdf":
        pikepdf = pytest.importorskip("pikepdf")
        with pikepdf.open(io.BytesIO(content)) as document, document.open_outline() as outline:
            return "\n".join(_titles(outline.root))
    return content.decode()


def _titles(items: Iterable[Any]) -> Iterator[str]:
    for each in items:
        yield each.title
        yield from _titles(each.children)


def _of(service: Served, source: str) -> Any:
    return next(s for s in service.json("/status")["sources"] if s["source"].endswith(source))


@pytest.mark.parametrize("broken", ["vrps.json"])
def test_a_broken_input_shows_everywhere_with_the_next_snapshot_and_not_after_its_repair(
    broken: str, world: FileWorld, service: Served
) -> None:
    file: Path = world.folder / broken
    good = file.read_bytes()
    for path in PAGES:
        assert b"Degraded: read" not in service.get(path)[1], path
    assert _SAYS in service.get("/country/NL")[1].decode()

    generation = service.json("/status")["generation"]
    file.write_bytes(good[: len(good) // 2] if broken == "vrps.json" else b"\x00\xff garbage\n")
    service.wait_for_reloads()
    service.wait_for_generation(generation + 1)  # one, and all of it says so
    trouble = _of(service, broken)["error"].split(":")[0]
    assert trouble
    for path in PAGES:
        text = service.get(path)[1].decode()
        assert "Degraded: read these figures with care" in text, path
        assert broken in text, path
    for form in FORMS:
        told = texts(service.get(_REPORT + form)[1], form)
        if form == "pdf":  # made of the same HTML; its bookmarks name the section
            assert "Inputs that were not as they should be" in told
            continue
        assert broken in told, form
        assert re.search(rf"{re.escape(broken)}[^\n]*(late|failed)", told), form

    service.wait_for("beyond its time", lambda: _of(service, broken)["stale"])
    service.wait_for("in the snapshot", lambda: bool(_report(service)["degraded"]))
    for path in PAGES:
        assert _SAYS not in service.get(path)[1].decode(), path
    assert _report(service)["headline"] == []
    for form in ("html", "md"):
        assert "of announced IPv4 routes are valid" not in texts(
            service.get(_REPORT + form)[1], form
        )

    file.write_bytes(good)
    generation = service.json("/status")["generation"]
    service.wait_for_reloads()
    service.wait_for_generation(generation + 1)
    for path in PAGES:
        assert b"Degraded: read" not in service.get(path)[1], path
    assert _SAYS in service.get("/country/NL")[1].decode()
    report = _report(service)
    assert (report["degraded"], report["troubles"]) == ([], [])
    assert report["headline"]


def _report(service: Served) -> Any:
    return json.loads(service.get(_REPORT + "json")[1])
