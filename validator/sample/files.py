"""Writes the sample world in the formats of the real one, each marked SAMPLE where it can be.

Two writes of one world are equal byte for byte: all times are constants, and archives carry none.
"""

from __future__ import annotations

import base64
import csv
import datetime
import gzip
import hashlib
import io
import ipaddress
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from validator.model import Prefix, State
from validator.sample.countries import RIRS
from validator.sample.dice import Dice
from validator.sample.model import NOW, TODAY, Announcement, Delegation, Kind, World
from validator.sample.mrt import rib_bytes
from validator.sample.signing import VrpIndex
from validator.sample.users import internet_users
from validator.sample.world import DEFAULT_SEED, build_world, examples

REMARK = "SAMPLE: fictional data in reserved number space, made by a program. Nothing here is real."
EXPIRES = NOW + 3653 * 86400
"""Ten years after the sample's moment: a running service must not see it expire."""
_TRUST_ANCHORS = dict(zip(RIRS, ("afrinic", "apnic", "arin", "lacnic", "ripe"), strict=True))
_P256_HEADER = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def write_world(folder: Path, seed: int = DEFAULT_SEED) -> dict[str, Path]:
    """Build the world of a seed and write its files into ``folder``, which is made if need be.

    Returns:
        What each file is → its path: ``routes``, ``vrps``, ``slurm``, ``asn-names``,
        ``internet-users``, ``readme`` and ``delegated-`` with each registry's name.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)  # first, so that a wrong folder is known at once
    return write_files(folder, build_world(seed))


def write_files(folder: Path, world: World) -> dict[str, Path]:
    """As :func:`write_world`, for a world and a folder that are there already."""
    contents: dict[str, tuple[str, Callable[[World], bytes]]] = {
        "routes": ("rib.mrt.gz", lambda w: _gzipped(rib_bytes(w))),
        "vrps": ("vrps.json", vrps_json),
        "slurm": ("slurm.json", slurm_json),
        "asn-names": ("asn-names.csv", asn_names),
        "internet-users": ("internet-users.csv", partial(internet_users, remark=REMARK)),
        "readme": ("README.txt", readme),
    }
    for rir in RIRS:
        name = f"delegated-{rir}-extended-latest"
        contents[f"delegated-{rir}"] = name, partial(delegated, rir=rir)
    written = {}
    for what, (name, content) in contents.items():
        written[what] = folder / name
        written[what].write_bytes(content(world))
    return written


def _gzipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=6, mtime=0) as archive:
        archive.write(content)
    return packed.getvalue()


# ------------------------------------------------------------------------------------------ VRPs


def vrps_json(world: World) -> bytes:
    """The VRPs in rpki-client's shape, with a few ASPAs and BGPsec router keys."""
    signers = sorted({vrp.asn for vrp in world.vrps} - {0})
    rirs = {network.asn: network.rir for network in world.networks}
    aspas = [
        {"customer_asid": asn, "expires": EXPIRES, "providers": sorted(world.links.providers[asn])}
        for asn in signers
        if world.links.providers[asn] and Dice(world.seed, "aspa", asn).chance(0.05)
    ]
    keys = [
        _router_key(asn, rirs[asn])
        for asn in signers
        if Dice(world.seed, "router key", asn).chance(0.004)
    ]
    roas = [
        {
            "asn": vrp.asn,
            "prefix": str(vrp.prefix),
            "maxLength": vrp.max_length,
            "ta": _TRUST_ANCHORS[vrp.rir],
            "expires": EXPIRES,
        }
        for vrp in world.vrps
    ]
    built = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    metadata = {
        "sample": True,
        "remark": REMARK,
        "seed": world.seed,
        "buildmachine": "SAMPLE",
        "buildtime": built.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tals": len(_TRUST_ANCHORS),
        "vrps": len(roas),
        "uniquevrps": len(roas),
        "aspas": len(aspas),
        "bgpsec_pubkeys": len(keys),
    }
    lists: dict[str, list[dict[str, Any]]] = {"roas": roas, "bgpsec_keys": keys, "aspas": aspas}
    parts = ['{\n"metadata": ' + json.dumps(metadata, indent=1)]
    for name, items in lists.items():
        parts.append(f'"{name}": [\n' + ",\n".join(map(json.dumps, items)) + "\n]")
    return (",\n".join(parts) + "\n}\n").encode()


def _router_key(asn: int, rir: str) -> dict[str, Any]:
    point = hashlib.blake2b(f"SAMPLE router key {asn}".encode(), digest_size=64).digest()
    return {
        "asn": asn,
        "ski": hashlib.blake2b(point, digest_size=20).hexdigest().upper(),
        "pubkey": base64.b64encode(_P256_HEADER + point).decode(),
        "ta": _TRUST_ANCHORS[rir],
        "expires": EXPIRES,
    }


