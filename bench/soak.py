"""``python -m bench.soak``: the service under load for half an hour, and nothing may be lost.

Three routers send BMP: full tables, then a stream of updates at a fixed rate (:mod:`.soak_sender`).
A StayRTR gets other VRPs every few seconds. Clients ask all the time and check every answer
(:mod:`.soak_asker`). The service runs as a process of its own (:mod:`.soak_service`); from outside
its memory and its own metric of the event loop's lag are watched. At the end its whole table is
compared with plain dictionaries over what was sent, validated by walking up a dictionary of VRPs.

Each claim is a line on stdout. Exit codes: 0 all are met, 1 some are not, 2 usage, 3 not run.
The files of the last run are in ``bench/out/soak``.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bench.common import OUT, NotRun, say
from bench.soak_asker import Answers, Questions, ask
from bench.soak_processes import PATIENCE_SECONDS, Broken, Cache, Service
from bench.soak_report import (
    Claimed,
    Measured,
    Report,
    counts,
    expected_routes,
    lag_buckets,
    report,
    share_within,
)
from bench.soak_sender import END, LEAVE, STREAM, Order, Sent, send
from bench.soak_table import Table, read_table
from bench.soak_world import Size, World

Tell = Callable[[float, str], None]
"""Is told how many seconds of the stream are over, and how it goes."""

_TURN_SECONDS = 0.25
_RSS_SECONDS, _TELL_SECONDS = 5.0, 10.0
_SETTLED_SECONDS, _PATIENCE_SECONDS = 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, how fast, how long."""

    seconds: float = 1800.0
    updates_per_second: int = 5_000
    delta_seconds: float = 10.0
    queries_per_second: int = 100
    flap_seconds: float = 60.0
    size: Size = field(default_factory=Size)

    @property
    def warm_up_seconds(self) -> float:
        """From the stream's begin until lag counts."""
        return min(60.0, self.seconds / 6)


class _Helper:
    """A process of ours and the line to it. Its death is an error."""

    def __init__(self, name: str, work: Callable[..., None], first: Any, *shared: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._name = name
        self.line, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(first, theirs, *shared), daemon=True)
        self._process.start()
        theirs.close()

    def told(self, patience: float = PATIENCE_SECONDS) -> Any:
        try:
            if self.line.poll(patience):
                return self.line.recv()
        except EOFError:
            pass
        raise Broken(f"the {self._name} has ended or hangs")

    def check(self) -> None:
        if not self._process.is_alive():
            raise Broken(f"the {self._name} has ended")

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def run(plan: Plan, folder: Path, tell: Tell = lambda seconds, text: None) -> Report:
    """The whole soak, its files in ``folder``.

    Raises:
        NotRun: a program that is needed is not here.
        Broken: a process ended before its time.
    """
    context = multiprocessing.get_context("spawn")
    sent, pushed, asked = (context.Value("q", 0) for _ in range(3))
    tell(0, "starting StayRTR and the service")
    world = World(plan.size)
    with contextlib.ExitStack() as stack:
        cache = Cache(folder, world)
        stack.callback(cache.stop)
        service = Service(folder, cache.port)
        stack.callback(service.end)
        service.wait_until_ready()
        tell(0, "sending full tables")
        order = Order(plan.size, service.bmp_port, plan.updates_per_second, plan.flap_seconds)
        sender = _Helper("sender", send, order, sent)
        stack.callback(sender.end)
        _wait_for_routes(service, sender.told())
        questions = Questions(plan.size, service.url, plan.queries_per_second)
        asker = _Helper("asker", ask, questions, pushed, asked)
        stack.callback(asker.end)
        asker.told()
        sender.line.send(STREAM)
        watch = _Watch(plan, service, cache, (sender, asker), (sent, pushed, asked), tell)
        over = threading.Event()
        threading.Thread(target=watch.measured.watch_control, args=(over,), daemon=True).start()
        stack.callback(over.set)
        pushes = watch.stream()
        over.set()
        last = len(pushes) - 1
        sender.line.send(END)
        all_sent: Sent = sender.told()
        tell(plan.seconds, "waiting until all is published")
        expected = expected_routes(world, all_sent, last)
        _wait_until_settled(service, expected)
        asker.line.send(END)
        answers: Answers = asker.told()
        service.stop()
        sender.line.send(LEAVE)
        tell(plan.seconds, "comparing the table with the oracle")
        routes, vrps = read_table(folder / "table.npz")
        return report(
            Claimed(
                plan.updates_per_second,
                pushes,
                cache.notified,
                expected,
                Counter(world.in_force(last)),
            ),
            all_sent,
            answers,
            watch.measured,
            routes,
            vrps,
        )


