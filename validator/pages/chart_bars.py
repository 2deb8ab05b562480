"""Pictures of shares side by side: the divide between classes of countries, and groups ranked.

Both stand on an axis from 0 to 100 %, so that lengths can be compared across pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validator.pages.chart_parts import (
    BOLD,
    SIZE,
    Cell,
    Look,
    Table,
    backed,
    element,
    filled,
    known,
    line,
    link,
    picture,
    plain,
    stroked,
    text_width,
    titled,
    words,
    write,
)
from validator.pages.chart_scales import Scale, spread

MOST_ROWS = 60
"""Of ranked bars and of the divide; the table has them all."""
LEFT = 2.0
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Share:
    """A share and what it is made of; ``value`` is None where there is nothing to divide by. Space
    may have fractions (of /48s)."""

    value: float | None
    numerator: float | None = None
    denominator: float | None = None

    def said(self, look: Look) -> str:
        value = known(self.value)
        return look.texts.no_data if value is None else look.share(value)

    def whole(self, look: Look) -> str:
        """With numerator and denominator."""
        if known(self.value) is None or self.numerator is None or self.denominator is None:
            return self.said(look)
        number = look.formats.number
        return f"{self.said(look)} ({number(self.numerator)} / {number(self.denominator)})"

    def cells(self, look: Look) -> tuple[Cell, Cell, Cell]:
        made = [
            Cell("" if n is None else look.formats.number(n), plain(n, exact=True))
            for n in (self.numerator, self.denominator)
        ]
        return Cell(self.said(look), plain(known(self.value))), made[0], made[1]


@dataclass(frozen=True, slots=True)
class DivideRow:
    """A class of countries: what it has pooled, what its median country has, and the mean of its
    countries weighted by their people on the Internet."""

    name: str
    pooled: Share
    median: Share
    weighted: Share
    href: str = ""


@dataclass(frozen=True, slots=True)
class Divide:
    title: str
    text: str
    rows: tuple[DivideRow, ...]


def _marker(kind: str, x: float, y: float, *, key: bool = False, **more: object) -> str:
    """Pooled: a disc; median country: a ring; people-weighted: a diamond."""
    name = f"marker {kind}" + (" key" if key else "")
    if kind == "pooled":
        return element("circle", cx=x, cy=y, r=6.0, **filled("valid", name), **more)
    if kind == "median":
        ring = {"fill": "#ffffff", "class_": f"f-ground s-ink {name}", "stroke": "#1b2026"}
        return element("circle", cx=x, cy=y, r=5.5, stroke_width=2, **ring, **more)
    shape = f"M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7-7z"
    return element("path", d=shape, **filled("series-1", name), **more)


def _hundred(scale: Scale, look: Look, top: float, bottom: float) -> list[str]:
    """Rules at 0, 25, 50, 75, 100 % with their numbers underneath. A narrow picture, whose names
    stand above their marks, has the numbers only: :func:`_short_rules` are in each row."""
    out = []
    for value in QUARTERS:
        x = scale(value)
        if not look.narrow:
            out.append(line(x, top, x, bottom, "rule"))
        anchor = {0.0: "start", 1.0: "end"}.get(value, "middle") if look.narrow else "middle"
        said = look.mark(value)
        out.append(write(x, bottom + 15, said, anchor=anchor, colour="quiet", size=12))
    return out


def _short_rules(scale: Scale, top: float, bottom: float) -> str:
    path = "".join(f"M{scale(value):.1f} {top:.1f}V{bottom:.1f}" for value in QUARTERS)
    return element("path", d=path, **stroked("rule"))


def divide(data: Divide, look: Look) -> str:
    """A row a class: three markers on one axis, joined by a line, with their values as columns at
    the right (on a narrow picture, under the name)."""
    rows = data.rows[:MOST_ROWS]
    kinds = ("pooled", "median", "weighted")
    texts = (look.texts.pooled, look.texts.median, look.texts.weighted)
    inside, x, y = [], LEFT, 16.0
    for kind, said in zip(kinds, texts, strict=True):
        wide = 16 + text_width(said) + 16
        if x > LEFT and x + wide > look.width:
            x, y = LEFT, y + 20
        inside += [_marker(kind, x + 7, y - 4, key=True), write(x + 18, y, said, colour="ink")]
        x += wide + 4
    top = y + 14
    column = 62.0
    if look.narrow:
        left, right, high = LEFT + 8, look.width - 10.0, 72.0
    else:
        widest = max((text_width(words(row.name), SIZE * BOLD) for row in rows), default=0.0)
        left = min(widest + 20, look.width * 0.36)
        right, high = look.width - 3 * column - 14, 38.0
    scale = Scale(0.0, 1.0, left, right)
    bottom = top + high * max(len(rows), 1) + 4
    inside += _hundred(scale, look, top, bottom)
    if not look.narrow:
        for k, kind in enumerate(kinds):
            inside.append(_marker(kind, right + 14 + column * (k + 0.5) + 18, y - 4, key=True))
    if not rows:
        middle = (top + bottom) / 2 + 4
        inside.append(
            write(scale(0.5), middle, look.texts.no_data, anchor="middle", colour="quiet")
        )
    for i, row in enumerate(rows):
        inside.append(_divide_row(row, top + high * i, high, scale, look, column))
    return picture(look, bottom + 24, inside, data.title, data.text, "divide")


def _divide_row(
    row: DivideRow, top: float, high: float, scale: Scale, look: Look, column: float
) -> str:
    kinds = ("pooled", "median", "weighted")
    shares = (row.pooled, row.median, row.weighted)
    texts = (look.texts.pooled, look.texts.median, look.texts.weighted)
    axis = top + (high - 20 if look.narrow else high / 2)
    values = [v for v in (known(s.value) for s in shares) if v is not None]
    out = [_short_rules(scale, axis - 14, axis + 14)] if look.narrow else []
    if values:
        ends = scale(min(values)), scale(max(values))
        out.append(line(ends[0], axis, ends[1], axis, "not-found", stroke_width=3.0))
    down = apart([None if v is None else scale(v) for v in (known(s.value) for s in shares)])
    for kind, share, said, dy in zip(kinds, shares, texts, down, strict=True):
        value = known(share.value)
        if value is not None:
            what = titled(f"{row.name}, {said}: {share.whole(look)}")
            spot = _marker(kind, scale(value), axis + dy, data_kind=kind, data_value=plain(value))
            out.append(element("g", what + spot))
    base = top + 16 if look.narrow else axis + 4
    room = look.width - 4.0 if look.narrow else scale.start - 16
    out.append(_linked(row.href, write(LEFT, base, row.name, bold=True, room=room), row.name))
    if look.narrow:
        said = "  ".join(
            f"{mark} {share.said(look)}"
            for mark, share in zip("●○◆", shares, strict=True)
            if known(share.value) is not None
        )
        said = said or look.texts.no_data
        out.append(write(LEFT, top + 34, said, colour="quiet", size=12))
    else:
        for k, share in enumerate(shares):
            x = scale.end + 14 + column * (k + 1)
            there = known(share.value) is not None
            said = share.said(look) if there else "–"
            out.append(write(x, base, said, anchor="end", colour="ink" if there else "quiet"))
    return element("g", "".join(out), data_group=words(row.name))


def apart(places: Sequence[float | None]) -> list[float]:
    """How far each marker of a row stands below the axis, so that none covers another: those that
    would touch are drawn one above the other."""
    down = [0.0] * len(places)
    order = sorted((at, i) for i, at in enumerate(places) if at is not None)
    clusters: list[list[tuple[float, int]]] = []
    for at, i in order:
        if clusters and at - clusters[-1][-1][0] < 12:
            clusters[-1].append((at, i))
        else:
            clusters.append([(at, i)])
    for cluster in clusters:
        middle = (len(cluster) - 1) / 2
        for rank, i in enumerate(sorted(i for _, i in cluster)):
            down[i] = (rank - middle) * 9.0
    return down


def _linked(href: str, inside: str, name: str) -> str:
    """The same as a link, if there is an address that may be one."""
    address = link(href)
    return element("a", inside, href=address, aria_label=words(name)) if address else inside


def divide_table(data: Divide, look: Look) -> Table:
    """A row a class: the three values, and what the pooled one is made of."""
    t = look.texts
    head = (t.group, t.pooled, t.numerator, t.denominator, t.median, t.weighted)
    rows = tuple(
        (
            Cell(words(row.name), words(row.name)),
            *row.pooled.cells(look),
            row.median.cells(look)[0],
            row.weighted.cells(look)[0],
        )
        for row in data.rows[:MOST_ROWS]
    )
    return Table(head, rows)


@dataclass(frozen=True, slots=True)
class Bar:
    """A group: its name, its share, where its page is; ``own`` is the page's own group."""

    name: str
    share: Share
    href: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """``reference`` is a value to compare with, such as the world's, and its name."""

    title: str
    text: str
    bars: tuple[Bar, ...]
    reference: tuple[str, float] | None = None