def slurm_json(world: World) -> bytes:
    """An operator's exceptions (RFC 8416): filters of each form, two assertions.

    They leave the routes of :func:`~validator.sample.world.examples` as they are.
    """
    index = VrpIndex(world.vrps)
    worth_showing = examples(world).values()
    shown = [Prefix.parse(prefix) for prefix, _ in worth_showing]
    named = {asn for _, asn in worth_showing}
    named |= {vrp.asn for prefix in shown for vrp in index.covering(prefix)}
    free = [
        one
        for one in world.announcements
        if one.kind is Kind.OWN
        and one.audience == 0
        and not one.as_set
        and one.asn not in named
        and not any(one.block.covers(prefix) for prefix in shown)
    ]
    dice = Dice(world.seed, "slurm")
    valid = [one for one in free if index.state(one.prefix, one.origin) is State.VALID]
    unsigned = [one for one in free if index.state(one.prefix, one.origin) is State.NOT_FOUND]
    in_block, of_asn, of_both = dice.some(_distinct_holders(valid), 3)
    as_is, shorter = dice.some([one for one in unsigned if one.prefix.length in (20, 32)], 2)
    room = 24 if shorter.prefix.length == 20 else 48
    document = {
        "slurmVersion": 1,
        "validationOutputFilters": {
            "prefixFilters": [
                {"prefix": str(in_block.block), "comment": "SAMPLE: a whole block is left out"},
                {"asn": of_asn.asn, "comment": "SAMPLE: all that names this network is left out"},
                {
                    "prefix": str(of_both.block),
                    "asn": of_both.asn,
                    "comment": "SAMPLE: one network within one block",
                },
            ],
            "bgpsecFilters": [{"asn": of_asn.asn, "comment": "SAMPLE: its router keys too"}],
        },
        "locallyAddedAssertions": {
            "prefixAssertions": [
                {"asn": as_is.asn, "prefix": str(as_is.prefix), "comment": "SAMPLE: trusted"},
                {
                    "asn": shorter.asn,
                    "prefix": str(shorter.prefix),
                    "maxPrefixLength": room,
                    "comment": "SAMPLE: trusted, with its more-specifics",
                },
            ],
            "bgpsecAssertions": [],
        },
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _distinct_holders(announcements: list[Announcement]) -> list[Announcement]:
    return list({one.asn: one for one in announcements}.values())


# ------------------------------------------------------------------------------------ registries


def delegated(world: World, rir: str) -> bytes:
    """One registry's extended statistics file, in the registries' exchange format, version 2."""
    lines = [line for line in world.delegations if line.rir == rir]
    dates = [line.date for line in lines if line.date]
    version = "2.3" if rir in ("arin", "lacnic") else "2"
    out = [
        f"# {REMARK}",
        f"# SAMPLE statistics of {rir}, seed {world.seed}",
        f"{version}|{rir}|{TODAY}|{len(lines)}|{min(dates)}|{max(dates)}|+0000",
    ]
    for name, kind in (("asn", 0), ("ipv4", 4), ("ipv6", 6)):
        out.append(f"{rir}|*|{name}|*|{sum(line.kind == kind for line in lines)}|summary")
    out += map(_delegated_line, lines)
    return ("\n".join(out) + "\n").encode()


def _delegated_line(line: Delegation) -> str:
    start, value = str(line.first), line.count
    if line.kind == 4:
        start = str(ipaddress.IPv4Address(line.first))
    elif line.kind == 6:
        start = str(ipaddress.IPv6Address(line.first))
        value = 129 - line.count.bit_length()
    kind = {0: "asn", 4: "ipv4", 6: "ipv6"}[line.kind]
    date = f"{line.date:08}" if line.date else ""
    return f"{line.rir}|{line.country}|{kind}|{start}|{value}|{date}|{line.status}|{line.holder}"


def asn_names(world: World) -> bytes:
    """``asn,name`` of every network."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("asn", "name"))
    rows.writerows((network.asn, network.name) for network in world.networks)
    return text.getvalue().encode()


def readme(world: World) -> bytes:
    """What the files are, for whoever finds them."""
    return ("\n".join(_readme_lines(world)) + "\n").encode()


def _readme_lines(world: World) -> Iterator[str]:
    yield REMARK
    yield ""
    yield f"A small fictional Internet of {len(world.networks)} networks, as it might look on"
    yield "2026-06-01. The same seed gives the same files, byte for byte; these were made by"
    yield f"    python -m validator.sample FOLDER --seed {world.seed}"
    yield "The only real things in it are the country codes (ISO 3166-1) and which regional"
    yield "Internet registry serves which country."
    yield ""
    yield "Addresses are from 240.0.0.0/4 (reserved, RFC 1112) and 3fff::/20 (documentation,"
    yield "RFC 9637); AS numbers are private (RFC 6996). None of it can be routed or mistaken for"
    yield "somebody's. No figure made from it says anything about a real country or network."
    yield ""
    prefixes, peers = len(world.rib), len(world.vantages)
    yield f"rib.mrt.gz       routing table, {prefixes} prefixes from {peers} peers"
    yield f"vrps.json        {len(world.vrps)} VRPs, a few ASPAs and router keys"
    yield f"delegated-*      the five registries' statistics, {len(world.delegations)} lines"
    yield "slurm.json       local exceptions (RFC 8416)"
    yield "asn-names.csv    a name for each network"
    yield "internet-users.csv  people who use the Internet, invented, by country"
    yield ""
    yield "Routes to try:"
    for what, (prefix, asn) in examples(world).items():
        yield f"  {what:15} {prefix} AS{asn}"
