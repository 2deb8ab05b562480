"""Milestones: the file that comes with Originsight, files of one's own, and every mistake."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from collectors.base import LocalFile
from validator.model import SourceError
from validator.targets.milestones import Milestone, between, built_in, load, read

TITLES = "date,name,about,source\n"


def written(folder: Path, text: str | bytes, name: str = "mine.csv") -> LocalFile:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return LocalFile(path, name)


def test_our_own_file_has_the_summits_and_the_reviews() -> None:
    path = built_in()
    assert path is not None
    days = {each.name: each.day for each in read(LocalFile(path, path.name))}
    assert days["WSIS Geneva"] == date(2003, 12, 10)
    assert days["WSIS Tunis"] == date(2005, 11, 16)
    assert days["WSIS+10"] == date(2015, 12, 15)
    assert days["WSIS+20"] == date(2025, 12, 16)
    assert days["2030"] == date(2030, 12, 31)
    assert list(days.values()) == sorted(days.values())
    assert all(each.about and each.source for each in read(LocalFile(path, path.name)))


def test_a_file_of_ones_own_stands_beside_it_and_what_both_name_is_there_once(
    tmp_path: Path,
) -> None:
    ours = written(tmp_path, TITLES + '2024-02-29,Law,"In force, at last",Gazette\n')
    more = written(tmp_path, "# note: mine\nname,date\nLaw,2024-02-29\nAudit,2023-01-01\n", "b.csv")
    found = load([ours, more])
    assert found == (
        Milestone(date(2023, 1, 1), "Audit"),
        Milestone(date(2024, 2, 29), "Law", "In force, at last", "Gazette"),
    )
    assert between(found, date(2024, 1, 1), date(2024, 2, 29)) == found[1:]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("date,about\n2024-01-01,x\n", "line 1", "there is no column name"),
        ("date,name,url\n2024-01-01,x,y\n", "line 1", "the column `url` is unknown"),
        ("date,name,name\n2024-01-01,x,y\n", "line 1", "the column name is there twice"),
        (TITLES + "2024-02-30,x,,\n", "line 2", "`2024-02-30`, which is no date"),
        (TITLES + "1 May 2024,x,,\n", "line 2", "write it as 2025-12-16"),
        (TITLES + "2024-01-01,,a,b\n", "line 2", "has no name"),
        (TITLES + "2024-01-01,x\n", "line 2", "has 2 values where the titles are 4"),
        (TITLES + f"2024-01-01,{'x' * 81},,\n", "line 2", "has 81 letters"),
        (TITLES + "2024-01-01,x,,\n2024-01-01,x,,\n", "line 3", "twice, first in line 2"),
        (TITLES, "", "has no rows"),
        ("", "", "is empty"),
        ("# note: nothing\n", "line 1", "there is no column date"),
        (TITLES + '2024-01-01,"x,,\n', "line", "is not a CSV"),
        (b"date,name\n2024-01-01,\xff\n", "line 2", "is not UTF-8"),
        (b"date,name\n2024-01-01,\0\n", "line 2", "holds a zero byte"),
    ],
)
def test_a_mistake_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, place: str, said: str
) -> None:
    with pytest.raises(SourceError) as refused:
        read(written(tmp_path, text))
    assert said in str(refused.value)
    assert str(refused.value).startswith("mine.csv")
    assert "\n" not in str(refused.value)
    assert place in refused.value.place


def test_what_would_trouble_a_page_becomes_a_blank(tmp_path: Path) -> None:
    (found,) = read(written(tmp_path, TITLES + "2024-01-01,a\x1b[31m,b\tc,\n"))
    assert (found.name, found.about) == ("a [31m", "b c")
