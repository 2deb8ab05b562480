"""Every word of ours on pages, pictures, feeds and reports comes from the catalogue.

A pseudo language puts ⟦ ⟧ around each message. What then stands outside of them must be data:
names, numbers, days, what machines write. Templates are read besides, with the branches that no
small world reaches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from gettext import NullTranslations
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest
from aiohttp.test_utils import TestClient, TestServer
from babel import Locale
from jinja2 import nodes
from jinja2.visitor import NodeVisitor

from tests.feeds import ROUTES, StandingFeed, make_snapshot
from tests.integration.test_pages import NOW, PAGES, TODAY, WHOLE
from tests.report_worlds import evidence_of
from validator import metrics
from validator.freshness import SourceStatus
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.milestone_inputs import Milestones
from validator.pages import frame, words
from validator.reports import forms, html
from validator.targets.progress import TargetSettings
from validator.web.app import make_app

LANGUAGE = "fr"
"""Whose numbers, days and countries stand between the messages."""
LOCALE = Locale.parse(LANGUAGE)
ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(ROOT.glob("validator/*/templates/*.html"))
OTHERS = (
    "/reports",
    "/country/QQ",
    "/asn/x",
    "/?at=1990-01-01",
    "/search?q=nothing-like-it",
    f"/country/NL?at={WHOLE}",
    "/chart/world/map.svg",
    "/chart/world/trend.svg",
    "/chart/country/NL/parts.svg",
    "/chart/country/NL/trend.svg",
    "/chart/compare/beside.svg?a=NL&b=rir/ripencc",
    "/badge/country/NL.svg",
    "/badge/world.svg",
    "/feed/world.atom",
    "/feed/country/NL.atom",
    "/api/v1/report/country/NL?format=html",
    "/api/v1/report/custom-ours/us?format=md",
    f"/api/v1/report/country/NL?format=html&from={WHOLE}",
    "/api/v1/report/rir/ripencc?format=html&compare=ZZ",
)
TROUBLED = (
    "/inputs",
    "/country/NL",
    "/chart/world/map.svg",
    "/badge/country/NL.svg",
    "/api/v1/report/country/NL",
)
"""Asked for again, when an input is late."""
OURS = frozenset(
    re.findall(
        r"\S+",
        "originsight ipv4 ipv6 csv json svg png pdf html xlsx md sha-256 rfc utc roa vrp atom kb "
        "report.json verify --inputs markdown français",
    )
)
"""Names that are the same in every language."""
DATA = frozenset(
    re.findall(
        r"\S+",
        "example one we here us custom-ours rir ripencc ripe apnic ncc title of m49-region m49 e "
        "holder-1 vrp-export vrps.json routes.csv delegated names.csv country.csv users.csv "
        "custom-ours.csv custom-space custom-space.csv m49-region.csv onzième elsewhere nobody as0 "
        "none ldc development developed natural earth admin countries https nothing-like-it "
        "www.naturalearthdata.com ripencc-zz vrps late",
    )
)
"""What the small worlds call things, and how a service tells of an input that is late."""
_CALENDAR = " ".join(
    name
    for width in ("wide", "abbreviated")
    for name in LOCALE.months["format"][width].values()
) + " heure heures jour jours mois an ans année années minute minutes seconde secondes"  # fmt: skip
NAMES = frozenset(
    re.findall(r"[\w-]{2,}", " ".join((*LOCALE.territories.values(), _CALENDAR)).lower())
)
KNOWN = OURS | DATA | NAMES
_WORD = re.compile(r"[^\s(),;·/'’\"“”|#*`<>«»–\u2068\u2069]+")
_MACHINE = re.compile(
    r"as[0-9]+|[0-9a-f]{8,}|[0-9a-f]*:[0-9a-f:]+|[a-z]{2}|[0-9t:.z-]{10,}|originsight-\S+|v?[0-9.]+\S*"
)
UNREAD = ("script", "style", "code", "id")
"""What has nothing for a person, or is to be copied as it is; ``id``: of a feed."""
ATTRIBUTES = ("title", "aria-label", "alt", "placeholder", "label", "content")
BY_PROGRAMS = ("viewport", "color-scheme", "generator", "dcterms.created")
"""Meta elements whose content nobody reads."""


class Pseudo(NullTranslations):
    """Each message in brackets."""

    def __init__(self, *_: object) -> None:
        super().__init__()

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, n: int) -> str:
        return f"⟦{one if n == 1 else many}⟧"


@pytest.fixture
def pseudo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The languages other than English say everything in brackets."""
    kept = (words.words, frame.environment, html._environment)
    for each in kept:
        each.cache_clear()
    monkeypatch.setattr(words, "Translations", Pseudo)
    yield
    for each in kept:
        each.cache_clear()


