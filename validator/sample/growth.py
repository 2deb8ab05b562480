"""How the sample world came to be: when each thing in it appeared, and what there was before.

The end is the world itself, exactly; the way there is drawn from dice named by what they are about,
so that the same seed and the same days give the same history. Networks and blocks are as old as
the registries' files say. Routes follow: aggregates soon after the block, more-specifics through
the years, leaks and hijacks lately. IPv6 comes later, and so do its ROAs. Some things were there
and are gone: routes that were withdrawn, hijacks of some days, blocks that another network held
before a transfer, ROAs that lapsed. Now and then a country falls silent for some days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from validator.model import Family, Prefix
from validator.sample.adoption import Former, Stories, former_vrps, signers, signing_days, stories
from validator.sample.announcing import LONGEST
from validator.sample.dice import Dice
from validator.sample.holdings import Holdings, ordinal
from validator.sample.model import (
    TODAY,
    Announcement,
    Block,
    Delegation,
    Kind,
    Network,
    Role,
    Vrp,
    World,
    child,
)
from validator.sample.span import Span

FOREVER = 1 << 30
_TRANSFERS = 12
_AS0 = {"apnic": 0.70, "lacnic": 0.78}
"""How far along the registries began to sign what nobody holds with AS0."""
_ASPA = 0.93
SLURM = 0.90
"""How far along the operator began to have local exceptions."""


class Timed(NamedTuple):
    """An announcement from a day until another, that not included (ordinals)."""

    what: Announcement
    since: int
    until: int


class Transfer(NamedTuple):
    """A block that another network of the region held before a day (an ordinal)."""

    line: Delegation
    former: Network
    day: int


class Outage(NamedTuple):
    """Days on which nothing of a country was announced (ordinals, the last not included)."""

    country: str
    networks: frozenset[int]
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Growth:
    """See the module. ``signed`` has the day of each of the world's VRPs, in their order; all days
    are ordinals. ``shift``: by how much the registries' dates are moved back, for a history that
    ends before the sample's own day."""

    span: Span
    shift: int
    announced: tuple[Timed, ...]
    signed: tuple[int, ...]
    former: tuple[Former, ...]
    transfers: tuple[Transfer, ...]
    outages: tuple[Outage, ...]
    stories: Stories
    aspas: int
    """From when on there are ASPAs and router keys."""


def grow(world: World, span: Span) -> Growth:
    """Work out the past of a world."""
    return _Growing(world, span).done()


