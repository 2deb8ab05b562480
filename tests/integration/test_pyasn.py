"""Addresses and pyasn: our answers beside pyasn's, and the databases that we write for it."""

from __future__ import annotations

import gzip
import ipaddress
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyasn
import pytest
from aiohttp.test_utils import TestClient, TestServer

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from tests.commands import good, refusal, run
from tests.feeds import StandingFeed, make_snapshot
from validator import metrics
from validator.formats import pyasn_file
from validator.model import InputReport, RouteBatch
from validator.sample import build_world, write_files
from validator.tables import routes as tables
from validator.tables.addresses import covering, parse_address
from validator.tables.rib import Rib
from validator.tables.routes import RouteTable
from validator.web.app import make_app

Pair = tuple[str, int]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    return place


def batch_of(path: Path) -> RouteBatch:
    batch = read(Kind.ROUTES, LocalFile(path, path.name), ReadOptions())
    assert isinstance(batch, RouteBatch)
    return batch


def table_of(path: Path) -> RouteTable:
    """The routes of a file, not validated: look-ups do not need it."""
    batch = batch_of(path)
    if batch.report.kind == "mrt":
        rib = Rib()
        rib.apply(batch)
        seen = tables.SeenRoutes(*rib.derive(rib.everything()))
    else:
        seen = tables.see(batch)
    return tables.publish(seen, np.zeros(len(seen), "u1"))


def pairs_of(path: Path) -> set[Pair]:
    batch = batch_of(path)
    return {
        (str(batch.prefixes[prefix]), origin)
        for prefix, origin in zip(batch.prefix.tolist(), batch.origin.tolist(), strict=True)
    }


def export(routes: RouteTable, path: Path) -> pyasn_file.Chosen:
    chosen = pyasn_file.choose(routes)
    with path.open("w") as out:
        pyasn_file.write(out, routes, chosen, [InputReport("routes", "test")])
    return chosen


