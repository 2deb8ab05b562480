"""RTR caches, followed through RTRlib: real StayRTRs, and caches that misbehave as told.

Every transaction is watched: what is in force is at all times a set that a cache announces as a
whole, never a part of one.
"""

from __future__ import annotations

import asyncio
import bz2
import gc
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collectors import rtrlib
from collectors.live import Message, VrpTransaction
from collectors.rtr import RtrCache, RtrCollector, RtrSettings
from tests import rtr_bytes
from tests.rtr_bytes import notify, prefixes, response, says, scripted_cache, serves
from tests.rtr_caches import PATIENCE_SECONDS, Proxy, StayRtr, following, vrps
from validator.model import SettingsError

OLD, NEW = vrps(2000), vrps(2000, first=500, asn=64500)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """RTRlib is there, and after each test no connection of it is."""
    try:
        rtrlib.require()
    except SettingsError as error:
        pytest.skip(str(error))
    before = threads()
    yield
    assert not rtrlib._live
    end = time.monotonic() + PATIENCE_SECONDS
    while threads() > before:  # the kernel is a moment behind in counting
        assert time.monotonic() < end, "a thread is left"
        time.sleep(0.01)


def threads() -> int:
    """Threads that Python does not know: RTRlib's, and those of numeric libraries."""
    return len(list(Path("/proc/self/task").iterdir())) - threading.active_count()


def beside(port: int, preference: int) -> RtrCache:
    return RtrCache(host="127.0.0.1", port=port, preference=preference)


# ------------------------------------------------------------------------------------ one StayRTR


async def test_the_first_transaction_is_a_reset_with_all_vrps(tmp_path: Path) -> None:
    async with StayRtr(tmp_path, OLD) as cache, following(cache.port) as (watched, _):
        await watched.until(OLD)
        await watched.until_state("fresh")
        first = watched.transactions[0]
        assert first.reset
        assert first.source == "test"
        assert first.announced.trust_anchors == (f"rtr:127.0.0.1:{cache.port}",)
        assert not first.announced.trust_anchor.any()
        assert not first.announced.expires.any()
        assert len(watched.transactions) == 1


async def test_a_change_of_the_caches_file_is_one_delta(tmp_path: Path) -> None:
    async with StayRtr(tmp_path, OLD) as cache, following(cache.port) as (watched, _):
        await watched.until(OLD)
        cache.change(NEW)
        await watched.until(NEW)
        last = watched.transactions[-1]
        assert not last.reset
        assert (len(last.announced), len(last.withdrawn)) == (len(NEW - OLD), len(OLD - NEW))
        cache.change(OLD)
        await watched.until(OLD)
        watched.only_saw(OLD, NEW)


async def test_a_restarted_cache_is_followed_on(tmp_path: Path) -> None:
    """It has a new session, and other VRPs; what was there stays until they are complete."""
    async with StayRtr(tmp_path, OLD) as cache, following(cache.port) as (watched, collector):
        await watched.until(OLD)
        await cache.kill()
        await watched.until_state("late")
        cache.write(NEW)
        await cache.start()
        await watched.until(NEW)
        await watched.until_state("fresh")
        watched.only_saw(OLD, NEW)
        assert [sent.reset for sent in watched.transactions] == [True, False]
        assert collector.caches[0].connections == 1, "RTRlib found back by itself"


async def test_a_cache_killed_in_the_middle_of_an_update_leaves_no_half(tmp_path: Path) -> None:
    async with StayRtr(tmp_path, OLD) as cache, Proxy(cache.port) as proxy:
        proxy.allowed = 20_000
        async with following(proxy.port) as (watched, _):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await proxy.stuck.wait()
            await cache.kill()
            proxy.cut()
            await watched.until_state("failed")
            assert not watched.transactions
            proxy.allowed = None
            cache.write(NEW)
            await cache.start()
            await watched.until(NEW)
            watched.only_saw(NEW)


async def test_a_connection_lost_in_the_middle_of_a_delta_leaves_no_half(tmp_path: Path) -> None:
    async with (
        StayRtr(tmp_path, OLD) as cache,
        Proxy(cache.port) as proxy,
        following(proxy.port) as (watched, _),
    ):
        await watched.until(OLD)
        proxy.allowed = 4_000
        cache.change(NEW)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await proxy.stuck.wait()
        proxy.cut()
        await watched.until_state("late")
        proxy.allowed = None
        await watched.until(NEW)
        watched.only_saw(OLD, NEW)


