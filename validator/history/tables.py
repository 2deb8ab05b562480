"""The tables of past days: a folder for each kind, and days that all kinds have or none has.

A day's tables are written as one: first all files into a folder aside, made durable; that folder is
renamed, which is the moment from which the day is written; then each file is moved to its kind's
folder. Whatever a crash leaves of the last step is done by the next who writes, or by
:meth:`Tables.repair`; what was not ready is removed. Each kind's folder is then as
:class:`~validator.history.folder.Folder` has it: compacted, checked and repaired alone.

A day can be rebuilt if every kind speaks of the same snapshot on it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

from validator.history import engine
from validator.history.asking import asked
from validator.history.folder import Folder, Held, durable
from validator.history.layout import FileName
from validator.history.records import DayRecord
from validator.history.table_layouts import KINDS

T = TypeVar("T")
_PARTIAL, _READY = ".tables-partial-", ".tables-ready-"
_LOCK_SECONDS = 60.0
_MOVE_SECONDS = 2.0


class Tables:
    """The tables beside the figures in ``path``, the folder of the history."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folders: Mapping[str, Folder] = {
            kind: Folder(path / kind, layout) for kind, layout in KINDS.items()
        }

    @property
    def there(self) -> list[Folder]:
        """The folders of the kinds that are kept."""
        return [folder for folder in self.folders.values() if folder.path.is_dir()]

    # ------------------------------------------------------------------------------------- reading

    def days(self) -> dict[date, DayRecord]:
        """The days that can be rebuilt, ascending, each with the record of its routes.

        Raises:
            SourceError: a folder cannot be read.
        """
        self._await_moves()
        return agreed([folder.held() for folder in self.folders.values()])

    def asked(self, ask: Callable[[Mapping[str, Held]], T]) -> T:
        """Ask the files, by kind, as :func:`validator.history.asking.asked`."""
        self._await_moves()
        return asked(
            list(self.folders.values()),
            lambda held: ask(dict(zip(self.folders, held, strict=True))),
        )

    def _await_moves(self) -> None:
        """Give who writes the moment that the last step takes."""
        end = time.monotonic() + _MOVE_SECONDS
        while any(map(_fresh, self._aside(_READY))) and time.monotonic() < end:
            time.sleep(0.02)

    def _aside(self, beginning: str) -> list[Path]:
        try:
            return sorted(p for p in self.path.iterdir() if p.name.startswith(beginning))
        except OSError:
            return []

    # ------------------------------------------------------------------------------------- writing

    @contextlib.contextmanager
    def locked(self, seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Be the one who writes, in all folders. What a crash left half moved is moved first.

        Raises:
            SourceError: another process writes for longer than that, or we may not write there.
        """
        with contextlib.ExitStack() as locks:
            for folder in self.folders.values():
                locks.enter_context(folder.locked(seconds))
            self._move()
            yield

    def commit(self, day: date, write: Mapping[str, Callable[[Path], None]]) -> None:
        """Write a day, each kind by its own function, instead of what it had. For who holds the
        lock.

        Raises:
            SourceError: it could not be written; all is as it was.
        """
        period = day.isoformat()
        partial = self.path / f"{_PARTIAL}{period}-{os.getpid()}"
        with engine.writing(self.path):
            try:
                for kind, folder in self.folders.items():
                    place = partial / kind
                    place.mkdir(parents=True)
                    target = place / str(folder.next_edition("day", period))
                    write[kind](target)
                    durable(target)
                    durable(place)
                durable(partial)
                partial.rename(self.path / f"{_READY}{period}")
                durable(self.path)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            self._move()

    def _move(self) -> None:
        """The last step of whatever is ready."""
        for ready in self._aside(_READY):
            with engine.writing(ready):
                for kind, folder in self.folders.items():
                    for path in sorted((ready / kind).glob("day-*.parquet")):
                        name = FileName.parse(path.name)
                        if name is not None:
                            path.rename(folder.file(name))
                            durable(folder.path)
                            folder.remove(_older(folder, name))
                shutil.rmtree(ready)
                durable(self.path)

    # -------------------------------------------------------------------------------------- repair

    def repair(self, seconds: float = _LOCK_SECONDS) -> list[str]:
        """Finish or remove what a crash left, in every folder. A line for each thing done; nothing
        is made where there are no tables.

        Raises:
            SourceError: a folder cannot be written to.
        """
        if not self.there:
            return []
        done = [f"{path.name}: moved to its place" for path in self._aside(_READY)]
        with self.locked(seconds):
            for path in self._aside(_PARTIAL):
                shutil.rmtree(path, ignore_errors=True)
                done.append(f"{path.name}: removed: it was never finished")
        for kind, folder in self.folders.items():
            done += [f"{kind}/{line}" for line in folder.repair(seconds)]
        return done


def agreed(held: Sequence[Held]) -> dict[date, DayRecord]:
    """The days on which all kinds, the first of them routes, speak of the same snapshot."""
    first, *others = held
    return {
        day: record
        for day, record in first.records.items()
        if record.circumstances is not None
        and all(_same(record, other.records.get(day)) for other in others)
    }


def _same(record: DayRecord, other: DayRecord | None) -> bool:
    return other is not None and (record.created, record.generation) == (
        other.created,
        other.generation,
    )


def _older(folder: Folder, name: FileName) -> list[FileName]:
    """Earlier editions of a day's file."""
    found = (FileName.parse(path.name) for path in folder.path.iterdir())
    return [each for each in found if each and each[:2] == name[:2] and each.edition < name.edition]


def _fresh(path: Path) -> bool:
    """Whether somebody may be at work on it: what a crash left is older."""
    try:
        return time.time() - path.stat().st_mtime < _MOVE_SECONDS
    except OSError:
        return False
