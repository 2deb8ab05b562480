"""Where UPDATEs lie in MRT update files: the compiled loop under ``mrt_updates``, which says more.

:func:`index_records` walks whole records. Of each UPDATE it notes the place, the time, the peer and
how it is to be read; of each change of a session's state, what it was and what it is.
"""

from __future__ import annotations

import numpy as np

from collectors.wire.bgp import prefix_words, u16, u32
from collectors.wire.mrt_peers import Peers, peer_row
from collectors.wire.mrt_records import HEADER_BYTES, LARGEST_RECORD_BYTES
from collectors.wire.update import (
    ADD_PATH_IPV4,
    ADD_PATH_IPV6,
    BGP_HEADER_BYTES,
    UPDATE,
    update_content,
)
from validator.kernels.core import kernel
from validator.model import I8, U1, U2, U4, U8

BGP, BGP4MP, BGP4MP_ET = 5, 16, 17

AT, RECORDS, MESSAGES, CHANGES, SHORT, OTHER_BGP, PEERS_FULL = range(7)
STATE_SIZE = 7
MORE, FULL, TOO_LONG = range(3)

KINDS_SEEN, SUBKINDS_SEEN = 64, 16
"""``skipped[min(type, 63) * 16 + min(subtype, 15)]`` counts the records stepped over."""

_BOTH = ADD_PATH_IPV4 | ADD_PATH_IPV6


@kernel("u1 i8! i8! i8! i8! i8! u1! u1! u2! u4! i8! i8! u2! u1! u1! u1! u8! u8! u4! u4! u8!")
def index_records(
    data: U1,
    state: I8,
    skipped: I8,
    time: I8,
    start: I8,
    stop: I8,
    width: U1,
    add_path: U1,
    message_peer: U2,
    speaker: U4,
    change_time: I8,
    change_at: I8,
    change_peer: U2,
    change_old: U1,
    change_new: U1,
    peer_family: U1,
    peer_high: U8,
    peer_low: U8,
    peer_asn: U4,
    slots: U4,
    control: U8,
) -> int:
    """Find the UPDATEs and changes of state in ``data`` from ``state[AT]`` on.

    A change of state has in ``change_at`` the number of messages before it. Times are in
    microseconds. Returns why it stopped: no complete record is left, no room, an absurd record.
    """
    peers = Peers(peer_family, peer_high, peer_low, peer_asn, slots, control)
    messages, changes = state[MESSAGES], state[CHANGES]
    why = MORE
    while len(data) - state[AT] >= HEADER_BYTES:
        record = state[AT]
        kind, subtype = u16(data, record + 4), u16(data, record + 6)
        size = u32(data, record + 8)
        if size > LARGEST_RECORD_BYTES:
            why = TOO_LONG
            break
        end = record + HEADER_BYTES + size
        if end > len(data):
            break
        if messages == len(start) or changes == len(change_at):
            why = FULL
            break
        state[AT] = end
        state[RECORDS] += 1
        at, micros, old_form = record + HEADER_BYTES, 0, kind == 5
        if kind == BGP4MP_ET:
            if end - at < 4:
                state[SHORT] += 1
                continue
            micros = u32(data, at)
            at += 4
        wide = subtype in (4, 5, 9)
        is_change = subtype == 3 if old_form else subtype in (0, 5)
        is_message = subtype == 1 if old_form else subtype in (1, 4, 8, 9)
        if not (kind in (BGP, BGP4MP, BGP4MP_ET) and (is_change or is_message)):
            row = min(kind, KINDS_SEEN - 1) * SUBKINDS_SEEN
            skipped[row + min(subtype, SUBKINDS_SEEN - 1)] += 1
            continue
        if old_form:
            family, here = 4, at + 2
            at += 6 if is_change else 12
            if at > end:
                state[SHORT] += 1
                continue
            asn = u16(data, here - 2)
        else:
            here = at + (12 if wide else 8)
            if here > end:
                state[SHORT] += 1
                continue
            asn = u32(data, at) if wide else u16(data, at)
            afi = u16(data, here - 2)
            family = 4 if afi == 1 else 6
            at = here + (8 if family == 4 else 32)
            if afi not in (1, 2) or at > end:
                state[SHORT] += 1
                continue
        if is_change and end - at < 4:
            state[SHORT] += 1
            continue
        high, low = prefix_words(data, here, 32 if family == 4 else 128)
        peer = peer_row(peers, family, high, low, np.int64(asn))
        if peer < 0:
            state[PEERS_FULL] = 1
            break
        moment = np.int64(u32(data, record)) * 1_000_000 + micros
        if is_change:
            change_time[changes], change_at[changes] = moment, messages
            change_peer[changes] = peer
            change_old[changes] = min(u16(data, at), 255)
            change_new[changes] = min(u16(data, at + 2), 255)
            changes += 1
            continue
        if not old_form:
            what, end = update_content(data, at, end)
            at += BGP_HEADER_BYTES
            if what == 0:  # to be counted with the malformed: it has no room for an UPDATE
                end = at
            elif what != UPDATE:
                state[OTHER_BGP] += 1
                continue
        time[messages] = moment
        start[messages], stop[messages] = at, end
        width[messages] = 4 if wide else 2
        add_path[messages] = _BOTH if subtype in (8, 9) and not old_form else 0
        message_peer[messages], speaker[messages] = peer, asn
        messages += 1
    state[MESSAGES], state[CHANGES] = messages, changes
    return why
