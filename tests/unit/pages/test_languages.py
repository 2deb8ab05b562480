"""Names in the reader's language, and translations that fill the same places as what they
translate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel import Locale
from babel.messages import Message
from babel.messages.pofile import read_po

from docs.make_messages import LOCALE
from tests.feeds import make_snapshot
from validator.groupings import TITLES
from validator.model import Family, Prefix
from validator.pages.facts_common import Sources
from validator.pages.facts_group import group_facts
from validator.pages.facts_network import network_facts
from validator.pages.facts_overview import overview_facts
from validator.pages.naming import group_name, in_language, list_name
from validator.pages.phrases import LIST_NAMES, REGIONS
from validator.pages.words import LANGUAGES, words
from validator.planning.fixes import Advice, advice_text

GROUPS = Path(__file__).parents[3] / "config" / "groups"
_PLACES = re.compile(r"%\(\w+\)s|\{\w*\}|%%")


def listed() -> Iterator[tuple[str, str]]:
    """The names and titles that our lists give, with the code of a group."""
    for file in GROUPS.glob("*.csv"):
        text = file.read_text()
        for kind, code, name in re.findall(
            r"^# (title|others|group): (?:(\S+) = )?(.*)$", text, re.M
        ):
            yield (code if kind == "group" else ""), name


def test_every_name_that_our_lists_give_is_in_the_catalogue() -> None:
    names = {*listed(), *(("", title) for title in TITLES.values())}
    assert {name for _, name in names} <= LIST_NAMES | REGIONS.keys()
    for code, name in names:
        if code.isdigit():
            assert REGIONS[name] == code


def test_countries_and_regions_are_called_as_the_reader_calls_them() -> None:
    french, arabic = words("fr"), words("ar")
    assert group_name(french, "country", "NL", "Netherlands") == "Pays-Bas"
    assert group_name(arabic, "country", "KE", "Kenya") == "كينيا"
    assert list_name(words("ru"), "Eastern Africa") == "Восточная Африка"
    assert list_name(words("zh"), "Australia and New Zealand") != "澳大拉西亚", "another region"


def test_english_and_what_is_not_ours_stays_as_it_is() -> None:
    for language in LANGUAGES:
        its = words(language)
        assert group_name(its, "asn", "AS64496", "Africa") == "Africa", "a network of that name"
        assert group_name(its, "custom-ours", "us", "valid") == "valid", "a word of the catalogue"
        assert group_name(its, "country", "QQ", "Nowhere") == "Nowhere"
        assert group_name(its, "country", "KE", "") == "", "no name is made up"
    assert group_name(words("en"), "country", "TR", "Türkiye") == "Türkiye"


def test_every_group_of_a_page_is_named_and_no_figure_changes() -> None:
    sources, its = Sources(make_snapshot()), words("fr")
    facts = group_facts(sources, "country", "NL", Family.IPV4)
    named = in_language(facts, its)
    assert (named.label, named.row.label) == ("Pays-Bas", "Pays-Bas")
    assert [row.figures for row in named.rows.values()] == [r.figures for r in facts.rows.values()]
    assert [each.name for each in named.belongs] == ["Europe"]
    world = in_language(overview_facts(sources, Family.IPV4), its)
    assert {"Pays-Bas"} <= {row.label for row in world.countries}
    assert in_language(network_facts(sources, 64496), its).country_name == "Pays-Bas"
    assert in_language(facts, words("en")) is facts


def messages(language: str) -> list[Message]:
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return [each for each in read_po(file, locale=language) if each.id]


def forms(given: object) -> list[str]:
    return [given] if isinstance(given, str) else list(given)  # type: ignore[call-overload]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_the_places_of_what_it_translates(language: str) -> None:
    for message in messages(language):
        wanted = {tuple(sorted(_PLACES.findall(each))) for each in forms(message.id)}
        for said in forms(message.string):
            if said:
                assert tuple(sorted(_PLACES.findall(said))) in wanted, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plural_is_translated_in_all_its_forms_or_not_at_all(language: str) -> None:
    count = {"en": 2, "fr": 2, "es": 2, "ru": 3, "ar": 6, "zh": 1}[language]
    for message in messages(language):
        if not isinstance(message.id, str):
            said = forms(message.string)
            assert not any(said) or (all(said) and len(said) == count), message.id


def test_a_translation_that_loses_a_place_in_braces_is_left_in_english() -> None:
    prefix = Prefix.parse("192.0.2.0/24")
    for lost in (lambda text: text.replace("{asn}", ""), lambda text: f"{text} {{more}}"):
        its = words("fr")
        said = type(its)(its.language, its.locale, _Translations(lost), its.signs)
        text = advice_text(Advice.CREATE_ROA, prefix, 64496, 0, said.braced)
        assert text == advice_text(Advice.CREATE_ROA, prefix, 64496, 0)


class _Translations:
    def __init__(self, gettext: object) -> None:
        self.gettext = gettext


def test_numbers_and_days_are_in_digits_that_stay_numbers_wherever_they_are_copied_to() -> None:
    for language in LANGUAGES:
        its = words(language)
        assert Locale.parse(language).number_symbols["latn"]
        for text in (its.count(12345), its.percent(0.5), its.points(-3.25), its.whole_percent(0.5),
                     its.day("2026-11-22"), its.moment(1_790_000_000), its.span(7200)):  # fmt: skip
            assert re.findall(r"\d", text) == re.findall(r"[0-9]", text), language
