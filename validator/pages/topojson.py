"""Shapes of a user's own: a TopoJSON file, projected and cut as the map needs them.

Whoever shows a map answers for its borders, and may have to use an official set. The file's arcs
are decoded (quantised or not), its rings unwrapped and cut at the map's edge, and the points put
through the Equal Earth projection (Šavrič, Patterson and Jenny, 2018), with the same middle as the
map that comes with the service. An area's code is its ``id`` or one of its properties
(:data:`CODES`): ISO 3166-1 alpha-2, alpha-3, or the M49 number. Areas of ISO 3166-1 that the file
lacks stay on the map as dots, so that no country's figure is lost.

``python -m validator.pages.topojson PATH NAME CREDIT`` writes the shapes as JSON: so the service
reads a file (:mod:`validator.pages.own_map`).
"""

from __future__ import annotations

import hashlib
import math
import os
import resource
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from validator.model import SourceError
from validator.pages.world_map import MOST_AREAS, Shape, Shapes, world

MOST_BYTES = 16_000_000
MOST_POINTS = 1_000_000
MOST_LETTERS = 150_000
"""Of all paths together: beyond, points are rounded to a coarser grid until they fit."""
SMALL = 800
"""Square units: an area smaller than this is a dot (about 11,000 km²)."""
LEAST_RING = 60
CODES = ("ISO_A2", "ISO_A2_EH", "iso_a2", "iso2", "ISO_A3", "iso_a3", "iso3", "M49", "m49", "code")
REFUSED = 3
"""What the command ends with if there is something wrong with the file, which it then says."""
_MOST_MEMORY = 2 << 30
_MOST_CPU_SECONDS = 60
_NICE = 10
_CURE = "give a TopoJSON file of countries in degrees, with their ISO 3166-1 codes"

Ring = npt.NDArray[np.float64]
"""Points of a ring, n × 2: longitude and latitude in degrees, or units of the map."""


class _Transform(msgspec.Struct):
    scale: tuple[float, float]
    translate: tuple[float, float]


class _Geometry(msgspec.Struct):
    type: str | None = None
    id: str | int | None = None
    arcs: list[Any] = []
    properties: dict[str, Any] | None = None
    geometries: list[_Geometry] = []


class _Topology(msgspec.Struct):
    type: str
    arcs: list[list[list[float]]]
    objects: dict[str, _Geometry]
    transform: _Transform | None = None


class Refused(msgspec.Struct, frozen=True):
    """A :class:`SourceError` of the file, on its way out of the process that read it."""

    problem: str
    place: str
    cure: str


class _BrokenError(Exception):
    """What is wrong, and where: an error of the file, before its name is put to it."""

    def __init__(self, problem: str, place: str) -> None:
        super().__init__(problem)
        self.problem, self.place = problem, place


