"""The sample world of a past day, as the service would have counted it on that day.

What there was on a day (:mod:`validator.sample.growth`) goes through the very pipeline that reads
files: a routing table as the collector's peers had it, VRPs, registries' statistics. Only the
reading is left out; so the last day, which is made from the files as they are, comes out as any
other. Which peers drop an invalid route is worked out again, for a route was not invalid before
somebody signed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validator.inputs.batches import Inputs
from validator.model import (
    NO_NEIGHBOUR,
    NO_ORIGIN,
    U1,
    Entry,
    Holding,
    Prefixes,
    ResourceBatch,
    RouteBatch,
    SourceError,
    Verdict,
    VrpBatch,
)
from validator.origin_validation import validate
from validator.sample.growth import FOREVER, SLURM, Growth, Timed, Transfer
from validator.sample.model import Announcement, World
from validator.sample.routing import Propagation, audience_of
from validator.sample.span import status
from validator.snapshot import Snapshot
from validator.state.pipeline_state import PipelineState
from validator.tables.announced import AnnouncedRules
from validator.tables.routes import SeenRoutes
from validator.tables.vrps import build_table

Mask = NDArray[np.bool_]
I4 = NDArray[np.int32]
_NOT_HEARD = -1
_EVENING = time(21, tzinfo=UTC)


def snapshot_of(inputs: Inputs, rules: AnnouncedRules, day: date, generation: int = 1) -> Snapshot:
    """What inputs come to on the evening of a day."""
    now = _evening(day)
    state = PipelineState(rules, clock=lambda: now)
    state.load(inputs)
    state.survey()
    state.recount()
    return state.snapshot(generation, sample=True)


def _evening(day: date) -> float:
    return datetime.combine(day, _EVENING).timestamp()


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """What each peer could have: for each announcement that reaches it, the AS number before the
    origin if the route is not invalid, and if it is (:data:`_NOT_HEARD`: it does not reach it
    then). Rows are in the order of prefix, peer, and whom the peer prefers. All ``(n,)``; ``ways``
    says how it reaches the peer (1: not invalid, 2: invalid, 3: either), ``place`` numbers pairs of
    prefix and peer."""

    announcement: I4
    peer: NDArray[np.uint16]
    usual: NDArray[np.int64]
    invalid: NDArray[np.int64]
    ways: U1
    place: I4


class Past:
    """Snapshots of the days of a history. ``inputs`` are what the world's own files say."""

    def __init__(self, world: World, growth: Growth, inputs: Inputs, rules: AnnouncedRules) -> None:
        self.growth = growth
        self._inputs, self._rules = inputs, rules
        timed = sorted(growth.announced, key=lambda each: (each.what.prefix, each.what.origin))
        self._since = np.array([each.since for each in timed], "i4")
        self._until = np.array([each.until for each in timed], "i4")
        self._prefixes = Prefixes.of([each.what.prefix for each in timed])
        self._origin = np.array([each.what.origin for each in timed], "i8")
        asn = np.array([each.what.asn for each in timed], "i8")
        self._silent = [
            (np.isin(asn, list(each.networks)), each.since, each.until) for each in growth.outages
        ]
        self._number, self._distinct = _numbered(timed)
        self._heard = _hear(world, timed, self._number)
        names = [(each.address, each.asn) for each in inputs.routes[0].peers]
        self._peer = np.array([names.index((v.address, v.asn)) for v in world.vantages], "u2")
        self._vrps, self._signed, self._gone = _with_former(inputs.vrps[0], growth)
        self._check(world)

    def steps(self) -> list[date]:
        """The days on which something may change, those among them on which a country joined or
        left a class of countries."""
        changes = {
            day
            for batch in self._inputs.groups
            if batch.grouping
            for each in batch.grouping.memberships
            for day in (each.since, each.until)
            if day is not None
        }
        return self.growth.span.steps(changes)

    def snapshot(self, day: date) -> Snapshot:
        """Everything known on the evening of a day on which something may have changed."""
        last = day >= self.growth.span.last
        inputs = self._inputs if last else self.inputs(day)
        return snapshot_of(inputs, self._rules, day, (day - self.growth.span.first).days + 1)

    def on(self, before: Snapshot, day: date) -> Snapshot:
        """What was in force on a day, ``before`` being from the last step: the same, but on days
        on which an input was in trouble."""
        span, now = self.growth.span, _evening(day)
        troubles = tuple(status(e, now) for e in span.troubles if e.first <= day <= e.last)
        if not troubles:
            return before
        generation = (day - span.first).days + 1
        return replace(before, created=int(now), generation=generation, troubles=troubles)

    def inputs(self, day: date) -> Inputs:
        """What the files of a day would have said."""
        now, inputs = day.toordinal(), self._inputs
        vrps = self._vrps_on(now)
        return Inputs(
            vrps=[vrps],
            slurm=inputs.slurm if now >= self.growth.span.at(SLURM) else None,
            routes=[self._routes_on(now, vrps)],
            resources=[self._resources_on(batch, now) for batch in inputs.resources],
            names=inputs.names,
            groups=inputs.groups,
        )

    def _check(self, world: World) -> None:
        """That the files are this world's.

        Raises:
            SourceError: they are not.
        """
        vrps = self._inputs.vrps[0]
        if len(vrps) != len(world.vrps) or len(self._inputs.routes) != 1:
            raise SourceError(
                vrps.report.source, "is not the sample's", cure="write the sample's files first"
            )

    # ---------------------------------------------------------------------------------------- VRPs

    def _vrps_on(self, now: int) -> VrpBatch:
        whole = self._vrps
        there = (self._signed <= now) & (now < self._gone)
        aspas = now >= self.growth.aspas
        return replace(
            whole,
            prefixes=whole.prefixes.take(there),
            asn=whole.asn[there],
            max_length=whole.max_length[there],
            trust_anchor=whole.trust_anchor[there],
            expires=whole.expires[there],
            aspas=whole.aspas if aspas else (),
            router_keys=whole.router_keys if aspas else (),
            report=replace(whole.report, sha256="", rows=int(there.sum())),
        )

    # -------------------------------------------------------------------------------------- routes

    def present(self, now: int) -> Mask:
        """Which announcements there were on a day (an ordinal)."""
        there: Mask = (self._since <= now) & (now < self._until)
        for whose, since, until in self._silent:
            if since <= now < until:
                there &= ~whose
        return there

    def _routes_on(self, now: int, vrps: VrpBatch) -> RouteBatch:
        there, heard = self.present(now), self._heard
        seen = SeenRoutes(self._prefixes, self._origin, np.ones(len(there), "u2"))
        invalid = validate(seen, build_table([vrps])) >= Verdict.INVALID_NO_ORIGIN
        way = np.where(there, np.where(invalid, np.uint8(2), np.uint8(1)), np.uint8(0))
        rows = np.flatnonzero(heard.ways & way[heard.announcement])
        place = heard.place[rows]
        rows = rows[_starts(place)]  # a peer announces the one that it prefers
        announcement = heard.announcement[rows]
        before = np.where(invalid[announcement], heard.invalid[rows], heard.usual[rows])
        number = self._number[announcement]
        begins = _starts(number)
        origin = self._origin[announcement]
        file = self._inputs.routes[0]
        return RouteBatch(
            prefixes=self._distinct.take(number[begins]),
            prefix=(np.cumsum(begins) - 1).astype("u4"),
            peer=self._peer[heard.peer[rows]],
            origin=origin,
            neighbour=before.astype("u4"),
            path_id=np.zeros(len(rows), "u4"),
            flags=np.where(origin == NO_ORIGIN, np.uint8(Entry.AS_SET), np.uint8(0)),
            peers=file.peers,
            report=replace(file.report, sha256="", rows=len(rows)),
        )

    # ---------------------------------------------------------------------------------- registries

    def _resources_on(self, batch: ResourceBatch, now: int) -> ResourceBatch:
        """What is delegated later was available; what was transferred was another's."""
        day = date.fromordinal(now + self.growth.shift)
        date_then = day.year * 10_000 + day.month * 100 + day.day
        later = (batch.status <= Holding.ASSIGNED) & (batch.date > date_then)
        country, holder = batch.country.copy(), batch.holder.copy()
        for transfer in self.growth.transfers:
            if now < transfer.day and transfer.line.rir in batch.registries:
                self._undo(batch, transfer, country, holder)
        country[later] = 0
        holder[later] = 0
        return replace(
            batch,
            status=np.where(later, np.uint8(Holding.AVAILABLE), batch.status),
            country=country,
            holder=holder,
            date=np.where(later, np.uint32(0), batch.date),
            report=replace(batch.report, sha256="", rows=len(batch) - int(later.sum())),
        )

    def _undo(
        self,
        batch: ResourceBatch,
        transfer: Transfer,
        country: NDArray[np.uint16],
        holder: NDArray[np.uint32],
    ) -> None:
        line, former = transfer.line, transfer.former
        rows = (batch.kind == line.kind) & (batch.first == line.first)
        country[rows] = batch.countries.index(former.country)
        holder[rows] = batch.holders.index(former.holder)


