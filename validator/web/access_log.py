"""A line in the log for each request, if the settings ask for it; if not, it costs nothing.

aiohttp calls :class:`AccessLog` when an answer is complete, or broken off: only then are its status
and its length (with its headers) known. Tokens are logged by name. The query is logged as it came:
nothing that we take in one is secret.
"""

from __future__ import annotations

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from validator.web.answers import REQUEST_ID
from validator.web.clients import GRANT

log = structlog.get_logger()

CLIENT = web.RequestKey("client", str)
"""Where a request carries the address of its client, while requests are logged."""
CLIENT_GONE = 499
_LONGEST = 1000
"""Characters of a path that are logged."""


class AccessLog(AbstractAccessLogger):
    """aiohttp's interface; its own logger and format are not used."""

    @property
    def enabled(self) -> bool:
        return True

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        _note(request, response.status, response.body_length, time)


def note_hang_up(request: web.Request, seconds: float) -> None:
    """The client has gone before the answer was complete: of this aiohttp says nothing."""
    _note(request, CLIENT_GONE, request.writer.output_size, seconds)


def _note(request: web.BaseRequest, status: int, length: int, seconds: float) -> None:
    path, _, query = request.raw_path[:_LONGEST].partition("?")
    grant = request.get(GRANT)
    log.info(
        "request",
        request_id=request.get(REQUEST_ID),
        client=request.get(CLIENT) or request.remote,
        method=request.method,
        path=path,
        query=query,
        status=status,
        bytes=length,
        milliseconds=round(seconds * 1000, 1),
        token=grant.name if grant else None,
    )
