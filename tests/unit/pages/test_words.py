"""Languages: which one, and how numbers, days and strangers' names are written in it."""

from __future__ import annotations

import unicodedata

import pytest
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from docs.make_messages import LOCALE, TEMPLATE, gathered, text_of
from validator.pages.words import LANGUAGES, choose, clean, isolated, words


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("de, zh-Hant;q=0.5", "zh"),
        ("en;q=0.5, ru;q=0.7", "ru"),
        ("es;q=0", "en"),
        ("ar;q=x", "en"),
        ("*", "en"),
        (",;q=1,;", "en"),
    ],
)
def test_the_language_is_the_best_that_a_reader_takes(accepted: str, language: str) -> None:
    assert choose(accepted) == language
    assert choose(accepted, "es") == "es", "what is asked for comes first"


@pytest.mark.parametrize("language", LANGUAGES)
@given(number=st.integers(0, 10**13), share=st.integers(0, 1000))
def test_numbers_are_written_as_the_locale_writes_them(
    language: str, number: int, share: int
) -> None:
    its = words(language)
    assert its.count(number) == format_decimal(number, locale=its.locale)
    pattern = its.locale.percent_formats[None].pattern.replace("0", "0.0", 1)
    sign = its.locale.number_symbols["latn"]["percentSign"]  # among Arabic letters with marks
    shown = format_percent(share / 1000, pattern, its.locale).replace("%", sign)
    assert its.percent(share / 1000) == shown


def test_a_difference_has_its_sign_and_nothing_has_none() -> None:
    its = words("en")
    assert (its.points(4.04), its.points(-4.06), its.points(0.01)) == ("+4.0", "−4.1", "0.0")
    assert (its.count(None), its.percent(None), its.points(None)) == ("–", "–", "–")
    assert its.count(2.25) == "2.2"


def test_plurals_and_days_follow_the_language() -> None:
    for language in LANGUAGES:
        its = words(language)
        said = its.count_of("%(n)s fish", "%(n)s fishes", 5)  # in no catalogue
        assert said == ("\u20665 fishes\u2069" if language == "ar" else "5 fishes")
        assert "2026" in its.day("2026-11-22")
    assert words("fr").day("2026-11-22") == "22 novembre 2026"
    assert words("ar").direction == "rtl"


@given(st.text(max_size=300))
def test_a_strangers_name_is_one_short_line_that_turns_nothing(name: str) -> None:
    shown = clean(name)
    assert len(shown) <= 80
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs") for each in shown)
    assert isolated(name) == f"\u2068{shown}\u2069"


def test_the_strings_for_translators_are_up_to_date() -> None:
    assert TEMPLATE.read_bytes() == text_of(gathered()), "run: python docs/make_messages.py"
    wanted = {each.id for each in gathered() if each.id}
    assert len(wanted) > 200
    for language in LANGUAGES:
        file = LOCALE / language / "LC_MESSAGES" / "messages.po"
        with file.open("rb") as opened:
            has = {each.id for each in read_po(opened, locale=language) if each.id}
        assert has == wanted, f"{language}: run: python docs/make_messages.py"
