"""The BMP listener over real connections, fed with messages written by hand: what no daemon here
does on demand (End-of-RIB after a restart, Adj-RIB-Out, garbage, silence)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from collectors.bmp import Bmp
from collectors.bmp_router import BmpSettings
from collectors.live import Message, PeersGone, PeersReturned, PeersReturning
from collectors.wire.bmp_events import TableKind
from collectors.wire.update import FAULT_PREFIX, FAULT_VALUE, UPDATE_FAULTS
from tests.bgp_bytes import (
    LOC_RIB,
    RD_INSTANCE,
    L,
    O,
    bmp,
    content,
    initiation,
    message,
    open_message,
    peer_down,
    peer_up,
    per_peer,
    route_monitoring,
    termination,
    unreach,
    update,
)
from tests.mrt_bytes import attribute, sequence
from validator.model import Entry, Peer, RouteBatch, SettingsError, SourceError

PEER = Peer("edge1", "192.0.2.1", 64501)
UP = initiation() + peer_up(per_peer(), open_message(64500), open_message(64501))
TEN = route_monitoring(per_peer(), update(["10.0.0.0/8"]))
END4 = route_monitoring(per_peer(), update())
END6 = route_monitoring(per_peer(), update([], unreach([])))


class Told:
    """A channel that keeps all it is told; ``open`` cleared, it is full."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.states: list[tuple[str, str]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def put(self, message: Message) -> None:
        await self.open.wait()
        self.messages.append(message)

    def offer(self, message: Message) -> bool:
        raise AssertionError("BMP waits")

    def report(self, state: str, detail: str = "") -> None:
        self.states.append((state, detail))

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.messages]


@asynccontextmanager
async def listening(**settings: object) -> AsyncIterator[tuple[Bmp, Told]]:
    told = Told()
    given = {"listen": "127.0.0.1:0", "names": {"127.0.0.1": "edge1"}, "restart_time": 30.0}
    collector = Bmp(BmpSettings(**{**given, **settings}))  # type: ignore[arg-type]
    task = asyncio.create_task(collector.run(told))
    try:
        async with asyncio.timeout(10):
            await collector.listening.wait()
        yield collector, told
        assert not task.done()
    finally:
        told.open.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Router:
    def __init__(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        self.writer, self.reader = writer, reader

    @classmethod
    async def connect(cls, collector: Bmp, *messages: bytes) -> Router:
        reader, writer = await asyncio.open_connection(*collector.address)
        writer.write(b"".join(messages))
        return cls(writer, reader)

    async def is_cut_off(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), 10) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


async def test_routes_and_the_end_of_a_peer_are_passed_on_in_order() -> None:
    async with listening() as (collector, told):
        router = await Router.connect(
            collector, UP, TEN, END4, peer_down(per_peer()), termination()
        )
        await until(lambda: len(told.messages) == 2)
        assert await router.is_cut_off()
        batch, gone = told.messages
        assert isinstance(batch, RouteBatch)
        assert batch.peers == (PEER,)
        assert str(batch.prefixes[0]) == "10.0.0.0/8"
        assert gone == PeersGone((PEER,))
        (status,) = collector.routers()
        assert (status.name, status.system, status.rows) == ("edge1", "edge1", 1)
        assert "bye" in status.last_error


async def test_a_router_that_returns_in_time_keeps_its_routes_until_end_of_rib() -> None:
    async with listening() as (collector, told):
        (await Router.connect(collector, UP, TEN)).close()
        await until(lambda: told.states[-1][0] == "degraded")
        assert told.kinds() == ["RouteBatch"]
        router = await Router.connect(collector, UP, TEN, END4)
        await until(lambda: len(told.messages) == 3)
        assert told.messages[1] == PeersReturning((PEER,))
        router.writer.write(END6)
        await until(lambda: len(told.messages) == 4)
        assert told.messages[3] == PeersReturned((PEER,))
        assert told.states[-1][0] == "fresh"
        router.close()


async def test_a_router_that_does_not_return_in_time_loses_its_routes() -> None:
    async with listening(restart_time=0.3) as (collector, told):
        (await Router.connect(collector, UP, TEN)).close()
        await until(lambda: told.messages[1:] == [PeersGone((PEER,))])


async def test_without_restart_time_routes_go_at_once() -> None:
    async with listening(restart_time=0.0) as (collector, told):
        (await Router.connect(collector, UP, TEN)).close()
        await until(lambda: told.messages[1:] == [PeersGone((PEER,))])


