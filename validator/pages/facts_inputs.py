"""What feeds the figures, how fresh it is, and the hash of its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validator.feed import redacted, shown
from validator.freshness import SourceStatus
from validator.pages.facts_common import Sources, Stamp, stamp


@dataclass(frozen=True, slots=True)
class InputFacts:
    """One file or feed that a snapshot was made from. ``built``: when the far side made it, Unix
    seconds, 0 if it does not say."""

    kind: str
    source: str
    sha256: str
    rows: int
    rejected: int
    built: int
    truncated: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """How a source of the settings stands now. ``age`` in seconds."""

    kind: str
    source: str
    state: str
    error: str
    age: int | None
    loaded: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class InputsFacts:
    stamp: Stamp
    inputs: tuple[InputFacts, ...]
    statuses: tuple[StatusFacts, ...]


def inputs_facts(sources: Sources, statuses: Sequence[SourceStatus], now: float) -> InputsFacts:
    """The inputs of a snapshot; ``statuses`` as they are now (Unix seconds)."""
    snapshot = sources.snapshot
    return InputsFacts(
        stamp(sources),
        tuple(
            InputFacts(
                each.kind,
                shown(each.source),
                each.sha256,
                each.rows,
                sum(each.rejected.values()),
                each.built,
                each.truncated,
                each.notes,
            )
            for each in snapshot.inputs
        ),
        tuple(
            StatusFacts(
                each.kind,
                *redacted(each)[:1],
                each.state,
                redacted(each)[1],
                each.age(now),
                each.loaded,
                each.rows,
            )
            for each in statuses
        ),
    )
