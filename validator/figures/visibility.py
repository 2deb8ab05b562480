"""Are invalid routes dropped? How many full-feed peers announce each route, and what each carries.

Signing is half of routing security, filtering the other half. A network that drops invalid routes
does not announce them, so where invalid routes are seen by fewer peers than valid ones, somebody on
the way drops them. Seen from route collectors: their peers are a biased part of the world.

Only full-feed peers count (docs/definitions.md): one that sends few routes says nothing by not
sending another. :func:`survey` looks at all that every peer announces, which takes some tenths of
a second for a large table and is done seldom; between two surveys the table goes on changing, so
:meth:`Sightings.over` finds the same routes in the next one by what they are, never by where they
stand. What is new since the survey is *unwatched* (:data:`UNWATCHED`), and so is what no peer
announces (route lists have no peers): it counts neither as seen nor as unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from validator.kernels import visibility as kernels
from validator.kernels.facts import UNWATCHED
from validator.model import U1, U2, Family, Peer, Verdict, frozen
from validator.tables.rib import PeerSize, Rib
from validator.tables.routes import RouteTable

__all__ = ["NOTHING_SEEN", "UNWATCHED", "FeedSightings", "Sightings", "States", "survey"]

_KIND = np.array(
    [
        2 if verdict is Verdict.NOT_FOUND else int(verdict is not Verdict.VALID)
        for verdict in Verdict
    ],
    "u1",
)
_NOT_COUNTED = 3


class States(NamedTuple):
    """Counts of distinct routes that are not excluded, by state."""

    valid: int = 0
    invalid: int = 0
    not_found: int = 0


@dataclass(frozen=True, slots=True)
class FeedSightings:
    """What one full-feed peer carries of the counted routes of a family."""

    peer: Peer
    family: Family
    carried: States


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """What full-feed peers announced at a survey.

    ``seen`` u2 ``(routes,)`` is aligned with ``routes``: how many full-feed peers of its family
    announce each (65,534 stands for that many or more), or :data:`UNWATCHED`; None if there was no
    full-feed peer. ``watched`` counts the routes that some peer announced, the whole of which each
    of ``feeds`` carries a part; both are as of the survey, with the states that routes had then.
    """

    full_feeds: Mapping[Family, int]
    watched: Mapping[Family, States]
    feeds: tuple[FeedSightings, ...]
    routes: RouteTable | None
    seen: U2 | None

    def over(self, routes: RouteTable) -> Sightings:
        """The same for another table: each route that the survey met, found by what it is.

        Keep the result in place of this one, which keeps its own table in memory.
        """
        before, seen = self.routes, self.seen
        if before is None or seen is None or before is routes:
            return self
        same = before.high is routes.high and before.origin is routes.origin
        if not same:  # else only verdicts are others
            out = np.empty(len(routes), "u2")
            for family in Family:
                kernels.carry_over(
                    before.high, before.low, before.length, before.origin, seen,
                    *before.family_range(family),
                    routes.high, routes.low, routes.length, routes.origin,
                    *routes.family_range(family), out,
                )  # fmt: skip
            frozen(out)
            seen = out
        return replace(self, routes=routes, seen=seen)


NOTHING_SEEN = Sightings(dict.fromkeys(Family, 0), dict.fromkeys(Family, States()), (), None, None)
"""Nobody has looked yet, or there is nobody to look through."""


def survey(rib: Rib, routes: RouteTable, excluded: U1, peers: Sequence[PeerSize]) -> Sightings:
    """Look at what every peer announces. ``routes`` and ``excluded`` (u1, 0 for what counts) are
    the table that follows from the RIB; ``peers`` are its
    :meth:`~validator.tables.rib.Rib.peer_sizes`.

    Takes about as long as deriving every route again, some tenths of a second for 60 peers and 1.4
    million prefixes; three bytes a route besides the result.
    """
    full = {
        Family.IPV4: np.array([peer.full_ipv4 for peer in peers], "u1"),
        Family.IPV6: np.array([peer.full_ipv6 for peer in peers], "u1"),
    }
    full_feeds = {family: int(which.sum()) for family, which in full.items()}
    if not any(full_feeds.values()):
        return NOTHING_SEEN
    kind = np.where(excluded == 0, _KIND[routes.verdict], _NOT_COUNTED).astype("u1")
    seen = np.empty(len(routes), "u2")
    watched: dict[Family, States] = {}
    feeds: list[FeedSightings] = []
    for family in Family:
        start, stop = routes.family_range(family)
        carried = rib.sight(
            family, routes.high, routes.low, routes.length, routes.origin, kind,
            start, stop, full[family], seen,
        )  # fmt: skip
        met = kind[start:stop][seen[start:stop] != UNWATCHED]
        watched[family] = States(*np.bincount(met, minlength=kernels.KINDS)[:3].tolist())
        feeds += [
            FeedSightings(each.peer, family, States(*carried[:3, number].tolist()))
            for number, each in enumerate(peers)
            if full[family][number]
        ]
    frozen(seen)
    return Sightings(full_feeds, watched, tuple(feeds), routes, seen)
