"""What we hold of a router equals the router's own tables, through all that befalls sessions.

ExaBGP feeds GoBGP (pre-policy, post-policy, Loc-RIB) or FRR (pre- and post-policy), which report by
BMP to a collector in the test. Each stage waits until the daemon's own tables are what the stage
makes them, by what it answers itself, and then until ours are the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from collectors.bmp import Bmp
from collectors.bmp_router import BmpSettings
from collectors.live import Message, PeersGone, PeersReturned, PeersReturning
from collectors.wire.bmp_events import TableKind
from tests.integration.bmp_daemons import (
    DUT,
    DUT_AS,
    FEEDER,
    FEEDER_AS,
    FRR_BGPD,
    ExaBgp,
    Frr,
    GoBgp,
    Route,
    free_port,
    missing,
)
from validator.model import NO_ORIGIN, Peer, RouteBatch
from validator.tables.rib import Rib

PATIENCE_SECONDS = 60
RESTART_SECONDS = 15.0

Daemon = GoBgp | Frr

needs_gobgp = pytest.mark.skipif(
    bool(missing("gobgpd", "gobgp", "exabgp")), reason="gobgpd or exabgp is not installed"
)
needs_frr = pytest.mark.skipif(
    bool(missing(FRR_BGPD, "vtysh", "exabgp")), reason="frr or exabgp is not installed"
)


class Held:
    """A channel that applies what it gets to one RIB for each peer, as the pipeline would."""

    def __init__(self) -> None:
        self.ribs: defaultdict[Peer, Rib] = defaultdict(Rib)
        self.messages: list[Message] = []
        self.states: list[str] = []

    async def put(self, message: Message) -> None:
        self.messages.append(message)
        match message:
            case RouteBatch():
                for row, peer in enumerate(message.peers):
                    self.ribs[peer].apply(_of_peer(message, row))
            case PeersGone():
                for peer in message.peers:
                    self.ribs[peer].clear(peer)
            case PeersReturning():
                for peer in message.peers:
                    self.ribs[peer].expect(peer)
            case PeersReturned():
                for peer in message.peers:
                    self.ribs[peer].settle(peer)

    def offer(self, message: Message) -> bool:
        raise AssertionError("BMP waits")

    def report(self, state: str, detail: str = "") -> None:
        self.states.append(state)

    def table(self, kind: TableKind) -> set[Route]:
        routes: set[Route] = set()
        for peer, rib in self.ribs.items():
            if peer.vantage in ("router", f"router/{kind}"):
                prefixes, origins, _ = rib.derive(rib.everything())
                routes |= {(str(prefixes[i]), int(origins[i])) for i in range(len(prefixes))}
        return routes

    def count(self, kind: type) -> int:
        return sum(isinstance(message, kind) for message in self.messages)


def _of_peer(batch: RouteBatch, row: int) -> RouteBatch:
    chosen = batch.peer == row
    return RouteBatch(
        prefixes=batch.prefixes.take(batch.prefix[chosen]),
        prefix=np.arange(np.count_nonzero(chosen), dtype="u4"),
        peer=np.zeros(np.count_nonzero(chosen), "u2"),
        origin=batch.origin[chosen],
        neighbour=batch.neighbour[chosen],
        path_id=batch.path_id[chosen],
        flags=batch.flags[chosen],
        peers=(batch.peers[row],),
        report=batch.report,
    )


@asynccontextmanager
async def collector(
    kinds: tuple[TableKind, ...], port: int, restart_time: float = RESTART_SECONDS
) -> AsyncIterator[Held]:
    held = Held()
    settings = BmpSettings(
        listen=f"{DUT}:{port}",
        allow=(DUT,),
        names={DUT: "router"},
        take=kinds,
        restart_time=restart_time,
    )
    bmp = Bmp(settings)
    task = asyncio.create_task(bmp.run(held))
    try:
        async with asyncio.timeout(10):
            await bmp.listening.wait()
        yield held
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Line:
    """The connection between daemon and collector, which can be cut and mended."""

    def __init__(self, port: int, onward: int) -> None:
        self._port, self._onward = port, onward
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None] | None] = set()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, DUT, self._port)

    async def cut(self) -> None:
        """No connection is left, and none can be made."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*(task for task in self._carrying if task is not None))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._carrying.add(asyncio.current_task())
        self._open.add(writer)
        with contextlib.suppress(OSError):
            _, onward = await asyncio.open_connection(DUT, self._onward)
            self._open.add(onward)
            while chunk := await reader.read(1 << 16):
                onward.write(chunk)
                await onward.drain()
            onward.transport.abort()
        writer.transport.abort()


