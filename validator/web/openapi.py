"""The contract as a document: OpenAPI 3.1, made from the operations and the msgspec types.

Nothing is written down twice: paths, parameters and statuses are those that routes are made of
(:mod:`validator.web.contract`), schemas those that answers are encoded by, descriptions the
docstrings of handlers and types. So it is true as long as the answers are, which
``tests/integration/test_contract.py`` asks of every operation.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from validator.web.answers import SAMPLE_HEADER
from validator.web.contract import Content, Contract, Operation, Parameter
from validator.web.refusals import SHAPES, title

VERSION = "3.1.1"
_COMPONENTS = "#/components/schemas/{name}"
_RETRIED = (429, 503)
_SLASHES = "Slashes may be written as they are, or as %2F."
_ABOUT = """\
RPKI route-origin validation (RFC 6811) and coverage, from one consistent snapshot.

Every GET answers HEAD too, and every path OPTIONS. Long answers are compressed (gzip) for clients
that take it. Answers with an `ETag` may be asked for again with `If-None-Match`, and are then a 304
while the snapshot is the same. Until the first snapshot is complete, everything that needs one is
a 503 with `Retry-After`, never "not-found". Answers that rest on inputs older than they may be say
so under `degraded`. Errors are problem details (RFC 9457), save where a path is another service's:
there they are as that service has them.
"""
_EVENT: dict[str, Any] = {
    "description": "One event of the stream, as its fields: OpenAPI 3.1 has no word for a stream.",
    "properties": {
        "event": {"type": "string"},
        "id": {"type": "string"},
        "data": {"type": "string"},
        "retry": {"type": "integer"},
    },
}
_HEADERS: dict[str, Any] = {
    "Sample": {
        "description": "`1` while the data are a sample: fictional networks.",
        "schema": {"type": "string", "const": "1"},
    },
    "ETag": {
        "description": "The snapshot that the answer follows from.",
        "schema": {"type": "string"},
    },
    "RetryAfter": {
        "description": "In how many seconds to ask again.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
}
_SAMPLE = {SAMPLE_HEADER: {"$ref": "#/components/headers/Sample"}}


def document(contract: Contract, version: str, refusals: Iterable[int] = ()) -> dict[str, Any]:
    """The whole document. ``refusals``: what every operation may be answered besides its own, for
    instance 401 where tokens are asked for. Takes some milliseconds: make it once."""
    operations = contract.operations
    refs, components = _schemas(operations)
    always = frozenset(refusals)
    names = operation_names(operations)
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        about = _operation(each, names[each.method, each.path], always, refs)
        paths.setdefault(each.template, {})[each.method.lower()] = about
    described: dict[str, Any] = {
        "openapi": VERSION,
        "info": {
            "title": "Originsight",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {"schemas": components, "headers": _HEADERS},
    }
    if 401 in always:
        described["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "A token, if one is asked"}
        }
        described["security"] = [{}, {"token": []}]
    return described


def operation_names(operations: Iterable[Operation]) -> dict[tuple[str, str], str]:
    """A name for each, by method and path: ``get_validity_by_asn_prefix``.

    ``/api/v1`` is left out, unless the path without it is there too.
    """
    operations = list(operations)
    short = {
        (each.method, each.path): each.name
        or _name(each.method, each.template.removeprefix("/api/v1"))
        for each in operations
    }
    taken = Counter(short.values())
    return {
        (method, path): name if taken[name] == 1 else _name(method, path)
        for (method, path), name in short.items()
    }


def _name(method: str, path: str) -> str:
    given = re.findall(r"\{(\w+)", path)
    fixed = re.findall(r"\w+", re.sub(r"\{[^/]*\}?", " ", path))
    words = [method, *(fixed or ["landing"]), *(["by", *given] if given else [])]
    return "_".join(words).lower()


def _schemas(operations: Iterable[Operation]) -> tuple[Mapping[Any, Any], dict[str, Any]]:
    """What stands for each type where it is used, and the schemas that this refers to."""
    kinds: list[Any] = [shape for _, shape in SHAPES.values()]
    for each in operations:
        contents = [*each.answers.values(), *([each.body] if each.body else [])]
        for content in contents:
            kinds += _alternatives(content.kind)
    kinds = list(dict.fromkeys(kinds))
    used, components = msgspec.json.schema_components(kinds, ref_template=_COMPONENTS)
    for schema in components.values():
        if "description" in schema:
            schema["description"] = markdown(schema["description"])
    return dict(zip(kinds, used, strict=True)), components


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """The types of a union, of which msgspec describes each but not all together."""
    if isinstance(kind, UnionType) or get_origin(kind) is Union:
        return get_args(kind)
    return () if kind is None else (kind,)


def _operation(
    each: Operation, name: str, always: frozenset[int], refs: Mapping[Any, Any]
) -> dict[str, Any]:
    about: dict[str, Any] = {"operationId": name, "tags": [each.tag], "summary": each.summary}
    if text := _docstring(each.handler):
        about["description"] = markdown(text)
    if each.parameters:
        slashes = re.findall(r"\{(\w+):", each.path)
        about["parameters"] = [
            _parameter(given, given.name in slashes) for given in each.parameters
        ]
    if each.body is not None:
        about["requestBody"] = {
            "required": True,
            "description": each.body.about,
            "content": _content(each.body, refs),
        }
    responses: dict[str, Any] = {}
    for status, content in sorted(each.answers.items()):
        responses[str(status)] = _answer(content, status, refs)
        if each.tagged and status == 200:
            responses["200"]["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
            responses["304"] = {"description": "The client has this answer", "headers": _SAMPLE}
    for status in sorted({*each.refusals, *always} - each.answers.keys()):
        media, shape = SHAPES[each.style]
        responses[str(status)] = {
            "description": title(status),
            "headers": _headers(status, {}),
            "content": {media: {"schema": refs[shape]}},
        }
    about["responses"] = dict(sorted(responses.items()))
    return about


def _parameter(given: Parameter, slashes: bool) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": given.name,
        "in": given.place,
        "description": f"{given.about}. {_SLASHES}" if slashes else given.about,
        "required": given.required,
        "schema": dict(given.schema),
    }
    if given.example is not None:
        about["example"] = given.example
    return about


def _answer(content: Content, status: int, refs: Mapping[Any, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {
        "description": content.about,
        "headers": _headers(status, content.headers),
    }
    if content.media:
        about["content"] = _content(content, refs)
    return about


def _headers(status: int, named: Mapping[str, str]) -> dict[str, Any]:
    headers: dict[str, Any] = dict(_SAMPLE)
    if status in _RETRIED:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    for name, says in named.items():
        headers[name] = {"description": says, "schema": {"type": "string"}}
    return headers


def _content(content: Content, refs: Mapping[Any, Any]) -> dict[str, Any]:
    schema = dict(content.schema)
    if kinds := [refs[kind] for kind in _alternatives(content.kind)]:
        schema = {**(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}), **schema}
    text = {media: {"schema": {"type": "string"}} for media in content.also}
    return {
        media: {"schema": _EVENT if media == "text/event-stream" else schema}
        for media in content.media
    } | text


def _docstring(handler: Callable[..., Any]) -> str:
    return inspect.getdoc(handler) or ""


def markdown(text: str) -> str:
    """A docstring (reStructuredText, as far as we use it) as CommonMark."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", inspect.cleandoc(text))
    return text.replace("``", "`")
