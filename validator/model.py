"""The ground floor: the value types and column layouts that everything else is written in.

Originsight carries numpy columns from the wire to the metric. A *batch* is what a collector
read, in the order it read it; a *table* (``vrps``, ``routes``, ``resources``) is the sorted,
immutable form that the validator publishes. Python objects for single prefixes exist only at
the faces: one look-up, one explanation.

Addresses are 128 bits in two unsigned 64-bit words, ``high`` and ``low``. An IPv4 address sits
in the top 32 bits of ``high``, so that one code path serves both families. An origin is a
signed 64-bit number, because RFC 6811 needs one value beyond the 32 bits of an AS number:
:data:`NO_ORIGIN`, the origin of a route whose AS_PATH ends in an AS_SET.

Nothing here does I/O.
"""

from __future__ import annotations

import enum
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

U1 = NDArray[np.uint8]
U2 = NDArray[np.uint16]
U4 = NDArray[np.uint32]
U8 = NDArray[np.uint64]
I8 = NDArray[np.int64]

NO_ORIGIN = -1
"""RFC 6811 section 2, "NONE": the AS_PATH ends in an AS_SET (or its speaker is not known)."""

LARGEST_ASN = 0xFFFF_FFFF
NEVER_EXPIRES = 0
"""In an ``expires`` column: the export gives no expiry."""


