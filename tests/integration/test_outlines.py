"""A group on a day of which figures alone are kept: they are the day's, and the rest is null."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.feeds import ROUTES, StandingFeed, make_snapshot
from validator import metrics
from validator.history.folder import Folder
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.web.app import make_app

FIGURED, WHOLE = date(2026, 1, 1), date(2026, 1, 2)


@pytest.fixture
async def ask(tmp_path: Path) -> Any:
    before, now = make_snapshot(routes=ROUTES[:3]), make_snapshot(generation=2)
    write_day(before, Folder(tmp_path), FIGURED)
    write_day(before, Folder(tmp_path), WHOLE)
    write_tables(before, tmp_path, WHOLE)
    feed = StandingFeed(now)
    app = make_app(
        feed, metrics.build(feed), sample=False, past=Reader(tmp_path),
        moments=Moments(tmp_path, feed),
    )  # fmt: skip
    async with TestClient(TestServer(app)) as client:

        async def get(path: str) -> tuple[int, Any]:
            async with client.get(path) as answer:
                return answer.status, await answer.json()

        yield get


async def test_figures_ranks_and_members_are_the_days_own(ask: Any) -> None:
    for group in ("m49-region/150", "country/NL", "rir/ripencc", "asn/AS64496", "custom-ours/us"):
        (status, outline), (_, whole) = [
            await ask(f"/api/v1/coverage/{group}?at={day}") for day in (FIGURED, WHOLE)
        ]
        assert status == 200
        for family in ("ipv4", "ipv6"):
            mine, full = outline["families"][family], whole["families"][family]
            assert mine.pop("beyond") is None
            full.pop("beyond")
            assert mine == full
        assert outline["networks"] is None
        if group not in ("country/NL", "rir/ripencc"):  # whose networks, registries would say
            assert outline["members"] == whole["members"]
        same = ("title", "name", "attribution", "day", "generated", "min_peers", "degraded")
        assert [outline[key] for key in same] == [whole[key] for key in same]


async def test_what_figures_cannot_say_is_refused_with_the_days_that_can(ask: Any) -> None:
    for path in ("/api/v1/dialects/rir/ripencc", "/api/v1/validity/AS1/192.0.2.0/24"):
        status, refused = await ask(f"{path}?at={FIGURED}")
        assert status == 404
        assert str(WHOLE) in str(refused)
    assert (await ask(f"/api/v1/coverage/rir/ripencc?at={FIGURED}&min_peers=1"))[0] == 404
    assert (await ask("/api/v1/coverage/rir/ripencc?at=2025-12-31"))[0] == 404
    assert (await ask(f"/api/v1/coverage/rir/nobody?at={FIGURED}"))[0] == 404
