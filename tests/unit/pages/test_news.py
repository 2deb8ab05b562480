"""What is news of a group, and how an Atom feed tells it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from validator.model import Family
from validator.pages import atom
from validator.pages.news import Moved, News, Passed, Turned, month_ends, naming, news_of
from validator.pages.news_text import WORLD, Told, period_name, told
from validator.pages.words import LANGUAGES, words
from validator.targets.milestones import Milestone
from validator.targets.progress import Observation, Outlook, TargetSettings

V4, V6 = Family.IPV4, Family.IPV6
TARGET = TargetSettings(scheme="country", group="KE", family="ipv4", value=0.5, year=2027)
HOSTILE = "<script>\u202e]]>&\x00\x08\ufffe" + "A" * 10_000


def on(day: str, part: int, whole: int = 1000, *, degraded: bool = False) -> Observation:
    return Observation(date.fromisoformat(day), part, whole, degraded)


def moved(days: Sequence[Observation]) -> list[tuple[date, date]]:
    return [
        (each.before.day, each.after.day) for each in news_of({V4: days}) if isinstance(each, Moved)
    ]


def test_a_point_from_the_end_of_one_month_to_the_next_is_news_and_less_is_not() -> None:
    days = [on("2026-01-31", 500), on("2026-02-28", 510), on("2026-03-31", 519)]
    days += [on("2026-04-15", 100), on("2026-04-30", 509), on("2026-05-01", 900)]
    assert moved(days) == [
        (date(2026, 3, 31), date(2026, 4, 30)),
        (date(2026, 1, 31), date(2026, 2, 28)),
    ]


def test_the_threshold_is_exact() -> None:
    """29/100 - 28/100 is less than 0.01 in floating point."""
    assert moved([on("2026-01-31", 28, 100), on("2026-02-28", 29, 100), on("2026-03-01", 0, 1)])
    assert not moved(
        [on("2026-01-31", 28_001, 100_000), on("2026-02-28", 29_000, 100_000), on("2026-03-01", 0)]
    )


def test_degraded_days_and_days_without_routes_are_no_basis() -> None:
    days = [on("2026-01-31", 500), on("2026-02-27", 500), on("2026-02-28", 900, degraded=True)]
    days += [on("2026-03-30", 0, 0), on("2026-04-30", 520), on("2026-05-02", 0)]
    assert moved(days) == [(date(2026, 2, 27), date(2026, 4, 30))]


def test_news_stay_the_same_when_days_are_added() -> None:
    days = [
        Observation(date(2024, 1, 1) + timedelta(days=n), (n * n) % 700, 1000, n % 11 == 0)
        for n in range(900)
    ]
    last: list[News] = []
    for until in range(1, len(days), 29):
        now = news_of({V4: days[:until]}, [TARGET])
        assert [each for each in now if each.day <= (last[0].day if last else date.min)] == last
        last = now
    assert len(last) > 20
    assert len({told(words("en"), each, "Kenya", ("country", "KE")).id for each in last}) == len(
        last
    )


def test_a_target_that_is_reached_or_lost_again_is_news() -> None:
    parts = [450] * 120 + [520] * 31 + [450] * 40
    start = date(2026, 1, 1)
    days = [Observation(start + timedelta(days=n), part, 1000) for n, part in enumerate(parts)]
    turned = [each for each in news_of({V4: days}, [TARGET]) if isinstance(each, Turned)]
    assert [(each.day.month, each.before, each.after) for each in turned] == [
        (6, Outlook.REACHED, Outlook.ON_COURSE),
        (5, Outlook.OFF_COURSE, Outlook.REACHED),
    ]
    assert not [each for each in news_of({V6: days}, [TARGET]) if isinstance(each, Turned)]


def test_a_milestone_is_news_where_it_names_the_group_and_has_passed() -> None:
    marks = [
        Milestone(date(2026, 3, 5), "Kenya signs", "The KENIC registry"),
        Milestone(date(2026, 3, 6), "Kenyatta Avenue"),
        Milestone(date(2030, 1, 1), "Vision", "for Kenya"),
    ]
    days = [on("2026-01-31", 5, 10), on("2026-03-01", 7, 10), on("2026-04-02", 1, 10)]
    mine = naming(marks, "Kenya")
    assert mine == [marks[0], marks[2]]
    assert naming(marks, "us") == []
    found = [each for each in news_of({V4: days}, (), mine) if isinstance(each, Passed)]
    assert found == [Passed(marks[0], days[1])]


def test_the_last_good_day_of_each_month_that_is_over_counts() -> None:
    days = [on("2026-01-01", 1), on("2026-01-09", 2), on("2026-02-03", 3), on("2026-02-20", 4)]
    assert month_ends(days) == [days[1]]
    assert month_ends([]) == []


@pytest.fixture
def everything() -> list[News]:
    days = on("2026-01-31", 500), on("2026-02-28", 520)
    mark = Milestone(date(2026, 2, 3), HOSTILE[:80], HOSTILE)
    evil = TargetSettings(scheme="country", group="KE", family="ipv4", value=0.5, year=2027,
                          name=HOSTILE[:120])  # fmt: skip
    return [
        Moved(V4, *days), Moved(V6, *days[::-1]), Passed(mark, days[0]), Passed(mark, None),
        *(Turned(V4, evil, a, b, *days) for a, b in itertools.permutations(Outlook, 2)),
    ]  # fmt: skip


def test_a_sentence_has_both_days_and_both_shares_with_what_they_are_made_of(
    everything: list[News],
) -> None:
    its = told(words("en"), everything[0], "Kenya", ("country", "KE"), sample=True)
    assert its.title.startswith("SAMPLE: \u2068Kenya\u2069: ")
    assert "up 2.0 points to 52.0%" in its.title
    for said in ("50.0% (500 of 1,000)", "31 January 2026", "52.0% (520 of 1,000)", "28 February"):
        assert said in its.summary
    assert its.path == "/compare?a=country%2FKE&from=2026-01-31&to=2026-02-28&family=ipv4"
    assert "down 2.0 points" in told(words("en"), everything[1], "x", ("asn", "AS1")).title
    assert told(words("en"), everything[0], "World", WORLD).path == "/?family=ipv4&at=2026-02-28"


def test_an_id_is_a_urn_of_what_is_told_the_same_in_every_language(everything: list[News]) -> None:
    def ids(language: str, group: str = "KE", *, sample: bool = False) -> list[str]:
        return [
            told(words(language), each, "Kenya", ("country", group), sample=sample).id
            for each in everything
        ]

    first = ids("en")
    assert first[0] == "urn:uuid:39585b0a-8a50-50fa-9cf5-942dcb7abf92"  # for good
    assert all(ids(language) == first for language in LANGUAGES)
    others = {*ids("en", "UG"), *ids("en", sample=True)}
    assert not others & {*first}
    assert len({*first}) == len(everything) - 1  # one milestone is there twice


def channel(entries: Sequence[Told]) -> atom.Channel:
    return atom.Channel(
        "urn:x:y", HOSTILE, HOSTILE, "en", 0, (atom.Link("self", "/feed", atom.MEDIA),),
        [atom.Entry(e.id, e.title, e.summary, 1, (atom.Link("alternate", e.path, "text/html",
                    HOSTILE),)) for e in entries],
    )  # fmt: skip


def test_names_that_mean_harm_are_inert(everything: list[News]) -> None:
    said = [told(words("ar"), each, HOSTILE, ("country", "KE")) for each in everything]
    for each in said:
        assert "\u202e" not in each.title + each.summary
        assert max(len(each.title), len(each.summary)) < 1000
    document = atom.written(channel(said), "https://rov.example")
    root = ElementTree.fromstring(document)
    names = {element.tag.partition("}")[2] for element in root.iter()}
    assert names == {"feed", "title", "subtitle", "id", "updated", "author", "name", "generator",
                     "link", "entry", "summary"}  # fmt: skip
    assert "<script>" in (root[0].text or "")
    assert b"<script>" not in document
    hrefs = [element.attrib["href"] for element in root.iter() if "href" in element.attrib]
    assert all(href.startswith("https://rov.example/") for href in hrefs)


def test_a_period_is_called_as_people_call_it() -> None:
    first = date(2026, 10, 1)
    said = [
        period_name(words(language), every, first, "2026-W40")
        for language in ("en", "fr")
        for every in ("day", "week", "month", "quarter")
    ]
    assert said == ["1 October 2026", "2026-W40", "October 2026", "Q4 2026",
                    "1 octobre 2026", "2026-W40", "octobre 2026", "T4 2026"]  # fmt: skip
