"""The patterns of the contract are exact: what they allow is read, what they forbid is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from validator.formats.asked import relaxed_prefix
from validator.model import parse_asn
from validator.tables.addresses import parse_address
from validator.web.contract import ADDRESS_TEXT, ASN_TEXT, PREFIX_TEXT

GROUPS = st.lists(st.from_regex("[0-9a-fA-F]{0,5}", fullmatch=True), min_size=1, max_size=9)
ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.integers(0, 2**128 - 1).map(lambda value: IPv6Address(value).exploded),
    st.integers(0, 2**32 - 1).map(lambda value: f"::{IPv4Address(value)}"),
    st.integers(0, 2**32 - 1).map(lambda value: f"1:2:3:4:5:6:{IPv4Address(value)}"),
    GROUPS.map(":".join),
    st.tuples(GROUPS, GROUPS).map(lambda both: f"{':'.join(both[0])}::{':'.join(both[1])}"),
    st.lists(st.integers(0, 300).map(str), min_size=3, max_size=5).map(".".join),
    st.text("0123456789abcfF:./% \n", max_size=24),
)
LENGTHS = st.one_of(
    st.integers(0, 140).map(str),
    st.integers(0, 140).map(lambda length: f"{length:03}"),
    st.text("0123456789", max_size=4),
)


def allows(schema: dict[str, Any], text: str) -> bool:
    return re.search(schema["pattern"].replace("$", r"\Z"), text) is not None


def reads(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


@given(ADDRESSES)
@example("1:2:3:4:5:6:7::")
@example("::ffff:192.0.2.1")
@example("192.0.2.01")
def test_an_address_is_read_exactly_where_its_pattern_allows_it(text: str) -> None:
    assert allows(ADDRESS_TEXT, text) == reads(parse_address, text)


@given(ADDRESSES, LENGTHS)
@example("::", "128")
@example("0.0.0.0", "032")
def test_a_prefix_is_read_exactly_where_its_pattern_allows_it(address: str, length: str) -> None:
    for text in (f"{address}/{length}", f"{address}{length}"):
        assert allows(PREFIX_TEXT, text) == reads(relaxed_prefix, text)


@given(
    st.sampled_from(["", "AS", "as", "aS", "A", " AS", "ASN"]),
    st.one_of(
        st.integers(0, 2**33).map(str),
        st.integers(2**32 - 300, 2**32 + 300).map(str),
        st.integers(0, 2**32).map(lambda number: f"{number:011}"),
        st.text("0123456789 \n+-٣", max_size=12),
    ),
)
@example("AS", "4294967295")
@example("", "4294967296")
def test_an_as_number_is_read_exactly_where_its_pattern_allows_it(sign: str, digits: str) -> None:
    assert allows(ASN_TEXT, sign + digits) == reads(parse_asn, sign + digits)
