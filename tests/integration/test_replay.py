"""``?at=`` answers what a service that ran on that day answered: the last days of the sample world
are lived through, one after the other, with everything asked every evening; then all of it is asked
again of a service that has only the files, before and after compaction."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from tests.conftest import ROOT
from tests.feeds import StandingFeed
from validator import metrics
from validator.freshness import DEGRADED, SourceStatus
from validator.history.compacting import compact
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.history.writing import write_day
from validator.sample import build_world, registry, write_files
from validator.sample.chronicle import read_inputs
from validator.sample.growth import grow
from validator.sample.past import Past
from validator.sample.span import Span
from validator.settings import file as settings
from validator.snapshot import Snapshot
from validator.web.app import make_app

LAST = date(2026, 1, 14)
DAYS = [LAST - timedelta(days=n) for n in reversed(range(31))]

UNLIKE = re.compile(
    rb'"expires":([0-9]+|null)'  # the one thing that is not kept (docs/history.md)
    rb'|"query_id":"[^"]*"|"process_time":[0-9]+|"time":"[^"]*"'  # RIPEstat's envelope
)

Answer = tuple[int, str, bytes]


@dataclass(frozen=True)
class Question:
    method: str
    path: str
    body: str | None = None
    kind: str = "application/json"

    async def ask(self, session: ClientSession, url: str, at: date | None = None) -> Answer:
        sign = "&" if "?" in self.path else "?"
        path = self.path + (f"{sign}at={at}" if at else "")
        headers = {"Content-Type": self.kind} if self.body else {}
        async with session.request(self.method, url + path, data=self.body, headers=headers) as got:
            body = UNLIKE.sub(b"", await got.read())
            return got.status, got.headers.get("Content-Type", ""), body


def questions(snapshot: Snapshot) -> Iterator[Question]:
    """Something of everything that is answered from a snapshot."""
    rows = range(0, len(snapshot.routes), len(snapshot.routes) // 6)
    routes = [snapshot.routes[row] for row in rows]
    routes = [route for route in routes if route.origin >= 0]
    prefix, asn = routes[3].prefix, routes[3].origin
    for route in routes:
        yield Question("GET", f"/api/v1/validity/AS{route.origin}/{route.prefix}")
    for route in routes[:2]:
        yield Question("GET", f"/api/v1/explain/AS{route.origin}/{route.prefix}")
    yield Question("GET", f"/validity?asn=AS{asn}&prefix={prefix}")
    listed = ",".join(f'{{"asn":"AS{r.origin}","prefix":"{r.prefix}"}}' for r in routes)
    yield Question("POST", "/validity", f'{{"routes":[{listed}]}}')
    lines = "\n".join(["prefix,asn", *(f"{r.prefix},AS{r.origin}" for r in routes)])
    yield Question("POST", "/api/v1/validity", lines, "text/csv")
    yield Question("GET", f"/data/rpki-validation/data.json?resource=AS{asn}&prefix={prefix}")
    yield Question("GET", f"/data/prefix-overview/data.json?resource={prefix}")
    yield Question("GET", f"/data/routing-status/data.json?resource=AS{asn}")
    for scheme in ("asn", "country", "rir", "ldc", "m49-region"):
        yield Question("GET", f"/api/v1/coverage?by={scheme}")
    yield Question("GET", "/api/v1/coverage?by=country&attribution=origin&family=ipv6&format=csv")
    yield Question("GET", "/api/v1/coverage?by=country&min_peers=3")
    for group in (f"asn/AS{asn}", "country/KE", "rir/ripencc", "ldc/ldc", "country/ZZ"):
        yield Question("GET", f"/api/v1/coverage/{group}")
    yield Question("GET", "/api/v1/dialects/country/KE")
    yield Question("GET", "/api/v1/coverage/ldc/ldc?attribution=origin&format=csv")
    yield Question("GET", "/api/v1/plan/country/KE")
    yield Question("GET", "/api/v1/plan/ldc/ldc/countries")
    yield Question("GET", f"/api/v1/asn/AS{asn}")
    yield Question("GET", f"/api/v1/asn/AS{asn}/routes")
    yield Question("GET", f"/api/v1/prefix/{prefix}")
    yield Question("GET", f"/api/v1/ip/{str(prefix).partition('/')[0]}")
    yield Question("GET", "/api/v1/visibility")
    yield Question("GET", "/api/v1/schemes")


@asynccontextmanager
async def serving(snapshot: Snapshot, folder: Path | None = None) -> AsyncIterator[str]:
    feed = StandingFeed(snapshot)
    past = Reader(folder) if folder else None
    moments = Moments(folder, feed) if folder else None
    app = make_app(feed, metrics.build(feed), sample=True, past=past, moments=moments)
    server = TestServer(app)
    await server.start_server(auto_decompress=False)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    folder = tmp_path_factory.mktemp("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "NETWORKS", 450)  # the same world, smaller: it is quicker
        world = build_world()
    write_files(folder, world)
    chosen = settings.load(ROOT / "config" / "sample.toml")
    inputs = read_inputs(chosen, folder)
    return Past(world, grow(world, Span.until(LAST)), inputs, chosen.rules)


async def test_every_answer_is_that_of_the_day(past: Past, tmp_path: Path) -> None:
    folder = tmp_path / "history"
    asked = list(questions(past.snapshot(DAYS[0])))
    answers: dict[tuple[date, Question], Answer] = {}
    late = SourceStatus("vrps", "vrps.json", DEGRADED, error="shrank", since=1)
    async with ClientSession() as session:
        for day in DAYS:
            snapshot = past.snapshot(day)
            if day.day == 1:  # one day on which something was in trouble
                snapshot = replace(snapshot, troubles=(late,))
            async with serving(snapshot) as url:
                for question in asked:
                    answers[day, question] = await question.ask(session, url)
            write_day(snapshot, Folder(folder), day)
            write_tables(snapshot, folder, day)
        assert {status for status, _, _ in answers.values()} == {200}
        changed = [q for q in asked if len({answers[day, q][2] for day in DAYS}) > len(DAYS) // 2]
        assert len(changed) > len(asked) // 2, "the days are too much alike to tell anything"

        async def compare(days: list[date]) -> None:
            async with serving(snapshot, folder) as url:
                for day in days:
                    for question in asked:
                        found = await question.ask(session, url, day)
                        assert found == answers[day, question], (day, question)

        await compare(DAYS)
        for year in (DAYS[0].year, LAST.year):
            for each in (Folder(folder), *Tables(folder).there):
                assert compact(each, year).days
        await compare(DAYS[::10])
