"""The trend: a line a family or group over the years, what happened meanwhile, where it is heading.

Days are from left to right. A line breaks where a day has no value, where an input was degraded
(with a cross on the axis), and where days are missing; a day between two breaks is a dot. Each
line's name stands at its end, with its latest value. Milestones are thin rules with their names
above, numbered with a key underneath where names would run into each other. A target is a dashed
line to its year; a projection is a pale band that says that it is linear.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from validator.pages.chart_colours import SERIES
from validator.pages.chart_milestones import MilestoneMark, milestone_rules
from validator.pages.chart_parts import (
    BOLD,
    SIZE,
    Cell,
    Look,
    Table,
    element,
    filled,
    fitted,
    known,
    line,
    picture,
    plain,
    stroked,
    text_width,
    titled,
    words,
    wrapped,
    write,
)
from validator.pages.chart_scales import Scale, spread, ticks, top_of, year_ticks

MOST_POINTS = 400
"""Drawn of one line. Of more, each stretch is thinned to the last day of equal spans of days."""
MOST_SERIES = SERIES
LEFT = 50.0
MOST_BESIDE = 0.38
"""Of the width: the names at the ends of the lines."""
_DOTS = 60
"""Points of a line that get a dot with a title of their own; the ends always do."""


@dataclass(frozen=True, slots=True)
class Point:
    """One day: a share, or None if there is none, and what it is made of."""

    day: date
    value: float | None
    numerator: int | None = None
    denominator: int | None = None
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its name, its days in order, its colour (``series-0`` …, ``valid`` …)."""

    name: str
    points: tuple[Point, ...]
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class TargetMark:
    """A share to be reached by the end of a year."""

    value: float
    year: int

    @property
    def day(self) -> date:
        return date(self.year, 12, 31)


@dataclass(frozen=True, slots=True)
class ProjectionBand:
    """Days ahead with the middle of the band and its edges, for the line ``series`` (its place)."""

    series: int
    points: tuple[tuple[date, float, float, float], ...]
    """(day, low, middle, high)"""


@dataclass(frozen=True, slots=True)
class Trend:
    """A picture's data; ``title`` and ``text`` say in words what is to be seen."""

    title: str
    text: str
    series: tuple[Series, ...]
    milestones: tuple[MilestoneMark, ...] = ()
    target: TargetMark | None = None
    projections: tuple[ProjectionBand, ...] = ()


def stretches(points: Sequence[Point]) -> list[list[tuple[Point, float]]]:
    """The runs of days that a line may join: in order, with a value, none degraded, no day further
    from the one before than three times the usual distance."""
    steps = [(b.day - a.day).days for a, b in itertools.pairwise(points)]
    longest = 3 * median(steps) if steps else 0
    runs: list[list[tuple[Point, float]]] = [[]]
    before: date | None = None
    for point in points:
        value = known(point.value)
        if before is not None and (point.day - before).days > longest:
            runs.append([])
        before = point.day
        if value is None or point.degraded:
            runs.append([])
        else:
            runs[-1].append((point, value))
    return [run for run in runs if run]


