"""What a program can tell of a PDF's accessibility, by the numbers of the Matterhorn Protocol 1.1.

:func:`failures` looks at a document as pikepdf has it, and names the failure conditions that hold,
each with where. Not looked into: what is inside of font programs (31-011 to 31-018, 31-030), and
what our reports never have (forms, media, optional content).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pikepdf

STANDARD = frozenset(
    ("Document", "Part", "Art", "Sect", "Div", "BlockQuote", "Caption", "TOC", "TOCI", "Index",
     "NonStruct", "Private", "P", "H", "H1", "H2", "H3", "H4", "H5", "H6", "L", "LI", "Lbl",
     "LBody", "Table", "TR", "TH", "TD", "THead", "TBody", "TFoot", "Span", "Quote", "Note",
     "Reference", "BibEntry", "Code", "Link", "Annot", "Ruby", "RB", "RT", "RP", "Warichu", "WT",
     "WP", "Figure", "Formula", "Form")
)  # fmt: skip
_MARKS = frozenset(
    ("Tj", "TJ", "'", '"', "f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh", "INLINE IMAGE")
)
"""Operators that put something on a page."""
_INSIDE = {"TR": {"Table", "THead", "TBody", "TFoot"}, "TH": {"TR"}, "TD": {"TR"},
           "THead": {"Table"}, "TBody": {"Table"}, "TFoot": {"Table"}, "LI": {"L"},
           "Lbl": {"LI", "Note", "BibEntry", "TOCI"}, "LBody": {"LI"}}  # fmt: skip
_PARTS = {"Table": {"TR", "THead", "TBody", "TFoot", "Caption"}, "TR": {"TH", "TD"},
          "THead": {"TR"}, "TBody": {"TR"}, "L": {"LI", "L", "Caption"},
          "LI": {"Lbl", "LBody"}}  # fmt: skip

Found = Iterator[tuple[str, str]]


def failures(document: Any) -> dict[str, list[str]]:
    """By failure condition, where it holds; empty if none does."""
    told: dict[str, list[str]] = {}
    looks: tuple[Callable[[Any], Found], ...] = (
        _document, _content, _elements, _headings, _fonts, _annotations,
    )  # fmt: skip
    for look in looks:
        for condition, where in look(document):
            told.setdefault(condition, []).append(where)
    return told


def elements(document: Any) -> Iterator[tuple[str, Any, str]]:
    """Every structure element in reading order: its type, itself, the type of its parent."""
    tree = document.Root.get("/StructTreeRoot")
    if tree is not None:
        yield from _below(tree.get("/K"), "")


def _below(node: Any, parent: str) -> Iterator[tuple[str, Any, str]]:
    if isinstance(node, pikepdf.Array):
        for each in node:
            yield from _below(each, parent)
    elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
        kind = str(node.S)[1:]
        yield kind, node, parent
        yield from _below(node.get("/K"), kind)


def _document(document: Any) -> Found:
    root = document.Root
    if not bool(root.get("/MarkInfo", {}).get("/Marked", False)):
        yield "01-005", "the document is not marked as tagged"
    if bool(root.get("/MarkInfo", {}).get("/Suspects", False)):
        yield "01-007", "Suspects is true"
    if "/Metadata" not in root:
        yield "06-001", "the document"
        return
    with document.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        if metadata.get("pdfuaid:part") != "1":
            yield "06-002", f"part {metadata.get('pdfuaid:part')}"
        if not metadata.get("dc:title"):
            yield "06-003", "the document"
    preferences = root.get("/ViewerPreferences", {})
    if "/DisplayDocTitle" not in preferences:
        yield "07-001", "the document"
    elif not bool(preferences.DisplayDocTitle):
        yield "07-002", "the document"
    if not str(root.get("/Lang", "")):
        for condition in ("11-001", "11-002", "11-003", "11-006"):
            yield condition, "the document has no Lang"
    if document.is_encrypted:
        yield "26-001", "the document is encrypted"
    if "/EmbeddedFiles" in root.get("/Names", {}):
        yield "21-001", "a file is embedded"


def _content(document: Any) -> Found:
    """Each mark on a page is an artifact, or tagged and in the structure."""
    for number, page in enumerate(document.pages, 1):
        yield from _marks(page, page.Resources, f"page {number}", [])


def _marks(stream: Any, resources: Any, place: str, outside: list[str]) -> Found:
    inside, used = list(outside), dict[str, int]()
    for each in pikepdf.parse_content_stream(stream):
        operands, name = each.operands, str(each.operator)
        if name in ("BMC", "BDC"):
            tag = str(operands[0])
            if tag == "/Artifact" and "tagged" in inside:
                yield "01-003", place
            numbered = name == "BDC" and "/MCID" in operands[1]
            if numbered and "artifact" in inside:
                yield "01-004", place
            inside.append("artifact" if tag == "/Artifact" else "tagged" if numbered else "other")
        elif name == "EMC":
            inside.pop()
        elif name == "Do":
            drawn = resources.XObject[str(operands[0])]
            if drawn.get("/Subtype") != "/Form":
                yield from _unless_marked(inside, place, name)
                continue
            if "/Ref" in drawn:
                yield "30-001", place
            called = str(operands[0])
            used[called] = used.get(called, 0) + 1
            if used[called] > 1 and b"/MCID" in drawn.read_bytes():
                yield "30-002", f"{place}: {called}"
            yield from _marks(drawn, drawn.get("/Resources", resources), f"{place} {called}",
                              inside)  # fmt: skip
        elif name in _MARKS:
            yield from _unless_marked(inside, place, name)


def _unless_marked(inside: list[str], place: str, name: str) -> Found:
    if not {"artifact", "tagged"} & set(inside):
        yield "01-005", f"{place}: {name}"


def _elements(document: Any) -> Found:
    roles = document.Root.get("/StructTreeRoot", {}).get("/RoleMap", {})
    for number, (kind, each, parent) in enumerate(elements(document)):
        where = f"element {number}, {kind} in {parent or 'the root'}"
        if kind not in STANDARD and str(roles.get(f"/{kind}", ""))[1:] not in STANDARD:
            yield "02-001", where
        table = kind in ("TR", "TH", "TD", "THead", "TBody", "TFoot", "Table")
        wrong = kind in _INSIDE and parent not in _INSIDE[kind]
        kids = {str(kid.S)[1:] for kid in _kids(each)}
        if wrong or (kind in _PARTS and not kids <= _PARTS[kind]):
            yield "09-004" if table else "09-005", f"{where} has {sorted(kids)}"
        if kind == "Figure":
            if not str(each.get("/Alt", each.get("/ActualText", ""))).strip():
                yield "13-004", where
            yield from _box(each, document, where)
        if kind == "TH" and str(each.get("/A", {}).get("/Scope", "")) not in (
            "/Row", "/Column", "/Both",
        ):  # fmt: skip
            yield "15-003", where
        if kind == "Note" and "/ID" not in each:
            yield "19-003", where
        if kind == "L" and any(str(part.S) == "/Lbl" for kid in _kids(each) for part in _kids(kid)):
            numbering = str(each.get("/A", {}).get("/ListNumbering", "/None"))
            if numbering == "/None":
                yield "ISO 14289-1, 7.6", where


def _kids(element: Any) -> list[Any]:
    below = element.get("/K")
    found = below if isinstance(below, pikepdf.Array) else [below]
    return [each for each in found if isinstance(each, pikepdf.Dictionary) and "/S" in each]


def _box(figure: Any, document: Any, where: str) -> Found:
    """ISO 32000-1, 14.8.5.4: a figure's box is on its page."""
    box = [float(each) for each in figure.get("/A", {}).get("/BBox", [])]
    page = [float(each) for each in document.pages[0].MediaBox]
    inside = len(box) == 4 and (
        page[0] <= box[0] < box[2] <= page[2] and page[1] <= box[1] < box[3] <= page[3]
    )
    if not inside:
        yield "ISO 32000-1, 14.8.5.4", f"{where}: {box}"


