"""A report in every form: its figures are the API's, and no name from data does anything."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from tests.feeds import make_snapshot
from tests.report_worlds import SCRIPT, evidence_of, harmful, harmful_evidence
from validator.figures.coverage import row
from validator.model import Family, SettingsError
from validator.pages.words import LANGUAGES
from validator.reports import forms, html
from validator.reports.making import Evidence
from validator.reports.report import FORMULAS, Report, seals_of, to_json

TURNING = re.compile("[\u202a-\u202e\u2066\u2067]")
"""Signs that turn the direction of what follows; not the isolates that we set ourselves."""


@pytest.fixture(scope="module", params=["country/NL", "m49-region/150"])
def bad(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    scheme, _, group = request.param.partition("/")
    return harmful_evidence(tmp_path_factory.mktemp("history"), scheme, group)


class _Elements(HTMLParser):
    """Every element of a document, with its attributes; and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_every_figure_is_the_apis() -> None:
    snapshot = make_snapshot()
    report = evidence_of(snapshot).report
    coverage = snapshot.coverages["country", snapshot.schemes["country"][0]]
    number = coverage.index("NL")
    assert number is not None
    for family in Family:
        figures = coverage.figures(number, family)
        api = row(figures, "country", "NL", "", family)
        mine = {each.id: each for each in report.figures if each.family == family.label}
        for share in ("valid_share", "coverage", "accuracy", "space_valid_share", "space_coverage"):
            assert mine[share].value == api[share]
        assert mine["valid_share"].numerator == api["routes"]["valid"]
        assert mine["valid_share"].denominator == api["routes"]["announced"]
        assert mine["invalid_share"].numerator == api["routes"]["invalid"]
        assert mine["not_found_share"].numerator == api["routes"]["not_found"]
        assert mine["space_valid_share"].numerator == api["space"]["valid"]
        assert mine["space_coverage"].denominator == api["space"]["announced"]
        for figure in mine.values():
            whole = figure.denominator
            assert figure.value == (figure.numerator / whole if whole else None)
    assert {each.id for each in report.figures} == set(FORMULAS)


def test_the_same_report_is_the_same_bytes_and_every_part_is_sealed(bad: Evidence) -> None:
    first, again = (evidence_of(harmful(), compare="ZZ") for _ in range(2))
    assert to_json(first.report) == to_json(again.report)
    read = msgspec.json.decode(to_json(bad.report), type=Report)
    assert read == bad.report
    assert seals_of(msgspec.json.decode(to_json(read))) == read.seals


def test_the_report_has_every_part_there_can_be(bad: Evidence) -> None:
    """So that nothing is left untried below."""
    empty = [name for name, each in msgspec.structs.asdict(bad.report).items() if each in ((), {})]
    country = bad.report.subject.scheme == "country"
    beside = {"averages", "peers"} if country else {"compared"}  # a class has the first two
    assert set(empty) == {"degraded", *beside}


def test_json_has_no_sign_that_turns_and_no_control_and_no_flood(bad: Evidence) -> None:
    texts = list(_texts(msgspec.to_builtins(bad.report)))
    assert any("=1+1|" in each for each in texts)
    for each in texts:
        assert not TURNING.search(each)
        assert not re.search("[\x00-\x1f\x7f]", each)
        assert len(each) < 1_000


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from (*_texts(key), *_texts(value))
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _texts(each)


