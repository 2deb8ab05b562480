"""When the networks of the sample world began to sign, and what was signed and is no more.

Regions begin at different times; small islands and the least developed countries follow late, and
catch up in the last years; one country signs nearly all within a season, after a campaign; in
another a large network lets its ROAs expire. All of it is invented.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from validator.model import Family, State
from validator.sample.announcing import LONGEST
from validator.sample.countries import COUNTRIES, Country, Size
from validator.sample.dice import Dice
from validator.sample.model import Announcement, Kind, Network, Vrp, World
from validator.sample.signing import VrpIndex
from validator.sample.span import Span

_BEGINS = {"ripencc": 0.20, "lacnic": 0.28, "apnic": 0.33, "arin": 0.40, "afrinic": 0.50}
"""How far along the history a region's first networks sign."""
EARLY, LATE = "ripencc", "afrinic"
_TYPICAL = 0.6
"""The propensity of a country of no special kind (``Country.typical_signing``)."""
_CAMPAIGN, _CAMPAIGN_DAYS = 0.72, 100
_LAPSE_SIGNED, _LAPSE = 0.55, 0.88
_ENOUGH = 1 / 180
"""Of all routes: what a country has at least to be one of the stories."""


@dataclass(frozen=True, slots=True)
class Former:
    """A VRP that was there from a day until another, that not included (ordinals)."""

    vrp: Vrp
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Stories:
    """What is worth looking at: countries by code, days as ordinals."""

    campaign: str
    campaign_day: int
    lapse: str
    lapse_asn: int
    lapse_signed: int
    lapse_day: int


def stories(world: World, span: Span, signers: Set[int]) -> Stories:
    """Choose the country that leaps, and the one that falls back. ``signers``: :func:`signers`."""
    codes = {country.code: country for country in COUNTRIES}
    home = {network.asn: network.country for network in world.networks}
    signed = Counter(home[vrp.asn] for vrp in world.vrps if vrp.asn in home)
    leaps = max(
        (
            code
            for code, country in codes.items()
            if country.size is Size.LARGE and country.rir not in (EARLY, LATE)
        ),
        key=lambda code: (signed[code], code),
    )
    own = Counter(one.asn for one in world.announcements if one.kind is Kind.OWN)
    routes = Counter[str]()
    for asn, count in own.items():
        routes[home[asn]] += count
    unsigned = sorted(own.keys() - signers)
    enough = _ENOUGH * routes.total()
    asn = max(
        (a for a in unsigned if routes[home[a]] >= enough and home[a] != leaps),
        key=lambda a: (own[a] / routes[home[a]], a),
    )
    return Stories(
        leaps, span.at(_CAMPAIGN), home[asn], asn, span.at(_LAPSE_SIGNED), span.at(_LAPSE)
    )


def signers(world: World) -> set[int]:
    """The networks that have some route of their own covered by a VRP."""
    index = VrpIndex(world.vrps)
    return {
        one.asn
        for one in world.announcements
        if one.kind is Kind.OWN and index.state(one.prefix, one.origin) is not State.NOT_FOUND
    }


def signing_days(world: World, span: Span, told: Stories) -> dict[int, int]:
    """The day on which each network signs what it has by then, if it signs at all."""
    codes = {country.code: country for country in COUNTRIES}
    return {
        network.asn: _signing_day(world.seed, network, codes[network.country], span, told)
        for network in world.networks
    }


def _signing_day(seed: int, network: Network, country: Country, span: Span, told: Stories) -> int:
    dice = Dice(seed, "signs when", network.asn)
    if country.code == told.campaign:
        return min(told.campaign_day + dice.between(0, _CAMPAIGN_DAYS), span.at(1))
    if dice.chance(0.04):  # some have only just begun
        return span.at(0.98 + 0.02 * dice.roll())
    begins = _BEGINS[country.rir] + 0.08 * Dice(seed, "begins", country.code).roll()
    lots = dice.roll(), dice.roll(), dice.roll()
    if country.typical_signing < _TYPICAL:
        return span.at(begins + (1 - begins) * max(lots))  # most of them of late
    return span.at(begins + (1 - begins) * lots[0] ** 1.4)


def former_vrps(
    world: World, span: Span, told: Stories, days: Mapping[int, int], signers: Set[int]
) -> Iterator[Former]:
    """ROAs that have expired or been corrected."""
    networks = {network.asn: network for network in world.networks}
    own: dict[int, list[Announcement]] = {asn: [] for asn in networks}
    for one in world.announcements:
        if one.kind is Kind.OWN and not one.as_set:
            own[one.asn].append(one)
    final, last, everybody = set(world.vrps), span.at(1), sorted(networks)
    for asn, network in networks.items():
        dice = Dice(world.seed, "signed once", asn)
        since = until = 0
        if asn == told.lapse_asn:
            since, until = told.lapse_signed, told.lapse_day
        elif asn not in signers and dice.chance(0.02):
            since = span.at(0.45 + 0.4 * dice.roll())
            until = min(since + dice.between(300, 1500), last)
        if until > since:
            for one in own[asn]:
                longest = one.prefix.length
                yield from _unless(final, Vrp(one.prefix, asn, longest, network.rir), since, until)
        if asn in signers and dice.chance(0.04):  # made out to the wrong network at first
            until = min(days[asn] + 5, last)
            wrong = dice.pick(everybody)
            for one in own[asn][:4]:
                if one.prefix.family is Family.IPV4:
                    vrp = Vrp(one.prefix, wrong, LONGEST[Family.IPV4], network.rir)
                    yield from _unless(final, vrp, until - dice.between(40, 120), until)


def _unless(final: set[Vrp], vrp: Vrp, since: int, until: int) -> Iterator[Former]:
    if vrp not in final and vrp.max_length >= vrp.prefix.length:
        yield Former(vrp, since, until)
