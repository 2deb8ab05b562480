"""What is measured in a soak, and what is claimed of it: one plain line each."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from bench.soak_asker import Answers
from bench.soak_sender import Sent
from bench.soak_table import Table
from bench.soak_world import Covering, Vrp, World, spread, state, text

LAG_SECONDS, LAG_SHARE = 0.02, 0.99
RSS_GROWTH_PERCENT = 5.0
RATE_SHARE = 0.99
_LAG = "originsight_event_loop_lag_seconds_bucket"
_MOST_SHOWN = 5
_CONTROL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the report."""

    name: str
    value: str
    goal: str
    met: bool

    def __str__(self) -> str:
        return f"soak {self.name}={self.value} goal={self.goal} {'met' if self.met else 'missed'}"


@dataclass(frozen=True, slots=True)
class Report:
    """``remarks``: figures without a goal, and the first faults."""

    claims: tuple[Claim, ...]
    remarks: tuple[str, ...]

    @property
    def met(self) -> bool:
        return all(claim.met for claim in self.claims)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.claims), *self.remarks])


@dataclass(frozen=True, slots=True)
class Claimed:
    """What must be. ``pushed``: when each version of the VRPs was given to the cache;
    ``notified``: when the cache said so, from the second version on."""

    updates_per_second: int
    pushed: Sequence[float]
    notified: Sequence[float]
    routes: Table
    vrps: Counter[Vrp]


@dataclass(slots=True)
class Measured:
    """What is seen of the service from outside, while the stream runs."""

    pid: int
    rss: list[tuple[float, int]] = field(default_factory=list)
    """Seconds of the stream; resident bytes of the service and of its worker."""
    lag: Counter[float] = field(default_factory=Counter)
    """Samples of the event loop's lag at or below each bound, since the warm-up."""
    control: list[float] = field(default_factory=list)
    """Seconds by which an idle thread of another process woke late: what the machine adds."""

    def look(self, seconds: float) -> int:
        held = sum(map(_resident, (self.pid, *_children(self.pid))))
        self.rss.append((seconds, held))
        return held

    def watch_control(self, over: threading.Event) -> None:
        """For a thread: sleep as the service's own metric does, and see how late it is."""
        due = time.monotonic() + _CONTROL_SECONDS
        while not over.wait(max(0.0, due - time.monotonic())):
            self.control.append(time.monotonic() - due)
            due = time.monotonic() + _CONTROL_SECONDS

    def rss_growth(self) -> float:
        """Percent by which a straight line through the last two thirds rises."""
        last = self.rss[-1][0]
        later = [(at, held) for at, held in self.rss if at >= last / 3]
        if len(later) < 3:
            return 0.0
        at, held = np.array(later, "f8").T
        slope, start = np.polyfit(at - at[0], held, 1)
        return float(100 * slope * (at[-1] - at[0]) / start)


def lag_buckets(metrics: bytes) -> Counter[float]:
    """The histogram of the event loop's lag as an exposition has it (Prometheus text format)."""
    found: Counter[float] = Counter()
    for line in metrics.decode().splitlines():
        if line.startswith(_LAG + "{"):
            bound, _, count = line.removeprefix(_LAG + '{le="').partition('"} ')
            found[float(bound)] = int(float(count))
    return found


def share_within(lag: Counter[float]) -> float:
    return lag[LAG_SECONDS] / lag[float("inf")] if lag[float("inf")] else 0.0


def lag_p99(lag: Counter[float]) -> float:
    """The least bound that 99 % of the samples keep."""
    wanted = LAG_SHARE * lag[float("inf")]
    return min((bound for bound, count in lag.items() if count >= wanted), default=float("inf"))


def expected_routes(world: World, sent: Sent, version: int) -> Table:
    """What the service must hold: what the dictionaries say, validated by the oracle."""
    vrps = Covering(world.in_force(version))
    covering: dict[int, list[Vrp]] = {}
    expected: Table = {}
    for (place, origin), peers in sent.routes.items():
        net = world.prefixes[place]
        if place not in covering:
            covering[place] = vrps.of(net)
        expected[net, origin] = (peers, state(net, origin, covering[place]))
    return expected


def differences(expected: Table, found: Table) -> tuple[int, list[str]]:
    """How many routes are not as they should be, and the first of them."""
    unlike = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    shown = [
        f"{text(net)} from {origin}: {found.get((net, origin))}, should be "
        f"{expected.get((net, origin))}"
        for net, origin in islice(unlike, _MOST_SHOWN)
    ]
    return len(unlike), shown


