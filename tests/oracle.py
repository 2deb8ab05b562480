"""RFC 6811 and the definitions in their plainest form: slow, short and obviously right.

Nothing here is shared with the code under test: prefixes are ``ipaddress`` networks, VRPs and
routes are tuples, and every question is answered by looking at everything.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from validator.model import InputReport, Peer, Prefix, Prefixes, RouteBatch, VrpBatch

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class V:
    """A VRP."""

    prefix: Network
    max_length: int
    asn: int


@dataclass(frozen=True)
class R:
    """A route; origin None is NONE."""

    prefix: Network
    origin: int | None


def covers(vrp: V, route: R) -> bool:
    return (
        vrp.prefix.version == route.prefix.version
        and vrp.prefix.prefixlen <= route.prefix.prefixlen
        and route.prefix.network_address in vrp.prefix
    )


def judge(route: R, vrps: Iterable[V]) -> tuple[str, str]:
    """The state of a route and our label for an invalid one."""
    covering = [vrp for vrp in vrps if covers(vrp, route)]
    if not covering:
        return "not-found", ""
    own = [vrp for vrp in covering if route.origin and vrp.asn == route.origin]
    if any(route.prefix.prefixlen <= vrp.max_length for vrp in own):
        return "valid", ""
    if route.origin is None:
        return "invalid", "no-origin"
    if own:
        return "invalid", "length"
    return "invalid", "as0" if all(vrp.asn == 0 for vrp in covering) else "origin"


# ------------------------------------------------------------------------------- into our columns


def report(kind: str = "test") -> InputReport:
    return InputReport("test", kind)


def vrp_batch(vrps: Sequence[V]) -> VrpBatch:
    n = len(vrps)
    return VrpBatch(
        Prefixes.of([Prefix.of(vrp.prefix) for vrp in vrps]),
        np.array([vrp.asn for vrp in vrps], "u4"),
        np.array([vrp.max_length for vrp in vrps], "u1"),
        np.zeros(n, "u1"),
        np.zeros(n, "i8"),
        ("test",),
        report(),
    )


def route_batch(routes: Sequence[R]) -> RouteBatch:
    n = len(routes)
    return RouteBatch(
        Prefixes.of([Prefix.of(route.prefix) for route in routes]),
        np.arange(n, dtype="u4"),
        np.zeros(n, "u2"),
        np.array([-1 if route.origin is None else route.origin for route in routes], "i8"),
        np.zeros(n, "u4"),
        np.zeros(n, "u4"),
        np.zeros(n, "u1"),
        (Peer("test", "", 0),),
        report("route-list"),
    )


# ------------------------------------------------------------------- worlds with a lot of overlap

ASNS = (0, 1, 2, 3, 4294967295)


def _network(version: int, bits: int, length: int) -> Network:
    size = 32 if version == 4 else 128
    # Few distinct bits at the top and at the bottom: prefixes nest, repeat and touch often.
    value = (bits & 0b11) << (size - 2) | (bits >> 2 & 0b11) << (size - 10) | (bits >> 4)
    value &= ~((1 << (size - length)) - 1) & ((1 << size) - 1)
    return (
        ipaddress.ip_network((value, length))
        if version == 4
        else ipaddress.IPv6Network((value, length))
    )


def networks() -> st.SearchStrategy[Network]:
    """IPv4 of 0 to 32 bits and IPv6 of 0 to 128, from a small, crowded part of the space."""
    bits = st.integers(0, 255)
    ipv4 = st.builds(_network, st.just(4), bits, st.integers(0, 32))
    ipv6 = st.builds(_network, st.just(6), bits, st.integers(0, 128))
    return st.one_of(ipv4, ipv6)


@st.composite
def vrps(draw: st.DrawFn) -> V:
    prefix = draw(networks())
    longest = draw(st.integers(prefix.prefixlen, prefix.max_prefixlen))
    return V(prefix, longest, draw(st.sampled_from(ASNS)))


def routes() -> st.SearchStrategy[R]:
    return st.builds(R, networks(), st.sampled_from((None, *ASNS)))
