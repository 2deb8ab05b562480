"""The compiled loops of the RIB; see :mod:`validator.tables.rib` for what the columns mean."""

from __future__ import annotations

import numpy as np

from validator.kernels.core import kernel, step
from validator.model import I8, U1, U2, U4, U8

NOTHING = 0xFFFF_FFFF  # in a slot or a link: nobody


@step
def mix(a: int, b: int, c: int, seed: int) -> int:
    """A seeded hash of a key, so that no feed can be made to collide."""
    h = (np.uint64(a) ^ np.uint64(seed)) * np.uint64(0x9E37_79B9_7F4A_7C15)
    h ^= h >> np.uint64(32)
    h = (h ^ np.uint64(b)) * np.uint64(0xD6E8_FEB8_6659_FD93)
    h ^= h >> np.uint64(32)
    h = (h ^ np.uint64(c)) * np.uint64(0x9E37_79B9_7F4A_7C15)
    return h ^ h >> np.uint64(29)


@kernel("u1 u8 u8 u1 i u4! u1! u8! u8! u1! i u u4!")
def number_prefixes(
    family: U1,
    high: U8,
    low: U8,
    length: U1,
    row: int,
    slots: U4,
    known_family: U1,
    known_high: U8,
    known_low: U8,
    known_length: U1,
    count: int,
    seed: int,
    numbers: U4,
) -> tuple[int, int]:
    """Give each row from ``row`` on its number, new ones at ``count``; stops when columns are full.

    Returns the first row not done and the count of prefixes known. ``slots`` is open addressing,
    a power of two at least twice as long as the columns.
    """
    mask = np.uint64(len(slots) - 1)
    while row < len(high):
        width = np.uint64(family[row]) << np.uint64(8) | np.uint64(length[row])
        at = mix(high[row], low[row], width, seed) & mask
        while True:
            number = slots[at]
            if number == NOTHING:
                if count == len(known_high):
                    return row, count
                known_family[count] = family[row]
                known_high[count] = high[row]
                known_low[count] = low[row]
                known_length[count] = length[row]
                slots[at] = count
                numbers[row] = count
                count += 1
                break
            if (
                known_high[number] == high[row]
                and known_low[number] == low[row]
                and known_length[number] == length[row]
                and known_family[number] == family[row]
            ):
                numbers[row] = number
                break
            at = (at + np.uint64(1)) & mask
        row += 1
    return row, count


@kernel("u1 u8 u8 u1 i u4! u")
def rehash_prefixes(
    family: U1, high: U8, low: U8, length: U1, count: int, slots: U4, seed: int
) -> None:
    """Fill new, empty slots with the prefixes known."""
    mask = np.uint64(len(slots) - 1)
    for number in range(count):
        width = np.uint64(family[number]) << np.uint64(8) | np.uint64(length[number])
        at = mix(high[number], low[number], width, seed) & mask
        while slots[at] != NOTHING:
            at = (at + np.uint64(1)) & mask
        slots[at] = number


@kernel("i8 u4 u1 i u4! i8! u4! i u u4!")
def number_pairs(
    origin: I8,
    neighbour: U4,
    flags: U1,
    row: int,
    slots: U4,
    known_origin: I8,
    known_neighbour: U4,
    count: int,
    seed: int,
    numbers: U4,
) -> tuple[int, int]:
    """As :func:`number_prefixes`, for (origin, neighbour). A withdrawal is pair 0: nothing."""
    mask = np.uint64(len(slots) - 1)
    while row < len(origin):
        if flags[row] & 8:
            numbers[row] = 0
            row += 1
            continue
        same = row > 0 and origin[row] == origin[row - 1] and neighbour[row] == neighbour[row - 1]
        if same and not flags[row - 1] & 8:
            numbers[row] = numbers[row - 1]
            row += 1
            continue
        at = mix(origin[row], neighbour[row], 0, seed) & mask
        while True:
            number = slots[at]
            if number == NOTHING:
                if count == len(known_origin):
                    return row, count
                known_origin[count] = origin[row]
                known_neighbour[count] = neighbour[row]
                slots[at] = count
                numbers[row] = count
                count += 1
                break
            if known_origin[number] == origin[row] and known_neighbour[number] == neighbour[row]:
                numbers[row] = number
                break
            at = (at + np.uint64(1)) & mask
        row += 1
    return row, count


