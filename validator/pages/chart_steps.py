"""Pictures of who makes a difference: the cumulative step curve, and the waterfall of a change.

The curve says how far a group would get if its networks did their part, the largest gain first.
The waterfall says what made a share what it is now: it goes from then to now, and its bars add up
exactly, since what is not named is one bar of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from validator.pages.chart_parts import (
    SIZE,
    Cell,
    Look,
    Table,
    element,
    filled,
    hatch,
    identifier,
    known,
    line,
    picture,
    plain,
    stroked,
    text_width,
    titled,
    words,
    write,
)
from validator.pages.chart_scales import Scale, ticks

MOST_STEPS = 200
LABELLED = 5
"""Steps of a curve, and causes of a change, that are named in the picture."""


@dataclass(frozen=True, slots=True)
class Step:
    """A network: what it would add to the share if it did its part, and its routes that would."""

    name: str
    gain: float
    routes: int | None = None


@dataclass(frozen=True, slots=True)
class StepCurve:
    """``start`` is the share today; ``goal`` the name and the share of what it is
    compared with; ``steps`` are in the order in which they are taken. All shares, 0 to 1."""

    title: str
    text: str
    start: float
    steps: tuple[Step, ...]
    goal: tuple[str, float] | None = None


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def levels(data: StepCurve) -> list[float]:
    """The share after each step, at most :data:`MOST_STEPS`."""
    at, out = _finite(data.start), []
    for step in data.steps[:MOST_STEPS]:
        at += _finite(step.gain)
        out.append(at)
    return out


def step_curve(data: StepCurve, look: Look) -> str:
    """One riser a network, the first five named; under a narrow picture the names are a key."""
    steps, after = data.steps[:MOST_STEPS], levels(data)
    if not steps:
        empty = write(look.width / 2, 60.0, look.texts.no_data, anchor="middle", colour="quiet")
        return picture(look, 120, [empty], data.title, data.text, "steps")
    named = [_named(i, steps[i], look) for i in range(min(LABELLED, len(steps)))]
    beside = 0.0 if look.narrow else min(max(text_width(n) for n in named) + 12, look.width * 0.4)
    # Names stand to the right of their risers, under the curve: room for the last of them.
    left, right, top = 52.0, look.width - 12.0, 12.0
    x = Scale(0.0, float(max(len(steps), 8)), left, right)
    if x(float(len(named))) + beside > right:
        x = Scale(0.0, float(len(steps)), left, max(right - beside, left + 120))
    goal = known(data.goal[1]) if data.goal else None
    low, high = _finite(data.start), max(after)
    high = max(high, goal if goal is not None else high, low + 5e-3)
    y = Scale(low, high + (high - low) * 0.04, top + (220.0 if look.narrow else 260.0), top)
    inside = _share_axis(y, left, right, look)
    path = f"M{x(0.0):.1f} {y(low):.1f}"
    for i, level in enumerate(after):
        path += f"V{y(level):.1f}H{x(i + 1.0):.1f}"
    closed = element("path", d=f"{path}V{y.start:.1f}H{left:.1f}z", fill_opacity=0.14,
                     **filled("valid"))  # fmt: skip
    values = " ".join(plain(_finite(step.gain)) for step in steps)
    levels_said = " ".join(plain(level) for level in after)
    inside.append(
        element("g", closed + element("path", d=path, **stroked("valid", 2.0)),
                data_values=values, data_levels=levels_said, data_start=plain(low))
    )  # fmt: skip
    befores = [low, *after]
    middles = [(y(befores[i]) + y(after[i])) / 2 for i in range(len(named))]
    bottom = y.start + 20
    said = look.texts.networks
    inside.append(write(right, bottom, said, anchor="end", colour="quiet", size=12))
    bottom += 10
    clear = [max(middle, y(after[i]) + 12) for i, middle in enumerate(middles)]
    places = _below(clear, SIZE + 5.0)
    direct = not look.narrow and places[0] < y.start - 4
    if data.goal and goal is not None and low <= goal:
        said = f"{words(data.goal[0], 60)} {look.share(goal)}"
        wide = min(text_width(said, 12), right - left)
        taken = [
            (x(float(i)) + 16 + text_width(text), place)
            for i, (text, place) in enumerate(zip(named, places, strict=True))
        ]
        risen = max((level for i, level in enumerate(after) if x(i) < left + wide + 8), default=low)
        at = _beside_goal(y(goal), y.start, right - wide, taken if direct else [])
        begin = left
        for i, (end, down) in enumerate(taken if direct else []):
            if abs(y(goal) - down) < SIZE / 2 + 2:  # not through a network's name
                inside.append(_goal_line(begin, x(float(i)) + 12, y(goal)))
                begin = end + 4
        inside.append(_goal_line(begin, right, y(goal)))
        inside.append(
            write(left + 4, y(goal) - 5, said, size=12, room=right - left)
            if risen < goal  # there the curve is lower than the line
            else write(right - 4, at, said, anchor="end", size=12, room=right - left)
        )
    for i, text in enumerate(named):
        spot = x(float(i))
        about = titled(f"{words(steps[i].name)}: {look.points(_finite(steps[i].gain))}")
        if not direct:
            mark = element("circle", about, cx=spot, cy=y(after[i]), r=3.5, **filled("ink"))
            inside.append(mark)
            bottom += 17
            inside.append(write(2.0, bottom, text, size=12, room=look.width - 4.0))
            continue
        at = spot + 16
        rule = line(spot + 2, middles[i], at - 3, places[i], "quiet", stroke_width=0.7)
        dot = element("circle", cx=spot, cy=middles[i], r=3.0, **filled("ink"))
        label = write(at, places[i] + 4, text, room=look.width - at - 4)
        inside.append(element("g", about + rule + dot + label))
    return picture(look, bottom + 10, inside, data.title, data.text, "steps")


def _below(middles: Sequence[float], gap: float) -> list[float]:
    """Where the names stand, the first the lowest: level with their risers or lower, where the
    area under the curve is free."""
    places, ceiling = [], -math.inf
    for middle in reversed(middles):
        ceiling = max(middle, ceiling + gap)
        places.append(ceiling)
    return places[::-1]


def _goal_line(begin: float, end: float, y: float) -> str:
    return line(begin, y, end, y, "mark", stroke_dasharray="6 4") if end > begin else ""


def _beside_goal(
    goal: float, bottom: float, start: float, taken: Sequence[tuple[float, float]]
) -> float:
    """Where what a goal is called stands at the right end of its line: under it or over it, where
    no network's name is. ``taken``: where each of these ends, and how far down it stands."""
    for at in (goal + 14, goal - 5):
        if at < bottom and all(end < start or abs(at - 4 - down) > SIZE for end, down in taken):
            return at
    return goal - 5