class State(enum.StrEnum):
    """The validation state of a route (RFC 6811 section 2), in Routinator's spelling."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_FOUND = "not-found"


class Verdict(enum.IntEnum):
    """A validation state with the reason of an invalid one: what a ``verdict`` column holds.

    The reason is the first of ours that applies (docs/definitions.md, "Why a route is invalid").
    """

    NOT_FOUND = 0
    VALID = 1
    INVALID_NO_ORIGIN = 2
    INVALID_LENGTH = 3
    INVALID_AS0 = 4
    INVALID_ORIGIN = 5

    @property
    def state(self) -> State:
        if self is Verdict.NOT_FOUND:
            return State.NOT_FOUND
        return State.VALID if self is Verdict.VALID else State.INVALID

    @property
    def reason(self) -> str:
        """``no-origin``, ``length``, ``as0`` or ``origin``; empty unless invalid."""
        return _REASONS[self]


_REASONS = {
    Verdict.NOT_FOUND: "",
    Verdict.VALID: "",
    Verdict.INVALID_NO_ORIGIN: "no-origin",
    Verdict.INVALID_LENGTH: "length",
    Verdict.INVALID_AS0: "as0",
    Verdict.INVALID_ORIGIN: "origin",
}


class Family(enum.IntEnum):
    IPV4 = 4
    IPV6 = 6

    @property
    def bits(self) -> int:
        return 32 if self is Family.IPV4 else 128

    @property
    def label(self) -> str:
        return "ipv4" if self is Family.IPV4 else "ipv6"


class OriginsightError(Exception):
    """Any failure that we expect and can explain. What is not one of these is a bug."""


class SourceError(OriginsightError):
    """An input failed: the far side's fault, or the file's.

    The message is one line that names the source, the place in it and the cure.
    """

    def __init__(self, source: str, problem: str, *, place: str = "", cure: str = "") -> None:
        self.source, self.problem, self.place, self.cure = source, problem, place, cure
        where = f" ({place})" if place else ""
        super().__init__(f"{source}{where}: {problem}" + (f"; {cure}" if cure else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.source, self.problem, self.place, self.cure)


class TruncatedSource(SourceError):  # noqa: N818 - named for what it tells the caller
    """The input ends too early. What was read before the end may be used, if the user allows."""


def _rebuild(
    cls: type[SourceError], source: str, problem: str, place: str, cure: str
) -> SourceError:
    return cls(source, problem, place=place, cure=cure)


class SettingsError(OriginsightError):
    """A setting or argument that we cannot follow. Names the file, the key and what is allowed."""


# --------------------------------------------------------------------------------------- prefixes


class Prefix(NamedTuple):
    """One IP prefix. Ordered as the tables are: family, address, length."""

    family: Family
    high: int
    low: int
    length: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``192.0.2.0/24`` or ``2001:db8::/32``.

        Raises:
            ValueError: not a prefix, or bits are set beyond its length.
        """
        address, _, length = text.partition("/")
        plain = length.isascii() and length.isdigit() and str(int(length[:4])) == length
        if not plain or "%" in address:
            raise ValueError(f"{text!r} is not an address, a slash and a length")
        return cls.of(ipaddress.ip_network(text))

    @classmethod
    def of(cls, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Self:
        if network.version == 4:
            return cls(Family.IPV4, int(network.network_address) << 32, 0, network.prefixlen)
        value = int(network.network_address)
        return cls(Family.IPV6, value >> 64, value & 0xFFFF_FFFF_FFFF_FFFF, network.prefixlen)

    def covers(self, other: Prefix) -> bool:
        """Whether ``other`` is this prefix or lies inside it (RFC 6811 section 2, "covered")."""
        if self.family is not other.family or self.length > other.length:
            return False
        shift = 128 - self.length
        return (self._value >> shift) == (other._value >> shift)

    @property
    def _value(self) -> int:
        return self.high << 64 | self.low

    def __str__(self) -> str:
        return format_prefix(self.family, self.high, self.low, self.length)


def format_prefix(family: int, high: int, low: int, length: int) -> str:
    """The canonical text of a prefix (RFC 5952 for IPv6)."""
    if family == Family.IPV4:
        word = high >> 32
        return f"{word >> 24}.{word >> 16 & 255}.{word >> 8 & 255}.{word & 255}/{length}"
    if high:
        address = socket.inet_ntop(socket.AF_INET6, (high << 64 | low).to_bytes(16, "big"))
        return f"{address}/{length}"
    # The C library writes what may embed an IPv4 address (RFC 4291 section 2.5.5) another way.
    return f"{ipaddress.IPv6Address(low)}/{length}"


def format_asn(origin: int) -> str:
    """``AS64496``, or ``NONE`` for :data:`NO_ORIGIN`."""
    return "NONE" if origin == NO_ORIGIN else f"AS{origin}"


def parse_asn(text: str) -> int:
    """Read ``AS64496``, ``as64496`` or ``64496``.

    Raises:
        ValueError: not a number, or beyond 32 bits.
    """
    digits = text[2:] if text[:2].upper() == "AS" else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is not an AS number")
    number = int(digits) if len(digits) <= 10 else LARGEST_ASN + 1
    if number > LARGEST_ASN:
        raise ValueError(f"{text!r} is beyond 32 bits")
    return number


@dataclass(frozen=True, slots=True, eq=False)
class Prefixes:
    """Columns of prefixes, in any order: what batches carry.

    Shapes: all ``(n,)``. ``family`` u1 (4 or 6); ``high``, ``low`` u8 (the address);
    ``length`` u1. Bits beyond ``length`` are zero.
    """

    family: U1
    high: U8
    low: U8
    length: U1

    def __len__(self) -> int:
        return len(self.family)

    def __getitem__(self, index: int) -> Prefix:
        return Prefix(
            Family(int(self.family[index])),
            int(self.high[index]),
            int(self.low[index]),
            int(self.length[index]),
        )

    def take(self, rows: NDArray[Any]) -> Prefixes:
        """The chosen rows (indexes or a mask), copied."""
        return Prefixes(self.family[rows], self.high[rows], self.low[rows], self.length[rows])

    @classmethod
    def empty(cls) -> Prefixes:
        return cls(np.empty(0, "u1"), np.empty(0, "u8"), np.empty(0, "u8"), np.empty(0, "u1"))

    @classmethod
    def of(cls, prefixes: Sequence[Prefix]) -> Prefixes:
        return cls(
            np.array([p.family for p in prefixes], "u1"),
            np.array([p.high for p in prefixes], "u8"),
            np.array([p.low for p in prefixes], "u8"),
            np.array([p.length for p in prefixes], "u1"),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Prefixes]) -> Prefixes:
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([p.family for p in parts]),
            np.concatenate([p.high for p in parts]),
            np.concatenate([p.low for p in parts]),
            np.concatenate([p.length for p in parts]),
        )


