"""The events of the recent past, in order and bounded, and who asked for which of them.

:class:`EventLog` keeps the latest events as they are sent (JSON) with what filters look at. Every
event has a place, a number that counts up for ever; who follows the log keeps the place it has come
to, and is told by :meth:`EventLog.lost` if what it missed is no longer there. What is appended
comes as a :class:`Batch`, which finds the events that a filter wants by indexes of its own, so that
thousands of filters cost next to nothing where they want nothing.

Pure, and not for several threads: the event loop's alone. Batches are built in any thread.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from validator.events.kinds import GENERAL, Event, Happening, Kind
from validator.model import Prefix

KEEP = 50_000
"""Events that are kept, by default."""
MOST_STREAMS = 10_000
"""Clients that follow at a time, by default."""

_encode = msgspec.json.Encoder().encode
_ID = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,18})", re.ASCII)


class Place(NamedTuple):
    """The id of an event: ids sort as these do."""

    session: int
    generation: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read an event's id.

        Raises:
            ValueError: it is none.
        """
        found = _ID.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:80]!r} is not the id of an event, such as 1782000000-12-3")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.session}-{self.generation}-{self.number}"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """In place of events that are lost. ``id`` is that of the last of them."""

    id: str
    kind: Literal["gap"] = "gap"
    sentence: str
    reason: str


TOO_OLD = "too-old"
"""The reason of a gap: more happened since than is kept."""
RESTARTED = "restarted"
"""The reason of a gap: the service was started again, and saw nothing meanwhile."""
UNKNOWN_ID = "unknown-id"
"""The reason of a gap: the id that somebody says they saw is none of ours."""
NOT_DELIVERED = "not-delivered"
"""The reason of a gap: a receiver took nothing for so long that events for it were dropped."""
_SAID = {
    TOO_OLD: "more happened since than is kept",
    RESTARTED: "the service was started again, and saw nothing meanwhile",
    UNKNOWN_ID: "the id you gave is not that of an event here",
    NOT_DELIVERED: "they could not be delivered in time",
}


def gap(until: Place, reason: str) -> bytes:
    """The JSON of a :class:`Gap`."""
    sentence = f"Events up to {until} are lost: {_SAID[reason]}. Look up what matters to you."
    return _encode(Gap(id=str(until), sentence=sentence, reason=reason))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events somebody wants: all that fit each of the parts that are not empty.

    ``asns``: events that concern one of them. ``prefixes``: events on a prefix inside one of them,
    or above it. ``countries``: of the address block. ``states``: what a route was before, or is
    after. What concerns everybody (:data:`validator.events.kinds.GENERAL`) fits all of these; only
    ``kinds`` leaves them out, and ``many-changes`` not even that: it says what nobody was told.
    """

    asns: frozenset[int] = frozenset()
    prefixes: frozenset[Prefix] = frozenset()
    countries: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def wants(self, entry: Entry) -> bool:
        if self.kinds and entry.kind not in self.kinds:
            return entry.kind is Kind.MANY_CHANGES
        if entry.kind in GENERAL:
            return True
        return (
            (not self.asns or not self.asns.isdisjoint(entry.asns))
            and (not self.states or not self.states.isdisjoint(entry.states))
            and (not self.countries or entry.country in self.countries)
            and (not self.prefixes or any(_related(each, entry.prefix) for each in self.prefixes))
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it is kept. ``json`` has no line breaks."""

    place: Place
    kind: Kind
    prefix: Prefix | None
    asns: tuple[int, ...]
    country: str | None
    states: tuple[str, ...]
    created: int
    json: bytes

    @classmethod
    def of(cls, happening: Happening, created: int) -> Entry:
        event = happening.event
        return cls(
            Place.parse(event.id),
            event.kind,
            happening.prefix,
            happening.asns,
            event.country,
            _states(event),
            created,
            _encode(event),
        )


