"""RFC 6811 case by case: the vectors of other implementations, and the labels of other tools."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest

from collectors import vrp_export
from collectors.base import LocalFile, ReadOptions, SourceError
from tests.oracle import R, V, route_batch, vrp_batch
from validator.model import NO_ORIGIN, Prefix, State
from validator.origin_validation import Explanation, explain, validate
from validator.tables import routes as table
from validator.tables.vrps import VrpTable, build_table

VECTORS = json.loads((Path(__file__).parent.parent / "fixtures" / "rov_vectors.json").read_text())
CASES: list[dict[str, Any]] = VECTORS["cases"]


def read_vrps(case: dict[str, Any], folder: Path) -> tuple[VrpTable, dict[str, int]]:
    """A case's VRPs through the door that all VRPs come through."""
    if not case["vrps"]:
        return build_table([]), {}
    file = folder / "vrps.json"
    file.write_text(json.dumps({"roas": case["vrps"]}))
    try:
        batch = vrp_export.load(LocalFile(file, "vrps.json"), ReadOptions())
    except SourceError as error:  # not one of them is a VRP: the whole file is refused
        if "none of its" not in error.problem:
            raise
        return build_table([]), {"all": len(case["vrps"])}
    return build_table([batch]), dict(batch.report.rejected)


def expected_of(case: dict[str, Any], rejected: dict[str, int]) -> str:
    """The RFC's answer; where we refuse some VRPs at the door, the answer without them."""
    if not rejected:
        return str(case["expected"])
    sound = []
    for vrp in case["vrps"]:
        try:
            net = ipaddress.ip_network(vrp["prefix"])
        except ValueError:
            continue
        if net.prefixlen <= vrp["maxLength"] <= net.max_prefixlen:
            sound.append(V(net, vrp["maxLength"], vrp["asn"]))
    from tests.oracle import judge

    route = ipaddress.ip_network(case["route"]["prefix"], strict=False)
    return judge(R(route, case["route"]["asn"]), sound)[0]


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case['name']}" for i, case in enumerate(CASES)])
def test_every_vector_by_look_up_and_by_kernel(case: dict[str, Any], tmp_path: Path) -> None:
    vrps, rejected = read_vrps(case, tmp_path)
    malformed = any(
        ipaddress.ip_network(vrp["prefix"], strict=False).prefixlen > vrp["maxLength"]
        or str(ipaddress.ip_network(vrp["prefix"], strict=False))
        != str(ipaddress.ip_interface(vrp["prefix"]))
        for vrp in case["vrps"]
    )
    assert bool(rejected) == malformed, "refused at the door if, and only if, a VRP is malformed"
    network = ipaddress.ip_network(case["route"]["prefix"], strict=False)
    origin = case["route"]["asn"]
    expected = expected_of(case, rejected)
    explained = explain(Prefix.of(network), NO_ORIGIN if origin is None else origin, vrps)
    assert explained.state.value == expected
    seen = table.see(route_batch([R(network, origin)]))
    published = table.publish(seen, validate(seen, vrps))
    assert published[0].verdict.state.value == expected


def explained(route: str, origin: int, *vrps: tuple[str, int, int]) -> Explanation:
    batch = vrp_batch([V(ipaddress.ip_network(p), longest, asn) for p, longest, asn in vrps])
    return explain(Prefix.parse(route), origin, build_table([batch]))


def test_other_tools_labels_for_an_as_and_a_length_mismatch_in_one_vrp() -> None:
    it = explained("10.0.0.0/24", 2, ("10.0.0.0/16", 16, 1))
    assert (it.routinator_reason, it.ripestat_status, it.nist_label) == (
        "length", "invalid_asn", "ML-AS",
    )  # fmt: skip
    assert it.verdict.reason == "origin"


def test_other_tools_labels_for_two_vrps_that_fail_in_two_ways() -> None:
    it = explained("10.0.0.0/24", 2, ("10.0.0.0/16", 24, 1), ("10.0.0.0/16", 16, 2))
    assert (it.routinator_reason, it.ripestat_status, it.nist_label) == (
        "as", "invalid_length", "ML-AS",
    )  # fmt: skip
    assert it.verdict.reason == "length"


def test_as0_matches_nothing_not_even_a_route_from_as0() -> None:
    it = explained("10.0.0.0/16", 0, ("10.0.0.0/16", 16, 0))
    assert it.state is State.INVALID
    assert it.verdict.reason == "as0"
    assert not it.matched


def test_origin_none_is_invalid_where_covered_and_not_found_elsewhere() -> None:
    assert explained("10.0.0.0/16", NO_ORIGIN, ("10.0.0.0/8", 32, 1)).verdict.reason == "no-origin"
    assert explained("11.0.0.0/16", NO_ORIGIN, ("10.0.0.0/8", 32, 1)).state is State.NOT_FOUND


def test_the_last_as_number_is_a_number_like_any_other() -> None:
    assert explained("10.0.0.0/8", 4294967295, ("10.0.0.0/8", 8, 4294967295)).state is State.VALID


def test_ipv6_beyond_64_bits_is_exact() -> None:
    vrp = ("2001:db8::8000:0:0:0/65", 128, 1)
    assert explained("2001:db8::8000:0:0:1/128", 1, vrp).state is State.VALID
    assert explained("2001:db8::7fff:0:0:1/128", 1, vrp).state is State.NOT_FOUND
    assert explained("2001:db8::/64", 1, vrp).state is State.NOT_FOUND
