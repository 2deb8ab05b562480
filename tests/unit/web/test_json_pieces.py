"""Cutting a long array changes nothing about it, and lets nothing malformed through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.web import json_pieces
from validator.web.json_pieces import cut_array

_anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('a"\\,[]{}é', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("a]", max_size=2), inner),
    max_leaves=20,
)


def _joined(document: bytes) -> list[Any]:
    return [element for piece in cut_array(document, "routes") for element in json.loads(piece)]


@settings(max_examples=200, deadline=None)
@given(st.lists(_anything, max_size=8), _anything, st.integers(1, 30), st.booleans())
def test_the_pieces_hold_the_elements_of_the_array(
    elements: list[Any], other: Any, least: int, spaced: bool
) -> None:
    document = {"other": other, "routes": elements, "after": [other]}
    text = json.dumps(document, separators=None if spaced else (",", ":")).encode()
    before = json_pieces._LEAST
    json_pieces._LEAST = least
    try:
        assert _joined(text) == elements
    finally:
        json_pieces._LEAST = before


def test_a_long_array_comes_in_pieces_of_about_the_same_size() -> None:
    rows = [{"asn": number, "prefix": "192.0.2.0/24"} for number in range(20_000)]
    pieces = cut_array(json.dumps({"routes": rows}).encode(), "routes")
    assert len(pieces) > 5
    assert all(len(piece) < 2 * json_pieces._LEAST for piece in pieces)
    assert [row for piece in pieces for row in json.loads(piece)] == rows


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b" ",
        b"[]",
        b"5",
        b"{",
        b"}",
        b'{"routes":[}',
        b'{"routes":[1}}',
        b'{"routes":[1]',
        b'{"routes":[1]}]',
        b'{"routes":["a]}',
        b'{"routes":["a\\',
        b'{"routes":5}',
        b'{"routes":{"routes":[1]}}',
        b'{"other":[1]}',
        b'{"routes":[1] [2]}',
        b'{"routes" [1]}',
        b'\xff{"routes":[1]}',
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b',"routes":5}',
        b"{" + b",".join(b'"a":[]' for _ in range(300)) + b',"routes":[]}',
        b'{"x":"' + b"a" * (2 << 20) + b'","routes":[]}',
        b'{"routes":["' + b"a" * (2 << 20) + b'"]}',
    ],
)
def test_what_is_not_an_object_with_that_array_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        cut_array(document, "routes")


@pytest.mark.parametrize("inner", [b"1,", b",1", b"1,,2", b"1 2", b"1,]", b"[1,2"])
def test_a_malformed_array_stays_malformed_wherever_it_is_cut(inner: bytes) -> None:
    before = json_pieces._LEAST
    json_pieces._LEAST = 1
    try:
        with pytest.raises(ValueError, match=r".+"):
            _joined(b'{"routes":[' + inner + b"]}")
    finally:
        json_pieces._LEAST = before
