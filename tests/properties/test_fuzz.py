"""A short run of the fuzzing in every test run, and the runner against decoders known to be bad."""

from __future__ import annotations

import ipaddress
import itertools
import os
import time
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pytest

from bench.common import data_folder
from bench.fuzz import Runner, chunks_of, main, save
from bench.fuzz_invariants import Broken, check, check_prefixes, check_rows
from bench.fuzz_mutations import LARGEST_CASE, mutate_bytes, mutate_json, mutate_mrt, mutate_text
from bench.fuzz_targets import LIVE_TARGETS, TARGETS, Target, seeds_of
from bench.fuzz_worker import Tally, make_case, run_cases
from collectors.wire.update_columns import Rows
from tests.oracle import R, V, route_batch, vrp_batch
from validator.model import Entry, Prefix, Prefixes, SourceError, TruncatedSource
from validator.sample import write_world

CASES = 300
EVERY_TARGET = [*TARGETS, *LIVE_TARGETS]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_world(folder)
    return folder


@pytest.mark.parametrize("target", EVERY_TARGET, ids=lambda target: target.name)
def test_a_decoder_survives_damaged_files(target: Target, sample: Path, tmp_path: Path) -> None:
    seeds = seeds_of(target, data_folder(), sample)
    tally = run_cases(target, seeds, 7, range(CASES), tmp_path)
    assert tally.failures == []
    assert tally.cases == CASES
    if data_folder().is_dir():  # damage shows otherwise in the few inputs of the sample alone
        assert tally.accepted > CASES // 20
        assert tally.refused + tally.truncated > CASES // 50


def test_there_are_inputs_without_the_real_data(sample: Path) -> None:
    for target in EVERY_TARGET:
        assert seeds_of(target, Path("no such folder"), sample), target.name


@pytest.mark.parametrize("target", EVERY_TARGET, ids=lambda target: target.name)
def test_a_case_follows_from_its_seed(target: Target, sample: Path) -> None:
    seeds = seeds_of(target, Path("no such folder"), sample)
    once = [make_case(target, seeds, 1, 100 + number) for number in range(30)]
    again = [make_case(target, seeds, 1, 100 + number) for number in reversed(range(30))]
    assert once == again[::-1]
    assert len(set(once)) > 20
    assert max(map(len, once)) <= LARGEST_CASE


def test_mutations_of_nothing_are_harmless() -> None:
    for mutate in (mutate_bytes, mutate_text, mutate_json, mutate_mrt):
        for seed in range(50):
            mutate(Random(seed), b"", [b""])


# ------------------------------------------------------------------------------- what must be seen


def _seeds(data: Path, sample: Path) -> list[bytes]:
    return [b"seed"]


def _as_it_is(rng: Random, raw: bytes, others: object) -> bytes:
    return b"%d" % rng.randrange(1000)


def _sleeping(raw: bytes, folder: Path) -> None:
    time.sleep(60)


def _dying(raw: bytes, folder: Path) -> None:
    os.abort()


def _greedy(raw: bytes, folder: Path) -> None:
    assert b"x" * (300 << 20)


def _insatiable(raw: bytes, folder: Path) -> None:
    assert b"x" * (3 << 30)


def _raising(error: Exception, raw: bytes, folder: Path) -> None:
    raise error


def _good(raw: bytes, folder: Path) -> None:
    return None


def _target(name: str, decode: object) -> Target:
    return Target(name, 1, _seeds, _as_it_is, decode)  # type: ignore[arg-type]


def _run(tmp_path: Path, decode: object, cases: int = 6, hang_seconds: float = 60.0) -> Tally:
    """A bad decoder beside a good one, in processes of their own."""
    targets = [_target("bad", decode), _target("good", _good)]
    seeds = {target.name: [b"seed"] for target in targets}
    runner = Runner(targets, seeds, 1, tmp_path, hang_seconds=hang_seconds)
    tallies = runner.run([(0, 0, cases), (1, 0, 40)], 2)
    assert tallies["good"] == Tally(cases=40, accepted=40)
    return tallies["bad"]


def test_a_decoder_that_hangs_is_caught_with_its_stack(tmp_path: Path) -> None:
    tally = _run(tmp_path, _sleeping, cases=1, hang_seconds=1.0)
    assert [failure.case for failure in tally.failures] == [0]
    assert "hangs" in tally.failures[0].problem
    assert "_sleeping" in tally.failures[0].details


def test_a_decoder_that_takes_the_process_with_it_is_caught(tmp_path: Path) -> None:
    tally = _run(tmp_path, _dying, cases=2)
    assert [failure.case for failure in tally.failures] == [0, 1]
    assert tally.cases == 2
    assert all("ended the process" in failure.problem for failure in tally.failures)


def test_a_decoder_that_wants_too_much_memory_is_caught(tmp_path: Path) -> None:
    assert "larger" in _run(tmp_path, _greedy).failures[0].problem
    assert "MemoryError" in _run(tmp_path, _insatiable).failures[0].problem


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (ValueError("no"), "ValueError: no"),
        (SourceError("x", "two\nlines"), "not one plain line"),
        (SourceError("x", "\x1b[2J"), "not one plain line"),
        (SourceError("x", "y" * 3000), "not one plain line"),
    ],
)
def test_what_a_decoder_may_not_raise_is_a_failure(
    error: Exception, what: str, tmp_path: Path
) -> None:
    target = _target("bad", partial(_raising, error))
    (failure,) = run_cases(target, [b"seed"], 1, range(1), tmp_path).failures
    assert what in failure.problem


