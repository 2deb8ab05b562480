"""SLURM files: read as strictly as RFC 8416 asks, with the JSON path in every error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collectors import slurm
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from validator.model import InputReport, Prefix, Slurm, SlurmAssertion, SlurmFilter

Load = Callable[..., Slurm]

FULL: dict[str, Any] = {
    "slurmVersion": 1,
    "validationOutputFilters": {
        "prefixFilters": [
            {"prefix": "192.0.2.0/24", "comment": "inside"},
            {"asn": 64496},
            {"prefix": "198.51.100.0/24", "asn": 0, "comment": "both"},
        ],
        "bgpsecFilters": [{"asn": 64496}, {"SKI": "Zm9v"}],
    },
    "locallyAddedAssertions": {
        "prefixAssertions": [
            {"asn": 64496, "prefix": "198.51.100.0/24", "comment": "mine"},
            {"asn": 4294967295, "prefix": "2001:DB8::/32", "maxPrefixLength": 48},
        ],
        "bgpsecAssertions": [{"asn": 64496, "SKI": "x", "routerPublicKey": "y"}],
    },
}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Reads content, or the JSON of an object, as a file called ``exceptions``."""

    def read(content: Any, **options: Any) -> Slurm:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        path = tmp_path / "exceptions"
        path.write_bytes(raw)
        return slurm.load(LocalFile(path, "exceptions"), ReadOptions(**options))

    return read


def document(filters: list[Any] = [], assertions: list[Any] = [], **more: Any) -> dict[str, Any]:  # noqa: B006
    return {
        "slurmVersion": 1,
        "validationOutputFilters": {"prefixFilters": filters, "bgpsecFilters": []},
        "locallyAddedAssertions": {"prefixAssertions": assertions, "bgpsecAssertions": []},
    } | more


def test_the_prefix_part_of_a_file_is_read(load: Load) -> None:
    read = load(FULL)
    assert read.filters == (
        SlurmFilter(Prefix.parse("192.0.2.0/24"), None, "inside"),
        SlurmFilter(None, 64496),
        SlurmFilter(Prefix.parse("198.51.100.0/24"), 0, "both"),
    )
    assert read.assertions == (
        SlurmAssertion(Prefix.parse("198.51.100.0/24"), 64496, 24, "mine"),
        SlurmAssertion(Prefix.parse("2001:db8::/32"), 4294967295, 48),
    )
    (report,) = read.reports
    assert (report.source, report.kind, report.rows) == ("exceptions", "slurm", 5)
    assert report.notes == ("2 bgpsecFilters are not applied", "1 bgpsecAssertions are not applied")


def test_a_file_may_ask_for_nothing(load: Load) -> None:
    read = load(document())
    assert (read.filters, read.assertions, read.reports[0].notes) == ((), (), ())


def test_a_byte_order_mark_is_forgiven(load: Load) -> None:
    assert load(b"\xef\xbb\xbf" + json.dumps(FULL).encode()).filters


def test_the_aspa_part_of_version_2_is_left_alone_and_noted(load: Load) -> None:
    two = json.loads(json.dumps(FULL)) | {"slurmVersion": 2}
    two["validationOutputFilters"]["aspaFilters"] = [{"customerAsid": 1}]
    two["locallyAddedAssertions"]["aspaAssertions"] = []
    assert "1 aspaFilters are not applied" in load(two).reports[0].notes
    two["slurmVersion"] = 1
    with pytest.raises(SourceError, match="has a member 'aspaFilters' that RFC 8416 does not"):
        load(two)


FILTER = "$.validationOutputFilters.prefixFilters[1]"
ASSERTION = "$.locallyAddedAssertions.prefixAssertions[1]"


