"""Text, JSON and local exceptions against slow twins that are obviously right."""

from __future__ import annotations

import ipaddress
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors import route_list, vrp_export
from collectors import slurm as slurm_files
from collectors.base import LocalFile, ReadOptions, SourceError
from collectors.wire import text as wire
from collectors.wire.json_rows import mended
from validator import slurm as rules
from validator.model import (
    InputReport,
    Prefix,
    Prefixes,
    Slurm,
    SlurmAssertion,
    SlurmFilter,
    VrpBatch,
    parse_asn,
)

bounded = settings(max_examples=300, deadline=None)


@st.composite
def prefixes(draw: st.DrawFn, most: int = 128) -> Prefix:
    """Any prefix; those drawn close together overlap often."""
    bits = draw(st.sampled_from([32, 128]))
    length = draw(st.integers(0, bits))
    value = draw(st.integers(0, 7) | st.integers(0, (1 << bits) - 1))
    shift = draw(st.sampled_from([0, bits - 3]))
    value = (value << shift) % (1 << bits) >> (bits - length) << (bits - length)
    kind = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network
    return Prefix.of(kind((value, length)))


spelled = st.one_of(
    prefixes().map(str),
    prefixes().map(lambda p: str(ipaddress.ip_network(str(p)).exploded)),
    prefixes().map(lambda p: str(p).upper().replace("/0", "/00")),
    st.tuples(prefixes().map(str), st.integers(0, 50), st.sampled_from("0159afg:./ x")).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
    ),
    st.lists(st.sampled_from(["1", "0", "ffff", ":", "::", ".", "/", "12", "255"])).map("".join),
    st.tuples(
        st.lists(st.sampled_from(["0", "a", "ffff", "00ff", ""]), min_size=1, max_size=10),
        st.integers(0, 130),
    ).map(lambda parts: f"{':'.join(parts[0])}/{parts[1]}"),
    st.tuples(
        st.sampled_from(["::", "1::", "1:2:3:4:5:6:"]), st.ip_addresses(v=4), st.integers(0, 128)
    ).map(lambda parts: f"{parts[0]}{parts[1]}/{parts[2]}"),
    st.text(max_size=12),
)  # fmt: skip


@given(st.lists(spelled, max_size=8))
@example(["::/0", "0.0.0.0/0", "1:2:3:4:5:6:7::/128", "::1:2:3:4:5:6:7/128", "0::0/0", ":::/0"])
@bounded
def test_a_prefix_is_read_exactly_where_the_slow_reader_reads_it(texts: list[str]) -> None:
    texts = [text.replace("\n", "?") for text in texts]
    columns, fault = wire.parse_prefixes(*wire.joined(texts))
    for row, text in enumerate(texts):
        try:
            expected = Prefix.parse(text)
        except ValueError as error:
            assert fault[row] != wire.SOUND, text
            assert (fault[row] == wire.HOST_BITS) == ("host bits" in str(error)), text  # noqa: PT017
        else:
            assert fault[row] == wire.SOUND, text
            assert columns[row] == expected


@given(st.from_regex(r"\A([Aa][Ss])?[0-9]{0,12}\Z") | st.text(max_size=6))
@bounded
def test_an_as_number_is_read_exactly_where_the_slow_reader_reads_it(text: str) -> None:
    text = text.replace("\n", "?")
    value, fault = wire.parse_asns(*wire.joined([text]))
    digits = text[2:] if text[:2].upper() == "AS" else text
    if len(digits) > 10 and digits.isascii() and digits.isdigit():
        text = digits.lstrip("0") or "0"  # the slow reader counts leading zeros as digits
    try:
        expected = parse_asn(text)
    except ValueError:
        assert fault[0] != wire.SOUND
    else:
        assert (fault[0], value[0]) == (wire.SOUND, expected)


field = st.text(st.sampled_from("ab1/:. \t{}é"), max_size=5).map(str.strip)


@given(
    st.lists(st.lists(field, min_size=1, max_size=4), max_size=8),
    st.sampled_from(["\n", "\r\n", " \n", "\n\n"]),
)
@bounded
def test_lines_are_split_as_a_slow_reader_splits_them(table: list[list[str]], end: str) -> None:
    table = [[text.replace("\t", " ").strip() for text in row] for row in table]
    table = [row for row in table if "".join(row)]
    raw = "".join(",".join(row) + end for row in table).encode()
    text = np.frombuffer(raw, "u1")
    found, number = wire.split(text, ",", [0, 1, 3])
    step = end.count("\n")
    assert number.tolist() == [1 + step * i for i in range(len(table))]
    for at, column in zip([0, 1, 3], found, strict=True):
        expected = [row[at] if at < len(row) else "" for row in table]
        assert [column.text(text, row) for row in range(len(column))] == expected


