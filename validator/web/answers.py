"""What every face answers with: JSON, refusals, and the snapshot or 503.

Errors are ``{"error": "…"}`` with the status that says what kind, as Routinator has them. What we
did not foresee is logged and answered 500 without details.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from validator.feed import Feed, redacted
from validator.metrics.requests import UNMATCHED, RequestMetrics
from validator.replies import generated_time
from validator.snapshot import Snapshot

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

JSON = "application/json"
SAMPLE_HEADER = "X-Originsight-Sample"
RETRY_SECONDS = 5
CLIENT_GONE = 499
"""In metrics: the client closed the connection before the answer was complete."""

_encode = msgspec.json.Encoder().encode


class Refusal(Exception):  # noqa: N818 - named for what it is: an answer, not a failure of ours
    """An answer other than the one asked for. ``message`` is for the client, in one line."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers

    def reply(self) -> web.Response:
        return json_reply({"error": self.message}, self.status, self.headers)


def json_reply(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Encode anything that msgspec knows."""
    return web.Response(body=_encode(content), status=status, headers=headers, content_type=JSON)


def current(feed: Feed) -> Snapshot:
    """The snapshot in force.

    Raises:
        Refusal: 503, there is none yet. Never "not-found" in its place.
    """
    snapshot = feed.snapshot
    if snapshot is None:
        raise Refusal(
            503,
            "Initial validation ongoing. Please wait. /readyz says which inputs are awaited.",
            {"Retry-After": str(RETRY_SECONDS)},
        )
    return snapshot


def stale_notes(snapshot: Snapshot, vrps_only: bool = False) -> list[str]:
    """What is in use beyond its time, a line for each input: answers that rest on it say so."""
    notes = []
    for status in snapshot.stale(vrps_only):
        source, error = redacted(status)
        since = f" since {generated_time(status.since)}" if status.since else ""
        notes.append(f"{status.kind} {source}: {status.state}{since}: {error}")
    return notes


def query_of(request: web.Request, *allowed: str) -> dict[str, str]:
    """The arguments of a query; of one given twice, the last.

    Raises:
        Refusal: 400, an argument is not one of ``allowed``.
    """
    given: dict[str, str] = {}
    for key, value in request.query.items():
        if key not in allowed:
            raise Refusal(
                400, f"unexpected argument {key!r} in query; allowed: {', '.join(allowed)}"
            )
        given[key] = value
    return given


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client takes gzip (RFC 9110 section 12.5.3)."""
    for offer in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def middleware(requests: RequestMetrics) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The one middleware: measure every request, and turn every failure into an answer."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        status = CLIENT_GONE
        try:
            response: web.StreamResponse = await handler(request)
            status = response.status
        except Refusal as refusal:
            status = refusal.status
            return refusal.reply()
        except web.HTTPException as refused:
            status = refused.status
            return _refusal_of(request, refused).reply()
        except (web.RequestPayloadError, HttpProcessingError):
            status = 400
            return Refusal(400, "the body could not be read as its headers describe it").reply()
        except ConnectionError:
            raise
        except Exception:
            status = 500
            log.exception("request failed", method=request.method, path=request.path)
            return Refusal(500, "internal server error").reply()
        else:
            return response
        finally:
            resource = request.match_info.route.resource
            requests.observe(
                UNMATCHED if resource is None else resource.canonical,
                request.method,
                status,
                time.perf_counter() - began,
            )

    return answer


def _refusal_of(request: web.Request, refused: web.HTTPException) -> Refusal:
    """What aiohttp itself refuses, in our form."""
    if isinstance(refused, web.HTTPNotFound):
        return Refusal(404, "no such resource; / lists what there is")
    if isinstance(refused, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(refused.allowed_methods))
        return Refusal(
            405, f"method {request.method} is not allowed here; use {allowed}", {"Allow": allowed}
        )
    if isinstance(refused, web.HTTPRequestEntityTooLarge):
        return Refusal(413, f"the body is larger than {request.client_max_size} bytes")
    return Refusal(refused.status, refused.reason.lower())
