"""What the networks of the sample world announce, and the mistakes they make.

Most announce the blocks they were given and some more-specifics of them. Around that, as in the
real table: customers inside a provider's block, prefixes with two origins (MOAS), paths that end
in an AS_SET, strangers, leaks of long prefixes, a default route, unregistered space and AS numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from validator.model import Family, Prefix
from validator.sample.dice import Dice
from validator.sample.model import (
    Announcement,
    Block,
    Delegation,
    Kind,
    Links,
    Network,
    Role,
    child,
    make_prefix,
)
from validator.sample.registry import UNREGISTERED_ASNS, free_space, unregistered

LONGEST = {Family.IPV4: 24, Family.IPV6: 48}
"""The longest prefixes that most networks accept from others."""

_SPECIFICS = {(0, 0): 56.0, (1, 2): 28.0, (3, 7): 12.0, (8, 20): 4.0}
_CARRIERS_SPECIFICS = {(2, 6): 60.0, (7, 20): 35.0, (21, 40): 5.0}
"""How many more-specifics are announced of a block, and how likely that is."""


def announce(
    seed: int,
    networks: tuple[Network, ...],
    blocks: dict[int, list[Block]],
    links: Links,
    delegations: tuple[Delegation, ...],
) -> tuple[Announcement, ...]:
    """Everything announced, sorted by prefix and AS number, each pair once."""
    own: list[Announcement] = []
    for network in networks:
        own += _own(seed, network, blocks[network.asn], links)
    everything = [
        *own,
        *_second_origins(seed, own, networks),
        *_customers(seed, networks, blocks, links),
        *_strangers(seed, own, networks),
        *_leaks(seed, own),
        *_unregistered(seed, networks, delegations),
    ]
    by_pair: dict[tuple[Prefix, int], Announcement] = {}
    for announcement in everything:  # the first reason to announce a pair is the one that counts
        by_pair.setdefault((announcement.prefix, announcement.asn), announcement)
    return tuple(sorted(by_pair.values(), key=lambda a: (a.prefix, a.asn)))


def _own(seed: int, network: Network, blocks: list[Block], links: Links) -> Iterator[Announcement]:
    dice = Dice(seed, "announces", network.asn)
    providers = links.providers[network.asn]
    spread = _SPECIFICS if network.role is Role.STUB else _CARRIERS_SPECIFICS
    for block in blocks:
        if dice.chance(0.03):
            continue  # held, not used
        for prefix in block.prefixes():
            specifics = _more_specifics(dice, prefix, dice.between(*dice.weighted(spread)))
            if not specifics or dice.chance(0.88):
                yield _aggregate(dice, prefix, network.asn)
            for specific in specifics:
                via = dice.pick(providers) if len(providers) > 1 and dice.chance(0.3) else 0
                few = dice.between(1, 3) if dice.chance(0.02) else 0
                yield Announcement(specific, network.asn, Kind.OWN, prefix, audience=few, via=via)


def _aggregate(dice: Dice, prefix: Prefix, asn: int) -> Announcement:
    if not dice.chance(0.008):
        return Announcement(prefix, asn, Kind.OWN, prefix)
    others = tuple(sorted(dice.some(UNREGISTERED_ASNS, dice.between(2, 3))))
    return Announcement(prefix, asn, Kind.OWN, prefix, as_set=others)


def _more_specifics(dice: Dice, prefix: Prefix, count: int) -> list[Prefix]:
    longest = LONGEST[prefix.family]
    room = longest - prefix.length
    if room < 1:
        return []
    if prefix.family is Family.IPV6:
        count = (count + 2) // 3
    found: dict[Prefix, None] = {}
    for _ in range(count):
        length = longest if dice.chance(0.6) else dice.between(prefix.length + 1, longest)
        # The low end of a block fills up first, so some more-specifics have more-specifics.
        number = int(dice.roll() ** 2 * (1 << (length - prefix.length)))
        found[child(prefix, length, number)] = None
    return list(found)


def _second_origins(
    seed: int, own: list[Announcement], networks: tuple[Network, ...]
) -> Iterator[Announcement]:
    near: dict[str, list[Network]] = {}
    for network in networks:
        near.setdefault(network.country, []).append(network)
    home = {network.asn: network.country for network in networks}
    for announcement in own:
        dice = Dice(seed, "second", announcement.prefix)
        if announcement.audience == 0 and not announcement.as_set and dice.chance(0.012):
            other = dice.pick(near[home[announcement.asn]])
            if other.asn != announcement.asn:
                yield Announcement(announcement.prefix, other.asn, Kind.SECOND, announcement.block)


def _customers(
    seed: int, networks: tuple[Network, ...], blocks: dict[int, list[Block]], links: Links
) -> Iterator[Announcement]:
    for network in networks:
        dice = Dice(seed, "customer", network.asn)
        if network.role is not Role.STUB or not dice.chance(0.08):
            continue
        block = dice.pick(blocks[dice.pick(links.providers[network.asn])])
        for prefix in block.prefixes():
            longest = LONGEST[block.family]
            if longest - prefix.length >= 2:
                half = 1 << (longest - prefix.length - 1)  # customers live in the upper half
                for _ in range(dice.between(1, 3)):
                    inside = child(prefix, longest, half + dice.between(0, half - 1))
                    yield Announcement(inside, network.asn, Kind.CUSTOMER, prefix)
            break


def _strangers(
    seed: int, own: list[Announcement], networks: tuple[Network, ...]
) -> Iterator[Announcement]:
    for announcement in own:
        dice = Dice(seed, "stranger", announcement.prefix)
        if announcement.as_set or not dice.chance(0.006):
            continue
        prefix, longest = announcement.prefix, LONGEST[announcement.prefix.family]
        if prefix.length < longest and dice.chance(0.8):
            prefix = child(prefix, longest, dice.between(0, (1 << (longest - prefix.length)) - 1))
        stranger = dice.pick(networks)
        if stranger.asn != announcement.asn:
            yield Announcement(prefix, stranger.asn, Kind.STRANGER, announcement.block)


def _leaks(seed: int, own: list[Announcement]) -> Iterator[Announcement]:
    for announcement in own:
        prefix = announcement.prefix
        dice = Dice(seed, "leak", prefix)
        if not dice.chance(0.012):
            continue
        longest = LONGEST[prefix.family]
        beyond = dice.between(longest + 1, longest + 8 if longest == 24 else 64)
        inside = child(prefix, beyond, dice.between(0, 3))
        yield Announcement(
            inside, announcement.asn, Kind.LEAK, announcement.block, audience=dice.between(2, 7)
        )


def _unregistered(
    seed: int, networks: tuple[Network, ...], delegations: tuple[Delegation, ...]
) -> Iterator[Announcement]:
    dice = Dice(seed, "unregistered")
    stubs = [network for network in networks if network.role is Role.STUB]
    space = [unregistered(family) for family in (Family.IPV4, Family.IPV6)]
    nobodys = [prefix for block in space for prefix in block.prefixes()]
    for rir in sorted({delegation.rir for delegation in delegations}):
        nobodys += free_space(delegations, rir)[-4:]
    for prefix in nobodys:
        longest = LONGEST[prefix.family]
        for number in range(dice.between(2, 6)):
            length = dice.between(max(prefix.length, longest - 6), longest)
            number = min(number * 5, (1 << (length - prefix.length)) - 1)
            found = child(prefix, length, number)
            yield Announcement(found, dice.pick(stubs).asn, Kind.UNREGISTERED, found)
    for asn in UNREGISTERED_ASNS[::3]:
        first = (unregistered(Family.IPV4).first + (1 << 23)) + (asn - UNREGISTERED_ASNS[0]) * 4096
        found = make_prefix(Family.IPV4, first, dice.between(20, 24))
        yield Announcement(found, asn, Kind.UNREGISTERED, found)
    carrier = next(network for network in networks if network.role is Role.REGIONAL)
    for family in (Family.IPV4, Family.IPV6):
        everything = make_prefix(family, 0, 0)
        yield Announcement(everything, carrier.asn, Kind.DEFAULT, everything, audience=4)
