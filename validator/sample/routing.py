"""Who connects to whom, and what the peers of the route collector therefore see.

Transit is a hierarchy: a few tier-1 networks that all peer with each other, regional and national
carriers below them, and stubs at the edge with one to three providers. Routes travel valley-free
(Gao and Rexford, 2001): up through providers, across at most one peering, down to customers. Some
carriers and some of the collector's peers drop invalid routes, so those are seen less.
"""

from __future__ import annotations

import ipaddress
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from validator.model import Family
from validator.sample.countries import RIRS
from validator.sample.dice import Dice
from validator.sample.model import (
    Announcement,
    Block,
    Links,
    Network,
    RibEntry,
    RibRecord,
    Role,
    Vantage,
)
from validator.sample.registry import UNREGISTERED_ASNS

FULL_PEERS, PARTIAL_PEERS = 10, 2
_LOST_PER_THOUSAND = 4
"""Of routes that should reach a peer, how many do not: real tables are never quite whole."""


def connect(seed: int, networks: tuple[Network, ...], vantages: tuple[Vantage, ...]) -> Links:
    """Buy transit and agree on peerings."""
    by_role: dict[Role, list[Network]] = {role: [] for role in Role}
    carriers: dict[str, list[Network]] = defaultdict(list)
    for network in networks:
        by_role[network.role].append(network)
        if network.role in (Role.REGIONAL, Role.NATIONAL):
            carriers[network.country if network.role is Role.NATIONAL else network.rir].append(
                network
            )
    providers: dict[int, tuple[int, ...]] = {}
    prepends: dict[tuple[int, int], int] = {}
    peerings: dict[int, set[int]] = {network.asn: set() for network in networks}
    for network in networks:
        dice = Dice(seed, "transit", network.asn)
        chosen: list[Network] = []
        if network.role is Role.REGIONAL:
            chosen = dice.some(by_role[Role.TIER1], dice.between(1, 3))
        elif network.role is Role.NATIONAL:
            chosen = dice.some(carriers[network.rir], dice.between(1, 2))
            if dice.chance(0.4):
                chosen += dice.some(by_role[Role.TIER1], 1)
        elif network.role is Role.STUB:
            near = carriers[network.country]
            wanted = dice.weighted({1: 48.0, 2: 38.0, 3: 14.0})
            chosen = dice.some(near, wanted if dice.chance(0.6) else 1)
            chosen += dice.some(carriers[network.rir], wanted - len(chosen))
        providers[network.asn] = tuple(provider.asn for provider in chosen)
        if len(chosen) > 1 and dice.chance(0.3):
            prepends[network.asn, chosen[-1].asn] = dice.between(1, 4)
    for asn in UNREGISTERED_ASNS:
        providers[asn] = (Dice(seed, "transit", asn).pick(by_role[Role.NATIONAL]).asn,)
    _peer(peerings, by_role[Role.TIER1], seed, 1.0)
    for rir in RIRS:
        _peer(peerings, [n for n in by_role[Role.REGIONAL] if n.rir == rir], seed, 0.5)
    for country in sorted({network.country for network in by_role[Role.NATIONAL]}):
        _peer(peerings, carriers[country], seed, 0.6)
    watching = {vantage.asn for vantage in vantages}
    large = [n.asn for n in by_role[Role.TIER1] + by_role[Role.REGIONAL] if n.asn not in watching]
    filtering = {asn for asn in large if Dice(seed, "filters", asn).chance(0.2)}
    filtering |= {vantage.asn for vantage in vantages[1:FULL_PEERS:4]}
    return Links(
        providers,
        {asn: tuple(sorted(others)) for asn, others in peerings.items()},
        prepends,
        frozenset(filtering),
    )


def _peer(peerings: dict[int, set[int]], group: list[Network], seed: int, likely: float) -> None:
    for i, one in enumerate(group):
        for other in group[i + 1 :]:
            if Dice(seed, "peering", one.asn, other.asn).chance(likely):
                peerings[one.asn].add(other.asn)
                peerings[other.asn].add(one.asn)


def choose_vantages(
    networks: tuple[Network, ...], blocks: dict[int, list[Block]]
) -> tuple[Vantage, ...]:
    """The collector's peers: tier-1s, regional and national carriers, and two partial ones."""
    tier1 = [n for n in networks if n.role is Role.TIER1][::3]
    regional = [n for n in networks if n.role is Role.REGIONAL]
    national = [n for n in networks if n.role is Role.NATIONAL]
    full = tier1 + _one_per_region(regional)
    full += [n for n in national[::37] if n not in full][: FULL_PEERS - len(full)]
    partial = [n for n in _one_per_region(national) if n.rir in ("afrinic", "lacnic")]
    chosen = [(n, False) for n in full] + [(n, True) for n in partial[:PARTIAL_PEERS]]
    vantages = []
    for i, (network, is_partial) in enumerate(chosen):
        wanted = Family.IPV6 if i % 4 == 3 else Family.IPV4
        block = next(b for b in blocks[network.asn] if b.family is wanted)
        first = block.first + 1
        text = str(
            ipaddress.IPv4Address(first) if wanted is Family.IPV4 else ipaddress.IPv6Address(first)
        )
        bgp_id = next(b.first for b in blocks[network.asn] if b.family is Family.IPV4) + 1
        vantages.append(Vantage(network.asn, text, bgp_id, network.rir, is_partial))
    return tuple(vantages)


