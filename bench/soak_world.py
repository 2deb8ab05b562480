"""The world of the soak: prefixes, origins and VRPs, all from one seed, and RFC 6811 over it.

The sender, the asker and the final comparison run in different processes and each makes the same
world anew. Nothing here can be mistaken for the Internet: IPv4 lies in 240.0.0.0/4, IPv6 in
fd00::/8, AS numbers are private. A prefix is a tuple ``(version, address, length)`` of plain
numbers and VRPs are found by walking up the lengths in a dictionary: no code is shared with what
is tested.
"""

from __future__ import annotations

import ipaddress
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Net = tuple[int, int, int]
"""Version, address, length."""
Vrp = tuple[Net, int, int]
"""Prefix, maxLength, AS number."""

NONE = -1
"""The origin of a path that ends in an AS_SET (RFC 6811 section 2)."""
FIRST_AS = 4_200_000_000
CANARY: Net = (4, int(ipaddress.IPv4Address("198.18.0.0")), 24)
"""Its one VRP names the version of the VRPs in force (RFC 2544's space, which is nobody's)."""
_CANARY_AS = 4_290_000_000
_SHARE_IPV6 = 0.25
_SHARE_AGGREGATES = 0.1
_SHARE_INSIDE = 0.4
_PERIOD, _LEFT_OUT = 97, 24


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is. ``changing`` VRPs come and go: about half of them at each version."""

    prefixes: int = 200_000
    vrps: int = 100_000
    changing: int = 1_000
    seed: int = 1


class World:
    """See the module."""

    def __init__(self, size: Size) -> None:
        rng = random.Random(size.seed)
        asns = range(FIRST_AS, FIRST_AS + max(4, size.prefixes // 10))
        self.prefixes: list[Net] = list(_prefixes(rng, size.prefixes))
        self.origins: list[tuple[int, int, int]] = [
            (rng.choice(asns), rng.choice(asns), rng.choice(asns)) for _ in self.prefixes
        ]
        """For each prefix: who announces it, and who does so at times."""
        distinct: dict[Vrp, None] = {}
        wanted = size.vrps + size.changing
        for _ in range(8 * wanted):
            if len(distinct) == wanted:
                break
            distinct[self._some_vrp(rng)] = None
        else:
            raise ValueError(f"{size.prefixes} prefixes are too few for {wanted} VRPs")
        vrps = list(distinct)
        self.changing: list[Vrp] = vrps[: size.changing]
        self.stable: list[Vrp] = vrps[size.changing :]

    def _some_vrp(self, rng: random.Random) -> Vrp:
        """Of the kinds that are found in life: most right, some too short, foreign or AS 0."""
        number = rng.randrange(len(self.prefixes))
        version, address, length = self.prefixes[number]
        own = max(8, length - rng.choice((0, 0, 0, 1, 2, 3)))
        asn = self.origins[number][0 if rng.random() < 0.85 else 1]
        if rng.random() < 0.03:
            asn = 0
        most = length if rng.random() < 0.7 else own
        return cut(version, address, own), most, asn

    def in_force(self, version: int) -> list[Vrp]:
        """All VRPs of a version."""
        return [*self.stable, *self.coming_and_going(version)]

    def coming_and_going(self, version: int) -> list[Vrp]:
        """The VRPs that another version may not have."""
        held = [vrp for i, vrp in enumerate(self.changing) if is_held(i, version)]
        return [*held, (CANARY, CANARY[2], _CANARY_AS + version)]


def is_held(number: int, version: int) -> bool:
    """Whether a version has one of the changing VRPs."""
    return (number * 7919 + version * 104_729) % _PERIOD >= _LEFT_OUT


def version_of_canary(asn: int) -> int:
    return asn - _CANARY_AS


class Covering:
    """Some VRPs by prefix."""

    def __init__(self, vrps: Iterable[Vrp]) -> None:
        self._at: dict[Net, list[int]] = {}
        self._vrps = list(vrps)
        for number, vrp in enumerate(self._vrps):
            self._at.setdefault(vrp[0], []).append(number)
        self._lengths = {
            version: sorted({net[2] for net in self._at if net[0] == version}) for version in (4, 6)
        }

    def numbers(self, net: Net) -> list[int]:
        """The places, in the list given, of those that cover a prefix (RFC 6811 section 2)."""
        version, address, length = net
        found: list[int] = []
        for shorter in self._lengths[version]:
            if shorter > length:
                break
            found += self._at.get(cut(version, address, shorter), ())
        return found

    def of(self, net: Net) -> list[Vrp]:
        return [self._vrps[number] for number in self.numbers(net)]


def state(net: Net, origin: int, covering: Sequence[Vrp]) -> str:
    """RFC 6811 section 2; AS 0 and NONE never match (RFC 6483 section 4)."""
    if not covering:
        return "not-found"
    for _, most, asn in covering:
        if asn == origin and net[2] <= most and origin > 0:
            return "valid"
    return "invalid"


def cut(version: int, address: int, length: int) -> Net:
    """The prefix of this length in which an address lies."""
    spare = (32 if version == 4 else 128) - length
    return version, address >> spare << spare, length


def text(net: Net) -> str:
    version, address, length = net
    plain = ipaddress.IPv4Address(address) if version == 4 else ipaddress.IPv6Address(address)
    return f"{plain}/{length}"


def _prefixes(rng: random.Random, count: int) -> Iterator[Net]:
    """Distinct, of both families, many of them inside others."""
    seen: set[Net] = set()
    aggregates: list[Net] = []
    while len(seen) < count:
        draw = rng.random()
        if draw < _SHARE_AGGREGATES or not aggregates:
            net = _anywhere(rng, (12, 14, 16, 18, 20), (24, 28, 32))
            aggregates.append(net)
        elif draw < _SHARE_AGGREGATES + _SHARE_INSIDE:
            version, address, length = rng.choice(aggregates)
            longest, bits = (24, 32) if version == 4 else (48, 128)
            longer = rng.randint(length + 1, longest)
            spare = bits - longer
            net = version, address | rng.getrandbits(longer - length) << spare, longer
        else:
            net = _anywhere(rng, (20, 22, 23, 24, 24, 24, 24), (32, 40, 44, 48, 48, 48))
        if net not in seen:
            seen.add(net)
            yield net


def _anywhere(rng: random.Random, ipv4: Sequence[int], ipv6: Sequence[int]) -> Net:
    if rng.random() < _SHARE_IPV6:
        return cut(6, 0xFD << 120 | rng.getrandbits(120), rng.choice(ipv6))
    return cut(4, 0xF << 28 | rng.getrandbits(28), rng.choice(ipv4))


def delegations(count: int = 4096) -> str:
    """A registry's file over this world's space, so that coverage by country has work to do."""
    lines = ["2|ripencc|20260101|0|20200101|20260101|+0000"]
    countries = ("NL", "DE", "JO", "IR", "TR", "AM", "QA", "IS")
    step = (1 << 28) // count
    for number in range(count):
        country = countries[number * 31 % len(countries)]
        first = ipaddress.IPv4Address((0xF << 28) + number * step)
        lines.append(f"ripencc|{country}|ipv4|{first}|{step}|20200101|allocated|h{number % 997}")
    for number in range(256):
        first6 = ipaddress.IPv6Address((0xFD << 120) | number << 112)
        country = countries[number * 7 % len(countries)]
        lines.append(f"ripencc|{country}|ipv6|{first6}|16|20200101|allocated|h{number % 997}")
    return "\n".join([*lines, ""])


def spread(counts: Counter[str]) -> str:
    """For a line of the report."""
    return " ".join(f"{name}={counts[name]}" for name in sorted(counts))
