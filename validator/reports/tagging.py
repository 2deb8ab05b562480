"""What WeasyPrint leaves unsaid in a tagged PDF (ISO 14289-1), put in before the file is written.

A table's head cells get a scope, which says of each by itself whether it is of a column or a row;
WeasyPrint links cells to heads by identifiers, of which a table that goes on on another page has
the same twice. A list says how its items are marked. The box of a figure is in points from the
foot of its page, as ISO 32000-1 section 14.8.5.4 wants it, not in CSS pixels from its top.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

PAGE_POINTS = 297 / 25.4 * 72
"""The height of A4."""
_POINTS = 72 / 96
"""Of a CSS pixel."""


def finish(_: object, pdf: Any) -> None:
    """As WeasyPrint calls it: with the document, and the PDF in pydyf's objects."""
    import pydyf  # type: ignore[import-untyped]  # noqa: PLC0415 - of an extra

    found: Iterable[Any] = [each for each in pdf.objects if isinstance(each, dict)]
    elements = {each.reference: each for each in found if each.get("Type") == "/StructElem"}
    for each in elements.values():
        match each["S"]:
            case "/TH":
                each["A"]["Scope"] = "/Column" if _in_head(each, elements) else "/Row"
                each.pop("ID", None)
            case "/TD":
                each["A"].pop("Headers", None)
            case "/L":
                each["A"] = pydyf.Dictionary({"O": "/List", "ListNumbering": "/Disc"})
            case "/Figure":
                left, top, right, bottom = (_POINTS * float(side) for side in each["A"]["BBox"])
                each["A"]["BBox"][:] = left, PAGE_POINTS - bottom, right, PAGE_POINTS - top


def _in_head(cell: Mapping[str, Any], elements: Mapping[bytes, Any]) -> bool:
    """Whether a cell stands in the head of its table."""
    return any(each["S"] == "/THead" for each in _ancestors(cell, elements))


def _ancestors(
    element: Mapping[str, Any], elements: Mapping[bytes, Any]
) -> Iterable[Mapping[str, Any]]:
    while (parent := elements.get(element["P"])) is not None:
        yield parent
        element = parent
