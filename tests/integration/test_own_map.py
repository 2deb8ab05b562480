"""A map of the user's own: on pages and in reports, read anew on SIGHUP, and what is wrong with it
said while the last good shapes stay."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.report_worlds import FileWorld
from tests.served import Served, served
from tests.unit.test_settings import complaint
from validator.cli.report_command import write_report
from validator.reports.report import Report
from validator.reports.verify import verify

CREDIT = "A ministry <of> our own, 2026"


OURS = """# scheme: custom-ours
# title: Lists of ours
# members: country
# group: us = Us
# source: made up
# licence: ours
# dated: 2026-01-01
country,group
NL,us
KE,us
"""


def squares(*corners: tuple[str, int]) -> bytes:
    """TopoJSON: squares of ten degrees on the equator, by code and western edge."""
    arcs = [[[x, 0], [x, 10], [x + 10, 10], [x + 10, 0], [x, 0]] for _, x in corners]
    areas = [
        {"type": "Polygon", "id": code, "arcs": [[number]]}
        for number, (code, _) in enumerate(corners)
    ]
    objects = {"countries": {"type": "GeometryCollection", "geometries": areas}}
    return json.dumps({"type": "Topology", "arcs": arcs, "objects": objects}).encode()


class MapWorld(FileWorld):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.map = folder / "own.topojson"
        self.map.write_bytes(squares(("NL", 0), ("KE", 10)))
        (folder / "groups" / "ours.csv").write_text(OURS)
        told = f'[pages]\nmap = "own.topojson"\nmap_credit = "{CREDIT}"\n'
        self.config.write_text(self.config.read_text() + told)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> MapWorld:
    return MapWorld(tmp_path_factory.mktemp("map"))


@pytest.fixture(scope="module")
def service(world: MapWorld) -> Iterator[Served]:
    with served(world.config) as running:
        running.wait_until_ready()
        running.wait_for("read its map", lambda: running.json("/status")["map"]["areas"] > 0)
        yield running


def page(service: Served, path: str) -> str:
    status, body = service.get(path)
    assert status == 200, path
    return body.decode()


def land(html: str) -> str:
    """The path of the Netherlands on the map."""
    return html.partition('data-code="NL"')[2].partition(' d="')[2].partition('"')[0]


def test_pages_and_reports_show_the_users_shapes_and_whose_they_are(
    service: Served, world: MapWorld
) -> None:
    overview, report = page(service, "/"), page(service, "/api/v1/report/custom-ours/us")
    first = land(overview)
    assert first.count("M") == 1, "one square"
    assert "Shapes: A ministry &lt;of&gt; our own, 2026." in overview
    assert "Natural Earth" not in overview
    assert land(report) == first
    assert "Shapes: A ministry" in report
    inputs, digest = page(service, "/inputs"), hashlib.sha256(world.map.read_bytes()).hexdigest()
    assert digest in inputs
    assert service.json("/status")["map"]["sha256"] == digest
    told = service.json("/api/v1/report/rir/ripencc?format=json")["settings"]
    assert told["map_sha256"] == digest


def test_a_bad_file_is_said_and_the_last_good_map_stays_until_there_is_a_better_one(
    service: Served, world: MapWorld
) -> None:
    before, good = page(service, "/"), world.map.read_bytes()
    world.map.write_text('{"type": "FeatureCollection"}')
    service.process.send_signal(signal.SIGHUP)
    service.wait_for("said what is wrong", lambda: bool(service.json("/status")["map"]["error"]))
    error = service.json("/status")["map"]["error"]
    assert "own.topojson: not TopoJSON" in error
    assert "give a TopoJSON file" in error
    assert "not TopoJSON" in page(service, "/inputs")
    assert land(page(service, "/")) == land(before)
    assert service.json("/status")["map"]["areas"] > 0
    assert service.json("/readyz")["status"] == "ready", "no figure rests on it"
    assert "map not read" in service.output

    world.map.write_bytes(squares(("NL", 60), ("KE", 10)))
    service.process.send_signal(signal.SIGHUP)
    service.wait_for("read it", lambda: not service.json("/status")["map"]["error"])
    moved = page(service, "/")
    assert land(moved) != land(before), "no page is kept from before"
    assert "not TopoJSON" not in page(service, "/inputs")

    world.map.unlink()
    service.process.send_signal(signal.SIGHUP)
    service.wait_for("missed it", lambda: bool(service.json("/status")["map"]["error"]))
    assert "check the path" in service.json("/status")["map"]["error"]
    assert land(page(service, "/")) == land(moved)
    world.map.write_bytes(good)


def test_a_report_from_files_has_the_map_too_and_verifies_without_it(tmp_path: Path) -> None:
    world = MapWorld(tmp_path)
    asked = {"scheme": "rir", "group": "ripencc", "compare": None, "from": None, "to": None}
    file = tmp_path / "report.json"
    write_report(asked, "json", file, world.config, quiet=True)
    report = msgspec.json.decode(file.read_bytes(), type=Report)
    digest = hashlib.sha256(world.map.read_bytes()).hexdigest()
    assert report.settings.map_sha256 == digest
    world.map.unlink()
    found = verify(file.read_bytes(), tmp_path)
    assert found.equal, found.differs
    write_report(asked, "json", file, world.config, quiet=True)
    report = msgspec.json.decode(file.read_bytes(), type=Report)
    assert not report.settings.map_sha256, "a report is made without the file, with our shapes"


def test_settings_of_the_map_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    sources = '[[vrps]]\nsource = "v"\n[[routes]]\nsource = "r"\n[pages]\n'
    said = complaint(tmp_path, f'{sources}map = "https://maps.example/world.json"\n')
    assert "is a URL; name a file" in said
    assert "there is no pages.map" in complaint(tmp_path, f'{sources}map_credit = "UN"\n')
    assert "allowed are map, map_credit" in complaint(tmp_path, f'{sources}maps = "x"\n')
