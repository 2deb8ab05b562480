"""Whether a report follows from its inputs: read them by their SHA-256, make it again, compare.

Three looks, from the cheapest to the dearest. Each part against its seal: what was altered after it
was written. Each share against its numerator and denominator. And the whole, made anew from the
inputs with the report's own settings: which figure comes out otherwise. What lies in a history (the
trend, what moved the share) is made anew only if that is at hand; what was not is said.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Batch, Kind, read
from validator.feed import VERSION
from validator.figures.coverage import share
from validator.groupings import Attribution
from validator.history.figures import HEADLINE, Series
from validator.history.reading import Reader
from validator.history.rebuilding import Groups, rebuild
from validator.history.records import NoSuchDay
from validator.history.tables import Tables
from validator.inputs.batches import gather
from validator.model import Family, SettingsError, SourceError
from validator.pages.facts_common import Sources
from validator.pages.facts_group import NoSuchGroup
from validator.reports.differences import called, differences
from validator.reports.making import Asked, Rules, evidence
from validator.reports.recounting import counted, rules_of
from validator.reports.report import FORMAT, Day, Report, Source, Trend, parts_of, seals_of
from validator.snapshot import Snapshot
from validator.targets.milestones import Milestone
from validator.targets.progress import TargetSettings

MOST_FILES = 20_000
"""Of the folder of inputs."""
MOST_SAID = 60
_KINDS = {
    "vrps": Kind.VRPS,
    "slurm": Kind.SLURM,
    "mrt": Kind.ROUTES,
    "route-list": Kind.ROUTES,
    "pyasn": Kind.ROUTES,
    "resources": Kind.RESOURCES,
    "asn-names": Kind.ASN_NAMES,
    "groups": Kind.GROUPS,
}
_OF_HISTORY = ("trend", "milestones", "targets", "changes")
_NO_CHANGES = "not made anew: the change since"
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``differs``: a line for each thing that is not as the report says. ``notes``: what was not
    looked at, and why. ``anew``: whether the report could be made again."""

    differs: tuple[str, ...]
    notes: tuple[str, ...]
    anew: bool = False

    @property
    def equal(self) -> bool:
        return not self.differs


def verify(
    document: bytes, folder: Path, history: Path | None = None, step: Step = lambda _: None,
    ours: Sequence[Path] = (),
) -> Verdict:  # fmt: skip
    """Make a report again from the files in ``folder``, whatever they are called, and compare.
    ``history``: a folder of history, for what the report tells of other days; ``ours``: folders of
    lists that come with the software, which are taken if they have the SHA-256 of an input.

    Raises:
        SettingsError: the document is no report of this form, or its rules make no sense.
        SourceError: the folder cannot be read.
    """
    stored = _decoded(document)
    raw: dict[str, Any] = msgspec.json.decode(document)
    differs, notes = [*_broken_seals(raw), *_wrong_quotients(raw)], list[str]()
    again: Report | None = None
    if stored.version != VERSION:
        notes.append(f"made by version {stored.version}; this is {VERSION}")
    step("looking for the inputs")
    found, missing = _inputs(stored, folder, ours)
    differs += missing
    live = [each for each in stored.sources if each.kind not in _KINDS or not each.sha256]
    if not stored.tables:
        notes.append("not made anew: of that day figures alone are kept, and no routes")
    elif live:
        names = ", ".join(f"{each.kind} {each.source}" for each in live[:5])
        notes.append(f"not made anew: {names} came without a file that could be read again")
    elif len(found) < len(stored.sources):
        notes.append("not made anew: inputs are missing")
    else:
        again, more = _again(stored, found, history, step)
        if again is None:
            differs += more
        else:
            notes += more
            unmade: tuple[str, ...] = _OF_HISTORY if history is None else ()
            if any(each.startswith(_NO_CHANGES) for each in more):
                unmade = ("changes",)
            differs += differences(stored, raw, msgspec.to_builtins(again), unmade)
        if history is None and (stored.trend or stored.changes):
            notes.append("not made anew: the trend, targets and change; --history FOLDER does it")
    more_said = len(differs) - MOST_SAID
    said = differs[:MOST_SAID] + ([f"… and {more_said} more"] if more_said > 0 else [])
    return Verdict(tuple(dict.fromkeys(said)), tuple(dict.fromkeys(notes)), again is not None)


