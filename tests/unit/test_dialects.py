"""The dialects: a world worked out by hand, and the sample world worked out the slow way."""

from __future__ import annotations

import ipaddress
import tomllib
from bisect import bisect_left
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from tests.oracle import V, report, vrp_batch
from validator.groupings import Attribution
from validator.groups.dialect_catalog import DIALECTS
from validator.groups.dialects import Comparison, Share, table
from validator.inputs.batches import Inputs, gather
from validator.model import (
    Family,
    Holding,
    Peer,
    Prefix,
    Prefixes,
    ResourceBatch,
    RouteBatch,
    Verdict,
)
from validator.sample import DEFAULT_SEED, build_world, write_files
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules

WORLD: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent.parent / "fixtures" / "dialects.toml").read_text(encoding="utf-8")
)
COUNTRIES = ("", "KE", "NL")


def resources() -> ResourceBatch:
    rows = []
    for country, first, last in WORLD["delegated"]:
        ends = int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last))
        rows.append((4, *ends, COUNTRIES.index(country)))
    for country, prefix in WORLD["delegated_ipv6"]:
        network = ipaddress.ip_network(prefix)
        ends = int(network[0]) >> 64, int(network[-1]) >> 64
        rows.append((6, *ends, COUNTRIES.index(country)))
    rows += [(0, asn, asn, COUNTRIES.index(country)) for country, asn in WORLD["delegated_asns"]]
    kind, first, last, country = zip(*rows, strict=True)
    n = len(rows)
    return ResourceBatch(
        np.array(kind, "u1"),
        np.array(first, "u8"),
        np.array(last, "u8"),
        np.full(n, Holding.ALLOCATED, "u1"),
        np.ones(n, "u1"),
        np.array(country, "u2"),
        np.zeros(n, "u4"),
        np.zeros(n, "u4"),
        ("", "ripencc"),
        COUNTRIES,
        ("",),
        report("delegated"),
    )


def seen_routes() -> RouteBatch:
    entries = [
        (number, peer, origin)
        for number, (_, origin, peers) in enumerate(WORLD["routes"])
        for peer in range(peers)
    ]
    prefix, peer, origin = zip(*entries, strict=True)
    n = len(entries)
    return RouteBatch(
        Prefixes.of([Prefix.parse(row[0]) for row in WORLD["routes"]]),
        np.array(prefix, "u4"),
        np.array(peer, "u2"),
        np.array(origin, "i8"),
        np.zeros(n, "u4"),
        np.zeros(n, "u4"),
        np.zeros(n, "u1"),
        tuple(Peer("rrc00", f"192.0.2.{i}", 65000 + i) for i in range(WORLD["peers"])),
        report("mrt"),
    )


@pytest.fixture(scope="module")
def by_hand() -> Snapshot:
    vrps = [V(ipaddress.ip_network(prefix), most, asn) for prefix, most, asn in WORLD["vrps"]]
    rules = AnnouncedRules(min_peers=WORLD["min_peers"], special_prefixes=(), special_asns=())
    return assemble(
        Inputs(vrps=[vrp_batch(vrps)], routes=[seen_routes()], resources=[resources()]), rules
    )


def shown(share: Share) -> str:
    return "/".join(
        "-" if each is None else plain(each) for each in (share.numerator, share.denominator)
    )


def plain(number: Fraction | int) -> str:
    return str(int(number)) if number == int(number) else str(float(number))


def as_text(compared: Comparison, part: str, family: Family | None) -> dict[str, str]:
    return {
        line.dialect.name: shown(getattr(line, part))
        for line in compared.lines
        if line.family is family
    }


@pytest.mark.parametrize(
    ("attribution", "part", "expected"),
    [
        (Attribution.ADDRESS, "group", "KE-address"),
        (Attribution.ORIGIN, "group", "KE-origin"),
        (Attribution.ADDRESS, "whole", "whole"),
        (Attribution.ORIGIN, "whole", "whole"),
    ],
)
def test_every_dialect_equals_what_was_worked_out_by_hand(
    by_hand: Snapshot, attribution: Attribution, part: str, expected: str
) -> None:
    compared = table(by_hand, "country", "KE", attribution)
    assert compared is not None
    assert (compared.min_peers, compared.ripe_peers) == (1, 5)
    families = {"ipv4": Family.IPV4, "ipv6": Family.IPV6, "both": None}
    for family, figures in WORLD[expected].items():
        assert as_text(compared, part, families[family]) == figures, family


