"""Answers in the shapes of RIPEstat's data calls, for the fields that our data can fill.

Field names, types and envelope are those of RIPEstat's data API (stat.ripe.net/docs). What they
mean here:

- *Seen by* counts the peers that we listen to, full feed or not, in place of RIS peers; a list of
  routes counts as one peer. Low visibility is fewer peers than ``min_peers_seeing``, by default
  what the service counts as announced (docs/definitions.md) and not RIPEstat's 10.
- Only the present is known: the time of an answer is that of its snapshot. ``timelines`` begin and
  end with it, ``last_seen`` is it, and ``first_seen``, which would need a past, is null.
- ``block`` is the RIR's delegation in place of IANA's block; ``holder`` is the AS's name, null if
  unknown. ``route_objects`` (IRR) is null: we have none, which is not to say that there are none.
- An origin NONE (the path ends in an AS_SET) is no AS: such routes are counted in a message, and in
  ``visibility``, and are in no list of origins.

Pure: no I/O, no clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import groupby
from typing import cast

import numpy as np
from numpy.typing import NDArray

from validator.figures.coverage import in_units
from validator.formats.ripestat_replies import (
    Announced,
    AnnouncedData,
    AsnHolder,
    AsRoutingData,
    Block,
    Origin,
    OverviewData,
    PrefixRoutingData,
    Roa,
    RpkiData,
    SeenAt,
    Sighted,
    Space,
    Space4,
    Space6,
    Status,
    Timeline,
    Validity,
    Visibility,
    Visible,
)
from validator.groupings import RIR_NAMES, Attribution, Scheme
from validator.model import NO_ORIGIN, Family, Prefix, format_asn
from validator.origin_validation import Explanation
from validator.snapshot import Snapshot
from validator.tables.origins import RowsByOrigin
from validator.tables.surroundings import routes_around

USUALLY_RELATED = 50
MOST_RELATED = 1000
"""Prefixes listed beside the one that is asked about."""

Messages = list[tuple[str, str]]
_Rows = NDArray[np.intp]


def rpki_validation(explanation: Explanation) -> RpkiData:
    """``rpki-validation``: the covering VRPs, each labelled as the status is."""
    own = explanation.origin
    roas = [
        Roa(str(vrp.asn), str(vrp.prefix), "valid", vrp.max_length) for vrp in explanation.matched
    ]
    for vrp in (*explanation.unmatched_as, *explanation.unmatched_length):
        label: Validity = "invalid_length" if vrp.asn == own > 0 else "invalid_asn"
        roas.append(Roa(str(vrp.asn), str(vrp.prefix), label, vrp.max_length))
    return RpkiData(
        str(explanation.origin),
        str(explanation.prefix),
        roas,
        cast("Status", explanation.ripestat_status),
    )


def prefix_overview(
    snapshot: Snapshot, asked: Prefix, least: int | None, most_related: int
) -> tuple[OverviewData, Messages]:
    """``prefix-overview``: who announces a prefix, or else its nearest less-specific."""
    messages: Messages = []
    prefix, rows = _aligned(snapshot, asked, least, messages)
    around = routes_around(snapshot.routes, prefix)
    beside = np.concatenate((np.array(around.less, np.intp), np.array(around.more, np.intp)))
    related = _distinct(snapshot, _visible(snapshot, beside, least))
    filtered = len(_distinct(snapshot, beside)) - len(related)
    if filtered:
        messages.append(("info", f"{filtered} routes were filtered due to low visibility"))
    if len(related) > most_related:
        messages.append(("info", f"related_prefixes: {most_related} of {len(related)} are listed"))
    asns = _origins(snapshot, rows, messages)
    return (
        OverviewData(
            is_less_specific=prefix != asked,
            announced=bool(len(rows)),
            asns=[AsnHolder(asn, _holder(snapshot, asn)) for asn in asns],
            related_prefixes=[
                str(snapshot.routes.prefix(row)) for row in related[:most_related].tolist()
            ],
            resource=str(prefix),
            block=_block(snapshot, prefix),
            actual_num_related=len(related),
            query_time=moment(snapshot.created),
            num_filtered_out=filtered,
        ),
        messages,
    )


def announced_prefixes(
    snapshot: Snapshot, asn: int, least: int | None, known: RowsByOrigin
) -> tuple[AnnouncedData, Messages]:
    """``announced-prefixes``: all that an AS originates, at the time of the snapshot."""
    rows = _visible(snapshot, known.of(snapshot.routes, asn), least)
    now = moment(snapshot.created)
    seen = [Timeline(now, now)]
    announced = [Announced(str(snapshot.routes.prefix(row)), seen) for row in rows.tolist()]
    few = _least(snapshot, least)
    messages: Messages = (
        [
            (
                "info",
                f"Results exclude routes with very low visibility (less than {few} peers seeing).",
            )
        ]
        if few > 1
        else []
    )
    return AnnouncedData(announced, now, now, str(asn), now, now), messages


def prefix_routing(
    snapshot: Snapshot, asked: Prefix, least: int | None, *, align: bool
) -> tuple[PrefixRoutingData, Messages]:
    """``routing-status`` of a prefix. ``align``: an address was asked for, so that its nearest
    announced prefix is what the answer is about."""
    messages: Messages = []
    prefix = asked
    if align:
        prefix, _ = _aligned(snapshot, asked, least, messages)
    around = routes_around(snapshot.routes, prefix)
    rows = _visible(snapshot, np.array(around.exact, np.intp), least)
    asns = _origins(snapshot, rows, messages)
    now = moment(snapshot.created)
    # A peer has one best route to a prefix, save where ADD-PATH shows more.
    peers = int(snapshot.routes.peers[rows].astype("i8").sum())
    return (
        PrefixRoutingData(
            last_seen=SeenAt(str(prefix), str(asns[0]) if asns else "", now) if len(rows) else None,
            visibility=_visibility(snapshot, {prefix.family: peers}),
            origins=[Origin(asn) for asn in asns],
            less_specifics=_sighted(snapshot, np.array(around.less, np.intp), least, messages),
            more_specifics=_sighted(snapshot, np.array(around.more, np.intp), least, messages),
            resource=str(prefix),
            query_time=now,
        ),
        messages,
    )


def as_routing(
    snapshot: Snapshot, asn: int, least: int | None, known: RowsByOrigin
) -> tuple[AsRoutingData, Messages]:
    """``routing-status`` of an AS. Its visibility is that of its best seen route."""
    routes = snapshot.routes
    rows = _visible(snapshot, known.of(routes, asn), least)
    seen = {}
    for family in Family:
        start, stop = routes.family_range(family)
        peers = routes.peers[rows[(rows >= start) & (rows < stop)]]
        seen[family] = int(peers.max(initial=0))
    now = moment(snapshot.created)
    last = None
    if len(rows):
        best = int(rows[np.argmax(routes.peers[rows])])
        last = SeenAt(str(routes.prefix(best)), str(asn), now)
    measured = snapshot.coverages[Scheme.ASN, Attribution.ORIGIN]
    group = measured.index(format_asn(asn))
    counts, space = dict.fromkeys(Family, 0), dict.fromkeys(Family, 0)
    if group is not None:
        for family in Family:
            figures = measured.figures(group, family)
            counts[family] = figures.announced
            space[family] = int(in_units(figures.announced_space, family))
    return (
        AsRoutingData(
            last_seen=last,
            visibility=_visibility(snapshot, seen),
            announced_space=Space(
                Space4(counts[Family.IPV4], space[Family.IPV4]),
                Space6(counts[Family.IPV6], space[Family.IPV6]),
            ),
            observed_neighbours=len(snapshot.adjacencies.of(asn)),
            resource=str(asn),
            query_time=now,
        ),
        [("info", "announced_space leaves out routes that are not counted as announced")],
    )


def moment(seconds: int) -> str:
    """Unix seconds as RIPEstat has them: UTC without saying so."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