def shown(series: Series) -> list[Point]:
    """The days of a line that are drawn and stand in the table: all, or a thinned selection that
    keeps the first and the last of each stretch, and every degraded day."""
    points = sorted(series.points, key=lambda each: each.day)
    if len(points) <= MOST_POINTS:
        return points
    first, span = points[0].day, max((points[-1].day - points[0].day).days, 1)
    keep = {id(p) for p in points if p.degraded}
    for run in stretches(points):
        keep |= {id(run[0][0]), id(run[-1][0])}
    if len(keep) > MOST_POINTS:  # more breaks than can be shown: only equal spans
        keep = set()
    room = max(MOST_POINTS - len(keep), 2)
    for _, some in itertools.groupby(points, lambda p: (p.day - first).days * (room - 1) // span):
        keep.add(id(list(some)[-1]))
    return [p for p in points if id(p) in keep]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the plot lies, and its scales."""

    x: Scale
    y: Scale
    first: date
    last: date

    def at(self, day: date) -> float:
        return self.x(float(day.toordinal()))


def _latest(points: Sequence[Point]) -> tuple[Point, float] | None:
    for point in reversed(points):
        value = known(point.value)
        if value is not None and not point.degraded:
            return point, value
    return None


def _days(data: Trend, drawn: Sequence[Sequence[Point]]) -> list[date]:
    days = [p.day for points in drawn for p in points]
    days += [p[0] for band in data.projections for p in band.points]
    if data.target and days and data.target.day > min(days):
        days.append(data.target.day)
    return days


def _values(data: Trend, drawn: Sequence[Sequence[Point]]) -> list[float | None]:
    values: list[float | None] = [p.value for points in drawn for p in points]
    values += [p[3] for band in data.projections for p in band.points]
    return [*values, data.target.value if data.target else None]


def trend(data: Trend, look: Look) -> str:
    """The picture. Bounded: :data:`MOST_SERIES` lines of :data:`MOST_POINTS` days,
    :data:`MOST_MILESTONES` milestones."""
    lines = data.series[:MOST_SERIES]
    drawn = [shown(each) for each in lines]
    days = _days(data, drawn)
    if not days:
        empty = write(look.width / 2, 60.0, look.texts.no_data, anchor="middle", colour="quiet")
        return picture(look, 120, [empty], data.title, data.text, "trend")
    first, last = min(days), max(days)
    labels = [_label(each, points, look) for each, points in zip(lines, drawn, strict=True)]
    widest = max((text_width(each, SIZE * BOLD) for each in labels), default=0.0) + 10
    right = look.width - min(widest, look.width * MOST_BESIDE)
    high = 220.0 if look.narrow else 280.0
    x = Scale(float(first.toordinal()), float(last.toordinal()), LEFT, right)
    marks, top, key = milestone_rules(data.milestones, look, x, right)
    y = Scale(0.0, top_of(_values(data, drawn)), top + high, top + 6.0)
    frame = _Frame(x, y, first, last)
    inside = [*_axes(frame, look, right), *marks(y.start)]
    ends = []
    for points in drawn:
        latest = _latest(points)
        ends.append(frame.y(latest[1]) if latest else frame.y.start)
    places = spread(ends, SIZE + 4.0, frame.y.end + 4, frame.y.start)
    for band in data.projections:
        inside.append(_band(band, frame, look, _colour(lines, band.series), places))
    if data.target:
        inside.append(_target(data.target, frame, look, right))
    for i, points in enumerate(drawn):
        inside.append(_line(points, lines[i], frame, look, _colour(lines, i)))
    for i, place in enumerate(places):
        latest = _latest(drawn[i])
        if latest and frame.at(latest[0].day) < right - 12:
            x1 = frame.at(latest[0].day) + 5
            inside.append(line(x1, ends[i], right + 2, place, _colour(lines, i), stroke_width=0.6))
        inside.append(
            write(right + 6, place + 4, labels[i], colour=_colour(lines, i), bold=True,
                  room=look.width - right - 6)
        )  # fmt: skip
    bottom = frame.y.start + 30
    if any(p.degraded for points in drawn for p in points):
        inside.append(_crosses(drawn, frame))
        for said in wrapped(look.texts.degraded_days, look.width - 4.0, 12):
            inside.append(write(2.0, bottom + 10, said, colour="quiet", size=12))
            bottom += 16
        bottom += 2
    unlabelled = [b for b in data.projections if b.points and not _labelled(b.points, frame, look)]
    if unlabelled:
        swatch = {"x": 2.0, "y": bottom, "width": 16.0, "height": 12.0}
        colour = _colour(lines, unlabelled[0].series)
        inside.append(element("rect", **swatch, fill_opacity=0.3, **filled(colour)))
        inside.append(write(24.0, bottom + 10, look.texts.projection, colour="quiet", size=12))
        bottom += 18
    columns = 1 if look.narrow else 2
    rows = -(-len(key) // columns)
    for number, each in enumerate(key):
        said = f"{number + 1}  {look.formats.day(each.day)}  {words(each.name)}"
        room = look.width / columns
        x0, y0 = 2.0 + room * (number // rows), bottom + 4 + 17 * (number % rows + 1)
        inside.append(write(x0, y0, said, colour="quiet", size=12, room=room - 8))
    bottom += 17 * rows + 4
    return picture(look, bottom + 8, inside, data.title, data.text, "trend")


def _colour(lines: Sequence[Series], place: int) -> str:
    if 0 <= place < len(lines) and lines[place].colour:
        return lines[place].colour or "series-0"
    return f"series-{max(place, 0) % SERIES}"


def _label(each: Series, points: Sequence[Point], look: Look) -> str:
    latest = _latest(points)
    said = look.share(latest[1]) if latest else look.texts.no_data
    # What is too long is the name; the value stays.
    room = MOST_BESIDE * look.width - 10 - text_width(f" {said}", SIZE * BOLD)
    return f"{fitted(each.name, room, SIZE * BOLD)} {said}"


def _axes(frame: _Frame, look: Look, right: float) -> list[str]:
    out = []
    for value in ticks(0.0, frame.y.high, 5):
        y = frame.y(value)
        out.append(line(LEFT, y, right, y, "rule"))
        said = look.mark(value)
        out.append(write(LEFT - 6, y + 4, said, anchor="end", colour="quiet", size=12))
    years = year_ticks(frame.first, frame.last, 5 if look.narrow else 10)
    for day in years:
        x = frame.at(day)
        out.append(line(x, frame.y.start, x, frame.y.start + 5, "quiet"))
        said = look.formats.year(day.year)
        out.append(write(x, frame.y.start + 19, said, anchor="middle", colour="quiet", size=12))
    if not years:
        ends = {frame.first: "start", frame.last: "end"} if frame.first != frame.last else {}
        for day, anchor in (ends or {frame.first: "middle"}).items():
            said = look.formats.day(day)
            x = frame.at(day)
            out.append(write(x, frame.y.start + 19, said, anchor=anchor, colour="quiet", size=12))
    return out


def _line(points: Sequence[Point], each: Series, frame: _Frame, look: Look, colour: str) -> str:
    path, dots = [], []
    runs = stretches(points)
    drawn = [pair for run in runs for pair in run]
    titled_ones = {id(p) for p, _ in drawn} if len(drawn) <= _DOTS and not look.narrow else set()
    if drawn:
        titled_ones.add(id(drawn[-1][0]))
    for run in runs:
        spots = [(frame.at(p.day), frame.y(v)) for p, v in run]
        path.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots))
        for (p, v), (x, y) in zip(run, spots, strict=True):
            last = p is drawn[-1][0]
            if len(run) == 1 or id(p) in titled_ones:
                radius = 3.5 if last else 2.2
                said = titled(f"{each.name}, {look.formats.day(p.day)}: {_made_of(p, v, look)}")
                dots.append(element("circle", said, cx=x, cy=y, r=radius, **filled(colour)))
    numbers: dict[str, object] = {}
    if not look.narrow:  # it stands beside the wide one, which has them
        numbers["data_days"] = " ".join(p.day.isoformat() for p in points)
        numbers["data_values"] = " ".join(plain(p.value) or "-" for p in points)
    drawing = stroked(colour, 2.0) | {"stroke_linejoin": "round", "stroke_linecap": "round"}
    whole = element("path", d="".join(path), **drawing) if path else ""
    return element("g", whole + "".join(dots), data_series=words(each.name), **numbers)


def _made_of(point: Point, value: float, look: Look) -> str:
    said = look.share(value)
    if point.numerator is None or point.denominator is None:
        return said
    number = look.formats.number
    return f"{said} ({number(point.numerator)} / {number(point.denominator)})"


def _crosses(drawn: Sequence[Sequence[Point]], frame: _Frame) -> str:
    """A cross on the axis for each degraded day, one where several would touch."""
    out, before = [], -math.inf
    for day in sorted({p.day for points in drawn for p in points if p.degraded}):
        x, y = frame.at(day), frame.y.start
        if x - before >= 4:
            before = x
            out.append(f"M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6")
    return element("path", d="".join(out), **stroked("invalid", 1.5))


def _band(
    band: ProjectionBand, frame: _Frame, look: Look, colour: str, taken: Sequence[float]
) -> str:
    rows = [p for p in band.points if all(math.isfinite(v) for v in p[1:])]
    if not rows:
        return ""
    upper = [(frame.at(p[0]), frame.y(p[3])) for p in rows]
    lower = [(frame.at(p[0]), frame.y(p[1])) for p in reversed(rows)]
    middle = [(frame.at(p[0]), frame.y(p[2])) for p in rows]
    area = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in upper + lower) + "z"
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in middle)
    texts = [element("path", d=area, fill_opacity=0.16, **filled(colour))]
    texts.append(element("path", d=path, **stroked(colour, 1.5, "1 4")))
    if not _labelled(rows, frame, look):
        return element("g", "".join(texts))
    at = upper[-1][0]
    below = lower[0][1] + 16
    for place in sorted(taken):  # clear of the lines that lead to the names
        if abs(below - 4 - place) < 12:
            below = place + 18
    below = min(below, frame.y.start - 6)
    texts.append(write(at - 2, below, look.texts.projection, anchor="end", colour="quiet", size=12))
    return element("g", "".join(texts))


def _labelled(rows: Sequence[tuple[date, float, float, float]], frame: _Frame, look: Look) -> bool:
    """Whether a band is wide enough for its label; else a note under the picture has it."""
    wide = frame.at(rows[-1][0]) - frame.at(rows[0][0])
    return wide > text_width(look.texts.projection, 12)


def _target(target: TargetMark, frame: _Frame, look: Look, right: float) -> str:
    value = known(target.value)
    if value is None:
        return ""
    y, x = frame.y(value), min(frame.at(target.day), right)
    year = look.formats.year(target.year)
    said = look.texts.target.format(value=look.mark(value), year=year)
    above = y - 6 if y - 6 > frame.y.end + 4 else y + 16
    parts = [
        line(LEFT, y, x, y, "mark", stroke_width=1.5, stroke_dasharray="6 4"),
        element("path", d=f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5-5z", **filled("mark")),
        write(LEFT + 6, above, said, size=12, room=right - LEFT - 6),
    ]
    return element("g", "".join(parts), data_value=plain(value), data_year=target.year)


def trend_table(data: Trend, look: Look) -> Table:
    """The rows: line, day, share, numerator, denominator, degraded; then the milestones' days."""
    t, f = look.texts, look.formats
    rows = []
    for each in data.series[:MOST_SERIES]:
        for p in shown(each):
            value = known(p.value)
            said = t.no_data if value is None else look.share(value)
            made = [
                Cell("" if n is None else f.number(n), plain(n))
                for n in (p.numerator, p.denominator)
            ]
            rows.append((
                Cell(words(each.name), words(each.name)),
                Cell(f.day(p.day), p.day.isoformat()),
                Cell(said, plain(value)),
                *made,
                Cell(t.yes if p.degraded else "", "1" if p.degraded else "0"),
            ))  # fmt: skip
    return Table((t.group, t.day, t.share, t.numerator, t.denominator, t.degraded), tuple(rows))