def _one_per_region(networks: list[Network]) -> list[Network]:
    first: dict[str, Network] = {}
    for network in networks:
        first.setdefault(network.rir, network)
    return list(first.values())


# ------------------------------------------------------------------------------- what the peers see


class Propagation:
    """Valley-free paths from each vantage to every network, with and without filtering networks."""

    def __init__(
        self, links: Links, networks: tuple[Network, ...], vantages: tuple[Vantage, ...]
    ) -> None:
        self._links, self._vantages = links, vantages
        self._region = {network.asn: network.rir for network in networks}
        customers: dict[int, list[int]] = defaultdict(list)
        for asn, providers in links.providers.items():
            for provider in providers:
                customers[provider].append(asn)
        self._customers = customers
        self._trees = {
            (i, filtered): self._tree(vantage.asn, links.filtering if filtered else frozenset())
            for i, vantage in enumerate(vantages)
            for filtered in (False, True)
        }
        self._paths: dict[tuple[int, int, int, bool], tuple[int, ...]] = {}

    def _tree(self, start: int, without: frozenset[int]) -> dict[int, tuple[int, ...]]:
        """The shortest valley-free path from ``start`` to each carrier (breadth first)."""
        if start in without:
            return {}
        links = self._links
        found: dict[int, tuple[int, ...]] = {}
        seen = {(start, True)}
        waiting: deque[tuple[int, bool, tuple[int, ...]]] = deque([(start, True, (start,))])
        while waiting:
            asn, climbing, path = waiting.popleft()
            found.setdefault(asn, path)
            steps = [(n, False) for n in self._customers[asn] if self._customers[n]]
            if climbing:
                steps += [(n, False) for n in links.peerings.get(asn, ())]
                steps += [(n, True) for n in links.providers.get(asn, ())]
            steps.sort(key=lambda step: zlib.crc32(f"{start}/{asn}/{step[0]}".encode()))
            for step in steps:
                if step not in seen and step[0] not in without:
                    seen.add(step)
                    waiting.append((step[0], step[1], (*path, step[0])))
        return found

    def path(self, peer: int, announcement: Announcement, invalid: bool) -> tuple[int, ...]:
        """The AS_PATH by which a peer hears an announcement, empty if it does not."""
        key = peer, announcement.asn, announcement.via, invalid
        if key not in self._paths:
            self._paths[key] = self._shortest(*key)
        return self._paths[key]

    def _shortest(self, peer: int, asn: int, via: int, invalid: bool) -> tuple[int, ...]:
        tree = self._trees[peer, invalid]
        if asn == self._vantages[peer].asn:
            return tree.get(asn, ())
        providers = self._links.providers.get(asn, ())
        best: tuple[int, ...] = ()
        if not via and self._customers[asn]:
            best = tree.get(asn, ())
        for provider in [via] if via else providers:
            if provider in tree and asn not in tree[provider]:
                copies = 1 + self._links.prepends.get((asn, provider), 0)
                path = tree[provider] + (asn,) * copies
                if not best or len(path) < len(best):
                    best = path
        return best

    def hears(self, peer: int, announcement: Announcement) -> bool:
        """Whether a peer passes on what it has: partial ones tell of their own region only."""
        vantage = self._vantages[peer]
        if vantage.partial and self._region.get(announcement.asn) != vantage.rir:
            return False
        if announcement.audience:
            return True
        lot = zlib.crc32(f"lost/{vantage.asn}/{announcement.prefix}/{announcement.asn}".encode())
        return lot % 1000 >= _LOST_PER_THOUSAND


def collect(
    propagation: Propagation,
    announcements: Iterable[Announcement],
    vantages: tuple[Vantage, ...],
    is_invalid: Callable[[Announcement], bool],
) -> tuple[RibRecord, ...]:
    """The collector's table: for each prefix, each peer's best route, in order."""
    by_prefix: dict[object, list[Announcement]] = defaultdict(list)
    for announcement in announcements:
        by_prefix[announcement.prefix].append(announcement)
    records = []
    for choices in by_prefix.values():
        heard = [(a, is_invalid(a), audience_of(a, len(vantages))) for a in choices]
        entries = []
        for peer in range(len(vantages)):
            best: tuple[int, tuple[int, ...], Announcement] | None = None
            for announcement, invalid, audience in heard:
                if peer not in audience or not propagation.hears(peer, announcement):
                    continue
                path = propagation.path(peer, announcement, invalid)
                if path:
                    # Two origins share the peers out between them, whatever their distance.
                    lot = zlib.crc32(f"{peer}/{announcement.prefix}/{announcement.asn}".encode())
                    if best is None or lot < best[0]:
                        best = lot, path, announcement
            if best:
                entries.append(RibEntry(peer, best[1], best[2].as_set))
        if entries:
            records.append(RibRecord(choices[0].prefix, tuple(entries)))
    return tuple(sorted(records, key=lambda record: record.prefix))


def audience_of(announcement: Announcement, peers: int) -> frozenset[int]:
    """The peers that hear of an announcement at most, by number."""
    if not announcement.audience:
        return frozenset(range(peers))
    dice = Dice("audience", announcement.prefix, announcement.asn)
    return frozenset(dice.some(range(peers), announcement.audience))
