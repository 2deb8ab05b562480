"""Registry files: what their records mean, and what becomes of files that are not as they say."""

from __future__ import annotations

import gzip
import ipaddress
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors import delegated
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from validator.model import Holding, ResourceBatch

HEADER = "2.3|ripencc|1539467999|{count}|19830705|20181013|+0200"
RIRS = ("afrinic", "apnic", "arin", "lacnic", "ripencc")

Read = Callable[..., ResourceBatch]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(
        *lines: str | bytes, end: str = "\n", allow_truncated: bool = False
    ) -> ResourceBatch:
        path = tmp_path / "delegated"
        raw = b"".join(
            (line.encode() if isinstance(line, str) else line) + end.encode() for line in lines
        )
        path.write_bytes(raw)
        options = ReadOptions(allow_truncated=allow_truncated)
        return delegated.load(LocalFile(path, "the registry"), options)

    return reader


def header(count: int | str) -> str:
    return HEADER.format(count=count)


def rows(batch: ResourceBatch) -> list[tuple[object, ...]]:
    return [
        (
            int(batch.kind[i]),
            int(batch.first[i]),
            int(batch.last[i]),
            Holding(int(batch.status[i])),
            batch.registries[batch.registry[i]],
            batch.countries[batch.country[i]],
            batch.holders[batch.holder[i]],
            int(batch.date[i]),
        )
        for i in range(len(batch))
    ]


def ipv4(text: str) -> int:
    return int(ipaddress.IPv4Address(text))


def test_each_type_becomes_a_range_of_its_space(read: Read) -> None:
    batch = read(
        "# a comment",
        header(3),
        "ripencc|*|ipv4|*|1|summary",
        "ripencc|*|ipv6|*|1|summary",
        "ripencc|*|asn|*|1|summary",
        "",
        "ripencc|FR|ipv4|2.0.0.0|1048576|20100712|allocated|d91963c1-e981",
        "# another",
        "ripencc|NL|ipv6|2001:67c:2e8::|48|20100917|assigned|2971c08b",
        "ripencc|EU|asn|3333|2|19940519|allocated|2971c08b",
    )
    high = int(ipaddress.IPv6Address("2001:67c:2e8::")) >> 64
    assert rows(batch) == [
        (4, 2 << 24, (2 << 24) + 1048575, Holding.ALLOCATED, "ripencc", "FR", "d91963c1-e981",
         20100712),
        (6, high, high + 0xFFFF, Holding.ASSIGNED, "ripencc", "NL", "2971c08b", 20100917),
        (0, 3333, 3334, Holding.ALLOCATED, "ripencc", "EU", "2971c08b", 19940519),
    ]  # fmt: skip
    assert batch.report.kind == "resources"
    assert (batch.report.rows, batch.report.rejected, batch.report.notes) == (3, {}, ())


def test_a_count_of_addresses_need_not_be_a_power_of_two(read: Read) -> None:
    batch = read(header(1), "arin|US|ipv4|192.0.2.5|37|20000101|assigned|x")
    assert (int(batch.first[0]), int(batch.last[0])) == (ipv4("192.0.2.5"), ipv4("192.0.2.41"))


@pytest.mark.parametrize(
    ("record", "last"),
    [
        ("arin|US|ipv4|0.0.0.0|4294967296|20000101|assigned|x", 0xFFFF_FFFF),
        ("arin|US|asn|4294967295|1|20000101|assigned|x", 0xFFFF_FFFF),
        ("arin|US|ipv6|8000::|1|20000101|assigned|x", 0xFFFF_FFFF_FFFF_FFFF),
        ("arin|US|ipv6|2001:db8:0:ffff::|64|20000101|assigned|x", 0x2001_0DB8_0000_FFFF),
    ],
)
def test_a_range_may_reach_the_end_of_its_space(read: Read, record: str, last: int) -> None:
    assert int(read(header(1), record).last[0]) == last