@pytest.mark.parametrize(
    ("element", "path", "said"),
    [
        ({}, "", "has neither a prefix nor an asn"),
        ({"comment": "x"}, "", "has neither a prefix nor an asn"),
        ({"asn": 1, "maxPrefixLength": 9}, "", "has a member 'maxPrefixLength' that RFC 8416"),
        ({"asn": 1, "Prefix": "::/0"}, "", "has a member 'Prefix' that RFC 8416"),
        ({"asn": "AS1"}, ".asn", "'AS1' is not a whole number of 32 bits"),
        ({"asn": "1"}, ".asn", "'1' is not a whole number of 32 bits"),
        ({"asn": 4294967296}, ".asn", "4294967296 is not a whole number of 32 bits"),
        ({"asn": 10**40}, ".asn", "a huge number is not a whole number of 32 bits"),
        ({"asn": -1}, ".asn", "-1 is not a whole number of 32 bits"),
        ({"asn": 1.5}, ".asn", "1.5 is not a whole number of 32 bits"),
        ({"asn": True}, ".asn", "True is not a whole number of 32 bits"),
        ({"asn": None}, ".asn", "None is not a whole number of 32 bits"),
        ({"prefix": None}, ".prefix", "None is not a string"),
        ({"prefix": "10.0.0.1/8"}, ".prefix", "'10.0.0.1/8' has bits set beyond its length"),
        ({"prefix": "10.0.0.0"}, ".prefix", "'10.0.0.0' is not a prefix"),
        ({"prefix": "10.0.0.0/33"}, ".prefix", "'10.0.0.0/33' is not a prefix"),
        ({"prefix": "10.0.0.0/255.0.0.0"}, ".prefix", "'10.0.0.0/255.0.0.0' is not a prefix"),
        ({"prefix": "x\x1b" * 99}, ".prefix", "'" + "x\\x1b" * 30 + "' is not a prefix"),
        ({"asn": 1, "comment": 5}, ".comment", "5 is not a string"),
        (5, "", "is not an object"),
        ([], "", "is not an object"),
    ],
)
def test_a_filter_that_deviates_refuses_the_file(
    load: Load, element: Any, path: str, said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        load(document(filters=[{"asn": 1}, element]))
    assert str(caught.value).startswith(f"exceptions ({FILTER}{path}): {said}")


@pytest.mark.parametrize(
    ("element", "path", "said"),
    [
        ({"asn": 1}, "", "lacks the member 'prefix'"),
        ({"prefix": "10.0.0.0/8"}, "", "lacks the member 'asn'"),
        ({"maxPrefixLength": 7}, ".maxPrefixLength", "7 is not a whole number from 8 to 32"),
        ({"maxPrefixLength": 33}, ".maxPrefixLength", "33 is not a whole number from 8 to 32"),
        ({"maxPrefixLength": "9"}, ".maxPrefixLength", "'9' is not a whole number from 8 to 32"),
        ({"maxPrefixLength": True}, ".maxPrefixLength", "True is not a whole number from 8 to 32"),
        ({"maxPrefixLength": None}, ".maxPrefixLength", "None is not a whole number from 8"),
        ({"prefix": "::/0", "maxPrefixLength": 129}, ".maxPrefixLength", "129 is not a whole"),
        ({"maxLength": 9}, "", "has a member 'maxLength' that RFC 8416 does not define"),
        ({"source": "DN42"}, "", "has a member 'source' that RFC 8416 does not define"),
    ],
)
def test_an_assertion_that_deviates_refuses_the_file(
    load: Load, element: Any, path: str, said: str
) -> None:
    good = {"prefix": "10.0.0.0/8", "asn": 1}
    bad = element if said.startswith("lacks") else good | element
    with pytest.raises(SourceError) as caught:
        load(document(assertions=[good, bad]))
    assert str(caught.value).startswith(f"exceptions ({ASSERTION}{path}): {said}")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"slurmVersion": 3}, "$.slurmVersion"),
        ({"slurmVersion": "1"}, "$.slurmVersion"),
        ({"slurmVersion": True}, "$.slurmVersion"),
        ({"slurmVersion": [1]}, "$.slurmVersion"),
        ({"comment": "x"}, "$"),
        ({"validationOutputFilters": []}, "$.validationOutputFilters"),
        ({"validationOutputFilters": {}}, "$.validationOutputFilters"),
        ({"locallyAddedAssertions": {"prefixAssertion": []}}, "$.locallyAddedAssertions"),
        (
            {"locallyAddedAssertions": {"prefixAssertions": {}}},
            "$.locallyAddedAssertions.prefixAssertions",
        ),
    ],
)
def test_a_document_that_deviates_is_refused(
    load: Load, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(SourceError) as caught:
        load(document() | change)
    assert str(caught.value).startswith(f"exceptions ({place}): ")


@pytest.mark.parametrize(
    "missing", ["slurmVersion", "validationOutputFilters", "locallyAddedAssertions"]
)
def test_a_document_must_be_whole(load: Load, missing: str) -> None:
    given = document()
    del given[missing]
    with pytest.raises(SourceError, match=rf"\(\$\): lacks the member '{missing}'"):
        load(given)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"[]", r"\(\$\): is not an object"),
        (b"hello", r"\(line 1, column 1\): not a SLURM file: Expecting value"),
        (b'{"a":1,\n "b" 2}', r"\(line 2, column 6\): not a SLURM file: Expecting ':'"),
        (b"{} {}", r"line 1, column 4"),
        (b"\xff", "not UTF-8"),
        (b'{"slurmVersion":1,"slurmVersion":2}', "an object has the member 'slurmVersion' twice"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b'{"a":' + b"1" * 5000 + b"}", "not a SLURM file"),
        (b"[" * 20_000 + b"]" * 20_000, "nested too deeply"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "nested too deeply"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_slurm_file_is_refused(load: Load, raw: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        load(raw)
    assert "\n" not in str(caught.value)


def test_part_of_a_file_is_never_used(load: Load) -> None:
    text = json.dumps(FULL).encode()
    for cut in range(1, len(text), 7):
        with pytest.raises(SourceError):
            load(text[:cut], allow_truncated=True)
    with pytest.raises(TruncatedSource, match="the JSON ends early"):
        load(text[:-1], allow_truncated=True)


def test_a_file_too_large_for_people_is_refused(load: Load) -> None:
    with pytest.raises(SourceError, match="holds more than 16,777,216 bytes"):
        load(b" " * (slurm.LARGEST_BYTES + 1))


# ---------------------------------------------------------------------------------- several files


def exceptions(
    source: str, filters: list[str], assertions: list[str], asn: int | None = None
) -> Slurm:
    return Slurm(
        tuple(SlurmFilter(Prefix.parse(text), None) for text in filters)
        + ((SlurmFilter(None, asn),) if asn else ()),
        tuple(SlurmAssertion(Prefix.parse(text), 1, 32) for text in assertions),
        (InputReport(source, "slurm"),),
    )


def test_files_that_do_not_meet_are_put_together() -> None:
    one = exceptions("one", ["10.0.0.0/8", "10.1.0.0/16"], ["10.0.0.0/8"], asn=5)
    two = exceptions("two", ["11.0.0.0/8"], ["::/0"], asn=5)
    both = slurm.merge([one, two])
    assert both.filters == one.filters + two.filters
    assert both.assertions == one.assertions + two.assertions
    assert [report.source for report in both.reports] == ["one", "two"]
    assert slurm.merge([]) == Slurm((), (), ())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((["10.0.0.0/8"], []), (["10.0.0.0/8"], [])),
        ((["10.0.0.0/8"], []), ([], ["10.1.0.0/16"])),
        (([], ["10.1.0.0/16"]), (["10.0.0.0/8"], [])),
        ((["0.0.0.0/0"], []), ([], ["255.255.255.255/32"])),
        ((["10.0.0.0/8", "10.0.0.0/16", "10.200.0.0/16"], []), ([], ["10.201.0.0/16"])),
        ((["::/0"], ["1.0.0.0/8"]), (["2.0.0.0/8"], ["2001:db8::/32"])),
    ],
)
def test_files_that_speak_of_the_same_address_are_refused_together(
    first: tuple[list[str], list[str]], second: tuple[list[str], list[str]]
) -> None:
    """RFC 8416 section 4.2, point 1: filters and assertions alike."""
    with pytest.raises(SourceError, match=r"overlaps .* of (one|two); put all .*section 4\.2"):
        slurm.merge([exceptions("one", *first), exceptions("two", *second)])


