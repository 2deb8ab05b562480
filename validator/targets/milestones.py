"""Milestones: days that mark a time axis, from ``config/milestones.csv`` and files of one's own.

A file is a CSV in UTF-8 with the titles ``date,name,about,source``, a day a row; lines that begin
with ``#`` before the titles are remarks, as in lists of groups (docs/groups.md). People write these
by hand: a mistake is refused with its line and its cure, and nothing of that file is used. Names
come from strangers and go to pages: control characters become blanks, long texts are cut.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError
from collectors.group_form import LONGEST_REMARK, GroupFile, clean, shown, text_of

TITLES = ("date", "name", "about", "source")
_NEEDED = TITLES[:2]
_LONGEST_NAME = 80
_MOST_BYTES = 1 << 20
"""Of a file: all of it goes to whoever asks."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class MilestoneSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Milestones of the user's own: ``[[milestones]]`` in the settings."""

    source: Annotated[str, Meta(min_length=1)]
    """A path, a folder (its CSV files) or a URL."""


@dataclass(frozen=True, slots=True, order=True)
class Milestone:
    """A day worth a mark. ``name`` is short enough to stand beside a rule; ``about`` is a sentence;
    ``source`` says where to read of it."""

    day: date
    name: str
    about: str = ""
    source: str = ""


def built_in() -> Path | None:
    """The file that comes with Originsight: where ORIGINSIGHT_MILESTONES says, as in the container
    image, or in the source tree that this runs from. None if there is no such file."""
    beside = Path(__file__).parents[2] / "config" / "milestones.csv"
    path = Path(os.environ.get("ORIGINSIGHT_MILESTONES") or beside)
    return path if path.is_file() else None


def load(files: Iterable[LocalFile]) -> tuple[Milestone, ...]:
    """The milestones of some files, in order of days; one that several name the same is one.

    Raises:
        SourceError: a file cannot be read, or anything in it is wrong.
    """
    return merged(read(file) for file in files)


def merged(lists: Iterable[Iterable[Milestone]]) -> tuple[Milestone, ...]:
    """Several lists as one, in order of days; of what several name the same, the first."""
    found: dict[tuple[date, str], Milestone] = {}
    for each in itertools.chain.from_iterable(lists):
        found.setdefault((each.day, each.name), each)
    return tuple(sorted(found.values()))


def between(milestones: Iterable[Milestone], first: date, last: date) -> tuple[Milestone, ...]:
    """Those from the first day to the last, both included."""
    return tuple(each for each in milestones if first <= each.day <= last)


def read(file: LocalFile) -> tuple[Milestone, ...]:
    """One file, in its own order.

    Raises:
        SourceError: it cannot be read, or anything in it is wrong.
    """
    given = GroupFile(file.source, text_of(file.source, _content(file)))
    rows = given.rows()
    titles = [title.lower() for title in next(rows, [])]
    for problem in (
        *(f"there is no column {title}" for title in _NEEDED if title not in titles),
        *(f"the column {shown(title)} is unknown" for title in titles if title not in TITLES),
        *(f"the column {title} is there twice" for title in TITLES if titles.count(title) > 1),
    ):
        raise given.wrong(problem, f"the titles are {', '.join(TITLES)}")
    found: dict[tuple[date, str], int] = {}
    milestones = []
    for row in rows:
        value = dict(zip(titles, row, strict=True))
        day, name = _day(given, value["date"]), clean(value["name"])
        if not name:
            raise given.wrong("the milestone has no name", "give it one, short enough for a mark")
        if len(name) > _LONGEST_NAME:
            raise given.wrong(
                f"the name {shown(name)} has {len(name)} letters",
                f"write at most {_LONGEST_NAME}, and the rest into the column about",
            )
        if (day, name) in found:
            raise given.wrong(
                f"{shown(name)} on {day} is there twice, first in line {found[day, name]}",
                "leave one out",
            )
        found[day, name] = given.line
        rest = (clean(value.get(title, ""), LONGEST_REMARK) for title in TITLES[2:])
        milestones.append(Milestone(day, name, *rest))
    if not milestones:
        raise given.wrong("has no rows", "give at least one under the titles", 0)
    return tuple(milestones)


def _content(file: LocalFile) -> bytes:
    raw = bytearray()
    for piece in Archive(file, ReadOptions()).chunks():
        raw += piece
        if len(raw) > _MOST_BYTES:
            raise SourceError(
                file.source,
                f"holds more than {_MOST_BYTES >> 20} MiB",
                cure="is it a list of milestones?",
            )
    return bytes(raw)


def _day(given: GroupFile, text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise given.wrong(f"`date` is {shown(text)}, which is no date", "write it as 2025-12-16")
