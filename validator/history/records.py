"""What is kept of a day: where its figures are from, how sound they are, and the figures.

A day's figures are those of its last snapshot (UTC). A :class:`DayRecord` goes into the file's own
metadata, as JSON, so that figures and provenance cannot be parted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec

from validator.feed import VERSION, redacted, shown
from validator.figures.coverage import Coverage
from validator.figures.visibility import States
from validator.formats.replies import generated_time
from validator.freshness import SourceStatus
from validator.groupings import Attribution
from validator.model import Family, InputReport, OriginsightError
from validator.snapshot import Snapshot

Pair = tuple[str, Attribution]


class NoSuchDay(OriginsightError):  # noqa: N818 - named for what it tells the caller
    """A day or group that the history does not have. Says which days it has."""


class InputRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """An input that the figures rest on. ``sha256`` is of the bytes as stored; ``built`` is when
    the far side made it (Unix seconds), 0 if it does not say."""

    kind: str
    source: str
    sha256: str = ""
    built: int = 0
    rows: int = 0


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """An input that was late, degraded or failed. ``stale``: answers said so, since what was in use
    was beyond its time."""

    kind: str
    source: str
    state: str
    error: str = ""
    since: int = 0
    stale: bool = False

    @property
    def note(self) -> str:
        """One line, as the coverage answers of the day had it."""
        since = f" since {generated_time(self.since)}" if self.since else ""
        return f"{self.kind} {self.source}: {self.state}{since}: {self.error}"


class Circumstances(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The small things of a snapshot that are in no table: they go with the day's routes. Sources
    are as shown to people. Pairs are IPv4's and IPv6's; ``surveyed``: whether full-feed peers were
    asked what they carry. ``registries`` and ``countries`` are all names of the registry files, in
    order, ``trust_anchors`` all of the exports."""

    reports: tuple[InputReport, ...] = ()
    troubles: tuple[SourceStatus, ...] = ()
    trust_anchors: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    overlaps: int = 0
    duplicates: int = 0
    full_feeds: tuple[int, int] = (0, 0)
    watched: tuple[States, States] = (States(), States())
    surveyed: bool = False


class DayRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One day. ``created`` (Unix seconds) and ``generation`` are the snapshot's; ``membership`` is
    the day as of which groups had their members; ``exclusions`` counts routes that no group has;
    ``rows`` and ``digest`` are of the day's figures (:mod:`validator.history.layout`)."""

    day: date
    created: int
    generation: int = 0
    min_peers: int = 1
    membership: date | None = None
    sample: bool = False
    version: str = ""
    inputs: tuple[InputRecord, ...] = ()
    marks: tuple[Mark, ...] = ()
    exclusions: dict[str, int] = {}
    schemes: tuple[tuple[str, str], ...] = ()
    """Each scheme that was counted, with its attribution."""
    titles: dict[str, str] = {}
    notes: tuple[str, ...] = ()
    """Remarks for a person, for instance that the day was imported."""
    rows: int = 0
    digest: str = ""
    circumstances: Circumstances | None = None
    """What else there was, in the files of routes alone."""

    @property
    def degraded(self) -> bool:
        return bool(self.marks)

    @property
    def degraded_notes(self) -> list[str]:
        """Why the figures are not to be relied on without a word, a line for each input."""
        return [mark.note for mark in self.marks]

    @property
    def stale_notes(self) -> list[str]:
        """What the coverage answers of the day said under ``degraded``."""
        return [mark.note for mark in self.marks if mark.stale]


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds, as its metadata says. ``days`` ascend."""

    format: int
    days: tuple[DayRecord, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What of a snapshot goes into the history: small, so that the snapshot itself can go.

    ``names`` gives the names of a scheme's groups.
    """

    record: DayRecord
    coverages: Mapping[Pair, Coverage]
    names: Mapping[str, Callable[[str], str]]


