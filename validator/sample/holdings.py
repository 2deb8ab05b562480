"""Who holds what in the sample world, the other way round: from a prefix to its holder."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date

from validator.model import Prefix
from validator.sample.model import Delegation, Network, World, address_of


class Holdings:
    """What is delegated, by address, and the networks of each holder."""

    def __init__(self, world: World) -> None:
        self._held = sorted(
            (line for line in world.delegations if line.holder and line.kind),
            key=lambda line: (line.kind, line.first),
        )
        self._starts = [(line.kind, line.first) for line in self._held]
        self._networks: dict[tuple[str, str], list[Network]] = {}
        for network in world.networks:
            self._networks.setdefault((network.rir, network.holder), []).append(network)

    def line(self, prefix: Prefix) -> Delegation | None:
        """The delegation that holds the prefix's first address."""
        address = address_of(prefix)
        at = bisect_right(self._starts, (int(prefix.family), address)) - 1
        if at < 0:
            return None
        found = self._held[at]
        inside = found.kind == prefix.family and address < found.first + found.count
        return found if inside else None

    def networks(self, line: Delegation) -> list[Network]:
        """The networks of a delegation's holder, by AS number."""
        return self._networks.get((line.rir, line.holder), [])

    def blocks(self) -> list[Delegation]:
        """Every delegation of addresses, by family and first address."""
        return self._held


def ordinal(yyyymmdd: int) -> int:
    """A delegation's date as an ordinal; 0, long ago, if it has none."""
    if not yyyymmdd:
        return 0
    return date(yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100).toordinal()
