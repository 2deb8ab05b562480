"""Every file read through, and every day compared with the digest that it was written with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from validator.history import engine
from validator.history.compacting import verify
from validator.history.folder import Folder
from validator.history.layout import FileName
from validator.history.rebuilding import differing, rebuild
from validator.history.records import days_between, said
from validator.history.tables import Tables


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. ``problems``: a line for each file that is not sound, by its name."""

    files: int
    days: int
    gaps: tuple[date, ...]
    degraded: int
    problems: dict[str, str]

    @property
    def lines(self) -> list[str]:
        """For a person."""
        found = [f"{name}: {why}" for name, why in self.problems.items()]
        summary = (
            f"{self.files} files, {self.days} days, {len(self.gaps)} missing between the first and "
            f"the last, {self.degraded} degraded, {len(self.problems)} files damaged"
        )
        return [*found, summary]


def check_all(path: Path, set_aside: bool = False) -> tuple[list[str], bool]:
    """Check figures and tables, and validate the last day that can be rebuilt anew. Returns lines
    for a person, and whether all is sound.

    Raises:
        SourceError: as :func:`check`.
    """
    figures, tables = Folder(path), Tables(path)
    checked = {"": check(figures, set_aside)}
    checked |= {f"{each.layout.kind}: ": check(each, set_aside) for each in tables.there}
    lines = [start + line for start, found in checked.items() for line in found.lines]
    sound = not any(found.problems for found in checked.values())
    days = list(tables.days())
    if tables.there:
        lines.append(f"{len(days)} days can be rebuilt: {said(days)}")
    if days:
        wrong = differing(rebuild(tables, days[-1]))
        lines.append(f"{days[-1]} validated anew: {wrong} verdicts differ")
        sound = sound and not wrong
    return lines, sound


def check(folder: Folder, set_aside: bool = False) -> Checked:
    """Read all of the history. ``set_aside``: move what is damaged out of the way, so that what is
    left can be relied on, and the days can be imported again.

    Raises:
        SourceError: the folder cannot be read; or written to, if something is to be moved.
    """
    held = folder.held()
    problems = dict(held.damaged)
    for name in held.files:
        try:
            verify(folder.layout, folder.file(name), held.contents[name])
        except engine.Unreadable as error:
            if folder.file(name).exists():
                problems[str(name)] = error.problem
    for unsound, why in problems.items():
        known = FileName.parse(unsound)
        if known is not None:
            folder.call_damaged(known, why)
    if set_aside and problems:
        with folder.locked():
            for unsound, why in problems.items():
                folder.set_aside(unsound, why)
    days = list(held.owner)
    every = days_between(days[0], days[-1]) if days else ()
    return Checked(
        files=len(held.files) + len(held.damaged),
        days=len(days),
        gaps=tuple(day for day in every if day not in held.owner),
        degraded=sum(record.degraded for record in held.records.values()),
        problems=problems,
    )
