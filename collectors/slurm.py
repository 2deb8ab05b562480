"""Local exceptions of the operator: the prefix part of SLURM files (RFC 8416).

Such a file changes what is valid, so it is read strictly: "JSON members that are not defined here
MUST NOT be used", and any deviation is an error (RFC 8416 section 3.1); so is a name given twice,
where one of the two would go unheard. Errors name the JSON path. Part of a file is never used.

BGPsec elements, and the ASPA elements of version 2 (an Internet-Draft), are counted and left alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from collectors.archive import Archive
from collectors.base import LocalFile, ReadOptions, SourceError, TruncatedSource
from validator.model import (
    LARGEST_ASN,
    InputReport,
    Prefix,
    Slurm,
    SlurmAssertion,
    SlurmFilter,
)

KIND = "slurm"

LARGEST_BYTES = 1 << 24
"""A hundred thousand exceptions. These files are written by people, and become Python objects."""

_FILTERS, _ASSERTIONS = "validationOutputFilters", "locallyAddedAssertions"
_CURE = "correct it: RFC 8416 allows no deviation"


def load(file: LocalFile, options: ReadOptions) -> Slurm:
    """Read one file.

    Raises:
        SourceError: unreadable, or not what RFC 8416 section 3 describes; TruncatedSource: cut off
            (whatever ``options.allow_truncated`` says).
    """
    limits = replace(
        options, allow_truncated=False, max_bytes=min(options.max_bytes, LARGEST_BYTES)
    )
    archive = Archive(file, limits)
    reader = _Reader(file.source)
    document = reader.document(archive.read())
    filters, assertions, notes = reader.slurm(document)
    rows = len(filters) + len(assertions)
    report = InputReport(file.source, KIND, archive.sha256, rows, notes=tuple(notes))
    return Slurm(tuple(filters), tuple(assertions), (report,))


def merge(slurms: Sequence[Slurm]) -> Slurm:
    """The union of several files (RFC 8416 section 4.2).

    Raises:
        SourceError: an address lies under prefixes of two files. The whole set is refused then, as
            that section demands, filters and assertions alike.
    """
    named: list[tuple[Prefix, str, int]] = []
    for number, slurm in enumerate(slurms):
        source = slurm.reports[0].source if slurm.reports else f"file {number + 1}"
        wanted = [each.prefix for each in slurm.filters if each.prefix is not None]
        wanted += [each.prefix for each in slurm.assertions]
        named += [(prefix, source, number) for prefix in wanted]
    named.sort(key=lambda entry: entry[0])
    # In order, each prefix follows those that cover it. While there is no conflict, all that cover
    # a prefix are of one file, so the nearest speaks for them.
    open_: list[tuple[Prefix, str, int]] = []
    for entry in named:
        prefix, source, number = entry
        while open_ and not open_[-1][0].covers(prefix):
            open_.pop()
        if open_ and open_[-1][2] != number:
            other, other_source, _ = open_[-1]
            raise SourceError(
                source,
                f"{prefix} overlaps {other} of {other_source}",
                cure="put all that concerns these addresses into one SLURM file "
                "(RFC 8416 section 4.2)",
            )
        open_.append(entry)
    return Slurm(
        tuple(each for slurm in slurms for each in slurm.filters),
        tuple(each for slurm in slurms for each in slurm.assertions),
        tuple(report for slurm in slurms for report in slurm.reports),
    )


class _Reader:
    """Checks one document, and knows whose it is when it complains."""

    def __init__(self, source: str) -> None:
        self._source = source

    def document(self, raw: bytes) -> Any:
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode()
            return json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant)
        except UnicodeDecodeError as error:
            raise SourceError(
                self._source, "not a SLURM file: not UTF-8", place=f"byte {error.start}"
            ) from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            if error.pos >= len(text.rstrip()):
                raise TruncatedSource(
                    self._source,
                    "the JSON ends early",
                    place=place,
                    cure="get the whole file: part of a SLURM file is never used",
                ) from None
            raise SourceError(
                self._source, f"not a SLURM file: {error.msg}", place=place, cure="expected JSON"
            ) from None
        except ValueError as error:
            raise SourceError(self._source, f"not a SLURM file: {error}", cure=_CURE) from None
        except RecursionError:
            raise SourceError(self._source, "not a SLURM file: nested too deeply") from None

    def slurm(self, document: Any) -> tuple[list[SlurmFilter], list[SlurmAssertion], list[str]]:
        self._object(document, "$", required=("slurmVersion", _FILTERS, _ASSERTIONS))
        version = document["slurmVersion"]
        if type(version) is not int or version not in (1, 2):
            self._refuse("$.slurmVersion", f"{_shown(version)} is not a version we know: 1 or 2")
        notes: list[str] = []
        parts: dict[str, list[Any]] = {}
        for part, word in ((_FILTERS, "Filters"), (_ASSERTIONS, "Assertions")):
            path = f"$.{part}"
            kinds = ["bgpsec", "aspa"] if version == 2 else ["bgpsec"]
            optional = [kind + word for kind in kinds]
            self._object(document[part], path, required=(f"prefix{word}",), optional=optional)
            for name in (f"prefix{word}", *optional):
                parts[name] = self._array(document[part].get(name, []), f"{path}.{name}")
            for name in optional:
                if parts[name]:
                    notes.append(f"{len(parts[name])} {name} are not applied")
        filters = [
            self._filter(element, f"$.{_FILTERS}.prefixFilters[{i}]")
            for i, element in enumerate(parts["prefixFilters"])
        ]
        assertions = [
            self._assertion(element, f"$.{_ASSERTIONS}.prefixAssertions[{i}]")
            for i, element in enumerate(parts["prefixAssertions"])
        ]
        return filters, assertions, notes

    def _filter(self, element: Any, path: str) -> SlurmFilter:
        """RFC 8416 section 3.3.1."""
        self._object(element, path, optional=("prefix", "asn", "comment"))
        prefix = self._prefix(element, path) if "prefix" in element else None
        asn = self._asn(element, path) if "asn" in element else None
        if prefix is None and asn is None:
            self._refuse(path, "has neither a prefix nor an asn")
        return SlurmFilter(prefix, asn, self._comment(element, path))

    def _assertion(self, element: Any, path: str) -> SlurmAssertion:
        """RFC 8416 section 3.4.1."""
        self._object(
            element, path, required=("prefix", "asn"), optional=("maxPrefixLength", "comment")
        )
        prefix, asn = self._prefix(element, path), self._asn(element, path)
        longest = element.get("maxPrefixLength", prefix.length)
        if type(longest) is not int or not prefix.length <= longest <= prefix.family.bits:
            self._refuse(
                f"{path}.maxPrefixLength",
                f"{_shown(longest)} is not a whole number from {prefix.length} "
                f"to {prefix.family.bits}",
            )
        return SlurmAssertion(prefix, asn, longest, self._comment(element, path))

    def _prefix(self, element: dict[str, Any], path: str) -> Prefix:
        text = element["prefix"]
        if not isinstance(text, str):
            self._refuse(f"{path}.prefix", f"{_shown(text)} is not a string")
        try:
            return Prefix.parse(text)
        except ValueError as error:
            bits = "host bits" in str(error)
            problem = "has bits set beyond its length" if bits else "is not a prefix"
            self._refuse(f"{path}.prefix", f"{_shown(text)} {problem}")

    def _asn(self, element: dict[str, Any], path: str) -> int:
        asn = element["asn"]
        if type(asn) is not int or not 0 <= asn <= LARGEST_ASN:
            self._refuse(f"{path}.asn", f"{_shown(asn)} is not a whole number of 32 bits")
        return int(asn)

    def _comment(self, element: dict[str, Any], path: str) -> str:
        comment = element.get("comment", "")
        if not isinstance(comment, str):
            self._refuse(f"{path}.comment", f"{_shown(comment)} is not a string")
        return comment

    def _array(self, value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            self._refuse(path, "is not an array")
        return value

    def _object(
        self, value: Any, path: str, *, required: Sequence[str] = (), optional: Sequence[str] = ()
    ) -> None:
        if not isinstance(value, dict):
            self._refuse(path, "is not an object")
        for name in value:
            if name not in required and name not in optional:
                self._refuse(path, f"has a member {_shown(name)} that RFC 8416 does not define")
        for name in required:
            if name not in value:
                self._refuse(path, f"lacks the member {name!r}")

    def _refuse(self, path: str, problem: str) -> NoReturn:
        raise SourceError(self._source, problem, place=path, cure=_CURE)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"an object has the member {_shown(name)} twice")
        members[name] = value
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _shown(value: Any) -> str:
    """A value of the file, short and fit for a terminal."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 1 << 64:
        return "a huge number"
    return ascii(value) if not isinstance(value, str) or len(value) <= 60 else ascii(value[:60])