def test_html_has_nothing_that_runs_or_loads(bad: Evidence) -> None:
    text = html.written(bad, "en")
    page = _Elements(text)
    assert {tag for tag, _ in page.found}.isdisjoint(
        ("script", "img", "iframe", "object", "link", "a", "form")
    )
    for _, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on")]
        assert {"src", "href", "style", "xlink:href"}.isdisjoint(attributes)
    policy = [a["content"] for tag, a in page.found if a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not re.findall(r"url\((?!#)|@import|image-set", text)
    for tag, attributes in page.found:
        named = {name for name, value in attributes.items() if "http" in (value or "")}
        assert named <= {"xmlns", "aria-label", "content", "data-group", "data-series"}, (
            tag,
            named,
        )
    assert any(SCRIPT in said for said in page.said)
    assert not TURNING.search(text)
    assert "A" * 300 not in text


def test_what_is_compared_and_what_changed_have_a_picture_and_a_table_in_either_family(
    bad: Evidence,
) -> None:
    page = _Elements(html.written(bad, "en"))
    drawn = {a.get("aria-labelledby") or "" for tag, a in page.found if tag == "svg"}
    families = ("ipv4", "ipv6") if bad.report.compared else ()
    for key in [f"{kind}-{family}" for kind in ("beside", "lines") for family in families]:
        assert f"{key}-t {key}-d" in drawn
    shown = {family.label for family, its in bad.changed.items() if its.before.value is not None}
    assert shown == {"ipv4", "ipv6"}
    for family in shown:
        assert f"change-{family}-t change-{family}-d" in drawn
        assert any(f"change-{family}" in (a.get("class") or "") for _, a in page.found)
    assert any("years-compared" in (a.get("class") or "") for _, a in page.found) == bool(families)


def test_html_is_whole_in_every_language_and_says_what_it_is(bad: Evidence) -> None:
    for language in LANGUAGES:
        page = _Elements(html.written(bad, language))
        root = next(a for tag, a in page.found if tag == "html")
        assert root == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
        assert any("SAMPLE" in said for said in page.said)
        shown = {a["data-figure"]: a["data-value"] for _, a in page.found if "data-figure" in a}
        assert shown.keys() == set(FORMULAS)


def test_no_cell_of_csv_is_a_formula(bad: Evidence) -> None:
    rows = list(csv.reader(io.StringIO(forms.written(bad, "csv").decode("utf-8-sig"))))
    cells = [cell for line in rows for cell in line]
    number = re.compile(r"-?[0-9.]+(e-?[0-9]+)?")
    assert not [c for c in cells if c[:1] in "=+-@\t\r" and c and not number.fullmatch(c)]
    assert any(cell.startswith("'=cmd") for cell in cells)
    assert max(map(len, cells)) <= 2_001
    assert not TURNING.search("".join(cells))
    assert not re.search("[\x00-\x08]", "".join(cells))


def test_xlsx_has_typed_cells_no_formula_and_no_link(bad: Evidence) -> None:
    book = zipfile.ZipFile(io.BytesIO(forms.written(bad, "xlsx")))
    sheets = {n: book.read(n).decode() for n in book.namelist() if n.startswith("xl/worksheets/")}
    assert len(sheets) >= 6
    assert not [name for name, text in sheets.items() if "<f>" in text or "<hyperlink" in text]
    assert not [name for name in book.namelist() if "externalLink" in name or "_rels/sheet" in name]
    texts = book.read("xl/sharedStrings.xml").decode()
    assert "=cmd|" in texts
    assert "<script>" not in texts
    assert not TURNING.search(texts)
    figures = sheets["xl/worksheets/sheet2.xml"]
    assert re.search(r'<c r="D2"[^>]*><v>1</v>', figures)  # a number, not a text


def test_markdown_escapes_names(bad: Evidence) -> None:
    text = forms.written(bad, "md").decode()
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "](http" not in text
    assert "**bold**" not in text
    assert not TURNING.search(text)
    assert "A" * 300 not in text


@pytest.mark.parametrize(("form", "module"), [("pdf", "weasyprint"), ("xlsx", "xlsxwriter")])
def test_what_is_not_installed_is_said_with_its_cure(
    form: str, module: str, bad: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    for ask in (lambda: forms.check(form), lambda: forms.written(bad, form)):
        with pytest.raises(SettingsError, match=r"pip install 'originsight\[reports\]'"):
            ask()
