"""Lists of routes: the forms of lines and JSON, what is refused, and hostile files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors import route_list
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from validator.model import NO_ORIGIN, Entry, Peer, RouteBatch

Load = Callable[..., RouteBatch]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Reads content as a list called ``lists/routes.csv``."""

    def read(content: bytes | str, source: str = "lists/routes.csv", **options: Any) -> RouteBatch:
        path = tmp_path / "routes"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return route_list.load(LocalFile(path, source), ReadOptions(**options))

    return read


def routes(batch: RouteBatch) -> list[tuple[str, int]]:
    assert batch.report.rows == len(batch) == len(batch.prefixes)
    return [
        (str(batch.prefixes[int(batch.prefix[i])]), int(batch.origin[i])) for i in range(len(batch))
    ]


TWO = [("192.0.2.0/24", 64496), ("2001:db8::/32", 4200000000)]
FORMS = {
    "csv": "prefix,origin_asn\n192.0.2.0/24,64496\n2001:db8::/32,4200000000\n",
    "csv, no last line break": "192.0.2.0/24,64496\n2001:db8::/32,4200000000",
    "crlf": "prefix,origin\r\n192.0.2.0/24,64496\r\n2001:db8::/32,4200000000\r\n",
    "byte order mark": "\ufeffprefix,asn\n192.0.2.0/24,64496\n2001:db8::/32,4200000000\n",
    "other titles": "Network,Origin AS\n192.0.2.0/24,AS64496\n2001:db8::/32,as4200000000\n",
    "quoted": '"IP Prefix","ASN"\n"192.0.2.0/24","64496"\n"2001:db8::/32","4200000000"\n',
    "other order": "asn,name,prefix\n64496,a,192.0.2.0/24\n4200000000,b,2001:db8::/32\n",
    "asn beside origin": "asn,prefix,origin\n1,192.0.2.0/24,64496\n2,2001:db8::/32,4200000000\n",
    "tabs": "192.0.2.0/24\t64496\n2001:db8::/32\t4200000000\n",
    "tabs, header": "route\torigin-asn\n192.0.2.0/24\t64496\n2001:db8::/32\t4200000000\n",
    "comments": "# a list\n\n; of routes\n 192.0.2.0/24 , 64496 \n#x\n2001:db8::/32,4200000000\n",
    "comment before header": "# a list\nprefix,asn\n192.0.2.0/24,64496\n2001:db8::/32,4200000000\n",
    "arrows": "192.0.2.0/24 => 64496\n2001:db8::/32 => 4200000000\n",
    "arrows with AS": "192.0.2.0/24=>AS64496\n2001:db8::/32\t  =>  as4200000000\n",
    "json": '{"routes":[{"asn":"AS64496","prefix":"192.0.2.0/24"},'
    '{"prefix":"2001:db8::/32","asn":4200000000}]}',
    "json with more in it": '{"routes":[{"asn":"AS64496","prefix":"192.0.2.0/24","note":"\\u00e9"},'
    '{"prefix":"2001:db8::/32","asn":4200000000}],"z":{}}',
    "json list": '[{"asn":"64496","prefix":"192.0.2.0/24"},'
    '{"prefix":"2001:db8::/32","asn":4200000000}]',
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_routes(load: Load, form: str) -> None:
    batch = load(FORMS[form])
    assert routes(batch) == TWO
    assert (dict(batch.report.rejected), batch.report.notes) == ({}, ())


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_a_list_may_be_packed(load: Load, pack: Callable[[bytes], bytes]) -> None:
    assert routes(load(pack(FORMS["csv"].encode()))) == TWO


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("lists/routes.csv", "routes.csv"),
        ("https://lists.example/a/b.csv.gz?at=1/2#x", "b.csv.gz"),
        ("https://lists.example/", "https://lists.example/"),
        ("routes", "routes"),
    ],
)
def test_one_peer_named_after_the_source_stands_for_the_list(
    load: Load, source: str, name: str
) -> None:
    batch = load(FORMS["csv"], source)
    assert batch.peers == (Peer(name, "", 0),)
    for column, kind in (("peer", "u2"), ("neighbour", "u4"), ("path_id", "u4"), ("flags", "u1")):
        values = getattr(batch, column)
        assert (values.dtype, values.tolist()) == (np.dtype(kind), [0, 0])
    assert (batch.prefix.dtype, batch.origin.dtype) == (np.dtype("u4"), np.dtype("i8"))
    assert (batch.report.kind, batch.report.source) == ("route-list", source)