def counted(snapshot: Snapshot, day: date | None = None) -> Counted:
    """What to keep of a snapshot. ``day`` is by default the day (UTC) that it was made on."""
    schemes = {scheme for scheme, _ in snapshot.coverages}
    namers = {str(scheme): _namer(snapshot, scheme) for scheme in schemes}
    return Counted(record_of(snapshot, day), dict(snapshot.coverages), namers)


def record_of(snapshot: Snapshot, day: date | None = None) -> DayRecord:
    """What is to be known of a snapshot, but for its tables."""
    made = day_of(snapshot.created)
    return DayRecord(
        day=day or made,
        created=snapshot.created,
        generation=snapshot.generation,
        min_peers=snapshot.min_peers,
        membership=made,
        sample=snapshot.sample,
        version=VERSION,
        inputs=tuple(
            InputRecord(each.kind, shown(each.source), each.sha256, each.built, each.rows)
            for each in snapshot.inputs
        ),
        marks=_marks(snapshot),
        exclusions=dict(snapshot.exclusions),
        schemes=tuple((str(scheme), str(by)) for scheme, by in snapshot.coverages),
        titles={scheme: snapshot.scheme_title(scheme) for scheme in snapshot.schemes},
    )


def circumstances_of(snapshot: Snapshot) -> Circumstances:
    """What of a snapshot is in no table."""
    sightings, resources = snapshot.sightings, snapshot.resources
    ipv4, ipv6 = Family
    return Circumstances(
        reports=tuple(_shown_report(each) for each in snapshot.inputs),
        troubles=tuple(_shown_status(each) for each in snapshot.troubles),
        trust_anchors=snapshot.vrps.trust_anchors,
        registries=resources.registries,
        countries=resources.countries,
        overlaps=resources.overlaps,
        duplicates=resources.duplicates,
        full_feeds=(sightings.full_feeds[ipv4], sightings.full_feeds[ipv6]),
        watched=(sightings.watched[ipv4], sightings.watched[ipv6]),
        surveyed=sightings.seen is not None,
    )


def _shown_report(report: InputReport) -> InputReport:
    source = shown(report.source)
    notes = tuple(note.replace(report.source, source) for note in report.notes)
    return dataclasses.replace(report, source=source, notes=notes, rejected=dict(report.rejected))


def _shown_status(status: SourceStatus) -> SourceStatus:
    source, error = redacted(status)
    return dataclasses.replace(status, source=source, error=error)


def _namer(snapshot: Snapshot, scheme: str) -> Callable[[str], str]:
    """As ``snapshot.namer``, but it does not hold the snapshot."""
    if scheme != "asn":
        return snapshot.namer(scheme)
    names = snapshot.names
    return lambda group: names.get(int(group[2:]), "") if group != "NONE" else "origin NONE"


def _marks(snapshot: Snapshot) -> tuple[Mark, ...]:
    marks = []
    for each in snapshot.troubles:
        source, error = redacted(each)
        stale = each.stale(snapshot.created)
        marks.append(Mark(each.kind, source, str(each.state), error, each.since or 0, stale))
    return tuple(marks)


def day_of(moment: float) -> date:
    """The day (UTC) of a time in Unix seconds."""
    return datetime.fromtimestamp(moment, UTC).date()


def days_between(first: date, last: date) -> Iterable[date]:
    """Every day from ``first`` to ``last``, both included."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def stretches(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as runs without a gap, in order: ``2026-01-01 to 2026-01-31``."""
    runs: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if runs and (day - runs[-1][1]).days == 1:
            runs[-1] = runs[-1][0], day
        else:
            runs.append((day, day))
    return runs


def said(days: Iterable[date], most: int = 6) -> str:
    """Some days in words, for a message: the latest stretches."""
    runs = stretches(days)
    if not runs:
        return "none"
    texts = [f"{a}" if a == b else f"{a} to {b}" for a, b in runs[-most:]]
    return ("…, " if len(runs) > most else "") + ", ".join(texts)
