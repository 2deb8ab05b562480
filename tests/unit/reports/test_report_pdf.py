"""The PDF's structure: PDF/UA-1 as far as a program can tell (ISO 14289-1, Matterhorn Protocol)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.report_worlds import evidence_of, harmful
from validator.reports import forms, pdf

pikepdf = pytest.importorskip("pikepdf")


matterhorn = pytest.importorskip("tests.matterhorn")


@pytest.fixture(scope="module")
def content() -> bytes:
    return forms.written(evidence_of(harmful(), compare="ZZ"), "pdf")


@pytest.fixture(scope="module")
def document(content: bytes) -> Iterator[Any]:
    with pikepdf.open(io.BytesIO(content)) as opened:
        yield opened


def test_no_failure_condition_of_the_matterhorn_protocol_holds(document: Any) -> None:
    assert matterhorn.failures(document) == {}


def test_a_pdf_that_is_broken_in_many_ways_fails_in_each(content: bytes) -> None:
    with pikepdf.open(io.BytesIO(content)) as broken:
        found: dict[str, list[Any]] = {}
        for kind, each, _ in matterhorn.elements(broken):
            found.setdefault(kind, []).append(each)
        first = broken.pages[0]
        broken.Root.MarkInfo.Suspects = True
        with broken.open_metadata() as metadata:
            del metadata["pdfuaid:part"]
            del metadata["dc:title"]
        broken.Root.ViewerPreferences.DisplayDocTitle = False
        del broken.Root.Lang
        del found["Figure"][0].Alt
        found["Figure"][1].A.BBox[3] = 9_999
        found["H2"][0].S = pikepdf.Name.H4
        del found["TH"][0].A.Scope
        found["TD"][0].S = pikepdf.Name.P
        found["LBody"][0].S = pikepdf.Name.P
        for each in found["L"]:
            each.A.ListNumbering = pikepdf.Name("/None")
        found["P"][0].S = pikepdf.Name.Bogus
        font = next(iter(first.Resources.Font.values()))
        del font.ToUnicode
        its = font.DescendantFonts[0]
        for name in ("/FontFile", "/FontFile2", "/FontFile3"):
            if name in its.FontDescriptor:
                del its.FontDescriptor[name]
        marks = b"0 0 9 9 re f /Artifact BMC /Span <</MCID 0>> BDC EMC EMC "
        marks += b"/Span <</MCID 1>> BDC /Artifact BMC EMC EMC"
        first.contents_add(broken.make_stream(marks))
        link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link)
        first.obj.Annots = pikepdf.Array([broken.make_indirect(link)])
        del first.obj.Tabs
        told = matterhorn.failures(broken)
    assert set(told) == {
        "01-003", "01-004", "01-005", "01-007", "02-001", "06-002", "06-003", "07-002", "09-004",
        "09-005", "10-001", "11-001", "11-002", "11-003", "11-006", "13-004", "14-003", "15-003",
        "28-008", "28-011", "28-012", "31-009", "31-027", "ISO 14289-1, 7.6",
        "ISO 32000-1, 14.8.5.4",
    }  # fmt: skip


def test_it_is_tagged_titled_and_in_a_language(document: Any) -> None:
    root = document.Root
    assert bool(root.MarkInfo.Marked)
    assert str(root.Lang) == "en"
    assert bool(root.ViewerPreferences.DisplayDocTitle)
    with document.open_metadata() as metadata:
        assert metadata["pdfuaid:part"] == "1"
        assert metadata["dc:title"].startswith("SAMPLE: Routing security of ")
    assert 2 <= len(document.pages) <= 6
    assert len(list(document.open_outline().root)) > 0


def test_every_picture_has_its_words_and_every_table_its_heads(document: Any) -> None:
    found = list(matterhorn.elements(document))
    kinds = [kind for kind, _, _ in found]
    assert {"H1", "H2", "Table", "TH", "TD", "Figure"} <= set(kinds)
    assert kinds.count("H1") == 1
    scopes = [str(each.A.Scope) for kind, each, _ in found if kind == "TH"]
    assert {"/Row", "/Column"} == set(scopes)
    told = [str(each.Alt) for kind, each, _ in found if kind == "Figure"]
    assert "What is announced: valid, invalid, and without a ROA. For each" in told[0]


def test_no_name_turns_or_floods_what_a_screen_reader_says(document: Any) -> None:
    said = [str(each.Alt) for kind, each, _ in matterhorn.elements(document) if kind == "Figure"]
    said += [each.title for each in document.open_outline().root]
    with document.open_metadata() as metadata:
        said += [metadata["dc:title"], metadata["dc:description"]]
    assert any("HYPERLINK" in each for each in said)
    for each in said:
        assert not re.search("[\u202a-\u202e\u2066\u2067\x00-\x08]", each)
        assert len(each) < 1_000


def test_nothing_in_it_runs_or_leads_elsewhere(document: Any) -> None:
    assert "/OpenAction" not in document.Root or "/JS" not in document.Root.OpenAction
    assert "/JavaScript" not in document.Root.get("/Names", {})
    links = [a for page in document.pages for a in page.get("/Annots", [])]
    assert not [each for each in links if "/A" in each and "/URI" in each.A]


def test_one_that_takes_too_long_is_ended() -> None:
    with pytest.raises(pdf.PdfError, match=r"not ready after 0\.01 s"):
        pdf.from_html("<p>anything", seconds=0.01)
