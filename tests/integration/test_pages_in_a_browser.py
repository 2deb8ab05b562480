"""The pages of the running sample service, as a reader meets them in Chromium; and every figure of
theirs beside the API's."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it is not
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.pages_world import write_site
from tests.served import ROOT, Served, served

CHROMIUM = Path("/usr/bin/chromium")
SCREENS = ROOT / "var" / "screens"
SIZES = (320, 1280, 2560)
MOST_BYTES = 300_000
MOST_REQUESTS = 15
SOME = {"exclude": [["tbody tr:nth-child(n+5)"], [".map a:nth-of-type(n+9)"]]}
"""Of rows and areas that are all alike, axe looks at the first."""
_ROUTE = re.compile(r"/api/v1/validity/(AS[0-9]+)/(.+)")

pytestmark = pytest.mark.skipif(
    not os.environ.get("ORIGINSIGHT_BROWSER"),
    reason="takes more than a minute, and Chromium: make browser",
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(write_site(tmp_path_factory.mktemp("sample"))) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, sample: Served) -> Iterator[Page]:
    context = browser.new_context(base_url=sample.url, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()


@pytest.fixture(scope="module")
def paths(sample: Served) -> dict[str, str]:
    """A page of each kind, with routes that are in the table."""
    tries = [_ROUTE.fullmatch(path) for path in sample.json("/api/v1")["try"]]
    asn, prefix = next(found.groups() for found in reversed(tries) if found)
    return {
        "overview": "/",
        "overview-ipv6": "/?family=ipv6",
        "country": "/country/NL",
        "region": "/region/m49-subregion/202",
        "class": "/region/ldc/ldc",
        "network": f"/asn/{asn}",
        "prefix": f"/prefix/{prefix}",
        "compare": "/compare?a=ldc/ldc&b=development/developed",
        "definitions": "/definitions",
        "inputs": "/inputs",
        "search": "/search?q=sample",
        "nothing": "/country/QQ",
    }


def test_axe_finds_nothing_nothing_leaves_the_host_and_pages_are_light(
    page: Page, sample: Served, paths: dict[str, str]
) -> None:
    axe = Axe()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - it is marked
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    for name, path in paths.items():
        asked.clear()
        page.goto(path)
        page.wait_for_load_state("networkidle")
        hosts = {urlsplit(each.url).netloc for each in asked}
        assert hosts == {urlsplit(sample.url).netloc}, name
        assert len(asked) <= MOST_REQUESTS, name
        sizes = [each.sizes() for each in asked if each.response()]
        assert sum(each["responseBodySize"] for each in sizes) <= MOST_BYTES, name
        if name in ("overview-ipv6", "region", "class"):
            continue  # made of the same template
        options = {"resultTypes": ["violations"]}
        found = axe.run(page, context=SOME, options=options).response["violations"]
        assert not found, (name, [(each["id"], each["nodes"][0]["html"]) for each in found])
    # What the Content-Security-Policy forbids would be there; the 404 is the page of no country.
    assert [each for each in refused if "404" not in each] == []


def test_every_page_fits_every_screen_light_and_dark(
    browser: Browser, sample: Served, paths: dict[str, str]
) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    for width in SIZES:
        for scheme in ("light", "dark"):
            context = browser.new_context(
                base_url=sample.url, viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            opened = context.new_page()
            kept = ["overview"]
            if (width, scheme) in ((320, "light"), (1280, "dark")):
                kept.append("country")
            for name in paths if (width, scheme) == (SIZES[0], "light") else kept:
                opened.goto(paths[name])
                wide = opened.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} px wide on {width}"
                if name in kept:
                    file = SCREENS / f"{name}-{width}-{scheme}.jpeg"
                    opened.screenshot(path=file, full_page=True, type="jpeg", quality=70)
            context.close()


def test_a_new_reader_finds_a_country_its_rank_its_table_and_the_definition(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Search").fill("Kenya")
    page.keyboard.press("Enter")
    page.wait_for_url("**/country/KE")
    lead = page.locator(".lead").inner_text()
    assert re.search(r"[0-9.]+% of announced IPv4 routes are valid", lead)
    assert re.search(r"points (below|above)|the same as", lead)
    plan = page.locator("section", has=page.locator("#plan-title"))
    assert plan.locator("tbody tr").count() > 0
    with page.expect_download() as download:
        plan.get_by_role("link", name="CSV").click()
    table = Path(download.value.path()).read_text()
    first = plan.locator("tbody th").first.inner_text().split()[0]
    assert table.splitlines()[2].split(",")[1] == first, "after the line of what is now"
    plan.get_by_role("link", name="How is this computed?").click()
    page.wait_for_url("**/definitions#the-plan-of-a-group")
    assert page.locator("#the-plan-of-a-group").is_visible()


def test_a_table_is_sorted_by_a_click_on_its_head(page: Page) -> None:
    page.goto("/")
    section = page.locator("section", has=page.locator("#countries-title"))
    shares = section.locator("tbody td:nth-child(7)")

    def values() -> list[float]:
        read = "cells => cells.map(cell => Number(cell.dataset.v))"
        found: list[float] = shares.evaluate_all(read)
        return found

    head = section.get_by_role("button", name="Valid share", exact=True)
    head.click()
    assert values() == sorted(values(), reverse=True)
    assert len(values()) > 100
    head.press("Enter")  # by keyboard too
    assert values() == sorted(values())
    assert section.locator("th[aria-sort=ascending]").count() == 1


def test_the_family_is_switched_without_loading_the_page_anew(page: Page) -> None:
    page.goto("/country/NL")
    page.evaluate("window.stays = true")
    page.get_by_role("link", name="IPv6", exact=True).click()
    page.wait_for_url("**/country/NL?family=ipv6")
    expect(page.locator(".lead")).to_contain_text("IPv6")
    assert page.evaluate("window.stays")
    assert page.evaluate("document.activeElement.textContent") == "IPv6"
    page.go_back()
    expect(page.locator(".lead")).to_contain_text("IPv4")


def test_the_search_box_suggests_and_leads_to_everything(page: Page, sample: Served) -> None:
    page.goto("/")
    page.get_by_label("Search").press_sequentially("sample ho")
    page.wait_for_selector("#found option", state="attached")
    assert "Sample Ho" in (page.locator("#found option").first.get_attribute("label") or "")
    prefix = sample.json("/api/v1")["try"][0].rpartition("/AS")[2].partition("/")[2]
    for typed, path in (
        ("AS64512", "/asn/AS64512"),
        ("64512", "/asn/AS64512"),
        (prefix, f"/prefix/{prefix}"),
        (prefix.partition("/")[0], f"/prefix/{prefix}"),
        ("ke", "/country/KE"),
        ("kenya", "/country/KE"),
        ("Least developed countries", "/region/ldc/ldc"),
        ("ldc", "/region/ldc/ldc"),
    ):
        answer = page.request.get(f"/search?q={quote(typed)}", max_redirects=0)
        assert (answer.status, answer.headers.get("location")) == (303, path), typed
    assert page.request.get("/search?q=sample").status == 200


def test_two_groups_are_compared_by_the_form(page: Page) -> None:
    page.goto("/compare")
    page.get_by_label("Country, region or class").fill("Kenya")
    page.get_by_label("with another").fill("NL")
    page.locator("main").get_by_role("button", name="Compare").click()
    page.wait_for_url("**/compare?a=Kenya&b=NL**")
    assert page.locator("main tbody tr[data-group=KE]").count() == 2
    assert "Kenya" in page.locator(".lead").inner_text()


def test_everything_is_there_without_javascript(
    browser: Browser, sample: Served, paths: dict[str, str]
) -> None:
    context = browser.new_context(base_url=sample.url, java_script_enabled=False)
    opened = context.new_page()
    opened.goto("/")
    for picture in ("map", "divide", "trend"):
        section = opened.locator("section", has=opened.locator(f"#{picture}-title"))
        assert section.locator("svg:visible").count() > 0, picture
    opened.locator("a[href='/country/NL']").last.click()
    assert opened.url.endswith("/country/NL")
    opened.get_by_role("link", name="IPv6", exact=True).click()
    assert opened.url.endswith("/country/NL?family=ipv6")
    opened.get_by_label("Search").fill("AS64512")
    opened.get_by_role("button", name="Search").click()
    assert opened.url.endswith("/asn/AS64512")
    context.close()


def test_every_page_can_be_had_in_arabic_from_right_to_left(page: Page) -> None:
    page.goto("/country/NL?lang=ar")
    assert page.locator("html").get_attribute("dir") == "rtl"
    box = page.locator("h1").bounding_box()
    brand = page.locator(".brand").bounding_box()
    assert box is not None
    assert brand is not None
    assert brand["x"] > 900


# ------------------------------------------------------------------------------- the same figures


class Figures(HTMLParser):
    """Every figure of a page: (scheme, group, family), its name in the API, the value."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[tuple[str, str, str], str, str]] = []
        self._table: dict[str, str] = {}
        self._row: dict[str, str] = {}
        self._heads: list[str] = []
        self._column = 0
        self._cell: list[str] | None = None
        self._its: tuple[str, str | None] = ("", None)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "table":
            self._table, self._heads = given, []
        elif tag == "tr":
            self._row, self._column = {**self._table, **given}, 0
        elif tag in ("td", "th"):
            if given.get("scope") == "col":
                self._heads.append(given.get("data-f", ""))
            elif tag == "td":
                head = self._heads[self._column] if self._column < len(self._heads) else ""
                self._its = given.get("data-f", head), given.get("data-v")
                self._cell = []
            self._column += 1

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag != "td" or self._cell is None:
            return
        name, value = self._its
        if name and {"data-scheme", "data-group", "data-family"} <= self._row.keys():
            key = tuple(self._row[f"data-{part}"] for part in ("scheme", "group", "family"))
            text = "".join(self._cell)
            self.found.append(((key[0], key[1], key[2]), name, text if value is None else value))
        self._cell = None


