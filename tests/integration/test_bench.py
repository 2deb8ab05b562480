"""Each discipline on a small table made here: its check of answers holds, and fails when it should.

How long anything takes is not looked at: that is what ``make bench`` prints.
"""

from __future__ import annotations

import csv
import gzip
import ipaddress
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import __main__ as command
from bench import common, p1, p2, p3, p4, p5, p6, p6_sides
from bench.__main__ import DISCIPLINES
from bench.bird import bird_programs
from bench.common import Goal, NotRun, Result, Unequal, alternate, made_from
from bench.rib_writer import write_rib
from bench.rtrlib import Rtrlib
from collectors import route_list, rtrlib, vrp_export
from collectors.base import LocalFile, ReadOptions
from tests.oracle import Network, R, V, covers, judge, route_batch, vrp_batch
from validator.model import Prefix, Prefixes, RouteBatch, SettingsError, VrpBatch
from validator.state.pipeline_state import PipelineState
from validator.tables import routes
from validator.tables.announced import AnnouncedRules
from validator.tables.routes import RouteTable
from validator.tables.vrps import build_table


def _has_rtrlib() -> bool:
    if not (shutil.which("gcc") and shutil.which("pkg-config")):
        return False
    return subprocess.run(["pkg-config", "--exists", "rtrlib"], check=False).returncode == 0


needs_rtrlib = pytest.mark.skipif(not _has_rtrlib(), reason="no gcc or librtr-dev here")


def _has(require: Callable[[], object]) -> bool:
    try:
        require()
    except (NotRun, SettingsError):
        return False
    return True


needs_bird = pytest.mark.skipif(not _has(bird_programs), reason="no BIRD here")
needs_stayrtr = pytest.mark.skipif(
    shutil.which("stayrtr") is None or not _has(rtrlib.require), reason="no StayRTR or RTRlib here"
)
needs_bgpdump = pytest.mark.skipif(shutil.which("bgpdump") is None, reason="no bgpdump here")

STATES = ("valid", "not-found", "invalid")  # by RTRlib's numbers


def networks() -> list[str]:
    """Prefixes of both families that nest, down to the longest."""
    ipv4 = [f"{a}.{b}.0.0/{n}" for a in (20, 30) for b in (0, 64, 128) for n in (10, 16, 20, 32)]
    ipv6 = [f"2a{a:02x}:{b:x}::/{n}" for a in (0, 9) for b in (0, 1) for n in (32, 48, 64, 65, 128)]
    return ["0.0.0.0/0", "::/0", *ipv4, *ipv6]


@pytest.fixture
def some_vrps() -> list[V]:
    rng = np.random.default_rng(1)
    vrps = [
        V(prefix, int(rng.integers(prefix.prefixlen, prefix.max_prefixlen + 1)), asn)
        for prefix in map(_network, networks()[2:])
        for asn in rng.choice((0, 1, 2, 3, 4_000_000_000), 2, replace=False).tolist()
        if rng.random() < 0.5
    ]
    assert len(vrps) > 20
    return vrps


@pytest.fixture
def some_routes() -> list[R]:
    return [
        R(_network(text), origin) for text in networks() for origin in (None, 0, 1, 4_000_000_000)
    ]


def _network(text: str) -> Network:
    return ipaddress.ip_network(text)


# -------------------------------------------------------------------------------------- P1 and P2


@needs_rtrlib
def test_rtrlib_is_asked_what_we_mean(
    some_vrps: list[V], some_routes: list[R], tmp_path: Path
) -> None:
    seen = routes.see(route_batch(some_routes))
    with Rtrlib(vrp_batch(some_vrps), seen.prefixes, seen.origin, tmp_path) as peer:
        assert peer.build() >= 0
        assert peer.validate() >= 0
        states = [STATES[state] for state in peer.states()]
    expected = {(str(r.prefix), r.origin): judge(r, some_vrps)[0] for r in some_routes}
    origins = [None if origin < 0 else origin for origin in seen.origin.tolist()]
    prefixes = [str(seen.prefixes[row]) for row in range(len(seen))]
    assert states == [expected[key] for key in zip(prefixes, origins, strict=True)]
    assert set(states) == set(STATES)


@needs_rtrlib
def test_p1_and_p2_give_a_line_where_answers_agree(
    some_vrps: list[V], some_routes: list[R]
) -> None:
    vrps, seen = vrp_batch(some_vrps), routes.see(route_batch(some_routes))
    first = p1.measure(vrps, build_table([vrps]), seen, 2)
    second = p2.measure(vrps, seen, 2)
    assert [len(first.pairs), len(second.pairs)] == [2, 2]
    assert str(first).startswith("P1 peer=RTRlib peer_seconds=")
    assert str(second).startswith("P2 peer=RTRlib peer_seconds=")


