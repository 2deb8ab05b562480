"""RTR caches that misbehave as told: what RTRlib makes of it, and what we make of that.

Every transaction is watched: what is in force is at all times a set that a cache announces as a
whole, never a part of one.
"""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests import rtr_bytes
from tests.rtr_bytes import notify, prefixes, response, says, scripted_cache, serves
from tests.rtr_caches import following, nothing_is_left, vrps

pytestmark = pytest.mark.usefixtures("nothing_is_left")
__all__ = ["nothing_is_left"]

OLD, NEW = vrps(2000), vrps(2000, first=500, asn=64500)


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
