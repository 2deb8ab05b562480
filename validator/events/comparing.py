"""What happened between two snapshots, as events: pure, two moments in, a list out.

An event says what it is about, how that stood before and after, what caused it, and all of this in
one sentence. Its id is (session, generation, number): the service's start, the generation that
shows the change, and its place among the events of that generation; ids sort as numbers, and none
is ever given twice, not even after a restart.

Of one generation at most :data:`MOST` events are kept, the weightiest first; if more happened, the
last event, ``many-changes``, says how much. What happened before the first snapshot nobody saw:
there are no events for it.

Routes and VRPs are followed exactly: who applies ``route-invalid``, ``route-state``,
``new-origin``, ``route-new`` and ``route-gone`` to the routes of one moment has those of the next,
with their states, and so for VRPs (a property test does it).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from validator.events import text
from validator.events.kinds import Cause, Event, Happening, Kind, Standing, VrpItem
from validator.formats.replies import generated_time
from validator.freshness import FRESH, STARTING, SourceStatus
from validator.model import I8, NO_ORIGIN, U1, Prefix, State, Verdict, format_asn
from validator.tables.announced import REASONS
from validator.tables.changes import (
    RouteChanges,
    VrpChanges,
    changed_routes,
    changed_vrps,
    count_covering,
    covering_vrps,
    nearest_above,
)
from validator.tables.resources import NOBODY, ResourceTable
from validator.tables.routes import RouteTable
from validator.tables.vrps import Vrp, VrpTable

MOST = 10_000
"""Events of one generation."""
_LISTED = 8
"""VRPs or origins that an event lists."""
_CONCERNED = 64
"""VRPs or origins whose AS numbers an event is found by."""
_WORDS = 400
"""Characters of an input's error."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What is compared of a snapshot. ``troubles`` without passwords."""

    generation: int
    created: int
    routes: RouteTable
    excluded: U1
    vrps: VrpTable
    resources: ResourceTable
    troubles: tuple[SourceStatus, ...] = ()
    sample: bool = False


def begin(now: Moment, session: int) -> Happening:
    """The event that says where watching begins."""
    return _Writer(session, now, now).write(
        Kind.WATCH_STARTED, text.started(now.generation, len(now.routes), len(now.vrps))
    )


def compare(before: Moment, after: Moment, session: int, most: int = MOST) -> list[Happening]:
    """All that happened between two moments, at most ``most`` events and one that says so."""
    writer = _Writer(session, before, after)
    writer.sources()
    routes = changed_routes(before.routes, after.routes)
    vrps = changed_vrps(before.vrps, after.vrps)
    if not len(routes) and not len(vrps.gone) and not len(vrps.new):
        return writer.written
    both = (routes.before >= 0) & (routes.after >= 0)
    there = routes.after >= 0
    invalid = np.zeros(len(routes), "?")
    invalid[there] = after.routes.verdict[routes.after[there]] > Verdict.VALID
    bad, changed = np.flatnonzero(invalid), np.flatnonzero(both & ~invalid)
    came, went = routes.after[routes.before < 0], routes.before[~there]
    plan: tuple[tuple[Kind, int, Callable[[int], None]], ...] = (  # in the order of their weight
        (Kind.ROUTE_INVALID, len(bad), lambda n: writer.states(routes, bad[:n], vrps)),
        (Kind.VRP_GONE, len(vrps.gone), lambda n: writer.vrps(vrps.gone, n, gone=True)),
        (Kind.ROUTE_STATE, len(changed), lambda n: writer.states(routes, changed[:n], vrps)),
        (Kind.ROUTE_NEW, len(came), lambda n: writer.announced(came[:n])),
        (Kind.VRP_NEW, len(vrps.new), lambda n: writer.vrps(vrps.new, n, gone=False)),
        (Kind.ROUTE_GONE, len(went), lambda n: writer.withdrawn(went[:n])),
    )
    counts, left = dict[str, int](), most
    for kind, total, write in plan:
        taken = min(left, total)
        write(taken)
        counts[kind.value], left = total, left - taken
    if lost := sum(counts.values()) - (most - left):
        counts = {kind: count for kind, count in counts.items() if count}
        writer.write(
            Kind.MANY_CHANGES, text.many(counts, lost), counts={**counts, "without-event": lost}
        )
    return writer.written


_BREATH_EVENTS = 32
"""About a millisecond's work, after which the thread sleeps for a moment. What is called for each
event lets go of the interpreter and takes it back at once: an event loop that waits for it would
not have its turn until the last event is written."""
_BREATH_SECONDS = 0.0003


