"""The folder that history lies in: what is there, who may write, how a file comes and goes.

A file is written under a name that begins with a dot, made durable, and renamed; then the folder is
made durable, and only then what it replaces is removed. After a crash at any moment there are whole
files, and perhaps leftovers: a file that begins with a dot, an older edition, a day that its year
has already. :meth:`Folder.repair` removes them.

One process writes at a time (``flock`` on the file ``lock``); the system lets go of the lock when a
process ends, however it ends. Readers need none.

Which file speaks for a day: the newest edition of the day's own file, else that of the year.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from validator.history import engine
from validator.history.figure_layout import LAYOUT
from validator.history.layout import FileName, Layout, latest
from validator.history.records import Contents, DayRecord
from validator.model import SettingsError, SourceError

_PARTIAL = ".partial-"
_SPILL = ".spill-"
DAMAGED = "damaged"
"""The folder inside that damaged files are moved to: nothing is thrown away."""
_LOCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What history there is at one moment. ``owner``: the file that speaks for each day.

    ``damaged`` says of files that cannot be read what is wrong with them.
    """

    files: tuple[FileName, ...] = ()
    contents: Mapping[FileName, Contents] = field(default_factory=dict)
    owner: Mapping[date, FileName] = field(default_factory=dict)
    records: Mapping[date, DayRecord] = field(default_factory=dict)
    damaged: Mapping[str, str] = field(default_factory=dict)

    def owned_by(self, name: FileName) -> list[date]:
        """The days that a file speaks for, ascending."""
        return [each.day for each in self.contents[name].days if self.owner[each.day] == name]


