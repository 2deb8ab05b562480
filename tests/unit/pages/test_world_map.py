"""The map: every country once, five steps, hatch and dots; and shapes of a user's own."""

from __future__ import annotations

import csv
import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validator.model import SourceError
from validator.pages.charts import NARROW, Look, Share, standalone
from validator.pages.topojson import area_of, cut, equal_earth, read_topojson, unwrapped
from validator.pages.world_map import (
    Area,
    Shapes,
    WorldMap,
    map_figure,
    map_legend,
    map_table,
    step_of,
    steps_in_words,
    view_of,
    world,
    world_map,
)

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
LOOK = Look(prefix="m", width=960)


def countries() -> dict[str, str]:
    """ISO 3166-1's areas and Kosovo, by the list that the service groups countries by."""
    lines = (ROOT / "config/groups/country.csv").read_text().splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {r["country"]: r["name"] for r in rows if r["m49"] or r["country"] == "XK"}


def drawn(shares: dict[str, float | None], **more: Any) -> WorldMap:
    areas = tuple(Area(c, f"Land {c}", Share(s), f"/country/{c}") for c, s in shares.items())
    return WorldMap("title", "text", "valid share", areas, **more)


def bounds(path: str) -> tuple[float, float, float, float]:
    """Of a path of absolute moves and relative lines."""
    xs, ys = [], []
    for piece in path.split("M")[1:]:
        x, y = 0, 0
        for i, (a, b) in enumerate(re.findall(r"(-?\d+)[ ]?(-?\d+)", piece)):
            x, y = (int(a), int(b)) if i == 0 else (x + int(a), y + int(b))
            xs.append(x)
            ys.append(y)
    return min(xs), min(ys), max(xs), max(ys)


def test_every_country_and_territory_is_there_with_a_shape_or_a_dot() -> None:
    shapes = world()
    assert set(shapes.areas) == set(countries())
    for code, shape in shapes.areas.items():
        assert shape.path or shape.dot, code
        assert 0 <= shape.x <= shapes.width, code
        assert 0 <= shape.y <= shapes.height, code
    assert {"SG", "MT", "TV", "GI"} <= {c for c, s in shapes.areas.items() if s.dot}
    assert not shapes.areas["KE"].dot


def test_no_area_is_smeared_across_the_antimeridian() -> None:
    for code, shape in world().areas.items():
        if shape.path and code != "AQ":
            for piece in shape.path.split("M")[1:]:
                west, _, east, _ = bounds("M" + piece)
                assert east - west < 5000, code


def test_dots_keep_apart() -> None:
    dots = [(s.x, s.y) for s in world().areas.values() if s.dot]
    least = min(math.dist(a, b) for i, a in enumerate(dots) for b in dots[:i])
    assert least >= 40


def test_the_map_fits_into_a_page_and_says_where_its_shapes_are_from() -> None:
    file = ROOT / "validator/pages/map/world.json"
    assert file.stat().st_size <= 150_000
    assert "public domain" in world().about["licence"]
    figure = map_figure(drawn(dict.fromkeys(countries(), 0.5)), LOOK)
    assert len(figure.encode()) <= 170_000


def test_each_area_is_one_link_with_its_name_and_share() -> None:
    svg = world_map(drawn(dict.fromkeys(countries(), 0.25)), LOOK)
    root = ET.fromstring(svg)
    links = list(root.iter(f"{SVG}a"))
    assert sorted(each.get("href", "") for each in links) == sorted(
        f"/country/{code}" for code in countries()
    )
    assert {each.get("data-value") for each in links} == {"0.25"}
    titles = {each.findtext(f"{SVG}title") for each in links}
    assert "Land KE: 25.0 %" in titles
    assert root.get("role") == "group"


def test_an_area_without_a_figure_is_hatched() -> None:
    root = ET.fromstring(world_map(drawn({"KE": None, "FR": 0.9}), LOOK))
    fills = {each.get("data-code"): each.get("fill") for each in root.iter()}
    assert fills["KE"] == fills["BR"] == "url(#m-none)"
    assert fills["FR"] == "#0b3c7a"


def test_limits_belong_to_the_step_above_and_are_printed() -> None:
    limits = (0.2, 0.4, 0.6, 0.8)
    assert [step_of(v, limits) for v in (0.0, 0.2, 0.39, 0.8, 1.0)] == [0, 1, 1, 4, 4]
    said = steps_in_words(limits, LOOK)
    assert said == ["under 20 %", "20 % to 40 %", "40 % to 60 %", "60 % to 80 %", "80 % or more"]
    legend = map_legend(drawn({}), Look(prefix="m", width=NARROW))
    assert all(each in legend for each in said)
    assert "no opinion" in legend


