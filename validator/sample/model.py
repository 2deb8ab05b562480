"""What the sample world is made of: networks, delegations, announcements, VRPs.

These are facts about the fictional Internet; nothing here knows of a file format. Addresses are
Python integers of their family's own width, prefixes are :class:`validator.model.Prefix`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from validator.model import NO_ORIGIN, Family, Prefix

NOW = 1_780_272_000
"""2026-06-01T00:00:00Z, the moment at which the sample world is seen (Unix seconds)."""
TODAY = 20260601


class Role(enum.IntEnum):
    """A network's place in the transit hierarchy."""

    TIER1 = 0
    REGIONAL = 1
    NATIONAL = 2
    STUB = 3


class Kind(enum.Enum):
    """Why a prefix is announced."""

    OWN = "by the network it is delegated to"
    CUSTOMER = "by a customer, out of its provider's block"
    SECOND = "by a second origin, with the holder's consent (MOAS)"
    STRANGER = "by a network that has no right to it"
    UNREGISTERED = "from space, or by an AS number, that no registry has delegated"
    LEAK = "too long a prefix, which should have stayed inside"
    DEFAULT = "a default route that escaped"


@dataclass(frozen=True, slots=True)
class Network:
    """An AS. ``holder`` is an opaque identifier of its registry; ``since`` a date, YYYYMMDD."""

    asn: int
    name: str
    country: str
    rir: str
    role: Role
    holder: str
    since: int


@dataclass(frozen=True, slots=True)
class Block:
    """Address space of one network: ``count`` addresses from ``first``, in the family's width."""

    family: Family
    first: int
    count: int

    def prefixes(self) -> Iterator[Prefix]:
        """The fewest prefixes that make up the block exactly."""
        at, end = self.first, self.first + self.count
        while at < end:
            size = 1 << ((end - at).bit_length() - 1)
            if at:
                size = min(size, at & -at)
            yield make_prefix(self.family, at, self.family.bits - size.bit_length() + 1)
            at += size


@dataclass(frozen=True, slots=True)
class Delegation:
    """A line of a registry's file. ``kind``: 4, 6, or 0 for AS numbers; ``date``: YYYYMMDD or 0."""

    rir: str
    country: str
    kind: int
    first: int
    count: int
    date: int
    status: str
    holder: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """A prefix announced by an AS.

    ``block`` is the delegated prefix it lies in. ``as_set``, if any, follows the origin
    in the path. ``audience`` is how many peers hear it, 0 for all that routing brings it to.
    ``via`` is the only provider it is announced to, 0 for all of them.
    """

    prefix: Prefix
    asn: int
    kind: Kind
    block: Prefix
    as_set: tuple[int, ...] = ()
    audience: int = 0
    via: int = 0

    @property
    def origin(self) -> int:
        """The route's origin by RFC 6811 section 2."""
        return NO_ORIGIN if self.as_set else self.asn


@dataclass(frozen=True, slots=True, order=True)
class Vrp:
    prefix: Prefix
    asn: int
    max_length: int
    rir: str


@dataclass(frozen=True, slots=True)
class Vantage:
    """A peer of the fictional route collector, ``partial`` if it sends its own region only."""

    asn: int
    address: str
    bgp_id: int
    rir: str
    partial: bool


@dataclass(frozen=True, slots=True)
class Links:
    """Who buys transit from whom, who peers with whom, by AS number.

    ``prepends`` counts the extra copies of a network's number towards one of its providers.
    """

    providers: Mapping[int, tuple[int, ...]]
    peerings: Mapping[int, tuple[int, ...]]
    prepends: Mapping[tuple[int, int], int]
    filtering: frozenset[int]
    """Networks that drop invalid routes."""


@dataclass(frozen=True, slots=True)
class RibEntry:
    """What one peer says of a prefix: the AS_PATH as a sequence, then an AS_SET if not empty."""

    peer: int
    path: tuple[int, ...]
    as_set: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RibRecord:
    prefix: Prefix
    entries: tuple[RibEntry, ...]


@dataclass(frozen=True, slots=True)
class World:
    """The fictional Internet at one moment. All tuples are sorted; the seed makes it again."""

    seed: int
    networks: tuple[Network, ...]
    delegations: tuple[Delegation, ...]
    links: Links
    announcements: tuple[Announcement, ...]
    vrps: tuple[Vrp, ...]
    vantages: tuple[Vantage, ...]
    rib: tuple[RibRecord, ...]


# ------------------------------------------------------------------------------------- prefixes


def make_prefix(family: Family, address: int, length: int) -> Prefix:
    """The prefix of ``length`` at an address of the family's own width."""
    if family is Family.IPV4:
        return Prefix(family, address << 32, 0, length)
    return Prefix(family, address >> 64, address & 0xFFFF_FFFF_FFFF_FFFF, length)


def address_of(prefix: Prefix) -> int:
    """The prefix's first address, in the family's own width."""
    if prefix.family is Family.IPV4:
        return prefix.high >> 32
    return prefix.high << 64 | prefix.low


def child(prefix: Prefix, length: int, number: int) -> Prefix:
    """The ``number``-th more-specific prefix of ``length``, counted from 0."""
    step = 1 << (prefix.family.bits - length)
    return make_prefix(prefix.family, address_of(prefix) + number * step, length)
