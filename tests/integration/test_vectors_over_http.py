"""Every way to ask for validity, against Routinator's rule written out here once more.

The vectors are other projects' own cases, each with a VRP set of its own. Those with the origin
NONE (``asn`` null) cannot be asked for: Routinator's interface has no word for it.
"""

from __future__ import annotations

import csv
import gc
import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from collectors import route_list, vrp_export
from collectors.base import LocalFile, ReadOptions, SourceError
from tests.feeds import make_snapshot
from tests.sites import Site, serving
from validator.model import VrpBatch
from validator.tables.vrps import VrpTable, build_table

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Route = tuple[str, int]
"""A prefix in its canonical form, and an origin."""
Listed = tuple[int, str, int]
"""A VRP as answers list it: AS number, prefix, maxLength."""

# -------------------------------------------------------------------------------------- the oracle


@dataclass(frozen=True)
class Expected:
    """What Routinator answers about one route (``src/validity.rs``)."""

    state: str
    reason: str | None
    matched: tuple[Listed, ...]
    unmatched_as: tuple[Listed, ...]
    unmatched_length: tuple[Listed, ...]


def judge(route: Route, covering: Iterable[Listed]) -> Expected:
    """Routinator's rule, over the VRPs that cover the route."""
    prefix, origin = route
    length = int(prefix.partition("/")[2])
    matched, wrong_as, too_long = [], [], []
    for vrp in covering:
        if length > vrp[2]:
            too_long.append(vrp)
        elif vrp[0] != origin or vrp[0] == 0:
            wrong_as.append(vrp)
        else:
            matched.append(vrp)
    if matched:
        state, reason = "valid", None
    elif wrong_as or too_long:
        state, reason = "invalid", "as" if wrong_as else "length"
    else:
        state, reason = "not-found", None
    lists = (tuple(sorted(each)) for each in (matched, wrong_as, too_long))
    return Expected(state, reason, *lists)


@cache
def text_of(version: int, address: int, length: int) -> str:
    kind = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
    return str(kind((address, length)))


class Vrps:
    """VRPs by prefix: what covers a route is looked up at each length, one after the other."""

    def __init__(self, vrps: Iterable[tuple[int, int, int, int, int]]) -> None:
        """``vrps``: (version, address, length, maxLength, AS number)."""
        self._at: dict[tuple[int, int], dict[int, set[tuple[int, int]]]] = {}
        for version, address, length, longest, asn in vrps:
            there = self._at.setdefault((version, length), {})
            there.setdefault(address, set()).add((asn, longest))

    def covering(self, prefix: str) -> Iterator[Listed]:
        network = ipaddress.ip_network(prefix)
        version, address = network.version, int(network.network_address)
        for length in range(network.prefixlen + 1):
            there = self._at.get((version, length))
            if there:
                spare = network.max_prefixlen - length
                cut = address >> spare << spare
                for asn, longest in there.get(cut, ()):
                    yield asn, text_of(version, cut, length), longest


def understood(answer: dict[str, Any], route: Route) -> Expected:
    """An answer about one route, its lists in no particular order."""
    assert answer["route"] == {"origin_asn": f"AS{route[1]}", "prefix": route[0]}
    validity = answer["validity"]
    lists = (
        tuple(
            sorted(
                (int(vrp["asn"].removeprefix("AS")), vrp["prefix"], int(vrp["max_length"]))
                for vrp in validity["VRPs"][name]
            )
        )
        for name in ("matched", "unmatched_as", "unmatched_length")
    )
    return Expected(validity["state"], validity.get("reason"), *lists)


# ------------------------------------------------------------------------------------ ways to ask

Way = Callable[[Site, list[Route]], Awaitable[list[dict[str, Any]]]]
"""Asks about some routes; the answers (``validated_route``) are in their order."""


async def by_path(site: Site, routes: list[Route]) -> list[dict[str, Any]]:
    answers = []
    for prefix, asn in routes:
        status, answer = await site.json(f"/api/v1/validity/AS{asn}/{prefix}")
        assert status == 200
        answers.append(answer["validated_route"])
    return answers


async def by_query(site: Site, routes: list[Route]) -> list[dict[str, Any]]:
    answers = []
    for prefix, asn in routes:
        status, answer = await site.json(f"/validity?asn={asn}&prefix={quote(prefix, safe='')}")
        assert status == 200
        answers.append(answer["validated_route"])
    return answers


