"""One address in the route table: which announced prefixes contain it, the most specific first.

A router forwards by the most specific prefix (RFC 4632 section 5.1, longest match). The table is
sorted by family, address and length, which is the prefix tree in pre-order: the last row that is
not after the address is the answer, or it shares its leading bits with it up to the place where
the answer must lie, so that each further search is for a shorter prefix. No index is kept for it:
a look-up takes one binary search for each prefix found and for each such step, ten of them in a
full table, 129 at the very most.
"""

from __future__ import annotations

import ipaddress

from validator.kernels import core as kernels
from validator.model import Family, Prefix
from validator.tables.routes import RouteTable

_WORD = 0xFFFF_FFFF_FFFF_FFFF


def parse_address(text: str) -> Prefix:
    """Read ``192.0.2.1`` or ``2001:db8::1``; it is returned as the prefix of 32 or 128 bits.

    An IPv4-mapped IPv6 address (``::ffff:192.0.2.1``, RFC 4291 section 2.5.5.2) is how a socket
    for both families shows an IPv4 peer, so it is read as that IPv4 address.

    Raises:
        ValueError: not an address; a prefix; or with a zone (``fe80::1%eth0``, RFC 4007), which
            means something on one machine only.
    """
    address, slash, _ = text.partition("/")
    if "%" in text:
        raise ValueError(f"{text!r} has a zone, which no route has: leave out the % and the rest")
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 address") from None
    if slash:
        raise ValueError(f"{text!r} is not one address: give it without the slash, {address}")
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    value = int(found)
    if isinstance(found, ipaddress.IPv4Address):
        return Prefix(Family.IPV4, value << 32, 0, 32)
    return Prefix(Family.IPV6, value >> 64, value & _WORD, 128)


def covering(routes: RouteTable, prefix: Prefix) -> list[range]:
    """The rows of each announced prefix that covers ``prefix`` (itself included).

    From the most specific to the least, default routes too, excluded ones too; each range has the
    rows of one prefix, a row for each origin. Empty if nothing covers it.
    """
    start, stop = routes.family_range(prefix.family)
    place = routes.high, routes.low, routes.length, start, stop
    value = prefix.high << 64 | prefix.low
    length = prefix.length
    found = []
    while length >= 0:
        cut = value >> 128 - length << 128 - length
        row = kernels.last_not_after(*place, cut >> 64, cut & _WORD, length)
        if row < start:
            break
        high, low, own = int(routes.high[row]), int(routes.low[row]), int(routes.length[row])
        shared = 128 - ((high << 64 | low) ^ value).bit_length()
        if own > shared:  # beside the address: what covers it covers this row too, from above
            length = shared
            continue
        first = kernels.last_not_after(*place, high, low, own - 1) + 1
        found.append(range(first, row + 1))
        length = own - 1
    return found
