"""Targets: pace, line and band against figures worked out by hand, and what is refused."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from validator.model import SettingsError
from validator.settings import file as settings
from validator.targets.progress import (
    DAYS_IN_YEAR,
    FIGURES,
    Observation,
    Outlook,
    TargetSettings,
    ahead,
    check_unique,
    first_reached,
    fit,
    latest,
    of_group,
    pace_needed,
    progress,
)

START = date(2024, 1, 1)
END = date(2030, 12, 31)


def series(
    shares: list[float], step: int = 30, start: date = START, of: int = 1_000_000
) -> list[Observation]:
    return [
        Observation(start + timedelta(step * number), round(share * of), of)
        for number, share in enumerate(shares)
    ]


def rising(points: int, by: float = 0.01, first: float = 0.3) -> list[float]:
    return [first + by * number for number in range(points)]


def test_a_straight_series_is_its_own_line_with_no_band() -> None:
    line = fit(series(rising(20))).line
    assert line is not None
    assert line.per_year == pytest.approx(0.01 / 30 * DAYS_IN_YEAR)
    day = START + timedelta(900)
    assert line.on(day) == pytest.approx(0.6)
    assert line.band(day) == pytest.approx((0.6, 0.6))


def test_the_line_and_its_band_are_those_of_the_textbook() -> None:
    # y = 1, 3, 2, … in hundredths, at x = 0, 30, 60, …: worked out with the normal equations.
    shares = [0.01, 0.03, 0.02, 0.05, 0.04, 0.06, 0.08, 0.07, 0.09, 0.11, 0.10, 0.12]
    n, xs = len(shares), [30 * k for k in range(12)]
    sx, sy = sum(xs), sum(shares)
    sxx = sum(x * x for x in xs)
    sxy = sum(x * y for x, y in zip(xs, shares, strict=True))
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    intercept = (sy - slope * sx) / n
    rest = [y - intercept - slope * x for x, y in zip(xs, shares, strict=True)]
    error = math.sqrt(sum(r * r for r in rest) / (n - 2))
    at = 400
    width = error * math.sqrt(1 + 1 / n + (at - sx / n) ** 2 / (sxx - sx * sx / n))
    line = fit(series(shares)).line
    assert line is not None
    day = START + timedelta(at)
    assert line.on(day) == pytest.approx(intercept + slope * at)
    middle = intercept + slope * at
    assert line.band(day) == pytest.approx((middle - 2 * width, middle + 2 * width))


def test_the_order_of_days_is_nothing() -> None:
    days = series(rising(15))
    assert fit(days) == fit(list(reversed(days)))


def test_the_pace_needed_is_what_is_missing_over_the_years_that_are_left() -> None:
    assert pace_needed(0.5, date(2028, 12, 31), 0.8, date(2030, 12, 31)) == pytest.approx(
        0.3 / (730 / DAYS_IN_YEAR)
    )
    assert pace_needed(0.8, date(2028, 1, 1), 0.8, END) == 0
    assert pace_needed(0.9, END + timedelta(1), 0.8, END) == 0
    assert pace_needed(0.5, END, 0.8, END) is None


def test_too_few_days_or_too_short_a_span_are_no_line() -> None:
    assert fit(series(rising(11))).refused == "11 days can be used; it takes 12"
    assert fit(series(rising(12))).line is not None
    assert fit(series(rising(40, 0.001), step=2)).refused == "the days span 78 days; it takes 90"
    assert fit([]).refused == "0 days can be used; it takes 12"


def test_degraded_days_and_days_without_routes_are_left_out() -> None:
    days = series(rising(14))
    wrong = Observation(START + timedelta(15), 0, 1_000_000, degraded=True)
    empty = Observation(START + timedelta(16), 0, 0)
    fitted = fit([*days, wrong, empty])
    assert fitted.line == fit(days).line
    assert fitted.left_out == 2


def test_a_line_is_not_drawn_from_a_degraded_day() -> None:
    days = series(rising(14))
    collapse = Observation(days[-1].day + timedelta(1), 1, 1_000_000, degraded=True)
    found = progress([*days, collapse], 0.8, END)
    assert found.refused == f"the latest day, {collapse.day}, is degraded"
    assert (found.projected, found.low, found.high, found.outlook) == (
        None, None, None, Outlook.UNKNOWN,
    )  # fmt: skip
    assert found.day == days[-1].day  # the last that is to be relied on
    assert found.needed is not None


@pytest.mark.parametrize(
    ("shares", "value", "by", "outlook"),
    [
        (rising(20, 0.02), 0.6, END, Outlook.REACHED),
        (rising(20, 0.02), 0.9, END, Outlook.ON_COURSE),
        (rising(20, 0.001), 0.9, END, Outlook.OFF_COURSE),
        ([0.3 + 0.01 * k + 0.05 * (-1) ** k for k in range(20)], 1.0, END, Outlook.UNCERTAIN),
        (rising(20, 0.001), 0.9, date(2025, 1, 1), Outlook.PAST),
        ([0.5] * 20, 0.9, END, Outlook.OFF_COURSE),
    ],
)
def test_the_outlook_is_what_the_band_says(
    shares: list[float], value: float, by: date, outlook: Outlook
) -> None:
    assert progress(series(shares), value, by).outlook is outlook


def test_what_is_projected_stays_a_share() -> None:
    up, down = (
        progress(series(rising(20, 0.02)), 1, END),
        progress(series(rising(20, -0.01)), 1, END),
    )
    assert (up.projected, up.high) == (1, 1)
    assert (down.projected, down.low) == (0, 0)


def test_the_line_gets_there_on_the_first_day_that_is_enough() -> None:
    days = series(rising(20))  # 0.49 on the last day, 0.01 every 30 days
    found = progress(days, 0.6, END)
    assert found.reached_on is not None
    line = fit(days).line
    assert line is not None
    assert line.on(found.reached_on) >= 0.6 - 1e-12
    assert line.on(found.reached_on - timedelta(1)) < 0.6
    assert progress(series([0.5] * 20), 0.6, END).reached_on is None
    assert progress(series(rising(20, -0.01)), 0.6, END).reached_on is None
    assert progress(series(rising(20, 1e-6)), 1, END).reached_on is None  # in centuries


def test_a_series_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="2024-01-01 is there twice"):
        fit([*series([0.1]), *series([0.2])])
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        fit([Observation(START, 3, 2)])


def test_settings_take_what_a_target_is_and_nothing_else() -> None:
    given = {"scheme": "ldc", "group": "ldc", "family": "ipv4", "value": 0.8, "year": 2030}
    target = msgspec.convert(given, TargetSettings)
    assert (target.figure, target.day, target.attribution) == ("valid_share", END, None)
    for key, wrong in (
        ("value", 0), ("value", 80), ("year", 30), ("family", "IPv4"), ("figure", "adoption"),
        ("percent", 80),
    ):  # fmt: skip
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**given, key: wrong}, TargetSettings)


def test_two_targets_for_the_same_are_refused_and_others_found_in_order() -> None:
    given = {"scheme": "rir", "group": "afrinic", "family": "ipv4", "value": 0.8}
    later = msgspec.convert({**given, "year": 2035}, TargetSettings)
    sooner = msgspec.convert({**given, "year": 2030, "value": 0.7}, TargetSettings)
    check_unique([later, sooner])
    assert of_group([later, sooner], "rir", "afrinic", "ipv4") == [sooner, later]
    assert of_group([later, sooner], "rir", "afrinic", "ipv6") == []
    again = msgspec.structs.replace(sooner, value=0.6)
    with pytest.raises(
        ValueError, match=r"rir afrinic has two .* in 2030, 0\.7 and 0\.6: keep one"
    ):
        check_unique([later, sooner, again])


def test_a_window_has_the_days_of_the_latest_years_alone() -> None:
    days = series([0.5] * 40, step=100)  # to 2034-09-05
    last = days[-1].day
    assert [each.day for each in latest(days, 1)] == [
        last - timedelta(300), last - timedelta(200), last - timedelta(100), last
    ]  # fmt: skip
    assert latest(days, 50) == days
    assert latest([], 3) == []


def test_the_first_day_at_the_target_is_no_degraded_one() -> None:
    days = [
        Observation(START, 1, 2),
        Observation(START + timedelta(1), 2, 2, degraded=True),
        Observation(START + timedelta(2), 0, 0),
        Observation(START + timedelta(3), 3, 4),
        Observation(START + timedelta(4), 2, 4),
    ]
    assert first_reached(days, 0.75) == START + timedelta(3)
    assert first_reached(days, 0.76) is None


def test_the_points_ahead_begin_where_the_line_ends_and_end_with_the_target() -> None:
    line = fit(series(rising(20))).line  # its last day is 2025-07-24
    assert line is not None
    points = ahead(line, END)
    assert [str(each.day) for each in points] == [
        "2025-07-24", *(f"{year}-12-31" for year in range(2025, 2031))
    ]  # fmt: skip
    assert points[0].value == pytest.approx(line.on(line.last))
    assert all(0 <= each.low <= each.value <= each.high <= 1 for each in points)
    far = ahead(line, date(2200, 12, 31))
    assert (far[0].day, far[-1].day) == (line.last, date(2200, 12, 31))
    assert len(far) <= 12
    assert [each.day for each in far] == sorted({each.day for each in far})
    assert ahead(line, line.last) == []


def test_nothing_is_projected_to_a_day_that_has_gone_by() -> None:
    found = progress(series(rising(20, 0.001)), 0.9, date(2025, 1, 1))
    assert found.line is not None
    assert (found.projected, found.low, found.high, found.needed) == (None, None, None, None)


TARGET = '[[targets]]\nscheme = "ldc"\ngroup = "ldc"\nfamily = "ipv4"\nvalue = 0.8\nyear = 2030\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text('[[vrps]]\nsource = "v"\n[[routes]]\nsource = "r"\n' + text)
    return path


def test_the_settings_have_targets(tmp_path: Path) -> None:
    chosen = settings.load(written(tmp_path, TARGET + 'name = "Ours"\n'))
    assert [(each.group, each.value, each.name) for each in chosen.targets] == [
        ("ldc", 0.8, "Ours")
    ]
    assert FIGURES[0] == chosen.targets[0].figure


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TARGET + TARGET.replace("0.8", "0.9"), "in 2030, 0.8 and 0.9: keep one"),
        (TARGET + "percent = 80\n", "allowed are scheme, group, family, figure, value, year"),
        (TARGET.replace("0.8", "80"), "`$.targets[0].value`"),
    ],
)
def test_a_mistake_in_a_target_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.load(written(tmp_path, text))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