class _Writer:
    """Writes the events of one generation, in order."""

    def __init__(self, session: int, before: Moment, after: Moment) -> None:
        self._session, self._before, self._after = session, before, after
        self._time = generated_time(after.created)
        self.written: list[Happening] = []

    def write(
        self,
        kind: Kind,
        sentence: str,
        *,
        of: Prefix | None = None,
        origin: int | None = None,
        concerned: Iterable[int] = (),
        vrp: VrpItem | None = None,
        source: str | None = None,
        before: Standing | None = None,
        after: Standing | None = None,
        cause: Cause | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> Happening:
        now = self._after
        asns = () if origin is None else (origin, *concerned)
        asns = tuple(asn for asn in dict.fromkeys(asns) if asn != NO_ORIGIN)
        event = Event(
            id=f"{self._session}-{now.generation}-{len(self.written) + 1}",
            kind=kind,
            sentence=sentence,
            time=self._time,
            generation=now.generation,
            prefix=None if of is None else str(of),
            origin=None if origin is None else format_asn(origin),
            vrp=vrp,
            source=source,
            country=None if of is None else self._country(of),
            asns=[f"AS{asn}" for asn in asns],
            before=before,
            after=after,
            cause=cause,
            counts=dict(counts or {}),
            sample=now.sample,
        )
        happening = Happening(event, of, asns)
        self.written.append(happening)
        if len(self.written) % _BREATH_EVENTS == 0:
            time.sleep(_BREATH_SECONDS)
        return happening

    def _country(self, prefix: Prefix) -> str:
        holder = self._after.resources.holder_of(prefix)
        return holder.country if holder else NOBODY

    def sources(self) -> None:
        """The inputs whose standing changed."""
        old, new = _troubled(self._before.troubles), _troubled(self._after.troubles)
        for key in {**old, **new}:
            was, now = old.get(key), new.get(key)
            a, b = was or Standing(FRESH), now or Standing(FRESH)
            if a.state != b.state:
                kind = Kind.SOURCE_DEGRADED if now else Kind.SOURCE_RECOVERED
                name = " ".join(key)
                self.write(
                    kind, text.source(name, a.state, b.state, b.reason),
                    source=name, before=a, after=b, cause=Cause("input"),
                )  # fmt: skip

    def states(self, routes: RouteChanges, which: I8, vrps: VrpChanges) -> None:
        """Routes that are in another state now, or (if invalid) that are new."""
        for old, new in zip(
            routes.before[which].tolist(), routes.after[which].tolist(), strict=True
        ):
            route, after = self._after.routes[new], _standing(self._after, new)
            if old >= 0:
                before: Standing | None = _standing(self._before, old)
                gone, come = _covering(route.prefix, vrps.gone), _covering(route.prefix, vrps.new)
                cause = Cause("vrps", gone.items, come.items, more=gone.more + come.more)
                concerned = gone.asns + come.asns
            else:
                before, found = None, _covering(route.prefix, self._after.vrps)
                cause = Cause("announcement", covering=found.items, more=found.more)
                concerned = found.asns
            invalid = after.state == State.INVALID
            kind = Kind.ROUTE_INVALID if invalid else Kind.ROUTE_STATE
            self.write(
                kind, text.state(route.prefix, route.origin, before, after, cause),
                of=route.prefix, origin=route.origin, concerned=concerned,
                before=before, after=after, cause=cause,
            )  # fmt: skip

    def announced(self, rows: I8) -> None:
        """Routes that are new: what invalid ones are new to, and all others."""
        table = self._before.routes
        above = nearest_above(table, self._after.routes, rows)
        for row, first, last in zip(rows.tolist(), *(each.tolist() for each in above), strict=True):
            route, after = self._after.routes[row], _standing(self._after, row)
            origins = table.origin[first:last].tolist()
            at = table.prefix(first) if origins else route.prefix
            if origins and route.origin not in origins and (at == route.prefix or at.length):
                kind = Kind.NEW_ORIGIN
                shown = [format_asn(asn) for asn in origins[:_LISTED]]
                cause = Cause("announcement", origins=shown, origins_of=str(at))
                concerned = origins[:_CONCERNED]
            elif route.verdict > Verdict.VALID:
                continue
            else:
                kind, cause, concerned = Kind.ROUTE_NEW, Cause("announcement"), []
            self.write(
                kind, text.announced(route.prefix, route.origin, after, cause),
                of=route.prefix, origin=route.origin, concerned=concerned,
                after=after, cause=cause,
            )  # fmt: skip

    def withdrawn(self, rows: I8) -> None:
        for row in rows.tolist():
            route, before = self._before.routes[row], _standing(self._before, row)
            self.write(
                Kind.ROUTE_GONE, text.withdrawn(route.prefix, route.origin, before),
                of=route.prefix, origin=route.origin, before=before, cause=Cause("withdrawal"),
            )  # fmt: skip

    def vrps(self, table: VrpTable, count: int, *, gone: bool) -> None:
        """The first VRPs of those that came, or that went."""
        kind = Kind.VRP_GONE if gone else Kind.VRP_NEW
        for vrp in islice(table, count):
            expired = gone and 0 < vrp.expires <= self._after.created
            item, force = _item(vrp), Standing("in-force")
            self.write(
                kind, text.vrp(item, gone, expired),
                of=vrp.prefix, origin=vrp.asn, vrp=item,
                before=force if gone else None, after=None if gone else force,
                cause=Cause("expiry" if expired else "withdrawal" if gone else "announcement"),
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Covering:
    """VRPs above a route: those listed, how many more there are, and the AS numbers they name."""

    items: list[VrpItem]
    more: int
    asns: list[int]


def _covering(prefix: Prefix, table: VrpTable) -> _Covering:
    found = list(islice(covering_vrps(prefix, table), _CONCERNED))
    more = count_covering(prefix, table) - _LISTED if len(found) > _LISTED else 0
    return _Covering([_item(vrp) for vrp in found[:_LISTED]], more, [vrp.asn for vrp in found])


def _item(vrp: Vrp) -> VrpItem:
    return VrpItem(f"AS{vrp.asn}", str(vrp.prefix), vrp.max_length, vrp.trust_anchor)


def _standing(moment: Moment, row: int) -> Standing:
    verdict = Verdict(moment.routes.verdict.item(row))
    excluded = REASONS[moment.excluded.item(row)]
    return Standing(verdict.state.value, verdict.reason, moment.routes.peers.item(row), excluded)


def _troubled(troubles: Sequence[SourceStatus]) -> dict[tuple[str, str], Standing]:
    """The inputs in trouble by kind and name; one that is still starting is not in trouble."""
    return {
        (each.kind, each.source): Standing(each.state, each.error[:_WORDS])
        for each in troubles
        if each.state != STARTING
    }
