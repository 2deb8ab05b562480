"""BGP UPDATE messages to rows: the compiled loop that MRT updates and BMP share.

:func:`decode_updates` reads the contents of many UPDATE messages (RFC 4271 section 4.3, what comes
after the header) and writes a row for each prefix announced or withdrawn: classic NLRI, and
MP_REACH_NLRI and MP_UNREACH_NLRI of IPv4 and IPv6 unicast (RFC 4760), with path identifiers where
the caller says so (RFC 7911). Other address families are counted. Origin and neighbour come from
:mod:`collectors.wire.bgp`, as for routing tables.

Rows of one message are in this order: withdrawn routes, MP_UNREACH_NLRI, NLRI, MP_REACH_NLRI. So a
prefix that is in both kinds of field ends up announced, as RFC 4271 section 4.3 wants.

Errors are met as RFC 7606 asks of a speaker, as far as one who only listens can:

- *Treat-as-withdraw*: an attribute that reaches beyond its field; an AS_PATH with an undefined or
  overlong segment; an ORIGIN, NEXT_HOP, MED, ORIGINATOR_ID, CLUSTER_LIST or COMMUNITIES (plain,
  extended, large) of impossible length or value; a well-known attribute with wrong flags. What the
  message announces becomes withdrawals; what it withdraws is withdrawn.
- *Session reset*: lengths that do not add up, a prefix that is too long or reaches beyond its
  field, MP_REACH_NLRI or MP_UNREACH_NLRI twice or too short, an attribute error before the NLRI of
  the message could be found. A listener cannot reset the session of others: such a message gives
  no row and is counted, and what the router makes of it follows in its own messages.

Two leniencies, shared with routing tables: a message without AS_PATH counts as one with an empty
path (routers leave it out of their own routes in BMP), and so does a segment without members.
Attributes that would only be discarded (AGGREGATOR, ATOMIC_AGGREGATE) are not looked at.

Each message has an outcome; a message alters nothing of the next.
"""

from __future__ import annotations

import numpy as np

from collectors.wire.bgp import (
    AS4_PATH_IGNORED,
    AS_TRANS,
    FAULT_ATTRIBUTE,
    FAULTS,
    byte,
    prefix_words,
    read_path,
    read_plain_path,
    u16,
    u32,
)
from collectors.wire.update_columns import Rows
from validator.kernels.core import kernel, step
from validator.model import I8, NO_NEIGHBOUR, NO_ORIGIN, U1, U2, U4, U8, Entry

BGP_HEADER_BYTES = 19
LARGEST_MESSAGE_BYTES = 65_535
"""What the length of a BGP message can say (RFC 8654 allows it all)."""
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = range(1, 6)

FAULT_VALUE = 21
FAULT_LENGTHS = 22
FAULT_PREFIX = 23
FAULT_REPEATED = 24
FAULT_MP = 25
FAULT_HIDDEN = 26
FAULT_FRAME = 27
UPDATE_FAULTS = FAULTS | {
    FAULT_VALUE: "a path attribute has impossible flags, length or value",
    FAULT_LENGTHS: "the fields of an UPDATE reach beyond its end",
    FAULT_PREFIX: "a prefix is too long or reaches beyond its field",
    FAULT_REPEATED: "MP_REACH_NLRI or MP_UNREACH_NLRI is repeated",
    FAULT_MP: "MP_REACH_NLRI or MP_UNREACH_NLRI is too short",
    FAULT_HIDDEN: "attributes are damaged and no NLRI can be found",
    FAULT_FRAME: "a BGP message has no proper header",
}
"""What a fault means; 0 is none."""
FAULTS_SEEN = 32

ADD_PATH_IPV4, ADD_PATH_IPV6 = 1, 2
"""Bits of ``add_path``: unicast prefixes of this family carry path identifiers."""

# What became of a message.
DECODED, END_OF_RIB_IPV4, END_OF_RIB_IPV6, END_OF_RIB_OTHER, TREATED_AS_WITHDRAW, DROPPED = range(6)

# What the loop keeps in ``state`` between its calls.
ROWS, AS4_IGNORED, OTHER_FAMILIES = range(3)
STATE_SIZE = 3

