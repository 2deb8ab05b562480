"""Lists of routes, bytes in and bytes out: lines, limits, and what breaks off."""

from __future__ import annotations

import json

import pytest

from tests.feeds import make_snapshot
from validator.formats.bulk import LONGEST_LINE, Bulk, Form, HeaderError
from validator.formats.replies import validity_reply, validity_text
from validator.model import Family, Prefix, State

ROW = b'{"asn":64496,"prefix":"192.0.2.0/24"}\n'
ANSWER = b'{"asn":"AS64496","prefix":"192.0.2.0/24","state":"valid"}\n'


def bulk(form: Form = Form.NDJSON, longest_line: int = LONGEST_LINE) -> Bulk:
    return Bulk(make_snapshot().vrps, form, longest_line=longest_line)


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\n\n \t\n"])
def test_the_last_line_is_answered_with_or_without_its_end(ending: bytes) -> None:
    one = bulk()
    assert one.feed(ROW + ROW.rstrip() + ending) + one.finish() == ANSWER * 2


def test_lines_are_counted_with_the_blank_ones() -> None:
    one = bulk()
    lines = (one.feed(b"\n\n" + ROW + b"x") + one.finish()).splitlines()
    assert json.loads(lines[1])["line"] == 4


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_a_line_that_is_too_long_is_answered_the_same_however_it_comes(size: int) -> None:
    one = bulk(longest_line=60)
    body = ROW + b" " * 61 + b"\n" + b" " * 60 + b"\n" + ROW + b"y" * 1000 + b"\n" + ROW + b"z" * 61
    out = b"".join(one.feed(body[at : at + size]) for at in range(0, len(body), size))
    lines = [json.loads(line) for line in (out + one.finish()).splitlines()]
    assert [line.get("line") or line["state"] for line in lines] == [
        "valid",
        2,
        "valid",
        5,
        "valid",
        7,
    ]
    assert lines[1]["error"] == "longer than 60 bytes"


def test_a_line_without_an_end_is_not_kept_beyond_the_limit() -> None:
    one = bulk(longest_line=1000)
    for _ in range(100):
        assert one.feed(b"x" * 1000) == b""
        assert len(one._rest) <= 1000
    assert json.loads(one.finish())["line"] == 1


def test_what_breaks_off_does_not_answer_half_a_line() -> None:
    one = bulk()
    assert one.feed(ROW + b'{"asn":1,"prefix":"192.0.2.0/2') == ANSWER
    assert json.loads(one.break_off("gone")) == {"line": 2, "error": "gone"}


def test_messages_are_short_and_csv_quotes_them() -> None:
    one = bulk(Form.CSV)
    out = one.feed(b'asn,prefix\n1,"' + b"a,b" * 1000 + b'"\n').decode().splitlines()
    assert out[1].startswith(',,error,"line 2: ')
    assert len(out[1]) < 300


@pytest.mark.parametrize(
    "body",
    [b"", b"\n\n", b"asn\n", b"1,2\n", b'"asn,prefix\n', b"asn,prefix,ASN\n", b"\xff\xfe\n"],
)
def test_a_csv_without_a_header_is_refused(body: bytes) -> None:
    one = bulk(Form.CSV)
    with pytest.raises(HeaderError):
        assert one.feed(body) + one.finish() == b""


def test_nothing_is_an_answer_to_no_routes() -> None:
    assert bulk().finish() == b""
    one = bulk(Form.CSV)
    assert one.feed(b"prefix,asn") + one.finish() == b"prefix,asn,state,reason\n"


@pytest.mark.parametrize("asn", ["64496", "AS64496", "as1", "4294967295", "0", "AS0"])
@pytest.mark.parametrize("text", ["192.0.2.77/24", "192.0.2.0/25", "2001:DB8::1/49", "::/0"])
@pytest.mark.parametrize("degraded", [[], ["vrps: late"]])
def test_the_text_of_an_answer_is_its_object_encoded(
    asn: str, text: str, degraded: list[str]
) -> None:
    import ipaddress

    import msgspec

    snapshot = make_snapshot()
    prefix = Prefix.of(ipaddress.ip_network(text, strict=False))
    number = int(asn.lower().removeprefix("as"))
    reply = validity_reply(snapshot.explain(prefix, number), 0, degraded)
    assert validity_text(asn, text, snapshot.vrps, 0, degraded) == msgspec.json.encode(reply)


@pytest.mark.parametrize(
    ("asn", "text"),
    [("", ""), ("x", "::/0"), ("1", "::/129"), ("1", "1.2.3.4"), ("１", "::/0"), ("1", "é/8"),
     ("4294967296", "::/0"), ("AS", "::/0"), ("1", "/0"), ("1", "1.2.3.4/33"), ("1", "::/"),
     ("1:", ":/0"), ("1", "0::/0/0"), ("1/2", "::/0")],
)  # fmt: skip
def test_what_is_not_spelled_plainly_is_left_to_others(asn: str, text: str) -> None:
    assert validity_text(asn, text, make_snapshot().vrps, 0) is None


def test_more_vrps_than_there_is_room_for_are_left_to_others() -> None:
    vrps = tuple(("192.0.2.0/24", 24, asn, "ripe") for asn in range(1, 400))
    snapshot = make_snapshot(vrps=vrps)
    assert validity_text("1", "192.0.2.0/24", snapshot.vrps, 0) is None
    explained = snapshot.explain(Prefix(Family.IPV4, 0xC0000200 << 32, 0, 24), 1)
    assert (explained.state, len(explained.covering)) == (State.VALID, 399)
