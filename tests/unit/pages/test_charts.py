"""Pictures: scales, labels, safe text, the table's numbers, files of their own."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from validator.pages import charts
from validator.pages.chart_bars import apart
from validator.pages.chart_colours import DARK, LIGHT
from validator.pages.chart_parts import Table, link, plain, safe, text_width, words, wrapped
from validator.pages.chart_scales import Scale, lanes, spread, step_of, ticks, top_of, year_ticks
from validator.pages.chart_steps import named_causes
from validator.pages.chart_trend import MOST_POINTS, shown, stretches
from validator.pages.charts import Look, Share

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert(1)</script>"\' onload="x" &amp; \u202egnp.exe\x00\ud800 ]]>'
LOOK = Look(prefix="p")


def numbers(svg: str) -> set[str]:
    """Every number that a picture says in its data attributes."""
    found = re.findall(r' data-(?:value|values|levels|start)="([^"]*)"', svg)
    return {each for said in found for each in said.split()}


def values(table: Table, *columns: int) -> set[str]:
    return {row[column].value for row in table.rows for column in columns} - {""}


def points(*shares: float | None, degraded: tuple[int, ...] = ()) -> tuple[charts.Point, ...]:
    first = date(2020, 1, 1)
    return tuple(
        charts.Point(first + timedelta(30 * i), share, degraded=i in degraded)
        for i, share in enumerate(shares)
    )


def test_a_scale_holds_what_lies_beyond_its_ends_and_puts_one_value_in_the_middle() -> None:
    scale = Scale(0.0, 2.0, 10.0, 30.0)
    assert [scale(v) for v in (-1.0, 0.0, 1.0, 2.0, 9.0)] == [10.0, 10.0, 20.0, 30.0, 30.0]
    assert Scale(5.0, 5.0, 0.0, 100.0)(5.0) == 50.0
    assert Scale(-1.7e308, 1.7e308, 0.0, 100.0)(0.0) == 50.0


@pytest.mark.parametrize(
    ("span", "most", "step"), [(1.0, 5, 0.2), (1.0, 4, 0.25), (0.07, 5, 0.02), (12.0, 5, 2.5)]
)
def test_steps_are_round(span: float, most: int, step: float) -> None:
    assert step_of(span, most) == pytest.approx(step)


def test_ticks_are_round_and_within_the_axis() -> None:
    assert ticks(0.0, 1.0, 5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(0.41, 0.58, 5) == [0.45, 0.5, 0.55]
    assert ticks(1.0, 1.0, 5) == ticks(float("nan"), 1.0, 5) == []


def test_an_axis_of_shares_ends_at_a_round_share_and_never_above_all() -> None:
    assert top_of([0.61, None, float("nan")]) == pytest.approx(0.8)
    assert top_of([]) == pytest.approx(0.05)
    assert top_of([7.0]) == 1.0


def test_years_are_marked_no_more_often_than_there_is_room() -> None:
    days = year_ticks(date(2006, 3, 1), date(2026, 3, 1), 5)
    assert [day.year for day in days] == [2010, 2015, 2020, 2025]
    assert year_ticks(date(2026, 2, 1), date(2026, 3, 1), 5) == []


def test_labels_that_have_room_stay_and_the_others_move_apart_evenly() -> None:
    assert spread([10.0, 50.0, 90.0], 15.0, 0.0, 100.0) == [10.0, 50.0, 90.0]
    assert spread([50.0, 50.0], 10.0, 0.0, 100.0) == [45.0, 55.0]
    assert spread([99.0, 98.0], 10.0, 0.0, 100.0) == [100.0, 90.0]


def test_names_over_a_trend_take_the_lowest_free_row_or_none() -> None:
    assert lanes([(0, 40), (20, 60), (50, 90)], 3) == [0, 1, 0]
    assert lanes([(0, 40), (10, 50), (20, 60)], 2) is None


def test_a_hostile_text_is_one_inert_line() -> None:
    said = safe(HOSTILE)
    assert not set("<>\"'") & set(said)
    assert not re.search("[\x00-\x1f\u202a-\u202e\ud800-\udfff]", said)
    assert len(words("x" * 10_000)) == 200
    assert words("  a\n\tb\u2067 ") == "a b"


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", " JaVaScRiPt:x", "data:text/html,x", "//other.example/", "/\\x",
     "a\nb:c", "java\tscript:x", "vbscript:x"],
)  # fmt: skip
def test_an_address_that_leads_elsewhere_is_no_link(address: str) -> None:
    assert link(address) == ""


@pytest.mark.parametrize("address", ["/country/KE", "https://a.example/x", "?g=1", "#t", "../x"])
def test_an_address_of_a_page_is_a_link(address: str) -> None:
    assert link(address) == address


def test_a_line_breaks_at_gaps_degraded_days_and_missing_days() -> None:
    some = points(0.1, 0.2, None, 0.3, 0.4, 0.5, degraded=(4,))
    late = (*some, charts.Point(date(2026, 1, 1), 0.6))
    runs = [[value for _, value in run] for run in stretches(late)]
    assert runs == [[0.1, 0.2], [0.3], [0.5], [0.6]]


def test_a_long_line_is_thinned_but_keeps_its_ends_and_degraded_days() -> None:
    first = date(2010, 1, 1)
    days = tuple(
        charts.Point(first + timedelta(i), i / 4000, degraded=i == 1234) for i in range(4000)
    )
    kept = shown(charts.Series("IPv4", days))
    assert len(kept) <= MOST_POINTS + 2
    assert {days[0], days[1234], days[-1]} <= set(kept)


def test_milestones_that_do_not_fit_are_numbered_and_have_a_key() -> None:
    marks = tuple(charts.MilestoneMark(date(2020, 1, 1 + i), f"Event {i}") for i in range(9))
    data = charts.Trend("t", "d", (charts.Series("IPv4", points(*[0.5] * 9)),), marks)
    root = ET.fromstring(charts.trend(data, LOOK))
    said = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert [f"{i}" for i in range(1, 10)] == [each for each in said if re.fullmatch(r"\d", each)]
    assert any("Event 8" in each for each in said)


def test_labels_at_the_ends_of_lines_do_not_touch() -> None:
    lines = tuple(charts.Series(f"Group {i}", points(0.1, 0.5 + i / 1000)) for i in range(6))
    root = ET.fromstring(charts.trend(charts.Trend("t", "d", lines), LOOK))
    tall = sorted(
        float(each.get("y", "0")) for each in root.iter(f"{SVG}text") if each.get("font-weight")
    )
    assert len(tall) == 6
    assert min(b - a for a, b in itertools.pairwise(tall)) >= 15


def test_a_long_name_at_the_end_of_a_line_is_cut_and_its_value_is_not() -> None:
    line = charts.Series("A network with a very long name indeed " * 9, points(0.1, 0.6))
    svg = charts.trend(charts.Trend("t", "d", (line,)), Look(prefix="p", width=charts.NARROW))
    said = ["".join(each.itertext()) for each in ET.fromstring(svg).iter(f"{SVG}text")]
    assert [each for each in said if each.endswith("… 60.0 %")]


def test_markers_that_would_cover_each_other_stand_one_above_the_other() -> None:
    assert apart([100.0, 200.0, None]) == [0.0, 0.0, 0.0]
    assert apart([100.0, 104.0, 300.0]) == [-4.5, 4.5, 0.0]
    assert apart([100.0, 100.0, 100.0]) == [-9.0, 0.0, 9.0]


def test_a_target_and_a_projection_say_what_they_are() -> None:
    ahead = charts.ProjectionBand(0, ((date(2020, 3, 1), 0.5, 0.55, 0.6),
                                      (date(2030, 12, 31), 0.6, 0.7, 0.8)))  # fmt: skip
    data = charts.Trend("t", "d", (charts.Series("IPv4", points(0.4, 0.5)),),
                        target=charts.TargetMark(0.8, 2030), projections=(ahead,))  # fmt: skip
    for width in (charts.WIDE, charts.NARROW):
        svg = charts.trend(data, Look(prefix="p", width=width))
        assert "linear projection" in svg
        assert "target 80 % by 2030" in svg


ROW = charts.DivideRow("LDCs", Share(0.42, 42, 100), Share(0.3), Share(None), "/region/ldc/ldc")
STACK = charts.Stack("Routes", "100 routes", (
    charts.Part("valid", "valid", Share(0.5, 50, 100)),
    charts.Part("invalid", "invalid", Share(0.125, 12, 100)),
    charts.Part("not-found", "not-found", Share(0.375, 38, 100)),
))  # fmt: skip
BARS = (charts.Bar("Africa", Share(0.25, 1, 4), own=True), charts.Bar("Asia", Share(None)))
STEPS = tuple(charts.Step(f"AS{i}", 0.0625 / 2**i, 8 - i) for i in range(8))
CAUSES = tuple(charts.Cause(f"AS{i}", (-1) ** i * 0.5 / 2**i) for i in range(8))


def test_every_number_of_a_table_is_in_its_picture() -> None:
    trend = charts.Trend("t", "d", (charts.Series("IPv4", points(0.123456789, None, 1 / 3)),))
    divide = charts.Divide("t", "d", (ROW,))
    parts = charts.Composition("t", "d", (STACK,))
    ranking = charts.Ranking("t", "d", BARS, ("World", 0.3))
    curve = charts.StepCurve("t", "d", 0.4, STEPS)
    fall = charts.Waterfall("t", "d", 0.45, 0.53, "then", "now", CAUSES)
    assert values(charts.trend_table(trend, LOOK), 2) <= numbers(charts.trend(trend, LOOK))
    assert values(charts.divide_table(divide, LOOK), 1, 4, 5) == numbers(
        charts.divide(divide, LOOK)
    )
    assert values(charts.composition_table(parts, LOOK), 2) == numbers(
        charts.composition(parts, LOOK)
    )
    assert values(charts.ranking_table(ranking, LOOK), 1) == numbers(charts.ranking(ranking, LOOK))
    assert values(charts.step_table(curve, LOOK), 2, 3) <= numbers(charts.step_curve(curve, LOOK))
    assert values(charts.waterfall_table(fall, LOOK), 1) <= numbers(charts.waterfall(fall, LOOK))


def test_a_waterfall_names_the_five_largest_and_adds_up_exactly() -> None:
    data = charts.Waterfall("t", "d", 0.45, 0.53, "then", "now", CAUSES)
    shown_causes = named_causes(data, LOOK)
    assert [each.name for each in shown_causes] == ["AS0", "AS1", "AS2", "AS3", "AS4", "3 others"]
    assert sum(each.by for each in shown_causes) == pytest.approx(0.53 - 0.45, abs=1e-12)


def test_a_ranking_puts_the_highest_first_and_the_unknown_last() -> None:
    bars = (charts.Bar("b", Share(None)), charts.Bar("a", Share(0.1)), charts.Bar("c", Share(0.9)))
    assert [row[0].text for row in charts.ranking_table(
        charts.Ranking("t", "d", bars), LOOK).rows] == ["c", "a", "b"]  # fmt: skip


def test_states_are_told_apart_by_pattern_and_not_by_colour_alone() -> None:
    svg = charts.composition(charts.Composition("t", "d", (STACK,)), LOOK)
    assert 'fill="url(#p-invalid)"' in svg
    assert 'fill="url(#p-not-found)"' in svg
    shapes = charts.divide(charts.Divide("t", "d", (ROW,)), LOOK)
    assert "<circle" in shapes
    assert "marker weighted key" in shapes


DRAWN: dict[str, Callable[[str, Look], str]] = {
    "trend": lambda n, look: charts.trend(
        charts.Trend(n, n, (charts.Series(n, points(0.1, 0.2)),),
                     (charts.MilestoneMark(date(2020, 1, 5), n),)), look),
    "divide": lambda n, look: charts.divide(charts.Divide(n, n, (
        charts.DivideRow(n, Share(0.1, 1, 10), Share(0.2), Share(0.3), n),)), look),
    "composition": lambda n, look: charts.composition(charts.Composition(n, n, (
        charts.Stack(n, n, (charts.Part(n, "valid", Share(0.5)),)),)), look),
    "ranking": lambda n, look: charts.ranking(
        charts.Ranking(n, n, (charts.Bar(n, Share(0.5), n),), (n, 0.5)), look),
    "steps": lambda n, look: charts.step_curve(
        charts.StepCurve(n, n, 0.1, (charts.Step(n, 0.1),), (n, 0.5)), look),
    "waterfall": lambda n, look: charts.waterfall(
        charts.Waterfall(n, n, 0.1, 0.2, n, n, (charts.Cause(n, 0.1),)), look),
    "badge": lambda n, look: charts.badge(charts.Badge(n, n, Share(0.5), n), look),
    "sparkline": lambda n, look: charts.sparkline((0.1, None, 0.2), look, n),
}  # fmt: skip


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
def test_hostile_names_are_inert_in_every_picture(kind: str, width: int) -> None:
    svg = DRAWN[kind](HOSTILE + "x" * 10_000, Look(prefix='p"><script>', width=width, sample=True))
    root = ET.fromstring(svg)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        "svg", "title", "desc", "g", "a", "path", "rect", "circle", "line", "text", "defs",
        "pattern"}  # fmt: skip
    for each in root.iter():
        assert not [name for name in each.attrib if name.startswith("on") or name == "style"]
        assert link(each.get("href", "/")) != ""
    assert len(svg) < 20_000
    assert "\u202e" not in svg


@pytest.mark.parametrize("kind", DRAWN)
def test_a_picture_has_a_name_a_role_and_marks_a_sample(kind: str) -> None:
    svg = DRAWN[kind]("Kenya", Look(prefix="p", sample=True))
    root = ET.fromstring(svg)
    assert root.get("role") in ("img", "group")
    named = {each.get("id"): each.text for each in root if each.get("id")}
    labels = (root.get("aria-labelledby") or "").split()
    assert "Kenya" in (named[labels[0]] or "")
    if kind != "sparkline":  # stands in a row of a page that is marked
        assert "SAMPLE" in svg
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert all(each.startswith("p-") for each in ids)


def test_a_file_of_a_picture_has_its_colours_its_size_and_no_links() -> None:
    svg = charts.divide(charts.Divide("t", "d", (ROW,)), Look(prefix="p", sample=True))
    for theme, colour in (("light", LIGHT), ("dark", DARK), ("auto", LIGHT)):
        file = charts.standalone(svg, theme)  # type: ignore[arg-type]
        root = ET.fromstring(file)
        assert root.get("width") == "720"
        assert f".f-ground{{fill:{colour['ground']}}}" in file
        assert ("prefers-color-scheme:dark" in file) == (theme == "auto")
        assert "href" not in file
        assert "SAMPLE" in file
    with pytest.raises(ValueError, match="not a picture"):
        charts.standalone("<p>", "light")


def test_both_sizes_on_one_page_share_no_id() -> None:
    html = charts.both(lambda look: DRAWN["composition"]("Kenya", look), LOOK)
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids)) == 8


def contrast(a: str, b: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_letters_keep_the_contrast_that_wcag_asks_for(theme: dict[str, str]) -> None:
    written = ["ink", "quiet", "alert", "valid", *(f"series-{i}" for i in range(6))]
    assert {name: contrast(theme[name], theme["ground"]) for name in written if
            contrast(theme[name], theme["ground"]) < 4.5} == {}  # fmt: skip


def test_every_colour_is_in_both_themes_and_every_class_is_a_colour() -> None:
    assert LIGHT.keys() == DARK.keys()
    for draw in DRAWN.values():
        for name in re.findall(r'class="[^"]*\b[fs]-([a-z0-9-]+)', draw("x", LOOK)):
            assert name in LIGHT


def test_texts_are_translated_unless_a_brace_is_lost() -> None:
    told = charts.Texts().translated(lambda text: f"¡{text}!")
    assert told.target == "¡target {value} by {year}!"
    broken = charts.Texts().translated(lambda _: "x")
    assert broken.no_data == "x"
    assert broken.target == "target {value} by {year}"


def test_an_axis_has_decimals_only_where_it_needs_them() -> None:
    look = Look(formats=charts.Formats(mark=lambda v: f"{100 * v:.0f} %"))
    assert [look.mark(v) for v in (0.4, 0.405)] == ["40 %", "40.5 %"]


def test_numbers_for_machines_are_empty_when_there_is_none() -> None:
    assert [plain(v) for v in (None, float("nan"), float("inf"), 0.25, 10**20)] == [
        "", "", "", "0.25", "1" + "0" * 20]  # fmt: skip


def test_lines_of_a_note_are_no_wider_than_their_room() -> None:
    lines = wrapped("Shapes and names show no opinion on anything at all. " * 3, 200.0)
    assert len(lines) > 4
    assert max(map(text_width, lines)) <= 200.0
