"""The sample world is what it says: fictional, reproducible, life-like, and all in reserved space.

The files are read back by the few lines of code below, which share nothing with their writers, and
routes are judged by a brute-force reading of RFC 6811.
"""

from __future__ import annotations

import csv
import gzip
import ipaddress
import json
import os
import re
import struct
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from validator.model import Prefix
from validator.sample import DEFAULT_SEED, build_world, examples, write_files
from validator.sample.model import World
from validator.sample.signing import VrpIndex

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
RIRS = ("afrinic", "apnic", "arin", "lacnic", "ripencc")
NONE = -1


@dataclass
class Rib:
    view: str
    peers: list[tuple[str, int]]
    entries: list[tuple[Network, int, list[int], list[int]]]  # prefix, peer, path, AS_SET
    next_hops: set[str]


@dataclass
class Sample:
    world: World
    paths: dict[str, Path]
    rib: Rib
    vrps: dict[str, Any]
    delegated: list[list[str]]
    names: dict[int, str]

    def pairs(self) -> Counter[tuple[Network, int]]:
        """(prefix, origin) → how many peers announce it."""
        return Counter(
            (prefix, NONE if as_set else path[-1]) for prefix, _, path, as_set in self.rib.entries
        )


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    world = build_world()
    paths = write_files(tmp_path_factory.mktemp("sample"), world)
    with paths["asn-names"].open(newline="") as text:
        names = {int(row["asn"]): row["name"] for row in csv.DictReader(text)}
    lines = [
        line.split("|")
        for rir in RIRS
        for line in paths[f"delegated-{rir}"].read_text().splitlines()
        if not line.startswith("#") and not line.endswith("|summary") and line[0].isalpha()
    ]
    vrps = json.loads(paths["vrps"].read_text())
    return Sample(world, paths, read_rib(gzip.decompress(paths["routes"].read_bytes())),
                  vrps, lines, names)  # fmt: skip


def read_rib(data: bytes) -> Rib:
    rib = Rib("", [], [], set())
    at = 0
    while at < len(data):
        _, kind, subtype, length = struct.unpack_from(">IHHI", data, at)
        body = data[at + 12 : at + 12 + length]
        assert kind == 13
        assert len(body) == length
        at += 12 + length
        if subtype == 1:
            _read_peers(rib, body)
        else:
            assert subtype in (2, 4)
            _read_prefix(rib, body, 4 if subtype == 2 else 16)
    return rib


def _read_peers(rib: Rib, body: bytes) -> None:
    (length,) = struct.unpack_from(">H", body, 4)
    rib.view = body[6 : 6 + length].decode()
    at = 8 + length
    (count,) = struct.unpack_from(">H", body, at - 2)
    for _ in range(count):
        width = 16 if body[at] & 1 else 4
        assert body[at] & 2, "a 2-byte AS number cannot hold most of the sample's"
        address = ipaddress.ip_address(body[at + 5 : at + 5 + width])
        (asn,) = struct.unpack_from(">I", body, at + 5 + width)
        rib.peers.append((str(address), asn))
        at += 9 + width
    assert at == len(body)


def _read_prefix(rib: Rib, body: bytes, width: int) -> None:
    length = body[4]
    octets = (length + 7) // 8
    packed = body[5 : 5 + octets].ljust(width, b"\0")
    prefix = ipaddress.ip_network((packed, length))
    at = 5 + octets
    (count,) = struct.unpack_from(">H", body, at)
    at += 2
    for _ in range(count):
        peer, _, size = struct.unpack_from(">HIH", body, at)
        path, as_set = _read_attributes(rib, body[at + 8 : at + 8 + size])
        rib.entries.append((prefix, peer, path, as_set))
        at += 8 + size
    assert at == len(body)


