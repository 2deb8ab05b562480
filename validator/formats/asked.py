"""A route as a client writes it: an AS number and a prefix, alone or in a list.

An AS number is ``AS64496`` or ``64496``, in JSON also a plain number. Bits beyond the length of a
prefix are ignored where one route is asked for and refused in a list, as Routinator does. Every
face reads routes here, so that a route means the same however it is sent.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_pton

import msgspec

from validator.model import LARGEST_ASN, Family, Prefix, parse_asn

_WORD = 0xFFFF_FFFF_FFFF_FFFF


class AskedRoute(msgspec.Struct, frozen=True, gc=False):
    """One route of a list. Other members are ignored, as Routinator ignores them."""

    asn: str | int
    prefix: str


def relaxed_prefix(text: str) -> Prefix:
    """A prefix whose bits beyond its length are ignored.

    Raises:
        ValueError: it is not an address, a slash and a length within the family's bits.
    """
    return _read_prefix(text, strict=False)


def strict_prefix(text: str) -> Prefix:
    """As :func:`relaxed_prefix`, but bits beyond the length are a ValueError too."""
    return _read_prefix(text, strict=True)


def _read_prefix(text: str, *, strict: bool) -> Prefix:
    """As ``Prefix.parse``, by the C library: a third of its time, and each look-up needs it."""
    address, _, digits = text.partition("/")
    ipv6 = ":" in address
    try:
        value = int.from_bytes(inet_pton(AF_INET6 if ipv6 else AF_INET, address), "big")
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is not an address, a slash and a length") from None
    bits = 128 if ipv6 else 32
    if not digits.isascii() or not digits.isdigit() or len(digits) > 3 or int(digits) > bits:
        raise ValueError(f"{text!r} has no length from 0 to {bits}")
    length = int(digits)
    spare = bits - length
    kept = value >> spare << spare
    if strict and kept != value:
        raise ValueError(f"{text!r} has bits set beyond its length")
    if ipv6:
        return Prefix(Family.IPV6, kept >> 64, kept & _WORD, length)
    return Prefix(Family.IPV4, kept << 32, 0, length)


def asked_asn(given: str | int) -> int:
    """The AS number of a list's route.

    Raises:
        ValueError: not one, or beyond 32 bits.
    """
    if isinstance(given, str):
        return parse_asn(given)
    if not 0 <= given <= LARGEST_ASN:
        raise ValueError(f"{given} is not an AS number of 32 bits")
    return given
