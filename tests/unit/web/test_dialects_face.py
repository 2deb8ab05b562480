"""The dialects over HTTP: the figures of the module, and refusals that say what there is."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.feeds import StandingFeed, make_snapshot
from validator.groupings import Attribution
from validator.groups.dialects import table
from validator.web.answers import Refusal
from validator.web.dialects import DialectFace, DialectsReply


def request(scheme: str, group: str, query: str = "") -> web.Request:
    return make_mocked_request(
        "GET",
        f"/api/v1/dialects/{scheme}/{group}{query}",
        match_info={"scheme": scheme, "group": group},
    )


async def ask(face: DialectFace, scheme: str, group: str, query: str = "") -> Any:
    answer = await face.compare(request(scheme, group, query))
    assert isinstance(answer, web.Response)
    assert isinstance(answer.body, bytes)
    msgspec.json.decode(answer.body, type=DialectsReply)
    return json.loads(answer.body)


@pytest.fixture
def face() -> DialectFace:
    return DialectFace(StandingFeed(make_snapshot(generation=7, sample=True)))


async def test_a_group_is_answered_in_every_dialect(face: DialectFace) -> None:
    document = await ask(face, "rir", "ripencc")
    snapshot = make_snapshot()
    compared = table(snapshot, "rir", "ripencc", Attribution.ADDRESS)
    assert compared is not None
    assert len(document["dialects"]) == len(compared.lines)
    for said, line in zip(document["dialects"], compared.lines, strict=True):
        assert said["name"] == line.dialect.name
        assert said["group"]["value"] == line.group.value
        assert said["whole"]["value"] == line.whole.value
        assert said["formula"] == line.dialect.formula
    assert document["name"] == "RIPE NCC"
    assert document["attribution"] == "address"
    assert document["generation"] == 7
    assert document["sample"] is True


async def test_numerators_and_denominators_come_with_each_value(face: DialectFace) -> None:
    document = await ask(face, "asn", "AS64496")
    said = {(each["name"], each["family"]): each for each in document["dialects"]}
    # 192.0.2.0/24 and 2001:db8::/32 are valid; 192.0.2.0/25 is too specific to be counted.
    assert said["manrs-m7rpki", "both"]["group"] == {
        "numerator": 2, "denominator": 2, "value": 1.0
    }  # fmt: skip
    assert said["nro-adoption", "ipv4"]["group"] == {
        "numerator": None, "denominator": None, "value": None
    }  # fmt: skip
    assert said["cloudflare-valid-ips", "ipv6"]["group"]["denominator"] == 65536
    assert document["attribution"] == "origin"


async def test_the_attribution_may_be_asked_for(face: DialectFace) -> None:
    document = await ask(face, "country", "NL", "?attribution=origin")
    assert document["attribution"] == "origin"


@pytest.mark.parametrize(
    ("scheme", "group", "query", "status", "says"),
    [
        ("rir", "moon", "", 404, "rir has no group 'moon'; it has"),
        ("city", "KE", "", 404, "no scheme is called 'city'; there are asn"),
        ("rir", "ripencc", "?by=asn", 400, "unexpected argument 'by'"),
        ("rir", "ripencc", "?attribution=x", 400, "is not one of address, origin"),
        ("asn", "AS64496", "?attribution=address", 400, "always by origin"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_what_there_is(
    face: DialectFace, scheme: str, group: str, query: str, status: int, says: str
) -> None:
    with pytest.raises(Refusal, match=says) as refused:
        await ask(face, scheme, group, query)
    assert refused.value.status == status


async def test_before_the_first_snapshot_there_is_nothing_to_compare() -> None:
    with pytest.raises(Refusal) as refused:
        await ask(DialectFace(StandingFeed()), "rir", "ripencc")
    assert refused.value.status == 503
