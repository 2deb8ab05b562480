"""Who a route belongs to: the schemes that coverage is grouped by.

Two attributions, never mixed (docs/definitions.md, "Who a route belongs to"): *by origin*, where
each route has one group, and *by address*, where the address space is divided into ranges that
each have one. A scheme yields one or the other; :mod:`validator.coverage` counts both.

What nobody holds is the group ``ZZ``, visible and never dropped. The origin NONE is the group
``NONE`` of the scheme ``asn``.
"""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validator import coverage_kernels as kernels
from validator.model import NO_ORIGIN, U4, U8, Family, format_asn
from validator.resources import ResourceTable, locate
from validator.routes import RouteTable

NOBODY = "ZZ"

RIR_NAMES = {
    "afrinic": "AFRINIC",
    "apnic": "APNIC",
    "arin": "ARIN",
    "lacnic": "LACNIC",
    "ripencc": "RIPE NCC",
}


class Scheme(enum.StrEnum):
    """What to group by. The values are the identifiers used everywhere: API, labels, commands."""

    ASN = "asn"
    COUNTRY = "country"
    RIR = "rir"


class Attribution(enum.StrEnum):
    ADDRESS = "address"
    ORIGIN = "origin"


@dataclass(frozen=True, slots=True, eq=False)
class ByOrigin:
    """``group`` u4 ``(routes,)``: the group of each route, an index into ``names``."""

    group: U4
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ByAddress:
    """For each family, ranges that divide its space: where each begins (u8, ascending from 0, in
    IPv4 addresses or IPv6 /64s) and its group (u4), an index into ``names``."""

    ranges: dict[Family, tuple[U8, U4]]
    names: tuple[str, ...]


def attribution_of(scheme: Scheme, asked: Attribution | None) -> Attribution:
    """The attribution in force: by address unless asked otherwise; ``asn`` is always by origin."""
    if scheme is Scheme.ASN:
        return Attribution.ORIGIN
    return asked or Attribution.ADDRESS


def assign(
    scheme: Scheme, attribution: Attribution, routes: RouteTable, resources: ResourceTable
) -> ByOrigin | ByAddress:
    """The groups of a scheme, laid over a route table."""
    if scheme is Scheme.ASN:
        seed = int.from_bytes(os.urandom(7), "little")
        numbers, distinct = kernels.number_values(routes.origin, seed)
        return ByOrigin(numbers, tuple(map(format_asn, distinct.tolist())))
    names = resources.countries if scheme is Scheme.COUNTRY else resources.registries
    column = "country" if scheme is Scheme.COUNTRY else "registry"
    if attribution is Attribution.ORIGIN:
        asns = resources.asn
        origins = np.where(routes.origin == NO_ORIGIN, 0, routes.origin).astype("u8")
        group = getattr(asns, column)[locate(asns, origins)].astype("u4")
        group[routes.origin == NO_ORIGIN] = 0  # nobody
        return ByOrigin(group, names)
    return ByAddress(
        {
            Family.IPV4: _coalesced(resources.ipv4.first, getattr(resources.ipv4, column)),
            Family.IPV6: _coalesced(resources.ipv6.first, getattr(resources.ipv6, column)),
        },
        names,
    )


def _coalesced(first: U8, group: NDArray[Any]) -> tuple[U8, U4]:
    """Neighbouring ranges of one group made one."""
    starts = np.ones(len(first), "?")
    starts[1:] = group[1:] != group[:-1]
    return np.ascontiguousarray(first[starts]), group[starts].astype("u4")