def test_a_network_is_compared_by_its_routes_alone(by_hand: Snapshot) -> None:
    compared = table(by_hand, "asn", "AS64497", Attribution.ORIGIN)
    assert compared is not None
    figures = as_text(compared, "group", Family.IPV4)
    # 240.0.1.0/24 is invalid, 240.1.0.0/23 not found.
    assert figures["manrs-m7rpki"] == "-10/2"
    assert figures["nist-invalid-24s"] == "1/3"
    assert figures["ripe-adoption-space"] == "1/3"


def test_values_are_quotients_and_nothing_where_nothing_is_announced(by_hand: Snapshot) -> None:
    compared = table(by_hand, "country", "NL", Attribution.ADDRESS)
    assert compared is not None
    values = {(line.dialect.name, line.family): line.group.value for line in compared.lines}
    assert values["originsight-valid-share", Family.IPV4] == 0.0
    assert values["originsight-accuracy", Family.IPV4] is None
    assert values["nro-adoption", Family.IPV6] is None
    whole = {(line.dialect.name, line.family): line.whole.value for line in compared.lines}
    assert whole["nro-adoption", Family.IPV4] == 0.5


def test_with_fewer_than_five_peers_ripe_counts_what_we_count(by_hand: Snapshot) -> None:
    few = replace(by_hand, peers=by_hand.peers[:4])
    compared = table(few, "country", "KE", Attribution.ADDRESS)
    assert compared is not None
    assert compared.ripe_peers == 1
    assert as_text(compared, "group", Family.IPV4)["ripe-adoption-prefixes"] == "4/5"


@pytest.mark.parametrize(
    ("scheme", "group", "attribution"),
    [
        ("country", "FJ", Attribution.ADDRESS),
        ("city", "KE", Attribution.ADDRESS),
        ("asn", "AS64496", Attribution.ADDRESS),
    ],
)
def test_there_is_no_comparison_of_what_is_not_counted(
    by_hand: Snapshot, scheme: str, group: str, attribution: Attribution
) -> None:
    assert table(by_hand, scheme, group, attribution) is None


def test_each_dialect_cites_where_it_is_defined_and_says_why_it_differs() -> None:
    assert len({dialect.name for dialect in DIALECTS}) == len(DIALECTS)
    for dialect in DIALECTS:
        assert dialect.why
        assert " / " in dialect.formula
        assert dialect.source.document
        assert dialect.source.url.startswith("https://") or dialect.name.startswith("originsight")


# --------------------------------------------------------------------------------- the sample world

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("sample")
    write_files(folder, build_world(DEFAULT_SEED))
    files = [(Kind.VRPS, "vrps.json"), (Kind.ROUTES, "rib.mrt.gz")]
    files += [
        (Kind.RESOURCES, path.name) for path in sorted(folder.glob("delegated-*-extended-latest"))
    ]
    batches = [read(kind, LocalFile(folder / name, name), ReadOptions()) for kind, name in files]
    return assemble(gather(batches), AnnouncedRules(special_prefixes=(), special_asns=()))


