"""What somebody types into the one search box: an AS number, an address, a prefix, a country, a
region, a class, the name of a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from validator.feed import PerSnapshot
from validator.formats.asked import relaxed_prefix
from validator.groupings import NOBODY, Scheme
from validator.model import OTHERS, Prefix, format_asn, parse_asn
from validator.pages.naming import group_name
from validator.pages.pictures import group_path
from validator.pages.words import Words
from validator.snapshot import Snapshot
from validator.tables.surroundings import routes_around

LONGEST = 200
MOST = 100
_NUMBER = re.compile(r"(?:AS\s?)?([0-9]{1,10})", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9a-fA-F:.]+")


class Found(NamedTuple):
    """Something by that name. ``id`` typed into the box leads straight to ``path``; ``kind`` is
    ``network``, ``prefix``, ``country`` or ``group``."""

    kind: str
    id: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Result:
    """``exact`` is where to go at once, if that is plain; ``found`` what it may be, the likeliest
    first; ``total`` counts all of these."""

    exact: Found | None
    found: tuple[Found, ...]
    total: int


class _Entry(NamedTuple):
    text: str
    """What is looked through: identifier and name, small letters."""
    name: str
    """The name in small letters."""
    found: Found


def _index(snapshot: Snapshot) -> list[_Entry]:
    """Everything that has a name. Of a full table some 100,000 entries, in some 0.2 s."""
    entries = [_entry(each) for each in _groups(snapshot)]
    for number, name in snapshot.names.items():
        asn = f"AS{number}"
        entries.append(_entry(Found("network", asn, name, f"/asn/{asn}")))
    return entries


def _groups(snapshot: Snapshot) -> Iterator[Found]:
    codes = {*snapshot.countries, *snapshot.resources.countries} - {"", NOBODY}
    known = set(snapshot.coverages[Scheme.COUNTRY, snapshot.schemes["country"][0]].groups)
    for code in sorted(codes & known):
        name = snapshot.group_name(Scheme.COUNTRY, code) or code
        yield Found("country", code, name, f"/country/{code}")
    for scheme, attributions in snapshot.schemes.items():
        if scheme in (Scheme.ASN, Scheme.COUNTRY):
            continue
        for group in snapshot.coverages[scheme, attributions[0]].groups:
            if group not in (NOBODY, OTHERS, ""):
                name = snapshot.group_name(scheme, group) or group
                yield Found("group", f"{scheme}/{group}", name, group_path(scheme, group))


def _entry(found: Found) -> _Entry:
    name = found.name.casefold()
    return _Entry(f"{found.id.casefold()} {name}", name, found)


_entries = PerSnapshot(_index)


def search(
    snapshot: Snapshot, sought: str, most: int = MOST, its: Words | None = None
) -> Result:  # fmt: skip
    """What there is by that name, also as it is called in the language of ``its``. On a full table
    some ten milliseconds."""
    text = " ".join(sought.split())
    plain = _number(snapshot, text) or _prefix(snapshot, text)
    if plain is not None:
        return Result(plain, (plain,), 1)
    wanted = text.casefold()
    if not wanted:
        return Result(None, (), 0)
    ranked: list[tuple[int, int, Found]] = []
    for number, entry in enumerate([*_translated(snapshot, its), *_entries.of(snapshot)]):
        if wanted in entry.text:
            ranked.append((_rank(entry, wanted), number, entry.found))
    ranked = _once(sorted(ranked))
    found = tuple(each for _, _, each in ranked[:most])
    best = [each for rank, _, each in ranked if rank == 0] or [
        each for rank, _, each in ranked if rank == 1
    ]
    exact = best[0] if len(best) == 1 else found[0] if len(ranked) == 1 else None
    return Result(exact, found, len(ranked))


def _translated(snapshot: Snapshot, its: Words | None) -> list[_Entry]:
    """The groups that are called otherwise in a language."""
    if its is None or its.language == "en":
        return []
    found = []
    for each in _groups(snapshot):
        scheme = "country" if each.kind == "country" else each.id.partition("/")[0]
        name = group_name(its, scheme, each.id.rpartition("/")[2], each.name)
        if name != each.name:
            found.append(_entry(each._replace(name=name)))
    return found


def _once(ranked: list[tuple[int, int, Found]]) -> list[tuple[int, int, Found]]:
    """Each page once, in its best place."""
    seen: dict[str, tuple[int, int, Found]] = {}
    for each in ranked:
        seen.setdefault(each[2].path, each)
    return list(seen.values())


def _rank(entry: _Entry, wanted: str) -> int:
    """0: its identifier; 1: its name; 2: begins so; 3: a word in it does; 4: has it somewhere."""
    if entry.found.id.casefold() == wanted:
        return 0
    if entry.name == wanted or entry.text.partition(" ")[0].rpartition("/")[2] == wanted:
        return 1
    if entry.name.startswith(wanted):
        return 2
    return 3 if f" {wanted}" in entry.text else 4


def _number(snapshot: Snapshot, text: str) -> Found | None:
    matched = _NUMBER.fullmatch(text)
    if matched is None:
        return None
    try:
        number = parse_asn(matched[1])
    except ValueError:
        return None
    asn = format_asn(number)
    return Found("network", asn, snapshot.names.get(number, ""), f"/asn/{asn}")


def _prefix(snapshot: Snapshot, text: str) -> Found | None:
    """A prefix as it is; an address as the most specific prefix that is announced around it."""
    try:
        if "/" in text:
            prefix = relaxed_prefix(text.replace(" ", ""))
        elif _ADDRESS.fullmatch(text) and (":" in text or text.count(".") == 3):
            prefix = _around(snapshot, relaxed_prefix(f"{text}/{128 if ':' in text else 32}"))
        else:
            return None
    except ValueError:
        return None
    return Found("prefix", str(prefix), "", f"/prefix/{prefix}")


def _around(snapshot: Snapshot, address: Prefix) -> Prefix:
    rows = routes_around(snapshot.routes, address)
    counted = [row for row in rows.less if snapshot.routes.prefix(row).length > 0]
    return address if rows.exact or not counted else snapshot.routes.prefix(counted[0])
