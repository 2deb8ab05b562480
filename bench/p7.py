"""P7: a stream of updates, from bytes to a RIB that holds them.

Real update files are decoded from their unpacked bytes, once as MRT and once with every UPDATE
wrapped in a BMP route monitoring message, and applied to a RIB that has seen the stream before: a
table in service knows most prefixes. The same updates, written as RIS Live would, are decoded from
JSON. An update is one prefix announced or withdrawn. There is no peer to compare with: the goal is
a rate, on one core. Validation of what changed is the pipeline's.

Equality: after one pass the RIB holds, for each prefix, the origins that a plain dictionary over
the decoded rows ends with; and MRT and BMP lead to the same rows. The dictionary for RIS Live reads
the messages itself, with the json and ipaddress modules.
"""

from __future__ import annotations

import gzip
import ipaddress
import json
import statistics
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bench.common import Unequal, real, say
from collectors.update_batch import update_batch
from collectors.wire.bmp import BmpDecoder
from collectors.wire.bmp_events import Routes
from collectors.wire.mrt_updates import StateChange, UpdateDecoder
from collectors.wire.ris_live import RisDecoder, RisRows
from collectors.wire.ris_wanted import Wanted
from validator.model import NO_ORIGIN, Entry, Peer, RouteBatch
from validator.tables.rib import Rib

FILES = "mrt/updates.20070211.0141.gz", "mrt/updates.et-header.2015.gz"
GOAL_PER_SECOND = 1_000_000
RIS_GOAL_PER_SECOND = 100_000
TOGETHER = 1000
"""Messages of RIS Live decoded at a time."""
PASSES = 7
PIECE_BYTES = 1 << 17

Batches = Callable[[bytes], Iterator[RouteBatch]]
Raw = TypeVar("Raw")


@dataclass(frozen=True, slots=True)
class Rate:
    """One line of the report: how many updates a second, in the median pass."""

    source: str
    updates: int
    seconds: float
    goal: int = GOAL_PER_SECOND

    def __str__(self) -> str:
        rate = self.updates / self.seconds
        met = "met" if rate >= self.goal else "missed"
        return (
            f"P7 source={self.source} updates={self.updates} ours_seconds={self.seconds:.4g} "
            f"updates_per_second={rate:.3g} goal=>={self.goal:.0e} {met}"
        )


def run() -> Iterator[Rate]:
    for name in FILES:
        with gzip.open(real(name)) as file:
            mrt = file.read()
        bmp = as_bmp(mrt)
        stem = name.removeprefix("mrt/").removesuffix(".gz")
        say(f"P7: comparing answers on {stem}")
        rib, updates = compare(mrt, bmp)
        for source, raw, batches in (("mrt", mrt, from_mrt), ("bmp", bmp, from_bmp)):
            say(f"P7: timing {PASSES} passes of {stem} as {source}")
            passes = [_timed(rib, raw, batches) for _ in range(PASSES)]
            yield Rate(f"{source}:{stem}", updates, statistics.median(passes))
        messages = as_ris(mrt)
        rib, updates = compare_ris(messages)
        say(f"P7: timing {PASSES} passes of {stem} as RIS Live")
        passes = [_timed(rib, messages, from_ris) for _ in range(PASSES)]
        seconds = statistics.median(passes)
        yield Rate(f"ris-live:{stem}", updates, seconds, RIS_GOAL_PER_SECOND)


def _timed(rib: Rib, raw: Raw, batches: Callable[[Raw], Iterator[RouteBatch]]) -> float:
    began = time.perf_counter()
    for batch in batches(raw):
        rib.apply(batch)
    return time.perf_counter() - began


def from_mrt(raw: bytes) -> Iterator[RouteBatch]:
    decoder = UpdateDecoder("bench")
    peers: list[Peer] = []
    for piece in _pieces(raw):
        for found in decoder.feed(piece):
            if isinstance(found, StateChange):
                continue
            peers += [Peer("bench", *named) for named in decoder.peers[len(peers) :]]
            yield update_batch("bench", "mrt", found.rows, peers)


def from_bmp(raw: bytes) -> Iterator[RouteBatch]:
    decoder = BmpDecoder("bench")
    peers: list[Peer] = []
    for piece in _pieces(raw):
        for event in decoder.feed(piece):
            if isinstance(event, Routes):
                for table in decoder.tables[len(peers) :]:
                    peers.append(Peer("bench", table.session.address, table.asn))
                yield update_batch("bench", "bmp", event.rows, peers)


def from_ris(messages: list[str]) -> Iterator[RouteBatch]:
    decoder = RisDecoder(Wanted(frozenset({"bench"})))
    for at in range(0, len(messages), TOGETHER):
        for event in decoder.feed(messages[at : at + TOGETHER]):
            if isinstance(event, RisRows):
                yield update_batch("bench", "ris_live", event.rows, decoder.peers)
    if decoder.refused:
        raise Unequal(f"messages were refused: {decoder.refused}")


def _pieces(raw: bytes) -> Iterator[bytes]:
    return (raw[at : at + PIECE_BYTES] for at in range(0, len(raw), PIECE_BYTES))