async def by_post(site: Site, routes: list[Route]) -> list[dict[str, Any]]:
    asked = {"routes": [{"asn": f"AS{asn}", "prefix": prefix} for prefix, asn in routes]}
    status, answer = await site.json("/validity", method="POST", json=asked)
    assert status == 200
    return list(answer["validated_routes"])


async def bulk(site: Site, kind: str, lines: list[str]) -> list[str]:
    body = "".join(f"{line}\n" for line in lines).encode()
    status, headers, answer = await site.ask(
        "/api/v1/validity?vrps=1", method="POST", data=body, headers={"Content-Type": kind}
    )
    assert status == 200
    assert headers["Content-Type"].startswith(kind)
    return answer.decode().splitlines()


async def by_ndjson(site: Site, routes: list[Route]) -> list[dict[str, Any]]:
    asked = [json.dumps({"asn": asn, "prefix": prefix}) for prefix, asn in routes]
    answers = [json.loads(line) for line in await bulk(site, "application/x-ndjson", asked)]
    return [
        as_routinator(a["prefix"], a["asn"], a["state"], a.get("reason"), a["VRPs"])
        for a in answers
    ]


async def by_csv(site: Site, routes: list[Route]) -> list[dict[str, Any]]:
    asked = ["asn,prefix", *(f"{asn},{prefix}" for prefix, asn in routes)]
    answers = csv.DictReader(await bulk(site, "text/csv", asked))
    lists = ("matched", "unmatched_as", "unmatched_length")
    return [
        as_routinator(
            a["prefix"], a["asn"], a["state"], a["reason"] or None,
            {name: [listed(vrp) for vrp in a[name].split(";") if vrp] for name in lists},
        )
        for a in answers
    ]  # fmt: skip


def listed(text: str) -> dict[str, str]:
    """A VRP as CSV has it, ``AS64496 192.0.2.0/24-24``."""
    asn, _, rest = text.strip().partition(" ")
    prefix, _, longest = rest.partition("-")
    return {"asn": asn, "prefix": prefix, "max_length": longest}


def as_routinator(
    prefix: str, asn: str, state: str, reason: str | None, vrps: dict[str, Any]
) -> dict[str, Any]:
    """What a line of a stream says, in the form of the other answers."""
    validity = {"state": state, "VRPs": vrps} | ({"reason": reason} if reason else {})
    return {"route": {"origin_asn": asn, "prefix": prefix}, "validity": validity}


WAYS: dict[str, Way] = {
    "path": by_path,
    "query": by_query,
    "post": by_post,
    "ndjson": by_ndjson,
    "csv": by_csv,
}
"""Each is put to every vector, alone, and to all of a VRP set's routes together."""

MANY_AT_ONCE: dict[str, Way] = {"post": by_post, "ndjson": by_ndjson, "csv": by_csv}
"""Those that take as many routes as one likes."""


# --------------------------------------------------------------------------------------- vectors


@pytest.fixture(scope="module")
def cases(real_data: Path) -> list[dict[str, Any]]:
    vectors = json.loads((real_data / "vectors" / "rov_vectors.json").read_text())
    return [each for each in vectors["cases"] if each["route"]["asn"] is not None]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


def read_vrps(case: dict[str, Any], file: Path) -> VrpTable:
    """A case's VRPs through the door that all VRPs come through."""
    file.write_text(json.dumps({"roas": case["vrps"]}))
    try:
        return build_table([vrp_export.load(LocalFile(file, "vrps.json"), ReadOptions())])
    except SourceError:  # there are none, or not one of them is a VRP
        return build_table([])


def sound(case: dict[str, Any]) -> list[tuple[Network, int, int]]:
    """A case's VRPs without those that are none (RFC 9582 section 4)."""
    found = []
    for vrp in case["vrps"]:
        try:
            prefix = ipaddress.ip_network(vrp["prefix"])
        except ValueError:
            continue
        longest = vrp.get("maxLength", prefix.prefixlen)
        if prefix.prefixlen <= longest <= prefix.max_prefixlen:
            found.append((prefix, longest, vrp["asn"]))
    return found


