"""Which reports are due, what their files are called, and of which day they are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from validator.model import SettingsError
from validator.pages.words import LANGUAGES
from validator.reports.forms import FORMS
from validator.reports.schedule import (
    Edition,
    Plan,
    as_of,
    before,
    named,
    period_of,
    settled,
)
from validator.settings import file as settings
from validator.settings.report import EVERY, Form, Language, ReportSettings

LEAST = '[[vrps]]\nsource = "v"\n[[routes]]\nsource = "r"\n[history]\nfolder = "h"\n'
MONTHLY = ReportSettings(scheme="country", groups=("KE",), every="month", formats=("html", "pdf"))


@pytest.mark.parametrize(
    ("every", "day", "first", "last", "name"),
    [
        ("day", "2026-02-28", "2026-02-28", "2026-02-28", "2026-02-28"),
        ("week", "2027-01-01", "2026-12-28", "2027-01-03", "2026-W53"),
        ("month", "2028-02-10", "2028-02-01", "2028-02-29", "2028-02"),
        ("quarter", "2026-12-31", "2026-10-01", "2026-12-31", "2026-Q4"),
        ("year", "2026-07-01", "2026-01-01", "2026-12-31", "2026"),
    ],
)
def test_a_period_has_a_first_a_last_day_and_a_name(
    every: str, day: str, first: str, last: str, name: str
) -> None:
    found = period_of(next(e for e in EVERY if e == every), date.fromisoformat(day))
    assert (str(found.first), str(found.last), found.name) == (first, last, name)
    assert named(found.every, name) == found
    assert before(found).last < found.first


@pytest.mark.parametrize(
    ("every", "name"),
    [("day", "2026-02-30"), ("week", "2025-W53"), ("month", "2026-13"), ("quarter", "2026-Q5"),
     ("year", "0000"), ("month", "2026"), ("year", "2026-11"), ("week", "2026-11")],
)  # fmt: skip
def test_what_is_no_period_is_not_taken_for_one(every: str, name: str) -> None:
    assert named(next(e for e in EVERY if e == every), name) is None


def test_a_file_says_in_its_name_what_it_is_and_is_known_by_it_again() -> None:
    french = ReportSettings(
        scheme="m49-region", groups=("002", "a b.c"), every="quarter", lang="fr", compare="150"
    )
    plan = Plan((MONTHLY, french))
    month, quarter = (period_of(e.every, date(2026, 11, 22)) for e in (MONTHLY, french))
    for edition, sample, name in (
        (Edition(MONTHLY, "KE", month), False, "country-KE-2026-11.pdf"),
        (Edition(MONTHLY, "KE", month), True, "SAMPLE-country-KE-2026-11.pdf"),
        (Edition(french, "002", quarter), False, "m49-region-002-beside-150-2026-Q4.fr.pdf"),
        (Edition(french, "a b.c", quarter), False, "m49-region-a_b.c-beside-150-2026-Q4.fr.pdf"),
    ):
        assert edition.file("pdf", sample=sample) == name
        assert plan.edition(name) == (edition, "pdf")


@pytest.mark.parametrize(
    "name",
    ["country-UG-2026-11.pdf", "country-KE-2026-11-01.pdf", "country-KE-2026-11.doc",
     "country-KE-2026-11.en.pdf", "country-KE-2026-11.pdf.partial", "../country-KE-2026-11.pdf",
     "country-KE-2026-11.pdf\n", "sample-country-KE-2026-11.pdf", "", "a" * 100_000],
)  # fmt: skip
def test_other_files_are_not_ours(name: str) -> None:
    assert Plan((MONTHLY,)).edition(name) is None


def test_a_report_is_due_when_its_period_has_ended_until_each_file_is_there() -> None:
    plan = Plan((MONTHLY,))
    (due,) = plan.due(date(2026, 11, 1), (), sample=False)
    assert (due.edition.period.name, due.forms) == ("2026-10", ("html", "pdf"))
    (due,) = plan.due(date(2026, 11, 30), {"country-KE-2026-10.html"}, sample=False)
    assert due.forms == ("pdf",)
    both = {"country-KE-2026-10.html", "country-KE-2026-10.pdf"}
    assert plan.due(date(2026, 11, 30), both, sample=False) == []
    assert len(plan.due(date(2026, 11, 30), both, sample=True)) == 1  # what is no sample is none
    (due,) = plan.due(date(2027, 5, 3), both, sample=False)  # of many missed, the latest
    assert due.edition.period.name == "2027-04"


def test_the_latest_periods_are_kept_and_nothing_that_is_not_ours_is_touched() -> None:
    plan = Plan((ReportSettings(scheme="rir", groups=("a", "b"), every="year", keep=2),))
    held = {f"rir-{g}-{y}.{f}" for g in "ab" for y in (2021, 2022, 2023) for f in ("pdf", "csv")}
    held |= {"rir-a-1999.txt", "notes.pdf", "rir-c-2001.pdf"}
    assert sorted(plan.outdated(held - {"rir-b-2022.pdf", "rir-b-2022.csv"})) == [
        "rir-a-2021.csv", "rir-a-2021.pdf",
    ]  # fmt: skip
    assert list(Plan((MONTHLY,)).outdated({"country-KE-2000-01.pdf"})) == []


def test_a_report_is_as_of_the_last_day_or_a_sound_one_shortly_before() -> None:
    month = period_of("month", date(2026, 11, 1))

    def days(**degraded: bool) -> dict[date, bool]:
        return {date(2026, 11, int(day[1:])): bad for day, bad in degraded.items()}

    assert as_of(month, {date(2026, 10, 31): False, date(2026, 12, 1): False}) is None
    assert as_of(month, days(d10=False, d20=False)) == date(2026, 11, 20)
    assert as_of(month, days(d10=False, d25=False, d28=True, d29=True)) == date(2026, 11, 25)
    assert as_of(month, days(d10=False, d29=True)) == date(2026, 11, 29)  # too long ago: it says so


def test_nothing_is_written_before_the_last_day_is_final() -> None:
    day = period_of("day", date(2026, 11, 22))
    first, next_, later = (date(2026, 11, n) for n in (22, 23, 24))
    assert not settled(day, (first,), ())
    assert settled(day, (first, next_), ())
    assert not settled(day, (first, next_), (first,))  # its tables may be written again
    assert settled(day, (first, next_), (first, next_))
    assert settled(day, (first, next_, later), (first,))  # no more are written
    assert not settled(day, (), ())


# ------------------------------------------------------------------------------------- the settings


def test_forms_and_languages_are_those_that_there_are() -> None:
    assert Form.__args__ == tuple(FORMS)  # type: ignore[attr-defined]
    assert Language.__args__ == LANGUAGES  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('groups = ["KE"]\nevery = "month"', "`scheme`"),
        ('scheme = "country"\nevery = "month"', "`groups`"),
        ('scheme = "country"\ngroups = []\nevery = "month"', "$.reports[0].groups"),
        ('scheme = "country"\ngroups = ["../etc"]\nevery = "month"', "$.reports[0].groups[0]"),
        ('scheme = "country"\ngroups = ["KE"]\nevery = "hour"', "$.reports[0].every"),
        ('scheme = "country"\ngroups = ["KE"]\nevery = "day"\nformats = ["doc"]', "formats[0]"),
        ('scheme = "country"\ngroups = ["KE"]\nevery = "day"\nkeep = -1', "$.reports[0].keep"),
        ('scheme = "country"\ngroups = ["KE"]\nevery = "day"\nlanguage = "fr"', "lang, compare"),
        ('scheme = "country"\ngroups = ["KE", "KE"]\nevery = "day"', "country KE is there twice"),
        ('scheme = "country"\ngroups = ["KE"]\ncompare = "KE"\nevery = "day"', "with itself"),
    ],
)
def test_a_mistake_in_the_settings_is_named(tmp_path: Path, table: str, said: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{LEAST}[[reports]]\n{table}\n")
    with pytest.raises(SettingsError) as refused:
        settings.load(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)


def test_reports_need_a_history(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    table = '[[reports]]\nscheme = "country"\ngroups = ["KE"]\nevery = "month"\n'
    path.write_text(LEAST.replace('[history]\nfolder = "h"\n', "") + table)
    with pytest.raises(SettingsError, match=r"folder under \[history\]"):
        settings.load(path)
    path.write_text(LEAST + table)
    (report,) = settings.load(path).reports
    assert report.formats == ("html", "pdf", "json")
    assert report.path(tmp_path) == tmp_path / "../var/reports"