# ------------------------------------------------------------------------------------------ parts


def _least(snapshot: Snapshot, least: int | None) -> int:
    return snapshot.min_peers if least is None else least


def _visible(snapshot: Snapshot, rows: _Rows, least: int | None) -> _Rows:
    return rows[snapshot.routes.peers[rows] >= _least(snapshot, least)]


def _aligned(
    snapshot: Snapshot, asked: Prefix, least: int | None, messages: Messages
) -> tuple[Prefix, _Rows]:
    """The prefix with its visible rows, or if it has none, its nearest less-specific that has."""
    around = routes_around(snapshot.routes, asked)
    rows = _visible(snapshot, np.array(around.exact, np.intp), least)
    if len(rows):
        return asked, rows
    seen = _visible(snapshot, np.array(around.less, np.intp), least)
    for prefix, found in groupby(seen.tolist(), snapshot.routes.prefix):
        if prefix.length == 0:  # a default route announces nothing in particular
            continue
        messages.append(
            (
                "warning",
                "Given resource is not announced but result has been aligned to first-level "
                f"less-specific ({prefix}).",
            )
        )
        return prefix, np.array(list(found), np.intp)
    return asked, rows


def _distinct(snapshot: Snapshot, rows: _Rows) -> _Rows:
    """One row of each prefix; rows of one prefix stand together."""
    if not len(rows):
        return rows
    routes = snapshot.routes
    same = np.ones(len(rows) - 1, "?")
    for column in (routes.high, routes.low, routes.length):
        values = column[rows]
        same &= values[1:] == values[:-1]
    return rows[np.concatenate(([True], ~same))]


