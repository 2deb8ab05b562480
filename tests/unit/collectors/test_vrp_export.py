"""Exports of relying parties: every dialect, what is refused at the door, and hostile files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collectors import vrp_export
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from validator.model import Aspa, RouterKey, VrpBatch

Load = Callable[..., VrpBatch]
Row = tuple[int, str, int, str, int]
"""AS number, prefix, maxLength, trust anchor, expires."""

ONE = {"asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "test"}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Reads content, or the JSON of an object, as an export called ``vrps``."""

    def read(content: bytes | str | dict[str, Any] | list[Any], **options: Any) -> VrpBatch:
        if isinstance(content, dict | list):
            content = json.dumps(content)
        path = tmp_path / "vrps"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return vrp_export.load(LocalFile(path, "vrps"), ReadOptions(**options))

    return read


def rows(batch: VrpBatch) -> list[Row]:
    assert batch.report.rows == len(batch)
    return [
        (
            int(batch.asn[i]),
            str(batch.prefixes[i]),
            int(batch.max_length[i]),
            batch.trust_anchors[batch.trust_anchor[i]],
            int(batch.expires[i]),
        )
        for i in range(len(batch))
    ]


def roas(*given: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": metadata, "roas": list(given)}


# ---------------------------------------------------------------------------------- dialects


def test_json_of_routinator_and_rpki_client(load: Load) -> None:
    document = roas(
        {"asn": "AS64496", "prefix": "192.0.2.0/24", "maxLength": 25, "ta": "ripe"},
        {"asn": 64497, "prefix": "2001:db8::/32", "maxLength": 48, "ta": "arin", "expires": 9},
        {"asn": "0", "prefix": "10.0.0.0/8", "maxLength": 32, "ta": "ripe"},
    )
    assert rows(load(document)) == [
        (64496, "192.0.2.0/24", 25, "ripe", 0),
        (64497, "2001:db8::/32", 48, "arin", 9),
        (0, "10.0.0.0/8", 32, "ripe", 0),
    ]


def test_json_that_spells_max_length_otherwise_or_as_a_string_or_leaves_it_out(load: Load) -> None:
    base = {"asn": 1, "prefix": "10.0.0.0/8"}
    lengths: list[dict[str, Any]] = [
        {"max_length": "24"}, {"max_length": 24}, {"maxLength": "24"}, {"maxLength": 24}, {},
        {"maxLength": None}, {"max_length": None, "maxLength": 9},
    ]  # fmt: skip
    batch = load([base | length for length in lengths])
    assert [length for _, _, length, _, _ in rows(batch)] == [24, 24, 24, 24, 8, 8, 9]


def test_a_bare_list_without_trust_anchors(load: Load) -> None:
    batch = load([{"asn": "64496", "prefix": "192.0.2.0/24", "maxLength": 24}])
    assert rows(batch) == [(64496, "192.0.2.0/24", 24, "", 0)]


def test_jsonext_takes_the_trust_anchor_from_the_source(load: Load) -> None:
    source = [{"type": "exception", "path": None}, {"type": "roa", "tal": "apnic", "uri": "rsync"}]
    extra = {"asn": "AS1", "prefix": "10.0.0.0/8", "maxLength": 8, "source": source}
    assert rows(load(roas(extra))) == [(1, "10.0.0.0/8", 8, "apnic", 0)]


CSV_FORMS = {
    "routinator": "ASN,IP Prefix,Max Length,Trust Anchor\nAS1,10.0.0.0/8,9,ripe\n",
    "csvcompat": '"ASN","IP Prefix","Max Length","Trust Anchor"\n"AS1","10.0.0.0/8","9","ripe"\n',
    "rpki-client": "ASN,IP Prefix,Max Length,Trust Anchor,Expires\nAS1,10.0.0.0/8,9,ripe,0\n",
    "fort": "ASN,Prefix,Max prefix length\nAS1,10.0.0.0/8,9\n",
    "no maxLength": "prefix,asn\n10.0.0.0/8,1\n",
    "crlf": "ASN,IP Prefix,Max Length,Trust Anchor\r\nAS1,10.0.0.0/8,9,ripe\r\n",
    "bom": "\ufeffASN,IP Prefix,Max Length,Trust Anchor\nAS1,10.0.0.0/8,9,ripe",
}


@pytest.mark.parametrize("form", CSV_FORMS)
def test_csv_is_told_by_its_header(load: Load, form: str) -> None:
    anchor = "" if form in ("fort", "no maxLength") else "ripe"
    longest = 8 if form == "no maxLength" else 9
    assert rows(load(CSV_FORMS[form])) == [(1, "10.0.0.0/8", longest, anchor, 0)]


def test_the_csv_of_ripe_dates_its_rows_in_words(load: Load) -> None:
    text = (
        "URI,ASN,IP Prefix,Max Length,Not Before,Not After\n"
        "rsync://a/b.roa,AS1,10.0.0.0/8,,2025-01-01 00:00:00,2025-07-01 00:00:00\n"
        "N/A,AS2,10.0.0.0/8,9,N/A,N/A\n"
        "rsync://a/c.roa,AS3,10.0.0.0/8,,2025-01-01 00:00:00,2025-07-01T02:00:00+02:00\n"
    )
    july = 1751328000
    assert [(row[0], row[4]) for row in rows(load(text))] == [(1, july), (2, 0), (3, july)]
    late = load(text, as_of=july + 1)
    assert ([row[0] for row in rows(late)], late.report.rejected) == ([2], {"expired": 2})


def test_what_is_packed_is_unpacked(load: Load) -> None:
    assert len(load(gzip.compress(json.dumps([ONE]).encode()))) == 1


def test_json_may_begin_with_a_byte_order_mark_and_blanks(load: Load) -> None:
    assert len(load("\ufeff \r\n" + json.dumps([ONE]))) == 1


def test_a_trust_anchor_may_have_any_letters(load: Load) -> None:
    for ascii_only in (True, False):
        text = json.dumps([ONE | {"ta": "лирé"}], ensure_ascii=ascii_only)
        assert load(text).trust_anchors == ("лирé",)


def test_of_a_key_given_twice_the_last_counts(load: Load) -> None:
    text = '[{"asn":1,"asn":2,"prefix":"10.0.0.0/8"}]'
    assert rows(load(text)) == [(2, "10.0.0.0/8", 8, "", 0)]
    text = '{"roas":[{"asn":1,"prefix":"10.0.0.0/8"}],"roas":[{"asn":2,"prefix":"10.0.0.0/8"}]}'
    assert rows(load(text)) == [(2, "10.0.0.0/8", 8, "", 0)]


def test_aspas_and_router_keys_are_kept_in_either_spelling(load: Load) -> None:
    batch = load(
        {
            "roas": [ONE],
            "aspas": [
                {"customer_asid": 1, "expires": 7, "providers": [2, 3]},
                {"customer": "AS4", "providers": ["AS5", "AS6"], "ta": "ripe"},
            ],
            "bgpsec_keys": [{"asn": 7, "ski": "AB", "pubkey": "MF", "ta": "ripe", "expires": 1}],
            "routerKeys": [{"asn": "AS8", "SKI": "CD", "routerPublicKey": "MG", "ta": "arin"}],
        }
    )
    assert batch.aspas == (Aspa(1, (2, 3)), Aspa(4, (5, 6), "ripe"))
    assert batch.router_keys == (RouterKey(7, "AB", "MF", "ripe"), RouterKey(8, "CD", "MG", "arin"))


def test_aspas_of_an_older_rpki_client_stand_apart_by_family(load: Load) -> None:
    older = {"ipv4": [{"customer_asid": 1, "providers": [2]}], "ipv6": [{"customer_asid": 3}]}
    batch = load({"roas": [ONE], "provider_authorizations": older})
    assert batch.aspas == (Aspa(1, (2,)), Aspa(3, ()))
    batch = load({"roas": [ONE], "provider_authorizations": older["ipv4"]})
    assert batch.aspas == (Aspa(1, (2,)),)


# ---------------------------------------------------------------------------------- the door


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prefix": "192.0.2.1/24"}, "host-bits"),
        ({"prefix": "192.0.2.0"}, "not-a-prefix"),
        ({"prefix": ""}, "not-a-prefix"),
        ({"prefix": "192.0.2.0/33", "maxLength": 33}, "prefix-length"),
        ({"asn": 4294967296}, "asn-beyond-32-bits"),
        ({"asn": "AS4294967296"}, "asn-beyond-32-bits"),
        ({"asn": "ASX"}, "not-a-number"),
        ({"asn": -1}, "not-a-number"),
        ({"asn": 10**30}, "not-a-number"),
        ({"maxLength": 23}, "maxlength-below-length"),
        ({"maxLength": 33}, "maxlength-beyond-family"),
        ({"maxLength": 256 + 24}, "maxlength-beyond-family"),
        ({"maxLength": -1}, "maxlength-not-a-number"),
        ({"maxLength": "long"}, "maxlength-not-a-number"),
        ({"prefix": "2001:db8::/32", "maxLength": 129}, "maxlength-beyond-family"),
    ],
)
def test_a_row_that_is_no_vrp_is_refused_and_counted(
    load: Load, change: dict[str, Any], reason: str
) -> None:
    batch = load([ONE, ONE | change])
    assert (len(batch), dict(batch.report.rejected)) == (1, {reason: 1})
    with pytest.raises(SourceError, match=f"none of its 1 rows is a VRP: {reason} 1"):
        load([ONE | change])


