"""Coverage as text is, byte for byte, what the plain rows give one at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import msgspec
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from validator.figures.coverage import Coverage, rows
from validator.figures.coverage_text import csv_text, json_rows
from validator.figures.table_rows import COVERAGE_COLUMNS, flat
from validator.groupings import Attribution, Scheme
from validator.model import Family
from validator.tables.announced import REASONS

BOTH = (Family.IPV4, Family.IPV6)
# What either form quotes or escapes, what marks a hole in a frame, and more than one byte long.
TEXTS = st.text(st.sampled_from(' ",\n\r\t\\$#\x00\x7faé中\U0001f30d'), max_size=4) | st.text(
    max_size=8
)
# Nothing at all, small numbers whose quotients repeat, and those that a float cannot hold.
COUNTS = st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 2**61))
SPACES = st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 2**20), st.integers(0, 2**63 - 1))


@st.composite
def coverages(draw: st.DrawFn) -> Coverage:
    groups = draw(st.lists(TEXTS, unique=True, max_size=4))
    return made(
        draw(st.sampled_from(list(Scheme))),
        groups,
        draw(
            st.lists(st.tuples(*[COUNTS] * 3), min_size=2 * len(groups), max_size=2 * len(groups))
        ),
        draw(
            st.lists(st.tuples(*[SPACES] * 5), min_size=2 * len(groups), max_size=2 * len(groups))
        ),
    )


def made(
    scheme: Scheme,
    groups: list[str],
    counts: list[tuple[int, ...]],
    spaces: list[tuple[int, ...]],
) -> Coverage:
    """The first half of the figures is IPv4's, the second IPv6's."""
    n = len(groups)
    routes = np.array(counts, "u8").reshape(2, n, 3)
    space = np.array(spaces, "u8").reshape(2, n, 5)
    return Coverage(
        scheme,
        Attribution.ORIGIN,
        tuple(groups),
        {Family.IPV4: routes[0], Family.IPV6: routes[1]},
        {Family.IPV4: space[0], Family.IPV6: space[1]},
        dict.fromkeys(Family, np.zeros((n, len(REASONS) - 1), "u8")),
    )


def plain(
    coverage: Coverage, names: Mapping[str, str], families: tuple[Family, ...]
) -> tuple[bytes, bytes]:
    listed = list(rows(coverage, names.__getitem__, families))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COVERAGE_COLUMNS)
    writer.writerows(map(flat, listed))
    return text.getvalue().encode(), msgspec.json.encode(listed)


def fast(
    coverage: Coverage, names: Mapping[str, str], families: tuple[Family, ...]
) -> tuple[bytes, bytes]:
    name = names.__getitem__
    return (
        b"".join(csv_text(coverage, name, families)),
        b"[%b]" % b"".join(json_rows(coverage, name, families)),
    )


@settings(max_examples=150, deadline=None)
@given(coverages(), st.data(), st.sampled_from([BOTH, BOTH[:1], BOTH[1:]]))
def test_csv_and_json_equal_the_plain_rows(
    coverage: Coverage, data: st.DataObject, families: tuple[Family, ...]
) -> None:
    names = {group: data.draw(st.one_of(st.just(""), TEXTS)) for group in coverage.groups}
    assert fast(coverage, names, families) == plain(coverage, names, families)


PART, WHOLE = 2**53 + 783, 2**60 + 259  # as floats both are rounded, and so is their quotient


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(1, 2**63 - 1))
@example(PART, WHOLE)
def test_shares_of_numbers_beyond_a_floats_precision_are_the_nearest_floats(
    part: int, whole: int
) -> None:
    spaces = (whole, part, part, 0, part)
    coverage = made(Scheme.RIR, ["arin"], [(1, 0, 0)] * 2, [spaces] * 2)
    ipv4, ipv6 = msgspec.json.decode(fast(coverage, {"arin": "ARIN"}, BOTH)[1])
    assert ipv4["space_coverage"] == ipv6["space_coverage"] == part / whole
    assert ipv4["space"]["covered"] == part
    assert ipv6["space"]["covered"] == part / 65536


def test_no_groups_and_no_families_are_a_header_and_an_empty_array() -> None:
    nobody = made(Scheme.ASN, [], [], [])
    assert fast(nobody, {}, BOTH) == plain(nobody, {}, BOTH)
    assert fast(nobody, {}, ()) == plain(nobody, {}, ())


def test_rows_beyond_one_piece_of_text_are_joined_without_a_seam() -> None:
    """More text than is made at once, and in it one row that alone is more."""
    n = 4000
    draw = np.random.default_rng(6)
    coverage = made(
        Scheme.ASN,
        [f"AS{number}" for number in range(n)],
        draw.integers(0, 5, (2 * n, 3)).tolist(),
        draw.integers(0, 1 << 20, (2 * n, 5)).tolist(),
    )
    names = {group: "a, b" if group < "AS3" else "" for group in coverage.groups}
    names["AS2000"] = '"long" ' * 50_000
    assert len(list(csv_text(coverage, names.__getitem__))) > 3
    assert fast(coverage, names, BOTH) == plain(coverage, names, BOTH)
