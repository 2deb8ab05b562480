"""However days go by, each period's report is written once, in order, and its files stay known."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from validator.reports.schedule import Period, Plan, as_of, before, period_of, settled
from validator.settings.report import EVERY, Every, ReportSettings

FIRST = date(2024, 1, 1)
steps = st.lists(st.integers(1, 40), min_size=1, max_size=60)
"""Days from one on which the service looks to the next."""


@given(st.sampled_from(EVERY), st.dates(date(1900, 1, 10), date(2500, 1, 1)))
def test_periods_follow_each_other_without_a_gap(every: Every, day: date) -> None:
    its = period_of(every, day)
    assert its.first <= day <= its.last
    assert before(its).last + timedelta(days=1) == its.first
    assert period_of(every, its.last) == its == period_of(every, its.first)


@given(st.sampled_from(EVERY), steps, st.data())
def test_each_period_is_written_once_and_in_order(
    every: Every, gaps: list[int], data: st.DataObject
) -> None:
    plan = Plan((ReportSettings(scheme="rir", groups=("a",), every=every, formats=("html", "md")),))
    recorded: dict[date, bool] = {}
    held: set[str] = set()
    written: list[tuple[Period, date]] = []
    day = FIRST
    for gap in gaps:
        recorded[day] = data.draw(st.booleans())
        for each in plan.due(day, held, sample=False):
            period = each.edition.period
            at = as_of(period, recorded)
            if at is None or not settled(period, recorded, ()):
                continue
            forms = each.forms[: data.draw(st.integers(0, 2))]  # the disk may be full
            files = {each.edition.file(form, sample=False) for form in forms}
            assert not files & held
            held |= files
            if forms and period not in [done for done, _ in written]:
                written.append((period, at))
        day += timedelta(days=gap)
    periods = [period for period, _ in written]
    assert periods == sorted(set(periods))
    for period, at in written:
        assert period.first <= at <= period.last < max(recorded)
    assert all(plan.edition(name) for name in held)
