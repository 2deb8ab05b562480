"""Milestones over a trend: thin rules with their names above, clear of each other.

Names stand in up to three rows. Where that is too narrow for them, each rule has a number instead,
and a key under the picture has the names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from validator.pages.chart_parts import Look, element, fitted, line, text_width, titled, write
from validator.pages.chart_scales import Scale, lanes, spread

MOST_MILESTONES = 24
"""Drawn at most: the latest."""


@dataclass(frozen=True, slots=True)
class MilestoneMark:
    day: date
    name: str


def _rule(x: float, top: float, bottom: float) -> str:
    return line(x, top, x, bottom, "not-found", stroke_width=0.8)


class Rules:
    """The milestones' rules, drawn once it is known where the plot ends."""

    def __init__(self, drawn: list[tuple[float, float, str, str]]) -> None:
        self._drawn = drawn

    def __call__(self, bottom: float) -> list[str]:
        return [
            element("g", titled(said) + _rule(x, y + 4, bottom) + text)
            for x, y, said, text in self._drawn
        ]


def milestone_rules(
    milestones: Sequence[MilestoneMark], look: Look, x: Scale, right: float
) -> tuple[Rules, float, list[MilestoneMark]]:
    """The rules with their names, where the plot begins under them, and what needs a key."""
    low, high = date.fromordinal(int(x.low)), date.fromordinal(int(x.high))
    some = sorted((m for m in milestones if low <= m.day <= high), key=lambda m: m.day)
    some = some[-MOST_MILESTONES:]
    if not some:
        return Rules([]), 8.0, []
    spots = [x(float(m.day.toordinal())) for m in some]
    rows = None
    for room in (260.0, 190.0, 130.0):  # whole names if they fit, else shorter ones
        names = [fitted(m.name, room, 12) for m in some]
        spans = []
        for spot, name in zip(spots, names, strict=True):
            wide = max(text_width(name, 12), 8.0)
            start = min(max(spot - wide / 2, 2.0), look.width - wide - 2.0)
            spans.append((start, start + wide))
        rows = lanes(spans, 3)
        if rows is not None:
            break
    key: list[MilestoneMark] = []
    if rows is None or look.narrow:
        key, names = some, [str(i + 1) for i in range(len(some))]
        centres = spread(spots, 17.0, x.start, max(right, x.start))
        spans = [(c - text_width(n, 12) / 2, c) for c, n in zip(centres, names, strict=True)]
        rows = [0] * len(some)
    drawn = []
    for mark, name, spot, span, row in zip(some, names, spots, spans, rows, strict=True):
        y = 14.0 + 16.0 * row
        said = f"{look.formats.day(mark.day)}: {mark.name}"
        drawn.append((spot, y, said, write(span[0], y, name, colour="quiet", size=12)))
    return Rules(drawn), 26.0 + 16.0 * max(rows), key