def read_topojson(path: Path | str, credit: str = "", *, name: str = "") -> Shapes:
    """The shapes of a file. Takes up to seconds of a large one. ``credit``: whose they are, by
    default the file's name; ``name``: what errors call the file, by default its path. ``about`` of
    what is returned has both, and the SHA-256 of the file.

    Raises:
        SourceError: it cannot be read, is too large, or is no TopoJSON of countries; it names the
            file and the place in it.
    """
    name = name or str(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(name, error.strerror or str(error), cure="check the path") from None
    if len(data) > MOST_BYTES:
        cure = "simplify it, for instance with topojson-simplify"
        raise SourceError(name, f"larger than {MOST_BYTES:,} bytes", cure=cure)
    try:
        topology = msgspec.json.decode(data, type=_Topology)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SourceError(name, f"not TopoJSON: {error}", cure=_CURE) from None
    try:
        shapes = _shapes(topology)
    except _BrokenError as broken:
        raise SourceError(name, broken.problem, place=broken.place, cure=_CURE) from None
    about = {
        "source": name,
        "credit": credit or Path(name).name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "projection": "Equal Earth",
    }
    return msgspec.structs.replace(shapes, about=about)


def _shapes(topology: _Topology) -> Shapes:
    if topology.type != "Topology":
        raise _BrokenError(f"its type is {topology.type[:40]!r}, not 'Topology'", "type")
    base = world()
    arcs = _arcs(topology)
    rings: dict[str, list[Ring]] = {}
    other: list[Ring] = []
    for place, geometry in _areas(topology):
        code = _code(geometry, base.ids)
        made = [
            piece
            for ring in _rings(geometry, arcs, place)
            for piece in cut(unwrapped(ring, base.centre))
        ]
        (other if code is None else rings.setdefault(code, [])).extend(made)
    if not rings:
        raise _BrokenError("no area has an ISO 3166-1 code that we know", "objects")
    if len(rings) > MOST_AREAS:
        raise _BrokenError(f"more than {MOST_AREAS} areas", "objects")
    unit = base.width / 2 / _FULL
    flat = {code: [project(ring, unit, base) for ring in some] for code, some in rings.items()}
    flat_other = [project(ring, unit, base) for ring in other]
    for grid in (1, 2, 4, 8, 16, 32):
        areas = {code: _shape(some, grid) for code, some in flat.items()}
        rest = "".join(_path(ring, grid) for ring in flat_other)
        if len(rest) + sum(len(each.path) for each in areas.values()) <= MOST_LETTERS:
            break
    else:
        raise _BrokenError("too many rings to draw, however coarse", "objects")
    for code, shape in base.areas.items():
        areas.setdefault(code, Shape("", shape.x, shape.y, dot=True))
    return msgspec.structs.replace(base, areas=areas, other=rest)


def _arcs(topology: _Topology) -> list[Ring]:
    """Each arc's points in degrees."""
    if sum(map(len, topology.arcs)) > MOST_POINTS:
        raise _BrokenError(f"more than {MOST_POINTS:,} points", "arcs")
    out = []
    for i, arc in enumerate(topology.arcs):
        try:
            points = np.array([point[:2] for point in arc], "f8").reshape(-1, 2)
        except ValueError:
            raise _BrokenError("a point is not two numbers", f"arcs[{i}]") from None
        if topology.transform:
            points = np.cumsum(points, axis=0) * topology.transform.scale
            points = points + topology.transform.translate
        fine = np.isfinite(points).all() and (np.abs(points) <= (540.0, 90.001)).all()
        if not fine:
            raise _BrokenError("a point is not in degrees on the globe", f"arcs[{i}]")
        out.append(points)
    return out


def _areas(topology: _Topology) -> Iterable[tuple[str, _Geometry]]:
    """The areas of the object ``countries``, or of the only one; with where each is."""
    if "countries" in topology.objects:
        name = "countries"
    elif len(topology.objects) == 1:
        (name,) = topology.objects
    else:
        raise _BrokenError("it has several objects, none named 'countries'", "objects")
    whole = topology.objects[name]
    some = whole.geometries if whole.type == "GeometryCollection" else [whole]
    for i, geometry in enumerate(some):
        yield f"objects.{name[:40]}.geometries[{i}]", geometry


def _code(geometry: _Geometry, ids: dict[str, str]) -> str | None:
    """The alpha-2 code of an area, if it says one."""
    said = [geometry.id, *((geometry.properties or {}).get(key) for key in CODES)]
    known = set(ids.values()) | {"XK"}
    for each in said:
        text = f"{each:03}" if isinstance(each, int) else str(each).strip().upper()
        if text in known:
            return text
        if text in ids:
            return ids[text]
    return None


def _rings(geometry: _Geometry, arcs: Sequence[Ring], place: str) -> Iterable[Ring]:
    """An area's rings in degrees, holes too."""
    if geometry.type not in ("Polygon", "MultiPolygon"):
        if geometry.type is None:
            return
        raise _BrokenError(f"{geometry.type[:40]!r} is no Polygon or MultiPolygon", place)
    polygons = [geometry.arcs] if geometry.type == "Polygon" else geometry.arcs
    for polygon in polygons:
        for ring in polygon if isinstance(polygon, list) else [polygon]:
            parts: list[Ring] = []
            for index in ring if isinstance(ring, list) else [ring]:
                if not isinstance(index, int) or not -len(arcs) <= index < len(arcs):
                    raise _BrokenError(f"there is no arc {str(index)[:40]}", place)
                arc = arcs[index] if index >= 0 else arcs[~index][::-1]
                parts.append(arc[1:] if parts else arc)
            points = np.concatenate(parts) if parts else np.empty((0, 2))
            if len(points) >= 3:
                yield points


def unwrapped(ring: Ring, centre: float) -> Ring:
    """A ring in degrees from the middle of the map, without the jump of 360 degrees where it
    crosses the antimeridian; a ring round a pole is led over it."""
    steps = np.diff(ring[:, 0], append=ring[0, 0])
    steps -= 360 * np.round(steps / 360)
    x = ring[0, 0] - centre + np.concatenate(([0.0], np.cumsum(steps)))
    y = np.append(ring[:, 1], ring[0, 1])
    if abs(x[-1] - x[0]) > 180:
        pole = math.copysign(90.0, y.mean())
        x, y = np.append(x, (x[-1], x[0])), np.append(y, (pole, pole))
    x -= 360 * np.round(((x.min() + x.max()) / 2) / 360)
    return np.column_stack((x, y))


def cut(ring: Ring) -> list[Ring]:
    """What of an unwrapped ring lies on the map, from -180 to 180 degrees from its middle: its
    copies a turn to the left and to the right too."""
    out = []
    for turn in (-360.0, 0.0, 360.0):
        piece = ring + np.array((turn, 0.0))
        if piece[:, 0].max() <= -180 or piece[:, 0].min() >= 180:
            continue
        for edge, side in ((-180.0, 1.0), (180.0, -1.0)):
            piece = _half(piece, edge, side)
            if len(piece) < 3:
                break
        else:
            out.append(piece)
    return out


def _half(ring: Ring, edge: float, side: float) -> Ring:
    """The part of a ring on one side of a meridian (Sutherland and Hodgman, 1974)."""
    inside = (ring[:, 0] - edge) * side >= 0
    if inside.all():
        return ring
    out: list[tuple[float, float]] = []
    before, was = ring[-1], bool(inside[-1])
    for point, here in zip(ring, inside.tolist(), strict=True):
        if here != was:
            part = (edge - before[0]) / (point[0] - before[0])
            out.append((edge, float(before[1] + part * (point[1] - before[1]))))
        if here:
            out.append((float(point[0]), float(point[1])))
        before, was = point, here
    return np.array(out, "f8").reshape(-1, 2)


_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = math.sqrt(3) / 2
_FULL = math.pi / (_M * _A1)
"""Half the width of the projected globe of radius 1."""


def equal_earth(ring: Ring) -> Ring:
    """Degrees from the middle to the plane, of a globe of radius 1; y grows to the north."""
    theta = np.arcsin(_M * np.sin(np.radians(np.clip(ring[:, 1], -90, 90))))
    square = theta * theta
    sixth = square * square * square
    bend = _A1 + 3 * _A2 * square + sixth * (7 * _A3 + 9 * _A4 * square)
    x = np.radians(ring[:, 0]) * np.cos(theta) / (_M * bend)
    y = theta * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))
    return np.column_stack((x, y))