@pytest.mark.real_data
@pytest.mark.parametrize("way", WAYS)
async def test_every_vector_is_answered_as_routinator_would(
    site: Site, cases: list[dict[str, Any]], way: str, tmp_path: Path
) -> None:
    base = site.feed.snapshot
    assert base is not None
    asked = 0
    for case in cases:
        network = ipaddress.ip_network(case["route"]["prefix"], strict=False)
        route = str(network), case["route"]["asn"]
        site.feed.snapshot = replace(base, vrps=read_vrps(case, tmp_path / "vrps.json"))
        covering = {
            (asn, str(prefix), longest)
            for prefix, longest, asn in sound(case)
            if prefix.version == network.version and network.subnet_of(prefix)  # type: ignore[arg-type]
        }
        (answer,) = await WAYS[way](site, [route])
        expected = judge(route, covering)
        assert understood(answer, route) == expected, case["name"]
        if len(sound(case)) == len(case["vrps"]):
            assert expected.state == case["expected"], case["name"]
        asked += 1
    assert asked == len(cases) > 100


# -------------------------------------------------------------------------------- the real table


@pytest.fixture(scope="module")
def real_vrps(real_data: Path) -> VrpBatch:
    path = real_data / "vrps" / "rpkiclient_summary_20250720T100145Z.json.bz2"
    return vrp_export.load(LocalFile(path, path.name), ReadOptions())


@pytest.fixture(scope="module")
def routes(real_data: Path) -> list[Route]:
    """100,000 of the real routes, drawn at random, the same each time."""
    path = real_data / "bgp" / "as-prefix_20260619.csv.gz"
    batch = route_list.load(LocalFile(path, path.name), ReadOptions())
    named = np.flatnonzero(batch.origin >= 0)
    drawn = np.random.default_rng(4).choice(named, 100_000, replace=False).tolist()
    return [(str(batch.prefixes[int(batch.prefix[row])]), int(batch.origin[row])) for row in drawn]


@pytest.mark.real_data
@pytest.mark.parametrize("way", MANY_AT_ONCE)
async def test_100_000_real_routes_are_answered_as_routinator_would(
    site: Site,
    real_vrps: VrpBatch,
    routes: list[Route],
    way: str,
    request: pytest.FixtureRequest,
) -> None:
    site.feed.snapshot = replace(make_snapshot(), vrps=build_table([real_vrps]))
    p = real_vrps.prefixes
    gc.disable()  # a million small objects that stay: each full collection would look at them all
    request.addfinalizer(gc.enable)
    oracle = Vrps(
        (family, (high << 64 | low) >> (96 if family == 4 else 0), length, longest, asn)
        for family, high, low, length, longest, asn in zip(
            p.family.tolist(), p.high.tolist(), p.low.tolist(), p.length.tolist(),
            real_vrps.max_length.tolist(), real_vrps.asn.tolist(), strict=True,
        )
    )  # fmt: skip
    counts = dict.fromkeys(("valid", "invalid", "not-found"), 0)
    for start in range(0, len(routes), 25_000):
        asked = routes[start : start + 25_000]
        for route, answer in zip(asked, await MANY_AT_ONCE[way](site, asked), strict=True):
            expected = judge(route, oracle.covering(route[0]))
            assert understood(answer, route) == expected
            counts[expected.state] += 1
    assert min(counts.values()) > 1000


async def test_the_oracle_knows_each_state_and_reason() -> None:
    """By hand, so that the tests above do not agree on nothing."""
    covering = [(1, "192.0.2.0/24", 24)]
    assert judge(("192.0.2.0/24", 1), covering).state == "valid"
    assert judge(("192.0.2.0/24", 2), covering).reason == "as"
    assert judge(("192.0.2.0/25", 1), covering).reason == "length"
    assert judge(("192.0.2.0/25", 2), covering).reason == "length"
    assert judge(("192.0.2.0/24", 1), []).state == "not-found"
    assert judge(("192.0.2.0/24", 0), [(0, "192.0.2.0/24", 24)]).reason == "as"
    vrps = Vrps([(4, 0xC0000200, 24, 25, 1), (4, 0xC0000000, 16, 24, 2), (4, 0, 24, 24, 3)])
    assert set(vrps.covering("192.0.2.0/25")) == {(1, "192.0.2.0/24", 25), (2, "192.0.0.0/16", 24)}