def _origins(snapshot: Snapshot, rows: Iterable[int], messages: Messages) -> list[int]:
    found = [int(snapshot.routes.origin[row]) for row in rows]
    unnamed = found.count(NO_ORIGIN)
    if unnamed:
        messages.append(("info", f"{unnamed} announcements end in an AS_SET and have no origin"))
    return [origin for origin in found if origin != NO_ORIGIN]


def _sighted(
    snapshot: Snapshot, rows: _Rows, least: int | None, messages: Messages
) -> list[Sighted]:
    rows = _visible(snapshot, rows, least)
    rows = rows[snapshot.routes.origin[rows] != NO_ORIGIN]
    if len(rows) > MOST_RELATED:
        messages.append(("info", f"{MOST_RELATED} of {len(rows)} more-specifics are listed"))
    routes = snapshot.routes
    return [
        Sighted(str(routes.prefix(row)), int(routes.origin[row]))
        for row in rows[:MOST_RELATED].tolist()
    ]


def _visibility(snapshot: Snapshot, seeing: dict[Family, int]) -> Visibility:
    four, six = (
        _visible_to(seeing.get(family, 0), sum(count > 0 for count in counts))
        for family, counts in (
            (Family.IPV4, [each.ipv4 for each in snapshot.peers]),
            (Family.IPV6, [each.ipv6 for each in snapshot.peers]),
        )
    )
    return Visibility(four, six)


def _visible_to(seeing: int, peers: int) -> Visible:
    # A list of routes counts as a peer in routes, and is none in the table of peers.
    return Visible(seeing, max(seeing, peers))


def _holder(snapshot: Snapshot, asn: int) -> str | None:
    return snapshot.group_name(Scheme.ASN, format_asn(asn)) or None


def _block(snapshot: Snapshot, prefix: Prefix) -> Block | None:
    record = snapshot.resources.record_of(prefix)
    if record is None:
        return None
    shift = 96 if prefix.family is Family.IPV4 else 64  # units: addresses, /64s
    ends = []
    for position in (record.first, record.last):
        value = position << shift
        if prefix.family is Family.IPV6 and position == record.last:
            value |= (1 << 64) - 1
        whole = Prefix(prefix.family, value >> 64, value & (1 << 64) - 1, prefix.family.bits)
        ends.append(str(whole).partition("/")[0])
    registry = RIR_NAMES.get(record.registry, record.registry)
    return Block(
        f"{ends[0]} - {ends[1]}",
        f"{registry} (Status: {record.status.name})",
        "RIR delegated statistics",
    )
