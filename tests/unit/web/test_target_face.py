"""The faces of targets and milestones: read from a history, over HTTP, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, web

from tests.feeds import VRPS, StandingFeed, make_snapshot
from validator import metrics
from validator.freshness import LATE, SourceStatus
from validator.groupings import Attribution
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.writing import write_day
from validator.milestone_inputs import Milestones
from validator.targets.progress import (
    DAYS_IN_YEAR,
    Observation,
    TargetSettings,
    fit,
    latest,
    progress,
)
from validator.web.app import make_app
from validator.web.server import Runner
from validator.web.target_described import stand

START, STEP, DAYS, LATE_DAY = date(2026, 1, 1), 12, 13, 3
SIGNED = (*VRPS, ("198.51.100.0/24", 24, 64497, "apnic"))
LATE_ROUTES = SourceStatus("routes", "routes.csv", LATE, error="nothing new for two days", since=1)
ZZ = {"scheme": "country", "group": "ZZ", "family": "ipv4"}
"""Of its two routes none is valid for half of the days, and then one is."""


def target(**given: Any) -> TargetSettings:
    return msgspec.convert({**ZZ, "value": 0.9, "year": 2030, **given}, TargetSettings)


TARGETS = (
    target(name="Plan"),
    target(value=0.5, year=2028),
    target(family="ipv6", group="NL", figure="space_coverage"),
    target(attribution="origin", figure="coverage"),
    target(scheme="planet", group="Earth"),
    target(group="XX"),
    target(scheme="asn", group="AS64496", attribution="address"),
)

Ask = Callable[..., Awaitable[tuple[int, Mapping[str, str], Any]]]


def day(number: int) -> date:
    return START + timedelta(STEP * number)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Days twelve apart, of which one is degraded."""
    folder = Folder(tmp_path_factory.mktemp("targets") / "history")
    before, after = make_snapshot(), make_snapshot(vrps=SIGNED)
    for number in range(DAYS):
        snapshot = before if number < DAYS // 2 else after
        if number == LATE_DAY:
            snapshot = replace(snapshot, troubles=(LATE_ROUTES,))
        write_day(snapshot, folder, day(number))
    return Reader(folder)


@pytest.fixture
async def ask(reader: Reader, tmp_path: Path) -> AsyncIterator[Ask]:
    feed = StandingFeed(make_snapshot())
    mine = tmp_path / "mine.csv"
    mine.write_text(f"date,name,about\n{day(2)},Law,In force\n2040-01-01,=Later,\n")
    app = make_app(
        feed, metrics.build(feed), sample=True, past=reader, targets=TARGETS,
        milestones=Milestones(ours=mine),
    )  # fmt: skip
    runner = Runner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    async def asked(path: str, **headers: str) -> tuple[int, Mapping[str, str], Any]:
        url = f"http://127.0.0.1:{port}{path}"
        async with session.get(
            url, headers={k.replace("_", "-"): v for k, v in headers.items()}
        ) as answer:
            text = await answer.text()
            kind = answer.content_type
            return answer.status, answer.headers, json.loads(text) if "json" in kind else text

    async with ClientSession() as session:
        yield asked
    await runner.cleanup()