async def test_a_peer_that_does_not_return_with_its_router_is_gone_and_others_are_not() -> None:
    other = per_peer("192.0.2.2")
    both = UP + peer_up(other, open_message(64500), open_message(64501)) + TEN
    both += route_monitoring(other, update(["192.0.2.0/24"]))
    async with listening(restart_time=0.5) as (collector, told):
        (await Router.connect(collector, both)).close()
        await until(lambda: told.states[-1][0] == "degraded")
        router = await Router.connect(collector, UP, TEN, END4, END6)
        await until(lambda: told.kinds().count("PeersGone"))
        assert PeersGone((Peer("edge1", "192.0.2.2", 64501),)) in told.messages
        assert PeersReturned((PEER,)) in told.messages
        assert PeersGone((PEER,)) not in told.messages
        router.close()


async def test_a_peer_without_end_of_rib_has_returned_after_restart_time() -> None:
    async with listening(restart_time=0.5) as (collector, told):
        (await Router.connect(collector, UP, TEN)).close()
        await until(lambda: told.states[-1][0] == "degraded")
        router = await Router.connect(collector, UP)
        await until(lambda: told.kinds() == ["RouteBatch", "PeersReturning", "PeersReturned"])
        router.close()


async def test_a_new_connection_takes_the_place_of_one_that_hangs() -> None:
    async with listening() as (collector, told):
        first = await Router.connect(collector, UP, TEN)
        await until(lambda: told.messages)
        second = await Router.connect(collector, UP, TEN, END4, END6)
        assert await first.is_cut_off()
        await until(lambda: PeersReturned((PEER,)) in told.messages)
        assert told.states[-1][0] == "fresh"
        second.close()


async def test_a_second_peer_up_of_the_same_session_changes_nothing_but_another_starts_over() -> (
    None
):
    again = peer_up(per_peer(flags=L), open_message(64500), open_message(64501))
    another = peer_up(per_peer(), open_message(64500), open_message(64501), port=41_000)
    async with listening() as (collector, told):
        router = await Router.connect(collector, UP, TEN, again, TEN)
        await until(lambda: len(told.messages) == 2)
        assert told.kinds() == ["RouteBatch", "RouteBatch"]
        router.writer.write(another + TEN + END4 + END6)
        await until(lambda: len(told.messages) == 5)
        assert told.kinds()[2:] == ["PeersReturning", "RouteBatch", "PeersReturned"]
        router.close()


async def test_tables_of_several_kinds_are_peers_of_their_own() -> None:
    loc = per_peer("0.0.0.0", kind=LOC_RIB, asn=64500)
    vrf = per_peer(kind=RD_INSTANCE, distinguisher=b"\0\0\xfb\xf0\0\0\0\7")
    everything = b"".join(
        route_monitoring(header, update(["10.0.0.0/8"]))
        for header in (per_peer(), per_peer(flags=L), per_peer(flags=O), loc, vrf)
    )
    async with listening(take=tuple(TableKind), vrfs=True) as (collector, told):
        router = await Router.connect(collector, UP, everything)
        await until(lambda: told.messages)
        (batch,) = told.messages
        assert isinstance(batch, RouteBatch)
        assert batch.peers == (
            Peer("edge1/pre-policy", "192.0.2.1", 64501),
            Peer("edge1/post-policy", "192.0.2.1", 64501),
            Peer("edge1/adj-rib-out-pre-policy", "192.0.2.1", 64501),
            Peer("edge1/loc-rib", "127.0.0.1", 64500),
            Peer("edge1/pre-policy/vrf 64496:7", "192.0.2.1", 64501),
        )
        router.close()


async def test_garbage_costs_one_session_and_the_router_may_come_again() -> None:
    async with listening() as (collector, told):
        router = await Router.connect(collector, UP, TEN, b"GET / HTTP/1.1\r\n\r\n")
        assert await router.is_cut_off()
        await until(lambda: told.states[-1][0] == "degraded")
        assert "speaks version 71" in told.states[-1][1]
        router = await Router.connect(collector, UP, TEN, END4, END6)
        await until(lambda: PeersReturned((PEER,)) in told.messages)
        router.close()


