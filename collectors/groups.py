"""Groups of countries, networks or prefixes, names of countries, Internet users: CSV files kept by
hand or made by ``docs/make_groups.py`` (docs/groups.md has the form, config/groups/ ours).

A file begins with remarks, ``# key: value``, that say what it is; then a row of titles; then one
row for each member. All of it is checked, because people edit these files: a mistake is refused
with its line and its cure, and nothing of that file is used. Names come from strangers and go to
terminals and pages: control characters become blanks, and what is longer than
:data:`~collectors.group_form.LONGEST_NAME` is cut.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions
from collectors.countries import parse_country
from collectors.group_form import GroupFile, clean, shown, text_of
from collectors.local import is_url
from validator.model import (
    GroupBatch,
    Grouping,
    InputReport,
    InternetUsers,
    Members,
    Membership,
    Prefix,
    format_asn,
    parse_asn,
)

KIND = "groups"
SCHEMES = frozenset(
    (
        *("ripe-subregion", "m49-region", "m49-subregion", "m49-intermediate"),
        *("ldc", "lldc", "sids", "development", "income"),
    )
)
"""The schemes that we define, all of countries. Others are the user's, and begin ``custom-``."""

GROUPS, COUNTRIES, USERS = KINDS = ("groups", "countries", "users")
"""What a file can hold: its ``# kind:``."""

