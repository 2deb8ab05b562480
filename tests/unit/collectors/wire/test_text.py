"""Text into columns: delimited lines, prefixes, AS numbers, counts, categories."""

from __future__ import annotations

import numpy as np
import pytest

from collectors.wire import text as wire
from validator.model import Prefix


def lines(
    raw: bytes, delimiter: str = ",", wanted: tuple[int, ...] = (0, 1), skip: int = 0
) -> tuple[list[tuple[str, ...]], list[int]]:
    text = np.frombuffer(raw, "u1")
    fields, number = wire.split(text, delimiter, wanted, skip=skip)
    return [
        tuple(field.text(text, row) for field in fields) for row in range(len(number))
    ], number.tolist()


def prefix(text: str) -> Prefix | int:
    """The prefix that the kernel reads, or its fault."""
    prefixes, fault = wire.parse_prefixes(*wire.joined([text]))
    return prefixes[0] if fault[0] == wire.SOUND else int(fault[0])


def asn(text: str) -> int | str:
    value, fault = wire.parse_asns(*wire.joined([text]))
    return int(value[0]) if fault[0] == wire.SOUND else wire.FAULTS[int(fault[0])]


def test_fields_are_found_by_position_and_lines_are_numbered_from_one() -> None:
    assert lines(b"a,b,c\nd,e,f\n", wanted=(2, 0)) == ([("c", "a"), ("f", "d")], [1, 2])


def test_blank_lines_and_comments_are_no_rows_but_count_as_lines() -> None:
    assert lines(b"# x\n\n  \r\na,b\n; y\n c,d \n") == ([("a", "b"), ("c", "d")], [4, 6])


def test_a_last_line_needs_no_line_break() -> None:
    assert lines(b"a,b\nc,d") == ([("a", "b"), ("c", "d")], [1, 2])


def test_carriage_returns_are_not_part_of_a_field() -> None:
    assert lines(b"a,b\r\nc,d\r\n")[0] == [("a", "b"), ("c", "d")]


def test_quotes_protect_a_delimiter_but_not_a_line_break() -> None:
    assert lines(b'"a,x", "b"\n"c\nd,e\n')[0] == [("a,x", "b"), ("c", ""), ("d", "e")]


def test_a_missing_field_is_empty() -> None:
    assert lines(b"a\nb,\n,c\n")[0] == [("a", ""), ("b", ""), ("", "c")]


def test_a_tab_can_be_a_delimiter_and_an_empty_field_between_two_stays_empty() -> None:
    assert lines(b"a\t\tb\nc\td\n", "\t", (0, 1, 2))[0] == [("a", "", "b"), ("c", "d", "")]


def test_the_lines_skipped_are_lines_of_data() -> None:
    assert lines(b"# x\nhead,er\na,b\n", skip=1) == ([("a", "b")], [3])
    assert lines(b"a,b\n", skip=5) == ([], [])


@pytest.mark.parametrize("raw", [b"", b"\n", b"\n\n", b"#", b"# x", b" \t\r"])
def test_a_text_without_data_has_no_rows(raw: bytes) -> None:
    assert lines(raw) == ([], [])


