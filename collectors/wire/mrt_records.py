"""The records of MRT routing tables (RFC 6396, RFC 8050): the compiled loop under ``mrt``.

:func:`decode_records` walks whole records and writes a row for each entry. It stops for what is
rare and left to Python: columns that are full, a peer table, a record that is not complete, damage.

Read: TABLE_DUMP (type 12; also its unofficial subtypes 3 and 4 with four-byte AS numbers, as
bgpdump reads them) and of TABLE_DUMP_V2 (type 13) the peer table, IPv4 and IPv6 unicast,
RIB_GENERIC of those two, and the ADD-PATH forms of all three. Everything else is stepped over
and counted.

- AS numbers in TABLE_DUMP_V2 have four bytes, always (RFC 6396 section 4.3.4).
- The bits of a prefix beyond its length are irrelevant (RFC 4271 section 4.3) and are cleared;
  bgpdump prints them as they are.
- RIB_GENERIC_ADDPATH has its path identifier before the prefix (RFC 8050 section 4.2); GoBGP and
  OpenBGPD write one into each entry instead. The RFC's layout is taken if its lengths add up to
  the record, else theirs if it does.
- Peers are told apart by address and AS. A further peer table takes the place of the one before.
- Successive TABLE_DUMP records of one prefix share one row of it.
- Lengths must add up: whatever does not inside a complete record is damage, never a truncation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from collectors.wire.bgp import (
    AS4_PATH_IGNORED,
    FAULTS,
    byte,
    find_paths,
    prefix_words,
    read_path,
    read_plain_path,
    u16,
    u32,
)
from collectors.wire.mrt_peers import LARGEST_PEER_TABLE, Peers, peer_row
from validator.kernels.core import inlined, kernel
from validator.model import I8, U1, U2, U4, U8

HEADER_BYTES = 12
LARGEST_RECORD_BYTES = 16 << 20
"""Of a record's body. The largest real ones (a prefix seen by 1,000 peers) have some 100 KiB."""
LARGEST_ENTRY_COUNT = (1 << 16) - 1
"""Entries in one record: its count has two bytes."""

TABLE_DUMP, TABLE_DUMP_V2 = 12, 13
PEER_INDEX_TABLE = 1
RIB_IPV4_UNICAST, RIB_IPV6_UNICAST, RIB_GENERIC = 2, 4, 6
RIB_IPV4_UNICAST_ADDPATH, RIB_IPV6_UNICAST_ADDPATH, RIB_GENERIC_ADDPATH = 8, 10, 12

FAULT_RECORD_LENGTH = 11
FAULT_SHORT = 12
FAULT_PREFIX_LENGTH = 13
FAULT_PEER_INDEX = 14
FAULT_TRAILING = 15
FAULT_PEERS = 16
RECORD_FAULTS = FAULTS | {
    FAULT_RECORD_LENGTH: f"the record claims to be longer than {LARGEST_RECORD_BYTES >> 20} MiB",
    FAULT_SHORT: "the fields of the record reach beyond its end",
    FAULT_PREFIX_LENGTH: "the prefix is longer than its address family allows",
    FAULT_PEER_INDEX: "an entry refers to a peer that the peer table does not have",
    FAULT_TRAILING: "bytes are left over at the end of the record",
    FAULT_PEERS: f"there are more than {LARGEST_PEER_TABLE:,} peers",
}
"""What a fault means; 0 is none."""

# What the loop keeps in ``state`` between its calls.
AT, RECORDS, ENTRIES, PREFIXES, FAULT, FAULT_AT, IGNORED = range(7)
STATE_SIZE = 7

# Why the loop stopped: the next record is not complete; its entries do not fit, or its prefix does
# not, or it is the first with path identifiers; it is a peer table; it is damaged.
MORE, ENTRIES_FULL, PREFIXES_FULL, NO_PATH_IDS, PEER_TABLE, DAMAGED = range(6)

KINDS_SEEN, SUBKINDS_SEEN = 64, 16
"""``skipped[min(type, 63) * 16 + min(subtype, 15)]`` counts the records stepped over."""

_ASN4_DUMPS = 2  # TABLE_DUMP subtypes 3 and 4 are 1 and 2 with four-byte AS numbers
_NO_FAULT, _ROOM_NEEDED, _SKIP = 0, -1, -2


class Columns(NamedTuple):
    """The output: rows of prefixes, and of entries that point to them.

    ``path_id`` has no rows until a record has a path identifier.
    """

    family: U1
    high: U8
    low: U8
    length: U1
    prefix: U4
    peer: U2
    origin: I8
    neighbour: U4
    path_id: U4
    flags: U1