def test_version_2_with_windows_line_ends_and_a_byte_order_mark(read: Read) -> None:
    batch = read(
        b"\xef\xbb\xbf2|afrinic|20181013|1|00000000|20181013|00000",
        "afrinic|*|asn|*|1|summary",
        "afrinic|ZA|asn|1228|1|19910301|allocated|F36B9F4B",
        end="\r\n",
    )
    assert rows(batch) == [
        (0, 1228, 1228, Holding.ALLOCATED, "afrinic", "ZA", "F36B9F4B", 19910301)
    ]


def test_available_and_reserved_rows_are_kept_apart_from_held_ones(read: Read) -> None:
    batch = read(
        header(2),
        "lacnic||ipv4|24.152.0.0|32768||reserved|",
        "lacnic||ipv6|2800::|32||available",
    )
    assert [row[3:] for row in rows(batch)] == [
        (Holding.RESERVED, "lacnic", "ZZ", "", 0),
        (Holding.AVAILABLE, "lacnic", "ZZ", "", 0),
    ]


def test_what_iana_gives_to_registries_and_protocols_is_not_held(read: Read) -> None:
    batch = read(
        header(6),
        "iana|ZZ|ipv4|1.0.0.0|16777216|20100119|allocated|apnic|iana",
        "iana|ZZ|ipv6|2001::|23|19990701|assigned|iana|iana",
        "iana|ZZ|asn|0|1|19920101|ietf|ietf|iana",
        "iana|ZZ|ipv6|2001:4e0::|27|20191107|ianapool||iana",
        "iana|ZZ|asn|400000|10|20191107|available|iana|iana",
        "apnic|AU|ipv4|1.0.0.0|256|20110811|assigned|A91872ED|e-stats",
    )
    assert [Holding(int(status)) for status in batch.status] == [
        Holding.RESERVED,
        Holding.RESERVED,
        Holding.RESERVED,
        Holding.AVAILABLE,
        Holding.AVAILABLE,
        Holding.ASSIGNED,
    ]
    assert batch.registries == ("apnic", "iana")


def test_a_holder_without_a_country_is_counted_and_no_country_is_guessed(read: Read) -> None:
    batch = read(
        header(5),
        "ripencc|eu|asn|7|1|19930901|allocated|a",
        "APNIC|AP|asn|8|1|19930901|allocated|b",
        "ripencc||asn|9|1|19930901|allocated|c",
        "ripencc|N1|asn|10|1|19930901|allocated|d",
        "ripencc|ZZ|asn|11|1|19930901|reserved|",
    )
    assert [(row[4], row[5]) for row in rows(batch)] == [
        ("ripencc", "EU"),
        ("apnic", "AP"),
        ("ripencc", "ZZ"),
        ("ripencc", "ZZ"),
        ("ripencc", "ZZ"),
    ]
    assert "2 records have a holder but no country: counted under ZZ" in batch.report.notes
    assert any(note.startswith("1 records have a country that") for note in batch.report.notes)


