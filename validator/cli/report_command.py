"""``originsight report`` from files, and ``originsight verify``: without a service.

The inputs are those that the settings name, read once; days gone by come from the history that the
settings name. Live feeds have no content without a service: it answers with ``--server``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from collectors.base import ReadOptions
from collectors.catalog import Kind, wanted
from collectors.local import find, is_url
from validator.cli.commands import built_in_groups, read_all, steps
from validator.history.moments import Moments
from validator.history.outlines import when
from validator.history.reading import Reader
from validator.history.rebuilding import Groups
from validator.model import SettingsError, SourceError
from validator.pages.facts_common import Sources
from validator.pages.facts_group import NoSuchGroup
from validator.pages.topojson import read_topojson
from validator.pages.world_map import MapInUse
from validator.printing import note, write_whole
from validator.reports import forms
from validator.reports.making import Asked, Evidence, Rules, evidence
from validator.reports.recounting import counted
from validator.reports.verify import Verdict, verify
from validator.settings import file as settings
from validator.settings.file import Settings
from validator.snapshot import Snapshot
from validator.targets import milestones
from validator.targets.milestones import Milestone


def write_report(asked: Mapping[str, Any], form: str, output: Path, config: Path,
                 *, quiet: bool = False) -> None:  # fmt: skip
    """``asked``: ``scheme``, ``group``, ``compare``, ``from``, ``to`` (days or None), ``lang``.

    Raises:
        SettingsError: an argument, or the settings; or what writes the form is not installed.
        NoSuchDay, SourceError: of the history and the inputs.
    """
    forms.check(form)
    chosen = settings.load(config)
    with steps(quiet) as step:
        made = _made(asked, chosen, config, step, quiet=quiet)
        step(f"writing {form}")
        content = forms.written(made, form, asked.get("lang") or "en")
    write_whole(output, content)


def _made(
    asked: Mapping[str, Any], chosen: Settings, config: Path, step: Any, *, quiet: bool
) -> Evidence:
    live = [name for name in ("rtr", "bmp", "ris_live", "mrt_updates") if getattr(chosen, name)]
    if live:
        raise SettingsError(
            f"{config}: [[{live[0]}]] is a live feed, which has no content without a service; "
            "ask the service that follows it: --server URL"
        )
    first, last = asked.get("from"), asked.get("to")
    if first and last and first >= last:
        raise SettingsError(f"--from {first} is not before --to {last}")
    folder = chosen.history.path(chosen.folder)
    if (first or last) and folder is None:
        raise SettingsError(f"{config}: keeps no history; name its folder under [history]")
    if (first or last) and folder is not None and not folder.is_dir():
        raise SettingsError(f"{config}: the folder of its history, {folder}, is not there")
    given = {kind.value: [each.source for each in chosen.of(kind)] for kind in Kind}
    given[Kind.GROUPS.value] = given[Kind.GROUPS.value] or list(built_in_groups())
    inputs = read_all(given, step, allow_truncated=False, as_of=None, quiet=quiet,
                      each=options_of(chosen), fetching=chosen.fetch_limits)  # fmt: skip
    step("validating and counting")
    now = counted(inputs, chosen.rules, int(time.time()), sample=chosen.sample)
    reader = Reader(folder) if folder and folder.is_dir() else None
    moments = Moments(folder, None if reader is None else Standing(now)) if reader else None
    marked = milestones_of(chosen)
    sources = _sources(now, reader, moments, last, chosen, marked)
    before = moments.at(first) if moments and first else None
    question = Asked(asked["scheme"], asked["group"], asked.get("compare") or "", before, first)
    step("making the report")
    try:
        return evidence(sources, question, Rules(chosen.rules))
    except NoSuchGroup as error:
        raise SettingsError(str(error)) from None


class Standing:
    """The groups of the snapshot that was just counted."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot: Snapshot | None = snapshot


def _sources(
    now: Snapshot, reader: Reader | None, moments: Moments | None, last: date | None,
    chosen: Settings, marked: Sequence[Milestone],
) -> Sources:  # fmt: skip
    about = chosen.targets, marked, map_of(chosen)
    if last is None or reader is None or moments is None:
        return Sources(now, reader, None, False, *about)
    snapshot, record = when(reader, moments, last, Groups.of(now))
    return Sources(snapshot, reader, record, True, *about)


def milestones_of(chosen: Settings) -> tuple[Milestone, ...]:
    """Ours, and those of the user's files; one at a URL is the service's to fetch."""
    ours = milestones.built_in()
    local = [each for each in chosen.milestone_sources if not is_url(each)]
    found: set[Milestone] = set()
    for each in (*([str(ours)] if ours else []), *local):
        try:
            found |= {*milestones.load(wanted(Kind.GROUPS, each, find(each)[0]))}
        except SourceError as error:  # no figure rests on them: the report goes on without
            note(f"note: {error}")
    return tuple(sorted(found))


def map_of(chosen: Settings) -> MapInUse:
    """The user's own map; ours if there is none, or something is wrong with it."""
    if not chosen.map_file:
        return MapInUse()
    try:
        shapes = read_topojson(chosen.map_file, chosen.pages.map_credit)
    except SourceError as error:  # no figure rests on it: the report goes on without
        note(f"note: {error}")
        return MapInUse(chosen.map_file, problem=str(error))
    return MapInUse(chosen.map_file, shapes)


def options_of(chosen: Settings) -> dict[str, ReadOptions]:
    """How the settings have each source read; what expires is compared with its own build time."""
    return {
        each.source: replace(chosen.read_options(each, 0), as_of=None)
        for kind in Kind
        for each in chosen.of(kind)
    }


def check(document: Path, folder: Path, history: Path | None, *, quiet: bool) -> Verdict:
    """What is not as the report says; notes are printed.

    Raises:
        SettingsError: the file is no report.
        SourceError: a folder cannot be read.
    """
    import click  # noqa: PLC0415

    try:
        content = document.read_bytes()
    except OSError as error:
        raise SettingsError(f"{document}: cannot be read: {error.strerror}") from None
    with steps(quiet) if not quiet else nullcontext(lambda _: None) as step:
        found = verify(content, folder, history, step, tuple(map(Path, built_in_groups())))
    for each in found.notes:
        click.echo(f"note: {each}", err=True)
    return found
