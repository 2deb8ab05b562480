"""What an endpoint promises: its path, what it takes, what it answers. Routes are made from this,
and so is ``/openapi.json`` (:mod:`validator.web.openapi`): one declaration, beside the handler.

A face has ``operations()``, and everything it serves is in there. :class:`Contract` is all of them
together, by path: what the middleware asks for the form of a refusal.

The patterns of AS numbers, addresses and prefixes are exact: what they allow is read, what they
forbid is refused. They are ECMA 262's, as JSON Schema has them, and mean the same in Python.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from validator.web.answers import JSON, Handler

_PLAIN = re.compile(r"\{(\w+)\}")
_PATTERN = re.compile(r":[^{}]*(\{[^{}]*\}[^{}]*)*\}")


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
    also: tuple[str, ...] = ()
    """Media types that it may come in instead, as text."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Response headers worth telling of, each with what it says."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. Refusals (400, 503 and so on) need not be declared one by one: their
    form follows from ``style``, and ``refusals`` names their codes. The docstring of the handler is
    the description."""

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
    tagged: bool = False
    """Whether 200 comes with an ETag, so that a client that has the answer is told 304
    (:func:`validator.web.answers.snapshot_reply`)."""
    name: str = ""
    """The operation id, if it is not to be made from method and path."""

    @property
    def route(self) -> web.RouteDef:
        """What aiohttp is told. Its ``.`` and its ``{name}`` leave out some characters, newlines
        and braces; what has them is to be refused by the handler, who can say why."""
        whole = _PLAIN.sub(r"{\1:[^/]+}", self.path).replace(":.+}", ":(?s:.+)}")
        return web.route(self.method, whole, self.handler)

    @property
    def template(self) -> str:
        """The path without patterns: ``{prefix:.+}`` is ``{prefix}``. aiohttp's ``canonical``."""
        return _PATTERN.sub("}", self.path)


class Face(Protocol):
    """Some endpoints that belong together."""

    def operations(self) -> Sequence[Operation]: ...


class Contract:
    """Everything that is served. ``styles``: by path, without patterns."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(operations)
        self.styles: dict[str, Style] = {}
        for each in self.operations:
            if self.styles.setdefault(each.template, each.style) is not each.style:
                raise ValueError(f"{each.template}: its methods answer in different styles")

    def style_of(self, resource: web.AbstractResource | None) -> Style:
        """In which form to refuse what was asked of a resource; of none at all: in ours."""
        return Style.OURS if resource is None else self.styles.get(resource.canonical, Style.OURS)


CONTRACT = web.AppKey("contract", Contract)
"""Where the application keeps it."""


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


_H = "[0-9A-Fa-f]{1,4}"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_LAST = f"({_H}:{_H}|{_IPV4})"
_IPV6 = "|".join(  # RFC 3986 section 3.2.2, as inet_pton has it
    [f"({_H}:){{6}}{_LAST}", f"::({_H}:){{5}}{_LAST}", f"({_H})?::({_H}:){{4}}{_LAST}"]
    + [f"(({_H}:){{0,{most}}}{_H})?::({_H}:){{{3 - most + 1}}}{_LAST}" for most in (1, 2, 3)]
    + [f"(({_H}:){{0,4}}{_H})?::{_LAST}", f"(({_H}:){{0,5}}{_H})?::{_H}"]
    + [f"(({_H}:){{0,6}}{_H})?::"]
)
_LENGTH4 = "(0{0,2}[0-9]|0?[12][0-9]|0?3[0-2])"
_LENGTH6 = "(0{0,2}[0-9]|0?[1-9][0-9]|1[01][0-9]|12[0-8])"
_BELOW_2_32 = (
    "[0-9]{1,9}|[0-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}"
    "|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-5]"
)

ASN_TEXT = {
    "type": "string",
    "pattern": f"^([Aa][Ss])?({_BELOW_2_32})$",
    "description": "an AS number of 32 bits, with or without AS before it",
}
PREFIX_TEXT = {
    "type": "string",
    "pattern": f"^({_IPV4}/{_LENGTH4}|({_IPV6})/{_LENGTH6})$",
    "format": "prefix",
    "description": "an address, a slash and a length; bits beyond the length are ignored",
}
STRICT_PREFIX_TEXT = {
    **PREFIX_TEXT,
    "format": "prefix-without-host-bits",
    "description": "an address, a slash and a length, with no bits set beyond the length",
}
ADDRESS_TEXT = {
    "type": "string",
    "pattern": f"^({_IPV4}|{_IPV6})$",
    "format": "address",
    "description": "an IPv4 or IPv6 address, without a zone",
}
