"""How the service does: ``/healthz``, ``/readyz``, ``/status``, ``/version``.

``/healthz`` answers while the event loop lives. ``/readyz`` says 503 until there is a snapshot,
with the inputs that are awaited, and again while its VRPs are older than they may be. ``/status``
tells all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from validator.feed import VERSION, Feed, PerSnapshot, redacted, shown
from validator.freshness import FAILED, SourceStatus
from validator.inventory import Inventory, take
from validator.model import Family, InputReport
from validator.replies import generated_time
from validator.rib import PeerSize
from validator.slurm import Applied
from validator.snapshot import Snapshot
from validator.web.answers import RETRY_SECONDS, json_reply


class StatusFace:
    def __init__(self, feed: Feed, sample: bool) -> None:
        self._feed, self._sample = feed, sample
        self._inventory = PerSnapshot(take)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.health),
            web.get("/readyz", self.readiness),
            web.get("/status", self.status),
            web.get("/version", self.version),
        ]

    async def health(self, _: web.Request) -> web.Response:
        return json_reply({"status": "alive", "sample": self._sample})

    async def readiness(self, _: web.Request) -> web.Response:
        snapshot = self._feed.snapshot
        if snapshot is None:
            awaited = [
                each for each in self._feed.statuses if each.loaded is None or each.state == FAILED
            ]
            return self._not_ready("waiting", "no snapshot yet", awaited)
        if stale := snapshot.stale(vrps_only=True):
            return self._not_ready("stale", "the VRPs are older than they may be", stale)
        return json_reply(
            {
                "status": "ready",
                "generation": snapshot.generation,
                "degraded": bool(snapshot.troubles),
                "sample": snapshot.sample,
            }
        )

    def _not_ready(self, status: str, error: str, inputs: Iterable[SourceStatus]) -> web.Response:
        about = {
            "status": status,
            "error": error,
            "inputs": [_status(each) for each in inputs],
            "sample": self._sample,
        }
        return json_reply(about, 503, {"Retry-After": str(RETRY_SECONDS)})

    async def version(self, _: web.Request) -> web.Response:
        return web.Response(text=f"originsight {VERSION}\n")

    async def status(self, _: web.Request) -> web.Response:
        feed, snapshot = self._feed, self._feed.snapshot
        about: dict[str, Any] = {
            "version": VERSION,
            "sample": self._sample,
            "generation": snapshot.generation if snapshot else 0,
            "reloads": feed.reloads_total,
            "reload_failures": feed.reload_failures_total,
            "last_build_seconds": round(feed.last_build_seconds, 3),
            "sources": [_status(each) for each in feed.statuses],
        }
        if snapshot is not None:
            inventory = await asyncio.to_thread(self._inventory.of, snapshot)
            about |= _describe(snapshot, inventory)
        return json_reply(about)


def _status(status: SourceStatus) -> dict[str, Any]:
    source, error = redacted(status)
    now = time.time()
    return {
        "kind": status.kind,
        "source": source,
        "state": status.state,
        "since": _moment(status.since),
        "loaded": _moment(status.loaded),
        "checked": _moment(status.checked),
        "content": _moment(status.content),
        "age_seconds": status.age(now),
        "cadence_seconds": status.cadence_seconds,
        "max_stale_seconds": status.max_stale_seconds,
        "stale": status.stale(now),
        "error": error,
        "rows": status.rows,
    }


def _moment(seconds: int | None) -> str | None:
    return generated_time(seconds) if seconds else None


def _describe(snapshot: Snapshot, inventory: Inventory) -> dict[str, Any]:
    return {
        "created": generated_time(snapshot.created),
        "degraded": [_status(each) for each in snapshot.troubles],
        "inputs": [_report(each) for each in snapshot.inputs],
        "vrps": {
            "total": len(snapshot.vrps),
            "by_family": {
                Family(family).label: {"total": sum(counts.values()), "by_trust_anchor": counts}
                for family, counts in inventory.vrps.items()
            },
        },
        "aspas": len(snapshot.vrps.aspas),
        "router_keys": len(snapshot.vrps.router_keys),
        "slurm": _slurm(snapshot.slurm),
        "routes": {
            "total": len(snapshot.routes),
            "by_family": {
                Family(family).label: {
                    "total": sum(counts.values()),
                    **{state.value.replace("-", "_"): count for state, count in counts.items()},
                }
                for family, counts in inventory.routes.items()
            },
        },
        "excluded": dict(snapshot.exclusions),
        "min_peers": snapshot.min_peers,
        "peers": [_peer(each) for each in snapshot.peers],
        "resources": {
            "overlaps": snapshot.resources.overlaps,
            "duplicates": snapshot.resources.duplicates,
        },
        "asn_names": len(snapshot.names),
    }


def _report(report: InputReport) -> dict[str, Any]:
    return {
        "source": shown(report.source),
        "kind": report.kind,
        "sha256": report.sha256,
        "rows": report.rows,
        "rejected": dict(report.rejected),
        "truncated": report.truncated,
        "built": generated_time(report.built) if report.built else None,
        "notes": report.notes,
    }


def _peer(size: PeerSize) -> dict[str, Any]:
    return {
        "vantage": shown(size.peer.vantage),
        "address": size.peer.address,
        "asn": size.peer.asn,
        "ipv4": size.ipv4,
        "ipv6": size.ipv6,
        "full_ipv4": size.full_ipv4,
        "full_ipv6": size.full_ipv6,
    }


def _slurm(applied: Applied | None) -> dict[str, Any] | None:
    """What local exceptions did (RFC 8416); None if there are none."""
    if applied is None:
        return None
    return {
        "removed": applied.removed,
        "added": applied.added,
        "already_there": applied.already_there,
        "filters": [
            {
                "prefix": str(each.filter.prefix) if each.filter.prefix else None,
                "asn": each.filter.asn,
                "comment": each.filter.comment,
                "matched": each.matched,
            }
            for each in applied.filters
        ],
    }