@needs_rtrlib
def test_p1_fails_and_names_the_route_where_answers_differ(
    some_vrps: list[V], some_routes: list[R]
) -> None:
    seen = routes.see(route_batch(some_routes))
    lost = [vrp for vrp in some_vrps if vrp.prefix.version == 6]
    with pytest.raises(Unequal, match=r"first [0-9.]+/[0-9]+ .*RTRlib .*, we not-found"):
        p1.measure(vrp_batch(some_vrps), build_table([vrp_batch(lost)]), seen, 1)


@needs_rtrlib
def test_p2_fails_where_our_answers_are_wrong(
    some_vrps: list[V], some_routes: list[R], monkeypatch: pytest.MonkeyPatch
) -> None:
    vrps, seen = vrp_batch(some_vrps), routes.see(route_batch(some_routes))
    right = p2.ours

    def wrong(vrps: VrpBatch, batch: RouteBatch) -> RouteTable:
        table = right(vrps, batch)
        return replace(table, verdict=table.verdict[::-1].copy())

    def unsorted(vrps: VrpBatch, batch: RouteBatch) -> RouteTable:
        table = right(vrps, batch)
        return replace(table, origin=table.origin[::-1].copy())

    for broken in (wrong, unsorted):
        monkeypatch.setattr(p2, "ours", broken)
        with pytest.raises(Unequal):
            p2.measure(vrps, seen, 1)


