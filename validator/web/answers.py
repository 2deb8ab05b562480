"""What every face answers with: JSON, refusals, and the snapshot or 503.

A face says what is wrong with :class:`Refusal`; in which form the client hears it is the business
of :mod:`validator.web.refusals`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import msgspec
from aiohttp import hdrs, web

from validator.feed import Feed, redacted
from validator.formats.replies import generated_time
from validator.snapshot import Snapshot

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

JSON = "application/json"
SAMPLE_HEADER = "X-Originsight-Sample"
RETRY_SECONDS = 5
NO_CACHE = "no-cache"
"""Cache-Control of what may be kept, but is to be asked for again each time."""
NO_STORE = "no-store"
"""Cache-Control of what holds for this moment only: errors, and how the service does."""
REQUEST_ID = web.RequestKey("request_id", str)
"""Where a request carries the id that the log and its refusal have, if it has one."""

_encode = msgspec.json.Encoder().encode


class Refusal(Exception):  # noqa: N818 - named for what it is: an answer, not a failure of ours
    """An answer other than the one asked for. ``message`` is for the client, in one line."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


def json_reply(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Encode anything that msgspec knows."""
    return web.Response(body=_encode(content), status=status, headers=headers, content_type=JSON)


def snapshot_reply(snapshot: Snapshot, content: Any) -> web.Response:
    """JSON that depends on the request and the snapshot alone: a client that has it already is
    told 304 (by :mod:`validator.web.middleware`). For operations that are ``tagged``."""
    return json_reply(content, headers=snapshot_headers(snapshot))


def snapshot_headers(snapshot: Snapshot) -> dict[str, str]:
    """ETag and Cache-Control of what follows from the snapshot.

    The tag is weak, for the same answer goes out packed and plain. Generations begin again when the
    service does, so the time goes with them.
    """
    return {
        hdrs.ETAG: f'W/"{snapshot.generation}-{snapshot.created}"',
        hdrs.CACHE_CONTROL: NO_CACHE,
    }


def vary(headers: MutableMapping[str, str], name: str) -> None:
    """Say that an answer depends on a request header too (RFC 9110 section 12.5.5)."""
    known = headers.get(hdrs.VARY, "")
    if name.lower() not in known.lower().replace(" ", "").split(","):
        headers[hdrs.VARY] = f"{known}, {name}" if known else name


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


def chosen(
    given: Mapping[str, str], name: str, allowed: Sequence[str], usual: str | None = None
) -> str:
    """An argument that is one of some; if it is not given, ``usual``, by default the first.

    Raises:
        Refusal: 400, it is none of them.
    """
    value = given.get(name)
    if value is None:
        return allowed[0] if usual is None else usual
    if value not in allowed:
        raise Refusal(400, f"{name}={value[:80]!r} is not one of {', '.join(allowed)}")
    return value


def number(given: Mapping[str, str], name: str, least: int, most: int, usual: int) -> int:
    """An argument that is a number; if it is not given, ``usual``.

    Raises:
        Refusal: 400, it is none, or too small or too large.
    """
    text = given.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise Refusal(400, f"{name}={text[:20]!r} is not a number from {least} to {most}")
    return int(text)


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client takes gzip (RFC 9110 section 12.5.3)."""
    for offer in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
