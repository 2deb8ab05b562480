"""What tests of events share: a watch that is shown snapshots by hand, and a client that reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import ClientResponse

from tests.feeds import ROUTES, VRPS, StandingFeed, make_snapshot
from validator.freshness import SourceStatus
from validator.watch import Watch, moment_of

SESSION = 1_800_000_000


class Shown:
    """A feed and a watch over it: each :meth:`show` is a new generation."""

    def __init__(self, keep: int = 1000, session: int = SESSION) -> None:
        self.feed = StandingFeed()
        self.watch = Watch(keep, clock=lambda: session)
        self.generation = 0

    async def show(
        self,
        *,
        vrps: tuple[tuple[str, int, int, str], ...] = VRPS,
        routes: tuple[tuple[str, int], ...] = ROUTES,
        sample: bool = False,
        troubles: tuple[SourceStatus, ...] = (),
    ) -> None:
        self.generation += 1
        made = make_snapshot(generation=self.generation, vrps=vrps, routes=routes, sample=sample)
        snapshot = replace(made, troubles=troubles)
        self.feed.snapshot = snapshot
        await self.watch.see(moment_of(snapshot))


@dataclass(frozen=True)
class Message:
    """One block of a stream (HTML, section 9.2.6). ``comment`` if it has no data."""

    id: str
    event: str
    data: Any
    comment: bool


async def message(stream: ClientResponse) -> Message:
    """The next block of a stream."""
    fields: dict[str, str] = {}
    comment = False
    while True:
        line = (await stream.content.readline()).decode()
        assert line.endswith("\n"), "the stream has ended"
        if line == "\n":
            data = json.loads(fields["data"]) if "data" in fields else None
            assert (data is None) == comment
            return Message(fields.get("id", ""), fields.get("event", "message"), data, comment)
        if line.startswith(":"):
            comment = True
        else:
            name, _, value = line.rstrip("\n").partition(": ")
            assert name not in fields
            fields[name] = value
