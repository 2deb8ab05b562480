"""One network: ``GET /api/v1/asn/{asn}``.

Every number of 32 bits is a network, so every one is answered with 200, most with zeros and
``"announced": false``; what is not such a number is a 400. What nobody holds has country and RIR
``ZZ``, the group that coverage counts it in.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from aiohttp import web

from validator import announced, coverage
from validator.coverage import Figures
from validator.feed import Feed
from validator.groupings import NOBODY, Attribution, Scheme
from validator.model import Family, State, format_asn, parse_asn
from validator.replies import generated_time
from validator.snapshot import Snapshot, state_counts
from validator.web.answers import Refusal, current, json_reply, stale_notes

_NOTHING = Figures(0, 0, 0, 0, 0, 0, 0, 0)


class NetworkFace:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/v1/asn/{asn}", self.network)]

    async def network(self, request: web.Request) -> web.Response:
        snapshot = current(self._feed)
        try:
            asn = parse_asn(request.match_info["asn"])
        except ValueError as error:
            raise Refusal(400, f"invalid ASN: {error}") from None
        return json_reply(await asyncio.to_thread(describe, snapshot, asn))


def describe(snapshot: Snapshot, asn: int) -> dict[str, Any]:
    """All we know of one network. Looks through every route: some milliseconds.

    ``routes`` counts every route that it originates; ``coverage`` (by origin) leaves out the
    ``excluded`` ones.
    """
    rows = np.flatnonzero(snapshot.routes.origin == asn)
    holder = snapshot.resources.asn_holder(asn)
    group = format_asn(asn)
    return {
        "asn": group,
        "name": snapshot.group_name(Scheme.ASN, group),
        "country": holder.country if holder else NOBODY,
        "rir": holder.registry if holder else NOBODY,
        "announced": bool(len(rows)),
        "routes": _routes(snapshot, rows),
        "excluded": announced.count_exclusions(snapshot.excluded[rows]),
        "coverage": _coverage(snapshot, group),
        "neighbours": [format_asn(each) for each in snapshot.adjacencies.of(asn)],
        "min_peers": snapshot.min_peers,
        "generated": generated_time(snapshot.created),
        "generation": snapshot.generation,
        "sample": snapshot.sample,
        "degraded": stale_notes(snapshot),
    }


def _routes(snapshot: Snapshot, rows: np.ndarray[Any, Any]) -> dict[str, dict[str, int]]:
    families = {}
    for family in Family:
        start, stop = snapshot.routes.family_range(family)
        chosen = rows[(rows >= start) & (rows < stop)]
        counts = state_counts(snapshot.routes.verdict[chosen])
        families[family.label] = {
            "total": len(chosen),
            "valid": counts[State.VALID],
            "invalid": counts[State.INVALID],
            "not_found": counts[State.NOT_FOUND],
        }
    return families


def _coverage(snapshot: Snapshot, group: str) -> dict[str, dict[str, Any]]:
    measured = snapshot.coverages[Scheme.ASN, Attribution.ORIGIN]
    number = measured.index(group)
    name = snapshot.group_name(Scheme.ASN, group)
    return {
        family.label: coverage.row(
            _NOTHING if number is None else measured.figures(number, family),
            Scheme.ASN,
            group,
            name,
            family,
        )
        for family in Family
    }
