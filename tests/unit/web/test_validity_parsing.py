"""Prefixes in a path or query: their bits beyond the length are ignored, nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.formats.asked import relaxed_prefix
from validator.model import Prefix


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.255/24", "192.0.2.0/24"),
        ("192.0.2.1/32", "192.0.2.1/32"),
        ("255.255.255.255/0", "0.0.0.0/0"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("2001:DB8:0:0::/128", "2001:db8::/128"),
        ("ffff::ffff/65", "ffff::/65"),
        ("::/0", "::/0"),
    ],
)
def test_host_bits_are_ignored(text: str, prefix: str) -> None:
    assert relaxed_prefix(text) == Prefix.parse(prefix)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "192.0.2.0",
        "192.0.2.0/",
        "192.0.2.0/33",
        "192.0.2.0/-1",
        "192.0.2.0/+8",
        "192.0.2.0/8 ",
        "192.0.2.0/٨",
        "192.0.2.0/24/24",
        "192.0.2/24",
        "192.0.2.256/24",
        "0x7f.1/8",
        "010.0.0.0/8",
        "1.2.3.4\0/8",
        "2001:db8::/129",
        "2001:db8::%eth0/64",
        "2001:db8:::/64",
        "::ffff:1.2.3/96",
        "é/8",
        "192.0.2.0/" + "9" * 5000,
    ],
)
def test_what_is_no_prefix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an address|no length"):
        relaxed_prefix(text)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6), st.data())
def test_a_proper_prefix_means_the_same_to_both_readers(
    address: object, data: st.DataObject
) -> None:
    import ipaddress

    assert isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address)
    length = data.draw(st.integers(0, address.max_prefixlen))
    network = ipaddress.ip_network((address, length), strict=False)
    assert relaxed_prefix(f"{address}/{length}") == Prefix.parse(str(network))
