"""What a group's routes and space are made of: one stacked bar each, never a pie.

Valid is plain, invalid hatched, not-found dotted, so that they are told apart without colour too.
"""

from __future__ import annotations

from dataclasses import dataclass

from validator.pages.chart_bars import LEFT, MOST_ROWS, Share
from validator.pages.chart_parts import (
    Cell,
    Look,
    Table,
    element,
    filled,
    hatch,
    identifier,
    known,
    picture,
    plain,
    text_width,
    titled,
    words,
    wrapped,
    write,
)
from validator.pages.chart_scales import Scale


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole: its name, its colour and pattern (``valid``, ``invalid``, ``not-found``),
    and its share."""

    name: str
    state: str
    share: Share


@dataclass(frozen=True, slots=True)
class Stack:
    """One bar: a name, what the whole is in words ("1,234 routes"), its parts in order."""

    name: str
    whole: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Composition:
    """``note``: what has to be known to read it, under the bars."""

    title: str
    text: str
    stacks: tuple[Stack, ...]
    note: str = ""


def _patterns(prefix: str) -> str:
    """Invalid is hatched, not-found is dotted, valid is plain: told apart without colour."""
    dot = element("circle", cx=3.0, cy=3.0, r=1.0, **filled("ground"))
    unit = {"patternUnits": "userSpaceOnUse"}
    return element(
        "defs",
        hatch(f"{prefix}-invalid")
        + element("pattern", dot, id=f"{prefix}-not-found", width=6, height=6, **unit),
    )


def _block(
    x: float, y: float, wide: float, high: float, part: Part, prefix: str, **more: object
) -> str:
    place = {"x": x, "y": y, "width": max(wide, 0.0), "height": high}
    out = element("rect", **place, **filled(part.state), **more)
    if part.state in ("invalid", "not-found"):
        out += element("rect", **place, fill=f"url(#{prefix}-{part.state})")
    return out


def composition(data: Composition, look: Look) -> str:
    """A bar for each stack, its parts in order; under it each part's sign, name and share. Shares
    that add up to more than 1 are drawn in proportion."""
    prefix = identifier(look.prefix)
    inside, y = [_patterns(prefix)], 4.0
    for stack in data.stacks[:MOST_ROWS]:
        y += 14
        inside.append(write(LEFT, y, stack.name, bold=True, room=look.width * 0.45))
        end, room = look.width - 2.0, look.width * 0.5
        inside.append(write(end, y, stack.whole, anchor="end", colour="quiet", room=room))
        y += 8
        values = [max(known(p.share.value) or 0.0, 0.0) for p in stack.parts]
        total = sum(values)
        scale = Scale(0.0, max(total, 1.0) if total else 1.0, LEFT, look.width - 2.0)
        place = {"x": LEFT, "y": y, "width": look.width - 4.0, "height": 28.0}
        inside.append(element("rect", **place, **filled("map-none")))
        begun = 0.0
        for part, value in zip(stack.parts, values, strict=True):
            a, b = scale(begun), scale(begun + value)
            begun += value
            what = titled(f"{stack.name}, {part.name}: {part.share.whole(look)}")
            shown = plain(known(part.share.value))
            gap = 1.0 if b - a > 3 else 0.0
            block = _block(a, y, b - a - gap, 28.0, part, prefix, data_value=shown)
            inside.append(element("g", what + block, data_part=words(part.name)))
        y += 28
        y = _keys(stack, inside, y, look, prefix) + 14
    if not data.stacks:
        y = 60.0
        inside.append(
            write(look.width / 2, 34.0, look.texts.no_data, anchor="middle", colour="quiet")
        )
    if data.note:
        y += 10
        for said in wrapped(data.note, look.width - 4.0, 12):
            inside.append(write(LEFT, y, said, colour="quiet", size=12))
            y += 16
    return picture(look, y, inside, data.title, f"{data.text} {data.note}".strip(), "composition")


def _keys(stack: Stack, inside: list[str], y: float, look: Look, prefix: str) -> float:
    x, y = LEFT, y + 19
    for part in stack.parts:
        said = f"{words(part.name, 40)} {part.share.said(look)}"
        wide = min(20 + text_width(said), look.width - 4.0)
        if x > LEFT and x + wide > look.width:
            x, y = LEFT, y + 20
        inside.append(_block(x, y - 11, 14.0, 14.0, part, prefix))
        inside.append(write(x + 20, y, said, room=look.width - x - 20))
        x += wide + 18
    return y


def composition_table(data: Composition, look: Look) -> Table:
    t = look.texts
    rows = tuple(
        (
            Cell(words(stack.name), words(stack.name)),
            Cell(words(part.name), part.state),
            *part.share.cells(look),
        )
        for stack in data.stacks[:MOST_ROWS]
        for part in stack.parts
    )
    return Table((t.group, t.part, t.share, t.numerator, t.denominator), rows)