def _named(place: int, step: Step, look: Look) -> str:
    return f"{place + 1}  {words(step.name, 60)}  {look.points(_finite(step.gain))}"


def _share_axis(y: Scale, left: float, right: float, look: Look) -> list[str]:
    out = []
    for value in ticks(y.low, y.high, 5):
        place = y(value)
        out.append(line(left, place, right, place, "rule"))
        said = look.mark(value)
        out.append(write(left - 6, place + 4, said, anchor="end", colour="quiet", size=12))
    return out


def step_table(data: StepCurve, look: Look) -> Table:
    """A row a network: routes, gain, share after it."""
    t, f = look.texts, look.formats
    rows = tuple(
        (
            Cell(words(step.name), words(step.name)),
            Cell("" if step.routes is None else f.number(step.routes), plain(step.routes)),
            Cell(look.points(_finite(step.gain)), plain(_finite(step.gain))),
            Cell(look.share(level), plain(level)),
        )
        for step, level in zip(data.steps, levels(data), strict=False)
    )
    return Table((t.network, t.routes, t.gain, t.share_after), rows)


@dataclass(frozen=True, slots=True)
class Cause:
    """What moved the share, by how much of it."""

    name: str
    by: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A share then and now, with how the two moments are named, and what moved it."""

    title: str
    text: str
    then: float
    now: float
    then_name: str
    now_name: str
    causes: tuple[Cause, ...]


def named_causes(data: Waterfall, look: Look) -> list[Cause]:
    """The five largest causes, then the rest as one, so that all add up to the change."""
    causes = [each for each in data.causes if math.isfinite(each.by) and each.by]
    largest = sorted(causes, key=lambda each: -abs(each.by))
    shown, others = largest[:LABELLED], len(largest) - LABELLED
    rest = _finite(data.now) - _finite(data.then) - sum(each.by for each in shown)
    if others > 0 or abs(rest) > 1e-9:
        number = look.formats.number(max(others, 0))
        name = look.texts.others.format(number=number) if others > 0 else look.texts.rest
        shown.append(Cause(name, rest))
    return shown


def waterfall(data: Waterfall, look: Look) -> str:
    """Rows from then to now; a bar to the right raised the share, one to the left (hatched)
    lowered it; the value of each with its sign beside it."""
    prefix = identifier(look.prefix)
    causes = named_causes(data, look)
    edges = [_finite(data.then)]
    for each in causes:
        edges.append(edges[-1] + each.by)
    edges[-1] = _finite(data.now) if causes else edges[-1]
    low, high = min(*edges, _finite(data.now)), max(*edges, _finite(data.now))
    pad = max((high - low) * 0.08, 1e-3)
    widest = max((text_width(words(each.name)) for each in causes), default=0.0)
    widest = max(widest, *(text_width(n, SIZE * 1.1) for n in (data.then_name, data.now_name)))
    left = 2.0 if look.narrow else min(widest + 14, look.width * 0.42)
    x = Scale(low - pad, high + pad, left + 4, look.width - 66.0)
    high_row, y = (42.0, 4.0) if look.narrow else (28.0, 4.0)
    inside = [element("defs", hatch(f"{prefix}-down"))]
    inside.append(_moment(data.then_name, data.then, x, y, look, left))
    for i, each in enumerate(causes):
        y += high_row
        a, b = x(edges[i]), x(edges[i + 1])
        body = y + 20 if look.narrow else y + 4
        base = y + 14 if look.narrow else y + 17
        room = look.width - 4.0 if look.narrow else left - 10
        up = each.by >= 0
        place = {"x": min(a, b), "y": body, "width": max(abs(b - a), 1.0), "height": 18.0}
        bar = element("rect", **place, **filled("valid" if up else "invalid"))
        bar += "" if up else element("rect", **place, fill=f"url(#{prefix}-down)")
        joint = "" if look.narrow else line(a, y - 6, a, body, "quiet", stroke_dasharray="2 2")
        said = look.points(each.by)
        parts = [
            titled(f"{words(each.name)}: {said}"),
            write(2.0, base, each.name, room=room),
            joint,
            bar,
            write(max(a, b) + 6, body + 13, said),
        ]
        inside.append(
            element("g", "".join(parts), data_cause=words(each.name), data_value=plain(each.by))
        )
    y += high_row
    inside.append(_moment(data.now_name, data.now, x, y, look, left))
    return picture(look, y + high_row + 4, inside, data.title, data.text, "waterfall")


def _moment(name: str, value: float, x: Scale, y: float, look: Look, left: float) -> str:
    """Then or now: a mark on the axis with the share in words."""
    body = y + 20 if look.narrow else y + 4
    base = y + 14 if look.narrow else y + 17
    place = x(_finite(value))
    room = look.width - 4.0 if look.narrow else left - 10
    return element(
        "g",
        write(2.0, base, name, bold=True, room=room)
        + element("rect", x=place - 2, y=body, width=4.0, height=18.0, **filled("ink"))
        + write(place + 8, body + 13, look.share(_finite(value)), bold=True),
        data_value=plain(_finite(value)),
    )


def waterfall_table(data: Waterfall, look: Look) -> Table:
    """Then, each cause, now: the change in points and the share it left."""
    at = _finite(data.then)
    rows = [(Cell(words(data.then_name), ""), Cell("", ""), Cell(look.share(at), plain(at)))]
    for each in named_causes(data, look):
        at += each.by
        name = Cell(words(each.name), words(each.name))
        rows.append(
            (name, Cell(look.points(each.by), plain(each.by)), Cell(look.share(at), plain(at)))
        )
    now = _finite(data.now)
    rows.append((Cell(words(data.now_name), ""), Cell("", ""), Cell(look.share(now), plain(now))))
    return Table((look.texts.cause, look.texts.change, look.texts.share_after), tuple(rows))