def at(row: dict[str, Any], path: str) -> Any:
    for part in path.split("."):
        row = row[part]
    return row


def test_every_figure_of_a_page_is_the_apis(sample: Served, paths: dict[str, str]) -> None:
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for scheme in sample.json("/api/v1/schemes")["schemes"]:
        for row in sample.json(f"/api/v1/coverage?by={scheme['scheme']}")["rows"]:
            rows[row["scheme"], row["group"], row["family"]] = row
    compared = 0
    kinds = ("overview", "overview-ipv6", "country", "region", "class", "network", "compare")
    for path in [paths[kind] for kind in kinds] + ["/country/KE?family=ipv6"]:
        found = Figures(sample.get(path)[1].decode()).found
        assert len(found) > 15, path
        for key, name, value in found:
            expected = at(rows[key], name) if key in rows else 0  # a network without such routes
            shown = json.loads(value) if value not in ("", "–") else None
            assert shown == expected or (not expected and not shown), (path, key, name)
            compared += 1
    assert compared > 3_000


def test_the_world_of_the_overview_is_the_sum_of_the_apis_countries(sample: Served) -> None:
    rows = sample.json("/api/v1/coverage?by=country&family=ipv4")["rows"]
    valid, announced = (sum(r["routes"][name] for r in rows) for name in ("valid", "announced"))
    page = sample.get("/")[1].decode()
    assert f"{100 * valid / announced:.1f}% of announced IPv4 routes are valid" in page