class _Growing:
    def __init__(self, world: World, span: Span) -> None:
        self.world, self.span, self.seed = world, span, world.seed
        self.first, self.last = span.at(0), span.at(1)
        self.shift = max(0, ordinal(TODAY) - self.last)
        self.holdings = Holdings(world)
        self.networks = {network.asn: network for network in world.networks}
        self.signers = signers(world)
        self.told = stories(world, span, self.signers)
        self.signing = signing_days(world, span, self.told)
        self.transfers = {each.line: each for each in self._transfers()}
        self.since = {(one.prefix, one.asn): self._since(one) for one in world.announcements}

    def done(self) -> Growth:
        timed = [
            Timed(one, self.since[one.prefix, one.asn], FOREVER) for one in self.world.announcements
        ]
        taken = set(self.since)
        for former in (*self._held_before(), *self._withdrawn(), *self._hijacks()):
            pair = former.what.prefix, former.what.asn
            if pair not in taken and former.since < former.until:
                taken.add(pair)
                timed.append(former)
        return Growth(
            self.span,
            self.shift,
            tuple(timed),
            tuple(map(self._signed, self.world.vrps)),
            tuple(former_vrps(self.world, self.span, self.told, self.signing, self.signers)),
            tuple(self.transfers.values()),
            tuple(self._outages()),
            self.told,
            self.span.at(_ASPA),
        )

    def _date(self, yyyymmdd: int) -> int:
        return ordinal(yyyymmdd) - self.shift

    def _spread(self, since: int, roll: float) -> int:
        """A day between one, or the first if that is later, and the last."""
        since = min(max(since, self.first), self.last)
        return since + int(roll * (self.last - since))

    # ------------------------------------------------------------------------------- announcements

    def _since(self, one: Announcement) -> int:
        """When an announcement of the world began."""
        dice = Dice(self.seed, "since", one.prefix, one.asn)
        if one.kind in (Kind.LEAK, Kind.STRANGER):
            return self.last - int(400 * dice.roll() ** 2)
        base = self._held_since(one.block)
        network = self.networks.get(one.asn)
        if network is not None:
            base = max(base, self._date(network.since))
        if one.kind is not Kind.OWN:
            return self._spread(base, dice.roll())
        lag = dice.between(60, 900) if one.prefix.family is Family.IPV6 else dice.between(15, 400)
        if base + lag > self.last:
            return self._spread(base, dice.roll())
        if one.prefix == one.block:
            return base + lag
        return self._spread(base + lag, dice.roll())

    def _held_since(self, block: Prefix) -> int:
        """Since when a block is with its holder."""
        line = self.holdings.line(block)
        if line is None:
            return self.first
        moved = self.transfers.get(line)
        return moved.day if moved else self._date(line.date)

    def _transfers(self) -> Iterator[Transfer]:
        """Blocks with a former holder: old ones, in a region with older networks elsewhere."""
        lines = [
            line
            for line in self.holdings.blocks()
            if line.kind == Family.IPV4 and line.count >= 2048
            and self._date(line.date) < self.span.at(0.5) and line.country.isalpha()
        ]  # fmt: skip
        dice = Dice(self.seed, "transfers")
        for line in dice.some(lines, _TRANSFERS):
            others = [
                network
                for network in self.world.networks
                if network.rir == line.rir and network.country != line.country
                and network.role >= Role.NATIONAL and network.since <= line.date
            ]  # fmt: skip
            if others:
                yield Transfer(line, dice.pick(others), self.span.at(0.5 + 0.45 * dice.roll()))

    def _held_before(self) -> Iterator[Timed]:
        """What former holders announced."""
        for line, former, day in self.transfers.values():
            for prefix in Block(Family.IPV4, line.first, line.count).prefixes():
                one = Announcement(prefix, former.asn, Kind.OWN, prefix)
                yield Timed(one, self._date(line.date) + 90, day)

    def _withdrawn(self) -> Iterator[Timed]:
        """Blocks that are held and not announced any more."""
        used = {self.holdings.line(one.block) for one in self.world.announcements}
        for line in self.holdings.blocks():
            networks = self.holdings.networks(line)
            if line in used or not networks:
                continue
            dice = Dice(self.seed, "withdrawn", line.kind, line.first)
            since, until = self._date(line.date) + 60, self.span.at(0.3 + 0.69 * dice.roll())
            for prefix in Block(Family(line.kind), line.first, line.count).prefixes():
                if prefix.length <= LONGEST[prefix.family]:
                    yield Timed(
                        Announcement(prefix, networks[0].asn, Kind.OWN, prefix), since, until
                    )

    def _hijacks(self) -> Iterator[Timed]:
        """Strangers that announced a part of somebody's block for some days."""
        asns = sorted(self.networks)
        for one in self.world.announcements:
            dice = Dice(self.seed, "hijack", one.prefix, one.asn)
            if one.kind is not Kind.OWN or not dice.chance(0.015):
                continue
            since = self.span.at(dice.roll() ** 0.6)
            longest = LONGEST[one.prefix.family]
            prefix = one.prefix
            if prefix.length < longest:
                prefix = child(prefix, longest, dice.between(0, 3) % (1 << longest - prefix.length))
            if since > self.since[one.prefix, one.asn]:
                what = Announcement(prefix, dice.pick(asns), Kind.STRANGER, one.block)
                yield Timed(what, since, min(since + dice.between(2, 45), self.last))

    def _outages(self) -> Iterator[Outage]:
        """A country falls silent for nine days some years ago, another for three of late."""
        count: dict[str, list[int]] = {}
        for network in self.world.networks:
            count.setdefault(network.country, []).append(network.asn)
        kept = (self.told.campaign, self.told.lapse)
        some = sorted(code for code, asns in count.items() if 3 <= len(asns) <= 20)
        some = [code for code in some if code not in kept]
        ago, of_late = Dice(self.seed, "outages").some(some, 2)
        for code, since, days in ((ago, self.span.at(0.93), 9), (of_late, self.last - 34, 3)):
            yield Outage(code, frozenset(count[code]), since, min(since + days, self.last))

    # ---------------------------------------------------------------------------------------- VRPs

    def _signed(self, vrp: Vrp) -> int:
        """When a VRP of the world was made."""
        line = self.holdings.line(vrp.prefix)
        if line is None:
            return self.span.at(_AS0.get(vrp.rir, 0.5))
        networks = self.holdings.networks(line)
        owner = self.networks.get(vrp.asn)
        if owner not in networks and networks:
            owner = networks[0]
        since = self._held_since(vrp.prefix)
        if owner is not None:
            since = max(since, self.signing[owner.asn])
        since = max(since, self.since.get((vrp.prefix, vrp.asn), 0))
        dice = Dice(self.seed, "signed", vrp.prefix, vrp.asn)
        lag = 0
        if vrp.prefix.family is Family.IPV6:
            lag = int(0.08 * dice.roll() * (self.last - self.first))
        elif vrp.prefix.length > 16 and dice.chance(0.1):  # meanwhile it is invalid, or not found
            lag = dice.between(20, 200)
        return since + lag if since + lag <= self.last else min(since, self.last)
