"""A list says of each route what a single look-up says, however the routes are spelled and cut."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.oracle import V, networks, vrp_batch, vrps
from validator.formats.asked import AskedRoute, asked_asn, relaxed_prefix, strict_prefix
from validator.formats.bulk import Bulk, Form
from validator.formats.replies import validity_reply, validity_text
from validator.kernels import bulk as bulk_kernels
from validator.model import Prefix, format_asn, parse_asn
from validator.origin_validation import explain
from validator.tables.vrps import VrpTable, build_table

_BLANKS = st.sampled_from(["", " ", "\t", "  \r"])

# ------------------------------------------------------------------------------- routes as spelled

_NUMBERS = st.integers(0, 6) | st.sampled_from([64496, 4294967295, 4294967296, 10**30, -1])
_ASNS = st.one_of(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "AS", "as", "aS", "A", "ASAS"]),
        st.sampled_from(["", "0", "000000000"]),
        _NUMBERS,
    ),
    st.sampled_from(["", "AS", "NONE", "1.5", "1e3", "１", "aſ1", "0x10"]),
)


@st.composite
def _prefixes(draw: st.DrawFn) -> str:
    network = draw(networks())
    address: Any = network.network_address
    if draw(st.integers(0, 5)) == 0:
        address = draw(st.ip_addresses(v=network.version))  # with bits beyond its length
    text = str(address) if draw(st.booleans()) else address.exploded
    length = draw(st.sampled_from(["", "0"])) if draw(st.integers(0, 5)) == 0 else ""
    text = text.upper() if draw(st.booleans()) else text
    return f"{text}/{length}{network.prefixlen}"


_ODD_PREFIXES = st.sampled_from(
    ["", "/", "10.0.0.0", "10.0.0.0/33", "010.0.0.0/8", "::ffff:1.2.3.4/128", "::1.2.3.4/128"]
) | st.text(max_size=12)
_ALL_PREFIXES = st.one_of(_prefixes(), _prefixes(), _prefixes(), _ODD_PREFIXES)


@st.composite
def _members(draw: st.DrawFn) -> str:
    """An object as JSON, with blanks, and perhaps a member too many, too few or twice."""
    asn = draw(_ASNS.map(json.dumps) | _NUMBERS.map(str))
    members = [("asn", asn), ("prefix", json.dumps(draw(_ALL_PREFIXES), ensure_ascii=False))]
    if draw(st.booleans()):
        members.reverse()
    change = draw(st.integers(0, 9))
    if change == 0:
        members.append(draw(st.sampled_from(members)))
    elif change == 1:
        del members[draw(st.integers(0, 1))]
    elif change == 2:
        members.insert(draw(st.integers(0, 2)), ("more", draw(st.sampled_from(["[{}]", "null"]))))
    elif change == 3:
        members[0] = ("a\\u0073n" if members[0][0] == "asn" else "pre\\u0066ix", members[0][1])
    blank = [draw(_BLANKS) for _ in range(6)]
    inner = f"{blank[0]},{blank[1]}".join(
        f'"{name}"{blank[2]}:{blank[3]}{value}' for name, value in members
    )
    return f"{blank[4]}{{{blank[5]}{inner}{blank[5]}}}{blank[4]}"


_RUBBISH = st.sampled_from(["{", "[]", "# a comment", "null", "\ufeff{}", '{"asn":1,', "\x00", "5"])
_JSON_LINES = st.lists(
    st.one_of(_members(), _members(), _members(), _RUBBISH, _BLANKS), max_size=12
).map(lambda lines: [line.replace("\n", " ") for line in lines])


@st.composite
def _csv_fields(draw: st.DrawFn) -> str:
    text = draw(_ASNS | _ALL_PREFIXES).replace("\n", " ")
    how = draw(st.integers(0, 7))
    if how == 0:
        return '"' + text.replace('"', '""') + '"'
    return f"{draw(_BLANKS)}{text}{draw(_BLANKS)}"


@st.composite
def _csv_rows(draw: st.DrawFn) -> str:
    asn = draw(_ASNS)
    prefix = draw(_ALL_PREFIXES)
    fields = [f"{draw(_BLANKS)}{each}{draw(_BLANKS)}" for each in (prefix, "x", asn)]
    if draw(st.integers(0, 4)) == 0:
        fields[draw(st.integers(0, 2))] = draw(_csv_fields())
    if draw(st.integers(0, 9)) == 0:
        fields = fields[: draw(st.integers(0, 3))]
    return ",".join(fields).replace("\n", " ")


_CSV_LINES = st.lists(st.one_of(_csv_rows(), _csv_rows(), _RUBBISH, _BLANKS), max_size=12)
_TABLES = st.lists(vrps(), max_size=12)


# --------------------------------------------------------------------------- what should be said


def _single(table: VrpTable, asn: str | int, prefix: str) -> dict[str, Any] | None:
    """What the answer about this route alone says, as a line of a list; None: it is refused."""
    try:
        route = strict_prefix(prefix), asked_asn(asn)
    except ValueError:
        return None
    reply = json.loads(msgspec.json.encode(validity_reply(explain(*route, table), 0)))
    one = reply["validated_route"]
    del one["validity"]["description"]
    return {"asn": one["route"]["origin_asn"], "prefix": one["route"]["prefix"], **one["validity"]}


def _fed(bulk: Bulk, body: bytes, cuts: list[int]) -> bytes:
    places = sorted({cut % (len(body) + 1) for cut in cuts} | {0, len(body)})
    parts = [body[a:b] for a, b in pairwise(places)]
    return b"".join(map(bulk.feed, parts)) + bulk.finish()


@settings(max_examples=120, deadline=None)
@given(_TABLES, _JSON_LINES, st.booleans(), st.lists(st.integers(0, 10**6), max_size=6))
@example([], ['{"asn":1,"prefix":"10.0.0.0/8"}'], True, [1, 2])
@example(
    [], ['{"asn":00000000001,"prefix":"::/0"}', '{"asn":"00000000001","prefix":"::/0"}'], 0, []
)
def test_ndjson_says_what_single_look_ups_say(
    vrps: list[V], lines: list[str], with_vrps: bool, cuts: list[int]
) -> None:
    table = build_table([vrp_batch(vrps)])
    body = "\n".join(lines).encode("utf-8", "surrogatepass")
    body = b"\xef\xbb\xbf" + body if with_vrps else body
    out = _fed(Bulk(table, Form.NDJSON, with_vrps=with_vrps), body, cuts)
    answers = [json.loads(line) for line in out.splitlines()]
    expected = list[dict[str, Any]]()
    text = body.removeprefix(b"\xef\xbb\xbf")
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip(b" \t\r"):
            continue
        try:
            asked = msgspec.json.decode(line, type=AskedRoute)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = None
        else:
            said = _single(table, asked.asn, asked.prefix)
        if said is None:
            expected.append({"line": number})
        else:
            expected.append(said if with_vrps else {**said, "VRPs": None})
    for answer in answers:
        if "error" in answer:
            assert answer.pop("error")
        elif not with_vrps:
            assert "VRPs" not in answer
            answer["VRPs"] = None
    assert answers == expected


@settings(max_examples=120, deadline=None)
@given(_TABLES, _CSV_LINES, st.booleans(), st.lists(st.integers(0, 10**6), max_size=6))
@example([], ["10.0.0.0/8,x,1", '"10.0.0.0/8",",\r",1', "10.0.0.0/8,\r,1"], False, [])
def test_csv_says_what_single_look_ups_say(
    vrps: list[V], lines: list[str], with_vrps: bool, cuts: list[int]
) -> None:
    table = build_table([vrp_batch(vrps)])
    body = "\n".join([" Prefix,x ,ASN\r", *lines]).encode("utf-8", "surrogatepass")
    out = _fed(Bulk(table, Form.CSV, with_vrps=with_vrps), body, cuts).decode()
    answers = list(csv.DictReader(io.StringIO(out), strict=True))
    expected = []
    for number, line in enumerate(body.split(b"\n")[1:], 2):
        if not line.strip(b" \t\r"):
            continue
        fields = _plain_fields(line.decode("utf-8", "replace").strip(" \t\r"))
        said = _single(table, fields[2], fields[0]) if len(fields) > 2 else None
        if said is None:
            expected.append(["", "", "error", f"line {number}: "])
        else:
            row = [said["prefix"], said["asn"], said["state"], said.get("reason", "")]
            expected.append(row)
            if with_vrps:
                lists = said["VRPs"]
                for name in ("matched", "unmatched_as", "unmatched_length"):
                    row.append(
                        "; ".join(
                            f"{each['asn']} {each['prefix']}-{each['max_length']}"
                            for each in lists[name]
                        )
                    )
    assert len(answers) == len(expected)
    for answer, row in zip(answers, expected, strict=True):
        values = list(answer.values())
        if row[2] == "error":
            assert values[:3] == row[:3]
            assert values[3].startswith(row[3])
            assert not any(values[4:])
        else:
            assert values == row


def _plain_fields(line: str) -> list[str]:
    if '"' in line:
        try:
            rows = list(csv.reader([line], strict=True, skipinitialspace=True))
        except csv.Error:
            return []
        if len(rows) != 1:
            return []
        return [field.strip(" \t\r") for field in rows[0]]
    return [field.strip(" \t\r") for field in line.split(",")]


@settings(max_examples=60, deadline=None)
@given(_TABLES, st.lists(st.tuples(networks(), st.integers(0, 6)), min_size=1, max_size=8))
def test_what_is_spelled_plainly_takes_the_short_cut(
    vrps: list[V], routes: list[tuple[Any, int]]
) -> None:
    """So that the tests above are about the compiled loops too."""
    table = build_table([vrp_batch(vrps)])
    body = "".join(f'{{"asn":{asn},"prefix":"{net}"}}\n' for net, asn in routes).encode()

    class Counted(Bulk):
        told = 0

        def _told(self, line: bytes, number: int) -> bytes:
            self.told += 1
            return super()._told(line, number)

    bulk = Counted(table, Form.NDJSON)
    answers = [json.loads(line) for line in bulk.feed(body).splitlines()]
    assert bulk.told == 0
    for answer, (net, asn) in zip(answers, routes, strict=True):
        assert (answer["prefix"], answer["asn"]) == (str(net), format_asn(asn))
    assert max(len(str(net)) + 12 for net, _ in routes) <= bulk_kernels.LONGEST_ROUTE


@settings(max_examples=120, deadline=None)
@given(_TABLES, _ASNS, _ALL_PREFIXES)
def test_the_text_of_a_look_up_is_what_the_plain_way_says(
    vrps: list[V], asn: str, prefix: str
) -> None:
    table = build_table([vrp_batch(vrps)])
    text = validity_text(asn, prefix, table, 0)
    try:
        route = relaxed_prefix(prefix), parse_asn(asn)
    except ValueError:
        assert text is None
        return
    if text is None:  # odd, but right: leading zeros, or a sign that is no plain letter
        assert not (prefix.isascii() and asn.isascii()) or "0" in asn + prefix
    else:
        assert text == msgspec.json.encode(validity_reply(explain(*route, table), 0))


@settings(max_examples=60, deadline=None)
@given(_TABLES, networks(), st.integers(0, 6))
def test_a_route_spelled_plainly_has_its_text(vrps: list[V], network: Any, asn: int) -> None:
    table = build_table([vrp_batch(vrps)])
    reply = validity_reply(explain(Prefix.of(network), asn, table), 0)
    assert validity_text(f"AS{asn}", str(network), table, 0) == msgspec.json.encode(reply)
