"""One group: its figures, its averages, its place and its members, each as its table has them."""

from __future__ import annotations

import csv
import io
import re

import msgspec
import pytest

from collectors.base import SourceError
from collectors.group_form import GroupFile
from tests.feeds import make_snapshot
from validator.metrics.probe import Target, parse
from validator.snapshot import Snapshot
from validator.web.answers import Refusal
from validator.web.coverage import asked_of
from validator.web.coverage_replies import AverageOut, GroupReply
from validator.web.groups import GROUP, describe, member_table, schemes


def view(scheme: str, group: str, snapshot: Snapshot | None = None, **given: str) -> GroupReply:
    snapshot = snapshot or make_snapshot()
    return describe(snapshot, asked_of(scheme, given, snapshot), group, 100)


def test_a_class_has_its_countries_as_members_and_three_averages() -> None:
    europe = view("m49-region", "150")
    assert (europe.name, europe.title) == ("Europe", "Title of m49-region")
    assert europe.membership == "by hand, as of 2026-01-01"
    assert europe.members_by == "country"
    assert [(row.group, row.name, row.family) for row in europe.members] == [
        ("NL", "Netherlands", "ipv4"),
        ("NL", "Netherlands", "ipv6"),
    ]
    ipv4 = europe.families.ipv4
    assert ipv4.figures.routes.announced == 1
    assert ipv4.excluded == {"too-specific": 1}
    assert ipv4.averages["valid_share"] == AverageOut(1.0, 1.0, 1.0, 1, 1, 17_000_000)
    assert (ipv4.ranks.valid_share.rank, ipv4.ranks.valid_share.of) == (1, 1)


def test_a_class_of_nobody_says_so() -> None:
    africa = view("m49-region", "002")
    assert africa.members == []  # Kenya holds nothing here
    assert africa.families.ipv4.averages["valid_share"] == AverageOut(None, None, None, 0, 0, 0)
    assert africa.families.ipv4.ranks.space.rank is None


def test_what_belongs_nowhere_is_visible_and_takes_no_place() -> None:
    nobody = view("m49-region", "ZZ")
    assert nobody.name == "unregistered"
    assert nobody.families.ipv4.figures.routes.announced == 2
    assert nobody.families.ipv4.ranks.valid_share.rank is None
    assert view("m49-region", "other").name == "elsewhere"


def test_the_networks_of_a_country_are_those_registered_there() -> None:
    country = view("country", "NL", family="ipv4")
    assert country.members_by == "asn"
    assert [(row.group, row.name) for row in country.members] == [("AS64496", "Example, one")]
    assert country.members_total == 1
    assert view("rir", "ripencc").members_total == 2  # in both families


def test_lists_of_networks_and_of_prefixes_name_their_members() -> None:
    ours = view("custom-ours", "us")
    assert {row.group for row in ours.members} == {"AS64496"}  # AS64499 announces nothing
    here = view("custom-space", "here")
    assert (here.members, here.listed) == ([], ["198.51.100.0/23"])
    assert here.families.ipv4.figures.routes.invalid == 1


def test_a_network_has_no_members() -> None:
    network = view("asn", "AS64496")
    assert (network.members_by, network.members, network.listed) == (None, [], [])


def test_the_members_as_csv_are_all_of_them() -> None:
    snapshot = make_snapshot()
    table = member_table(snapshot, asked_of("m49-region", {}, snapshot), "150").decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["group"] for row in rows] == ["NL", "NL"]
    with pytest.raises(Refusal, match="has no members"):
        member_table(snapshot, asked_of("asn", {}, snapshot), "AS64496")


def test_an_unknown_group_is_told_what_there_is() -> None:
    with pytest.raises(Refusal, match="m49-region has no group '999'; it has 002, 150, other, ZZ"):
        view("m49-region", "999")


def test_every_scheme_is_listed_with_its_source() -> None:
    listed = {each.scheme: each for each in schemes(make_snapshot()).schemes}
    assert list(listed) == ["asn", "country", "rir", "m49-region", "custom-ours", "custom-space"]
    assert listed["m49-region"].origin == "by hand"
    assert listed["m49-region"].members == "country"
    assert [each.value for each in listed["country"].attributions] == ["address", "origin"]
    assert msgspec.json.encode(listed["asn"])


@pytest.mark.parametrize("group", ["150", "AS64496", "north africa", "a+b", "x" * 64])
def test_a_group_that_a_file_may_name_can_be_asked_for_everywhere(group: str) -> None:
    pattern = str(GROUP["pattern"])
    assert re.fullmatch(pattern, group)
    assert parse(f"custom-mine:{group}") == Target("custom-mine", group)
    GroupFile("x.csv", iter(())).check_group(group)


@pytest.mark.parametrize("group", ["", " x", "x ", "a/b", "ä", "x" * 65, "a\nb"])
def test_one_that_none_may_name_is_refused_everywhere(group: str) -> None:
    assert not re.fullmatch(str(GROUP["pattern"]), group)
    with pytest.raises(ValueError, match="expected AS64496, or SCHEME:GROUP"):
        parse(f"custom-mine:{group}")
    with pytest.raises(SourceError, match="cannot identify a group"):
        GroupFile("x.csv", iter(())).check_group(group)


def test_members_and_averages_are_counted_with_the_peers_that_are_asked_for() -> None:
    whole, few = view("country", "NL"), view("country", "NL", min_peers="2")
    assert next(row.routes.announced for row in whole.members) > 0
    assert few.min_peers == 2
    assert few.families.ipv4.figures.routes.announced == 0
    assert [row.routes.announced for row in few.members if row.routes.announced] == []
    europe = view("m49-region", "150", min_peers="2")
    assert europe.families.ipv4.averages["valid_share"].countries == 0


def test_a_number_of_peers_without_end_is_refused() -> None:
    with pytest.raises(Refusal, match="not a number from 1 to 65535"):
        view("rir", "ripencc", min_peers="9" * 5000)