def _numbered(timed: list[Timed]) -> tuple[I4, Prefixes]:
    """The number of each announcement's prefix, and the distinct prefixes by number; in order."""
    prefixes = sorted({each.what.prefix for each in timed})
    number = {prefix: i for i, prefix in enumerate(prefixes)}
    return np.array([number[each.what.prefix] for each in timed], "i4"), Prefixes.of(prefixes)


def _starts(values: NDArray[Any]) -> Mask:
    """Where runs of equal values begin."""
    starts = np.ones(len(values), "?")
    starts[1:] = values[1:] != values[:-1]
    return starts


def _with_former(batch: VrpBatch, growth: Growth) -> tuple[VrpBatch, I4, I4]:
    """The VRPs of the file and those that were there before, and from when until when each is."""
    former = growth.former
    names = {name.removesuffix("ncc"): number for number, name in enumerate(batch.trust_anchors)}
    anchors = [names[each.vrp.rir.removesuffix("ncc")] for each in former]
    whole = replace(
        batch,
        prefixes=Prefixes.concatenate(
            [batch.prefixes, Prefixes.of([each.vrp.prefix for each in former])]
        ),
        asn=np.append(batch.asn, np.array([each.vrp.asn for each in former], "u4")),
        max_length=np.append(
            batch.max_length, np.array([each.vrp.max_length for each in former], "u1")
        ),
        trust_anchor=np.append(batch.trust_anchor, np.array(anchors, "u1")),
        expires=np.append(batch.expires, np.full(len(former), batch.expires.max(), "i8")),
    )
    since = np.array([*growth.signed, *(each.since for each in former)], "i4")
    until = np.array([FOREVER] * len(batch) + [each.until for each in former], "i4")
    return whole, since, until


