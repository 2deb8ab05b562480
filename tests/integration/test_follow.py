"""What can be followed: a running service writes its scheduled reports, lists and serves them, and
tells of them, and of what changed, in Atom feeds (RFC 4287)."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner

from tests.feeds import StandingFeed, make_snapshot
from tests.report_worlds import FileWorld, harmful
from tests.served import ROOT, Served, served
from tests.sites import serving
from validator import metrics
from validator.cli import main
from validator.freshness import FAILED, SourceStatus
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.writing import write_day
from validator.settings.http import HttpSettings
from validator.snapshot import Snapshot
from validator.web.app import make_app

ATOM = "{http://www.w3.org/2005/Atom}"
TODAY = datetime.now(UTC).date()
LAST_MONTH = TODAY.replace(day=1) - timedelta(days=1)
MONTH_BEFORE = LAST_MONTH.replace(day=1) - timedelta(days=1)
FEW, ALL = (
    make_snapshot(routes=(("192.0.2.0/24", 64496), *(("192.0.2.0/24", n) for n in wrong)))
    for wrong in ((64497,), ())
)
"""Of NL's routes a half is valid, and then all of them."""


def record(folder: Path, day: date, snapshot: Snapshot) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    write_day(replace(snapshot, created=int(noon.timestamp())), Folder(folder), day)