def project(ring: Ring, unit: float, base: Shapes) -> Ring:
    """A ring in units of the map, y downwards. Long edges get points between: a meridian bends."""
    following = np.roll(ring, -1, axis=0)
    longest = np.abs(following - ring).max(axis=1)
    pieces = np.minimum(np.ceil(longest / 2.0), 360).astype(int).clip(1)
    start = np.repeat(np.arange(len(ring)), pieces)
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    part = (within / pieces[start])[:, None]
    dense = ring[start] * (1 - part) + following[start] * part
    flat = equal_earth(dense) * (unit, -unit)
    placed: Ring = flat + np.array((base.width / 2, base.height / 2))
    return placed


def _rounded(ring: Ring, grid: int) -> npt.NDArray[Any]:
    """On the grid, without points that repeat or lie on the line between their neighbours."""
    points = (np.round(ring / grid) * grid).astype("i8")
    points = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
    if len(points) < 3:
        return np.empty((0, 2), "i8")
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turns: npt.NDArray[Any] = points[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
    return turns


def _path(ring: Ring, grid: int) -> str:
    points = _rounded(ring, grid)
    if len(points) < 3 or abs(area_of(points)) < LEAST_RING:
        return ""
    steps = " ".join(f"{x} {y}" for x, y in np.diff(points, axis=0).tolist()).replace(" -", "-")
    return f"M{points[0, 0]} {points[0, 1]}l{steps}z"


def area_of(ring: npt.NDArray[Any]) -> float:
    """The area of a ring, with its sign."""
    x, y = ring[:, 0].astype("f8"), ring[:, 1].astype("f8")
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def _centroid(ring: Ring) -> tuple[int, int]:
    x, y = ring[:, 0], ring[:, 1]
    cross = x * np.roll(y, -1) - y * np.roll(x, -1)
    area = cross.sum() * 3
    if abs(area) < 1e-6:
        return round(float(x.mean())), round(float(y.mean()))
    along = ((x + np.roll(x, -1)) * cross).sum() / area
    down = ((y + np.roll(y, -1)) * cross).sum() / area
    return round(float(along)), round(float(down))


def _shape(rings: Sequence[Ring], grid: int) -> Shape:
    areas = [area_of(ring) for ring in rings]
    if not rings:
        return Shape("", 0, 0)
    largest = rings[int(np.argmax(np.abs(areas)))]
    x, y = _centroid(largest)
    path = "".join(_path(ring, grid) for ring in rings)
    return Shape(path, x, y, dot=abs(sum(areas)) < SMALL)


def _main(path: str, name: str, credit: str) -> int:
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_SECONDS, _MOST_CPU_SECONDS))
    try:
        answer: Shapes | Refused = read_topojson(path, credit, name=name)
    except SourceError as error:
        answer = Refused(error.problem, error.place, error.cure)
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return REFUSED if isinstance(answer, Refused) else 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:4]))