# --------------------------------------------------------------------------------------------- P3


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of routes as a file: the same network from one or two origins."""
    path = tmp_path / "routes.csv.gz"
    lines = [f"{text},{64496 + i % 5}" for i, text in enumerate(networks()[2:])]
    lines += [f"{text},{131072 + i}" for i, text in enumerate(networks()[2::3])]
    path.write_bytes(gzip.compress("\n".join(["prefix,origin_asn", *lines, ""]).encode()))
    return path


@pytest.fixture
def rib(listed: Path, tmp_path: Path) -> Path:
    path = tmp_path / "rib.gz"
    assert write_rib(listed, path, 3) == 3 * len(networks()[2:])
    return path


def test_p3_unpacks_with_isal_what_we_decode(rib: Path) -> None:
    assert p3.unpack(rib) == len(gzip.decompress(rib.read_bytes()))
    assert len(p3.against_isal(rib, 2).pairs) == 2


@needs_bgpdump
def test_p3_gives_a_line_where_bgpdump_agrees(rib: Path) -> None:
    result = p3.against_bgpdump(rib, 1)
    assert str(result).startswith("P3 peer=bgpdump peer_seconds=")


@needs_bgpdump
def test_p3_fails_where_an_entry_differs(rib: Path) -> None:
    theirs, batch = p3.printed_by_bgpdump(rib), p3.decode(rib)
    p3.compare(theirs, batch)
    origin = batch.origin.copy()
    origin[7] += 1
    with pytest.raises(Unequal, match="are not ours"):
        p3.compare(theirs, replace(batch, origin=origin))
    with pytest.raises(Unequal, match="entries, we"):
        p3.compare((theirs[0] - 1, theirs[1]), batch)


def test_p3_sums_entries_in_any_order() -> None:
    assert p3.summed(["a", "b", "b"]) == p3.summed(["b", "a", "b"])
    assert p3.summed(["a", "b", "b"]) != p3.summed(["a", "a", "b"])


# --------------------------------------------------------------------------------------------- P4


@pytest.fixture
def export(some_vrps: list[V], tmp_path: Path) -> Path:
    """All VRPs; three come again, one of them with more time; one has expired."""
    path = tmp_path / "vrps.json"
    roas = [
        {
            "asn": vrp.asn,
            "prefix": str(vrp.prefix),
            "maxLength": vrp.max_length,
            "ta": "test",
            "expires": 2_000_000_000,
        }
        for vrp in some_vrps
    ]
    again = [{**roas[0], "expires": 2_100_000_000}, *roas[1:3]]
    expired = {**roas[5], "asn": 77, "expires": 1_000_000_000}
    document = {
        "metadata": {"buildtime": "2026-01-01T00:00:00Z"},
        "roas": [*roas, *again, expired],
    }
    path.write_text(json.dumps(document))
    return path


def test_p4_gives_a_line_where_the_structs_agree(export: Path) -> None:
    assert str(p4.measure(export, 2)).startswith("P4 peer=msgspec peer_seconds=")


@pytest.mark.parametrize("change", ["lost", "expires", "asn"])
def test_p4_fails_where_a_vrp_differs(export: Path, change: str) -> None:
    theirs = p4.decode(export.read_bytes())
    table = p4.index(export)
    p4.compare(theirs, table)
    if change == "lost":
        del theirs.roas[4]
    elif change == "expires":
        theirs.roas[4].expires += 1
    else:
        theirs.roas[4].asn += 1
    with pytest.raises(Unequal):
        p4.compare(theirs, table)


# --------------------------------------------------------------------------------------------- P5


@pytest.fixture
def delegated(tmp_path: Path) -> Path:
    path = tmp_path / "delegated-test-extended-latest.gz"
    lines = [
        "2|ripencc|20260101|3|19830101|20260101|+0000",
        "ripencc|NL|ipv4|20.0.0.0|16777216|20200101|allocated|a",
        "ripencc|DE|ipv6|2a00::|29|20200101|allocated|b",
        "ripencc|DE|asn|1|3|20200101|allocated|b",
    ]
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    return path


@pytest.fixture
def inputs(export: Path, listed: Path) -> tuple[VrpBatch, RouteBatch]:
    options = ReadOptions()
    return (
        vrp_export.load(LocalFile(export, "vrps"), options),
        route_list.load(LocalFile(listed, "routes"), options),
    )


def test_p5_gives_a_line_where_the_recount_agrees(
    export: Path,
    listed: Path,
    delegated: Path,
    inputs: tuple[VrpBatch, RouteBatch],
    tmp_path: Path,
) -> None:
    result = p5.measure(export, listed, [delegated], *inputs, tmp_path, 1)
    assert str(result).startswith("P5 peer=none peer_seconds=- ours_seconds=")
    assert result.runs[0].megabytes > 10
    countries = p5.read_states(tmp_path / "country.csv")
    assert {"NL", "DE", "ZZ"} <= {group for group, _ in countries}


def test_p5_fails_where_a_count_differs(
    export: Path,
    listed: Path,
    delegated: Path,
    inputs: tuple[VrpBatch, RouteBatch],
    tmp_path: Path,
) -> None:
    _, report = p5.cold([tmp_path, export, listed, delegated])
    p5.compare(tmp_path, report, *inputs)
    with pytest.raises(Unequal, match="excluded"):
        p5.compare(tmp_path, {**report, "routes": report["routes"] + 1}, *inputs)
    for name, problem in (("country.csv", "countries add up"), ("asn.csv", "the recount")):
        _tamper(tmp_path / name)
        with pytest.raises(Unequal, match=problem):
            p5.compare(tmp_path, report, *inputs)


def _tamper(path: Path) -> None:
    """Move a route from one state to another in the first row that has any."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    row = next(row for row in rows if int(row["routes_announced"]))
    row["routes_valid"] = str(int(row["routes_valid"]) + 1)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_p5_recounts_what_is_excluded_by_the_rules(inputs: tuple[VrpBatch, RouteBatch]) -> None:
    texts = ["20.0.0.0/24", "20.0.0.0/25", "0.0.0.0/0", "10.0.0.0/8", "2a00::/48", "2a00::/49"]
    asns = [1, 1, 1, 1, 64496, 1]
    batch = route_batch([R(_network(text), asn) for text, asn in zip(texts, asns, strict=True)])
    expected, excluded, total = p5.recount(inputs[0], batch)
    assert (excluded, total) == (5, 6)
    assert list(expected) == [("AS1", "ipv4")]


# --------------------------------------------------------------------------------------------- P6


def test_p6_changes_vrps_and_gives_a_line(some_vrps: list[V], some_routes: list[R]) -> None:
    deltas = p6.drawn(len(some_vrps), 6, 4, 1)
    assert len({row for rows in deltas for row in rows.tolist()}) == 12
    line = p6.measure(vrp_batch(some_vrps), route_batch(some_routes), deltas)
    assert len(line.ours) == 3
    assert str(line).startswith("P6 peer=none peer_seconds=- ours_seconds=")
    assert "changed_vrps=6 " in str(line)


