"""A report as data: every figure with numerator, denominator and formula; every input with its
SHA-256; every setting that decides what is counted.

:func:`to_json` is canonical: the same report is the same bytes. ``seals`` has a digest of each
part, so that :mod:`validator.reports.verify` can name the part that was altered after it was
written. A seal is no signature: who alters a part can seal it again; what then no longer follows
from the inputs is found by making the report anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from validator.pages.words import marked

FORMAT = "originsight-report/2"
"""1 told what changed of IPv4 alone."""
SEAL_LETTERS = 16

Number = int | float


class Formula(msgspec.Struct, frozen=True):
    """How a figure is computed. ``definition`` is a section of docs/definitions.md."""

    text: str
    definition: str


FORMULAS: dict[str, Formula] = {
    "valid_share": Formula(marked("valid / announced routes"), "coverage-of-a-group"),
    "invalid_share": Formula(
        marked("invalid / announced routes"), "the-validation-state-of-a-route"
    ),
    "not_found_share": Formula(
        marked("not-found / announced routes"), "the-validation-state-of-a-route"
    ),
    "coverage": Formula(marked("(valid + invalid) / announced routes"), "coverage-of-a-group"),
    "accuracy": Formula(marked("valid / (valid + invalid) routes"), "coverage-of-a-group"),
    "space_valid_share": Formula(marked("valid / announced space"), "coverage-of-a-group"),
    "space_coverage": Formula(marked("covered / announced space"), "coverage-of-a-group"),
    "holdings_coverage": Formula(
        marked("delegated space under a VRP / delegated space"), "holdings"
    ),
    "ipv6_networks": Formula(
        marked("networks that announce IPv6 / networks that announce anything"), "more-than-rpki"
    ),
}
LIMITS = (
    marked(
        "Vantage points see a biased part of the world: what no peer of theirs announces is not "
        "here."
    ),
    marked("Registration is not location: a block or network counts where it is registered."),
    marked(
        "A route is a prefix and its origin; a large and a small prefix count the same by routes."
    ),
    marked(
        "Who could raise coverage is told by origin: ROAs are created by the holder of the block."
    ),
)
"""Said in every report, in the reader's language; here in English, as JSON has them."""


class Figure(msgspec.Struct, frozen=True):
    """A share: ``value`` is ``numerator / denominator``, None where there is nothing to divide by.
    ``id`` is one of :data:`FORMULAS`; ``unit`` is what both count: routes, addresses, 48s (IPv6
    /48s), networks."""

    id: str
    family: str
    unit: str
    numerator: Number
    denominator: Number
    value: float | None


class Standing(msgspec.Struct, frozen=True):
    """A group among others: its valid share by routes. ``own``: the report is about it."""

    scheme: str
    group: str
    name: str
    family: str
    numerator: int
    denominator: int
    value: float | None
    own: bool = False


class Rank(msgspec.Struct, frozen=True):
    """A rank by valid share among ``of`` groups of the scheme that announce anything."""

    family: str
    rank: int | None
    of: int


class Mean(msgspec.Struct, frozen=True):
    """The valid share of a class of countries in three averages (docs/definitions.md)."""

    family: str
    pooled: float | None
    median_country: float | None
    people_weighted: float | None
    countries: int
    weighed: int


class Day(msgspec.Struct, frozen=True):
    """A recorded day: routes valid, announced, and the share."""

    day: str
    numerator: int
    denominator: int
    value: float | None
    degraded: bool = False


class Trend(msgspec.Struct, frozen=True):
    """The valid share on recorded days, evenly thinned if there are many."""

    family: str
    days: tuple[Day, ...]


class Mark(msgspec.Struct, frozen=True):
    """A milestone."""

    day: str
    name: str
    source: str


class Goal(msgspec.Struct, frozen=True):
    """A target: a valid share by the end of a year; what the band of a straight line says of it."""

    family: str
    name: str
    value: float
    year: int
    outlook: str
    needed: float | None
    pace: float | None


class Invalid(msgspec.Struct, frozen=True):
    """An invalid route that is counted, why, and how many peers see it."""

    prefix: str
    origin: str
    name: str
    reason: str
    peers: int


class Doer(msgspec.Struct, frozen=True):
    """A network that could raise the share: routes that would become valid, percentage points, and
    of these routes for how many it is the holder of the block."""

    asn: str
    name: str
    country: str
    gain: int
    points: float
    same: int | None
    different: int | None
    unknown: int | None
    after: float | None