_OURS_SAY = ("title", "others", "source", "licence", "dated")
_CUSTOM = re.compile(r"custom-[a-z0-9]+(-[a-z0-9]+)*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CSV = re.compile(r"\.csv(\.(gz|bz2|xz))?$", re.IGNORECASE)
_MEMBERS = tuple(each.value for each in Members)


def load(file: LocalFile, options: ReadOptions) -> GroupBatch:
    """Read one file.

    Raises:
        SourceError: unreadable, or anything in it is wrong. A file that ends early is refused
            whatever ``options`` allow: half a list of members gives wrong figures.
    """
    archive = Archive(file, replace(options, allow_truncated=False))
    given = GroupFile(file.source, text_of(file.source, archive.read()))
    rows = given.rows()
    titles = [title.lower() for title in next(rows, [])]
    kind = given.said.get("kind", GROUPS)
    if kind not in KINDS:
        raise given.wrong(f"kind {shown(kind)} is unknown", f"one of {', '.join(KINDS)}", 0)
    grouping: Grouping | None = None
    countries: dict[str, str] = {}
    users: dict[str, InternetUsers] = {}
    if kind == GROUPS:
        grouping = _grouping(given, file, titles, rows)
        count = len(grouping.memberships)
    elif kind == COUNTRIES:
        countries = _countries(given, titles, rows)
        count = len(countries)
    else:
        count, users = _users(given, titles, rows)
    if not count:
        raise given.wrong("has no rows", "give at least one under the titles", 0)
    report = InputReport(file.source, KIND, archive.sha256, count, sample=given.sample)
    return GroupBatch(grouping, countries, users, report)


# ----------------------------------------------------------------------------------------- groups


def _grouping(
    given: GroupFile, file: LocalFile, titles: list[str], rows: Iterator[list[str]]
) -> Grouping:
    scheme = _scheme(given)
    members, columns = _columns(given, titles)
    if scheme in SCHEMES:
        _check_ours(given, members)
    declared = frozenset(given.names)
    memberships: list[Membership] = []
    spans: dict[str, list[tuple[date, date, int]]] = {}
    used: dict[str, int] = {}
    spelt: dict[str, str] = {}
    for row in rows:
        value = dict(zip(columns, row, strict=True))
        member, group, line = _member(given, members, value["member"]), value["group"], given.line
        if group not in used:
            _check_new_group(given, group, declared)
            twin = spelt.setdefault(group.lower(), group)
            if twin != group:
                raise given.wrong(
                    f"the group {group} is written {twin} in line {used[twin]}", "write it one way"
                )
            used[group] = line
        if value.get("name"):
            given.name_group(group, value["name"])
        since = _date(given, "from", value.get("from", ""))
        until = _date(given, "until", value.get("until", ""))
        if since and until and until <= since:
            raise given.wrong(
                f"{member} leaves {group} on {until}, which is not after {since}, when it joins",
                "`until` is the first day on which it does not belong to the group",
            )
        memberships.append(Membership(member, group, since, until))
        spans.setdefault(member, []).append((since or date.min, until or date.max, line))
    _check_dates(given, spans)
    _check_names(given, used)
    said = given.said
    return Grouping(
        scheme,
        said.get("title", scheme.removeprefix("custom-")),
        members,
        given.names or {group: group for group in used},
        tuple(memberships),
        said.get("others", "Not listed"),
        said.get("source", "not stated"),
        said.get("licence", "not stated"),
        _dated(given, file),
    )


def is_csv(source: str) -> bool:
    """Whether its name says so."""
    return _CSV.search(_name(source)) is not None


def _name(source: str) -> str:
    """The name of a file, from its path or URL."""
    path = urlsplit(source).path if is_url(source) else source
    return path.rpartition("/")[2]


def _scheme(given: GroupFile) -> str:
    """What the file says, or else its name with ``custom-`` before it."""
    said = given.said.get("scheme")
    if said is not None:
        if said in SCHEMES or (_CUSTOM.fullmatch(said) and len(said) <= 64):
            return said
        raise given.wrong(
            f"the scheme {shown(said)} cannot be defined by a file",
            f"one of {', '.join(sorted(SCHEMES))}, or custom- and small letters, digits and -",
            0,
        )
    scheme = "custom-" + _CSV.sub("", _name(given.source)).lower().replace("_", "-")
    if not _CUSTOM.fullmatch(scheme) or len(scheme) > 64:
        raise given.wrong(
            "its name cannot be the name of a scheme",
            "name it with letters, digits and - (such as my-banks.csv), or say # scheme: custom-…",
            0,
        )
    return scheme


def _columns(given: GroupFile, titles: list[str]) -> tuple[Members, list[str]]:
    """What the members are, and the titles with ``member`` for the first."""
    said = given.said.get("members")
    if said is not None and said not in _MEMBERS:
        raise given.wrong(f"members {shown(said)} are unknown", f"one of {', '.join(_MEMBERS)}", 0)
    first = titles[0] if titles else ""
    if first == "member" and said is None:
        raise given.wrong(
            "does not say what its members are", "add # members: country (or asn, or prefix)", 0
        )
    if first not in ("member", *_MEMBERS) or (said and first not in ("member", said)):
        raise given.wrong(
            f"the first title is {shown(first)}",
            f"the titles are {said or '`country`, `asn` or `prefix`'}, group and, if need be, "
            "name, from, until, note",
        )
    columns = ["member", *titles[1:]]
    _check_titles(given, columns, ("member", "group"), ("name", "from", "until", "note"))
    return Members(said or first), columns


def _check_titles(
    given: GroupFile, titles: Sequence[str], needed: Sequence[str], possible: Sequence[str]
) -> None:
    missing = [title for title in needed if title not in titles]
    strange = [title for title in titles if title not in (*needed, *possible)]
    if missing or strange or len(set(titles)) < len(titles):
        problem = (
            f"there is no column {missing[0]}" if missing
            else f"the column {shown(strange[0])} is unknown" if strange
            else "a column is there twice"
        )  # fmt: skip
        raise given.wrong(problem, f"the titles are {', '.join((*needed, *possible))}")


def _check_ours(given: GroupFile, members: Members) -> None:
    """That a scheme of ours says where it is from."""
    missing = [key for key in _OURS_SAY if key not in given.said]
    if missing or not given.names:
        key = missing[0] if missing else "group"
        cure = "every list but the user's own says " + ", ".join((*_OURS_SAY, "group"))
        raise given.wrong(f"does not say its {key}", cure, 0)
    if members is not Members.COUNTRIES:
        raise given.wrong(
            f"the scheme {given.said['scheme']} is of countries", "call it custom-…", 0
        )


def _member(given: GroupFile, members: Members, text: str) -> str:
    try:
        if members is Members.COUNTRIES:
            return parse_country(text)
        if members is Members.NETWORKS:
            return format_asn(parse_asn(text))
        prefix = Prefix.parse(text)
    except ValueError as error:
        cure = {
            Members.COUNTRIES: str(error),
            Members.NETWORKS: "give a number such as AS64496",
            Members.PREFIXES: "give it such as 192.0.2.0/24, with no bit set beyond its length",
        }[members]
        problem = "country" if members is Members.COUNTRIES else "network"
        problem = "prefix" if members is Members.PREFIXES else problem
        raise given.wrong(f"the {problem} {shown(text)} is unknown", cure) from None
    if prefix.length > 64:
        raise given.wrong(f"{prefix} is longer than /64", "space is counted in /64s: list that")
    return str(prefix)


def _check_new_group(given: GroupFile, group: str, declared: frozenset[str]) -> None:
    if declared and group not in declared:
        known = ", ".join(sorted(declared)[:12])
        raise given.wrong(f"the group {shown(group)} is unknown", f"one of {known}")
    given.check_group(group)


def _check_dates(given: GroupFile, spans: dict[str, list[tuple[date, date, int]]]) -> None:
    """That nobody belongs to two groups, or twice to one, on any day."""
    for member, held in spans.items():
        held.sort()
        for before, after in itertools.pairwise(held):
            if after[0] >= before[1]:
                continue
            first, second = sorted((before[2], after[2]))
            if before[:2] == after[:2] == (date.min, date.max):
                raise given.wrong(
                    f"{member} is listed twice, first in line {first}", "leave one out", second
                )
            raise given.wrong(
                f"the dates of {member} overlap with those in line {first}",
                "let one end (`until`) on the day on which the next begins (`from`), or before",
                second,
            )


def _check_names(given: GroupFile, used: dict[str, int]) -> None:
    """That all groups have names, if any has."""
    nameless = [group for group in used if given.names and group not in given.names]
    if nameless:
        raise given.wrong(
            f"the group {nameless[0]} has no name, though others have",
            "is it misspelt? else give it one, in the column name",
            used[nameless[0]],
        )


def _date(given: GroupFile, title: str, text: str) -> date | None:
    if not text:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise given.wrong(f"`{title}` is {shown(text)}, which is no date", "write it as 2024-12-13")


def _dated(given: GroupFile, file: LocalFile) -> date:
    """As of when it is complete: what it says, or the day on which it was written."""
    said = given.said.get("dated")
    if said is not None:
        given.line = 0  # it stands before the rows
        return _date(given, "dated", said) or date.min
    try:
        return datetime.fromtimestamp(file.path.stat().st_mtime, UTC).date()
    except (OSError, OverflowError, ValueError):
        return date.min


# ---------------------------------------------------------------------------- countries and users


def _countries(given: GroupFile, titles: list[str], rows: Iterator[list[str]]) -> dict[str, str]:
    _check_titles(given, titles, ("country", "name"), ("alpha3", "m49", "note"))
    names: dict[str, str] = {}
    for row in rows:
        value = dict(zip(titles, row, strict=True))
        country, name = _member(given, Members.COUNTRIES, value["country"]), clean(value["name"])
        if country in names:
            raise given.wrong(f"{country} is listed twice", "leave one out")
        if not name:
            raise given.wrong(f"{country} has no name", "give it one")
        names[country] = name
    return names


def _users(
    given: GroupFile, titles: list[str], rows: Iterator[list[str]]
) -> tuple[int, dict[str, InternetUsers]]:
    """How many rows there are, and the latest year of each country."""
    _check_titles(given, titles, ("country", "year", "users"), ("note",))
    years: dict[tuple[str, int], int] = {}
    latest: dict[str, InternetUsers] = {}
    for row in rows:
        value = dict(zip(titles, row, strict=True))
        country = _member(given, Members.COUNTRIES, value["country"])
        year = _whole(given, "year", value["year"], 1980, 2200)
        users = _whole(given, "users", value["users"], 0, 10**10)
        if (country, year) in years:
            line = years[country, year]
            raise given.wrong(
                f"{country} is there twice for {year}, first in line {line}", "leave one out"
            )
        years[country, year] = given.line
        if country not in latest or year > latest[country].year:
            latest[country] = InternetUsers(users, year)
    return len(years), latest


def _whole(given: GroupFile, title: str, text: str, least: int, most: int) -> int:
    plain = text.isascii() and text.isdigit() and len(text) <= 12
    if not plain or not least <= int(text) <= most:
        raise given.wrong(
            f"`{title}` is {shown(text)}", f"give a whole number from {least} to {most}"
        )
    return int(text)