_ORIGIN, _AS_PATH, _NEXT_HOP, _MED, _AGGREGATOR, _COMMUNITIES = 1, 2, 3, 4, 7, 8
_ORIGINATOR_ID, _CLUSTER_LIST, _MP_REACH, _MP_UNREACH = 9, 10, 14, 15
_EXTENDED_COMMUNITIES, _AS4_PATH, _AS4_AGGREGATOR, _LARGE_COMMUNITIES = 16, 17, 18, 32
_OPTIONAL_TRANSITIVE, _TRANSITIVE = 0xC0, 0x40
_UNICAST = 1
_WITHDRAWN = int(Entry.WITHDRAWN)
_NO_ORIGIN, _NO_NEIGHBOUR = NO_ORIGIN, NO_NEIGHBOUR
_NO_FAULT, _BAD, _FULL = 0, -1, -2


@step
def update_content(data: U1, at: int, stop: int) -> tuple[int, int]:
    """The type of the BGP message at this place and its end; type 0: it has no proper header."""
    if stop - at < BGP_HEADER_BYTES:
        return 0, stop
    for i in range(16):
        if byte(data, at + i) != 255:
            return 0, stop
    end = at + u16(data, at + 16)
    if end < at + BGP_HEADER_BYTES or end > stop:
        return 0, stop
    return byte(data, at + 18), end


@step
def _impossible(data: U1, code: int, flags: int, at: int, size: int) -> bool:
    """Whether RFC 7606 section 7 wants treat-as-withdraw for the form of this attribute."""
    if code == _ORIGIN:
        return flags & _OPTIONAL_TRANSITIVE != _TRANSITIVE or size != 1 or byte(data, at) > 2
    if code == _AS_PATH:
        return flags & _OPTIONAL_TRANSITIVE != _TRANSITIVE
    if code == _NEXT_HOP:
        return flags & _OPTIONAL_TRANSITIVE != _TRANSITIVE or size != 4
    if code in (_MED, _ORIGINATOR_ID):
        return size != 4
    if code in (_COMMUNITIES, _CLUSTER_LIST):
        return size == 0 or size % 4 != 0
    if code == _EXTENDED_COMMUNITIES:
        return size == 0 or size % 8 != 0
    return code == _LARGE_COMMUNITIES and (size == 0 or size % 12 != 0)


@step
def _scan(
    data: U1, start: int, stop: int, width: int
) -> tuple[int, int, int, int, int, int, int, int, int, int]:
    """Where what we read lies among the attributes in ``data[start:stop]``.

    Returns the bounds of AS_PATH, AS4_PATH, MP_REACH_NLRI and MP_UNREACH_NLRI (-1: there is none),
    a fault, and how many attributes there are.
    """
    path, path_stop, path4, path4_stop = -1, -1, -1, -1
    reach, reach_stop, unreach, unreach_stop = -1, -1, -1, -1
    aggregator, aggregator4 = -1, False
    fault, at, count = _NO_FAULT, start, 0
    seen = np.uint64(0)  # those of which only the first counts (RFC 7606 section 3, g)
    while at < stop:
        if stop - at < 3:
            fault = FAULT_ATTRIBUTE
            break
        flags, code = byte(data, at), byte(data, at + 1)
        extended = (flags >> 4) & 1
        value = at + 3 + extended
        if value > stop:
            fault = FAULT_ATTRIBUTE
            break
        end = value + (u16(data, at + 2) if extended else byte(data, at + 2))
        if end > stop:
            fault = FAULT_ATTRIBUTE
            break
        count += 1
        at = end
        if code in (_MP_REACH, _MP_UNREACH):
            if (reach if code == _MP_REACH else unreach) >= 0:
                return -1, -1, -1, -1, -1, -1, -1, -1, FAULT_REPEATED, count
            if code == _MP_REACH:
                reach, reach_stop = value, end
            else:
                unreach, unreach_stop = value, end
            continue
        bit = np.uint64(1) << np.uint64(code & 63)
        if code < 64:
            if seen & bit:
                continue
            seen |= bit
            if _impossible(data, code, flags, value, end - value):
                fault = FAULT_VALUE
        if code == _AS_PATH:
            path, path_stop = value, end
        elif width == 2:
            if code == _AS4_PATH:
                path4, path4_stop = value, end
            elif code == _AGGREGATOR and end - value == 6:
                aggregator = u16(data, value)
            elif code == _AS4_AGGREGATOR:
                aggregator4 = True
    if aggregator4 and aggregator >= 0 and aggregator != AS_TRANS:
        path4 = -1  # RFC 6793 section 4.2.3: both AS4_ attributes are stale
    return (
        path, path_stop, path4, path4_stop, reach, reach_stop, unreach, unreach_stop, fault, count,
    )  # fmt: skip


