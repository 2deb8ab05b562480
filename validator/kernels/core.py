"""The compiled loops over the tables.

Each kernel is a plain loop over columns, compiled ahead of use by numba: explicit signatures
(read-only columns are welcome), cached on disk, and ``nogil`` so that two of them run beside each
other and the event loop breathes. Each has a plain twin in the tests, slow and obviously right.

Rows are in the order of the tables: family, address, length, then AS number. Sorted so, the
prefix tree is laid out in pre-order: all prefixes that cover a given one are found by stepping to
its place in the order and climbing from parent to parent; all that it covers are one slice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba import types
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime.nrt import rtsys

from validator.model import I8, U1, U2, U4, U8, Verdict

F = TypeVar("F", bound=Callable[..., Any])

_COLUMNS = {
    "u1": types.uint8,
    "u2": types.uint16,
    "u4": types.uint32,
    "u8": types.uint64,
    "i4": types.int32,
    "i8": types.int64,
    "b1": types.boolean,
}
_SCALARS = {"i": types.int64, "u": types.uint64, "b": types.boolean}


def kernel(arguments: str) -> Callable[[F], F]:
    """Compile a function for these arguments, given as words in order.

    ``u8`` is a column that is only read, ``u8!`` one that is written; ``i``, ``u`` and ``b`` are
    scalars. What is returned is inferred.
    """
    signature = tuple(
        _SCALARS.get(word)
        or types.Array(_COLUMNS[word.rstrip("!")], 1, "C", readonly=not word.endswith("!"))
        for word in arguments.split()
    )

    def compile_for(function: F) -> F:
        compiled: Any = numba.njit(nogil=True)(function)
        compiled._cache = _Compiled(function)  # type: ignore[no-untyped-call]
        _await_first_use(compiled, signature)
        kept: F = compiled
        return kept

    return compile_for


class _Compiled(FunctionCache):
    """Numba's cache, but what was compiled is loaded without making the compiler ready first: that
    takes a third of a second, and is done anyway when there is something to compile."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


def _await_first_use(dispatcher: Any, signature: tuple[Any, ...]) -> None:
    """Compile, or load what was compiled, when a kernel is first called, by Python or by another
    kernel: a command needs a few of them, and each takes some 10 ms to load."""
    calls, template = dispatcher._compile_for_args, dispatcher.get_call_template

    def ready() -> None:
        with global_compiler_lock:
            if dispatcher in _waiting:
                dispatcher.compile(signature)
                dispatcher.disable_compile()  # for these arguments and no others
                dispatcher._compile_for_args, dispatcher.get_call_template = calls, template
                del _waiting[dispatcher]

    def first_call(*_: Any, **__: Any) -> Any:
        ready()
        return dispatcher.overloads[dispatcher.signatures[0]].entry_point  # numba calls it

    def first_use(*arguments: Any, **named: Any) -> Any:
        ready()
        return template(*arguments, **named)

    dispatcher._compile_for_args, dispatcher.get_call_template = first_call, first_use
    _waiting[dispatcher] = ready


_waiting: dict[Any, Callable[[], None]] = {}


def ready_all(which: int = 0, of: int = 1) -> None:
    """Compile or load every kernel there is now: at set-up, and before a service answers. Only
    those of every ``of``-th module, beginning with number ``which``, if others do the rest."""
    modules = dict.fromkeys(each.py_func.__module__ for each in _waiting)
    mine = set(list(modules)[which::of])
    for kernel, ready in list(_waiting.items()):
        if kernel.py_func.__module__ in mine:
            ready()


def entry_point(kernel: Any) -> Callable[..., Any]:
    """A kernel without its dispatcher, which works out for each call what the types of its
    arguments are: for what is called so often that this would cost more than the work."""
    if ready := _waiting.get(kernel):
        ready()
    compiled: Callable[..., Any] = kernel.overloads[kernel.signatures[0]].entry_point
    return compiled


def step(function: F) -> F:
    """A piece that kernels share, compiled into each of them.

    It may not allocate: without numba's runtime (``_nrt=False``) no reference to a column is
    counted at each call, which in a loop costs far more than the work (70 ns against 6 a route).
    """
    compiled: F = numba.njit(nogil=True, _nrt=False)(function)  # type: ignore[call-overload]
    return compiled


def inlined(function: F) -> F:
    """A :func:`step` that is copied into the loop whatever its size: for the innermost ones."""
    options = {"nogil": True, "_nrt": False, "forceinline": True}
    compiled: F = numba.njit(**options)(function)  # type: ignore[call-overload]
    return compiled


# ------------------------------------------------------------------------------ prefixes in order