def test_the_table_beside_the_map_has_its_numbers() -> None:
    data = drawn({"KE": 0.123456789, "FR": None})
    said = {row[0].value: row[1].value for row in map_table(data, LOOK).rows}
    found = ET.fromstring(world_map(data, LOOK)).iter(f"{SVG}a")
    assert {each.get("data-code"): each.get("data-value") for each in found} == said


def test_a_map_as_a_file_has_no_links_and_marks_a_sample() -> None:
    data = drawn({"KE": 0.5})
    file = standalone(world_map(data, Look(prefix="m", width=960, sample=True)), "dark")
    assert ET.fromstring(file).tag == f"{SVG}svg"
    assert "href" not in file
    assert "SAMPLE" in file


def test_hostile_names_and_codes_are_inert_on_the_map() -> None:
    bad = '"><script>alert(1)</script>'
    areas = (
        Area("KE", bad, Share(0.5), "javascript:alert(1)"),
        Area(bad, bad, Share(float("nan"))),
    )
    svg = world_map(WorldMap(bad, bad, bad, areas), Look(prefix=bad))
    ET.fromstring(svg)
    assert "<script" not in svg
    assert "javascript" not in svg


# ------------------------------------------------------------------------- shapes of a user's own


def topology(**more: Any) -> dict[str, Any]:
    """Two squares of ten degrees that share a side, and one across the antimeridian."""
    whole: dict[str, Any] = {
        "type": "Topology",
        "arcs": [
            [[10, 0], [10, 10]],
            [[10, 10], [0, 10], [0, 0], [10, 0]],
            [[10, 10], [20, 10], [20, 0], [10, 0]],
            [[-174, 0], [-174, 10], [-164, 10], [-164, 0], [-174, 0]],
        ],
        "objects": {
            "countries": {
                "type": "GeometryCollection",
                "geometries": [
                    {"type": "Polygon", "id": "404", "arcs": [[0, 1]]},
                    {"type": "Polygon", "properties": {"ISO_A3": "FRA"}, "arcs": [[-1, 2]]},
                    {"type": "MultiPolygon", "id": "FJ", "arcs": [[[3]]]},
                    {"type": "Polygon", "id": "nowhere", "arcs": [[3]]},
                    {"type": None},
                ],
            }
        },
    }
    return whole | more


def read(tmp_path: Path, content: object) -> Shapes:
    file = tmp_path / "own.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_topojson(file)


def test_a_users_shapes_are_decoded_projected_and_cut_at_the_edge(tmp_path: Path) -> None:
    shapes = read(tmp_path, topology())
    assert set(shapes.areas) == set(world().areas)
    kenya, france, fiji = (shapes.areas[code] for code in ("KE", "FR", "FJ"))
    # The side that both squares share is the meridian of 10 degrees east.
    assert bounds(kenya.path)[2] == pytest.approx(bounds(france.path)[0], abs=1)
    assert bounds(kenya.path)[3] == pytest.approx(shapes.height / 2, abs=1)
    # The edge of the map is at 169 degrees west: five degrees on the right, five on the left.
    assert fiji.path.count("M") == 2
    assert bounds(fiji.path)[0] == pytest.approx(0, abs=40)
    assert bounds(fiji.path)[2] == pytest.approx(shapes.width, abs=1)
    assert shapes.areas["BR"].dot
    assert not shapes.areas["BR"].path
    assert shapes.other


def test_quantised_arcs_give_the_same_shapes(tmp_path: Path) -> None:
    plain = topology()
    arcs = [np.array(arc) for arc in plain["arcs"]]
    packed = [np.diff((a - (-180, -90)) / 0.5, axis=0, prepend=0).tolist() for a in arcs]
    transform = {"scale": [0.5, 0.5], "translate": [-180, -90]}
    quantised = plain | {"arcs": packed, "transform": transform}
    assert read(tmp_path, quantised).areas == read(tmp_path, plain).areas


