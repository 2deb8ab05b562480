"""``/probe?target=…`` for Prometheus: the figures of one group, by the multi-target pattern.

A scrape configuration turns the names of networks and groups into the parameter ``target``
(config/prometheus/prometheus.yml), so that anybody may watch the few that matter to them out of the
hundred thousand that are nowhere in ``/metrics``.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from validator.feed import Feed
from validator.metrics.columns import write
from validator.metrics.probe import FORMS, SCHEME_GROUP, ProbeCollector, parse
from validator.web.answers import NO_STORE, Refusal, current, query_of
from validator.web.contract import ASN_TEXT, Content, Operation, query

_ASN = str(ASN_TEXT["pattern"])[1:-1]


class ProbeFace:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/probe",
                self.probe,
                "Coverage of one group for Prometheus",
                "service",
                {
                    200: Content(
                        "the measurements, in the format that the client prefers",
                        media=("text/plain", "application/openmetrics-text"),
                        schema={"type": "string"},
                    )
                },
                [
                    query(
                        "target",
                        f"which group: {FORMS}",
                        {"type": "string", "pattern": f"^({_ASN}|{SCHEME_GROUP})$"},
                        required=True,
                        example="AS64496",
                    )
                ],
                refusals=(400, 404, 503),
            )
        ]

    async def probe(self, request: web.Request) -> web.Response:
        """The figures of one network, country, registry or class of countries, in the metrics that
        `/metrics` has for others. `originsight_probe_success` is 0, and all else absent, if the
        scheme has no such group: for a network, if it announces nothing."""
        given = query_of(request, "target")
        if "target" not in given:
            raise Refusal(400, f"missing 'target' argument in query: {FORMS}")
        snapshot = current(self._feed)
        try:
            target = parse(given["target"])
        except ValueError as error:
            raise Refusal(400, f"target: {error}") from None
        if target.scheme not in snapshot.schemes:
            known = ", ".join(snapshot.schemes)
            raise Refusal(404, f"no scheme is called {target.scheme!r}; there are {known}")
        parts, kind = write(ProbeCollector(snapshot, target), request.headers.get("Accept", ""))
        return web.Response(
            body=b"".join(parts),
            headers={"Content-Type": kind, "Vary": "Accept", "Cache-Control": NO_STORE},
        )