@step
def _read_prefixes(
    data: U1, at: int, stop: int, version: int, with_path_id: bool, rows: Rows, row: int,
    peer: int, origin: int, neighbour: int, flags: int,
) -> int:  # fmt: skip
    """Write a row for each prefix of a field; the next free row, or that it is bad, or no room."""
    most = 32 if version == 4 else 128
    while at < stop:
        path_id = 0
        if with_path_id:
            if stop - at < 5:
                return _BAD
            path_id = u32(data, at)
            at += 4
        bits = byte(data, at)
        after = at + 1 + ((bits + 7) >> 3)
        if bits > most or after > stop:
            return _BAD
        if row == len(rows.family):
            return _FULL
        high, low = prefix_words(data, at + 1, bits)
        rows.family[row], rows.length[row] = version, bits
        rows.high[row], rows.low[row] = high, low
        rows.peer[row], rows.path_id[row] = peer, path_id
        rows.origin[row], rows.neighbour[row] = origin, neighbour
        rows.flags[row] = flags
        at = after
        row += 1
    return row


@step
def _family(data: U1, at: int) -> int:
    """4 or 6 for unicast of that family at this AFI and SAFI, else 0."""
    if byte(data, at + 2) != _UNICAST:
        return 0
    afi = u16(data, at)
    return 4 if afi == 1 else 6 if afi == 2 else 0