def test_a_vrp_is_dropped_once_it_has_expired(load: Load) -> None:
    document = roas(
        ONE | {"expires": 1000}, ONE | {"expires": 2000}, ONE, buildtime="1970-01-01T00:20:00Z"
    )
    assert (len(load(document)), load(document).report.built) == (2, 1200)
    assert dict(load(document).report.rejected) == {"expired": 1}
    assert len(load(document, as_of=1000)) == 3
    assert len(load(document, as_of=2001)) == 1


def test_without_a_build_time_nothing_expires_unless_asked(load: Load) -> None:
    assert len(load([ONE | {"expires": 1000}])) == 1
    later = load([ONE | {"expires": 1000}, ONE | {"asn": 2, "expires": 2000}], as_of=1001)
    assert (later.asn.tolist(), later.report.rejected) == ([2], {"expired": 1})


def test_an_export_of_which_all_has_expired_is_refused(load: Load) -> None:
    """Taking it would turn every route to not-found in silence."""
    with pytest.raises(SourceError, match="all of its 1 VRPs have expired"):
        load([ONE | {"expires": 1000}], as_of=1001)


@pytest.mark.parametrize("when", [{"generated": 1577865600}, {"buildtime": "2020-01-01T08:00:00Z"}])
def test_the_build_time_is_a_number_or_a_date(load: Load, when: dict[str, Any]) -> None:
    assert load(roas(ONE, **when)).report.built == 1577865600