def _hear(world: World, timed: list[Timed], number: I4) -> _Heard:
    propagation = Propagation(world.links, world.networks, world.vantages)
    peers = range(len(world.vantages))
    rows: list[tuple[int, int, int, int, int]] = []
    for at, each in enumerate(timed):
        one = each.what
        label = f"{one.prefix}/{one.asn}"
        for peer in sorted(audience_of(one, len(peers))):
            if not propagation.hears(peer, one):
                continue
            usual = _neighbour(one, propagation.path(peer, one, False))
            invalid = _neighbour(one, propagation.path(peer, one, True))
            if usual != _NOT_HEARD or invalid != _NOT_HEARD:
                # As the collector has it: see validator.sample.routing.collect.
                rows.append((at, peer, usual, invalid, zlib.crc32(f"{peer}/{label}".encode())))
    table = np.array(rows, "i8").reshape(len(rows), 5)
    announcement = table[:, 0].astype("i4")
    place = number[announcement] * np.int32(len(peers)) + table[:, 1].astype("i4")
    ways = (table[:, 2] != _NOT_HEARD) | (table[:, 3] != _NOT_HEARD) << 1
    order = np.lexsort((table[:, 4], place))
    return _Heard(
        announcement[order],
        table[order, 1].astype("u2"),
        table[order, 2],
        table[order, 3],
        ways[order].astype("u1"),
        place[order],
    )


def _neighbour(one: Announcement, path: tuple[int, ...]) -> int:
    """The AS before the origin of a path, prepending skipped."""
    if not path:
        return _NOT_HEARD
    if one.as_set:
        return NO_NEIGHBOUR
    return next((asn for asn in reversed(path) if asn != path[-1]), NO_NEIGHBOUR)
