"""The language of a page or report: its words, and how numbers and days are written in it.

Strings are English in the code and go through gettext; catalogues lie in ``locale`` as ``.po``
files and are read as they are. What a catalogue does not have stays English. Names come from
strangers: :func:`isolated` makes one safe to stand in a sentence, whatever direction it is written
in.
"""

from __future__ import annotations

import functools
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from gettext import NullTranslations
from pathlib import Path
from typing import Any, NamedTuple

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from babel.messages import mofile, pofile
from babel.numbers import format_decimal, parse_pattern
from babel.support import Translations

FOLDER = Path(__file__).parent / "locale"
DOMAIN = "messages"
LANGUAGES = ("en", "ar", "es", "fr", "ru", "zh")
"""The languages of the United Nations, the one that is complete first."""
DRAFTED = frozenset(("es", "fr"))
"""Drafted by a machine, and not reviewed by a native speaker yet: their pages say so."""
_LOCALES = {"en": "en_GB"}
_LONGEST_NAME = 80
_LEFT_TO_RIGHT_MARK = "\u200e"
_LEFT_TO_RIGHT_ISOLATE, _FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2066", "\u2068", "\u2069"
_BRACES = re.compile(r"\{\w*\}")
_ISOLATES = _LEFT_TO_RIGHT_ISOLATE + _POP_ISOLATE
_WEIGHT = re.compile(r"\s*;\s*q\s*=\s*")
NOTHING = "–"
"""Shown where there is no figure."""


class Signs(NamedTuple):
    """How numbers are put together, so that a thousand of them take no time."""

    group: str
    grouped_from: int
    point: str
    percent: tuple[str, str]
    """What stands before and after the number."""
    mark: str = ""
    """Stands before a sign, so that it stays on the left of its number."""

    @classmethod
    def of(cls, locale: Locale) -> Signs:
        point = str(locale.number_symbols["latn"]["decimal"])
        grouped_from = 1000 if len(format_decimal(1234, locale=locale)) > 4 else 10_000
        pattern = locale.percent_formats[None].pattern.replace("0", "0.0", 1)
        sign = str(locale.number_symbols["latn"]["percentSign"])
        shown = parse_pattern(pattern).apply(0.123, locale).replace("%", sign)
        before, _, after = shown.partition(f"12{point}3")
        mark = _LEFT_TO_RIGHT_MARK if locale.text_direction == "rtl" else ""
        group = str(locale.number_symbols["latn"]["group"])
        return cls(group, grouped_from, point, (before, after), mark)


@dataclass(frozen=True, slots=True)
class Words:
    """One language. Use :func:`words`, which keeps them."""

    language: str
    locale: Locale
    translations: Any
    """gettext's, of Babel."""
    signs: Signs

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return str(self.locale.text_direction)

    def knows(self, message: str) -> bool:
        """Whether there is a translation of a message."""
        return str(self.translations.gettext(message)).strip(_ISOLATES) != message

    def say(self, message: str, **given: object) -> str:
        """A message in this language, with what is given put in."""
        text = str(self.translations.gettext(message))
        return text % given if given else text

    def braced(self, message: str) -> str:
        """A message whose places to fill are in braces; in English, if a translation lost one."""
        text = str(self.translations.gettext(message))
        found = (sorted(_BRACES.findall(each)) for each in (message, text))
        return text if len({*map(tuple, found)}) == 1 else message

    def count_of(self, one: str, many: str, n: int, **given: object) -> str:
        """As :meth:`say`, of a number of things; ``%(n)s`` is the number."""
        text = str(self.translations.ngettext(one, many, n))
        return text % {"n": self.count(n), **given}

    def count(self, number: float | None) -> str:
        """A count; fractions (of /48s) to one decimal."""
        if number is None:
            return NOTHING
        whole = int(number)
        text = f"{whole:,}" if whole >= self.signs.grouped_from else str(whole)
        text = text.replace(",", self.signs.group)
        if whole == number:
            return text
        shown = f"{number:,.1f}"
        return (
            text + self.signs.point + shown[-1]
            if f"{whole:,}" == shown[:-2]
            else self._slow(number)
        )

    def percent(self, share: float | None) -> str:
        """A share, fraction of 1, in per cent to one decimal."""
        if share is None:
            return NOTHING
        before, after = self.signs.percent
        return f"{before}{100 * share:.1f}{after}".replace(".", self.signs.point)

    def _slow(self, number: float) -> str:
        return str(format_decimal(number, "#,##0.0", self.locale))

    def _one_decimal(self, number: float) -> str:
        """A small number, not negative, to one decimal."""
        if number >= self.signs.grouped_from:
            return self._slow(number)
        return f"{number:.1f}".replace(".", self.signs.point)

    def points(self, points: float | None) -> str:
        """A difference of shares in percentage points (hundredths), with its sign."""
        if points is None:
            return NOTHING
        shown = self._one_decimal(abs(points))
        if not any(each in shown for each in "123456789"):
            return shown
        return self.signs.mark + ("+" if points > 0 else "−") + shown

    def plain_points(self, points: float) -> str:
        """The same without sign: a sentence says which way."""
        return self._one_decimal(abs(points))

    def day(self, day: date | str | None) -> str:
        """A day in full, as 22 November 2026."""
        if day is None:
            return NOTHING
        if isinstance(day, str):
            day = date.fromisoformat(day)
        return self._apart(str(format_date(day, "long", self.locale)))

    def short_day(self, day: date) -> str:
        """A day as 22 Nov 2026."""
        return str(format_skeleton("yMMMd", day, locale=self.locale))

    def whole_percent(self, share: float) -> str:
        """A share as a mark of an axis: without decimals that are nothing."""
        decimals = "0" if 100 * share == round(100 * share) else "0.0"
        pattern = self.locale.percent_formats[None].pattern.replace("0", decimals, 1)
        shown = str(parse_pattern(pattern).apply(share, self.locale))
        return shown.replace("%", self.signs.percent[1].strip() or "%")

    def span(self, seconds: int | None) -> str:
        """A time that has gone by, roughly: 3 hours, 6 months."""
        if seconds is None:
            return NOTHING
        return str(format_timedelta(seconds, threshold=2, locale=self.locale))

    def moment(self, seconds: int | None) -> str:
        """Unix seconds as a day and a time, UTC."""
        if not seconds:
            return NOTHING
        when = datetime.fromtimestamp(seconds, UTC)
        return self._apart(f"{format_datetime(when, 'd MMM y, HH:mm', locale=self.locale)} UTC")

    def _apart(self, text: str) -> str:
        """A day among words that may not be translated yet: it keeps its own order."""
        rtl = self.direction == "rtl"
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}" if rtl else text