@kernel("i8 u4 i u4! u")
def rehash_pairs(origin: I8, neighbour: U4, count: int, slots: U4, seed: int) -> None:
    mask = np.uint64(len(slots) - 1)
    for number in range(1, count):  # pair 0 is "nothing" and never looked up
        at = mix(origin[number], neighbour[number], 0, seed) & mask
        while slots[at] != NOTHING:
            at = (at + np.uint64(1)) & mask
        slots[at] = number


@kernel("u4 u4 u2 u4 u4 u4 i i u4! i u1! u4! i u4! u4! u4! u4! u4! u1! i i")
def apply_entries(
    numbers: U4,
    entry_prefix: U4,
    entry_peer: U2,
    path_id: U4,
    pair: U4,
    peers: U4,
    entry: int,
    stop: int,
    cells: U4,
    width: int,
    touched: U1,
    touched_list: U4,
    touched_count: int,
    head: U4,
    extra_peer: U4,
    extra_path: U4,
    extra_pair: U4,
    extra_next: U4,
    extra_stale: U1,
    free: int,
    longest: int,
) -> tuple[int, int, int, int]:
    """Write entries ``[entry, stop)`` in order; returns (next entry, touched, free, refused).

    ``cells[number * width + peer]`` is the pair a peer announces without a path identifier. Those
    with one hang in a list from ``head[number]``; ``free`` is the first of the free nodes, linked
    likewise; when none is left the kernel stops so that the caller can grow them. A node that is
    written is not stale; a stale one makes room where its peer would have too many.
    """
    refused = 0
    while entry < stop:
        number = np.int64(numbers[entry_prefix[entry]])
        peer = peers[entry_peer[entry]]
        changed = False
        if path_id[entry] == 0:
            cell = number * width + np.int64(peer)
            changed = cells[cell] != pair[entry]
            cells[cell] = pair[entry]
        else:
            before, node, held, stale = NOTHING, np.int64(head[number]), 0, NOTHING
            while node != NOTHING:
                if extra_peer[node] == peer:
                    held += 1
                    if extra_path[node] == path_id[entry]:
                        break
                    if extra_stale[node]:
                        stale = node
                before, node = node, np.int64(extra_next[node])
            if node != NOTHING:
                changed = extra_pair[node] != pair[entry]
                extra_pair[node] = pair[entry]
                extra_stale[node] = 0
                if pair[entry] == 0:
                    if before == NOTHING:
                        head[number] = extra_next[node]
                    else:
                        extra_next[before] = extra_next[node]
                    extra_next[node] = free
                    free = node
            elif pair[entry] != 0:
                if held >= longest and stale != NOTHING:
                    extra_path[stale] = path_id[entry]
                    extra_pair[stale] = pair[entry]
                    extra_stale[stale] = 0
                    changed = True
                elif held >= longest:
                    refused += 1
                elif free == NOTHING:
                    return entry, touched_count, free, refused
                else:
                    node, free = free, np.int64(extra_next[free])
                    extra_peer[node] = peer
                    extra_path[node] = path_id[entry]
                    extra_pair[node] = pair[entry]
                    extra_stale[node] = 0
                    extra_next[node] = head[number]
                    head[number] = node
                    changed = True
        if changed and not touched[number]:
            touched[number] = 1
            touched_list[touched_count] = number
            touched_count += 1
        entry += 1
    return entry, touched_count, free, refused


@kernel("u4! i i i u1 i u1! u4! i u4! u4! u4! u1 i")
def clear_peer(
    cells: U4,
    width: int,
    count: int,
    peer: int,
    keep: U1,
    stale_only: int,
    touched: U1,
    touched_list: U4,
    touched_count: int,
    head: U4,
    extra_peer: U4,
    extra_next: U4,
    extra_stale: U1,
    free: int,
) -> tuple[int, int]:
    """Withdraw what a peer announces: cells save where ``keep`` (by number) is set; of nodes, if
    ``stale_only``, the stale ones.

    Returns (touched, free).
    """
    for number in range(count):
        changed = False
        if not (number < len(keep) and keep[number]):
            changed = cells[number * width + peer] != 0
            cells[number * width + peer] = 0
        before, node = NOTHING, np.int64(head[number])
        while node != NOTHING:
            after = np.int64(extra_next[node])
            if extra_peer[node] == peer and (not stale_only or extra_stale[node]):
                changed = True
                if before == NOTHING:
                    head[number] = after
                else:
                    extra_next[before] = after
                extra_next[node] = free
                free = node
            else:
                before = node
            node = after
        if changed and not touched[number]:
            touched[number] = 1
            touched_list[touched_count] = number
            touched_count += 1
    return touched_count, free