class FamilyPart(msgspec.Struct, frozen=True):
    """What there is of one family beside its figures. ``half``: so many networks hold half of the
    routes that are not valid; ``able`` could sign some; ``everybody``: the share if all did."""

    family: str
    excluded: dict[str, int]
    invalids: tuple[Invalid, ...]
    invalids_total: int
    missing: int | None
    able: int | None
    half: int | None
    everybody: float | None
    doers: tuple[Doer, ...]


class Mover(msgspec.Struct, frozen=True):
    """Who moved the share, why, with how many routes, by how many percentage points."""

    who: str
    name: str
    cause: str
    routes: int
    points: float


class Change(msgspec.Struct, frozen=True):
    """The valid share of a family on two days, and what lies between."""

    family: str
    first: Day
    last: Day
    points: float
    movers: tuple[Mover, ...]
    causes: tuple[tuple[str, int, float], ...]


class Source(msgspec.Struct, frozen=True):
    """An input. ``sha256`` is of the bytes as stored; ``built`` is when the far side made it and
    ``as_of`` the time that expiry was compared with (Unix seconds)."""

    kind: str
    source: str
    sha256: str
    rows: int
    rejected: dict[str, int]
    truncated: bool
    built: int
    as_of: int | None


class Settings(msgspec.Struct, frozen=True):
    """What decides what is counted. ``min_peers`` None: decided by the table; what it came to is
    ``min_peers_in_force``. ``map_sha256``: of the user's own map; empty: ours. It decides nothing
    that is counted."""

    attribution: str
    min_peers: int | None
    min_peers_in_force: int
    longest_ipv4: int
    longest_ipv6: int
    special_purpose_prefixes: tuple[str, ...]
    special_purpose_asns: tuple[str, ...]
    map_sha256: str = ""


class Subject(msgspec.Struct, frozen=True):
    """The group. ``compared``: a second group of the scheme. ``region`` it stands in, ``peers_of``
    what the groups beside it are called, ``membership`` the list that says who belongs to it."""

    scheme: str
    title: str
    group: str
    name: str
    peers_of: str
    membership: str
    compared: str = ""
    compared_name: str = ""
    since: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One group's evidence (docs/reports.md). ``degraded``: inputs beyond their time; ``troubles``:
    all that were not as they should be. ``tables``: whether routes could be looked into; of some
    past days figures alone are kept. ``changes``: since ``subject.since``, one for each family."""

    format: str
    version: str
    sample: bool
    generated: str
    created: int
    generation: int
    day: str
    past: bool
    tables: bool
    subject: Subject
    headline: tuple[str, ...]
    figures: tuple[Figure, ...]
    compared: tuple[Figure, ...]
    ranks: tuple[Rank, ...]
    averages: tuple[Mean, ...]
    peers: tuple[Standing, ...]
    families: tuple[FamilyPart, ...]
    trend: tuple[Trend, ...]
    milestones: tuple[Mark, ...]
    targets: tuple[Goal, ...]
    changes: tuple[Change, ...]
    formulas: dict[str, Formula]
    sources: tuple[Source, ...]
    settings: Settings
    limits: tuple[str, ...]
    degraded: tuple[str, ...]
    troubles: tuple[str, ...]
    seals: dict[str, str] = {}


def to_json(report: Report) -> bytes:
    """Canonical: the same report is the same bytes."""
    return msgspec.json.encode(report, order="deterministic") + b"\n"


def sealed(report: Report) -> Report:
    """The report with a digest of each part."""
    return msgspec.structs.replace(report, seals=seals_of(msgspec.to_builtins(report)))


def seals_of(document: dict[str, Any]) -> dict[str, str]:
    """Digests by part; ``document`` as :func:`msgspec.to_builtins` has it."""
    return {name: _digest(part) for name, part in parts_of(document)}


def parts_of(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each part with a name that a person understands: settings, inputs and figures one by one."""
    for key, value in document.items():
        if key == "seals":
            continue
        if key == "settings":
            yield from ((f"setting {name}", each) for name, each in value.items())
        elif key == "sources":
            for number, each in enumerate(value, 1):
                yield f"input {number} ({each['source'][:200]})", each
        elif key in ("figures", "compared"):
            yield f"number of {key}", len(value)
            for each in value:
                whose = "figure" if key == "figures" else "compared figure"
                yield f"{whose} {each['id']} {each['family']}", each
        elif key in ("trend", "families", "changes"):
            yield f"number of {key}", len(value)
            yield from ((f"{key} {each['family']}", each) for each in value)
        else:
            yield key, value


def _digest(part: Any) -> str:
    text = msgspec.json.encode(part, order="sorted")
    return hashlib.sha256(text).hexdigest()[:SEAL_LETTERS]