def counts(table: Table) -> Counter[tuple[str, str]]:
    """Routes by family and state, as ``/status`` names them."""
    return Counter(
        (f"ipv{net[0]}", found[1].replace("-", "_")) for (net, _), found in table.items()
    )


def report(
    claimed: Claimed,
    sent: Sent,
    answers: Answers,
    measured: Measured,
    routes: Table,
    vrps: Counter[Vrp],
) -> Report:
    """``routes`` and ``vrps``: the table that the service left behind."""
    pushed, per_second = claimed.pushed, claimed.updates_per_second
    lost, shown = differences(claimed.routes, routes)
    lost_vrps = ((claimed.vrps - vrps) + (vrps - claimed.vrps)).total()
    rate, share = sent.streamed / sent.seconds, share_within(measured.lag)
    claims = (
        Claim("lost_updates", str(lost), "0", not lost and bool(routes)),
        Claim("lost_vrps", str(lost_vrps), "0", not lost_vrps),
        Claim("query_errors", str(answers.errors), "0", not answers.errors),
        Claim("wrong_answers", str(answers.wrong), "0", not answers.wrong),
        Claim(
            "vrp_deltas_seen", f"{len(answers.seen) - 1}", f"{len(pushed) - 1}",
            len(answers.seen) == len(pushed),
        ),
        Claim(
            "updates_per_second", f"{rate:.0f}", f">={RATE_SHARE * per_second:.0f}",
            rate >= RATE_SHARE * per_second,
        ),
        Claim(
            "rss_growth_percent", f"{measured.rss_growth():.2f}", f"<={RSS_GROWTH_PERCENT:g}",
            measured.rss_growth() <= RSS_GROWTH_PERCENT,
        ),
        Claim(
            "lag_p99_seconds", f"<={lag_p99(measured.lag):g}", f"<={LAG_SECONDS:g}",
            share >= LAG_SHARE,
        ),
    )  # fmt: skip
    faults = [f"soak fault: {line}" for line in (*shown, *answers.shown)]
    return Report(claims, (*_remarks(sent, answers, measured, claimed), *faults))


def _remarks(
    sent: Sent,
    answers: Answers,
    measured: Measured,
    claimed: Claimed,
) -> Iterator[str]:
    states = Counter(found[1] for found in claimed.routes.values())
    yield (
        f"soak updates={sent.updates} streamed={sent.streamed} seconds={sent.seconds:.0f} "
        f"peer_flaps={sent.flaps} routes={len(claimed.routes)} {spread(states)}"
    )
    yield f"soak answers {spread(answers.states)}"
    if answers.seconds:
        middle, late, worst = np.quantile(answers.seconds, (0.5, 0.99, 1))
        yield (
            f"soak queries={answers.asked.total()} median_seconds={middle:.4f} "
            f"p99_seconds={late:.4f} worst_seconds={worst:.4f}"
        )
    for kind, seconds in answers.worst.items():
        yield f"soak asked={kind!r} times={answers.asked[kind]} worst_seconds={seconds:.4f}"
    for name, since in (("file", claimed.pushed[1:]), ("notify", claimed.notified)):
        reactions = [
            answers.seen[version] - at
            for version, at in enumerate(since, 1)
            if version in answers.seen
        ]
        if len(since) == len(claimed.pushed) - 1 and reactions:
            yield (
                f"soak vrp_{name}_to_answer median_seconds={np.median(reactions):.3f} "
                f"worst_seconds={max(reactions):.3f}"
            )
    held = [bytes_ / 1e6 for _, bytes_ in measured.rss]
    yield (
        f"soak rss_megabytes first={held[0]:.0f} median={np.median(held):.0f} "
        f"last={held[-1]:.0f} worst={max(held):.0f}"
    )
    yield (
        f"soak lag_samples={measured.lag[float('inf')]} "
        f"within_{LAG_SECONDS:g}_seconds={share_within(measured.lag):.4f} "
        f"idle_process={_within(measured.control):.4f}"
    )


def _within(late: Sequence[float]) -> float:
    return sum(each <= LAG_SECONDS for each in late) / len(late) if late else 0.0


def _resident(pid: int) -> int:
    """Bytes (Linux); 0 of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def _children(pid: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(n) for each in threads for n in (each / "children").read_text().split()]
    except OSError:
        return []
