"""The shapes of what :mod:`validator.web.status` answers.

Times are UTC, such as ``2026-06-19T00:00:00Z``, and null where there is none.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

T = TypeVar("T")


class Health(msgspec.Struct, frozen=True):
    """The process lives."""

    status: Literal["alive"]
    sample: bool


class Ready(msgspec.Struct, frozen=True):
    """There is a snapshot, and its VRPs are as young as they must be. ``degraded``: an input that
    it was made of was late, degraded or failed."""

    status: Literal["ready"]
    generation: int
    degraded: bool
    sample: bool


class SourceReply(msgspec.Struct, frozen=True, kw_only=True):
    """How one input stands. ``content``: when the content in use was made, ``loaded``: when it was
    read, ``checked``: when the input was last looked at; ``stale``: older than
    ``max_stale_seconds`` allows, so that answers resting on it say so."""

    kind: str
    source: str
    state: str
    since: str | None
    loaded: str | None
    checked: str | None
    content: str | None
    age_seconds: int | None
    cadence_seconds: float | None
    max_stale_seconds: float
    stale: bool
    error: str
    rows: int


class NotReady(msgspec.Struct, frozen=True):
    """Nothing can be answered yet, or not without reserve; ``inputs`` are those that are in the
    way."""

    status: Literal["waiting", "stale"]
    error: str
    inputs: list[SourceReply]
    sample: bool


class InputReply(msgspec.Struct, frozen=True):
    """What became of one input: rows taken, rows refused by reason."""

    source: str
    kind: str
    sha256: str
    rows: int
    rejected: dict[str, int]
    truncated: bool
    built: str | None
    notes: list[str]


class VrpCounts(msgspec.Struct, frozen=True):
    """VRPs of one family."""

    total: int
    by_trust_anchor: dict[str, int]


class TableRouteCounts(msgspec.Struct, frozen=True):
    """Distinct routes of one family by state, those too that coverage leaves out."""

    total: int
    valid: int
    invalid: int
    not_found: int


class Totals(msgspec.Struct, Generic[T], frozen=True):
    """How many in all, and of each family."""

    total: int
    by_family: dict[str, T]


class PeerReply(msgspec.Struct, frozen=True):
    """A peer, how many prefixes it announces, and whether that is a full feed."""

    vantage: str
    address: str
    asn: int
    ipv4: int
    ipv6: int
    full_ipv4: bool
    full_ipv6: bool


class SlurmFilter(msgspec.Struct, frozen=True):
    """A filter of the local exceptions, and how many VRPs it matches."""

    prefix: str | None
    asn: int | None
    comment: str | None
    matched: int


class SlurmReply(msgspec.Struct, frozen=True):
    """What local exceptions did (RFC 8416)."""

    removed: int
    added: int
    already_there: int
    filters: list[SlurmFilter]


class ResourceReply(msgspec.Struct, frozen=True):
    """What was odd about the registries' files."""

    overlaps: int
    duplicates: int


class HistoryStatus(msgspec.Struct, frozen=True):
    """How the writing of history does: when a day's figures were written last, how often they were
    and how often anything failed since the start, and what is wrong now."""

    written: str | None
    writes: int
    failures: int
    error: str


class ReportsStatus(msgspec.Struct, frozen=True):
    """How the writing of scheduled reports does: when a file was written last, how many were and
    how often anything failed since the start, and what is wrong now."""

    written: str | None
    files: int
    failures: int
    error: str


class MapStatus(msgspec.Struct, frozen=True):
    """The user's own map: its file, the SHA-256 and the areas of what is in use of it (empty and 0:
    nothing; the shapes that come with the service are), and what is wrong with it as it is now."""

    source: str
    sha256: str
    areas: int
    error: str


class StatusReply(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the service. What follows ``map`` is there as soon as there is a
    snapshot; until then ``generation`` is 0. ``history`` is null if none is kept, ``reports`` if
    none are scheduled, ``map`` if the settings name none."""

    version: str
    sample: bool
    generation: int
    reloads: int
    reload_failures: int
    last_build_seconds: float
    sources: list[SourceReply]
    history: HistoryStatus | None
    reports: ReportsStatus | None
    map: MapStatus | None
    created: str | UnsetType = UNSET
    degraded: list[SourceReply] | UnsetType = UNSET
    inputs: list[InputReply] | UnsetType = UNSET
    vrps: Totals[VrpCounts] | UnsetType = UNSET
    aspas: int | UnsetType = UNSET
    router_keys: int | UnsetType = UNSET
    slurm: SlurmReply | UnsetType | None = UNSET
    routes: Totals[TableRouteCounts] | UnsetType = UNSET
    excluded: dict[str, int] | UnsetType = UNSET
    min_peers: int | UnsetType = UNSET
    peers: list[PeerReply] | UnsetType = UNSET
    resources: ResourceReply | UnsetType = UNSET
    asn_names: int | UnsetType = UNSET
