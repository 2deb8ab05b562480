"""The sample's history written to its folder: made anew, or continued where it ended.

Figures are kept of every day; tables, from which a whole day is rebuilt, of the last sixty days and
of the first of January in some years before, so that change over years can be asked. A
``README.txt`` in the folder says what it is, which world it belongs to and how far it goes; it is
written last, so that what was begun and not finished is made anew. Only folders that hold nothing
but a sample are touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec

from collectors.base import ReadOptions
from collectors.catalog import Batch, Kind, read, wanted
from collectors.local import find
from validator.history.bulk_tables import BulkTables
from validator.history.bulk_writing import Spell, write_spells
from validator.history.folder import Folder
from validator.history.layout import FileName
from validator.history.records import Counted, DayRecord, counted, days_between
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.history.writing import write_counted
from validator.inputs.batches import Inputs, gather
from validator.model import Family, SourceError
from validator.sample.adoption import EARLY, LATE
from validator.sample.files import REMARK
from validator.sample.growth import Growth, grow
from validator.sample.model import Block, World
from validator.sample.past import Past, snapshot_of
from validator.sample.span import YEARS, Span
from validator.settings.file import Settings

README = "README.txt"
TABLE_DAYS = 60
TABLE_YEARS = (0, 1, 2, 4, 9, 14)
"""Of so many years before the last, the first day of January has tables."""
_MOST_CONTINUED = 62
"""A history that ended longer ago is made anew, so that its last weeks have change in them."""

Step = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was done. ``days``: how many have figures now, ``tables``: how many can be rebuilt."""

    anew: bool
    first: date
    last: date
    days: int
    tables: int
    size: int


def write_history(
    world: World,
    files: Path,
    folder: Path,
    settings: Settings,
    last: date,
    step: Step = lambda *_: None,
    years: float = YEARS,
) -> Written:
    """Let the history of ``world``, whose files are in ``files``, end on the day ``last``.

    ``settings`` say what counts as announced, and name the groups: a source that has the name of
    one of the sample's files is read from ``files``.

    Raises:
        SourceError: the folder holds what is no sample's, or cannot be written.
    """
    inputs = read_inputs(settings, files)
    mark = fingerprint(inputs)
    figures, tables = Folder(folder), Tables(folder)
    known = _known(folder, mark)
    anew = known is None or not 0 <= (last - known).days <= _MOST_CONTINUED
    if known is None or anew:
        _clear(figures, tables)
        growth = grow(world, Span.until(last, years))
        story = list(_told(growth))
        _write_anew(Past(world, growth, inputs, settings.rules), figures, tables, step)
    else:
        story = _story(folder)
        _continue(inputs, settings, figures, tables, known, last, step)
    lines = [REMARK, f"world: {mark}", f"until: {last}", "", *story]
    (folder / README).write_text("\n".join(lines) + "\n")
    days = tuple(figures.held().records)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Written(anew, days[0], days[-1], len(days), len(tables.days()), size)


def read_inputs(settings: Settings, files: Path) -> Inputs:
    """What the settings name, the sample's own files from ``files``."""
    options = ReadOptions()
    batches: list[Batch] = []
    for kind in Kind:
        for each in settings.of(kind):
            ours = files / Path(each.source).name
            source = str(ours) if ours.is_file() else each.source
            batches += [read(kind, f, options) for f in wanted(kind, source, find(source)[0])]
    return gather(batches)


def fingerprint(inputs: Inputs) -> str:
    """Of a world's files, and of the code that tells its past."""
    whole = hashlib.sha256(" ".join(report.sha256 for report in inputs.reports).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:32]


def _known(folder: Path, mark: str) -> date | None:
    """Until when the history of this world goes that was written there, if there is one."""
    try:
        text = (folder / README).read_text()
    except OSError:
        return None
    lines = dict(line.partition(": ")[::2] for line in text.splitlines())
    try:
        return date.fromisoformat(lines["until"]) if lines.get("world") == mark else None
    except (KeyError, ValueError):
        return None


def _clear(figures: Folder, tables: Tables) -> None:
    """Remove a sample's history.

    Raises:
        SourceError: it is not one.
    """
    every = (figures, *tables.folders.values())
    for folder in every:
        held = folder.held()
        real = [record.day for record in held.records.values() if not record.sample]
        if real or held.damaged:
            found = f"real days (for instance {real[0]})" if real else "files that cannot be read"
            raise SourceError(
                str(folder.path), f"holds {found}: nothing of it is removed",
                cure="give the sample a folder of its own",
            )  # fmt: skip
    with figures.locked():
        (figures.path / README).unlink(missing_ok=True)
        figures.remove(_every(figures))
    with tables.locked():
        for folder in tables.folders.values():
            folder.remove(_every(folder))