@pytest.mark.parametrize(
    "origin",
    [
        "NONE",
        "none",
        "NoNe",
        "{1,2}",
        "{1 2}",
        "{ 1, 2 ,AS3 }",
        "{64496}",
        '"{1,2}"',
        "{4294967295,1}",
    ],
)
@pytest.mark.parametrize("form", ["{p},{o}", "{p}\t{o}", "{p} => {o}", "asn,prefix\n{o},{p}"])
def test_none_and_as_sets_are_routes_without_an_origin(load: Load, form: str, origin: str) -> None:
    last = "1,10.0.0.0/8" if form.startswith("asn") else form.format(p="10.0.0.0/8", o="1")
    batch = load(form.format(p="192.0.2.0/24", o=origin) + "\n" + last + "\n")
    assert routes(batch) == [("192.0.2.0/24", NO_ORIGIN), ("10.0.0.0/8", 1)]
    assert batch.flags.tolist() == [Entry.AS_SET, Entry.NONE]


@pytest.mark.parametrize("extra", ["", ',"x":1'])
def test_none_and_as_sets_in_json_are_routes_without_an_origin(load: Load, extra: str) -> None:
    origins = ["NONE", "{1,2}", "{1 2}", "AS0", "none"]
    rows = ",".join(
        f'{{"asn":"{o}","prefix":"10.{i}.0.0/16"{extra}}}' for i, o in enumerate(origins)
    )
    batch = load(f'{{"routes":[{rows}]}}')
    assert batch.origin.tolist() == [-1, -1, -1, 0, -1]
    assert batch.flags.tolist() == [1, 1, 1, 0, 1]


def test_as0_is_an_origin_of_its_own(load: Load) -> None:
    assert routes(load("10.0.0.0/8,AS0\n10.0.0.0/9,0\n")) == [("10.0.0.0/8", 0), ("10.0.0.0/9", 0)]


@pytest.mark.parametrize(
    ("line", "reason", "note"),
    [
        ("10.0.0.1/8,1", "host-bits", "line 2: host bits set in 10.0.0.1/8"),
        ("10.0.0.0/33,1", "prefix-length", "line 2: prefix length too large in 10.0.0.0/33"),
        ("10.0.0.0,1", "not-a-prefix", "line 2: not a prefix: 10.0.0.0"),
        (
            "10.0.0.0/8,4294967296",
            "asn-beyond-32-bits",
            "line 2: AS number beyond 32 bits: 4294967296",
        ),
        ("10.0.0.0/8,x", "not-a-number", "line 2: not an AS number: x"),
        ("10.0.0.0/8,", "not-a-number", "line 2: not an AS number: (nothing)"),
        ("10.0.0.0/8", "not-a-number", "line 2: not an AS number: (nothing)"),
        ("10.0.0.0/8,{1,x}", "not-a-number", "line 2: not an AS number: {1"),
        ("10.0.0.0/8,{}", "not-a-number", "line 2: not an AS number: {}"),
        ("x,y", "not-a-prefix", "line 2: not a prefix: x"),
        ("\x1b[2J,1", "not-a-prefix", "line 2: not a prefix: \\x1b[2J"),
        ("y" * 90 + ",1", "not-a-prefix", "line 2: not a prefix: " + "y" * 60),
    ],
)
def test_a_bad_row_is_counted_and_the_first_is_named(
    load: Load, line: str, reason: str, note: str
) -> None:
    batch = load(f"192.0.2.0/24,1\n{line}\n198.51.100.0/24,2\n{line}\n")
    assert routes(batch) == [("192.0.2.0/24", 1), ("198.51.100.0/24", 2)]
    assert dict(batch.report.rejected) == {reason: 2}
    assert batch.report.notes == (note,)


def test_a_bad_row_of_json_is_named_by_its_place_in_the_list(load: Load) -> None:
    batch = load('[{"asn":1,"prefix":"10.0.0.0/8"},{"asn":2,"prefix":"10.0.0.1/8"}]')
    assert batch.report.notes == ("route 2: host bits set in 10.0.0.1/8",)


def test_a_list_without_a_single_good_row_is_refused_with_its_first(load: Load) -> None:
    with pytest.raises(
        SourceError,
        match=r"^lists/routes.csv \(line 3\): none of its 2 rows is a route: not a prefix: hello; ",
    ):
        load("# x\n\nhello\n10.0.0.1/8,1\n")