def test_refusals_and_truncations_are_counted_apart(tmp_path: Path) -> None:
    refusing = _target("r", partial(_raising, SourceError("x", "bad")))
    early = _target("t", partial(_raising, TruncatedSource("x", "ends early")))
    assert run_cases(refusing, [b""], 1, range(3), tmp_path) == Tally(cases=3, refused=3)
    assert run_cases(early, [b""], 1, range(3), tmp_path) == Tally(cases=3, truncated=3)


def test_the_input_of_a_failure_is_kept(tmp_path: Path) -> None:
    target = _target("bad", partial(_raising, ValueError("no")))
    (failure,) = run_cases(target, [b"seed"], 5, range(9, 10), tmp_path).failures
    raw = make_case(target, [b"seed"], 5, 9)
    path = save(failure, raw, tmp_path / "out")
    assert path.name == "fuzz-bad-5-9"
    assert path.read_bytes() == raw
    assert "Traceback" in path.with_name("fuzz-bad-5-9.txt").read_text()


def test_cases_are_shared_out_without_a_gap() -> None:
    chunks = chunks_of(EVERY_TARGET, 10_000, 50_000)
    for index, target in enumerate(EVERY_TARGET):
        own = sorted((start, stop) for at, start, stop in chunks if at == index)
        assert own[0][0] == 0
        assert all(one[1] == two[0] for one, two in itertools.pairwise(own))
        assert own[-1][1] == (50 if target in LIVE_TARGETS else 10) * target.share


def test_by_default_bgp_and_bmp_are_fuzzed_with_half_a_million_cases() -> None:
    names = {"bgp-update", "mrt-updates", "bmp", "bmp-router"}
    live = [target for target in LIVE_TARGETS if target.name in names]
    assert sum(stop - start for _, start, stop in chunks_of(live, 1)) >= 500_000


def test_the_command_runs_one_decoder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "sniff", "--cases", "60", "--processes", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-2].startswith("sniff cases=60 ")


# -------------------------------------------------------------------------------------- invariants


def _prefixes(family: int, high: int, low: int, length: int) -> Prefixes:
    return Prefixes(
        np.array([family], "u1"), np.array([high], "u8"), np.array([low], "u8"),
        np.array([length], "u1"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "::/0", "255.255.255.255/32", "2001:db8::/64", "2001:db8::8000:0:0:0/65",
             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"],
)  # fmt: skip
def test_a_canonical_prefix_passes(text: str) -> None:
    check_prefixes(Prefixes.of([Prefix.parse(text)]))


@pytest.mark.parametrize(
    ("family", "high", "low", "length"),
    [
        (5, 0, 0, 0),
        (4, 0, 0, 33),
        (6, 0, 0, 129),
        (4, 1 << 39, 0, 24),
        (4, 1, 0, 32),
        (6, 0, 1, 64),
        (6, 1, 0, 63),
        (6, 0, 1, 127),
        (6, 0, 1 << 62, 65),
    ],
)
def test_a_prefix_that_is_not_canonical_is_caught(
    family: int, high: int, low: int, length: int
) -> None:
    with pytest.raises(Broken):
        check_prefixes(_prefixes(family, high, low, length))


def test_batches_that_break_their_layout_are_caught() -> None:
    prefix = ipaddress.ip_network("192.0.2.0/24")
    good = vrp_batch([V(prefix, 24, 1)])
    with pytest.raises(Broken, match="counts other rows"):
        check(good)  # the report of a test batch says nothing of rows
    with pytest.raises(Broken, match="maxLength"):
        check(vrp_batch([V(prefix, 23, 1)]))
    with pytest.raises(Broken, match="maxLength"):
        check(vrp_batch([V(prefix, 33, 1)]))
    with pytest.raises(Broken, match="origin"):
        check(route_batch([R(prefix, 1 << 32)]))


def test_rows_that_break_their_layout_are_caught() -> None:
    good = Rows(
        *(np.array([4], "u1"), np.array([10 << 56], "u8"), np.array([0], "u8")),
        *(np.array([8], "u1"), np.array([0], "u2"), np.array([64501], "i8")),
        *(np.array([64500], "u4"), np.array([0], "u4"), np.array([0], "u1")),
    )
    check_rows(good, 1)
    for broken, what in (
        (good._replace(length=np.array([6], "u1")), "beyond the length"),
        (good._replace(peer=np.array([1], "u2")), "peer"),
        (good._replace(origin=np.array([-1], "i8")), "an origin and its flags differ"),
        (good._replace(flags=np.array([Entry.WITHDRAWN], "u1")), "an origin and its flags differ"),
        (good._replace(flags=np.array([16], "u1")), "flag"),
        (good._replace(flags=np.array([Entry.OWN], "u1")), "neighbour"),
    ):
        with pytest.raises(Broken, match=what):
            check_rows(broken, 1)
