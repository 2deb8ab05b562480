"""What differs between a report as it was stored and as it was made anew, part by part: each with
its name and both values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from validator.reports.report import Report, parts_of

_NOT_MADE_ANEW = ("version", "generated", "created", "generation", "past", "day", "sample",
                  "degraded", "troubles", "formulas", "limits", "format", "tables")  # fmt: skip
"""What is of the moment, or of the software; the seals still hold it."""
_KEYS = ("id", "family", "group", "asn", "origin", "prefix", "who", "day", "source", "name", "year")


def differences(
    stored: Report, then: dict[str, Any], now: dict[str, Any], unmade: Sequence[str]
) -> Iterator[str]:
    """``unmade``: what could not be made anew of the days gone by."""
    skipped = {*_NOT_MADE_ANEW, "headline", "seals", "setting min_peers",
               "setting map_sha256"}  # fmt: skip

    def looked_at(name: str) -> bool:
        return name not in skipped and not name.removeprefix("number of ").startswith(tuple(unmade))

    stated, anew = (
        {name: part for name, part in parts_of(each) if looked_at(name)} for each in (then, now)
    )
    for name, old in stated.items():
        if name not in anew:
            yield f"{name}: does not follow from the inputs"
        else:
            yield from _unlike(name, old, anew[name])
    yield from (f"{name}: follows from the inputs and is missing" for name in anew
                if name not in stated)  # fmt: skip
    if not stored.degraded:
        # Without a history less can be said, and none of it otherwise.
        yield from (
            f"headline: the inputs say {each!r}"
            for each in now["headline"]
            if each not in stored.headline
        )


def _unlike(place: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _unlike(f"{place}: {key}", old.get(key), new.get(key))
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        yield from _unlike_lists(place, old, new)
    elif old != new and not _near(old, new):
        yield f"{place}: {_short(old)} → {_short(new)}"


def _unlike_lists(place: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
    """Entries are held against those of the same name, whatever their order."""
    then, now = (
        {called(each, n): each for n, each in enumerate(entries)} for entries in (old, new)
    )
    if len(then) < len(old) or len(now) < len(new):  # names that are no names: by their place
        then, now = (
            {f"#{n + 1}": each for n, each in enumerate(entries)} for entries in (old, new)
        )
    for name, entry in then.items():
        if name in now:
            yield from _unlike(f"{place} {name}", entry, now[name])
        else:
            yield f"{place} {name}: does not follow from the inputs"
    yield from (f"{place} {name}: follows from the inputs and is missing" for name in now
                if name not in then)  # fmt: skip
    if then.keys() == now.keys() and list(then) != list(now):
        yield f"{place}: in another order"


def _near(old: Any, new: Any) -> bool:
    """Sums of floats may differ in the last digit between machines."""
    both = isinstance(old, float) and isinstance(new, float)
    return both and abs(old - new) <= 1e-9 * max(abs(old), abs(new))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def called(entry: Any, number: int) -> str:
    """What to call an entry of a list."""
    if isinstance(entry, dict):
        said = [str(entry[key])[:60] for key in _KEYS if entry.get(key)]
        if said:
            return " ".join(said[:2])
    return f"#{number + 1}"
