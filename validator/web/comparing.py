"""What is compared: two groups, or one on two days, as somebody types it."""

from __future__ import annotations

import asyncio
from datetime import date

from validator.pages.facts_change import ChangeFacts
from validator.pages.facts_common import Sources
from validator.pages.page import Ask
from validator.pages.searching import LONGEST, search
from validator.pages.words import Words
from validator.web.answers import Refusal
from validator.web.contract import Parameter, query
from validator.web.page_making import PageMaker
from validator.web.past import DAY, parse_day

_SOUGHT = {"type": "string", "maxLength": 200}
_DAY_OR_NOTHING = {"anyOf": [DAY, {"type": "string", "maxLength": 0}]}
COMPARED: tuple[Parameter, ...] = (
    query("a", "a group: KE, ldc/ldc, asn/AS64496, or a name", _SOUGHT),
    query("b", "another one; empty: none", _SOUGHT),
    query("from", "the earlier of two days; empty: none", _DAY_OR_NOTHING),
    query("to", "the later; empty: none", _DAY_OR_NOTHING),
)
"""The arguments that say it."""
NAMES = tuple(each.name for each in COMPARED)


class Comparison:
    """Of one request. It is known when it has been prepared."""

    def __init__(self, maker: PageMaker) -> None:
        self._maker = maker
        self.chosen: tuple[tuple[str, str], ...] = ()
        self.days: tuple[date, ...] = ()
        self.moved: ChangeFacts | None = None

    async def prepare(self, sources: Sources, ask: Ask) -> bool:
        """
        Raises:
            Refusal: as :func:`_chosen`.
            NoSuchDay, SourceError: of the history.
        """
        self.chosen, self.days = await asyncio.to_thread(_chosen, sources, ask)
        if self.chosen and len(self.days) == 2:
            self.moved = await self._maker.between(sources, ask, self.chosen[0], self.days)
        return True


def _chosen(sources: Sources, ask: Ask) -> tuple[tuple[tuple[str, str], ...], tuple[date, ...]]:
    """The groups and the days of a comparison.

    Raises:
        Refusal: 400, a day is none, or they are the wrong way round; 404, nothing is called so.
    """
    given = {name: ask.query[name] for name in ("a", "b", "from", "to") if ask.query.get(name)}
    for name in ("a", "b"):
        if len(given.get(name, "")) > LONGEST:
            raise Refusal(400, f"{name}: give a group, in at most {LONGEST} letters")
    first, last = (parse_day(name, given.get(name)) for name in ("from", "to"))
    if first and first > (last or sources.day):
        raise Refusal(400, f"from={first} is after to={last or sources.day}")
    chosen = tuple(
        _group_called(sources, given[name], ask.words) for name in ("a", "b") if name in given
    )
    if "a" not in given or "b" in given or first is None:
        return chosen if "a" in given else (), ()
    return chosen, (first, last or sources.day)


def _group_called(sources: Sources, text: str, its: Words) -> tuple[str, str]:
    """The scheme and the group that a text names, in the language of the page too."""
    scheme, slash, group = text.partition("/")
    if slash and scheme in sources.snapshot.schemes:
        return scheme, group
    found = search(sources.snapshot, text, 1, its)
    best = found.exact or next(iter(found.found), None)
    if best is None or best.kind == "prefix":
        raise Refusal(404, f"no country, region, class or network is called {text[:80]!r}")
    if best.kind == "group":
        scheme, _, group = best.id.partition("/")
        return scheme, group
    return ("asn" if best.kind == "network" else "country"), best.id
