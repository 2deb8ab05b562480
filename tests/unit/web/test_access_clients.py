"""Whose address counts, behind which proxies; and buckets that refill."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from validator.web.clients import Address, Addresses, Buckets

PROXIES = ("192.0.2.0/24", "2001:db8::/32")


def client(header: str, *values: str, peer: str = "192.0.2.1") -> Address:
    """Of a request that a peer passes on with these headers."""
    addresses = Addresses(PROXIES, header)
    headers = CIMultiDict((header, value) for value in values)
    request = make_mocked_request("GET", "/", headers).clone(remote=peer)
    return addresses.of(request)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # what is left of it may be made up
        (["203.0.113.7, 192.0.2.9"], "203.0.113.7"),  # two proxies of ours
        (["203.0.113.7", "192.0.2.9, 2001:db8::1"], "203.0.113.7"),
        (["203.0.113.7:4711"], "203.0.113.7"),
        (["[2600::1]:4711"], "2600::1"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["192.0.2.9"], "192.0.2.9"),  # all are ours: the left-most asks
        (["203.0.113.7, unknown, 192.0.2.9"], "192.0.2.9"),
        (["203.0.113.7, "], "192.0.2.1"),
        (["1.2.3.4" + "," * 5000], "192.0.2.1"),
        ([], "192.0.2.1"),
    ],
)
def test_the_right_most_address_that_is_no_trusted_proxy_is_the_client(
    values: list[str], text: str
) -> None:
    assert client("X-Forwarded-For", *values).text == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ("for=198.51.100.1;proto=https, For=203.0.113.7;by=192.0.2.1", "203.0.113.7"),
        ('for="[2600::1]:4711"', "2600::1"),
        ('by="a,for=1.1.1.1";for=203.0.113.7', "203.0.113.7"),
        (r'by="a\",b";for=203.0.113.7, for=192.0.2.9', "203.0.113.7"),
        ("for=_hidden", "192.0.2.1"),
        ("for=unknown", "192.0.2.1"),
        ("proto=https", "192.0.2.1"),
        ("for=1.1.1.1;for=203.0.113.7", "192.0.2.1"),
        ('for="203.0.113.7', "192.0.2.1"),
    ],
)
def test_forwarded_is_read_as_rfc_7239_has_it(value: str, text: str) -> None:
    assert client("Forwarded", value).text == text


def test_who_is_no_trusted_proxy_speaks_for_itself_alone() -> None:
    assert client("X-Forwarded-For", "127.0.0.1", peer="203.0.113.7").text == "203.0.113.7"


def test_a_proxy_that_does_not_say_who_asks_is_limited_itself_though_it_is_local() -> None:
    addresses = Addresses(("127.0.0.0/8",), "X-Forwarded-For")
    assert addresses.of_peer("127.0.0.1").local
    request = make_mocked_request("GET", "/", {"X-Forwarded-For": "unknown"})
    assert addresses.of(request.clone(remote="127.0.0.1")) == Address(
        "127.0.0.1", "127.0.0.1", False, True
    )


def test_an_ipv6_client_is_its_64() -> None:
    addresses = Addresses((), "X-Forwarded-For")
    one, two, other = map(addresses.of_peer, ("2600::1", "2600::ffff:0:0:2", "2600:0:0:1::1"))
    assert one.key == two.key == "2600::/64"
    assert other.key != one.key


@given(st.text(max_size=60), st.sampled_from(["X-Forwarded-For", "Forwarded"]))
def test_whatever_a_proxy_says_there_is_a_client(said: str, header: str) -> None:
    addresses = Addresses(("192.0.2.1",), header)
    assert addresses._behind("192.0.2.1", said).key


def test_a_client_may_send_a_burst_and_then_as_many_as_come_in() -> None:
    buckets = Buckets(rate=2.0, most=3)
    assert [buckets.take("a", 10.0) for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take("b", 10.0) == 0
    assert [buckets.take("a", 11.0) for _ in range(3)] == [0, 0, 1]
    assert [buckets.take("a", 1000.0) for _ in range(4)] == [0, 0, 0, 1]


def test_who_must_wait_longer_is_told_so() -> None:
    buckets = Buckets(rate=0.1, most=1)
    assert (buckets.wait("a", 0.0), buckets.take("a", 0.0)) == (0, 0)
    assert (buckets.take("a", 0.0), buckets.wait("a", 4.5), buckets.wait("a", 10.0)) == (10, 6, 0)


def test_more_clients_than_can_be_known_do_not_take_more_memory() -> None:
    buckets = Buckets(rate=1.0, most=1, known=3)
    buckets.take("first", 0.0)
    for number in range(100):
        buckets.take(str(number), 0.0)
    assert len(buckets) == 3
    assert buckets.take("first", 0.0) == 0  # forgotten
    assert buckets.take("99", 0.0) > 0  # not yet