class Batch:
    """The events of one generation, in order, as the log takes them."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries

    @classmethod
    def of(cls, happenings: Iterable[Happening], created: int) -> Batch:
        """``created``: when the snapshot that shows them was made, Unix seconds.

        Takes up to a second for ten thousand: it builds the indexes too.
        """
        batch = cls([Entry.of(each, created) for each in happenings])
        _ = batch._general, batch._by_asn, batch._by_country, batch._by_prefix
        return batch

    def __len__(self) -> int:
        return len(self.entries)

    def wanted(self, asked: Filter) -> list[Entry]:
        """The events that a filter wants, in order."""
        if asked == _ALL:
            return list(self.entries)
        entries = self.entries
        if not (asked.asns or asked.prefixes or asked.countries):
            return [each for each in entries if asked.wants(each)]
        chosen = set(self._general)
        if asked.asns:
            chosen.update(*(self._by_asn.get(asn, ()) for asn in asked.asns))
        elif asked.prefixes:
            chosen.update(*(self._by_prefix.related(each) for each in asked.prefixes))
        else:
            chosen.update(*(self._by_country.get(each, ()) for each in asked.countries))
        return [entries[i] for i in sorted(chosen) if asked.wants(entries[i])]

    @functools.cached_property
    def _general(self) -> list[int]:
        return [i for i, each in enumerate(self.entries) if each.kind in GENERAL]

    @functools.cached_property
    def _by_asn(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for i, each in enumerate(self.entries):
            for asn in each.asns:
                found.setdefault(asn, []).append(i)
        return found

    @functools.cached_property
    def _by_country(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for i, each in enumerate(self.entries):
            if each.country is not None:
                found.setdefault(each.country, []).append(i)
        return found

    @functools.cached_property
    def _by_prefix(self) -> _PrefixIndex:
        return _PrefixIndex(self.entries)


class EventLog:
    """The ring. ``session`` is part of every id: when the service started, Unix seconds."""

    def __init__(self, session: int, keep: int = KEEP) -> None:
        self.session, self._keep = session, keep
        self._entries: list[Entry] = []
        self.first = 0
        """The place of the oldest event that is kept."""
        self._floor = Place(session, 0, 0)
        self.total = dict.fromkeys(Kind, 0)
        """How many events of each kind there have been."""

    @property
    def end(self) -> int:
        """The place that the next event will have."""
        return self.first + len(self._entries)

    def id_before(self, place: int) -> Place:
        """The id of the event before a place: who has it has seen all that came before."""
        at = min(place, self.end) - self.first - 1
        return self._entries[at].place if at >= 0 else self._floor

    def append(self, batch: Batch) -> None:
        self._entries.extend(batch.entries)
        for entry in batch.entries:
            self.total[entry.kind] += 1
        over = len(self._entries) - self._keep
        if over > 0:
            self._floor = self._entries[over - 1].place
            del self._entries[:over]
            self.first += over

    def after(self, seen: Place) -> int | None:
        """The place after an event that somebody has seen; None if events between are gone, or if
        it was none of ours (another session's, or one that has not happened)."""
        if seen < self._floor or seen > self.id_before(self.end):
            return None
        return self.first + bisect_right(self._entries, seen, key=_place)

    def read(self, place: int, most: int) -> Iterator[Entry]:
        """At most so many events from a place on that is still kept."""
        at = place - self.first
        return iter(self._entries[at : at + most])


def _place(entry: Entry) -> Place:
    return entry.place


_ALL = Filter()


def _states(event: Event) -> tuple[str, ...]:
    if event.origin is None or event.vrp is not None:
        return ()
    standings = [each.state for each in (event.before, event.after) if each is not None]
    return tuple(dict.fromkeys(standings))


def _related(asked: Prefix, of: Prefix | None) -> bool:
    return of is not None and (asked.covers(of) or of.covers(asked))


class _PrefixIndex:
    """Finds, among the prefixes of some events, those inside a given one and those above it."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._keys = sorted(
            (each.prefix, i) for i, each in enumerate(entries) if each.prefix is not None
        )
        self._at: dict[Prefix, list[int]] = {}
        for prefix, i in self._keys:
            self._at.setdefault(prefix, []).append(i)
        self._lengths = {(prefix.family, prefix.length) for prefix in self._at}

    def related(self, asked: Prefix) -> list[int]:
        value, spare = asked.high << 64 | asked.low, 128 - asked.length
        last = value | (1 << spare) - 1
        end = Prefix(asked.family, last >> 64, last & (1 << 64) - 1, 129)
        start, stop = bisect_left(self._keys, (asked, -1)), bisect_left(self._keys, (end, -1))
        found = [i for _, i in self._keys[start:stop]]
        for length in range(asked.length):
            if (asked.family, length) in self._lengths:
                cut = value >> 128 - length << 128 - length
                above = Prefix(asked.family, cut >> 64, cut & (1 << 64) - 1, length)
                found += self._at.get(above, ())
        return found
