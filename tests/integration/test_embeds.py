"""Pictures and badges for other people's pages, over small worlds: what they show and say, what is
refused, and that the figures are those of the page."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.feeds import ROUTES, StandingFeed, make_snapshot
from tests.integration.test_pages import FIGURED, HOSTILE, NOW, TODAY, WHOLE, Get, hostile, serving
from validator.freshness import SourceStatus
from validator.history.folder import Folder
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.pages.words import words

SVG = "{http://www.w3.org/2000/svg}"
GROUP = "/chart/rir/ripencc"
CHARTS = (
    *(f"/chart/world/{name}" for name in ("map", "regions", "trend", "change", "steps")),
    *(f"{GROUP}/{name}" for name in ("parts", "trend", "ranking")),
    "/chart/country/NL/change",
    "/chart/country/NL/parts",
    "/chart/country/nl/trend",
    "/chart/asn/AS64496/parts",
    "/chart/asn/AS64496/trend",
    "/chart/asn/AS1/parts",
    "/chart/custom-ours/us/parts",
)
COMPARED = (
    "/chart/compare/beside.svg?a=NL&b=rir/ripencc",
    "/chart/compare/trend.svg?a=NL",
    f"/chart/compare/change.svg?a=NL&from={WHOLE}",
)
BADGES = ("/badge/world", "/badge/country/NL", "/badge/asn/AS64496", "/badge/asn/AS1",
          "/badge/rir/ripencc")  # fmt: skip
ALL = (*(f"{path}.svg" for path in (*CHARTS, *BADGES)), *COMPARED)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("history")
    for day in (WHOLE, FIGURED, TODAY - timedelta(1)):
        created = NOW.created - (TODAY - day).days * 86_400
        before = replace(make_snapshot(routes=ROUTES[:3]), created=created)
        write_day(before, Folder(folder), day)
        if day == WHOLE:
            write_tables(before, folder, day)
    return folder


@pytest.fixture
async def get(history: Path) -> AsyncIterator[Get]:
    async with serving(StandingFeed(NOW), history) as asked:
        yield asked


def values(text: str) -> list[str]:
    return [each for each in re.findall(r' data-values?="([^"]*)"', text) if each]


async def test_every_picture_and_badge_is_a_file_of_its_own(get: Get) -> None:
    for path in ALL:
        status, headers, text = await get(path)
        assert status == 200, path
        assert headers["Content-Type"] == "image/svg+xml; charset=utf-8"
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        policy = headers["Content-Security-Policy"]
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        assert headers["Cache-Control"] == "no-cache"
        assert re.fullmatch(r'inline; filename="[\w-]+\.svg"', headers["Content-Disposition"])
        root = ET.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert int(float(root.attrib["width"])) > 100
        assert "href" not in text
        assert "2026" in text, "its day"
        again, _, nothing = await get(path, If_None_Match=headers["ETag"])
        assert (again, nothing) == (304, "")


async def test_a_picture_has_the_figures_of_its_page(get: Get) -> None:
    pages = {
        "/": "/chart/world/", "/?family=ipv6": "/chart/world/",
        "/region/rir/ripencc": f"{GROUP}/", "/country/NL": "/chart/country/NL/",
        "/asn/AS64496": "/chart/asn/AS64496/",
        "/compare?a=NL&b=rir/ripencc": "/chart/compare/",
    }  # fmt: skip
    compared = 0
    for page, folder in pages.items():
        text = (await get(page))[2]
        links = [html.unescape(each) for each in re.findall(r'class="svg" href="([^"]*)"', text)]
        assert links, page
        for link in links:
            assert link.startswith(folder)
            status, _, svg = await get(link)
            assert status == 200, link
            title = link.partition("?")[0].removesuffix(".svg").rpartition("/")[2]
            title = "plan" if title == "steps" else title
            section = text[text.index(f'aria-labelledby="{title}-title"') :]
            section = section[: section.index("</section>")]
            drawn = "".join(re.findall(r"<svg.*?</svg>", section, re.DOTALL))
            assert set(values(svg)) == set(values(drawn)), link
            compared += len(values(svg))
    assert compared > 40


async def test_family_language_day_width_and_theme_can_be_chosen(get: Get) -> None:
    path = f"{GROUP}/parts.svg"
    plain = (await get(path))[2]
    narrow, dark = (await get(f"{path}?width=narrow"))[2], (await get(f"{path}?theme=dark"))[2]
    wide, small = (float(ET.fromstring(each).attrib["width"]) for each in (plain, narrow))
    assert wide > 700 > 400 > small
    assert "prefers-color-scheme" in plain
    assert "prefers-color-scheme" not in dark
    assert "IPv6" in (await get("/badge/country/NL.svg?family=ipv6"))[2]
    assert "IPv4" in (await get("/badge/country/NL.svg"))[2]
    _, headers, text = await get("/badge/world.svg", Accept_Language="fr")
    assert "Accept-Language" in headers["Vary"]
    assert "100,0" in text or re.search(r"\d,\d", text)
    assert words("en").short_day(WHOLE) in (await get(f"/badge/world.svg?at={WHOLE}"))[2]
    assert (await get(f"{GROUP}/trend.svg?at={FIGURED}"))[0] == 200


async def test_a_badge_says_whose_share_and_how_much_of_how_many(get: Get) -> None:
    text = (await get("/badge/country/NL.svg"))[2]
    title = ET.fromstring(text).findtext(f"{SVG}title") or ""
    assert title.startswith("Netherlands: valid IPv4 routes 100.0% (1 / 1), ")
    assert "No data" in (await get("/badge/asn/AS1.svg"))[2]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/chart/world/nothing.svg", 404, "there are map, regions"),
        ("/chart/world/divide.svg", 404, "nothing to draw"),
        (f"{GROUP}/map.svg", 404, "there are parts, trend"),
        ("/chart/country/QQ/parts.svg", 404, "QQ"),
        ("/chart/nothing/x/parts.svg", 404, "no scheme"),
        ("/chart/asn/x/parts.svg", 404, "no network"),
        ("/chart/asn/AS4294967296/parts.svg", 404, "no network"),
        ("/chart/compare/trend.svg", 400, "give a group"),
        ("/chart/compare/beside.svg?a=nobody-at-all", 404, "nobody-at-all"),
        (f"{GROUP}/parts.svg?width=huge", 400, "wide, narrow"),
        (f"{GROUP}/parts.svg?theme=x", 400, "auto, light, dark"),
        (f"{GROUP}/parts.svg?family=ipv5", 400, "ipv4, ipv6"),
        (f"{GROUP}/parts.svg?more=1", 400, "unexpected argument"),
        (f"{GROUP}/parts.svg?at=1990-01-01", 404, "1990-01-01"),
        (f"/chart/asn/AS64496/parts.svg?at={FIGURED}", 404, str(FIGURED)),
        ("/badge/country/QQ.svg", 404, "QQ"),
        ("/badge/nothing/x.svg", 404, "no scheme"),
        ("/badge/asn/x.svg", 404, "no network"),
        ("/badge/world.svg?width=wide", 400, "unexpected argument"),
        ("/badge/world.png", 404, "no such resource"),
    ],
)
async def test_what_there_is_not_is_refused_with_the_reason(
    get: Get, path: str, status: int, said: str
) -> None:
    found, headers, text = await get(path)
    assert found == status
    assert headers["Content-Type"].startswith("application/problem+json")
    assert headers["Cache-Control"] == "no-store"
    assert said in text


async def test_before_the_first_snapshot_nothing_is_drawn() -> None:
    async with serving(StandingFeed()) as get:
        for path in ("/badge/world.svg", f"{GROUP}/parts.svg"):
            status, headers, _ = await get(path)
            assert (status, headers["Retry-After"]) == (503, "5")


async def test_a_degraded_figure_is_never_silent(history: Path) -> None:
    late = SourceStatus("vrps", "vrps.json", "late", error="nothing <b>new</b>", stale_from=1)
    feed = StandingFeed(replace(NOW, troubles=(late,)))
    async with serving(feed, history) as get:
        for path in ALL:
            status, headers, text = await get(path)
            if "/change.svg" in path:
                assert status == 404, "nor does the page say what moved a figure that is degraded"
                continue
            assert "vrps.json" in headers["X-Originsight-Degraded"], path
            seen = "".join(ET.fromstring(text).itertext())
            assert re.search("degraded", seen, re.I), path
            assert path.startswith("/badge") or "nothing <b>new</b>" in " ".join(seen.split()), path
        feed.snapshot = make_snapshot(generation=9)
        for path in ALL[:3]:
            _, headers, text = await get(path)
            assert "X-Originsight-Degraded" not in headers
            assert "egraded" not in text


async def test_a_sample_says_so_in_every_file() -> None:
    feed = StandingFeed(make_snapshot(generation=2, sample=True))
    async with serving(feed) as get:
        for path in ("/chart/world/map.svg", f"{GROUP}/parts.svg", "/badge/country/NL.svg"):
            _, headers, text = await get(path)
            assert "SAMPLE" in "".join(
                each.text or "" for each in ET.fromstring(text).iter(f"{SVG}text")
            )
            assert 'filename="SAMPLE-' in headers["Content-Disposition"]


async def test_hostile_names_are_inert_in_every_file_and_in_what_is_to_be_copied(
    history: Path,
) -> None:
    async with serving(StandingFeed(hostile()), history) as get:
        for path in ALL:
            status, _, text = await get(path)
            assert status == 200, path
            ET.fromstring(text)
            assert "<script>" not in text
            assert "\u202e" not in text
            assert "\x07" not in text
            assert "x" * 300 not in text
        page = (await get("/country/NL"))[2]
        snippet = html.unescape(page[page.index('class="embed">') :].partition("</code>")[0])
        assert "<script>" not in snippet
        assert HOSTILE[:20] in html.unescape(snippet), "the name is there, as text"
        for image in re.findall(r"<img [^>]*>", snippet):
            assert set(re.findall(r' ([a-z]+)="', image)) == {"src", "alt"}


async def test_a_page_has_what_it_takes_to_show_it_elsewhere(get: Get) -> None:
    for page, badge, chart in (
        ("/", "/badge/world.svg", "/chart/world/map.svg"),
        ("/country/NL?lang=fr", "/badge/country/NL.svg", "/chart/country/NL/trend.svg"),
        ("/asn/AS64496", "/badge/asn/AS64496.svg", "/chart/asn/AS64496/trend.svg"),
        ("/region/rir/ripencc?family=ipv6&at=" + str(WHOLE), "/badge/rir/ripencc.svg", GROUP),
    ):
        text = (await get(page))[2]
        assert text.count('class="embed"') == 1
        snippet = html.unescape(text[text.index('class="embed">') :].partition("</code>")[0])
        sources = [html.unescape(each) for each in re.findall(r'src="([^"]*)"', snippet)]
        assert sources[0].startswith(badge)
        assert sources[1].startswith(chart)
        assert all("at=" not in each for each in sources), "as of now, whatever day is looked at"
        assert ("lang=fr" in sources[0]) == ("lang=fr" in page)
        assert ("family=ipv6" in sources[0]) == ("ipv6" in page)
        for each in (*sources, *re.findall(r'<a href="([^"]*)"', snippet)):
            assert (await get(html.unescape(each)))[0] == 200


def reports(text: str) -> dict[str, str]:
    """The links to reports of a page, by form."""
    found = re.findall(r'href="(/api/v1/report/[^"]*)"', text)
    return {each.rpartition("format=")[2]: html.unescape(each) for each in found}


async def test_a_page_can_be_had_as_a_report_of_the_same_day_and_language(get: Get) -> None:
    for page in ("/country/NL", "/region/rir/ripencc", "/asn/AS64496", f"/country/NL?at={WHOLE}",
                 "/country/NL?lang=fr&family=ipv6", f"/country/NL?at={FIGURED}"):  # fmt: skip
        links = reports((await get(page))[2])
        assert {"html", "csv", "json", "md"} <= links.keys(), page
        status, _, text = await get(links["md"])
        assert status == 200, page
        assert ("lang=fr" in links["md"]) == ("lang=fr" in page)
        day = page.partition("at=")[2]
        assert ("to=" in links["md"]) == bool(day)
        if day:
            assert words("en").day(day) in text
    assert reports((await get("/asn/AS1"))[2]) == {}, "it announces nothing"


async def test_a_comparison_can_be_had_as_a_report(get: Get) -> None:
    two = reports((await get("/compare?a=country/NL&b=country/ZZ"))[2])
    assert "compare=ZZ" in two["md"]
    assert (await get(two["md"]))[0] == 200
    assert reports((await get("/compare?a=NL&b=rir/ripencc"))[2]) == {}, "of one scheme only"
    assert reports((await get("/compare"))[2]) == {}
    days = reports((await get(f"/compare?a=NL&from={WHOLE}"))[2])
    assert f"from={WHOLE}" in days["md"]
    assert "to=" not in days["md"], "up to now"
    status, _, text = await get(days["md"])
    assert status == 200
    assert words("en").day(WHOLE) in text
    assert reports((await get(f"/compare?a=NL&from={FIGURED}"))[2]) == {}, "no tables are kept"
