"""Ranks of networks, and what they do where networks have the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from validator.figures.coverage import Coverage
from validator.groupings import Attribution, Scheme
from validator.groups.standings import LatestStandings, Place, Standing, Standings
from validator.model import Family, Holding, InputReport, ResourceBatch
from validator.tables.announced import REASONS
from validator.tables.resources import ResourceTable, build_table


def resources() -> ResourceTable:
    """AS1 to AS3 are held in NL, AS4 in DE, AS5 is reserved, of the rest nobody says anything."""
    return build_table(
        [
            ResourceBatch(
                kind=np.zeros(3, "u1"),
                first=np.array([1, 4, 5], "u8"),
                last=np.array([3, 4, 5], "u8"),
                status=np.array([Holding.ASSIGNED, Holding.ASSIGNED, Holding.RESERVED], "u1"),
                registry=np.ones(3, "u1"),
                country=np.array([1, 2, 1], "u2"),
                holder=np.zeros(3, "u4"),
                date=np.zeros(3, "u4"),
                registries=("", "ripencc"),
                countries=("", "NL", "DE"),
                holders=("",),
                report=InputReport("delegated", "delegated"),
            )
        ]
    )


def coverage(rows: dict[str, tuple[int, int, int]]) -> Coverage:
    """Of each group: IPv4 addresses, IPv4 routes, IPv6 routes."""

    def routes(column: int) -> Any:
        return np.array([[0, 0, each[column]] for each in rows.values()], "u8").reshape(-1, 3)

    space = np.array([[each[0]] * 5 for each in rows.values()], "u8").reshape(-1, 5)
    return Coverage(
        Scheme.ASN,
        Attribution.ORIGIN,
        tuple(rows),
        {Family.IPV4: routes(1), Family.IPV6: routes(2)},
        {Family.IPV4: space, Family.IPV6: np.zeros_like(space)},
        dict.fromkeys(Family, np.zeros((len(rows), len(REASONS) - 1), "u8")),
    )


WORLD = coverage(
    {
        "AS4": (512, 2, 0),
        "NONE": (9999, 99, 99),
        "AS1": (256, 1, 0),
        "AS3": (0, 0, 7),
        "AS2": (512, 1, 0),
        "AS5": (1, 1, 0),
        "AS7": (0, 0, 0),  # all its routes are excluded
    }
)
NL, DE = 2, 1


def standing(asn: int, country: int = 0) -> Standing:
    return Standings.build(WORLD, resources()).of(asn, country)


def test_countries_are_numbered_as_these_tests_say() -> None:
    assert resources().countries == ("ZZ", "DE", "NL")


def test_networks_with_as_much_share_a_rank_and_the_next_is_left_out() -> None:
    assert standing(4).ipv4_space == Place(1, 4)
    assert standing(2).ipv4_space == Place(1, 4)
    assert standing(1).ipv4_space == Place(3, 4)
    assert standing(5).ipv4_space == Place(4, 4)
    assert standing(3).routes == Place(1, 5)
    assert [standing(asn).routes.rank for asn in (4, 1, 2, 5)] == [2, 3, 3, 3]


def test_a_rank_in_a_country_is_among_the_networks_registered_there() -> None:
    assert standing(1, NL).ipv4_space_country == Place(2, 2)
    assert standing(2, NL).ipv4_space_country == Place(1, 2)
    assert standing(3, NL).routes_country == Place(1, 3)
    assert standing(4, DE).routes_country == Place(1, 1)


def test_a_network_that_has_none_has_no_rank_though_others_do() -> None:
    for asn in (3, 7, 6, 4_294_967_295):
        assert standing(asn).ipv4_space == Place(None, 4)
    assert standing(7).routes == Place(None, 5)
    assert standing(6, NL).routes_country == Place(None, 3)


def test_what_nobody_holds_has_a_rank_in_the_world_alone() -> None:
    assert standing(5).routes == Place(3, 5)
    assert standing(5).routes_country is None
    assert standing(5).ipv4_space_country is None


def test_the_origin_none_is_no_network() -> None:
    assert standing(-1).ipv4_space.rank is None
    assert -1 not in Standings.build(WORLD, resources()).asn


def test_without_routes_nobody_is_ranked() -> None:
    nobody = Standings.build(coverage({}), build_table([])).of(1, 0)
    assert nobody == Standing(Place(None, 0), None, Place(None, 0), None)


def test_standings_are_made_once_for_what_is_in_force() -> None:
    latest, held = LatestStandings(), resources()
    first = latest.of(WORLD, held)
    assert latest.of(WORLD, held) is first
    assert latest.of(WORLD, resources()) is not first