@pytest.mark.parametrize(
    "content",
    ["prefix,origin_asn\n", "# nothing\n", "\n\n", " ", '{"routes":[]}', "[]", "; x", "prefix,asn"],
)
def test_a_list_without_rows_has_no_routes(load: Load, content: str) -> None:
    with pytest.raises(SourceError, match="has no routes"):
        load(content)


def test_an_empty_file_is_refused(load: Load) -> None:
    with pytest.raises(SourceError, match="is empty"):
        load("")


def test_a_header_without_an_origin_is_refused_with_its_line(load: Load) -> None:
    with pytest.raises(
        SourceError, match=r"\(line 2\): the header has a column for the prefix but"
    ):
        load("# x\nprefix,holder\n10.0.0.0/8,1\n")


def test_too_many_lines_are_refused(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_list, "MOST_ROWS", 3)
    assert len(load("10.0.0.0/8,1\n" * 3)) == 3
    with pytest.raises(SourceError, match="holds more than 3 lines"):
        load("10.0.0.0/8,1\n" * 4)
    with pytest.raises(SourceError, match="holds more than 3 routes"):
        load(json.dumps([{"asn": 1, "prefix": "10.0.0.0/8"}] * 4))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('{"roas":[]}', "required field `routes`"),
        ('{"routes":[{"asn":1}]}', r"`prefix` - at `\$\.routes\[0\]`"),
        (
            '{"routes":[{"asn":1,"prefix":"10.0.0.0/8"},{"asn":[],"prefix":""}]}',
            r"\$\.routes\[1\]\.asn",
        ),
        ('{"routes":5}', r"\$\.routes"),
        ("[1]", r"\$\[0\]"),
        ("[" * 20_000 + "]" * 20_000, "not a list of routes"),
        ('{"x":' * 20_000 + "1" + "}" * 20_000, "not a list of routes"),
        ('{"routes":[]} x', "malformed"),
        ('{"routes":[{"asn":1,"prefix":"\xff"}]}', "not a list of routes"),
    ],
)
def test_json_of_another_shape_is_refused_with_its_path(
    load: Load, document: str, said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        load(document.encode("latin-1"))


@pytest.mark.parametrize(
    "line", ["{" * 100_000, "{1" * 50_000, "{" + "1" * 100_000, "{1 , " * 30_000]
)
def test_braces_that_never_close_cost_no_more_than_their_length(load: Load, line: str) -> None:
    batch = load("10.0.0.0/8,1\n10.0.0.0/8," + line)
    assert (len(batch), dict(batch.report.rejected)) == (1, {"not-a-number": 1})


# -------------------------------------------------------------------------------- truncation


def test_the_last_line_of_a_cut_archive_is_not_used(load: Load) -> None:
    """The last line may be cut too: 192.0.2.0/24,6 is another route than 192.0.2.0/24,64496."""
    packed = gzip.compress(b"10.0.0.0/8,1\n192.0.2.0/24,6")[:-4]
    with pytest.raises(TruncatedSource):
        load(packed)
    batch = load(packed, allow_truncated=True)
    assert routes(batch) == [("10.0.0.0/8", 1)]
    assert batch.report.truncated
    assert batch.report.notes == ("ends early: only the part before that is used",)


def test_a_cut_archive_without_a_whole_line_has_no_routes(load: Load) -> None:
    with pytest.raises(SourceError, match="has no routes"):
        load(gzip.compress(b"10.0.0.0/8,1")[:-4], allow_truncated=True)


def test_cut_json_is_refused_or_used_up_to_its_last_whole_row(load: Load) -> None:
    text = json.dumps({"routes": [{"asn": f"AS{i}", "prefix": f"10.{i}.0.0/16"} for i in range(3)]})
    seen = set()
    for cut in range(1, len(text)):
        with pytest.raises(TruncatedSource):
            load(text[:cut])
        try:
            batch = load(text[:cut], allow_truncated=True)
        except TruncatedSource:
            continue
        seen.add(len(batch))
        assert batch.origin.tolist() == [*range(len(batch))]
        assert batch.report.truncated
    assert seen == {1, 2, 3}


@pytest.mark.real_data
def test_the_real_table_is_read_whole(real_data: Path) -> None:
    path = real_data / "bgp" / "as-prefix_20260619.csv.gz"
    batch = route_list.load(LocalFile(path, str(path)), ReadOptions())
    assert len(batch) == 1_464_772
    assert dict(batch.report.rejected) == {}
    assert int(np.count_nonzero(batch.prefixes.family == 4)) == 1_178_137
    assert len(np.unique(batch.origin)) == 85_946
