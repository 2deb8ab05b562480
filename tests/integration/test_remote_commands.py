"""``--server``: commands that ask a running service print what they print from files.

The commands run in a thread of this process, where the service is too: starting a process for each
would take most of the time.
"""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from tests.commands import Done, write_inputs
from tests.feeds import StandingFeed, make_snapshot
from tests.fronts import Fronted, fronted, token_settings
from validator import metrics
from validator.cli import main
from validator.settings.http import HttpSettings, Role
from validator.web.app import make_app

ROUTE = ("192.0.2.0/24", "AS64496")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with one input of each kind."""
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def site() -> AsyncIterator[Fronted]:
    async with fronted(HttpSettings()) as running:
        yield running


def run(*arguments: str) -> Done:
    done = CliRunner().invoke(main, arguments, prog_name="originsight")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


async def asked(*arguments: str) -> Done:
    """A command, while the server of this process can answer it."""
    return await asyncio.to_thread(run, *arguments)


async def good(*arguments: str) -> str:
    done = await asked(*arguments)
    assert (done.code, done.err) == (0, ""), done.err
    return done.out


@pytest.mark.parametrize(
    ("route", "says"),
    [
        (
            ROUTE,
            "192.0.2.0/24 from AS64496: valid\n  matching VRP: 192.0.2.0/24-24 AS64496\n",
        ),
        (
            ("192.0.2.0/25", "64496"),
            "192.0.2.0/25 from AS64496: invalid (length)\n"
            "  covers, but its maxLength is too short: 192.0.2.0/24-24 AS64496\n",
        ),
        (
            ("198.51.100.0/24", "64497"),
            "198.51.100.0/24 from AS64497: invalid (length)\n"
            "  covers, but names another AS: 198.51.100.0/22-24 AS64499\n"
            "  covers, but its maxLength is too short: 198.51.100.0/23-23 AS64497\n",
        ),
        (
            ("2001:db8::/32", "AS1"),
            "2001:db8::/32 from AS1: invalid (origin)\n"
            "  covers, but names another AS: 2001:db8::/32-48 AS64496\n",
        ),
        (("10.0.0.0/8", "0"), "10.0.0.0/8 from AS0: not-found\n  no VRP covers it\n"),
    ],
)
async def test_one_route_is_explained_as_the_service_has_it(
    folder: Path, site: Fronted, route: tuple[str, str], says: str
) -> None:
    assert await good("validate", *route, "--server", site.url) == says


async def test_the_reason_is_the_same_as_from_files(folder: Path) -> None:
    vrps = json.loads((folder / "vrps.json").read_text())["roas"]
    rows = tuple(
        (each["prefix"], each["maxLength"], int(str(each["asn"]).removeprefix("AS")), each["ta"])
        for each in vrps
    )
    feed = StandingFeed(make_snapshot(vrps=rows))
    server = TestServer(make_app(feed, metrics.build(feed), sample=False))
    await server.start_server()
    url = f"http://127.0.0.1:{server.port}"
    for route in (
        ("11.0.0.0/17", "1"),
        ("11.3.0.0/24", "1"),
        ("11.3.0.0/24", "0"),
        ("2a00::/32", "0"),
    ):
        here = await good("validate", *route, "--vrps", "vrps.json", "--quiet")
        there = await good("validate", *route, "--server", url)
        signed = re.compile(", (arin|ripe)$", re.MULTILINE)  # which Routinator's form leaves out
        assert there == signed.sub("", here)
    await server.close()


async def test_one_route_as_json_has_routinators_form(folder: Path, site: Fronted) -> None:
    done = await good("validate", *ROUTE, "--server", site.url + "/", "--format", "json")
    about = json.loads(done)["validated_route"]
    assert about["validity"]["state"] == "valid"


async def test_everybodys_figures_are_those_of_the_service(folder: Path, site: Fronted) -> None:
    command = ("dialects", "--scheme", "country", "--group", "NL", "--server", site.url)
    assert "NL (Netherlands) in everybody's figures" in await good(*command)
    _, _, served = await site.get("/api/v1/dialects/country/NL")
    said = json.loads(await good(*command, "--format", "json"))["dialects"]
    told = json.loads(served)["dialects"]
    assert [(row["name"], row["group_value"]) for row in said] == [
        (each["name"], each["group"]["value"]) for each in told
    ]
    lines = (await good(*command, "--format", "csv")).splitlines()
    assert lines[0].startswith("name,publisher,title,family,formula")
    assert len(lines) == len(told) + 1


async def test_coverage_is_printed_in_every_form(folder: Path, site: Fronted) -> None:
    command = ("coverage", "--by", "country", "--server", site.url)
    table = await good(*command)
    assert "Coverage by country, attributed by address" in table
    assert "NL" in table
    _, _, served = await site.get("/api/v1/coverage?by=country")
    assert json.loads(await good(*command, "--format", "json")) == json.loads(served)
    lines = (await good(*command, "--format", "csv", "--family", "ipv6")).splitlines()
    rows = list(csv.DictReader(lines))
    assert {row["family"] for row in rows} == {"ipv6"}
    await good(*command, "--format", "csv", "-o", "out.csv")
    assert (folder / "out.csv").read_text().count("\n") > len(rows)
    by_origin = await good(*command, "--attribution", "origin", "--format", "json")
    assert json.loads(by_origin)["attribution"] == "origin"


async def test_a_sample_says_so(folder: Path) -> None:
    feed = StandingFeed(make_snapshot(sample=True))
    server = TestServer(make_app(feed, metrics.build(feed), sample=True))
    await server.start_server()
    url = f"http://127.0.0.1:{server.port}"
    done = await asked("validate", *ROUTE, "--server", url)
    assert (done.code, done.err.startswith("SAMPLE")) == (0, True)
    for form in ("csv", "table"):
        out = await good("coverage", "--by", "rir", "--server", url, "--format", form)
        assert out.startswith("# SAMPLE")
    await server.close()


async def test_a_token_is_taken_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = HttpSettings(tokens=(token_settings("secret", Role.READ),))
    async with fronted(settings) as site:
        command = ("validate", *ROUTE, "--server", site.url)
        refused = await asked(*command)
        assert (refused.code, refused.out) == (1, "")
        assert "401" in refused.err
        assert "ORIGINSIGHT_TOKEN" in refused.err
        monkeypatch.setenv("ORIGINSIGHT_TOKEN", "secret")
        assert await good(*command)
        wrong = await asked(*command, "--token", "wrong")
        assert "not known here" in wrong.err


async def test_a_service_that_is_not_ready_or_not_there_is_named(folder: Path) -> None:
    feed = StandingFeed(None)
    server = TestServer(make_app(feed, metrics.build(feed), sample=False))
    await server.start_server()
    url = f"http://127.0.0.1:{server.port}"
    waits = await asked("validate", *ROUTE, "--server", url)
    await server.close()
    gone = await asked("validate", *ROUTE, "--server", url)
    for done, says in ((waits, "503"), (gone, "refused")):
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert done.err.startswith(f"originsight: {url}: ")
        assert says in done.err


async def test_an_answer_that_is_not_ours_is_one_line(folder: Path) -> None:
    answers = {
        "/text": web.Response(text="hello"),
        "/list": web.json_response([1]),
        "/other": web.json_response({"validated_route": {"validity": {"state": 1}}}),
        "/deep": web.Response(text="[" * 100_000),
        "/moved": web.Response(status=302, headers={"Location": "http://other.example/"}),
        "/error": web.Response(status=500, text="\x1b]0;owned\x07" + "x" * 100_000),
        "/long": web.Response(status=404, text=json.dumps({"error": "a\nb" + "x" * 9999})),
    }

    async def answer(request: web.Request) -> web.Response:
        given = answers["/" + request.path.split("/")[1]]
        return web.Response(status=given.status, headers=given.headers, body=given.body)

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    for path in answers:
        url = f"http://127.0.0.1:{server.port}{path}"
        for command in (("validate", *ROUTE), ("coverage", "--by", "rir")):
            done = await asked(*command, "--server", url)
            assert (done.code, done.out, done.err.count("\n")) == (1, "", 1), (path, done)
            assert done.err.startswith(f"originsight: {url}: "), path
            assert "\x1b" not in done.err
    await server.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("validate", "--server", "http://x"), "PREFIX and ASN"),
        (("validate", *ROUTE, "--server", "http://x", "--vrps", "v"), "--vrps is for files"),
        (("validate", *ROUTE, "--server", "http://x", "--as-of", "5"), "--as-of is for files"),
        (("validate", *ROUTE, "--server", "ftp://x"), "is not a URL"),
        (("validate", *ROUTE, "--server", "http://"), "is not a URL"),
        (("validate", *ROUTE, "--server", "http://x:99999"), "is not a URL"),
        (("validate", *ROUTE, "--server", "http://x", "--token", "a b"), "no token"),
        (("coverage", "--by", "rir", "--server", "http://x", "--groups", "x"), "--groups"),
        (("coverage", "--by", "rir"), "'--vrps' (or '--server')"),
        (("validate", *ROUTE), "'--vrps' (or '--server')"),
    ],
)
def test_what_makes_no_sense_with_a_server_is_said(
    folder: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_a_token_is_made_shown_once_and_let_in(folder: Path) -> None:
    one, two = (run("hash-token", "--name", "grafana", "--role", "admin") for _ in range(2))
    assert (one.code, one.out.count("\n")) == (0, 1)
    assert one.out != two.out
    token = one.out.strip()
    assert token not in one.err
    lines = one.err.partition("[[http.tokens]]\n")[2]
    expected = token_settings(token, Role.ADMIN, "grafana")
    assert lines == f'name = "grafana"\nsha256 = "{expected.sha256}"\nrole = "admin"\n'
    assert run("hash-token", "--name", "a b").code == 2
