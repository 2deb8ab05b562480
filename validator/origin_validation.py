"""RFC 6811: is the origin of a route authorised? One rule, asked of one route or of a whole table.

The rule itself is :func:`validator.kernels.core.judge`. A route's *covering* VRPs are those of the
nearest VRP prefix that covers it and of that prefix's ancestors; :func:`validate` finds the nearest
by merging two sorted tables, :func:`explain` by binary search. Everything else is shared.

AS0 never matches, and neither does the origin NONE (RFC 6811 section 2, RFC 6483 section 4).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from validator.kernels import core as kernels
from validator.model import NO_ORIGIN, U1, Family, Prefix, State, Verdict
from validator.tables.routes import RouteTable, SeenRoutes
from validator.tables.vrps import Vrp, VrpTable


class Explanation(NamedTuple):
    """The verdict on one route, and the covering VRPs that it rests on, most specific first.

    The three lists are split as Routinator splits them: a covering VRP whose maxLength the route
    exceeds is ``unmatched_length`` whatever its AS number, another that does not name the origin
    is ``unmatched_as``, and the rest are ``matched``.
    """

    prefix: Prefix
    origin: int
    verdict: Verdict
    matched: tuple[Vrp, ...]
    unmatched_as: tuple[Vrp, ...]
    unmatched_length: tuple[Vrp, ...]

    @property
    def state(self) -> State:
        return self.verdict.state

    @property
    def covering(self) -> tuple[Vrp, ...]:
        return self.matched + self.unmatched_as + self.unmatched_length

    @property
    def routinator_reason(self) -> str | None:
        """Routinator's ``reason``: ``as`` or ``length``, and only if the route is invalid."""
        if self.state is not State.INVALID:
            return None
        return "as" if self.unmatched_as else "length"

    @property
    def ripestat_status(self) -> str:
        """RIPEstat's ``status``: ``invalid_length`` if a covering VRP names the origin."""
        if self.state is State.VALID:
            return "valid"
        if self.state is State.NOT_FOUND:
            return "unknown"
        named = any(vrp.asn == self.origin > 0 for vrp in self.covering)
        return "invalid_length" if named else "invalid_asn"

    @property
    def nist_label(self) -> str:
        """NIST's RPKI Monitor: where an invalid route fails, M(ax)L(ength), AS or both."""
        if self.state is not State.INVALID:
            return self.state.value
        parts = ["ML"] * bool(self.unmatched_length) + ["AS"] * any(
            vrp.asn != self.origin for vrp in self.covering
        )
        return "-".join(parts)


_VERDICTS = tuple(Verdict)
_WORTH_A_THREAD = 200_000
"""Routes from which the work outweighs starting threads: a millisecond."""


def validate(seen: SeenRoutes, vrps: VrpTable) -> U1:
    """The verdict on every route of a table: u1 ``(n,)``, values of :class:`Verdict`.

    A large table is cut into a slice for each core: the kernel lets go of the interpreter, and a
    slice needs nothing of the one before it.
    """
    prefixes = seen.prefixes
    ipv6 = int(np.count_nonzero(prefixes.family == Family.IPV4))
    verdict = np.empty(len(seen), "u1")

    def work(piece: tuple[Family, int, int]) -> None:
        family, start, stop = piece
        kernels.validate_rows(
            vrps.high, vrps.low, vrps.length, vrps.parent, vrps.first, vrps.asn, vrps.max_length,
            *vrps.family_range(family),
            prefixes.high, prefixes.low, prefixes.length, seen.origin, start, stop, verdict,
        )  # fmt: skip

    cores = len(os.sched_getaffinity(0))
    if cores == 1 or len(seen) < _WORTH_A_THREAD:
        work((Family.IPV4, 0, ipv6))
        work((Family.IPV6, ipv6, len(seen)))
        return verdict
    pieces = [
        (family, start, min(start + len(seen) // cores + 1, last))
        for family, first, last in ((Family.IPV4, 0, ipv6), (Family.IPV6, ipv6, len(seen)))
        for start in range(first, last, len(seen) // cores + 1)
    ]
    with ThreadPoolExecutor(cores, "validate") as threads:
        list(threads.map(work, pieces))
    return verdict


def revalidate(routes: RouteTable, vrps: VrpTable, start: int, stop: int, verdict: U1) -> None:
    """Write the verdicts on rows ``[start, stop)``, all of one family, into ``verdict``."""
    family = Family.IPV4 if start < routes.ipv6 else Family.IPV6
    kernels.validate_rows(
        vrps.high, vrps.low, vrps.length, vrps.parent, vrps.first, vrps.asn, vrps.max_length,
        *vrps.family_range(family),
        routes.high, routes.low, routes.length, routes.origin, start, stop, verdict,
    )  # fmt: skip


def explain(prefix: Prefix, origin: int, vrps: VrpTable) -> Explanation:
    """The verdict on one route, announced or not, with the VRPs that it rests on."""
    nearest, verdict = kernels.validate_one(
        vrps.high, vrps.low, vrps.length, vrps.parent, vrps.first, vrps.asn, vrps.max_length,
        *vrps.family_range(prefix.family), prefix.high, prefix.low, prefix.length, origin,
    )  # fmt: skip
    matched: list[Vrp] = []
    unmatched_as: list[Vrp] = []
    unmatched_length: list[Vrp] = []
    while nearest >= 0:
        for vrp in vrps.of_prefix(nearest):
            if prefix.length > vrp.max_length:
                unmatched_length.append(vrp)
            elif vrp.asn != origin or vrp.asn == 0 or origin == NO_ORIGIN:
                unmatched_as.append(vrp)
            else:
                matched.append(vrp)
        nearest = vrps.parent.item(nearest)
    return Explanation(
        prefix,
        origin,
        _VERDICTS[verdict],
        tuple(matched),
        tuple(unmatched_as),
        tuple(unmatched_length),
    )