@step
def covers(a_high: int, a_low: int, a_length: int, high: int, low: int) -> bool:
    """Whether prefix *a* covers the address, which belongs to a prefix that is no shorter."""
    if a_length <= 64:
        return a_length == 0 or (a_high ^ high) >> np.uint64(64 - a_length) == 0
    return a_high == high and (a_low ^ low) >> np.uint64(128 - a_length) == 0


@step
def precedes(a_high: int, a_low: int, a_length: int, high: int, low: int, length: int) -> bool:
    """Whether prefix *a* stands before the other, or is the same, in the order of the tables."""
    if a_high != high:
        return a_high < high
    if a_low != low:
        return a_low < low
    return a_length <= length


@kernel("u8 u8 u1 i i u u i")
def last_not_after(
    highs: U8, lows: U8, lengths: U1, start: int, stop: int, high: int, low: int, length: int
) -> int:
    """The last row of ``[start, stop)`` that is not after the prefix; ``start - 1`` if none."""
    before, after = start - 1, stop
    while after - before > 1:
        middle = (before + after) // 2
        if precedes(highs[middle], lows[middle], lengths[middle], high, low, length):
            before = middle
        else:
            after = middle
    return before


@kernel("u8 u8 u1 i4! i i")
def link_parents(highs: U8, lows: U8, lengths: U1, parents: Any, start: int, stop: int) -> None:
    """Set each row's parent: the nearest other row that covers it, or -1.

    Rows ``[start, stop)`` are distinct prefixes of one family, in order. O(n).
    """
    for row in range(start, stop):
        above = row - 1 if row > start else -1
        while above >= 0 and not covers(
            highs[above], lows[above], lengths[above], highs[row], lows[row]
        ):
            above = parents[above]
        parents[row] = above


_DIGITS, _WIDTH = 6, 11  # how the upper half of an address is cut for sorting
_BUCKETS = 1 << _WIDTH
_LONG_RUN = 24


@step
def _after(high: U8, low: U8, length: U1, tie: I8, a: int, b: int) -> bool:
    if high[a] != high[b]:
        return high[a] > high[b]
    if low[a] != low[b]:
        return low[a] > low[b]
    if length[a] != length[b]:
        return length[a] > length[b]
    return tie[a] > tie[b]


@step
def _merge_sort(
    high: U8, low: U8, length: U1, tie: I8, order: U4, spare: U4, start: int, stop: int
) -> None:
    """Sort ``order[start:stop]`` fully and stably: for long runs of one upper half."""
    count = stop - start
    width = 1
    while width < count:
        for left in range(0, count, 2 * width):
            middle, right = min(left + width, count), min(left + 2 * width, count)
            i, j = left, middle
            for k in range(left, right):
                take_left = i < middle and (
                    j >= right
                    or not _after(high, low, length, tie, order[start + i], order[start + j])
                )
                if take_left:
                    spare[start + k] = order[start + i]
                    i += 1
                else:
                    spare[start + k] = order[start + j]
                    j += 1
        for k in range(count):
            order[start + k] = spare[start + k]
        width *= 2


@kernel("u1 u8 u8 u1 i8")
def table_order(family: U1, high: U8, low: U8, length: U1, tie: I8) -> U4:
    """The permutation that sorts rows by family, address, length and ``tie``, stably.

    A radix sort over the upper half of the address (digits that are equal in all rows, such as
    the lower 32 bits of IPv4, cost nothing), then each run of equal upper halves on its own.
    """
    n = len(family)
    order, spare_order = np.empty(n, np.uint32), np.empty(n, np.uint32)
    keys, spare_keys = np.empty(n, np.uint64), np.empty(n, np.uint64)
    ipv4 = 0
    for i in range(n):
        ipv4 += family[i] == 4
    at4, at6 = 0, ipv4
    for i in range(n):
        if family[i] == 4:
            order[at4], keys[at4] = i, high[i]
            at4 += 1
        else:
            order[at6], keys[at6] = i, high[i]
            at6 += 1
    counts = np.empty((_DIGITS, _BUCKETS), np.int64)
    for start, stop in ((0, ipv4), (ipv4, n)):
        if stop - start < 2:
            continue
        counts[:] = 0
        for i in range(start, stop):
            for digit in range(_DIGITS):
                shift = np.uint64(max(64 - _WIDTH * (digit + 1), 0))
                bucket = keys[i] >> shift & np.uint64(_BUCKETS - 1)
                counts[digit, bucket] += 1
        source, target = order, spare_order
        source_keys, target_keys = keys, spare_keys
        for digit in range(_DIGITS - 1, -1, -1):
            shift = np.uint64(max(64 - _WIDTH * (digit + 1), 0))
            first = source_keys[start]
            if counts[digit, first >> shift & np.uint64(_BUCKETS - 1)] == stop - start:
                continue
            total = np.int64(start)
            for bucket in range(_BUCKETS):
                total, counts[digit, bucket] = total + counts[digit, bucket], total
            for i in range(start, stop):
                bucket = source_keys[i] >> shift & np.uint64(_BUCKETS - 1)
                to = counts[digit, bucket]
                counts[digit, bucket] = to + 1
                target[to] = source[i]
                target_keys[to] = source_keys[i]
            source, target = target, source
            source_keys, target_keys = target_keys, source_keys
        left = start
        while left < stop:
            right = left + 1
            while right < stop and source_keys[right] == source_keys[left]:
                right += 1
            if right - left > _LONG_RUN:
                _merge_sort(high, low, length, tie, source, target, left, right)
            else:
                for i in range(left + 1, right):
                    row = source[i]
                    j = i
                    while j > left and _after(high, low, length, tie, source[j - 1], row):
                        source[j] = source[j - 1]
                        j -= 1
                    source[j] = row
            left = right
        order[start:stop] = source[start:stop]
    return order


