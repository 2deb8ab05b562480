"""When less is too much less, and for how long: no clock but the one that is passed in."""

from __future__ import annotations

import pytest

from validator.freshness import Fall, Floors, SourceStatus, TableWatch

FLOORS = Floors(least_rows=100)


def test_one_trust_anchor_may_lose_a_tenth_and_no_more() -> None:
    before = {"ripe": 1000, "apnic": 1000}
    assert FLOORS.fall("vrps", before, {"ripe": 900, "apnic": 2000}, 5) is None
    fall = FLOORS.fall("vrps", before, {"ripe": 899, "apnic": 2000}, 5)
    assert fall == Fall("VRPs of ripe", 1000, 899, 5)
    assert str(fall) == "VRPs of ripe fell from 1,000 to 899 (-10.1 %)"


def test_a_trust_anchor_that_is_gone_has_lost_all_and_the_worst_is_named() -> None:
    fall = FLOORS.fall("vrps", {"ripe": 1000, "arin": 500}, {"ripe": 800}, 5)
    assert fall == Fall("VRPs of arin", 500, 0, 5)


def test_a_table_may_lose_a_fifth() -> None:
    assert FLOORS.fall("routes", {"": 1000}, {"": 800}, 5) is None
    assert FLOORS.fall("routes", {"": 1000}, {"": 799}, 5) == Fall("rows", 1000, 799, 5)


def test_small_sets_change_as_they_like() -> None:
    assert FLOORS.fall("vrps", {"ripe": 99}, {}, 5) is None
    assert FLOORS.fall("vrps", {"ripe": 100}, {}, 5) is not None


def test_growth_is_no_fall() -> None:
    assert FLOORS.fall("vrps", {}, {"ripe": 10_000}, 5) is None


def test_a_source_is_stale_from_its_moment_on() -> None:
    status = SourceStatus("vrps", "v.json", "failed", since=100, stale_from=160, content=90)
    assert [status.stale(now) for now in (159, 160, 1000)] == [False, True, True]
    assert status.age(150) == 60
    assert not SourceStatus("vrps", "v.json", "fresh").stale(10**10)


@pytest.mark.parametrize(
    ("state", "troubled"),
    [("starting", True), ("fresh", False), ("late", True), ("degraded", True), ("failed", True)],
)
def test_whatever_is_not_fresh_degrades_the_snapshot(state: str, troubled: bool) -> None:
    assert SourceStatus("vrps", "v.json", state).troubled is troubled


def test_a_vantage_point_that_is_gone_is_said_until_it_is_back() -> None:
    watch = TableWatch(FLOORS)
    full = {"all routes": 2000, "vantage point rrc99": 1000}
    assert watch.observe(0, full) == ()
    (gone,) = watch.observe(60, {"all routes": 1900})
    assert (gone.kind, gone.source, gone.state) == ("table", "vantage point rrc99", "degraded")
    assert gone.error.startswith("vantage point rrc99 announces nothing any more")
    assert (gone.since, gone.stale_from) == (0, None)
    assert watch.observe(120, full) == ()


def test_a_table_that_shrank_step_by_step_is_measured_from_its_largest() -> None:
    watch = TableWatch(FLOORS)
    assert watch.observe(0, {"all routes": 1000}) == ()
    assert watch.observe(30, {"all routes": 900}) == ()
    (shrank,) = watch.observe(60, {"all routes": 790})
    assert "from 1,000 to 790" in shrank.error


def test_after_an_hour_what_there_is_is_the_measure() -> None:
    watch = TableWatch(FLOORS)
    watch.observe(0, {"all routes": 1000})
    assert len(watch.observe(3599, {"all routes": 500})) == 1
    assert watch.observe(3600, {"all routes": 500}) == ()
    assert watch.observe(3700, {"all routes": 450}) == ()


def test_what_has_been_gone_for_an_hour_is_forgotten() -> None:
    watch = TableWatch(FLOORS)
    watch.observe(0, {"vantage point rrc99": 1000})
    watch.observe(10, {})
    assert watch.observe(5000, {}) == ()
    assert not watch._sizes