def _headings(document: Any) -> Found:
    level = 0
    kinds = [kind for kind, _, _ in elements(document)]
    if "H" in kinds and any(kind[0] == "H" and kind[1:].isdigit() for kind in kinds):
        yield "14-007", "the document"
    for kind in kinds:
        if kind[0] == "H" and kind[1:].isdigit():
            now = int(kind[1:])
            if not level and now != 1:
                yield "14-002", kind
            elif now > level + 1:
                yield "14-003", f"{kind} after H{level}"
            level = now


def _fonts(document: Any) -> Found:
    seen = set()
    for number, page in enumerate(document.pages, 1):
        for name, font in _fonts_of(page.Resources):
            if font.objgen in seen:
                continue
            seen.add(font.objgen)
            where = f"page {number}, font {name}"
            its = font.DescendantFonts[0] if "/DescendantFonts" in font else font
            descriptor = its.get("/FontDescriptor", {})
            if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor.keys()):
                yield "31-009", where
            if "/ToUnicode" not in font:
                yield "31-027", where
                yield "10-001", where
            if its.get("/Subtype") == "/CIDFontType2":
                if "/CIDToGIDMap" not in its:
                    yield "31-005", where
                elif not isinstance(its.CIDToGIDMap, pikepdf.Stream) and (
                    str(its.CIDToGIDMap) != "/Identity"
                ):
                    yield "31-004", where


def _fonts_of(resources: Any) -> Iterator[tuple[str, Any]]:
    yield from resources.get("/Font", {}).items()
    for drawn in resources.get("/XObject", {}).values():
        if "/Resources" in drawn:
            yield from _fonts_of(drawn.Resources)


def _annotations(document: Any) -> Found:
    linked = {
        kid.Obj.objgen
        for kind, each, _ in elements(document)
        if kind in ("Link", "Annot", "Form")
        for kid in (each.K if isinstance(each.get("/K"), pikepdf.Array) else [each.get("/K")])
        if isinstance(kid, pikepdf.Dictionary) and "/Obj" in kid
    }
    for number, page in enumerate(document.pages, 1):
        given = list(page.get("/Annots", []))
        if given and "/Tabs" not in page:
            yield "28-008", f"page {number}"
        elif given and str(page.Tabs) != "/S":
            yield "28-009", f"page {number}"
        for each in given:
            link = str(each.Subtype) == "/Link"
            if each.objgen not in linked:
                yield "28-011" if link else "28-002", f"page {number}"
            if not str(each.get("/Contents", "")).strip():
                yield "28-012" if link else "28-004", f"page {number}"
