"""RTR caches, followed through RTRlib: real StayRTRs, one and several.

Every transaction is watched: what is in force is at all times a set that a cache announces as a
whole, never a part of one.
"""

from __future__ import annotations

import asyncio
import bz2
import gc
import os
import socket
from pathlib import Path

import msgspec
import pytest

from collectors import rtrlib
from collectors.live import Message, VrpTransaction
from collectors.rtr import RtrCache, RtrCollector, RtrSettings
from tests import rtr_bytes
from tests.rtr_bytes import response, says, scripted_cache
from tests.rtr_caches import (
    PATIENCE_SECONDS,
    Proxy,
    StayRtr,
    following,
    nothing_is_left,
    threads,
    vrps,
)

pytestmark = pytest.mark.usefixtures("nothing_is_left")
__all__ = ["nothing_is_left"]

OLD, NEW = vrps(2000), vrps(2000, first=500, asn=64500)


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
            "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)
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
        for turn in range(30):
            if turn % 5 == 4:  # and once in a while, stopped in the middle of an update
                proxy.allowed = 60_000
                proxy.stuck.clear()
                async with following(proxy.port), asyncio.timeout(PATIENCE_SECONDS):
                    await proxy.stuck.wait()
            else:
                await asyncio.wait_for(once(cache.port), PATIENCE_SECONDS)
            gc.collect()
            sizes.append(resident())
        assert sizes[-1] - sizes[12] < 6 << 20, (
            sizes
        )  # leaking each turn's VRPs would take more than 12 MB
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
    roas = msgspec.json.decode(bz2.decompress(packed.read_bytes()))["roas"]
    full = {(roa["prefix"], roa["maxLength"], roa["asn"]) for roa in roas}
    assert len(full) == 723_524
    gone = set(list(full)[::600])
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
