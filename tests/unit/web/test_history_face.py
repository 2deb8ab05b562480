"""The face of history: gaps are gaps, degraded days are marked, refusals name what there is."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest

from tests.feeds import ROUTES, make_snapshot
from validator.freshness import LATE, SourceStatus
from validator.groupings import Attribution
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.writing import write_day
from validator.model import Family
from validator.web.answers import Refusal
from validator.web.history import (
    HistoryFace,
    csv_text,
    describe,
    parse,
)
from validator.web.history_replies import HistoryReply
from validator.web.past import kept, parse_day, past

LATE_ROUTES = SourceStatus("routes", "routes.csv", LATE, error="nothing new for two days", since=1)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Three days, of which the third is degraded, and one missing before it."""
    folder = Folder(tmp_path / "history")
    first, last = make_snapshot(routes=ROUTES[:3]), make_snapshot()
    write_day(first, folder, date(2026, 1, 1))
    write_day(last, folder, date(2026, 1, 2))
    write_day(replace(last, troubles=(LATE_ROUTES,)), folder, date(2026, 1, 4))
    return Reader(folder)


def ask(reader: Reader, scheme: str, group: str, **given: str) -> HistoryReply:
    given = {name.rstrip("_"): value for name, value in given.items()}
    return describe(reader, parse(scheme, group, given))


def test_a_series_has_every_day_and_says_which_are_missing_and_degraded(reader: Reader) -> None:
    reply = ask(reader, "country", "ZZ", family="ipv4")
    assert (reply.title, reply.name) == ("Countries and territories", "unregistered")
    assert (reply.attribution, reply.figure) == (Attribution.ADDRESS, "valid_share")
    assert (reply.days, reply.gaps, reply.sample) == (3, 1, False)
    (ipv4,) = reply.families
    assert [
        (p.day, p.recorded, p.degraded, p.numerator, p.denominator, p.value) for p in ipv4.points
    ] == [
        ("2026-01-01", True, False, 0, 1, 0.0),
        ("2026-01-02", True, False, 0, 2, 0.0),
        ("2026-01-03", False, False, None, None, None),
        ("2026-01-04", True, True, 0, 2, 0.0),
    ]
    assert [(each.day, each.notes) for each in reply.degraded] == [
        (
            "2026-01-04",
            ["routes routes.csv: late since 1970-01-01T00:00:01Z: nothing new for two days"],
        )
    ]


def test_counts_have_no_denominator_and_spaces_a_unit(reader: Reader) -> None:
    reply = ask(reader, "asn", "AS64496", figure="valid_space", from_="2026-01-02")
    assert reply.attribution is Attribution.ORIGIN
    assert (reply.first, reply.history_first) == ("2026-01-02", "2026-01-01")
    assert [(f.family, f.unit, f.points[0].numerator) for f in reply.families] == [
        ("ipv4", "addresses", 256),
        ("ipv6", "64s", 1 << 32),
    ]
    assert reply.families[0].points[0].denominator is None
    assert reply.denominator_of == []


def test_the_table_says_the_same(reader: Reader) -> None:
    reply = ask(reader, "country", "NL", figure="holdings_coverage", family="ipv4")
    rows = list(csv.DictReader(io.StringIO(csv_text(reply).decode())))
    assert [row["day"] for row in rows] == [p.day for p in reply.families[0].points]
    assert (rows[0]["numerator"], rows[0]["denominator"], rows[0]["value"]) == ("256", "256", "1.0")
    assert (rows[2]["recorded"], rows[2]["value"]) == ("false", "")
    assert rows[3]["degraded"] == "true"


@pytest.mark.parametrize(
    ("scheme", "group", "given", "status", "problem"),
    [
        ("country", "NL", {"from": "2027-01-01"}, 404, "2026-01-01 to 2026-01-02, 2026-01-04"),
        ("country", "XX", {}, 404, "has no country 'XX'"),
        ("nothing", "XX", {}, 404, "there are asn, country"),
        ("asn", "AS64496", {"attribution": "address"}, 404, "has no asn"),
        ("asn", "AS64496", {"from": "20260101"}, 400, "is not a day"),
        ("asn", "AS64496", {"from": "2026-01-02", "to": "2026-01-01"}, 400, "is after"),
        ("asn", "AS64496", {"figure": "luck"}, 400, "is not one of valid_share"),
        ("asn", "AS64496", {"family": "ipv5"}, 400, "is not one of ipv4, ipv6"),
    ],
)
def test_refusals_name_what_is_allowed_or_there(
    reader: Reader, scheme: str, group: str, given: dict[str, str], status: int, problem: str
) -> None:
    from validator.web.history import _answer

    with pytest.raises(Refusal, match=problem) as refused:
        _answer(reader, parse(scheme, group, given))
    assert refused.value.status == status


def test_the_past_is_what_coverage_answered(reader: Reader) -> None:
    written = make_snapshot()
    day = past(reader, "country", None, date(2026, 1, 2))
    coverage = written.coverages["country", Attribution.ADDRESS]
    assert day.coverage.groups == coverage.groups
    for family in Family:
        for number in range(len(coverage.groups)):
            assert day.coverage.figures(number, family) == coverage.figures(number, family)
    assert day.name("NL") == "Netherlands"
    assert day.head["min_peers"] == 1
    assert day.head["excluded"] == written.exclusions
    with pytest.raises(Refusal, match="2026-01-03; there is of") as refused:
        past(reader, "country", None, date(2026, 1, 3))
    assert refused.value.status == 404


def test_without_a_history_it_says_so() -> None:
    with pytest.raises(Refusal, match=r"keeps no history"):
        kept(None)
    with pytest.raises(Refusal, match=r"is not a day"):
        parse_day("at", "2026-13-01")
    (operation,) = HistoryFace(None).operations()
    assert operation.tagged
    assert msgspec.json.schema(HistoryReply)