async def test_a_malformed_update_costs_its_own_routes_and_no_session() -> None:
    """RFC 7606: what it announces is withdrawn, or, where its prefixes cannot be told, nothing."""
    bad_origin = update(["10.0.0.0/8", "192.0.2.0/24"], attribute(1, b"\7") + sequence(64501))
    bad_prefix = message(2, content(["10.0.0.0/8"]) + b"\x21\xc0\0\2\0\0")
    async with listening() as (collector, told):
        router = await Router.connect(collector, UP, TEN)
        await until(lambda: len(told.messages) == 1)
        router.writer.write(route_monitoring(per_peer(), bad_origin))
        await until(lambda: len(told.messages) == 2)
        good_one = update(["198.51.100.0/24"])
        router.writer.writelines(
            route_monitoring(per_peer(), pdu) for pdu in (bad_prefix, good_one)
        )
        await until(lambda: len(told.messages) == 3)
        _, withdrawn, good = told.messages
        assert isinstance(withdrawn, RouteBatch)
        assert isinstance(good, RouteBatch)
        assert [str(withdrawn.prefixes[i]) for i in range(2)] == ["10.0.0.0/8", "192.0.2.0/24"]
        assert withdrawn.flags.tolist() == [Entry.WITHDRAWN] * 2
        assert [str(good.prefixes[0]), *good.flags.tolist()] == ["198.51.100.0/24", 0]
        (status,) = collector.routers()
        assert status.connected
        assert status.counts[UPDATE_FAULTS[FAULT_VALUE]] == 1
        assert status.counts[UPDATE_FAULTS[FAULT_PREFIX]] == 1
        router.close()


async def test_a_peer_up_that_cannot_be_read_costs_one_session() -> None:
    """Without it UPDATEs might be misread."""
    damaged = peer_up(per_peer(), open_message(64500)[:-3], open_message(64501))
    async with listening() as (collector, told):
        router = await Router.connect(collector, UP, TEN, damaged, TEN)
        assert await router.is_cut_off()
        await until(lambda: "peer up notification" in told.states[-1][1])
        assert told.kinds() == ["RouteBatch"]
        router = await Router.connect(collector, UP, TEN, END4, END6)
        await until(lambda: PeersReturned((PEER,)) in told.messages)
        router.close()


async def test_an_overlong_message_costs_one_session() -> None:
    async with listening(max_message_bytes=4096) as (collector, told):
        router = await Router.connect(collector, initiation(), bmp(6, bytes(5000)))
        assert await router.is_cut_off()
        await until(lambda: "longer than 4,096 bytes" in told.states[-1][1])


async def test_more_tables_than_allowed_cost_the_session() -> None:
    many = b"".join(
        route_monitoring(per_peer(f"10.0.0.{i}"), update(["10.0.0.0/8"])) for i in range(9)
    )
    async with listening(max_tables=8) as (collector, told):
        router = await Router.connect(collector, initiation(), many)
        assert await router.is_cut_off()
        await until(lambda: "more than 8 tables" in told.states[-1][1])


async def test_a_silent_router_is_cut_off() -> None:
    async with listening(idle_limit=0.2) as (collector, told):
        router = await Router.connect(collector, UP)
        assert await router.is_cut_off()
        await until(lambda: "sent nothing for 0.2 seconds" in told.states[-1][1])


async def test_who_is_not_allowed_is_sent_away() -> None:
    async with listening(allow=("192.0.2.0/24",)) as (collector, told):
        router = await Router.connect(collector, UP, TEN)
        assert await router.is_cut_off()
        assert collector.refused == {"not in allow": 1}
        assert not collector.routers()
        assert not told.messages


async def test_a_full_channel_slows_the_router_and_loses_nothing() -> None:
    count = 20_000
    prefixes = [f"10.{i >> 8}.{i & 255}.0/24" for i in range(count)]
    lots = b"".join(route_monitoring(per_peer(), update([prefix])) for prefix in prefixes)
    async with listening() as (collector, told):
        told.open.clear()
        router = await Router.connect(collector, UP)
        router.writer.write(lots * 4)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await router.writer.drain()
        told.open.set()
        await router.writer.drain()

        def received() -> int:
            return sum(len(each) for each in told.messages if isinstance(each, RouteBatch))

        await until(lambda: received() == 4 * count)
        router.close()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"listen": "11019"}, "listen"),
        ({"listen": "[::1]:99999"}, "listen"),
        ({"allow": ("192.0.2.1/24",)}, "allow"),
        ({"names": {"edge1": "192.0.2.1"}}, "names"),
        ({"names": {"192.0.2.1": "a", "192.0.2.2": "a"}}, "names"),
    ],
)
def test_settings_that_cannot_be_followed_are_named(
    settings: dict[str, object], problem: str
) -> None:
    with pytest.raises(SettingsError, match=f"bmp {problem}"):
        Bmp(BmpSettings(**settings))  # type: ignore[arg-type]


async def test_an_address_that_is_taken_is_said_in_one_line() -> None:
    async with listening() as (collector, _):
        port = collector.address[1]
        second = Bmp(BmpSettings(listen=f"127.0.0.1:{port}"))
        with pytest.raises(SourceError, match="cannot be listened on"):
            await second.run(Told())
