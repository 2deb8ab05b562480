"""BIRD 2 beside us: the same routes, the same RTR cache, and the same state for every route.

A StayRTR serves VRPs to both. BIRD gets the routes over BGP, we get them as an MRT table with the
same AS_PATHs, so that each side derives the origins by itself. What BIRD does by default where a
path is empty or ends in a confederation segment is not RFC 6811's rule: bench/bird.py says what it
does and how it is asked for that rule.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.bgp_speaker import (
    ASN,
    CONFED_SEQUENCE,
    CONFED_SET,
    SEQUENCE,
    SET,
    Announced,
    Speaker,
    as_path,
    updates,
)
from bench.bird import Bird, bird_programs
from bench.common import NotRun
from collectors import rtrlib
from tests import mrt_bytes
from tests.oracle import Network
from tests.rtr_bytes import V
from tests.rtr_caches import PATIENCE_SECONDS, StayRtr
from validator.model import NO_ORIGIN, Prefix, SettingsError, Verdict
from validator.pipeline import Pipeline
from validator.service import live_sources
from validator.settings import file as settings
from validator.snapshot import Snapshot

SEED = 6811
TRANSITS = (64496, 64497, 64498, 396_000)
PATHS = 3  # origins of one prefix, at most

Route = tuple[str, int]
"""Prefix and origin."""


@pytest.fixture(autouse=True)
def _all_are_there() -> None:
    try:
        rtrlib.require()
        bird_programs()
    except (SettingsError, NotRun) as error:
        pytest.skip(str(error))


@dataclass(frozen=True)
class World:
    """Routes, and the VRPs before and after a change. ``origins`` is by prefix and path."""

    routes: list[Announced]
    origins: dict[tuple[str, int], int]
    vrps: frozenset[V]
    later: frozenset[V]


def make_world(seed: int) -> World:
    """A made-up Internet in private and documentation space: 8,448 holders, 110,000 routes.

    Shares are like the real ones: a bit more than half of the routes valid, most of the others not
    found, one in twenty invalid, one prefix in fifty of several origins.
    """
    dice = random.Random(seed)
    blocks = [
        *ipaddress.ip_network("10.0.0.0/8").subnets(new_prefix=20),
        *ipaddress.ip_network("172.16.0.0/12").subnets(new_prefix=20),
        *ipaddress.ip_network("2001:db8::/32").subnets(new_prefix=44),
    ]
    routes, origins = list[Announced](), dict[tuple[str, int], int]()
    vrps, later = set[V](), set[V]()
    for number, block in enumerate(blocks):
        holder = (64512 if number % 3 else 4_200_000_000) + number % 400
        prefixes = _announced_in(block, dice)
        signed, signed_later = _signed(block, prefixes, holder, dice), None
        if dice.random() < 0.1:  # the holder signs anew, or otherwise, or no longer
            signed_later = _signed(block, prefixes, holder, dice)
        vrps |= signed
        later |= signed if signed_later is None else signed_later
        for prefix in prefixes:
            parsed, text = Prefix.of(prefix), str(prefix)
            paths = dice.randint(2, PATHS) if dice.random() < 0.02 else 1
            for path_id in range(1, paths + 1):
                path, origins[text, path_id] = _path(holder, path_id, dice)
                routes.append(Announced(parsed, path, path_id))
    later |= {("10.64.0.0/12", 12, 0), ("2001:db8:8000::/34", 34, 0)}  # two AS0 over many holders
    later |= {("10.128.0.0/9", 24, ASN), ("10.128.0.0/10", 16, 64512)}
    return World(routes, origins, frozenset(vrps), frozenset(later))


def _announced_in(block: Network, dice: random.Random) -> list[Network]:
    ipv4 = block.version == 4
    inside: list[Network] = [
        subnet for extra in range(1, 5) for subnet in block.subnets(prefixlen_diff=extra)
    ]
    chosen = dice.sample(inside, dice.randint(7, 30) if ipv4 else dice.randint(2, 10))
    if not ipv4:
        chosen.append(ipaddress.IPv6Network((int(dice.choice(inside).network_address), 64)))
    return [block, *chosen]


def _signed(block: Network, prefixes: list[Network], holder: int, dice: random.Random) -> set[V]:
    """One holder's VRPs: none, loose, exact, nested, too short, of several ASNs, AS0, wrong."""
    own, most, longest = str(block), block.prefixlen, 24 if block.version == 4 else 48
    drawn = dice.random()
    if drawn < 0.42:
        return set()
    if drawn < 0.67:
        return {(own, longest, holder)}
    exact = {(str(p), p.prefixlen, holder) for p in prefixes[1:] if dice.random() < 0.96}
    if drawn < 0.86:
        return {(own, most, holder), *exact}
    if drawn < 0.87:
        return {(own, most + 2, holder), (own, most + 1, holder), (own, longest, holder + 1)}
    if drawn < 0.96:
        return {(own, longest, asn) for asn in (holder, holder + 1, ASN)}
    if drawn < 0.98:
        return {(own, longest, 0), *exact}
    if drawn < 0.99:
        return {(own, most, 0), *((str(p), longest, 0) for p in prefixes[1:3])}
    return {(own, longest, holder + 7)}


def _path(holder: int, path_id: int, dice: random.Random) -> tuple[bytes, int]:
    """The value of an AS_PATH, and the origin by RFC 6811."""
    drawn = dice.random()
    origin = holder if drawn < 0.985 and path_id == 1 else holder + path_id
    before = dice.sample(TRANSITS, dice.randint(1, 3))
    sequence = SEQUENCE, (*before, *[origin] * dice.choice((1, 1, 1, 3)))
    inner = 65001, 65002
    drawn = dice.random()
    if drawn < 0.01:
        return as_path(sequence, (SET, (holder, holder + 1))), NO_ORIGIN
    if drawn < 0.012:
        return as_path((SET, (holder,))), NO_ORIGIN
    if drawn < 0.018:
        return as_path((CONFED_SEQUENCE, inner), sequence), origin
    if drawn < 0.022:
        return as_path((CONFED_SEQUENCE, inner)), ASN
    if drawn < 0.024:
        return as_path((CONFED_SET, inner)), ASN
    if drawn < 0.028:
        return b"", ASN
    return as_path(sequence), origin


