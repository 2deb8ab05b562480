"""Listens for routers that speak BMP, and passes on what they see.

Each router that may connect is known by its address (:mod:`collectors.bmp_router` follows one).
Others are sent away and counted. What goes wrong with one router costs its session, never the
service.

A slow pipeline slows the routers: while the channel is full nothing is read, and TCP does the rest.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable

from collectors.bmp_router import READ_BYTES, BmpRouter, BmpSettings, RouterStatus
from collectors.live import Channel
from collectors.wire.bmp_events import TableKind
from validator.model import SettingsError, SourceError

MOST_CONNECTIONS_BEHIND = 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Bmp:
    """The collector. ``run`` once; ``address`` is where it listens, as soon as it does."""

    def __init__(
        self, settings: BmpSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Raises:
            SettingsError: an address cannot be read.
        """
        self.settings = settings
        self.listening = asyncio.Event()
        self.address: tuple[str, int] = ("", 0)
        self.refused: dict[str, int] = {}
        """Connections sent away, by reason."""
        self._clock = clock
        self._host, self._port = _listen(settings.listen)
        self._allow = tuple(_network(text) for text in settings.allow)
        self._names = _names(settings.names)
        self._routers: dict[str, BmpRouter] = {}

    def routers(self) -> tuple[RouterStatus, ...]:
        return tuple(router.status() for router in self._routers.values())

    async def run(self, channel: Channel) -> None:
        """Listen until cancelled.

        Raises:
            SourceError: the address cannot be listened on.
        """
        channel.report("starting", "waiting for routers")
        waiting: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        waiting = asyncio.Queue(MOST_CONNECTIONS_BEHIND)

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                waiting.put_nowait((reader, writer))
            except asyncio.QueueFull:
                self._refuse(writer, "too many connections at once")

        try:
            server = await asyncio.start_server(
                accept, self._host, self._port, limit=READ_BYTES, backlog=MOST_CONNECTIONS_BEHIND
            )
        except OSError as failure:
            raise SourceError(
                f"bmp {self.settings.listen}",
                f"cannot be listened on: {failure.strerror or failure}",
                cure="set listen to a free address of this machine",
            ) from failure
        try:
            async with server, asyncio.TaskGroup() as tasks:
                self.address = server.sockets[0].getsockname()[:2]
                self.listening.set()
                tasks.create_task(self._watch(channel))
                while True:
                    reader, writer = await waiting.get()
                    router = self._admit(writer)
                    if router is not None:
                        tasks.create_task(router.serve(reader, writer, channel, self._tell))
        finally:
            self.listening.clear()
            for router in self._routers.values():
                router.hang_up()

    def _admit(self, writer: asyncio.StreamWriter) -> BmpRouter | None:
        """The router that has connected, unless it may not."""
        peername = writer.get_extra_info("peername")
        if peername is None:  # gone already
            writer.transport.abort()
            return None
        address = _plain(peername[0])
        if not any(ipaddress.ip_address(address) in network for network in self._allow):
            self._refuse(writer, "not in allow")
            return None
        router = self._routers.get(address)
        if router is None:
            if len(self._routers) >= self.settings.max_routers:
                self._refuse(writer, "more than max_routers")
                return None
            name = self._names.get(address, address)
            router = self._routers[address] = BmpRouter(name, address, self.settings, self._clock)
        return router

    def _refuse(self, writer: asyncio.StreamWriter, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        writer.transport.abort()

    async def _watch(self, channel: Channel) -> None:
        """See to it that nobody is waited for longer than ``restart_time``."""
        while True:
            await asyncio.sleep(min(1.0, max(0.05, self.settings.restart_time / 4)))
            for router in tuple(self._routers.values()):
                if await router.give_up_waiting(channel):
                    self._tell(channel)

    def _tell(self, channel: Channel) -> None:
        """Say how the source stands: degraded while a router that was here is not."""
        lost = [router for router in self._routers.values() if not router.connected]
        here = len(self._routers) - len(lost)
        detail = f"{here} of {len(self._routers)} routers connected"
        if lost:
            detail += "; " + "; ".join(
                f"{router.name}: {router.last_error or 'not connected'}" for router in lost[:3]
            )
        channel.report("fresh" if here and not lost else "degraded", detail)


def _plain(address: str) -> str:
    """An address in its one form: without zone, and IPv4 as such."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as failure:
        raise SettingsError(f"bmp allow: {failure}; give addresses or prefixes") from None


def _names(given: dict[str, str]) -> dict[str, str]:
    """Names by plain address; two routers of one name would be taken for one."""
    try:
        names = {_plain(address): name for address, name in given.items()}
    except ValueError as failure:
        raise SettingsError(f"bmp names: {failure}; give address = name") from None
    if len(set(names.values())) < len(given) or not all(names.values()):
        raise SettingsError("bmp names: give each address a name of its own")
    return names


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port[:6]) > 65_535:
        raise SettingsError(f"bmp listen: {text!r} is not host:port, such as 192.0.2.1:11019")
    return host.removeprefix("[").removesuffix("]"), int(port)


__all__ = ["Bmp", "BmpSettings", "RouterStatus", "TableKind"]