@kernel("u4 i u4 i i8 u4 u4 u4 u4 u4! i8! u2!")
def derive_routes(
    numbers: U4,
    start: int,
    cells: U4,
    width: int,
    pair_origin: I8,
    head: U4,
    extra_peer: U4,
    extra_pair: U4,
    extra_next: U4,
    out_number: U4,
    out_origin: I8,
    out_peers: U2,
) -> tuple[int, int]:
    """The distinct (prefix, origin) of the prefixes from ``start`` on, and how many peers see each.

    Origins of one prefix come out in ascending order. Stops before a prefix for which the output
    has no room; returns (next prefix, routes written).
    """
    n = 0
    for at in range(start, len(numbers)):
        number = np.int64(numbers[at])
        first = n
        row = number * width
        last_pair, last_slot = np.uint32(0), 0
        for peer in range(width):
            pair = cells[row + peer]
            if pair == 0:
                continue
            if pair == last_pair:  # most peers agree
                out_peers[last_slot] = min(out_peers[last_slot] + 1, 65535)
                continue
            origin = pair_origin[pair]
            slot = first
            while slot < n and out_origin[slot] != origin:
                slot += 1
            if slot == n:
                if n == len(out_origin):
                    return at, first
                out_number[n], out_origin[n], out_peers[n] = number, origin, 0
                n += 1
            out_peers[slot] = min(out_peers[slot] + 1, 65535)
            last_pair, last_slot = pair, slot
        node = np.int64(head[number])
        while node != NOTHING:
            origin = pair_origin[extra_pair[node]]
            peer = np.int64(extra_peer[node])
            own = cells[row + peer]
            counted = own != 0 and pair_origin[own] == origin
            earlier = np.int64(head[number])
            while not counted and earlier != node:
                counted = extra_peer[earlier] == peer and pair_origin[extra_pair[earlier]] == origin
                earlier = np.int64(extra_next[earlier])
            if not counted:
                slot = first
                while slot < n and out_origin[slot] != origin:
                    slot += 1
                if slot == n:
                    if n == len(out_origin):
                        return at, first
                    out_number[n], out_origin[n], out_peers[n] = number, origin, 0
                    n += 1
                out_peers[slot] = min(out_peers[slot] + 1, 65535)
            node = np.int64(extra_next[node])
        for i in range(first + 1, n):
            origin, peers, j = out_origin[i], out_peers[i], i
            while j > first and out_origin[j - 1] > origin:
                out_origin[j], out_peers[j] = out_origin[j - 1], out_peers[j - 1]
                j -= 1
            out_origin[j], out_peers[j] = origin, peers
    return len(numbers), n


@kernel("i u4 i u1 u4 u4 u4 u4! u4!")
def count_by_peer(
    count: int,
    cells: U4,
    width: int,
    family: U1,
    head: U4,
    extra_peer: U4,
    extra_next: U4,
    prefixes4: U4,
    prefixes6: U4,
) -> None:
    """How many prefixes each peer announces, by family."""
    for number in range(count):
        for peer in range(width):
            seen = cells[number * width + peer] != 0
            node = np.int64(head[number])
            while not seen and node != NOTHING:
                seen = extra_peer[node] == peer
                node = np.int64(extra_next[node])
            if seen and family[number] == 4:
                prefixes4[peer] += 1
            elif seen:
                prefixes6[peer] += 1


@kernel("u4 i i u4 u4 u4 u1!")
def mark_pairs(
    cells: U4, width: int, count: int, head: U4, extra_pair: U4, extra_next: U4, used: U1
) -> None:
    """Which pairs are announced by anybody."""
    for cell in range(count * width):
        used[cells[cell]] = 1
    for number in range(count):
        node = np.int64(head[number])
        while node != NOTHING:
            used[extra_pair[node]] = 1
            node = np.int64(extra_next[node])