class _Watch:
    """The stream's time: VRP changes, and what is seen from outside."""

    def __init__(
        self,
        plan: Plan,
        service: Service,
        cache: Cache,
        helpers: tuple[_Helper, ...],
        counters: tuple[Any, Any, Any],
        tell: Tell,
    ) -> None:
        self._plan, self._service, self._cache, self._tell = plan, service, cache, tell
        self._helpers = helpers
        self._sent, self._pushed, self._asked = counters
        self.measured = Measured(service.pid)

    def stream(self) -> list[float]:
        """Until the time is over. When each version of the VRPs was given to the cache."""
        plan, began = self._plan, time.monotonic()
        pushes = [began]
        delta_at, rss_at, tell_at = plan.delta_seconds, 0.0, _TELL_SECONDS
        before = None
        while (over := time.monotonic() - began) < plan.seconds:
            self._check()
            if before is None and over >= plan.warm_up_seconds:
                before = lag_buckets(self._service.get("/metrics"))
            if over >= delta_at and plan.seconds - over > plan.delta_seconds / 2:
                self._pushed.value = len(pushes)
                pushes.append(time.monotonic())
                self._cache.push(self._pushed.value)
                delta_at += plan.delta_seconds
            if over >= rss_at:
                self.measured.look(over)
                rss_at += min(_RSS_SECONDS, plan.seconds / 20)
            if over >= tell_at:
                self._tell(over, self._line(over, before))
                tell_at += _TELL_SECONDS
            time.sleep(_TURN_SECONDS)
        self.measured.look(plan.seconds)
        self.measured.lag = lag_buckets(self._service.get("/metrics"))
        self.measured.lag.subtract(before or {})
        return pushes

    def _check(self) -> None:
        self._service.check()
        for helper in self._helpers:
            helper.check()
        if not self._cache.alive():
            raise Broken("StayRTR has ended")

    def _line(self, over: float, before: Any) -> str:
        lag = lag_buckets(self._service.get("/metrics"))
        lag.subtract(before or {})
        return (
            f"{self._sent.value:,} updates, {self._pushed.value} VRP changes, "
            f"{self._asked.value:,} questions, {self.measured.rss[-1][1] / 1e6:,.0f} MB, "
            f"lag within 20 ms {share_within(lag):.2%}{'' if before else ' (warming up)'}"
        )


def _wait_for_routes(service: Service, wanted: int) -> None:
    """Until the full tables are published."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (held := service.status()["routes"]["total"]) != wanted:
        service.check()
        if time.monotonic() > end:
            raise Broken(f"the full tables make {wanted} routes, the service has {held}")
        time.sleep(0.2)


def _wait_until_settled(service: Service, expected: Table) -> None:
    """Until the service's counts are as they must be and stay so, or never will be."""
    wanted = counts(expected)
    since = time.monotonic()
    end = since + _PATIENCE_SECONDS
    while time.monotonic() - since < _SETTLED_SECONDS and time.monotonic() < end:
        service.check()
        families = service.status()["routes"]["by_family"]
        held = {
            (family, state): count
            for family, states in families.items()
            for state, count in states.items()
            if count and state != "total"
        }
        if held != wanted:
            since = time.monotonic()
        time.sleep(0.2)


@contextlib.contextmanager
def _progress(seconds: float) -> Iterator[Tell]:
    """A bar on a terminal, plain lines elsewhere; on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda over, text: say(f"{over:.0f} of {seconds:.0f} s: {text}")
        return
    with Progress(
        BarColumn(20), TimeRemainingColumn(), TextColumn("{task.description}"),
        console=console, transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task("starting", total=seconds)
        yield lambda over, text: progress.update(task, completed=over, description=text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    plan = Plan()
    for name, kind, default, what in (
        ("--seconds", float, plan.seconds, "of the stream"),
        ("--updates", int, plan.updates_per_second, "a second"),
        ("--queries", int, plan.queries_per_second, "single routes a second"),
        ("--delta-seconds", float, plan.delta_seconds, "between VRP changes"),
        ("--prefixes", int, plan.size.prefixes, "of the full tables; half as many VRPs"),
        ("--seed", int, plan.size.seed, "of everything"),
    ):
        parser.add_argument(name, type=kind, default=default, help=f"{what} (%(default)s)")
    given = parser.parse_args(arguments)
    if min(given.seconds, given.updates, given.queries, given.delta_seconds) <= 0:
        parser.error("all must be above 0")
    if given.prefixes < 1_000:
        parser.error("--prefixes: at least 1000")
    plan = Plan(
        given.seconds, given.updates, given.delta_seconds, given.queries,
        size=Size(given.prefixes, given.prefixes // 2, given.prefixes // 200, given.seed),
    )  # fmt: skip
    folder = OUT / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with _progress(plan.seconds) as tell:
            result = run(plan, folder, tell)
    except NotRun as problem:
        say(f"soak not run: {problem}")
        return 3
    except Broken as problem:
        print(f"soak broken: {problem}")
        return 1
    except KeyboardInterrupt:
        return 130
    print(result)
    return 0 if result.met else 1


if __name__ == "__main__":
    sys.exit(main())
