"""What may be administered: ``POST /api/v1/reload``, as SIGHUP for those who are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import structlog
from aiohttp import web

from validator.feed import Feed
from validator.web.access import require_admin
from validator.web.answers import json_reply
from validator.web.contract import Content, Operation

log = structlog.get_logger()


class ReloadAsked(msgspec.Struct, frozen=True):
    """Every input is looked at now; ``generation`` is that of the snapshot in force when it was
    asked for, 0 if there was none. A new one comes only if something has changed: ``reloads`` of
    ``/status`` counts the looks that are complete, so wait until it is greater than here."""

    status: str
    generation: int
    reloads: int
    sample: bool


class AdminFace:
    def __init__(self, feed: Feed, sample: bool, reload: Callable[[], None]) -> None:
        self._feed, self._sample, self._reload = feed, sample, reload

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "POST",
                "/api/v1/reload",
                self.reload,
                "Look at the inputs now",
                "service",
                {202: Content("It will be done.", ReloadAsked)},
                refusals=(401, 403, 429),
            )
        ]

    async def reload(self, request: web.Request) -> web.Response:
        """Needs a token with the role admin. Does not wait until it is done."""
        grant = require_admin(request)
        log.info("reload asked for", token=grant.name)
        snapshot = self._feed.snapshot
        self._reload()
        generation = snapshot.generation if snapshot else 0
        asked = ReloadAsked("asked", generation, self._feed.reloads_total, self._sample)
        return json_reply(asked, 202)