async def test_a_group_stands_to_its_targets_as_the_series_says(ask: Ask, reader: Reader) -> None:
    status, headers, reply = await ask("/api/v1/targets/country/ZZ?attribution=address")
    assert status == 200
    assert headers["X-Originsight-Sample"] == "1"
    assert (reply["name"], reply["history_last"]) == ("unregistered", str(day(DAYS - 1)))
    later, sooner = reply["targets"][1], reply["targets"][0]
    assert (sooner["year"], sooner["reached"], sooner["outlook"]) == (2028, True, "reached")
    assert sooner["reached_first"] == str(day(DAYS // 2))
    assert "is reached" in sooner["sentence"]
    assert (later["name"], later["configured"], later["by"]) == ("Plan", True, "2030-12-31")
    assert (later["day"], later["numerator"], later["denominator"]) == (str(day(DAYS - 1)), 1, 2)

    days = [
        Observation(day(n), int(n >= DAYS // 2), 2, n == LATE_DAY) for n in range(DAYS)
    ]  # fmt: skip
    expected = progress(days, 0.9, date(2030, 12, 31))
    line = later["projection"]
    assert line["method"] == "linear projection"
    assert (line["value"], line["low"], line["high"]) == pytest.approx(
        (expected.projected, expected.low, expected.high)
    )
    assert (line["first"], line["days_used"]) == (str(START), DAYS - 1)
    assert (later["days_degraded"], later["days_empty"], later["refused"]) == (1, 0, "")
    assert later["missing"] == pytest.approx(0.4)
    left = (date(2030, 12, 31) - day(DAYS - 1)).days / DAYS_IN_YEAR
    assert later["pace_needed"] == pytest.approx(0.4 / left)
    assert line["points"][-1]["day"] == "2030-12-31"
    assert line["points"][-1]["value"] == line["value"]
    assert later["outlook"] == expected.outlook
    assert [each["years"] for each in later["paces"]] == [1, 3, 10]
    assert later["paces"][0]["pace"] == pytest.approx(line["pace"])
    assert "Linear projection of" in later["sentence"]
    assert "no forecast" in reply["notes"][0]


async def test_a_target_of_ones_own_takes_the_place_of_the_settings(ask: Ask) -> None:
    where = "/api/v1/targets/country/ZZ?value=0.25&year=2027"
    _, _, reply = await ask(where + "&figure=coverage")
    assert [
        (each["family"], each["figure"], each["configured"], each["value"], each["outlook"])
        for each in reply["targets"]
    ] == [
        ("ipv4", "coverage", False, 0.25, "reached"),
        ("ipv6", "coverage", False, 0.25, "unknown"),
    ]
    ipv6 = reply["targets"][1]
    assert (ipv6["day"], ipv6["share"], ipv6["days_empty"]) == (None, None, DAYS - 1)
    assert "is not known: 0 days can be used" in ipv6["sentence"]
    _, _, reply = await ask("/api/v1/targets/country/ZZ?value=0.9&year=2025&family=ipv4")
    (past,) = reply["targets"]
    assert (past["outlook"], past["pace_needed"]) == ("past", None)
    assert (past["projection"]["value"], past["projection"]["points"]) == (None, [])


async def test_whose_routes_are_meant_is_the_targets_own(ask: Ask) -> None:
    _, _, reply = await ask("/api/v1/targets/country/ZZ")
    assert [(each["figure"], each["attribution"]) for each in reply["targets"]] == [
        ("valid_share", "address"), ("valid_share", "address"), ("coverage", "origin"),
    ]  # fmt: skip
    _, _, reply = await ask("/api/v1/targets/country/ZZ?attribution=origin")
    assert [each["attribution"] for each in reply["targets"]] == ["origin"]
    # By address there is no history of networks: that is no reason to refuse the rest.
    _, _, reply = await ask("/api/v1/targets/asn/AS64496")
    (target,) = reply["targets"]
    assert target["outlook"] == "unknown"
    assert "has no asn 'AS64496' by address" in target["refused"]


async def test_a_table_has_a_line_for_each_target(ask: Ask) -> None:
    status, headers, text = await ask("/api/v1/targets/country/ZZ?figure=valid_share&format=csv")
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8; header=present")
    assert 'filename="targets-country-ZZ-SAMPLE.csv"' in headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["year"], row["reached"], row["method"]) for row in rows] == [
        ("2028", "true", "linear projection"),
        ("2030", "false", "linear projection"),
    ]
    assert (rows[1]["numerator"], rows[1]["days_used"], rows[1]["share"]) == ("1", "12", "0.5")


async def test_a_group_without_targets_has_none_and_an_unknown_one_is_not_there(ask: Ask) -> None:
    status, _, reply = await ask("/api/v1/targets/rir/ripencc")
    assert (status, reply["targets"], reply["name"]) == (200, [], "RIPE NCC")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("country/XX", 404, "has no country 'XX'"),
        ("planet/Earth", 404, "there are asn, country"),
        ("asn/AS64496?attribution=address", 404, "has no asn"),
        ("country/ZZ?value=0.5", 400, "value and year go together"),
        ("country/ZZ?year=2030", 400, "value and year go together"),
        ("country/ZZ?value=0&year=2030", 400, "is not a share above 0"),
        ("country/ZZ?value=80&year=2030", 400, "is not a share above 0"),
        ("country/ZZ?value=nan&year=2030", 400, "is not a share above 0"),
        ("country/ZZ?value=%200.5&year=2030", 400, "is not a share above 0"),
        ("country/ZZ?value=&year=2030", 400, "is not a share above 0"),
        ("country/ZZ?value=0.5&year=1999", 400, "is not a number from 2000 to 2200"),
        ("country/ZZ?window=0", 400, "is not a number from 1 to 50"),
        ("country/ZZ?figure=announced", 400, "is not one of valid_share"),
        ("country/ZZ?family=ipv5", 400, "is not one of ipv4"),
        ("country/ZZ?target=1", 400, "unexpected argument"),
    ],
)
async def test_what_is_refused_is_said(ask: Ask, path: str, status: int, said: str) -> None:
    found, _, reply = await ask(f"/api/v1/targets/{path}")
    assert found == status
    assert said in reply["detail"]


