"""The world map: a country's share as one of five steps of one hue, each area a link to its page.

The shapes come ready projected (Equal Earth, an equal-area projection) from ``map/world.json``,
made once by ``tools/map``, or from a TopoJSON file of the user's
(:mod:`validator.pages.topojson`). Areas too small to see are dots. An area without a figure is
hatched; the table beside the map has the same numbers. Shapes show no opinion on any territory's
status, and the map says so (:attr:`~validator.pages.chart_parts.Texts.boundaries`).
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import NamedTuple

import msgspec

from validator.pages.chart_bars import Share
from validator.pages.chart_colours import LIGHT
from validator.pages.chart_parts import (
    Cell,
    Look,
    Table,
    element,
    filled,
    identifier,
    known,
    link,
    picture,
    plain,
    stroked,
    text_width,
    titled,
    words,
    wrapped,
    write,
)
from validator.pages.charts import both

LIMITS = (0.2, 0.4, 0.6, 0.8)
"""The shares where one step of the hue ends and the next begins."""
MAP_WIDTH = 960
DOT = 21
"""The radius of a dot, in units of :class:`Shapes`."""
MOST_AREAS = 400
_PAIR = re.compile(r"(-?\d+) ?(-?\d+)")


class Shape(msgspec.Struct, frozen=True):
    """An area: an SVG path (empty: only a dot), the point that stands for it, whether it is so
    small that a dot is drawn there."""

    path: str
    x: int
    y: int
    dot: bool = False


class Shapes(msgspec.Struct, frozen=True):
    """A projected world in its own units: size, outline, land without a code, areas by code."""

    width: int
    height: int
    sphere: str
    areas: dict[str, Shape]
    other: str = ""
    about: dict[str, str] = {}
    centre: float = 0.0
    """Degrees east of the middle of the map."""
    ids: dict[str, str] = {}
    """M49 and alpha-3 codes to alpha-2, for :mod:`validator.pages.topojson`."""

    @property
    def credit(self) -> str:
        """Whose shapes these are, for the note under the map."""
        return self.about.get("credit") or self.about.get("source", "").partition(",")[0]


class MapInUse(NamedTuple):
    """The user's own map as it stands: the file, its shapes (None: those that come with the
    service), and what is wrong with it as it is now. ``generation`` counts up with every change."""

    source: str = ""
    shapes: Shapes | None = None
    problem: str = ""
    generation: int = 0


@functools.cache
def world() -> Shapes:
    """The shapes that come with the service: ISO 3166-1, and XK."""
    data = (files("validator.pages") / "map" / "world.json").read_bytes()
    return msgspec.json.decode(data, type=Shapes)


@dataclass(frozen=True, slots=True)
class Area:
    """A country or territory: its code (ISO 3166-1 alpha-2), its name, its share, its page;
    ``own`` draws an outline round it."""

    code: str
    name: str
    share: Share
    href: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class WorldMap:
    """``limits`` are four ascending shares; ``figure`` says what the shares are of. ``focus``:
    the codes of the areas that the map is zoomed to; none shows the world."""

    title: str
    text: str
    figure: str
    areas: tuple[Area, ...]
    limits: tuple[float, ...] = LIMITS
    shapes: Shapes | None = None
    focus: tuple[str, ...] = ()


def step_of(value: float, limits: tuple[float, ...]) -> int:
    """The step that a share is in, from 0: limits belong to the step above."""
    return sum(value >= limit for limit in limits)


class View(NamedTuple):
    """The part of the world that is shown, in units of :class:`Shapes`."""

    x: float
    y: float
    width: float
    height: float


@functools.lru_cache(maxsize=2 * MOST_AREAS)
def _box(shape: Shape) -> tuple[float, float, float, float]:
    """West, north, east, south of an area."""
    xs, ys = [shape.x - DOT, shape.x + DOT], [shape.y - DOT, shape.y + DOT]
    for ring in shape.path.split("M")[1:]:
        x = y = 0
        for i, (dx, dy) in enumerate(_PAIR.findall(ring)):
            x, y = (int(dx), int(dy)) if i == 0 else (x + int(dx), y + int(dy))
            xs.append(x)
            ys.append(y)
    return min(xs), min(ys), max(xs), max(ys)


def view_of(shapes: Shapes, focus: Sequence[str]) -> View:
    """The part of the world round some areas, with some of their surroundings: as wide to its
    height as the world, and no smaller than an eighth of it; the world if there are none."""
    boxes = [_box(shapes.areas[code]) for code in focus if code in shapes.areas]
    if not boxes:
        return View(0, 0, shapes.width, shapes.height)
    west, north = min(b[0] for b in boxes), min(b[1] for b in boxes)
    east, south = max(b[2] for b in boxes), max(b[3] for b in boxes)
    slant = shapes.height / shapes.width
    wide = max(1.3 * (east - west), 1.3 * (south - north) / slant, shapes.width / 8)
    wide = min(wide, float(shapes.width))
    high = wide * slant
    x = min(max((west + east - wide) / 2, 0.0), shapes.width - wide)
    y = min(max((north + south - high) / 2, 0.0), shapes.height - high)
    return View(x, y, wide, high)


def world_map(data: WorldMap, look: Look, *, legend: bool = True) -> str:
    """The map. ``legend=False`` leaves the legend and the note out, for a page that puts
    :func:`map_legend` under it, whose letters keep their size when the map is narrow."""
    shapes = data.shapes or world()
    view = view_of(shapes, data.focus)
    factor = look.width / view.width
    radius = DOT if not data.focus else max(3.0 / factor, 6.0)
    prefix = identifier(look.prefix)
    there = {area.code: area for area in data.areas}
    seen = [
        (code, shape)
        for code, shape in list(shapes.areas.items())[:MOST_AREAS]
        if _touches(_box(shape), view)
    ]
    seen.sort(key=lambda item: item[1].dot)  # dots above what they would lie under
    parts = [
        _area(_drawn(shape, radius), there.get(code), words(code, 12), data, look, prefix)
        for code, shape in seen
    ]
    own = [shape for code, shape in seen if code in there and there[code].own]
    outline = "".join(element("path", d=each.path) for each in own if each.path)
    rings = "".join(
        element("circle", cx=each.x, cy=each.y, r=f"{1.6 * radius:.3g}") for each in own if each.dot
    )
    land = element(
        "g",
        element("path", d=shapes.sphere, **filled("sea"), stroke="none")
        + element("path", d=shapes.other, **filled("map-none"))
        + "".join(parts),
        fill_rule="evenodd",
        stroke_width=f"{0.5 / factor:.3g}",
        **{k: v for k, v in stroked("ground").items() if k in ("class_", "stroke")},
    )
    marked = element("g", outline + rings, **stroked("ink", 1.4 / factor), pointer_events="none")
    height = view.height * factor
    place = f"scale({factor:.7g}) translate({-view.x:.6g} {-view.y:.6g})"
    frame = element("rect", width=look.width, height=f"{height:.6g}")
    whole = element("g", land + (marked if own else ""), transform=place)
    inside = [
        _hatch(f"{prefix}-none", 6.0 / factor),
        _hatch(f"{prefix}-key", 6.0) if legend else "",
        element("clipPath", frame, id=f"{prefix}-frame") if data.focus else "",
        element("g", whole, clip_path=f"url(#{prefix}-frame)") if data.focus else whole,
    ]
    if legend:
        drawn, height = _legend(data, look, height + 12, f"{prefix}-key")
        inside += drawn
    return picture(look, height, inside, data.title, data.text, "map")


def _touches(box: tuple[float, float, float, float], view: View) -> bool:
    west, north, east, south = box
    across = west <= view.x + view.width and east >= view.x
    return across and north <= view.y + view.height and south >= view.y


@functools.lru_cache(maxsize=4 * MOST_AREAS)
def _drawn(shape: Shape, radius: float) -> str:
    """An area's shape and dot, which are the same in every map."""
    drawn = element("path", d=shape.path) if shape.path else ""
    if shape.dot:
        name = "dot s-mark" if radius == DOT else "s-mark"
        edge = {"class_": name, "stroke": LIGHT["mark"]}
        drawn += element("circle", cx=shape.x, cy=shape.y, r=f"{radius:.3g}", **edge)
    return drawn


