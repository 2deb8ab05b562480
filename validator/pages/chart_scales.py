"""Where things go in a picture: scales, round ticks, labels that keep clear of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from validator.pages.chart_parts import known


@dataclass(frozen=True, slots=True)
class Scale:
    """A line from values to places: ``low`` is at ``start``, ``high`` at ``end``. Values beyond
    are held at the ends; if both are the same, everything is in the middle."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        # Halved, so that the difference of two huge values is a number still.
        width = self.high / 2 - self.low / 2
        at = 0.5 if width <= 0 else (value / 2 - self.low / 2) / width
        return self.start + min(1.0, max(0.0, at)) * (self.end - self.start)


def step_of(span: float, most: int) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that divides a span into at most ``most``
    parts."""
    least = max(span / max(most, 1), 1e-9)
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1, 2, 2.5, 5, 10):
        if factor * power >= least * (1 - 1e-9):
            return factor * power
    return 10 * power


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values from ``low`` to ``high``, about ``most`` of them; none if there is no range."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    step = step_of(high - low, most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(int(first), int(last) + 1)][: 4 * most + 4]


def top_of(values: Sequence[float | None], least: float = 0.05) -> float:
    """The upper end of an axis of shares from 0: a round value at or above all; 1 at the most."""
    high = max((each for each in map(known, values) if each is not None), default=least)
    high = min(max(high, least), 1.0)
    step = step_of(high, 5)
    return min(1.0, math.ceil(high / step - 1e-9) * step)


def year_ticks(first: date, last: date, most: int) -> list[date]:
    """First days of years within a span, every 1, 2, 5 or 10 ... years."""
    years = range(first.year, last.year + 1)
    for step in (1, 2, 5, 10, 20, 50, 100, 1000):
        found = [date(y, 1, 1) for y in years if y % step == 0 and first <= date(y, 1, 1) <= last]
        if len(found) <= max(most, 1):
            return found
    return []


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, at least ``gap`` apart and in the same order, within ``low`` and
    ``high`` if they fit there at all (else they run over at ``high``). What need not move stays:
    neighbours that are too near form a block, placed where its members move least."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    blocks: list[tuple[float, int]] = []  # the wish for its first member, how many members
    for i in order:
        start, count = wanted[i], 1
        while blocks:
            before, members = blocks[-1]
            if before + members * gap <= start:
                break
            # Of the joined block, the mean of what each member wishes for the first.
            start = (before * members + (start - members * gap) * count) / (members + count)
            count += members
            blocks.pop()
        blocks.append((start, count))
    places = [start + k * gap for start, count in blocks for k in range(count)]
    ceiling = high
    for k in range(len(places) - 1, -1, -1):
        places[k] = min(places[k], ceiling)
        ceiling = places[k] - gap
    floor = low
    for k, place in enumerate(places):
        places[k] = max(place, floor)
        floor = places[k] + gap
    result = [0.0] * len(wanted)
    for place, i in zip(places, order, strict=True):
        result[i] = place
    return result


def lanes(spans: Sequence[tuple[float, float]], most: int, gap: float = 8.0) -> list[int] | None:
    """The row of each label, given where it begins and ends, so that none touches another in its
    row: the lowest row that is free. None if ``most`` rows do not hold them."""
    ends = [-math.inf] * most
    rows = [0] * len(spans)
    for i in sorted(range(len(spans)), key=lambda k: spans[k]):
        start, end = spans[i]
        free = next((row for row in range(most) if ends[row] + gap <= start), None)
        if free is None:
            return None
        rows[i], ends[free] = free, end
    return rows
