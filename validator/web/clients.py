"""Who asks: the address of the client, behind proxies or not, and how much it has asked of late.

A proxy's word (X-Forwarded-For, or Forwarded of RFC 7239) is taken from a trusted proxy only, and
only as far as trusted proxies reach: the right-most address that is none of them is the client's.
What stands left of it the client may have made up.

Limits are for an IPv4 address or an IPv6 /64: whoever has one address of a /64 has them all. What
is known of clients is bounded: the one that has been silent longest is forgotten first. Nothing
here takes more than a microsecond for an address seen before.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from aiohttp import web

from validator.settings.http import Role


@dataclass(frozen=True, slots=True)
class Grant:
    """What the token of a request is good for."""

    name: str
    role: Role


GRANT = web.RequestKey("grant", Grant)
"""Where a request carries it, if it has one."""

MOST_KNOWN = 65_536
_MOST_REMEMBERED = 16_384
_LONGEST_CHAIN = 1000
"""Characters of a proxy's header that are read: more than any honest chain has."""


@dataclass(frozen=True, slots=True)
class Address:
    """Of a client. ``key`` is what limits count by, ``local`` whether it is of this machine,
    ``trusted`` whether it is a proxy whose word is taken."""

    text: str
    key: str
    local: bool
    trusted: bool


class Addresses:
    """Finds the address of the client of each request."""

    def __init__(self, trusted_proxies: Sequence[str], header: str) -> None:
        self._networks = tuple(map(ip_network, trusted_proxies))
        self._header = header
        self._parse = _hops_of_forwarded if header == "Forwarded" else _hops_of_x_forwarded_for
        self.of_peer = lru_cache(_MOST_REMEMBERED)(self._of_peer)
        """The address of who is connected, as the socket has it."""
        self._behind = lru_cache(_MOST_REMEMBERED)(self._behind_proxies)

    def of(self, request: web.BaseRequest) -> Address:
        """The address of who asks."""
        peer = self.of_peer(request.remote or "")
        if not peer.trusted:
            return peer
        said = request.headers.getall(self._header, ())
        if not said:
            return peer
        chain = said[0] if len(said) == 1 else ",".join(said)
        return self._behind(peer.text, chain[-_LONGEST_CHAIN:])

    def _of_peer(self, text: str) -> Address:
        return self._read(text) or Address(text, text, False, False)

    def _behind_proxies(self, peer: str, chain: str) -> Address:
        """The right-most that is no trusted proxy; as far as the chain can be read."""
        client = self.of_peer(peer)
        for hop in reversed(self._parse(chain)):
            found = self._read(hop)
            if found is None:  # "unknown", or nonsense: known is who said so, and it is not local
                return Address(client.text, client.key, False, client.trusted)
            client = found
            if not client.trusted:
                break
        return client

    def _read(self, text: str) -> Address | None:
        try:
            address = ip_address(text)
        except ValueError:
            return None
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        trusted = any(address in network for network in self._networks)
        key = str(address)
        if isinstance(address, IPv6Address):
            key = f"{IPv6Address(int(address) >> 64 << 64)}/64"
        return Address(str(address), key, address.is_loopback, trusted)


def _hops_of_x_forwarded_for(chain: str) -> list[str]:
    return [_without_port(hop.strip().strip('"')) for hop in chain.split(",")]


def _hops_of_forwarded(chain: str) -> list[str]:
    """The ``for`` of each element (RFC 7239 section 4); of one without any: nothing."""
    hops, quoted, part, element = [], False, "", list[str]()
    escaped = False
    for character in chain + ",":
        if escaped:
            part, escaped = part + character, False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character in ";," and not quoted:
            element.append(part)
            part = ""
            if character == ",":
                pairs = [each.strip().partition("=") for each in element]
                values = [value for name, _, value in pairs if name.lower() == "for"]
                hops.append(_without_port(values[0]) if len(values) == 1 else "")
                element = []
        else:
            part += character
    return hops if not quoted else [""]


def _without_port(text: str) -> str:
    """``192.0.2.1:80``, ``[2001:db8::1]:80`` and either without a port: the address."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


class Bucket:
    """A token bucket: full at first, it fills at ``rate`` a second up to ``most``."""

    __slots__ = ("at", "left")

    def __init__(self, most: float, now: float) -> None:
        self.left, self.at = most, now

    def take(self, rate: float, most: float, now: float) -> bool:
        """Take one, if there is one."""
        left = self.left + (now - self.at) * rate
        self.at = now
        if left >= 1.0:
            self.left = left - 1.0 if left < most else most - 1.0
            return True
        self.left = left
        return False

    def wait(self, rate: float) -> int:
        """Whole seconds until there is one."""
        return max(1, math.ceil((1.0 - self.left) / rate))


class Buckets:
    """A bucket for each client that is not full for all we know."""

    def __init__(self, rate: float, most: float, known: int = MOST_KNOWN) -> None:
        self._rate, self._most, self._known = rate, most, known
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float) -> int:
        """Take one of a client's. 0 if there was one, else the seconds to wait for it."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._most, now)
            if len(self._buckets) > self._known:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return 0 if bucket.take(self._rate, self._most, now) else bucket.wait(self._rate)

    def wait(self, key: str, now: float) -> int:
        """As :meth:`take`, but nothing is taken."""
        bucket = self._buckets.get(key)
        if bucket is None or bucket.left + (now - bucket.at) * self._rate >= 1.0:
            return 0
        return max(1, math.ceil((1.0 - bucket.left) / self._rate - (now - bucket.at)))
