"""Who signs what: the VRPs of the sample world.

Each country has a propensity to sign, drawn around the middle of its kind and shifted so that the
whole world comes out life-like; each network then signs everything, something or nothing, in one
of the styles that real holders use, with their usual mistakes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from validator.model import LARGEST_ASN, NO_ORIGIN, Family, Prefix, State
from validator.sample.announcing import LONGEST
from validator.sample.countries import COUNTRIES
from validator.sample.dice import Dice
from validator.sample.model import Announcement, Delegation, Kind, Network, Vrp, address_of, child
from validator.sample.registry import free_space

_MEAN_PROPENSITY = 0.56
_SPREAD = 0.62
_PARTLY = 0.06
"""Networks this near to their country's propensity sign a part only."""

_FULL_STYLES = {"exact": 45.0, "loose": 27.0, "nested": 28.0}
_PARTIAL_STYLES = {"aggregates": 15.0, "one family": 30.0, "specifics": 47.0, "outdated": 8.0}


class VrpIndex:
    """Answers the state of a route by looking at each shorter prefix in turn (RFC 6811 section 2).

    The sample needs its own answer because some of its peers drop invalid routes; the service's
    one rule is in ``validator.kernels.core``, and tests check each against brute force.
    """

    def __init__(self, vrps: Iterable[Vrp]) -> None:
        self._by_prefix: dict[tuple[Family, int, int], list[Vrp]] = defaultdict(list)
        for vrp in vrps:
            bits = vrp.prefix.family.bits - vrp.prefix.length
            self._by_prefix[
                vrp.prefix.family, vrp.prefix.length, address_of(vrp.prefix) >> bits
            ].append(vrp)
        self._lengths = {
            family: sorted({length for other, length, _ in self._by_prefix if other is family})
            for family in Family
        }

    def covering(self, prefix: Prefix) -> list[Vrp]:
        """The VRPs whose prefix contains this one, the shortest prefix first."""
        family, address = prefix.family, address_of(prefix)
        found: list[Vrp] = []
        for length in self._lengths[family]:
            if length > prefix.length:
                break
            found += self._by_prefix.get((family, length, address >> (family.bits - length)), ())
        return found

    def state(self, prefix: Prefix, origin: int) -> State:
        covering = self.covering(prefix)
        if not covering:
            return State.NOT_FOUND
        matched = origin not in (0, NO_ORIGIN) and any(
            vrp.asn == origin and prefix.length <= vrp.max_length for vrp in covering
        )
        return State.VALID if matched else State.INVALID


def propensities(seed: int, networks: tuple[Network, ...]) -> dict[str, float]:
    """Each country's inclination to sign, 0 to 1; their mean over networks is a constant."""
    drawn: dict[str, float] = {}
    for country in COUNTRIES:
        dice = Dice(seed, "propensity", country.code)
        drawn[country.code] = country.typical_signing + (dice.roll() + dice.roll() - 1) * _SPREAD
    shift = 0.0
    for _ in range(20):  # clipping moves the mean a little: approach it
        clipped = {code: min(max(p + shift, 0.03), 0.98) for code, p in drawn.items()}
        mean = sum(clipped[network.country] for network in networks) / len(networks)
        shift += _MEAN_PROPENSITY - mean
    return clipped


def sign(
    seed: int,
    networks: tuple[Network, ...],
    announcements: tuple[Announcement, ...],
    delegations: tuple[Delegation, ...],
) -> tuple[Vrp, ...]:
    """All VRPs, sorted, each once."""
    own: dict[int, list[Announcement]] = defaultdict(list)
    for announcement in announcements:
        if announcement.kind is Kind.OWN:
            own[announcement.asn].append(announcement)
    inclined = propensities(seed, networks)
    everybody = [network.asn for network in networks]
    vrps: set[Vrp] = set()
    for network in networks:
        dice = Dice(seed, "signs", network.asn)
        lot, level = dice.roll(), inclined[network.country]
        mine = own[network.asn]
        if lot < level - _PARTLY:
            vrps.update(_fully(dice, network, mine, everybody))
        elif lot < level + _PARTLY:
            vrps.update(_partly(dice, network, mine, everybody))
        elif mine and dice.chance(0.008):  # AS0 by mistake, over what is announced
            vrps.add(Vrp(mine[0].prefix, 0, LONGEST[mine[0].prefix.family], network.rir))
    vrps.update(_consents(seed, networks, announcements, VrpIndex(vrps)))
    for rir in ("apnic", "lacnic"):  # the registries that sign what nobody holds with AS0
        for prefix in free_space(delegations, rir):
            vrps.add(Vrp(prefix, 0, prefix.family.bits, rir))
    return tuple(sorted(vrps))


def _fully(
    dice: Dice, network: Network, mine: list[Announcement], everybody: list[int]
) -> Iterator[Vrp]:
    style = dice.weighted(_FULL_STYLES)
    for one in mine:
        longest = LONGEST[one.prefix.family]
        forgotten = one.prefix != one.block and dice.chance(0.03)
        if style == "loose":
            yield Vrp(one.block, network.asn, longest, network.rir)
        elif not forgotten:
            yield Vrp(one.prefix, network.asn, one.prefix.length, network.rir)
        if style == "nested":
            yield Vrp(one.block, network.asn, one.block.length, network.rir)
            if dice.chance(0.1):  # a second AS, ready to take over
                yield Vrp(one.prefix, dice.pick(everybody), longest, network.rir)
    if mine and dice.chance(0.05):
        yield from _unused_part(dice, network, mine)


def _unused_part(dice: Dice, network: Network, mine: list[Announcement]) -> Iterator[Vrp]:
    """AS0 over an eighth of a block in which nothing longer than the block is announced."""
    block = dice.pick(mine).block
    if LONGEST[block.family] - block.length >= 3:
        part = child(block, block.length + 3, dice.between(4, 7))
        if not any(part.covers(one.prefix) for one in mine):
            yield Vrp(part, 0, block.family.bits, network.rir)


def _partly(
    dice: Dice, network: Network, mine: list[Announcement], everybody: list[int]
) -> Iterator[Vrp]:
    style = dice.weighted(_PARTIAL_STYLES)
    family = dice.pick((Family.IPV4, Family.IPV6))
    former = dice.pick(everybody)
    for one in mine:
        aggregate = one.prefix == one.block
        signed = {
            "aggregates": aggregate,  # so that the more-specifics are too long
            "one family": one.prefix.family is family,
            "specifics": not aggregate,
        }
        if signed.get(style, False):
            yield Vrp(one.prefix, network.asn, one.prefix.length, network.rir)
        elif style == "outdated" and aggregate:  # made out to the AS that had it before
            yield Vrp(one.prefix, former, LONGEST[one.prefix.family], network.rir)


def _consents(
    seed: int,
    networks: tuple[Network, ...],
    announcements: tuple[Announcement, ...],
    index: VrpIndex,
) -> Iterator[Vrp]:
    """VRPs that holders who sign make for their customers and for second origins: not always."""
    for one in announcements:
        if one.kind not in (Kind.CUSTOMER, Kind.SECOND):
            continue
        covering = [vrp for vrp in index.covering(one.prefix) if vrp.asn not in (0, LARGEST_ASN)]
        if covering and Dice(seed, "consent", one.prefix, one.asn).chance(0.75):
            yield Vrp(one.prefix, one.asn, one.prefix.length, covering[0].rir)