def test_a_row_is_not_lost_for_its_date(read: Read) -> None:
    dates = ["00000000", "", "20130229", "20131301", "2013-02-01", "00010101", "later"]
    batch = read(
        header(len(dates)), *(f"arin|US|asn|{i}|1|{day}|assigned|x" for i, day in enumerate(dates))
    )
    # The 29th of February of any year is let through: no date is computed with.
    assert [int(day) for day in batch.date] == [0, 0, 20130229, 0, 0, 0, 0]
    assert "4 records have a date that is none: taken as not known" in batch.report.notes


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("arin|US|ipv5|192.0.2.0|256|20000101|assigned|x", "unknown-type"),
        ("arin|US||192.0.2.0|256|20000101|assigned|x", "unknown-type"),
        ("2.3|nro|20181013|1|19830705|20181013|+0000", "unknown-type"),
        ("arin", "unknown-type"),
        ("arin|US|ipv4|192.0.2.0|256|20000101|legacy|x", "unknown-status"),
        ("arin|US|ipv4|192.0.2.0|256|20000101", "unknown-status"),
        ("|US|ipv4|192.0.2.0|256|20000101|assigned|x", "not-a-registry"),
        ("<b>|US|ipv4|192.0.2.0|256|20000101|assigned|x", "not-a-registry"),
        ("arin|US|ipv4|192.0.2|256|20000101|assigned|x", "bad-start"),
        ("arin|US|ipv4|2001:db8::|256|20000101|assigned|x", "bad-start"),
        ("arin|US|ipv6|192.0.2.0|48|20000101|assigned|x", "bad-start"),
        ("arin|US|asn|AS1|1|20000101|assigned|x", "bad-start"),
        ("arin|US|asn|-1|1|20000101|assigned|x", "bad-start"),
        ("arin|US|asn|1.10|1|20000101|assigned|x", "bad-start"),
        ("arin|US|ipv4|192.0.2.0|0|20000101|assigned|x", "bad-value"),
        ("arin|US|ipv4|192.0.2.0||20000101|assigned|x", "bad-value"),
        ("arin|US|ipv4|192.0.2.0|-256|20000101|assigned|x", "bad-value"),
        ("arin|US|ipv6|2001:db8::|65|20000101|assigned|x", "bad-value"),
        ("arin|US|ipv6|::|0|20000101|assigned|x", "bad-value"),
        ("arin|US|ipv6|2001:db8:1::|32|20000101|assigned|x", "host-bits"),
        ("arin|US|ipv6|2001:db8::1|64|20000101|assigned|x", "host-bits"),
        ("arin|US|ipv4|255.255.255.255|2|20000101|assigned|x", "beyond-the-space"),
        ("arin|US|ipv4|192.0.2.0|999999999999999999|20000101|assigned|x", "beyond-the-space"),
        ("arin|US|asn|4294967295|2|20000101|assigned|x", "beyond-the-space"),
        ("arin|US|asn|4294967296|1|20000101|assigned|x", "beyond-the-space"),
    ],
)
def test_a_row_that_is_no_delegation_is_refused_and_counted(
    read: Read, record: str, reason: str
) -> None:
    good = "arin|US|asn|1|1|20010920|assigned|e5e3b9c1"
    batch = read(header(2), record, good)
    assert batch.report.rejected == {reason: 1}
    assert f"first refused: line 2 ({reason})" in batch.report.notes
    assert rows(batch) == [(0, 1, 1, Holding.ASSIGNED, "arin", "US", "e5e3b9c1", 20010920)]


def test_a_file_without_one_good_record_is_refused(read: Read) -> None:
    with pytest.raises(SourceError, match="none of its 2 records is a delegation: bad-start 2"):
        read(header(2), *["arin|US|asn|x|1|20010920|assigned|y"] * 2)


def test_a_file_that_promises_no_records_is_empty(read: Read) -> None:
    assert len(read(header(0))) == 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("3|arin|1|0|1|1|0",), r"line 1\): version 3 of the registry format .* 2 or 2\.3"),
        (("# c", "", "2.4|arin|1|0|1|1|0"), r"line 3\): version 2\.4"),
        (("arin|US|asn|1|1|20010920|assigned|e5",), r"line 1\): has no version line; expected"),
        (("# only comments", "", ""), "has no version line"),
        (("<!DOCTYPE html>", "<html>"), r"line 1\): has no version line"),
        ((b"\x00\xff" * 100,), "has no version line"),
    ],
)
def test_a_file_that_is_no_registry_file_is_refused(
    read: Read, lines: tuple[str | bytes, ...], message: str
) -> None:
    with pytest.raises(SourceError, match=message) as refusal:
        read(*lines)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 250


def test_an_empty_file_is_refused(read: Read) -> None:
    with pytest.raises(SourceError, match="empty"):
        read()


RECORDS = [f"arin|US|asn|{i}|1|20010920|assigned|{i}" for i in range(1, 11)]


def test_a_file_with_fewer_records_than_its_header_counts_is_truncated(read: Read) -> None:
    lines = [header(10), "arin|*|asn|*|10|summary", *RECORDS[:7]]
    message = r"line 9\): ends early: its header counts 10 records, 7 are here"
    with pytest.raises(TruncatedSource, match=message):
        read(*lines)
    batch = read(*lines, allow_truncated=True)
    assert len(batch) == 7
    assert batch.report.truncated
    assert batch.report.notes == ("ends early: only the part before that is used",)