# ------------------------------------------------------------------------------------- real files


@pytest.mark.real_data
def test_every_real_sample_is_read_but_the_one_that_deviates(real_data: Path) -> None:
    found: dict[str, tuple[int, int]] = {}
    for path in sorted((real_data / "slurm").iterdir()):
        if not path.name.startswith("dn42"):
            read = slurm.load(LocalFile(path, path.name), ReadOptions())
            found[path.name] = len(read.filters), len(read.assertions)
    assert found == {
        "fort_demo.slurm": (3, 2),
        "rpki-prover_slurm1.json": (4, 2),
        "rpki-rs_full.json": (3, 2),
        "rpki-rs_full_v2.json": (3, 2),
        "rpki-validator-3_slurm1.json": (3, 2),
        "stayrtr_prefixfile_slurm.json": (3, 2),
        "stayrtr_test.slurm.json": (1, 1),
    }
    path = real_data / "slurm" / "dn42_export_rfc8416.json"
    with pytest.raises(SourceError, match=r"prefixAssertions\[0\]\): has a member 'source'"):
        slurm.load(LocalFile(path, "dn42"), ReadOptions())


@pytest.mark.real_data
def test_what_routinator_writes_as_slurm_is_read(real_data: Path) -> None:
    for path in sorted((real_data / "vrps" / "formats" / "routinator").glob("*.slurm*")):
        read = slurm.load(LocalFile(path, path.name), ReadOptions())
        assert len(read.assertions) == (0 if path.name.startswith("000") else 2)