@pytest.mark.parametrize(
    "when", ["", "yesterday", "9999999-01-01", "0001-01-01T00:00:00+23:59", None, -1, 10**30]
)
def test_a_time_that_is_none_is_unknown(load: Load, when: Any) -> None:
    late = ONE | ({"expires": when} if isinstance(when, int) else {})
    batch = load(roas(late, buildtime=when))
    assert (batch.report.built, batch.expires.tolist()) == (0, [0])


@pytest.mark.parametrize(
    "empty",
    ['{"roas":[]}', "[]", "ASN,IP Prefix,Max Length\n", '{"metadata":{"generated":0}}'],
)
def test_an_export_may_have_no_vrps(load: Load, empty: str) -> None:
    assert len(load(empty)) == 0


def test_more_than_256_trust_anchors_are_refused(load: Load) -> None:
    with pytest.raises(SourceError, match="257 trust anchors"):
        load([ONE | {"ta": f"t{i}"} for i in range(257)])
    assert len(load([ONE | {"ta": f"t{i}"} for i in range(256)]).trust_anchors) == 256


# ------------------------------------------------------------------------- hostile documents


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"roas": [ONE, ONE | {"asn": True}]}, r"got `bool` - at `\$\.roas\[1\]\.asn`"),
        ({"roas": [ONE | {"asn": [1]}]}, r"\$\.roas\[0\]\.asn"),
        ({"roas": [ONE | {"prefix": 10}]}, r"\$\.roas\[0\]\.prefix"),
        ({"roas": [{"asn": 1}]}, r"required field `prefix` - at `\$\.roas\[0\]`"),
        ({"roas": [{"prefix": "10.0.0.0/8"}]}, r"required field `asn` - at `\$\.roas\[0\]`"),
        ({"roas": [{}]}, r"at `\$\.roas\[0\]`"),
        ({"roas": {"a": 1}}, r"\$\.roas"),
        ({"roas": [1]}, r"\$\.roas\[0\]"),
        ([[1]], r"\$\[0\]"),
        ({"vrps": [ONE]}, "no `roas`"),
        ({"metadata": {}}, "no `roas`"),
        ({"roas": [ONE], "metadata": [1]}, r"\$\.metadata"),
        ({"roas": [ONE], "aspas": [{"customer": "x"}]}, "in its ASPAs, 'x'"),
        ({"roas": [ONE], "aspas": [{"providers": [1]}]}, "in its ASPAs, 'None'"),
        ({"roas": [ONE], "aspas": [{"customer": 1, "providers": [-1]}]}, "in its ASPAs, '-1'"),
        ({"roas": [ONE], "bgpsec_keys": [{"asn": "y"}]}, "in its router keys, 'y'"),
    ],
)
def test_a_wrong_type_is_refused_with_its_json_path(load: Load, document: Any, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        load(document)


@pytest.mark.parametrize(
    "text",
    [
        '{"roas":[{"asn":1,"prefix":"10.0.0.0/8"}]} x', '{"roas":[{"asn":1,}]}', "[1 2]", "{x",
        '[{"asn":1,"prefix":"\xff"}]', '{"roas":[{"asn":1,"prefix":"10.0.0.0/8"}]}}',
        '[{"asn":1,"prefix":"10.0.0.0/8"}],', '[{"asn":NaN,"prefix":"10.0.0.0/8"}]',
        '[{"asn":1,"prefix":"\\ud800"}]',
    ],
)  # fmt: skip
def test_broken_json_is_refused(load: Load, text: str) -> None:
    with pytest.raises(SourceError, match=r"not a VRP export|ends early"):
        load(text.encode("latin-1"))


@pytest.mark.parametrize("around", ['{"roas":%s}', "%s", '{"roas":[],"metadata":%s}', '{"z":%s}'])
def test_json_nested_20000_deep_is_refused(load: Load, around: str) -> None:
    for inner in ("[" * 20_000 + "]" * 20_000, '{"a":' * 20_000 + "1" + "}" * 20_000):
        with pytest.raises(SourceError):
            load(around % inner)


def test_a_string_that_never_ends_is_refused(load: Load) -> None:
    for text in ('{"roas":[{"prefix":"', '{"roas', '[{"asn":"\\', '{"roas":[{"prefix":"\\u12'):
        with pytest.raises(SourceError):
            load(text)


@pytest.mark.parametrize(
    "text",
    [
        "../somewhere/else.json\n", "<html>", "roa-set {\n}", "\x00\x01", "prefix,max length\n",
        "ASN\n", "é",
    ],
)  # fmt: skip
def test_what_is_neither_json_nor_csv_with_the_columns_is_refused(load: Load, text: str) -> None:
    with pytest.raises(SourceError, match=r"vrps \(line 1\): neither JSON nor a CSV"):
        load(text)


def test_an_empty_file_is_refused(load: Load) -> None:
    with pytest.raises(SourceError, match="is empty"):
        load("")


# -------------------------------------------------------------------------------- truncation

MANY = [{"asn": i, "prefix": f"10.{i}.0.0/16", "maxLength": 16 + i} for i in range(4)]


@pytest.mark.parametrize("extra", [{}, {"source": [{"tal": "t"}, {"tal": "u"}]}])
def test_json_cut_anywhere_is_refused_or_used_up_to_its_last_whole_row(
    load: Load, extra: dict[str, Any]
) -> None:
    given = [row | extra for row in MANY]
    text = json.dumps({"metadata": {"generated": 5, "x": {}}, "roas": given, "aspas": []})
    whole = rows(load(text))
    seen = set()
    for cut in range(1, len(text)):
        with pytest.raises(TruncatedSource):
            load(text[:cut])
        try:
            batch = load(text[:cut], allow_truncated=True)
        except TruncatedSource:
            assert text[:cut].count("prefix") <= 1
            continue
        assert rows(batch) == whole[: len(batch)]
        assert batch.report.truncated
        assert "ends early" in batch.report.notes[0]
        seen.add(len(batch))
    assert seen == {1, 2, 3, 4}


def test_an_archive_cut_behind_its_content_gives_all_of_it(load: Load) -> None:
    packed = gzip.compress(json.dumps({"roas": MANY, "metadata": {"generated": 7}}).encode())[:-3]
    with pytest.raises(TruncatedSource):
        load(packed)
    batch = load(packed, allow_truncated=True)
    assert (len(batch), batch.report.truncated, batch.report.built) == (4, True, 7)


def test_the_last_line_of_a_cut_csv_is_not_used(load: Load) -> None:
    """Cut in its last field, "10.9.0.0/16,24" would be another VRP: "10.9.0.0/16,2"."""
    lines = ["ASN,IP Prefix,Max Length", *(f"AS{i},10.{i}.0.0/16,1{i}" for i in range(6, 10))]
    packed = gzip.compress("\n".join(lines).encode())[:-3]
    batch = load(packed, allow_truncated=True)
    assert [row[:3] for row in rows(batch)] == [(i, f"10.{i}.0.0/16", 10 + i) for i in range(6, 9)]
    assert batch.report.truncated
