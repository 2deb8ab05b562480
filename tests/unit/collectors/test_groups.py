"""Lists of groups: what a person may write, what is refused with which words, and what nobody can
do to us with any bytes at all."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import group_form, groups
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from collectors.catalog import Kind, wanted
from collectors.countries import ISO_3166_1, OTHER_CODES
from collectors.local import find
from validator.model import GroupBatch, Grouping, InternetUsers, Members, Membership

Read = Callable[..., GroupBatch]
GROUPS = Path(__file__).resolve().parents[3] / "config" / "groups"

OURS = """# scheme: ldc
# title: Least developed
# members: country
# group: ldc = Least developed countries
# others: The others
# source: somebody
# licence: facts
# dated: 2026-06-01
country,group,from,until
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(content: str | bytes, name: str = "banks.csv") -> GroupBatch:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return groups.load(LocalFile(path, f"folder/{name}"), ReadOptions())

    return reader


def grouping(batch: GroupBatch) -> Grouping:
    assert batch.grouping is not None
    return batch.grouping


# --------------------------------------------------------------------------------- what is allowed


def test_a_list_of_ours_says_what_it_is(read: Read) -> None:
    batch = read(OURS + "af,ldc,1971-11-18,\nBT,ldc,,2023-12-13\n", "anything.csv")
    found = grouping(batch)
    assert (found.scheme, found.title, found.members) == (
        "ldc", "Least developed", Members.COUNTRIES,
    )  # fmt: skip
    assert found.names == {"ldc": "Least developed countries"}
    assert (found.others, found.origin, found.licence) == ("The others", "somebody", "facts")
    assert found.dated == date(2026, 6, 1)
    assert found.memberships == (
        Membership("AF", "ldc", date(1971, 11, 18), None),
        Membership("BT", "ldc", None, date(2023, 12, 13)),
    )
    assert (batch.report.kind, batch.report.rows, batch.report.sample) == ("groups", 2, False)
    assert len(batch.report.sha256) == 64


@pytest.mark.parametrize(
    ("content", "members", "listed"),
    [
        ("country,group\nNL,north\n", Members.COUNTRIES, "NL"),
        ("asn,group\n64496,north\n", Members.NETWORKS, "AS64496"),
        ("ASN,Group\nas64496,north\n", Members.NETWORKS, "AS64496"),
        ("prefix,group\n2001:DB8::/32,north\n", Members.PREFIXES, "2001:db8::/32"),
        ("# members: asn\nmember,group\n64496,north\n", Members.NETWORKS, "AS64496"),
        ("\ufeffcountry,group\r\nNL,north\r\n", Members.COUNTRIES, "NL"),
        ('country,group,note\n"NL","north","with, a comma"\n', Members.COUNTRIES, "NL"),
        ("country,group\rNL,north\r", Members.COUNTRIES, "NL"),
        (
            "\n# any remark\n\ncountry , group\n\n# another\n NL , north \n,\n",
            Members.COUNTRIES,
            "NL",
        ),
    ],
)
def test_the_users_own_list_needs_two_columns_and_a_name(
    read: Read, content: str, members: Members, listed: str
) -> None:
    found = grouping(read(content, "My_Banks.csv"))
    assert (found.scheme, found.title) == ("custom-my-banks", "my-banks")
    assert found.members is members
    assert found.memberships == (Membership(listed, "north"),)
    assert found.names == {"north": "north"}
    assert (found.others, found.origin, found.licence) == ("Not listed", "not stated", "not stated")
    assert found.dated > date(2024, 1, 1), "the day on which the file was written"


def test_a_url_and_a_packed_file_give_their_names_too(tmp_path: Path) -> None:
    path = tmp_path / "0123.body"
    path.write_bytes(gzip.compress(b"country,group\nNL,north\n"))
    source = "https://lists.example/of/banks.csv.gz?version=2"
    assert grouping(groups.load(LocalFile(path, source), ReadOptions())).scheme == "custom-banks"


