"""Rows found by walking the bytes are those that a decoder of JSON finds, however they are laid
out: what is between values may come again, or change from one row to the next."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.wire.json_rows import COUNT, REQUIRED, STRING, find_rows

KEYS = (("prefix", STRING | REQUIRED), ("asn", STRING | COUNT | REQUIRED), ("ta", STRING))
NAMES = [name for name, _ in KEYS]
BLANKS = ("", " ", "\n\t\t")


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[str], tuple[str, ...]]:
    """The keys of a row in their order, and what blanks stand between its parts."""
    keys = draw(st.permutations(NAMES))
    if draw(st.booleans()):
        keys = [key for key in keys if key != "ta"]
    return keys, tuple(draw(st.sampled_from(BLANKS)) for _ in range(6))


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    known = draw(st.lists(layouts(), min_size=1, max_size=3))
    text = st.text("abc/:. 0", max_size=5)
    values = {"prefix": text, "asn": st.one_of(text, st.integers(0, 10**17)), "ta": text}
    rows, parts = [], []
    for keys, blank in draw(st.lists(st.sampled_from(known), max_size=8)):
        row = {key: draw(values[key]) for key in keys}
        members = [
            f'{blank[0]}"{key}"{blank[1]}:{blank[2]}{json.dumps(value)}{blank[3]}'
            for key, value in row.items()
        ]
        rows.append(row)
        parts.append(f"{blank[4]}{{{','.join(members)}}}{blank[5]}")
    return '{"roas":[' + ",".join(parts) + '],"more":1}', rows


@settings(max_examples=300, deadline=None)
@given(documents())
def test_rows_are_what_a_decoder_finds(given_: tuple[str, list[dict[str, Any]]]) -> None:
    text, rows = given_
    assert json.loads(text)["roas"] == rows
    found = find_rows(text.encode(), "roas", KEYS)
    assert found is not None
    for field, name in zip(found.fields, NAMES, strict=True):
        values = [text[a:b] for a, b in zip(field.start, field.stop, strict=True)]
        assert values == [str(row.get(name, "")) for row in rows]


@settings(max_examples=300, deadline=None)
@given(documents(), st.data())
def test_a_damaged_byte_is_declined_or_read_as_a_decoder_reads_it(
    given_: tuple[str, list[dict[str, Any]]], data: st.DataObject
) -> None:
    text, _ = given_
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.sampled_from('{}[],:"\\ 0-.x\n')) + text[at + 1 :]
    found = find_rows(damaged.encode(), "roas", KEYS)
    if found is None:
        return
    try:
        json.loads(found.rest)
    except ValueError:
        return  # the general decoder has the last word, and refuses it
    rows = json.loads(damaged)["roas"]
    for field, name in zip(found.fields, NAMES, strict=True):
        values = [damaged[a:b] for a, b in zip(field.start, field.stop, strict=True)]
        assert values == [str(row.get(name, "")) for row in rows]
