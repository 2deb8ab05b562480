"""The soak, short and small: what it claims holds, and it would see what must not happen.

How late or how large anything gets is not looked at: that is what ``make soak`` prints.
"""

from __future__ import annotations

import ipaddress
import itertools
import shutil
from collections import Counter
from pathlib import Path

import pytest

from bench import soak
from bench.soak_report import Measured, Report, differences, lag_buckets, lag_p99, share_within
from bench.soak_world import Covering, Net, Size, World, is_held, state, text
from collectors import rtrlib
from tests.oracle import Network, R, V, judge
from validator.model import SettingsError

CLAIMS = [
    "lost_updates", "lost_vrps", "query_errors", "wrong_answers",
    "vrp_deltas_seen", "updates_per_second", "rss_growth_percent", "lag_p99_seconds",
]  # fmt: skip
SMALL = Size(prefixes=2_000, vrps=800, changing=40)


def needs_the_programs() -> None:
    if shutil.which("stayrtr") is None:
        pytest.skip("no StayRTR here: apt install stayrtr")
    try:
        rtrlib.require()
    except SettingsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Report:
    needs_the_programs()
    plan = soak.Plan(
        seconds=4, updates_per_second=2_000, delta_seconds=1.5, queries_per_second=40,
        flap_seconds=1, size=SMALL,
    )  # fmt: skip
    return soak.run(plan, tmp_path_factory.mktemp("soak"))


def test_no_update_and_no_vrp_is_lost_and_every_answer_is_right(short: Report) -> None:
    results = {claim.name: (claim.value, claim.met) for claim in short.claims}
    for name in ("lost_updates", "lost_vrps", "query_errors", "wrong_answers"):
        assert results[name] == ("0", True), str(short)


def test_each_claim_is_a_line(short: Report) -> None:
    lines = str(short).splitlines()
    assert [line.split()[1].partition("=")[0] for line in lines[: len(CLAIMS)]] == CLAIMS
    assert all(line.endswith((" met", " missed")) for line in lines[: len(CLAIMS)])
    assert all(line.startswith("soak ") for line in lines)
    assert "soak lost_updates=0 goal=0 met" in lines


def test_the_short_soak_had_all_that_a_long_one_has(short: Report) -> None:
    remarks = "\n".join(short.remarks)
    for kind in ("validity", "canary", "list of 50", "list of 2000", "/status", "/metrics"):
        assert f"asked='{kind}'" in remarks, remarks
    assert "peer_flaps=0" not in remarks
    for name in ("valid", "invalid", "not-found"):
        assert f" {name}=" in short.remarks[0], "routes of every state"
        assert f" {name}=" in short.remarks[1], "answers of every state"


# ------------------------------------------------------------------------------- what it would see


def test_a_lost_update_would_be_seen() -> None:
    net: Net = (4, 0xF0000000, 24)
    whole = {(net, 1): (3, "valid"), (net, 2): (1, "invalid")}
    assert differences(whole, dict(whole)) == (0, [])
    for broken in (
        {(net, 1): (3, "valid")},
        {**whole, (net, 2): (1, "valid")},
        {**whole, (net, 1): (2, "valid")},
        {**whole, (net, 3): (1, "valid")},
    ):
        count, shown = differences(whole, broken)
        assert count == len(shown) == 1
        assert "240.0.0.0/24 from " in shown[0]


def test_growing_memory_would_be_seen_and_the_warm_up_is_not() -> None:
    flat, growing = Measured(0), Measured(0)
    flat.rss = [(at, 100 if at >= 30 else at) for at in range(91)]
    growing.rss = [(at, 100 + at) for at in range(91)]
    assert flat.rss_growth() == pytest.approx(0)
    assert growing.rss_growth() == pytest.approx(100 * 60 / 130)


def test_lag_is_read_from_the_metric() -> None:
    name = "originsight_event_loop_lag_seconds_bucket"
    lag = lag_buckets(
        f'{name}{{le="0.01"}} 980.0\n{name}{{le="0.02"}} 991.0\n'
        f'{name}{{le="+Inf"}} 1000.0\nother_bucket{{le="0.02"}} 5.0\n'.encode()
    )
    assert share_within(lag) == 0.991
    assert lag_p99(lag) == 0.02
    assert share_within(Counter()) == 0, "no sample is no proof"


# ---------------------------------------------------------------------------------------- the world


def test_its_reading_of_rfc_6811_is_that_of_the_tests() -> None:
    world = World(Size(prefixes=300, vrps=200, changing=20))
    plain = [V(_network(net), most, asn) for net, most, asn in world.in_force(3)]
    covering, states = Covering(world.in_force(3)), Counter[str]()
    for net, origins in zip(world.prefixes, world.origins, strict=True):
        for origin in (*origins, -1, 0):
            found = state(net, origin, covering.of(net))
            route = R(_network(net), None if origin == -1 else origin)
            assert found == judge(route, plain)[0], f"{text(net)} from {origin}"
            states[found] += 1
    assert set(states) == {"valid", "invalid", "not-found"}


def test_every_version_of_the_vrps_differs_and_none_is_small() -> None:
    held = [{i for i in range(1000) if is_held(i, version)} for version in range(97)]
    assert all(len(now) > 700 for now in held)
    assert all(100 < len(a ^ b) < 1000 for a, b in itertools.pairwise(held))


def test_one_seed_makes_one_world() -> None:
    first, again, other = World(SMALL), World(SMALL), World(Size(2_000, 800, 40, seed=2))
    assert first.prefixes == again.prefixes
    assert first.in_force(1) == again.in_force(1)
    assert first.prefixes != other.prefixes


def _network(net: Net) -> Network:
    return ipaddress.ip_network(text(net))


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.soak.OUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert soak.main(["--seconds", "1", "--prefixes", "1000"]) == 3
