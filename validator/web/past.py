"""The figures of a day in the past: ``?at=``, from the files of :mod:`validator.history`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from validator.figures.coverage import Coverage
from validator.formats.replies import generated_time
from validator.groupings import Attribution, Scheme
from validator.history.reading import Reader
from validator.history.records import DayRecord, NoSuchDay
from validator.model import SourceError
from validator.snapshot import Snapshot
from validator.web.answers import NO_CACHE, Refusal
from validator.web.contract import Parameter, query

DAY = {
    "type": "string",
    "format": "date",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "description": "a day (UTC), as 2026-11-22",
}
AT: Parameter = query("at", "the figures of a day in the past, as they were answered then", DAY)
"""For operations that :func:`past` serves."""


def kept(reader: Reader | None) -> Reader:
    """Raises Refusal: 404, no history is kept."""
    if reader is None:
        raise no_history()
    return reader


def no_history() -> Refusal:
    return Refusal(404, "this service keeps no history; its settings may: [history] folder")


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """A scheme on a day in the past: what a coverage answer needs instead of a snapshot."""

    record: DayRecord
    coverage: Coverage
    names: dict[str, str]

    def name(self, group: str) -> str:
        return self.names.get(group, "")

    @property
    def head(self) -> dict[str, Any]:
        """What comes before the rows of ``/api/v1/coverage``: as the day's own answer had it."""
        return {
            "by": self.coverage.scheme,
            "attribution": self.coverage.attribution.value,
            "min_peers": self.record.min_peers,
            "generated": generated_time(self.record.created),
            "generation": self.record.generation,
            "sample": self.record.sample,
            "degraded": self.record.stale_notes,
            "excluded": self.record.exclusions,
        }

    @property
    def headers(self) -> dict[str, str]:
        """ETag and Cache-Control."""
        return {
            "ETag": f'W/"{self.record.day}-{self.record.digest[-16:]}-{self.record.created}"',
            "Cache-Control": NO_CACHE,
        }


def parse_day(name: str, text: str | None) -> date | None:
    """A day of a query.

    Raises:
        Refusal: 400, it is none.
    """
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise Refusal(400, f"{name}={text[:20]!r} is not a day such as 2026-11-22")
    return day


def group_files(snapshot: Snapshot | None) -> tuple[str, ...]:
    """The SHA-256 of the files in force that say who belongs to which group: what is said of a past
    day follows from them too."""
    inputs = snapshot.inputs if snapshot else ()
    return tuple(each.sha256 for each in inputs if each.kind == "groups")


@contextmanager
def readable() -> Iterator[None]:
    """The history's troubles as refusals.

    Raises:
        Refusal: 404, what is asked for is not there, and what is; 503, the files cannot be read.
    """
    try:
        yield
    except NoSuchDay as error:
        raise Refusal(404, str(error)) from None
    except SourceError as error:
        raise Refusal(503, f"the history cannot be read: {error.problem}") from None


def past(reader: Reader | None, scheme: str, attribution: Attribution | None, day: date) -> Past:
    """A scheme as coverage answered it on a day. Takes up to half a second: call it in a thread.

    Raises:
        Refusal: 404, there is no such day, or it lacks the scheme; names what there is. 503, the
            files cannot be read.
    """
    history = kept(reader)
    with readable():
        by = attribution or usual(scheme, history.day(day))
        table = history.at(scheme, by, day)
    return Past(table.record, table.coverage, dict(table.names))


def usual(scheme: str, record: DayRecord) -> Attribution:
    """The first attribution of a scheme, as :func:`validator.groupings.attributions` has them."""
    its = [Attribution(by) for name, by in record.schemes if name == scheme]
    if not its:
        every = ", ".join(dict.fromkeys(name for name, _ in record.schemes))
        raise NoSuchDay(f"{scheme!r} was not counted on {record.day}; there are {every}")
    return Attribution.ORIGIN if scheme == Scheme.ASN else min(its)
