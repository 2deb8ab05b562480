"""What pages are rendered with: templates, the language of the reader, and static files by content.

Templates are compiled once and share their code between languages. Autoescape is on everywhere, and
a name that a template does not know is an error, not an empty string. Static files are served under
a name that has the hash of their content, so that a browser may keep them for ever.
"""

from __future__ import annotations

import functools
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from validator.figures.coverage import Figures, in_units
from validator.pages.chart_colours import style_sheet
from validator.pages.words import DRAFTED, LANGUAGES, Words, clean, isolated, words

_HERE = Path(__file__).parent
TEMPLATES, STATIC = _HERE / "templates", _HERE / "static"
_HASH_LETTERS = 12


class _Compiled(BytecodeCache):
    """The code of templates, kept while the process lives."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._kept.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


@dataclass(frozen=True, slots=True)
class StaticFile:
    """``name`` has the hash of the content in it: ``page.1a2b3c4d5e6f.css``."""

    name: str
    content: bytes
    media: str


@functools.cache
def static_files() -> Mapping[str, StaticFile]:
    """Every static file, by the name that it is served under."""
    found = {}
    for path in sorted(STATIC.iterdir()):
        content = path.read_bytes()
        if path.name == "page.css":
            content += style_sheet().encode()  # of pictures
        digest = hashlib.sha256(content).hexdigest()[:_HASH_LETTERS]
        name = f"{path.stem}.{digest}{path.suffix}"
        media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[name] = StaticFile(name, content, media)
    return found


@functools.cache
def static_path(file: str) -> str:
    """Where a file of the folder ``static`` is served.

    Raises:
        ValueError: there is none of that name.
    """
    stem, _, suffix = file.rpartition(".")
    for name in static_files():
        first, _, rest = name.partition(".")
        if first == stem and rest.endswith(f".{suffix}"):
            return f"/static/{name}"
    raise ValueError(f"no static file is called {file!r}")


@functools.cache
def environment(language: str) -> Environment:
    """The templates in one of :data:`~validator.pages.words.LANGUAGES`."""
    its = words(language)
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_compiled,
        extensions=["jinja2.ext.i18n"],
    )
    install: Any = made
    install.install_gettext_callables(
        its.translations.gettext, its.translations.ngettext, newstyle=True
    )
    made.filters |= {
        "count": its.count,
        "percent": its.percent,
        "points": its.points,
        "day": its.day,
        "moment": its.moment,
        "span": its.span,
        "clean": clean,
        "isolated": isolated,
        "exact": _exact,
        "cells": functools.partial(_cells, its=its),
    }
    made.globals |= {
        "language": language,
        "languages": LANGUAGES,
        "drafted": language in DRAFTED,
        "direction": its.direction,
        "static": static_path,
        "svg": Markup,
        "in_units": in_units,
    }
    return made


def render(template: str, language: str, given: Mapping[str, Any]) -> str:
    """A page. ``given`` is what the template asks for; all of it is escaped."""
    return environment(language).get_template(template).render(given)


def _cells(figures: Figures, its: Words) -> Markup:
    """The cells of a table of groups: routes announced, valid, invalid, without a ROA; the valid
    share of routes and of space. A page has thousands, so they are made in one go."""
    counts = figures.announced, figures.valid, figures.invalid, figures.not_found
    shares = figures.valid_share, figures.space_valid_share
    made = [f'<td data-v="{n}">{its.count(n)}</td>' if n > 999 else f"<td>{n}</td>" for n in counts]
    made += [f'<td data-v="{_exact(share)}">{its.percent(share)}</td>' for share in shares]
    return Markup("".join(made))  # noqa: S704 - numbers, and signs of ours


def _exact(number: float | int | None) -> str:
    """A number as the API has it, for programs: what a table is sorted by."""
    return "" if number is None else repr(number)