class _Untranslated(NullTranslations):
    """English among lines that run from right to left: it keeps its own order."""

    def gettext(self, message: str) -> str:
        return f"{_LEFT_TO_RIGHT_ISOLATE}{message}{_POP_ISOLATE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@functools.cache
def words(language: str) -> Words:
    """A language of :data:`LANGUAGES`."""
    locale = Locale.parse(_LOCALES.get(language, language))
    file = FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    compiled = io.BytesIO()
    with file.open("rb") as opened:
        catalog = pofile.read_po(opened, locale=str(locale))
    for message in list(catalog):
        if message.id and not any(
            _strings(message.string)
        ):  # else its plurals would all be the first
            catalog.delete(message.id)
    mofile.write_mo(compiled, catalog)
    compiled.seek(0)
    translations = Translations(compiled, DOMAIN)
    if locale.text_direction == "rtl":
        translations.add_fallback(_Untranslated())
    return Words(language, locale, translations, Signs.of(locale))


def _strings(found: str | tuple[str, ...] | list[str] | None) -> Sequence[str]:
    """A translation: of a plural, each of its forms."""
    return [found or ""] if found is None or isinstance(found, str) else found


def choose(accepted: str, asked: str | None = None) -> str:
    """The language to answer in: the one asked for, else the best of an Accept-Language header (RFC
    9110 section 12.5.4), else English. What is asked for must be one of :data:`LANGUAGES`."""
    if asked is not None:
        return asked
    offers: list[tuple[float, int, str]] = []
    for number, offer in enumerate(accepted[:1000].split(",")):
        tag, *weight = _WEIGHT.split(offer.strip())
        primary = tag.partition("-")[0].lower()
        if primary in LANGUAGES:
            offers.append((-_weight(weight), number, primary))
    best = min(offers, default=(0.0, 0, LANGUAGES[0]))
    return best[2] if best[0] < 0 else LANGUAGES[0]


def _weight(given: Sequence[str]) -> float:
    try:
        return min(1.0, max(0.0, float(given[0]))) if given else 1.0
    except ValueError:
        return 0.0


def marked(message: str) -> str:
    """A message that is said elsewhere: so it is found by what gathers them for translators."""
    return message


def clean(name: str, most: int = _LONGEST_NAME) -> str:
    """A stranger's text as it may be shown: on one line, without what would turn the direction of
    the text around it, and not too long."""
    kept = "".join(
        " "
        if each in "\t\r\n"
        else ""
        if unicodedata.category(each) in ("Cc", "Cf", "Cs")
        else each
        for each in name[: most * 4]
    )
    kept = " ".join(kept.split())
    return kept if len(kept) <= most else f"{kept[: most - 1].rstrip()}…"


def isolated(name: str) -> str:
    """A stranger's text to stand in a sentence: it cannot change the order of what surrounds it."""
    return f"{_FIRST_STRONG_ISOLATE}{clean(name)}{_POP_ISOLATE}"
