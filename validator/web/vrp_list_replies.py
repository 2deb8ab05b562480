"""The shapes of VRP lists and their deltas, as the contract has them.

The long ones are never made as objects: :mod:`validator.formats.vrp_lists` writes them as text.
They stand here so that clients can read what to expect, and tests hold the texts against them.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType


class ListMetadata(msgspec.Struct, frozen=True, rename={"generated_time": "generatedTime"}):
    """When a list was made (``generated`` in Unix seconds). ``sample`` only while the data are made
    up, ``degraded`` only while the VRPs are older than they may be."""

    generated: int
    generated_time: str
    sample: Literal[True] | UnsetType = UNSET
    degraded: list[str] | UnsetType = UNSET


class ListedVrp(msgspec.Struct, frozen=True, rename={"max_length": "maxLength"}):
    """A VRP with its trust anchor, ``N/A`` for one that the operator added."""

    asn: str
    prefix: str
    max_length: int
    ta: str


class ListedRouterKey(
    msgspec.Struct, frozen=True, rename={"ski": "SKI", "public_key": "routerPublicKey"}
):
    """A BGPsec router key."""

    asn: str
    ski: str
    public_key: str
    ta: str


class ListedAspa(msgspec.Struct, frozen=True):
    """The provider ASes that an AS has declared."""

    customer: str
    providers: list[str]
    ta: str


class VrpListReply(msgspec.Struct, frozen=True, rename={"router_keys": "routerKeys"}):
    """The VRPs in force. ``roas`` is left out if it is excluded, the rest also if it is empty."""

    metadata: ListMetadata
    roas: list[ListedVrp] | UnsetType = UNSET
    router_keys: list[ListedRouterKey] | UnsetType = UNSET
    aspas: list[ListedAspa] | UnsetType = UNSET


class PayloadSource(msgspec.Struct, frozen=True):
    """Where payload comes from. ``uri`` is always null and ``tal`` is its trust anchor; an
    ``exception`` is the operator's own, with ``path`` (always null) in their place."""

    type: Literal["roa", "cer", "aspa", "exception"]
    uri: UnsetType | None = UNSET
    tal: str | UnsetType = UNSET
    path: UnsetType | None = UNSET


class SourcedVrp(msgspec.Struct, frozen=True, rename={"max_length": "maxLength"}, kw_only=True):
    """A VRP with its sources; ``expires`` (Unix seconds) only where the export says."""

    asn: str
    prefix: str
    max_length: int
    expires: int | UnsetType = UNSET
    source: list[PayloadSource]


class SourcedRouterKey(
    msgspec.Struct, frozen=True, rename={"ski": "SKI", "public_key": "routerPublicKey"}
):
    """A BGPsec router key with its sources."""

    asn: str
    ski: str
    public_key: str
    source: list[PayloadSource]


class SourcedAspa(msgspec.Struct, frozen=True):
    """The provider ASes that an AS has declared, with their sources."""

    customer: str
    providers: list[str]
    source: list[PayloadSource]


class ExtendedListReply(msgspec.Struct, frozen=True, rename={"router_keys": "routerKeys"}):
    """As the list above, with the sources of each."""

    metadata: ListMetadata
    roas: list[SourcedVrp] | UnsetType = UNSET
    router_keys: list[SourcedRouterKey] | UnsetType = UNSET
    aspas: list[SourcedAspa] | UnsetType = UNSET


class DeltaVrp(
    msgspec.Struct,
    frozen=True,
    tag="routeOrigin",
    tag_field="type",
    rename={"max_length": "maxLength"},
):
    """A VRP that came or went."""

    asn: str
    prefix: str
    max_length: int


class DeltaRouterKey(
    msgspec.Struct,
    frozen=True,
    tag="routerKey",
    tag_field="type",
    rename={"key_identifier": "keyIdentifier", "key_info": "keyInfo"},
):
    """A BGPsec router key that came or went."""

    key_identifier: str
    asn: str
    key_info: str


class DeltaAspa(
    msgspec.Struct,
    frozen=True,
    tag="aspa",
    tag_field="type",
    rename={"customer": "customerAsn", "providers": "providerAsns"},
):
    """An ASPA that came or went."""

    customer: str
    providers: list[str]


class DeltaReply(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"from_serial": "fromSerial", "generated_time": "generatedTime"},
):
    """What changed since ``fromSerial``, or if ``reset`` is true everything there is: then
    ``fromSerial`` and ``withdrawn`` are left out. ``session`` is a string of digits."""

    reset: bool
    session: str
    serial: int
    from_serial: int | UnsetType = UNSET
    generated: int
    generated_time: str
    sample: Literal[True] | UnsetType = UNSET
    degraded: list[str] | UnsetType = UNSET
    announced: list[DeltaVrp | DeltaRouterKey | DeltaAspa]
    withdrawn: list[DeltaVrp | DeltaRouterKey | DeltaAspa] | UnsetType = UNSET


class NotifyReply(msgspec.Struct, frozen=True):
    """The session and serial of what is in force."""

    session: int
    serial: int
