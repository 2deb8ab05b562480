"""The sample world put together, and a few routes in it worth showing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from validator.model import Family, State
from validator.sample.announcing import announce
from validator.sample.model import Announcement, Kind, Vrp, World
from validator.sample.registry import delegate, found_networks
from validator.sample.routing import Propagation, choose_vantages, collect, connect
from validator.sample.signing import VrpIndex, sign

DEFAULT_SEED = 20
_SEEN_ENOUGH = 5


def build_world(seed: int = DEFAULT_SEED) -> World:
    """The fictional Internet that belongs to a seed."""
    networks = found_networks(seed)
    blocks, delegations = delegate(seed, networks)
    vantages = choose_vantages(networks, blocks)
    links = connect(seed, networks, vantages)
    announcements = announce(seed, networks, blocks, links, delegations)
    vrps = sign(seed, networks, announcements, delegations)
    index = VrpIndex(vrps)

    def is_invalid(one: Announcement) -> bool:
        return index.state(one.prefix, one.origin) is State.INVALID

    propagation = Propagation(links, networks, vantages)
    rib = collect(propagation, announcements, vantages, is_invalid)
    return World(seed, networks, delegations, links, announcements, vrps, vantages, rib)


def examples(world: World) -> dict[str, tuple[str, int]]:
    """Routes that show each answer: what it shows → (prefix, AS number).

    Each is an IPv4 route of a network's own, or as near to that as its kind allows, seen by at
    least five peers; the first in the order of the table.
    """
    index = VrpIndex(world.vrps)
    seen = Counter(
        (record.prefix, entry.path[-1])
        for record in world.rib
        for entry in record.entries
        if not entry.as_set
    )
    kinds: dict[str, Callable[[Announcement, list[Vrp]], bool]] = {
        "valid": lambda one, vrps: any(_matches(vrp, one) for vrp in vrps),
        "invalid-length": lambda one, vrps: (
            one.kind is Kind.OWN
            and not any(_matches(vrp, one) for vrp in vrps)
            and any(vrp.asn == one.asn for vrp in vrps)
        ),
        "invalid-origin": lambda one, vrps: (
            one.kind is Kind.STRANGER
            and bool(vrps)
            and not any(vrp.asn in (0, one.asn) for vrp in vrps)
        ),
        "invalid-as0": lambda one, vrps: bool(vrps) and all(vrp.asn == 0 for vrp in vrps),
        "not-found": lambda one, vrps: not vrps,
    }
    found: dict[str, tuple[str, int]] = {}
    for one in world.announcements:
        if one.prefix.family is not Family.IPV4 or one.prefix.length > 24:
            continue
        if one.as_set or seen[one.prefix, one.asn] < _SEEN_ENOUGH:
            continue
        vrps = index.covering(one.prefix)
        for kind, fits in kinds.items():
            if kind not in found and fits(one, vrps):
                found[kind] = str(one.prefix), one.asn
    return {kind: found[kind] for kind in kinds if kind in found}


def _matches(vrp: Vrp, one: Announcement) -> bool:
    return vrp.asn == one.asn and one.prefix.length <= vrp.max_length