def test_strings_from_python_become_a_text_even_if_one_has_a_line_break() -> None:
    text, field = wire.joined(["a", "", "b\nc", "é"])
    assert [field.text(text, row) for row in range(len(field))] == ["a", "", "b?c", "é"]
    assert len(wire.joined([])[1]) == 0


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0/0", "255.255.255.255/32", "192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/32",
        "::/0", "::1/128", "1::/16", "::/128", "2001:db8::/32", "2001:DB8:0:0:0:0:0:0/32",
        "1:2:3:4:5:6:7:8/128", "1:2:3:4:5:6:7::/112", "::2:3:4:5:6:7:8/128",
        "1:0:0:4::8/128", "fe80:0:0:0:8000::/65", "::ffff:192.0.2.1/128", "64:ff9b::192.0.2.0/120",
        "1:2:3:4:5:6:192.0.2.33/128", "2001:db8:0:0:8000::/65", "0001:0002::/32",
    ],
)  # fmt: skip
def test_every_spelling_of_a_prefix_is_read(text: str) -> None:
    assert prefix(text) == Prefix.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "/8", "10.0.0.0", "10.0.0/8", "10/8", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/08",
        "10.0.0.0/+8", "10.0.0.0/-8", "010.0.0.0/8", "256.0.0.0/8", "10.0.0.0.0/8", "10..0.0/8",
        "10.0.0.0 /8", "a.b.c.d/8", ":/0", ":::/0", "1:/16", ":1/128", "1::2::3/128", "12345::/16",
        "1:2:3:4:5:6:7/128", "1:2:3:4:5:6:7:8:9/128", "1:2:3:4:5:6:7:8::/128", "g::/16",
        "::1.2.3/128", "1:2:3:4:5:6:7:1.2.3.4/128", "1.2.3.4::/16", "fe80::%1/128", "::/0/0",
        "10.0.0.0/8 10.0.0.0/8", "1" * 70 + "/8", "x", "é/8", "10.0.0.0/99999999999999999999",
    ],
)  # fmt: skip
def test_what_is_not_a_prefix_is_marked_as_such(text: str) -> None:
    assert prefix(text) == wire.NOT_A_PREFIX


@pytest.mark.parametrize(
    "text", ["10.0.0.1/8", "0.0.0.1/0", "255.255.255.255/31", "2001:db8::1/32", "::1/64", "::1/127"]
)
def test_host_bits_are_marked(text: str) -> None:
    assert prefix(text) == wire.HOST_BITS


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.0/128", "::/129", "::/999"])
def test_a_length_beyond_the_family_is_marked(text: str) -> None:
    assert prefix(text) == wire.BAD_LENGTH


def test_a_bad_row_leaves_zeros_and_its_neighbours_alone() -> None:
    prefixes, fault = wire.parse_prefixes(*wire.joined(["10.0.0.0/8", "x", "::1/128"]))
    assert fault.tolist() == [wire.SOUND, wire.NOT_A_PREFIX, wire.SOUND]
    assert (prefixes.family[1], prefixes.high[1], prefixes.length[1]) == (0, 0, 0)
    assert str(prefixes[2]) == "::1/128"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1), ("AS1", 1), ("as64496", 64496), ("aS0", 0), ("4294967295", 4294967295),
        ("4294967296", "asn-beyond-32-bits"), ("AS99999999999", "asn-beyond-32-bits"),
        ("", "not-a-number"), ("AS", "not-a-number"), ("-1", "not-a-number"),
        ("1.10", "not-a-number"), ("AS 1", "not-a-number"), ("ASAS1", "not-a-number"),
        ("1" * 19, "not-a-number"), ("٣", "not-a-number"), ("NONE", "not-a-number"),
    ],
)  # fmt: skip
def test_as_numbers_are_read_with_or_without_their_letters(text: str, expected: int | str) -> None:
    assert asn(text) == expected


def test_numbers_are_read_and_anything_else_is_minus_one() -> None:
    text, field = wire.joined(["0", "24", "9" * 18, "9" * 19, "", "-1", "1e3", "x"])
    assert wire.parse_numbers(text, field).tolist() == [0, 24, 10**18 - 1, -1, -1, -1, -1, -1]


def test_categories_number_texts_in_order_of_first_sight() -> None:
    text, field = wire.joined(["ripe", "", "apnic", "ripe", "", "rip"])
    number, names = wire.categories(text, field)
    assert number.tolist() == [0, 1, 2, 0, 1, 3]
    assert names == ("ripe", "", "apnic", "rip")


def test_categories_hold_when_their_table_grows() -> None:
    words = [f"w{i % 20_000}" for i in range(50_000)]
    number, names = wire.categories(*wire.joined(words))
    assert [names[i] for i in number] == words
    assert len(names) == 20_000


def test_faults_are_counted_by_reason() -> None:
    fault = np.array([wire.SOUND, wire.HOST_BITS, wire.HOST_BITS, wire.TOO_LARGE], "u1")
    assert wire.count_faults(fault) == {"host-bits": 2, "asn-beyond-32-bits": 1}
