"""Sets of VRPs as columns of keys, beside Python's own sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import vrp_sets
from collectors.vrp_sets import EMPTY, KEY, Keys
from validator.model import InputReport

few = st.binary(min_size=22, max_size=22).map(lambda tail: bytes([4 + 2 * (tail[0] & 1)]) + tail)
near = st.tuples(st.sampled_from([4, 6]), st.integers(0, 2), st.integers(0, 2)).map(
    lambda chosen: (
        bytes([chosen[0]]) + bytes(15) + bytes([chosen[1]]) + bytes(5) + bytes([chosen[2]])
    )
)
keys = few | near
sets = st.sets(keys, max_size=40)


def column(given: set[bytes] | list[bytes]) -> Keys:
    ordered = sorted(given) if isinstance(given, set) else given
    return np.frombuffer(b"".join(ordered), KEY) if ordered else EMPTY


def back(column: Keys) -> set[bytes]:
    raw = column.tobytes()
    rows = [raw[at : at + 23] for at in range(0, len(raw), 23)]
    assert rows == sorted(set(rows)), "not ascending and distinct"
    return set(rows)


@given(sets, sets)
@settings(max_examples=200, deadline=None)
def test_difference_leads_from_one_set_to_the_other(old: set[bytes], new: set[bytes]) -> None:
    announced, withdrawn = vrp_sets.difference(column(old), column(new))
    assert back(announced) == new - old
    assert back(withdrawn) == old - new
    assert back(vrp_sets.applied(column(old), announced, withdrawn)) == new


@given(st.lists(sets, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_union_is_every_vrp_once(given: list[set[bytes]]) -> None:
    assert back(vrp_sets.union([column(each) for each in given])) == set().union(*given)


@given(sets, st.lists(keys, max_size=60))
@settings(max_examples=200, deadline=None)
def test_net_is_what_a_sequence_comes_to(start: set[bytes], touched: list[bytes]) -> None:
    """Each key in the sequence is announced if it is not there, else withdrawn."""
    now, flags = set(start), []
    for key in touched:
        flags.append(key not in now)
        now ^= {key}
    announced, withdrawn = vrp_sets.net(column(touched), np.array(flags, "?"))
    assert back(announced) == now - start
    assert back(withdrawn) == start - now


def test_what_does_not_fit_the_set_is_not_applied() -> None:
    base, other = column({bytes([4]) * 23}), column({bytes([6]) * 23})
    with pytest.raises(ValueError, match="not announced"):
        vrp_sets.applied(base, EMPTY, other)
    with pytest.raises(ValueError, match="twice"):
        vrp_sets.applied(base, base, EMPTY)
    with pytest.raises(ValueError, match="not announced"):
        vrp_sets.applied(EMPTY, EMPTY, other)


def test_keys_become_columns() -> None:
    ipv4 = bytes([4, 192, 0, 2, 0]) + bytes(12) + bytes([24, 0, 0, 0xFB, 0xF0, 25])
    ipv6 = bytes([6, 0x20, 1, 0xD, 0xB8]) + bytes(11) + bytes([1, 128, 255, 255, 255, 255, 128])
    batch = vrp_sets.batch(
        column([ipv4, ipv6]), np.array([0, 1], "u1"), ("a", "b"), InputReport("test", "rtr")
    )
    assert [str(batch.prefixes[row]) for row in (0, 1)] == ["192.0.2.0/24", "2001:db8::1/128"]
    assert batch.asn.tolist() == [64496, 4294967295]
    assert batch.max_length.tolist() == [25, 128]
    assert batch.trust_anchor.tolist() == [0, 1]
    assert batch.expires.tolist() == [0, 0]
    columns = (batch.prefixes.high, batch.asn, batch.max_length, batch.expires)
    assert [each.dtype.str for each in columns] == ["<u8", "<u4", "|u1", "<i8"]


def test_keys_that_end_in_zeros_are_told_apart() -> None:
    """numpy shows such strings without their zeros; as sets they keep them."""
    rows = {bytes([4]) + bytes(22), bytes([4]) + bytes(16) + bytes([1]) + bytes(5)}
    assert back(vrp_sets.union([column(rows), column(rows)])) == rows
    assert vrp_sets.contains(column(rows), column(rows)).all()