def feed_of(document: bytes) -> ElementTree.Element:
    """A feed, once it is as RFC 4287 wants it."""
    etree = pytest.importorskip("lxml.etree")
    schema = etree.RelaxNG(etree.parse(ROOT / "tests" / "fixtures" / "atom.rng"))
    schema.assertValid(etree.fromstring(document))
    root = ElementTree.fromstring(document)
    assert root.findtext(f"{ATOM}author/{ATOM}name")
    for entry in root.iter(f"{ATOM}entry"):
        rels = [link.get("rel") for link in entry.iter(f"{ATOM}link")]
        assert rels.count("alternate") == 1
    moments = [entry.findtext(f"{ATOM}updated") or "" for entry in root.iter(f"{ATOM}entry")]
    assert moments == sorted(moments, reverse=True)
    ids = [entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")]
    assert len(ids) == len({*ids}) <= 50
    return root


def titles(root: ElementTree.Element) -> dict[str, str]:
    return {
        entry.findtext(f"{ATOM}id") or "": entry.findtext(f"{ATOM}title") or ""
        for entry in root.iter(f"{ATOM}entry")
    }


# -------------------------------------------------------------------------------- a running service


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings with a schedule, and a history in which last month all of NL became valid."""
    folder = tmp_path_factory.mktemp("follow")
    world = FileWorld(folder)
    world.config.write_text(
        f'{world.config.read_text()}[history]\nfolder = "history"\n'
        '[[reports]]\nscheme = "country"\ngroups = ["NL", "XX"]\nevery = "month"\n'
        'folder = "out"\n'
        '[[reports]]\nscheme = "rir"\ngroups = ["ripencc"]\nevery = "quarter"\nlang = "fr"\n'
        'formats = ["md"]\nfolder = "out"\n'
    )
    record(folder / "history", MONTH_BEFORE, FEW)
    record(folder / "history", LAST_MONTH, ALL)
    record(folder / "history", TODAY, ALL)
    return world.config


@pytest.fixture(scope="module")
def running(config: Path) -> Iterator[Served]:
    with served(config) as service:
        service.wait_until_ready()
        service.wait_for("written", lambda: len(service.json("/api/v1/reports")["reports"]) >= 3)
        yield service


def test_a_service_writes_what_is_due_lists_it_and_serves_it(running: Served, config: Path) -> None:
    listed = running.json("/api/v1/reports?scheme=country")
    name = f"country-NL-{LAST_MONTH:%Y-%m}"
    found = {each["name"]: each for each in listed["reports"]}
    assert found.keys() == {f"{name}.{suffix}" for suffix in ("html", "json", "pdf")}
    assert listed["problems"] == ["country XX: country has no group 'XX'; see /api/v1/coverage"]
    assert running.output.count("scheduled report not known") >= 1
    for each in found.values():
        status, body = running.get(each["path"])
        assert (status, len(body)) == (200, each["bytes"])
        assert hashlib.sha256(body).hexdigest() == each["sha256"]
        assert (each["group"], each["period"]) == ("NL", f"{LAST_MONTH:%Y-%m}")
    report = json.loads(running.get(f"/reports/{name}.json")[1])
    assert report["day"] == LAST_MONTH.isoformat()
    assert report["figures"][0]["value"] == 1.0
    assert running.get(f"/reports/{name}.pdf")[1].startswith(b"%PDF")
    status = running.json("/status")["reports"]
    assert (status["failures"], status["error"]) == (0, "")
    shown = running.get("/metrics")[1].decode()
    assert f"originsight_reports_written_total {float(status['files'])}" in shown
    page = running.get("/reports")[1].decode()
    assert all(each["path"] in page for each in found.values())
    assert [each.name for each in config.parent.joinpath("out").glob("*.partial")] == []


def test_the_feed_tells_of_the_report_and_of_what_moved(running: Served) -> None:
    root = feed_of(running.get("/feed/country/NL.atom")[1])
    report, moved = root.iter(f"{ATOM}entry")
    links = {link.get("type"): link for link in report.iter(f"{ATOM}link")}
    assert [(t, link.get("rel")) for t, link in links.items()] == [
        ("text/html", "alternate"), ("application/pdf", "enclosure"),
        ("application/json", "enclosure"),
    ]  # fmt: skip
    for link in links.values():
        status, body = running.get(link.get("href") or "")
        assert (status, str(len(body))) == (200, link.get("length"))
    assert "up 50.0 points to 100.0%" in (moved.findtext(f"{ATOM}title") or "")
    assert "50.0% (1 of 2)" in (moved.findtext(f"{ATOM}summary") or "")
    to = moved.find(f"{ATOM}link")
    assert to is not None
    status, page = running.get(to.get("href") or "")
    assert status == 200
    assert b"50.0%" in page
    group = running.get("/country/NL")[1].decode()
    assert group.count("/feed/country/NL.atom") == 2
    world = feed_of(running.get("/feed/world.atom?lang=fr")[1])
    assert {*titles(root)} - {*titles(world)} == {moved.findtext(f"{ATOM}id")}


def test_a_service_that_starts_again_says_the_same_and_writes_nothing_twice(
    running: Served, config: Path
) -> None:
    before = {path: running.get(path)[1] for path in ("/feed/country/NL.atom", "/feed/world.atom")}
    files = {each.name: each.stat().st_mtime_ns for each in (config.parent / "out").iterdir()}
    assert running.stop(signal.SIGTERM) == 0
    with served(config) as again:
        again.wait_until_ready()
        assert {path: again.get(path)[1] for path in before} == before
        assert {e.name: e.stat().st_mtime_ns for e in (config.parent / "out").iterdir()} == files
        again.wait_for_reloads()
        assert {path: again.get(path)[1] for path in before} == before


def test_the_command_writes_what_is_due_for_cron(config: Path) -> None:
    gone = config.parent / "out" / f"country-NL-{LAST_MONTH:%Y-%m}.json"
    gone.unlink(missing_ok=True)
    run = CliRunner().invoke
    arguments = ["report", "--scheduled", "--config", str(config), "--quiet"]
    first = run(main, arguments)
    assert first.exit_code == 0, first.output
    assert str(gone) in first.stdout.splitlines()
    again = run(main, arguments)
    assert (again.exit_code, again.stdout) == (0, "")
    for more, said in (
        (["--format", "pdf"], "--format does not go with --scheduled"),
        (["--scheme", "country"], "--scheme does not go with --scheduled"),
    ):
        assert said in run(main, [*arguments, *more]).output
    assert "needs --config" in run(main, ["report", "--scheduled"]).output
    assert "Missing option '--scheme'" in run(main, ["report"]).output


# ------------------------------------------------------------------------------------------- feeds


def past_app(folder: Path, snapshot: Snapshot, **more: Any) -> TestClient[Any, Any]:
    feed = StandingFeed(snapshot)
    return TestClient(TestServer(make_app(
        feed, metrics.build(feed), sample=snapshot.sample, past=Reader(folder),
        moments=Moments(folder, feed), **more,
    )))  # fmt: skip


async def test_a_feed_is_the_same_for_every_snapshot_and_known_to_who_has_it(
    tmp_path: Path,
) -> None:
    record(tmp_path, MONTH_BEFORE, FEW)
    record(tmp_path, LAST_MONTH, ALL)
    record(tmp_path, TODAY, ALL)
    tags = []
    for generation in (1, 2):
        async with past_app(tmp_path, replace(ALL, generation=generation)) as client:
            answer = await client.get("/feed/country/NL.atom")
            assert len(titles(feed_of(await answer.read()))) == 1
            tags.append(answer.headers["ETag"])
            known = await client.get("/feed/country/NL.atom", headers={"If-None-Match": tags[0]})
            assert known.status == 304
    assert tags[0] == tags[1]


async def test_links_lead_to_the_public_address_if_it_is_known_and_never_to_the_host_asked(
    tmp_path: Path,
) -> None:
    record(tmp_path, MONTH_BEFORE, FEW)
    record(tmp_path, LAST_MONTH, ALL)
    record(tmp_path, TODAY, ALL)
    for url in ("", "https://rov.example"):
        async with past_app(tmp_path, ALL, http=HttpSettings(public_url=url)) as client:
            headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
            document = await (await client.get("/feed/country/NL.atom", headers=headers)).read()
            links = [link.get("href") or "" for link in feed_of(document).iter(f"{ATOM}link")]
            assert len(links) == 3
            assert all(link.startswith(f"{url}/") for link in links)
            assert b"evil" not in document


async def test_a_sample_and_trouble_are_said_and_names_do_nothing(tmp_path: Path) -> None:
    bad = harmful()
    for day in (MONTH_BEFORE, LAST_MONTH, TODAY):
        record(tmp_path, day, replace(FEW if day == MONTH_BEFORE else ALL, sample=True))
    old = SourceStatus("vrps", "vrps.json", FAILED, error="gone", since=1, stale_from=2)
    async with past_app(tmp_path, replace(bad, troubles=(old,))) as client:
        answer = await client.get("/feed/country/NL.atom")
        assert "vrps vrps.json" in answer.headers["X-Originsight-Degraded"]
        root = feed_of(await answer.read())
    assert (root.findtext(f"{ATOM}title") or "").startswith("SAMPLE: ")
    assert "Degraded" in (root.findtext(f"{ATOM}subtitle") or "")
    assert "vrps vrps.json: failed: gone" in (root.findtext(f"{ATOM}subtitle") or "")
    (title,) = titles(root).values()
    assert title.startswith("SAMPLE: \u2068=HYPERLINK")
    assert "<script>" in title  # as text
    assert "\u202e" not in title


async def test_without_history_and_schedule_a_feed_is_empty_and_valid() -> None:
    async with serving() as site:
        for path in ("/feed/world.atom", "/feed/country/NL.atom", "/feed/asn/AS64496.atom?lang=ar"):
            status, headers, document = await site.ask(path)
            assert (status, headers["Content-Type"]) == (200, "application/atom+xml; charset=utf-8")
            assert titles(feed_of(document)) == {}
        _, listed = await site.json("/api/v1/reports")
        assert listed == {"reports": [], "total": 0, "problems": [], "sample": False}
        assert b"writes none by itself" in (await site.ask("/reports"))[2]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("/feed/planets/NL.atom", 404, "no scheme is called 'planets'"),
        ("/feed/country/XX.atom", 404, "has no group 'XX'"),
        ("/feed/country/NL.atom?lang=xx", 400, "is not one of en"),
        ("/feed/country/NL.atom?at=2026-01-01", 400, "unexpected argument 'at'"),
        ("/feed/country/NL", 404, "no such resource"),
        ("/api/v1/reports?limit=0", 400, "is not a number from 1 to"),
        ("/api/v1/reports?scheme=", 400, "scheme=''"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_the_reason(
    asked: str, status: int, said: str
) -> None:
    async with serving() as site:
        answered, _, body = await site.ask(asked)
        assert (answered, said in json.loads(body)["detail"]) == (status, True), body


@pytest.mark.parametrize(
    "name",
    ["..%2Fconfig.toml", "%2Fetc%2Fpasswd", "country-NL-2020-01.html", "config.toml", "out",
     "country-NL-2020-01.html%00", "%2e%2e", "a" * 4000],
)  # fmt: skip
def test_no_other_file_can_be_asked_for(config: Path, name: str) -> None:
    """Looked for as the service does it: the names are ours, or there is nothing."""
    from urllib.parse import unquote

    from validator.reports.writing import Basis, Schedule
    from validator.settings import file as settings

    chosen = settings.load(config)
    past, moments = Reader(config.parent / "history"), Moments(None)
    schedule = Schedule(chosen.reports, chosen.folder, past, moments, Basis(chosen.rules))
    assert schedule.find(unquote(name)) is None
