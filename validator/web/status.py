"""How the service does: ``/healthz``, ``/readyz``, ``/status``, ``/version``.

``/healthz`` answers while the event loop lives. ``/readyz`` says 503 until there is a snapshot,
with the inputs that are awaited, and again while its VRPs are older than they may be. ``/status``
tells all. None of it may be kept: it is true for the moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from aiohttp import web

from validator.feed import VERSION, Feed, PerSnapshot, redacted, shown
from validator.formats.replies import generated_time
from validator.freshness import FAILED, SourceStatus
from validator.inventory import Inventory, take
from validator.metrics.history import Writing
from validator.metrics.reports import ReportWriting
from validator.model import Family, InputReport, State
from validator.pages.own_map import OwnMap
from validator.pages.world_map import MapInUse
from validator.slurm import Applied
from validator.snapshot import Snapshot
from validator.tables.rib import PeerSize
from validator.web.answers import NO_STORE, RETRY_SECONDS, json_reply
from validator.web.contract import Content, Operation, Style
from validator.web.status_replies import (
    Health,
    HistoryStatus,
    InputReply,
    MapStatus,
    NotReady,
    PeerReply,
    Ready,
    ReportsStatus,
    ResourceReply,
    SlurmFilter,
    SlurmReply,
    SourceReply,
    StatusReply,
    TableRouteCounts,
    Totals,
    VrpCounts,
)

_TAG = "service"
_NOW = {"Cache-Control": NO_STORE}


class StatusFace:
    def __init__(
        self,
        feed: Feed,
        sample: bool,
        writing: Writing | None = None,
        reports: ReportWriting | None = None,
        own_map: OwnMap | None = None,
    ) -> None:
        """``writing``: of the history, if one is kept; ``reports``: of those that are scheduled."""
        self._feed, self._sample, self._writing = feed, sample, writing
        self._reports, self._map = reports, own_map or OwnMap()
        self._inventory = PerSnapshot(take)

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/healthz",
                self.health,
                "Whether the process lives",
                _TAG,
                {200: Content("it does", Health)},
                refusals=(),
            ),
            Operation(
                "GET",
                "/readyz",
                self.readiness,
                "Whether questions are answered without reserve",
                _TAG,
                {200: Content("they are", Ready), 503: Content("not yet, or not now", NotReady)},
                refusals=(),
            ),
            *(
                Operation(
                    "GET",
                    path,
                    self.status,
                    "How the service and each of its inputs do",
                    _TAG,
                    {200: Content("all of it", StatusReply)},
                    refusals=(),
                    style=Style.ROUTINATOR,
                )
                for path in ("/status", "/api/v1/status")
            ),
            Operation(
                "GET",
                "/version",
                self.version,
                "The version of this software",
                _TAG,
                {200: Content("a line", media=("text/plain",), schema={"type": "string"})},
                refusals=(),
                style=Style.ROUTINATOR,
            ),
        ]

    async def health(self, _: web.Request) -> web.Response:
        return json_reply(Health("alive", self._sample), headers=_NOW)

    async def readiness(self, _: web.Request) -> web.Response:
        snapshot = self._feed.snapshot
        if snapshot is None:
            awaited = [
                each for each in self._feed.statuses if each.loaded is None or each.state == FAILED
            ]
            return self._not_ready("waiting", "no snapshot yet", awaited)
        if stale := snapshot.stale(vrps_only=True):
            return self._not_ready("stale", "the VRPs are older than they may be", stale)
        ready = Ready("ready", snapshot.generation, bool(snapshot.troubles), snapshot.sample)
        return json_reply(ready, headers=_NOW)

    def _not_ready(
        self, status: Literal["waiting", "stale"], error: str, inputs: Iterable[SourceStatus]
    ) -> web.Response:
        about = NotReady(status, error, [_status(each) for each in inputs], self._sample)
        return json_reply(about, 503, {**_NOW, "Retry-After": str(RETRY_SECONDS)})

    async def version(self, _: web.Request) -> web.Response:
        return web.Response(text=f"originsight {VERSION}\n")

    async def status(self, _: web.Request) -> web.Response:
        feed, snapshot = self._feed, self._feed.snapshot
        about = StatusReply(
            version=VERSION,
            sample=self._sample,
            generation=snapshot.generation if snapshot else 0,
            reloads=feed.reloads_total,
            reload_failures=feed.reload_failures_total,
            last_build_seconds=round(feed.last_build_seconds, 3),
            sources=[_status(each) for each in feed.statuses],
            history=_history(self._writing),
            reports=_reports(self._reports),
            map=_map(self._map.in_use),
        )
        if snapshot is not None:
            inventory = await asyncio.to_thread(self._inventory.of, snapshot)
            about = msgspec.structs.replace(about, **_describe(snapshot, inventory))
        return json_reply(about, headers=_NOW)


def _history(writing: Writing | None) -> HistoryStatus | None:
    if writing is None:
        return None
    return HistoryStatus(
        written=_moment(int(writing.last_written)),
        writes=writing.days_written_total,
        failures=writing.failures_total,
        error=writing.last_error,
    )


def _reports(writing: ReportWriting | None) -> ReportsStatus | None:
    if writing is None:
        return None
    return ReportsStatus(
        written=_moment(int(writing.last_written)),
        files=writing.written_total,
        failures=writing.failures_total,
        error=writing.last_error,
    )


def _map(its: MapInUse) -> MapStatus | None:
    if not its.source:
        return None
    shapes = its.shapes
    return MapStatus(
        source=its.source,
        sha256=shapes.about["sha256"] if shapes else "",
        areas=len(shapes.areas) if shapes else 0,
        error=its.problem,
    )


def _status(status: SourceStatus) -> SourceReply:
    source, error = redacted(status)
    now = time.time()
    return SourceReply(
        kind=status.kind,
        source=source,
        state=status.state,
        since=_moment(status.since),
        loaded=_moment(status.loaded),
        checked=_moment(status.checked),
        content=_moment(status.content),
        age_seconds=status.age(now),
        cadence_seconds=status.cadence_seconds,
        max_stale_seconds=status.max_stale_seconds,
        stale=status.stale(now),
        error=error,
        rows=status.rows,
    )


def _moment(seconds: int | None) -> str | None:
    return generated_time(seconds) if seconds else None


def _describe(snapshot: Snapshot, inventory: Inventory) -> dict[str, Any]:
    """What there is to say once there is a snapshot."""
    vrps = {
        Family(family).label: VrpCounts(sum(counts.values()), dict(counts))
        for family, counts in inventory.vrps.items()
    }
    routes = {
        Family(family).label: TableRouteCounts(
            sum(counts.values()),
            counts[State.VALID],
            counts[State.INVALID],
            counts[State.NOT_FOUND],
        )
        for family, counts in inventory.routes.items()
    }
    resources = snapshot.resources
    return {
        "created": generated_time(snapshot.created),
        "degraded": [_status(each) for each in snapshot.troubles],
        "inputs": [_report(each) for each in snapshot.inputs],
        "vrps": Totals(len(snapshot.vrps), vrps),
        "aspas": len(snapshot.vrps.aspas),
        "router_keys": len(snapshot.vrps.router_keys),
        "slurm": _slurm(snapshot.slurm),
        "routes": Totals(len(snapshot.routes), routes),
        "excluded": dict(snapshot.exclusions),
        "min_peers": snapshot.min_peers,
        "peers": [_peer(each) for each in snapshot.peers],
        "resources": ResourceReply(resources.overlaps, resources.duplicates),
        "asn_names": len(snapshot.names),
    }


def _report(report: InputReport) -> InputReply:
    return InputReply(
        shown(report.source),
        report.kind,
        report.sha256,
        report.rows,
        dict(report.rejected),
        report.truncated,
        generated_time(report.built) if report.built else None,
        list(report.notes),
    )


def _peer(size: PeerSize) -> PeerReply:
    return PeerReply(
        shown(size.peer.vantage),
        size.peer.address,
        size.peer.asn,
        size.ipv4,
        size.ipv6,
        size.full_ipv4,
        size.full_ipv6,
    )


def _slurm(applied: Applied | None) -> SlurmReply | None:
    """What local exceptions did; None if there are none."""
    if applied is None:
        return None
    filters = [
        SlurmFilter(
            str(each.filter.prefix) if each.filter.prefix else None,
            each.filter.asn,
            each.filter.comment,
            each.matched,
        )
        for each in applied.filters
    ]
    return SlurmReply(applied.removed, applied.added, applied.already_there, filters)