def _area(drawn: str, area: Area | None, code: str, data: WorldMap, look: Look, prefix: str) -> str:
    value = known(area.share.value) if area else None
    if value is None:
        colour: dict[str, str] = {"fill": f"url(#{prefix}-none)"}
    else:
        colour = filled(f"map-{step_of(value, data.limits)}")
    said = f"{words(area.name)}: {area.share.whole(look)}" if area else code
    inside = titled(said) + drawn
    shown = {"data_code": code, "data_value": plain(value)} | colour
    address = link(area.href) if area else ""
    return element("a", inside, href=address, **shown) if address else element("g", inside, **shown)


def _hatch(name: str, size: float) -> str:
    """What areas without a figure are filled with: tiles of ``size`` units."""
    ground = element("rect", width=size, height=size, **filled("map-none"))
    half, more = size / 2, size * 1.5
    path = f"M{-half:.4g} {half:.4g}L{half:.4g} {-half:.4g}M0 {size:.4g}L{size:.4g} 0"
    path += f"M{half:.4g} {more:.4g}L{more:.4g} {half:.4g}"
    lines = element("path", d=path, **stroked("not-found", size / 6))
    tile = {"width": size, "height": size, "patternUnits": "userSpaceOnUse"}
    return element("defs", element("pattern", ground + lines, id=name, **tile))


