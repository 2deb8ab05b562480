"""Coverage as text: what is asked for, how it is written, that it never stands unpacked."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest

from tests.feeds import make_snapshot
from validator import coverage
from validator.groupings import Attribution, Scheme
from validator.model import Family
from validator.snapshot import Snapshot
from validator.tables import COVERAGE_COLUMNS
from validator.web.answers import Refusal
from validator.web.coverage import Asked, pack, parse

_BOTH = (Family.IPV4, Family.IPV6)


def _json(snapshot: Snapshot, asked: Asked) -> Any:
    packed = pack(snapshot, asked)
    text = gzip.decompress(packed.content)
    assert len(text) == packed.unpacked_bytes
    return json.loads(text)


def test_the_attribution_is_by_address_unless_asked_otherwise() -> None:
    assert parse({"by": "rir"}) == Asked(Scheme.RIR, Attribution.ADDRESS, _BOTH, "json")
    assert parse({"by": "country", "attribution": "origin", "family": "ipv6"}) == Asked(
        Scheme.COUNTRY, Attribution.ORIGIN, (Family.IPV6,), "json"
    )


def test_networks_are_always_by_origin() -> None:
    assert parse({"by": "asn"}).attribution is Attribution.ORIGIN
    assert parse({"by": "asn", "attribution": "origin"}).attribution is Attribution.ORIGIN
    with pytest.raises(Refusal, match="always by origin"):
        parse({"by": "asn", "attribution": "address"})


@pytest.mark.parametrize(
    ("query", "helps"),
    [
        ({}, "missing 'by' argument in query; allowed: asn, country, rir"),
        ({"by": "city"}, "by='city' is not one of asn, country, rir"),
        ({"by": ""}, "by='' is not one of asn, country, rir"),
        ({"by": "rir", "family": "ipv5"}, "family='ipv5' is not one of ipv4, ipv6"),
        ({"by": "rir", "family": ""}, "family='' is not one of ipv4, ipv6"),
        ({"by": "rir", "attribution": "x"}, "attribution='x' is not one of address, origin"),
        ({"by": "rir", "format": "xml"}, "format='xml' is not one of json, csv"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_what_is_allowed(
    query: dict[str, str], helps: str
) -> None:
    with pytest.raises(Refusal) as refused:
        parse(query)
    assert (refused.value.status, refused.value.message) == (400, helps)


@pytest.mark.parametrize("scheme", list(Scheme))
def test_the_rows_are_those_of_the_coverage_module_and_add_up_to_all_routes(
    scheme: Scheme,
) -> None:
    snapshot = make_snapshot(generation=7, sample=True)
    asked = parse({"by": scheme.value})
    document = _json(snapshot, asked)
    measured = snapshot.coverages[scheme, asked.attribution]
    rows = list(coverage.rows(measured, lambda group: snapshot.group_name(scheme, group)))
    assert document.pop("rows") == json.loads(json.dumps(rows))
    assert document == {
        "by": scheme.value,
        "attribution": asked.attribution.value,
        "min_peers": 1,
        "generated": document["generated"],
        "generation": 7,
        "sample": True,
        "degraded": [],
        "excluded": {"too-specific": 1},
    }
    announced = sum(row["routes"]["announced"] for row in rows)
    assert announced + sum(document["excluded"].values()) == len(snapshot.routes)


def test_an_answer_without_rows_is_still_a_document() -> None:
    snapshot = make_snapshot(routes=())
    assert _json(snapshot, parse({"by": "asn"}))["rows"] == []


def test_many_rows_are_joined_without_a_seam() -> None:
    routes = tuple((f"10.{n // 256}.{n % 256}.0/24", 1000 + n) for n in range(1001))
    document = _json(make_snapshot(routes=routes), parse({"by": "asn", "family": "ipv4"}))
    assert {row["group"] for row in document["rows"]} == {f"AS{1000 + n}" for n in range(1001)}
    assert len(document["rows"]) == 1001


def test_csv_has_a_column_for_each_field_and_quotes_names() -> None:
    packed = pack(make_snapshot(), parse({"by": "asn", "format": "csv"}))
    text = gzip.decompress(packed.content).decode()
    header, *lines = csv.reader(io.StringIO(text))
    assert tuple(header) == COVERAGE_COLUMNS
    assert {len(line) for line in lines} == {len(COVERAGE_COLUMNS)}
    assert ["asn", "AS64496", "Example, one", "ipv4"] in [line[:4] for line in lines]
    assert '"Example, one"' in text