async def test_stopping_in_the_middle_of_an_update_is_quick_and_hands_nothing_on(
    tmp_path: Path,
) -> None:
    async with StayRtr(tmp_path, OLD) as cache, Proxy(cache.port) as proxy:
        proxy.allowed = 20_000
        async with following(proxy.port) as (watched, _):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await proxy.stuck.wait()
        assert not watched.transactions
        assert not rtrlib._live


async def test_caches_are_reached_through_ssh(tmp_path: Path) -> None:
    for name in ("host", "client"):
        made = await asyncio.create_subprocess_exec(
            "ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", str(tmp_path / name)
        )
        assert await made.wait() == 0
    served = StayRtr(
        tmp_path, OLD, "-bind", "", "-ssh.key", str(tmp_path / "host"), "-ssh.method.key",
        "-ssh.auth.key.file", str(tmp_path / "client.pub"), "-ssh.bind",
    )  # fmt: skip
    served._more += (f"127.0.0.1:{served.port}",)
    key = " ".join((tmp_path / "host.pub").read_text().split()[:2])
    known, unknown = tmp_path / "known", tmp_path / "unknown"
    known.write_text(f"[127.0.0.1]:{served.port} {key}\n")
    other = " ".join((tmp_path / "client.pub").read_text().split()[:2])
    unknown.write_text(f"[127.0.0.1]:{served.port} {other}\n")

    def through(hosts: Path) -> RtrCache:
        return RtrCache(
            host="127.0.0.1", port=served.port, transport="ssh", user="rpki",
            private_key=str(tmp_path / "client"), known_hosts=str(hosts),
        )  # fmt: skip

    async with served, following(through(known)) as (watched, _):
        await watched.until(OLD)
        served.change(NEW)
        await watched.until(NEW)
        async with following(through(unknown)) as (watched, _):
            await watched.until_state("failed", "known_hosts")
            assert not watched.transactions


# ------------------------------------------------------------------------- caches that misbehave


async def test_a_reload_that_breaks_off_does_not_poison_the_next() -> None:
    """RTRlib 0.8.0 forgets that it holds VRPs, and refuses them for ever as duplicates."""

    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await rtr_bytes.query(reader)
        writer.write(rtr_bytes.full(OLD) + notify(1, 2))
        await rtr_bytes.query(reader)
        writer.write(rtr_bytes.cache_reset())
        await rtr_bytes.query(reader)
        writer.write(response(1) + prefixes(NEW)[:5000])
        await writer.drain()

    async with (
        scripted_cache([resets, serves(NEW, 1)]) as port,
        following(port) as (watched, collector),
    ):
        await watched.until(NEW)
        watched.only_saw(OLD, NEW)
        assert collector.caches[0].connections == 1


async def test_an_answer_in_another_session_leads_to_a_reload() -> None:
    async def restarts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await rtr_bytes.query(reader)
        writer.write(rtr_bytes.full(OLD, 1) + notify(1, 2))
        await rtr_bytes.query(reader)
        writer.write(response(2) + prefixes(NEW - OLD) + rtr_bytes.end_of_data(2, 2))
        await reader.read()

    async with scripted_cache([restarts, serves(NEW, 2)]) as port, following(port) as (watched, _):
        await watched.until(NEW)
        watched.only_saw(OLD, NEW)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2p1\r\n" * 20, id="another protocol"),
        pytest.param(bytes(5000), id="zeros"),
        pytest.param(b"\xff" * 5000, id="ones"),
        pytest.param(np.random.default_rng(1).bytes(20_000), id="noise"),
        pytest.param(response(1) + prefixes(OLD) + b"\xff" * 64, id="noise after VRPs"),
        pytest.param(response(1) + prefixes(OLD)[:-7], id="cut off"),
        pytest.param(
            response(1) + prefixes(OLD) + rtr_bytes.end_of_data(3, 1), id="another session's end"
        ),
        pytest.param(
            response(1) + prefixes(OLD) + prefixes(OLD) + rtr_bytes.end_of_data(1, 1), id="twice"
        ),
        pytest.param(
            response(1)
            + prefixes(OLD)
            + prefixes(NEW - OLD, announce=False)
            + rtr_bytes.end_of_data(1, 1),
            id="withdraws what is not there",
        ),
        pytest.param(rtr_bytes.error(1, b"out\x00of\ncoffee"), id="an error report"),
        pytest.param(rtr_bytes.error(0, inner_length=0xFFFF_FFF0), id="a length that wraps"),
    ],
)
async def test_garbage_costs_its_connection_and_nothing_else(garbage: bytes) -> None:
    async with (
        scripted_cache([says(garbage), serves(NEW)]) as port,
        following(port) as (watched, _),
    ):
        await watched.until(NEW)
        watched.only_saw(NEW)


