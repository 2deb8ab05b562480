"""What an endpoint promises: its path, what it takes, what it answers. Routes are made from this,
and so is ``/openapi.json`` (:mod:`validator.web.openapi`): one declaration, beside the handler.

A face has ``operations()``, and everything it serves is in there.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from validator.web.answers import JSON, Handler


class Style(enum.Enum):
    """In which form refusals are answered."""

    OURS = "problem"
    """RFC 9457, ``application/problem+json``."""
    ROUTINATOR = "routinator"
    """``{"error": "…"}``, as Routinator has it."""
    RIPESTAT = "ripestat"
    """RIPEstat's envelope with ``status: error``."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One part of a path, or argument of a query. ``schema`` is JSON Schema."""

    name: str
    place: str
    """``path`` or ``query``."""
    about: str
    schema: Mapping[str, Any]
    required: bool = False
    example: str | int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A body, taken or given. ``kind``: a msgspec type, or None if it is text or a stream that a
    schema says nothing of (``schema`` may then say something all the same)."""

    about: str
    kind: Any = None
    media: tuple[str, ...] = (JSON,)
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. Refusals (400, 503 and so on) need not be declared one by one: their
    form follows from ``style``, and ``refusals`` names their codes."""

    method: str
    path: str
    """As aiohttp has it: ``/api/v1/asn/{asn}``, with ``{prefix:.+}`` where slashes may come."""
    handler: Handler
    summary: str
    tag: str
    answers: Mapping[int, Content]
    parameters: Sequence[Parameter] = ()
    body: Content | None = None
    refusals: Sequence[int] = (400, 503)
    style: Style = Style.OURS

    @property
    def route(self) -> web.RouteDef:
        return web.route(self.method, self.path, self.handler)


class Face(Protocol):
    """Some endpoints that belong together."""

    def operations(self) -> Sequence[Operation]: ...


def path(name: str, about: str, schema: Mapping[str, Any], example: str | int) -> Parameter:
    return Parameter(name, "path", about, schema, required=True, example=example)


def query(
    name: str,
    about: str,
    schema: Mapping[str, Any],
    *,
    required: bool = False,
    example: str | int | None = None,
) -> Parameter:
    return Parameter(name, "query", about, schema, required, example)


ASN_TEXT = {
    "type": "string",
    "pattern": r"^([Aa][Ss])?(0|[1-9][0-9]{0,8})$",
    "description": "an AS number, with or without AS before it",
}
PREFIX_TEXT = {
    "type": "string",
    "description": "an address, a slash and a length; bits beyond the length are ignored",
    "format": "prefix",
}