def test_groups_are_named_once_in_the_head_or_beside_a_member(read: Read) -> None:
    in_head = "# group: b = Second\n# group: a = First, first\ncountry,group\nNL,a\nDE,b\nFR,a\n"
    assert grouping(read(in_head)).names == {"b": "Second", "a": "First, first"}
    beside = 'member,group,name\nNL,a,"First, first"\nDE,b,Second\nFR,a,\nBE,a,"First, first"\n'
    found = grouping(read("# members: country\n" + beside))
    assert list(found.names.items()) == [("a", "First, first"), ("b", "Second")]
    assert len(found.memberships) == 4


def test_the_same_country_may_be_in_one_group_after_another(read: Read) -> None:
    found = grouping(read("country,group,from,until\nNL,a,,2020-01-01\nNL,b,2020-01-01,\n"))
    assert [each.group for each in found.memberships] == ["a", "b"]


def test_nested_prefixes_are_no_duplicates(read: Read) -> None:
    found = grouping(read("prefix,group\n10.0.0.0/8,a\n10.1.0.0/16,b\n"))
    assert len(found.memberships) == 2


def test_countries_have_names(read: Read) -> None:
    batch = read("# kind: countries\ncountry,name,alpha3,m49\nNL,Netherlands,NLD,528\nEU,Union,,\n")
    assert batch.countries == {"NL": "Netherlands", "EU": "Union"}
    assert (batch.grouping, batch.users, batch.report.rows) == (None, {}, 2)


def test_of_internet_users_the_latest_year_counts_and_a_sample_says_so(read: Read) -> None:
    rows = "country,year,users\nNL,2020,10\nNL,2022,30\nNL,2021,20\nDE,2019,0\n"
    batch = read("# SAMPLE: fictional, not real\n# kind: users\n" + rows)
    assert batch.users == {"NL": InternetUsers(30, 2022), "DE": InternetUsers(0, 2019)}
    assert (batch.grouping, batch.report.rows, batch.report.sample) == (None, 4, True)


def test_names_cannot_steer_a_terminal_nor_fill_a_page(read: Read) -> None:
    found = grouping(
        read(
            f"# title: \x1b[31mred\u202e\n# others: {'x' * 9000}\ncountry,group,name\nNL,a,\x07B\n"
        )
    )
    assert found.title == "[31mred"
    assert len(found.others) == group_form.LONGEST_REMARK
    assert found.names == {"a": "B"}
    long = grouping(read(f"country,group,name\nNL,a,{'y' * 9000}\n"))
    assert len(long.names["a"]) == group_form.LONGEST_NAME


def test_of_a_folder_only_csv_files_are_read_but_a_file_named_alone_is(tmp_path: Path) -> None:
    for name in ("a.csv", "README.md", "b.CSV.gz", "c.csv.bak", ".hidden.csv"):
        (tmp_path / name).write_text("x")
    files, _ = find(str(tmp_path))
    chosen = wanted(Kind.GROUPS, str(tmp_path), files)
    assert [file.path.name for file in chosen] == ["a.csv", "b.CSV.gz"]
    assert wanted(Kind.ROUTES, str(tmp_path), files) == files
    alone, _ = find(str(tmp_path / "README.md"))
    assert wanted(Kind.GROUPS, str(tmp_path / "README.md"), alone) == alone
    with pytest.raises(SourceError, match=r"has no CSV files; their names end in \.csv"):
        wanted(Kind.GROUPS, str(tmp_path), files[:1])


def test_country_codes_are_the_249_of_the_standard_and_three_more() -> None:
    assert len(ISO_3166_1) == 249
    assert not ISO_3166_1 & OTHER_CODES


# --------------------------------------------------------------------------------- what is refused