def as_bmp(mrt: bytes) -> bytes:
    """The UPDATEs of IPv4 and IPv6 peers in BGP4MP records, as route monitoring (RFC 7854)."""
    out, at = [], 0
    while at < len(mrt):
        kind, subtype, size = struct.unpack_from("!HHI", mrt, at + 4)
        body, at = mrt[at + 12 : at + 12 + size], at + 12 + size
        body = body[4:] if kind == 17 else body
        if subtype not in (1, 4):
            continue
        wide = subtype == 4
        asn = struct.unpack_from("!I" if wide else "!H", body)[0]
        addresses = 12 if wide else 8
        octets = 4 if body[addresses - 2 : addresses] == b"\0\1" else 16
        address = body[addresses : addresses + octets]
        update = body[addresses + 2 * octets :]
        if update[18] != 2:
            continue
        flags = (0x80 if octets == 16 else 0) | (0 if wide else 0x20)
        header = struct.pack("!BB8x16sI12x", 0, flags, address.rjust(16, b"\0"), asn)
        out.append(struct.pack("!BIB", 3, 6 + len(header) + len(update), 0) + header + update)
    return b"".join(out)


def as_ris(mrt: bytes) -> list[str]:
    """The UPDATEs as messages of RIS Live, with what such messages have beside prefixes; of their
    paths, the peer, the neighbour and the origin."""
    decoder, messages = UpdateDecoder("bench"), list[str]()
    for found in decoder.feed(mrt):
        if isinstance(found, StateChange):
            continue
        batch = update_batch("bench", "mrt", found.rows, [Peer("", *p) for p in decoder.peers])
        start = 0
        for stop, time_sent in zip(found.rows_after.tolist(), found.time.tolist(), strict=True):
            if stop > start:
                messages.append(_ris_message(batch, range(start, stop), time_sent / 1e6))
            start = stop
    return messages


def _ris_message(batch: RouteBatch, rows: range, time_sent: float) -> str:
    peer, path = batch.peers[int(batch.peer[rows[0]])], list[int | list[int]]()
    announced, withdrawn = list[str](), list[str]()
    for row in rows:
        if batch.flags[row] & Entry.WITHDRAWN:
            withdrawn.append(str(batch.prefixes[row]))
            continue
        announced.append(str(batch.prefixes[row]))
        origin, neighbour = int(batch.origin[row]), int(batch.neighbour[row])
        path = [peer.asn, neighbour, neighbour, [64496] if origin == NO_ORIGIN else origin]
    data = {"timestamp": time_sent, "peer": peer.address, "peer_asn": str(peer.asn),
            "id": f"{peer.address}-{time_sent}-{rows[0]}", "host": "bench", "type": "UPDATE",
            "path": path, "community": [[peer.asn & 65535, 100], [3356, 2], [3356, 123]],
            "origin": "IGP", "withdrawals": withdrawn,
            "announcements": [{"next_hop": peer.address, "prefixes": announced}]}  # fmt: skip
    return json.dumps({"type": "ris_message", "data": data})


def compare_ris(messages: list[str]) -> tuple[Rib, int]:
    """The RIB after one pass, and how many updates that was.

    Raises:
        Unequal: the RIB holds other routes than a dictionary does.
    """
    rib, updates, plain = Rib(), 0, dict[tuple[str, str, str], int]()
    for batch in from_ris(messages):
        rib.apply(batch)
        updates += len(batch)
    for message in messages:
        data = json.loads(message)["data"]
        peer, path = (data["peer"], data["peer_asn"]), data["path"]
        for text in data["withdrawals"]:
            plain.pop((str(ipaddress.ip_network(text)), *peer), None)
        for text in (text for each in data["announcements"] for text in each["prefixes"]):
            origin = NO_ORIGIN if isinstance(path[-1], list) else path[-1]
            plain[(str(ipaddress.ip_network(text)), *peer)] = origin
    _same(rib, {(prefix, origin) for (prefix, *_), origin in plain.items()})
    return rib, updates


def compare(mrt: bytes, bmp: bytes) -> tuple[Rib, int]:
    """The RIB after one pass, and how many updates that was.

    Raises:
        Unequal: MRT and BMP give other rows, or the RIB holds other routes than a dictionary does.
    """
    rib, plain, updates = Rib(), dict[tuple[str, Peer], int](), 0
    sums = []
    for raw, batches in ((bmp, from_bmp), (mrt, from_mrt)):
        total, updates = 0, 0
        for batch in batches(raw):
            updates += len(batch)
            total += int(np.sum(batch.prefixes.high >> np.uint64(32)) + np.sum(batch.origin))
            if raw is mrt:
                rib.apply(batch)
                _apply_plainly(plain, batch)
        sums.append((updates, total))
    if sums[0] != sums[1]:
        raise Unequal(f"BMP gives {sums[0][0]} updates, MRT {sums[1][0]}")
    _same(rib, {(prefix, origin) for (prefix, _), origin in plain.items()})
    return rib, updates


def _same(rib: Rib, theirs: set[tuple[str, int]]) -> None:
    prefixes, origins, _ = rib.derive(rib.everything())
    ours = {(str(prefixes[i]), int(origins[i])) for i in range(len(prefixes))}
    if ours != theirs:
        raise Unequal(f"the RIB and a dictionary differ in {len(ours ^ theirs)} routes")


def _apply_plainly(plain: dict[tuple[str, Peer], int], batch: RouteBatch) -> None:
    flags, origins, peers = batch.flags.tolist(), batch.origin.tolist(), batch.peer.tolist()
    for row in range(len(batch)):
        key = str(batch.prefixes[row]), batch.peers[peers[row]]
        if flags[row] & Entry.WITHDRAWN:
            plain.pop(key, None)
        else:
            plain[key] = origins[row]