PREFIX_COLUMNS = 4
"""The first of :class:`Columns` are those of prefixes, the others those of entries."""


@inlined
def _entries_fit(data: U1, at: int, stop: int, head: int) -> bool:
    """Whether a prefix and its entries, with ``head`` bytes before their attributes, end here."""
    if stop - at < 1:
        return False
    at += 1 + ((byte(data, at) + 7) >> 3)
    if stop - at < 2:
        return False
    count = u16(data, at)
    at += 2
    for _ in range(count):
        if stop - at < head:
            return False
        at += head + u16(data, at + head - 2)
    return at == stop


@inlined
def _head_of_rib(
    data: U1, record: int, stop: int, subtype: int
) -> tuple[int, int, int, int, int, int, int, int]:
    """What stands before the entries of a TABLE_DUMP_V2 record (RFC 6396 section 4.3.2).

    Returns a fault; its place, or that of the prefix's length; the family; the prefix's length;
    the place of the first entry; their count; the bytes of an entry before its attributes; and
    the path identifier of the record.
    """
    at = record + HEADER_BYTES + 4
    family = 4 if subtype in (RIB_IPV4_UNICAST, RIB_IPV4_UNICAST_ADDPATH) else 6
    head = 12 if subtype in (RIB_IPV4_UNICAST_ADDPATH, RIB_IPV6_UNICAST_ADDPATH) else 8
    fault, path_id, length, count = _NO_FAULT, 0, 0, 0
    if subtype in (RIB_GENERIC, RIB_GENERIC_ADDPATH):
        at += 3
        if at > stop:
            fault = FAULT_SHORT
        elif u16(data, at - 3) not in (1, 2) or byte(data, at - 1) != 1:
            fault = _SKIP
        else:
            family = 4 if u16(data, at - 3) == 1 else 6
            if subtype == RIB_GENERIC_ADDPATH:
                if _entries_fit(data, at, stop, 12) and not _entries_fit(data, at + 4, stop, 8):
                    head = 12
                elif stop - at >= 4:
                    path_id = u32(data, at)
                    at += 4
                else:
                    fault = FAULT_SHORT
    entries = at + 3
    if fault == _NO_FAULT and at >= stop:
        fault = FAULT_SHORT
    if fault == _NO_FAULT:
        length = byte(data, at)
        entries += (length + 7) >> 3
        if length > (32 if family == 4 else 128):
            fault = FAULT_PREFIX_LENGTH
        elif entries > stop:
            fault = FAULT_SHORT
        else:
            count = u16(data, entries - 2)
    at = at if at < stop else record
    return fault, at, family, length, entries, count, head, path_id


@inlined
def _head_of_dump(
    data: U1, record: int, stop: int, subtype: int
) -> tuple[int, int, int, int, int, int, int, int]:
    """The same of a TABLE_DUMP record (RFC 6396 section 4.2), which has one entry.

    The entry is taken to begin with the address of its peer.
    """
    family = 4 if subtype % 2 == 1 else 6
    size = 4 if family == 4 else 16
    at = record + HEADER_BYTES + 4 + size
    head = size + (4 if subtype > _ASN4_DUMPS else 2) + 2
    if stop - at < 6 + head:
        return FAULT_SHORT, record, 0, 0, 0, 0, 0, 0
    length = byte(data, at)
    if length > 8 * size:
        return FAULT_PREFIX_LENGTH, at, 0, 0, 0, 0, 0, 0
    return _NO_FAULT, at, family, length, at + 6, 1, head, 0