@kernel("u4 u1 u8 u8 u1 i8 i8")
def group_vrps(
    order: U4, family: U1, high: U8, low: U8, length: U1, tie: I8, expires: I8
) -> tuple[U4, U4]:
    """The distinct VRPs of ordered rows, and where each prefix begins among them.

    Of rows that are the same VRP, the one that expires last stays (0 is never).
    """
    rows, first = np.empty(len(order), np.uint32), np.empty(len(order) + 1, np.uint32)
    n, groups = 0, 0
    for i in range(len(order)):
        row = order[i]
        if n > 0:
            last = rows[n - 1]
            if (
                high[row] == high[last]
                and length[row] == length[last]
                and low[row] == low[last]
                and family[row] == family[last]
            ):
                if tie[row] == tie[last]:
                    if expires[last] != 0 and (expires[row] == 0 or expires[row] > expires[last]):
                        rows[n - 1] = row
                    continue
            else:
                first[groups] = n
                groups += 1
        else:
            first[groups] = n
            groups += 1
        rows[n] = row
        n += 1
    first[groups] = n
    return rows[:n].copy(), first[: groups + 1].copy()


@kernel("u4 u1 u8 u8 u1 i8")
def distinct_rows(
    order: U4, family: U1, high: U8, low: U8, length: U1, tie: I8
) -> tuple[U4, U1, U8, U8, U1, I8]:
    """The ordered rows without repetitions: which they are, and their columns."""
    n = len(order)
    rows, tied = np.empty(n, np.uint32), np.empty(n, np.int64)
    families, lengths = np.empty(n, np.uint8), np.empty(n, np.uint8)
    highs, lows = np.empty(n, np.uint64), np.empty(n, np.uint64)
    count = 0
    for i in range(n):
        row = order[i]
        h, w, f, k, t = high[row], low[row], family[row], length[row], tie[row]
        if count > 0:
            last = count - 1
            if (
                h == highs[last]
                and k == lengths[last]
                and t == tied[last]
                and w == lows[last]
                and f == families[last]
            ):
                continue
        rows[count], families[count], lengths[count] = row, f, k
        highs[count], lows[count], tied[count] = h, w, t
        count += 1
    if count == n:
        return rows, families, highs, lows, lengths, tied
    return (
        rows[:count].copy(),
        families[:count].copy(),
        highs[:count].copy(),
        lows[:count].copy(),
        lengths[:count].copy(),
        tied[:count].copy(),
    )


@kernel("u4 u4 u2")
def sum_runs(order: U4, rows: U4, counts: U2) -> U2:
    """For each distinct row, the sum of ``counts`` over the ordered rows it stands for."""
    total = np.zeros(len(rows), np.uint16)
    run = -1
    for i in range(len(order)):
        if run + 1 < len(rows) and order[i] == rows[run + 1]:
            run += 1
        total[run] = min(65535, np.int64(total[run]) + np.int64(counts[order[i]]))  # type: ignore[call-overload]
    return total


# --------------------------------------------------------------- origin validation (RFC 6811)

_NOT_FOUND = int(Verdict.NOT_FOUND)
_VALID = int(Verdict.VALID)
_NO_ORIGIN = int(Verdict.INVALID_NO_ORIGIN)
_LENGTH = int(Verdict.INVALID_LENGTH)
_AS0 = int(Verdict.INVALID_AS0)
_ORIGIN = int(Verdict.INVALID_ORIGIN)