def test_the_projection_keeps_areas_and_agrees_with_the_map_that_was_made_with_d3() -> None:
    def square(south: float) -> np.ndarray[Any, Any]:
        lat = np.linspace(south, south + 1, 50)
        return np.concatenate(
            (np.column_stack((np.zeros(50), lat)), np.column_stack((np.ones(50), lat[::-1])))
        )

    for south in (0.0, 30.0, 60.0, 85.0):
        on_globe = math.radians(1) * (
            math.sin(math.radians(south + 1)) - math.sin(math.radians(south))
        )
        assert abs(area_of(equal_earth(square(south)))) == pytest.approx(on_globe, rel=1e-3)
    own = equal_earth(np.array([[-5.35 - world().centre, 36.14]])) * world().width / 2 / 2.7066
    there = world().areas["GI"]
    assert own[0, 0] + world().width / 2 == pytest.approx(there.x, abs=2)
    assert world().height / 2 - own[0, 1] == pytest.approx(there.y, abs=2)


def test_a_ring_round_the_pole_is_led_over_it() -> None:
    lon = np.arange(-180.0, 180.0, 10.0)
    ring = unwrapped(np.column_stack((lon, np.full(36, -70.0))), 11.0)
    pieces = cut(ring)
    assert sum(abs(area_of(piece)) for piece in pieces) == pytest.approx(360 * 20)
    assert all((np.abs(piece[:, 0]) <= 180).all() for piece in pieces)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not TopoJSON"),
        (b'{"type":"Topology","arcs":[],"objects":' + b'{"a":' * 2000, "not TopoJSON"),
        (topology(type="FeatureCollection"), "type"),
        (topology(arcs=[[[0, 0], [1]]] * 4), "arcs[0]"),
        (topology(arcs=[[[0, 0], [0, 1000]]] * 4), "arcs[0]"),
        (topology(arcs=[]), "objects.countries.geometries[0]"),
        (topology(objects={}), "objects"),
        (topology(objects={"a": {"type": "Point", "id": "KE"}}), "objects.a.geometries[0]"),
        (topology(objects={"a": {"type": "GeometryCollection"}}), "no area has"),
        (topology(objects={"a": {"type": "Polygon", "id": "KE", "arcs": ["x"]}}), "geometries[0]"),
    ],
    ids=["json", "deep", "type", "point", "degrees", "arc", "objects", "geometry", "codes", "text"],
)  # fmt: skip
def test_a_broken_file_is_an_error_that_names_it_and_the_place(
    tmp_path: Path, content: object, said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, content)
    assert "own.json" in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.json"):
        read_topojson(tmp_path / "none.json")


def test_a_file_with_too_many_points_for_a_page_is_drawn_coarser(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    turn = np.linspace(0, 2 * np.pi, 60_000)
    far = 30 + rng.normal(0, 0.5, len(turn))
    ring = np.column_stack((20 + far * np.cos(turn), far * np.sin(turn)))
    ring[-1] = ring[0]
    content = topology(
        arcs=[ring.round(3).tolist()],
        objects={"a": {"type": "Polygon", "id": "KE", "arcs": [[0]]}},
    )
    assert 10_000 < len(read(tmp_path, content).areas["KE"].path) <= 150_000


def test_a_map_of_a_region_shows_its_surroundings_and_nothing_far_away() -> None:
    data = drawn(dict.fromkeys(countries(), 0.5), focus=("KE", "UG", "TZ"))
    root = ET.fromstring(world_map(data, LOOK, legend=False))
    codes = {each.get("data-code") for each in root.iter(f"{SVG}a")}
    assert {"KE", "UG", "TZ", "RW", "SO"} <= codes
    assert not {"BR", "US", "AU", "FI"} & codes
    view = view_of(world(), ("KE", "UG", "TZ"))
    for code in ("KE", "UG", "TZ"):
        assert view.x < world().areas[code].x < view.x + view.width
        assert view.y < world().areas[code].y < view.y + view.height


@pytest.mark.parametrize("focus", [("FJ",), ("AQ",), ("RU", "US"), ("SG",), ("TV", "nowhere")])
def test_a_view_stays_within_the_world_and_keeps_its_shape(focus: tuple[str, ...]) -> None:
    view, shapes = view_of(world(), focus), world()
    assert view.x >= 0 <= view.y
    assert view.x + view.width <= shapes.width + 1e-6
    assert view.y + view.height <= shapes.height + 1e-6
    assert view.height / view.width == pytest.approx(shapes.height / shapes.width)


def test_a_focus_that_is_nowhere_shows_the_world() -> None:
    assert view_of(world(), ("nowhere",)) == (0, 0, world().width, world().height)
