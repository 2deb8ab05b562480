"""The compiled loops of planning: whose routes would add how much, overlaps counted once.

*Group coordinates* count only the units of space that a group has: an address is at as many of them
as lie before it (as :mod:`validator.kernels.facts` does with what nobody holds). They keep order
and nesting, so that the space of a prefix within a group is one interval, however many pieces the
group's ranges cut it into, and prefixes stay what they are: inside each other, or apart.

All of that makes trees. Space under some prefix and under none of those inside it belongs to that
prefix alone; what is marked, what is under a mark, and what is left all follow in one walk.
"""

from __future__ import annotations

import numpy as np

from validator.kernels.core import covers, kernel, last_not_after, step
from validator.model import I8, U1, U4, U8

BEYOND, PLANNED, VALID = 0, 1, 2
"""What can be done for a row: nothing; what its network could; nothing need be."""
SAME, DIFFERENT, UNKNOWN = 0, 1, 2
_DEEPEST = 130
"""More than there are prefixes above an address, each with another length."""


@kernel("u8 u1 u1 u4 u1 i i i i8! u8! u8! u1!")
def rows_by_origin(
    high: U8,
    length: U1,
    excluded: U1,
    number: U4,
    member: U1,
    start: int,
    stop: int,
    shift: int,
    rows: I8,
    first: U8,
    last: U8,
    mine: U1,
) -> int:
    """The counted rows of ``[start, stop)`` whose origin is a member; how many there are.

    ``number`` has each row's origin (row ``start`` first), ``member`` is by origin. ``first`` and
    ``last`` are its space, which is all the group's.
    """
    count = 0
    for row in range(start, stop):
        if excluded[row] or not member[number[row - start]]:
            continue
        rows[count] = row
        first[count] = high[row] >> np.uint64(shift)
        size = np.uint64(1) << np.uint64(64 - shift - length[row])
        last[count] = first[count] + (size - np.uint64(1))
        mine[count] = 1
        count += 1
    return count


@step
def _range_of(range_first: U8, begin: int, position: int) -> int:
    """The last range from ``begin`` on that does not begin after the position."""
    ahead = 1
    while begin + ahead < len(range_first) and range_first[begin + ahead] <= position:
        begin += ahead
        ahead *= 2
    below, above = begin, min(begin + ahead, len(range_first))
    while above - below > 1:
        middle = (below + above) // 2
        if range_first[middle] <= position:
            below = middle
        else:
            above = middle
    return below


@kernel("u8 u1 u1 u8 u4 u8 i i i i i8! u8! u8! u1!")
def rows_by_address(
    high: U8,
    length: U1,
    excluded: U1,
    range_first: U8,
    range_group: U4,
    before: U8,
    group: int,
    start: int,
    stop: int,
    shift: int,
    rows: I8,
    first: U8,
    last: U8,
    mine: U1,
) -> int:
    """The counted rows of ``[start, stop)`` that have space in the group; how many there are.

    ``before`` is how much space the group has before each range. ``first`` and ``last`` are in
    group coordinates; ``mine`` says whether the row's first address is the group's, so that it
    counts as a route of it.
    """
    count = at = 0
    for row in range(start, stop):
        if excluded[row]:
            continue
        begin = high[row] >> np.uint64(shift)
        size = np.uint64(1) << np.uint64(64 - shift - length[row])
        end = begin + (size - np.uint64(1))
        at = _range_of(range_first, at, begin)
        to = _range_of(range_first, at, end)
        own = range_group[at] == group
        place, beyond = before[at], before[to]
        if own:
            place += begin - range_first[at]
        if range_group[to] == group:
            beyond += end - range_first[to] + np.uint64(1)
        if beyond == place:  # modulo 2^64, which no prefix but ::/0 has
            continue
        rows[count], first[count], last[count] = row, place, beyond - np.uint64(1)
        mine[count] = own
        count += 1
    return count


# -------------------------------------------------------------------------------- greedy by space


@step
def _better(gain: U8, a: int, b: int) -> bool:
    return gain[a] > gain[b] or (gain[a] == gain[b] and a < b)


@step
def _sink(heap: I8, gain: U8, at: int, count: int) -> None:
    """Let what stands at a place of a heap sink to where it belongs."""
    while True:
        best, left = at, 2 * at + 1
        if left < count and _better(gain, heap[left], heap[best]):
            best = left
        if left + 1 < count and _better(gain, heap[left + 1], heap[best]):
            best = left + 1
        if best == at:
            return
        heap[at], heap[best] = heap[best], heap[at]
        at = best