def test_p6_fails_and_names_the_route_where_a_verdict_is_not_what_it_should_be(
    some_vrps: list[V], some_routes: list[R], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = PipelineState(AnnouncedRules())
    p6.start(state, vrp_batch(some_vrps), route_batch(some_routes), np.arange(3))
    p6.check(state)
    stale = replace(state.routes, verdict=np.zeros(len(state.routes), "u1"))
    monkeypatch.setattr(PipelineState, "routes", stale)
    with pytest.raises(Unequal, match=r"verdicts, first .* NOT_FOUND after the change"):
        p6.check(state)


def test_p6_counts_each_route_under_changed_vrps_once(some_routes: list[R]) -> None:
    table = routes.publish(routes.see(route_batch(some_routes)), np.zeros(len(some_routes), "u1"))
    nested = ["20.0.0.0/10", "20.0.0.0/16", "20.0.0.0/16", "2a00::/32", "99.0.0.0/8"]
    changed = Prefixes.of([Prefix.parse(text) for text in nested])
    inside = {r for r in some_routes for text in nested if _inside(r.prefix, _network(text))}
    assert p6.under(table, changed) == len(inside) > 10


def _inside(prefix: Network, other: Network) -> bool:
    return covers(V(other, other.max_prefixlen, 1), R(prefix, 1))


def test_p6_says_the_median_of_ratios_and_whether_its_own_goal_is_met() -> None:
    line = p6.Line("notify", (0.1, 0.2, 0.4), 0.3, "changed_vrps=2", "BIRD", (1.0, 1.0, 8.0))
    assert str(line) == (
        "P6 peer=BIRD peer_seconds=1 ours_seconds=0.2 ratio=10 goal=<=0.3s met "
        "from=notify worst_seconds=0.4 changed_vrps=2"
    )


@needs_bird
@needs_stayrtr
def test_p6_waits_for_our_answer_and_for_what_bird_lets_in(
    some_vrps: list[V], some_routes: list[R], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(p6, "_BETWEEN_SECONDS", 0.0)
    monkeypatch.setattr(p6_sides, "_QUIET_SECONDS", 0.2)
    usable = [r for r in some_routes if r.origin and r.prefix.prefixlen]
    file = tmp_path / "routes.csv"
    file.write_text("prefix,origin\n" + "".join(f"{r.prefix},{r.origin}\n" for r in usable))
    vrps, listed = vrp_batch(some_vrps), route_batch(usable)
    lines = list(p6.beside(vrps, listed, file, p6.drawn(len(some_vrps), 10, 2, 1)))
    assert len(lines) == 1
    assert str(lines[0]).startswith("P6 peer=BIRD peer_seconds=")
    assert len(lines[0].ours) == len(lines[0].theirs) == 1


# ------------------------------------------------------------------------------------ the command


def test_a_line_says_whether_its_goal_is_met() -> None:
    fast = Result("P1", "x", Goal(100), ((2.0, 0.01), (3.0, 0.01), (2.0, 0.5)))
    assert str(fast) == ("P1 peer=x peer_seconds=2 ours_seconds=0.01 ratio=200 goal=>=100 met")
    slow = Result("P4", "x", Goal(2.5, at_least=False), ((1.0, 3.0),))
    assert str(slow).endswith("ratio=3 goal=<=2.5 missed")


def test_both_sides_are_timed_in_turn() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return 1.0

    alternate(lambda: side("peer"), lambda: side("ours"), 3)
    assert order == ["peer", "ours"] * 3


def test_what_was_made_is_made_again_only_from_other_content(tmp_path: Path) -> None:
    source = tmp_path / "source"
    made: list[Path] = []

    def write(out: Path) -> None:
        made.append(out)
        out.write_text("made")

    for content in ("one", "one", "two"):
        source.write_text(content)
        path = made_from(source, "stem", ".txt", write, tmp_path)
        assert path.read_text() == "made"
    assert len(made) == 2


@pytest.mark.parametrize("chosen", [["P1"], ["p4"], []])
def test_missing_data_are_said_in_a_line_and_the_rest_goes_on(
    chosen: Sequence[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *chosen],
        cwd=common.ROOT,
        env={"ORIGINSIGHT_TEST_DATA": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) == (len(chosen) or len(DISCIPLINES))
    assert all("not run: no " in line for line in lines)


def test_a_discipline_that_is_not_there_is_a_usage_error() -> None:
    assert command.main(["P99"]) == 2


def test_a_peer_that_is_missing_or_wrong_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> object:
        raise NotRun("no peer here")

    def wrong() -> object:
        raise Unequal("they differ")

    monkeypatch.setattr(
        command, "DISCIPLINES", {"A": absent, "B": wrong, "C": lambda: iter(["C line"])}
    )
    assert command.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "A not run: no peer here",
        "B answers differ: they differ",
        "C line",
    ]
    assert command.main(["C"]) == 0
