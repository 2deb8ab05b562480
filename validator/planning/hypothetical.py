"""What if: the verdicts that a change of VRPs or of routes would give, without making the change.

A change can alter only the routes inside the prefixes that it names. So the work is proportional to
what lies there: the routes under the outermost changed prefixes (*areas*) are validated again, by
the same kernel as ever, against a small VRP table of their own, which has the VRPs that could cover
one of them and nothing else. The snapshot's tables are only read.

A VRP that is added though it is there changes nothing, nor does one removed that is not there. One
that is both added and removed is there afterwards, as with a transaction
(:func:`validator.state.delta.change_vrps`); the same holds for routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from validator.kernels import core as kernels
from validator.kernels import delta as delta_kernels
from validator.model import (
    I8,
    NEVER_EXPIRES,
    U1,
    Family,
    InputReport,
    Prefix,
    Prefixes,
    Verdict,
    VrpBatch,
)
from validator.snapshot import Snapshot
from validator.tables import announced
from validator.tables.announced import AnnouncedRules
from validator.tables.columns import among, distinct
from validator.tables.routes import RouteTable, SeenRoutes, publish
from validator.tables.vrps import VrpTable, build_table

LENIENT = AnnouncedRules(longest_ipv4=32, longest_ipv6=64, special_prefixes=(), special_asns=())
"""What counts as announced where the settings are not known: all but default routes, and what is
finer than we count."""

_EVERYBODY = 65535
_REPORT = InputReport("what-if", "what-if")


class Payload(NamedTuple):
    """What a VRP says. Two that say the same are one."""

    prefix: Prefix
    max_length: int
    asn: int


class Announcement(NamedTuple):
    """A route that somebody announces; ``origin`` may be ``NO_ORIGIN``."""

    prefix: Prefix
    origin: int


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be supposed. Repetitions mean nothing."""

    add: Sequence[Payload] = ()
    remove: Sequence[Payload] = ()
    announce: Sequence[Announcement] = ()
    withdraw: Sequence[Announcement] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a change comes to.

    ``areas`` are the outermost changed prefixes, in order, so disjoint; area ``i`` has the rows
    ``[first[i], last[i])`` of the route table (i8). ``rows`` (i8 ``(n,)``, ascending) are all of
    these, ``before`` and ``after`` (u1) their verdicts. ``withdrawn`` (i8, ascending) are the rows
    of the table that would be gone; their ``after`` means nothing. ``announced`` are the routes
    that would be new, in order, with their verdicts and, as in :mod:`validator.tables.announced`,
    why each would not count.
    """

    added: tuple[Payload, ...]
    removed: tuple[Payload, ...]
    already_there: tuple[Payload, ...]
    not_there: tuple[Payload, ...]
    areas: tuple[Prefix, ...]
    first: I8
    last: I8
    rows: I8
    before: U1
    after: U1
    withdrawn: I8
    announced: tuple[Announcement, ...]
    announced_verdict: U1
    announced_excluded: U1
    already_announced: tuple[Announcement, ...]
    not_announced: tuple[Announcement, ...]

    def kept(self) -> NDArray[np.bool_]:
        """Which of ``rows`` would still be there."""
        return ~among(self.rows, self.withdrawn)

    def flips(self) -> NDArray[np.bool_]:
        """Which of ``rows`` would be there in another state."""
        differ: NDArray[np.bool_] = states(self.before) != states(self.after)
        return differ & self.kept() if len(self.withdrawn) else differ


def states(verdict: U1) -> U1:
    """The state of each verdict: 0 not-found, 1 valid, 2 invalid, whatever the reason."""
    return np.minimum(verdict, Verdict.INVALID_NO_ORIGIN).astype("u1")


def suppose(snapshot: Snapshot, change: Change, rules: AnnouncedRules = LENIENT) -> Outcome:
    """The verdicts after a change.

    ``rules`` say whether a new route would count as announced; it is taken to be seen by all peers.
    Time: microseconds for each VRP and route of the change, and validating what the areas hold.
    """
    vrps, routes = snapshot.vrps, snapshot.routes
    add = tuple(dict.fromkeys(change.add))
    held = {each: find_vrp(vrps, each) for each in add}
    added = tuple(each for each in add if held[each] is None)
    remove = tuple(dict.fromkeys(each for each in change.remove if each not in held))
    places = {each: find_vrp(vrps, each) for each in remove}
    gone = np.array([place for place in places.values() if place is not None], "i8")
    removed = tuple(each for each in remove if places[each] is not None)

    announce = sorted(set(change.announce))
    known = {each: find_route(routes, each) for each in announce}
    new = tuple(each for each in announce if known[each] is None)
    withdraw = sorted(set(change.withdraw) - set(announce))
    lost = {each: find_route(routes, each) for each in withdraw}
    withdrawn = np.array(sorted(row for row in lost.values() if row is not None), "i8")
    new_excluded = _exclusions(new, rules, snapshot.min_peers)

    # A route that does not count changes nothing for others.
    moved = [each.prefix for each, code in zip(new, new_excluded, strict=True) if not code]
    moved += [routes.prefix(row) for row in withdrawn.tolist() if not snapshot.excluded[row]]
    areas = outermost([each.prefix for each in (*added, *removed)] + moved)
    spans = [routes.covered(area) for area in areas]
    first = np.array([span.start for span in spans], "i8")
    last = np.array([span.stop for span in spans], "i8")

    local = _local_vrps(vrps, areas, [each.prefix for each in new], gone, added)
    verdict = np.empty(len(routes), "u1")  # written where it is read, and nowhere else
    for family in Family:
        chosen = np.array([a.family is family for a in areas], "?") & (last > first)
        delta_kernels.revalidate_slices(
            local.high, local.low, local.length, local.parent, local.first, local.asn,
            local.max_length, *local.family_range(family),
            routes.high, routes.low, routes.length, routes.origin,
            first[chosen], last[chosen], int(chosen.sum()), verdict,
        )  # fmt: skip
    rows = (
        np.concatenate([np.arange(span.start, span.stop, dtype="i8") for span in spans])
        if spans
        else np.empty(0, "i8")
    )
    return Outcome(
        added=added,
        removed=removed,
        already_there=tuple(each for each in add if held[each] is not None),
        not_there=tuple(each for each in remove if places[each] is None),
        areas=areas,
        first=first,
        last=last,
        rows=rows,
        before=routes.verdict[rows],
        after=verdict[rows],
        withdrawn=withdrawn,
        announced=new,
        announced_verdict=np.array([_judge(local, each) for each in new], "u1"),
        announced_excluded=new_excluded,
        already_announced=tuple(each for each in announce if known[each] is not None),
        not_announced=tuple(each for each in withdraw if lost[each] is None),
    )


def find_vrp(vrps: VrpTable, payload: Payload) -> int | None:
    """The row of a VRP in the columns ``asn``, ``max_length`` and so on; None if it is not held."""
    prefix = payload.prefix
    start, stop = vrps.family_range(prefix.family)
    row = kernels.last_not_after(
        vrps.high, vrps.low, vrps.length, start, stop, prefix.high, prefix.low, prefix.length
    )
    if row < start or vrps.prefix(row) != prefix:
        return None
    begin, end = int(vrps.first[row]), int(vrps.first[row + 1])
    of_asn, same_length = vrps.asn[begin:end], vrps.max_length[begin:end]
    found = np.flatnonzero((of_asn == payload.asn) & (same_length == payload.max_length))
    return begin + int(found[0]) if len(found) else None


def find_route(routes: RouteTable, route: Announcement) -> int | None:
    """The row of a route; None if nobody announces it."""
    rows = routes.exact(route.prefix)
    found = np.flatnonzero(routes.origin[rows.start : rows.stop] == route.origin)
    return rows.start + int(found[0]) if len(found) else None


def outermost(prefixes: Iterable[Prefix]) -> tuple[Prefix, ...]:
    """The prefixes that no other of them covers, in order."""
    found: list[Prefix] = []
    for prefix in sorted(set(prefixes)):
        if not found or not found[-1].covers(prefix):
            found.append(prefix)
    return tuple(found)


def _exclusions(new: Sequence[Announcement], rules: AnnouncedRules, min_peers: int) -> U1:
    """Why each new route, in order, would not count: as :func:`announced.exclusions`."""
    count = len(new)
    if not count:
        return np.empty(0, "u1")
    seen = SeenRoutes(
        Prefixes.of([each.prefix for each in new]),
        np.array([each.origin for each in new], "i8"),
        np.full(count, _EVERYBODY, "u2"),
    )
    return announced.exclusions(publish(seen, np.zeros(count, "u1")), rules, min_peers)


def _judge(vrps: VrpTable, route: Announcement) -> int:
    return _nearest(vrps, route.prefix, route.origin)[1]


def _nearest(vrps: VrpTable, prefix: Prefix, origin: int = 0) -> tuple[int, int]:
    found: tuple[int, int] = kernels.validate_one(
        vrps.high, vrps.low, vrps.length, vrps.parent, vrps.first, vrps.asn, vrps.max_length,
        *vrps.family_range(prefix.family), prefix.high, prefix.low, prefix.length, origin,
    )  # fmt: skip
    return found


def _local_vrps(
    vrps: VrpTable,
    areas: Sequence[Prefix],
    places: Sequence[Prefix],
    gone: I8,
    added: Sequence[Payload],
) -> VrpTable:
    """The VRPs, after the change, that cover something inside ``areas``, or one of ``places``."""
    above: set[int] = set()
    for prefix in (*areas, *places):
        at = _nearest(vrps, prefix)[0]
        while at >= 0 and at not in above:
            above.add(at)
            at = int(vrps.parent[at])
    parts = [np.array(sorted(above), "i8")]
    asked = Prefixes.of(areas)
    for family in Family:
        of = asked.take(asked.family == family)
        first, last = np.empty(len(of), "i8"), np.empty(len(of), "i8")
        count = delta_kernels.find_slices(
            vrps.high, vrps.low, vrps.length, *vrps.family_range(family),
            of.high, of.low, of.length, first, last,
        )  # fmt: skip
        parts += [np.arange(first[i], last[i], dtype="i8") for i in range(count)]
    rows = distinct(np.concatenate(parts))
    begin = vrps.first[rows].astype("i8")
    counts = vrps.first[rows + 1].astype("i8") - begin
    # Of each prefix its VRPs, one after the other.
    within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    of_row, at_vrp = np.repeat(rows, counts), np.repeat(begin, counts) + within
    if len(gone):
        stays = ~among(at_vrp, np.sort(gone))
        of_row, at_vrp = of_row[stays], at_vrp[stays]
    held = Prefixes(
        np.where(of_row < vrps.ipv6, 4, 6).astype("u1"),
        vrps.high[of_row],
        vrps.low[of_row],
        vrps.length[of_row],
    )
    stays_as_is = VrpBatch(
        held,
        vrps.asn[at_vrp],
        vrps.max_length[at_vrp],
        np.zeros(len(at_vrp), "u1"),
        np.full(len(at_vrp), NEVER_EXPIRES, "i8"),
        ("",),
        _REPORT,
    )
    return build_table([stays_as_is, payload_batch(added)])


def payload_batch(payloads: Sequence[Payload]) -> VrpBatch:
    """Payloads as what a file of them would give."""
    count = len(payloads)
    return VrpBatch(
        Prefixes.of([each.prefix for each in payloads]),
        np.array([each.asn for each in payloads], "u4"),
        np.array([each.max_length for each in payloads], "u1"),
        np.zeros(count, "u1"),
        np.full(count, NEVER_EXPIRES, "i8"),
        ("",),
        _REPORT,
    )