def test_without_summary_lines_the_header_alone_shows_a_truncation(read: Read) -> None:
    with pytest.raises(TruncatedSource):
        read(header(10), *RECORDS[:9])


def test_without_a_count_in_the_header_the_summary_shows_a_truncation(read: Read) -> None:
    with pytest.raises(TruncatedSource, match="its summary counts 10 records, 9 are here"):
        read(header(""), "arin|*|asn|*|10|summary", *RECORDS[:9])


def test_a_last_line_cut_in_two_is_a_truncation(read: Read) -> None:
    cut = "\n".join([header(10), *RECORDS])[:-20]
    with pytest.raises(TruncatedSource, match=r"line 11\): ends early: its last line is cut off"):
        read(cut, end="")
    assert len(read(cut, end="", allow_truncated=True)) == 9


def test_a_last_line_without_a_line_end_is_fine(read: Read) -> None:
    assert len(read("\n".join([header(10), *RECORDS]), end="")) == 10


def test_of_a_cut_archive_the_line_that_is_cut_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "delegated.gz"
    # Level 0 stores the text as it is, so that the cut falls where we want it.
    whole = gzip.compress("\n".join([header(10), *RECORDS, ""]).encode(), compresslevel=0)
    path.write_bytes(whole[: whole.rindex(b"assigned|10") + len("assigned|1")])
    file = LocalFile(path, "cut.gz")
    with pytest.raises(TruncatedSource, match=r"cut\.gz"):
        delegated.load(file, ReadOptions())
    batch = delegated.load(file, ReadOptions(allow_truncated=True))
    assert batch.holders[int(batch.holder[-1])] == "9"
    assert batch.report.truncated


def test_a_summary_that_disagrees_is_noted(read: Read) -> None:
    batch = read(header(10), "arin|*|asn|*|11|summary", "arin|*|ipv4|*|0|summary", *RECORDS)
    assert batch.report.notes == ("its summary counts 11 asn records, 10 are here",)
    assert not batch.report.truncated


@pytest.mark.parametrize("count", [9, 11])
def test_a_header_that_alone_disagrees_is_noted(read: Read, count: int) -> None:
    batch = read(header(count), "arin|*|asn|*|10|summary", *RECORDS)
    assert batch.report.notes == (f"its header counts {count} records, 10 are here",)


def test_comments_and_summaries_may_stand_anywhere(read: Read) -> None:
    batch = read(header(10), *RECORDS[:4], "arin|*|asn|*|10|summary", "#", *RECORDS[4:])
    assert [int(first) for first in batch.first] == list(range(1, 11))
    assert batch.report.notes == ()


@pytest.mark.parametrize(
    ("line", "built"),
    [
        ("2|ripencc|1539467999|0|19830705|20181013|+0200", 1539467999),
        ("2.3|arin|1539406814230|0|19700101|20181013|-0400", 1539406814),
        ("2.3|apnic|20181014|0||20181012|+1000", 1539475200),
        ("2|afrinic|42|0|00000000|20181013|00000", 1539388800),
        ("2|afrinic|9999999999|0|00000000|20181013|00000", 1539388800),
        ("2|afrinic|20181013|0|00000000|20181399|00000", 0),
        ("2|afrinic|||||", 0),
        ("2", 0),
    ],
)
def test_the_header_says_when_the_file_was_built(read: Read, line: str, built: int) -> None:
    assert read(line).report.built == built


def test_the_same_id_is_one_holder_and_none_is_number_zero(read: Read) -> None:
    batch = read(
        header(4),
        "arin|US|asn|1|1|20010920|assigned|abc",
        "arin|US|asn|2|1|20010920|assigned",
        "arin|US|asn|3|1|20010920|assigned|d\u00e9f|extension|more",
        "arin|US|asn|4|1|20010920|assigned|abc",
    )
    assert batch.holders == ("", "abc", "d\u00e9f")
    assert batch.holder.tolist() == [1, 0, 2, 1]


def test_too_many_registries_are_refused(read: Read) -> None:
    records = [f"r{i}|US|asn|{i}|1|20010920|assigned|x" for i in range(300)]
    with pytest.raises(SourceError, match="more than 255 registries"):
        read(header(300), *records)
    assert len(read(header(240), *records[:240]).registries) == 240


