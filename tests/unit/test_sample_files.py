"""The sample's files keep to the formats that they claim, and other programs can read them."""

from __future__ import annotations

import ipaddress
import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from validator.sample import build_world, examples, write_files
from validator.sample.model import World

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Vrp = tuple[Network, int, int]
RIRS = ("afrinic", "apnic", "arin", "lacnic", "ripencc")


@dataclass
class Sample:
    world: World
    paths: dict[str, Path]

    def delegated(self, rir: str) -> list[list[str]]:
        """The lines of a registry's file, without comments."""
        text = self.paths[f"delegated-{rir}"].read_text()
        return [line.split("|") for line in text.splitlines() if not line.startswith("#")]

    def vrps(self) -> list[Vrp]:
        export = json.loads(self.paths["vrps"].read_text())
        return [
            (ipaddress.ip_network(v["prefix"]), v["asn"], v["maxLength"]) for v in export["roas"]
        ]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    world = build_world()
    return Sample(world, write_files(tmp_path_factory.mktemp("sample"), world))


def contains(shorter: Network, prefix: Network) -> bool:
    return (
        shorter.version == prefix.version
        and shorter.prefixlen <= prefix.prefixlen
        and prefix.supernet(new_prefix=shorter.prefixlen) == shorter
    )


def state(vrps: list[Vrp], prefix: Network, origin: int) -> str:
    """RFC 6811 section 2, by looking at every VRP."""
    covering = [vrp for vrp in vrps if contains(vrp[0], prefix)]
    if not covering:
        return "not-found"
    good = any(asn == origin != 0 and prefix.prefixlen <= longest for _, asn, longest in covering)
    return "valid" if good else "invalid"


def test_registry_files_keep_to_their_format(sample: Sample) -> None:
    for rir in RIRS:
        lines = sample.delegated(rir)
        version, summaries, records = lines[0], lines[1:4], lines[4:]
        assert version[0] in ("2", "2.3")
        assert version[1] == rir
        assert int(version[3]) == len(records)
        kinds = Counter(line[2] for line in records)
        assert {line[2]: int(line[4]) for line in summaries} == dict(kinds)
        assert all(len(line) == 8 and line[0] == rir for line in records)
        assert {line[6] for line in records} == {"allocated", "assigned", "available", "reserved"}
        assert all(bool(line[7]) == (line[6] in ("allocated", "assigned")) for line in records)
        _assert_disjoint(records)


def _assert_disjoint(records: list[list[str]]) -> None:
    for kind in ("asn", "ipv4", "ipv6"):
        ranges = []
        for line in records:
            if line[2] == kind:
                first = int(line[3]) if kind == "asn" else int(ipaddress.ip_address(line[3]))
                count = int(line[4]) if kind != "ipv6" else 1 << (128 - int(line[4]))
                ranges.append((first, first + count))
        ranges.sort()
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(ranges))


def test_delegations_have_the_oddities_of_the_real_ones(sample: Sample) -> None:
    lines = [line for rir in RIRS for line in sample.delegated(rir)[4:]]
    held = [line for line in lines if line[6] in ("allocated", "assigned")]
    ipv4 = {line[3]: line for line in held if line[2] == "ipv4"}
    assert sum(int(line[4]) & (int(line[4]) - 1) != 0 for line in ipv4.values()) > 50
    countries = Counter(line[1] for line in held)
    assert all(2 <= countries[code] <= 60 for code in ("EU", "AP", ""))
    holders = Counter(line[7] for line in held if line[2] == "asn")
    assert sum(count > 1 for count in holders.values()) > 20
    spanning = 0
    announced = {ipaddress.ip_network(str(one.prefix)) for one in sample.world.announcements}
    for prefix in announced:
        if prefix.version == 6 or not 0 < prefix.prefixlen < 24:
            continue
        low, high = prefix.subnets()
        one, two = (ipv4.get(str(half.network_address)) for half in (low, high))
        spanning += bool(one and two and one[7] != two[7] and int(one[4]) == low.num_addresses)
    assert spanning > 10


def test_every_vrp_is_one_that_a_careful_reader_accepts(sample: Sample) -> None:
    vrps = sample.vrps()
    assert [vrp for vrp in vrps if not vrp[0].prefixlen <= vrp[2] <= vrp[0].max_prefixlen] == []
    assert len(set(vrps)) == len(vrps)


def test_each_local_exception_changes_something_but_no_example(sample: Sample) -> None:
    slurm = json.loads(sample.paths["slurm"].read_text())
    assert slurm["slurmVersion"] == 1
    filters = slurm["validationOutputFilters"]["prefixFilters"]
    assert [sorted(set(f) - {"comment"}) for f in filters] == [
        ["prefix"],
        ["asn"],
        ["asn", "prefix"],
    ]
    everything = kept = sample.vrps()
    for rule in filters:
        inside = ipaddress.ip_network(rule["prefix"]) if "prefix" in rule else None
        left = [
            (prefix, asn, longest)
            for prefix, asn, longest in kept
            if rule.get("asn", asn) != asn or not (inside is None or contains(inside, prefix))
        ]
        assert len(left) < len(kept)
        kept = left
    added = slurm["locallyAddedAssertions"]["prefixAssertions"]
    assert len(added) == 2
    for item in added:
        assert state(everything, ipaddress.ip_network(item["prefix"]), item["asn"]) == "not-found"
    for text, asn in examples(sample.world).values():
        prefix = ipaddress.ip_network(text)
        assert state(everything, prefix, asn) == state(kept, prefix, asn)


@pytest.mark.skipif(shutil.which("bgpdump") is None, reason="bgpdump is not installed")
def test_bgpdump_reads_the_same_entries(sample: Sample) -> None:
    run = subprocess.run(
        ["bgpdump", "-m", str(sample.paths["routes"])], capture_output=True, text=True, check=True
    )
    theirs = Counter[tuple[str, str, str]]()
    for line in run.stdout.splitlines():
        field = line.split("|")
        theirs[field[5], field[3], field[6]] += 1
    ours = Counter[tuple[str, str, str]]()
    for record in sample.world.rib:
        for entry in record.entries:
            text = " ".join(map(str, entry.path))
            if entry.as_set:
                text += " {" + ",".join(map(str, entry.as_set)) + "}"
            ours[str(record.prefix), sample.world.vantages[entry.peer].address, text] += 1
    assert theirs == ours
    assert theirs.total() > 100_000


def test_a_folder_that_cannot_be_written_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    run = subprocess.run(
        [sys.executable, "-m", "validator.sample", str(in_the_way)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1
    assert str(in_the_way) in run.stderr
