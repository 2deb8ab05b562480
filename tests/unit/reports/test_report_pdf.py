"""The PDF's structure: tagged, titled, in a language, its fonts in it (ISO 14289-1)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from tests.report_worlds import evidence_of, harmful
from validator.reports import forms, pdf

pikepdf = pytest.importorskip("pikepdf")


@pytest.fixture(scope="module")
def document() -> Iterator[Any]:
    content = forms.written(evidence_of(harmful()), "pdf")
    with pikepdf.open(io.BytesIO(content)) as opened:
        yield opened


def _fonts(document: Any) -> Iterator[Any]:
    for page in document.pages:
        for font in page.Resources.get("/Font", {}).values():
            yield (
                font.DescendantFonts[0].FontDescriptor
                if "/DescendantFonts" in font
                else (font.FontDescriptor)
            )


def _elements(node: Any) -> Iterator[Any]:
    if isinstance(node, pikepdf.Array):
        for each in node:
            yield from _elements(each)
    elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
        yield node
        yield from _elements(node.get("/K"))


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
    found = list(_elements(document.Root.StructTreeRoot.K))
    kinds = [str(each.S) for each in found]
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/Figure"} <= set(kinds)
    assert kinds.count("/H1") == 1
    pictures = [each for each in found if each.S == "/Figure"]
    assert all(str(each.get("/Alt", "")) for each in pictures)


def test_every_font_is_in_it(document: Any) -> None:
    fonts = list(_fonts(document))
    assert fonts
    assert all({"/FontFile", "/FontFile2", "/FontFile3"} & set(each.keys()) for each in fonts)


def test_nothing_in_it_runs_or_leads_elsewhere(document: Any) -> None:
    assert "/OpenAction" not in document.Root or "/JS" not in document.Root.OpenAction
    assert "/JavaScript" not in document.Root.get("/Names", {})
    links = [a for page in document.pages for a in page.get("/Annots", [])]
    assert not [each for each in links if "/A" in each and "/URI" in each.A]


def test_one_that_takes_too_long_is_ended() -> None:
    with pytest.raises(pdf.PdfError, match=r"not ready after 0\.01 s"):
        pdf.from_html("<p>anything", seconds=0.01)