def _read_attributes(rib: Rib, data: bytes) -> tuple[list[int], list[int]]:
    path: list[int] = []
    as_set: list[int] = []
    at = 0
    while at < len(data):
        code, size = data[at + 1], data[at + 2]
        value = data[at + 3 : at + 3 + size]
        at += 3 + size
        if code == 2:
            while value:
                kind, count = value[0], value[1]
                asns = list(struct.unpack_from(f">{count}I", value, 2))
                (as_set if kind == 1 else path).extend(asns)
                value = value[2 + 4 * count :]
        elif code in (3, 14):
            rib.next_hops.add(str(ipaddress.ip_address(value if code == 3 else value[1:])))
    assert at == len(data)
    return path, as_set


def brute_force(vrps: list[dict[str, Any]]) -> Any:
    """RFC 6811 section 2: the state of (prefix, origin), by trying each shorter prefix."""
    by_prefix: dict[Network, list[tuple[int, int]]] = defaultdict(list)
    for vrp in vrps:
        by_prefix[ipaddress.ip_network(vrp["prefix"])].append((vrp["asn"], vrp["maxLength"]))
    lengths = {network.version: set[int]() for network in by_prefix}
    for network in by_prefix:
        lengths[network.version].add(network.prefixlen)

    def state(prefix: Network, origin: int) -> str:
        covering = [
            vrp
            for length in lengths[prefix.version]
            if length <= prefix.prefixlen
            for vrp in by_prefix.get(prefix.supernet(new_prefix=length), ())
        ]
        if not covering:
            return "not-found"
        good = any(a == origin and a != 0 and prefix.prefixlen <= m for a, m in covering)
        return "valid" if good else "invalid"

    return state


@pytest.fixture(scope="module")
def states(sample: Sample) -> dict[tuple[Network, int], str]:
    state = brute_force(sample.vrps["roas"])
    return {pair: state(*pair) for pair in sample.pairs()}


# ------------------------------------------------------------------------------------ reproducible