def steps_in_words(limits: tuple[float, ...], look: Look) -> list[str]:
    """What each step says of itself, the lowest first."""
    t, mark = look.texts, look.mark
    between = [
        t.between.format(low=mark(low), high=mark(high)) for low, high in itertools.pairwise(limits)
    ]
    return [t.below.format(value=mark(limits[0])), *between, t.above.format(value=mark(limits[-1]))]


def _legend(data: WorldMap, look: Look, y: float, hatch: str) -> tuple[list[str], float]:
    """The steps with their limits, no data, the note on boundaries; and where they end."""
    inside = [write(2.0, y + 12, data.figure, bold=True, room=look.width - 4.0)]
    x, y = 2.0, y + 34
    said = [*steps_in_words(data.limits, look), look.texts.no_data]
    for step, text in enumerate(said):
        wide = 24 + text_width(text, 12) + 14
        if x > 2.0 and x + wide > look.width:
            x, y = 2.0, y + 20
        colour = {"fill": f"url(#{hatch})"} if step == len(data.limits) + 1 else None
        place = {"x": x, "y": y - 11, "width": 18.0, "height": 14.0}
        inside.append(element("rect", **place, **(colour or filled(f"map-{step}"))))
        inside.append(write(x + 23, y, text, size=12))
        x += wide
    y += 8
    note = look.texts.boundaries
    if credit := (data.shapes or world()).credit:
        note += " " + look.texts.shapes.format(source=words(credit))
    for text in wrapped(note, look.width - 4.0, 11.5):
        y += 15
        inside.append(write(2.0, y, text, colour="quiet", size=11.5))
    return inside, y + 8


def map_legend(data: WorldMap, look: Look) -> str:
    """The legend as a picture of its own: its letters keep their size under a small map."""
    hatch = f"{identifier(look.prefix)}-none"
    inside, height = _legend(data, look, 2.0, hatch)
    tile = _hatch(hatch, 6.0)
    return picture(look, height, [tile, *inside], data.figure, "", "legend")


def map_figure(data: WorldMap, look: Look) -> str:
    """The map and its legend as HTML for a page: one map at every width, two legends, of which the
    page's style sheet shows one."""
    drawn = world_map(data, replace(look, width=MAP_WIDTH, sample=False), legend=False)
    under = replace(look, prefix=f"{look.prefix}-legend")
    return drawn + both(lambda look: map_legend(data, look), under)


def map_file(data: WorldMap, look: Look) -> str:
    """The map with its legend in one picture, for a file of its own."""
    return world_map(data, look if look.narrow else replace(look, width=MAP_WIDTH))


def map_table(data: WorldMap, look: Look) -> Table:
    """A row an area, by name: share, numerator, denominator."""
    t = look.texts
    rows = tuple(
        (Cell(words(area.name), area.code), *area.share.cells(look))
        for area in sorted(data.areas, key=lambda area: area.name)
    )
    return Table((t.country, t.share, t.numerator, t.denominator), rows)
