"""The registries' side of the sample world: networks are founded and given numbers and addresses.

Everything is handed out in order of date, as real registries do, so that neighbours in address
space are strangers, and the world of an earlier year is the same world with fewer networks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from validator.model import Family, Prefix
from validator.sample.countries import COUNTRIES, RIRS, Size
from validator.sample.dice import Dice
from validator.sample.model import TODAY, Block, Delegation, Network, Role, address_of

NETWORKS = 3000
_FIRST_YEAR, _LAST_YEAR = 1999, 2025

_IPV4_SHARE = {"afrinic": 2, "apnic": 3, "arin": 3, "lacnic": 2, "ripencc": 4}
"""How many of 240.0.0.0/4's /8s, and of 3fff::/20's /24s, each registry has, in this order.
The last two of each sixteen are nobody's: what is announced there is unregistered."""

_SMALL_ASNS, _SMALL_ASNS_EACH = 64512, 170
"""RFC 6996's 16-bit private AS numbers: 170 for each registry; those from 65362 are nobody's."""
_LARGE_ASNS, _LARGE_ASNS_EACH = 4_200_000_000, 10_000_000
UNREGISTERED_ASNS = range(65400, 65440)

_TIER1 = ("US", "US", "DE", "GB", "FR", "JP", "SG", "BR", "ZA")
_REGIONAL = {
    "afrinic": ["ZA", "KE", "NG", "EG", "GH", "MA"],
    "apnic": ["SG", "JP", "IN", "AU", "HK", "KR", "ID"],
    "arin": ["US", "US", "US", "CA", "CA", "JM"],
    "lacnic": ["BR", "BR", "AR", "CL", "CO", "MX"],
    "ripencc": ["DE", "NL", "GB", "FR", "SE", "IT", "PL", "TR"],
}
_ADJECTIVES = (
    *("Paper", "Copper", "Velvet", "Marble", "Juniper", "Amber", "Walnut", "Clay"),
    *("Silver", "Tin", "Cobalt", "Linen", "Mossy", "Quiet", "Wandering", "Upside-down"),
)
_NOUNS = (
    *("Lighthouse", "Heron", "Teapot", "Kite", "Lantern"),
    *("Tortoise", "Windmill", "Comet", "Accordion", "Hedgehog"),
)
_KINDS = {
    "Network": 40.0,
    "Access Provider": 25.0,
    "Hosting": 12.0,
    "University": 9.0,
    "Bank": 6.0,
    "Ministry": 4.0,
    "Exchange Services": 4.0,
}


@dataclass(frozen=True, slots=True)
class Pool:
    """All that one registry has of one family: addresses ``[first, last]``."""

    family: Family
    first: int
    last: int


class _Shelves:
    """Hands out a pool. Blocks of one size lie together, so that few gaps are left."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._end = pool, pool.first
        self._shelf = 1 << (16 if pool.family is Family.IPV4 else 128 - 31)
        self._open: dict[int, tuple[int, int]] = {}

    def take(self, count: int) -> Block:
        size = 1 << (count - 1).bit_length()
        at, end = self._open.get(size, (0, 0))
        if at == end:
            length = max(size, self._shelf)
            at = -(-self._end // length) * length
            end = self._end = at + length
            if end > self._pool.last:
                raise AssertionError("the sample's pools are too small for its networks")
        self._open[size] = at + size, end
        return Block(self._pool.family, at, count)


def pools(rir: str) -> tuple[Pool, Pool]:
    """A registry's IPv4 and IPv6 space."""
    before = sum(_IPV4_SHARE[other] for other in RIRS[: RIRS.index(rir)])
    count = _IPV4_SHARE[rir]
    ipv4, ipv6 = (240 + before) << 24, (0x3FFF00 + before) << 104
    return (
        Pool(Family.IPV4, ipv4, ipv4 + (count << 24) - 1),
        Pool(Family.IPV6, ipv6, ipv6 + (count << 104) - 1),
    )


def unregistered(family: Family) -> Block:
    """A /8 of IPv4 or a /24 of IPv6 that no registry has."""
    if family is Family.IPV4:
        return Block(family, 254 << 24, 1 << 24)
    return Block(family, 0x3FFF0E << 104, 1 << 104)