def test_too_many_lines_are_refused(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delegated, "LARGEST_LINES", 100)
    with pytest.raises(SourceError, match="more than 100 lines"):
        read(header(100), *["arin|US|asn|1|1|20010920|assigned|x"] * 100)


def test_mutated_files_never_raise_anything_but_our_errors(read: Read) -> None:
    dice = random.Random(2050)
    whole = "\n".join(
        [
            header(4),
            "ripencc|*|ipv4|*|2|summary",
            "ripencc|FR|ipv4|2.0.0.0|1048576|20100712|allocated|d91963c1",
            "iana|ZZ|ipv4|1.0.0.0|16777216|20100119|allocated|apnic|iana",
            "ripencc|NL|ipv6|2001:67c:2e8::|48|20100917|assigned|2971c08b",
            "ripencc|EU|asn|3333|2|19940519|allocated|2971c08b\n",
        ]
    ).encode()
    read_some = 0
    for _ in range(2000):
        raw = bytearray(whole)
        for _ in range(dice.randrange(1, 8)):
            at = dice.randrange(len(raw))
            raw[at : at + dice.randrange(3)] = dice.choice(
                [b"|", b"\n", b"9", b"\xff", b'"', b"", b"#", b"99999999999999999999", b"\0"]
            )
        try:
            batch = read(bytes(raw), end="", allow_truncated=bool(dice.getrandbits(1)))
        except SourceError:
            continue
        read_some += len(rows(batch))
    assert read_some > 1000


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("rir", "counts"),
    [
        ("afrinic", (2302, 3759, 3312)),
        ("apnic", (9210, 41684, 62156)),
        ("arin", (27153, 62481, 53165)),
        ("lacnic", (9181, 15594, 33066)),
        ("ripencc", (39448, 72789, 76952)),
    ],
)
def test_the_files_of_2018_are_read_whole(
    real_data: Path, rir: str, counts: tuple[int, int, int]
) -> None:
    """The counts are those of each file's own summary lines."""
    name = f"delegated-{rir}-extended-latest.gz"
    batch = delegated.load(LocalFile(real_data / "registry" / name, name), ReadOptions())
    assert batch.report.rejected == {}
    assert batch.report.notes == ()
    assert batch.registries == (rir,)
    assert tuple(int((batch.kind == kind).sum()) for kind in (0, 4, 6)) == counts
    assert 1539302400 <= batch.report.built <= 1539475200


@pytest.mark.real_data
def test_the_files_of_2018_are_read_as_a_plain_reading_has_them(real_data: Path) -> None:
    name = "delegated-lacnic-extended-latest.gz"
    path = real_data / "registry" / name
    expected = []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        fields = line.split("|")
        if line.startswith(("#", "2")) or fields[-1] == "summary":
            continue
        registry, country, kind, start, value, day, status, *rest = fields
        if kind == "ipv6":
            first = int(ipaddress.IPv6Address(start)) >> 64
            last = first + (1 << 64 - int(value)) - 1
        else:
            first = ipv4(start) if kind == "ipv4" else int(start)
            last = first + int(value) - 1
        number = {"asn": 0, "ipv4": 4, "ipv6": 6}[kind]
        holder = rest[0] if rest else ""
        held = Holding[status.upper()]
        expected.append(
            (number, first, last, held, registry, country or "ZZ", holder, int(day or 0))
        )
    assert rows(delegated.load(LocalFile(path, name), ReadOptions())) == expected


@pytest.mark.real_data
def test_the_samples_of_the_combined_file_are_read(real_data: Path) -> None:
    samples = real_data / "registry" / "nro_samples"
    for name in (
        "data_afriaprin",
        "data_claims_combined",
        "data_iana",
        *(f"data_{r}" for r in RIRS),
    ):
        batch = delegated.load(LocalFile(samples / name, name), ReadOptions())
        assert batch.report.rejected == {}, name
        assert len(batch) >= 18
    iana = delegated.load(LocalFile(samples / "data_iana", "iana"), ReadOptions())
    assert not any(Holding(int(status)).delegated for status in iana.status)
