"""``/openapi.json`` and ``/docs``: what there is, for programs and for people.

The page is made from the document and from nothing else, once. It is plain HTML with its one style
sheet in it: no scripts, no fonts, nothing from any other host, so that it can be read beside a
router in a lab, by keyboard, by a screen reader, in the dark.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from validator.feed import VERSION
from validator.web.answers import JSON, NO_CACHE
from validator.web.contract import Content, Contract, Operation
from validator.web.openapi import document

_HTML = "text/html"
_TAG = "service"
_STYLE = """\
:root{color-scheme:light dark;--line:#8886;--soft:#8881;--link:light-dark(#0b57d0,#a8c7fa)}
*{box-sizing:border-box}
body{margin:0;font:1rem/1.55 system-ui,sans-serif;background:Canvas;color:CanvasText}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);
outline-offset:2px}
.skip{position:absolute;left:-99em}.skip:focus{left:1rem;top:1rem;background:Canvas;padding:.5rem}
.page{display:grid;grid-template-columns:minmax(14rem,20rem) minmax(0,1fr);max-width:84rem;
margin:auto}
nav{position:sticky;top:0;max-height:100vh;overflow:auto;padding:1.5rem 1rem;font-size:.875rem}
nav ul{list-style:none;margin:0 0 1rem;padding:0}nav h2{font-size:.875rem;margin:0 0 .25rem}
main{padding:1.5rem;min-width:0}
article{border-top:1px solid var(--line);padding:1rem 0;scroll-margin-top:1rem}
h3{margin:0 0 .25rem;overflow-wrap:anywhere}h4{margin:1rem 0 .25rem}
code,pre{font-family:ui-monospace,monospace;font-size:.875em}
code{overflow-wrap:anywhere}
pre{background:var(--soft);border:1px solid var(--line);border-radius:.375rem;padding:.75rem;
overflow:auto}
.scroll{overflow:auto}table{border-collapse:collapse;width:100%;font-size:.9375rem}
th,td{text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;
border-bottom:1px solid var(--line)}
.sample{border:3px solid;padding:.75rem;font-weight:bold}
.method{display:inline-block;min-width:3.5em}
@media(max-width:48rem){.page{display:block}nav{position:static;max-height:none}}
@media print{nav{display:none}.page{display:block}}
"""
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src "
    f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that stays as it is while the service runs."""

    body: bytes
    media: str
    tag: str

    @classmethod
    def of(cls, body: bytes, media: str) -> _Text:
        return cls(body, media, hashlib.sha256(body).hexdigest()[:16])

    def reply(self) -> web.Response:
        headers = {
            "ETag": f'W/"{self.tag}"',
            "Cache-Control": NO_CACHE,
            "X-Content-Type-Options": "nosniff",
        }
        if self.media == _HTML:
            headers["Content-Security-Policy"] = _POLICY
        return web.Response(
            body=self.body, headers=headers, content_type=self.media, charset="utf-8"
        )


class DescriptionFace:
    """What describes all the others, itself included; so it is told of them last."""

    def __init__(self, *, sample: bool) -> None:
        self._sample = sample
        self._contract: Contract | None = None
        self._refusals: tuple[int, ...] = ()
        self._turn = asyncio.Lock()
        self._made: tuple[_Text, _Text] | None = None

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                "GET",
                "/openapi.json",
                self.openapi,
                "This interface as an OpenAPI 3.1 document",
                _TAG,
                {200: Content("the document", schema={"type": "object"})},
                refusals=(),
                tagged=True,
            ),
            Operation(
                "GET",
                "/docs",
                self.page,
                "This interface as a page to read",
                _TAG,
                {200: Content("the page", media=(_HTML,), schema={"type": "string"})},
                refusals=(),
                tagged=True,
            ),
        ]

    def describe(self, contract: Contract, refusals: Sequence[int] = ()) -> None:
        """Say what there is. ``refusals``: see :func:`validator.web.openapi.document`."""
        self._contract, self._refusals = contract, tuple(refusals)

    async def openapi(self, _: web.Request) -> web.Response:
        return (await self._texts())[0].reply()

    async def page(self, _: web.Request) -> web.Response:
        return (await self._texts())[1].reply()

    async def _texts(self) -> tuple[_Text, _Text]:
        async with self._turn:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
            return self._made

    def _make(self) -> tuple[_Text, _Text]:
        assert self._contract is not None
        described = document(self._contract, VERSION, self._refusals)
        page = render(described, sample=self._sample)
        return _Text.of(msgspec.json.encode(described), JSON), _Text.of(page.encode(), _HTML)


def render(described: Mapping[str, Any], *, sample: bool) -> str:
    """The page of an OpenAPI document."""
    return "".join(_page(described, sample))