def _every(folder: Folder) -> list[FileName]:
    names = (FileName.parse(path.name) for path in folder.path.iterdir())
    return [name for name in names if name is not None]


# ----------------------------------------------------------------------------------------- writing


def _write_anew(past: Past, figures: Folder, tables: Tables, step: Step) -> None:
    with BulkTables(tables) as bulk:
        for _ in write_spells(spells(past, step, bulk), figures):
            pass  # each year is counted when it is asked for


def spells(
    past: Past, step: Step = lambda *_: None, tables: BulkTables | None = None
) -> Iterator[Spell]:
    """All days of a history. ``tables`` is given some of them meanwhile."""
    span = past.growth.span
    days = past.steps()
    for number, (day, following) in enumerate(pairwise([*days, span.last + timedelta(days=1)])):
        step(f"counting {day}", number, len(days))
        base = past.snapshot(day)
        what = counted(base, day)
        records = []
        for each in days_between(day, following - timedelta(days=1)):
            if each in span.gaps:
                continue
            then = past.on(base, each)
            records.append(_record(what if then is base else counted(then, each), each, span))
            if tables is not None and _has_tables(each, span):
                tables.add(each, then)
        yield Spell(tuple(records), what.coverages, what.names)


def _record(what: Counted, day: date, span: Span) -> DayRecord:
    """A day's record; the titles of schemes are those of the latest."""
    record = msgspec.structs.replace(what.record, day=day)
    return record if day == span.last else msgspec.structs.replace(record, titles={})


def _has_tables(day: date, span: Span) -> bool:
    ago = span.last.year - day.year
    new_year = (day.month, day.day) == (1, 1) and ago in TABLE_YEARS
    return new_year or (span.last - day).days < TABLE_DAYS


def _continue(
    inputs: Inputs,
    settings: Settings,
    figures: Folder,
    tables: Tables,
    known: date,
    last: date,
    step: Step,
) -> None:
    """The days since, on which the world stood still."""
    held, kept = figures.held().records, tables.days()
    days = list(days_between(known + timedelta(days=1), last))
    for number, day in enumerate(days):
        step(f"writing {day}", number, len(days))
        snapshot = snapshot_of(inputs, settings.rules, day)
        if day not in held:
            write_counted(counted(snapshot, day), figures)
        if day not in kept:
            write_tables(snapshot, tables, day)


# ------------------------------------------------------------------------------------------- README


def _told(growth: Growth) -> Iterator[str]:
    """What happens in a history, for whoever looks for it."""
    span, told = growth.span, growth.stories
    yield f"{span.first} to {span.last}: how the sample world came to be. Change is monthly at"
    yield "first, weekly in the last two years, daily in the last sixty days. All of it is"
    yield "invented, but for the days on which countries joined or left classes of countries."
    yield ""
    yield f"{EARLY}, {LATE}: the first region to sign, and the last"
    yield f"{_day(told.campaign_day)} {told.campaign}: nearly all sign within a season"
    yield (
        f"{_day(told.lapse_day)} {told.lapse}: AS{told.lapse_asn}, which signed on "
        f"{_day(told.lapse_signed)}, lets its ROAs expire"
    )
    for outage in growth.outages:
        days = outage.until - outage.since
        yield f"{_day(outage.since)} {outage.country}: nothing is announced for {days} days"
    for transfer in sorted(growth.transfers, key=lambda each: each.day):
        line = transfer.line
        block = next(Block(Family(line.kind), line.first, line.count).prefixes())
        yield (
            f"{_day(transfer.day)} {block} and what follows it: from "
            f"{transfer.former.country} to {line.country}"
        )
    for trouble in span.troubles:
        yield f"{trouble.first} to {trouble.last}: {trouble.source} was {trouble.state}"
    for day in sorted(span.gaps):
        yield f"{day}: not recorded"


def _story(folder: Path) -> list[str]:
    return (folder / README).read_text().partition("\n\n")[2].splitlines()


def _day(ordinal: int) -> date:
    return date.fromordinal(ordinal)
