"""Since when and until when: runs are joined over files, cut at gaps, and bounded."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.feeds import ROUTES, VRPS, make_snapshot
from tests.past_sites import serving_past
from validator.history.compacting import compact
from validator.history.table_writing import write_tables
from validator.history.tables import Tables
from validator.web.answers import Refusal
from validator.web.past_tables import parse

FEWER = VRPS[1:]
"""Without the VRP of 192.0.2.0/24."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days in two files of years and two of days: the VRP of 192.0.2.0/24 goes for the third
    day, and the fifth is not recorded."""
    tables = Tables(tmp_path_factory.mktemp("past") / "history")
    whole, less = make_snapshot(), make_snapshot(vrps=FEWER, routes=ROUTES[:3])
    for day, snapshot in {
        date(2025, 12, 30): whole,
        date(2025, 12, 31): whole,
        date(2026, 1, 1): less,
        date(2026, 1, 2): whole,
        date(2026, 1, 4): whole,
    }.items():
        write_tables(snapshot, tables, day)
        if day.day == 31:
            for kind in ("routes", "vrps"):
                compact(tables.folders[kind], 2025, today=date(2026, 1, 1))
    write_tables(whole, tables, date(2025, 12, 31))  # again: its own file holds
    return tables.path


async def test_runs_of_vrps_and_routes_are_joined_and_cut_where_they_end(path: Path) -> None:
    async with serving_past(path) as site:
        status, reply = await site.json("/api/v1/past/vrps?prefix=192.0.2.0/24")
        assert status == 200
        assert [(r["asn"], r["trust_anchor"], r["first"], r["last"]) for r in reply["vrps"]] == [
            ("AS64496", "ripe", "2025-12-30", "2025-12-31"),
            ("AS64496", "ripe", "2026-01-02", "2026-01-02"),
            ("AS64496", "ripe", "2026-01-04", "2026-01-04"),
        ]
        assert (reply["total"], reply["days"], reply["gaps"]) == (3, 5, 1)
        assert (reply["history_first"], reply["history_last"]) == ("2025-12-30", "2026-01-04")
        _, reply = await site.json("/api/v1/past/routes?asn=64496&prefix=192.0.2.128/25")
        assert reply["routes"] == []
        _, reply = await site.json("/api/v1/past/routes?prefix=192.0.2.0/25&to=2026-01-02")
        assert [(r["origin"], r["state"], r["reason"], r["first"], r["last"])
                for r in reply["routes"]] == [
            ("AS64496", "invalid", "length", "2025-12-30", "2025-12-31"),
            ("AS64496", "not-found", "", "2026-01-01", "2026-01-01"),
            ("AS64496", "invalid", "length", "2026-01-02", "2026-01-02"),
        ]  # fmt: skip
        _, reply = await site.json("/api/v1/past/routes?asn=NONE&from=2026-01-01&limit=1")
        assert [(r["prefix"], r["first"]) for r in reply["routes"]] == [
            ("203.0.113.0/24", "2026-01-02")
        ]
        assert reply["total"] == 2


async def test_a_prefix_means_itself_what_it_covers_or_what_covers_it(path: Path) -> None:
    async with serving_past(path) as site:
        for asked, prefixes in {
            "198.51.100.0/23&match=covering": ["198.51.100.0/22", "198.51.100.0/23"],
            "198.51.100.0/22&match=covered": ["198.51.100.0/22", "198.51.100.0/23"],
            "198.51.100.0/23&match=covered": ["198.51.100.0/23"],
            "0.0.0.0/0&match=covered&asn=64496": ["192.0.2.0/24"],
            "2001:db8::1/128&match=covering": ["2001:db8::/32"],
            "::/0&match=covered": ["2001:db8::/32"],
        }.items():
            _, reply = await site.json(f"/api/v1/past/vrps?prefix={asked}&from=2026-01-04")
            assert [run["prefix"] for run in reply["vrps"]] == prefixes, asked


async def test_runs_come_as_a_table_too(path: Path) -> None:
    async with serving_past(path) as site:
        _, headers, body = await site.ask(
            "/api/v1/past/vrps?asn=AS64499&format=csv&from=2026-01-04"
        )
        assert headers["Content-Type"].startswith("text/csv")
        assert body.decode() == (
            "prefix,max_length,asn,trust_anchor,first,last,sample\n"
            "198.51.100.0/22,24,AS64499,apnic,2026-01-04,2026-01-04,false\n"
        )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "name a prefix, an asn, or both"),
        ({"asn": "1", "match": "covered"}, "name a prefix"),
        ({"asn": "NONE"}, "not an AS number"),
        ({"prefix": "1.2.3.4"}, "no length"),
        ({"asn": "1", "limit": "0"}, "from 1 to 10000"),
        ({"asn": "1", "from": "2026-01-02", "to": "2026-01-01"}, "is after"),
        ({"prefix": "::/0", "match": "near"}, "not one of exact, covered, covering"),
        ({"asn": "1", "format": "xml"}, "not one of json, csv"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_is_allowed(
    given: dict[str, str], why: str
) -> None:
    with pytest.raises(Refusal, match=why) as refusal:
        parse(given)
    assert refusal.value.status == 400


async def test_a_history_without_tables_says_so(tmp_path: Path) -> None:
    async with serving_past(tmp_path) as site:
        for what in ("vrps", "routes"):
            status, _, body = await site.ask(f"/api/v1/past/{what}?asn=1")
            assert status == 404
            assert b"no tables are kept yet" in body