@given(st.lists(st.text(max_size=3), max_size=40))
@bounded
def test_categories_are_those_of_a_dictionary(words: list[str]) -> None:
    words = [word.replace("\n", "?").encode("utf-8", "replace").decode() for word in words]
    number, names = wire.categories(*wire.joined(words))
    assert names == tuple(dict.fromkeys(words))
    assert [names[i] for i in number] == words


# ------------------------------------------------------------------------------------------- JSON


def read_vrps(text: str, **options: Any) -> VrpBatch | str:
    """The batch, or what kind of error it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vrps"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            return vrp_export.load(LocalFile(path, "vrps"), ReadOptions(**options))
        except SourceError as error:
            return type(error).__name__


def comparable(batch: VrpBatch | str) -> Any:
    if isinstance(batch, str):
        return batch
    anchors = [batch.trust_anchors[i] for i in batch.trust_anchor]
    columns: list[Any] = [batch.asn, batch.max_length, batch.expires]
    listed = [str(batch.prefixes[i]) for i in range(len(batch))]
    values = [column.tolist() for column in columns]
    return listed, anchors, *values, dict(batch.report.rejected), batch.report.built


def spaced(value: Any, spaces: st.DataObject) -> str:
    """JSON with any blanks that JSON allows."""

    def gap() -> str:
        return spaces.draw(st.sampled_from(["", "", " ", "\n", "\t", "\r\n ", "   "]))

    if isinstance(value, dict):
        members = [f"{gap()}{json.dumps(k)}{gap()}:{spaced(v, spaces)}" for k, v in value.items()]
        return f"{gap()}{{{','.join(members) or gap()}{gap()}}}{gap()}"
    if isinstance(value, list):
        return f"{gap()}[{','.join(spaced(v, spaces) for v in value) or gap()}]{gap()}"
    return gap() + json.dumps(value) + gap()


asns = (
    st.integers(0, 2**33) | st.integers(0, 99).map(lambda n: f"AS{n}") | st.sampled_from(["7", "x"])
)
roa = st.fixed_dictionaries(
    {},
    optional={
        "prefix": prefixes().map(str) | st.sampled_from(["10.0.0.1/8", "", "::/0"]),
        "asn": asns,
        "maxLength": st.integers(0, 140) | st.sampled_from(["24", "", "a"]),
        "ta": st.sampled_from(["ripe", "", "a b"]),
        "expires": st.integers(0, 2**40),
    },
)
whole_roa = st.builds(
    lambda base, more: more | base,
    st.fixed_dictionaries({"prefix": prefixes().map(str), "asn": asns}),
    roa,
)
exports = st.builds(
    lambda rows, built, bare: rows if bare else {"metadata": {"generated": built}, "roas": rows},
    st.lists(whole_roa, max_size=5) | st.lists(whole_roa | roa, max_size=3),
    st.integers(0, 2**39),
    st.booleans(),
)


@given(exports, st.data())
@settings(max_examples=150, deadline=None)
def test_the_fast_walk_and_the_general_decoder_give_the_same_vrps(
    document: Any, spaces: st.DataObject
) -> None:
    plain = read_vrps(spaced(document, spaces))
    slow = json.loads(json.dumps(document))
    rows = slow if isinstance(slow, list) else slow["roas"]
    for row in rows:
        row["not a key of ours"] = None  # the walk declines it, the general decoder skips it
    assert comparable(plain) == comparable(read_vrps(json.dumps(slow)))


@given(exports, st.data())
@settings(max_examples=150, deadline=None)
def test_a_cut_export_is_refused_or_gives_a_beginning_of_the_whole(
    document: Any, spaces: st.DataObject
) -> None:
    text = spaced(document, spaces).rstrip()
    whole = read_vrps(text)
    cut = text[: spaces.draw(st.integers(0, max(len(text) - 1, 0)))]
    assert isinstance(read_vrps(cut), str)
    part = read_vrps(cut, allow_truncated=True)
    if isinstance(whole, VrpBatch) and isinstance(part, VrpBatch):
        assert part.report.truncated
        listed = comparable(part)[0]
        assert listed == comparable(whole)[0][: len(listed)]


@given(
    st.binary(max_size=60) | st.text(st.sampled_from('{}[]",:\\ 1a'), max_size=60).map(str.encode)
)
@bounded
def test_no_reader_of_text_fails_but_with_an_error_of_ours(raw: bytes) -> None:
    mended(raw)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(raw)
        for load in (vrp_export.load, route_list.load, slurm_files.load):
            for allow in (False, True):
                try:
                    load(LocalFile(path, "input"), ReadOptions(allow_truncated=allow))
                except SourceError as error:
                    assert "\n" not in str(error)  # noqa: PT017


# ---------------------------------------------------------------------------------------- SLURM

few_asns = st.integers(0, 3) | st.just(2**32 - 1)
filters = st.builds(
    SlurmFilter, st.none() | prefixes(), st.none() | few_asns
).filter(lambda each: each.prefix is not None or each.asn is not None)  # fmt: skip
rows_of_vrps = st.lists(st.tuples(prefixes(), few_asns, st.integers(0, 2)), max_size=12)


def longest(prefix: Prefix, more: int) -> int:
    return min(prefix.length + more, prefix.family.bits)


def batch_of(rows: list[tuple[Prefix, int, int]]) -> VrpBatch:
    n = len(rows)
    return VrpBatch(
        Prefixes.of([prefix for prefix, _, _ in rows]),
        np.array([asn for _, asn, _ in rows], "u4"),
        np.array([longest(prefix, more) for prefix, _, more in rows], "u1"),
        np.zeros(n, "u1"),
        np.zeros(n, "i8"),
        ("t",),
        InputReport("x", "vrps"),
    )


@given(st.lists(rows_of_vrps, max_size=3), st.lists(filters, max_size=6), rows_of_vrps, st.data())
@bounded
def test_local_exceptions_do_what_going_through_all_vrps_for_each_of_them_does(
    given_rows: list[list[tuple[Prefix, int, int]]],
    wanted: list[SlurmFilter],
    added: list[tuple[Prefix, int, int]],
    data: st.DataObject,
) -> None:
    if any(given_rows):
        known = st.sampled_from([row for rows in given_rows for row in rows])
        added = added + data.draw(st.lists(known, max_size=3))
        near = st.tuples(known, st.booleans()).map(
            lambda pick: SlurmFilter(pick[0][0], pick[0][1] if pick[1] else None)
        )
        wanted = wanted + data.draw(st.lists(near, max_size=2))
    assertions = [SlurmAssertion(p, asn, longest(p, more)) for p, asn, more in added]
    applied = rules.apply(
        [batch_of(rows) for rows in given_rows], Slurm(tuple(wanted), tuple(assertions), ())
    )

    def hits(each: SlurmFilter, row: tuple[Prefix, int, int]) -> bool:
        inside = each.prefix is None or each.prefix.covers(row[0])
        return inside and each.asn in (None, row[1])

    kept = [[r for r in rows if not any(hits(f, r) for f in wanted)] for rows in given_rows]
    assert [comparable(batch)[:1] for batch in applied.batches[: len(kept)]] == [
        ([str(prefix) for prefix, _, _ in rows],) for rows in kept
    ]
    everything = [row for rows in given_rows for row in rows]
    assert [count.matched for count in applied.filters] == [
        sum(hits(each, row) for row in everything) for each in wanted
    ]
    assert applied.removed == len(everything) - sum(map(len, kept))
    there = {(p, asn, longest(p, more)) for rows in kept for p, asn, more in rows}
    distinct = {(each.prefix, each.asn, each.max_length) for each in assertions}
    assert applied.already_there == len(distinct & there)
    assert applied.added == len(distinct - there)


@given(st.lists(st.lists(prefixes(), max_size=4), max_size=4))
@bounded
def test_slurm_files_are_put_together_unless_an_address_is_in_two(
    files: list[list[Prefix]],
) -> None:
    slurms = [
        Slurm(
            tuple(SlurmFilter(prefix, None) for prefix in named[::2]),
            tuple(SlurmAssertion(prefix, 1, prefix.length) for prefix in named[1::2]),
            (InputReport(f"file {i}", "slurm"),),
        )
        for i, named in enumerate(files)
    ]
    meet = any(
        a.covers(b)
        for i, one in enumerate(files)
        for j, other in enumerate(files)
        if i != j
        for a in one
        for b in other
    )
    if meet:
        with pytest.raises(SourceError, match="overlaps"):
            slurm_files.merge(slurms)
    else:
        assert len(slurm_files.merge(slurms).reports) == len(files)