@kernel("u1 i8! u2 i8! u1! u8! u8! u1! u4! u2! i8! u4! u4! u1! u1! u8! u8! u4! u4! u8!")
def decode_records(
    data: U1,
    state: I8,
    table: U2,
    skipped: I8,
    family: U1,
    high: U8,
    low: U8,
    length: U1,
    prefix: U4,
    peer: U2,
    origin: I8,
    neighbour: U4,
    path_id: U4,
    flags: U1,
    peer_family: U1,
    peer_high: U8,
    peer_low: U8,
    peer_asn: U4,
    slots: U4,
    control: U8,
) -> int:
    """Decode the records in ``data`` from ``state[AT]`` on, into columns and peers.

    ``table`` gives the row of each peer of the peer table now in force. Returns why it stopped.
    """
    entries, prefixes = state[ENTRIES], state[PREFIXES]
    why = MORE
    while why == MORE and len(data) - state[AT] >= HEADER_BYTES:
        record = state[AT]
        kind, subtype = u16(data, record + 4), u16(data, record + 6)
        stop = record + HEADER_BYTES + u32(data, record + 8)
        if stop - record - HEADER_BYTES > LARGEST_RECORD_BYTES:
            state[FAULT], state[FAULT_AT] = FAULT_RECORD_LENGTH, record + 8
            why = DAMAGED
            break
        if stop > len(data):
            break
        fault, at, head, count, width = _SKIP, record, 0, 0, 4
        bits, version, entry, record_path_id = 0, 0, 0, 0
        dump = kind == TABLE_DUMP
        if dump and 1 <= subtype <= 2 * _ASN4_DUMPS:
            fault, at, version, bits, entry, count, head, record_path_id = _head_of_dump(
                data, record, stop, subtype
            )
            width = 4 if subtype > _ASN4_DUMPS else 2
        elif kind == TABLE_DUMP_V2:
            if subtype == PEER_INDEX_TABLE:
                why = PEER_TABLE
                break
            if subtype % 2 == 0 and 0 < subtype <= RIB_GENERIC_ADDPATH:
                fault, at, version, bits, entry, count, head, record_path_id = _head_of_rib(
                    data, record, stop, subtype
                )
        if fault == _SKIP:
            row = min(kind, KINDS_SEEN - 1) * SUBKINDS_SEEN
            skipped[row + min(subtype, SUBKINDS_SEEN - 1)] += 1
            state[AT] = stop
            state[RECORDS] += 1
            continue
        if entries + count > len(prefix):
            why = ENTRIES_FULL
            break
        if prefixes == len(family):
            why = PREFIXES_FULL
            break
        with_path_ids = record_path_id != 0 or (head == 12 and not dump)
        if with_path_ids and len(path_id) == 0:
            why = NO_PATH_IDS
            break
        if fault == _NO_FAULT and count > 0:
            place = at - (4 if version == 4 else 16) if dump else at + 1
            words = prefix_words(data, place, bits)
            last = prefixes - 1
            # Successive TABLE_DUMP records are mostly of one prefix, as its peers announce it.
            if not (
                dump
                and last >= 0
                and high[last] == words[0]
                and low[last] == words[1]
                and length[last] == bits
                and family[last] == version
            ):
                family[prefixes], length[prefixes] = version, bits
                high[prefixes], low[prefixes] = words
                prefixes += 1
        if fault == _NO_FAULT:
            at = entry
        for _ in range(count):
            if stop - at < head:
                fault = FAULT_SHORT
                break
            start = at + head
            end = start + u16(data, start - 2)
            if end > stop:
                fault = FAULT_SHORT
                break
            if dump:
                speaker = u32(data, start - 6) if width == 4 else u16(data, start - 4)
                words = prefix_words(data, at, 32 if version == 4 else 128)
                row = peer_row(
                    Peers(peer_family, peer_high, peer_low, peer_asn, slots, control),
                    version, words[0], words[1], speaker,
                )  # fmt: skip
                if row < 0:
                    fault = FAULT_PEERS
                    break
            else:
                index = u16(data, at)
                if index >= len(table):
                    fault = FAULT_PEER_INDEX
                    break
                row = np.int64(table[index])
                speaker = np.int64(peer_asn[row])
                if head == 12:
                    record_path_id = u32(data, at + 6)
            path, path_stop, path4, path4_stop, fault, place = find_paths(data, start, end, width)
            if fault != _NO_FAULT:
                at = place
                break
            who, before, how = -1, 0, 0
            if width == 4:
                who, before = read_plain_path(data, path, path_stop)
            if who < 0:
                who, before, how, fault, place = read_path(
                    data, path, path_stop, path4, path4_stop, width, speaker
                )
                if fault != _NO_FAULT:
                    at = place
                    break
            at = end
            if how & AS4_PATH_IGNORED:
                state[IGNORED] += 1
            prefix[entries] = prefixes - 1
            peer[entries] = row
            origin[entries] = who
            if len(path_id) > 0:
                path_id[entries] = record_path_id
            neighbour[entries] = before
            flags[entries] = how & ~AS4_PATH_IGNORED
            entries += 1
        if fault == _NO_FAULT and at != stop:
            fault = FAULT_TRAILING
        if fault != _NO_FAULT:
            state[FAULT], state[FAULT_AT] = fault, at
            why = DAMAGED
            break
        state[AT] = stop
        state[RECORDS] += 1
    state[ENTRIES], state[PREFIXES] = entries, prefixes
    return why
