"""The dialects: what each publisher divides by what, in words and in figures, and where it says so.

Adding one is an entry of :data:`DIALECTS`. Its formula takes :class:`Counts`, so that every figure
starts from the same routes, states, space and holdings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from validator.model import Family

RIPE_PEERS = 5
"""Peers of RIS that must see a route (``RisPeerThreshold`` in RIPE NCC's code)."""

_STATES = ("valid", "invalid", "not found")


@dataclass(frozen=True, slots=True)
class Source:
    """A publisher, and the document that defines its figures."""

    publisher: str
    document: str
    url: str


OURS = Source("Originsight", "Definitions: coverage of a group", "docs/definitions.md")
_RIPE_CODE = "https://github.com/RIPE-NCC/rpki-irr-bgp-stats"
RIPE = Source(
    "RIPE NCC",
    "rpki-irr-bgp-stats, the code behind its RPKI statistics and maps: AnnouncementStats.scala "
    "(percentageAdoptionCount, percentageSpaceAdoption, accuracyAnnouncements, accuracySpace) and "
    "RisDumpUtil.scala (RisPeerThreshold)",
    _RIPE_CODE,
)
NRO = Source(
    "NRO / RIPE NCC",
    "rpki-irr-bgp-stats, the code behind the NRO's adoption statistics: RegionStats.scala "
    "(RegionAdoptionStats: ipv4Adoption, ipv6Adoption)",
    _RIPE_CODE,
)
NIST = Source(
    "NIST",
    "NIST RPKI Monitor: validation results of unique prefix/origin pairs using the global RPKI, "
    "and the same in /24 equivalents",
    "https://rpki-monitor.antd.nist.gov/",
)
MANRS = Source(
    "MANRS",
    "MANRS documentation: Routing Information, M7IRR and M7RPKI (Action 4)",
    "https://docs.manrs.org/docs/scores/routing-information/",
)
CLOUDFLARE = Source(
    "Cloudflare Radar",
    "Radar API: BGP routing table stats (routes_valid, routes_invalid, routes_unknown, "
    "routes_total) and RPKI ROA deployment (validIpsRatio, in IPv4 /24s and IPv6 /48s)",
    "https://developers.cloudflare.com/api/resources/radar/subresources/bgp/",
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the formulas are made of, of one group in one family.

    Space is distinct, overlaps once, in /24s (IPv4) or /48s (IPv6), exactly; ``pair_space`` is what
    the (prefix, origin) pairs of each state hold one by one, overlaps as often as they occur.
    """

    routes: tuple[int, int, int]
    """Valid, invalid, not found."""
    announced: Fraction
    covered: Fraction
    space: tuple[Fraction, Fraction, Fraction]
    """Under valid, invalid and not-found routes."""
    pair_space: tuple[Fraction, Fraction, Fraction]
    delegated: Fraction | None = None
    under_vrps: Fraction | None = None

    @property
    def total(self) -> int:
        return sum(self.routes)

    def __add__(self, other: Counts) -> Counts:
        def triple(
            a: tuple[Fraction, Fraction, Fraction], b: tuple[Fraction, Fraction, Fraction]
        ) -> tuple[Fraction, Fraction, Fraction]:
            return a[0] + b[0], a[1] + b[1], a[2] + b[2]

        valid, invalid, not_found = (a + b for a, b in zip(self.routes, other.routes, strict=True))
        return Counts(
            (valid, invalid, not_found),
            self.announced + other.announced,
            self.covered + other.covered,
            triple(self.space, other.space),
            triple(self.pair_space, other.pair_space),
        )


Formula = Callable[[Counts], tuple[Fraction | int | None, Fraction | int | None]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One published figure: numerator / denominator, as ``formula`` says in words.

    ``unit`` is of both: ``routes``, ``prefix-origin pairs``, ``/24s`` or ``/48s`` by family.
    """

    name: str
    """Its identifier: ``ripe-adoption-space``."""
    source: Source
    title: str
    formula: str
    unit: str
    why: str
    """Why it differs from ours, or that it does not."""
    work: Formula = field(repr=False)
    peers: int | None = None
    """Only routes that so many peers see, in place of the snapshot's ``min_peers``."""
    families: tuple[Family, ...] = tuple(Family)
    together: bool = False
    """Also published of both families together."""


def _state_share(state: int) -> Formula:
    return lambda counts: (counts.routes[state], counts.total)


def _pair_space_share(state: int) -> Formula:
    return lambda counts: (counts.pair_space[state], sum(counts.pair_space, Fraction(0)))


def _covered_routes(counts: Counts) -> int:
    return counts.routes[0] + counts.routes[1]


_SPACE = "/24s (IPv4), /48s (IPv6)"

DIALECTS: tuple[Dialect, ...] = (
    Dialect(
        "originsight-valid-share", OURS, "valid share, by routes",
        "valid routes / announced routes", "routes",
        "our headline: a broken ROA raises coverage, never this",
        _state_share(0),
    ),
    Dialect(
        "originsight-coverage", OURS, "coverage, by routes",
        "(valid + invalid routes) / announced routes", "routes",
        "ours: how much there is a ROA for, right or wrong",
        lambda counts: (_covered_routes(counts), counts.total),
    ),
    Dialect(
        "originsight-accuracy", OURS, "accuracy, by routes",
        "valid routes / (valid + invalid routes)", "routes",
        "ours: of what there is a ROA for, how much it permits",
        lambda counts: (counts.routes[0], _covered_routes(counts)),
    ),
    Dialect(
        "originsight-valid-share-space", OURS, "valid share, by space",
        "distinct space under a valid route / distinct announced space", _SPACE,
        "ours, by space: a /8 weighs as much as 65,536 /24s",
        lambda counts: (counts.space[0], counts.announced),
    ),
    Dialect(
        "originsight-coverage-space", OURS, "coverage, by space",
        "distinct space under a valid or invalid route / distinct announced space", _SPACE,
        "ours, by space",
        lambda counts: (counts.covered, counts.announced),
    ),
    Dialect(
        "ripe-adoption-prefixes", RIPE, "adoption, by prefixes",
        "announcements that are valid or invalid / announcements, each seen by 5 RIS peers or more",
        "prefix-origin pairs",
        "our coverage by routes, but always with 5 peers; an invalid route counts as adopted. RIPE "
        "validates a country's announcements against that country's own ROAs alone; here against "
        "all",
        lambda counts: (_covered_routes(counts), counts.total),
        peers=RIPE_PEERS,
    ),
    Dialect(
        "ripe-adoption-space", RIPE, "adoption, by address space",
        "distinct space of valid and invalid announcements / distinct announced space, each seen "
        "by 5 RIS peers or more", _SPACE,
        "our coverage by space, but always with 5 peers",
        lambda counts: (counts.covered, counts.announced),
        peers=RIPE_PEERS,
    ),
    Dialect(
        "ripe-accuracy-prefixes", RIPE, "accuracy, by prefixes",
        "valid announcements / (valid + invalid announcements), each seen by 5 RIS peers or more",
        "prefix-origin pairs",
        "our accuracy, but always with 5 peers; what has no ROA is not in it at all",
        lambda counts: (counts.routes[0], _covered_routes(counts)),
        peers=RIPE_PEERS,
    ),
    Dialect(
        "ripe-accuracy-space", RIPE, "accuracy, by address space",
        "distinct space of valid announcements / distinct space of valid and invalid ones, each "
        "seen by 5 RIS peers or more", _SPACE,
        "our accuracy by space, but always with 5 peers; space that is under a valid and an "
        "invalid route counts as accurate",
        lambda counts: (counts.space[0], counts.covered),
        peers=RIPE_PEERS,
    ),
    Dialect(
        "nro-adoption", NRO, "adoption, of delegated space",
        "delegated space under some VRP / delegated space", _SPACE,
        "another denominator: what is delegated, announced or not (our holdings coverage). Nothing "
        "is asked of BGP, so unused blocks count and validity does not. The published code counts "
        "all space of the region's VRPs; here only what lies in its delegated space",
        lambda counts: (counts.under_vrps, counts.delegated),
    ),
    *(
        Dialect(
            f"nist-{_STATES[state].replace(' ', '-')}", NIST, f"{_STATES[state]} pairs",
            f"unique prefix-origin pairs that are {_STATES[state]} / unique prefix-origin pairs",
            "prefix-origin pairs",
            "the same counts as ours; NIST takes the union of three table dumps a day of one "
            "collector (RouteViews Oregon), and names no least number of peers",
            _state_share(state),
        )
        for state in range(3)
    ),
    *(
        Dialect(
            f"nist-{_STATES[state].replace(' ', '-')}-24s", NIST,
            f"{_STATES[state]} pairs, in /24 equivalents",
            f"/24 equivalents of the {_STATES[state]} IPv4 pairs / /24 equivalents of all IPv4 "
            "pairs, each pair for itself", "/24s",
            "each pair brings its own space, so that an aggregate and its more-specifics, or two "
            "origins, count the same addresses again; ours count them once. (The page does not say "
            "how overlaps count: this follows from its \"instead of the number of pairs\".)",
            _pair_space_share(state),
            families=(Family.IPV4,),
        )
        for state in range(3)
    ),
    Dialect(
        "manrs-m7rpki", MANRS, "M7RPKI",
        "(valid routes - 10 x invalid routes) / announced routes", "routes",
        "a score, not a share: one invalid route cancels ten valid ones, and it may fall below "
        "zero (the page names no floor). MANRS reports by month, and the page says nothing of "
        "families: here each, and both together",
        lambda counts: (counts.routes[0] - 10 * counts.routes[1], counts.total),
        together=True,
    ),
    *(
        Dialect(
            f"cloudflare-{name}", CLOUDFLARE, f"{name} routes",
            f"routes_{name} / routes_total: routes that are {_STATES[state]} / routes",
            "routes",
            "the same counts as ours, both families together too; Cloudflare says \"unknown\" for "
            "not found" if state == 2 else
            "the same counts as ours, both families together too: IPv4 outnumbers IPv6 in the sum",
            _state_share(state),
            together=True,
        )
        for state, name in enumerate(("valid", "invalid", "unknown"))
    ),
    Dialect(
        "cloudflare-valid-ips", CLOUDFLARE, "RPKI-valid address space",
        "validIpsRatio: valid address space / announced address space, in IPv4 /24s and IPv6 /48s",
        _SPACE,
        "our valid share by space; both families together adds /24s to /48s, so that IPv6, with "
        "far more /48s than there are /24s, decides it nearly alone",
        lambda counts: (counts.space[0], counts.announced),
        together=True,
    ),
)  # fmt: skip