# ---------------------------------------------------------------------------------------- batches


@dataclass(frozen=True, slots=True)
class InputReport:
    """What became of one input: shown by the command line, ``/status``, metrics and reports.

    ``rejected`` counts rows refused at the door, by reason; ``sha256`` is of the bytes as stored
    (before decompression); ``notes`` are one-line remarks for a person.
    """

    source: str
    kind: str
    sha256: str = ""
    rows: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    truncated: bool = False
    built: int = 0
    """When the far side made it (Unix seconds), 0 if it does not say."""
    notes: tuple[str, ...] = ()
    sample: bool = False
    """The far side says that it is made up: all that is made from it says SAMPLE."""


@dataclass(frozen=True, slots=True)
class Aspa:
    """A validated ASPA payload: kept and shown, not used for validation."""

    customer: int
    providers: tuple[int, ...]
    trust_anchor: str = ""


@dataclass(frozen=True, slots=True)
class RouterKey:
    """A validated BGPsec router key: kept and shown, not used for validation."""

    asn: int
    ski: str
    public_key: str
    trust_anchor: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class VrpBatch:
    """VRPs as one export gives them, syntactically good rows only.

    Shapes: all ``(n,)``. ``asn`` u4; ``max_length`` u1; ``trust_anchor`` u1, an index into
    ``trust_anchors``; ``expires`` i8, Unix seconds or :data:`NEVER_EXPIRES`.
    """

    prefixes: Prefixes
    asn: U4
    max_length: U1
    trust_anchor: U1
    expires: I8
    trust_anchors: tuple[str, ...]
    report: InputReport
    aspas: tuple[Aspa, ...] = ()
    router_keys: tuple[RouterKey, ...] = ()

    def __len__(self) -> int:
        return len(self.asn)


@dataclass(frozen=True, slots=True)
class SlurmFilter:
    """RFC 8416 section 3.3.1: drops VRPs inside ``prefix`` and of ``asn`` (each, if given)."""

    prefix: Prefix | None
    asn: int | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class SlurmAssertion:
    """RFC 8416 section 3.4.1: a VRP added by the operator."""

    prefix: Prefix
    asn: int
    max_length: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Slurm:
    """The prefix part of one SLURM file (RFC 8416), or of several put together."""

    filters: tuple[SlurmFilter, ...]
    assertions: tuple[SlurmAssertion, ...]
    reports: tuple[InputReport, ...]


@dataclass(frozen=True, slots=True, order=True)
class Peer:
    """A BGP speaker whose table we see. ``vantage`` names the route collector, or the file."""

    vantage: str
    address: str
    asn: int


class Entry(enum.IntFlag):
    """How an entry of a RIB came by its origin: bits of the ``flags`` column."""

    NONE = 0
    AS_SET = 1
    """The path's final segment is an AS_SET: the origin is NONE (RFC 6811 section 2)."""
    OWN = 2
    """The path is empty or ends in a confederation segment: the origin is the speaker's own AS."""
    UNKNOWN = 4
    """As OWN, but the speaker's AS is not known: the origin is NONE, and counted."""
    WITHDRAWN = 8
    """The peer no longer announces the prefix; origin and neighbour mean nothing."""


NO_NEIGHBOUR = 0
"""In a ``neighbour`` column: no AS stands before the origin (AS 0 is in no path, RFC 7607)."""


@dataclass(frozen=True, slots=True, eq=False)
class RouteBatch:
    """What peers announce, as one source gives it: prefixes, and entries that point to them.

    ``prefixes`` has a row for each prefix record of the source (a prefix may return). The entry
    columns, all ``(m,)``: ``prefix`` u4, a row of ``prefixes``; ``peer`` u2, an index into
    ``peers``; ``origin`` i8, an AS number or :data:`NO_ORIGIN`; ``neighbour`` u4, the AS before
    the origin in the path (prepending skipped) or :data:`NO_NEIGHBOUR`; ``path_id`` u4, the
    ADD-PATH identifier (RFC 7911), else 0; ``flags`` u1, bits of :class:`Entry`.
    """

    prefixes: Prefixes
    prefix: U4
    peer: U2
    origin: I8
    neighbour: U4
    path_id: U4
    flags: U1
    peers: tuple[Peer, ...]
    report: InputReport

    def __len__(self) -> int:
        return len(self.prefix)


