"""The shapes of RIPEstat's data calls: what :mod:`validator.formats.ripestat` fills."""

from __future__ import annotations

from typing import Literal

import msgspec

Validity = Literal["valid", "invalid_asn", "invalid_length"]
Status = Literal["valid", "invalid_asn", "invalid_length", "unknown"]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What RIPEstat says around every answer. ``messages`` are pairs of a kind (``info``,
    ``warning``, ``error``) and a line; ``process_time`` is in milliseconds."""

    messages: list[tuple[str, str]]
    see_also: list[str] = []
    version: str
    data_call_name: str
    data_call_status: str = "supported"
    cached: bool = False
    query_id: str
    process_time: int
    server_id: str
    build_version: str
    status: Literal["ok", "error"]
    status_code: int
    time: str


class Roa(msgspec.Struct, frozen=True):
    """A covering VRP. ``origin`` is a number as a string."""

    origin: str
    prefix: str
    validity: Validity
    max_length: int


class RpkiData(msgspec.Struct, frozen=True):
    """Whether a prefix may be originated by an AS (``resource``, a number as a string)."""

    resource: str
    prefix: str
    validating_roas: list[Roa]
    status: Status
    validator: str = "originsight"


class RpkiReply(Envelope, frozen=True, kw_only=True):
    """``rpki-validation``."""

    data: RpkiData


class AsnHolder(msgspec.Struct, frozen=True):
    """An origin and its name, null if unknown."""

    asn: int
    holder: str | None


class Block(msgspec.Struct, frozen=True):
    """The RIR's delegation that a prefix begins in: its range, its RIR and status, its source."""

    resource: str
    desc: str
    name: str


class OverviewData(msgspec.Struct, frozen=True, kw_only=True):
    """Whether and by whom a prefix is announced. ``resource`` is the prefix that the answer is
    about: with ``is_less_specific``, one that covers the prefix asked about."""

    is_less_specific: bool
    announced: bool
    asns: list[AsnHolder]
    related_prefixes: list[str]
    resource: str
    type: Literal["prefix"] = "prefix"
    block: Block | None
    actual_num_related: int
    query_time: str
    num_filtered_out: int


class OverviewReply(Envelope, frozen=True, kw_only=True):
    """``prefix-overview``."""

    data: OverviewData


class Timeline(msgspec.Struct, frozen=True):
    """When a prefix was announced: here, both are the time of the snapshot."""

    starttime: str
    endtime: str


class Announced(msgspec.Struct, frozen=True):
    """A prefix that an AS announces."""

    prefix: str
    timelines: list[Timeline]


class AnnouncedData(msgspec.Struct, frozen=True):
    """What an AS announces. All times are that of the snapshot."""

    prefixes: list[Announced]
    query_starttime: str
    query_endtime: str
    resource: str
    latest_time: str
    earliest_time: str


class AnnouncedReply(Envelope, frozen=True, kw_only=True):
    """``announced-prefixes``."""

    data: AnnouncedData


class SeenAt(msgspec.Struct, frozen=True):
    """A sighting. ``origin`` is a number as a string, empty for NONE."""

    prefix: str
    origin: str
    time: str


class Visible(msgspec.Struct, frozen=True):
    """How many peers see it, of those that announce anything of the family."""

    ris_peers_seeing: int
    total_ris_peers: int


class Visibility(msgspec.Struct, frozen=True):
    """By family."""

    v4: Visible
    v6: Visible


class Origin(msgspec.Struct, frozen=True):
    """An origin. ``route_objects`` is always null: not known."""

    origin: int
    route_objects: None = None


class Sighted(msgspec.Struct, frozen=True):
    """An announced prefix and one of its origins."""

    prefix: str
    origin: int


class PrefixRoutingData(msgspec.Struct, frozen=True, kw_only=True):
    """How a prefix is routed. ``first_seen`` is always null: not known; ``last_seen`` is null if
    it is not announced now."""

    first_seen: None = None
    last_seen: SeenAt | None
    visibility: Visibility
    origins: list[Origin]
    less_specifics: list[Sighted]
    more_specifics: list[Sighted]
    resource: str
    query_time: str


class Space4(msgspec.Struct, frozen=True):
    """IPv4: routes, and distinct addresses."""

    prefixes: int
    ips: int


class Space6(msgspec.Struct, frozen=True, rename={"whole_48s": "48s"}):
    """IPv6: routes, and distinct /48s, rounded down."""

    prefixes: int
    whole_48s: int


class Space(msgspec.Struct, frozen=True):
    """By family."""

    v4: Space4
    v6: Space6


class AsRoutingData(msgspec.Struct, frozen=True, kw_only=True):
    """How an AS is routed. ``first_seen`` is always null: not known; ``last_seen`` is null if it
    announces nothing now."""

    first_seen: None = None
    last_seen: SeenAt | None
    visibility: Visibility
    announced_space: Space
    observed_neighbours: int
    resource: str
    query_time: str


class PrefixRoutingReply(Envelope, frozen=True, kw_only=True):
    """``routing-status`` of a prefix."""

    data: PrefixRoutingData


class AsRoutingReply(Envelope, frozen=True, kw_only=True):
    """``routing-status`` of an AS."""

    data: AsRoutingData


class NoData(msgspec.Struct, frozen=True):
    """Nothing."""


class ErrorReply(Envelope, frozen=True, kw_only=True):
    """Why a data call was not answered: see ``messages``."""

    data: NoData
