"""Begins what follows updates with a routing table: an MRT RIB of the same vantage point.

Its peers are named by the vantage point, as those of the updates are, so that both are of the same
peers. What a peer announced before and the table does not hold is withdrawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from collectors import mrt
from collectors.base import LocalFile, ReadOptions
from collectors.live import Channel, PeersReturned, PeersReturning
from validator.model import Peer, RouteBatch

T = TypeVar("T")


async def read_table(file: LocalFile, vantage: str, options: ReadOptions) -> RouteBatch:
    """The routing table, with its peers called as those of the updates.

    ``report.built`` is when it was made.

    Raises:
        SourceError: as :func:`collectors.mrt.load` does.
    """
    batch = await in_thread(lambda: mrt.load(file, options))
    return replace(batch, peers=tuple(replace(peer, vantage=vantage) for peer in batch.peers))


async def put_table(channel: Channel, batch: RouteBatch, also: Iterable[Peer] = ()) -> None:
    """Hand the table on; of its peers, and ``also`` of others, nothing else is left after it."""
    peers = tuple(dict.fromkeys((*batch.peers, *also)))
    for message in (PeersReturning(peers), batch, PeersReturned(peers)):
        await channel.put(message)


async def in_thread(work: Callable[[], T]) -> T:
    """Run in a thread; if cancelled, wait until the thread is done with what it holds."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


__all__ = ["in_thread", "put_table", "read_table"]