def test_another_process_with_another_hash_seed_writes_the_same_bytes(
    sample: Sample, tmp_path: Path
) -> None:
    again = tmp_path / "new" / "folder"
    run = subprocess.run(
        [sys.executable, "-m", "validator.sample", str(again)],
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    assert re.fullmatch(
        rf"SAMPLE world of seed {DEFAULT_SEED}: 11 files, .* MB, in .*\n", run.stdout
    )
    assert sorted(p.name for p in again.iterdir()) == sorted(p.name for p in sample.paths.values())
    for path in sample.paths.values():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_another_seed_makes_another_world_that_is_as_life_like(sample: Sample) -> None:
    other = build_world(DEFAULT_SEED + 1)
    assert other.rib != sample.world.rib
    assert len(examples(other)) == 5
    state = brute_force(
        [{"prefix": str(v.prefix), "asn": v.asn, "maxLength": v.max_length} for v in other.vrps]
    )
    counts = Counter(
        state(ipaddress.ip_network(str(a.prefix)), a.origin) for a in other.announcements
    )
    assert 0.46 < counts["valid"] / counts.total() < 0.60
    assert 0.02 < counts["invalid"] / counts.total() < 0.06


def test_all_files_together_are_small(sample: Sample) -> None:
    assert sum(path.stat().st_size for path in sample.paths.values()) < 5_000_000


# ------------------------------------------------------------------------- nobody takes it for real


def is_reserved(network: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return network.subnet_of(ipaddress.IPv4Network("240.0.0.0/4"))
    return network.subnet_of(ipaddress.IPv6Network("3fff::/20"))


def is_private(asn: int) -> bool:
    return 64512 <= asn <= 65534 or 4_200_000_000 <= asn <= 4_294_967_294


def test_only_reserved_space_occurs_in_any_file(sample: Sample) -> None:
    routes = {prefix for prefix, _ in sample.pairs()}
    defaults = {prefix for prefix in routes if prefix.prefixlen == 0}
    assert {str(prefix) for prefix in defaults} == {"0.0.0.0/0", "::/0"}
    used = (routes - defaults) | {ipaddress.ip_network(v["prefix"]) for v in sample.vrps["roas"]}
    used |= {ipaddress.ip_network(address) for address, _ in sample.rib.peers}
    used |= {ipaddress.ip_network(address) for address in sample.rib.next_hops}
    for line in sample.delegated:
        if line[2] == "ipv4":
            first = ipaddress.IPv4Address(line[3])
            used |= {ipaddress.ip_network(first), ipaddress.ip_network(first + int(line[4]) - 1)}
        elif line[2] == "ipv6":
            used.add(ipaddress.ip_network(f"{line[3]}/{line[4]}"))
    slurm = json.loads(sample.paths["slurm"].read_text())
    for item in slurm["validationOutputFilters"]["prefixFilters"]:
        used |= {ipaddress.ip_network(item[key]) for key in ("prefix",) if key in item}
    for item in slurm["locallyAddedAssertions"]["prefixAssertions"]:
        used.add(ipaddress.ip_network(item["prefix"]))
    assert [network for network in used if not is_reserved(network)] == []


def test_only_private_as_numbers_occur_in_any_file(sample: Sample) -> None:
    used = {asn for _, asn in sample.rib.peers} | set(sample.names)
    for _, _, path, as_set in sample.rib.entries:
        used.update(path, as_set)
    used |= {vrp["asn"] for vrp in sample.vrps["roas"]} - {0}
    used |= {key["asn"] for key in sample.vrps["bgpsec_keys"]}
    for aspa in sample.vrps["aspas"]:
        used |= {aspa["customer_asid"], *aspa["providers"]}
    for line in sample.delegated:
        if line[2] == "asn":
            used |= {int(line[3]), int(line[3]) + int(line[4]) - 1}
    assert [asn for asn in used if not is_private(asn)] == []


def test_every_file_says_that_it_is_a_sample(sample: Sample) -> None:
    assert sample.rib.view == "SAMPLE"
    assert sample.vrps["metadata"]["sample"] is True
    for what, path in sample.paths.items():
        if what != "routes":
            assert re.search("sample", path.read_text(), re.IGNORECASE), what
    for rir in RIRS:
        assert sample.paths[f"delegated-{rir}"].read_text().startswith("# SAMPLE")
    slurm = json.loads(sample.paths["slurm"].read_text())
    parts = [*slurm["validationOutputFilters"].values(), *slurm["locallyAddedAssertions"].values()]
    assert all(item["comment"].startswith("SAMPLE") for part in parts for item in part)


def test_every_network_has_a_name_that_is_clearly_fictional(sample: Sample) -> None:
    pattern = r"Sample .* \([A-Z]{2}\)|.*, [A-Z]{2} \(SAMPLE\)"
    assert [name for name in sample.names.values() if not re.fullmatch(pattern, name)] == []
    assert len(set(sample.names.values())) == len(sample.names)


# --------------------------------------------------------------------------------------- life-like


def test_it_has_the_size_that_it_promises(sample: Sample) -> None:
    assert 2900 <= len(sample.names) <= 3100
    assert 12_000 <= len({prefix for prefix, _ in sample.pairs()}) <= 20_000


def test_shares_of_states_are_life_like_with_and_without_a_least_number_of_peers(
    sample: Sample, states: dict[tuple[Network, int], str]
) -> None:
    seen = sample.pairs()
    for least in (1, 5):
        counts = Counter(states[pair] for pair in seen if seen[pair] >= least)
        assert 0.50 <= counts["valid"] / counts.total() <= 0.55
        assert 0.02 <= counts["invalid"] / counts.total() <= 0.05


def test_the_index_by_which_peers_filter_agrees_with_brute_force(
    sample: Sample, states: dict[tuple[Network, int], str]
) -> None:
    index = VrpIndex(sample.world.vrps)
    differ = [
        (prefix, origin)
        for (prefix, origin), state in states.items()
        if index.state(Prefix.of(prefix), origin) != state
    ]
    assert differ == []


def test_at_least_ten_peers_carry_a_full_table_in_each_family_and_two_do_not(
    sample: Sample,
) -> None:
    assert len(sample.rib.peers) == 12
    for version in (4, 6):
        sizes = Counter(
            peer for prefix, peer, *_ in sample.rib.entries if prefix.version == version
        )
        full = [peer for peer in sizes if sizes[peer] >= 0.75 * max(sizes.values())]
        assert len(full) == 10
        assert all(0 < sizes[peer] < 0.5 * max(sizes.values()) for peer in (10, 11))


def test_invalid_routes_are_less_visible_and_some_peers_have_none(
    sample: Sample, states: dict[tuple[Network, int], str]
) -> None:
    seen = sample.pairs()
    mean = {
        state: sum(n for pair, n in seen.items() if states[pair] == state)
        / sum(1 for pair in seen if states[pair] == state)
        for state in ("valid", "invalid")
    }
    assert mean["invalid"] < 0.75 * mean["valid"]
    invalid = Counter(
        peer
        for prefix, peer, path, as_set in sample.rib.entries
        if states[prefix, NONE if as_set else path[-1]] == "invalid"
    )
    assert 2 <= sum(invalid[peer] == 0 for peer in range(10)) <= 5


def test_paths_begin_at_the_peer_and_have_no_loops(sample: Sample) -> None:
    lengths = Counter[int]()
    prepended = 0
    for _, peer, path, _ in sample.rib.entries:
        assert path[0] == sample.rib.peers[peer][1]
        distinct = [asn for i, asn in enumerate(path) if i == 0 or path[i - 1] != asn]
        assert len(set(distinct)) == len(distinct)
        lengths[len(distinct)] += 1
        prepended += len(distinct) < len(path)
    assert 3 <= sum(n * count for n, count in lengths.items()) / lengths.total() <= 6
    assert prepended > 1000


def test_all_registries_and_most_countries_occur_each_in_one_region(sample: Sample) -> None:
    held = [line for line in sample.delegated if line[6] in ("allocated", "assigned")]
    assert {line[0] for line in held} == set(RIRS)
    regions = defaultdict(set)
    for line in held:
        if line[1] not in ("", "EU", "AP"):
            regions[line[1]].add(line[0])
    assert len(regions) >= 190
    assert all(len(rirs) == 1 for rirs in regions.values())
    known = {"KE": "afrinic", "JP": "apnic", "CA": "arin", "JM": "arin", "BR": "lacnic",
             "DE": "ripencc", "KZ": "ripencc", "AF": "apnic", "SD": "afrinic"}  # fmt: skip
    assert {code: min(regions[code]) for code in known} == known


def test_countries_differ_and_the_least_developed_are_lower_on_average(
    sample: Sample, states: dict[tuple[Network, int], str]
) -> None:
    home = {n.asn: n.country for n in sample.world.networks}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, origin), state in states.items():
        if origin in home:
            counts[home[origin]][state] += 1
    shares = {c: n["valid"] / n.total() for c, n in counts.items()}
    large = [share for c, share in shares.items() if counts[c].total() >= 20]
    assert min(large) < 0.1
    assert max(large) > 0.9
    least_developed = "AF BD ET HT KH ML MG MM NE NP RW SD SN TD TG TZ UG YE ZM"
    poor = [shares[code] for code in re.findall("..", least_developed.replace(" ", ""))]
    assert sum(poor) / len(poor) < sum(shares.values()) / len(shares)


def test_the_oddities_of_the_real_table_occur(
    sample: Sample, states: dict[tuple[Network, int], str]
) -> None:
    seen = sample.pairs()
    origins = Counter(prefix for prefix, _ in seen)
    asns = {int(line[3]) for line in sample.delegated if line[2] == "asn" and line[7]}
    vrps = Counter(vrp["prefix"] for vrp in sample.vrps["roas"])
    announced = {prefix for prefix, _ in seen}
    as0 = {ipaddress.ip_network(v["prefix"]) for v in sample.vrps["roas"] if v["asn"] == 0}
    nobodys = ipaddress.IPv4Network("254.0.0.0/8")
    found = {
        "AS_SET": sum(origin == NONE for _, origin in seen),
        "MOAS": sum(count > 1 for count in origins.values()),
        "IPv4 longer than /24": sum(p.version == 4 and p.prefixlen > 24 for p in announced),
        "IPv6 longer than /48": sum(p.version == 6 and p.prefixlen > 48 for p in announced),
        "seen by three peers at most": sum(count <= 3 for count in seen.values()),
        "origin not delegated": sum(o not in asns for _, o in seen if o != NONE),
        "space not delegated": sum(
            isinstance(p, ipaddress.IPv4Network) and p.subnet_of(nobodys) for p in announced
        ),
        "several VRPs for one prefix": sum(count > 1 for count in vrps.values()),
        "loose maxLength": sum(
            v["maxLength"] > int(v["prefix"].split("/")[1]) for v in sample.vrps["roas"]
        ),
        "AS0 over announced space": len(as0 & announced),
        "AS0 over space not announced": len(as0 - announced),
        "ASPA": len(sample.vrps["aspas"]),
    }
    assert {what: n for what, n in found.items() if n < 5} == {}
    assert len(sample.vrps["bgpsec_keys"]) >= 2
    assert {vrp["ta"] for vrp in sample.vrps["roas"]} == {
        "afrinic", "apnic", "arin", "lacnic", "ripe"
    }  # fmt: skip


def test_a_more_specific_is_valid_under_an_aggregate_that_is_not_and_the_reverse(
    states: dict[tuple[Network, int], str],
) -> None:
    pairs = defaultdict(set)
    for (prefix, _), state in states.items():
        pairs[prefix].add(state)
    seen = Counter[tuple[str, str]]()
    for prefix, own in pairs.items():
        for shorter in range(12, prefix.prefixlen):
            for above in pairs.get(prefix.supernet(new_prefix=shorter), ()):
                seen.update((above, state) for state in own)
    assert seen["not-found", "valid"] > 20
    assert seen["valid", "invalid"] > 20


def test_the_sample_does_not_expire_for_a_running_service(sample: Sample) -> None:
    assert sample.vrps["metadata"]["buildtime"] == "2026-06-01T00:00:00Z"
    assert min(vrp["expires"] for vrp in sample.vrps["roas"]) > 2_087_000_000  # February 2036


# ----------------------------------------------------------------------------- what people will try


def test_the_examples_are_what_they_are_called_and_seen_by_enough_peers(
    sample: Sample, states: dict[tuple[Network, int], str]
) -> None:
    shown = {
        what: (ipaddress.ip_network(prefix), asn)
        for what, (prefix, asn) in examples(sample.world).items()
    }
    assert list(shown) == ["valid", "invalid-length", "invalid-origin", "invalid-as0", "not-found"]
    covering = {
        what: [v for v in sample.vrps["roas"] if _contains(v["prefix"], prefix)]
        for what, (prefix, _) in shown.items()
    }
    for what, pair in shown.items():
        assert states[pair] == re.sub("-(length|origin|as0)$", "", what)
        assert sample.pairs()[pair] >= 5
    prefix, asn = shown["invalid-length"]
    lengths = [v["maxLength"] for v in covering["invalid-length"] if v["asn"] == asn]
    assert lengths
    assert max(lengths) < prefix.prefixlen
    origin = shown["invalid-origin"][1]
    assert not {0, origin} & {v["asn"] for v in covering["invalid-origin"]}
    assert {v["asn"] for v in covering["invalid-as0"]} == {0}
    readme = sample.paths["readme"].read_text()
    assert all(f"{prefix} AS{asn}" in readme for prefix, asn in shown.values())


def _contains(covering: str, prefix: Network) -> bool:
    network = ipaddress.ip_network(covering)
    shorter = network.prefixlen <= prefix.prefixlen
    return (
        network.version == prefix.version
        and shorter
        and prefix.supernet(new_prefix=network.prefixlen) == network
    )
