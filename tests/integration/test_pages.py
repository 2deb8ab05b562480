"""The pages over small worlds: what they answer and refuse, and that no name on them runs."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.feeds import ROUTES, StandingFeed, make_snapshot
from validator import metrics
from validator.freshness import SourceStatus
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.records import day_of
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.pages.words import LANGUAGES
from validator.snapshot import Snapshot
from validator.web.app import make_app

Get = Callable[..., Awaitable[tuple[int, Mapping[str, str], str]]]
NOW = make_snapshot(generation=2)
TODAY = day_of(NOW.created)
WHOLE, FIGURED = TODAY - timedelta(365), TODAY - timedelta(30)
PAGES = (
    "/",
    "/country/NL",
    "/region/rir/ripencc",
    "/region/m49-region/150",
    "/region/custom-ours/us",
    "/region/asn/AS64496",
    "/asn/AS64496",
    "/asn/1",
    "/prefix/192.0.2.0/24",
    "/prefix/198.51.100.0/24",
    "/prefix/2001:db8::/32",
    "/prefix/10.0.0.0/8",
    "/compare",
    "/compare?a=NL&b=rir/ripencc",
    f"/compare?a=NL&from={WHOLE}",
    f"/compare?a=NL&from={WHOLE}&to={FIGURED}",
    "/definitions",
    "/inputs",
    "/search?q=e",
)


@asynccontextmanager
async def serving(feed: StandingFeed, folder: Path | None = None) -> AsyncIterator[Get]:
    past, moments = (Reader(folder), Moments(folder, feed)) if folder else (None, None)
    app = make_app(feed, metrics.build(feed), sample=False, past=past, moments=moments)
    async with TestClient(TestServer(app)) as client:

        async def get(path: str, **headers: str) -> tuple[int, Mapping[str, str], str]:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            async with client.get(path, headers=sent, allow_redirects=False) as answer:
                return answer.status, answer.headers, await answer.text()

        yield get


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("history")
    before = make_snapshot(routes=ROUTES[:3])
    for day in (WHOLE, FIGURED):
        write_day(before, Folder(folder), day)
    write_tables(before, folder, WHOLE)
    return folder


@pytest.fixture
async def get(history: Path) -> AsyncIterator[Get]:
    async with serving(StandingFeed(NOW), history) as asked:
        yield asked


async def test_every_page_is_there_in_every_language_and_asks_for_nothing_elsewhere(
    get: Get,
) -> None:
    for path in PAGES:
        for language in LANGUAGES if path in PAGES[:2] else LANGUAGES[:1]:
            join = "&" if "?" in path else "?"
            status, headers, text = await get(f"{path}{join}lang={language}")
            assert status == 200, path
            assert headers["Content-Type"] == "text/html; charset=utf-8"
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
            assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in text
            assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', text)
            assert not re.findall(r"<script(?! src)|<style|\sstyle=|\son[a-z]+=", text), path


async def test_a_page_is_kept_by_its_tag_until_there_is_a_newer_snapshot(history: Path) -> None:
    feed = StandingFeed(NOW)
    async with serving(feed, history) as get:
        _, headers, text = await get("/country/NL")
        status, _, nothing = await get("/country/NL", If_None_Match=headers["ETag"])
        assert (status, nothing) == (304, "")
        assert (await get("/country/NL", Accept_Language="fr"))[1]["Vary"].count("Accept-Language")
        feed.snapshot = make_snapshot(generation=3, routes=ROUTES[1:])
        status, newer, changed = await get("/country/NL", If_None_Match=headers["ETag"])
        assert status == 200
        assert newer["ETag"] != headers["ETag"]
        assert changed != text


async def test_the_language_is_the_readers(get: Get) -> None:
    assert '<html lang="ru"' in (await get("/", Accept_Language="ru;q=0.8, de"))[2]
    assert '<html lang="fr"' in (await get("/?lang=fr", Accept_Language="ru"))[2]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/country/QQ", 404),
        ("/country/NLD", 404),
        ("/region/nothing/x", 404),
        ("/region/rir/nothing", 404),
        ("/asn/x", 400),
        ("/asn/4294967296", 400),
        ("/prefix/192.0.2.0/33", 400),
        ("/prefix/x", 400),
        ("/?family=ipv5", 400),
        ("/?lang=de", 400),
        ("/?more=1", 400),
        ("/?at=yesterday", 400),
        ("/?at=1990-01-01", 404),
        ("/asn/1?at=1990-01-01", 404),
        (f"/asn/1?at={FIGURED}", 404),
        ("/compare?a=nobody-at-all", 404),
        ("/compare?a=NL&b=rir/nothing", 404),
        ("/compare?a=NL&from=1990-01-01", 404),
        ("/compare?a=NL&from=2026-01-02&to=2026-01-01", 400),
        ("/search?q=", 400),
        ("/search?q=" + "x" * 201, 400),
        ("/search", 400),
    ],
)
async def test_what_there_is_not_is_answered_with_a_page(get: Get, path: str, status: int) -> None:
    found, headers, text = await get(path)
    assert found == status
    assert headers["Content-Type"].startswith("text/html")
    assert headers["Cache-Control"] == "no-store"
    assert '<form class="search"' in text, "from here one can go on"


async def test_a_country_is_found_however_its_code_is_written(get: Get) -> None:
    assert "<h1><bdi>Netherlands" in (await get("/country/nl"))[2]


async def test_before_the_first_snapshot_pages_say_what_is_awaited() -> None:
    async with serving(StandingFeed()) as get:
        for path in ("/", "/country/NL", "/asn/1", "/definitions", "/search?q=x"):
            status, headers, text = await get(path)
            assert status == 503, path
            assert headers["Retry-After"] == "5"
            assert "Initial validation ongoing" in text


async def test_past_days_show_their_own_figures(get: Get) -> None:
    now = (await get("/country/NL"))[2]
    for day in (WHOLE, FIGURED):
        for path in ("/", "/country/NL", "/region/rir/ripencc"):
            status, _, text = await get(f"{path}?at={day}")
            assert status == 200, path
            assert "As of" in text
            assert f"at={day}" in text, "links stay on that day"
    then = (await get(f"/country/NL?at={WHOLE}"))[2]
    assert "100.0% of announced IPv4 routes are valid" in now
    assert "100.0% of announced IPv4 routes are valid" in then
    assert "no IPv6 routes are announced" in (await get(f"/country/NL?at={WHOLE}&family=ipv6"))[2]
    assert (await get(f"/asn/AS64496?at={WHOLE}"))[0] == 200


async def test_a_sentence_says_what_changed_in_a_year_and_the_picture_who_did_it(get: Get) -> None:
    text = (await get("/region/rir/ripencc?family=ipv6"))[2]
    assert "of announced IPv6 routes are valid" in text
    world = (await get("/"))[2]
    assert re.search(r"(Up|Down) [0-9.]+ points from|It was the same on", world)
    moved = (await get(f"/compare?a=rir/ripencc&from={WHOLE}&to={WHOLE}"))[2]
    assert "went from" in moved


async def test_trouble_with_an_input_is_on_every_page_and_silences_sentences(
    history: Path,
) -> None:
    late = SourceStatus("vrps", "vrps.json", "late", error="nothing <b>new</b>", stale_from=1)
    feed = StandingFeed(replace(NOW, troubles=(late,)))
    async with serving(feed, history) as get:
        for path in PAGES:
            _, _, text = await get(path)
            assert "Degraded: read these figures with care" in text, path
            assert "nothing &lt;b&gt;new&lt;/b&gt;" in text
            assert 'class="lead"' not in text or path.startswith("/search"), path
        feed.snapshot = make_snapshot(generation=9)
        assert "Degraded: read" not in (await get("/"))[2]


HOSTILE = "<script>alert(1)</script>\u202e\x07'\"&" + "x" * 10_000


def hostile() -> Snapshot:
    """Harm wherever a text comes from data."""
    groupings = {
        scheme: replace(
            each, title=HOSTILE, origin=HOSTILE, licence=HOSTILE, others=HOSTILE,
            names=dict.fromkeys(each.names, HOSTILE),
        )
        for scheme, each in NOW.groupings.items()
    }  # fmt: skip
    return replace(
        NOW,
        names=dict.fromkeys((64496, 64497, 64499), HOSTILE),
        countries={**NOW.countries, "NL": HOSTILE},
        groupings=groupings,
        inputs=tuple(replace(each, source=HOSTILE) for each in NOW.inputs),
        troubles=(SourceStatus("vrps", HOSTILE, "late", error=HOSTILE),),
    )


async def test_hostile_names_are_inert_on_every_page(history: Path) -> None:
    async with serving(StandingFeed(hostile()), history) as get:
        for path in (*PAGES, "/search?q=script", "/asn/AS64497"):
            for asked in (path, f"{path}{'&' if '?' in path else '?'}lang=ar"):
                status, _, text = await get(asked)
                assert status == 200, asked
                assert "<script>alert" not in text
                assert "\u202e" not in text, text[max(0, text.find("\u202e") - 200) :][:250]
                assert "\x07" not in text
                assert "x" * 300 not in text, "cut to what fits"


async def test_what_is_sought_is_shown_and_nothing_else(get: Get) -> None:
    status, _, text = await get("/search?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert status == 200
    assert "<script>alert" not in text
    assert "Nothing is called" in text


@pytest.mark.parametrize(
    ("sought", "path"),
    [
        ("AS64496", "/asn/AS64496"),
        ("as 64496", "/asn/AS64496"),
        ("64496", "/asn/AS64496"),
        ("192.0.2.0/24", "/prefix/192.0.2.0/24"),
        ("192.0.2.129", "/prefix/192.0.2.0/24"),
        ("192.0.2.1", "/prefix/192.0.2.0/25"),
        ("2001:db8::1", "/prefix/2001:db8::/32"),
        ("9.9.9.9", "/prefix/9.9.9.9/32"),
        ("nl", "/country/NL"),
        ("ripe ncc", "/region/rir/ripencc"),
        ("rir/ripencc", "/region/rir/ripencc"),
    ],
)
async def test_the_search_box_leads_to_what_is_plain(get: Get, sought: str, path: str) -> None:
    status, headers, _ = await get(f"/search?q={sought.replace(' ', '+')}")
    assert (status, headers["Location"]) == (303, path)
    _, headers, _ = await get(f"/search?q={sought.replace(' ', '+')}&lang=fr")
    assert headers["Location"] == f"{path}?lang=fr"


@pytest.mark.parametrize(
    ("sought", "path"),
    [
        ("Pays-Bas", "/country/NL?lang=fr"),
        ("pays-bas", "/country/NL?lang=fr"),
        ("nl", "/country/NL?lang=fr"),
    ],
)
async def test_a_country_is_found_as_the_readers_language_calls_it(
    get: Get, sought: str, path: str
) -> None:
    status, headers, _ = await get(f"/search?q={sought}&lang=fr")
    assert (status, headers["Location"]) == (303, path)
    status, _, text = await get("/search?q=pays-&lang=fr")
    assert status == 303 or text.count('href="/country/NL') == 1
    status, _, text = await get(f"/compare?a={sought}&b=rir/ripencc&lang=fr")
    assert status == 200
    assert "Pays-Bas" in text


async def test_static_files_are_kept_for_ever_and_others_are_not_there(get: Get) -> None:
    text = (await get("/"))[2]
    found = set(re.findall(r'"(/static/[^"]+)"', text))
    assert {each.rpartition(".")[2] for each in found} == {"css", "js", "svg"}
    for path in found:
        status, headers, body = await get(path)
        assert status == 200
        assert "immutable" in headers["Cache-Control"]
        assert body
    for path in ("/static/page.css", "/static/..%2fframe.py", "/static/page.000000000000.css"):
        assert (await get(path))[0] == 404


async def test_what_moved_a_figure_is_told_by_network_and_cause(get: Get) -> None:
    now = make_snapshot(generation=4)
    assert date.fromisoformat(str(WHOLE)) < day_of(now.created)
    text = (await get(f"/compare?a=country/NL&from={WHOLE}&family=ipv6"))[2]
    assert "Two days" in text


NOT_HERE = ("/docs", "/api/v1/report", "/api/v1/change", "/compare?")
"""Of this small world: its days were all made on one, and it has no class of countries."""


@pytest.mark.parametrize("begin", ["/?family=ipv6", f"/?at={WHOLE}", f"/country/NL?at={WHOLE}"])
async def test_every_link_leads_somewhere(get: Get, begin: str) -> None:
    seen, waiting = set[str](), [begin]
    while waiting:
        path = waiting.pop()
        status, headers, text = await get(path)
        assert status < 400, path
        if not headers["Content-Type"].startswith("text/html") or len(seen) > 60:
            continue
        links = {html.unescape(each) for each in re.findall(r'href="(/[^"#]*)', text)}
        links = {each for each in links if not each.startswith(NOT_HERE)}
        waiting += links - seen
        seen |= links
    assert len(seen) > 20


async def test_from_a_day_that_is_not_there_one_can_go_on(get: Get) -> None:
    status, _, text = await get("/?at=1990-01-01")
    assert status == 404
    links = [html.unescape(each) for each in re.findall(r'href="(/[^"#]*)', text)]
    assert len(links) > 5
    for path in links:
        if not path.startswith(NOT_HERE):
            assert (await get(path))[0] < 400, path