def ranked(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """The highest first; those without a value last; equals by name."""

    def key(bar: Bar) -> tuple[bool, float, str]:
        value = known(bar.share.value)
        return value is None, -(value or 0.0), bar.name

    return tuple(sorted(bars, key=key))


def ranking(data: Ranking, look: Look) -> str:
    """A bar a group, the highest first, its share at the end of it; the page's own in full colour
    and bold, the others paler; a dashed rule for the reference."""
    bars = ranked(data.bars)[:MOST_ROWS]
    widest = max((text_width(words(bar.name), SIZE * BOLD) for bar in bars), default=0.0)
    left = LEFT if look.narrow else min(widest + 16, look.width * 0.4)
    right = look.width - 70.0
    high, top = (44.0, 22.0) if look.narrow else (26.0, 22.0)
    scale = Scale(0.0, 1.0, left, right)
    bottom = top + high * max(len(bars), 1)
    inside = _hundred(scale, look, top, bottom + 2)
    reference = known(data.reference[1]) if data.reference else None
    if not bars:
        inside.append(
            write(scale(0.5), top + 20, look.texts.no_data, anchor="middle", colour="quiet")
        )
    if data.reference and reference is not None:
        said = f"{words(data.reference[0], 60)} {look.share(reference)}"
        x = scale(reference)
        half = text_width(said, 12) / 2
        at = spread([x], 0.0, half + 2, look.width - half - 2)[0]
        rule = line(x, 16.0, x, bottom + 2, "ink", stroke_dasharray="4 3", stroke_width=1.2)
        above = write(at, 12.0, said, anchor="middle", size=12)
        inside.append(element("g", rule + above, data_value=plain(reference)))
    some = any(bar.own for bar in bars)
    for i, bar in enumerate(bars):
        y = top + high * i
        value = known(bar.share.value)
        base, body = (y + 14, y + 20) if look.narrow else (y + 17, y + 4)
        room = look.width - 4.0 if look.narrow else left - 10
        name = write(LEFT, base, bar.name, bold=bar.own, room=room)
        parts = [titled(f"{bar.name}: {bar.share.whole(look)}"), _linked(bar.href, name, bar.name)]
        end = left
        if value is not None:
            end = scale(value)
            shape = {"x": left, "y": body, "width": max(end - left, 0.5), "height": 18.0}
            pale = 0.55 if some and not bar.own else None
            if look.narrow:
                parts.append(_short_rules(scale, body, body + 18))
            parts.append(element("rect", **shape, **filled("valid"), fill_opacity=pale))
        colour = "quiet" if value is None else "ink"
        said, room = bar.share.said(look), look.width - end - 8
        parts.append(backed(end + 6, body + 13, said, room=room, colour=colour, bold=bar.own))
        inside.append(
            element("g", "".join(parts), data_group=words(bar.name), data_value=plain(value))
        )
    return picture(look, bottom + 26, inside, data.title, data.text, "ranking")


def ranking_table(data: Ranking, look: Look) -> Table:
    t = look.texts
    rows = [
        (Cell(words(bar.name), words(bar.name)), *bar.share.cells(look))
        for bar in ranked(data.bars)[:MOST_ROWS]
    ]
    reference = known(data.reference[1]) if data.reference else None
    if data.reference and reference is not None:
        name = words(data.reference[0])
        rows.append((Cell(name, name), *Share(reference).cells(look)))
    return Table((t.group, t.share, t.numerator, t.denominator), tuple(rows))
