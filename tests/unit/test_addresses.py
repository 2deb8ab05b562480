"""Which announced prefixes contain an address, case by case."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest

from validator.model import NO_ORIGIN, Prefix, Prefixes
from validator.tables.addresses import covering, parse_address
from validator.tables.routes import RouteTable, SeenRoutes, publish


def table(*rows: tuple[str, int]) -> RouteTable:
    ordered = sorted((Prefix.parse(prefix), origin) for prefix, origin in rows)
    seen = SeenRoutes(
        Prefixes.of([prefix for prefix, _ in ordered]),
        np.array([origin for _, origin in ordered], "i8"),
        np.ones(len(ordered), "u2"),
    )
    return publish(seen, np.zeros(len(ordered), "u1"))


def found(routes: RouteTable, address: str) -> list[str]:
    """``PREFIX: ORIGIN ORIGIN…`` for each prefix found."""
    return [
        f"{routes.prefix(rows.start)}: {' '.join(str(routes[row].origin) for row in rows)}"
        for rows in covering(routes, parse_address(address))
    ]


NESTED = table(
    ("0.0.0.0/0", 1),
    ("10.0.0.0/8", 2),
    ("10.0.0.0/24", 3),
    ("10.0.0.0/24", 4),
    ("10.0.0.0/24", NO_ORIGIN),
    ("10.0.0.5/32", 5),
    ("10.0.0.128/25", 6),
    ("10.1.0.0/16", 7),
    ("255.255.255.255/32", 8),
    ("::/0", 9),
    ("2001:db8::/32", 10),
    ("2001:db8::/64", 11),
    ("2001:db8::1/128", 12),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 13),
)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.5", ["10.0.0.5/32: 5", "10.0.0.0/24: -1 3 4", "10.0.0.0/8: 2", "0.0.0.0/0: 1"]),
        ("10.0.0.6", ["10.0.0.0/24: -1 3 4", "10.0.0.0/8: 2", "0.0.0.0/0: 1"]),
        ("10.0.0.0", ["10.0.0.0/24: -1 3 4", "10.0.0.0/8: 2", "0.0.0.0/0: 1"]),
        (
            "10.0.0.255",
            ["10.0.0.128/25: 6", "10.0.0.0/24: -1 3 4", "10.0.0.0/8: 2", "0.0.0.0/0: 1"],
        ),
        ("10.255.0.0", ["10.0.0.0/8: 2", "0.0.0.0/0: 1"]),
        ("0.0.0.0", ["0.0.0.0/0: 1"]),
        ("255.255.255.254", ["0.0.0.0/0: 1"]),
        ("255.255.255.255", ["255.255.255.255/32: 8", "0.0.0.0/0: 1"]),
        (
            "2001:db8::1",
            ["2001:db8::1/128: 12", "2001:db8::/64: 11", "2001:db8::/32: 10", "::/0: 9"],
        ),
        ("2001:db8::ffff:0:0:0", ["2001:db8::/64: 11", "2001:db8::/32: 10", "::/0: 9"]),
        ("2001:db8:0:1::", ["2001:db8::/32: 10", "::/0: 9"]),
        ("::", ["::/0: 9"]),
        (
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128: 13", "::/0: 9"],
        ),
    ],
)
def test_the_most_specific_prefix_comes_first_with_all_its_origins(
    address: str, expected: list[str]
) -> None:
    assert found(NESTED, address) == expected


def test_the_families_do_not_answer_for_each_other() -> None:
    assert found(table(("::/0", 1), ("2001:db8::/32", 2)), "10.0.0.1") == []
    assert found(table(("0.0.0.0/0", 1), ("10.0.0.0/8", 2)), "a00::1") == []


def test_an_empty_table_announces_nothing() -> None:
    assert found(table(), "192.0.2.1") == []
    assert found(table(), "2001:db8::1") == []


def test_every_length_at_once_is_found_in_order() -> None:
    ones4, ones6 = ipaddress.ip_address("255.255.255.255"), ipaddress.IPv6Address((1 << 128) - 1)
    for address, bits in ((ones4, 32), (ones6, 128)):
        nested = [
            str(ipaddress.ip_network(f"{address}/{length}", strict=False))
            for length in range(bits + 1)
        ]
        routes = table(*((prefix, 1) for prefix in nested))
        assert found(routes, str(address)) == [f"{prefix}: 1" for prefix in reversed(nested)]


def test_neighbours_that_share_almost_every_bit_do_not_hide_what_covers() -> None:
    # Each of these is nearer to the address in the table than what contains it.
    beside = [f"10.255.255.{255 & ~(1 << bit)}/32" for bit in range(1, 8)]
    routes = table(("10.0.0.0/8", 1), *((prefix, 2) for prefix in beside))
    assert found(routes, "10.255.255.255") == ["10.0.0.0/8: 1"]


def test_a_prefix_is_covered_by_itself_and_by_what_is_above_it_only() -> None:
    rows = covering(NESTED, Prefix.parse("10.0.0.0/24"))
    assert [str(NESTED.prefix(each.start)) for each in rows] == [
        "10.0.0.0/24",
        "10.0.0.0/8",
        "0.0.0.0/0",
    ]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("2001:DB8:0:0::1", "2001:db8::1/128"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:c000:201", "192.0.2.1/32"),
        ("::192.0.2.1", "::c000:201/128"),
    ],
)
def test_an_address_is_read_in_any_of_its_forms(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("192.0.2.0/24", "is not one address: give it without the slash, 192.0.2.0"),
        ("2001:db8::/32", "is not one address: give it without the slash, 2001:db8::"),
        ("192.0.2.1/", "is not one address"),
        ("fe80::1%eth0", "has a zone"),
        ("::ffff:192.0.2.1%1", "has a zone"),
        ("192.0.2.256", "is not an IPv4 or IPv6 address"),
        ("192.0.2", "is not an IPv4 or IPv6 address"),
        ("010.0.0.1", "is not an IPv4 or IPv6 address"),
        ("\u0661.1.1.1", "is not an IPv4 or IPv6 address"),
        ("AS64496", "is not an IPv4 or IPv6 address"),
        ("3221225985", "is not an IPv4 or IPv6 address"),
        ("1" * 10_000, "is not an IPv4 or IPv6 address"),
        ("/24", "is not an IPv4 or IPv6 address"),
        ("", "is not an IPv4 or IPv6 address"),
    ],
)
def test_what_is_not_one_address_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_address(text)