def probes(routes: RouteTable, count: int, dice: random.Random) -> Iterator[str]:
    """Half anywhere near a route (its ends, and beside them), half anywhere in the space."""
    for _ in range(count // 2):
        prefix = routes.prefix(dice.randrange(len(routes)))
        network = ipaddress.ip_network(str(prefix))
        first, last = int(network.network_address), int(network.broadcast_address)
        value = dice.choice((first, last, first - 1, last + 1, dice.randint(first, last)))
        value %= 1 << network.max_prefixlen
        yield str(type(network.network_address)(value))
    for _ in range(count // 4):
        yield str(ipaddress.IPv4Address(dice.getrandbits(32)))
        yield str(ipaddress.IPv6Address(1 << 125 | dice.getrandbits(125)))


def first_held(routes: RouteTable, address: str) -> tuple[str | None, dict[int, int]]:
    """The most specific prefix that a database can hold, and the peers of its origins."""
    for rows in covering(routes, parse_address(address)):
        prefix = str(routes.prefix(rows.start))
        origins = {routes[row].origin: routes[row].peers for row in rows}
        origins = {origin: peers for origin, peers in origins.items() if origin > 0}
        if origins and not prefix.endswith("/0"):
            return prefix, origins
    return None, {}


def compare(routes: RouteTable, database: pyasn.pyasn, addresses: Sequence[str]) -> tuple[int, int]:
    """How many addresses have a prefix, and how many of these are of several origins."""
    announced = conflicts = 0
    for address in addresses:
        asn, prefix = database.lookup(address)
        expected, origins = first_held(routes, address)
        if expected is None:
            assert (asn, prefix) == (None, None), address
            continue
        assert ipaddress.ip_network(prefix) == ipaddress.ip_network(expected), address
        assert origins[asn] == max(origins.values()), address
        announced += 1
        conflicts += len(origins) > 1
    return announced, conflicts


# ----------------------------------------------------------------------- beside pyasn's look-ups


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("sample"), build_world())["routes"]


def test_pyasn_finds_what_we_find_in_the_sample_world(sample: Path, folder: Path) -> None:
    routes = table_of(sample)
    export(routes, folder / "sample.dat")
    dice = random.Random(1)
    addresses = list(probes(routes, 12_000, dice))
    # Origins in conflict are few: ask for each of them.
    repeated = np.flatnonzero((routes.origin[1:] >= 0) & (routes.high[1:] == routes.high[:-1]))
    addresses += [str(routes.prefix(int(row))).partition("/")[0] for row in repeated]
    announced, conflicts = compare(routes, pyasn.pyasn(str(folder / "sample.dat")), addresses)
    assert announced > 6_000
    assert conflicts > 50


@pytest.mark.real_data
def test_pyasn_finds_what_we_find_in_a_real_table(real_data: Path, folder: Path) -> None:
    routes = table_of(real_data / "bgp" / "as-prefix_20260619.csv.gz")
    chosen = export(routes, folder / "real.dat")
    assert len(chosen.rows) + sum(chosen.left_out.values()) == len(routes) == 1_464_772
    addresses = list(probes(routes, 20_000, random.Random(2)))
    announced, conflicts = compare(routes, pyasn.pyasn(str(folder / "real.dat")), addresses)
    assert announced > 12_000
    assert conflicts > 50


# --------------------------------------------------------------------------------- the command

LISTED = """prefix,origin
0.0.0.0/0,1
11.0.0.0/8,7
11.0.0.0/8,3
11.0.0.0/8,4200000000
11.1.0.0/16,0
11.1.1.1/32,5
2a00::/32,6
2a00::1/128,23456
::/0,1
"""


def test_a_table_is_exported_as_a_database_that_pyasn_loads(folder: Path) -> None:
    (folder / "routes.csv").write_text(LISTED)
    done = run(folder, "export", "--format", "pyasn", "--routes", "routes.csv", "-o", "out.dat")
    assert (done.code, done.out) == (0, "")
    summary = (
        "2 IPv4 and 2 IPv6 prefixes; routes left out: default-route 2, as0 1, other-origin 2\n"
    )
    assert done.err.endswith(summary)
    assert (folder / "out.dat").read_text() == (
        "; IP-ASN32-DAT file\n"
        "; Original source: routes.csv\n"
        "; Prefixes-v4   : 2\n"
        "; Prefixes-v6   : 2\n"
        "; Left out      : default-route 2, as0 1, other-origin 2\n"
        "; \n"
        "11.0.0.0/8\t3\n"
        "11.1.1.1/32\t5\n"
        "2a00::/32\t6\n"
        "2a00::1/128\t23456\n"
    )
    database = pyasn.pyasn(str(folder / "out.dat"))
    assert database.lookup("11.1.2.3") == (3, "11.0.0.0/8")
    assert database.lookup("2a00::1") == (23456, "2a00::1/128")
    assert database.lookup("12.0.0.1") == (None, None)


def test_an_exported_database_read_back_holds_the_same_pairs(sample: Path, folder: Path) -> None:
    written = good(folder, "export", "--format", "pyasn", "--routes", str(sample))
    (folder / "one.dat").write_text(written)
    routes = table_of(sample)
    rows = pyasn_file.choose(routes).rows.tolist()
    assert len(rows) > 16_000
    expected = {(str(routes.prefix(row)), routes[row].origin) for row in rows}
    assert pairs_of(folder / "one.dat") == expected
    # And again: nothing is lost or changed from then on.
    again = good(folder, "export", "--format", "pyasn", "--routes", "one.dat", "-o", "-")
    assert again.splitlines()[-len(rows) :] == written.splitlines()[-len(rows) :]


def test_the_head_says_where_the_routes_come_from_and_that_they_are_a_sample(
    sample: Path, folder: Path
) -> None:
    written = good(folder, "export", "--format", "pyasn", "--routes", str(sample))
    head = [line for line in written.splitlines() if line.startswith(";")]
    assert any("rib.mrt.gz of 2026-06-01 00:00:00 UTC" in line for line in head)
    assert any(line.startswith("; SAMPLE: these networks are fictional") for line in head)
    (folder / "sample.dat").write_text(written)
    again = read(Kind.ROUTES, LocalFile(folder / "sample.dat", "sample.dat"), ReadOptions())
    assert isinstance(again, RouteBatch)
    assert again.report.sample, "and what is read from it says so too"
    assert any("no-origin" in line for line in head)


def test_the_same_input_makes_the_same_bytes_also_gzipped(folder: Path) -> None:
    (folder / "routes.csv").write_text(LISTED)
    command = ("export", "--format", "pyasn", "--routes", "routes.csv")
    plain = good(folder, *command)
    good(folder, *command, "--output", "one.dat.gz")
    os.utime(folder / "routes.csv", (0, 0))
    good(folder, *command, "--output", "two.dat.gz")
    packed = (folder / "one.dat.gz").read_bytes()
    assert packed == (folder / "two.dat.gz").read_bytes()
    assert gzip.decompress(packed).decode() == plain
    database = pyasn.pyasn(str(folder / "one.dat.gz"))
    assert database.lookup("11.1.1.1") == (5, "11.1.1.1/32")
    assert pairs_of(folder / "one.dat.gz") == {
        ("11.0.0.0/8", 3), ("11.1.1.1/32", 5), ("2a00::/32", 6), ("2a00::1/128", 23456)
    }  # fmt: skip


def test_a_table_of_which_nothing_can_be_kept_is_refused_and_no_file_appears(folder: Path) -> None:
    (folder / "routes.csv").write_text("prefix,origin\n0.0.0.0/0,1\n11.0.0.0/8,0\n")
    command = ("export", "--format", "pyasn", "--routes", "routes.csv", "-o", "out.dat")
    assert "no route is left that a pyasn database can hold" in refusal(folder, *command)
    assert not (folder / "out.dat").exists()


def test_a_format_that_we_do_not_write_is_a_usage_error(folder: Path) -> None:
    for given in (("--format", "csv", "--routes", "x"), ("--routes", "x"), ("--format", "pyasn")):
        assert run(folder, "export", *given).code == 2


@pytest.mark.parametrize("name", ["plain.dat", "packed.dat.gz"])
def test_no_name_or_note_of_a_source_breaks_the_file(folder: Path, name: str) -> None:
    (folder / "routes.csv").write_text(LISTED)
    routes = table_of(folder / "routes.csv")
    hostile = [
        "x" * 5000,
        "two\nlines\r11.2.0.0/16\t9",
        "na\u00efve \udc80 \0",
        "tab\t/8\t7",
        "é" * 300,
    ]
    reports = [
        InputReport(source, "test", notes=tuple(hostile), built=built)
        for source in hostile
        for built in (0, -1, 1 << 62, 1_780_000_000, 1, 2)
    ]
    with (folder / name).open("w") as out:
        write = pyasn_file.write
        chosen = pyasn_file.choose(routes)
        if name.endswith(".gz"):
            with pyasn_file.compressed(out) as text:
                write(text, routes, chosen, reports, notice="\n" + "n" * 600)
        else:
            write(out, routes, chosen, reports, notice="\n" + "n" * 600)
    database = pyasn.pyasn(str(folder / name))
    assert [(node.prefix, node.asn) for node in database.radix] == [
        ("11.0.0.0/8", 3), ("11.1.1.1/32", 5), ("2a00::/32", 6), ("2a00::1/128", 23456)
    ]  # fmt: skip


# ------------------------------------------------------------------------------------ over HTTP


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("192.0.2.200", 200, "192.0.2.0/24"),
        ("2001:db8::1", 200, "2001:db8::/32"),
        ("2001%3Adb8%3A%3A1", 200, "2001:db8::/32"),
        ("::ffff:192.0.2.200", 200, "192.0.2.0/24"),
        ("8.8.8.8", 200, None),
        ("192.0.2.0/24", 400, "give it without the slash, 192.0.2.0"),
        ("192.0.2.0%2F24", 400, "give it without the slash, 192.0.2.0"),
        ("fe80::1%25eth0", 400, "has a zone"),
        ("example", 400, "invalid address: 'example' is not an IPv4 or IPv6 address"),
        ("AS64496", 400, "is not an IPv4 or IPv6 address"),
    ],
)
async def test_an_address_is_answered_and_anything_else_is_told_why_not(
    path: str, status: int, says: str | None
) -> None:
    feed = StandingFeed(make_snapshot())
    app = make_app(feed, metrics.build(feed), sample=False)
    async with TestClient(TestServer(app)) as client:
        async with client.get(f"/api/v1/ip/{path}") as response:
            answer = await response.json(content_type=None)
        assert response.status == status
        if status == 200:
            assert answer["prefix"] == says
        else:
            assert says
            assert says in answer["detail"]


async def test_without_a_snapshot_an_address_is_not_called_unannounced() -> None:
    feed = StandingFeed()
    app = make_app(feed, metrics.build(feed), sample=False)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/api/v1/ip/192.0.2.1")).status == 503