class Folder:
    """A folder of history, of one kind. Metadata that was read is kept: names are used once."""

    def __init__(self, path: Path, layout: Layout = LAYOUT) -> None:
        if any(sign in str(path) for sign in "*?[]"):
            raise SettingsError(f"history.folder: {path}: must not have any of * ? [ ] in its name")
        self.path, self.layout = path, layout
        self._known: dict[FileName, Contents] = {}
        self._damaged: dict[str, str] = {}
        self._held: tuple[frozenset[str], Held] | None = None
        self._turn = threading.Lock()
        self._connection: engine.Connection | None = None

    def file(self, name: FileName) -> Path:
        return self.path / str(name)

    # ------------------------------------------------------------------------------------- reading

    def held(self) -> Held:
        """What is there now. Quick, unless there is something new. Safe in any thread.

        Raises:
            SourceError: the folder cannot be read.
        """
        with self._turn:
            try:
                names = frozenset(each.name for each in self.path.iterdir())
            except FileNotFoundError:
                return Held()
            except OSError as error:
                raise SourceError(
                    str(self.path), f"cannot be read: {error.strerror}", cure="look at its owner"
                ) from None
            if self._held is None or self._held[0] != names:
                self._held = names, self._look(names)
            return self._held[1]

    def call_damaged(self, name: FileName, problem: str) -> None:
        """Leave a file out from now on: its content turned out to be damaged."""
        with self._turn:
            self._damaged[str(name)] = problem
            self._held = None

    def _look(self, names: frozenset[str]) -> Held:
        ours = [name for name in map(FileName.parse, names) if name is not None]
        self._damaged = {name: why for name, why in self._damaged.items() if name in names}
        self._known = {name: self._known[name] for name in ours if name in self._known}
        unknown = [name for name in ours if name not in self._known]
        for name in unknown:
            if str(name) not in self._damaged:
                self._learn(name)
        sound = [name for name in ours if name in self._known and str(name) not in self._damaged]
        files = latest(sound)
        owner: dict[date, FileName] = {}
        records: dict[date, DayRecord] = {}
        for name in files:  # years first: a day's own file has the last word
            for record in self._known[name].days:
                owner[record.day], records[record.day] = name, record
        order = sorted(owner)
        return Held(
            tuple(files),
            {name: self._known[name] for name in files},
            {day: owner[day] for day in order},
            {day: records[day] for day in order},
            dict(sorted(self._damaged.items())),
        )

    def _learn(self, name: FileName) -> None:
        """Read the metadata of a file that is new to us."""
        if self._connection is None:
            self._connection = engine.connect()
        try:
            self._known[name] = read_contents(self.layout, self._connection, self.file(name))
        except engine.Unreadable as error:
            if self.file(name).exists():  # else it was replaced while we looked
                self._damaged[str(name)] = error.problem

    # ------------------------------------------------------------------------------------- writing

    @contextlib.contextmanager
    def locked(self, seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Be the one who writes.

        Raises:
            SourceError: another process writes for longer than that, or we may not write there.
        """
        with engine.writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            end = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() >= end:
                        raise SourceError(
                            str(self.path), "another process writes history here",
                            cure="wait until it has ended, or stop it",
                        ) from None  # fmt: skip
                    time.sleep(0.02)
            yield
        finally:
            os.close(handle)

    def next_edition(self, kind: str, period: str) -> FileName:
        """A name that was not used yet."""
        used = [
            name.edition
            for place in (self.path, self.path / DAMAGED)
            for name in _ours(place)
            if (name.kind, name.period) == (kind, period)
        ]
        return FileName(kind, period, max(used, default=0) + 1)

    def commit(
        self,
        name: FileName,
        write: Callable[[Path], None],
        replaces: Iterable[FileName],
        good: Callable[[Path], None] = lambda _: None,
    ) -> Path:
        """Let ``write`` make a file and ``good`` look at it, put it in its place, and remove what
        it replaces. For who holds the lock.

        Raises:
            SourceError: it could not be written; all is as it was.
        """
        target = self.file(name)
        partial = self.path / f"{_PARTIAL}{name}"
        try:
            with engine.writing(target):
                write(partial)
                good(partial)
                durable(partial)
                partial.rename(target)
                durable(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        self.remove(replaces)
        return target

    def remove(self, names: Iterable[FileName]) -> None:
        """Remove files that nothing needs any more. What cannot be removed is left to repair."""
        for name in names:
            with contextlib.suppress(OSError):
                self.file(name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            durable(self.path)

    @contextlib.contextmanager
    def spill(self) -> Iterator[Path]:
        """A folder for what does not fit into memory; it is gone afterwards."""
        path = self.path / f"{_SPILL}{os.getpid()}-{threading.get_ident()}"
        with engine.writing(path):
            path.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    # -------------------------------------------------------------------------------------- repair

    def repair(self, seconds: float = _LOCK_SECONDS) -> list[str]:
        """Remove what a crash left, and set aside what is damaged. A line for each thing done.

        Raises:
            SourceError: the folder cannot be written to.
        """
        with self.locked(seconds):
            done = []
            for name in sorted(each.name for each in self.path.iterdir()):
                if name.startswith((_PARTIAL, _SPILL)):
                    _discard(self.path / name)
                    done.append(f"{name}: removed: it was never finished")
            held = self.held()
            done += self.set_damaged_aside()
            held = self.held()
            for found in sorted(map(str, self._leftovers(held))):
                done.append(f"{found}: removed: a newer file has what it has")
            self.remove(self._leftovers(held))
            return done

    def set_damaged_aside(self, year: int | None = None) -> list[str]:
        """Move what is damaged, of one year or at all, out of the way: before a newer edition of a
        year is written, or the damaged one would look like what it replaces. For who holds the
        lock. A line for each."""
        return [
            self.set_aside(name, why)
            for name, why in self.held().damaged.items()
            if year is None or ((its := FileName.parse(name)) is not None and its.year == year)
        ]

    def set_aside(self, name: str, problem: str) -> str:
        """Move a damaged file out of the way. Returns what was done, in a line."""
        place = self.path / DAMAGED
        with engine.writing(place):
            place.mkdir(exist_ok=True)
            (self.path / name).rename(place / name)
            durable(place)
            durable(self.path)
        return f"{name}: damaged ({problem}): moved to {DAMAGED}/"

    def _leftovers(self, held: Held) -> set[FileName]:
        """Older editions, and days that their year has too, exactly."""
        ours = _ours(self.path)
        current = set(held.files)
        newest = {(name.kind, name.period): name.edition for name in current}
        old = {
            name
            for name in ours - current
            if name.edition < newest.get((name.kind, name.period), 0)
        }
        in_years = {
            record.day: record
            for name in current
            if name.kind == "year"
            for record in held.contents[name].days
        }
        same = {
            name
            for name in current
            if name.kind == "day"
            and held.contents[name].days
            and all(in_years.get(each.day) == each for each in held.contents[name].days)
        }
        return old | same


def _ours(path: Path) -> set[FileName]:
    """The files of history in a folder; none, if it cannot be read."""
    try:
        found = {FileName.parse(each.name) for each in path.iterdir()}
    except OSError:
        return set()
    return {name for name in found if name is not None}


def read_contents(layout: Layout, connection: engine.Connection, path: Path) -> Contents:
    """A file's own metadata.

    Raises:
        SourceError: it cannot be read, or is no file of history.
    """
    with engine.reading(str(path)):
        found = connection.execute(
            "SELECT value FROM parquet_kv_metadata(?) WHERE decode(key) = ?",
            [str(path), layout.key],
        ).fetchall()
    if len(found) != 1:
        raise engine.Unreadable(
            str(path), f"it is no file of history: it has no {layout.key} in its metadata"
        )
    try:
        return layout.decode(found[0][0])
    except ValueError as error:
        raise engine.Unreadable(str(path), str(error)) from None


def durable(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