def ranges_of(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def size(spans: list[tuple[int, int]]) -> int:
    """How many addresses lie in some of the spans."""
    total, through = 0, -1
    for first, last in sorted(spans):
        if last > through:
            total += last - max(first, through + 1) + 1
            through = last
    return total


def clipped(spans: list[tuple[int, int]], within: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of the spans lies ``within`` ranges that are apart and in order."""
    ends = [last for _, last in within]
    pieces = []
    for a, b in spans:
        for x, y in within[bisect_left(ends, a) :]:
            if x > b:
                break
            pieces.append((max(a, x), min(b, y)))
    return pieces


def test_the_sample_world_worked_out_slowly_gives_the_same(sample: Snapshot) -> None:
    rir = "ripencc"
    compared = table(sample, "rir", rir, Attribution.ADDRESS)
    assert compared is not None
    peers = compared.ripe_peers
    vrps = [ipaddress.ip_network(str(vrp.prefix)) for vrp in sample.vrps]
    expected: dict[tuple[str, Family], Fraction] = {}
    for family in Family:
        ranges = sample.resources.ranges(family)
        fine = 64 if family is Family.IPV6 else 0
        edges = [*map(int, ranges.first), ranges.end + 1]
        held = [
            (a << fine, (b << fine) - 1)
            for (a, b), registry, status in zip(
                pairwise(edges), ranges.registry, ranges.status, strict=True
            )
            if sample.resources.registries[registry] == rir and status <= Holding.ASSIGNED
        ]
        state: dict[str, list[tuple[int, int]]] = defaultdict(list)
        count: dict[str, int] = defaultdict(int)
        all_pairs: dict[str, int] = defaultdict(int)
        for row in range(*sample.routes.family_range(family)):
            route = sample.routes[row]
            network = ipaddress.ip_network(str(route.prefix))
            too_specific = network.prefixlen > (24 if family is Family.IPV4 else 48)
            if network.prefixlen == 0 or too_specific or route.peers < sample.min_peers:
                continue
            span = ranges_of(network)
            word = "valid" if route.verdict is Verdict.VALID else (
                "unknown" if route.verdict is Verdict.NOT_FOUND else "invalid"
            )  # fmt: skip
            parts = clipped([span], held)
            words = [word, f"ripe {word}"] if route.peers >= peers else [word]
            for each in words:
                state[each] += parts
                if clipped([(span[0], span[0])], held):
                    count[each] += 1
                    all_pairs[each] += span[1] - span[0] + 1
        routes = [count["valid"], count["invalid"], count["unknown"]]
        total = sum(routes)
        announced = size(state["valid"] + state["invalid"] + state["unknown"])
        ripe_covered = size(state["ripe valid"] + state["ripe invalid"])
        ripe_pairs = count["ripe valid"] + count["ripe invalid"]
        under = size(clipped([ranges_of(v) for v in vrps if v.version == family], held))
        figures = {
            "originsight-valid-share": (routes[0], total),
            "originsight-coverage-space": (size(state["valid"] + state["invalid"]), announced),
            "ripe-adoption-prefixes": (ripe_pairs, ripe_pairs + count["ripe unknown"]),
            "ripe-adoption-space": (
                ripe_covered,
                size(state["ripe valid"] + state["ripe invalid"] + state["ripe unknown"]),
            ),
            "ripe-accuracy-prefixes": (count["ripe valid"], ripe_pairs),
            "ripe-accuracy-space": (size(state["ripe valid"]), ripe_covered),
            "nro-adoption": (under, size(held)),
            "nist-not-found": (routes[2], total),
            "manrs-m7rpki": (routes[0] - 10 * routes[1], total),
            "cloudflare-invalid": (routes[1], total),
            "cloudflare-valid-ips": (size(state["valid"]), announced),
        }
        if family is Family.IPV4:
            weight = sum(all_pairs[word] for word in ("valid", "invalid", "unknown"))
            figures["nist-valid-24s"] = all_pairs["valid"], weight
        for name, (part, whole) in figures.items():
            assert whole > 0, name
            expected[name, family] = Fraction(part, whole)
    measured = {
        (line.dialect.name, line.family): Fraction(line.group.numerator or 0)
        / Fraction(line.group.denominator or 1)
        for line in compared.lines
        if line.family is not None
    }
    assert {key: measured[key] for key in expected} == expected


def test_the_page_about_dialects_says_what_the_code_does() -> None:
    page = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text(encoding="utf-8")
    said = " ".join(page.split())
    for dialect in DIALECTS:
        assert f"| `{dialect.name}` | {dialect.source.publisher} | {dialect.formula} |" in said
        assert dialect.why in said
        assert dialect.source.document in said
        assert dialect.source.url in said or dialect.name.startswith("originsight")
