"""The forms that a report comes in, by the name of each."""

from __future__ import annotations

from dataclasses import dataclass

from validator.reports import html, markdown, pdf, sheets
from validator.reports.making import Evidence
from validator.reports.report import to_json


@dataclass(frozen=True, slots=True)
class Form:
    """``suffix`` of a file's name, and its media type."""

    suffix: str
    media: str


FORMS = {
    "html": Form("html", "text/html"),
    "pdf": Form("pdf", "application/pdf"),
    "csv": Form("csv", "text/csv"),
    "xlsx": Form("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "json": Form("json", "application/json"),
    "md": Form("md", "text/markdown"),
}


def check(form: str) -> None:
    """
    Raises:
        SettingsError: what writes the form is not installed.
    """
    if form == "pdf":
        pdf.check()
    elif form == "xlsx":
        sheets.check()


def written(made: Evidence, form: str, language: str = "en") -> bytes:
    """A report in one of :data:`FORMS`. Blocks: a PDF takes seconds, in a process of its own.

    Raises:
        SettingsError: what writes the form is not installed.
        PdfError: the PDF could not be made.
    """
    match form:
        case "json":
            return to_json(made.report)
        case "csv":
            return sheets.to_csv(made.report)
        case "xlsx":
            return sheets.to_xlsx(made.report)
        case "md":
            return markdown.written(made, language).encode()
        case "pdf":
            return pdf.from_html(html.written(made, language, paper=True))
        case _:
            return html.written(made, language).encode()
