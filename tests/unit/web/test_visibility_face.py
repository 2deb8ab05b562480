"""What full-feed peers carry, the one that carries the fewest invalids first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.feeds import make_snapshot
from validator.figures.visibility import FeedSightings, Sightings, States
from validator.model import Family, Peer
from validator.web.visibility import describe


def test_each_peer_is_shown_with_its_share_of_what_is_watched() -> None:
    seen = Sightings(
        {Family.IPV4: 2, Family.IPV6: 0},
        {Family.IPV4: States(100, 10, 50), Family.IPV6: States(0, 0, 0)},
        (
            FeedSightings(Peer("rrc99", "192.0.2.1", 64496), Family.IPV4, States(90, 9, 50)),
            FeedSightings(Peer("rrc99", "192.0.2.2", 64497), Family.IPV4, States(100, 1, 49)),
        ),
        None,
        None,
    )
    shown = describe(replace(make_snapshot(sample=True), sightings=seen))
    assert shown.sample
    assert [feed.asn for feed in shown.feeds] == ["AS64497", "AS64496"]
    dropping, passing = shown.feeds
    assert dropping.valid_visibility == pytest.approx(1.0)
    assert dropping.invalid_visibility == pytest.approx(0.1)
    assert passing.invalid_visibility == pytest.approx(0.9)
    assert (shown.watched.ipv4.full_feeds, shown.watched.ipv6.full_feeds) == (2, 0)


def test_route_lists_have_no_peers_to_show() -> None:
    shown = describe(make_snapshot())
    assert shown.feeds == []
    assert shown.watched.ipv4.full_feeds == 0