async def until(what: str, holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < end, what
        await asyncio.sleep(0.2)


async def agreed(daemon: Daemon, held: Held, wanted: Mapping[TableKind, set[Route]]) -> None:
    """The daemon's tables become what is wanted, and ours become the daemon's."""
    for kind in wanted.keys() & {*daemon.kinds}:
        told = reportable(daemon, wanted[kind])
        await until(
            f"{kind}: the daemon has {sorted(daemon.table(kind) ^ wanted[kind])[:5]} wrong",
            partial(_is, partial(daemon.table, kind), wanted[kind]),
        )
        await until(f"{kind}: we do not get there", partial(_is, partial(held.table, kind), told))
        assert held.table(kind) == reportable(daemon, daemon.table(kind))


def _is(table: Callable[[], set[Route]], wanted: set[Route]) -> bool:
    return table() == wanted


def reportable(daemon: Daemon, routes: set[Route]) -> set[Route]:
    """What of its table the daemon's BMP tells."""
    return {route for route in routes if daemon.reports_refused or not refused(route[0])}


def refused(prefix: str) -> bool:
    return prefix.startswith("203.0.113.")


def routes_of_stage(first: int, last: int, asn: int) -> dict[str, tuple[str, int]]:
    """Prefix → path as ExaBGP writes it, and origin: some in AS_SETs, some prepended, some IPv6."""
    routes = {}
    for i in range(first, last):
        prefix = f"2001:db8:{i:x}::/48" if i % 4 == 3 else f"10.{i >> 8}.{i & 255}.0/24"
        origin = asn + i % 7
        path = f"{FEEDER_AS} 65010 {origin}" + (f" {origin}" if i % 5 == 0 else "")
        if i % 11 == 0:
            path, origin = f"{FEEDER_AS} 65010 ( {asn} {asn + 1} )", NO_ORIGIN
        if i % 13 == 0:
            path, origin = f"{FEEDER_AS}", FEEDER_AS
        routes[prefix] = path, origin
    return routes


def tables(routes: Mapping[str, tuple[str, int]], own: set[Route]) -> dict[TableKind, set[Route]]:
    """What the daemon should hold: all before policy, without the refused after it."""
    everything = {(prefix, origin) for prefix, (_, origin) in routes.items()}
    accepted = {route for route in everything if not refused(route[0])}
    return {
        TableKind.PRE_POLICY: everything,
        TableKind.POST_POLICY: accepted,
        TableKind.LOC_RIB: accepted | own,
    }


async def goes_through_everything(
    daemon: Daemon, feeder: ExaBgp, held: Held, own: set[Route], again: Callable[[], None]
) -> None:
    """``again`` puts back what the daemon forgets when it is killed."""
    routes = routes_of_stage(0, 300, 65_100)
    routes["203.0.113.0/24"] = f"{FEEDER_AS} 65010 65011", 65_011
    routes["203.0.113.128/25"] = f"{FEEDER_AS} 65010 4200000001", 4_200_000_001
    feeder.tell(feeder.announce(prefix, path) for prefix, (path, _) in routes.items())
    await agreed(daemon, held, tables(routes, own))

    changed = routes_of_stage(100, 150, 65_200)
    gone = [*sorted(routes_of_stage(200, 260, 0)), "203.0.113.0/24"]
    routes |= changed
    for prefix in gone:
        del routes[prefix]
    feeder.tell(
        [feeder.announce(prefix, path) for prefix, (path, _) in changed.items()]
        + [feeder.withdraw(prefix) for prefix in gone]
    )
    await agreed(daemon, held, tables(routes, own))

    before = held.count(PeersGone)
    daemon.reset_peer()
    await until("no peer has gone", lambda: held.count(PeersGone) > before)
    await agreed(daemon, held, tables(routes, own))

    before = held.count(PeersGone)
    daemon.end(at_once=True)
    await until("its loss is not noticed", lambda: held.states[-1] == "degraded")
    kept = tables(routes, own)
    for kind in daemon.kinds:
        assert held.table(kind) == reportable(daemon, kept[kind]), (
            "what a lost router announced stays for a while"
        )
    lost = sorted(routes_of_stage(20, 60, 0))
    for prefix in lost:
        del routes[prefix]
    feeder.tell(feeder.withdraw(prefix) for prefix in lost)
    daemon.start()
    again()
    await agreed(daemon, held, tables(routes, own))
    if daemon.says_who_is_down:
        assert held.count(PeersGone) > before
    else:
        assert held.count(PeersReturning) > 0
        assert held.count(PeersGone) == before, "nobody is gone if the router is back in time"

    daemon.end(at_once=True)
    await until("it is held for ever", lambda: not any(map(held.table, daemon.kinds)))


@needs_gobgp
async def test_gobgps_tables_are_ours(tmp_path: Path) -> None:
    port = free_port()
    daemon = GoBgp(tmp_path, port)
    feeder = ExaBgp(tmp_path, daemon.port)

    def again() -> None:
        daemon.announce("198.51.100.0/24")

    try:
        async with collector(daemon.kinds, port) as held:
            daemon.start()
            await asyncio.to_thread(again)
            feeder.start()
            own = {("198.51.100.0/24", DUT_AS)}
            await goes_through_everything(daemon, feeder, held, own, again)
    finally:
        feeder.end()
        daemon.end()


@needs_gobgp
async def test_path_identifiers_agreed_on_by_gobgp_and_its_peer_are_read(tmp_path: Path) -> None:
    port = free_port()
    daemon = GoBgp(tmp_path, port, add_path=True)
    feeder = ExaBgp(tmp_path, daemon.port, add_path=True)
    try:
        async with collector((TableKind.PRE_POLICY,), port) as held:
            daemon.start()
            feeder.start()
            prefixes = "10.1.0.0/16", "2001:db8::/32", "10.2.0.0/16"
            feeder.tell(
                feeder.announce(prefix, f"{FEEDER_AS} {65_000 + path_id}", path_id=path_id)
                for prefix in prefixes
                for path_id in (1, 2, 3)
            )
            wanted = {(prefix, 65_000 + i) for prefix in prefixes for i in (1, 2, 3)}
            await until("announced", lambda: held.table(TableKind.PRE_POLICY) == wanted)
            feeder.tell(feeder.withdraw(prefix, path_id=2) for prefix in prefixes)
            wanted -= {(prefix, 65_002) for prefix in prefixes}
            await until("withdrawn", lambda: held.table(TableKind.PRE_POLICY) == wanted)
            assert daemon.table(TableKind.PRE_POLICY) == wanted
            batches = [each for each in held.messages if isinstance(each, RouteBatch)]
            assert {int(i) for batch in batches for i in batch.path_id} == {1, 2, 3}
    finally:
        feeder.end()
        daemon.end()


@needs_frr
async def test_frrs_tables_are_ours(tmp_path: Path) -> None:
    port = free_port()
    daemon = Frr(tmp_path, port)
    feeder = ExaBgp(tmp_path, daemon.port)
    try:
        async with collector(daemon.kinds, port) as held:
            daemon.start()
            feeder.start()
            await goes_through_everything(daemon, feeder, held, set(), lambda: None)
            assert {peer.address for peer in held.ribs} == {FEEDER}
    finally:
        feeder.end()
        daemon.end()


@pytest.mark.parametrize(
    "kind", [pytest.param(GoBgp, marks=needs_gobgp), pytest.param(Frr, marks=needs_frr)]
)
async def test_a_connection_that_is_lost_and_returns_costs_only_what_was_withdrawn_meanwhile(
    kind: type[GoBgp] | type[Frr], tmp_path: Path
) -> None:
    """The daemon goes on while its BMP connection is cut. Only its End-of-RIB can tell what is
    gone: ``restart_time`` is longer than any patience."""
    port, onward = free_port(), free_port()
    daemon, line = kind(tmp_path, port), Line(port, onward)
    feeder = ExaBgp(tmp_path, daemon.port)

    def wanted(routes: Mapping[str, tuple[str, int]]) -> dict[TableKind, set[Route]]:
        every = tables(routes, set())
        return {each: every[each] for each in daemon.says_end_of_rib}

    try:
        async with collector(daemon.says_end_of_rib, onward, restart_time=3600.0) as held:
            await line.mend()
            daemon.start()
            feeder.start()
            routes = routes_of_stage(0, 60, 65_100)
            feeder.tell(feeder.announce(prefix, path) for prefix, (path, _) in routes.items())
            await agreed(daemon, held, wanted(routes))

            await line.cut()
            await until("its loss is not noticed", lambda: held.states[-1] == "degraded")
            before, gone = dict(routes), sorted(routes_of_stage(20, 40, 0))
            for prefix in gone:
                del routes[prefix]
            feeder.tell(feeder.withdraw(prefix) for prefix in gone)
            for each, table in wanted(routes).items():
                await until("not withdrawn", partial(_is, partial(daemon.table, each), table))
                assert held.table(each) == wanted(before)[each], "what was announced is kept"

            await line.mend()
            await agreed(daemon, held, wanted(routes))
            assert held.count(PeersReturning) > 0
            assert held.count(PeersReturned) > 0
            assert held.count(PeersGone) == 0
    finally:
        await line.cut()
        feeder.end()
        daemon.end()
