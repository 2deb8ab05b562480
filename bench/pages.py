"""``python -m bench.pages``: what a page of the real table costs, with ten years of history.

The snapshot is the real table with every list of countries that we come with; the history has ten
years of all its groups and networks (invented, in :mod:`bench.history_years`). Each page is made
time and again, as of a snapshot that was not asked for before (``median_ms``; ``first_ms`` is the
first time on a new day, of whose history nothing is known yet); other processes that disturb it are
left out by counting the process's own time. Before, it is made sure that a page says what the API
says. Sizes are of the page as it is, without compression.

Exit code 1 if a goal is missed.
"""

from __future__ import annotations

import gc
import hashlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.common import OUT, Unequal, say
from bench.history_years import Groups, make_years, networks_of
from bench.metrics_cost import real_snapshot
from validator.groupings import Attribution
from validator.history.reading import Reader
from validator.history.records import day_of
from validator.model import Family
from validator.pages import views, views_network, views_other
from validator.pages.facts_common import Sources
from validator.pages.page import Ask
from validator.snapshot import Snapshot

GOAL_MS, GOAL_KB, TIMES = 100, 300, 7
PAGES = {
    "/": views.overview,
    "/country/KE": lambda s, a: views.group(s, a, "country", "KE"),
    "/country/US": lambda s, a: views.group(s, a, "country", "US"),
    "/region/ldc/ldc": lambda s, a: views.group(s, a, "ldc", "ldc"),
    "/region/rir/apnic": lambda s, a: views.group(s, a, "rir", "apnic"),
    "/region/m49-region/142": lambda s, a: views.group(s, a, "m49-region", "142"),
    "/asn/AS7018": lambda s, a: views_network.network(s, a, 7018),
    "/asn/AS3333": lambda s, a: views_network.network(s, a, 3333),
    "/prefix/193.0.0.0/21": lambda s, a: _prefix(s, a, "193.0.0.0/21"),
    "/prefix/8.0.0.0/9": lambda s, a: _prefix(s, a, "8.0.0.0/9"),
    "/compare?a=ldc/ldc&b=country/KE": lambda s, a: views_network.compare(
        s, a, (("ldc", "ldc"), ("country", "KE")), (), None
    ),
    "/definitions": views_other.definitions,
}


def _prefix(sources: Sources, ask: Ask, text: str) -> str:
    from validator.formats.asked import relaxed_prefix  # noqa: PLC0415 - one of many

    return views_network.prefix(sources, ask, relaxed_prefix(text))


def main() -> int:
    gc.collect()
    gc.freeze()  # as the service does: what was imported stays
    snapshot = real_snapshot()
    reader = Reader(years_of(snapshot))
    some = sys.argv[1:]
    met = [
        cost(path, make, snapshot, reader)
        for path, make in PAGES.items()
        if not some or path in some
    ]
    return 0 if all(met) else 1


def years_of(snapshot: Snapshot) -> Path:
    """Ten years of its groups, up to the day before; made once."""
    pairs = sorted(f"{scheme} {by}" for scheme, by in snapshot.coverages)
    digest = hashlib.sha256("\n".join([str(day_of(snapshot.created).year), *pairs]).encode())
    path = OUT / f"history-of-all-{digest.hexdigest()[:12]}"
    if not (path / "made").exists():
        path.mkdir(parents=True, exist_ok=True)
        dice = np.random.default_rng(1)
        world, groups = networks_of(snapshot), Groups.of(snapshot)
        make_years(path, world, groups, day_of(snapshot.created).year, dice)
        (path / "made").touch()
    return path


def cost(
    path: str, make: Callable[[Sources, Ask], str], snapshot: Snapshot, reader: Reader
) -> bool:
    page = path.partition("?")[0]
    for family in (Family.IPV6, Family.IPV4):
        query = {"family": family.label} if family is Family.IPV6 else {}
        text = make(Sources(snapshot, reader), Ask(page, "en", query))
        if page == "/" and _share(snapshot, family) not in text:
            raise Unequal(f"{path} does not say what coverage says of {family.label}")
    first = _once(make, replace(snapshot), _forgetful(reader), page)
    took = []
    for number in range(TIMES):
        anew = replace(snapshot, generation=snapshot.generation + number + 1)
        took.append(_once(make, anew, reader, page))
    middle, size = statistics.median(took), len(text.encode()) / 1000
    met = middle <= GOAL_MS and size <= GOAL_KB
    print(
        f"pages {path} median_ms={middle:.3g} best_ms={min(took):.3g} "
        f"first_ms={first:.3g} goal=<={GOAL_MS} plain_kb={size:.0f} goal=<={GOAL_KB} "
        f"{'met' if met else 'missed'}",
        flush=True,
    )
    return met


def _forgetful(reader: Reader) -> Reader:
    """One that has been asked before, but for nothing that a page wants: as on a new day."""
    made = Reader(reader.folder)
    made.ranking("rir", Attribution.ADDRESS, Family.IPV6, next(iter(made.days())))
    return made


def _once(
    make: Callable[[Sources, Ask], str], snapshot: Snapshot, reader: Reader, page: str
) -> float:
    """Milliseconds of this process's processors."""
    began = time.process_time()
    make(Sources(snapshot, reader), Ask(page, "en", {}))
    return (time.process_time() - began) * 1e3


def _share(snapshot: Snapshot, family: Family) -> str:
    counts = snapshot.coverages["country", Attribution.ADDRESS].routes[family].sum(axis=0).tolist()
    return f"{100 * counts[0] / sum(counts):.1f}%"


if __name__ == "__main__":
    say("reading the real table")
    sys.exit(main())
