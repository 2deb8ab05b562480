"""The line, its band and what is made of them, against arithmetic in fractions."""

from __future__ import annotations

import math
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from validator.targets.progress import LEAST_DAYS, LEAST_POINTS, Observation, ahead, fit, progress

START = date(2020, 1, 1)


@st.composite
def a_series(draw: st.DrawFn) -> list[Observation]:
    gaps = draw(st.lists(st.integers(8, 40), min_size=LEAST_POINTS, max_size=20))
    day, days = START, []
    for gap in gaps:
        whole = draw(st.integers(0, 50))
        days.append(Observation(day, draw(st.integers(0, whole)), whole, draw(st.booleans())))
        day += timedelta(gap)
    days.append(Observation(day, 1, 3))
    return draw(st.permutations(days))


def by_hand(days: list[Observation]) -> tuple[Fraction, Fraction, Fraction] | None:
    """Slope per day, intercept at START, and the variance of residuals: normal equations."""
    good = [each for each in days if not each.degraded and each.denominator]
    xs = [Fraction((each.day - START).days) for each in good]
    ys = [Fraction(each.numerator, each.denominator) for each in good]
    n = len(good)
    if n < LEAST_POINTS or max(xs) - min(xs) < LEAST_DAYS:
        return None
    sx, sy, sxx = sum(xs), sum(ys), sum(x * x for x in xs)
    sxy = sum(x * y for x, y in zip(xs, ys, strict=True))
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    level = (sy - slope * sx) / n
    rest = sum((y - level - slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    return Fraction(slope), Fraction(level), Fraction(rest) / (n - 2)


@given(a_series(), st.integers(1, 100).map(lambda n: n / 100), st.integers(2019, 2060))
def test_a_projection_is_what_the_normal_equations_say(
    days: list[Observation], value: float, year: int
) -> None:
    by, line, expected = date(year, 12, 31), fit(days).line, by_hand(days)
    found = progress(days, value, by)
    assert (line is None) == (expected is None) == bool(found.refused)
    if line is None or expected is None:
        assert (found.projected, found.pace, found.line) == (None, None, None)
        return
    slope, level, variance = expected
    at = (by - START).days
    assert math.isclose(line.on(by), level + slope * at, rel_tol=1e-9, abs_tol=1e-9)
    good = [(e.day - START).days for e in days if not e.degraded and e.denominator]
    mean = Fraction(sum(good), len(good))
    spread = sum((x - mean) ** 2 for x in good)
    width = 2 * math.sqrt(variance * (1 + Fraction(1, len(good)) + (at - mean) ** 2 / spread))
    low, high = line.band(by)
    assert math.isclose(high - low, 2 * width, rel_tol=1e-6, abs_tol=1e-9)

    points = ahead(line, by)
    assert [each.day for each in points] == sorted({each.day for each in points})
    assert len(points) <= 12
    if by <= line.last:
        assert (points, found.projected) == ([], None)
        return
    assert (points[0].day, points[-1].day) == (line.last, by)
    assert (found.projected, found.low, found.high) == points[-1][1:]
    assert all(0 <= each.low <= each.value <= each.high <= 1 for each in points)
