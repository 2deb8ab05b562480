"""A past day of which figures are kept, but no tables: as much of a snapshot as questions about
groups need. It has no routes, no VRPs and no registries; whoever asks for these needs
:mod:`validator.history.rebuilding`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np

from validator.figures.coverage import Coverage
from validator.figures.visibility import NOTHING_SEEN
from validator.groupings import Attribution, Scheme, on_day
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.rebuilding import Groups
from validator.history.records import DayRecord, Pair, day_of
from validator.model import parse_asn
from validator.snapshot import Adjacencies, Snapshot
from validator.tables.resources import build_table as build_resources
from validator.tables.routes import publish, unite
from validator.tables.vrps import build_table


def when(
    reader: Reader, moments: Moments, day: date, groups: Groups
) -> tuple[Snapshot, DayRecord | None]:
    """A past day as whole as it is kept: its snapshot, or an outline and what is recorded of it.
    Takes seconds of a day that is rebuilt.

    Raises:
        NoSuchDay: there is no such day.
        SourceError: the history cannot be read.
    """
    if day in moments.days():
        return moments.at(day), None
    return outline(reader, day, groups)


class _Figures(Mapping[Pair, Coverage]):
    """The coverages of a day, each read when it is asked for. ``names`` has those of its groups."""

    def __init__(self, reader: Reader, record: DayRecord, groups: Groups) -> None:
        self._reader, self._day = reader, record.day
        known = {*Scheme, *groups.groupings}
        self._pairs = [(each, Attribution(by)) for each, by in record.schemes if each in known]
        self._read: dict[Pair, Coverage] = {}
        self.names: dict[str, Mapping[str, str]] = {}

    def __getitem__(self, pair: Pair) -> Coverage:
        if pair not in self._pairs:
            raise KeyError(pair)
        if pair not in self._read:
            table = self._reader.at(*pair, self._day)
            self._read[pair], self.names[pair[0]] = table.coverage, table.names
        return self._read[pair]

    def __contains__(self, pair: object) -> bool:
        return pair in self._pairs  # without reading anything

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)


class _Names(Mapping[int, str]):
    """What networks were called, once the figures of networks are read."""

    def __init__(self, figures: _Figures) -> None:
        self._figures = figures

    def __getitem__(self, asn: int) -> str:
        return self._figures.names.get("asn", {})[f"AS{asn}"]

    def __iter__(self) -> Iterator[int]:
        its = self._figures.names.get("asn", {})
        return (parse_asn(group) for group in its if group != "NONE")

    def __len__(self) -> int:
        return sum(1 for _ in self)


def outline(reader: Reader, day: date, groups: Groups) -> tuple[Snapshot, DayRecord]:
    """The outline of a day, and what is known of it: what was stale stands there, the snapshot has
    no troubles. Figures are read when they are asked for: in a thread.

    Raises:
        NoSuchDay: there is no such day; names those there are.
        SourceError: the files cannot be read.
    """
    record = reader.day(day)
    figures = _Figures(reader, record, groups)
    membership = record.membership or day_of(record.created)
    snapshot = Snapshot(
        generation=record.generation,
        created=record.created,
        vrps=build_table([]),
        routes=publish(unite([]), np.empty(0, "u1")),
        excluded=np.empty(0, "u1"),
        exclusions=dict(record.exclusions),
        min_peers=record.min_peers,
        peers=(),
        adjacencies=Adjacencies(np.empty(0, "i8"), np.empty(0, "u4")),
        sightings=NOTHING_SEEN,
        resources=build_resources([]),
        names=_Names(figures),
        slurm=None,
        coverages=figures,
        inputs=(),
        sample=record.sample,
        groupings=groups.groupings,
        lists={scheme: on_day(each, membership) for scheme, each in groups.groupings.items()},
        countries=groups.countries,
        users=groups.users,
    )
    return snapshot, record
