"""The document and the page made of it: complete, valid, and saying what is served."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from aiohttp import web
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.web.app import make_app
from validator.web.contract import CONTRACT, Content, Contract, Operation, Style, path
from validator.web.docs_page import render
from validator.web.openapi import document, markdown, operation_names


@pytest.fixture(scope="module")
def app() -> web.Application:
    feed = StandingFeed(make_snapshot())
    return make_app(feed, metrics.build(feed), sample=True)


@pytest.fixture(scope="module")
def described(app: web.Application) -> dict[str, Any]:
    made = document(app[CONTRACT], "1.2.3", [401, 429])
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))
    return read


def every(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, about)
        for path, methods in described["paths"].items()
        for method, about in methods.items()
    ]


def test_the_document_is_valid_openapi(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    errors = list(OpenAPIV31SpecValidator(described).iter_errors())
    assert not errors


def test_every_route_is_an_operation_and_every_operation_a_route(
    app: web.Application, described: dict[str, Any]
) -> None:
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }
    declared = {(method, path) for method, path, _ in every(described)}
    heads = {("head", path) for method, path in declared if method == "get"}
    assert routes == declared | heads


def test_every_operation_says_what_it_is_what_it_takes_and_what_it_answers(
    described: dict[str, Any],
) -> None:
    names = [about["operationId"] for _, _, about in every(described)]
    assert len(set(names)) == len(names)
    for method, path_, about in every(described):
        where = f"{method} {path_}"
        assert re.fullmatch("[a-z][a-z0-9_]*", about["operationId"]), where
        assert about["summary"], where
        assert about["tags"], where
        assert any(status.startswith("2") for status in about["responses"]), where
        assert {"401", "429"} <= about["responses"].keys(), where
        given = about.get("parameters", [])
        in_path = {each["name"] for each in given if each["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path_)), where
        for each in given:
            assert each["description"], f"{where}: {each['name']}"
            if each["required"]:
                assert "example" in each, f"{where}: {each['name']}"


def test_examples_are_what_their_schemas_allow(described: dict[str, Any]) -> None:
    checked = 0
    for _, _, about in every(described):
        for each in about.get("parameters", []):
            if "example" in each:
                OAS31Validator(each["schema"]).validate(each["example"])
                checked += 1
    assert checked > 5


def test_every_schema_is_described(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    bare = [
        name
        for name, schema in schemas.items()
        if "properties" in schema and not schema.get("description")
    ]
    assert not bare
    assert {"Problem", "RoutinatorError", "OneReply"} <= schemas.keys()


def test_refusals_are_declared_in_the_style_of_the_operation(described: dict[str, Any]) -> None:
    def media(path_: str) -> list[str]:
        return list(described["paths"][path_]["get"]["responses"]["400"]["content"])

    assert media("/api/v1/coverage") == ["application/problem+json"]
    assert media("/validity") == ["application/json"]
    assert media("/data/rpki-validation/data.json") == ["application/json"]


async def _nothing(_: web.Request) -> web.Response:
    """Some ``code`` of :class:`validator.model.Prefix`."""
    return web.Response()


def _operation(given: str, **more: Any) -> Operation:
    return Operation("GET", given, _nothing, "s", "t", {200: Content("it", media=())}, **more)


def test_operations_are_named_by_their_paths_and_never_alike() -> None:
    paths = ("/", "/status", "/api/v1/status", "/api/v1/ip/{address:.+}", "/openapi.json")
    assert list(operation_names(map(_operation, paths)).values()) == [
        "get_landing",
        "get_status",
        "get_api_v1_status",
        "get_ip_by_address",
        "get_openapi_json",
    ]


def test_a_path_has_one_style_whatever_the_method() -> None:
    with pytest.raises(ValueError, match="different styles"):
        Contract([_operation("/a"), _operation("/a", style=Style.ROUTINATOR)])


def test_docstrings_become_markdown() -> None:
    assert markdown(_nothing.__doc__ or "") == "Some `code` of `Prefix`."


# ------------------------------------------------------------------------------------- the page


class Page(HTMLParser):
    """Ids, links and sources of a page; that its elements are closed in turn."""

    VOID = frozenset(("meta", "br"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.names: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not {name for name in given if name.startswith("on") or name == "style"}
        self.names.add(tag)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_has_every_operation_and_loads_nothing_from_anywhere(
    described: dict[str, Any],
) -> None:
    page = Page(render(described, sample=True))
    assert len(page.ids) == len(set(page.ids))
    assert {about["operationId"] for _, _, about in every(described)} <= set(page.ids)
    assert not page.names & {"script", "link", "img", "iframe", "object", "form"}
    for link in page.links:
        assert link == "/openapi.json" or link.removeprefix("#") in page.ids
    assert any(text.startswith("SAMPLE") for text in page.texts)
    style = render(described, sample=False).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "color-scheme:light dark" in style


def test_whatever_a_text_has_in_it_the_page_shows_as_text() -> None:
    hostile = "<script>alert(1)</script>\"'&`<b>`"
    contract = Contract(
        [
            Operation(
                "GET",
                "/a/{x}",
                _nothing,
                hostile,
                hostile,
                {200: Content(hostile, schema={"enum": [hostile]})},
                [path("x", hostile, {"type": "string", "default": hostile}, hostile)],
            )
        ]
    )
    page = Page(render(document(contract, hostile), sample=False))
    assert not page.names & {"script", "b"}
    assert any("<script>alert(1)</script>" in text for text in page.texts)