@step
def _decode_one(
    data: U1, start: int, stop: int, width: int, add_path: int, peer: int, speaker: int,
    rows: Rows, row: int, state: I8,
) -> tuple[int, int, int]:  # fmt: skip
    """Decode one UPDATE: its outcome, its fault, and the next free row (``_FULL``: no room)."""
    if stop - start < 4 or stop - start > LARGEST_MESSAGE_BYTES:
        return DROPPED, FAULT_LENGTHS, row
    withdrawn = start + 2
    withdrawn_stop = withdrawn + u16(data, start)
    if withdrawn_stop + 2 > stop:
        return DROPPED, FAULT_LENGTHS, row
    attributes = withdrawn_stop + 2
    nlri = attributes + u16(data, withdrawn_stop)
    if nlri > stop:
        return DROPPED, FAULT_LENGTHS, row
    path, path_stop, path4, path4_stop, reach, reach_stop, unreach, unreach_stop, fault, count = (
        _scan(data, attributes, nlri, width)
    )
    if fault == FAULT_REPEATED:
        return DROPPED, fault, row
    reached, unreached, reach_at = 0, 0, 0
    if unreach >= 0:
        if unreach_stop - unreach < 3:
            return DROPPED, FAULT_MP, row
        unreached = _family(data, unreach)
    if reach >= 0:
        if reach_stop - reach < 5:
            return DROPPED, FAULT_MP, row
        reached = _family(data, reach)
        reach_at = reach + 5 + byte(data, reach + 3)
        if reach_at > reach_stop:
            return DROPPED, FAULT_MP, row
    if withdrawn == withdrawn_stop and nlri == stop and fault == _NO_FAULT:
        if count == 0:
            return END_OF_RIB_IPV4, _NO_FAULT, row
        if count == 1 and unreach >= 0 and unreach_stop - unreach == 3:
            if unreached == 4:
                return END_OF_RIB_IPV4, _NO_FAULT, row
            return END_OF_RIB_IPV6 if unreached == 6 else END_OF_RIB_OTHER, _NO_FAULT, row
    if (reach >= 0 and reached == 0) or (unreach >= 0 and unreached == 0):
        state[OTHER_FAMILIES] += 1
    origin, neighbour, flags = _NO_ORIGIN, _NO_NEIGHBOUR, 0
    announces = nlri < stop or reached != 0
    if fault == _NO_FAULT and announces:
        origin = -1
        if width == 4:
            origin, neighbour = read_plain_path(data, path, path_stop)
        if origin < 0:
            origin, neighbour, flags, fault, _ = read_path(
                data, path, path_stop, path4, path4_stop, width, speaker
            )
    outcome = DECODED
    if fault != _NO_FAULT:
        # RFC 7606 section 5.2: without NLRI in sight, there may be some in the damaged part.
        if not announces and reach < 0 and unreached == 0 and withdrawn == withdrawn_stop:
            return DROPPED, FAULT_HIDDEN if fault == FAULT_ATTRIBUTE else fault, row
        outcome, flags = TREATED_AS_WITHDRAW, _WITHDRAWN
        origin, neighbour = _NO_ORIGIN, _NO_NEIGHBOUR
    ids4, ids6 = add_path & ADD_PATH_IPV4 != 0, add_path & ADD_PATH_IPV6 != 0
    ignored = flags & AS4_PATH_IGNORED
    flags &= 0x7F
    none, nobody = _NO_ORIGIN, _NO_NEIGHBOUR
    row = _read_prefixes(
        data, withdrawn, withdrawn_stop, 4, ids4, rows, row, peer, none, nobody, _WITHDRAWN
    )
    if row >= 0 and unreached != 0:
        row = _read_prefixes(
            data, unreach + 3, unreach_stop, unreached, ids4 if unreached == 4 else ids6,
            rows, row, peer, none, nobody, _WITHDRAWN,
        )  # fmt: skip
    if row >= 0:
        row = _read_prefixes(data, nlri, stop, 4, ids4, rows, row, peer, origin, neighbour, flags)
    if row >= 0 and reached != 0:
        row = _read_prefixes(
            data, reach_at, reach_stop, reached, ids4 if reached == 4 else ids6,
            rows, row, peer, origin, neighbour, flags,
        )  # fmt: skip
    if row == _BAD:
        return DROPPED, FAULT_PREFIX, row
    if row >= 0 and ignored:
        state[AS4_IGNORED] += 1
    return outcome, fault, row


@kernel("u1 i8 i8 u1 u1 u2 u4 i i i8! i8! u1! u4! u1! u8! u8! u1! u2! i8! u4! u4! u1!")
def decode_updates(
    data: U1,
    start: I8,
    stop: I8,
    width: U1,
    add_path: U1,
    message_peer: U2,
    speaker: U4,
    first: int,
    last: int,
    state: I8,
    faults: I8,
    outcome: U1,
    rows_after: U4,
    family: U1,
    high: U8,
    low: U8,
    length: U1,
    peer: U2,
    origin: I8,
    neighbour: U4,
    path_id: U4,
    flags: U1,
) -> int:
    """Decode messages ``[first, last)`` into rows from ``state[ROWS]`` on.

    ``outcome`` and ``rows_after`` (the rows there are once a message is done) have a row for each
    message; ``faults[fault]`` counts. Returns the first message not decoded: less than ``last`` if
    the rows are full, of which the caller then provides more.
    """
    rows = Rows(family, high, low, length, peer, origin, neighbour, path_id, flags)
    for at in range(first, last):
        before, others = state[ROWS], state[OTHER_FAMILIES]
        what, fault, row = _decode_one(
            data, start[at], stop[at], np.int64(width[at]), np.int64(add_path[at]),
            np.int64(message_peer[at]), np.int64(speaker[at]), rows, before, state,
        )  # fmt: skip
        if row == _FULL:
            state[OTHER_FAMILIES] = others
            return at
        if what == DROPPED:
            row = before
        if fault != _NO_FAULT:
            faults[fault] += 1
        outcome[at], rows_after[at] = what, row
        state[ROWS] = row
    return last