async def test_the_list_says_which_targets_cannot_be_followed(ask: Ask) -> None:
    status, _, reply = await ask("/api/v1/targets")
    assert status == 200
    assert {"generated", "generation", "sample", "degraded"} <= reply.keys()
    problems = [(each["group"], each["problem"]) for each in reply["targets"]]
    assert [group for group, problem in problems if not problem] == ["ZZ", "ZZ", "NL", "ZZ"]
    said = dict(problems)
    assert "no scheme is called 'planet'; there are asn, country" in said["Earth"]
    assert "country has no group 'XX'" in said["XX"]
    assert "asn is always by origin" in said["AS64496"]


async def test_milestones_are_those_of_the_days_asked_for(ask: Ask) -> None:
    status, headers, reply = await ask("/api/v1/milestones")
    assert (status, reply["problems"], reply["sample"]) == (200, [], True)
    assert [each["name"] for each in reply["milestones"]] == ["Law", "=Later"]
    _, _, reply = await ask(f"/api/v1/milestones?from={day(2)}&to={day(2)}")
    assert reply["milestones"] == [
        {"day": str(day(2)), "name": "Law", "about": "In force", "source": ""}
    ]
    again, _, _ = await ask("/api/v1/milestones", If_None_Match=headers["ETag"])
    assert again == 304
    refused, _, reply = await ask("/api/v1/milestones?from=2026-02-01&to=2026-01-01")
    assert (refused, "is after" in reply["detail"]) == (400, True)


async def test_history_has_milestones_and_targets_beside_its_days(ask: Ask) -> None:
    _, headers, reply = await ask("/api/v1/history/country/ZZ")
    assert [each["name"] for each in reply["milestones"]] == ["Law"]
    assert [(each["value"], each["by"], each["attribution"]) for each in reply["targets"]] == [
        (0.5, "2028-12-31", None), (0.9, "2030-12-31", None),
    ]  # fmt: skip
    assert (await ask("/api/v1/history/country/ZZ", If_None_Match=headers["ETag"]))[0] == 304
    later = f"/api/v1/history/country/ZZ?from={day(3)}"
    _, _, reply = await ask(f"{later}&attribution=origin&figure=coverage")
    assert reply["milestones"] == []
    assert [each["figure"] for each in reply["targets"]] == ["coverage"]
    for other in ("attribution=origin", "family=ipv6", "figure=accuracy"):
        assert (await ask(f"{later}&{other}"))[2]["targets"] == []


async def test_without_a_history_there_is_the_list_alone() -> None:
    feed = StandingFeed(make_snapshot())
    app = make_app(feed, metrics.build(feed), sample=False)
    paths = {route.resource.canonical for route in app.router.routes() if route.resource}
    assert {"/api/v1/targets", "/api/v1/milestones"} <= paths
    assert "/api/v1/targets/{scheme}/{group}" not in paths


def test_the_window_is_what_the_line_goes_through_and_the_paces_have_their_own() -> None:
    days = [Observation(START + timedelta(30 * n), min(n, 60), 100) for n in range(100)]
    found = stand(target(), Attribution.ADDRESS, days, 2, own=False)
    assert found.projection is not None
    line = fit(latest(days, 2)).line
    assert line is not None
    assert (found.projection.first, found.projection.pace) == (str(line.first), line.per_year)
    paces = {each.years: each.pace for each in found.paces}
    assert paces[1] == pytest.approx(0)
    assert paces[10] == pytest.approx(fit(days).line.per_year)  # type: ignore[union-attr]
