"""Every figure on a page and in a report is the API's, of the same generation, to the last digit: a
walk over the sample service. And the walk itself: it finds each digit that is changed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from tests.api_figures import Api
from tests.page_figures import wrong_figures
from tests.pages_world import write_site, year_ago
from tests.report_figures import csv_tables, wrong_report, wrong_tables, xlsx_tables
from tests.report_printed import wrong_html, wrong_markdown
from tests.served import served

SINCE = year_ago(datetime.now(UTC).date())
REPORTS = (f"country/KE?compare=UG&from={SINCE}", f"ldc/ldc?from={SINCE}")
_ROUTE = re.compile(r"/api/v1/validity/(AS[0-9]+)/(.+)")
_READ = r'data-(?:v|value|start)="-?[0-9.]*[0-9]|data-(?:levels|values)="[^"]*[0-9]'
_SHOWN = r"[>( ][0-9](?=[0-9,.]*%? ?(?:/ [0-9,]+|\([0-9,]+ / [0-9,]+\))?</(?:td|bdi)>)"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with served(write_site(tmp_path_factory.mktemp("sample"), with_today=True)) as running:
        running.wait_until_ready()
        yield Api(running)


@pytest.fixture(scope="module")
def paths(api: Api) -> dict[str, str]:
    """A page of each kind that has figures."""
    tries = [_ROUTE.fullmatch(path) for path in json.loads(api.page("/api/v1"))["try"]]
    asn, prefix = next(found.groups() for found in reversed(tries) if found)
    invalid = json.loads(api.file("/api/v1/report/country/KE?format=json"))["families"][0]
    return {
        "overview": "/",
        "overview-ipv6": "/?family=ipv6",
        "country": "/country/KE",
        "country-ipv6": "/country/NL?family=ipv6",
        "region": "/region/m49-subregion/202",
        "class": "/region/ldc/ldc",
        "network": f"/asn/{asn}",
        "prefix": f"/prefix/{prefix}",
        "invalid prefix": f"/prefix/{invalid['invalids'][0]['prefix']}",
        "two groups": "/compare?a=ldc/ldc&b=development/developed",
        "two days": f"/compare?a=country/KE&from={SINCE}",
    }


def test_every_figure_of_a_page_is_the_apis(api: Api, paths: dict[str, str]) -> None:
    compared = {}
    for kind, path in paths.items():
        wrong, compared[kind] = wrong_figures(api, path)
        assert not wrong, "\n".join(wrong[:20])
    assert compared["overview"] > 3_000
    assert all(number > 50 for kind, number in compared.items() if "prefix" not in kind), compared


def test_a_digit_that_is_changed_on_a_page_is_found(api: Api, paths: dict[str, str]) -> None:
    for kind in ("country", "two days"):
        text = api.page(paths[kind])
        begin = text.index("<main")
        for changed, place in _changed(text, (_READ, _SHOWN), begin, 8):
            assert wrong_figures(api, paths[kind], changed)[0], (kind, place)


@pytest.mark.parametrize("asked", REPORTS)
def test_every_figure_of_a_report_is_the_apis_in_every_form(api: Api, asked: str) -> None:
    report = json.loads(_form(api, asked, "json"))
    assert report["generation"] == api.get("coverage/rir/afrinic")["generation"]
    assert wrong_report(api, report) == []
    assert report["changes"]
    wrong, compared = wrong_html(api, report, _form(api, asked, "html").decode())
    assert wrong == []
    assert compared > 400
    assert wrong_markdown(report, _form(api, asked, "md").decode()) == []
    assert wrong_tables(report, csv_tables(_form(api, asked, "csv"))) == []
    sixteen = 16  # digits, as XlsxWriter writes numbers; a spreadsheet shows 15
    assert wrong_tables(report, xlsx_tables(_form(api, asked, "xlsx")), sixteen) == []


def test_a_report_and_the_page_say_the_same_sentences(api: Api) -> None:
    for group in ("country/KE", "region/ldc/ldc"):
        report = json.loads(_form(api, f"{group.removeprefix('region/')}?", "json"))
        page = api.page(f"/{group}")
        for said in report["headline"][:-1]:
            assert said in page


def test_a_digit_that_is_changed_in_a_report_is_found(api: Api) -> None:
    asked = REPORTS[0]
    content = _form(api, asked, "json").decode()
    report = json.loads(content)
    text = _form(api, asked, "html").decode()
    for changed, place in _changed(text, (_READ, _SHOWN), text.index("<main"), 8):
        assert wrong_html(api, report, changed)[0], place
    text = _form(api, asked, "md").decode()
    for changed, place in _changed(text, (r"^\| .*?[0-9](?=%? \|)",), 0, 8):
        assert wrong_markdown(report, changed), place
    text = _form(api, asked, "csv").decode("utf-8-sig")
    for changed, place in _changed(text, (r"^(?:figures|peers|trend|plan),.*[0-9]",), 0, 8):
        assert wrong_tables(report, csv_tables(changed.encode("utf-8-sig"))), place
    number = (
        r'"(?:numerator|denominator|value|gain|points|after|peers|pooled|routes)":-?[0-9.]*[0-9]'
    )
    for changed, place in _changed(content, (number,), 0, 8):
        assert wrong_report(api, json.loads(changed)), place


def _form(api: Api, asked: str, form: str) -> bytes:
    return api.file(f"/api/v1/report/{asked}&format={form}")


def _changed(
    text: str, patterns: Sequence[str], begin: int, many: int
) -> Iterator[tuple[str, str]]:
    """The text with one digit changed: the last of what a pattern finds; and what was there. The
    last of seventeen digits may make no difference to the number; so the one before is taken."""
    dice = random.Random(text[:1000])
    for pattern in patterns:
        found = [each for each in re.finditer(pattern, text, re.MULTILINE) if each.start() > begin]
        assert len(found) >= min(many, 2), pattern
        for each in dice.sample(found, min(many, len(found))):
            at = each.end() - 1
            other = str((int(text[at]) + 5) % 10)
            yield f"{text[:at]}{other}{text[at + 1 :]}", text[each.start() : each.end()][-80:]
