"""The forms of a refusal: which one a client gets follows from what it asked (``Style``).

Ours is RFC 9457, problem details. What others already integrate against is refused as they are used
to: ``{"error": "…"}`` on Routinator's paths, RIPEstat's envelope on RIPEstat's.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from validator.formats.ripestat_replies import ErrorReply
from validator.web.answers import JSON, NO_STORE, Refusal
from validator.web.contract import Style
from validator.web.ripestat import error_reply

PROBLEM = "application/problem+json"

_encode = msgspec.json.Encoder().encode


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not answered as asked (RFC 9457). ``type`` is always ``about:blank``: the
    status says what kind of problem it is. ``detail`` is one line for a person, ``instance`` the id
    of the request, as the log has it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | UnsetType = UNSET


class RoutinatorError(msgspec.Struct, frozen=True):
    """Why a request was not answered as asked, in Routinator's form."""

    error: str


def title(status: int) -> str:
    """What a status is called (RFC 9110 section 15)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def reply(style: Style, refusal: Refusal, request_id: str = "") -> web.Response:
    """A refusal in the form that a client expects. Nobody may keep it."""
    answer = _FORMS[style](refusal.status, refusal.message, request_id)
    answer.headers["Cache-Control"] = NO_STORE
    answer.headers.update(refusal.headers or {})
    return answer


def _ours(status: int, message: str, request_id: str) -> web.Response:
    problem = Problem(
        title=title(status), status=status, detail=message, instance=request_id or UNSET
    )
    return web.Response(body=_encode(problem), status=status, content_type=PROBLEM)


def _as_routinator(status: int, message: str, _: str) -> web.Response:
    body = _encode(RoutinatorError(message))
    return web.Response(body=body, status=status, content_type=JSON)


def _as_ripestat(status: int, message: str, _: str) -> web.Response:
    return error_reply(status, message)


_FORMS = {Style.OURS: _ours, Style.ROUTINATOR: _as_routinator, Style.RIPESTAT: _as_ripestat}

SHAPES: Mapping[Style, tuple[str, type]] = {
    Style.OURS: (PROBLEM, Problem),
    Style.ROUTINATOR: (JSON, RoutinatorError),
    Style.RIPESTAT: (JSON, ErrorReply),
}
"""Of each style, the media type and the shape."""
