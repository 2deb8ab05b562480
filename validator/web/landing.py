"""``/api/v1``: what this is, and what to try, with routes that are in the table. ``/`` is for
people (:mod:`validator.web.pages`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from aiohttp import web

from validator.feed import VERSION, Feed, PerSnapshot
from validator.model import Family, State, Verdict
from validator.snapshot import Snapshot
from validator.web.answers import json_reply
from validator.web.contract import Content, Operation

SAMPLE_NOTICE = "SAMPLE: these networks are fictional, and so is every figure made from them."
_ALWAYS = (
    "/",
    "/api/v1/coverage?by=rir",
    "/api/v1/coverage?by=country&family=ipv4",
    "/api/v1/coverage?by=country&format=csv",
    "/status",
    "/readyz",
    "/healthz",
    "/version",
    "/metrics",
    "/openapi.json",
    "/docs",
)


class Landing(msgspec.Struct, frozen=True, rename={"paths": "try"}):
    """What this is, whether its networks are fictional, and paths that show something."""

    service: str
    version: str
    sample: bool
    notice: str
    about: str
    ready: bool
    paths: list[str]


class LandingFace:
    def __init__(self, feed: Feed, sample: bool) -> None:
        self._feed, self._sample = feed, sample
        self._paths = PerSnapshot(paths_to_try)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/api/v1",
                self.landing,
                "What this is, and what to try",
                "service",
                {200: Content("what this is", Landing)},
                refusals=(),
                name="get_landing",
            )
        ]

    async def landing(self, _: web.Request) -> web.Response:
        snapshot = self._feed.snapshot
        paths: tuple[str, ...] = _ALWAYS
        if snapshot is not None:
            paths = await asyncio.to_thread(self._paths.of, snapshot)
        return json_reply(
            Landing(
                "originsight",
                VERSION,
                self._sample,
                SAMPLE_NOTICE if self._sample else "",
                "RPKI route-origin validation (RFC 6811) and coverage",
                snapshot is not None,
                list(paths),
            )
        )


def greeting(url: str, snapshot: Snapshot) -> str:
    """What to open, for the person who started the service."""
    url = url.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:")
    sample = f"{SAMPLE_NOTICE}\n" if snapshot.sample else ""
    tries = "\n".join(f"  curl '{url}{path}'" for path in paths_to_try(snapshot))
    return f"{sample}Originsight answers on {url}. Try:\n{tries}"


def paths_to_try(snapshot: Snapshot) -> tuple[str, ...]:
    """Paths that show something, with routes of this snapshot first."""
    return *_examples(snapshot), *_addresses(snapshot), *_ALWAYS


def _examples(snapshot: Snapshot) -> Iterator[str]:
    """A route in each state, the first in the table that is counted, and a network."""
    routes = snapshot.routes
    network = 0
    for state in State:
        codes = [int(verdict) for verdict in Verdict if verdict.state is state]
        chosen = np.isin(routes.verdict, codes) & (snapshot.excluded == 0) & (routes.origin > 0)
        if not chosen.any():
            continue
        route = routes[int(chosen.argmax())]
        network = network or route.origin
        yield f"/api/v1/validity/AS{route.origin}/{route.prefix}"
        if route.prefix.family is Family.IPV4 and state is State.INVALID:
            yield f"/validity?asn=AS{route.origin}&prefix={route.prefix}"
    if network:
        yield f"/api/v1/asn/AS{network}"


def _addresses(snapshot: Snapshot) -> Iterator[str]:
    """An address in the first route that is counted."""
    counted = snapshot.excluded == 0
    if counted.any():
        address, _, _ = str(snapshot.routes.prefix(int(counted.argmax()))).partition("/")
        yield f"/api/v1/ip/{address}"