def found_networks(seed: int) -> tuple[Network, ...]:
    """About :data:`NETWORKS` networks in every country, by AS number.

    The oldest of a country carry the transit of the others.
    """
    weights = {c.code: Dice(seed, "size", c.code).between(*c.size.value) for c in COUNTRIES}
    small = sum(weights[c.code] for c in COUNTRIES if c.size is Size.SMALL)
    scale = (NETWORKS - small) / (sum(weights.values()) - small)
    founded: list[Network] = []
    for country in COUNTRIES:
        count = weights[country.code]
        if country.size is not Size.SMALL:
            count = round(count * scale)
        dates = sorted(_date(Dice(seed, "founded", country.code, i)) for i in range(count))
        tier1 = _TIER1.count(country.code)
        regional = _REGIONAL[country.rir].count(country.code)
        national = (1 + count // 20) if count >= 5 else 0
        roles = [Role.TIER1] * tier1 + [Role.REGIONAL] * regional + [Role.NATIONAL] * national
        roles += [Role.STUB] * count
        founded += [
            Network(0, _name(seed, country.code, i, roles[i]), country.code, country.rir, roles[i],
                    _opaque(country.rir, f"{seed}/{country.code}/{i}"), date)
            for i, date in enumerate(dates)
        ]  # fmt: skip
    return tuple(sorted(_numbered(seed, founded), key=lambda network: network.asn))


def _numbered(seed: int, founded: list[Network]) -> Iterable[Network]:
    """Give AS numbers by date, and let a few holders have several networks."""
    for place, rir in enumerate(RIRS):
        mine = sorted((n for n in founded if n.rir == rir), key=lambda n: (n.since, n.name))
        latest: dict[str, str] = {}
        for i, network in enumerate(mine):
            if i < _SMALL_ASNS_EACH - 10:  # the last ten stay available
                asn = _SMALL_ASNS + place * _SMALL_ASNS_EACH + i
            else:
                asn = _LARGE_ASNS + place * _LARGE_ASNS_EACH + i
            holder = network.holder
            dice = Dice(seed, "sibling", asn)
            if network.role is Role.STUB and network.country in latest and dice.chance(0.05):
                holder = latest[network.country]
            latest[network.country] = holder
            yield replace(network, asn=asn, holder=holder)


def _date(dice: Dice) -> int:
    year = _FIRST_YEAR + int((_LAST_YEAR - _FIRST_YEAR + 1) * dice.roll() ** 0.7)
    return year * 10000 + dice.between(1, 12) * 100 + dice.between(1, 28)


def _name(seed: int, country: str, number: int, role: Role) -> str:
    dice = Dice(seed, "name", country, number)
    if role <= Role.REGIONAL:
        what = "Backbone" if role is Role.TIER1 else "Transit"
        return (
            f"{dice.pick(_ADJECTIVES)} {dice.pick(_NOUNS)} {what} {number + 1}, {country} (SAMPLE)"
        )
    return f"Sample {dice.weighted(_KINDS)} {number + 1} ({country})"


def _opaque(rir: str, key: str) -> str:
    """A holder's identifier, in the form that its registry uses."""
    digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    if rir == "ripencc":
        parts = digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]
        return "-".join(parts)
    if rir == "arin":
        return digest
    if rir == "lacnic":
        return str(int(digest[:8], 16) % 900_000 + 100_000)
    return ("A9" if rir == "apnic" else "F3") + digest[:6].upper()


# -------------------------------------------------------------------------------------- addresses

_IPV4_BITS = {
    Role.TIER1: {19: 1.0, 18: 1.0},
    Role.REGIONAL: {18: 1.0, 17: 1.0},
    Role.NATIONAL: {17: 1.0, 16: 2.0},
    Role.STUB: {16: 4.0, 15: 6.0, 14: 12.0, 13: 14.0, 12: 18.0, 11: 16.0, 10: 16.0, 9: 7.0, 8: 7.0},
}
_IPV6_LENGTHS = {
    Role.TIER1: {29: 1.0, 32: 1.0},
    Role.REGIONAL: {29: 1.0, 32: 3.0},
    Role.NATIONAL: {32: 1.0},
    Role.STUB: {32: 10.0, 36: 3.0, 40: 3.0, 44: 2.0, 48: 7.0},
}
_POOR_IN_IPV6 = 0.5


@dataclass(frozen=True, slots=True)
class _Request:
    date: int
    network: Network
    number: int
    family: Family
    count: int


