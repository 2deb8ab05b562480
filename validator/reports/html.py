"""A report as one HTML file that needs nothing else: pictures and style are in it, and a policy
that lets it load nothing. On paper (:mod:`validator.reports.pdf`) it is the same document."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from validator.model import Family
from validator.pages.chart_colours import style_sheet
from validator.pages.facts_common import FAMILY_NAMES
from validator.pages.frame import environment
from validator.pages.phrases import causes, excluded, kinds, outlooks, reasons
from validator.pages.words import words
from validator.reports.drawings import (
    changes_of,
    compared_of,
    pictures_of,
    yearly,
    yearly_compared,
)
from validator.reports.making import Evidence, headline, in_language
from validator.reports.phrases import figure_names, incomplete, limits, units

_HERE = Path(__file__).parent
_FONTS = re.compile(r'font-family="[^"]*"')
_NARROW = re.compile(r'<div class="chart-narrow">.*?</svg></div>', re.DOTALL)
_NO_DATA = re.compile(
    r'<g data-code="[^"]*" data-value="" fill="(url\(#[\w-]+\))"><title>[^<]*</title>'
    r'(?:<path d="([^"<>]*)"/>)?(<circle [^<>]*/>)?</g>'
)
_TOLD = re.compile(r"(<title id=[^>]*>)([^<]*)(</title><desc [^>]*>)([^<]*)")
PAPER_FONT = "DejaVu Sans"
"""On paper: Debian's fonts-dejavu-core has it."""


@functools.cache
def _environment(language: str) -> Environment:
    """The pages' environment with the report's own template."""
    return environment(language).overlay(loader=FileSystemLoader(_HERE / "templates"))


def written(made: Evidence, language: str, *, paper: bool = False) -> str:
    """The document. ``paper``: as WeasyPrint wants it, each picture once and in a font that can be
    embedded."""
    its = words(language)
    made = in_language(made, its)
    drawn = pictures_of(made, its)
    facts = made.facts[Family.IPV4]
    sheets = ("report.css", "paper.css") if paper else ("report.css",)
    style = "\n".join((style_sheet(), *((_HERE / each).read_text("utf-8") for each in sheets)))
    text = (
        _environment(language)
        .get_template("report.html")
        .render(
            report=made.report,
            facts=facts,
            both=made.facts,
            compared=made.compared,
            changed=made.changed,
            beside=compared_of(made, its),
            beside_years=yearly_compared(made, its),
            changes=changes_of(made, its),
            incomplete=list(incomplete(its, made.report.sources)),
            kinds=kinds(its),
            excluded=excluded(its),
            sentences=headline(its, made.facts),
            pictures=drawn,
            families=FAMILY_NAMES,
            names=figure_names(its),
            units=units(its),
            limits=limits(its),
            causes=causes(its),
            reasons=reasons(its),
            outlooks=outlooks(its),
            style=style,
            yearly=yearly(made, its),
        )
    )
    text = f"{text.strip()}\n"
    if paper:
        text = _TOLD.sub(_told, text)
        text = _FONTS.sub(f'font-family="{PAPER_FONT}"', _NARROW.sub("", text))
        text = _hatched_once(text)
    return text


def _told(found: re.Match[str]) -> str:
    """The title of a picture with its description: in a PDF the two are one text."""
    title, description = found[2], found[4]
    return f"{found[1]}{title}{'. ' if title and description else ''}{description}{found[3]}"


def _hatched_once(text: str) -> str:
    """The areas of a map without data as one: a hatch is drawn anew for each shape that has it,
    which takes WeasyPrint a second or two."""
    found = list(_NO_DATA.finditer(text))
    if not found:
        return text
    shapes = "".join(each[2] or "" for each in found)
    dots = "".join(each[3] or "" for each in found)
    hatch = found[0][1]
    one = f'<path d="{shapes}" fill="{hatch}"/><g fill="#eceff2">{dots}</g>'
    first = found[0].start()
    return text[:first] + one + _NO_DATA.sub("", text[first:])