HEAD = "country,group,from,until\n"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        # members
        (HEAD + "NL,a,,\nXX,a,,\n", 3, "the country `XX` is unknown; give the two letters of ISO"),
        (HEAD + "UK,a,,\n", 2, "the country `UK` is unknown; the United Kingdom's code is GB"),
        (HEAD + "ZZ,a,,\n", 2, "what nobody holds cannot be listed"),
        (HEAD + "NLD,a,,\n", 2, "the country `NLD` is unknown"),
        (HEAD + ",a,,\n", 2, "the country `` is unknown"),
        ("asn,group\nAS4294967296,a\n", 2, "the network `AS4294967296` is unknown"),
        ("asn,group\nNL,a\n", 2, "the network `NL` is unknown; give a number such as AS64496"),
        ("prefix,group\n10.0.0.1/8,a\n", 2, "`10.0.0.1/8` is unknown; .* no bit set beyond"),
        ("prefix,group\n10.0.0.0,a\n", 2, "the prefix `10.0.0.0` is unknown"),
        ("prefix,group\n2001:db8::/65,a\n", 2, "longer than /64"),
        # duplicates and dates
        (HEAD + "NL,a,,\nDE,a,,\nNL,a,,\n", 4, "NL is listed twice, first in line 2; leave one"),
        (HEAD + "NL,a,,\nnl,b,,\n", 3, "NL is listed twice, first in line 2"),
        ("asn,group\n1,a\nAS1,a\n", 3, "AS1 is listed twice, first in line 2"),
        (
            HEAD + "NL,a,,2020-01-02\nNL,b,2020-01-01,\n", 3,
            r"the dates of NL overlap with those in line 2; let one end \(`until`\) on the day",
        ),
        (HEAD + "NL,a,2020-01-01,\nNL,b,,\n", 3, "the dates of NL overlap with those in line 2"),
        (HEAD + "NL,a,2024-13-01,\n", 2, "`from` is `2024-13-01`, which is no date; write it as"),
        (HEAD + "NL,a,20241301,\n", 2, "`from` is `20241301`, which is no date"),
        (HEAD + "NL,a,,2023-02-29\n", 2, "`until` is `2023-02-29`, which is no date"),
        (HEAD + "NL,a,2024-01-01,2024-01-01\n", 2, "not after 2024-01-01, when it joins"),
        # groups
        (HEAD + "NL,,,\n", 2, "`` cannot identify a group"),
        (HEAD + "NL,a/b,,\n", 2, "`a/b` cannot identify a group; use up to 64 letters"),
        (HEAD + f"NL,{'a' * 65},,\n", 2, "cannot identify a group"),
        (HEAD + "NL,\x1b[31m,,\n", 2, r"`\[31m` cannot identify a group"),
        (HEAD + "NL,Other,,\n", 2, "Other is what a file does not list"),
        (HEAD + "NL,zz,,\n", 2, "zz is what a file does not list"),
        (HEAD + "NL,north,,\nDE,North,,\n", 3, "North is written north in line 2"),
        ("# group: a = A\n" + HEAD + "NL,aa,,\n", 3, "the group `aa` is unknown; one of a"),
        ("country,group,name\nNL,a,A\nDE,b,\n", 3, "the group b has no name, though others have"),
        ("country,group,name\nNL,a,A\nDE,a,B\n", 3, "the group a is given a second name"),
        ("# group: a\n" + HEAD, 1, "`group` has no name; write it as # group: IDENTIFIER = Name"),
        ("# group: a = \x07\n" + HEAD, 1, "the group a has an empty name"),
        # the form
        (HEAD + "NL,a,\n", 2, "has 3 values where the titles are 4; write all commas"),
        (HEAD + "NL,a,,,\n", 2, "has 5 values where the titles are 4"),
        (HEAD, 0, "has no rows"),
        ("# title: nothing\n\n", 2, "the first title is ``"),
        ("NL,a\nDE,b\n", 1, "the first title is `nl`"),
        ("country;group\nNL;a\n", 1, "the first title is `country;group`"),
        ("member,group\nNL,a\n", 0, "does not say what its members are; add # members: country"),
        ("# members: asn\ncountry,group\nNL,a\n", 2, "the first title is `country`"),
        ("# members: people\nmember,group\nNL,a\n", 0, "members `people` are unknown; one of"),
        ("country,name\nNL,a\n", 1, "there is no column group; the titles are member, group"),
        ("country,group,since\nNL,a,\n", 1, "the column `since` is unknown"),
        ("country,group,group\nNL,a,a\n", 1, "a column is there twice"),
        ('country,group\nNL,"a\n', 2, "is not a CSV"),
        ('country,group\n"NL"x,a\n', 2, "is not a CSV"),
        ("country,group\nNL," + "a" * 140_000 + "\n", 2, "is not a CSV: field larger than"),
        # remarks
        ("# schem: ldc\n" + HEAD, 1, "`schem` is not something a file says of itself; allowed are"),
        ("# title: a\n# Title: b\n" + HEAD, 2, "`title` is said twice"),
        ("# title:\n" + HEAD, 1, "`title` says nothing"),
        ("# dated: June\n" + HEAD + "NL,a,,\n", 0, "`dated` is `June`, which is no date"),
        ("# kind: people\n" + HEAD + "NL,a,,\n", 0, "kind `people` is unknown; one of groups"),
        ("# scheme: lcd\n" + HEAD + "NL,a,,\n", 0, "the scheme `lcd` cannot be defined by a file"),
        ("# scheme: country\n" + HEAD + "NL,a,,\n", 0, "cannot be defined by a file; one of"),
        ("# scheme: custom-A b\n" + HEAD + "NL,a,,\n", 0, "`custom-A b` cannot be defined"),
        ("# scheme: ldc\n# title: x\n" + HEAD + "NL,a,,\n", 0, "does not say its others; every"),
        # encodings
        (b"country,group\nNL,\xe9\n", 2, "is not UTF-8; save it as CSV in UTF-8"),
        ("country,group\nNL,a\n".encode("utf-16"), 1, "holds a zero byte; save it as CSV in UTF-8"),
        (b"country,group\n\nNL,a\x00\n", 3, "holds a zero byte"),
        # countries and users
        ("# kind: countries\ncountry,name\nNL,A\nNL,B\n", 4, "NL is listed twice"),
        ("# kind: countries\ncountry,name\nNL,\x01\n", 3, "NL has no name"),
        ("# kind: countries\ncountry,title\nNL,A\n", 2, "there is no column name"),
        ("# kind: users\ncountry,users\nNL,1\n", 2, "there is no column year"),
        ("# kind: users\ncountry,year,users\nNL,2020,-1\n", 3, "`users` is `-1`; give a whole"),
        ("# kind: users\ncountry,year,users\nNL,2020,1e6\n", 3, "`users` is `1e6`"),
        ("# kind: users\ncountry,year,users\nNL,20,1\n", 3, "`year` is `20`; give a whole number"),
        ("# kind: users\ncountry,year,users\nNL,2020,²\n", 3, "`users` is `²`"),
        (
            "# kind: users\ncountry,year,users\nNL,2020,1\nNL,2020,2\n", 4,
            "NL is there twice for 2020, first in line 3",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_file_its_line_and_the_cure(
    read: Read, content: str | bytes, line: int, message: str
) -> None:
    with pytest.raises(SourceError, match=message) as refusal:
        read(content)
    text = str(refusal.value)
    assert text.startswith("folder/banks.csv" + (f" (line {line}): " if line else ": "))
    assert refusal.value.cure
    assert text.isprintable()
    assert len(text) < 600


def test_one_of_our_schemes_is_of_countries(read: Read) -> None:
    text = OURS.replace("members: country", "members: asn").replace("country,group", "asn,group")
    with pytest.raises(SourceError, match="the scheme ldc is of countries; call it custom-"):
        read(text + "1,ldc,,\n")


@pytest.mark.parametrize("name", ["...csv", "my banks.csv", "-.csv", "päng.csv", "x" * 80 + ".csv"])
def test_a_name_that_cannot_name_a_scheme_needs_one_in_the_file(read: Read, name: str) -> None:
    with pytest.raises(SourceError, match="its name cannot be the name of a scheme; name it"):
        read("country,group\nNL,a\n", name)
    named = read("# scheme: custom-good\ncountry,group\nNL,a\n", name)
    assert grouping(named).scheme == "custom-good"


def test_what_is_enormous_is_refused_before_it_is_taken_apart(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="holds more than 16 MiB; is it a list of groups"):
        read(gzip.compress(bytes(1 << 25), 1))
    monkeypatch.setattr(group_form, "MOST_ROWS", 3)
    rows = "asn,group\n" + "".join(f"{n},a\n" for n in range(3))
    assert len(grouping(read(rows)).memberships) == 3
    with pytest.raises(SourceError, match=r"line 5\): has more than 3 rows"):
        read(rows + "3,a\n")


def test_a_list_that_ends_early_is_refused_whatever_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "banks.csv.gz"
    path.write_bytes(gzip.compress(b"country,group\nNL,a\nDE,a\n", compresslevel=0)[:-12])
    with pytest.raises(TruncatedSource):
        groups.load(LocalFile(path, "banks"), ReadOptions(allow_truncated=True))


def test_many_members_in_many_groups_are_read_in_proportion(read: Read) -> None:
    rows = "".join(f"{n},g{n}\n" for n in range(60_000))  # any square of it would take minutes
    assert len(grouping(read("asn,group\n" + rows)).names) == 60_000


# --------------------------------------------------------------------------------------- any bytes

PIECES = (
    "# scheme: ", "# kind: users\n", "# kind: countries\n", "# members: asn\n", "# group: a = A\n",
    "# dated: 2024-01-01\n", "country,group", ",from,until", ",name", "asn,group\n", "NL,a", ",",
    "2024-01-01", "9999-12-31", "0001-01-01", "\n", "\r\n", '"', "#", "\x00", "\ufeff", "custom-x",
    "ldc", "prefix,group\n", "10.0.0.0/8", "::/0", "AS1", "ZZ", "=", " ", "\x1b[0m", "\u202e",
    "country,year,users\n", "NL,2020,5\n",
)  # fmt: skip
SEEDS = sorted(GROUPS.glob("*.csv"))


def survive(content: bytes) -> None:
    """Read it: a batch or a refusal of one line, and nothing else."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        try:
            batch = groups.load(LocalFile(Path(file.name), "fuzz.csv"), ReadOptions())
        except SourceError as refusal:
            lines = str(refusal).count("\n") + 1
        else:
            lines = 1 if batch.report.rows else 0
        assert lines == 1


@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30)))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(content: bytes | list[str]) -> None:
    survive(content if isinstance(content, bytes) else "".join(content).encode())


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_damaged_lists_are_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        until = at + data.draw(st.sampled_from((0, 1, 3, 40)))
        content[at:until] = data.draw(st.binary(max_size=4))
    survive(bytes(content))


START = date(2024, 1, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("NL", "DE")),
            st.sampled_from(("a", "b")),
            st.one_of(st.none(), st.integers(0, 9)),
            st.one_of(st.none(), st.integers(0, 9)),
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=200, deadline=None)
def test_a_list_is_accepted_just_if_nobody_is_twice_anywhere_on_any_day(
    rows: list[tuple[str, str, int | None, int | None]],
) -> None:
    def day(number: int | None) -> str:
        return "" if number is None else str(START + timedelta(number))

    forwards = all(a is None or b is None or a < b for _, _, a, b in rows)
    on_days = [
        [m for m, _, a, b in rows if (a is None or a <= n) and (b is None or n < b)]
        for n in range(-1, 11)
    ]
    good = forwards and all(x != y for held in on_days for x, y in pairwise(sorted(held)))
    text = HEAD + "".join(f"{m},{g},{day(a)},{day(b)}\n" for m, g, a, b in rows)
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(text.encode())
        file.flush()
        try:
            groups.load(LocalFile(Path(file.name), "dates.csv"), ReadOptions())
        except SourceError:
            assert not good
        else:
            assert good