def delegate(
    seed: int, networks: tuple[Network, ...]
) -> tuple[dict[int, list[Block]], tuple[Delegation, ...]]:
    """Give every network its addresses. Returns the blocks by AS number, and all delegations.

    Some counts are no powers of two; some blocks that one network announces were delegated in two
    halves to two holders; here and there the country is a region's code, or empty.
    """
    blocks: dict[int, list[Block]] = {network.asn: [] for network in networks}
    delegations: list[Delegation] = []
    for place, rir in enumerate(RIRS):
        mine = [network for network in networks if network.rir == rir]
        lines = [
            Delegation(rir, _written(seed, n), 0, n.asn, 1, n.since, "allocated", n.holder)
            for n in mine
        ]
        asked = sorted(
            (r for n in mine for r in _requests(seed, n)),
            key=lambda r: (r.date, r.network.asn, r.number),
        )
        for pool in pools(rir):
            shelves = _Shelves(pool)
            for request in asked:
                if request.family is not pool.family:
                    continue
                block = shelves.take(request.count)
                blocks[request.network.asn].append(block)
                lines += _written_lines(seed, request, block, mine)
            lines += _gaps(pool, lines, rir)
        spare = _SMALL_ASNS + (place + 1) * _SMALL_ASNS_EACH - 10
        lines.append(_unused(rir, 0, spare, 10, "available"))
        end = _LARGE_ASNS + place * _LARGE_ASNS_EACH + len(mine)
        lines.append(_unused(rir, 0, end, 1000, "reserved"))
        lines.append(_unused(rir, 0, end + 1000, 4000, "available"))
        delegations += sorted(lines, key=lambda line: (line.kind, line.first))
    return blocks, tuple(delegations)


def _requests(seed: int, network: Network) -> Iterable[_Request]:
    dice = Dice(seed, "blocks", network.asn)
    date = network.since
    for number in range(dice.weighted({1: 70.0, 2: 20.0, 3: 7.0, 4: 3.0})):
        count = 1 << dice.weighted(_IPV4_BITS[network.role])
        if dice.chance(0.06) and count > 256:  # the half must not be longer than a /24
            count += count // 2
        yield _Request(date, network, number, Family.IPV4, count)
        date = min(date + dice.between(1, 6) * 10000, TODAY - 100)
    country = next(c for c in COUNTRIES if c.code == network.country)
    likely = 0.7 if country.typical_signing > _POOR_IN_IPV6 else 0.4
    if network.role is not Role.STUB or dice.chance(likely):
        length = dice.weighted(_IPV6_LENGTHS[network.role])
        first = max(network.since, (2008 + dice.between(0, 16)) * 10000 + 301)
        yield _Request(first, network, 9, Family.IPV6, 1 << (128 - length))


def _written(seed: int, network: Network) -> str:
    """The country code in the registry's line: now and then a region's code, or none."""
    dice = Dice(seed, "written", network.asn)
    regional = {"ripencc": "EU", "apnic": "AP"}.get(network.rir, network.country)
    if network.role <= Role.REGIONAL and dice.chance(0.5):
        return regional
    lot = dice.roll()
    return "" if lot < 0.002 else regional if lot < 0.010 else network.country


def _written_lines(
    seed: int, request: _Request, block: Block, mine: list[Network]
) -> list[Delegation]:
    dice = Dice(seed, "delegated", block.family, block.first)
    network = request.network
    status = "assigned" if network.role is Role.STUB and dice.chance(0.5) else "allocated"
    country = _written(seed, network)
    line = Delegation(network.rir, country, block.family, block.first, block.count, request.date,
                      status, network.holder)  # fmt: skip
    whole = block.count & (block.count - 1) == 0
    if block.family is Family.IPV6 or not whole or block.count < 1024 or not dice.chance(0.03):
        return [line]
    other = dice.pick([n for n in mine if n.country != network.country])
    half = block.count // 2
    return [
        replace(line, count=half),
        replace(line, first=block.first + half, count=half, country=other.country,
                holder=other.holder, status="assigned"),
    ]  # fmt: skip


def _gaps(pool: Pool, lines: list[Delegation], rir: str) -> list[Delegation]:
    """What is left of a pool: gaps are held back, the tail is available."""
    used = sorted((line.first, line.count) for line in lines if line.kind == pool.family)
    left: list[Delegation] = []
    at = pool.first
    for first, count in [*used, (pool.last + 1, 0)]:
        if first > at:
            status = "reserved" if first <= pool.last else "available"
            gap = Block(pool.family, at, first - at)
            if pool.family is Family.IPV4:
                left.append(_unused(rir, 4, gap.first, gap.count, status))
            else:  # a line of IPv6 names one prefix
                left += [
                    _unused(rir, 6, address_of(prefix), 1 << (128 - prefix.length), status)
                    for prefix in gap.prefixes()
                ]
        at = first + count
    return left


def free_space(delegations: Iterable[Delegation], rir: str) -> list[Prefix]:
    """The prefixes that a registry still has to give (not those it holds back)."""
    return [
        prefix
        for line in delegations
        if line.rir == rir and line.kind and line.status == "available"
        for prefix in Block(Family(line.kind), line.first, line.count).prefixes()
    ]


def _unused(rir: str, kind: int, first: int, count: int, status: str) -> Delegation:
    return Delegation(rir, "ZZ" if rir == "afrinic" else "", kind, first, count, 0, status, "")