async def test_what_a_cache_does_wrong_is_told() -> None:
    twice = response(1) + prefixes(OLD) + prefixes(OLD) + rtr_bytes.end_of_data(1, 1)
    async with scripted_cache([says(twice, then_close=False)]) as port, following(port) as (w, _):
        await w.until_state("failed", "duplicate announcement")
        assert not w.transactions


async def test_garbage_in_a_delta_changes_nothing() -> None:
    """RTRlib has applied half of it when it sees the fault, and takes that back, or not."""

    async def spoils(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await rtr_bytes.query(reader)
        writer.write(rtr_bytes.full(OLD) + notify(1, 2))
        await rtr_bytes.query(reader)
        delta = prefixes(NEW - OLD) + prefixes(list(OLD)[:1])
        writer.write(response(1) + delta + rtr_bytes.end_of_data(1, 2))
        await reader.read()

    async with scripted_cache([spoils, serves(NEW, 1)]) as port, following(port) as (watched, _):
        await watched.until(NEW)
        watched.only_saw(OLD, NEW)


async def test_vrps_that_are_none_are_refused_and_counted() -> None:
    """Among them prefix lengths of which each by itself would end the process in RTRlib's trie."""
    bad = {
        "prefix-length": [("0.0.0.0/" + str(n), n, 1) for n in range(33, 256)]
        + [("::/" + str(n), n, 1) for n in range(129, 256)],
        "host-bits": [("10.0.0.1/24", 24, 1), ("2001:db8::1/127", 128, 1)],
        "maxlength-below-length": [("10.0.0.0/24", 23, 1), ("2001:db8::/32", 0, 1)],
        "maxlength-beyond-family": [("10.0.0.0/24", 33, 1), ("2001:db8::/32", 129, 1)],
    }
    good = {(f"0.0.0.0/{n}", 32, 1) for n in range(33)} | {(f"::/{n}", 128, 1) for n in range(129)}
    wrong = [vrp for each in bad.values() for vrp in each]

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await rtr_bytes.query(reader)
        writer.write(response(1) + prefixes(good) + prefixes(wrong) + rtr_bytes.end_of_data(1, 1))
        writer.write(notify(1, 2))
        await rtr_bytes.query(reader)
        gone = prefixes(bad["host-bits"], announce=False)
        writer.write(response(1) + gone + prefixes(OLD) + rtr_bytes.end_of_data(1, 2))
        await reader.read()

    async with scripted_cache([answers]) as port, following(port) as (watched, _):
        await watched.until(good | OLD)
        watched.only_saw(good, good | OLD)
        counts = {reason: len(each) for reason, each in bad.items()}
        assert watched.transactions[0].announced.report.rejected == counts
        del counts["host-bits"]
        assert watched.transactions[1].announced.report.rejected == counts


async def test_a_cache_that_announces_too_many_is_refused() -> None:
    async with (
        scripted_cache([serves(OLD)]) as port,
        following(port, max_vrps=1999) as (
            watched,
            collector,
        ),
    ):
        await watched.until_state("failed", "max_vrps (1,999)")
        assert not watched.transactions
        assert len(OLD) == 2000
        assert collector.caches[0].latest is None


async def test_an_endless_update_is_cut_off() -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await rtr_bytes.query(reader)
        writer.write(response(1))
        while True:
            writer.write(prefixes([("10.0.0.0/8", 40, 1)]) * 5000)
            await writer.drain()

    async with scripted_cache([floods]) as port, following(port, max_vrps=10_000) as (watched, _):
        await watched.until_state("failed", "more than max_vrps")
        assert not watched.transactions


@pytest.mark.parametrize("said", [b"", response(1) + prefixes(OLD)], ids=["at once", "midway"])
async def test_a_silent_cache_is_left(said: bytes) -> None:
    answers = [says(said, then_close=False), serves(NEW)]
    async with scripted_cache(answers) as port, following(port, silence_seconds=1) as (watched, _):
        await watched.until_state("failed", "silent")
        await watched.until(NEW)
        watched.only_saw(NEW)


async def test_vrps_of_a_cache_that_fell_silent_expire_but_are_not_withdrawn() -> None:
    """Its connection stays up. Whether old VRPs may still be used is the pipeline's to say."""
    silent = says(rtr_bytes.full(OLD, expire=600), then_close=False)
    async with (
        scripted_cache([silent, says(b"", then_close=False)]) as port,
        following(port, expire_seconds=1) as (watched, _),
    ):
        await watched.until(OLD)
        await watched.until_state("failed", "expired")
        watched.only_saw(OLD)


async def test_after_failures_in_a_row_the_connection_is_made_anew() -> None:
    refuses = says(rtr_bytes.error(1, b"internal"))
    async with (
        scripted_cache([refuses] * 5 + [serves(NEW)]) as port,
        following(port) as (watched, collector),
    ):
        await watched.until_state("failed", "5 failures in a row")
        await watched.until(NEW)
        assert collector.caches[0].connections == 2


async def test_a_cache_without_data_is_asked_again() -> None:
    async with (
        scripted_cache([says(rtr_bytes.error(2)), serves(NEW)]) as port,
        following(port) as (watched, _),
    ):
        await watched.until(NEW)
        assert any("error 2" in detail for _, detail in watched.states)


# --------------------------------------------------------------------------------- several caches


async def test_a_less_preferred_cache_stands_in_until_the_other_is_back(tmp_path: Path) -> None:
    async with StayRtr(tmp_path / "a", OLD) as first, StayRtr(tmp_path / "b", NEW) as second:
        caches = beside(second.port, 2), beside(first.port, 1)
        async with following(*caches, failover_seconds=1.0) as (watched, _):
            await watched.until(OLD)
            await watched.until_state("fresh")
            await first.kill()
            await watched.until(NEW)
            await watched.until_state("degraded", f"{second.port} stands in")
            assert watched.transactions[-1].reset
            anchors = watched.transactions[-1].announced
            assert anchors.trust_anchors[anchors.trust_anchor[0]].endswith(f":{second.port}")
            await first.start()
            await watched.until(OLD)
            await watched.until_state("fresh")
            assert watched.transactions[-1].reset
            second.change(vrps(10))  # not in force: nobody hears of it
            first.change(vrps(20))
            await watched.until(vrps(20))
            watched.only_saw(OLD, NEW, vrps(20))


async def test_a_short_interruption_of_the_preferred_cache_changes_nothing(tmp_path: Path) -> None:
    async with StayRtr(tmp_path / "a", OLD) as first, StayRtr(tmp_path / "b", NEW) as second:
        caches = beside(first.port, 1), beside(second.port, 2)
        async with following(*caches, failover_seconds=3600) as (watched, _):
            await watched.until(OLD)
            await watched.until_state("fresh")
            before = len(watched.transactions)
            await first.kill()
            await watched.until_state("late")
            await first.start()
            await watched.until_state("fresh")
            assert len(watched.transactions) == before


async def test_in_a_union_a_vrp_stays_while_any_cache_announces_it(tmp_path: Path) -> None:
    async with StayRtr(tmp_path / "a", OLD) as first, StayRtr(tmp_path / "b", NEW) as second:
        caches = beside(first.port, 1), beside(second.port, 2)
        async with following(*caches, merge="union") as (watched, _):
            await watched.until(OLD | NEW)
            some = vrps(100)
            first.change(some)
            await watched.until(some | NEW)
            second.change(OLD)
            await watched.until(OLD)
            assert not watched.transactions[-1].reset
            await second.kill()  # its VRPs count until they expire
            first.change(NEW)
            await watched.until(OLD | NEW)
            watched.only_saw(OLD, NEW, OLD | NEW, some | NEW)
            assert sum(sent.reset for sent in watched.transactions) == 1


async def test_in_a_union_the_vrps_of_an_expired_cache_go() -> None:
    silent = says(rtr_bytes.full(OLD, expire=600), then_close=False)

    async def refreshes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serial = 1
        await rtr_bytes.query(reader)
        writer.write(rtr_bytes.full(NEW, expire=600))
        while await rtr_bytes.query(reader):
            serial += 1
            writer.write(response(1) + rtr_bytes.end_of_data(1, serial, expire=600))

    async with (
        scripted_cache([silent, says(b"", then_close=False)]) as port,
        scripted_cache([refreshes]) as other,
        following(
            beside(port, 1), beside(other, 2), merge="union", expire_seconds=3, refresh_seconds=1
        ) as (watched, _),
    ):
        await watched.until(OLD | NEW)
        await watched.until(NEW)
        watched.only_saw(OLD, NEW, OLD | NEW)


# -------------------------------------------------------------------------------------- endurance


async def test_memory_and_threads_do_not_grow_with_restarts(tmp_path: Path) -> None:
    held, before = vrps(5_000), threads()

    async def once(port: int) -> None:
        async with following(port) as (watched, _):
            await watched.until(held)

    async with StayRtr(tmp_path, held) as cache, Proxy(cache.port) as proxy:
        sizes = []
        for turn in range(50):
            if turn % 5 == 4:  # and once in a while, stopped in the middle of an update
                proxy.allowed = 60_000
                proxy.stuck.clear()
                async with following(proxy.port), asyncio.timeout(PATIENCE_SECONDS):
                    await proxy.stuck.wait()
            else:
                await asyncio.wait_for(once(cache.port), PATIENCE_SECONDS)
            gc.collect()
            sizes.append(resident())
        assert sizes[-1] - sizes[20] < 6 << 20, (
            sizes
        )  # leaking each turn's VRPs would take more than 20 MB
        assert threads() == before


async def test_a_cache_restarted_again_and_again_costs_no_memory(tmp_path: Path) -> None:
    before = threads()
    async with StayRtr(tmp_path, OLD) as cache, following(cache.port) as (watched, _):
        await watched.until(OLD)
        sizes = []
        for turn in range(4):
            await cache.kill()
            cache.write(NEW if turn % 2 == 0 else OLD)
            await cache.start()
            await watched.until(NEW if turn % 2 == 0 else OLD)
            sizes.append(resident())
        watched.only_saw(OLD, NEW)
        assert threads() == before + 1
        assert sizes[-1] - sizes[0] < 6 << 20, sizes


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# -------------------------------------------------------------------------------------- real data


@pytest.mark.real_data
async def test_the_whole_real_set_arrives_and_so_does_a_delta(
    tmp_path: Path, real_data: Path
) -> None:
    packed = real_data / "vrps" / "rpkiclient_summary_20250720T100145Z.json.bz2"
    roas = json.loads(bz2.decompress(packed.read_bytes()))["roas"]
    full = {(roa["prefix"], roa["maxLength"], roa["asn"]) for roa in roas}
    assert len(full) == 723_524
    gone = set(sorted(full)[::600])
    batches: asyncio.Queue[VrpTransaction] = asyncio.Queue()

    class Kept:
        async def put(self, message: Message) -> None:
            assert isinstance(message, VrpTransaction)
            await batches.put(message)

        def offer(self, message: Message) -> bool:
            raise AssertionError

        def report(self, state: str, detail: str = "") -> None:
            pass

    cache = StayRtr(tmp_path, full)
    async with cache:
        settings = RtrSettings(caches=(beside(cache.port, 1),), retry_seconds=1)
        task = asyncio.create_task(RtrCollector(settings, "real").run(Kept()))
        try:
            async with asyncio.timeout(60):
                first = await batches.get()
                await asyncio.to_thread(cache.change, full - gone)
                second = await batches.get()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert first.reset
    assert not first.announced.report.rejected
    assert tables_equal(first, full)
    assert not len(second.announced)
    assert tables_equal(second, gone)


def tables_equal(transaction: VrpTransaction, expected: set[rtr_bytes.V]) -> bool:
    batch = transaction.announced if transaction.reset else transaction.withdrawn
    columns = zip(
        batch.prefixes.family.tolist(),
        batch.prefixes.high.tolist(),
        batch.prefixes.low.tolist(),
        batch.prefixes.length.tolist(),
        batch.max_length.tolist(),
        batch.asn.tolist(),
        strict=True,
    )
    return set(columns) == {(*as_numbers(prefix), most, asn) for prefix, most, asn in expected}


def as_numbers(prefix: str) -> tuple[int, int, int, int]:
    address, _, length = prefix.partition("/")
    if ":" in address:
        value = int.from_bytes(socket.inet_pton(socket.AF_INET6, address), "big")
        return 6, value >> 64, value & (1 << 64) - 1, int(length)
    return 4, int.from_bytes(socket.inet_aton(address), "big") << 32, 0, int(length)