def as_mrt(routes: list[Announced]) -> Iterator[bytes]:
    """The routes as a TABLE_DUMP_V2; each path identifier is a peer."""
    yield mrt_bytes.peer_table(*((f"192.0.2.{n + 1}", ASN) for n in range(PATHS)))
    table: defaultdict[Prefix, list[tuple[int, bytes]]] = defaultdict(list)
    for prefix, path, path_id in routes:
        table[prefix].append((path_id - 1, mrt_bytes.attribute(2, path)))
    for prefix, entries in table.items():
        yield mrt_bytes.rib(str(prefix), *entries)


def configured(folder: Path, cache: int, routes: list[Announced]) -> settings.Settings:
    (folder / "rib.mrt").write_bytes(b"".join(as_mrt(routes)))
    file = folder / "config.toml"
    file.write_text(
        'cache = "cache"\n[[routes]]\nsource = "rib.mrt"\n'
        f'[[rtr]]\ncaches = [{{host = "127.0.0.1", port = {cache}}}]\n'
    )
    return settings.load(file)


def ours(snapshot: Snapshot) -> dict[Route, str]:
    table = snapshot.routes
    origins, verdicts = table.origin.tolist(), table.verdict.tolist()
    names = [verdict.state.value for verdict in Verdict]
    return {
        (str(table.prefix(row)), origins[row]): names[verdicts[row]] for row in range(len(table))
    }


def theirs(bird: Bird, world: World) -> dict[Route, str]:
    """BIRD's states by origin: routes of one prefix and origin must have the same."""
    states: dict[Route, str] = {}
    shown = bird.states()
    assert len(shown) == len(world.routes), "BIRD shows each route in exactly one state"
    for (prefix, path_id), state in shown.items():
        route = prefix, world.origins[prefix, path_id]
        assert states.setdefault(route, state) == state
    return states


async def until_bird(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not await asyncio.to_thread(reached):
        assert time.monotonic() < end, "BIRD does not follow"
        await asyncio.sleep(0.1)


async def until_ours(pipeline: Pipeline, held: frozenset[V]) -> Snapshot:
    generation = 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            snapshot = await pipeline.published(generation)
            if len(snapshot.vrps) == len(held):
                break
            generation = snapshot.generation
    assert {(str(vrp.prefix), vrp.max_length, vrp.asn) for vrp in snapshot.vrps} == held
    return snapshot


def differences(a: dict[Route, str], b: dict[Route, str]) -> list[tuple[Route, object, object]]:
    return [
        (key, a.get(key), b.get(key)) for key in a.keys() | b.keys() if a.get(key) != b.get(key)
    ]


async def test_every_route_is_as_bird_says_before_and_after_a_delta(tmp_path: Path) -> None:
    world = await asyncio.to_thread(make_world, SEED)
    assert len(world.routes) >= 100_000
    assert len(world.vrps) != len(world.later)
    async with StayRtr(tmp_path / "rtr", world.vrps) as cache:
        chosen = configured(tmp_path, cache.port, world.routes)
        with Bird(tmp_path, cache.port) as bird, Speaker(bird.port) as speaker:
            await asyncio.to_thread(speaker.send, updates(world.routes))
            async with Pipeline(chosen, live_sources(chosen)) as pipeline:
                running = asyncio.create_task(pipeline.run())
                try:
                    first = ours(await until_ours(pipeline, world.vrps))
                    await until_bird(lambda: bird.imported() == len(world.routes))
                    await until_bird(lambda: bird.serial() == 0)
                    before = await asyncio.to_thread(theirs, bird, world)
                    assert not differences(first, before)[:5]
                    check_shares(first)

                    cache.change(world.later)
                    second = ours(await until_ours(pipeline, world.later))
                    await until_bird(lambda: bird.serial() == 1)
                    after = await asyncio.to_thread(theirs, bird, world)
                    assert not differences(second, after)[:5]
                    check_change(first, second)
                finally:
                    running.cancel()


def check_shares(states: dict[Route, str]) -> None:
    """The comparison means something: all kinds of routes are there, in all states."""
    values = list(states.values())
    shares = {state: values.count(state) / len(values) for state in set(values)}
    assert 0.4 < shares["valid"] < 0.65
    assert 0.3 < shares["not-found"] < 0.55
    assert 0.03 < shares["invalid"] < 0.1
    none = [state for (_, origin), state in states.items() if origin == NO_ORIGIN]
    assert {*none} == {"invalid", "not-found"}
    assert len(none) > 1000
    speakers = [state for (_, origin), state in states.items() if origin == ASN]
    assert {*speakers} == {"valid", "invalid", "not-found"}
    origins: defaultdict[str, set[str]] = defaultdict(set)
    for (prefix, _), state in states.items():
        origins[prefix].add(state)
    assert sum(held >= {"valid", "invalid"} for held in origins.values()) > 500, "MOAS"
    for family in (":", "."):
        assert len({state for (prefix, _), state in states.items() if family in prefix}) == 3


def check_change(first: dict[Route, str], second: dict[Route, str]) -> None:
    """The delta turns routes of every state into every other."""
    assert first.keys() == second.keys()
    turned = {(first[key], second[key]) for key in first if first[key] != second[key]}
    assert len(turned) == 6
