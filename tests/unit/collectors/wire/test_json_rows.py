"""The walk through a JSON array: what it takes, what it declines, and how it mends a cut."""

from __future__ import annotations

import json

import numpy as np
import pytest

from collectors.wire.json_rows import COUNT, REQUIRED, STRING, find_rows, mended

KEYS = (("prefix", STRING | REQUIRED), ("asn", STRING | COUNT), ("expires", COUNT))


def walk(document: bytes, array: str = "roas") -> list[tuple[str, str, str]] | None:
    found = find_rows(document, array, KEYS)
    if found is None:
        return None
    text = np.frombuffer(document, "u1")
    columns = [[field.text(text, i) for i in range(len(field))] for field in found.fields]
    return list(zip(*columns, strict=True))


def row(body: bytes) -> bytes:
    return b'{"roas":[{' + body + b"}]}"


def test_rows_are_found_wherever_the_array_stands_and_however_it_is_spaced() -> None:
    document = (
        b'{ "metadata" : { "roas": [ { "x": 1 } ], "s": "]}\\"[{" },\n'
        b'\t"roas" : [ {"prefix" : "a" , "asn":1},\r\n{"asn":"AS2","prefix":"b","expires":7} ],'
        b' "z": [] }'
    )
    assert walk(document) == [("a", "1", ""), ("b", "AS2", "7")]


def test_the_rest_of_the_document_keeps_everything_but_the_rows() -> None:
    found = find_rows(b'{"a":1,"roas":[{"prefix":"p"}],"b":2}', "roas", KEYS)
    assert found is not None
    assert json.loads(found.rest) == {"a": 1, "roas": [], "b": 2}


def test_a_bare_list_is_rows_too() -> None:
    assert walk(b' [{"prefix":"a"}] ') == [("a", "", "")]
    assert walk(b"[]") == []


def test_an_empty_array_has_no_rows() -> None:
    assert walk(b'{"roas":[ ]}') == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b'"asn":1', b'"prefix":"a","prefix":"b"', b'"prefix":1', b'"prefix":null',
        b'"prefix":"a","asn":-1', b'"prefix":"a","asn":1.0', b'"prefix":"a","asn":1e3',
        b'"prefix":"a","asn":01', b'"prefix":"a","asn":1234567890123456789', b'"prefix":"\\u0061"',
        b'"prefix":"\xc3\xa9"', b'"prefix":"a\nb"', b'"prefix":"a","other":1', b'"prefix":"a",',
        b'"prefix":"a" "asn":1', b'"prefix" "a"', b"prefix:1", b'"prefix":"a","asn":true',
        b'"prefix":"a","expires":"7"', b'"pre\\u0066ix":"a"', b'"prefix":{}', b'"prefix":',
    ],
)  # fmt: skip
def test_what_the_walk_does_not_fully_understand_it_declines(body: bytes) -> None:
    assert walk(row(body)) is None


@pytest.mark.parametrize(
    "document",
    [
        b"", b" ", b"{", b"[", b"{}", b'{"roas"', b'{"roas":', b'{"roas":{}}', b'{"roas":[1]}',
        b'{"roas":[[]]}', b'{"roas":[{"prefix":"a"},]}',
        b'{"roas":[{"prefix":"a"} {"prefix":"b"}]}',
        b'{"x":{"roas":[{"prefix":"a"}]}}', b'{"roas":[{"prefix":"a"}', b'{"x":"\\', b'"roas"',
    ],
)  # fmt: skip
def test_a_document_without_whole_rows_is_declined(document: bytes) -> None:
    assert walk(document) is None


def test_an_array_given_twice_is_left_to_the_general_decoder() -> None:
    assert walk(b'{"roas":[{"prefix":"a"}],"roas":[]}') is None
    assert walk(b'{"roas":[],"roas":[{"prefix":"a"}]}') is None


def test_every_cut_is_mended_to_the_whole_rows_before_it() -> None:
    rows = [{"p": f'}}]"\\{i}', "source": [{"t": i}, {}], "n": {"m": [1]}} for i in range(4)]
    document = json.dumps({"meta": {"a": {}}, "roas": rows}).encode()
    ends = [len(document) - 2]
    for cut in range(len(document)):
        whole = mended(document[:cut])
        if whole is None:
            continue
        kept = json.loads(whole)["roas"]
        assert kept == rows[: len(kept)]
        ends.append(len(kept))
    assert {1, 2, 3, 4} <= set(ends)


def test_a_cut_list_is_mended_and_a_cut_without_rows_is_not() -> None:
    assert mended(b'[{"a":1},{"b":') == b'[{"a":1}]'
    for document in (
        b"",
        b"[",
        b'[{"a":{}',
        b'{"meta":{"x":{}},"roa',
        b'{"meta":{"x":[{}]},"roas":[',
    ):
        assert mended(document) is None


def test_a_cut_in_a_later_array_keeps_the_earlier_one() -> None:
    whole = mended(b'{"roas":[{"a":1}],"older":{"ipv4":[{"b":2},{"c":')
    assert whole is not None
    assert json.loads(whole) == {"roas": [{"a": 1}]}
    whole = mended(b'{"roas":[{"a":1}],"aspas":[{"b":2},{"c":')
    assert whole is not None
    assert json.loads(whole) == {"roas": [{"a": 1}], "aspas": [{"b": 2}]}
