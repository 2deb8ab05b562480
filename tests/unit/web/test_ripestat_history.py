"""``rpki-history`` in RIPEstat's form: what is counted of which resource, and the bins of days."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.feeds import VRPS, make_snapshot
from tests.past_sites import serving_past
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.web.answers import Refusal
from validator.web.ripestat_history import VrpCounts, binned, parse

MONDAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Monday to Wednesday; on Tuesday the first VRP was not there. Thursday is missing."""
    tables = Tables(tmp_path_factory.mktemp("past") / "history")
    for number, first in ((0, 0), (1, 1), (2, 0), (4, 0)):
        write_tables(make_snapshot(vrps=VRPS[first:]), tables, MONDAY + timedelta(days=number))
    return tables.path


async def test_each_resource_has_its_vrps_day_by_day(path: Path) -> None:
    async with serving_past(path) as site:
        for resource, counts in {
            "192.0.2.0/24": [1, 0, 1, 1],
            "192.0.2.1/24": [1, 0, 1, 1],
            "192.0.2.0/25": [],
            "2001:db8::/32": [1, 1, 1, 1],
            "AS64496": [1, 0, 1, 1],
            "64496&family=6": [1, 1, 1, 1],
            "nl": [1, 0, 1, 1],
            "DE": [],
            "apnic": [2, 2, 2, 2],
            "ripencc": [1, 0, 1, 1],
        }.items():
            status, reply = await site.json(f"/data/rpki-history/data.json?resource={resource}")
            assert (status, reply["status"], reply["data_call_name"]) == (200, "ok", "rpki-history")
            series = reply["data"]["timeseries"]
            assert [each["rpki"]["vrp_count"] for each in series] == counts, resource
            days = [f"2026-01-{day:02}T00:00:00" for day in (5, 6, 7, 9)]
            assert [each["time"] for each in series] == (days if counts else [])


async def test_weeks_have_the_least_the_most_and_how_many_days_there_were(path: Path) -> None:
    async with serving_past(path) as site:
        asked = "/data/rpki-history/data.json?resource=64496&resolution=w"
        _, reply = await site.json(asked)
        assert reply["data"]["timeseries"] == [
            {
                "asn": "64496",
                "time": "2026-01-05T00:00:00",
                "family": 4,
                "rpki": {"vrp_count": {"min": 0, "avg": 0.75, "max": 1, "first": 1, "last": 1}},
                "samples": 4,
            }
        ]
        status, reply = await site.json("/data/rpki-history/data.json?resource=AS64496&ris=1")
        assert (status, reply["status"]) == (400, "error")


def test_days_go_into_the_week_month_or_year_that_they_lie_in() -> None:
    days = [(date(2025, 12, 31), 4), (date(2026, 1, 1), 6), (date(2026, 2, 1), 2)]
    assert [(str(day), n) for day, _, n in binned(days, "w")] == [
        ("2025-12-29", 2), ("2026-01-26", 1),
    ]  # fmt: skip
    assert [(str(day), n) for day, _, n in binned(days, "m")] == [
        ("2025-12-01", 1), ("2026-01-01", 1), ("2026-02-01", 1),
    ]  # fmt: skip
    (_, last) = [rpki.vrp_count for _, rpki, _ in binned(days, "y")]
    assert last == VrpCounts(2, 4.0, 6, 6, 2)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"resource": "192.0.2.0/33"},
        {"resource": "AS4294967296"},
        {"resource": "a'b"},
        {"resource": "NL", "family": "5"},
        {"resource": "NL", "resolution": "h"},
        {"resource": "NL", "delegated": "true"},
    ],
)
def test_what_is_not_known_here_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refusal:
        parse(given)
    assert refusal.value.status == 400