@step
def judge(
    parents: Any, first: U4, asns: U4, max_lengths: U1, nearest: int, origin: int, length: int
) -> int:
    """RFC 6811 section 2, the one place: the verdict on a route of this origin and length.

    ``nearest`` is the most specific VRP prefix that covers the route (-1: none does); all others
    that cover it are its ancestors. The VRPs of a prefix stand in ``[first, next first)``, by AS
    number, the longest maxLength of each first, so that one comparison settles each AS number.
    """
    if nearest < 0:
        return _NOT_FOUND
    too_long = False
    at = nearest
    while at >= 0 and origin > 0:  # AS 0 matches nothing (RFC 6483 section 4); neither does NONE
        here, stop = np.int64(first[at]), np.int64(first[at + 1])
        while stop - here > 8:
            middle = (here + stop) >> 1
            if asns[middle] < origin:
                here = middle + 1
            elif asns[middle - 1] < origin:
                here, stop = middle, middle + 1
            else:
                stop = middle
        while here < stop and asns[here] < origin:
            here += 1
        if here < stop and asns[here] == origin:
            if length <= max_lengths[here]:
                return _VALID
            too_long = True
        at = parents[at]
    if origin < 0:
        return _NO_ORIGIN
    if too_long:
        return _LENGTH
    at = nearest
    while at >= 0:
        if asns[first[at + 1] - 1] != 0:
            return _ORIGIN
        at = parents[at]
    return _AS0


@kernel("u8 u8 u1 i4 u4 u4 u1 i i u8 u8 u1 i8 i i u1!")
def validate_rows(
    vrp_highs: U8,
    vrp_lows: U8,
    vrp_lengths: U1,
    parents: Any,
    first: U4,
    asns: U4,
    max_lengths: U1,
    vrp_start: int,
    vrp_stop: int,
    highs: U8,
    lows: U8,
    lengths: U1,
    origins: I8,
    start: int,
    stop: int,
    verdicts: U1,
) -> None:
    """Validate routes ``[start, stop)`` against the VRP prefixes ``[vrp_start, vrp_stop)``.

    Both are of one family, both in order: one merge of two sorted tables. ``nearest`` follows
    the routes; it climbs only when its range has ended, and then for good, so the walk is linear.
    """
    if start >= stop:
        return
    nearest = last_not_after(
        vrp_highs, vrp_lows, vrp_lengths, vrp_start, vrp_stop,
        highs[start], lows[start], lengths[start],
    )  # fmt: skip
    ahead = nearest + 1
    if nearest < vrp_start:
        nearest = -1
    for row in range(start, stop):
        high, low, length = highs[row], lows[row], lengths[row]
        while ahead < vrp_stop and precedes(
            vrp_highs[ahead], vrp_lows[ahead], vrp_lengths[ahead], high, low, length
        ):
            nearest = ahead
            ahead += 1
        while nearest >= 0 and not covers(
            vrp_highs[nearest], vrp_lows[nearest], vrp_lengths[nearest], high, low
        ):
            nearest = parents[nearest]
        verdicts[row] = judge(parents, first, asns, max_lengths, nearest, origins[row], length)


@step
def climb(highs: U8, lows: U8, lengths: U1, parents: Any, row: int, high: int, low: int) -> int:
    """The nearest prefix that covers an address, from the last row not after it; -1: none."""
    while row >= 0 and not covers(highs[row], lows[row], lengths[row], high, low):
        row = parents[row]
    return row


BUCKETS = 1 << 16


@kernel("u8 i i")
def index_buckets(highs: U8, start: int, stop: int) -> U4:
    """Where the rows ``[start, stop)`` begin that have each value in their first 16 bits: u4
    ``(BUCKETS + 1,)``. A look-up then searches some rows instead of all."""
    first = np.empty(BUCKETS + 1, np.uint32)
    row = start
    for bucket in range(BUCKETS + 1):
        while row < stop and np.int64(highs[row] >> np.uint64(48)) < bucket:
            row += 1
        first[bucket] = row
    return first


@kernel("u8 u8 u1 i4 u4 u4 u1 i i u u i i")
def validate_one(
    vrp_highs: U8,
    vrp_lows: U8,
    vrp_lengths: U1,
    parents: Any,
    first: U4,
    asns: U4,
    max_lengths: U1,
    vrp_start: int,
    vrp_stop: int,
    high: int,
    low: int,
    length: int,
    origin: int,
) -> tuple[int, int]:
    """The nearest covering VRP prefix (-1: none) and the verdict for one route."""
    last = last_not_after(vrp_highs, vrp_lows, vrp_lengths, vrp_start, vrp_stop, high, low, length)
    nearest = -1
    if last >= vrp_start:
        nearest = climb(vrp_highs, vrp_lows, vrp_lengths, parents, last, high, low)
    return nearest, judge(parents, first, asns, max_lengths, nearest, origin, length)
