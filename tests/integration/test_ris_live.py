"""Following RIS Live, against a WebSocket server of our own that behaves as the manual says, and
worse. What is left in the RIB is compared with plain dictionaries over the same messages."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from collectors.base import SourceError
from collectors.fetch import FetchLimits
from collectors.live import Message, PeersGone, PeersReturned, PeersReturning
from collectors.ris_live import RisLive, RisLiveSettings
from collectors.supervise import Backoff, supervise
from tests import bgp_bytes
from tests.ris_messages import PEER, PEER_ASN, Oracle, error, ris, state, update
from tests.ris_server import SCRIPT, Server, say, served, table_file, update_file
from validator.model import RouteBatch
from validator.tables.rib import Rib

WHO = ("rrc99", PEER, PEER_ASN)
NOW = time.time()
"""Of messages whose exact age does not matter."""


class Table:
    """The end of the pipeline: applies each message to a RIB at once, unless it is ``full``."""

    def __init__(self) -> None:
        self.rib, self.full = Rib(), False
        self.names: list[str] = []
        self.states = [("", "")]
        self.largest = 0

    async def put(self, message: Message) -> None:
        while self.full:  # noqa: ASYNC110 - as a queue that is full
            await asyncio.sleep(0.01)
        self._apply(message)

    def offer(self, message: Message) -> bool:
        if self.full:
            return False
        self._apply(message)
        return True

    def report(self, state: str, detail: str = "") -> None:
        self.states.append((state, detail))

    def _apply(self, message: Message) -> None:
        self.names.append(type(message).__name__)
        match message:
            case RouteBatch():
                self.largest = max(self.largest, len(message))
                self.rib.apply(message)
            case PeersGone():
                for peer in message.peers:
                    self.rib.clear(peer)
            case PeersReturning():
                for peer in message.peers:
                    self.rib.expect(peer)
            case PeersReturned():
                for peer in message.peers:
                    self.rib.settle(peer)

    def seen(self) -> Counter[tuple[str, int]]:
        """How many peers announce each (prefix, origin)."""
        prefixes, origins, peers = self.rib.derive(self.rib.everything())
        return Counter(
            {(str(prefixes[i]), int(origins[i])): int(peers[i]) for i in range(len(peers))}
        )


def collector(server: Server, cache: Path, **settings: object) -> RisLive:
    given = {"hosts": ["rrc99"], "url": server.url, "poll_seconds": 0.1, **settings}
    limits = FetchLimits(connect_seconds=2)
    return RisLive(msgspec.convert(given, RisLiveSettings), cache, None, limits)


@asynccontextmanager
async def following(live: RisLive) -> AsyncIterator[Table]:
    """Run it under its supervisor, which hardly waits here."""
    table = Table()
    task = asyncio.create_task(supervise(live, table, Backoff(0.05, 0.1)))
    try:
        yield table
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(90):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)


def name_of(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("/u/updates.%Y%m%d.%H%M.gz")


LATER = (
    update(NOW - 8, ["10.1.0.0/16"], path=[PEER_ASN, 64502, [64510, 64511]]),
    update(NOW - 7, ["2001:db8:0:0:0:0:0:0/32", "10.2.0.0/16"], ["10.9.0.0/16"], path=[]),
    update(NOW - 6, ["10.3.0.0/16"], peer="192.0.2.7", peer_asn="64507", path=[64507, 64520]),
    update(NOW - 5, ["10.4.0.0/16", "10.1.0.0/16"], ["10.4.0.0/16"]),
    ris("KEEPALIVE", NOW - 5),
    state(NOW - 4, "down", peer="2001:db8:0:0:0:0:0:2", peer_asn="64502"),
    update(NOW - 3, ["10.5.0.0/16"], peer="2001:db8::2", peer_asn="64502"),
    state(NOW - 2, "connected", peer="192.0.2.7", peer_asn="64507"),
)


async def test_updates_follow_the_routing_table(tmp_path: Path) -> None:
    oracle = Oracle()
    for prefix, origin in (("10.8.0.0/16", 64530), ("10.9.0.0/16", 64531)):
        oracle.set(WHO, prefix, origin)
        oracle.set(("rrc99", "2001:db8::2", 64502), prefix, origin)
    older = update(NOW - 400, ["10.66.0.0/16"])
    oracle.hear(LATER)
    async with served(say(older, *LATER)) as server:
        server.files["/bview.gz"] = table_file(
            NOW - 300, ("10.8.0.0/16", 64530), ("10.9.0.0/16", 64531)
        )
        live = collector(server, tmp_path, rib=f"{server.archive}/bview.gz")
        async with following(live) as table:
            await until(lambda: table.seen() == oracle.seen())
            await until(lambda: table.states[-1][0] == "degraded")
            assert "rrc99: updates from " in table.states[-1][1]
            assert "give updates" in table.states[-1][1]
        assert table.names[:3] == ["PeersReturning", "RouteBatch", "PeersReturned"]
        assert server.headers == [(server.headers[0][0], "client=originsight")]
        assert server.headers[0][0].startswith("originsight")
        assert [each["data"] for each in server.subscriptions] == [
            {"host": "rrc99", "socketOptions": {"includeRaw": False, "acknowledge": True}}
        ]


@pytest.mark.real_data
async def test_real_messages_and_their_truncated_last_line(real_data: Path, tmp_path: Path) -> None:
    text = (real_data / "ris_live/libbgpstream_ris-live-stream.json").read_text()
    lines, oracle = [line for line in text.splitlines() if line], Oracle()
    oracle.hear(lines[:2] + lines[3:])
    async with served(say(*(line for line in lines if "ris_error" not in line))) as server:
        live = collector(server, tmp_path, hosts=["rrc00", "rrc01", "rrc03"])
        async with following(live) as table:
            await until(lambda: table.seen() == oracle.seen() and "PeersGone" in table.names)
            await until(lambda: "1 messages were refused" in table.states[-1][1])
            assert "updates only" in table.states[-1][1]


async def test_a_gap_is_filled_from_update_files_and_the_last_is_waited_for(
    tmp_path: Path,
) -> None:
    now = time.time()
    five = now // 300 * 300
    oracle = Oracle()
    oracle.set(WHO, "10.1.0.0/16", 64510)
    oracle.set(WHO, "10.7.0.0/16", 64510)
    later = update(now + 1, ["10.7.0.0/16"], ["10.6.0.0/16"])
    async with served(say(later)) as server:
        server.files["/bview.gz"] = table_file(five - 450, ("10.9.0.0/16", 64531))
        both = bgp_bytes.update([], None, ["10.9.0.0/16"])
        server.files[name_of(five - 600)] = update_file(
            five - 460, bgp_bytes.update(["10.66.0.0/16"])
        )
        server.files[name_of(five - 300)] = update_file(
            five - 290, bgp_bytes.update(["10.1.0.0/16"]), both, bgp_bytes.update(["10.6.0.0/16"])
        )
        live = collector(
            server, tmp_path, rib=f"{server.archive}/bview.gz", updates=f"{server.archive}/u/"
        )
        async with following(live) as table:
            await until(lambda: ("10.1.0.0/16", 64510) in table.seen())
            await until(lambda: "are replayed" in table.states[-1][1])
            assert ("10.7.0.0/16", 64510) not in table.seen(), "held back"
            server.files[name_of(five)] = update_file(five + 1, bgp_bytes.update(["10.1.0.0/16"]))
            # And the next, should the next five minutes have begun meanwhile.
            server.files[name_of(five + 300)] = update_file(
                five + 300, bgp_bytes.update(["10.1.0.0/16"])
            )
            # The other peer of the table still announces what the first has withdrawn.
            oracle.set(("rrc99", "2001:db8::2", 64502), "10.9.0.0/16", 64531)
            await until(lambda: table.seen() == oracle.seen())
            await until(lambda: table.states[-1][0] == "fresh")


async def test_a_lost_connection_is_made_up_for_by_a_newer_table(tmp_path: Path) -> None:
    now = time.time()
    first = update(now - 100, ["10.1.0.0/16", "10.2.0.0/16"])
    second = update(now + 200, ["10.3.0.0/16"])
    oracle = Oracle()
    oracle.set(WHO, "10.1.0.0/16", 64510)
    oracle.set(("rrc99", "2001:db8::2", 64502), "10.1.0.0/16", 64510)
    oracle.hear([second])
    async with served(say(first, then="drop"), say(second)) as server:
        server.files["/bview.gz"] = table_file(now - 300, ("10.9.0.0/16", 64531))
        live = collector(server, tmp_path, rib=f"{server.archive}/bview.gz")

        async def publish() -> None:
            await until(lambda: live.rows >= 2)
            server.files["/bview.gz"] = table_file(now + 100, ("10.1.0.0/16", 64510))

        publishing = asyncio.create_task(publish())
        async with following(live) as table:
            await until(lambda: server.connections >= 2)
            await until(lambda: table.seen() == oracle.seen())
            await until(lambda: table.states[-1][0] == "fresh")
            assert any(state == "failed" and "closed" in text for state, text in table.states)
        await publishing


async def test_without_a_newer_table_routes_are_kept_and_the_gap_is_said(tmp_path: Path) -> None:
    first, second = update(NOW - 9, ["10.1.0.0/16"]), update(NOW - 1, ["10.3.0.0/16"])
    oracle = Oracle()
    oracle.hear([first, second])
    async with served(say(first, then="close"), say(second)) as server:
        live = collector(server, tmp_path)
        async with following(live) as table:
            await until(lambda: table.seen() == oracle.seen())
            await until(lambda: "are missing" in table.states[-1][1])
            assert table.states[-1][0] == "degraded"


async def test_a_full_queue_holds_updates_back_and_loses_none(tmp_path: Path) -> None:
    flood = [
        update(NOW + at / 1000, [f"10.{at % 250}.0.0/16"], path=[PEER_ASN, 64500 + at])
        for at in range(1000)
    ]
    oracle, go = Oracle(), asyncio.Event()
    oracle.hear(flood)

    async def script(server: Server, socket: web.WebSocketResponse) -> None:
        await socket.send_str(ris("KEEPALIVE", NOW))
        await go.wait()
        for message in flood:
            await socket.send_str(message)
        await asyncio.sleep(3600)

    async with served(script) as server:
        live = collector(server, tmp_path)
        async with following(live) as table:
            await until(lambda: table.states[-1][0] == "fresh")
            table.full = True
            go.set()
            await until(lambda: "the pipeline is behind: " in table.states[-1][1])
            assert table.states[-1][0] == "degraded"
            table.full = False
            await until(lambda: table.seen() == oracle.seen())
            await until(lambda: table.states[-1][0] == "fresh")
        assert live.full > 0
        assert live.dropped == 0
        assert table.largest > 100, "what was held back is put together"


async def test_what_had_to_be_dropped_is_seeded_again(tmp_path: Path) -> None:
    now = time.time()
    flood = [update(now, [f"10.{at % 250}.{at // 250}.0/24"]) for at in range(3000)]
    last = update(now + 900, ["10.3.0.0/16"])
    oracle, go, more = Oracle(), asyncio.Event(), asyncio.Event()
    oracle.set(WHO, "10.77.0.0/16", 64540)
    oracle.set(("rrc99", "2001:db8::2", 64502), "10.77.0.0/16", 64540)
    oracle.hear([last])

    async def script(server: Server, socket: web.WebSocketResponse) -> None:
        await socket.send_str(update(now - 3, ["10.1.0.0/16"]))
        await go.wait()
        for message in flood:
            await socket.send_str(message)
        await more.wait()
        await socket.send_str(last)
        await asyncio.sleep(3600)

    async with served(script) as server:
        server.files["/bview.gz"] = table_file(now - 300, ("10.9.0.0/16", 64531))
        live = collector(server, tmp_path, rib=f"{server.archive}/bview.gz", buffer_rows=1000)
        async with following(live) as table:
            await until(lambda: ("10.1.0.0/16", 64510) in table.seen())
            table.full = True
            server.files["/bview.gz"] = table_file(now + 600, ("10.77.0.0/16", 64540))
            go.set()
            await until(lambda: live.dropped >= 1000)
            table.full = False
            more.set()
            await until(lambda: table.seen() == oracle.seen())
            await until(lambda: table.states[-1][0] == "fresh")


async def test_a_refused_subscription_fails_and_says_why(tmp_path: Path) -> None:
    async with served(say()) as server:
        server.answer = "ris_error"
        with pytest.raises(SourceError, match="was refused: no such host; check hosts"):
            await collector(server, tmp_path).run(Table())


async def test_an_error_of_the_server_is_shown_and_named_when_it_hangs_up(tmp_path: Path) -> None:
    heard = ris("KEEPALIVE", NOW)

    async def script(server: Server, socket: web.WebSocketResponse) -> None:
        await socket.send_str(heard)
        await asyncio.sleep(0.2)
        await socket.send_str(error("client is too slow"))
        await asyncio.sleep(1.5)
        await socket.close()

    async with served(script) as server:
        table = Table()
        with pytest.raises(SourceError, match=r"was closed .*the server says: client is too slow"):
            await collector(server, tmp_path).run(table)
        assert ("degraded", True) in [
            (state, "the server says: client is too slow" in text) for state, text in table.states
        ]


@pytest.mark.parametrize(
    ("script", "settings", "problem"),
    [
        (say(*["{"] * 150), {}, "messages in a row are not JSON"),
        (say(ris("KEEPALIVE", NOW, x="y" * 9000)), {"max_message_bytes": 4096}, "4096"),
        (say(ris("KEEPALIVE", NOW)), {"idle_seconds": 0.5}, r"nothing was sent for idle_seconds"),
        (say(then="close"), {}, "the connection was closed"),
    ],
)
async def test_a_connection_that_is_of_no_use_fails(
    script: SCRIPT, settings: dict[str, object], problem: str, tmp_path: Path
) -> None:
    async with served(script) as server:
        with pytest.raises(SourceError, match=problem):
            await collector(server, tmp_path, **settings).run(Table())


async def test_a_server_that_does_not_answer_fails(tmp_path: Path) -> None:
    async with served(say()) as server:
        server.answer = ""
        with pytest.raises(SourceError, match="does not answer the subscription"):
            await collector(server, tmp_path).run(Table())


async def test_what_is_no_websocket_or_not_there_fails(tmp_path: Path) -> None:
    async with served(say()) as server:
        wrong = collector(server, tmp_path, url=f"{server.url}nothing")
        with pytest.raises(SourceError, match="is no WebSocket: status 404"):
            await wrong.run(Table())
    with pytest.raises(SourceError, match="no connection"):
        await wrong.run(Table())


async def test_a_table_that_cannot_be_had_fails(tmp_path: Path) -> None:
    async with served(say(ris("KEEPALIVE", NOW))) as server:
        live = collector(server, tmp_path, rib=f"{server.archive}/bview.gz")
        with pytest.raises(SourceError, match="404"):
            await live.run(Table())


async def test_of_a_prefix_only_what_is_asked_for_is_kept(tmp_path: Path) -> None:
    message = update(NOW, ["10.1.0.0/16", "11.0.0.0/8"])
    async with served(say(message)) as server:
        server.files["/bview.gz"] = table_file(NOW - 9, ("10.8.0.0/16", 1), ("11.0.0.0/8", 2))
        live = collector(
            server, tmp_path, rib=f"{server.archive}/bview.gz", prefix="10.0.0.0/8", peer=PEER
        )
        async with following(live) as table:
            await until(lambda: table.seen() == {("10.8.0.0/16", 1): 1, ("10.1.0.0/16", 64510): 1})
        bodies = [dict(each["data"]) for each in server.subscriptions]  # type: ignore[call-overload]
        assert [body.get("type") for body in bodies] == ["RIS_PEER_STATE", None]
        assert bodies[1] | {"moreSpecific": True, "prefix": "10.0.0.0/8", "peer": PEER} == bodies[1]
