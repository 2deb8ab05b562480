"""``originsight change`` from a folder of history: what moved a share between two days, without a
service. The days are rebuilt from the tables that the history keeps beside its figures; who belongs
to a class of countries on each is what the lists say, those of the settings or of Originsight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collectors.catalog import Kind
from validator.change import text as change_text
from validator.cli.commands import built_in_groups, read_all, steps
from validator.groupings import Scheme
from validator.history.rebuilding import Groups, rebuild
from validator.history.records import NoSuchDay
from validator.history.tables import Tables
from validator.model import SettingsError
from validator.printing import write_reply
from validator.settings import file as settings
from validator.web.answers import Refusal
from validator.web.change import NAMES, parse
from validator.web.change_described import describe


def show_change(
    asked: Mapping[str, Any],
    form: str,
    output: Path | None,
    *,
    folder: Path | None = None,
    config: Path | None = None,
    groups: Sequence[str] = (),
    quiet: bool = False,
) -> None:
    """``asked``: ``scheme``, ``group``, and what the query of ``/api/v1/change/{scheme}/{group}``
    takes, each as the command line has it, or None. ``folder`` of history, or ``config``, the
    settings that name it and the lists of groups; ``groups``: further lists. The days are by
    default the first and the last there are.

    Raises:
        SettingsError: an argument is not allowed, or the settings keep no history.
        NoSuchDay: a day is not kept.
        SourceError: the history cannot be read.
    """
    lists = (*built_in_groups(), *groups)
    if config is not None:
        chosen = settings.load(config)
        folder = chosen.history.path(chosen.folder)
        lists = (*(each.source for each in chosen.of(Kind.GROUPS)), *groups)
        if folder is None:
            raise SettingsError(f"{config}: keeps no history; name its folder under [history]")
    assert folder is not None
    given = {
        name: str(value) for name, value in asked.items() if name in NAMES and value is not None
    }
    try:
        question = parse(given)
        with steps(quiet) as step:
            known = _groups(asked["scheme"], lists, quiet=quiet)
            tables = Tables(folder)
            days = tuple(tables.days())
            if not days:
                raise NoSuchDay(f"{folder}: keeps no day that can be rebuilt")
            ends = question.first or days[0], question.last or days[-1]
            snapshots = []
            for day in ends:
                step(f"rebuilding {day}")
                snapshots.append(rebuild(tables, day, known))
            before, after = snapshots
            step("comparing")
            its = question.question(after, asked["scheme"], asked["group"], given)
            reply = describe(before, after, its, question.limit, ends)
    except Refusal as error:
        raise SettingsError(error.message) from None
    write_reply(output, reply, form, change_text.write_csv, change_text.print_change)


def _groups(scheme: str, sources: Sequence[str], *, quiet: bool) -> Groups:
    """What files say of the groups of one scheme, and what countries are called: what no figure
    needs is not counted.

    Raises:
        SettingsError: there is no such scheme.
    """
    batches = read_all(
        {Kind.GROUPS.value: sources}, allow_truncated=False, as_of=None, quiet=quiet
    ).groups
    listed = {each.grouping.scheme: each.grouping for each in batches if each.grouping}
    if scheme not in (*Scheme, *listed):
        every = ", ".join([*Scheme, *sorted(listed)])
        raise SettingsError(f"--scheme: no scheme is called {scheme!r}; there are {every}")
    countries: dict[str, str] = {}
    for each in batches:
        countries |= each.countries
    return Groups({scheme: listed[scheme]} if scheme in listed else {}, countries)
