"""The form of the files about groups: remarks that say what a file is, titles, rows.

What a file says of itself stands before its titles, as ``# key: value``; docs/groups.md has the
list. This knows lines, remarks and rows; :mod:`collectors.groups` knows what they mean.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors.base import SourceError
from validator.model import GROUP_IDENTIFIER, OTHERS

LONGEST_NAME = 256
LONGEST_REMARK = 2048
MOST_BYTES = 1 << 24
MOST_ROWS = 1 << 19

_KEYS = ("kind", "scheme", "title", "members", "group", "others", "source", "licence", "dated",
         "note")  # fmt: skip
_MANY = ("group", "note")
_RESERVED = (OTHERS, "zz")
_REMARK = re.compile(r"#\s*([A-Za-z][A-Za-z-]*)\s*:(?!//)\s*(.*)")
_IDENTIFIER = re.compile(GROUP_IDENTIFIER)


@dataclass(slots=True)
class GroupFile:
    """One file as it is read: what its remarks say, and its rows with the lines they end on."""

    source: str
    text: Iterator[str]
    line: int = 0
    begun: bool = False
    said: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    sample: bool = False

    def wrong(self, problem: str, cure: str, line: int | None = None) -> SourceError:
        """``line``: 0 for the file as a whole, None for the line that was read last."""
        number = self.line if line is None else line
        return SourceError(
            self.source, problem, place=f"line {number}" if number else "", cure=cure
        )

    def lines(self) -> Iterator[str]:
        """Those that are not remarks."""
        for line in self.text:
            self.line += 1
            if line.startswith("#"):
                if not self.begun:
                    self._remark(line.strip())
            elif self.begun or line.strip(" ,;\t\n"):
                self.begun = True
                yield line

    def _remark(self, line: str) -> None:
        if line.startswith("# SAMPLE"):
            self.sample = True
            return
        parts = _REMARK.fullmatch(line)
        if parts is None:
            return
        key, value = parts[1].lower(), clean(parts[2], LONGEST_REMARK)
        if key not in _KEYS:
            raise self.wrong(
                f"{shown(key)} is not something a file says of itself",
                f"allowed are {', '.join(_KEYS)}; begin other remarks with # note:",
            )
        if key in self.said and key not in _MANY:
            raise self.wrong(f"`{key}` is said twice", "say it once")
        if not value:
            raise self.wrong(f"`{key}` says nothing", "say something, or leave the line out")
        self.said[key] = value
        if key == "group":
            group, equals, name = value.partition("=")
            if not equals:
                raise self.wrong("`group` has no name", "write it as # group: IDENTIFIER = Name")
            self.name_group(group.strip(), name)

    def name_group(self, group: str, name: str) -> None:
        """Note the name of a group, which is an identifier and stays the same."""
        self.check_group(group)
        name = clean(name)
        if not name:
            raise self.wrong(f"the group {group} has an empty name", "give it one")
        if self.names.setdefault(group, name) != name:
            raise self.wrong(f"the group {group} is given a second name", "name it once")

    def check_group(self, group: str) -> None:
        """That it can be the identifier of a group."""
        if not _IDENTIFIER.fullmatch(group):
            raise self.wrong(
                f"{shown(group)} cannot identify a group",
                "use up to 64 letters (a to z), digits, blanks and . _ + - and put what people are "
                "to read into the column name",
            )
        if group.lower() in _RESERVED:
            raise self.wrong(
                f"{group} is what a file does not list",
                "leave such rows out; # others: NAME names the rest",
            )

    def rows(self) -> Iterator[list[str]]:
        """The rows after the titles, trimmed, each with as many values as there are titles."""
        reader = csv.reader(self.lines(), strict=True)
        width = 0
        try:
            for number, row in enumerate(filter(any, reader)):
                width = width or len(row)
                if len(row) != width:
                    raise self.wrong(
                        f"has {len(row)} values where the titles are {width}",
                        'write all commas, and put text with a comma into "quotes"',
                    )
                if number > MOST_ROWS:
                    raise self.wrong(f"has more than {MOST_ROWS:,} rows", "is it the right file?")
                yield [value.strip() for value in row]
        except csv.Error as error:
            raise self.wrong(f"is not a CSV: {error}", "see to its quotation marks") from None


def text_of(source: str, raw: bytes) -> Iterator[str]:
    """The content as text, line by line, whichever way lines end."""
    if len(raw) > MOST_BYTES:
        raise SourceError(
            source, f"holds more than {MOST_BYTES >> 20} MiB", cure="is it a list of groups?"
        )
    for bad, what in ((raw.find(b"\0"), "holds a zero byte"), (_not_utf8(raw), "is not UTF-8")):
        if bad >= 0:
            place = f"line {raw.count(10, 0, bad) + 1}"
            raise SourceError(source, what, place=place, cure="save it as CSV in UTF-8")
    return io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline=None)


def _not_utf8(raw: bytes) -> int:
    """Where the first byte lies that is not UTF-8; -1 if there is none."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return -1


def clean(text: str, longest: int = LONGEST_NAME) -> str:
    """Foreign text made fit to show: printable, on one line, cut."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:longest]


def shown(text: str) -> str:
    """Foreign text within a message."""
    return f"`{clean(text[:200], 40)}`"