class Holding(enum.IntEnum):
    """What a registry says of a resource: values of a ``status`` column."""

    ALLOCATED = 0
    ASSIGNED = 1
    AVAILABLE = 2
    RESERVED = 3

    @property
    def delegated(self) -> bool:
        """Whether somebody holds it."""
        return self <= Holding.ASSIGNED


@dataclass(frozen=True, slots=True, eq=False)
class ResourceBatch:
    """Delegations as one registry file gives them: ranges of addresses or AS numbers.

    Shapes: all ``(n,)``. ``kind`` u1: 4, 6, or 0 for AS numbers; ``first``, ``last`` u8, inclusive:
    IPv4 addresses, IPv6 /64s (the upper 64 bits), AS numbers; ``status`` u1, a :class:`Holding`;
    ``registry`` u1 and ``country`` u2, indexes into ``registries`` and ``countries``; ``holder``
    u4, an index into ``holders`` (the opaque identifiers of this file, 0 being "none given");
    ``date`` u4, as YYYYMMDD, 0 if unknown.
    """

    kind: U1
    first: U8
    last: U8
    status: U1
    registry: U1
    country: U2
    holder: U4
    date: U4
    registries: tuple[str, ...]
    countries: tuple[str, ...]
    holders: tuple[str, ...]
    report: InputReport

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, slots=True, eq=False)
class AsnNames:
    """Names of AS numbers, from an ``asn,name`` file."""

    names: Mapping[int, str]
    report: InputReport


@dataclass(frozen=True, slots=True)
class Membership:
    """That something belongs to a group, from the day ``since`` (None: always) until the day
    ``until``, that day not included (None: still).

    ``member`` is a country (ISO 3166-1 alpha-2), an AS number as ``AS64496``, or a prefix: what
    :attr:`Grouping.members` says.
    """

    member: str
    group: str
    since: date | None = None
    until: date | None = None


class Members(enum.StrEnum):
    """What the groups of a scheme are made of."""

    COUNTRIES = "country"
    NETWORKS = "asn"
    PREFIXES = "prefix"


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """A scheme of groups as a file defines it: who belongs where, and since when.

    At no day does a member belong to two groups. ``names`` gives the name of every group by its
    identifier, in the order that a table shows them; ``others`` is the name of the group
    :data:`OTHERS`, of all that the scheme does not list.
    """

    scheme: str
    title: str
    members: Members
    names: Mapping[str, str]
    memberships: tuple[Membership, ...]
    others: str
    origin: str
    """Where the membership is from: who published it, and when."""
    licence: str
    dated: date
    """As of when the file is complete."""


GROUP_IDENTIFIER = "[A-Za-z0-9]([A-Za-z0-9 ._+-]{0,62}[A-Za-z0-9._+-])?"
"""What identifies a group, in files, addresses of pages and labels: a regular expression, of
Python's and of ECMA 262."""
OTHERS = "other"
"""The group of what a scheme does not list: visible, never guessed, never dropped."""


@dataclass(frozen=True, slots=True)
class InternetUsers:
    """How many people of a country used the Internet in a year: a weight for people-weighted
    figures, not a claim about their connections."""

    users: int
    year: int


@dataclass(frozen=True, slots=True, eq=False)
class GroupBatch:
    """One file about groups: a scheme, names of countries, or Internet users by country."""

    grouping: Grouping | None
    countries: Mapping[str, str]
    """Names by ISO 3166-1 alpha-2 code; empty unless the file is the list of countries."""
    users: Mapping[str, InternetUsers]
    """By country; empty unless the file is about them."""
    report: InputReport


def frozen(*columns: NDArray[Any]) -> None:
    """Make published columns read-only: readers share them without a lock."""
    for column in columns:
        column.flags.writeable = False
