"""Pictures of any data: well-formed, within their frame, no numbers that are none."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.pages import charts
from validator.pages.chart_scales import lanes, spread
from validator.pages.charts import Look, Share

HUGE = st.sampled_from([0.0, 1.0, -0.0, 1e300, -1e300, float("nan"), float("inf"), 5e-324])
VALUES = st.none() | st.floats(0, 1) | HUGE
NAMES = st.text(max_size=30)
COUNTS = st.none() | st.integers(0, 2**140)
SHARES = st.builds(Share, VALUES, COUNTS, COUNTS)
DAYS = st.dates(date(2000, 1, 1), date(2060, 1, 1))
LOOKS = st.builds(
    lambda width, sample: Look(prefix="p", width=width, sample=sample),
    st.sampled_from([charts.WIDE, charts.NARROW]),
    st.booleans(),
)


@st.composite
def trends(draw: st.DrawFn) -> charts.Trend:
    first, step = draw(DAYS), draw(st.integers(1, 400))
    series = []
    for name in draw(st.lists(NAMES, max_size=8)):
        shares = draw(st.lists(st.tuples(VALUES, COUNTS, st.booleans()), max_size=8))
        series.append(charts.Series(name, tuple(
            charts.Point(first + timedelta(step * i), value, count, count, degraded)
            for i, (value, count, degraded) in enumerate(shares)
        )))  # fmt: skip
    marks = st.builds(charts.MilestoneMark, DAYS, NAMES)
    target = st.builds(charts.TargetMark, st.floats(0, 1) | HUGE, st.integers(2000, 2100))
    ahead = st.tuples(DAYS, *[st.floats(0, 1) | HUGE] * 3)
    band = st.builds(
        charts.ProjectionBand, st.integers(-1, 9), st.lists(ahead, max_size=3).map(tuple)
    )
    return charts.Trend(
        draw(NAMES), draw(NAMES), tuple(series), tuple(draw(st.lists(marks, max_size=9))),
        draw(st.none() | target), tuple(draw(st.lists(band, max_size=2))),
    )  # fmt: skip


def some(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=9).map(tuple)


FLOATS = st.floats(-1, 1) | HUGE
DRAWN: st.SearchStrategy[Callable[[Look], str]] = st.one_of(
    trends().map(lambda data: lambda look: charts.trend(data, look)),
    st.builds(charts.Divide, NAMES, NAMES, some(
        st.builds(charts.DivideRow, NAMES, SHARES, SHARES, SHARES, NAMES)
    )).map(lambda data: lambda look: charts.divide(data, look)),
    st.builds(charts.Composition, NAMES, NAMES, some(st.builds(
        charts.Stack, NAMES, NAMES, some(st.builds(
            charts.Part, NAMES, st.sampled_from(["valid", "invalid", "not-found"]), SHARES))
    ))).map(lambda data: lambda look: charts.composition(data, look)),
    st.builds(charts.Ranking, NAMES, NAMES, some(
        st.builds(charts.Bar, NAMES, SHARES, NAMES, st.booleans())
    ), st.none() | st.tuples(NAMES, FLOATS)).map(
        lambda data: lambda look: charts.ranking(data, look)),
    st.builds(charts.StepCurve, NAMES, NAMES, FLOATS, some(
        st.builds(charts.Step, NAMES, FLOATS, COUNTS)
    ), st.none() | st.tuples(NAMES, FLOATS)).map(
        lambda data: lambda look: charts.step_curve(data, look)),
    st.builds(charts.Waterfall, NAMES, NAMES, FLOATS, FLOATS, NAMES, NAMES, some(
        st.builds(charts.Cause, NAMES, FLOATS)
    )).map(lambda data: lambda look: charts.waterfall(data, look)),
    st.builds(charts.Badge, NAMES, NAMES, SHARES, NAMES).map(
        lambda data: lambda look: charts.badge(data, look)),
    st.lists(VALUES, max_size=9).map(
        lambda values: lambda look: charts.sparkline(values, look, "x")),
)  # fmt: skip
PLACES = ("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height", "d", "r")


@settings(max_examples=80, deadline=None)
@given(DRAWN, LOOKS)
def test_any_data_makes_a_picture_that_is_well_formed_and_stays_in_its_frame(
    draw: Callable[[Look], str], look: Look
) -> None:
    root = ET.fromstring(draw(look))
    wide, high = (float(each) for each in root.attrib["viewBox"].split()[2:])
    assert 0 < high < 3000
    for each in root.iter():
        for name in PLACES:
            assert not re.search("nan|inf|e[+-]", each.get(name, ""))
        if each.tag.endswith(("text", "circle", "line")) and "}pattern" not in each.tag:
            for name, most in (("x", wide), ("cx", wide), ("x1", wide), ("x2", wide), ("y", high)):
                assert -4 <= float(each.get(name, "0")) <= most + 4, (name, each.attrib)
        if each.tag.endswith("rect"):
            assert float(each.get("x", "0")) + float(each.attrib["width"]) <= wide + 80
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(ids) == len(set(ids))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0, 300), max_size=12), st.floats(1, 20))
def test_labels_end_up_apart_in_order_and_within_their_bounds(
    wanted: list[float], gap: float
) -> None:
    places = spread(wanted, gap, 0.0, 300.0)
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    put = [places[i] for i in order]
    assert all(b - a >= gap - 1e-6 for a, b in itertools.pairwise(put))
    assert all(-1e-6 <= each <= 300 + 1e-6 for each in put)
    if all(wanted[b] - wanted[a] >= gap for a, b in itertools.pairwise(order)):
        assert places == pytest.approx(wanted)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 80)), max_size=9))
def test_names_in_one_row_never_touch(spans: list[tuple[int, int]]) -> None:
    wide = [(float(start), float(start + length)) for start, length in spans]
    rows = lanes(wide, 3)
    if rows is None:
        # Then some place lies under more names than there are rows.
        assert any(
            sum(a - 8 < start < b + 8 or a == start for a, b in wide) > 3 for start, _ in wide
        )
        return
    for (i, a), (j, b) in itertools.combinations(enumerate(wide), 2):
        assert rows[i] != rows[j] or a[1] + 8 <= b[0] or b[1] + 8 <= a[0]
