"""Pictures away from their page: whose figures they are, of which day, and what was wrong."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds import make_snapshot
from validator.figures.coverage import Figures
from validator.model import Family
from validator.pages import charts
from validator.pages.charts import Look, Share
from validator.pages.facts_common import Row, Sources
from validator.pages.facts_overview import overview_facts
from validator.pages.page import Ask
from validator.pages.picture_files import Frame, as_file
from validator.pages.pictures import Drawing, Picture, composition_of
from validator.pages.views import world_pictures
from validator.pages.words import words

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert(1)</script>"\' onload="x" &amp; \u202egnp.exe\x00\ud800 ]]>' + "x" * 9000
DRAW = Drawing(words("en"), False, lambda path: path)


def ranking(name: str = "Kenya") -> Picture:
    data = charts.Ranking(name, name, (charts.Bar(name, Share(0.25, 1, 4), "/country/KE"),))
    return Picture("ranking", name, "", charts.ranking_table(data, Look()), "",
                   paint=partial(charts.ranking, data))  # fmt: skip


def said(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_file_says_whose_figures_it_shows_of_which_day_and_that_they_are_invented() -> None:
    frame = Frame("Kenya", "22 November 2026 · Originsight")
    texts = said(as_file(ranking("Valid share"), frame, Look(prefix="r", sample=True)))
    assert texts[:2] == ["Kenya", "Valid share"]
    assert texts[-2:] == ["22 November 2026 · Originsight", "SAMPLE: invented data"]
    plain = said(as_file(ranking(), frame, Look(prefix="r")))
    assert not any("SAMPLE" in each for each in plain)


def test_a_file_says_what_was_wrong_with_its_inputs() -> None:
    frame = Frame("Kenya", "today", "Degraded: take care", ["vrps a.json: late"] * 9)
    svg = as_file(ranking(), frame, Look(prefix="r"))
    assert "Degraded: take care" in said(svg)
    assert said(svg).count("vrps a.json: late") == 5
    root = ET.fromstring(svg)
    assert "Degraded: take care" in (root.findtext(f"{SVG}desc") or "")


@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_a_file_is_whole_has_its_size_and_colours_and_leads_nowhere(width: int, theme: str) -> None:
    frame = Frame(HOSTILE, HOSTILE, HOSTILE, [HOSTILE])
    look = Look(prefix='r"><script>', width=width, sample=True)
    svg = as_file(ranking(HOSTILE), frame, look, theme)  # type: ignore[arg-type]
    root = ET.fromstring(svg)
    names = {each.tag.removeprefix(SVG) for each in root.iter()}
    assert names <= {"svg", "style", "title", "desc", "g", "path", "rect", "text", "line"}
    for each in root.iter():
        assert not [name for name in each.attrib if name.startswith("on") or name == "style"]
    assert "href" not in svg
    assert "\u202e" not in svg
    assert len(svg) < 20_000
    assert int(root.attrib["width"]) >= width
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert root.attrib["role"] == "img"
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert set(root.attrib["aria-labelledby"].split()) <= set(ids)


def test_the_map_has_its_legend_and_its_note_on_borders_in_the_file() -> None:
    facts = overview_facts(Sources(make_snapshot()), Family.IPV4)
    pictures = world_pictures(Ask("/"), facts)
    its = pictures["map"]()
    assert its is not None
    svg = as_file(its, Frame("World", "today"), DRAW.look("map"))
    texts = " ".join(said(svg))
    assert "under 20%" in texts
    assert "no opinion" in texts
    assert 'data-code="NL"' in svg
    assert 'data-code="NL"' in its.html


def test_what_cannot_be_drawn_anew_is_no_file() -> None:
    with pytest.raises(ValueError, match="no picture"):
        as_file(replace(ranking(), paint=None), Frame("Kenya", "today"), Look())


def row(figures: Figures, family: Family) -> Row:
    return Row("country", "KE", "Kenya", family, figures)


def parts(picture: Picture, bar: str) -> dict[str, list[str]]:
    """Share, numerator and denominator of each part of a bar, by its state."""
    return {
        cells[1].value: [cell.value for cell in cells[2:]]
        for cells in picture.table.rows
        if cells[0].text == bar
    }


def test_space_is_drawn_in_parts_that_add_up_though_states_overlap() -> None:
    # A valid /24 in a /22 that is not found; an invalid /24 in the same, half of it valid too.
    its = Figures(2, 1, 1, 1024, 384, 256, 256, 1024)
    picture = composition_of(DRAW, {Family.IPV4: row(its, Family.IPV4)})
    assert parts(picture, "IPv4 space") == {
        "valid": ["0.25", "256", "1024"],
        "invalid": ["0.125", "128", "1024"],
        "not-found": ["0.625", "640", "1024"],
    }
    assert "each address counts once" in picture.html


def test_ipv6_space_is_in_48s_and_exact_to_the_last_digit() -> None:
    third = (1 << 16) // 3
    its = Figures(1, 0, 1, 3 << 16, third, third, 0, 3 << 16)
    picture = composition_of(DRAW, {Family.IPV6: row(its, Family.IPV6)})
    share, part, whole = parts(picture, "IPv6 space")["valid"]
    assert part == repr(third / (1 << 16))
    assert whole == "3"
    assert share == format(third / (3 << 16), ".7g")
    assert "3 /48s" in picture.html


def test_where_nothing_is_announced_no_space_is_drawn() -> None:
    nothing = Figures(*[0] * 8)
    picture = composition_of(DRAW, {Family.IPV6: row(nothing, Family.IPV6)})
    assert parts(picture, "IPv6 space") == {}
    assert "counts once" not in picture.html


@given(st.lists(st.integers(0, 1 << 64), min_size=3, max_size=3))
def test_parts_of_space_always_add_up(spaces: list[int]) -> None:
    valid, covered, announced = sorted(spaces)
    its = Figures(1, 1, 1, announced, covered, valid, covered, announced)
    picture = composition_of(DRAW, {Family.IPV4: row(its, Family.IPV4)})
    found = parts(picture, "IPv4 space")
    assert sum(int(part) for _, part, _ in found.values()) == (announced if found else 0)