def _page(described: Mapping[str, Any], sample: bool) -> Iterator[str]:
    info = described["info"]
    name = escape(info["title"])
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in described["paths"].items():
        for method, about in methods.items():
            by_tag.setdefault(about["tags"][0], []).append((method.upper(), path, about))
    schemas = described["components"]["schemas"]
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}: the HTTP interface</title><style>{_STYLE}</style></head><body>"
        '<a class="skip" href="#content">Skip to the content</a><div class="page">'
        '<nav aria-label="Operations">'
    )
    for tag, group in by_tag.items():
        yield f"<h2>{escape(tag)}</h2><ul>"
        for method, path, about in group:
            target = escape(about["operationId"])
            yield f'<li><a href="#{target}"><code>{method} {escape(path)}</code></a></li>'
        yield "</ul>"
    yield '<h2><a href="#schemas">Schemas</a></h2></nav><main id="content" tabindex="-1">'
    if sample:
        yield '<p class="sample">SAMPLE: the networks behind these answers are fictional.</p>'
    yield f"<h1>{name} {escape(info['version'])}</h1>{_prose(info['description'])}"
    yield '<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>'
    for tag, group in by_tag.items():
        yield f"<section><h2>{escape(tag)}</h2>"
        for each in group:
            yield from _operation(*each)
        yield "</section>"
    yield '<section id="schemas"><h2>Schemas</h2>'
    for title, schema in schemas.items():
        yield from _schema(title, schema)
    yield "</section></main></div></body></html>\n"


def _operation(method: str, path: str, about: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f'<article id="{escape(about["operationId"])}"><h3><code><span class="method">{method}'
        f"</span> {escape(path)}</code></h3><p>{_inline(about['summary'])}</p>"
    )
    yield _prose(about.get("description", ""))
    if parameters := about.get("parameters"):
        yield "<h4>Parameters</h4>"
        yield _table(
            ("Name", "In", "Type", "What it is"),
            (
                (
                    f"<code>{escape(each['name'])}</code>",
                    each["in"] + (", required" if each["required"] else ""),
                    _type(each["schema"]),
                    _inline(each["description"]),
                )
                for each in parameters
            ),
        )
    if body := about.get("requestBody"):
        yield f"<h4>Body</h4><p>{_inline(body['description'])}</p>{_contents(body['content'])}"
    yield "<h4>Answers</h4>"
    yield _table(
        ("Status", "What it is", "Content"),
        (
            (status, _inline(answer["description"]), _contents(answer.get("content", {})))
            for status, answer in about["responses"].items()
        ),
    )
    if example := _example(method, path, about):
        yield f'<h4>Try</h4><pre tabindex="0">{escape(example)}</pre>'
    yield "</article>"


def _example(method: str, path: str, about: Mapping[str, Any]) -> str:
    """A command line, if the examples of the parameters are enough to make one."""
    if method != "GET":
        return ""
    asked = []
    for each in about.get("parameters", ()):
        example = each.get("example")
        if example is None:
            if each["required"]:
                return ""
        elif each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", quote(str(example), safe="/:"))
        elif each["required"]:
            asked.append(f"{each['name']}={quote(str(example), safe='/:')}")
    query = "?" + "&".join(asked) if asked else ""
    return f"curl 'http://localhost:8480{path}{query}'"


def _schema(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<article id="schema-{escape(title)}"><h3><code>{escape(title)}</code></h3>'
    yield _prose(schema.get("description", ""))
    fields = schema.get("properties")
    if fields is None:
        yield f"<p>{_type(schema)}</p></article>"
        return
    required = schema.get("required", ())
    yield _table(
        ("Field", "Type", ""),
        (
            (
                f"<code>{escape(name)}</code>",
                _type(field),
                _inline(field.get("description", ""))
                or ("" if name in required else "not always there"),
            )
            for name, field in fields.items()
        ),
    )
    yield "</article>"


def _contents(contents: Mapping[str, Any]) -> str:
    return "<br>".join(
        f"<code>{escape(media)}</code>: {_type(content['schema'])}"
        for media, content in contents.items()
    )


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}"><code>{name}</code></a>'
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_type(each) for each in schema[choice])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items') or {})}"
    inside = schema.get("additionalProperties")
    if kind == "object" and isinstance(inside, Mapping):
        return f"object of {_type(inside)}"
    said = " or ".join(kind) if isinstance(kind, list) else str(kind)
    ends = [str(schema[each]) for each in ("minimum", "maximum") if each in schema]
    if len(ends) == 2:
        said += f" from {ends[0]} to {ends[1]}"
    if "default" in schema and schema["default"] is not None:
        default = schema["default"]
        said += f", default {str(default).lower() if isinstance(default, bool) else default}"
    return escape(said)


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """``rows`` are HTML."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _prose(text: str) -> str:
    """Paragraphs of what Markdown we write: code in backticks, and nothing else."""
    return "".join(f"<p>{_inline(each)}</p>" for each in text.split("\n\n") if each.strip())


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
