"""What groups are called in the reader's language.

Facts have the names that lists give: English, or what the user's own say. In another language a
country is called as CLDR has it (Babel brings it), by its ISO 3166-1 code; what the lists that come
with Originsight name is called as the catalogue has it, and M49's regions, if it has nothing, as
CLDR has them. Networks and groups of one's own keep their names. English pages say what the lists
say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from validator.groupings import NOBODY, Scheme
from validator.pages.facts_common import Row
from validator.pages.facts_compare import CompareFacts, Side
from validator.pages.facts_group import Belongs, GroupFacts
from validator.pages.facts_network import NetworkFacts, PrefixFacts
from validator.pages.facts_overview import Changed, ClassRow, Moved, OverviewFacts
from validator.pages.facts_week import Week
from validator.pages.phrases import LIST_NAMES, REGIONS
from validator.pages.words import Words

T = TypeVar("T")
_OTHERWISE = frozenset(("053", "419"))
"""Regions that CLDR calls by a name that means something else (Australasia, Latin America)."""


def group_name(words: Words, scheme: str, group: str, name: str) -> str:
    """What a group is called whose name in the lists is ``name``."""
    if words.language == "en":
        return name
    if scheme == Scheme.COUNTRY and group != NOBODY:
        return str(words.locale.territories.get(group, name)) if name else name
    if scheme == Scheme.ASN and group != "NONE":
        return name
    return list_name(words, name)


def list_name(words: Words, name: str) -> str:
    """A name or title that a list gives; as it is, if the list is one of the user's own."""
    if name not in LIST_NAMES and name not in REGIONS:
        return name
    code = REGIONS.get(name, "")
    if words.knows(name) or words.language == "en" or code in _OTHERWISE:
        return words.say(name)
    return str(words.locale.territories.get(code, words.say(name)))


def in_language(facts: T, words: Words) -> T:
    """Facts with all names as the reader's language has them."""
    return facts if words.language == "en" else _Named(words).of(facts)


class _Named:
    def __init__(self, words: Words) -> None:
        self._words = words

    def of(self, facts: Any) -> Any:
        match facts:
            case dict():
                return {key: self.of(each) for key, each in facts.items()}
            case Belongs(scheme, title, group, name):
                return Belongs(scheme, self._text(title), group, self._name(scheme, group, name))
            case tuple():
                return tuple(map(self.of, facts))
            case Row(scheme=scheme, group=group, name=name):
                region = self._text(facts.region)
                return replace(facts, name=self._name(scheme, group, name), region=region)
            case ClassRow():
                return replace(facts, row=self.of(facts.row))
            case Moved():
                return replace(facts, name=self._text(facts.name))
            case Changed() | Week():
                return replace(facts, movers=self.of(facts.movers))
            case Side(scheme=scheme, group=group, name=name):
                return replace(
                    facts, title=self._text(facts.title), name=self._name(scheme, group, name),
                    rows=self.of(facts.rows),
                )  # fmt: skip
            case CompareFacts():
                return replace(facts, first=self.of(facts.first), second=self.of(facts.second))
            case NetworkFacts() | PrefixFacts():
                return replace(
                    facts, country_name=self._name("country", facts.country, facts.country_name)
                )
            case GroupFacts(scheme=scheme, group=group, name=name):
                return replace(
                    facts, title=self._text(facts.title), name=self._name(scheme, group, name),
                    rows=self.of(facts.rows), parent=self.of(facts.parent),
                    peers_of=self._text(facts.peers_of), peers=self.of(facts.peers),
                    belongs=self.of(facts.belongs), members=self.of(facts.members),
                )  # fmt: skip
            case OverviewFacts():
                return replace(
                    facts, regions_title=self._text(facts.regions_title),
                    regions=self.of(facts.regions), countries=self.of(facts.countries),
                    subregions_title=self._text(facts.subregions_title),
                    subregions=self.of(facts.subregions), classes=self.of(facts.classes),
                    changed=self.of(facts.changed), week=self.of(facts.week),
                )  # fmt: skip
        return facts

    def _name(self, scheme: str, group: str, name: str) -> str:
        return group_name(self._words, scheme, group, name)

    def _text(self, name: str) -> str:
        return list_name(self._words, name)
