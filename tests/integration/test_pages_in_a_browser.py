"""The pages of the running sample service, as a reader meets them in Chromium."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it is not
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright

from tests.pages_world import write_site
from tests.served import ROOT, Served, served

CHROMIUM = Path("/usr/bin/chromium")
SCREENS = ROOT / "var" / "screens"
SIZES = (320, 1280, 2560)
MOST_BYTES = 300_000
MOST_REQUESTS = 15
_PATIENCE_MS = 90_000
"""How long a download may take: others use the processors too."""
SOME = {"exclude": [["tbody tr:nth-child(n+5)"], [".map a:nth-of-type(n+9)"]]}
"""Of rows and areas that are all alike, axe looks at the first."""
_ROUTE = re.compile(r"/api/v1/validity/(AS[0-9]+)/(.+)")


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


BEGINS = {
    "SVG": b"<?xml", "PNG": b"\x89PNG\r\n", "CSV": b"", "PDF": b"%PDF", "XLSX": b"PK\3\4",
    "Markdown": b"# ",
}  # fmt: skip
COLOURS = """async (png) => {
  const picture = new Image();
  picture.src = "data:image/png;base64," + png;
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const its = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return [canvas.width, its[0], new Set(its).size];
}"""


def downloaded(page: Page, link: Locator) -> tuple[str, bytes]:
    """The name and the content of what a click saves."""
    with page.expect_download(timeout=_PATIENCE_MS) as download:
        link.click(timeout=_PATIENCE_MS, no_wait_after=True)
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_a_picture_is_taken_away_in_every_form_it_comes_in(
    browser: Browser, sample: Served
) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(base_url=sample.url, color_scheme=scheme)
        page = context.new_page()
        page.goto("/country/KE")
        section = page.locator("section", has=page.locator("#ranking-title"))
        for form, role in (("SVG", "link"), ("PNG", "button"), ("CSV", "link")):
            link = section.get_by_role(role, name=form, exact=True)  # type: ignore[arg-type]
            name, content = downloaded(page, link)
            assert name.endswith(f".{form.lower()}")
            assert form == "CSV" or name.startswith("SAMPLE-country-KE-ranking")
            assert content.startswith(BEGINS[form]), form
            if form == "PNG":
                drawn = page.evaluate(COLOURS, base64.b64encode(content).decode())
                assert drawn[0] == 2 * (720 + 28), "twice as large"
                assert drawn[1] == 0xFFFFFFFF, "on white, for slides, in dark mode too"
                assert drawn[2] > 20
        context.close()


def test_pictures_of_every_page_can_be_had_as_png(page: Page, paths: dict[str, str]) -> None:
    for name in ("overview", "country", "network", "compare"):
        page.goto(paths[name])
        assert page.locator("a.svg").count() > 0
        assert page.locator("a.svg + button").count() == page.locator("a.svg").count(), name
        page.get_by_role("button", name="PNG", exact=True).first.scroll_into_view_if_needed()
        _, content = downloaded(page, page.get_by_role("button", name="PNG", exact=True).first)
        assert len(content) > 5_000
    page.goto("/country/NL")
    page.get_by_role("link", name="IPv6", exact=True).click()
    page.wait_for_url("**/country/NL?family=ipv6")
    assert page.locator("a.svg + button").count() == page.locator("a.svg").count()


def test_a_page_is_taken_away_as_a_report_in_every_form(page: Page) -> None:
    page.goto("/country/KE")
    nav = page.get_by_role("navigation", name="This page as a report:")
    for form in ("PDF", "CSV", "XLSX", "Markdown"):
        name, content = downloaded(page, nav.get_by_role("link", name=form, exact=True))
        assert name.startswith("SAMPLE-country-KE-")
        assert content.startswith(BEGINS[form]), form
    nav.get_by_role("link", name="HTML", exact=True).click()
    expect(page.locator("h1").first).to_contain_text("Kenya")


def test_what_is_to_be_copied_shows_the_picture_on_a_page_of_another_host(
    page: Page, sample: Served
) -> None:
    page.goto("/country/KE")
    page.get_by_text("Show these figures on a page of yours").click()
    badge = page.locator("details.card img")
    badge.scroll_into_view_if_needed()
    expect(badge).to_have_js_property("complete", True)
    assert badge.evaluate("image => image.naturalWidth") > 100
    snippet = page.locator("code.embed").inner_text()
    assert snippet.count(f'src="{sample.url}/') == 2
    other = page.context.new_page()
    other.set_content(snippet)  # about:blank is another origin
    other.wait_for_load_state("networkidle")
    seen = "images => images.map(each => each.complete && each.naturalWidth)"
    assert all(wide > 100 for wide in other.locator("img").evaluate_all(seen))


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
