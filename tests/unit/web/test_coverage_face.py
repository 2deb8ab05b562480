"""Coverage as text: what is asked for, how it is written, that it never stands unpacked."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest

from tests.feeds import make_snapshot
from validator.figures import coverage
from validator.figures.coverage import Order
from validator.figures.table_rows import COVERAGE_COLUMNS
from validator.groupings import Attribution
from validator.model import Family
from validator.snapshot import Snapshot
from validator.web.answers import Refusal
from validator.web.coverage import Asked, parse, text
from validator.web.packed import pack

_BOTH = (Family.IPV4, Family.IPV6)


def _json(snapshot: Snapshot, asked: Asked) -> Any:
    packed = pack(text(snapshot, asked))
    unpacked = gzip.decompress(packed.content)
    assert len(unpacked) == packed.unpacked_bytes
    return json.loads(unpacked)


def asked_for(**query: str) -> Asked:
    return parse(query, make_snapshot())


def test_the_attribution_is_by_address_unless_asked_otherwise() -> None:
    assert asked_for(by="rir") == Asked("rir", Attribution.ADDRESS, _BOTH)
    assert asked_for(by="country", attribution="origin", family="ipv6") == Asked(
        "country", Attribution.ORIGIN, (Family.IPV6,)
    )
    assert asked_for(by="m49-region", sort="valid_share", min_peers="3", format="csv") == Asked(
        "m49-region", Attribution.ADDRESS, _BOTH, "csv", Order.VALID_SHARE, 3
    )


def test_networks_are_always_by_origin_and_lists_of_prefixes_by_address() -> None:
    for scheme in ("asn", "custom-ours"):
        assert asked_for(by=scheme).attribution is Attribution.ORIGIN
        assert asked_for(by=scheme, attribution="origin").attribution is Attribution.ORIGIN
        with pytest.raises(Refusal, match=f"{scheme} is always by origin"):
            asked_for(by=scheme, attribution="address")
    assert asked_for(by="custom-space").attribution is Attribution.ADDRESS
    with pytest.raises(Refusal, match="custom-space is always by address"):
        asked_for(by="custom-space", attribution="origin")


_SCHEMES = "asn, country, rir, m49-region, custom-ours, custom-space"


@pytest.mark.parametrize(
    ("query", "status", "helps"),
    [
        ({}, 400, f"missing 'by' argument in query; allowed: {_SCHEMES}"),
        ({"by": "city"}, 404, f"no scheme is called 'city'; there are {_SCHEMES}"),
        ({"by": ""}, 404, f"no scheme is called ''; there are {_SCHEMES}"),
        ({"by": "rir", "family": "ipv5"}, 400, "family='ipv5' is not one of ipv4, ipv6"),
        ({"by": "rir", "family": ""}, 400, "family='' is not one of ipv4, ipv6"),
        ({"by": "rir", "attribution": "x"}, 400, "attribution='x' is not one of address, origin"),
        ({"by": "rir", "format": "xml"}, 400, "format='xml' is not one of json, csv"),
        ({"by": "rir", "min_peers": "0"}, 400, "min_peers='0' is not a number from 1 to 65535"),
        ({"by": "rir", "min_peers": "9" * 30}, 400,
         f"min_peers='{'9' * 20}' is not a number from 1 to 65535"),
        ({"by": "rir", "sort": "name"}, 400,
         "sort='name' is not one of space, routes, valid_share, coverage, group"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_with_what_is_allowed(
    query: dict[str, str], status: int, helps: str
) -> None:
    with pytest.raises(Refusal) as refused:
        asked_for(**query)
    assert (refused.value.status, refused.value.message) == (status, helps)


@pytest.mark.parametrize(
    "scheme", ["asn", "country", "rir", "m49-region", "custom-ours", "custom-space"]
)
def test_the_rows_are_those_of_the_coverage_module_and_add_up_to_all_routes(scheme: str) -> None:
    snapshot = make_snapshot(generation=7, sample=True)
    asked = parse({"by": scheme}, snapshot)
    document = _json(snapshot, asked)
    measured = snapshot.coverages[scheme, asked.attribution]
    rows = list(coverage.rows(measured, snapshot.namer(scheme)))
    assert document.pop("rows") == json.loads(json.dumps(rows))
    assert document == {
        "by": scheme,
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


def test_another_number_of_peers_is_counted_anew() -> None:
    snapshot = make_snapshot()
    document = _json(snapshot, parse({"by": "rir", "min_peers": "2"}, snapshot))
    assert document["min_peers"] == 2
    assert document["excluded"] == {"too-specific": 1, "too-few-peers": 4}
    assert sum(row["routes"]["announced"] for row in document["rows"]) == 0


def test_groups_come_in_the_order_asked_for() -> None:
    snapshot = make_snapshot()

    def groups(sort: str) -> list[str]:
        asked = parse({"by": "asn", "family": "ipv4", "sort": sort}, snapshot)
        return [row["group"] for row in _json(snapshot, asked)["rows"]]

    assert groups("group") == ["AS64496", "AS64497", "NONE"]
    assert groups("valid_share")[0] == "AS64496"
    assert groups("coverage")[2] == "NONE"


def test_an_answer_without_rows_is_still_a_document() -> None:
    snapshot = make_snapshot(routes=())
    assert _json(snapshot, parse({"by": "asn"}, make_snapshot()))["rows"] == []


def test_many_rows_are_joined_without_a_seam() -> None:
    routes = tuple((f"10.{n // 256}.{n % 256}.0/24", 1000 + n) for n in range(1001))
    snapshot = make_snapshot(routes=routes)
    document = _json(snapshot, parse({"by": "asn", "family": "ipv4"}, snapshot))
    assert {row["group"] for row in document["rows"]} == {f"AS{1000 + n}" for n in range(1001)}
    assert len(document["rows"]) == 1001


def test_csv_has_a_column_for_each_field_and_quotes_names() -> None:
    snapshot = make_snapshot()
    packed = pack(text(snapshot, parse({"by": "asn", "format": "csv"}, snapshot)))
    written = gzip.decompress(packed.content).decode()
    header, *lines = csv.reader(io.StringIO(written))
    assert tuple(header) == COVERAGE_COLUMNS
    assert {len(line) for line in lines} == {len(COVERAGE_COLUMNS)}
    assert ["asn", "AS64496", "Example, one", "ipv4"] in [line[:4] for line in lines]
    assert '"Example, one"' in written
