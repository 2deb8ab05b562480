"""A report as tables: CSV, one row for each figure; XLSX, a sheet for each part.

Cells are typed, and no text is ever a formula: in XLSX texts are written as texts, in CSV one that
a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection). Signs
that would turn the direction of a line are gone already (:func:`validator.pages.words.clean`).
"""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from validator.model import SettingsError
from validator.reports.report import Report

Cell = str | int | float | bool | None
Rows = list[Sequence[Cell]]
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_WIDEST = 60
_LONGEST_CELL = 2_000


def check() -> None:
    """
    Raises:
        SettingsError: what makes XLSX is not installed.
    """
    if importlib.util.find_spec("xlsxwriter") is None:
        raise SettingsError(
            "XLSX needs XlsxWriter, which is not installed here: pip install "
            "'originsight[reports]', or ask for csv"
        )


def parts(report: Report) -> Iterator[tuple[str, Sequence[str], Rows]]:
    """Every part: its name, its titles, its rows."""
    about: Rows = [
        ("name", report.subject.name or report.subject.group),
        ("scheme", report.subject.scheme),
        ("group", report.subject.group),
        ("day", report.day),
        ("generated", report.generated),
        ("sample", report.sample),
        ("version", report.version),
        *(("headline", each) for each in report.headline),
        *(("degraded", each) for each in report.degraded),
        *(("trouble", each) for each in report.troubles),
        *(("limit", each) for each in report.limits),
    ]
    yield "report", ("what", "value"), about
    formulas = {name: each.text for name, each in report.formulas.items()}
    subject = report.subject
    rows: Rows = [
        (whose, each.id, each.family, each.numerator, each.denominator, each.value, each.unit,
         formulas.get(each.id, ""))
        for whose, figures in ((subject.group, report.figures), (subject.compared, report.compared))
        for each in figures
    ]  # fmt: skip
    titles = ("group", "figure", "family", "numerator", "denominator", "value", "unit", "formula")
    yield "figures", titles, rows
    yield "peers", ("scheme", "group", "name", "family", "valid", "announced", "valid_share",
                    "own"), [
        (p.scheme, p.group, p.name, p.family, p.numerator, p.denominator, p.value, p.own)
        for p in report.peers
    ]  # fmt: skip
    if report.averages:
        yield (
            "averages",
            ("family", "pooled", "median_country", "people_weighted", "countries"),
            [
                (a.family, a.pooled, a.median_country, a.people_weighted, a.countries)
                for a in report.averages
            ],
        )
    if report.trend:
        yield "trend", ("family", "day", "valid", "announced", "valid_share", "degraded"), [
            (t.family, d.day, d.numerator, d.denominator, d.value, d.degraded)
            for t in report.trend for d in t.days
        ]  # fmt: skip
    if report.milestones:
        yield (
            "milestones",
            ("day", "name", "source"),
            [(m.day, m.name, m.source) for m in report.milestones],
        )
    if report.targets:
        yield (
            "targets",
            ("family", "name", "value", "year", "outlook", "needed", "pace"),
            [
                (t.family, t.name, t.value, t.year, t.outlook, t.needed, t.pace)
                for t in report.targets
            ],
        )
    yield "plan", ("family", "asn", "name", "country", "gain", "points", "same", "different",
                   "unknown", "valid_share_then"), [
        (f.family, d.asn, d.name, d.country, d.gain, d.points, d.same, d.different, d.unknown,
         d.after)
        for f in report.families for d in f.doers
    ]  # fmt: skip
    yield "invalids", ("family", "prefix", "origin", "name", "reason", "peers"), [
        (f.family, i.prefix, i.origin, i.name, i.reason, i.peers)
        for f in report.families for i in f.invalids
    ]  # fmt: skip
    if report.changes:
        yield "changes", ("family", "first", "last", "valid_before", "announced_before",
                          "valid_share_before", "valid", "announced", "valid_share", "points"), [
            (c.family, c.first.day, c.last.day, c.first.numerator, c.first.denominator,
             c.first.value, c.last.numerator, c.last.denominator, c.last.value, c.points)
            for c in report.changes
        ]  # fmt: skip
        yield "movers", ("family", "who", "name", "cause", "routes", "points"), [
            (c.family, *each)
            for c in report.changes
            for each in (
                *((m.who, m.name, m.cause, m.routes, m.points) for m in c.movers),
                *(("", "all", cause, routes, points) for cause, routes, points in c.causes),
            )
        ]  # fmt: skip
    yield (
        "sources",
        ("kind", "source", "sha256", "rows", "built", "as_of", "truncated"),
        [
            (s.kind, s.source, s.sha256, s.rows, s.built or None, s.as_of, s.truncated)
            for s in report.sources
        ],
    )
    yield "settings", ("setting", "value"), [
        (name, " ".join(value) if isinstance(value, tuple) else value)
        for name, value in msgspec.structs.asdict(report.settings).items()
    ]  # fmt: skip


def to_csv(report: Report) -> bytes:
    """All parts one after the other, each under its titles; the first column names the part."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    for name, titles, rows in parts(report):
        writer.writerow(("part", *titles))
        writer.writerows((name, *map(_plain, row)) for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _plain(cell: Cell) -> Cell:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, str):
        short = cell[:_LONGEST_CELL]
        return f"'{short}" if short.lstrip(" ").startswith(_DANGEROUS) else short
    return cell


def to_xlsx(report: Report) -> bytes:
    """A workbook: a sheet for each part.

    Raises:
        SettingsError: XlsxWriter is not installed.
    """
    check()
    import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415 - of an extra

    file = io.BytesIO()
    safe = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False, "nan_inf_to_errors": True}  # fmt: skip
    with xlsxwriter.Workbook(file, safe) as book:
        book.set_properties({"title": _title(report), "author": f"Originsight {report.version}"})
        head = book.add_format({"bold": True, "bottom": 1})
        share = book.add_format({"num_format": "0.0%"})
        count = book.add_format({"num_format": "#,##0"})
        for name, titles, rows in parts(report):
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            if report.sample:
                sheet.set_header("&CSAMPLE: fictional networks and figures")
            sheet.write_row(0, 0, titles, head)
            formats = [share if title in _SHARES else count for title in titles]
            for number, row in enumerate(rows, 1):
                for column, cell in enumerate(row):
                    _put(sheet, number, column, cell, formats[column])
            for column, title in enumerate(titles):
                widest = max((len(str(row[column])) for row in rows), default=0)
                sheet.set_column(column, column, min(max(widest, len(title)) + 2, _WIDEST))
    return file.getvalue()


_SHARES = frozenset(("valid_share", "valid_share_before", "valid_share_then", "pooled",
                     "median_country", "people_weighted", "needed", "pace"))  # fmt: skip


def _put(sheet: Any, row: int, column: int, cell: Cell, form: Any) -> None:
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell[:_LONGEST_CELL])
    elif isinstance(cell, int):
        sheet.write_number(row, column, cell, form)
    elif cell is not None:
        sheet.write_number(row, column, cell, form) if form.num_format.endswith("%") else (
            sheet.write_number(row, column, cell)
        )


def _title(report: Report) -> str:
    subject = report.subject
    mark = "SAMPLE: " if report.sample else ""
    return f"{mark}Routing security of {subject.name or subject.group}, {report.day}"[:250]
