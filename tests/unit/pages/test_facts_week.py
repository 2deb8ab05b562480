"""What changed in a week, against what coverage says of both days."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.feeds import VRPS, make_snapshot
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.records import day_of
from validator.history.writing import write_day
from validator.model import Family
from validator.pages import facts_week, sentences
from validator.pages.facts_common import Sources
from validator.pages.facts_overview import OverviewFacts, overview_facts
from validator.pages.words import words

NOW, THEN = make_snapshot(generation=2), make_snapshot(vrps=VRPS[1:])
TODAY = day_of(NOW.created)


def overview(folder: Path, days: int) -> OverviewFacts:
    write_day(THEN, Folder(folder), TODAY - timedelta(days))
    return overview_facts(Sources(NOW, Reader(folder)), Family.IPV4)


def test_countries_are_named_with_what_they_were_and_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts_week, "LEAST_ROUTES", 1)
    facts = overview(tmp_path, 8)
    week = facts.week
    assert week is not None
    assert week.day == TODAY - timedelta(8)
    then = overview_facts(Sources(THEN), Family.IPV4)
    assert week.before.value == then.row.figures.valid_share
    assert week.after.value == facts.row.figures.valid_share
    shares = {row.group: row.figures.valid_share for row in then.countries}
    now = {row.group: row.figures.valid_share for row in facts.countries}
    changed = {group for group, share in now.items() if share != shares.get(group, share)}
    assert {row.group for row in week.movers} == changed != set()
    for row in week.movers:
        assert row.before is not None
        assert row.before.value == shares[row.group]
    sizes = [abs(row.change or 0) for row in week.movers]
    assert sizes == sorted(sizes, reverse=True)


def test_countries_that_announce_little_are_not_named(tmp_path: Path) -> None:
    week = overview(tmp_path, 7).week
    assert week is not None
    assert week.movers == ()


def test_a_day_that_is_not_near_a_week_ago_is_none(tmp_path: Path) -> None:
    assert overview(tmp_path, 11).week is None


def test_the_sentence_says_which_way_it_went(tmp_path: Path) -> None:
    facts = overview(tmp_path, 7)
    assert facts.week is not None
    said = sentences.week(words("en"), facts.week, "IPv4", TODAY)
    assert ("rose by" in said) == (facts.week.points > 0)
    assert ("fell by" in said) == (facts.week.points < 0)
    assert words("en").percent(facts.week.after.value) in said
