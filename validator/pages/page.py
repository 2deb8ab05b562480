"""One page as it is asked for: its address, the way to it, and links that keep what was asked."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from validator.model import Family
from validator.pages.facts_common import Row
from validator.pages.frame import render
from validator.pages.pictures import path_of
from validator.pages.words import Words, words

CARRIED = ("at", "lang")
"""What goes along with every link, if it was asked for; the family goes along too."""
NAMES = {
    "en": "English",
    "ar": "العربية",
    "es": "Español",
    "fr": "Français",
    "ru": "Русский",
    "zh": "中文",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client asks for. ``query`` has the arguments as they were given."""

    path: str
    language: str = "en"
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def family(self) -> Family:
        return Family.IPV6 if self.query.get("family") == "ipv6" else Family.IPV4

    @property
    def words(self) -> Words:
        return words(self.language)

    def api(self, path: str, **more: str) -> str:
        """A path of the interface for programs, of the same day."""
        asked = {**more, **({"at": self.query["at"]} if "at" in self.query else {})}
        return quote(path, safe="/:") + (f"?{urlencode(asked)}" if asked else "")

    def link(self, path: str, **more: str) -> str:
        """A path of ours with what is carried along."""
        asked = {name: self.query[name] for name in ("family", *CARRIED) if name in self.query}
        return quote(path, safe="/:") + _query(tuple({**asked, **more}.items()))


@functools.lru_cache(maxsize=256)
def _query(asked: tuple[tuple[str, str], ...]) -> str:
    """The same for a thousand links of a page."""
    return f"?{urlencode(asked)}" if asked else ""


@dataclass(frozen=True, slots=True)
class Page:
    """What templates know of the page. ``crumbs``: labels with paths, the last one is the page."""

    ask: Ask
    title: str
    crumbs: Sequence[tuple[str, str]] = ()
    sought: str = ""
    languages: Mapping[str, str] = field(default_factory=lambda: NAMES)

    def link(self, path: str, **more: str) -> str:
        return self.ask.link(path, **more)

    def here(self, **changes: str) -> str:
        """This page, asked for otherwise."""
        asked = {**self.ask.query, **changes}
        return quote(self.ask.path, safe="/:") + (f"?{urlencode(asked)}" if asked else "")

    @property
    def carried(self) -> list[tuple[str, str]]:
        return [(name, self.ask.query[name]) for name in CARRIED if name in self.ask.query]


def show(template: str, page: Page, *, sample: bool, stamp: object, **given: object) -> str:
    """A page as HTML."""
    return render(
        template,
        page.ask.language,
        {"page": page, "sample": sample, "stamp": stamp, "path_of": _path_of, **given},
    )


def _path_of(row: Row) -> str:
    return path_of(row)
