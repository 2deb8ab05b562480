"""What pages say, as plain data and in words: beside the API's own figures, and by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds import ROUTES, make_snapshot
from validator.freshness import SourceStatus
from validator.groupings import Attribution
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.records import day_of
from validator.history.writing import write_day
from validator.model import Family
from validator.pages import sentences
from validator.pages.facts_common import Sources, year_before
from validator.pages.facts_group import NoSuchGroup, group_facts
from validator.pages.facts_network import network_facts
from validator.pages.facts_overview import overview_facts
from validator.pages.facts_plan import half_of, plan_of, plan_of_all
from validator.pages.words import words
from validator.planning.rows import Question
from validator.web.coverage import Asked
from validator.web.groups import describe

NOW = make_snapshot(generation=2)
TODAY = day_of(NOW.created)
EN = words("en")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A year ago there was less."""
    folder = tmp_path_factory.mktemp("history")
    write_day(make_snapshot(routes=ROUTES[:3]), Folder(folder), TODAY - timedelta(360))
    return Reader(folder)


def test_a_group_has_the_figures_ranks_and_averages_of_the_api() -> None:
    for scheme, group in (("country", "NL"), ("m49-region", "150"), ("rir", "ripencc")):
        asked = Asked(scheme, Attribution.ADDRESS, tuple(Family))
        api = describe(NOW, asked, group, 100)
        for family, theirs in ((Family.IPV4, api.families.ipv4), (Family.IPV6, api.families.ipv6)):
            facts = group_facts(Sources(NOW), scheme, group, family)
            ours = facts.row.figures
            assert (ours.announced, ours.valid) == (
                theirs.figures.routes.announced,
                theirs.figures.routes.valid,
            )
            assert facts.places[family].rank == theirs.ranks.valid_share.rank
            if theirs.averages:
                mean = facts.averages[family]
                assert mean.people_weighted == theirs.averages["valid_share"].people_weighted
            if theirs.holdings:
                assert facts.holdings[family].value == theirs.holdings.holdings_coverage


def test_who_could_raise_everything_is_who_could_raise_each_part() -> None:
    whole = plan_of_all(NOW, Family.IPV4)
    for doer in whole.doers:
        alone = plan_of(NOW, Question("asn", doer.asn, Attribution.ORIGIN, Family.IPV4))
        assert alone.doers[0].gain == doer.gain
    assert whole.missing == whole.announced - 1
    assert sum(doer.gain for doer in whole.doers) < whole.missing, "no ROA helps the origin NONE"


@given(st.lists(st.integers(1, 50), max_size=20), st.integers(0, 300))
def test_half_of_what_is_missing_is_held_by_the_first_so_many(gains: list[int], rest: int) -> None:
    gains.sort(reverse=True)
    missing = sum(gains) + rest
    found = half_of(gains, missing)
    enough = [n for n in range(1, len(gains) + 1) if 2 * sum(gains[:n]) >= missing]
    assert found == (enough[0] if enough and missing else None)


def test_a_year_before_is_the_nearest_recorded_day() -> None:
    day = date(2026, 11, 22)
    days = [date(2025, 1, 1), date(2025, 11, 10), date(2025, 12, 1), date(2026, 11, 1)]
    assert year_before(days, day) == date(2025, 12, 1)
    assert year_before([date(2025, 1, 1)], day) is None
    assert year_before([], day) is None


def test_regions_moved_the_world_by_what_it_moved(past: Reader) -> None:
    for family in Family:
        facts = overview_facts(Sources(NOW, past), family)
        changed = facts.changed
        if changed is None:
            continue
        moved = sum(each.points for each in changed.movers)
        before, after = changed.before.value, changed.after.value
        assert before is not None
        assert after is not None
        assert moved == pytest.approx(100 * (after - before))
        assert facts.row.figures.valid == changed.after.part
    assert overview_facts(Sources(NOW, past), Family.IPV4).changed is not None


def test_a_sentence_is_made_of_the_figures_and_silent_without(past: Reader) -> None:
    facts = group_facts(Sources(NOW, past), "country", "NL", Family.IPV4)
    day = EN.day(TODAY)
    first = sentences.group(EN, facts)[0]
    name = f"\u2068{facts.label}\u2069"
    assert first == f"{name}: 100.0% of announced IPv4 routes are valid ({day})."
    late = SourceStatus("vrps", "vrps.json", "late", error="old", stale_from=1)
    stale = Sources(replace(NOW, troubles=(late,)), past)
    assert sentences.group(EN, group_facts(stale, "country", "NL", Family.IPV4)) == []
    assert sentences.overview(EN, overview_facts(stale, Family.IPV4)) == []
    assert sentences.network(EN, network_facts(stale, 64496)) == []


def test_a_network_says_what_is_wrong_with_it() -> None:
    facts = network_facts(Sources(NOW), 64497)
    assert (facts.invalid, facts.not_found, facts.routes_total) == (1, 0, 1)
    assert "1 is invalid." in sentences.network(EN, facts)
    nobody = network_facts(Sources(NOW), 1)
    assert "announces no route" in sentences.network(EN, nobody)[0]


def test_what_there_is_not_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSuchGroup, match="no scheme"):
        group_facts(Sources(NOW), "nothing", "x", Family.IPV4)
    with pytest.raises(NoSuchGroup, match="no group"):
        group_facts(Sources(NOW), "country", "QQ", Family.IPV4)
    assert group_facts(Sources(NOW, Reader(tmp_path)), "country", "NL", Family.IPV4).trend.days == 0