class Page(HTMLParser):
    """The texts that a person meets, each with where it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        other = given.get("lang", LANGUAGE) != LANGUAGE
        skipped = other or tag in UNREAD or (bool(self._open) and self._open[-1][1])
        if tag == "meta" and given.get("name", "viewport") in BY_PROGRAMS:
            return
        if not skipped:
            self.texts += [(f"{tag} {n}", given[n]) for n in ATTRIBUTES if n in given]
        if tag not in ("meta", "link", "input", "img", "br"):
            self._open.append((tag, skipped))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in ("meta", "link", "input", "img", "br"):
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not self._open or not self._open[-1][1]:
            self.texts.append((self._open[-1][0] if self._open else "", data))


def outside(texts: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What of the texts is in no brackets. A picture breaks long messages into lines, and cuts them
    with an ellipsis."""
    depth = 0
    for place, text in texts:
        if not place.startswith("text"):
            depth = 0
        kept = ""
        for letter in text:
            depth += (letter == "⟦") - (letter == "⟧")
            if not depth and letter != "⟧":
                kept += letter
        if text.rstrip().endswith("…"):
            depth = 0
        yield place, kept


def leaks(texts: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Words that are neither in brackets nor data."""
    found = set()
    for place, text in outside(texts):
        for word in _WORD.findall(text.replace("\\", "")):
            plain = word.strip(".:!?…").lower()
            data = plain in KNOWN or bool(_MACHINE.fullmatch(plain))
            data = data or (word.endswith("…") and any(e.startswith(plain) for e in KNOWN))
            if re.search(r"[^\W\d_]{2}", plain) and not data:
                found.add((place, word))
    return found


def texts_of(text: str) -> list[tuple[str, str]]:
    if text.lstrip().startswith("<"):
        reader = Page()
        reader.feed(text.removeprefix('<?xml version="1.0" encoding="utf-8"?>'))
        return reader.texts
    return [("", line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years ago, a year ago, and some days ago."""
    folder = tmp_path_factory.mktemp("history")
    before = make_snapshot(routes=ROUTES[:3])
    for day in (WHOLE - timedelta(365), WHOLE, TODAY - timedelta(30), TODAY - timedelta(1)):
        write_day(before, Folder(folder), day)
    write_tables(before, folder, WHOLE)
    return folder


async def test_every_word_of_ours_comes_from_the_catalogue(
    pseudo: None, history: Path, tmp_path: Path
) -> None:
    late = SourceStatus("vrps", "vrps.json", "late", error="onzième", stale_from=1)
    target = TargetSettings(scheme="country", group="NL", family="ipv4", value=0.8, year=2035)
    feed = StandingFeed(NOW, statuses=(late,))
    past, moments = Reader(history), Moments(history, feed)
    (marks := tmp_path / "milestones.csv").write_text(f"date,name\n{WHOLE},Onzième\n")
    app = make_app(
        feed, metrics.build(feed), sample=True, past=past, moments=moments, targets=(target,),
        milestones=Milestones(ours=marks),
    )  # fmt: skip
    found: dict[str, set[tuple[str, str]]] = {}
    brackets = 0
    async with TestClient(TestServer(app)) as client:
        for number, path in enumerate((*PAGES, *OTHERS, *TROUBLED)):
            if number == len(PAGES) + len(OTHERS):
                feed.snapshot = replace(NOW, troubles=(late,), generation=9)
            asked = f"{path}{'&' if '?' in path else '?'}lang={LANGUAGE}"
            async with client.get(asked, headers={"Accept-Language": LANGUAGE}) as answer:
                assert answer.status in (200, 400, 404), (asked, await answer.text())
                assert not answer.content_type.endswith("json"), asked
                text = await answer.text()
            brackets += text.count("⟦")
            assert "Netherlands" not in text, (path, "a name in English, perhaps in brackets")
            if its := leaks(texts_of(text)):
                found[path] = its
    assert not found
    assert brackets > 1000


def test_reports_say_nothing_that_is_not_in_the_catalogue(pseudo: None) -> None:
    made = evidence_of(make_snapshot(sample=True))
    for form in ("html", "md"):
        text = forms.written(made, form, LANGUAGE)
        assert text.decode().count("⟦") > 50
        assert not leaks(texts_of(text.decode()))


class _Said(NodeVisitor):
    """The letters that a template itself has, outside of trans and calls of gettext."""

    def __init__(self) -> None:
        self.text = ""

    def visit_TemplateData(self, node: nodes.TemplateData) -> None:  # noqa: N802 - Jinja's
        self.text += node.data

    def visit_Output(self, node: nodes.Output) -> None:  # noqa: N802 - Jinja's
        for each in node.nodes:
            if isinstance(each, nodes.TemplateData):
                self.text += each.data
            elif isinstance(each, nodes.CondExpr | nodes.Const):
                self.text += " ".join(_constants(each))
            else:
                self.text += "x" if "=" in self.text[-2:] else " "
                self.visit(each)


def _constants(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from _constants(node.expr1)
        if node.expr2:
            yield from _constants(node.expr2)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.name))
def test_a_template_has_no_words_of_its_own(template: Path) -> None:
    environment: Any = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    said = _Said()
    said.visit(environment.parse(template.read_text()))
    text = re.sub(r"<style>.*?</style>", "", said.text, flags=re.DOTALL)
    attributes = re.findall(rf"(?:{'|'.join(ATTRIBUTES[:-1])})=\"([^\"]*)\"", text)
    plain = re.sub(r"<[^<>]*>", " ", text)
    for each in (plain, *attributes):
        assert not leaks([("", each)]), template.name
