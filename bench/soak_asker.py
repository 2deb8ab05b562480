"""The clients of the soak: a process that asks all the time, and checks every answer.

A route's answer names the VRPs that cover it, so it tells exactly whether it comes from the set it
should. The set in force changes while questions are under way: allowed is any version from the one
that was seen in force before the question was sent to the newest that the cache had been given
when the answer came. What a canary VRP says, asked for every tenth of a second, is the version.
All routes of one list must be of one version: a list is answered from one snapshot.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import time
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import aiohttp

from bench.soak_world import (
    CANARY,
    Covering,
    Net,
    Size,
    Vrp,
    World,
    is_held,
    state,
    text,
    version_of_canary,
)

_ASKERS = 8
_CANARY_SECONDS, _LIST_SECONDS, _STATUS_SECONDS = 0.1, 5.0, 10.0
_LIST, _LONG_LIST = 50, 2_000
_PATIENCE_SECONDS = 30.0
_MOST_SHOWN = 10
_Check = Callable[[Any, int, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Questions:
    """Whom to ask, about what, how many routes a second."""

    size: Size
    url: str
    per_second: int


@dataclass(slots=True)
class Answers:
    """What came of it. ``seconds``: of each GET of one route; ``seen``: when each version was
    first answered from (``time.monotonic``)."""

    asked: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    wrong: int = 0
    shown: list[str] = field(default_factory=list)
    seconds: array[float] = field(default_factory=lambda: array("d"))
    worst: dict[str, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)

    def fault(self, what: str) -> None:
        if len(self.shown) < _MOST_SHOWN:
            self.shown.append(what)


class _Wrong(Exception):  # noqa: N818 - not an error of ours: the answer is
    """An answer that no VRP set in question gives."""


class Asker:
    """See the module. Shared with others: ``pushed``, the newest version that the cache was given,
    and ``asked``, how many questions there were."""

    def __init__(self, questions: Questions, pushed: Any, asked: Any) -> None:
        self._questions, self._pushed, self._asked = questions, pushed, asked
        self._world = World(questions.size)
        self._stable = Covering(self._world.stable)
        self._changing = Covering(self._world.changing)
        self._places = [
            place for place, net in enumerate(self._world.prefixes) if self._changing.numbers(net)
        ]
        self._rng = random.Random(questions.size.seed + 2)
        self._in_force = 0
        self._enough = asyncio.Event()
        self.answers = Answers()

    async def ask(self, line: Connection) -> Answers:
        """Say when the first question is answered; then ask until there is something to read."""
        asyncio.get_running_loop().add_reader(line.fileno(), self._enough.set)
        timeout = aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)
        every = _ASKERS / self._questions.per_second
        async with aiohttp.ClientSession(self._questions.url, timeout=timeout) as session:
            self._session = session
            await self._canary()
            line.send(None)
            async with asyncio.TaskGroup() as tasks:
                for seconds, question in (
                    *((every, self._one) for _ in range(_ASKERS)),
                    (_CANARY_SECONDS, self._canary),
                    (_LIST_SECONDS, lambda: self._many(_LIST)),
                    (2 * _LIST_SECONDS, lambda: self._many(_LONG_LIST)),
                    (_STATUS_SECONDS, lambda: self._plain("/status")),
                    (_STATUS_SECONDS, lambda: self._plain("/metrics")),
                ):
                    tasks.create_task(self._again(seconds, question))
        asyncio.get_running_loop().remove_reader(line.fileno())
        return self.answers

    async def _again(self, seconds: float, question: Callable[[], Awaitable[None]]) -> None:
        due = time.monotonic() + self._rng.random() * min(seconds, 1.0)
        while not self._enough.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await self._enough.wait()
                return
            await question()
            due = max(due + seconds, time.monotonic() - seconds)  # a stall is not made up for

    # ---------------------------------------------------------------------------------- questions

    async def _one(self) -> None:
        net, origin = self._some_route()
        path = f"/api/v1/validity/AS{origin}/{text(net)}"

        async def check(answer: Any, oldest: int, newest: int) -> None:
            found = answer["validated_route"]
            versions = self._versions(net, origin, found, range(oldest, newest + 1))
            if not versions:
                raise _Wrong(f"{path}: {found['validity']} in versions {oldest} to {newest}")
            self.answers.states[found["validity"]["state"]] += 1

        taken = await self._get("validity", path, check)
        if taken:
            self.answers.seconds.append(taken)

    async def _canary(self) -> None:
        async def check(answer: Any, oldest: int, newest: int) -> None:
            vrps = answer["validated_route"]["validity"]["VRPs"]["unmatched_as"]
            versions = [version_of_canary(int(vrp["asn"][2:])) for vrp in vrps]
            if len(versions) != 1 or not oldest <= versions[0] <= newest:
                raise _Wrong(f"canary: versions {versions} in force, not {oldest} to {newest}")
            self.answers.seen.setdefault(versions[0], time.monotonic())
            self._in_force = max(self._in_force, versions[0])

        await self._get("canary", f"/validity?asn=1&prefix={text(CANARY)}", check)

    async def _many(self, count: int) -> None:
        routes = [self._some_route() for _ in range(count)]
        body = {"routes": [{"asn": f"AS{asn}", "prefix": text(net)} for net, asn in routes]}

        async def check(answer: Any, oldest: int, newest: int) -> None:
            found = answer["validated_routes"]
            if len(found) != count:
                raise _Wrong(f"a list of {count} got {len(found)} answers")
            possible: list[int] = list(range(oldest, newest + 1))
            for number, ((net, origin), one) in enumerate(zip(routes, found, strict=True)):
                if number % _LIST == 0:
                    await asyncio.sleep(0)  # or other questions would seem to take longer
                possible = self._versions(net, origin, one, possible)
            if not possible:
                raise _Wrong(f"a list of {count} is of no one version from {oldest} to {newest}")

        await self._get(f"list of {count}", "/validity", check, body)

    async def _plain(self, path: str) -> None:
        async def check(answer: Any, oldest: int, newest: int) -> None:
            """That there is an answer is all."""

        await self._get(path, path, check)

    async def _get(self, kind: str, path: str, check: _Check, body: Any = None) -> float:
        """Ask; the seconds it took, or 0 if there was no answer."""
        answers, oldest = self.answers, self._in_force
        answers.asked[kind] += 1
        self._asked.value += 1
        began = time.monotonic()
        try:
            async with self._session.request("POST" if body else "GET", path, json=body) as reply:
                content = await reply.read()
                taken, newest = time.monotonic() - began, self._pushed.value
                if reply.status != 200:
                    raise aiohttp.ClientError(f"{reply.status} {content[:100]!r}")
                answers.worst[kind] = max(answers.worst.get(kind, 0.0), taken)
                await check(json.loads(content) if path != "/metrics" else content, oldest, newest)
                return taken
        except _Wrong as wrong:
            answers.wrong += 1
            answers.fault(str(wrong))
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError) as error:
            answers.errors += 1
            answers.fault(f"{path}: {type(error).__name__}: {error}")
        return 0.0

    # ------------------------------------------------------------------------------------- oracle

    def _some_route(self) -> tuple[Net, int]:
        """Every third where VRPs come and go."""
        rng = self._rng
        place = (
            rng.choice(self._places)
            if self._places and rng.random() < 0.33
            else rng.randrange(len(self._world.prefixes))
        )
        return self._world.prefixes[place], rng.choice(self._world.origins[place])

    def _versions(
        self, net: Net, origin: int, found: Any, versions: list[int] | range
    ) -> list[int]:
        """Those of the versions that give this answer."""
        given = found["validity"]
        shown = {
            (vrp["prefix"], vrp["max_length"], vrp["asn"])
            for vrps in given["VRPs"].values()
            for vrp in vrps
        }
        stable, changing = self._stable.of(net), self._changing.numbers(net)
        possible = []
        for version in versions:
            held = [self._world.changing[i] for i in changing if is_held(i, version)]
            covering: list[Vrp] = [*stable, *held]
            names = {(text(at), str(most), f"AS{asn}") for at, most, asn in covering}
            if names == shown and state(net, origin, covering) == given["state"]:
                possible.append(version)
        return possible


def ask(questions: Questions, connection: Connection, pushed: Any, asked: Any) -> None:
    """The process: asks until it is told anything, then tells what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who ordered this
    asker = Asker(questions, pushed, asked)
    try:
        answers = asyncio.run(asker.ask(connection))
        connection.recv()
        connection.send(answers)
    except EOFError:  # who ordered this is gone
        pass
