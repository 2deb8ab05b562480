"""Are invalids dropped? ``GET /api/v1/visibility``: what each full-feed peer carries.

Signing is half of routing security, filtering the other half: a peer that carries nearly every
valid route and few invalid ones sits behind networks that drop invalids.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from validator.feed import Feed, shown
from validator.figures.coverage import share
from validator.formats.replies import generated_time
from validator.history.moments import Moments
from validator.model import Family, format_asn
from validator.snapshot import Snapshot
from validator.web.answers import query_of, snapshot_reply, stale_notes
from validator.web.contract import Content, Operation
from validator.web.coverage_replies import FeedOut, VisibilityReply, WatchedOut
from validator.web.moments import AT
from validator.web.moments import asked as moment
from validator.web.network_replies import ByFamily


class VisibilityFace:
    def __init__(self, feed: Feed, moments: Moments | None = None) -> None:
        self._feed, self._moments = feed, moments

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1/visibility",
                self.visibility,
                "Are invalids dropped: what each full-feed peer carries",
                "coverage",
                {200: Content("each full-feed peer, and the whole", VisibilityReply)},
                [AT],
                refusals=(400, 404, 503),
                tagged=True,
            )
        ]

    async def visibility(self, request: web.Request) -> web.Response:
        """As of the last survey of the peers, which is some minutes old at most. Route lists have
        no peers, and give nothing here."""
        given = query_of(request, "at")
        snapshot = await moment(self._moments, self._feed, given.get("at"))
        return snapshot_reply(snapshot, describe(snapshot))


def describe(snapshot: Snapshot) -> VisibilityReply:
    """The full-feed peers of a snapshot, the one that carries the fewest invalids first."""
    seen = snapshot.sightings
    watched = {
        family: WatchedOut(*seen.watched[family], seen.full_feeds[family]) for family in Family
    }
    feeds = [
        FeedOut(
            vantage=shown(each.peer.vantage),
            address=each.peer.address,
            asn=format_asn(each.peer.asn),
            family=each.family.label,
            valid=each.carried.valid,
            invalid=each.carried.invalid,
            not_found=each.carried.not_found,
            valid_visibility=share(each.carried.valid, watched[each.family].valid),
            invalid_visibility=share(each.carried.invalid, watched[each.family].invalid),
        )
        for each in seen.feeds
    ]
    feeds.sort(key=lambda feed: (feed.family, feed.invalid_visibility or 0.0, feed.address))
    return VisibilityReply(
        watched=ByFamily(watched[Family.IPV4], watched[Family.IPV6]),
        feeds=feeds,
        generated=generated_time(snapshot.created),
        generation=snapshot.generation,
        sample=snapshot.sample,
        degraded=stale_notes(snapshot),
    )