class _Form(msgspec.Struct):
    """What every report says of itself, whatever its form."""

    format: str
    version: str = ""


def _decoded(document: bytes) -> Report:
    try:
        its = msgspec.json.decode(document, type=_Form)
        if its.format.startswith("originsight-report/") and its.format != FORMAT:
            raise SettingsError(
                f"the report's form is {its.format[:40]!r}, and this version reads {FORMAT} alone: "
                f"verify it with the version that made it, {its.version[:40] or 'an older one'}"
            )
        stored = msgspec.json.decode(document, type=Report)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SettingsError(
            f"this is no report of the form {FORMAT}: {str(error)[:200]}; give a report.json"
        ) from None
    if stored.format != FORMAT:
        raise SettingsError(f"the report's form is {stored.format[:40]!r}, not {FORMAT}")
    try:
        datetime.fromtimestamp(stored.created, UTC)
        for day in (stored.subject.since, *(d.day for each in stored.trend for d in each.days)):
            date.fromisoformat(day or "2000-01-01")
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(f"one of the report's days, or created, is no time: {error}") from None
    return stored


# ----------------------------------------------------------------------------- what was altered


def _broken_seals(raw: dict[str, Any]) -> Iterator[str]:
    now, then = seals_of(raw), raw.get("seals", {})
    parts = dict(parts_of(raw))
    for name, seal in now.items():
        if then.get(name) != seal:
            told = msgspec.json.encode(parts[name]).decode()
            short = told if len(told) <= 120 else f"{told[:119]}…"
            yield f"{name}: altered after the report was written; now {short}"
    yield from (f"{name}: was in the report and is gone" for name in then if name not in now)


def _wrong_quotients(raw: Any, place: str = "") -> Iterator[str]:
    """Every ``value`` that has a numerator and a denominator beside it."""
    if isinstance(raw, list):
        for number, each in enumerate(raw):
            yield from _wrong_quotients(each, f"{place} {called(each, number)}")
    elif isinstance(raw, dict):
        if raw.keys() >= {"numerator", "denominator", "value"}:
            part, whole, value = raw["numerator"], raw["denominator"], raw["value"]
            try:
                right = part / whole if whole else None
            except OverflowError:
                right = math.inf
            if right != value and not (right and value and abs(right / value - 1) < 1e-12):
                yield f"{place.strip()}: {part} / {whole} is {right}, not {value}"
        for key, each in raw.items():
            yield from _wrong_quotients(each, f"{place} {key}")


# ------------------------------------------------------------------------------------- the inputs


def _inputs(
    stored: Report, folder: Path, ours: Sequence[Path]
) -> tuple[dict[int, Path], list[str]]:
    """The file of each input, by its number; and what is not there. In place of one that is not, a
    file of the same name is taken, so that it can be said what that makes of the figures."""
    by_hash, by_name = _scan(folder)
    for beside in ours:
        by_hash = {**_scan(beside)[0], **by_hash}
    found, missing = {}, []
    for number, each in enumerate(stored.sources):
        if not each.sha256:
            continue
        path = by_hash.get(each.sha256)
        if path is None:
            name = _name(each.source)
            path, digest = by_name.get(name, (None, ""))
            missing.append(
                f"input {number + 1} ({each.kind} {each.source}): no file in {folder} has the "
                f"SHA-256 {each.sha256}" + (f"; {path.name} there has {digest}" if path else "")
            )
        if path is not None:
            found[number] = path
    return found, missing


def _scan(folder: Path) -> tuple[dict[str, Path], dict[str, tuple[Path, str]]]:
    by_hash: dict[str, Path] = {}
    by_name: dict[str, tuple[Path, str]] = {}
    if not folder.is_dir():
        raise SourceError(str(folder), "is no folder", cure="name the one that has the inputs")
    for path in _files(folder):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SourceError(str(path), f"cannot be read: {error.strerror}") from None
        by_hash.setdefault(digest, path)
        by_name.setdefault(path.name, (path, digest))
    return by_hash, by_name


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file():
                seen += 1
                if seen > MOST_FILES:
                    raise SourceError(
                        str(folder), f"has more than {MOST_FILES:,} files",
                        cure="name a folder that has the inputs and little else",
                    )  # fmt: skip
                yield path


def _name(source: str) -> str:
    return Path(urlsplit(source).path if "://" in source else source).name


# ------------------------------------------------------------------------------------- made anew


