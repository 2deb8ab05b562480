"""The figures beyond coverage, followed by eye through a table of eight routes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.feeds import COUNT_ALL, resource_batch, route_batch, vrp_batch
from validator.figures import wider
from validator.figures.facts import Facts
from validator.figures.visibility import NOTHING_SEEN, UNWATCHED, Sightings, States
from validator.figures.wider import FamilyFigures, NetworkFigures, Wider
from validator.groupings import Attribution, ByAddress, Scheme, assign
from validator.inputs.batches import Inputs
from validator.kernels import wider as kernels
from validator.model import NO_ORIGIN, Family
from validator.snapshot import Adjacencies, Snapshot
from validator.state.assembly import assemble

ROUTES = (
    ("192.0.2.0/24", 64496),  # valid, held
    ("192.0.2.0/24", 64497),  # another AS: MOAS, invalid; nobody holds AS64497
    ("198.51.100.0/24", NO_ORIGIN),  # covered, so invalid; nobody holds the block
    ("198.51.100.0/24", 64496),  # invalid; with NONE beside it, no MOAS
    ("203.0.113.0/24", 64498),
    ("203.0.113.0/25", 64498),  # too specific to be counted
    ("2001:db8::/32", 64496),  # valid, held
    ("2001:db9::/32", 64497),
)
PAIRS = Adjacencies(
    np.array([64496, 64496, 64497, 64498, 64499], "i8"),
    np.array([64497, 64500, 64500, 64498, 64496], "u4"),
)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    made = assemble(
        Inputs(
            vrps=[vrp_batch()], routes=[route_batch(ROUTES)], resources=[resource_batch()], names=[]
        ),
        COUNT_ALL,
    )
    return replace(made, adjacencies=PAIRS)


def measured(snapshot: Snapshot, attribution: Attribution, sightings: Sightings) -> Wider:
    routes, resources = snapshot.routes, snapshot.resources
    facts = Facts.of(routes, snapshot.excluded, resources, snapshot.adjacencies, sightings)
    owners = facts.owners(Scheme.COUNTRY, resources)
    if attribution is Attribution.ORIGIN:
        return wider.measure(facts, owners)
    return wider.measure(facts, assign(Scheme.COUNTRY, attribution, routes, resources), owners)


def sightings_of(snapshot: Snapshot) -> Sightings:
    seen = np.array([3, 1, UNWATCHED, 0, 2, 2, 3, 2], "u2")
    feeds = {Family.IPV4: 3, Family.IPV6: 3}
    return Sightings(feeds, dict.fromkeys(Family, States()), (), snapshot.routes, seen)


def test_by_address_a_country_has_what_lies_in_its_blocks(snapshot: Snapshot) -> None:
    found = measured(snapshot, Attribution.ADDRESS, sightings_of(snapshot))
    nobody, nl = (snapshot.resources.countries.index(each) for each in ("ZZ", "NL"))
    assert found.figures(nl, Family.IPV4) == FamilyFigures(
        prefixes=1, moas_prefixes=1, as_set_routes=0, unregistered_routes=0, bogon_routes=1,
        watched_valid=1, watched_invalid=1, valid_sightings=3, invalid_sightings=1,
        unregistered_space=0,
    )  # fmt: skip
    assert found.figures(nobody, Family.IPV4) == FamilyFigures(
        prefixes=2, moas_prefixes=0, as_set_routes=1, unregistered_routes=3, bogon_routes=1,
        watched_valid=0, watched_invalid=1, valid_sightings=0, invalid_sightings=0,
        unregistered_space=512,
    )  # fmt: skip
    assert found.figures(nobody, Family.IPV6).unregistered_space == 2**32
    assert found.full_feeds == {Family.IPV4: 3, Family.IPV6: 3}


def test_by_origin_a_prefix_counts_for_each_group_that_announces_it(snapshot: Snapshot) -> None:
    found = measured(snapshot, Attribution.ORIGIN, sightings_of(snapshot))
    nobody, nl = (snapshot.resources.countries.index(each) for each in ("ZZ", "NL"))
    assert found.figures(nl, Family.IPV4) == FamilyFigures(
        prefixes=2, moas_prefixes=1, as_set_routes=0, unregistered_routes=1, bogon_routes=0,
        watched_valid=1, watched_invalid=1, valid_sightings=3, invalid_sightings=0,
        unregistered_space=256,
    )  # fmt: skip
    assert found.figures(nobody, Family.IPV4).prefixes == 3
    assert found.figures(nobody, Family.IPV4).bogon_routes == 2


@pytest.mark.parametrize("attribution", list(Attribution))
def test_networks_are_those_of_the_origin_whatever_the_attribution(
    snapshot: Snapshot, attribution: Attribution
) -> None:
    found = measured(snapshot, attribution, NOTHING_SEEN)
    nobody, nl = (snapshot.resources.countries.index(each) for each in ("ZZ", "NL"))
    # AS64496 stands before AS64499, which announces nothing, and has two neighbours of its own.
    assert found.network_figures(nl) == NetworkFigures(1, 1, 1, 0, 0, 1, 1)
    # AS64497 stands before AS64496; AS64498 stands before itself alone, which says nothing.
    assert found.network_figures(nobody) == NetworkFigures(2, 2, 1, 0, 0, 1, 0)


def test_without_full_feeds_nothing_is_watched(snapshot: Snapshot) -> None:
    found = measured(snapshot, Attribution.ADDRESS, NOTHING_SEEN)
    for group in range(len(snapshot.resources.countries)):
        assert found.figures(group, Family.IPV4)[4:8] == (0, 0, 0, 0)
    assert found.full_feeds == {Family.IPV4: 0, Family.IPV6: 0}


def test_only_figures_by_address_are_added_up(snapshot: Snapshot) -> None:
    of = np.zeros(len(snapshot.resources.countries), "u4")
    all_ = measured(snapshot, Attribution.ADDRESS, NOTHING_SEEN).summed(of, 1)
    assert all_.figures(0, Family.IPV4)[:4] == (3, 1, 3, 2)
    assert all_.figures(0, Family.IPV4).moas_prefixes == 1
    assert all_.network_figures(0) == NetworkFigures(3, 3, 2, 0, 0, 2, 1)
    with pytest.raises(ValueError, match="do not add up"):
        measured(snapshot, Attribution.ORIGIN, NOTHING_SEEN).summed(of, 1)


def test_where_no_scheme_says_whose_the_networks_are_there_are_none(snapshot: Snapshot) -> None:
    routes, resources = snapshot.routes, snapshot.resources
    facts = Facts.of(routes, snapshot.excluded, resources, snapshot.adjacencies, NOTHING_SEEN)
    ranges = {family: (np.zeros(1, "u8"), np.zeros(1, "u4")) for family in Family}
    found = wider.measure(facts, ByAddress(ranges, ("other",)))
    assert found.figures(0, Family.IPV4).prefixes == 3
    assert found.network_figures(0) == NetworkFigures(0, 0, 0, 0, 0, 0, 0)


def test_columns_are_named_in_the_order_that_they_have() -> None:
    assert len(FamilyFigures._fields) == kernels.FIGURES
    assert FamilyFigures._fields.index("unregistered_space") == kernels.UNREGISTERED_SPACE
    assert FamilyFigures._fields.index("watched_invalid") == kernels.WATCHED_INVALID
    assert len(NetworkFigures._fields) == kernels.NETWORK_FIGURES
    assert NetworkFigures._fields.index("transits") == kernels.TRANSITS