@kernel("u8 u8 u1 u4 i i i8! u8!")
def choose_by_space(
    first: U8, last: U8, doing: U1, actor: U4, actors: int, most: int, chosen: I8, gains: U8
) -> int:
    """Who would add most valid space, then who most to that, and so on: at most ``most``, none who
    would add nothing. How many there are; who, and what each adds, is written.

    Rows are as the ones above give them, in order; ``doing`` is one of BEYOND, PLANNED, VALID.
    Greedy with exact marginal gains; of two that add as much, the one with the smaller number. A
    gain only shrinks as others are chosen, so it is worked out again only for who would be next.
    """
    rows = len(first)
    node = np.full(rows, -1, np.int64)
    begins, ends, parent = (
        np.empty(rows, np.uint64),
        np.empty(rows, np.uint64),
        np.empty(rows, np.int64),
    )
    dead = np.zeros(rows, np.uint8)
    nodes, above = 0, -1
    for row in range(rows):  # a node for each distinct interval that matters
        if doing[row] == BEYOND:
            continue
        if nodes > 0 and begins[nodes - 1] == first[row] and ends[nodes - 1] == last[row]:
            here = nodes - 1
        else:
            above = nodes - 1
            while above >= 0 and ends[above] < first[row]:
                above = parent[above]
            here = nodes
            begins[here], ends[here], parent[here] = first[row], last[row], above
            nodes += 1
        if doing[row] == VALID:
            dead[here] = 1
        else:
            node[row] = here
    left, until = np.zeros(nodes, np.uint64), np.empty(nodes, np.int64)
    for here in range(nodes):
        if parent[here] >= 0 and dead[parent[here]]:
            dead[here] = 1
        size = ends[here] - begins[here] + np.uint64(1)
        left[here] += size
        until[here] = here + 1
        if parent[here] >= 0:
            left[parent[here]] -= size  # for the moment, what is the node's alone
    for here in range(nodes - 1, -1, -1):
        if dead[here]:
            left[here] = np.uint64(0)
        if parent[here] >= 0:
            left[parent[here]] += left[here]
            until[parent[here]] = max(until[parent[here]], until[here])
    # Each actor's outermost nodes, one actor after the other.
    slot = np.zeros(actors + 1, np.int64)
    for row in range(rows):
        if node[row] >= 0:
            slot[actor[row] + 1] += 1
    for each in range(actors):
        slot[each + 1] += slot[each]
    held, count_of = np.empty(slot[actors], np.int64), np.zeros(actors, np.int64)
    for row in range(rows):
        here = node[row]
        if here < 0:
            continue
        each = np.int64(actor[row])
        place = slot[each] + count_of[each]
        if count_of[each] == 0 or here >= until[held[place - 1]]:
            held[place] = here
            count_of[each] += 1
    gain, fresh = np.zeros(actors, np.uint64), np.zeros(actors, np.int64)
    heap = np.arange(actors)
    for each in range(actors):
        for place in range(slot[each], slot[each] + count_of[each]):
            gain[each] += left[held[place]]
    for at in range(actors // 2 - 1, -1, -1):
        _sink(heap, gain, at, actors)
    steps, count = 0, actors
    while steps < most and count > 0:
        each = heap[0]
        if fresh[each] < steps:
            gain[each] = np.uint64(0)
            for place in range(slot[each], slot[each] + count_of[each]):
                gain[each] += left[held[place]]
            fresh[each] = steps
            _sink(heap, gain, 0, count)
            continue
        if gain[each] == 0:
            break
        chosen[steps], gains[steps] = each, gain[each]
        steps += 1
        count -= 1
        heap[0] = heap[count]
        _sink(heap, gain, 0, count)
        for place in range(slot[each], slot[each] + count_of[each]):
            top = held[place]
            taken = left[top]
            if taken == 0:
                continue
            up = parent[top]
            while up >= 0:
                left[up] -= taken
                up = parent[up]
            here = top
            while here < until[top]:  # nothing is left here, nor inside
                if left[here] == 0:
                    here = until[here]
                else:
                    left[here] = np.uint64(0)
                    here += 1
    return steps


# ------------------------------------------------------------------------------------ the curve


@kernel("u8 u8 u1 u1 i8 u8 u8 u1 u4 i u8! u8! u8! u8!")
def trace(
    high: U8,
    low: U8,
    length: U1,
    verdict: U1,
    rows: I8,
    first: U8,
    last: U8,
    mine: U1,
    rank: U4,
    never: int,
    valid: U8,
    covered: U8,
    valid_space: U8,
    covered_space: U8,
) -> None:
    """At which step each route, and each address, becomes valid and becomes covered.

    ``rank`` says for each of ``rows`` at which step its exact ROA comes; ``never``: no step. Step 0
    is how it is now. Written are, by step, the group's routes and units of space that become so
    then: u8 ``(never + 1,)``, all zero at first. A ROA covers every route inside its prefix.
    """
    tops = np.empty(_DEEPEST, np.int64)
    roas, valids = np.empty(_DEEPEST, np.int64), np.empty(_DEEPEST, np.int64)
    covereds = np.empty(_DEEPEST, np.int64)
    depth, row = 0, 0
    while row < len(rows):
        at = rows[row]
        while depth > 0 and not covers(
            high[tops[depth - 1]], low[tops[depth - 1]], length[tops[depth - 1]], high[at], low[at]
        ):
            depth -= 1
        roa = node_valid = node_covered = np.int64(never)
        size = last[row] - first[row] + np.uint64(1)
        if depth > 0:
            roa = roas[depth - 1]
            node_valid, node_covered = valids[depth - 1], covereds[depth - 1]
            valid_space[node_valid] -= size  # modulo 2^64: it comes back, here or earlier
            covered_space[node_covered] -= size
        stop = row
        while (
            stop < len(rows)
            and high[rows[stop]] == high[at]
            and low[rows[stop]] == low[at]
            and length[rows[stop]] == length[at]
        ):
            roa = min(roa, np.int64(rank[stop]))
            stop += 1
        while row < stop:
            code = verdict[rows[row]]
            its_valid = np.int64(0) if code == 1 else np.int64(rank[row])
            its_covered = roa if code == 0 else np.int64(0)
            if mine[row]:
                valid[its_valid] += np.uint64(1)
                covered[its_covered] += np.uint64(1)
            node_valid, node_covered = min(node_valid, its_valid), min(node_covered, its_covered)
            row += 1
        valid_space[node_valid] += size
        covered_space[node_covered] += size
        tops[depth], roas[depth] = at, roa
        valids[depth], covereds[depth] = node_valid, node_covered
        depth += 1


# ------------------------------------------------------------------------- holders and neighbours


@kernel("u8 u4 u8 u8 u4!")
def holders_of(range_first: U8, range_holder: U4, first: U8, last: U8, holder: U4) -> None:
    """Who holds all of each span; 0 if nobody, several, or not known."""
    for row in range(len(first)):
        if row > 0 and first[row] == first[row - 1] and last[row] == last[row - 1]:
            holder[row] = holder[row - 1]
            continue
        at = np.searchsorted(range_first, first[row], "right") - 1
        its = range_holder[at]
        while its and at + 1 < len(range_first) and range_first[at + 1] <= last[row]:
            at += 1
            if range_holder[at] != its:
                its = np.uint32(0)
        holder[row] = its


@kernel("u8 u4 u1 u8 u8 u4 u1 b u1!")
def relate_rows(
    range_first: U8,
    range_holder: U4,
    range_registry: U1,
    first: U8,
    last: U8,
    holder: U4,
    registry: U1,
    one_file_each: bool,
    relation: U1,
) -> None:
    """For each span and the holder and registry of its origin, as
    :func:`validator.planning.fixes.relate`: SAME, DIFFERENT or UNKNOWN."""
    for row in range(len(first)):
        at = np.searchsorted(range_first, first[row], "right") - 1
        its = UNKNOWN
        if holder[row] and range_holder[at]:
            its = SAME if range_holder[at] == holder[row] else DIFFERENT
        while its != UNKNOWN:
            other = range_holder[at]
            strange = not one_file_each or range_registry[at] != registry[row]
            if other == 0 or (other == holder[row]) != (its == SAME):
                its = UNKNOWN
            if its == DIFFERENT and strange:
                its = UNKNOWN
            at += 1
            if at == len(range_first) or range_first[at] > last[row]:
                break
        relation[row] = its


@kernel("u8 u8 u1 i i i8 i8! i8!")
def slices_of(
    high: U8, low: U8, length: U1, start: int, stop: int, rows: I8, begin: I8, end: I8
) -> None:
    """Of each row, all rows of ``[start, stop)`` inside its prefix, its own included: one slice."""
    ones = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    for number in range(len(rows)):
        at = rows[number]
        bits = np.int64(length[at])
        begin[number] = 1 + last_not_after(
            high, low, length, start, stop, high[at], low[at], bits - 1
        )
        end_high = high[at] | (ones >> np.uint64(bits) if bits < 64 else np.uint64(0))
        below = bits - 64 if bits > 64 else 0
        end_low = low[at] | (ones >> np.uint64(below) if below < 64 else np.uint64(0))
        end[number] = 1 + last_not_after(high, low, length, start, stop, end_high, end_low, 128)