def _again(
    stored: Report, found: Mapping[int, Path], history: Path | None, step: Step
) -> tuple[Report | None, list[str]]:
    """The report, made again; or None, and why not."""
    batches: list[Batch] = []
    for number, each in enumerate(stored.sources):
        step(f"reading {each.source}")
        options = ReadOptions(allow_truncated=each.truncated, as_of=each.as_of)
        try:
            batches.append(read(_KINDS[each.kind], LocalFile(found[number], each.source), options))
        except SourceError as error:
            return None, [f"input {number + 1}: {error}"]
    rules = rules_of(stored.settings)
    try:
        inputs = gather(batches)
    except SourceError as error:
        return None, [str(error)]
    step("validating and counting")
    snapshot = counted(inputs, rules, stored.created, sample=stored.sample,
                       generation=stored.generation)  # fmt: skip
    subject, told = stored.subject, _as_told(stored)
    notes: list[str] = []
    before, reader = None, None
    if history is not None:
        reader = _ReaderThen(history, stored) if stored.trend else None
        before = _before(stored, snapshot, history, notes)
    since = date.fromisoformat(subject.since) if subject.since else None
    sources = Sources(snapshot, reader, None, stored.past, _targets(stored), _milestones(stored))
    asked = Asked(subject.scheme, subject.group, subject.compared, before, since)
    try:
        made = evidence(sources, asked, Rules(rules, lambda report: told.get(report.source)))
    except NoSuchGroup as error:
        return None, [str(error)]
    report = made.report
    if reader is not None:
        trend = tuple(_trend(reader, stored, made.facts[Family.IPV4].attribution))
        report = msgspec.structs.replace(report, trend=trend)
    return report, notes


class _ReaderThen(Reader):
    """The history up to the last day that a report tells of: it goes on growing."""

    def __init__(self, folder: Path, stored: Report) -> None:
        super().__init__(folder)
        told = [day.day for each in stored.trend for day in each.days]
        self._last = date.fromisoformat(max(told)) if told else date.min

    def series(
        self, scheme: str, attribution: Attribution, group: str, family: Family,
        first: date | None = None, last: date | None = None, figures: Sequence[str] = (HEADLINE,),
    ) -> Series:  # fmt: skip
        until = min(last or self._last, self._last)
        return super().series(scheme, attribution, group, family, first, until, figures)


def _trend(reader: Reader, stored: Report, by: Attribution) -> Iterator[Trend]:
    """The days that a report tells of, as the history has them: which ones of many are drawn is
    for the version to choose."""
    its, records = stored.subject, reader.days()
    for each in stored.trend:
        days = sorted({date.fromisoformat(day.day) for day in each.days} & set(records))
        found = reader.sums(its.scheme, by, (its.group,), days) if days else {}
        sums = next((f for family, f in found.items() if family.label == each.family), ())
        yield Trend(
            each.family,
            tuple(
                Day(day.isoformat(), part, whole, share(part, whole), records[day].degraded)
                for day, part, whole in sums
            ),
        )


def _as_told(stored: Report) -> dict[str, int | None]:
    return {each.source: each.as_of for each in stored.sources}


def _before(stored: Report, snapshot: Snapshot, history: Path, notes: list[str]) -> Snapshot | None:
    day = stored.subject.since
    if not day:
        return None
    try:
        return rebuild(Tables(history), date.fromisoformat(day), Groups.of(snapshot))
    except (NoSuchDay, ValueError) as error:
        notes.append(f"{_NO_CHANGES} {day}: {error}")
        return None


def _targets(stored: Report) -> tuple[TargetSettings, ...]:
    its = stored.subject
    try:
        return tuple(
            msgspec.convert(
                {"scheme": its.scheme, "group": its.group, "family": each.family,
                 "value": each.value, "year": each.year, "name": each.name[:120]},
                TargetSettings,
            )
            for each in stored.targets
        )  # fmt: skip
    except msgspec.ValidationError as error:
        raise SettingsError(f"targets: {error}") from None


def _milestones(stored: Report) -> tuple[Milestone, ...]:
    try:
        return tuple(
            Milestone(date.fromisoformat(each.day), each.name, "", each.source)
            for each in stored.milestones
        )
    except ValueError as error:
        raise SettingsError(f"milestones: {error}") from None


__all__ = ["Source", "Verdict", "verify"]
